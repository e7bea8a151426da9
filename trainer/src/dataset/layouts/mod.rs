//! The folders that people have on disk: VGG-Sound, VGG-SS, Flickr-SoundNet, the open set, and a plain list of pairs.

mod annotation;
mod error;
mod flickr;
mod folders;
mod id_list;
mod open_set;
mod pairs;
#[cfg(test)]
mod tests;
mod vgg_sound;
mod vgg_ss;

use std::path::{Path, PathBuf};

use clap::ValueEnum;

pub use annotation::{ClassAndBoxes, boxes_of_json, boxes_of_text, boxes_of_xml};
pub use error::LayoutError;
pub use id_list::IdList;

/// A picture that belongs to a sound, as files.
#[derive(Debug, Clone, PartialEq)]
pub struct Item {
    /// Name of the recording, unique in its data set.
    pub id: String,
    /// JPEG, PNG or WebP.
    pub picture: PathBuf,
    /// WAV, MP3, FLAC or OGG.
    pub sound: PathBuf,
    /// Only so much of the sound belongs to the picture, in seconds from its start; `None` for all of it.
    pub first_seconds: Option<f64>,
    /// The kind of thing that sounds, where the data set says so.
    pub category: Option<String>,
    /// Where it is, where people have drawn it.
    pub annotation: Option<Annotation>,
}

/// Boxes that people drew around what sounds, each left, top, right, bottom.
#[derive(Debug, Clone, PartialEq)]
pub enum Annotation {
    /// Shares of the frame; the truth is their union.
    Union(Vec<[f64; 4]>),
    /// One of each annotator, in a frame of 256 pixels; the truth is their consensus.
    Consensus(Vec<[f64; 4]>),
}

/// A data set by the layout of its folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, ValueEnum)]
pub enum DataSet {
    /// VGG-Sound, to train: `total_video_frames/<id>/125.jpg`, `total_video_3s_audio/<id>.wav`.
    VggSound,
    /// VGG-SS, to test: `frame/<id>.jpg`, `audio/<id>.wav`, `anno/<id>.xml`.
    VggSs,
    /// VGG-SS with the boxes of Localizing Visual Sounds the Hard Way: `frame/<id>.jpg`, `audio/<id>.wav`, `vggss.json`.
    VggSsLvs,
    /// Flickr-SoundNet, to train: `frames/<id>/00000003.jpg`, `mp3/<id>.mp3`, of which the first 4 s count.
    Flickr,
    /// Flickr-SoundNet, to test: `frame/<id>.jpg`, `mp3/<id>.mp3`, `anno/<id>.xml`.
    FlickrTest,
    /// The open set's heard categories: a list of ids over the VGG-SS folder.
    OpenSetHeard,
    /// The open set's unheard categories: a list of ids over the VGG-SS folder.
    OpenSetUnheard,
    /// Any pictures and sounds: `pairs.csv` with the columns `image,sound[,boxes][,class][,id]`.
    Pairs,
}

/// What a folder holds.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Items {
    /// At least one; each id once.
    pub items: Vec<Item>,
    /// Ids that were asked for and of which the picture, the sound or the annotation is not there.
    pub missing: Vec<String>,
}

/// Finds the items of a data set below `root`, without opening pictures or sounds.
///
/// `list` is a text file of ids, one a line, or a CSV file whose first column is the id, with a column of classes if it has one.
/// Items come in its order. Without a list all of the folder counts, sorted by id: where people annotated, every annotated id; to
/// train, every id that has both a picture and a sound. The open set cannot do without.
///
/// # Errors
/// A folder, list or annotation that cannot be used ([`LayoutError`]), and a folder of which nothing is left; single missing files
/// are none, and are told in [`Items::missing`].
pub fn open(data_set: DataSet, root: &Path, list: Option<&Path>) -> Result<Items, LayoutError> {
    let list = list.map(IdList::read).transpose()?;
    let list = list.as_ref();
    let found = match data_set {
        DataSet::VggSound => vgg_sound::open(root, list),
        DataSet::VggSs => vgg_ss::open_xml(root, list),
        DataSet::VggSsLvs => vgg_ss::open_json(root, list),
        DataSet::Flickr => flickr::open(root, list),
        DataSet::FlickrTest => flickr::open_test(root, list),
        DataSet::OpenSetHeard | DataSet::OpenSetUnheard => open_set::open(root, list),
        DataSet::Pairs => pairs::open(root, list),
    }?;
    if found.items.is_empty() {
        return Err(LayoutError::Nothing {
            root: root.to_owned(),
            data_set,
            listed: found.missing.len(),
        });
    }
    Ok(found)
}
