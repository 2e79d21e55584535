//! What is said beforehand is what then happens.

use channel::{CommandBody, LinkTerms, OrderHeader, link_group};
use clearing::{Lever, MemberStage, Place, Preview, Ruling, TransferKind, WaitsFor};
use ledger::{AccountId, Amount};
use proptest::prelude::*;

use crate::desk::{AGENT, DAY_MS, Desk, OPERATOR, bank, currency, order, strict_rules, uetr};

const BANKS: u32 = 4;

/// Four banks with an account each, the day open, nobody with any money.
fn desk() -> Desk {
    let mut desk = Desk::new(strict_rules(vec![currency("EUR")]), BANKS);
    desk.shadow = false;
    for index in 0..BANKS {
        let (participant, currency) = (bank(index), currency("EUR"));
        desk.command(OPERATOR, CommandBody::OpenAccount { participant, currency, credit_line: 0 });
    }
    desk.command(
        OPERATOR,
        CommandBody::OpenDay {
            currency: currency("EUR"),
            date: order(1, 0, 1, 1, "EUR").value_date,
            cut_off_at_ms: DAY_MS + 3_600_000,
            closes_at_ms: DAY_MS + 7_200_000,
        },
    );
    desk
}

fn account(desk: &Desk, index: u32) -> AccountId {
    desk.pool.directory().account(bank(index), currency("EUR")).unwrap()
}

/// Makes a lever real.
fn pull(desk: &mut Desk, index: u32, lever: Lever, number: u64) {
    let (participant, eur) = (bank(index), currency("EUR"));
    let (maker, body) = match lever {
        Lever::Fund { minor, .. } => {
            let amount = Amount::new(minor, eur).unwrap();
            let pay_in = u128::from(number).to_be_bytes();
            (AGENT, CommandBody::Fund { participant, amount, pay_in })
        }
        Lever::CreditLine { minor, .. } => {
            let body =
                CommandBody::SetCreditLine { participant, currency: eur, credit_line: minor };
            (OPERATOR, body)
        }
        Lever::Multilateral { limit, .. } => {
            (participant, CommandBody::SetMultilateralLimit { currency: eur, limit })
        }
        Lever::Cap { cap, .. } => {
            (OPERATOR, CommandBody::SetDebitCap { participant, currency: eur, cap })
        }
        Lever::Bilateral { credit, limit, .. } => {
            let counterparty = desk.pool.directory().account_info(credit).unwrap().participant;
            let counterparty = counterparty.unwrap();
            (participant, CommandBody::SetBilateralLimit { counterparty, currency: eur, limit })
        }
    };
    assert_eq!(desk.command(maker, body).reject, None);
}

fn lever() -> impl Strategy<Value = (u32, u32, u8, Option<u64>)> {
    (0..BANKS, 0..BANKS - 1, 0_u8..5, prop::option::of(1_u64..60))
}

/// A bank and what is done about it.
fn lever_of(desk: &Desk, (index, pick, which, value): (u32, u32, u8, Option<u64>)) -> Lever {
    let account_of = |index| account(desk, index);
    let account = account_of(index);
    match which {
        0 => Lever::Fund { account, minor: value.unwrap_or(7) },
        1 => Lever::CreditLine { account, minor: value.unwrap_or(0) },
        2 => Lever::Multilateral { account, limit: value },
        3 => Lever::Cap { account, cap: value },
        _ => {
            let credit = account_of(if pick >= index { pick + 1 } else { pick });
            Lever::Bilateral { debit: account, credit, limit: value }
        }
    }
}

/// Whether nobody has less room by it.
fn raises(lever: Lever) -> bool {
    match lever {
        Lever::Fund { .. } => true,
        Lever::CreditLine { .. } => false,
        Lever::Multilateral { limit, .. } | Lever::Bilateral { limit, .. } => limit.is_none(),
        Lever::Cap { cap, .. } => cap.is_none(),
    }
}

fn places(preview: &Preview) -> Vec<Place> {
    let marked = preview.payments().iter().zip(preview.floor()).filter(|(_, settles)| *settles);
    let mut places: Vec<Place> = marked.map(|(payment, _)| payment.place).collect();
    places.sort_unstable();
    places
}

/// Closes the cycle and says which payments settled since `batch`.
fn settled_since(desk: &mut Desk, batch: usize) -> Vec<Place> {
    desk.cycle();
    desk.time_ms += 1_000;
    desk.tick(0);
    let transfers = desk.sealed[batch..].iter().flat_map(|batch| &batch.transfers);
    let payments = transfers.filter(|transfer| transfer.kind == TransferKind::Payment);
    let mut places: Vec<Place> = payments.map(|transfer| transfer.place).collect();
    places.sort_unstable();
    places
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    /// Whatever is done about it, what the preview says will settle then settles, urgent payments
    /// that do not wait for the cycle among it.
    #[test]
    fn a_preview_settles_what_then_settles(
        payments in prop::collection::vec((0..BANKS, 0..BANKS - 1, 1_u64..40, 0_u8..4), 1..24),
        urgent in any::<bool>(),
        first in prop::collection::vec(lever(), 0..4),
        then in prop::collection::vec(lever(), 0..4),
    ) {
        let mut desk = desk();
        for (number, (index, pick, minor, class)) in (1..).zip(payments) {
            let to = if pick >= index { pick + 1 } else { pick };
            let header = OrderHeader { class, urgent, ..order(number, index, to, minor, "EUR") };
            let outcome = desk.submit(&[header]);
            prop_assert_eq!(outcome.rulings[0].ruling, Ruling::Queued);
        }
        let mut only_raised = true;
        for (number, lever) in (1..).zip(first) {
            let (index, pulled) = (lever.0, lever_of(&desk, lever));
            only_raised &= raises(pulled);
            pull(&mut desk, index, pulled, number);
        }
        let levers: Vec<Lever> = then.iter().map(|lever| lever_of(&desk, *lever)).collect();
        let pairs: Vec<_> = levers
            .iter()
            .filter_map(|lever| match lever {
                Lever::Bilateral { debit, credit, .. } => Some((*debit, *credit)),
                _ => None,
            })
            .collect();
        // Time passes first, so that what settled up to here is in batches of its own.
        desk.time_ms += 1_000;
        desk.tick(0);
        let batch = desk.sealed.len();
        let root = desk.pool.state_root();
        let said = places(&desk.pool.preview(&pairs).with(&levers));
        prop_assert_eq!(desk.pool.state_root(), root, "nothing is changed");
        // Pulled together: what a lever settles at once a later one does not take back. And who is
        // below a limit that was lowered keeps its place in the cycle, but not once it has come up.
        only_raised &= levers.iter().copied().all(raises);
        for (number, (lever, pulled)) in (100..).zip(then.iter().zip(levers)) {
            pull(&mut desk, lever.0, pulled, number);
        }
        let done = settled_since(&mut desk, batch);
        if only_raised || !urgent {
            prop_assert_eq!(done, said);
        }
    }
}

#[test]
fn a_payment_says_for_what_it_waits() {
    let mut desk = desk();
    let outcome = desk.submit(&[
        order(1, 0, 1, 500, "EUR"),
        order(2, 0, 2, 70, "EUR"),
        OrderHeader { not_before_ms: DAY_MS + 60_000, ..order(3, 0, 1, 5, "EUR") },
    ]);
    let place = |number: usize| outcome.rulings[number - 1].place;
    let waits = |number| desk.pool.waiting(place(number)).unwrap();
    assert_eq!(
        waits(2).waits_for,
        WaitsFor::Turn { ahead: 1, ahead_minor: 500, day_open: true, in_cut: false }
    );
    assert_eq!(waits(3).waits_for, WaitsFor::Instant(DAY_MS + 60_000));
    assert_eq!((waits(1).sender, waits(1).minor, waits(1).group_size), (bank(0), 500, 0));
    assert_eq!(desk.pool.waiting_under(uetr(2)), [place(2)]);
    assert!(desk.pool.waiting_under(uetr(9)).is_empty());
    assert!(desk.pool.waiting(Place(1)).is_none());
}

#[test]
fn a_member_of_a_group_names_the_others() {
    let mut desk = desk();
    let legs = [order(1, 0, 1, 500, "EUR"), order(2, 1, 0, 400, "EUR")];
    let group = link_group(&legs.each_ref().map(LinkTerms::from));
    let [one, other] = legs.map(|leg| OrderHeader { link: Some((group, 2)), ..leg });
    let place = desk.submit(&[one]).rulings[0].place;
    let waiting = desk.pool.waiting(place).unwrap();
    assert_eq!((waiting.waits_for, waiting.group_size), (WaitsFor::Group, 2));
    assert_eq!(waiting.members.len(), 1);
    desk.submit(&[other]);
    let waiting = desk.pool.waiting(place).unwrap();
    let stages: Vec<_> = waiting.members.iter().map(|it| (it.sender, it.stage)).collect();
    assert_eq!(stages, [(bank(0), MemberStage::Queued), (bank(1), MemberStage::Queued)]);
    // Bank A lacks 100 of what it must pay beyond what it gets.
    let preview = desk.pool.preview(&[]);
    assert_eq!(places(&preview).len(), 0);
    let account = account(&desk, 0);
    assert_eq!(places(&preview.with(&[Lever::Fund { account, minor: 99 }])).len(), 0);
    assert_eq!(places(&preview.with(&[Lever::Fund { account, minor: 100 }])).len(), 2);
}
