//! Takes the picture of the pool that others see, no more of it anew than has changed.

use std::sync::Arc;
use std::time::{Duration, Instant};

use channel::RuleBook;
use clearing::{Member, Outcome, Pool, Status};
use ledger::{AccountId, Currency, DebitLimit, Hash};
use risk::{CurrencyIndex, Measure};

use crate::metrics;
use crate::view::{
    AccountView, DayView, DirectoryView, LimitKind, LimitView, MemberView, PoolView, QueueView,
};

/// While orders come in, what takes a walk over the pool (queues, use of limits) is renewed no more
/// often than this.
const WALK_EVERY: Duration = Duration::from_millis(250);

/// What the picture is made of.
#[derive(Debug)]
pub(crate) struct Capture {
    batch: u64,
    state_root: Hash,
    /// Whether something was applied since the last walk.
    changed: bool,
    walked_at: Instant,
    status: Status,
    rules: Arc<RuleBook>,
    directory: Arc<DirectoryView>,
    limits: Arc<Vec<LimitView>>,
}

impl Capture {
    pub(crate) fn new(pool: &Pool) -> Self {
        let status = pool.status();
        metrics::walked(&status);
        Self {
            batch: status.batch.saturating_sub(1),
            state_root: status.state_root,
            changed: false,
            walked_at: Instant::now(),
            status,
            rules: Arc::new(pool.rules().clone()),
            directory: Arc::new(directory(pool)),
            limits: Arc::new(limits(pool)),
        }
    }

    /// Notes what one record did.
    pub(crate) fn note(&mut self, outcome: &Outcome) {
        self.changed = true;
        for sealed in outcome.sealed_before.iter().chain(&outcome.sealed) {
            self.batch = sealed.number;
            self.state_root = sealed.state_root;
        }
    }

    /// Whether a picture taken when nothing more comes in would show something new.
    pub(crate) fn stale(&self) -> bool {
        self.changed
    }

    /// The picture, walked anew if it is time, or if `quiet`.
    pub(crate) fn view(&mut self, pool: &Pool, quiet: bool) -> PoolView {
        if pool.directory_version() != self.directory.version {
            self.rules = Arc::new(pool.rules().clone());
            self.directory = Arc::new(directory(pool));
            self.walk(pool);
        } else if self.changed && (quiet || self.walked_at.elapsed() >= WALK_EVERY) {
            self.walk(pool);
        }
        let status = &self.status;
        PoolView {
            pool: status.pool,
            genesis: status.identity,
            operator_key: pool.operator_key(),
            next_position: pool.next_position(),
            now_ms: pool.now_ms(),
            batch: self.batch,
            state_root: self.state_root,
            cycle: pool.cycle(),
            open_cut: pool.cut_waiting(),
            sealing_required: pool.policy_in_effect().is_some(),
            rules: self.rules.clone(),
            rules_hash: status.rules_hash,
            queues: status
                .queued
                .iter()
                .map(|queued| QueueView {
                    currency: queued.currency,
                    orders: queued.count,
                    minor: queued.minor,
                })
                .collect(),
            seen_entries: status.seen,
            directory: self.directory.clone(),
            limits: self.limits.clone(),
        }
    }

    fn walk(&mut self, pool: &Pool) {
        self.status = pool.status();
        metrics::walked(&self.status);
        self.limits = Arc::new(limits(pool));
        self.walked_at = Instant::now();
        self.changed = false;
    }
}

fn directory(pool: &Pool) -> DirectoryView {
    let known = pool.directory();
    let members: Vec<MemberView> = known
        .members()
        .iter()
        .map(|Member { participant, status }| MemberView {
            participant: participant.clone(),
            status: *status,
        })
        .collect();
    let named = members.iter().enumerate();
    let by_name = named.map(|(at, member)| (member.participant.name.clone(), at)).collect();
    let numbered = members.iter().enumerate();
    let by_id = numbered.map(|(at, member)| (member.participant.id, at)).collect();
    let accounts = known
        .accounts()
        .map(|info| AccountView { info, credit_line: credit_line(pool, info.account) })
        .collect();
    let mut days: Vec<DayView> = known
        .currencies()
        .iter()
        .filter(|currency| currency.listed)
        .map(|known| DayView { currency: known.currency, day: known.day })
        .collect();
    days.sort_unstable_by_key(|day| day.currency);
    DirectoryView { version: pool.directory_version(), members, by_id, by_name, accounts, days }
}

fn credit_line(pool: &Pool, account: AccountId) -> u64 {
    match pool.ledger().account(account).map(ledger::Account::limit) {
        Some(DebitLimit::AtMost(minor)) => minor,
        Some(DebitLimit::Unlimited) | None => 0,
    }
}

/// The limits number participants and currencies by their index in the directory.
fn limits(pool: &Pool) -> Vec<LimitView> {
    let members = pool.directory().members();
    let participant = |id: risk::ParticipantId| members[id.0 as usize].participant.id;
    let ids = || (0..members.len() as u32).map(risk::ParticipantId);
    let mut found = Vec::new();
    for (index, known) in (0..).map(CurrencyIndex).zip(pool.directory().currencies()) {
        let limits = pool.limits();
        let currency = Some(known.currency);
        for pair in limits.pairs_with_limits(index) {
            found.push(LimitView {
                kind: LimitKind::Bilateral { counterparty: participant(pair.to) },
                participant: participant(pair.from),
                currency,
                limit: pair.limit,
                used: i128::from(pair.limit) - pair.headroom,
            });
        }
        for id in ids() {
            let own = limits.multilateral(id, index).map(|limit| (LimitKind::Multilateral, limit));
            let cap = limits.net_debit_cap(id, index).map(|limit| (LimitKind::DebitCap, limit));
            for (kind, limit) in own.into_iter().chain(cap) {
                let used = limits.position(id, index);
                found.push(LimitView { kind, participant: participant(id), currency, limit, used });
            }
        }
    }
    for (currency, measure) in measures(pool) {
        for id in ids() {
            let Some(rule) = pool.velocity().rule(id, measure) else { continue };
            found.push(LimitView {
                kind: LimitKind::Velocity { window_ms: rule.window_ms },
                participant: participant(id),
                currency,
                limit: rule.most,
                used: i128::from(pool.velocity().used(id, measure, pool.now_ms())),
            });
        }
    }
    found.sort_by_key(|limit| (limit.kind.rank(), limit.participant, limit.kind, limit.currency));
    found
}

/// What windows count: orders, and the value of each currency.
fn measures(pool: &Pool) -> impl Iterator<Item = (Option<Currency>, Measure)> {
    let values = (0..)
        .map(|index| Measure::Value(CurrencyIndex(index)))
        .zip(pool.directory().currencies())
        .map(|(measure, known)| (Some(known.currency), measure));
    std::iter::once((None, Measure::Orders)).chain(values)
}
