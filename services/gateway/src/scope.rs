//! Whose books a caller reads: a bank its own, operators and settlement agents all of them.

use channel::ParticipantId;
use settler::{AccountView, PoolView};

use crate::errors::Refusal;
use crate::identity::Caller;

/// The participants a request is about, as far as its caller may see them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scope {
    /// Everybody, the mirror accounts included.
    All,
    /// One participant.
    One(ParticipantId),
}

impl Scope {
    /// The scope of a request that names a participant, or nobody (empty).
    ///
    /// For a bank another bank's name and a name that nobody has are the same.
    pub(crate) fn of(caller: &Caller, view: &PoolView, name: &str) -> Result<Self, Refusal> {
        if name.is_empty() {
            return Ok(if caller.sees_all() { Self::All } else { Self::One(caller.id) });
        }
        let found = view.directory.named(name).map(|member| member.participant.id);
        match found {
            Some(id) if caller.sees_all() || id == caller.id => Ok(Self::One(id)),
            _ => Err(Refusal::not_found("no such participant")),
        }
    }

    /// Whether it covers this participant; nobody (`None`) owns the mirror accounts.
    pub(crate) fn covers(self, participant: Option<ParticipantId>) -> bool {
        match self {
            Self::All => true,
            Self::One(id) => participant == Some(id),
        }
    }

    /// The accounts it covers, by number.
    pub(crate) fn accounts(self, view: &PoolView) -> impl Iterator<Item = &AccountView> {
        let accounts = view.directory.accounts().iter();
        accounts.filter(move |account| self.covers(account.info.participant))
    }
}
