//! Gradients and parameters of a network by name, each as one flat tensor, whatever its shape.

use std::collections::BTreeMap;

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::tensor::{Gradients, Tensor};

/// Flat tensors by the name of the parameter (see [`crate::model::named`]), without a graph behind them.
pub type Flat = BTreeMap<String, Tensor<1>>;

/// The gradients that a backward pass left, of the parameters that have any.
pub fn gradients<M: Module>(network: &M, gradients: &Gradients) -> Flat {
    collect(network, Some(gradients))
}

/// All float parameters and running statistics.
pub fn parameters<M: Module>(network: &M) -> Flat {
    collect(network, None)
}

/// Adds what a further part of a step gives to what the parts before gave.
pub fn accumulate(sum: &mut Flat, further: Flat) {
    for (name, gradient) in further {
        let total = match sum.remove(&name) {
            Some(before) => before + gradient,
            None => gradient,
        };
        sum.insert(name, total);
    }
}

/// The network with each parameter replaced by what `change` makes of its name and its flat value, where it makes anything.
pub fn change<M: Module>(network: M, change: impl FnMut(&str, Tensor<1>) -> Option<Tensor<1>>) -> M {
    network.map(&mut Changer {
        path: Vec::new(),
        change,
    })
}

fn collect<M: Module>(network: &M, gradients: Option<&Gradients>) -> Flat {
    let mut collector = Collector {
        path: Vec::new(),
        gradients,
        flat: Flat::new(),
    };
    network.visit(&mut collector);
    collector.flat
}

struct Collector<'a> {
    path: Vec<String>,
    gradients: Option<&'a Gradients>,
    flat: Flat,
}

impl ModuleVisitor for Collector<'_> {
    fn enter_module(&mut self, name: &str, _container_type: &str) {
        self.path.push(name.to_owned());
    }

    fn exit_module(&mut self, _name: &str, _container_type: &str) {
        self.path.pop();
    }

    fn visit_float<const D: usize>(&mut self, parameter: &Param<Tensor<D>>) {
        let value = parameter.val();
        let found = match self.gradients {
            Some(gradients) if value.is_require_grad() => value.grad(gradients),
            Some(_) => None,
            None => Some(value.without_autodiff()),
        };
        if let Some(found) = found {
            self.flat.insert(self.path.join("."), found.flatten::<1>(0, D - 1));
        }
    }
}

struct Changer<F> {
    path: Vec<String>,
    change: F,
}

impl<F: FnMut(&str, Tensor<1>) -> Option<Tensor<1>>> ModuleMapper for Changer<F> {
    fn enter_module(&mut self, name: &str, _container_type: &str) {
        self.path.push(name.to_owned());
    }

    fn exit_module(&mut self, _name: &str, _container_type: &str) {
        self.path.pop();
    }

    fn map_float<const D: usize>(&mut self, parameter: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let name = self.path.join(".");
        let change = &mut self.change;
        parameter.map(|old| {
            let (learns, trains, shape) = (old.is_require_grad(), old.device().is_autodiff(), old.shape());
            let flat = old.clone().without_autodiff().flatten::<1>(0, D - 1);
            match change(&name, flat) {
                Some(new) if trains => {
                    let new = Tensor::from_inner(new.reshape::<D, _>(shape));
                    if learns { new.require_grad() } else { new }
                }
                Some(new) => new.reshape(shape),
                None => old,
            }
        })
    }
}
