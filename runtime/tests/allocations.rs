//! Perception at its pace allocates nothing: a device that runs for a year has no memory to lose, and no lock of an allocator to
//! wait for.
#![allow(clippy::unwrap_used)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use lookhear::actuation::status::Status;
use lookhear::exchange::{Bulletin, Latest, Pulse};
use lookhear::perception::bundle::Bundle;
use lookhear::perception::encoder::Backend;
use lookhear::perception::localiser::Localiser;
use lookhear::pipeline::live::capture::FrameLine;
use lookhear::pipeline::live::perceive::{self, Perceived, PerceptionLines, PerceptionPace};
use lookhear::pipeline::live::sound_line::sound_line;
use lookhear_board::{Clock, Frame, MonotonicClock};
use lookhear_calibration::Level;

thread_local! {
    static IS_WATCHED: Cell<bool> = const { Cell::new(false) };
}

static ALLOCATIONS: AtomicU64 = AtomicU64::new(0);

struct Counting;

#[global_allocator]
static COUNTING: Counting = Counting;

fn count() {
    if IS_WATCHED.try_with(Cell::get).unwrap_or(false) {
        ALLOCATIONS.fetch_add(1, Ordering::SeqCst);
    }
}

#[allow(unsafe_code)]
// SAFETY: everything is handed to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: of the caller.
        unsafe { System.alloc(layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count();
        // SAFETY: of the caller.
        unsafe { System.realloc(pointer, layout, size) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: of the caller.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[test]
fn perceiving_frame_after_frame_allocates_nothing() {
    let bundle = Bundle::default_model().unwrap();
    let localiser = Localiser::new(&bundle, &Backend::default()).unwrap();
    let rate_hz = bundle.manifest.sound.rate_hz;
    let clock: Arc<dyn Clock> = Arc::new(MonotonicClock);
    let pulse = Pulse::new(clock.clone());
    let (mut writer, reader) = sound_line(rate_hz);
    let (frames, sound) = (FrameLine::default(), Mutex::new(reader));
    let (perceived, slowdown, status) = (Latest::default(), AtomicU32::new(0), Bulletin::<Status>::default());
    let pace = PerceptionPace {
        period: Duration::from_millis(1),
        quiet: Level::SILENCE,
        sound_delay_seconds: 0.0,
    };
    let (mut before, mut after, mut percepts) = (0, 0, 0);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let lines = PerceptionLines {
                frames: &frames,
                sound: &sound,
                perceived: &perceived,
                slowdown: &slowdown,
                status: &status,
            };
            IS_WATCHED.set(true);
            let outcome = perceive::run(localiser, pace, &lines, &pulse);
            IS_WATCHED.set(false);
            outcome.map_err(|error| error.to_string()).unwrap();
        });
        let block: Vec<f32> = (0..rate_hz / 20)
            .map(|index| (index as f32 * 0.3).sin() * 0.2)
            .collect();
        let (mut frame, mut found) = (Frame::default(), Perceived::default());
        for number in 0..80 {
            writer.push(&block, clock.now(), number == 0);
            frame.picture.become_rgb(320, 240);
            frame
                .picture
                .bytes
                .iter_mut()
                .enumerate()
                .for_each(|(index, byte)| *byte = (index * 7 + number) as u8);
            frame.stamp = clock.now();
            frames.latest.put(&mut frame);
            assert!(
                perceived.take(&mut found, Duration::from_secs(20)),
                "perception stopped at frame {number}"
            );
            percepts += u32::from(found.percept.is_some());
            // By then a second of sound has been heard, and every buffer has found its size.
            if number == 40 {
                before = ALLOCATIONS.load(Ordering::SeqCst);
                percepts = 0;
            }
        }
        after = ALLOCATIONS.load(Ordering::SeqCst);
        pulse.stop();
    });
    assert!(before > 0, "the allocations of the first frames were not seen");
    assert_eq!(percepts, 39, "frames without a percept");
    assert_eq!(after - before, 0, "allocations in 39 frames with their sound");
}
