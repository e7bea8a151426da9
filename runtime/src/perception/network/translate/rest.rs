//! What is left of a network for tract.

use std::collections::{HashMap, HashSet};

use tract_onnx::prelude::*;

use super::{Translation, Translator, Value};
use crate::perception::network::integer::plan::{Plan, plan};
use crate::perception::network::program::{Place, Program};

impl Translator<'_> {
    /// Whether the program gives this value to those outside.
    fn given(&self, outlet: OutletId) -> Option<usize> {
        match self.values.get(&outlet)? {
            Value {
                place: Place::Step(step),
                is_turned: false,
            } => Some(*step),
            _ => None,
        }
    }

    fn program(self, outputs: Vec<usize>) -> Program {
        if self.originals.is_empty() {
            return Program::new(self.steps, self.constants, outputs);
        }
        let Plan { steps, moved } = plan(self.steps, &self.originals, &outputs);
        let outputs = outputs.into_iter().map(|output| moved[output]).collect();
        Program::new(steps, self.constants, outputs)
    }

    /// Builds what is left.
    pub(super) fn finish(self) -> TractResult<Option<Translation>> {
        let given: Option<Vec<usize>> = self.model.outputs.iter().map(|outlet| self.given(*outlet)).collect();
        if let Some(outputs) = given {
            return Ok(Some(Translation {
                program: self.program(outputs),
                rest: None,
            }));
        }
        let mut needed = HashSet::new();
        let mut wanted = self.model.outputs.clone();
        while let Some(outlet) = wanted.pop() {
            if needed.insert(outlet) && self.given(outlet).is_none() {
                wanted.extend(&self.model.node(outlet.node).inputs);
            }
        }
        let (mut rest, mut outputs) = (TypedModel::default(), Vec::new());
        let mut mapping = HashMap::<OutletId, OutletId>::new();
        for node in self.model.eval_order()? {
            let node = self.model.node(node);
            let slots = (0..node.outputs.len()).map(|slot| OutletId::new(node.id, slot));
            if !slots.clone().any(|outlet| needed.contains(&outlet)) {
                continue;
            }
            if let Some(step) = self.given(node.id.into()) {
                let fact = self.model.outlet_fact(node.id.into())?.without_value();
                mapping.insert(node.id.into(), rest.add_source(node.name.clone(), fact)?);
                outputs.push(step);
                continue;
            }
            if slots.clone().any(|outlet| self.model.inputs.contains(&outlet)) {
                // Both halves want the input: tract does it all.
                return Ok(None);
            }
            let inputs: TVec<OutletId> = node
                .inputs
                .iter()
                .filter_map(|input| mapping.get(input).copied())
                .collect();
            let wired = rest.wire_node(node.name.clone(), node.op.clone(), &inputs)?;
            mapping.extend(slots.zip(wired));
        }
        let results: Vec<OutletId> = self
            .model
            .outputs
            .iter()
            .filter_map(|outlet| mapping.get(outlet).copied())
            .collect();
        rest.select_output_outlets(&results)?;
        Ok(Some(Translation {
            program: self.program(outputs),
            rest: Some(rest),
        }))
    }
}
