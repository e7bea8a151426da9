#![allow(clippy::unwrap_used)]
//! A pretended camera and microphone that stamp what they take with known delays.

use std::sync::Arc;

use lookhear_board::camera::open_film;
use lookhear_board::microphone::file::FileMicrophone;
use lookhear_board::{ManualClock, read_sound_track};
use lookhear_calibration::latency::SeenBy;

use super::*;

/// When things happen, in seconds.
fn times() -> impl Iterator<Item = f64> + Clone {
    (0..40).scan(2.0, |next, number| {
        let now = *next;
        *next += 1.1 + f64::from(number * 7 % 10) * 0.0873;
        Some(now)
    })
}

/// What is there to be seen and heard.
#[derive(Debug, Clone, Copy)]
struct Scene {
    seen_by: SeenBy,
    /// By how much later than the beginning of its exposure a frame is stamped, in seconds.
    camera_late: f64,
    /// By how much later than it is heard a sample is stamped.
    microphone_late: f64,
    frame_rate: f64,
    until: f64,
}

/// Share of a frame's time that is exposed.
const EXPOSURE: f64 = 0.4;

impl Scene {
    /// By how much the sound of the middle of a picture is stamped later than the picture.
    fn delay(&self) -> f64 {
        self.microphone_late - self.camera_late + EXPOSURE / self.frame_rate / 2.0
    }

    /// Brightness of a pixel of 64 × 48.
    fn pixel(&self, x: f64, y: f64, time: f64) -> f64 {
        let ground = 60.0 + 30.0 * ((x * 0.7).sin() + (y * 0.9).cos());
        let nearest = times()
            .map(|at| time - at)
            .min_by(|a, b| a.abs().total_cmp(&b.abs()))
            .unwrap();
        match self.seen_by {
            SeenBy::Flash if (20.0..40.0).contains(&x) && (0.0..0.3).contains(&nearest) => 240.0,
            SeenBy::Clap => {
                let nearer = ((nearest + 0.18) / 0.18).clamp(0.0, 1.0).powi(2);
                let back = ((nearest - 0.06) / 0.3).clamp(0.0, 1.0);
                let gap = 16.0 * (1.0 - nearer + back * back * (3.0 - 2.0 * back));
                let hand = (15.0..33.0).contains(&y) && (0.0..8.0).contains(&((x - 32.0).abs() - gap / 2.0));
                if hand { 200.0 } else { ground }
            }
            SeenBy::Flash => ground,
        }
    }
}

struct PretendCamera {
    scene: Scene,
    next: u32,
    clock: Arc<ManualClock>,
}

impl Camera for PretendCamera {
    fn next_frame(&mut self, into: &mut Frame) -> Result<Delivery, CaptureError> {
        let begun = 0.0031 + f64::from(self.next) / self.scene.frame_rate;
        if begun > self.scene.until {
            return Ok(Delivery::Ended);
        }
        let rgb = into.picture.become_rgb(64, 48);
        for (index, pixel) in rgb.chunks_exact_mut(3).enumerate() {
            let (x, y) = ((index % 64) as f64, (index / 64) as f64);
            let light: f64 = (0..6)
                .map(|step| begun + EXPOSURE / self.scene.frame_rate * (f64::from(step) + 0.5) / 6.0)
                .map(|time| self.scene.pixel(x, y, time))
                .sum();
            pixel.fill((light / 6.0) as u8);
        }
        into.stamp = Duration::from_secs_f64(100.0 + begun + self.scene.camera_late);
        self.next += 1;
        self.clock.advance(Duration::from_secs_f64(1.0 / self.scene.frame_rate));
        Ok(Delivery::Fresh)
    }
}

struct PretendMicrophone {
    scene: Scene,
    next: u64,
    lost: bool,
}

impl Microphone for PretendMicrophone {
    fn next_block(&mut self, into: &mut Block) -> Result<Delivery, CaptureError> {
        into.after_gap = false;
        // A third of a second is lost once.
        if !self.lost && self.next > 16_000 * 6 {
            self.lost = true;
            self.next += 16_000 / 3;
            into.after_gap = true;
        }
        into.sound.rate_hz = 16_000;
        into.sound.samples.clear();
        let mut noise = self.next;
        for index in self.next..self.next + 320 {
            let time = index as f64 / 16_000.0;
            noise = noise
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            let hiss = (noise >> 40) as f64 / (1 << 23) as f64 - 1.0;
            let struck = times().map(|at| time - at).filter(|age| (0.0..0.1).contains(age));
            let loud: f64 = struck.map(|age| 0.5 * (-age / 0.006).exp()).sum();
            into.sound.samples.push((hiss * (0.002 + loud)) as f32);
        }
        let late = self.next as f64 / 16_000.0 + self.scene.microphone_late;
        into.stamp = Duration::from_secs_f64(100.0 + late);
        self.next += 320;
        Ok(Delivery::Fresh)
    }

    fn rate_hz(&self) -> u32 {
        16_000
    }
}

fn measure(scene: Scene, record: &mut LatencyRecord, pairs: usize) -> Result<LatencyFit, LatencyError> {
    let clock = Arc::new(ManualClock::default());
    let mut camera = PretendCamera {
        scene,
        next: 0,
        clock: clock.clone(),
    };
    let mut microphone = PretendMicrophone {
        scene,
        next: 0,
        lost: false,
    };
    let patience = LatencyPatience {
        pairs,
        longest: Duration::from_secs(40),
    };
    watch(&mut camera, &mut microphone, &*clock, patience, record, &mut |_, _| ()).unwrap();
    record.fit()
}

#[test]
fn delays_of_pretended_devices_are_recovered() {
    let mut table = String::new();
    for (seen_by, frame_rate) in [
        (SeenBy::Flash, 10.0),
        (SeenBy::Flash, 30.0),
        (SeenBy::Clap, 15.0),
        (SeenBy::Clap, 30.0),
    ] {
        for (camera_late, microphone_late) in [(0.22, 0.02), (0.0, 0.05), (0.04, 0.34)] {
            let scene = Scene {
                seen_by,
                camera_late,
                microphone_late,
                frame_rate,
                until: 30.0,
            };
            let fit = measure(scene, &mut LatencyRecord::default(), 10).unwrap();
            let error = fit.sound_delay_seconds - scene.delay();
            table += &format!(
                "| {seen_by:?} | {frame_rate} | {:+.0} | {:+.0} | {:+.1} | ±{:.1} | {} |\n",
                scene.delay() * 1e3,
                fit.sound_delay_seconds * 1e3,
                error * 1e3,
                fit.uncertainty_seconds * 1e3,
                fit.pairs
            );
            assert_eq!(fit.seen_by, seen_by, "{table}");
            assert!(error.abs() <= fit.uncertainty_seconds && fit.pairs >= 10, "{table}");
        }
    }
}

#[test]
fn what_was_broken_off_goes_on() {
    let scene = Scene {
        seen_by: SeenBy::Flash,
        camera_late: 0.0,
        microphone_late: 0.15,
        frame_rate: 30.0,
        until: 6.0,
    };
    let mut record = LatencyRecord::new("a camera + a microphone".to_owned());
    assert!(matches!(
        measure(scene, &mut record, 8),
        Err(LatencyError::TooFewSounds { .. })
    ));
    // As it is kept between two runs.
    let mut record: LatencyRecord = serde_json::from_str(&serde_json::to_string(&record).unwrap()).unwrap();
    let fit = measure(scene, &mut record, 8).unwrap();
    assert!(
        (fit.sound_delay_seconds - scene.delay()).abs() <= fit.uncertainty_seconds,
        "{fit:?}"
    );
}

#[test]
fn the_flashing_film_tells_the_delay_that_it_was_written_with() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("flash.mp4");
    for delay in [0.0, 0.18] {
        film::write(&path, (96, 64), Duration::from_secs_f64(delay)).unwrap();
        let mut camera = open_film(&path).unwrap();
        let track = read_sound_track(&path).unwrap();
        let mut microphone = FileMicrophone::new("film".to_owned(), track, 960);
        let patience = LatencyPatience {
            pairs: 12,
            longest: Duration::from_secs(99),
        };
        let mut record = LatencyRecord::default();
        let mut told = 0;
        watch(
            &mut camera,
            &mut microphone,
            &ManualClock::default(),
            patience,
            &mut record,
            &mut |_, _| told += 1,
        )
        .unwrap();
        let fit = record.fit().unwrap();
        // All flashes begin with a frame: they tell the delay to that frame and no better, and say so.
        let error = fit.sound_delay_seconds - delay;
        assert!(error.abs() < 0.02 && fit.uncertainty_seconds > 0.012, "{fit:?}");
        assert!(told > 5 && fit.seen_by == SeenBy::Flash);
    }
}
