//! Networks as the runtime meets them: those of the model that ships, and the two ResNet-18 of `paper` with random weights.
#![allow(clippy::unwrap_used)]

use lookhear::perception::bundle::Bundle;
use prost::Message;
use tract_onnx::pb::attribute_proto::AttributeType;
use tract_onnx::pb::tensor_proto::DataType;
use tract_onnx::pb::{
    AttributeProto, GraphProto, ModelProto, NodeProto, OperatorSetIdProto, TensorProto, TensorShapeProto, TypeProto,
    ValueInfoProto, tensor_shape_proto, type_proto,
};

/// Channels of the stages, in those of the first, with their strides.
const STAGES: [(usize, usize); 4] = [(1, 1), (2, 2), (4, 2), (8, 1)];

/// An ONNX file with what it takes.
pub struct Network {
    /// For messages.
    pub name: &'static str,
    /// The file.
    pub onnx: Vec<u8>,
    /// Of its input.
    pub shape: Vec<usize>,
}

/// Both networks of the model that ships.
pub fn of_default_model() -> [Network; 2] {
    let bundle = Bundle::default_model().unwrap();
    let side = bundle.manifest.picture.side_pixels;
    [
        Network {
            name: "edge, picture",
            onnx: bundle.vision,
            shape: vec![1, 3, side, side],
        },
        Network {
            name: "edge, sound",
            onnx: bundle.audio,
            shape: vec![1, 1, 96, 64],
        },
    ]
}

/// Both networks of `paper`, `width` channels wide (64 in the paper), for a picture of `side` and a sound of `frames`.
pub fn of_paper(width: usize, side: usize, frames: usize) -> [Network; 2] {
    [
        Network {
            name: "paper, picture",
            onnx: paper(width, [3, side, side], false),
            shape: vec![1, 3, side, side],
        },
        Network {
            name: "paper, sound",
            onnx: paper(width, [1, 257, frames], true),
            shape: vec![1, 1, 257, frames],
        },
    ]
}

fn paper(width: usize, input: [usize; 3], is_pooled: bool) -> Vec<u8> {
    let mut writer = Writer {
        graph: GraphProto::default(),
        noise: Noise(7),
    };
    let shape = [1, input[0], input[1], input[2]];
    writer.graph.input.push(declaration("input", &shape));
    let stem = writer.convolution("input", "stem", [width, input[0], 7], 2);
    let stem = writer.node("Relu", &[&stem], "stem.relu", vec![]);
    let pool = vec![
        integers("kernel_shape", &[3, 3]),
        integers("strides", &[2, 2]),
        integers("pads", &[1, 1, 1, 1]),
    ];
    let mut value = writer.node("MaxPool", &[&stem], "pool", pool);
    let mut before = width;
    for (stage, (wider, stride)) in STAGES.into_iter().enumerate() {
        for (block, stride) in [(0, stride), (1, 1)] {
            let name = format!("layer{stage}.{block}");
            value = writer.block(&value, &name, [before, width * wider], stride);
            before = width * wider;
        }
    }
    let rank = if is_pooled { 2 } else { 4 };
    if is_pooled {
        let attributes = vec![integers("axes", &[2, 3]), integer("keepdims", 0)];
        value = writer.node("ReduceMax", &[&value], "pooled", attributes);
    }
    let square = writer.node("Mul", &[&value, &value], "square", vec![]);
    writer.tensor("axes", &[1], DataType::Int64, 1_i64.to_le_bytes().to_vec());
    let sum = writer.node("ReduceSum", &[&square, "axes"], "sum", vec![integer("keepdims", 1)]);
    writer.floats("tiny", &vec![1; rank], &[1e-12]);
    let sum = writer.node("Add", &[&sum, "tiny"], "sum_above_zero", vec![]);
    let length = writer.node("Sqrt", &[&sum], "length", vec![]);
    writer.node("Div", &[&value, &length], "output", vec![]);
    let cells = |length: usize| length.div_ceil(16);
    let output = [1, before, cells(input[1]), cells(input[2])];
    writer.graph.output.push(declaration("output", &output[..rank]));
    let model = ModelProto {
        ir_version: 7,
        opset_import: vec![OperatorSetIdProto {
            domain: String::new(),
            version: 13,
        }],
        graph: Some(writer.graph),
        ..Default::default()
    };
    model.encode_to_vec()
}

struct Writer {
    graph: GraphProto,
    noise: Noise,
}

impl Writer {
    fn block(&mut self, input: &str, name: &str, [channels, outputs]: [usize; 2], stride: usize) -> String {
        let part = |part: &str| format!("{name}.{part}");
        let inner = self.convolution(input, &part("conv1"), [outputs, channels, 3], stride);
        let inner = self.node("Relu", &[&inner], &part("inner"), vec![]);
        let inner = self.convolution(&inner, &part("conv2"), [outputs, outputs, 3], 1);
        let around = if channels == outputs && stride == 1 {
            input.to_owned()
        } else {
            self.convolution(input, &part("downsample"), [outputs, channels, 1], stride)
        };
        let sum = self.node("Add", &[&inner, &around], &part("sum"), vec![]);
        self.node("Relu", &[&sum], name, vec![])
    }

    /// Weights by He et al. 2015, so that maps keep their size from layer to layer, and a bias beside them.
    fn convolution(&mut self, input: &str, name: &str, [outputs, channels, size]: [usize; 3], stride: usize) -> String {
        let count = channels * size * size;
        let reach = (6.0 / count as f32).sqrt();
        let weights: Vec<f32> = (0..outputs * count).map(|_| self.noise.next() * reach).collect();
        let bias: Vec<f32> = (0..outputs).map(|_| self.noise.next() * 0.1).collect();
        let (weight, offset) = (format!("{name}.weight"), format!("{name}.bias"));
        self.floats(&weight, &[outputs, channels, size, size], &weights);
        self.floats(&offset, &[outputs], &bias);
        let attributes = vec![
            integers("kernel_shape", &[size, size]),
            integers("strides", &[stride, stride]),
            integers("pads", &[size / 2; 4]),
        ];
        self.node("Conv", &[input, &weight, &offset], name, attributes)
    }

    fn node(&mut self, operator: &str, inputs: &[&str], name: &str, attribute: Vec<AttributeProto>) -> String {
        self.graph.node.push(NodeProto {
            op_type: operator.to_owned(),
            name: name.to_owned(),
            input: inputs.iter().map(|input| (*input).to_owned()).collect(),
            output: vec![name.to_owned()],
            attribute,
            ..Default::default()
        });
        name.to_owned()
    }

    fn floats(&mut self, name: &str, shape: &[usize], values: &[f32]) {
        let bytes = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        self.tensor(name, shape, DataType::Float, bytes);
    }

    fn tensor(&mut self, name: &str, shape: &[usize], data_type: DataType, raw_data: Vec<u8>) {
        self.graph.initializer.push(TensorProto {
            name: name.to_owned(),
            dims: shape.iter().map(|length| *length as i64).collect(),
            data_type: data_type as i32,
            raw_data,
            ..Default::default()
        });
    }
}

fn integer(name: &str, value: i64) -> AttributeProto {
    AttributeProto {
        name: name.to_owned(),
        r#type: AttributeType::Int as i32,
        i: value,
        ..Default::default()
    }
}

fn integers(name: &str, values: &[usize]) -> AttributeProto {
    AttributeProto {
        name: name.to_owned(),
        r#type: AttributeType::Ints as i32,
        ints: values.iter().map(|value| *value as i64).collect(),
        ..Default::default()
    }
}

fn declaration(name: &str, shape: &[usize]) -> ValueInfoProto {
    let dimension = |length: &usize| tensor_shape_proto::Dimension {
        value: Some(tensor_shape_proto::dimension::Value::DimValue(*length as i64)),
        ..Default::default()
    };
    let tensor = type_proto::Tensor {
        elem_type: DataType::Float as i32,
        shape: Some(TensorShapeProto {
            dim: shape.iter().map(dimension).collect(),
        }),
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

/// Numbers between −1 and 1, the same ones every time (the generator of Numerical Recipes).
pub struct Noise(pub u32);

impl Noise {
    /// The next one.
    pub fn next(&mut self) -> f32 {
        self.0 = self.0.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (self.0 >> 8) as f32 / (1 << 23) as f32 - 1.0
    }
}
