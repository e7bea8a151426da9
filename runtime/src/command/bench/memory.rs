//! What the kernel says of this program's memory.

/// Resident memory in MiB; 0 where the kernel does not tell.
pub fn resident_mib() -> f64 {
    status("VmRSS:")
}

/// The most that was ever resident, in MiB; 0 where the kernel does not tell.
pub fn peak_mib() -> f64 {
    status("VmHWM:")
}

fn status(name: &str) -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let kibibytes = status
        .lines()
        .find_map(|line| line.strip_prefix(name)?.split_whitespace().next()?.parse::<f64>().ok());
    kibibytes.unwrap_or_default() / 1024.0
}
