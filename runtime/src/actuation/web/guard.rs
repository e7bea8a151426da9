//! Who may see the page, and who may press its buttons.
//!
//! A page from elsewhere, open in the same browser, must be able to do neither: it cannot know the token, the browser does not let
//! it send the `Authorization` header here, and a name that was made to point at this machine (DNS rebinding) is refused.

use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use axum::http::{StatusCode, Uri};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::WebSettings;
use super::routes::Source;
use super::token::same;
use crate::actuation::secret::Secret;

/// How long whoever has the wrong token waits for the answer.
const WRONG_TOKEN: Duration = Duration::from_secs(1);

/// Endings of names that nobody can buy, so that no stranger makes them point here.
const LOCAL_DOMAINS: [&str; 5] = ["local", "lan", "internal", "home.arpa", "localdomain"];

/// What browsers are told with every answer: run and show nothing but what comes from here, be shown nowhere else, keep nothing.
const HEADERS: [(HeaderName, &str); 8] = [
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; \
         form-action 'none'; frame-ancestors 'none'",
    ),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::CACHE_CONTROL, "no-store"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (
        HeaderName::from_static("permissions-policy"),
        "camera=(), microphone=(), geolocation=()",
    ),
];

/// Knows the names of this machine and the token.
#[derive(Debug)]
pub(super) struct Guard {
    hosts: Vec<String>,
    token: Option<Secret>,
}

impl Guard {
    /// Without a token, nobody may press a button.
    pub(super) fn new(settings: &WebSettings, token: Option<Secret>) -> Self {
        let machine = rustix::system::uname().nodename().to_string_lossy().to_lowercase();
        let short = machine.split('.').next().unwrap_or_default().to_owned();
        let mut hosts: Vec<String> = settings.hosts.iter().map(|host| host.to_lowercase()).collect();
        hosts.extend(LOCAL_DOMAINS.map(|domain| format!("{short}.{domain}")));
        hosts.extend(["localhost".to_owned(), machine, short]);
        Self { hosts, token }
    }

    /// Whether the page may be asked for under this name, as the `Host` header has it.
    fn knows(&self, host: &str) -> bool {
        let name = without_port(host);
        let is_address = name.parse::<IpAddr>().is_ok()
            || name
                .strip_prefix('[')
                .and_then(|name| name.strip_suffix(']'))
                .is_some_and(|name| name.parse::<Ipv6Addr>().is_ok());
        is_address || self.hosts.iter().any(|known| known.eq_ignore_ascii_case(name))
    }

    /// Lets a request pass that comes from a person who knows the token, on this page or by a program of theirs.
    pub(super) async fn admit(&self, headers: &HeaderMap) -> Result<(), Refusal> {
        if let Some(origin) = headers.get(header::ORIGIN) {
            let origin = origin.to_str().ok().and_then(|origin| origin.parse::<Uri>().ok());
            let origin = origin.as_ref().and_then(Uri::authority).map(|origin| origin.as_str());
            if origin.is_none() || origin != text(headers, header::HOST) {
                return Err(Refusal(
                    StatusCode::FORBIDDEN,
                    "this comes from the page of another site".into(),
                ));
            }
        }
        let Some(token) = &self.token else {
            return Err(Refusal(
                StatusCode::FORBIDDEN,
                "this device has no token, so that nobody may do this: its log says why".into(),
            ));
        };
        let given = text(headers, header::AUTHORIZATION).and_then(|value| value.split_once(' '));
        match given {
            Some((scheme, given)) if scheme.eq_ignore_ascii_case("bearer") && same(token.reveal(), given.trim()) => {
                Ok(())
            }
            Some(_) => {
                tokio::time::sleep(WRONG_TOKEN).await;
                Err(Refusal(
                    StatusCode::UNAUTHORIZED,
                    "this is not the token of this device".into(),
                ))
            }
            None => Err(Refusal(
                StatusCode::UNAUTHORIZED,
                "the token of this device is needed".into(),
            )),
        }
    }
}

fn text(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    headers.get(name)?.to_str().ok()
}

/// The name in `name:port`; addresses of version 6 are in brackets.
fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) && !name.ends_with(':') => name,
        _ => host,
    }
}

/// Why a visitor does not get what was asked for, in words.
#[derive(Debug)]
pub(super) struct Refusal(pub(super) StatusCode, pub(super) String);

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let body = serde_json::json!({ "error": self.1 }).to_string();
        let mut response = (self.0, [(header::CONTENT_TYPE, "application/json")], body).into_response();
        if self.0 == StatusCode::UNAUTHORIZED {
            let bearer = HeaderValue::from_static("Bearer");
            response.headers_mut().insert(header::WWW_AUTHENTICATE, bearer);
        }
        response
    }
}

/// Stands before every route.
pub(super) async fn guard(State(source): State<Arc<Source>>, request: Request, next: Next) -> Response {
    let host = text(request.headers(), header::HOST);
    let mut response = if host.is_some_and(|host| source.guard.knows(host)) {
        next.run(request).await
    } else {
        let known =
            "this device does not go by that name: use its address, or add the name to web.hosts in its configuration";
        Refusal(StatusCode::MISDIRECTED_REQUEST, known.into()).into_response()
    };
    for (name, value) in HEADERS {
        response
            .headers_mut()
            .entry(name)
            .or_insert(HeaderValue::from_static(value));
    }
    response
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn guard() -> Guard {
        let settings = WebSettings {
            hosts: vec!["Camera.example.org".to_owned()],
            ..WebSettings::default()
        };
        Guard::new(&settings, None)
    }

    #[test]
    fn only_names_of_this_machine_are_known() {
        let guard = guard();
        for host in [
            "127.0.0.1:8080",
            "localhost",
            "LOCALHOST:9",
            "[::1]:8080",
            "[fe80::1]",
            "10.0.0.7",
            "camera.example.org:443",
        ] {
            assert!(guard.knows(host), "{host}");
        }
        for host in [
            "evil.example",
            "127.0.0.1.evil.example",
            "localhost.evil.example:8080",
            "",
            ":",
            "[]",
            "[::1",
            "camera.example.org:x",
        ] {
            assert!(!guard.knows(host), "{host}");
        }
    }

    proptest! {
        #[test]
        fn any_host_is_judged(host in "\\PC{0,40}") {
            let _ = guard().knows(&host);
        }

        #[test]
        fn a_bought_name_is_never_known(host in "[a-z]{1,10}\\.(com|org|net)(:[0-9]{1,5})?") {
            prop_assert!(!guard().knows(&host));
        }
    }
}
