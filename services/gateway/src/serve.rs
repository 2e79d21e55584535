//! Starting and draining the edge.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use bus::Log;
use channel::{KeyError, Signer};
use projector::Reader;
use proto::v1::audit_service_server::AuditServiceServer;
use proto::v1::directory_service_server::DirectoryServiceServer;
use proto::v1::fx_service_server::FxServiceServer;
use proto::v1::insight_service_server::InsightServiceServer;
use proto::v1::ledger_service_server::LedgerServiceServer;
use proto::v1::operator_service_server::OperatorServiceServer;
use proto::v1::payment_service_server::PaymentServiceServer;
use settler::{Clock, PoolHandle};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tonic::service::Routes;
use tonic::transport::Server;

use crate::access::Guard;
use crate::gateway::Gateway;
use crate::limits::Limits;
use crate::tls::ServerTls;
use crate::{directory, edge, health, intake, metrics};

/// Bytes of one message from a client, at most, where no payments come in.
const SMALL_MESSAGE_MAX: usize = 16 << 10;
/// Bytes of the headers of one call, at most.
const CALL_HEADERS_MAX: u32 = 16 << 10;
/// Calls that a client may begin and take back before any was looked at.
const RESET_STREAMS_MAX: usize = 32;
/// How often to look whether the pool has begun.
const BEGIN_PAUSE: Duration = Duration::from_millis(5);
/// How long to wait for connections that were cut to be gone.
const CUT_TIMEOUT: Duration = Duration::from_secs(2);

/// What the gateway is made of.
pub struct GatewayParts {
    /// The pool's log.
    pub log: Arc<dyn Log>,
    /// The pool.
    pub pool: PoolHandle,
    /// What was projected.
    pub reader: Reader,
    /// Signs receipts and decisions; its key must be the operator key of the pool.
    pub signer: Arc<dyn Signer>,
    /// The time of new records.
    pub clock: Clock,
    /// What the node shows and whom it lets in.
    pub tls: ServerTls,
    /// The trust domain of clients' certificates.
    pub trust_domain: String,
    /// Every bound.
    pub limits: Limits,
    /// Where to listen; bound already.
    pub listener: TcpListener,
}

/// Why the gateway could not run.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The signer does not work.
    #[error("cannot sign receipts")]
    Signer(#[from] KeyError),
    /// The pool stopped before its first record was applied.
    #[error("the pool has halted: {0}")]
    Halted(String),
    /// The signer's key is not the one that the pool's genesis names.
    #[error("the receipt key is not the operator key of this pool")]
    OtherKey,
    /// The descriptions for reflection cannot be read.
    #[error("cannot describe the services")]
    Reflection(#[from] tonic_reflection::server::Error),
    /// The server failed.
    #[error("cannot serve")]
    Server(#[from] tonic::transport::Error),
}

/// How a drain ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Drained {
    /// Every call was answered and every stream ended in time.
    Clean,
    /// The time was over; what was left was cut off.
    Cut,
}

/// Serves until `shutdown` resolves, then drains: nothing more is accepted, new calls are refused,
/// batches taken in are still answered, streams end with UNAVAILABLE; after
/// [`Limits::drain_timeout`] whatever is left is cut off.
///
/// # Errors
/// [`ServeError`], before the first connection is accepted.
pub async fn serve(
    parts: GatewayParts,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> Result<Drained, ServeError> {
    let GatewayParts { log, pool, reader, signer, clock, tls, trust_domain, limits, listener } =
        parts;
    metrics::describe();
    begun(&pool).await?;
    if signer.public_key() != pool.view().operator_key {
        return Err(ServeError::OtherKey);
    }
    let (drain, cut) = (CancellationToken::new(), CancellationToken::new());
    let drain_timeout = limits.drain_timeout;
    let gateway = Gateway::new((log, pool, reader), signer, clock, limits, drain.clone())?;
    let incoming =
        edge::incoming(listener, (tls, trust_domain), &gateway.limits, drain.clone(), cut.clone());
    let serving = server(&gateway.limits)
        .layer(Guard(gateway.clone()))
        .add_routes(routes(&gateway)?)
        .serve_with_incoming_shutdown(incoming, drain.clone().cancelled_owned());
    let drain_by_then = {
        let (drain, cut) = (drain.clone(), cut.clone());
        async move {
            shutdown.await;
            drain.cancel();
            tokio::time::sleep(drain_timeout).await;
            // A connection that is cut fails its next read: nothing is waited for any longer.
            cut.cancel();
            tokio::time::sleep(CUT_TIMEOUT).await;
        }
    };
    tokio::select! {
        served = serving => served?,
        () = drain_by_then => {}
    }
    // A client that is slow to close is no reason to call the drain unclean afterwards.
    Ok(if cut.is_cancelled() { Drained::Cut } else { Drained::Clean })
}

/// Waits for the pool's first record: it says which pool this is.
async fn begun(pool: &PoolHandle) -> Result<(), ServeError> {
    while pool.view().next_position == 0 {
        if let Some(why) = pool.halted() {
            return Err(ServeError::Halted(why));
        }
        tokio::time::sleep(BEGIN_PAUSE).await;
    }
    Ok(())
}

fn server(limits: &Limits) -> Server {
    Server::builder()
        .initial_stream_window_size(limits.stream_window)
        .initial_connection_window_size(limits.connection_window)
        .max_concurrent_streams(limits.streams_max)
        .http2_keepalive_interval(Some(limits.keepalive_interval))
        .http2_keepalive_timeout(Some(limits.keepalive_interval))
        .http2_max_header_list_size(CALL_HEADERS_MAX)
        .http2_max_pending_accept_reset_streams(Some(RESET_STREAMS_MAX))
}

/// No service compresses: what compresses well is not worth the risk of a bomb.
fn routes(gateway: &Gateway) -> Result<Routes, ServeError> {
    let shared = || Arc::new(gateway.clone());
    let payments = PaymentServiceServer::from_arc(shared())
        .max_decoding_message_size(intake::MESSAGE_BYTES_MAX);
    let ledger =
        LedgerServiceServer::from_arc(shared()).max_decoding_message_size(SMALL_MESSAGE_MAX);
    let operator =
        OperatorServiceServer::from_arc(shared()).max_decoding_message_size(SMALL_MESSAGE_MAX);
    let insight =
        InsightServiceServer::from_arc(shared()).max_decoding_message_size(SMALL_MESSAGE_MAX);
    let fx = FxServiceServer::from_arc(shared()).max_decoding_message_size(SMALL_MESSAGE_MAX);
    let directory = DirectoryServiceServer::from_arc(shared())
        .max_decoding_message_size(directory::MESSAGE_BYTES_MAX);
    let audit = AuditServiceServer::from_arc(shared()).max_decoding_message_size(SMALL_MESSAGE_MAX);
    let mut routes = Routes::new(payments)
        .add_service(ledger)
        .add_service(operator)
        .add_service(insight)
        .add_service(fx)
        .add_service(directory)
        .add_service(audit)
        .add_service(health::service(gateway.clone()));
    if gateway.limits.reflection {
        let described = || {
            tonic_reflection::server::Builder::configure()
                .register_encoded_file_descriptor_set(proto::DESCRIPTORS)
                .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
        };
        routes =
            routes.add_service(described().build_v1()?).add_service(described().build_v1alpha()?);
    }
    Ok(routes)
}
