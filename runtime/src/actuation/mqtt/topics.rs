//! What is said where.

use std::path::Path;

use sha2::{Digest, Sha256};

use super::MqttSettings;
use crate::actuation::status::Request;

/// The device is there.
pub(super) const ONLINE: &str = "online";

/// The device is gone.
pub(super) const OFFLINE: &str = "offline";

/// Where systemd keeps the identity of a machine.
const MACHINE_IDENTITY: &str = "/etc/machine-id";

/// The topics of one device.
#[derive(Debug, Clone)]
pub(super) struct Topics {
    device: String,
    base: String,
    discovery_prefix: String,
}

impl Topics {
    pub(super) fn new(settings: &MqttSettings) -> Self {
        let device = settings
            .device
            .clone()
            .unwrap_or_else(|| device_of(Path::new(MACHINE_IDENTITY)));
        Self {
            base: format!("{}/{device}", settings.topic_prefix),
            device,
            discovery_prefix: settings.discovery_prefix.clone(),
        }
    }

    /// What this device is called among others.
    pub(super) fn device(&self) -> &str {
        &self.device
    }

    pub(super) fn availability(&self) -> String {
        format!("{}/availability", self.base)
    }

    pub(super) fn state(&self) -> String {
        format!("{}/state", self.base)
    }

    pub(super) fn set_pause(&self) -> String {
        format!("{}/pause/set", self.base)
    }

    pub(super) fn set_home(&self) -> String {
        format!("{}/home/set", self.base)
    }

    /// Where Home Assistant looks for devices; `None` where there is none.
    pub(super) fn discovery(&self) -> Option<String> {
        let prefix = self.discovery_prefix.as_str();
        (!prefix.is_empty()).then(|| format!("{prefix}/device/{}/config", self.device))
    }

    /// Where Home Assistant says that it is there.
    pub(super) fn birth(&self) -> Option<String> {
        let prefix = self.discovery_prefix.as_str();
        (!prefix.is_empty()).then(|| format!("{prefix}/status"))
    }

    /// What to listen to.
    pub(super) fn subscriptions(&self) -> Vec<String> {
        [self.set_pause(), self.set_home()]
            .into_iter()
            .chain(self.birth())
            .collect()
    }

    /// What a message means to us.
    pub(super) fn read(&self, topic: &str, payload: &[u8]) -> Option<Message> {
        let word = payload.trim_ascii();
        if Some(topic) == self.birth().as_deref() {
            return (word == ONLINE.as_bytes()).then_some(Message::Birth);
        }
        let request = if topic == self.set_pause() {
            match word {
                word if word.eq_ignore_ascii_case(b"ON") => Request::Pause,
                word if word.eq_ignore_ascii_case(b"OFF") => Request::Resume,
                _ => return None,
            }
        } else if topic == self.set_home() {
            Request::Home
        } else {
            return None;
        };
        Some(Message::Request(request))
    }
}

/// What comes in.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Message {
    /// Home Assistant has started, and knows nobody.
    Birth,
    /// Somebody asks for something.
    Request(Request),
}

/// A name made from the identity of the machine, which itself is not to be shown around (machine-id(5)); where there is none, from
/// the machine's name.
fn device_of(identity: &Path) -> String {
    let identity = std::fs::read_to_string(identity)
        .unwrap_or_else(|_| rustix::system::uname().nodename().to_string_lossy().into_owned());
    let digest = Sha256::digest(format!("lookhear {}", identity.trim()));
    let letters: String = digest.iter().take(4).map(|byte| format!("{byte:02x}")).collect();
    format!("lookhear-{letters}")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use proptest::prelude::*;

    use super::*;

    fn topics() -> Topics {
        Topics::new(&MqttSettings {
            device: Some("porch".to_owned()),
            ..MqttSettings::default()
        })
    }

    #[test]
    fn messages_are_understood() {
        let topics = topics();
        for (topic, payload, message) in [
            ("lookhear/porch/pause/set", "ON", Some(Message::Request(Request::Pause))),
            (
                "lookhear/porch/pause/set",
                " off\n",
                Some(Message::Request(Request::Resume)),
            ),
            ("lookhear/porch/pause/set", "maybe", None),
            (
                "lookhear/porch/home/set",
                "PRESS",
                Some(Message::Request(Request::Home)),
            ),
            ("homeassistant/status", "online", Some(Message::Birth)),
            ("homeassistant/status", "offline", None),
            ("lookhear/other/home/set", "PRESS", None),
        ] {
            assert_eq!(topics.read(topic, payload.as_bytes()), message, "{topic} {payload}");
        }
    }

    #[test]
    fn without_home_assistant_nothing_is_said_to_it() {
        let topics = Topics::new(&MqttSettings {
            discovery_prefix: String::new(),
            ..MqttSettings::default()
        });
        assert_eq!(
            (topics.discovery(), topics.birth(), topics.subscriptions().len()),
            (None, None, 2)
        );
    }

    #[test]
    fn a_machine_keeps_its_name_and_its_identity_to_itself() {
        let directory = tempfile::tempdir().unwrap();
        let [one, other] = ["one", "other"].map(|name| {
            let path = directory.path().join(name);
            std::fs::write(&path, format!("{name}0123456789\n")).unwrap();
            device_of(&path)
        });
        assert_ne!(one, other);
        assert_eq!(one, device_of(&directory.path().join("one")));
        assert!(one.len() == 17 && !one.contains("0123456789"), "{one}");
        assert!(device_of(&directory.path().join("none")).starts_with("lookhear-"));
    }

    proptest! {
        #[test]
        fn any_message_is_read(topic in "\\PC{0,40}", payload in prop::collection::vec(any::<u8>(), 0..40)) {
            prop_assert_eq!(topics().read(&topic, &payload), None);
            let _ = topics().read("lookhear/porch/pause/set", &payload);
        }
    }
}
