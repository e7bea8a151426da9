//! `lookhear ptz`: a head tried by hand.

mod trial;

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Subcommand};
use lookhear::configuration::Configuration;
use lookhear_board::ptz::{Halted, PtzKind, PtzSettings, halt, open};
use lookhear_board::{Abilities, MonotonicClock, Orientation, PtzError, Velocity};

use super::output::{warn, write_text};

/// `lookhear ptz`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Ptz {
    #[command(flatten)]
    head: HeadOptions,
    #[command(subcommand)]
    action: Action,
}

const EXAMPLES: &str = "\
Examples:
  lookhear ptz --kind visca-udp --address 10.0.0.5 probe
  lookhear ptz --kind visca-serial --address /dev/ttyUSB0 --baud 38400 test
  lookhear ptz --kind uvc --address /dev/video0 to -20 5
  lookhear ptz --kind visca-tcp --address 10.0.0.5:5678 drive 10 0 --seconds 2

Degrees grow to the right and upward, as the camera sees it. Ctrl-C stops the head.";

/// Which head, in place of what the settings say.
#[derive(Debug, Clone, Default, Args)]
pub struct HeadOptions {
    /// The configuration that names the head [default: /etc/lookhear/lookhear.toml, where --kind is not given]
    #[arg(long, value_name = "FILE.toml")]
    config: Option<PathBuf>,
    /// What sort of head it is
    #[arg(long, value_parser = kinds())]
    kind: Option<PtzKind>,
    /// The path of a camera or a serial port, or HOST[:PORT]
    #[arg(long, visible_alias = "device")]
    address: Option<String>,
    /// How long an answer is waited for
    #[arg(long, value_name = "SECONDS")]
    timeout: Option<f64>,
    /// It turns to the left when told to turn to the right
    #[arg(long)]
    pan_inverted: bool,
    /// It turns down when told to turn up
    #[arg(long)]
    tilt_inverted: bool,
    /// Bits a second on a serial port
    #[arg(long)]
    baud: Option<u32>,
    /// Which of the cameras on a serial line, 1 to 7
    #[arg(long)]
    camera: Option<u8>,
    /// The user of an ONVIF camera
    #[arg(long)]
    user: Option<String>,
    /// The file that holds the password of that user
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
    /// How many units of VISCA are a degree
    #[arg(long, value_name = "UNITS")]
    units_per_degree: Option<f64>,
}

fn kinds() -> impl TypedValueParser<Value = PtzKind> {
    PossibleValuesParser::new(PtzKind::ALL.map(PtzKind::name)).try_map(|name| name.parse())
}

impl HeadOptions {
    /// The settings of the configuration, with what was given on the command line in their place.
    fn settings(&self) -> anyhow::Result<PtzSettings> {
        let configured = if self.config.is_some() || self.kind.is_none() {
            Configuration::read(self.config.as_deref())?.ptz
        } else {
            PtzSettings::default()
        };
        Ok(self.over(configured))
    }

    /// Settings with what was given on the command line in their place.
    pub fn over(&self, mut settings: PtzSettings) -> PtzSettings {
        settings.kind = self.kind.unwrap_or(settings.kind);
        settings.address = self.address.clone().unwrap_or(settings.address);
        settings.timeout_seconds = self.timeout.unwrap_or(settings.timeout_seconds);
        settings.pan_inverted = self.pan_inverted.then_some(true).or(settings.pan_inverted);
        settings.tilt_inverted = self.tilt_inverted.then_some(true).or(settings.tilt_inverted);
        settings.visca.baud = self.baud.unwrap_or(settings.visca.baud);
        settings.visca.camera = self.camera.unwrap_or(settings.visca.camera);
        settings.onvif.user = self.user.clone().unwrap_or(settings.onvif.user);
        settings.onvif.password_file = self.password_file.clone().or(settings.onvif.password_file);
        if let Some(units) = self.units_per_degree {
            settings.visca.pan_units_per_degree = units;
            settings.visca.tilt_units_per_degree = units;
        }
        settings
    }
}

/// What to do with the head.
#[derive(Debug, Subcommand)]
enum Action {
    /// Tell what the head can do
    Probe,
    /// Tell where it looks
    Where,
    /// Turn to a direction
    To {
        /// Degrees to the right
        #[arg(allow_negative_numbers = true)]
        pan: f64,
        /// Degrees upward
        #[arg(allow_negative_numbers = true)]
        tilt: f64,
        /// Degrees a second, at most
        #[arg(long, default_value_t = 30.0)]
        speed: f64,
    },
    /// Turn at a speed for a while, and stop
    Drive {
        /// Degrees a second to the right
        #[arg(allow_negative_numbers = true)]
        pan: f64,
        /// Degrees a second upward
        #[arg(allow_negative_numbers = true)]
        tilt: f64,
        /// For how long
        #[arg(long, default_value_t = 1.0, value_parser = seconds)]
        seconds: f64,
    },
    /// Turn to where the head is at home
    Home,
    /// Stop, whatever is under way, without asking first whether anyone is there
    Stop,
    /// Make small movements, check which way they go where the head tells, and stop
    Test,
}

impl Ptz {
    /// Does it.
    pub fn run(self) -> anyhow::Result<()> {
        let settings = self.head.settings()?;
        if matches!(self.action, Action::Stop) {
            return stop(&settings);
        }
        if settings.kind == PtzKind::None {
            bail!("no head is named: give --kind and --address, or name one in the configuration");
        }
        let clock = Arc::new(MonotonicClock);
        let head = open(&settings, clock)?.context("the settings name no head")?;
        let mut hand = Hand {
            head,
            interrupted: watch_for_interruption()?,
        };
        match self.action {
            Action::Probe => probe(&mut hand),
            Action::Where => write_text(hand.place()?),
            Action::Stop => Ok(()),
            action => {
                let outcome = hand.act(action);
                // Whatever happened, it shall not go on turning by itself.
                let stopped = if outcome.is_err() || hand.is_interrupted() {
                    hand.insist(|head| head.stop())
                } else {
                    Ok(())
                };
                outcome.and(stopped.context("the head could not be stopped"))
            }
        }
    }
}

fn stop(settings: &PtzSettings) -> anyhow::Result<()> {
    match halt(settings, Arc::new(MonotonicClock))? {
        Halted::Nothing => write_text("there is nothing to stop"),
        Halted::Sent => write_text("the stop went out; the camera did not confirm it"),
        Halted::Confirmed => write_text("stopped"),
    }
}

fn probe(hand: &mut Hand) -> anyhow::Result<()> {
    write_text(Words(hand.head.abilities()))?;
    write_text(hand.place()?)
}

/// Set once a person or the system asks the program to end.
pub(super) fn watch_for_interruption() -> anyhow::Result<Arc<AtomicBool>> {
    let interrupted = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&interrupted);
    ctrlc::set_handler(move || flag.store(true, Ordering::Relaxed)).context("Ctrl-C cannot be watched for")?;
    Ok(interrupted)
}

/// How often the head is asked where it looks while it turns.
const LOOK_PERIOD: Duration = Duration::from_millis(100);

/// A head, and a person who may have had enough.
struct Hand {
    head: Box<dyn lookhear_board::Ptz>,
    interrupted: Arc<AtomicBool>,
}

impl Hand {
    fn act(&mut self, action: Action) -> anyhow::Result<()> {
        match action {
            Action::To { pan, tilt, speed } => {
                let (to, speed) = (
                    Orientation {
                        pan_degrees: pan,
                        tilt_degrees: tilt,
                    },
                    Velocity {
                        pan: speed,
                        tilt: speed,
                    },
                );
                self.insist(|head| head.move_to(to, speed))?;
                self.settle()?;
                write_text(self.place()?)
            }
            Action::Drive { pan, tilt, seconds } => {
                self.drive_for(Velocity { pan, tilt }, Duration::from_secs_f64(seconds))?;
                write_text(self.place()?)
            }
            Action::Home => {
                self.insist(|head| head.go_home())?;
                self.settle()?;
                write_text(self.place()?)
            }
            Action::Test => trial::run(self),
            Action::Probe | Action::Where | Action::Stop => Ok(()),
        }
    }

    fn is_interrupted(&self) -> bool {
        self.interrupted.load(Ordering::Relaxed)
    }

    /// Has the head do something; again a few times when it is busy.
    fn insist<T>(
        &mut self,
        mut order: impl FnMut(&mut dyn lookhear_board::Ptz) -> Result<T, PtzError>,
    ) -> anyhow::Result<T> {
        for _ in 0..2 {
            match order(&mut *self.head) {
                Err(PtzError::Retry { .. }) => std::thread::sleep(LOOK_PERIOD),
                other => return Ok(other?),
            }
        }
        Ok(order(&mut *self.head)?)
    }

    fn orientation(&mut self) -> anyhow::Result<Option<Orientation>> {
        self.insist(|head| head.orientation())
    }

    fn place(&mut self) -> anyhow::Result<String> {
        Ok(match self.orientation()? {
            Some(place) => format!("It looks {}.", in_words(place)),
            None => "It does not tell where it looks.".to_owned(),
        })
    }

    /// Turns at a speed, and stops.
    fn drive_for(&mut self, velocity: Velocity, time: Duration) -> anyhow::Result<()> {
        self.insist(|head| head.drive(velocity))?;
        self.wait(time);
        self.insist(|head| head.stop())?;
        self.settle()
    }

    fn wait(&self, time: Duration) {
        let end = Instant::now() + time;
        while !self.is_interrupted() {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            std::thread::sleep(left.min(Duration::from_millis(20)));
        }
    }

    /// Waits until the head is at rest: until it looks the same way for half a second; half a minute at most.
    fn settle(&mut self) -> anyhow::Result<()> {
        let end = Instant::now() + Duration::from_secs(30);
        let (mut last, mut same) = (self.orientation()?, 0);
        while same < 5 && Instant::now() < end && !self.is_interrupted() {
            self.wait(LOOK_PERIOD);
            let now = self.orientation()?;
            let is_moving = self.insist(|head| head.is_moving())? == Some(true);
            same = if now == last && !is_moving { same + 1 } else { 0 };
            last = now;
        }
        if same < 5 && !self.is_interrupted() {
            warn("the head has not come to rest within half a minute");
        }
        Ok(())
    }
}

/// What a head can do, in words.
struct Words<'a>(&'a Abilities);

impl fmt::Display for Words<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let abilities = self.0;
        let takes = match (abilities.absolute, abilities.continuous) {
            (true, true) => "It can be turned to a direction and at a speed",
            (true, false) => "It can be turned to a direction, not at a speed",
            (false, true) => "It can be turned at a speed, not to a direction",
            (false, false) => "It cannot be turned",
        };
        let tells = if abilities.tells_orientation {
            "and it tells where it looks."
        } else {
            "and it does not tell where it looks."
        };
        writeln!(formatter, "{takes}, {tells}")?;
        let (pan, tilt) = (&abilities.pan_degrees, &abilities.tilt_degrees);
        writeln!(
            formatter,
            "Pan {:.0} to {:+.0} degrees, up to {:.0} degrees a second.",
            pan.start(),
            pan.end(),
            abilities.fastest.pan
        )?;
        write!(
            formatter,
            "Tilt {:.0} to {:+.0} degrees, up to {:.0} degrees a second.",
            tilt.start(),
            tilt.end(),
            abilities.fastest.tilt
        )
    }
}

fn in_words(place: Orientation) -> String {
    let side = |degrees: f64, less: &str, more: &str| {
        // What is written as 0.0 is to neither side.
        let direction = if degrees.abs() < 0.05 {
            ""
        } else if degrees < 0.0 {
            less
        } else {
            more
        };
        format!("{:.1} degrees{direction}", degrees.abs())
    };
    format!(
        "{}, {}",
        side(place.pan_degrees, " left", " right"),
        side(place.tilt_degrees, " down", " up")
    )
}

/// A time from the command line.
fn seconds(text: &str) -> Result<f64, String> {
    let value: f64 = text.parse().map_err(|cause| format!("{cause}"))?;
    if (0.05..=60.0).contains(&value) {
        Ok(value)
    } else {
        Err("a time lies between 0.05 and 60 seconds".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_told_in_words() {
        for (pan_degrees, tilt_degrees, words) in [
            (0.0, 0.0, "0.0 degrees, 0.0 degrees"),
            (-12.34, 5.0, "12.3 degrees left, 5.0 degrees up"),
            (0.049, -90.0, "0.0 degrees, 90.0 degrees down"),
        ] {
            let place = Orientation {
                pan_degrees,
                tilt_degrees,
            };
            assert_eq!(in_words(place), words);
        }
    }

    #[test]
    fn the_command_line_goes_over_the_settings() {
        let settings = PtzSettings {
            address: "here".to_owned(),
            tilt_inverted: Some(true),
            ..PtzSettings::default()
        };
        let options = HeadOptions {
            kind: Some(PtzKind::ViscaTcp),
            units_per_degree: Some(20.0),
            ..HeadOptions::default()
        };
        let settings = options.over(settings);
        assert_eq!((settings.kind, settings.address.as_str()), (PtzKind::ViscaTcp, "here"));
        assert_eq!((settings.tilt_inverted, settings.pan_inverted), (Some(true), None));
        assert_eq!(settings.visca.tilt_units_per_degree, 20.0);
    }
}
