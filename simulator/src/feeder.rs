//! What the other pool is given: the log's orders and commands as the plan has them, and ticks and
//! proposals of its own.

use channel::{
    Command, CommandBody, Genesis, ParticipantId, RequestId, Role, SignedCommand, sha256,
};
use clearing::{
    NextTick, Outcome, Pool, Proposal, Record, RecordBody, RecordError, pack_command, pack_genesis,
    pack_settle, pack_tick,
};
use ledger::{Amount, Currency};

use crate::plan::{LimitChange, LimitKind, Plan, Ticks};

/// The other pool and what feeds it.
#[derive(Debug)]
pub(crate) struct Feeder {
    pub(crate) plan: Plan,
    pub(crate) pool: Pool,
    /// Whether the plan has changed nothing so far: then the log's own records are given, with its
    /// own ticks and proposals.
    as_logged: bool,
    /// By limit of the plan: whether it was set.
    set: Vec<bool>,
    /// The latest proposal, whose prices shorten the next search.
    previous: Option<Proposal>,
}

impl Feeder {
    pub(crate) fn new(plan: Plan) -> Self {
        let set = vec![false; plan.limits.len()];
        let as_logged = plan.ticks != Some(Ticks::Due) && plan.limits.is_empty();
        Self { plan, pool: Pool::new(0), as_logged, set, previous: None }
    }

    /// Gives the pool what comes of a record of the log, and whatever falls due before it; `closes`
    /// says whether the record closed a cycle there. Everything that happens is shown to `see`.
    pub(crate) fn feed(
        &mut self,
        bytes: &[u8],
        closes: bool,
        see: &mut dyn FnMut(&[u8], &Outcome, &Pool),
    ) -> Result<(), RecordError> {
        let record = Record::read(bytes)?;
        self.as_logged = self.as_logged && self.leaves(&record.body)?;
        if self.as_logged {
            return self.apply(bytes, see);
        }
        if self.plan.ticks() == Ticks::Due {
            self.let_time_pass(record.time_ms, see)?;
        }
        let head = (record.pool, record.time_ms);
        let adapted = match &record.body {
            RecordBody::Genesis(genesis) => Some(self.adapt_genesis(record.time_ms, genesis)?),
            RecordBody::Orders(_) | RecordBody::Statements(_) => Some(bytes.to_vec()),
            RecordBody::Command(signed) => {
                self.adapt(signed)?.map(|signed| pack_command(head, &signed))
            }
            RecordBody::Tick { .. } if self.plan.ticks() == Ticks::Due => None,
            RecordBody::Tick { .. } => {
                Some(pack_tick(head, if closes { self.pool.cycle() } else { 0 }))
            }
            // Proposals answer the cuts of the log's own pool.
            RecordBody::Settle(_) => None,
        };
        if let Some(adapted) = adapted {
            self.apply(&adapted, see)?;
            self.set_limits(head, see)?;
        }
        self.propose(see)
    }

    /// Seals what is open, so that nothing that happened is missing.
    pub(crate) fn end(
        &mut self,
        see: &mut dyn FnMut(&[u8], &Outcome, &Pool),
    ) -> Result<(), RecordError> {
        let at_ms = self.pool.now_ms() + u64::from(self.pool.rules().seal_ms);
        self.apply(&pack_tick((self.pool_number(), at_ms), 0), see)
    }

    fn pool_number(&self) -> u32 {
        self.pool.status().pool
    }

    fn apply(
        &mut self,
        bytes: &[u8],
        see: &mut dyn FnMut(&[u8], &Outcome, &Pool),
    ) -> Result<(), RecordError> {
        let outcome = self.pool.apply(self.pool.next_position(), bytes)?;
        see(bytes, &outcome, &self.pool);
        Ok(())
    }

    /// Ticks as they fall due, up to and with an instant.
    fn let_time_pass(
        &mut self,
        until_ms: u64,
        see: &mut dyn FnMut(&[u8], &Outcome, &Pool),
    ) -> Result<(), RecordError> {
        let mut last: Option<NextTick> = None;
        while let Some(next) = self.pool.next_tick() {
            // One that changed nothing would be due for ever.
            if next.at_ms > until_ms || last == Some(next) {
                break;
            }
            last = Some(next);
            let at_ms = next.at_ms.max(self.pool.now_ms());
            self.apply(&pack_tick((self.pool_number(), at_ms), next.cycle), see)?;
            self.propose(see)?;
        }
        Ok(())
    }

    /// Answers a cut that waits, at its own instant.
    fn propose(&mut self, see: &mut dyn FnMut(&[u8], &Outcome, &Pool)) -> Result<(), RecordError> {
        let Some(candidates) = self.pool.candidates() else { return Ok(()) };
        let proposal = solver::propose(&candidates, self.previous.as_ref());
        let bytes = pack_settle((self.pool_number(), self.pool.now_ms()), &proposal);
        self.previous = Some(Proposal { places: Vec::new(), ..proposal });
        self.apply(&bytes, see)
    }

    /// Whether a record stays as it is under the plan.
    fn leaves(&self, body: &RecordBody<'_>) -> Result<bool, RecordError> {
        Ok(match body {
            RecordBody::Genesis(genesis) => {
                let mut rules = genesis.rules.clone();
                self.plan.rules.apply(&mut rules);
                rules == genesis.rules
            }
            RecordBody::Command(signed) => self.adapt(signed)?.is_some_and(|it| it == *signed),
            _ => true,
        })
    }

    fn adapt_genesis(&self, time_ms: u64, genesis: &Genesis) -> Result<Vec<u8>, RecordError> {
        let mut genesis = genesis.clone();
        self.plan.rules.apply(&mut genesis.rules);
        genesis.rules.check()?;
        Ok(pack_genesis(time_ms, &genesis))
    }

    /// A command as the plan has it; none if nothing is left of it.
    fn adapt(&self, signed: &SignedCommand) -> Result<Option<SignedCommand>, RecordError> {
        let mut command = Command::decode(&signed.command)?;
        let maker = self.name(command.maker);
        let scaled = |name: &str, amount: Amount| {
            let minor = self.plan.share_of(name, amount);
            Amount::new(minor, amount.currency()).ok().filter(|amount| amount.minor() > 0)
        };
        match &mut command.body {
            CommandBody::Fund { participant, amount, .. } => {
                match scaled(&self.name(*participant), *amount) {
                    Some(left) => *amount = left,
                    None => return Ok(None),
                }
            }
            CommandBody::Defund { amount } => match scaled(&maker, *amount) {
                Some(left) => *amount = left,
                None => return Ok(None),
            },
            CommandBody::OpenAccount { participant, currency, credit_line }
            | CommandBody::SetCreditLine { participant, currency, credit_line } => {
                let planned = self.plan.credit_line(&self.name(*participant), *currency);
                *credit_line = planned.unwrap_or(*credit_line);
            }
            CommandBody::SetRules(rules) => {
                self.plan.rules.apply(rules);
                rules.check()?;
            }
            CommandBody::RunCycle if !self.as_logged && self.plan.ticks() == Ticks::Due => {
                return Ok(None);
            }
            body if self.replaces(&maker, body) => return Ok(None),
            _ => {}
        }
        let command = command.encode();
        Ok(Some(SignedCommand { command, ..signed.clone() }))
    }

    /// Whether the plan has a limit of its own in the place of the one that a command sets.
    fn replaces(&self, maker: &str, body: &CommandBody) -> bool {
        let (name, kind, currency) = match body {
            CommandBody::SetBilateralLimit { counterparty, currency, .. } => {
                (maker.to_owned(), LimitKind::Bilateral(self.name(*counterparty)), *currency)
            }
            CommandBody::SetMultilateralLimit { currency, .. } => {
                (maker.to_owned(), LimitKind::Multilateral, *currency)
            }
            CommandBody::SetDebitCap { participant, currency, .. } => {
                (self.name(*participant), LimitKind::DebitCap, *currency)
            }
            _ => return false,
        };
        self.plan.limits.iter().any(|limit| {
            (limit.participant == name && limit.kind == kind) && limit.currency == currency
        })
    }

    /// Sets the plan's limits as soon as those whom they concern are there.
    fn set_limits(
        &mut self,
        head: (u32, u64),
        see: &mut dyn FnMut(&[u8], &Outcome, &Pool),
    ) -> Result<(), RecordError> {
        for index in 0..self.set.len() {
            if self.set[index] {
                continue;
            }
            let Some(signed) = self.limit_command(index) else { continue };
            self.set[index] = true;
            self.apply(&pack_command(head, &signed), see)?;
        }
        Ok(())
    }

    fn limit_command(&self, index: usize) -> Option<SignedCommand> {
        let LimitChange { participant, kind, currency, minor } = &self.plan.limits[index];
        let own = self.number(participant)?;
        self.account(own, *currency)?;
        let (currency, limit) = (*currency, *minor);
        let (maker, body) = match kind {
            LimitKind::Bilateral(other) => {
                let counterparty = self.number(other)?;
                (own, CommandBody::SetBilateralLimit { counterparty, currency, limit })
            }
            LimitKind::Multilateral => (own, CommandBody::SetMultilateralLimit { currency, limit }),
            LimitKind::DebitCap => {
                let body = CommandBody::SetDebitCap { participant: own, currency, cap: limit };
                (self.operators().next()?, body)
            }
        };
        let checker = self.operators().find(|operator| *operator != maker);
        let mut id = [0; 16];
        let label =
            [b"causeway simulated limit".as_slice(), &(index as u64).to_be_bytes()].concat();
        id.copy_from_slice(&sha256(&label)[..16]);
        let command = Command {
            pool: self.pool_number(),
            request_id: RequestId(id),
            maker,
            issued_at_ms: self.pool.now_ms(),
            body,
        };
        // Nobody signs what is only imagined.
        let checker = checker.map(|checker| (checker, [0; 64]));
        Some(SignedCommand { command: command.encode(), signature: [0; 64], checker })
    }

    fn account(&self, participant: ParticipantId, currency: Currency) -> Option<ledger::AccountId> {
        self.pool.directory().account(participant, currency)
    }

    fn operators(&self) -> impl Iterator<Item = ParticipantId> {
        let members = self.pool.directory().members().iter();
        let operators = members.filter(|member| member.participant.role == Role::Operator);
        operators.map(|member| member.participant.id)
    }

    fn name(&self, participant: ParticipantId) -> String {
        let member = self.pool.directory().member(participant);
        member.map_or_else(String::new, |member| member.participant.name.clone())
    }

    pub(crate) fn number(&self, name: &str) -> Option<ParticipantId> {
        let mut members = self.pool.directory().members().iter();
        let member = members.find(|member| member.participant.name == name)?;
        Some(member.participant.id)
    }
}
