//! The credits file of a corpus: every file with its source, author and licence.

use std::fmt::Write;

use super::index::Corpus;
use super::packages::Package;

/// The credits as Markdown: a section for each package and data set, a line for each file.
pub fn markdown(corpus: &Corpus, packages: &[Package]) -> String {
    let mut text = String::from(
        "# Credits\n\nWhere every file of this corpus comes from. Pictures were cut, rendered or reduced, sounds mixed to mono, resampled, trimmed and levelled; \
         nothing else was changed. The packages' own copyright statements lie in `licences/`.\n",
    );
    let mut sources: Vec<&str> = corpus.items.iter().map(|item| item.package.as_str()).collect();
    sources.sort_unstable();
    sources.dedup();
    for source in sources {
        // Writing into a string cannot fail.
        let _ = writeln!(text, "\n## {source}\n");
        if let Some(package) = packages.iter().find(|package| package.name == source) {
            let _ = writeln!(
                text,
                "Version {}, {}: {}.\n",
                package.version, package.licence, package.purpose
            );
        }
        let _ = writeln!(text, "| file | in the source | author | licence |\n|---|---|---|---|");
        for item in corpus.items.iter().filter(|item| item.package == source) {
            let author = if item.author.is_empty() {
                "not stated"
            } else {
                &item.author
            };
            let cells = [&item.file, &item.path, author, &item.licence].map(|cell| cell.replace('|', "\\|"));
            let _ = writeln!(text, "| {} |", cells.join(" | "));
        }
    }
    text
}
