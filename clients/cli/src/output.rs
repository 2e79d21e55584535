//! How results are written: data to stdout, everything else to stderr, nothing that a terminal
//! would obey.

use std::fmt::Write as _;
use std::io::{self, Write};
use std::process::ExitCode;

use clap::ValueEnum;
use serde_json::{Map, Value, json};

use crate::failure::{Failure, Kind};

/// How results are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people.
    Text,
    /// One JSON value.
    Json,
    /// One JSON object per line.
    Ndjson,
    /// Comma-separated values under a line of names, where the result is a table.
    Csv,
}

/// A field's value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Cell {
    Text(String),
    /// An amount, or another number too large for JSON: digits, written as a string.
    Digits(String),
    Number(u64),
    Flag(bool),
    /// A list: as programs read it, and as people do.
    List {
        items: Vec<Value>,
        text: String,
    },
    None,
}

/// One object: its fields in order.
pub(crate) type Row = Vec<(&'static str, Cell)>;

/// What a command has to show.
#[derive(Debug)]
pub(crate) enum Shown {
    /// Nothing: it has written its rows itself.
    Nothing,
    /// One object.
    One(Row),
    /// A list, possibly empty.
    Many(Vec<Row>),
    /// A list that is not all good: shown, and ended with this exit code.
    Graded { rows: Vec<Row>, kind: Kind },
    /// An object with its own text.
    Report { json: Value, text: String },
}

impl Shown {
    /// The exit code of a command that has this to show.
    pub(crate) fn exit_code(&self) -> ExitCode {
        match self {
            Self::Graded { kind, .. } => ExitCode::from(*kind as u8),
            _ => ExitCode::SUCCESS,
        }
    }
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<u64> for Cell {
    fn from(number: u64) -> Self {
        Self::Number(number)
    }
}

impl From<u32> for Cell {
    fn from(number: u32) -> Self {
        Self::Number(number.into())
    }
}

impl From<bool> for Cell {
    fn from(flag: bool) -> Self {
        Self::Flag(flag)
    }
}

impl<T: Into<Self>> From<Option<T>> for Cell {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::None, Into::into)
    }
}

impl Cell {
    /// A list of words.
    pub(crate) fn words<T: AsRef<str>>(words: &[T]) -> Self {
        let words: Vec<&str> = words.iter().map(AsRef::as_ref).collect();
        Self::List { items: words.iter().map(|word| json!(word)).collect(), text: words.join(",") }
    }

    fn to_json(&self) -> Value {
        match self {
            Self::Text(text) | Self::Digits(text) => json!(text),
            Self::Number(number) => json!(number),
            Self::Flag(flag) => json!(flag),
            Self::List { items, .. } => json!(items),
            Self::None => Value::Null,
        }
    }

    pub(crate) fn to_text(&self) -> String {
        match self {
            Self::Text(text) | Self::Digits(text) => printable(text),
            Self::Number(number) => number.to_string(),
            Self::Flag(true) => "yes".to_owned(),
            Self::Flag(false) => "no".to_owned(),
            Self::List { items, .. } if items.is_empty() => "none".to_owned(),
            Self::List { text, .. } => printable(text),
            Self::None => "-".to_owned(),
        }
    }

    fn to_the_right(&self) -> bool {
        matches!(self, Self::Digits(_) | Self::Number(_))
    }
}

/// Where a command writes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Output {
    pub(crate) format: Format,
}

impl Output {
    /// Writes a result.
    pub(crate) fn show(self, shown: &Shown) -> Result<(), Failure> {
        let text = match (self.format, shown) {
            (_, Shown::Nothing) => return Ok(()),
            (Format::Text, Shown::One(row)) => fields(row),
            (Format::Text, Shown::Many(rows) | Shown::Graded { rows, .. }) => table(rows),
            (Format::Text, Shown::Report { text, .. }) => text.clone(),
            (Format::Csv, Shown::One(row)) => csv(std::slice::from_ref(row)),
            (Format::Csv, Shown::Many(rows) | Shown::Graded { rows, .. }) => csv(rows),
            (Format::Csv, Shown::Report { .. }) => {
                return Err(Failure::usage("this is no table: use --output text or json"));
            }
            (_, Shown::One(row)) => line(&object(row)),
            (Format::Json, Shown::Many(rows) | Shown::Graded { rows, .. }) => {
                line(&rows.iter().map(object).collect())
            }
            (Format::Ndjson, Shown::Many(rows) | Shown::Graded { rows, .. }) => {
                rows.iter().map(|row| line(&object(row))).collect()
            }
            (_, Shown::Report { json, .. }) => line(json),
        };
        write(&text)
    }

    /// Writes one row of a stream.
    pub(crate) fn row(self, row: &Row) -> Result<(), Failure> {
        match self.format {
            Format::Text => {
                let cells: Vec<String> = row.iter().map(|(_, cell)| cell.to_text()).collect();
                write(&(cells.join("  ") + "\n"))
            }
            Format::Csv => write(&(separated(row.iter().map(|(_, cell)| cell.to_text())) + "\n")),
            Format::Json | Format::Ndjson => write(&line(&object(row))),
        }
    }

    /// Says something that is not data.
    pub(crate) fn note(self, text: &str) {
        // Nobody is left to tell if stderr is gone.
        let _ = writeln!(io::stderr(), "{}", printable_lines(text));
    }

    /// Writes a failure: as an object where data would be, or as a sentence beside it.
    pub(crate) fn fail(self, failure: &Failure) {
        match self.format {
            Format::Text | Format::Csv => {
                self.note(&format!("error: {}", failure.message));
                match (&failure.request_id, failure.kind) {
                    (Some(id), Kind::Transient) => self.note(&format!(
                        "hint: it may have taken effect; run it again with --request-id {id}"
                    )),
                    (None, Kind::Transient) => {
                        self.note("hint: nothing is lost; run the same command again");
                    }
                    _ => {}
                }
            }
            Format::Json | Format::Ndjson => {
                let _ = write(&line(&failure.to_json()));
            }
        }
    }
}

fn write(text: &str) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        // Whoever reads has seen enough.
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Failure::fault(format!("cannot write to stdout: {error}")))
        }
        _ => Ok(()),
    }
}

pub(crate) fn object(row: &Row) -> Value {
    let fields = row.iter().map(|(name, cell)| ((*name).to_owned(), cell.to_json()));
    Value::Object(fields.collect::<Map<_, _>>())
}

/// One line of JSON, pure enough for any terminal.
fn line(value: &Value) -> String {
    let mut text = String::new();
    for character in value.to_string().chars() {
        if obeyed(character) {
            let mut units = [0; 2];
            for unit in character.encode_utf16(&mut units) {
                // Writing to a string cannot fail.
                let _ = write!(text, "\\u{unit:04x}");
            }
        } else {
            text.push(character);
        }
    }
    text.push('\n');
    text
}

fn fields(row: &Row) -> String {
    let width = row.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    let line = |(name, cell): &(&str, Cell)| format!("{name:width$}  {}\n", cell.to_text());
    row.iter().map(line).collect()
}

/// The columns of a table, in the order in which rows first have them: not every row has all.
fn columns(rows: &[Row]) -> Vec<&'static str> {
    let mut names = Vec::new();
    for (name, _) in rows.iter().flatten() {
        if !names.contains(name) {
            names.push(*name);
        }
    }
    names
}

/// A row's value in a column.
fn cell<'a>(row: &'a Row, column: &str) -> &'a Cell {
    row.iter().find(|(name, _)| *name == column).map_or(&Cell::None, |(_, cell)| cell)
}

/// Columns under their names, numbers to the right.
pub(crate) fn table(rows: &[Row]) -> String {
    let names = columns(rows);
    if names.is_empty() {
        return String::new();
    }
    let mut lines: Vec<Vec<String>> = vec![names.iter().map(|name| name.to_uppercase()).collect()];
    let texts = |row| names.iter().map(|name| cell(row, name).to_text()).collect();
    lines.extend(rows.iter().map(texts));
    let width = |at: usize| {
        let widths = lines.iter().filter_map(|line| line.get(at)).map(|cell| cell.chars().count());
        widths.max().unwrap_or(0)
    };
    let columns: Vec<(usize, bool)> = names
        .iter()
        .enumerate()
        .map(|(at, name)| (width(at), rows.iter().any(|row| cell(row, name).to_the_right())))
        .collect();
    let mut text = String::new();
    for line in &lines {
        let padded = line.iter().zip(&columns).map(|(cell, (width, right))| match right {
            true => format!("{cell:>width$}"),
            false => format!("{cell:width$}"),
        });
        text.push_str(padded.collect::<Vec<_>>().join("  ").trim_end());
        text.push('\n');
    }
    text
}

/// Rows under the names of their columns, as RFC 4180 has them but for the ends of lines.
fn csv(rows: &[Row]) -> String {
    let names = columns(rows);
    if names.is_empty() {
        return String::new();
    }
    let mut text = separated(names.iter().map(|name| (*name).to_owned())) + "\n";
    for row in rows {
        let cells = names.iter().map(|name| match cell(row, name) {
            Cell::None => String::new(),
            cell => cell.to_text(),
        });
        text.push_str(&(separated(cells) + "\n"));
    }
    text
}

fn separated(cells: impl Iterator<Item = String>) -> String {
    let quoted = |cell: String| {
        if cell.contains([',', '"']) { format!("\"{}\"", cell.replace('"', "\"\"")) } else { cell }
    };
    cells.map(quoted).collect::<Vec<_>>().join(",")
}

/// Whether a terminal would obey the character instead of showing it, or be misled by it.
fn obeyed(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}'
                | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}'
        )
}

/// Text that others wrote, as it may be shown: what a terminal would obey is spelt out.
pub(crate) fn printable(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        if obeyed(character) {
            shown.extend(character.escape_unicode());
        } else {
            shown.push(character);
        }
    }
    shown
}

fn printable_lines(text: &str) -> String {
    text.lines().map(printable).collect::<Vec<_>>().join("\n")
}

/// Bytes in hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn nothing_a_terminal_obeys_gets_through(text in any::<String>()) {
            prop_assert!(!printable(&text).chars().any(obeyed));
            let row = vec![("name", Cell::from(text.as_str()))];
            let shown = line(&object(&row));
            prop_assert!(!shown.trim_end_matches('\n').chars().any(obeyed));
            let back: Value = serde_json::from_str(&shown).unwrap();
            prop_assert_eq!(back["name"].as_str(), Some(text.as_str()));
        }
    }

    #[test]
    fn escapes_are_spelt_out() {
        assert_eq!(printable("a\u{1b}[31mb\u{202e}"), "a\\u{1b}[31mb\\u{202e}");
        assert_eq!(printable("Müller 株式会社"), "Müller 株式会社");
    }

    #[test]
    fn tables_put_numbers_to_the_right() {
        let row = |name: &str, amount: &str| -> Row {
            vec![("name", name.into()), ("amount", Cell::Digits(amount.into()))]
        };
        let text = table(&[row("a", "10.00"), row("long", "7.00")]);
        assert_eq!(text, "NAME  AMOUNT\na      10.00\nlong    7.00\n");
        assert_eq!(table(&[]), "");
    }

    #[test]
    fn commas_and_quotes_stay_in_their_field() {
        let row: Row = vec![("name", "a, \"b\"\n".into()), ("none", Cell::None)];
        assert_eq!(csv(&[row]), "name,none\n\"a, \"\"b\"\"\\u{a}\",\n");
        assert_eq!(csv(&[]), "");
    }
}
