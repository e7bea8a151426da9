#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::sync::Arc;

use lookhear_board::ptz::{SimulatedHead, SimulatedHeadSettings};
use lookhear_board::{Clock, ManualClock, Ptz};
use proptest::prelude::*;

use super::*;

const TICK: Duration = Duration::from_millis(50);

fn at(pan: f64, tilt: f64) -> Orientation {
    Orientation {
        pan_degrees: pan,
        tilt_degrees: tilt,
    }
}

/// Heads of every sort.
fn heads() -> Vec<SimulatedHeadSettings> {
    let mut heads = Vec::new();
    for (absolute, continuous) in [(true, true), (true, false), (false, true)] {
        for tells_orientation in [true, false] {
            heads.push(SimulatedHeadSettings {
                absolute,
                continuous,
                tells_orientation,
                ..SimulatedHeadSettings::default()
            });
        }
    }
    heads
}

/// A controller that turns a simulated head, and what it did.
struct Rig {
    clock: Arc<ManualClock>,
    head: SimulatedHead,
    controller: Controller,
    situation: Situation,
    commands: Vec<(Duration, Command)>,
    /// How often the head refuses, of ten.
    refuses: u64,
}

impl Rig {
    fn new(head: SimulatedHeadSettings) -> Self {
        Self::with(head, ControllerSettings::default(), Zone::EVERYWHERE)
    }

    fn with(head: SimulatedHeadSettings, settings: ControllerSettings, allowed: Zone) -> Self {
        let clock = Arc::new(ManualClock::new(Duration::from_secs(100)));
        let head = SimulatedHead::new(clock.clone(), head);
        let controller = Controller::new(settings, head.abilities().clone(), allowed);
        Self {
            clock,
            head,
            controller,
            situation: Situation {
                attention: Some(Attention::default()),
                percept_age: Some(Duration::from_millis(200)),
                ..Situation::default()
            },
            commands: Vec::new(),
            refuses: 0,
        }
    }

    fn look_at(&mut self, bearing: Orientation) {
        self.situation.attention = Some(Attention {
            state: State::Tracking,
            bearing: Some(bearing),
            ..Attention::default()
        });
    }

    fn step(&mut self) -> Command {
        self.clock.advance(TICK);
        let now = self.clock.now();
        self.situation.orientation = self.head.orientation().unwrap();
        self.situation.is_moving = self.head.is_moving().unwrap();
        let command = self.controller.step(now, &self.situation);
        self.situation.request = None;
        if command != Command::Rest {
            self.commands.push((now, command));
            if (now.as_millis() as u64).wrapping_mul(0x9E37_79B9) >> 7 & 7 < self.refuses {
                self.controller.refused(now);
                return command;
            }
        }
        match command {
            Command::Rest => {}
            Command::MoveTo(to, speed) => self.head.move_to(to, speed).unwrap(),
            Command::Drive(velocity) => self.head.drive(velocity).unwrap(),
            Command::Stop => self.head.stop().unwrap(),
            Command::GoHome => self.head.go_home().unwrap(),
        }
        command
    }

    fn pass(&mut self, seconds: f64) -> Vec<Command> {
        let steps = (seconds / TICK.as_secs_f64()).round() as usize;
        (0..steps)
            .map(|_| self.step())
            .filter(|command| *command != Command::Rest)
            .collect()
    }

    /// Where the camera really looks.
    fn looks(&self) -> Orientation {
        self.head.eye().orientation_at(self.clock.now())
    }

    /// How fast it really turns.
    fn speed(&self) -> f64 {
        let now = self.clock.now();
        angle_degrees(
            self.head.eye().orientation_at(now),
            self.head.eye().orientation_at(now - TICK),
        ) / TICK.as_secs_f64()
    }
}

fn is_movement(command: &Command) -> bool {
    !matches!(command, Command::Rest | Command::Stop)
}

#[test]
fn every_head_is_turned_to_the_target_and_comes_to_rest() {
    for settings in heads() {
        let mut rig = Rig::new(settings.clone());
        rig.look_at(at(40.0, 15.0));
        rig.pass(6.0);
        let beside = angle_degrees(rig.looks(), at(40.0, 15.0));
        assert!(beside <= 4.0, "{beside}° beside with {settings:?}: {:?}", rig.commands);
        assert_eq!(rig.pass(20.0), [], "{settings:?}");
        assert_eq!(rig.speed(), 0.0);
    }
}

#[test]
fn within_the_outer_dead_zone_nothing_moves() {
    for settings in heads() {
        let mut rig = Rig::new(settings);
        rig.look_at(at(5.5, 5.5));
        assert_eq!(rig.pass(10.0), []);
        rig.look_at(at(7.0, 7.0));
        assert!(is_movement(&rig.pass(1.0)[0]));
    }
}

#[test]
fn an_idle_attention_sends_nothing_and_one_at_home_sends_home_once() {
    for settings in heads() {
        let mut rig = Rig::new(settings.clone());
        assert_eq!(rig.pass(10.0), []);
        rig.look_at(at(-60.0, 0.0));
        rig.pass(6.0);
        rig.situation.attention = Some(Attention {
            state: State::Home,
            ..Attention::default()
        });
        rig.pass(10.0);
        assert!(
            angle_degrees(rig.looks(), at(0.0, 0.0)) <= 4.0,
            "{settings:?} {:?}",
            rig.looks()
        );
        assert_eq!(rig.pass(60.0), [], "{settings:?}");
    }
}

#[test]
fn home_may_lie_elsewhere() {
    let settings = ControllerSettings {
        home_degrees: Some([30.0, 10.0]),
        ..ControllerSettings::default()
    };
    let mut rig = Rig::with(SimulatedHeadSettings::default(), settings, Zone::EVERYWHERE);
    rig.situation.attention = Some(Attention {
        state: State::Home,
        ..Attention::default()
    });
    rig.pass(5.0);
    assert!(angle_degrees(rig.looks(), at(30.0, 10.0)) < 0.1);
    assert_eq!(rig.commands.len(), 1);
}

#[test]
fn a_target_found_on_the_way_stops_the_camera_there() {
    let mut rig = Rig::new(SimulatedHeadSettings {
        fastest_pan: 10.0,
        ..SimulatedHeadSettings::default()
    });
    rig.look_at(at(60.0, 0.0));
    rig.pass(1.0);
    rig.look_at(at(25.0, 0.0));
    rig.pass(6.0);
    assert!(angle_degrees(rig.looks(), at(25.0, 0.0)) < 4.0, "{:?}", rig.looks());
    assert_eq!(rig.commands.len(), 2);
    assert_eq!(rig.commands[1].1, Command::Stop);
}

#[test]
fn a_thing_that_seems_elsewhere_from_each_side_does_not_make_the_camera_hunt() {
    for settings in heads() {
        let mut rig = Rig::new(settings.clone());
        for _ in 0..ticks(60.0) {
            let seems = if rig.looks().pan_degrees > 22.0 { 18.0 } else { 27.0 };
            rig.look_at(at(seems, 0.0));
            rig.step();
        }
        let late = rig.pass(60.0);
        assert!(!late.iter().any(is_movement), "{settings:?}: {late:?}");
        assert!((17.0..28.0).contains(&rig.looks().pan_degrees), "{:?}", rig.looks());
    }
}

#[test]
fn stale_percepts_and_a_dead_attention_stop_the_camera() {
    for settings in heads() {
        for stale in [true, false] {
            let mut rig = Rig::new(SimulatedHeadSettings {
                fastest_pan: 10.0,
                ..settings.clone()
            });
            rig.look_at(at(60.0, 0.0));
            rig.pass(1.0);
            if stale {
                rig.situation.percept_age = Some(Duration::from_millis(2100));
            } else {
                rig.situation.attention = None;
            }
            assert_eq!(rig.pass(0.05), [Command::Stop]);
            rig.pass(1.0);
            assert_eq!(rig.speed(), 0.0);
            assert!(!rig.pass(10.0).iter().any(is_movement));
        }
    }
}

#[test]
fn after_a_pause_nothing_moves_until_it_ends() {
    for settings in heads() {
        let mut rig = Rig::new(settings);
        rig.look_at(at(60.0, 0.0));
        rig.pass(0.2);
        rig.situation.paused = true;
        for request in [Request::Home, Request::Drive { pan: 20.0, tilt: 0.0 }] {
            rig.situation.request = Some(request);
            assert!(!rig.pass(5.0).iter().any(is_movement));
        }
        assert_eq!(rig.speed(), 0.0);
        rig.situation.paused = false;
        rig.pass(6.0);
        assert!(angle_degrees(rig.looks(), at(60.0, 0.0)) < 4.0);
    }
}

#[test]
fn a_turn_by_hand_ends_by_itself_and_pauses_tracking() {
    for settings in heads() {
        let mut rig = Rig::new(settings.clone());
        rig.look_at(at(0.0, 0.0));
        rig.situation.request = Some(Request::Drive { pan: -20.0, tilt: 0.0 });
        rig.pass(3.0);
        let turned = rig.looks();
        assert!(
            (-30.0..-8.0).contains(&turned.pan_degrees),
            "{turned:?} with {settings:?}"
        );
        assert_eq!(rig.speed(), 0.0);
        assert!(!rig.pass(25.0).iter().any(is_movement));
        assert_eq!(rig.looks(), turned);
        rig.pass(10.0);
        assert!(angle_degrees(rig.looks(), at(0.0, 0.0)) < 4.5, "{settings:?}");
    }
}

#[test]
fn a_person_sends_the_camera_home() {
    for settings in heads() {
        let mut rig = Rig::new(settings);
        rig.look_at(at(50.0, 0.0));
        rig.pass(0.5);
        rig.situation.request = Some(Request::Home);
        rig.pass(12.0);
        // Who only takes speeds and does not tell where it looks is taken to have followed at once.
        assert!(
            angle_degrees(rig.looks(), at(0.0, 0.0)) < 8.0,
            "{:?} {:?}",
            rig.looks(),
            rig.commands
        );
    }
}

#[test]
fn a_stop_that_was_refused_comes_again() {
    for settings in heads() {
        let mut rig = Rig::new(settings);
        rig.look_at(at(80.0, 0.0));
        rig.pass(0.3);
        rig.refuses = 8;
        rig.situation.paused = true;
        let stops = rig.pass(5.0);
        assert!(stops.len() > 5 && stops.iter().all(|command| *command == Command::Stop));
        rig.refuses = 0;
        rig.pass(1.0);
        assert_eq!(rig.speed(), 0.0);
        assert_eq!(rig.pass(5.0), []);
    }
}

#[test]
fn a_head_that_refused_for_a_while_still_gets_home() {
    for settings in heads() {
        let mut rig = Rig::new(settings.clone());
        rig.look_at(at(40.0, 0.0));
        rig.pass(6.0);
        rig.situation.attention = Some(Attention {
            state: State::Home,
            ..Attention::default()
        });
        rig.refuses = 8;
        rig.pass(20.0);
        rig.refuses = 0;
        rig.pass(20.0);
        let beside = angle_degrees(rig.looks(), at(0.0, 0.0));
        assert!(beside <= 4.0, "{beside}° beside with {settings:?}");
        assert_eq!(rig.pass(5.0), []);
    }
}

#[test]
fn a_place_that_cannot_be_reached_is_let_be() {
    let settings = SimulatedHeadSettings::default();
    let mut rig = Rig::new(settings);
    // It says that it can do more than it does.
    rig.controller.reach = Zone::EVERYWHERE;
    rig.look_at(at(0.0, -80.0));
    rig.pass(120.0);
    let movements = rig.commands.iter().filter(|(_, command)| is_movement(command)).count();
    assert_eq!(movements, MOST_TRIES as usize);
}

#[test]
fn percepts_count_only_while_the_camera_rests() {
    for settings in heads() {
        let mut rig = Rig::new(settings.clone());
        rig.pass(1.0);
        assert_eq!(rig.controller.looked_at(rig.clock.now()), Some(at(0.0, 0.0)));
        rig.look_at(at(40.0, 0.0));
        for _ in 0..ticks(8.0) {
            let before = rig.looks();
            rig.step();
            let stamp = rig.clock.now() - TICK;
            if rig.speed() > 0.5 {
                assert_eq!(rig.controller.looked_at(stamp), None, "{settings:?}");
            } else if let Some(looked) = rig.controller.looked_at(stamp) {
                assert!(
                    angle_degrees(looked, before) < 4.0,
                    "{settings:?}: {looked:?} {before:?}"
                );
            }
        }
        assert!(rig.controller.looked_at(rig.clock.now()).is_some());
    }
}

fn ticks(seconds: f64) -> usize {
    (seconds / TICK.as_secs_f64()).round() as usize
}

/// What may happen to a rig.
#[derive(Debug, Clone)]
enum Event {
    Look(f64, f64),
    State(State),
    Age(u64),
    Dead,
    Paused(bool),
    Request(Request),
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        4 => (-200.0f64..200.0, -95.0f64..95.0).prop_map(|(pan, tilt)| Event::Look(pan, tilt)),
        1 => prop::sample::select(vec![State::Idle, State::Candidate, State::Home]).prop_map(Event::State),
        1 => (0u64..4000).prop_map(Event::Age),
        1 => Just(Event::Dead),
        1 => any::<bool>().prop_map(Event::Paused),
        1 => (-300.0f64..300.0, -300.0f64..300.0)
            .prop_map(|(pan, tilt)| Event::Request(Request::Drive { pan, tilt })),
        1 => prop::sample::select(vec![Request::Home, Request::Stop]).prop_map(Event::Request),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_it_keeps_its_promises(
        script in prop::collection::vec((event(), 0.0f64..4.0), 1..25),
        head in 0usize..6,
        refuses in prop::sample::select(vec![0u64, 0, 3]),
        zone in (-60.0f64..0.0, 0.0f64..60.0, -20.0f64..0.0, 0.0f64..40.0),
    ) {
        let head = heads().swap_remove(head);
        let settings = ControllerSettings::default();
        let zone = Zone::new([zone.0, zone.1], [zone.2, zone.3]).unwrap();
        let mut rig = Rig::with(head.clone(), settings.clone(), zone);
        rig.refuses = refuses;
        let limit = settings.fastest_degrees_per_second;
        let step = settings.acceleration_degrees_per_second_squared * settings.response().as_secs_f64() + 1e-9;
        let mut before = Velocity::default();
        let mut sent: Option<Duration> = None;
        for (event, seconds) in script {
            match event {
                Event::Look(pan, tilt) => rig.look_at(at(pan, tilt)),
                Event::State(state) => rig.situation.attention = Some(Attention { state, ..Attention::default() }),
                Event::Age(age) => rig.situation.percept_age = Some(Duration::from_millis(age)),
                Event::Dead => rig.situation.attention = None,
                Event::Paused(paused) => rig.situation.paused = paused,
                Event::Request(request) => rig.situation.request = Some(request),
            }
            let paused = rig.situation.paused;
            for _ in 0..ticks(seconds) {
                let was_moving = rig.controller.movement.map(|movement| movement.kind);
                let command = rig.step();
                prop_assert!(!(paused && is_movement(&command)), "{command:?} while paused");
                match command {
                    Command::Rest => {}
                    Command::Stop => before = Velocity::default(),
                    Command::MoveTo(to, speed) => {
                        prop_assert!(zone.contains(to), "{to:?}");
                        prop_assert!(speed.pan.abs() <= limit && speed.tilt.abs() <= limit);
                        prop_assert!(was_moving.is_none() || rig.controller.ended == Some(rig.clock.now()));
                    }
                    Command::GoHome => {
                        prop_assert!(was_moving.is_none() || rig.controller.ended == Some(rig.clock.now()));
                    }
                    Command::Drive(velocity) => {
                        prop_assert!(velocity.pan.abs() <= limit && velocity.tilt.abs() <= limit);
                        prop_assert!((velocity.pan - before.pan).abs() <= step && (velocity.tilt - before.tilt).abs() <= step);
                        let now = rig.clock.now();
                        prop_assert!(sent.is_none_or(|sent| now - sent >= settings.response()), "too soon after the last");
                        sent = Some(now);
                        before = velocity;
                    }
                }
                // One that does not take a stop runs on.
                if head.tells_orientation && refuses == 0 {
                    let looks = rig.looks();
                    let nearest = zone.nearest(looks);
                    // What it takes a head to brake that is stopped in full flight, or creeps to an edge.
                    prop_assert!(angle_degrees(looks, nearest) < 1.5, "{looks:?} is outside of {zone:?}");
                }
            }
        }
        // Left alone it comes to rest, and at home.
        rig.refuses = 0;
        rig.situation.paused = false;
        rig.situation.percept_age = Some(Duration::ZERO);
        rig.situation.attention = Some(Attention { state: State::Home, ..Attention::default() });
        rig.pass(60.0);
        prop_assert_eq!(rig.pass(5.0), []);
        prop_assert_eq!(rig.speed(), 0.0);
        if head.tells_orientation {
            prop_assert!(angle_degrees(rig.looks(), at(0.0, 0.0)) <= 4.0, "{:?}", rig.looks());
        }
    }
}

#[test]
fn a_stop_that_turns_out_late_not_to_have_arrived_is_said_again() {
    let mut rig = Rig::new(SimulatedHeadSettings::default());
    for _ in 0..20 {
        assert_eq!(rig.step(), Command::Rest);
    }
    // The driver learned only now that what it was told a while ago never arrived.
    rig.controller.refused(rig.clock.now());
    let stops = (0..40).filter(|_| rig.step() == Command::Stop).count();
    assert!(stops >= 1);
}

#[test]
fn a_person_who_says_stop_is_believed_though_the_head_says_that_it_rests() {
    let mut rig = Rig::new(SimulatedHeadSettings::default());
    rig.step();
    rig.situation.request = Some(Request::Stop);
    assert_eq!(rig.step(), Command::Stop);
    for _ in 0..40 {
        rig.step();
    }
    rig.situation.paused = true;
    assert_eq!(rig.step(), Command::Stop);
}
