//! Pages and their tokens, and books as of earlier batches.

use proto::v1;
use proto::v1::list_balances_request::AsOf;
use tonic::Code;

use crate::access::reason;
use crate::node::Node;
use crate::people::{START_MS, uetr};

async fn with_entries(count: u64) -> (Node, u64) {
    let node = Node::start().await;
    let orders = (0..count).map(|number| node.alice.order(&node.bob, 1, number)).collect();
    let stream = tokio_stream::iter([node.alice.batch(1, orders)]);
    let answers = node.payments(&node.alice).await.submit_batches(stream).await.unwrap();
    assert!(answers.into_inner().message().await.unwrap().unwrap().error.is_none());
    let batch = node.settle().await;
    (node, batch)
}

fn entries(page_size: i32, page_token: bytes::Bytes, from_batch: u64) -> v1::ListEntriesRequest {
    v1::ListEntriesRequest {
        participant: String::new(),
        currency_code: "EUR".to_owned(),
        page_size,
        page_token,
        from_batch,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_of_any_size_make_the_same_list() {
    let (node, batch) = with_entries(25).await;
    let mut client = node.ledgers(&node.bob).await;
    let whole = client.list_entries(entries(0, bytes::Bytes::new(), 0)).await.unwrap().into_inner();
    assert_eq!(whole.entries.len(), 26, "the funding and 25 payments");
    assert!(whole.next_page_token.is_empty());
    assert_eq!(
        whole.entries.last().unwrap().balance_after.as_ref().unwrap().minor_units,
        "100000025"
    );
    for page_size in [1, 5, 25, 26, 1_000] {
        let (mut paged, mut token) = (Vec::new(), bytes::Bytes::new());
        loop {
            let page =
                client.list_entries(entries(page_size, token, 0)).await.unwrap().into_inner();
            assert!(page.entries.len() <= page_size as usize);
            paged.extend(page.entries);
            token = page.next_page_token;
            if token.is_empty() {
                break;
            }
        }
        assert_eq!(paged, whole.entries);
    }
    let later = client.list_entries(entries(0, bytes::Bytes::new(), batch)).await.unwrap();
    assert_eq!(later.into_inner().entries.len(), 25);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_ends_early_when_it_has_read_enough_of_the_log() {
    let limits = gateway::Limits { log_bytes_each_max: 1, ..Default::default() };
    let node = Node::start_with(limits).await;
    let mut client = node.payments(&node.alice).await;
    for number in [1, 2, 3] {
        let orders = [2 * number, 2 * number + 1].map(|n| node.alice.order(&node.bob, 1, n));
        let stream = tokio_stream::iter([node.alice.batch(number, orders.into())]);
        let mut answers = client.submit_batches(stream).await.unwrap().into_inner();
        assert!(answers.message().await.unwrap().unwrap().error.is_none());
    }
    node.settle().await;
    let mut client = node.ledgers(&node.bob).await;
    let (mut sizes, mut uetrs, mut token) = (Vec::new(), Vec::new(), bytes::Bytes::new());
    loop {
        let page = client.list_entries(entries(0, token, 0)).await.unwrap().into_inner();
        sizes.push(page.entries.len());
        uetrs.extend(page.entries.into_iter().map(|entry| entry.uetr));
        token = page.next_page_token;
        if token.is_empty() {
            break;
        }
    }
    assert_eq!(sizes, [2, 1, 1, 1, 1, 1], "the funding costs no look at the log");
    let expected: Vec<_> = (2..=7).map(|number| uetr(number).to_string()).collect();
    assert_eq!(uetrs[1..], expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn transfers_of_a_batch_for_its_parties_and_for_the_operator() {
    let (node, batch) = with_entries(7).await;
    for person in [&node.alice, &node.bob, &node.operator, &node.agent] {
        let mut client = node.ledgers(person).await;
        let (mut found, mut page_token) = (Vec::new(), bytes::Bytes::new());
        loop {
            let request = v1::ListTransfersRequest { batch, page_size: 3, page_token };
            let page = client.list_transfers(request).await.unwrap().into_inner();
            found.extend(page.transfers);
            page_token = page.next_page_token;
            if page_token.is_empty() {
                break;
            }
        }
        assert_eq!(found.len(), 7, "{}", person.name);
        assert!(found.is_sorted_by_key(|transfer| transfer.place));
    }
    let request = v1::ListTransfersRequest { batch: batch + 1, ..Default::default() };
    let status = node.ledgers(&node.operator).await.list_transfers(request).await.unwrap_err();
    assert_eq!(status.code(), Code::NotFound);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_fits_its_query_only() {
    let (node, _) = with_entries(5).await;
    let mut client = node.ledgers(&node.bob).await;
    let page = client.list_entries(entries(2, bytes::Bytes::new(), 0)).await.unwrap().into_inner();
    let token = page.next_page_token;
    let mut forged = token.to_vec();
    forged[20] ^= 1;
    let mut bad = vec![entries(2, forged.into(), 0), entries(2, token.clone(), 1)];
    bad.push(entries(2, token.slice(1..), 0));
    for request in bad {
        let status = client.list_entries(request).await.unwrap_err();
        assert_eq!(reason(&status), "TOKEN_INVALID");
        assert_eq!(status.code(), Code::InvalidArgument);
    }
    let of_alice = entries(2, token.clone(), 0);
    let status = node.ledgers(&node.alice).await.list_entries(of_alice).await.unwrap_err();
    assert_eq!(reason(&status), "TOKEN_INVALID");
    let request = v1::ListTransfersRequest { batch: 1, page_size: 0, page_token: token };
    let status = client.list_transfers(request).await.unwrap_err();
    assert_eq!(reason(&status), "TOKEN_INVALID");
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_pages_name_their_field() {
    let (node, _) = with_entries(1).await;
    let mut client = node.ledgers(&node.bob).await;
    for page_size in [-1, 1_001, i32::MIN] {
        let status =
            client.list_entries(entries(page_size, bytes::Bytes::new(), 0)).await.unwrap_err();
        assert_eq!((status.code(), reason(&status).as_str()), (Code::InvalidArgument, "PAGE_SIZE"));
    }
    let mut request = entries(0, bytes::Bytes::new(), 0);
    request.currency_code = "eur".to_owned();
    assert_eq!(reason(&client.list_entries(request).await.unwrap_err()), "CURRENCY_INVALID");
}

#[tokio::test(flavor = "multi_thread")]
async fn balances_as_of_a_batch_and_a_time() {
    let (node, batch) = with_entries(10).await;
    let mut client = node.ledgers(&node.bob).await;
    let mut balance = async |as_of| {
        let request = v1::ListBalancesRequest { as_of, ..Default::default() };
        let answer = client.list_balances(request).await?.into_inner();
        Ok::<_, tonic::Status>(answer.balances[0].balance.clone().unwrap().minor_units)
    };
    assert_eq!(balance(None).await.unwrap(), "100000010");
    assert_eq!(balance(Some(AsOf::Batch(batch))).await.unwrap(), "100000010");
    assert_eq!(balance(Some(AsOf::Batch(0))).await.unwrap(), "0");
    assert_eq!(balance(Some(AsOf::TimeMs(START_MS - 1))).await.unwrap(), "0");
    assert_eq!(balance(Some(AsOf::TimeMs(START_MS + 60_000))).await.unwrap(), "100000010");
    let status = balance(Some(AsOf::Batch(batch + 1))).await.unwrap_err();
    assert_eq!(
        (status.code(), reason(&status).as_str()),
        (Code::InvalidArgument, "BATCH_NOT_SEALED")
    );
}
