//! The open set: heard or unheard ids over the folder of VGG-SS.

use std::path::Path;

use super::error::LayoutError;
use super::id_list::IdList;
use super::{Items, vgg_ss};

pub(super) fn open(root: &Path, list: Option<&IdList>) -> Result<Items, LayoutError> {
    let list = Some(list.ok_or(LayoutError::ListNeeded)?);
    if vgg_ss::has_json_alone(root) {
        vgg_ss::open_json(root, list)
    } else {
        vgg_ss::open_xml(root, list)
    }
}
