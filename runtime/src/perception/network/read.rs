//! An ONNX file as tract's graph.

use tract_onnx::prelude::*;

use super::unpack::unpack;

/// Reads a network of one input, fixed to `input_shape`; weights that the file keeps in fewer bits are f32.
///
/// # Errors
/// What tract says of a file that it cannot read.
pub fn read(onnx: &[u8], input_shape: &[usize]) -> TractResult<TypedModel> {
    let mut file = tract_onnx::onnx().proto_model_for_read(&mut std::io::Cursor::new(onnx))?;
    if let Some(graph) = &mut file.graph {
        unpack(graph);
    }
    tract_onnx::onnx()
        .model_for_proto_model(&file)?
        .with_input_fact(0, f32::fact(input_shape).into())?
        .into_typed()
}
