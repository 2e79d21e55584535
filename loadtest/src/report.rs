//! The figures, for people and for scripts.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "this file is what prints")]

use std::time::Duration;

use serde_json::{Value, json};

use crate::driver::Outcome;
use crate::oracle::Verdict;
use crate::usage::Usage;
use crate::workload::Workload;

/// Everything that was measured.
#[derive(Debug)]
pub(crate) struct Report {
    orders: u64,
    batches: usize,
    outcome: Outcome,
    node: Usage,
    driver_cpu: Duration,
    prepare_cpu: Duration,
    pub(crate) oracle: Verdict,
}

/// Tells what went wrong.
pub(crate) fn complain(error: &anyhow::Error) {
    eprintln!("loadtest: {error:#}");
}

/// Prints a finished report.
#[cfg(feature = "cluster")]
pub(crate) fn say(text: &str) {
    println!("{text}");
}

impl Report {
    pub(crate) fn new(
        workload: &Workload,
        outcome: Outcome,
        node: Usage,
        (driver_cpu, prepare_cpu): (Duration, Duration),
        oracle: Verdict,
    ) -> Self {
        let (orders, batches) = (workload.movements.len() as u64, workload.batches.len());
        Self { orders, batches, outcome, node, driver_cpu, prepare_cpu, oracle }
    }

    fn per_million(&self, cpu: Duration) -> f64 {
        cpu.as_secs_f64() * 1e6 / self.orders.max(1) as f64
    }

    fn rate(&self, elapsed: Duration) -> u64 {
        (self.orders as f64 / elapsed.as_secs_f64().max(1e-9)) as u64
    }

    fn json(&self) -> Value {
        let latency = |quantile| self.outcome.latency_us.value_at_quantile(quantile);
        json!({
            "orders": self.orders,
            "batches": self.batches,
            "seconds": self.outcome.elapsed.as_secs_f64(),
            "orders_per_second": self.rate(self.outcome.elapsed),
            "acknowledged_per_second": self.rate(self.outcome.acknowledged),
            "cpu_seconds_per_million": {
                "node": self.per_million(self.node.cpu),
                "driver": self.per_million(self.driver_cpu),
                "driver_preparation": self.per_million(self.prepare_cpu),
            },
            "latency_us": {
                "p50": latency(0.5),
                "p99": latency(0.99),
                "p999": latency(0.999),
                "max": self.outcome.latency_us.max(),
            },
            "latency_counts_from": if self.outcome.open_loop { "due" } else { "sent" },
            "bytes_per_order": self.node.bytes_written / self.orders.max(1),
            "node_memory_peak_bytes": self.node.memory_peak_bytes,
            "oracle": {
                "ok": self.oracle.ok,
                "accounts": self.oracle.accounts,
                "payments": self.oracle.payments,
                "violations": self.oracle.violations,
            },
        })
    }

    pub(crate) fn print(&self, as_json: bool) {
        if as_json {
            println!("{}", self.json());
            return;
        }
        let latency = |quantile| self.outcome.latency_us.value_at_quantile(quantile);
        println!(
            "{} orders in {:.1} s: {} orders/s from socket to durable ledger rows",
            self.orders,
            self.outcome.elapsed.as_secs_f64(),
            self.rate(self.outcome.elapsed)
        );
        println!(
            "CPU seconds per million: node {:.2}, driver {:.2} (and {:.2} to make the orders)",
            self.per_million(self.node.cpu),
            self.per_million(self.driver_cpu),
            self.per_million(self.prepare_cpu)
        );
        println!(
            "latency of a batch: p50 {} us, p99 {} us, p99.9 {} us, max {} us",
            latency(0.5),
            latency(0.99),
            latency(0.999),
            self.outcome.latency_us.max()
        );
        println!("{} bytes written per order", self.node.bytes_written / self.orders.max(1));
        if self.oracle.ok {
            println!(
                "oracle: {} accounts and {} payments as expected",
                self.oracle.accounts, self.oracle.payments
            );
        }
        for violation in &self.oracle.violations {
            println!("oracle: VIOLATION: {violation}");
        }
    }
}
