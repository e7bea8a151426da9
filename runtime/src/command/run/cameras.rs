//! Which cameras a process serves: a configuration for each, and what two of them cannot both have.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};
use lookhear::configuration::Configuration;
use lookhear_board::display::ScreenKind;
use lookhear_board::ptz::PtzKind;

/// One camera.
#[derive(Debug)]
pub struct Camera {
    /// What it is called where there are several.
    pub name: Option<String>,
    /// All that can be set.
    pub configuration: Configuration,
    /// Where it keeps what it learns.
    pub state: Option<PathBuf>,
}

/// Reads the configurations; with none, the usual one. Several are named after their files, and each keeps its state in a
/// directory of its own.
///
/// # Errors
/// When a configuration cannot be read or makes no sense, or two of them want what only one can have.
pub fn cameras(files: &[PathBuf], state: Option<&Path>) -> anyhow::Result<Vec<Camera>> {
    let [_, _, ..] = files else {
        return Ok(vec![Camera {
            name: None,
            configuration: Configuration::read(files.first().map(PathBuf::as_path))?,
            state: state.map(Path::to_owned),
        }]);
    };
    let state = state.context(
        "several cameras need a place where each keeps what it learns: give --state DIRECTORY, or set STATE_DIRECTORY",
    )?;
    let mut cameras = Vec::<Camera>::new();
    for file in files {
        let name = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        ensure!(
            cameras.iter().all(|camera| camera.name.as_ref() != Some(&name)),
            "two configurations are called `{name}`: cameras are named after their files, give these other names"
        );
        cameras.push(Camera {
            configuration: Configuration::read(Some(file))?,
            state: Some(state.join(&name)),
            name: Some(name),
        });
    }
    refuse_clashes(&cameras)?;
    Ok(cameras)
}

fn refuse_clashes(cameras: &[Camera]) -> anyhow::Result<()> {
    let mut owners = HashMap::new();
    for camera in cameras {
        let name = camera.name.as_deref().unwrap_or_default();
        for (key, value) in exclusive(&camera.configuration) {
            if let Some(owner) = owners.insert((key, value.clone()), name) {
                bail!("the cameras `{owner}` and `{name}` both have {key} = {value}: give each its own");
            }
        }
    }
    Ok(())
}

/// What only one camera can have, by key and value.
fn exclusive(configuration: &Configuration) -> Vec<(&'static str, String)> {
    let Configuration {
        camera,
        microphone,
        replay,
        ptz,
        screen,
        events,
        web,
        mqtt,
        ..
    } = configuration;
    let mut taken = Vec::new();
    let mut take = |key, is_used: bool, value: String| {
        if is_used {
            taken.push((key, format!("{value:?}")));
        }
    };
    take("camera.device", replay.film.is_none(), camera.device.clone());
    take("microphone.device", replay.sound.is_none(), microphone.device.clone());
    match ptz.kind {
        PtzKind::None | PtzKind::Simulated => {}
        PtzKind::Onvif if !ptz.onvif.url.is_empty() => take("ptz.onvif.url", true, ptz.onvif.url.clone()),
        _ => take("ptz.address", !ptz.address.is_empty(), ptz.address.clone()),
    }
    let place = format!("{}{}", screen.connector, screen.device);
    take(
        "screen",
        screen.kind != ScreenKind::None,
        if place.is_empty() { "auto".to_owned() } else { place },
    );
    take("web.listen", web.enabled, web.listen.to_string());
    // The broker knows a client by its device.
    let device = mqtt.device.as_deref().unwrap_or("of the machine");
    take("mqtt.device", mqtt.enabled, format!("{device} at {}", mqtt.host));
    take("events.stdout", events.stdout, true.to_string());
    if let Some(file) = &events.file {
        take("events.file", true, file.display().to_string());
    }
    taken
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn written(folder: &Path, name: &str, text: &str) -> PathBuf {
        let file = folder.join(format!("{name}.toml"));
        std::fs::write(&file, text).unwrap();
        file
    }

    /// A camera that wants nothing that another has.
    fn lone(port: u16) -> String {
        format!(
            "[camera]\ndevice = \"/dev/video{port}\"\n[microphone]\ndevice = \"hw:{port}\"\n[screen]\nkind = \"none\"\n[web]\nlisten = \"127.0.0.1:{port}\"\n"
        )
    }

    #[test]
    fn one_configuration_is_the_device_itself() {
        let folder = tempfile::tempdir().unwrap();
        let file = written(folder.path(), "ceiling", &lone(1));
        let cameras = cameras(&[file], Some(folder.path())).unwrap();
        assert_eq!((cameras.len(), &cameras[0].name), (1, &None));
        assert_eq!(cameras[0].state.as_deref(), Some(folder.path()));
    }

    #[test]
    fn several_are_named_after_their_files_and_keep_their_states_apart() {
        let folder = tempfile::tempdir().unwrap();
        let files = ["north", "south"].map(|name| {
            written(
                folder.path(),
                name,
                &lone(name.len() as u16 + u16::from(name == "south")),
            )
        });
        let cameras = cameras(&files, Some(Path::new("/var/lib/lookhear"))).unwrap();
        assert_eq!(cameras[1].name.as_deref(), Some("south"));
        assert_eq!(cameras[1].state.as_deref(), Some(Path::new("/var/lib/lookhear/south")));
        assert!(
            super::cameras(&files, None)
                .unwrap_err()
                .to_string()
                .contains("--state")
        );
    }

    #[test]
    fn what_only_one_can_have_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let first = written(folder.path(), "first", &lone(1));
        for (text, complaint) in [
            (
                lone(2).replace("/dev/video2", "/dev/video1"),
                "camera.device = \"/dev/video1\"",
            ),
            (lone(2).replace("hw:2", "hw:1"), "microphone.device"),
            (
                lone(2).replace("127.0.0.1:2", "127.0.0.1:1"),
                "web.listen = \"127.0.0.1:1\"",
            ),
        ] {
            let second = written(folder.path(), "second", &text);
            let error = cameras(&[first.clone(), second], Some(folder.path()))
                .unwrap_err()
                .to_string();
            assert!(
                error.contains("`first` and `second`") && error.contains(complaint),
                "{error}"
            );
        }
        let error = cameras(&[first.clone(), first], Some(folder.path()))
            .unwrap_err()
            .to_string();
        assert!(error.contains("are called `first`"), "{error}");
    }
}
