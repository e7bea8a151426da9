//! With layers that are operations of PyTorch's library, training is the published code's just the same.
#![cfg(feature = "libtorch")]

mod three_steps;

use burn::tensor::FloatDType;
use lookhear_trainer::fit::device::DeviceName;

#[test]
fn three_steps_agree_with_the_golden_numbers() {
    let mut device = DeviceName::Libtorch.open().unwrap_or_else(|error| panic!("{error}"));
    device
        .configure(FloatDType::F64)
        .unwrap_or_else(|error| panic!("the device takes no double precision: {error:?}"));
    three_steps::agree(device, [1e-3; 3]);
}
