//! What a run tells of itself: a line of JSON for every step and every epoch, and a page with its curves.

use std::fs::{File, OpenOptions};
use std::io::{Seek, Write};
use std::path::{Path, PathBuf};

use anyhow::Context;
use maud::html;
use serde::{Deserialize, Serialize};

use crate::report::{Cell, Chart, Page, Series, Table};

/// A line of `metrics.jsonl`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(tag = "of", rename_all = "kebab-case")]
pub enum Line {
    /// One batch.
    Batch {
        /// Counted from 1.
        epoch: usize,
        /// Optimiser steps before it.
        step: usize,
        /// The tri-map contrast, mean of both views.
        contrast: f64,
        /// The equivariance term without its weight.
        equivariance: f64,
        /// Adam's rate.
        rate: f64,
        /// Pairs a second since the last line.
        pairs_per_second: f64,
    },
    /// One epoch.
    Epoch {
        /// Counted from 1.
        epoch: usize,
        /// Optimiser steps after it.
        step: usize,
        /// Mean over its batches.
        contrast: f64,
        /// Mean over its batches.
        equivariance: f64,
        /// The contrast on the held-out part.
        validation_contrast: Option<f64>,
        /// Share of held-out pictures that are most like their own sound, 0..1.
        validation_own_first: Option<f64>,
        /// Seconds that the epoch took, of this process alone.
        seconds: f64,
    },
}

/// The metrics of a run.
#[derive(Debug)]
pub struct Metrics {
    file: File,
    page: PathBuf,
    epochs: Vec<Line>,
}

impl Metrics {
    /// Goes on after the first `kept_bytes` of a run's metrics: lines after them belong to steps that are done again.
    pub fn open(folder: &Path, kept_bytes: u64) -> anyhow::Result<Self> {
        let path = folder.join("metrics.jsonl");
        let mut file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .read(true)
            .open(&path)
            .with_context(|| format!("the metrics {path:?} cannot be written"))?;
        file.set_len(kept_bytes.min(file.metadata()?.len()))?;
        let text = std::fs::read_to_string(&path)?;
        let epochs = text
            .lines()
            .filter_map(|line| serde_json::from_str(line).ok())
            .filter(|line| matches!(line, Line::Epoch { .. }))
            .collect();
        file.seek(std::io::SeekFrom::End(0))?;
        Ok(Self {
            file,
            page: folder.join("curves.html"),
            epochs,
        })
    }

    /// Writes a line; after an epoch, the page too.
    pub fn write(&mut self, line: Line) -> anyhow::Result<()> {
        let mut text = serde_json::to_string(&line)?;
        text.push('\n');
        self.file.write_all(text.as_bytes())?;
        if matches!(line, Line::Epoch { .. }) {
            self.epochs.push(line);
            self.draw()?;
        }
        Ok(())
    }

    /// How long the file is.
    pub fn bytes(&mut self) -> anyhow::Result<u64> {
        Ok(self.file.stream_position()?)
    }

    fn draw(&self) -> anyhow::Result<()> {
        let series = |value: fn(&Line) -> Option<f64>| -> Vec<[f64; 2]> {
            self.epochs
                .iter()
                .filter_map(|line| match line {
                    Line::Epoch { epoch, .. } => Some([*epoch as f64, value(line)?]),
                    Line::Batch { .. } => None,
                })
                .collect()
        };
        let contrast = Chart::new("Contrast", "epoch", "cross-entropy")
            .with(Series::line(
                "training",
                series(|line| match line {
                    Line::Epoch { contrast, .. } => Some(*contrast),
                    Line::Batch { .. } => None,
                }),
            ))
            .with(Series::dashed(
                "held out, not augmented",
                series(|line| match line {
                    Line::Epoch {
                        validation_contrast, ..
                    } => *validation_contrast,
                    Line::Batch { .. } => None,
                }),
            ));
        let equivariance = Chart::new("Equivariance", "epoch", "mean square difference").with(Series::line(
            "training",
            series(|line| match line {
                Line::Epoch { equivariance, .. } => Some(*equivariance),
                Line::Batch { .. } => None,
            }),
        ));
        let own = Chart::new("Own sound first", "epoch", "share of held-out pictures").with(Series::line(
            "held out",
            series(|line| match line {
                Line::Epoch {
                    validation_own_first, ..
                } => *validation_own_first,
                Line::Batch { .. } => None,
            }),
        ));
        let mut table = Table::new([
            "epoch",
            "steps",
            "contrast",
            "equivariance",
            "held-out contrast",
            "own sound first",
            "seconds",
        ]);
        for line in &self.epochs {
            if let Line::Epoch {
                epoch,
                step,
                contrast,
                equivariance,
                validation_contrast,
                validation_own_first,
                seconds,
            } = *line
            {
                table.push([
                    Cell::count(epoch),
                    Cell::count(step),
                    Cell::number(contrast, 4),
                    Cell::number(equivariance, 5),
                    Cell::number(validation_contrast, 4),
                    Cell::percent(validation_own_first),
                    Cell::number(seconds, 1),
                ]);
            }
        }
        let mut page = Page::new(
            "Training curves",
            "Losses over the epochs of a run. The held-out part is never trained on and not augmented.",
        );
        let figures = [contrast, equivariance, own].map(|chart| chart.figure());
        page = page.with_section(
            "Curves",
            html! { @for figure in figures.into_iter().flatten() { (figure) } },
        );
        page.with_section("Epochs", table.markup())
            .write(&self.page)
            .with_context(|| format!("the curves {:?} cannot be written", self.page))
    }
}
