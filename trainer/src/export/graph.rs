//! Writes an ONNX graph, one operator at a time. BatchNorm never appears: it is folded into the convolution before it.

use half::f16;
use lookhear_calibration::quantisation::{RangeChoice, quantise_rows, symmetric_scales};
use prost::Message;
use tract_onnx::pb::{
    AttributeProto, GraphProto, ModelProto, NodeProto, OperatorSetIdProto, TensorProto, TensorShapeProto, TypeProto,
    ValueInfoProto, attribute_proto::AttributeType, tensor_proto::DataType, tensor_shape_proto, type_proto,
};

/// ONNX operator set 13 (2020): understood by every runtime in use, and old enough for `ReduceMean` to take its axes as an
/// attribute.
const OPERATOR_SET: i64 = 13;

/// How weights are stored in the file; they are f32 again once a runtime has folded its constants.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Storage {
    /// As they are.
    Float32,
    /// Half the bytes.
    Float16,
    /// A quarter: one scale for each output channel, symmetric, rounded to nearest.
    Int8,
}

/// Name of a value in the graph.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Value(String);

/// The geometry of a convolution.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// Edge of the kernel, in cells.
    pub kernel: usize,
    /// Cells from one output to the next.
    pub stride: usize,
    /// Zeros added on top and left, and on bottom and right.
    pub padding: (usize, usize),
    /// Channel groups: 1, or the number of channels for a depthwise convolution.
    pub groups: usize,
}

/// A graph that is being written.
#[derive(Debug)]
pub struct Graph {
    proto: GraphProto,
    storage: Storage,
}

impl Value {
    /// The value of that name.
    pub fn named(name: &str) -> Self {
        Self(name.to_owned())
    }
}

impl Graph {
    /// A graph of the inputs and outputs of another, and nothing else of it.
    pub(super) fn between_the_ends_of(other: &GraphProto, storage: Storage) -> Self {
        Self {
            proto: GraphProto {
                name: other.name.clone(),
                input: other.input.clone(),
                output: other.output.clone(),
                ..Default::default()
            },
            storage,
        }
    }

    /// An empty graph whose large weights are stored as `storage`.
    pub fn new(name: &str, storage: Storage) -> Self {
        Self {
            proto: GraphProto {
                name: name.to_owned(),
                ..Default::default()
            },
            storage,
        }
    }

    /// Declares the input.
    pub fn input(&mut self, name: &str, shape: &[usize]) -> Value {
        self.proto.input.push(declaration(name, shape));
        Value(name.to_owned())
    }

    /// A weight tensor whose first axis is the output channel, stored as the graph's storage asks; small ones stay f32.
    pub fn weight(&mut self, name: &str, shape: &[usize], values: &[f32]) -> Value {
        const SMALL: usize = 2048;
        match self.storage {
            Storage::Float16 if values.len() > SMALL => {
                let half = self.half(&format!("{name}.f16"), shape, values);
                self.cast(&half, DataType::Float, name)
            }
            Storage::Int8 if values.len() > SMALL => {
                let scales = symmetric_scales(values, shape.first().copied().unwrap_or(1), RangeChoice::MinMax);
                let integers = self.integers8(&format!("{name}.i8"), shape, &quantise_rows(values, &scales));
                let mut scale_shape = vec![1; shape.len()];
                if let Some(first) = scale_shape.first_mut() {
                    *first = scales.len();
                }
                let scale = self.constant(&format!("{name}.scale"), &scale_shape, &scales);
                let cast = self.cast(&integers, DataType::Float, &format!("{name}.cast"));
                self.node("Mul", &[&cast, &scale], name, vec![])
            }
            _ => self.constant(name, shape, values),
        }
    }

    /// A constant kept in f32.
    pub fn constant(&mut self, name: &str, shape: &[usize], values: &[f32]) -> Value {
        let bytes = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        self.initializer(name, shape, DataType::Float, bytes);
        Value(name.to_owned())
    }

    /// A constant kept in f16.
    pub fn half(&mut self, name: &str, shape: &[usize], values: &[f32]) -> Value {
        let bytes = values
            .iter()
            .flat_map(|&value| f16::from_f32(value).to_le_bytes())
            .collect();
        self.initializer(name, shape, DataType::Float16, bytes);
        Value(name.to_owned())
    }

    /// A constant of 8-bit integers.
    pub fn integers8(&mut self, name: &str, shape: &[usize], values: &[i8]) -> Value {
        let bytes = values.iter().map(|value| value.cast_unsigned()).collect();
        self.initializer(name, shape, DataType::Int8, bytes);
        Value(name.to_owned())
    }

    /// A value in another type.
    pub fn cast(&mut self, value: &Value, to: DataType, name: &str) -> Value {
        self.node("Cast", &[value], name, vec![integer("to", to as i64)])
    }

    /// A constant of integers, for axes and shapes.
    pub fn integers(&mut self, name: &str, values: &[i64]) -> Value {
        let bytes = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        self.initializer(name, &[values.len()], DataType::Int64, bytes);
        Value(name.to_owned())
    }

    /// A convolution of `[1, channels, height, width]` with weights `[out, in / groups, kernel, kernel]` and a bias.
    pub fn convolution(&mut self, name: &str, input: &Value, weight: &Value, bias: &Value, window: Window) -> Value {
        let Window {
            kernel,
            stride,
            padding: (before, after),
            groups,
        } = window;
        let attributes = vec![
            integers("kernel_shape", &[kernel, kernel]),
            integers("strides", &[stride, stride]),
            integers("pads", &[before, before, after, after]),
            integer("group", groups as i64),
        ];
        self.node("Conv", &[input, weight, bias], name, attributes)
    }

    /// A convolution with weights of its own, `name.weight` of a shape `[out, in / groups, kernel, kernel]` and `name.bias`.
    pub fn layer(
        &mut self,
        name: &str,
        input: &Value,
        shape: &[usize; 4],
        weight: &[f32],
        bias: &[f32],
        window: Window,
    ) -> Value {
        let weight = self.weight(&format!("{name}.weight"), shape, weight);
        let bias = self.constant(&format!("{name}.bias"), &[bias.len()], bias);
        self.convolution(name, input, &weight, &bias, window)
    }

    /// Divides `[1, channels, …]`, of as many axes as `rank` says, by its length over the channels; what is shorter than a millionth
    /// stays near nothing.
    pub fn unit_length(&mut self, input: &Value, rank: usize, name: &str) -> Value {
        const TINY: f32 = 1e-6;
        let square = self.node("Mul", &[input, input], "square", vec![]);
        let axes = self.integers("channel_axis", &[1]);
        let sum = self.node(
            "ReduceSum",
            &[&square, &axes],
            "sum_of_squares",
            vec![integer("keepdims", 1)],
        );
        let tiny = self.constant("tiny", &vec![1; rank], &[TINY * TINY]);
        let sum = self.node("Add", &[&sum, &tiny], "sum_above_zero", vec![]);
        let length = self.node("Sqrt", &[&sum], "length", vec![]);
        self.node("Div", &[input, &length], name, vec![])
    }

    /// Any operator with one output, which bears the operator's name.
    pub fn node(&mut self, operator: &str, inputs: &[&Value], name: &str, attribute: Vec<AttributeProto>) -> Value {
        self.proto.node.push(NodeProto {
            op_type: operator.to_owned(),
            name: name.to_owned(),
            input: inputs.iter().map(|value| value.0.clone()).collect(),
            output: vec![name.to_owned()],
            attribute,
            ..Default::default()
        });
        Value(name.to_owned())
    }

    /// A node as another graph has it.
    pub(super) fn copy(&mut self, node: &NodeProto) {
        self.proto.node.push(node.clone());
    }

    /// A constant as another graph has it.
    pub(super) fn copy_constant(&mut self, constant: &TensorProto) {
        self.proto.initializer.push(constant.clone());
    }

    /// The finished file, with one output.
    pub fn finish(mut self, output: &Value, shape: &[usize]) -> Vec<u8> {
        self.proto.output.push(declaration(&output.0, shape));
        self.close()
    }

    /// The finished file of a graph that has its outputs.
    pub(super) fn close(self) -> Vec<u8> {
        ModelProto {
            ir_version: 7,
            opset_import: vec![OperatorSetIdProto {
                domain: String::new(),
                version: OPERATOR_SET,
            }],
            producer_name: "lookhear".to_owned(),
            producer_version: env!("CARGO_PKG_VERSION").to_owned(),
            graph: Some(self.proto),
            ..Default::default()
        }
        .encode_to_vec()
    }

    fn initializer(&mut self, name: &str, shape: &[usize], data_type: DataType, raw_data: Vec<u8>) {
        self.proto.initializer.push(TensorProto {
            name: name.to_owned(),
            dims: shape.iter().map(|&size| size as i64).collect(),
            data_type: data_type as i32,
            raw_data,
            ..Default::default()
        });
    }
}

/// An integer attribute.
pub fn integer(name: &str, value: i64) -> AttributeProto {
    AttributeProto {
        name: name.to_owned(),
        r#type: AttributeType::Int as i32,
        i: value,
        ..Default::default()
    }
}

/// A list of integers as an attribute.
pub fn integers(name: &str, values: &[usize]) -> AttributeProto {
    AttributeProto {
        name: name.to_owned(),
        r#type: AttributeType::Ints as i32,
        ints: values.iter().map(|&value| value as i64).collect(),
        ..Default::default()
    }
}

fn declaration(name: &str, shape: &[usize]) -> ValueInfoProto {
    let dim = shape
        .iter()
        .map(|&size| tensor_shape_proto::Dimension {
            value: Some(tensor_shape_proto::dimension::Value::DimValue(size as i64)),
            ..Default::default()
        })
        .collect();
    let tensor = type_proto::Tensor {
        elem_type: DataType::Float as i32,
        shape: Some(TensorShapeProto { dim }),
    };
    ValueInfoProto {
        name: name.to_owned(),
        r#type: Some(TypeProto {
            value: Some(type_proto::Value::TensorType(tensor)),
            ..Default::default()
        }),
        ..Default::default()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use lookhear::perception::encoder::Encoder;

    /// A pointwise convolution with every way of storing its weights, run by the very engine that serves it.
    #[test]
    fn every_storage_gives_nearly_the_same_numbers() {
        let values: Vec<f32> = (0..64 * 64)
            .map(|index| ((index * 7919) % 201) as f32 / 100.0 - 1.0)
            .collect();
        let input: Vec<f32> = (0..64 * 4)
            .map(|index| ((index * 104_729) % 17) as f32 / 17.0)
            .collect();
        let run = |storage| {
            let mut graph = Graph::new("pointwise", storage);
            let x = graph.input("x", &[1, 64, 2, 2]);
            let weight = graph.weight("w", &[64, 64, 1, 1], &values);
            let bias = graph.constant("b", &[64], &[0.5; 64]);
            let window = Window {
                kernel: 1,
                stride: 1,
                padding: (0, 0),
                groups: 1,
            };
            let y = graph.convolution("y", &x, &weight, &bias, window);
            let onnx = graph.finish(&y, &[1, 64, 2, 2]);
            let mut encoder = Encoder::load(
                "test",
                &onnx,
                &[1, 64, 2, 2],
                &lookhear::perception::encoder::Backend::default(),
            )
            .unwrap();
            (onnx.len(), encoder.run(&input).unwrap().to_vec())
        };
        let (plain_bytes, plain) = run(Storage::Float32);
        for (storage, bytes_share, tolerance) in [(Storage::Float16, 0.6, 0.02), (Storage::Int8, 0.4, 0.3)] {
            let (bytes, values) = run(storage);
            assert!(
                (bytes as f64) < plain_bytes as f64 * bytes_share,
                "{storage:?}: {bytes} of {plain_bytes}"
            );
            let worst = plain
                .iter()
                .zip(&values)
                .map(|(a, b)| (a - b).abs())
                .fold(0.0f32, f32::max);
            assert!(worst > 0.0 && worst < tolerance, "{storage:?}: {worst}");
        }
        let by_hand: f32 = 0.5 + (0..64).map(|channel| values[channel] * input[channel * 4]).sum::<f32>();
        assert!((plain[0] - by_hand).abs() < 1e-4);
    }
}
