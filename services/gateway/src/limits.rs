//! Every bound of the edge, with cautious defaults.

use std::num::NonZeroU32;
use std::time::Duration;

/// What the gateway allows. Most of it can be set in the node's configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Connections at once, over all callers.
    pub connections_max: usize,
    /// Connections of one holder of certificates at once. Each may fill its window with what was
    /// not taken in yet: this times `connection_window` is the memory that one caller can tie up.
    pub connections_each_max: usize,
    /// Connections at once whose TLS handshake is still under way.
    pub handshakes_max: usize,
    /// A handshake must be done, and the first bytes of HTTP/2 sent, within this time each.
    pub handshake_timeout: Duration,
    /// A connection from which nothing at all arrives for this long is closed. Keep-alive pings
    /// make every living peer send something well within it.
    pub silence_timeout: Duration,
    /// Pings go out after this much quiet.
    pub keepalive_interval: Duration,
    /// Concurrent calls and streams on one connection.
    pub streams_max: u32,
    /// HTTP/2 window of one stream, bytes.
    pub stream_window: u32,
    /// HTTP/2 window of one connection, bytes.
    pub connection_window: u32,
    /// Batches, or sets of quotes, of one stream that are taken in but not yet answered.
    pub batches_in_flight: usize,
    /// Watches and subscriptions of one participant at once.
    pub watches_each_max: usize,
    /// Reads of store and log at once; further ones wait their turn.
    pub reads_max: usize,
    /// Reads of one participant at once, of those.
    pub reads_each_max: usize,
    /// Bytes of the log that are read for one answer or page, about: beyond it, a page ends early,
    /// and decisions do not say any more in which fields orders differ.
    pub log_bytes_each_max: usize,
    /// Questions about what waits that are thought about at once; further ones are refused.
    pub analyses_max: usize,
    /// Orders a second of one participant.
    pub orders_per_second: NonZeroU32,
    /// Orders that one participant may hand in at once after a pause; at least a whole batch.
    pub orders_burst: NonZeroU32,
    /// Bytes (headers and payloads) a second of one participant.
    pub bytes_per_second: NonZeroU32,
    /// Bytes that one participant may hand in at once after a pause; at least a whole batch.
    pub bytes_burst: NonZeroU32,
    /// Signed commands a second of one participant, cancels among them.
    pub commands_per_second: NonZeroU32,
    /// Signed commands that one participant may give at once after a pause.
    pub commands_burst: NonZeroU32,
    /// Sets of quotes (one pair each) a second of one liquidity provider.
    pub quotes_per_second: NonZeroU32,
    /// Sets of quotes that one liquidity provider may give at once after a pause.
    pub quotes_burst: NonZeroU32,
    /// Statements a second of one participant: a screener makes one of every order that it screens.
    pub statements_per_second: NonZeroU32,
    /// Statements that one participant may hand in at once after a pause; at least a whole call.
    pub statements_burst: NonZeroU32,
    /// Durable records that the core has not applied yet, at most; beyond it nothing is taken in.
    pub core_lag_max: u64,
    /// Applied records that cannot be read from the store yet, at most; beyond it nothing is taken
    /// in, so that what the projectors have to catch up with stays bounded.
    pub projector_lag_max: u64,
    /// How long a call waits for the core's decision or a readable position, if its own deadline
    /// is not sooner.
    pub wait_max: Duration,
    /// A watch that has nothing to say says so after this long; at most five seconds.
    pub heartbeat_interval: Duration,
    /// How long a drain waits before it cuts what is left.
    pub drain_timeout: Duration,
    /// Whether the node describes its services to whoever asks (reflection).
    pub reflection: bool,
}

const fn nonzero(value: u32) -> NonZeroU32 {
    match NonZeroU32::new(value) {
        Some(value) => value,
        None => NonZeroU32::MIN,
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections_max: 4_096,
            connections_each_max: 64,
            handshakes_max: 256,
            handshake_timeout: Duration::from_secs(5),
            silence_timeout: Duration::from_secs(60),
            keepalive_interval: Duration::from_secs(20),
            streams_max: 1_024,
            stream_window: 8 << 20,
            connection_window: 16 << 20,
            batches_in_flight: 32,
            watches_each_max: 32,
            reads_max: 64,
            reads_each_max: 8,
            log_bytes_each_max: 64 << 20,
            analyses_max: 2,
            orders_per_second: nonzero(200_000),
            orders_burst: nonzero(400_000),
            bytes_per_second: nonzero(128 << 20),
            bytes_burst: nonzero(256 << 20),
            commands_per_second: nonzero(100),
            commands_burst: nonzero(1_000),
            quotes_per_second: nonzero(1_000),
            quotes_burst: nonzero(4_000),
            statements_per_second: nonzero(5_000),
            statements_burst: nonzero(20_000),
            core_lag_max: 8_192,
            projector_lag_max: 16_384,
            wait_max: Duration::from_secs(30),
            heartbeat_interval: Duration::from_secs(5),
            drain_timeout: Duration::from_secs(10),
            reflection: false,
        }
    }
}
