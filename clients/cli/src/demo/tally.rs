//! What came of the day, as the node tells it to those who may know: the operator and each bank.

use std::collections::BTreeMap;
use std::path::Path;

use bytes::Bytes;
use sdk::{Client, ClientBuilder, Order, Uetr, v1};
use tokio::task::JoinSet;

use super::day::{Actor, Step};
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
    /// What payments have moved, in the order of the batches.
    pub(super) movements: Vec<Movement>,
    /// How many orders the script hands in.
    pub(super) handed_in: u64,
}

/// A payment between two participants, or a leg of one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Movement {
    /// The place of the order it belongs to.
    pub(super) origin: u64,
    pub(super) from: String,
    pub(super) to: String,
    pub(super) currency: String,
    pub(super) minor: i128,
}

/// Asks the node.
pub(super) async fn read(dir: &Path, address: &str, script: &[Step]) -> Result<Tally, Failure> {
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
    let mut answers = JoinSet::new();
    let mut count = 0;
    for (name, orders) in handed_in(script) {
        count += orders.len() as u64;
        answers.spawn(payments_of(client(&name)?.clone(), name, orders));
    }
    let mut payments = BTreeMap::new();
    while let Some(answer) = answers.join_next().await {
        payments.extend(answer.map_err(|error| Failure::fault(error.to_string()))??);
    }
    let balances = operator.balances("", None, 0).await?.balances;
    let movements = movements(operator, &batches).await?;
    Ok(Tally { pool, batches, payments, balances, movements, handed_in: count })
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

async fn movements(operator: &Client, batches: &[v1::Batch]) -> Result<Vec<Movement>, Failure> {
    let accounts = operator.accounts().await?.into_iter();
    let owners: BTreeMap<u32, String> = accounts.map(|it| (it.account, it.participant)).collect();
    let owner = |account| owners.get(&account).cloned().unwrap_or_default();
    let mut movements = Vec::new();
    for batch in batches {
        let mut token = Bytes::new();
        loop {
            let page = operator.transfers_page(batch.number, token).await?;
            let paid = page.transfers.iter().filter(|it| {
                use v1::TransferKind::{Crossing, FxLeg, Payment};
                matches!(it.kind(), Payment | FxLeg | Crossing)
            });
            movements.extend(paid.filter_map(|it| {
                let money = it.amount.as_ref()?;
                Some(Movement {
                    origin: it.origin,
                    from: owner(it.debit_account),
                    to: owner(it.credit_account),
                    currency: money.currency_code.clone(),
                    minor: money.minor_units.into(),
                })
            }));
            token = page.next_page_token;
            if token.is_empty() {
                break;
            }
        }
    }
    Ok(movements)
}

/// What each bank has handed in.
fn handed_in(script: &[Step]) -> BTreeMap<String, Vec<Uetr>> {
    let mut handed_in: BTreeMap<String, Vec<Uetr>> = BTreeMap::new();
    for step in script {
        if let Step::Orders { by: Actor(by), orders } = step {
            handed_in.entry(by.clone()).or_default().extend(orders.iter().map(Order::uetr));
        }
    }
    handed_in
}

/// The payments that a bank has sent, as they stand after the last batch, by their place.
async fn payments_of(
    client: Client,
    name: String,
    sent: Vec<Uetr>,
) -> Result<Vec<(u64, v1::Payment)>, Failure> {
    let mut payments = Vec::new();
    for uetr in sent {
        let found = client.get(uetr, 0).await?.payments.into_iter();
        let own = found.filter(|payment| payment.sender == name);
        payments.extend(own.map(|payment| (payment.place, payment)));
    }
    Ok(payments)
}
