#![allow(clippy::unwrap_used)]
//! A pretended microphone of two channels, spoilt in known ways.

use lookhear_board::ManualClock;
use lookhear_board::microphone::synthetic::{Score, Signal, SyntheticMicrophone};
use lookhear_calibration::microphone::Finding;

use super::*;

const JUDGEMENT: Judgement = Judgement {
    heard_channel: 0,
    from: None,
    model_rate_hz: 16_000,
    window_seconds: 0.975,
};

/// Hears a score on its first channel, and a share of it on the second.
struct Stereo {
    source: SyntheticMicrophone,
    second: f32,
    claimed_hz: u32,
    gap_at: usize,
    blocks: usize,
}

impl Stereo {
    fn new(signal: Signal, second: f32) -> Self {
        let score = Score {
            parts: vec![(signal, Duration::from_secs(60))],
            rate_hz: 48_000,
            seed: 11,
        };
        Self {
            source: SyntheticMicrophone::new(score, 960),
            second,
            claimed_hz: 48_000,
            gap_at: usize::MAX,
            blocks: 0,
        }
    }
}

impl Microphone for Stereo {
    fn next_block(&mut self, into: &mut Block) -> Result<Delivery, CaptureError> {
        let delivery = self.source.next_block(into)?;
        for sample in &mut into.sound.samples {
            *sample *= 0.5 * (1.0 + self.second);
        }
        self.blocks += 1;
        into.after_gap = self.blocks == self.gap_at;
        Ok(delivery)
    }

    fn rate_hz(&self) -> u32 {
        self.claimed_hz
    }

    fn channels(&self, last: &Block, into: &mut Vec<Vec<f32>>) {
        let first = last
            .sound
            .samples
            .iter()
            .map(|sample| sample / (0.5 * (1.0 + self.second)));
        let first: Vec<f32> = first.collect();
        *into = vec![first.clone(), first.iter().map(|sample| sample * self.second).collect()];
    }
}

fn hear(mut microphone: impl Microphone, seconds: f64) -> Recording {
    listen(&mut microphone, &ManualClock::default(), seconds).unwrap()
}

/// White noise of this amplitude is at 20 log10(amplitude / √3) dBFS.
const ROOM: Signal = Signal::Noise { amplitude: 0.003 };

#[test]
fn the_room_is_measured_as_the_model_hears_it() {
    let quiet = hear(Stereo::new(ROOM, 0.9), 10.0);
    assert_eq!((quiet.channels.len(), quiet.channels[1].len()), (2, quiet.heard.len()));
    let (fit, floor) = judge(&quiet, None, JUDGEMENT).unwrap();
    assert_eq!(fit.findings, []);
    let floor = floor.unwrap();
    // A third of the noise of 48 kHz passes to 16 kHz: −4.8 dB; and the mean of both is 0.95 of the first.
    let expected = 20.0 * (0.003 * 0.95 / 3.0_f32.sqrt()).log10() - 4.77;
    assert!((floor.floor.decibels() - expected).abs() < 0.7, "{floor:?} {expected}");
    assert!(
        (floor.gate.decibels() - expected - 6.0).abs() < 1.0,
        "{floor:?} {expected}"
    );
}

#[test]
fn what_is_wrong_with_a_device_is_told() {
    let findings = |microphone: Stereo| {
        let quiet = hear(microphone, 10.0);
        judge(&quiet, None, JUDGEMENT).unwrap().0.findings
    };
    let dead = findings(Stereo::new(ROOM, 0.0));
    assert!(
        matches!(
            dead[..],
            [Finding::Dead {
                channel: 2,
                instead: 1,
                of: 2,
                heard: 0
            }]
        ),
        "{dead:?}"
    );
    let turned = findings(Stereo::new(ROOM, -0.9));
    assert!(
        matches!(turned[..], [Finding::Inverted { loss_decibels, .. }] if loss_decibels > 20.0),
        "{turned:?}"
    );
    let lossy = findings(Stereo {
        gap_at: 200,
        ..Stereo::new(ROOM, 0.9)
    });
    assert_eq!(lossy, [Finding::Gaps { count: 1 }]);
    let fast = findings(Stereo {
        claimed_hz: 44_100,
        ..Stereo::new(ROOM, 0.9)
    });
    assert!(
        matches!(fast[..], [Finding::WrongRate { claimed_hz: 44_100, true_hz }] if (true_hz - 48_000.0).abs() < 10.0),
        "{fast:?}"
    );
}

#[test]
fn a_muted_microphone_has_no_noise_floor_and_too_little_is_refused() {
    let muted = hear(Stereo::new(Signal::Silence, 0.5), 10.0);
    let (fit, floor) = judge(&muted, None, JUDGEMENT).unwrap();
    assert_eq!((fit.findings, floor), (vec![Finding::Muted], None));
    let short = hear(Stereo::new(ROOM, 0.9), 1.0);
    assert!(matches!(
        judge(&short, None, JUDGEMENT),
        Err(JudgementError::Fit(FitError::TooFew { .. }))
    ));
}
