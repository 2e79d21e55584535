//! The same day on a cluster: the log on Kafka brokers, the tables on CQL nodes, and a process for
//! each role.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use clap::Args;
use sdk::new_request_id;
use toml::{Table, Value};

use super::node::{self, Part};
use crate::failure::{Failure, at};

/// The processes, with their roles. A settler that ends is followed by the other.
const ROLES: [(&str, &str); 4] = [
    ("settler-1", "settler"),
    ("settler-2", "settler"),
    ("projector", "projector"),
    ("gateway", "gateway"),
];

#[derive(Debug, Args)]
pub(super) struct ClusterArgs {
    /// Play the day on a running cluster (`deploy/local/cluster up`), with a process for each role:
    /// the roots are the same. Needs a causewayd that is built with `--features cluster`.
    #[arg(long)]
    cluster: bool,
    /// Kafka brokers to begin with.
    #[arg(
        long,
        value_delimiter = ',',
        value_name = "HOST:PORT",
        requires = "cluster",
        default_value = "127.0.0.1:19092,127.0.0.1:19192,127.0.0.1:19292"
    )]
    brokers: Vec<String>,
    /// CQL nodes to begin with.
    #[arg(
        long,
        value_delimiter = ',',
        value_name = "HOST:PORT",
        requires = "cluster",
        default_value = "127.0.0.1:9042,127.0.0.2:9042,127.0.0.3:9042"
    )]
    hosts: Vec<String>,
}

/// The processes of a day, and what `causewayd verify` is told to find its log.
pub(super) struct Parts {
    pub(super) parts: Vec<Part>,
    pub(super) verified: PathBuf,
}

impl ClusterArgs {
    /// What is to be started on a development folder; on a cluster its topics and tables are made.
    pub(super) async fn parts(&self, dir: &Path) -> Result<Parts, Failure> {
        let names = ROLES.map(|(name, _)| dir.join(format!("{name}.toml")));
        // A day that is taken up again keeps its log, whichever it is.
        let configured = names.iter().all(|config| config.exists());
        let elsewhere = if configured { "with" } else { "without" };
        if configured != self.cluster && (configured || dir.join("data").exists()) {
            let dir = dir.display();
            return Err(Failure::usage(format!(
                "{dir} holds a day {elsewhere} --cluster: name another folder"
            )));
        }
        if !self.cluster {
            let arguments = vec!["dev".into(), "--dir".into(), dir.into()];
            let parts = vec![Part { name: "causewayd", arguments }];
            return Ok(Parts { parts, verified: dir.to_owned() });
        }
        if !configured {
            self.configure(dir)?;
        }
        let [verified, ..] = names;
        let init = ["cluster".as_ref(), "init".as_ref(), "--config".as_ref(), verified.as_os_str()];
        let made = node::run(&init).await?;
        if !made.status.success() {
            let said = node::last_line(&made.stderr);
            return Err(Failure::fault(format!(
                "causewayd cluster init: {said} (are the servers up, and is causewayd built with \
                 `cargo build --release --features node/cluster`?)"
            )));
        }
        let part = |(name, role): (&'static str, &str)| {
            let config = dir.join(format!("{name}.toml")).into_os_string();
            let words = ["run", "--role", role, "--config"].map(OsString::from);
            Part { name, arguments: words.into_iter().chain([config]).collect() }
        };
        Ok(Parts { parts: ROLES.map(part).into(), verified })
    }

    /// Writes a configuration for each process: the folder's, on topics and tables of its own.
    fn configure(&self, dir: &Path) -> Result<(), Failure> {
        let path = dir.join("causewayd.toml");
        let text = fs::read_to_string(&path).map_err(at(&path))?;
        let broken = |_| Failure::fault(format!("{} is no TOML", path.display()));
        let mut settings: Table = text.parse().map_err(broken)?;
        let drawn = new_request_id().0;
        let name = format!("demo_{:016x}", u128::from_be_bytes(drawn) >> 64);
        let list = |hosts: &[String]| Value::from(hosts.to_vec());
        let log = [
            ("kind", "kafka".into()),
            ("brokers", list(&self.brokers)),
            ("topic_prefix", name.as_str().into()),
        ];
        let store = [
            ("kind", "cql".into()),
            ("hosts", list(&self.hosts)),
            ("keyspace", name.as_str().into()),
        ];
        settings.insert("log".to_owned(), section(log));
        settings.insert("store".to_owned(), section(store));
        for (name, _) in ROLES {
            settings.insert("data_dir".to_owned(), name.into());
            let path = dir.join(format!("{name}.toml"));
            fs::write(&path, settings.to_string()).map_err(at(&path))?;
        }
        Ok(())
    }
}

fn section<const N: usize>(entries: [(&str, Value); N]) -> Value {
    Value::Table(entries.map(|(key, value)| (key.to_owned(), value)).into_iter().collect())
}
