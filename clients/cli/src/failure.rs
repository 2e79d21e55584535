//! What a command fails with: an exit code for scripts, a sentence for people, an object for
//! programs.

use std::fmt;
use std::process::ExitCode;

use serde_json::{Value, json};

use crate::commands::sentence;

/// How a command failed; the number is its exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Kind {
    /// The world broke, or what was asked for is not there.
    Fault = 1,
    /// The arguments or the input make no sense; nothing was sent.
    Usage = 2,
    /// A rule said no, for good.
    Rejected = 3,
    /// Not now: the same command again may succeed.
    Transient = 4,
    /// The caller may not do this.
    NotAuthorised = 5,
    /// Something that was checked does not hold.
    VerificationFailed = 6,
    /// Interrupted.
    Interrupted = 130,
}

/// A failed command.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) kind: Kind,
    /// `UPPER_SNAKE` reason, if there is one.
    pub(crate) reason: Option<String>,
    /// The field at fault, if one is known.
    pub(crate) field: Option<String>,
    /// The number under which the same request may be repeated.
    pub(crate) request_id: Option<String>,
    pub(crate) message: String,
}

impl Failure {
    pub(crate) fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self { kind, reason: None, field: None, request_id: None, message: message.into() }
    }

    pub(crate) fn fault(message: impl Into<String>) -> Self {
        Self::new(Kind::Fault, message)
    }

    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::new(Kind::Usage, message)
    }

    pub(crate) fn rejected(reason: &str, message: impl Into<String>) -> Self {
        let reason = Some(reason.to_owned());
        Self { reason, ..Self::new(Kind::Rejected, message) }
    }

    /// What was asked for is not there: no rule said no, and it may be there later.
    pub(crate) fn not_found(message: impl Into<String>) -> Self {
        Self { reason: Some("NOT_FOUND".to_owned()), ..Self::fault(message) }
    }

    /// The same failure, its message behind what it is about.
    pub(crate) fn about(mut self, subject: impl fmt::Display) -> Self {
        self.message = format!("{subject}: {}", self.message);
        self
    }

    pub(crate) fn exit_code(&self) -> ExitCode {
        ExitCode::from(self.kind as u8)
    }

    pub(crate) fn to_json(&self) -> Value {
        json!({
            "error": {
                "type": self.kind.name(),
                "exit_code": self.kind as u8,
                "reason": self.reason,
                "field": self.field,
                "request_id": self.request_id,
                "message": self.message,
            }
        })
    }
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Fault => "fault",
            Self::Usage => "usage",
            Self::Rejected => "rejected",
            Self::Transient => "transient",
            Self::NotAuthorised => "not_authorised",
            Self::VerificationFailed => "verification_failed",
            Self::Interrupted => "interrupted",
        }
    }
}

impl From<sdk::Error> for Failure {
    fn from(error: sdk::Error) -> Self {
        let kind = match &error {
            sdk::Error::Config { .. } | sdk::Error::Order(_) => Kind::Usage,
            sdk::Error::Unverified(_) | sdk::Error::Untrusted { .. } => Kind::VerificationFailed,
            error if error.is_unauthorised() => Kind::NotAuthorised,
            error if error.is_transient() => Kind::Transient,
            error if error.reason() == Some("NOT_FOUND") => Kind::Fault,
            error if error.is_rejected() => Kind::Rejected,
            _ => Kind::Fault,
        };
        Self {
            kind,
            reason: error.reason().map(str::to_owned),
            field: error.field().map(str::to_owned),
            request_id: None,
            message: match &error {
                sdk::Error::Rejected { reason, .. } => match sentence(*reason) {
                    Some(sentence) => format!("{error}: {sentence}"),
                    None => error.to_string(),
                },
                error => error.to_string(),
            },
        }
    }
}

/// What went wrong with a file.
pub(crate) fn at(path: &std::path::Path) -> impl Fn(std::io::Error) -> Failure {
    let path = path.display().to_string();
    move |error| Failure::fault(format!("{path}: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exit_codes_follow_what_can_be_done() {
        let rejected = |reason| sdk::Error::Rejected { reason, position: 1 };
        let cases = [
            (rejected(sdk::v1::RejectReason::CutOffPassed), Kind::Rejected),
            (rejected(sdk::v1::RejectReason::QueueFull), Kind::Transient),
            (rejected(sdk::v1::RejectReason::NotAuthorised), Kind::NotAuthorised),
            (sdk::Error::Unverified("receipt"), Kind::VerificationFailed),
            (sdk::Error::Malformed("receipt"), Kind::Fault),
        ];
        let failure = Failure::from(rejected(sdk::v1::RejectReason::DayOpen));
        let said = "rejected: DAY_OPEN: The day of this currency is open already.";
        assert_eq!(failure.message, said);
        for (error, kind) in cases {
            assert_eq!(Failure::from(error).kind, kind);
        }
    }
}
