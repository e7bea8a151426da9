//! Degrees a second as VISCA's numbered speeds.

use super::codec::Step;

/// What the pan speeds 1..24 of Sony's EVI-D100 are, in degrees a second. Other cameras have other speeds, which their manuals
/// seldom tell; most grow by about a quarter from one to the next, as these do.
///
/// Source: Sony, EVI-D100/D100P Technical Manual (A-AYT-100-11), page 44, "Pan/tilt speed".
pub const EVI_D100_PAN: [f64; 24] = [
    2.0, 2.4, 3.0, 3.7, 4.7, 6.1, 7.4, 9.1, 11.0, 14.0, 18.0, 22.0, 27.0, 34.0, 42.0, 52.0, 65.0, 81.0, 100.0, 125.0,
    155.0, 190.0, 240.0, 300.0,
];

/// What the tilt speeds 1..20 of Sony's EVI-D100 are, in degrees a second; the source is that of [`EVI_D100_PAN`].
pub const EVI_D100_TILT: [f64; 20] = [
    2.0, 2.4, 3.0, 3.7, 4.7, 6.1, 7.4, 9.1, 11.0, 14.0, 18.0, 22.0, 27.0, 34.0, 42.0, 52.0, 65.0, 81.0, 100.0, 125.0,
];

/// The speeds 1, 2, … of an axis in degrees a second, rising.
#[derive(Debug, Clone, PartialEq)]
pub struct Speeds(Vec<f64>);

impl Speeds {
    /// # Errors
    /// What is wrong with the table, in words.
    pub fn new(table: &[f64], most: usize) -> Result<Self, String> {
        if table.is_empty() || table.len() > most {
            return Err(format!("there are 1 to {most} speeds, not {}", table.len()));
        }
        let rises = table.windows(2).all(|pair| matches!(pair, [slow, fast] if slow < fast));
        let are_speeds = table.iter().all(|speed| speed.is_finite() && *speed > 0.0);
        if !(rises && are_speeds) {
            return Err("speeds are degrees a second above 0, each greater than the one before".to_owned());
        }
        Ok(Self(table.to_vec()))
    }

    /// The fastest, in degrees a second.
    pub fn fastest(&self) -> f64 {
        self.0.last().copied().unwrap_or(0.0)
    }

    /// The step that comes nearest to a velocity, with its sign; 0 below half of the slowest.
    pub fn nearest(&self, velocity: f64) -> Step {
        let speed = velocity.abs();
        let slowest = self.0.first().copied().unwrap_or(f64::INFINITY);
        if speed.is_nan() || speed < slowest / 2.0 {
            return 0;
        }
        let faster = self.0.partition_point(|step| *step < speed);
        let index = match (
            faster.checked_sub(1).and_then(|index| self.0.get(index)),
            self.0.get(faster),
        ) {
            (Some(slower), Some(fast)) if speed - slower < fast - speed => faster - 1,
            (Some(_), None) => faster - 1,
            _ => faster,
        };
        // Tables have at most 24 entries.
        let step = Step::try_from(index + 1).unwrap_or(Step::MAX);
        if velocity < 0.0 { -step } else { step }
    }

    /// The fastest step that is no faster than a speed; 1 where all are.
    pub fn at_most(&self, speed: f64) -> u8 {
        let count = self.0.partition_point(|step| *step <= speed.abs());
        u8::try_from(count.max(1)).unwrap_or(u8::MAX)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn pan() -> Speeds {
        Speeds::new(&EVI_D100_PAN, 24).unwrap()
    }

    #[test]
    fn velocities_find_their_nearest_step() {
        let speeds = pan();
        for (velocity, step) in [
            (0.0, 0),
            (0.9, 0),
            (-0.9, 0),
            (1.0, 1),
            (2.1, 1),
            (2.3, 2),
            (-10.5, -9),
            (-10.0, -8),
            (300.0, 24),
            (1e9, 24),
            (f64::NEG_INFINITY, -24),
            (f64::NAN, 0),
        ] {
            assert_eq!(speeds.nearest(velocity), step, "{velocity}");
        }
    }

    #[test]
    fn a_limit_is_kept_where_it_can_be() {
        let speeds = pan();
        for (limit, step) in [
            (0.0, 1),
            (2.0, 1),
            (2.39, 1),
            (2.4, 2),
            (-99.0, 18),
            (1e9, 24),
            (f64::NAN, 1),
        ] {
            assert_eq!(speeds.at_most(limit), step, "{limit}");
        }
    }

    #[test]
    fn odd_tables_are_refused() {
        for table in [&[][..], &[1.0, 1.0], &[2.0, 1.0], &[0.0, 1.0], &[f64::NAN], &[1.0; 25]] {
            assert!(Speeds::new(table, 24).is_err(), "{table:?}");
        }
        assert!(Speeds::new(&EVI_D100_TILT, 23).is_ok());
    }
}
