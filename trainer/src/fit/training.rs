//! The training loop, the same for every architecture.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context;
use burn::module::Module;
use burn::tensor::Device;

use super::average::Average;
use super::checkpoint::{Checkpoint, Standing};
use super::gradients::{Flat, accumulate, gradients};
use super::learner::Learner;
use super::metrics::{Line, Metrics};
use super::mixing::Partners;
use super::optimizer::Optimizer;
use super::plan::Plan;
use super::record::Beginning;
use crate::evaluate::arguments::bar;
use crate::model::named::{self, NamedTensor};

/// The file that a run goes on from.
pub const LAST: &str = "last.safetensors";
/// The file with the best validated weights.
pub const BEST: &str = "best.safetensors";

/// Where and how long a plan is carried out.
#[derive(Debug, Clone, Copy)]
pub struct Run<'a> {
    /// What to do.
    pub plan: &'a Plan,
    /// With what.
    pub beginning: &'a Beginning,
    /// Where checkpoints, metrics and curves are kept.
    pub folder: &'a Path,
    /// What computes, not yet training.
    pub device: &'a Device,
    /// Set by whoever wants the run to save and end.
    pub stop: &'a AtomicBool,
    /// Between checkpoints within an epoch.
    pub save_every: Duration,
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// All epochs are done.
    Finished,
    /// Validation has not become better for as many epochs as the plan's patience.
    Early,
    /// It was told to stop, and goes on from its last checkpoint when started again.
    Interrupted,
}

/// What a run came to.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// How it ended.
    pub ending: Ending,
    /// The weights to keep: the best validated, or else the moving average, or else the last.
    pub weights: BTreeMap<String, NamedTensor>,
    /// Epochs that were done.
    pub epochs: usize,
    /// The epoch of the best validation, counted from 1, and its contrast.
    pub best: Option<(usize, f64)>,
}

impl Outcome {
    /// Of no training at all.
    pub fn untrained(weights: BTreeMap<String, NamedTensor>) -> Self {
        Self {
            ending: Ending::Finished,
            weights,
            epochs: 0,
            best: None,
        }
    }
}

/// Whether a folder holds a run that has been through all epochs of a plan.
pub fn is_finished(folder: &Path, plan: &Plan) -> anyhow::Result<bool> {
    let last = Checkpoint::read(&folder.join(LAST))?;
    Ok(last.is_some_and(|last| last.standing.is_through(plan)))
}

/// Trains from the start, or from where the folder's last checkpoint stands.
pub fn train<L: Learner>(learner: &L, run: &Run<'_>) -> anyhow::Result<Outcome> {
    let Run { plan, folder, .. } = *run;
    let found = Checkpoint::read(&folder.join(LAST))?;
    if let Some(found) = &found {
        let differs = plan.departs_from(&found.standing.plan)?;
        anyhow::ensure!(
            differs.is_empty(),
            "{folder:?} holds a run of another plan, which differs in {}; give it the same options, or choose another folder with --run",
            differs.join(", ")
        );
        anyhow::ensure!(
            found.standing.beginning == *run.beginning,
            "{folder:?} holds a run with {:?}, this one would go on with {:?}; bring the same, or choose another folder with --run",
            found.standing.beginning,
            run.beginning
        );
        tracing::info!(
            epoch = found.standing.epoch,
            batches_done = found.standing.batches_done,
            "going on"
        );
    }
    let is_through = found.as_ref().is_some_and(|found| found.standing.is_through(plan));
    anyhow::ensure!(
        plan.epochs == 0 || learner.batches_in_epoch() > 0 || is_through,
        "there are too few pairs for a batch of {}; give a smaller --batch, or bring more data",
        plan.batch
    );
    let mut state = State::new(learner, run, found)?;
    let mut metrics = Metrics::open(folder, state.standing.metrics_bytes)?;
    let ending = loop {
        if state.standing.is_through(plan) {
            break Ending::Finished;
        }
        if let Some((best, _)) = state.standing.best
            && plan.patience > 0
            && state.standing.epoch > best + plan.patience
        {
            break Ending::Early;
        }
        if !state.epoch(learner, run, &mut metrics)? {
            break Ending::Interrupted;
        }
    };
    let weights = match Checkpoint::read(&folder.join(BEST))? {
        Some(best) if state.standing.best.is_some() => best.network,
        _ => named::read(&state.averaged()),
    };
    Ok(Outcome {
        ending,
        weights,
        epochs: state.standing.epoch - 1,
        best: state.standing.best,
    })
}

/// A run under way.
struct State<N> {
    standing: Standing,
    network: N,
    average: Option<Average>,
    optimizer: Optimizer,
}

impl<N: Module> State<N> {
    fn new<L: Learner<Network = N>>(learner: &L, run: &Run<'_>, found: Option<Checkpoint>) -> anyhow::Result<Self> {
        let Run { plan, device, .. } = *run;
        let mut network = learner.start(&device.clone().autodiff())?;
        let mut optimizer = Optimizer::new(plan.weight_decay, plan.epsilon);
        let mut average = (plan.average > 0.0).then(|| Average::new(&network.valid(), plan.average));
        let mut standing = Standing::new(plan.clone(), run.beginning.clone());
        if let Some(found) = found {
            network = named::write(network, &found.network).context("the checkpoint is of another network")?;
            optimizer.restore(found.standing.steps, &found.moments, device);
            if let Some(values) = &found.average {
                average = Some(Average::restore(plan.average, values, device));
            }
            standing = found.standing;
            standing.plan = plan.clone();
        }
        Ok(Self {
            standing,
            network,
            average,
            optimizer,
        })
    }

    /// Goes through what is left of the epoch; `false` where it was told to stop.
    fn epoch<L: Learner<Network = N>>(
        &mut self,
        learner: &L,
        run: &Run<'_>,
        metrics: &mut Metrics,
    ) -> anyhow::Result<bool> {
        let Run { plan, device, .. } = *run;
        let trains = device.clone().autodiff();
        let epoch = self.standing.epoch;
        let batches_in_epoch = learner.batches_in_epoch();
        if plan.mixing && self.standing.batches_done == 0 && Partners::are_heard_in(epoch) {
            let embeddings = learner.embeddings(&self.network.valid(), device)?;
            self.standing.partners = Partners::draw(&embeddings, epoch, plan.seed);
        }
        let begun = Instant::now();
        let mut saved = Instant::now();
        let bar = bar(batches_in_epoch as u64, "training")?;
        bar.set_position(self.standing.batches_done as u64);
        let mut batches = learner.batches(epoch, self.standing.batches_done, &self.standing.partners)?;
        while self.standing.batches_done < batches_in_epoch {
            let started = Instant::now();
            let parts = plan.accumulate.min(batches_in_epoch - self.standing.batches_done);
            let mut sum = Flat::new();
            let mut losses = [0.0; 2];
            for _ in 0..parts {
                let batch = batches.next().context("the data set ended within an epoch")??;
                let found = learner.losses(&self.network, &batch, &trains);
                losses[0] += found.contrast.clone().into_scalar::<f32>() as f64 / parts as f64;
                losses[1] += found.equivariance.clone().into_scalar::<f32>() as f64 / parts as f64;
                let total = found.contrast + found.equivariance.mul_scalar(plan.equivariance);
                let total = total.div_scalar(parts as f64);
                accumulate(&mut sum, gradients(&self.network, &total.backward()));
            }
            let [contrast, equivariance] = losses;
            anyhow::ensure!(
                contrast.is_finite() && equivariance.is_finite(),
                "the losses are no numbers any more (epoch {epoch}, step {}): the run has diverged; start it anew with a lower --rate and \
                 another --run",
                self.standing.steps
            );
            let rate = plan.rate_at(self.standing.steps, self.steps_in_all(plan, batches_in_epoch));
            let network = self.network.clone();
            self.network = self
                .optimizer
                .step(network, sum, |name| Some(learner.relative_rate(name)? * rate));
            self.standing.steps += 1;
            self.standing.batches_done += parts;
            self.standing.sums[0] += contrast * parts as f64;
            self.standing.sums[1] += equivariance * parts as f64;
            if let Some(average) = &mut self.average {
                average.follow(&self.network.valid(), self.standing.steps);
            }
            bar.inc(parts as u64);
            metrics.write(Line::Batch {
                epoch,
                step: self.standing.steps - 1,
                contrast,
                equivariance,
                rate,
                pairs_per_second: (parts * plan.batch) as f64 / started.elapsed().as_secs_f64().max(1e-9),
            })?;
            let stopped = run.stop.load(Ordering::Relaxed);
            if stopped || saved.elapsed() >= run.save_every {
                self.save(run, metrics)?;
                saved = Instant::now();
            }
            if stopped {
                bar.finish_and_clear();
                return Ok(false);
            }
        }
        bar.finish_and_clear();
        self.finish_epoch(learner, run, metrics, begun)?;
        Ok(true)
    }

    /// Validates, keeps the best, and writes it all down.
    fn finish_epoch<L: Learner<Network = N>>(
        &mut self,
        learner: &L,
        run: &Run<'_>,
        metrics: &mut Metrics,
        begun: Instant,
    ) -> anyhow::Result<()> {
        let epoch = self.standing.epoch;
        let [contrast, equivariance] = self
            .standing
            .sums
            .map(|sum| sum / self.standing.batches_done.max(1) as f64);
        let averaged = self.averaged();
        let validation = learner.validate(&averaged, run.device)?;
        let line = Line::Epoch {
            epoch,
            step: self.standing.steps,
            contrast,
            equivariance,
            validation_contrast: validation.map(|found| found.contrast),
            validation_own_first: validation.map(|found| found.own_sound_first),
            seconds: begun.elapsed().as_secs_f64(),
        };
        tracing::info!("{}", serde_json::to_string(&line)?);
        metrics.write(line)?;
        if let Some(found) = validation
            && found.contrast.is_finite()
            && self.standing.best.is_none_or(|(_, best)| found.contrast < best)
        {
            self.standing.best = Some((epoch, found.contrast));
            let best = Checkpoint {
                standing: self.standing.clone(),
                network: named::read(&averaged),
                average: None,
                moments: BTreeMap::new(),
            };
            best.write(&run.folder.join(BEST))?;
        }
        self.standing.epoch += 1;
        self.standing.batches_done = 0;
        self.standing.sums = [0.0; 2];
        self.standing.partners = Partners::default();
        self.save(run, metrics)
    }

    fn steps_in_all(&self, plan: &Plan, batches_in_epoch: usize) -> usize {
        plan.epochs * batches_in_epoch.div_ceil(plan.accumulate)
    }

    /// The network that would be kept now, on a device that does not train.
    fn averaged(&self) -> N {
        let network = self.network.valid();
        match &self.average {
            Some(average) => average.put_into(network),
            None => network,
        }
    }

    fn save(&mut self, run: &Run<'_>, metrics: &mut Metrics) -> anyhow::Result<()> {
        self.standing.metrics_bytes = metrics.bytes()?;
        let (_, moments) = self.optimizer.state();
        let network = named::read(&self.network.valid());
        // The last good checkpoint is worth more than a later one of a run that has diverged.
        anyhow::ensure!(
            network
                .values()
                .flat_map(|tensor| &tensor.values)
                .all(|value| value.is_finite()),
            "the weights are no numbers any more (epoch {}, step {}): the run has diverged; start it anew with a lower --rate and another \
             --run",
            self.standing.epoch,
            self.standing.steps
        );
        let checkpoint = Checkpoint {
            standing: self.standing.clone(),
            network,
            average: self.average.as_ref().map(Average::state),
            moments,
        };
        Ok(checkpoint.write(&run.folder.join(LAST))?)
    }
}
