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

/// Running processes.
#[derive(Debug)]
pub(crate) struct Nodes(Vec<Node>);

#[derive(Debug)]
struct Node {
    name: String,
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
        Ok((nodes, address))
    }

    /// So many processes with all roles on one log of these brokers, each with a store of its own;
    /// and the address of the first.
    pub(crate) async fn on_brokers(
        dir: &Path,
        brokers: &[String],
        count: u32,
    ) -> anyhow::Result<(Self, String)> {
        let text = std::fs::read_to_string(dir.join("causewayd.toml"))?;
        let mut settings: Table = text.parse().context("causewayd.toml")?;
        let since = SystemTime::now().duration_since(UNIX_EPOCH)?;
        let mut log = Table::new();
        log.insert("kind".to_owned(), "kafka".into());
        log.insert("brokers".to_owned(), brokers.to_vec().into());
        // Topics of another test are another pool's.
        log.insert("topic_prefix".to_owned(), format!("load-{:x}", since.as_millis()).into());
        settings.insert("log".to_owned(), Value::Table(log));
        let mut nodes = Self::none();
        let mut address = None;
        for number in 1..=count {
            let name = if number == 1 { "node".to_owned() } else { format!("node-{number}") };
            settings.insert("data_dir".to_owned(), name.as_str().into());
            let config = dir.join(format!("{name}.toml"));
            std::fs::write(&config, toml::to_string(&settings)?)?;
            if number == 1 {
                init(&config)?;
            }
            let arguments = [Path::new("run"), Path::new("--config"), &config];
            let listens = nodes.start(&name, dir, &arguments).await?;
            address.get_or_insert(listens);
        }
        Ok((nodes, address.context("no process")?))
    }

    async fn start(
        &mut self,
        name: &str,
        dir: &Path,
        arguments: &[&Path],
    ) -> anyhow::Result<String> {
        let ready = dir.join(format!("{name}.ready.json"));
        let log = dir.join(format!("{name}.log"));
        let child = Command::new(beside("causewayd")?)
            .args(arguments)
            .arg("--ready-file")
            .arg(&ready)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(std::fs::File::create(&log)?)
            .spawn()
            .context("start causewayd")?;
        self.0.push(Node { name: name.to_owned(), child });
        let steps = PATIENCE.as_millis() / STEP.as_millis();
        for _ in 0..steps {
            let node = self.0.last_mut().context("just put there")?;
            if let Some(status) = node.child.try_wait()? {
                let log = std::fs::read_to_string(&log).unwrap_or_default();
                bail!("causewayd ended with {status}: {log}");
            }
            if let Some(address) = listens(&ready) {
                return Ok(address);
            }
            tokio::time::sleep(STEP).await;
        }
        bail!("causewayd was not ready in time")
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
    pub(crate) async fn end(mut self) -> anyhow::Result<()> {
        for node in &self.0 {
            let pid = node.child.id().to_string();
            Command::new("kill").args(["-TERM", &pid]).status().context("stop causewayd")?;
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

impl Drop for Nodes {
    fn drop(&mut self) {
        for node in &mut self.0 {
            // An error says that it has ended.
            drop((node.child.kill(), node.child.wait()));
        }
    }
}

/// Makes the topics.
fn init(config: &Path) -> anyhow::Result<()> {
    let mut command = Command::new(beside("causewayd")?);
    let made = command.args(["cluster", "init", "--config"]).arg(config).output()?;
    let said = String::from_utf8_lossy(&made.stderr);
    ensure!(
        made.status.success(),
        "causewayd cluster init (is it built with --features cluster, and do the brokers run?): {said}"
    );
    Ok(())
}

/// The address in a ready file, once it is there.
fn listens(ready: &Path) -> Option<String> {
    let text = std::fs::read_to_string(ready).ok()?;
    let ports: serde_json::Value = serde_json::from_str(&text).ok()?;
    Some(format!("https://{}", ports["grpc"].as_str()?))
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
