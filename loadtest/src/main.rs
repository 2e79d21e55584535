//! Load on a node, measured and checked.
//!
//! `workload` makes orders from a seed, `driver` hands them in over mTLS (`feed` is a bank's stream),
//! `oracle` is a naive bank that says what the books must hold afterwards, `scene` starts nodes of its
//! own and funds a pool, `sealed` seals the orders and opens some of them at the end.
//! `faults` kills and freezes parts meanwhile.
//! `ceiling` (feature `cluster`) asks what the brokers and the CQL nodes behind a node would take.

#[cfg(feature = "cluster")]
mod ceiling;
mod driver;
mod faults;
mod feed;
mod nodes;
mod oracle;
mod processes;
mod report;
mod scene;
mod sealed;
mod usage;
mod workload;

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use clap::{Args, Parser, Subcommand, ValueEnum};
use tokio::sync::watch;

use crate::driver::Pace;
use crate::faults::FaultArgs;
use crate::nodes::{Cluster, Parts};
use crate::oracle::Before;
use crate::processes::Processes;
use crate::report::Report;
use crate::scene::{Scene, Stage};
use crate::sealed::{Scheme, Seals};
use crate::workload::{Shape, Workload};

#[derive(Debug, Parser)]
#[command(version, about = "Loads a Causeway node, measures it and checks its books")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Hands in orders, waits until all are durable ledger rows, checks the books
    Run(RunArgs),
    /// What a plain producer and a plain writer get through on a running cluster, alone and at once
    #[cfg(feature = "cluster")]
    Ceiling(ceiling::CeilingArgs),
}

#[derive(Debug, Args)]
struct RunArgs {
    /// Orders to hand in
    #[arg(long, default_value_t = 1_000_000)]
    orders: u64,
    /// Seed of the workload: the same seed gives the same orders
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Orders in a batch, 1 to 1024
    #[arg(long, default_value_t = 512, value_parser = clap::value_parser!(u16).range(1..=1024))]
    batch: u16,
    /// Bytes of each order's opaque payload; with --sealed of its details, before they are sealed
    #[arg(long, default_value_t = 256, value_parser = clap::value_parser!(u32).range(0..=65_536))]
    payload_bytes: u32,
    /// Banks, 2 to 1000
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u32).range(2..=1000))]
    participants: u32,
    /// Share of urgent orders, in percent
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u8).range(0..=100))]
    urgent_share: u8,
    /// Orders a second, handed in when they are due whatever the node does (open loop; latency
    /// counts from the due time). Without it as fast as the window allows
    #[arg(long)]
    rate: Option<u64>,
    /// Batches under way at once, at most
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..=4096))]
    in_flight: u32,
    /// Load the node at this address instead of starting one
    #[arg(long)]
    target: Option<String>,
    /// Directory made by `causeway dev init`; with --target that of the running node, by default
    /// `dev`; without, where to make one
    #[arg(long)]
    dir: Option<PathBuf>,
    /// Keep the node's directory
    #[arg(long, conflicts_with = "sealed")]
    keep: bool,
    /// Seal the orders, half of the details for receiver and overseer, half for the receiver; at
    /// the end open some of them as their receivers. Then hand in as many opaque payloads of the
    /// same size to another node, to compare
    #[arg(long, conflicts_with_all = ["target", "dir"])]
    sealed: bool,
    /// Orders to open after a run with --sealed
    #[arg(long, default_value_t = 1_000)]
    open: u64,
    /// Processes on the servers of a running `deploy/local/cluster`: a gateway, two settlers and a
    /// projector; `causewayd` must be built with the feature `cluster`
    #[arg(long, conflicts_with = "target")]
    cluster: bool,
    /// Folder of that cluster, to tell its processes' CPU
    #[arg(long, default_value = "target/cluster")]
    cluster_dir: PathBuf,
    /// Brokers to begin with
    #[arg(long, value_delimiter = ',', default_value = "127.0.0.1:19092,127.0.0.1:19192")]
    brokers: Vec<String>,
    /// CQL nodes to begin with
    #[arg(
        long,
        value_delimiter = ',',
        default_value = "127.0.0.1:9042,127.0.0.2:9042,127.0.0.3:9042"
    )]
    hosts: Vec<String>,
    /// With --cluster so many whole nodes instead, each with a store of its own; the first is loaded
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=8))]
    nodes: Option<u32>,
    #[command(flatten)]
    faults: FaultArgs,
    /// How to print the report
    #[arg(long, value_enum, default_value_t = Output::Text)]
    output: Output,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Output {
    Text,
    Json,
}

fn main() -> ExitCode {
    let command = Cli::parse().command;
    let _ = rustls::crypto::ring::default_provider().install_default();
    match obey(&command) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(6),
        Err(error) => {
            report::complain(&error);
            ExitCode::from(1)
        }
    }
}

/// Whether all is as it should be.
#[tokio::main(flavor = "current_thread")]
async fn obey(command: &Command) -> anyhow::Result<bool> {
    match command {
        Command::Run(args) => run(args).await,
        #[cfg(feature = "cluster")]
        Command::Ceiling(args) => ceiling::run(args).await.map(|()| true),
    }
}

async fn run(args: &RunArgs) -> anyhow::Result<bool> {
    let shape = Shape {
        seed: args.seed,
        orders: args.orders,
        batch: usize::from(args.batch),
        payload_bytes: args.payload_bytes as usize,
        urgent_percent: args.urgent_share,
    };
    let mut report = if args.sealed {
        let scheme = Scheme::new()?;
        let scene = Scene::start(&args.stage(Some(scheme.root()))).await?;
        on(args, shape, scene, Some(&scheme)).await?
    } else {
        on(args, shape, scene(args).await?, None).await?
    };
    if args.sealed {
        let shape = Shape { payload_bytes: report.payload_bytes, ..shape };
        let opaque = on(args, shape, scene(args).await?, None).await?;
        report.opaque = Some(Box::new(opaque));
    }
    report.print(args.output == Output::Json);
    Ok(report.holds())
}

async fn scene(args: &RunArgs) -> anyhow::Result<Scene> {
    match (&args.target, &args.dir) {
        (Some(address), dir) => Scene::join(address, dir.as_deref().unwrap_or("dev".as_ref())),
        (None, _) => Scene::start(&args.stage(None)).await,
    }
}

impl RunArgs {
    /// Everything whose use is told, but this process.
    async fn processes(&self, scene: &Scene) -> Processes {
        let ours = scene.processes().await;
        if self.cluster { ours.and(Processes::of_cluster(&self.cluster_dir)) } else { ours }
    }

    fn stage(&self, root: Option<[u8; 32]>) -> Stage<'_> {
        Stage {
            banks: self.participants,
            dir: self.dir.as_deref(),
            keep: self.keep,
            root,
            cluster: self.cluster.then(|| Cluster {
                brokers: &self.brokers,
                parts: self.nodes.map_or(Parts::Roles(&self.hosts), Parts::Whole),
            }),
        }
    }
}

/// Measures on a scene, and ends it.
async fn on(
    args: &RunArgs,
    shape: Shape,
    scene: Scene,
    scheme: Option<&Scheme>,
) -> anyhow::Result<Report> {
    let report = measure(args, shape, &scene, scheme).await;
    let ended = scene.end().await;
    let report = report?;
    ended.context("stop the node")?;
    Ok(report)
}

async fn measure(
    args: &RunArgs,
    shape: Shape,
    scene: &Scene,
    scheme: Option<&Scheme>,
) -> anyhow::Result<Report> {
    args.faults.check(&*scene.nodes().lock().await, &args.cluster_dir)?;
    let banks = scene.prepare().await.context("prepare the pool")?;
    let (seals, sealers) = match scheme {
        Some(scheme) => {
            let prepared = Seals::prepare(scheme, scene, &banks).await;
            let (seals, sealers) = prepared.context("prepare sealing")?;
            (Some(seals), Some(sealers))
        }
        None => (None, None),
    };
    let prepared_from = usage::own_cpu();
    let workload = Arc::new(Workload::make(shape, &banks, sealers)?);
    let prepare_cpu = usage::own_cpu() - prepared_from;
    let books = Before::read(scene.observer()).await.context("read the books")?;
    let pace = Pace { rate: args.rate, in_flight: args.in_flight as usize };
    let before = args.processes(scene).await.used();
    let own_before = usage::own_cpu();
    let (progress, answered) = watch::channel(0.0);
    let load = async {
        let handed_in = driver::hand_in(&workload, &banks, pace, progress).await?;
        let answered_at = handed_in.answered_at.clone();
        anyhow::Ok((answered_at, handed_in.settled(&books, scene.observer()).await?))
    };
    let faults = args.faults.inflict(scene.nodes(), &args.cluster_dir, answered);
    // Both to their ends, whatever happens: what is killed or frozen is brought back.
    let (loaded, suffered) = tokio::join!(load, faults);
    let (answered_at, outcome) = loaded?;
    let felt = faults::felt(suffered?, &answered_at)?;
    let driver_cpu = usage::own_cpu() - own_before;
    let used = args.processes(scene).await.used().since(&before);
    let oracle = oracle::check(&workload, &banks, &books, &outcome, scene.observer()).await?;
    let mut report = Report::new(&workload, outcome, used, (driver_cpu, prepare_cpu), oracle);
    report.faults = felt;
    if let Some(seals) = &seals {
        let some = (args.open, shape.payload_bytes);
        let opened = sealed::open_some(seals, &workload, some, shape.seed).await;
        report.opened = Some(opened.context("open orders")?);
    }
    Ok(report)
}

/// How long anything but the load itself may take.
const PATIENCE: Duration = Duration::from_secs(120);
