//! The kinds of command, in words.

use channel::CommandBody;
use ledger::{Amount, Currency};

use super::show::{day, decimal, instant};

/// Names by number, beginning with 1, as `docs/reference/signing.md` has them.
const NAMES: [&str; 20] = [
    "AddParticipant",
    "SetStatus",
    "OpenAccount",
    "SetCreditLine",
    "Fund",
    "Defund",
    "ConfirmDefund",
    "SetBilateralLimit",
    "SetMultilateralLimit",
    "SetDebitCap",
    "SetVelocity",
    "OpenDay",
    "CutOff",
    "ExtendDay",
    "CloseDay",
    "SetRules",
    "Cancel",
    "ConfirmTime",
    "RunCycle",
    "SetQuotes",
];

/// A kind's name; its number if this client does not know it.
pub(crate) fn name(kind: u16) -> String {
    let known = usize::from(kind).checked_sub(1).and_then(|at| NAMES.get(at));
    known.map_or_else(|| kind.to_string(), |name| (*name).to_owned())
}

/// The kind of a name or a number.
pub(crate) fn parse(text: &str) -> Option<u16> {
    let known = |kind: &u16| name(*kind) == text || kind.to_string() == text;
    (1..).take(NAMES.len()).find(known)
}

/// What a command does, in words.
pub(crate) fn words(body: &CommandBody) -> String {
    let what = match body {
        CommandBody::AddParticipant(new) => {
            format!("participant {} {}, {}", new.id.0, new.name, new.role.as_str())
        }
        CommandBody::SetStatus { participant, status } => {
            format!("participant {} {status:?}", participant.0).to_lowercase()
        }
        CommandBody::OpenAccount { participant, currency, credit_line }
        | CommandBody::SetCreditLine { participant, currency, credit_line } => {
            format!("participant {}, credit line {}", participant.0, money(*credit_line, *currency))
        }
        CommandBody::Fund { participant, amount, .. } => {
            format!("participant {}, {}", participant.0, of_amount(*amount))
        }
        CommandBody::Defund { amount } => of_amount(*amount),
        CommandBody::ConfirmDefund { defund, made } => {
            let made = if *made { "made" } else { "not made" };
            format!("pay-out {}: {made}", crate::request::text(*defund))
        }
        CommandBody::SetBilateralLimit { counterparty, currency, limit } => {
            format!("towards participant {}, {}", counterparty.0, bound(*limit, *currency))
        }
        CommandBody::SetMultilateralLimit { currency, limit } => bound(*limit, *currency),
        CommandBody::SetDebitCap { participant, currency, cap } => {
            format!("participant {}, {}", participant.0, bound(*cap, *currency))
        }
        CommandBody::SetVelocity { participant, currency, window_ms, most } => {
            let most = match currency {
                None => format!("{most} orders"),
                Some(currency) => bound(Some(*most), *currency),
            };
            format!("participant {}, {most} in {window_ms} ms", participant.0)
        }
        CommandBody::OpenDay { currency, date, cut_off_at_ms, closes_at_ms } => {
            let date = day(date.get()).to_text();
            format!("{currency} {date}, {}", instants(*cut_off_at_ms, *closes_at_ms))
        }
        CommandBody::ExtendDay { currency, cut_off_at_ms, closes_at_ms } => {
            format!("{currency}, {}", instants(*cut_off_at_ms, *closes_at_ms))
        }
        CommandBody::CutOff { currency } | CommandBody::CloseDay { currency } => {
            currency.to_string()
        }
        CommandBody::SetRules(rules) => format!("version {}", rules.version),
        CommandBody::Cancel { uetr, .. } => uetr.to_string(),
        CommandBody::ConfirmTime { until_ms } => format!("until {}", instant(*until_ms)),
        CommandBody::RunCycle => return name(body.kind()),
        CommandBody::SetQuotes { base, quote, quotes } => {
            format!("{base}/{quote}, {} quotes", quotes.len())
        }
    };
    format!("{}: {what}", name(body.kind()))
}

fn money(minor: u64, currency: Currency) -> String {
    format!("{} {currency}", decimal(minor.into(), currency.as_str()))
}

fn of_amount(amount: Amount) -> String {
    money(amount.minor(), amount.currency())
}

fn bound(limit: Option<u64>, currency: Currency) -> String {
    limit.map_or_else(|| format!("none in {currency}"), |minor| money(minor, currency))
}

fn instants(cut_off_at_ms: u64, closes_at_ms: u64) -> String {
    format!("cut-off {}, close {}", instant(cut_off_at_ms), instant(closes_at_ms))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_the_reference() {
        let page = include_str!("../../../../docs/reference/signing.md");
        let (_, table) = page.split_once("| kind | command | given by |").unwrap();
        let rows = table.lines().skip(2).take_while(|line| line.starts_with('|'));
        let mut count = 0;
        for row in rows {
            let cells: Vec<&str> = row.split('|').map(str::trim).collect();
            assert_eq!(name(cells[1].parse().unwrap()), cells[2]);
            count += 1;
        }
        assert_eq!(count, NAMES.len());
    }

    #[test]
    fn kinds_have_names_and_numbers() {
        assert_eq!((parse("Fund"), parse("5"), parse("19")), (Some(5), Some(5), Some(19)));
        assert_eq!((parse("0"), parse("21"), parse("fund")), (None, None, None));
        assert_eq!(words(&CommandBody::RunCycle), "RunCycle");
        let amount = Amount::parse_text("1.50 EUR").unwrap();
        assert_eq!(words(&CommandBody::Defund { amount }), "Defund: 1.50 EUR");
    }
}
