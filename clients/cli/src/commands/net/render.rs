//! A proposal as tables, sentences and JSON.

use netfile::{Case, Part, Proposal};
use serde_json::{Value, json};

use super::super::show::decimal;
use crate::output::{Cell, Row, table};

/// Obligations that people are shown of what is left, at most.
const LEFT_SHOWN: usize = 20;
/// Gaps are shown in so many parts of one.
const PARTS: u128 = 1_000_000;

/// A proposal with what it is about.
#[derive(Clone, Copy)]
pub(super) struct Render<'a> {
    pub(super) case: &'a Case,
    pub(super) proposal: &'a Proposal,
}

fn digits(amount: ledger::Amount) -> Cell {
    Cell::Digits(amount.to_decimal().to_string())
}

impl Render<'_> {
    pub(super) fn text(self) -> String {
        let Self { case, proposal } = self;
        let (settled, all) = (proposal.settled.len(), case.obligations.len());
        let mut text = format!(
            "{settled} of {all} obligations settle together, among {} participants\n\n{}",
            case.participants.len(),
            table(&self.currencies()),
        );
        for part in &proposal.parts {
            text.push_str(&format!("\n{}\n", sentence(part, case.liquidity.is_some())));
        }
        let payments = self.payments();
        match payments.len() {
            0 => text.push_str("\nno payments to make\n"),
            _ => text.push_str(&format!("\npayments to make\n{}", table(&payments))),
        }
        text.push_str(&format!("\npositions\n{}", table(&self.positions())));
        if !proposal.left.is_empty() {
            let left: Vec<Row> =
                proposal.left.iter().take(LEFT_SHOWN).map(|row| self.obligation(*row)).collect();
            text.push_str(&format!("\nleft for later\n{}", table(&left)));
            if proposal.left.len() > LEFT_SHOWN {
                let more = proposal.left.len() - LEFT_SHOWN;
                text.push_str(&format!("and {more} more (--output csv --table obligations)\n"));
            }
        }
        text.push_str("\nThis is a proposal: nothing was paid.\n");
        text
    }

    pub(super) fn json(self) -> Value {
        let Self { case, proposal } = self;
        let reference = |row: &usize| json!(case.obligations[*row].reference);
        json!({
            "participants": case.participants.len(),
            "obligations": case.obligations.len(),
            "settled": proposal.settled.iter().map(reference).collect::<Vec<_>>(),
            "left": proposal.left.iter().map(reference).collect::<Vec<_>>(),
            "currencies": objects(&self.currencies()),
            "parts": proposal.parts.iter().map(part).collect::<Vec<_>>(),
            "positions": objects(&self.positions()),
            "payments": objects(&self.payments()),
        })
    }

    fn currencies(self) -> Vec<Row> {
        let row = |own: &netfile::Currency| -> Row {
            vec![
                ("currency", own.currency.as_str().into()),
                ("obligations", (own.obligations as u64).into()),
                ("gross", digits(own.gross)),
                ("settled", (own.settled as u64).into()),
                ("settled_gross", digits(own.settled_gross)),
                ("net", digits(own.net)),
                ("saved", digits(own.saved())),
                (
                    "saved_percent",
                    Cell::Digits(percent(own.saved().minor(), own.settled_gross.minor())),
                ),
                ("payments", (own.payments as u64).into()),
                ("fewest", own.fewest.into()),
            ]
        };
        self.proposal.currencies.iter().map(row).collect()
    }

    pub(super) fn positions(self) -> Vec<Row> {
        let row = |own: &netfile::Position| -> Row {
            let currency = own.owes.currency();
            let mut row = vec![
                ("participant", self.case.name(own.participant).into()),
                ("currency", currency.as_str().into()),
                ("owes", digits(own.owes)),
                ("owed", digits(own.owed)),
                ("net", Cell::Digits(decimal(own.net(), currency.as_str()))),
            ];
            if self.case.liquidity.is_some() {
                row.push(("available", own.available.map_or(Cell::None, digits)));
            }
            row
        };
        self.proposal.positions.iter().map(row).collect()
    }

    pub(super) fn payments(self) -> Vec<Row> {
        let row = |own: &netfile::Payment| -> Row {
            vec![
                ("from", self.case.name(own.from).into()),
                ("to", self.case.name(own.to).into()),
                ("currency", own.amount.currency().as_str().into()),
                ("amount", digits(own.amount)),
            ]
        };
        self.proposal.payments.iter().map(row).collect()
    }

    pub(super) fn obligations(self) -> Vec<Row> {
        let mut settled = vec![false; self.case.obligations.len()];
        self.proposal.settled.iter().for_each(|row| settled[*row] = true);
        let row = |(row, settled): (usize, &bool)| {
            let mut row = self.obligation(row);
            row.push(("settles", (*settled).into()));
            row
        };
        settled.iter().enumerate().map(row).collect()
    }

    fn obligation(self, row: usize) -> Row {
        let own = &self.case.obligations[row];
        let group = own.group.and_then(|group| self.case.groups.get(group as usize));
        vec![
            ("reference", own.reference.as_str().into()),
            ("debtor", self.case.name(own.debtor).into()),
            ("creditor", self.case.name(own.creditor).into()),
            ("currency", own.amount.currency().as_str().into()),
            ("amount", digits(own.amount)),
            ("class", u32::from(own.class).into()),
            ("group", group.cloned().into()),
        ]
    }
}

fn objects(rows: &[Row]) -> Vec<Value> {
    rows.iter().map(crate::output::object).collect()
}

fn part(part: &Part) -> Value {
    let codes: Vec<&str> = part.currencies.iter().map(|currency| currency.as_str()).collect();
    let value = |value: u128| match codes.as_slice() {
        [code] if part.amounts => decimal(value.cast_signed(), code),
        _ => value.to_string(),
    };
    json!({
        "currencies": codes,
        "weighted": !part.amounts,
        "value": value(part.value),
        "upper_bound": value(part.upper_bound),
        "gap": gap(part),
        "fifo_value": value(part.fifo_value),
        "steps": part.steps,
    })
}

/// By what share of the bound the value stays below it, rounded up: six digits.
fn gap(part: &Part) -> String {
    let below = part.upper_bound - part.value;
    let bound = part.upper_bound.max(1);
    // Above 2^108 the share of the last digits is beyond what is shown.
    let (below, bound) =
        if bound >> 108 == 0 { (below, bound) } else { (below >> 20, bound >> 20) };
    let millionths = (below * PARTS).div_ceil(bound);
    format!("{}.{:06}", millionths / PARTS, millionths % PARTS)
}

/// How good it is, in words that claim no more than is proven.
fn sentence(part: &Part, scarce: bool) -> String {
    let codes: Vec<&str> = part.currencies.iter().map(|currency| currency.as_str()).collect();
    let codes = codes.join(" and ");
    if part.value == part.upper_bound && !scarce {
        return format!("{codes}: everything that may settle does");
    }
    if part.value == part.upper_bound {
        return format!("{codes}: no other set is worth more (its value reaches the upper bound)");
    }
    let value = |value: u128| match part.currencies.as_slice() {
        [code] if part.amounts => format!("{} {code}", decimal(value.cast_signed(), code.as_str())),
        _ => format!("{value} (weighted)"),
    };
    format!(
        "{codes}: settles {}; no set is worth more than {} (upper bound), so at most {} % is missing; \
         strict order would settle {}",
        value(part.value),
        value(part.upper_bound),
        percent_of_gap(part),
        value(part.fifo_value),
    )
}

fn percent_of_gap(part: &Part) -> String {
    let gap: String = gap(part).chars().filter(char::is_ascii_digit).collect();
    let millionths: u128 = gap.parse().unwrap_or(PARTS);
    format!("{}.{:02}", millionths.div_ceil(100) / 100, millionths.div_ceil(100) % 100)
}

/// A share in percent, rounded down: one digit.
fn percent(part: u64, whole: u64) -> String {
    let permille = u128::from(part) * 1_000 / u128::from(whole.max(1));
    format!("{}.{}", permille / 10, permille % 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part_of(value: u128, upper_bound: u128) -> Part {
        let currencies = vec![ledger::Currency::parse("EUR").unwrap()];
        Part { currencies, value, upper_bound, fifo_value: 0, steps: 0, amounts: true }
    }

    #[test]
    fn gaps_are_never_shown_smaller_than_they_are() {
        assert_eq!(gap(&part_of(5, 5)), "0.000000");
        assert_eq!(gap(&part_of(2, 3)), "0.333334");
        assert_eq!(percent_of_gap(&part_of(2, 3)), "33.34");
        assert_eq!(gap(&part_of(999_999_999, 1_000_000_000)), "0.000001");
        assert_eq!(gap(&part_of(0, u128::MAX)), "1.000000");
        assert_eq!(percent(1, 3), "33.3");
    }

    #[test]
    fn sentences_claim_what_is_proven() {
        assert!(sentence(&part_of(5, 5), true).contains("reaches the upper bound"));
        let said = sentence(&part_of(200, 300), true);
        assert!(said.contains("no set is worth more than 3.00 EUR (upper bound)"), "{said}");
        assert!(!said.contains("optimal") && !said.contains("best"));
    }
}
