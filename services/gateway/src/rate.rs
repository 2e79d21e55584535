//! Rate limits: every participant has a bucket of orders, one of their bytes, one of commands, one
//! of sets of quotes, and one of statements.

use std::num::NonZeroU32;

use channel::ParticipantId;
use governor::clock::{Clock as _, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use tonic::Code;

use crate::errors::Refusal;
use crate::limits::Limits;

/// The buckets of all participants.
pub(crate) struct Rates {
    orders: DefaultKeyedRateLimiter<u32>,
    bytes: DefaultKeyedRateLimiter<u32>,
    commands: DefaultKeyedRateLimiter<u32>,
    quotes: DefaultKeyedRateLimiter<u32>,
    statements: DefaultKeyedRateLimiter<u32>,
    clock: DefaultClock,
}

impl Rates {
    pub(crate) fn new(limits: &Limits) -> Self {
        let orders = Quota::per_second(limits.orders_per_second).allow_burst(limits.orders_burst);
        let bytes = Quota::per_second(limits.bytes_per_second).allow_burst(limits.bytes_burst);
        let commands =
            Quota::per_second(limits.commands_per_second).allow_burst(limits.commands_burst);
        let quotes = Quota::per_second(limits.quotes_per_second).allow_burst(limits.quotes_burst);
        let statements =
            Quota::per_second(limits.statements_per_second).allow_burst(limits.statements_burst);
        Self {
            statements: RateLimiter::keyed(statements),
            quotes: RateLimiter::keyed(quotes),
            commands: RateLimiter::keyed(commands),
            orders: RateLimiter::keyed(orders),
            bytes: RateLimiter::keyed(bytes),
            clock: DefaultClock::default(),
        }
    }

    /// Takes `orders` and `bytes` out of the caller's buckets.
    ///
    /// What a refused batch took out of the first bucket stays out: to try costs something too.
    pub(crate) fn take(
        &self,
        caller: ParticipantId,
        orders: usize,
        bytes: usize,
    ) -> Result<(), Refusal> {
        self.draw(&self.orders, caller, orders, "RATE_LIMIT_ORDERS")?;
        self.draw(&self.bytes, caller, bytes, "RATE_LIMIT_BYTES")
    }

    /// Takes a command out of the caller's bucket. The core carries each one out by itself, which
    /// costs it more than an order in a batch.
    pub(crate) fn take_command(&self, caller: ParticipantId) -> Result<(), Refusal> {
        self.draw(&self.commands, caller, 1, "RATE_LIMIT_COMMANDS")
    }

    /// Takes a set of quotes of one pair out of the caller's bucket: they come far more often than
    /// other commands.
    pub(crate) fn take_quotes(&self, caller: ParticipantId) -> Result<(), Refusal> {
        self.draw(&self.quotes, caller, 1, "RATE_LIMIT_QUOTES")
    }

    /// Takes `statements` out of the caller's bucket: each costs the check of a signature.
    pub(crate) fn take_statements(
        &self,
        caller: ParticipantId,
        statements: usize,
    ) -> Result<(), Refusal> {
        self.draw(&self.statements, caller, statements, "RATE_LIMIT_STATEMENTS")
    }

    fn draw(
        &self,
        buckets: &DefaultKeyedRateLimiter<u32>,
        caller: ParticipantId,
        count: usize,
        reason: &'static str,
    ) -> Result<(), Refusal> {
        let count = u32::try_from(count).ok().and_then(NonZeroU32::new);
        let Some(count) = count else { return Ok(()) };
        let message = "more is handed in than this participant's rate limit allows";
        match buckets.check_key_n(&caller.0, count) {
            Ok(Ok(())) => Ok(()),
            Ok(Err(not_until)) => {
                let wait = not_until.wait_time_from(self.clock.now());
                Err(Refusal::later(Code::ResourceExhausted, reason, message, wait))
            }
            // More than the whole bucket: waiting would not help, a smaller batch would.
            Err(_) => Err(Refusal::new(Code::ResourceExhausted, reason, message)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits() -> Limits {
        Limits {
            orders_per_second: NonZeroU32::MIN,
            orders_burst: NonZeroU32::new(10).unwrap(),
            ..Limits::default()
        }
    }

    #[test]
    fn one_participant_empties_its_own_bucket_only() {
        let rates = Rates::new(&limits());
        let (greedy, other) = (ParticipantId(1), ParticipantId(2));
        assert_eq!(rates.take(greedy, 10, 100), Ok(()));
        let refused = rates.take(greedy, 10, 100).unwrap_err();
        assert_eq!(refused.reason(), "RATE_LIMIT_ORDERS");
        let retry_ms = proto::v1::BatchError::from(refused).retry_after_ms;
        assert!((1..=10_000).contains(&retry_ms), "{retry_ms} ms");
        assert_eq!(rates.take(other, 10, 100), Ok(()));
    }

    #[test]
    fn more_than_the_bucket_holds_is_refused_without_a_delay() {
        let rates = Rates::new(&limits());
        let refused = rates.take(ParticipantId(1), 11, 1).unwrap_err();
        assert_eq!(proto::v1::BatchError::from(refused).retry_after_ms, 0);
    }
}
