//! The plan's file.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use channel::{ClosePolicy, NettingMode};
use ledger::{Amount, Currency};
use serde::Deserialize;
use simulator::{LimitChange, LimitKind, Plan, RuleChanges, Share, Ticks};

use crate::failure::{Failure, at};

/// Bytes of a plan's file, at most.
const BYTES_MAX: u64 = 1 << 20;
const PERCENT_MAX: u32 = 1_000_000;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    ticks: Option<TicksWord>,
    liquidity_percent: Option<u32>,
    #[serde(default)]
    rules: Rules,
    #[serde(default)]
    liquidity: Vec<ShareRow>,
    #[serde(default)]
    credit_line: Vec<LineRow>,
    #[serde(default)]
    limit: Vec<LimitRow>,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum TicksWord {
    Logged,
    Due,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct Rules {
    cycle_ms: Option<u32>,
    netting: Option<NettingWord>,
    proposal_timeout_ms: Option<u32>,
    class_weights: Option<[u32; 4]>,
    #[serde(default)]
    currency_weights: BTreeMap<String, u32>,
    ageing_cycles: Option<u32>,
    solver_steps: Option<u32>,
    close: Option<CloseWord>,
    cross_at_midpoint: Option<bool>,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum NettingWord {
    StrictFifo,
    FifoFloor,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum CloseWord {
    Reject,
    Roll,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ShareRow {
    participant: String,
    currency: String,
    percent: u32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LineRow {
    participant: String,
    amount: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LimitRow {
    kind: KindWord,
    participant: String,
    counterparty: Option<String>,
    currency: String,
    /// An amount of the currency, or `none`.
    limit: String,
}

#[derive(Deserialize, Clone, Copy)]
#[serde(rename_all = "snake_case")]
enum KindWord {
    Bilateral,
    Multilateral,
    DebitCap,
}

/// Reads a plan.
pub(super) fn load(path: &Path) -> Result<Plan, Failure> {
    let mut text = String::new();
    let file = File::open(path).map_err(at(path))?;
    file.take(BYTES_MAX + 1).read_to_string(&mut text).map_err(at(path))?;
    if text.len() as u64 > BYTES_MAX {
        return Err(Failure::usage(format!("{}: has more than 1 MiB", path.display())));
    }
    parse(&text).map_err(|problem| Failure::usage(format!("{}: {problem}", path.display())))
}

fn parse(text: &str) -> Result<Plan, String> {
    let document: Document = toml::from_str(text).map_err(|error| error.to_string())?;
    let percent = |percent: u32, field: &str| match percent {
        0..=PERCENT_MAX => Ok(percent),
        _ => Err(format!("{field}: must be at most {PERCENT_MAX}")),
    };
    let share = |row: ShareRow| -> Result<Share, String> {
        Ok(Share {
            currency: currency(&row.currency, "liquidity.currency")?,
            percent: percent(row.percent, "liquidity.percent")?,
            participant: row.participant,
        })
    };
    let line = |row: LineRow| {
        let amount = Amount::parse_text(&row.amount);
        let amount = amount.map_err(|error| {
            format!("credit_line.amount: {:?}: {error} (as in \"1250.00 EUR\")", row.amount)
        })?;
        Ok((row.participant, amount))
    };
    let rules = rules(document.rules)?;
    let ticks = document.ticks.map(|ticks| match ticks {
        TicksWord::Logged => Ticks::Logged,
        TicksWord::Due => Ticks::Due,
    });
    let all = document.liquidity_percent.unwrap_or(100);
    Ok(Plan {
        ticks,
        rules,
        liquidity_percent: percent(all, "liquidity_percent")?,
        shares: document.liquidity.into_iter().map(share).collect::<Result<_, _>>()?,
        credit_lines: document.credit_line.into_iter().map(line).collect::<Result<_, String>>()?,
        limits: document.limit.into_iter().map(limit).collect::<Result<_, _>>()?,
    })
}

fn rules(rules: Rules) -> Result<RuleChanges, String> {
    let weight = |(code, weight): (String, u32)| {
        Ok::<_, String>((currency(&code, "rules.currency_weights")?, weight))
    };
    Ok(RuleChanges {
        cycle_ms: rules.cycle_ms,
        netting: rules.netting.map(|word| match word {
            NettingWord::StrictFifo => NettingMode::StrictFifo,
            NettingWord::FifoFloor => NettingMode::FifoFloor,
        }),
        proposal_timeout_ms: rules.proposal_timeout_ms,
        class_weights: rules.class_weights,
        currency_weights: rules
            .currency_weights
            .into_iter()
            .map(weight)
            .collect::<Result<_, _>>()?,
        ageing_cycles: rules.ageing_cycles,
        solver_steps: rules.solver_steps,
        close: rules.close.map(|word| match word {
            CloseWord::Reject => ClosePolicy::Reject,
            CloseWord::Roll => ClosePolicy::Roll,
        }),
        cross_at_midpoint: rules.cross_at_midpoint,
    })
}

fn limit(row: LimitRow) -> Result<LimitChange, String> {
    let currency = currency(&row.currency, "limit.currency")?;
    let minor = match row.limit.as_str() {
        "none" => None,
        number => {
            let amount = Amount::parse(number, currency);
            let amount = amount.map_err(|error| {
                format!("limit.limit: {number:?}: {error} (as in \"1250.00\", or \"none\")")
            })?;
            Some(amount.minor())
        }
    };
    let kind = match (row.kind, row.counterparty) {
        (KindWord::Bilateral, Some(counterparty)) => LimitKind::Bilateral(counterparty),
        (KindWord::Bilateral, None) => {
            return Err("limit.counterparty: a bilateral limit needs one".to_owned());
        }
        (_, Some(_)) => {
            return Err("limit.counterparty: only a bilateral limit has one".to_owned());
        }
        (KindWord::Multilateral, None) => LimitKind::Multilateral,
        (KindWord::DebitCap, None) => LimitKind::DebitCap,
    };
    Ok(LimitChange { participant: row.participant, kind, currency, minor })
}

fn currency(code: &str, field: &str) -> Result<Currency, String> {
    Currency::parse(code).map_err(|error| format!("{field}: {code:?}: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plans_are_read() {
        let plan = parse(
            "liquidity_percent = 50\n\
             [rules]\ncycle_ms = 60000\nnetting = \"fifo_floor\"\ncurrency_weights = { EUR = 2 }\n\
             [[liquidity]]\nparticipant = \"A\"\ncurrency = \"EUR\"\npercent = 200\n\
             [[credit_line]]\nparticipant = \"A\"\namount = \"5.00 EUR\"\n\
             [[limit]]\nkind = \"bilateral\"\nparticipant = \"A\"\ncounterparty = \"B\"\n\
             currency = \"EUR\"\nlimit = \"none\"\n",
        )
        .unwrap();
        assert_eq!((plan.ticks, plan.liquidity_percent), (None, 50));
        assert_eq!(plan.limits[0].kind, LimitKind::Bilateral("B".into()));
        assert_eq!(parse("").unwrap(), Plan::default());
        assert_eq!(parse("ticks = \"due\"").unwrap().ticks, Some(Ticks::Due));
    }

    #[test]
    fn what_makes_no_sense_is_named() {
        for (text, said) in [
            ("cycle_ms = 5", "unknown field `cycle_ms`"),
            ("[rules]\nnetting = \"greedy\"", "strict_fifo"),
            ("liquidity_percent = -1", "liquidity_percent"),
            ("liquidity_percent = 2000000", "liquidity_percent: must be at most"),
            ("[rules]\ncurrency_weights = { eur = 1 }", "rules.currency_weights"),
            ("[[credit_line]]\nparticipant = \"A\"\namount = \"5\"", "credit_line.amount"),
            (
                "[[limit]]\nkind = \"bilateral\"\nparticipant = \"A\"\ncurrency = \"EUR\"\nlimit = \"1\"",
                "limit.counterparty",
            ),
            (
                "[[limit]]\nkind = \"debit_cap\"\nparticipant = \"A\"\ncurrency = \"EUR\"\nlimit = \"1.005\"",
                "limit.limit",
            ),
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.contains(said), "{error}");
        }
    }
}
