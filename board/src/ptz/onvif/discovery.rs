//! Cameras in the same network that answer a call for ONVIF devices (WS-Discovery 1.0, April 2005, over UDP).

use std::io;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use ureq::http::Uri;

use super::security::Nonces;
use super::soap::{SoapError, envelope, read_document, text};

const GROUP: (Ipv4Addr, u16) = (Ipv4Addr::new(239, 255, 255, 250), 3702);
/// More than fits into one datagram of UDP.
const LONGEST_ANSWER_BYTES: usize = 65_536;
const MOST_CAMERAS: usize = 1_000;

/// A camera that answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Discovered {
    /// Where its device service is, as `url` of the settings takes it.
    pub url: String,
    /// What it calls itself; empty if it does not say.
    pub name: String,
}

/// Calls for cameras and waits so long for answers, sorted by address. Those that are set not to answer stay unknown.
///
/// # Errors
/// When the network cannot be called into.
pub fn discover(timeout: Duration) -> io::Result<Vec<Discovered>> {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?;
    socket.send_to(probe(&mut Nonces::unforeseen()).as_bytes(), GROUP)?;
    let deadline = Instant::now() + timeout;
    let mut found: Vec<Discovered> = Vec::new();
    let mut bytes = vec![0; LONGEST_ANSWER_BYTES];
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() || found.len() >= MOST_CAMERAS {
            break;
        }
        socket.set_read_timeout(Some(left))?;
        let (length, from) = match socket.recv_from(&mut bytes) {
            Ok(received) => received,
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => break,
            Err(error) => return Err(error),
        };
        let answer = String::from_utf8_lossy(bytes.get(..length).unwrap_or_default());
        if let Ok(Some(camera)) = read_match(&answer, from)
            && !found.iter().any(|known| known.url == camera.url)
        {
            found.push(camera);
        }
    }
    found.sort_by(|one, other| one.url.cmp(&other.url));
    Ok(found)
}

fn probe(nonces: &mut Nonces) -> String {
    let [a, b] = [nonces.next(), nonces.next()].map(u128::from_be_bytes);
    let (a, b) = (a >> 64, b >> 64);
    let identifier = format!(
        "{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}",
        a >> 32,
        a >> 16 & 0xffff,
        a & 0xfff,
        b >> 48 & 0x3fff | 0x8000,
        b & 0xffff_ffff_ffff
    );
    let header = format!(
        "<a:Action xmlns:a=\"{ADDRESSING}\">http://schemas.xmlsoap.org/ws/2005/04/discovery/Probe</a:Action>\
         <a:MessageID xmlns:a=\"{ADDRESSING}\">urn:uuid:{identifier}</a:MessageID>\
         <a:To xmlns:a=\"{ADDRESSING}\">urn:schemas-xmlsoap-org:ws:2005:04:discovery</a:To>"
    );
    envelope(
        &header,
        "<d:Probe xmlns:d=\"http://schemas.xmlsoap.org/ws/2005/04/discovery\">\
         <d:Types xmlns:n=\"http://www.onvif.org/ver10/network/wsdl\">n:NetworkVideoTransmitter</d:Types></d:Probe>",
    )
}

const ADDRESSING: &str = "http://schemas.xmlsoap.org/ws/2004/08/addressing";

/// A camera may name several addresses, of which the one is of use that the answer came from.
fn read_match(answer: &str, from: SocketAddr) -> Result<Option<Discovered>, SoapError> {
    read_document(answer, |document| {
        let words = |name: &str| {
            document
                .descendants()
                .filter(|node| node.tag_name().name() == name)
                .filter_map(text)
                .flat_map(str::split_ascii_whitespace)
                .map(str::to_owned)
                .collect::<Vec<_>>()
        };
        let addresses: Vec<Uri> = words("XAddrs")
            .iter()
            .filter_map(|address| address.parse().ok())
            .filter(|address: &Uri| address.scheme_str() == Some("http"))
            .collect();
        let sender = from.ip().to_string();
        let address = addresses
            .iter()
            .find(|address| address.host() == Some(&sender))
            .or(addresses.first());
        let name = words("Scopes")
            .iter()
            .find_map(|scope| scope.strip_prefix("onvif://www.onvif.org/name/").map(unescaped));
        Ok(address.map(|address| Discovered {
            url: address.to_string(),
            name: name.unwrap_or_default(),
        }))
    })
}

/// A part of an address with its percent signs resolved, and nothing that a terminal would obey.
fn unescaped(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        let code = after.get(..2).and_then(|code| std::str::from_utf8(code).ok());
        let code = code
            .filter(|_| *first == b'%')
            .and_then(|code| u8::from_str_radix(code, 16).ok());
        bytes.push(code.unwrap_or(*first));
        rest = after.get(if code.is_some() { 2 } else { 0 }..).unwrap_or_default();
    }
    String::from_utf8_lossy(&bytes)
        .chars()
        .filter(|letter| !letter.is_control())
        .collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use proptest::prelude::*;

    use super::*;

    const FROM: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::new(10, 0, 0, 7)), 3702);

    #[test]
    fn the_address_that_answered_is_taken() {
        let answer = envelope(
            "",
            "<d:ProbeMatches xmlns:d='urn:d'><d:ProbeMatch><d:Scopes>onvif://www.onvif.org/type/ptz \
             onvif://www.onvif.org/name/Door%20%C3%A4%1b</d:Scopes><d:XAddrs>https://10.0.0.7/a \
             http://192.168.0.2/onvif/device_service http://10.0.0.7/onvif/device_service</d:XAddrs></d:ProbeMatch>\
             </d:ProbeMatches>",
        );
        let found = read_match(&answer, FROM).unwrap().unwrap();
        assert_eq!(found.url, "http://10.0.0.7/onvif/device_service");
        assert_eq!(found.name, "Door ä");
        assert_eq!(read_match("<a/>", FROM).unwrap(), None);
    }

    proptest! {
        #[test]
        fn no_answer_makes_it_panic(content in "[%a-f0-9:/. ]{0,40}", name in "(XAddrs|Scopes)") {
            let _ = read_match(&format!("<a><{name}>http://x{content}</{name}></a>"), FROM);
            let _ = unescaped(&content);
        }
    }
}
