//! Author and licence of single files, as a Debian package states them.
//!
//! Format: machine-readable `debian/copyright` 1.0 (DEP-5). Paragraphs of `Files`, `Copyright` and `License`; the last that matches a file counts.

/// One `Files` paragraph.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Paragraph {
    patterns: Vec<String>,
    author: String,
    licence: String,
}

/// What a package states about its files.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Copyright {
    paragraphs: Vec<Paragraph>,
}

/// Author and licence of a file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Credit {
    /// The holders of the copyright, one after the other.
    pub author: String,
    /// The licence's short name.
    pub licence: String,
}

impl Copyright {
    /// Reads a copyright file; text that is not in the format gives no paragraphs.
    pub fn parse(text: &str) -> Self {
        let paragraphs = text.split("\n\n").filter_map(|paragraph| {
            let fields = fields(paragraph);
            let field = |name: &str| {
                fields
                    .iter()
                    .find(|(key, _)| key.eq_ignore_ascii_case(name))
                    .map(|(_, value)| value.as_slice())
            };
            Some(Paragraph {
                patterns: field("Files")?
                    .iter()
                    .flat_map(|line| line.split_whitespace())
                    .map(str::to_owned)
                    .collect(),
                author: field("Copyright").unwrap_or_default().join("; "),
                licence: field("License")
                    .and_then(|lines| lines.first())
                    .copied()
                    .unwrap_or_default()
                    .to_owned(),
            })
        });
        Self {
            paragraphs: paragraphs.collect(),
        }
    }

    /// What the package states about the file at `path`, a path in its source.
    pub fn credit(&self, path: &str) -> Option<Credit> {
        let matching = self
            .paragraphs
            .iter()
            .rev()
            .find(|paragraph| paragraph.patterns.iter().any(|pattern| matches(pattern, path)));
        matching.map(|paragraph| Credit {
            author: paragraph.author.clone(),
            licence: paragraph.licence.clone(),
        })
    }
}

/// Fields of a paragraph: name and the lines of its value, continuation lines without their indent.
fn fields(paragraph: &str) -> Vec<(&str, Vec<&str>)> {
    let mut fields: Vec<(&str, Vec<&str>)> = Vec::new();
    for line in paragraph.lines().filter(|line| !line.starts_with('#')) {
        if line.starts_with([' ', '\t']) {
            if let Some((_, lines)) = fields.last_mut() {
                lines.push(line.trim());
            }
        } else if let Some((name, value)) = line.split_once(':') {
            let value = value.trim();
            fields.push((name.trim(), if value.is_empty() { Vec::new() } else { vec![value] }));
        }
    }
    fields
}

/// Shell-like matching of the whole path: `*` stands for any characters, slashes too, `?` for one.
fn matches(pattern: &str, path: &str) -> bool {
    let (pattern, path): (Vec<char>, Vec<char>) = (pattern.chars().collect(), path.chars().collect());
    // reachable[i]: the pattern so far matches the first i characters of the path.
    let mut reachable = vec![false; path.len() + 1];
    reachable[0] = true;
    for symbol in pattern {
        if symbol == '*' {
            let mut any = false;
            for place in &mut reachable {
                any |= *place;
                *place = any;
            }
        } else {
            for index in (0..path.len()).rev() {
                reachable[index + 1] = reachable[index] && (symbol == '?' || symbol == path[index]);
            }
            reachable[0] = false;
        }
    }
    reachable[path.len()]
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use proptest::prelude::*;

    use super::*;

    const TEXT: &str = "Format: x\n\nFiles: *\nCopyright: 2002 A\n           2003 B\nLicense: GPL-2\n text\n .\n more\n\n\
                        Files: Media/* src/?.png\n       c.ogg\nCopyright: C\nLicense: CC-BY-SA-3.0\n\nLicense: MIT\n words\n";

    #[test]
    fn the_last_match_counts() {
        let copyright = Copyright::parse(TEXT);
        let licence = |path| copyright.credit(path).unwrap().licence;
        assert_eq!(licence("other/file"), "GPL-2");
        assert_eq!(licence("Media/a/b.gif"), "CC-BY-SA-3.0");
        assert_eq!(licence("src/a.png"), "CC-BY-SA-3.0");
        assert_eq!(licence("src/ab.png"), "GPL-2");
        assert_eq!(licence("c.ogg"), "CC-BY-SA-3.0");
        assert_eq!(copyright.credit("other").unwrap().author, "2002 A; 2003 B");
    }

    #[test]
    fn free_text_gives_nothing() {
        assert_eq!(Copyright::parse("This is free.\n\nDo as you like.").credit("a"), None);
    }

    proptest! {
        #[test]
        fn any_text_is_survived(text in "(Files|License|Copyright|:| |\\*|\n|[a-c]){0,60}", path in "[a-c/]{0,8}") {
            let _ = Copyright::parse(&text).credit(&path);
        }

        #[test]
        fn every_path_matches_itself_and_its_prefix(path in "[a-z/.]{1,12}", cut in 0_usize..12) {
            prop_assert!(matches(&path, &path));
            let prefix = &path[..cut.min(path.len())];
            let starred = format!("{prefix}*");
            prop_assert!(matches(&starred, &path));
        }
    }
}
