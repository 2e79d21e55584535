//! Hands the batches in and measures. With a rate it is an open loop: a batch is due when it is due,
//! however slow the node, and its latency counts from then, so nothing is left out.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use channel::PublicKey;
use hdrhistogram::Histogram;
use proto::v1::Ruling;
use tokio::sync::{Semaphore, mpsc, watch};
use tokio::time::{Instant, sleep_until, timeout};
use tonic::transport::Channel;

use crate::PATIENCE;
use crate::feed::{self, Answer};
use crate::oracle::Before;
use crate::scene::Bank;
use crate::workload::Workload;

/// One answer in so many has its receipt's signature checked.
const CHECKED_SHARE: usize = 16;
/// The longest latency the histogram tells apart, microseconds.
const LATENCY_MAX_US: u64 = 600_000_000;

/// How fast to hand in.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pace {
    /// Orders a second; none = as fast as the window allows.
    pub(crate) rate: Option<u64>,
    /// Batches under way, at most.
    pub(crate) in_flight: usize,
}

/// What came of it.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// From the first send until the last order is a durable ledger row.
    pub(crate) elapsed: Duration,
    /// From the first send until the last answer.
    pub(crate) acknowledged: Duration,
    /// Latency of a batch: from due (open loop) or sent until answered.
    pub(crate) latency_us: Histogram<u64>,
    pub(crate) open_loop: bool,
    pub(crate) rulings: BTreeMap<Ruling, u64>,
    /// Place of the first order of each batch.
    pub(crate) first_places: Vec<Option<u64>>,
}

/// A workload that is answered.
pub(crate) struct HandedIn {
    started_at: Instant,
    open_loop: bool,
    /// When the answers came.
    pub(crate) answered_at: Vec<Instant>,
    tally: Tally,
}

/// Hands in the whole workload, and tells which share of it is answered.
pub(crate) async fn hand_in(
    workload: &Arc<Workload>,
    banks: &[Bank],
    pace: Pace,
    progress: watch::Sender<f64>,
) -> anyhow::Result<HandedIn> {
    let (answers_to, mut answers) = mpsc::unbounded_channel();
    let start = |bank: &Bank| feed::start(bank, workload, answers_to.clone());
    let feeds: Vec<_> = banks.iter().map(start).collect();
    drop(answers_to);
    let window = Arc::new(Semaphore::new(pace.in_flight));
    let mut tally = Tally::new(workload, banks);
    let started_at = Instant::now();
    let total = workload.batches.len();
    let (mut sent, mut answered_at) = (0, Vec::with_capacity(total));
    while answered_at.len() < total {
        let may_send = async {
            if sent == total {
                std::future::pending::<()>().await;
            }
            if let Some(rate) = pace.rate {
                sleep_until(started_at + due(workload, sent, rate)).await;
            }
            // Closed only when this function returns.
            if let Ok(permit) = window.acquire().await {
                permit.forget();
            }
        };
        tokio::select! {
            biased;
            answer = answers.recv() => {
                let answer: Answer = answer.context("every stream ended early")??;
                answered_at.push(answer.at);
                tally.count(workload, banks, answer)?;
                window.add_permits(1);
                progress.send_replace(answered_at.len() as f64 / total as f64);
            }
            () = may_send => {
                let batch = &workload.batches[sent];
                tally.due_at[sent] = Some(match pace.rate {
                    Some(rate) => started_at + due(workload, sent, rate),
                    None => Instant::now(),
                });
                feeds[batch.sender].send(sent).context("stream closed")?;
                sent += 1;
            }
        }
    }
    Ok(HandedIn { started_at, open_loop: pace.rate.is_some(), answered_at, tally })
}

impl HandedIn {
    /// Waits until every accepted order has settled in a batch that can be read from the store.
    pub(crate) async fn settled(
        self,
        before: &Before,
        observer: Channel,
    ) -> anyhow::Result<Outcome> {
        let Self { started_at, open_loop, answered_at, tally } = self;
        let settled = before.wait_settled(observer, tally.accepted());
        timeout(PATIENCE, settled).await.context("accepted orders do not settle")??;
        let acknowledged = answered_at.last().map_or(Duration::ZERO, |last| *last - started_at);
        Ok(tally.outcome(started_at.elapsed(), acknowledged, open_loop))
    }
}

fn due(workload: &Workload, number: usize, rate: u64) -> Duration {
    let orders = number * workload.batches[0].request.orders.len();
    Duration::from_nanos((orders as u64).saturating_mul(1_000_000_000) / rate.max(1))
}

/// Counts answers as they come.
struct Tally {
    latency_us: Histogram<u64>,
    due_at: Vec<Option<Instant>>,
    first_places: Vec<Option<u64>>,
    rulings: BTreeMap<Ruling, u64>,
    operator_key: PublicKey,
}

impl Tally {
    fn new(workload: &Workload, banks: &[Bank]) -> Self {
        let unknown = Histogram::new(3).unwrap_or_else(|_| unreachable!("three digits are valid"));
        let latency_us = Histogram::new_with_max(LATENCY_MAX_US, 3).unwrap_or(unknown);
        Self {
            latency_us,
            due_at: vec![None; workload.batches.len()],
            first_places: vec![None; workload.batches.len()],
            rulings: BTreeMap::new(),
            operator_key: banks[0].operator_key.clone(),
        }
    }

    fn count(&mut self, workload: &Workload, banks: &[Bank], answer: Answer) -> anyhow::Result<()> {
        let Answer { number, at, response } = answer;
        if let Some(error) = response.error {
            bail!(
                "batch {number} was refused: {} ({}) {}",
                error.message,
                error.reason,
                error.field
            );
        }
        let due_at = self.due_at[number].take().context("an answer nobody waits for")?;
        let micros = u64::try_from((at - due_at).as_micros()).unwrap_or(u64::MAX);
        self.latency_us.saturating_record(micros);
        let receipt = response.receipt.context("an answer without receipt")?;
        if number.is_multiple_of(CHECKED_SHARE) {
            let batch = &workload.batches[number];
            let statement = channel::receipt_statement(
                banks[0].pool,
                receipt.position,
                receipt.received_at_ms,
                receipt.rules_hash.as_ref().try_into()?,
                u32::try_from(batch.request.orders.len())?,
                &batch.root,
            );
            self.operator_key.verify(&statement, receipt.signature.as_ref().try_into()?)?;
        }
        let decisions = response.decisions.context("an answer without decisions")?.decisions;
        self.first_places[number] = decisions.first().map(|decision| decision.place);
        for decision in decisions {
            *self.rulings.entry(decision.ruling()).or_default() += 1;
        }
        Ok(())
    }

    fn accepted(&self) -> u64 {
        let taken = |ruling: &Ruling| !matches!(ruling, Ruling::Rejected | Ruling::Refused);
        self.rulings.iter().filter(|(ruling, _)| taken(ruling)).map(|(_, count)| count).sum()
    }

    fn outcome(self, elapsed: Duration, acknowledged: Duration, open_loop: bool) -> Outcome {
        let Self { latency_us, rulings, first_places, .. } = self;
        Outcome { elapsed, acknowledged, latency_us, open_loop, rulings, first_places }
    }
}
