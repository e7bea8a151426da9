//! Self-contained HTML reports: one file with its tables, charts and pictures in it, that asks no other machine for anything
//! and runs no script.

pub mod chart;
pub mod page;
pub mod picture;

pub use chart::{Chart, Mark, Series};
pub use page::{Cell, Page, Table};
pub use picture::PictureView;

#[cfg(test)]
pub(crate) mod well_formed {
    /// Panics unless HTML is XML but for the elements that HTML does not close, and names no address outside itself.
    #[allow(clippy::unwrap_used)]
    pub(crate) fn assert_well_formed(html: &str) {
        let mut xml = String::new();
        let mut rest = html.trim_start_matches("<!DOCTYPE html>");
        while let Some(start) = rest.find('<') {
            let end = start + rest[start..].find('>').unwrap();
            let tag = &rest[start..end];
            let unclosed = ["<meta", "<img", "<br", "<col "]
                .iter()
                .any(|name| tag.starts_with(name));
            xml.push_str(&rest[..end]);
            xml.push_str(if unclosed { "/>" } else { ">" });
            rest = &rest[end + 1..];
        }
        xml.push_str(rest);
        roxmltree::Document::parse(&xml).unwrap();
        assert!(
            !html.contains("://") && !html.contains("<script"),
            "something from outside"
        );
    }
}
