//! Deadlines and retries: the same bytes again, later, and not for ever.

use std::time::Duration;

use tokio::time::{Instant, sleep_until, timeout_at};
use tonic::{Code, Request, Response, Status};

use crate::error::{Error, Refusal, Unavailable, describe, is_local};

/// How long a call may take, by default.
pub const DEADLINE: Duration = Duration::from_secs(10);

const DELAY_FIRST: Duration = Duration::from_millis(50);
const DELAY_MAX: Duration = Duration::from_secs(2);

/// How long and how often a call is attempted.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    pub(crate) deadline: Duration,
    pub(crate) attempts_max: u32,
}

/// Grows from attempt to attempt, and is drawn at random so that clients do not move in step.
#[derive(Debug)]
pub(crate) struct Backoff {
    attempts: u32,
}

impl Backoff {
    pub(crate) fn new() -> Self {
        Self { attempts: 0 }
    }

    pub(crate) fn attempts(&self) -> u32 {
        self.attempts
    }

    /// The time to wait after one more failure: half of it fixed, half of it at random.
    pub(crate) fn next_delay(&mut self) -> Duration {
        self.attempts = self.attempts.saturating_add(1);
        let doubled = DELAY_FIRST.saturating_mul(1 << self.attempts.min(10));
        let half = doubled.min(DELAY_MAX) / 2;
        let ceiling = u64::try_from(half.as_millis()).unwrap_or(u64::MAX).max(1);
        // A system without randomness only loses the spread.
        half + Duration::from_millis(getrandom::u64().unwrap_or_default() % ceiling)
    }
}

/// What to do about a failed attempt.
enum Verdict {
    /// The node said no.
    Final(Refusal),
    /// Try again, not before this delay.
    Again { at_least: Duration, last_error: String },
}

fn judge(status: &Status) -> Verdict {
    if is_local(status) {
        return Verdict::Again { at_least: Duration::ZERO, last_error: describe(status) };
    }
    let refusal = Refusal::from_status(status);
    let again = match refusal.code {
        Code::Unavailable => true,
        // Only with a hint: a full quota is not helped by knocking, and time that is up is the
        // caller's unless the node says that only its own turn at waiting is over.
        Code::ResourceExhausted | Code::DeadlineExceeded => refusal.retry_after.is_some(),
        // Cut off by the connection, not by the node's rules.
        Code::Cancelled => true,
        _ => false,
    };
    if again {
        let at_least = refusal.retry_after.unwrap_or_default();
        return Verdict::Again { at_least, last_error: refusal.to_string() };
    }
    Verdict::Final(refusal)
}

/// Calls until there is an answer, a refusal, or the deadline.
///
/// `call` is given a request with the time that is left; every attempt sends the same message.
pub(crate) async fn call<M, R, F>(
    address: &str,
    limits: Limits,
    message: M,
    mut call: impl FnMut(Request<M>) -> F,
) -> Result<R, Error>
where
    M: Clone,
    F: Future<Output = Result<Response<R>, Status>>,
{
    let Limits { deadline, attempts_max } = limits;
    let ends_at = Instant::now() + deadline;
    let mut backoff = Backoff::new();
    loop {
        let mut request = Request::new(message.clone());
        request.set_timeout(ends_at.saturating_duration_since(Instant::now()));
        let (at_least, last_error) = match timeout_at(ends_at, call(request)).await {
            Ok(Ok(response)) => return Ok(response.into_inner()),
            Ok(Err(status)) => match judge(&status) {
                Verdict::Final(refusal) => return Err(Error::Refused(Box::new(refusal))),
                Verdict::Again { at_least, last_error } => (at_least, last_error),
            },
            Err(_) => (Duration::ZERO, format!("deadline of {deadline:?} passed")),
        };
        let next_at = Instant::now() + backoff.next_delay().max(at_least);
        if next_at >= ends_at || backoff.attempts() >= attempts_max {
            return Err(unavailable(address, backoff.attempts(), last_error));
        }
        sleep_until(next_at).await;
    }
}

/// Attempts again what a node refuses for now, and nothing else: until it says something else, or
/// the deadline.
pub(crate) async fn refused<R, F>(
    address: &str,
    limits: Limits,
    mut attempt: impl FnMut() -> F,
) -> Result<R, Error>
where
    F: Future<Output = Result<R, Error>>,
{
    let ends_at = Instant::now() + limits.deadline;
    let mut backoff = Backoff::new();
    loop {
        let attempted = match timeout_at(ends_at, attempt()).await {
            Ok(done) => done,
            Err(_) => {
                let last_error = format!("deadline of {:?} passed", limits.deadline);
                return Err(unavailable(address, backoff.attempts(), last_error));
            }
        };
        let error = match attempted {
            Err(error @ Error::Refused(_)) if error.is_transient() => error,
            done => return done,
        };
        let at_least = error.retry_after().unwrap_or_default();
        let next_at = Instant::now() + backoff.next_delay().max(at_least);
        if next_at >= ends_at || backoff.attempts() >= limits.attempts_max {
            return Err(error);
        }
        sleep_until(next_at).await;
    }
}

pub(crate) fn unavailable(address: &str, attempts: u32, last_error: String) -> Error {
    Error::Unavailable(Box::new(Unavailable { address: address.to_owned(), attempts, last_error }))
}

#[cfg(test)]
mod tests {
    use std::future::ready;

    use tonic_types::{ErrorDetails, StatusExt};

    use super::*;

    async fn run(
        deadline: Duration,
        mut answers: Vec<Result<u32, Status>>,
    ) -> (Result<u32, Error>, Vec<u32>) {
        let mut seen = Vec::new();
        let limits = Limits { deadline, attempts_max: u32::MAX };
        let result = call("https://n", limits, 7_u32, |request: Request<u32>| {
            assert!(request.metadata().contains_key("grpc-timeout"));
            seen.push(request.into_inner());
            ready(answers.remove(0).map(Response::new))
        })
        .await;
        (result, seen)
    }

    #[tokio::test(start_paused = true)]
    async fn an_unavailable_node_gets_the_same_message_again() {
        let down = || Err(Status::unavailable("down"));
        let (result, seen) = run(DEADLINE, vec![down(), down(), Ok(3)]).await;
        assert_eq!(result.unwrap(), 3);
        assert_eq!(seen, [7, 7, 7]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_refusal_is_final() {
        let (result, seen) = run(DEADLINE, vec![Err(Status::invalid_argument("no"))]).await;
        assert!(matches!(result, Err(Error::Refused(_))));
        assert_eq!(seen.len(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn the_nodes_hint_is_kept() {
        let mut details = ErrorDetails::new();
        details.set_retry_info(Some(Duration::from_secs(4)));
        for code in [Code::ResourceExhausted, Code::DeadlineExceeded] {
            let later = Status::with_error_details(code, "later", details.clone());
            let began_at = Instant::now();
            let (result, _) = run(DEADLINE, vec![Err(later), Ok(1)]).await;
            assert_eq!(result.unwrap(), 1);
            assert_eq!(began_at.elapsed().as_secs(), 4);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_refused_for_now_is_attempted_until_the_deadline() {
        let error = |code| {
            let refusal = Refusal::from_status(&Status::new(code, "no"));
            Error::Refused(Box::new(Refusal {
                retry_after: Some(Duration::from_secs(1)),
                ..refusal
            }))
        };
        let limits = Limits { deadline: Duration::from_secs(5), attempts_max: u32::MAX };
        let mut answers = vec![error(Code::Unavailable), error(Code::ResourceExhausted)];
        let taken = refused("https://n", limits, || ready(answers.pop().map_or(Ok(3), Err))).await;
        assert_eq!(taken.unwrap(), 3);

        let mut attempts = 0;
        let wrong = || {
            attempts += 1;
            ready(Err::<(), _>(error(Code::InvalidArgument)))
        };
        assert!(refused("https://n", limits, wrong).await.is_err());
        assert_eq!(attempts, 1);

        let began_at = Instant::now();
        assert!(
            refused("https://n", limits, || ready(Err::<(), _>(error(Code::Unavailable))))
                .await
                .is_err()
        );
        assert!(began_at.elapsed() <= limits.deadline && began_at.elapsed().as_secs() >= 3);
    }

    #[tokio::test(start_paused = true)]
    async fn the_deadline_ends_it() {
        let answers = (0..100).map(|_| Err(Status::unavailable("down"))).collect();
        let began_at = Instant::now();
        let (result, seen) = run(Duration::from_secs(5), answers).await;
        let Err(Error::Unavailable(error)) = result else { panic!("{result:?}") };
        assert_eq!(error.address, "https://n");
        assert_eq!(error.attempts as usize, seen.len());
        assert!(seen.len() > 3);
        assert!(began_at.elapsed() <= Duration::from_secs(5));
    }
}
