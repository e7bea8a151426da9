//! HTTP as a simulated camera speaks it: one request on a connection, one connection at a time.

use std::fmt::Write as _;
use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::Ordering;
use std::time::Duration;

use digest_auth::{AuthContext, AuthorizationHeader, HttpMethod};
use roxmltree::Node;

use super::answers::{Said, answer, fault, name_of};
use super::{Asked, AsksFor, Shared, State};
use crate::ptz::onvif::security::password_digest;
use crate::ptz::onvif::soap::read_document;
use crate::ptz::onvif::time::Utc;

const LONGEST_REQUEST_BYTES: usize = 1 << 20;
const REALM: &str = "simulated camera";
/// How far the date of a proof may be from the camera's clock.
const LATEST_PROOF_SECONDS: i64 = 10;

struct Request {
    path: String,
    host: String,
    authorization: String,
    body: String,
}

pub(super) fn serve(listener: &TcpListener, shared: &Shared) {
    for connection in listener.incoming() {
        if shared.ended.load(Ordering::SeqCst) {
            return;
        }
        if let Ok(stream) = connection {
            // A client that breaks off harms nobody but itself.
            let _ = serve_one(stream, shared);
        }
    }
}

fn serve_one(mut stream: TcpStream, shared: &Shared) -> io::Result<()> {
    stream.set_read_timeout(Some(Duration::from_secs(2)))?;
    let request = read_request(&mut stream)?;
    let name = name_of(&request.body);
    let mut state = shared.state();
    state.asked.push(Asked {
        name: name.clone(),
        envelope: request.body.clone(),
    });
    if shared.silent.load(Ordering::SeqCst) {
        state.waiting.push(stream);
        return Ok(());
    }
    let open = matches!(
        name.as_str(),
        "GetSystemDateAndTime" | "GetServices" | "GetCapabilities"
    );
    let mut challenge = String::new();
    let said = if open || is_proven(&request, &mut state, shared) {
        answer(&request.body, &request.host, &mut state, shared)
    } else {
        if matches!(state.behaviour.asks_for, AsksFor::Digest | AsksFor::Either) {
            state.challenges += 1;
            let number = format!("{:016x}", state.challenges);
            state.counts.insert(number.clone(), 0);
            let _ = write!(
                challenge,
                "WWW-Authenticate: Digest realm=\"{REALM}\", qop=\"auth\", algorithm=MD5, nonce=\"{number}\"\r\n"
            );
        }
        let status = if challenge.is_empty() { 400 } else { 401 };
        Said {
            status,
            ..fault("Sender", "NotAuthorized", "The user is not authorized")
        }
    };
    drop(state);
    write!(
        stream,
        "HTTP/1.1 {} Answer\r\nContent-Type: application/soap+xml; charset=utf-8\r\nConnection: close\r\n{challenge}\
         Content-Length: {}\r\n\r\n{}",
        said.status,
        said.envelope.len(),
        said.envelope
    )
}

fn read_request(stream: &mut TcpStream) -> io::Result<Request> {
    let malformed = || io::Error::from(io::ErrorKind::InvalidData);
    let mut bytes = Vec::new();
    let mut part = [0; 4096];
    let mut head: Option<(usize, usize)> = None;
    loop {
        if head.is_none()
            && let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n")
        {
            let text = std::str::from_utf8(&bytes[..end]).map_err(|_| malformed())?;
            let length = header(text, "content-length").parse().map_err(|_| malformed())?;
            head = Some((end, length));
        }
        if let Some((end, length)) = head
            && bytes.len() >= end + 4 + length
        {
            let text = String::from_utf8_lossy(&bytes[..end]).into_owned();
            let path = text.split(' ').nth(1).ok_or_else(malformed)?;
            return Ok(Request {
                path: path.to_owned(),
                host: header(&text, "host"),
                authorization: header(&text, "authorization"),
                body: String::from_utf8_lossy(&bytes[end + 4..end + 4 + length]).into_owned(),
            });
        }
        let length = stream.read(&mut part)?;
        if length == 0 || bytes.len() > LONGEST_REQUEST_BYTES {
            return Err(malformed());
        }
        bytes.extend_from_slice(&part[..length]);
    }
}

fn header(head: &str, name: &str) -> String {
    head.lines()
        .filter_map(|line| line.split_once(':'))
        .find(|(own, _)| own.eq_ignore_ascii_case(name))
        .map(|(_, value)| value.trim().to_owned())
        .unwrap_or_default()
}

fn is_proven(request: &Request, state: &mut State, shared: &Shared) -> bool {
    let now = shared.shows(state);
    match state.behaviour.asks_for {
        AsksFor::Nothing => true,
        AsksFor::Digest => digest_proves(request, state),
        AsksFor::UsernameToken => token_proves(request, state, now),
        AsksFor::Either => digest_proves(request, state) || token_proves(request, state, now),
    }
}

fn digest_proves(request: &Request, state: &mut State) -> bool {
    let Ok(mut proof) = AuthorizationHeader::parse(&request.authorization) else {
        return false;
    };
    let fresh = state
        .counts
        .get(&proof.nonce)
        .is_some_and(|counted| proof.nc > *counted);
    let response = std::mem::take(&mut proof.response);
    let context = AuthContext::new_with_method(
        state.behaviour.user.as_str(),
        state.behaviour.password.as_str(),
        request.path.as_str(),
        Some(request.body.as_bytes()),
        HttpMethod::POST,
    );
    let user_matches = proof.username == state.behaviour.user;
    proof.digest(&context);
    let proven = fresh && user_matches && proof.realm == REALM && proof.response == response;
    if proven {
        state.counts.insert(proof.nonce, proof.nc);
    }
    proven
}

fn token_proves(request: &Request, state: &mut State, now: Utc) -> bool {
    let find = |name: &str| {
        read_document(&request.body, |document| {
            let found = document.descendants().find(|node| node.tag_name().name() == name);
            Ok(found.as_ref().and_then(Node::text).map(str::to_owned))
        })
        .ok()
        .flatten()
    };
    let (Some(user), Some(digest), Some(nonce), Some(created)) =
        (find("Username"), find("Password"), find("Nonce"), find("Created"))
    else {
        return false;
    };
    use base64::Engine;
    let Ok(bytes) = base64::engine::general_purpose::STANDARD.decode(nonce.trim()) else {
        return false;
    };
    let number = |range: std::ops::Range<usize>| created.get(range)?.parse::<i64>().ok();
    let [year, month, day, hour, minute, second] = [0..4, 5..7, 8..10, 11..13, 14..16, 17..19].map(number);
    let dated = (|| Utc::from_fields([year?, month?, day?], [hour?, minute?, second?]))();
    let fresh = dated.is_some_and(|dated| (dated.0 - now.0).abs() <= LATEST_PROOF_SECONDS)
        && !state.used_nonces.contains(&nonce);
    let proven =
        fresh && user == state.behaviour.user && digest == password_digest(&bytes, &created, &state.behaviour.password);
    state.used_nonces.push(nonce);
    proven
}
