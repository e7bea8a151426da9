//! How long the nearest of a gallery take: `cargo bench -p lookhear-trainer --bench gallery`.
#![allow(missing_docs, reason = "criterion's macros make public items")]

use std::hint::black_box;
use std::num::NonZero;

use criterion::{Criterion, criterion_group, criterion_main};
use lookhear::perception::heatmap::normalise;
use lookhear_trainer::retrieve::gallery::Gallery;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

fn nearest(criterion: &mut Criterion) {
    let threads = std::thread::available_parallelism().unwrap_or(NonZero::<usize>::MIN);
    for count in [1_000, 100_000] {
        for channels in [128, 512] {
            let mut random = ChaCha8Rng::seed_from_u64(0);
            let mut unit = || {
                let mut row: Vec<f32> = (0..channels).map(|_| random.random_range(-1.0..1.0)).collect();
                normalise(&mut row);
                row
            };
            let mut gallery = Gallery::new(NonZero::new(channels).unwrap_or(NonZero::<usize>::MIN));
            for _ in 0..count {
                let _ = gallery.push(&unit());
            }
            assert_eq!(gallery.len(), count);
            let query = unit();
            criterion.bench_function(
                &format!("nearest 10/{count} × {channels}/{threads} threads"),
                |bencher| {
                    bencher.iter(|| gallery.nearest(black_box(&query), 10, threads, |index| index == 7));
                },
            );
        }
    }
}

criterion_group!(gallery, nearest);
criterion_main!(gallery);
