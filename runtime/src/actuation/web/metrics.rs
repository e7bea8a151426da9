//! Numbers for Prometheus, in its text format 0.0.4.

use std::fmt::{Display, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::actuation::report::troubles;
use crate::actuation::status::Status;
use crate::attention::State;

/// What the text calls itself.
pub(super) const METRICS_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Who is here, and what was asked for.
#[derive(Debug)]
pub(super) struct Visits {
    viewers: usize,
    picture_places: Arc<Semaphore>,
    event_places: Arc<Semaphore>,
    pub(super) accepted: AtomicU64,
    pub(super) refused: AtomicU64,
    pub(super) lost: AtomicU64,
}

impl Visits {
    /// With so many places for each kind of viewer.
    pub(super) fn new(viewers: usize) -> Self {
        Self {
            viewers,
            picture_places: Arc::new(Semaphore::new(viewers)),
            event_places: Arc::new(Semaphore::new(viewers)),
            accepted: AtomicU64::new(0),
            refused: AtomicU64::new(0),
            lost: AtomicU64::new(0),
        }
    }

    /// A place to watch the picture from, if there is one left.
    pub(super) fn watch_pictures(&self) -> Option<OwnedSemaphorePermit> {
        self.picture_places.clone().try_acquire_owned().ok()
    }

    /// A place to follow the events from, if there is one left.
    pub(super) fn follow_events(&self) -> Option<OwnedSemaphorePermit> {
        self.event_places.clone().try_acquire_owned().ok()
    }
}

/// What the server itself counted.
pub(super) struct Served<'a> {
    pub(super) visits: &'a Visits,
    pub(super) pictures_drawn: u64,
    pub(super) events_missed: u64,
}

/// All numbers, read at `now` on the monotonic clock.
pub(super) fn metrics(status: &Status, now: Duration, served: &Served<'_>) -> String {
    let mut page = Page::default();
    about_device(&mut page, status, now);
    about_stages(&mut page, status);
    about_server(&mut page, served);
    page.0
}

fn about_device(page: &mut Page, status: &Status, now: Duration) {
    let percept = status.percept.as_ref();
    let age = |stamp: Duration| now.saturating_sub(stamp).as_secs_f64();
    let version = [("version", env!("CARGO_PKG_VERSION"))];
    page.family("lookhear_build_info", "gauge", "The version that runs; always 1.")
        .labelled(&version, 1);
    page.gauge(
        "lookhear_healthy",
        "1 while all stages are well.",
        troubles(status, now).is_empty(),
    );
    page.gauge(
        "lookhear_status_age_seconds",
        "Time since the state was last told.",
        age(status.stamp),
    );
    let percept_age = percept.map(|percept| age(percept.stamp));
    page.gauge_if(
        "lookhear_percept_age_seconds",
        "Time since the picture of the latest percept.",
        percept_age,
    );
    page.gauge(
        "lookhear_percepts_per_second",
        "Percepts a second, over the last seconds.",
        status.percepts_per_second,
    );
    page.gauge(
        "lookhear_frames_per_second",
        "Frames a second from the camera, over the last seconds.",
        status.frames_per_second,
    );
    let similarity = percept.map(|percept| percept.similarity);
    page.gauge_if(
        "lookhear_similarity",
        "The greatest similarity of picture and sound, -1 to 1.",
        similarity,
    );
    page.gauge(
        "lookhear_similarity_threshold",
        "From which similarity on a percept counts.",
        status.threshold,
    );
    page.gauge_if(
        "lookhear_probability",
        "How likely the source is in view, at the peak, 0 to 1.",
        percept.and_then(|percept| percept.probability),
    );
    let accepted = percept.is_some_and(|percept| percept.accepted);
    page.gauge(
        "lookhear_source_in_view",
        "1 while something in view makes the sound.",
        accepted,
    );
    page.gauge(
        "lookhear_level_dbfs",
        "How loud it is just now, in decibels below full scale.",
        status.meter.decibels(),
    );
    page.gauge(
        "lookhear_confidence",
        "How sure the target is, 0 to 1.",
        status.attention.confidence,
    );
    let mut states = page.family(
        "lookhear_attention_state",
        "gauge",
        "1 for what attention is doing, 0 for the rest.",
    );
    for (name, state) in [
        ("idle", State::Idle),
        ("candidate", State::Candidate),
        ("tracking", State::Tracking),
        ("holding", State::Holding),
        ("home", State::Home),
    ] {
        states.labelled(&[("state", name)], u8::from(status.attention.state == state));
    }
    page.gauge(
        "lookhear_paused",
        "1 while a person paused the movement of the camera.",
        status.paused,
    );
    page.gauge("lookhear_moving", "1 while the camera is being turned.", status.moving);
    let pan = status.orientation.map(|orientation| orientation.pan_degrees);
    page.gauge_if("lookhear_pan_degrees", "Where the camera looks, to the right.", pan);
    let tilt = status.orientation.map(|orientation| orientation.tilt_degrees);
    page.gauge_if("lookhear_tilt_degrees", "Where the camera looks, upward.", tilt);
    page.gauge_if(
        "lookhear_temperature_celsius",
        "The hottest thermal zone.",
        status.temperature_celsius,
    );
    page.gauge(
        "lookhear_throttled",
        "1 while perception is slowed down because of heat.",
        status.throttled,
    );
}

fn about_stages(page: &mut Page, status: &Status) {
    let mut fresh = page.family("lookhear_stage_fresh", "gauge", "1 while a stage gives signs of life.");
    for stage in &status.stages {
        fresh.labelled(&[("stage", &stage.name)], u8::from(stage.fresh));
    }
    let mut restarts = page.family(
        "lookhear_stage_restarts_total",
        "counter",
        "How often a stage was started again.",
    );
    for stage in &status.stages {
        restarts.labelled(&[("stage", &stage.name)], stage.restarts);
    }
}

fn about_server(page: &mut Page, served: &Served<'_>) {
    let Visits {
        viewers,
        picture_places,
        event_places,
        accepted,
        refused,
        lost,
    } = served.visits;
    let mut watching = page.family(
        "lookhear_web_viewers",
        "gauge",
        "Who watches the picture, and who follows the events.",
    );
    for (kind, places) in [("picture", picture_places), ("events", event_places)] {
        watching.labelled(&[("kind", kind)], viewers.saturating_sub(places.available_permits()));
    }
    page.family("lookhear_web_pictures_total", "counter", "Pictures drawn for the page.")
        .plain(served.pictures_drawn);
    page.family(
        "lookhear_web_events_missed_total",
        "counter",
        "Events that followers were too slow for.",
    )
    .plain(served.events_missed);
    let mut requests = page.family(
        "lookhear_web_requests_total",
        "counter",
        "What was asked of the device, and what became of it.",
    );
    for (outcome, count) in [("accepted", accepted), ("refused", refused), ("lost", lost)] {
        requests.labelled(&[("outcome", outcome)], count.load(Ordering::Relaxed));
    }
}

/// The text as it grows.
#[derive(Default)]
struct Page(String);

impl Page {
    /// Begins a metric; what follows are its values.
    fn family<'a>(&'a mut self, name: &'a str, kind: &str, help: &str) -> Values<'a> {
        let _ = writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}");
        Values {
            name,
            text: &mut self.0,
        }
    }

    fn gauge(&mut self, name: &str, help: &str, value: impl Number) {
        self.family(name, "gauge", help).plain(value.number());
    }

    /// A value that is not known is left out.
    fn gauge_if(&mut self, name: &str, help: &str, value: Option<impl Number>) {
        if let Some(value) = value {
            self.gauge(name, help, value);
        }
    }
}

/// A number as Prometheus has it.
trait Number {
    fn number(self) -> f64;
}

impl Number for bool {
    fn number(self) -> f64 {
        f64::from(u8::from(self))
    }
}

impl Number for f32 {
    fn number(self) -> f64 {
        f64::from(self)
    }
}

impl Number for f64 {
    fn number(self) -> f64 {
        self
    }
}

struct Values<'a> {
    name: &'a str,
    text: &'a mut String,
}

impl Values<'_> {
    fn plain(self, value: impl Display) {
        let _ = writeln!(self.text, "{} {value}", self.name);
    }

    fn labelled(&mut self, labels: &[(&str, &str)], value: impl Display) {
        let labels: Vec<String> = labels
            .iter()
            .map(|(name, text)| format!("{name}=\"{}\"", escaped(text)))
            .collect();
        let _ = writeln!(self.text, "{}{{{}}} {value}", self.name, labels.join(","));
    }
}

fn escaped(text: &str) -> String {
    text.replace('\\', r"\\").replace('"', "\\\"").replace('\n', r"\n")
}

#[cfg(test)]
mod tests {
    use lookhear_board::Orientation;

    use super::*;
    use crate::actuation::status::StageStatus;

    #[test]
    fn numbers_are_told_as_prometheus_reads_them() {
        let status = Status {
            stamp: Duration::from_secs(4),
            orientation: Some(Orientation {
                pan_degrees: -12.5,
                tilt_degrees: 3.0,
            }),
            stages: vec![StageStatus {
                name: "a\"b\\c\n".to_owned(),
                fresh: true,
                restarts: 3,
                trouble: None,
            }],
            ..Status::default()
        };
        let visits = Visits::new(4);
        let _viewer = visits.watch_pictures();
        let served = Served {
            visits: &visits,
            pictures_drawn: 7,
            events_missed: 2,
        };
        let text = metrics(&status, Duration::from_millis(4500), &served);
        for line in [
            "# TYPE lookhear_stage_restarts_total counter",
            r#"lookhear_stage_restarts_total{stage="a\"b\\c\n"} 3"#,
            "lookhear_status_age_seconds 0.5",
            "lookhear_pan_degrees -12.5",
            r#"lookhear_attention_state{state="idle"} 1"#,
            r#"lookhear_web_viewers{kind="picture"} 1"#,
            "lookhear_web_pictures_total 7",
            "lookhear_healthy 1",
        ] {
            assert!(text.lines().any(|found| found == line), "{line}\n{text}");
        }
        assert!(
            !text.contains("lookhear_temperature_celsius"),
            "what is not known is left out"
        );
        assert!(text.ends_with('\n'));
    }

    #[test]
    fn there_are_only_so_many_places() {
        let visits = Visits::new(2);
        let places = [visits.follow_events(), visits.follow_events(), visits.follow_events()];
        assert_eq!(places.each_ref().map(Option::is_some), [true, true, false]);
        drop(places);
        assert!(visits.follow_events().is_some());
    }
}
