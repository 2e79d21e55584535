use std::collections::BTreeMap;
use std::fmt::Write as _;

use netfile::{Case, Input, Mode, Options, Proposal, net};
use proptest::prelude::*;

fn case(obligations: &str, liquidity: Option<&str>, limits: &str) -> Case {
    let mut input = Input::default();
    let file = format!("debtor,creditor,currency,amount,group\n{obligations}");
    input.obligations("owed.csv", file.as_bytes()).unwrap();
    if let Some(rows) = liquidity {
        let file = format!("participant,currency,available\n{rows}");
        input.liquidity("cash.csv", file.as_bytes()).unwrap();
    }
    let file = format!("participant,counterparty,currency,limit\n{limits}");
    input.limits("limits.csv", file.as_bytes()).unwrap();
    input.finish().unwrap()
}

fn paid(case: &Case, proposal: &Proposal) -> Vec<String> {
    let payment = |payment: &netfile::Payment| {
        format!("{}>{} {}", case.name(payment.from), case.name(payment.to), payment.amount)
    };
    proposal.payments.iter().map(payment).collect()
}

#[test]
fn without_liquidity_everything_settles_and_positions_are_paid() {
    let case = case("A,B,EUR,10.00,\nB,C,EUR,12.00,\nC,A,EUR,9.00,\nC,B,USD,1.00,\n", None, "");
    let proposal = net(&case, &Options::default()).unwrap();
    assert_eq!((proposal.settled.len(), proposal.left.len()), (4, 0));
    // A owes 10 and is owed 9, B 12 and 10, C 9 and 12.
    assert_eq!(paid(&case, &proposal), ["A>C 1.00 EUR", "B>C 2.00 EUR", "C>B 1.00 USD"]);
    let euro = &proposal.currencies[0];
    assert_eq!(
        (euro.gross.to_string(), euro.net.to_string()),
        ("31.00 EUR".into(), "3.00 EUR".into())
    );
    assert_eq!(euro.saved().to_string(), "28.00 EUR");
    assert_eq!(proposal.parts.len(), 2);
    assert!(proposal.parts.iter().all(|part| part.amounts && part.value == part.upper_bound));
}

#[test]
fn with_liquidity_nobody_pays_more_than_there_is() {
    let rows = "A,B,EUR,10.00,\nB,C,EUR,12.00,\nC,A,EUR,9.00,\n";
    let none = net(&case(rows, Some(""), ""), &Options::default()).unwrap();
    assert_eq!((none.settled.len(), none.payments.len()), (0, 0));
    assert_eq!(
        none.parts[0].value, none.parts[0].upper_bound,
        "nothing can settle, and it is known"
    );
    let case = case(rows, Some("A,EUR,1.00\nB,EUR,2.00\n"), "");
    let some = net(&case, &Options::default()).unwrap();
    assert_eq!(paid(&case, &some), ["A>C 1.00 EUR", "B>C 2.00 EUR"]);
    assert_eq!(some.parts[0].value, 3_100);
}

#[test]
fn groups_across_currencies_settle_whole_or_not_at_all() {
    let rows = "A,B,EUR,10.00,swap\nB,A,USD,11.00,swap\nC,A,JPY,5,\n";
    let short = case(rows, Some("A,EUR,10.00\nB,USD,10.99\nC,JPY,5\n"), "");
    let proposal = net(&short, &Options::default()).unwrap();
    assert_eq!((proposal.settled, proposal.left), (vec![2], vec![0, 1]));
    assert_eq!(proposal.parts.len(), 2, "EUR and USD are one part, JPY another");
    assert!(!proposal.parts[0].amounts, "euros and dollars are no amount");
    let enough = case(rows, Some("A,EUR,10.00\nB,USD,11.00\nC,JPY,5\n"), "");
    assert_eq!(net(&enough, &Options::default()).unwrap().left, [0; 0]);
}

#[test]
fn limits_hold_with_and_without_liquidity() {
    let rows = "A,B,EUR,10.00,\nB,A,EUR,4.00,\nA,C,EUR,1.00,\n";
    for liquidity in [None, Some("A,EUR,100.00\nB,EUR,4.00\n")] {
        let case = case(rows, liquidity, "A,B,EUR,5.00\n");
        let proposal = net(&case, &Options::default()).unwrap();
        assert_eq!(proposal.left, [0], "10 - 4 is above the limit of 5");
    }
}

fn modes() -> impl Strategy<Value = Mode> {
    prop_oneof![Just(Mode::Fifo), Just(Mode::Floor), Just(Mode::Free)]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_proposal_holds_whatever_the_case(
        owed in prop::collection::vec((0_u32..6, 1_u32..6, 0_usize..2, 1_u64..2_000, 0_u32..8), 1..40),
        held in prop::option::of(prop::collection::vec((0_u32..6, 0_usize..2, 0_u64..1_000), 0..8)),
        mode in modes(),
    ) {
        let codes = ["EUR", "KWD"];
        let mut rows = String::new();
        for (from, to, code, minor, group) in &owed {
            let group = if *group < 3 { format!("g{group}") } else { String::new() };
            let (to, code) = ((from + to) % 6, codes[*code]);
            let _ = writeln!(rows, "P{from},P{to},{code},{}.{:02},{group}", minor / 100, minor % 100);
        }
        let held = held.map(|held| {
            let held: BTreeMap<_, _> = held.into_iter().map(|(who, code, minor)| ((who, code), minor)).collect();
            let row = |((who, code), minor): (&(u32, usize), &u64)| {
                format!("P{who},{},{}.{:02}\n", codes[*code], minor / 100, minor % 100)
            };
            held.iter().map(row).collect::<String>()
        });
        let case = case(&rows, held.as_deref(), "");
        let options = Options { mode, steps: Some(50), ..Options::default() };
        let proposal = net(&case, &options).unwrap();
        prop_assert_eq!(&proposal, &net(&case, &options).unwrap());

        // What is paid is what the positions say, and within what there is.
        let mut nets = BTreeMap::new();
        for payment in &proposal.payments {
            let code = payment.amount.currency();
            *nets.entry((code, payment.from)).or_insert(0) -= i128::from(payment.amount.minor());
            *nets.entry((code, payment.to)).or_insert(0) += i128::from(payment.amount.minor());
        }
        for position in &proposal.positions {
            let key = (position.owes.currency(), position.participant);
            prop_assert_eq!(nets.remove(&key).unwrap_or(0), position.net());
            if let Some(available) = position.available {
                prop_assert!(-position.net() <= i128::from(available.minor()));
            }
        }
        prop_assert!(nets.is_empty());
        for part in &proposal.parts {
            prop_assert!(part.fifo_value <= part.value && part.value <= part.upper_bound);
        }
        // Groups are whole.
        for row in &proposal.left {
            let group = case.obligations[*row].group;
            let torn = proposal.settled.iter().any(|row| case.obligations[*row].group == group);
            prop_assert!(group.is_none() || !torn);
        }
        if case.liquidity.is_none() {
            prop_assert!(proposal.left.is_empty());
        }
    }
}
