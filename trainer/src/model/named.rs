//! A network's numbers by name: the path of each parameter and running statistic in its module, joined by dots
//! (`imgnet.layer1.0.bn1.running_mean`), as PyTorch's `state_dict` names them.

use std::collections::BTreeMap;

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::tensor::{Tensor, TensorData};

/// A tensor without a device.
#[derive(Debug, Clone, PartialEq)]
pub struct NamedTensor {
    /// Extents, outermost first.
    pub shape: Vec<usize>,
    /// As many as the extents multiply to, row-major.
    pub values: Vec<f32>,
}

/// The tensors do not fill the network: they are another network's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the tensors are not this network's: missing {missing:?}; of another shape {misshapen:?}")]
pub struct Foreign {
    /// Names that the network has and the tensors do not.
    pub missing: Vec<String>,
    /// Names that both have.
    pub misshapen: Vec<Misshapen>,
}

/// A tensor that has the right name and does not fit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Misshapen {
    /// Of the parameter.
    pub name: String,
    /// What the network needs.
    pub expected: Vec<usize>,
    /// What is there.
    pub found: Vec<usize>,
}

/// Every float parameter and running statistic of a network. A running statistic may lag by one forward pass unless the
/// network has been told to settle ([`BatchNorm::settle`](super::paper::layers::BatchNorm::settle)).
pub fn read<M: Module>(module: &M) -> BTreeMap<String, NamedTensor> {
    let mut reader = Reader::default();
    module.visit(&mut reader);
    reader.tensors
}

/// The network with every float parameter and running statistic taken from `tensors`, on the device it is on; identities and
/// what learns stay as they are. Tensors that the network has no place for are passed over.
///
/// Clones of a burn module share their running statistics: those of clones made before change too.
pub fn write<M: Module>(module: M, tensors: &BTreeMap<String, NamedTensor>) -> Result<M, Foreign> {
    check(&read(&module), tensors)?;
    let mut writer = Writer {
        path: Vec::new(),
        tensors,
    };
    Ok(module.map(&mut writer))
}

/// The numbers that lie between two networks', `share` of the way from one to the other; those that only the other has are its own.
pub fn between(
    from: &BTreeMap<String, NamedTensor>,
    to: &BTreeMap<String, NamedTensor>,
    share: f32,
) -> BTreeMap<String, NamedTensor> {
    let moved = |(name, to): (&String, &NamedTensor)| {
        let mut tensor = to.clone();
        if let Some(from) = from.get(name) {
            for (to, from) in tensor.values.iter_mut().zip(&from.values) {
                *to = from + share * (*to - from);
            }
        }
        (name.clone(), tensor)
    };
    to.iter().map(moved).collect()
}

/// Compares with what a network has, before any of it is changed.
fn check(own: &BTreeMap<String, NamedTensor>, given: &BTreeMap<String, NamedTensor>) -> Result<(), Foreign> {
    let mut foreign = Foreign {
        missing: Vec::new(),
        misshapen: Vec::new(),
    };
    for (name, tensor) in own {
        match given.get(name) {
            None => foreign.missing.push(name.clone()),
            Some(found) if found.shape != tensor.shape || found.values.len() != tensor.values.len() => {
                foreign.misshapen.push(Misshapen {
                    name: name.clone(),
                    expected: tensor.shape.clone(),
                    found: found.shape.clone(),
                });
            }
            Some(_) => {}
        }
    }
    if foreign.missing.is_empty() && foreign.misshapen.is_empty() {
        Ok(())
    } else {
        Err(foreign)
    }
}

#[derive(Default)]
struct Reader {
    path: Vec<String>,
    tensors: BTreeMap<String, NamedTensor>,
}

impl ModuleVisitor for Reader {
    fn enter_module(&mut self, name: &str, _container_type: &str) {
        self.path.push(name.to_owned());
    }

    fn exit_module(&mut self, _name: &str, _container_type: &str) {
        self.path.pop();
    }

    fn visit_float<const D: usize>(&mut self, parameter: &Param<Tensor<D>>) {
        let tensor = parameter.val();
        let shape = tensor.dims().to_vec();
        let values = tensor.into_data().convert::<f32>().try_to_vec().unwrap_or_default();
        self.tensors.insert(self.path.join("."), NamedTensor { shape, values });
    }
}

struct Writer<'a> {
    path: Vec<String>,
    tensors: &'a BTreeMap<String, NamedTensor>,
}

impl ModuleMapper for Writer<'_> {
    fn enter_module(&mut self, name: &str, _container_type: &str) {
        self.path.push(name.to_owned());
    }

    fn exit_module(&mut self, _name: &str, _container_type: &str) {
        self.path.pop();
    }

    fn map_float<const D: usize>(&mut self, parameter: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let Some(named) = self.tensors.get(&self.path.join(".")) else {
            return parameter;
        };
        parameter.map(|old| {
            let data = TensorData::new(named.values.clone(), named.shape.clone()).convert_dtype(old.dtype());
            let tensor = Tensor::from_data(data, &old.device());
            if old.is_require_grad() {
                tensor.require_grad()
            } else {
                tensor
            }
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;
    use crate::model::paper::layers::BatchNorm;
    use burn::tensor::Device;

    #[test]
    fn between_two_networks_lie_their_weighted_means() {
        let tensors = |names: &[&str], values: [f32; 2]| -> BTreeMap<String, NamedTensor> {
            let tensor = NamedTensor {
                shape: vec![2],
                values: values.to_vec(),
            };
            names.iter().map(|&name| (name.to_owned(), tensor.clone())).collect()
        };
        let (from, to) = (
            tensors(&["weight"], [1.0, 2.0]),
            tensors(&["bias", "weight"], [3.0, 0.0]),
        );
        let found = between(&from, &to, 0.25);
        assert_eq!(found["weight"].values, [1.5, 1.5]);
        assert_eq!(found["bias"], to["bias"]);
    }

    #[test]
    fn what_is_written_by_name_is_read_again() {
        let norm = BatchNorm::new(3, &Device::flex().autodiff());
        let mut tensors = read(&norm);
        let names: Vec<&str> = tensors.keys().map(String::as_str).collect();
        assert_eq!(names, ["bias", "running_mean", "running_var", "weight"]);
        for (index, tensor) in tensors.values_mut().enumerate() {
            tensor.values = vec![index as f32 + 0.25; 3];
        }
        let norm = write(norm, &tensors).unwrap();
        assert_eq!(read(&norm), tensors);
        assert!(norm.weight.is_require_grad());
        assert!(norm.weight.val().device().is_autodiff());
    }

    #[test]
    fn what_is_missing_or_does_not_fit_is_named_and_nothing_is_changed() {
        let norm = BatchNorm::new(3, &Device::flex());
        let before = read(&norm);
        let mut tensors = before.clone();
        tensors.remove("bias");
        let weight = tensors.get_mut("weight").unwrap();
        weight.shape = vec![4];
        weight.values = vec![0.0; 4];
        tensors.get_mut("running_mean").unwrap().values = vec![9.0; 3];
        let foreign = write(norm.clone(), &tensors).unwrap_err();
        assert_eq!(foreign.missing, ["bias"]);
        assert_eq!(foreign.misshapen[0].name, "weight");
        assert_eq!(
            (&foreign.misshapen[0].expected, &foreign.misshapen[0].found),
            (&vec![3], &vec![4])
        );
        assert_eq!(read(&norm), before);
    }
}
