//! Every file that the SDK reads back, changed anyhow: it is read or refused, and nothing panics.

use std::fs;
use std::path::{Path, PathBuf};

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::{Config, TestRunner};
use sdk::sealed::{KeyStore, SentStore, TrustFile, TrustStore};
use sdk::{Order, OrderBuilder, Outbox, Profile, SignedBatch};

use crate::world::{NOW, POOL, RECEIVER, ROOT, SENDER, World, signer, signer_of};

/// The one file of a folder with this extension.
fn file(folder: &Path, extension: &str) -> PathBuf {
    let paths = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut found = paths.filter(|path| path.extension().is_some_and(|it| it == extension));
    let first = found.next().unwrap();
    assert_eq!(found.next(), None);
    first
}

/// Lets `read` read the file with changes, which stay within its rights.
fn change(path: &Path, read: impl Fn()) {
    let whole = fs::read(path).unwrap();
    let changes = vec((any::<Index>(), 0..12_usize, vec(any::<u8>(), 0..12)), 1..4);
    let config = Config { cases: 300, failure_persistence: None, ..Config::default() };
    let ran = TestRunner::new(config).run(&changes, |changes| {
        let mut bytes = whole.clone();
        for (at, cut, put) in changes {
            let at = at.index(bytes.len() + 1);
            let end = bytes.len().min(at + cut);
            bytes.splice(at..end, put);
        }
        fs::write(path, bytes).unwrap();
        read();
        Ok(())
    });
    assert!(ran.is_ok(), "{}: {ran:?}", path.display());
    fs::write(path, whole).unwrap();
}

fn order() -> Order {
    OrderBuilder::new(POOL, SENDER)
        .receiver(RECEIVER)
        .amount("1.00 EUR")
        .value_date("2026-03-02")
        .created_at_ms(NOW)
        .payload("details".to_owned())
        .build()
        .unwrap()
}

#[test]
fn keys() {
    let world = World::new();
    let made = world.kem_key(SENDER, NOW);
    let store: KeyStore = world.keys_of(SENDER);
    store.revoke(made.statement.id(), NOW, &signer_of(SENDER)).unwrap();
    for extension in ["key", "revoked"] {
        change(&file(&world.folder.path().join("keys-7"), extension), || {
            // What is read is a key of this owner, whatever is said about it.
            let keys = store.keys().unwrap_or_default();
            assert!(keys.iter().all(|key| key.signed.statement.participant == SENDER));
        });
    }
}

#[test]
fn what_is_believed() {
    let world = World::new();
    world.store().take(&world.honest(), NOW).unwrap();
    let root = signer(ROOT);
    let known: Vec<_> = world.store().identities().cloned().collect();
    change(&world.folder.path().join("trust/accepted"), || {
        let roots = vec![hex(&sdk::Signer::public_key(&root))];
        let opened =
            TrustStore::open(TrustFile { pool: POOL, roots }, &world.folder.path().join("trust"));
        // Whatever is read, a root has signed it.
        if let Ok(store) = opened {
            assert!(store.identities().all(|identity| known.contains(identity)));
        }
    });
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn what_is_sent() {
    let folder = tempfile::tempdir().unwrap();
    let batch = SignedBatch::sign(vec![order()], &signer_of(SENDER)).unwrap();
    let outbox = Outbox::open(folder.path()).unwrap();
    outbox.put(&batch).unwrap();
    change(&file(folder.path(), "batch"), || {
        for batch in outbox.pending().unwrap_or_default() {
            assert_eq!(SignedBatch::from_bytes(&batch.to_bytes()).unwrap(), batch);
        }
    });
    let sent = SentStore::open(folder.path()).unwrap();
    sent.put(&batch, &[[1; 32]]).unwrap();
    let fields = batch.orders()[0].fields();
    let (kind, uetr) = (fields.kind().unwrap(), fields.uetr());
    change(&file(folder.path(), "order"), || {
        if let Ok(Some(read)) = sent.get(kind, uetr) {
            let same = Order::from_bytes(read.order.header(), read.order.payload().clone());
            assert_eq!(same.unwrap(), read.order);
        }
    });
}

#[test]
fn what_is_written_by_hand() {
    let folder = tempfile::tempdir().unwrap();
    let trust = folder.path().join("trust.toml");
    let root = hex(&sdk::Signer::public_key(&signer(ROOT)));
    fs::write(&trust, format!("pool = 1\nroots = [\"{root}\"]\n")).unwrap();
    let kept = folder.path().join("kept");
    change(&trust, || {
        if let Ok(file) = TrustFile::load(&trust) {
            let digits =
                file.roots.iter().all(|root| root.bytes().all(|it| it.is_ascii_hexdigit()));
            assert!(digits || TrustStore::open(file, &kept).is_err());
        }
    });
    let profile = folder.path().join("profile.toml");
    let text = "address = \"https://localhost:1\"\npool = 1\nparticipant = 7\nname = \"NORTGB07XXX\"\n\
                role = \"bank\"\nca = \"ca.pem\"\ncertificate = \"c.pem\"\nkey = \"k.pem\"\n";
    fs::write(&profile, text).unwrap();
    assert!(Profile::load(&profile).is_ok());
    change(&profile, || drop(Profile::load(&profile)));
}
