//! Parts: currencies that can be netted without regard to the others.

use std::collections::BTreeMap;

use ledger::Currency;
use netting::{Instance, Limit, MINOR_MAX, Solution, WEIGHT_MAX, solve};

use crate::case::{CLASSES, Case, Obligation};
use crate::error::{At, InputError};
use crate::proposal::Options;

/// What a step between two classes counts.
const CLASS_STEP: u64 = 100;

/// How well the netting of one part came out: a currency, or several that groups join.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// Its currencies, ascending.
    pub currencies: Vec<Currency>,
    /// What settles.
    pub value: u128,
    /// No set that the mode allows is worth more.
    pub upper_bound: u128,
    /// What strict FIFO would settle.
    pub fifo_value: u128,
    /// Work done by the solver.
    pub steps: u64,
    /// Whether the values are minor units of the part's one currency; else they are weighted.
    pub amounts: bool,
}

/// Groups of currencies that share no group of obligations.
pub(crate) fn split(case: &Case) -> Vec<Vec<Currency>> {
    let currencies = case.currencies();
    let place = |owed: &Obligation| currencies.binary_search(&owed.amount.currency()).unwrap_or(0);
    // The part of each currency is named after its first currency.
    let mut parts: Vec<usize> = (0..currencies.len()).collect();
    let mut first_of_group: BTreeMap<u32, usize> = BTreeMap::new();
    for owed in &case.obligations {
        let Some(group) = owed.group else { continue };
        let (one, other) =
            (parts[*first_of_group.entry(group).or_insert(place(owed))], parts[place(owed)]);
        if one != other {
            let (low, high) = (one.min(other), one.max(other));
            parts.iter_mut().filter(|part| **part == high).for_each(|part| *part = low);
        }
    }
    let members = |part: usize| {
        let own = currencies.iter().zip(&parts).filter(move |(_, own)| **own == part);
        own.map(|(currency, _)| *currency).collect::<Vec<_>>()
    };
    (0..currencies.len()).map(members).filter(|members| !members.is_empty()).collect()
}

/// Nets one part: adds what settles to `settled`, as places in the case.
pub(crate) fn net_part(
    case: &Case,
    currencies: Vec<Currency>,
    options: &Options,
    settled: &mut Vec<usize>,
) -> Result<Part, InputError> {
    let rows: Vec<usize> = (0..case.obligations.len())
        .filter(|row| currencies.contains(&case.obligations[*row].amount.currency()))
        .collect();
    let classes: Vec<u8> = (0..CLASSES)
        .filter(|class| rows.iter().any(|row| case.obligations[*row].class == *class))
        .collect();
    let amounts = currencies.len() == 1 && classes.len() == 1;
    if case.liquidity.is_none() && case.limits.is_empty() {
        let instance = lay_out(case, &rows, (&currencies, &classes), options)?;
        let value = instance.payments.iter().map(|payment| instance.value(payment)).sum();
        settled.extend(rows);
        return Ok(Part {
            currencies,
            value,
            upper_bound: value,
            fifo_value: value,
            steps: 0,
            amounts,
        });
    }
    let instance = lay_out(case, &rows, (&currencies, &classes), options)?;
    let solver = netting::Options { mode: options.mode, steps: options.steps, prices: &[] };
    let solved = solve(&instance, solver);
    let solved: Solution = solved.map_err(|error| {
        At { file: "input", line: 0 }.error("", error.to_string(), "net fewer obligations at once")
    })?;
    settled.extend(solved.settled.iter().map(|row| rows[*row]));
    let Solution { value, upper_bound, fifo_value, steps, .. } = solved;
    Ok(Part { currencies, value, upper_bound, fifo_value, steps, amounts })
}

fn lay_out(
    case: &Case,
    rows: &[usize],
    (currencies, classes): (&[Currency], &[u8]),
    options: &Options,
) -> Result<Instance, InputError> {
    let mut local: BTreeMap<u32, u32> = BTreeMap::new();
    for row in rows {
        let owed = &case.obligations[*row];
        for participant in [owed.debtor, owed.creditor] {
            let next = local.len() as u32;
            local.entry(participant).or_insert(next);
        }
    }
    let place = |currency| currencies.iter().position(|own| *own == currency);
    let last = classes.len() as u32;
    let class_weights = (1..=last).map(|class| CLASS_STEP.pow(last - class)).collect();
    let mut instance = Instance {
        participants: local.len() as u32,
        currency_weights: weights(currencies, options)?,
        class_weights,
        ..Instance::default()
    };
    check_weights(&instance)?;
    instance.liquidity = vec![0; local.len() * currencies.len()];
    for (seq, row) in rows.iter().enumerate() {
        let owed = &case.obligations[*row];
        let currency = place(owed.amount.currency()).unwrap_or(0) as u16;
        let payment = netting::Payment {
            seq: seq as u64,
            debtor: local[&owed.debtor],
            creditor: local[&owed.creditor],
            currency,
            class: classes.iter().position(|class| *class == owed.class).unwrap_or(0) as u8,
            amount: owed.amount.minor(),
            group: owed.group,
        };
        if case.liquidity.is_none() {
            // Everybody can pay: as much as it owes.
            let node = instance.node(payment.debtor, currency);
            instance.liquidity[node] += payment.amount.cast_signed();
        }
        instance.payments.push(payment);
    }
    for ((participant, currency), minor) in case.liquidity.iter().flatten() {
        if let (Some(own), Some(currency)) = (local.get(participant), place(*currency)) {
            let node = instance.node(*own, currency as u16);
            instance.liquidity[node] = (*minor).min(MINOR_MAX).cast_signed();
        }
    }
    for limit in &case.limits {
        let (Some(debtor), Some(currency)) =
            (local.get(&limit.participant), place(limit.amount.currency()))
        else {
            continue;
        };
        let creditor = match limit.counterparty {
            // Nothing is owed to or by it here.
            Some(counterparty) if !local.contains_key(&counterparty) => continue,
            counterparty => counterparty.map(|counterparty| local[&counterparty]),
        };
        let (debtor, currency, minor) = (*debtor, currency as u16, limit.amount.minor());
        instance.limits.push(Limit { debtor, creditor, currency, minor });
    }
    Ok(instance)
}

/// What a minor unit of each currency counts, so that whole units count as the options say.
fn weights(currencies: &[Currency], options: &Options) -> Result<Vec<u64>, InputError> {
    let most = currencies.iter().map(|currency| currency.digits()).max().unwrap_or(0);
    let weight = |currency: &Currency| {
        let unit = options.weights.get(currency).copied().unwrap_or(1);
        let scale = 10_u64.pow(u32::from(most - currency.digits()));
        unit.checked_mul(scale).filter(|weight| *weight > 0).ok_or_else(|| {
            let at = At { file: "--weight", line: 0 };
            at.error(currency.as_str(), "is zero or too large", "give a smaller whole number")
        })
    };
    // One currency is only ever compared with itself.
    if currencies.len() == 1 { Ok(vec![1]) } else { currencies.iter().map(weight).collect() }
}

fn check_weights(instance: &Instance) -> Result<(), InputError> {
    let most = |weights: &[u64]| weights.iter().copied().max().unwrap_or(1);
    let product = most(&instance.currency_weights).checked_mul(most(&instance.class_weights));
    if product.is_some_and(|product| product <= WEIGHT_MAX) {
        return Ok(());
    }
    let fix = "give smaller ones, or use fewer classes";
    Err(At { file: "--weight", line: 0 }.error("", "the weights are too large together", fix))
}
