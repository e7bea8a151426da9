//! What is answered to whom.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{ConnectInfo, DefaultBodyLimit, State};
use axum::http::header::{self, HeaderMap};
use axum::http::{StatusCode, Uri};
use axum::response::sse::{KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};

use super::broadcast::Broadcast;
use super::connection::Congestion;
use super::guard::{Guard, Refusal, guard};
use super::metrics::{METRICS_TYPE, Served, Visits, metrics};
use super::projector::{Pictures, STREAM_TYPE};
use crate::actuation::report::{StatusReport, troubles};
use crate::actuation::status::{Request, Requests, Status};
use crate::exchange::{Bulletin, Pulse};

/// The largest request there is, with room to spare.
const MOST_REQUEST_BYTES: usize = 1024;

/// The fastest that anybody may ask a camera to turn, in degrees a second; what it can do is for its driver to know.
const FASTEST: f64 = 360.0;

/// How long to wait for one picture: a camera that gives frames at all gives one in this time.
const SNAPSHOT: Duration = Duration::from_secs(3);

/// How often the event stream gives a sign of life of its own.
const KEEP_ALIVE: Duration = Duration::from_secs(5);

/// What the answers are made of.
pub(super) struct Source {
    pub(super) guard: Guard,
    pub(super) status: Arc<Bulletin<Status>>,
    pub(super) requests: Requests,
    pub(super) pictures: Arc<Pictures>,
    pub(super) broadcast: Arc<Broadcast>,
    pub(super) visits: Arc<Visits>,
    pub(super) pulse: Pulse,
}

type App = State<Arc<Source>>;

/// Every route.
pub(super) fn routes(source: Source) -> Router {
    let source = Arc::new(source);
    Router::new()
        .route(
            "/",
            get(|| async { page("text/html; charset=utf-8", include_str!("page/index.html")) }),
        )
        .route(
            "/style.css",
            get(|| async { page("text/css; charset=utf-8", include_str!("page/style.css")) }),
        )
        .route(
            "/script.js",
            get(|| async { page("text/javascript; charset=utf-8", include_str!("page/script.js")) }),
        )
        .route(
            "/icon.svg",
            get(|| async { page("image/svg+xml", include_str!("page/icon.svg")) }),
        )
        .route("/stream.mjpg", get(stream))
        .route("/snapshot.jpg", get(snapshot))
        .route("/events", get(events))
        .route("/api/status", get(status))
        .route("/api/request", post(request))
        .route("/metrics", get(numbers))
        .route("/healthz", get(health))
        .fallback(|path: Uri| async move { Refusal(StatusCode::NOT_FOUND, format!("there is no {}", path.path())) })
        .layer(axum::middleware::from_fn_with_state(source.clone(), guard))
        .layer(DefaultBodyLimit::max(MOST_REQUEST_BYTES))
        .with_state(source)
}

fn page(kind: &'static str, text: &'static str) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, kind)], text)
}

fn no_place() -> Response {
    let refusal = Refusal(
        StatusCode::SERVICE_UNAVAILABLE,
        "as many are watching as web.viewers allows".into(),
    );
    ([(header::RETRY_AFTER, "5")], refusal).into_response()
}

async fn stream(State(source): App, ConnectInfo(congestion): ConnectInfo<Congestion>) -> Response {
    let Some(place) = source.visits.watch_pictures() else {
        return no_place();
    };
    let body = Body::from_stream(source.pictures.stream(congestion, place));
    ([(header::CONTENT_TYPE, STREAM_TYPE)], body).into_response()
}

async fn snapshot(State(source): App) -> Response {
    let Some(_place) = source.visits.watch_pictures() else {
        return no_place();
    };
    match source.pictures.next(SNAPSHOT).await {
        Some(jpeg) => ([(header::CONTENT_TYPE, "image/jpeg")], jpeg).into_response(),
        None => Refusal(StatusCode::SERVICE_UNAVAILABLE, "no picture could be drawn".into()).into_response(),
    }
}

async fn events(State(source): App, ConnectInfo(congestion): ConnectInfo<Congestion>) -> Response {
    let Some(place) = source.visits.follow_events() else {
        return no_place();
    };
    let news = source.broadcast.clone().follow(congestion, place);
    Sse::new(news)
        .keep_alive(KeepAlive::new().interval(KEEP_ALIVE))
        .into_response()
}

async fn status(State(source): App) -> impl IntoResponse {
    axum::Json(StatusReport::new(&source.status.read(), source.pulse.now()))
}

async fn request(State(source): App, headers: HeaderMap, body: Bytes) -> Response {
    let visits = &source.visits;
    let count = |counter: &AtomicU64| counter.fetch_add(1, Ordering::Relaxed);
    let asked = match source.guard.admit(&headers).await {
        Ok(()) => read_request(&headers, &body),
        Err(refusal) => Err(refusal),
    };
    match asked {
        Ok(request) if source.requests.send(request) => {
            count(&visits.accepted);
            (StatusCode::ACCEPTED, axum::Json(request)).into_response()
        }
        Ok(_) => {
            count(&visits.lost);
            let busy = "too much was asked for at once, and this was lost: try again";
            Refusal(StatusCode::SERVICE_UNAVAILABLE, busy.into()).into_response()
        }
        Err(refusal) => {
            count(&visits.refused);
            refusal.into_response()
        }
    }
}

/// Only what calls itself JSON is read: no form on another site's page can send that.
fn read_request(headers: &HeaderMap, body: &[u8]) -> Result<Request, Refusal> {
    let kind = headers
        .get(header::CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok())
        .unwrap_or_default();
    if kind.split(';').next().unwrap_or_default().trim() != "application/json" {
        return Err(Refusal(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "the request must be application/json".into(),
        ));
    }
    let request: Request = serde_json::from_slice(body)
        .map_err(|error| Refusal(StatusCode::BAD_REQUEST, format!("this is no request: {error}")))?;
    match request.velocity() {
        Some(velocity) if velocity.pan.abs() > FASTEST || velocity.tilt.abs() > FASTEST => Err(Refusal(
            StatusCode::BAD_REQUEST,
            format!("pan and tilt must lie between -{FASTEST} and {FASTEST} degrees a second"),
        )),
        _ => Ok(request),
    }
}

async fn numbers(State(source): App) -> impl IntoResponse {
    let served = Served {
        visits: &source.visits,
        pictures_drawn: source.pictures.drawn(),
        events_missed: source.broadcast.missed(),
    };
    let text = metrics(&source.status.read(), source.pulse.now(), &served);
    ([(header::CONTENT_TYPE, METRICS_TYPE)], text)
}

async fn health(State(source): App) -> impl IntoResponse {
    let troubles = troubles(&source.status.read(), source.pulse.now());
    let kind = [(header::CONTENT_TYPE, "text/plain; charset=utf-8")];
    if troubles.is_empty() {
        (StatusCode::OK, kind, "all is well\n".to_owned())
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, kind, troubles.join("\n") + "\n")
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    fn json() -> HeaderMap {
        HeaderMap::from_iter([(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/json; charset=utf-8"),
        )])
    }

    #[test]
    fn requests_are_read() {
        for (body, request) in [
            (r#"{"request":"pause"}"#, Request::Pause),
            (r#"{"request":"home"}"#, Request::Home),
            (
                r#"{"request":"drive","pan":-5,"tilt":2.5}"#,
                Request::Drive { pan: -5.0, tilt: 2.5 },
            ),
        ] {
            assert_eq!(read_request(&json(), body.as_bytes()).ok(), Some(request));
        }
        let status =
            |headers: &HeaderMap, body: &str| read_request(headers, body.as_bytes()).map_err(|refusal| refusal.0);
        for body in [
            "",
            "[]",
            r#"{"request":"dance"}"#,
            r#"{"request":"drive"}"#,
            r#"{"request":"drive","pan":1e9,"tilt":0}"#,
            r#"{"request":"drive","pan":1e999,"tilt":0}"#,
        ] {
            assert_eq!(status(&json(), body), Err(StatusCode::BAD_REQUEST), "{body}");
        }
        let unsaid = status(&HeaderMap::new(), r#"{"request":"pause"}"#);
        assert_eq!(unsaid, Err(StatusCode::UNSUPPORTED_MEDIA_TYPE));
    }

    proptest! {
        #[test]
        fn any_body_is_read_or_refused(body in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = read_request(&json(), &body);
        }

        #[test]
        fn no_camera_is_asked_to_turn_faster_than_any_can(pan in any::<f64>(), tilt in any::<f64>()) {
            let body = format!(r#"{{"request":"drive","pan":{pan:e},"tilt":{tilt:e}}}"#);
            if let Ok(Request::Drive { pan, tilt }) = read_request(&json(), body.as_bytes()) {
                prop_assert!(pan.abs() <= FASTEST && tilt.abs() <= FASTEST);
            }
        }
    }
}
