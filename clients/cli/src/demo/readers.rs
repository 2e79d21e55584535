//! What the readers of the day find: each with its own keys, from what the node delivers to it.

use std::collections::BTreeSet;
use std::path::Path;

use sdk::sealed::{Opener, Vault};
use sdk::{ClientBuilder, Profile, v1};
use tokio::task::JoinSet;

use super::feeder::profiles;
use crate::failure::Failure;
use crate::sealed::is_sealed;

/// How many payments opened.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Opened {
    /// Settled payments, by their receivers.
    pub(super) by_receivers: u64,
    /// Payments, by the regulator, in the part that is for it.
    pub(super) by_regulators: u64,
    /// What was for a reader and did not open.
    pub(super) faults: u64,
}

/// Has every bank and every regulator open what it is sent.
pub(super) async fn read(dir: &Path, address: &str) -> Result<Opened, Failure> {
    let mut readers = JoinSet::new();
    for profile in profiles(dir)? {
        if ["bank", "provider", "regulator"].contains(&profile.role.as_str()) {
            readers.spawn(open_all(profile, address.to_owned()));
        }
    }
    let mut all = Opened::default();
    while let Some(opened) = readers.join_next().await {
        let opened = opened.map_err(|error| Failure::fault(error.to_string()))??;
        all.by_receivers += opened.by_receivers;
        all.by_regulators += opened.by_regulators;
        all.faults += opened.faults;
    }
    Ok(all)
}

async fn open_all(profile: Profile, address: String) -> Result<Opened, Failure> {
    let client = ClientBuilder::from_profile(&profile)?.address(address).connect_lazy()?;
    let no_trust = || Failure::fault("the day's folder has no trust file");
    let mut sealed = Vault::of(&profile)?.ok_or_else(no_trust)?;
    let pool = client.pool_info().await?;
    sealed.store.take(&client.directory_statements().await?, pool.time_ms)?;
    let mut opener = Opener::new(&client, &sealed.keys)?;
    let regulator = profile.role == "regulator";
    let (mut opened, mut seen) = (Opened::default(), BTreeSet::new());
    let mut watch = client.watch(Vec::new(), true);
    loop {
        let message = watch.next().await?;
        for payment in message.payments.iter().filter(|it| is_sealed(it)) {
            let settled = payment.state() == v1::PaymentState::Settled;
            let received = payment.receiver == profile.name && settled;
            if !(regulator || received) || !seen.insert(payment.digest.clone()) {
                continue;
            }
            match opener.open(&sealed.store, payment).await? {
                Err(_) => opened.faults += 1,
                Ok(_) if regulator => opened.by_regulators += 1,
                Ok(_) => opened.by_receivers += 1,
            }
        }
        if message.batch >= pool.batch {
            return Ok(opened);
        }
    }
}
