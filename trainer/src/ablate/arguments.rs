//! `lookhear-train ablate`.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use anyhow::{Context, bail};

use super::grid::{Grid, TABLE};
use super::page::page;
use super::rows::{Ablation, Ending};
use super::table::Table;
use super::test_set::{TestArguments, TestSet};
use crate::fit::arguments::{FitArguments, stop_on_interrupt};
use crate::fit::data::DataArguments;
use crate::fit::device::DeviceName;
use crate::fit::plan::Changes;
use lookhear_board::write_whole;

/// Train variations of one plan and score them side by side.
///
/// The grid says what to vary: a `[base]` table and a `[[row]]` table for each variation, with a `name`, perhaps a `group`, and
/// settings of the plan by their names in `model.toml`. `trainer/data/ablation.toml` is that of Liu et al. 2022. The options of
/// the plan hold for all rows; what a row says goes before them. Rows that are done are not done again; Ctrl-C saves and ends,
/// and the same command goes on.
#[derive(Debug, Clone, clap::Args)]
pub struct AblateArguments {
    /// What to vary
    #[arg(value_name = "GRID.toml")]
    grid: PathBuf,
    /// The folder for bundles, runs, scores, ablation.json and ablation.html
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Only these rows, with commas between
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    only: Vec<String>,
    #[command(flatten)]
    data: DataArguments,
    #[command(flatten)]
    pub(super) test: TestArguments,
    /// The folder with the pretrained weights of both backbones, for edge
    #[arg(long, value_name = "DIR")]
    weights: Option<PathBuf>,
    /// A ResNet-18 to begin the picture's encoder of paper with (torchvision's names, safetensors or PyTorch's)
    #[arg(long, value_name = "FILE")]
    start: Option<PathBuf>,
    /// What computes: cpu, cuda, cuda:1, libtorch or libtorch-cuda:0
    #[arg(long, default_value = "cpu")]
    device: DeviceName,
    /// Threads that decode and prepare
    #[arg(long, value_name = "COUNT", default_value_t = 2)]
    threads: usize,
    /// Minutes between checkpoints within an epoch
    #[arg(long, value_name = "MINUTES", default_value_t = 5.0)]
    save_every: f64,
    #[command(flatten)]
    changes: Changes,
}

/// Trains, scores and tells, row by row.
pub fn run(arguments: AblateArguments) -> anyhow::Result<()> {
    let stop = stop_on_interrupt()?;
    match carry_out(&arguments, &stop, &mut |table| {
        std::io::stdout()
            .write_all(format!("{}\n", table.text()).as_bytes())
            .context("cannot write to the terminal")
    })? {
        Ending::Interrupted => {
            tracing::warn!("stopped and saved; start it again with the same options to go on");
            Ok(())
        }
        Ending::Done { failed: 0 } => Ok(()),
        Ending::Done { failed } => bail!(
            "{failed} rows failed; the table says why. Start it again with the same options to try them again from their last checkpoints"
        ),
    }
}

/// Does all rows that are not done, and keeps the table in the folder up to date; `tell` gets it too.
pub(super) fn carry_out(
    arguments: &AblateArguments,
    stop: &AtomicBool,
    tell: &mut dyn FnMut(&Table) -> anyhow::Result<()>,
) -> anyhow::Result<Ending> {
    let grid = Grid::read(&arguments.grid)?;
    let folder = &arguments.out;
    let rows = grid.plan(&arguments.changes, &arguments.only)?;
    let plan = &rows.first().context("the grid has no row")?.plan;
    std::fs::create_dir_all(folder).with_context(|| format!("the folder {folder:?} cannot be made"))?;
    let data = arguments.data.open(plan)?;
    let test = TestSet::open(&arguments.test, data.corpus.as_ref(), folder, plan.profile)?;
    let ablation = Ablation::new(&grid, &arguments.only, folder, arguments.fit(), &data, test)?;
    drop(data);
    ablation.carry_out(stop, &mut |table| {
        keep(table, &ablation, folder)?;
        tell(table)
    })
}

fn keep(table: &Table, ablation: &Ablation, folder: &Path) -> anyhow::Result<()> {
    let path = folder.join(format!("{TABLE}.json"));
    write_whole(&path, &serde_json::to_vec_pretty(table)?).with_context(|| format!("{path:?} cannot be written"))?;
    let path = folder.join(format!("{TABLE}.html"));
    page(table, ablation.runs())?
        .write(&path)
        .with_context(|| format!("{path:?} cannot be written"))
}

impl AblateArguments {
    /// What rows have in common when they are trained; their files are put in row by row.
    fn fit(&self) -> FitArguments {
        FitArguments {
            data: self.data.clone(),
            weights: self.weights.clone(),
            start: self.start.clone(),
            out: self.out.clone(),
            run: None,
            name: None,
            device: self.device,
            threads: self.threads,
            save_every: self.save_every,
            from: None,
            cases: 0,
            false_fires: 0.05,
            changes: self.changes.clone(),
        }
    }
}
