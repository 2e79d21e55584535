//! The pool: a pure, deterministic state machine from log records to outcomes.
//!
//! `Pool::apply(position, record) -> Outcome` is the whole of it. Time, identities and rules come
//! in only through records; whatever happened comes out as data. The same records give the same
//! outcomes and the same state root on any machine.
//!
//! | what | where |
//! |---|---|
//! | the bytes of the log, what came of a record, every way to say no | `record`, `outcome`, `reject` |
//! | the way of a record through the pool, time, seals | `pool` |
//! | orders: guards, rulings | `intake`, `seen`, `probe` |
//! | what waits, for what, and how it leaves | `payment`, `waiting`, `queue`, `group`, `expiry`, `lifecycle` |
//! | cut, ages, candidates, proposal, FIFO maximum, settlement | `cycle`, `age`, `candidates`, `proposal`, `fifo`, `settle` |
//! | what a cycle settled at best, and from what that was computed | `certificate`, `bound`, `evidence` |
//! | foreign exchange | `fx` |
//! | commands: who may give them, once each | `command`, `requests`, `admin`, `day`, `funding` |
//! | who takes part | `directory` |
//! | sealed orders: keys, policies, epochs, what parties state | `disclosure` |
//! | batches, state root, snapshots | `batch`, `root`, `state`, `snapshot` |
//! | what services ask for: facts, why a payment waits, what a cut would take | `status`, `explain`, `preview` |
//!
//! A change has one shape throughout: guards, each with its own reject; then a point after which it
//! must succeed; then the change. Absent on purpose: I/O, clocks, randomness, floats, threads, and
//! signatures, which the gateway and the verifier check.

#![forbid(clippy::float_arithmetic)]

mod admin;
mod age;
mod batch;
mod bound;
mod candidates;
mod certificate;
mod command;
mod cycle;
mod day;
mod directory;
mod disclosure;
mod evidence;
mod expiry;
mod explain;
mod fifo;
mod funding;
mod fx;
mod group;
mod intake;
mod lifecycle;
mod outcome;
mod outlived;
mod payment;
mod pool;
mod preview;
mod probe;
mod proposal;
mod queue;
mod record;
mod reject;
mod requests;
mod root;
mod seen;
mod settle;
mod snapshot;
mod state;
mod status;
mod waiting;

pub use batch::{
    BATCH_HEADER_BYTES, BATCH_TRANSFERS_SOFT_MAX, BatchHeader, nets_hash, transfers_hash,
};
pub use candidates::{Candidate, Candidates, CutAccount, LimitRow, Weights};
pub use certificate::{Basis, CERTIFICATE_BYTES, Certificate, certificates_hash, prices_hash};
pub use command::DEFERRED_MAX;
pub use cycle::CANDIDATES_MAX;
pub use day::{Day, OpenDay};
pub use directory::{CURRENCIES_MAX, Directory, Member, PARTICIPANTS_MAX, PoolCurrency};
pub use disclosure::{
    EPOCHS_MAX, EPOCHS_PER_SENDER_MAX, FAULTS_MAX, FAULTS_PER_REPORTER_MAX, HELD_MAX, HeldFor,
    Hold, KEM_KEYS_MAX, KEY_ENDS_SOON_MS, KeyStanding, OpenFault, SEQUENCE_WINDOW,
};
pub use evidence::Evidence;
pub use explain::{GroupMember, MemberStage, Waiting, WaitsFor};
pub use funding::{DEFUNDS_MAX, PAY_INS_MAX, PendingDefund};
pub use fx::{FILLS_MAX, LADDERS_MAX, PROVIDER_QUOTES_MAX, STANDING_QUOTES_MAX, StandingQuote};
pub use outcome::{
    AccountInfo, BalanceAfter, Change, Cut, Fill, FxEvent, Net, Outcome, PaymentState, Ruled,
    Ruling, SealedBatch, Source, Stated, Subject, Transfer, TransferKind,
};
pub use pool::Pool;
pub use preview::{Lever, Means, PairMeans, Preview, Tightest};
pub use record::{
    HEADER_BYTES, OrdersRecord, PRICE_BITS, Place, Prices, Proposal, Record, RecordBody,
    RecordError, STATEMENTS_MAX, SettleRecord, StatementsRecord, pack_command, pack_genesis,
    pack_orders, pack_settle, pack_statements, pack_tick, record_bytes,
};
pub use reject::Reject;
pub use requests::REQUESTS_MAX;
pub use root::CORE_VERSION;
pub use seen::{ENTRY_BYTES, PAGE_ENTRIES, SeenEntry, SeenPage};
pub use snapshot::{RestoreError, Snapshot};
pub use status::{NextTick, Queued, Status, Violation};
