//! A pretended device with all its outputs, to look at: `cargo run -p lookhear-tests --example outputs [SETTINGS.toml]`, where the
//! settings have the tables `web`, `mqtt` and `events`. It runs until it is interrupted.

use std::time::Duration;

use anyhow::{Context, Result};
use lookhear::actuation::{lines, mqtt, web};
use lookhear_tests::pretend::Pretend;
use toml::Table;

fn main() -> Result<()> {
    let text = std::env::args()
        .nth(1)
        .map_or(Ok(String::new()), std::fs::read_to_string)?;
    let mut settings: Table = text.parse().context("the settings are not understood")?;
    let mut table = |name: &str| settings.remove(name).unwrap_or(toml::Value::Table(Table::new()));
    let web: web::WebSettings = table("web").try_into()?;
    let mqtt: mqtt::MqttSettings = table("mqtt").try_into()?;
    let events: lines::EventsSettings = table("events").try_into()?;
    let device = Pretend::start();
    let pulse = Pretend::pulse();
    std::thread::scope(|scope| {
        let (status, viewfinder, requests) = (&device.status, &device.viewfinder, &device.requests);
        if web.enabled {
            scope.spawn(|| {
                say(web::run(
                    &web,
                    Pretend::input(),
                    status.clone(),
                    viewfinder.clone(),
                    requests.clone(),
                    &pulse,
                ))
            });
        }
        if mqtt.enabled {
            scope.spawn(|| say(mqtt::run(&mqtt, status, requests, &pulse)));
        }
        if events.enabled() {
            scope.spawn(|| say(lines::run(&events, &device.events, &pulse)));
        }
        loop {
            if let Ok(request) = device.asked.recv_timeout(Duration::from_secs(1)) {
                eprintln!("{request:?}");
            }
        }
    })
}

fn say<E: std::fmt::Display>(outcome: Result<(), E>) {
    if let Err(error) = outcome {
        eprintln!("{error}");
    }
}
