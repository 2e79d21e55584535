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
pub(crate) fn open_logs(config: &Config, pool: u32, dir: &DataDir) -> Result<Logs> {
    match &config.brokers {
        None => {
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

/// Opens what a configuration names, to look at it: a shared log, which may grow meanwhile, and the
/// data directory with the store, which no node may have open.
///
/// # Errors
/// The configuration cannot be used, or what it names cannot be opened.
pub(crate) fn open_to_read(file: &Path) -> Result<(Arc<dyn Log>, DataDir)> {
    let config = Config::new(&Settings::load(Some(file))?, &[])?;
    let pool = genesis::read(&config.genesis, [0; 32])?.genesis.pool;
    let dir = DataDir::create(&config.data_dir)?;
    Ok((open_logs(&config, pool, &dir)?.orders, dir))
}

/// Opens the store.
///
/// # Errors
/// It cannot be opened.
pub(crate) fn open_store(config: &Config, dir: &DataDir) -> Result<Arc<dyn Store>> {
    let store = EmbeddedStore::open(dir.store(), config.store.clone());
    Ok(Arc::new(store.context("cannot open the store")?))
}
