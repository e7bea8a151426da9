//! BatchNorm folded into the convolution before it: after training it is a scale and a shift of each channel.

/// BatchNorm as a trained network keeps it, one value a channel.
#[derive(Debug, Clone, Copy)]
pub struct Norm<'a> {
    /// γ; a norm without one does not scale.
    pub gamma: Option<&'a [f32]>,
    /// β.
    pub beta: &'a [f32],
    /// Running mean.
    pub mean: &'a [f32],
    /// Running variance, not negative.
    pub variance: &'a [f32],
    /// Added to the variance.
    pub epsilon: f32,
}

/// Scales filters `[out, …]`, row-major, as the norm after them would have scaled what they give, and tells the bias that stands
/// for the rest of it, `[out]`.
pub fn fold(filters: &mut [f32], norm: &Norm<'_>) -> Vec<f32> {
    let scales: Vec<f32> = norm
        .variance
        .iter()
        .enumerate()
        .map(|(channel, variance)| {
            let gamma = norm.gamma.and_then(|gamma| gamma.get(channel)).copied().unwrap_or(1.0);
            gamma / (variance + norm.epsilon).sqrt()
        })
        .collect();
    let length = (filters.len() / scales.len().max(1)).max(1);
    for (filter, scale) in filters.chunks_exact_mut(length).zip(&scales) {
        filter.iter_mut().for_each(|value| *value *= scale);
    }
    let shifts = norm.beta.iter().zip(norm.mean).zip(&scales);
    shifts.map(|((beta, mean), scale)| beta - mean * scale).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folded_filters_give_what_the_norm_gives_after_them() {
        let (filters, input) = ([1.0f32, -2.0, 0.5, 4.0], [3.0f32, 0.25]);
        let (gamma, beta, mean, variance) = ([2.0f32, -1.5], [0.25f32, 1.0], [1.0f32, -0.5], [0.75f32, 3.0]);
        let epsilon = 0.25;
        for gamma in [Some(gamma.as_slice()), None] {
            let norm = Norm {
                gamma,
                beta: &beta,
                mean: &mean,
                variance: &variance,
                epsilon,
            };
            let mut folded = filters;
            let bias = fold(&mut folded, &norm);
            for channel in 0..2 {
                let dot = |filters: &[f32; 4]| filters[channel * 2] * input[0] + filters[channel * 2 + 1] * input[1];
                let scale = gamma.map_or(1.0, |gamma| gamma[channel]);
                let normed =
                    (dot(&filters) - mean[channel]) / (variance[channel] + epsilon).sqrt() * scale + beta[channel];
                assert!((dot(&folded) + bias[channel] - normed).abs() < 1e-5, "{channel}");
            }
        }
    }
}
