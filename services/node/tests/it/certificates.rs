//! What an overseer takes away: the data of every cut, for a checker that has nothing else.
//!
//! `docs/reference/certificate-vectors.json` holds what the command writes for the logs made here;
//! `CAUSEWAY_WRITE_VECTORS=1 cargo test -p node --test it certificates` writes it anew.

use std::path::{Path, PathBuf};
use std::process::Output;

use channel::{
    Command, CommandBody, Genesis, LinkTerms, MessageKind, NettingMode, OrderHeader, Participant,
    ParticipantId, RequestId, Role, RuleBook, SignedCommand, Uetr, ValueDate, link_group,
    merkle_root, order_digest,
};
use clearing::{
    Place, Pool, Proposal, pack_command, pack_genesis, pack_orders, pack_settle, pack_tick,
};
use ledger::{Amount, Currency};
use serde_json::Value;

use crate::rig::causewayd;

const POOL: u32 = 7;
const DAY_MS: u64 = 1_767_571_200_000;
const OPERATOR: ParticipantId = ParticipantId(1);
const AGENT: ParticipantId = ParticipantId(3);
const BANKS: u32 = 5;
const CODES: [&str; 2] = ["EUR", "USD"];

fn bank(index: u32) -> ParticipantId {
    ParticipantId(11 + index % BANKS)
}

fn currency(index: u32) -> Currency {
    Currency::parse(CODES[index as usize % 2]).unwrap()
}

fn participant(id: ParticipantId, role: Role, name: &str) -> Participant {
    Participant { id, role, name: name.to_owned(), country: *b"BE", key: [id.0 as u8; 32] }
}

/// A log that is made record by record, and the pool that it makes.
struct Day {
    pool: Pool,
    log: Vec<Vec<u8>>,
    time_ms: u64,
    /// Counts commands, orders and draws.
    number: u64,
}

impl Day {
    fn new(netting: NettingMode) -> Self {
        let rules = RuleBook {
            netting,
            proposal_timeout_ms: 500,
            class_weights: [8, 5, 2, 1],
            currency_weights: vec![3, 2],
            ageing_cycles: 1,
            ..RuleBook::standard(vec![currency(0), currency(1)])
        };
        let mut participants = vec![
            participant(OPERATOR, Role::Operator, "olga"),
            participant(AGENT, Role::SettlementAgent, "central-bank"),
        ];
        participants
            .extend((0..BANKS).map(|index| participant(bank(index), Role::Bank, &name(index))));
        let genesis =
            Genesis { pool: POOL, rules, operator_key: [9; 32], roots: Vec::new(), participants };
        let mut day = Self { pool: Pool::new(1), log: Vec::new(), time_ms: DAY_MS, number: 0 };
        day.apply(pack_genesis(DAY_MS, &genesis));
        for index in 0..2 * BANKS {
            let (participant, currency) = (bank(index), currency(index / BANKS));
            day.command(
                OPERATOR,
                CommandBody::OpenAccount { participant, currency, credit_line: 0 },
            );
            day.fund(index, 5 + u64::from(index));
        }
        for code in 0..2 {
            let body = CommandBody::OpenDay {
                currency: currency(code),
                date: ValueDate::new(20_260_105).unwrap(),
                cut_off_at_ms: DAY_MS + 57_600_000,
                closes_at_ms: DAY_MS + 61_200_000,
            };
            day.command(OPERATOR, body);
        }
        for (from, to) in [(0, 1), (2, 4), (3, 0)] {
            let (counterparty, currency) = (bank(to), currency(from));
            let body = CommandBody::SetBilateralLimit { counterparty, currency, limit: Some(30) };
            day.command(bank(from), body);
        }
        day
    }

    fn apply(&mut self, record: Vec<u8>) {
        let outcome = self.pool.apply(self.pool.next_position(), &record).unwrap();
        assert_eq!(outcome.reject, None, "record {}", outcome.position);
        self.log.push(record);
    }

    fn command(&mut self, maker: ParticipantId, body: CommandBody) {
        self.number += 1;
        let request_id = RequestId(u128::from(self.number).to_be_bytes());
        let command = Command { pool: POOL, request_id, maker, issued_at_ms: self.time_ms, body };
        let signed = SignedCommand { command: command.encode(), signature: [0; 64], checker: None };
        self.apply(pack_command((POOL, self.time_ms), &signed));
    }

    fn fund(&mut self, index: u32, minor: u64) {
        let amount = Amount::new(minor, currency(index / BANKS)).unwrap();
        let pay_in = u128::from(self.number).to_be_bytes();
        self.command(AGENT, CommandBody::Fund { participant: bank(index), amount, pay_in });
    }

    /// The next draw below `end`.
    fn draw(&mut self, end: u32) -> u32 {
        self.number += 1;
        let digest = channel::sha256(&self.number.to_be_bytes());
        u32::from_be_bytes([digest[0], digest[1], digest[2], digest[3]]) % end
    }

    fn order(&mut self) -> OrderHeader {
        let (from, step) = (self.draw(BANKS), 1 + self.draw(BANKS - 1));
        let (minor, code, class) = (1 + self.draw(60), self.draw(2), self.draw(4) as u8);
        let mut uetr = [0; 16];
        uetr.copy_from_slice(&channel::sha256(&self.number.to_be_bytes())[16..]);
        uetr[6] = 0x40 | (uetr[6] & 0x0f);
        uetr[8] = 0x80 | (uetr[8] & 0x3f);
        OrderHeader {
            urgent: false,
            pool: POOL,
            sender: bank(from),
            receiver: bank(from + step),
            uetr: Uetr(uetr),
            kind: MessageKind::CustomerTransfer,
            class,
            amount: Amount::new(minor.into(), currency(code)).unwrap(),
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

    fn submit(&mut self, order: &OrderHeader) {
        let header = order.encode();
        let digests = [order_digest(&header, b"")];
        let root = merkle_root(digests.iter().map(<[u8; 32]>::as_slice));
        let packed = [(&header, b"".as_slice())];
        let at = (POOL, self.time_ms);
        self.apply(pack_orders(at, order.sender, &[0; 64], &root, &digests, &packed));
    }

    fn orders(&mut self, single: usize, groups: usize) {
        for _ in 0..single {
            let order = self.order();
            self.submit(&order);
        }
        for _ in 0..groups {
            let mut members = [self.order(), self.order()];
            let terms: Vec<LinkTerms> = members.iter().map(LinkTerms::from).collect();
            let link = Some((link_group(&terms), 2));
            for member in &mut members {
                member.link = link;
                self.submit(member);
            }
        }
    }

    fn cut(&mut self) {
        self.apply(pack_tick((POOL, self.time_ms), self.pool.cycle()));
    }

    /// Cuts, and settles what the solver proposes.
    fn solved(&mut self, previous: Option<&Proposal>) -> Proposal {
        self.cut();
        let candidates = self.pool.candidates().expect("a cut that waits");
        let proposal = solver::propose(&candidates, previous);
        self.apply(pack_settle((POOL, self.time_ms), &proposal));
        proposal
    }

    /// Writes the log as an export.
    fn export(&self, path: &Path) {
        let mut draft = archive::Draft::create(path).unwrap();
        self.log.iter().for_each(|record| draft.write(record).unwrap());
        draft.commit().unwrap();
    }
}

fn name(index: u32) -> String {
    format!("BANK{}AXX", char::from(b'A' + index as u8))
}

/// Six cycles: four by a proposal, two by the floor alone.
fn busy_day() -> Day {
    let mut day = Day::new(NettingMode::FifoFloor);
    let mut previous = None;
    for _ in 0..3 {
        day.orders(9, 3);
        previous = Some(day.solved(previous.as_ref()));
    }
    // With more money: a floor, and what the solver finds past blocked heads.
    day.orders(9, 3);
    (0..2 * BANKS).for_each(|index| day.fund(index, 30));
    day.solved(previous.as_ref());
    // Nobody proposes: some of it settles, then most.
    for minor in [40, 10_000] {
        day.orders(6, 0);
        (0..2 * BANKS).for_each(|index| day.fund(index, minor));
        day.cut();
        day.time_ms += 500;
        day.apply(pack_tick((POOL, day.time_ms), 0));
    }
    day
}

fn strict_day() -> Day {
    let mut day = Day::new(NettingMode::StrictFifo);
    for _ in 0..2 {
        day.orders(12, 2);
        (0..2 * BANKS).for_each(|index| day.fund(index, 20));
        day.cut();
    }
    day
}

fn run(arguments: &[&str], path: &Path) -> Output {
    causewayd().args(arguments).arg(path).output().unwrap()
}

fn certificates(path: &Path) -> Vec<Value> {
    let output = run(&["certificates", "--output", "json"], path);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let lines = std::str::from_utf8(&output.stdout).unwrap().lines();
    lines.map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn vectors() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference/certificate-vectors.json")
}

#[test]
fn the_data_of_every_cut_is_what_is_published() {
    let dir = tempfile::tempdir().unwrap();
    let mut cuts = Vec::new();
    for (name, day) in [("busy", busy_day()), ("strict", strict_day())] {
        let path = dir.path().join(name);
        day.export(&path);
        cuts.extend(certificates(&path));
    }
    let bases: Vec<u64> =
        cuts.iter().map(|cut| cut["certificate"]["basis"].as_u64().unwrap()).collect();
    assert!((1..=3).all(|basis| bases.contains(&basis)), "every basis: {bases:?}");
    // A cut to a line.
    let lines: Vec<String> = cuts.iter().map(Value::to_string).collect();
    let text = format!("[\n{}\n]\n", lines.join(",\n"));
    if std::env::var_os("CAUSEWAY_WRITE_VECTORS").is_some() {
        std::fs::write(vectors(), &text).unwrap();
    }
    assert!(std::fs::read_to_string(vectors()).unwrap() == text, "the published cuts differ");
}

#[test]
fn one_cycle_can_be_asked_for() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("day");
    busy_day().export(&path);
    let all = certificates(&path);
    let one = run(&["certificates", "--output", "json", "--cycle", "2"], &path);
    let one: Value = serde_json::from_slice(&one.stdout).unwrap();
    assert_eq!(Some(&one), all.iter().find(|cut| cut["cycle"] == 2));
    let none = run(&["certificates", "--cycle", "77"], &path);
    assert_eq!(none.status.code(), Some(1));
    let text = run(&["certificates"], &path);
    assert_eq!(text.stdout.split(|byte| *byte == b'\n').count(), all.len() + 2, "head and end");
}

fn resolve(day: &Day) -> (Option<i32>, Value) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("day");
    day.export(&path);
    let verify = ["verify", "--no-signatures", "--resolve", "--output", "json"];
    let output = run(&verify, &path);
    (output.status.code(), serde_json::from_slice(&output.stdout).expect("a report"))
}

#[test]
fn a_liar_among_honest_proposals_is_named_with_its_cycle() {
    let (code, report) = resolve(&busy_day());
    assert_eq!((code, &report["resolved_proposals"]), (Some(0), &4.into()), "{report}");

    let (code, report) = resolve(&lying_day());
    assert_eq!(code, Some(6), "{report}");
    let error = report["first_bad"]["error"].as_str().unwrap();
    assert!(error.starts_with("cycle 2: solver 1 proposes something else"), "{error}");
}

/// The second proposal settles the floor alone, which holds, and says that a solver found it.
fn lying_day() -> Day {
    let mut day = Day::new(NettingMode::FifoFloor);
    day.orders(9, 3);
    let first = day.solved(None);
    day.orders(9, 3);
    day.cut();
    let candidates = day.pool.candidates().unwrap();
    let mut proposal = solver::propose(&candidates, Some(&first));
    let floor = candidates.payments.iter().filter(|payment| payment.floor);
    let mut floor: Vec<Place> = floor.map(|payment| payment.place).collect();
    floor.sort_unstable();
    assert_ne!(proposal.places, floor);
    proposal.places = floor;
    day.apply(pack_settle((POOL, day.time_ms), &proposal));
    day
}
