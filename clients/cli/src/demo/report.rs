//! What the demonstration tells people and programs.

mod exchange;
mod gridlock;
mod liquidity;
mod text;

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use sdk::{reason_name, v1};
use serde_json::{Value, json};

use self::exchange::Exchange;
use self::gridlock::Gridlock;
use self::liquidity::Liquidity;
use super::day::gridlock::CURRENCY;
use super::node::Replay;
use super::readers::Opened;
use super::sealing::Counted;
use super::tally::{Movement, Tally};
use crate::commands::batches::gap;
use crate::commands::show::decimal;
use crate::failure::Failure;
use crate::output::hex;

/// The report of a day.
#[derive(Debug)]
pub(super) struct Report {
    seed: u64,
    /// How many banks hand in payments.
    banks: usize,
    state_root: String,
    counts: Counts,
    /// How many payments were rejected, by reason.
    rejections: BTreeMap<&'static str, u64>,
    /// What waits, by bank and currency.
    waiting: Vec<Waiting>,
    currencies: Vec<Currency>,
    exchange: Exchange,
    gridlock: Option<Gridlock>,
    /// What was sealed, and what of it opened.
    sealing: (Counted, Opened),
    batches: Vec<Batch>,
    invariants: Invariants,
}

#[derive(Debug, Default)]
struct Counts {
    received: u64,
    settled: u64,
    queued: u64,
    warehoused: u64,
    rejected: u64,
}

/// A queue that the day did not empty.
#[derive(Debug)]
struct Waiting {
    bank: String,
    currency: String,
    payments: u64,
    minor: i128,
    /// What the first of them needs.
    first: i128,
    available: i128,
}

#[derive(Debug)]
struct Currency {
    code: String,
    /// Movements of settled payments and their value.
    settled: u64,
    gross: i128,
    net: i128,
    /// Payments that wait, and their value.
    waiting: u64,
    waiting_minor: i128,
    liquidity: Liquidity,
}

#[derive(Debug)]
struct Batch {
    pool: u32,
    number: u64,
    payments: u32,
    /// How much more could have settled at most, in percent; empty if no cycle settled in it.
    gap: String,
    state_root: String,
}

#[derive(Debug)]
struct Invariants {
    replayed: u64,
    /// The replay found nothing wrong and reached the node's last root over as many batches.
    replay: bool,
    /// Every batch's nets sum to zero per currency.
    nets: bool,
    /// All accounts of a currency sum to zero.
    balances: bool,
    /// Every order handed in is there, in exactly one state.
    counts: bool,
}

impl Report {
    pub(super) fn new(
        seed: u64,
        tally: &Tally,
        replay: &Replay,
        sealing: (Counted, Opened),
    ) -> Result<Self, Failure> {
        let counts = counts(tally);
        let state_root = hex(&tally.pool.state_root);
        let last = tally.batches.last().map(|batch| hex(&batch.state_root));
        let invariants = Invariants {
            replayed: replay.records,
            replay: replay.ok
                && replay.batches == tally.batches.len() as u64
                && Some(&replay.state_root) == last.as_ref()
                && state_root == replay.state_root,
            nets: nets_are_zero(&tally.batches)?,
            balances: balances_are_zero(&tally.balances)?,
            counts: counts.received == tally.handed_in
                && counts.received
                    == counts.settled + counts.queued + counts.warehoused + counts.rejected,
        };
        let batch = |batch: &v1::Batch| Batch {
            pool: batch.pool,
            number: batch.number,
            payments: batch.payment_count,
            gap: gap(batch),
            state_root: hex(&batch.state_root),
        };
        let senders: BTreeSet<&str> = tally.payments.values().map(|p| p.sender.as_str()).collect();
        Ok(Self {
            seed,
            banks: senders.len(),
            state_root,
            rejections: rejections(tally),
            waiting: waiting(tally)?,
            currencies: currencies(tally)?,
            exchange: Exchange::of(tally),
            gridlock: Gridlock::of(tally)?,
            sealing,
            batches: tally.batches.iter().map(batch).collect(),
            counts,
            invariants,
        })
    }

    /// Whether everything holds that was checked.
    pub(super) fn ok(&self) -> bool {
        let Invariants { replay, nets, balances, counts, .. } = self.invariants;
        replay && nets && balances && counts && self.sealing.1.faults == 0
    }

    pub(super) fn to_json(&self) -> Value {
        let counts = &self.counts;
        let currency = |currency: &Currency| {
            let text = |minor| decimal(minor, &currency.code);
            json!({
                "currency": currency.code,
                "settled": currency.settled,
                "gross": text(currency.gross),
                "net": text(currency.net),
                "waiting": currency.waiting,
                "waiting_amount": text(currency.waiting_minor),
                "liquidity_without_netting": text(currency.liquidity.without_netting),
                "liquidity_with_netting": text(currency.liquidity.with_netting),
            })
        };
        let batch = |batch: &Batch| {
            json!({
                "pool": batch.pool,
                "number": batch.number,
                "state_root": batch.state_root,
                "payments": batch.payments,
                "gap": batch.gap,
            })
        };
        let waiting = |waiting: &Waiting| {
            let text = |minor| decimal(minor, &waiting.currency);
            json!({
                "bank": waiting.bank,
                "currency": waiting.currency,
                "payments": waiting.payments,
                "amount": text(waiting.minor),
                "first_needs": text(waiting.first),
                "available": text(waiting.available),
                "reason": waiting.reason(),
            })
        };
        json!({
            "seed": self.seed,
            "state_root": self.state_root,
            "payments": {
                "received": counts.received,
                "settled": counts.settled,
                "queued": counts.queued,
                "warehoused": counts.warehoused,
                "rejected": counts.rejected,
            },
            "rejections": self.rejections,
            "waiting": self.waiting.iter().map(waiting).collect::<Vec<_>>(),
            "currencies": self.currencies.iter().map(currency).collect::<Vec<_>>(),
            "fx": self.exchange.to_json(),
            "gridlock": self.gridlock.as_ref().map(Gridlock::to_json),
            "sealing": self.sealing_object(),
            "batches": self.batches.iter().map(batch).collect::<Vec<_>>(),
            "invariants": {
                "ok": self.ok(),
                "records_replayed": self.invariants.replayed,
                "replay_reaches_the_same_root": self.invariants.replay,
                "batches_net_to_zero": self.invariants.nets,
                "balances_sum_to_zero": self.invariants.balances,
                "payments_add_up": self.invariants.counts,
            },
        })
    }
}

impl Report {
    fn sealing_object(&self) -> Value {
        let (counted, opened) = &self.sealing;
        json!({
            "sealed": counted.sealed,
            "screened": counted.screened,
            "held_and_released": counted.held,
            "confirmed_by_receivers": counted.confirmed,
            "opened_by_receivers": opened.by_receivers,
            "opened_by_regulators": opened.by_regulators,
            "faults": opened.faults,
        })
    }
}

impl Waiting {
    /// Why the first payment of the queue waits; the others wait behind it.
    fn reason(&self) -> &'static str {
        if self.first > self.available { "liquidity" } else { "a limit, or the next cycle" }
    }
}

fn counts(tally: &Tally) -> Counts {
    let mut counts = Counts::default();
    for payment in tally.payments.values() {
        counts.received += 1;
        match payment.state() {
            v1::PaymentState::Settled => counts.settled += 1,
            v1::PaymentState::Queued
            | v1::PaymentState::AwaitingGroup
            | v1::PaymentState::AwaitingMatch
            | v1::PaymentState::Matched
            | v1::PaymentState::Held => counts.queued += 1,
            v1::PaymentState::Warehoused => counts.warehoused += 1,
            v1::PaymentState::Rejected
            | v1::PaymentState::Cancelled
            | v1::PaymentState::Expired => counts.rejected += 1,
            v1::PaymentState::Unspecified => {}
        }
    }
    counts
}

fn rejections(tally: &Tally) -> BTreeMap<&'static str, u64> {
    let mut rejections = BTreeMap::new();
    for payment in tally.payments.values() {
        if payment.reason() != v1::RejectReason::Unspecified {
            *rejections.entry(reason_name(payment.reason())).or_default() += 1;
        }
    }
    rejections
}

/// A payment's amount: its currency and its minor units.
fn amount(payment: &v1::Payment) -> (&str, i128) {
    payment
        .amount
        .as_ref()
        .map_or(("", 0), |money| (money.currency_code.as_str(), i128::from(money.minor_units)))
}

fn waiting(tally: &Tally) -> Result<Vec<Waiting>, Failure> {
    let mut waiting: BTreeMap<(&str, &str), Waiting> = BTreeMap::new();
    let queued =
        tally.payments.values().filter(|payment| payment.state() == v1::PaymentState::Queued);
    // The queue's order: by class, then by place.
    let mut queued: Vec<&v1::Payment> = queued.collect();
    queued.sort_by_key(|payment| (payment.class, payment.place));
    for payment in queued {
        let (currency, minor) = amount(payment);
        let own = (payment.sender.as_str(), currency);
        let queue = match waiting.entry(own) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(new) => new.insert(Waiting {
                bank: payment.sender.clone(),
                currency: currency.to_owned(),
                payments: 0,
                minor: 0,
                first: minor,
                available: available(tally, own)?,
            }),
        };
        queue.payments += 1;
        queue.minor += minor;
    }
    Ok(waiting.into_values().collect())
}

/// What an account has, less what is reserved.
fn available(tally: &Tally, (bank, currency): (&str, &str)) -> Result<i128, Failure> {
    let mut accounts = tally.balances.iter();
    let account = accounts.find(|b| b.participant == bank && b.currency_code == currency);
    account.map_or(Ok(0), |account| Ok(posted(account)? - minor(&account.debits_pending)?))
}

/// Credits less debits.
fn posted(balance: &v1::Balance) -> Result<i128, Failure> {
    Ok(minor(&balance.credits_posted)? - minor(&balance.debits_posted)?)
}

fn minor(text: &str) -> Result<i128, Failure> {
    text.parse().map_err(|_| Failure::fault("the node sent no number"))
}

fn balances_are_zero(balances: &[v1::Balance]) -> Result<bool, Failure> {
    let mut sums: BTreeMap<&str, i128> = BTreeMap::new();
    for balance in balances {
        *sums.entry(&balance.currency_code).or_default() += posted(balance)?;
    }
    Ok(sums.values().all(|sum| *sum == 0))
}

fn nets_are_zero(batches: &[v1::Batch]) -> Result<bool, Failure> {
    for batch in batches {
        let mut sums: BTreeMap<&str, i128> = BTreeMap::new();
        for net in batch.nets.iter().filter_map(|net| net.net.as_ref()) {
            *sums.entry(&net.currency_code).or_default() += minor(&net.minor_units)?;
        }
        if sums.values().any(|sum| *sum != 0) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Gross and net of each currency over the day, and the liquidity that either takes.
fn currencies(tally: &Tally) -> Result<Vec<Currency>, Failure> {
    let mut gross: BTreeMap<&str, (u64, i128)> = BTreeMap::new();
    let mut positions: BTreeMap<(&str, &str), i128> = BTreeMap::new();
    for Movement { currency, from, to, minor, .. } in &tally.movements {
        let sum = gross.entry(currency).or_default();
        *sum = (sum.0 + 1, sum.1 + minor);
        *positions.entry((currency, from)).or_default() -= minor;
        *positions.entry((currency, to)).or_default() += minor;
    }
    let mut waits: BTreeMap<&str, (u64, i128)> = BTreeMap::new();
    let queued = |it: &&v1::Payment| it.state() == v1::PaymentState::Queued;
    for payment in tally.payments.values().filter(queued) {
        let (currency, minor) = amount(payment);
        let sum = waits.entry(currency).or_default();
        *sum = (sum.0 + 1, sum.1 + minor);
    }
    let needed = liquidity::needed(tally)?;
    let currency = |(code, (settled, gross)): (&str, (u64, i128))| {
        let (waiting, waiting_minor) = waits.get(code).copied().unwrap_or_default();
        let own = positions.iter().filter(|((currency, _), _)| *currency == code);
        Currency {
            code: code.to_owned(),
            settled,
            gross,
            waiting,
            waiting_minor,
            net: own.map(|(_, position)| (*position).max(0)).sum(),
            liquidity: needed.get(code).copied().unwrap_or_default(),
        }
    };
    Ok(gross.into_iter().map(currency).collect())
}

impl Report {
    /// What to try next against the running node, wherever the other terminal is.
    pub(super) fn next_steps(&self, dir: &Path) -> String {
        let absolute = std::path::absolute(dir).unwrap_or_else(|_| dir.to_owned());
        let program = std::env::current_exe().unwrap_or_else(|_| "causeway".into());
        let (program, dir) = (quoted(&program), quoted(&absolute));
        let first = match self.gridlock.as_ref().and_then(|gridlock| gridlock.blocking.as_ref()) {
            Some((bank, uetr, _)) => format!("{bank} why {uetr}"),
            None => "ALBKGB2L balances".to_owned(),
        };
        let fund = self.waiting.iter().max_by_key(|it| (it.currency == CURRENCY, it.payments));
        let last = match fund {
            Some(it) => {
                let short = decimal((it.first - it.available).max(1), &it.currency);
                format!("whatif --fund {}:{}:{short}", it.bank, it.currency)
            }
            None => "pool".to_owned(),
        };
        format!(
            "\nThe node keeps running until Ctrl-C. In another terminal:\n  \
             {program} --dir {dir} --profile {first}\n  \
             {program} --dir {dir} --profile alice unlock\n  \
             {program} --dir {dir} --profile alice {last}"
        )
    }
}

/// A path as a shell takes it.
fn quoted(path: &Path) -> String {
    let text = path.display().to_string();
    let plain = |c: char| c.is_alphanumeric() || "/._-+:@%".contains(c);
    if text.chars().all(plain) { text } else { format!("'{}'", text.replace('\'', r"'\''")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_quoted_for_a_shell() {
        assert_eq!(quoted(Path::new("/tmp/a-b_c.d")), "/tmp/a-b_c.d");
        assert_eq!(quoted(Path::new("/my day's/x")), r"'/my day'\''s/x'");
    }
}
