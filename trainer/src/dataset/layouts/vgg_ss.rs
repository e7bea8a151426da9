//! VGG-SS, to test: a frame, its sound, and boxes in shares of the frame, as XML or as LVS's one file.

use std::path::Path;

use super::annotation::{boxes_of_json, boxes_of_xml, in_shares};
use super::error::LayoutError;
use super::folders::{Layout, read_text};
use super::id_list::IdList;
use super::{Annotation, Items};

/// LVS's file of boxes.
const JSON: &str = "vggss.json";

fn layout(root: &Path) -> Layout<'_> {
    Layout {
        root,
        picture: |id| format!("frame/{id}.jpg"),
        sound: |id| format!("audio/{id}.wav"),
        first_seconds: None,
    }
}

/// With the boxes of `anno/<id>.xml`.
pub(super) fn open_xml(root: &Path, list: Option<&IdList>) -> Result<Items, LayoutError> {
    layout(root).annotated(list, |text| {
        let boxes: Result<Vec<_>, _> = boxes_of_xml(text)?.into_iter().map(in_shares).collect();
        Ok(Annotation::Union(boxes?))
    })
}

/// With the boxes and the classes of `vggss.json`.
pub(super) fn open_json(root: &Path, list: Option<&IdList>) -> Result<Items, LayoutError> {
    let path = root.join(JSON);
    let mut files = boxes_of_json(&read_text(&path)?).map_err(|cause| LayoutError::Malformed { path, cause })?;
    let entries = match list {
        Some(list) => list.entries.clone(),
        None => files.keys().map(|id| (id.clone(), None)).collect(),
    };
    let mut found = Items::default();
    for (id, listed) in entries {
        let item = files
            .remove(&id)
            .and_then(|(category, boxes)| layout(root).item(&id, listed.or(category), Some(Annotation::Union(boxes))));
        match item {
            Some(item) => found.items.push(item),
            None => found.missing.push(id),
        }
    }
    Ok(found)
}

/// Whether the folder has LVS's file and no annotations in XML.
pub(super) fn has_json_alone(root: &Path) -> bool {
    root.join(JSON).is_file() && !root.join("anno").is_dir()
}
