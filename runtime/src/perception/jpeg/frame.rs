//! What precedes the first scan of a JPEG image (ITU T.81, B.2).

use super::JpegError;

pub(super) const END_OF_IMAGE: [u8; 2] = [0xFF, 0xD9];

/// The headers of an image, by reference to its bytes.
#[derive(Debug)]
pub(super) struct Frame<'a> {
    pub(super) width: usize,
    pub(super) height: usize,
    /// Where the marker of the first scan stands.
    pub(super) scan_start: usize,
    pub(super) has_huffman_tables: bool,
    is_baseline: bool,
    /// Of an Adobe segment: 0 for red, green and blue, which JFIF does not know.
    adobe_transform: Option<u8>,
    components: [Component; 3],
    component_count: usize,
    quantisation: [Option<&'a [u8]>; 4],
    huffman: [[Option<Codes<'a>>; 2]; 2],
    restart_interval: usize,
}

/// One colour of an image.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Component {
    id: u8,
    /// Blocks side by side in a unit of the interleaved scan.
    pub(super) across: usize,
    /// Blocks one below the other.
    pub(super) down: usize,
    quantisation: usize,
}

/// The codes of a Huffman table, as a DHT segment has them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Codes<'a> {
    /// Codes of each length, from one bit to sixteen.
    pub(super) counts: &'a [u8; 16],
    pub(super) symbols: &'a [u8],
}

/// All that a decoder of one interleaved, sequential scan needs.
#[derive(Debug)]
pub(super) struct Baseline<'a> {
    /// One or three.
    pub(super) colours: [Option<Colour<'a>>; 3],
    /// By number, those of means before those of waves.
    pub(super) codes: [[Option<Codes<'a>>; 2]; 2],
    /// Units from one restart marker to the next; 0 where there are none.
    pub(super) restart_interval: usize,
    /// Where the data of the scan begin.
    pub(super) data_start: usize,
}

/// A component with the tables that its blocks are read by.
#[derive(Debug, Clone, Copy)]
pub(super) struct Colour<'a> {
    pub(super) component: Component,
    /// In the order of the scan, by 8 or 16 bits.
    quantisation: &'a [u8],
    /// Numbers of the tables of codes, 0 or 1.
    pub(super) tables: [usize; 2],
}

impl Colour<'_> {
    /// The steps of its quantisation, in the order of the scan.
    pub(super) fn steps(&self) -> [f32; 64] {
        let bytes = self.quantisation;
        std::array::from_fn(|place| match bytes.get(2 * place..2 * place + 2) {
            Some(&[high, low]) if bytes.len() == 128 => f32::from(u16::from_be_bytes([high, low])),
            _ => bytes.get(place).copied().map_or(0.0, f32::from),
        })
    }
}

impl<'a> Frame<'a> {
    /// # Errors
    /// What keeps an image from being decoded as far as the headers tell.
    pub(super) fn read(bytes: &'a [u8]) -> Result<Self, JpegError> {
        let byte = |at: usize| bytes.get(at).copied().ok_or(JpegError::Truncated);
        let word = |at: usize| Ok(usize::from(u16::from_be_bytes([byte(at)?, byte(at + 1)?])));
        if (byte(0)?, byte(1)?) != (0xFF, 0xD8) {
            return Err(JpegError::Damaged("no start of image".into()));
        }
        let mut frame = Frame {
            width: 0,
            height: 0,
            scan_start: 0,
            has_huffman_tables: false,
            is_baseline: false,
            adobe_transform: None,
            components: [Component::default(); 3],
            component_count: 0,
            quantisation: [None; 4],
            huffman: [[None; 2]; 2],
            restart_interval: 0,
        };
        let mut at = 2;
        loop {
            if byte(at)? != 0xFF {
                return Err(JpegError::Damaged(format!("no marker at byte {at}")));
            }
            let marker = byte(at + 1)?;
            if marker == 0xFF {
                // Any number of fill bytes may precede a marker.
                at += 1;
                continue;
            }
            if marker == 0xDA {
                frame.scan_start = at;
                return match frame.component_count {
                    0 => Err(JpegError::Damaged("a scan before any frame".into())),
                    _ => Ok(frame),
                };
            }
            let length = word(at + 2)?;
            if length < 2 {
                return Err(JpegError::Damaged(format!("a segment of {length} bytes")));
            }
            let (start, end) = (at + 4, at + 2 + length);
            let segment = bytes.get(start..end).unwrap_or_default();
            match marker {
                0xC0..=0xC2 => {
                    if byte(start)? != 8 {
                        return Err(JpegError::Unsupported("not 8 bits a sample"));
                    }
                    if !matches!(byte(start + 5)?, 1 | 3) {
                        return Err(JpegError::Unsupported("neither grey nor three colours"));
                    }
                    (frame.width, frame.height) = (word(start + 3)?, word(start + 1)?);
                    frame.component_count = usize::from(byte(start + 5)?);
                    frame.is_baseline = marker != 0xC2;
                    let stated = segment.get(6..).unwrap_or_default().as_chunks::<3>().0;
                    for (component, &[id, sampling, quantisation]) in frame.components.iter_mut().zip(stated) {
                        *component = Component {
                            id,
                            across: usize::from(sampling >> 4),
                            down: usize::from(sampling & 15),
                            quantisation: quantisation.into(),
                        };
                    }
                }
                0xC4 => {
                    frame.has_huffman_tables = true;
                    frame.take_huffman(segment);
                }
                0xC3 | 0xC5..=0xCF => return Err(JpegError::Unsupported("neither baseline nor progressive")),
                0xDB => frame.take_quantisation(segment),
                0xDD => frame.restart_interval = word(start)?,
                0xEE if segment.starts_with(b"Adobe") => frame.adobe_transform = segment.get(11).copied(),
                0xDE..=0xFE => {}
                marker => {
                    return Err(JpegError::Damaged(format!(
                        "marker {marker:#04X} before the first scan"
                    )));
                }
            }
            at = end;
        }
    }

    /// The same, of an image of the size that was promised.
    ///
    /// # Errors
    /// Also where it has another.
    pub(super) fn of_size(bytes: &'a [u8], width: usize, height: usize) -> Result<Self, JpegError> {
        let frame = Self::read(bytes)?;
        if (frame.width, frame.height) != (width, height) {
            return Err(JpegError::OtherSize {
                width,
                height,
                found_width: frame.width,
                found_height: frame.height,
            });
        }
        Ok(frame)
    }

    /// The codes of a DHT segment; a later table takes the place of an earlier one.
    pub(super) fn take_huffman(&mut self, mut segment: &'a [u8]) {
        while let Some((&[kind], rest)) = segment.split_first_chunk() {
            let Some((counts, rest)) = rest.split_first_chunk::<16>() else {
                return;
            };
            let symbols: usize = counts.iter().map(|&count| usize::from(count)).sum();
            let Some((symbols, rest)) = rest.split_at_checked(symbols) else {
                return;
            };
            let table = self.huffman.get_mut(usize::from(kind >> 4));
            if let Some(table) = table.and_then(|tables| tables.get_mut(usize::from(kind & 15))) {
                *table = Some(Codes { counts, symbols });
            }
            segment = rest;
        }
    }

    /// The tables of a DQT segment.
    fn take_quantisation(&mut self, mut segment: &'a [u8]) {
        while let Some((&[kind], rest)) = segment.split_first_chunk() {
            let bytes = if kind >> 4 == 0 { 64 } else { 128 };
            let Some((values, rest)) = rest.split_at_checked(bytes) else {
                return;
            };
            if let Some(table) = self.quantisation.get_mut(usize::from(kind & 15)) {
                *table = Some(values);
            }
            segment = rest;
        }
    }

    /// The image as one interleaved scan of 8 × 8 blocks, grey or luma and chroma; `None` where it is of another kind.
    /// `bytes` are those of [`read`](Self::read).
    pub(super) fn baseline(&self, bytes: &'a [u8]) -> Option<Baseline<'a>> {
        let count = self.component_count;
        if !self.is_baseline || self.adobe_transform == Some(0) {
            return None;
        }
        let length = usize::from(u16::from_be_bytes([
            *bytes.get(self.scan_start + 2)?,
            *bytes.get(self.scan_start + 3)?,
        ]));
        let scan = bytes.get(self.scan_start + 4..self.scan_start + 2 + length)?;
        let stated = scan.get(1..)?.as_chunks::<2>().0;
        let is_whole =
            scan.len() == 4 + 2 * count && usize::from(*scan.first()?) == count && scan.ends_with(&[0, 63, 0]);
        if !is_whole {
            return None;
        }
        let mut colours = [None; 3];
        for ((colour, component), &[id, tables]) in colours.iter_mut().zip(&self.components).zip(stated).take(count) {
            if component.id != id {
                return None;
            }
            let tables = [tables >> 4, tables & 15].map(usize::from);
            let has_codes = |class: usize| self.huffman[class].get(tables[class]).is_some_and(Option::is_some);
            if !has_codes(0) || !has_codes(1) {
                return None;
            }
            *colour = Some(Colour {
                // A single component is not interleaved: its blocks follow one another (ITU T.81, A.2.2).
                component: if count == 1 {
                    Component {
                        across: 1,
                        down: 1,
                        ..*component
                    }
                } else {
                    *component
                },
                quantisation: (*self.quantisation.get(component.quantisation)?)?,
                tables,
            });
        }
        let ids = self.components.map(|component| component.id);
        if count == 3 && &ids == b"RGB" {
            return None;
        }
        Some(Baseline {
            colours,
            codes: self.huffman,
            restart_interval: self.restart_interval,
            data_start: self.scan_start + 2 + length,
        })
    }
}
