#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::sync::{Arc, Mutex};
use std::thread;

use lookhear_board::{Clock, MonotonicClock, Velocity};

use super::*;

/// What a head was told, in order.
type Heard = Arc<Mutex<Vec<&'static str>>>;

/// A head that notes what it is told, and does not take the first stops after a movement.
struct NotingHead {
    heard: Heard,
    abilities: Abilities,
    moved: bool,
    refuses_stops: usize,
}

impl NotingHead {
    fn new(refuses_stops: usize) -> (Self, Heard) {
        let heard = Heard::default();
        let head = Self {
            heard: heard.clone(),
            abilities: Abilities {
                absolute: true,
                continuous: true,
                tells_orientation: true,
                pan_degrees: -90.0..=90.0,
                tilt_degrees: -30.0..=30.0,
                fastest: Velocity { pan: 60.0, tilt: 60.0 },
            },
            moved: false,
            refuses_stops,
        };
        (head, heard)
    }

    fn note(&self, what: &'static str) {
        self.heard.lock().unwrap().push(what);
    }
}

impl Ptz for NotingHead {
    fn abilities(&self) -> &Abilities {
        &self.abilities
    }

    fn orientation(&mut self) -> Result<Option<Orientation>, PtzError> {
        Ok(Some(Orientation::default()))
    }

    fn is_moving(&mut self) -> Result<Option<bool>, PtzError> {
        Ok(Some(false))
    }

    fn move_to(&mut self, _to: Orientation, _speed: Velocity) -> Result<(), PtzError> {
        self.moved = true;
        self.note("move");
        Ok(())
    }

    fn drive(&mut self, _velocity: Velocity) -> Result<(), PtzError> {
        self.moved = true;
        self.note("drive");
        Ok(())
    }

    fn stop(&mut self) -> Result<(), PtzError> {
        if self.moved && self.refuses_stops > 0 {
            self.refuses_stops -= 1;
            self.note("refused");
            return Err(PtzError::Retry {
                device: "head".to_owned(),
                cause: "no answer".to_owned(),
            });
        }
        self.note("stop");
        Ok(())
    }

    fn go_home(&mut self) -> Result<(), PtzError> {
        self.note("home");
        Ok(())
    }
}

fn told(command: Command) -> Option<Told> {
    Some(Told {
        command,
        picture: Duration::ZERO,
        inference: Duration::ZERO,
    })
}

const DRIVE: Command = Command::Drive(Velocity { pan: 5.0, tilt: 0.0 });
const LONG: Duration = Duration::from_secs(1 << 40);

/// Runs a head while `conduct` tells it what to do; gives what it heard.
fn conducted(
    refuses_stops: usize,
    deadman: Duration,
    line: &HeadLine,
    conduct: impl FnOnce(&Heard),
) -> Vec<&'static str> {
    let (mut head, heard) = NotingHead::new(refuses_stops);
    let pulse = Pulse::new(Arc::new(MonotonicClock));
    thread::scope(|scope| {
        let stages = scope.spawn(|| run(&mut head, line, deadman, &pulse).unwrap());
        while line.report.read().abilities.is_none() {
            thread::sleep(Duration::from_millis(2));
        }
        conduct(&heard);
        pulse.stop();
        stages.join().unwrap();
    });
    let heard = heard.lock().unwrap();
    heard.clone()
}

fn wait_for(heard: &Heard, what: &str) {
    for _ in 0..2000 {
        if heard.lock().unwrap().contains(&what) {
            return;
        }
        thread::sleep(Duration::from_millis(2));
    }
    panic!("it never heard {what}: {:?}", heard.lock().unwrap());
}

fn alive(line: &HeadLine) {
    line.alive.post(|alive| *alive = MonotonicClock.now());
}

#[test]
fn what_was_decided_before_the_head_was_there_is_not_done() {
    let line = HeadLine::default();
    line.commands.put(&mut told(DRIVE));
    let heard = conducted(0, LONG, &line, |_| thread::sleep(Duration::from_millis(150)));
    assert_eq!(heard, ["stop", "stop"], "at the beginning and at the end");
}

#[test]
fn a_pause_lets_nothing_through_that_was_decided_before() {
    let line = HeadLine::default();
    let heard = conducted(0, LONG, &line, |heard| {
        line.paused.store(true, Ordering::Release);
        line.commands.put(&mut told(DRIVE));
        thread::sleep(Duration::from_millis(200));
        assert!(!heard.lock().unwrap().contains(&"drive"));
    });
    assert!(heard.iter().all(|heard| *heard == "stop"), "{heard:?}");
}

#[test]
fn a_stop_that_was_refused_is_said_again() {
    let line = HeadLine::default();
    let heard = conducted(3, LONG, &line, |heard| {
        line.commands.put(&mut told(DRIVE));
        wait_for(heard, "drive");
        line.commands.put(&mut told(Command::Stop));
        wait_for(heard, "refused");
        thread::sleep(Duration::from_millis(400));
    });
    assert_eq!(
        heard,
        ["stop", "drive", "refused", "refused", "refused", "stop", "stop"]
    );
}

#[test]
fn it_stops_when_nobody_decides_any_more() {
    let line = HeadLine::default();
    alive(&line);
    let heard = conducted(0, Duration::from_millis(300), &line, |heard| {
        alive(&line);
        line.commands.put(&mut told(DRIVE));
        wait_for(heard, "drive");
        thread::sleep(Duration::from_millis(700));
    });
    assert_eq!(heard, ["stop", "drive", "stop", "stop"]);
}
