//! The things that both pretrained classifiers know, joined by hand: where the common space starts.

use serde::Deserialize;

use super::{efficient_net, yam_net};

/// The committed list of groups.
const GROUPS: &str = include_str!("../../data/bridge.toml");

/// Channels beyond the groups that start empty and belong to what the groups cannot say.
const FREE_CHANNELS: usize = 32;
/// Sounds that are no thing in view: silence, rooms, noise, hum (AudioSet classes by number, both ends included).
const NO_THING: [(usize, usize); 3] = [(494, 496), (500, 517), (520, 520)];

/// Why the list of groups is refused.
#[derive(Debug, thiserror::Error)]
pub enum BridgeError {
    /// It is not TOML of the expected form.
    #[error("the list of groups cannot be read: {0}")]
    Syntax(#[from] toml::de::Error),
    /// It names a class that the classifiers do not have.
    #[error("the group `{group}` names class {class}, beyond the {classes} there are")]
    Class {
        /// Name of the group.
        group: String,
        /// As in the list.
        class: usize,
        /// How many the classifier has.
        classes: usize,
    },
}

/// The starting point of the common space: two fixed matrices and biases.
///
/// Channels in this order: one for each group, [`FREE_CHANNELS`] free ones, one for what is in view and belongs to no group, one
/// of constant height in every cell (so that a cell in which nothing is certain is like no sound), one for what is heard and is
/// no thing.
#[derive(Debug, Clone, PartialEq)]
pub struct Bridge {
    /// Names of the groups.
    pub names: Vec<String>,
    /// Length of the common embedding.
    pub channels: usize,
    /// From the picture's class probabilities, `[channels, 1000]`, row-major.
    pub vision: Vec<f32>,
    /// Added to it, `[channels]`.
    pub vision_bias: Vec<f32>,
    /// From the sound's class probabilities, `[channels, 521]`, row-major.
    pub sound: Vec<f32>,
    /// Added to it, `[channels]`.
    pub sound_bias: Vec<f32>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct List {
    group: Vec<Group>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Group {
    name: String,
    sounds: Vec<Classes>,
    pictures: Vec<Classes>,
}

/// One class, or a range with both ends included.
#[derive(Deserialize, Clone, Copy)]
#[serde(untagged)]
enum Classes {
    One(usize),
    Range([usize; 2]),
}

impl Classes {
    fn range(self) -> std::ops::RangeInclusive<usize> {
        match self {
            Self::One(class) => class..=class,
            Self::Range([first, last]) => first..=last,
        }
    }
}

impl Bridge {
    /// The bridge from the committed list.
    pub fn committed() -> Result<Self, BridgeError> {
        Self::from_toml(GROUPS)
    }

    /// The bridge from a list of groups.
    pub fn from_toml(text: &str) -> Result<Self, BridgeError> {
        let List { group: groups } = toml::from_str(text)?;
        let channels = groups.len() + FREE_CHANNELS + 3;
        let [elsewhere, constant, no_thing] = [channels - 3, channels - 2, channels - 1];
        let mut vision = Matrix::new(channels, efficient_net::CLASSES);
        let mut sound = Matrix::new(channels, yam_net::CLASSES);
        for (channel, group) in groups.iter().enumerate() {
            let pictures = vision.members(&group.name, &group.pictures)?;
            pictures.iter().for_each(|&class| vision.set(channel, class, 1.0));
            // The mean of many tags drowns the one that fires, their sum lets broad groups win: the square root stands between.
            let sounds = sound.members(&group.name, &group.sounds)?;
            let share = 1.0 / (sounds.len() as f32).sqrt();
            sounds.iter().for_each(|&class| sound.set(channel, class, share));
        }
        for class in 0..efficient_net::CLASSES {
            if vision.is_unused(class, groups.len()) {
                vision.set(elsewhere, class, 0.5);
            }
        }
        for class in NO_THING.into_iter().flat_map(|(first, last)| first..=last) {
            sound.set(no_thing, class, 1.0);
        }
        let mut vision_bias = vec![0.0; channels];
        vision_bias[constant] = 0.5;
        let mut sound_bias = vec![0.0; channels];
        sound_bias[no_thing] = 0.05;
        Ok(Self {
            names: groups.into_iter().map(|group| group.name).collect(),
            channels,
            vision: vision.values,
            vision_bias,
            sound: sound.values,
            sound_bias,
        })
    }

    /// 1 for channels that pictures may learn to use, 0 for the constant one and for what is only heard.
    pub fn seen(&self) -> Vec<f32> {
        (0..self.channels)
            .map(|channel| if channel < self.channels - 2 { 1.0 } else { 0.0 })
            .collect()
    }

    /// 1 for channels that sounds may learn to use, 0 for those that are only seen.
    pub fn heard(&self) -> Vec<f32> {
        let only_seen = self.channels - 3..self.channels - 1;
        (0..self.channels)
            .map(|channel| if only_seen.contains(&channel) { 0.0 } else { 1.0 })
            .collect()
    }

    /// The channels that start empty.
    pub fn free_channels(&self) -> std::ops::Range<usize> {
        self.names.len()..self.names.len() + FREE_CHANNELS
    }
}

/// A row-major matrix being filled.
struct Matrix {
    columns: usize,
    values: Vec<f32>,
}

impl Matrix {
    fn new(rows: usize, columns: usize) -> Self {
        Self {
            columns,
            values: vec![0.0; rows * columns],
        }
    }

    fn set(&mut self, row: usize, column: usize, value: f32) {
        self.values[row * self.columns + column] = value;
    }

    fn is_unused(&self, column: usize, rows: usize) -> bool {
        (0..rows).all(|row| self.values[row * self.columns + column] == 0.0)
    }

    /// The classes of a group, each once.
    fn members(&self, group: &str, classes: &[Classes]) -> Result<Vec<usize>, BridgeError> {
        let mut members: Vec<usize> = classes.iter().flat_map(|classes| classes.range()).collect();
        members.sort_unstable();
        members.dedup();
        match members.last() {
            Some(&class) if class >= self.columns => Err(BridgeError::Class {
                group: group.to_owned(),
                class,
                classes: self.columns,
            }),
            _ => Ok(members),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_committed_list_joins_barking_with_dogs() {
        let bridge = Bridge::committed().unwrap();
        let (bark, german_shepherd, tabby) = (70, 235, 281);
        let joined = |sound: usize, picture: usize| -> f32 {
            (0..bridge.channels)
                .map(|channel| {
                    bridge.sound[channel * yam_net::CLASSES + sound]
                        * bridge.vision[channel * efficient_net::CLASSES + picture]
                })
                .sum()
        };
        assert!(joined(bark, german_shepherd) > 0.3);
        assert_eq!(joined(bark, tabby), 0.0);
    }

    #[test]
    fn silence_and_an_unknown_thing_share_no_channel() {
        let bridge = Bridge::committed().unwrap();
        for channel in 0..bridge.channels {
            let silence = bridge.sound[channel * yam_net::CLASSES + 494];
            let view =
                (0..efficient_net::CLASSES).any(|class| bridge.vision[channel * efficient_net::CLASSES + class] > 0.0);
            assert!(silence == 0.0 || !view, "channel {channel}");
        }
    }

    #[test]
    fn a_class_that_is_not_there_is_refused_by_name() {
        let text = "group = [{ name = \"ghost\", sounds = [521], pictures = [1] }]";
        let error = Bridge::from_toml(text).unwrap_err();
        assert!(error.to_string().contains("ghost"), "{error}");
    }
}
