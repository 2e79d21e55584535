//! The statements, prepared once.

use scylla::client::execution_profile::ExecutionProfileHandle;
use scylla::client::session::Session;
use scylla::statement::prepared::PreparedStatement;
use scylla::statement::{Consistency, Statement};

use super::link::unprepared;
use crate::fault::Fault;
use crate::table::Table;

/// Names, or entries of the directory, read at once.
const PAGE_NAMES: i32 = 2_048;

/// The statements of one table.
pub(super) struct OfTable {
    /// pool, part, key, stream, number, value
    pub(super) put: PreparedStatement,
    /// pool, part, key
    pub(super) get: PreparedStatement,
    /// pool, part, from, to
    pub(super) scan: PreparedStatement,
    /// pool, part, from, key
    pub(super) back: PreparedStatement,
    /// pool, part, from, to
    pub(super) remove: PreparedStatement,
}

/// All statements.
pub(super) struct Statements {
    /// pool, stream, bucket, number, hash
    pub(super) claim: PreparedStatement,
    /// pool, stream, bucket, number
    pub(super) claimed: PreparedStatement,
    /// pool, stream, bucket, number, hash
    pub(super) mark: PreparedStatement,
    /// pool, stream, bucket, first, last
    pub(super) marks: PreparedStatement,
    /// pool, table, level, span, entry
    pub(super) list: PreparedStatement,
    /// pool, table, level, span, first, last
    pub(super) listed: PreparedStatement,
    /// The same, descending.
    pub(super) listed_back: PreparedStatement,
    /// pool, table, level, span, after, before
    pub(super) unlist: PreparedStatement,
    tables: Vec<OfTable>,
}

/// Stored rows read at once: 2 MiB of the longest that are usual.
const fn page_rows(table: Table) -> i32 {
    match table {
        // Chunks of 256 KiB.
        Table::Snapshots => 8,
        // Segments of up to 64 KiB, pieces of a filter.
        Table::Batches | Table::Transfers | Table::Postings | Table::Feed | Table::UetrPages => 32,
        _ => 128,
    }
}

impl Statements {
    pub(super) async fn prepare(
        session: &Session,
        keyspace: &str,
        reading: ExecutionProfileHandle,
    ) -> Result<Self, Fault> {
        let maker = Maker { session, keyspace, reading };
        let mut tables = Vec::with_capacity(Table::ALL.len());
        for table in Table::ALL {
            tables.push(maker.table(table).await?);
        }
        let names = "pool, stream, bucket, number, hash";
        let of_name = "pool = ? AND stream = ? AND bucket = ?";
        let of_span = "pool = ? AND tab = ? AND level = ? AND span = ?";
        let entries =
            format!("SELECT entry FROM @parts WHERE {of_span} AND entry >= ? AND entry <= ?");
        let mut claimed = maker
            .read(&format!("SELECT hash FROM @claims WHERE {of_name} AND number = ?"), 1)
            .await?;
        // Sees what was decided even if whoever decided it has not told everybody.
        claimed.set_consistency(Consistency::Serial);
        Ok(Self {
            claim: maker
                .write(&format!("INSERT INTO @claims ({names}) VALUES (?, ?, ?, ?, ?) IF NOT EXISTS"))
                .await?,
            claimed,
            mark: maker
                .write(&format!("INSERT INTO @commits ({names}) VALUES (?, ?, ?, ?, ?)"))
                .await?,
            marks: maker
                .read(
                    &format!(
                        "SELECT number, hash FROM @commits WHERE {of_name} AND number >= ? AND number <= ?"
                    ),
                    PAGE_NAMES,
                )
                .await?,
            list: maker
                .write("INSERT INTO @parts (pool, tab, level, span, entry) VALUES (?, ?, ?, ?, ?)")
                .await?,
            listed: maker.read(&entries, PAGE_NAMES).await?,
            listed_back: maker
                .read(&format!("{entries} ORDER BY entry DESC"), 16)
                .await?,
            unlist: maker
                .write(&format!("DELETE FROM @parts WHERE {of_span} AND entry > ? AND entry < ?"))
                .await?,
            tables,
        })
    }

    pub(super) fn of(&self, table: Table) -> &OfTable {
        &self.tables[table as usize]
    }
}

struct Maker<'a> {
    session: &'a Session,
    keyspace: &'a str,
    reading: ExecutionProfileHandle,
}

impl Maker<'_> {
    async fn table(&self, table: Table) -> Result<OfTable, Fault> {
        let page_rows = page_rows(table);
        let table = table.name();
        let rows =
            format!("SELECT key, stream, number, value FROM @{table} WHERE pool = ? AND part = ?");
        Ok(OfTable {
            put: self
                .write(&format!(
                    "INSERT INTO @{table} (pool, part, key, stream, number, value) VALUES (?, ?, ?, ?, ?, ?)"
                ))
                .await?,
            get: self.read(&format!("{rows} AND key = ?"), 1).await?,
            scan: self
                .read(&format!("{rows} AND key >= ? AND key < ?"), page_rows)
                .await?,
            back: self
                .read(&format!("{rows} AND key >= ? AND key <= ? ORDER BY key DESC"), 2)
                .await?,
            remove: self
                .write(&format!(
                    "DELETE FROM @{table} WHERE pool = ? AND part = ? AND key >= ? AND key < ?"
                ))
                .await?,
        })
    }

    /// `@` stands for the keyspace.
    async fn write(&self, text: &str) -> Result<PreparedStatement, Fault> {
        let text = text.replace('@', &format!("{}.", self.keyspace));
        let prepared = self.session.prepare(Statement::new(text)).await;
        let mut prepared = prepared.map_err(unprepared)?;
        prepared.set_is_idempotent(true);
        Ok(prepared)
    }

    async fn read(&self, text: &str, page_rows: i32) -> Result<PreparedStatement, Fault> {
        let mut prepared = self.write(text).await?;
        prepared.set_page_size(page_rows);
        prepared.set_execution_profile_handle(Some(self.reading.clone()));
        Ok(prepared)
    }
}
