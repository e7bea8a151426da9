//! Batches of prepared examples, made ahead of time on worker threads to keep a training device busy.
//!
//! What comes is a function of the seed, the epoch, the number of the batch, and the files, whatever the number of threads: an epoch is a
//! shuffled list of places, batch b is the places b·B .. b·B + B, and every place is filled by itself. Where an item cannot be read, the items of
//! other places, drawn for this place, stand in for it until one can be read; so a damaged file changes one place of an epoch and no other, and
//! every batch is full.

mod batch;
mod order;
mod prefetch;
mod source;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::iter::once;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use thiserror::Error;

use super::preparation::{BatchTransform, Partner, Preparation, PreparationError};
use batch::Known;
pub use batch::PaperBatch;
use order::{Draw, random, shuffled, stand_ins};
pub use prefetch::{Prefetcher, WorkerPanic};
pub use source::{ComposedSource, FileSource, Pair, PairSource, SourceError, Subset};

/// Batches that wait for the device, beside the one that is being put together.
const BATCHES_WAITING: usize = 1;

/// How batches are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LoaderSettings {
    /// Examples in a batch.
    pub batch: usize,
    /// Threads that decode and prepare.
    pub threads: usize,
    /// Batches' worth of examples that are prepared ahead; each example of the paper's size takes about 2 MiB.
    pub batches_ahead: usize,
    /// Everything random follows from it.
    pub seed: u64,
}

/// Why there is no further batch.
#[derive(Debug, Error)]
pub enum LoaderError {
    /// There is not enough for one batch: take smaller ones.
    #[error("{items} items are too few for batches of {batch}: take a smaller batch, or more data")]
    TooFew {
        /// How many there are.
        items: usize,
        /// How many a batch takes.
        batch: usize,
    },
    /// Hardly anything can be read: look at the data.
    #[error(
        "neither {id} nor {stand_ins} others in its stead can be used, the last of them because {cause}; check the files of the data set"
    )]
    Unreadable {
        /// The item.
        id: String,
        /// How many were tried instead of it.
        stand_ins: usize,
        /// What was wrong with the last.
        cause: String,
    },
    /// A fault of the program.
    #[error(transparent)]
    Worker(#[from] WorkerPanic),
}

/// Why an item is skipped.
#[derive(Debug, Error)]
enum SkipCause {
    #[error(transparent)]
    Source(#[from] SourceError),
    #[error(transparent)]
    Preparation(#[from] PreparationError),
}

/// What is mixed into the sound of an item (METHOD, "Sound mixing").
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Mixing {
    /// The number of the pair whose sound it is.
    pub partner: usize,
    /// Its share, 0..1.
    pub alpha: f32,
}

/// What is mixed into the sound of which item, by number, in an epoch.
pub type Mixings = BTreeMap<usize, Mixing>;

/// Makes the batches of any epoch.
#[derive(Clone)]
pub struct Loader {
    shared: Arc<Shared>,
}

struct Shared {
    source: Arc<dyn PairSource>,
    preparation: Preparation,
    settings: LoaderSettings,
    sorts: Vec<String>,
    skipped: Mutex<BTreeSet<usize>>,
}

impl Loader {
    /// # Errors
    /// [`LoaderError::TooFew`]: not one full batch.
    pub fn new(
        source: Arc<dyn PairSource>,
        preparation: Preparation,
        settings: LoaderSettings,
    ) -> Result<Self, LoaderError> {
        let (items, batch) = (source.len(), settings.batch);
        if batch == 0 || items < batch {
            return Err(LoaderError::TooFew { items, batch });
        }
        let sorts = source.sorts();
        Ok(Self {
            shared: Arc::new(Shared {
                source,
                preparation,
                settings,
                sorts,
                skipped: Mutex::default(),
            }),
        })
    }

    /// Full batches in an epoch of training; a rest that fills none is left to other epochs.
    pub fn batches(&self) -> usize {
        self.shared.source.len() / self.shared.settings.batch
    }

    /// How examples are prepared.
    pub fn preparation(&self) -> &Preparation {
        &self.shared.preparation
    }

    /// Where the pairs come from.
    pub fn source(&self) -> &dyn PairSource {
        &*self.shared.source
    }

    /// Numbers of the items that could not be used so far, each named once in the log.
    pub fn skipped(&self) -> BTreeSet<usize> {
        self.shared
            .skipped
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// The training batches of an epoch from `first_batch` on, the same as those of the whole epoch.
    pub fn training(&self, epoch: u64, first_batch: usize, mixings: Mixings) -> Batches {
        let Shared { source, settings, .. } = &*self.shared;
        let order = shuffled(source.len(), settings.seed, epoch);
        let places = first_batch * settings.batch..self.batches() * settings.batch;
        let shared = Arc::clone(&self.shared);
        let fill = move |place| shared.fill(place, &order, epoch, &mixings).map(Some);
        self.batches_of(places, fill)
    }

    /// All items in order, once, without anything random; what cannot be used is left out, and the last batch takes the rest.
    pub fn evaluation(&self) -> Batches {
        let shared = Arc::clone(&self.shared);
        let fill = move |index| Ok(shared.evaluated(index));
        self.batches_of(0..self.shared.source.len(), fill)
    }

    fn batches_of(
        &self,
        places: std::ops::Range<usize>,
        fill: impl Fn(usize) -> Result<Option<Known>, LoaderError> + Send + Sync + 'static,
    ) -> Batches {
        let settings = self.shared.settings;
        let (sender, receiver) = sync_channel(BATCHES_WAITING);
        let shared = Arc::clone(&self.shared);
        let collator = std::thread::spawn(move || {
            let ahead = settings.batch * settings.batches_ahead.max(1);
            let examples = Prefetcher::new(places, settings.threads, ahead, fill);
            shared.collate(examples, &sender);
        });
        Batches {
            receiver: Some(receiver),
            collator: Some(collator),
        }
    }
}

impl Shared {
    /// The example of a place of an epoch, or of the first stand-in that can be used.
    fn fill(&self, place: usize, order: &[usize], epoch: u64, mixings: &Mixings) -> Result<Known, LoaderError> {
        let LoaderSettings { batch, seed, .. } = self.settings;
        let common = BatchTransform::draw(&mut random(seed, epoch, Draw::Batch, (place / batch) as u64));
        let others = stand_ins(place, order.len(), batch, seed, epoch);
        let (mut tried, mut last) = (0, String::new());
        for index in once(place).chain(others).filter_map(|place| order.get(place).copied()) {
            let mut random = random(seed, epoch, Draw::Item, index as u64);
            match self.trained(index, mixings.get(&index), common, &mut random) {
                Ok(known) => return Ok(known),
                Err(cause) => {
                    last = cause.to_string();
                    self.skip(index, &cause);
                }
            }
            tried += 1;
        }
        Err(LoaderError::Unreadable {
            id: order.get(place).map(|index| self.source.id(*index)).unwrap_or_default(),
            stand_ins: tried - 1,
            cause: last,
        })
    }

    fn trained(
        &self,
        index: usize,
        mixing: Option<&Mixing>,
        common: BatchTransform,
        random: &mut rand_chacha::ChaCha8Rng,
    ) -> Result<Known, SkipCause> {
        let pair = self.source.pair(index)?;
        // A partner that cannot be read is skipped as any other item, and the sound stays as it is.
        let mixed = mixing.and_then(|mixing| match self.source.sound(mixing.partner) {
            Ok(sound) => Some((sound, mixing.alpha)),
            Err(error) => {
                self.skip(mixing.partner, &error.into());
                None
            }
        });
        let partner = mixed.as_ref().map(|(sound, alpha)| Partner { sound, alpha: *alpha });
        let example = self
            .preparation
            .training(&pair.picture, &pair.sound, partner, common, random)?;
        Ok(self.known(index, &pair, example))
    }

    fn evaluated(&self, index: usize) -> Option<Known> {
        let prepare = || -> Result<_, SkipCause> {
            let pair = self.source.pair(index)?;
            let example = self.preparation.evaluation(&pair.picture, &pair.sound)?;
            Ok(self.known(index, &pair, example))
        };
        prepare().map_err(|cause| self.skip(index, &cause)).ok()
    }

    fn known(&self, index: usize, pair: &Pair, example: super::preparation::PaperExample) -> Known {
        let number = |name: &String| self.sorts.binary_search(name).ok().map(|number| number as u32);
        let mut in_view: Vec<u32> = pair.in_view.iter().filter_map(number).collect();
        in_view.sort_unstable();
        Known {
            index,
            sort: pair.sort.as_ref().and_then(number),
            in_view,
            example,
        }
    }

    /// Notes an item that cannot be used, and names it the first time.
    fn skip(&self, index: usize, cause: &SkipCause) {
        if self
            .skipped
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(index)
        {
            tracing::warn!("item {} is skipped: {cause}", self.source.id(index));
        }
    }

    /// Puts examples side by side, one batch's worth of places after the other, until they end or nobody takes the batches.
    fn collate(
        &self,
        mut examples: impl Iterator<Item = Result<Result<Option<Known>, LoaderError>, WorkerPanic>>,
        batches: &SyncSender<Result<PaperBatch, LoaderError>>,
    ) {
        let room = self.settings.batch;
        let mut has_more = true;
        while has_more {
            let mut batch = PaperBatch::with_room(room, &self.preparation);
            while has_more && batch.len() < room {
                match examples.next().map(|done| done.map_err(LoaderError::from).flatten()) {
                    Some(Ok(Some(known))) => batch.push(known, room),
                    Some(Ok(None)) => {}
                    Some(Err(error)) => {
                        // Nobody hears the error of an epoch that was given up.
                        let _ = batches.send(Err(error));
                        return;
                    }
                    None => has_more = false,
                }
            }
            if !batch.is_empty() && batches.send(Ok(batch)).is_err() {
                return;
            }
        }
    }
}

/// Batches one after the other; after an error no more. Dropping it ends the threads.
#[derive(Debug)]
pub struct Batches {
    receiver: Option<Receiver<Result<PaperBatch, LoaderError>>>,
    collator: Option<JoinHandle<()>>,
}

impl Iterator for Batches {
    type Item = Result<PaperBatch, LoaderError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.receiver.as_ref()?.recv().ok()
    }
}

impl Drop for Batches {
    fn drop(&mut self) {
        // Without a receiver the collator ends, and the workers with it.
        self.receiver = None;
        if let Some(collator) = self.collator.take() {
            let _ = collator.join();
        }
    }
}
