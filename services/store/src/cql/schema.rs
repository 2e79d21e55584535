//! The schema: migrations, each a file under `deploy/cql`, and which of them a keyspace has.

use std::collections::HashMap;

use scylla::client::session::Session;
use scylla::errors::{DbError, ExecutionError, RequestAttemptError};

use super::link::{Link, Threads, io};
use super::settings::Settings;
use crate::fault::Fault;

/// The migrations, in order; version n is the n-th.
const MIGRATIONS: [&str; 1] = [include_str!("../../../../deploy/cql/001-tables.cql")];

/// The version that this build needs.
pub const SCHEMA_VERSION: u32 = MIGRATIONS.len() as u32;

/// What a keyspace must promise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Promise {
    /// Copies of every row in each data centre, at least. With three, one node may be gone.
    pub replicas: u32,
}

impl Default for Promise {
    fn default() -> Self {
        Self { replicas: 3 }
    }
}

/// How a keyspace is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// The newest migration it has; 0 if there is none, or no keyspace.
    pub version: u32,
    /// The version that this build needs.
    pub needed: u32,
    /// The options of its replication, by name; empty if there is no keyspace.
    pub replication: HashMap<String, String>,
    /// The nodes that are known, and whether they answer.
    pub nodes: Vec<(String, bool)>,
}

impl Status {
    /// Copies of a row in all data centres together: a quorum is one of all of them. A transient
    /// replica (`3/1`: one of three) keeps none for long.
    #[must_use]
    pub fn replicas(&self) -> u32 {
        let counts = self.replication.iter().filter(|(name, _)| *name != "class");
        let full = |count: &String| {
            let (all, transient) = count.split_once('/').unwrap_or((count, "0"));
            all.parse::<u32>().ok()?.checked_sub(transient.parse().ok()?)
        };
        counts.filter_map(|(_, count)| full(count)).sum()
    }

    /// # Errors
    /// [`Fault::Promise`] if it keeps fewer copies.
    pub fn keeps(&self, promise: Promise) -> Result<(), Fault> {
        let (found, promised) = (self.replicas(), promise.replicas);
        if found < promised { Err(Fault::Promise { found, promised }) } else { Ok(()) }
    }
}

/// Creates the keyspace if there is none, and brings its tables to the version of this build.
///
/// # Errors
/// [`Fault::Schema`] if it is of a newer version; [`Fault::Promise`] if it keeps fewer copies than
/// promised; [`Fault::Unavailable`], [`Fault::Io`].
pub fn init(settings: &Settings, promise: Promise) -> Result<Status, Fault> {
    check_name(&settings.keyspace)?;
    Threads::start()?.wait(async {
        let link = Link::connect(settings).await?;
        create_keyspace(&link, settings, promise).await?;
        let status = read_status(&link, &settings.keyspace).await?;
        status.keeps(promise)?;
        known(status.version)?;
        for (version, migration) in (1..).zip(MIGRATIONS).skip(status.version as usize) {
            migrate(&link, &settings.keyspace, version, migration).await?;
        }
        read_status(&link, &settings.keyspace).await
    })
}

/// How the keyspace is.
///
/// # Errors
/// [`Fault::Unavailable`], [`Fault::Io`].
pub fn status(settings: &Settings) -> Result<Status, Fault> {
    check_name(&settings.keyspace)?;
    Threads::start()?.wait(async {
        let link = Link::connect(settings).await?;
        read_status(&link, &settings.keyspace).await
    })
}

/// Refuses a keyspace of another version than this build's, or with too few copies.
pub(super) async fn check(link: &Link, keyspace: &str, promise: Promise) -> Result<(), Fault> {
    let status = read_status(link, keyspace).await?;
    if status.version == SCHEMA_VERSION {
        status.keeps(promise)
    } else {
        Err(schema(status.version))
    }
}

/// A keyspace's name goes into statements as it is.
pub(super) fn check_name(keyspace: &str) -> Result<(), Fault> {
    let sound = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    let letter = keyspace.as_bytes().first().is_some_and(u8::is_ascii_lowercase);
    if letter && keyspace.len() <= 48 && keyspace.bytes().all(sound) {
        return Ok(());
    }
    Err(Fault::Keyspace { name: keyspace.to_owned() })
}

fn known(version: u32) -> Result<(), Fault> {
    if version <= SCHEMA_VERSION { Ok(()) } else { Err(schema(version)) }
}

const fn schema(found: u32) -> Fault {
    Fault::Schema { found, needed: SCHEMA_VERSION }
}

async fn create_keyspace(link: &Link, settings: &Settings, promise: Promise) -> Result<(), Fault> {
    let datacenter = match &settings.datacenter {
        Some(datacenter) => datacenter.clone(),
        None => local_datacenter(link).await?,
    };
    // ScyllaDB's tablets know no compare-and-set; Cassandra does not know the word.
    let scylla = "SELECT table_name FROM system_schema.tables \
                  WHERE keyspace_name = 'system_schema' AND table_name = 'scylla_tables'";
    let tablets = match texts(link, scylla).await?.is_empty() {
        true => "",
        false => " AND tablets = {'enabled': false}",
    };
    let (keyspace, replicas) = (&settings.keyspace, promise.replicas);
    let create = format!(
        "CREATE KEYSPACE IF NOT EXISTS {keyspace} WITH replication = \
         {{'class': 'NetworkTopologyStrategy', '{datacenter}': {replicas}}}{tablets}"
    );
    change(link, &create).await
}

async fn local_datacenter(link: &Link) -> Result<String, Fault> {
    let found = texts(link, "SELECT data_center FROM system.local").await?.pop();
    let name = found.filter(|name| name.bytes().all(|byte| byte != b'\''));
    name.ok_or_else(|| Fault::Damaged { why: "a node does not name its data centre".to_owned() })
}

async fn migrate(link: &Link, keyspace: &str, version: u32, migration: &str) -> Result<(), Fault> {
    let text: String = migration
        .lines()
        .filter(|line| !line.trim_start().starts_with("--"))
        .flat_map(|line| [line, "\n"])
        .collect();
    let tables = text.replace("EXISTS ", &format!("EXISTS {keyspace}."));
    let versions = format!(
        "CREATE TABLE IF NOT EXISTS {keyspace}.schema_version \
         (id int, version int, PRIMARY KEY (id, version))"
    );
    let statements = tables.split(';').map(str::trim).filter(|statement| !statement.is_empty());
    for statement in std::iter::once(versions.as_str()).chain(statements) {
        change(link, statement).await?;
    }
    let note = format!("INSERT INTO {keyspace}.schema_version (id, version) VALUES (0, {version})");
    change(link, &note).await?;
    tracing::info!(keyspace, version, "schema migrated");
    Ok(())
}

async fn change(link: &Link, statement: &str) -> Result<(), Fault> {
    let attempt = async || link.session.query_unpaged(statement, ()).await;
    link.insist("change the schema of", attempt).await.map(drop)
}

async fn texts(link: &Link, query: &str) -> Result<Vec<String>, Fault> {
    let attempt = async || link.session.query_unpaged(query, ()).await;
    let rows = link.insist("read the schema of", attempt).await?.into_rows_result();
    let rows = rows.map_err(|error| io("read the schema of", error))?;
    let rows = rows.rows::<(String,)>().map_err(|error| io("read the schema of", error))?;
    let texts = rows.map(|row| row.map(|(text,)| text));
    texts.collect::<Result<_, _>>().map_err(|error| io("read the schema of", error))
}

async fn read_version(link: &Link, keyspace: &str) -> Result<u32, Fault> {
    let query = format!("SELECT version FROM {keyspace}.schema_version WHERE id = 0");
    let attempt = async || match link.session.query_unpaged(query.as_str(), ()).await {
        Err(error) if is_absent(&error) => Ok(None),
        other => other.map(Some),
    };
    let Some(result) = link.insist("read the schema of", attempt).await? else { return Ok(0) };
    let rows = result.into_rows_result().map_err(|error| io("read the schema of", error))?;
    let rows = rows.rows::<(i32,)>().map_err(|error| io("read the schema of", error))?;
    let mut version = 0;
    for row in rows {
        let (found,) = row.map_err(|error| io("read the schema of", error))?;
        version = version.max(found.cast_unsigned());
    }
    Ok(version)
}

/// No keyspace or no table of that name.
fn is_absent(error: &ExecutionError) -> bool {
    matches!(
        error,
        ExecutionError::LastAttemptError(RequestAttemptError::DbError(DbError::Invalid, _))
    )
}

async fn read_status(link: &Link, keyspace: &str) -> Result<Status, Fault> {
    let query = format!(
        "SELECT replication FROM system_schema.keyspaces WHERE keyspace_name = '{keyspace}'"
    );
    let attempt = async || link.session.query_unpaged(query.as_str(), ()).await;
    let rows = link.insist("read the schema of", attempt).await?.into_rows_result();
    let rows = rows.map_err(|error| io("read the schema of", error))?;
    let found = rows.maybe_first_row::<(HashMap<String, String>,)>();
    let found = found.map_err(|error| io("read the schema of", error))?;
    let version = if found.is_some() { read_version(link, keyspace).await? } else { 0 };
    Ok(Status {
        version,
        needed: SCHEMA_VERSION,
        replication: found.map(|(replication,)| replication).unwrap_or_default(),
        nodes: nodes(&link.session),
    })
}

fn nodes(session: &Session) -> Vec<(String, bool)> {
    let state = session.get_cluster_state();
    let nodes = state.get_nodes_info().iter();
    let mut nodes: Vec<_> =
        nodes.map(|node| (node.address.to_string(), node.is_connected())).collect();
    nodes.sort();
    nodes
}
