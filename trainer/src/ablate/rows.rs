//! Row after row: trained, scored and written down, each once.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use anyhow::Context;

use super::grid::{Grid, PlannedRow};
use super::record::{Origin, Record, State};
use super::table::Table;
use super::test_set::TestSet;
use crate::fit::arguments::{FitArguments, carry_out};
use crate::fit::data::{Data, DataRecord};
use crate::fit::record::Start;
use crate::model::networks::Backbones;

/// The rows of a grid that are to be done, and what they have in common.
#[derive(Debug)]
pub struct Ablation {
    rows: Vec<PlannedRow>,
    /// Rows that were done before and are only shown.
    shown: BTreeSet<String>,
    folder: PathBuf,
    fit: FitArguments,
    data: DataRecord,
    start: Start,
    test: TestSet,
}

/// How a pass over the rows ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// All rows were seen to; so many failed.
    Done {
        /// They are done anew when the same is asked for again.
        failed: usize,
    },
    /// It was told to stop, and goes on when the same is asked for again.
    Interrupted,
}

impl Ablation {
    /// Rows that train as `fit` says, but for their plans and files, and leave all they make in `folder`.
    ///
    /// # Errors
    /// A grid that cannot be followed, and a folder with rows of another plan or of other data.
    pub fn new(
        grid: &Grid,
        only: &[String],
        folder: &Path,
        fit: FitArguments,
        data: &Data,
        test: TestSet,
    ) -> anyhow::Result<Self> {
        let chosen = grid.plan(&fit.changes, only)?;
        let is_chosen = |name: &str| chosen.iter().any(|row| row.name == name);
        let weights = fit
            .weights
            .iter()
            .flat_map(|folder| [Backbones::VISION_FILE, Backbones::SOUND_FILE].map(|file| folder.join(file)));
        let mut ablation = Self {
            start: Start::of(fit.start.iter().cloned().chain(weights))?,
            data: data.record.clone(),
            rows: Vec::new(),
            shown: BTreeSet::new(),
            folder: folder.to_owned(),
            fit,
            test,
        };
        for row in &grid.rows {
            // A row that was not asked for need not be one that can be followed.
            let Ok(planned) = grid.plan(&ablation.fit.changes, std::slice::from_ref(&row.name)) else {
                continue;
            };
            for planned in planned {
                let path = ablation.path(&planned, "json");
                let found = Record::read(&path)?;
                let is_same = found
                    .as_ref()
                    .is_some_and(|found| found.origin == ablation.origin(&planned));
                if is_chosen(&planned.name) {
                    anyhow::ensure!(
                        is_same || found.is_none(),
                        "{path:?} is of another plan, of other data or of another start; give the same options, choose another folder with --out, or remove it and its {:?}",
                        ablation.path(&planned, "run")
                    );
                    ablation.rows.push(planned);
                } else if is_same {
                    ablation.shown.insert(planned.name.clone());
                    ablation.rows.push(planned);
                }
            }
        }
        Ok(ablation)
    }

    /// Does all rows that are not done; `report` gets the table after each of them.
    ///
    /// # Errors
    /// When the folder cannot be written to; a row that fails is none.
    pub fn carry_out(
        &self,
        stop: &AtomicBool,
        report: &mut dyn FnMut(&Table) -> anyhow::Result<()>,
    ) -> anyhow::Result<Ending> {
        let mut failed = 0;
        let mut reported = false;
        for row in self.rows.iter().filter(|row| !self.shown.contains(&row.name)) {
            if stop.load(Ordering::Relaxed) {
                return Ok(Ending::Interrupted);
            }
            let path = self.path(row, "json");
            let mut record = Record::read(&path)?.unwrap_or_else(|| Record::new(self.origin(row)));
            if record.scores_on(&self.test.record).is_some() {
                tracing::info!(row = row.name, "done before");
                continue;
            }
            tracing::info!(row = row.name, "begun");
            self.advance(row, &mut record, stop)?;
            record.write(&path)?;
            match &record.state {
                State::Unfinished => return Ok(Ending::Interrupted),
                State::Failed { cause } => {
                    tracing::error!(row = row.name, "failed: {cause}");
                    failed += 1;
                }
                State::Finished { .. } => {}
            }
            report(&self.table()?)?;
            reported = true;
        }
        if !reported {
            report(&self.table()?)?;
        }
        Ok(Ending::Done { failed })
    }

    /// What is known of all rows, in the order of the grid.
    pub fn table(&self) -> anyhow::Result<Table> {
        let rows = self
            .rows
            .iter()
            .map(|row| Ok((row, Record::read(&self.path(row, "json"))?)));
        let rows: Vec<_> = rows.collect::<anyhow::Result<_>>()?;
        Ok(Table::of(&self.data, &self.test.record, &rows))
    }

    /// The names of the rows with the folders of their runs.
    pub fn runs(&self) -> impl Iterator<Item = (&str, PathBuf)> {
        self.rows.iter().map(|row| (row.name.as_str(), self.path(row, "run")))
    }

    /// Trains and scores a row as far as that goes.
    fn advance(&self, row: &PlannedRow, record: &mut Record, stop: &AtomicBool) -> anyhow::Result<()> {
        // A row that is only scored on something else has its bundle made again from the run's end.
        let was_trained = matches!(record.state, State::Finished { .. });
        record.state = State::Unfinished;
        record.write(&self.path(row, "json"))?;
        let begun = Instant::now();
        let trained = self.train(row, stop);
        if !was_trained {
            record.seconds += begun.elapsed().as_secs_f64();
        }
        let scored = trained.and_then(|trained| {
            let Some((bundle, epochs)) = trained else {
                return Ok(State::Unfinished);
            };
            Ok(State::Finished {
                epochs,
                test: self.test.record.clone(),
                scores: self.test.score(&bundle).context("it cannot be scored")?,
            })
        });
        record.state = scored.unwrap_or_else(|error| State::Failed {
            cause: format!("{error:#}"),
        });
        Ok(())
    }

    /// The trained bundle and the epochs that were done; `None` where it was told to stop.
    fn train(
        &self,
        row: &PlannedRow,
        stop: &AtomicBool,
    ) -> anyhow::Result<Option<(lookhear::perception::bundle::Bundle, usize)>> {
        let arguments = FitArguments {
            out: self.path(row, "lookhear"),
            run: Some(self.path(row, "run")),
            name: Some(row.name.clone()),
            ..self.fit.clone()
        };
        let data = arguments.data.open(&row.plan)?;
        let Some((bundle, outcome)) = carry_out(&arguments, &row.plan, &data, stop)? else {
            return Ok(None);
        };
        bundle.write(&arguments.out)?;
        Ok(Some((bundle, outcome.epochs)))
    }

    fn origin(&self, row: &PlannedRow) -> Origin {
        Origin {
            plan: row.plan.clone(),
            data: self.data.clone(),
            start: self.start.clone(),
        }
    }

    fn path(&self, row: &PlannedRow, extension: &str) -> PathBuf {
        self.folder.join(format!("{}.{extension}", row.name))
    }
}
