//! Lists of ids.

use std::collections::BTreeSet;
use std::path::Path;

use super::error::LayoutError;
use super::folders::read_text;

/// Headings of a column of ids.
const ID_HEADINGS: [&str; 7] = ["id", "ids", "file", "video", "video_id", "youtube_id", "youtubeid"];
/// Headings of a column of classes.
const CLASS_HEADINGS: [&str; 4] = ["class", "category", "label", "sound_class"];
/// Lists name files here and there instead of ids.
const EXTENSIONS: [&str; 6] = [".mp4", ".jpg", ".wav", ".mp3", ".xml", ".png"];

/// Ids in the order of a file, each once, with the class of each where the file tells it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct IdList {
    /// Id and class.
    pub entries: Vec<(String, Option<String>)>,
}

impl IdList {
    /// Reads a list: see [`parse`](Self::parse).
    pub fn read(path: &Path) -> Result<Self, LayoutError> {
        let malformed = |cause| LayoutError::Malformed {
            path: path.to_owned(),
            cause,
        };
        let list = Self::parse(&read_text(path)?).map_err(malformed)?;
        if list.entries.is_empty() {
            return Err(malformed("it lists no id".to_owned()));
        }
        Ok(list)
    }

    /// Reads ids, one a line; of a line with commas the first column, and as its class the second.
    ///
    /// A first line of headings (`id`, `file`, `video` …; `class`, `label` …) may say otherwise. What follows a `#` at the start
    /// of a line is a remark, and extensions of media files are taken off. The error is a clause.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut reader = csv::ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .comment(Some(b'#'))
            .trim(csv::Trim::All)
            .from_reader(text.trim_start_matches('\u{feff}').as_bytes());
        let (mut id_column, mut class_column) = (0, Some(1));
        let mut seen = BTreeSet::new();
        let mut entries = Vec::new();
        for (index, record) in reader.records().enumerate() {
            let record = record.map_err(|error| error.to_string())?;
            let find = |headings: &[&str]| {
                let mut fields = record.iter();
                fields.position(|field| headings.iter().any(|heading| field.eq_ignore_ascii_case(heading)))
            };
            if let (0, Some(ids)) = (index, find(&ID_HEADINGS)) {
                (id_column, class_column) = (ids, find(&CLASS_HEADINGS));
                continue;
            }
            let id = without_extension(record.get(id_column).unwrap_or_default());
            if id.is_empty() || !seen.insert(id.to_owned()) {
                continue;
            }
            let class = class_column.and_then(|column| record.get(column));
            entries.push((
                id.to_owned(),
                class.filter(|class| !class.is_empty()).map(str::to_owned),
            ));
        }
        Ok(Self { entries })
    }
}

fn without_extension(name: &str) -> &str {
    let stem = EXTENSIONS.iter().find_map(|extension| name.strip_suffix(extension));
    stem.unwrap_or(name)
}
