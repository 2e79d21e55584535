//! What operators and banks set: status, accounts, credit lines, limits, rules; and the cancel.

use channel::{CommandBody, MessageKind, ParticipantId, Role, RuleBook, Status, Uetr};
use ledger::{Currency, DebitLimit};
use risk::{CurrencyIndex, LimitReject, Measure, VelocityRule};

use crate::command::Phase;
use crate::day::Day;
use crate::directory::{CURRENCIES_MAX, Holder, PoolCurrency};
use crate::intake::ensure;
use crate::outcome::{Outcome, PaymentState, Ruling};
use crate::pool::{Pool, risk_id};
use crate::reject::Reject;
use crate::seen::Identity;

impl Pool {
    pub(crate) fn set_status(
        &mut self,
        phase: Phase,
        participant: ParticipantId,
        status: Status,
        outcome: &mut Outcome,
    ) -> Result<(), Reject> {
        let index = self.directory.index(participant).ok_or(Reject::UnknownParticipant)?;
        let member = self.directory.at(index);
        let operator = member.participant.role == Role::Operator;
        let last =
            operator && member.status == Status::Active && self.directory.active_operators() == 1;
        // Somebody must be left who can readmit.
        ensure(!(last && status == Status::Suspended), Reject::NotAuthorised)?;
        // Whom a root has revoked, only a root can bring back.
        let revoked = status == Status::Active && self.identity_revoked(participant);
        ensure(!revoked, Reject::IdentityNotValid)?;
        if phase == Phase::Check {
            return Ok(());
        }
        // After this point it must succeed.
        self.directory.set_status(index, status);
        if status == Status::Suspended {
            self.disclosure.keep_suspended(participant);
            self.end_payments_of(participant, outcome);
        }
        Ok(())
    }

    /// Ends what waits of a participant that takes no part any more.
    pub(crate) fn end_payments_of(&mut self, participant: ParticipantId, outcome: &mut Outcome) {
        self.withdraw_quotes(participant);
        let concerned = self.payments.matching(|payment| {
            let (sender, receiver) = self.parties(payment);
            sender == participant || receiver == participant
        });
        for place in concerned {
            let (state, reason) = (PaymentState::Rejected, Reject::ParticipantSuspended);
            self.leave(place, state, reason, outcome);
        }
    }

    pub(crate) fn open_account(
        &mut self,
        participant: ParticipantId,
        currency: Currency,
        credit_line: u64,
        outcome: &mut Outcome,
    ) -> Result<(), Reject> {
        let member = self.directory.index(participant).ok_or(Reject::UnknownParticipant)?;
        ensure(self.holds_accounts(member), Reject::WrongRole)?;
        let index = self.directory.currency_index(currency.to_bytes());
        let index = index.ok_or(Reject::CurrencyNotInPool)?;
        ensure(self.directory.account_at(member, index).is_none(), Reject::AccountExists)?;
        self.open_books(DebitLimit::AtMost(credit_line), Some(member), (index, currency), outcome)
    }

    fn open_books(
        &mut self,
        limit: DebitLimit,
        member: Option<u32>,
        (index, currency): (u8, Currency),
        outcome: &mut Outcome,
    ) -> Result<(), Reject> {
        self.ledger.open_account(currency, limit).map_err(|_| Reject::CapacityFull)?;
        let info = self.directory.add_holder(Holder { member, currency: index });
        let accounts = self.directory.holders().len();
        self.queues.grow(accounts);
        self.batch.grow(accounts);
        outcome.accounts_opened.push(info);
        Ok(())
    }

    pub(crate) fn set_credit_line(
        &mut self,
        phase: Phase,
        participant: ParticipantId,
        currency: Currency,
        credit_line: u64,
    ) -> Result<(), Reject> {
        self.directory.index(participant).ok_or(Reject::UnknownParticipant)?;
        let account =
            self.directory.account(participant, currency).ok_or(Reject::UnknownAccount)?;
        if phase == Phase::Check {
            return Ok(());
        }
        self.ledger
            .set_limit(account, DebitLimit::AtMost(credit_line))
            .map_err(|_| Reject::UnknownAccount)?;
        self.directory.touch();
        self.cycle.credited.push(account);
        Ok(())
    }

    /// Limits take effect on what settles from now on; what they free is tried at once.
    pub(crate) fn set_limit(
        &mut self,
        phase: Phase,
        maker: u32,
        body: &CommandBody,
    ) -> Result<(), Reject> {
        match *body {
            CommandBody::SetBilateralLimit { counterparty, currency, limit } => {
                let counterparty = self.holder_of_accounts(counterparty)?;
                let (index, account) = self.books_of(maker, currency)?;
                ensure(counterparty != maker, Reject::WrongRole)?;
                if phase == Phase::Perform {
                    let (from, to) = (risk_id(maker), risk_id(counterparty));
                    self.limits.set_bilateral(from, to, index, limit).map_err(capacity)?;
                    self.cycle.credited.push(account);
                }
            }
            CommandBody::SetMultilateralLimit { currency, limit } => {
                let (index, account) = self.books_of(maker, currency)?;
                if phase == Phase::Perform {
                    let limits = &mut self.limits;
                    limits.set_multilateral(risk_id(maker), index, limit).map_err(capacity)?;
                    self.cycle.credited.push(account);
                }
            }
            CommandBody::SetDebitCap { participant, currency, cap } => {
                let member = self.holder_of_accounts(participant)?;
                let (index, account) = self.books_of(member, currency)?;
                if phase == Phase::Perform {
                    let limits = &mut self.limits;
                    limits.set_net_debit_cap(risk_id(member), index, cap).map_err(capacity)?;
                    self.cycle.credited.push(account);
                }
            }
            CommandBody::SetVelocity { participant, currency, window_ms, most } => {
                let member = self.holder_of_accounts(participant)?;
                let measure = match currency {
                    None => Measure::Orders,
                    Some(currency) => Measure::Value(self.books_of(member, currency)?.0),
                };
                if phase == Phase::Perform {
                    let rule = (window_ms > 0).then_some(VelocityRule { window_ms, most });
                    let velocity = &mut self.velocity;
                    velocity.set_rule(risk_id(member), measure, rule).map_err(capacity)?;
                }
            }
            _ => unreachable!("only limits come here"),
        }
        if phase == Phase::Perform {
            self.directory.touch();
        }
        Ok(())
    }

    fn holder_of_accounts(&self, participant: ParticipantId) -> Result<u32, Reject> {
        let member = self.directory.index(participant).ok_or(Reject::UnknownParticipant)?;
        ensure(self.holds_accounts(member), Reject::WrongRole)?;
        Ok(member)
    }

    fn holds_accounts(&self, member: u32) -> bool {
        self.directory.at(member).participant.role.holds_accounts()
    }

    fn books_of(
        &self,
        member: u32,
        currency: Currency,
    ) -> Result<(CurrencyIndex, ledger::AccountId), Reject> {
        let index = self.directory.currency_index(currency.to_bytes());
        let index = index.ok_or(Reject::CurrencyNotInPool)?;
        let account = self.directory.account_at(member, index).ok_or(Reject::UnknownAccount)?;
        Ok((CurrencyIndex(index.into()), account))
    }

    pub(crate) fn set_rules(
        &mut self,
        phase: Phase,
        rules: &RuleBook,
        outcome: &mut Outcome,
    ) -> Result<(), Reject> {
        ensure(rules.version == self.rules.version + 1, Reject::RulesVersion)?;
        let dropped = |known: &PoolCurrency| !rules.currencies.contains(&known.currency);
        let mut known = (0_u8..).zip(self.directory.currencies());
        let in_use = known.any(|(index, known)| dropped(known) && self.directory.in_use(index));
        ensure(!in_use, Reject::RulesVersion)?;
        let known = self.directory.currencies();
        let is_new = |currency: &&Currency| known.iter().all(|known| known.currency != **currency);
        let count = known.len() + rules.currencies.iter().filter(is_new).count();
        ensure(count <= CURRENCIES_MAX, Reject::CapacityFull)?;
        if phase == Phase::Perform {
            self.adopt_rules(rules.clone(), outcome);
        }
        Ok(())
    }

    /// Takes over a rule book: opens the mirrors of its new currencies.
    pub(crate) fn adopt_rules(&mut self, rules: RuleBook, outcome: &mut Outcome) {
        for currency in &rules.currencies {
            let known = self.directory.currencies();
            if known.iter().any(|known| known.currency == *currency) {
                continue;
            }
            let index = known.len() as u8;
            let mirror = ledger::AccountId(self.directory.holders().len() as u32);
            let (currency, day) = (*currency, Day::default());
            self.directory.add_currency(PoolCurrency { currency, mirror, listed: true, day });
            let opened = self.open_books(DebitLimit::Unlimited, None, (index, currency), outcome);
            if opened.is_err() {
                unreachable!("there are fewer accounts than the books can hold");
            }
        }
        self.directory.list(&rules.currencies);
        self.rules_hash = rules.hash();
        self.rules = rules;
    }

    pub(crate) fn cancel(
        &mut self,
        phase: Phase,
        maker: ParticipantId,
        (uetr, kind): (Uetr, MessageKind),
        outcome: &mut Outcome,
    ) -> Result<(), Reject> {
        let identity = Identity { uetr, sender: maker, kind: kind as u16 };
        let seen = self.seen.find(self.seen.tag(&identity), &identity);
        let place = match seen {
            Some(seen) => seen.place,
            None => self.outlived.find(&identity).ok_or(Reject::UnknownPayment)?,
        };
        let accepted = seen.is_none_or(|seen| seen.ruling != Ruling::Rejected);
        let slot = self.payments.find(place).filter(|_| accepted).ok_or(Reject::PaymentFinal)?;
        ensure(!self.bound_by_match(self.payments.get(slot)), Reject::MatchBinding)?;
        if phase == Phase::Perform {
            self.leave(place, PaymentState::Cancelled, Reject::Cancelled, outcome);
        }
        Ok(())
    }
}

fn capacity(_: LimitReject) -> Reject {
    Reject::CapacityFull
}
