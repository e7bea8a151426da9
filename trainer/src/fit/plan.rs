//! Everything that decides what a training run comes to, but for the data and the machine.

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

use crate::dataset::Profile;
use crate::dataset::augment::PictureChanges;
use crate::dataset::preparation::{Augmentations, TransformParts};
use crate::export::graph::Storage;
use crate::model::paper::layers::Precision;

/// Which pair of networks learns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Network {
    /// Projections on two pretrained backbones that stay as they are: what the product ships.
    #[default]
    Edge,
    /// Two ResNet-18s (Liu et al. 2022), all of which learns.
    Paper,
}

/// How the rate goes after the warm-up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fall {
    /// It stays.
    #[default]
    Constant,
    /// To zero along a cosine.
    Cosine,
}

/// A part of what happens to training examples at random.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Change {
    /// Random crop of the picture.
    Crop,
    /// Mirroring of the picture.
    Flip,
    /// Colour jitter.
    Colour,
    /// Grey pictures.
    Grey,
    /// Gaussian blur.
    Blur,
    /// Silenced stretches of time and of mel bands.
    Masks,
    /// Turns of the second view.
    Rotation,
    /// Shrinking of the second view.
    Scale,
    /// Mirroring of the second view.
    SecondFlip,
}

/// A plan: the same plan on the same data gives the same weights on a CPU.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// What learns.
    pub network: Network,
    /// How the oddities of the published code are read.
    pub profile: Profile,
    /// Edge of the square pictures, in pixels.
    pub side_pixels: usize,
    /// Length that `paper` brings sounds to, in seconds.
    pub sound_seconds: f32,
    /// Channels of `paper`'s first stage.
    pub width: usize,
    /// Passes over the pairs.
    pub epochs: usize,
    /// Pairs that are contrasted with each other.
    pub batch: usize,
    /// Batches whose gradients make one step.
    pub accumulate: usize,
    /// Adam's rate.
    pub rate: f64,
    /// Steps over which the rate rises from zero.
    pub warm_up: usize,
    /// How the rate goes after that.
    pub fall: Fall,
    /// Factor of the coupled L2 term.
    pub weight_decay: f64,
    /// Adam's ε.
    pub epsilon: f64,
    /// Divides the logits of the contrast.
    pub temperature: f64,
    /// Weight of the equivariance term.
    pub equivariance: f64,
    /// Share of the backbones' features that `edge` leaves out of a step.
    pub dropout: f64,
    /// What does not happen to examples.
    pub without: Vec<Change>,
    /// Sounds are mixed with others near them, more and more.
    pub mixing: bool,
    /// What a step keeps of the moving average of the weights; 0 for none.
    pub average: f64,
    /// Share of its start in the weights that `edge` ends with: what training adds counts by the rest (Wortsman et al. 2022, "Robust
    /// fine-tuning of zero-shot models").
    #[serde(default)]
    pub start_share: f64,
    /// Share of the pairs that is held out to validate on.
    pub validation: f64,
    /// Epochs without a better validation after which the run ends; 0 for never.
    pub patience: usize,
    /// What convolutions are computed in.
    pub precision: Precision,
    /// Pairs that are composed out of a corpus.
    pub pairs: usize,
    /// Sounds of no picture, composed out of a corpus for `edge`.
    pub strays: usize,
    /// How the bundle stores the weights.
    pub storage: Storage,
    /// Everything random follows from it.
    pub seed: u64,
}

impl Default for Plan {
    fn default() -> Self {
        Self::of(Network::Edge)
    }
}

impl Plan {
    /// The plan that each network is trained by unless told otherwise: the paper's for `paper`.
    pub fn of(network: Network) -> Self {
        let edge = Self {
            network,
            profile: Profile::Default,
            side_pixels: 448,
            sound_seconds: 10.0,
            width: 64,
            epochs: 6,
            batch: 64,
            accumulate: 1,
            rate: 3e-4,
            warm_up: 0,
            fall: Fall::Cosine,
            weight_decay: 0.0,
            epsilon: 1e-5,
            temperature: 0.3,
            equivariance: 1.0,
            dropout: 0.3,
            without: Vec::new(),
            mixing: false,
            average: 0.0,
            start_share: 0.3,
            validation: 0.0,
            patience: 0,
            precision: Precision::F32,
            pairs: 3200,
            strays: 256,
            storage: Storage::Int8,
            seed: 1,
        };
        match network {
            Network::Edge => edge,
            Network::Paper => Self {
                side_pixels: 224,
                epochs: 100,
                batch: 32,
                rate: 1e-4,
                fall: Fall::Constant,
                weight_decay: 1e-4,
                epsilon: 1e-8,
                temperature: crate::objective::trimap::TEMPERATURE,
                dropout: 0.0,
                start_share: 0.0,
                validation: 0.05,
                storage: Storage::Float32,
                ..edge
            },
        }
    }

    /// What is random in the preparation of an example.
    pub fn augmentations(&self) -> Augmentations {
        let with = |change| !self.without.contains(&change);
        Augmentations {
            picture: PictureChanges {
                crop: with(Change::Crop),
                colour: with(Change::Colour),
                grey: with(Change::Grey),
                blur: with(Change::Blur),
                flip: with(Change::Flip),
            },
            masks: with(Change::Masks),
            transform: TransformParts {
                rotation: with(Change::Rotation),
                scale: with(Change::Scale),
                flip: with(Change::SecondFlip),
            },
        }
    }

    /// Adam's rate at a step, counted from 0, of so many.
    pub fn rate_at(&self, step: usize, steps: usize) -> f64 {
        if step < self.warm_up {
            return self.rate * (step + 1) as f64 / self.warm_up as f64;
        }
        let passed = (step - self.warm_up) as f64 / (steps - self.warm_up.min(steps)).max(1) as f64;
        match self.fall {
            Fall::Constant => self.rate,
            Fall::Cosine => self.rate * 0.5 * (1.0 + (std::f64::consts::PI * passed.min(1.0)).cos()),
        }
    }

    /// The settings, by name, in which a run of this plan cannot go on from one of `begun`: all that differ but for how long it goes on
    /// and what becomes of the weights in the end.
    pub fn departs_from(&self, begun: &Self) -> Result<Vec<String>, toml::ser::Error> {
        let (own, other) = (toml::Table::try_from(self)?, toml::Table::try_from(begun)?);
        let free = |name: &str| match name {
            // A cosine falls towards the last epoch, so that another number of them is another run from the first step on.
            "epochs" => self.fall == Fall::Constant,
            "patience" | "storage" | "start_share" => true,
            _ => false,
        };
        let differs = own
            .into_iter()
            .filter(|(name, value)| !free(name) && other.get(name) != Some(value));
        Ok(differs.map(|(name, _)| name).collect())
    }

    /// What makes no sense, in words.
    pub fn check(&self) -> Result<(), PlanError> {
        let wrong = |what: &'static str, found: String| Err(PlanError { what, found });
        let share = |value: f64| (0.0..1.0).contains(&value);
        if !self.side_pixels.is_multiple_of(32) || !(64..=1024).contains(&self.side_pixels) {
            return wrong(
                "the side must be a multiple of 32 from 64 to 1024 pixels",
                self.side_pixels.to_string(),
            );
        }
        if self.batch < 2 || self.accumulate < 1 {
            return wrong(
                "a batch must have at least 2 pairs and a step at least 1 batch",
                format!("{} and {}", self.batch, self.accumulate),
            );
        }
        let positive = |value: f64| value > 0.0 && value.is_finite();
        if self.rate != 0.0 && !positive(self.rate) || !positive(self.temperature) {
            return wrong(
                "the rate must not be negative, and the temperature must be above 0",
                format!("{} and {}", self.rate, self.temperature),
            );
        }
        let shares = [self.dropout, self.average, self.start_share, self.validation];
        if !shares.into_iter().all(share) {
            return wrong(
                "dropout, average, the start's share and validation must be shares from 0 to below 1",
                shares.map(|share| share.to_string()).join(", "),
            );
        }
        if !(self.weight_decay >= 0.0 && self.weight_decay.is_finite() && self.equivariance.is_finite()) {
            return wrong(
                "the weight decay must not be negative, and the weight of the equivariance must be a number",
                format!("{} and {}", self.weight_decay, self.equivariance),
            );
        }
        if self.patience > 0 && self.validation == 0.0 {
            return wrong("patience needs pairs to validate on (--validation)", "none".to_owned());
        }
        if self.profile == Profile::Paper && self.network == Network::Edge {
            return wrong(
                "the paper's profile is paper's alone (--network paper)",
                "edge's".to_owned(),
            );
        }
        if self.mixing && self.network == Network::Edge {
            return wrong(
                "sounds can be mixed for paper alone",
                "for edge, which hears each once".to_owned(),
            );
        }
        if !self.width.is_multiple_of(4) || self.width == 0 {
            return wrong("the width must be a multiple of 4 channels", self.width.to_string());
        }
        Ok(())
    }
}

/// A plan cannot be followed: change the option.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what}, not {found}")]
pub struct PlanError {
    what: &'static str,
    found: String,
}

/// Changes to a plan; what is not named stays.
#[derive(Debug, Clone, Default, PartialEq, clap::Args, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Changes {
    /// Which networks learn
    #[arg(long, value_enum)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub network: Option<Network>,
    /// `paper` keeps the oddities of the published code, `default` mends them
    #[arg(long, value_enum)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub profile: Option<Profile>,
    /// Edge of the square pictures, a multiple of 32 [edge: 448, paper: 224]
    #[arg(long = "side", value_name = "PIXELS")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub side_pixels: Option<usize>,
    /// Length that paper brings sounds to in training; bundles hear ten seconds whatever it was [10]
    #[arg(long = "seconds", value_name = "SECONDS")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sound_seconds: Option<f32>,
    /// Channels of paper's first stage; fewer make a smaller network for trials [64]
    #[arg(long, value_name = "CHANNELS")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub width: Option<usize>,
    /// Passes over the pairs; 0 writes the untrained start [edge: 6, paper: 100]
    #[arg(long)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub epochs: Option<usize>,
    /// Pairs that are contrasted with each other [edge: 64, paper: 32]
    #[arg(long)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub batch: Option<usize>,
    /// Batches whose gradients make one step [1]
    #[arg(long)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub accumulate: Option<usize>,
    /// Adam's rate [edge: 3e-4, paper: 1e-4]
    #[arg(long)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rate: Option<f64>,
    /// Steps over which the rate rises from zero [0]
    #[arg(long, value_name = "STEPS")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub warm_up: Option<usize>,
    /// How the rate goes after that [edge: cosine, paper: constant]
    #[arg(long, value_enum)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fall: Option<Fall>,
    /// Factor of the coupled L2 term [edge: 0, paper: 1e-4]
    #[arg(long)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weight_decay: Option<f64>,
    /// Divides the logits of the contrast [edge: 0.3, paper: 0.07]
    #[arg(long)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub temperature: Option<f64>,
    /// Weight of the equivariance term [1]
    #[arg(long)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub equivariance: Option<f64>,
    /// Share of the backbones' features that edge leaves out of a step [0.3]
    #[arg(long)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dropout: Option<f64>,
    /// What does not happen to training examples, with commas between
    #[arg(long, value_enum, value_delimiter = ',')]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub without: Option<Vec<Change>>,
    /// Mix sounds with others near them, more with every epoch [false]
    #[arg(long, num_args = 0..=1, default_missing_value = "true")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mixing: Option<bool>,
    /// What a step keeps of the moving average of the weights, 0.999 say; 0 for none [0]
    #[arg(long, value_name = "SHARE")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub average: Option<f64>,
    /// Share of its start in the weights that edge ends with [edge: 0.3]
    #[arg(long, value_name = "SHARE")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start_share: Option<f64>,
    /// Share of the pairs that is held out to validate on [edge: 0, paper: 0.05]
    #[arg(long, value_name = "SHARE")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub validation: Option<f64>,
    /// Epochs without a better validation after which the run ends; 0 for never [0]
    #[arg(long, value_name = "EPOCHS")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub patience: Option<usize>,
    /// What paper's convolutions are computed in [f32]
    #[arg(long, value_enum)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub precision: Option<Precision>,
    /// Pairs to compose out of a corpus [3200]
    #[arg(long, value_name = "COUNT")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pairs: Option<usize>,
    /// Sounds of no picture to compose out of a corpus, for edge [256]
    #[arg(long, value_name = "COUNT")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub strays: Option<usize>,
    /// How the bundle stores the weights [edge: int8, paper: float32]
    #[arg(long, value_enum)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub storage: Option<Storage>,
    /// Everything random follows from this number [1]
    #[arg(long, value_name = "NUMBER")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,
}

impl Changes {
    /// The changed plan: of `base`, or of what the named network is trained by.
    pub fn apply(&self, base: Option<Plan>) -> Result<Plan, toml::de::Error> {
        let base = base.unwrap_or_else(|| Plan::of(self.network.unwrap_or_default()));
        let unspeakable = |error: toml::ser::Error| serde::de::Error::custom(error);
        let mut plan = toml::Table::try_from(&base).map_err(unspeakable)?;
        plan.extend(toml::Table::try_from(self).map_err(unspeakable)?);
        plan.try_into()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn what_is_named_changes_and_the_rest_stays() {
        let changes = Changes {
            network: Some(Network::Paper),
            epochs: Some(3),
            without: Some(vec![Change::Blur]),
            ..Changes::default()
        };
        let plan = changes.apply(None).unwrap();
        assert_eq!(
            plan,
            Plan {
                epochs: 3,
                without: vec![Change::Blur],
                ..Plan::of(Network::Paper)
            }
        );
        assert!(!plan.augmentations().picture.blur && plan.augmentations().picture.crop);
        assert!(plan.departs_from(&plan).unwrap().is_empty());
        let longer = Plan {
            epochs: 9,
            patience: 2,
            ..plan.clone()
        };
        assert!(longer.departs_from(&plan).unwrap().is_empty());
        let other = Plan {
            batch: 9,
            fall: Fall::Cosine,
            ..longer
        };
        assert_eq!(other.departs_from(&plan).unwrap(), ["batch", "epochs", "fall"]);
        let again: Plan = toml::from_str(&toml::to_string(&plan).unwrap()).unwrap();
        assert_eq!(again, plan);
    }

    #[test]
    fn the_rate_rises_and_falls() {
        let plan = Plan {
            rate: 1.0,
            warm_up: 4,
            fall: Fall::Cosine,
            ..Plan::default()
        };
        let rates: Vec<f64> = (0..=12).map(|step| plan.rate_at(step, 12)).collect();
        assert_eq!(rates[..5], [0.25, 0.5, 0.75, 1.0, 1.0]);
        assert!((rates[8] - 0.5).abs() < 1e-12 && rates[12].abs() < 1e-12);
    }

    #[test]
    fn nonsense_is_named() {
        let plan = Plan {
            side_pixels: 100,
            ..Plan::default()
        };
        assert!(plan.check().unwrap_err().to_string().contains("multiple of 32"));
        assert!(Plan::of(Network::Paper).check().is_ok());
    }
}
