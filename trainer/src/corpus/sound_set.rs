//! Sounds out of an OpenTTD base sound set (`*.cat`).
//!
//! Layout: a table of little-endian pairs (offset, length), as many as the first offset has room for; the topmost bit of an offset is a flag.
//! At each offset stand a Pascal string (its description, which names author and licence), a RIFF WAVE file of `length` bytes,
//! and a second Pascal string.

use thiserror::Error;

const ENTRY_BYTES: usize = 8;
const MAX_ENTRIES: usize = 4096;

/// Why a sound set could not be read.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("the sound set is damaged or of another kind: {0}")]
pub struct SoundSetError(&'static str);

/// One sound of a set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SoundSetEntry<'a> {
    /// Place in the table, from 0.
    pub index: usize,
    /// Name, author and licence, as the set states them.
    pub description: &'a [u8],
    /// A whole WAVE file.
    pub wave: &'a [u8],
}

/// All sounds of a set, in their order.
pub fn entries(bytes: &[u8]) -> Result<Vec<SoundSetEntry<'_>>, SoundSetError> {
    let (table_end, _) = pair_at(bytes, 0)?;
    let count = table_end / ENTRY_BYTES;
    if count == 0 || count > MAX_ENTRIES || table_end % ENTRY_BYTES != 0 {
        return Err(SoundSetError("its table has no sensible length"));
    }
    (0..count)
        .map(|index| {
            let (start, length) = pair_at(bytes, index * ENTRY_BYTES)?;
            let described = usize::from(*bytes.get(start).ok_or(SoundSetError("a sound lies outside the file"))?);
            let wave = start + 1 + described;
            let description = bytes
                .get(start + 1..wave)
                .ok_or(SoundSetError("a description lies outside the file"))?;
            let wave = wave
                .checked_add(length)
                .and_then(|end| bytes.get(wave..end))
                .ok_or(SoundSetError("a sound lies outside the file"))?;
            if !wave.starts_with(b"RIFF") {
                return Err(SoundSetError("a sound is no RIFF file"));
            }
            Ok(SoundSetEntry {
                index,
                description,
                wave,
            })
        })
        .collect()
}

fn pair_at(bytes: &[u8], offset: usize) -> Result<(usize, usize), SoundSetError> {
    let word = |offset: usize| {
        bytes
            .get(offset..offset + 4)
            .map(|four| u32::from_le_bytes([four[0], four[1], four[2], four[3]]))
            .ok_or(SoundSetError("its table ends too early"))
    };
    Ok(((word(offset)? & 0x7fff_ffff) as usize, word(offset + 4)? as usize))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use proptest::prelude::*;

    use super::*;

    fn example() -> Vec<u8> {
        let (mut table, mut body) = (Vec::new(), Vec::new());
        for (description, wave) in [("\"Cow\". By A.", "RIFF1234"), ("\"Sheep\".", "RIFF")] {
            table.extend((0x8000_0000_u32 | (16 + body.len()) as u32).to_le_bytes());
            table.extend((wave.len() as u32).to_le_bytes());
            body.push(description.len() as u8);
            body.extend(description.bytes());
            body.extend(wave.bytes());
            body.extend(b"\x04x.w\0");
        }
        table.extend(body);
        table
    }

    #[test]
    fn reads_descriptions_and_waves() {
        let bytes = example();
        let found = entries(&bytes).unwrap();
        assert_eq!(found.len(), 2);
        assert_eq!(
            (found[0].description, found[0].wave),
            (&b"\"Cow\". By A."[..], &b"RIFF1234"[..])
        );
        assert_eq!((found[1].index, found[1].wave), (1, &b"RIFF"[..]));
    }

    proptest! {
        #[test]
        fn damage_never_panics(position in 0_usize..200, value: u8, cut in 0_usize..200) {
            let mut bytes = example();
            let position = position % bytes.len();
            bytes[position] = value;
            bytes.truncate(cut);
            let _ = entries(&bytes);
        }
    }
}
