//! The whole loop in a room that is not there: how soon and how well a sounding thing is brought into the middle of the picture, and
//! what moves the camera that should not.
//!
//! The tables over hours are printed by
//! `cargo test -p lookhear-tests --test simulator -- --ignored --nocapture`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout)]

use std::sync::Arc;
use std::time::Duration;

use lookhear_board::Orientation;
use lookhear_board::camera::panorama::Panorama;
use lookhear_board::ptz::SimulatedHeadSettings;
use lookhear_tests::room::{
    Approach, Closed, Conditions, Material, Placed, Record, Soundscape, Steady, Thing, approach, movements, panorama,
    swings,
};

const LANDSCAPE: &str = "usr/share/backgrounds/picosdeeuropa_by_Aitzol_Berasategi.jpg";
/// How loud a room is in which nothing happens, in dBFS.
const QUIET_DECIBELS: f64 = -60.0;
/// How loud a thing is, in dBFS.
const THING_DECIBELS: f64 = -26.0;

macro_rules! thing {
    ($name:literal, $picture:literal, $sound:literal) => {
        Thing {
            name: $name,
            picture: concat!("usr/share/tuxpaint/stamps/", $picture),
            sound: concat!("usr/share/tuxpaint/stamps/", $sound),
        }
    };
}

const DUCK: Thing = thing!("duck", "animals/birds/duck.png", "animals/birds/duck.ogg");
const TURKEY: Thing = thing!("turkey", "animals/birds/turkey.png", "animals/birds/turkey.ogg");
const FROG: Thing = thing!("frog", "animals/amphibians/frog.png", "animals/amphibians/frog.ogg");
const ELEPHANT: Thing = thing!(
    "elephant",
    "animals/mammals/elephant.png",
    "animals/mammals/elephant.ogg"
);
const CHIMP: Thing = thing!(
    "chimp",
    "animals/mammals/apes/chimp.png",
    "animals/mammals/apes/chimp.ogg"
);
const PIG: Thing = thing!(
    "pig",
    "animals/mammals/pig_golden2.png",
    "animals/mammals/pig_golden2.ogg"
);
const DOE: Thing = thing!("doe", "animals/mammals/deer/doe.png", "animals/mammals/deer/doe.ogg");
const CYMBAL: Thing = thing!(
    "cymbal",
    "hobbies/music/percussion/cymbal_crash.png",
    "hobbies/music/percussion/cymbal_crash.ogg"
);
const TOILET: Thing = thing!("toilet", "household/toilet.png", "household/toilet.ogg");
const HAMMER: Thing = thing!("hammer", "household/tools/hammer.png", "household/tools/hammer.ogg");
const TRUMPET: Thing = Thing {
    name: "trumpet",
    picture: "usr/share/tuxpaint/stamps/hobbies/music/brass/trumpet.png",
    sound: "usr/share/scratch/Media/Sounds/Instruments/Trumpet2.wav",
};
const LAUGHING_BOY: Thing = Thing {
    name: "laughing boy",
    picture: "usr/share/scratch/Media/Costumes/People/boy4-laughing.gif",
    sound: "usr/share/scratch/Media/Sounds/Human/Laugh-male1.wav",
};
const WOMAN: Thing = Thing {
    name: "speaking woman",
    picture: "usr/share/scratch/Media/Costumes/People/marissa.gif",
    sound: "usr/share/tuxpaint/stamps/animals/birds/blackbird_desc_be.ogg",
};
const THINGS: [Thing; 13] = [
    DUCK,
    TURKEY,
    FROG,
    ELEPHANT,
    CHIMP,
    PIG,
    DOE,
    CYMBAL,
    TOILET,
    HAMMER,
    TRUMPET,
    LAUGHING_BOY,
    WOMAN,
];

fn at(pan_degrees: f64, tilt_degrees: f64) -> Orientation {
    Orientation {
        pan_degrees,
        tilt_degrees,
    }
}

fn placed(thing: Thing, pan: f64, tilt: f64) -> Placed {
    Placed {
        thing,
        bearing: at(pan, tilt),
        height_degrees: 15.0,
    }
}

fn quiet() -> Soundscape {
    Soundscape::new(Steady::Pink, QUIET_DECIBELS, 1)
}

fn photograph(material: &Material, things: &[Placed]) -> Panorama {
    panorama(&material.path(LANDSCAPE), things, |path| material.path(path)).unwrap()
}

fn sound(material: &Material, thing: Thing) -> Arc<Vec<f32>> {
    Arc::new(material.recording(thing.sound).unwrap())
}

/// Each thing in turn, among three others that are silent: the camera looks 20° to its left, 3° below; it begins to sound after 2 s.
fn trial(material: &Material, index: usize, head: SimulatedHeadSettings) -> (Approach, Vec<Record>) {
    let thing = THINGS[index];
    let others = [3, 6, 9].map(|step| THINGS[(index + step) % THINGS.len()]);
    let mut things = vec![placed(thing, 10.0, 3.0)];
    things.extend(
        others
            .iter()
            .zip([-32.0, -11.0, 32.0])
            .map(|(&other, pan)| placed(other, pan, -1.0)),
    );
    let soundscape = quiet().with(sound(material, thing), THING_DECIBELS, 2.0..14.0);
    let conditions = Conditions {
        head,
        start: at(-10.0, 0.0),
        ..Conditions::default()
    };
    let mut closed = Closed::new(photograph(material, &things), soundscape, conditions).unwrap();
    let records = closed.run(14.0).unwrap();
    let approach = approach(&records, at(10.0, 3.0), Duration::from_secs(2));
    (approach, records)
}

#[test]
#[ignore = "prints a table"]
fn table_of_things() {
    let material = Material::fetch().unwrap();
    println!("thing            accepted  right  centred after  overshoot  left  movements");
    for (index, thing) in THINGS.iter().enumerate() {
        let (approach, _) = trial(&material, index, SimulatedHeadSettings::default());
        println!("{}", line(thing.name, &approach));
    }
}

fn line(name: &str, approach: &Approach) -> String {
    let after = approach
        .time_to_centre
        .map_or("never".to_owned(), |time| format!("{:.2} s", time.as_secs_f64()));
    format!(
        "{name:16} {:7.0} % {:4.0} % {after:>14} {:9.1}° {:4.1}° {:10}",
        100.0 * approach.accepted,
        100.0 * approach.right,
        approach.overshoot_degrees,
        approach.left_degrees,
        approach.movements
    )
}
