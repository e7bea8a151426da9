//! What Home Assistant is told, so that the device appears there by itself: one message for the device and all that it has
//! (MQTT device discovery, Home Assistant 2024.11 and later).

use serde_json::{Map, Value, json};

use super::MqttSettings;
use super::topics::{OFFLINE, ONLINE, Topics};

/// After how many of the longest pauses between two states Home Assistant takes what it knows for outdated.
const OUTDATED_AFTER: f64 = 3.0;

/// The message.
pub(super) fn discovery(settings: &MqttSettings, topics: &Topics) -> Value {
    let device = topics.device();
    let version = env!("CARGO_PKG_VERSION");
    let outdated_seconds = (settings.least_every_seconds * OUTDATED_AFTER).ceil() as u64;
    json!({
        "device": {
            "identifiers": [device],
            "name": settings.name,
            "manufacturer": "Lookhear",
            "model": "Sound-finding camera",
            "sw_version": version,
        },
        "origin": { "name": "lookhear", "sw_version": version },
        "availability_topic": topics.availability(),
        "payload_available": ONLINE,
        "payload_not_available": OFFLINE,
        "state_topic": topics.state(),
        "qos": 1,
        "components": components(topics, outdated_seconds),
    })
}

/// Everything that a person sees of the device, by name.
fn components(topics: &Topics, outdated_seconds: u64) -> Map<String, Value> {
    let sensor = |name: &str, key: &str, more: Value| {
        let template = format!("{{{{ value_json.{key} }}}}");
        let sensor =
            json!({ "platform": "sensor", "name": name, "value_template": template, "expire_after": outdated_seconds });
        merged(sensor, more)
    };
    let measured = |unit: &str, digits: u8, more: Value| {
        let measured = json!({
            "unit_of_measurement": unit, "state_class": "measurement", "suggested_display_precision": digits,
        });
        merged(measured, more)
    };
    let diagnostic = json!({ "entity_category": "diagnostic" });
    let temperature = json!({ "device_class": "temperature", "entity_category": "diagnostic" });
    let across = json!({
        "value_template": "{{ (value_json.target[0] * 100) | round(0) if value_json.target else none }}",
        "icon": "mdi:target",
    });
    let parts = [
        (
            "source",
            json!({
                "platform": "binary_sensor", "name": "Sound source", "device_class": "sound", "expire_after": outdated_seconds,
                "value_template": "{{ 'ON' if value_json.accepted else 'OFF' }}",
            }),
        ),
        (
            "problem",
            json!({
                "platform": "binary_sensor", "name": "Problem", "device_class": "problem", "expire_after": outdated_seconds,
                "entity_category": "diagnostic", "value_template": "{{ 'OFF' if value_json.healthy else 'ON' }}",
                "json_attributes_topic": topics.state(), "json_attributes_template": "{{ {'stages': value_json.stages} | tojson }}",
            }),
        ),
        (
            "state",
            sensor(
                "State",
                "state",
                json!({
                    "device_class": "enum", "options": ["idle", "candidate", "tracking", "holding", "home"],
                    "icon": "mdi:ear-hearing",
                }),
            ),
        ),
        (
            "across",
            sensor("Place in the picture", "target", measured("%", 0, across)),
        ),
        (
            "bearing",
            sensor(
                "Camera bearing",
                "pan_degrees",
                measured("°", 0, json!({ "icon": "mdi:compass" })),
            ),
        ),
        (
            "level",
            sensor(
                "Level",
                "meter_dbfs",
                measured("dB", 0, json!({ "icon": "mdi:volume-high" })),
            ),
        ),
        (
            "temperature",
            sensor("Temperature", "temperature_celsius", measured("°C", 0, temperature)),
        ),
        (
            "percepts",
            sensor("Percepts", "percepts_per_second", measured("1/s", 1, diagnostic)),
        ),
        (
            "pause",
            json!({
                "platform": "switch", "name": "Pause", "icon": "mdi:pause", "command_topic": topics.set_pause(),
                "value_template": "{{ 'ON' if value_json.paused else 'OFF' }}", "payload_on": "ON", "payload_off": "OFF",
            }),
        ),
        (
            "home",
            json!({
                "platform": "button", "name": "Home", "icon": "mdi:home", "command_topic": topics.set_home(),
                "payload_press": "PRESS",
            }),
        ),
    ];
    let identified = |(name, part): (&str, Value)| {
        let identity = json!({ "unique_id": format!("{}-{name}", topics.device()) });
        (name.to_owned(), merged(part, identity))
    };
    parts.into_iter().map(identified).collect()
}

/// The keys of both objects; those of the second count where both have one.
fn merged(first: Value, second: Value) -> Value {
    match (first, second) {
        (Value::Object(mut first), Value::Object(second)) => {
            first.extend(second);
            Value::Object(first)
        }
        (_, second) => second,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use std::collections::BTreeSet;
    use std::time::Duration;

    use super::*;
    use crate::actuation::report::StatusReport;
    use crate::actuation::status::Status;

    fn message() -> Value {
        let settings = MqttSettings {
            device: Some("porch".to_owned()),
            ..MqttSettings::default()
        };
        discovery(&settings, &Topics::new(&settings))
    }

    #[test]
    fn every_part_is_told_apart_and_has_what_its_kind_needs() {
        let message = message();
        let parts = message["components"].as_object().unwrap();
        let identities: BTreeSet<&str> = parts.values().map(|part| part["unique_id"].as_str().unwrap()).collect();
        assert_eq!(identities.len(), parts.len());
        for part in parts.values() {
            let needed = match part["platform"].as_str().unwrap() {
                "sensor" | "binary_sensor" => "value_template",
                _ => "command_topic",
            };
            assert!(part[needed].is_string(), "{part}");
        }
    }

    #[test]
    fn templates_name_keys_of_the_state() {
        let report = serde_json::to_value(StatusReport::new(&Status::default(), Duration::ZERO)).unwrap();
        let text = message().to_string();
        let mut keys = text.split("value_json.").skip(1).map(|rest| {
            let end = rest
                .find(|letter: char| !letter.is_alphanumeric() && letter != '_')
                .unwrap();
            &rest[..end]
        });
        assert!(keys.clone().count() >= 9);
        assert_eq!(keys.find(|key| report.get(key).is_none()), None);
    }

    #[test]
    fn every_state_is_an_option() {
        use crate::attention::State::{Candidate, Holding, Home, Idle, Tracking};
        let states = serde_json::to_value([Idle, Candidate, Tracking, Holding, Home]).unwrap();
        assert_eq!(message()["components"]["state"]["options"], states);
    }
}
