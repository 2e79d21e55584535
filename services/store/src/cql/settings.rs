//! Where the cluster is, and how it is used.

use std::path::PathBuf;
use std::time::Duration;

/// Where a pool's tables are.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Some of the nodes, `host:port`; the others are found through them.
    pub hosts: Vec<String>,
    /// The keyspace: lower-case letters, digits and `_`, 1 to 48 of them. Pools can share one.
    pub keyspace: String,
    /// The pool whose rows these are.
    pub pool: u32,
    /// The data centre whose nodes are asked first, if there are several.
    pub datacenter: Option<String>,
    /// Name and password.
    pub credentials: Option<(String, String)>,
    /// Encryption, with certificates checked.
    pub tls: Option<Tls>,
    /// A call goes on trying for about so long before it says that the store is unavailable.
    pub patience: Duration,
    /// Requests of one call that are on their way at once, at most.
    pub in_flight: usize,
}

/// Files in PEM.
#[derive(Clone, Debug)]
pub struct Tls {
    /// Who signs the nodes' certificates.
    pub ca: PathBuf,
    /// This process's certificate and its key, if nodes ask for one.
    pub identity: Option<(PathBuf, PathBuf)>,
}

impl Settings {
    /// Settings without encryption and password, for a pool of a keyspace.
    #[must_use]
    pub fn new(hosts: Vec<String>, keyspace: String, pool: u32) -> Self {
        Self {
            hosts,
            keyspace,
            pool,
            datacenter: None,
            credentials: None,
            tls: None,
            patience: Duration::from_secs(10),
            in_flight: 32,
        }
    }
}
