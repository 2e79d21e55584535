//! What those who run a pool need to know of it: facts for operators, the next tick, its
//! invariants.

use ledger::{AccountId, Currency, Hash};
use risk::CurrencyIndex;

use crate::disclosure::{HeldFor, KeyStanding};
use crate::outcome::Cut;
use crate::payment::Stage;
use crate::pool::Pool;

/// What waits in the queues of one currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Queued {
    /// The currency.
    pub currency: Currency,
    /// Payments.
    pub count: u64,
    /// Their sum, minor units.
    pub minor: u128,
}

/// The pool at a glance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// The pool's number.
    pub pool: u32,
    /// SHA-256 of its genesis.
    pub identity: Hash,
    /// The position of the next record.
    pub next_position: u64,
    /// The pool's time, ms.
    pub now_ms: u64,
    /// The number of the batch being filled.
    pub batch: u64,
    /// The number of the current cycle.
    pub cycle: u64,
    /// The cut that waits for a proposal.
    pub cut: Option<Cut>,
    /// The state root of the batch sealed last; zeros before the first.
    pub state_root: Hash,
    /// The hash of the batch sealed last; zeros before the first.
    pub batch_hash: Hash,
    /// The version of the rule book.
    pub rules_version: u32,
    /// Its hash.
    pub rules_hash: Hash,
    /// What is queued, by currency in the order of the directory.
    pub queued: Vec<Queued>,
    /// Payments that wait outside the queues: for a date, an instant, a group.
    pub waiting: u64,
    /// Identities that are remembered.
    pub seen: u64,
    /// Link groups that have not settled.
    pub groups: u64,
    /// Pay-outs that wait for the agent.
    pub defunds: u64,
    /// Payments held until somebody has given the word; they are among those that wait.
    pub held: u64,
    /// What for.
    pub held_for: HeldFor,
    /// For how many participants others can seal.
    pub keys: KeyStanding,
    /// Participants that are suspended.
    pub suspended: u64,
    /// Disclosure faults without an answer.
    pub faults: u64,
    /// Those of them whose deadline has passed.
    pub faults_overdue: u64,
    /// Accounts below zero, on their credit lines.
    pub overdrawn: u64,
}

/// The next tick that is of use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NextTick {
    /// When to append it, ms: a tick with an earlier time does nothing.
    pub at_ms: u64,
    /// The cycle it should name; 0 if it only lets time pass.
    pub cycle: u64,
}

/// An invariant of the pool that does not hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Violation {
    /// The books are corrupt.
    #[error("books: {0}")]
    Ledger(#[from] ledger::Violation),
    /// The limits are corrupt.
    #[error("limits: {0}")]
    Limits(#[from] risk::Violation),
    /// The number of payments in queues and waiting is not the number of payments.
    #[error("payments in queues and waiting do not add up")]
    Payments,
    /// A group's members are not where a group's members can be.
    #[error("a link group is torn apart")]
    Group,
    /// An FX order, its match, the legs of it or the quotes do not fit each other.
    #[error("foreign exchange is torn apart")]
    Fx,
    /// The payments that are held are not those that wait for a word.
    #[error("held payments are torn apart")]
    Held,
    /// The accounts of the directory are not those of the books.
    #[error("the directory and the books have different accounts")]
    Accounts,
    /// The incremental state root is not the root of the state.
    #[error("the state root does not match the state")]
    StateRoot,
}

impl Pool {
    /// The pool at a glance; walks the accounts.
    #[must_use]
    pub fn status(&self) -> Status {
        Status {
            pool: self.pool,
            identity: self.identity,
            next_position: self.next_position,
            now_ms: self.now_ms,
            batch: self.batch.number,
            cycle: self.cycle.number,
            cut: self.cycle.cut.as_ref().map(|open| open.cut.clone()),
            state_root: self.last_root,
            batch_hash: self.batch.previous,
            rules_version: self.rules.version,
            rules_hash: self.rules_hash,
            queued: self.queued(),
            waiting: self.waiting.len() as u64,
            seen: self.seen.len(),
            groups: self.groups.len() as u64,
            defunds: self.funding.defunds.len() as u64,
            held: self.disclosure.holds.len() as u64,
            held_for: self.disclosure.holds.count(),
            keys: self.key_standing(),
            suspended: self.suspended(),
            faults: self.open_faults().count() as u64,
            faults_overdue: self.overdue(),
            overdrawn: self.overdrawn(),
        }
    }

    fn queued(&self) -> Vec<Queued> {
        let currencies = self.directory.currencies().iter();
        let mut queued: Vec<Queued> = currencies
            .map(|known| Queued { currency: known.currency, count: 0, minor: 0 })
            .collect();
        for (account, holder) in (0..).map(AccountId).zip(self.directory.holders()) {
            let queued = &mut queued[usize::from(holder.currency)];
            let (count, minor) = self.queues.total(account);
            queued.count += count as u64;
            queued.minor += minor;
        }
        queued
    }

    fn overdue(&self) -> u64 {
        self.open_faults().filter(|fault| fault.due_at_ms < self.now_ms).count() as u64
    }

    fn suspended(&self) -> u64 {
        let members = self.directory.members().iter();
        members.filter(|member| member.status == channel::Status::Suspended).count() as u64
    }

    fn overdrawn(&self) -> u64 {
        let holders = self.directory.holders().iter();
        let accounts = self.ledger.accounts().zip(holders);
        let below =
            accounts.filter(|((_, books), holder)| holder.member.is_some() && books.balance() < 0);
        below.count() as u64
    }

    /// A number that changes whenever participants, accounts, credit lines, limits, days, rules or
    /// pending pay-outs change, so that a copy of them can be renewed when it must.
    #[must_use]
    pub fn directory_version(&self) -> u64 {
        self.directory.version()
    }

    /// The next tick of use, if nothing else comes before it.
    #[must_use]
    pub fn next_tick(&self) -> Option<NextTick> {
        let seal = self.batch.opened_at_ms.map(|at_ms| at_ms + u64::from(self.rules.seal_ms));
        let time_only = match &self.cycle.cut {
            Some(open) => [Some(open.cut.floor_at_ms), seal, None, None, None],
            None => [
                seal,
                self.waiting.first_instant(),
                // A validity ends after its instant.
                self.expiry.earliest_ms().map(|at_ms| at_ms.saturating_add(1)),
                self.first_close(),
                self.fx.orders.first_instant_ms().map(|at_ms| at_ms.saturating_add(1)),
            ],
        };
        let work = self.fx.orders.work_left() && self.room_for_legs();
        let work = work.then_some(self.now_ms);
        let time_only = time_only.into_iter().chain([work]).flatten().min();
        let time_only = time_only.map(|at_ms| NextTick { at_ms, cycle: 0 });
        let cycle = self.due_cycle().map(|cycle| NextTick { at_ms: self.cycle.due_at_ms, cycle });
        [time_only, cycle].into_iter().flatten().min_by_key(|tick| tick.at_ms)
    }

    /// When the next tick of use is due, ms.
    #[must_use]
    pub fn next_tick_at_ms(&self) -> Option<u64> {
        self.next_tick().map(|tick| tick.at_ms)
    }

    /// The number of the current cycle, if closing it can settle something.
    #[must_use]
    pub fn due_cycle(&self) -> Option<u64> {
        let open = |known: &crate::directory::PoolCurrency| known.day.open.is_some();
        let waits = self.queues.len() > 0 && self.directory.currencies().iter().any(open);
        (waits && self.cycle.cut.is_none()).then_some(self.cycle.number)
    }

    fn first_close(&self) -> Option<u64> {
        let days = self.directory.currencies().iter().filter_map(|known| known.day.open);
        days.map(|open| open.closes_at_ms).min()
    }

    /// Checks all invariants, in time proportional to the state.
    ///
    /// # Errors
    /// The first [`Violation`] met.
    pub fn check(&self) -> Result<(), Violation> {
        self.ledger.check()?;
        self.limits.check()?;
        let holders = self.directory.holders();
        let matches = self.ledger.accounts().len() == holders.len()
            && self.ledger.accounts().zip(holders).all(|((_, books), holder)| {
                books.currency() == self.directory.currency(holder.currency).currency
            });
        if !matches {
            return Err(Violation::Accounts);
        }
        if self.payments.len() != self.queues.len() + self.waiting.len() {
            return Err(Violation::Payments);
        }
        self.check_held()?;
        self.check_groups()?;
        self.check_fx()
    }

    /// What is held is held for something, and nothing else is.
    fn check_held(&self) -> Result<(), Violation> {
        let held = self.payments.iter().filter(|(_, payment)| payment.stage == Stage::Held);
        let known = held.map(|(_, payment)| self.disclosure.holds.get(payment.place).is_some());
        let known: Vec<bool> = known.collect();
        let holds = &self.disclosure.holds;
        let counted = known.len() == holds.len() && holds.count() == holds.recount();
        if counted && known.into_iter().all(|it| it) { Ok(()) } else { Err(Violation::Held) }
    }

    /// A group's members wait for each other, or are all in their queues.
    fn check_groups(&self) -> Result<(), Violation> {
        for group in self.groups.iter() {
            let stages = group.members.iter().map(|member| self.payments.get(*member).stage);
            let ready = stages.clone().filter(|stage| *stage == Stage::Group).count();
            let queued = stages.filter(|stage| *stage == Stage::Queue).count();
            let holds = if group.complete() {
                queued == usize::from(group.size)
            } else {
                queued == 0 && ready == usize::from(group.ready)
            };
            if !holds || group.members.len() > usize::from(group.size) {
                return Err(Violation::Group);
            }
        }
        Ok(())
    }

    /// The day's limits and positions of one currency are in the limits under this number.
    #[must_use]
    pub fn limit_index(&self, currency: Currency) -> Option<CurrencyIndex> {
        let known = self.directory.currencies().iter();
        (0..)
            .zip(known)
            .find(|(_, known)| known.currency == currency)
            .map(|(index, _)| CurrencyIndex(index))
    }
}
