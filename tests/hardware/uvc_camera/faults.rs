//! What can go wrong with the camera, one at a time, as a line of text on its standard input asks for it.

use crate::format::{Coding, without_huffman_tables};

/// A line of text that the camera was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// The plug is pulled.
    Unplug,
    /// The plug is put in again.
    Plug,
    /// From now on it streams like this.
    Stream(Fault),
}

/// How the stream is spoilt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Fault {
    /// Not at all.
    #[default]
    None,
    /// No data comes any more; the camera stays on the bus and answers.
    Freeze,
    /// Every second frame ends half-way, with the error bit: the driver drops it, and the host sees a gap.
    Incomplete,
    /// JPEG images come without Huffman tables.
    NoTables,
    /// The second half of every second frame is noise, and nothing says so.
    Corrupt,
}

impl Order {
    /// The order that a line asks for.
    pub fn parse(line: &str) -> Option<Self> {
        Some(match line.trim() {
            "unplug" => Self::Unplug,
            "plug" => Self::Plug,
            "whole" => Self::Stream(Fault::None),
            "freeze" => Self::Stream(Fault::Freeze),
            "incomplete" => Self::Stream(Fault::Incomplete),
            "no-tables" => Self::Stream(Fault::NoTables),
            "corrupt" => Self::Stream(Fault::Corrupt),
            _ => return None,
        })
    }
}

impl Fault {
    /// Spoils a frame, the `number`th; tells whether the camera itself knows that it is bad.
    pub fn spoil(self, number: u64, coding: Coding, frame: &mut Vec<u8>) -> bool {
        let every_second = number % 2 == 1;
        match self {
            Self::Incomplete if every_second => {
                frame.truncate(frame.len() / 2);
                return true;
            }
            Self::NoTables if coding == Coding::Mjpeg => *frame = without_huffman_tables(frame),
            Self::Corrupt if every_second => {
                let half = frame.len() / 2;
                // Xorshift (Marsaglia 2003): noise that is the same every time.
                let mut state = number | 1;
                for byte in frame.iter_mut().skip(half) {
                    state ^= state << 13;
                    state ^= state >> 7;
                    state ^= state << 17;
                    *byte = state.to_le_bytes()[3];
                }
            }
            _ => {}
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_second_frame_is_spoilt() {
        let whole: Vec<u8> = (0..100).collect();
        let spoilt = |fault: Fault, number| {
            let mut frame = whole.clone();
            let known = fault.spoil(number, Coding::Yuyv, &mut frame);
            (known, frame)
        };
        for fault in [Fault::None, Fault::Incomplete, Fault::Corrupt, Fault::NoTables] {
            assert_eq!(spoilt(fault, 2), (false, whole.clone()), "{fault:?}");
        }
        assert_eq!(spoilt(Fault::Incomplete, 3), (true, whole[..50].to_vec()));
        let (known, noise) = spoilt(Fault::Corrupt, 3);
        assert!(!known && noise.len() == 100 && noise[..50] == whole[..50] && noise[50..] != whole[50..]);
    }

    #[test]
    fn lines_are_orders() {
        assert_eq!(Order::parse("corrupt\n"), Some(Order::Stream(Fault::Corrupt)));
        assert_eq!(Order::parse("unplug"), Some(Order::Unplug));
        assert_eq!(Order::parse("explode"), None);
    }
}
