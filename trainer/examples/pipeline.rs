//! Times the data loader alone: items a second out of a folder in the layout of VGG-Sound, prepared as the paper trains.
//!
//!     cargo run --release -p lookhear-trainer --example pipeline -- FOLDER [THREADS [PASSES]]

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, ensure};
use lookhear_trainer::dataset::Profile;
use lookhear_trainer::dataset::layouts::{DataSet, open};
use lookhear_trainer::dataset::loader::{FileSource, Loader, LoaderSettings, Mixings};
use lookhear_trainer::dataset::preparation::{Preparation, Settings};

const BATCH: usize = 32;
const PASSES: usize = 3;

fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let folder = PathBuf::from(arguments.next().context("give a folder in the layout of VGG-Sound")?);
    let threads = arguments
        .next()
        .map_or(Ok(2), |threads| threads.parse())
        .context("threads")?;
    let passes = arguments
        .next()
        .map_or(Ok(PASSES), |passes| passes.parse())
        .context("passes")?;
    ensure!(passes > 0, "at least one pass is needed");

    let found = open(DataSet::VggSound, &folder, None)?;
    let preparation = Preparation::new(Settings {
        profile: Profile::Paper,
        ..Settings::default()
    })?;
    let settings = LoaderSettings {
        batch: BATCH,
        threads,
        batches_ahead: 2,
        seed: 0,
    };
    let loader = Loader::new(Arc::new(FileSource::new(found.items)), preparation, settings)?;
    let mut rates = Vec::new();
    for pass in 0..passes {
        let (start, mut items) = (Instant::now(), 0);
        for batch in loader.training(pass as u64, 0, Mixings::new()) {
            items += batch?.len();
        }
        rates.push(items as f64 / start.elapsed().as_secs_f64());
    }
    rates.sort_by(f64::total_cmp);
    let result = serde_json::json!({
        "items_per_second": rates[passes / 2],
        "passes": passes,
        "threads": threads,
        "skipped": loader.skipped().len(),
    });
    serde_json::to_writer(std::io::stdout(), &result)?;
    Ok(())
}
