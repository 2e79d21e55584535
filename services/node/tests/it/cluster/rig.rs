//! Several nodes in one folder, on one pool of the brokers.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use bus::kafka;
use sdk::Client;

use crate::rig::{FAR_SIDE, Rig, causewayd};

/// Where brokers and CQL nodes are.
#[derive(Clone, Copy)]
struct Servers {
    brokers: [&'static str; 3],
    hosts: [&'static str; 3],
    encrypted: bool,
}

/// Those of `deploy/local/cluster up`.
const NEAR: Servers = Servers {
    brokers: ["127.0.0.1:19092", "127.0.0.1:19192", "127.0.0.1:19292"],
    hosts: ["127.0.0.1:9042", "127.0.0.2:9042", "127.0.0.3:9042"],
    encrypted: false,
};

/// The same of `up --encrypted`, for clients that encrypt.
const ENCRYPTED: Servers = Servers {
    brokers: ["127.0.0.1:19094", "127.0.0.1:19194", "127.0.0.1:19294"],
    encrypted: true,
    ..NEAR
};

/// Those of `deploy/local/cluster up --apart`.
const APART: Servers = Servers {
    brokers: ["10.77.0.1:19092", "10.77.0.2:19192", "10.77.0.3:19292"],
    hosts: ["10.77.0.1:9042", "10.77.0.2:9042", "10.77.0.3:9042"],
    encrypted: false,
};

/// Nothing takes so long, on however slow a machine: whoever waits longer waits for ever.
const PATIENCE: Duration = Duration::from_secs(600);

/// Of what each node said, when a test fails.
const LINES_SHOWN: usize = 20;

/// Waits until something is so.
pub(super) fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < PATIENCE, "waited in vain: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// A pool with its nodes, by name.
pub(super) struct Cluster {
    pub(super) rig: Rig,
    pub(super) prefix: String,
    servers: Servers,
    /// Whether its nodes share their tables, too.
    shared: bool,
    nodes: BTreeMap<String, Node>,
}

struct Node {
    port: u16,
    /// Whether it runs in site 3, the far side.
    far: bool,
    /// What it does; empty: everything.
    role: &'static str,
    child: Option<Child>,
}

impl Cluster {
    /// A new pool with so many banks and no node yet, its topics made by `causewayd cluster init`.
    pub(super) fn new(banks: u32) -> Self {
        Self::unmade(banks).made()
    }

    /// The same with tables on `deploy/local/cluster`'s CQL nodes.
    pub(super) fn shared(banks: u32) -> Self {
        Self::sharing(banks, NEAR)
    }

    /// The same on servers that can be cut off from each other: `deploy/local/cluster up --apart`.
    pub(super) fn apart(banks: u32) -> Self {
        Self::sharing(banks, APART)
    }

    /// The same on servers that are asked over encrypted connections: `up --encrypted`.
    pub(super) fn encrypted(banks: u32) -> Self {
        Self::sharing(banks, ENCRYPTED)
    }

    fn sharing(banks: u32, servers: Servers) -> Self {
        let mut cluster = Self::unmade(banks);
        (cluster.shared, cluster.servers) = (true, servers);
        cluster.configure("tool", "", "127.0.0.1");
        cluster.made()
    }

    /// Another pool on the same brokers and tables.
    pub(super) fn another(&self, pool: u32, banks: u32) -> Self {
        let rig = Rig::new(banks).with_pool(pool);
        let prefix = self.prefix.clone();
        let (servers, shared) = (self.servers, self.shared);
        let cluster = Self { rig, prefix, servers, shared, nodes: BTreeMap::new() };
        cluster.configure("tool", "", "127.0.0.1");
        cluster.made()
    }

    /// From now on its topics and tables are others, which nobody has made, and no node is there.
    pub(super) fn elsewhere(&mut self) {
        self.prefix.push_str("-moved");
        self.nodes.clear();
    }

    fn made(self) -> Self {
        let made = self.tool("init");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        self
    }

    /// The same before its topics are made.
    pub(super) fn unmade(banks: u32) -> Self {
        let prefix = format!("test-{:08x}", rand::random::<u32>());
        let (rig, servers, shared) = (Rig::new(banks), NEAR, false);
        let cluster = Self { rig, prefix, servers, shared, nodes: BTreeMap::new() };
        cluster.configure("tool", "", "127.0.0.1");
        cluster
    }

    /// Its topic of this kind: `orders` or `outcomes`.
    pub(super) fn topic(&self, kind: &str) -> kafka::Settings {
        let topic = format!("{}.{kind}.{}", self.prefix, self.rig.pool);
        kafka::Settings::new(self.servers.brokers.map(str::to_owned).to_vec(), topic)
    }

    /// `causewayd cluster init` or `status`.
    pub(super) fn tool(&self, command: &str) -> Output {
        self.rig.run(&["cluster", command, "--config", "tool.toml"])
    }

    /// Writes a node's configuration; `more` are lines of the section `settler`.
    fn configure(&self, name: &str, more: &str, listen: &str) -> u16 {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let (prefix, brokers) = (&self.prefix, self.servers.brokers.join("\", \""));
        let store = if self.shared {
            let keyspace = prefix.replace('-', "_");
            let hosts = self.servers.hosts.join("\", \"");
            format!("kind = \"cql\"\nkeyspace = \"{keyspace}\"\nhosts = [\"{hosts}\"]")
        } else {
            "reserve_bytes = 1048576\ncache_bytes = 16777216".to_owned()
        };
        let (mut log_tls, mut store_tls) = (String::new(), String::new());
        if self.servers.encrypted {
            let tls = format!("{}/tls", cluster_dir());
            log_tls = format!(
                "tls = true\ntls_ca = \"{tls}/ca.pem\"\n\
                 tls_certificate = \"{tls}/client.pem\"\ntls_key = \"{tls}/client.key\"\n\
                 sasl = \"scram-sha-512\"\nsasl_user = \"causeway\"\n\
                 sasl_password_file = \"{tls}/password\"\n"
            );
            store_tls = format!("tls_ca = \"{tls}/ca.pem\"\n");
        }
        let text = format!(
            "listen = \"{listen}:{port}\"\nmetrics_listen = \"{listen}:0\"\n\
             data_dir = \"{name}\"\ndrain_deadline_ms = 3000\n\
             [tls]\nca = \"ca.pem\"\ncertificate = \"tls.pem\"\nkey = \"tls.key.pem\"\n\
             [signing]\nkey = \"receipt.key.pem\"\n\
             [log]\nkind = \"kafka\"\nbrokers = [\"{brokers}\"]\ntopic_prefix = \"{prefix}\"\n{log_tls}\
             [store]\n{store}\n{store_tls}\
             [settler]\nsnapshot_every_orders = 1000\n{more}\n\
             [telemetry]\nfilter = \"info,librdkafka=off,rdkafka=off,scylla=error\"\n"
        );
        self.rig.write(&format!("{name}.toml"), &text);
        port
    }

    /// Adds a node that does not run yet.
    pub(super) fn add(&mut self, name: &str, more: &str) {
        self.add_role(name, "", more);
    }

    /// The same with one role.
    pub(super) fn add_role(&mut self, name: &str, role: &'static str, more: &str) {
        let port = self.configure(name, more, "127.0.0.1");
        if ["", "gateway"].contains(&role) {
            self.rig.port = port;
        }
        self.nodes.insert(name.to_owned(), Node { port, far: false, role, child: None });
    }

    /// The same in site 3, which can be cut off.
    pub(super) fn add_far(&mut self, name: &str, role: &'static str) {
        let port = self.configure(name, "", &FAR_SIDE.to_string());
        self.nodes.insert(name.to_owned(), Node { port, far: true, role, child: None });
    }

    /// Starts a node without waiting for anything.
    pub(super) fn spawn(&mut self, name: &str) {
        let mut errors = fs::File::options();
        let errors = errors
            .create(true)
            .append(true)
            .open(self.rig.path(&format!("{name}.stderr")))
            .unwrap();
        drop(fs::remove_file(self.rig.path(&format!("{name}.ready.json"))));
        let Node { role, far, .. } = *self.node(name);
        let role = if role.is_empty() { vec![] } else { vec!["--role", role] };
        let mut command = causewayd();
        if far {
            let mut inside = Command::new("ip");
            inside.args(["netns", "exec", "causeway-3"]).arg(command.get_program());
            inside.args(command.get_args());
            command = inside;
        }
        let child = command
            .current_dir(self.rig.path(""))
            .args(["run", "--config", &format!("{name}.toml")])
            .args(role)
            .args(["--ready-file", &format!("{name}.ready.json")])
            .stdout(Stdio::null())
            .stderr(errors)
            .spawn();
        self.node(name).child = Some(child.unwrap());
    }

    /// Starts a node and waits until it is ready.
    pub(super) fn start(&mut self, name: &str) {
        self.spawn(name);
        let ready = self.rig.path(&format!("{name}.ready.json"));
        until("a node is ready", || {
            let ended = self.node(name).child.as_mut().unwrap().try_wait().unwrap();
            assert_eq!(ended, None, "{name} ended: {}", self.errors(name));
            ready.exists()
        });
    }

    /// What a node said on stderr so far.
    pub(super) fn errors(&self, name: &str) -> String {
        fs::read_to_string(self.rig.path(&format!("{name}.stderr"))).unwrap_or_default()
    }

    fn node(&mut self, name: &str) -> &mut Node {
        self.nodes.get_mut(name).unwrap()
    }

    /// Sends a signal to a node: STOP, CONT, TERM.
    pub(super) fn signal(&mut self, name: &str, signal: &str) {
        let pid = self.node(name).child.as_ref().unwrap().id().to_string();
        let sent = Command::new("kill").args([&format!("-{signal}"), &pid]).status();
        assert!(sent.unwrap().success());
    }

    /// `kill -9`.
    pub(super) fn kill(&mut self, name: &str) {
        let mut child = self.node(name).child.take().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
    }

    /// Tells a node to end, and waits for its exit code.
    pub(super) fn terminate(&mut self, name: &str) -> Option<i32> {
        self.signal(name, "TERM");
        self.node(name).child.take().unwrap().wait().unwrap().code()
    }

    /// Tells all nodes that run to end, and checks that they ended well.
    pub(super) fn terminate_all(&mut self) {
        let running = self.nodes.iter().filter(|(_, node)| node.child.is_some());
        let names: Vec<String> = running.map(|(name, _)| name.clone()).collect();
        for name in names {
            assert_eq!(self.terminate(&name), Some(0), "{}", self.errors(&name));
        }
    }

    /// Waits until a node ends by itself; its exit code.
    pub(super) fn wait(&mut self, name: &str) -> Option<i32> {
        self.node(name).child.take().unwrap().wait().unwrap().code()
    }

    /// A client of a node's gateway that is not out of time whatever dies.
    pub(super) fn client(&self, node: &str, name: &str) -> Client {
        self.rig.client_of(&self.address(node), name, PATIENCE)
    }

    /// The same, but it gives up soon.
    pub(super) fn impatient_client(&self, node: &str, name: &str) -> Client {
        self.rig.client_of(&self.address(node), name, Duration::from_secs(2))
    }

    fn address(&self, node: &str) -> String {
        let Node { port, far, .. } = self.nodes[node];
        if far { format!("{FAR_SIDE}:{port}") } else { format!("localhost:{port}") }
    }

    /// What a node serves over HTTP at a path; nothing if it does not answer.
    pub(super) fn get(&self, name: &str, path: &str) -> Option<String> {
        let ready = fs::read_to_string(self.rig.path(&format!("{name}.ready.json"))).ok()?;
        let ready: serde_json::Value = serde_json::from_str(&ready).unwrap();
        let mut stream = TcpStream::connect(ready["metrics"].as_str().unwrap()).ok()?;
        write!(stream, "GET {path} HTTP/1.1\r\nHost: test\r\n\r\n").ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        Some(answer)
    }

    /// Whether a node's settler is the active one.
    pub(super) fn active(&self, name: &str) -> bool {
        let metrics = self.get(name, "/metrics");
        metrics.is_some_and(|metrics| metrics.contains("\ncauseway_settler_active 1\n"))
    }

    /// Waits until one of the nodes is active: its name.
    pub(super) fn await_active(&self, names: &[&'static str]) -> &'static str {
        let mut active = None;
        until("a settler is active", || {
            active = names.iter().find(|name| self.active(name));
            active.is_some()
        });
        active.unwrap()
    }

    /// Waits until one of two nodes is active: its name, and the other's.
    pub(super) fn active_and_standby(
        &self,
        names: [&'static str; 2],
    ) -> (&'static str, &'static str) {
        let active = self.await_active(&names);
        (active, if active == names[0] { names[1] } else { names[0] })
    }

    /// Waits until a node has halted: what it says of that.
    pub(super) fn await_halted(&self, name: &str) -> String {
        let mut ready = String::new();
        until("a node has halted", || {
            ready = self.get(name, "/readyz").unwrap_or_default();
            ready.contains("halted")
        });
        ready
    }

    /// Runs `causewayd verify` on the log and a node's store, which must not run.
    pub(super) fn verify(&self, name: &str) -> serde_json::Value {
        let config = format!("{name}.toml");
        let output = self.rig.run(&["verify", &config, "--output", "json"]);
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "{said}{:?}", output.stdout);
        serde_json::from_slice(&output.stdout).unwrap()
    }
}

pub(super) fn cluster_dir() -> String {
    std::env::var("CAUSEWAY_CLUSTER_DIR").expect("CAUSEWAY_CLUSTER_DIR")
}

const SERVERS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../deploy/local/cluster");

/// `deploy/local/cluster`, in the folder that `CAUSEWAY_CLUSTER_DIR` names.
pub(super) fn server(command: &str, node: &str) {
    let done = Command::new(SERVERS).args([command, node, "--dir", &cluster_dir()]).status();
    assert!(done.expect("runs the script").success(), "{command} {node}");
}

/// What `deploy/local/cluster status` says of a broker or CQL node: `up`, `down`, …
pub(super) fn state(node: &str) -> String {
    let mut status = Command::new(SERVERS);
    let said = status.args(["status", "--output", "json", "--dir", &cluster_dir()]).output();
    let rows: serde_json::Value = serde_json::from_slice(&said.unwrap().stdout).unwrap();
    let row = rows.as_array().unwrap().iter().find(|row| row["node"] == node);
    row.unwrap()["state"].as_str().unwrap().to_owned()
}

impl Drop for Cluster {
    fn drop(&mut self) {
        for (name, node) in &mut self.nodes {
            if let Some(child) = &mut node.child {
                drop((child.kill(), child.wait()));
            }
            if std::thread::panicking() {
                let said = fs::read_to_string(self.rig.path(&format!("{name}.stderr")));
                let said = said.unwrap_or_default();
                let lines: Vec<&str> = said.lines().collect();
                let last = &lines[lines.len().saturating_sub(LINES_SHOWN)..];
                eprintln!("{name} said at last:\n{}", last.join("\n"));
            }
        }
    }
}
