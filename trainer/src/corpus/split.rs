//! Which recordings and pictures are kept for measuring.
//!
//! The unit is the group (one recording, one picture), never the composed scene: two scenes with the same bark are not two tests.

use std::collections::{BTreeMap, BTreeSet};

use super::index::{Item, Kind, Split};
use super::instruments::is_played;
use super::packages::digest;

/// Joins the groups of files whose content is the same, and leaves only one of the same content in each category.
pub fn join_duplicates(items: &mut Vec<Item>) {
    let mut first_with_content: BTreeMap<String, String> = BTreeMap::new();
    let mut joined: BTreeMap<String, String> = BTreeMap::new();
    for item in items.iter() {
        match first_with_content.get(&item.sha256) {
            None => {
                first_with_content.insert(item.sha256.clone(), item.group.clone());
            }
            Some(first) => {
                let (one, other) = (representative(&joined, first), representative(&joined, &item.group));
                if one != other {
                    joined.insert(other, one);
                }
            }
        }
    }
    let mut seen = BTreeSet::new();
    items.retain(|item| seen.insert((item.kind, item.category.clone(), item.sha256.clone())));
    for item in items {
        item.group = representative(&joined, &item.group);
    }
}

fn representative(joined: &BTreeMap<String, String>, group: &str) -> String {
    let mut group = group;
    while let Some(next) = joined.get(group) {
        group = next;
    }
    group.to_owned()
}

/// Gives every item its split, by a hash of its group, so that the same sources always divide in the same way.
///
/// Of two groups in a category one is held out, of three and more about a quarter, of one none. A group that several categories share has one split.
pub fn assign(items: &mut [Item], is_unheard: impl Fn(&str) -> bool) {
    for kind in [Kind::Picture, Kind::Sound, Kind::Background, Kind::Photograph] {
        let mut by_category: BTreeMap<Option<String>, BTreeSet<String>> = BTreeMap::new();
        let mut splits: BTreeMap<String, Split> = BTreeMap::new();
        for item in items.iter().filter(|item| item.kind == kind) {
            let shown = item.boxes.iter().map(|labelled| labelled.category.as_str());
            if item.category.as_deref().into_iter().chain(shown).any(&is_unheard) {
                splits.insert(item.group.clone(), Split::Unheard);
            }
            by_category
                .entry(item.category.clone())
                .or_default()
                .insert(item.group.clone());
        }
        for groups in by_category.values() {
            let mut undecided: Vec<_> = groups.iter().filter(|group| !splits.contains_key(*group)).collect();
            // What a sound font plays is for training: measuring is on real recordings.
            undecided.sort_by_cached_key(|group| (is_played(group), digest(format!("split/{group}").as_bytes())));
            let held_out = groups
                .iter()
                .filter(|group| splits.get(*group) == Some(&Split::HeldOut))
                .count();
            let unheard = groups
                .iter()
                .filter(|group| splits.get(*group) == Some(&Split::Unheard))
                .count();
            let wanted = held_out_of(groups.len() - unheard).saturating_sub(held_out);
            for (index, group) in undecided.into_iter().enumerate() {
                splits.insert(
                    group.clone(),
                    if index < wanted { Split::HeldOut } else { Split::Train },
                );
            }
        }
        for item in items.iter_mut().filter(|item| item.kind == kind) {
            item.split = splits.get(&item.group).copied().unwrap_or(Split::Train);
        }
    }
}

/// How many of `groups` are held out.
fn held_out_of(groups: usize) -> usize {
    match groups {
        0 | 1 => 0,
        2 => 1,
        more => ((more as f64 / 4.0).round() as usize).max(1),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn item(category: &str, group: &str, content: &str) -> Item {
        Item {
            kind: Kind::Sound,
            category: Some(category.to_owned()),
            file: format!("{category}/{group}"),
            package: String::new(),
            path: String::new(),
            author: String::new(),
            licence: String::new(),
            sha256: content.to_owned(),
            split: Split::Train,
            group: group.to_owned(),
            seconds: None,
            boxes: Vec::new(),
        }
    }

    #[test]
    fn same_content_shares_group_and_split_across_categories() {
        let mut items = vec![
            item("badger", "a", "x"),
            item("beaver", "b", "x"),
            item("beaver", "c", "y"),
            item("beaver", "c2", "y"),
        ];
        join_duplicates(&mut items);
        assert_eq!(
            items.iter().map(|item| item.group.as_str()).collect::<Vec<_>>(),
            ["a", "a", "c"]
        );
        assign(&mut items, |_| false);
        assert_eq!(items[0].split, items[1].split);
    }

    #[test]
    fn a_chain_of_equal_content_is_one_group() {
        let mut items = vec![
            item("p", "a", "x"),
            item("p", "b", "y"),
            item("q", "b", "x"),
            item("q", "c", "y"),
        ];
        join_duplicates(&mut items);
        assert!(items.iter().all(|item| item.group == "a"));
    }

    #[test]
    fn whole_categories_are_kept_apart() {
        let mut items = vec![item("frog", "a", "1"), item("frog", "b", "2"), item("dog", "c", "3")];
        assign(&mut items, |category| category == "frog");
        assert_eq!(
            items.iter().map(|item| item.split).collect::<Vec<_>>(),
            [Split::Unheard, Split::Unheard, Split::Train]
        );
    }

    proptest! {
        #[test]
        fn shares_are_as_promised_and_independent_of_order(count in 1_usize..40, rotate in 0_usize..40) {
            let mut items: Vec<_> = (0..count).map(|index| item("dog", &format!("g{index}"), &index.to_string())).collect();
            let mut rotated = items.clone();
            rotated.rotate_left(rotate % count);
            assign(&mut items, |_| false);
            assign(&mut rotated, |_| false);
            prop_assert_eq!(items.iter().filter(|item| item.split == Split::HeldOut).count(), held_out_of(count));
            for item in &items {
                prop_assert!(rotated.contains(item));
            }
        }
    }
}
