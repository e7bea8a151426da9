//! Rows of the smaller picture side by side, and how they become red, green and blue.

use pulp::Simd;

use super::turn::write_rows;

/// Rows that are summed side by side: a vector of the widest processors, and a cache line.
pub(super) const LANES: usize = 16;

/// The same sample of [`LANES`] rows.
#[derive(Debug, Clone, Copy)]
#[repr(C, align(64))]
pub(super) struct Lanes(pub(super) [f32; LANES]);

impl Lanes {
    pub(super) const ZERO: Self = Self([0.0; LANES]);

    /// Adds `factor` times `values`.
    #[inline(always)]
    pub(super) fn add<S: Simd>(&mut self, simd: S, factor: f32, values: &Self) {
        let factor = simd.splat_f32s(factor);
        let sums = S::as_mut_simd_f32s(&mut self.0).0;
        for (sum, values) in sums.iter_mut().zip(S::as_simd_f32s(&values.0).0) {
            *sum = simd.mul_add_f32s(factor, *values, *sum);
        }
    }

    #[inline(always)]
    pub(super) fn multiply<S: Simd>(&mut self, simd: S, factors: &Self) {
        let values = S::as_mut_simd_f32s(&mut self.0).0;
        for (value, factor) in values.iter_mut().zip(S::as_simd_f32s(&factors.0).0) {
            *value = simd.mul_f32s(*value, *factor);
        }
    }
}

/// Columns that are turned into rows together: as many as there are lanes.
pub(super) const TURNED: usize = LANES;

/// Where the smaller picture goes, and what becomes of its levels.
#[derive(Debug)]
pub(in crate::perception) struct Output<'a> {
    planes: [&'a mut [f32]; 3],
    width: usize,
    /// Rows before the first that the planes have.
    rows_before: usize,
    scale: [f32; 3],
    shift: [f32; 3],
}

impl<'a> Output<'a> {
    /// `out` has a plane each for red, green and blue, of rows of `width` values. Levels of 0..255 are multiplied by `scale`, then
    /// `shift` is added.
    pub(in crate::perception) fn new(out: &'a mut [f32], width: usize, scale: [f32; 3], shift: [f32; 3]) -> Self {
        let plane = out.len() / 3;
        let (first, rest) = out.split_at_mut(plane);
        let (second, third) = rest.split_at_mut(plane);
        Self {
            planes: [first, second, third],
            width,
            rows_before: 0,
            scale,
            shift,
        }
    }

    /// The rows before `row`, and those from it on.
    pub(super) fn split(self, row: usize) -> (Self, Self) {
        let row = row.saturating_sub(self.rows_before);
        let [first, second, third] = self
            .planes
            .map(|plane| plane.split_at_mut(row.saturating_mul(self.width).min(plane.len())));
        let part = |planes, rows_before| Self {
            planes,
            rows_before,
            ..self
        };
        (
            part([first.0, second.0, third.0], self.rows_before),
            part([first.1, second.1, third.1], self.rows_before + row),
        )
    }

    /// Writes rows `rows`, which lie in the lanes of their numbers, from columns of luma and chroma, or of luma alone, less 128.
    #[inline(always)]
    pub(super) fn write<S: Simd>(&mut self, simd: S, columns: [&[Lanes]; 3], rows: std::ops::Range<usize>) {
        let width = self.width;
        let places = (rows.start - self.rows_before) * width..(rows.end - self.rows_before) * width;
        let [lumas, us, vs] = columns.map(|columns| columns.as_chunks::<TURNED>().0);
        let grey = [Lanes::ZERO; TURNED];
        for (chunk, luma) in lumas.iter().enumerate() {
            let (u, v) = (us.get(chunk).unwrap_or(&grey), vs.get(chunk).unwrap_or(&grey));
            let mut turned = [[Lanes::ZERO; TURNED]; 3];
            for column in 0..TURNED {
                let rgb = self.rgb(simd, [&luma[column], &u[column], &v[column]]);
                turned
                    .iter_mut()
                    .zip(rgb)
                    .for_each(|(columns, lanes)| columns[column] = lanes);
            }
            for (columns, plane) in turned.iter().zip(&mut self.planes) {
                write_rows(columns, rows.clone(), TURNED * chunk, &mut plane[places.clone()], width);
            }
        }
    }

    /// Full-range BT.601, as JFIF has it (ITU T.871, 7), clipped to 0..255.
    #[inline(always)]
    fn rgb<S: Simd>(&self, simd: S, ycc: [&Lanes; 3]) -> [Lanes; 3] {
        let splat = |value: f32| simd.splat_f32s(value);
        let mut rgb = [Lanes::ZERO; 3];
        let [lumas, us, vs] = ycc.map(|lanes| S::as_simd_f32s(&lanes.0).0);
        for (part, ((luma, u), v)) in lumas.iter().zip(us).zip(vs).enumerate() {
            let luma = simd.add_f32s(*luma, splat(128.0));
            let levels = [
                simd.mul_add_f32s(splat(1.402), *v, luma),
                simd.mul_add_f32s(splat(-0.344_136), *u, simd.mul_add_f32s(splat(-0.714_136), *v, luma)),
                simd.mul_add_f32s(splat(1.772), *u, luma),
            ];
            for (channel, (lanes, level)) in rgb.iter_mut().zip(levels).enumerate() {
                let level = simd.min_f32s(simd.max_f32s(level, splat(0.0)), splat(255.0));
                S::as_mut_simd_f32s(&mut lanes.0).0[part] =
                    simd.mul_add_f32s(level, splat(self.scale[channel]), splat(self.shift[channel]));
            }
        }
        rgb
    }
}
