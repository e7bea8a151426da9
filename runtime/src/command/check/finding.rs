//! What a check found, and how a person or a program is told.

use std::fmt;

use serde::Serialize;

/// How it stands with one thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// As it should be.
    Ok,
    /// The device works, though not as well as it could.
    Warn,
    /// The device will not do its job.
    Fail,
}

impl fmt::Display for Verdict {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(match self {
            Self::Ok => "OK",
            Self::Warn => "WARN",
            Self::Fail => "FAIL",
        })
    }
}

/// What was found out about one thing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What was looked at: `camera`, `memory` …
    pub subject: &'static str,
    /// How it stands.
    pub verdict: Verdict,
    /// What was seen.
    pub says: String,
    /// What helps; only with [`Verdict::Warn`] and [`Verdict::Fail`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
}

impl Finding {
    /// All is well.
    pub fn ok(subject: &'static str, says: impl Into<String>) -> Self {
        Self {
            subject,
            verdict: Verdict::Ok,
            says: says.into(),
            remedy: None,
        }
    }

    /// It could be better.
    pub fn warn(subject: &'static str, says: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self {
            verdict: Verdict::Warn,
            remedy: Some(remedy.into()),
            ..Self::ok(subject, says)
        }
    }

    /// It does not work.
    pub fn fail(subject: &'static str, says: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self {
            verdict: Verdict::Fail,
            remedy: Some(remedy.into()),
            ..Self::ok(subject, says)
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:<5} {:<13} {}", self.verdict, self.subject, self.says)?;
        match &self.remedy {
            Some(remedy) => write!(formatter, "\n{:<5} {:<13} → {remedy}", "", ""),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_person_reads_the_verdict_first_and_the_remedy_last() {
        let finding = Finding::fail("camera", "there is none", "plug one in");
        let text = finding.to_string();
        assert!(text.starts_with("FAIL  camera        there is none\n"), "{text}");
        assert!(text.ends_with("→ plug one in"), "{text}");
        assert_eq!(
            Finding::ok("memory", "enough").to_string(),
            "OK    memory        enough"
        );
    }

    #[test]
    fn a_program_reads_the_same() {
        let json = serde_json::to_value(Finding::warn("clock", "slow", "wait")).unwrap();
        let expected = serde_json::json!({"subject": "clock", "verdict": "warn", "says": "slow", "remedy": "wait"});
        assert_eq!(json, expected);
        assert!(
            !serde_json::to_string(&Finding::ok("clock", "right"))
                .unwrap()
                .contains("remedy")
        );
    }

    #[test]
    fn the_worst_verdict_is_the_greatest() {
        assert!(Verdict::Ok < Verdict::Warn && Verdict::Warn < Verdict::Fail);
    }
}
