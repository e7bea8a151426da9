//! What was read of a scan, kept to be read again.

use super::huffman::{Damage, Entry};
use super::reader::{Blocks, COEFFICIENTS, Reader, Taker};

/// The units of a part of a scan.
#[derive(Debug, Default)]
pub(super) struct Record {
    units: Vec<Unit>,
    /// The first coefficient of each block.
    levels: Vec<i32>,
    /// What each look gave; some more than are in use.
    looks: Vec<Entry>,
    looks_used: usize,
}

/// Where a unit begins.
#[derive(Debug, Clone, Copy)]
pub(super) struct Unit {
    /// In bits of the data.
    pub(super) position: usize,
    /// First coefficients of the blocks before, one for each colour.
    pub(super) means: [i32; 3],
    /// Looks before.
    looks: usize,
}

impl Record {
    pub(super) fn clear(&mut self) {
        self.units.clear();
        self.levels.clear();
        self.looks_used = 0;
    }

    /// Its units in turn.
    pub(super) fn units(&self) -> &[Unit] {
        &self.units
    }

    /// Reads one more unit, which has so many blocks of each colour. After an error the reader stands before the block that is damaged.
    #[inline(always)]
    pub(super) fn read(&mut self, reader: &mut Reader<'_>, blocks: [usize; 3]) -> Result<(), Damage> {
        reader.begin_unit()?;
        let unit = Unit {
            position: reader.position(),
            means: reader.means(),
            looks: self.looks_used,
        };
        let levels = self.levels.len();
        let read = self.read_blocks(reader, blocks);
        match read {
            Ok(()) if reader.is_within() => {
                self.units.push(unit);
                Ok(())
            }
            _ => {
                self.levels.truncate(levels);
                self.looks_used = unit.looks;
                Err(Damage)
            }
        }
    }

    #[inline(always)]
    fn read_blocks(&mut self, reader: &mut Reader<'_>, blocks: [usize; 3]) -> Result<(), Damage> {
        for (colour, count) in blocks.into_iter().enumerate() {
            for _ in 0..count {
                let looks = match self.looks.get_mut(self.looks_used..).and_then(<[_]>::first_chunk_mut) {
                    Some(looks) => looks,
                    None => self.more_looks()?,
                };
                let mut keeping = Keeping {
                    level: 0,
                    looks,
                    count: 0,
                };
                reader.next(colour, &mut keeping)?;
                let Keeping { level, count, .. } = keeping;
                self.looks_used += count;
                self.levels.push(level);
            }
        }
        Ok(())
    }

    #[cold]
    fn more_looks(&mut self) -> Result<&mut [Entry; COEFFICIENTS], Damage> {
        self.looks
            .resize(2 * self.looks.len() + 64 * COEFFICIENTS, Entry::default());
        self.looks[self.looks_used..].first_chunk_mut().ok_or(Damage)
    }
}

/// Keeps one block.
struct Keeping<'a> {
    level: i32,
    /// Each look leads one place further at least.
    looks: &'a mut [Entry; COEFFICIENTS],
    count: usize,
}

impl Taker for Keeping<'_> {
    #[inline(always)]
    fn mean(&mut self, level: i32) {
        self.level = level;
    }

    #[inline(always)]
    fn waves(&mut self, _place: usize, entry: Entry) {
        self.looks[self.count % COEFFICIENTS] = entry;
        self.count += 1;
    }
}

/// Where a record goes on with what others before it have.
#[derive(Debug, Clone, Copy)]
pub(super) struct Link {
    /// Number of the record.
    pub(super) record: usize,
    /// Its first unit that counts.
    pub(super) first: usize,
    /// Number of that unit in the scan.
    pub(super) start: usize,
    /// What is to be added to first coefficients, for each colour.
    pub(super) offsets: [i32; 3],
}

/// Gives what was kept.
#[derive(Debug, Clone, Copy)]
pub(super) struct Replay<'a> {
    records: &'a [Record],
    /// The first is of the record that is read; it is never empty.
    links: &'a [Link],
    blocks: usize,
    /// Number of the next unit in the scan.
    unit: usize,
    /// What is left of that record's.
    levels: &'a [i32],
    looks: &'a [Entry],
    offsets: [i32; 3],
}

impl<'a> Replay<'a> {
    /// From some unit on. Units have so many blocks.
    pub(super) fn new(records: &'a [Record], links: &'a [Link], blocks: usize, unit: usize) -> Option<Self> {
        let link = links.partition_point(|link| link.start <= unit).checked_sub(1)?;
        let mut replay = Self {
            records,
            links: &links[link..],
            blocks,
            unit,
            levels: &[],
            looks: &[],
            offsets: [0; 3],
        };
        replay.find()?;
        Some(replay)
    }

    /// Goes to where the next unit is kept.
    fn find(&mut self) -> Option<()> {
        let link = self.links.first()?;
        let record = self.records.get(link.record)?;
        let unit = link.first + self.unit - link.start;
        self.levels = record.levels.get(unit * self.blocks..)?;
        self.looks = record.looks.get(record.units.get(unit)?.looks..)?;
        self.offsets = link.offsets;
        Some(())
    }
}

impl Blocks for Replay<'_> {
    #[inline(always)]
    fn begin_unit(&mut self) -> Result<(), Damage> {
        if let [_, next, ..] = self.links
            && next.start == self.unit
        {
            self.links = &self.links[1..];
            self.find().ok_or(Damage)?;
        }
        self.unit += 1;
        Ok(())
    }

    #[inline(always)]
    fn next(&mut self, colour: usize, taker: &mut impl Taker) -> Result<(), Damage> {
        let (&level, levels) = self.levels.split_first().ok_or(Damage)?;
        self.levels = levels;
        taker.mean(level.wrapping_add(self.offsets[colour % 3]));
        // A record has room for one block more than it keeps.
        let looks: &[Entry; COEFFICIENTS] = self.looks.first_chunk().ok_or(Damage)?;
        let (mut place, mut count) = (1, 0);
        while place < COEFFICIENTS {
            let entry = looks[count % COEFFICIENTS];
            count += 1;
            taker.waves(place, entry);
            place += entry.step();
        }
        self.looks = self.looks.get(count..).ok_or(Damage)?;
        Ok(())
    }
}
