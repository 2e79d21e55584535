//! A node, started for a test.

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use crate::run::{causeway, causewayd, finish};

/// A node on a new development folder.
pub(crate) struct Node {
    child: Child,
    binary: PathBuf,
    pub(crate) temporary: TempDir,
    pub(crate) address: String,
}

impl Drop for Node {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Node {
    pub(crate) fn start() -> Self {
        Self::start_with(&[])
    }

    /// On a folder that was made with more options.
    pub(crate) fn start_with(options: &[&str]) -> Self {
        let binary = causewayd();
        let temporary = tempfile::tempdir().unwrap();
        let dir = temporary.path().join("dev");
        // A port of its own, so that it is found again after a restart.
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let made = causeway()
            .args(["dev", "init", "--metrics-listen", "127.0.0.1:0"])
            .args(["--listen", &format!("127.0.0.1:{port}")])
            .args(["--bank", "ALBKGB2L:GB", "--bank", "RHNBDEFF:DE", "--provider", "maker:CH"])
            .args(options)
            .arg(&dir)
            .output()
            .unwrap();
        assert!(made.status.success());
        let child = spawn(&binary, &dir);
        let address = address(&dir.join("ready.json"));
        Self { child, binary, temporary, address }
    }

    /// Kills it without warning and starts it again.
    pub(crate) fn kill_and_restart(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        let ready = self.dir().join("ready.json");
        fs::remove_file(&ready).unwrap();
        self.child = spawn(&self.binary, &self.dir());
        assert_eq!(address(&ready), self.address);
    }

    pub(crate) fn dir(&self) -> PathBuf {
        self.temporary.path().join("dev")
    }

    /// Runs a command as somebody; its exit code and its JSON.
    pub(crate) fn run(&self, profile: &str, arguments: &[&str]) -> (i32, Value) {
        let mut command = causeway();
        command.arg("--json").arg("--dir").arg(self.dir());
        command.args(["--profile", profile, "--address", &self.address]).args(arguments);
        let (code, stdout, stderr) = finish(&mut command);
        let value = serde_json::from_str(&stdout);
        (code, value.unwrap_or_else(|error| panic!("{arguments:?}: {error}: {stdout}{stderr}")))
    }

    pub(crate) fn ok(&self, profile: &str, arguments: &[&str]) -> Value {
        let (code, value) = self.run(profile, arguments);
        assert_eq!(code, 0, "{arguments:?}: {value}");
        value
    }

    /// Where it listens.
    pub(crate) fn port(&self) -> u16 {
        self.address.rsplit(':').next().unwrap().parse().unwrap()
    }

    /// The number of its process.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Accounts, an open day and money for two banks.
    pub(crate) fn open(&self) {
        for bank in ["ALBKGB2L", "RHNBDEFF"] {
            self.ok("alice", &["accounts", "open", bank, "EUR"]);
            self.ok("agent", &["fund", bank, "1000.00 EUR", "--reference", &format!("{bank} 1")]);
        }
        self.open_day("EUR");
    }

    /// Opens a business day that is far from its end.
    pub(crate) fn open_day(&self, currency: &str) {
        let (day, next) = (instant(0), instant(1));
        let cut_off = format!("{next}T10:00:00Z");
        let close = format!("{next}T12:00:00Z");
        let open = ["days", "open", currency, &day, "--cut-off", &cut_off, "--close", &close];
        self.ok("alice", &open);
    }
}

fn spawn(binary: &Path, dir: &Path) -> Child {
    // Where payments are sealed, even the most talkative log says nothing of them.
    let filter = if dir.join("trust.toml").exists() { "trace" } else { "info" };
    let log = fs::File::options().create(true).append(true).open(dir.join("log")).unwrap();
    Command::new(binary)
        .env("CAUSEWAYD_TELEMETRY_FILTER", filter)
        .arg("dev")
        .arg("--dir")
        .arg(dir)
        .arg("--ready-file")
        .arg(dir.join("ready.json"))
        .stdout(Stdio::null())
        .stderr(log)
        .spawn()
        .unwrap()
}

fn address(ready: &Path) -> String {
    let grpc = until("the node is ready", || {
        let text = fs::read_to_string(ready).unwrap_or_default();
        let value: Value = serde_json::from_str(&text).ok()?;
        Some(value["grpc"].as_str().unwrap().to_owned())
    });
    format!("https://localhost:{}", grpc.rsplit(':').next().unwrap())
}

/// Asks again and again, for as long as a slow machine may need.
pub(crate) fn until<T>(what: &str, mut asked: impl FnMut() -> Option<T>) -> T {
    let began_at = Instant::now();
    loop {
        if let Some(answer) = asked() {
            return answer;
        }
        assert!(began_at.elapsed() < Duration::from_secs(300), "waited in vain until {what}");
        sleep(Duration::from_millis(20));
    }
}

/// Asks until so many came.
pub(crate) fn gathered(
    what: &str,
    count: usize,
    mut ask: impl FnMut() -> Vec<Value>,
) -> Vec<Value> {
    let mut come = Vec::new();
    until(what, || {
        come.extend(ask());
        (come.len() >= count).then(|| std::mem::take(&mut come))
    })
}

/// The present day, or a later one: 2026-03-02.
pub(crate) fn instant(days: i64) -> String {
    let now = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(24 * days);
    now.to_string()[..10].to_owned()
}
