//! Sealed orders, as far as the engine has a say in them.

mod faults;
pub(crate) mod hall;
mod model;
mod registry;

use channel::{
    AnyStatement, DisclosurePolicy, EpochId, EpochReader, KeyId, LinkTerms, OrderHeader,
    ParticipantId, RuleReader, SlotRole, Suite, ViewMask, link_group,
};
use clearing::{HeldFor, Outcome, PaymentState, Record, RecordBody, Reject, Ruling};

use crate::desk::{DAY_MS, REGULATOR, bank};
use crate::disclosure::hall::{
    HOUR_MS, Hall, ROOT, SCREENER, SUITE, Sealed, confirmation, epoch_of, fault, kem_key_of,
    key_of, policy, record_at, rejects, revocation, rewrap, rewrap_of, seal, signed, slots,
    slots_by_key, verdict,
};

pub(crate) fn record(statements: &[AnyStatement]) -> Vec<u8> {
    record_at(DAY_MS, statements)
}

pub(crate) fn samples() -> Vec<AnyStatement> {
    vec![signed(policy(1, DAY_MS), ROOT), revocation(bank(0), 1)]
}

fn states(outcome: &Outcome) -> Vec<(PaymentState, Option<Reject>)> {
    outcome.changes.iter().map(|change| (change.state, change.reason)).collect()
}

#[test]
fn a_statements_record_is_read_as_it_was_packed() {
    let bytes = record(&samples());
    let RecordBody::Statements(read) = Record::read(&bytes).unwrap().body else { panic!() };
    assert_eq!(read.statements, samples());
    assert!(Record::read(&record(&vec![revocation(bank(0), 1); 256])).is_ok());
    assert!(Record::read(&record(&vec![revocation(bank(0), 1); 257])).is_err());
    assert!(Record::read(&record(&[])).is_err());
}

#[test]
fn policies_come_one_by_one() {
    let mut hall = Hall::new();
    let state = |hall: &mut Hall, version, at_ms| {
        rejects(&hall.state(&[signed(policy(version, at_ms), ROOT)]))[0]
    };
    assert_eq!(state(&mut hall, 3, DAY_MS), Some(Reject::PolicyVersion));
    assert_eq!(state(&mut hall, 1, DAY_MS + 1), Some(Reject::StatementDiffers));
    assert_eq!(state(&mut hall, 2, DAY_MS + 5_000), None);
    assert_eq!(state(&mut hall, 4, DAY_MS + 6_000), Some(Reject::PolicyVersion));
    assert_eq!(hall.desk.pool.policy_pending().unwrap().statement.version, 2);
    let order = hall.sealed(0, 1, 10);
    let late = hall.sealed(0, 1, 10);
    assert_eq!(hall.reason(&order), None);
    // Epochs are opened for the policy to come.
    let next = hall.open(0, EpochId([9; 16]), 2);
    assert_eq!(rejects(&hall.state(&[next])), [None]);
    hall.desk.time_ms += 5_000;
    assert_eq!(hall.reason(&late), Some(Reject::PolicyVersion));
    // What was only sealed in vain is sealed anew, under the same UETR.
    let slots = slots_by_key(bank(1), 10, 1);
    let header = OrderHeader { sealing: None, payload_len: 0, ..late.header };
    let anew = seal(header, (2, EpochId([9; 16]), 0), &slots);
    assert_eq!(hall.reason(&anew), None);
    assert_eq!(state(&mut hall, 1, DAY_MS + 2), Some(Reject::StatementSuperseded));
}

#[test]
fn every_part_of_the_sealing_is_looked_at() {
    let mut hall = Hall::new();
    let open = hall.header(0, 1, 10);
    assert_eq!(
        hall.reason(&Sealed { header: open, payload: vec![] }),
        Some(Reject::SealingRequired)
    );
    let large = hall.sealed(0, 1, 2_000_000);
    assert_eq!(hall.reason(&large), Some(Reject::PolicyUncovered));
    let mut next = 100;
    let mut with = |hall: &mut Hall, epoch, slots: &[(SlotRole, KeyId, ViewMask)]| {
        next += 1;
        let header = hall.header(0, 1, 10);
        let order = seal(header, (1, epoch, next), slots);
        hall.reason(&order)
    };
    let right = slots_by_key(bank(1), 10, 1);
    let own = epoch_of(0);
    assert_eq!(with(&mut hall, epoch_of(1), &right), Some(Reject::EpochUnknown));
    assert_eq!(with(&mut hall, own, &right[..1]), Some(Reject::SlotsMismatch));
    let stale = slots_by_key(bank(1), 10, 2);
    assert_eq!(with(&mut hall, own, &stale), Some(Reject::KeyNotValid));
    // A key of the epoch in another capacity.
    let mut swapped = right.clone();
    swapped[1].0 = SlotRole::ReceiverRegulator;
    assert_eq!(with(&mut hall, own, &swapped), Some(Reject::KeyNotValid));
    let other = slots_by_key(bank(2), 10, 1);
    assert_eq!(with(&mut hall, own, &other), Some(Reject::SlotsMismatch));
    let more = slots_by_key(bank(1), 1_000, 1);
    assert_eq!(with(&mut hall, own, &more), Some(Reject::SlotsMismatch));
    let mut narrow = right.clone();
    narrow[0].2 = narrow[1].2;
    assert_eq!(with(&mut hall, own, &narrow), Some(Reject::SlotsMismatch));
    assert_eq!(with(&mut hall, own, &right), None);
    let mut cut = hall.sealed(0, 1, 10);
    cut.payload.pop();
    cut.header.payload_len -= 1;
    assert_eq!(hall.reason(&cut), Some(Reject::SlotsMismatch));
    let first = hall.sealed(0, 1, 10);
    assert_eq!(hall.reason(&first), None);
    let sequence = first.header.sealing.unwrap().sequence;
    let header = hall.header(0, 2, 10);
    let again = seal(header, (1, own, sequence), &slots_by_key(bank(2), 10, 1));
    assert_eq!(hall.reason(&again), Some(Reject::SequenceUsed));
    assert_eq!(rejects(&hall.state(&[revocation(REGULATOR, 1)])), [None]);
    assert_eq!(with(&mut hall, own, &right), Some(Reject::KeyNotValid));
    let over = hall.sealed(1, 2, 10);
    hall.desk.time_ms += HOUR_MS + 1;
    let late = hall.sealed(1, 2, 10);
    assert_eq!(hall.reason(&late), Some(Reject::EpochOver));
    hall.desk.time_ms += 15 * 60_000;
    assert_eq!(hall.reason(&over), Some(Reject::EpochUnknown));
    assert_eq!(hall.desk.pool.held_and_epochs().1, 0);
}

/// The policy says how its orders are sealed; epochs, orders and answers to faults under another
/// suite are refused, whichever keys there are.
#[test]
fn the_policy_says_the_suite() {
    let strong = Suite::XWingAes256Gcm;
    let mut hall = Hall::new();
    let mismatch = Some(Reject::SuiteMismatch);
    let with_suite = |mut order: Sealed, suite| {
        order.header.sealing.as_mut().unwrap().suite = suite;
        order
    };
    let order = with_suite(hall.sealed(0, 1, 10), strong);
    assert_eq!(hall.reason(&order), mismatch);
    // That is said also where the pool has no such epoch, and could have none.
    let mut alone = order;
    alone.header.sealing.as_mut().unwrap().epoch = EpochId([52; 16]);
    assert_eq!(hall.reason(&alone), mismatch);
    assert_eq!(hall.reason(&with_suite(alone, SUITE)), Some(Reject::EpochUnknown));
    let open =
        |hall: &Hall, suite, id| signed(hall.epoch_of(suite, (0, id), 2, 1), key_of(bank(0)));
    let old = hall.sealed(0, 1, 20);
    assert_eq!(hall.reason(&old), None);
    let next = DisclosurePolicy { suite: strong, ..policy(2, DAY_MS) };
    assert_eq!(rejects(&hall.state(&[signed(next, ROOT)])), [None]);
    let (one, two) = (EpochId([50; 16]), EpochId([51; 16]));
    let opens = [open(&hall, SUITE, one), open(&hall, strong, one)];
    assert_eq!(rejects(&hall.state(&opens)), [mismatch, Some(Reject::KeyNotValid)]);
    let parties = [bank(0), bank(1), bank(2), REGULATOR, SCREENER];
    let keys = parties.map(|id| signed(kem_key_of(strong, id, 1), key_of(id)));
    assert_eq!(rejects(&hall.state(&keys)), [None; 5]);
    // Named as keys of the other suite they are not valid.
    let mut mixed = hall.epoch_of(strong, (0, two), 2, 1);
    for (reader, weak) in mixed.readers.iter_mut().zip(hall.epoch(0, two, 2, 1).readers) {
        reader.key = weak.key;
    }
    let opens = [open(&hall, strong, one), signed(mixed, key_of(bank(0)))];
    assert_eq!(rejects(&hall.state(&opens)), [None, Some(Reject::KeyNotValid)]);
    let by_strong_key = |(role, owner, views): (SlotRole, ParticipantId, ViewMask)| {
        (role, kem_key_of(strong, owner, 1).id(), views)
    };
    let slots: Vec<_> = slots(bank(1), 10).into_iter().map(by_strong_key).collect();
    let order = seal(hall.header(0, 1, 10), (2, one, 0), &slots);
    assert_eq!(hall.reason(&order), mismatch);
    assert_eq!(hall.reason(&with_suite(order, strong)), None);
    // An order from before is wrapped again under the suite of now.
    let said = fault(&old, (REGULATOR, SlotRole::SenderRegulator), DAY_MS);
    let (weak, fit) = (rewrap(&old, REGULATOR, 1), rewrap_of(strong, &old, REGULATOR, 1));
    assert_eq!(rejects(&hall.state(&[said, weak, fit])), [None, mismatch, None]);
}

#[test]
fn instructions_of_an_exchange_may_stay_empty() {
    let mut hall = Hall::new();
    let header = hall::instruction(&mut hall);
    let refused = OrderHeader { payload_len: 1, ..header };
    let fx = channel::FxTerms::Instruction {
        counter: ledger::Amount::new(5, crate::desk::currency("USD")).unwrap(),
    };
    let payload = vec![1];
    let refused = Sealed { header: OrderHeader { fx: Some(fx), ..refused }, payload };
    // USD is not settled here, which comes before.
    assert_eq!(hall.reason(&refused), Some(Reject::CurrencyNotInPool));
}

#[test]
fn those_who_read_an_accepted_order_are_told_once() {
    let mut hall = Hall::new();
    // The regulator reads as that of the receiver's country, too.
    let mut both = policy(2, DAY_MS + 1);
    let reader = both.rules[0].readers[1];
    both.rules[0].readers.push(RuleReader { role: SlotRole::ReceiverRegulator, ..reader });
    let mut epoch = hall.epoch(0, EpochId([9; 16]), 2, 1);
    let regulator = epoch.readers.iter().find(|it| it.participant == REGULATOR).unwrap().clone();
    epoch.readers.push(EpochReader { role: SlotRole::ReceiverRegulator, ..regulator });
    epoch.readers.sort_unstable_by_key(|reader| (reader.role, reader.key));
    let outcome = hall.state(&[signed(both, ROOT), signed(epoch, key_of(bank(0)))]);
    assert_eq!(rejects(&outcome), [None; 2]);
    hall.desk.time_ms += 1;
    let told = [
        (10, vec![REGULATOR]),
        (1_000, vec![REGULATOR, SCREENER]),
        (5_000, vec![REGULATOR, SCREENER, bank(1)]),
    ];
    for (minor, expected) in told {
        let header = hall.header(0, 1, minor);
        let mut slots = slots_by_key(bank(1), minor, 1);
        let (_, key, views) = slots[1];
        slots.push((SlotRole::ReceiverRegulator, key, views));
        let order = seal(header, (2, EpochId([9; 16]), minor), &slots);
        let (ruled, outcome) = hall.hand_in(&order);
        let mut readers: Vec<_> = outcome.readers.iter().map(|(_, reader)| *reader).collect();
        readers.sort_unstable();
        assert_eq!((ruled.reason, readers), (None, expected));
        assert!(outcome.readers.iter().all(|(place, _)| *place == ruled.place));
        // The same order again was told of before; one that is refused is nobody's business.
        assert_eq!(hall.hand_in(&order).1.readers, []);
        let header = hall.header(0, 1, minor);
        let refused = seal(header, (2, EpochId([9; 16]), minor), &slots);
        let (ruled, outcome) = hall.hand_in(&refused);
        assert_eq!((ruled.reason, outcome.readers), (Some(Reject::SequenceUsed), vec![]));
    }
}

#[test]
fn a_held_payment_goes_on_once_everybody_has_said_so() {
    let mut hall = Hall::new();
    let order = hall.sealed(0, 1, 5_000);
    let (ruled, outcome) = hall.hand_in(&order);
    assert_eq!(ruled.ruling, Ruling::Held);
    let hold = outcome.holds[0];
    assert!(hold.screening && hold.confirmation && !hold.stopped);
    let both = HeldFor { screening: 1, stopped: 0, confirmation: 1 };
    assert_eq!(hall.desk.pool.status().held_for, both);
    let queued: u64 = hall.desk.pool.status().queued.iter().map(|it| it.count).sum();
    assert_eq!((queued, hall.desk.pool.status().held), (0, 1));
    assert!(hall.desk.cycle().sealed.is_none(), "it is in no cycle");
    let outcome = hall.state(&[
        verdict(&order, REGULATOR, true, 1),
        confirmation(&order, bank(2), true),
        verdict(&order, SCREENER, false, 1),
    ]);
    let stranger = Some(Reject::NotAReader);
    assert_eq!(rejects(&outcome), [stranger, stranger, None]);
    assert!(outcome.holds[0].stopped && !outcome.holds[0].screening);
    let stopped = HeldFor { screening: 0, stopped: 1, ..both };
    assert_eq!(hall.desk.pool.status().held_for, stopped);
    let outcome = hall.state(&[confirmation(&order, bank(1), true)]);
    assert_eq!((rejects(&outcome), states(&outcome)), (vec![None], vec![]));
    let outcome = hall.state(&[verdict(&order, SCREENER, true, 2)]);
    assert_eq!(states(&outcome), [(PaymentState::Queued, None)]);
    assert_eq!(hall.desk.pool.status().held_for, HeldFor::default());
    let late = hall.state(&[verdict(&order, SCREENER, false, 3)]);
    assert_eq!(rejects(&late), [Some(Reject::NotHeld)]);
    let settled = hall.desk.cycle().sealed.unwrap();
    assert_eq!(settled.payments, 1);
    let mut unknown = order.clone();
    unknown.payload[3] ^= 1;
    let other = hall.state(&[verdict(&unknown, SCREENER, true, 1)]);
    assert_eq!(rejects(&other), [Some(Reject::UnknownPayment)]);
}

#[test]
fn a_held_payment_ends_as_others_do() {
    let mut hall = Hall::new();
    let order = hall.sealed(0, 1, 5_000);
    hall.hand_in(&order);
    let outcome = hall.state(&[confirmation(&order, bank(1), false)]);
    assert_eq!(states(&outcome), [(PaymentState::Rejected, Some(Reject::ReceiverUnable))]);
    let order = hall.sealed(0, 1, 1_000);
    hall.hand_in(&order);
    let (uetr, kind) = (order.header.uetr, order.header.kind);
    let outcome = hall.desk.command(bank(0), channel::CommandBody::Cancel { uetr, kind });
    assert_eq!(states(&outcome), [(PaymentState::Cancelled, Some(Reject::Cancelled))]);
    let mut order = hall.sealed(0, 1, 1_000);
    order.header.not_after_ms = DAY_MS + 1_000;
    hall.hand_in(&order);
    let day = hall.sealed(0, 1, 1_000);
    hall.hand_in(&day);
    hall.desk.time_ms += 2_000;
    let expired = (PaymentState::Expired, Some(Reject::Expired));
    assert_eq!(states(&hall.desk.tick(0)), [expired]);
    hall.let_pass(11 * HOUR_MS);
    hall.desk.time_ms = DAY_MS + 22 * HOUR_MS;
    let closed = (PaymentState::Rejected, Some(Reject::DayClosed));
    assert_eq!(states(&hall.desk.tick(0)), [closed]);
    assert_eq!(hall.desk.pool.status().held, 0);
}

#[test]
fn a_group_waits_for_its_member_that_is_held() {
    let mut hall = Hall::new();
    let terms = [hall.header(0, 1, 1_000), hall.header(1, 0, 10)];
    let group = (link_group(&terms.each_ref().map(LinkTerms::from)), 2);
    let [held, free] = terms.map(|header| {
        let (from, to) = (header.sender.0 - 11, header.receiver);
        let slots = slots_by_key(to, header.amount.minor(), 1);
        let header = OrderHeader { link: Some(group), ..header };
        seal(header, (1, epoch_of(from), 900), &slots)
    });
    assert_eq!(hall.hand_in(&held).0.ruling, Ruling::Held);
    assert_eq!(hall.hand_in(&free).0.ruling, Ruling::AwaitingGroup);
    assert!(hall.desk.cycle().sealed.is_none());
    let outcome = hall.state(&[verdict(&held, SCREENER, true, 1)]);
    assert_eq!(states(&outcome), [(PaymentState::Queued, None); 2]);
    assert_eq!(hall.desk.cycle().sealed.unwrap().payments, 2);
}

#[test]
fn an_urgent_payment_settles_once_it_is_released() {
    let mut hall = Hall::new();
    let mut order = hall.sealed(0, 1, 1_000);
    order.header.urgent = true;
    assert_eq!(hall.hand_in(&order).0.ruling, Ruling::Held);
    hall.pass(&order);
    assert_eq!(hall.desk.balance(bank(1), "EUR"), 10_001_000);
}

#[test]
fn a_pass_from_before_the_hold_releases_nothing() {
    let mut hall = Hall::new();
    let order = hall.sealed(0, 1, 1_000);
    hall.hand_in(&order);
    assert_eq!(rejects(&hall.state(&[verdict(&order, SCREENER, false, 5)])), [None]);
    let kept_back = hall.state(&[verdict(&order, SCREENER, true, 4)]);
    assert_eq!(rejects(&kept_back), [Some(Reject::StatementSuperseded)]);
    assert_eq!(states(&hall.state(&[verdict(&order, SCREENER, true, 6)])).len(), 1);
}

/// All rejects of sealed orders and statements but the one for a million held payments, which is
/// met beside its guard, are met by the tests here, by name.
#[test]
fn every_reject_of_sealed_orders_is_named_here() {
    let sources = [
        include_str!("disclosure.rs"),
        include_str!("disclosure/registry.rs"),
        include_str!("disclosure/faults.rs"),
    ];
    let sealed = Reject::ALL.into_iter().filter(|reject| *reject >= Reject::SealingRequired);
    let missed: Vec<&str> = sealed
        .filter(|reject| {
            let name = format!("Reject::{reject:?}");
            !sources.iter().any(|source| source.contains(&name))
        })
        .map(Reject::code)
        .collect();
    assert_eq!(missed, ["HELD_FULL"]);
}
