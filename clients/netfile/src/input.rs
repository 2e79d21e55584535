//! Files in, a case out.

use std::collections::BTreeMap;

use ledger::{Amount, Currency, MINOR_MAX};

use crate::case::{Case, Limit, Obligation};
use crate::csv::Rows;
use crate::error::{At, InputError};
use crate::{fields, iso, json, tables};

/// Bytes of one file, at most: 256 MiB.
pub const FILE_BYTES_MAX: usize = 256 << 20;
/// Obligations of a case, at most.
pub const OBLIGATIONS_MAX: usize = 1_000_000;
/// Participants of a case, at most.
pub const PARTICIPANTS_MAX: usize = 100_000;

/// What files have said so far.
#[derive(Debug, Default)]
pub struct Input {
    case: Case,
    participants: BTreeMap<String, u32>,
    groups: BTreeMap<String, u32>,
    /// Where each reference stands.
    references: BTreeMap<String, (String, u64)>,
    /// By obligation: its date; and its number, which keeps the order of the files.
    dates: Vec<Option<u32>>,
    /// Per currency, the sum of the obligations, minor units.
    sums: BTreeMap<Currency, u128>,
}

/// An obligation as a file has it.
#[derive(Debug, Default)]
pub(crate) struct Raw<'a> {
    pub(crate) debtor: &'a str,
    pub(crate) creditor: &'a str,
    pub(crate) currency: &'a str,
    pub(crate) amount: &'a str,
    pub(crate) class: &'a str,
    pub(crate) group: &'a str,
    pub(crate) reference: &'a str,
    pub(crate) date: &'a str,
}

/// Liquidity or a limit as a file has it.
#[derive(Debug)]
pub(crate) struct RawMoney<'a> {
    pub(crate) participant: &'a str,
    pub(crate) currency: &'a str,
    pub(crate) amount: &'a str,
}

impl Input {
    /// Adds a file of obligations: CSV with a header, JSON, or ISO 20022 messages. JSON may hold
    /// liquidity and limits, too. `file` is its name in errors and in references.
    ///
    /// # Errors
    /// The first thing that makes no sense. The input is then of no further use.
    pub fn obligations(&mut self, file: &str, bytes: &[u8]) -> Result<(), InputError> {
        let at = At { file, line: 0 };
        let text = text(at, bytes)?;
        match text.trim_start().chars().next() {
            Some('<') => iso::read(self, file, text),
            Some('{' | '[') => json::read(self, file, text),
            Some(_) => tables::obligations(self, file, Rows::new(file, text)),
            None => Err(at.error("", "the file is empty", "name a file of obligations")),
        }
    }

    /// Adds a CSV file of liquidity: participant, currency, available.
    ///
    /// # Errors
    /// As [`Input::obligations`].
    pub fn liquidity(&mut self, file: &str, bytes: &[u8]) -> Result<(), InputError> {
        let text = text(At { file, line: 0 }, bytes)?;
        self.has_liquidity();
        tables::liquidity(self, file, Rows::new(file, text))
    }

    /// Adds a CSV file of limits: participant, counterparty (may be empty), currency, limit.
    ///
    /// # Errors
    /// As [`Input::obligations`].
    pub fn limits(&mut self, file: &str, bytes: &[u8]) -> Result<(), InputError> {
        let text = text(At { file, line: 0 }, bytes)?;
        tables::limits(self, file, Rows::new(file, text))
    }

    /// Everything that was added.
    ///
    /// # Errors
    /// There are no obligations.
    pub fn finish(mut self) -> Result<Case, InputError> {
        if self.case.obligations.is_empty() {
            let at = At { file: "input", line: 0 };
            return Err(at.error("", "holds no obligations", "name a file that does"));
        }
        if self.dates.iter().any(Option::is_some) {
            let mut dated: Vec<(u32, Obligation)> = self
                .dates
                .iter()
                .map(|date| date.unwrap_or(u32::MAX))
                .zip(self.case.obligations)
                .collect();
            dated.sort_by_key(|(date, _)| *date);
            self.case.obligations = dated.into_iter().map(|(_, obligation)| obligation).collect();
        }
        Ok(self.case)
    }

    pub(crate) fn add(&mut self, at: At<'_>, raw: &Raw<'_>) -> Result<(), InputError> {
        if self.case.obligations.len() == OBLIGATIONS_MAX {
            let problem = format!("more than {OBLIGATIONS_MAX} obligations");
            return Err(at.error("", problem, "net them in several runs, by currency"));
        }
        let amount = fields::amount(at, (raw.currency, raw.amount), ("amount", 1))?;
        let debtor = self.participant(at, "debtor", raw.debtor)?;
        let creditor = self.participant(at, "creditor", raw.creditor)?;
        if debtor == creditor {
            let problem = format!("{} owes itself", raw.debtor);
            return Err(at.error("creditor", problem, "leave the obligation out"));
        }
        let class = fields::class(at, raw.class)?;
        let group = match raw.group {
            "" => None,
            text => Some(self.group(at, text)?),
        };
        self.count(at, amount)?;
        let reference = self.reference(at, raw.reference)?;
        self.dates.push(fields::date(at, raw.date)?);
        let obligation = Obligation { debtor, creditor, amount, class, group, reference };
        self.case.obligations.push(obligation);
        Ok(())
    }

    /// Liquidity was given, if only an empty list of it.
    pub(crate) fn has_liquidity(&mut self) {
        self.case.liquidity.get_or_insert_default();
    }

    pub(crate) fn add_liquidity(
        &mut self,
        at: At<'_>,
        raw: &RawMoney<'_>,
    ) -> Result<(), InputError> {
        let amount = fields::amount(at, (raw.currency, raw.amount), ("available", 0))?;
        let participant = self.participant(at, "participant", raw.participant)?;
        let held = self.case.liquidity.get_or_insert_default();
        if held.insert((participant, amount.currency()), amount.minor()).is_some() {
            let problem = format!("{} has two rows in {}", raw.participant, amount.currency());
            return Err(at.error("participant", problem, "keep one of them"));
        }
        Ok(())
    }

    pub(crate) fn add_limit(
        &mut self,
        at: At<'_>,
        raw: &RawMoney<'_>,
        counterparty: &str,
    ) -> Result<(), InputError> {
        let amount = fields::amount(at, (raw.currency, raw.amount), ("limit", 0))?;
        let participant = self.participant(at, "participant", raw.participant)?;
        let counterparty = match counterparty {
            "" => None,
            name => Some(self.participant(at, "counterparty", name)?),
        };
        if counterparty == Some(participant) {
            let fix = "name another, or leave it empty for all together";
            return Err(at.error("counterparty", "is the participant itself", fix));
        }
        let same = |limit: &Limit| {
            (limit.participant, limit.counterparty) == (participant, counterparty)
                && limit.amount.currency() == amount.currency()
        };
        if self.case.limits.iter().any(same) {
            return Err(at.error("participant", "has this limit twice", "keep one of them"));
        }
        if self.case.limits.len() == LIMITS_MAX {
            let problem = format!("more than {LIMITS_MAX} limits");
            return Err(at.error("", problem, "keep those that matter"));
        }
        self.case.limits.push(Limit { participant, counterparty, amount });
        Ok(())
    }

    fn participant(&mut self, at: At<'_>, field: &str, text: &str) -> Result<u32, InputError> {
        let name = fields::name(at, field, text)?;
        if let Some(known) = self.participants.get(name) {
            return Ok(*known);
        }
        if self.case.participants.len() == PARTICIPANTS_MAX {
            let problem = format!("more than {PARTICIPANTS_MAX} participants");
            return Err(at.error(field, problem, "net them in several runs"));
        }
        let number = self.case.participants.len() as u32;
        self.participants.insert(name.to_owned(), number);
        self.case.participants.push(name.to_owned());
        Ok(number)
    }

    fn group(&mut self, at: At<'_>, text: &str) -> Result<u32, InputError> {
        let name = fields::name(at, "group", text)?;
        let next = self.case.groups.len() as u32;
        let number = *self.groups.entry(name.to_owned()).or_insert(next);
        if number == next {
            self.case.groups.push(name.to_owned());
        }
        Ok(number)
    }

    /// What an obligation is called: its place in the file unless it says otherwise.
    fn reference(&mut self, at: At<'_>, text: &str) -> Result<String, InputError> {
        let reference = match text {
            "" => format!("{}:{}", at.file_name(), at.line),
            text => fields::name(at, "reference", text)?.to_owned(),
        };
        let place = (at.file.to_owned(), at.line);
        if let Some((file, line)) = self.references.insert(reference.clone(), place) {
            let problem = format!("{reference:?} stands in {file}:{line} already");
            return Err(at.error("reference", problem, "is the obligation in there twice?"));
        }
        Ok(reference)
    }

    /// Sums must stay amounts: positions and payments are made of them.
    fn count(&mut self, at: At<'_>, amount: Amount) -> Result<(), InputError> {
        let sum = self.sums.entry(amount.currency()).or_default();
        *sum += u128::from(amount.minor());
        if *sum > u128::from(MINOR_MAX) {
            let problem = format!("all obligations in {} exceed 18 digits", amount.currency());
            return Err(at.error("amount", problem, "net them in several runs"));
        }
        Ok(())
    }
}

/// Limits of a case, at most.
const LIMITS_MAX: usize = 10_000;

fn text<'a>(at: At<'_>, bytes: &'a [u8]) -> Result<&'a str, InputError> {
    if bytes.len() > FILE_BYTES_MAX {
        let problem = format!("has more than {FILE_BYTES_MAX} bytes");
        return Err(at.error("", problem, "split the file and name all parts"));
    }
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok(text.strip_prefix('\u{feff}').unwrap_or(text)),
        Err(error) => {
            let before = bytes.get(..error.valid_up_to()).unwrap_or_default();
            let line = 1 + before.iter().filter(|byte| **byte == b'\n').count() as u64;
            let at = At { line, ..at };
            Err(at.error("", "is not UTF-8", "save the file as UTF-8"))
        }
    }
}
