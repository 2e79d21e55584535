//! Statements: who is known, by which keys, under which policy.

use channel::{EpochId, KemKey, KemRevocation, KeyId, Status};
use clearing::{KEY_ENDS_SOON_MS, KeyStanding, PaymentState, Reject, Ruling};

use crate::desk::{DAY_MS, OPERATOR, POOL, SECOND, bank};
use crate::disclosure::hall::{
    HOUR_MS, Hall, ROOT, epoch_of, kem_key, key_of, policy, rejects, revocation, seal, signed,
    slots_by_key,
};
use crate::disclosure::{record, states};

#[test]
fn a_statement_of_another_pool_was_not_logged_here() {
    let mut hall = Hall::without_policy();
    let position = hall.desk.pool.next_position();
    let (participant, key) = (bank(0), KeyId([1; 8]));
    let said = KemRevocation { pool: POOL + 1, participant, key, revoked_at_ms: DAY_MS };
    assert!(hall.desk.pool.apply(position, &record(&[signed(said, key_of(bank(0)))])).is_err());
    assert_eq!(hall.desk.pool.next_position(), position);
}

#[test]
fn it_counts_whose_key_signed() {
    let mut hall = Hall::without_policy();
    let wrong = Some(Reject::SignerNotAuthorised);
    let by_bank = signed(policy(1, DAY_MS), key_of(bank(0)));
    let by_root = signed(kem_key(bank(0), 2), ROOT);
    let by_other = signed(kem_key(bank(0), 2), key_of(bank(1)));
    assert_eq!(rejects(&hall.state(&[by_bank, by_root, by_other])), [wrong; 3]);
    let nobody = signed(kem_key(OPERATOR, 1), key_of(OPERATOR));
    assert_eq!(rejects(&hall.state(&[nobody])), [Some(Reject::IdentityNotValid)]);
}

#[test]
fn the_same_statement_again_changes_nothing() {
    let mut hall = Hall::new();
    let statements = [
        hall.identity(bank(0), 1),
        signed(kem_key(bank(0), 1), key_of(bank(0))),
        signed(policy(1, DAY_MS), ROOT),
        hall.open(0, epoch_of(0), 1),
    ];
    let version = hall.desk.pool.disclosure_version();
    let outcome = hall.state(&statements);
    assert!(outcome.statements.iter().all(|it| it.reject.is_none() && it.replayed));
    assert_eq!(hall.desk.pool.disclosure_version(), version);
}

#[test]
fn identities_only_go_forward() {
    let mut hall = Hall::new();
    let other = |hall: &Hall, serial| {
        let mut identity = hall.identity_of(bank(0), serial);
        identity.participant.key = [77; 32];
        identity
    };
    let differs = signed(other(&hall, 1), ROOT);
    assert_eq!(rejects(&hall.state(&[differs])), [Some(Reject::StatementDiffers)]);
    let mut named = hall.identity_of(bank(0), 2);
    named.participant.country = *b"FR";
    let mut early = hall.identity_of(bank(0), 2);
    early.valid_from_ms = DAY_MS + HOUR_MS;
    let wrong = hall.state(&[signed(named, ROOT), signed(early, ROOT)]);
    assert_eq!(rejects(&wrong), [Some(Reject::IdentityMismatch), Some(Reject::StatementStale)]);
    assert_eq!(hall.desk.pool.kem_keys().count(), 5);
    let order = hall.sealed(0, 1, 10);
    let new = signed(other(&hall, 5), ROOT);
    let old = hall.identity(bank(0), 4);
    let outcome = hall.state(&[new, old]);
    assert_eq!(rejects(&outcome), [None, Some(Reject::StatementSuperseded)]);
    // Another key: the KEM keys and epochs of the one before are gone.
    let member = hall.desk.pool.directory().member(bank(0)).unwrap();
    assert_eq!(member.participant.key, [77; 32]);
    assert_eq!(hall.desk.pool.kem_keys().count(), 4);
    assert_eq!(hall.reason(&order), Some(Reject::EpochUnknown));
    let to_it = hall.sealed(1, 0, 10);
    assert_eq!(hall.reason(&to_it), Some(Reject::KeyNotValid));
}

#[test]
fn whom_a_root_revokes_takes_no_part_until_a_root_brings_it_back() {
    let mut hall = Hall::new();
    let order = hall.sealed(0, 1, 1_000);
    assert_eq!(hall.hand_in(&order).0.ruling, Ruling::Held);
    let mut revoked = hall.identity_of(bank(1), 2);
    revoked.revoked = true;
    let outcome = hall.state(&[signed(revoked, ROOT)]);
    let ended = (PaymentState::Rejected, Some(Reject::ParticipantSuspended));
    assert_eq!(states(&outcome), [ended]);
    let to_it = hall.sealed(0, 1, 10);
    assert_eq!(hall.reason(&to_it), Some(Reject::ReceiverSuspended));
    let (participant, status) = (bank(1), Status::Active);
    let body = channel::CommandBody::SetStatus { participant, status };
    assert_eq!(hall.desk.command(OPERATOR, body).reject, Some(Reject::IdentityNotValid));
    let back = hall.identity(bank(1), 3);
    let key = signed(kem_key(bank(1), 2), key_of(bank(1)));
    assert_eq!(rejects(&hall.state(&[back, key])), [None; 2]);
    let member = hall.desk.pool.directory().member(bank(1)).unwrap();
    assert_eq!(member.status, Status::Active);
}

#[test]
fn limits_of_keys_and_epochs() {
    let mut hall = Hall::new();
    let keys: Vec<_> =
        (2..10).map(|number| signed(kem_key(bank(0), number), key_of(bank(0)))).collect();
    let outcome = hall.state(&keys);
    let full = Some(Reject::CapacityFull);
    assert_eq!(rejects(&outcome), [[None; 7].as_slice(), &[full]].concat());
    let again = KemKey { valid_to_ms: DAY_MS + HOUR_MS, ..kem_key(bank(0), 2) };
    let long_ago = KemKey { valid_to_ms: DAY_MS, valid_from_ms: 1, ..kem_key(bank(0), 2) };
    let long_ago = KemKey { valid_from_ms: DAY_MS - HOUR_MS, ..long_ago };
    let outcome = hall.state(&[again, long_ago].map(|key| signed(key, key_of(bank(0)))));
    let differs = Some(Reject::StatementDiffers);
    assert_eq!(rejects(&outcome), [differs, Some(Reject::StatementStale)]);
    let opens: Vec<_> =
        (0..64).map(|number| hall.open(0, EpochId([100 + number; 16]), 1)).collect();
    assert_eq!(rejects(&hall.state(&opens)), [[None; 63].as_slice(), &[full]].concat());
    let mut changed = hall.epoch(0, epoch_of(0), 1, 1);
    changed.not_after_ms -= 1;
    let mut unknown = hall.epoch(1, EpochId([99; 16]), 1, 2);
    unknown.opened_at_ms += 1;
    let mut over = hall.epoch(1, EpochId([98; 16]), 1, 1);
    over.opened_at_ms -= HOUR_MS;
    over.not_after_ms = DAY_MS - 1;
    let version = hall.epoch(1, EpochId([97; 16]), 7, 1);
    let outcome = hall.state(&[
        signed(changed, key_of(bank(0))),
        signed(unknown, key_of(bank(1))),
        signed(over, key_of(bank(1))),
        signed(version, key_of(bank(1))),
    ]);
    let stale = Some(Reject::StatementStale);
    let version = Some(Reject::PolicyVersion);
    assert_eq!(rejects(&outcome), [differs, Some(Reject::KeyNotValid), stale, version]);
}

#[test]
fn an_epoch_that_ended_makes_room_for_another() {
    let mut hall = Hall::new();
    let epoch = |hall: &Hall, number: u8, life_ms: u64| {
        let mut open = hall.epoch(0, EpochId([100 + number; 16]), 1, 1);
        open.not_after_ms = hall.desk.time_ms + life_ms;
        signed(open, key_of(bank(0)))
    };
    let short: Vec<_> = [2, 1].map(|number| epoch(&hall, number, 1_000)).to_vec();
    assert_eq!(rejects(&hall.state(&short)), [None; 2]);
    let long: Vec<_> = (3..64).map(|number| epoch(&hall, number, HOUR_MS)).collect();
    assert_eq!(rejects(&hall.state(&long)), [None; 61]);
    let (full, next) = (Some(Reject::CapacityFull), |hall: &Hall| epoch(hall, 64, HOUR_MS));
    let mut late = |epoch: u8| {
        let (header, slots) = (hall.header(0, 1, 10), slots_by_key(bank(1), 10, 1));
        seal(header, (1, EpochId([100 + epoch; 16]), 0), &slots)
    };
    let (first, second) = (late(1), late(2));
    hall.let_pass(1_000);
    // On its last instant an epoch runs.
    let more = next(&hall);
    assert_eq!(rejects(&hall.state(&[more])), [full]);
    hall.let_pass(1);
    let more = next(&hall);
    assert_eq!(rejects(&hall.state(&[more])), [None]);
    // The first of the two made room; the other one is known yet.
    assert_eq!(hall.reason(&first), Some(Reject::EpochUnknown));
    assert_eq!(hall.reason(&second), None);
    let more = [65, 66].map(|number| epoch(&hall, number, HOUR_MS));
    assert_eq!(rejects(&hall.state(&more)), [None, full]);
    // Nobody's room but the sender's own.
    assert_eq!(hall.desk.pool.held_and_epochs().1, 66);
}

#[test]
fn keys_count_by_how_long_the_last_one_of_each_owner_is_good() {
    let mut hall = Hall::new();
    let keys = |hall: &Hall| hall.desk.pool.status().keys;
    let all = KeyStanding { lasting: 5, ending: 0, over: 0 };
    assert_eq!(keys(&hall), all, "three banks, a regulator, a screener");
    assert_eq!(rejects(&hall.state(&[revocation(bank(1), 1)])), [None]);
    assert_eq!(keys(&hall), KeyStanding { lasting: 4, over: 1, ..all });
    hall.let_pass(24 * HOUR_MS - KEY_ENDS_SOON_MS + 1);
    assert_eq!(keys(&hall), KeyStanding { lasting: 0, ending: 4, over: 1 });
    let valid_to_ms = DAY_MS + 48 * HOUR_MS;
    let next = KemKey { valid_from_ms: DAY_MS, valid_to_ms, ..kem_key(bank(0), 2) };
    assert_eq!(rejects(&hall.state(&[signed(next, key_of(bank(0)))])), [None]);
    assert_eq!(keys(&hall), KeyStanding { lasting: 1, ending: 3, over: 1 });
    hall.let_pass(KEY_ENDS_SOON_MS);
    assert_eq!(keys(&hall), KeyStanding { lasting: 1, ending: 0, over: 4 });
}

#[test]
fn a_policy_that_was_not_meant_never_takes_effect() {
    let mut hall = Hall::new();
    let far = signed(policy(2, DAY_MS + 1_000 * HOUR_MS), ROOT);
    let right = signed(policy(3, DAY_MS + 1_000), ROOT);
    assert_eq!(rejects(&hall.state(&[far, right])), [None; 2]);
    assert_eq!(hall.desk.pool.policy_pending().unwrap().statement.version, 3);
    hall.let_pass(1_001 * HOUR_MS);
    assert_eq!(hall.desk.pool.policy_in_effect().unwrap().statement.version, 3);
}

#[test]
fn a_policy_that_was_announced_is_not_put_off() {
    let mut hall = Hall::new();
    let state = |hall: &mut Hall, version, at_ms| {
        rejects(&hall.state(&[signed(policy(version, at_ms), ROOT)]))[0]
    };
    assert_eq!(state(&mut hall, 2, DAY_MS + 5_000), None);
    assert_eq!(state(&mut hall, 3, DAY_MS + 5_001), Some(Reject::PolicyVersion));
    assert_eq!(hall.desk.pool.policy_pending().unwrap().statement.version, 2);
    // At the same instant another policy comes, which may be the present one again.
    assert_eq!(state(&mut hall, 3, DAY_MS + 5_000), None);
    hall.let_pass(5_000);
    assert_eq!(hall.desk.pool.policy_in_effect().unwrap().statement.version, 3);
    // With none to come, the next may come at any time.
    assert_eq!(state(&mut hall, 4, DAY_MS + 9_000_000), None);
}

#[test]
fn a_revoked_key_does_not_come_back_with_its_owner() {
    let mut hall = Hall::new();
    let revoked = hall.state(&[revocation(bank(1), 1)]);
    assert_eq!(rejects(&revoked), [None]);
    let mut gone = hall.identity_of(bank(1), 2);
    gone.revoked = true;
    let back = hall.identity(bank(1), 3);
    assert_eq!(rejects(&hall.state(&[signed(gone, ROOT), back])), [None; 2]);
    let key = signed(kem_key(bank(1), 1), key_of(bank(1)));
    assert!(hall.state(&[key]).statements[0].replayed);
    assert_eq!(hall.desk.pool.kem_revocations().count(), 1);
    let to_it = hall.open(0, EpochId([60; 16]), 1);
    assert_eq!(rejects(&hall.state(&[to_it])), [Some(Reject::KeyNotValid)]);
}

#[test]
fn a_key_comes_back_with_the_identity_that_signed_it() {
    let mut hall = Hall::new();
    let mut other = hall.identity_of(bank(1), 2);
    other.participant.key = [77; 32];
    let old = hall.identity(bank(1), 1);
    let mut first = hall.identity_of(bank(1), 3);
    first.participant.key = key_of(bank(1));
    assert_eq!(rejects(&hall.state(&[signed(other, ROOT), old])).len(), 2);
    assert_eq!(hall.desk.pool.kem_keys().count(), 4);
    let key = signed(kem_key(bank(1), 1), key_of(bank(1)));
    let outcome = hall.state(&[signed(first, ROOT), key]);
    assert!(outcome.statements.iter().all(|it| it.reject.is_none() && !it.replayed));
    assert_eq!(hall.desk.pool.kem_keys().count(), 5);
}

#[test]
fn whom_people_suspend_no_identity_brings_back() {
    let mut hall = Hall::new();
    let people = [hall.identity(OPERATOR, 1), hall.identity(SECOND, 1)];
    assert_eq!(rejects(&hall.state(&people)), [None; 2]);
    let mut gone = hall.identity_of(bank(1), 2);
    gone.revoked = true;
    hall.state(&[signed(gone, ROOT)]);
    assert_eq!(hall.suspend(bank(1), true).reject, None);
    let back = hall.identity(bank(1), 3);
    assert_eq!(rejects(&hall.state(&[back])), [None]);
    let member = hall.desk.pool.directory().member(bank(1)).unwrap();
    assert_eq!(member.status, Status::Suspended);
}
