//! The models that a process has in memory: cameras with the same model share it.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use crate::perception::bundle::Bundle;
use crate::perception::encoder::Backend;
use crate::perception::localiser::{Localiser, LocaliserError, SharedModel};

/// Models by what tells them apart, each for as long as a camera uses it.
#[derive(Debug, Default)]
pub struct Models {
    shared: Mutex<HashMap<Key, SharedModel>>,
}

/// A bundle's identity with what its networks are prepared for, and the backend's name.
type Key = (String, String);

impl Models {
    /// A localiser for one more camera. The thread that asks should be the one that runs it.
    ///
    /// # Errors
    /// When the model cannot be prepared.
    pub fn localiser(&self, bundle: &Bundle, backend: &Backend) -> Result<Localiser, LocaliserError> {
        let manifest = &bundle.manifest;
        let (picture, sound, channels) = (&manifest.picture, &manifest.sound, manifest.embedding_channels);
        let prepared = format!("{} {picture:?} {sound:?} {channels}", manifest.identity());
        let key = (prepared, backend.name().to_owned());
        // Held while a model is prepared: of cameras that start together, one prepares it and the others wait.
        let mut shared = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(model) = shared.get(&key)
            && let Some(localiser) = model.localiser(&bundle.manifest, backend)?
        {
            return Ok(localiser);
        }
        let localiser = Localiser::new(bundle, backend)?;
        shared.insert(key, localiser.share());
        Ok(localiser)
    }
}

#[cfg(all(test, feature = "default-model"))]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn weights(localiser: &Localiser) -> *const u8 {
        std::ptr::from_ref(localiser.vision().program().unwrap()).cast()
    }

    #[test]
    fn cameras_share_a_model_while_one_of_them_lives_and_keep_their_own_thresholds() {
        let (models, backend) = (Models::default(), Backend::default());
        let bundle = Bundle::default_model().unwrap();
        let mut stricter = bundle.clone();
        stricter.manifest.threshold.similarity = 0.9;
        let first = models.localiser(&bundle, &backend).unwrap();
        let second = models.localiser(&stricter, &backend).unwrap();
        assert_eq!(weights(&first), weights(&second));
        assert!(first.manifest().threshold.similarity < 0.9);
        assert!((second.manifest().threshold.similarity - 0.9).abs() < f32::EPSILON);
        let other = models.localiser(&bundle, &Backend::new("tract", 1).unwrap()).unwrap();
        assert!(other.vision().program().is_none(), "another backend is another model");
        let mut wrong = bundle.clone();
        wrong.manifest.picture.map_cells += 1;
        assert!(
            models.localiser(&wrong, &backend).is_err(),
            "what is wrong alone is wrong beside another"
        );
        drop((first, second));
        let is_gone = |shared: &HashMap<Key, SharedModel>| {
            shared
                .values()
                .filter(|model| model.localiser(&bundle.manifest, &backend).unwrap().is_some())
                .count()
                == 1
        };
        assert!(
            is_gone(&models.shared.lock().unwrap()),
            "what nobody uses takes no memory"
        );
        models.localiser(&bundle, &backend).unwrap();
    }
}
