//! Frame after frame of a camera to smaller pictures, as far as they are of the kind that cameras send.

use super::frame::Frame;
use super::lanes::Output;
use super::scan::{Ending, Segments};
use super::shrink::Shrinker;
use super::{JpegError, STANDARD_HUFFMAN_TABLES};
use crate::perception::network::workers::Workers;
use crate::perception::resize::Tap;

/// A part that one thread reads has so many bytes at least: they take it some ten times as long as handing them over. Fuzzing tries parts
/// of frames that are small.
const LEAST_PART_BYTES: usize = if cfg!(fuzzing) { 16 } else { 8192 };

/// Makes pictures of one size from frames of one size; weights and buffers are made for the first frame and kept for those that follow,
/// which then cost no allocation.
#[derive(Debug)]
pub(in crate::perception) struct ShrinkingDecoder {
    segments: Segments,
    made: Option<Made>,
    pub(super) least_part_bytes: usize,
}

impl Default for ShrinkingDecoder {
    fn default() -> Self {
        Self {
            segments: Segments::default(),
            made: None,
            least_part_bytes: LEAST_PART_BYTES,
        }
    }
}

/// What was made for frames of a size and sampling.
#[derive(Debug)]
struct Made {
    size: (usize, usize),
    samplings: [Option<(usize, usize)>; 3],
    /// `None` where frames of this kind have to be decoded whole.
    shrinker: Option<Shrinker>,
}

impl ShrinkingDecoder {
    /// Fills `output` from the JPEG frame `bytes` of `width × height`. `taps` gives those of the columns and rows of the smaller picture,
    /// which must be the same for all frames of a size; `workers` share the work, and what is filled does not depend on how many they are. False where the frame is not of the kind that cameras send: it is then to be decoded whole.
    ///
    /// # Errors
    /// Every [`JpegError`]; what is filled is then worth nothing.
    pub(in crate::perception) fn shrink(
        &mut self,
        bytes: &[u8],
        (width, height): (usize, usize),
        taps: impl FnOnce() -> [Vec<Tap>; 2],
        output: Output<'_>,
        workers: &Workers,
    ) -> Result<bool, JpegError> {
        let mut frame = Frame::of_size(bytes, width, height)?;
        if !frame.has_huffman_tables {
            frame.take_huffman(&STANDARD_HUFFMAN_TABLES[4..]);
        }
        let Some(baseline) = frame.baseline(bytes) else {
            return Ok(false);
        };
        let samplings = baseline
            .colours
            .map(|colour| colour.map(|colour| (colour.component.across, colour.component.down)));
        let is_known = |made: &Made| made.size == (width, height) && made.samplings == samplings;
        if !self.made.as_ref().is_some_and(is_known) {
            let [across, down] = taps();
            self.made = Some(Made {
                size: (width, height),
                samplings,
                shrinker: Shrinker::new(&baseline, (width, height), [&across, &down]),
            });
        }
        let Some(shrinker) = self.made.as_mut().and_then(|made| made.shrinker.as_mut()) else {
            return Ok(false);
        };
        match self.segments.fill(bytes.get(baseline.data_start..).unwrap_or_default()) {
            Ending::Image => {}
            Ending::Cut => return Err(JpegError::Truncated),
            Ending::Gap => return Err(JpegError::Damaged("a restart marker is missing".into())),
            Ending::Other => return Ok(false),
        }
        let parts = workers
            .threads()
            .min(self.segments.bytes(usize::MAX) / self.least_part_bytes);
        workers
            .within(|| shrinker.run(&baseline, &self.segments, output, parts, workers))
            .map_err(|_| JpegError::Damaged("its data end early or are no code".into()))?;
        Ok(true)
    }
}
