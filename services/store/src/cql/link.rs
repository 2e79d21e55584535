//! The connection: a session on a runtime of its own, and trying again.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use scylla::client::execution_profile::ExecutionProfile;
use scylla::client::session::Session;
use scylla::client::session_builder::SessionBuilder;
use scylla::errors::{DbError, ExecutionError, PrepareError, RequestAttemptError};
use scylla::policies::load_balancing::DefaultPolicy;
use scylla::policies::retry::FallthroughRetryPolicy;
use scylla::policies::speculative_execution::SimpleSpeculativeExecutionPolicy;
use scylla::statement::{Consistency, SerialConsistency};
use tokio::runtime::{Builder, Runtime};

use super::settings::Settings;
use super::tls;
use crate::fault::Fault;

/// A request that takes longer is given up, and tried again at another node.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);
/// A node that does not answer for so long is not asked again until it does.
const KEEPALIVE: Duration = Duration::from_secs(2);
/// A read that takes longer is sent to another node as well.
const SPECULATE_AFTER: Duration = Duration::from_millis(500);
/// Between attempts: from the first to the last, doubling.
const PAUSES: (Duration, Duration) = (Duration::from_millis(20), Duration::from_secs(1));
const THREADS: usize = 2;

/// A runtime of the store's own, on which calls from any thread wait without being part of it.
pub(super) struct Threads(Option<Runtime>);

impl Threads {
    pub(super) fn start() -> Result<Self, Fault> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(THREADS)
            .thread_name("cql")
            .enable_all()
            .build()
            .map_err(|error| io("start threads for", error))?;
        Ok(Self(Some(runtime)))
    }

    /// Runs a future to its end. Blocks the caller, which may be a thread of another runtime: the
    /// future is polled here, what it waits for happens on the store's threads.
    pub(super) fn wait<T>(
        &self,
        future: impl Future<Output = Result<T, Fault>>,
    ) -> Result<T, Fault> {
        let ended = || Fault::Halted { why: "the store's threads have ended".to_owned() };
        let _entered = self.0.as_ref().ok_or_else(ended)?.enter();
        let waker = Waker::from(Arc::new(Caller(thread::current())));
        let mut context = Context::from_waker(&waker);
        let mut future = pin!(future);
        loop {
            match future.as_mut().poll(&mut context) {
                Poll::Ready(done) => return done,
                Poll::Pending => thread::park(),
            }
        }
    }
}

/// The thread that waits.
struct Caller(Thread);

impl Wake for Caller {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            // Waiting for it is not allowed on a thread of another runtime.
            runtime.shutdown_background();
        }
    }
}

/// How requests are made.
pub(super) struct Link {
    pub(super) session: Session,
    pub(super) patience: Duration,
}

impl Link {
    /// Connects; tries again while no node can be reached.
    pub(super) async fn connect(settings: &Settings) -> Result<Self, Fault> {
        let tls = settings.tls.as_ref().map(tls::context).transpose()?;
        let begun = Instant::now();
        loop {
            let mut builder = SessionBuilder::new()
                .known_nodes(&settings.hosts)
                .tls_context(tls.clone())
                .tcp_nodelay(true)
                .connection_timeout(REQUEST_TIMEOUT)
                .keepalive_interval(KEEPALIVE)
                .keepalive_timeout(KEEPALIVE)
                .fetch_schema_metadata(true)
                .default_execution_profile_handle(profile(settings).into_handle());
            if let Some((name, password)) = &settings.credentials {
                builder = builder.user(name, password);
            }
            match builder.build().await {
                Ok(session) => return Ok(Self { session, patience: settings.patience }),
                Err(error) if begun.elapsed() < settings.patience => {
                    tracing::debug!(%error, "no CQL node can be reached");
                    tokio::time::sleep(PAUSES.1).await;
                }
                Err(error) => return Err(unavailable("reach", &error)),
            }
        }
    }

    /// Tries until it works, for as long as patience lasts. Everything that is asked of the store
    /// can be asked twice: what timed out may have been done, and doing it again changes nothing.
    pub(super) async fn insist<T, F>(&self, doing: &'static str, attempt: F) -> Result<T, Fault>
    where
        F: AsyncFn() -> Result<T, ExecutionError>,
    {
        let begun = Instant::now();
        let mut pause = PAUSES.0;
        loop {
            match attempt().await {
                Ok(done) => return Ok(done),
                Err(error) if permanent(&error) => return Err(io(doing, error)),
                Err(error) if begun.elapsed() >= self.patience => {
                    return Err(unavailable(doing, &error));
                }
                Err(error) => {
                    tracing::debug!(%error, doing, "CQL request is tried again");
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(PAUSES.1);
                }
            }
        }
    }
}

/// A data centre that is named is asked first. What has to answer stays the quorum of all copies:
/// with that of one centre, another could show the mark of a commit before its rows.
fn profile(settings: &Settings) -> ExecutionProfile {
    let mut nodes = DefaultPolicy::builder().token_aware(true).permit_dc_failover(true);
    if let Some(datacenter) = &settings.datacenter {
        nodes = nodes.prefer_datacenter(datacenter.clone());
    }
    ExecutionProfile::builder()
        .consistency(Consistency::Quorum)
        .serial_consistency(Some(SerialConsistency::Serial))
        .request_timeout(Some(REQUEST_TIMEOUT))
        .load_balancing_policy(nodes.build())
        .retry_policy(Arc::new(FallthroughRetryPolicy::new()))
        .build()
}

/// The same for reads: another node is asked when the first is slow.
pub(super) fn reading(settings: &Settings) -> ExecutionProfile {
    let speculation =
        SimpleSpeculativeExecutionPolicy { max_retry_count: 1, retry_interval: SPECULATE_AFTER };
    profile(settings).to_builder().speculative_execution_policy(Some(Arc::new(speculation))).build()
}

/// Errors that stay however often it is tried: what was asked is wrong. Not so one of permissions:
/// a node that cannot read its own table of them says the same.
fn permanent(error: &ExecutionError) -> bool {
    match error {
        ExecutionError::BadQuery(_) => true,
        ExecutionError::LastAttemptError(RequestAttemptError::DbError(error, _)) => matches!(
            error,
            DbError::SyntaxError
                | DbError::Invalid
                | DbError::ConfigError
                | DbError::AlreadyExists { .. }
                | DbError::FunctionFailure { .. }
        ),
        ExecutionError::LastAttemptError(error) => matches!(
            error,
            RequestAttemptError::SerializationError(_)
                | RequestAttemptError::CqlRequestSerialization(_)
        ),
        _ => false,
    }
}

pub(super) fn io<E>(doing: &'static str, error: E) -> Fault
where
    E: std::error::Error + Send + Sync + 'static,
{
    tracing::error!(%error, doing, "CQL request refused");
    Fault::Io { doing, source: Arc::new(error) }
}

pub(super) fn unavailable(doing: &'static str, error: &impl ToString) -> Fault {
    Fault::Unavailable { doing, why: error.to_string().into() }
}

/// A statement that could not be prepared: nobody answered, or the schema lacks what it names.
pub(super) fn unprepared(error: PrepareError) -> Fault {
    let refused = matches!(
        &error,
        PrepareError::AllAttemptsFailed {
            first_attempt: RequestAttemptError::DbError(DbError::SyntaxError | DbError::Invalid, _)
        }
    );
    if refused {
        io("prepare a statement of", error)
    } else {
        unavailable("prepare a statement of", &error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_asked_is_wrong_for_good_and_what_is_not_allowed_may_be_in_a_moment() {
        let said = |error| {
            let answer = RequestAttemptError::DbError(error, "said the node".to_owned());
            ExecutionError::LastAttemptError(answer)
        };
        assert!(permanent(&said(DbError::Invalid)) && permanent(&said(DbError::SyntaxError)));
        assert!(!permanent(&said(DbError::Unauthorized)) && !permanent(&said(DbError::Overloaded)));
    }
}
