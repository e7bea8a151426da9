//! Flickr-SoundNet: frames of films to train, and frames with one box of each annotator to test.

use std::path::Path;

use super::annotation::boxes_of_xml;
use super::error::LayoutError;
use super::folders::Layout;
use super::id_list::IdList;
use super::{Annotation, Items};

/// How much of a training sound belongs to the frame.
const FIRST_SECONDS: f64 = 4.0;

pub(super) fn open(root: &Path, list: Option<&IdList>) -> Result<Items, LayoutError> {
    let layout = Layout {
        root,
        picture: |id| format!("frames/{id}/00000003.jpg"),
        sound: |id| format!("mp3/{id}.mp3"),
        first_seconds: Some(FIRST_SECONDS),
    };
    layout.unlabelled(list, "mp3", "mp3")
}

pub(super) fn open_test(root: &Path, list: Option<&IdList>) -> Result<Items, LayoutError> {
    let layout = Layout {
        root,
        picture: |id| format!("frame/{id}.jpg"),
        sound: |id| format!("mp3/{id}.mp3"),
        first_seconds: None,
    };
    layout.annotated(list, |text| boxes_of_xml(text).map(Annotation::Consensus))
}
