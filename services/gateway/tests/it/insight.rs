//! Why payments wait: said beforehand, then done; and to nobody more than is its business.

use channel::{CommandBody, LinkTerms, NettingMode, OrderHeader, link_group};
use gateway::Limits;
use ledger::Amount;
use proto::v1;
use proto::v1::insight_service_client::InsightServiceClient;
use tonic::transport::Channel;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use crate::access::reason;
use crate::node::Node;
use crate::people::{Person, currency, order, uetr};

async fn insights(node: &Node, person: &Person) -> InsightServiceClient<Channel> {
    InsightServiceClient::new(node.channel(person).await)
}

pub(crate) async fn why(
    node: &Node,
    person: &Person,
    number: u64,
) -> Result<v1::Explanation, Status> {
    let request = v1::ExplainPaymentRequest { uetr: uetr(number).to_string() };
    let answer = insights(node, person).await.explain_payment(request).await?.into_inner();
    assert_eq!(answer.explanations.len(), 1);
    Ok(answer.explanations.into_iter().next().unwrap())
}

pub(crate) async fn what_if(
    node: &Node,
    person: &Person,
    levers: Vec<v1::Lever>,
) -> Result<v1::SimulateChangesResponse, Status> {
    let request = v1::SimulateChangesRequest { levers };
    Ok(insights(node, person).await.simulate_changes(request).await?.into_inner())
}

pub(crate) async fn unlocks(node: &Node, person: &Person) -> v1::ListUnlocksResponse {
    let request = v1::ListUnlocksRequest::default();
    insights(node, person).await.list_unlocks(request).await.unwrap().into_inner()
}

pub(crate) fn fund(name: &str, minor_units: u64) -> v1::Lever {
    v1::Lever {
        kind: v1::LeverKind::Fund.into(),
        participant: name.to_owned(),
        currency_code: "EUR".to_owned(),
        minor_units,
        ..v1::Lever::default()
    }
}

async fn pay(node: &Node, from: &Person, to: &Person, minor: u64, number: u64) {
    let order = from.order(to, minor, number);
    node.payments(from).await.submit_payment(from.single(order)).await.unwrap();
}

/// Carol, who has no money, owes Bob twice, and what she owes Alice comes first.
async fn stuck() -> Node {
    let node = Node::start().await;
    owe(&node).await;
    node
}

async fn owe(node: &Node) {
    pay(node, &node.carol, &node.alice, 30_000, 1).await;
    pay(node, &node.carol, &node.bob, 5000, 2).await;
    pay(node, &node.carol, &node.bob, 6000, 3).await;
}

pub(crate) fn freed(answer: &v1::SimulateChangesResponse) -> Vec<String> {
    answer.freed_payments.iter().map(|payment| payment.uetr.clone()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_said_beforehand_is_what_then_happens() {
    let node = stuck().await;
    let answer = what_if(&node, &node.operator, vec![fund("CAROFR2L", 40_000)]).await.unwrap();
    assert_eq!(freed(&answer), [uetr(1).to_string(), uetr(2).to_string()]);
    assert_eq!((answer.freed[0].payments, answer.freed[0].minor_units.as_str()), (2, "35000"));
    assert_eq!((answer.stuck[0].payments, answer.held.len()), (1, 0));
    // Nothing was changed by asking.
    assert_eq!(node.balance(&node.carol).await, "0");
    node.settle().await;
    assert!(why(&node, &node.carol, 1).await.is_ok());
    // Done: the same payments settle, and no other.
    let amount = Amount::new(40_000, currency("EUR")).unwrap();
    let body = CommandBody::Fund { participant: node.carol.id, amount, pay_in: [9; 16] };
    node.give(&node.agent, 50, body).await;
    node.settle().await;
    assert_eq!(settled(&node).await, [1, 2]);
}

/// Which of Carol's three payments have settled; the others say why they wait.
async fn settled(node: &Node) -> Vec<u64> {
    let mut found = Vec::new();
    for number in 1..=3 {
        let request =
            v1::GetPaymentRequest { uetr: uetr(number).to_string(), at_least_position: 0 };
        let answer = node.payments(&node.carol).await.get_payment(request).await.unwrap();
        let state = answer.into_inner().payments[0].state;
        let settled = state == v1::PaymentState::Settled as i32;
        assert_eq!(why(node, &node.operator, number).await.is_err(), settled, "{number}");
        found.extend(settled.then_some(number));
    }
    found
}

/// The same where a solver proposes what settles beyond the FIFO maximum.
async fn stuck_before_a_solver() -> Node {
    let node = Node::start_ruled(Limits::default(), |rules| {
        rules.netting = NettingMode::FifoFloor;
        rules.proposal_timeout_ms = 60_000;
    })
    .await;
    owe(&node).await;
    node
}

/// Pays money in for Carol, and lets a cycle settle what the solver proposes.
async fn fund_and_propose(node: &Node, minor: u64) {
    let amount = Amount::new(minor, currency("EUR")).unwrap();
    let body = CommandBody::Fund { participant: node.carol.id, amount, pay_in: [9; 16] };
    node.give(&node.agent, 50, body).await;
    let end = node.end().0;
    node.settle().await;
    // The tick that cuts, then the proposal.
    while node.end().0 < end + 2 {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    node.readable(end + 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_solver_would_settle_is_what_it_then_settles() {
    let node = stuck_before_a_solver().await;
    // Too little for the first in the queue: the solver takes the larger of the others.
    let answer = what_if(&node, &node.operator, vec![fund("CAROFR2L", 10_000)]).await.unwrap();
    assert_eq!(freed(&answer), [uetr(3).to_string()]);
    let unlock = unlocks(&node, &node.operator).await;
    assert!(unlock.unlocks.iter().any(|one| one.levers == [fund("CAROFR2L", 11_000)]));
    fund_and_propose(&node, 10_000).await;
    assert_eq!(settled(&node).await, [3]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_said_to_free_a_payment_does_where_a_solver_proposes() {
    let node = stuck_before_a_solver().await;
    // The solver passes over what stands before it, so it lacks its own amount only.
    let found = why(&node, &node.carol, 3).await.unwrap();
    let [obstacle] = found.obstacles.as_slice() else { panic!("{found:?}") };
    assert_eq!((obstacle.missing.as_str(), obstacle.available.as_str()), ("6000", "0"));
    assert_eq!(found.remedy, [fund("CAROFR2L", 6000)]);
    let less = what_if(&node, &node.operator, vec![fund("CAROFR2L", 5999)]).await.unwrap();
    assert_eq!(freed(&less), [uetr(2).to_string()]);
    fund_and_propose(&node, 6000).await;
    assert_eq!(settled(&node).await, [3]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_sees_whose_money_is_missing_and_what_frees_it() {
    let node = stuck().await;
    pay(&node, &node.alice, &node.carol, 200_000_000, 4).await;
    let found = why(&node, &node.operator, 3).await.unwrap();
    assert_eq!(found.waits_for(), v1::WaitsFor::Turn);
    assert_eq!((found.ahead, found.ahead_minor_units.as_str()), (2, "35000"));
    let [obstacle] = found.obstacles.as_slice() else { panic!("{found:?}") };
    assert_eq!((obstacle.bound(), obstacle.participant.as_str()), (v1::Bound::Money, "CAROFR2L"));
    assert_eq!((obstacle.missing.as_str(), obstacle.available.as_str()), ("41000", "0"));
    assert_eq!(found.remedy, [fund("CAROFR2L", 41_000)]);
    let less = what_if(&node, &node.operator, vec![fund("CAROFR2L", 40_999)]).await.unwrap();
    assert!(!freed(&less).contains(&uetr(3).to_string()));
    assert_eq!(found.inflows[0].participant, "ALICGB2L");
    assert!(!found.counterparty_waits && !found.settles_next);
    let answer = unlocks(&node, &node.operator).await;
    assert!(answer.complete);
    assert_eq!(answer.stuck[0].payments, 4);
    // All of Carol's payments for what she lacks; and Alice's, which then pays Carol too.
    assert!(answer.unlocks.iter().any(|one| one.levers == [fund("CAROFR2L", 41_000)]));
    let everything = answer.everything.unwrap();
    assert_eq!(everything.freed[0].payments, 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bank_is_told_of_its_own_side_only() {
    let node = stuck().await;
    // Alice and Carol pay each other at once: what is missing is Carol's.
    let legs =
        [node.alice.header(&node.carol, 700, 10), node.carol.header(&node.alice, 98_765, 11)];
    let group = link_group(&legs.each_ref().map(LinkTerms::from));
    for (leg, person) in legs.into_iter().zip([&node.alice, &node.carol]) {
        let number = u64::from(person.id.0 != node.alice.id.0) + 10;
        let header = OrderHeader { link: Some((group, 2)), ..leg };
        let order = order(&header, &number.to_be_bytes());
        node.payments(person).await.submit_payment(person.single(order)).await.unwrap();
    }
    let told = why(&node, &node.alice, 10).await.unwrap();
    assert!(told.counterparty_waits && told.obstacles.is_empty() && told.remedy.is_empty());
    assert!(told.inflows.is_empty());
    assert_eq!(told.legs.len(), 1, "her own");
    assert_eq!(why(&node, &node.operator, 10).await.unwrap().legs.len(), 2);
    // Another's payment is not there, to its receiver either.
    for person in [&node.alice, &node.bob] {
        let hidden = why(&node, person, 2).await.unwrap_err();
        let absent = why(&node, person, 99).await.unwrap_err();
        assert_eq!(hidden.code(), Code::NotFound);
        assert_eq!((hidden.message(), hidden.details()), (absent.message(), absent.details()));
    }
    // Nor can she try what is not hers, or see what it would free.
    let mut refused = Vec::new();
    for name in ["CAROFR2L", "NOBOGB2L"] {
        refused.push(what_if(&node, &node.alice, vec![fund(name, 1)]).await.unwrap_err());
    }
    assert_eq!(refused[0].details(), refused[1].details());
    assert_eq!(
        (refused[0].code(), reason(&refused[0]).as_str()),
        (Code::InvalidArgument, "LEVER_INVALID")
    );
    let own = what_if(&node, &node.alice, vec![fund("", 100_000)]).await.unwrap();
    assert_eq!((own.stuck[0].payments, own.freed.len()), (1, 0), "Carol's are not counted");
    let answer = unlocks(&node, &node.alice).await;
    assert!(answer.unlocks.is_empty() && answer.everything.is_none());
    let answer = unlocks(&node, &node.carol).await;
    let levers = answer.unlocks.iter().flat_map(|one| &one.levers);
    assert!(levers.clone().count() > 0);
    assert!(levers.into_iter().all(|lever| lever.participant == "CAROFR2L"));
    // What Carol frees beside her own is not hers to know.
    assert_eq!(answer.unlocks.last().unwrap().freed.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn limits_that_bind_are_named() {
    let node = Node::start().await;
    let limit = CommandBody::SetBilateralLimit {
        counterparty: node.bob.id,
        currency: currency("EUR"),
        limit: Some(1000),
    };
    node.give(&node.alice, 70, limit).await;
    pay(&node, &node.alice, &node.bob, 2500, 1).await;
    let found = why(&node, &node.alice, 1).await.unwrap();
    let [obstacle] = found.obstacles.as_slice() else { panic!("{found:?}") };
    assert_eq!(obstacle.bound(), v1::Bound::BilateralLimit);
    assert_eq!((obstacle.missing.as_str(), obstacle.available.as_str()), ("1500", "1000"));
    let [lever] = found.remedy.as_slice() else { panic!("{found:?}") };
    assert_eq!((lever.kind(), lever.minor_units), (v1::LeverKind::BilateralLimit, 2500));
    let answer = what_if(&node, &node.alice, vec![lever.clone()]).await.unwrap();
    assert_eq!(freed(&answer), [uetr(1).to_string()]);
    let lifted = v1::Lever { minor_units: 0, lifted: true, ..lever.clone() };
    assert_eq!(freed(&what_if(&node, &node.alice, vec![lifted]).await.unwrap()).len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_makes_no_sense_is_refused_by_its_field() {
    let node = Node::start().await;
    let cases = [
        (v1::Lever { kind: 0, ..fund("CAROFR2L", 1) }, "levers[0].kind"),
        (
            v1::Lever { currency_code: "EURO".to_owned(), ..fund("CAROFR2L", 1) },
            "levers[0].currency_code",
        ),
        (
            v1::Lever { currency_code: "USD".to_owned(), ..fund("CAROFR2L", 1) },
            "levers[0].currency_code",
        ),
        (fund("CAROFR2L", u64::MAX), "levers[0].minor_units"),
        (fund("olga", 1), "levers[0].participant"),
        (
            v1::Lever {
                kind: v1::LeverKind::BilateralLimit.into(),
                counterparty: "CAROFR2L".to_owned(),
                ..fund("CAROFR2L", 1)
            },
            "levers[0].counterparty",
        ),
    ];
    for (lever, field) in cases {
        let status = what_if(&node, &node.operator, vec![lever]).await.unwrap_err();
        assert_eq!(status.code(), Code::InvalidArgument, "{field}");
        let details = status.get_error_details();
        assert_eq!(details.bad_request().unwrap().field_violations[0].field, field);
    }
    let many = vec![fund("CAROFR2L", 1); 65];
    let status = what_if(&node, &node.operator, many).await.unwrap_err();
    assert_eq!(reason(&status), "TOO_MANY_LEVERS");
}

#[tokio::test(flavor = "multi_thread")]
async fn few_questions_are_thought_about_at_once() {
    let node = Node::start_with(Limits { analyses_max: 0, ..Limits::default() }).await;
    let status = what_if(&node, &node.operator, Vec::new()).await.unwrap_err();
    assert_eq!(
        (status.code(), reason(&status).as_str()),
        (Code::ResourceExhausted, "INSIGHT_BUSY")
    );
    assert!(status.get_error_details().retry_info().is_some());
}
