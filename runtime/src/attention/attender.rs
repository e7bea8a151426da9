//! The one who attends.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::settings::AttentionSettings;
use crate::perception::heatmap::Point;
use crate::perception::percept::Percept;

/// Sources in turn make the target sluggish, never deaf.
const MOST_DOUBLINGS: u32 = 6;

/// What attention is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// Nothing to attend to; the camera stays where it is.
    #[default]
    Idle,
    /// Something was found, not yet for long enough.
    Candidate,
    /// The source is heard and its place known.
    Tracking,
    /// The source is silent; its place is kept.
    Holding,
    /// Nothing was heard for long; the camera goes home.
    Home,
}

/// What to look at.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Attention {
    /// What attention is doing.
    pub state: State,
    /// Where the source is taken to be, while [`State::Tracking`] or [`State::Holding`].
    pub target: Option<Point>,
    /// How sure that is, 0..1: the evidence gathered of that needed for a candidate, 1 while tracking, and falling to 0 over
    /// the hold.
    pub confidence: f32,
}

/// Turns percepts into a target.
#[derive(Debug, Clone)]
pub struct Attender {
    settings: AttentionSettings,
    /// The latest moment that was told; `None` before the first.
    now: Option<Duration>,
    /// When the target was last found, or attention began.
    last_found: Duration,
    target: Option<Point>,
    /// The target or, while there is none, the last: where the camera still looks. `None` at home.
    aim: Option<Point>,
    candidate: Option<Candidate>,
    /// How often the target jumped of late, as of the last time.
    switches: u32,
    last_switch: Duration,
}

/// A place that may become the target.
#[derive(Debug, Clone, Copy)]
struct Candidate {
    place: Point,
    /// Time for which it was found, less the time for which something else, or nothing, was.
    evidence: Duration,
}

impl Attender {
    /// One who has seen nothing yet.
    pub fn new(settings: AttentionSettings) -> Self {
        Self {
            settings,
            now: None,
            last_found: Duration::ZERO,
            target: None,
            aim: None,
            candidate: None,
            switches: 0,
            last_switch: Duration::ZERO,
        }
    }

    /// Takes in what was perceived by `now`, `None` where there is no percept at all. Call it at every tick, so that time
    /// passes in silence too; a clock that steps back stands still.
    pub fn step(&mut self, now: Duration, percept: Option<&Percept>) -> Attention {
        let before = self.now.unwrap_or(now);
        if self.now.is_none() {
            self.last_found = now;
        }
        let now = now.max(before);
        self.now = Some(now);
        let elapsed = (now - before).min(self.settings.percept_reach);

        match (percept.and_then(found), self.target) {
            (Some(peak), Some(target)) if self.is_near(target, peak) => {
                self.target = Some(approach(target, peak, elapsed, self.settings.follow));
                self.aim = self.target;
                self.last_found = now;
                self.doubt(elapsed);
            }
            (Some(peak), _) => self.consider(peak, elapsed, now),
            (None, _) => self.doubt(elapsed),
        }
        if now - self.last_found > self.settings.hold {
            self.target = None;
        }
        let attention = self.attention(now);
        if attention.state == State::Home {
            self.aim = None;
        }
        attention
    }

    /// Gathers evidence for a place that is not the target's, and makes it the target once there is enough.
    fn consider(&mut self, peak: Point, elapsed: Duration, now: Duration) {
        match self.candidate {
            Some(candidate) if self.is_near(candidate.place, peak) => {
                let candidate = Candidate {
                    place: approach(candidate.place, peak, elapsed, self.settings.follow),
                    evidence: candidate.evidence + elapsed,
                };
                self.candidate = Some(candidate);
                if candidate.evidence >= self.evidence_needed(candidate.place, now) {
                    self.turn_to(candidate.place, now);
                }
            }
            _ => {
                self.doubt(elapsed);
                self.candidate.get_or_insert(Candidate {
                    place: peak,
                    evidence: Duration::ZERO,
                });
            }
        }
    }

    /// Takes evidence from the candidate, and forgets it when none is left.
    fn doubt(&mut self, elapsed: Duration) {
        self.candidate = self.candidate.and_then(|candidate| {
            let evidence = candidate.evidence.saturating_sub(elapsed);
            (!evidence.is_zero()).then_some(Candidate { evidence, ..candidate })
        });
    }

    /// Makes a place the target.
    fn turn_to(&mut self, place: Point, now: Duration) {
        if self.is_elsewhere(place) {
            self.switches = self.restlessness(now) + 1;
            self.last_switch = now;
        }
        self.target = Some(place);
        self.aim = self.target;
        self.last_found = now;
        self.candidate = None;
    }

    /// How much evidence makes a place the target, as things stand.
    fn evidence_needed(&self, place: Point, now: Duration) -> Duration {
        let AttentionSettings {
            min_evidence,
            switch_evidence,
            ..
        } = self.settings;
        let needed = if self.target.is_some() {
            switch_evidence.max(min_evidence)
        } else {
            min_evidence
        };
        let doublings = if self.is_elsewhere(place) {
            self.restlessness(now).min(MOST_DOUBLINGS)
        } else {
            0
        };
        needed.saturating_mul(1 << doublings)
    }

    /// How often the target jumped of late: each `calm` without it takes one back.
    fn restlessness(&self, now: Duration) -> u32 {
        let calmed = (now - self.last_switch).as_secs_f64() / self.settings.calm.as_secs_f64().max(1e-6);
        self.switches.saturating_sub(calmed as u32)
    }

    /// Whether the camera would have to turn.
    fn is_elsewhere(&self, place: Point) -> bool {
        self.aim.is_some_and(|aim| !self.is_near(aim, place))
    }

    fn is_near(&self, a: Point, b: Point) -> bool {
        (a.x - b.x).hypot(a.y - b.y) <= self.settings.radius
    }

    fn attention(&self, now: Duration) -> Attention {
        let settings = &self.settings;
        let silent = now - self.last_found;
        let (state, confidence) = match (self.target, self.candidate) {
            (Some(_), _) if silent <= settings.pause => (State::Tracking, 1.0),
            (Some(_), _) => {
                let pause = settings.pause.min(settings.hold);
                (
                    State::Holding,
                    1.0 - share(silent.saturating_sub(pause), settings.hold - pause),
                )
            }
            (None, Some(candidate)) => (State::Candidate, share(candidate.evidence, settings.min_evidence)),
            (None, None) if silent >= settings.return_home => (State::Home, 0.0),
            (None, None) => (State::Idle, 0.0),
        };
        Attention {
            state,
            target: self.target,
            confidence,
        }
    }
}

/// Where an accepted percept found its source.
fn found(percept: &Percept) -> Option<Point> {
    let Point { x, y } = percept.peak;
    (percept.accepted && x.is_finite() && y.is_finite()).then_some(Point {
        x: x.clamp(0.0, 1.0),
        y: y.clamp(0.0, 1.0),
    })
}

/// The point that lies, `elapsed` later, on the exponential way from one point to another.
fn approach(from: Point, to: Point, elapsed: Duration, time_constant: Duration) -> Point {
    // The least time constant keeps 0/0 out: without any, the way is made at once.
    let share = 1.0 - (-elapsed.as_secs_f32() / time_constant.as_secs_f32().max(1e-6)).exp();
    Point {
        x: from.x + (to.x - from.x) * share,
        y: from.y + (to.y - from.y) * share,
    }
}

/// How much of `whole` a `part` is, 0..1; all of nothing.
fn share(part: Duration, whole: Duration) -> f32 {
    if whole.is_zero() {
        1.0
    } else {
        (part.as_secs_f32() / whole.as_secs_f32()).min(1.0)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use proptest::prelude::*;

    use super::*;
    use crate::perception::heatmap::Heatmap;

    /// Between two percepts, at 5 Hz.
    const TICK: Duration = Duration::from_millis(200);
    const LEFT: Point = Point { x: 0.2, y: 0.4 };
    const RIGHT: Point = Point { x: 0.8, y: 0.5 };

    fn percept(peak: Point, accepted: bool) -> Percept {
        Percept {
            heatmap: Heatmap::default(),
            peak,
            similarity: 0.5,
            accepted,
            stamp: Duration::ZERO,
        }
    }

    /// An attender and its clock.
    struct Scene {
        attender: Attender,
        now: Duration,
    }

    impl Scene {
        fn new() -> Self {
            Self {
                attender: Attender::new(AttentionSettings::default()),
                now: Duration::from_secs(1000),
            }
        }

        /// Lets so many seconds pass with a source at a place, or with none, and gives every step.
        fn pass(&mut self, seconds: f64, place: Option<Point>) -> Vec<Attention> {
            let ticks = (seconds / TICK.as_secs_f64()).round() as usize;
            let percept = percept(place.unwrap_or(Point { x: 0.5, y: 0.9 }), place.is_some());
            (0..ticks)
                .map(|_| {
                    self.now += TICK;
                    self.attender.step(self.now, Some(&percept))
                })
                .collect()
        }
    }

    /// How often the target goes from one place to another far from it.
    fn jumps(steps: &[Attention]) -> usize {
        let targets: Vec<Point> = steps.iter().filter_map(|step| step.target).collect();
        targets
            .windows(2)
            .filter(|pair| (pair[0].x - pair[1].x).abs() > 0.3)
            .count()
    }

    #[test]
    fn a_source_goes_through_every_state() {
        let mut scene = Scene::new();
        let states = |steps: &[Attention]| {
            let mut states: Vec<State> = steps.iter().map(|step| step.state).collect();
            states.dedup();
            states
        };
        assert_eq!(states(&scene.pass(1.0, None)), [State::Idle]);
        let heard = scene.pass(3.0, Some(LEFT));
        assert_eq!(states(&heard), [State::Candidate, State::Tracking]);
        assert_eq!(
            heard.iter().position(|step| step.target.is_some()),
            Some(3),
            "0.6 s after it was first found"
        );
        assert_eq!(heard.last().unwrap().target, Some(LEFT));
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
    fn confidence_falls_over_the_hold_and_returns_with_the_source() {
        let mut scene = Scene::new();
        scene.pass(2.0, Some(LEFT));
        let silent = scene.pass(3.0, None);
        assert!(silent.windows(2).all(|pair| pair[1].confidence <= pair[0].confidence));
        assert!((0.1..0.5).contains(&silent.last().unwrap().confidence));
        assert_eq!(
            scene.pass(0.2, Some(LEFT))[0],
            Attention {
                state: State::Tracking,
                target: Some(LEFT),
                confidence: 1.0
            }
        );
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
        assert_eq!(scene.pass(3.0, Some(LEFT)).last().unwrap().target, Some(LEFT));
        let taken_over = scene.pass(4.0, Some(RIGHT));
        assert_eq!(jumps(&taken_over), 1);
        assert_eq!(taken_over.last().unwrap().target, Some(RIGHT));
    }

    #[test]
    fn a_stalled_pipeline_makes_no_evidence() {
        let mut attender = Attender::new(AttentionSettings {
            min_evidence: Duration::from_secs(3),
            ..Default::default()
        });
        attender.step(Duration::ZERO, Some(&percept(LEFT, true)));
        let after_an_hour = attender.step(Duration::from_secs(3600), Some(&percept(LEFT, true)));
        assert_eq!((after_an_hour.state, after_an_hour.target), (State::Candidate, None));
    }

    proptest! {
        #[test]
        fn two_talkers_in_turn_do_not_make_the_target_hunt(turn_seconds in 0.2f64..30.0, minutes in 1usize..10) {
            let mut scene = Scene::new();
            let turns = (minutes as f64 * 60.0 / turn_seconds) as usize + 2;
            let steps: Vec<Attention> =
                (0..turns).flat_map(|turn| scene.pass(turn_seconds, Some([LEFT, RIGHT][turn % 2]))).collect();
            let calm = AttentionSettings::default().calm.as_secs_f64();
            let most = 1 + MOST_DOUBLINGS as usize + (steps.len() as f64 * TICK.as_secs_f64() / calm) as usize;
            prop_assert!(jumps(&steps) <= most, "{} jumps, {most} at most", jumps(&steps));
            if turn_seconds < 1.8 {
                prop_assert_eq!(jumps(&steps), 0);
            }
        }

        /// Whatever comes in, at whatever times.
        #[test]
        fn the_target_rests_on_evidence(
            script in prop::collection::vec((0u64..2500, any::<bool>(), any::<bool>(), -0.5f32..1.5, -0.5f32..1.5), 0..120),
        ) {
            let settings = AttentionSettings::default();
            let mut attender = Attender::new(settings);
            let mut now = Duration::from_secs(7);
            let mut before = Attention::default();
            // Time for which something was found since the target last came from elsewhere than its neighbourhood.
            let mut found_for = Duration::ZERO;
            for (milliseconds, there, accepted, x, y) in script {
                let elapsed = Duration::from_millis(milliseconds);
                now += elapsed;
                let percept = percept(Point { x, y }, accepted);
                let attention = attender.step(now, there.then_some(&percept));
                if there && accepted {
                    found_for += elapsed.min(settings.percept_reach);
                }
                prop_assert!((0.0..=1.0).contains(&attention.confidence));
                prop_assert_eq!(
                    attention.target.is_some(), matches!(attention.state, State::Tracking | State::Holding)
                );
                if let Some(target) = attention.target {
                    prop_assert!((0.0..=1.0).contains(&target.x) && (0.0..=1.0).contains(&target.y));
                    let moved = before.target.is_none_or(|before| before != target);
                    prop_assert!(!moved || (there && accepted), "moved by nothing");
                    let came_from = before.target.map(|before| (before.x - target.x).hypot(before.y - target.y));
                    if came_from.is_none_or(|distance| distance > settings.radius) {
                        prop_assert!(found_for >= settings.min_evidence, "after {found_for:?}");
                        found_for = Duration::ZERO;
                    }
                }
                before = attention;
            }
            // Then silence: it comes to rest, and goes home.
            let hold = attender.step(now + settings.hold + TICK, None);
            prop_assert_eq!(hold.target, None);
            let mut home = hold;
            for second in 1..30 {
                home = attender.step(now + settings.hold + Duration::from_secs(second), None);
                prop_assert_eq!(home.target, None);
            }
            prop_assert_eq!(home.state, State::Home);
        }

        #[test]
        fn what_is_not_accepted_is_not_there(peaks in prop::collection::vec((0.0f32..1.0, 0.0f32..1.0), 1..50)) {
            let mut attender = Attender::new(AttentionSettings::default());
            for (tick, (x, y)) in peaks.into_iter().enumerate() {
                let attention = attender.step(TICK * tick as u32, Some(&percept(Point { x, y }, false)));
                prop_assert_eq!(attention, Attention::default());
            }
        }
    }
}
