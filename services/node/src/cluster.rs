//! What nodes of a cluster share: the topics and the tables of a pool, made, checked and opened.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use bus::kafka::{self, KafkaLog, Promise, Retention};
use bus::{Log, Position};
use channel::Signer;
use serde_json::json;
use store::Store;
use store::cql::{self, CqlStore};

use crate::backends::Logs;
use crate::cli::Output;
use crate::config::{Brokers, BrokersTls, Config, CqlNodes, CqlTls, Sasl};
use crate::node::read_signer;
use crate::{genesis, origin, verify};

/// The outcomes log is small: so are its queue and what is kept of it in memory, bytes.
const OUTCOMES_BYTES: usize = 4 << 20;
/// What settlers told each other is of no use any more after a week, ms.
const OUTCOMES_KEPT_MS: u64 = 7 * 24 * 3_600 * 1_000;

/// The topics of a pool and what they must promise.
struct Topics {
    orders: (kafka::Settings, Promise),
    outcomes: (kafka::Settings, Promise),
}

impl Topics {
    fn of(config: &Config, brokers: &Brokers, pool: u32) -> Result<Self> {
        let settings = |kind: &str| {
            let topic = format!("{}.{kind}.{pool}", brokers.topic_prefix);
            let mut settings = kafka::Settings::new(brokers.hosts.clone(), topic);
            settings.properties = properties(brokers)?;
            settings.give_up_after = brokers.answer_timeout;
            anyhow::Ok(settings)
        };
        let mut orders = settings("orders")?;
        orders.queue_bytes_max = config.log.queue_bytes_max;
        orders.cache_bytes = config.log.cache_bytes;
        let mut outcomes = settings("outcomes")?;
        (outcomes.queue_bytes_max, outcomes.cache_bytes) = (OUTCOMES_BYTES, OUTCOMES_BYTES);
        // The log of a process is the one with the orders.
        outcomes.metrics = false;
        let promise = Promise {
            replication: brokers.replication,
            in_sync: brokers.min_insync_replicas,
            retention: Retention::Forever,
        };
        let recent = Promise { retention: Retention::AtLeastMs(OUTCOMES_KEPT_MS), ..promise };
        Ok(Self { orders: (orders, promise), outcomes: (outcomes, recent) })
    }

    fn each(&self) -> [&(kafka::Settings, Promise); 2] {
        [&self.orders, &self.outcomes]
    }
}

/// What the client library is told of TLS and SASL.
fn properties(brokers: &Brokers) -> Result<Vec<(String, String)>> {
    let mut properties = Vec::new();
    let mut set = |name: &str, value: String| properties.push((name.to_owned(), value));
    let protocol = match (&brokers.tls, &brokers.sasl) {
        (None, None) => return Ok(Vec::new()),
        (Some(_), None) => "ssl",
        (None, Some(_)) => "sasl_plaintext",
        (Some(_), Some(_)) => "sasl_ssl",
    };
    ensure!(
        cfg!(feature = "kafka-tls"),
        "log.tls, log.sasl: this causewayd cannot encrypt what it says to brokers: build it with \
         `--features kafka-tls`"
    );
    set("security.protocol", protocol.to_owned());
    if let Some(BrokersTls { ca, identity }) = &brokers.tls {
        if let Some(ca) = ca {
            set("ssl.ca.location", ca.display().to_string());
        }
        if let Some((certificate, key)) = identity {
            set("ssl.certificate.location", certificate.display().to_string());
            set("ssl.key.location", key.display().to_string());
        }
    }
    if let Some(Sasl { mechanism, user, password_file }) = &brokers.sasl {
        let password = password(password_file, "log.sasl_password_file")?;
        set("sasl.mechanism", mechanism.clone());
        set("sasl.username", user.clone());
        set("sasl.password", password);
    }
    Ok(properties)
}

/// Opens the logs of a pool, whose topics are there and keep their promise.
///
/// # Errors
/// They are not, or do not; the message names the topic and the setting.
pub(crate) fn open_logs(config: &Config, brokers: &Brokers, pool: u32) -> Result<Logs> {
    let topics = Topics::of(config, brokers, pool)?;
    for (settings, promise) in topics.each() {
        kafka::check(settings, *promise)?;
    }
    let open = |settings: &kafka::Settings| -> Result<Arc<dyn Log>> {
        let log = KafkaLog::open(settings);
        Ok(Arc::new(log.with_context(|| format!("cannot open topic {}", settings.topic))?))
    };
    Ok(Logs { orders: open(&topics.orders.0)?, outcomes: Some(open(&topics.outcomes.0)?) })
}

/// Where the tables of a pool are.
fn tables(nodes: &CqlNodes, pool: u32) -> Result<cql::Settings> {
    let mut settings = cql::Settings::new(nodes.hosts.clone(), nodes.keyspace.clone(), pool);
    settings.datacenter.clone_from(&nodes.datacenter);
    if let Some((user, file)) = &nodes.credentials {
        settings.credentials = Some((user.clone(), password(file, "store.password_file")?));
    }
    if let Some(CqlTls { ca, identity }) = &nodes.tls {
        settings.tls = Some(cql::Tls { ca: ca.clone(), identity: identity.clone() });
    }
    Ok(settings)
}

/// Opens the tables of a pool.
///
/// # Errors
/// They cannot be reached, are not of this build's schema, or have too few copies.
pub(crate) fn open_store(nodes: &CqlNodes, pool: u32) -> Result<Arc<dyn Store>> {
    let store = CqlStore::open(&tables(nodes, pool)?, promise(nodes));
    Ok(Arc::new(store.context("cannot open the store")?))
}

fn promise(nodes: &CqlNodes) -> cql::Promise {
    cql::Promise { replicas: nodes.replication }
}

/// What a file holds, without the end of its line.
fn password(file: &Path, key: &str) -> Result<String> {
    let text = fs::read_to_string(file);
    let text = text.with_context(|| format!("{key}: cannot read {}", file.display()))?;
    Ok(text.trim_end_matches(['\r', '\n']).to_owned())
}

/// Makes what is missing of a pool's topics and tables, and checks the rest.
///
/// # Errors
/// Brokers or nodes refuse or do not answer, or one promises less than it must; the message names
/// the setting.
pub(crate) fn make(config: &Config, pool: u32) -> Result<String> {
    let topics = Topics::of(config, brokers(config)?, pool)?;
    let mut said = String::new();
    for (settings, promise) in topics.each() {
        kafka::create(settings, *promise)?;
        said.push_str(&format!("topic {}: as it must be\n", settings.topic));
    }
    if let Some(nodes) = &config.cql {
        let made = cql::init(&tables(nodes, pool)?, promise(nodes));
        let made = made.with_context(|| format!("keyspace {}", nodes.keyspace))?;
        said.push_str(&format!("keyspace {}: schema {}\n", nodes.keyspace, made.version));
    }
    Ok(said)
}

/// Does that, and begins the log with the genesis.
///
/// # Errors
/// As [`make`]; or the log is another pool's.
pub(crate) fn init(config: &Config) -> Result<String> {
    let brokers = brokers(config)?;
    let signer = read_signer(&config.signing_key)?;
    let begin = genesis::read(&config.genesis, signer.public_key())?;
    let topics = Topics::of(config, brokers, begin.genesis.pool)?;
    let mut said = make(config, begin.genesis.pool)?;
    let log = KafkaLog::open(&topics.orders.0).context("cannot open the log")?;
    // Asked again: another one may have begun it meanwhile.
    let behind = log.read(Position(1), 1);
    let empty = matches!(behind, Err(bus::Fault::Beyond { end: Position(0), .. }));
    let (pool, hash) = (begin.genesis.pool, begin.genesis.hash());
    let store = config.cql.as_ref().map(|nodes| open_store(nodes, pool)).transpose()?;
    if empty && let Some(store) = &store {
        origin::ensure_none(&**store)?;
    }
    if empty && genesis::begin(&log, begin)? == Position(0) {
        said.push_str("log: begun with the genesis\n");
        store.map_or(Ok(()), |store| origin::ensure(&log, &*store))?;
        return Ok(said);
    }
    // Two that begin it at once both log the genesis; the core passes over the second.
    ensure!(
        verify::genesis_of(&log)?.hash() == hash,
        "topic {} holds a log that began with another genesis: restore the genesis file and the \
         receipt key, or choose another log.topic_prefix",
        topics.orders.0.topic
    );
    store.map_or(Ok(()), |store| origin::ensure(&log, &*store))?;
    said.push_str(&format!("log: begun before, {} records\n", log.end()));
    Ok(said)
}

/// What the cluster's parts say of themselves; the first thing that is wrong is an error.
///
/// # Errors
/// As [`init`], which mends what is only missing.
pub(crate) fn status(config: &Config, output: Output) -> Result<String> {
    let brokers = brokers(config)?;
    let pool = genesis::read(&config.genesis, [0; 32])?.genesis.pool;
    let topics = Topics::of(config, brokers, pool)?;
    let mut rows = Vec::new();
    for (settings, promise) in topics.each() {
        kafka::check(settings, *promise)?;
        let log = KafkaLog::open(settings);
        let log = log.with_context(|| format!("cannot open topic {}", settings.topic))?;
        rows.push((settings.topic.clone(), log.end().0));
    }
    let tables = config.cql.as_ref().map(|nodes| table_status(nodes, pool)).transpose()?;
    Ok(match output {
        Output::Text => {
            let topics = rows.iter().map(|(topic, end)| format!("topic {topic}: {end} records\n"));
            let keyspace = tables.as_ref().map(|(keyspace, status)| {
                let cql::Status { version, needed, nodes, .. } = status;
                let up = nodes.iter().filter(|(_, up)| *up).count();
                let (copies, all) = (status.replicas(), nodes.len());
                format!(
                    "keyspace {keyspace}: schema {version} of {needed}, {copies} copies, {up} of \
                     {all} nodes\n"
                )
            });
            topics.chain(keyspace).collect()
        }
        Output::Json => {
            let topics: Vec<_> = rows
                .iter()
                .map(|(topic, records)| json!({ "topic": topic, "records": records }))
                .collect();
            let tables = tables.map(|(keyspace, status)| {
                let nodes: Vec<_> = status
                    .nodes
                    .iter()
                    .map(|(node, up)| json!({ "node": node, "up": up }))
                    .collect();
                json!({
                    "keyspace": keyspace,
                    "schema": status.version,
                    "schema_needed": status.needed,
                    "copies": status.replicas(),
                    "nodes": nodes,
                })
            });
            format!("{}\n", json!({ "pool": pool, "topics": topics, "store": tables }))
        }
    })
}

/// How a keyspace is.
fn table_status(nodes: &CqlNodes, pool: u32) -> Result<(String, cql::Status)> {
    let about = || format!("keyspace {}", nodes.keyspace);
    let status = cql::status(&tables(nodes, pool)?).with_context(about)?;
    let (found, needed) = (status.version, status.needed);
    ensure!(
        found == needed,
        "keyspace {}: schema {found}, this build needs {needed}: `causewayd cluster init` brings an \
         older one up to it",
        nodes.keyspace
    );
    status.keeps(promise(nodes)).with_context(about)?;
    Ok((nodes.keyspace.clone(), status))
}

fn brokers(config: &Config) -> Result<&Brokers> {
    let brokers = config.brokers.as_ref();
    brokers.context("log.kind: must be \"kafka\": a node with an embedded log is no cluster")
}
