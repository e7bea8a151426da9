//! The data of one interleaved scan, block by block (ITU T.81, F.2).

use pulp::Simd;

use super::huffman::{Bits, Damage, END, LOOK_BITS, PADDING_BYTES, Table};
use super::lanes::Lanes;

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

    /// The data of a segment, by its number.
    pub(super) fn bits(&self, number: usize) -> Option<Bits<'_>> {
        let start = match number.checked_sub(1) {
            Some(before) => *self.ends.get(before)?,
            None => 0,
        };
        self.data.get(start..*self.ends.get(number)?).map(Bits::new)
    }
}

/// Columns of the coefficients in the order of the scan, and some more for runs that lead beyond a block.
#[rustfmt::skip]
const COLUMNS: [u8; PLACES] = [
    0, 1, 0, 0, 1, 2, 3, 2, 1, 0, 0, 1, 2, 3, 4, 5, 4, 3, 2, 1, 0, 0, 1, 2, 3, 4, 5, 6, 7, 6, 5, 4,
    3, 2, 1, 0, 1, 2, 3, 4, 5, 6, 7, 7, 6, 5, 4, 3, 2, 3, 4, 5, 6, 7, 7, 6, 5, 4, 5, 6, 7, 7, 6, 7,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
];

/// Rows of the coefficients in the order of the scan.
#[rustfmt::skip]
pub(super) const ROWS: [u8; 64] = [
    0, 0, 1, 2, 1, 0, 0, 1, 2, 3, 4, 3, 2, 1, 0, 0, 1, 2, 3, 4, 5, 6, 5, 4, 3, 2, 1, 0, 0, 1, 2, 3,
    4, 5, 6, 7, 7, 6, 5, 4, 3, 2, 1, 2, 3, 4, 5, 6, 7, 7, 6, 5, 4, 3, 4, 5, 6, 7, 7, 6, 5, 6, 7, 7,
];

/// Coefficients of a block, and as many more as a run of zeros can lead beyond it.
pub(super) const PLACES: usize = 128;

/// Reads one block and adds each of its coefficients, times the weights of its place, to the sums of its column.
///
/// `mean` is the first coefficient of the block of this colour before, and becomes that of this one.
#[inline(always)]
pub(super) fn add_block<S: Simd>(
    simd: S,
    bits: &mut Bits<'_>,
    [means, waves]: [&Table; 2],
    mean: &mut i32,
    weights: &[Lanes; PLACES],
    sums: &mut [Lanes; 8],
) -> Result<(), Damage> {
    let mut reader = bits.refilled()?;
    let mut entry = reader.look(means);
    if entry.step() > 1 {
        entry = means.one(reader.front());
        if entry.step() > 1 {
            return Err(Damage);
        }
    }
    reader = reader.without(entry);
    *mean = mean.wrapping_add(entry.first());
    sums[0].add(simd, *mean as f32, &weights[0]);
    let mut next = 1;
    while next < 64 {
        reader = reader.refilled()?;
        for _ in 0..LOOKS {
            let mut entry = reader.look(waves);
            // A long code, or one look too far: what lies behind the last place belongs to the block that follows.
            let is_one = (next + entry.step()) % END > 64;
            if is_one {
                reader = reader.refilled()?;
                entry = waves.one(reader.front());
                if (next + entry.step()) % END > 64 {
                    return Err(Damage);
                }
            }
            reader = reader.without(entry);
            let mut add = |offset: usize, value: i32| {
                let place = (next + offset) % PLACES;
                sums[usize::from(COLUMNS[place]) % 8].add(simd, value as f32, &weights[place]);
            };
            add(entry.first_place(), entry.first());
            add(entry.second_place(), entry.second());
            next += entry.step();
            if is_one || next >= 64 {
                break;
            }
        }
    }
    *bits = reader;
    Ok(())
}

/// So many looks are in a full buffer.
const LOOKS: u32 = 56 / LOOK_BITS;
