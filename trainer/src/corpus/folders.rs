//! The two data sets that no package registry carries and that a user brings along: ESC-10 and COCO.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use super::catalogue::Catalogue;
use super::copyright::Credit;
use super::error::CorpusError;
use super::index::LabelledBox;

/// A clip of ESC-10.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clip {
    /// Our category.
    pub category: String,
    /// The file.
    pub path: PathBuf,
    /// `folder/file`.
    pub name: String,
    /// The recording it was cut from: the clip's number at Freesound.
    pub recording: String,
    /// Author and licence, where the data set's credits name them.
    pub credit: Credit,
}

/// The clips of an ESC-10 folder: `<class>/<fold>-<number>-<take>.ogg`, and `CREDITS.md` with the authors.
pub fn esc10(folder: &Path, catalogue: &Catalogue) -> Result<Vec<Clip>, CorpusError> {
    let credits = fs::read_to_string(folder.join("CREDITS.md"))
        .map(|text| esc10_credits(&text))
        .unwrap_or_default();
    let mut clips = Vec::new();
    for class in catalogue.esc10_folders() {
        let Some(category) = catalogue.of_esc10(class) else {
            continue;
        };
        for path in files(&folder.join(class), "ogg")? {
            let file = file_name(&path);
            let recording = file.split('-').nth(1).unwrap_or(&file);
            clips.push(Clip {
                category: category.to_owned(),
                name: format!("{class}/{file}"),
                recording: format!("esc10/{recording}"),
                credit: credits.get(&file).cloned().unwrap_or_else(|| Credit {
                    author: String::new(),
                    licence: "CC-BY-3.0".to_owned(),
                }),
                path,
            });
        }
    }
    if clips.is_empty() {
        return Err(CorpusError::Folder {
            folder: folder.to_owned(),
            cause: "no clip of ESC-10 found; expected folders such as `dog_bark` with OGG files in them".to_owned(),
        });
    }
    Ok(clips)
}

/// Authors and licences by file name, out of lines `- **[FILE](…)**: clip derived from [title](…) by *AUTHOR* ([LICENCE](…))`.
fn esc10_credits(text: &str) -> BTreeMap<String, Credit> {
    let between = |text: &str, from: &str, to: &str| {
        let (_, rest) = text.split_once(from)?;
        rest.split_once(to)
            .map(|(found, rest)| (found.to_owned(), rest.to_owned()))
    };
    let credit = |line: &str| {
        let (file, rest) = between(line, "- **[", "]")?;
        let (author, rest) = between(&rest, " by *", "* ([")?;
        let (licence, _) = rest.split_once(']')?;
        let licence = if licence == "CC-BY" { "CC-BY-3.0" } else { licence }.to_owned();
        Some((file, Credit { author, licence }))
    };
    text.lines().filter_map(credit).collect()
}

/// A photograph of COCO.
#[derive(Debug, Clone, PartialEq)]
pub struct Photograph {
    /// The file.
    pub path: PathBuf,
    /// Its name in the folder.
    pub name: String,
    /// The things of our categories in it.
    pub boxes: Vec<LabelledBox>,
}

/// The photographs of a COCO folder: `images/*.jpg` and, for each, `labels/*.txt` in YOLO's form (class, centre, width, height; one box a line).
pub fn coco(folder: &Path, catalogue: &Catalogue) -> Result<Vec<Photograph>, CorpusError> {
    let photographs = files(&folder.join("images"), "jpg")?.into_iter().map(|path| {
        let label = folder.join("labels").join(file_name(&path.with_extension("txt")));
        // COCO has photographs with nothing of its classes in them, and no label file for those.
        let text = fs::read_to_string(&label).unwrap_or_default();
        let boxes = text
            .lines()
            .enumerate()
            .filter(|(_, line)| !line.trim().is_empty())
            .map(|(number, line)| {
                labelled_box(line, catalogue).ok_or_else(|| CorpusError::Folder {
                    folder: label.clone(),
                    cause: format!(
                        "line {} is no box; expected `class centre-x centre-y width height`, all in 0..1",
                        number + 1
                    ),
                })
            })
            .filter_map(Result::transpose);
        Ok(Photograph {
            boxes: boxes.collect::<Result<_, _>>()?,
            name: format!("images/{}", file_name(&path)),
            path,
        })
    });
    photographs.collect()
}

/// `Some(None)` where the box is well formed and of a class that is none of our categories.
fn labelled_box(line: &str, catalogue: &Catalogue) -> Option<Option<LabelledBox>> {
    let mut words = line.split_whitespace();
    let class = words.next()?;
    let numbers: Vec<f32> = words
        .map_while(|word| word.parse().ok())
        .filter(|number: &f32| number.is_finite())
        .collect();
    let [x, y, width, height] = numbers.try_into().ok()?;
    let bounds =
        [x - width / 2.0, y - height / 2.0, x + width / 2.0, y + height / 2.0].map(|edge| edge.clamp(0.0, 1.0));
    if bounds[0] >= bounds[2] || bounds[1] >= bounds[3] {
        return Some(None);
    }
    Some(catalogue.of_coco(class).map(|category| LabelledBox {
        category: category.to_owned(),
        bounds,
    }))
}

/// The files of a folder with that extension, sorted by name.
fn files(folder: &Path, extension: &str) -> Result<Vec<PathBuf>, CorpusError> {
    let entries = fs::read_dir(folder).map_err(|error| CorpusError::Folder {
        folder: folder.to_owned(),
        cause: format!("cannot be listed ({error})"),
    })?;
    let mut files: Vec<_> = entries
        .filter_map(Result::ok)
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|found| found == extension))
        .collect();
    files.sort();
    Ok(files)
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    #[test]
    fn reads_esc10() {
        let folder = tempfile::tempdir().unwrap();
        let catalogue = Catalogue::built_in().unwrap();
        for class in catalogue.esc10_folders() {
            fs::create_dir(folder.path().join(class)).unwrap();
        }
        fs::write(folder.path().join("dog_bark/1-100032-A.ogg"), b"").unwrap();
        fs::write(folder.path().join("dog_bark/2-100032-B.ogg"), b"").unwrap();
        let credits = "- **[1-100032-A.ogg](https://a/b)**:   clip derived from [rose.wav](http://c) by *nfrae* ([CC-BY](http://d))";
        fs::write(folder.path().join("CREDITS.md"), credits).unwrap();
        let clips = esc10(folder.path(), &catalogue).unwrap();
        assert_eq!((clips.len(), clips[0].category.as_str()), (2, "dog"));
        assert_eq!(clips[0].recording, clips[1].recording);
        assert_eq!(
            (clips[0].credit.author.as_str(), clips[0].credit.licence.as_str()),
            ("nfrae", "CC-BY-3.0")
        );
    }

    #[test]
    fn reads_coco() {
        let folder = tempfile::tempdir().unwrap();
        for part in ["images", "labels"] {
            fs::create_dir(folder.path().join(part)).unwrap();
        }
        for name in ["a", "b"] {
            fs::write(folder.path().join(format!("images/{name}.jpg")), b"").unwrap();
        }
        fs::write(
            folder.path().join("labels/a.txt"),
            "16 0.5 0.5 0.2 0.4\n45 0.5 0.5 0.1 0.1\n0 0.95 0.5 0.2 0.2\n",
        )
        .unwrap();
        let photographs = coco(folder.path(), &Catalogue::built_in().unwrap()).unwrap();
        assert_eq!(photographs.len(), 2);
        assert_eq!(
            photographs[0]
                .boxes
                .iter()
                .map(|found| found.category.as_str())
                .collect::<Vec<_>>(),
            ["dog", "person_speech"]
        );
        assert!(
            photographs[0].boxes[1]
                .bounds
                .iter()
                .all(|edge| (0.0..=1.0).contains(edge))
        );
        assert!(photographs[1].boxes.is_empty());
    }

    #[test]
    fn a_wrong_folder_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let catalogue = Catalogue::built_in().unwrap();
        assert!(
            coco(folder.path(), &catalogue)
                .unwrap_err()
                .to_string()
                .contains("images")
        );
        fs::create_dir_all(folder.path().join("images")).unwrap();
        fs::create_dir_all(folder.path().join("labels")).unwrap();
        fs::write(folder.path().join("images/a.jpg"), b"").unwrap();
        fs::write(folder.path().join("labels/a.txt"), "16 0.5\n").unwrap();
        assert!(
            coco(folder.path(), &catalogue)
                .unwrap_err()
                .to_string()
                .contains("line 1")
        );
    }
}
