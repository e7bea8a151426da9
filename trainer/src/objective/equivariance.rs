//! When the picture is turned, scaled or flipped, its heatmap must follow.

use burn::tensor::Tensor;

/// Mean square difference between the heatmap of the transformed picture and the transformed heatmap, over the cells in which the
/// transform has data. `original` is `[batch, cells]`, `transformed` `[batch, cells']`; `transform` is `[batch, cells', cells]`, the
/// bilinear weights that take the original map to the transformed one; `valid` is `[batch, cells']`, 1 where it has data and 0
/// elsewhere (the published code counts all cells). Gradients flow through both maps.
pub fn equivariance(original: Tensor<2>, transformed: Tensor<2>, transform: Tensor<3>, valid: Tensor<2>) -> Tensor<1> {
    let [batch, cells] = original.dims();
    let [_, moved_cells] = transformed.dims();
    let moved = transform
        .matmul(original.reshape([batch, cells, 1]))
        .reshape([batch, moved_cells]);
    let square = (transformed - moved).powi_scalar(2) * valid.clone();
    square.sum() / valid.sum().clamp_min(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::Device;

    #[test]
    fn a_map_that_follows_costs_nothing_and_one_that_stays_costs() {
        let device = Device::flex();
        let swap = || Tensor::<3>::from_floats([[[0.0, 1.0], [1.0, 0.0]]], &device);
        let original = || Tensor::<2>::from_floats([[0.9, 0.1]], &device);
        let all = || Tensor::<2>::from_floats([[1.0, 1.0]], &device);
        let loss = |transformed, valid| -> f32 { equivariance(original(), transformed, swap(), valid).into_scalar() };
        assert!(loss(Tensor::<2>::from_floats([[0.1, 0.9]], &device), all()) < 1e-7);
        assert!((loss(original(), all()) - 0.64).abs() < 1e-6);
        let half = Tensor::<2>::from_floats([[1.0, 0.0]], &device);
        assert!((loss(Tensor::<2>::from_floats([[0.1, 0.5]], &device), half) - 0.0).abs() < 1e-7);
    }
}
