//! Galleries as a safetensors file, for others to search and to score.

use std::collections::HashMap;
use std::path::Path;

use anyhow::Context;
use safetensors::Dtype;
use safetensors::tensor::{TensorView, serialize};
use serde::Serialize;

use lookhear_board::write_whole;

use super::collection::Collection;
use super::summary::Embedded;

/// What the file says of an embedding.
#[derive(Serialize)]
struct Entry<'a> {
    id: &'a str,
    class: Option<&'a str>,
    group: &'a str,
    novel: bool,
}

/// Writes `sounds` and `pictures`, unit vectors `[count, channels]`, f32. The file's metadata has under the same names JSON lists
/// with `id`, `class`, `group` and `novel` of each, and under `bundle_sha256` what they were made with.
///
/// # Errors
/// When the file cannot be written.
pub fn write(embedded: &Embedded, bundle_sha256: &str, path: &Path) -> anyhow::Result<()> {
    let mut metadata = HashMap::from([("bundle_sha256".to_owned(), bundle_sha256.to_owned())]);
    let mut arrays = Vec::new();
    for (name, collection) in [("sounds", &embedded.sounds), ("pictures", &embedded.pictures)] {
        metadata.insert(name.to_owned(), entries(collection)?);
        let gallery = &collection.gallery;
        let bytes: Vec<u8> = gallery.values().iter().flat_map(|value| value.to_le_bytes()).collect();
        arrays.push((name, vec![gallery.len(), gallery.channels()], bytes));
    }
    let views = arrays
        .iter()
        .map(|(name, shape, bytes)| Ok((*name, TensorView::new(Dtype::F32, shape.clone(), bytes)?)))
        .collect::<Result<Vec<_>, safetensors::SafeTensorError>>()?;
    write_whole(path, &serialize(views, Some(metadata))?)
        .with_context(|| format!("{} cannot be written", path.display()))
}

fn entries(collection: &Collection) -> serde_json::Result<String> {
    let entries: Vec<Entry> = collection
        .members
        .iter()
        .map(|member| Entry {
            id: &member.id,
            class: member.class.as_deref(),
            group: &member.group,
            novel: member.novel,
        })
        .collect();
    serde_json::to_string(&entries)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::num::NonZero;
    use std::path::PathBuf;

    use safetensors::SafeTensors;

    use super::super::gallery::Gallery;
    use super::super::material::Member;
    use super::*;

    #[test]
    fn what_is_written_can_be_read_with_its_names() {
        let collection = |rows: &[[f32; 2]]| {
            let mut gallery = Gallery::new(NonZero::new(2).unwrap());
            rows.iter().for_each(|row| gallery.push(row).unwrap());
            let member = |index| Member {
                id: format!("s{index}"),
                file: PathBuf::new(),
                class: Some("dog".to_owned()),
                group: "g".to_owned(),
                novel: index == 0,
                first_seconds: None,
                picture: None,
            };
            Collection {
                members: (0..rows.len()).map(member).collect(),
                gallery,
            }
        };
        let embedded = Embedded {
            sounds: collection(&[[1.0, 0.0], [0.6, 0.8]]),
            pictures: collection(&[]),
            skipped: Vec::new(),
        };
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("gallery.safetensors");
        write(&embedded, "abc", &path).unwrap();
        let bytes = std::fs::read(&path).unwrap();
        let tensors = SafeTensors::deserialize(&bytes).unwrap();
        let sounds = tensors.tensor("sounds").unwrap();
        assert_eq!(
            (sounds.shape(), &sounds.data()[8..12]),
            (&[2, 2][..], &0.6f32.to_le_bytes()[..])
        );
        assert_eq!(tensors.tensor("pictures").unwrap().shape(), [0, 2]);
        let (_, header) = SafeTensors::read_metadata(&bytes).unwrap();
        let entries: serde_json::Value = serde_json::from_str(&header.metadata().as_ref().unwrap()["sounds"]).unwrap();
        assert_eq!(
            entries[0],
            serde_json::json!({"id": "s0", "class": "dog", "group": "g", "novel": true})
        );
    }
}
