//! Files out of a compiled Qt resource (`.rcc`, formats 1 to 3).
//!
//! Layout after Qt's `rcc` tool: a header `qres`, version and three offsets (tree, data, names), all big-endian; a tree of fixed-size nodes
//! whose root is node 0; names as length, hash and UTF-16; data as length and bytes, whole, zlib- or zstd-compressed.

use std::io::Read;

use thiserror::Error;

const DIRECTORY: u16 = 2;
const ZLIB: u16 = 1;
const ZSTD: u16 = 4;
const MAX_DEPTH: usize = 64;
/// The most that one file may unpack to.
const MAX_FILE_BYTES: u64 = 1 << 28;

/// Why a resource could not be read: it is damaged or of another kind.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum QtResourceError {
    /// The file does not begin as a Qt resource does.
    #[error("not a Qt resource (it begins without `qres`)")]
    Foreign,
    /// A newer format.
    #[error("Qt resource format {0} is unknown; formats 1 to 3 are")]
    Version(u32),
    /// An offset points outside the file, or the tree does not end.
    #[error("the Qt resource is damaged: {0}")]
    Damaged(&'static str),
    /// A file inside cannot be unpacked.
    #[error("`{path}` inside the Qt resource cannot be unpacked: {cause}")]
    Compression {
        /// The file inside.
        path: String,
        /// What was wrong.
        cause: String,
    },
}

/// Hands every file of a resource whose path `wanted` accepts to `take`. Paths have no leading slash.
pub fn each_file(
    bytes: &[u8],
    mut wanted: impl FnMut(&str) -> bool,
    mut take: impl FnMut(&str, Vec<u8>),
) -> Result<(), QtResourceError> {
    let resource = Resource::open(bytes)?;
    // Every node is visited once at the most: a tree that leads back to itself runs out of visits.
    let mut visits = bytes.len() / resource.node_bytes + 1;
    let mut pending = vec![(0_u32, String::new(), 0_usize)];
    while let Some((index, path, depth)) = pending.pop() {
        visits = visits
            .checked_sub(1)
            .ok_or(QtResourceError::Damaged("its tree does not end"))?;
        let node = resource.node(index)?;
        let flags = u16_at(bytes, node + 4)?;
        let path = match (depth, path.is_empty()) {
            (0, _) => String::new(),
            (_, true) => resource.name(u32_at(bytes, node)?)?,
            (_, false) => format!("{path}/{}", resource.name(u32_at(bytes, node)?)?),
        };
        if flags & DIRECTORY != 0 {
            if depth >= MAX_DEPTH {
                return Err(QtResourceError::Damaged("its folders are nested too deep"));
            }
            let (count, first) = (u32_at(bytes, node + 6)?, u32_at(bytes, node + 10)?);
            if count as usize > visits {
                return Err(QtResourceError::Damaged(
                    "a folder has more entries than the file has nodes",
                ));
            }
            for child in (0..count).rev() {
                let child = first
                    .checked_add(child)
                    .ok_or(QtResourceError::Damaged("a node lies outside the file"))?;
                pending.push((child, path.clone(), depth + 1));
            }
        } else if wanted(&path) {
            let content = resource.content(u32_at(bytes, node + 10)?)?;
            let content = unpack(content, flags).map_err(|cause| QtResourceError::Compression {
                path: path.clone(),
                cause,
            })?;
            take(&path, content);
        }
    }
    Ok(())
}

struct Resource<'a> {
    bytes: &'a [u8],
    tree: usize,
    data: usize,
    names: usize,
    node_bytes: usize,
}

impl<'a> Resource<'a> {
    fn open(bytes: &'a [u8]) -> Result<Self, QtResourceError> {
        if !bytes.starts_with(b"qres") {
            return Err(QtResourceError::Foreign);
        }
        let version = u32_at(bytes, 4)?;
        if !(1..=3).contains(&version) {
            return Err(QtResourceError::Version(version));
        }
        Ok(Self {
            bytes,
            tree: u32_at(bytes, 8)? as usize,
            data: u32_at(bytes, 12)? as usize,
            names: u32_at(bytes, 16)? as usize,
            // Since format 2 a node carries the time of last change.
            node_bytes: if version == 1 { 14 } else { 22 },
        })
    }

    fn node(&self, index: u32) -> Result<usize, QtResourceError> {
        (index as usize)
            .checked_mul(self.node_bytes)
            .and_then(|offset| offset.checked_add(self.tree))
            .filter(|start| {
                start
                    .checked_add(self.node_bytes)
                    .is_some_and(|end| end <= self.bytes.len())
            })
            .ok_or(QtResourceError::Damaged("a node lies outside the file"))
    }

    fn name(&self, offset: u32) -> Result<String, QtResourceError> {
        let start = self
            .names
            .checked_add(offset as usize)
            .ok_or(QtResourceError::Damaged("a name lies outside the file"))?;
        let length = usize::from(u16_at(self.bytes, start)?);
        // Length (2 bytes) and hash (4 bytes) stand before the characters.
        let characters = slice(
            self.bytes,
            start.saturating_add(6),
            length * 2,
            "a name lies outside the file",
        )?;
        let units = characters
            .chunks_exact(2)
            .map(|pair| u16::from_be_bytes([pair[0], pair[1]]));
        Ok(char::decode_utf16(units)
            .map(|character| character.unwrap_or(char::REPLACEMENT_CHARACTER))
            .collect())
    }

    fn content(&self, offset: u32) -> Result<&'a [u8], QtResourceError> {
        let start = self
            .data
            .checked_add(offset as usize)
            .ok_or(QtResourceError::Damaged("content lies outside the file"))?;
        let length = u32_at(self.bytes, start)? as usize;
        slice(
            self.bytes,
            start.saturating_add(4),
            length,
            "content lies outside the file",
        )
    }
}

fn unpack(content: &[u8], flags: u16) -> Result<Vec<u8>, String> {
    let mut unpacked = Vec::new();
    if flags & ZSTD != 0 {
        let decoder = ruzstd::decoding::StreamingDecoder::new(content).map_err(|error| error.to_string())?;
        read_bounded(decoder, &mut unpacked)?;
    } else if flags & ZLIB != 0 {
        // The unpacked length stands before the zlib stream.
        let stream = content
            .get(4..)
            .ok_or_else(|| "it is shorter than its header".to_owned())?;
        read_bounded(flate2::read::ZlibDecoder::new(stream), &mut unpacked)?;
    } else {
        unpacked.extend_from_slice(content);
    }
    Ok(unpacked)
}

fn read_bounded(reader: impl Read, into: &mut Vec<u8>) -> Result<(), String> {
    let length = reader
        .take(MAX_FILE_BYTES + 1)
        .read_to_end(into)
        .map_err(|error| error.to_string())?;
    if length as u64 > MAX_FILE_BYTES {
        Err("it unpacks to more than 256 MiB".to_owned())
    } else {
        Ok(())
    }
}

fn slice<'a>(bytes: &'a [u8], start: usize, length: usize, what: &'static str) -> Result<&'a [u8], QtResourceError> {
    start
        .checked_add(length)
        .and_then(|end| bytes.get(start..end))
        .ok_or(QtResourceError::Damaged(what))
}

fn u16_at(bytes: &[u8], offset: usize) -> Result<u16, QtResourceError> {
    slice(bytes, offset, 2, "it ends too early").map(|pair| u16::from_be_bytes([pair[0], pair[1]]))
}

fn u32_at(bytes: &[u8], offset: usize) -> Result<u32, QtResourceError> {
    slice(bytes, offset, 4, "it ends too early").map(|four| u32::from_be_bytes([four[0], four[1], four[2], four[3]]))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use std::io::Write;

    use proptest::prelude::*;

    use super::*;

    /// A resource of format 3 with the folder `d` and in it the files `plain`, `zlib` and `zstd`.
    fn example() -> Vec<u8> {
        let content = b"the same forty bytes in every way there.";
        let mut zlib = Vec::from(40_u32.to_be_bytes());
        let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(content).unwrap();
        zlib.extend(encoder.finish().unwrap());
        let zstd = ruzstd::encoding::compress_to_vec(&content[..], ruzstd::encoding::CompressionLevel::Fastest);
        let (mut data, mut names, mut data_offsets, mut name_offsets) =
            (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for content in [content.to_vec(), zlib, zstd] {
            data_offsets.push(data.len() as u32);
            data.extend((content.len() as u32).to_be_bytes());
            data.extend(content);
        }
        for name in ["d", "plain", "zlib", "zstd"] {
            name_offsets.push(names.len() as u32);
            names.extend((name.len() as u16).to_be_bytes());
            names.extend([0; 4]);
            names.extend(name.encode_utf16().flat_map(u16::to_be_bytes));
        }
        let mut tree = Vec::new();
        let mut node = |name: u32, flags: u16, first: u32, second: u32| {
            tree.extend(name.to_be_bytes());
            tree.extend(flags.to_be_bytes());
            tree.extend(first.to_be_bytes());
            tree.extend(second.to_be_bytes());
            tree.extend([0; 8]);
        };
        node(0, DIRECTORY, 1, 1);
        node(name_offsets[0], DIRECTORY, 3, 2);
        for (index, flags) in [0, ZLIB, ZSTD].into_iter().enumerate() {
            node(name_offsets[index + 1], flags, 0, data_offsets[index]);
        }
        let mut bytes = b"qres".to_vec();
        let (data_start, names_start) = (24, 24 + data.len());
        for number in [3, names_start + names.len(), data_start, names_start, 0] {
            bytes.extend((number as u32).to_be_bytes());
        }
        bytes.extend(data);
        bytes.extend(names);
        bytes.extend(tree);
        bytes
    }

    #[test]
    fn reads_plain_zlib_and_zstd() {
        let mut found = Vec::new();
        each_file(
            &example(),
            |_| true,
            |path, content| found.push((path.to_owned(), content)),
        )
        .unwrap();
        assert_eq!(
            found.iter().map(|(path, _)| path.as_str()).collect::<Vec<_>>(),
            ["d/plain", "d/zlib", "d/zstd"]
        );
        assert!(
            found
                .iter()
                .all(|(_, content)| content == b"the same forty bytes in every way there.")
        );
    }

    #[test]
    fn unpacks_only_what_is_wanted() {
        let mut found = 0;
        each_file(&example(), |path| path == "d/zlib", |_, _| found += 1).unwrap();
        assert_eq!(found, 1);
    }

    #[test]
    fn tells_what_is_foreign() {
        assert_eq!(
            each_file(b"PK\x03\x04", |_| true, |_, _| ()),
            Err(QtResourceError::Foreign)
        );
        let mut newer = example();
        newer[7] = 9;
        assert_eq!(each_file(&newer, |_| true, |_, _| ()), Err(QtResourceError::Version(9)));
    }

    #[test]
    fn a_tree_that_leads_to_itself_ends() {
        let mut bytes = example();
        let tree = u32_at(&bytes, 8).unwrap() as usize;
        // The folder's first child becomes the folder itself.
        bytes[tree + 22 + 10..tree + 22 + 14].copy_from_slice(&1_u32.to_be_bytes());
        assert!(matches!(
            each_file(&bytes, |_| true, |_, _| ()),
            Err(QtResourceError::Damaged(_))
        ));
    }

    proptest! {
        #[test]
        fn damage_never_panics(position in 0_usize..400, value: u8, cut in 0_usize..600) {
            let mut bytes = example();
            let position = position % bytes.len();
            bytes[position] = value;
            bytes.truncate(cut.max(4));
            let _ = each_file(&bytes, |_| true, |_, _| ());
        }
    }
}
