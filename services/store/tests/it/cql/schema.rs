//! Schemas of other versions, and damaged rows.

use store::contract::Host as _;
use store::cql::{self, CqlStore, Promise, Settings};
use store::{Fault, Store as _, Stream, Table};

use super::{KEYSPACE, batch, check_batches, fresh, meddle, settings};

#[test]
#[ignore = "needs CQL nodes"]
fn a_schema_of_another_version_is_refused_by_its_number() {
    fresh();
    let absent = Settings { keyspace: "causeway_absent".to_owned(), ..settings() };
    let status = cql::status(&absent).expect("reads");
    assert_eq!((status.version, status.needed, status.replicas()), (0, cql::SCHEMA_VERSION, 0));
    assert_eq!(status.nodes.len(), 3);
    let opened = CqlStore::open(&absent, Promise::default()).map(drop).expect_err("no keyspace");
    assert!(matches!(opened, Fault::Schema { found: 0, .. }), "{opened:?}");

    let newer = Settings { keyspace: "causeway_newer".to_owned(), ..settings() };
    cql::init(&newer, Promise::default()).expect("makes the schema");
    cql::init(&newer, Promise::default()).expect("changes nothing");
    CqlStore::open(&newer, Promise::default()).map(drop).expect("opens");
    meddle("INSERT INTO causeway_newer.schema_version (id, version) VALUES (0, 99)", ());
    for refused in [
        CqlStore::open(&newer, Promise::default()).map(drop),
        cql::init(&newer, Promise::default()).map(drop),
    ] {
        let refused = refused.expect_err("newer");
        assert!(matches!(refused, Fault::Schema { found: 99, .. }), "{refused:?}");
        assert!(refused.to_string().contains("version 99"), "{refused}");
    }
    assert_eq!(cql::status(&newer).expect("reads").version, 99);
    meddle("DROP KEYSPACE causeway_newer", ());
}

#[test]
#[ignore = "needs CQL nodes"]
fn a_keyspace_with_too_few_copies_is_refused() {
    let one = Settings { keyspace: "causeway_one".to_owned(), ..settings() };
    let few = Promise { replicas: 1 };
    let made = cql::init(&one, few).map(|status| status.replicas());
    let opened = CqlStore::open(&one, few).map(drop);
    let refused = [
        cql::init(&one, Promise::default()).map(drop),
        CqlStore::open(&one, Promise::default()).map(drop),
        cql::status(&one).and_then(|status| status.keeps(Promise::default())),
    ];
    meddle("DROP KEYSPACE causeway_one", ());
    assert_eq!(made.expect("makes it"), 1);
    opened.expect("as promised");
    for refused in refused {
        let refused = refused.expect_err("one copy is not enough");
        assert!(matches!(refused, Fault::Promise { found: 1, promised: 3 }), "{refused:?}");
    }
    for name in ["", "Upper", "a-b", "1st", "system;"] {
        let named = Settings { keyspace: name.to_owned(), ..settings() };
        assert!(matches!(cql::status(&named), Err(Fault::Keyspace { .. })), "{name}");
    }
}

#[test]
#[ignore = "needs CQL nodes"]
fn a_changed_row_is_named() {
    let pool = fresh();
    let store = pool.open();
    store.commit(&[batch(1), batch(2)]).expect("commits");
    let key = [&1_u64.to_be_bytes()[..], &[0, 0]].concat();
    let part = 0_u128.to_be_bytes().to_vec();
    let change = format!(
        "UPDATE {KEYSPACE}.transfers SET value = ? WHERE pool = ? AND part = ? AND key = ?"
    );
    let mut value = store.get(Table::Transfers, &key).expect("gets").expect("is there").to_vec();
    value[100] ^= 1;
    meddle(&change, (value, pool.0.pool.cast_signed(), part, key.clone()));
    for read in [
        store.get(Table::Transfers, &key).map(drop),
        store.scan(Table::Transfers, &[0], &[255], 10).map(drop),
        store.last_at_or_before(Table::Transfers, &[], &key).map(drop),
    ] {
        let Err(Fault::Corrupt { table: Table::Transfers, key: named, .. }) = &read else {
            panic!("{read:?}")
        };
        assert_eq!(*named, key);
    }
    assert_eq!(store.scan(Table::States, &[0], &[255], 1_000).expect("others read").len(), 48);
}

#[test]
#[ignore = "needs CQL nodes"]
fn a_missing_commit_is_named() {
    let pool = fresh();
    pool.open().commit(&[batch(1), batch(2), batch(3)]).expect("commits");
    let remove = format!(
        "DELETE FROM {KEYSPACE}.commits WHERE pool = ? AND stream = 1 AND bucket = 0 AND number = 2"
    );
    meddle(&remove, (pool.0.pool.cast_signed(),));
    let store = pool.open();
    // The last that has all others before it.
    let head = store.head(Stream::Batches);
    assert!(matches!(&head, Err(Fault::Damaged { why }) if why.contains("commit 2")), "{head:?}");
    let mended = format!(
        "INSERT INTO {KEYSPACE}.commits (pool, stream, bucket, number, hash) VALUES (?, 1, 0, 2, ?)"
    );
    meddle(&mended, (pool.0.pool.cast_signed(), batch(2).hash().to_vec()));
    check_batches(&pool.open(), 3);
}
