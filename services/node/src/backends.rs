//! Log and store of a node, wherever its configuration says they are.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result};
use bus::Log;
use bus::embedded::EmbeddedLog;
use store::Store;
use store::embedded::EmbeddedStore;

use crate::config::{Config, Settings};
use crate::datadir::DataDir;
use crate::genesis;

/// The logs of a pool.
pub(crate) struct Logs {
    /// What everything is a function of.
    pub(crate) orders: Arc<dyn Log>,
    /// What its settlers tell each other; none where there is only one.
    pub(crate) outcomes: Option<Arc<dyn Log>>,
}

/// Opens the logs of a pool.
///
/// # Errors
/// They cannot be reached or read, or do not keep what they must promise.
pub(crate) fn open_logs(config: &Config, pool: u32, dir: Option<&DataDir>) -> Result<Logs> {
    match &config.brokers {
        None => {
            let dir = dir.context("an embedded log needs a data directory")?;
            let log = EmbeddedLog::open(&dir.log(), pool, config.log.clone());
            Ok(Logs { orders: Arc::new(log.context("cannot open the log")?), outcomes: None })
        }
        #[cfg(feature = "cluster")]
        Some(brokers) => crate::cluster::open_logs(config, brokers, pool),
        #[cfg(not(feature = "cluster"))]
        Some(_) => anyhow::bail!("this build cannot talk to Kafka"),
    }
}

/// Whether a path names a node's configuration, rather than a folder or an export.
pub(crate) fn is_config(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "toml")
}

/// Takes the data directory, if anything of this process is kept in it.
///
/// # Errors
/// It cannot be made, or another process has it.
pub(crate) fn data_dir(config: &Config) -> Result<Option<DataDir>> {
    let kept = config.brokers.is_none() || config.cql.is_none();
    kept.then(|| DataDir::create(&config.data_dir)).transpose()
}

/// What a configuration names, opened to be looked at. An embedded store stays locked; a shared log
/// and store may grow meanwhile.
pub(crate) struct Opened {
    pub(crate) log: Arc<dyn Log>,
    pub(crate) store: Arc<dyn Store>,
    _dir: Option<DataDir>,
}

/// Opens what a configuration names.
///
/// # Errors
/// The configuration cannot be used, or what it names cannot be opened.
pub(crate) fn open_to_read(file: &Path) -> Result<Opened> {
    let config = Config::new(&Settings::load(Some(file))?, &[])?;
    let pool = genesis::read(&config.genesis, [0; 32])?.genesis.pool;
    let dir = data_dir(&config)?;
    let log = open_logs(&config, pool, dir.as_ref())?.orders;
    Ok(Opened { log, store: open_store(&config, pool, dir.as_ref())?, _dir: dir })
}

/// Opens the store.
///
/// # Errors
/// It cannot be opened.
pub(crate) fn open_store(
    config: &Config,
    pool: u32,
    dir: Option<&DataDir>,
) -> Result<Arc<dyn Store>> {
    match &config.cql {
        None => {
            let dir = dir.context("an embedded store needs a data directory")?;
            let store = EmbeddedStore::open(dir.store(), config.store.clone());
            Ok(Arc::new(store.context("cannot open the store")?))
        }
        #[cfg(feature = "cluster")]
        Some(nodes) => crate::cluster::open_store(nodes, pool),
        #[cfg(not(feature = "cluster"))]
        Some(_) => anyhow::bail!("this build cannot talk to a CQL store of pool {pool}"),
    }
}
