use std::fs;
use std::path::PathBuf;

use bus::Log;
use bus::embedded::EmbeddedLog;
use channel::{Command, CommandBody, ParticipantId, RequestId, SignedCommand};
use clearing::pack_command;
use store::embedded::EmbeddedStore;
use store::{Commit, Store, Stream, Table, Write};

use crate::rig::{Rig, bic, order, runtime};

const MARK: &[u8] = b"the payload that will be damaged";

/// The file of the log that holds the marked payload, and where.
fn find_mark(rig: &Rig) -> (PathBuf, usize) {
    let files = fs::read_dir(rig.path("data/log")).unwrap().map(|entry| entry.unwrap().path());
    files
        .filter(|path| path.is_file())
        .find_map(|path| {
            let bytes = fs::read(&path).unwrap();
            Some((path, bytes.windows(MARK.len()).position(|window| window == MARK)?))
        })
        .expect("the payload is in the log")
}

#[test]
fn a_flipped_byte_in_the_log_is_named_and_nothing_runs_on_it() {
    let mut rig = Rig::new(2);
    rig.start();
    let runtime = runtime();
    let position = runtime.block_on(async {
        rig.set_up().await;
        let client = rig.client(&bic(0));
        let marked = order(&client, 5, std::str::from_utf8(MARK).unwrap());
        let position = client.submit(&marked).await.unwrap().receipt.position;
        for minor in 1..20 {
            client.submit(&order(&client, minor, "after it")).await.unwrap();
        }
        position
    });
    assert_eq!(rig.terminate(), Some(0));
    assert_eq!(rig.verify().0, Some(0));

    let (path, at) = find_mark(&rig);
    let mut bytes = fs::read(&path).unwrap();
    bytes[at] ^= 0x10;
    fs::write(&path, &bytes).unwrap();
    let (code, report) = rig.verify();
    assert_eq!(code, Some(6), "{report}");
    assert_eq!(report["ok"], false);
    let named = report["first_bad"]["record"].as_u64().unwrap();
    assert!(named <= position, "{report}");
    assert_eq!((&report["records"], &report["replayed"]), (&named.into(), &false.into()));

    rig.spawn();
    assert_eq!(rig.wait(), Some(1));
    assert!(rig.errors().contains(&format!("log damaged at position {named}")), "{}", rig.errors());

    bytes[at] ^= 0x10;
    fs::write(&path, &bytes).unwrap();
    assert_eq!(rig.verify().0, Some(0));
    rig.start();
    assert_eq!(rig.terminate(), Some(0));
}

/// Settles some payments, so that there are batches.
pub(crate) fn trade(rig: &Rig) {
    runtime().block_on(async {
        rig.set_up().await;
        let client = rig.client(&bic(0));
        let mut last = 0;
        for minor in 1..20 {
            last = client.submit(&order(&client, minor, "kept")).await.unwrap().receipt.position;
        }
        // Once the last one has settled, its batch is in the store.
        while client.balances("", None, last).await.unwrap().balances[0].debits_posted != "190" {
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
    });
}

#[test]
fn a_row_of_the_store_that_the_log_does_not_give_is_named() {
    let mut rig = Rig::new(2);
    rig.start();
    trade(&rig);
    assert_eq!(rig.terminate(), Some(0));
    assert_eq!(rig.verify().0, Some(0));

    let open = || {
        let options = store::embedded::Options { cache_bytes: 8 << 20, reserve_bytes: 1 << 20 };
        EmbeddedStore::open(rig.path("data/store"), options).unwrap()
    };
    let store = open();
    let (key, value) = store.scan(Table::Transfers, &[0], &[255], 1_000).unwrap().pop().unwrap();
    let mut altered = value.to_vec();
    altered[15] ^= 1;
    let mut write = Write::new();
    write.put(Table::Transfers, &key, altered);
    store.commit(&[Commit::new(Stream::Snapshots, u64::MAX, write)]).unwrap();
    drop(store);

    let (code, report) = rig.verify();
    assert_eq!(code, Some(6), "{report}");
    let batch = u64::from_be_bytes(key[..8].try_into().unwrap());
    assert_eq!(report["first_bad"]["batch"], batch, "{report}");
    assert_eq!(report["first_bad"]["error"], "the store has other transfers");
}

#[test]
fn a_store_that_is_damaged_is_named_and_rebuilt() {
    let mut rig = Rig::new(2);
    rig.start();
    trade(&rig);
    assert_eq!(rig.terminate(), Some(0));
    let marker = rig.path("data/store/acknowledged");
    let bytes = fs::read(&marker).unwrap();
    fs::write(&marker, vec![0; bytes.len()]).unwrap();
    let (code, report) = rig.verify();
    assert_eq!(code, Some(6), "{report}");
    assert!(report["first_bad"]["record"].is_null(), "{report}");
    let error = report["first_bad"]["error"].as_str().unwrap();
    assert!(error.contains("file acknowledged is unreadable"), "{report}");
    assert!(error.contains("rebuilt from the log"), "{report}");

    fs::remove_dir_all(rig.path("data/store")).unwrap();
    rig.start();
    assert_eq!(rig.terminate(), Some(0));
    assert_eq!(rig.verify().0, Some(0));
}

#[test]
fn a_command_that_its_maker_did_not_sign_is_named() {
    let mut rig = Rig::new(2);
    rig.start();
    trade(&rig);
    assert_eq!(rig.terminate(), Some(0));
    let (_, before) = rig.verify();

    let log = EmbeddedLog::open(&rig.path("data/log"), 1, bus::embedded::Options::default());
    let log = log.unwrap();
    let command = Command {
        pool: 1,
        request_id: RequestId([7; 16]),
        maker: ParticipantId(1),
        issued_at_ms: sdk::now_ms(),
        body: CommandBody::RunCycle,
    };
    let signed = SignedCommand { command: command.encode(), signature: [7; 64], checker: None };
    let record = pack_command((1, sdk::now_ms()), &signed);
    let position = log.append(record.into()).unwrap().wait().unwrap().0;
    log.close();

    let (code, report) = rig.verify();
    assert_eq!(code, Some(6), "{report}");
    assert_eq!(report["first_bad"]["record"], position, "{before} {report}");
    let error = "the signature of participant 1 does not verify";
    assert_eq!(report["first_bad"]["error"], error);
    let unsigned = rig.run(&["verify", ".", "--no-signatures"]);
    assert_eq!(unsigned.status.code(), Some(0));
}
