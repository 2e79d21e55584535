//! The Rust client of a Causeway node.
//!
//! A [`Client`] acts as one participant of one pool. It connects with its first call, gives every
//! call a deadline, and repeats calls with the same bytes while the node is away. What is signed
//! is what is sent: an [`Order`]'s bytes are made once, so a retry, even after a crash (see
//! [`Outbox`]), has the same identity and takes effect once.
//!
//! ```no_run
//! use std::path::Path;
//!
//! use sdk::{Client, ParticipantId};
//!
//! # async fn pay() -> Result<(), sdk::Error> {
//! let client = Client::from_profile(Path::new("dev/participants/ALBKGB2L/profile.toml"))?;
//! let order = client
//!     .order()
//!     .receiver(ParticipantId(8))
//!     .amount("1250.00 USD")
//!     .value_date("2026-03-02")
//!     .payload("<Document/>")
//!     .build()?;
//! // Keep the order (its bytes) here, before it is sent.
//! let answer = client.submit(&order).await?;
//! println!("{} at position {}", order.uetr(), answer.receipt.position);
//! println!("{:?} {:?}", answer.decision.ruling, answer.decision.reason);
//!
//! // Follow all payments, from here on and after every restart.
//! let mut watch = client.watch(Vec::new(), false);
//! loop {
//!     for payment in watch.next().await?.payments {
//!         println!("{} {:?}", payment.uetr, payment.state());
//!     }
//!     // Keep watch.token() once the payments are dealt with.
//! }
//! # }
//! ```
//!
//! For throughput, sign batches and keep several under way:
//!
//! ```no_run
//! # async fn pay_many(client: sdk::Client, orders: Vec<sdk::Order>) -> Result<(), sdk::Error> {
//! let stream = client.batches(16);
//! let mut tickets = Vec::new();
//! for chunk in orders.chunks(512) {
//!     tickets.push(stream.send(client.sign(chunk.to_vec())?).await?);
//! }
//! for ticket in tickets {
//!     let answer = ticket.answer().await?;
//!     println!("{} decisions", answer.decisions.len());
//! }
//! # Ok(())
//! # }
//! ```
//!
//! Receipts, decisions and batches are believed only after their signatures and hashes were
//! checked; [`Error::Unverified`] says that one does not hold. Nothing here panics.

mod answer;
mod audit;
mod batch;
mod books;
mod client;
mod connect;
mod directory;
mod error;
mod fx;
mod insight;
mod operate;
mod order;
mod outbox;
mod pipe;
mod profile;
mod quotes;
mod resume;
mod retry;
pub mod sealed;
mod stream;
mod token;
mod watch;

pub use answer::{Answer, BatchAnswer, OrderDecision, Receipt};
pub use audit::{BatchChain, BatchFeed};
pub use batch::{BATCH_BYTES_MAX, SignedBatch};
pub use channel::{
    ClosePolicy, CommandBody, FxTerms, LinkTerms, LocalSigner, MessageKind, NettingMode,
    Participant, ParticipantId, Quote, Rate, RequestId, Role, RuleBook, Ruling, Side, Signer,
    Status, Uetr, ValueDate,
};
pub use client::{Client, Executed, SignedCommand, new_request_id};
pub use connect::ClientBuilder;
pub use directory::{LoggedStatement, StatementAnswer};
pub use error::{Error, Refusal, Unavailable, reason_is_transient, reason_name};
pub use fx::{QuoteBuilder, parse_pair};
pub use ledger::{Amount, Currency};
pub use order::{Order, OrderBuilder, link_orders, new_uetr, now_ms, parse_date};
pub use outbox::Outbox;
pub use pipe::IN_FLIGHT_MAX;
pub use profile::{Clock, Profile};
pub use proto::v1;
pub use quotes::{QuoteStream, QuoteTicket};
pub use retry::DEADLINE;
pub use stream::{BatchStream, Ticket};
pub use token::{SigningToken, TokenSigner};
pub use watch::PaymentWatch;
