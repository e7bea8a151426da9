//! Pictures and sounds of one's own: `pairs.csv`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::annotation::boxes_of_text;
use super::error::LayoutError;
use super::folders::read_text;
use super::id_list::IdList;
use super::{Annotation, Item, Items};

/// The table's name, where only its folder is given.
const TABLE: &str = "pairs.csv";

/// `root` is the table or its folder; paths in it are relative to the folder.
pub(super) fn open(root: &Path, list: Option<&IdList>) -> Result<Items, LayoutError> {
    let table = if root.is_file() {
        root.to_owned()
    } else {
        root.join(TABLE)
    };
    let folder = table.parent().unwrap_or(Path::new(""));
    let malformed = |cause| LayoutError::Malformed {
        path: table.clone(),
        cause,
    };
    let all = parse(&read_text(&table)?, folder).map_err(malformed)?;
    let chosen: Vec<_> = match list {
        None => all.into_iter().map(|item| (item.id.clone(), Some(item))).collect(),
        Some(list) => {
            let mut by_id: BTreeMap<_, _> = all.into_iter().map(|item| (item.id.clone(), item)).collect();
            let listed = list.entries.iter().map(|(id, category)| {
                let item = by_id.remove(id).map(|item| Item {
                    category: category.clone().or(item.category),
                    ..item
                });
                (id.clone(), item)
            });
            listed.collect()
        }
    };
    let mut found = Items::default();
    for (id, item) in chosen {
        match item.filter(|item| item.picture.is_file() && item.sound.is_file()) {
            Some(item) => found.items.push(item),
            None => found.missing.push(id),
        }
    }
    Ok(found)
}

/// The rows of a table with the headings `image,sound[,boxes][,class][,id]`, in any order. Without an id of its own a row goes by
/// its picture, and by its line too where the picture was in another row. The error is a clause.
pub(super) fn parse(text: &str, folder: &Path) -> Result<Vec<Item>, String> {
    let mut reader = csv::ReaderBuilder::new()
        .flexible(true)
        .trim(csv::Trim::All)
        .from_reader(text.trim_start_matches('\u{feff}').as_bytes());
    let headings = reader.headers().map_err(|error| error.to_string())?.clone();
    let column = |name: &str| headings.iter().position(|heading| heading.eq_ignore_ascii_case(name));
    let needed = |name| {
        column(name).ok_or_else(|| format!("its first line has no heading `{name}` (image,sound[,boxes][,class][,id])"))
    };
    let (image, sound) = (needed("image")?, needed("sound")?);
    let (boxes, class, id) = (column("boxes"), column("class"), column("id"));

    let mut seen = BTreeSet::new();
    let mut items = Vec::new();
    for (index, record) in reader.records().enumerate() {
        let record = record.map_err(|error| error.to_string())?;
        let line = record.position().map_or(index as u64 + 2, csv::Position::line);
        let at = |column: Option<usize>| {
            column
                .and_then(|column| record.get(column))
                .filter(|field| !field.is_empty())
        };
        let (Some(image), Some(sound)) = (at(Some(image)), at(Some(sound))) else {
            return Err(format!("line {line} lacks its image or its sound"));
        };
        let id = match at(id) {
            Some(id) if seen.contains(id) => {
                return Err(format!("line {line}: the id `{id}` stands in another line too"));
            }
            Some(id) => id.to_owned(),
            None if seen.contains(image) => format!("{image}:{line}"),
            None => image.to_owned(),
        };
        seen.insert(id.clone());
        let boxes = at(boxes)
            .map(|text| boxes_of_text(text).map_err(|cause| format!("line {line}: {cause}")))
            .transpose()?;
        items.push(Item {
            id,
            picture: folder.join(image),
            sound: folder.join(sound),
            first_seconds: None,
            category: at(class).map(str::to_owned),
            annotation: boxes.filter(|boxes| !boxes.is_empty()).map(Annotation::Union),
        });
    }
    Ok(items)
}
