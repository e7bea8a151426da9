//! Which place in a second picture shows what a place in the first one does, at several places all over the picture.
//!
//! A turn of the camera does not shift its picture alike everywhere: toward the edges by more, and that is what tells a wide lens
//! from a head that turns too far. So patches are matched, each by phase correlation. The patches of the second picture are cut out
//! along the map from one picture to the other as far as it is known (between two pictures of a camera that only turned it is a
//! homography), so that what is left to be measured goes to nothing within a few rounds, and neither the distortion within a patch
//! nor its window pull at the result.

use serde::{Deserialize, Serialize};

use super::grey::GreyPicture;
use super::phase_correlation::{PhaseCorrelator, Shift, ShiftError};
use super::solve::{least_squares, median, solve};

/// Patches across and down.
const COLUMNS: usize = 6;
const ROWS: usize = 4;
/// The edge of a patch, as a share of the shorter side of the picture.
const PATCH_SHARE: f64 = 0.34;
/// How much of a patch must be found again, by the measure of [`Shift::quality`].
const LEAST_QUALITY: f64 = 0.22;
/// How many times as much as by chance.
const BEYOND_CHANCE: f64 = 1.4;
/// How often the map is made better.
const ROUNDS: usize = 6;
/// Fewer matches make no map.
const LEAST_MATCHES: usize = 6;
/// Of the whole picture, blurred peaks are found where its edges moved by more than its middle.
const COARSE_BLUR: f64 = 2.0;
/// What lies beside the others by less is no outlier.
const LEAST_OUTLIER_PIXELS: f64 = 0.05;
/// How many maps through three matches each are looked at.
const TRIPLES: usize = 150;
/// How much a small turn may stretch or shear the picture.
const MOST_DISTORTION: f64 = 0.5;
/// What moves by so many pixels (of [`GreyPicture`]) while the camera does not is in motion.
const MOTION_PIXELS: f64 = 0.5;

/// A place in a picture, and where it went: half-widths from the middle to the right and downward.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Match {
    /// In the first picture.
    pub from: [f64; 2],
    /// In the second picture.
    pub to: [f64; 2],
}

/// Why two pictures cannot be matched.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum MatchError {
    /// There is nothing to hold on to.
    #[error(
        "there is too little in the picture to hold on to (a plain wall, darkness, no focus): turn the camera to something with \
         edges and patterns, or switch the light on"
    )]
    Featureless,
    /// What is in one picture is not in the other.
    #[error(
        "two pictures have too little in common: the steps are too long for this lens (give a smaller one by --step-degrees), or \
         something large moves in view"
    )]
    NothingInCommon,
}

/// What happens in view while the camera stands still.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Stillness {
    /// The share of what can be held on to that moves, 0..1.
    pub moving_share: f64,
}

/// Matches pictures of one size.
#[derive(Debug, Clone)]
pub struct Matcher {
    whole: PhaseCorrelator,
    patch: PhaseCorrelator,
    edge: usize,
    /// Middles of the patches in the first picture.
    places: Vec<[f64; 2]>,
    half_width: f64,
    half_height: f64,
}

impl Matcher {
    /// Prepares for pictures that are as large as this one.
    pub fn new(like: &GreyPicture) -> Self {
        let (width, height) = (like.width(), like.height());
        let edge = ((width.min(height) as f64 * PATCH_SHARE) as usize).max(8);
        let along = |index: usize, count: usize, half: f64| {
            let room = (half - edge as f64 / 2.0 / like.half_width()).max(0.0);
            room * (2.0 * index as f64 / (count - 1) as f64 - 1.0)
        };
        let half_height = like.half_height();
        let places = (0..COLUMNS * ROWS).map(|index| {
            [
                along(index % COLUMNS, COLUMNS, 1.0),
                along(index / COLUMNS, ROWS, half_height),
            ]
        });
        Self {
            whole: PhaseCorrelator::new(width, height, COARSE_BLUR),
            patch: PhaseCorrelator::new(edge, edge, 1.0),
            edge,
            places: places.collect(),
            half_width: like.half_width(),
            half_height,
        }
    }

    /// By how many pixels (of [`GreyPicture`]) the picture as a whole is shifted.
    ///
    /// # Errors
    /// [`MatchError`]: there is nothing to hold on to, or nothing in common.
    pub fn shift(&self, first: &GreyPicture, second: &GreyPicture) -> Result<Shift, MatchError> {
        let shift = self
            .whole
            .shift(first.values(), second.values())
            .map_err(|cause| match cause {
                ShiftError::Featureless => MatchError::Featureless,
                ShiftError::Size => MatchError::NothingInCommon,
            })?;
        if shift.quality < 2.0 * shift.chance {
            return Err(MatchError::NothingInCommon);
        }
        Ok(shift)
    }

    /// Matches places all over the picture; outliers, things that moved by themselves say, are left out.
    ///
    /// # Errors
    /// [`MatchError`]: there is nothing to hold on to, or nothing in common.
    pub fn matches(&self, first: &GreyPicture, second: &GreyPicture) -> Result<Vec<Match>, MatchError> {
        let coarse = self.shift(first, second)?;
        let mut map = Map::shift([coarse.right / self.half_width, coarse.down / self.half_width]);
        let patches: Vec<([f64; 2], Vec<f32>)> = (self.places.iter())
            .map(|&place| (place, self.patch(first, place, &Map::IDENTITY)))
            .filter(|(_, patch)| self.patch.shift(patch, patch).is_ok())
            .collect();
        if patches.len() < LEAST_MATCHES {
            return Err(MatchError::Featureless);
        }
        let mut matches = Vec::new();
        for _ in 0..ROUNDS {
            matches = patches
                .iter()
                .filter_map(|(place, patch)| self.find(*place, patch, second, &map))
                .collect();
            map = match Map::fit(&mut matches, LEAST_OUTLIER_PIXELS / self.half_width) {
                Some(map) => map,
                None => return Err(MatchError::NothingInCommon),
            };
        }
        Ok(matches)
    }

    /// Compares two pictures of a camera that was not told to turn in between.
    ///
    /// # Errors
    /// [`MatchError::Featureless`]: there is nothing to hold on to.
    pub fn stillness(&self, first: &GreyPicture, second: &GreyPicture) -> Result<Stillness, MatchError> {
        let (mut seen, mut moving) = (0, 0);
        for &place in &self.places {
            let [one, other] = [first, second].map(|picture| self.patch(picture, place, &Map::IDENTITY));
            if let Ok(shift) = self.patch.shift(&one, &other) {
                seen += 1;
                let moved = shift.right.hypot(shift.down) > MOTION_PIXELS;
                moving += usize::from(moved || !is_found(shift));
            }
        }
        if seen < LEAST_MATCHES {
            return Err(MatchError::Featureless);
        }
        Ok(Stillness {
            moving_share: moving as f64 / seen as f64,
        })
    }

    /// What a picture shows about a place, as seen through a map.
    fn patch(&self, picture: &GreyPicture, place: [f64; 2], map: &Map) -> Vec<f32> {
        let along = |index: usize| ((index as f64 + 0.5) - self.edge as f64 / 2.0) / self.half_width;
        let mut patch = Vec::with_capacity(self.edge * self.edge);
        for row in 0..self.edge {
            for column in 0..self.edge {
                patch.push(picture.at(map.of([place[0] + along(column), place[1] + along(row)])));
            }
        }
        patch
    }

    fn find(&self, place: [f64; 2], patch: &[f32], second: &GreyPicture, map: &Map) -> Option<Match> {
        let margin = self.edge as f64 / 4.0 / self.half_width;
        let [right, down] = map.of(place);
        if right.abs() + margin > 1.0 || down.abs() + margin > self.half_height {
            return None;
        }
        let shift = self.patch.shift(patch, &self.patch(second, place, map)).ok()?;
        let is_near = shift.right.hypot(shift.down) < self.edge as f64 / 3.0;
        (is_near && is_found(shift)).then(|| Match {
            from: place,
            to: map.of([
                place[0] + shift.right / self.half_width,
                place[1] + shift.down / self.half_width,
            ]),
        })
    }
}

/// Whether a patch was found again, and not by chance.
fn is_found(shift: Shift) -> bool {
    shift.quality >= LEAST_QUALITY.max(BEYOND_CHANCE * shift.chance)
}

/// A homography near the identity: from places in the first picture to places in the second.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Map([f64; 8]);

impl Map {
    const IDENTITY: Self = Self::shift([0.0, 0.0]);

    const fn shift([right, down]: [f64; 2]) -> Self {
        Self([1.0, 0.0, right, 0.0, 1.0, down, 0.0, 0.0])
    }

    fn of(&self, [x, y]: [f64; 2]) -> [f64; 2] {
        let [a, b, c, d, e, f, g, h] = self.0;
        let depth = (g * x + h * y + 1.0).max(0.1);
        [(a * x + b * y + c) / depth, (d * x + e * y + f) / depth]
    }

    /// The map through matches, of which those are left out that lie further beside it than most; `None` where too few are left.
    fn fit(matches: &mut Vec<Match>, tolerance: f64) -> Option<Self> {
        let mut map = Self::through_most(matches)?;
        for _ in 0..4 {
            let before = matches.len();
            // Three deviations, by way of the median.
            let most = (4.5 * map.usually_beside(matches)).max(tolerance);
            matches.retain(|found| map.beside(found) <= most);
            map = Self::through(matches)?;
            if matches.len() == before {
                break;
            }
        }
        Some(map)
    }

    /// How far a match lies beside the map.
    fn beside(&self, found: &Match) -> f64 {
        let [x, y] = self.of(found.from);
        (found.to[0] - x).hypot(found.to[1] - y)
    }

    fn usually_beside(&self, matches: &[Match]) -> f64 {
        median(matches.iter().map(|found| self.beside(found)))
    }

    /// Of the maps through any three matches, with parallels kept, the one that lies nearest to at least half of all: where up to
    /// half of the picture moves by itself, it is the other half's (P. J. Rousseeuw, "Least median of squares regression", 1984).
    fn through_most(matches: &[Match]) -> Option<Self> {
        let count = matches.len();
        if count < LEAST_MATCHES {
            return None;
        }
        // Steps that have nothing in common, so that triples lie all over the picture.
        let triples = (0..TRIPLES).map(|index| [index, index * 5 + 7, index * 11 + 13].map(|place| place % count));
        let maps = triples.filter_map(|places| {
            let three = places.map(|place| matches.get(place));
            let [Some(one), Some(two), Some(three)] = three else {
                return None;
            };
            let rows = [one, two, three].map(|found| [found.from[0], found.from[1], 1.0]);
            let [across, along] = [0, 1].map(|axis| solve(rows, [one.to[axis], two.to[axis], three.to[axis]]));
            let ([a, b, c], [d, e, f]) = (across?, along?);
            // Three places in nearly a line tell nothing of what is beside it.
            let is_near = [a - 1.0, b, d, e - 1.0].iter().all(|part| part.abs() < MOST_DISTORTION);
            is_near.then_some(Self([a, b, c, d, e, f, 0.0, 0.0]))
        });
        maps.min_by(|one, other| one.usually_beside(matches).total_cmp(&other.usually_beside(matches)))
    }

    fn through(matches: &[Match]) -> Option<Self> {
        if matches.len() < LEAST_MATCHES {
            return None;
        }
        let shift = [0, 1].map(|axis| median(matches.iter().map(|found| found.to[axis] - found.from[axis])));
        // Equations for what the map is beside that shift, so that a lack of matches makes it one.
        let equations = matches.iter().flat_map(|&Match { from: [x, y], to }| {
            let beside = [to[0] - x - shift[0], to[1] - y - shift[1]];
            [
                ([x, y, 1.0, 0.0, 0.0, 0.0, -x * to[0], -y * to[0]], beside[0]),
                ([0.0, 0.0, 0.0, x, y, 1.0, -x * to[1], -y * to[1]], beside[1]),
            ]
        });
        let ridge = [1e-5, 1e-5, 1e-9, 1e-5, 1e-5, 1e-9, 1e-4, 1e-4];
        let beside = least_squares::<8>(equations, ridge)?;
        let start = Self::shift(shift).0;
        Some(Self(std::array::from_fn(|index| start[index] + beside[index])))
    }
}

#[cfg(test)]
mod tests;
