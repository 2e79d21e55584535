//! The node, as a child process; or, on a cluster, a process for each of its roles.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde::Deserialize;
use tokio::time::{Instant, sleep};

use crate::failure::{Failure, Kind, at};

/// Where another `causewayd` than the one beside this binary may be named.
const VARIABLE: &str = "CAUSEWAYD";
/// Nothing takes so long, however slow the machine; one that ends is noticed at once.
const READY_WITHIN: Duration = Duration::from_secs(600);
const STOPPED_WITHIN: Duration = Duration::from_secs(600);
const STEP: Duration = Duration::from_millis(20);

/// A process of `causewayd`: the name of its files, and how it is called.
pub(super) struct Part {
    pub(super) name: &'static str,
    pub(super) arguments: Vec<OsString>,
}

/// Running processes that are a node together; stopped when dropped.
pub(super) struct Node {
    processes: Vec<Process>,
    address: String,
}

/// One of them.
struct Process {
    name: &'static str,
    child: Child,
    dir: PathBuf,
}

#[derive(Deserialize)]
struct Ready {
    /// Nothing where there is no gateway.
    grpc: Option<String>,
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
    /// Starts every part on a folder and waits until all are ready.
    pub(super) async fn start(dir: &Path, threads: u16, parts: &[Part]) -> Result<Self, Failure> {
        for part in parts {
            end_orphan(dir, part.name).await?;
        }
        let spawned = parts.iter().map(|part| Process::spawn(dir, part, threads));
        let mut processes = spawned.collect::<Result<Vec<_>, _>>()?;
        let mut address = None;
        for process in &mut processes {
            address = process.wait_until_ready().await?.or(address);
        }
        let address = address.ok_or_else(|| Failure::fault("no process has a gateway"))?;
        Ok(Self { processes, address })
    }

    /// Where it listens: `https://localhost:port`.
    pub(super) fn address(&self) -> &str {
        &self.address
    }

    /// Ends when one of the processes does, which it should not.
    pub(super) async fn ended(&mut self) -> Failure {
        loop {
            for process in &mut self.processes {
                if let Ok(Some(status)) = process.child.try_wait() {
                    return Failure::fault(format!("{} ended ({status})", process.name));
                }
            }
            sleep(STEP * 10).await;
        }
    }

    /// Lets the node finish what is under way.
    pub(super) async fn stop(mut self) -> Result<(), Failure> {
        self.processes.iter().for_each(|process| terminate(process.child.id()));
        let ends_at = Instant::now() + STOPPED_WITHIN;
        for process in &mut self.processes {
            while process.running() {
                if Instant::now() >= ends_at {
                    return Err(Failure::fault(format!("{} did not stop in time", process.name)));
                }
                sleep(STEP).await;
            }
        }
        Ok(())
    }
}

impl Process {
    fn spawn(dir: &Path, part: &Part, threads: u16) -> Result<Self, Failure> {
        let (ready_path, log_path) = (ready_path(dir, part.name), log_path(dir, part.name));
        if ready_path.exists() {
            fs::remove_file(&ready_path).map_err(at(&ready_path))?;
        }
        let log = File::options().create(true).append(true).open(&log_path);
        let log = log.map_err(at(&log_path))?;
        let mut command = command()?;
        command.args(&part.arguments).arg("--ready-file").arg(&ready_path);
        command.env("CAUSEWAY_WORKER_THREADS", threads.to_string());
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        let child = command.spawn().map_err(|error| cannot_start(&error))?;
        let process = Self { name: part.name, child, dir: dir.to_owned() };
        let pid_path = pid_path(dir, part.name);
        fs::write(&pid_path, process.child.id().to_string()).map_err(at(&pid_path))?;
        Ok(process)
    }

    /// Where it listens, if it has a gateway.
    async fn wait_until_ready(&mut self) -> Result<Option<String>, Failure> {
        let ends_at = Instant::now() + READY_WITHIN;
        loop {
            let ready = fs::read_to_string(ready_path(&self.dir, self.name)).unwrap_or_default();
            if let Ok(Ready { grpc }) = serde_json::from_str(&ready) {
                let port = |grpc: &str| grpc.rsplit(':').next().unwrap_or_default().to_owned();
                return Ok(grpc.map(|grpc| format!("https://localhost:{}", port(&grpc))));
            }
            let name = self.name;
            let problem = match self.child.try_wait() {
                Ok(Some(status)) => format!("{name} ended early ({status})"),
                _ if Instant::now() >= ends_at => format!("{name} did not become ready"),
                _ => {
                    sleep(STEP).await;
                    continue;
                }
            };
            let text = fs::read_to_string(log_path(&self.dir, name)).unwrap_or_default();
            let last = text.lines().last().unwrap_or_default();
            return Err(Failure::fault(format!("{problem}: {last}")));
        }
    }

    fn running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // The log can be taken up after any end, so there is nothing to wait for.
        if self.running() {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
        let _ = fs::remove_file(pid_path(&self.dir, self.name));
    }
}

/// Replays the log of a stopped node from zero: of a folder, or of what a configuration names.
pub(super) async fn verify(path: &Path) -> Result<Replay, Failure> {
    let call = ["verify".as_ref(), path.as_os_str(), "--output".as_ref(), "json".as_ref()];
    let output = run(&call).await?;
    serde_json::from_slice(&output.stdout).map_err(|_| {
        let said = last_line(&output.stderr);
        Failure::new(Kind::VerificationFailed, format!("causewayd verify failed: {said}"))
    })
}

/// Runs `causewayd` to its end.
pub(super) async fn run(arguments: &[&OsStr]) -> Result<Output, Failure> {
    let mut command = command()?;
    command.args(arguments).stdin(Stdio::null());
    tokio::task::spawn_blocking(move || command.output())
        .await
        .map_err(|error| Failure::fault(error.to_string()))?
        .map_err(|error| cannot_start(&error))
}

/// Of what a process has said, the last.
pub(super) fn last_line(said: &[u8]) -> String {
    String::from_utf8_lossy(said).lines().last().unwrap_or_default().to_owned()
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

fn pid_path(dir: &Path, name: &str) -> PathBuf {
    dir.join(format!("{name}.pid"))
}

fn log_path(dir: &Path, name: &str) -> PathBuf {
    dir.join(format!("{name}.log"))
}

fn ready_path(dir: &Path, name: &str) -> PathBuf {
    dir.join(format!("{name}.ready.json"))
}

/// Ends the process that a demonstration left behind when it was killed.
async fn end_orphan(dir: &Path, name: &str) -> Result<(), Failure> {
    let text = fs::read_to_string(pid_path(dir, name)).unwrap_or_default();
    let Ok(pid) = text.trim().parse::<u32>() else { return Ok(()) };
    // The number may be another process's by now.
    let ours = || {
        let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        let ready = ready_path(dir, name);
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
