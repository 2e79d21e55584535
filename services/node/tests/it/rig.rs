//! A folder with everything a node and its callers need, and the node on it.

use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::Arc;
use std::time::Duration;

use channel::{LocalSigner, ParticipantId, Role, Signer};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, SanType};
use sdk::{Client, ClientBuilder, CommandBody, Order, new_request_id, now_ms};
use tempfile::TempDir;
use zeroize::Zeroizing;

const OPERATOR: u32 = 1;
const AGENT: u32 = 2;
const PROVIDER: u32 = 3;
const FIRST_BANK: u32 = 11;
/// Where a node in a site of `deploy/local/cluster up --apart` can be reached though it is cut off.
pub(crate) const FAR_SIDE: Ipv4Addr = Ipv4Addr::new(10, 77, 3, 1);
/// What every bank is funded with, minor units.
pub(crate) const FUNDS: u64 = 1_000_000_000;

/// Somebody with a certificate and a key.
struct Person {
    id: u32,
    role: Role,
    name: String,
    certificate: String,
    key: String,
    signer: Arc<LocalSigner>,
}

/// The folder and the node.
pub(crate) struct Rig {
    dir: PathBuf,
    /// Removes the folder in the end; not there if somebody else does.
    _temp: Option<TempDir>,
    /// Where its clients find it.
    pub(crate) port: u16,
    ca: String,
    operator_key: [u8; 32],
    pub(crate) pool: u32,
    people: Vec<Person>,
    child: Option<Child>,
}

impl Rig {
    /// A pool with so many banks, in a temporary folder.
    pub(crate) fn new(banks: u32) -> Self {
        let temp = tempfile::tempdir().unwrap();
        let mut rig = Self::in_dir(temp.path(), banks);
        rig._temp = Some(temp);
        rig
    }

    /// The same with another number than 1, before anything runs on it.
    #[cfg(feature = "cluster")]
    pub(crate) fn with_pool(mut self, pool: u32) -> Self {
        self.pool = pool;
        self.write("genesis.toml", &self.genesis());
        self
    }

    /// The same in a folder that is there already.
    pub(crate) fn in_dir(dir: &Path, banks: u32) -> Self {
        let ca_key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, "test authority");
        let ca = params.self_signed(&ca_key).unwrap().pem();
        let issuer = Issuer::new(params, ca_key);
        let (certificate, key) = issue(
            &issuer,
            vec![
                SanType::DnsName("localhost".try_into().unwrap()),
                SanType::IpAddress([127, 0, 0, 1].into()),
                SanType::IpAddress(FAR_SIDE.into()),
            ],
        );
        let receipts = signer(255);
        let mut people = vec![
            person(&issuer, OPERATOR, Role::Operator, "alice"),
            person(&issuer, AGENT, Role::SettlementAgent, "agent"),
            person(&issuer, PROVIDER, Role::LiquidityProvider, "maker"),
        ];
        people.extend(
            (0..banks).map(|bank| person(&issuer, FIRST_BANK + bank, Role::Bank, &bic(bank))),
        );
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let operator_key = receipts.public_key();
        let (dir, pool) = (dir.to_owned(), 1);
        let rig = Self { dir, _temp: None, pool, port, ca, operator_key, people, child: None };
        rig.write("ca.pem", &rig.ca);
        rig.write("tls.pem", &certificate);
        rig.write("tls.key.pem", &key);
        rig.write("receipt.key.pem", &receipts.to_pem().unwrap());
        rig.write("genesis.toml", &rig.genesis());
        rig.configure("");
        rig
    }

    /// Writes the configuration, with lines of its own behind the top-level keys.
    pub(crate) fn configure(&self, more: &str) {
        self.write(
            "causewayd.toml",
            &format!(
                "listen = \"127.0.0.1:{}\"\nmetrics_listen = \"127.0.0.1:0\"\n\
                 drain_deadline_ms = 3000\n{more}\n\
                 [tls]\nca = \"ca.pem\"\ncertificate = \"tls.pem\"\nkey = \"tls.key.pem\"\n\
                 [signing]\nkey = \"receipt.key.pem\"\n\
                 [log]\nsegment_bytes = 4194304\n\
                 [store]\nreserve_bytes = 1048576\ncache_bytes = 16777216\n\
                 [settler]\nsnapshot_every_orders = 1000\n\
                 [telemetry]\nfilter = \"warn\"\n",
                self.port
            ),
        );
    }

    fn genesis(&self) -> String {
        let mut text = format!(
            "pool = {}\n[rules]\ncurrencies = [\"EUR\", \"USD\"]\ncycle_ms = 50\n\
             seal_ms = 20\n",
            self.pool
        );
        for person in &self.people {
            text.push_str(&format!(
                "[[participants]]\nid = {}\nrole = \"{}\"\nname = \"{}\"\ncountry = \"GB\"\n\
                 key = \"{}\"\n",
                person.id,
                person.role.as_str(),
                person.name,
                hex(&person.signer.public_key()),
            ));
        }
        text
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    /// Starts the node without waiting for anything.
    pub(crate) fn spawn(&mut self) {
        assert!(self.child.is_none());
        let _ = fs::remove_file(self.path("ready.json"));
        let errors = fs::File::options().create(true).append(true).open(self.path("stderr"));
        let child = causewayd()
            .args(["dev", "--dir"])
            .arg(&self.dir)
            .arg("--ready-file")
            .arg(self.path("ready.json"))
            .stdout(Stdio::null())
            .stderr(errors.unwrap())
            .spawn();
        self.child = Some(child.unwrap());
    }

    /// Starts the node and waits until it is ready.
    pub(crate) fn start(&mut self) {
        self.spawn();
        while !self.path("ready.json").exists() {
            if let Some(status) = self.child.as_mut().unwrap().try_wait().unwrap() {
                panic!("the node ended with {status}: {}", self.errors());
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// What the node said on stderr so far.
    pub(crate) fn errors(&self) -> String {
        fs::read_to_string(self.path("stderr")).unwrap_or_default()
    }

    /// Where metrics and health are.
    pub(crate) fn metrics_address(&self) -> String {
        let ready = fs::read_to_string(self.path("ready.json")).unwrap();
        let ready: serde_json::Value = serde_json::from_str(&ready).unwrap();
        ready["metrics"].as_str().unwrap().to_owned()
    }

    /// `kill -9`.
    pub(crate) fn kill(&mut self) {
        let mut child = self.child.take().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
    }

    /// Tells the node to end, and waits for its exit code.
    pub(crate) fn terminate(&mut self) -> Option<i32> {
        let mut child = self.child.take().unwrap();
        let pid = child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
        child.wait().unwrap().code()
    }

    /// Waits until the node ends by itself; its exit code.
    pub(crate) fn wait(&mut self) -> Option<i32> {
        self.child.take().unwrap().wait().unwrap().code()
    }

    /// A client of the operator, the agent, the liquidity provider or a bank.
    pub(crate) fn client(&self, name: &str) -> Client {
        self.client_within(name, Duration::from_secs(30))
    }

    pub(crate) fn client_within(&self, name: &str, deadline: Duration) -> Client {
        self.client_at(self.port, name, deadline)
    }

    /// A client of whatever listens on a port.
    pub(crate) fn client_at(&self, port: u16, name: &str, deadline: Duration) -> Client {
        self.client_of(&format!("localhost:{port}"), name, deadline)
    }

    /// A client of whatever listens at an address.
    pub(crate) fn client_of(&self, address: &str, name: &str, deadline: Duration) -> Client {
        let person = self.people.iter().find(|person| person.name == name).unwrap();
        ClientBuilder::new(format!("https://{address}"), self.pool, ParticipantId(person.id))
            .ca(&self.ca)
            .identity(&person.certificate, &person.key)
            .signer(person.signer.clone())
            .operator_key(self.operator_key)
            .deadline(deadline)
            .connect_lazy()
            .unwrap()
    }

    /// Opens accounts and the day, and funds every bank.
    pub(crate) async fn set_up(&self) {
        let (operator, agent) = (self.client("alice"), self.client("agent"));
        let give = async |client: &Client, body| {
            let command = client.sign_command(new_request_id(), now_ms(), body).unwrap();
            client.execute(&command).await.unwrap();
        };
        let currency = sdk::Currency::parse("EUR").unwrap();
        for bank in self.people.iter().filter(|person| person.role == Role::Bank) {
            let participant = ParticipantId(bank.id);
            let account = CommandBody::OpenAccount { participant, currency, credit_line: 0 };
            give(&operator, account).await;
            let amount = sdk::Amount::new(FUNDS, currency).unwrap();
            let pay_in = new_request_id().0;
            give(&agent, CommandBody::Fund { participant, amount, pay_in }).await;
        }
        let (cut_off_at_ms, closes_at_ms) = (now_ms() + 36_000_000, now_ms() + 40_000_000);
        let date = sdk::parse_date(VALUE_DATE).unwrap();
        give(&operator, CommandBody::OpenDay { currency, date, cut_off_at_ms, closes_at_ms }).await;
    }

    /// Runs `causewayd verify` on the folder: exit code and report.
    pub(crate) fn verify(&self) -> (Option<i32>, serde_json::Value) {
        let output = self.run(&["verify", &self.dir.display().to_string(), "--output", "json"]);
        let report = serde_json::from_slice(&output.stdout);
        let report = report.unwrap_or_else(
            |_| serde_json::json!({ "stderr": String::from_utf8_lossy(&output.stderr) }),
        );
        (output.status.code(), report)
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        causewayd().args(arguments).current_dir(&self.dir).output().unwrap()
    }
}

impl Drop for Rig {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
        if std::thread::panicking() {
            eprintln!("the node said:\n{}", self.errors());
        }
    }
}

/// The day on which the tests' payments settle.
pub(crate) const VALUE_DATE: &str = "2026-01-01";

/// An order from one bank to the next.
pub(crate) fn order(client: &Client, minor: u64, payload: &str) -> Order {
    let from = client.participant().0;
    let to = if from == FIRST_BANK { FIRST_BANK + 1 } else { FIRST_BANK };
    client
        .order()
        .receiver(ParticipantId(to))
        .money(sdk::Amount::new(minor, sdk::Currency::parse("EUR").unwrap()).unwrap())
        .value_date(VALUE_DATE)
        .payload(payload.to_owned())
        .build()
        .unwrap()
}

/// The name of a bank.
pub(crate) fn bic(bank: u32) -> String {
    format!("BANKGB{bank:02}")
}

pub(crate) fn causewayd() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_causewayd"));
    command.stdin(Stdio::null());
    command
}

pub(crate) fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

fn issue(issuer: &Issuer<'_, KeyPair>, names: Vec<SanType>) -> (String, String) {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::default();
    params.subject_alt_names = names;
    (params.signed_by(&key, issuer).unwrap().pem(), key.serialize_pem())
}

fn person(issuer: &Issuer<'_, KeyPair>, id: u32, role: Role, name: &str) -> Person {
    let uri = format!("spiffe://causeway.test/{}/{name}", role.as_str());
    let (certificate, key) = issue(issuer, vec![SanType::URI(uri.try_into().unwrap())]);
    let signer = Arc::new(signer(id as u8));
    Person { id, role, name: name.to_owned(), certificate, key, signer }
}

fn signer(seed: u8) -> LocalSigner {
    LocalSigner::from_seed(&Zeroizing::new([seed; 32]))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
