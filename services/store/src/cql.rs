//! The store on Apache Cassandra or ScyllaDB.
//!
//! * `parts`, `listing`: which partition a row is in, and which partitions there are.
//! * `names`: commits are claimed by compare-and-set, and marked once all their rows are there.
//! * `write`, `read`: rows, packed into one statement by partition; whole commits only.
//! * `schema`: keyspace and migrations. `settings`, `link`, `tls`, `statements`, `core`: the connection.
//!
//! Writes and reads are at QUORUM, claims at SERIAL. Everything may be done twice, so whatever times
//! out is tried again. No clock orders anything: a row is written once, with one value.
//! `docs/internals/cql.md` has the reasons and the bounds.

mod core;
mod link;
mod listing;
mod names;
mod parts;
mod read;
mod schema;
mod settings;
mod statements;
mod tls;
mod write;

use bytes::Bytes;

pub use schema::{Promise, SCHEMA_VERSION, Status, init, status};
pub use settings::{Settings, Tls};

use self::core::Core;
use self::link::{Link, Threads};
use crate::commit::{Commit, FACT_BYTES_MAX, Fact, Stream};
use crate::fault::Fault;
use crate::port::{Row, Store};
use crate::table::Table;

/// The tables of a pool in a keyspace. Any number of processes may have them open, and write.
pub struct CqlStore {
    core: Core,
    threads: Threads,
}

impl CqlStore {
    /// Connects, and checks the schema and how many copies there are.
    ///
    /// # Errors
    /// [`Fault::Schema`] if it is not that of this build; [`Fault::Promise`] if there are fewer
    /// copies than promised; [`Fault::Keyspace`] for a name that is none; [`Fault::Unavailable`],
    /// [`Fault::Io`].
    pub fn open(settings: &Settings, promise: Promise) -> Result<Self, Fault> {
        schema::check_name(&settings.keyspace)?;
        let threads = Threads::start()?;
        let core = threads.wait(async {
            let link = Link::connect(settings).await?;
            schema::check(&link, &settings.keyspace, promise).await?;
            Core::open(link, settings).await
        })?;
        Ok(Self { core, threads })
    }
}

impl Store for CqlStore {
    fn commit(&self, commits: &[Commit]) -> Result<(), Fault> {
        self.threads.wait(self.core.commit(commits))
    }

    fn head(&self, stream: Stream) -> Result<u64, Fault> {
        if stream.dense() { self.threads.wait(self.core.refresh(stream)) } else { Ok(0) }
    }

    fn remove(&self, table: Table, from: &[u8], to_exclusive: &[u8]) -> Result<(), Fault> {
        self.threads.wait(self.core.remove(table, from, to_exclusive))
    }

    fn decide(&self, fact: Fact, value: &[u8]) -> Result<Bytes, Fault> {
        if value.len() > FACT_BYTES_MAX {
            return Err(Fault::TooLarge { table: Table::Meta, what: "fact", bytes: value.len() });
        }
        self.threads.wait(self.core.decide(fact, value)).map(Bytes::from)
    }

    fn decided(&self, fact: Fact) -> Result<Option<Bytes>, Fault> {
        Ok(self.threads.wait(self.core.decided(fact))?.map(Bytes::from))
    }

    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Bytes>, Fault> {
        self.threads.wait(self.core.get(table, key))
    }

    fn last_at_or_before(
        &self,
        table: Table,
        prefix: &[u8],
        key: &[u8],
    ) -> Result<Option<Row>, Fault> {
        self.threads.wait(self.core.last_at_or_before(table, prefix, key))
    }

    fn scan(
        &self,
        table: Table,
        from: &[u8],
        to_exclusive: &[u8],
        limit: usize,
    ) -> Result<Vec<Row>, Fault> {
        self.threads.wait(self.core.scan(table, (from, to_exclusive), limit))
    }
}
