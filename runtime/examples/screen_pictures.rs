//! Draws what screens of several sizes show at one moment of a film, as the model perceives it.
//!
//! `cargo run --release -p lookhear --example screen_pictures -- FILM SECONDS DIRECTORY`

use std::path::Path;

use anyhow::{Context, bail};
use lookhear::actuation::screen::{Face, Seen};
use lookhear::actuation::status::{StageStatus, Status};
use lookhear::perception::bundle::Bundle;
use lookhear::perception::localiser::Localiser;
use lookhear::pipeline::{Offline, OfflineSettings, SoundFeed};
use lookhear_board::camera::open_film;
use lookhear_board::{Camera, Delivery, Frame, read_sound_track};

const SIZES: [(usize, usize); 7] = [
    (240, 240),
    (240, 320),
    (320, 240),
    (480, 320),
    (480, 800),
    (800, 480),
    (1920, 1080),
];

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [film, seconds, directory] = arguments.as_slice() else {
        bail!("give a film, a moment in seconds, and a directory for the pictures");
    };
    let (film, directory) = (Path::new(film), Path::new(directory));
    let seconds: f64 = seconds.parse().context("the moment is a number of seconds")?;
    std::fs::create_dir_all(directory)?;

    let mut camera = open_film(film)?;
    let track = read_sound_track(film)?;
    let mut localiser = Localiser::new(
        &Bundle::default_model()?,
        &lookhear::perception::encoder::Backend::default(),
    )?;
    let manifest = localiser.manifest().clone();
    let feed = SoundFeed::new(&track.sound, track.stamp, localiser.ear().rate_hz())?;
    let mut offline = Offline::new(localiser, feed, OfflineSettings::default());
    let (mut frame, mut status) = (Frame::default(), Status::default());
    while camera.next_frame(&mut frame)? == Delivery::Fresh {
        let moment = offline.advance(&frame)?;
        status = Status {
            stamp: frame.stamp,
            percept: moment.percept.cloned().filter(|_| !moment.silent),
            threshold: manifest.threshold.similarity,
            attention: moment.attention,
            level: moment.level,
            meter: moment.meter,
            percepts_per_second: 9.8,
            frames_per_second: 30.0,
            temperature_celsius: Some(61.0),
            ..Status::default()
        };
        if frame.stamp.as_secs_f64() >= seconds {
            break;
        }
    }

    let troubled = Status {
        paused: true,
        throttled: true,
        stages: vec![StageStatus {
            name: "microphone".into(),
            fresh: false,
            restarts: 3,
            trouble: Some("hw:1,0: the device was unplugged; open it again".into()),
        }],
        ..status.clone()
    };
    for (width, height) in SIZES {
        let mut face = Face::new(manifest.picture.clone(), width, height);
        for (name, seen, status) in [
            ("", Seen::Frame(&frame), &status),
            ("-troubled", Seen::Frame(&frame), &troubled),
            ("-blind", Seen::Nothing, &troubled),
        ] {
            face.draw(seen, status)?
                .save(&directory.join(format!("{width}x{height}{name}.png")))?;
        }
    }
    Ok(())
}
