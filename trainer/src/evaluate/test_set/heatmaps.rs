//! The raw maps of a measurement as a safetensors file, for others to score.

use std::collections::HashMap;

use lookhear::perception::heatmap::Heatmap;
use safetensors::tensor::{TensorView, serialize};
use safetensors::{Dtype, SafeTensorError};

use super::measure::Case;
use super::negatives::NegativeKind;

/// The file's bytes: `heatmaps`, `[items, rows, columns]`, and `negatives.<kind>` of the same shape for each kind of which every
/// item has one, all f32; the metadata has the ids of the items as a JSON list under `ids`.
///
/// # Errors
/// None that the maps of one model could cause.
pub fn to_bytes(cases: &[Case]) -> Result<Vec<u8>, SafeTensorError> {
    let ids: Vec<&str> = cases.iter().map(|case| case.id.as_str()).collect();
    let metadata = HashMap::from([("ids".to_owned(), serde_json::json!(ids).to_string())]);
    let mut arrays = vec![("heatmaps".to_owned(), array(cases.iter().map(|case| &case.heatmap)))];
    for kind in NegativeKind::ALL {
        let maps: Vec<&Heatmap> = cases.iter().filter_map(|case| case.negatives.get(&kind)).collect();
        if maps.len() == cases.len() {
            arrays.push((format!("negatives.{}", kind.name()), array(maps.into_iter())));
        }
    }
    let views: Result<Vec<_>, SafeTensorError> = arrays
        .iter()
        .map(|(name, (shape, bytes))| Ok((name, TensorView::new(Dtype::F32, shape.clone(), bytes)?)))
        .collect();
    serialize(views?, Some(metadata))
}

/// Shape and little-endian bytes of maps of one size.
fn array<'a>(maps: impl Iterator<Item = &'a Heatmap>) -> (Vec<usize>, Vec<u8>) {
    let (mut shape, mut bytes) = (vec![0, 0, 0], Vec::new());
    for map in maps {
        shape = vec![shape[0] + 1, map.height, map.width];
        bytes.extend(map.values.iter().flat_map(|value| value.to_le_bytes()));
    }
    (shape, bytes)
}
