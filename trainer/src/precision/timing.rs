//! How long each precision takes, in turns: what else the machine does falls on all of them alike.

use std::time::{Duration, Instant};

use lookhear::perception::bundle::Bundle;
use lookhear::perception::encoder::{Backend, Encoder};
use serde::Serialize;

use super::material::Inputs;
use crate::dataset::Scene;

/// Longest time that one precision's turn takes, unless a single run takes longer.
const TURN: Duration = Duration::from_millis(400);
/// Most runs in a turn.
const RUNS: usize = 4;

/// Medians on one thread, in milliseconds, of the networks alone.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Times {
    /// One picture.
    pub picture_milliseconds: f64,
    /// One patch of sound.
    pub sound_milliseconds: f64,
}

/// Times all bundles on the first scene, so many turns each.
pub fn in_turns(
    bundles: &[(Bundle, Backend)],
    scene: &Scene,
    turns: usize,
    step: &dyn Fn(),
) -> anyhow::Result<Vec<Times>> {
    let Some((first, _)) = bundles.first() else {
        return Ok(Vec::new());
    };
    let mut inputs = Inputs::new(&first.manifest);
    let pixels = inputs.picture(scene)?;
    let patch = inputs.sounds(&scene.sound)?.into_iter().next().unwrap_or_default();
    let mut encoders = Vec::with_capacity(bundles.len());
    for (bundle, backend) in bundles {
        let mut vision = Encoder::load("vision.onnx", &bundle.vision, &inputs.picture_shape(), backend)?;
        let mut audio = Encoder::load("audio.onnx", &bundle.audio, &inputs.sound_shape(), backend)?;
        vision.run(&pixels)?;
        audio.run(&patch)?;
        encoders.push((vision, audio, Vec::new(), Vec::new()));
    }
    for _ in 0..turns {
        for (vision, audio, pictures, sounds) in &mut encoders {
            turn(vision, &pixels, pictures)?;
            turn(audio, &patch, sounds)?;
            step();
        }
    }
    let times = encoders.into_iter().map(|(_, _, pictures, sounds)| Times {
        picture_milliseconds: median(pictures),
        sound_milliseconds: median(sounds),
    });
    Ok(times.collect())
}

fn turn(encoder: &mut Encoder, input: &[f32], times: &mut Vec<f64>) -> anyhow::Result<()> {
    let start = Instant::now();
    for _ in 0..RUNS {
        let begun = Instant::now();
        encoder.run(input)?;
        times.push(begun.elapsed().as_secs_f64() * 1000.0);
        if start.elapsed() > TURN {
            break;
        }
    }
    Ok(())
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_unstable_by(f64::total_cmp);
    times.get(times.len() / 2).copied().unwrap_or(f64::NAN)
}
