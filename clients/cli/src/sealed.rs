//! Sealed payments: keys, trust, and what senders, readers and screeners do with them.
//!
//! Everything secret stays in the folder that the profile names; the protocol itself is the SDK's
//! (`sdk::sealed`), the message inside the views is `iso20022`'s.

mod dispute;
mod faults;
mod keys;
mod open;
pub(crate) mod policy_file;
mod reading;
mod root;
mod screen;
mod stated;
pub(crate) mod statement_file;
mod trust;
mod which;

use iso20022::Message;
use sdk::Order;
use sdk::sealed::{Desk, Draft, Vault};

pub(crate) use self::dispute::DisputeArgs;
pub(crate) use self::faults::FaultsArgs;
pub(crate) use self::keys::Command as Keys;
pub(crate) use self::open::OpenArgs;
pub(crate) use self::policy_file::view_name;
pub(crate) use self::reading::{is_sealed, judge};
pub(crate) use self::root::Command as Root;
pub(crate) use self::screen::{Command as Screening, DenyList, Screen, names_of};
pub(crate) use self::stated::Stated;
pub(crate) use self::trust::{Policy, Trust};
pub(crate) use self::which::WhichArgs;
use crate::context::Session;
use crate::failure::Failure;

impl Session {
    /// The participant's folder.
    pub(crate) fn vault(&self) -> Result<Vault, Failure> {
        let missing = "the profile names no trust file: put `trust = \"trust.toml\"` into it";
        Vault::of(&self.profile)?.ok_or_else(|| Failure::usage(missing))
    }

    /// The participant's folder with what may be believed now, and the time it holds for.
    pub(crate) async fn synced_vault(&self) -> Result<(Vault, u64), Failure> {
        let (mut vault, now_ms) = (self.vault()?, self.now_ms().await?);
        vault.sync(&self.client, now_ms).await?;
        Ok((vault, now_ms))
    }

    /// Where the participant reads what is sealed for it.
    pub(crate) async fn desk(&self) -> Result<Desk, Failure> {
        let (vault, now_ms) = (self.vault()?, self.now_ms().await?);
        Ok(Desk::open(&self.client, vault, now_ms).await?)
    }
}

/// The order of a message, which is its payload no longer, and what it says.
pub(crate) fn draft(order: &Order, message: &Message) -> Result<Draft, Failure> {
    let contents = message.views().map_err(|error| Failure {
        field: Some(error.path().to_owned()),
        ..Failure::usage(format!("cannot be sealed: {error}"))
    })?;
    Ok(Draft::of(order, contents)?)
}
