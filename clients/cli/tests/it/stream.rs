//! The SDK's streams against a node that is killed under them.

use std::collections::BTreeSet;
use std::time::Duration;

use sdk::sealed::{Desk, Reading, SlotRole, Vault, View};
use sdk::{Client, ClientBuilder, Order, ParticipantId, Profile, Ruling, v1};

use crate::crook::{Crook, spoiled};
use crate::sealed_pool::{PLAIN, Sealed, contents};
use crate::started::{Node, instant, until};

const BATCHES: usize = 120;
const ORDERS: usize = 16;

fn profile(node: &Node, name: &str) -> Profile {
    let path = node.dir().join("participants").join(name).join("profile.toml");
    Profile::load(&path).unwrap()
}

fn client(node: &Node, name: &str) -> Client {
    let profile = profile(node, name);
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
    let mut node = tokio::task::block_in_place(Node::start);
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

/// What a bank's own program does that follows its payments by the SDK alone.
#[test]
fn sealed_payments_come_opened() {
    let pool = Sealed::start();
    let uetr = |at: u8| format!("7a562c67-ca16-48ba-b074-65581be6f0d{at}");
    pool.pay(&uetr(5), "250.00", &PLAIN, &[]);
    let (crook, contents) = (Crook::of(&pool.node), contents(&uetr(6), "260.00"));
    let (sealed, _) = crook.seal(&crook.order(&uetr(6), "260.00"), &contents);
    let sealed = spoiled(&sealed, &[SlotRole::Receiver]);
    crook.keep(&sealed, &contents);
    assert!(crook.send(&sealed).accepted());
    let vault = Vault::of(&profile(&pool.node, "RHNBDEFF")).unwrap().unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let mut watch = runtime.block_on(async {
        let client = client(&pool.node, "RHNBDEFF");
        Desk::open(&client, vault, sdk::now_ms()).await.unwrap().watch(Vec::new())
    });
    let mut come = Vec::new();
    while come.len() < 2 {
        come.extend(runtime.block_on(watch.next()).unwrap());
    }
    come.sort_by_key(|it| it.payment.place);
    let [first, second] = come.try_into().unwrap();
    let Ok(Reading::Opened(opened)) = &first.reading else { panic!("{first:?}") };
    let parties = opened.view(View::Parties).unwrap().content();
    assert!(str::from_utf8(parties).unwrap().contains("Thorncliffe Textiles"));
    let Ok(Reading::Unopened(fault)) = &second.reading else { panic!("{second:?}") };
    assert!(!fault.lost);
    runtime.block_on(watch.desk().allege(fault)).unwrap();
    pool.rewrap();
    // It opens once the sender's answer is served.
    let mut again = || runtime.block_on(watch.desk().look(&second.payment)).unwrap();
    until("the sender's answer is served", || {
        matches!(again(), Some((_, Reading::Opened(_)))).then_some(())
    });
}
