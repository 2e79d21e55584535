//! Why a call is refused, and how that is said: `google.rpc.Status` with `ErrorInfo`,
//! `BadRequest` and `RetryInfo`, or a `BatchError` inside a stream of batches.

use std::collections::HashMap;
use std::time::Duration;

use proto::v1;
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt as _};

use crate::metrics;

/// The domain of every `ErrorInfo`.
pub const ERROR_DOMAIN: &str = "causeway";

/// A call, or one batch of a stream, that is refused. Nothing of it has any effect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    code: Code,
    reason: &'static str,
    message: String,
    field: Option<String>,
    retry_after: Option<Duration>,
}

impl Refusal {
    pub(crate) fn new(code: Code, reason: &'static str, message: impl Into<String>) -> Self {
        Self { code, reason, message: message.into(), field: None, retry_after: None }
    }

    /// A field of the request must be mended.
    pub(crate) fn field(
        field: impl Into<String>,
        reason: &'static str,
        message: impl Into<String>,
    ) -> Self {
        Self { field: Some(field.into()), ..Self::new(Code::InvalidArgument, reason, message) }
    }

    /// Not there, or not the caller's: nobody can tell the two apart.
    pub(crate) fn not_found(message: impl Into<String>) -> Self {
        Self::new(Code::NotFound, "NOT_FOUND", message)
    }

    pub(crate) fn denied(reason: &'static str, message: impl Into<String>) -> Self {
        Self::new(Code::PermissionDenied, reason, message)
    }

    /// The same call may succeed after a while without anybody's doing.
    pub(crate) fn later(
        code: Code,
        reason: &'static str,
        message: impl Into<String>,
        retry_after: Duration,
    ) -> Self {
        Self { retry_after: Some(retry_after), ..Self::new(code, reason, message) }
    }

    /// The node is shutting down: the same call succeeds on another connection.
    pub(crate) fn draining() -> Self {
        Self::later(
            Code::Unavailable,
            "DRAINING",
            "the node is shutting down",
            Duration::from_secs(1),
        )
    }

    /// The pool stopped; why is for its operators' eyes, in the health and the log of the node.
    pub(crate) fn halted() -> Self {
        Self::later(
            Code::Unavailable,
            "POOL_HALTED",
            "the pool has stopped and takes nothing in until its operator acts",
            Duration::from_secs(30),
        )
    }

    /// The world broke in a way that is not the caller's business.
    pub(crate) fn fault(doing: &'static str, fault: &dyn std::error::Error) -> Self {
        tracing::error!(doing, %fault, "call failed");
        let message = format!("cannot {doing} now");
        Self::later(Code::Unavailable, "FAULT", message, Duration::from_secs(1))
    }

    /// With its field, if it names one, below this path.
    pub(crate) fn under(self, path: &str) -> Self {
        Self { field: self.field.map(|field| format!("{path}.{field}")), ..self }
    }

    #[cfg(test)]
    pub(crate) fn reason(&self) -> &'static str {
        self.reason
    }
}

// A refusal is counted where it becomes an answer, whichever way it came there.
impl From<Refusal> for Status {
    fn from(refusal: Refusal) -> Self {
        metrics::refused(refusal.reason);
        let mut details = ErrorDetails::with_error_info(
            refusal.reason,
            ERROR_DOMAIN,
            HashMap::<String, String>::new(),
        );
        if let Some(field) = refusal.field {
            details.add_bad_request_violation(field, refusal.message.clone());
        }
        if refusal.retry_after.is_some() {
            details.set_retry_info(refusal.retry_after);
        }
        Self::with_error_details(refusal.code, refusal.message, details)
    }
}

impl From<Refusal> for v1::BatchError {
    fn from(refusal: Refusal) -> Self {
        metrics::refused(refusal.reason);
        let retry_after_ms = refusal.retry_after.map_or(0, |wait| wait.as_millis().max(1));
        Self {
            code: refusal.code as i32,
            reason: refusal.reason.to_owned(),
            message: refusal.message,
            field: refusal.field.unwrap_or_default(),
            retry_after_ms: u64::try_from(retry_after_ms).unwrap_or(u64::MAX),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_carries_reason_field_and_delay() {
        let refusal = Refusal::field("orders[3].header.amount", "HEADER_INVALID", "must be 1");
        let status = Status::from(refusal);
        let details = status.get_error_details();
        assert_eq!(details.error_info().unwrap().reason, "HEADER_INVALID");
        assert_eq!(details.error_info().unwrap().domain, ERROR_DOMAIN);
        let violations = &details.bad_request().unwrap().field_violations;
        assert_eq!(violations[0].field, "orders[3].header.amount");
        assert!(details.retry_info().is_none());

        let details = Status::from(Refusal::draining()).get_error_details();
        assert_eq!(details.retry_info().unwrap().retry_delay, Some(Duration::from_secs(1)));
    }

    #[test]
    fn a_batch_error_says_the_same() {
        let error = v1::BatchError::from(Refusal::later(
            Code::ResourceExhausted,
            "LOG_BUSY",
            "the log's queue is full",
            Duration::from_micros(300),
        ));
        assert_eq!((error.code, error.reason.as_str()), (8, "LOG_BUSY"));
        assert_eq!(error.retry_after_ms, 1, "a delay never rounds down to none");
    }
}
