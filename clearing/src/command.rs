//! Commands: who may give them, and that each is carried out once.

use channel::{
    Command, CommandBody, DecodeError, ParticipantId, RequestId, Role, SignedCommand, Status,
    sha256,
};

use crate::intake::ensure;
use crate::outcome::{Outcome, Subject};
use crate::pool::{Pool, TIME_MAX_MS};
use crate::record::{Place, Record, RecordBody, RecordError};
use crate::reject::Reject;
use crate::requests::{Answer, ISSUED_AHEAD_MS, REQUESTS_MAX, STALE_AFTER_MS};

/// Commands that wait for an open cut to be resolved, at most.
pub const DEFERRED_MAX: usize = 65_536;
/// One part in so many of what is remembered of commands is kept free for operators and agents.
const RESERVED_SHARE: usize = 8;

/// How far a command goes: an open cut lets some only be checked for now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    /// The guards only.
    Check,
    /// The guards, then the effect.
    Perform,
}

/// A command that takes effect once the open cut is resolved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Deferred {
    /// Its canonical bytes.
    pub(crate) command: Vec<u8>,
    /// Where it stands in the log.
    pub(crate) place: Place,
}

/// Whether a command could take a candidate away or lower liquidity.
fn waits_for_cut(body: &CommandBody) -> bool {
    matches!(
        body,
        CommandBody::SetStatus { .. }
            | CommandBody::SetCreditLine { .. }
            | CommandBody::Defund { .. }
            | CommandBody::SetBilateralLimit { .. }
            | CommandBody::SetMultilateralLimit { .. }
            | CommandBody::SetDebitCap { .. }
            | CommandBody::CloseDay { .. }
            | CommandBody::SetRules(_)
            | CommandBody::Cancel { .. }
            | CommandBody::RunCycle
    )
}

impl Pool {
    /// A command was decoded before it was logged; one that does not decode was not written by
    /// this system.
    pub(crate) fn check_command(&self, signed: &SignedCommand) -> Result<(), RecordError> {
        let command = Command::decode(&signed.command)?;
        if command.pool != self.pool {
            return Err(DecodeError::Range { field: "command pool" }.into());
        }
        Ok(())
    }

    /// Whether a record is an operator's confirmation that time may jump as far as its own time.
    pub(crate) fn confirms_time(&self, record: &Record<'_>) -> bool {
        let RecordBody::Command(signed) = &record.body else { return false };
        let Ok(command) = Command::decode(&signed.command) else { return false };
        let CommandBody::ConfirmTime { until_ms } = command.body else { return false };
        (record.time_ms..=TIME_MAX_MS).contains(&until_ms)
            && self.requests.find(&command.request_id).is_none()
            && self.authorise(&command, signed, record.time_ms).is_ok()
    }

    pub(crate) fn take_command(
        &mut self,
        signed: &SignedCommand,
        recorded_at_ms: u64,
        outcome: &mut Outcome,
    ) {
        let Ok(command) = Command::decode(&signed.command) else {
            unreachable!("commands are decoded before they take effect");
        };
        outcome.subject = Subject::Command(command.request_id);
        self.requests.sweep(self.now_ms);
        let digest = sha256(&signed.command);
        if let Some(answer) = self.requests.find(&command.request_id) {
            outcome.replayed = answer.digest == digest;
            outcome.reject =
                if outcome.replayed { answer.reject } else { Some(Reject::RequestReused) };
            return;
        }
        outcome.reject = self.authorise(&command, signed, recorded_at_ms).err();
        if outcome.reject.is_none() && matches!(command.body, CommandBody::SetQuotes { .. }) {
            self.take_quotes(&command, digest, outcome);
            return;
        }
        if outcome.reject.is_none() && self.commands_full(&command.body) {
            outcome.reject = Some(Reject::CapacityFull);
        }
        if outcome.reject.is_some() {
            return;
        }
        let place = Place::new(outcome.position, 0);
        outcome.reject = self.carry_out(&command, place, outcome).err();
        self.batch.open(self.now_ms);
        self.answer(command.request_id, digest, outcome.reject);
    }

    fn answer(&mut self, request: RequestId, digest: ledger::Hash, reject: Option<Reject>) {
        let answered_at_ms = self.now_ms;
        self.requests.insert(Answer { request, digest, reject, answered_at_ms });
    }

    /// Whether there is no room to remember one more command. Banks leave a part of it free, so
    /// that none of them can keep an operator or an agent from acting.
    fn commands_full(&self, body: &CommandBody) -> bool {
        let share = |most: usize| match body.role() {
            Role::Bank | Role::LiquidityProvider => most - most / RESERVED_SHARE,
            _ => most,
        };
        self.requests.len() >= share(REQUESTS_MAX)
            || self.defers(body) && self.cycle.deferred.len() >= share(DEFERRED_MAX)
    }

    fn defers(&self, body: &CommandBody) -> bool {
        self.cycle.cut.is_some() && waits_for_cut(body)
    }

    /// Who gives it, when, and with whom.
    fn authorise(
        &self,
        command: &Command,
        signed: &SignedCommand,
        recorded_at_ms: u64,
    ) -> Result<(), Reject> {
        let maker = self.directory.member(command.maker).ok_or(Reject::UnknownParticipant)?;
        ensure(maker.status == Status::Active, Reject::SenderSuspended)?;
        let now_ms = match command.body {
            CommandBody::ConfirmTime { .. } => recorded_at_ms.max(self.now_ms),
            _ => self.now_ms,
        };
        let stale = command.issued_at_ms < now_ms.saturating_sub(STALE_AFTER_MS)
            || command.issued_at_ms > now_ms + ISSUED_AHEAD_MS;
        ensure(!stale, Reject::CommandStale)?;
        ensure(command.body.allows(maker.participant.role), Reject::NotAuthorised)?;
        let vouched = self.suspends_where_sealed(&command.body);
        let required = vouched || self.rules.two_person.contains(&command.body.kind());
        let Some((checker, _)) = signed.checker else {
            return ensure(!required, Reject::CheckerRequired);
        };
        self.check_checker(command.maker, checker)?;
        // Two people, not two names that one operator gave: a root knows each of them.
        let known = |id| !vouched || self.has_identity(id);
        ensure(known(command.maker), Reject::IdentityNotValid)?;
        ensure(known(checker), Reject::CheckerInvalid)
    }

    /// Where roots vouch for the participants, nobody is suspended by one person alone, nor by
    /// somebody for whom no root vouches.
    fn suspends_where_sealed(&self, body: &CommandBody) -> bool {
        let suspends = matches!(body, CommandBody::SetStatus { status: Status::Suspended, .. });
        suspends && !self.disclosure.roots.is_empty()
    }

    fn check_checker(&self, maker: ParticipantId, checker: ParticipantId) -> Result<(), Reject> {
        let operator = self.directory.member(checker).is_some_and(|member| {
            member.participant.role == Role::Operator && member.status == Status::Active
        });
        ensure(operator && checker != maker, Reject::CheckerInvalid)
    }

    fn carry_out(
        &mut self,
        command: &Command,
        place: Place,
        outcome: &mut Outcome,
    ) -> Result<(), Reject> {
        if !self.defers(&command.body) {
            return self.perform(Phase::Perform, command, place, outcome);
        }
        self.perform(Phase::Check, command, place, outcome)?;
        self.cycle.deferred.push_back(Deferred { command: command.encode(), place });
        Ok(())
    }

    /// Carries out what waited for the cut. Where that is no longer possible, the command's answer
    /// becomes the reject: whoever repeats the command learns it.
    pub(crate) fn run_deferred(&mut self, outcome: &mut Outcome) {
        while self.cycle.cut.is_none() {
            let Some(deferred) = self.cycle.deferred.pop_front() else { return };
            let Ok(command) = Command::decode(&deferred.command) else {
                unreachable!("only decoded commands are deferred");
            };
            if matches!(command.body, CommandBody::RunCycle) {
                // What was over before the cut that it makes is no part of it.
                self.pass_time(outcome);
            }
            // Its maker may have been suspended by a command that waited before it.
            let maker = self.directory.member(command.maker);
            let done = if maker.is_some_and(|maker| maker.status == Status::Active) {
                self.perform(Phase::Perform, &command, deferred.place, outcome)
            } else {
                Err(Reject::SenderSuspended)
            };
            if let Err(reject) = done {
                self.answer(command.request_id, sha256(&deferred.command), Some(reject));
            }
            self.batch.open(self.now_ms);
        }
    }

    fn perform(
        &mut self,
        phase: Phase,
        command: &Command,
        place: Place,
        outcome: &mut Outcome,
    ) -> Result<(), Reject> {
        let maker = self.directory.index(command.maker).ok_or(Reject::UnknownParticipant)?;
        match &command.body {
            CommandBody::AddParticipant(participant) => self.directory.add(participant.clone()),
            CommandBody::SetStatus { participant, status } => {
                self.set_status(phase, *participant, *status, outcome)
            }
            CommandBody::OpenAccount { participant, currency, credit_line } => {
                self.open_account(*participant, *currency, *credit_line, outcome)
            }
            CommandBody::SetCreditLine { participant, currency, credit_line } => {
                self.set_credit_line(phase, *participant, *currency, *credit_line)
            }
            CommandBody::Fund { participant, amount, pay_in } => {
                self.fund(*participant, *amount, *pay_in, place)
            }
            CommandBody::Defund { amount } => {
                self.defund(phase, (command.request_id, maker), *amount, place)
            }
            CommandBody::ConfirmDefund { defund, made } => {
                self.confirm_defund(*defund, *made, place)
            }
            CommandBody::SetBilateralLimit { .. }
            | CommandBody::SetMultilateralLimit { .. }
            | CommandBody::SetDebitCap { .. }
            | CommandBody::SetVelocity { .. } => self.set_limit(phase, maker, &command.body),
            CommandBody::OpenDay { .. }
            | CommandBody::CutOff { .. }
            | CommandBody::ExtendDay { .. }
            | CommandBody::CloseDay { .. } => self.move_day(phase, &command.body, outcome),
            CommandBody::SetRules(rules) => self.set_rules(phase, rules, outcome),
            CommandBody::Cancel { uetr, kind } => {
                self.cancel(phase, command.maker, (*uetr, *kind), outcome)
            }
            CommandBody::ConfirmTime { until_ms } => {
                ensure(*until_ms <= TIME_MAX_MS, Reject::Overflow)?;
                self.confirmed_until_ms = self.confirmed_until_ms.max(*until_ms);
                Ok(())
            }
            CommandBody::RunCycle if phase == Phase::Perform => {
                self.cut(outcome);
                Ok(())
            }
            CommandBody::RunCycle => Ok(()),
            CommandBody::SetQuotes { .. } => unreachable!("quotes have a way of their own"),
        }
    }
}
