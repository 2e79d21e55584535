//! Processes of `causewayd` that belong to a load test: one with everything in it, or those of a
//! cluster. Whatever happens, none of them outlives it.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, bail, ensure};
use toml::{Table, Value};

use crate::PATIENCE;
use crate::processes::Processes;

/// How long a process may take to end by itself.
const DRAIN: Duration = Duration::from_secs(30);
const STEP: Duration = Duration::from_millis(50);

/// What a cluster's processes share, and how they divide the work.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cluster<'a> {
    /// Brokers to begin with, which keep the log.
    pub(crate) brokers: &'a [String],
    pub(crate) parts: Parts<'a>,
}

/// How processes divide the work.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Parts<'a> {
    /// Each role has processes of its own, the tables are on these CQL nodes.
    Roles(&'a [String]),
    /// So many processes have all roles, and a store each.
    Whole(u32),
}

/// The processes where roles are apart: one to load, and a standby for what must never rest.
const ROLES: [(&str, &str); 4] = [
    ("settler-1", "settler"),
    ("settler-2", "settler"),
    ("projector", "projector"),
    ("gateway", "gateway"),
];

impl Cluster<'_> {
    fn configure(&self, settings: &mut Table) -> anyhow::Result<()> {
        let since = SystemTime::now().duration_since(UNIX_EPOCH)?;
        let name = format!("load_{:x}", since.as_millis());
        let mut log = Table::new();
        log.insert("kind".to_owned(), "kafka".into());
        log.insert("brokers".to_owned(), self.brokers.to_vec().into());
        log.insert("topic_prefix".to_owned(), name.as_str().into());
        settings.insert("log".to_owned(), Value::Table(log));
        if let Parts::Roles(hosts) = self.parts {
            let mut store = Table::new();
            store.insert("kind".to_owned(), "cql".into());
            store.insert("hosts".to_owned(), hosts.to_vec().into());
            store.insert("keyspace".to_owned(), name.into());
            settings.insert("store".to_owned(), Value::Table(store));
        }
        Ok(())
    }

    /// Names, with the role if it is one.
    fn processes(&self) -> Vec<(String, Option<&'static str>)> {
        match self.parts {
            Parts::Roles(_) => {
                ROLES.iter().map(|(name, role)| ((*name).to_owned(), Some(*role))).collect()
            }
            Parts::Whole(count) => {
                (1..=count).map(|number| (format!("node-{number}"), None)).collect()
            }
        }
    }
}

/// Running processes.
#[derive(Debug)]
pub(crate) struct Nodes(Vec<Node>);

#[derive(Debug)]
struct Node {
    name: String,
    dir: PathBuf,
    arguments: Vec<PathBuf>,
    child: Child,
}

impl Nodes {
    /// None of ours.
    pub(crate) fn none() -> Self {
        Self(Vec::new())
    }

    /// One process on the files of a development folder; and its address.
    pub(crate) async fn single(dir: &Path) -> anyhow::Result<(Self, String)> {
        let arguments = [Path::new("dev"), Path::new("--dir"), dir];
        let mut nodes = Self::none();
        let address = nodes.start("node", dir, &arguments).await?;
        Ok((nodes, url(&address.context("a node without a gateway")?)))
    }

    /// Processes on one log of these brokers, with topics and tables that no other test has; and the
    /// address of the first that has a gateway.
    pub(crate) async fn on_cluster(
        dir: &Path,
        cluster: Cluster<'_>,
    ) -> anyhow::Result<(Self, String)> {
        let text = std::fs::read_to_string(dir.join("causewayd.toml"))?;
        let mut settings: Table = text.parse().context("causewayd.toml")?;
        cluster.configure(&mut settings)?;
        let mut nodes = Self::none();
        let mut address = None;
        for (name, role) in cluster.processes() {
            settings.insert("data_dir".to_owned(), name.as_str().into());
            let config = dir.join(format!("{name}.toml"));
            std::fs::write(&config, toml::to_string(&settings)?)?;
            if nodes.0.is_empty() {
                init(&config)?;
            }
            let mut arguments = vec![Path::new("run"), Path::new("--config"), &config];
            if let Some(role) = role {
                arguments.extend([Path::new("--role"), Path::new(role)]);
            }
            let listens = nodes.start(&name, dir, &arguments).await?;
            if let Some(listens) = &listens {
                // There it shall be found again when it is started once more.
                let mut settings = settings.clone();
                settings.insert("listen".to_owned(), listens.as_str().into());
                std::fs::write(&config, toml::to_string(&settings)?)?;
            }
            address = address.or(listens);
        }
        Ok((nodes, url(&address.context("no process has a gateway")?)))
    }

    /// Starts a process and waits until it is ready; where it listens, if it has a gateway.
    async fn start(
        &mut self,
        name: &str,
        dir: &Path,
        arguments: &[&Path],
    ) -> anyhow::Result<Option<String>> {
        let arguments = arguments.iter().map(|argument| (*argument).to_owned()).collect();
        let mut node = Node::spawn(name.to_owned(), dir.to_owned(), arguments)?;
        let ready = node.ready().await;
        self.0.push(node);
        ready
    }

    /// Whether one of them has this name.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.0.iter().any(|node| node.name == name)
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|node| node.name.as_str())
    }

    fn node(&mut self, name: &str) -> anyhow::Result<&mut Node> {
        self.0.iter_mut().find(|node| node.name == name).with_context(|| format!("no {name}"))
    }

    /// SIGKILL.
    pub(crate) fn kill(&mut self, name: &str) -> anyhow::Result<()> {
        let child = &mut self.node(name)?.child;
        child.kill()?;
        child.wait()?;
        Ok(())
    }

    /// Sends a signal: STOP, CONT, TERM.
    pub(crate) fn signal(&mut self, name: &str, signal: &str) -> anyhow::Result<()> {
        self.node(name)?.signal(signal)
    }

    /// Starts what was killed, with the same files, and waits until it is ready.
    pub(crate) async fn start_again(&mut self, name: &str) -> anyhow::Result<()> {
        let node = self.node(name)?;
        *node = Node::spawn(node.name.clone(), node.dir.clone(), node.arguments.clone())?;
        node.ready().await.map(drop)
    }

    /// For what they use.
    pub(crate) fn processes(&self) -> Processes {
        let mut processes = Processes::default();
        for node in &self.0 {
            processes.add(&node.name, node.child.id());
        }
        processes
    }

    /// Tells them to end, and waits for it.
    pub(crate) async fn end(&mut self) -> anyhow::Result<()> {
        for node in &mut self.0 {
            // The number of one that has ended may be another's by now.
            if node.child.try_wait()?.is_none() {
                node.signal("TERM")?;
            }
        }
        for node in &mut self.0 {
            let mut steps = DRAIN.as_millis() / STEP.as_millis();
            let status = loop {
                if let Some(status) = node.child.try_wait()? {
                    break status;
                }
                ensure!(steps > 0, "{} did not stop within 30 s", node.name);
                steps -= 1;
                tokio::time::sleep(STEP).await;
            };
            ensure!(status.success(), "{} ended with {status}", node.name);
        }
        Ok(())
    }
}

impl Node {
    fn spawn(name: String, dir: PathBuf, arguments: Vec<PathBuf>) -> anyhow::Result<Self> {
        let ready = dir.join(format!("{name}.ready.json"));
        // One that was left by a process of this name would look like this one's.
        drop(std::fs::remove_file(&ready));
        let child = Command::new(beside("causewayd")?)
            .args(&arguments)
            .arg("--ready-file")
            .arg(&ready)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(std::fs::File::create(dir.join(format!("{name}.log")))?)
            .spawn()
            .context("start causewayd")?;
        Ok(Self { name, dir, arguments, child })
    }

    /// Waits until it is ready; where it listens, if it has a gateway.
    async fn ready(&mut self) -> anyhow::Result<Option<String>> {
        let steps = PATIENCE.as_millis() / STEP.as_millis();
        for _ in 0..steps {
            if let Some(status) = self.child.try_wait()? {
                let log = self.dir.join(format!("{}.log", self.name));
                let log = std::fs::read_to_string(log).unwrap_or_default();
                bail!("causewayd ({}) ended with {status}: {log}", self.name);
            }
            if let Some(addresses) = addresses(&self.dir.join(format!("{}.ready.json", self.name)))
            {
                return Ok(addresses["grpc"].as_str().map(str::to_owned));
            }
            tokio::time::sleep(STEP).await;
        }
        bail!("causewayd ({}) was not ready in time", self.name)
    }

    fn signal(&self, signal: &str) -> anyhow::Result<()> {
        let pid = self.child.id().to_string();
        let sent = Command::new("kill").args([&format!("-{signal}"), &pid]).status();
        ensure!(sent.context("run kill")?.success(), "cannot signal {}", self.name);
        Ok(())
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        // An error says that it has ended.
        drop((self.child.kill(), self.child.wait()));
    }
}

fn url(address: &str) -> String {
    format!("https://{address}")
}

/// Makes topics and tables.
fn init(config: &Path) -> anyhow::Result<()> {
    let mut command = Command::new(beside("causewayd")?);
    let made = command.args(["cluster", "init", "--config"]).arg(config).output()?;
    let said = String::from_utf8_lossy(&made.stderr);
    ensure!(
        made.status.success(),
        "causewayd cluster init (is it built with --features cluster, and do the servers run?): {said}"
    );
    Ok(())
}

/// What a ready file says, once it is there.
fn addresses(ready: &Path) -> Option<serde_json::Value> {
    serde_json::from_str(&std::fs::read_to_string(ready).ok()?).ok()
}

/// A binary that is built beside this one; under `cargo run` a missing one is built first.
pub(crate) fn beside(name: &str) -> anyhow::Result<PathBuf> {
    let path = std::env::current_exe()?.with_file_name(name);
    if let (false, Some(cargo)) = (path.exists(), std::env::var_os("CARGO")) {
        let mut build = Command::new(cargo);
        build.args(["build", "--bin", name]);
        if !cfg!(debug_assertions) {
            build.arg("--release");
        }
        build.stdout(Stdio::null()).status().with_context(|| format!("build {name}"))?;
    }
    ensure!(path.exists(), "{} is missing: build it with cargo build --release", path.display());
    Ok(path)
}
