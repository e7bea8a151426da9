//! On an NVIDIA GPU every operator of our networks has a kernel there, in single and in half precision: asserted from the plan, without
//! a GPU. So is that cuDNN takes every convolution.
//!
//! tract-cuda 0.23.9 decides node by node what becomes of a network (`src/transform.rs`, `translate_node`), from operators, types and
//! shapes alone. That code runs here as it is. Only where it hands constants to a device (`tract-gpu`, `src/device.rs`) there is a
//! device that keeps them in memory and can do nothing else. tract's own preparation before that cannot be called without a driver:
//! its parts that are public are called here, and the two that are not and that our networks need are done by rules of the same
//! meaning. What a kernel computes is not seen here: `encoder/tests.rs` compares that where there is a GPU.
#![allow(clippy::unwrap_used)]

mod networks;

use std::ffi::c_void;
use std::sync::Once;

use lookhear::perception::for_gpu::{Precision, for_gpu, left_on_processor};
use lookhear::perception::network::read::read;
use networks::{Network, of_default_model, of_paper};
use tract_cuda::CudaTransform;
use tract_gpu::device::{DeviceBuffer, DeviceContext, set_context};
use tract_gpu::fact::DeviceTypedFactExt;
use tract_gpu::tensor::{DeviceTensor, OwnedDeviceTensor};
use tract_onnx::prelude::*;
use tract_onnx::tract_core::internal::{ExoticFact, Rewriter, TValue, TypedModelPatch, bail, rule_if};
use tract_onnx::tract_core::model::translator::Translate;
use tract_onnx::tract_core::ops::einsum::prefix_matmul::{PrefixMatMul, rewrite_einsum_to_prefix_matmul};
use tract_onnx::tract_core::ops::nn::{Reduce, Reducer};

/// What tract-cuda makes of a network.
fn planned(model: TypedModel) -> TypedModel {
    static DEVICE: Once = Once::new();
    DEVICE.call_once(|| set_context(Box::new(Memory)).unwrap());
    let mut model = model.into_decluttered().unwrap();
    rewrite_einsum_to_prefix_matmul(&mut model, false).unwrap();
    Rewriter::default()
        .with_rule_for("turned product", turned_product)
        .with_rule_for("one axis at a time", one_axis_at_a_time)
        .rewrite(&(), &mut model)
        .unwrap();
    CudaTransform.translate_model(&model).unwrap()
}

fn datum_type(model: &TypedModel, outlet: OutletId) -> DatumType {
    let fact = model.outlet_fact(outlet).unwrap();
    fact.as_device_fact().map_or(fact.datum_type, |fact| fact.datum_type)
}

/// Convolutions that tract-cuda has a plain kernel for in place of cuDNN.
fn without_cudnn(plan: &TypedModel) -> Vec<String> {
    let convolutions = plan.nodes.iter().filter(|node| node.op.name() == "CudaConv");
    convolutions
        .filter(|node| !node.op.info().unwrap().contains(&"kernel: ConvCudnn".to_owned()))
        .map(|node| node.name.clone())
        .collect()
}

fn check(network: &Network) {
    let name = network.name;
    let model = read(&network.onnx, &network.shape).unwrap();
    for precision in [Precision::Single, Precision::Half] {
        let plan = planned(for_gpu(&model, precision).unwrap());
        let wanted = match precision {
            Precision::Single => f32::datum_type(),
            Precision::Half => f16::datum_type(),
        };
        assert_eq!(left_on_processor(&plan), Vec::<String>::new(), "{name}, {precision:?}");
        assert_eq!(without_cudnn(&plan), Vec::<String>::new(), "{name}, {precision:?}");
        let mut products = 0;
        for node in &plan.nodes {
            let operator = node.op.name();
            match operator.as_ref() {
                "CudaConv" | "CudaGgmlGemm" => {
                    products += 1;
                    for outlet in node.inputs.iter().copied().chain([node.id.into()]) {
                        assert_eq!(datum_type(&plan, outlet), wanted, "{name}: {}", node.name);
                    }
                }
                // What loses small terms or overflows.
                "CudaReduce<Sum>" | "CudaSquare" | "CudaSqrt" | "CudaRsqrt" | "CudaSoftmax" | "CudaSigmoid"
                | "CudaDiv" => {
                    assert_eq!(
                        datum_type(&plan, node.id.into()),
                        f32::datum_type(),
                        "{name}: {}",
                        node.name
                    );
                }
                "DeviceSyncToDevice" => assert!(plan.inputs.contains(&node.inputs[0]), "{name}: {}", node.name),
                "DeviceSyncToHost" => assert!(plan.outputs.contains(&node.id.into()), "{name}: {}", node.name),
                _ => {}
            }
        }
        assert!(products >= 20, "{name}: {products} products");
        for outlet in [plan.inputs[0], plan.outputs[0]] {
            assert_eq!(datum_type(&plan, outlet), f32::datum_type(), "{name}");
        }
    }
}

#[test]
fn all_of_the_default_model_is_on_the_gpu() {
    of_default_model().iter().for_each(check);
}

/// Channels do not matter for it: an eighth of them makes it quick.
#[test]
fn all_of_paper_is_on_the_gpu() {
    of_paper(8, 224, 670).iter().for_each(check);
}

#[test]
fn what_has_no_kernel_is_seen() {
    let [picture, _] = of_paper(8, 224, 670);
    let plan = planned(read(&picture.onnx, &picture.shape).unwrap());
    let left = left_on_processor(&plan);
    let count = |operator: &str| left.iter().filter(|node| node.starts_with(operator)).count();
    // The two convolutions of 1×1 with a stride lose it to an operator along each axis.
    assert_eq!(
        (count("MaxPool "), count("Downsample "), left.len()),
        (1, 4, 5),
        "{left:?}"
    );
}

/// Those with a stride of two, where TensorFlow pads an even length at its end only.
#[test]
fn a_convolution_that_cudnn_does_not_take_is_seen() {
    for network in of_default_model() {
        let plan = planned(read(&network.onnx, &network.shape).unwrap());
        let found = without_cudnn(&plan);
        assert_eq!(found.len(), 5, "{}: {found:?}", network.name);
    }
}

/// tract-cuda's `rewrite_rules/untranspose_matmul_output.rs`: what is wanted turned is the product of the turned, the other way round.
fn turned_product(
    _: &(),
    model: &TypedModel,
    node: &TypedNode,
    _: &str,
    product: &PrefixMatMul,
) -> TractResult<Option<TypedModelPatch>> {
    rule_if!(product.transpose_c);
    let turned = PrefixMatMul {
        transpose_a: !product.transpose_b,
        transpose_b: !product.transpose_a,
        transpose_c: false,
        ..*product
    };
    TypedModelPatch::replace_single_op(model, node, &[node.inputs[1], node.inputs[0]], turned).map(Some)
}

/// tract-cuda's `split_multi_axis_reduce` in `transform.rs`: sums, maxima and minima go over one axis after the other.
fn one_axis_at_a_time(
    _: &(),
    model: &TypedModel,
    node: &TypedNode,
    name: &str,
    reduce: &Reduce,
) -> TractResult<Option<TypedModelPatch>> {
    rule_if!(reduce.axes.len() > 1 && matches!(reduce.reducer, Reducer::Sum | Reducer::Max | Reducer::Min));
    let mut patch = TypedModelPatch::default();
    let mut value = patch.tap_model(model, node.inputs[0])?;
    for axis in &reduce.axes {
        let reduce = Reduce::new(tvec!(*axis), reduce.reducer);
        value = patch.wire_node(format!("{name}.{axis}"), reduce, &[value])?[0];
    }
    patch.shunt_outside(model, node.id.into(), value)?;
    Ok(Some(patch))
}

/// A device that keeps what it is given.
#[derive(Debug, Clone)]
struct Memory;

impl DeviceContext for Memory {
    fn tensor_to_device(&self, tensor: TValue) -> TractResult<Box<dyn OwnedDeviceTensor>> {
        let tensor = tensor.into_arc_tensor();
        let strides = tensor.strides().to_vec();
        Ok(Box::new(Kept { tensor, strides }))
    }

    fn uninitialized_device_tensor(&self, _: &[usize], _: DatumType) -> TractResult<Box<dyn OwnedDeviceTensor>> {
        bail!("nothing is computed here")
    }

    fn uninitialized_device_exotic_tensor(&self, _: Box<dyn ExoticFact>) -> TractResult<Box<dyn OwnedDeviceTensor>> {
        bail!("nothing is computed here")
    }

    fn synchronize(&self) -> TractResult<()> {
        Ok(())
    }

    fn copy_nd(
        &self,
        _: &DeviceTensor,
        _: usize,
        _: &[isize],
        _: &DeviceTensor,
        _: usize,
        _: &[usize],
        _: &[isize],
    ) -> TractResult<()> {
        bail!("nothing is computed here")
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Kept {
    tensor: Arc<Tensor>,
    strides: Vec<isize>,
}

impl OwnedDeviceTensor for Kept {
    fn datum_type(&self) -> DatumType {
        self.tensor.datum_type()
    }

    fn shape(&self) -> &[usize] {
        self.tensor.shape()
    }

    fn strides(&self) -> &[isize] {
        &self.strides
    }

    fn reshaped(&self, _: TVec<usize>) -> TractResult<DeviceTensor> {
        bail!("nothing is computed here")
    }

    fn restrided(&self, _: TVec<isize>) -> TractResult<DeviceTensor> {
        bail!("nothing is computed here")
    }

    fn exotic_fact(&self) -> Option<&dyn ExoticFact> {
        None
    }

    fn get_bytes_slice(&self, offset: usize, length: usize) -> Vec<u8> {
        self.tensor.as_bytes()[offset..offset + length].to_vec()
    }

    fn device_buffer(&self) -> &dyn DeviceBuffer {
        self
    }

    fn to_host(&self) -> TractResult<Arc<Tensor>> {
        Ok(self.tensor.clone())
    }
}

impl DeviceBuffer for Kept {
    fn ptr(&self) -> *const c_void {
        self.tensor.as_bytes().as_ptr().cast()
    }
}
