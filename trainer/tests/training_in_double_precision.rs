//! In double precision training is the published code's, to the golden numbers' own tolerance.

mod three_steps;

use burn::tensor::{Device, FloatDType};

#[test]
fn three_steps_agree_with_the_golden_numbers() {
    let mut device = Device::flex();
    device
        .configure(FloatDType::F64)
        .unwrap_or_else(|error| panic!("the device takes no double precision: {error:?}"));
    three_steps::agree(device, [1e-3; 3]);
}
