//! `lookhear-train`: the workbench.

use clap::{Parser, Subcommand};
use lookhear_trainer::{ablate, compose, corpus, evaluate, fit, import, precision, retrieve};

/// Learn where in a picture a sound comes from, and write the bundle that the device serves.
#[derive(Parser)]
#[command(name = "lookhear-train", version, about)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Corpus(corpus::arguments::CorpusArguments),
    Compose(compose::ComposeArguments),
    Fit(Box<fit::arguments::FitArguments>),
    Evaluate(evaluate::arguments::EvaluateArguments),
    Import(import::arguments::ImportArguments),
    Precision(precision::arguments::PrecisionArguments),
    Retrieve(retrieve::arguments::RetrieveArguments),
    Ablate(Box<ablate::arguments::AblateArguments>),
}

fn main() -> anyhow::Result<()> {
    let Arguments { command } = Arguments::parse();
    tracing_subscriber::fmt()
        .with_env_filter(
            tracing_subscriber::EnvFilter::builder()
                .with_default_directive(tracing::Level::INFO.into())
                .from_env_lossy(),
        )
        .with_writer(std::io::stderr)
        .init();
    match command {
        Command::Corpus(arguments) => corpus::arguments::run(arguments),
        Command::Compose(arguments) => compose::run(arguments),
        Command::Fit(arguments) => fit::arguments::run(*arguments),
        Command::Evaluate(arguments) => evaluate::arguments::run(arguments),
        Command::Import(arguments) => import::arguments::run(arguments),
        Command::Precision(arguments) => precision::arguments::run(arguments),
        Command::Retrieve(arguments) => retrieve::arguments::run(arguments),
        Command::Ablate(arguments) => ablate::arguments::run(*arguments),
    }
}
