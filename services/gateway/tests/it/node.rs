//! A whole node without its process: log, pool, projector and gateway, and clients of it.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use bus::embedded::EmbeddedLog;
use bus::{Log, Position};
use channel::{
    CommandBody, Genesis, LocalSigner, NettingMode, Role, RuleBook, Signer as _, ValueDate,
};
use clearing::pack_genesis;
use gateway::{Drained, GatewayParts, Limits, ServerTls};
use ledger::Amount;
use projector::{Projector, Reader};
use proto::v1;
use proto::v1::audit_service_client::AuditServiceClient;
use proto::v1::directory_service_client::DirectoryServiceClient;
use proto::v1::fx_service_client::FxServiceClient;
use proto::v1::ledger_service_client::LedgerServiceClient;
use proto::v1::operator_service_client::OperatorServiceClient;
use proto::v1::payment_service_client::PaymentServiceClient;
use settler::{Clock, PoolHandle, Settler, Solver};
use store::Store;
use store::embedded::EmbeddedStore;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Identity};
use zeroize::Zeroizing;

use crate::people::{Authority, DAY, POOL, Person, START_MS, TRUST_DOMAIN, currency, root};

/// A running node with two banks that have money, a third one that has none, and everybody else
/// there is.
pub(crate) struct Node {
    pub(crate) authority: Authority,
    pub(crate) alice: Person,
    pub(crate) bob: Person,
    pub(crate) carol: Person,
    pub(crate) agent: Person,
    pub(crate) operator: Person,
    /// A second operator.
    pub(crate) deputy: Person,
    pub(crate) regulator: Person,
    /// The regulator of another country.
    pub(crate) foreign: Person,
    pub(crate) provider: Person,
    pub(crate) screener: Person,
    genesis: Genesis,
    limits: Limits,
    running: Running,
    dir: TempDir,
}

/// What ends with the process of a node.
struct Running {
    address: SocketAddr,
    /// Nothing once it was stopped.
    log: Option<Arc<dyn Log>>,
    shutdown: Option<oneshot::Sender<()>>,
    served: JoinHandle<Drained>,
    core: Option<(Settler, Projector)>,
}

struct Core {
    log: Arc<dyn Log>,
    pool: PoolHandle,
    reader: Reader,
    clock: Clock,
    threads: (Settler, Projector),
}

fn small_log() -> bus::embedded::Options {
    bus::embedded::Options { segment_bytes: 1 << 20, ..Default::default() }
}

fn start_core(dir: &Path, genesis: &Genesis) -> Core {
    // After a restart the last connections may let go of what they hold a little later.
    let log: Arc<dyn Log> = loop {
        match EmbeddedLog::open(&dir.join("log"), POOL, small_log()) {
            Err(bus::Fault::Locked) => std::thread::sleep(Duration::from_millis(5)),
            opened => break Arc::new(opened.unwrap()),
        }
    };
    if log.end().0 == 0 {
        log.append(pack_genesis(START_MS, genesis).into()).unwrap().wait().unwrap();
    }
    let store_options = store::embedded::Options { reserve_bytes: 1 << 20, ..Default::default() };
    let store: Arc<dyn Store> = loop {
        match EmbeddedStore::open(dir.join("store"), store_options.clone()) {
            Err(store::Fault::Locked) => std::thread::sleep(Duration::from_millis(5)),
            opened => break Arc::new(opened.unwrap()),
        }
    };
    let clock = Clock::Scripted(Arc::new(AtomicU64::new(START_MS)));
    let (projector, feed, reader) = Projector::start(
        Arc::clone(&store),
        Arc::clone(&log),
        POOL,
        &projector::Options::default(),
    )
    .unwrap();
    let parts = settler::Parts {
        log: Arc::clone(&log),
        store,
        feed: Some(feed),
        clock: clock.clone(),
        proposer: Box::new(Solver::default()),
        peers: None,
    };
    let options = settler::Options {
        pool: POOL,
        outcomes_max: 1_024,
        outcomes_bytes_max: 64 << 20,
        snapshot_every_orders: 1_000_000,
        snapshot_on_standby: true,
    };
    let (settler, pool) = Settler::start(parts, &options).unwrap();
    Core { log, pool, reader, clock, threads: (settler, projector) }
}

/// Starts a node on a directory.
async fn run(dir: &Path, genesis: &Genesis, authority: &Authority, limits: &Limits) -> Running {
    let (path, genesis) = (dir.to_owned(), genesis.clone());
    let core = tokio::task::spawn_blocking(move || start_core(&path, &genesis)).await.unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (certificate, key) = authority.node();
    let tls =
        ServerTls::from_pem(authority.pem().as_bytes(), certificate.as_bytes(), key.as_bytes());
    let parts = GatewayParts {
        log: Arc::clone(&core.log),
        pool: core.pool,
        reader: core.reader,
        signer: Arc::new(signer()),
        clock: core.clock,
        tls: tls.unwrap(),
        trust_domain: TRUST_DOMAIN.to_owned(),
        limits: limits.clone(),
        listener,
    };
    let (shutdown, stopped) = oneshot::channel::<()>();
    let served = tokio::spawn(async move {
        let stopped = async move { drop(stopped.await) };
        gateway::serve(parts, stopped).await.unwrap()
    });
    let (log, core) = (Some(core.log), Some(core.threads));
    Running { address, log, shutdown: Some(shutdown), served, core }
}

/// The operator's key for receipts.
fn signer() -> LocalSigner {
    LocalSigner::from_seed(&Zeroizing::new([0x77; 32]))
}

impl Running {
    /// After the drain: lets go of log and store.
    async fn stop(&mut self) {
        let core = self.core.take();
        self.log = None;
        let stop = move || {
            let Some((settler, projector)) = core else { return };
            settler.stop();
            projector.stop();
        };
        tokio::task::spawn_blocking(stop).await.unwrap();
    }
}

impl Node {
    pub(crate) async fn start() -> Self {
        Self::start_with(Limits::default()).await
    }

    pub(crate) async fn start_with(limits: Limits) -> Self {
        Self::start_ruled(limits, |_| {}).await
    }

    /// One whose rule book is changed.
    pub(crate) async fn start_ruled(limits: Limits, change: impl FnOnce(&mut RuleBook)) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let authority = Authority::new("the pool's CA");
        let people = [
            Person::new(1, Role::Operator, "olga"),
            Person::new(2, Role::SettlementAgent, "central"),
            Person::new(3, Role::Regulator, "rita"),
            Person::new(4, Role::Operator, "otto"),
            Person::new(5, Role::Regulator, "remy"),
            Person::new(11, Role::Bank, "ALICGB2L"),
            Person::new(12, Role::Bank, "BOBBGB2L"),
            Person::new(13, Role::Bank, "CAROFR2L"),
            Person::new(21, Role::LiquidityProvider, "maker"),
            Person::new(31, Role::Screener, "sanna"),
        ];
        let mut rules = RuleBook {
            netting: NettingMode::StrictFifo,
            ..RuleBook::standard(vec![currency("EUR"), currency("USD")])
        };
        change(&mut rules);
        let genesis = Genesis {
            pool: POOL,
            rules,
            operator_key: signer().public_key(),
            roots: vec![root().public_key()],
            participants: people.iter().map(Person::participant).collect(),
        };
        let running = run(dir.path(), &genesis, &authority, &limits).await;
        let [operator, agent, regulator, deputy, foreign, banks @ .., provider, screener] = people;
        let [alice, bob, carol] = banks;
        let node = Self {
            authority,
            alice,
            bob,
            carol,
            agent,
            operator,
            deputy,
            regulator,
            foreign,
            provider,
            screener,
            genesis,
            limits,
            running,
            dir,
        };
        node.prepare().await;
        node
    }

    /// Stops it in good order and starts it again on what it left.
    pub(crate) async fn restart(&mut self) {
        self.drain().await;
        self.running.stop().await;
        self.running = run(self.dir.path(), &self.genesis, &self.authority, &self.limits).await;
    }

    /// Opens the day, opens accounts for all three banks, gives two of them 1,000,000.00 EUR.
    async fn prepare(&self) {
        let eur = currency("EUR");
        let open_day = CommandBody::OpenDay {
            currency: eur,
            date: ValueDate::new(DAY).unwrap(),
            cut_off_at_ms: START_MS + 8 * 3_600_000,
            closes_at_ms: START_MS + 9 * 3_600_000,
        };
        self.give(&self.operator, 1, open_day).await;
        for (request, bank) in (2..).zip([&self.alice, &self.bob, &self.carol]) {
            let participant = bank.id;
            let open = CommandBody::OpenAccount { participant, currency: eur, credit_line: 0 };
            self.give(&self.operator, request, open).await;
        }
        for (request, bank) in (1_u64..).zip([&self.alice, &self.bob]) {
            let amount = Amount::new(100_000_000, eur).unwrap();
            let pay_in = [u8::try_from(request).unwrap(); 16];
            let fund = CommandBody::Fund { participant: bank.id, amount, pay_in };
            self.give(&self.agent, request, fund).await;
        }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.running.address
    }

    /// The end of the log.
    pub(crate) fn end(&self) -> Position {
        self.running.log.as_ref().unwrap().end()
    }

    /// Has a command carried out that must take effect.
    pub(crate) async fn give(&self, maker: &Person, request: u64, body: CommandBody) {
        let answer = self
            .operators(maker)
            .await
            .execute_command(maker.command(request, body))
            .await
            .unwrap()
            .into_inner();
        assert_eq!(answer.reason, 0, "{answer:?}");
    }

    /// Moves the clock by a second, closes the cycle, and waits until all of it can be read.
    /// Returns the batch that can be read then.
    pub(crate) async fn settle(&self) -> u64 {
        let mut client = self.operators(&self.operator).await;
        let pool = client.get_pool(v1::GetPoolRequest {}).await.unwrap().into_inner();
        let tick = v1::AdvanceClockRequest {
            time_ms: pool.time_ms + 1_000,
            expected_position: self.end().0,
            close_cycle: true,
        };
        let position = client.advance_clock(tick).await.unwrap().into_inner().position;
        self.readable(position).await
    }

    /// Waits until a position can be read.
    pub(crate) async fn readable(&self, position: u64) -> u64 {
        let request = v1::ListBalancesRequest { at_least_position: position, ..Default::default() };
        let mut ledgers = self.ledgers(&self.operator).await;
        ledgers.list_balances(request).await.unwrap().into_inner().as_of_batch
    }

    /// Minor units on somebody's first account.
    pub(crate) async fn balance(&self, person: &Person) -> String {
        let mut client = self.ledgers(person).await;
        let balances = client.list_balances(v1::ListBalancesRequest::default()).await.unwrap();
        balances.into_inner().balances[0].balance.clone().unwrap().minor_units
    }

    pub(crate) fn people(&self) -> [&Person; 9] {
        let Self { alice, bob, carol, agent, operator, regulator, foreign, .. } = self;
        let Self { provider, screener, .. } = self;
        [alice, bob, carol, agent, operator, regulator, foreign, provider, screener]
    }

    pub(crate) fn operator_key(&self) -> [u8; 32] {
        self.genesis.operator_key
    }

    pub(crate) fn tls(&self) -> ClientTlsConfig {
        ClientTlsConfig::new()
            .ca_certificate(Certificate::from_pem(self.authority.pem()))
            .domain_name("localhost")
    }

    /// A connection with this certificate, or with none.
    pub(crate) async fn connect(
        &self,
        identity: Option<Identity>,
    ) -> Result<Channel, tonic::transport::Error> {
        let tls = match identity {
            Some(identity) => self.tls().identity(identity),
            None => self.tls(),
        };
        Endpoint::from_shared(format!("https://{}", self.running.address))
            .unwrap()
            .timeout(Duration::from_secs(60))
            .tls_config(tls)
            .unwrap()
            .connect()
            .await
    }

    /// A connection of one of the people.
    pub(crate) async fn channel(&self, person: &Person) -> Channel {
        let identity = self.authority.client(&[&person.uri()]);
        self.connect(Some(identity)).await.unwrap()
    }

    pub(crate) async fn payments(&self, person: &Person) -> PaymentServiceClient<Channel> {
        PaymentServiceClient::new(self.channel(person).await)
    }

    pub(crate) async fn operators(&self, person: &Person) -> OperatorServiceClient<Channel> {
        OperatorServiceClient::new(self.channel(person).await)
    }

    pub(crate) async fn ledgers(&self, person: &Person) -> LedgerServiceClient<Channel> {
        LedgerServiceClient::new(self.channel(person).await)
    }

    pub(crate) async fn fx(&self, person: &Person) -> FxServiceClient<Channel> {
        FxServiceClient::new(self.channel(person).await)
    }

    pub(crate) async fn directory(&self, person: &Person) -> DirectoryServiceClient<Channel> {
        DirectoryServiceClient::new(self.channel(person).await)
    }

    pub(crate) async fn audits(&self, person: &Person) -> AuditServiceClient<Channel> {
        AuditServiceClient::new(self.channel(person).await)
    }

    /// Tells the gateway to drain and waits until it has.
    pub(crate) async fn drain(&mut self) -> Drained {
        self.begin_drain();
        (&mut self.running.served).await.unwrap()
    }

    pub(crate) fn begin_drain(&mut self) {
        drop(self.running.shutdown.take());
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.running.served.abort();
        if let Some((settler, projector)) = self.running.core.take() {
            settler.stop();
            projector.stop();
        }
    }
}
