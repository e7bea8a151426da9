//! How a camera turned between two pictures, for a lens of known width.
//!
//! With `half` the tangent of half the horizontal field of view, a place (x, y) of a pinhole's picture lies along the ray
//! (half·x, half·y, 1). A camera that only turns maps rays by a rotation, whatever it sees and however far away that is.

use super::correspondence::Match;
use super::solve::solve;

/// A turn of the camera, as one rotation about one axis: its parts in radians.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Rotation {
    /// To the right, upward, and clockwise.
    pub parts: [f64; 3],
    /// Sum of the squared distances between where places went and where the rotation takes them, in half-widths.
    pub squares: f64,
}

type Matrix = [[f64; 3]; 3];

/// The rotation that fits best; `None` where matches are too few or lie in a line.
pub(super) fn rotation(matches: &[Match], half: f64) -> Option<Rotation> {
    let mut turned = exponential([0.0; 3]);
    let mut squares = f64::INFINITY;
    for _ in 0..12 {
        let (mut normal, mut gradient, mut sum) = ([[0.0; 3]; 3], [0.0; 3], 0.0);
        for found in matches {
            // The second component points up from here on.
            let ray = apply(&turned, [half * found.from[0], -half * found.from[1], 1.0]);
            let depth = ray[2].max(1e-3);
            let (x, y) = (ray[0] / depth, ray[1] / depth);
            let rows = [[-(1.0 + x * x), -x * y, -y], [-x * y, -(1.0 + y * y), x]];
            let beside = [half * found.to[0] - x, -half * found.to[1] - y];
            for (row, beside) in rows.iter().zip(beside) {
                sum += beside * beside;
                for one in 0..3 {
                    gradient[one] += row[one] * beside;
                    for other in 0..3 {
                        normal[one][other] += row[one] * row[other];
                    }
                }
            }
        }
        squares = sum / (half * half);
        let step = solve(normal, gradient)?;
        turned = product(&exponential(step), &turned);
        if step.iter().all(|part| part.abs() < 1e-10) {
            break;
        }
    }
    let parts = logarithm(&turned);
    (parts.iter().all(|part| part.is_finite()) && squares.is_finite()).then_some(Rotation { parts, squares })
}

/// Where a place goes when the camera turns.
#[cfg(test)]
pub(super) fn turned(place: [f64; 2], parts: [f64; 3], half: f64) -> [f64; 2] {
    let ray = apply(&exponential(parts), [half * place[0], -half * place[1], 1.0]);
    [ray[0] / ray[2] / half, -ray[1] / ray[2] / half]
}

fn generator([right, up, clockwise]: [f64; 3]) -> Matrix {
    [[0.0, -clockwise, -right], [clockwise, 0.0, -up], [right, up, 0.0]]
}

/// Rodrigues' formula.
fn exponential(parts: [f64; 3]) -> Matrix {
    let angle = parts.iter().map(|part| part * part).sum::<f64>().sqrt();
    let (first, second) = if angle < 1e-6 {
        (1.0, 0.5)
    } else {
        (angle.sin() / angle, (1.0 - angle.cos()) / (angle * angle))
    };
    let once = generator(parts);
    let twice = product(&once, &once);
    std::array::from_fn(|row| {
        std::array::from_fn(|column| {
            f64::from(u8::from(row == column)) + first * once[row][column] + second * twice[row][column]
        })
    })
}

fn logarithm(matrix: &Matrix) -> [f64; 3] {
    let skew = [
        (matrix[2][0] - matrix[0][2]) / 2.0,
        (matrix[2][1] - matrix[1][2]) / 2.0,
        (matrix[1][0] - matrix[0][1]) / 2.0,
    ];
    let sine = skew.iter().map(|part| part * part).sum::<f64>().sqrt();
    let cosine = (matrix[0][0] + matrix[1][1] + matrix[2][2] - 1.0) / 2.0;
    let share = if sine < 1e-9 { 1.0 } else { sine.atan2(cosine) / sine };
    skew.map(|part| part * share)
}

fn product(one: &Matrix, other: &Matrix) -> Matrix {
    std::array::from_fn(|row| {
        std::array::from_fn(|column| (0..3).map(|index| one[row][index] * other[index][column]).sum())
    })
}

fn apply(matrix: &Matrix, ray: [f64; 3]) -> [f64; 3] {
    std::array::from_fn(|row| (0..3).map(|index| matrix[row][index] * ray[index]).sum())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_turn_is_found_again(
            right in -0.2_f64..0.2, up in -0.2_f64..0.2, roll in -0.2_f64..0.2, degrees in 10.0_f64..120.0,
        ) {
            let half = (degrees / 2.0).to_radians().tan();
            let places = (0..12).map(|index| [f64::from(index % 4) / 2.0 - 0.75, f64::from(index / 4) / 3.0 - 0.3]);
            let matches: Vec<Match> = places.map(|from| Match { from, to: turned(from, [right, up, roll], half) }).collect();
            let found = rotation(&matches, half).unwrap();
            for (found, truth) in found.parts.iter().zip([right, up, roll]) {
                prop_assert!((found - truth).abs() < 1e-7, "{found:?}");
            }
            prop_assert!(found.squares < 1e-12);
        }
    }

    #[test]
    fn a_camera_that_turns_right_sees_things_go_left() {
        assert!(turned([0.0, 0.0], [0.1, 0.0, 0.0], 0.5)[0] < 0.0);
        assert!(turned([0.0, 0.0], [0.0, 0.1, 0.0], 0.5)[1] > 0.0, "and turned up, down");
        assert_eq!(rotation(&[], 0.5), None);
    }
}
