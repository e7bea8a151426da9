//! `lookhear bench`: how long one tick takes on this machine.

use std::time::{Duration, Instant};

use clap::Args;
use lookhear::perception::localiser::Localiser;
use lookhear_board::{Picture, Sound};
use serde::Serialize;

use super::model::ModelOptions;
use super::output::write_json;

/// Side of the made-up picture, before the front end fits it to the model.
const PICTURE_SIDE: usize = 720;

/// `lookhear bench`.
#[derive(Debug, Args)]
pub struct Bench {
    #[command(flatten)]
    model: ModelOptions,
    /// Ticks to time, after as many tenths to warm up
    #[arg(long, value_name = "COUNT", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    ticks: u32,
}

/// What was measured; times in milliseconds.
#[derive(Debug, Serialize)]
struct Measured {
    /// From the bundle's bytes to a model that is ready.
    load: f64,
    /// One 720×720 RGB picture through front end, vision network and heatmap.
    picture: Times,
    /// One patch of 0.96 s of sound through front end and audio network: what each 0.48 s of a stream costs.
    sound: Times,
}

/// Of one piece of work.
#[derive(Debug, Serialize)]
struct Times {
    median: f64,
    least: f64,
    most: f64,
}

impl Bench {
    /// Measures and prints one line of JSON.
    pub fn run(self) -> anyhow::Result<()> {
        let start = Instant::now();
        let mut localiser = self.model.load()?;
        let load = milliseconds(start.elapsed());
        let rate_hz = localiser.ear().rate_hz();
        let samples = (0..rate_hz as usize * 975 / 1000)
            .map(|sample| (sample as f32 * 0.1).sin() * 0.1)
            .collect();
        let sound = Sound { samples, rate_hz };
        let bytes = (0..PICTURE_SIDE * PICTURE_SIDE * 3)
            .map(|index| (index * 31 % 251) as u8)
            .collect();
        let picture = Picture::rgb(PICTURE_SIDE, PICTURE_SIDE, bytes)
            .ok_or_else(|| anyhow::anyhow!("the picture to measure with has no pixels"))?;
        let embedding = localiser.hear(&sound)?;
        let picture = self.times(&mut localiser, |localiser| {
            localiser.localise(&picture, &embedding, Duration::ZERO)?;
            Ok(())
        })?;
        let sound = self.times(&mut localiser, |localiser| {
            localiser.hear(&sound)?;
            Ok(())
        })?;
        write_json(&Measured { load, picture, sound })
    }

    fn times(
        &self,
        localiser: &mut Localiser,
        mut work: impl FnMut(&mut Localiser) -> anyhow::Result<()>,
    ) -> anyhow::Result<Times> {
        for _ in 0..=self.ticks / 10 {
            work(localiser)?;
        }
        let mut times = Vec::with_capacity(self.ticks as usize);
        for _ in 0..self.ticks {
            let start = Instant::now();
            work(localiser)?;
            times.push(milliseconds(start.elapsed()));
        }
        times.sort_unstable_by(f64::total_cmp);
        let at = |index: usize| times.get(index).copied().unwrap_or_default();
        Ok(Times {
            median: at(times.len() / 2),
            least: at(0),
            most: at(times.len().saturating_sub(1)),
        })
    }
}

fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}
