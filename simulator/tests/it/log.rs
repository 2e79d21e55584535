//! A log being written, as a node would: banks 11 and up, an operator, an agent.

use channel::{
    Command, CommandBody, FxTerms, Genesis, MessageKind, NettingMode, OrderHeader, Participant,
    ParticipantId, Quote, Rate, RequestId, Role, RuleBook, Side, SignedCommand, Uetr, ValueDate,
    sha256,
};
use clearing::{
    Pool, Proposal, SealedBatch, pack_command, pack_genesis, pack_orders, pack_settle, pack_tick,
};
use ledger::{Amount, Currency};
use simulator::{Comparison, Fault, Plan, Simulation};

const START_MS: u64 = 1_772_431_200_000;
const POOL: u32 = 1;
const MAKER: u32 = 3;
const FIRST_BANK: u32 = 11;
const DATE: u32 = 20_260_302;

pub(crate) fn euro() -> Currency {
    Currency::parse("EUR").unwrap()
}

fn dollar() -> Currency {
    Currency::parse("USD").unwrap()
}

pub(crate) struct Log {
    pub(crate) records: Vec<Vec<u8>>,
    pub(crate) pool: Pool,
    pub(crate) last: Option<SealedBatch>,
    /// Whether ticks are appended exactly when they fall due, and cuts answered at once.
    pub(crate) runs: bool,
    previous: Option<Proposal>,
    requests: u64,
    now_ms: u64,
}

impl Log {
    /// Banks with so much money each, minor units; the day is open.
    pub(crate) fn new(netting: NettingMode, cycle_ms: u32, banks: u32, money: u64) -> Self {
        let proposal_timeout_ms = if netting == NettingMode::FifoFloor { 1_000 } else { 0 };
        let standard = RuleBook::standard(vec![euro(), dollar()]);
        let rules = RuleBook { netting, cycle_ms, proposal_timeout_ms, ..standard };
        let person = |id, role, name: &str| Participant {
            id: ParticipantId(id),
            role,
            name: name.to_owned(),
            country: *b"BE",
            key: [0; 32],
        };
        let mut participants =
            vec![person(1, Role::Operator, "alice"), person(2, Role::SettlementAgent, "agent")];
        participants.push(person(MAKER, Role::LiquidityProvider, "maker"));
        participants.extend((0..banks).map(|n| person(FIRST_BANK + n, Role::Bank, &name(n))));
        let genesis =
            Genesis { pool: POOL, rules, operator_key: [0; 32], roots: Vec::new(), participants };
        let (records, pool) = (Vec::new(), Pool::new(9));
        let mut log = Self {
            records,
            pool,
            last: None,
            runs: false,
            previous: None,
            requests: 0,
            now_ms: START_MS,
        };
        log.append(pack_genesis(START_MS, &genesis));
        for participant in (FIRST_BANK..FIRST_BANK + banks).map(ParticipantId) {
            let currency = euro();
            log.command(1, CommandBody::OpenAccount { participant, currency, credit_line: 0 });
            if money > 0 {
                let amount = Amount::new(money, currency).unwrap();
                let pay_in = u128::from(participant.0).to_be_bytes();
                log.command(2, CommandBody::Fund { participant, amount, pay_in });
            }
        }
        let (cut_off_at_ms, closes_at_ms) = (START_MS + 36_000_000, START_MS + 40_000_000);
        let date = ValueDate::new(DATE).unwrap();
        let currency = euro();
        log.command(1, CommandBody::OpenDay { currency, date, cut_off_at_ms, closes_at_ms });
        log
    }

    pub(crate) fn append(&mut self, record: Vec<u8>) {
        let outcome = self.pool.apply(self.pool.next_position(), &record).unwrap();
        assert_eq!(outcome.reject, None);
        for sealed in [outcome.sealed_before, outcome.sealed].into_iter().flatten() {
            self.last = Some(sealed);
        }
        self.records.push(record);
        if self.runs && self.pool.candidates().is_some() {
            self.settle();
        }
    }

    pub(crate) fn command(&mut self, maker: u32, body: CommandBody) {
        self.requests += 1;
        let command = Command {
            pool: POOL,
            request_id: RequestId(u128::from(self.requests).to_be_bytes()),
            maker: ParticipantId(maker),
            issued_at_ms: self.now_ms,
            body,
        };
        let command = command.encode();
        let signed = SignedCommand { command, signature: [0; 64], checker: None };
        self.append(pack_command((POOL, self.now_ms), &signed));
    }

    /// The operator sets the present rules, changed.
    pub(crate) fn set_rules(&mut self, change: impl FnOnce(&mut RuleBook)) {
        let mut rules = self.pool.rules().clone();
        rules.version += 1;
        change(&mut rules);
        self.command(1, CommandBody::SetRules(rules));
    }

    /// Answers the cut that waits, now.
    pub(crate) fn settle(&mut self) {
        let proposal = solver::propose(&self.pool.candidates().unwrap(), self.previous.as_ref());
        self.append(pack_settle((POOL, self.now_ms), &proposal));
        self.previous = Some(Proposal { places: Vec::new(), ..proposal });
    }

    /// Lets time pass; ticks on the way where the log runs by itself.
    pub(crate) fn wait(&mut self, ms: u64) {
        let until_ms = self.now_ms + ms;
        while let Some(next) =
            self.pool.next_tick().filter(|next| self.runs && next.at_ms <= until_ms)
        {
            self.now_ms = next.at_ms;
            self.append(pack_tick((POOL, next.at_ms), next.cycle));
        }
        self.now_ms = until_ms;
    }

    /// Closes the cycle now.
    pub(crate) fn tick(&mut self) {
        self.append(pack_tick((POOL, self.now_ms), self.pool.cycle()));
    }

    /// Dollars for two banks; a provider that has so many of them buys euros for 1.10 each.
    pub(crate) fn market(&mut self, dollars: u64) {
        let (participant, credit_line) = (ParticipantId(MAKER), 0);
        for (participant, currency) in [
            (ParticipantId(FIRST_BANK), dollar()),
            (ParticipantId(FIRST_BANK + 1), dollar()),
            (participant, euro()),
            (participant, dollar()),
        ] {
            self.command(1, CommandBody::OpenAccount { participant, currency, credit_line });
        }
        let (cut_off_at_ms, closes_at_ms) = (START_MS + 36_000_000, START_MS + 40_000_000);
        let (currency, date) = (dollar(), ValueDate::new(DATE).unwrap());
        self.command(1, CommandBody::OpenDay { currency, date, cut_off_at_ms, closes_at_ms });
        self.fund_maker(dollars);
        let (rate, not_after_ms) = (Rate::parse("1.10").unwrap(), START_MS + 3_600_000);
        let quotes = vec![Quote { side: Side::Bid, size: 1_000_000, rate, not_after_ms }];
        self.command(MAKER, CommandBody::SetQuotes { base: euro(), quote: dollar(), quotes });
    }

    pub(crate) fn fund_maker(&mut self, dollars: u64) {
        let amount = Amount::new(dollars, dollar()).unwrap();
        let pay_in = (1_000 + u128::from(self.requests)).to_be_bytes();
        let participant = ParticipantId(MAKER);
        self.command(2, CommandBody::Fund { participant, amount, pay_in });
    }

    /// Euros of one bank that reach another as dollars.
    pub(crate) fn convert(&mut self, from: u32, to: u32, minor: u64) {
        let limit = Rate::parse("1.00").unwrap();
        let fx = Some(FxTerms::Payment { currency: dollar(), limit });
        self.submit((from, to), minor, (MessageKind::FxPayment, fx));
    }

    /// A payment from one bank to another, both counted from 0.
    pub(crate) fn pay(&mut self, from: u32, to: u32, minor: u64) {
        self.submit((from, to), minor, (MessageKind::CustomerTransfer, None));
    }

    fn submit(
        &mut self,
        (from, to): (u32, u32),
        minor: u64,
        (kind, fx): (MessageKind, Option<FxTerms>),
    ) {
        self.requests += 1;
        let mut uetr = [0; 16];
        uetr.copy_from_slice(&sha256(&self.requests.to_be_bytes())[..16]);
        uetr[6] = 0x40 | (uetr[6] & 0x0f);
        uetr[8] = 0x80 | (uetr[8] & 0x3f);
        let sender = ParticipantId(FIRST_BANK + from);
        let header = OrderHeader {
            urgent: false,
            pool: POOL,
            sender,
            receiver: ParticipantId(FIRST_BANK + to),
            uetr: Uetr(uetr),
            kind,
            class: 1,
            amount: Amount::new(minor, euro()).unwrap(),
            value_date: ValueDate::new(DATE).unwrap(),
            policy_version: 0,
            created_at_ms: self.now_ms,
            not_before_ms: 0,
            not_after_ms: 0,
            link: None,
            sealing: None,
            fx,
            payload_len: 0,
        };
        let (header, digest) = (header.encode(), sha256(&uetr));
        let orders: [(&[u8; 192], &[u8]); 1] = [(&header, &[])];
        let head = (POOL, self.now_ms);
        self.append(pack_orders(head, sender, &[0; 64], &[0; 32], &[digest], &orders));
    }

    pub(crate) fn simulate(&self, plan: Plan) -> Result<Comparison, Fault> {
        let mut simulation = Simulation::new(plan);
        for record in &self.records {
            simulation.feed(record)?;
        }
        simulation.finish()
    }
}

pub(crate) fn name(bank: u32) -> String {
    format!("BANKBE{bank:02}")
}
