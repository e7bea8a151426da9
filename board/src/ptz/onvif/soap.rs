//! SOAP envelopes: written as 1.2, read whatever prefixes and namespaces a camera gives its elements.
//!
//! Cameras disagree with the schemas about namespaces far more often than about names, so elements are known by their
//! local names alone.

use roxmltree::{Document, Error, Node, ParsingOptions};
use thiserror::Error;

/// The longest answer that is read.
pub const LONGEST_ANSWER_BYTES: u64 = 1 << 20;
/// Elements and texts in one answer.
const MOST_NODES: u32 = 50_000;
/// The reader takes time that grows with the square of the attributes of one element, and each has an equals sign.
const MOST_EQUALS_SIGNS: usize = 10_000;
/// Prefixes without a declaration that are forgiven.
const MOST_UNDECLARED_PREFIXES: usize = 16;
const LONGEST_REASON_CHARACTERS: usize = 200;

/// Why an answer does not hold what was asked for.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum SoapError {
    /// It cannot be read at all.
    #[error("its answer is not XML ({0})")]
    NotXml(String),
    /// It is XML, but not the answer that was waited for.
    #[error("it answered with {found} where {expected} was expected")]
    Unexpected {
        /// The element that came.
        found: String,
        /// The element that should have come.
        expected: String,
    },
    /// Something that the answer must hold is missing.
    #[error("its answer holds no {0}")]
    Lacking(&'static str),
    /// The camera says what went wrong.
    #[error("{0}")]
    Fault(Fault),
}

/// What a camera says went wrong (SOAP 1.2 part 1, 5.4; SOAP 1.1, 4.4 is read as well).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Fault {
    /// The code and its subcodes from the general to the special, without prefixes, such as `Sender`, `NotAuthorized`.
    pub codes: Vec<String>,
    /// The reason in words; may be empty.
    pub reason: String,
}

impl std::fmt::Display for Fault {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let code = self.codes.last().map_or("fault", String::as_str);
        if self.reason.is_empty() {
            write!(formatter, "it answered {code}")
        } else {
            write!(formatter, "it answered \"{}\" ({code})", self.reason)
        }
    }
}

impl Fault {
    /// Whether one of its codes is `code`.
    pub fn has_code(&self, code: &str) -> bool {
        self.codes.iter().any(|own| own == code)
    }

    /// Whether it says that the user, or the lack of one, was refused.
    pub fn refuses_user(&self) -> bool {
        const CODES: [&str; 6] = [
            "NotAuthorized",
            "FailedAuthentication",
            "FailedCheck",
            "InvalidSecurity",
            "InvalidSecurityToken",
            "Unauthorized",
        ];
        CODES.iter().any(|code| self.has_code(code)) || self.reason.to_lowercase().contains("not authorized")
    }
}

/// An envelope with the blocks of its header and the element of its body.
pub fn envelope(header: &str, body: &str) -> String {
    let header = if header.is_empty() {
        String::new()
    } else {
        format!("<s:Header>{header}</s:Header>")
    };
    format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?>\
         <s:Envelope xmlns:s=\"http://www.w3.org/2003/05/soap-envelope\">{header}<s:Body>{body}</s:Body></s:Envelope>"
    )
}

/// Text as it may stand in an element or an attribute.
pub fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&apos;"),
            _ => escaped.push(letter),
        }
    }
    escaped
}

/// Reads the element called `expected` in the body of an envelope.
///
/// # Errors
/// When there is none, the camera reports a fault, or `read` finds something missing.
pub fn read_body<T>(
    text: &str,
    expected: &str,
    read: impl FnOnce(Node<'_, '_>) -> Result<T, SoapError>,
) -> Result<T, SoapError> {
    read_document(text, |document| {
        let root = document.root_element();
        let unexpected = |found: Node<'_, '_>| SoapError::Unexpected {
            found: shortened(found.tag_name().name()),
            expected: expected.to_owned(),
        };
        let body = child(root, "Body").ok_or_else(|| unexpected(root))?;
        let answer = body.first_element_child().ok_or_else(|| unexpected(body))?;
        match answer.tag_name().name() {
            "Fault" => Err(SoapError::Fault(read_fault(answer))),
            name if name == expected => read(answer),
            _ => Err(unexpected(answer)),
        }
    })
}

/// Reads a document of bounded size without a document type, so without entities of its own. A prefix that was never
/// declared, as some cameras send, is forgiven.
///
/// # Errors
/// When it is no such document, or `read` finds something missing.
pub fn read_document<T>(text: &str, read: impl FnOnce(&Document<'_>) -> Result<T, SoapError>) -> Result<T, SoapError> {
    let padding = |letter: char| letter.is_whitespace() || letter == '\u{feff}' || letter == '\0';
    let mut text = text.trim_matches(padding).to_owned();
    if text.len() as u64 > LONGEST_ANSWER_BYTES || text.matches('=').count() > MOST_EQUALS_SIGNS {
        return Err(SoapError::NotXml("it is too large".to_owned()));
    }
    for _ in 0..=MOST_UNDECLARED_PREFIXES {
        let options = ParsingOptions {
            allow_dtd: false,
            nodes_limit: MOST_NODES,
            ..ParsingOptions::default()
        };
        let prefix = match Document::parse_with_options(&text, options) {
            Ok(document) => return read(&document),
            Err(Error::UnknownNamespace(prefix, _)) => prefix,
            Err(error) => return Err(SoapError::NotXml(shortened(&error.to_string()))),
        };
        let at = end_of_first_name(&text).ok_or_else(|| SoapError::NotXml("it has no element".to_owned()))?;
        text.insert_str(at, &format!(" xmlns:{prefix}=\"urn:undeclared:{prefix}\""));
    }
    Err(SoapError::NotXml("its prefixes are not declared".to_owned()))
}

/// Where the name of the first element ends.
fn end_of_first_name(text: &str) -> Option<usize> {
    let start = text
        .match_indices('<')
        .map(|(at, _)| at + 1)
        .find(|at| text[*at..].starts_with(|letter: char| letter.is_alphabetic() || letter == '_'))?;
    text[start..]
        .find(|letter: char| letter.is_whitespace() || letter == '/' || letter == '>')
        .map(|length| start + length)
}

fn read_fault(fault: Node<'_, '_>) -> Fault {
    let codes = fault
        .descendants()
        .filter(|node| matches!(node.tag_name().name(), "Value" | "faultcode"))
        .filter_map(text)
        .take(8)
        .map(|code| shortened(code.rsplit(':').next().unwrap_or(code)))
        .collect();
    let reason = fault
        .descendants()
        .filter(|node| matches!(node.tag_name().name(), "Text" | "faultstring"))
        .find_map(text);
    Fault {
        codes,
        reason: shortened(reason.unwrap_or_default()),
    }
}

/// Words from a camera as they may stand in one line of a message.
fn shortened(text: &str) -> String {
    text.split(|letter: char| letter.is_whitespace() || letter.is_control())
        .filter(|word| !word.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
        .chars()
        .take(LONGEST_REASON_CHARACTERS)
        .collect()
}

/// The first child with that local name.
pub fn child<'a, 'input>(node: Node<'a, 'input>, name: &str) -> Option<Node<'a, 'input>> {
    children(node, name).next()
}

/// The children with that local name.
pub fn children<'a, 'input, 'name>(
    node: Node<'a, 'input>,
    name: &'name str,
) -> impl Iterator<Item = Node<'a, 'input>> + use<'a, 'input, 'name> {
    node.children()
        .filter(move |child| child.is_element() && child.tag_name().name() == name)
}

/// The element that a path of local names leads to.
pub fn descend<'a, 'input>(node: Node<'a, 'input>, path: &[&str]) -> Option<Node<'a, 'input>> {
    path.iter().try_fold(node, |node, name| child(node, name))
}

/// The text of an element without the space around it, unless empty.
pub fn text<'a>(node: Node<'a, '_>) -> Option<&'a str> {
    node.text().map(str::trim).filter(|text| !text.is_empty())
}

/// The text of the first child with that local name.
pub fn child_text<'a>(node: Node<'a, '_>, name: &str) -> Option<&'a str> {
    child(node, name).and_then(text)
}

#[cfg(test)]
mod tests;
