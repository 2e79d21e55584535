//! XML to elements, checked against the schema on the way: what is not allowed is never built.

use std::fmt::Write as _;

use crate::element::Element;
use crate::error::printable;
use crate::lexer::{Fault, Lexer, Space, Tag, Token};
use crate::limits::TEXT_CHARS_MAX;
use crate::schema::{Edition, Field, MessageType, Type, Version};
use crate::{Error, ErrorKind, Leaf};

/// A header or a document with its version.
pub(crate) type Part = (&'static Version, Element);

/// What a message consists of.
pub(crate) struct Parts {
    pub(crate) header: Option<Part>,
    pub(crate) document: Part,
}

/// Reads a message: a document alone, or one element around a header, if any, and a document.
pub(crate) fn read(bytes: &[u8]) -> Result<Parts, Error> {
    read_parts(bytes, false)
}

/// Reads a part of a message: the same, but anything may be missing.
pub(crate) fn read_partial(bytes: &[u8]) -> Result<Parts, Error> {
    read_parts(bytes, true)
}

fn read_parts(bytes: &[u8], partial: bool) -> Result<Parts, Error> {
    let lexer = Lexer::new(bytes).map_err(|fault| Error::new(fault.kind, "/", fault.line))?;
    let mut reader = Reader { lexer, path: Vec::new(), partial };
    let root = reader.start_of_root()?;
    let parts = if matches!(root.name.as_str(), "Document" | "AppHdr") {
        Parts { header: None, document: reader.part(&root, "Document")? }
    } else {
        reader.check_envelope(&root)?;
        reader.enclosed_parts()?
    };
    match reader.next_beside_elements()? {
        Token::Eof => Ok(parts),
        _ => Err(reader.error(ErrorKind::Syntax)),
    }
}

struct Reader<'a> {
    lexer: Lexer<'a>,
    /// The names on the way to the current element, with their number if they may be repeated.
    path: Vec<(&'static str, Option<u16>)>,
    /// Whether elements may be missing.
    partial: bool,
}

impl Reader<'_> {
    fn start_of_root(&mut self) -> Result<Tag, Error> {
        match self.next_beside_elements()? {
            Token::Start(tag) => Ok(tag),
            _ => Err(self.error(ErrorKind::Syntax)),
        }
    }

    /// An envelope is of no message, and carries nothing but what it encloses.
    fn check_envelope(&self, tag: &Tag) -> Result<(), Error> {
        if matches!(tag.space, Space::Known(_)) {
            return Err(self.error_in(ErrorKind::UnknownElement, tag));
        }
        if tag.currency.is_some() {
            return Err(self.error_in(ErrorKind::UnknownAttribute, tag));
        }
        Ok(())
    }

    fn enclosed_parts(&mut self) -> Result<Parts, Error> {
        let mut tag = self.start_of_part()?;
        let mut header = None;
        if tag.name == "AppHdr" {
            header = Some(self.part(&tag, "AppHdr")?);
            tag = self.start_of_part()?;
        }
        let document = self.part(&tag, "Document")?;
        match self.next_beside_elements()? {
            Token::End => Ok(Parts { header, document }),
            Token::Start(tag) => Err(self.error_in(ErrorKind::UnknownElement, &tag)),
            _ => Err(self.error(ErrorKind::Syntax)),
        }
    }

    fn start_of_part(&mut self) -> Result<Tag, Error> {
        match self.next_beside_elements()? {
            Token::Start(tag) => Ok(tag),
            _ => Err(self.error(ErrorKind::Missing("Document"))),
        }
    }

    /// Reads a header or a document, whose namespace says what it is.
    fn part(&mut self, tag: &Tag, name: &'static str) -> Result<Part, Error> {
        if tag.name != name {
            return Err(self.error_in(ErrorKind::UnknownElement, tag));
        }
        let Space::Known(version) = tag.space else {
            return Err(self.error_in(ErrorKind::UnsupportedMessage, tag));
        };
        if (version.message == MessageType::Head001) != (name == "AppHdr") {
            return Err(self.error_in(ErrorKind::UnsupportedMessage, tag));
        }
        self.path.push((name, None));
        let element = self.element(name, version.root, tag, version)?;
        self.path.pop();
        Ok((version, element))
    }

    /// Reads what is left of an element that has begun, and its end.
    fn element(
        &mut self,
        name: &'static str,
        content: &'static Type,
        tag: &Tag,
        version: &'static Version,
    ) -> Result<Element, Error> {
        let is_root = self.path.len() == 1;
        if tag.schema_location && !is_root {
            return Err(self.error(ErrorKind::UnknownAttribute));
        }
        let mut element = Element::new(name);
        element.line = tag.line;
        element.currency.clone_from(&tag.currency);
        match content {
            Type::Leaf(leaf) => self.value(*leaf, &mut element)?,
            Type::Sequence(fields) => {
                let mut order = Sequence::new(fields, version.edition, self.partial);
                self.elements(&mut order, &mut element, version)?;
            }
            Type::Choice(fields) => {
                self.elements(
                    &mut Choice { fields, edition: version.edition },
                    &mut element,
                    version,
                )?;
            }
        }
        Ok(element)
    }

    fn value(&mut self, leaf: Leaf, element: &mut Element) -> Result<(), Error> {
        if element.currency.is_some() && !leaf.has_currency() {
            return Err(self.error_on(ErrorKind::UnknownAttribute, element.line));
        }
        let mut characters = 0;
        loop {
            match self.next()? {
                Token::Text(text) => {
                    characters += text.chars().count();
                    if characters > TEXT_CHARS_MAX {
                        return Err(self.error_on(ErrorKind::TextTooLong, element.line));
                    }
                    element.text.push_str(&text);
                }
                Token::Start(tag) => return Err(self.error_in(ErrorKind::UnknownElement, &tag)),
                Token::Comment => return Err(self.error(ErrorKind::Comment)),
                Token::End | Token::Eof => break,
            }
        }
        let checked = leaf.check(&element.text, element.currency());
        checked.map_err(|kind| self.error_on(kind, element.line))
    }

    fn elements(
        &mut self,
        order: &mut dyn Order,
        element: &mut Element,
        version: &'static Version,
    ) -> Result<(), Error> {
        if element.currency.is_some() {
            return Err(self.error_on(ErrorKind::UnknownAttribute, element.line));
        }
        while let Token::Start(tag) = self.next_beside_elements()? {
            if !tag.space.is(version) {
                return Err(self.error_in(ErrorKind::UnknownElement, &tag));
            }
            let (field, number) = match order.accept(&tag.name, &element.children) {
                Ok(accepted) => accepted,
                Err(kind @ ErrorKind::Missing(_)) => return Err(self.error_on(kind, element.line)),
                Err(kind) => return Err(self.error_in(kind, &tag)),
            };
            self.path.push((field.name, (field.max > 1).then_some(number)));
            let child = self.element(field.name, field.content, &tag, version)?;
            self.path.pop();
            element.children.push(child);
        }
        if self.partial {
            return Ok(());
        }
        order.finish(&element.children).map_err(|kind| self.error_on(kind, element.line))
    }

    /// The next piece that is neither a comment nor white space; other text is refused.
    fn next_beside_elements(&mut self) -> Result<Token, Error> {
        loop {
            match self.next()? {
                Token::Comment => {}
                Token::Text(text) if text.bytes().all(|b| b" \t\r\n".contains(&b)) => {}
                Token::Text(_) => return Err(self.error(ErrorKind::UnexpectedText)),
                token => return Ok(token),
            }
        }
    }

    fn next(&mut self) -> Result<Token, Error> {
        self.lexer.next().map_err(|Fault { kind, line, element }| match element {
            Some(name) => Error::new(kind, format!("{}/{}", self.path(), printable(&name)), line),
            None => self.error_on(kind, line),
        })
    }

    fn error(&self, kind: ErrorKind) -> Error {
        self.error_on(kind, self.lexer.line())
    }

    fn error_on(&self, kind: ErrorKind, line: u32) -> Error {
        let path = self.path();
        Error::new(kind, if path.is_empty() { "/".to_owned() } else { path }, line)
    }

    /// An error of an element that is about to begin.
    fn error_in(&self, kind: ErrorKind, tag: &Tag) -> Error {
        Error::new(kind, format!("{}/{}", self.path(), printable(&tag.name)), tag.line)
    }

    fn path(&self) -> String {
        let mut path = String::new();
        for (name, number) in &self.path {
            path.push('/');
            path.push_str(name);
            if let Some(number) = number {
                // Writing to a string cannot fail.
                let _ = write!(path, "[{number}]");
            }
        }
        path
    }
}

/// Which elements may follow the ones that are there.
trait Order {
    /// The field of the next element, and its number among those of its name.
    fn accept(
        &mut self,
        name: &str,
        earlier: &[Element],
    ) -> Result<(&'static Field, u16), ErrorKind>;

    /// Checks that nothing is missing.
    fn finish(&self, children: &[Element]) -> Result<(), ErrorKind>;
}

struct Sequence {
    fields: &'static [Field],
    edition: Edition,
    /// The field of the last element, or the first one.
    current: usize,
    /// How often the current field has been there.
    count: u16,
    /// Whether fields may be missing.
    partial: bool,
}

impl Sequence {
    fn new(fields: &'static [Field], edition: Edition, partial: bool) -> Self {
        Self { fields, edition, current: 0, count: 0, partial }
    }

    /// Checks the number of the current field and of those that follow it, before `end`.
    fn check_passed(&self, end: usize) -> Result<(), ErrorKind> {
        let passed = self.fields.get(self.current..end).unwrap_or_default();
        for (offset, field) in passed.iter().enumerate() {
            let count = if offset == 0 { self.count } else { 0 };
            if field.is_in(self.edition) && count < field.min {
                return Err(ErrorKind::Missing(field.name));
            }
        }
        Ok(())
    }
}

impl Order for Sequence {
    fn accept(
        &mut self,
        name: &str,
        earlier: &[Element],
    ) -> Result<(&'static Field, u16), ErrorKind> {
        let mut fields = self.fields.iter().enumerate();
        let found = fields.find(|(_, field)| field.name == name && field.is_in(self.edition));
        let (at, field) = found.ok_or(ErrorKind::UnknownElement)?;
        if at < self.current {
            let repeated = field.max == 1 && earlier.iter().any(|child| child.name == name);
            return Err(if repeated { ErrorKind::Repeated } else { ErrorKind::OutOfOrder });
        }
        if at > self.current {
            if !self.partial {
                self.check_passed(at)?;
            }
            self.current = at;
            self.count = 0;
        }
        self.count = self.count.saturating_add(1);
        match field.max {
            max if self.count <= max => Ok((field, self.count)),
            1 => Err(ErrorKind::Repeated),
            max => Err(ErrorKind::TooMany(max)),
        }
    }

    fn finish(&self, _: &[Element]) -> Result<(), ErrorKind> {
        self.check_passed(self.fields.len())
    }
}

struct Choice {
    fields: &'static [Field],
    edition: Edition,
}

impl Order for Choice {
    fn accept(
        &mut self,
        name: &str,
        earlier: &[Element],
    ) -> Result<(&'static Field, u16), ErrorKind> {
        let mut fields = self.fields.iter();
        let found = fields.find(|field| field.name == name && field.is_in(self.edition));
        let field = found.ok_or(ErrorKind::UnknownElement)?;
        if earlier.is_empty() { Ok((field, 1)) } else { Err(ErrorKind::Repeated) }
    }

    fn finish(&self, children: &[Element]) -> Result<(), ErrorKind> {
        if children.is_empty() { Err(ErrorKind::MissingChoice) } else { Ok(()) }
    }
}
