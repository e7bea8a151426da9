//! A scan read by several threads at once, although where a code begins is known only to who has read all before it.
//!
//! Each thread but the first begins somewhere and reads what may be nonsense. Huffman codes fall into step by themselves: sooner or later it
//! begins a unit where one truly begins, and from there on all it read is true (Klein and Wiseman, "Parallel Huffman Decoding with
//! Applications to JPEG Files", The Computer Journal 46, 2003). Who comes from before finds that place, since it is one of those where
//! it would begin a unit itself. What is then not known of first coefficients, which are told as differences, is one number for each colour.

use std::array::from_fn;

use pulp::{Simd, WithSimd};

use super::huffman::Damage;
use super::reader::{Reader, Scan};
use super::record::{Link, Record};
use crate::perception::network::workers::Workers;

/// So many parts at most.
pub(super) const MOST: usize = 4;

/// A part that comes to damage after so many units was in step: it is damaged in truth, or at its end.
const IN_STEP: usize = 256;

/// What a unit of a scan is, and how many there are.
#[derive(Debug, Clone, Copy)]
pub(super) struct Units {
    /// Blocks of each colour.
    pub(super) blocks: [usize; 3],
    pub(super) count: usize,
}

/// Reads a scan in as many parts as there are `records`, at most [`MOST`]. `links` then tell which of them have what.
pub(super) fn read_in_parts(
    scan: Scan<'_>,
    units: Units,
    records: &mut [Record],
    links: &mut Vec<Link>,
    workers: &Workers,
) -> Result<(), Damage> {
    let (bytes, count) = (scan.bytes(), records.len().min(MOST));
    let mut parts = [const { None }; MOST];
    for (number, (part, record)) in parts.iter_mut().zip(records).enumerate() {
        let reader = match number {
            0 => Reader::new(scan)?,
            _ => Reader::from_byte(scan, bytes * number / count).ok_or(Damage)?,
        };
        record.clear();
        *part = Some(Part {
            scan,
            units,
            reader,
            record,
            // The last unit ends within the last byte.
            end: (bytes * (number + 1) / count * 8).min((bytes * 8).saturating_sub(7)),
            is_first: number == 0,
        });
    }
    workers.for_each_piece(&mut parts[..count], 1, |_, parts| {
        for part in parts.iter_mut().flatten() {
            pulp::Arch::new().dispatch(Reading(part));
        }
    });
    links.clear();
    pulp::Arch::new().dispatch(Joining {
        parts: &mut parts[..count],
        links,
    })
}

/// A part of a scan, and who reads it.
struct Part<'a> {
    scan: Scan<'a>,
    units: Units,
    reader: Reader<'a>,
    record: &'a mut Record,
    /// In bits of the data.
    end: usize,
    /// The first begins with the scan; others may begin again and again.
    is_first: bool,
}

struct Reading<'a, 'part>(&'a mut Part<'part>);

impl WithSimd for Reading<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let part = self.0;
        while part.reader.position() < part.end && part.record.units().len() < part.units.count {
            let before = part.reader;
            if part.record.read(&mut part.reader, part.units.blocks).is_ok() {
                continue;
            }
            let next_byte = (part.reader.position() / 8).max(before.position() / 8 + 1);
            part.reader = before;
            if part.is_first || part.record.units().len() >= IN_STEP {
                return;
            }
            part.record.clear();
            match Reader::from_byte(part.scan, next_byte) {
                Some(reader) => part.reader = reader,
                None => return,
            }
        }
    }
}

struct Joining<'a, 'part> {
    parts: &'a mut [Option<Part<'part>>],
    links: &'a mut Vec<Link>,
}

impl WithSimd for Joining<'_, '_> {
    type Output = Result<(), Damage>;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> Self::Output {
        let mut link = Link {
            record: 0,
            first: 0,
            start: 0,
            offsets: [0; 3],
        };
        self.links.push(link);
        for number in 1..self.parts.len() {
            let (before, from_here) = self.parts.split_at_mut(number);
            if let (Some(part), Some(Some(next))) = (&mut before[link.record], from_here.first())
                && let Some((first, offsets)) = part.meet(link, next.record)?
            {
                let start = part.units_known(link);
                let offsets = from_fn(|colour| offsets[colour].wrapping_add(link.offsets[colour]));
                link = Link {
                    record: number,
                    first,
                    start,
                    offsets,
                };
                self.links.push(link);
            }
        }
        let last = self.parts[link.record].as_mut().ok_or(Damage)?;
        while last.units_known(link) < last.units.count {
            last.record.read(&mut last.reader, last.units.blocks)?;
        }
        Ok(())
    }
}

impl Part<'_> {
    /// How many units are known from the start of the scan to where its reader stands.
    fn units_known(&self, link: Link) -> usize {
        link.start + self.record.units().len() - link.first
    }

    /// Reads on to a unit that the next part has as well: the number of the first that both have, and how much more its first
    /// coefficients are than the next part holds them for. `None` where there is none, or nothing is left to be read.
    #[inline(always)]
    fn meet(&mut self, link: Link, next: &Record) -> Result<Option<(usize, [i32; 3])>, Damage> {
        let mut first = 0;
        while self.units_known(link) < self.units.count {
            self.reader.pass_restart()?;
            let position = self.reader.position();
            first += next.units()[first..]
                .iter()
                .take_while(|unit| unit.position < position)
                .count();
            match next.units().get(first) {
                None => return Ok(None),
                Some(unit) if unit.position == position => {
                    let means = self.reader.means();
                    return Ok(Some((
                        first,
                        from_fn(|colour| means[colour].wrapping_sub(unit.means[colour])),
                    )));
                }
                Some(_) => self.record.read(&mut self.reader, self.units.blocks)?,
            }
        }
        Ok(None)
    }
}
