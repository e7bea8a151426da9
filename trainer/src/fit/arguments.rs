//! `lookhear-train fit`.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::Context;
use burn::tensor::Device;
use lookhear::perception::bundle::Bundle;
use lookhear::perception::encoder::Backend;
use lookhear::perception::picture::PictureTransform;

use super::data::{Data, DataArguments, split};
use super::device::DeviceName;
use super::edge::{Edge, Examples};
use super::examples::{Amount, examples};
use super::features::FeatureNetworks;
use super::paper::Paper;
use super::plan::{Changes, Network, Plan};
use super::record::{Beginning, Rebuilding, Start};
use super::training::{Ending, LAST, Outcome, Run, is_finished, train};
use crate::dataset::Profile;
use crate::dataset::loader::{Loader, LoaderSettings};
use crate::dataset::preparation::{Preparation, Settings};
use crate::evaluate::arguments::{bar, measure};
use crate::export::bundle::{Provenance, unmeasured, unmeasured_paper};
use crate::import::start;
use crate::model::bridge::Bridge;
use crate::model::named;
use crate::model::networks::Backbones;
use crate::model::paper::res_net::WIDTH;
use crate::model::projection::Projection;
use crate::model::weights::Weights;

/// Exit code of a run that was told to stop, as shells have it for Ctrl-C.
const INTERRUPTED: i32 = 130;

/// Train a model and write it as a bundle.
///
/// `--network edge` learns projections on two pretrained backbones; `--network paper` learns two ResNet-18s as Liu et al. 2022 do.
/// A run keeps its checkpoints in a folder of its own and goes on from there when started again with the same options; Ctrl-C saves
/// and ends it. The bundle records all that is needed to make it again: `--from BUNDLE` does.
#[derive(Debug, Clone, clap::Args)]
pub struct FitArguments {
    #[command(flatten)]
    pub(crate) data: DataArguments,
    /// The folder with the pretrained weights of both backbones, for edge
    #[arg(long, value_name = "DIR")]
    pub(crate) weights: Option<PathBuf>,
    /// A ResNet-18 to begin the picture's encoder of paper with (torchvision's names, safetensors or PyTorch's)
    #[arg(long, value_name = "FILE")]
    pub(crate) start: Option<PathBuf>,
    /// The bundle to write
    #[arg(long, value_name = "FILE")]
    pub(crate) out: PathBuf,
    /// The folder of checkpoints, metrics and curves [the bundle and .run]
    #[arg(long, value_name = "DIR")]
    pub(crate) run: Option<PathBuf>,
    /// Name of the model [lookhear-edge, lookhear-paper]
    #[arg(long)]
    pub(crate) name: Option<String>,
    /// What computes: cpu, cuda, cuda:1, libtorch or libtorch-cuda:0
    #[arg(long, default_value = "cpu")]
    pub(crate) device: DeviceName,
    /// Threads that decode and prepare
    #[arg(long, value_name = "COUNT", default_value_t = 2)]
    pub(crate) threads: usize,
    /// Minutes between checkpoints within an epoch
    #[arg(long, value_name = "MINUTES", default_value_t = 5.0)]
    pub(crate) save_every: f64,
    /// Train as this bundle was trained, and compare
    #[arg(long, value_name = "BUNDLE")]
    pub(crate) from: Option<PathBuf>,
    /// Development cases of each sort, where a corpus can make them; 0 for none
    #[arg(long, value_name = "COUNT", default_value_t = 200)]
    pub(crate) cases: usize,
    /// Share of negatives that may be accepted, from which the threshold follows
    #[arg(long, value_name = "SHARE", default_value_t = 0.05)]
    pub(crate) false_fires: f64,
    #[command(flatten)]
    pub(crate) changes: Changes,
}

/// Trains, exports, measures and writes.
pub fn run(arguments: FitArguments) -> anyhow::Result<()> {
    let model = arguments.from.as_deref().map(Rebuilding::read).transpose()?;
    let plan = arguments
        .changes
        .apply(model.as_ref().map(|model| model.plan.clone()))?;
    plan.check()?;
    let data = arguments.data.open(&plan)?;
    if let Some(model) = &model {
        model.same(&beginning(&arguments, plan.network, &data)?)?;
        let folder = folder(&arguments);
        anyhow::ensure!(
            !is_finished(&folder, &plan)?,
            "{:?} is of a finished run, so that nothing would be trained; choose another folder with --run",
            folder.join(LAST)
        );
    }
    let stop = stop_on_interrupt()?;
    let trained = carry_out(&arguments, &plan, &data, &stop)?;
    let Some((mut bundle, outcome)) = trained else {
        tracing::warn!("stopped and saved; start it again with the same options to go on");
        // As a program that a signal ends: what was to follow must not take an earlier bundle for this one.
        std::process::exit(INTERRUPTED);
    };
    let cases = data.corpus.as_ref().filter(|_| arguments.cases > 0);
    let scores = cases
        .map(|corpus| {
            measure(
                corpus,
                &mut bundle,
                &Backend::default(),
                arguments.cases,
                arguments.false_fires,
            )
        })
        .transpose()?;
    bundle.write(&arguments.out)?;
    tracing::info!(bundle = %arguments.out.display(), epochs = outcome.epochs, ending = ?outcome.ending, "written");
    match &model {
        Some(model) if model.plan == plan => model.compare(&bundle)?,
        Some(_) => tracing::info!("the plan was changed: the networks are not compared with the bundle's"),
        None => {}
    }
    scores.map_or(Ok(()), |scores| crate::evaluate::arguments::print(&scores))
}

/// What Ctrl-C sets; a second one ends the program at once.
pub(crate) fn stop_on_interrupt() -> anyhow::Result<Arc<AtomicBool>> {
    let stop = Arc::new(AtomicBool::new(false));
    let asked = Arc::clone(&stop);
    ctrlc::set_handler(move || {
        if asked.swap(true, Ordering::Relaxed) {
            // Asked twice: whoever asks does not want to wait for the step to end.
            std::process::exit(INTERRUPTED);
        }
    })
    .context("Ctrl-C cannot be watched for")?;
    Ok(stop)
}

/// The trained bundle, not yet measured; `None` where it was told to stop.
pub(crate) fn carry_out(
    arguments: &FitArguments,
    plan: &Plan,
    data: &Data,
    stop: &AtomicBool,
) -> anyhow::Result<Option<(Bundle, Outcome)>> {
    let folder = folder(arguments);
    std::fs::create_dir_all(&folder).with_context(|| format!("the folder {folder:?} cannot be made"))?;
    let device = arguments.device.open()?;
    let beginning = beginning(arguments, plan.network, data)?;
    anyhow::ensure!(
        arguments.save_every >= 0.0,
        "--save-every takes minutes, 0 or more, not {}",
        arguments.save_every
    );
    let run = Run {
        plan,
        beginning: &beginning,
        folder: &folder,
        device: &device,
        stop,
        save_every: Duration::from_secs_f64(60.0 * arguments.save_every.min(1e6)),
    };
    let (mut bundle, outcome) = match plan.network {
        Network::Edge => edge(arguments, data, &run)?,
        Network::Paper => paper(arguments, data, &run)?,
    };
    if outcome.ending == Ending::Interrupted {
        return Ok(None);
    }
    super::record::record(&mut bundle, plan, &beginning, &outcome)?;
    Ok(Some((bundle, outcome)))
}

fn edge(arguments: &FitArguments, data: &Data, run: &Run<'_>) -> anyhow::Result<(Bundle, Outcome)> {
    let plan = run.plan;
    let folder = arguments.weights.as_deref().context(
        "edge begins with pretrained backbones; name their folder with --weights (trainer/README.md says whence)",
    )?;
    let backbones = Backbones::read(folder).context("the pretrained weights cannot be used")?;
    let bridge = Bridge::committed()?;
    let start = Projection::new(&bridge, plan.seed, &Device::flex());
    let start_weights = named::read(&start);
    let outcome = if plan.epochs == 0 {
        Outcome::untrained(start_weights.clone())
    } else {
        // What has learned all that the plan has in store needs no examples to be written again.
        let examples = if is_finished(run.folder, plan)? {
            Examples::none(bridge.channels)
        } else {
            prepared(arguments, data, plan, &backbones, &bridge)?
        };
        train(&Edge::new(&bridge, &examples, plan), run)?
    };
    let weights = named::between(&start_weights, &outcome.weights, 1.0 - plan.start_share as f32);
    let projection = named::write(start, &weights)?;
    let name = arguments.name.as_deref().unwrap_or("lookhear-edge");
    let bundle = unmeasured(name, &backbones, &bridge, &projection, plan.side_pixels, plan.storage)?;
    Ok((bundle, outcome))
}

/// Everything that `edge` learns from, seen and heard by the backbones.
fn prepared(
    arguments: &FitArguments,
    data: &Data,
    plan: &Plan,
    backbones: &Backbones,
    bridge: &Bridge,
) -> anyhow::Result<Examples> {
    let networks = FeatureNetworks::new(backbones, bridge, plan.side_pixels, plan.storage)?;
    let amount = Amount {
        strays: plan.strays,
        threads: arguments.threads,
    };
    let strays = data.composer.as_ref().map_or(0, |_| plan.strays);
    let bar = bar((data.source.len() + strays) as u64, "seeing and hearing")?;
    let composer = data.composer.as_ref();
    let examples = examples(
        &*data.source,
        composer,
        &networks,
        bridge.channels,
        amount,
        plan,
        || bar.inc(1),
    )?;
    bar.finish_and_clear();
    Ok(examples)
}

fn paper(arguments: &FitArguments, data: &Data, run: &Run<'_>) -> anyhow::Result<(Bundle, Outcome)> {
    let plan = run.plan;
    let loader = |source| -> anyhow::Result<Loader> {
        let preparation = Preparation::new(Settings {
            profile: plan.profile,
            side_pixels: plan.side_pixels,
            sound_seconds: plan.sound_seconds,
            augment: plan.augmentations(),
        })?;
        let settings = LoaderSettings {
            batch: plan.batch,
            threads: arguments.threads.max(1),
            batches_ahead: 2,
            seed: plan.seed,
        };
        Ok(Loader::new(source, preparation, settings)?)
    };
    let (trained, held_out) = split(&data.source, plan);
    let validation = (held_out.len() >= plan.batch).then(|| loader(held_out)).transpose()?;
    let learner = Paper {
        training: loader(trained)?,
        validation,
        start: match &arguments.start {
            Some(_) if plan.width != WIDTH => anyhow::bail!(
                "a start has {WIDTH} channels in its first stage, not {}; leave --width or --start away",
                plan.width
            ),
            Some(file) => start::vision(file)?,
            None => BTreeMap::new(),
        },
        plan,
    };
    let outcome = train(&learner, run)?;
    let skipped = learner.training.skipped().len()
        + learner
            .validation
            .as_ref()
            .map_or(0, |held_out| held_out.skipped().len());
    if skipped > 0 {
        tracing::warn!("{skipped} pairs could not be used");
    }
    let transform = match plan.profile {
        Profile::Paper => PictureTransform::CentreCrop,
        Profile::Default => PictureTransform::FullFrame,
    };
    let provenance = Provenance {
        licence: "LicenseRef-unknown".to_owned(),
        notices: vec![format!(
            "Trained on {} ({} items) and nothing else{}; the licence is for whoever trained it to state.",
            data.record.kind,
            data.record.items,
            if arguments.start.is_some() {
                ", from a given start of the picture's encoder"
            } else {
                ""
            }
        )],
    };
    let name = arguments.name.as_deref().unwrap_or("lookhear-paper");
    let weights = Weights::from(outcome.weights.clone());
    let bundle = unmeasured_paper(name, &weights, (plan.side_pixels, transform), plan.storage, provenance)?;
    Ok((bundle, outcome))
}

/// Where the run is kept.
fn folder(arguments: &FitArguments) -> PathBuf {
    arguments.run.clone().unwrap_or_else(|| {
        let mut name = arguments.out.clone().into_os_string();
        name.push(".run");
        name.into()
    })
}

/// What the run begins with.
fn beginning(arguments: &FitArguments, network: Network, data: &Data) -> anyhow::Result<Beginning> {
    let weights = arguments.weights.iter().filter(|_| network == Network::Edge);
    let backbones = weights.flat_map(|folder| Backbones::FILES.map(|file| folder.join(file)));
    let start = arguments.start.iter().filter(|_| network == Network::Paper).cloned();
    Ok(Beginning {
        data: data.record.clone(),
        start: Start::of(backbones.chain(start))?,
    })
}
