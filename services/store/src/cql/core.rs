//! What all calls share: the link, the statements, and what is known of commits.

use std::sync::{Mutex, MutexGuard, PoisonError};

use scylla::client::execution_profile::ExecutionProfile;
use scylla::deserialize::row::DeserializeRow;
use scylla::errors::ExecutionError;
use scylla::response::PagingState;
use scylla::response::query_result::{QueryResult, QueryRowsResult};
use scylla::serialize::row::SerializeRow;
use scylla::statement::batch::{Batch, BatchStatement, BatchType};
use scylla::statement::prepared::PreparedStatement;

use super::link::{self, Link, io};
use super::listing::Listed;
use super::names::Known;
use super::settings::Settings;
use super::statements::Statements;
use crate::fault::Fault;

/// Everything behind the port.
pub(super) struct Core {
    pub(super) link: Link,
    pub(super) statements: Statements,
    /// As CQL has no unsigned numbers.
    pub(super) pool: i32,
    pub(super) in_flight: usize,
    known: Mutex<Known>,
    listed: Mutex<Listed>,
}

impl Core {
    pub(super) async fn open(link: Link, settings: &Settings) -> Result<Self, Fault> {
        let reading: ExecutionProfile = link::reading(settings);
        let statements =
            Statements::prepare(&link.session, &settings.keyspace, reading.into_handle()).await?;
        let core = Self {
            link,
            statements,
            pool: settings.pool.cast_signed(),
            in_flight: settings.in_flight.max(1),
            known: Mutex::default(),
            listed: Mutex::default(),
        };
        core.find_heads().await?;
        Ok(core)
    }

    pub(super) fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn listed(&self) -> MutexGuard<'_, Listed> {
        self.listed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Executes a write, as often as it takes.
    pub(super) async fn write(
        &self,
        statement: &PreparedStatement,
        values: impl SerializeRow,
    ) -> Result<(), Fault> {
        let attempt = async || self.link.session.execute_unpaged(statement, &values).await;
        self.link.insist("write to", attempt).await.map(drop)
    }

    /// Executes a write for each of some values, in one batch, as often as it takes. They belong into
    /// one partition, so it is one write to whoever keeps it: all of them or none.
    pub(super) async fn write_all(
        &self,
        doing: &'static str,
        statement: &PreparedStatement,
        values: &[impl SerializeRow],
    ) -> Result<QueryResult, Fault> {
        let statements = vec![BatchStatement::PreparedStatement(statement.clone()); values.len()];
        let mut batch = Batch::new_with_statements(BatchType::Unlogged, statements);
        batch.set_is_idempotent(true);
        let attempt = async || self.link.session.batch(&batch, values).await;
        self.insist(doing, attempt).await
    }

    /// One page of a read.
    pub(super) async fn page(
        &self,
        statement: &PreparedStatement,
        values: &impl SerializeRow,
        from: &PagingState,
    ) -> Result<(QueryRowsResult, Option<PagingState>), Fault> {
        let attempt = async || {
            let session = &self.link.session;
            session.execute_single_page(statement, values, from.clone()).await
        };
        let (result, next) = self.link.insist("read", attempt).await?;
        let rows = result.into_rows_result().map_err(|error| io("read", error))?;
        Ok((rows, next.into_paging_control_flow().continue_value()))
    }

    /// All rows of a read, page by page, until `take` has enough.
    pub(super) async fn rows<R>(
        &self,
        statement: &PreparedStatement,
        values: impl SerializeRow,
        mut take: impl FnMut(R) -> Result<Next, Fault>,
    ) -> Result<(), Fault>
    where
        R: for<'frame> DeserializeRow<'frame, 'frame>,
    {
        let mut from = PagingState::start();
        loop {
            let (rows, next) = self.page(statement, &values, &from).await?;
            for row in rows.rows::<R>().map_err(|error| io("read", error))? {
                let row = row.map_err(|error| io("read", error))?;
                if let Next::Enough = take(row)? {
                    return Ok(());
                }
            }
            let Some(next) = next else { return Ok(()) };
            from = next;
        }
    }

    /// Does something with the session, as often as it takes.
    pub(super) async fn insist<T, F>(&self, doing: &'static str, attempt: F) -> Result<T, Fault>
    where
        F: AsyncFn() -> Result<T, ExecutionError>,
    {
        self.link.insist(doing, attempt).await
    }
}

/// Whether a reader wants more rows.
pub(super) enum Next {
    More,
    Enough,
}
