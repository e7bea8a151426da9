#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::sync::Arc;
use std::time::Instant;

use lookhear_board::MonotonicClock;

use super::*;

#[test]
fn settings_have_defaults_and_ranges() {
    let settings: MqttSettings = toml::from_str("tls = true\npassword = 'swordfish'\nuser = 'camera'").unwrap();
    assert_eq!(settings.port(), 8883);
    assert!(settings.check().is_ok());
    assert_eq!(
        toml::from_str::<MqttSettings>(&toml::to_string(&settings).unwrap()).unwrap(),
        settings
    );
    for text in [
        "host = ''",
        "device = 'a/b'",
        "topic_prefix = 'a/+'",
        "topic_prefix = 'a/#.'",
        "topic_prefix = '/a'",
        "discovery_prefix = '#'",
        "most_states_per_second = nan",
        "least_every_seconds = 0.0",
        "keep_alive_seconds = 1",
        "key_file = '/key'\ncertificate_file_2 = ''",
        "key_file = '/key'",
        "password = 'a'\npassword_file = '/b'",
    ] {
        let refused = toml::from_str::<MqttSettings>(text).map(|settings| settings.check());
        assert!(!matches!(refused, Ok(Ok(()))), "{text}");
    }
}

#[test]
fn a_file_that_cannot_be_used_is_named_with_its_key() {
    let directory = tempfile::tempdir().unwrap();
    let empty = directory.path().join("empty.pem");
    std::fs::write(&empty, "").unwrap();
    let settings = MqttSettings {
        tls: true,
        ca_file: empty,
        ..MqttSettings::default()
    };
    let topics = Topics::new(&settings);
    let told = options(&settings, &topics).unwrap_err().to_string();
    assert!(told.contains("empty.pem") && told.contains("mqtt.ca_file"), "{told}");
    let settings = MqttSettings {
        user: Some("camera".to_owned()),
        password_file: Some(directory.path().join("none")),
        ..MqttSettings::default()
    };
    let told = options(&settings, &topics).unwrap_err().to_string();
    assert!(told.contains("none") && told.contains("mqtt.password_file"), "{told}");
}

#[test]
fn a_broker_that_is_not_there_holds_nobody_up() {
    let settings = MqttSettings {
        port: Some(1),
        ..MqttSettings::default()
    };
    let (requests, _received) = Requests::line();
    let pulse = Pulse::new(Arc::new(MonotonicClock));
    let status = Bulletin::default();
    std::thread::scope(|scope| {
        let running = scope.spawn(|| run(&settings, &status, &requests, &pulse));
        let first = pulse.last_beat();
        let deadline = Instant::now() + Duration::from_secs(20);
        while pulse.last_beat() == first {
            assert!(Instant::now() < deadline, "no sign of life");
            std::thread::sleep(Duration::from_millis(5));
        }
        pulse.stop();
        let stopping = Instant::now();
        running.join().unwrap().unwrap();
        assert!(stopping.elapsed() < Duration::from_secs(5));
    });
}
