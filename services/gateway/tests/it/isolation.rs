//! A bank learns nothing of the others.

use channel::CommandBody;
use proto::v1;
use tonic::{Code, Status};

use crate::access::reason;
use crate::node::Node;
use crate::people::{currency, uetr};

/// Everything of a status that a caller sees.
fn seen(status: &Status) -> (Code, String, Vec<u8>) {
    (status.code(), status.message().to_owned(), status.details().to_vec())
}

async fn get(
    node: &Node,
    person: &crate::people::Person,
    number: u64,
) -> Result<v1::GetPaymentResponse, Status> {
    let request = v1::GetPaymentRequest { uetr: uetr(number).to_string(), at_least_position: 0 };
    Ok(node.payments(person).await.get_payment(request).await?.into_inner())
}

/// Alice has paid Bob; Carol is the one who looks.
async fn after_one_payment() -> (Node, u64) {
    let node = Node::start().await;
    let mut client = node.payments(&node.alice).await;
    let order = node.alice.order(&node.bob, 12_50, 1);
    client.submit_payment(node.alice.single(order)).await.unwrap();
    let batch = node.settle().await;
    (node, batch)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_is_there_for_its_two_banks_only() {
    let (node, batch) = after_one_payment().await;
    for party in [&node.alice, &node.bob] {
        let found = get(&node, party, 1).await.unwrap();
        let [payment] = found.payments.as_slice() else { panic!("{found:?}") };
        assert_eq!(payment.state, v1::PaymentState::Settled as i32);
        assert_eq!((payment.sender.as_str(), payment.receiver.as_str()), ("ALICGB2L", "BOBBGB2L"));
        assert_eq!(payment.payload, 1_u64.to_be_bytes().as_slice());
        assert_eq!(payment.batch, batch);
    }
    let hidden = get(&node, &node.carol, 1).await.unwrap_err();
    let absent = get(&node, &node.carol, 99).await.unwrap_err();
    assert_eq!(hidden.code(), Code::NotFound);
    assert_eq!(seen(&hidden), seen(&absent));
}

#[tokio::test(flavor = "multi_thread")]
async fn to_its_receiver_a_payment_is_not_there_before_it_has_settled() {
    let node = Node::start().await;
    // Carol has no money: her order waits.
    let order = node.carol.order(&node.bob, 1, 5);
    node.payments(&node.carol).await.submit_payment(node.carol.single(order)).await.unwrap();
    node.settle().await;
    let sent = get(&node, &node.carol, 5).await.unwrap();
    assert_eq!(sent.payments[0].payload, 5_u64.to_be_bytes().as_slice());
    assert_eq!((sent.payments[0].state, sent.payments[0].batch), (1, 0));
    let early = get(&node, &node.bob, 5).await.unwrap_err();
    assert_eq!(seen(&early), seen(&get(&node, &node.bob, 99).await.unwrap_err()));
    // Once Carol is paid she pays.
    let order = node.alice.order(&node.carol, 1, 6);
    node.payments(&node.alice).await.submit_payment(node.alice.single(order)).await.unwrap();
    node.settle().await;
    let received = get(&node, &node.bob, 5).await.unwrap();
    assert_eq!(received.payments[0].payload, 5_u64.to_be_bytes().as_slice());
}

#[tokio::test(flavor = "multi_thread")]
async fn books_of_others_are_as_if_they_were_not_there() {
    let (node, batch) = after_one_payment().await;
    let mut client = node.ledgers(&node.carol).await;
    let mut missing = Vec::new();
    for name in ["ALICGB2L", "NOBOGB2L"] {
        let participant = name.to_owned();
        let balances = v1::ListBalancesRequest { participant, ..Default::default() };
        missing.push(client.list_balances(balances).await.unwrap_err());
        let entries = v1::ListEntriesRequest {
            participant: name.to_owned(),
            currency_code: "EUR".to_owned(),
            ..Default::default()
        };
        missing.push(client.list_entries(entries).await.unwrap_err());
    }
    assert!(missing.iter().all(|status| seen(status) == seen(&missing[0])));
    assert_eq!(missing[0].code(), Code::NotFound);

    let own = client.list_balances(v1::ListBalancesRequest::default()).await.unwrap().into_inner();
    let names: Vec<_> = own.balances.iter().map(|balance| balance.participant.as_str()).collect();
    assert_eq!(names, ["CAROFR2L"]);
    let transfers = v1::ListTransfersRequest { batch, ..Default::default() };
    let transfers = client.list_transfers(transfers).await.unwrap().into_inner();
    assert!(transfers.transfers.is_empty() && transfers.next_page_token.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn each_party_sees_its_side_of_a_movement() {
    let (node, batch) = after_one_payment().await;
    for (person, debit) in [(&node.alice, true), (&node.bob, false)] {
        let mut client = node.ledgers(person).await;
        let entries = v1::ListEntriesRequest {
            currency_code: "EUR".to_owned(),
            from_batch: batch,
            ..Default::default()
        };
        let entries = client.list_entries(entries).await.unwrap().into_inner().entries;
        let entry = entries.last().unwrap();
        assert_eq!((entry.debit, entry.uetr.clone()), (debit, uetr(1).to_string()));
        let transfers = v1::ListTransfersRequest { batch, ..Default::default() };
        let transfers = client.list_transfers(transfers).await.unwrap().into_inner().transfers;
        assert!(transfers.iter().any(|transfer| transfer.place == entry.place));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn limits_accounts_and_queues_of_others_do_not_show() {
    let (node, _) = after_one_payment().await;
    let limit =
        CommandBody::SetMultilateralLimit { currency: currency("EUR"), limit: Some(1_000_000) };
    node.give(&node.alice, 1, limit).await;
    let limits_of = async |person, name: &str| {
        let request = v1::ListLimitsRequest { participant: name.to_owned() };
        Ok::<_, Status>(
            node.operators(person).await.list_limits(request).await?.into_inner().limits,
        )
    };
    assert_eq!(limits_of(&node.alice, "").await.unwrap().len(), 1);
    assert_eq!(limits_of(&node.operator, "").await.unwrap().len(), 1);
    assert!(limits_of(&node.carol, "").await.unwrap().is_empty());
    let hidden = limits_of(&node.carol, "ALICGB2L").await.unwrap_err();
    assert_eq!(seen(&hidden), seen(&limits_of(&node.carol, "NOBOGB2L").await.unwrap_err()));

    let mut carol = node.operators(&node.carol).await;
    let accounts = carol.list_accounts(v1::ListAccountsRequest {}).await.unwrap().into_inner();
    assert!(accounts.accounts.iter().all(|account| account.participant == "CAROFR2L"));
    let pool = carol.get_pool(v1::GetPoolRequest {}).await.unwrap().into_inner();
    assert!(pool.queues.is_empty() && pool.seen_entries == 0);
    let mut operator = node.operators(&node.operator).await;
    let pool = operator.get_pool(v1::GetPoolRequest {}).await.unwrap().into_inner();
    assert_eq!(pool.seen_entries, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_takes_back_the_payment_of_another() {
    let (node, _) = after_one_payment().await;
    let cancel = |number| CommandBody::Cancel {
        uetr: uetr(number),
        kind: channel::MessageKind::CustomerTransfer,
    };
    let mut reasons = Vec::new();
    for (request, number) in [(1, 1), (2, 99)] {
        let signed = node.carol.command(request, cancel(number));
        let request =
            v1::CancelPaymentRequest { command: signed.command, signature: signed.signature };
        let answer = node.payments(&node.carol).await.cancel_payment(request).await.unwrap();
        reasons.push(answer.into_inner().reason);
    }
    assert_eq!(reasons, [v1::RejectReason::UnknownPayment as i32; 2]);
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_work_for_nobody_else() {
    let (node, _) = after_one_payment().await;
    let request = v1::WatchPaymentsRequest::default();
    let mut watch =
        node.payments(&node.alice).await.watch_payments(request).await.unwrap().into_inner();
    let token = watch.message().await.unwrap().unwrap().resume_token;
    let stolen = v1::WatchPaymentsRequest { resume_token: token, with_payloads: true };
    let status = node.payments(&node.carol).await.watch_payments(stolen).await.unwrap_err();
    assert_eq!((status.code(), reason(&status).as_str()), (Code::InvalidArgument, "TOKEN_INVALID"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batchs_report_has_a_banks_own_lines_only() {
    let (node, batch) = after_one_payment().await;
    let report = async |person, batch| {
        let request = v1::GetBatchReportRequest { batch };
        Ok::<_, Status>(node.ledgers(person).await.get_batch_report(request).await?.into_inner())
    };
    let whole = report(&node.operator, batch).await.unwrap();
    let [eur] = whole.currencies.as_slice() else { panic!("{whole:?}") };
    assert_eq!((eur.payments, eur.gross.as_str(), eur.net.as_str()), (1, "1250", "1250"));
    let lines: Vec<_> =
        eur.participants.iter().map(|it| (it.participant.as_str(), it.net.as_str())).collect();
    assert_eq!(lines, [("ALICGB2L", "-1250"), ("BOBBGB2L", "1250")]);
    assert_eq!((eur.one_by_one.as_str(), eur.saved.as_str()), ("1250", "0"));
    let saved: Vec<_> = eur.participants.iter().map(|it| it.saved.as_str()).collect();
    assert_eq!(saved, ["0", "0"]);
    let certificate = &whole.certificates[0];
    assert_eq!((certificate.settled_count, certificate.gap.as_str()), (1, "0"));
    // Regulators are told all of it, settlement agents whose money moved but no certificate.
    assert_eq!(report(&node.regulator, batch).await.unwrap(), whole);
    let moved = v1::GetBatchReportResponse { certificates: Vec::new(), ..whole.clone() };
    assert_eq!(report(&node.agent, batch).await.unwrap(), moved);
    let own = report(&node.bob, batch).await.unwrap();
    assert!(own.certificates.is_empty());
    let [eur] = own.currencies.as_slice() else { panic!("{own:?}") };
    assert_eq!((eur.payments, eur.gross.as_str(), eur.one_by_one.as_str()), (0, "", ""));
    assert_eq!(eur.participants, [whole.currencies[0].participants[1].clone()]);
    assert!(report(&node.carol, batch).await.unwrap().currencies.is_empty());
    let missing = report(&node.carol, batch + 1_000).await.unwrap_err();
    assert_eq!(missing.code(), Code::NotFound);
}
