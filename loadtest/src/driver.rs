//! Hands the batches in and measures. With a rate it is an open loop: a batch is due when it is due,
//! however slow the node, and its latency counts from then, so nothing is left out.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use channel::PublicKey;
use hdrhistogram::Histogram;
use proto::v1::payment_service_client::PaymentServiceClient;
use proto::v1::{Ruling, SubmitBatchesRequest, SubmitBatchesResponse};
use tokio::sync::{Semaphore, mpsc};
use tokio::time::{Instant, sleep_until, timeout};
use tokio_stream::wrappers::UnboundedReceiverStream;
use tonic::transport::Channel;

use crate::PATIENCE;
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

struct Answer {
    number: usize,
    at: Instant,
    response: SubmitBatchesResponse,
}

/// Hands in the whole workload and waits until every accepted order has settled in a batch that can
/// be read from the store.
pub(crate) async fn drive(
    workload: &Workload,
    banks: &[Bank],
    pace: Pace,
    (before, observer): (&Before, Channel),
) -> anyhow::Result<Outcome> {
    let (answers_to, mut answers) = mpsc::unbounded_channel();
    let streams = open_streams(banks, &answers_to).await?;
    drop(answers_to);
    let window = Arc::new(Semaphore::new(pace.in_flight));
    let mut tally = Tally::new(workload, banks);
    let started_at = Instant::now();
    let (mut sent, mut answered) = (0, 0);
    let total = workload.batches.len();
    while answered < total {
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
                tally.count(workload, banks, answer)?;
                window.add_permits(1);
                answered += 1;
            }
            () = may_send => {
                let batch = &workload.batches[sent];
                tally.due_at[sent] = Some(match pace.rate {
                    Some(rate) => started_at + due(workload, sent, rate),
                    None => Instant::now(),
                });
                streams[batch.sender].send(batch.request.clone()).context("stream closed")?;
                sent += 1;
            }
        }
    }
    let acknowledged = started_at.elapsed();
    let accepted = tally.accepted();
    let settled = before.wait_settled(observer, accepted);
    timeout(PATIENCE, settled).await.context("accepted orders do not settle")??;
    Ok(tally.outcome(started_at.elapsed(), acknowledged, pace.rate.is_some()))
}

fn due(workload: &Workload, number: usize, rate: u64) -> Duration {
    let orders = number * workload.batches[0].request.orders.len();
    Duration::from_nanos((orders as u64).saturating_mul(1_000_000_000) / rate.max(1))
}

type Requests = mpsc::UnboundedSender<SubmitBatchesRequest>;

/// One stream a bank, over its own connection; the window bounds what waits in them.
async fn open_streams(
    banks: &[Bank],
    answers_to: &mpsc::UnboundedSender<anyhow::Result<Answer>>,
) -> anyhow::Result<Vec<Requests>> {
    let mut streams = Vec::with_capacity(banks.len());
    for bank in banks {
        let (requests, outgoing) = mpsc::unbounded_channel();
        let mut client =
            PaymentServiceClient::new(bank.connection.clone()).max_decoding_message_size(16 << 20);
        let answers_to = answers_to.clone();
        let name = bank.name.clone();
        tokio::spawn(async move {
            let ended = async {
                let outgoing = UnboundedReceiverStream::new(outgoing);
                let mut incoming = client.submit_batches(outgoing).await?.into_inner();
                while let Some(response) = incoming.message().await? {
                    let number = usize::try_from(response.batch_id)?;
                    let answer = Answer { number, at: Instant::now(), response };
                    if answers_to.send(Ok(answer)).is_err() {
                        break;
                    }
                }
                anyhow::Ok(())
            };
            if let Err(error) = ended.await {
                let _ = answers_to.send(Err(error.context(format!("stream of {name}"))));
            }
        });
        streams.push(requests);
    }
    Ok(streams)
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
