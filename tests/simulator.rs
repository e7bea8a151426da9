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
    Approach, Closed, Conditions, Material, Placed, Record, Soundscape, Steady, Thing, approach, centred_degrees,
    movements, panorama, swings,
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

/// Those of them, by their number, that the model finds among others. Of the rest, which `table_of_things` shows, it finds the cymbal
/// in one percept of nine, and knows neither sound nor sight of the others well enough for one above its threshold.
const FOUND: [usize; 6] = [0, 2, 5, 10, 11, 12];

fn at(pan_degrees: f64, tilt_degrees: f64) -> Orientation {
    Orientation {
        pan_degrees,
        tilt_degrees,
    }
}

/// How high things are in the panorama.
const HEIGHT_DEGREES: f64 = 15.0;

/// How wide it then is.
fn width_degrees(material: &Material, thing: Thing) -> f64 {
    let (width, height) = image::image_dimensions(material.path(thing.picture)).unwrap();
    HEIGHT_DEGREES * f64::from(width) / f64::from(height)
}

fn placed(thing: Thing, pan: f64, tilt: f64) -> Placed {
    Placed {
        thing,
        bearing: at(pan, tilt),
        height_degrees: HEIGHT_DEGREES,
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
    let mut things = vec![placed(thing, 20.0, 3.0)];
    things.extend(
        others
            .iter()
            .zip([-22.0, -1.0, 42.0])
            .map(|(&other, pan)| placed(other, pan, -1.0)),
    );
    let soundscape = quiet().with(sound(material, thing), THING_DECIBELS, 2.0..14.0);
    let conditions = Conditions {
        head,
        ..Conditions::default()
    };
    let mut closed = Closed::new(photograph(material, &things), soundscape, conditions).unwrap();
    let records = closed.run(14.0).unwrap();
    let width_degrees = width_degrees(material, thing);
    let approach = approach(&records, at(20.0, 3.0), width_degrees, Duration::from_secs(2));
    (approach, records)
}

/// Four things that the model finds, in one picture as the camera sees it at home or, further apart, not.
fn stage(material: &Material, apart: f64) -> Panorama {
    let things = [
        placed(DUCK, -0.5 * apart, -2.0),
        placed(FROG, 0.5 * apart, -3.0),
        placed(PIG, -1.1 * apart, 2.0),
        placed(TRUMPET, 1.1 * apart, 3.0),
    ];
    photograph(material, &things)
}

/// A duck and a speaking woman in turns of so many seconds, with two others further out that are silent.
fn duet(material: &Material, apart: f64, turn_seconds: f64, seconds: f64) -> Vec<Record> {
    let sounds = [sound(material, DUCK), sound(material, WOMAN)];
    let mut soundscape = quiet();
    for turn in 0..(seconds / turn_seconds) as usize {
        let from = turn as f64 * turn_seconds;
        soundscape = soundscape.with(sounds[turn % 2].clone(), THING_DECIBELS, from..from + turn_seconds);
    }
    let things = [
        placed(DUCK, -0.5 * apart, -2.0),
        placed(WOMAN, 0.5 * apart, -3.0),
        placed(PIG, -0.5 * apart - 21.0, 2.0),
        placed(TRUMPET, 0.5 * apart + 28.0, 3.0),
    ];
    let mut closed = Closed::new(photograph(material, &things), soundscape, Conditions::default()).unwrap();
    closed.run(seconds).unwrap()
}

/// Recordings of things that are not in the picture, each for 20 s with 10 s of quiet after it.
fn off_screen(material: &Material, seconds: f64) -> Soundscape {
    let away = [
        TURKEY,
        ELEPHANT,
        CHIMP,
        DOE,
        CYMBAL,
        TOILET,
        HAMMER,
        LAUGHING_BOY,
        WOMAN,
    ];
    let sounds: Vec<_> = away.iter().map(|&thing| sound(material, thing)).collect();
    (0..(seconds / 30.0) as usize).fold(quiet(), |soundscape, number| {
        let from = 30.0 * number as f64;
        soundscape.with(sounds[number % sounds.len()].clone(), THING_DECIBELS, from..from + 20.0)
    })
}

/// Six people who speak at once, none of them in the picture.
fn babble(material: &Material, seconds: f64) -> Soundscape {
    let voices = [
        "blackbird_desc_be",
        "blackbird_desc",
        "duck_desc",
        "crow_desc",
        "gander_desc",
        "vulture_desc",
    ];
    voices.iter().enumerate().fold(quiet(), |soundscape, (number, voice)| {
        let path = format!("usr/share/tuxpaint/stamps/animals/birds/{voice}.ogg");
        let samples = Arc::new(material.recording(&path).unwrap());
        soundscape.with(samples, THING_DECIBELS - 8.0, 0.7 * number as f64..seconds)
    })
}

fn listen(material: &Material, soundscape: Soundscape, seconds: f64) -> Vec<Record> {
    let mut closed = Closed::new(stage(material, 24.0), soundscape, Conditions::default()).unwrap();
    closed.run(seconds).unwrap()
}

/// The share of percepts of a resting camera that were accepted.
fn accepted(records: &[Record]) -> f64 {
    let percepts: Vec<_> = records.iter().filter_map(|record| record.percept).collect();
    percepts.iter().filter(|(_, _, accepted)| *accepted).count() as f64 / percepts.len().max(1) as f64
}

/// The share of percepts of a resting camera that were accepted within 8° of a pan.
fn share_found(records: &[Record], pan_degrees: f64) -> f64 {
    let percepts: Vec<_> = records.iter().filter_map(|record| record.percept).collect();
    let found = percepts
        .iter()
        .filter(|(bearing, _, accepted)| *accepted && (bearing.pan_degrees - pan_degrees).abs() < 8.0);
    found.count() as f64 / percepts.len().max(1) as f64
}

fn heads() -> [(&'static str, SimulatedHeadSettings); 4] {
    [
        ("goes where told, tells", true, true),
        ("goes where told", true, false),
        ("speeds only, tells", false, true),
        ("speeds only", false, false),
    ]
    .map(|(name, absolute, tells_orientation)| {
        let head = SimulatedHeadSettings {
            absolute,
            tells_orientation,
            ..SimulatedHeadSettings::default()
        };
        (name, head)
    })
}

#[test]
fn a_sounding_thing_is_brought_into_the_middle_and_stays_there() {
    let material = Material::fetch().unwrap();
    for index in FOUND {
        let (approach, _) = trial(&material, index, SimulatedHeadSettings::default());
        let name = THINGS[index].name;
        let close = centred_degrees(width_degrees(&material, THINGS[index]));
        assert!(
            approach
                .time_to_centre
                .is_some_and(|time| time < Duration::from_secs(5)),
            "{name}: {approach:?}"
        );
        assert!(
            approach.overshoot_degrees < 8.0 && approach.left_degrees < close,
            "{name}: {approach:?}"
        );
        assert!(approach.right > 0.9 && approach.movements <= 3, "{name}: {approach:?}");
    }
    for (name, head) in heads() {
        let (approach, _) = trial(&material, FOUND[0], head);
        assert!(
            approach
                .time_to_centre
                .is_some_and(|time| time < Duration::from_secs(6)),
            "{name}: {approach:?}"
        );
    }
}

#[test]
fn two_who_sound_in_turn_do_not_make_the_camera_swing() {
    let material = Material::fetch().unwrap();
    let records = duet(&material, 24.0, 5.0, 100.0);
    let late: Vec<Record> = records
        .iter()
        .copied()
        .filter(|record| record.time > Duration::from_secs(50))
        .collect();
    assert!(movements(&records) <= 4, "{}", movements(&records));
    assert_eq!(movements(&late), 0);
    for pan in [-12.0, 12.0] {
        let found = share_found(&records, pan);
        assert!(found > 0.2, "both are found: the one at {pan}° in {found} of percepts");
    }
}

#[test]
fn silence_and_noise_move_nothing() {
    let material = Material::fetch().unwrap();
    for soundscape in [
        Soundscape::new(Steady::Silence, 0.0, 1),
        quiet(),
        Soundscape::new(Steady::White, -30.0, 2),
        Soundscape::new(Steady::Pink, -30.0, 3),
    ] {
        let records = listen(&material, soundscape, 60.0);
        assert_eq!(movements(&records), 0);
        assert!(records.iter().all(|record| record.looks == Orientation::default()));
    }
}

#[test]
fn the_same_run_twice_is_the_same_to_the_bit() {
    let material = Material::fetch().unwrap();
    let [one, other] = [0, 1].map(|_| duet(&material, 24.0, 3.0, 9.0));
    assert_eq!(one.len(), 180);
    let bits = |records: &[Record]| -> Vec<u64> {
        let numbers = |record: &Record| [record.looks.pan_degrees, record.looks.tilt_degrees].map(f64::to_bits);
        records.iter().flat_map(numbers).collect()
    };
    assert_eq!(bits(&one), bits(&other));
    assert_eq!(one, other);
    assert!(movements(&one) > 0);
}

#[test]
#[ignore = "prints a table"]
fn table_of_things() {
    let material = Material::fetch().unwrap();
    println!("thing                   accepted  right  centred after  overshoot  left  movements");
    for (index, thing) in THINGS.iter().enumerate() {
        let (approach, _) = trial(&material, index, SimulatedHeadSettings::default());
        println!("{}", line(thing.name, &approach));
    }
    for (name, head) in heads() {
        for index in FOUND {
            let (approach, _) = trial(&material, index, head.clone());
            println!("{}", line(&format!("{}: {name}", THINGS[index].name), &approach));
        }
    }
}

#[test]
#[ignore = "prints a table"]
fn table_of_turns() {
    let material = Material::fetch().unwrap();
    println!(
        "two in turn for five minutes: degrees apart, seconds a turn, accepted, movements, swings, movements after 100 s"
    );
    for apart in [24.0, 40.0, 56.0] {
        for turn in [1.0, 3.0, 6.0, 12.0] {
            let records = duet(&material, apart, turn, 300.0);
            let late: Vec<Record> = records
                .iter()
                .copied()
                .filter(|record| record.time > Duration::from_secs(100))
                .collect();
            println!(
                "{apart:4}° {turn:4} s {:5.0} % {:4} {:4} {:4}",
                100.0 * accepted(&records),
                movements(&records),
                swings(&records, Orientation::default(), 5.0),
                movements(&late)
            );
        }
    }
}

#[test]
#[ignore = "prints a table; takes minutes"]
fn table_of_hours() {
    let material = Material::fetch().unwrap();
    let hour = 3600.0;
    println!("an hour of: percepts accepted, movements");
    for (name, soundscape) in [
        ("digital silence", Soundscape::new(Steady::Silence, 0.0, 1)),
        ("a quiet room, pink at -60 dBFS", quiet()),
        ("white noise at -30 dBFS", Soundscape::new(Steady::White, -30.0, 2)),
        ("pink noise at -30 dBFS", Soundscape::new(Steady::Pink, -30.0, 3)),
        ("babble of six voices, nobody in view", babble(&material, hour)),
        ("nine things that are not in view", off_screen(&material, hour)),
    ] {
        let records = listen(&material, soundscape, hour);
        println!(
            "{name:38} {:6.2} % {:5}",
            100.0 * accepted(&records),
            movements(&records)
        );
    }
}

fn line(name: &str, approach: &Approach) -> String {
    let after = approach
        .time_to_centre
        .map_or("never".to_owned(), |time| format!("{:.2} s", time.as_secs_f64()));
    format!(
        "{name:23} {:7.0} % {:4.0} % {after:>14} {:9.1}° {:4.1}° {:10}",
        100.0 * approach.accepted,
        100.0 * approach.right,
        approach.overshoot_degrees,
        approach.left_degrees,
        approach.movements
    )
}
