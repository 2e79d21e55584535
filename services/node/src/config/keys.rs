//! Every key of the configuration: its name, what it may be, its default, what it means.
//!
//! This list is the only place where a key is defined; reading, checking, `config show` and the
//! reference page all go by it.

/// What values a key takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Any text.
    Text,
    /// A path; a relative one starts at the configuration file's folder.
    Path,
    /// `IP:PORT`; port 0 lets the system choose.
    Address,
    /// `true` or `false`.
    Flag,
    /// An integer in a range, both ends included.
    Integer(u64, u64),
    /// One of a few words.
    Choice(&'static [&'static str]),
    /// Some of a few words, at least one.
    Words(&'static [&'static str]),
    /// Names of hosts with their ports; none by default.
    Hosts,
    /// A path, or nothing.
    MaybePath,
    /// Any text, or nothing.
    MaybeText,
}

/// A key.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Key {
    /// Its name: `key` or `section.key`.
    pub(crate) name: &'static str,
    /// What it takes.
    pub(crate) kind: Kind,
    /// Its default, as in TOML but without quotes.
    pub(crate) default: &'static str,
    /// What it means, with its unit.
    pub(crate) doc: &'static str,
}

const fn key(name: &'static str, kind: Kind, default: &'static str, doc: &'static str) -> Key {
    Key { name, kind, default, doc }
}

const MIB: u64 = 1 << 20;
const U32_MAX: u64 = u32::MAX as u64;

/// All keys, in the order in which they are shown.
pub(crate) const KEYS: &[Key] = &[
    key("data_dir", Kind::Path, "data", "Where the log and the store are kept."),
    key("genesis", Kind::Path, "genesis.toml", "How the pool begins: rules and first operators."),
    key(
        "roles",
        Kind::Words(&["gateway", "settler", "projector"]),
        "gateway,settler,projector",
        "What this process does; `causewayd run --role` goes before.",
    ),
    key("listen", Kind::Address, "127.0.0.1:7400", "Where gRPC is served."),
    key(
        "metrics_listen",
        Kind::Address,
        "127.0.0.1:7401",
        "Where /metrics, /livez and /readyz are served, in plain HTTP.",
    ),
    key(
        "trust_domain",
        Kind::Text,
        "causeway.test",
        "The SPIFFE trust domain of the clients' certificates.",
    ),
    key(
        "clock",
        Kind::Choice(&["system", "scripted"]),
        "system",
        "Where logged time comes from; scripted: only AdvanceClock moves it.",
    ),
    key("worker_threads", Kind::Integer(1, 256), "2", "Threads that serve connections."),
    key(
        "drain_deadline_ms",
        Kind::Integer(0, 600_000),
        "10000",
        "How long a shutdown waits for calls under way before it cuts them off, ms.",
    ),
    key("tls.ca", Kind::Path, "ca.pem", "Who may connect: the authority of the clients, PEM."),
    key("tls.certificate", Kind::Path, "node/tls.pem", "The server's certificate chain, PEM."),
    key("tls.key", Kind::Path, "node/tls.key.pem", "The server's private key, PEM."),
    key(
        "signing.key",
        Kind::Path,
        "node/receipt.key.pem",
        "The Ed25519 key that signs receipts and decisions, PKCS#8 PEM.",
    ),
    key(
        "log.kind",
        Kind::Choice(&["embedded", "kafka"]),
        "embedded",
        "Where the log is: in files of this node alone, or in topics that several nodes share.",
    ),
    key(
        "log.brokers",
        Kind::Hosts,
        "",
        "Kafka: brokers to begin with, such as [\"kafka-1:9092\", \"kafka-2:9092\"].",
    ),
    key(
        "log.topic_prefix",
        Kind::Text,
        "causeway",
        "Kafka: topics are called PREFIX.orders.POOL and PREFIX.outcomes.POOL.",
    ),
    key(
        "log.replication",
        Kind::Integer(1, 15),
        "3",
        "Kafka: copies of every record that the topics must have, at least.",
    ),
    key(
        "log.min_insync_replicas",
        Kind::Integer(1, 15),
        "2",
        "Kafka: copies that must exist before a record counts as durable, at least.",
    ),
    key(
        "log.answer_timeout_ms",
        Kind::Integer(1_000, 600_000),
        "30000",
        "Kafka: a record that no broker answered for in this time is reported as unanswered, ms.",
    ),
    key("log.tls", Kind::Flag, "false", "Kafka: whether connections to the brokers are encrypted."),
    key("log.tls_ca", Kind::MaybePath, "", "Kafka: the authority of the brokers, PEM."),
    key(
        "log.tls_certificate",
        Kind::MaybePath,
        "",
        "Kafka: the certificate shown to the brokers, PEM.",
    ),
    key("log.tls_key", Kind::MaybePath, "", "Kafka: its private key, PEM."),
    key(
        "log.sasl",
        Kind::Choice(&["none", "scram-sha-256", "scram-sha-512"]),
        "none",
        "Kafka: how this node says who it is.",
    ),
    key("log.sasl_user", Kind::MaybeText, "", "Kafka: its name, with SASL."),
    key(
        "log.sasl_password_file",
        Kind::MaybePath,
        "",
        "Kafka: a file with its password, with SASL.",
    ),
    key(
        "log.segment_bytes",
        Kind::Integer(MIB, 4096 * MIB),
        "67108864",
        "Size of a file of the log, bytes.",
    ),
    key(
        "log.queue_bytes_max",
        Kind::Integer(8 * MIB, 4096 * MIB),
        "67108864",
        "Records that wait to be written, bytes; beyond it orders are refused for a moment.",
    ),
    key(
        "log.cache_bytes",
        Kind::Integer(0, 65_536 * MIB),
        "67108864",
        "The newest records kept in memory, bytes.",
    ),
    key("log.direct_io", Kind::Flag, "true", "Write the log around the page cache."),
    key(
        "store.kind",
        Kind::Choice(&["embedded", "cql"]),
        "embedded",
        "Where the tables are: in files of this node alone, or where several nodes share them.",
    ),
    key(
        "store.hosts",
        Kind::Hosts,
        "",
        "CQL: nodes to begin with, such as [\"cql-1:9042\", \"cql-2:9042\"].",
    ),
    key("store.keyspace", Kind::Text, "causeway", "CQL: the keyspace; pools can share one."),
    key(
        "store.datacenter",
        Kind::MaybeText,
        "",
        "CQL: the data centre of this node, if there are several.",
    ),
    key(
        "store.replication",
        Kind::Integer(1, 15),
        "3",
        "CQL: copies of every row that the keyspace must keep in each data centre, at least.",
    ),
    key("store.user", Kind::MaybeText, "", "CQL: this node's name, if it must say who it is."),
    key("store.password_file", Kind::MaybePath, "", "CQL: a file with its password."),
    key("store.tls_ca", Kind::MaybePath, "", "CQL: encrypt, and trust this authority, PEM."),
    key(
        "store.tls_certificate",
        Kind::MaybePath,
        "",
        "CQL: the certificate shown to the nodes, PEM.",
    ),
    key("store.tls_key", Kind::MaybePath, "", "CQL: its private key, PEM."),
    key(
        "store.cache_bytes",
        Kind::Integer(MIB, 65_536 * MIB),
        "134217728",
        "Memory for blocks of the store, bytes.",
    ),
    key(
        "store.reserve_bytes",
        Kind::Integer(MIB, 65_536 * MIB),
        "268435456",
        "Nothing is written to the store while the disk has less than this left, bytes.",
    ),
    key(
        "settler.duty",
        Kind::Choice(&["auto", "always", "never"]),
        "auto",
        "Whether this settler lets time pass and proposes: auto: one of those of the pool does.",
    ),
    key(
        "settler.takeover_ms",
        Kind::Integer(1_000, 60_000),
        "4000",
        "Without a sign of life from the active settler for this long, another one takes over, ms.",
    ),
    key(
        "settler.outcomes_bytes_max",
        Kind::Integer(MIB, 65_536 * MIB),
        "134217728",
        "The newest outcomes kept for callers that wait for them, bytes.",
    ),
    key(
        "settler.snapshot_every_orders",
        Kind::Integer(1_000, 1_000_000_000),
        "2000000",
        "A snapshot of the pool is taken after this many orders; a record without any counts as one.",
    ),
    key(
        "gateway.connections_max",
        Kind::Integer(1, 1_000_000),
        "4096",
        "Connections at once, over all callers.",
    ),
    key(
        "gateway.streams_max",
        Kind::Integer(1, 1_000_000),
        "1024",
        "Calls and streams at once on one connection.",
    ),
    key(
        "gateway.batches_in_flight_max",
        Kind::Integer(1, 4_096),
        "32",
        "Batches of one stream that are taken in but not answered yet.",
    ),
    key(
        "gateway.connections_each_max",
        Kind::Integer(1, 1_000_000),
        "256",
        "Connections at once of one holder of certificates.",
    ),
    key(
        "gateway.watches_each_max",
        Kind::Integer(1, 1_000_000),
        "32",
        "Watches and subscriptions at once of one participant.",
    ),
    key(
        "gateway.reads_max",
        Kind::Integer(1, 512),
        "64",
        "Reads of store and log at once; further ones wait their turn.",
    ),
    key(
        "gateway.orders_per_second_max",
        Kind::Integer(1, U32_MAX),
        "200000",
        "Orders a second of one participant.",
    ),
    key(
        "gateway.orders_burst_max",
        Kind::Integer(1_024, U32_MAX),
        "400000",
        "Orders that one participant may hand in at once after a pause.",
    ),
    key(
        "gateway.bytes_per_second_max",
        Kind::Integer(1, U32_MAX),
        "134217728",
        "Bytes of orders a second of one participant.",
    ),
    key(
        "gateway.bytes_burst_max",
        Kind::Integer(8 * MIB, U32_MAX),
        "268435456",
        "Bytes of orders that one participant may hand in at once after a pause.",
    ),
    key(
        "gateway.core_lag_records_max",
        Kind::Integer(1, 1_000_000),
        "8192",
        "Records that are logged but not applied; beyond it nothing is taken in.",
    ),
    key(
        "gateway.projector_lag_records_max",
        Kind::Integer(1, 1_000_000),
        "16384",
        "Records that are applied but cannot be read yet; beyond it nothing is taken in.",
    ),
    key(
        "gateway.wait_max_ms",
        Kind::Integer(1, 600_000),
        "30000",
        "How long a call waits for a decision or a readable position, ms.",
    ),
    key(
        "gateway.handshake_timeout_ms",
        Kind::Integer(1, 600_000),
        "5000",
        "How long a TLS handshake may take, ms.",
    ),
    key(
        "gateway.silence_timeout_ms",
        Kind::Integer(1_000, 86_400_000),
        "60000",
        "A connection from which nothing arrives for this long is closed, ms.",
    ),
    key(
        "gateway.keepalive_interval_ms",
        Kind::Integer(1_000, 86_400_000),
        "20000",
        "A quiet connection is pinged after this long, ms.",
    ),
    key(
        "gateway.heartbeat_interval_ms",
        Kind::Integer(10, 5_000),
        "5000",
        "A watch that has nothing to say says so after this long, ms.",
    ),
    key(
        "gateway.reflection",
        Kind::Flag,
        "false",
        "Whether the node describes its services to whoever may connect.",
    ),
    key(
        "telemetry.format",
        Kind::Choice(&["auto", "text", "json"]),
        "auto",
        "How events are written to stderr; auto: text on a terminal, JSON otherwise.",
    ),
    key(
        "telemetry.filter",
        Kind::Text,
        "info",
        "Which events are written, such as `info,gateway=debug`.",
    ),
];
