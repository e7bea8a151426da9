//! `lookhear bench`: how long one tick takes on this machine, and how far that is from the best that the machine could do.

mod cameras;
mod memory;
mod network;
mod threads;
mod times;

use std::hint::black_box;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow};
use clap::Args;
use lookhear::perception::encoder::Backend;
use lookhear::perception::localiser::Localiser;
use lookhear::perception::log_mel::{self, PatchStream};
use lookhear::perception::network::workers::Workers;
use lookhear::perception::picture::PictureFrontEnd;
use lookhear_board::{Picture, PixelFormat, Sound};
use serde::Serialize;

use self::cameras::CameraTimes;
use self::network::{Machine, NetworkTimes};
use self::threads::on_a_thread;
use self::times::{Times, milliseconds};
use super::model::ModelOptions;
use super::output::write_json;

/// Side of the made-up picture, before the front end fits it to the model.
const PICTURE_SIDE: usize = 720;
/// Size of the frames that the front ends are timed on.
const FRAME: (usize, usize) = (1280, 720);

/// `lookhear bench`.
#[derive(Debug, Args)]
pub struct Bench {
    #[command(flatten)]
    model: ModelOptions,
    /// Ticks to time, after as many tenths to warm up
    #[arg(long, value_name = "COUNT", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    ticks: u32,
    /// Also times each network by itself, step by step, in turns with tract, beside what the processor could do at best
    #[arg(long)]
    networks: bool,
    /// Also times the networks of so many cameras that share one model, from one to COUNT
    #[arg(long, value_name = "COUNT", default_value_t = 0, value_parser = clap::value_parser!(u16).range(0..=64))]
    cameras: u16,
    /// Also times the front end on a frame of a camera, a JPEG file
    #[arg(long, value_name = "FILE.jpg")]
    frame: Option<PathBuf>,
    /// Times a network of your own in place of a model: one input, one output
    #[arg(long, value_name = "FILE.onnx", requires = "input")]
    network: Option<PathBuf>,
    /// Shape of that network's input: 1,3,224,224
    #[arg(long, value_name = "SHAPE", value_delimiter = ',')]
    input: Vec<usize>,
}

/// What was measured; times in milliseconds.
#[derive(Debug, Serialize)]
struct Measured {
    /// From the bundle's bytes to a model that is ready.
    load: f64,
    /// From the start to the first percept.
    first_percept: f64,
    /// One 720×720 RGB picture through front end, vision network and heatmap.
    picture: Times,
    /// The vision network's share of it.
    vision: Times,
    /// Heatmap, peak and the point to aim at, from what the networks gave.
    aim: Times,
    /// One patch of 0.96 s of sound through front end and audio network: what each 0.48 s of a stream costs.
    sound: Times,
    /// The most memory that was resident after all this, in MiB.
    peak_memory_mib: f64,
    /// Ten seconds of a stream through the front end of sound.
    log_mel: Times,
    /// The front end alone on frames of 1280×720, and on the file that was given.
    front_ends: Vec<(String, Times)>,
    #[serde(skip_serializing_if = "Option::is_none")]
    machine: Option<Machine>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    networks: Vec<NetworkTimes>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    cameras: Vec<CameraTimes>,
}

/// What was measured of a network of one's own.
#[derive(Debug, Serialize)]
struct MeasuredNetwork {
    machine: Machine,
    networks: Vec<NetworkTimes>,
}

impl Bench {
    /// Measures and prints one line of JSON.
    pub fn run(self) -> anyhow::Result<()> {
        if let Some(file) = &self.network {
            let onnx = std::fs::read(file).with_context(|| format!("`{}` cannot be read", file.display()))?;
            self.model.ready_backend()?;
            let machine = Machine::measure(self.model.threads())?;
            let name = file.display().to_string();
            let networks = vec![network::measure(
                &name,
                &onnx,
                &self.input,
                self.model.backend(),
                machine,
                self.ticks,
            )?];
            return write_json(&MeasuredNetwork { machine, networks });
        }
        let start = Instant::now();
        let mut localiser = self.model.load()?;
        let load = milliseconds(start.elapsed());
        let rate_hz = localiser.ear().rate_hz();
        let samples = (0..rate_hz as usize * 975 / 1000)
            .map(|sample| (sample as f32 * 0.1).sin() * 0.1)
            .collect();
        let sound = Sound { samples, rate_hz };
        let picture = Picture::rgb(PICTURE_SIDE, PICTURE_SIDE, noise(PICTURE_SIDE * PICTURE_SIDE * 3))
            .ok_or_else(|| anyhow!("the picture to measure with has no pixels"))?;
        let embedding = localiser.hear(&sound)?;
        localiser.localise(&picture, &embedding, Duration::ZERO)?;
        let first_percept = milliseconds(start.elapsed());
        let picture_times = Times::of(self.ticks, || {
            localiser.localise(&picture, &embedding, Duration::ZERO)?;
            Ok(())
        })?;
        let vision = Times::of(self.ticks, || {
            localiser.see_again()?;
            Ok(())
        })?;
        let seen = localiser.see(&picture)?.to_vec();
        let aim = Times::of(self.ticks, || {
            black_box(localiser.localise_again(&seen, (PICTURE_SIDE, PICTURE_SIDE), &embedding, Duration::ZERO));
            Ok(())
        })?;
        let sound_times = Times::of(self.ticks, || {
            localiser.hear(&sound)?;
            Ok(())
        })?;
        let mut measured = Measured {
            load,
            first_percept,
            picture: picture_times,
            vision,
            aim,
            sound: sound_times,
            peak_memory_mib: memory::peak_mib(),
            log_mel: self.log_mel()?,
            front_ends: self.front_ends(&localiser)?,
            machine: None,
            networks: Vec::new(),
            cameras: Vec::new(),
        };
        if self.cameras > 0 && self.model.threads() > 1 {
            // Each camera's networks on one thread: the cameras share the threads.
            localiser = Localiser::new(&self.model.bundle()?, &Backend::new(self.model.backend(), 1)?)?;
        }
        for cameras in 1..=usize::from(self.cameras) {
            let percepts = self.ticks.div_ceil(4);
            let threads = self.model.threads();
            let times = cameras::measure(&localiser, cameras, threads, percepts, &picture, &embedding)?;
            measured.cameras.push(times);
        }
        if self.networks {
            let machine = Machine::measure(self.model.threads())?;
            measured.machine = Some(machine);
            let bundle = self.model.bundle()?;
            for (name, onnx, shape) in network::of_bundle(&bundle, localiser.ear().input_shape()) {
                let times = network::measure(name, &onnx, &shape, self.model.backend(), machine, self.ticks)?;
                measured.networks.push(times);
            }
        }
        write_json(&measured)
    }

    fn log_mel(&self) -> anyhow::Result<Times> {
        let samples: Vec<f32> = (0..10 * log_mel::RATE_HZ)
            .map(|index| (index as f32 * 0.05).sin() * 0.5)
            .collect();
        let mut stream = PatchStream::new();
        Times::of(self.ticks, || {
            for block in samples.chunks(log_mel::RATE_HZ as usize / 50) {
                stream.push(block, |patch| {
                    black_box(patch);
                });
            }
            Ok(())
        })
    }

    fn front_ends(&self, localiser: &Localiser) -> anyhow::Result<Vec<(String, Times)>> {
        let (width, height) = FRAME;
        let made_up = |format, stride_bytes: usize, bytes: usize| Picture {
            width,
            height,
            stride_bytes,
            format,
            bytes: noise(bytes),
        };
        let mut pictures = vec![
            (
                "RGB".to_owned(),
                made_up(PixelFormat::Rgb, 3 * width, 3 * width * height),
            ),
            (
                "YUYV".to_owned(),
                made_up(PixelFormat::Yuyv, 2 * width, 2 * width * height),
            ),
            (
                "NV12".to_owned(),
                made_up(PixelFormat::Nv12, width, width * height * 3 / 2),
            ),
        ];
        if let Some(file) = &self.frame {
            let bytes = std::fs::read(file).with_context(|| format!("`{}` cannot be read", file.display()))?;
            let picture = Picture {
                width,
                height,
                stride_bytes: 0,
                format: PixelFormat::Mjpeg,
                bytes,
            };
            pictures.push(("JPEG".to_owned(), picture));
        }
        let input = &localiser.manifest().picture;
        on_a_thread(|| {
            let workers = Arc::new(Workers::new(self.model.threads())?);
            let mut front_end = PictureFrontEnd::new(input.side_pixels, input.transform, input.mean, input.deviation)
                .shared_by(workers);
            let mut pixels = vec![0.0; front_end.output_values()];
            let mut times = Vec::new();
            for (name, picture) in pictures {
                let of_one = Times::of(self.ticks, || Ok(front_end.prepare(&picture, &mut pixels)?))?;
                times.push((name, of_one));
            }
            Ok(times)
        })
    }
}

/// Bytes that are not all alike.
fn noise(count: usize) -> Vec<u8> {
    (0..count).map(|index| (index * 31 % 251) as u8).collect()
}
