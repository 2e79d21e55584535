//! For what a payment waits, as the pool sees it.

use channel::{MessageKind, ParticipantId, Uetr, ValueDate};
use ledger::{AccountId, Currency};

use crate::disclosure::Hold;
use crate::payment::{NO_GROUP, Payment, Stage};
use crate::pool::Pool;
use crate::record::Place;
use crate::seen::Identity;

/// A payment that waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    /// Its place.
    pub place: Place,
    /// Its reference.
    pub uetr: Uetr,
    /// Who pays.
    pub sender: ParticipantId,
    /// Who is paid.
    pub receiver: ParticipantId,
    /// The account that pays.
    pub debit: AccountId,
    /// The account that is paid.
    pub credit: AccountId,
    /// The currency.
    pub currency: Currency,
    /// How much, minor units.
    pub minor: u64,
    /// Priority class.
    pub class: u8,
    /// Whether it is tried as soon as its turn has come.
    pub urgent: bool,
    /// Until when it may settle, ms; 0 = no end.
    pub not_after_ms: u64,
    /// For what it waits.
    pub waits_for: WaitsFor,
    /// The members of its link group that have come, itself among them; of an FX payment the legs of
    /// its match; empty without a group.
    pub members: Vec<GroupMember>,
    /// How many members its link group must have; 0 without a group.
    pub group_size: u8,
}

/// For what a payment waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WaitsFor {
    /// For an instant that its sender has set, ms.
    Instant(u64),
    /// For the business day of its value date to open.
    Day(ValueDate),
    /// For the other members of its link group.
    Group,
    /// For its counterpart: the other side of an exchange, or quotes.
    Match,
    /// For the legs of its match, which are the members.
    Legs,
    /// For the word of a screener or the receiver.
    Word(Hold),
    /// For its turn.
    Turn {
        /// Payments that stand before it in its queue.
        ahead: u64,
        /// Their sum, minor units.
        ahead_minor: u128,
        /// Whether its currency's day is open; if not, it was rolled over to the next one.
        day_open: bool,
        /// Whether it is a candidate of the cut that is open.
        in_cut: bool,
    },
}

/// A member of a link group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GroupMember {
    /// Its place.
    pub place: Place,
    /// Who pays.
    pub sender: ParticipantId,
    /// Who is paid.
    pub receiver: ParticipantId,
    /// The currency.
    pub currency: Currency,
    /// How much, minor units.
    pub minor: u64,
    /// How far it has come.
    pub stage: MemberStage,
}

/// How far a member of a group has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MemberStage {
    /// It waits for an instant, a day or a word of its own.
    Early,
    /// It only waits for the others.
    Ready,
    /// It stands in its queue, as all others do.
    Queued,
}

impl Pool {
    /// The payments of this reference that wait, whoever sent them, by place.
    #[must_use]
    pub fn waiting_under(&self, uetr: Uetr) -> Vec<Place> {
        let kinds: Vec<u16> = (1..=u16::from(u8::MAX))
            .take_while(|kind| MessageKind::from_number(*kind).is_some())
            .collect();
        let mut places = Vec::new();
        for member in self.directory.members() {
            let sender = member.participant.id;
            for kind in kinds.iter().copied() {
                let identity = Identity { uetr, sender, kind };
                let seen = self.seen.find(self.seen.tag(&identity), &identity);
                places.extend(seen.map(|seen| seen.place));
                places.extend(self.outlived.find(&identity));
            }
        }
        places.retain(|place| self.payments.find(*place).is_some());
        places.sort_unstable();
        places.dedup();
        places
    }

    /// For what a payment waits; nothing if it does not.
    #[must_use]
    pub fn waiting(&self, place: Place) -> Option<Waiting> {
        let payment = self.payments.get(self.payments.find(place)?);
        let (sender, receiver) = self.parties(payment);
        let handle = self.matched_group(place).unwrap_or(payment.group);
        let group = (handle != NO_GROUP).then(|| self.groups.get(handle));
        let members = group.into_iter().flat_map(|group| &group.members);
        Some(Waiting {
            place,
            uetr: payment.uetr,
            sender,
            receiver,
            debit: payment.debit,
            credit: payment.credit,
            currency: self.directory.currency(payment.currency).currency,
            minor: payment.minor,
            class: payment.class,
            urgent: payment.urgent,
            not_after_ms: payment.not_after_ms,
            waits_for: self.waits_for(payment),
            members: members.map(|slot| self.group_member(self.payments.get(*slot))).collect(),
            group_size: group.map_or(0, |group| group.size),
        })
    }

    fn waits_for(&self, payment: &Payment) -> WaitsFor {
        match payment.stage {
            Stage::Time => WaitsFor::Instant(payment.not_before_ms),
            Stage::Date => match ValueDate::new(payment.value_date) {
                Some(date) => WaitsFor::Day(date),
                None => unreachable!("orders are checked before they are logged"),
            },
            Stage::Group => WaitsFor::Group,
            Stage::Match => WaitsFor::Match,
            Stage::Matched => WaitsFor::Legs,
            Stage::Held => match self.hold_of(payment.place) {
                Some(hold) => WaitsFor::Word(hold),
                None => unreachable!("what is held is held for something"),
            },
            Stage::Queue => {
                let lanes = 0..=usize::from(payment.class);
                let before = lanes.flat_map(|class| self.queues.lane(payment.debit, class));
                let before = before.take_while(|entry| entry.place != payment.place);
                let (ahead, ahead_minor) = before.fold((0, 0), |(count, minor), entry| {
                    (count + 1, minor + u128::from(entry.minor))
                });
                let day_open = self.directory.day(payment.currency).open.is_some();
                WaitsFor::Turn { ahead, ahead_minor, day_open, in_cut: payment.in_cut }
            }
        }
    }

    fn group_member(&self, payment: &Payment) -> GroupMember {
        let (sender, receiver) = self.parties(payment);
        GroupMember {
            place: payment.place,
            sender,
            receiver,
            currency: self.directory.currency(payment.currency).currency,
            minor: payment.minor,
            stage: match payment.stage {
                Stage::Time | Stage::Date | Stage::Held => MemberStage::Early,
                Stage::Group => MemberStage::Ready,
                Stage::Queue => MemberStage::Queued,
                Stage::Match | Stage::Matched => unreachable!("only what is matched has a group"),
            },
        }
    }
}
