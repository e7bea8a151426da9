//! Clock, heat, memory and disk.

use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime};

use lookhear_board::Clock;

use super::finding::Finding;

/// No machine that runs this program can honestly believe that it is earlier: 2026-01-01, in seconds since 1970.
const EARLIEST_SECONDS: u64 = 1_767_225_600;
/// Room that the networks and their buffers take, with some to spare.
const NEEDED_MEMORY_MEBIBYTES: u64 = 300;
/// Room for what is remembered and for the kernels of a GPU.
const NEEDED_DISK_MEBIBYTES: u64 = 64;

/// Whether stamps can be trusted: the clock that frames and sound are stamped on must go on, whatever time of day it is.
pub fn check_clock(clock: &dyn Clock, sleep: impl Fn(Duration), time_of_day: SystemTime) -> Finding {
    let nap = Duration::from_millis(20);
    let before = clock.now();
    sleep(nap);
    let passed = clock.now().saturating_sub(before);
    if passed < nap / 2 {
        return Finding::fail(
            "clock",
            format!("CLOCK_MONOTONIC went on by {passed:?} in {nap:?}"),
            "nothing can be kept in time on this machine: look for trouble with its timer in `dmesg`",
        );
    }
    let since_1970 = time_of_day.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    if since_1970.as_secs() < EARLIEST_SECONDS {
        return Finding::warn(
            "clock",
            "CLOCK_MONOTONIC goes on, but the time of day is years in the past, which TLS and some cameras refuse",
            "as root: timedatectl set-ntp true",
        );
    }
    Finding::ok("clock", "CLOCK_MONOTONIC goes on; the time of day is plausible")
}

/// How hot the machine is, against the temperature from which on perception is slowed down.
pub fn check_temperature(hottest_celsius: Option<f32>, hot_celsius: f32) -> Finding {
    match hottest_celsius {
        None => Finding::ok(
            "temperature",
            "no thermal zone tells: perception is never slowed down for heat",
        ),
        Some(celsius) if celsius >= hot_celsius => Finding::warn(
            "temperature",
            format!("{celsius:.0} °C; from {hot_celsius:.0} °C on perception runs at a lower rate"),
            "give the machine a heat sink, a fan or shade",
        ),
        Some(celsius) => Finding::ok(
            "temperature",
            format!("{celsius:.0} °C, hot from {hot_celsius:.0} °C on"),
        ),
    }
}

/// Whether the machine is given voltage enough, as far as it has a sensor for it.
pub fn check_supply(undervoltage: bool) -> Finding {
    if undervoltage {
        let remedy = "use the supply that the maker names, with a short, thick cable";
        Finding::warn(
            "supply",
            "the machine is given too little voltage, and may slow down or stop",
            remedy,
        )
    } else {
        Finding::ok("supply", "no sensor complains of too little voltage")
    }
}

/// Whether the kernel holds the processor back, from its cooling devices below `/sys/class/thermal`.
pub fn check_throttling(thermal: &Path) -> Finding {
    let entries = fs::read_dir(thermal).into_iter().flatten().flatten();
    let held_back = entries.map(|entry| entry.path()).find_map(|device| {
        let text = |name| fs::read_to_string(device.join(name)).ok();
        let kind = text("type")?.trim().to_lowercase();
        let slows_processor = ["cpufreq", "cpu-freq", "processor", "devfreq"]
            .iter()
            .any(|word| kind.contains(word));
        let state: u64 = text("cur_state")?.trim().parse().ok()?;
        (slows_processor && state > 0).then_some((kind, state))
    });
    match held_back {
        None => Finding::ok("throttling", "the kernel does not hold the processor back"),
        Some((kind, state)) => Finding::warn(
            "throttling",
            format!("the kernel holds the processor back because of heat ({kind} at step {state})"),
            "give the machine a heat sink, a fan or shade, or lower the rate of perception",
        ),
    }
}

/// Whether there is memory enough, from the text of `/proc/meminfo`.
pub fn check_memory(meminfo: &str) -> Finding {
    let available = meminfo.lines().find_map(|line| {
        let kibibytes = line.strip_prefix("MemAvailable:")?.trim().strip_suffix("kB")?;
        Some(kibibytes.trim().parse::<u64>().ok()? / 1024)
    });
    match available {
        None => Finding::warn(
            "memory",
            "/proc/meminfo does not tell how much memory is available",
            "mount /proc in full",
        ),
        Some(mebibytes) if mebibytes < NEEDED_MEMORY_MEBIBYTES => Finding::fail(
            "memory",
            format!("{mebibytes} MiB available, {NEEDED_MEMORY_MEBIBYTES} MiB needed"),
            "end other programs, or add swap space to start with",
        ),
        Some(mebibytes) => Finding::ok("memory", format!("{mebibytes} MiB available")),
    }
}

/// Whether there is room where the state is kept, in MiB, or what kept us from finding out.
pub fn check_disk(directory: &Path, free_mebibytes: Result<u64, String>) -> Finding {
    let place = directory.display();
    match free_mebibytes {
        Err(cause) => Finding::warn(
            "disk",
            format!("how much room {place} has cannot be found out: {cause}"),
            format!("as root: ls -ld {place}"),
        ),
        Ok(free) if free < NEEDED_DISK_MEBIBYTES => Finding::warn(
            "disk",
            format!(
                "{free} MiB free for {place}, {NEEDED_DISK_MEBIBYTES} MiB wanted: state will not survive a restart"
            ),
            "make room, for instance as root: journalctl --vacuum-size=50M; apt-get clean",
        ),
        Ok(free) => Finding::ok("disk", format!("{free} MiB free for {place}")),
    }
}

/// Room for ordinary users, in MiB, on the file system that a directory is on, or would be on once it is made.
pub fn free_mebibytes(directory: &Path) -> Result<u64, String> {
    let there = directory
        .ancestors()
        .find(|ancestor| ancestor.exists())
        .unwrap_or(Path::new("/"));
    let space = rustix::fs::statvfs(there).map_err(|cause| cause.to_string())?;
    Ok(space.f_bavail.saturating_mul(space.f_frsize) >> 20)
}
