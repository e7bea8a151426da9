//! The boxes of annotation files.

use std::collections::BTreeMap;

use roxmltree::{Document, Node};
use serde::Deserialize;

/// Boxes given as shares of the frame may reach so far beyond it. More is a box in pixels.
const SHARES: std::ops::RangeInclusive<f64> = -1.0..=2.0;
/// What the edges are called where they have names of their own.
const EDGES: [&str; 4] = ["xmin", "ymin", "xmax", "ymax"];

/// The boxes in an annotation in XML: every `<bbox>` or `<bndbox>`, wherever it stands.
///
/// Its edges are children named `xmin`, `ymin`, `xmax`, `ymax`, or its last four children (others may precede them, as the
/// annotator does in Flickr-SoundNet), or four numbers as its text. The error is a clause that tells what is wrong.
pub fn boxes_of_xml(text: &str) -> Result<Vec<[f64; 4]>, String> {
    let document =
        Document::parse(text.trim_start_matches('\u{feff}')).map_err(|error| format!("it is not XML ({error})"))?;
    let is_box = |node: &Node<'_, '_>| {
        let name = node.tag_name().name();
        name.eq_ignore_ascii_case("bbox") || name.eq_ignore_ascii_case("bndbox")
    };
    let holds_no_box = |node: &Node<'_, '_>| !node.children().any(|child| is_box(&child));
    let boxes: Vec<_> = document
        .descendants()
        .filter(|node| is_box(node) && holds_no_box(node))
        .map(|node| {
            let row = document.text_pos_at(node.range().start).row;
            edges(node).map_err(|cause| format!("line {row}: {cause}"))
        })
        .collect::<Result<_, _>>()?;
    if boxes.is_empty() {
        return Err("there is no <bbox> in it".to_owned());
    }
    Ok(boxes)
}

fn edges(node: Node<'_, '_>) -> Result<[f64; 4], String> {
    let children: Vec<_> = node.children().filter(Node::is_element).collect();
    if children.is_empty() {
        return four_numbers(node.text().unwrap_or_default());
    }
    let text = |child: &Node<'_, '_>| child.text().unwrap_or_default().trim().to_owned();
    let named = EDGES.map(|edge| {
        let mut children = children.iter();
        children
            .find(|child| child.tag_name().name().eq_ignore_ascii_case(edge))
            .map(text)
    });
    if let [Some(left), Some(top), Some(right), Some(bottom)] = named {
        return four_numbers(&[left, top, right, bottom].join(" "));
    }
    let last: Vec<_> = children
        .iter()
        .skip(children.len().saturating_sub(4))
        .map(text)
        .collect();
    four_numbers(&last.join(" "))
}

/// Boxes as text, `x0 y0 x1 y1; x0 y0 x1 y1`, in shares of the frame. The error is a clause.
pub fn boxes_of_text(text: &str) -> Result<Vec<[f64; 4]>, String> {
    let boxes = text.split(';').filter(|one| !one.trim().is_empty());
    boxes.map(|one| in_shares(four_numbers(one)?)).collect()
}

/// An entry of LVS's list of boxes.
#[derive(Debug, Deserialize)]
struct Entry {
    file: String,
    #[serde(default)]
    class: Option<String>,
    bbox: Vec<[f64; 4]>,
}

/// The class of what sounds in a file, where it is told, and its boxes.
pub type ClassAndBoxes = (Option<String>, Vec<[f64; 4]>);

/// Class and boxes of each file in LVS's `vggss.json`: a list of `{"file": …, "class": …, "bbox": [[x0, y0, x1, y1], …]}` in
/// shares of the frame. The error is a clause.
pub fn boxes_of_json(text: &str) -> Result<BTreeMap<String, ClassAndBoxes>, String> {
    let entries: Vec<Entry> = serde_json::from_str(text.trim_start_matches('\u{feff}'))
        .map_err(|error| format!("it is not a list of boxes ({error})"))?;
    let mut files = BTreeMap::new();
    for entry in entries {
        let boxes: Result<Vec<_>, _> = entry.bbox.into_iter().map(in_shares).collect();
        let boxes = boxes.map_err(|cause| format!("{}: {cause}", entry.file))?;
        if boxes.is_empty() {
            return Err(format!("{}: it has no box", entry.file));
        }
        files.insert(entry.file, (entry.class, boxes));
    }
    Ok(files)
}

/// The box, where its edges are shares of a frame.
pub(super) fn in_shares(edges: [f64; 4]) -> Result<[f64; 4], String> {
    if edges.iter().all(|edge| SHARES.contains(edge)) {
        Ok(edges)
    } else {
        Err(format!("the box {edges:?} is not in shares of the frame (0..1)"))
    }
}

fn four_numbers(text: &str) -> Result<[f64; 4], String> {
    let separates = |letter: char| letter.is_whitespace() || matches!(letter, ',' | '[' | ']' | '(' | ')');
    let parts = text.split(separates).filter(|part| !part.is_empty());
    let numbers: Vec<f64> = parts
        .map(|part| part.parse().ok().filter(|number: &f64| number.is_finite()))
        .collect::<Option<_>>()
        .ok_or_else(|| format!("`{}` are not four numbers", shortened(text)))?;
    numbers
        .try_into()
        .map_err(|numbers: Vec<f64>| format!("a box has four numbers, `{}` are {}", shortened(text), numbers.len()))
}

/// Enough of a text to find it by.
fn shortened(text: &str) -> String {
    text.trim().chars().take(60).collect()
}
