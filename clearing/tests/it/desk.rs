//! A desk: makes the records that gateways and settlers would log, and applies them to a pool and
//! to a shadow of it that is restored from a snapshot before every record.

use channel::{
    Command, CommandBody, Genesis, MessageKind, NettingMode, OrderHeader, Participant,
    ParticipantId, RequestId, Role, RuleBook, SignedCommand, Uetr, ValueDate, order_digest, sha256,
};
use clearing::{
    Outcome, Place, Pool, Proposal, SealedBatch, pack_command, pack_genesis, pack_orders,
    pack_settle, pack_tick,
};
use ledger::{Amount, Currency, Hash};

pub(crate) const POOL: u32 = 7;

/// 2026-01-05T00:00:00Z, a Monday.
pub(crate) const DAY_MS: u64 = 1_767_571_200_000;

pub(crate) fn currency(code: &str) -> Currency {
    Currency::parse(code).unwrap()
}

pub(crate) fn bank(index: u32) -> ParticipantId {
    ParticipantId(11 + index)
}

/// Cycles settle the FIFO maximum at once, unless a test says otherwise.
pub(crate) fn strict_rules(currencies: Vec<Currency>) -> RuleBook {
    RuleBook {
        netting: NettingMode::StrictFifo,
        proposal_timeout_ms: 0,
        ..RuleBook::standard(currencies)
    }
}

pub(crate) const OPERATOR: ParticipantId = ParticipantId(1);
pub(crate) const SECOND: ParticipantId = ParticipantId(2);
pub(crate) const AGENT: ParticipantId = ParticipantId(3);
pub(crate) const REGULATOR: ParticipantId = ParticipantId(4);
pub(crate) const LP1: ParticipantId = ParticipantId(5);
pub(crate) const LP2: ParticipantId = ParticipantId(6);

pub(crate) fn participant(id: ParticipantId, role: Role, name: &str) -> Participant {
    Participant { id, role, name: name.to_owned(), country: *b"BE", key: [id.0 as u8; 32] }
}

/// Two operators, an agent, a regulator, two liquidity providers, and `banks` banks.
pub(crate) fn genesis(rules: RuleBook, banks: u32) -> Genesis {
    let mut participants = vec![
        participant(OPERATOR, Role::Operator, "olga"),
        participant(SECOND, Role::Operator, "otto"),
        participant(AGENT, Role::SettlementAgent, "central-bank"),
        participant(REGULATOR, Role::Regulator, "overseer"),
        participant(LP1, Role::LiquidityProvider, "lp1"),
        participant(LP2, Role::LiquidityProvider, "lp2"),
    ];
    participants.extend((0..banks).map(|index| {
        let name = format!("BANK{}{}XX", letter(index / 26), letter(index % 26));
        participant(bank(index), Role::Bank, &name)
    }));
    Genesis { pool: POOL, rules, operator_key: [9; 32], roots: Vec::new(), participants }
}

fn letter(index: u32) -> char {
    char::from(b'A' + (index % 26) as u8)
}

/// A version 4 UUID that is a function of a number.
pub(crate) fn uetr(number: u64) -> Uetr {
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&sha256(&number.to_be_bytes())[..16]);
    bytes[6] = 0x40 | (bytes[6] & 0x0f);
    bytes[8] = 0x80 | (bytes[8] & 0x3f);
    Uetr(bytes)
}

/// A plain order; tests change what matters to them.
pub(crate) fn order(number: u64, from: u32, to: u32, minor: u64, code: &str) -> OrderHeader {
    OrderHeader {
        urgent: false,
        pool: POOL,
        sender: bank(from),
        receiver: bank(to),
        uetr: uetr(number),
        kind: MessageKind::CustomerTransfer,
        class: 2,
        amount: Amount::new(minor, currency(code)).unwrap(),
        value_date: ValueDate::new(20_260_105).unwrap(),
        policy_version: 0,
        created_at_ms: DAY_MS,
        not_before_ms: 0,
        not_after_ms: 0,
        link: None,
        sealing: None,
        fx: None,
        payload_len: 0,
    }
}

/// The bytes of a record of orders, all of the first one's sender.
pub(crate) fn orders_record(time_ms: u64, orders: &[OrderHeader]) -> Vec<u8> {
    let headers: Vec<[u8; 192]> = orders.iter().map(OrderHeader::encode).collect();
    let digests: Vec<Hash> = headers.iter().map(|header| order_digest(header, b"")).collect();
    let root = channel::merkle_root(digests.iter().map(<[u8; 32]>::as_slice));
    let packed: Vec<_> = headers.iter().map(|header| (header, b"".as_slice())).collect();
    pack_orders((POOL, time_ms), orders[0].sender, &[0; 64], &root, &digests, &packed)
}

/// A pool with its log and everything it has sealed.
pub(crate) struct Desk {
    pub(crate) pool: Pool,
    pub(crate) time_ms: u64,
    pub(crate) log: Vec<Vec<u8>>,
    pub(crate) sealed: Vec<SealedBatch>,
    requests: u64,
    /// Whether a shadow is restored and compared at every record.
    pub(crate) shadow: bool,
}

impl Desk {
    pub(crate) fn new(rules: RuleBook, banks: u32) -> Self {
        Self::begin(&genesis(rules, banks))
    }

    pub(crate) fn begin(genesis: &Genesis) -> Self {
        let mut desk = Self {
            pool: Pool::new(1),
            time_ms: DAY_MS,
            log: Vec::new(),
            sealed: Vec::new(),
            requests: 0,
            shadow: true,
        };
        desk.apply(pack_genesis(DAY_MS, genesis));
        desk
    }

    /// Applies a record, checks every invariant, and compares with a pool that was restored from
    /// a snapshot made just before it, with another seed.
    pub(crate) fn apply(&mut self, record: Vec<u8>) -> Outcome {
        let position = self.pool.next_position();
        let restored = (self.shadow && position > 0).then(|| restore(&mut self.pool));
        let outcome = self.pool.apply(position, &record).expect("a sound record");
        if let Some(mut shadow) = restored {
            assert_eq!(shadow.apply(position, &record).as_ref(), Ok(&outcome), "restored pool");
            assert_eq!(shadow.state_root(), self.pool.state_root(), "restored pool's root");
        }
        self.pool.check().expect("invariants");
        assert_eq!(self.pool.state_root(), self.pool.recompute_root(), "incremental root");
        self.log.push(record);
        for batch in [&outcome.sealed_before, &outcome.sealed].into_iter().flatten() {
            self.take_batch(batch);
        }
        outcome
    }

    fn take_batch(&mut self, batch: &SealedBatch) {
        let (previous, next) = self.sealed.last().map_or(([0; 32], 0), |b| (b.hash, b.last + 1));
        assert_eq!(batch.number, self.sealed.len() as u64 + 1, "batches have no gaps");
        assert_eq!((batch.previous, batch.first), (previous, next), "batches follow each other");
        assert_eq!(batch.hash, batch.compute_hash());
        for known in self.pool.directory().currencies() {
            let nets = batch.nets.iter().filter(|net| net.currency == known.currency);
            assert_eq!(nets.map(|net| net.minor).sum::<i128>(), 0, "nets sum to zero");
        }
        self.sealed.push(batch.clone());
    }

    pub(crate) fn submit(&mut self, orders: &[OrderHeader]) -> Outcome {
        self.apply(orders_record(self.time_ms, orders))
    }

    pub(crate) fn request_id(&mut self) -> RequestId {
        self.requests += 1;
        RequestId(u128::from(self.requests).to_be_bytes())
    }

    pub(crate) fn command(&mut self, maker: ParticipantId, body: CommandBody) -> Outcome {
        let request_id = self.request_id();
        let issued_at_ms = self.time_ms;
        let command = Command { pool: POOL, request_id, maker, issued_at_ms, body };
        self.signed(&command, None)
    }

    pub(crate) fn signed(&mut self, command: &Command, checker: Option<ParticipantId>) -> Outcome {
        let signed = SignedCommand {
            command: command.encode(),
            signature: [0; 64],
            checker: checker.map(|checker| (checker, [0; 64])),
        };
        self.apply(pack_command((POOL, self.time_ms), &signed))
    }

    pub(crate) fn tick(&mut self, cycle: u64) -> Outcome {
        self.apply(pack_tick((POOL, self.time_ms), cycle))
    }

    /// Closes the current cycle.
    pub(crate) fn cycle(&mut self) -> Outcome {
        let cycle = self.pool.status().cycle;
        self.tick(cycle)
    }

    pub(crate) fn settle(&mut self, cycle: u64, places: &[Place]) -> Outcome {
        self.propose(&Proposal { cycle, places: places.to_vec(), ..Proposal::default() })
    }

    pub(crate) fn propose(&mut self, proposal: &Proposal) -> Outcome {
        self.apply(pack_settle((POOL, self.time_ms), proposal))
    }

    pub(crate) fn balance(&self, participant: ParticipantId, code: &str) -> i128 {
        let account = self.pool.directory().account(participant, currency(code)).unwrap();
        let balance = self.pool.balance(account).unwrap();
        balance.credits_posted.cast_signed() - balance.debits_posted.cast_signed()
    }
}

/// A pool from a snapshot of another.
pub(crate) fn restore(pool: &mut Pool) -> Pool {
    let snapshot = pool.snapshot();
    let pages = snapshot.pages.iter().map(|(number, page)| (*number, page.encode().to_vec()));
    Pool::restore(99, &snapshot.state, pages).expect("a sound snapshot")
}
