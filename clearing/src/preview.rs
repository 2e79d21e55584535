//! What a cut would take if it were made now, and with which means: a copy to think about beside
//! the pool, with other means too. Nothing of the pool changes.

use std::collections::BTreeMap;

use channel::{NettingMode, ParticipantId};
use ledger::{AccountId, Currency, DebitLimit};
use risk::CurrencyIndex;

use crate::candidates::{Candidate, Candidates, LimitRow};
use crate::cycle::CutQueue;
use crate::fifo::{Fifo, Leg, NONE, Row};
use crate::group::GroupId;
use crate::outcome::Cut;
use crate::pool::{Pool, risk_id};
use crate::queue::CLASSES;
use crate::record::Place;

/// What decides how much an account may pay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Means {
    /// The account.
    pub account: AccountId,
    /// Whose it is.
    pub participant: ParticipantId,
    /// Its currency.
    pub currency: Currency,
    /// Final credits less final debits, minor units.
    pub balance: i128,
    /// Reserved for pay-outs, minor units.
    pub reserved: u128,
    /// How far below zero it may go, minor units.
    pub credit_line: u64,
    /// The day's net debit position towards all others, minor units; below zero: it is owed.
    pub position: i128,
    /// The owner's own limit on that position.
    pub multilateral: Option<u64>,
    /// The operator's cap on it.
    pub cap: Option<u64>,
}

/// Which of its means bounds an account first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tightest {
    /// Its money: balance and credit line.
    Money,
    /// Its own multilateral limit.
    Multilateral,
    /// The operator's cap.
    Cap,
}

impl Means {
    /// Balance and credit line, less what is reserved, minor units. Negative if the line was
    /// lowered below its use.
    #[must_use]
    pub fn available(&self) -> i128 {
        self.balance + i128::from(self.credit_line) - self.reserved.cast_signed()
    }

    /// What it may pay beyond what it is paid, minor units, and which of its means says so.
    #[must_use]
    pub fn liquidity(&self) -> (u128, Tightest) {
        let room = |limit: u64| i128::from(limit) - self.position;
        let bounds = [
            (Some(self.available()), Tightest::Money),
            (self.multilateral.map(room), Tightest::Multilateral),
            (self.cap.map(room), Tightest::Cap),
        ];
        let bounds = bounds.into_iter().filter_map(|(room, which)| Some((room?, which)));
        let (room, which) = bounds.min().unwrap_or((0, Tightest::Money));
        (room.max(0).unsigned_abs(), which)
    }
}

/// What decides how much one bank may pay another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PairMeans {
    /// The account that pays.
    pub debit: AccountId,
    /// The account that is paid.
    pub credit: AccountId,
    /// The payer's bilateral limit, minor units.
    pub limit: Option<u64>,
    /// The day's net position that it bounds, minor units.
    pub position: i128,
}

impl PairMeans {
    /// How much more may be paid than is paid back, minor units; none = without limit.
    #[must_use]
    pub fn room(&self) -> Option<u128> {
        self.limit.map(|limit| (i128::from(limit) - self.position).max(0).unsigned_abs())
    }
}

/// Something that an operator or a bank can do about what waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Lever {
    /// Pay money in, minor units.
    Fund {
        /// To this account.
        account: AccountId,
        /// How much.
        minor: u64,
    },
    /// Set a credit line, minor units.
    CreditLine {
        /// Of this account.
        account: AccountId,
        /// The new line.
        minor: u64,
    },
    /// Set or lift the owner's multilateral limit.
    Multilateral {
        /// Of this account.
        account: AccountId,
        /// The new limit.
        limit: Option<u64>,
    },
    /// Set or lift the operator's cap.
    Cap {
        /// Of this account.
        account: AccountId,
        /// The new cap.
        cap: Option<u64>,
    },
    /// Set or lift a bilateral limit.
    Bilateral {
        /// The account that pays.
        debit: AccountId,
        /// The account that is paid.
        credit: AccountId,
        /// The new limit.
        limit: Option<u64>,
    },
}

/// What waits, as a cut would find it, with all that decides what of it settles.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Preview {
    /// The position of the next record: what is said here is of the pool before it.
    pub position: u64,
    /// The pool's time, ms.
    pub now_ms: u64,
    /// When the current cycle is due, ms.
    pub cycle_due_at_ms: u64,
    /// Whether a cut waits for a proposal that may settle more than the FIFO maximum.
    pub proposals: bool,
    /// What a cut would take. No payment is marked as of the floor.
    candidates: Candidates,
    /// The orders under which the legs of matches among them are paid.
    orders: BTreeMap<Place, Place>,
    /// By account number; none for mirrors.
    means: Vec<Option<Means>>,
    /// By (debit, credit): the pairs that have a limit, and those that were asked for.
    pairs: BTreeMap<(AccountId, AccountId), PairMeans>,
}

impl Pool {
    /// What a cut would take if it were made now: an open one aside. `pairs` are pairs of accounts
    /// of which a bilateral limit is to be thought about. In time proportional to the queues.
    #[must_use]
    pub fn preview(&self, pairs: &[(AccountId, AccountId)]) -> Preview {
        let queues = self.queues_to_cut();
        let cut = Cut { cycle: self.cycle.number, floor_at_ms: self.now_ms };
        let mut ages = self.cycle.ages.clone();
        ages.cut(cut.cycle, self.queues.joined(), self.rules.ageing_cycles);
        let candidates = self.candidates_of(&cut, &queues, &ages);
        let orders = self.orders_of_legs(&candidates.payments);
        Preview {
            position: self.next_position,
            now_ms: self.now_ms,
            cycle_due_at_ms: self.cycle.due_at_ms,
            proposals: self.rules.netting == NettingMode::FifoFloor
                && self.rules.proposal_timeout_ms > 0,
            candidates,
            orders,
            means: self.all_means(),
            pairs: self.pair_means(pairs),
        }
    }

    fn queues_to_cut(&self) -> Vec<CutQueue> {
        let (waiting, share) = self.taking_part();
        let accounts = (0..).map(AccountId).zip(waiting).filter(|(_, waits)| *waits);
        let queues = accounts.map(|(account, _)| {
            let mut taken = [0; CLASSES];
            let mut left = share;
            for (class, taken) in taken.iter_mut().enumerate() {
                let count = self.queues.lane(account, class).take(left).count();
                left -= count;
                *taken = count as u32;
            }
            CutQueue { account, taken, floor: [0; CLASSES] }
        });
        queues.collect()
    }

    fn orders_of_legs(&self, payments: &[Candidate]) -> BTreeMap<Place, Place> {
        let legs = payments.iter().map(|payment| payment.place).filter(|place| place.leg());
        let orders = legs.filter_map(|leg| {
            let payment = self.payments.get(self.payments.find(leg)?);
            match self.groups.get(payment.group).id {
                GroupId::Match(lead) => Some((leg, self.order_of_leg(lead, leg).0)),
                GroupId::Link(_) => None,
            }
        });
        orders.collect()
    }

    fn all_means(&self) -> Vec<Option<Means>> {
        let accounts = (0..).map(AccountId).zip(self.directory.holders());
        accounts.map(|(account, _)| self.means(account)).collect()
    }

    /// The means of a participant's account; none for a mirror.
    fn means(&self, account: AccountId) -> Option<Means> {
        let (holder, books) = (self.directory.holder(account), self.ledger.account(account)?);
        let (member, currency) = (holder.member?, CurrencyIndex(holder.currency.into()));
        let DebitLimit::AtMost(credit_line) = books.limit() else { return None };
        Some(Means {
            account,
            participant: self.directory.at(member).participant.id,
            currency: books.currency(),
            balance: books.balance(),
            reserved: books.debits_pending(),
            credit_line,
            position: self.limits.position(risk_id(member), currency),
            multilateral: self.limits.multilateral(risk_id(member), currency),
            cap: self.limits.net_debit_cap(risk_id(member), currency),
        })
    }

    fn pair_means(
        &self,
        asked: &[(AccountId, AccountId)],
    ) -> BTreeMap<(AccountId, AccountId), PairMeans> {
        let mut found = BTreeMap::new();
        for (index, _) in (0_u8..).zip(self.directory.currencies()) {
            for row in self.limits.pairs_with_limits(CurrencyIndex(index.into())) {
                let debit = self.directory.account_at(row.from.0, index);
                let credit = self.directory.account_at(row.to.0, index);
                if let (Some(debit), Some(credit)) = (debit, credit) {
                    let position = i128::from(row.limit) - row.headroom;
                    let limit = Some(row.limit);
                    let pair = PairMeans { debit, credit, limit, position };
                    found.insert((debit, credit), pair);
                }
            }
        }
        for (debit, credit) in asked.iter().copied() {
            let (from, to) = (self.directory.holder(debit), self.directory.holder(credit));
            if let (Some(payer), Some(payee)) = (from.member, to.member) {
                let currency = CurrencyIndex(from.currency.into());
                let position = self.limits.pair_position(risk_id(payer), risk_id(payee), currency);
                let new = PairMeans { debit, credit, limit: None, position };
                found.entry((debit, credit)).or_insert(new);
            }
        }
        found
    }
}

impl Preview {
    /// What a cut would take: queue by queue, by account number, each in its order.
    #[must_use]
    pub fn payments(&self) -> &[Candidate] {
        &self.candidates.payments
    }

    /// The order under which a payment is paid: itself, unless it is a leg of a match.
    #[must_use]
    pub fn order(&self, payment: Place) -> Place {
        self.orders.get(&payment).copied().unwrap_or(payment)
    }

    /// What minor units of an account's currency count beside those of other currencies.
    #[must_use]
    pub fn weight(&self, account: AccountId) -> u64 {
        let known = self.candidates.accounts.get(account.0 as usize);
        let weight = known.and_then(|known| {
            self.candidates.weights.currency.get(usize::from(known.currency)).copied()
        });
        weight.unwrap_or(1).into()
    }

    /// The means of an account; none for mirrors.
    #[must_use]
    pub fn means(&self, account: AccountId) -> Option<&Means> {
        self.means.get(account.0 as usize)?.as_ref()
    }

    /// The means of all accounts that have some, by number.
    pub fn all_means(&self) -> impl Iterator<Item = &Means> {
        self.means.iter().flatten()
    }

    /// The bilateral limit between two accounts, if there is one or it was asked for.
    #[must_use]
    pub fn pair(&self, debit: AccountId, credit: AccountId) -> Option<&PairMeans> {
        self.pairs.get(&(debit, credit))
    }

    /// All of them, by (debit, credit).
    pub fn pairs(&self) -> impl Iterator<Item = &PairMeans> {
        self.pairs.values()
    }

    /// Whether a member of a payment's group is not among the payments, so that it cannot settle.
    #[must_use]
    pub fn torn(&self, group: u32) -> bool {
        self.candidates.broken_groups.binary_search(&group).is_ok()
    }

    /// The same with levers pulled, in their order. One on an account that is not here, or on a
    /// pair that was not asked for, changes nothing.
    #[must_use]
    pub fn with(&self, levers: &[Lever]) -> Self {
        let mut changed = self.clone();
        levers.iter().for_each(|lever| changed.pull(*lever));
        changed
    }

    /// Pulls a lever, as [`Preview::with`].
    pub fn pull(&mut self, lever: Lever) {
        if let Lever::Bilateral { debit, credit, limit } = lever {
            if let Some(pair) = self.pairs.get_mut(&(debit, credit)) {
                pair.limit = limit;
            }
            return;
        }
        let (Lever::Fund { account, .. }
        | Lever::CreditLine { account, .. }
        | Lever::Multilateral { account, .. }
        | Lever::Cap { account, .. }
        | Lever::Bilateral { debit: account, .. }) = lever;
        let Some(Some(means)) = self.means.get_mut(account.0 as usize) else { return };
        match lever {
            Lever::Fund { minor, .. } => means.balance += i128::from(minor),
            Lever::CreditLine { minor, .. } => means.credit_line = minor,
            Lever::Multilateral { limit, .. } => means.multilateral = limit,
            Lever::Cap { cap, .. } => means.cap = cap,
            Lever::Bilateral { .. } => {}
        }
    }

    /// Which of the payments the FIFO maximum settles.
    #[must_use]
    pub fn floor(&self) -> Vec<bool> {
        let mut fifo = Fifo::default();
        self.lay_out(&mut fifo);
        let ends = fifo.solve();
        let payments = (0_u32..).zip(&self.candidates.payments);
        payments.map(|(index, payment)| index < ends[payment.debit.0 as usize]).collect()
    }

    /// What a solver would be given, the FIFO maximum marked.
    #[must_use]
    pub fn candidates(&self) -> Candidates {
        let mut candidates = self.candidates.clone();
        for (payment, floor) in candidates.payments.iter_mut().zip(self.floor()) {
            payment.floor = floor;
        }
        for (account, liquidity) in candidates.accounts.iter_mut().zip(self.liquidity()) {
            account.liquidity = liquidity;
        }
        let rows = self.pairs.values().filter_map(|pair| Some((pair, pair.room()?)));
        candidates.limits = rows
            .map(|(pair, room)| LimitRow { debit: pair.debit, credit: pair.credit, room })
            .collect();
        candidates
    }

    /// By account number: what it may pay beyond what it is paid.
    pub fn liquidity(&self) -> impl Iterator<Item = u128> {
        self.means.iter().map(|means| means.as_ref().map_or(0, |means| means.liquidity().0))
    }

    fn lay_out(&self, fifo: &mut Fifo) {
        fifo.liquidity.extend(self.liquidity().map(u128::cast_signed));
        let mut grouped: Vec<(u32, u32)> = Vec::new();
        fifo.starts.push(0);
        for payment in &self.candidates.payments {
            let (debit, credit, leg) = (payment.debit.0, payment.credit.0, fifo.legs.len() as u32);
            fifo.starts.resize(debit as usize + 1, leg);
            grouped.extend(payment.group.map(|group| (group, leg)));
            fifo.legs.push(Leg { debit, credit, minor: payment.minor, group: NONE });
        }
        fifo.starts.resize(self.means.len() + 1, fifo.legs.len() as u32);
        grouped.sort_unstable();
        for members in grouped.chunk_by(|one, next| one.0 == next.0) {
            let group = fifo.group_starts.len() as u32;
            fifo.group_starts.push(fifo.members.len() as u32);
            for (_, leg) in members {
                fifo.legs[*leg as usize].group = group;
                fifo.members.push(*leg);
            }
            if self.torn(members[0].0) {
                fifo.broken.push(group);
            }
        }
        fifo.group_starts.push(fifo.members.len() as u32);
        let rows = self.pairs.values().filter_map(|pair| Some((pair, pair.room()?)));
        fifo.rows.extend(rows.map(|(pair, room)| Row {
            debit: pair.debit.0,
            credit: pair.credit.0,
            room: room.cast_signed(),
        }));
    }
}
