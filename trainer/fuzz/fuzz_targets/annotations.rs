//! Any text as an annotation, as a list of boxes, and as a list of ids.
#![no_main]

use libfuzzer_sys::fuzz_target;
use lookhear_trainer::dataset::layouts::{IdList, boxes_of_json, boxes_of_text, boxes_of_xml};

fuzz_target!(|text: &str| {
    for boxes in [boxes_of_xml(text), boxes_of_text(text)].into_iter().flatten() {
        assert!(boxes.iter().flatten().all(|edge| edge.is_finite()));
    }
    if let Ok(files) = boxes_of_json(text) {
        assert!(files.values().all(|(_, boxes)| !boxes.is_empty()));
    }
    if let Ok(list) = IdList::parse(text) {
        assert!(list.entries.iter().all(|(id, _)| !id.is_empty()));
    }
});
