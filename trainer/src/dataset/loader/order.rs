//! Where everything random of an epoch comes from, and in which order its items come.
//!
//! Every draw follows from the run's seed, the epoch, and the number of the item or of the batch it is for, never from what was drawn before.
//! So an epoch can be begun at any of its batches, on any number of threads, and gives the same bytes.

use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// What a draw is for. The numbers are part of what a seed means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Draw {
    /// The order of an epoch; its number is 0.
    Order = 1,
    /// What a batch shares, by its number in the epoch.
    Batch = 2,
    /// The changes of an item, by its index in the source.
    Item = 3,
    /// Stand-ins for what cannot be read, by the place in the epoch.
    StandIn = 4,
}

/// The randomness of one draw. The four numbers are the key of the generator: no two draws have anything in common.
pub(super) fn random(seed: u64, epoch: u64, draw: Draw, number: u64) -> ChaCha8Rng {
    let mut key = [0; 32];
    let parts = [seed, epoch, draw as u64, number];
    for (bytes, part) in key.chunks_exact_mut(8).zip(parts) {
        bytes.copy_from_slice(&part.to_le_bytes());
    }
    ChaCha8Rng::from_seed(key)
}

/// The items of an epoch, every one once.
pub(super) fn shuffled(items: usize, seed: u64, epoch: u64) -> Vec<usize> {
    let mut order: Vec<usize> = (0..items).collect();
    order.shuffle(&mut random(seed, epoch, Draw::Order, 0));
    order
}

/// Stand-ins tried for an item that cannot be read.
const STAND_INS: usize = 32;

/// The places of the epoch whose items stand in for the one at `place`, one after the other until one can be read.
///
/// First come places of other batches, for an item twice in a batch would be a wrong negative; where none of those can be read, any.
pub(super) fn stand_ins(
    place: usize,
    items: usize,
    batch: usize,
    seed: u64,
    epoch: u64,
) -> impl Iterator<Item = usize> {
    let mut random = random(seed, epoch, Draw::StandIn, place as u64);
    let (start, others) = (place - place % batch.max(1), items.saturating_sub(batch));
    (0..STAND_INS).map(move |attempt| {
        if attempt < STAND_INS / 2 && others > 0 {
            (start + batch + random.random_range(0..others)) % items
        } else {
            random.random_range(0..items.max(1))
        }
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rand::Rng;

    use super::*;

    #[test]
    fn draws_have_nothing_in_common() {
        let first = |seed, epoch, draw, number| random(seed, epoch, draw, number).random::<u64>();
        let one = first(1, 2, Draw::Item, 3);
        assert_eq!(one, first(1, 2, Draw::Item, 3));
        for other in [
            first(2, 2, Draw::Item, 3),
            first(1, 3, Draw::Item, 3),
            first(1, 2, Draw::Batch, 3),
            first(1, 2, Draw::Item, 4),
            first(2, 1, Draw::Item, 3),
        ] {
            assert_ne!(one, other);
        }
    }

    proptest! {
        #[test]
        fn an_epoch_has_every_item_once(items in 0_usize..200, seed: u64, epoch: u64) {
            let mut order = shuffled(items, seed, epoch);
            prop_assert_eq!(&order, &shuffled(items, seed, epoch));
            order.sort_unstable();
            prop_assert_eq!(order, (0..items).collect::<Vec<_>>());
        }

        #[test]
        fn stand_ins_come_from_other_batches_first(items in 1_usize..60, batch in 1_usize..20, place: prop::sample::Index, seed: u64) {
            let batch = batch.min(items);
            let place = place.index(items / batch * batch);
            for (attempt, other) in stand_ins(place, items, batch, seed, 0).enumerate() {
                prop_assert!(other < items);
                prop_assert!(attempt >= 16 || items == batch || other / batch != place / batch);
            }
        }
    }
}
