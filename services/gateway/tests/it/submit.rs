//! Handing in: receipts, decisions, repeats, streams.

use channel::{
    Decision, PublicKey, Ruling, decisions_statement, merkle_root, order_digest, receipt_statement,
};
use proto::v1;
use tokio_stream::StreamExt as _;
use tokio_stream::wrappers::ReceiverStream;

use crate::node::Node;
use crate::people::{POOL, Person, order};

fn hash(bytes: &[u8]) -> [u8; 32] {
    bytes.try_into().unwrap()
}

/// Checks both signatures of an answer as a bank would.
fn check_signed(
    node: &Node,
    orders: &[v1::Order],
    receipt: &v1::Receipt,
    decisions: &v1::Decisions,
) {
    let key = PublicKey::new(&node.operator_key()).unwrap();
    let digests: Vec<_> =
        orders.iter().map(|order| order_digest(&order.header, &order.payload)).collect();
    let root = merkle_root(digests.iter().map(<[u8; 32]>::as_slice));
    let count = u32::try_from(orders.len()).unwrap();
    assert_eq!((receipt.pool, receipt.order_count, hash(&receipt.root)), (POOL, count, root));
    let statement = receipt_statement(
        POOL,
        receipt.position,
        receipt.received_at_ms,
        &hash(&receipt.rules_hash),
        count,
        &root,
    );
    key.verify(&statement, receipt.signature.as_ref().try_into().unwrap()).unwrap();
    let encoded: Vec<_> = decisions.decisions.iter().map(encoded).collect();
    let root = merkle_root(encoded.iter().map(<[u8; 51]>::as_slice));
    let statement = decisions_statement(POOL, receipt.position, count, &root);
    key.verify(&statement, decisions.signature.as_ref().try_into().unwrap()).unwrap();
    for (decision, digest) in decisions.decisions.iter().zip(digests) {
        assert_eq!(hash(&decision.digest), digest);
    }
}

fn encoded(decision: &v1::Decision) -> [u8; 51] {
    Decision {
        digest: hash(&decision.digest),
        place: decision.place,
        ruling: Ruling::from_number(u8::try_from(decision.ruling).unwrap()).unwrap(),
        reason: u16::try_from(decision.reason).unwrap(),
        decided_at_ms: decision.decided_at_ms,
    }
    .encode()
}

fn only(decisions: Option<v1::Decisions>) -> v1::Decision {
    let mut decisions = decisions.unwrap().decisions;
    assert_eq!(decisions.len(), 1);
    decisions.remove(0)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_single_order_gets_a_signed_receipt_and_decision() {
    let node = Node::start().await;
    let mut client = node.payments(&node.alice).await;
    let order = node.alice.order(&node.bob, 12_50, 1);
    let answer =
        client.submit_payment(node.alice.single(order.clone())).await.unwrap().into_inner();
    let (receipt, decisions) = (answer.receipt.unwrap(), answer.decisions.unwrap());
    check_signed(&node, &[order], &receipt, &decisions);
    assert_eq!(receipt.position, node.end().0 - 1);
    let decision = only(Some(decisions));
    assert_eq!(decision.ruling, v1::Ruling::Queued as i32);
    assert_eq!(decision.place, receipt.position << 20);
    assert!(!decision.replayed);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeat_gets_the_same_decision_and_another_body_is_refused_by_field() {
    let node = Node::start().await;
    let mut client = node.payments(&node.alice).await;
    let first = node.alice.single(node.alice.order(&node.bob, 12_50, 1));
    let answer = client.submit_payment(first.clone()).await.unwrap().into_inner();
    let decided = only(answer.decisions);
    let again = client.submit_payment(first).await.unwrap().into_inner();
    assert_ne!(again.receipt, answer.receipt, "a receipt is of its attempt");
    let repeated = only(again.decisions);
    assert!(repeated.replayed);
    assert_eq!(encoded(&repeated), encoded(&decided));

    let mut header = node.alice.header(&node.carol, 12_51, 1);
    header.payload_len = 3;
    let other = node.alice.single(order(&header, b"abc"));
    let refused = only(client.submit_payment(other).await.unwrap().into_inner().decisions);
    assert_eq!(refused.reason, v1::RejectReason::IdentityReused as i32);
    assert_eq!(refused.place, decided.place, "where the first body stands");
    let differing = ["receiver", "amount", "payload_length", "payload"];
    assert_eq!(refused.differing_fields, differing);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receipt_alone_does_not_wait_for_the_decision() {
    let node = Node::start().await;
    let mut client = node.payments(&node.alice).await;
    let mut request = node.alice.single(node.alice.order(&node.bob, 1, 1));
    request.receipt_only = true;
    let answer = client.submit_payment(request).await.unwrap().into_inner();
    assert!(answer.receipt.is_some() && answer.decisions.is_none());
}

fn batches(
    sender: &Person,
    receiver: &Person,
    count: u64,
    size: u64,
) -> Vec<v1::SubmitBatchesRequest> {
    let batch = |id: u64| {
        let orders = (0..size).map(|at| sender.order(receiver, 1 + at, id * size + at));
        sender.batch(id, orders.collect())
    };
    (0..count).map(batch).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_answers_every_batch_in_order() {
    let node = Node::start().await;
    let mut client = node.payments(&node.alice).await;
    let sent = batches(&node.alice, &node.bob, 50, 7);
    let mut answers =
        client.submit_batches(tokio_stream::iter(sent.clone())).await.unwrap().into_inner();
    let mut position = 0;
    for batch in &sent {
        let answer = answers.message().await.unwrap().unwrap();
        assert_eq!(answer.batch_id, batch.batch_id);
        let (receipt, decisions) = (answer.receipt.unwrap(), answer.decisions.unwrap());
        assert!(receipt.position > position);
        position = receipt.position;
        check_signed(&node, &batch.orders, &receipt, &decisions);
    }
    assert!(answers.message().await.unwrap().is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_batch_is_answered_in_its_place_and_the_stream_goes_on() {
    let node = Node::start().await;
    let mut client = node.payments(&node.alice).await;
    let mut sent = batches(&node.alice, &node.bob, 3, 2);
    sent[1].signature = vec![0; 64].into();
    let answers = client.submit_batches(tokio_stream::iter(sent)).await.unwrap().into_inner();
    let answers: Vec<_> = answers.map(Result::unwrap).collect().await;
    let outcomes: Vec<_> = answers
        .iter()
        .map(|answer| (answer.batch_id, answer.error.as_ref().map(|e| e.reason.as_str())))
        .collect();
    assert_eq!(outcomes, [(0, None), (1, Some("SIGNATURE_INVALID")), (2, None)]);
}

/// A client that hands in without reading its answers is held back, not buffered without end.
#[tokio::test(flavor = "multi_thread")]
async fn whoever_reads_no_answers_is_read_no_further() {
    let limits =
        gateway::Limits { batches_in_flight: 2, stream_window: 65_535, ..Default::default() };
    let node = Node::start_with(limits).await;
    let mut client = node.payments(&node.alice).await;
    let (sender, queue) = tokio::sync::mpsc::channel(1);
    let answers = client.submit_batches(ReceiverStream::new(queue)).await.unwrap().into_inner();
    let sent = batches(&node.alice, &node.bob, 20, 50);
    let feeder = tokio::spawn(async move {
        for batch in sent {
            sender.send(batch).await.unwrap();
        }
    });
    let answers: Vec<_> = answers.map(Result::unwrap).collect().await;
    feeder.await.unwrap();
    assert_eq!(answers.len(), 20);
}

/// The storm: one order, a thousand attempts at once, one effect, equal decisions.
#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_attempts_of_one_order_take_effect_once() {
    let node = Node::start().await;
    let client = node.payments(&node.alice).await;
    let request = node.alice.single(node.alice.order(&node.bob, 12_50, 1));
    let attempts: Vec<_> = (0..1_000)
        .map(|_| {
            let (mut client, request) = (client.clone(), request.clone());
            tokio::spawn(async move { client.submit_payment(request).await.unwrap().into_inner() })
        })
        .collect();
    let mut decisions = Vec::new();
    for attempt in attempts {
        decisions.push(only(attempt.await.unwrap().decisions));
    }
    assert_eq!(decisions.iter().filter(|decision| !decision.replayed).count(), 1);
    assert!(decisions.windows(2).all(|pair| encoded(&pair[0]) == encoded(&pair[1])));
    node.settle().await;
    assert_eq!(node.balance(&node.bob).await, "100001250");
}
