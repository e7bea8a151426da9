//! Small systems of linear equations.

/// Solves `matrix · x = right` by elimination with pivots; `None` where that has no single answer.
pub(super) fn solve<const N: usize>(mut matrix: [[f64; N]; N], mut right: [f64; N]) -> Option<[f64; N]> {
    for column in 0..N {
        let pivot =
            (column..N).max_by(|&one, &other| matrix[one][column].abs().total_cmp(&matrix[other][column].abs()))?;
        if matrix[pivot][column].is_nan() || matrix[pivot][column].abs() <= 1e-14 {
            return None;
        }
        matrix.swap(column, pivot);
        right.swap(column, pivot);
        for row in column + 1..N {
            let share = matrix[row][column] / matrix[column][column];
            let above = matrix[column];
            for (value, above) in matrix[row].iter_mut().zip(above).skip(column) {
                *value -= share * above;
            }
            right[row] -= share * right[column];
        }
    }
    let mut answer = [0.0; N];
    for row in (0..N).rev() {
        let known: f64 = (row + 1..N).map(|index| matrix[row][index] * answer[index]).sum();
        answer[row] = (right[row] - known) / matrix[row][row];
    }
    answer.iter().all(|value| value.is_finite()).then_some(answer)
}

/// The least squares of equations `row · x = value`, each with a little pull of `x` toward 0 by `ridge`.
pub(super) fn least_squares<const N: usize>(
    equations: impl IntoIterator<Item = ([f64; N], f64)>,
    ridge: [f64; N],
) -> Option<[f64; N]> {
    let (mut matrix, mut right) = ([[0.0; N]; N], [0.0; N]);
    for (row, value) in equations {
        for one in 0..N {
            right[one] += row[one] * value;
            for other in 0..N {
                matrix[one][other] += row[one] * row[other];
            }
        }
    }
    for index in 0..N {
        matrix[index][index] += ridge[index];
    }
    solve(matrix, right)
}

/// The middle one of some numbers, the mean of the middle two; 0 where there is none.
pub(super) fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match (values.get(middle.wrapping_sub(1)), values.get(middle)) {
        (Some(below), Some(above)) if values.len().is_multiple_of(2) => 0.5 * (below + above),
        (_, Some(value)) => *value,
        _ => 0.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equations_are_solved_or_have_no_answer() {
        let answer = solve([[0.0, 2.0], [4.0, 1.0]], [6.0, 11.0]);
        assert_eq!(answer, Some([2.0, 3.0]));
        assert_eq!(solve([[1.0, 2.0], [2.0, 4.0]], [1.0, 2.0]), None);
        assert_eq!(solve([[f64::NAN]], [1.0]), None);
    }

    #[test]
    fn the_middle_is_found() {
        assert_eq!(median([3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median([4.0, 1.0, 2.0, 3.0]), 2.5);
        assert_eq!(median([]), 0.0);
    }
}
