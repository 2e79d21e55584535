//! What became of the payments of a day, record by record.

use std::collections::BTreeMap;

use channel::{MessageKind, ParticipantId};
use clearing::{
    Outcome, PaymentState, Place, Pool, Record, RecordBody, Ruling, SealedBatch, TransferKind,
};
use ledger::{AccountId, Currency, Hash};

use crate::day::{CurrencyDay, Day, LiquidityUse};
use crate::series::{Changes, Events};

/// A payment that was accepted and has not settled.
#[derive(Debug)]
struct Waiting {
    currency: Currency,
    minor: u64,
    /// Since when it is in its queue, ms.
    queued_since_ms: Option<u64>,
    /// It settled with its own record; only its batch is still to be sealed.
    at_once: bool,
}

/// A currency so far.
#[derive(Debug, Default)]
struct Tally {
    settled_count: u64,
    settled_minor: u128,
    fx_count: u64,
    fx_minor: u128,
    /// Of each settled FX order: how long after its acceptance, ms.
    fx_delays_ms: Vec<u64>,
    left_count: u64,
    left_minor: u128,
    /// Of each settled payment: how long it was queued, ms, and its minor units.
    delays: Vec<(u64, u64)>,
    /// Minor units times ms spent in queues by what has left them.
    minor_ms: u128,
    queued: Events,
    settled: Events,
    used: Events,
}

/// Watches a pool.
#[derive(Debug, Default)]
pub(crate) struct Meter {
    waiting: BTreeMap<Place, Waiting>,
    /// FX orders that were accepted and have neither settled nor left, with when, ms.
    exchanges: BTreeMap<Place, u64>,
    tallies: BTreeMap<Currency, Tally>,
    /// Of each participant and currency: credits minus debits of payments, and the least of it.
    positions: BTreeMap<(ParticipantId, Currency), (i128, i128)>,
    orders: u64,
    accepted: u64,
    cycles: u64,
    batches: u64,
    last: (Hash, Hash),
    /// Batches, hash and root of the last one, before the day was ended.
    noted: (u64, Hash, Hash),
}

impl Meter {
    /// Takes in what came of a record.
    pub(crate) fn see(&mut self, bytes: &[u8], outcome: &Outcome, pool: &Pool) {
        if let Some(sealed) = &outcome.sealed_before {
            self.take_batch(sealed, pool);
        }
        if let Ok(Record { body: RecordBody::Orders(orders), .. }) = Record::read(bytes) {
            for ((header, _), ruled) in orders.orders().zip(&outcome.rulings) {
                self.orders += 1;
                let fx = header.kind().is_some_and(MessageKind::fx);
                if fx && !ruled.replayed && ruled.ruling != Ruling::Rejected {
                    self.exchanges.insert(ruled.place, outcome.time_ms);
                }
                let known = !ruled.replayed && !fx;
                if let (true, Ok(currency)) = (known, Currency::from_bytes(header.currency_bytes()))
                {
                    let ruling = (ruled.place, ruled.ruling);
                    self.accept(ruling, (currency, header.minor()), outcome.time_ms);
                }
            }
        }
        for change in &outcome.changes {
            match change.state {
                PaymentState::Queued => self.queue(change.place, outcome.time_ms),
                PaymentState::Rejected | PaymentState::Cancelled | PaymentState::Expired => {
                    self.leave(change.place, outcome.time_ms);
                }
                _ => {}
            }
        }
        if let Some(sealed) = &outcome.sealed {
            self.take_batch(sealed, pool);
        }
        self.cycles = pool.cycle().saturating_sub(1);
    }

    fn accept(
        &mut self,
        (place, ruling): (Place, Ruling),
        (currency, minor): (Currency, u64),
        now_ms: u64,
    ) {
        let at_once = match ruling {
            Ruling::Settled => true,
            Ruling::Queued | Ruling::Warehoused | Ruling::AwaitingGroup | Ruling::Held => false,
            _ => return,
        };
        self.accepted += 1;
        let waiting = Waiting { currency, minor, queued_since_ms: None, at_once };
        self.waiting.insert(place, waiting);
        if ruling == Ruling::Queued {
            self.queue(place, now_ms);
        }
    }

    fn queue(&mut self, place: Place, now_ms: u64) {
        let Some(waiting) = self.waiting.get_mut(&place) else { return };
        if waiting.queued_since_ms.is_none() {
            waiting.queued_since_ms = Some(now_ms);
            let tally = self.tallies.entry(waiting.currency).or_default();
            tally.queued.add(now_ms, i128::from(waiting.minor));
        }
    }

    fn leave(&mut self, place: Place, now_ms: u64) {
        self.exchanges.remove(&place);
        let Some(waiting) = self.waiting.remove(&place) else { return };
        let tally = self.tallies.entry(waiting.currency).or_default();
        tally.left_count += 1;
        tally.left_minor += u128::from(waiting.minor);
        tally.leave_queue(&waiting, now_ms);
    }

    fn take_batch(&mut self, sealed: &SealedBatch, pool: &Pool) {
        let at_ms = sealed.sealed_at_ms;
        for transfer in &sealed.transfers {
            let leg = matches!(transfer.kind, TransferKind::FxLeg | TransferKind::Crossing);
            if transfer.kind != TransferKind::Payment && !leg {
                continue;
            }
            let Some(currency) = currency_of(pool, transfer.debit) else { continue };
            let tally = self.tallies.entry(currency).or_default();
            // An order settles with the first of its legs.
            let accepted_ms = self.exchanges.remove(&transfer.origin);
            if leg || accepted_ms.is_some() {
                tally.fx_count += 1;
                tally.fx_minor += u128::from(transfer.minor);
                let waited = accepted_ms.map(|since_ms| at_ms.saturating_sub(since_ms));
                tally.fx_delays_ms.extend(waited);
                continue;
            }
            tally.settled_count += 1;
            tally.settled_minor += u128::from(transfer.minor);
            tally.settled.add(at_ms, i128::from(transfer.minor));
            if let Some(waiting) = self.waiting.remove(&transfer.place) {
                let waited = match waiting.queued_since_ms {
                    Some(since_ms) => at_ms.saturating_sub(since_ms),
                    None => 0,
                };
                let waited = if waiting.at_once { 0 } else { waited };
                tally.delays.push((waited, waiting.minor));
                tally.leave_queue(&waiting, at_ms);
            }
        }
        for net in &sealed.nets {
            let (now, least) = self.positions.entry((net.participant, net.currency)).or_default();
            let before = (-*now).max(0);
            *now += net.minor;
            *least = (*least).min(*now);
            let tally = self.tallies.entry(net.currency).or_default();
            tally.used.add(at_ms, (-*now).max(0) - before);
        }
        self.batches = sealed.number;
        self.last = (sealed.hash, sealed.state_root);
    }

    /// Remembers the last batch of the log itself: what follows only ends the day.
    pub(crate) fn note_roots(&mut self) {
        self.noted = (self.batches, self.last.0, self.last.1);
    }

    /// The day from and until two instants, ms.
    pub(crate) fn day(mut self, (from_ms, until_ms): (u64, u64), pool: &Pool) -> Day {
        let mut still: BTreeMap<Currency, (u64, u128)> = BTreeMap::new();
        for waiting in self.waiting.values().filter(|waiting| !waiting.at_once) {
            let (count, minor) = still.entry(waiting.currency).or_default();
            *count += 1;
            *minor += u128::from(waiting.minor);
            let tally = self.tallies.entry(waiting.currency).or_default();
            if let Some(since_ms) = waiting.queued_since_ms {
                let waited = u128::from(until_ms.saturating_sub(since_ms));
                tally.minor_ms += waited * u128::from(waiting.minor);
            }
        }
        let mut liquidity = Vec::new();
        for ((participant, currency), (_, least)) in &self.positions {
            if *least < 0 {
                let member = pool.directory().member(*participant);
                let name = member.map_or_else(String::new, |it| it.participant.name.clone());
                let minor = least.unsigned_abs();
                liquidity.push(LiquidityUse { participant: name, currency: *currency, minor });
            }
        }
        let (batches, batch_hash, state_root) = self.noted;
        let currencies = self.tallies.into_iter().map(|(currency, tally)| {
            let still = still.get(&currency).copied().unwrap_or_default();
            let own = liquidity.iter().filter(|used| used.currency == currency);
            tally.day(currency, still, own.map(|used| used.minor).sum(), (from_ms, until_ms))
        });
        Day {
            orders: self.orders,
            accepted: self.accepted,
            cycles: self.cycles,
            batches,
            batch_hash,
            state_root,
            currencies: currencies.collect(),
            liquidity,
        }
    }
}

impl Tally {
    fn leave_queue(&mut self, waiting: &Waiting, now_ms: u64) {
        if let Some(since_ms) = waiting.queued_since_ms {
            let waited = now_ms.saturating_sub(since_ms);
            self.minor_ms += u128::from(waited) * u128::from(waiting.minor);
            self.queued.add(now_ms, -i128::from(waiting.minor));
        }
    }

    fn day(
        mut self,
        currency: Currency,
        (still_count, still_minor): (u64, u128),
        liquidity_minor: u128,
        span: (u64, u64),
    ) -> CurrencyDay {
        self.delays.sort_unstable();
        let sum: u128 = self.delays.iter().map(|(delay, _)| u128::from(*delay)).sum();
        let weighted: u128 =
            self.delays.iter().map(|(delay, minor)| u128::from(*delay) * u128::from(*minor)).sum();
        let minor: u128 = self.delays.iter().map(|(_, minor)| u128::from(*minor)).sum();
        let at = |percent: usize| {
            let rank = (self.delays.len() * percent).div_ceil(100).max(1);
            self.delays.get(rank - 1).map_or(0, |(delay, _)| *delay)
        };
        let mean = |sum: u128, weight: u128| u64::try_from(sum / weight.max(1)).unwrap_or(u64::MAX);
        let fx_sum: u128 = self.fx_delays_ms.iter().map(|delay| u128::from(*delay)).sum();
        let (p50_delay_ms, p95_delay_ms) = (at(50), at(95));
        let used = self.used.series(span, Changes::Peaks);
        let queued = self.queued.series(span, Changes::Peaks);
        CurrencyDay {
            currency,
            settled_count: self.settled_count,
            settled_minor: self.settled_minor,
            fx_count: self.fx_count,
            fx_minor: self.fx_minor,
            fx_mean_delay_ms: mean(fx_sum, self.fx_delays_ms.len() as u128),
            left_count: self.left_count,
            left_minor: self.left_minor,
            queued_count: still_count,
            queued_minor: still_minor,
            mean_delay_ms: mean(sum, self.delays.len() as u128),
            value_mean_delay_ms: mean(weighted, minor),
            p50_delay_ms,
            p95_delay_ms,
            minor_ms: self.minor_ms,
            liquidity_minor,
            peak_used_minor: peak(&used),
            peak_queued_minor: peak(&queued),
            queued,
            settled: self.settled.series(span, Changes::Last),
            used,
        }
    }
}

fn peak(series: &[(u64, i128)]) -> u128 {
    series.iter().map(|point| point.1).max().unwrap_or(0).max(0).unsigned_abs()
}

fn currency_of(pool: &Pool, account: AccountId) -> Option<Currency> {
    pool.ledger().account(account).map(ledger::Account::currency)
}
