//! A reader that cannot open what it was promised says so; the sender answers, or is suspended by
//! two people.

use channel::{
    CommandBody, DisclosureFault, Encapsulated, KeyId, OpeningRecord, OrderRef, Rewrap, SlotRole,
    Status, View, ViewMask, wrap_len,
};
use proto::v1;
use proto::v1::RejectReason;
use tonic::Code;

use crate::access::reason;
use crate::directory::field;
use crate::node::Node;
use crate::people::{POOL, Person, START_MS};
use crate::readers::order_ref;
use crate::sealed::{identity, kem_key, sealed_order, signed};

const REWRAP_WITHIN_MS: u32 = 60_000;

/// A node with one payment of Alice's to Bob that can be read, and its name.
async fn start() -> (Node, OrderRef) {
    let limits = gateway::Limits::default();
    let node = Node::start_ruled(limits, |rules| rules.rewrap_within_ms = REWRAP_WITHIN_MS).await;
    node.seal(false, false).await;
    let order = pay(&node, 1).await;
    (node, order)
}

async fn pay(node: &Node, number: u64) -> OrderRef {
    let order = sealed_order(node, (&node.alice, &node.bob), 1, (5_00, number));
    let request = node.alice.single(order.clone());
    node.payments(&node.alice).await.submit_payment(request).await.unwrap();
    node.settle().await;
    order_ref(&order)
}

fn fault(reporter: &Person, order: OrderRef, role: SlotRole, key: KeyId) -> v1::Statement {
    let (pool, found_at_ms) = (POOL, START_MS);
    let fault = DisclosureFault { pool, reporter: reporter.id, order, role, key, found_at_ms };
    signed(fault, &reporter.signer)
}

/// What the regulator says of an order that it cannot open.
fn alleged(node: &Node, order: OrderRef) -> v1::Statement {
    let key = kem_key(&node.regulator, 1).id();
    fault(&node.regulator, order, SlotRole::SenderRegulator, key)
}

fn rewrap(node: &Node, order: OrderRef) -> v1::Statement {
    let views = ViewMask::of(&[View::Parties]);
    let rewrap = Rewrap {
        pool: POOL,
        order,
        role: SlotRole::SenderRegulator,
        reader: node.regulator.id,
        key: kem_key(&node.regulator, 1).id(),
        encapsulated: Encapsulated::X25519([4; 32]),
        views,
        wrap: vec![0; wrap_len(views)],
        made_at_ms: START_MS,
    };
    signed(rewrap, &node.alice.signer)
}

async fn faults(node: &Node, person: &Person) -> Vec<v1::OpenFault> {
    let request = v1::ListFaultsRequest::default();
    node.directory(person).await.list_faults(request).await.unwrap().into_inner().faults
}

/// How many statements of a kind somebody sees.
async fn stated(node: &Node, person: &Person, kind: v1::StatementKind) -> usize {
    let request = v1::ListStatementsRequest { kind: kind.into(), ..Default::default() };
    let answer = node.directory(person).await.list_statements(request).await.unwrap();
    answer.into_inner().statements.len()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fault_is_seen_by_those_it_concerns_until_the_sender_wraps_anew() {
    let (node, order) = start().await;
    let Node { alice, bob, regulator, foreign, screener, operator, .. } = &node;
    node.state(vec![alleged(&node, order)]).await;
    for person in [alice, regulator, operator] {
        let open = faults(&node, person).await;
        assert_eq!(open.len(), 1, "{}", person.name);
        assert_eq!((open[0].reporter.as_str(), open[0].overdue), (regulator.name, false));
    }
    for person in [bob, foreign, screener] {
        assert!(faults(&node, person).await.is_empty(), "{}", person.name);
    }
    // Stated once, it is open once.
    let again = node.publish(regulator, vec![alleged(&node, order)]).await.unwrap();
    assert!(again.answers[0].replayed);
    node.state(vec![rewrap(&node, order)]).await;
    assert!(faults(&node, operator).await.is_empty());
    node.settle().await;
    // The wrap is there for its reader, and is nobody else's.
    for (person, count) in [(alice, 1), (regulator, 1), (operator, 1), (bob, 0), (screener, 0)] {
        assert_eq!(stated(&node, person, v1::StatementKind::Rewrap).await, count);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fault_is_about_a_slot_that_its_reporter_has_in_that_order() {
    let (node, order) = start().await;
    let Node { alice, bob, carol, regulator, foreign, screener, .. } = &node;
    let key = |person| kem_key(person, 1).id();
    let end = node.end();
    let wrong = [
        // Another capacity, another key of its own, somebody else's key.
        (regulator, SlotRole::ReceiverRegulator, key(regulator)),
        (regulator, SlotRole::SenderRegulator, kem_key(regulator, 2).id()),
        (foreign, SlotRole::SenderRegulator, key(regulator)),
        (carol, SlotRole::Receiver, key(carol)),
        (carol, SlotRole::Receiver, key(bob)),
        (alice, SlotRole::Receiver, key(bob)),
    ];
    for (reporter, role, key) in wrong {
        let said = vec![alleged(&node, order), fault(reporter, order, role, key)];
        let status = node.publish(reporter, said).await.unwrap_err();
        assert_eq!(
            (status.code(), reason(&status)),
            (Code::InvalidArgument, "SLOT_NOT_THERE".into())
        );
    }
    let other = OrderRef { digest: [9; 32], ..order };
    let status = node.publish(regulator, vec![alleged(&node, other)]).await.unwrap_err();
    assert_eq!(reason(&status), "ORDER_UNKNOWN");
    assert_eq!(node.end(), end, "nothing of it was logged");
    let own = [(bob, SlotRole::Receiver), (screener, SlotRole::Screener)];
    for (reporter, role) in own {
        node.state(vec![fault(reporter, order, role, key(reporter))]).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_people_suspend_whoever_leaves_a_fault_unanswered() {
    let (node, order) = start().await;
    // A root vouches for both of those who will suspend it.
    node.state(vec![identity(&node.deputy, 1), alleged(&node, order)]).await;
    while !faults(&node, &node.operator).await[0].overdue {
        node.settle().await;
    }
    let suspend = CommandBody::SetStatus { participant: node.alice.id, status: Status::Suspended };
    let execute = async |request: v1::ExecuteCommandRequest| {
        let mut operators = node.operators(&node.operator).await;
        operators.execute_command(request).await.unwrap().into_inner().reason()
    };
    let alone = node.operator.command(100, suspend.clone());
    assert_eq!(execute(alone).await, RejectReason::CheckerRequired);
    let mut both = node.operator.command(101, suspend);
    node.deputy.check(&mut both);
    assert_eq!(execute(both).await, RejectReason::Unspecified);
    let order_two = sealed_order(&node, (&node.alice, &node.bob), 1, (1_00, 2));
    let request = node.alice.single(order_two);
    let answer = node.payments(&node.alice).await.submit_payment(request).await.unwrap();
    let decision = answer.into_inner().decisions.unwrap().decisions.remove(0);
    assert_eq!(decision.reason(), RejectReason::SenderSuspended);
    // It can still answer.
    node.state(vec![rewrap(&node, order)]).await;
    assert!(faults(&node, &node.operator).await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_opening_is_on_record_for_its_reader_and_those_who_oversee_it() {
    let (node, order) = start().await;
    let opening = |reader: &Person, order| OpeningRecord {
        pool: POOL,
        reader: reader.id,
        order,
        views: ViewMask::of(&[View::Parties]),
        person: "J. Doe".to_owned(),
        reason: "case 12".to_owned(),
        opened_at_ms: START_MS,
    };
    let said = opening(&node.regulator, order);
    let forged = signed(said.clone(), &node.foreign.signer);
    let answer = node.publish(&node.regulator, vec![forged]).await.unwrap();
    assert_eq!(answer.answers[0].reason(), RejectReason::SignerNotAuthorised);
    let unknown = opening(&node.regulator, OrderRef { digest: [9; 32], ..order });
    let stranger = opening(&node.foreign, order);
    let end = node.end();
    let wrong = [
        (&node.regulator, unknown, "ORDER_UNKNOWN", "order"),
        (&node.foreign, stranger, "SLOT_NOT_THERE", "reader"),
    ];
    for (person, record, expected, at) in wrong {
        let good = signed(said.clone(), &node.regulator.signer);
        let statements = vec![good, signed(record, &person.signer)];
        let status = node.publish(person, statements).await.unwrap_err();
        assert_eq!((status.code(), reason(&status)), (Code::InvalidArgument, expected.into()));
        assert_eq!(field(&status), format!("statements[1].signed.{at}"));
    }
    assert_eq!(node.end(), end, "nothing of it was logged");
    node.state(vec![signed(said, &node.regulator.signer)]).await;
    node.settle().await;
    let Node { alice, bob, regulator, foreign, operator, .. } = &node;
    for (person, count) in [(regulator, 1), (operator, 1), (alice, 0), (bob, 0), (foreign, 0)] {
        let seen = stated(&node, person, v1::StatementKind::Opening).await;
        assert_eq!(seen, count, "{}", person.name);
    }
}
