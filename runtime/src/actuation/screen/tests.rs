#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::sync::Arc;

use embedded_graphics::pixelcolor::{Rgb888, RgbColor};
use lookhear_board::display::MemoryScreen;
use lookhear_board::{Canvas, MonotonicClock, Picture, PixelFormat};
use lookhear_calibration::Level;
use proptest::prelude::*;

use super::super::gauge::{AMBER, GREEN, RED};
use super::super::status::StageStatus;
use super::*;
use crate::attention::{Attention, State};
use crate::perception::heatmap::{Heatmap, Point};
use crate::perception::percept::Percept;
use crate::perception::picture::PictureTransform;

const GREY: u8 = 120;

fn input() -> PictureInput {
    PictureInput {
        side_pixels: 224,
        transform: PictureTransform::FullFrame,
        mean: [0.5; 3],
        deviation: [0.25; 3],
        map_cells: 14,
    }
}

fn face(width: usize, height: usize) -> Face {
    Face::new(input(), width, height)
}

fn frame(width: usize, height: usize, stamp: Duration) -> Frame {
    Frame {
        picture: Picture::rgb(width, height, vec![GREY; width * height * 3]).unwrap(),
        stamp,
    }
}

fn damaged() -> Frame {
    let picture = Picture {
        format: PixelFormat::Mjpeg,
        ..frame(64, 36, Duration::ZERO).picture
    };
    Frame {
        picture,
        ..Frame::default()
    }
}

fn tracking(stamp: Duration) -> Status {
    let heatmap = Heatmap {
        width: 1,
        height: 1,
        values: vec![0.9],
    };
    let peak = Point { x: 0.5, y: 0.3 };
    Status {
        stamp,
        threshold: 0.4,
        percept: Some(Percept {
            heatmap,
            peak,
            centre: peak,
            similarity: 0.9,
            probability: None,
            accepted: true,
            stamp,
        }),
        attention: Attention {
            state: State::Tracking,
            target: Some(peak),
            confidence: 1.0,
            ..Attention::default()
        },
        meter: Level::from_decibels(-40.0),
        percepts_per_second: 9.8,
        temperature_celsius: Some(61.0),
        ..Status::default()
    }
}

fn down(name: &str, trouble: &str) -> Status {
    Status {
        stages: vec![StageStatus {
            name: name.into(),
            trouble: Some(trouble.into()),
            ..StageStatus::default()
        }],
        ..Status::default()
    }
}

fn count(canvas: &Canvas, wanted: [u8; 3]) -> usize {
    canvas.bytes().chunks_exact(3).filter(|pixel| **pixel == wanted).count()
}

fn lit(canvas: &Canvas, colour: Rgb888) -> usize {
    count(canvas, [colour.r(), colour.g(), colour.b()])
}

#[test]
fn the_picture_stands_between_black_bars() {
    let mut face = face(240, 240);
    let canvas = face
        .draw(Seen::Frame(&frame(64, 36, Duration::ZERO)), &Status::default())
        .unwrap();
    assert_eq!(count(canvas, [GREY; 3]), 240 * 135);
    assert_eq!(canvas.bytes()[..3], [0; 3]);
}

#[test]
fn lamps_and_bars_have_the_colours_of_what_they_tell() {
    let now = Duration::from_secs(9);
    let mut face = face(320, 240);
    let frame = frame(64, 36, now);
    let calm = Status::default();
    let canvas = face.draw(Seen::Frame(&frame), &calm).unwrap();
    assert_eq!([lit(canvas, GREEN), lit(canvas, AMBER), lit(canvas, RED)], [0; 3]);
    let canvas = face.draw(Seen::Frame(&frame), &tracking(now)).unwrap();
    assert!(lit(canvas, GREEN) > 500, "lamp, meter and brackets");
    assert_eq!(count(canvas, [GREY; 3]), 0, "light lies over the whole picture");
    let paused = Status { paused: true, ..calm };
    assert!(lit(face.draw(Seen::Frame(&frame), &paused).unwrap(), AMBER) > 200);
    let canvas = face
        .draw(Seen::Frame(&frame), &down("microphone", "unplugged"))
        .unwrap();
    assert!(lit(canvas, RED) > 100);
}

#[test]
fn words_stand_where_there_is_no_picture() {
    let mut face = face(320, 240);
    let error = PictureError::Size { width: 0, height: 0 };
    let whites: Vec<usize> = [Seen::Nothing, Seen::Damaged(&error)]
        .into_iter()
        .map(|seen| lit(face.draw(seen, &Status::default()).unwrap(), Rgb888::WHITE))
        .collect();
    assert!(whites[0] > 300 && whites[1] > 2 * whites[0], "{whites:?}");
}

#[test]
fn pictures_come_at_most_at_the_set_rate() {
    let mut screen = MemoryScreen::new(240, 240);
    let mut show = Show::new(face(240, 240), 10.0);
    show.frame = frame(64, 36, Duration::ZERO);
    let mut now = Duration::from_secs(50);
    show.turn(&mut screen, true, now).unwrap();
    for _ in 0..5 {
        assert_eq!(show.due, now.max(show.due));
        now = show.due;
        show.turn(&mut screen, true, now).unwrap();
    }
    assert_eq!(screen.count(), 6);
    assert_eq!(show.due, Duration::from_millis(50_500));
}

#[test]
fn without_frames_the_panel_lives_on_and_the_camera_is_missed() {
    let mut screen = MemoryScreen::new(320, 240);
    let mut show = Show::new(face(320, 240), 30.0);
    let start = Duration::from_secs(50);
    show.frame = frame(64, 36, start);
    show.turn(&mut screen, true, start).unwrap();
    let after = |milliseconds: u64| start + Duration::from_millis(milliseconds);
    show.turn(&mut screen, false, after(100)).unwrap();
    assert_eq!(screen.count(), 1, "too early for another");
    show.turn(&mut screen, false, after(999)).unwrap();
    assert!(count(&screen.latest(), [GREY; 3]) > 10_000);
    show.turn(&mut screen, false, after(1250)).unwrap();
    assert_eq!((screen.count(), count(&screen.latest(), [GREY; 3])), (3, 0));
    show.turn(&mut screen, true, after(1300)).unwrap();
    assert!(count(&screen.latest(), [GREY; 3]) > 10_000);
}

#[test]
fn damaged_frames_are_passed_over_and_named_when_they_stay() {
    let mut screen = MemoryScreen::new(320, 240);
    let mut show = Show::new(face(320, 240), 30.0);
    show.frame = damaged();
    let start = Duration::from_secs(50);
    show.turn(&mut screen, true, start).unwrap();
    assert_eq!(screen.count(), 0);
    show.turn(&mut screen, false, start + NO_CAMERA_AFTER).unwrap();
    assert!(screen.count() == 1 && lit(&screen.latest(), Rgb888::WHITE) > 500);
}

#[test]
fn a_lost_picture_is_no_end_and_a_lost_screen_is() {
    let mut screen = MemoryScreen::new(320, 240);
    let mut show = Show::new(face(320, 240), 30.0);
    let (device, cause) = ("memory".to_owned(), "asked for".to_owned());
    screen.fail(ScreenError::Retry {
        device: device.clone(),
        cause: cause.clone(),
    });
    screen.fail(ScreenError::Rebuild { device, cause });
    show.frame = frame(64, 36, Duration::ZERO);
    assert_eq!(show.turn(&mut screen, true, Duration::from_secs(1)), Ok(()));
    let lost = show.turn(&mut screen, true, Duration::from_secs(2)).unwrap_err();
    assert!(matches!(ScreenRunError::from(lost), ScreenRunError::Rebuild(_)));
}

#[test]
fn frames_go_from_the_viewfinder_to_the_screen_until_it_should_stop() {
    let (viewfinder, status) = (Viewfinder::default(), Bulletin::default());
    let pulse = Pulse::new(Arc::new(MonotonicClock));
    let mut screen = MemoryScreen::new(240, 240);
    let looked_at = screen.clone();
    std::thread::scope(|scope| {
        let shown =
            scope.spawn(|| Show::new(face(240, 240), 120.0).go_on(&mut screen, &viewfinder.watch(), &status, &pulse));
        let (frame, mut spare) = (frame(64, 36, Duration::ZERO), Frame::default());
        while count(&looked_at.latest(), [GREY; 3]) == 0 {
            viewfinder.offer(&frame, &mut spare);
            std::thread::yield_now();
        }
        pulse.stop();
        assert!(shown.join().unwrap().is_ok());
    });
}

#[test]
fn settings_that_cannot_be_are_refused() {
    let settings = ScreenSettings {
        frames_per_second: 0.0,
        ..ScreenSettings::default()
    };
    let pulse = Pulse::new(Arc::new(MonotonicClock));
    let refused = run(
        &settings,
        &Viewfinder::default(),
        &Bulletin::default(),
        &input(),
        &pulse,
    );
    assert!(matches!(refused, Err(ScreenRunError::GiveUp(_))), "{refused:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn a_screen_of_any_size_shows_a_frame_of_any_size(
        (width, height) in (0usize..400, 0usize..400), (columns, rows) in (1usize..300, 1usize..300),
        trouble in "\\PC{0,80}", paused: bool, rate in -1.0f32..1e6, celsius in prop::option::of(-1e3f32..1e3),
    ) {
        let now = Duration::from_secs(9);
        let status = Status {
            paused,
            percepts_per_second: rate,
            temperature_celsius: celsius,
            stages: down("camera", &trouble).stages,
            ..tracking(now)
        };
        let mut face = face(width, height);
        let frame = frame(columns, rows, now);
        for seen in [Seen::Frame(&frame), Seen::Nothing] {
            let canvas = face.draw(seen, &status).unwrap();
            prop_assert_eq!((canvas.width(), canvas.height()), (width, height));
        }
    }
}
