//! `lookhear check`: a doctor. It looks at all that the device needs and says what helps.

mod devices;
mod finding;
mod machine;
mod model;
mod nodes;
mod reach;
#[cfg(test)]
mod tests;
mod wanted;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::SystemTime;

use anyhow::bail;
use clap::Args;
use lookhear::perception::localiser::Localiser;
use lookhear_board::MonotonicClock;
use lookhear_board::health::{HealthMonitor, SYSTEM_DIRECTORY};
use serde::Serialize;

use super::output::{write_json, write_text};
use finding::{Finding, Verdict};
use wanted::{Wanted, read_configuration};

/// `lookhear check`.
#[derive(Debug, Args)]
pub struct Check {
    /// Configuration of the device
    #[arg(long, value_name = "FILE", default_value = "/etc/lookhear/lookhear.toml")]
    config: PathBuf,
    /// Print one object of JSON
    #[arg(long)]
    json: bool,
}

/// All that was found, for a program.
#[derive(Debug, Serialize)]
struct Report<'a> {
    /// The worst of them.
    verdict: Verdict,
    findings: &'a [Finding],
}

impl Check {
    /// Looks at everything, prints what it found, and fails when the device would not do its job.
    pub fn run(self) -> anyhow::Result<()> {
        let (configuration, wanted) = check_configuration(&self.config, read_configuration(&self.config));
        let mut findings = vec![configuration];
        findings.extend(findings_of(&wanted));
        let verdict = findings
            .iter()
            .map(|finding| finding.verdict)
            .max()
            .unwrap_or(Verdict::Ok);
        if self.json {
            let findings = &findings;
            write_json(&Report { verdict, findings })?;
        } else {
            for finding in &findings {
                write_text(finding)?;
            }
        }
        match findings
            .iter()
            .filter(|finding| finding.verdict == Verdict::Fail)
            .count()
        {
            0 => Ok(()),
            1 => bail!("one thing keeps the device from doing its job"),
            failures => bail!("{failures} things keep the device from doing its job"),
        }
    }
}

/// All findings but the one on the configuration itself.
fn findings_of(wanted: &Wanted) -> Vec<Finding> {
    let groups = nodes::groups(&fs::read_to_string("/etc/group").unwrap_or_default());
    let mut findings = vec![nodes::check_groups(&groups)];
    findings.extend(permissions(&groups));
    if let Some(camera) = &wanted.camera {
        findings.push(devices::check_seen("camera", &devices::cameras(), &camera.device));
    }
    if let Some(microphone) = &wanted.microphone {
        findings.push(devices::check_seen(
            "microphone",
            &devices::microphones(),
            &microphone.device,
        ));
    }
    findings.push(devices::check_head(wanted.ptz.kind, devices::open_head(&wanted.ptz)));
    findings.push(devices::check_screen(
        &wanted.screen,
        devices::open_if_screen(&wanted.screen),
    ));
    let caveat = wanted.model.backend().ok().and_then(|backend| backend.caveat());
    findings.extend(caveat.map(model::check_backend));
    let model = load(wanted).and_then(|mut localiser| model::measure(&mut localiser));
    findings.push(model::check_pace(
        &wanted.model.backend,
        model,
        wanted.percepts_per_second,
    ));
    findings.push(machine::check_clock(&MonotonicClock, thread::sleep, SystemTime::now()));
    let system = Path::new(SYSTEM_DIRECTORY);
    let health = HealthMonitor::new(system).read();
    findings.push(machine::check_temperature(health.hottest_celsius, wanted.hot_celsius));
    findings.push(machine::check_supply(health.undervoltage));
    findings.push(machine::check_throttling(&system.join("class/thermal")));
    findings.push(machine::check_memory(
        &fs::read_to_string("/proc/meminfo").unwrap_or_default(),
    ));
    let state = &wanted.state_directory;
    findings.push(machine::check_disk(state, machine::free_mebibytes(state)));
    findings.extend(
        wanted
            .web
            .map(|address| reach::check_web(address, reach::bind(address))),
    );
    findings.extend(wanted.broker.as_ref().map(|(host, port)| {
        let connected = reach::connect(host, *port);
        reach::check_host("mqtt", host, *port, connected)
    }));
    findings
}

/// Whether the service may use the nodes of each kind; a kind of which there are none is not judged here.
fn permissions(groups: &BTreeMap<u32, String>) -> Vec<Finding> {
    type Belongs = fn(&str) -> bool;
    let kinds: [(&'static str, &str, &str, Belongs); 5] = [
        ("cameras", "/dev", "video", |name| name.starts_with("video")),
        ("microphones", "/dev/snd", "audio", |name| {
            name.starts_with("pcm") && name.ends_with('c')
        }),
        ("screens", "/dev/dri", "video", |name| name.starts_with("card")),
        ("framebuffers", "/dev", "video", |name| name.starts_with("fb")),
        ("serial lines", "/dev", "dialout", |name| {
            name.starts_with("ttyUSB") || name.starts_with("ttyACM")
        }),
    ];
    let found = kinds.into_iter().filter_map(|(subject, directory, group, belongs)| {
        let nodes = nodes::nodes(Path::new(directory), belongs, groups);
        nodes::check_permissions(subject, &nodes, group)
    });
    found.collect()
}

fn load(wanted: &Wanted) -> anyhow::Result<Localiser> {
    let bundle = super::model::read(wanted.model.path.as_deref())?;
    Ok(Localiser::new(&bundle, &wanted.model.backend()?)?)
}

/// Whether the configuration can be used; where it cannot, the rest is judged by the defaults.
fn check_configuration(path: &Path, read: anyhow::Result<Option<Wanted>>) -> (Finding, Wanted) {
    let place = path.display();
    match read {
        Ok(Some(wanted)) => (Finding::ok("configuration", format!("{place} can be used")), wanted),
        Ok(None) => {
            let finding = Finding::warn(
                "configuration",
                format!("{place} is not there: every setting has its default"),
                format!("name another file with --config, or as root: lookhear config > {place}"),
            );
            (finding, Wanted::default())
        }
        Err(cause) => {
            let finding = Finding::fail(
                "configuration",
                format!("{cause:#}"),
                "correct it there; `lookhear config --defaults` prints the settings. If it may not be read: sudo",
            );
            (finding, Wanted::default())
        }
    }
}
