//! What is to be thought of a buffer that a driver hands over.

use std::time::Duration;

use thiserror::Error;

use crate::PixelFormat;

/// How old a frame may be when it is fetched, for its stamp to be believed: more than all buffers together ever hold.
const OLDEST: Duration = Duration::from_secs(10);

/// How the pixels of a stream lie in its buffers, as the driver promised.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Layout {
    /// Layout of the pixels.
    pub format: PixelFormat,
    /// Width in pixels.
    pub width: usize,
    /// Height in pixels.
    pub height: usize,
    /// Bytes from one row to the next (of the luma plane for NV12); 0 for Motion JPEG.
    pub stride_bytes: usize,
}

impl Layout {
    /// Bytes without which a picture is not whole; the padding after the last row may be missing.
    pub fn needed_bytes(&self) -> usize {
        let rows = |count: usize, row_bytes: usize| count.saturating_sub(1) * self.stride_bytes + row_bytes;
        match self.format {
            PixelFormat::Rgb => rows(self.height, self.width * 3),
            PixelFormat::Yuyv => rows(self.height, self.width.next_multiple_of(2) * 2),
            PixelFormat::Nv12 => rows(self.height + self.height.div_ceil(2), self.width.next_multiple_of(2)),
            PixelFormat::Mjpeg => 4,
        }
    }
}

/// Why a buffer is not shown to anyone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Flaw {
    /// The driver says so.
    #[error("the driver marked the frame as damaged")]
    Marked,
    /// Nothing is in it.
    #[error("the frame is empty")]
    Empty,
    /// It holds less than a picture, as when USB packets were lost.
    #[error("the frame holds {found_bytes} bytes of {needed_bytes}")]
    Short {
        /// Bytes in the buffer.
        found_bytes: usize,
        /// Bytes of a whole picture.
        needed_bytes: usize,
    },
    /// It does not begin as a JPEG image does.
    #[error("the frame is not a JPEG image")]
    NotJpeg,
}

/// The pixels in a buffer of which the driver filled `used` bytes.
pub fn pixels<'a>(buffer: &'a [u8], used: usize, marked: bool, layout: &Layout) -> Result<&'a [u8], Flaw> {
    if marked {
        return Err(Flaw::Marked);
    }
    if used == 0 {
        return Err(Flaw::Empty);
    }
    let bytes = buffer.get(..used).unwrap_or(buffer);
    let needed_bytes = layout.needed_bytes();
    if bytes.len() < needed_bytes {
        return Err(Flaw::Short {
            found_bytes: bytes.len(),
            needed_bytes,
        });
    }
    if layout.format == PixelFormat::Mjpeg && !bytes.starts_with(&[0xFF, 0xD8]) {
        return Err(Flaw::NotJpeg);
    }
    Ok(bytes)
}

/// When a frame was taken: what the driver says if that is on the monotonic clock and can be true, else now; always later
/// than the frame before.
pub fn moment(stamp: Duration, monotonic: bool, now: Duration, previous: Option<Duration>) -> Duration {
    let believable = monotonic && stamp > Duration::ZERO && stamp <= now && now - stamp <= OLDEST;
    let risen = |moment: &Duration| previous.is_none_or(|previous| *moment > previous);
    let least = previous.map_or(now, |previous| previous + Duration::from_micros(1));
    [stamp, now]
        .into_iter()
        .skip(usize::from(!believable))
        .find(risen)
        .unwrap_or(least)
}

/// How many frames the driver lost between two that it numbered.
pub fn lost_between(previous: u32, number: u32) -> u32 {
    match number.wrapping_sub(previous) {
        // The same number again, or a count that began anew.
        0 => 0,
        ahead if ahead > u32::MAX / 2 => 0,
        ahead => ahead - 1,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use proptest::prelude::*;

    use super::*;

    const YUYV: Layout = Layout {
        format: PixelFormat::Yuyv,
        width: 4,
        height: 2,
        stride_bytes: 12,
    };

    #[test]
    fn a_picture_must_be_whole() {
        let buffer = [7; 64];
        assert_eq!(YUYV.needed_bytes(), 20);
        assert_eq!(pixels(&buffer, 24, false, &YUYV), Ok(&buffer[..24]));
        assert_eq!(pixels(&buffer, 20, false, &YUYV), Ok(&buffer[..20]));
        let short = Flaw::Short {
            found_bytes: 19,
            needed_bytes: 20,
        };
        assert_eq!(pixels(&buffer, 19, false, &YUYV), Err(short));
        assert_eq!(pixels(&buffer, 0, false, &YUYV), Err(Flaw::Empty));
        assert_eq!(pixels(&buffer, 24, true, &YUYV), Err(Flaw::Marked));
        assert_eq!(
            pixels(&buffer, 1000, false, &YUYV),
            Ok(&buffer[..]),
            "a driver that counts wrong"
        );
    }

    #[test]
    fn chroma_of_odd_heights_is_counted() {
        let layout = Layout {
            format: PixelFormat::Nv12,
            width: 4,
            height: 3,
            stride_bytes: 8,
        };
        assert_eq!(layout.needed_bytes(), 4 * 8 + 4);
    }

    #[test]
    fn a_jpeg_image_begins_as_one() {
        let layout = Layout {
            format: PixelFormat::Mjpeg,
            stride_bytes: 0,
            ..YUYV
        };
        let image = [0xFF, 0xD8, 0xFF, 0xD9, 0];
        assert_eq!(pixels(&image, 5, false, &layout), Ok(&image[..]));
        assert_eq!(pixels(&[0; 5], 5, false, &layout), Err(Flaw::NotJpeg));
        assert!(matches!(pixels(&image, 3, false, &layout), Err(Flaw::Short { .. })));
    }

    #[test]
    fn a_stamp_is_believed_if_it_can_be() {
        let seconds = Duration::from_secs;
        for (stamp, monotonic, previous, expected, why) in [
            (99, true, Some(98), 99, "as it should be"),
            (99, true, None, 99, "the first"),
            (99, false, Some(98), 100, "of another clock"),
            (0, true, Some(98), 100, "none at all"),
            (101, true, Some(98), 100, "of the future"),
            (1_700_000_000, true, Some(98), 100, "of the time of day"),
            (80, true, Some(70), 100, "too old"),
            (97, true, Some(98), 100, "before the one before"),
        ] {
            let moment = moment(seconds(stamp), monotonic, seconds(100), previous.map(seconds));
            assert_eq!(moment, seconds(expected), "{why}");
        }
    }

    #[test]
    fn lost_frames_are_counted() {
        for (previous, number, lost) in [(1, 2, 0), (1, 5, 3), (5, 5, 0), (9, 0, 0), (u32::MAX, 1, 1)] {
            assert_eq!(lost_between(previous, number), lost, "{previous} {number}");
        }
    }

    proptest! {
        #[test]
        fn moments_always_rise(steps in prop::collection::vec((0u64..200_000, any::<bool>(), 0u64..50_000), 1..50)) {
            let (mut now, mut previous) = (Duration::from_secs(50), None);
            for (stamp, monotonic, passed) in steps {
                now += Duration::from_micros(passed);
                let moment = moment(Duration::from_millis(stamp), monotonic, now, previous);
                prop_assert!(previous.is_none_or(|previous| moment > previous));
                previous = Some(moment);
            }
        }

        #[test]
        fn no_buffer_makes_it_panic(
            buffer in prop::collection::vec(any::<u8>(), 0..64), used: usize, marked: bool,
            width in 0usize..10_000, height in 0usize..10_000, stride_bytes in 0usize..50_000,
        ) {
            for format in [PixelFormat::Yuyv, PixelFormat::Nv12, PixelFormat::Mjpeg] {
                let layout = Layout { format, width, height, stride_bytes };
                if let Ok(bytes) = pixels(&buffer, used, marked, &layout) {
                    prop_assert!(bytes.len() >= layout.needed_bytes() && bytes.len() <= used);
                }
            }
        }
    }
}
