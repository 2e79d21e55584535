//! The running node: what it is made of, how it starts, how it drains.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::sync_channel;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use bus::Log;
use bus::embedded::EmbeddedLog;
use bytes::Bytes;
use channel::{LocalSigner, Signer};
use clearing::pack_genesis;
use gateway::{Drained, GatewayParts, ServerTls};
use metrics_exporter_prometheus::PrometheusHandle;
use projector::{Projector, Reader};
use settler::{Clock, PoolHandle, Settler, Solver};
use store::embedded::EmbeddedStore;
use tokio::net::{TcpListener, TcpSocket};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use crate::config::{ClockKind, Config};
use crate::datadir::DataDir;
use crate::genesis::{self, GenesisFile};
use crate::{catalogue, http, ready};

/// Outcomes kept for callers that wait, at most.
const OUTCOMES_MAX: usize = 65_536;
/// Connections that wait to be accepted.
const BACKLOG: u32 = 1_024;
/// How often the way through the log is looked at while the node catches up.
const CATCH_UP_POLL: Duration = Duration::from_millis(10);
/// How long log and store may take to close once nobody is served any more.
const CLOSE_TIME_MAX: Duration = Duration::from_secs(10);

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
    let closed = node.close();
    runtime.shutdown_background();
    Ok(if served? == Exit::Drained && closed { Exit::Drained } else { Exit::CutOff })
}

/// Log, store and pool of one data directory.
struct Node {
    pool: PoolHandle,
    reader: Reader,
    signer: Arc<LocalSigner>,
    clock: Clock,
    settler: Settler,
    projector: Projector,
    log: Arc<EmbeddedLog>,
    store: Arc<EmbeddedStore>,
    dir: DataDir,
}

impl Node {
    /// Opens what is on disk and starts to apply the log. Blocks.
    fn open(config: &Config) -> Result<Self> {
        let signer = read_signer(&config.signing_key)?;
        let begin = genesis::read(&config.genesis, signer.public_key())?;
        let pool = begin.genesis.pool;
        let dir = DataDir::create(&config.data_dir)?;
        let log = EmbeddedLog::open(&dir.log(), pool, config.log.clone());
        let log = Arc::new(log.context("cannot open the log")?);
        let clock = match config.clock {
            ClockKind::System => Clock::System,
            ClockKind::Scripted => Clock::Scripted(Arc::new(AtomicU64::new(0))),
        };
        ensure_genesis(&log, begin)?;
        let store = EmbeddedStore::open(dir.store(), config.store.clone());
        let store = Arc::new(store.context("cannot open the store")?);
        let options = projector::Options::default();
        let (projector, feed, reader) =
            Projector::start(store.clone(), log.clone(), pool, &options)
                .context("cannot start the projector")?;
        let parts = settler::Parts {
            log: log.clone(),
            store: store.clone(),
            feed,
            clock: clock.clone(),
            proposer: Box::new(Solver::default()),
        };
        let options = settler::Options {
            pool,
            outcomes_max: OUTCOMES_MAX,
            outcomes_bytes_max: config.outcomes_bytes_max,
            snapshot_every_orders: config.snapshot_every_orders,
        };
        let (settler, pool) =
            Settler::start(parts, &options).context("cannot start the settler")?;
        Ok(Self { pool, reader, signer, clock, settler, projector, log, store, dir })
    }

    /// Serves calls until a signal comes, then drains.
    async fn serve(
        &self,
        config: &Config,
        metrics: PrometheusHandle,
        ready_file: Option<&Path>,
    ) -> Result<Exit> {
        let mut stop = stop_signal()?;
        let socket = bind(config.listen)?;
        let health = TcpListener::bind(config.metrics_listen).await;
        let health =
            health.with_context(|| format!("cannot listen on {}", config.metrics_listen))?;
        let addresses = (socket.local_addr()?, health.local_addr()?);
        let caught_up = Arc::new(AtomicBool::new(false));
        let ready = readiness(&self.pool, &caught_up, stop.clone());
        let sources = http::Sources { metrics, ready, data_dir: config.data_dir.clone() };
        let http = tokio::spawn(http::serve(health, sources));
        tokio::select! {
            () = self.catch_up() => {}
            _ = stop.changed() => return Ok(Exit::Drained),
        }
        let listener = socket.listen(BACKLOG).context("cannot listen")?;
        let parts = self.gateway(config, listener)?;
        caught_up.store(true, Ordering::Release);
        tracing::info!(metrics = %addresses.1, "listening on {}", addresses.0);
        if self.pool.halted().is_none() {
            ready::announce(addresses, ready_file)?;
        }
        let drained = gateway::serve(parts, async move { drop(stop.changed().await) }).await;
        http.abort();
        Ok(match drained? {
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

    fn gateway(&self, config: &Config, listener: TcpListener) -> Result<GatewayParts> {
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
            reader: self.reader.clone(),
            signer: self.signer.clone(),
            clock: self.clock.clone(),
            tls: tls?,
            trust_domain: config.trust_domain.clone(),
            limits: config.gateway.clone(),
            listener,
        })
    }

    /// Applies and projects what is in the log and closes everything, in this order; whether that
    /// was done in time.
    fn close(self) -> bool {
        let Self { settler, projector, log, store, dir, reader, pool, .. } = self;
        let (done, waiting) = sync_channel(1);
        let closing = std::thread::Builder::new().name("close".to_owned()).spawn(move || {
            settler.stop();
            projector.stop();
            drop((reader, pool, log, store, dir));
            // Nobody waits any more if it took too long.
            _ = done.send(());
        });
        let closed = closing.is_ok() && waiting.recv_timeout(CLOSE_TIME_MAX).is_ok();
        if !closed {
            tracing::error!("log and store could not be closed in time");
        }
        closed
    }
}

fn read_signer(path: &Path) -> Result<Arc<LocalSigner>> {
    let shown = || format!("signing key {}", path.display());
    let pem = std::fs::read_to_string(path).with_context(shown)?;
    Ok(Arc::new(LocalSigner::from_pem(&pem).with_context(shown)?))
}

/// The log begins with the genesis of the file, or with the same one as then.
fn ensure_genesis(log: &EmbeddedLog, begin: GenesisFile) -> Result<()> {
    let GenesisFile { genesis, time_ms } = begin;
    if log.end().0 == 0 {
        let time_ms = time_ms.unwrap_or_else(|| Clock::System.now_ms());
        let record = Bytes::from(pack_genesis(time_ms, &genesis));
        let logged = log.append(record).context("cannot log the genesis")?;
        logged.wait().context("cannot log the genesis")?;
        return Ok(());
    }
    let logged = crate::verify::genesis_of(log)?;
    if logged.hash() != genesis.hash() {
        bail!(
            "the genesis file describes another pool than the one in the log: a pool's beginning \
             never changes (rules are changed by a command); restore the file, or use another \
             data directory"
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
    pool: &PoolHandle,
    caught_up: &Arc<AtomicBool>,
    stop: watch::Receiver<bool>,
) -> http::Readiness {
    let (pool, caught_up) = (pool.clone(), caught_up.clone());
    Arc::new(move || match pool.halted() {
        Some(reason) => Err(format!("halted: {reason}")),
        None if *stop.borrow() => Err("draining".to_owned()),
        None if !caught_up.load(Ordering::Acquire) => Err("applying the log".to_owned()),
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
