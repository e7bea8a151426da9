//! The front ends allocate nothing once they have seen their first picture or sound.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use lookhear::perception::log_mel::PatchStream;
use lookhear::perception::picture::{IMAGENET_DEVIATION, IMAGENET_MEAN, PictureFrontEnd, PictureTransform};
use lookhear_board::{Picture, PixelFormat};

/// The system's allocator, counting what the current thread asks of it.
struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
}

fn count() {
    ALLOCATIONS.set(ALLOCATIONS.get() + 1);
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
