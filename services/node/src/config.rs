//! The configuration: one TOML file, every key known, every value with its origin.
//!
//! Precedence: environment (`CAUSEWAYD_` and the key in capitals, dots as underscores), file,
//! default. A key that is not in [`KEYS`] is an error. Nothing secret is a value: keys are files.

mod cluster;
mod keys;
mod suggest;

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};

pub(crate) use self::cluster::{Brokers, CqlNodes, DutyKind, Role, Roles};
#[cfg(feature = "cluster")]
pub(crate) use self::cluster::{BrokersTls, CqlTls, Sasl};
pub(crate) use self::keys::{KEYS, Key, Kind};
use self::suggest::nearest;

/// Where a value came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    /// The built-in default.
    Default,
    /// The configuration file.
    File,
    /// The environment.
    Env,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Default => "default",
            Self::File => "file",
            Self::Env => "env",
        })
    }
}

/// A key's checked value, as text.
#[derive(Debug, Clone)]
struct Setting {
    key: &'static Key,
    value: String,
    origin: Origin,
}

/// The value of every key.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    /// What relative paths start at.
    base: PathBuf,
    settings: Vec<Setting>,
}

impl Settings {
    /// Reads the file, if one is given, and the environment.
    ///
    /// # Errors
    /// The file cannot be read, a key is unknown, or a value does not fit; the message names it.
    pub(crate) fn load(file: Option<&Path>) -> Result<Self> {
        let text = match file {
            None => String::new(),
            Some(path) => std::fs::read_to_string(path)
                .with_context(|| format!("cannot read {}", path.display()))?,
        };
        let base = file.and_then(Path::parent).unwrap_or(Path::new(""));
        // A value that is no text is refused like any other that does not fit.
        let env = std::env::vars_os()
            .map(|(name, value)| [name, value].map(|text| text.to_string_lossy().into_owned()))
            .map(|[name, value]| (name, value))
            .collect();
        let shown = file.map_or_else(String::new, |path| path.display().to_string());
        Self::parse(&text, base, &env).with_context(|| format!("configuration {shown}"))
    }

    fn parse(text: &str, base: &Path, env: &BTreeMap<String, String>) -> Result<Self> {
        let mut settings = Self { base: base.to_owned(), settings: Vec::new() };
        for key in KEYS {
            let value = key.default.to_owned();
            settings.settings.push(Setting { key, value, origin: Origin::Default });
        }
        let table: toml::Table = text.parse().map_err(|error| anyhow!("{error}"))?;
        settings.read_table("", &table)?;
        for (name, value) in env.iter().filter(|(name, _)| name.starts_with(ENV_PREFIX)) {
            settings.read_env(name, value)?;
        }
        Ok(settings)
    }

    fn read_env(&mut self, name: &str, value: &str) -> Result<()> {
        let known = self.settings.iter_mut().find(|setting| env_name(setting.key.name) == name);
        let Some(setting) = known else {
            let known: Vec<String> = KEYS.iter().map(|key| env_name(key.name)).collect();
            match nearest(name, known.iter().map(String::as_str)) {
                Some(meant) => {
                    bail!("unknown environment variable `{name}`; did you mean `{meant}`?")
                }
                None => bail!(
                    "unknown environment variable `{name}`; `causewayd config show` lists the keys"
                ),
            }
        };
        setting.value = checked(setting.key, value.to_owned()).with_context(|| name.to_owned())?;
        setting.origin = Origin::Env;
        Ok(())
    }

    fn read_table(&mut self, prefix: &str, table: &toml::Table) -> Result<()> {
        for (name, value) in table {
            let name = format!("{prefix}{name}");
            let text = match value {
                toml::Value::Table(inner) => {
                    self.read_table(&format!("{name}."), inner)?;
                    continue;
                }
                toml::Value::String(text) => text.clone(),
                toml::Value::Integer(number) => number.to_string(),
                toml::Value::Boolean(flag) => flag.to_string(),
                toml::Value::Array(items) => joined(items),
                other => other.type_str().to_owned(),
            };
            let known = self.settings.iter_mut().find(|setting| setting.key.name == name);
            let Some(setting) = known else { bail!(unknown(&name)) };
            let kind = setting.key.kind;
            if value.is_str() != kind.quoted() || value.is_array() != kind.is_list() {
                bail!("{name}: must be {kind}");
            }
            setting.value = checked(setting.key, text).with_context(|| name)?;
            setting.origin = Origin::File;
        }
        Ok(())
    }

    /// Every key as TOML, each behind its description; with its origin if wanted.
    #[must_use]
    pub(crate) fn show(&self, origin: bool) -> String {
        let mut out = String::new();
        let mut section = "";
        for Setting { key, value, origin: from } in &self.settings {
            let (of, name) = key.name.split_once('.').unwrap_or(("", key.name));
            if of != section {
                section = of;
                out.push_str(&format!("\n[{section}]\n"));
            }
            let quoted = |text: &str| toml::Value::String(text.to_owned());
            let value = if key.kind.quoted() {
                quoted(value).to_string()
            } else if key.kind.is_list() {
                toml::Value::Array(listed(value).map(quoted).collect()).to_string()
            } else {
                value.clone()
            };
            out.push_str(&format!("# {}\n{name} = {value}", key.doc));
            if origin {
                out.push_str(&format!("  # {from}"));
            }
            out.push('\n');
        }
        out
    }

    fn get(&self, name: &str) -> &str {
        self.settings
            .iter()
            .find(|setting| setting.key.name == name)
            .map(|setting| setting.value.as_str())
            .unwrap_or_else(|| unreachable!("{name} is asked for but not in KEYS"))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.base.join(self.get(name))
    }

    /// A path that may be left out.
    fn maybe_path(&self, name: &str) -> Option<PathBuf> {
        (!self.get(name).is_empty()).then(|| self.path(name))
    }

    fn parsed<T: std::str::FromStr>(&self, name: &str) -> T {
        self.get(name).parse().unwrap_or_else(|_| unreachable!("{name} was checked"))
    }
}

/// Several values in one text: none of them holds a comma.
fn listed(value: &str) -> impl Iterator<Item = &str> {
    value.split(',').map(str::trim).filter(|item| !item.is_empty())
}

/// The items of an array as one text; what is no text shows as what it is.
fn joined(items: &[toml::Value]) -> String {
    let words: Vec<_> = items.iter().map(|it| it.as_str().unwrap_or(it.type_str())).collect();
    words.join(",")
}

const ENV_PREFIX: &str = "CAUSEWAYD_";

/// `CAUSEWAYD_TLS_CA` for `tls.ca`.
fn env_name(key: &str) -> String {
    format!("{ENV_PREFIX}{}", key.replace('.', "_").to_uppercase())
}

fn unknown(name: &str) -> String {
    let known = KEYS.iter().map(|key| key.name);
    match nearest(name, known) {
        Some(meant) => format!("unknown key `{name}`; did you mean `{meant}`?"),
        None => format!("unknown key `{name}`; `causewayd config show` lists them all"),
    }
}

impl Kind {
    /// Whether TOML writes its values in quotes.
    fn quoted(self) -> bool {
        !matches!(self, Self::Flag | Self::Integer(..)) && !self.is_list()
    }

    /// Whether TOML writes its values as an array of texts.
    fn is_list(self) -> bool {
        matches!(self, Self::Words(_) | Self::Hosts)
    }

    fn holds(self, value: &str) -> bool {
        match self {
            Self::Text | Self::Path => !value.is_empty(),
            Self::Address => value.parse::<SocketAddr>().is_ok(),
            Self::Flag => value.parse::<bool>().is_ok(),
            Self::Integer(min, max) => {
                value.parse::<u64>().is_ok_and(|number| (min..=max).contains(&number))
            }
            Self::Choice(words) => words.contains(&value),
            Self::Words(words) => {
                listed(value).count() > 0 && listed(value).all(|word| words.contains(&word))
            }
            Self::Hosts => listed(value).all(is_host),
            Self::MaybePath | Self::MaybeText => true,
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text => f.write_str("a text, not empty"),
            Self::Path => f.write_str("a path, not empty"),
            Self::Address => f.write_str("an address such as \"127.0.0.1:7400\""),
            Self::Flag => f.write_str("true or false"),
            Self::Integer(min, max) => write!(f, "an integer from {min} to {max}"),
            Self::Choice(words) => write!(f, "one of \"{}\"", words.join("\", \"")),
            Self::Words(words) => write!(f, "a list of some of \"{}\"", words.join("\", \"")),
            Self::Hosts => f.write_str("a list of hosts such as [\"host-1:9092\"]"),
            Self::MaybePath => f.write_str("a path, or empty for none"),
            Self::MaybeText => f.write_str("a text, or empty for none"),
        }
    }
}

/// `host:port`.
fn is_host(text: &str) -> bool {
    text.rsplit_once(':').is_some_and(|(host, port)| {
        !host.is_empty() && port.parse::<u16>().is_ok_and(|port| port > 0)
    })
}

fn checked(key: &Key, value: String) -> Result<String> {
    if !key.kind.holds(&value) {
        bail!("must be {}, not `{value}`", key.kind);
    }
    Ok(value)
}

/// Where logged time comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ClockKind {
    /// The operating system.
    System,
    /// Calls of `AdvanceClock`.
    Scripted,
}

/// How events are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    /// Text on a terminal, JSON otherwise.
    Auto,
    /// Lines to read.
    Text,
    /// One JSON object per line.
    Json,
}

/// The settings as values; each field is the key of the same name, see [`KEYS`].
#[derive(Debug, Clone)]
pub(crate) struct Config {
    pub(crate) data_dir: PathBuf,
    pub(crate) genesis: PathBuf,
    pub(crate) roles: Roles,
    /// The brokers that keep the log; none: it is in files.
    pub(crate) brokers: Option<Brokers>,
    /// The nodes that keep the tables; none: they are in files.
    pub(crate) cql: Option<CqlNodes>,
    pub(crate) listen: SocketAddr,
    pub(crate) metrics_listen: SocketAddr,
    pub(crate) trust_domain: String,
    pub(crate) clock: ClockKind,
    pub(crate) worker_threads: usize,
    pub(crate) tls_ca: PathBuf,
    pub(crate) tls_certificate: PathBuf,
    pub(crate) tls_key: PathBuf,
    pub(crate) signing_key: PathBuf,
    pub(crate) log: bus::embedded::Options,
    pub(crate) store: store::embedded::Options,
    pub(crate) gateway: gateway::Limits,
    pub(crate) duty: DutyKind,
    pub(crate) takeover: Duration,
    pub(crate) outcomes_bytes_max: usize,
    pub(crate) snapshot_every_orders: u64,
    pub(crate) format: Format,
    pub(crate) filter: String,
}

impl Config {
    /// The settings as values; `roles` go before those of the settings if there are any.
    ///
    /// # Errors
    /// Two settings do not go together; the message names both and what mends it.
    pub(crate) fn new(settings: &Settings, roles: &[Role]) -> Result<Self> {
        let config = Self {
            data_dir: settings.path("data_dir"),
            genesis: settings.path("genesis"),
            roles: Roles::of(settings, roles),
            brokers: Brokers::of(settings)?,
            cql: CqlNodes::of(settings)?,
            listen: settings.parsed("listen"),
            metrics_listen: settings.parsed("metrics_listen"),
            trust_domain: settings.parsed("trust_domain"),
            clock: match settings.get("clock") {
                "scripted" => ClockKind::Scripted,
                _ => ClockKind::System,
            },
            worker_threads: settings.parsed("worker_threads"),
            tls_ca: settings.path("tls.ca"),
            tls_certificate: settings.path("tls.certificate"),
            tls_key: settings.path("tls.key"),
            signing_key: settings.path("signing.key"),
            log: log_options(settings),
            store: store::embedded::Options {
                cache_bytes: settings.parsed("store.cache_bytes"),
                reserve_bytes: settings.parsed("store.reserve_bytes"),
            },
            gateway: gateway_limits(settings),
            duty: DutyKind::of(settings),
            takeover: Duration::from_millis(settings.parsed("settler.takeover_ms")),
            outcomes_bytes_max: settings.parsed("settler.outcomes_bytes_max"),
            snapshot_every_orders: settings.parsed("settler.snapshot_every_orders"),
            format: match settings.get("telemetry.format") {
                "text" => Format::Text,
                "json" => Format::Json,
                _ => Format::Auto,
            },
            filter: settings.parsed("telemetry.filter"),
        };
        config.check_roles()?;
        Ok(config)
    }
}

fn log_options(settings: &Settings) -> bus::embedded::Options {
    bus::embedded::Options {
        segment_bytes: settings.parsed("log.segment_bytes"),
        queue_bytes_max: settings.parsed("log.queue_bytes_max"),
        cache_bytes: settings.parsed("log.cache_bytes"),
        direct_io: settings.parsed("log.direct_io"),
        ..bus::embedded::Options::default()
    }
}

fn gateway_limits(settings: &Settings) -> gateway::Limits {
    let millis = |name| Duration::from_millis(settings.parsed(name));
    gateway::Limits {
        connections_max: settings.parsed("gateway.connections_max"),
        streams_max: settings.parsed("gateway.streams_max"),
        batches_in_flight: settings.parsed("gateway.batches_in_flight_max"),
        connections_each_max: settings.parsed("gateway.connections_each_max"),
        watches_each_max: settings.parsed("gateway.watches_each_max"),
        reads_max: settings.parsed("gateway.reads_max"),
        orders_per_second: settings.parsed("gateway.orders_per_second_max"),
        orders_burst: settings.parsed("gateway.orders_burst_max"),
        bytes_per_second: settings.parsed("gateway.bytes_per_second_max"),
        bytes_burst: settings.parsed("gateway.bytes_burst_max"),
        core_lag_max: settings.parsed("gateway.core_lag_records_max"),
        projector_lag_max: settings.parsed("gateway.projector_lag_records_max"),
        wait_max: millis("gateway.wait_max_ms"),
        handshake_timeout: millis("gateway.handshake_timeout_ms"),
        silence_timeout: millis("gateway.silence_timeout_ms"),
        keepalive_interval: millis("gateway.keepalive_interval_ms"),
        heartbeat_interval: millis("gateway.heartbeat_interval_ms"),
        drain_timeout: millis("drain_deadline_ms"),
        reflection: settings.parsed("gateway.reflection"),
        ..gateway::Limits::default()
    }
}

#[cfg(test)]
mod tests;
