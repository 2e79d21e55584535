//! Load on a pool, and what must hold of everything that was acknowledged under it.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use channel::Ruling;
use sdk::{BatchAnswer, Client, Order, OrderDecision, Ticket};
use tokio::runtime::Handle;

use crate::rig::{FUNDS, order};

const BATCH: usize = 100;

/// What a decision says, whichever attempt it answers.
type Decided = (u64, Ruling, Option<i32>, u64);

fn decided(decision: &OrderDecision) -> Decided {
    let reason = decision.reason.map(|reason| reason as i32);
    (decision.place, decision.ruling, reason, decision.decided_at_ms)
}

/// The orders of one bank that were acknowledged, with their decisions.
pub(crate) type Acknowledged = Arc<Mutex<BTreeMap<[u8; 32], (Order, Decided)>>>;

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
/// bytes again when the node was killed under it. It rests between rounds of 301 orders.
async fn load(client: Client, stop: Arc<AtomicBool>, acknowledged: Acknowledged, rest: Duration) {
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
            note(&acknowledged, &orders, &answer_to(&client, ticket).await.decisions);
        }
        tokio::time::sleep(rest).await;
    }
}

/// The answer to a batch. One that cannot be logged now, or was perhaps, is sent again until it is.
async fn answer_to(client: &Client, ticket: Ticket) -> BatchAnswer {
    let batch = ticket.batch().clone();
    match ticket.answer().await {
        Err(error) if error.is_transient() => client.submit_batch(&batch).await.unwrap(),
        answer => answer.unwrap(),
    }
}

/// Every order again: the same decision, marked as known.
pub(crate) async fn resubmit(client: &Client, acknowledged: &Acknowledged) {
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
pub(crate) async fn assert_books_are_even(operator: &Client, banks: u32) {
    let position = operator.pool_info().await.unwrap().next_position - 1;
    let balances = operator.balances("", None, position).await.unwrap().balances;
    let balances = balances.iter().filter(|balance| balance.currency_code == "EUR");
    let sums = balances.fold((0_u128, 0_u128), |(debits, credits), balance| {
        let minor = |text: &str| text.parse::<u128>().unwrap();
        (debits + minor(&balance.debits_posted), credits + minor(&balance.credits_posted))
    });
    assert_eq!(sums.0, sums.1);
    assert!(sums.0 >= u128::from(FUNDS) * u128::from(banks));
}

/// Load from one client each, until it is stopped.
pub(crate) struct Load {
    stop: Arc<AtomicBool>,
    clients: Vec<(Client, Acknowledged)>,
    threads: Vec<JoinHandle<()>>,
}

impl Load {
    /// Begins, as fast as answers come.
    pub(crate) fn start(runtime: &Handle, clients: Vec<Client>) -> Self {
        Self::with_rests(runtime, clients, Duration::ZERO)
    }

    /// Begins; each client rests between its rounds, so that a slow machine has less to check in the
    /// end than it could take meanwhile.
    pub(crate) fn with_rests(runtime: &Handle, clients: Vec<Client>, rest: Duration) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let clients: Vec<_> =
            clients.into_iter().map(|client| (client, Acknowledged::default())).collect();
        let threads = clients
            .iter()
            .map(|(client, acknowledged)| {
                let load = load(client.clone(), stop.clone(), acknowledged.clone(), rest);
                let runtime = runtime.clone();
                std::thread::spawn(move || runtime.block_on(load))
            })
            .collect();
        Self { stop, clients, threads }
    }

    /// How many orders are acknowledged so far.
    #[cfg(feature = "cluster")]
    pub(crate) fn count(&self) -> usize {
        self.clients.iter().map(|(_, acknowledged)| acknowledged.lock().unwrap().len()).sum()
    }

    /// Ends it, once everything that is under way is answered: every client with its orders.
    pub(crate) fn stop(self) -> Vec<(Client, Acknowledged)> {
        self.stop.store(true, Ordering::Release);
        for thread in self.threads {
            thread.join().unwrap();
        }
        self.clients
    }
}
