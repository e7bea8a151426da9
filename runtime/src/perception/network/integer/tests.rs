//! Every integer operator against the float one on the same numbers, and the instructions against the same in plain words.

#![allow(clippy::unwrap_used)]

use proptest::prelude::*;

use super::dense::IntegerDense;
use super::depthwise::IntegerDepthwise;
use super::quantise::{Grain, Quantise, Scale};
use super::reach::Reach;
use super::tile::Output;
use crate::perception::network::blocked::Shape;
use crate::perception::network::dense::{Dense, Layout};
use crate::perception::network::depthwise::Depthwise;
use crate::perception::network::lanes::{Bounds, Width, with_width};
use crate::perception::network::tests::{blocked, noise, planar, shape, window};
use crate::perception::network::window::{Border, Window};
use crate::perception::network::workers::Workers;

const RELU6: Bounds = Bounds { low: 0.0, high: 6.0 };

/// With the instructions of this processor where it has any, or in plain words. Other threads know nothing of the latter.
fn width_and_threads() -> impl Strategy<Value = (Width, usize)> {
    let mut choices = vec![(Width::One, 1)];
    if super::are_here() {
        choices.extend([(Width::Widest, 1), (Width::Widest, 2), (Width::Widest, 3)]);
    }
    prop::sample::select(choices)
}

/// What bytes mean, planar.
fn meant(bytes: &[u8], scale: Scale, shape: Shape) -> Vec<f32> {
    let offset = super::vectors::offset();
    let value = |byte: u8| (i32::from(byte.wrapping_add(offset as u8)) - scale.zero) as f32 * scale.size;
    planar(&bytes.iter().copied().map(value).collect::<Vec<_>>(), shape)
}

/// A planar map in bytes, by the operator that does it.
fn in_bytes(values: &[f32], shape: Shape, grain: Grain, border: Border, workers: &Workers) -> (Vec<u8>, Scale) {
    let given = match grain {
        Grain::Single => values.to_vec(),
        Grain::Block => blocked(values, shape),
    };
    let quantise = Quantise::new(shape, grain, border);
    let mut bytes = vec![77; quantise.output_len()];
    let scale = quantise.run(&given, None, &mut bytes, workers);
    (bytes, scale)
}

/// The bytes of a map without what lies around it.
fn without(border: Border, bytes: &[u8], shape: Shape, grain: Grain) -> Vec<u8> {
    let (large, cell) = (border.around(shape), grain.bytes());
    let planes = bytes.chunks_exact(large.cells() * cell).take(grain.planes(shape));
    let rows = planes.flat_map(|plane| {
        plane
            .chunks_exact(large.width * cell)
            .skip(border.before[0])
            .take(shape.height)
    });
    rows.flat_map(|row| &row[border.before[1] * cell..][..shape.width * cell])
        .copied()
        .collect()
}

prop_compose! {
    fn border()(before in [0..4_usize, 0..4_usize], after in [0..4_usize, 0..4_usize]) -> Border {
        Border { before, after }
    }
}

fn within(found: &[f32], plain: &[f32], room: f32) -> Result<(), TestCaseError> {
    prop_assert_eq!(found.len(), plain.len());
    for (place, (found, plain)) in found.iter().zip(plain).enumerate() {
        prop_assert!(
            (found - plain).abs() <= room,
            "at {place}: {found}, not {plain} ± {room}"
        );
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(120))]

    #[test]
    fn bytes_are_the_nearest_that_their_scale_has(
        shape in shape(1..40),
        border in border(),
        (width, threads) in width_and_threads(),
        (from, to) in (-3.0_f32..3.0, -3.0_f32..3.0),
        seed: u64,
    ) {
        let workers = Workers::new(threads).unwrap();
        let values: Vec<f32> = noise(shape.planar_len(), seed)
            .iter()
            .map(|value| from + (to - from) * (value + 1.0) / 2.0)
            .collect();
        let (least, largest) = values.iter().fold((0.0_f32, 0.0_f32), |(low, high), value| (low.min(*value), high.max(*value)));
        let (found, scale, whole) = with_width(width, || {
            let (bytes, scale) = in_bytes(&values, shape, Grain::Block, border, &workers);
            let inner = without(border, &bytes, shape, Grain::Block);
            let whole = meant(&bytes, scale, border.around(shape)).iter().filter(|value| **value != 0.0).count();
            (meant(&inner, scale, shape), scale, whole)
        });
        // All around it is zero.
        prop_assert_eq!(whole, found.iter().filter(|value| **value != 0.0).count());
        prop_assert!((scale.size - (largest - least) / 255.0).abs() <= scale.size * 1e-5);
        // At the ends of the range the byte that means zero may have been rounded away from where it would lie.
        within(&found, &values, scale.size * 1.001)?;
        let inner = found.iter().zip(&values).filter(|(_, value)| **value > least + scale.size && **value < largest - scale.size);
        for (found, value) in inner {
            prop_assert!((found - value).abs() <= scale.size * 0.5001, "{found}, not {value}, in steps of {}", scale.size);
        }
    }

    #[test]
    fn dense_convolutions_come_out_as_those_of_floats_on_what_the_bytes_mean(
        input in shape(1..40),
        outputs in 1..40_usize,
        window in prop_oneof![window(1), window(3), window(5)],
        is_image: bool,
        more in prop::option::of(border()),
        has_residual: bool,
        is_bounded: bool,
        is_stored_as_bytes: bool,
        (width, threads) in width_and_threads(),
        seed: u64,
    ) {
        let (grain, input) = if is_image {
            (Grain::Single, Shape { channels: 1 + input.channels % 4, ..input })
        } else {
            (Grain::Block, input)
        };
        let taps = input.channels * window.height * window.width;
        let size = 1.0 / (taps as f32).sqrt();
        // Weights that eight bits hold exactly.
        let weights: Vec<f32> = noise(outputs * taps, seed ^ 2)
            .chunks_exact(taps)
            .flat_map(|filter| filter.iter().enumerate().map(|(place, weight)| match place {
                0 => 127.0 * size,
                _ => (weight * 127.0).round() * size,
            }))
            .map(|weight| weight / 32.0)
            .collect();
        let bias = noise(outputs, seed ^ 1);
        let bounds = if is_bounded || is_stored_as_bytes { RELU6 } else { Bounds::NONE };
        let workers = Workers::new(threads).unwrap();
        let integer = IntegerDense::new(input, grain, window, &weights, &bias, bounds).unwrap();
        let integer = if is_stored_as_bytes { integer.storing(6.0) } else { integer };
        // With all that lies around it and more, or with nothing.
        let border = more.map(|more| window.border().with(more)).unwrap_or_default();
        let integer = if more.is_some() { integer.within(border) } else { integer };
        let output = integer.output();
        let residual = (has_residual && !is_stored_as_bytes).then(|| blocked(&noise(output.planar_len(), seed ^ 3), output));
        let values: Vec<f32> = noise(input.planar_len(), seed).iter().map(|value| value * 3.0 + 1.0).collect();
        let (taken, found) = with_width(width, || {
            let (bytes, scale) = in_bytes(&values, input, grain, border, &workers);
            let inner = without(border, &bytes, input, grain);
            let taken = match grain {
                Grain::Block => meant(&inner, scale, input),
                Grain::Single => {
                    let offset = super::vectors::offset() as u8;
                    let value = |byte: &u8| (i32::from(byte.wrapping_add(offset)) - scale.zero) as f32 * scale.size;
                    inner.iter().map(value).collect()
                }
            };
            let mut scratch = vec![77; integer.scratch_bytes()];
            let residual = residual.as_deref();
            let found = match integer.stored() {
                Some(stored) => {
                    let mut found = vec![77; output.blocked_len()];
                    integer.run(&bytes, scale, residual, Output::Bytes(&mut found), &mut scratch, &workers);
                    meant(&found, stored, output)
                }
                None => {
                    let mut found = vec![f32::NAN; output.blocked_len()];
                    let reach = integer.run(&bytes, scale, residual, Output::Floats(&mut found), &mut scratch, &workers);
                    assert_eq!(reach, Reach::of(&found, &workers));
                    planar(&found, output)
                }
            };
            (taken, found)
        });
        let dense = Dense::new(input, Layout::Planar, window, &weights, &bias, bounds).unwrap();
        let mut plain = vec![f32::NAN; output.blocked_len()];
        let mut scratch = vec![f32::NAN; dense.scratch_len()];
        dense.run(&taken, residual.as_deref(), &mut plain, &mut scratch, &Workers::default());
        let room = if is_stored_as_bytes { 6.0 / 255.0 * 0.501 } else { 0.0 };
        within(&found, &planar(&plain, output), room + 2e-4)?;
    }

    #[test]
    fn depthwise_convolutions_come_out_as_those_of_floats_on_what_the_bytes_mean(
        input in shape(1..40),
        window in prop_oneof![window(3), window(5)],
        is_stored_as_bytes: bool,
        (width, threads) in width_and_threads(),
        seed: u64,
    ) {
        let taps = window.height * window.width;
        let (weights, bias) = (noise(input.channels * taps, seed ^ 2), noise(input.channels, seed ^ 1));
        let depthwise = Depthwise::new(input, window, &weights, &bias, RELU6).unwrap();
        let output = depthwise.output();
        let workers = Workers::new(threads).unwrap();
        let integer = IntegerDepthwise::new(&depthwise, 6.0, is_stored_as_bytes.then_some(6.0));
        let (taken, found) = with_width(width, || {
            let offset = super::vectors::offset() as u8;
            let bytes: Vec<u8> = noise(input.blocked_len(), seed)
                .iter()
                .map(|value| (((value + 1.0) * 127.5) as u8).wrapping_sub(offset))
                .collect();
            let taken = meant(&bytes, Scale::up_to(6.0), input);
            let found = match integer.stored() {
                Some(stored) => {
                    let mut found = vec![77; output.blocked_len()];
                    integer.run(&bytes, Output::Bytes(&mut found), &workers);
                    meant(&found, stored, output)
                }
                None => {
                    let mut found = vec![f32::NAN; output.blocked_len()];
                    integer.run(&bytes, Output::Floats(&mut found), &workers);
                    planar(&found, output)
                }
            };
            (taken, found)
        });
        let mut plain = vec![f32::NAN; output.blocked_len()];
        depthwise.run(&blocked(&taken, input), &mut plain, &Workers::default());
        let room = if is_stored_as_bytes { 6.0 / 255.0 * 0.501 } else { 0.0 };
        within(&found, &planar(&plain, output), room + 2e-4)?;
    }
}

#[test]
fn a_map_of_nothing_and_one_of_no_numbers_have_a_scale() {
    for values in [
        vec![0.0; 64],
        vec![f32::NAN; 64],
        vec![f32::INFINITY; 64],
        vec![1e-44; 64],
    ] {
        let shape = Shape {
            channels: 16,
            height: 2,
            width: 2,
        };
        let (_, scale) = with_width(Width::One, || {
            in_bytes(&values, shape, Grain::Block, Border::default(), &Workers::default())
        });
        assert!(scale.size.is_normal() && (0..=255).contains(&scale.zero), "{scale:?}");
    }
}

#[test]
fn sums_that_32_bits_might_not_hold_are_left_to_floats() {
    let convolution = |channels: usize| {
        let input = Shape {
            channels,
            height: 1,
            width: 1,
        };
        let window = Window::ONE_CELL;
        IntegerDense::new(input, Grain::Block, window, &vec![1.0; channels], &[0.0], Bounds::NONE)
    };
    assert!(convolution(66_000).is_some());
    assert!(convolution(67_000).is_none());
}
