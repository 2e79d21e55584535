//! The side of the store: a plain writer of packed rows.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use anyhow::Context as _;
use scylla::client::execution_profile::ExecutionProfile;
use scylla::client::session::Session;
use scylla::client::session_builder::SessionBuilder;
use scylla::statement::Consistency;
use scylla::statement::prepared::PreparedStatement;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::sleep;

use super::Progress;
use super::log::noise;

/// Bytes of a packed row.
pub(super) const SEGMENT_BYTES: usize = 64 << 10;
/// Rows in a partition: 16 MiB of them.
const PARTITION_ROWS: i64 = 256;
/// A change of the schema goes to every node.
const SCHEMA_PATIENCE: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_millis(1);

/// A table in a keyspace of this probe's own, three copies of every row.
pub(super) struct Table {
    session: Arc<Session>,
    keyspace: String,
    insert: PreparedStatement,
    next: Arc<AtomicI64>,
}

impl Table {
    pub(super) async fn create(hosts: &[String]) -> anyhow::Result<Self> {
        let profile = ExecutionProfile::builder()
            .consistency(Consistency::Quorum)
            .request_timeout(Some(SCHEMA_PATIENCE))
            .build();
        let session = SessionBuilder::new()
            .known_nodes(hosts)
            .default_execution_profile_handle(profile.into_handle())
            .build()
            .await
            .context("connect")?;
        let keyspace = format!("causeway_ceiling_{}", std::process::id());
        let replication = "{'class': 'SimpleStrategy', 'replication_factor': 3}";
        for statement in [
            format!("CREATE KEYSPACE {keyspace} WITH replication = {replication}"),
            format!(
                "CREATE TABLE {keyspace}.segments \
                 (part bigint, number bigint, value blob, PRIMARY KEY (part, number)) \
                 WITH allow_auto_snapshot = false"
            ),
        ] {
            session.query_unpaged(statement, ()).await?;
        }
        let insert =
            format!("INSERT INTO {keyspace}.segments (part, number, value) VALUES (?, ?, ?)");
        let insert = session.prepare(insert).await?;
        Ok(Self { session: Arc::new(session), keyspace, insert, next: Arc::default() })
    }

    pub(super) async fn remove(&self) -> anyhow::Result<()> {
        let statement = format!("DROP KEYSPACE {}", self.keyspace);
        self.session.query_unpaged(statement, ()).await?;
        Ok(())
    }

    /// Writes rows of so many orders each, `in_flight` at once, until it is stopped.
    pub(super) fn fill(
        &self,
        orders: u64,
        in_flight: usize,
        progress: Arc<Progress>,
    ) -> JoinHandle<anyhow::Result<()>> {
        let value = Arc::new(noise(SEGMENT_BYTES));
        let mut writers = JoinSet::new();
        for _ in 0..in_flight {
            let (session, insert) = (self.session.clone(), self.insert.clone());
            let (value, next, progress) = (value.clone(), self.next.clone(), progress.clone());
            writers.spawn(async move {
                while !progress.stopped() {
                    if !progress.store_may_go_on() {
                        sleep(PAUSE).await;
                        continue;
                    }
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    let row = (number / PARTITION_ROWS, number, value.as_slice());
                    session.execute_unpaged(&insert, row).await?;
                    progress.stored.fetch_add(orders, Ordering::AcqRel);
                }
                anyhow::Ok(())
            });
        }
        tokio::spawn(async move {
            while let Some(ended) = writers.join_next().await {
                ended??;
            }
            Ok(())
        })
    }
}
