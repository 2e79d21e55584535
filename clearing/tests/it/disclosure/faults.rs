//! Faults, their answers, and whom two people suspend.

use channel::{
    AnyStatement, EpochId, KemKey, OpeningRecord, ParticipantId, SlotRole, View, ViewMask,
};
use clearing::Reject;

use crate::desk::{DAY_MS, OPERATOR, POOL, REGULATOR, SECOND, bank};
use crate::disclosure::hall::{
    HOUR_MS, Hall, Sealed, fault, kem_key, key_of, rejects, rewrap, signed,
};

#[test]
fn a_fault_is_open_until_the_sender_wraps_anew() {
    let mut hall = Hall::new();
    let order = hall.sealed(0, 1, 10);
    hall.hand_in(&order);
    let said = fault(&order, (REGULATOR, SlotRole::SenderRegulator), DAY_MS);
    let wrong_role = fault(&order, (REGULATOR, SlotRole::CurrencyIssuer), DAY_MS);
    let outcome = hall.state(&[rewrap(&order, REGULATOR, 1), wrong_role, said]);
    let unknown = Some(Reject::UnknownFault);
    assert_eq!(rejects(&outcome), [unknown, Some(Reject::NotAReader), None]);
    let due_at_ms = hall.desk.pool.open_faults().next().unwrap().due_at_ms;
    assert_eq!(due_at_ms, DAY_MS + 24 * HOUR_MS);
    assert_eq!(hall.suspend(bank(0), false).reject, Some(Reject::CheckerRequired));
    hall.let_pass(24 * HOUR_MS + 1);
    let status = hall.desk.pool.status();
    assert_eq!((status.faults, status.faults_overdue), (1, 1));
    assert_eq!(status.suspended, 0);
    // Who suspends must be known to a root: an operator could give itself a second name.
    assert_eq!(hall.suspend(bank(0), true).reject, Some(Reject::IdentityNotValid));
    let maker = hall.identity(OPERATOR, 1);
    assert_eq!(rejects(&hall.state(&[maker])), [None]);
    assert_eq!(hall.suspend(bank(0), true).reject, Some(Reject::CheckerInvalid));
    let checker = hall.identity(SECOND, 1);
    assert_eq!(rejects(&hall.state(&[checker])), [None]);
    assert_eq!(hall.suspend(bank(0), true).reject, None);
    assert_eq!(hall.desk.pool.status().suspended, 1);
    // Also who is suspended must answer; but with a key that is valid.
    assert_eq!(rejects(&hall.state(&[rewrap(&order, REGULATOR, 1)])), [Some(Reject::KeyNotValid)]);
    let now_ms = hall.desk.time_ms;
    let fresh = kem_key(REGULATOR, 2);
    let fresh = KemKey { valid_from_ms: now_ms, valid_to_ms: now_ms + HOUR_MS, ..fresh };
    let outcome = hall.state(&[signed(fresh, key_of(REGULATOR)), rewrap(&order, REGULATOR, 2)]);
    assert_eq!(rejects(&outcome), [None; 2]);
    assert_eq!(hall.desk.pool.open_faults().count(), 0);
    let opens = hall.open(0, EpochId([50; 16]), 1);
    assert_eq!(rejects(&hall.state(&[opens])), [Some(Reject::SenderSuspended)]);
}

/// A fault and its answer, and that somebody looked, outlive the pool's memory of the order.
#[test]
fn an_order_that_is_forgotten_is_still_answered_for_and_opened() {
    let mut hall = Hall::new();
    let order = hall.sealed(0, 1, 10);
    hall.hand_in(&order);
    assert_eq!(hall.desk.cycle().sealed.unwrap().payments, 1);
    let horizon_ms = hall.desk.pool.rules().dedupe_horizon_ms;
    hall.let_pass(horizon_ms - HOUR_MS);
    let by = (REGULATOR, SlotRole::SenderRegulator);
    let now_ms = hall.desk.time_ms;
    assert_eq!(rejects(&hall.state(&[fault(&order, by, now_ms)])), [None]);
    hall.let_pass(24 * HOUR_MS);
    let now_ms = hall.desk.time_ms;
    // What is too old is forgotten as others come.
    let next = hall.sealed(0, 1, 10);
    hall.hand_in(&next);
    let forgotten = Some(Reject::UnknownPayment);
    let late = fault(&order, (bank(1), SlotRole::Receiver), now_ms);
    assert_eq!(rejects(&hall.state(&[late])), [forgotten]);
    assert_eq!(rejects(&hall.state(&[opening(&order, REGULATOR)])), [None]);
    assert!(hall.state(&[opening(&order, REGULATOR)]).statements[0].replayed);
    let fresh =
        KemKey { valid_from_ms: now_ms, valid_to_ms: now_ms + HOUR_MS, ..kem_key(REGULATOR, 2) };
    assert_eq!(rejects(&hall.state(&[signed(fresh, key_of(REGULATOR))])), [None]);
    // Only its sender may answer: the fault says who that is.
    let mut other = order.clone();
    other.header.sender = bank(2);
    let of_other = with_digest_of(&order, rewrap(&other, REGULATOR, 2));
    assert_eq!(rejects(&hall.state(&[of_other])), [Some(Reject::UnknownFault)]);
    assert_eq!(hall.desk.pool.open_faults().count(), 1);
    assert_eq!(rejects(&hall.state(&[rewrap(&order, REGULATOR, 2)])), [None]);
    assert_eq!(hall.desk.pool.open_faults().count(), 0);
}

fn opening(order: &Sealed, reader: ParticipantId) -> AnyStatement {
    let views = ViewMask::of(&[View::Parties]);
    let (person, reason) = ("J. Doe".to_owned(), "case 12".to_owned());
    let (pool, order, opened_at_ms) = (POOL, order.named(), DAY_MS);
    let record = OpeningRecord { pool, reader, order, views, person, reason, opened_at_ms };
    signed(record, key_of(reader))
}

/// The same answer under the digest of another order.
fn with_digest_of(order: &Sealed, statement: AnyStatement) -> AnyStatement {
    let AnyStatement::Rewrap(mut signed) = statement else { panic!() };
    signed.statement.order.digest = order.named().digest;
    AnyStatement::Rewrap(signed)
}

#[test]
fn an_answer_of_no_use_buys_no_time() {
    let mut hall = Hall::new();
    let order = hall.sealed(0, 1, 10);
    hall.hand_in(&order);
    let by = (REGULATOR, SlotRole::SenderRegulator);
    let first = fault(&order, by, DAY_MS);
    let due_at_ms = DAY_MS + 24 * HOUR_MS;
    assert_eq!(rejects(&hall.state(&[first])), [None]);
    hall.desk.time_ms += 600_000;
    assert_eq!(rejects(&hall.state(&[rewrap(&order, REGULATOR, 1)])), [None]);
    // Found before the answer: said by it already.
    let before = hall.state(&[fault(&order, by, DAY_MS + 600_000)]);
    assert!(before.statements[0].replayed);
    assert_eq!(hall.desk.pool.open_faults().count(), 0);
    hall.desk.time_ms += 1;
    let again = hall.state(&[fault(&order, by, DAY_MS + 600_001)]);
    assert_eq!(rejects(&again), [None]);
    let open = hall.desk.pool.open_faults().next().unwrap();
    assert_eq!((open.due_at_ms, open.times), (due_at_ms, 2));
    // What was found longer than a day ago, or is still to be found, is not taken.
    hall.let_pass(24 * HOUR_MS);
    let now_ms = hall.desk.time_ms;
    let stale = [now_ms - 24 * HOUR_MS - 2, now_ms + HOUR_MS];
    let stale = stale.map(|at_ms| fault(&order, by, at_ms));
    assert_eq!(rejects(&hall.state(&stale)), [Some(Reject::StatementStale); 2]);
}
