//! The virtual microphone: the kernel's sound loop, into which the scene's sound is played, in time with its film.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context, Result};
use lookhear_tests::scene::SOUND_HERTZ;

use crate::Stage;
use crate::journal::{now, sleep};

/// The end of the loop that captures.
pub const DEVICE: &str = "hw:CARD=Loopback,DEV=1";
const PLAYED: &str = "hw:CARD=Loopback,DEV=0";
const DRIVER: &str = "/sys/bus/platform/drivers/snd_aloop";
const CARD: &str = "snd_aloop.0";
/// How much is handed to the player at once.
const PIECE_SECONDS: f64 = 0.1;

/// A microphone that hears the scene; dropping it leaves silence.
pub struct VirtualMicrophone {
    /// Whether the scene is heard; else there is silence.
    audible: Arc<AtomicBool>,
    running: Arc<AtomicBool>,
}

impl VirtualMicrophone {
    /// Lets the scene sound.
    ///
    /// # Errors
    /// When there is no sound, or nothing to play it with.
    pub fn open(stage: &Stage) -> Result<Self> {
        let path = stage.scene.join("sound.raw");
        let sound = fs::read(&path).with_context(|| format!("{} cannot be read", path.display()))?;
        let microphone = Self {
            audible: Arc::new(AtomicBool::new(true)),
            running: Arc::new(AtomicBool::new(true)),
        };
        let (audible, running, began) = (microphone.audible.clone(), microphone.running.clone(), stage.began);
        std::thread::spawn(move || {
            // The player ends when the card is unplugged; the scene goes on, and is heard again when it is back.
            while running.load(Ordering::Relaxed) {
                if Path::new("/proc/asound/Loopback").exists() {
                    play(&sound, began, &audible, &running);
                }
                sleep(0.1);
            }
        });
        Ok(microphone)
    }

    /// Lets the scene sound, or hushes it.
    pub fn hear(&self, audible: bool) {
        self.audible.store(audible, Ordering::Relaxed);
    }

    /// Pulls the plug; the driver lets go of the card as soon as whoever uses it does.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn unplug(&self) -> Result<f64> {
        let at = now();
        // The write waits for all users to let go; an application that does not must not hang the scenario.
        std::thread::spawn(|| fs::write(format!("{DRIVER}/unbind"), CARD));
        Ok(at)
    }

    /// Puts the plug in again.
    ///
    /// # Errors
    /// When the driver did not let go of the card, or refuses it.
    pub fn replug(&self) -> Result<f64> {
        let until = now() + 10.0;
        while Path::new(DRIVER).join(CARD).exists() {
            anyhow::ensure!(now() < until, "whoever used the microphone did not let go of it");
            sleep(0.05);
        }
        let at = now();
        fs::write(format!("{DRIVER}/bind"), CARD).context("the card does not come back")?;
        Ok(at)
    }
}

impl Drop for VirtualMicrophone {
    fn drop(&mut self) {
        self.running.store(false, Ordering::Relaxed);
        sleep(0.8);
    }
}

fn player() -> Result<Child> {
    let rate = SOUND_HERTZ.to_string();
    let arguments = [
        "-q",
        "-D",
        PLAYED,
        "-t",
        "raw",
        "-f",
        "S16_LE",
        "-c",
        "2",
        "--buffer-time=200000",
        "-r",
        &rate,
    ];
    let mut player = Command::new("aplay");
    player.args(arguments).stdin(Stdio::piped()).stderr(Stdio::null());
    player.spawn().context("aplay cannot be run")
}

/// Plays the scene from where its film is by now, in two channels, until the card is gone or nobody wants it any more.
fn play(sound: &[u8], began: f64, audible: &AtomicBool, running: &AtomicBool) {
    let Ok(mut player) = player() else { return };
    let samples = sound.len() / 2;
    let piece = (PIECE_SECONDS * f64::from(SOUND_HERTZ)) as usize;
    let mut at = ((now() - began) * f64::from(SOUND_HERTZ)) as usize;
    if let Some(input) = &mut player.stdin {
        while running.load(Ordering::Relaxed) {
            let heard = audible.load(Ordering::Relaxed);
            let mut bytes = Vec::with_capacity(piece * 4);
            for number in at..at + piece {
                let start = number % samples * 2;
                let sample = if heard {
                    [sound[start], sound[start + 1]]
                } else {
                    [0, 0]
                };
                bytes.extend(sample);
                bytes.extend(sample);
            }
            at += piece;
            if input.write_all(&bytes).is_err() {
                break;
            }
        }
    }
    // It may have ended with its card.
    let _ = player.kill();
    let _ = player.wait();
}
