//! The live picture as JPEGs, drawn and encoded once for all viewers, in a thread of its own, while there are any.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use axum::body::Bytes;
use futures_util::stream::{self, Stream};
use lookhear_board::{Frame, Picture};
use tokio::sync::{OwnedSemaphorePermit, watch};

use super::WebSettings;
use super::connection::Congestion;
use crate::actuation::preview::Preview;
use crate::actuation::status::Status;
use crate::exchange::{Bulletin, Pulse, Viewfinder};
use crate::perception::manifest::PictureInput;

/// Stands between the pictures of a stream.
const BOUNDARY: &str = "lookhear-picture";

/// What a stream calls itself.
pub(super) const STREAM_TYPE: &str = "multipart/x-mixed-replace; boundary=lookhear-picture";

/// Quality of 100: the picture moves, and must go over a weak wireless network.
const JPEG_QUALITY: u8 = 75;

/// How long to wait for a viewer, or a frame, before looking for the word to stop.
const TURN: Duration = Duration::from_millis(100);

/// After how long without a frame the last is shown no more: it would be taken for live.
const NO_FRAME: Duration = Duration::from_secs(2);

/// One picture.
#[derive(Debug, Clone)]
struct Shot {
    jpeg: Bytes,
    /// The picture with what stands before and after it in a stream. The next boundary goes along with it, because browsers
    /// show a picture only then.
    part: Bytes,
}

/// The pictures, for all who want to see them.
#[derive(Debug)]
pub(super) struct Pictures {
    latest: watch::Sender<Option<Shot>>,
    drawn: AtomicU64,
}

impl Pictures {
    /// How many were drawn since the start.
    pub(super) fn drawn(&self) -> u64 {
        self.drawn.load(Ordering::Relaxed)
    }

    /// The next picture.
    pub(super) async fn next(&self, timeout: Duration) -> Option<Bytes> {
        let mut pictures = self.latest.subscribe();
        tokio::time::timeout(timeout, next(&mut pictures))
            .await
            .ok()
            .flatten()
            .map(|shot| shot.jpeg)
    }

    /// The body of a stream of type [`STREAM_TYPE`], for one who keeps a place.
    pub(super) fn stream(
        &self,
        congestion: Congestion,
        place: OwnedSemaphorePermit,
    ) -> impl Stream<Item = Result<Bytes, std::convert::Infallible>> + use<> {
        let opening = Some(Bytes::from(format!("--{BOUNDARY}\r\n")));
        let viewing = (opening, self.latest.subscribe(), congestion, place);
        stream::unfold(viewing, async |(opening, mut pictures, congestion, place)| {
            if let Some(opening) = opening {
                return Some((Ok(opening), (None, pictures, congestion, place)));
            }
            loop {
                let shot = next(&mut pictures).await?;
                if !congestion.is_there() {
                    return Some((Ok(shot.part), (None, pictures, congestion, place)));
                }
            }
        })
    }

    fn show(&self, jpeg: &[u8]) {
        let head = format!("Content-Type: image/jpeg\r\nContent-Length: {}\r\n\r\n", jpeg.len());
        let tail = format!("\r\n--{BOUNDARY}\r\n");
        let part = Bytes::from([head.as_bytes(), jpeg, tail.as_bytes()].concat());
        let jpeg = part.slice(head.len()..head.len() + jpeg.len());
        self.latest.send_replace(Some(Shot { jpeg, part }));
        self.drawn.fetch_add(1, Ordering::Relaxed);
    }
}

/// The picture after the one seen last.
async fn next(pictures: &mut watch::Receiver<Option<Shot>>) -> Option<Shot> {
    loop {
        pictures.changed().await.ok()?;
        let shot = pictures.borrow_and_update().clone();
        if shot.is_some() {
            return shot;
        }
    }
}

/// The thread that draws; it ends with this value.
pub(super) struct Projector {
    pictures: Arc<Pictures>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Projector {
    /// Draws frames with what perception made of them, for a model with this input.
    pub(super) fn start(
        settings: &WebSettings,
        input: PictureInput,
        viewfinder: Arc<Viewfinder>,
        status: Arc<Bulletin<Status>>,
        pulse: Pulse,
    ) -> io::Result<Self> {
        let pictures = Arc::new(Pictures {
            latest: watch::Sender::new(None),
            drawn: AtomicU64::new(0),
        });
        let stop = Arc::<AtomicBool>::default();
        let mut easel = Easel {
            preview: Preview::new(input),
            width: settings.width,
            interval: Duration::from_secs_f64(1.0 / settings.frames_per_second),
            status,
            pictures: pictures.clone(),
            stop: stop.clone(),
            pulse,
            jpeg: Vec::new(),
        };
        let thread = std::thread::Builder::new()
            .name("web-picture".to_owned())
            .spawn(move || {
                while !easel.stop.load(Ordering::Acquire) {
                    if easel.has_viewers() {
                        easel.work(&viewfinder);
                    }
                    std::thread::sleep(TURN);
                }
            })?;
        Ok(Self {
            pictures,
            stop,
            thread: Some(thread),
        })
    }

    /// What it draws.
    pub(super) fn pictures(&self) -> Arc<Pictures> {
        self.pictures.clone()
    }

    /// Whether it ended by itself.
    pub(super) fn has_ended(&self) -> bool {
        self.thread.as_ref().is_none_or(JoinHandle::is_finished)
    }
}

impl Drop for Projector {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take() {
            // If it failed, that was told already.
            let _ = thread.join();
        }
    }
}

/// What the thread works with.
struct Easel {
    preview: Preview,
    width: usize,
    interval: Duration,
    status: Arc<Bulletin<Status>>,
    pictures: Arc<Pictures>,
    stop: Arc<AtomicBool>,
    pulse: Pulse,
    jpeg: Vec<u8>,
}

impl Easel {
    fn has_viewers(&self) -> bool {
        self.pictures.latest.receiver_count() > 0
    }

    /// Draws until nobody looks any more.
    fn work(&mut self, viewfinder: &Viewfinder) {
        let watching = viewfinder.watch();
        let mut frame = Frame::default();
        let mut last_frame = self.pulse.now();
        while self.has_viewers() && !self.stop.load(Ordering::Acquire) {
            let began = self.pulse.now();
            if watching.next(&mut frame, TURN) {
                last_frame = began;
                let status = self.status.read();
                self.draw(&frame, &status);
            } else if began.saturating_sub(last_frame) >= NO_FRAME {
                let (width, height) = match (frame.picture.width, frame.picture.height) {
                    (0, _) | (_, 0) => (16, 9),
                    size => size,
                };
                let black = Picture::rgb(width, height, vec![0; width * height * 3]).unwrap_or_default();
                // What was found in pictures that nobody sees marks nothing on a black one.
                let mut status = self.status.read();
                status.percept = None;
                status.attention.target = None;
                let frame = Frame {
                    picture: black,
                    stamp: began,
                };
                self.draw(&frame, &status);
                last_frame = began;
            }
            let spent = self.pulse.now().saturating_sub(began);
            std::thread::sleep(self.interval.saturating_sub(spent));
        }
        // Whoever comes next must not see what is old.
        self.pictures.latest.send_replace(None);
    }

    fn draw(&mut self, frame: &Frame, status: &Status) {
        let drawn = self.preview.draw(frame, status, self.width);
        let encoded = drawn.map_err(|error| error.to_string()).and_then(|canvas| {
            canvas
                .to_jpeg(&mut self.jpeg, JPEG_QUALITY)
                .map_err(|error| error.to_string())
        });
        match encoded {
            Ok(()) => self.pictures.show(&self.jpeg),
            Err(error) => tracing::debug!("a picture is not shown on the page: {error}"),
        }
    }
}
