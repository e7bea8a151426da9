//! Whether the model runs here, and how often a second.

use std::time::{Duration, Instant};

use anyhow::Context;
use lookhear::perception::localiser::Localiser;
use lookhear_board::{Picture, Sound};

use super::finding::Finding;

/// Of the made-up picture: what most cameras give.
const PICTURE_SIZE: (usize, usize) = (640, 480);
/// Of the made-up sound: somewhat more than one patch.
const SOUND_MILLISECONDS: usize = 975;
/// The model listens anew with every patch, that is about twice a second.
const PATCHES_PER_SECOND: f64 = 1.0 / 0.48;
/// How often each network runs; the first time warms it up and does not count.
const RUNS: usize = 4;

/// How long the networks take.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pace {
    /// To understand a picture.
    pub picture: Duration,
    /// To understand a patch of sound.
    pub patch: Duration,
}

impl Pace {
    /// Percepts a second, when nothing else is to be done: what listening leaves of each second goes into pictures.
    pub fn attainable_hz(&self) -> f64 {
        let left = 1.0 - PATCHES_PER_SECOND * self.patch.as_secs_f64();
        (left / self.picture.as_secs_f64().max(1e-6)).max(0.0)
    }
}

/// A backend that does not do what its name says.
pub fn check_backend(caveat: String) -> Finding {
    Finding::warn(
        "backend",
        caveat,
        "install what is missing, or set `backend = \"cpu\"`, which is what runs now",
    )
}

/// Whether the model keeps up with the rate that is wanted.
pub fn check_pace(backend: &str, measured: anyhow::Result<Pace>, wanted_hz: f64) -> Finding {
    let pace = match measured {
        Ok(pace) => pace,
        Err(cause) => {
            return Finding::fail(
                "model",
                format!("{cause:#}"),
                "set `backend = \"cpu\"` and no model file to use what ships with the program",
            );
        }
    };
    let attainable = pace.attainable_hz();
    let says = format!(
        "on {backend} a picture takes {:.1} ms and a patch of sound {:.1} ms: up to {attainable:.1} percepts a second, \
         {wanted_hz:.1} wanted",
        pace.picture.as_secs_f64() * 1000.0,
        pace.patch.as_secs_f64() * 1000.0
    );
    if attainable >= wanted_hz {
        Finding::ok("model", says)
    } else {
        let remedy = format!("lower the rate of perception to {:.1}, or use a GPU", attainable * 0.8);
        Finding::warn("model", says, remedy)
    }
}

/// Times a model on a made-up picture and a made-up sound.
pub fn measure(localiser: &mut Localiser) -> anyhow::Result<Pace> {
    let rate_hz = localiser.ear().rate_hz();
    let samples = (0..rate_hz as usize * SOUND_MILLISECONDS / 1000)
        .map(|sample| (sample as f32 * 0.1).sin() * 0.1)
        .collect();
    let sound = Sound { samples, rate_hz };
    let (width, height) = PICTURE_SIZE;
    let bytes = (0..width * height * 3).map(|index| (index * 31 % 251) as u8).collect();
    let picture = Picture::rgb(width, height, bytes).context("the picture to measure with has no pixels")?;
    let embedding = localiser.hear(&sound)?;
    let picture = shortest(|| {
        localiser.localise(&picture, &embedding, Duration::ZERO)?;
        Ok(())
    })?;
    let patch = shortest(|| {
        localiser.hear(&sound)?;
        Ok(())
    })?;
    Ok(Pace { picture, patch })
}

/// How long the quickest of some runs takes: what else the machine does only makes it slower.
fn shortest(mut work: impl FnMut() -> anyhow::Result<()>) -> anyhow::Result<Duration> {
    work()?;
    let mut shortest = Duration::MAX;
    for _ in 1..RUNS {
        let start = Instant::now();
        work()?;
        shortest = shortest.min(start.elapsed());
    }
    Ok(shortest)
}
