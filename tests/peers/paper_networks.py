"""The networks of `paper` with random weights, as ONNX files: for timing, where weights do not matter.

Two ResNet-18 (He et al. 2016) whose last stage keeps the stride, norms folded into the convolutions; the picture's cells and the
sound's maximum are scaled to unit length.
"""

import numpy
import onnx
from onnx import TensorProto, helper, numpy_helper

STAGES = [(64, 1), (128, 2), (256, 2), (512, 1)]


class Writer:
    def __init__(self):
        self.random, self.nodes, self.weights = numpy.random.default_rng(0), [], []

    def constant(self, name, values):
        self.weights.append(numpy_helper.from_array(values, name))
        return name

    def node(self, kind, inputs, name, **attributes):
        self.nodes.append(helper.make_node(kind, inputs, [name], name=name, **attributes))
        return name

    def convolution(self, value, name, channels, outputs, size, stride):
        scale = numpy.sqrt(2 / (channels * size * size))
        weights = (self.random.standard_normal((outputs, channels, size, size)) * scale).astype(numpy.float32)
        bias = (self.random.standard_normal(outputs) * 0.1).astype(numpy.float32)
        inputs = [value, self.constant(f"{name}.weight", weights), self.constant(f"{name}.bias", bias)]
        pads = [size // 2] * 4
        return self.node("Conv", inputs, name, kernel_shape=[size] * 2, strides=[stride] * 2, pads=pads)

    def block(self, value, name, channels, outputs, stride):
        inner = self.convolution(value, f"{name}.conv1", channels, outputs, 3, stride)
        inner = self.convolution(self.node("Relu", [inner], f"{name}.relu"), f"{name}.conv2", outputs, outputs, 3, 1)
        if channels != outputs or stride != 1:
            value = self.convolution(value, f"{name}.downsample", channels, outputs, 1, stride)
        return self.node("Relu", [self.node("Add", [inner, value], f"{name}.sum")], name)


def write(path, channels, height, width, is_pooled):
    writer = Writer()
    value = writer.node("Relu", [writer.convolution("input", "conv1", channels, 64, 7, 2)], "relu")
    value = writer.node("MaxPool", [value], "maxpool", kernel_shape=[3, 3], strides=[2, 2], pads=[1] * 4)
    before = 64
    for stage, (outputs, stride) in enumerate(STAGES):
        value = writer.block(value, f"layer{stage + 1}.0", before, outputs, stride)
        value = writer.block(value, f"layer{stage + 1}.1", outputs, outputs, 1)
        before = outputs
    if is_pooled:
        value = writer.node("ReduceMax", [value], "pooled", axes=[2, 3], keepdims=0)
    square = writer.node("Mul", [value, value], "square")
    axis = writer.constant("axis", numpy.array([1], dtype=numpy.int64))
    total = writer.node("ReduceSum", [square, axis], "total", keepdims=1)
    tiny = writer.constant("tiny", numpy.full([1] * (2 if is_pooled else 4), 1e-12, dtype=numpy.float32))
    length = writer.node("Sqrt", [writer.node("Add", [total, tiny], "above_zero")], "length")
    writer.node("Div", [value, length], "output")
    shape = [1, 512] if is_pooled else [1, 512, -(-height // 16), -(-width // 16)]
    graph = helper.make_graph(
        writer.nodes,
        "paper",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, [1, channels, height, width])],
        [helper.make_tensor_value_info("output", TensorProto.FLOAT, shape)],
        writer.weights,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.checker.check_model(model)
    onnx.save(model, path)
