//! Builds a corpus: `lookhear-train corpus` without the rest of the workbench.

use clap::Parser;
use lookhear_trainer::corpus::{CorpusArguments, run};

#[derive(Parser)]
struct Arguments {
    #[command(flatten)]
    corpus: CorpusArguments,
}

fn main() -> anyhow::Result<()> {
    run(Arguments::parse().corpus)
}
