#![allow(clippy::unwrap_used)]
//! Sounds made for the purpose, spoilt in known ways.

use std::f64::consts::TAU;

use super::rate::true_rate_hz;
use super::*;
use crate::chance::Chance;

type Channels = Vec<Vec<f32>>;

#[derive(Debug, Clone, Copy, PartialEq)]
enum Material {
    Speech,
    Music,
    Noise,
}

/// A sound of some seconds on two channels that hear it 3 samples apart, each with noise of its own (about −66 dBFS), in
/// steps of 16 bits.
fn stereo(material: Material, loud: f64, seconds: f64, rate_hz: u32, seed: u64) -> Channels {
    let mut chance = Chance(seed);
    let rate = f64::from(rate_hz);
    let samples = (seconds * rate) as usize;
    let (mut phase, mut low, mut breath) = (0.0, 0.0, 0.0);
    let source: Vec<f64> = (0..samples + 3)
        .map(|index| {
            let time = index as f64 / rate;
            let hiss = chance.signed();
            low += 0.05 * (hiss - low);
            match material {
                Material::Noise => 2.0 * low + 0.3 * hiss,
                // Notes of four a second and their harmonics, over a bass.
                Material::Music => {
                    let note = 196.0 * 2.0_f64.powf(((time * 4.0) as u64 * 7 % 12) as f64 / 12.0);
                    let bass = 55.0 * 2.0_f64.powf(((time * 1.0) as u64 * 5 % 12) as f64 / 12.0);
                    let fade = (-3.0 * (time * 4.0).fract()).exp();
                    let line = |hertz: f64, number: f64| (TAU * hertz * number * time).sin() / number;
                    0.35 * (fade * (1..5).map(|n| line(note, f64::from(n))).sum::<f64>()
                        + line(bass, 1.0)
                        + line(bass, 2.0))
                }
                // Syllables: a voice of a wandering pitch, hiss between, and pauses.
                Material::Speech => {
                    let syllable =
                        (TAU * 2.1 * time).sin().max(0.0) * if (time * 0.4).fract() < 0.8 { 1.0 } else { 0.0 };
                    phase += (118.0 + 25.0 * (TAU * 0.6 * time).sin()) / rate;
                    let voice: f64 = (1..12).map(|n| (TAU * phase * f64::from(n)).sin() / f64::from(n)).sum();
                    breath += 0.5 * (hiss - breath);
                    syllable * (0.5 * voice + 0.2 * (hiss - breath))
                }
            }
        })
        .collect();
    let step = |value: f64| ((value * 32_768.0).round() / 32_768.0) as f32;
    [0, 3]
        .map(|lag| {
            (0..samples)
                .map(|index| step(loud * source[index + lag] + 0.0009 * chance.signed()))
                .collect()
        })
        .to_vec()
}

struct Room {
    quiet: Channels,
    talk: Channels,
    rate_hz: u32,
    heard_channel: usize,
    from: Option<Side>,
}

impl Room {
    fn new(material: Material, rate_hz: u32, seed: u64) -> Self {
        Self {
            quiet: stereo(Material::Noise, 0.001, 10.0, rate_hz, seed),
            talk: stereo(material, 0.2, 10.0, rate_hz, seed + 1),
            rate_hz,
            heard_channel: 0,
            from: None,
        }
    }

    fn spoil(mut self, spoil: impl Fn(&mut Channels)) -> Self {
        spoil(&mut self.quiet);
        spoil(&mut self.talk);
        self
    }

    fn fit(&self) -> MicrophoneFit {
        MicrophoneFit::fit(&Listening {
            quiet: &self.quiet,
            talk: &self.talk,
            rate_hz: self.rate_hz,
            true_rate_hz: None,
            heard_channel: self.heard_channel,
            from: self.from,
            gaps: 0,
        })
        .unwrap()
    }
}

fn each(channels: &mut Channels, change: impl Fn(usize, &mut f32)) {
    for channel in channels {
        channel
            .iter_mut()
            .enumerate()
            .for_each(|(index, sample)| change(index, sample));
    }
}

/// The kind of a finding alone.
fn kind(finding: &Finding) -> String {
    let told = format!("{finding:?}");
    told.split([' ', '{']).next().unwrap().to_owned()
}

/// A name, the kind of finding that it must give, and what it does to a room.
type Fault = (&'static str, &'static str, fn(Room) -> Room);

/// Every way to spoil a sound, and what must be found.
fn faults() -> Vec<Fault> {
    vec![
        ("second channel dead", "Dead", |room| room.spoil(|c| c[1].fill(0.0))),
        ("second channel hears only its own noise", "Dead", |room| {
            room.spoil(|c| {
                let mut chance = Chance(5);
                c[1].iter_mut()
                    .for_each(|sample| *sample = (0.00003 * chance.signed()) as f32);
            })
        }),
        ("all muted", "Muted", |room| {
            room.spoil(|c| each(c, |_, sample| *sample = 0.0))
        }),
        ("gain 18 dB too high", "Clipping", |room| {
            room.spoil(|c| each(c, |_, sample| *sample = (*sample * 8.0).clamp(-1.0, 0.999_97)))
        }),
        ("cut off at 0.15 before the converter", "Clipping", |room| {
            room.spoil(|c| each(c, |_, sample| *sample = sample.clamp(-0.15, 0.15)))
        }),
        ("offset of 3 %", "Offset", |room| {
            room.spoil(|c| each(c, |_, sample| *sample += 0.03))
        }),
        ("one channel turned over", "Inverted", |room| {
            room.spoil(|c| c[1].iter_mut().for_each(|sample| *sample = -*sample))
        }),
        ("one microphone offered as two", "Identical", |room| {
            room.spoil(|c| c[1] = c[0].clone())
        }),
        ("holes of 5 ms, twice a second", "Dropouts", |room| {
            let rate = room.rate_hz as usize;
            room.spoil(|c| {
                each(c, |index, sample| {
                    if index % (rate / 2) < rate / 200 {
                        *sample = 0.0
                    }
                })
            })
        }),
        ("noise gate", "Gated", |room| {
            let rate = room.rate_hz as usize;
            room.spoil(|c| {
                each(c, |index, sample| {
                    if (index / rate).is_multiple_of(2) {
                        *sample = 0.0
                    }
                })
            })
        }),
        ("mains of 50 Hz", "Hum", |room| with_hum(room, 50.0)),
        ("mains of 60 Hz", "Hum", |room| with_hum(room, 59.97)),
        ("loud room", "LoudRoom", |mut room| {
            room.quiet = stereo(Material::Noise, 0.15, 10.0, room.rate_hz, 77);
            room
        }),
        ("talk lost in the room", "LittleAboveRoom", |mut room| {
            room.talk = stereo(Material::Noise, 0.002, 10.0, room.rate_hz, 78);
            room
        }),
        ("talk far too quiet", "QuietTalk", |room| {
            room.spoil(|c| each(c, |_, sample| *sample *= 0.02))
        }),
    ]
}

fn with_hum(room: Room, hertz: f64) -> Room {
    let rate = f64::from(room.rate_hz);
    room.spoil(|channels| {
        each(channels, |index, sample| {
            let line = |number: f64| (TAU * hertz * number * index as f64 / rate).sin() / number;
            *sample += (0.004 * (line(1.0) + line(2.0) + line(3.0) + line(5.0))) as f32;
        });
    })
}

const RATES: [u32; 2] = [16_000, 48_000];

#[test]
fn every_fault_is_found_and_told_with_its_remedy() {
    let mut table = String::from("| fault | rooms | found | besides |\n");
    for (name, expected, spoil) in faults() {
        let (mut found, mut besides) = (0, std::collections::BTreeSet::new());
        let rooms = [
            (Material::Speech, 16_000),
            (Material::Music, 16_000),
            (Material::Speech, 48_000),
        ];
        for (number, (material, rate_hz)) in rooms.into_iter().enumerate() {
            let fit = spoil(Room::new(material, rate_hz, 10 * number as u64)).fit();
            let kinds: Vec<String> = fit.findings.iter().map(kind).collect();
            found += usize::from(kinds.iter().any(|kind| kind == expected));
            besides.extend(kinds.into_iter().filter(|kind| kind != expected));
            assert!(fit.findings.iter().all(|finding| finding.to_string().len() > 30));
        }
        table += &format!(
            "| {name} | 3 | {found} | {} |\n",
            besides.into_iter().collect::<Vec<_>>().join(", ")
        );
        assert_eq!(found, 3, "{table}");
    }
}

#[test]
fn clean_sounds_give_no_finding() {
    for rate_hz in RATES {
        for seed in 0..4 {
            for material in [Material::Speech, Material::Music, Material::Noise] {
                let room = Room::new(material, rate_hz, 100 + 10 * seed);
                assert_eq!(room.fit().findings, [], "{material:?} at {rate_hz} Hz, {seed}");
                // Loud, but not overdriven; and music in a room that should have been quiet.
                let loud = room.spoil(|channels| each(channels, |_, sample| *sample *= 2.0));
                assert_eq!(
                    loud.fit().findings,
                    [],
                    "{material:?} twice as loud, at {rate_hz} Hz, {seed}"
                );
            }
            let mut played = Room::new(Material::Music, rate_hz, seed);
            played.quiet = stereo(Material::Music, 0.01, 10.0, rate_hz, seed);
            assert_eq!(played.fit().findings, [], "music at {rate_hz} Hz, {seed}");
        }
        // A pure tone has round tops, slow ones too.
        for hertz in [31.0, 440.0] {
            let tone = |amplitude: f64| -> Vec<f32> {
                let rate = f64::from(rate_hz);
                let sample = |index: u32| amplitude * (TAU * hertz * f64::from(index) / rate).sin();
                (0..10 * rate_hz)
                    .map(|index| ((sample(index) * 32_768.0).round() / 32_768.0) as f32)
                    .collect()
            };
            let fit = Channel::of(&tone(0.3), Some(&tone(0.9)), rate_hz).fit;
            assert_eq!(fit.clipped_share, 0.0, "{hertz} Hz");
        }
    }
}

#[test]
fn the_side_of_a_talk_is_told_where_it_can_be() {
    let room = |shift: usize, gain: f32, from| {
        let mut room = Room::new(Material::Speech, 48_000, 3);
        let source = stereo(Material::Speech, 0.2, 10.0, 48_000, 4).swap_remove(0);
        let mut chance = Chance(8);
        let mut noisy = |sample: f32| sample + (0.0005 * chance.signed()) as f32;
        let left = source[shift..].iter().map(|sample| noisy(*sample)).collect();
        let right = source
            .iter()
            .take(source.len() - shift)
            .map(|sample| noisy(*sample * gain))
            .collect();
        (room.talk, room.from) = (vec![left, right], Some(from));
        room.fit().findings
    };
    assert_eq!(room(8, 0.9, Side::Left), [Finding::SidesRight]);
    assert_eq!(room(8, 0.9, Side::Right), [Finding::Swapped]);
    assert_eq!(room(0, 0.7, Side::Right), [Finding::Swapped]);
    assert_eq!(room(0, 1.0, Side::Left), [Finding::SidesUnknown]);
}

#[test]
fn the_advice_fits_the_channel_that_is_heard() {
    let dead = |heard_channel| {
        let mut room = Room::new(Material::Speech, 16_000, 1).spoil(|channels| channels[1].fill(0.0));
        room.heard_channel = heard_channel;
        let fit = room.fit();
        (fit.is_sound(), fit.findings[0].to_string())
    };
    assert!(matches!(dead(0), (false, advice) if advice.contains("6.0 dB") && advice.contains("`channel = 1`")));
    assert!(matches!(dead(1), (true, advice) if advice.contains("no matter")));
    assert!(matches!(dead(2), (false, advice) if advice.contains("the one that is heard")));
}

#[test]
fn a_wrong_rate_is_measured() {
    let mut chance = Chance(6);
    for claimed_hz in [16_000, 48_000] {
        for off in [0.0, 2e-4, -2e-3, 0.088_435, -0.5] {
            let true_hz = f64::from(claimed_hz) * (1.0 + off);
            let marks: Vec<(u64, f64)> = (0..600_u64)
                .map(|block| {
                    let samples = block * u64::from(claimed_hz) / 50;
                    // Every stamp is late by up to 10 ms, every twentieth by much more.
                    let late = 0.005 * (1.0 + chance.signed()) + if block % 20 == 7 { 0.15 } else { 0.0 };
                    (samples, 5000.0 + samples as f64 / true_hz + late)
                })
                .collect();
            let measured = true_rate_hz(&marks, claimed_hz).unwrap();
            assert!((measured / true_hz - 1.0).abs() < 3e-4, "{measured} for {true_hz}");
            let room = Room::new(Material::Speech, claimed_hz, 1);
            let fit = MicrophoneFit::fit(&Listening {
                quiet: &room.quiet,
                talk: &[],
                rate_hz: claimed_hz,
                true_rate_hz: Some(measured),
                heard_channel: 0,
                from: None,
                gaps: 2,
            });
            let kinds: Vec<String> = fit.unwrap().findings.iter().map(kind).collect();
            assert_eq!(kinds.contains(&"WrongRate".to_owned()), off.abs() > 1e-3, "{off}");
            assert!(kinds.contains(&"Gaps".to_owned()));
            assert_eq!(true_rate_hz(&marks[..100], claimed_hz), None, "too short");
        }
    }
}

#[test]
fn too_little_is_refused() {
    let listening = Listening {
        quiet: &[],
        talk: &[],
        rate_hz: 16_000,
        true_rate_hz: None,
        heard_channel: 0,
        from: None,
        gaps: 0,
    };
    assert!(matches!(MicrophoneFit::fit(&listening), Err(FitError::TooFew { .. })));
    let broken = vec![vec![f32::NAN; 100_000]];
    assert!(matches!(
        MicrophoneFit::fit(&Listening {
            quiet: &broken,
            ..listening
        }),
        Err(FitError::NotFinite { index: 0, .. })
    ));
}
