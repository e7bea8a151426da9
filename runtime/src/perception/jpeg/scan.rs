//! The data of one scan (ITU T.81, B.2.1 and F.1.2.3).

use super::huffman::{Bits, PADDING_BYTES};

/// The data of a scan between its restart markers, without stuffed zeros.
#[derive(Debug, Default)]
pub(super) struct Segments {
    data: Vec<u8>,
    /// Where each segment ends, padding included.
    ends: Vec<usize>,
}

/// How the data of a scan end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    /// With the image.
    Image,
    /// With another marker: there is more than one scan, or something rare.
    Other,
    /// With nothing.
    Cut,
    /// A restart marker is missing before.
    Gap,
}

impl Segments {
    /// Takes the data of a scan, up to the marker behind it.
    pub(super) fn fill(&mut self, mut scan: &[u8]) -> Ending {
        self.data.clear();
        self.ends.clear();
        while let Some(mark) = memchr::memchr(0xFF, scan) {
            let (plain, rest) = scan.split_at(mark);
            self.data.extend_from_slice(plain);
            scan = match rest {
                [_, 0x00, rest @ ..] => {
                    self.data.push(0xFF);
                    rest
                }
                [_, 0xFF, ..] => &rest[1..],
                [_, marker @ 0xD0..=0xD7, rest @ ..] => {
                    if usize::from(marker - 0xD0) != self.ends.len() % 8 {
                        return Ending::Gap;
                    }
                    self.close();
                    rest
                }
                [_, 0xD9, ..] => {
                    self.close();
                    return Ending::Image;
                }
                [_, _, ..] => return Ending::Other,
                _ => return Ending::Cut,
            };
        }
        Ending::Cut
    }

    fn close(&mut self) {
        self.data.extend_from_slice(&[0xFF; PADDING_BYTES]);
        self.ends.push(self.data.len());
    }

    /// The data of a segment, by its number, from its start on.
    pub(super) fn bits(&self, number: usize) -> Option<Bits<'_>> {
        let start = match number.checked_sub(1) {
            Some(before) => *self.ends.get(before)?,
            None => 0,
        };
        self.bits_from(number, start)
    }

    /// The data of a segment from a byte on, which is counted from the first of all segments.
    pub(super) fn bits_from(&self, number: usize, byte: usize) -> Option<Bits<'_>> {
        self.data
            .get(..*self.ends.get(number)?)
            .map(|data| Bits::new(data, byte))
    }

    /// Bytes of the first so many segments, all padding included.
    pub(super) fn bytes(&self, segments: usize) -> usize {
        segments
            .min(self.ends.len())
            .checked_sub(1)
            .map_or(0, |last| self.ends[last])
    }

    /// The first segment that begins at a byte or behind it.
    pub(super) fn first_from(&self, byte: usize) -> usize {
        match byte {
            0 => 0,
            _ => 1 + self.ends.partition_point(|&end| end < byte),
        }
    }
}
