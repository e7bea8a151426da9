//! Whether the service may open the device nodes that are there.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

use super::finding::Finding;

/// The groups that own devices and that the service is in, as its unit says.
pub const SERVICE_GROUPS: [&str; 4] = ["video", "audio", "render", "dialout"];

/// A device node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// Where it is.
    pub path: PathBuf,
    /// The name of its group; the number where that has no name.
    pub group: String,
    /// Its permissions, as `chmod` takes them.
    pub mode: u32,
}

impl Node {
    /// Whether the service may read and write it.
    pub fn is_open_to_service(&self) -> bool {
        let everyone = self.mode & 0o006 == 0o006;
        everyone || (self.mode & 0o060 == 0o060 && SERVICE_GROUPS.contains(&self.group.as_str()))
    }
}

/// The groups of a machine by their numbers, from the text of its `/etc/group`.
pub fn groups(text: &str) -> BTreeMap<u32, String> {
    let entries = text.lines().filter_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        Some((fields.nth(1)?.parse().ok()?, name.to_owned()))
    });
    entries.collect()
}

/// The character devices in a directory whose names `belong`, by name.
pub fn nodes(directory: &Path, belong: impl Fn(&str) -> bool, groups: &BTreeMap<u32, String>) -> Vec<Node> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    let mut nodes: Vec<Node> = entries
        .filter(|entry| entry.file_name().to_str().is_some_and(&belong))
        .filter_map(|entry| {
            let metadata = fs::metadata(entry.path()).ok()?;
            metadata.file_type().is_char_device().then(|| Node {
                path: entry.path(),
                group: groups
                    .get(&metadata.gid())
                    .cloned()
                    .unwrap_or_else(|| metadata.gid().to_string()),
                mode: metadata.mode() & 0o777,
            })
        })
        .collect();
    nodes.sort_by(|one, other| one.path.cmp(&other.path));
    nodes
}

/// Whether the machine has the groups that the unit names: systemd starts no service that names one which is not there.
pub fn check_groups(groups: &BTreeMap<u32, String>) -> Finding {
    let present: BTreeSet<&str> = groups.values().map(String::as_str).collect();
    let missing: Vec<&str> = SERVICE_GROUPS
        .into_iter()
        .filter(|group| !present.contains(group))
        .collect();
    if missing.is_empty() {
        return Finding::ok("groups", SERVICE_GROUPS.join(", "));
    }
    let remedies: Vec<String> = missing
        .iter()
        .map(|group| format!("groupadd --system {group}"))
        .collect();
    Finding::fail(
        "groups",
        format!(
            "this machine has no group {}, so that the service cannot start",
            missing.join(", ")
        ),
        format!("as root: {}", remedies.join("; ")),
    )
}

/// Whether the service may use nodes that are there; `None` where there are none to judge.
pub fn check_permissions(subject: &'static str, nodes: &[Node], group: &str) -> Option<Finding> {
    if nodes.is_empty() {
        return None;
    }
    Some(match nodes.iter().find(|node| !node.is_open_to_service()) {
        None => Finding::ok(subject, format!("the service may open {}", listed(nodes))),
        Some(node) => Finding::fail(
            subject,
            format!(
                "the service may not open {}: it belongs to the group {} with mode {:03o}",
                node.path.display(),
                node.group,
                node.mode
            ),
            format!(
                "as root: chgrp {group} {path} && chmod 660 {path}; then look in /etc/udev/rules.d for what set it \
                 otherwise",
                path = node.path.display()
            ),
        ),
    })
}

fn listed(nodes: &[Node]) -> String {
    let paths: Vec<String> = nodes.iter().map(|node| node.path.display().to_string()).collect();
    paths.join(", ")
}
