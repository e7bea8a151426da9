#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::channel;

use lookhear_board::ManualClock;

use super::*;

const PATIENCE: Duration = Duration::from_secs(2);

fn plan(name: &'static str, work: impl Fn(&Pulse) -> StageResult + Send + Sync + 'static) -> StagePlan {
    StagePlan {
        name,
        work: Arc::new(work),
        patience: PATIENCE,
        start_patience: Duration::from_secs(10),
    }
}

/// Works until it is stopped.
fn diligent(pulse: &Pulse) -> StageResult {
    while !pulse.should_stop() {
        pulse.beat();
        thread::sleep(Duration::from_millis(1));
    }
    Ok(())
}

/// A supervisor and its clock, which moves only while the stages get real time to keep up with it.
struct House {
    clock: Arc<ManualClock>,
    supervisor: Supervisor,
}

impl House {
    fn new(plans: Vec<StagePlan>) -> Self {
        let clock = Arc::new(ManualClock::new(Duration::from_secs(100)));
        let supervisor = Supervisor::new(clock.clone(), plans);
        Self { clock, supervisor }
    }

    fn pass(&mut self, time: Duration) {
        let tick = Duration::from_millis(100);
        for _ in 0..time.as_millis() / tick.as_millis() {
            self.supervisor.tick();
            thread::sleep(Duration::from_millis(8));
            self.clock.advance(tick);
            thread::sleep(Duration::from_millis(4));
        }
        self.supervisor.tick();
    }

    fn status(&self, name: &str) -> StageStatus {
        self.supervisor
            .statuses()
            .into_iter()
            .find(|status| status.name == name)
            .unwrap()
    }
}

#[test]
fn a_stage_that_fails_is_started_again_and_its_neighbour_goes_on() {
    let starts = Arc::new(AtomicUsize::new(0));
    let counted = starts.clone();
    let failing = move |pulse: &Pulse| {
        if counted.fetch_add(1, Ordering::SeqCst) < 3 {
            return Err("the camera is gone".into());
        }
        diligent(pulse)
    };
    let mut house = House::new(vec![plan("camera", failing), plan("web", diligent)]);
    house.pass(Duration::from_millis(400));
    assert_eq!(house.status("camera").trouble.as_deref(), Some("the camera is gone"));
    assert!(!house.status("camera").fresh);
    house.pass(Duration::from_secs(4));
    let camera = house.status("camera");
    assert_eq!((camera.fresh, camera.restarts, camera.trouble), (true, 3, None));
    assert_eq!(starts.load(Ordering::SeqCst), 4);
    let web = house.status("web");
    assert_eq!((web.fresh, web.restarts), (true, 0));
}

#[test]
fn failures_in_a_row_are_tried_ever_more_seldom() {
    let starts = Arc::new(AtomicUsize::new(0));
    let counted = starts.clone();
    let mut house = House::new(vec![plan("camera", move |_| {
        counted.fetch_add(1, Ordering::SeqCst);
        Err("no such device".into())
    })]);
    house.pass(Duration::from_secs(30));
    // 0.25 + 0.5 + 1 + 2 + 4 and then every 5 s, each rounded up to the tick.
    assert!((8..=11).contains(&starts.load(Ordering::SeqCst)), "{starts:?}");
}

#[test]
fn a_panic_is_a_failure_like_any_other() {
    let mut house = House::new(vec![plan("perception", |_| panic!("index out of bounds"))]);
    // Telling of a panic takes its time.
    for _ in 0..600 {
        house.pass(Duration::from_millis(100));
        if let Some(trouble) = house.status("perception").trouble {
            assert_eq!(trouble, "it panicked: index out of bounds");
            return;
        }
    }
    panic!("nobody told of it");
}

#[test]
fn a_stage_that_falls_silent_is_replaced_and_is_stuck_only_if_that_does_not_help() {
    // The first start hangs after a beat, as in a driver that never returns; the test lets it go at the end.
    let (release, hang) = channel::<()>();
    let hang = std::sync::Mutex::new(hang);
    let (busy, starts): (Arc<AtomicUsize>, _) = (Arc::new(AtomicUsize::new(1)), AtomicUsize::new(0));
    let device_is_busy = busy.clone();
    let work = move |pulse: &Pulse| {
        if starts.fetch_add(1, Ordering::SeqCst) == 0 {
            thread::sleep(Duration::from_millis(3));
            pulse.beat();
            let _ = hang.lock().unwrap().recv();
            return Ok(());
        }
        if device_is_busy.load(Ordering::SeqCst) == 1 {
            return Err("the device is busy".into());
        }
        diligent(pulse)
    };
    let mut house = House::new(vec![plan("camera", work)]);
    house.pass(Duration::from_secs(1));
    assert_eq!(house.supervisor.stuck(), None);
    house.pass(Duration::from_secs(12));
    assert_eq!(house.supervisor.stuck(), Some("camera"));
    busy.store(0, Ordering::SeqCst);
    house.pass(Duration::from_secs(6));
    assert_eq!(
        house.supervisor.stuck(),
        None,
        "the second one got on, though the first still hangs"
    );
    assert!(house.status("camera").fresh);
    drop(release);
}

#[test]
fn stages_are_stopped_but_for_those_that_are_kept() {
    let house_clock: Arc<dyn Clock> = Arc::new(lookhear_board::MonotonicClock);
    let mut supervisor = Supervisor::new(
        house_clock,
        vec![
            plan("camera", diligent),
            plan("ptz", diligent),
            plan("deaf", |pulse| {
                for _ in 0..40 {
                    pulse.beat();
                    thread::sleep(Duration::from_millis(20));
                }
                Ok(())
            }),
        ],
    );
    supervisor.tick();
    thread::sleep(Duration::from_millis(20));
    assert_eq!(supervisor.stop(&["ptz"], Duration::from_millis(100)), ["deaf"]);
    assert!(supervisor.stop(&[], Duration::from_secs(1)).is_empty());
}

#[test]
fn a_stage_that_has_much_to_load_is_given_the_time_for_it() {
    let clock: Arc<dyn Clock> = Arc::new(lookhear_board::MonotonicClock);
    let slow = |pulse: &Pulse| {
        thread::sleep(Duration::from_millis(300));
        diligent(pulse)
    };
    let plan = StagePlan {
        patience: Duration::from_millis(60),
        start_patience: Duration::from_secs(30),
        ..plan("perception", slow)
    };
    let mut supervisor = Supervisor::new(clock, vec![plan]);
    let begun = std::time::Instant::now();
    while !supervisor.statuses()[0].fresh && begun.elapsed() < Duration::from_secs(20) {
        supervisor.tick();
        thread::sleep(Duration::from_millis(10));
    }
    let status = &supervisor.statuses()[0];
    assert_eq!((status.restarts, &status.trouble), (0, &None));
    supervisor.stop(&[], Duration::from_secs(1));
}
