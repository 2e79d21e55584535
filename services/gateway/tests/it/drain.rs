//! Shutting down: what was begun is answered, streams are told, nothing waits for ever.

use std::time::Duration;

use gateway::Drained;
use proto::v1;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Code;

use crate::access::reason;
use crate::node::Node;

#[tokio::test(flavor = "multi_thread")]
async fn streams_end_with_unavailable_and_the_drain_is_clean() {
    let mut node = Node::start().await;
    let mut client = node.payments(&node.alice).await;
    let request = v1::WatchPaymentsRequest::default();
    let mut watch = client.watch_payments(request).await.unwrap().into_inner();
    let (sender, batches) = tokio::sync::mpsc::channel(4);
    let stream = ReceiverStream::new(batches);
    let mut answers = client.submit_batches(stream).await.unwrap().into_inner();
    let order = node.alice.order(&node.bob, 1, 1);
    sender.send(node.alice.batch(1, vec![order])).await.unwrap();
    assert!(answers.message().await.unwrap().unwrap().receipt.is_some());

    node.begin_drain();
    let ended = answers.message().await.unwrap_err();
    assert_eq!((ended.code(), reason(&ended).as_str()), (Code::Unavailable, "DRAINING"));
    let ended = loop {
        match watch.message().await {
            Ok(message) => assert!(message.is_some(), "a watch never just ends"),
            Err(status) => break status,
        }
    };
    assert_eq!((ended.code(), reason(&ended).as_str()), (Code::Unavailable, "DRAINING"));
    drop((client, sender, answers, watch));
    assert_eq!(node.drain().await, Drained::Clean);
}

/// A client that holds a stream open and never reads cannot hold the node.
#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_end_is_cut() {
    let limits =
        gateway::Limits { drain_timeout: Duration::from_millis(500), ..Default::default() };
    let limits = gateway::Limits { reflection: true, ..limits };
    let mut node = Node::start_with(limits).await;
    let channel = node.channel(&node.alice).await;
    // Reflection knows nothing of drains: its stream stays as long as the client wants.
    let (sender, requests) = tokio::sync::mpsc::channel::<()>(1);
    let mut client = tonic::client::Grpc::new(channel);
    client.ready().await.unwrap();
    let path = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo";
    let path = tonic::codegen::http::uri::PathAndQuery::from_static(path);
    let codec = tonic_prost::ProstCodec::<(), ()>::default();
    let stream = tonic::Request::new(ReceiverStream::new(requests));
    let held = client.streaming(stream, path, codec).await.unwrap();
    assert_eq!(node.drain().await, Drained::Cut);
    drop((held, sender));
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_new_gets_in() {
    let mut node = Node::start().await;
    assert_eq!(node.drain().await, Drained::Clean);
    let identity = node.authority.client(&[&node.alice.uri()]);
    assert!(node.connect(Some(identity)).await.is_err());
}

/// Peers who connect and say nothing, or stop after the handshake, are let go in time.
#[tokio::test(flavor = "multi_thread")]
async fn silent_peers_are_closed() {
    use tokio::io::AsyncReadExt as _;
    let limits = gateway::Limits {
        handshake_timeout: Duration::from_millis(300),
        handshakes_max: 4,
        connections_max: 4,
        ..Default::default()
    };
    let node = Node::start_with(limits).await;
    let mut silent = Vec::new();
    for _ in 0..4 {
        silent.push(tokio::net::TcpStream::connect(node.address()).await.unwrap());
    }
    for mut stream in silent {
        let mut byte = [0];
        assert!(matches!(stream.read(&mut byte).await, Ok(0) | Err(_)));
    }
    // And the places they held are free again.
    node.payments(&node.alice).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_participant_cannot_take_all_connections_or_watches() {
    let limits =
        gateway::Limits { connections_each_max: 2, watches_each_max: 1, ..Default::default() };
    let node = Node::start_with(limits).await;
    let mut held = node.payments(&node.alice).await;
    let request = v1::WatchPaymentsRequest::default;
    let watch = held.watch_payments(request()).await.unwrap();
    let status = held.watch_payments(request()).await.unwrap_err();
    assert_eq!(reason(&status), "TOO_MANY_WATCHES");
    let second = node.channel(&node.alice).await;
    let identity = node.authority.client(&[&node.alice.uri()]);
    if let Ok(third) = node.connect(Some(identity)).await {
        let mut third = proto::v1::payment_service_client::PaymentServiceClient::new(third);
        assert!(third.watch_payments(request()).await.is_err());
    }
    node.payments(&node.bob).await.watch_payments(request()).await.unwrap();
    drop((watch, second));
}
