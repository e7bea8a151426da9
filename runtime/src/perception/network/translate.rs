//! Takes out of a network in tract's words what the operators here can do.

mod facts;
mod rest;
#[cfg(test)]
mod tests;

use std::collections::HashMap;

use tract_onnx::prelude::*;
use tract_onnx::tract_core::internal::AxisOp;
use tract_onnx::tract_core::ops::binary::TypedBinOp;
use tract_onnx::tract_core::ops::cnn::{Conv, KernelFormat, MaxPool as TractMaxPool};
use tract_onnx::tract_core::ops::einsum::EinSum;
use tract_onnx::tract_core::ops::element_wise::ElementWiseOp;
use tract_onnx::tract_core::ops::math::{Add, Div, Max, Min, Mul, Sqrt, Sub};
use tract_onnx::tract_core::ops::nn::{Reduce, Reducer, Sigmoid, Softmax, SoftmaxKind};

use self::facts::{concrete, constant, matrices, repeated, turned, window};
use super::blocked::Shape;
use super::dense::{Dense, Layout};
use super::depthwise::Depthwise;
use super::integer::plan::Original;
use super::lanes::Bounds;
use super::map::{Map, Pair, Split};
use super::max_pool::MaxPool;
use super::product::Product;
use super::program::{Form, Place, Program, Step, Work};
use super::window::Window;
use super::winograd::Winograd;

/// A network cut in two.
#[derive(Debug)]
pub struct Translation {
    /// What the operators here do: the longest part from the input on that knows nothing else.
    pub program: Program,
    /// What is left for tract, which takes the program's outputs as its inputs; `None` where nothing is left.
    pub rest: Option<TypedModel>,
}

/// Cuts a network that has not been decluttered. `None` where there is nothing in it for the operators here.
///
/// # Errors
/// What tract says of a network that it cannot rebuild.
pub fn translate(model: &TypedModel, arithmetic: Arithmetic) -> TractResult<Option<Translation>> {
    let mut translator = Translator {
        model,
        steps: Vec::new(),
        constants: Vec::new(),
        values: HashMap::new(),
        arithmetic,
        originals: HashMap::new(),
    };
    translator.collect()?;
    if translator.steps.is_empty() {
        return Ok(None);
    }
    translator.finish()
}

/// What convolutions multiply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arithmetic {
    /// Floats of 32 bits.
    Float,
    /// Integers of eight bits.
    Integer,
}

/// A value that the program has.
#[derive(Debug, Clone, Copy)]
struct Value {
    place: Place,
    /// A matrix that lies the other way round than its fact says.
    is_turned: bool,
}

struct Translator<'a> {
    model: &'a TypedModel,
    steps: Vec<Step>,
    constants: Vec<Vec<f32>>,
    values: HashMap<OutletId, Value>,
    arithmetic: Arithmetic,
    /// What convolutions were made of that may work on bytes, by their steps.
    originals: HashMap<usize, Original>,
}

impl Translator<'_> {
    fn collect(&mut self) -> TractResult<()> {
        if let [input] = self.model.inputs.as_slice() {
            self.put(*input, Place::Input, false);
        }
        for node in self.model.eval_order()? {
            let node = self.model.node(node);
            let is_float = |outlet: &OutletId| Ok(self.model.outlet_fact(*outlet)?.datum_type == f32::datum_type());
            let floats: TractResult<Vec<bool>> = node.inputs.iter().map(is_float).collect();
            if node.outputs.len() == 1 && floats?.iter().all(|is_float| *is_float) {
                self.node(node)?;
            }
        }
        Ok(())
    }

    /// Takes a node over, or leaves it.
    fn node(&mut self, node: &TypedNode) -> TractResult<()> {
        if let Some(operator) = node.op_as::<Conv>() {
            self.convolution(node, operator)?;
        } else if let Some(operator) = node.op_as::<TractMaxPool>() {
            self.max_pool(node, operator);
        } else if let Some(operator) = node.op_as::<TypedBinOp>() {
            self.pair(node, operator)?;
        } else if let Some(operator) = node.op_as::<EinSum>() {
            self.product(node, operator)?;
        } else if let Some(operator) = node.op_as::<AxisOp>() {
            self.axis(node, operator);
        } else if let Some(map) = self.map(node)
            && let Some(input) = self.planar(node.inputs[0])
        {
            self.push(node, input, Work::Map(map, None));
        }
        Ok(())
    }

    fn convolution(&mut self, node: &TypedNode, operator: &Conv) -> TractResult<()> {
        let Some((place, shape)) = self.feature(node.inputs[0]) else {
            return Ok(());
        };
        let (Some(weights), Some(bias)) = (self.constant(node.inputs[1])?, self.constant(node.inputs[2])?) else {
            return Ok(());
        };
        let Some(window) = window(&operator.pool_spec, shape) else {
            return Ok(());
        };
        let outputs = operator.pool_spec.output_channels;
        let bias = if bias.len() == 1 { vec![bias[0]; outputs] } else { bias };
        if operator.kernel_fmt != KernelFormat::OIHW || operator.q_params.is_some() || bias.len() != outputs {
            return Ok(());
        }
        let layout = self.layout(place);
        let original = Original {
            shape,
            layout,
            window,
            weights,
            bias,
        };
        let is_integer = operator.group == 1 && self.arithmetic == Arithmetic::Integer && original.grain().is_some();
        let Original { weights, bias, .. } = &original;
        let fewer = match (operator.group, layout) {
            (1, Layout::Blocked) if !is_integer => Winograd::new(shape, window, weights, bias, Bounds::NONE),
            _ => None,
        };
        let work = if let Some(winograd) = fewer {
            Some(Work::Winograd(winograd, None))
        } else if operator.group == 1 {
            Dense::new(shape, layout, window, weights, bias, Bounds::NONE).map(|dense| Work::Dense(dense, None))
        } else if operator.group == shape.channels && outputs == shape.channels && layout == Layout::Blocked {
            Depthwise::new(shape, window, weights, bias, Bounds::NONE).map(Work::Depthwise)
        } else {
            None
        };
        if let Some(work) = work {
            if is_integer {
                self.originals.insert(self.steps.len(), original);
            }
            self.push(node, place, work);
        }
        Ok(())
    }

    fn max_pool(&mut self, node: &TypedNode, operator: &TractMaxPool) {
        if let Some((place, shape)) = self.feature(node.inputs[0])
            && self.layout(place) == Layout::Blocked
            && operator.with_index_outputs.is_none()
            && let Some(window) = window(&operator.pool_spec, shape)
            && let Some(pool) = MaxPool::new(shape, window)
        {
            self.push(node, place, Work::MaxPool(pool));
        }
    }

    fn pair(&mut self, node: &TypedNode, operator: &TypedBinOp) -> TractResult<()> {
        let operator = operator.0.as_ref();
        let (pair, either_way) = if operator.is::<Add>() {
            (Pair::Sum, true)
        } else if operator.is::<Mul>() {
            (Pair::Product, true)
        } else if operator.is::<Max>() {
            (Pair::Larger, true)
        } else if operator.is::<Min>() {
            (Pair::Smaller, true)
        } else if operator.is::<Sub>() {
            (Pair::Difference, false)
        } else if operator.is::<Div>() {
            (Pair::Quotient, false)
        } else {
            return Ok(());
        };
        let fused = match pair {
            Pair::Larger | Pair::Smaller => self.bound(node, pair)?,
            Pair::Sum => self.residual(node),
            _ => None,
        };
        if let Some(place) = fused {
            self.put(node.id.into(), place, false);
            return Ok(());
        }
        let shape = concrete(self.model, node.id.into());
        let orders: &[[usize; 2]] = if either_way { &[[0, 1], [1, 0]] } else { &[[0, 1]] };
        for &[one, other] in orders {
            let (one, other) = (node.inputs[one], node.inputs[other]);
            let (Some(shape), Some(others)) = (&shape, concrete(self.model, other)) else {
                continue;
            };
            let Some(split) = repeated(shape, &others).filter(|_| concrete(self.model, one).as_ref() == Some(shape))
            else {
                continue;
            };
            let Some(input) = self.planar(one) else {
                continue;
            };
            let other = match self.planar(other) {
                Some(place) => place,
                None => match self.constant(other)? {
                    Some(values) => {
                        self.constants.push(values);
                        Place::Constant(self.constants.len() - 1)
                    }
                    None => continue,
                },
            };
            self.push(node, input, Work::Map(Map::Pair(pair, split), Some(other)));
            return Ok(());
        }
        Ok(())
    }

    /// Puts a bound into the step that makes the value, when nobody else wants it without.
    fn bound(&mut self, node: &TypedNode, pair: Pair) -> TractResult<Option<Place>> {
        for (value, limit) in [(0, 1), (1, 0)] {
            let Some(Place::Step(step)) = self.lone(node.inputs[value]) else {
                continue;
            };
            let Some(&[limit]) = self.constant(node.inputs[limit])?.as_deref() else {
                continue;
            };
            let Some(bounds) = self.steps[step].work.bounds_mut() else {
                continue;
            };
            let within = |value: f32| {
                if pair == Pair::Larger {
                    value.max(limit)
                } else {
                    value.min(limit)
                }
            };
            *bounds = Bounds {
                low: within(bounds.low),
                high: within(bounds.high),
            };
            return Ok(Some(Place::Step(step)));
        }
        Ok(None)
    }

    /// Puts an addition into the later of the two steps that make its values, when that is a convolution whose sum nobody else
    /// wants.
    fn residual(&mut self, node: &TypedNode) -> Option<Place> {
        let (one, one_shape) = self.feature(node.inputs[0])?;
        let (other, other_shape) = self.feature(node.inputs[1])?;
        let (Place::Step(one), Place::Step(other)) = (one, other) else {
            return None;
        };
        let (earlier, later, outlet) = if one < other {
            (one, other, node.inputs[1])
        } else {
            (other, one, node.inputs[0])
        };
        self.lone(outlet)?;
        let are_alike = one_shape == other_shape && self.layout(Place::Step(earlier)) == Layout::Blocked;
        let work = &mut self.steps[later].work;
        let is_unbounded = work.bounds_mut().is_some_and(|bounds| *bounds == Bounds::NONE);
        match work {
            Work::Dense(_, residual @ None) | Work::Winograd(_, residual @ None)
                if earlier != later && are_alike && is_unbounded =>
            {
                *residual = Some(Place::Step(earlier));
                Some(Place::Step(later))
            }
            _ => None,
        }
    }

    /// A product of two matrices; where one of them never changes it is a convolution with a window of one cell.
    fn product(&mut self, node: &TypedNode, operator: &EinSum) -> TractResult<()> {
        let Some((left_turned, right_turned)) = matrices(&operator.axes.to_string()) else {
            return Ok(());
        };
        let (Some(&[rows, columns]), Some(left), Some(right)) = (
            concrete(self.model, node.id.into()).as_deref(),
            concrete(self.model, node.inputs[0]),
            concrete(self.model, node.inputs[1]),
        ) else {
            return Ok(());
        };
        let inner = left.iter().product::<usize>() / rows.max(1);
        if rows * inner * columns == 0 || right.iter().product::<usize>() != inner * columns {
            return Ok(());
        }
        let [left, right] = [node.inputs[0], node.inputs[1]];
        if let Some(weights) = self.constant(right)? {
            // One row: its values are the channels of a single cell.
            if let (1, Some(place)) = (rows, self.planar(left)) {
                let weights = if right_turned {
                    weights
                } else {
                    turned(&weights, columns)
                };
                self.one_by_one(node, place, &weights, inner, 1, columns);
            }
        } else if let Some(weights) = self.constant(left)? {
            if let (false, Some(place)) = (right_turned, self.planar(right)) {
                let weights = if left_turned { turned(&weights, rows) } else { weights };
                self.one_by_one(node, place, &weights, inner, columns, rows);
            }
        } else {
            let is_turned = |outlet| self.values.get(&outlet).is_some_and(|value: &Value| value.is_turned);
            let (left_turned, right_turned) = (left_turned ^ is_turned(left), right_turned ^ is_turned(right));
            if let (Some(left), Some(right)) = (self.matrix(left), self.matrix(right)) {
                let product = Product::new(rows, inner, columns, left_turned, right_turned);
                self.push(node, left, Work::Product(product, right));
            }
        }
        Ok(())
    }

    fn one_by_one(
        &mut self,
        node: &TypedNode,
        place: Place,
        weights: &[f32],
        channels: usize,
        width: usize,
        outputs: usize,
    ) {
        let shape = Shape {
            channels,
            height: 1,
            width,
        };
        let bias = vec![0.0; outputs];
        if let Some(dense) = Dense::new(shape, Layout::Planar, Window::ONE_CELL, weights, &bias, Bounds::NONE) {
            self.push(node, place, Work::Dense(dense, None));
        }
    }

    /// Axes that come and go leave the values where they are.
    fn axis(&mut self, node: &TypedNode, operator: &AxisOp) {
        let Some(value) = self.values.get(&node.inputs[0]).copied() else {
            return;
        };
        let is_matrix = concrete(self.model, node.inputs[0]).is_some_and(|shape| shape.len() == 2);
        match operator {
            AxisOp::Add(_) | AxisOp::Rm(_) | AxisOp::Reshape(..) if !value.is_turned => {
                self.put(node.id.into(), value.place, false);
            }
            AxisOp::Move(0, 1) | AxisOp::Move(1, 0) if is_matrix => {
                self.put(node.id.into(), value.place, !value.is_turned);
            }
            _ => {}
        }
    }

    fn map(&self, node: &TypedNode) -> Option<Map> {
        let shape = concrete(self.model, *node.inputs.first()?)?;
        let along = |axes: &[usize]| {
            let (first, last) = (*axes.first()?, *axes.last()?);
            let is_one_axis = axes.windows(2).all(|pair| pair[0] + 1 == pair[1]);
            is_one_axis.then(|| Split {
                outer: shape[..first].iter().product(),
                along: shape[first..=last].iter().product(),
                inner: shape[last + 1..].iter().product(),
            })
        };
        if let Some(operator) = node.op_as::<ElementWiseOp>() {
            let all = Split {
                outer: 1,
                along: shape.iter().product(),
                inner: 1,
            };
            let is_root = operator.0.is::<Sqrt>().then_some(Map::SquareRoot(all));
            return is_root.or_else(|| operator.0.is::<Sigmoid>().then_some(Map::Sigmoid(all)));
        }
        if let Some(operator) = node.op_as::<Reduce>() {
            return match operator.reducer {
                Reducer::Sum => along(&operator.axes).map(Map::Total),
                Reducer::Max => along(&operator.axes).map(Map::Largest),
                _ => None,
            };
        }
        let operator = node.op_as::<Softmax>()?;
        let is_plain = operator.quant_output_dt.is_none() && matches!(operator.kind, SoftmaxKind::Softmax);
        along(&operator.axes).filter(|_| is_plain).map(Map::Softmax)
    }

    fn put(&mut self, outlet: OutletId, place: Place, is_turned: bool) {
        self.values.insert(outlet, Value { place, is_turned });
    }

    fn push(&mut self, node: &TypedNode, input: Place, work: Work) {
        self.steps.push(Step {
            name: node.name.clone(),
            input,
            work,
        });
        self.put(node.id.into(), Place::Step(self.steps.len() - 1), false);
    }

    fn layout(&self, place: Place) -> Layout {
        match place {
            Place::Step(step) if matches!(self.steps[step].work.output(), Form::Blocked(_)) => Layout::Blocked,
            _ => Layout::Planar,
        }
    }

    /// A value as a map of channels.
    fn feature(&self, outlet: OutletId) -> Option<(Place, Shape)> {
        let value = self.values.get(&outlet).filter(|value| !value.is_turned)?;
        let &[1, channels, height, width] = concrete(self.model, outlet)?.as_slice() else {
            return None;
        };
        let shape = Shape {
            channels,
            height,
            width,
        };
        let fits = match value.place {
            Place::Step(step) => match self.steps[step].work.output() {
                Form::Blocked(blocked) => blocked == shape,
                Form::Planar(_) => true,
                Form::Bytes(_) => false,
            },
            Place::Input | Place::Constant(_) => true,
        };
        fits.then_some((value.place, shape))
    }

    /// A value in planes, brought there where it is in blocks.
    fn planar(&mut self, outlet: OutletId) -> Option<Place> {
        let is_turned = self.values.get(&outlet)?.is_turned;
        if is_turned { None } else { self.matrix(outlet) }
    }

    /// The same, turned or not.
    fn matrix(&mut self, outlet: OutletId) -> Option<Place> {
        let place = self.values.get(&outlet)?.place;
        let Place::Step(step) = place else {
            return Some(place);
        };
        let Form::Blocked(shape) = self.steps[step].work.output() else {
            return Some(place);
        };
        let is_it = |step: &Step| step.input == place && matches!(step.work, Work::ToPlanar(_));
        let step = self.steps.iter().position(is_it).unwrap_or_else(|| {
            self.steps.push(Step {
                name: format!("{} in planes", self.steps[step].name),
                input: place,
                work: Work::ToPlanar(shape),
            });
            self.steps.len() - 1
        });
        Some(Place::Step(step))
    }

    /// A known value that only one node takes.
    fn lone(&self, outlet: OutletId) -> Option<Place> {
        let is_lone = self.model.outlet_successors(outlet).len() == 1 && !self.model.outputs.contains(&outlet);
        // The other side of a change of axes is the same value, and may have takers of its own.
        let is_made_here = !self.model.node(outlet.node).op_is::<AxisOp>();
        let value = self
            .values
            .get(&outlet)
            .filter(|value| is_lone && is_made_here && !value.is_turned)?;
        Some(value.place)
    }

    /// The values of an outlet that depends on no input, when they are f32.
    fn constant(&self, outlet: OutletId) -> TractResult<Option<Vec<f32>>> {
        let Some(tensor) = constant(self.model, outlet)? else {
            return Ok(None);
        };
        if tensor.datum_type() != f32::datum_type() {
            return Ok(None);
        }
        Ok(Some(tensor.to_plain_array_view::<f32>()?.iter().copied().collect()))
    }
}
