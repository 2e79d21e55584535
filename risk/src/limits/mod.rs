//! Limits on the net debit position of a day.
//!
//! The *position* of a participant towards another is what it paid it less what it was paid by it,
//! in one currency, since the day opened; towards all others it is the sum of these. Three limits
//! bound it from above:
//!
//! * bilateral: towards one other participant, set by the participant;
//! * multilateral: towards all others, set by the participant;
//! * net debit cap: towards all others, set by the operator.
//!
//! A limit that is set counts from the start of the day, whenever it is set. It may be set below
//! the present position; then nothing more goes out until enough has come in.

mod book;
mod codec;
mod leaf;
mod pairs;

use ledger::merkle::leaf_hash;
use ledger::{Hash, MINOR_MAX};

use self::book::Book;
use crate::ids::{CURRENCIES_MAX, CurrencyIndex, PARTICIPANTS_MAX, ParticipantId};
use crate::reject::LimitReject;

/// The most bilateral limits in one currency.
pub const PAIR_LIMITS_MAX: usize = 1 << 20;

/// An invariant that does not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Violation {
    /// A participant's position is not the sum of its positions towards the others.
    #[error("the position of participant {} is not the sum of its pairs", .0.0)]
    PositionsDiffer(ParticipantId),
}

/// A bilateral limit with its use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PairLimit {
    /// Who pays.
    pub from: ParticipantId,
    /// Who is paid.
    pub to: ParticipantId,
    /// The limit in minor units.
    pub limit: u64,
    /// How much more may go out, net, in minor units; negative if the limit was lowered below its
    /// use.
    pub headroom: i128,
}

/// All limits and positions of a pool.
#[derive(Clone, Debug, Default)]
pub struct Limits {
    /// By currency.
    books: Vec<Book>,
}

impl Limits {
    /// No limits, no positions.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets (`Some`) or clears (`None`) the bilateral limit of `from` towards `to`, in minor units.
    ///
    /// # Errors
    /// [`LimitReject::ParticipantNotFound`], [`LimitReject::CurrencyNotFound`] above the maximums,
    /// [`LimitReject::ParticipantsSame`], [`LimitReject::AmountTooLarge`],
    /// [`LimitReject::TooManyPairLimits`].
    pub fn set_bilateral(
        &mut self,
        from: ParticipantId,
        to: ParticipantId,
        currency: CurrencyIndex,
        limit: Option<u64>,
    ) -> Result<(), LimitReject> {
        check_numbers(from.max(to), currency)?;
        if from == to {
            return Err(LimitReject::ParticipantsSame);
        }
        check_amount(limit)?;
        let limits = self.book(currency).map(|book| &book.pair_limits);
        let full = limits.is_some_and(|limits| {
            limits.len() == PAIR_LIMITS_MAX && !limits.contains_key(&(from, to))
        });
        if full && limit.is_some() {
            return Err(LimitReject::TooManyPairLimits);
        }
        self.book_mut(currency).set_pair_limit(from, to, limit);
        Ok(())
    }

    /// Sets or clears the limit of `id` towards all others, its own choice, in minor units.
    ///
    /// # Errors
    /// [`LimitReject::ParticipantNotFound`], [`LimitReject::CurrencyNotFound`] above the maximums,
    /// [`LimitReject::AmountTooLarge`].
    pub fn set_multilateral(
        &mut self,
        id: ParticipantId,
        currency: CurrencyIndex,
        limit: Option<u64>,
    ) -> Result<(), LimitReject> {
        check_numbers(id, currency)?;
        check_amount(limit)?;
        self.book_mut(currency).node_mut(id).multilateral = limit;
        Ok(())
    }

    /// Sets or clears the operator's cap on the net debit position of `id`, in minor units.
    ///
    /// # Errors
    /// As [`Limits::set_multilateral`].
    pub fn set_net_debit_cap(
        &mut self,
        id: ParticipantId,
        currency: CurrencyIndex,
        cap: Option<u64>,
    ) -> Result<(), LimitReject> {
        check_numbers(id, currency)?;
        check_amount(cap)?;
        self.book_mut(currency).node_mut(id).cap = cap;
        Ok(())
    }

    /// The limit of `from` towards `to`, in minor units.
    pub fn bilateral(
        &self,
        from: ParticipantId,
        to: ParticipantId,
        currency: CurrencyIndex,
    ) -> Option<u64> {
        self.book(currency)?.pair_limits.get(&(from, to)).copied()
    }

    /// The limit of `id` towards all others that it has set itself, in minor units.
    pub fn multilateral(&self, id: ParticipantId, currency: CurrencyIndex) -> Option<u64> {
        self.book(currency)?.node(id).multilateral
    }

    /// The operator's cap on the net debit position of `id`, in minor units.
    pub fn net_debit_cap(&self, id: ParticipantId, currency: CurrencyIndex) -> Option<u64> {
        self.book(currency)?.node(id).cap
    }

    /// The net debit position of `id` towards all others, in minor units.
    pub fn position(&self, id: ParticipantId, currency: CurrencyIndex) -> i128 {
        self.book(currency).map_or(0, |book| book.node(id).position)
    }

    /// The net debit position of `from` towards `to`, in minor units.
    pub fn pair_position(
        &self,
        from: ParticipantId,
        to: ParticipantId,
        currency: CurrencyIndex,
    ) -> i128 {
        self.book(currency).map_or(0, |book| book.pairs.position(from.0, to.0))
    }

    /// How much more `id` may pay to all others, net, in minor units, under the smaller of its own
    /// limit and the operator's cap. `None` without either; negative if it was lowered below its
    /// use.
    pub fn headroom_node(&self, id: ParticipantId, currency: CurrencyIndex) -> Option<i128> {
        let node = self.book(currency)?.node(id);
        let limit = match (node.multilateral, node.cap) {
            (Some(own), Some(cap)) => own.min(cap),
            (own, cap) => own.or(cap)?,
        };
        Some(i128::from(limit) - node.position)
    }

    /// How much more `from` may pay to `to`, net, in minor units. `None` without a bilateral
    /// limit; negative if it was lowered below its use.
    pub fn headroom_pair(
        &self,
        from: ParticipantId,
        to: ParticipantId,
        currency: CurrencyIndex,
    ) -> Option<i128> {
        let book = self.book(currency)?;
        // Most pools have few bilateral limits, and most of their payments none.
        if book.pair_limits.is_empty() {
            return None;
        }
        let limit = book.pair_limits.get(&(from, to))?;
        Some(i128::from(*limit) - book.pairs.position(from.0, to.0))
    }

    /// Whether one payment, on its own, stays within all limits of its payer.
    ///
    /// # Errors
    /// [`LimitReject::ExceedsBilateralLimit`], [`LimitReject::ExceedsMultilateralLimit`],
    /// [`LimitReject::ExceedsNetDebitCap`].
    pub fn allows(
        &self,
        from: ParticipantId,
        to: ParticipantId,
        currency: CurrencyIndex,
        amount: u64,
    ) -> Result<(), LimitReject> {
        let Some(book) = self.book(currency) else { return Ok(()) };
        let amount = i128::from(amount);
        if self.headroom_pair(from, to, currency).is_some_and(|headroom| amount > headroom) {
            return Err(LimitReject::ExceedsBilateralLimit);
        }
        let node = book.node(from);
        let exceeds = |limit: u64| node.position + amount > i128::from(limit);
        if node.multilateral.is_some_and(exceeds) {
            return Err(LimitReject::ExceedsMultilateralLimit);
        }
        if node.cap.is_some_and(exceeds) {
            return Err(LimitReject::ExceedsNetDebitCap);
        }
        Ok(())
    }

    /// Counts a payment that has settled. It checks nothing: what settles is decided before.
    ///
    /// # Panics
    /// If a number is not below its maximum, or a participant pays itself: a bug of the caller.
    pub fn record(
        &mut self,
        from: ParticipantId,
        to: ParticipantId,
        currency: CurrencyIndex,
        amount: u64,
    ) {
        assert!(from != to && check_numbers(from.max(to), currency).is_ok(), "{from:?} to {to:?}");
        self.book_mut(currency).record(from, to, amount);
    }

    /// All bilateral limits of a currency with their use, by (from, to).
    pub fn pairs_with_limits(&self, currency: CurrencyIndex) -> impl Iterator<Item = PairLimit> {
        self.book(currency).into_iter().flat_map(|book| {
            book.pair_limits.iter().map(|(&(from, to), &limit)| {
                let headroom = i128::from(limit) - book.pairs.position(from.0, to.0);
                PairLimit { from, to, limit, headroom }
            })
        })
    }

    /// Opens a currency's day: all positions are zero again, all limits stay.
    pub fn reset_day(&mut self, currency: CurrencyIndex) {
        if let Some(book) = self.books.get_mut(currency.index()) {
            book.reset_day();
        }
    }

    /// Checks all invariants, in time proportional to the state.
    ///
    /// # Errors
    /// The first invariant that does not hold.
    pub fn check(&self) -> Result<(), Violation> {
        self.books.iter().try_for_each(Book::check)
    }

    /// The digest of the state. Rehashes only what changed since the last call.
    pub fn root(&mut self) -> Hash {
        join_roots(self.books.iter_mut().map(Book::root))
    }

    /// The same digest, from nothing.
    pub fn recompute_root(&self) -> Hash {
        join_roots(self.books.iter().map(Book::recompute_root))
    }

    fn book(&self, currency: CurrencyIndex) -> Option<&Book> {
        self.books.get(currency.index())
    }

    fn book_mut(&mut self, currency: CurrencyIndex) -> &mut Book {
        if self.books.len() <= currency.index() {
            self.books.resize_with(currency.index() + 1, Book::default);
        }
        &mut self.books[currency.index()]
    }
}

fn join_roots(roots: impl Iterator<Item = Hash>) -> Hash {
    leaf_hash(roots.collect::<Vec<Hash>>().as_flattened())
}

/// Whether numbers are below their maximums: what is kept by number must not grow without bound.
fn check_numbers(highest: ParticipantId, currency: CurrencyIndex) -> Result<(), LimitReject> {
    if highest.index() >= PARTICIPANTS_MAX {
        return Err(LimitReject::ParticipantNotFound);
    }
    if currency.index() >= CURRENCIES_MAX {
        return Err(LimitReject::CurrencyNotFound);
    }
    Ok(())
}

fn check_amount(limit: Option<u64>) -> Result<(), LimitReject> {
    match limit {
        Some(limit) if limit > MINOR_MAX => Err(LimitReject::AmountTooLarge),
        _ => Ok(()),
    }
}
