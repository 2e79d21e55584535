//! Why a match does not settle: to each side its own.

use channel::CommandBody;
use ledger::Amount;
use proto::v1;
use proto::v1::PaymentState;
use tonic::Code;

use crate::access::reason;
use crate::fx::{bid, converting, get, market, quote, submit};
use crate::insight::{freed, fund, unlocks, what_if, why};
use crate::node::Node;
use crate::people::{currency, uetr};

/// 10,000.00 EUR of Alice are matched with two quotes of the provider, which has only 10,000.00 of
/// the 10,825.00 USD that Bob is to get.
async fn unfunded() -> Node {
    let node = market().await;
    quote(&node, 1, vec![bid(600_000, "1.0825"), bid(600_000, "1.0825")]).await;
    submit(&node, &node.alice, converting(&node, 1_000_000, "1.08", 1)).await;
    node.settle().await;
    assert_eq!(get(&node, &node.alice, 1).await.unwrap().state(), PaymentState::Matched);
    node
}

fn dollars(name: &str, minor_units: u64) -> v1::Lever {
    v1::Lever { currency_code: "USD".to_owned(), ..fund(name, minor_units) }
}

/// Count and sum of each currency.
fn totals(found: &[v1::PaymentTotal]) -> Vec<(&str, u64, &str)> {
    found
        .iter()
        .map(|it| (it.currency_code.as_str(), it.payments, it.minor_units.as_str()))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_match_says_whose_money_its_legs_lack() {
    let node = Box::pin(unfunded()).await;
    let found = why(&node, &node.operator, 1).await.unwrap();
    assert_eq!((found.waits_for(), found.group_size, found.legs.len()), (v1::WaitsFor::Legs, 4, 4));
    let [obstacle] = found.obstacles.as_slice() else { panic!("{found:?}") };
    assert_eq!((obstacle.bound(), obstacle.participant.as_str()), (v1::Bound::Money, "maker"));
    assert_eq!((obstacle.missing.as_str(), obstacle.available.as_str()), ("82500", "1000000"));
    assert_eq!(found.remedy, [dollars("maker", 82_500)]);
    // Its sender is told of the legs that it pays, and that somebody else's part is missing.
    let told = why(&node, &node.alice, 1).await.unwrap();
    let paid: Vec<_> = told.legs.iter().filter_map(|leg| leg.terms.as_ref()).collect();
    assert_eq!(paid.len(), 2);
    assert!(paid.iter().all(|terms| terms.sender == "ALICGB2L"));
    assert!(told.counterparty_waits && told.obstacles.is_empty() && told.remedy.is_empty());
    // Done, it settles; a cent less, and it does not.
    let less = what_if(&node, &node.operator, vec![dollars("maker", 82_499)]).await.unwrap();
    assert!(less.freed.is_empty());
    let amount = Amount::new(82_500, currency("USD")).unwrap();
    let pay_in = CommandBody::Fund { participant: node.provider.id, amount, pay_in: [9; 16] };
    node.give(&node.agent, 300, pay_in).await;
    node.settle().await;
    assert_eq!(get(&node, &node.alice, 1).await.unwrap().state(), PaymentState::Settled);
}

#[tokio::test(flavor = "multi_thread")]
async fn legs_are_told_as_what_their_order_pays() {
    let node = Box::pin(unfunded()).await;
    let answer = what_if(&node, &node.operator, vec![dollars("maker", 82_500)]).await.unwrap();
    assert_eq!(totals(&answer.freed), [("EUR", 1, "1000000"), ("USD", 1, "1082500")]);
    assert_eq!(freed(&answer), [uetr(1).to_string(), uetr(1).to_string()]);
    let pays: Vec<_> = answer
        .freed_payments
        .iter()
        .map(|it| (it.sender.as_str(), it.receiver.as_str(), it.amount.clone().unwrap()))
        .map(|(sender, receiver, amount)| (sender, receiver, amount.minor_units))
        .collect();
    assert_eq!(pays, [("ALICGB2L", "maker", 1_000_000), ("maker", "BOBBGB2L", 1_082_500)]);
    let own = what_if(&node, &node.alice, Vec::new()).await.unwrap();
    assert_eq!(totals(&own.stuck), [("EUR", 1, "1000000")]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_is_told_of_its_own_side_only() {
    let node = Box::pin(unfunded()).await;
    let found = unlocks(&node, &node.provider).await;
    assert_eq!(found.unlocks[0].levers, [dollars("maker", 82_500)]);
    assert_eq!(totals(&found.unlocks[0].freed), [("USD", 1, "1082500")]);
    assert_eq!(totals(&found.stuck), [("USD", 1, "1082500")]);
    assert!(found.everything.is_none());
    // What is suggested can be tried: by it, and by an operator.
    let own = what_if(&node, &node.provider, found.unlocks[0].levers.clone()).await.unwrap();
    assert_eq!(totals(&own.freed), [("USD", 1, "1082500")]);
    assert!(own.freed_payments.iter().all(|it| it.sender == "maker"));
    // The order is not its own, nor is anybody else's money.
    assert_eq!(why(&node, &node.provider, 1).await.unwrap_err().code(), Code::NotFound);
    let refused = what_if(&node, &node.provider, vec![fund("ALICGB2L", 1)]).await.unwrap_err();
    assert_eq!(reason(&refused), "LEVER_INVALID");
    let hidden = what_if(&node, &node.alice, vec![dollars("maker", 1)]).await.unwrap_err();
    let absent = what_if(&node, &node.alice, vec![dollars("nobody", 1)]).await.unwrap_err();
    assert_eq!((hidden.message(), hidden.details()), (absent.message(), absent.details()));
}
