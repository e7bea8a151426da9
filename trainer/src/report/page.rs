//! The page: a title, a lead, sections, tables and galleries.

use std::io;
use std::path::Path;

use maud::{DOCTYPE, Markup, PreEscaped, html};

use crate::evaluate::scores::Interval;
use lookhear_board::write_whole;

/// Colours follow the reader's choice of light or dark.
const STYLE: &str = include_str!("page.css");

/// A whole page, made section by section.
#[derive(Debug, Clone)]
pub struct Page {
    title: String,
    lead: String,
    sections: Vec<(String, Markup)>,
}

impl Page {
    /// A page with a title and a paragraph that says what it shows.
    pub fn new(title: impl Into<String>, lead: impl Into<String>) -> Self {
        Self {
            title: title.into(),
            lead: lead.into(),
            sections: Vec::new(),
        }
    }

    /// Adds a section: any of [`paragraph`], [`Table::markup`], [`Chart::figure`](super::Chart::figure), [`gallery`], or
    /// several of them in one `html!`.
    #[must_use]
    pub fn with_section(mut self, heading: impl Into<String>, body: Markup) -> Self {
        self.sections.push((heading.into(), body));
        self
    }

    /// The page as HTML.
    pub fn html(&self) -> String {
        html! {
            (DOCTYPE)
            html lang="en" {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta name="color-scheme" content="light dark";
                    title { (self.title) }
                    style { (PreEscaped(STYLE)) }
                }
                body {
                    main {
                        header {
                            h1 { (self.title) }
                            p.lead { (self.lead) }
                        }
                        @for (heading, body) in &self.sections {
                            section {
                                h2 { (heading) }
                                (body)
                            }
                        }
                    }
                }
            }
        }
        .into_string()
    }

    /// Writes the page beside its name and renames it there, so that a reader meets a whole page.
    ///
    /// # Errors
    /// When the folder cannot be written to.
    pub fn write(&self, path: &Path) -> io::Result<()> {
        write_whole(path, self.html().as_bytes())
    }
}

/// A paragraph.
pub fn paragraph(text: &str) -> Markup {
    html! { p { (text) } }
}

/// What lies side by side, as many in a row as the window has room for.
pub fn gallery(figures: impl IntoIterator<Item = Markup>) -> Markup {
    html! { div.gallery { @for figure in figures { (figure) } } }
}

/// One cell of a table.
#[derive(Debug, Clone, PartialEq)]
pub enum Cell {
    /// Words, to the left.
    Text(String),
    /// A number, to the right.
    Number(String),
    /// A number with the interval that it lies in.
    Between {
        /// The number.
        number: String,
        /// Both ends of its interval.
        interval: String,
    },
    /// What there is no number for.
    Nothing,
}

impl Cell {
    /// Words.
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    /// A count.
    pub fn count(count: usize) -> Self {
        Self::Number(count.to_string())
    }

    /// A number with so many decimals; nothing for what is no number.
    pub fn number(value: impl Into<Option<f64>>, decimals: usize) -> Self {
        match value.into().filter(|value| value.is_finite()) {
            Some(value) => Self::Number(format!("{value:.decimals$}")),
            None => Self::Nothing,
        }
    }

    /// A share of 0..1, in percent.
    pub fn percent(share: impl Into<Option<f64>>) -> Self {
        Self::number(share.into().map(|share| share * 100.0), 2)
    }

    /// A share of 0..1 with its interval, in percent.
    pub fn interval(interval: impl Into<Option<Interval>>) -> Self {
        match interval.into() {
            Some(Interval { mean, low, high }) => Self::Between {
                number: format!("{:.2}", mean * 100.0),
                interval: format!("{:.2} … {:.2}", low * 100.0, high * 100.0),
            },
            None => Self::Nothing,
        }
    }

    fn markup(&self) -> Markup {
        match self {
            Self::Text(text) => html! { td { (text) } },
            Self::Number(number) => html! { td.number { (number) } },
            Self::Between { number, interval } => html! { td.number { (number) " " span.interval { (interval) } } },
            Self::Nothing => html! { td.number { "–" } },
        }
    }
}

/// A table; its first column names the rows.
#[derive(Debug, Clone, PartialEq)]
pub struct Table {
    columns: Vec<String>,
    rows: Vec<Vec<Cell>>,
}

impl Table {
    /// An empty table with these headings.
    pub fn new<Heading: Into<String>>(columns: impl IntoIterator<Item = Heading>) -> Self {
        Self {
            columns: columns.into_iter().map(Into::into).collect(),
            rows: Vec::new(),
        }
    }

    /// Adds a row.
    pub fn push(&mut self, row: impl IntoIterator<Item = Cell>) {
        self.rows.push(row.into_iter().collect());
    }

    /// The table as HTML: numbers and the headings over them to the right, a long one in a window of its own.
    pub fn markup(&self) -> Markup {
        let is_number = |column: usize| {
            let cells = self.rows.iter().filter_map(|row| row.get(column));
            cells.clone().next().is_some() && !cells.into_iter().any(|cell| matches!(cell, Cell::Text(_)))
        };
        html! {
            div.table {
                table {
                    thead {
                        tr {
                            @for (index, column) in self.columns.iter().enumerate() {
                                th scope="col" class=[is_number(index).then_some("number")] { (column) }
                            }
                        }
                    }
                    tbody {
                        @for row in &self.rows { tr { @for cell in row { (cell.markup()) } } }
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::super::well_formed::assert_well_formed;
    use super::*;

    fn page() -> Page {
        let mut table = Table::new(["class", "cIoU", "items"]);
        let interval = Interval {
            mean: 0.3863,
            low: 0.37,
            high: 0.4,
        };
        table.push([Cell::text("<dog> & cat"), Cell::interval(interval), Cell::count(7)]);
        table.push([Cell::text("frog"), Cell::Nothing, Cell::number(f64::NAN, 2)]);
        Page::new("Bundle \"a\" & b", "What it <says>.").with_section("Scores", table.markup())
    }

    #[test]
    fn a_page_is_well_formed_whatever_names_are_in_it() {
        let html = page().html();
        assert_well_formed(&html);
        assert!(html.contains("&lt;dog&gt; &amp; cat") && html.contains("prefers-color-scheme: dark"));
    }

    #[test]
    fn numbers_stand_to_the_right_with_their_interval() {
        let html = page().html();
        assert!(html.contains(r#"<td class="number">38.63 <span class="interval">37.00 … 40.00</span></td>"#));
        assert_eq!(html.matches(r#"<td class="number">–</td>"#).count(), 2);
        assert_eq!(html.matches(r#"<th scope="col" class="number">"#).count(), 2);
    }

    #[test]
    fn a_page_lands_whole_or_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("report.html");
        page().write(&path).unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), page().html());
        assert!(page().write(&folder.path().join("nowhere/report.html")).is_err());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
