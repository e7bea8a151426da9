#![allow(clippy::unwrap_used, clippy::expect_used)]

use proptest::prelude::*;

use super::*;
use crate::attention::{Optics, OpticsSettings, Zone};
use crate::perception::heatmap::Heatmap;

/// Between two percepts, at 5 Hz.
const TICK: Duration = Duration::from_millis(200);
const LEFT: Point = Point { x: 0.2, y: 0.4 };
const RIGHT: Point = Point { x: 0.8, y: 0.5 };
/// Two sources that no picture holds together.
const FAR_LEFT: Orientation = Orientation {
    pan_degrees: -40.0,
    tilt_degrees: 0.0,
};
const FAR_RIGHT: Orientation = Orientation {
    pan_degrees: 40.0,
    tilt_degrees: 5.0,
};

fn percept(peak: Point, accepted: bool) -> Percept {
    Percept {
        heatmap: Heatmap::default(),
        peak,
        centre: peak,
        similarity: 0.5,
        probability: None,
        accepted,
        stamp: Duration::ZERO,
    }
}

fn camera(orientation: Orientation) -> CameraView {
    CameraView {
        optics: Optics::new(&OpticsSettings::default(), 640, 480),
        orientation,
    }
}

fn still() -> CameraView {
    camera(Orientation::default())
}

/// An attender, its clock, and a camera that stands still or looks at once where it is told to.
struct Scene {
    attender: Attender,
    now: Duration,
    view: CameraView,
    turns: bool,
}

impl Scene {
    fn new() -> Self {
        Self::with(AttentionSettings::default())
    }

    fn with(settings: AttentionSettings) -> Self {
        Self {
            attender: Attender::new(settings),
            now: Duration::from_secs(1000),
            view: still(),
            turns: false,
        }
    }

    fn step(&mut self, perceived: Perceived<'_>) -> Attention {
        self.now += TICK;
        let attention = self.attender.step(self.now, perceived, self.view);
        if self.turns {
            self.view.orientation = match attention.state {
                State::Home => Orientation::default(),
                _ => attention.bearing.unwrap_or(self.view.orientation),
            };
        }
        attention
    }

    /// Lets so many seconds pass with a source at a place in the picture, or with none, and gives every step.
    fn pass(&mut self, seconds: f64, place: Option<Point>) -> Vec<Attention> {
        let percept = percept(place.unwrap_or(Point { x: 0.5, y: 0.9 }), place.is_some());
        (0..ticks(seconds))
            .map(|_| self.step(Perceived::Percept(&percept, self.view)))
            .collect()
    }

    /// The same with a source in a direction, which is found only while the picture shows it.
    fn sound(&mut self, seconds: f64, source: Orientation) -> Vec<Attention> {
        (0..ticks(seconds))
            .map(|_| {
                let place = self.view.place(source);
                let percept = percept(place.unwrap_or(Point { x: 0.5, y: 0.5 }), place.is_some());
                self.step(Perceived::Percept(&percept, self.view))
            })
            .collect()
    }
}

fn ticks(seconds: f64) -> usize {
    (seconds / TICK.as_secs_f64()).round() as usize
}

fn states(steps: &[Attention]) -> Vec<State> {
    let mut states: Vec<State> = steps.iter().map(|step| step.state).collect();
    states.dedup();
    states
}

fn is_at(attention: &Attention, place: Point) -> bool {
    attention
        .target
        .is_some_and(|target| (target.x - place.x).hypot(target.y - place.y) < 1e-3)
}

/// How often the aim goes from one bearing to another far from it.
fn jumps(steps: &[Attention]) -> usize {
    let aims: Vec<Orientation> = steps.iter().filter_map(|step| step.bearing).collect();
    aims.windows(2)
        .filter(|pair| angle_degrees(pair[0], pair[1]) > 11.0)
        .count()
}

#[test]
fn a_source_goes_through_every_state() {
    let mut scene = Scene::new();
    assert_eq!(states(&scene.pass(1.0, None)), [State::Idle]);
    let heard = scene.pass(3.0, Some(LEFT));
    assert_eq!(states(&heard), [State::Candidate, State::Tracking]);
    assert_eq!(
        heard.iter().position(|step| step.target.is_some()),
        Some(3),
        "0.6 s after it was first found"
    );
    assert!(is_at(heard.last().unwrap(), LEFT));
    let silent = scene.pass(20.0, None);
    assert_eq!(
        states(&silent),
        [State::Tracking, State::Holding, State::Idle, State::Home]
    );
    assert_eq!(
        states(&scene.pass(2.0, Some(RIGHT))),
        [State::Candidate, State::Tracking]
    );
}

#[test]
fn confidence_is_that_of_the_percepts_where_the_model_knows_it() {
    let mut attender = Attender::new(AttentionSettings::default());
    let view = CameraView {
        optics: Optics::new(&crate::attention::optics::OpticsSettings::default(), 16, 9),
        orientation: Orientation::default(),
    };
    let mut sure = |tick: u64, probability: f32| {
        let percept = Percept {
            probability: Some(probability),
            ..percept(Point { x: 0.5, y: 0.5 }, true)
        };
        let now = Duration::from_millis(200 * tick);
        attender.step(now, Perceived::Percept(&percept, view), view)
    };
    let tracked = (0..10).map(|tick| sure(tick, 0.8)).last().unwrap();
    assert_eq!(tracked.state, State::Tracking);
    assert!((tracked.confidence - 0.8).abs() < 1e-6);
    let falling: Vec<f32> = (10..30).map(|tick| sure(tick, 0.5).confidence).collect();
    assert!(falling.windows(2).all(|pair| pair[1] <= pair[0]));
    assert!((falling.last().unwrap() - 0.5).abs() < 0.01, "{falling:?}");
}

#[test]
fn confidence_falls_over_the_hold_and_returns_with_the_source() {
    let mut scene = Scene::new();
    scene.pass(2.0, Some(LEFT));
    let silent = scene.pass(3.0, None);
    assert!(silent.windows(2).all(|pair| pair[1].confidence <= pair[0].confidence));
    assert!((0.1..0.5).contains(&silent.last().unwrap().confidence));
    let again = scene.pass(0.2, Some(LEFT))[0];
    assert_eq!((again.state, again.confidence), (State::Tracking, 1.0));
    assert!(is_at(&again, LEFT));
}

#[test]
fn a_slow_source_is_followed() {
    let mut scene = Scene::new();
    scene.pass(1.0, Some(LEFT));
    for step in 0..60 {
        scene.pass(
            0.2,
            Some(Point {
                x: 0.2 + 0.01 * step as f32,
                y: 0.4,
            }),
        );
    }
    let target = scene.pass(2.0, Some(RIGHT)).last().unwrap().target.unwrap();
    assert!((target.x - RIGHT.x).abs() < 0.02, "{target:?}");
}

#[test]
fn an_aside_does_not_turn_the_target_and_a_new_talker_does() {
    let mut scene = Scene::new();
    scene.pass(5.0, Some(LEFT));
    assert_eq!(jumps(&scene.pass(1.8, Some(RIGHT))), 0);
    assert!(is_at(scene.pass(3.0, Some(LEFT)).last().unwrap(), LEFT));
    let taken_over = scene.pass(4.0, Some(RIGHT));
    assert_eq!(jumps(&taken_over), 1);
    assert!(is_at(taken_over.last().unwrap(), RIGHT));
}

#[test]
fn a_stalled_pipeline_makes_no_evidence() {
    let mut attender = Attender::new(AttentionSettings {
        min_evidence: Duration::from_secs(3),
        ..Default::default()
    });
    let found = percept(LEFT, true);
    attender.step(Duration::ZERO, Perceived::Percept(&found, still()), still());
    let hour = Duration::from_secs(3600);
    let after = attender.step(hour, Perceived::Percept(&found, still()), still());
    assert_eq!((after.state, after.target), (State::Candidate, None));
}

#[test]
fn a_source_is_kept_at_its_bearing_while_the_camera_turns_to_it() {
    let mut scene = Scene::new();
    let before = scene.sound(2.0, FAR_RIGHT.beside(-25.0));
    let bearing = before.last().unwrap().bearing.unwrap();
    assert!(angle_degrees(bearing, FAR_RIGHT.beside(-25.0)) < 0.01, "{bearing:?}");
    scene.turns = true;
    let after = scene.sound(2.0, FAR_RIGHT.beside(-25.0));
    assert_eq!(jumps(&after), 0);
    assert!(is_at(after.last().unwrap(), Point { x: 0.5, y: 0.5 }));
}

#[test]
fn while_the_camera_moves_time_stands_still_but_not_for_ever() {
    let mut scene = Scene::new();
    scene.pass(2.0, Some(LEFT));
    let moving: Vec<Attention> = (0..ticks(8.0)).map(|_| scene.step(Perceived::Blanked)).collect();
    assert_eq!(states(&moving), [State::Tracking]);
    let for_ever: Vec<Attention> = (0..ticks(40.0)).map(|_| scene.step(Perceived::Blanked)).collect();
    assert_eq!(
        states(&for_ever),
        [State::Tracking, State::Holding, State::Idle, State::Home]
    );
}

#[test]
fn two_who_take_turns_are_framed_together_where_they_fit() {
    let mut scene = Scene::new();
    scene.turns = true;
    let (one, other) = (
        Orientation::default().beside(-12.0),
        Orientation::default().beside(12.0),
    );
    let mut steps = Vec::new();
    for turn in 0..30 {
        steps.extend(scene.sound(5.0, [one, other][turn % 2]));
    }
    assert!(jumps(&steps) <= 3, "{}", jumps(&steps));
    let last = steps.last().unwrap();
    assert!(last.bearing.unwrap().pan_degrees.abs() < 1.0, "{last:?}");
    assert!(
        steps
            .iter()
            .rev()
            .take(ticks(60.0))
            .all(|step| step.state == State::Tracking)
    );
    // One of them falls silent: after a while the camera looks at the other.
    let alone = scene.sound(60.0, other);
    assert!(is_at(alone.last().unwrap(), Point { x: 0.5, y: 0.5 }));
    assert_eq!(jumps(&alone), 1);
}

#[test]
fn two_who_do_not_fit_into_the_picture_are_not_framed() {
    let mut scene = Scene::new();
    scene.turns = true;
    scene.sound(3.0, FAR_LEFT.beside(15.0));
    let steps: Vec<Attention> = (0..40)
        .flat_map(|turn| scene.sound(4.0, [FAR_RIGHT, FAR_LEFT][turn % 2]))
        .collect();
    let between = |step: &Attention| step.bearing.is_some_and(|bearing| bearing.pan_degrees.abs() < 20.0);
    assert!(!steps.iter().any(between));
}

#[test]
fn what_lies_in_an_exclusion_zone_is_not_there() {
    let mut scene = Scene::with(AttentionSettings {
        exclusion_zones: vec![Zone::new([10.0, 60.0], [-30.0, 30.0]).unwrap()],
        ..Default::default()
    });
    let steps = scene.pass(10.0, Some(RIGHT));
    assert!(steps.iter().all(|step| *step == Attention::default()), "{steps:?}");
    assert_eq!(scene.pass(2.0, Some(LEFT)).last().unwrap().state, State::Tracking);
}

#[test]
fn forgetting_goes_home_at_once_and_listens_on() {
    let mut scene = Scene::new();
    scene.pass(2.0, Some(LEFT));
    scene.attender.forget();
    assert_eq!(states(&scene.pass(2.0, None)), [State::Home]);
    assert_eq!(scene.pass(2.0, Some(LEFT)).last().unwrap().state, State::Tracking);
}

proptest! {
    #[test]
    fn two_talkers_in_turn_do_not_make_the_aim_hunt(
        turn_seconds in 0.2f64..30.0, minutes in 1usize..10, apart in 22.0f64..80.0, turns in any::<bool>(),
    ) {
        let mut scene = Scene::new();
        scene.turns = turns;
        let talkers = [-apart / 2.0, apart / 2.0].map(|pan| Orientation::default().beside(pan));
        let count = (minutes as f64 * 60.0 / turn_seconds) as usize + 2;
        let steps: Vec<Attention> =
            (0..count).flat_map(|turn| scene.sound(turn_seconds, talkers[turn % 2])).collect();
        // One jump and one return for each switch, one more to frame both and one to let go of that. Who speaks for longer than the
        // camera waits before it goes home is looked at every time, if both do not fit into the picture.
        let settings = AttentionSettings::default();
        let seconds = steps.len() as f64 * TICK.as_secs_f64();
        let most = 4 + MOST_DOUBLINGS as usize + (seconds / settings.calm.as_secs_f64()) as usize;
        let most = if turn_seconds > settings.return_home.as_secs_f64() { most + count } else { most };
        prop_assert!(jumps(&steps) <= most, "{} jumps, {most} at most", jumps(&steps));
        if turn_seconds < 1.8 {
            prop_assert_eq!(jumps(&steps), 0);
        }
    }

    /// Whatever comes in, at whatever times, wherever the camera looks.
    #[test]
    fn the_target_rests_on_evidence_and_the_aim_stays_in_its_zone(
        script in prop::collection::vec(
            (0u64..2500, 0u8..4, any::<bool>(), -0.5f32..1.5, -0.5f32..1.5, -170.0f64..170.0, -40.0f64..40.0), 0..120,
        ),
        zone in (-170.0f64..170.0, 0.0f64..100.0, -60.0f64..60.0, 0.0f64..60.0),
        excluded in (-170.0f64..170.0, 0.0f64..100.0),
    ) {
        let allowed = Zone::new([zone.0, (zone.0 + zone.1).min(180.0)], [zone.2, (zone.2 + zone.3).min(90.0)]).unwrap();
        let excluded = Zone::new([excluded.0, (excluded.0 + excluded.1).min(180.0)], [-90.0, 90.0]).unwrap();
        let settings = AttentionSettings {
            allowed_zone: allowed,
            exclusion_zones: vec![excluded],
            ..AttentionSettings::default()
        };
        let mut attender = Attender::new(settings.clone());
        let mut now = Duration::from_secs(7);
        let mut before = Attention::default();
        // Time for which something was found since the aim last came from elsewhere than its neighbourhood.
        let mut found_for = Duration::ZERO;
        for (milliseconds, kind, accepted, x, y, pan, tilt) in script {
            let elapsed = Duration::from_millis(milliseconds);
            now += elapsed;
            let percept = percept(Point { x, y }, accepted);
            let view = camera(Orientation { pan_degrees: pan, tilt_degrees: tilt });
            let perceived = match kind {
                0 => Perceived::Nothing,
                1 => Perceived::Blanked,
                _ => Perceived::Percept(&percept, view),
            };
            let attention = attender.step(now, perceived, view);
            let counts = kind > 1 && accepted
                && !excluded.contains(view.bearing(Point { x: x.clamp(0.0, 1.0), y: y.clamp(0.0, 1.0) }));
            if counts {
                found_for += elapsed.min(settings.percept_reach);
            }
            prop_assert!((0.0..=1.0).contains(&attention.confidence));
            prop_assert_eq!(attention.bearing.is_some(), matches!(attention.state, State::Tracking | State::Holding));
            if let Some(target) = attention.target {
                prop_assert!(attention.bearing.is_some());
                prop_assert!((0.0..=1.0).contains(&target.x) && (0.0..=1.0).contains(&target.y));
            }
            if let Some(bearing) = attention.bearing {
                prop_assert!(allowed.contains(bearing), "{bearing:?}");
                if before.bearing.is_none() {
                    prop_assert!(counts, "found by nothing");
                    prop_assert!(found_for >= settings.min_evidence, "after {found_for:?}");
                }
            }
            if before.bearing.is_some_and(|before| attention.bearing.is_none_or(|after| angle_degrees(before, after) > 40.0)) {
                found_for = Duration::ZERO;
            }
            before = attention;
        }
        // Then silence: it comes to rest, and goes home.
        let view = still();
        let hold = attender.step(now + settings.hold + TICK, Perceived::Nothing, view);
        prop_assert_eq!(hold.bearing, None);
        let mut home = hold;
        for second in 1..30 {
            home = attender.step(now + settings.hold + Duration::from_secs(second), Perceived::Nothing, view);
            prop_assert_eq!((home.target, home.bearing), (None, None));
        }
        prop_assert_eq!(home.state, State::Home);
    }

    #[test]
    fn what_is_not_accepted_is_not_there(peaks in prop::collection::vec((0.0f32..1.0, 0.0f32..1.0), 1..50)) {
        let mut attender = Attender::new(AttentionSettings::default());
        for (tick, (x, y)) in peaks.into_iter().enumerate() {
            let percept = percept(Point { x, y }, false);
            let attention = attender.step(TICK * tick as u32, Perceived::Percept(&percept, still()), still());
            prop_assert_eq!(attention, Attention::default());
        }
    }
}

/// Directions beside others.
trait Beside {
    fn beside(self, degrees: f64) -> Self;
}

impl Beside for Orientation {
    fn beside(self, degrees: f64) -> Self {
        Self {
            pan_degrees: self.pan_degrees + degrees,
            ..self
        }
    }
}
