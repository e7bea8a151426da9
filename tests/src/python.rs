//! Peers that others wrote in Python, kept below the build directory from one run to the next.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};

use crate::{outcome, root};

/// A command that runs Python with these packages, written as `name==version`; they are installed where they are not there
/// yet.
///
/// # Errors
/// When Python or its `venv` is missing, or the packages cannot be fetched.
pub fn with(packages: &[&str]) -> Result<Command> {
    let home = root()
        .join("target/peers-venv")
        .join(packages.join("+").replace("==", "-"));
    fs::create_dir_all(&home).with_context(|| format!("{} cannot be made", home.display()))?;
    // Tests run side by side; one of them installs, the others wait.
    // The lock lies beside the environment, which is emptied before it is made.
    let lock = File::create(home.with_added_extension("lock")).context("the lock cannot be made")?;
    lock.lock().context("the lock cannot be taken")?;
    let finished = home.join("finished");
    if !finished.is_file() {
        install(packages, &home)?;
        fs::write(&finished, "").context("that it is finished cannot be noted")?;
    }
    Ok(Command::new(interpreter(&home)))
}

fn interpreter(home: &Path) -> PathBuf {
    home.join("bin/python")
}

fn install(packages: &[&str], home: &Path) -> Result<()> {
    let made = outcome(Command::new("python3").args(["-m", "venv", "--clear"]).arg(home))
        .context("python3 is missing: install python3 and python3-venv")?;
    ensure!(
        made.code == Some(0),
        "no environment for Python can be made; is python3-venv installed?\n{}{}",
        made.stdout,
        made.stderr
    );
    let fetched = outcome(
        Command::new(interpreter(home))
            .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"])
            .args(packages),
    )?;
    if fetched.code != Some(0) {
        bail!(
            "{} cannot be fetched from the Python package index; is it within reach?\n{}",
            packages.join(", "),
            fetched.stderr
        );
    }
    Ok(())
}
