//! Words that must not end up in a log.

use serde::{Deserialize, Serialize};

/// A password or token: it is written to a configuration as it is, and never shown while debugging.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// The words themselves.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl From<String> for Secret {
    fn from(words: String) -> Self {
        Self(words)
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Secret(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_not_shown() {
        let secret = Secret::from("swordfish".to_owned());
        assert!(!format!("{:?}", Some(&secret)).contains("swordfish"));
        assert_eq!(secret.reveal(), "swordfish");
    }
}
