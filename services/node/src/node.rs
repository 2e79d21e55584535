//! The running node: what it is made of, how it starts, how it drains.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::sync_channel;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use bus::Log;
use channel::{Genesis, LocalSigner, Signer};
use gateway::{Drained, GatewayParts, ServerTls};
use metrics_exporter_prometheus::PrometheusHandle;
use projector::Reader;
use settler::{Clock, Part, Peers, PeersOptions, PoolHandle, Settler, Solver};
use store::Store;
use tokio::net::{TcpListener, TcpSocket};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use crate::backends::{self, Logs};
use crate::config::{ClockKind, Config, DutyKind, Role};
use crate::datadir::DataDir;
use crate::tables::Tables;
use crate::{catalogue, genesis, http, origin, ready};

/// Outcomes kept for callers that wait, at most.
const OUTCOMES_MAX: usize = 65_536;
/// Connections that wait to be accepted.
const BACKLOG: u32 = 1_024;
/// How often the way through the log is looked at while the node catches up.
const CATCH_UP_POLL: Duration = Duration::from_millis(10);
/// How long log and store may take to close once nobody is served any more, at least: as long as
/// the drain before it.
const CLOSE_TIME_MIN: Duration = Duration::from_secs(10);
/// Without an answer to reads from the log's servers for this long, a process is not ready: what it
/// knows may be this old.
const SILENCE_MAX: Duration = Duration::from_secs(30);

/// How the node ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Everything that was under way was finished.
    Drained,
    /// The deadline cut something off.
    CutOff,
}

/// Runs a node until it is told to stop.
///
/// # Errors
/// It could not start, or serving failed.
pub(crate) fn run(config: &Config, ready_file: Option<&Path>) -> Result<Exit> {
    // It is there already if another part of the process came first.
    drop(rustls::crypto::ring::default_provider().install_default());
    let metrics = catalogue::record()?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(config.worker_threads)
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    let node = Node::open(config)?;
    let served = runtime.block_on(node.serve(config, metrics, ready_file));
    ready::notify("STOPPING=1");
    let closed = node.close(config.gateway.drain_timeout.max(CLOSE_TIME_MIN));
    runtime.shutdown_background();
    Ok(if served? == Exit::Drained && closed { Exit::Drained } else { Exit::CutOff })
}

/// Log, store and pool of one process.
struct Node {
    pool: PoolHandle,
    /// In a process that reads the store.
    reader: Option<Reader>,
    /// In a process that takes calls.
    signer: Option<Arc<LocalSigner>>,
    clock: Clock,
    settler: Settler,
    tables: Tables,
    log: Arc<dyn Log>,
    store: Arc<dyn Store>,
    /// Locked, if anything is kept there.
    dir: Option<DataDir>,
}

impl Node {
    /// Opens log and store and starts to apply the log. Blocks.
    fn open(config: &Config) -> Result<Self> {
        let signer = match config.roles.has(Role::Gateway) || config.brokers.is_none() {
            true => Some(read_signer(&config.signing_key)?),
            false => None,
        };
        let key = signer.as_ref().map(|signer| signer.public_key());
        let begin = genesis::read(&config.genesis, key.unwrap_or_default())?;
        let pool = begin.genesis.pool;
        let dir = backends::data_dir(config)?;
        let Logs { orders: log, outcomes } = backends::open_logs(config, pool, dir.as_ref())?;
        if config.brokers.is_none() && log.end().0 == 0 {
            genesis::begin(&*log, begin)?;
        } else {
            ensure_genesis(&*log, begin.genesis, key)?;
        }
        let store = backends::open_store(config, pool, dir.as_ref())?;
        origin::ensure(&*log, &*store)?;
        let (tables, ends) = Tables::start(&config.roles, (store.clone(), log.clone()), pool)?;
        let (feed, reader) = ends.unzip();
        let clock = match config.clock {
            ClockKind::System => Clock::System,
            ClockKind::Scripted => Clock::Scripted(Arc::new(AtomicU64::new(0))),
        };
        let parts = settler::Parts {
            log: log.clone(),
            store: store.clone(),
            feed,
            clock: clock.clone(),
            proposer: Box::new(Solver::default()),
            peers: outcomes.map(|outcomes| join(outcomes, config, pool)).transpose()?,
        };
        let options = settler::Options {
            pool,
            outcomes_max: OUTCOMES_MAX,
            outcomes_bytes_max: config.outcomes_bytes_max,
            snapshot_every_orders: config.snapshot_every_orders,
            // One snapshot is enough for all who share a store.
            snapshot_on_standby: config.cql.is_none(),
        };
        let (settler, pool) =
            Settler::start(parts, &options).context("cannot start the settler")?;
        Ok(Self { pool, reader, signer, clock, settler, tables, log, store, dir })
    }

    /// Serves calls until a signal comes, then drains.
    async fn serve(
        &self,
        config: &Config,
        metrics: PrometheusHandle,
        ready_file: Option<&Path>,
    ) -> Result<Exit> {
        let mut stop = stop_signal()?;
        let takes_calls = config.roles.has(Role::Gateway);
        let socket = takes_calls.then(|| bind(config.listen)).transpose()?;
        let health = TcpListener::bind(config.metrics_listen).await;
        let health =
            health.with_context(|| format!("cannot listen on {}", config.metrics_listen))?;
        let grpc = socket.as_ref().map(TcpSocket::local_addr).transpose()?;
        let addresses = (grpc, health.local_addr()?);
        let caught_up = Arc::new(AtomicBool::new(false));
        let ready = readiness((&self.pool, &self.log), &caught_up, stop.clone());
        let sources = http::Sources { metrics, ready, data_dir: config.data_dir.clone() };
        let http = tokio::spawn(http::serve(health, sources));
        tokio::select! {
            () = self.catch_up() => {}
            _ = stop.changed() => return Ok(Exit::Drained),
        }
        let edge = socket.map(|socket| self.gateway(config, socket)).transpose()?;
        caught_up.store(true, Ordering::Release);
        tracing::info!(roles = %config.roles, metrics = %addresses.1, ?grpc, "running");
        match self.pool.halted() {
            None => ready::announce(addresses, ready_file)?,
            // Never ready; but whoever starts it has something to look at.
            Some(_) => ready::notify("READY=1\nSTATUS=halted"),
        }
        let told = async move { drop(stop.changed().await) };
        let drained = match edge {
            Some(edge) => gateway::serve(edge, told).await?,
            None => {
                told.await;
                Drained::Clean
            }
        };
        http.abort();
        Ok(match drained {
            Drained::Clean => Exit::Drained,
            Drained::Cut => Exit::CutOff,
        })
    }

    /// Waits until what was in the log at the start is applied, or the pool has halted.
    async fn catch_up(&self) {
        let end = self.log.end().0;
        while self.pool.view().next_position < end && self.pool.halted().is_none() {
            tokio::time::sleep(CATCH_UP_POLL).await;
        }
    }

    fn gateway(&self, config: &Config, socket: TcpSocket) -> Result<GatewayParts> {
        let read = |path: &Path| {
            std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))
        };
        let tls = ServerTls::from_pem(
            &read(&config.tls_ca)?,
            &read(&config.tls_certificate)?,
            &read(&config.tls_key)?,
        );
        Ok(GatewayParts {
            log: self.log.clone(),
            pool: self.pool.clone(),
            reader: self.reader.clone().context("a gateway needs a store to read")?,
            signer: self.signer.clone().context("a gateway needs its receipt key")?,
            clock: self.clock.clone(),
            tls: tls?,
            trust_domain: config.trust_domain.clone(),
            limits: config.gateway.clone(),
            listener: socket.listen(BACKLOG).context("cannot listen")?,
        })
    }

    /// Applies and projects what is in the log and closes everything, in this order; whether that
    /// was done in time.
    fn close(self, time: Duration) -> bool {
        let Self { settler, tables, log, store, dir, reader, pool, .. } = self;
        let (done, waiting) = sync_channel(1);
        let closing = std::thread::Builder::new().name("close".to_owned()).spawn(move || {
            // A settler cannot hand on its last outcomes while the store takes nothing.
            if !settler.stops_within(time / 2) {
                tables.give_up();
            }
            settler.stop();
            tables.stop();
            drop((reader, pool, log, store, dir));
            // Nobody waits any more if it took too long.
            _ = done.send(());
        });
        let closed = closing.is_ok() && waiting.recv_timeout(time).is_ok();
        if !closed {
            tracing::error!("log and store could not be closed in time");
        }
        closed
    }
}

pub(crate) fn read_signer(path: &Path) -> Result<Arc<LocalSigner>> {
    let shown = || format!("signing key {}", path.display());
    let pem = std::fs::read_to_string(path).with_context(shown)?;
    Ok(Arc::new(LocalSigner::from_pem(&pem).with_context(shown)?))
}

/// Takes this process in among the other replicas of the pool.
fn join(outcomes: Arc<dyn Log>, config: &Config, pool: u32) -> Result<Peers> {
    let part = match config.duty {
        _ if !config.roles.has(Role::Settler) => Part::Listens,
        DutyKind::Auto => Part::Contends,
        DutyKind::Always => Part::Leads,
        DutyKind::Never => Part::Stands,
    };
    let options = PeersOptions { pool, part, takeover: config.takeover };
    Peers::start(outcomes, options).context("cannot join the other settlers")
}

/// The log begins with the genesis of the file; `key` is the operator's, where it is known.
fn ensure_genesis(log: &dyn Log, mut begin: Genesis, key: Option<[u8; 32]>) -> Result<()> {
    if log.end().0 == 0 {
        bail!("the log is empty: `causewayd cluster init` begins it with the genesis");
    }
    let logged = crate::verify::genesis_of(log)?;
    begin.operator_key = key.unwrap_or(logged.operator_key);
    if logged.hash() != begin.hash() {
        bail!(
            "the genesis file describes another pool than the one in the log: a pool's beginning \
             never changes (rules are changed by a command); restore the file, or use another \
             log (data_dir; of a cluster: log.brokers, log.topic_prefix)"
        );
    }
    Ok(())
}

/// Takes the address without accepting connections yet: until the node has caught up, callers are
/// refused at once instead of being kept waiting.
fn bind(address: SocketAddr) -> Result<TcpSocket> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() };
    let socket = socket.context("cannot make a socket")?;
    socket.set_reuseaddr(true).context("cannot make a socket")?;
    socket.bind(address).with_context(|| format!("cannot listen on {address}"))?;
    Ok(socket)
}

fn readiness(
    (pool, log): (&PoolHandle, &Arc<dyn Log>),
    caught_up: &Arc<AtomicBool>,
    stop: watch::Receiver<bool>,
) -> http::Readiness {
    let (pool, log, caught_up) = (pool.clone(), log.clone(), caught_up.clone());
    Arc::new(move || match pool.halted() {
        Some(reason) => Err(format!("halted: {reason}")),
        None if *stop.borrow() => Err("draining".to_owned()),
        None if !caught_up.load(Ordering::Acquire) => Err("applying the log".to_owned()),
        None if log.silence() > SILENCE_MAX => {
            Err(format!("the log's servers have not answered for {} s", log.silence().as_secs()))
        }
        None => Ok(()),
    })
}

/// Becomes true when the process is told to stop.
fn stop_signal() -> Result<watch::Receiver<bool>> {
    let (told, stop) = watch::channel(false);
    let mut terminate = signal(SignalKind::terminate()).map_err(|error| anyhow!(error))?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(|error| anyhow!(error))?;
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tracing::info!("draining");
        told.send_replace(true);
        // Dropping the sender would end the channel: keep it as long as the process lives.
        std::future::pending::<()>().await;
    });
    Ok(stop)
}
