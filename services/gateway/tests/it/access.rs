//! Every role against every method, and those who are nobody.

use gateway::{ACCESS, Access};
use tonic::codegen::http::uri::PathAndQuery;
use tonic::transport::Channel;
use tonic::{Code, Request, Status};
use tonic_prost::ProstCodec;
use tonic_types::StatusExt as _;

use crate::node::Node;
use crate::people::{Authority, TRUST_DOMAIN};

/// Bank, agent, operator, regulator, liquidity provider, screener: `x` may call, `.` may not.
const TABLE: [(&str, &str); 30] = [
    ("/causeway.v1.PaymentService/SubmitPayment", "x...x."),
    ("/causeway.v1.PaymentService/SubmitBatches", "x...x."),
    ("/causeway.v1.PaymentService/GetPayment", "x..xxx"),
    ("/causeway.v1.PaymentService/CancelPayment", "x...x."),
    ("/causeway.v1.PaymentService/WatchPayments", "x..xxx"),
    ("/causeway.v1.FxService/SetQuotes", "....x."),
    ("/causeway.v1.FxService/StreamQuotes", "....x."),
    ("/causeway.v1.FxService/ListQuotes", "..xxx."),
    ("/causeway.v1.FxService/ListPrices", "x.xxx."),
    ("/causeway.v1.FxService/ListFills", "....x."),
    ("/causeway.v1.LedgerService/ListBalances", "xxx.x."),
    ("/causeway.v1.LedgerService/ListEntries", "xxx.x."),
    ("/causeway.v1.LedgerService/ListTransfers", "xxx.x."),
    ("/causeway.v1.LedgerService/GetBatchReport", "xxxxx."),
    ("/causeway.v1.InsightService/ExplainPayment", "x.x.x."),
    ("/causeway.v1.InsightService/ListUnlocks", "x.x.x."),
    ("/causeway.v1.InsightService/SimulateChanges", "x.x.x."),
    ("/causeway.v1.OperatorService/ExecuteCommand", "xxx.x."),
    ("/causeway.v1.OperatorService/GetPool", "xxxxxx"),
    ("/causeway.v1.OperatorService/ListParticipants", "xxxxxx"),
    ("/causeway.v1.OperatorService/ListAccounts", "xxx.x."),
    ("/causeway.v1.OperatorService/ListLimits", "xxx.x."),
    ("/causeway.v1.OperatorService/ListDays", "xxxxxx"),
    ("/causeway.v1.OperatorService/AdvanceClock", "..x..."),
    ("/causeway.v1.AuditService/SubscribeBatches", "..xx.."),
    ("/causeway.v1.DirectoryService/Publish", "xxxxxx"),
    ("/causeway.v1.DirectoryService/ListDirectory", "xxxxxx"),
    ("/causeway.v1.DirectoryService/GetEpoch", "xxxxxx"),
    ("/causeway.v1.DirectoryService/ListStatements", "xxxxxx"),
    ("/causeway.v1.DirectoryService/ListFaults", "xxxxxx"),
];

/// What a call with an empty request comes to. An empty message is a valid one of every method.
async fn call(channel: &Channel, path: &'static str) -> Result<(), Status> {
    let mut client = tonic::client::Grpc::new(channel.clone());
    client.ready().await.unwrap();
    let codec = ProstCodec::<(), ()>::default();
    let path = PathAndQuery::from_static(path);
    client.server_streaming(Request::new(()), path, codec).await.map(drop)
}

pub(crate) fn reason(status: &Status) -> String {
    status.get_error_details().error_info().map_or_else(String::new, |info| info.reason.clone())
}

#[tokio::test(flavor = "multi_thread")]
async fn every_role_against_every_method() {
    let node = Node::start().await;
    let Node { alice, agent, operator, regulator, provider, screener, .. } = &node;
    let callers = [alice, agent, operator, regulator, provider, screener];
    for (at, person) in callers.into_iter().enumerate() {
        let channel = node.channel(person).await;
        for (path, allowed) in TABLE {
            let denied = match call(&channel, path).await {
                Err(status) if status.code() == Code::PermissionDenied => {
                    assert_eq!(reason(&status), "ROLE_NOT_ALLOWED");
                    true
                }
                _ => false,
            };
            assert_eq!(denied, allowed.as_bytes()[at] == b'.', "{:?}: {path}", person.role);
        }
    }
}

#[test]
fn the_table_has_every_method_of_the_protocol() {
    let here = TABLE.iter().map(|(path, _)| *path);
    let served = ACCESS.iter().filter(|(_, access)| matches!(access, Access::Roles(_)));
    assert!(here.eq(served.map(|(path, _)| *path)));
    let words = String::from_utf8_lossy(proto::DESCRIPTORS);
    for (path, _) in TABLE {
        let method = path.rsplit('/').next().unwrap();
        assert!(words.contains(method), "{method}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_method_that_is_not_in_the_table_does_not_exist() {
    let node = Node::start().await;
    let channel = node.channel(&node.operator).await;
    for path in ["/causeway.v1.OperatorService/Nothing", "/grpc.reflection.v1.X/Y", "/", "/a"] {
        let status = call(&channel, path).await.unwrap_err();
        assert_eq!(status.code(), Code::Unimplemented, "{path}");
    }
}

/// Certificates of the right CA that name no participant.
#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_no_participant_may_do_nothing_but_ask_for_health() {
    let node = Node::start().await;
    let alice = node.alice.uri();
    let cases: [(&[&str], Code, &str); 6] = [
        (&["spiffe://causeway.test/bank/NOBOGB2L"], Code::PermissionDenied, "NOT_A_PARTICIPANT"),
        (
            &["spiffe://causeway.test/operator/ALICGB2L"],
            Code::PermissionDenied,
            "NOT_A_PARTICIPANT",
        ),
        (&["spiffe://elsewhere/bank/ALICGB2L"], Code::Unauthenticated, "CERTIFICATE_IDENTITY"),
        (&["https://causeway.test/bank/ALICGB2L"], Code::Unauthenticated, "CERTIFICATE_IDENTITY"),
        (&[], Code::Unauthenticated, "CERTIFICATE_IDENTITY"),
        (&[&alice, "spiffe://x/y/z"], Code::Unauthenticated, "CERTIFICATE_IDENTITY"),
    ];
    for (uris, code, expected) in cases {
        let identity = node.authority.client(uris);
        let channel = node.connect(Some(identity)).await.unwrap();
        for (path, _) in TABLE {
            let status = call(&channel, path).await.unwrap_err();
            assert_eq!((status.code(), reason(&status).as_str()), (code, expected), "{uris:?}");
        }
        call(&channel, "/grpc.health.v1.Health/Check").await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_certificate_of_the_pools_ca_there_is_no_connection() {
    let node = Node::start().await;
    let foreign = Authority::new("another CA").client(&[&node.alice.uri()]);
    for identity in [None, Some(foreign)] {
        // With TLS 1.3 a client learns of the refusal with its first read.
        if let Ok(channel) = node.connect(identity).await {
            let status = call(&channel, "/grpc.health.v1.Health/Check").await.unwrap_err();
            // The connection broke: no answer of the node, whatever the client makes of that.
            let broken = [Code::Unavailable, Code::Unknown, Code::Cancelled];
            assert!(broken.contains(&status.code()) && status.details().is_empty(), "{status:?}");
        }
    }
    assert!(node.alice.uri().contains(TRUST_DOMAIN));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_participant_taken_in_later_is_known_at_once() {
    let node = Node::start().await;
    let newcomer = crate::people::Person::new(40, channel::Role::Bank, "NEWBGB2L");
    let channel = node.channel(&newcomer).await;
    let path = "/causeway.v1.OperatorService/GetPool";
    assert_eq!(reason(&call(&channel, path).await.unwrap_err()), "NOT_A_PARTICIPANT");
    let add = channel::CommandBody::AddParticipant(newcomer.participant());
    node.give(&node.operator, 50, add).await;
    call(&channel, path).await.unwrap();
}
