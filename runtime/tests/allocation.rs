//! Perception allocates nothing once it has seen its first pictures and heard its first sound: a device that runs for a year has no
//! memory to lose, and no lock of an allocator to wait for.
#![allow(clippy::unwrap_used)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, Mutex};
use std::time::Duration;

use image::ExtendedColorType;
use image::codecs::jpeg::JpegEncoder;
use lookhear::actuation::status::Status;
use lookhear::exchange::{Bulletin, Latest, Pulse};
use lookhear::perception::bundle::Bundle;
use lookhear::perception::encoder::Backend;
use lookhear::perception::jpeg::jpeg_size;
use lookhear::perception::localiser::Localiser;
use lookhear::perception::log_mel::PatchStream;
use lookhear::perception::network::workers::Workers;
use lookhear::perception::picture::{IMAGENET_DEVIATION, IMAGENET_MEAN, PictureFrontEnd, PictureTransform};
use lookhear::pipeline::live::capture::FrameLine;
use lookhear::pipeline::live::perceive::{self, Perceived, PerceptionLines, PerceptionPace};
use lookhear::pipeline::live::sound_line::sound_line;
use lookhear_board::{Clock, Frame, MonotonicClock, Picture, PixelFormat};
use lookhear_calibration::Level;

/// The system's allocator, counting what the current thread asks of it.
struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
    /// Where else a thread's are counted, for another thread to see.
    static SEEN_IN: Cell<Option<&'static AtomicUsize>> = const { Cell::new(None) };
}

/// Of the thread that perceives.
static BY_PERCEPTION: AtomicUsize = AtomicUsize::new(0);

/// Of the threads that share a frame.
static BY_SHARERS: AtomicUsize = AtomicUsize::new(0);

fn count() {
    ALLOCATIONS.set(ALLOCATIONS.get() + 1);
    if let Some(seen) = SEEN_IN.get() {
        seen.fetch_add(1, Ordering::SeqCst);
    }
}

#[allow(unsafe_code, reason = "an allocator can only be written so")]
// SAFETY: every call goes to the system's allocator as it came; the counter is a plain thread-local number that needs
// no memory of its own.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: the caller keeps the contract of `alloc`, which is the same.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller keeps the contract of `dealloc`, which is the same.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        count();
        // SAFETY: the caller keeps the contract of `realloc`, which is the same.
        unsafe { System.realloc(pointer, layout, new_size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn allocations(work: impl FnOnce()) -> usize {
    let before = ALLOCATIONS.get();
    work();
    ALLOCATIONS.get() - before
}

#[test]
fn the_counter_counts() {
    assert_eq!(allocations(|| drop(std::hint::black_box(Box::new(7)))), 1);
}

#[test]
fn log_mel_patches_of_a_stream_cost_none() {
    let samples: Vec<f32> = (0..40_000).map(|i| (i as f32 * 0.1).sin() * 0.5).collect();
    let mut stream = PatchStream::new();
    let mut patches = 0;
    let count = allocations(|| {
        samples
            .chunks(441)
            .for_each(|chunk| stream.push(chunk, |_| patches += 1))
    });
    assert_eq!((patches, count), (4, 0));
}

#[test]
fn pictures_of_one_size_and_format_cost_none_after_the_first() {
    let (width, height) = (320, 240);
    for transform in [PictureTransform::CentreCrop, PictureTransform::FullFrame] {
        for (format, stride_bytes) in [
            (PixelFormat::Rgb, 960),
            (PixelFormat::Yuyv, 640),
            (PixelFormat::Nv12, 320),
        ] {
            let bytes = (0..stride_bytes * height * 2).map(|i| (i * 7) as u8).collect();
            let picture = Picture {
                width,
                height,
                stride_bytes,
                format,
                bytes,
            };
            let mut front_end = PictureFrontEnd::new(224, transform, IMAGENET_MEAN, IMAGENET_DEVIATION);
            let mut out = vec![0.0; front_end.output_values()];
            assert_eq!(front_end.prepare(&picture, &mut out), Ok(()));
            let count = allocations(|| assert_eq!(front_end.prepare(&picture, &mut out), Ok(())));
            assert_eq!(count, 0, "{format:?} {transform:?}");
        }
    }
}

#[test]
fn jpeg_frames_of_one_size_cost_none_after_the_first() {
    let bytes = include_bytes!("../../tests/golden/restarts.jpg").to_vec();
    let (width, height) = jpeg_size(&bytes).unwrap();
    let picture = Picture {
        width,
        height,
        stride_bytes: 0,
        format: PixelFormat::Mjpeg,
        bytes,
    };
    for transform in [PictureTransform::CentreCrop, PictureTransform::FullFrame] {
        let mut front_end = PictureFrontEnd::new(40, transform, IMAGENET_MEAN, IMAGENET_DEVIATION);
        let mut out = vec![0.0; front_end.output_values()];
        assert_eq!(front_end.prepare(&picture, &mut out), Ok(()));
        let count = allocations(|| assert_eq!(front_end.prepare(&picture, &mut out), Ok(())));
        assert_eq!(count, 0, "{transform:?}");
    }
}

#[test]
fn threads_that_share_jpeg_frames_allocate_for_none() {
    const THREADS: usize = 2;
    let (width, height) = (640, 480);
    let noise: Vec<u8> = (0..width * height * 3).map(|i| (i * i / 7 % 251) as u8).collect();
    let mut bytes = Vec::new();
    JpegEncoder::new_with_quality(&mut bytes, 80)
        .encode(&noise, width as u32, height as u32, ExtendedColorType::Rgb8)
        .unwrap();
    assert!(bytes.len() > 100_000, "a frame too small to be shared");
    let picture = Picture {
        width,
        height,
        stride_bytes: 0,
        format: PixelFormat::Mjpeg,
        bytes,
    };
    let workers = Arc::new(Workers::new(THREADS).unwrap());
    // Each waits for the other, so that either comes by.
    let all = Barrier::new(THREADS);
    workers.within(|| {
        workers.for_each_part(THREADS, |_| {
            all.wait();
            SEEN_IN.set(Some(&BY_SHARERS));
            drop(std::hint::black_box(Box::new(7)));
        });
    });
    let before = BY_SHARERS.load(Ordering::SeqCst);
    assert!(before >= THREADS, "{before} allocations seen");
    let mut front_end =
        PictureFrontEnd::new(224, PictureTransform::FullFrame, IMAGENET_MEAN, IMAGENET_DEVIATION).shared_by(workers);
    let mut out = vec![0.0; front_end.output_values()];
    let mut seen = Vec::with_capacity(60);
    for _ in 0..60 {
        assert_eq!(front_end.prepare(&picture, &mut out), Ok(()));
        seen.push(BY_SHARERS.load(Ordering::SeqCst));
    }
    SEEN_IN.set(None);
    // A thread is given a place by crossbeam when it first takes work from another, which is some time or never.
    assert!(seen[59] - seen[19] <= THREADS, "{seen:?}");
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
            SEEN_IN.set(Some(&BY_PERCEPTION));
            let outcome = perceive::run(localiser, pace, &lines, &pulse);
            SEEN_IN.set(None);
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
                before = BY_PERCEPTION.load(Ordering::SeqCst);
                percepts = 0;
            }
        }
        after = BY_PERCEPTION.load(Ordering::SeqCst);
        pulse.stop();
    });
    assert!(before > 0, "the allocations of the first frames were not seen");
    assert_eq!(percepts, 39, "frames without a percept");
    assert_eq!(after - before, 0, "allocations in 39 frames with their sound");
}
