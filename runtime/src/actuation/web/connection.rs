//! Connections that cannot be used up: there are only so many, and none is kept for a visitor who does not take part.

use std::io::{self, ErrorKind, IoSlice};
use std::net::{SocketAddr, TcpListener};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, Sleep};

/// How long a visitor may take to ask, or to take something of the answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// How much a visitor may send before anything is answered.
const MOST_ASKED_BYTES: usize = 64 * 1024;

/// How much of an answer the system may keep for a slow visitor: a few pictures, so that what is seen is not old.
const SEND_BUFFER_BYTES: u32 = 128 * 1024;

/// Connections beside those of the viewers, for pages, metrics and requests.
const CONNECTIONS_BESIDE: usize = 16;

/// How long to wait when the system has no more room for a connection.
const NO_ROOM: Duration = Duration::from_millis(200);

/// Takes an address.
pub(super) fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    // A socket belongs to a runtime only once it listens for one; `Gate` hands it over.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    let _inside = runtime.enter();
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    socket.set_reuseaddr(true)?;
    socket.set_send_buffer_size(SEND_BUFFER_BYTES)?;
    socket.bind(address)?;
    socket.listen(128)?.into_std()
}

/// Lets visitors in while there are places.
pub(super) struct Gate {
    listener: tokio::net::TcpListener,
    places: Arc<Semaphore>,
}

impl Gate {
    /// With places for so many who watch the picture, and as many who follow the events.
    pub(super) fn new(listener: TcpListener, viewers: usize) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        Ok(Self {
            listener: tokio::net::TcpListener::from_std(listener)?,
            places: Arc::new(Semaphore::new(2 * viewers + CONNECTIONS_BESIDE)),
        })
    }
}

impl Listener for Gate {
    type Io = Connection;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Connection, SocketAddr) {
        loop {
            let place = self.places.clone().acquire_owned().await;
            match (self.listener.accept().await, place) {
                (Ok((stream, address)), Ok(place)) => return (Connection::new(stream, place), address),
                (Err(error), _) if error.kind() == ErrorKind::ConnectionAborted => {}
                _ => tokio::time::sleep(NO_ROOM).await,
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

/// One visitor's connection.
pub(super) struct Connection {
    stream: TcpStream,
    congestion: Congestion,
    patience: Pin<Box<Sleep>>,
    asked_bytes: usize,
    _place: OwnedSemaphorePermit,
}

impl Connection {
    fn new(stream: TcpStream, place: OwnedSemaphorePermit) -> Self {
        // Small answers go out at once; where that cannot be had they are merely a little late.
        let _ = stream.set_nodelay(true);
        Self {
            stream,
            congestion: Congestion::default(),
            patience: Box::pin(tokio::time::sleep(PATIENCE)),
            asked_bytes: 0,
            _place: place,
        }
    }

    /// Waits on, or ends a connection on which nothing moved for too long.
    fn bear<T>(&mut self, context: &mut Context<'_>) -> Poll<io::Result<T>> {
        let patience = self.patience.as_mut();
        patience.poll(context).map(|()| Err(ErrorKind::TimedOut.into()))
    }

    fn after_write(&mut self, written: Poll<io::Result<usize>>, context: &mut Context<'_>) -> Poll<io::Result<usize>> {
        self.congestion.0.store(written.is_pending(), Ordering::Relaxed);
        match written {
            Poll::Pending => self.bear(context),
            Poll::Ready(Ok(bytes)) if bytes > 0 => {
                self.asked_bytes = 0;
                self.patience.as_mut().reset(Instant::now() + PATIENCE);
                written
            }
            Poll::Ready(_) => written,
        }
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        match Pin::new(&mut self.stream).poll_read(context, buffer) {
            Poll::Pending => self.bear(context),
            Poll::Ready(Ok(())) => {
                self.asked_bytes += buffer.filled().len() - before;
                let is_too_much = self.asked_bytes > MOST_ASKED_BYTES;
                Poll::Ready(if is_too_much {
                    Err(ErrorKind::InvalidData.into())
                } else {
                    Ok(())
                })
            }
            failed => failed,
        }
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.after_write(written, context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, parts);
        self.after_write(written, context)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

/// Whether a visitor has not yet taken what was sent: then better nothing more than something old later.
#[derive(Debug, Clone, Default)]
pub(super) struct Congestion(Arc<AtomicBool>);

impl Congestion {
    pub(super) fn is_there(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

impl Connected<IncomingStream<'_, Gate>> for Congestion {
    fn connect_info(stream: IncomingStream<'_, Gate>) -> Self {
        stream.io().congestion.clone()
    }
}
