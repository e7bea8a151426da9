//! What the camera says about itself: USB 2.0 descriptors, chapter 9, and those of the USB Video Class 1.1 (UVC), chapter 3.

use crate::format::{Coding, FRAME_RATES, SIZES};

/// The interface that takes controls.
pub const CONTROL_INTERFACE: u8 = 0;
/// The interface that streams.
pub const STREAMING_INTERFACE: u8 = 1;
/// The camera terminal, which pan and tilt belong to.
pub const CAMERA_TERMINAL: u8 = 1;
/// The most bytes of one payload, header included.
pub const PAYLOAD_BYTES: u32 = 16384;
/// Ticks of the device's clock in a second.
pub const CLOCK_HERTZ: u32 = 48_000_000;

const PROCESSING_UNIT: u8 = 2;
const OUTPUT_TERMINAL: u8 = 3;
const STREAMING_ENDPOINT: u8 = 0x81;
/// A descriptor that belongs to a class's interface.
const CLASS_INTERFACE: u8 = 0x24;

/// Which ways of turning the camera offers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Turning {
    /// To an angle: `CT_PANTILT_ABSOLUTE_CONTROL`.
    pub absolute: bool,
    /// At a speed: `CT_PANTILT_RELATIVE_CONTROL`.
    pub speed: bool,
}

/// The device descriptor: a device of several interfaces that belong together.
pub fn device() -> Vec<u8> {
    vec![18, 1, 0, 2, 0xEF, 2, 1, 64, 0x09, 0x12, 0x01, 0x00, 0, 1, 1, 2, 3, 1]
}

/// A string descriptor; 0 lists the languages.
pub fn string(index: u8) -> Vec<u8> {
    let text = match index {
        0 => return vec![4, 3, 9, 4],
        1 => "Lookhear",
        2 => "Virtual PTZ camera",
        3 => "VIRTUAL0001",
        _ => "",
    };
    let mut descriptor = vec![0, 3];
    descriptor.extend(text.encode_utf16().flat_map(u16::to_le_bytes));
    descriptor[0] = length(&descriptor);
    descriptor
}

/// The configuration descriptor with all that hangs below it.
pub fn configuration(turning: Turning) -> Vec<u8> {
    let mut below = vec![8, 11, 0, 2, 0x0E, 3, 0, 2]; // the two interfaces are one video function
    below.extend([9, 4, CONTROL_INTERFACE, 0, 0, 0x0E, 1, 0, 2]);
    below.extend(control_interface(turning));
    below.extend([9, 4, STREAMING_INTERFACE, 0, 1, 0x0E, 2, 0, 0]);
    below.extend(streaming_interface());
    below.extend([7, 5, STREAMING_ENDPOINT, 2, 0, 2, 0]); // bulk, 512 bytes a packet

    let mut descriptor = vec![9, 2];
    descriptor.extend(total(9, &below));
    descriptor.extend([2, 1, 0, 0x80, 250]); // two interfaces, fed by the bus
    descriptor.extend(below);
    descriptor
}

/// UVC 1.1, 3.7.2: a camera, a unit without any control, and the way out to the host.
fn control_interface(turning: Turning) -> Vec<u8> {
    // D11 pan and tilt (absolute), D12 pan and tilt (relative).
    let controls = u8::from(turning.absolute) << 3 | u8::from(turning.speed) << 4;
    let mut units = vec![
        18,
        CLASS_INTERFACE,
        2,
        CAMERA_TERMINAL,
        0x01,
        0x02,
        0,
        0,
        0,
        0,
        0,
        0,
        0,
        0,
        3,
        0,
        controls,
        0,
    ];
    units.extend([
        12,
        CLASS_INTERFACE,
        5,
        PROCESSING_UNIT,
        CAMERA_TERMINAL,
        0,
        0,
        2,
        0,
        0,
        0,
        0,
    ]);
    units.extend([
        9,
        CLASS_INTERFACE,
        3,
        OUTPUT_TERMINAL,
        0x01,
        0x01,
        0,
        PROCESSING_UNIT,
        0,
    ]);
    let mut descriptor = vec![13, CLASS_INTERFACE, 1, 0x10, 0x01];
    descriptor.extend(total(13, &units));
    descriptor.extend(CLOCK_HERTZ.to_le_bytes());
    descriptor.extend([1, STREAMING_INTERFACE]);
    descriptor.extend(units);
    descriptor
}

/// UVC 1.1, 3.9.2, and the payload formats "uncompressed" and "MJPEG".
fn streaming_interface() -> Vec<u8> {
    let sizes = u8::try_from(SIZES.len()).unwrap_or(u8::MAX);
    let mut formats = vec![27, CLASS_INTERFACE, 4, Coding::Yuyv.index(), sizes];
    formats.extend(*b"YUY2\x00\x00\x10\x00\x80\x00\x00\xaa\x00\x38\x9b\x71");
    formats.extend([16, 1, 0, 0, 0, 0]);
    formats.extend(frames(5));
    formats.extend([11, CLASS_INTERFACE, 6, Coding::Mjpeg.index(), sizes, 1, 1, 0, 0, 0, 0]);
    formats.extend(frames(7));

    let mut descriptor = vec![15, CLASS_INTERFACE, 1, 2];
    descriptor.extend(total(15, &formats));
    descriptor.extend([STREAMING_ENDPOINT, 0, OUTPUT_TERMINAL, 0, 0, 0, 1, 0, 0]);
    descriptor.extend(formats);
    descriptor
}

/// One frame descriptor a size, and how colours are coded (BT.709 primaries, BT.601 matrix).
fn frames(kind: u8) -> Vec<u8> {
    let mut descriptors = Vec::new();
    for (size, index) in SIZES.iter().zip(1u8..) {
        let mut frame = vec![0, CLASS_INTERFACE, kind, index, 0];
        for side in [size.width, size.height] {
            frame.extend(u16::try_from(side).unwrap_or(u16::MAX).to_le_bytes());
        }
        let most_bytes = size.most_bytes();
        for rate in [FRAME_RATES[FRAME_RATES.len() - 1], FRAME_RATES[0]] {
            frame.extend((most_bytes * 8 * rate).to_le_bytes());
        }
        frame.extend(most_bytes.to_le_bytes());
        frame.extend(interval(FRAME_RATES[0]).to_le_bytes());
        frame.push(u8::try_from(FRAME_RATES.len()).unwrap_or(u8::MAX));
        frame.extend(FRAME_RATES.iter().flat_map(|rate| interval(*rate).to_le_bytes()));
        frame[0] = length(&frame);
        descriptors.extend(frame);
    }
    descriptors.extend([6, CLASS_INTERFACE, 0x0D, 1, 1, 4]);
    descriptors
}

/// The interval of frames at a rate, in UVC's units of 100 ns.
pub fn interval(frames_per_second: u32) -> u32 {
    10_000_000 / frames_per_second
}

fn length(descriptor: &[u8]) -> u8 {
    u8::try_from(descriptor.len()).unwrap_or(u8::MAX)
}

/// The total length of a head of so many bytes and what hangs below it.
fn total(head_bytes: usize, below: &[u8]) -> [u8; 2] {
    u16::try_from(head_bytes + below.len())
        .unwrap_or(u16::MAX)
        .to_le_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_descriptor_is_as_long_as_it_says() {
        let all = configuration(Turning {
            absolute: true,
            speed: true,
        });
        assert_eq!(usize::from(u16::from_le_bytes([all[2], all[3]])), all.len());
        let (mut at, mut count) = (0, 0);
        while at < all.len() {
            assert!(all[at] >= 2, "an empty descriptor at {at}");
            at += usize::from(all[at]);
            count += 1;
        }
        assert_eq!((at, count), (all.len(), 18));
    }

    #[test]
    fn a_string_is_in_utf_16() {
        assert_eq!(string(1)[..6], [18, 3, b'L', 0, b'o', 0]);
    }
}
