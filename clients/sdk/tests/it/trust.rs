//! What a lying node serves, and what a client makes of it, also after it was started again.

use std::sync::Arc;

use sdk::Error;
use sdk::Signer as _;
use sdk::sealed::{AnyStatement, SUCCESSION_MS, Signed, Statement, TrustError};

use crate::world::{
    HOUR, IMPOSTOR, NOW, OTHER, RECEIVER, ROOT, SUITE, World, identity, policy, signer, signer_of,
};

fn refused(result: Result<(), Error>) -> TrustError {
    match result {
        Err(Error::Untrusted { error, .. }) => error,
        other => unreachable!("{other:?}"),
    }
}

fn signed<S: Statement>(statement: S, seed: u8) -> AnyStatement
where
    AnyStatement: From<Signed<S>>,
{
    Signed::sign(statement, &signer(seed)).unwrap().into()
}

/// The same directory with the statements that `lie` picks replaced or dropped.
fn served(
    honest: &[AnyStatement],
    lie: impl Fn(&AnyStatement) -> Option<AnyStatement>,
) -> Vec<AnyStatement> {
    honest.iter().filter_map(lie).collect()
}

/// The policy replaced by another.
fn with_policy(honest: &[AnyStatement], new: &AnyStatement) -> Vec<AnyStatement> {
    served(honest, |it| match it {
        AnyStatement::Policy(_) => Some(new.clone()),
        other => Some(other.clone()),
    })
}

#[test]
fn an_honest_directory_is_believed_and_kept() {
    let world = World::new();
    let honest = world.honest();
    let mut store = world.store();
    store.take(&honest, NOW).unwrap();
    store.take(&honest, NOW).unwrap();
    let again = world.store();
    assert_eq!(again.identities().count(), 4);
    assert_eq!(again.policy_at(NOW).map(|policy| policy.statement.version), Some(3));
    assert_eq!(again.policy_at(NOW - 1), None);
}

#[test]
fn a_substituted_key_is_refused() {
    let world = World::new();
    let honest = world.honest();
    // A KEM key for the receiver whose secret is the operator's.
    let theirs = world.kem_key(OTHER, NOW + 1).statement;
    let substitute = sdk::sealed::KemKey { participant: RECEIVER, ..theirs };
    let lie = |seed: u8| {
        let mut served = honest.clone();
        served.push(signed(substitute.clone(), seed));
        served
    };
    let mut store = world.store();
    let bank = u8::try_from(OTHER.0).unwrap();
    for seed in [IMPOSTOR, ROOT, bank] {
        assert_eq!(refused(store.take(&lie(seed), NOW)), TrustError::Substituted);
    }
    // An identity for the receiver that no root has signed, with that key as its own.
    let forged = identity(RECEIVER, 2, signer(IMPOSTOR).public_key());
    let mut forgery = honest.clone();
    forgery.push(signed(forged.clone(), IMPOSTOR));
    assert_eq!(refused(store.take(&forgery, NOW)), TrustError::UnknownRoot);
    // Signed by the root, then changed.
    let mut altered = Signed::sign(forged, &signer(ROOT)).unwrap();
    altered.statement.participant.key = signer(IMPOSTOR + 1).public_key();
    let mut forgery = honest.clone();
    forgery.push(altered.into());
    assert_eq!(refused(store.take(&forgery, NOW)), TrustError::Signature);
    // None of it was believed, nor kept.
    store.take(&honest, NOW).unwrap();
    assert_eq!(world.store().identity(RECEIVER).map(|it| it.serial), Some(1));
}

#[test]
fn an_older_identity_is_refused_after_a_restart_too() {
    let world = World::new();
    let honest = world.honest();
    world.store().take(&honest, NOW).unwrap();
    // The receiver's key was stolen, its identity replaced.
    let new = identity(RECEIVER, 2, signer(50).public_key());
    let replaced: Vec<AnyStatement> = served(&honest, |it| match it {
        AnyStatement::Identity(known) if known.statement.participant.id == RECEIVER => {
            Some(signed(new.clone(), ROOT))
        }
        AnyStatement::KemKey(key) if key.statement.participant == RECEIVER => None,
        other => Some(other.clone()),
    });
    world.store().take(&replaced, NOW).unwrap();
    // A fresh process, and a node that serves the old one again.
    assert_eq!(refused(world.store().take(&honest, NOW)), TrustError::RolledBack);
    // Two identities under one serial.
    let twin = identity(RECEIVER, 2, signer(51).public_key());
    let mut equivocation = replaced;
    equivocation.push(signed(twin, ROOT));
    assert_eq!(refused(world.store().take(&equivocation, NOW)), TrustError::Equivocated);
}

#[test]
fn an_added_reader_is_refused() {
    let world = World::new();
    let honest = world.honest();
    let mut lie = policy(3, NOW);
    lie.rules[0].readers[1].participant = Some(OTHER);
    let mut store = world.store();
    // By the node itself, and as a statement whose root's signature no longer fits.
    let forged = with_policy(&honest, &signed(lie.clone(), IMPOSTOR));
    assert_eq!(refused(store.take(&forged, NOW)), TrustError::UnknownRoot);
    let mut altered = Signed::sign(policy(3, NOW), &signer(ROOT)).unwrap();
    altered.statement = lie.clone();
    let forged = with_policy(&honest, &altered.into());
    assert_eq!(refused(store.take(&forged, NOW)), TrustError::Signature);
    // Even a root cannot show two policies of one version to one client.
    store.take(&honest, NOW).unwrap();
    let forged = with_policy(&honest, &signed(lie, ROOT));
    assert_eq!(refused(world.store().take(&forged, NOW)), TrustError::Equivocated);
}

#[test]
fn an_older_policy_is_refused_after_a_restart_too() {
    let world = World::new();
    let honest = world.honest();
    let (fourth, now) = (signed(policy(4, NOW + HOUR), ROOT), NOW);
    // The one to follow is known before it is in effect.
    let mut both = honest.clone();
    both.push(fourth.clone());
    world.store().take(&both, now).unwrap();
    assert_eq!(world.store().policy_at(now).map(|it| it.statement.version), Some(3));
    assert_eq!(world.store().policy_at(now + HOUR).map(|it| it.statement.version), Some(4));
    // From then on a node that knows only the older one, or none, is not believed.
    let none = served(&honest, |it| match it {
        AnyStatement::Policy(_) => None,
        other => Some(other.clone()),
    });
    for lie in [&honest, &none] {
        for at_ms in [now, now + HOUR] {
            assert_eq!(refused(world.store().take(lie, at_ms)), TrustError::RolledBack);
        }
    }
    world.store().take(&with_policy(&honest, &fourth), now + HOUR).unwrap();
}

#[test]
fn the_policy_in_effect_is_kept_while_others_are_announced() {
    let world = World::new();
    let mut served = world.honest();
    let versions = |store: &sdk::sealed::TrustStore| {
        store.policies().map(|it| it.statement.version).collect::<Vec<_>>()
    };
    let at = |store: &sdk::sealed::TrustStore, now_ms| {
        store.policy_at(now_ms).map(|it| it.statement.version)
    };
    // Each replaces the one before it, which was not in effect yet.
    for (version, effective_at_ms) in [(4, NOW + 3 * HOUR), (5, NOW + 2 * HOUR), (6, NOW + HOUR)] {
        served.push(signed(policy(version, effective_at_ms), ROOT));
        world.store().take(&served, NOW).unwrap();
        assert_eq!(at(&world.store(), NOW), Some(3));
        assert!(world.store().trust(NOW).unwrap().policy().is_some());
    }
    assert_eq!(versions(&world.store()), [3, 4, 5, 6]);
    // The last of them is in effect first, and for good; one before it is remembered.
    world.store().take(&served, NOW + HOUR).unwrap();
    assert_eq!(versions(&world.store()), [5, 6]);
    assert_eq!(at(&world.store(), NOW + 4 * HOUR), Some(6));
    // However many are announced, they are bounded, and the one in effect is among them.
    let more = (7..100).map(|version| signed(policy(version, NOW + 9 * HOUR), ROOT));
    served.extend(more);
    world.store().take(&served, NOW + HOUR).unwrap();
    let kept = versions(&world.store());
    assert_eq!((kept.len(), &kept[..2], kept.last()), (16, &[5, 6][..], Some(&99)));
    assert_eq!(at(&world.store(), NOW + HOUR), Some(6));
}

#[test]
fn a_revoked_key_stays_revoked_when_the_node_is_silent_about_it() {
    let world = World::new();
    let honest = world.honest();
    let keys = world.keys_of(RECEIVER);
    let id = keys.current(SUITE, NOW).unwrap().id();
    let revocation = keys.revoke(id, NOW, &signer_of(RECEIVER)).unwrap();
    let mut revoked = honest.clone();
    revoked.push(revocation.into());
    world.store().take(&revoked, NOW).unwrap();
    let mut store = world.store();
    store.take(&honest, NOW).unwrap();
    assert!(!store.kem_keys().any(|key| key.statement.id() == id));
    // Nobody revokes the key of another.
    let other = world.keys_of(OTHER).current(SUITE, NOW).unwrap().id();
    let foreign = sdk::sealed::AnyStatement::KemRevocation(
        Signed::sign(
            channel::KemRevocation { pool: 1, participant: OTHER, key: other, revoked_at_ms: NOW },
            &signer(IMPOSTOR),
        )
        .unwrap(),
    );
    let mut lie = revoked;
    lie.push(foreign);
    store.take(&lie, NOW).unwrap();
    assert!(store.kem_keys().any(|key| key.statement.id() == other));
}

#[test]
fn what_a_replaced_identity_signed_can_still_be_checked() {
    let world = World::new();
    let honest = world.honest();
    world.store().take(&honest, NOW).unwrap();
    let begins = NOW + HOUR;
    let new = channel::Identity {
        valid_from_ms: begins,
        ..identity(RECEIVER, 2, signer(50).public_key())
    };
    let replaced = served(&honest, |it| match it {
        AnyStatement::Identity(known) if known.statement.participant.id == RECEIVER => {
            Some(signed(new.clone(), ROOT))
        }
        AnyStatement::KemKey(key) if key.statement.participant == RECEIVER => None,
        other => Some(other.clone()),
    });
    world.store().take(&replaced, begins).unwrap();
    // Also after a restart; the newest first.
    let keys = |at_ms| -> Vec<[u8; 32]> {
        world.store().keys_at(RECEIVER, at_ms).iter().map(channel::PublicKey::to_bytes).collect()
    };
    let (old, next) = (signer_of(RECEIVER).public_key(), signer(50).public_key());
    assert_eq!(keys(NOW), [next, old]);
    assert_eq!(keys(begins + SUCCESSION_MS - 1), [next, old]);
    assert_eq!(keys(begins + SUCCESSION_MS), [next]);
    // It speaks for nobody any more.
    let current = world.store().identity_key(RECEIVER, begins).unwrap();
    assert_eq!(current.to_bytes(), next);
    // Whose identity is revoked has signed nothing since, and what it signed before is still its.
    let revoked = channel::Identity { serial: 3, revoked: true, valid_from_ms: begins + 1, ..new };
    let gone = served(&replaced, |it| match it {
        AnyStatement::Identity(known) if known.statement.participant.id == RECEIVER => {
            Some(signed(revoked.clone(), ROOT))
        }
        other => Some(other.clone()),
    });
    world.store().take(&gone, begins + 1).unwrap();
    assert_eq!(keys(begins), [next, old]);
    assert!(keys(begins + 1).iter().all(|key| *key == old));
    assert!(keys(begins + SUCCESSION_MS).is_empty());
}

#[test]
fn who_comes_later_learns_of_former_identities_what_a_root_has_signed() {
    let world = World::new();
    let mut honest = world.honest();
    let first = identity(RECEIVER, 1, signer_of(RECEIVER).public_key());
    let second = identity(RECEIVER, 2, signer(50).public_key());
    honest.retain(|it| match it {
        AnyStatement::Identity(known) => known.statement.participant.id != RECEIVER,
        AnyStatement::KemKey(key) => key.statement.participant != RECEIVER,
        _ => true,
    });
    honest.push(signed(second.clone(), ROOT));
    let mut store = world.store();
    store.take(&honest, NOW).unwrap();
    assert_eq!(store.keys_at(RECEIVER, NOW).len(), 1);
    let by = |seed| Signed::sign(first.clone(), &signer(seed)).unwrap();
    assert!(store.take_former(&[by(IMPOSTOR)]).is_err());
    assert_eq!(store.keys_at(RECEIVER, NOW).len(), 1);
    // One that is later than the one in force is for the directory to bring.
    let later = identity(RECEIVER, 3, signer(51).public_key());
    store.take_former(&[by(ROOT), Signed::sign(later, &signer(ROOT)).unwrap()]).unwrap();
    assert_eq!(store.keys_at(RECEIVER, NOW).len(), 2);
    assert_eq!(world.store().keys_at(RECEIVER, NOW).len(), 2);
    assert_eq!(world.store().identity(RECEIVER), Some(&second));
}

#[test]
fn what_another_process_of_the_owner_believed_is_not_lost() {
    let world = World::new();
    let honest = world.honest();
    let (mut one, mut other) = (world.store(), world.store());
    one.take(&honest, NOW).unwrap();
    // The other one has begun before that, and is served an older directory.
    let older = with_policy(&honest, &signed(policy(2, NOW - HOUR), ROOT));
    assert_eq!(refused(other.take(&older, NOW)), TrustError::RolledBack);
    let new = signed(identity(OTHER, 2, signer(52).public_key()), ROOT);
    let mut more = honest.clone();
    more.retain(
        |it| !matches!(it, AnyStatement::KemKey(key) if key.statement.participant == OTHER),
    );
    more.push(new);
    other.take(&more, NOW).unwrap();
    assert_eq!(refused(one.take(&honest, NOW)), TrustError::RolledBack);
    assert_eq!(world.store().identity(OTHER).map(|it| it.serial), Some(2));
}

#[test]
fn what_is_believed_is_worked_out_once_until_it_changes() {
    let world = World::new();
    let mut both = world.honest();
    both.push(signed(policy(4, NOW + HOUR), ROOT));
    let mut store = world.store();
    store.take(&both, NOW).unwrap();
    let trust = store.trust(NOW).unwrap();
    let version = |trust: &channel::Trust| trust.policy().map(|it| it.statement.version);
    assert!(Arc::ptr_eq(&trust, &store.trust(NOW + HOUR - 1).unwrap()));
    assert_eq!(version(&trust), Some(3));
    assert_eq!(version(&store.trust(NOW + HOUR).unwrap()), Some(4));
    // Back in time, and after more was learned.
    assert_eq!(version(&store.trust(NOW).unwrap()), Some(3));
    let before = store.trust(NOW + HOUR).unwrap();
    store.take(&both, NOW + HOUR).unwrap();
    assert!(!Arc::ptr_eq(&before, &store.trust(NOW + HOUR).unwrap()));
}

#[test]
fn damage_is_told() {
    let world = World::new();
    world.store().take(&world.honest(), NOW).unwrap();
    let path = world.folder.path().join("trust/accepted");
    let mut bytes = std::fs::read(&path).unwrap();
    bytes.truncate(bytes.len() - 1);
    std::fs::write(&path, &bytes).unwrap();
    let file = world.folder.path().join("trust.toml");
    let root = signer(ROOT).public_key().map(|byte| format!("{byte:02x}")).concat();
    std::fs::write(&file, format!("pool = 1\nroots = [\"{root}\"]\n")).unwrap();
    let file = sdk::sealed::TrustFile::load(&file).unwrap();
    let open = |file| sdk::sealed::TrustStore::open(file, &world.folder.path().join("trust"));
    assert!(open(file.clone()).is_err());
    // A trust file without roots would believe nothing, or one with rubbish.
    let with = |roots: Vec<String>| sdk::sealed::TrustFile { roots, ..file.clone() };
    assert!(open(with(Vec::new())).is_err() && open(with(vec!["00".to_owned()])).is_err());
}
