//! The business day of a currency, and what it means for a value date.

use channel::{ClosePolicy, CommandBody, MessageKind, ValueDate};
use ledger::{AccountId, Currency};
use risk::CurrencyIndex;

use crate::command::Phase;
use crate::intake::ensure;
use crate::outcome::{Outcome, PaymentState};
use crate::payment::{NO_GROUP, Payment, Stage};
use crate::pool::Pool;
use crate::reject::Reject;

/// The business day of a currency. Days only go forward.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Day {
    /// The day that is open.
    pub open: Option<OpenDay>,
    /// The day that was closed last.
    pub closed: Option<ValueDate>,
}

/// A day that is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpenDay {
    /// The date.
    pub date: ValueDate,
    /// From this instant on orders for the day are rejected, ms.
    pub cut_off_at_ms: u64,
    /// At this instant the day closes by itself, ms.
    pub closes_at_ms: u64,
}

/// Days since 1970-01-01 of a date `yyyymmdd` (proleptic Gregorian, after Hinnant).
pub(crate) fn days_of(date: u32) -> i64 {
    let (year, month, day) =
        (i64::from(date / 10_000), i64::from(date / 100 % 100), i64::from(date % 100));
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

/// Days since 1970-01-01 of an instant, in UTC.
pub(crate) fn days_of_instant(at_ms: u64) -> i64 {
    (at_ms / 86_400_000).cast_signed()
}

impl Pool {
    pub(crate) fn move_day(
        &mut self,
        phase: Phase,
        body: &CommandBody,
        outcome: &mut Outcome,
    ) -> Result<(), Reject> {
        match *body {
            CommandBody::OpenDay { currency, date, cut_off_at_ms, closes_at_ms } => {
                let index = self.listed(currency)?;
                self.open_day(index, OpenDay { date, cut_off_at_ms, closes_at_ms }, outcome)
            }
            CommandBody::CutOff { currency } => {
                let index = self.listed(currency)?;
                let mut open = self.directory.day(index).open.ok_or(Reject::DayNotOpen)?;
                ensure(self.now_ms < open.cut_off_at_ms, Reject::CutOffPassed)?;
                open.cut_off_at_ms = self.now_ms;
                self.directory.day_mut(index).open = Some(open);
                Ok(())
            }
            CommandBody::ExtendDay { currency, cut_off_at_ms, closes_at_ms } => {
                let index = self.listed(currency)?;
                let open = self.directory.day(index).open.ok_or(Reject::DayNotOpen)?;
                let later = cut_off_at_ms >= open.cut_off_at_ms
                    && closes_at_ms >= open.closes_at_ms
                    && (self.now_ms < cut_off_at_ms && cut_off_at_ms <= closes_at_ms);
                ensure(later, Reject::DayInstants)?;
                let date = open.date;
                self.directory.day_mut(index).open =
                    Some(OpenDay { date, cut_off_at_ms, closes_at_ms });
                Ok(())
            }
            CommandBody::CloseDay { currency } => {
                let index = self.listed(currency)?;
                ensure(self.directory.day(index).open.is_some(), Reject::DayNotOpen)?;
                if phase == Phase::Perform {
                    self.close_day(index, outcome);
                }
                Ok(())
            }
            _ => unreachable!("only days come here"),
        }
    }

    fn listed(&self, currency: Currency) -> Result<u8, Reject> {
        self.directory.currency_index(currency.to_bytes()).ok_or(Reject::CurrencyNotInPool)
    }

    fn open_day(
        &mut self,
        currency: u8,
        opening: OpenDay,
        outcome: &mut Outcome,
    ) -> Result<(), Reject> {
        let day = *self.directory.day(currency);
        ensure(day.open.is_none(), Reject::DayOpen)?;
        let later = day.closed.is_none_or(|closed| opening.date > closed);
        let ordered =
            self.now_ms < opening.cut_off_at_ms && opening.cut_off_at_ms <= opening.closes_at_ms;
        ensure(later && ordered, Reject::DayInstants)?;
        // After this point it must succeed.
        self.directory.day_mut(currency).open = Some(opening);
        self.limits.reset_day(CurrencyIndex(currency.into()));
        let date = opening.date.get();
        for place in self.waiting.dated(currency, date) {
            let Some(slot) = self.payments.find(place) else { continue };
            let skipped = self.payments.get(slot).value_date < date;
            if skipped && self.rules.close == ClosePolicy::Reject {
                let (state, reason) = (PaymentState::Rejected, Reject::ValueDatePast);
                self.leave(place, state, reason, outcome);
            } else {
                self.release(place, outcome);
            }
        }
        self.end_dated(currency, date, outcome);
        self.fx.orders.scan_currency(currency);
        // What was rolled over waits in its queue.
        self.retry_currency(currency);
        Ok(())
    }

    /// Has the urgent payments of a currency tried.
    fn retry_currency(&mut self, currency: u8) {
        let accounts = (0..).map(AccountId).zip(self.directory.holders());
        let concerned = accounts.filter(|(_, holder)| holder.currency == currency);
        self.cycle.credited.extend(concerned.map(|(account, _)| account));
    }

    /// Closes the days whose time has come.
    pub(crate) fn close_due_days(&mut self, outcome: &mut Outcome) {
        for index in 0..self.directory.currencies().len() as u8 {
            let open = self.directory.day(index).open;
            if open.is_some_and(|open| self.now_ms >= open.closes_at_ms) {
                self.close_day(index, outcome);
                self.batch.open(self.now_ms);
            }
        }
    }

    /// Whether a payment is in a currency, or exchanges another for it.
    fn concerns(&self, payment: &Payment, currency: u8) -> bool {
        let counter = || self.fx.orders.get(payment.place).map(|order| order.counter);
        payment.currency == currency || counter() == Some(currency)
    }

    /// Ends the instructions that wait for their counterpart with a value date before `date`, and
    /// by rule book the payments that are held with one.
    fn end_dated(&mut self, currency: u8, date: u32, outcome: &mut Outcome) {
        let past = self.payments.matching(|payment| {
            let exchange = is_instruction(payment) && payment.stage == Stage::Match;
            let held = payment.stage == Stage::Held && self.rules.close == ClosePolicy::Reject;
            (exchange || held) && payment.value_date < date && self.concerns(payment, currency)
        });
        for place in past {
            self.leave(place, PaymentState::Rejected, Reject::ValueDatePast, outcome);
        }
    }

    /// Ends the day of a currency. What was to settle on it is rejected or, by rule book, waits
    /// for the next day; a link group never waits for another day.
    fn close_day(&mut self, currency: u8, outcome: &mut Outcome) {
        let Some(open) = self.directory.day(currency).open else { return };
        *self.directory.day_mut(currency) = Day { open: None, closed: Some(open.date) };
        let rolls = self.rules.close == ClosePolicy::Roll;
        let ends = self.payments.matching(|payment| {
            self.concerns(payment, currency)
                && payment.value_date <= open.date.get()
                && (!rolls || payment.group != NO_GROUP || is_instruction(payment))
        });
        self.fx.book.clear_where(|id| id.base == currency || id.quote == currency);
        for place in ends {
            self.leave(place, PaymentState::Rejected, Reject::DayClosed, outcome);
        }
    }
}

fn is_instruction(payment: &Payment) -> bool {
    payment.kind == MessageKind::FxInstruction as u16
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_counted_through_months_and_leap_years() {
        assert_eq!(days_of(19_700_101), 0);
        assert_eq!(days_of(20_000_229), 11_016);
        assert_eq!(days_of(20_000_301), 11_017);
        assert_eq!(days_of(20_260_105), 20_458);
        assert_eq!(days_of(21_991_231), 84_005);
        assert_eq!(days_of_instant(20_458 * 86_400_000 + 86_399_999), 20_458);
    }

    #[test]
    fn every_valid_date_is_the_day_after_the_one_before() {
        let all = (20_000_101..=21_991_231).filter_map(ValueDate::new);
        let days: Vec<i64> = all.map(|date| days_of(date.get())).collect();
        assert_eq!(days.len(), 73_049);
        assert!(days.windows(2).all(|pair| pair[1] == pair[0] + 1));
    }
}
