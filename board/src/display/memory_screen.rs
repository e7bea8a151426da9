//! A screen that is no screen: it keeps what it is shown, for tests, and in a picture file for whoever has none to look at.

use std::collections::VecDeque;
#[cfg(feature = "media")]
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{Canvas, Screen, ScreenError};

/// Keeps the latest picture. A clone is the same screen, to look at while another thread shows pictures on it.
#[derive(Debug, Clone)]
pub struct MemoryScreen {
    name: String,
    size: (usize, usize),
    #[cfg(feature = "media")]
    file: Option<PathBuf>,
    shown: Arc<Mutex<Shown>>,
}

#[derive(Debug, Default)]
struct Shown {
    latest: Canvas,
    count: u64,
    failures: VecDeque<ScreenError>,
}

impl MemoryScreen {
    /// A screen of a size in pixels.
    pub fn new(width: usize, height: usize) -> Self {
        Self {
            name: "memory".into(),
            size: (width, height),
            #[cfg(feature = "media")]
            file: None,
            shown: Arc::default(),
        }
    }

    /// One that also writes every picture to a file (PNG or JPEG by its ending) in place of the one before.
    #[cfg(feature = "media")]
    pub fn keeping(path: PathBuf, width: usize, height: usize) -> Self {
        Self {
            name: path.display().to_string(),
            file: Some(path),
            ..Self::new(width, height)
        }
    }

    /// The latest picture; without extent before the first.
    pub fn latest(&self) -> Canvas {
        self.lock().latest.clone()
    }

    /// How many pictures were shown.
    pub fn count(&self) -> u64 {
        self.lock().count
    }

    /// Makes the next picture, after those for which that was already asked, fail so.
    pub fn fail(&self, error: ScreenError) {
        self.lock().failures.push_back(error);
    }

    fn lock(&self) -> MutexGuard<'_, Shown> {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Screen for MemoryScreen {
    fn name(&self) -> &str {
        &self.name
    }

    fn size(&self) -> (usize, usize) {
        self.size
    }

    fn show(&mut self, canvas: &Canvas) -> Result<(), ScreenError> {
        let mut shown = self.lock();
        if let Some(error) = shown.failures.pop_front() {
            return Err(error);
        }
        shown.latest.clone_from(canvas);
        shown.count += 1;
        drop(shown);
        #[cfg(feature = "media")]
        if let Some(path) = &self.file {
            return canvas.save(path).map_err(|error| match &error {
                super::SaveError::Ending { .. } => ScreenError::GiveUp {
                    device: self.name.clone(),
                    cause: error.to_string(),
                },
                super::SaveError::Unwritable { .. } => ScreenError::Retry {
                    device: self.name.clone(),
                    cause: error.to_string(),
                },
            });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use super::*;

    #[test]
    fn the_latest_picture_is_kept_and_failures_come_in_turn() {
        let looked_at = MemoryScreen::new(2, 1);
        let mut screen: Box<dyn Screen> = Box::new(looked_at.clone());
        let mut canvas = Canvas::new(2, 1);
        let failure = ScreenError::Retry {
            device: "memory".into(),
            cause: "asked for".into(),
        };
        looked_at.fail(failure.clone());
        assert_eq!(screen.show(&canvas), Err(failure));
        canvas.bytes_mut().fill(3);
        screen.show(&canvas).unwrap();
        assert_eq!((looked_at.latest(), looked_at.count()), (canvas, 1));
    }

    #[test]
    #[cfg(feature = "media")]
    fn a_file_holds_the_latest_picture() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("screen.png");
        let mut screen = MemoryScreen::keeping(path.clone(), 2, 1);
        let mut canvas = Canvas::new(2, 1);
        for shade in [10, 200] {
            canvas.bytes_mut().fill(shade);
            screen.show(&canvas).unwrap();
            assert_eq!(crate::read_picture(&path).unwrap().bytes, canvas.bytes());
        }
        let nowhere = MemoryScreen::keeping(directory.path().join("absent/a.png"), 2, 1).show(&canvas);
        assert!(matches!(nowhere, Err(ScreenError::Retry { .. })), "{nowhere:?}");
        let unknown = MemoryScreen::keeping(directory.path().join("a.bmp"), 2, 1).show(&canvas);
        assert!(matches!(unknown, Err(ScreenError::GiveUp { .. })), "{unknown:?}");
    }
}
