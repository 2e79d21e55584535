//! A cluster under load, and what must hold of it in the end.

use std::time::Duration;

use sdk::Error;
use tokio::runtime::Runtime;

use super::rig::{Cluster, until};
use crate::load::{Load, assert_books_are_even, resubmit};
use crate::rig::{bic, order, runtime};

/// Banks of a pool under load.
pub(super) const BANKS: u32 = 4;

/// Between a client's rounds of 301 orders: 2,400 orders a second at most.
const REST: Duration = Duration::from_millis(500);

/// Nodes, with load on those that take calls from a client of each bank.
pub(super) struct Loaded {
    pub(super) cluster: Cluster,
    gateways: &'static [&'static str],
    runtime: Runtime,
    load: Load,
}

impl Loaded {
    /// Opens a day and begins.
    pub(super) fn new(cluster: Cluster, gateways: &'static [&'static str]) -> Self {
        let runtime = runtime();
        runtime.block_on(cluster.rig.set_up());
        let guard = runtime.enter();
        let gateway = |bank: u32| gateways[bank as usize % gateways.len()];
        let clients = (0..BANKS).map(|bank| cluster.client(gateway(bank), &bic(bank)));
        let load = Load::with_rests(runtime.handle(), clients.collect(), REST);
        drop(guard);
        let loaded = Self { cluster, gateways, runtime, load };
        loaded.more(500);
        loaded
    }

    /// Waits until so many more orders are acknowledged.
    pub(super) fn more(&self, orders: usize) {
        let enough = self.load.count() + orders;
        until("orders are acknowledged", || self.load.count() >= enough);
    }

    /// Waits until a gateway refuses an order for now, for this reason, and says when to come again.
    pub(super) fn await_refused(&self, gateway: &str, reason: &str) {
        until("an order is refused", || match self.hand_in_once(gateway) {
            Err(Error::Refused(refusal)) if refusal.reason == reason => {
                assert_eq!(refusal.code as i32, 14, "UNAVAILABLE: {refusal}");
                assert!(refusal.retry_after.is_some(), "{refusal}");
                true
            }
            _ => false,
        });
    }

    /// Waits until a gateway takes an order.
    pub(super) fn await_taken(&self, gateway: &str) {
        until("an order is taken", || self.hand_in_once(gateway).is_ok());
    }

    /// Hands in an order of its own, and waits two seconds for an answer.
    fn hand_in_once(&self, gateway: &str) -> Result<(), Error> {
        let _guard = self.runtime.enter();
        let client = self.cluster.impatient_client(gateway, &bic(0));
        let batch = client.sign(vec![order(&client, 1, "once")]).unwrap();
        self.runtime.block_on(client.submit_batch(&batch)).map(drop)
    }

    /// Ends the load and the nodes: whoever is asked, nothing that was acknowledged is lost, and the
    /// books are even. What `causewayd verify` says of each of the given configurations.
    pub(super) fn end(self, verified: &[&str]) -> Vec<serde_json::Value> {
        let Self { mut cluster, gateways, runtime, load } = self;
        let banks = load.stop();
        let count: usize = banks.iter().map(|(_, orders)| orders.lock().unwrap().len()).sum();
        let guard = runtime.enter();
        runtime.block_on(async {
            for (client, acknowledged) in &banks {
                resubmit(client, acknowledged).await;
            }
            for name in gateways {
                assert_books_are_even(&cluster.client(name, "alice"), BANKS).await;
            }
        });
        drop(guard);
        cluster.terminate_all();
        let reports: Vec<_> = verified.iter().map(|name| cluster.verify(name)).collect();
        eprintln!("{count} orders acknowledged; {}", reports[0]);
        let orders = |report: &serde_json::Value| report["orders"].as_u64().unwrap();
        assert!(
            reports.iter().all(|report| orders(report) >= 2 * count as u64),
            "each logged twice"
        );
        reports
    }
}
