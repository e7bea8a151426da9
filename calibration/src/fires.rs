//! From a stream of similarities to fires: the moments at which a device would turn to what is not there.
//!
//! Similarities of a stream hang together: windows of sound overlap, and a picture changes slowly. What disturbs people is not
//! a percept that is accepted but a camera that turns, and that takes acceptance for a while. So fires are counted, not
//! similarities, and for fires, which are far apart, the laws of rare events hold.

use std::ops::Range;

/// Times that are the same but for rounding.
const SAME_SECONDS: f64 = 1e-6;

/// What was perceived at one moment of a stream.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Moment {
    /// Since any beginning, in seconds; it never falls within a stream.
    pub seconds: f64,
    /// The greatest similarity, −1..1; −1 where nothing could have been accepted, because it was too quiet, say.
    pub similarity: f32,
}

/// When a run of accepted similarities is a fire.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FireRule {
    /// For how long similarities must be accepted, less the time for which they are not, in seconds.
    pub evidence_seconds: f64,
    /// The most time that one moment vouches for, in seconds: what lies in a longer gap was not observed.
    pub reach_seconds: f64,
    /// For how long none may be accepted before the fire is over and another can begin, in seconds; at least the evidence.
    pub hold_seconds: f64,
}

impl FireRule {
    /// How much of a stream was observed, in seconds.
    pub fn observed_seconds(&self, stream: &[Moment]) -> f64 {
        stream.windows(2).map(|pair| self.elapsed(pair[0], pair[1])).sum()
    }

    /// The fires at a threshold, each from its first similarity that counted to behind its last that was accepted.
    ///
    /// Where the similarities lie in the picture is not asked: evidence that moves about counts as well, so that there are
    /// rather more fires than a device has that asks for it.
    pub fn fires(&self, stream: &[Moment], threshold: f32) -> Vec<Range<usize>> {
        let mut fires: Vec<Range<usize>> = Vec::new();
        let mut last_accepted: Option<f64> = None;
        let mut evidence: Option<f64> = None;
        let mut begun = 0;
        for (index, &moment) in stream.iter().enumerate() {
            let elapsed = index
                .checked_sub(1)
                .map_or(0.0, |before| self.elapsed(stream[before], moment));
            let is_accepted = moment.similarity >= threshold;
            if let Some(last) = last_accepted {
                if moment.seconds - last <= self.hold_seconds {
                    if is_accepted {
                        last_accepted = Some(moment.seconds);
                        if let Some(fire) = fires.last_mut() {
                            fire.end = index + 1;
                        }
                    }
                    continue;
                }
                last_accepted = None;
                evidence = None;
            }
            evidence = match (evidence, is_accepted) {
                (None, true) => {
                    begun = index;
                    Some(0.0)
                }
                (Some(gathered), true) => {
                    if gathered + elapsed + SAME_SECONDS >= self.evidence_seconds {
                        fires.push(begun..index + 1);
                        last_accepted = Some(moment.seconds);
                    }
                    Some(gathered + elapsed)
                }
                (Some(gathered), false) => (gathered > elapsed + SAME_SECONDS).then_some(gathered - elapsed),
                (None, false) => None,
            };
        }
        fires
    }

    /// The highest threshold at which a stretch of a stream still fires, for each of its fires at a `threshold`.
    pub fn peaks(&self, stream: &[Moment], threshold: f32) -> Vec<f32> {
        let fires = self.fires(stream, threshold).into_iter();
        fires.map(|fire| self.peak(&stream[fire], threshold)).collect()
    }

    /// The highest threshold at which a stream fires that does so at `threshold`.
    fn peak(&self, stream: &[Moment], threshold: f32) -> f32 {
        let above = stream.iter().map(|moment| moment.similarity);
        let mut levels: Vec<f32> = above.filter(|similarity| *similarity >= threshold).collect();
        levels.sort_by(f32::total_cmp);
        // More is accepted at a lower threshold at every moment, so that the levels that fire come first.
        let firing = levels.partition_point(|level| !self.fires(stream, *level).is_empty());
        firing.checked_sub(1).map_or(threshold, |highest| levels[highest])
    }

    fn elapsed(&self, before: Moment, now: Moment) -> f64 {
        (now.seconds - before.seconds).clamp(0.0, self.reach_seconds)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::single_range_in_vec_init)]
    use super::*;
    use proptest::prelude::*;

    const RULE: FireRule = FireRule {
        evidence_seconds: 0.6,
        reach_seconds: 1.0,
        hold_seconds: 4.0,
    };

    /// Five a second.
    fn stream(similarities: &[f32]) -> Vec<Moment> {
        let timed = similarities.iter().enumerate();
        timed
            .map(|(index, &similarity)| Moment {
                seconds: 0.2 * index as f64,
                similarity,
            })
            .collect()
    }

    #[test]
    fn a_fire_takes_evidence_and_lasts_until_the_hold_is_over() {
        let mut similarities = vec![0.1; 60];
        similarities[5..8].fill(0.9);
        assert!(
            RULE.fires(&stream(&similarities), 0.5).is_empty(),
            "0.4 s are too short"
        );
        similarities[8] = 0.6;
        assert_eq!(RULE.fires(&stream(&similarities), 0.5), [5..9]);
        assert_eq!(RULE.peaks(&stream(&similarities), 0.5), [0.6]);
        similarities[20..30].fill(0.7);
        assert_eq!(
            RULE.fires(&stream(&similarities), 0.5),
            [5..30],
            "within the hold it is the same"
        );
        assert_eq!(RULE.peaks(&stream(&similarities), 0.5), [0.7]);
        similarities.extend([0.8; 5]);
        assert_eq!(RULE.fires(&stream(&similarities), 0.5), [5..30, 60..65]);
        assert!((RULE.observed_seconds(&stream(&similarities)) - 12.8).abs() < 1e-9);
    }

    #[test]
    fn doubt_takes_evidence_away() {
        let alternating: Vec<f32> = (0..100).map(|index| if index % 2 == 0 { 0.9 } else { 0.1 }).collect();
        assert!(RULE.fires(&stream(&alternating), 0.5).is_empty());
        let mostly: Vec<f32> = (0..12).map(|index| if index % 4 == 3 { 0.1 } else { 0.9 }).collect();
        assert_eq!(RULE.fires(&stream(&mostly), 0.5), [0..11]);
    }

    #[test]
    fn a_gap_is_neither_observed_nor_evidence() {
        let mut gapped = stream(&[0.9, 0.9, 0.9]);
        gapped[1].seconds = 100.0;
        gapped[2].seconds = 100.1;
        let rule = FireRule {
            reach_seconds: 0.3,
            ..RULE
        };
        assert!(rule.fires(&gapped, 0.5).is_empty());
        assert!((rule.observed_seconds(&gapped) - 0.4).abs() < 1e-9);
    }

    proptest! {
        #[test]
        fn peaks_are_the_highest_thresholds_that_fire(
            similarities in prop::collection::vec((0_u8..40).prop_map(|n| f32::from(n) / 40.0), 0..400), threshold in 0.1..0.9_f32,
        ) {
            let stream = stream(&similarities);
            let fires = RULE.fires(&stream, threshold);
            for (fire, peak) in fires.iter().zip(RULE.peaks(&stream, threshold)) {
                prop_assert!(peak >= threshold);
                prop_assert!(!RULE.fires(&stream[fire.clone()], peak).is_empty());
                prop_assert!(RULE.fires(&stream[fire.clone()], peak.next_up()).is_empty());
            }
            for pair in fires.windows(2) {
                prop_assert!(stream[pair[1].start].seconds - stream[pair[0].end - 1].seconds > RULE.hold_seconds);
            }
        }

        #[test]
        fn whatever_fires_fires_at_a_lower_threshold_too(
            similarities in prop::collection::vec(0.0..1.0_f32, 0..200), (high, low) in (0.0..1.0_f32, 0.0..1.0_f32),
        ) {
            let stream = stream(&similarities);
            let (low, high) = (low.min(high), low.max(high));
            if !RULE.fires(&stream, high).is_empty() {
                prop_assert!(!RULE.fires(&stream, low).is_empty());
            }
        }
    }
}
