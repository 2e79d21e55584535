//! What was written comes back, page by page, to those whom it concerns.

use std::sync::Arc;

use bus::embedded::EmbeddedLog;
use channel::{
    Encapsulated, EpochOpen, EpochReader, KemKey, KemPublic, KeyId, OpeningRecord, OrderRef,
    ReceiverConfirmation, Signed, SlotRole, Statement, Suite, ViewMask,
};
use clearing::BatchHeader;
use proptest::prelude::*;
use store::embedded::EmbeddedStore;
use store::{Commit, Store, Stream};

use super::*;
use crate::layout::{BatchPart, batch_key};

const PEOPLE: std::ops::Range<u32> = 1..5;

fn signed<S: Statement>(statement: S) -> Signed<S> {
    Signed { statement, signer: [1; 32], signature: [2; 64] }
}

fn uetr(number: u8) -> Uetr {
    let mut bytes = [number; 16];
    bytes[6] = 0x40;
    bytes[8] = 0x80;
    Uetr(bytes)
}

fn order(sender: u32, number: u8) -> OrderRef {
    let kind = MessageKind::CustomerTransfer;
    OrderRef { sender: ParticipantId(sender), kind, uetr: uetr(number), digest: [0; 32] }
}

/// One of four kinds, between two people.
fn statement(choice: u8, from: u32, to: u32, number: u8) -> AnyStatement {
    let (pool, by) = (1, ParticipantId(from));
    match choice {
        0 => signed(KemKey {
            pool,
            participant: by,
            public: KemPublic::X25519([number; 32]),
            valid_from_ms: 1,
            valid_to_ms: 2,
        })
        .into(),
        1 => signed(EpochOpen {
            pool,
            sender: by,
            suite: Suite::X25519Aes256Gcm,
            epoch: EpochId([number; 16]),
            policy_version: 1,
            opened_at_ms: 1,
            not_after_ms: 2,
            readers: vec![EpochReader {
                role: SlotRole::Receiver,
                key: KeyId([0; 8]),
                participant: ParticipantId(to),
                encapsulated: Encapsulated::X25519([0; 32]),
            }],
        })
        .into(),
        2 => signed(OpeningRecord {
            pool,
            reader: by,
            order: order(to, number),
            views: ViewMask::ALL,
            person: "p".into(),
            reason: "r".into(),
            opened_at_ms: 1,
        })
        .into(),
        _ => signed(ReceiverConfirmation {
            pool,
            receiver: by,
            order: order(to, number),
            able: true,
            confirmed_at_ms: 1,
        })
        .into(),
    }
}

/// A reader of a store with these statements, several records of them.
fn reader(dir: &std::path::Path, records: &[Vec<AnyStatement>]) -> Reader {
    let log = EmbeddedLog::open(&dir.join("log"), 1, bus::embedded::Options::default()).unwrap();
    let options = store::embedded::Options { reserve_bytes: 1 << 20, ..Default::default() };
    let store: Arc<dyn Store> = Arc::new(EmbeddedStore::open(dir.join("store"), options).unwrap());
    let mut write = Write::new();
    let mut all = Vec::new();
    for (position, statements) in (1..).zip(records) {
        let stated: Vec<_> = (0..statements.len())
            .map(|index| Stated {
                place: Place::new(position, index),
                reject: None,
                replayed: false,
            })
            .collect();
        all.extend(noted(statements, &stated));
    }
    put(&all, &mut write);
    let header = BatchHeader {
        pool: 1,
        number: 1,
        first: 0,
        last: records.len() as u64,
        sealed_at_ms: 0,
        payments: 0,
        transfers: 0,
        orders_root: [0; 32],
        nets_hash: [0; 32],
        transfers_hash: [0; 32],
        certificates_hash: [0; 32],
        previous: [0; 32],
        state_root: [0; 32],
    };
    let value = [&header.encode()[..], &header.hash()].concat();
    write.put(Table::Batches, batch_key(BatchPart::Header, 1, 0), value);
    store.commit(&[Commit::new(Stream::Batches, 1, write)]).unwrap();
    Reader::open(store, Arc::new(log), 1).unwrap()
}

/// All pages, one after the other.
fn paged(mut page: impl FnMut(Place) -> StatementPage) -> Vec<StatementRow> {
    let (mut found, mut from) = (Vec::new(), Place(0));
    loop {
        let (rows, next) = page(from);
        assert!(rows.iter().all(|row| row.place >= from));
        found.extend(rows);
        match next {
            Some(next) => {
                assert!(next > from, "it goes on");
                from = next;
            }
            None => return found,
        }
    }
}

fn records() -> impl Strategy<Value = Vec<Vec<AnyStatement>>> {
    let one = (0..4_u8, PEOPLE, PEOPLE, 0..3_u8);
    prop::collection::vec(prop::collection::vec(one, 1..6), 1..12).prop_map(|records| {
        // No epoch comes twice.
        let mut epochs = 0..;
        let mut made = |(choice, from, to, number)| {
            let number = if choice == 1 { epochs.next().unwrap() } else { number };
            statement(choice, from, to, number)
        };
        records.into_iter().map(|record| record.into_iter().map(&mut made).collect()).collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8))]

    #[test]
    fn everybody_gets_what_concerns_them_and_nothing_else(records in records(), limit in 1..5_usize) {
        let dir = tempfile::tempdir().unwrap();
        let reader = reader(dir.path(), &records);
        let all: Vec<(StatementRow, &AnyStatement)> = (1..)
            .zip(&records)
            .flat_map(|(position, record)| {
                record.iter().enumerate().map(move |(index, statement)| {
                    let place = Place::new(position, index);
                    (StatementRow { place, kind: statement.kind() }, statement)
                })
            })
            .collect();
        let sights = PEOPLE.map(|id| Sight::Of(ParticipantId(id))).chain([Sight::All, Sight::Public]);
        for sight in sights {
            for kind in [None, Some(2), Some(9), Some(10)] {
                let wanted = |statement: &AnyStatement| {
                    sight.shows(statement) && kind.is_none_or(|kind| kind == statement.kind())
                };
                let expected: Vec<_> =
                    all.iter().filter(|(_, it)| wanted(it)).map(|(row, _)| *row).collect();
                let found = paged(|from| reader.statements(sight, kind, from, limit).unwrap());
                prop_assert_eq!(found, expected);
                let named = order(2, 1);
                let about = |it: &AnyStatement| it.order() == Some(&named) && wanted(it);
                let expected: Vec<_> =
                    all.iter().filter(|(_, it)| about(it)).map(|(row, _)| *row).collect();
                let name = (named.sender, named.kind, named.uetr);
                let page =
                    |from| reader.statements_about(name, (sight, kind), from, limit).unwrap();
                prop_assert_eq!(paged(page), expected);
            }
        }
    }
}

#[test]
fn an_epoch_is_found_by_its_sender_and_id() {
    let dir = tempfile::tempdir().unwrap();
    let records = [vec![statement(0, 1, 2, 7)], vec![statement(3, 1, 2, 7), statement(1, 1, 2, 7)]];
    let reader = reader(dir.path(), &records);
    let epoch = |sender, id| reader.epoch(ParticipantId(sender), EpochId([id; 16])).unwrap();
    assert_eq!(epoch(1, 7), Some(Place::new(2, 1)));
    assert_eq!((epoch(2, 7), epoch(1, 8)), (None, None));
}

#[test]
fn who_sees_what() {
    let sees = |statement: &AnyStatement| {
        let of = |id: &u32| Sight::Of(ParticipantId(*id)).shows(statement);
        assert!(Sight::All.shows(statement));
        PEOPLE.filter(of).collect::<Vec<_>>()
    };
    assert_eq!(sees(&statement(0, 1, 2, 0)), [1, 2, 3, 4]);
    assert_eq!(sees(&statement(1, 1, 2, 0)), [1, 2]);
    assert_eq!(sees(&statement(2, 1, 2, 0)), [1], "an opening is not shown to the order's sender");
    assert_eq!(sees(&statement(3, 1, 2, 0)), [1, 2]);
}
