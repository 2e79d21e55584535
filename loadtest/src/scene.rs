//! The stage: a node of its own (or a running one), banks with accounts, money and an open day.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, bail, ensure};
use channel::{
    CommandBody, LocalSigner, ParticipantId, PublicKey, RequestId, Role, Signer as _, ValueDate,
    command_statement,
};
use ledger::{Amount, Currency};
use proto::v1::operator_service_client::OperatorServiceClient;
use proto::v1::{ExecuteCommandRequest, GetPoolRequest, RejectReason};
use sdk::Profile;
use tempfile::TempDir;
use tokio::sync::Mutex;
use tonic::Code;
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Identity};

use crate::nodes::{Cluster, Nodes, beside};
use crate::processes::Processes;
use crate::workload::currencies;

/// What each account is given: enough for any workload, minor units.
const FUNDING_MINOR: u64 = 1_000_000_000_000_000;

const PREFIX: &str = "LOADGB";
const OPERATOR: &str = "alice";
const AGENT: &str = "agent";
const DAY_MS: u64 = 86_400_000;

/// A bank that hands in orders.
#[derive(Debug)]
pub(crate) struct Bank {
    pub(crate) pool: u32,
    pub(crate) id: ParticipantId,
    pub(crate) name: String,
    pub(crate) signer: LocalSigner,
    pub(crate) connection: Channel,
    pub(crate) currencies: Vec<Currency>,
    pub(crate) operator_key: PublicKey,
    pub(crate) value_date: u32,
    pub(crate) now_ms: u64,
}

/// What to start.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stage<'a> {
    pub(crate) banks: u32,
    /// Where to make the directory; a temporary one by default.
    pub(crate) dir: Option<&'a Path>,
    /// Whether to keep it.
    pub(crate) keep: bool,
    /// Who signs identities and policies, if orders are to be sealed.
    pub(crate) root: Option<[u8; 32]>,
    /// Processes that share servers; otherwise one with a log of its own.
    pub(crate) cluster: Option<Cluster<'a>>,
}

/// A running node and the directory that holds its keys.
#[derive(Debug)]
pub(crate) struct Scene {
    dir: PathBuf,
    address: String,
    nodes: Mutex<Nodes>,
    observer: Channel,
    requests: AtomicU64,
    _temporary: Option<TempDir>,
}

impl Scene {
    /// The node that runs at `address` with the keys in `dir`.
    pub(crate) fn join(address: &str, dir: &Path) -> anyhow::Result<Self> {
        let address =
            if address.contains("://") { address.to_owned() } else { format!("https://{address}") };
        Self::new(dir.to_owned(), address, Nodes::none(), None)
    }

    /// Starts what `stage` says, on free ports.
    pub(crate) async fn start(stage: &Stage<'_>) -> anyhow::Result<Self> {
        let temporary = match stage.dir {
            None => Some(TempDir::with_prefix("causeway-load-")?),
            Some(_) => None,
        };
        let dir = match (stage.dir, &temporary) {
            (Some(dir), _) => dir.to_owned(),
            (None, Some(temporary)) => temporary.path().join("dev"),
            (None, None) => unreachable!("one of the two is there"),
        };
        let temporary = temporary.map(|mut temporary| {
            temporary.disable_cleanup(stage.keep);
            temporary
        });
        init(&dir, stage.banks)?;
        if let Some(root) = stage.root {
            add_root(&dir.join("genesis.toml"), root)?;
        }
        let (nodes, address) = match stage.cluster {
            Some(cluster) => Nodes::on_cluster(&dir, cluster).await?,
            None => Nodes::single(&dir).await?,
        };
        Self::new(dir, address, nodes, temporary)
    }

    fn new(
        dir: PathBuf,
        address: String,
        nodes: Nodes,
        temporary: Option<TempDir>,
    ) -> anyhow::Result<Self> {
        let observer = connect(&load_profile(&dir, OPERATOR)?, &address)?;
        let requests = AtomicU64::new(0);
        let nodes = Mutex::new(nodes);
        Ok(Self { dir, address, nodes, observer, requests, _temporary: temporary })
    }

    /// A connection of the operator.
    pub(crate) fn observer(&self) -> Channel {
        self.observer.clone()
    }

    /// The processes that are ours; none if the node is not.
    pub(crate) async fn processes(&self) -> Processes {
        self.nodes.lock().await.processes()
    }

    /// The processes that are ours, for who kills and freezes them.
    pub(crate) fn nodes(&self) -> &Mutex<Nodes> {
        &self.nodes
    }

    /// Ends the processes that are ours.
    pub(crate) async fn end(self) -> anyhow::Result<()> {
        self.nodes.lock().await.end().await
    }

    /// Opens accounts, funds them, opens the day; then connects every bank.
    pub(crate) async fn prepare(&self) -> anyhow::Result<Vec<Bank>> {
        let mut operator = OperatorServiceClient::new(self.observer());
        let pool = operator.get_pool(GetPoolRequest {}).await?.into_inner();
        let codes =
            pool.rules.as_ref().map(|rules| rules.currency_codes.clone()).unwrap_or_default();
        let currencies = codes
            .iter()
            .map(|code| Ok(Currency::parse(code)?))
            .collect::<anyhow::Result<Vec<_>>>()?;
        let now_ms = now_ms()?;
        let value_date = yyyymmdd(now_ms);
        let runs = Person::of(self, OPERATOR)?;
        let pays = Person::of(self, AGENT)?;
        for currency in &currencies {
            let date = ValueDate::new(value_date).context("today is out of range")?;
            let (cut_off_at_ms, closes_at_ms) = (now_ms + DAY_MS / 2, now_ms + DAY_MS / 2 + 1);
            let open =
                CommandBody::OpenDay { currency: *currency, date, cut_off_at_ms, closes_at_ms };
            self.execute(&runs, open).await?;
        }
        let mut banks = Vec::new();
        for profile in self.banks()? {
            let id = ParticipantId(profile.participant);
            let signer = signer(&profile)?;
            for currency in &currencies {
                let open = CommandBody::OpenAccount {
                    participant: id,
                    currency: *currency,
                    credit_line: 0,
                };
                self.execute(&runs, open).await?;
                let pay_in = self.request_id().0;
                let amount = Amount::new(FUNDING_MINOR, *currency)?;
                self.execute(&pays, CommandBody::Fund { participant: id, amount, pay_in }).await?;
            }
            banks.push(Bank {
                pool: pool.pool,
                id,
                connection: connect(&profile, &self.address)?,
                name: profile.name,
                signer,
                currencies: currencies.clone(),
                operator_key: PublicKey::new(pool.operator_key.as_ref().try_into()?)?,
                value_date,
                now_ms,
            });
        }
        ensure!(banks.len() >= 2, "{} holds fewer than two banks", self.dir.display());
        Ok(banks)
    }

    fn banks(&self) -> anyhow::Result<Vec<Profile>> {
        let mut found = Vec::new();
        for entry in std::fs::read_dir(self.dir.join("participants"))? {
            let profile = Profile::load(&entry?.path().join("profile.toml"))?;
            if profile.role == Role::Bank.as_str() {
                found.push(profile);
            }
        }
        found.sort_by_key(|profile| profile.participant);
        Ok(found)
    }

    fn request_id(&self) -> RequestId {
        let mut bytes = [0; 16];
        let number = self.requests.fetch_add(1, Ordering::Relaxed);
        bytes[..8].copy_from_slice(&now_ms().unwrap_or_default().to_be_bytes());
        bytes[8..].copy_from_slice(&number.to_be_bytes());
        RequestId(bytes)
    }

    async fn execute(&self, person: &Person, body: CommandBody) -> anyhow::Result<()> {
        let command = channel::Command {
            pool: person.pool,
            request_id: self.request_id(),
            maker: person.id,
            issued_at_ms: now_ms()?,
            body,
        };
        let bytes = command.encode();
        let signature = person.signer.sign(&command_statement(&bytes))?;
        let request = ExecuteCommandRequest {
            command: bytes.into(),
            signature: signature.to_vec().into(),
            checker: 0,
            checker_signature: Default::default(),
        };
        let mut client = OperatorServiceClient::new(person.connection.clone());
        let answer = loop {
            match client.execute_command(request.clone()).await {
                Ok(answer) => break answer.into_inner(),
                // So many commands in a row pass the node's rate limit.
                Err(status) if status.code() == Code::ResourceExhausted => {
                    tokio::time::sleep(Duration::from_millis(500)).await;
                }
                Err(status) => return Err(status.into()),
            }
        };
        match answer.reason() {
            // A pool that is loaded a second time has its accounts and its day already.
            RejectReason::Unspecified | RejectReason::AccountExists | RejectReason::DayOpen => {
                Ok(())
            }
            reason => {
                bail!("command {} was rejected: {}", command.body.kind(), reason.as_str_name())
            }
        }
    }
}

/// Somebody who is no bank.
pub(crate) struct Person {
    pub(crate) pool: u32,
    pub(crate) id: ParticipantId,
    pub(crate) signer: LocalSigner,
    pub(crate) connection: Channel,
}

impl Person {
    /// Somebody of the scene's directory, by name.
    pub(crate) fn of(scene: &Scene, name: &str) -> anyhow::Result<Self> {
        let profile = load_profile(&scene.dir, name)?;
        Ok(Self {
            pool: profile.pool,
            id: ParticipantId(profile.participant),
            signer: signer(&profile)?,
            connection: connect(&profile, &scene.address)?,
        })
    }
}

/// Makes certificates, keys and configuration for a node and its banks.
fn init(dir: &Path, banks: u32) -> anyhow::Result<()> {
    let mut command = Command::new(beside("causeway")?);
    command.args(["dev", "init"]).arg(dir).args([
        "--listen",
        "127.0.0.1:0",
        "--metrics-listen",
        "127.0.0.1:0",
    ]);
    for currency in currencies()? {
        command.args(["--currency", currency.as_str()]);
    }
    for number in 0..banks {
        command.args(["--bank", &format!("{}:GB", bic(number))]);
    }
    let made = command.stdout(Stdio::null()).output().context("run causeway dev init")?;
    ensure!(made.status.success(), "causeway dev init: {}", String::from_utf8_lossy(&made.stderr));
    Ok(())
}

/// Names a root in a genesis that has none yet.
fn add_root(genesis: &Path, root: [u8; 32]) -> anyhow::Result<()> {
    let text = std::fs::read_to_string(genesis)?;
    let root: String = root.iter().map(|byte| format!("{byte:02x}")).collect();
    // Before the first section: it belongs to the genesis itself.
    Ok(std::fs::write(genesis, format!("roots = [\"{root}\"]\n{text}"))?)
}

/// A made-up BIC: `LOADGB` and two of the 36 letters and digits.
fn bic(number: u32) -> String {
    let digit = |value: u32| char::from_digit(value % 36, 36).unwrap_or('0').to_ascii_uppercase();
    format!("{PREFIX}{}{}", digit(number / 36), digit(number))
}

fn load_profile(dir: &Path, name: &str) -> anyhow::Result<Profile> {
    Ok(Profile::load(&dir.join("participants").join(name).join("profile.toml"))?)
}

fn signer(profile: &Profile) -> anyhow::Result<LocalSigner> {
    let path = profile.signing_key.as_ref().context("profile without signing_key")?;
    Ok(LocalSigner::from_pem(&std::fs::read_to_string(path)?)?)
}

fn connect(profile: &Profile, address: &str) -> anyhow::Result<Channel> {
    let read = |path: &Path| std::fs::read(path).with_context(|| path.display().to_string());
    let identity = Identity::from_pem(read(&profile.certificate)?, read(&profile.key)?);
    let tls = ClientTlsConfig::new()
        .ca_certificate(Certificate::from_pem(read(&profile.ca)?))
        .identity(identity)
        .domain_name("localhost");
    let endpoint = Endpoint::from_shared(address.to_owned())?
        .initial_stream_window_size(8 << 20)
        .initial_connection_window_size(16 << 20)
        .tcp_nodelay(true)
        .tls_config(tls)?;
    Ok(endpoint.connect_lazy())
}

fn now_ms() -> anyhow::Result<u64> {
    Ok(u64::try_from(SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis())?)
}

/// The UTC calendar day of an instant (Hinnant's `civil_from_days`), as `yyyymmdd`.
fn yyyymmdd(at_ms: u64) -> u32 {
    let shifted = at_ms / DAY_MS + 719_468;
    let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    (year * 10_000 + month * 100 + day) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_have_their_dates() {
        assert_eq!(yyyymmdd(0), 19_700_101);
        assert_eq!(yyyymmdd(951_782_400_000), 20_000_229);
        assert_eq!(yyyymmdd(1_772_409_600_000), 20_260_302);
    }

    #[test]
    fn every_bank_has_a_name_of_its_own() {
        let mut names: Vec<_> = (0..1_000).map(bic).collect();
        names.dedup();
        assert_eq!(names.len(), 1_000);
        assert!(names.iter().all(|name| name.len() == 8));
    }
}
