//! The report of retrieval as a page of HTML.

use std::collections::BTreeSet;

use anyhow::Result;
use maud::{Markup, html};
use rand::SeedableRng;
use rand::seq::index::sample;
use rand_chacha::ChaCha8Rng;

use super::answers::Answer;
use super::material::Member;
use super::scores::RetrievalScores;
use super::summary::{Direction, Document, Embedded, Measurement};
use super::thumbnails::Thumbnails;
use crate::report::page::paragraph;
use crate::report::{Cell, Page, Table};

/// Queries from each end, and drawn at random.
const QUERIES_OF_A_SORT: usize = 4;
/// Answers shown of each.
const ANSWERS: usize = 5;
const RIGHT: &str = "#1a9a5b";
const WRONG: &str = "#d1495b";

/// Makes the page; `seed` draws the queries at random.
///
/// # Errors
/// When a file that was read before no longer can be.
pub fn page(document: &Document, measurement: &Measurement, embedded: &Embedded, seed: u64) -> Result<Page> {
    let lead = format!(
        "{}: {} sounds and {} pictures of {} classes, {} files skipped. Queries look for their own class by the cosine of embeddings; what was made from the same recording or picture as the query is no answer to it.{}",
        document.material,
        document.sounds,
        document.pictures,
        document.classes,
        document.skipped.len(),
        if document.novel_only {
            " Only classes that training never met ask."
        } else {
            ""
        },
    );
    let mut page = Page::new(format!("Retrieval with {}", document.bundle), lead).with_section(
        "Scores",
        html! {
            (score_table(document).markup())
            (paragraph("Percent. Accuracy@K: any of the K nearest is of the query's class. Precision@K: the share of them that is. Chance: what is to be expected of the same queries and gallery in random order. By class: every class counts the same, however many queries it has. Intervals hold 95 % of a bootstrap that draws whole recordings or pictures."))
        },
    );
    let mut thumbnails = Thumbnails::default();
    for (&direction, (answers, scores)) in &measurement.directions {
        if answers.answers.is_empty() {
            continue;
        }
        let chosen = chosen(&answers.answers, seed);
        let mut rows = Vec::new();
        for (why, answer) in chosen {
            rows.push(row(direction, why, answer, embedded, &mut thumbnails)?);
        }
        page = page.with_section(
            direction.name(),
            html! {
                (class_table(scores).markup())
                (paragraph(&format!("Queries, best, worst and drawn at random, by their average precision over the whole gallery, of each sort at most one of a class; beside each its {ANSWERS} nearest. {}", explained(direction))))
                @for row in &rows { (row) }
            },
        );
    }
    if !document.skipped.is_empty() || !document.missing.is_empty() || !document.left_out.is_empty() {
        page = page.with_section("Left out", left_out(document).markup());
    }
    Ok(page)
}

fn explained(direction: Direction) -> &'static str {
    match direction {
        Direction::SoundToPicture => "Sounds are drawn as spectrograms: time to the right, pitch upwards.",
        Direction::SoundToSound | Direction::PictureToSound => {
            "Sounds are drawn as spectrograms, time to the right, pitch upwards, over the picture that belongs to them where there is one."
        }
    }
}

fn score_table(document: &Document) -> Table {
    let mut table = Table::new([
        "",
        "K",
        "Accuracy@K",
        "chance",
        "by class",
        "chance",
        "Precision@K",
        "chance",
        "by class",
        "chance",
        "queries",
        "alone in their class",
    ]);
    for (direction, scores) in &document.directions {
        for (depth, at) in &scores.at {
            let mut row = vec![Cell::text(direction.name()), Cell::count(*depth)];
            for score in [&at.accuracy, &at.precision] {
                row.extend([
                    Cell::interval(score.all),
                    Cell::percent(score.chance),
                    Cell::percent(score.class_mean),
                    Cell::percent(score.class_mean_chance),
                ]);
            }
            row.extend([Cell::count(scores.queries), Cell::count(scores.alone)]);
            table.push(row);
        }
    }
    table
}

fn class_table(scores: &RetrievalScores) -> Table {
    let depths: Vec<usize> = scores.at.keys().copied().collect();
    let mut columns = vec![
        "class".to_owned(),
        "queries".to_owned(),
        "others of the class".to_owned(),
    ];
    for score in ["Accuracy", "Precision"] {
        for depth in &depths {
            columns.extend([format!("{score}@{depth}"), "chance".to_owned()]);
        }
    }
    let mut table = Table::new(columns);
    for (class, scores) in &scores.by_class {
        let mut row = vec![
            Cell::text(class),
            Cell::count(scores.queries),
            Cell::number(scores.relevant, 1),
        ];
        let at = || depths.iter().filter_map(|depth| scores.at.get(depth));
        row.extend(at().flat_map(|at| [Cell::percent(at.accuracy), Cell::percent(at.accuracy_chance)]));
        row.extend(at().flat_map(|at| [Cell::percent(at.precision), Cell::percent(at.precision_chance)]));
        table.push(row);
    }
    table
}

/// The best, the worst and some at random, those of one sort each of another class; no query twice.
fn chosen(answers: &[Answer], seed: u64) -> Vec<(&'static str, &Answer)> {
    let mut order: Vec<&Answer> = answers.iter().collect();
    order.sort_by(|one, other| other.average_precision.total_cmp(&one.average_precision));
    let mut taken: BTreeSet<usize> = BTreeSet::new();
    let mut chosen = Vec::new();
    for (why, from_the_end) in [("best", false), ("worst", true)] {
        let mut classes = BTreeSet::new();
        let mut candidates: Vec<&Answer> = order.clone();
        if from_the_end {
            candidates.reverse();
        }
        let different = candidates.into_iter().filter(|answer| classes.insert(answer.class));
        for answer in different.take(QUERIES_OF_A_SORT) {
            if taken.insert(answer.query) {
                chosen.push((why, answer));
            }
        }
    }
    let drawn = sample(&mut ChaCha8Rng::seed_from_u64(seed), answers.len(), answers.len());
    let mut classes = BTreeSet::new();
    let others = drawn
        .iter()
        .filter_map(|index| answers.get(index))
        .filter(|answer| !taken.contains(&answer.query) && classes.insert(answer.class));
    chosen.extend(others.take(QUERIES_OF_A_SORT).map(|answer| ("at random", answer)));
    chosen
}

fn row(
    direction: Direction,
    why: &str,
    answer: &Answer,
    embedded: &Embedded,
    thumbnails: &mut Thumbnails,
) -> Result<Markup> {
    let (queries, gallery) = (direction.queries(embedded), direction.gallery(embedded));
    let (asks_sound, answers_sound) = (
        direction != Direction::PictureToSound,
        direction != Direction::SoundToPicture,
    );
    let mut cells = Vec::new();
    if let Some(member) = queries.members.get(answer.query) {
        let said = html! {
            b { (member.class.as_deref().unwrap_or_default()) } ", " (why) br;
            "average precision " (format!("{:.3}", answer.average_precision)) br;
            (short(&member.id))
        };
        cells.push(figure(member, asks_sound, "currentColor", &said, thumbnails)?);
    }
    for (neighbour, &right) in answer.nearest.iter().zip(&answer.right).take(ANSWERS) {
        let Some(member) = gallery.members.get(neighbour.index) else {
            continue;
        };
        let (mark, colour) = if right { ("✓", RIGHT) } else { ("✗", WRONG) };
        let said = html! {
            b style=(format!("color: {colour}")) { (mark) " " (member.class.as_deref().unwrap_or_default()) } br;
            "cosine " (format!("{:.3}", neighbour.similarity)) br;
            (short(&member.id))
        };
        cells.push(figure(member, answers_sound, colour, &said, thumbnails)?);
    }
    Ok(html! {
        div style="display: grid; grid-template-columns: repeat(6, minmax(7.5rem, 1fr)); overflow-x: auto; gap: .9rem; margin: 0 0 1.6rem; align-items: start" {
            @for cell in &cells { (cell) }
        }
    })
}

fn figure(member: &Member, is_sound: bool, colour: &str, said: &Markup, thumbnails: &mut Thumbnails) -> Result<Markup> {
    let picture = if is_sound {
        member.picture.as_ref()
    } else {
        Some(&member.file)
    };
    // The picture that belongs to a sound may be the broken one of the two.
    let picture = picture.and_then(|file| thumbnails.picture(file).ok());
    let spectrogram = is_sound.then(|| thumbnails.spectrogram(member)).transpose()?;
    Ok(html! {
        figure style=(format!("border-top: 3px solid {colour}; padding-top: .4rem")) {
            @for drawn in spectrogram.iter().chain(&picture) {
                img src=(drawn) alt=(member.id) loading="lazy" style="margin-bottom: .3rem";
            }
            figcaption { (said) }
        }
    })
}

/// The end of a long name tells more than its beginning.
fn short(id: &str) -> &str {
    id.rsplit('/').next().unwrap_or(id)
}

fn left_out(document: &Document) -> Table {
    let mut table = Table::new(["what", "why"]);
    for (reason, count) in document.left_out {
        table.push([Cell::text(format!("{count} files")), Cell::text(*reason)]);
    }
    for skipped in document.skipped {
        table.push([Cell::text(&skipped.id), Cell::text(&skipped.cause)]);
    }
    for missing in document.missing {
        table.push([Cell::text(missing), Cell::text("not there")]);
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ends_are_of_different_classes_and_no_query_comes_twice() {
        let answers: Vec<Answer> = (0..30)
            .map(|query| Answer {
                query,
                class: query % 5,
                group: query,
                relevant: 1,
                candidates: 9,
                nearest: Vec::new(),
                right: Vec::new(),
                average_precision: query as f64 / 30.0,
            })
            .collect();
        let chosen = chosen(&answers, 1);
        let of = |sort: &str| {
            let queries = chosen
                .iter()
                .filter(|(why, _)| *why == sort)
                .map(|(_, answer)| answer.query);
            queries.collect::<Vec<_>>()
        };
        assert_eq!(of("best"), [29, 28, 27, 26]);
        assert_eq!(of("worst"), [0, 1, 2, 3]);
        let all: BTreeSet<usize> = chosen.iter().map(|(_, answer)| answer.query).collect();
        assert_eq!((all.len(), of("at random").len()), (12, 4));
    }
}
