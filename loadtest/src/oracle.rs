//! A naive bank: adds up what must have happened, one order after the other, and compares.

use std::collections::BTreeMap;

use anyhow::Context as _;
use proto::v1::audit_service_client::AuditServiceClient;
use proto::v1::ledger_service_client::LedgerServiceClient;
use proto::v1::operator_service_client::OperatorServiceClient;
use proto::v1::payment_service_client::PaymentServiceClient;
use proto::v1::{
    GetPoolRequest, ListBalancesRequest, Ruling, SubmitBatchesRequest, SubscribeBatchesRequest,
};
use tonic::transport::Channel;

use crate::driver::Outcome;
use crate::scene::{Bank, FUNDING_MINOR};
use crate::workload::Workload;

/// Batches handed in once more, to see the same decisions again.
const REPEATED: usize = 20;

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
    outcome: &Outcome,
    observer: Channel,
) -> anyhow::Result<Verdict> {
    let mut verdict = Verdict::default();
    rulings(outcome, &mut verdict);
    balances(workload, banks, observer.clone(), &mut verdict).await.context("compare balances")?;
    batches(workload, observer.clone(), &mut verdict).await.context("count payments")?;
    repeats(workload, banks, outcome, &mut verdict).await.context("hand in again")?;
    let pool = OperatorServiceClient::new(observer).get_pool(GetPoolRequest {}).await?.into_inner();
    if pool.queues.iter().any(|queue| queue.orders > 0) {
        verdict.violations.push("orders still wait although all are covered".to_owned());
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

/// Every account must hold its funding and what came in, less what went out.
async fn balances(
    workload: &Workload,
    banks: &[Bank],
    observer: Channel,
    verdict: &mut Verdict,
) -> anyhow::Result<()> {
    let mut expected: BTreeMap<(String, String), i128> = BTreeMap::new();
    for bank in banks {
        for currency in &bank.currencies {
            let account = (bank.name.clone(), currency.as_str().to_owned());
            expected.insert(account, i128::from(FUNDING_MINOR));
        }
    }
    for movement in &workload.movements {
        let (from, to) =
            (&banks[usize::from(movement.sender)], &banks[usize::from(movement.receiver)]);
        let currency = from.currencies[usize::from(movement.currency)].as_str().to_owned();
        let mut add = |bank: &Bank, minor: i128| {
            let account = (bank.name.clone(), currency.clone());
            expected.entry(account).and_modify(|balance| *balance += minor);
        };
        add(from, -i128::from(movement.minor));
        add(to, i128::from(movement.minor));
    }
    let request = ListBalancesRequest::default();
    let listed = LedgerServiceClient::new(observer).list_balances(request).await?.into_inner();
    let mut sums: BTreeMap<String, i128> = BTreeMap::new();
    for row in listed.balances {
        let minor: i128 = row.balance.unwrap_or_default().minor_units.parse()?;
        *sums.entry(row.currency_code.clone()).or_default() += minor;
        let account = (row.participant, row.currency_code);
        if let Some(expected) = expected.remove(&account) {
            verdict.accounts += 1;
            if expected != minor {
                let (name, currency) = account;
                let found = format!("{name} {currency}: balance {minor}, expected {expected}");
                verdict.violations.push(found);
            }
        }
    }
    verdict.violations.extend(expected.keys().map(|(name, _)| format!("{name}: account missing")));
    let uneven = sums.iter().filter(|(_, sum)| **sum != 0);
    verdict.violations.extend(uneven.map(|(code, sum)| format!("{code} sums to {sum}, not zero")));
    Ok(())
}

/// Every order is in exactly one sealed batch, and the batches form one chain.
async fn batches(
    workload: &Workload,
    observer: Channel,
    verdict: &mut Verdict,
) -> anyhow::Result<()> {
    let request = SubscribeBatchesRequest::default();
    let client = AuditServiceClient::new(observer);
    let mut client = client.max_decoding_message_size(64 << 20);
    let mut stream = client.subscribe_batches(request).await?.into_inner();
    let (mut number, mut hash, mut next) = (0, None, None);
    while let Some(message) = stream.message().await? {
        let Some(batch) = message.batch else { break };
        number += 1;
        verdict.payments += u64::from(batch.payment_count);
        let chained = hash.is_none_or(|hash| batch.previous_hash == hash);
        let gapless = next.is_none_or(|next| batch.first_position == next);
        if batch.number != number || !chained || !gapless {
            verdict.violations.push(format!("batch {} does not follow {number}", batch.number));
        }
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
