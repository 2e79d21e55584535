//! XML as a stream of elements and texts, with everything dangerous refused.
//!
//! No document type, no entities but the predefined ones, no processing instructions, nothing
//! beyond the limits. Namespaces are resolved, comments are marked, line numbers are kept.

use quick_xml::NsReader;
use quick_xml::events::{BytesDecl, BytesRef, BytesStart, Event};
use quick_xml::name::{Namespace, NamespaceError, NamespaceResolver, QName, ResolveResult};

use crate::ErrorKind;
use crate::limits::{ATTRIBUTES_MAX, DEPTH_MAX, ELEMENTS_MAX, MESSAGE_BYTES_MAX};
use crate::schema::Version;

const SCHEMA_INSTANCE: &str = "http://www.w3.org/2001/XMLSchema-instance";

/// What is wrong, and on which line. Whoever reads the elements knows the path.
pub(crate) struct Fault {
    pub(crate) kind: ErrorKind,
    pub(crate) line: u32,
    /// The element that begins and is wrong itself.
    pub(crate) element: Option<String>,
}

/// A piece of XML.
pub(crate) enum Token {
    /// An element begins. An empty element is followed by its end like any other.
    Start(Tag),
    /// The innermost element ends.
    End,
    /// Text, or a part of it.
    Text(String),
    /// A comment.
    Comment,
    /// The input ends, and all elements have ended.
    Eof,
}

/// The beginning of an element.
pub(crate) struct Tag {
    /// The name without its prefix.
    pub(crate) name: String,
    pub(crate) space: Space,
    pub(crate) line: u32,
    /// The attribute `Ccy`.
    pub(crate) currency: Option<String>,
    /// There is a hint where the schema is, which we have no need of.
    pub(crate) schema_location: bool,
}

/// The namespace of an element.
#[derive(Clone, Copy)]
pub(crate) enum Space {
    /// One of the messages that this crate knows.
    Known(&'static Version),
    /// Another one, or none.
    Other,
}

impl Space {
    fn of(resolved: &ResolveResult<'_>) -> Result<Self, ErrorKind> {
        match resolved {
            ResolveResult::Bound(Namespace(name)) => {
                Ok(Version::of_namespace(name).map_or(Self::Other, Self::Known))
            }
            ResolveResult::Unbound => Ok(Self::Other),
            ResolveResult::Unknown(_) => Err(ErrorKind::Namespace),
        }
    }

    pub(crate) fn is(self, version: &'static Version) -> bool {
        matches!(self, Self::Known(known) if std::ptr::eq(known, version))
    }
}

pub(crate) struct Lexer<'a> {
    input: &'a str,
    reader: NsReader<&'a [u8]>,
    depth: usize,
    elements: usize,
    /// The line of the byte at `counted`: lines are counted as far as the reader has come.
    line: u32,
    counted: usize,
}

impl<'a> Lexer<'a> {
    /// A stream of a message's bytes.
    pub(crate) fn new(bytes: &'a [u8]) -> Result<Self, Fault> {
        let fault = |kind, line| Fault { kind, line, element: None };
        if bytes.len() > MESSAGE_BYTES_MAX {
            return Err(fault(ErrorKind::MessageTooLarge, 1));
        }
        let input = std::str::from_utf8(bytes).map_err(|error| {
            fault(ErrorKind::Encoding, line_after(bytes.get(..error.valid_up_to())))
        })?;
        let input = input.strip_prefix('\u{feff}').unwrap_or(input);
        if let Some(at) = input.find(|c| !is_xml_character(c)) {
            return Err(fault(ErrorKind::Character, line_after(input.as_bytes().get(..at))));
        }
        let mut reader = NsReader::from_str(input);
        let config = reader.config_mut();
        config.expand_empty_elements = true;
        config.check_comments = true;
        Ok(Self { input, reader, depth: 0, elements: 0, line: 1, counted: 0 })
    }

    /// The line that the reader has come to.
    pub(crate) fn line(&self) -> u32 {
        self.line
    }

    /// The next piece.
    pub(crate) fn next(&mut self) -> Result<Token, Fault> {
        loop {
            self.count_lines();
            let at_beginning = self.counted == 0;
            let event = self.reader.read_event().map_err(|error| match error {
                quick_xml::Error::Namespace(NamespaceError::TooManyBindings(_)) => {
                    self.fault(ErrorKind::TooManyAttributes)
                }
                quick_xml::Error::Namespace(_) => self.fault(ErrorKind::Namespace),
                _ => self.fault(ErrorKind::Syntax),
            })?;
            let token = match event {
                Event::Start(start) => {
                    let tag = self.start(&start).map_err(|kind| {
                        let element = Some(start.local_name().as_ref().to_owned());
                        Fault { element, ..self.fault(kind) }
                    })?;
                    return Ok(Token::Start(tag));
                }
                Event::Empty(_) => Err(ErrorKind::Syntax),
                Event::End(_) => {
                    self.depth = self.depth.saturating_sub(1);
                    Ok(Some(Token::End))
                }
                Event::Text(text) => well_formed_text(&text.xml10_content()).map(Some),
                Event::CData(text) => Ok(Some(Token::Text(text.xml10_content().into_owned()))),
                Event::GeneralRef(reference) => resolve(&reference).map(Some),
                Event::Comment(_) => Ok(Some(Token::Comment)),
                Event::Decl(_) if !at_beginning => Err(ErrorKind::Syntax),
                Event::Decl(declaration) => check_declaration(&declaration).map(|()| None),
                Event::PI(_) => Err(ErrorKind::ProcessingInstruction),
                Event::DocType(_) => Err(ErrorKind::DocumentType),
                Event::Eof if self.depth > 0 => Err(ErrorKind::Syntax),
                Event::Eof => Ok(Some(Token::Eof)),
            };
            if let Some(token) = token.map_err(|kind| self.fault(kind))? {
                return Ok(token);
            }
        }
    }

    fn start(&mut self, start: &BytesStart<'_>) -> Result<Tag, ErrorKind> {
        self.depth += 1;
        self.elements += 1;
        if self.depth > DEPTH_MAX {
            return Err(ErrorKind::TooDeep);
        }
        if self.elements > ELEMENTS_MAX {
            return Err(ErrorKind::TooManyElements);
        }
        let resolver = self.reader.resolver();
        let (resolved, name) = resolver.resolve_element(start.name());
        let mut tag = Tag {
            name: name.as_ref().to_owned(),
            space: Space::of(&resolved)?,
            line: self.line,
            currency: None,
            schema_location: false,
        };
        for (number, attribute) in start.attributes().enumerate() {
            if number >= ATTRIBUTES_MAX {
                return Err(ErrorKind::TooManyAttributes);
            }
            let attribute = attribute.map_err(|_| ErrorKind::Syntax)?;
            if attribute.value.contains('<') {
                return Err(ErrorKind::Syntax);
            }
            if attribute.key.as_namespace_binding().is_none() {
                tag.add_attribute(resolver, attribute.key, &attribute.value)?;
            }
        }
        Ok(tag)
    }

    fn fault(&self, kind: ErrorKind) -> Fault {
        Fault { kind, line: self.line, element: None }
    }

    /// Counts the lines up to where the next piece begins.
    fn count_lines(&mut self) {
        let position = usize::try_from(self.reader.buffer_position()).unwrap_or(usize::MAX);
        let passed = self.input.as_bytes().get(self.counted..position);
        self.line = self.line.saturating_add(newlines(passed));
        self.counted = position;
    }
}

impl Tag {
    /// Keeps an attribute that an element may have, refuses any other.
    fn add_attribute(
        &mut self,
        resolver: &NamespaceResolver,
        key: QName<'_>,
        value: &str,
    ) -> Result<(), ErrorKind> {
        let (space, name) = resolver.resolve_attribute(key);
        match (space, name.as_ref()) {
            (ResolveResult::Unbound, "Ccy") => self.currency = Some(value.to_owned()),
            (
                ResolveResult::Bound(Namespace(SCHEMA_INSTANCE)),
                "schemaLocation" | "noNamespaceSchemaLocation",
            ) => self.schema_location = true,
            (ResolveResult::Unknown(_), _) => return Err(ErrorKind::Namespace),
            _ => return Err(ErrorKind::UnknownAttribute),
        }
        Ok(())
    }
}

/// Character data, where `]]>` may not stand.
fn well_formed_text(text: &str) -> Result<Token, ErrorKind> {
    if text.contains("]]>") { Err(ErrorKind::Syntax) } else { Ok(Token::Text(text.to_owned())) }
}

/// The character of a reference, numeric or predefined.
fn resolve(reference: &BytesRef<'_>) -> Result<Token, ErrorKind> {
    let character = match &**reference {
        "lt" => '<',
        "gt" => '>',
        "amp" => '&',
        "quot" => '"',
        "apos" => '\'',
        name if name.starts_with('#') => reference
            .resolve_char_ref()
            .ok()
            .flatten()
            .filter(|character| is_xml_character(*character))
            .ok_or(ErrorKind::Character)?,
        _ => return Err(ErrorKind::Entity),
    };
    Ok(Token::Text(character.to_string()))
}

fn check_declaration(declaration: &BytesDecl<'_>) -> Result<(), ErrorKind> {
    if declaration.version().map_err(|_| ErrorKind::Syntax)? != "1.0" {
        return Err(ErrorKind::Syntax);
    }
    match declaration.encoding() {
        None => Ok(()),
        Some(Ok(encoding)) if encoding.eq_ignore_ascii_case("utf-8") => Ok(()),
        Some(Ok(_)) => Err(ErrorKind::Encoding),
        Some(Err(_)) => Err(ErrorKind::Syntax),
    }
}

/// XML 1.0, production 2.
fn is_xml_character(character: char) -> bool {
    let white_space = matches!(character, '\t' | '\n' | '\r');
    white_space || (character >= ' ' && !matches!(character, '\u{fffe}' | '\u{ffff}'))
}

fn line_after(bytes: Option<&[u8]>) -> u32 {
    1 + newlines(bytes)
}

fn newlines(bytes: Option<&[u8]>) -> u32 {
    let count = bytes.unwrap_or_default().iter().filter(|byte| **byte == b'\n').count();
    u32::try_from(count).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The kind of the first fault, and its line.
    fn fault(xml: &str) -> Option<(ErrorKind, u32)> {
        let mut lexer = Lexer::new(xml.as_bytes()).ok()?;
        loop {
            match lexer.next() {
                Ok(Token::Eof) => return None,
                Ok(_) => {}
                Err(fault) => return Some((fault.kind, fault.line)),
            }
        }
    }

    #[test]
    fn elements_nest_up_to_the_limit() {
        let nested = |depth| format!("{}{}", "<a>\n".repeat(depth), "</a>".repeat(depth));
        assert_eq!(fault(&nested(DEPTH_MAX)), None);
        assert_eq!(fault(&nested(DEPTH_MAX + 1)), Some((ErrorKind::TooDeep, 33)));
    }

    #[test]
    fn depth_is_that_of_open_elements() {
        assert_eq!(fault(&format!("<a>{}</a>", "<b/><b></b>".repeat(DEPTH_MAX))), None);
    }
}
