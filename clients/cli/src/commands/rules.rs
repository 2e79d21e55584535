//! The rule book.

use channel::CommandBody;
use clap::Subcommand;
use sdk::{ClosePolicy, Currency, NettingMode, RuleBook, v1};

use super::kinds;
use crate::context::Context;
use crate::failure::Failure;
use crate::output::{Cell, Row, Shown};
use crate::request::RequestArgs;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Show the rule book in force.
    Show,
    /// Operator: replace rules, the others stay: `cycle_ms=5000 two_person=SetRules,AddParticipant`.
    Set {
        /// Rules as `show` names them.
        #[arg(required = true, value_name = "RULE=VALUE")]
        changes: Vec<String>,
        #[command(flatten)]
        request: RequestArgs,
    },
}

impl Command {
    pub(crate) async fn run(self, context: &Context) -> Result<Shown, Failure> {
        let pool = context.session()?.client.pool_info().await?;
        let missing = || Failure::fault("the node names no rule book");
        let known = from_wire(&pool.rules.ok_or_else(missing)?)?;
        match self {
            Self::Show => Ok(Shown::One(row(&known))),
            Self::Set { changes, request } => {
                let mut rules = known;
                rules.version += 1;
                for change in &changes {
                    apply(&mut rules, change)?;
                }
                rules.check().map_err(|error| Failure::usage(error.to_string()))?;
                request.execute(context, CommandBody::SetRules(rules)).await
            }
        }
    }
}

fn from_wire(rules: &v1::RuleBook) -> Result<RuleBook, Failure> {
    let unknown = |what: &str| Failure::fault(format!("{what} is unknown to this client"));
    let codes = rules.currency_codes.iter().map(|code| Currency::parse(code));
    let narrow = |number: u32, what| u16::try_from(number).map_err(|_| unknown(what));
    Ok(RuleBook {
        version: rules.version,
        currencies: codes.collect::<Result<_, _>>().map_err(|_| unknown("a currency"))?,
        cycle_ms: rules.cycle_ms,
        seal_ms: rules.seal_ms,
        netting: match rules.netting {
            1 => NettingMode::StrictFifo,
            2 => NettingMode::FifoFloor,
            _ => return Err(unknown("the netting mode")),
        },
        proposal_timeout_ms: rules.proposal_timeout_ms,
        dedupe_horizon_ms: rules.dedupe_horizon_ms,
        dedupe_entries_max: rules.dedupe_entries_max,
        queue_max: rules.queue_max,
        clock_jump_max_ms: rules.clock_jump_max_ms,
        warehouse_days_max: narrow(rules.warehouse_days_max, "warehouse_days_max")?,
        close: match rules.close {
            1 => ClosePolicy::Reject,
            2 => ClosePolicy::Roll,
            _ => return Err(unknown("the close policy")),
        },
        unmatched_ms: rules.unmatched_ms,
        match_ms: rules.match_ms,
        rewrap_within_ms: rules.rewrap_within_ms,
        two_person: {
            let kinds = rules.two_person.iter().map(|kind| narrow(*kind, "two_person"));
            kinds.collect::<Result<_, _>>()?
        },
        class_weights: {
            let weights = rules.class_weights.as_slice().try_into();
            weights.map_err(|_| unknown("class_weights"))?
        },
        currency_weights: rules.currency_weights.clone(),
        ageing_cycles: rules.ageing_cycles,
        solver_steps: rules.solver_steps,
        cross_at_midpoint: rules.cross_at_midpoint,
    })
}

fn apply(rules: &mut RuleBook, change: &str) -> Result<(), Failure> {
    fn number<T: std::str::FromStr>(value: &str) -> Option<T> {
        value.parse().ok()
    }
    fn list<T>(value: &str, item: impl Fn(&str) -> Option<T>) -> Option<Vec<T>> {
        value.split(',').filter(|text| !text.is_empty()).map(item).collect()
    }
    fn put<T>(slot: &mut T, value: Option<T>) -> Option<()> {
        *slot = value?;
        Some(())
    }
    let (name, value) =
        change.split_once('=').ok_or_else(|| Failure::usage(format!("{change}: no `=`")))?;
    let done = match name {
        "currencies" => list(value, |c| Currency::parse(c).ok()).map(|list| reweigh(rules, list)),
        "cycle_ms" => put(&mut rules.cycle_ms, number(value)),
        "seal_ms" => put(&mut rules.seal_ms, number(value)),
        "netting" => put(
            &mut rules.netting,
            match value {
                "strict_fifo" => Some(NettingMode::StrictFifo),
                "fifo_floor" => Some(NettingMode::FifoFloor),
                _ => None,
            },
        ),
        "proposal_timeout_ms" => put(&mut rules.proposal_timeout_ms, number(value)),
        "dedupe_horizon_ms" => put(&mut rules.dedupe_horizon_ms, number(value)),
        "dedupe_entries_max" => put(&mut rules.dedupe_entries_max, number(value)),
        "queue_max" => put(&mut rules.queue_max, number(value)),
        "clock_jump_max_ms" => put(&mut rules.clock_jump_max_ms, number(value)),
        "warehouse_days_max" => put(&mut rules.warehouse_days_max, number(value)),
        "close" => put(
            &mut rules.close,
            match value {
                "reject" => Some(ClosePolicy::Reject),
                "roll" => Some(ClosePolicy::Roll),
                _ => None,
            },
        ),
        "unmatched_ms" => put(&mut rules.unmatched_ms, number(value)),
        "match_ms" => put(&mut rules.match_ms, number(value)),
        "rewrap_within_ms" => put(&mut rules.rewrap_within_ms, number(value)),
        "two_person" => {
            let mut kinds: Option<Vec<u16>> = list(value, kinds::parse);
            if let Some(kinds) = &mut kinds {
                kinds.sort_unstable();
                kinds.dedup();
            }
            put(&mut rules.two_person, kinds)
        }
        "class_weights" => {
            let weights = list(value, number).and_then(|weights| weights.try_into().ok());
            put(&mut rules.class_weights, weights)
        }
        "currency_weights" => put(&mut rules.currency_weights, list(value, number)),
        "ageing_cycles" => put(&mut rules.ageing_cycles, number(value)),
        "solver_steps" => put(&mut rules.solver_steps, number(value)),
        "cross_at_midpoint" => put(&mut rules.cross_at_midpoint, number(value)),
        _ => return Err(Failure::usage(format!("no rule `{name}`; `rules show` names them"))),
    };
    done.ok_or_else(|| Failure::usage(format!("{name}: `{value}` does not fit")))
}

/// Currencies that stay keep their weights; new ones weigh 1 until they are given another.
fn reweigh(rules: &mut RuleBook, currencies: Vec<Currency>) {
    let weights: Vec<u32> = currencies
        .iter()
        .map(|currency| {
            let known = rules.currencies.iter().position(|known| known == currency);
            known.and_then(|index| rules.currency_weights.get(index)).copied().unwrap_or(1)
        })
        .collect();
    (rules.currencies, rules.currency_weights) = (currencies, weights);
}

fn row(rules: &RuleBook) -> Row {
    let numbers = |list: &[u32]| list.iter().map(u32::to_string).collect::<Vec<_>>();
    let codes: Vec<&str> = rules.currencies.iter().map(Currency::as_str).collect();
    let kinds: Vec<String> = rules.two_person.iter().copied().map(kinds::name).collect();
    let netting = match rules.netting {
        NettingMode::StrictFifo => "strict_fifo",
        NettingMode::FifoFloor => "fifo_floor",
    };
    let close = match rules.close {
        ClosePolicy::Reject => "reject",
        ClosePolicy::Roll => "roll",
    };
    vec![
        ("version", rules.version.into()),
        ("currencies", Cell::words(&codes)),
        ("cycle_ms", rules.cycle_ms.into()),
        ("seal_ms", rules.seal_ms.into()),
        ("netting", netting.into()),
        ("proposal_timeout_ms", rules.proposal_timeout_ms.into()),
        ("dedupe_horizon_ms", rules.dedupe_horizon_ms.into()),
        ("dedupe_entries_max", rules.dedupe_entries_max.into()),
        ("queue_max", rules.queue_max.into()),
        ("clock_jump_max_ms", rules.clock_jump_max_ms.into()),
        ("warehouse_days_max", u32::from(rules.warehouse_days_max).into()),
        ("close", close.into()),
        ("unmatched_ms", rules.unmatched_ms.into()),
        ("match_ms", rules.match_ms.into()),
        ("rewrap_within_ms", rules.rewrap_within_ms.into()),
        ("two_person", Cell::words(&kinds)),
        ("class_weights", Cell::words(&numbers(&rules.class_weights))),
        ("currency_weights", Cell::words(&numbers(&rules.currency_weights))),
        ("ageing_cycles", rules.ageing_cycles.into()),
        ("solver_steps", rules.solver_steps.into()),
        ("cross_at_midpoint", rules.cross_at_midpoint.into()),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_set_by_name() {
        let eur = Currency::parse("EUR").unwrap();
        let mut rules = RuleBook::standard(vec![eur]);
        for change in [
            "cycle_ms=5000",
            "netting=fifo_floor",
            "currencies=EUR,USD",
            "two_person=Fund,2,5",
            "cross_at_midpoint=true",
        ] {
            apply(&mut rules, change).unwrap();
        }
        rules.check().unwrap();
        apply(&mut rules, "currency_weights=3,7").unwrap();
        apply(&mut rules, "currencies=JPY,USD").unwrap();
        apply(&mut rules, "class_weights=8,4,2,1").unwrap();
        assert_eq!((&rules.currency_weights[..], rules.class_weights), (&[1, 7][..], [8, 4, 2, 1]));
        assert_eq!((rules.cycle_ms, rules.netting), (5_000, NettingMode::FifoFloor));
        assert!(rules.cross_at_midpoint);
        assert_eq!((rules.currencies.len(), rules.two_person.as_slice()), (2, &[2, 5][..]));
        for wrong in [
            "cycle_ms",
            "cycle_ms=x",
            "netting=all",
            "colour=red",
            "currencies=EUR,XAU",
            "two_person=99",
            "class_weights=1,2",
            "ageing_cycles=often",
            "cross_at_midpoint=yes",
        ] {
            assert!(apply(&mut rules, wrong).is_err(), "{wrong}");
        }
    }
}
