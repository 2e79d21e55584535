//! A pool of five banks in one currency, driven by records.

use channel::{
    Command, CommandBody, Genesis, MessageKind, NettingMode, OrderHeader, Participant,
    ParticipantId, RequestId, Role, RuleBook, SignedCommand, Uetr, ValueDate, merkle_root,
    order_digest,
};
use clearing::{Place, Pool, Preview, pack_command, pack_genesis, pack_orders};
use ledger::{AccountId, Amount, Currency};

pub(crate) const BANKS: u32 = 5;
const START_MS: u64 = 1_767_571_200_000;
const OPERATOR: ParticipantId = ParticipantId(1);
const AGENT: ParticipantId = ParticipantId(2);

pub(crate) struct World {
    pub(crate) pool: Pool,
    serial: u64,
}

/// What waits, and with which means: a whole pool would fill the screen.
impl std::fmt::Debug for World {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.preview().fmt(formatter)
    }
}

fn bank(index: u32) -> ParticipantId {
    ParticipantId(11 + index)
}

fn eur() -> Currency {
    Currency::parse("EUR").unwrap()
}

impl World {
    /// All banks have an account, none has money, the day is open; settles strictly in order.
    pub(crate) fn new() -> Self {
        Self::ruled(NettingMode::StrictFifo)
    }

    /// The same under another mode.
    pub(crate) fn ruled(netting: NettingMode) -> Self {
        let person = |id: ParticipantId, role, name: String| Participant {
            id,
            role,
            name,
            country: *b"GB",
            key: [id.0 as u8; 32],
        };
        let mut participants = vec![
            person(OPERATOR, Role::Operator, "olga".to_owned()),
            person(AGENT, Role::SettlementAgent, "agent".to_owned()),
        ];
        let name = |index: u32| format!("BANK{}AXX", char::from(b'A' + index as u8));
        let banks = (0..BANKS).map(|index| person(bank(index), Role::Bank, name(index)));
        participants.extend(banks);
        let rules = RuleBook { netting, ..RuleBook::standard(vec![eur()]) };
        let genesis =
            Genesis { pool: 1, rules, operator_key: [9; 32], roots: Vec::new(), participants };
        let mut pool = Pool::new(1);
        pool.apply(0, &pack_genesis(START_MS, &genesis)).unwrap();
        let mut world = Self { pool, serial: 0 };
        for index in 0..BANKS {
            let (participant, currency) = (bank(index), eur());
            let open = CommandBody::OpenAccount { participant, currency, credit_line: 0 };
            world.command(OPERATOR, open);
        }
        world.command(
            OPERATOR,
            CommandBody::OpenDay {
                currency: eur(),
                date: ValueDate::new(20_260_105).unwrap(),
                cut_off_at_ms: START_MS + 3_600_000,
                closes_at_ms: START_MS + 7_200_000,
            },
        );
        world
    }

    fn command(&mut self, maker: ParticipantId, body: CommandBody) {
        self.serial += 1;
        let request_id = RequestId(u128::from(self.serial).to_be_bytes());
        let command = Command { pool: 1, request_id, maker, issued_at_ms: START_MS, body };
        let signed = SignedCommand { command: command.encode(), signature: [0; 64], checker: None };
        let record = pack_command((1, START_MS), &signed);
        let outcome = self.pool.apply(self.pool.next_position(), &record).unwrap();
        assert_eq!(outcome.reject, None);
    }

    pub(crate) fn fund(&mut self, index: u32, minor: u64) {
        let amount = Amount::new(minor, eur()).unwrap();
        let pay_in = u128::from(self.serial).to_be_bytes();
        self.command(AGENT, CommandBody::Fund { participant: bank(index), amount, pay_in });
    }

    pub(crate) fn limit(&mut self, index: u32, to: u32, limit: u64) {
        let (counterparty, limit) = (bank(to), Some(limit));
        let body = CommandBody::SetBilateralLimit { counterparty, currency: eur(), limit };
        self.command(bank(index), body);
    }

    pub(crate) fn cap(&mut self, index: u32, cap: u64) {
        let (participant, currency, cap) = (bank(index), eur(), Some(cap));
        self.command(OPERATOR, CommandBody::SetDebitCap { participant, currency, cap });
    }

    pub(crate) fn pay(&mut self, from: u32, to: u32, minor: u64) -> Place {
        let header = self.header(from, to, minor);
        self.submit(&header)
    }

    /// Payments that settle together.
    pub(crate) fn group(&mut self, legs: &[(u32, u32, u64)]) -> Vec<Place> {
        let headers: Vec<OrderHeader> =
            legs.iter().map(|(from, to, minor)| self.header(*from, *to, *minor)).collect();
        let terms: Vec<_> = headers.iter().map(channel::LinkTerms::from).collect();
        let link = Some((channel::link_group(&terms), legs.len() as u8));
        headers.into_iter().map(|header| self.submit(&OrderHeader { link, ..header })).collect()
    }

    fn header(&mut self, from: u32, to: u32, minor: u64) -> OrderHeader {
        self.serial += 1;
        let mut uetr = u128::from(self.serial).to_be_bytes();
        uetr[6] = 0x40;
        uetr[8] = 0x80;
        OrderHeader {
            urgent: false,
            pool: 1,
            sender: bank(from),
            receiver: bank(to),
            uetr: Uetr(uetr),
            kind: MessageKind::CustomerTransfer,
            class: 2,
            amount: Amount::new(minor, eur()).unwrap(),
            value_date: ValueDate::new(20_260_105).unwrap(),
            policy_version: 0,
            created_at_ms: START_MS,
            not_before_ms: 0,
            not_after_ms: 0,
            link: None,
            sealing: None,
            fx: None,
            payload_len: 0,
        }
    }

    fn submit(&mut self, header: &OrderHeader) -> Place {
        let bytes = header.encode();
        let digest = order_digest(&bytes, b"");
        let root = merkle_root([digest.as_slice()].into_iter());
        let orders = [(&bytes, b"".as_slice())];
        let record = pack_orders((1, START_MS), header.sender, &[0; 64], &root, &[digest], &orders);
        let outcome = self.pool.apply(self.pool.next_position(), &record).unwrap();
        outcome.rulings[0].place
    }

    pub(crate) fn account(&self, index: u32) -> AccountId {
        self.pool.directory().account(bank(index), eur()).unwrap()
    }

    pub(crate) fn preview(&self) -> Preview {
        self.pool.preview(&[])
    }
}

/// What the pool's solver chooses.
pub(crate) fn choose(preview: &Preview) -> Vec<bool> {
    let candidates = preview.candidates();
    let proposal = solver::propose(&candidates, None);
    let settles = |place: Place| proposal.places.binary_search(&place).is_ok();
    candidates.payments.iter().map(|payment| settles(payment.place)).collect()
}

/// The index of a payment in a preview.
pub(crate) fn index(preview: &Preview, place: Place) -> usize {
    preview.payments().iter().position(|payment| payment.place == place).unwrap()
}
