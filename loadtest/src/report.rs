//! The figures, for people and for scripts.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "this file is what prints")]

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};

use crate::driver::Outcome;
use crate::faults::Felt;
use crate::oracle::Verdict;
use crate::processes::Used;
use crate::sealed::Opened;
use crate::workload::Workload;

/// Everything that was measured.
#[derive(Debug)]
pub(crate) struct Report {
    orders: u64,
    batches: usize,
    pub(crate) payload_bytes: usize,
    outcome: Outcome,
    used: Used,
    driver_cpu: Duration,
    prepare_cpu: Duration,
    oracle: Verdict,
    pub(crate) faults: Vec<Felt>,
    /// What readers made of sealed orders; none if they were opaque.
    pub(crate) opened: Option<Opened>,
    /// The same with opaque payloads of the same size, to compare.
    pub(crate) opaque: Option<Box<Self>>,
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
        used: Used,
        (driver_cpu, prepare_cpu): (Duration, Duration),
        oracle: Verdict,
    ) -> Self {
        let (orders, batches) = (workload.movements.len() as u64, workload.batches.len());
        let payload_bytes = workload.payload_bytes();
        let (faults, opened, opaque) = (Vec::new(), None, None);
        Self {
            orders,
            batches,
            payload_bytes,
            outcome,
            used,
            driver_cpu,
            prepare_cpu,
            oracle,
            faults,
            opened,
            opaque,
        }
    }

    /// Whether all was as it should be.
    pub(crate) fn holds(&self) -> bool {
        self.oracle.ok
            && self.opened.as_ref().is_none_or(|opened| opened.failed == 0)
            && self.opaque.as_ref().is_none_or(|opaque| opaque.holds())
    }

    /// The rate as a share of another one's.
    fn share_of(&self, other: &Self) -> f64 {
        self.rate(self.outcome.elapsed) as f64 / other.rate(other.outcome.elapsed).max(1) as f64
    }

    fn per_million(&self, cpu: Duration) -> f64 {
        cpu.as_secs_f64() * 1e6 / self.orders.max(1) as f64
    }

    /// CPU seconds for a million orders, by process; making the orders apart.
    fn cpu(&self) -> BTreeMap<String, f64> {
        let mut cpu = self.used.per_million(self.orders);
        if cpu.is_empty() {
            // Of a node that is not ours nothing is known.
            cpu.insert("node".to_owned(), 0.0);
        }
        cpu.insert("driver".to_owned(), self.per_million(self.driver_cpu));
        cpu.insert("driver_preparation".to_owned(), self.per_million(self.prepare_cpu));
        cpu
    }

    fn rate(&self, elapsed: Duration) -> u64 {
        (self.orders as f64 / elapsed.as_secs_f64().max(1e-9)) as u64
    }

    fn json(&self) -> Value {
        let latency = |quantile| self.outcome.latency_us.value_at_quantile(quantile);
        let mut report = json!({
            "orders": self.orders,
            "batches": self.batches,
            "payload_bytes": self.payload_bytes,
            "sealed": self.opened.is_some(),
            "seconds": self.outcome.elapsed.as_secs_f64(),
            "orders_per_second": self.rate(self.outcome.elapsed),
            "acknowledged_per_second": self.rate(self.outcome.acknowledged),
            "cpu_seconds_per_million": self.cpu(),
            "latency_us": {
                "p50": latency(0.5),
                "p99": latency(0.99),
                "p999": latency(0.999),
                "max": self.outcome.latency_us.max(),
            },
            "latency_counts_from": if self.outcome.open_loop { "due" } else { "sent" },
            "bytes_per_order": self.used.bytes_written() / self.orders.max(1),
            "memory_peak_bytes": self.used.memory_peaks(),
            "oracle": {
                "ok": self.oracle.ok,
                "accounts": self.oracle.accounts,
                "payments": self.oracle.payments,
                "violations": self.oracle.violations,
            },
        });
        if !self.faults.is_empty() {
            let felt = self.faults.iter().map(
                |felt| json!({ "fault": felt.what, "silence_seconds": felt.silence.as_secs_f64() }),
            );
            report["faults"] = felt.collect();
        }
        if let Some(opened) = &self.opened {
            report["opened"] = json!({
                "orders": opened.orders,
                "failed": opened.failed,
                "violations": opened.violations,
            });
        }
        if let Some(opaque) = &self.opaque {
            report["share_of_opaque_rate"] = json!(self.share_of(opaque));
            report["opaque"] = opaque.json();
        }
        report
    }

    pub(crate) fn print(&self, as_json: bool) {
        if as_json {
            println!("{}", self.json());
            return;
        }
        self.print_text();
        if let Some(opened) = &self.opened {
            println!("{} orders opened by their receivers, {} not", opened.orders, opened.failed);
            opened.violations.iter().for_each(|it| println!("opening: VIOLATION: {it}"));
        }
        if let Some(opaque) = &self.opaque {
            println!("\nopaque payloads of the same size:");
            opaque.print_text();
            println!("\nsealed: {:.1} % of the opaque rate", 100.0 * self.share_of(opaque));
        }
    }

    fn print_text(&self) {
        let latency = |quantile| self.outcome.latency_us.value_at_quantile(quantile);
        println!(
            "{} orders in {:.1} s: {} orders/s from socket to durable ledger rows",
            self.orders,
            self.outcome.elapsed.as_secs_f64(),
            self.rate(self.outcome.elapsed)
        );
        let cpu = self.cpu();
        let cpu = cpu.iter().map(|(name, seconds)| format!("{name} {seconds:.2}"));
        println!("CPU seconds per million: {}", cpu.collect::<Vec<_>>().join(", "));
        println!(
            "latency of a batch: p50 {} us, p99 {} us, p99.9 {} us, max {} us",
            latency(0.5),
            latency(0.99),
            latency(0.999),
            self.outcome.latency_us.max()
        );
        println!(
            "{} bytes written per order, payloads of {} bytes",
            self.used.bytes_written() / self.orders.max(1),
            self.payload_bytes
        );
        for felt in &self.faults {
            let seconds = felt.silence.as_secs_f64();
            println!("{}: {seconds:.1} s without an answer at most", felt.what);
        }
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
