//! A random day of a pool: records that gateways and settlers would log, with what the core made
//! of them.

use std::sync::Arc;

use bytes::Bytes;
use channel::{
    Command, CommandBody, Genesis, LinkTerms, MessageKind, NettingMode, OrderHeader, Participant,
    ParticipantId, RequestId, Role, RuleBook, SignedCommand, Status, Uetr, ValueDate, order_digest,
    sha256,
};
use clearing::{Pool, Proposal, pack_command, pack_genesis, pack_orders, pack_settle, pack_tick};
use ledger::{Amount, Currency, Hash};
use projector::Projected;

pub(crate) const POOL: u32 = 7;
pub(crate) const BANKS: u32 = 5;
pub(crate) const CODES: [&str; 2] = ["EUR", "USD"];
/// UETRs are drawn from so many.
pub(crate) const UETRS: u64 = 900;

/// 2026-01-05T00:00:00Z.
const START_MS: u64 = 1_767_571_200_000;
const OPERATOR: ParticipantId = ParticipantId(1);
const AGENT: ParticipantId = ParticipantId(2);

pub(crate) fn bank(index: u32) -> ParticipantId {
    ParticipantId(11 + index)
}

fn currency(code: usize) -> Currency {
    Currency::parse(CODES[code]).unwrap()
}

/// A version 4 UUID that is a function of a number.
pub(crate) fn uetr(number: u64) -> Uetr {
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&sha256(&number.to_be_bytes())[..16]);
    bytes[6] = 0x40 | (bytes[6] & 0x0f);
    bytes[8] = 0x80 | (bytes[8] & 0x3f);
    Uetr(bytes)
}

/// xorshift64.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }
}

struct Making {
    random: Random,
    pool: Pool,
    time_ms: u64,
    requests: u64,
    done: Vec<Projected>,
    sent: Vec<(OrderHeader, Vec<u8>)>,
}

/// The records and outcomes of a day of about so many steps.
pub(crate) fn day(seed: u64, steps: usize) -> Vec<Projected> {
    let mut making = Making {
        random: Random(seed | 1),
        pool: Pool::new(seed),
        time_ms: START_MS,
        requests: 0,
        done: Vec::new(),
        sent: Vec::new(),
    };
    making.begin();
    for _ in 0..steps {
        making.step();
    }
    // Time passes until nothing is due any more and what was open is sealed.
    for _ in 0..6 {
        making.time_ms += 1_000;
        making.apply(pack_tick((POOL, making.time_ms), 0));
    }
    making.done
}

impl Making {
    fn begin(&mut self) {
        let participant = |id: ParticipantId, role, name: String| Participant {
            id,
            role,
            name,
            country: *b"BE",
            key: [id.0 as u8; 32],
        };
        let mut participants = vec![
            participant(OPERATOR, Role::Operator, "olga".to_owned()),
            participant(AGENT, Role::SettlementAgent, "central-bank".to_owned()),
        ];
        participants.extend((0..BANKS).map(|index| {
            let letter = char::from(b'A' + index as u8);
            participant(bank(index), Role::Bank, format!("BANK{letter}{letter}XX"))
        }));
        let rules = RuleBook {
            netting: NettingMode::StrictFifo,
            ..RuleBook::standard((0..CODES.len()).map(currency).collect())
        };
        let genesis =
            Genesis { pool: POOL, rules, operator_key: [9; 32], roots: Vec::new(), participants };
        self.apply(pack_genesis(START_MS, &genesis));
        for index in 0..BANKS {
            for code in 0..CODES.len() {
                let (participant, currency) = (bank(index), currency(code));
                let body = CommandBody::OpenAccount { participant, currency, credit_line: 500 };
                self.command(OPERATOR, body);
            }
        }
        for code in 0..CODES.len() {
            let (cut_off_at_ms, closes_at_ms) = (START_MS + 50_000_000, START_MS + 60_000_000);
            let date = ValueDate::new(20_260_105).unwrap();
            let currency = currency(code);
            let body = CommandBody::OpenDay { currency, date, cut_off_at_ms, closes_at_ms };
            self.command(OPERATOR, body);
        }
    }

    fn apply(&mut self, record: Vec<u8>) {
        let position = self.pool.next_position();
        let outcome = self.pool.apply(position, &record).expect("a sound record");
        self.done.push(Projected {
            position,
            record: Bytes::from(record),
            outcome: Arc::new(outcome),
            batch_open: self.pool.batch_open(),
        });
    }

    fn command(&mut self, maker: ParticipantId, body: CommandBody) -> RequestId {
        self.requests += 1;
        let request_id = RequestId(u128::from(self.requests).to_be_bytes());
        let issued_at_ms = self.time_ms;
        let command = Command { pool: POOL, request_id, maker, issued_at_ms, body };
        let signed = SignedCommand { command: command.encode(), signature: [0; 64], checker: None };
        self.apply(pack_command((POOL, self.time_ms), &signed));
        request_id
    }

    fn step(&mut self) {
        let from = self.random.below(u64::from(BANKS)) as u32;
        let amount = Amount::new(self.random.below(300) + 1, currency(self.code())).unwrap();
        match self.random.below(40) {
            0..8 => self.time_ms += self.random.below(150),
            8..25 => self.orders(from),
            25..29 => {
                let cycle = self.pool.status().cycle;
                self.apply(pack_tick((POOL, self.time_ms), cycle));
            }
            29 => self.apply(pack_tick((POOL, self.time_ms), 0)),
            30..33 => {
                let pay_in = u128::from(self.requests).to_be_bytes();
                self.command(AGENT, CommandBody::Fund { participant: bank(from), amount, pay_in });
            }
            33 | 34 => {
                let defund = self.command(bank(from), CommandBody::Defund { amount });
                if self.random.below(4) != 0 {
                    let made = self.random.below(2) == 0;
                    self.command(AGENT, CommandBody::ConfirmDefund { defund, made });
                }
            }
            35 | 36 => {
                let uetr = uetr(self.random.below(UETRS));
                let kind = MessageKind::CustomerTransfer;
                self.command(bank(from), CommandBody::Cancel { uetr, kind });
            }
            37 => {
                for status in [Status::Suspended, Status::Active] {
                    self.command(
                        OPERATOR,
                        CommandBody::SetStatus { participant: bank(from), status },
                    );
                }
            }
            38 => self.again(),
            _ => self.apply(pack_settle(
                (POOL, self.time_ms),
                &Proposal { cycle: 1, ..Proposal::default() },
            )),
        }
    }

    fn code(&mut self) -> usize {
        self.random.below(CODES.len() as u64) as usize
    }

    fn orders(&mut self, from: u32) {
        let count = self.random.below(9) + 1;
        let mut orders: Vec<_> = (0..count).map(|_| self.order(from)).collect();
        self.link(&mut orders);
        self.submit(&orders);
        self.sent.extend(orders);
    }

    /// Now and then makes a link group of the first orders; some groups lack their last member.
    fn link(&mut self, orders: &mut [(OrderHeader, Vec<u8>)]) {
        let size = 2 + self.random.below(2) as usize;
        if orders.len() <= size || self.random.below(3) > 0 {
            return;
        }
        let terms: Vec<_> =
            orders.iter().take(size).map(|(header, _)| LinkTerms::from(header)).collect();
        let lacking = usize::from(self.random.below(4) == 0);
        for (header, _) in orders.iter_mut().take(size - lacking) {
            header.link = Some((channel::link_group(&terms), size as u8));
        }
    }

    /// Hands in again what was handed in before: some of it is replayed, whatever the ruling was.
    fn again(&mut self) {
        if self.sent.is_empty() {
            return;
        }
        let picked = self.random.below(self.sent.len() as u64) as usize;
        let sender = self.sent[picked].0.sender;
        let orders = self.sent.iter().skip(picked).filter(|(header, _)| header.sender == sender);
        let orders: Vec<_> = orders.take(3).cloned().collect();
        self.submit(&orders);
    }

    fn order(&mut self, from: u32) -> (OrderHeader, Vec<u8>) {
        let random = &mut self.random;
        let to = (from + 1 + random.below(u64::from(BANKS) - 1) as u32) % BANKS;
        let payload = vec![random.below(256) as u8; random.below(40) as usize];
        let later = |random: &mut Random, one_in: u64| match random.below(one_in) {
            0 => self.time_ms + 1 + random.below(3_000),
            _ => 0,
        };
        let not_before_ms = later(random, 8);
        let not_after_ms = match later(random, 6) {
            0 => 0,
            at_ms => at_ms.max(not_before_ms) + 100,
        };
        let header = OrderHeader {
            urgent: random.below(3) == 0,
            pool: POOL,
            sender: bank(from),
            // Now and then a bank that the pool does not know.
            receiver: if random.below(20) == 0 { ParticipantId(99) } else { bank(to) },
            uetr: uetr(random.below(UETRS)),
            kind: MessageKind::CustomerTransfer,
            class: random.below(4) as u8,
            amount: Amount::new(random.below(400) + 1, currency(random.below(2) as usize)).unwrap(),
            value_date: ValueDate::new(20_260_105 + u32::from(random.below(20) == 0)).unwrap(),
            policy_version: 0,
            created_at_ms: self.time_ms,
            not_before_ms,
            not_after_ms,
            link: None,
            sealing: None,
            fx: None,
            payload_len: payload.len() as u32,
        };
        (header, payload)
    }

    fn submit(&mut self, orders: &[(OrderHeader, Vec<u8>)]) {
        let headers: Vec<[u8; 192]> = orders.iter().map(|(header, _)| header.encode()).collect();
        let packed: Vec<(&[u8; 192], &[u8])> = headers
            .iter()
            .zip(orders)
            .map(|(header, (_, payload))| (header, payload.as_slice()))
            .collect();
        let digests: Vec<Hash> =
            packed.iter().map(|(header, payload)| order_digest(&header[..], payload)).collect();
        let root = channel::merkle_root(digests.iter().map(<[u8; 32]>::as_slice));
        let (at, sender) = ((POOL, self.time_ms), orders[0].0.sender);
        self.apply(pack_orders(at, sender, &[0; 64], &root, &digests, &packed));
    }
}
