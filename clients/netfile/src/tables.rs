//! Tables: CSV files with a header that names their columns.

use crate::csv::{Row, Rows};
use crate::error::{At, InputError};
use crate::input::{Input, Raw, RawMoney};

/// Where the columns that are known stand.
struct Columns<'a> {
    file: &'a str,
    known: &'static [&'static str],
    /// By known column: its place in a row.
    places: Vec<Option<usize>>,
    count: usize,
}

impl<'a> Columns<'a> {
    /// Reads the header; the first `required` of the known columns must be there.
    fn read(
        file: &'a str,
        rows: &mut Rows<'_>,
        known: &'static [&'static str],
        required: usize,
    ) -> Result<Self, InputError> {
        let names = known.join(",");
        let first = At { file, line: 1 };
        let Some(Row { line, fields }) = rows.next()? else {
            return Err(first.error("", "the file is empty", format!("begin with {names}")));
        };
        let at = At { file, line };
        let mut places = vec![None; known.len()];
        for (place, field) in fields.iter().enumerate() {
            let name = field.trim();
            let Some(column) = known.iter().position(|known| *known == name) else {
                let fix = match name.contains([';', '\t']) {
                    true => "separate columns with commas".to_owned(),
                    false => format!("the first line names the columns; known are {names}"),
                };
                return Err(at.error("", format!("no column is called {name:?}"), fix));
            };
            if places[column].replace(place).is_some() {
                return Err(at.error(name, "stands there twice", "keep one of the columns"));
            }
        }
        for (name, place) in known.iter().zip(&places).take(required) {
            if place.is_none() {
                return Err(at.error(name, "has no column", format!("known are {names}")));
            }
        }
        Ok(Self { file, known, places, count: fields.len() })
    }

    fn check<'r>(&self, row: &'r Row) -> Result<Fields<'_, 'r>, InputError> {
        let at = At { file: self.file, line: row.line };
        if row.fields.len() == self.count {
            return Ok(Fields { columns: self, row });
        }
        let problem = format!("{} fields where the header has {}", row.fields.len(), self.count);
        Err(at.error("", problem, "put fields that hold a comma in quotes"))
    }
}

/// A row with its columns.
struct Fields<'a, 'r> {
    columns: &'a Columns<'a>,
    row: &'r Row,
}

impl<'a, 'r> Fields<'a, 'r> {
    fn at(&self) -> At<'a> {
        At { file: self.columns.file, line: self.row.line }
    }

    /// A field; empty if its column is not there.
    fn get(&self, name: &str) -> &'r str {
        let column = self.columns.known.iter().position(|known| *known == name);
        let place = column.and_then(|column| self.columns.places[column]);
        place.and_then(|place| self.row.fields.get(place)).map_or("", String::as_str)
    }

    fn money(&self, field: &str) -> RawMoney<'r> {
        RawMoney {
            participant: self.get("participant"),
            currency: self.get("currency"),
            amount: self.get(field),
        }
    }
}

pub(crate) fn obligations(
    input: &mut Input,
    file: &str,
    mut rows: Rows<'_>,
) -> Result<(), InputError> {
    const KNOWN: [&str; 8] =
        ["debtor", "creditor", "currency", "amount", "class", "group", "reference", "date"];
    let columns = Columns::read(file, &mut rows, &KNOWN, 4)?;
    while let Some(row) = rows.next()? {
        let fields = columns.check(&row)?;
        let raw = Raw {
            debtor: fields.get("debtor"),
            creditor: fields.get("creditor"),
            currency: fields.get("currency"),
            amount: fields.get("amount"),
            class: fields.get("class"),
            group: fields.get("group"),
            reference: fields.get("reference"),
            date: fields.get("date"),
        };
        input.add(fields.at(), &raw)?;
    }
    Ok(())
}

pub(crate) fn liquidity(
    input: &mut Input,
    file: &str,
    mut rows: Rows<'_>,
) -> Result<(), InputError> {
    let columns = Columns::read(file, &mut rows, &["participant", "currency", "available"], 3)?;
    while let Some(row) = rows.next()? {
        let fields = columns.check(&row)?;
        input.add_liquidity(fields.at(), &fields.money("available"))?;
    }
    Ok(())
}

pub(crate) fn limits(input: &mut Input, file: &str, mut rows: Rows<'_>) -> Result<(), InputError> {
    const KNOWN: [&str; 4] = ["participant", "currency", "limit", "counterparty"];
    let columns = Columns::read(file, &mut rows, &KNOWN, 3)?;
    while let Some(row) = rows.next()? {
        let fields = columns.check(&row)?;
        input.add_limit(fields.at(), &fields.money("limit"), fields.get("counterparty"))?;
    }
    Ok(())
}
