//! The pictures of a film, coded as H.264 by OpenH264.

use mp4_atom::{Avc1, Avcc, Codec, Visual};
use openh264::OpenH264API;
use openh264::encoder::{
    Encoder, EncoderConfig, FrameRate, FrameType, IntraFramePeriod, RateControlMode, UsageType, VuiConfig,
};
use openh264::formats::{RgbSliceU8, YUVBuffer};

/// The largest pictures that OpenH264 codes, lying or standing.
const MAX_EDGES: (usize, usize) = (3840, 2160);

/// The smallest edge that it codes.
const MIN_EDGE: usize = 16;

/// How far a player may have to go back to find a picture that stands by itself.
const SYNC_INTERVAL_SECONDS: f64 = 2.0;

/// Codes pictures of one size.
pub(super) struct VideoCoder {
    encoder: Encoder,
    /// Size of the pictures that are given.
    width: usize,
    height: usize,
    /// How many pixels of the given pictures, along each edge, make one of the film.
    reduction: usize,
    coded_width: usize,
    coded_height: usize,
    rgb: Vec<u8>,
    planes: YUVBuffer,
    stream: Vec<u8>,
    units: Vec<u8>,
    sequence_parameters: Vec<u8>,
    picture_parameters: Vec<u8>,
}

/// One coded picture.
pub(super) struct CodedPicture<'a> {
    /// Its units, each after its length in four bytes.
    pub units: &'a [u8],
    /// It can be decoded without those before.
    pub sync: bool,
}

impl VideoCoder {
    /// Prepares to code pictures of a size (above zero) at about a number of frames a second.
    ///
    /// Pictures larger than 3840 × 2160 are reduced by whole numbers; an odd last row or column is doubled, as H.264
    /// halves the colours' resolution.
    pub fn new(width: usize, height: usize, rate_hz: f64) -> Result<Self, String> {
        let reduction = (1..)
            .find(|reduction| fits(width / reduction, height / reduction))
            .unwrap_or(1);
        let even = |edge: usize| (edge / reduction).max(MIN_EDGE).next_multiple_of(2);
        let (coded_width, coded_height) = (even(width), even(height));
        let rate_hz = rate_hz.clamp(1.0, 120.0);
        let config = EncoderConfig::new()
            .usage_type(UsageType::CameraVideoRealTime)
            .rate_control_mode(RateControlMode::Off)
            .max_frame_rate(FrameRate::from_hz(rate_hz as f32))
            .skip_frames(false)
            .intra_frame_period(IntraFramePeriod::from_num_frames(
                (rate_hz * SYNC_INTERVAL_SECONDS).round() as u32,
            ))
            .vui(VuiConfig::bt601());
        let encoder =
            Encoder::with_api_config(OpenH264API::from_source(), config).map_err(|error| error.to_string())?;
        Ok(Self {
            encoder,
            width,
            height,
            reduction,
            coded_width,
            coded_height,
            rgb: vec![0; coded_width * coded_height * 3],
            planes: YUVBuffer::new(coded_width, coded_height),
            stream: Vec::new(),
            units: Vec::new(),
            sequence_parameters: Vec::new(),
            picture_parameters: Vec::new(),
        })
    }

    /// Size of the film's pictures.
    pub fn size(&self) -> (u16, u16) {
        let edge = |edge: usize| u16::try_from(edge).unwrap_or(u16::MAX);
        (edge(self.coded_width), edge(self.coded_height))
    }

    /// Codes a tightly packed RGB picture of the size that was announced.
    pub fn code(&mut self, rgb: &[u8]) -> Result<CodedPicture<'_>, String> {
        if self.reduction == 1 && (self.width, self.height) == (self.coded_width, self.coded_height) {
            self.planes.read_rgb8(RgbSliceU8::new(rgb, (self.width, self.height)));
        } else {
            self.fit(rgb);
            self.planes
                .read_rgb8(RgbSliceU8::new(&self.rgb, (self.coded_width, self.coded_height)));
        }
        let coded = self.encoder.encode(&self.planes).map_err(|error| error.to_string())?;
        let sync = matches!(coded.frame_type(), FrameType::IDR);
        self.stream.clear();
        coded.write_vec(&mut self.stream);
        self.units.clear();
        for unit in openh264::nal_units(&self.stream) {
            // A unit is given with its start code: zeros up to a one.
            let start = unit
                .iter()
                .position(|byte| *byte != 0)
                .map_or(unit.len(), |one| one + 1);
            let unit = &unit[start.min(unit.len())..];
            match unit.first().map(|kind| kind & 0x1F) {
                None => {}
                Some(7) => self.sequence_parameters = unit.to_vec(),
                Some(8) => self.picture_parameters = unit.to_vec(),
                Some(_) => {
                    self.units.extend_from_slice(&(unit.len() as u32).to_be_bytes());
                    self.units.extend_from_slice(unit);
                }
            }
        }
        Ok(CodedPicture {
            units: &self.units,
            sync,
        })
    }

    /// Brings a picture to the size of the film: means of blocks, and the last row and column again where some lack.
    fn fit(&mut self, rgb: &[u8]) {
        let (reduction, pixels) = (self.reduction, (self.reduction * self.reduction) as u32);
        let (last_column, last_row) = (
            (self.width / reduction).max(1) - 1,
            (self.height / reduction).max(1) - 1,
        );
        for (row, line) in self.rgb.chunks_exact_mut(self.coded_width * 3).enumerate() {
            let top = row.min(last_row) * reduction;
            for (column, pixel) in line.chunks_exact_mut(3).enumerate() {
                let left = column.min(last_column) * reduction;
                for (channel, value) in pixel.iter_mut().enumerate() {
                    let row_sum = |y: usize| -> u32 {
                        let start = (y * self.width + left) * 3 + channel;
                        (0..reduction)
                            .map(|x| u32::from(rgb.get(start + x * 3).copied().unwrap_or(0)))
                            .sum()
                    };
                    let sum: u32 = (top..top + reduction).map(row_sum).sum();
                    *value = ((sum + pixels / 2) / pixels) as u8;
                }
            }
        }
    }

    /// What a player must know to decode the track; complete once a picture was coded.
    pub fn description(&self) -> Result<Codec, String> {
        let (width, height) = self.size();
        let avcc =
            Avcc::new(&self.sequence_parameters, &self.picture_parameters).map_err(|_| "it gave no parameter sets")?;
        Ok(Codec::Avc1(Avc1 {
            visual: Visual {
                data_reference_index: 1,
                width,
                height,
                ..Visual::default()
            },
            avcc,
            ..Avc1::default()
        }))
    }
}

fn fits(width: usize, height: usize) -> bool {
    width.max(height) <= MAX_EDGES.0 && width.min(height) <= MAX_EDGES.1
}
