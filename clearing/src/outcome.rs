//! What came of a record: data, in the order it happened.

pub use channel::Ruling;
use channel::{ParticipantId, Rate, RequestId, Side};
use ledger::{AccountId, Currency, Hash};

use crate::certificate::Certificate;
use crate::disclosure::Hold;
use crate::record::Place;
use crate::reject::Reject;

/// The ruling on one order of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ruled {
    /// Where the order first stood in the log; for a reused identity, where the other body stands.
    pub place: Place,
    /// Logged time of the first ruling, ms.
    pub decided_at_ms: u64,
    /// The ruling.
    pub ruling: Ruling,
    /// Why, if rejected or refused.
    pub reason: Option<Reject>,
    /// Whether this attempt only repeats an earlier one.
    pub replayed: bool,
}

/// What became of one statement of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stated {
    /// Where it stands in the log.
    pub place: Place,
    /// Why it does not count; none if it was accepted.
    pub reject: Option<Reject>,
    /// Whether it was accepted before, so that nothing changed.
    pub replayed: bool,
}

/// Where a payment is on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum PaymentState {
    /// Waits in its queue.
    Queued = 1,
    /// Final.
    Settled = 2,
    /// Waits for its value date or its `not_before`.
    Warehoused = 3,
    /// Waits for the other members of its link group.
    AwaitingGroup = 4,
    /// Rejected.
    Rejected = 5,
    /// Taken back by its sender.
    Cancelled = 6,
    /// Its validity ended.
    Expired = 7,
    /// An FX order that waits for its counterpart: the other side of an exchange, or quotes.
    AwaitingMatch = 8,
    /// An FX order that has found its counterpart: what it moves settles as a whole, or the match
    /// lapses.
    Matched = 9,
    /// Held until a screener passes it, or the receiver confirms it.
    Held = 10,
}

impl PaymentState {
    /// From its number.
    #[must_use]
    pub fn from_number(number: u8) -> Option<Self> {
        Some(match number {
            1 => Self::Queued,
            2 => Self::Settled,
            3 => Self::Warehoused,
            4 => Self::AwaitingGroup,
            5 => Self::Rejected,
            6 => Self::Cancelled,
            7 => Self::Expired,
            8 => Self::AwaitingMatch,
            9 => Self::Matched,
            10 => Self::Held,
            _ => return None,
        })
    }
}

/// A payment changed its state after its ruling, other than by settling (see [`Transfer`]). An FX
/// payment, whose transfers are those of its legs, is told of here also when it settles.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Change {
    /// Which payment.
    pub place: Place,
    /// Its debtor agent.
    pub sender: ParticipantId,
    /// Its creditor agent.
    pub receiver: ParticipantId,
    /// The new state.
    pub state: PaymentState,
    /// Why, if it ended.
    pub reason: Option<Reject>,
}

/// A part of an FX payment that one quote or one opposite payment takes. It becomes two legs. With a
/// quote, the sender pays `sold` to the provider, the provider pays `bought` to the receiver. With
/// an opposite payment, each sender pays the other's receiver.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fill {
    /// What takes it.
    pub source: Source,
    /// On which side of the market that stands: at a bid, the payment sells the base currency.
    pub side: Side,
    /// At which rate: units of the quote currency per unit of the base currency. Of the midpoint,
    /// the base is the one of the two currencies that the pool has known for longer.
    pub rate: Rate,
    /// Minor units of the payment's currency.
    pub sold: u64,
    /// Minor units of the counter currency: what the first n units sold to a quote buy is rounded
    /// down, and a part gets the difference that it makes.
    pub bought: u64,
}

/// What takes a part of an FX payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// A standing quote.
    Quote {
        /// The liquidity provider.
        provider: ParticipantId,
        /// The place of the command that set the quote.
        place: Place,
        /// The quote's index in that command.
        index: u8,
    },
    /// An opposite FX payment, at the midpoint of the quotes.
    Order(Place),
}

impl Fill {
    /// The liquidity provider whose quote takes it, if one does.
    #[must_use]
    pub fn provider(&self) -> Option<ParticipantId> {
        match self.source {
            Source::Quote { provider, .. } => Some(provider),
            Source::Order(_) => None,
        }
    }
}

/// Something that happened to FX orders, beside their changes of state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FxEvent {
    /// Two instructions match: they settle together or not at all.
    Paired {
        /// The older one.
        first: Place,
        /// The one that came now.
        second: Place,
    },
    /// Quotes and opposite payments cover a payment. If it crosses with others, they are told of
    /// behind it, each with the one fill that it has of it.
    Matched {
        /// The FX payment.
        order: Place,
        /// The place of the first leg; leg i is at this place + i, fill j has the legs 2j and 2j+1.
        /// What a payment that follows another pays is the second leg of its fill.
        first_leg: Place,
        /// After this instant the match lapses unless it has settled, ms.
        until_ms: u64,
        /// 1 to [`crate::FILLS_MAX`]; the amounts sold sum to the payment's own.
        fills: Vec<Fill>,
    },
    /// A match ended without settling; the payment waits for another.
    Lapsed {
        /// The FX payment.
        order: Place,
    },
}

/// What a movement on the books was for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum TransferKind {
    /// A payment settled.
    Payment = 1,
    /// A pay-in was credited.
    Funding = 2,
    /// A pay-out was asked for: the amount is reserved (pending).
    DefundReserved = 3,
    /// The pay-out was made: the reserved amount is debited.
    DefundMade = 4,
    /// The pay-out was not made: the reserved amount is free again.
    DefundReleased = 5,
    /// A leg of an FX payment settled: the sender paid a liquidity provider, or that the receiver.
    FxLeg = 6,
    /// A leg of a crossing settled: the sender of one FX payment paid the receiver of another. They
    /// come in pairs; the receiver's payment is the origin of the other of the pair.
    Crossing = 7,
}

impl TransferKind {
    /// From its number.
    #[must_use]
    pub fn from_number(number: u8) -> Option<Self> {
        Some(match number {
            1 => Self::Payment,
            2 => Self::Funding,
            3 => Self::DefundReserved,
            4 => Self::DefundMade,
            5 => Self::DefundReleased,
            6 => Self::FxLeg,
            7 => Self::Crossing,
            _ => return None,
        })
    }

    /// Whether it moves what a bank's payment moves.
    #[must_use]
    pub fn pays(self) -> bool {
        matches!(self, Self::Payment | Self::FxLeg | Self::Crossing)
    }
}

/// One movement on the books, gross. Each is in exactly one batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Transfer {
    /// The payment's place, or the place of the command (index 0) that moved the money.
    pub place: Place,
    /// The place of the order it is part of: of an FX leg that of the FX payment, of a crossing that
    /// of the FX payment whose sender pays, else `place`.
    pub origin: Place,
    /// What it was for.
    pub kind: TransferKind,
    /// The account debited.
    pub debit: AccountId,
    /// The account credited.
    pub credit: AccountId,
    /// Minor units of the accounts' currency.
    pub minor: u64,
}

/// An account's four counters after a batch, minor units.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BalanceAfter {
    /// Which account.
    pub account: AccountId,
    /// Posted debits.
    pub debits_posted: u128,
    /// Posted credits.
    pub credits_posted: u128,
    /// Pending debits.
    pub debits_pending: u128,
    /// Pending credits.
    pub credits_pending: u128,
}

/// What a batch's payments changed for one participant in one currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Net {
    /// Whose.
    pub participant: ParticipantId,
    /// In which currency.
    pub currency: Currency,
    /// Credits minus debits of the batch's payments, minor units. Per currency they sum to zero.
    pub minor: i128,
}

/// A sealed batch: everything that happened in a range of positions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedBatch {
    /// The pool.
    pub pool: u32,
    /// Its number, from 1, without gaps.
    pub number: u64,
    /// The first position it covers.
    pub first: u64,
    /// The last position it covers.
    pub last: u64,
    /// Logged time of the seal, ms.
    pub sealed_at_ms: u64,
    /// Every movement, in the order of posting.
    pub transfers: Vec<Transfer>,
    /// How many payments settled. An FX payment is one, however many legs it has.
    pub payments: u32,
    /// Merkle root (RFC 6962) over the digests of the settled orders, in the order of posting.
    pub orders_root: Hash,
    /// Nets of the payments, ascending by participant and currency, zero nets left out.
    pub nets: Vec<Net>,
    /// The accounts touched, ascending, with their counters.
    pub balances: Vec<BalanceAfter>,
    /// One for each cycle that settled something in it: seldom more than one.
    pub certificates: Vec<Certificate>,
    /// Hash of the batch before; zeros for the first.
    pub previous: Hash,
    /// Root of the whole state after the batch.
    pub state_root: Hash,
    /// Hash of this batch's canonical header.
    pub hash: Hash,
}

impl SealedBatch {
    /// The order under which the receiver of a movement is paid: its origin, but for crossings.
    #[must_use]
    pub fn credited_order(&self, index: usize) -> Option<Place> {
        let transfer = self.transfers.get(index)?;
        if transfer.kind != TransferKind::Crossing {
            return Some(transfer.origin);
        }
        // Legs come in pairs, of which the first has an even number in its record.
        let first = transfer.place.index().is_multiple_of(2);
        let other = if first { index.checked_add(1)? } else { index.checked_sub(1)? };
        self.transfers.get(other).map(|other| other.origin)
    }
}

/// Whom a command's result concerns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject {
    /// One order each, in the order of the record.
    Orders,
    /// A signed command.
    Command(RequestId),
    /// One statement each, in the order of the record.
    Statements,
    /// A tick, a settlement, the genesis.
    System,
}

/// A cut that waits for a proposal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cut {
    /// The cycle it closes.
    pub cycle: u64,
    /// Logged time at which the floor settles if nothing valid came, ms.
    pub floor_at_ms: u64,
}

/// An account of the pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AccountInfo {
    /// Its number in the books.
    pub account: AccountId,
    /// Whose; nobody's for the mirror of a currency.
    pub participant: Option<ParticipantId>,
    /// Its currency.
    pub currency: Currency,
}

/// Everything that came of one record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// The record's position.
    pub position: u64,
    /// The pool's time after it, ms.
    pub time_ms: u64,
    /// What kind of record it was.
    pub subject: Subject,
    /// One ruling per order; empty for other records.
    pub rulings: Vec<Ruled>,
    /// One for each statement; empty for other records.
    pub statements: Vec<Stated>,
    /// Who may read a part of a sealed order that was accepted now, by place: those who own a slot
    /// of it, without its sender; its receiver only if it must confirm the payment.
    pub readers: Vec<(Place, ParticipantId)>,
    /// What payments are held for: on their acceptance, and whenever that changes.
    pub holds: Vec<Hold>,
    /// Why a command or system record was not carried out.
    pub reject: Option<Reject>,
    /// Whether a command only repeats an earlier one; `reject` is then the earlier answer.
    pub replayed: bool,
    /// The batch sealed before this record took effect; it ends at the position before.
    pub sealed_before: Option<SealedBatch>,
    /// Payments that changed their state, in order.
    pub changes: Vec<Change>,
    /// What happened to FX orders, in order.
    pub fx: Vec<FxEvent>,
    /// Accounts opened by it.
    pub accounts_opened: Vec<AccountInfo>,
    /// The cut it made, if that waits for a proposal.
    pub cut: Option<Cut>,
    /// The batch sealed by this record (a cycle); it ends at this position.
    pub sealed: Option<SealedBatch>,
}
