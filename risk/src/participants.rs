//! Who takes part in a pool.

use ledger::Hash;
use ledger::merkle::leaf_hash;

use crate::codec::{self, DecodeError};
use crate::reject::LimitReject;

/// The most participants of a pool.
pub const PARTICIPANTS_MAX: usize = 1 << 20;

/// The most currencies of a pool.
pub const CURRENCIES_MAX: usize = 256;

/// A participant, numbered from 0 in the order of admission.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ParticipantId(pub u32);

impl ParticipantId {
    pub(crate) const fn index(self) -> usize {
        self.0 as usize
    }
}

/// A currency's place in the pool's list of currencies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CurrencyIndex(pub u16);

impl CurrencyIndex {
    pub(crate) const fn index(self) -> usize {
        self.0 as usize
    }
}

/// Whether a participant may pay and be paid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Status {
    /// It may.
    Active = 0,
    /// It defaulted or was excluded. What is final stands; nothing new by or to it settles.
    Suspended = 1,
}

const MAGIC: [u8; 4] = *b"CWPA";

/// The status of every participant.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Participants {
    statuses: Vec<Status>,
}

impl Participants {
    /// Nobody.
    pub fn new() -> Self {
        Self::default()
    }

    /// Admits the next participant, active.
    ///
    /// # Errors
    /// [`LimitReject::TooManyParticipants`].
    pub fn admit(&mut self) -> Result<ParticipantId, LimitReject> {
        if self.statuses.len() == PARTICIPANTS_MAX {
            return Err(LimitReject::TooManyParticipants);
        }
        self.statuses.push(Status::Active);
        Ok(ParticipantId(self.statuses.len() as u32 - 1))
    }

    /// How many were admitted; their numbers are below this.
    pub fn len(&self) -> usize {
        self.statuses.len()
    }

    /// Whether nobody was admitted.
    pub fn is_empty(&self) -> bool {
        self.statuses.is_empty()
    }

    /// The status of a participant.
    pub fn status(&self, id: ParticipantId) -> Option<Status> {
        self.statuses.get(id.index()).copied()
    }

    /// Suspends a participant, or lets it in again.
    ///
    /// # Errors
    /// [`LimitReject::ParticipantNotFound`].
    pub fn set_status(&mut self, id: ParticipantId, status: Status) -> Result<(), LimitReject> {
        let current = self.statuses.get_mut(id.index()).ok_or(LimitReject::ParticipantNotFound)?;
        *current = status;
        Ok(())
    }

    /// Whether both sides of a payment take part and are active.
    ///
    /// # Errors
    /// [`LimitReject::ParticipantNotFound`], [`LimitReject::DebtorSuspended`],
    /// [`LimitReject::CreditorSuspended`].
    pub fn allows(
        &self,
        debtor: ParticipantId,
        creditor: ParticipantId,
    ) -> Result<(), LimitReject> {
        let status = |id| self.status(id).ok_or(LimitReject::ParticipantNotFound);
        match (status(debtor)?, status(creditor)?) {
            (Status::Suspended, _) => Err(LimitReject::DebtorSuspended),
            (_, Status::Suspended) => Err(LimitReject::CreditorSuspended),
            (Status::Active, Status::Active) => Ok(()),
        }
    }

    /// The canonical bytes: magic `CWPA`, version u16, count u32, one byte of status each.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = codec::start(MAGIC);
        bytes.extend((self.statuses.len() as u32).to_be_bytes());
        bytes.extend(self.statuses.iter().map(|status| *status as u8));
        bytes
    }

    /// Reads canonical bytes.
    ///
    /// # Errors
    /// [`DecodeError`] for everything that [`Participants::encode`] does not write.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut cursor = codec::open(MAGIC, bytes)?;
        let mut statuses = Vec::new();
        for _ in 0..codec::count(&mut cursor, PARTICIPANTS_MAX)? {
            statuses.push(match cursor.u8()? {
                0 => Status::Active,
                1 => Status::Suspended,
                _ => return Err(DecodeError::OutOfRange),
            });
        }
        codec::finish(&cursor)?;
        Ok(Self { statuses })
    }

    /// The digest of the state: one byte a participant, so it is made anew each time.
    pub fn root(&self) -> Hash {
        leaf_hash(&self.encode())
    }
}
