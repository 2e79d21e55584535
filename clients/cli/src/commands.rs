//! The commands, one file per subject.

mod accounts;
mod balances;
mod batches;
mod days;
mod explain;
mod funds;
mod inbox;
mod kinds;
mod levers;
mod limits;
mod orders;
mod participants;
mod pay;
mod pool;
mod receipts;
mod report;
mod rules;
pub(crate) mod show;
mod status;
mod unlock;
mod watch;
mod whatif;
mod why;

pub(crate) use self::accounts::Command as Accounts;
pub(crate) use self::balances::{BalancesArgs, StatementArgs};
pub(crate) use self::batches::BatchesArgs;
pub(crate) use self::days::Command as Days;
pub(crate) use self::explain::sentence;
pub(crate) use self::funds::{ConfirmDefundArgs, DefundArgs, FundArgs};
pub(crate) use self::inbox::InboxArgs;
pub(crate) use self::kinds::words;
pub(crate) use self::limits::Command as Limits;
#[cfg(test)]
pub(crate) use self::orders::created_at_ms;
pub(crate) use self::orders::{messages_of, orders_of, read};
pub(crate) use self::participants::Command as Participants;
pub(crate) use self::pay::PayArgs;
pub(crate) use self::pool::{PoolArgs, RunCycleArgs};
pub(crate) use self::report::ReportArgs;
pub(crate) use self::rules::Command as Rules;
pub(crate) use self::status::{CancelArgs, StatusArgs};
pub(crate) use self::unlock::UnlockArgs;
pub(crate) use self::watch::WatchArgs;
pub(crate) use self::whatif::WhatIfArgs;
pub(crate) use self::why::WhyArgs;
