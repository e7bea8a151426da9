//! Several cameras that share one model.

use std::time::{Duration, Instant};

use lookhear::perception::encoder::Backend;
use lookhear::perception::listener::SoundEmbedding;
use lookhear::perception::localiser::Localiser;
use lookhear_board::Picture;
use serde::Serialize;

use super::memory::resident_mib;
use super::threads::joined;
use super::times::milliseconds;

/// What so many cameras cost.
#[derive(Debug, Serialize)]
pub struct CameraTimes {
    cameras: usize,
    threads: usize,
    /// From the first picture to the last, over the percepts of all cameras, in milliseconds.
    per_percept: f64,
    /// Of all cameras together.
    percepts_per_second: f64,
    /// Resident memory beyond that of one camera, in MiB.
    more_memory_mib: f64,
}

/// Lets `cameras` siblings of a localiser perceive `percepts` pictures each, spread over `threads` threads.
pub fn measure(
    localiser: &Localiser,
    cameras: usize,
    threads: usize,
    percepts: u32,
    picture: &Picture,
    sound: &SoundEmbedding,
) -> anyhow::Result<CameraTimes> {
    let before = resident_mib();
    let mut siblings = Vec::new();
    for _ in 0..cameras {
        let mut sibling = localiser.sibling(&Backend::default())?;
        sibling.localise(picture, sound, Duration::ZERO)?;
        siblings.push(sibling);
    }
    let more_memory_mib = (resident_mib() - before) * (cameras as f64 - 1.0) / cameras as f64;
    let start = Instant::now();
    std::thread::scope(|scope| {
        let share = cameras.div_ceil(threads);
        let busy: Vec<_> = siblings
            .chunks_mut(share)
            .map(|siblings| {
                scope.spawn(move || {
                    for _ in 0..percepts {
                        for sibling in &mut *siblings {
                            sibling.localise(picture, sound, Duration::ZERO)?;
                        }
                    }
                    anyhow::Ok(())
                })
            })
            .collect();
        busy.into_iter().try_for_each(joined)
    })?;
    let count = cameras as f64 * f64::from(percepts);
    let elapsed = start.elapsed();
    Ok(CameraTimes {
        cameras,
        threads: cameras.div_ceil(cameras.div_ceil(threads)),
        per_percept: milliseconds(elapsed) / count,
        percepts_per_second: count / elapsed.as_secs_f64(),
        more_memory_mib,
    })
}
