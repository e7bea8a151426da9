//! How the machine itself is doing: heat, and the power it draws.
//!
//! Linux, Documentation/ABI/testing/sysfs-class-thermal and Documentation/hwmon/sysfs-interface.rst.

use std::fs;
use std::path::{Path, PathBuf};

/// Where the kernel shows its sensors.
pub const SYSTEM_DIRECTORY: &str = "/sys";

/// Temperatures that a running machine can have; zones of parts that are switched off report nonsense such as −256 °C.
const BELIEVABLE_CELSIUS: std::ops::Range<f32> = -40.0..150.0;
/// Watts that a machine of this kind can draw.
const BELIEVABLE_WATTS: std::ops::Range<f32> = 0.0..1000.0;
/// A zone that always tells the same, high number (NVIDIA Jetson).
const MADE_UP_ZONE: &str = "PMIC-Die";
/// What makers call the supply of the whole board (NVIDIA Jetson).
const BOARD_SUPPLIES: [&str; 2] = ["VDD_IN", "POM_5V_IN"];

/// How the machine is doing at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Health {
    /// Of the hottest thermal zone, in degrees Celsius; `None` where no zone tells.
    pub hottest_celsius: Option<f32>,
    /// What the whole machine draws, in watts; `None` where no sensor tells.
    pub power_watts: Option<f32>,
    /// The supply gives too little voltage, as far as a sensor tells (Raspberry Pi).
    pub undervoltage: bool,
}

/// Reads the sensors of the machine.
#[derive(Debug, Clone)]
pub struct HealthMonitor {
    thermal: PathBuf,
    sensors: PathBuf,
}

impl HealthMonitor {
    /// Of the sensors under [`SYSTEM_DIRECTORY`], or under another directory of that form.
    pub fn new(system_directory: &Path) -> Self {
        Self {
            thermal: system_directory.join("class/thermal"),
            sensors: system_directory.join("class/hwmon"),
        }
    }

    /// Reads them now. What a sensor does not tell is left out: no sensor is worth stopping for.
    pub fn read(&self) -> Health {
        let mut health = Health::default();
        for zone in entries(&self.thermal, "thermal_zone") {
            if text(&zone.join("type")).as_deref() == Some(MADE_UP_ZONE) {
                continue;
            }
            let celsius = number(&zone.join("temp")).map(|thousandths| thousandths / 1000.0);
            let believable = celsius.filter(|celsius| BELIEVABLE_CELSIUS.contains(celsius));
            health.hottest_celsius = match (health.hottest_celsius, believable) {
                (Some(hottest), Some(celsius)) => Some(hottest.max(celsius)),
                (hottest, celsius) => hottest.or(celsius),
            };
        }
        for sensor in entries(&self.sensors, "hwmon") {
            let watts = supply_watts(&sensor).filter(|watts| BELIEVABLE_WATTS.contains(watts));
            health.power_watts = health.power_watts.or(watts);
            health.undervoltage |= text(&sensor.join("name")).as_deref() == Some("rpi_volt")
                && number(&sensor.join("in0_lcrit_alarm")).is_some_and(|alarm| alarm > 0.0);
        }
        health
    }
}

/// What flows through a sensor of the whole board's supply.
fn supply_watts(sensor: &Path) -> Option<f32> {
    let of_board = (1..=4).find(|channel| {
        let label = text(&sensor.join(format!("in{channel}_label")));
        label.is_some_and(|label| BOARD_SUPPLIES.contains(&label.as_str()))
    })?;
    let volts = number(&sensor.join(format!("in{of_board}_input")))? / 1000.0;
    let amperes = number(&sensor.join(format!("curr{of_board}_input")))? / 1000.0;
    Some(volts * amperes)
}

/// The parts of a directory whose names are `prefix` and a number, by number.
fn entries(directory: &Path, prefix: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    let mut numbered: Vec<(u32, PathBuf)> = entries
        .filter_map(|entry| {
            let number = entry.file_name().to_str()?.strip_prefix(prefix)?.parse().ok()?;
            Some((number, entry.path()))
        })
        .collect();
    numbered.sort();
    numbered.into_iter().map(|(_, path)| path).collect()
}

fn text(path: &Path) -> Option<String> {
    fs::read_to_string(path).ok().map(|text| text.trim().to_owned())
}

fn number(path: &Path) -> Option<f32> {
    text(path)?.parse().ok().filter(|number: &f32| number.is_finite())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use super::*;

    fn health(files: &[(&str, &str)]) -> Health {
        let directory = tempfile::tempdir().unwrap();
        for (path, content) in files {
            let path = directory.path().join("class").join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        }
        HealthMonitor::new(directory.path()).read()
    }

    #[test]
    fn a_machine_without_sensors_tells_nothing() {
        assert_eq!(health(&[]), Health::default());
    }

    #[test]
    fn the_hottest_zone_counts_and_nonsense_does_not() {
        let health = health(&[
            ("thermal/thermal_zone0/temp", "48500\n"),
            ("thermal/thermal_zone1/temp", "61250\n"),
            ("thermal/thermal_zone2/temp", "-256000\n"),
            ("thermal/thermal_zone3/temp", "nonsense\n"),
            ("thermal/thermal_zone4/type", "switched off\n"),
            ("thermal/thermal_zone5/type", "PMIC-Die\n"),
            ("thermal/thermal_zone5/temp", "100000\n"),
            ("thermal/thermal_zone10/temp", "59000\n"),
            ("thermal/cooling_device0/temp", "99000\n"),
        ]);
        assert_eq!(health.hottest_celsius, Some(61.25));
    }

    #[test]
    fn the_supply_of_the_board_is_measured() {
        let health = health(&[
            ("hwmon/hwmon0/name", "nvme\n"),
            ("hwmon/hwmon3/name", "ina3221\n"),
            ("hwmon/hwmon3/in1_label", "VDD_IN\n"),
            ("hwmon/hwmon3/in1_input", "5000\n"),
            ("hwmon/hwmon3/curr1_input", "1500\n"),
            ("hwmon/hwmon3/in2_label", "VDD_CPU_GPU_CV\n"),
            ("hwmon/hwmon3/in2_input", "5000\n"),
            ("hwmon/hwmon3/curr2_input", "400\n"),
        ]);
        assert_eq!(health.power_watts, Some(7.5));
        assert!(!health.undervoltage);
    }

    #[test]
    fn too_little_voltage_is_noticed() {
        for (alarm, expected) in [("0\n", false), ("1\n", true)] {
            let health = health(&[
                ("hwmon/hwmon1/name", "rpi_volt\n"),
                ("hwmon/hwmon1/in0_lcrit_alarm", alarm),
            ]);
            assert_eq!(health.undervoltage, expected);
        }
    }
}
