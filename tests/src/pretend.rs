//! A device that only pretends: frames of a room with something that moves in it, percepts that follow it, and a camera that
//! turns as it is told. It drives the outputs of the real one.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;
use std::time::Duration;

use lookhear::actuation::PerceptEvent;
use lookhear::actuation::lines::{EventQueue, EventSink};
use lookhear::actuation::status::{Request, Requests, StageStatus, Status};
use lookhear::attention::{Attention, State};
use lookhear::exchange::{Bulletin, Pulse, Viewfinder};
use lookhear::perception::heatmap::{Heatmap, Point};
use lookhear::perception::manifest::PictureInput;
use lookhear::perception::percept::Percept;
use lookhear::perception::picture::PictureTransform;
use lookhear_board::{Clock, Frame, MonotonicClock, Orientation};
use lookhear_calibration::Level;

const TURN: Duration = Duration::from_millis(50);
const CELLS: usize = 14;
const SIZE: (usize, usize) = (640, 360);
const THRESHOLD: f32 = 0.3;

/// The device, until it is dropped.
pub struct Pretend {
    /// Its state.
    pub status: Arc<Bulletin<Status>>,
    /// Its picture.
    pub viewfinder: Arc<Viewfinder>,
    /// Where requests go.
    pub requests: Requests,
    /// What came in there.
    pub asked: mpsc::Receiver<Request>,
    /// Its percepts.
    pub events: Arc<EventQueue>,
    /// The microphone has been unplugged.
    pub deaf: Arc<AtomicBool>,
    /// The camera gives no frames.
    pub blind: Arc<AtomicBool>,
    /// How often it went round.
    pub rounds: Arc<AtomicUsize>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Pretend {
    /// Switches it on.
    pub fn start() -> Self {
        let (requests, received) = Requests::line();
        let (passed_on, asked) = mpsc::channel();
        let (sink, events) = EventSink::queue();
        let mut device = Self {
            status: Arc::default(),
            viewfinder: Arc::default(),
            requests,
            asked,
            events: Arc::new(events),
            deaf: Arc::default(),
            blind: Arc::default(),
            rounds: Arc::default(),
            stop: Arc::default(),
            thread: None,
        };
        let (status, viewfinder) = (device.status.clone(), device.viewfinder.clone());
        let (stop, deaf, blind) = (device.stop.clone(), device.deaf.clone(), device.blind.clone());
        let rounds = device.rounds.clone();
        device.thread = Some(std::thread::spawn(move || {
            let mut camera = Camera::default();
            let (mut frame, mut spare) = (Frame::default(), Frame::default());
            let mut told = Status::default();
            while !stop.load(Ordering::Relaxed) {
                let now = MonotonicClock.now();
                while let Ok(request) = received.try_recv() {
                    camera.obey(request);
                    let _ = passed_on.send(request);
                }
                camera.turn();
                if !blind.load(Ordering::Relaxed) {
                    paint(&mut frame, now);
                    viewfinder.offer(&frame, &mut spare);
                }
                tell(&mut told, now, deaf.load(Ordering::Relaxed), &camera);
                let event = PerceptEvent::new(now, told.percept.as_ref(), &told.attention, told.level);
                sink.offer(&event);
                status.post(|status| status.clone_from(&told));
                rounds.fetch_add(1, Ordering::Relaxed);
                std::thread::sleep(TURN);
            }
        }));
        device
    }

    /// The input of the model that it pretends to have.
    pub fn input() -> PictureInput {
        PictureInput {
            side_pixels: 224,
            transform: PictureTransform::FullFrame,
            mean: [0.0; 3],
            deviation: [1.0; 3],
            map_cells: CELLS,
        }
    }

    /// A sign of life for one of its outputs.
    pub fn pulse() -> Pulse {
        Pulse::new(Arc::new(MonotonicClock))
    }
}

impl Drop for Pretend {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

#[derive(Default)]
struct Camera {
    looks: Orientation,
    pan: f64,
    tilt: f64,
    is_paused: bool,
}

impl Camera {
    fn obey(&mut self, request: Request) {
        match request {
            Request::Pause => self.is_paused = true,
            Request::Resume => self.is_paused = false,
            Request::Home => self.looks = Orientation::default(),
            Request::Drive { pan, tilt } => (self.pan, self.tilt) = (pan, tilt),
            Request::Stop => (self.pan, self.tilt) = (0.0, 0.0),
        }
    }

    fn turn(&mut self) {
        self.looks.pan_degrees += self.pan * TURN.as_secs_f64();
        self.looks.tilt_degrees += self.tilt * TURN.as_secs_f64();
    }
}

/// Where the source is: it goes to and fro.
fn source(now: Duration) -> Point {
    let phase = now.as_secs_f32() * 0.7;
    Point {
        x: 0.5 + 0.3 * phase.sin(),
        y: 0.5 + 0.15 * (phase * 1.7).cos(),
    }
}

/// A wall, a floor, and a bright ball.
fn paint(frame: &mut Frame, now: Duration) {
    frame.stamp = now;
    let ball = source(now);
    let (width, height) = SIZE;
    let bytes = frame.picture.become_rgb(width, height);
    for (row, line) in bytes.chunks_exact_mut(width * 3).enumerate() {
        let wall = if row * 3 < height * 2 {
            [92, 108, 118]
        } else {
            [84, 66, 50]
        };
        for (column, pixel) in line.chunks_exact_mut(3).enumerate() {
            let (x, y) = (
                column as f32 - ball.x * width as f32,
                row as f32 - ball.y * height as f32,
            );
            let shade = (column / 40 % 2 * 6) as u8;
            pixel.copy_from_slice(&if x.hypot(y) < 24.0 {
                [230, 190, 90]
            } else {
                wall.map(|value| value + shade)
            });
        }
    }
}

fn tell(status: &mut Status, now: Duration, is_deaf: bool, camera: &Camera) {
    let place = source(now);
    // Four seconds of sound, then two of silence.
    let sounds = now.as_millis() % 6000 < 4000 && !is_deaf;
    let similarity = if sounds { 0.62 } else { 0.12 };
    let values = (0..CELLS * CELLS).map(|cell| {
        let middle = |index: usize| (index as f32 + 0.5) / CELLS as f32;
        let distance = (middle(cell % CELLS) - place.x).hypot(middle(cell / CELLS) - place.y);
        similarity - 0.7 * distance.min(1.0)
    });
    let percept = Percept {
        heatmap: Heatmap {
            width: CELLS,
            height: CELLS,
            values: values.collect(),
        },
        peak: place,
        centre: place,
        similarity,
        probability: None,
        accepted: sounds,
        stamp: now,
    };
    status.stamp = now;
    status.percept = (!is_deaf).then_some(percept);
    status.threshold = THRESHOLD;
    status.attention = Attention {
        state: if sounds { State::Tracking } else { State::Holding },
        target: Some(place),
        confidence: if sounds { 1.0 } else { 0.6 },
        ..Attention::default()
    };
    status.level = Level::from_decibels(if sounds { -24.0 } else { -61.0 });
    status.meter = status.level;
    status.percepts_per_second = 10.0;
    status.frames_per_second = 20.0;
    status.temperature_celsius = Some(54.2);
    status.paused = camera.is_paused;
    status.orientation = Some(camera.looks);
    status.moving = (camera.pan, camera.tilt) != (0.0, 0.0);
    status.stages = ["camera", "microphone", "perception", "attention", "ptz", "web"]
        .map(|name| stage(name, is_deaf))
        .to_vec();
}

fn stage(name: &str, is_deaf: bool) -> StageStatus {
    let ails = name == "microphone" && is_deaf;
    StageStatus {
        name: name.to_owned(),
        fresh: !ails,
        restarts: u64::from(ails) * 2,
        trouble: ails.then(|| "hw:CARD=U0x46d0x825 was unplugged; plug it in again".to_owned()),
    }
}
