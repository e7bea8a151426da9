#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::sync::mpsc::{Sender, channel};

use lookhear_board::MonotonicClock;
use lookhear_calibration::Level;

use super::*;
use crate::attention::Attention;

fn event(milliseconds: u64) -> PerceptEvent {
    let time = Duration::from_millis(milliseconds);
    PerceptEvent::new(time, None, &Attention::default(), Level::SILENCE)
}

#[test]
fn an_absent_reader_costs_drops_and_no_time() {
    let (sink, queue) = EventSink::queue();
    for number in 0..MOST_WAITING as u64 + 7 {
        sink.offer(&event(number));
    }
    assert_eq!(sink.dropped(), 7);
    drop(queue);
    sink.offer(&event(0));
    assert_eq!(sink.dropped(), 8);
}

#[test]
fn every_event_becomes_a_line_of_the_file() {
    let directory = tempfile::tempdir().unwrap();
    let settings = EventsSettings {
        file: Some(directory.path().join("events.jsonl")),
        ..EventsSettings::default()
    };
    let (sink, queue) = EventSink::queue();
    let pulse = Pulse::new(Arc::new(MonotonicClock));
    for number in 0..20 {
        sink.offer(&event(number * 1000));
    }
    drop(sink);
    run(&settings, &queue, &pulse).unwrap();
    let written = || std::fs::read_to_string(settings.file.as_ref().unwrap()).unwrap_or_default();
    let deadline = std::time::Instant::now() + Duration::from_secs(20);
    while written().lines().count() < 20 {
        assert!(std::time::Instant::now() < deadline, "{}", written());
        std::thread::sleep(Duration::from_millis(5));
    }
    for (number, line) in written().lines().enumerate() {
        let read: PerceptEvent = serde_json::from_str(line).unwrap();
        assert_eq!(read, event(number as u64 * 1000));
    }
}

/// An outlet that says when it was given a line, and then hangs until the channel is closed.
struct Hanging(Sender<()>, Receiver<()>);

impl Outlet for Hanging {
    fn write(&mut self, _: &[u8]) {
        let _ = self.0.send(());
        let _ = self.1.recv();
    }
}

#[test]
fn a_reader_that_hangs_holds_nobody_up() {
    let (began, has_begun) = channel();
    let (release, until_released) = channel();
    let writer = Writer::start("hanging", Hanging(began, until_released)).unwrap();
    let line: Arc<[u8]> = b"{}\n".as_slice().into();
    assert!(writer.offer(line.clone()));
    has_begun.recv_timeout(Duration::from_secs(20)).unwrap();
    let taken = (0..MOST_WAITING + 9).filter(|_| writer.offer(line.clone())).count();
    assert_eq!(taken, MOST_WAITING);
    drop(release);
}

#[test]
fn nonsense_is_refused_and_defaults_write_nothing() {
    assert!(toml::from_str::<EventsSettings>("socket = true").is_err());
    let settings: EventsSettings = toml::from_str("").unwrap();
    assert!(!settings.enabled());
    assert!(toml::from_str::<EventsSettings>("file = '/tmp/x'").unwrap().enabled());
}
