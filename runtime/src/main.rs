//! `lookhear`: finds what is making the sound in a picture.

mod command;

use std::process::ExitCode;

use clap::Parser;

use command::output::{OutputClosed, warn};

fn main() -> ExitCode {
    let arguments = command::Arguments::parse();
    match arguments.command.run() {
        Ok(()) => ExitCode::SUCCESS,
        // Whoever read the output has read enough.
        Err(error) if error.is::<OutputClosed>() => ExitCode::SUCCESS,
        Err(error) => {
            warn(format_args!("error: {error:#}"));
            ExitCode::FAILURE
        }
    }
}
