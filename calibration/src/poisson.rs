//! What a count of rare events says about their rate.

/// Probability that a Poisson variable of a `mean` (0 or more) is at most `count`.
pub fn poisson_at_most(count: usize, mean: f64) -> f64 {
    if mean <= 0.0 {
        return 1.0;
    }
    let log_mean = mean.ln();
    let mut log_probability = -mean;
    let mut sum = log_probability.exp();
    for events in 1..=count {
        log_probability += log_mean - (events as f64).ln();
        sum += log_probability.exp();
    }
    sum.min(1.0)
}

/// The mean of the Poisson variable that is at most `count` with a `probability` (inside 0..1).
///
/// With the probability 1 − c it is the upper bound, at the confidence c, of a mean of which `count` events were seen
/// (Garwood 1936): 3.0 for none at 95 %, the "rule of three". It is also the quantile at 1 − `probability` of the gamma
/// distribution of shape `count + 1` and scale 1: the waiting time for so many events.
pub fn poisson_mean(count: usize, probability: f64) -> f64 {
    let (mut low, mut high) = (0.0, 1.0);
    while poisson_at_most(count, high) > probability && high < 1e12 {
        high *= 2.0;
    }
    // Each step halves the interval, so that 60 of them reach the resolution of a double.
    for _ in 0..60 {
        let middle = 0.5 * (low + high);
        if poisson_at_most(count, middle) > probability {
            low = middle;
        } else {
            high = middle;
        }
    }
    high
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn bounds_are_those_of_the_tables() {
        // Garwood's exact limits as printed in tables of the Poisson distribution.
        for (count, probability, mean) in [
            (0, 0.05, 2.9957),
            (1, 0.05, 4.7439),
            (5, 0.05, 10.5130),
            (9, 0.95, 5.4254),
            (100, 0.025, 121.6271),
        ] {
            let found = poisson_mean(count, probability);
            assert!((found - mean).abs() < 2e-3, "{count} {probability}: {found}");
        }
    }

    proptest! {
        #[test]
        fn the_mean_has_the_probability(count in 0usize..400, probability in 0.01..0.99_f64) {
            let mean = poisson_mean(count, probability);
            prop_assert!((poisson_at_most(count, mean) - probability).abs() < 1e-6);
        }
    }
}
