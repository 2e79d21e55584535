//! Streams that take themselves up again where they were.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;
use tokio::time::{Instant, sleep, timeout, timeout_at};
use tonic::{Code, Status, Streaming};

use crate::error::{Error, Refusal, describe, is_local};
use crate::retry::{Backoff, unavailable};

/// The node sends something at least every five seconds; three times that is silence.
const SILENCE: Duration = Duration::from_secs(15);

type Opening<M> = Pin<Box<dyn Future<Output = Result<Streaming<M>, Status>> + Send>>;
type Open<M> = Box<dyn Fn(Bytes) -> Opening<M> + Send + Sync>;

/// A server stream with a resume token.
pub(crate) struct Resumed<M> {
    open: Open<M>,
    token_of: fn(&M) -> Bytes,
    token: Bytes,
    stream: Option<Streaming<M>>,
    address: String,
    deadline: Duration,
}

impl<M> Resumed<M> {
    pub(crate) fn new(
        (address, deadline): (String, Duration),
        token: Bytes,
        token_of: fn(&M) -> Bytes,
        open: Open<M>,
    ) -> Self {
        Self { open, token_of, token, stream: None, address, deadline }
    }

    pub(crate) fn token(&self) -> &Bytes {
        &self.token
    }

    /// The next message. Reconnects for as long as the deadline allows; a later call tries again.
    pub(crate) async fn next(&mut self) -> Result<M, Error> {
        let mut backoff = Backoff::new();
        let gives_up_at = Instant::now() + self.deadline;
        let mut lost_at = None;
        loop {
            let ends_at = lost_at.map_or(gives_up_at, |at: Instant| at + self.deadline);
            let last_error = match self.attempt(ends_at).await {
                Ok(message) => {
                    self.token = (self.token_of)(&message);
                    return Ok(message);
                }
                Err(status) => self.lost(&status)?,
            };
            lost_at.get_or_insert_with(Instant::now);
            let delay = backoff.next_delay();
            let ends_at = lost_at.map_or(gives_up_at, |at| at + self.deadline);
            if Instant::now() + delay >= ends_at {
                return Err(unavailable(&self.address, backoff.attempts(), last_error));
            }
            sleep(delay).await;
        }
    }

    async fn attempt(&mut self, ends_at: Instant) -> Result<M, Status> {
        let stream = match &mut self.stream {
            Some(stream) => stream,
            none => {
                let opened = timeout_at(ends_at, (self.open)(self.token.clone())).await;
                none.insert(opened.map_err(|_| Status::unavailable("no connection in time"))??)
            }
        };
        match timeout(SILENCE, stream.message()).await {
            Ok(Ok(Some(message))) => Ok(message),
            Ok(Ok(None)) => Err(Status::unavailable("stream ended")),
            Ok(Err(status)) => Err(status),
            Err(_) => Err(Status::unavailable("silence")),
        }
    }

    /// The stream is gone: for good, or to be opened again?
    fn lost(&mut self, status: &Status) -> Result<String, Error> {
        self.stream = None;
        let passing = matches!(
            status.code(),
            Code::Unavailable | Code::Aborted | Code::Cancelled | Code::ResourceExhausted
        );
        if is_local(status) || passing {
            return Ok(describe(status));
        }
        Err(Error::Refused(Box::new(Refusal::from_status(status))))
    }
}
