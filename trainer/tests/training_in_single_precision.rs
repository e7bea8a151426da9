//! In the precision that training runs in: the gradients of a loss this sharp are known to some 0.5 % in single precision, by
//! PyTorch as here, and Adam's first steps make signs of them. Two steps later the losses of either stray from the exact ones.

mod three_steps;

use burn::tensor::Device;

#[test]
fn three_steps_agree_with_the_golden_numbers() {
    three_steps::agree(Device::flex(), [1e-4, 1e-3, 4e-3]);
}
