//! What can go wrong, apart from bugs.

use std::sync::Arc;

use clearing::RecordError;
use store::Table;

/// The world broke, or the log and the store do not belong together.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Fault {
    /// The store failed.
    #[error("store: {0}")]
    Store(#[from] store::Fault),
    /// The log failed.
    #[error("log: {0}")]
    Log(#[from] bus::Fault),
    /// A record of the log cannot be read.
    #[error("record {position} of the log: {source}")]
    Record {
        /// Its position.
        position: u64,
        /// What is wrong with it.
        source: RecordError,
    },
    /// The store holds another batch under this number than the core now says: one of the two was
    /// not made from this log. Nothing is written any more.
    #[error("batch {number} diverges from the one stored: {why}")]
    Divergence {
        /// The batch's number.
        number: u64,
        /// In what they differ.
        why: &'static str,
    },
    /// An outcome was left out.
    #[error("outcome of position {found} where {expected} was expected")]
    Gap {
        /// The next position.
        expected: u64,
        /// The position handed in.
        found: u64,
    },
    /// A row has another form than this build writes.
    #[error("row in table {table} is malformed: {why}")]
    Malformed {
        /// The table.
        table: Table,
        /// What is wrong with it.
        why: &'static str,
    },
    /// The store's rows have a format that this build does not know.
    #[error("row format {found} is unknown to this build")]
    Unsupported {
        /// The format's number.
        found: u32,
    },
    /// The store belongs to another pool.
    #[error("store of pool {found}, expected pool {expected}")]
    Foreign {
        /// The pool asked for.
        expected: u32,
        /// The pool found.
        found: u32,
    },
    /// The operating system gave no thread or no random number.
    #[error("cannot {doing}: {why}")]
    System {
        /// What was being done.
        doing: &'static str,
        /// Why it failed.
        why: Arc<str>,
    },
    /// The projector halted earlier; reading goes on.
    #[error("projector has halted: {why}")]
    Halted {
        /// The fault that halted it.
        why: Arc<str>,
    },
}

impl Fault {
    /// Whether the same call may succeed later without anybody's doing.
    #[must_use]
    pub const fn retryable(&self) -> bool {
        match self {
            Self::Store(fault) => fault.retryable(),
            Self::Log(fault) => fault.retryable(),
            _ => false,
        }
    }

    pub(crate) fn malformed(table: Table, why: &'static str) -> Self {
        Self::Malformed { table, why }
    }

    pub(crate) fn system(doing: &'static str, error: &impl ToString) -> Self {
        Self::System { doing, why: error.to_string().into() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A follower reads records, too: brokers that are away do not halt it for good.
    #[test]
    fn servers_that_do_not_answer_are_asked_again() {
        let away = bus::Fault::Unanswered { why: "no broker".to_owned() };
        assert!(Fault::from(away).retryable());
        assert!(Fault::from(store::Fault::NoSpace).retryable());
        assert!(!Fault::from(bus::Fault::Halted).retryable());
    }
}
