//! A node that does as little as clients need, and lies where a test tells it to.
//!
//! Whoever runs a node can answer anything but what others have signed. So does this one: it keeps
//! the statements and orders that it is handed, signs receipts with the operator's own key, and
//! what a test puts into its [`State`] it serves as if it were true.

use std::collections::VecDeque;
use std::fs;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use channel::{
    BatchProof, Decision, HeaderView, LocalSigner, Signer as _, Writer, decisions_statement,
    merkle_root, order_digest, receipt_statement,
};
use sdk::sealed::AnyStatement;
use sdk::v1::directory_service_server::{DirectoryService, DirectoryServiceServer};
use sdk::v1::operator_service_server::{OperatorService, OperatorServiceServer};
use sdk::v1::payment_service_server::{PaymentService, PaymentServiceServer};
use sdk::{Profile, Ruling, v1};
use serde_json::Value;
use tempfile::TempDir;
use tokio::runtime::Runtime;
use tokio_stream::wrappers::ReceiverStream;
use tokio_stream::{Stream, StreamExt as _};
use tonic::transport::server::TcpIncoming;
use tonic::transport::{Identity, Server, ServerTlsConfig};
use tonic::{Request, Response, Status, Streaming};

use crate::run::{causeway, finish};

const POOL: u32 = 1;
/// The kind of a fault among statements.
const FAULT: u8 = v1::StatementKind::Fault as u8;

/// What the node has, and says.
#[derive(Default)]
pub(crate) struct State {
    pub(crate) participants: Vec<v1::Participant>,
    pub(crate) statements: Vec<AnyStatement>,
    pub(crate) payments: Vec<v1::Payment>,
    pub(crate) faults: Vec<v1::OpenFault>,
    /// Why the orders of the next batches are refused; those after them settle.
    pub(crate) refusals: VecDeque<v1::RejectReason>,
    /// Whether the next batch is not taken in at all.
    pub(crate) takes_nothing: bool,
    /// Why faults are not taken, if they are not.
    pub(crate) faults_refused: Option<v1::RejectReason>,
    /// How often the list of faults was asked for.
    pub(crate) faults_asked: u64,
    /// Digests of the orders that came, in their order.
    pub(crate) came: Vec<[u8; 32]>,
    /// Whether it says that there is no epoch.
    pub(crate) hides_epochs: bool,
    /// Batches that came.
    pub(crate) batches: u64,
}

/// The node, its folder, and what runs it.
pub(crate) struct Liar {
    state: Arc<Mutex<State>>,
    pub(crate) temporary: TempDir,
    pub(crate) address: String,
    _runtime: Runtime,
}

impl Liar {
    /// A node of a pool that seals, whose statements it has all taken.
    pub(crate) fn start() -> Self {
        let temporary = tempfile::tempdir().unwrap();
        let dir = temporary.path().join("dev");
        let made = causeway()
            .args(["dev", "init", "--sealed", "--bank", "ALBKGB2L:GB", "--bank", "RHNBDEFF:DE"])
            .args(["--bank", "CRBKFRPP:FR"])
            .arg(&dir)
            .output()
            .unwrap();
        assert!(made.status.success());
        let state = Arc::new(Mutex::new(State::default()));
        let runtime = Runtime::new().unwrap();
        let address = runtime.block_on(serve(&dir, Arc::clone(&state)));
        let node = Self { state, temporary, address, _runtime: runtime };
        node.with(|state| {
            state.participants = node.profiles().iter().map(participant).collect();
        });
        node.ok("alice", &["dev", "publish", dir.to_str().unwrap()]);
        node
    }

    pub(crate) fn dir(&self) -> PathBuf {
        self.temporary.path().join("dev")
    }

    pub(crate) fn with<T>(&self, act: impl FnOnce(&mut State) -> T) -> T {
        act(&mut self.state.lock().unwrap())
    }

    pub(crate) fn profile(&self, name: &str) -> Profile {
        let path = self.dir().join("participants").join(name).join("profile.toml");
        Profile::load(&path).unwrap()
    }

    pub(crate) fn signer(&self, name: &str) -> LocalSigner {
        let path = self.profile(name).signing_key.unwrap();
        LocalSigner::from_pem(&fs::read_to_string(path).unwrap()).unwrap()
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

    fn profiles(&self) -> Vec<Profile> {
        let people = fs::read_dir(self.dir().join("participants")).unwrap();
        let names = people.map(|it| it.unwrap().file_name().into_string().unwrap());
        names.map(|name| self.profile(&name)).collect()
    }
}

fn participant(profile: &Profile) -> v1::Participant {
    v1::Participant {
        id: profile.participant,
        name: profile.name.clone(),
        role: profile.role.clone(),
        ..v1::Participant::default()
    }
}

async fn serve(dir: &Path, state: Arc<Mutex<State>>) -> String {
    let read = |name: &str| fs::read_to_string(dir.join("node").join(name)).unwrap();
    let tls =
        ServerTlsConfig::new().identity(Identity::from_pem(read("tls.pem"), read("tls.key.pem")));
    let key = Arc::new(LocalSigner::from_pem(&read("receipt.key.pem")).unwrap());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let node = Node { state, key };
    let server = Server::builder()
        .tls_config(tls)
        .unwrap()
        .add_service(DirectoryServiceServer::new(node.clone()))
        .add_service(OperatorServiceServer::new(node.clone()))
        .add_service(PaymentServiceServer::new(node));
    tokio::spawn(server.serve_with_incoming(TcpIncoming::from(listener)));
    format!("https://localhost:{port}")
}

#[derive(Clone)]
struct Node {
    state: Arc<Mutex<State>>,
    key: Arc<LocalSigner>,
}

impl Node {
    fn logged(&self, wanted: impl Fn(&AnyStatement) -> bool) -> Vec<v1::LoggedStatement> {
        let state = self.state.lock().unwrap();
        let logged = |(place, it): (u64, &AnyStatement)| v1::LoggedStatement {
            statement: Some(v1::Statement { kind: it.kind().into(), signed: it.encode().into() }),
            place,
            logged_at_ms: 0,
        };
        (1..).zip(&state.statements).filter(|(_, it)| wanted(it)).map(logged).collect()
    }

    /// Takes a batch in, and rules on it.
    fn take(&self, message: v1::SubmitBatchesRequest) -> v1::SubmitBatchesResponse {
        let mut state = self.state.lock().unwrap();
        state.batches += 1;
        let position = state.batches;
        if std::mem::take(&mut state.takes_nothing) {
            let reason = "SIGNATURE_INVALID".to_owned();
            let code = tonic::Code::InvalidArgument as i32;
            let error = v1::BatchError { code, reason, ..v1::BatchError::default() };
            let (batch_id, error) = (message.batch_id, Some(error));
            return v1::SubmitBatchesResponse { batch_id, error, ..Default::default() };
        }
        let refusal = state.refusals.pop_front();
        let digests: Vec<_> =
            message.orders.iter().map(|it| order_digest(&it.header, &it.payload)).collect();
        state.came.extend(&digests);
        let signature = message.signature.as_ref().try_into().unwrap();
        let mut decisions = Vec::new();
        for (index, order) in message.orders.iter().enumerate() {
            let place = position << channel::PLACE_INDEX_BITS | index as u64;
            let ruling = if refusal.is_some() { Ruling::Refused } else { Ruling::Settled };
            let reason = refusal.map_or(0, |it| u16::try_from(it as i32).unwrap());
            let digest = digests[index];
            decisions.push(Decision { digest, place, ruling, reason, decided_at_ms: 1 });
            if refusal.is_none() {
                let mut proof = Writer::new();
                BatchProof::new(&digests, index, signature).unwrap().write(&mut proof);
                let payment = payment(&state, order, proof.into_bytes());
                state.payments.push(v1::Payment { place, ..payment });
            }
        }
        let root = merkle_root(digests.iter().map(<[u8; 32]>::as_slice));
        let count = u32::try_from(digests.len()).unwrap();
        let statement = receipt_statement(POOL, position, 1, &[0; 32], count, &root);
        let receipt = v1::Receipt {
            pool: POOL,
            position,
            received_at_ms: 1,
            rules_hash: Bytes::copy_from_slice(&[0; 32]),
            order_count: count,
            root: Bytes::copy_from_slice(&root),
            signature: Bytes::copy_from_slice(&self.key.sign(&statement).unwrap()),
        };
        v1::SubmitBatchesResponse {
            batch_id: message.batch_id,
            receipt: Some(receipt),
            decisions: Some(self.decisions(position, &decisions)),
            error: None,
        }
    }

    fn decisions(&self, position: u64, decisions: &[Decision]) -> v1::Decisions {
        let encoded: Vec<_> = decisions.iter().map(Decision::encode).collect();
        let root = merkle_root(encoded.iter().map(<[u8; _]>::as_slice));
        let count = u32::try_from(decisions.len()).unwrap();
        let statement = decisions_statement(POOL, position, count, &root);
        let signature = self.key.sign(&statement).unwrap();
        let message = |it: &Decision| v1::Decision {
            digest: Bytes::copy_from_slice(&it.digest),
            place: it.place,
            ruling: (it.ruling as u8).into(),
            reason: it.reason.into(),
            decided_at_ms: it.decided_at_ms,
            ..v1::Decision::default()
        };
        v1::Decisions {
            decisions: decisions.iter().map(message).collect(),
            signature: Bytes::copy_from_slice(&signature),
        }
    }
}

/// A fault that was stated, as it is listed.
fn open_fault(state: &State, statement: &AnyStatement) -> Option<v1::OpenFault> {
    let AnyStatement::Fault(signed) = statement else { return None };
    let it = &signed.statement;
    let reporter = state.participants.iter().find(|known| known.id == it.reporter.0)?;
    Some(v1::OpenFault {
        digest: Bytes::copy_from_slice(&it.order.digest),
        reporter: reporter.name.clone(),
        role: u32::from(it.role as u8),
        ..v1::OpenFault::default()
    })
}

/// An order as its receiver is told of it, settled.
fn payment(state: &State, order: &v1::Order, proof: Vec<u8>) -> v1::Payment {
    let header = HeaderView::check(&order.header).unwrap();
    let name = |id: channel::ParticipantId| {
        state.participants.iter().find(|it| it.id == id.0).unwrap().name.clone()
    };
    v1::Payment {
        uetr: header.uetr().to_string(),
        message_kind: header.kind_number().into(),
        sender: name(header.sender()),
        receiver: name(header.receiver()),
        amount: Some(v1::Money {
            currency_code: String::from_utf8(header.currency_bytes().to_vec()).unwrap(),
            minor_units: i64::try_from(header.minor()).unwrap(),
        }),
        value_date: header.value_date_number(),
        digest: Bytes::copy_from_slice(&order_digest(&order.header, &order.payload)),
        state: v1::PaymentState::Settled.into(),
        batch: 1,
        header: order.header.clone(),
        payload: order.payload.clone(),
        proof: proof.into(),
        ..v1::Payment::default()
    }
}

#[tonic::async_trait]
impl DirectoryService for Node {
    async fn publish(
        &self,
        request: Request<v1::PublishRequest>,
    ) -> Result<Response<v1::PublishResponse>, Status> {
        let mut state = self.state.lock().unwrap();
        let mut answers = Vec::new();
        for it in request.into_inner().statements {
            let statement = AnyStatement::decode(u8::try_from(it.kind).unwrap(), &it.signed);
            let statement = statement.unwrap();
            let refused = state.faults_refused.filter(|_| statement.kind() == FAULT);
            let reason = refused.map_or(0, |reason| reason as i32);
            answers.push(v1::StatementAnswer { reason, ..Default::default() });
            if refused.is_none() {
                let open = open_fault(&state, &statement);
                state.faults.extend(open);
                state.statements.push(statement);
            }
        }
        Ok(Response::new(v1::PublishResponse { position: 1, answers }))
    }

    async fn list_directory(
        &self,
        _: Request<v1::ListDirectoryRequest>,
    ) -> Result<Response<v1::ListDirectoryResponse>, Status> {
        let latest = |it: &AnyStatement, all: &[AnyStatement]| match it {
            AnyStatement::Identity(own) => !all.iter().any(|it| {
                let AnyStatement::Identity(it) = it else { return false };
                let (own, it) = (&own.statement, &it.statement);
                own.participant.id == it.participant.id && own.serial < it.serial
            }),
            other => other.kind() <= 4,
        };
        let all = self.state.lock().unwrap().statements.clone();
        let statements = self.logged(|it| latest(it, &all));
        Ok(Response::new(v1::ListDirectoryResponse { statements, ..Default::default() }))
    }

    async fn get_epoch(
        &self,
        request: Request<v1::GetEpochRequest>,
    ) -> Result<Response<v1::GetEpochResponse>, Status> {
        let wanted = request.into_inner().epoch;
        let hides = self.state.lock().unwrap().hides_epochs;
        let epochs = self.logged(|it| match it {
            AnyStatement::EpochOpen(open) => {
                !hides && open.statement.epoch.0.as_slice() == wanted.as_ref()
            }
            _ => false,
        });
        match epochs.into_iter().next() {
            None => Err(not_found()),
            statement => Ok(Response::new(v1::GetEpochResponse { statement })),
        }
    }

    async fn list_statements(
        &self,
        request: Request<v1::ListStatementsRequest>,
    ) -> Result<Response<v1::ListStatementsResponse>, Status> {
        let kind = request.into_inner().kind;
        let statements = self.logged(|it| i32::from(it.kind()) == kind);
        Ok(Response::new(v1::ListStatementsResponse { statements, ..Default::default() }))
    }

    async fn list_faults(
        &self,
        _: Request<v1::ListFaultsRequest>,
    ) -> Result<Response<v1::ListFaultsResponse>, Status> {
        let mut state = self.state.lock().unwrap();
        state.faults_asked += 1;
        let faults = state.faults.clone();
        Ok(Response::new(v1::ListFaultsResponse { faults, ..Default::default() }))
    }
}

/// What the gateway says of what is not there.
fn not_found() -> Status {
    let mut details = tonic_types::ErrorDetails::new();
    details.set_error_info(
        "NOT_FOUND",
        "causeway",
        std::collections::HashMap::<String, String>::new(),
    );
    <Status as tonic_types::StatusExt>::with_error_details(
        tonic::Code::NotFound,
        "not there",
        details,
    )
}

type Feed<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

#[tonic::async_trait]
impl PaymentService for Node {
    type SubmitBatchesStream = Feed<v1::SubmitBatchesResponse>;
    type WatchPaymentsStream = Feed<v1::WatchPaymentsResponse>;

    async fn submit_payment(
        &self,
        _: Request<v1::SubmitPaymentRequest>,
    ) -> Result<Response<v1::SubmitPaymentResponse>, Status> {
        Err(Status::unimplemented("one at a time"))
    }

    async fn submit_batches(
        &self,
        request: Request<Streaming<v1::SubmitBatchesRequest>>,
    ) -> Result<Response<Self::SubmitBatchesStream>, Status> {
        let node = self.clone();
        let answers = request.into_inner().map(move |message| Ok(node.take(message?)));
        Ok(Response::new(Box::pin(answers)))
    }

    async fn get_payment(
        &self,
        request: Request<v1::GetPaymentRequest>,
    ) -> Result<Response<v1::GetPaymentResponse>, Status> {
        let uetr = request.into_inner().uetr;
        let state = self.state.lock().unwrap();
        let payments: Vec<_> =
            state.payments.iter().filter(|it| it.uetr == uetr).cloned().collect();
        if payments.is_empty() {
            return Err(not_found());
        }
        Ok(Response::new(v1::GetPaymentResponse { payments, ..Default::default() }))
    }

    async fn cancel_payment(
        &self,
        _: Request<v1::CancelPaymentRequest>,
    ) -> Result<Response<v1::CancelPaymentResponse>, Status> {
        Err(Status::unimplemented("nothing is cancelled"))
    }

    async fn watch_payments(
        &self,
        request: Request<v1::WatchPaymentsRequest>,
    ) -> Result<Response<Self::WatchPaymentsStream>, Status> {
        let known = request.into_inner().resume_token.first().copied().unwrap_or(0);
        let payments = self.state.lock().unwrap().payments.clone();
        let token = u8::try_from(payments.len()).unwrap();
        let message = v1::WatchPaymentsResponse {
            resume_token: Bytes::copy_from_slice(&[token]),
            batch: 1,
            payments: payments.into_iter().skip(known.into()).collect(),
        };
        // Heartbeats after that, until nobody listens.
        let (send, feed) = tokio::sync::mpsc::channel(1);
        tokio::spawn(async move {
            let heartbeat = v1::WatchPaymentsResponse { payments: Vec::new(), ..message.clone() };
            let mut next = message;
            while send.send(Ok(next)).await.is_ok() {
                next = heartbeat.clone();
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        });
        Ok(Response::new(Box::pin(ReceiverStream::new(feed))))
    }
}

#[tonic::async_trait]
impl OperatorService for Node {
    async fn get_pool(
        &self,
        _: Request<v1::GetPoolRequest>,
    ) -> Result<Response<v1::GetPoolResponse>, Status> {
        let operator_key = Bytes::copy_from_slice(&self.key.public_key());
        let pool = v1::GetPoolResponse {
            pool: POOL,
            time_ms: sdk::now_ms(),
            batch: 1,
            operator_key,
            ..Default::default()
        };
        Ok(Response::new(pool))
    }

    async fn list_participants(
        &self,
        _: Request<v1::ListParticipantsRequest>,
    ) -> Result<Response<v1::ListParticipantsResponse>, Status> {
        let participants = self.state.lock().unwrap().participants.clone();
        Ok(Response::new(v1::ListParticipantsResponse { participants }))
    }

    async fn execute_command(
        &self,
        _: Request<v1::ExecuteCommandRequest>,
    ) -> Result<Response<v1::ExecuteCommandResponse>, Status> {
        Err(Status::unimplemented("no commands"))
    }

    async fn list_accounts(
        &self,
        _: Request<v1::ListAccountsRequest>,
    ) -> Result<Response<v1::ListAccountsResponse>, Status> {
        Err(Status::unimplemented("no accounts"))
    }

    async fn list_limits(
        &self,
        _: Request<v1::ListLimitsRequest>,
    ) -> Result<Response<v1::ListLimitsResponse>, Status> {
        Err(Status::unimplemented("no limits"))
    }

    async fn list_days(
        &self,
        _: Request<v1::ListDaysRequest>,
    ) -> Result<Response<v1::ListDaysResponse>, Status> {
        Err(Status::unimplemented("no days"))
    }

    async fn advance_clock(
        &self,
        _: Request<v1::AdvanceClockRequest>,
    ) -> Result<Response<v1::AdvanceClockResponse>, Status> {
        Err(Status::unimplemented("no clock"))
    }
}
