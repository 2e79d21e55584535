//! What can go wrong, told apart by what the caller can do about it.

use std::time::Duration;

use channel::{HeaderError, TrustError};
use proto::v1::RejectReason;
use thiserror::Error as ThisError;
use tonic::{Code, Status};
use tonic_types::StatusExt;

/// What went wrong with a call.
#[derive(Debug, ThisError)]
#[non_exhaustive]
pub enum Error {
    /// The profile, a key or an argument is not usable: nothing was sent.
    #[error("{field}: {problem}")]
    Config {
        /// Which setting.
        field: String,
        /// What is wrong with it.
        problem: String,
    },
    /// The order is not well-formed: nothing was sent.
    #[error("{0}")]
    Order(#[from] HeaderError),
    /// The node refused the call; nothing was logged.
    #[error(transparent)]
    Refused(Box<Refusal>),
    /// The core rejected a command; the rejection is on record.
    #[error("rejected: {}", reason_name(*reason))]
    Rejected {
        /// Why.
        reason: RejectReason,
        /// The position of the command in the log.
        position: u64,
    },
    /// No answer in time. The call may have taken effect: send the same bytes again.
    #[error(transparent)]
    Unavailable(Box<Unavailable>),
    /// An answer's signature does not hold, or it answers something that was not asked. Nothing in
    /// it may be believed.
    #[error("answer does not verify: {0}")]
    Unverified(&'static str),
    /// A statement about keys or policies that this client does not believe: nothing may be sealed
    /// by it.
    #[error("{what}: {error}")]
    Untrusted {
        /// What is not believed.
        what: &'static str,
        /// Why.
        error: TrustError,
    },
    /// The node has not served what must stand in its log: it lags, or keeps it back. Nothing may be
    /// concluded from that about anybody else.
    #[error("the node has not served {0}")]
    NotServed(&'static str),
    /// The node answered what this client does not understand.
    #[error("answer is malformed: {0}")]
    Malformed(&'static str),
}

/// A call that the node refused.
#[derive(Debug, Clone, PartialEq, Eq, ThisError)]
#[error("{message}{}{}", clause(" (", &self.reason, ")"), clause(", field ", &self.field, ""))]
pub struct Refusal {
    /// The canonical code.
    pub code: Code,
    /// `UPPER_SNAKE` reason, such as `SIGNATURE_INVALID`; empty if the node gave none.
    pub reason: String,
    /// Path of the first field at fault; empty if none.
    pub field: String,
    /// For a person.
    pub message: String,
    /// How long to wait before the same call may succeed, if the node said so.
    pub retry_after: Option<Duration>,
}

/// A node that did not answer.
#[derive(Debug, Clone, PartialEq, Eq, ThisError)]
#[error("no answer from {address} after {attempts} attempts: {last_error}")]
pub struct Unavailable {
    /// Where it was looked for.
    pub address: String,
    /// How often.
    pub attempts: u32,
    /// What happened the last time.
    pub last_error: String,
}

fn clause(before: &str, text: &str, after: &str) -> String {
    if text.is_empty() { String::new() } else { format!("{before}{text}{after}") }
}

/// The name of a reason as documentation and errors spell it: `CUT_OFF_PASSED`.
#[must_use]
pub fn reason_name(reason: RejectReason) -> &'static str {
    reason.as_str_name().trim_start_matches("REJECT_REASON_")
}

/// Whether the core's rejection leaves no trace: the same bytes may be taken later, or the order is
/// sealed anew under its reference (`docs/reference/rejects.md`).
#[must_use]
pub fn reason_is_transient(reason: RejectReason) -> bool {
    use RejectReason::{
        ClockJump, EpochOver, EpochUnknown, HeldFull, IndexFull, KeyNotValid, PolicyUncovered,
        PolicyVersion, QueueFull, SealingRequired, SequenceUsed, SlotsMismatch, SuiteMismatch,
        VelocityExceeded,
    };
    matches!(
        reason,
        ClockJump
            | EpochOver
            | EpochUnknown
            | HeldFull
            | IndexFull
            | KeyNotValid
            | PolicyUncovered
            | PolicyVersion
            | QueueFull
            | SealingRequired
            | SequenceUsed
            | SlotsMismatch
            | SuiteMismatch
            | VelocityExceeded
    )
}

impl Error {
    pub(crate) fn config(field: impl Into<String>, problem: impl ToString) -> Self {
        Self::Config { field: field.into(), problem: problem.to_string() }
    }

    /// Whether the same call with the same bytes may succeed later.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Unavailable(_) | Self::NotServed(_) => true,
            Self::Refused(refusal) => refusal.is_transient(),
            Self::Rejected { reason, .. } => reason_is_transient(*reason),
            _ => false,
        }
    }

    /// Whether a rule said no for good: do not repeat the call, mend it.
    #[must_use]
    pub fn is_rejected(&self) -> bool {
        match self {
            Self::Rejected { reason, .. } => !reason_is_transient(*reason),
            Self::Refused(refusal) => matches!(
                refusal.code,
                Code::InvalidArgument
                    | Code::AlreadyExists
                    | Code::FailedPrecondition
                    | Code::OutOfRange
                    | Code::NotFound
            ),
            _ => false,
        }
    }

    /// Whether the caller is not known, or may not do this.
    #[must_use]
    pub fn is_unauthorised(&self) -> bool {
        match self {
            Self::Rejected { reason, .. } => *reason == RejectReason::NotAuthorised,
            Self::Refused(refusal) => {
                matches!(refusal.code, Code::PermissionDenied | Code::Unauthenticated)
            }
            _ => false,
        }
    }

    /// The `UPPER_SNAKE` reason, if there is one.
    #[must_use]
    pub fn reason(&self) -> Option<&str> {
        match self {
            Self::Rejected { reason, .. } => Some(reason_name(*reason)),
            Self::Refused(refusal) => Some(refusal.reason.as_str()).filter(|text| !text.is_empty()),
            _ => None,
        }
    }

    /// The path of the field at fault, if one is known.
    #[must_use]
    pub fn field(&self) -> Option<&str> {
        match self {
            Self::Config { field, .. } => Some(field),
            Self::Refused(refusal) => Some(refusal.field.as_str()).filter(|text| !text.is_empty()),
            _ => None,
        }
    }

    /// How long to wait before the same call may succeed, if the node said so.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Refused(refusal) => refusal.retry_after,
            _ => None,
        }
    }
}

impl Refusal {
    /// Reads the details of a status.
    pub(crate) fn from_status(status: &Status) -> Self {
        let details = status.get_error_details();
        let violation = details.bad_request().and_then(|bad| bad.field_violations.first());
        Self {
            code: status.code(),
            reason: details.error_info().map_or_else(String::new, |info| info.reason.clone()),
            field: violation.map_or_else(String::new, |violation| violation.field.clone()),
            message: status.message().to_owned(),
            retry_after: details.retry_info().and_then(|info| info.retry_delay),
        }
    }

    /// Whether the same call may succeed later.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self.code {
            Code::Unavailable | Code::Aborted | Code::DeadlineExceeded => true,
            Code::ResourceExhausted => self.retry_after.is_some(),
            _ => false,
        }
    }
}

/// Whether the status was made on this side of the wire: the connection failed, the node said
/// nothing.
pub(crate) fn is_local(status: &Status) -> bool {
    std::error::Error::source(status).is_some()
}

/// The causes of a status, in one line.
pub(crate) fn describe(status: &Status) -> String {
    let mut text = status.message().to_owned();
    let mut source = std::error::Error::source(status);
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        source = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use tonic_types::ErrorDetails;

    use super::*;

    fn status(code: Code, details: ErrorDetails) -> Error {
        let status = Status::with_error_details(code, "no", details);
        Error::Refused(Box::new(Refusal::from_status(&status)))
    }

    #[test]
    fn details_of_a_status_are_kept() {
        let mut details = ErrorDetails::new();
        details.set_error_info("SIGNATURE_INVALID", "causeway", HashMap::<String, String>::new());
        details.add_bad_request_violation("orders[3].header.amount", "must be positive");
        let error = status(Code::InvalidArgument, details);
        assert_eq!(error.reason(), Some("SIGNATURE_INVALID"));
        assert_eq!(error.field(), Some("orders[3].header.amount"));
        assert!(error.is_rejected() && !error.is_transient());
        assert_eq!(error.to_string(), "no (SIGNATURE_INVALID), field orders[3].header.amount");
    }

    #[test]
    fn exhaustion_is_transient_only_with_a_delay() {
        let error = status(Code::ResourceExhausted, ErrorDetails::new());
        assert!(!error.is_transient());
        let mut details = ErrorDetails::new();
        details.set_retry_info(Some(Duration::from_millis(250)));
        let error = status(Code::ResourceExhausted, details);
        assert!(error.is_transient());
        assert_eq!(error.retry_after(), Some(Duration::from_millis(250)));
    }

    #[test]
    fn what_is_transient_is_what_the_reference_says() {
        let page = include_str!("../../../docs/reference/rejects.md");
        let sections: Vec<&str> = page.split("\n## ").skip(1).collect();
        for section in &sections {
            let (number, name) = section.lines().next().unwrap().split_once(' ').unwrap();
            let reason = RejectReason::try_from(number.parse::<i32>().unwrap()).unwrap();
            assert_eq!(reason_name(reason), name);
            assert_eq!(reason_is_transient(reason), section.contains(" Transient."), "{name}");
        }
        let beyond = i32::try_from(sections.len()).unwrap() + 1;
        assert!(RejectReason::try_from(beyond).is_err(), "a reason that has no section");
    }

    #[test]
    fn rejections_have_names() {
        let error = Error::Rejected { reason: RejectReason::CutOffPassed, position: 7 };
        assert_eq!(error.reason(), Some("CUT_OFF_PASSED"));
        assert!(error.is_rejected());
        let error = Error::Rejected { reason: RejectReason::QueueFull, position: 7 };
        assert!(error.is_transient() && !error.is_rejected());
    }
}
