//! The gRPC edge: who calls, may they, is it well-formed, is it signed; then the log, and back.
//!
//! ```text
//! edge ──▶ conn ──▶ access (one table) ──▶ PaymentService   intake ──▶ log ──▶ answers
//! TLS 1.3  silence, cut   identity, roles  FxService        commands ──▶ log
//!                                          LedgerService    payments, watch, ledger, operator,
//!                                          OperatorService  audit, fx ◀── store, log
//!                                          AuditService
//! ```
//!
//! * On the wire: `tls`, `edge` (accept loop), `conn` (one connection), `serve` (start and drain).
//! * Who and whether: `identity`, `access`, `scope` (a bank reads its own side only), `rate`,
//!   `seats` and `turns` (so many at once for each).
//! * In: `intake` (orders), `commands`, `submit` (streams); back: `answers`, `differs`.
//! * Out: `payments`, `orders`, `proofs`, `watch`, `ledger`, `report`, `operator`, `audit`, `live`
//!   (what streams share), `tokens`.
//! * Foreign exchange: `fx` (quotes in, alone or in streams; quotes, prices, fills out).
//! * Sealed orders: `directory` (statements in and out), `holds` (what held payments wait for).
//! * Why payments wait: `insights`, thought about beside the pool.
//! * `errors`, `limits`, `metrics`, `health`.
//!
//! What needs the pool's state is not decided here: the gateway only keeps out what nobody should
//! ever have to log. "Not yours" and "not there" are the same answer. Deliberately absent:
//! compression, HTTP/1, anonymous access, and any knowledge of what a payload says.

mod access;
mod answers;
mod audit;
mod commands;
mod conn;
mod differs;
mod directory;
mod edge;
mod errors;
mod fx;
mod gateway;
mod health;
mod holds;
mod identity;
mod insights;
mod intake;
mod ledger;
mod limits;
mod live;
pub mod metrics;
mod operator;
mod orders;
mod payments;
mod proofs;
mod rate;
mod report;
mod scope;
mod seats;
mod serve;
mod submit;
mod tls;
mod tokens;
mod turns;
mod watch;

pub use access::{ACCESS, Access};
pub use errors::ERROR_DOMAIN;
pub use limits::Limits;
pub use serve::{Drained, GatewayParts, ServeError, serve};
pub use tls::{ServerTls, TlsError};
