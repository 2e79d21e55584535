//! What came of the day, as the node tells it to those who may know: the operator and each bank.

use std::collections::BTreeMap;
use std::path::Path;

use sdk::{Client, ClientBuilder, v1};
use tokio::task::JoinSet;

use super::banks::Bank;
use super::feeder::profiles;
use crate::failure::Failure;

/// Everything the report is made of.
pub(super) struct Tally {
    pub(super) pool: v1::GetPoolResponse,
    /// All sealed batches, their chain of hashes checked.
    pub(super) batches: Vec<v1::Batch>,
    /// All payments by their place in the log, in their last state.
    pub(super) payments: BTreeMap<u64, v1::Payment>,
    pub(super) balances: Vec<v1::Balance>,
}

/// Asks the node.
pub(super) async fn read(dir: &Path, address: &str, banks: &[Bank]) -> Result<Tally, Failure> {
    let mut clients = BTreeMap::new();
    for profile in profiles(dir)? {
        let builder = ClientBuilder::from_profile(&profile)?.address(address);
        clients.insert(profile.name, builder.connect_lazy()?);
    }
    let client = |name: &str| {
        clients.get(name).ok_or_else(|| Failure::fault(format!("no participant {name}")))
    };
    let operator = client("alice")?;
    let pool = operator.pool_info().await?;
    let batches = batches(operator, pool.batch).await?;
    let mut watches = JoinSet::new();
    for bank in banks {
        watches.spawn(payments_of(client(&bank.bic)?.clone(), bank.bic.clone(), pool.batch));
    }
    let mut payments = BTreeMap::new();
    while let Some(watched) = watches.join_next().await {
        payments.extend(watched.map_err(|error| Failure::fault(error.to_string()))??);
    }
    let balances = operator.balances("", None, 0).await?.balances;
    Ok(Tally { pool, batches, payments, balances })
}

/// All batches, once the last can be read.
async fn batches(operator: &Client, last: u64) -> Result<Vec<v1::Batch>, Failure> {
    let mut feed = operator.subscribe_batches(Vec::new());
    let mut batches = Vec::new();
    while (batches.len() as u64) < last {
        batches.extend(feed.next().await?);
    }
    Ok(batches)
}

/// The payments that a bank has sent, as they stand after the last batch.
async fn payments_of(
    client: Client,
    name: String,
    last: u64,
) -> Result<BTreeMap<u64, v1::Payment>, Failure> {
    let mut payments = BTreeMap::new();
    let mut watch = client.watch(Vec::new(), false);
    loop {
        let message = watch.next().await?;
        let own = message.payments.into_iter().filter(|payment| payment.sender == name);
        payments.extend(own.map(|payment| (payment.place, payment)));
        if message.batch >= last {
            return Ok(payments);
        }
    }
}
