//! The node, as a child process.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde::Deserialize;
use tokio::time::{Instant, sleep};

use crate::failure::{Failure, Kind, at};

/// Where another `causewayd` than the one beside this binary may be named.
const VARIABLE: &str = "CAUSEWAYD";
const READY_WITHIN: Duration = Duration::from_secs(60);
const STOPPED_WITHIN: Duration = Duration::from_secs(20);
const STEP: Duration = Duration::from_millis(20);

/// A running node; stopped when dropped.
pub(super) struct Node {
    child: Child,
    address: String,
    dir: PathBuf,
}

#[derive(Deserialize)]
struct Ready {
    grpc: String,
}

/// What a replay of the whole log found.
#[derive(Debug, Deserialize)]
pub(super) struct Replay {
    pub(super) ok: bool,
    pub(super) records: u64,
    pub(super) batches: u64,
    pub(super) state_root: String,
}

impl Node {
    /// Starts a node on a folder and waits until it is ready.
    pub(super) async fn start(dir: &Path, threads: u16) -> Result<Self, Failure> {
        end_orphan(dir).await?;
        let (ready_path, log_path) = (dir.join("ready.json"), dir.join("causewayd.log"));
        if ready_path.exists() {
            fs::remove_file(&ready_path).map_err(at(&ready_path))?;
        }
        let log = File::options().create(true).append(true).open(&log_path);
        let log = log.map_err(at(&log_path))?;
        let mut command = command()?;
        command.arg("dev").arg("--dir").arg(dir).arg("--ready-file").arg(&ready_path);
        command.env("CAUSEWAY_WORKER_THREADS", threads.to_string());
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        let child = command.spawn().map_err(|error| cannot_start(&error))?;
        let pid_path = pid_path(dir);
        fs::write(&pid_path, child.id().to_string()).map_err(at(&pid_path))?;
        let mut node = Self { child, address: String::new(), dir: dir.to_owned() };
        node.address = node.wait_until_ready(&ready_path, &log_path).await?;
        Ok(node)
    }

    async fn wait_until_ready(&mut self, ready: &Path, log: &Path) -> Result<String, Failure> {
        let ends_at = Instant::now() + READY_WITHIN;
        loop {
            let text = fs::read_to_string(ready).unwrap_or_default();
            if let Ok(Ready { grpc }) = serde_json::from_str(&text) {
                let port = grpc.rsplit(':').next().unwrap_or_default();
                return Ok(format!("https://localhost:{port}"));
            }
            let problem = match self.child.try_wait() {
                Ok(Some(status)) => format!("causewayd ended early ({status})"),
                _ if Instant::now() >= ends_at => "causewayd did not become ready".to_owned(),
                _ => {
                    sleep(STEP).await;
                    continue;
                }
            };
            let text = fs::read_to_string(log).unwrap_or_default();
            let last = text.lines().last().unwrap_or_default();
            return Err(Failure::fault(format!("{problem}: {last}")));
        }
    }

    /// Where it listens: `https://localhost:port`.
    pub(super) fn address(&self) -> &str {
        &self.address
    }

    /// Ends when the node does, which it should not.
    pub(super) async fn ended(&mut self) -> Failure {
        loop {
            if let Ok(Some(status)) = self.child.try_wait() {
                return Failure::fault(format!("causewayd ended ({status})"));
            }
            sleep(STEP * 10).await;
        }
    }

    /// Lets the node finish what is under way.
    pub(super) async fn stop(mut self) -> Result<(), Failure> {
        terminate(self.child.id());
        let ends_at = Instant::now() + STOPPED_WITHIN;
        while self.running() {
            if Instant::now() >= ends_at {
                return Err(Failure::fault("causewayd did not stop in time"));
            }
            sleep(STEP).await;
        }
        Ok(())
    }

    fn running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        // The log can be taken up after any end, so there is nothing to wait for.
        if self.running() {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
        let _ = fs::remove_file(pid_path(&self.dir));
    }
}

/// Replays the log of a stopped node from zero.
pub(super) async fn verify(dir: &Path) -> Result<Replay, Failure> {
    let mut command = command()?;
    command.arg("verify").arg(dir).arg("--output").arg("json").stdin(Stdio::null());
    let output = tokio::task::spawn_blocking(move || command.output())
        .await
        .map_err(|error| Failure::fault(error.to_string()))?
        .map_err(|error| cannot_start(&error))?;
    serde_json::from_slice(&output.stdout).map_err(|_| {
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        let said = said.lines().last().unwrap_or_default().to_owned();
        Failure::new(Kind::VerificationFailed, format!("causewayd verify failed: {said}"))
    })
}

/// `causewayd`, with nothing of this process's settings.
fn command() -> Result<Command, Failure> {
    let mut command = Command::new(binary()?);
    for (name, _) in std::env::vars_os() {
        if name.as_encoded_bytes().starts_with(b"CAUSEWAYD_") {
            command.env_remove(name);
        }
    }
    Ok(command)
}

/// The binary that is named, or the one beside this one.
fn binary() -> Result<PathBuf, Failure> {
    if let Some(path) = std::env::var_os(VARIABLE) {
        return Ok(path.into());
    }
    let own = std::env::current_exe()
        .map_err(|error| Failure::fault(format!("cannot find this binary: {error}")))?;
    let beside = own.with_file_name("causewayd");
    if beside.exists() {
        return Ok(beside);
    }
    let beside = beside.display();
    Err(Failure::fault(format!("{beside} is not there; {VARIABLE} may name another causewayd")))
}

fn cannot_start(error: &std::io::Error) -> Failure {
    Failure::fault(format!("cannot start causewayd: {error}"))
}

fn pid_path(dir: &Path) -> PathBuf {
    dir.join("causewayd.pid")
}

/// Ends the node that a demonstration left behind when it was killed.
async fn end_orphan(dir: &Path) -> Result<(), Failure> {
    let text = fs::read_to_string(pid_path(dir)).unwrap_or_default();
    let Ok(pid) = text.trim().parse::<u32>() else { return Ok(()) };
    // The number may be another process's by now.
    let ours = || {
        let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        let ready = dir.join("ready.json");
        line.split(|byte| *byte == 0).any(|word| OsStr::new(&ready).as_encoded_bytes() == word)
    };
    if ours() {
        terminate(pid);
    }
    let ends_at = Instant::now() + STOPPED_WITHIN;
    while ours() {
        if Instant::now() >= ends_at {
            return Err(Failure::fault(format!("process {pid} still runs on this folder")));
        }
        sleep(STEP).await;
    }
    Ok(())
}

fn terminate(pid: u32) {
    // A process that is gone already needs no signal.
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
    let _ = pid.map(|pid| kill_process(pid, Signal::TERM));
}
