//! Any bytes as a camera's JPEG frame: `cargo +nightly fuzz run motion_jpeg`, in the directory `runtime`.
#![no_main]

use libfuzzer_sys::fuzz_target;
use lookhear::perception::jpeg::jpeg_size;
use lookhear::perception::picture::{IMAGENET_DEVIATION, IMAGENET_MEAN, PictureFrontEnd, PictureTransform};
use lookhear_board::{Picture, PixelFormat};

fuzz_target!(|bytes: &[u8]| {
    // The size that the frame claims is taken for the camera's, or nothing beyond the header would be reached.
    let (width, height) = jpeg_size(bytes).unwrap_or((16, 16));
    if width * height > 1 << 20 {
        return;
    }
    let picture = Picture {
        width,
        height,
        stride_bytes: 0,
        format: PixelFormat::Mjpeg,
        bytes: bytes.to_vec(),
    };
    let mut front_end = PictureFrontEnd::new(8, PictureTransform::FullFrame, IMAGENET_MEAN, IMAGENET_DEVIATION);
    let _ = front_end.prepare(&picture, &mut [0.0; 192]);
});
