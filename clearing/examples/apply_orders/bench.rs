//! A pool in memory with banks, money and an open day; records of orders, and what they cost it.

use std::time::Duration;

use channel::{
    AnyStatement, Command, CommandBody, Genesis, MessageKind, NettingMode, OrderHeader,
    Participant, ParticipantId, RequestId, Role, RuleBook, SignedCommand, Uetr, ValueDate,
};
use clearing::{
    Outcome, Pool, STATEMENTS_MAX, pack_command, pack_genesis, pack_orders, pack_statements,
    pack_tick,
};
use ledger::{Amount, Currency};

use crate::sealed::{self, Sealer};

pub(crate) const POOL: u32 = 1;
pub(crate) const BATCH: usize = 512;
pub(crate) const START_MS: u64 = 1_767_571_200_000;
const CODES: [&str; 4] = ["EUR", "USD", "GBP", "CHF"];
pub(crate) const RECORDS_PER_CYCLE: usize = 78;
/// The first bank's number.
const FIRST_BANK: u32 = 10;
/// Bytes of a payload that is not sealed.
const OPAQUE_LEN: usize = 256;

fn currency(code: &str) -> Currency {
    Currency::parse(code).expect("a currency")
}

/// What this thread has used of a core so far: a busy machine does not count (Linux only).
pub(crate) fn cpu_time() -> Duration {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").expect("schedstat");
    let nanos = text.split(' ').next().and_then(|field| field.parse().ok());
    Duration::from_nanos(nanos.expect("nanoseconds"))
}

/// A small generator of numbers (`SplitMix64`): the same run every time.
pub(crate) struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ z >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ z >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ z >> 31
    }

    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }
}

/// What a pool is measured with.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Setting {
    pub(crate) banks: u32,
    pub(crate) netting: NettingMode,
    /// What every account is given, minor units.
    pub(crate) funds: u64,
    /// Whether a disclosure policy asks for sealed orders.
    pub(crate) sealed: bool,
}

pub(crate) struct Bench {
    pub(crate) pool: Pool,
    pub(crate) now_ms: u64,
    pub(crate) numbers: Numbers,
    requests: u128,
    banks: u32,
    sealer: Option<Sealer>,
}

/// CPU time that orders have taken.
#[derive(Default)]
pub(crate) struct Spent {
    pub(crate) intake: Duration,
    pub(crate) cycles: Duration,
    pub(crate) sealed: u64,
    pub(crate) settled: u64,
    pub(crate) slowest: Duration,
}

impl Bench {
    pub(crate) fn new(setting: Setting) -> Self {
        let banks = setting.banks;
        let rules = RuleBook {
            netting: setting.netting,
            proposal_timeout_ms: 60_000,
            ..RuleBook::standard(CODES.iter().map(|code| currency(code)).collect())
        };
        let mut participants = participants(banks);
        let ids = (0..banks).map(|bank| ParticipantId(FIRST_BANK + bank));
        let sealer = setting.sealed.then(|| Sealer::new(ids.collect()));
        participants.extend(sealer.as_ref().map(|_| sealed::regulator()));
        participants.sort_unstable_by_key(|it| it.id);
        let roots = sealer.iter().map(|_| sealed::ROOT).collect();
        let genesis = Genesis { pool: POOL, rules, operator_key: [0; 32], roots, participants };
        let (now_ms, numbers) = (START_MS, Numbers(7));
        let mut bench = Self { pool: Pool::new(42), now_ms, numbers, requests: 0, banks, sealer };
        bench.apply(&pack_genesis(START_MS, &genesis));
        if let Some(sealer) = &bench.sealer {
            bench.state(&sealer.statements(&genesis.participants));
        }
        bench.open(setting.funds);
        bench
    }

    fn state(&mut self, statements: &[AnyStatement]) {
        for some in statements.chunks(STATEMENTS_MAX) {
            let bytes: Vec<_> = some.iter().map(AnyStatement::encode).collect();
            let entries = some.iter().zip(&bytes);
            let entries: Vec<_> =
                entries.map(|(it, bytes)| (it.kind(), bytes.as_slice())).collect();
            let outcome = self.apply(&pack_statements((POOL, self.now_ms), &entries));
            assert!(outcome.statements.iter().all(|stated| stated.reject.is_none()));
        }
    }

    pub(crate) fn apply(&mut self, record: &[u8]) -> Outcome {
        self.pool.apply(self.pool.next_position(), record).expect("a sound record")
    }

    fn command(&mut self, maker: u32, body: CommandBody) {
        self.requests += 1;
        let command = Command {
            pool: POOL,
            request_id: RequestId(self.requests.to_be_bytes()),
            maker: ParticipantId(maker),
            issued_at_ms: self.now_ms,
            body,
        };
        let command = command.encode();
        let signed = SignedCommand { command, signature: [0; 64], checker: None };
        let outcome = self.apply(&pack_command((POOL, self.now_ms), &signed));
        assert_eq!(outcome.reject, None);
    }

    fn open(&mut self, funds: u64) {
        for code in CODES {
            let currency = currency(code);
            for bank in 0..self.banks {
                let participant = ParticipantId(FIRST_BANK + bank);
                let account = CommandBody::OpenAccount { participant, currency, credit_line: 0 };
                self.command(1, account);
                let amount = Amount::new(funds, currency).expect("an amount");
                let pay_in = (self.requests + 1).to_be_bytes();
                self.command(2, CommandBody::Fund { participant, amount, pay_in });
            }
            let date = ValueDate::new(20_260_105).expect("a date");
            let (cut_off_at_ms, closes_at_ms) = (START_MS + 36_000_000, START_MS + 36_000_000);
            self.command(1, CommandBody::OpenDay { currency, date, cut_off_at_ms, closes_at_ms });
        }
    }

    pub(crate) fn record(&mut self) -> Vec<u8> {
        let sender = self.numbers.below(self.banks.into()) as u32;
        let orders: Vec<_> = (0..BATCH).map(|_| self.order(sender)).collect();
        // The core never computes a digest; any distinct bytes will do.
        let digest = |numbers: &mut Numbers| {
            let mut digest = [0; 32];
            digest
                .chunks_mut(8)
                .for_each(|part| part.copy_from_slice(&numbers.next().to_be_bytes()));
            digest
        };
        let digests: Vec<_> = (0..BATCH).map(|_| digest(&mut self.numbers)).collect();
        let orders: Vec<_> =
            orders.iter().map(|(header, payload)| (header, payload.as_slice())).collect();
        let sender = ParticipantId(FIRST_BANK + sender);
        pack_orders((POOL, self.now_ms), sender, &[0; 64], &[0; 32], &digests, &orders)
    }

    /// The bytes of a header, and the payload.
    fn order(&mut self, sender: u32) -> ([u8; 192], Vec<u8>) {
        let other = self.numbers.below(u64::from(self.banks) - 1) as u32;
        let receiver = if other >= sender { other + 1 } else { other };
        let header = self.header(sender, receiver);
        let (header, payload) = match &mut self.sealer {
            Some(sealer) => sealer.seal(header, (sender, receiver)),
            None => (header, vec![0; OPAQUE_LEN]),
        };
        (header.encode(), payload)
    }

    fn header(&mut self, sender: u32, receiver: u32) -> OrderHeader {
        let mut uetr = [0; 16];
        uetr[..8].copy_from_slice(&self.numbers.next().to_be_bytes());
        uetr[8..].copy_from_slice(&self.numbers.next().to_be_bytes());
        uetr[6] = 0x40 | (uetr[6] & 0x0f);
        uetr[8] = 0x80 | (uetr[8] & 0x3f);
        let code = CODES[self.numbers.below(4) as usize];
        let minor = 1 + self.numbers.below(1_000);
        OrderHeader {
            urgent: self.numbers.below(20) == 0,
            pool: POOL,
            sender: ParticipantId(FIRST_BANK + sender),
            receiver: ParticipantId(FIRST_BANK + receiver),
            uetr: Uetr(uetr),
            kind: MessageKind::CustomerTransfer,
            class: 1 + self.numbers.below(3) as u8,
            amount: Amount::new(minor, currency(code)).expect("an amount"),
            value_date: ValueDate::new(20_260_105).expect("a date"),
            policy_version: 0,
            created_at_ms: self.now_ms,
            not_before_ms: 0,
            not_after_ms: 0,
            link: None,
            sealing: None,
            fx: None,
            payload_len: OPAQUE_LEN as u32,
        }
    }

    /// Records for a tenth of a second, and the cut behind them.
    pub(crate) fn cycle(&mut self, spent: &mut Spent) {
        let records: Vec<Vec<u8>> = (0..RECORDS_PER_CYCLE).map(|_| self.record()).collect();
        for record in &records {
            let started = cpu_time();
            let outcome = self.apply(record);
            spent.count(&outcome, cpu_time() - started, false);
        }
        self.now_ms += 100;
        let tick = pack_tick((POOL, self.now_ms), self.pool.due_cycle().expect("orders wait"));
        let started = cpu_time();
        let outcome = self.apply(&tick);
        spent.count(&outcome, cpu_time() - started, true);
    }
}

impl Spent {
    fn count(&mut self, outcome: &Outcome, took: Duration, cycle: bool) {
        *(if cycle { &mut self.cycles } else { &mut self.intake }) += took;
        self.slowest = self.slowest.max(took);
        for batch in [&outcome.sealed_before, &outcome.sealed].into_iter().flatten() {
            self.sealed += 1;
            self.settled += u64::from(batch.payments);
        }
    }
}

/// An operator, an agent and so many banks.
fn participants(banks: u32) -> Vec<Participant> {
    let named = |id: u32, role, name: String| {
        let (id, country) = (ParticipantId(id), *b"BE");
        Participant { id, role, name, country, key: sealed::key_of(id) }
    };
    let mut participants = vec![
        named(1, Role::Operator, "operator".to_owned()),
        named(2, Role::SettlementAgent, "agent".to_owned()),
    ];
    let letter = |n: u32| char::from(b'A' + (n % 26) as u8);
    participants.extend((0..banks).map(|n| {
        let (a, b, c) = (letter(n / 676), letter(n / 26), letter(n));
        named(FIRST_BANK + n, Role::Bank, format!("BNK{a}{b}{c}XX"))
    }));
    participants
}
