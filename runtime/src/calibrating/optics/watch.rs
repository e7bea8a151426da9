//! The camera's part: pictures of a scene at rest, and whether it is.

use std::time::Duration;

use lookhear_board::{CaptureError, Delivery, Frame, Picture};
use lookhear_calibration::optics::{GreyPicture, Match, MatchError, Matcher, PhaseCorrelator, Shift};

use super::{Devices, OpticsError, Progress};
use crate::perception::picture::{PictureError, to_rgb};

/// So many frames in a row may be spoiled.
const MOST_SPOILED: u32 = 30;
/// A picture is at rest when it has shifted by less than this, in pixels of one shrunk to some 160, …
const STILL_PIXELS: f64 = 0.2;
/// … for so long.
const STILL_FOR: Duration = Duration::from_millis(400);
/// A head may take so long to begin.
const SLOWEST_TO_BEGIN: Duration = Duration::from_millis(1500);
/// It is waited for so long until a picture comes to rest.
const PATIENCE: Duration = Duration::from_secs(20);
/// So many frames make each of two means, which are compared.
const FRAMES: usize = 4;
/// How much of a picture may move, in the branches of a tree say: matches leave it out.
const MOST_MOVING_SHARE: f64 = 0.3;
/// How often it is waited for a scene to become still, and for how long.
const TRIES: u32 = 4;
const PAUSE: Duration = Duration::from_secs(2);
/// Of two frames with less in common than this many times chance the shift is not believed.
const BELIEVED: f64 = 2.0;

/// A camera that is watched.
pub(super) struct Watch<'a> {
    pub devices: Devices<'a>,
    frame: Frame,
    matcher: Option<(Matcher, (usize, usize))>,
    tracker: Option<(PhaseCorrelator, (usize, usize))>,
}

impl<'a> Watch<'a> {
    pub fn new(devices: Devices<'a>) -> Self {
        Self {
            devices,
            frame: Frame::default(),
            matcher: None,
            tracker: None,
        }
    }

    pub fn tell(&mut self, progress: Progress) {
        (self.devices.tell)(progress);
    }

    pub fn now(&self) -> Duration {
        self.devices.clock.now()
    }

    /// The next frame, with its stamp.
    pub fn glance(&mut self) -> Result<(Duration, GreyPicture), OpticsError> {
        let mut spoiled = 0;
        loop {
            if (self.devices.interrupted)() {
                return Err(OpticsError::Interrupted);
            }
            let outcome = match self.devices.camera.next_frame(&mut self.frame) {
                Ok(Delivery::Ended) => return Err(OpticsError::Ended),
                Ok(Delivery::Fresh) => grey(&self.frame.picture).map_err(OpticsError::from),
                Err(cause @ CaptureError::Retry { .. }) => Err(cause.into()),
                Err(cause) => return Err(cause.into()),
            };
            match outcome {
                Ok(picture) => return Ok((self.frame.stamp, picture)),
                Err(cause) if spoiled >= MOST_SPOILED => return Err(cause),
                Err(_) => spoiled += 1,
            }
        }
    }

    /// By how much a frame is shifted against another, both [halved](GreyPicture::halved); `None` where they have too little in common.
    pub fn track(&mut self, first: &GreyPicture, second: &GreyPicture) -> Result<Option<Shift>, OpticsError> {
        let size = (first.width(), first.height());
        let tracker = match &self.tracker {
            Some((tracker, known)) if *known == size => tracker,
            _ => &self.tracker.insert((PhaseCorrelator::new(size.0, size.1, 1.5), size)).0,
        };
        match tracker.shift(first.values(), second.values()) {
            Ok(shift) => Ok((shift.quality > BELIEVED * shift.chance).then_some(shift)),
            Err(_) => Err(MatchError::Featureless.into()),
        }
    }

    /// Waits until the picture is at rest after a command that was given at a time.
    pub fn rest(&mut self, commanded: Duration) -> Result<(), OpticsError> {
        let mut moved = false;
        let mut anchor: Option<(Duration, GreyPicture)> = None;
        loop {
            let (stamp, picture) = self.glance()?;
            let waited = self.now().saturating_sub(commanded);
            if stamp >= commanded {
                let picture = picture.halved();
                let is_still = match &anchor {
                    Some((_, before)) => {
                        let shift = self.track(before, &picture)?;
                        shift.is_some_and(|shift| shift.right.hypot(shift.down) < STILL_PIXELS)
                    }
                    None => false,
                };
                match &anchor {
                    Some((since, _)) if is_still => {
                        let has_begun = moved || waited >= SLOWEST_TO_BEGIN;
                        let is_long = stamp.saturating_sub(*since) >= STILL_FOR;
                        if has_begun && is_long && self.devices.head.is_moving()? != Some(true) {
                            return Ok(());
                        }
                    }
                    _ => {
                        moved |= anchor.is_some();
                        anchor = Some((stamp, picture));
                    }
                }
            }
            if waited > PATIENCE {
                let seconds = PATIENCE.as_secs_f64();
                return Err(OpticsError::NeverStill { seconds });
            }
        }
    }

    /// The scene at rest: the mean of some frames, of which the first half shows what the second does.
    pub fn still(&mut self) -> Result<GreyPicture, OpticsError> {
        let mut moving_share = 0.0;
        for attempt in 0..TRIES {
            if attempt > 0 {
                self.tell(Progress::WaitingForStillness);
                let until = self.now() + PAUSE;
                while self.now() < until {
                    self.glance()?;
                }
            }
            let [first, second] = [self.mean()?, self.mean()?];
            moving_share = self.matcher(&first).stillness(&first, &second)?.moving_share;
            if moving_share <= MOST_MOVING_SHARE {
                return GreyPicture::mean([&first, &second]).ok_or(MatchError::NothingInCommon.into());
            }
        }
        Err(OpticsError::MovingScene { moving_share })
    }

    /// By how many pixels the picture as a whole is shifted.
    pub fn shift(&mut self, first: &GreyPicture, second: &GreyPicture) -> Result<Shift, MatchError> {
        self.matcher(first).shift(first, second)
    }

    /// Where places of one picture lie in another.
    pub fn matches(&mut self, first: &GreyPicture, second: &GreyPicture) -> Result<Vec<Match>, MatchError> {
        self.matcher(first).matches(first, second)
    }

    fn mean(&mut self) -> Result<GreyPicture, OpticsError> {
        let pictures = (0..FRAMES)
            .map(|_| self.glance().map(|(_, picture)| picture))
            .collect::<Result<Vec<_>, _>>()?;
        GreyPicture::mean(&pictures).ok_or(MatchError::NothingInCommon.into())
    }

    fn matcher(&mut self, like: &GreyPicture) -> &Matcher {
        let size = (like.width(), like.height());
        match &mut self.matcher {
            Some((_, known)) if *known == size => {}
            other => *other = Some((Matcher::new(like), size)),
        }
        &self.matcher.get_or_insert_with(|| (Matcher::new(like), size)).0
    }
}

fn grey(picture: &Picture) -> Result<GreyPicture, PictureError> {
    let rgb = to_rgb(picture)?;
    let (width, height) = (rgb.width, rgb.height);
    GreyPicture::from_rgb(width, height, &rgb.bytes).ok_or(PictureError::Size { width, height })
}
