//! The SDK's streams against a node that is killed under them.

use std::collections::BTreeSet;
use std::time::Duration;

use sdk::{Client, ClientBuilder, Order, ParticipantId, Profile, Ruling, v1};

use crate::started::{Node, instant};

const BATCHES: usize = 120;
const ORDERS: usize = 16;

fn client(node: &Node, name: &str) -> Client {
    let path = node.dir().join("participants").join(name).join("profile.toml");
    let profile = Profile::load(&path).unwrap();
    let builder = ClientBuilder::from_profile(&profile).unwrap();
    builder.deadline(Duration::from_secs(60)).connect_lazy().unwrap()
}

/// Orders of one cent each, to be settled at once.
fn orders(client: &Client) -> Vec<Order> {
    let order = || {
        let order = client.order().receiver(ParticipantId(12)).amount("0.01 EUR");
        order.value_date(&instant(0)).urgent().class(0).build().unwrap()
    };
    (0..ORDERS).map(|_| order()).collect()
}

/// Hands in all batches; the node is killed while they are under way. Returns the references of
/// the orders that were settled, according to their decisions.
async fn hand_in(node: &mut Node, client: &Client) -> BTreeSet<String> {
    let stream = client.batches(8);
    let mut tickets = Vec::new();
    for number in 0..BATCHES {
        if number % 50 == 40 {
            tokio::task::block_in_place(|| node.kill_and_restart());
        }
        let batch = client.sign(orders(client)).unwrap();
        tickets.push(stream.send(batch).await.unwrap());
    }
    let mut settled = BTreeSet::new();
    for ticket in tickets {
        let batch = ticket.batch().clone();
        let answer = ticket.answer().await.unwrap();
        for (order, decision) in batch.orders().iter().zip(&answer.decisions) {
            assert_eq!(decision.ruling, Ruling::Settled, "{decision:?}");
            settled.insert(order.uetr().to_string());
        }
    }
    settled
}

/// Watches until as many payments were seen as are wanted; each at least once.
async fn watched(client: Client, wanted: usize) -> BTreeSet<String> {
    let mut watch = client.watch(Vec::new(), false);
    let mut seen = BTreeSet::new();
    while seen.len() < wanted {
        let message = watch.next().await.unwrap();
        let settled = message.payments.iter().filter(|p| p.state() == v1::PaymentState::Settled);
        seen.extend(settled.map(|payment| payment.uetr.clone()));
    }
    seen
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_or_done_twice_when_the_node_is_killed() {
    let Some(mut node) = tokio::task::block_in_place(Node::start) else { return };
    tokio::task::block_in_place(|| node.open());
    let sender = client(&node, "ALBKGB2L");
    let watch = tokio::spawn(watched(client(&node, "RHNBDEFF"), BATCHES * ORDERS));
    let settled = hand_in(&mut node, &sender).await;
    assert_eq!(settled.len(), BATCHES * ORDERS);
    assert_eq!(watch.await.unwrap(), settled);
    // 1,000.00 less 1,920 cents, each once.
    let balances = tokio::task::block_in_place(|| node.ok("ALBKGB2L", &["balances"]));
    assert_eq!(balances[0]["balance"], "980.80");
}
