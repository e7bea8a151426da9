//! Columns of the smaller picture turned into its rows.

use std::ops::Range;

use super::lanes::{LANES, Lanes};

/// Writes rows `rows`, which lie in the lanes of their numbers, of neighbouring columns, the first of which is `first`, to the
/// `places` of just these rows, of `width` values each. Columns beyond the width are left out.
#[inline(always)]
pub(super) fn write_rows(columns: &[Lanes; LANES], rows: Range<usize>, first: usize, places: &mut [f32], width: usize) {
    let places = rows.zip(places.chunks_exact_mut(width).map(|row| &mut row[first..]));
    #[cfg(target_arch = "x86_64")]
    if let Some(simd) = pulp::x86::V4::try_new() {
        let turned = turned(simd, columns);
        for (row, places) in places {
            let values = &turned[row % LANES].0;
            match places.first_chunk_mut() {
                Some(places) => *places = *values,
                None => places.iter_mut().zip(values).for_each(|(place, value)| *place = *value),
            }
        }
        return;
    }
    for (row, places) in places {
        // One value after the other: a row that is first put together on the stack is read back before it is written.
        for (place, column) in places.iter_mut().zip(columns) {
            *place = column.0[row % LANES];
        }
    }
}

/// Sixteen columns of sixteen rows as rows.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
fn turned(simd: pulp::x86::V4, columns: &[Lanes; LANES]) -> [Lanes; LANES] {
    let simd = simd.avx512f;
    // Of four columns, four rows in each quarter of a vector: one row of each quarter of the rows.
    let mut quarters = [[pulp::cast([0.0_f32; LANES]); 4]; 4];
    for (quarters, columns) in quarters.iter_mut().zip(columns.as_chunks::<4>().0) {
        let [a, b, c, d] = [columns[0].0, columns[1].0, columns[2].0, columns[3].0];
        let [a, b, c, d] = [pulp::cast(a), pulp::cast(b), pulp::cast(c), pulp::cast(d)];
        let low = pulp::cast(simd._mm512_unpacklo_ps(a, b));
        let high = pulp::cast(simd._mm512_unpackhi_ps(a, b));
        let low_beside = pulp::cast(simd._mm512_unpacklo_ps(c, d));
        let high_beside = pulp::cast(simd._mm512_unpackhi_ps(c, d));
        *quarters = [
            pulp::cast(simd._mm512_unpacklo_pd(low, low_beside)),
            pulp::cast(simd._mm512_unpackhi_pd(low, low_beside)),
            pulp::cast(simd._mm512_unpacklo_pd(high, high_beside)),
            pulp::cast(simd._mm512_unpackhi_pd(high, high_beside)),
        ];
    }
    let mut rows = [Lanes::ZERO; LANES];
    for row in 0..4 {
        let [a, b, c, d] = [quarters[0][row], quarters[1][row], quarters[2][row], quarters[3][row]];
        let even = [
            simd._mm512_shuffle_f32x4::<0x88>(a, b),
            simd._mm512_shuffle_f32x4::<0x88>(c, d),
        ];
        let odd = [
            simd._mm512_shuffle_f32x4::<0xDD>(a, b),
            simd._mm512_shuffle_f32x4::<0xDD>(c, d),
        ];
        rows[row].0 = pulp::cast(simd._mm512_shuffle_f32x4::<0x88>(even[0], even[1]));
        rows[row + 4].0 = pulp::cast(simd._mm512_shuffle_f32x4::<0x88>(odd[0], odd[1]));
        rows[row + 8].0 = pulp::cast(simd._mm512_shuffle_f32x4::<0xDD>(even[0], even[1]));
        rows[row + 12].0 = pulp::cast(simd._mm512_shuffle_f32x4::<0xDD>(odd[0], odd[1]));
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_value_comes_to_its_row_and_column() {
        for (width, first, rows) in [(40, 16, 9..25), (40, 32, 3..5), (16, 0, 0..16)] {
            let columns: [Lanes; LANES] =
                std::array::from_fn(|column| Lanes(std::array::from_fn(|lane| (100 * column + lane) as f32)));
            let mut plane = vec![-1.0; 30 * width];
            let places = &mut plane[rows.start * width..rows.end * width];
            write_rows(&columns, rows.clone(), first, places, width);
            for (place, value) in plane.iter().enumerate() {
                let (row, column) = (place / width, place % width);
                let is_written = rows.contains(&row) && (first..first + LANES).contains(&column);
                let expected = is_written.then(|| (100 * (column - first) + row % LANES) as f32);
                assert_eq!(*value, expected.unwrap_or(-1.0), "row {row}, column {column}");
            }
        }
    }
}
