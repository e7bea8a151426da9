//! What goes where: results to standard output, everything else to standard error.

use std::fmt::Display;
use std::io::{self, ErrorKind, Write};

use anyhow::Context;
use serde::Serialize;

/// The reader of standard output went away (`lookhear … | head -1`): no failure, and nothing left to do.
#[derive(Debug, thiserror::Error)]
#[error("nobody reads the output any more")]
pub struct OutputClosed;

/// Writes one object as a line of JSON to standard output, and hands it on at once.
pub fn write_json(object: &impl Serialize) -> anyhow::Result<()> {
    outcome(lookhear::actuation::events::write_line(
        &mut io::stdout().lock(),
        object,
    ))
}

/// Writes a line of text to standard output, and hands it on at once.
pub fn write_text(text: impl Display) -> anyhow::Result<()> {
    let mut output = io::stdout().lock();
    outcome(writeln!(output, "{text}").and_then(|()| output.flush()))
}

/// Tells the person something beside the results.
pub fn warn(text: impl Display) {
    // Where even standard error is closed there is nobody to tell.
    let _ = writeln!(io::stderr().lock(), "lookhear: {text}");
}

fn outcome(result: io::Result<()>) -> anyhow::Result<()> {
    match result {
        Err(cause) if cause.kind() == ErrorKind::BrokenPipe => Err(OutputClosed.into()),
        other => other.context("standard output cannot be written; is the disk full?"),
    }
}
