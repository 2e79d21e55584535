//! Following payments, and taking up a watch where it was left.

use std::time::Duration;

use channel::{BatchProof, PublicKey, Reader, Signer as _, order_digest};
use proto::v1;
use tonic::Streaming;

use crate::node::Node;
use crate::people::{POOL, Person, uetr};

pub(crate) async fn watch(
    node: &Node,
    person: &Person,
    resume_token: bytes::Bytes,
    with_payloads: bool,
) -> Streaming<v1::WatchPaymentsResponse> {
    let request = v1::WatchPaymentsRequest { resume_token, with_payloads };
    node.payments(person).await.watch_payments(request).await.unwrap().into_inner()
}

/// The messages up to the one that covers `batch`, heartbeats left out.
pub(crate) async fn until(
    stream: &mut Streaming<v1::WatchPaymentsResponse>,
    batch: u64,
) -> Vec<v1::WatchPaymentsResponse> {
    let mut messages = Vec::new();
    loop {
        let message = stream.message().await.unwrap().unwrap();
        let covered = message.batch;
        if !message.payments.is_empty() {
            messages.push(message);
        }
        if covered >= batch {
            return messages;
        }
    }
}

async fn pay(node: &Node, from: &Person, to: &Person, numbers: std::ops::Range<u64>) {
    let orders = numbers.map(|number| from.order(to, 1, number)).collect();
    let mut client = node.payments(from).await;
    let stream = tokio_stream::iter([from.batch(1, orders)]);
    let mut answers = client.submit_batches(stream).await.unwrap().into_inner();
    assert!(answers.message().await.unwrap().unwrap().error.is_none());
}

pub(crate) fn quick() -> gateway::Limits {
    gateway::Limits { heartbeat_interval: Duration::from_millis(200), ..Default::default() }
}

#[tokio::test(flavor = "multi_thread")]
async fn both_sides_see_a_settlement_and_only_the_receiver_gets_payloads() {
    let node = Node::start_with(quick()).await;
    pay(&node, &node.alice, &node.bob, 1..4).await;
    let batch = node.settle().await;
    for (person, with_payloads, expected) in
        [(&node.alice, true, false), (&node.bob, true, true), (&node.bob, false, false)]
    {
        let mut stream = watch(&node, person, bytes::Bytes::new(), with_payloads).await;
        let messages = until(&mut stream, batch).await;
        let settled: Vec<_> = messages
            .iter()
            .flat_map(|message| &message.payments)
            .filter(|payment| payment.state == v1::PaymentState::Settled as i32)
            .collect();
        assert_eq!(settled.len(), 3);
        for (payment, number) in settled.iter().zip(1..) {
            assert_eq!(payment.uetr, uetr(number).to_string());
            assert_eq!(payment.payload.is_empty(), !expected);
            assert_eq!(payment.proof.is_empty(), !expected);
            if expected {
                check_proof(&node.alice, payment);
            }
        }
    }
}

/// With header, payload and proof anybody can see that the sender signed.
pub(crate) fn check_proof(sender: &Person, payment: &v1::Payment) {
    let mut bytes = Reader::new(&payment.proof);
    let proof = BatchProof::read(&mut bytes).unwrap();
    assert_eq!(bytes.remaining(), 0);
    let digest = order_digest(&payment.header, &payment.payload);
    assert_eq!(payment.digest, digest.as_slice());
    let key = PublicKey::new(&sender.signer.public_key()).unwrap();
    proof.verify(POOL, sender.id, &digest, &key).unwrap();
}

/// Message boundaries in the middle of batches included.
#[tokio::test(flavor = "multi_thread")]
async fn a_watch_resumes_after_every_message() {
    let node = Node::start_with(quick()).await;
    let mut batch = 0;
    for from in [0, 1_000, 2_000] {
        pay(&node, &node.alice, &node.bob, from..from + 600).await;
        batch = node.settle().await;
    }
    let mut stream = watch(&node, &node.bob, bytes::Bytes::new(), true).await;
    let all = until(&mut stream, batch).await;
    assert!(all.len() >= 9, "three batches in three messages each: {}", all.len());
    let payments = |messages: &[v1::WatchPaymentsResponse]| -> Vec<v1::Payment> {
        messages.iter().flat_map(|message| message.payments.clone()).collect()
    };
    assert_eq!(payments(&all).len(), 1_800);
    for (at, message) in all.iter().enumerate().take(all.len() - 1) {
        let mut resumed = watch(&node, &node.bob, message.resume_token.clone(), true).await;
        assert_eq!(payments(&until(&mut resumed, batch).await), payments(&all[at + 1..]));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watch_goes_on_live_and_shows_signs_of_life() {
    let node = Node::start_with(quick()).await;
    let mut stream = watch(&node, &node.bob, bytes::Bytes::new(), false).await;
    let quiet = stream.message().await.unwrap().unwrap();
    assert!(quiet.payments.is_empty());
    pay(&node, &node.alice, &node.bob, 1..2).await;
    let batch = node.settle().await;
    assert_eq!(until(&mut stream, batch).await[0].payments.len(), 1);
    let alive = stream.message().await.unwrap().unwrap();
    assert!(alive.payments.is_empty());
    assert_eq!(alive.batch, batch);
    let mut resumed = watch(&node, &node.bob, alive.resume_token, false).await;
    assert!(resumed.message().await.unwrap().unwrap().payments.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_third_bank_sees_signs_of_life_only() {
    let node = Node::start_with(quick()).await;
    pay(&node, &node.alice, &node.bob, 1..50).await;
    let batch = node.settle().await;
    let mut stream = watch(&node, &node.carol, bytes::Bytes::new(), true).await;
    assert!(until(&mut stream, batch).await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn auditors_get_every_batch_in_a_chain_and_resume() {
    let node = Node::start_with(quick()).await;
    let mut last = 0;
    for from in [0, 100, 200] {
        pay(&node, &node.alice, &node.bob, from..from + 3).await;
        last = node.settle().await;
    }
    let subscribe = async |resume_token| {
        let request = v1::SubscribeBatchesRequest { resume_token };
        let mut client = node.audits(&node.regulator).await;
        let mut stream = client.subscribe_batches(request).await.unwrap().into_inner();
        let mut messages = Vec::new();
        loop {
            let message = stream.message().await.unwrap().unwrap();
            let number = message.batch.as_ref().map_or(0, |batch| batch.number);
            if number > 0 {
                messages.push(message);
            }
            if number == last {
                return messages;
            }
        }
    };
    let all = subscribe(bytes::Bytes::new()).await;
    let batches: Vec<_> = all.iter().map(|message| message.batch.clone().unwrap()).collect();
    assert_eq!(batches.len() as u64, last);
    for pair in batches.windows(2) {
        assert_eq!(pair[1].number, pair[0].number + 1);
        assert_eq!(pair[1].first_position, pair[0].last_position + 1);
        assert_eq!(pair[1].previous_hash, pair[0].hash);
        assert_eq!(channel::sha256(&pair[1].header), pair[1].hash.as_ref());
    }
    let nets: Vec<_> = batches[batches.len() - 1]
        .nets
        .iter()
        .map(|net| (net.participant.as_str(), net.net.as_ref().unwrap().minor_units.as_str()))
        .collect();
    assert_eq!(nets, [("ALICGB2L", "-3"), ("BOBBGB2L", "3")]);
    for (at, message) in all.iter().enumerate().take(all.len() - 1) {
        assert_eq!(subscribe(message.resume_token.clone()).await, all[at + 1..]);
    }
}
