//! One request to a camera over plain HTTP/1.1, bounded in time and size.
//!
//! Every request has a connection of its own: many cameras serve one connection at a time, and would answer nobody else
//! while ours is kept open.

use std::time::Duration;

use ureq::Agent;
use ureq::http::{HeaderMap, Uri};

use super::soap::LONGEST_ANSWER_BYTES;
use super::time::Utc;

/// What a camera answered.
pub(super) struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// What it says in `WWW-Authenticate`.
    pub challenges: Vec<String>,
    /// What it says in `Date`.
    pub date: Option<Utc>,
    /// The body.
    pub text: String,
}

pub(super) struct Http(Agent);

impl Http {
    pub fn new() -> Self {
        let config = Agent::config_builder()
            .proxy(None)
            .http_status_as_error(false)
            .max_redirects(0)
            .max_idle_connections(0)
            .user_agent("lookhear")
            .build();
        Self(config.into())
    }

    /// Posts an envelope.
    ///
    /// # Errors
    /// When no whole answer came in time, in words.
    pub fn post(
        &self,
        url: &Uri,
        action: &str,
        envelope: &str,
        authorization: Option<&str>,
        timeout: Duration,
    ) -> Result<Answer, String> {
        let mut request = self
            .0
            .post(url)
            .header("Connection", "close")
            .header(
                "Content-Type",
                format!("application/soap+xml; charset=utf-8; action=\"{action}\""),
            )
            .config()
            .timeout_global(Some(timeout))
            .build();
        if let Some(authorization) = authorization {
            request = request.header("Authorization", authorization);
        }
        let said = |error: ureq::Error| match error {
            ureq::Error::Timeout(_) => format!("it did not answer within {:.1} s", timeout.as_secs_f64()),
            ureq::Error::HostNotFound => "there is no host of that name".to_owned(),
            ureq::Error::BodyExceedsLimit(_) => format!("its answer is longer than {LONGEST_ANSWER_BYTES} bytes"),
            ureq::Error::Io(error) => format!("it is not reached ({error})"),
            other => format!("it is not reached ({other})"),
        };
        let mut response = request.send(envelope).map_err(said)?;
        let bytes = response
            .body_mut()
            .with_config()
            .limit(LONGEST_ANSWER_BYTES)
            .read_to_vec()
            .map_err(said)?;
        Ok(Answer {
            status: response.status().as_u16(),
            challenges: values(response.headers(), "www-authenticate"),
            date: values(response.headers(), "date")
                .first()
                .and_then(|date| Utc::from_http_date(date)),
            text: String::from_utf8_lossy(&bytes).into_owned(),
        })
    }
}

/// The values of a header that are plain text.
fn values(headers: &HeaderMap, name: &str) -> Vec<String> {
    headers
        .get_all(name)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .map(str::to_owned)
        .collect()
}

/// Where a service is to be reached that the camera says is at `claimed`, as seen from where its device service is
/// reached. A camera behind address translation claims a host that nobody outside can reach, and one with a certificate
/// may claim `https`: then only the path is believed.
pub(super) fn reachable(device: &Uri, claimed: &str) -> Option<Uri> {
    let claimed: Uri = claimed.trim().parse().ok()?;
    if claimed.scheme_str() == Some("http") && claimed.host() == device.host() {
        return Some(claimed);
    }
    let mut parts = device.clone().into_parts();
    parts.path_and_query = claimed.into_parts().path_and_query;
    parts.path_and_query.as_ref()?;
    Uri::from_parts(parts).ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn the_host_that_was_configured_is_kept() {
        let device: Uri = "http://camera.example:8080/onvif/device_service".parse().unwrap();
        for (claimed, reached) in [
            (
                "http://192.168.0.2/onvif/ptz?x=1",
                "http://camera.example:8080/onvif/ptz?x=1",
            ),
            ("http://camera.example/onvif/ptz", "http://camera.example/onvif/ptz"),
            (
                "https://camera.example/onvif/ptz",
                "http://camera.example:8080/onvif/ptz",
            ),
            (" /onvif/ptz ", "http://camera.example:8080/onvif/ptz"),
        ] {
            assert_eq!(reachable(&device, claimed).unwrap().to_string(), reached);
        }
        assert_eq!(reachable(&device, "nonsense here"), None);
    }
}
