//! The package on a Debian with systemd, in a container: installed, started, wedged, crashed, stopped, removed.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use lookhear_tests::film::write_film;
use lookhear_tests::{Outcome, outcome, program, root};

/// How many things the scenario tries.
const STEPS: usize = 25;

/// What keeps containers from being booted here, in words.
fn obstacle() -> Option<&'static str> {
    if !is_root() {
        Some("only root boots containers: run the tests as root")
    } else if outcome(Command::new("systemd-nspawn").arg("--version")).is_err() {
        Some("systemd-nspawn is missing: board/install-missing systemd-container")
    } else {
        None
    }
}

fn is_root() -> bool {
    outcome(Command::new("id").arg("--user")).is_ok_and(|said| said.stdout.trim() == "0")
}

fn run(command: &mut Command) -> Result<String> {
    let Outcome { code, stdout, stderr } = outcome(command)?;
    ensure!(code == Some(0), "{command:?} failed: {stdout}{stderr}");
    Ok(stdout)
}

/// Packages the program as it is built for the tests, and puts what the scenario needs into a folder.
fn prepare(scenario: &Path) -> Result<()> {
    program("lookhear")?;
    let said = run(Command::new(root().join("board/package")).env("PACKAGE_PROFILE", "dev"))?;
    let package = said.lines().last().context("board/package names no package")?;
    fs::copy(package, scenario.join("lookhear.deb")).with_context(|| format!("{package} cannot be copied"))?;
    write_film(&scenario.join("film.mp4"))?;
    let service = root().join("tests/service");
    for name in ["run", "lookhear.toml"] {
        fs::copy(service.join(name), scenario.join(name))?;
    }
    Ok(())
}

#[test]
fn the_service_lives_as_its_unit_says() -> Result<()> {
    if let Some(obstacle) = obstacle() {
        if std::env::var_os("LOOKHEAR_WITHOUT_NSPAWN").is_some() {
            return Ok(());
        }
        bail!("{obstacle}, or set LOOKHEAR_WITHOUT_NSPAWN=1 to do without this test");
    }
    let service = root().join("tests/service");
    let machine = root().join("target/nspawn-root");
    run(Command::new(service.join("make-root")).arg(&machine))?;
    let scenario = tempfile::tempdir()?;
    prepare(scenario.path())?;
    let booted = run(Command::new(service.join("boot")).arg(&machine).arg(scenario.path()))?;
    let output = fs::read_to_string(scenario.path().join("output"))
        .with_context(|| format!("the scenario did not run: {booted}"))?;
    let passed = output.lines().filter(|line| line.starts_with("ok ")).count();
    let failed: Vec<&str> = output.lines().filter(|line| line.starts_with("FAILED ")).collect();
    let journal = fs::read_to_string(scenario.path().join("journal")).unwrap_or_default();
    ensure!(
        failed.is_empty() && passed == STEPS,
        "{passed} of {STEPS} steps went well; {failed:#?}\n{output}\n{journal}"
    );
    Ok(())
}
