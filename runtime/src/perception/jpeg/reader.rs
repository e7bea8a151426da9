//! The blocks of an interleaved scan, one after the other (ITU T.81, F.2).

use super::huffman::{Bits, Damage, END, Entry, LOOK_BITS, PADDING_BYTES, Table};
use super::scan::Segments;

/// Coefficients of a block.
pub(super) const COEFFICIENTS: usize = 64;

/// So many looks are in a full buffer.
const LOOKS: u32 = 56 / LOOK_BITS;

/// Blocks in the order of a scan, wherever they come from.
pub(super) trait Blocks {
    /// To be called before the blocks of each unit.
    fn begin_unit(&mut self) -> Result<(), Damage>;

    /// Gives the next block, which is of the colour with this number, to who takes it.
    fn next(&mut self, colour: usize, taker: &mut impl Taker) -> Result<(), Damage>;
}

/// What becomes of a block's coefficients.
pub(super) trait Taker {
    /// Takes the first coefficient, in steps of its quantisation.
    fn mean(&mut self, level: i32);

    /// Takes those that one look told of, the places of which are counted from `place` on. They may lie beyond the last.
    fn waves(&mut self, place: usize, entry: Entry);
}

/// How the data of a frame are to be read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scan<'a> {
    pub(super) segments: &'a Segments,
    /// Of means and of waves.
    pub(super) tables: &'a [[Table; 2]; 2],
    /// For each colour the numbers of its tables of means and waves.
    pub(super) colours: [[usize; 2]; 3],
    /// Units from one restart marker to the next; 0 where there are none.
    pub(super) restart_interval: usize,
}

impl Scan<'_> {
    /// How many bytes of data there are, padding but for that at the end included.
    pub(super) fn bytes(&self) -> usize {
        let segments = match self.restart_interval {
            0 => 1,
            _ => usize::MAX,
        };
        self.segments.bytes(segments).saturating_sub(PADDING_BYTES)
    }
}

/// Reads a scan from some place on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reader<'a> {
    scan: Scan<'a>,
    segment: usize,
    bits: Bits<'a>,
    /// To the next restart marker.
    units_left: usize,
    /// For each colour the first coefficient of the block before.
    means: [i32; 3],
}

impl<'a> Reader<'a> {
    /// From the first block on.
    pub(super) fn new(scan: Scan<'a>) -> Result<Self, Damage> {
        Ok(Self {
            scan,
            segment: 0,
            bits: scan.segments.bits(0).ok_or(Damage)?,
            units_left: scan.restart_interval,
            means: [0; 3],
        })
    }

    /// From a byte on, or from the first restart marker behind it, as if a unit began there with means of 0. `None` where there
    /// are no data.
    pub(super) fn from_byte(scan: Scan<'a>, byte: usize) -> Option<Self> {
        let (segment, bits) = match scan.restart_interval {
            0 => (0, scan.segments.bits_from(0, byte)?),
            _ => {
                let segment = scan.segments.first_from(byte);
                (segment, scan.segments.bits(segment)?)
            }
        };
        Some(Self {
            scan,
            segment,
            bits,
            units_left: scan.restart_interval,
            means: [0; 3],
        })
    }

    /// How many bits of the data are before the next.
    pub(super) fn position(&self) -> usize {
        self.bits.position()
    }

    /// For each colour the first coefficient of the block before.
    pub(super) fn means(&self) -> [i32; 3] {
        self.means
    }

    /// Whether no more was read than the data have.
    pub(super) fn is_within(&self) -> bool {
        self.bits.is_within()
    }

    /// Goes on behind the restart marker where one is due.
    pub(super) fn pass_restart(&mut self) -> Result<(), Damage> {
        if self.scan.restart_interval > 0 && self.units_left == 0 {
            if !self.is_within() {
                return Err(Damage);
            }
            self.segment += 1;
            self.bits = self.scan.segments.bits(self.segment).ok_or(Damage)?;
            self.units_left = self.scan.restart_interval;
            self.means = [0; 3];
        }
        Ok(())
    }
}

impl Blocks for Reader<'_> {
    #[inline(always)]
    fn begin_unit(&mut self) -> Result<(), Damage> {
        self.pass_restart()?;
        self.units_left = self.units_left.wrapping_sub(1);
        Ok(())
    }

    #[inline(always)]
    fn next(&mut self, colour: usize, taker: &mut impl Taker) -> Result<(), Damage> {
        let [means, waves] = self.scan.colours[colour % 3];
        let (means, waves) = (&self.scan.tables[0][means % 2], &self.scan.tables[1][waves % 2]);
        let mut reader = self.bits.refilled()?;
        let mut entry = reader.look(means);
        if entry.step() > 1 {
            entry = means.one(reader.front());
            if entry.step() > 1 {
                return Err(Damage);
            }
        }
        reader = reader.without(entry);
        let mean = &mut self.means[colour % 3];
        *mean = mean.wrapping_add(entry.first());
        taker.mean(*mean);
        let mut place = 1;
        while place < COEFFICIENTS {
            reader = reader.refilled()?;
            for _ in 0..LOOKS {
                let mut entry = reader.look(waves);
                // A long code, or one look too far: what lies behind the last place belongs to the block that follows.
                let is_one = (place + entry.step()) % END > COEFFICIENTS;
                if is_one {
                    reader = reader.refilled()?;
                    entry = waves.one(reader.front());
                    if (place + entry.step()) % END > COEFFICIENTS {
                        return Err(Damage);
                    }
                }
                reader = reader.without(entry);
                taker.waves(place, entry);
                place += entry.step();
                if is_one || place >= COEFFICIENTS {
                    break;
                }
            }
        }
        self.bits = reader;
        Ok(())
    }
}
