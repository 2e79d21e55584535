//! Comma-separated values as RFC 4180 has them, in UTF-8, within bounds.

use crate::error::{At, InputError};

/// Bytes of a field, at most.
const FIELD_BYTES_MAX: usize = 1_024;
/// Fields of a row, at most.
const FIELDS_MAX: usize = 32;

/// A row and the line on which it begins.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) line: u64,
    pub(crate) fields: Vec<String>,
}

/// The rows of a file, one after the other; empty lines are left out.
pub(crate) struct Rows<'a> {
    file: &'a str,
    rest: &'a str,
    line: u64,
}

impl<'a> Rows<'a> {
    pub(crate) fn new(file: &'a str, text: &'a str) -> Self {
        Self { file, rest: text, line: 1 }
    }

    /// The next row.
    pub(crate) fn next(&mut self) -> Result<Option<Row>, InputError> {
        while !self.rest.is_empty() {
            let row = self.row()?;
            if row.fields.iter().any(|field| !field.is_empty()) || row.fields.len() > 1 {
                return Ok(Some(row));
            }
        }
        Ok(None)
    }

    fn row(&mut self) -> Result<Row, InputError> {
        let mut row = Row { line: self.line, fields: Vec::new() };
        loop {
            if row.fields.len() == FIELDS_MAX {
                let problem = format!("the row has more than {FIELDS_MAX} fields");
                return Err(self.at(row.line).error("", problem, "is it the right file?"));
            }
            let field = self.field()?;
            if field.len() > FIELD_BYTES_MAX {
                let problem = format!("a field has more than {FIELD_BYTES_MAX} bytes");
                return Err(self.at(row.line).error("", problem, "look for a missing quote"));
            }
            row.fields.push(field);
            match self.rest.strip_prefix(',') {
                Some(rest) => self.rest = rest,
                None => break,
            }
        }
        self.rest = self.rest.strip_prefix('\r').unwrap_or(self.rest);
        self.rest = self.rest.strip_prefix('\n').unwrap_or(self.rest);
        self.line += 1;
        Ok(row)
    }

    fn field(&mut self) -> Result<String, InputError> {
        if let Some(quoted) = self.rest.strip_prefix('"') {
            return self.quoted(quoted);
        }
        let end = self.rest.find([',', '\n']).unwrap_or(self.rest.len());
        let (field, rest) = self.rest.split_at(end);
        let field = field.strip_suffix('\r').unwrap_or(field);
        if field.contains('"') {
            let fix = "put the whole field in quotes and write each quote in it twice";
            return Err(self.at(self.line).error("", "a quote within a field", fix));
        }
        self.rest = rest;
        Ok(field.to_owned())
    }

    fn quoted(&mut self, mut rest: &'a str) -> Result<String, InputError> {
        let line = self.line;
        let mut field = String::new();
        loop {
            let Some((part, after)) = rest.split_once('"') else {
                return Err(self.at(line).error("", "a quote that does not end", "close it"));
            };
            field.push_str(part);
            if field.len() > FIELD_BYTES_MAX {
                let fix = "close the quote where the field ends";
                return Err(self.at(line).error("", "a quoted field that is too long", fix));
            }
            rest = after;
            match rest.strip_prefix('"') {
                Some(after) => {
                    field.push('"');
                    rest = after;
                }
                None => break,
            }
        }
        if !(rest.is_empty() || rest.starts_with([',', '\r', '\n'])) {
            let fix = "put a comma or the end of the line behind the closing quote";
            return Err(self.at(line).error("", "text behind a quoted field", fix));
        }
        self.line += field.matches('\n').count() as u64;
        self.rest = rest;
        Ok(field)
    }

    fn at(&self, line: u64) -> At<'a> {
        At { file: self.file, line }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(text: &str) -> Result<Vec<(u64, Vec<String>)>, InputError> {
        let mut rows = Rows::new("f", text);
        let mut read = Vec::new();
        while let Some(row) = rows.next()? {
            read.push((row.line, row.fields));
        }
        Ok(read)
    }

    #[test]
    fn rows_keep_their_lines() {
        let text = "a,b\r\n\n\"x, \"\"y\"\"\nz\",2\n,\nlast,row";
        let expected = [
            (1, vec!["a", "b"]),
            (3, vec!["x, \"y\"\nz", "2"]),
            (5, vec!["", ""]),
            (6, vec!["last", "row"]),
        ];
        let expected =
            expected.map(|(line, row)| (line, row.into_iter().map(str::to_owned).collect()));
        assert_eq!(rows(text).unwrap(), expected);
    }

    #[test]
    fn broken_rows_are_named_with_their_line() {
        for (text, line) in [
            ("a\n\"b", 2),
            ("a\nb\"c", 2),
            ("\"a\"b", 1),
            (&*format!("a\n{}", "x".repeat(2_000)), 2),
            (&*format!("a\n\"{}", "x".repeat(2_000)), 2),
            (&*",".repeat(40), 1),
        ] {
            assert_eq!(rows(text).unwrap_err().line, line, "{text}");
        }
    }
}
