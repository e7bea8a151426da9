//! The two programs introduce themselves, and say what is wrong with what they cannot understand.
#![allow(clippy::unwrap_used)]

use lookhear_tests::{outcome, program};

const PROGRAMS: [&str; 2] = ["lookhear", "lookhear-train"];

#[test]
fn the_version_is_the_workspaces() {
    for name in PROGRAMS {
        let said = outcome(program(name).unwrap().arg("--version")).unwrap();
        assert_eq!(said.code, Some(0), "{said:?}");
        assert_eq!(said.stdout.trim(), format!("{name} {}", env!("CARGO_PKG_VERSION")));
    }
}

#[test]
fn help_names_the_program_and_how_to_use_it() {
    for name in PROGRAMS {
        let said = outcome(program(name).unwrap().arg("--help")).unwrap();
        assert_eq!(said.code, Some(0), "{said:?}");
        assert!(said.stdout.contains(&format!("Usage: {name}")), "{}", said.stdout);
    }
}

#[test]
fn an_unknown_command_is_refused_on_the_standard_error() {
    for name in PROGRAMS {
        let said = outcome(program(name).unwrap().arg("sing")).unwrap();
        assert_eq!(said.code, Some(2), "{said:?}");
        assert!(said.stdout.is_empty() && said.stderr.contains("sing"), "{said:?}");
    }
}
