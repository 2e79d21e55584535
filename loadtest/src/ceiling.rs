//! What the brokers and the CQL nodes would take from a program that does nothing else: records as
//! long as the node's into a topic, packed rows of as many bytes an order as the projector's into a
//! table, each alone and then both at once.
//!
//! At once, neither side gets far ahead of the other, as the log and the store of a settled order do
//! not: so none of them takes the machine from the other for orders that would never be both.

mod log;
mod store;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context as _, ensure};
use clap::Args;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use crate::Output;
use crate::processes::{Processes, Used};
use crate::report;

/// Runs before the clock starts, so that connections are open and the code of the JVMs is warm.
const WARM_UP: Duration = Duration::from_secs(3);
/// Orders by which one side may be ahead of the other when both run.
const AHEAD_MAX: u64 = 65_536;
/// Around the orders of a record: its header and its fixed fields (docs/internals/records.md).
const RECORD_FIXED_BYTES: u64 = 32 + 4 + 4 + 64 + 32;
/// Of each order in a record: its digest and its header.
const ORDER_BYTES: u64 = 32 + 192;

#[derive(Debug, Args)]
pub(crate) struct CeilingArgs {
    /// Folder of the running `deploy/local/cluster`: to tell its processes' CPU
    #[arg(long, default_value = "target/cluster")]
    dir: PathBuf,
    /// Brokers to begin with
    #[arg(long, value_delimiter = ',', default_value = "127.0.0.1:19092,127.0.0.1:19192")]
    brokers: Vec<String>,
    /// CQL nodes to begin with
    #[arg(long, value_delimiter = ',', default_value = "127.0.0.1:9042,127.0.0.2:9042")]
    hosts: Vec<String>,
    /// Measured seconds of each of the three parts
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=600))]
    seconds: u64,
    /// Orders in a record, 1 to 1024
    #[arg(long, default_value_t = 512, value_parser = clap::value_parser!(u64).range(1..=1024))]
    batch: u64,
    /// Bytes of each order's payload
    #[arg(long, default_value_t = 256, value_parser = clap::value_parser!(u64).range(0..=65_536))]
    payload_bytes: u64,
    /// Bytes of rows an order: what a node reports as `causeway_projector_written_bytes_total` by
    /// `causeway_projector_payments_total`
    #[arg(long, default_value_t = 142, value_parser = clap::value_parser!(u64).range(1..=4096))]
    store_bytes: u64,
    /// Records on their way to the brokers at once
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..=1024))]
    records_in_flight: u32,
    /// Rows on their way to the CQL nodes at once
    #[arg(long, default_value_t = 32, value_parser = clap::value_parser!(u32).range(1..=1024))]
    rows_in_flight: u32,
    /// How to print the report
    #[arg(long, value_enum, default_value_t = Output::Text)]
    output: Output,
}

impl CeilingArgs {
    fn record_bytes(&self) -> u64 {
        RECORD_FIXED_BYTES + self.batch * (ORDER_BYTES + self.payload_bytes)
    }

    fn segment_orders(&self) -> u64 {
        (store::SEGMENT_BYTES as u64 / self.store_bytes).max(1)
    }
}

/// How far the two sides are.
#[derive(Debug, Default)]
struct Progress {
    /// Orders in records that the brokers answered for.
    logged: AtomicU64,
    /// Orders in rows that a quorum answered for.
    stored: AtomicU64,
    both: bool,
    stop: AtomicBool,
}

impl Progress {
    fn stopped(&self) -> bool {
        self.stop.load(Ordering::Acquire)
    }

    fn log_may_go_on(&self) -> bool {
        !self.both || counted(&self.logged) < counted(&self.stored) + AHEAD_MAX
    }

    fn store_may_go_on(&self) -> bool {
        !self.both || counted(&self.stored) < counted(&self.logged) + AHEAD_MAX
    }
}

fn counted(orders: &AtomicU64) -> u64 {
    orders.load(Ordering::Acquire)
}

/// Which sides run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Log,
    Store,
    Both,
}

/// What a part came to.
struct Measured {
    part: Part,
    elapsed: Duration,
    logged: u64,
    stored: u64,
    used: Used,
}

/// Measures and prints.
pub(crate) async fn run(args: &CeilingArgs) -> anyhow::Result<()> {
    let topic = log::Topic::create(&args.brokers).await.context("make a topic")?;
    let table = store::Table::create(&args.hosts).await.context("make a keyspace")?;
    let measured = measure_all(args, &topic, &table).await;
    // Removed whatever came of it.
    let removed = (topic.remove().await, table.remove().await);
    let measured = measured?;
    removed.0.context("remove the topic")?;
    removed.1.context("remove the keyspace")?;
    match args.output {
        Output::Json => report::say(&to_json(args, &measured).to_string()),
        Output::Text => report::say(&to_text(args, &measured)),
    }
    Ok(())
}

async fn measure_all(
    args: &CeilingArgs,
    topic: &log::Topic,
    table: &store::Table,
) -> anyhow::Result<Vec<Measured>> {
    let mut measured = Vec::new();
    for part in [Part::Log, Part::Store, Part::Both] {
        measured.push(measure(args, part, topic, table).await?);
    }
    Ok(measured)
}

async fn measure(
    args: &CeilingArgs,
    part: Part,
    topic: &log::Topic,
    table: &store::Table,
) -> anyhow::Result<Measured> {
    let progress = Arc::new(Progress { both: part == Part::Both, ..Progress::default() });
    let logs = (part != Part::Store).then(|| {
        let (size, in_flight) = (args.record_bytes() as usize, args.records_in_flight as usize);
        topic.fill((args.batch, size), in_flight, progress.clone())
    });
    let stores = (part != Part::Log)
        .then(|| table.fill(args.segment_orders(), args.rows_in_flight as usize, progress.clone()));
    sleep(WARM_UP).await;
    let processes = Processes::of_cluster(&args.dir).and_self();
    let (before, from) = (processes.used(), Instant::now());
    let (logged, stored) = (counted(&progress.logged), counted(&progress.stored));
    sleep(Duration::from_secs(args.seconds)).await;
    let logged = counted(&progress.logged) - logged;
    let stored = counted(&progress.stored) - stored;
    let (elapsed, used) = (from.elapsed(), processes.used().since(&before));
    progress.stop.store(true, Ordering::Release);
    if let Some(logs) = logs {
        tokio::task::spawn_blocking(move || logs.join())
            .await?
            .map_err(|_| anyhow::anyhow!("the producer panicked"))?
            .context("the brokers")?;
    }
    if let Some(stores) = stores {
        stores.await?.context("the CQL nodes")?;
    }
    ensure!(part == Part::Store || logged > 0, "the brokers answered for nothing");
    ensure!(part == Part::Log || stored > 0, "the CQL nodes answered for nothing");
    Ok(Measured { part, elapsed, logged, stored, used })
}

impl Measured {
    fn rate(&self, count: u64) -> f64 {
        count as f64 / self.elapsed.as_secs_f64()
    }

    /// Orders that this part got through; of both sides the lower number.
    fn orders(&self) -> u64 {
        match self.part {
            Part::Log => self.logged,
            Part::Store => self.stored,
            Part::Both => self.logged.min(self.stored),
        }
    }

    fn name(&self) -> &'static str {
        match self.part {
            Part::Log => "log",
            Part::Store => "store",
            Part::Both => "together",
        }
    }

    /// Bytes a second into the log, and into the store.
    fn bytes(&self, args: &CeilingArgs) -> [f64; 2] {
        let record = args.record_bytes() as f64 / args.batch as f64;
        let segment = store::SEGMENT_BYTES as f64 / args.segment_orders() as f64;
        [self.rate(self.logged) * record, self.rate(self.stored) * segment]
    }
}

fn to_json(args: &CeilingArgs, measured: &[Measured]) -> Value {
    let mut report = json!({
        "seconds": args.seconds,
        "batch": args.batch,
        "payload_bytes": args.payload_bytes,
        "log_bytes_per_order": args.record_bytes() as f64 / args.batch as f64,
        "store_bytes_per_order": args.store_bytes,
    });
    for one in measured {
        let [log, store] = one.bytes(args).map(|bytes| bytes / 1e6);
        report[one.name()] = json!({
            "orders_per_second": one.rate(one.orders()) as u64,
            "log_orders_per_second": one.rate(one.logged) as u64,
            "store_orders_per_second": one.rate(one.stored) as u64,
            "log_megabytes_per_second": log,
            "store_megabytes_per_second": store,
            "cpu_seconds_per_million": one.used.per_million(one.orders()),
        });
    }
    report
}

fn to_text(args: &CeilingArgs, measured: &[Measured]) -> String {
    let mut lines = vec![format!(
        "records of {} orders, {} bytes; {} bytes of rows an order in segments of {} bytes",
        args.batch,
        args.record_bytes(),
        args.store_bytes,
        store::SEGMENT_BYTES
    )];
    for one in measured {
        let [log, store] = one.bytes(args).map(|bytes| bytes / 1e6);
        lines.push(format!(
            "{}: {:.0} orders/s (log {log:.1} MB/s, store {store:.1} MB/s)",
            one.name(),
            one.rate(one.orders()),
        ));
        let cpu = one.used.per_million(one.orders());
        let cpu = cpu.iter().map(|(name, seconds)| format!("{name} {seconds:.2}"));
        lines.push(format!("  CPU seconds per million: {}", cpu.collect::<Vec<_>>().join(", ")));
    }
    lines.join("\n")
}
