//! VGG-Sound, to train: the middle frame of each film and three seconds around it.

use std::path::Path;

use super::Items;
use super::error::LayoutError;
use super::folders::Layout;
use super::id_list::IdList;

pub(super) fn open(root: &Path, list: Option<&IdList>) -> Result<Items, LayoutError> {
    let layout = Layout {
        root,
        picture: |id| format!("total_video_frames/{id}/125.jpg"),
        sound: |id| format!("total_video_3s_audio/{id}.wav"),
        first_seconds: None,
    };
    layout.unlabelled(list, "total_video_3s_audio", "wav")
}
