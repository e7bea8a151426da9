//! Public pictures and recordings, fetched once into the build directory and verified.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use lookhear::perception::bundle::hexadecimal_sha256;
use lookhear::perception::resample::resample;
use lookhear_board::read_sound;

use super::soundscape::RATE_HZ;

/// A Debian package of pictures or sounds, and what of it is used.
struct Package {
    name: &'static str,
    version: &'static str,
    sha256: &'static str,
    /// Folders in it.
    folders: &'static [&'static str],
}

/// None of what is used here trained the default model: the pictures and recordings belong to the part of the corpus that was held
/// out, most of them to categories kept out of training altogether.
const PACKAGES: [Package; 3] = [
    // Tux Paint stamps, GPL-2+.
    Package {
        name: "tuxpaint-stamps-default",
        version: "2022.06.04-1",
        sha256: "6db6c1bfc870a47f1499d6203b083522eacb57c5f9c87d468f2e92eb6d9d5f34",
        folders: &["usr/share/tuxpaint/stamps"],
    },
    // Scratch 1.4, CC-BY-SA-3.0.
    Package {
        name: "scratch",
        version: "1.4.0.6~dfsg1-6.1",
        sha256: "36c582eb93110f64f06c4e685c41e933ccba2fa68db12f79b10bfe840b21fc10",
        folders: &["usr/share/scratch/Media/Costumes", "usr/share/scratch/Media/Sounds"],
    },
    // Photographs of the contest for Ubuntu Touch, CC-BY-SA.
    Package {
        name: "lomiri-wallpapers-16.04",
        version: "20.04.0-2",
        sha256: "a99ff6a3bfe451e4cc0682ecb3cc82e71740626d59e4845ae34a0a0e45421eab",
        folders: &["usr/share/backgrounds"],
    },
];

/// The material, as it lies in the build directory.
#[derive(Debug, Clone)]
pub struct Material {
    folder: PathBuf,
}

impl Material {
    /// Fetches what is not there yet (200 MB), one process at a time.
    ///
    /// # Errors
    /// When a package cannot be fetched from Debian's archive, or is not the one expected.
    pub fn fetch() -> Result<Self> {
        let test = std::env::current_exe().context("the running test has no path")?;
        let build = test
            .ancestors()
            .nth(3)
            .context("the running test lies outside a build directory")?;
        let folder = build.join("room");
        fs::create_dir_all(&folder)?;
        let lock = File::create(folder.join("lock"))?;
        lock.lock()?;
        for package in &PACKAGES {
            package.unpack(&folder)?;
        }
        Ok(Self { folder })
    }

    /// Where a file lies, by its path in its package.
    pub fn path(&self, path: &str) -> PathBuf {
        self.folder.join("files").join(path)
    }

    /// A recording by its path in its package, as [`recording`] gives it.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn recording(&self, path: &str) -> Result<Vec<f32>> {
        recording(&self.path(path))
    }
}

impl Package {
    fn unpack(&self, folder: &Path) -> Result<()> {
        let done = folder.join(format!("{}.{}", self.name, self.sha256));
        if done.exists() {
            return Ok(());
        }
        let file = self.fetch(folder)?;
        let files = folder.join("files");
        fs::create_dir_all(&files)?;
        let unpacked = Command::new("dpkg-deb").arg("--fsys-tarfile").arg(&file).output()?;
        ensure!(unpacked.status.success(), "{} cannot be unpacked", file.display());
        let tar = folder.join(format!("{}.tar", self.name));
        fs::write(&tar, unpacked.stdout)?;
        let mut extract = Command::new("tar");
        extract
            .arg("--extract")
            .arg("--file")
            .arg(&tar)
            .arg("--directory")
            .arg(&files);
        extract.args(self.folders.iter().map(|folder| format!("./{folder}")));
        ensure!(extract.status()?.success(), "{} cannot be unpacked", tar.display());
        fs::remove_file(tar)?;
        File::create(done)?;
        Ok(())
    }

    /// The package's file, verified.
    fn fetch(&self, folder: &Path) -> Result<PathBuf> {
        let is_ours = |name: &str| name.starts_with(&format!("{}_", self.name)) && name.ends_with(".deb");
        let find = || -> Result<Option<PathBuf>> {
            for entry in fs::read_dir(folder)? {
                let entry = entry?;
                if is_ours(&entry.file_name().to_string_lossy()) {
                    return Ok(Some(entry.path()));
                }
            }
            Ok(None)
        };
        if find()?.is_none() {
            let wanted = format!("{}={}", self.name, self.version);
            let downloaded = Command::new("apt-get")
                .current_dir(folder)
                .args(["-qq", "-o", "APT::Sandbox::User=", "download", &wanted])
                .output()
                .context("apt-get cannot be run: the room's pictures and sounds come from Debian's archive")?;
            ensure!(
                downloaded.status.success(),
                "apt-get download {wanted}: {}; run `apt-get update`, or put the package's file into {}",
                String::from_utf8_lossy(&downloaded.stderr).trim(),
                folder.display()
            );
        }
        let Some(file) = find()? else {
            bail!("apt-get downloaded no file of {}", self.name)
        };
        let found = hexadecimal_sha256(&fs::read(&file)?);
        ensure!(
            found == self.sha256,
            "{} has the SHA-256 {found}, not {}: remove it",
            file.display(),
            self.sha256
        );
        Ok(file)
    }
}

/// A recording at the rate of a [`Soundscape`](super::Soundscape), its silent ends cut off and its level brought to 0 dBFS.
///
/// # Errors
/// When it cannot be read.
pub fn recording(path: &Path) -> Result<Vec<f32>> {
    let sound = resample(&read_sound(path)?, RATE_HZ)?;
    let peak = sound
        .samples
        .iter()
        .fold(0.0_f32, |peak, sample| peak.max(sample.abs()));
    let is_loud = |sample: &f32| sample.abs() > peak / 100.0;
    let from = sound.samples.iter().position(is_loud);
    let to = sound.samples.iter().rposition(is_loud);
    let (Some(from), Some(to)) = (from, to) else {
        bail!("{} is silent", path.display())
    };
    let mut samples = sound.samples[from..=to].to_vec();
    let power = samples.iter().map(|sample| f64::from(*sample).powi(2)).sum::<f64>() / samples.len() as f64;
    let gain = (1.0 / power.sqrt()) as f32;
    samples.iter_mut().for_each(|sample| *sample *= gain);
    Ok(samples)
}
