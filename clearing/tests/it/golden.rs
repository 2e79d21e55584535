//! The bytes that last, against files: a change here is a change of format and needs a new version
//! beside the old one. `UPDATE_GOLDEN=1 cargo test -p clearing` writes the files anew.

use channel::{Command, CommandBody, NettingMode, OrderHeader, RequestId, RuleBook, ValueDate};
use clearing::{
    BATCH_HEADER_BYTES, BatchHeader, Outcome, Place, Pool, Prices, Proposal, Record, RecordBody,
};
use ledger::Amount;

use crate::desk::{AGENT, DAY_MS, Desk, OPERATOR, POOL, bank, currency, order, strict_rules};

fn hex(bytes: &[u8]) -> String {
    let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let lines = digits.as_bytes().chunks(96);
    lines.map(|line| format!("{}\n", String::from_utf8_lossy(line))).collect()
}

fn bytes_of(hex: &str) -> Vec<u8> {
    let digits: Vec<u8> = hex.bytes().filter(u8::is_ascii_hexdigit).collect();
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    digits.chunks(2).map(byte).collect()
}

fn path(name: &str) -> std::path::PathBuf {
    std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/data").join(name)
}

fn golden(name: &str) -> Vec<u8> {
    bytes_of(&std::fs::read_to_string(path(name)).unwrap())
}

fn compare(name: &str, bytes: &[u8]) {
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(path(name), hex(bytes)).unwrap();
    }
    assert!(golden(name) == bytes, "{name} differs from what this build writes");
}

/// A desk whose pool has something in every section of its state.
fn desk() -> (Desk, Outcome) {
    let rules = RuleBook {
        netting: NettingMode::FifoFloor,
        proposal_timeout_ms: 500,
        ageing_cycles: 0,
        two_person: vec![1],
        ..strict_rules(vec![currency("EUR"), currency("JPY")])
    };
    let mut desk = Desk::new(rules, 2);
    let eur = currency("EUR");
    for member in 0..2 {
        let participant = bank(member);
        let body = CommandBody::OpenAccount { participant, currency: eur, credit_line: 500 };
        desk.command(OPERATOR, body);
    }
    let amount = Amount::new(100_000, eur).unwrap();
    desk.command(AGENT, CommandBody::Fund { participant: bank(0), amount, pay_in: [5; 16] });
    let date = ValueDate::new(20_260_105).unwrap();
    let (cut_off_at_ms, closes_at_ms) = (DAY_MS + 57_600_000, DAY_MS + 61_200_000);
    desk.command(
        OPERATOR,
        CommandBody::OpenDay { currency: eur, date, cut_off_at_ms, closes_at_ms },
    );
    let limit = Some(70_000);
    let body = CommandBody::SetBilateralLimit { counterparty: bank(1), currency: eur, limit };
    desk.command(bank(0), body);
    for (currency, most) in [(None, 100), (Some(eur), 900_000_000)] {
        let (participant, window_ms) = (bank(0), 1_000);
        let body = CommandBody::SetVelocity { participant, currency, window_ms, most };
        desk.command(OPERATOR, body);
    }
    desk.submit(&[
        order(1, 0, 1, 1_000, "EUR"),
        OrderHeader { urgent: true, class: 0, ..order(2, 0, 1, 2_000, "EUR") },
        OrderHeader {
            value_date: ValueDate::new(20_260_106).unwrap(),
            ..order(3, 0, 1, 3_000, "EUR")
        },
        OrderHeader { link: Some(([3; 16], 2)), ..order(4, 0, 1, 4_000, "EUR") },
        OrderHeader {
            not_before_ms: DAY_MS + 60_000,
            not_after_ms: DAY_MS + 90_000,
            ..order(5, 0, 1, 5_000, "EUR")
        },
        order(6, 0, 1, 900_000, "EUR"),
    ]);
    let sealed = desk.cycle();
    desk.time_ms += 600;
    let sealed = if sealed.cut.is_some() { desk.tick(0) } else { sealed };
    desk.command(bank(0), CommandBody::Defund { amount: Amount::new(10_000, eur).unwrap() });
    desk.submit(&[
        order(7, 0, 1, 7, "EUR"),
        OrderHeader { urgent: true, class: 0, ..order(8, 0, 1, 8, "EUR") },
    ]);
    assert!(desk.cycle().cut.is_some());
    let kind = channel::MessageKind::CustomerTransfer;
    desk.command(bank(0), CommandBody::Cancel { uetr: crate::desk::uetr(7), kind });
    (desk, sealed)
}

#[test]
fn records_have_the_bytes_they_always_had() {
    let (desk, _) = desk();
    let (genesis, command, orders) = (&desk.log[0], &desk.log[3], &desk.log[8]);
    compare("genesis.v1.hex", genesis);
    compare("command.v1.hex", command);
    compare("orders.v1.hex", orders);
    compare("tick.v1.hex", &clearing::pack_tick((POOL, DAY_MS), 3));
    let proposal = Proposal {
        cycle: 3,
        as_of: 40,
        warm: 2,
        solver: 1,
        steps: 90,
        prices: Prices { accounts: vec![0, 1 << 20, 5], limits: vec![9] },
        places: vec![Place(7), Place((1 << 20) + 1)],
    };
    let statements = crate::disclosure::record(&crate::disclosure::samples());
    compare("statements.v1.hex", &statements);
    let settle = clearing::pack_settle((POOL, DAY_MS), &proposal);
    compare("settle.v1.hex", &settle);
    let RecordBody::Settle(read) = Record::read(&settle).unwrap().body else { panic!("a settle") };
    assert_eq!(read.proposal(), proposal);
    // They are read as what they were.
    let read = |name: &str| golden(name);
    let bytes = read("orders.v1.hex");
    let RecordBody::Orders(orders) = Record::read(&bytes).unwrap().body else { panic!("orders") };
    assert_eq!((orders.sender, orders.headers.len()), (bank(0), 6));
    let bytes = read("command.v1.hex");
    let RecordBody::Command(signed) = Record::read(&bytes).unwrap().body else { panic!("command") };
    let Command { maker, request_id, .. } = Command::decode(&signed.command).unwrap();
    assert_eq!((maker, request_id), (AGENT, RequestId(3_u128.to_be_bytes())));
    let bytes = read("settle.v1.hex");
    let RecordBody::Settle(settle) = Record::read(&bytes).unwrap().body else { panic!("settle") };
    assert_eq!(settle.places().collect::<Vec<_>>(), [Place(7), Place((1 << 20) + 1)]);
}

#[test]
fn a_damaged_record_is_refused_at_every_byte() {
    let (desk, _) = desk();
    let record = desk.log[8].clone();
    for at in 0..record.len() {
        let mut damaged = record.clone();
        damaged[at] ^= 0x10;
        assert!(Record::read(&damaged).is_err(), "byte {at}");
        assert!(Record::read(&record[..at]).is_err(), "cut at {at}");
    }
}

#[test]
fn a_batch_header_has_the_bytes_it_always_had() {
    let (_, outcome) = desk();
    let batch = outcome.sealed.expect("a cycle that settled");
    let bytes = batch.header().encode();
    assert_eq!(bytes.len(), BATCH_HEADER_BYTES);
    compare("batch.v1.hex", &bytes);
    let header = BatchHeader::decode(&golden("batch.v1.hex")).unwrap();
    assert_eq!(header, batch.header());
    assert_eq!(header.hash(), batch.hash);
}

#[test]
fn a_snapshot_has_the_bytes_it_always_had_and_goes_on() {
    let (mut desk, _) = desk();
    let snapshot = desk.pool.snapshot();
    compare("snapshot.v1.hex", &snapshot.state);
    let state = golden("snapshot.v1.hex");
    let mut pool = Pool::restore(3, &state, std::iter::empty()).unwrap();
    assert_eq!(pool.state_root(), desk.pool.state_root());
    assert_eq!(pool.status(), desk.pool.status());
    assert_eq!(pool.candidates(), desk.pool.candidates());
    assert_eq!(pool.snapshot().state, state);
    desk.time_ms += 500;
    let outcome = desk.tick(0);
    assert_eq!(pool.apply(outcome.position, desk.log.last().unwrap()), Ok(outcome));
}

#[test]
fn a_damaged_snapshot_is_refused_at_every_byte() {
    let state = golden("snapshot.v1.hex");
    for at in (0..state.len()).step_by(7) {
        let mut damaged = state.clone();
        damaged[at] ^= 1;
        assert!(Pool::restore(1, &damaged, std::iter::empty()).is_err(), "byte {at}");
        assert!(Pool::restore(1, &state[..at], std::iter::empty()).is_err(), "cut at {at}");
    }
}

/// The pages of the index are part of a snapshot: without one of them, or with a false one, no pool.
#[test]
fn a_snapshot_needs_its_pages() {
    let mut desk = Desk::new(strict_rules(vec![currency("EUR")]), 2);
    desk.shadow = false;
    for record in 0..3 {
        let orders: Vec<OrderHeader> =
            (0..1_000).map(|index| order(record * 1_000 + index, 0, 1, 1, "EUR")).collect();
        desk.submit(&orders);
    }
    let snapshot = desk.pool.snapshot();
    let pages: Vec<(u64, Vec<u8>)> =
        snapshot.pages.iter().map(|(number, page)| (*number, page.encode().to_vec())).collect();
    assert_eq!(pages.len(), 2);
    let restore = |pages: Vec<(u64, Vec<u8>)>| Pool::restore(1, &snapshot.state, pages.into_iter());
    let mut pool = restore(pages.clone()).unwrap();
    assert_eq!(pool.state_root(), desk.pool.state_root());
    assert!(restore(pages[..1].to_vec()).is_err());
    assert!(restore(pages[1..].to_vec()).is_err());
    let mut false_page = pages.clone();
    false_page[1].1[100] ^= 1;
    assert!(restore(false_page).is_err());
    let mut more = pages;
    more.push((2, vec![0; 72 * 1024]));
    assert!(restore(more).is_ok(), "pages that came after the snapshot are passed over");
}
