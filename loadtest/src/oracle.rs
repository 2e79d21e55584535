//! A naive bank: adds up what must have happened, one order after the other, and compares.

use std::collections::BTreeMap;

use anyhow::{Context as _, bail};
use bytes::Bytes;
use proto::v1::audit_service_client::AuditServiceClient;
use proto::v1::ledger_service_client::LedgerServiceClient;
use proto::v1::operator_service_client::OperatorServiceClient;
use proto::v1::payment_service_client::PaymentServiceClient;
use proto::v1::{
    Balance, GetPoolRequest, ListBalancesRequest, Ruling, SubmitBatchesRequest,
    SubscribeBatchesRequest, SubscribeBatchesResponse,
};
use tonic::Streaming;
use tonic::transport::Channel;

use crate::driver::Outcome;
use crate::scene::Bank;
use crate::workload::Workload;

/// Batches handed in once more, to see the same decisions again.
const REPEATED: usize = 20;

/// The books before the load.
#[derive(Debug)]
pub(crate) struct Before {
    balances: Balances,
    resume_token: Bytes,
}

/// By participant and currency, minor units.
type Balances = BTreeMap<(String, String), i128>;

impl Before {
    /// Reads the books, everything included that was answered so far.
    pub(crate) async fn read(observer: Channel) -> anyhow::Result<Self> {
        let balances = balances_now(observer.clone()).await?;
        let mut batches = subscribe(observer, Bytes::new()).await?;
        while let Some(message) = batches.message().await? {
            if message.batch.is_none() {
                return Ok(Self { balances, resume_token: message.resume_token });
            }
        }
        bail!("the stream of batches ended")
    }

    /// Waits until so many more payments stand in sealed batches that can be read.
    pub(crate) async fn wait_settled(
        &self,
        observer: Channel,
        payments: u64,
    ) -> anyhow::Result<()> {
        let mut batches = subscribe(observer, self.resume_token.clone()).await?;
        let mut found = 0;
        while found < payments {
            let message = batches.message().await?.context("the stream of batches ended")?;
            found += message.batch.map_or(0, |batch| u64::from(batch.payment_count));
        }
        Ok(())
    }
}

async fn subscribe(
    observer: Channel,
    resume_token: Bytes,
) -> anyhow::Result<Streaming<SubscribeBatchesResponse>> {
    let mut client = AuditServiceClient::new(observer).max_decoding_message_size(64 << 20);
    Ok(client.subscribe_batches(SubscribeBatchesRequest { resume_token }).await?.into_inner())
}

async fn balances_now(observer: Channel) -> anyhow::Result<Balances> {
    let mut operator = OperatorServiceClient::new(observer.clone());
    let pool = operator.get_pool(GetPoolRequest {}).await?.into_inner();
    let request = ListBalancesRequest {
        at_least_position: pool.next_position.saturating_sub(1),
        ..ListBalancesRequest::default()
    };
    let listed = LedgerServiceClient::new(observer).list_balances(request).await?.into_inner();
    let balance = |row: Balance| {
        let minor = row.balance.unwrap_or_default().minor_units.parse()?;
        Ok(((row.participant, row.currency_code), minor))
    };
    listed.balances.into_iter().map(balance).collect()
}

/// What the oracle found.
#[derive(Debug, Clone, Default)]
pub(crate) struct Verdict {
    pub(crate) ok: bool,
    /// What does not hold, in words; empty if all does.
    pub(crate) violations: Vec<String>,
    /// Accounts whose balance was compared.
    pub(crate) accounts: usize,
    /// Payments counted in sealed batches.
    pub(crate) payments: u64,
}

/// Checks the node's books against the orders that were taken in.
pub(crate) async fn check(
    workload: &Workload,
    banks: &[Bank],
    before: &Before,
    outcome: &Outcome,
    observer: Channel,
) -> anyhow::Result<Verdict> {
    let mut verdict = Verdict::default();
    rulings(outcome, &mut verdict);
    let found = balances_now(observer.clone()).await.context("read balances")?;
    balances(workload, banks, before, &found, &mut verdict);
    batches(workload, before, observer.clone(), &mut verdict).await.context("count payments")?;
    repeats(workload, banks, outcome, &mut verdict).await.context("hand in again")?;
    let after = balances_now(observer).await.context("read balances again")?;
    if after != found {
        verdict.violations.push("handing in again moved money".to_owned());
    }
    verdict.ok = verdict.violations.is_empty();
    Ok(verdict)
}

fn rulings(outcome: &Outcome, verdict: &mut Verdict) {
    for (ruling, count) in &outcome.rulings {
        if !matches!(ruling, Ruling::Queued | Ruling::Settled) {
            verdict.violations.push(format!("{count} orders were ruled {}", ruling.as_str_name()));
        }
    }
}

/// Every account must hold what it held, and what came in, less what went out.
fn balances(
    workload: &Workload,
    banks: &[Bank],
    before: &Before,
    found: &Balances,
    verdict: &mut Verdict,
) {
    let mut expected = before.balances.clone();
    for movement in &workload.movements {
        let from = &banks[usize::from(movement.sender)];
        let to = &banks[usize::from(movement.receiver)];
        let currency = from.currencies[usize::from(movement.currency)].as_str().to_owned();
        let mut add = |bank: &Bank, minor: i128| {
            let account = (bank.name.clone(), currency.clone());
            expected.entry(account).and_modify(|balance| *balance += minor);
        };
        add(from, -i128::from(movement.minor));
        add(to, i128::from(movement.minor));
    }
    let mut sums: BTreeMap<&str, i128> = BTreeMap::new();
    for ((name, currency), minor) in found {
        *sums.entry(currency).or_default() += minor;
        let expected = expected.remove(&(name.clone(), currency.clone()));
        verdict.accounts += 1;
        if expected != Some(*minor) {
            let found = format!("{name} {currency}: balance {minor}, expected {expected:?}");
            verdict.violations.push(found);
        }
    }
    verdict.violations.extend(expected.keys().map(|(name, _)| format!("{name}: account missing")));
    let uneven = sums.iter().filter(|(_, sum)| **sum != 0);
    verdict.violations.extend(uneven.map(|(code, sum)| format!("{code} sums to {sum}, not zero")));
}

/// Every order is in exactly one sealed batch, and the batches form one chain.
async fn batches(
    workload: &Workload,
    before: &Before,
    observer: Channel,
    verdict: &mut Verdict,
) -> anyhow::Result<()> {
    let mut stream = subscribe(observer, before.resume_token.clone()).await?;
    let (mut number, mut hash, mut next) = (None, None, None);
    while let Some(message) = stream.message().await? {
        let Some(batch) = message.batch else { break };
        verdict.payments += u64::from(batch.payment_count);
        let counted = number.is_none_or(|number| batch.number == number);
        let chained = hash.is_none_or(|hash| batch.previous_hash == hash);
        let gapless = next.is_none_or(|next| batch.first_position == next);
        if !counted || !chained || !gapless {
            verdict.violations.push(format!("batch {} does not follow", batch.number));
        }
        number = Some(batch.number + 1);
        hash = Some(batch.hash);
        next = Some(batch.last_position + 1);
    }
    if verdict.payments != workload.movements.len() as u64 {
        let (found, expected) = (verdict.payments, workload.movements.len());
        verdict.violations.push(format!("{found} payments in batches, expected {expected}"));
    }
    Ok(())
}

/// The same bytes again get the same decisions, and move nothing.
async fn repeats(
    workload: &Workload,
    banks: &[Bank],
    outcome: &Outcome,
    verdict: &mut Verdict,
) -> anyhow::Result<()> {
    let step = (workload.batches.len() / REPEATED).max(1);
    for (number, batch) in workload.batches.iter().enumerate().step_by(step) {
        let request: Vec<SubmitBatchesRequest> = vec![batch.request.clone()];
        let mut client = PaymentServiceClient::new(banks[batch.sender].connection.clone())
            .max_decoding_message_size(16 << 20);
        let mut answers = client.submit_batches(tokio_stream::iter(request)).await?.into_inner();
        let answer = answers.message().await?.context("no answer")?;
        let decisions = answer.decisions.unwrap_or_default().decisions;
        let same = decisions.iter().all(|decision| decision.replayed)
            && decisions.first().map(|decision| decision.place) == outcome.first_places[number]
            && decisions.len() == batch.request.orders.len();
        if !same {
            verdict.violations.push(format!("batch {number}: handed in again, decided otherwise"));
        }
    }
    Ok(())
}
