//! What a node shares with others: its roles, the brokers that keep the log, the nodes that keep the
//! tables.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Result, bail, ensure};
use clap::ValueEnum;

use super::{Config, Settings, listed};

/// What a process may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub(crate) enum Role {
    /// Takes calls.
    Gateway,
    /// Lets time pass and proposes what settles, if it is the active one of its pool.
    Settler,
    /// Writes what can be queried.
    Projector,
}

impl Role {
    const ALL: [Self; 3] = [Self::Gateway, Self::Settler, Self::Projector];

    /// Its name, as configuration and command line say it.
    #[must_use]
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Gateway => "gateway",
            Self::Settler => "settler",
            Self::Projector => "projector",
        }
    }
}

/// What this process does: at least one role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Roles(Vec<Role>);

impl Roles {
    pub(super) fn of(settings: &Settings, given: &[Role]) -> Self {
        let mut roles = if given.is_empty() {
            let named = |word| Role::ALL.into_iter().find(|role| role.name() == word);
            listed(settings.get("roles")).filter_map(named).collect()
        } else {
            given.to_vec()
        };
        roles.sort_unstable();
        roles.dedup();
        Self(roles)
    }

    /// Whether the process has this role.
    #[must_use]
    pub(crate) fn has(&self, role: Role) -> bool {
        self.0.contains(&role)
    }

    /// Whether it has them all.
    #[must_use]
    pub(crate) fn all(&self) -> bool {
        self.0 == Role::ALL
    }
}

impl fmt::Display for Roles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.0.iter().map(|role| role.name()).collect();
        f.write_str(&names.join(","))
    }
}

/// When a settler is active.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DutyKind {
    /// While no other one of the pool is.
    Auto,
    /// Whatever others do.
    Always,
    /// Not at all.
    Never,
}

impl DutyKind {
    pub(super) fn of(settings: &Settings) -> Self {
        match settings.get("settler.duty") {
            "always" => Self::Always,
            "never" => Self::Never,
            _ => Self::Auto,
        }
    }
}

/// How to reach the brokers, and what their topics must promise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Brokers {
    pub(crate) hosts: Vec<String>,
    pub(crate) topic_prefix: String,
    pub(crate) replication: u16,
    pub(crate) min_insync_replicas: u16,
    pub(crate) answer_timeout: Duration,
    pub(crate) tls: Option<BrokersTls>,
    pub(crate) sasl: Option<Sasl>,
}

/// The files of encrypted connections to brokers; without an authority, the system's are trusted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct BrokersTls {
    pub(crate) ca: Option<PathBuf>,
    /// Certificate and key.
    pub(crate) identity: Option<(PathBuf, PathBuf)>,
}

/// Who this node is to the brokers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sasl {
    /// Such as `SCRAM-SHA-512`.
    pub(crate) mechanism: String,
    pub(crate) user: String,
    pub(crate) password_file: PathBuf,
}

impl Brokers {
    /// # Errors
    /// What is missing, or does not go together.
    pub(super) fn of(settings: &Settings) -> Result<Option<Self>> {
        if settings.get("log.kind") != "kafka" {
            return Ok(None);
        }
        ensure!(
            cfg!(feature = "cluster"),
            "log.kind: this causewayd cannot talk to Kafka: build it with `--features cluster`"
        );
        let hosts: Vec<_> = listed(settings.get("log.brokers")).map(str::to_owned).collect();
        ensure!(
            !hosts.is_empty(),
            "log.brokers: must name a broker with log.kind = \"kafka\", such as [\"kafka-1:9092\"]"
        );
        let (replication, min_insync_replicas) =
            (settings.parsed("log.replication"), settings.parsed("log.min_insync_replicas"));
        ensure!(
            min_insync_replicas < replication || (replication, min_insync_replicas) == (1, 1),
            "log.min_insync_replicas: must be below log.replication ({replication}), not \
             {min_insync_replicas}: else one broker that is gone stops the log (1 with 1 copy)"
        );
        let topic_prefix: String = settings.parsed("log.topic_prefix");
        let named = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        ensure!(
            topic_prefix.len() <= 200 && topic_prefix.bytes().all(named),
            "log.topic_prefix: must be letters, digits, `.`, `_`, `-`, at most 200, not \
             `{topic_prefix}`"
        );
        Ok(Some(Self {
            hosts,
            topic_prefix,
            replication,
            min_insync_replicas,
            answer_timeout: Duration::from_millis(settings.parsed("log.answer_timeout_ms")),
            tls: BrokersTls::of(settings)?,
            sasl: Sasl::of(settings)?,
        }))
    }
}

impl BrokersTls {
    fn of(settings: &Settings) -> Result<Option<Self>> {
        let ca = settings.maybe_path("log.tls_ca");
        let tls = Self { ca, identity: identity(settings, "log")? };
        if settings.parsed("log.tls") {
            return Ok(Some(tls));
        }
        let unused = tls == Self { ca: None, identity: None };
        ensure!(unused, "log.tls: must be true with log.tls_ca or log.tls_certificate");
        Ok(None)
    }
}

impl Sasl {
    fn of(settings: &Settings) -> Result<Option<Self>> {
        let (mechanism, user) = (settings.get("log.sasl"), settings.get("log.sasl_user"));
        let password_file = settings.maybe_path("log.sasl_password_file");
        if mechanism == "none" {
            let unused = user.is_empty() && password_file.is_none();
            ensure!(unused, "log.sasl: must be scram-sha-256 or scram-sha-512 with log.sasl_user");
            return Ok(None);
        }
        ensure!(!user.is_empty(), "log.sasl_user: must be given with log.sasl = \"{mechanism}\"");
        let Some(password_file) = password_file else {
            bail!("log.sasl_password_file: must be given with log.sasl = \"{mechanism}\"");
        };
        let (mechanism, user) = (mechanism.to_uppercase(), user.to_owned());
        Ok(Some(Self { mechanism, user, password_file }))
    }
}

/// How to reach the nodes of a CQL store, and what their keyspace must promise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CqlNodes {
    pub(crate) hosts: Vec<String>,
    pub(crate) keyspace: String,
    pub(crate) datacenter: Option<String>,
    pub(crate) replication: u32,
    /// Name, and the file with the password.
    pub(crate) credentials: Option<(String, PathBuf)>,
    pub(crate) tls: Option<CqlTls>,
}

/// The files of encrypted connections to CQL nodes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CqlTls {
    pub(crate) ca: PathBuf,
    /// Certificate and key.
    pub(crate) identity: Option<(PathBuf, PathBuf)>,
}

impl CqlNodes {
    /// # Errors
    /// What is missing, or does not go together.
    pub(super) fn of(settings: &Settings) -> Result<Option<Self>> {
        if settings.get("store.kind") != "cql" {
            return Ok(None);
        }
        ensure!(
            cfg!(feature = "cluster"),
            "store.kind: this causewayd cannot talk to a CQL store: build it with \
             `--features cluster`"
        );
        let hosts: Vec<_> = listed(settings.get("store.hosts")).map(str::to_owned).collect();
        ensure!(
            !hosts.is_empty(),
            "store.hosts: must name a node with store.kind = \"cql\", such as [\"cql-1:9042\"]"
        );
        let (user, datacenter) = (settings.get("store.user"), settings.get("store.datacenter"));
        let credentials = match (user, settings.maybe_path("store.password_file")) {
            ("", None) => None,
            ("", Some(_)) => bail!("store.user: must be given with store.password_file"),
            (_, None) => bail!("store.password_file: must be given with store.user"),
            (user, Some(file)) => Some((user.to_owned(), file)),
        };
        let identity = identity(settings, "store")?;
        let tls = match settings.maybe_path("store.tls_ca") {
            Some(ca) => Some(CqlTls { ca, identity }),
            None if identity.is_some() => {
                bail!("store.tls_ca: must be given with store.tls_certificate")
            }
            None => None,
        };
        Ok(Some(Self {
            hosts,
            keyspace: settings.parsed("store.keyspace"),
            datacenter: (!datacenter.is_empty()).then(|| datacenter.to_owned()),
            replication: settings.parsed("store.replication"),
            credentials,
            tls,
        }))
    }
}

/// Certificate and key of a section, both or neither.
fn identity(settings: &Settings, section: &str) -> Result<Option<(PathBuf, PathBuf)>> {
    let names = [format!("{section}.tls_certificate"), format!("{section}.tls_key")];
    match [&names[0], &names[1]].map(|name| settings.maybe_path(name)) {
        [Some(certificate), Some(key)] => Ok(Some((certificate, key))),
        [None, None] => Ok(None),
        [Some(_), None] => bail!("{}: must be given with {}", names[1], names[0]),
        [None, Some(_)] => bail!("{}: must be given with {}", names[0], names[1]),
    }
}

impl Config {
    /// Whether these roles can work on this log and this store.
    ///
    /// # Errors
    /// They cannot; the message says what they need.
    pub(super) fn check_roles(&self) -> Result<()> {
        if !self.roles.all() && (self.cql.is_none() || self.brokers.is_none()) {
            let alone = if self.cql.is_none() { "store.kind" } else { "log.kind" };
            bail!(
                "roles: must be gateway,settler,projector with {alone} = \"embedded\", not {}: \
                 roles in processes of their own share log (\"kafka\") and store (\"cql\")",
                self.roles
            );
        }
        if self.duty == DutyKind::Never && self.brokers.is_none() {
            bail!(
                "settler.duty: must not be never with log.kind = \"embedded\": no other settler \
                 can reach this log, so no cycle would ever close"
            );
        }
        Ok(())
    }
}
