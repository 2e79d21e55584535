//! The commands that were answered: the same command again gets the same answer.
//!
//! An answer is kept for as long as the command could still be given: it is stale 15 minutes after
//! it was issued, and it was issued at most 5 minutes ahead. The digest is a chain, as of the index
//! of identities.

use std::collections::{BTreeMap, VecDeque};

use channel::{DecodeError, Reader, RequestId, Writer};
use ledger::Hash;
use sha2::{Digest, Sha256};

use crate::command::DEFERRED_MAX;
use crate::reject::Reject;
use crate::state::bounded;

/// A command is stale this long after it was issued, ms.
pub(crate) const STALE_AFTER_MS: u64 = 15 * 60 * 1000;
/// A command may claim to be issued this far ahead of the pool's time, ms.
pub(crate) const ISSUED_AHEAD_MS: u64 = 5 * 60 * 1000;
/// Answers remembered at once, at most.
pub const REQUESTS_MAX: usize = 1 << 20;

/// One answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) request: RequestId,
    /// SHA-256 of the command's bytes.
    pub(crate) digest: Hash,
    pub(crate) reject: Option<Reject>,
    pub(crate) answered_at_ms: u64,
}

impl Answer {
    pub(crate) const BYTES: usize = 58;

    pub(crate) fn to_bytes(self) -> [u8; Self::BYTES] {
        let mut bytes = [0; Self::BYTES];
        bytes[..16].copy_from_slice(&self.request.0);
        bytes[16..48].copy_from_slice(&self.digest);
        let number = self.reject.map_or(0, Reject::number);
        bytes[48..50].copy_from_slice(&number.to_be_bytes());
        bytes[50..].copy_from_slice(&self.answered_at_ms.to_be_bytes());
        bytes
    }
}

/// All answers that are remembered.
#[derive(Debug, Default)]
pub(crate) struct Requests {
    /// In the order in which they were given.
    answers: VecDeque<Answer>,
    /// The number of the latest answer to each request.
    by_id: BTreeMap<RequestId, u64>,
    /// The number of the first answer kept, and the chain before it.
    first: u64,
    base: Hash,
    tip: Hash,
}

impl Requests {
    pub(crate) fn find(&self, request: &RequestId) -> Option<&Answer> {
        let number = self.by_id.get(request)?;
        self.answers.get((number - self.first) as usize)
    }

    pub(crate) fn len(&self) -> usize {
        self.answers.len()
    }

    /// Notes an answer; a later one to the same request takes the place of the earlier.
    pub(crate) fn insert(&mut self, answer: Answer) {
        self.by_id.insert(answer.request, self.first + self.answers.len() as u64);
        self.tip = link(&self.tip, &answer);
        self.answers.push_back(answer);
    }

    /// Forgets what can no longer be asked again.
    pub(crate) fn sweep(&mut self, now_ms: u64) {
        let kept_ms = STALE_AFTER_MS + ISSUED_AHEAD_MS;
        while let Some(answer) = self.answers.front().copied() {
            if answer.answered_at_ms + kept_ms >= now_ms {
                return;
            }
            if self.by_id.get(&answer.request) == Some(&self.first) {
                self.by_id.remove(&answer.request);
            }
            self.base = link(&self.base, &answer);
            self.answers.pop_front();
            self.first += 1;
        }
    }

    /// The chain before the first answer kept, then the answers.
    pub(crate) fn write(&self, writer: &mut Writer) {
        writer.u64(self.first).raw(&self.base).u32(self.answers.len() as u32);
        self.answers.iter().for_each(|answer| _ = writer.raw(&answer.to_bytes()));
    }

    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let first = reader.u64("first answer")?;
        let base = reader.array("answers before")?;
        let mut requests = Self { first, base, tip: base, ..Self::default() };
        for _ in 0..bounded(reader.u32("answers")?, REQUESTS_MAX + DEFERRED_MAX, "answers")? {
            let request = RequestId(reader.array("request")?);
            let digest = reader.array("command digest")?;
            let reject = match reader.u16("answer")? {
                0 => None,
                number => Some(
                    Reject::from_number(number)
                        .ok_or(DecodeError::Unknown { field: "answer", value: number.into() })?,
                ),
            };
            let answered_at_ms = reader.u64("answered_at")?;
            requests.insert(Answer { request, digest, reject, answered_at_ms });
        }
        Ok(requests)
    }

    pub(crate) fn root(&self) -> Hash {
        self.root_of(&self.tip)
    }

    pub(crate) fn recompute_root(&self) -> Hash {
        self.root_of(&self.answers.iter().fold(self.base, |tip, answer| link(&tip, answer)))
    }

    fn root_of(&self, tip: &Hash) -> Hash {
        let mut hasher = Sha256::new_with_prefix(b"causeway/1 requests");
        hasher.update(self.first.to_be_bytes());
        hasher.update((self.answers.len() as u64).to_be_bytes());
        hasher.update(tip);
        hasher.finalize().into()
    }
}

fn link(tip: &Hash, answer: &Answer) -> Hash {
    Sha256::new().chain_update(tip).chain_update(answer.to_bytes()).finalize().into()
}
