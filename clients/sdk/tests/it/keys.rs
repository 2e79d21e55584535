//! Keys on the owner's disk.

use std::os::unix::fs::PermissionsExt as _;

use sdk::sealed::{KEEP_MS, Suite};

use crate::world::{HOUR, NOW, RECEIVER, SENDER, SUITE, World, random, signer_of};

#[test]
fn a_key_is_there_after_a_restart_and_its_owners_alone() {
    let world = World::new();
    let made = world.kem_key(SENDER, NOW);
    let keys = world.keys_of(SENDER).keys().unwrap();
    assert_eq!(keys.len(), 1);
    assert_eq!(keys[0].signed, made);
    let folder = world.folder.path().join("keys-7");
    let file = std::fs::read_dir(&folder).unwrap().next().unwrap().unwrap().path();
    let mode = |path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&file), mode(&folder)), (0o600, 0o700));
    // Nothing prints it.
    assert!(!format!("{:?}", keys[0]).contains("secret"));
    // One that others may read is no secret any more.
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o640)).unwrap();
    assert!(world.keys_of(SENDER).keys().unwrap_err().to_string().contains("chmod 600"));
}

#[test]
fn another_owners_keys_are_refused() {
    let world = World::new();
    world.kem_key(SENDER, NOW);
    let folder = world.folder.path().join("keys-7");
    let other = sdk::sealed::KeyStore::open(&folder, 1, RECEIVER).unwrap();
    assert!(other.keys().is_err());
}

#[test]
fn the_next_key_is_made_before_the_old_one_ends() {
    let world = World::new();
    let (keys, signer) = (world.keys_of(SENDER), signer_of(SENDER));
    let rotate = |now_ms, seed| {
        keys.rotate(SUITE, now_ms, (24 * HOUR, 6 * HOUR), &signer, &mut *random(seed)).unwrap()
    };
    let first = rotate(NOW, 1).unwrap();
    assert_eq!(rotate(NOW + HOUR, 2), None);
    let second = rotate(NOW + 19 * HOUR, 3).unwrap();
    assert_ne!(first.statement.public, second.statement.public);
    // Both are valid for a while; the newer one counts.
    assert!(first.statement.valid_at(NOW + 20 * HOUR));
    assert_eq!(keys.current(SUITE, NOW + 20 * HOUR).unwrap().signed, second);
    assert!(keys.current(SUITE, NOW + 100 * HOUR).is_err());
    assert!(keys.make(SUITE, (NOW, 8 * 24 * HOUR), &signer, &mut *random(4)).is_err());
}

#[test]
fn a_revoked_key_is_replaced_at_once_and_still_opens_what_comes() {
    let world = World::new();
    let (keys, signer) = (world.keys_of(SENDER), signer_of(SENDER));
    let made = world.kem_key(SENDER, NOW).statement.id();
    let revocation = keys.revoke(made, NOW + HOUR, &signer).unwrap();
    assert_eq!(keys.revoke(made, NOW + 2 * HOUR, &signer).unwrap(), revocation);
    assert!(keys.current(SUITE, NOW + HOUR).is_err());
    let next = keys.rotate(SUITE, NOW + HOUR, (24 * HOUR, HOUR), &signer, &mut *random(5)).unwrap();
    assert!(next.is_some());
    assert_eq!(keys.sweep(NOW + HOUR + KEEP_MS, KEEP_MS).unwrap(), []);
    assert_eq!(keys.keys().unwrap().len(), 2);
    assert_eq!(keys.sweep(NOW + HOUR + KEEP_MS + 1, KEEP_MS).unwrap(), [made]);
    assert_eq!(keys.keys().unwrap().len(), 1);
    assert!(keys.revoke(made, NOW, &signer).is_err());
}

/// Both suites at once, while the policy changes from one to the other.
#[test]
fn each_suite_has_a_key_of_its_own() {
    let world = World::new();
    let (keys, signer, strong) = (world.keys_of(SENDER), signer_of(SENDER), Suite::XWingAes256Gcm);
    let weak = world.kem_key(SENDER, NOW);
    assert!(keys.current(strong, NOW).is_err());
    let times = (24 * HOUR, 6 * HOUR);
    let made = keys.rotate(strong, NOW, times, &signer, &mut *random(1)).unwrap().unwrap();
    assert_eq!(keys.rotate(strong, NOW, times, &signer, &mut *random(2)).unwrap(), None);
    assert_eq!(keys.current(SUITE, NOW).unwrap().signed, weak);
    // Read from the disk, with the secret that belongs to it.
    let again = world.keys_of(SENDER).current(strong, NOW).unwrap();
    assert_eq!((again.suite(), &again.signed), (strong, &made));
    assert!(world.keys_of(SENDER).reader().is_ok());
}

#[test]
fn a_sender_uses_a_key_that_the_pool_knows() {
    let world = World::new();
    let honest = world.honest();
    let mut store = world.store();
    store.take(&honest, NOW).unwrap();
    let keys = world.keys_of(SENDER);
    let known = keys.current(SUITE, NOW).unwrap().id();
    // Made, and never taken by the pool.
    let lost = world.kem_key(SENDER, NOW + 1).statement.id();
    assert_eq!(keys.current(SUITE, NOW + 1).unwrap().id(), lost);
    assert_eq!(keys.published(&store, SUITE, NOW + 1).unwrap().id(), known);
    let none = keys.published(&store, SUITE, NOW + 25 * HOUR).unwrap_err();
    assert!(none.to_string().contains("the pool knows no valid KEM key"), "{none}");
}

#[test]
fn after_a_change_of_identity_a_key_is_signed_again() {
    let world = World::new();
    let made = world.kem_key(SENDER, NOW);
    let (keys, next) = (world.keys_of(SENDER), signer_of(RECEIVER));
    keys.sign_again(NOW, &signer_of(SENDER)).unwrap();
    assert_eq!(keys.current(SUITE, NOW).unwrap().signed, made);
    keys.sign_again(NOW, &next).unwrap();
    let again = keys.current(SUITE, NOW).unwrap();
    assert_eq!((again.id(), keys.keys().unwrap().len()), (made.statement.id(), 1));
    assert_eq!(again.signed.signer, sdk::Signer::public_key(&next));
    let key = channel::PublicKey::new(&again.signed.signer).unwrap();
    assert_eq!(again.signed.verify(&key), Ok(()));
}

#[test]
fn what_a_crash_left_half_written_is_wiped() {
    let world = World::new();
    world.kem_key(SENDER, NOW);
    let folder = world.folder.path().join("keys-7");
    let (old, new) = (folder.join("aa.1-1.draft"), folder.join("bb.2-2.draft"));
    for draft in [&old, &new] {
        std::fs::write(draft, b"half a secret").unwrap();
    }
    let file = std::fs::File::options().write(true).open(&old).unwrap();
    let yesterday = std::time::SystemTime::now() - std::time::Duration::from_secs(86_400);
    file.set_modified(yesterday).unwrap();
    assert_eq!(world.keys_of(SENDER).keys().unwrap().len(), 1);
    // Another process may be at work on the new one.
    assert!(!old.exists() && new.exists());
}
