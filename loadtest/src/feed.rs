//! A bank's stream of batches, which outlives the connections it runs on. What a lost connection left
//! unanswered, and what the node could not take now, is sent again: the same bytes, so it counts once.

use std::collections::BTreeSet;
use std::error::Error as _;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use proto::v1::payment_service_client::PaymentServiceClient;
use proto::v1::{BatchError, SubmitBatchesResponse};
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender, WeakUnboundedSender};
use tokio::time::{Instant, sleep};
use tokio_stream::wrappers::UnboundedReceiverStream;
use tonic::{Code, Status, Streaming};

use crate::PATIENCE;
use crate::scene::Bank;
use crate::workload::Workload;

/// Between two attempts to connect.
const PAUSE: Duration = Duration::from_millis(200);

/// Numbers of batches that are to be sent.
pub(crate) type Numbers = UnboundedSender<usize>;
/// Where answers go; an error ends the load.
pub(crate) type AnswersTo = UnboundedSender<anyhow::Result<Answer>>;

/// What a node answered to a batch.
pub(crate) struct Answer {
    pub(crate) number: usize,
    pub(crate) at: Instant,
    pub(crate) response: SubmitBatchesResponse,
}

/// Begins a bank's stream. It ends with the last sender of numbers.
pub(crate) fn start(bank: &Bank, workload: &Arc<Workload>, answers_to: AnswersTo) -> Numbers {
    let (numbers_to, numbers) = mpsc::unbounded_channel();
    let feed = Feed {
        client: PaymentServiceClient::new(bank.connection.clone())
            .max_decoding_message_size(16 << 20),
        workload: workload.clone(),
        again: numbers_to.downgrade(),
        unanswered: BTreeSet::new(),
        open: BTreeSet::new(),
        answered_at: Instant::now(),
        answers_to,
    };
    let name = bank.name.clone();
    tokio::spawn(async move {
        let answers_to = feed.answers_to.clone();
        if let Err(error) = feed.run(numbers).await {
            // Nobody listens once the load has failed.
            _ = answers_to.send(Err(error.context(format!("stream of {name}"))));
        }
    });
    numbers_to
}

struct Feed {
    client: PaymentServiceClient<tonic::transport::Channel>,
    workload: Arc<Workload>,
    /// For what the node asks to be sent later; weak, so that it keeps nobody waiting.
    again: WeakUnboundedSender<usize>,
    /// Sent on this connection or the one before, and not answered.
    unanswered: BTreeSet<usize>,
    /// Those, and what is to be sent again later.
    open: BTreeSet<usize>,
    /// When the last answer came, or when the first of `open` did after a rest.
    answered_at: Instant,
    answers_to: AnswersTo,
}

impl Feed {
    async fn run(mut self, mut numbers: UnboundedReceiver<usize>) -> anyhow::Result<()> {
        while let Err(lost) = self.connection(&mut numbers).await {
            let lost = lost.downcast::<Status>()?;
            if !passes(&lost) || self.out_of_patience() {
                bail!(lost);
            }
            sleep(PAUSE).await;
        }
        Ok(())
    }

    /// Sends and receives until nothing more is to be sent, or the connection is lost.
    async fn connection(&mut self, numbers: &mut UnboundedReceiver<usize>) -> anyhow::Result<()> {
        let (requests, outgoing) = mpsc::unbounded_channel();
        let workload = self.workload.clone();
        let send = |number: usize| {
            let request = workload.batches[number].request.clone();
            requests.send(request).map_err(|_| Status::unavailable("the stream is closed"))
        };
        self.unanswered.iter().try_for_each(|number| send(*number))?;
        let mut client = self.client.clone();
        // It opens when the node answers, which may be after the first batch.
        let mut opening = pin!(client.submit_batches(UnboundedReceiverStream::new(outgoing)));
        let mut incoming: Option<Streaming<SubmitBatchesResponse>> = None;
        loop {
            tokio::select! {
                opened = &mut opening, if incoming.is_none() => incoming = Some(opened?.into_inner()),
                response = next(&mut incoming) => self.take(response?)?,
                number = numbers.recv() => {
                    let Some(number) = number else { return Ok(()) };
                    if self.open.is_empty() {
                        self.answered_at = Instant::now();
                    }
                    self.open.insert(number);
                    self.unanswered.insert(number);
                    send(number)?;
                }
            }
        }
    }

    fn take(&mut self, response: SubmitBatchesResponse) -> anyhow::Result<()> {
        let number = usize::try_from(response.batch_id)?;
        self.unanswered.remove(&number);
        if let Some(delay) = response.error.as_ref().and_then(later)
            && !self.out_of_patience()
        {
            self.send_again(number, delay);
            return Ok(());
        }
        self.open.remove(&number);
        self.answered_at = Instant::now();
        let answer = Answer { number, at: Instant::now(), response };
        // Nobody listens once the load has failed.
        _ = self.answers_to.send(Ok(answer));
        Ok(())
    }

    /// Whether something waits for an answer, and has for too long.
    fn out_of_patience(&self) -> bool {
        !self.open.is_empty() && self.answered_at.elapsed() > PATIENCE
    }

    fn send_again(&self, number: usize, delay: Duration) {
        let again = self.again.clone();
        tokio::spawn(async move {
            sleep(delay).await;
            if let Some(numbers) = again.upgrade() {
                _ = numbers.send(number);
            }
        });
    }
}

/// The next message of a stream that is open.
async fn next(
    incoming: &mut Option<Streaming<SubmitBatchesResponse>>,
) -> anyhow::Result<SubmitBatchesResponse> {
    match incoming {
        Some(incoming) => {
            let response = incoming.message().await?;
            Ok(response.context(Status::unavailable("the node ended the stream"))?)
        }
        None => std::future::pending().await,
    }
}

/// Whether a lost connection is no more than that.
fn passes(lost: &Status) -> bool {
    matches!(lost.code(), Code::Unavailable | Code::Cancelled) || lost.source().is_some()
}

/// When to send what was refused again, if that helps.
fn later(error: &BatchError) -> Option<Duration> {
    let passes = error.code == Code::Unavailable as i32
        || error.code == Code::ResourceExhausted as i32 && error.retry_after_ms > 0;
    passes.then(|| Duration::from_millis(error.retry_after_ms.max(1)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_taken_now_is_sent_again_and_what_is_wrong_is_not() {
        let error = |code: Code, retry_after_ms| BatchError {
            code: code as i32,
            retry_after_ms,
            ..BatchError::default()
        };
        let delay = Some(Duration::from_millis(50));
        assert_eq!(later(&error(Code::ResourceExhausted, 50)), delay);
        assert_eq!(later(&error(Code::Unavailable, 50)), delay);
        assert_eq!(later(&error(Code::ResourceExhausted, 0)), None);
        assert_eq!(later(&error(Code::InvalidArgument, 50)), None);
    }
}
