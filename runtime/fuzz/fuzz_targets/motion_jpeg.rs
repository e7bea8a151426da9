//! Any bytes as a camera's JPEG frame: `cargo +nightly fuzz run motion_jpeg`, in the directory `runtime`. One thread and three must
//! make the same of them.
#![no_main]

use std::sync::{Arc, LazyLock};

use libfuzzer_sys::fuzz_target;
use lookhear::perception::jpeg::jpeg_size;
use lookhear::perception::network::workers::Workers;
use lookhear::perception::picture::{IMAGENET_DEVIATION, IMAGENET_MEAN, PictureFrontEnd, PictureTransform};
use lookhear_board::{Picture, PixelFormat};

static THREE: LazyLock<Arc<Workers>> = LazyLock::new(|| Arc::new(Workers::new(3).expect("three threads")));

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
    let made = [Arc::default(), THREE.clone()].map(|workers| {
        let mut front_end =
            PictureFrontEnd::new(8, PictureTransform::FullFrame, IMAGENET_MEAN, IMAGENET_DEVIATION).shared_by(workers);
        let mut pixels = [0.0; 192];
        front_end.prepare(&picture, &mut pixels).map(|()| pixels)
    });
    assert_eq!(made[0], made[1]);
});
