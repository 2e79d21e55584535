use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use channel::Ruling;
use sdk::{Client, Order, OrderDecision};

use crate::rig::{FUNDS, Rig, bic, order, runtime};

const BANKS: u32 = 4;
const BATCH: usize = 100;

/// What a decision says, whichever attempt it answers.
type Decided = (u64, Ruling, Option<i32>, u64);

fn decided(decision: &OrderDecision) -> Decided {
    let reason = decision.reason.map(|reason| reason as i32);
    (decision.place, decision.ruling, reason, decision.decided_at_ms)
}

/// The orders of one bank that were acknowledged, with their decisions.
type Acknowledged = Arc<Mutex<BTreeMap<[u8; 32], (Order, Decided)>>>;

fn note(acknowledged: &Acknowledged, orders: &[Order], decisions: &[OrderDecision]) {
    assert_eq!(orders.len(), decisions.len());
    let mut acknowledged = acknowledged.lock().unwrap();
    for (order, decision) in orders.iter().zip(decisions) {
        assert_eq!(*order.digest(), decision.digest);
        let first = acknowledged.insert(decision.digest, (order.clone(), decided(decision)));
        assert!(first.is_none(), "each is handed in once");
    }
}

/// Hands in single orders and batches in turn until it is told to stop. The client sends the same
/// bytes again when the node was killed under it.
async fn load(client: Client, stop: Arc<AtomicBool>, acknowledged: Acknowledged) {
    let stream = client.batches(4);
    let mut minor = 0;
    while !stop.load(Ordering::Acquire) {
        let mut next = |payload| {
            minor = minor % 997 + 1;
            order(&client, minor, payload)
        };
        let single = next("single");
        let mut tickets = Vec::new();
        for _ in 0..3 {
            let orders: Vec<Order> = (0..BATCH).map(|_| next("batch")).collect();
            let ticket = stream.send(client.sign(orders.clone()).unwrap()).await.unwrap();
            tickets.push((orders, ticket));
        }
        let answer = client.submit(&single).await.unwrap();
        note(&acknowledged, &[single], &[answer.decision]);
        for (orders, ticket) in tickets {
            note(&acknowledged, &orders, &ticket.answer().await.unwrap().decisions);
        }
    }
}

/// Every order again: the same decision, marked as known.
async fn resubmit(client: &Client, acknowledged: &Acknowledged) {
    let acknowledged = acknowledged.lock().unwrap().clone();
    let all: Vec<&(Order, Decided)> = acknowledged.values().collect();
    for chunk in all.chunks(512) {
        let orders = chunk.iter().map(|(order, _)| order.clone()).collect();
        let answer = client.submit_batch(&client.sign(orders).unwrap()).await.unwrap();
        for ((_, before), now) in chunk.iter().zip(&answer.decisions) {
            assert!(now.replayed, "{now:?}");
            assert_eq!(decided(now), *before);
        }
    }
}

/// Over all accounts of the currency: debits are credits.
async fn assert_books_are_even(operator: &Client) {
    let position = operator.pool_info().await.unwrap().next_position - 1;
    let balances = operator.balances("", None, position).await.unwrap().balances;
    let balances = balances.iter().filter(|balance| balance.currency_code == "EUR");
    let sums = balances.fold((0_u128, 0_u128), |(debits, credits), balance| {
        let minor = |text: &str| text.parse::<u128>().unwrap();
        (debits + minor(&balance.debits_posted), credits + minor(&balance.credits_posted))
    });
    assert_eq!(sums.0, sums.1);
    assert!(sums.0 >= u128::from(FUNDS) * u128::from(BANKS));
}

/// A client that is not out of time however often the node is killed before it answers.
fn patient(rig: &Rig, bank: u32) -> Client {
    rig.client_within(&bic(bank), Duration::from_secs(3_600))
}

/// `CAUSEWAY_KILLS` sets the number of kills.
#[test]
fn kills_at_any_moment_lose_nothing_that_was_acknowledged() {
    let kills = std::env::var("CAUSEWAY_KILLS").map_or(5, |kills| kills.parse().unwrap());
    let mut rig = Rig::new(BANKS);
    rig.start();
    let runtime = runtime();
    runtime.block_on(rig.set_up());
    let _guard = runtime.enter();
    let stop = Arc::new(AtomicBool::new(false));
    let banks: Vec<(Client, Acknowledged)> =
        (0..BANKS).map(|bank| (patient(&rig, bank), Acknowledged::default())).collect();
    let loads: Vec<_> = banks
        .iter()
        .map(|(client, acknowledged)| {
            let (client, stop, acknowledged) = (client.clone(), stop.clone(), acknowledged.clone());
            let runtime = runtime.handle().clone();
            std::thread::spawn(move || runtime.block_on(load(client, stop, acknowledged)))
        })
        .collect();
    for _ in 0..kills {
        std::thread::sleep(Duration::from_millis(rand::random_range(20..700)));
        rig.kill();
        rig.start();
    }
    std::thread::sleep(Duration::from_millis(200));
    stop.store(true, Ordering::Release);
    for load in loads {
        load.join().unwrap();
    }
    rig.kill();
    rig.start();
    runtime.block_on(async {
        for (client, acknowledged) in &banks {
            resubmit(client, acknowledged).await;
        }
        assert_books_are_even(&rig.client("alice")).await;
    });
    let count: usize = banks.iter().map(|(_, it)| it.lock().unwrap().len()).sum();
    println!("{kills} kills, {count} orders acknowledged");
    assert!(count > 0);
    assert_eq!(rig.terminate(), Some(0), "{}", rig.errors());
    let (code, report) = rig.verify();
    assert_eq!((code, &report["ok"]), (Some(0), &true.into()), "{report}");
    assert!(report["orders"].as_u64().unwrap() >= 2 * count as u64, "each was logged twice");
}
