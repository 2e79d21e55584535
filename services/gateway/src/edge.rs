//! The accept loop: TCP, the TLS handshake within its time, who the peer is.
//!
//! Handshakes run beside each other and are bounded by number and time, so that peers who connect
//! and then say nothing hold back nobody else. Above a bound a connection is closed at once.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;

use crate::conn::Conn;
use crate::identity::{Connection, IdentityError, Peer};
use crate::limits::Limits;
use crate::metrics;
use crate::seats::Seats;
use crate::tls::{ALPN, ServerTls};

/// Connections that are through their handshake and wait to be served.
const BACKLOG: usize = 64;
/// How long to wait after the system refused a connection, as when it has no file handles left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// What every handshake needs.
struct Edge {
    acceptor: TlsAcceptor,
    trust_domain: String,
    limits: Limits,
    connections: Arc<Semaphore>,
    handshakes: Arc<Semaphore>,
    peers: Seats<Peer>,
    cut: CancellationToken,
    ready: mpsc::Sender<io::Result<Conn>>,
}

/// Accepts until `stop`, then closes the listener. A connection breaks off when `cut` is cancelled.
pub(crate) fn incoming(
    listener: TcpListener,
    (tls, trust_domain): (ServerTls, String),
    limits: &Limits,
    stop: CancellationToken,
    cut: CancellationToken,
) -> ReceiverStream<io::Result<Conn>> {
    let (ready, connections) = mpsc::channel(BACKLOG);
    let edge = Arc::new(Edge {
        acceptor: TlsAcceptor::from(tls.0),
        trust_domain,
        connections: Arc::new(Semaphore::new(limits.connections_max)),
        handshakes: Arc::new(Semaphore::new(limits.handshakes_max)),
        peers: Seats::new(limits.connections_each_max),
        limits: limits.clone(),
        cut,
        ready,
    });
    tokio::spawn(async move {
        stop.run_until_cancelled_owned(accept(listener, edge)).await;
    });
    ReceiverStream::new(connections)
}

async fn accept(listener: TcpListener, edge: Arc<Edge>) {
    loop {
        let socket = match listener.accept().await {
            Ok((socket, _)) => socket,
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let counted = Arc::clone(&edge.connections).try_acquire_owned();
        let shaking = Arc::clone(&edge.handshakes).try_acquire_owned();
        let (Ok(counted), Ok(shaking)) = (counted, shaking) else {
            metrics::connection_refused("full");
            continue;
        };
        let edge = Arc::clone(&edge);
        tokio::spawn(async move {
            let cut = edge.cut.clone();
            let done = cut.run_until_cancelled(edge.handshake(socket, counted)).await;
            drop(shaking);
            if let Some(Some(conn)) = done {
                // An error means that nobody is served any more: the connection closes.
                let _ = edge.ready.send(Ok(conn)).await;
            }
        });
    }
}

impl Edge {
    async fn handshake(&self, socket: TcpStream, counted: OwnedSemaphorePermit) -> Option<Conn> {
        if let Err(error) = socket.set_nodelay(true) {
            tracing::debug!(%error, "cannot set TCP_NODELAY");
        }
        let shaken = timeout(self.limits.handshake_timeout, self.acceptor.accept(socket)).await;
        let stream = match shaken {
            Ok(Ok(stream)) => stream,
            Ok(Err(error)) => {
                tracing::debug!(%error, "TLS handshake failed");
                metrics::connection_refused("tls");
                return None;
            }
            Err(_) => {
                metrics::connection_refused("timeout");
                return None;
            }
        };
        let (_, session) = stream.get_ref();
        if session.alpn_protocol() != Some(ALPN) {
            metrics::connection_refused("alpn");
            return None;
        }
        let peer = session
            .peer_certificates()
            .and_then(<[_]>::first)
            .ok_or(IdentityError::Unreadable)
            .and_then(|certificate| Peer::of(certificate, &self.trust_domain));
        // Who names nobody can do nothing but ask for health, and is bounded with all others.
        let seat = match &peer {
            Err(_) => None,
            Ok(peer) => match self.peers.take(peer) {
                Some(seat) => Some(seat),
                None => {
                    metrics::connection_refused("peer_full");
                    return None;
                }
            },
        };
        metrics::connection_opened();
        let timeouts = (self.limits.handshake_timeout, self.limits.silence_timeout);
        Some(Conn::new(stream, Connection::new(peer, seat), timeouts, self.cut.clone(), counted))
    }
}
