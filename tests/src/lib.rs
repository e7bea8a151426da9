//! What the whole-product tests share: where the repository is, and the built programs.

pub mod device;
pub mod film;
pub mod pretend;
pub mod python;
pub mod room;
pub mod scene;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::SystemTime;

use anyhow::{Context, Result, ensure};

/// The root of the repository.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new("/"))
}

/// A command that runs the program `name` of this workspace, as it is built from the sources as they are now.
///
/// The programs lie one directory above the test that is running, where cargo puts them; cargo is called when the one
/// asked for is not there, or is older than one of its sources.
///
/// # Errors
/// When cargo fails to build it.
pub fn program(name: &str) -> Result<Command> {
    let test = std::env::current_exe().context("the running test has no path")?;
    let directory = test
        .ancestors()
        .nth(2)
        .context("the running test lies outside a build directory")?;
    let program = directory.join(name);
    if !is_fresh(&program) {
        let profile = match directory.file_name().and_then(|name| name.to_str()) {
            Some("debug") | None => "dev",
            Some(profile) => profile,
        };
        // All programs and tests at once, as `tests/run` builds them: a smaller choice of packages would choose other
        // features of their dependencies, and build those again.
        let status = Command::new(env!("CARGO"))
            .current_dir(root())
            .args([
                "build",
                "--quiet",
                "--workspace",
                "--lib",
                "--bins",
                "--tests",
                "--profile",
                profile,
            ])
            .status()
            .context("cargo cannot be run")?;
        ensure!(status.success(), "cargo did not build {name}");
    }
    Ok(Command::new(program))
}

/// Whether a program is there and no source that it was built from is newer. Cargo lists those in a file beside it.
fn is_fresh(program: &Path) -> bool {
    let modified = |path: &Path| path.metadata()?.modified();
    let (Ok(built), Ok(list)) = (modified(program), std::fs::read_to_string(program.with_extension("d"))) else {
        return false;
    };
    sources(&list).all(|source| modified(&source).is_ok_and(|changed: SystemTime| changed <= built))
}

/// The sources in a list in make's notation, `target: source source`, a space within a name escaped with a backslash.
fn sources(list: &str) -> impl Iterator<Item = PathBuf> {
    let names = list
        .split_once(": ")
        .map_or("", |(_, names)| names)
        .replace("\\ ", "\0");
    let names: Vec<PathBuf> = names
        .split_whitespace()
        .map(|name| name.replace('\0', " ").into())
        .collect();
    names.into_iter()
}

/// What a program said before it ended, as text.
#[derive(Debug)]
pub struct Outcome {
    /// The exit code; `None` when a signal ended it.
    pub code: Option<i32>,
    /// Its standard output.
    pub stdout: String,
    /// Its standard error.
    pub stderr: String,
}

/// Runs a command to its end.
///
/// # Errors
/// When it cannot be started.
pub fn outcome(command: &mut Command) -> Result<Outcome> {
    let Output { status, stdout, stderr } = command.output().with_context(|| format!("{command:?} cannot be run"))?;
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    Ok(Outcome {
        code: status.code(),
        stdout: text(stdout),
        stderr: text(stderr),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_are_read_from_the_list() {
        let list = "/build/lookhear: /a/main.rs /my\\ work/b.rs\n";
        let found: Vec<_> = sources(list).collect();
        assert_eq!(found, [PathBuf::from("/a/main.rs"), PathBuf::from("/my work/b.rs")]);
        assert_eq!(sources("").count(), 0);
    }

    #[test]
    fn the_root_holds_the_workspace() {
        assert!(root().join("Cargo.lock").is_file(), "{}", root().display());
    }
}
