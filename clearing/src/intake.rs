//! Orders: the guards, one after the other, and what becomes of an order that passes them.
//!
//! The first guard is the identity: an order that was seen gets its first ruling again, whatever
//! has changed since. A reject that may pass by itself leaves no trace; every other one is
//! remembered like an acceptance.

use channel::{DecodeError, FxTerms, HeaderView, MessageKind, Role, Status};
use ledger::{AccountId, Hash};
use risk::{CurrencyIndex, Measure};

use crate::day::{OpenDay, days_of, days_of_instant};
use crate::disclosure::SealedOrder;
use crate::fx::Terms;
use crate::group::GroupId;
use crate::outcome::{Outcome, Ruled, Ruling};
use crate::payment::{NO_GROUP, Payment, Stage};
use crate::pool::{Pool, risk_id};
use crate::record::{OrdersRecord, Place, RecordError};
use crate::reject::Reject;
use crate::seen::{CLOCK_TOLERANCE_MS, Identity, Seen};

/// One order of a record.
struct Incoming<'a> {
    header: HeaderView<'a>,
    payload: &'a [u8],
    digest: &'a Hash,
    place: Place,
    /// The sender's index, if the pool knows it.
    sender: Option<u32>,
    /// The tag of its identity in the index.
    tag: u32,
}

/// What the guards found out.
pub(crate) struct Admitted {
    pub(crate) debit: AccountId,
    pub(crate) credit: AccountId,
    currency: u8,
    /// Of an FX order: the counter currency's index and what it asks for.
    fx: Option<(u8, Terms)>,
    /// Of an order that a disclosure policy had checked.
    sealed: Option<SealedOrder>,
}

impl Pool {
    /// The headers were checked before they were logged; a log in which they do not hold was not
    /// written by this system.
    pub(crate) fn check_orders(&self, orders: &OrdersRecord<'_>) -> Result<(), RecordError> {
        for header in orders.headers {
            let Ok(header) = HeaderView::check(header) else {
                return Err(DecodeError::Range { field: "order header" }.into());
            };
            if header.pool() != self.pool || header.sender() != orders.sender {
                return Err(DecodeError::Range { field: "order header" }.into());
            }
        }
        Ok(())
    }

    pub(crate) fn take_orders(&mut self, orders: &OrdersRecord<'_>, outcome: &mut Outcome) {
        let count = orders.headers.len();
        self.forget_identities(count);
        let waits = |place| self.payments.find(place).is_some();
        self.expiry.sweep(waits);
        let sender = self.directory.index(orders.sender);
        outcome.rulings.reserve_exact(count);
        let tags = self.tags(orders);
        self.disclosure.epochs.sweep(self.now_ms);
        for (index, ((header, payload), digest)) in orders.orders().zip(orders.digests).enumerate()
        {
            let place = Place::new(outcome.position, index);
            let order = Incoming { header, payload, digest, place, sender, tag: tags[index] };
            let ruled = self.take_order(&order, outcome);
            outcome.rulings.push(ruled);
        }
    }

    /// The tags of all orders, looked up once: the index is far larger than any cache, and look-ups
    /// that do not wait for each other have their memory fetched at the same time.
    fn tags(&self, orders: &OrdersRecord<'_>) -> Vec<u32> {
        let headers = orders.headers.iter().map(HeaderView::trusted);
        let tags: Vec<u32> = headers.map(|header| self.seen.tag(&identity_of(header))).collect();
        tags.iter().for_each(|tag| self.seen.touch(*tag));
        tags
    }

    fn take_order(&mut self, order: &Incoming<'_>, outcome: &mut Outcome) -> Ruled {
        let identity = identity_of(order.header);
        let tag = order.tag;
        if let Some(seen) = self.seen.find(tag, &identity) {
            return repeat(&seen, order.digest);
        }
        if let Some(place) = self.outlived.find(&identity) {
            return self.repeat_outlived(place, order.digest);
        }
        let decided_at_ms = self.now_ms;
        let judged = self.judge(order);
        let (ruling, reason) = match judged.and_then(|it| self.accept(order, it, outcome)) {
            Ok(ruling) => (ruling, None),
            Err(reject) if reject.is_transient() => (Ruling::Refused, Some(reject)),
            Err(reject) => (Ruling::Rejected, Some(reject)),
        };
        if ruling != Ruling::Refused {
            let (digest, place) = (*order.digest, order.place);
            self.seen.insert(
                tag,
                &identity,
                &Seen { digest, place, decided_at_ms, ruling, reason },
            );
            self.batch.open(self.now_ms);
        }
        if ruling == Ruling::Settled {
            self.retry_credited(outcome);
        }
        Ruled { place: order.place, decided_at_ms, ruling, reason, replayed: false }
    }

    /// Forgets identities older than the horizon, but for those of payments that still wait.
    fn forget_identities(&mut self, incoming: usize) {
        let Self { seen, payments, outlived, .. } = self;
        let times = (self.now_ms, self.rules.dedupe_horizon_ms);
        seen.sweep(times, incoming, |identity, place| {
            if payments.find(place).is_some() {
                outlived.insert(identity, place);
            }
        });
    }

    /// Rules on an order whose identity belongs to a payment that waits, longer than the index
    /// remembers. The ruling is not remembered: the first one stands.
    fn repeat_outlived(&self, place: Place, digest: &Hash) -> Ruled {
        let waiting = self.payments.find(place).map(|slot| self.payments.get(slot).digest);
        let same = waiting == Some(*digest);
        let reason = if same { Reject::CreatedTooEarly } else { Reject::IdentityReused };
        let (ruling, decided_at_ms) = (Ruling::Rejected, self.now_ms);
        Ruled { place, decided_at_ms, ruling, reason: Some(reason), replayed: false }
    }

    /// The guards, in the order of their rejects. The window of orders counts on the way: it bounds
    /// what is handed in. The window of value counts at the end: it bounds what is taken.
    fn judge(&mut self, order: &Incoming<'_>) -> Result<Admitted, Reject> {
        let header = order.header;
        ensure(self.seen.len() < u64::from(self.rules.dedupe_entries_max), Reject::IndexFull)?;
        ensure(self.payments.len() < self.rules.queue_max as usize, Reject::QueueFull)?;
        self.judge_creation(header.created_at_ms())?;
        self.judge_velocity(order)?;
        let sender = order.sender.ok_or(Reject::UnknownParticipant)?;
        let receiver = self.directory.index(header.receiver());
        let fits = |index| {
            let role = self.directory.at(index).participant.role;
            match header.kind() {
                Some(MessageKind::FxInstruction) => role.holds_accounts(),
                _ => role == Role::Bank,
            }
        };
        ensure(fits(sender) && receiver.is_none_or(fits), Reject::WrongRole)?;
        ensure(self.directory.at(sender).status == Status::Active, Reject::SenderSuspended)?;
        let receiver = receiver.ok_or(Reject::UnknownReceiver)?;
        let suspended = self.directory.at(receiver).status != Status::Active;
        ensure(!suspended, Reject::ReceiverSuspended)?;
        let currency = self.directory.currency_index(header.currency_bytes());
        let currency = currency.ok_or(Reject::CurrencyNotInPool)?;
        let debit = self.directory.account_at(sender, currency).ok_or(Reject::NoDebtorAccount)?;
        let fx = self.counter_terms(header)?;
        let paid_in = match fx {
            Some((counter, Terms::Payment { .. })) => counter,
            _ => currency,
        };
        let credit =
            self.directory.account_at(receiver, paid_in).ok_or(Reject::NoCreditorAccount)?;
        let mut admitted = Admitted { debit, credit, currency, fx, sealed: None };
        let not_after_ms = header.not_after_ms();
        ensure(not_after_ms == 0 || self.now_ms <= not_after_ms, Reject::Expired)?;
        self.judge_date(currency, header.value_date_number())?;
        if let Some((counter, terms)) = fx {
            self.judge_date(counter, header.value_date_number())?;
            let exchange = matches!(terms, Terms::Instruction { .. });
            let held = !exchange || self.holds_counter_accounts(&admitted, counter);
            ensure(held, Reject::NoCounterAccount)?;
        }
        let known = self.directory.currency(currency).currency;
        let parties = (sender, receiver);
        admitted.sealed = self.judge_sealing((header, order.payload), parties, known)?;
        if let Some((group, size)) = header.link() {
            ensure(self.groups.fits(&GroupId::Link(group), size), Reject::LinkGroupMismatch)?;
        }
        let value = Measure::Value(CurrencyIndex(currency.into()));
        self.velocity.count(risk_id(sender), value, header.minor(), self.now_ms);
        Ok(admitted)
    }

    /// The counter currency of an FX order, by index, and what it asks for.
    fn counter_terms(&self, header: HeaderView<'_>) -> Result<Option<(u8, Terms)>, Reject> {
        let Some(fx) = header.fx() else { return Ok(None) };
        let counter = self.directory.currency_index(fx.currency().to_bytes());
        let counter = counter.ok_or(Reject::CurrencyNotInPool)?;
        Ok(Some((
            counter,
            match fx {
                FxTerms::Instruction { counter } => Terms::Instruction { minor: counter.minor() },
                FxTerms::Payment { limit, .. } => Terms::Payment { limit },
            },
        )))
    }

    /// The window in which identities are remembered.
    fn judge_creation(&self, created_at_ms: u64) -> Result<(), Reject> {
        let earliest_ms = self.now_ms.saturating_sub(self.rules.dedupe_horizon_ms);
        let forgotten = created_at_ms <= self.seen.forgotten_ms() && self.seen.forgotten_ms() > 0;
        ensure(created_at_ms >= earliest_ms && !forgotten, Reject::CreatedTooEarly)?;
        ensure(created_at_ms <= self.now_ms + CLOCK_TOLERANCE_MS, Reject::CreatedTooLate)
    }

    fn judge_velocity(&mut self, order: &Incoming<'_>) -> Result<(), Reject> {
        let Some(sender) = order.sender else { return Ok(()) };
        let currency = self.directory.currency_index(order.header.currency_bytes());
        let currency = currency.map(|index| CurrencyIndex(index.into()));
        let (sender, minor) = (risk_id(sender), order.header.minor());
        let allowed = self.velocity.allows(sender, currency, minor, self.now_ms);
        allowed.map_err(|_| Reject::VelocityExceeded)?;
        self.velocity.count(sender, Measure::Orders, 1, self.now_ms);
        Ok(())
    }

    /// A date that is open takes orders up to its cut-off; later dates wait; earlier ones are past.
    fn judge_date(&self, currency: u8, date: u32) -> Result<(), Reject> {
        let day = self.directory.day(currency);
        let past = match (day.open, day.closed) {
            (Some(open), _) => date < open.date.get(),
            (None, Some(closed)) => date <= closed.get(),
            (None, None) => days_of(date) < days_of_instant(self.now_ms),
        };
        ensure(!past, Reject::ValueDatePast)?;
        let today = match day.open {
            Some(open) => days_of(open.date.get()),
            None => days_of_instant(self.now_ms),
        };
        let ahead_max = i64::from(self.rules.warehouse_days_max);
        ensure(days_of(date) - today <= ahead_max, Reject::ValueDateTooFar)?;
        let cut_off = |open: OpenDay| date == open.date.get() && self.now_ms >= open.cut_off_at_ms;
        ensure(!day.open.is_some_and(cut_off), Reject::CutOffPassed)
    }

    /// Takes an order in: all guards have passed but the last one, of a link group that it makes
    /// whole.
    fn accept(
        &mut self,
        order: &Incoming<'_>,
        admitted: Admitted,
        outcome: &mut Outcome,
    ) -> Result<Ruling, Reject> {
        let mut payment = payment_of(order, &admitted);
        let link = order.header.link();
        if let Some((group, _)) = link {
            self.judge_manifest(&group, &payment, outcome)?;
        }
        let held = admitted.sealed.is_some_and(|sealed| self.note_sealed(order, sealed, outcome));
        if let Some(fx) = admitted.fx {
            return Ok(self.accept_fx(payment, fx, held, outcome));
        }
        let linked = link.is_some();
        payment.stage = if held { Stage::Held } else { self.stage_of(&payment, linked) };
        if self.settles_at_once(&payment) && link.is_none() {
            self.settle_new(&payment);
            return Ok(Ruling::Settled);
        }
        let (stage, not_after_ms, place) = (payment.stage, payment.not_after_ms, payment.place);
        let slot = self.payments.insert(payment);
        if not_after_ms != 0 {
            self.expiry.insert(not_after_ms, place);
        }
        if let Some((group, size)) = link {
            self.payments.get_mut(slot).group = self.groups.add(GroupId::Link(group), size, slot);
        }
        self.enter(slot, stage);
        Ok(match stage {
            Stage::Queue => Ruling::Queued,
            Stage::Time | Stage::Date => Ruling::Warehoused,
            Stage::Group if self.complete_group(slot, outcome) => Ruling::Queued,
            Stage::Group => Ruling::AwaitingGroup,
            Stage::Held => Ruling::Held,
            Stage::Match | Stage::Matched => unreachable!("FX orders have a way of their own"),
        })
    }
}

impl Pool {
    /// Takes the order's sequence, and notes who reads it and what it is held for; whether it is.
    fn note_sealed(
        &mut self,
        order: &Incoming<'_>,
        sealed: SealedOrder,
        outcome: &mut Outcome,
    ) -> bool {
        self.disclosure.epochs.take(order.header.sender(), sealed.epoch, sealed.sequence);
        outcome.readers.extend(sealed.readers().map(|reader| (order.place, reader)));
        let Some(held) = sealed.held else { return false };
        outcome.holds.push(held.told(order.place));
        self.disclosure.holds.insert(order.place, held);
        true
    }
}

fn payment_of(order: &Incoming<'_>, admitted: &Admitted) -> Payment {
    let header = order.header;
    Payment {
        place: order.place,
        digest: *order.digest,
        minor: header.minor(),
        not_before_ms: header.not_before_ms(),
        not_after_ms: header.not_after_ms(),
        order: 0,
        uetr: header.uetr(),
        kind: header.kind_number(),
        debit: admitted.debit,
        credit: admitted.credit,
        value_date: header.value_date_number(),
        group: NO_GROUP,
        currency: admitted.currency,
        class: header.class(),
        urgent: header.urgent(),
        stage: Stage::Queue,
        in_cut: false,
        in_floor: false,
        gone: false,
    }
}

fn identity_of(header: HeaderView<'_>) -> Identity {
    let (uetr, sender, kind) = (header.uetr(), header.sender(), header.kind_number());
    Identity { uetr, sender, kind }
}

/// The first ruling again; or, for another body under the same identity, where the first stands.
fn repeat(seen: &Seen, digest: &Hash) -> Ruled {
    let Seen { place, decided_at_ms, ruling, reason, .. } = *seen;
    if seen.digest == *digest {
        return Ruled { place, decided_at_ms, ruling, reason, replayed: true };
    }
    let reason = Some(Reject::IdentityReused);
    Ruled { place, decided_at_ms, ruling: Ruling::Rejected, reason, replayed: false }
}

pub(crate) fn ensure(held: bool, reject: Reject) -> Result<(), Reject> {
    if held { Ok(()) } else { Err(reject) }
}
