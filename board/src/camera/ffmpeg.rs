//! A film that the system's `ffmpeg` decodes, in place of a camera.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::ChildStdout;
use std::time::Duration;

use super::yuv::{Colours, Planes};
use super::{Camera, Length};
use crate::Frame;
use crate::capture::{CaptureError, Delivery};
use crate::ffmpeg::Ffmpeg;
use crate::picture_file::MAX_PIXELS;

/// The most frames a second that are taken; of films that tell none, or a tick rate, these are made by repetition.
const MAX_FRAME_RATE_HZ: u32 = 60;

/// The longest header line of YUV4MPEG2; those of `ffmpeg` have about a hundred bytes.
const MAX_HEADER_BYTES: u64 = 4096;

/// A film in any coding and container that the system's `ffmpeg` knows.
///
/// `ffmpeg` turns it upright, brings it to a constant frame rate and to BT.601 colours, and hands it over as YUV4MPEG2,
/// whose header tells size and rate.
pub struct FfmpegFilm {
    name: String,
    ffmpeg: Option<Ffmpeg>,
    output: BufReader<ChildStdout>,
    header: Header,
    line: Vec<u8>,
    planes: Vec<u8>,
    delivered: u32,
}

impl FfmpegFilm {
    /// Starts `ffmpeg` on a film; the error is a clause for a message that names the file.
    pub(crate) fn open(path: &Path) -> Result<Self, String> {
        let filter = format!(
            "fps=fps='min(source_fps,{MAX_FRAME_RATE_HZ})':start_time=0,scale=out_color_matrix=bt601:out_range=tv,format=yuv420p"
        );
        let (ffmpeg, output) = Ffmpeg::start(
            path,
            &[
                "-map",
                "0:v:0",
                "-vf",
                &filter,
                "-f",
                "yuv4mpegpipe",
                "-strict",
                "-1",
                "-",
            ],
        )?;
        let mut output = BufReader::new(output);
        let mut line = Vec::new();
        let read = output.by_ref().take(MAX_HEADER_BYTES).read_until(b'\n', &mut line);
        let header = match (read, Header::parse(&line)) {
            (Ok(_), Some(header)) => header,
            _ => {
                return Err(ffmpeg
                    .finish()
                    .err()
                    .unwrap_or_else(|| "ffmpeg finds no frame in it".to_owned()));
            }
        };
        let planes = vec![0; header.frame_bytes()];
        let name = path.display().to_string();
        Ok(Self {
            name,
            ffmpeg: Some(ffmpeg),
            output,
            header,
            line,
            planes,
            delivered: 0,
        })
    }

    /// Reads the next frame's planes; `false` at the end, also in the middle of a frame.
    fn read_planes(&mut self) -> std::io::Result<bool> {
        self.line.clear();
        self.output
            .by_ref()
            .take(MAX_HEADER_BYTES)
            .read_until(b'\n', &mut self.line)?;
        if !self.line.starts_with(b"FRAME") {
            return Ok(false);
        }
        match self.output.read_exact(&mut self.planes) {
            Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => Ok(false),
            other => other.map(|()| true),
        }
    }
}

impl Camera for FfmpegFilm {
    fn next_frame(&mut self, into: &mut Frame) -> Result<Delivery, CaptureError> {
        if self.ffmpeg.is_none() {
            return Ok(Delivery::Ended);
        }
        let broken = |device: &str, cause: String| CaptureError::Incomplete {
            device: device.to_owned(),
            cause,
        };
        if !self
            .read_planes()
            .map_err(|error| broken(&self.name, error.to_string()))?
        {
            let ended = self.ffmpeg.take().map_or(Ok(()), Ffmpeg::finish);
            return ended
                .map(|()| Delivery::Ended)
                .map_err(|complaint| broken(&self.name, complaint));
        }
        let Header { width, height, rate } = self.header;
        let chroma_stride = width.div_ceil(2);
        let (luma, chroma) = self.planes.split_at(width * height);
        let (u, v) = chroma.split_at(chroma.len() / 2);
        let planes = Planes {
            width,
            height,
            luma,
            u,
            v,
            luma_stride: width,
            chroma_stride,
        };
        planes.write_rgb(Colours::new(None, false), into.picture.become_rgb(width, height));
        into.stamp = Duration::from_secs_f64(f64::from(self.delivered) * f64::from(rate.1) / f64::from(rate.0));
        self.delivered += 1;
        Ok(Delivery::Fresh)
    }

    fn length(&self) -> Length {
        Length::default()
    }
}

/// The first line of a YUV4MPEG2 stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Header {
    width: usize,
    height: usize,
    /// Frames a number of seconds: a fraction above zero.
    rate: (u32, u32),
}

impl Header {
    fn parse(line: &[u8]) -> Option<Self> {
        let mut fields = std::str::from_utf8(line).ok()?.split_whitespace();
        if fields.next() != Some("YUV4MPEG2") {
            return None;
        }
        let (mut width, mut height, mut rate) = (0, 0, (0, 0));
        for field in fields {
            match field.split_at_checked(1)? {
                ("W", value) => width = value.parse().ok()?,
                ("H", value) => height = value.parse().ok()?,
                ("F", value) => {
                    let (frames, seconds) = value.split_once(':')?;
                    rate = (frames.parse().ok()?, seconds.parse().ok()?);
                }
                _ => {}
            }
        }
        let pixels = u64::try_from(width).ok()?.checked_mul(u64::try_from(height).ok()?)?;
        ((1..=MAX_PIXELS).contains(&pixels) && rate.0 > 0 && rate.1 > 0).then_some(Self { width, height, rate })
    }

    /// Bytes of one frame's three planes (4:2:0).
    fn frame_bytes(&self) -> usize {
        self.width * self.height + 2 * self.width.div_ceil(2) * self.height.div_ceil(2)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_header_tells_size_and_rate() {
        let header = Header::parse(b"YUV4MPEG2 W321 H241 F30000:1001 Ip A1:1 C420jpeg XYSCSS=420JPEG\n");
        assert_eq!(
            header,
            Some(Header {
                width: 321,
                height: 241,
                rate: (30_000, 1001)
            })
        );
        assert_eq!(
            header.map(|header| header.frame_bytes()),
            Some(321 * 241 + 2 * 161 * 121)
        );
        assert_eq!(Header::parse(b"YUV4MPEG2 W321 H241 F0:0\n"), None);
        assert_eq!(Header::parse(b"YUV4MPEG2 W99999999 H99999999 F25:1\n"), None);
        assert_eq!(Header::parse(b""), None);
    }

    proptest! {
        #[test]
        fn no_header_is_too_odd(line in prop::collection::vec(any::<u8>(), 0..60), text in "YUV4MPEG2( [WHFIA][0-9:]{0,20}){0,6}") {
            let _ = (Header::parse(&line), Header::parse(text.as_bytes()));
        }
    }
}
