//! What must not get in: each a clear error that names the field, and nothing in the log.

use channel::{CommandBody, OrderHeader, ParticipantId, Uetr};
use proto::v1;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use crate::access::reason;
use crate::node::Node;
use crate::people::{Person, order};

/// A header's bytes with one change.
fn header(node: &Node, change: impl FnOnce(&mut [u8; 192])) -> Vec<u8> {
    let mut bytes = node.alice.header(&node.bob, 1, 1).encode();
    change(&mut bytes);
    bytes.to_vec()
}

fn with_header(header: Vec<u8>) -> v1::Order {
    v1::Order { header: header.into(), payload: vec![0; 8].into() }
}

fn decoded(node: &Node, change: impl FnOnce(&mut OrderHeader)) -> v1::Order {
    let mut header = node.alice.header(&node.bob, 1, 1);
    change(&mut header);
    order(&header, &[0; 8])
}

/// Orders that are wrong by themselves: the field at fault and the order.
fn bad_orders(node: &Node) -> Vec<(&'static str, v1::Order)> {
    let raw = |change: fn(&mut [u8; 192])| with_header(header(node, change));
    let mut short = header(node, |_| {});
    short.pop();
    let mut long = header(node, |_| {});
    long.push(0);
    let lie = v1::Order { payload: vec![0; 9].into(), ..decoded(node, |_| {}) };
    vec![
        ("header", with_header(Vec::new())),
        ("header", with_header(short)),
        ("header", with_header(long)),
        ("header.version", raw(|bytes| bytes[0] = 2)),
        ("header.flags", raw(|bytes| bytes[1] = 2)),
        ("header.suite", raw(|bytes| bytes[3] = 3)),
        ("header.size_bucket", raw(|bytes| bytes[3] = 1)),
        ("header.pool", decoded(node, |header| header.pool = 2)),
        ("header.sender", decoded(node, |header| header.sender = node.carol.id)),
        ("header.receiver", decoded(node, |header| header.receiver = ParticipantId(0))),
        ("header.receiver", decoded(node, |header| header.receiver = node.alice.id)),
        ("header.uetr", decoded(node, |header| header.uetr = Uetr([1; 16]))),
        ("header.message_kind", raw(|bytes| bytes[33] = 9)),
        ("header.class", raw(|bytes| bytes[34] = 4)),
        ("header.link_members", raw(|bytes| bytes[35] = 2)),
        ("header.currency", raw(|bytes| bytes[36..39].copy_from_slice(b"XAU"))),
        ("header.currency", raw(|bytes| bytes[36..39].copy_from_slice(b"eur"))),
        ("header.amount", raw(|bytes| bytes[40..48].fill(0))),
        ("header.amount", raw(|bytes| bytes[40..48].fill(0xff))),
        ("header.value_date", raw(|bytes| bytes[48..52].fill(0))),
        ("header.not_after", raw(|bytes| bytes[79] = 1)),
        ("header.reserved", raw(|bytes| bytes[191] = 1)),
        ("header.payload_length", lie),
        ("header.payload_length", raw(|bytes| bytes[164] = 0xff)),
    ]
}

fn violation(status: &Status) -> String {
    let details = status.get_error_details();
    let violations = details.bad_request().map(|request| request.field_violations.clone());
    violations.unwrap_or_default().first().map_or_else(String::new, |first| first.field.clone())
}

/// The answer to one batch on a stream of its own.
async fn submit(
    node: &Node,
    person: &Person,
    batch: v1::SubmitBatchesRequest,
) -> Result<v1::SubmitBatchesResponse, Status> {
    let mut client = node.payments(person).await;
    let mut answers = client.submit_batches(tokio_stream::iter([batch])).await?.into_inner();
    answers.message().await.map(Option::unwrap)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_order_names_its_field_and_nothing_of_its_batch_is_logged() {
    let node = Node::start().await;
    let before = node.end();
    let mut client = node.payments(&node.alice).await;
    for (field, bad) in bad_orders(&node) {
        let status = client.submit_payment(node.alice.single(bad.clone())).await.unwrap_err();
        assert_eq!(status.code(), Code::InvalidArgument, "{field}");
        assert_eq!(violation(&status), format!("order.{field}"));

        let good = |number| node.alice.order(&node.bob, 1, number);
        let batch = node.alice.batch(7, vec![good(10), good(11), good(12), bad]);
        let answer = submit(&node, &node.alice, batch).await.unwrap();
        let error = answer.error.unwrap();
        assert_eq!((answer.batch_id, error.code), (7, Code::InvalidArgument as i32));
        assert_eq!(error.field, format!("orders[3].{field}"));
        assert!(answer.receipt.is_none() && answer.decisions.is_none());
    }
    assert_eq!(node.end(), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_batch_is_refused_as_a_whole() {
    let node = Node::start().await;
    let before = node.end();
    let good = |number| node.alice.order(&node.bob, 1, number);
    let signed = |orders| node.alice.batch(1, orders);
    let mut reordered = signed(vec![good(1), good(2)]);
    reordered.orders.swap(0, 1);
    let mut dropped = signed(vec![good(1), good(2)]);
    dropped.orders.pop();
    let mut payload = signed(vec![good(1)]);
    payload.orders[0].payload = vec![1; 8].into();
    let mut short = signed(vec![good(1)]);
    short.signature = short.signature.slice(..63);
    let mut forged = signed(vec![good(1)]);
    forged.signature = vec![0; 64].into();
    let mut of_bob = signed(vec![good(1)]);
    of_bob.signature = node.bob.sign_orders(&of_bob.orders);
    let cases = [
        ("signature", "SIGNATURE_INVALID", reordered),
        ("signature", "SIGNATURE_INVALID", dropped),
        ("signature", "SIGNATURE_INVALID", payload),
        ("signature", "SIGNATURE_INVALID", short),
        ("signature", "SIGNATURE_INVALID", forged),
        ("signature", "SIGNATURE_INVALID", of_bob),
        ("orders", "ORDER_COUNT", signed(Vec::new())),
        ("orders", "ORDER_COUNT", signed((0..1_025).map(good).collect())),
    ];
    for (field, reason, batch) in cases {
        let error = submit(&node, &node.alice, batch).await.unwrap().error.unwrap();
        assert_eq!((error.field.as_str(), error.reason.as_str()), (field, reason));
        assert_eq!(error.retry_after_ms, 0);
    }
    assert_eq!(node.end(), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn too_many_bytes_are_refused() {
    let node = Node::start().await;
    let before = node.end();
    let large = |number: u64, length: u32| {
        let mut header = node.alice.header(&node.bob, 1, number);
        header.payload_len = length;
        order(&header, &vec![0; length as usize])
    };
    // Just over 4 MiB together: the message is read, the batch refused.
    let batch = node.alice.batch(1, (0..64).map(|number| large(number, 65_536)).collect());
    let error = submit(&node, &node.alice, batch).await.unwrap().error.unwrap();
    assert_eq!((error.field.as_str(), error.reason.as_str()), ("orders", "BATCH_TOO_LARGE"));
    // Far over it: the message is not even read, and the stream ends.
    let batch = node.alice.batch(1, (0..80).map(|number| large(number, 65_536)).collect());
    let status = submit(&node, &node.alice, batch).await.unwrap_err();
    assert_eq!(
        (violation(&status).as_str(), reason(&status).as_str()),
        ("orders", "MESSAGE_TOO_LARGE")
    );
    assert_eq!(node.end(), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_request_names_what_is_missing() {
    let node = Node::start().await;
    let mut client = node.payments(&node.alice).await;
    let status = client.submit_payment(v1::SubmitPaymentRequest::default()).await.unwrap_err();
    assert_eq!(violation(&status), "order");
    let uetr = v1::GetPaymentRequest { uetr: "zz".to_owned(), at_least_position: 0 };
    assert_eq!(violation(&client.get_payment(uetr).await.unwrap_err()), "uetr");
}

/// What only the core can know is logged and answered with a decision, not with an error.
#[tokio::test(flavor = "multi_thread")]
async fn unknown_receivers_are_for_the_core_to_reject() {
    let node = Node::start().await;
    let mut client = node.payments(&node.alice).await;
    let stranger = decoded(&node, |header| header.receiver = ParticipantId(999));
    let answer = client.submit_payment(node.alice.single(stranger)).await.unwrap().into_inner();
    let decision = &answer.decisions.unwrap().decisions[0];
    assert_eq!(decision.reason, v1::RejectReason::UnknownReceiver as i32);
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_commands_name_their_field_and_are_not_logged() {
    let node = Node::start().await;
    let before = node.end();
    let good = node.alice.command(
        1,
        CommandBody::Defund {
            amount: ledger::Amount::new(1, crate::people::currency("EUR")).unwrap(),
        },
    );
    let changed = |at: usize, byte: u8| {
        let mut command = good.command.to_vec();
        command[at] = byte;
        node.alice.signed(&command)
    };
    let mut trailing = good.command.to_vec();
    trailing.push(0);
    let mut forged = good.clone();
    forged.signature = vec![0; 64].into();
    let mut checked = good.clone();
    checked.checker = node.bob.id.0;
    checked.checker_signature = good.signature.clone();
    let mut half_checked = good.clone();
    half_checked.checker_signature = good.signature.clone();
    let cases = [
        ("command.version", changed(0, 9)),
        ("command.kind", changed(2, 99)),
        ("command.pool", changed(6, 2)),
        ("command.maker", changed(26, 12)),
        ("command.currency", changed(35, b'x')),
        ("command", node.alice.signed(&trailing)),
        ("command.version", node.alice.signed(&[])),
        ("command.command", node.alice.signed(&vec![1; 4_097])),
        ("signature", forged),
        ("checker", checked),
        ("checker_signature", half_checked),
    ];
    let mut client = node.operators(&node.alice).await;
    for (field, request) in cases {
        let status = client.execute_command(request).await.unwrap_err();
        assert_eq!((status.code(), violation(&status)), (Code::InvalidArgument, field.to_owned()));
    }
    let tick = node.alice.command(2, CommandBody::RunCycle);
    let status = client.execute_command(tick).await.unwrap_err();
    assert_eq!(
        (status.code(), reason(&status).as_str()),
        (Code::PermissionDenied, "ROLE_NOT_ALLOWED")
    );
    assert_eq!(node.end(), before);
}

/// A bank that hands in more than its share is held back; another one is not.
#[tokio::test(flavor = "multi_thread")]
async fn the_rate_limit_is_each_banks_own() {
    let limits = gateway::Limits {
        orders_per_second: std::num::NonZeroU32::MIN,
        orders_burst: std::num::NonZeroU32::new(20).unwrap(),
        ..Default::default()
    };
    let node = Node::start_with(limits).await;
    let before = node.end();
    let batch = |person: &Person, to: &Person, from: u64| {
        person.batch(1, (from..from + 15).map(|number| person.order(to, 1, number)).collect())
    };
    let alice = batch(&node.alice, &node.bob, 0);
    assert!(submit(&node, &node.alice, alice).await.unwrap().error.is_none());
    let alice = batch(&node.alice, &node.bob, 100);
    let error = submit(&node, &node.alice, alice).await.unwrap().error.unwrap();
    assert_eq!((error.code, error.reason.as_str()), (8, "RATE_LIMIT_ORDERS"));
    assert!(error.retry_after_ms > 0);
    let bob = batch(&node.bob, &node.alice, 200);
    assert!(submit(&node, &node.bob, bob).await.unwrap().error.is_none());
    assert_eq!(node.end().0, before.0 + 2);
}
