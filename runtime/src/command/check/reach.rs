//! What lies on the other side of a network.

use std::io::{self, ErrorKind};
use std::net::{SocketAddr, TcpListener, TcpStream, ToSocketAddrs};
use std::time::Duration;

use super::finding::Finding;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(3);

/// Whether the page can be served: `bound` is what came of taking its address.
pub fn check_web(address: SocketAddr, bound: io::Result<()>) -> Finding {
    match bound {
        Ok(()) => Finding::ok("web", format!("{address} is free")),
        Err(cause) if cause.kind() == ErrorKind::AddrInUse => Finding::warn(
            "web",
            format!("{address} is taken"),
            format!(
                "if the service runs, all is well; if not, see who has it (as root: ss -ltnp sport = :{}) or choose another",
                address.port()
            ),
        ),
        Err(cause) => Finding::fail(
            "web",
            format!("{address} cannot be taken: {cause}"),
            "choose an address of this machine, such as 127.0.0.1:8080, with a port from 1024 on",
        ),
    }
}

/// Takes an address, and lets it go again.
pub fn bind(address: SocketAddr) -> io::Result<()> {
    TcpListener::bind(address).map(drop)
}

/// Whether another machine can be reached: `connected` is what came of connecting to it.
pub fn check_host(subject: &'static str, host: &str, port: u16, connected: io::Result<()>) -> Finding {
    match connected {
        Ok(()) => Finding::ok(subject, format!("{host}:{port} answers")),
        Err(cause) => Finding::warn(
            subject,
            format!("{host}:{port} does not answer: {cause}"),
            "see that its name and port are right, that it runs, and that no firewall stands between; until it answers \
             it is tried again and again",
        ),
    }
}

/// Connects to a host, trying each of its addresses, and hangs up.
pub fn connect(host: &str, port: u16) -> io::Result<()> {
    let mut refusal = io::Error::new(ErrorKind::NotFound, "the name has no address");
    for address in (host, port).to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, PATIENCE) {
            Ok(_) => return Ok(()),
            Err(cause) => refusal = cause,
        }
    }
    Err(refusal)
}
