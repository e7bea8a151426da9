//! Every operator against a few lines that do the same the plain way, for every width of vectors that this processor has.

#![allow(clippy::unwrap_used)]

use proptest::prelude::*;

use super::blocked::Shape;
use super::dense::{Dense, Layout};
use super::depthwise::Depthwise;
use super::lanes::{Bounds, Width, with_width};
use super::map::{Map, Pair, Split};
use super::max_pool::MaxPool;
use super::planar::{to_blocked, to_planar};
use super::product::Product;
use super::window::Window;
use super::winograd::Winograd;
use super::workers::Workers;

/// Numbers between -1 and 1 that look random.
pub(super) fn noise(count: usize, seed: u64) -> Vec<f32> {
    let mut state = seed.wrapping_mul(2).wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 40) as f32 / (1_u64 << 23) as f32 - 1.0
    };
    (0..count).map(|_| next()).collect()
}

pub(super) fn blocked(planar: &[f32], shape: Shape) -> Vec<f32> {
    let mut blocked = vec![f32::NAN; shape.blocked_len()];
    to_blocked(planar, shape, &mut blocked);
    blocked
}

pub(super) fn planar(blocked: &[f32], shape: Shape) -> Vec<f32> {
    let mut planar = vec![f32::NAN; shape.planar_len()];
    to_planar(blocked, shape, &mut planar, &Workers::default());
    planar
}

/// For each cell of the output, what `fold` makes of the window's values of one input channel with their places in the window.
fn windowed(input: &[f32], shape: Shape, window: Window, output: Shape, mut fold: impl FnMut(usize, usize, f32)) {
    for y in 0..output.height {
        for x in 0..output.width {
            for tap in 0..window.height * window.width {
                let row = (y * window.stride + tap / window.width).checked_sub(window.before[0]);
                let column = (x * window.stride + tap % window.width).checked_sub(window.before[1]);
                if let (Some(row), Some(column)) = (row, column)
                    && row < shape.height
                    && column < shape.width
                {
                    fold(y * output.width + x, tap, input[row * shape.width + column]);
                }
            }
        }
    }
}

fn close(ours: &[f32], plain: &[f32]) -> Result<(), TestCaseError> {
    prop_assert_eq!(ours.len(), plain.len());
    for (place, (ours, plain)) in ours.iter().zip(plain).enumerate() {
        prop_assert!(
            (ours - plain).abs() <= 1e-4 * (1.0 + plain.abs()),
            "at {place}: {ours}, not {plain}"
        );
    }
    Ok(())
}

pub(super) fn window(size: usize) -> impl Strategy<Value = Window> {
    let padding = || prop::array::uniform2(0..=size / 2);
    (1..=2_usize, padding(), padding()).prop_map(move |(stride, before, after)| Window {
        height: size,
        width: size,
        stride,
        before,
        after,
    })
}

pub(super) fn shape(channels: std::ops::Range<usize>) -> impl Strategy<Value = Shape> {
    (channels, 5..20_usize, 5..40_usize).prop_map(|(channels, height, width)| Shape {
        channels,
        height,
        width,
    })
}

fn width() -> impl Strategy<Value = Width> {
    prop::sample::select(vec![Width::Widest, Width::Eight, Width::One])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(160))]

    #[test]
    fn dense_convolutions_add_up_what_their_windows_see(
        input in shape(1..40),
        outputs in 1..40_usize,
        window in prop_oneof![window(1), window(3), window(5)],
        is_planar: bool,
        has_residual: bool,
        is_bounded: bool,
        threads in 1..=3_usize,
        width in width(),
        seed: u64,
    ) {
        let bounds = if is_bounded { Bounds { low: 0.0, high: 6.0 } } else { Bounds::NONE };
        let taps = window.height * window.width;
        let (values, bias) = (noise(input.planar_len(), seed), noise(outputs, seed ^ 1));
        let weights = noise(outputs * input.channels * taps, seed ^ 2);
        let layout = if is_planar { Layout::Planar } else { Layout::Blocked };
        let dense = Dense::new(input, layout, window, &weights, &bias, bounds).unwrap();
        let output = dense.output();
        let residual = noise(output.planar_len(), seed ^ 3);
        let mut plain = if has_residual { residual.clone() } else { vec![0.0; output.planar_len()] };
        for (filter, plain) in plain.chunks_exact_mut(output.cells()).enumerate() {
            plain.iter_mut().for_each(|value| *value += bias[filter]);
            for channel in 0..input.channels {
                let plane = &values[channel * input.cells()..][..input.cells()];
                windowed(plane, input, window, output, |cell, tap, value| {
                    plain[cell] += value * weights[(filter * input.channels + channel) * taps + tap];
                });
            }
            plain.iter_mut().for_each(|value| *value = value.clamp(bounds.low, bounds.high));
        }
        let given = if is_planar { values } else { blocked(&values, input) };
        let residual = has_residual.then(|| blocked(&residual, output));
        let mut found = vec![f32::NAN; output.blocked_len()];
        let mut scratch = vec![f32::NAN; dense.scratch_len()];
        let workers = Workers::new(threads).unwrap();
        with_width(width, || dense.run(&given, residual.as_deref(), &mut found, &mut scratch, &workers));
        close(&planar(&found, output), &plain)?;
    }

    #[test]
    fn windows_of_three_by_fewer_multiplications_come_out_the_same(
        input in (16..40_usize, 10..30_usize, 10..50_usize),
        outputs in 1..40_usize,
        (before, after) in (prop::array::uniform2(0..=1_usize), prop::array::uniform2(0..=1_usize)),
        has_residual: bool,
        is_bounded: bool,
        threads in 1..=3_usize,
        width in width(),
        seed: u64,
    ) {
        let input = Shape { channels: input.0, height: input.1, width: input.2 };
        let window = Window { height: 3, width: 3, stride: 1, before, after };
        let bounds = if is_bounded { Bounds { low: 0.0, high: 6.0 } } else { Bounds::NONE };
        let (values, bias) = (blocked(&noise(input.planar_len(), seed), input), noise(outputs, seed ^ 1));
        // Of the size that a network's have, so that sums are about as large as one: what the transformations round off grows with
        // the terms of a sum, not with the sum.
        let size = 1.0 / ((input.channels * 9) as f32).sqrt();
        let weights: Vec<f32> = noise(outputs * input.channels * 9, seed ^ 2).iter().map(|weight| weight * size).collect();
        let dense = Dense::new(input, Layout::Blocked, window, &weights, &bias, bounds).unwrap();
        let winograd = Winograd::new(input, window, &weights, &bias, bounds);
        prop_assume!(winograd.is_some());
        let winograd = winograd.unwrap();
        let output = dense.output();
        prop_assert_eq!(winograd.output(), output);
        let residual = has_residual.then(|| blocked(&noise(output.planar_len(), seed ^ 3), output));
        let workers = Workers::new(threads).unwrap();
        let (mut plain, mut found) = (vec![f32::NAN; output.blocked_len()], vec![f32::NAN; output.blocked_len()]);
        let mut scratch = vec![f32::NAN; dense.scratch_len().max(winograd.scratch_len())];
        dense.run(&values, residual.as_deref(), &mut plain, &mut scratch, &workers);
        with_width(width, || winograd.run(&values, residual.as_deref(), &mut found, &mut scratch, &workers));
        close(&planar(&found, output), &planar(&plain, output))?;
    }

    #[test]
    fn depthwise_convolutions_add_up_what_their_windows_see_of_each_channel(
        input in shape(1..40),
        window in prop_oneof![window(3), window(5)],
        is_bounded: bool,
        threads in 1..=3_usize,
        width in width(),
        seed: u64,
    ) {
        let bounds = if is_bounded { Bounds { low: 0.0, high: 6.0 } } else { Bounds::NONE };
        let taps = window.height * window.width;
        let (values, bias) = (noise(input.planar_len(), seed), noise(input.channels, seed ^ 1));
        let weights = noise(input.channels * taps, seed ^ 2);
        let depthwise = Depthwise::new(input, window, &weights, &bias, bounds).unwrap();
        let output = depthwise.output();
        let mut plain = vec![0.0; output.planar_len()];
        for (channel, plain) in plain.chunks_exact_mut(output.cells()).enumerate() {
            plain.fill(bias[channel]);
            let plane = &values[channel * input.cells()..][..input.cells()];
            windowed(plane, input, window, output, |cell, tap, value| {
                plain[cell] += value * weights[channel * taps + tap];
            });
            plain.iter_mut().for_each(|value| *value = value.clamp(bounds.low, bounds.high));
        }
        let mut found = vec![f32::NAN; output.blocked_len()];
        let workers = Workers::new(threads).unwrap();
        with_width(width, || depthwise.run(&blocked(&values, input), &mut found, &workers));
        close(&planar(&found, output), &plain)?;
    }

    #[test]
    fn poolings_find_the_largest_that_their_windows_see(
        input in shape(1..40),
        window in prop_oneof![window(2), window(3)],
        width in width(),
        seed: u64,
    ) {
        let values = noise(input.planar_len(), seed);
        let pool = MaxPool::new(input, window).unwrap();
        let output = pool.output();
        let mut plain = vec![f32::NEG_INFINITY; output.planar_len()];
        for (channel, plain) in plain.chunks_exact_mut(output.cells()).enumerate() {
            let plane = &values[channel * input.cells()..][..input.cells()];
            windowed(plane, input, window, output, |cell, _, value| plain[cell] = plain[cell].max(value));
        }
        let mut found = vec![f32::NAN; output.blocked_len()];
        with_width(width, || pool.run(&blocked(&values, input), &mut found, &Workers::default()));
        prop_assert_eq!(planar(&found, output), plain);
    }

    #[test]
    fn products_multiply_rows_with_columns_whichever_way_they_lie(
        (rows, inner, columns) in (1..50_usize, 1..50_usize, 1..50_usize),
        is_left_turned: bool,
        is_right_turned: bool,
        width in width(),
        seed: u64,
    ) {
        let (left, right) = (noise(rows * inner, seed), noise(inner * columns, seed ^ 1));
        let left_at = |row: usize, tap: usize| if is_left_turned { left[tap * rows + row] } else { left[row * inner + tap] };
        let right_at = |tap: usize, column: usize| if is_right_turned { right[column * inner + tap] } else { right[tap * columns + column] };
        let plain: Vec<f32> = (0..rows * columns)
            .map(|place| (0..inner).map(|tap| left_at(place / columns, tap) * right_at(tap, place % columns)).sum())
            .collect();
        let product = Product::new(rows, inner, columns, is_left_turned, is_right_turned);
        let mut found = vec![f32::NAN; product.output().blocked_len()];
        let mut scratch = vec![f32::NAN; product.scratch_len()];
        with_width(width, || product.run(&left, &right, &mut found, &mut scratch, &Workers::default()));
        close(&planar(&found, product.output()), &plain)?;
    }

    #[test]
    fn maps_do_to_each_axis_what_their_names_say(
        (outer, along, inner) in (1..6_usize, 1..40_usize, 1..40_usize),
        width in width(),
        seed: u64,
    ) {
        let split = Split { outer, along, inner };
        let values: Vec<f32> = noise(split.values(), seed).iter().map(|value| value * 20.0).collect();
        let other: Vec<f32> = noise(along, seed ^ 1).iter().map(|value| value + 1.5).collect();
        let at = |place: usize| (place / (along * inner), place / inner % along, place % inner);
        let column = |outer: usize, inner_place: usize| (0..along).map(move |step| (outer * along + step) * inner + inner_place);
        let run = |map: Map| {
            let mut found = vec![f32::NAN; map.output_len()];
            with_width(width, || map.run(&values, &other, &mut found));
            found
        };
        let each = |function: &dyn Fn(usize, f32) -> f32| -> Vec<f32> {
            values.iter().enumerate().map(|(place, value)| function(place, *value)).collect()
        };
        close(&run(Map::Pair(Pair::Sum, split)), &each(&|place, value| value + other[at(place).1]))?;
        close(&run(Map::Pair(Pair::Difference, split)), &each(&|place, value| value - other[at(place).1]))?;
        close(&run(Map::Pair(Pair::Product, split)), &each(&|place, value| value * other[at(place).1]))?;
        close(&run(Map::Pair(Pair::Quotient, split)), &each(&|place, value| value / other[at(place).1]))?;
        close(&run(Map::Pair(Pair::Larger, split)), &each(&|place, value| value.max(other[at(place).1])))?;
        close(&run(Map::Pair(Pair::Smaller, split)), &each(&|place, value| value.min(other[at(place).1])))?;
        close(&run(Map::Sigmoid(split)), &each(&|_, value| 1.0 / (1.0 + (-value).exp())))?;
        let totals: Vec<f32> = (0..outer * inner)
            .map(|place| column(place / inner, place % inner).map(|place| values[place]).sum())
            .collect();
        let largest: Vec<f32> = (0..outer * inner)
            .map(|place| column(place / inner, place % inner).map(|place| values[place]).fold(f32::MIN, f32::max))
            .collect();
        close(&run(Map::Largest(split)), &largest)?;
        // Twenty times as large as what `close` expects.
        let scaled = |values: Vec<f32>| values.iter().map(|value| value / 20.0).collect::<Vec<_>>();
        close(&scaled(run(Map::Total(split))), &scaled(totals))?;
        let softmax = each(&|place, value| {
            let (outer, _, inner) = at(place);
            let largest = column(outer, inner).map(|place| values[place]).fold(f32::MIN, f32::max);
            let sum: f32 = column(outer, inner).map(|place| (values[place] - largest).exp()).sum();
            (value - largest).exp() / sum
        });
        close(&run(Map::Softmax(split)), &softmax)?;
    }
}

/// What cannot be done is refused when it is prepared, not when it runs.
#[test]
fn what_does_not_fit_together_is_refused() {
    let input = Shape {
        channels: 4,
        height: 6,
        width: 6,
    };
    let three = Window {
        height: 3,
        width: 3,
        ..Window::ONE_CELL
    };
    let dense = |window, weights: usize, bias: usize| {
        Dense::new(
            input,
            Layout::Blocked,
            window,
            &vec![0.0; weights],
            &vec![0.0; bias],
            Bounds::NONE,
        )
    };
    assert!(dense(three, 2 * 4 * 9, 2).is_some());
    assert!(dense(three, 2 * 4 * 9 - 1, 2).is_none(), "a weight is missing");
    assert!(
        dense(Window { stride: 3, ..three }, 2 * 4 * 9, 2).is_none(),
        "a stride of three"
    );
    assert!(
        dense(Window { height: 7, ..three }, 2 * 4 * 21, 2).is_none(),
        "a window larger than the input"
    );
    assert!(Depthwise::new(input, three, &[0.0; 36], &[0.0; 4], Bounds::NONE).is_some());
    let seven = Window {
        height: 7,
        width: 7,
        before: [3; 2],
        after: [3; 2],
        ..three
    };
    assert!(Depthwise::new(input, seven, &[0.0; 4 * 49], &[0.0; 4], Bounds::NONE).is_none());
}
