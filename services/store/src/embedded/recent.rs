//! The manifests of recent commits: what a commit wrote, so that opening can verify it.
//!
//! A commit that the engine may still have to replay from its journal has a row in the keyspace
//! `manifests`, written by the commit itself:
//!
//! ```text
//! key:    commit u64, from 1
//! value:  oldest manifest kept u64 | bytes written u64 | rows
//!         | checksum of all that (see `seal`)
//! row:    table u8, 254 = names | operation u8 (1 = put, 2 = delete) | key length u8 | key
//!         | checksum of the row u32 (0 for a delete)
//! ```

use std::collections::{HashSet, VecDeque};

use bytes::Bytes;
use fjall::{OwnedWriteBatch, Readable as _};

use super::engine::{Engine, JOURNAL_BYTES_MAX};
use super::space::{Changes, Space};
use crate::fault::Fault;
use crate::seal;

/// Manifests are kept until this much was written after them: more than the journals hold.
const KEPT_BYTES: u64 = 2 * JOURNAL_BYTES_MAX;

/// No commit writes that much: a larger number is damage, and sums of smaller ones stay in bounds.
const COMMIT_BYTES_MAX: u64 = 1 << 40;

const PUT: u8 = 1;
const DELETE: u8 = 2;

/// The commits whose manifests are kept.
pub(super) struct Recent {
    /// Bytes written by each, oldest first.
    bytes: VecDeque<u64>,
    bytes_sum: u64,
    last: u64,
}

impl Recent {
    /// Reads the manifests and verifies that every commit they tell of is there, whole.
    pub(super) fn verify(engine: &Engine, acknowledged: u64) -> Result<Self, Fault> {
        let mut recent = Self { bytes: VecDeque::new(), bytes_sum: 0, last: 0 };
        let last = match engine.manifests.last_key_value() {
            None => 0,
            Some(row) => number_of(&row.key().map_err(unreadable)?)?,
        };
        if last < acknowledged {
            return Err(missing(last + 1));
        }
        if last == 0 {
            return Ok(recent);
        }
        let newest = Manifest::read(engine, last)?;
        recent.last = last;
        // Keys whose row is not what an older commit wrote; a newer one must explain each.
        let mut changed = HashSet::new();
        for number in newest.oldest..=last {
            let manifest = Manifest::read(engine, number)?;
            manifest.verify(number, engine, &mut changed)?;
            recent.push(manifest.bytes);
        }
        match changed.iter().min() {
            None => Ok(recent),
            Some((space, key)) => Err(space.corrupt(key, "it is not what was committed")),
        }
    }

    /// The last commit in the store; 0 before the first.
    pub(super) fn last(&self) -> u64 {
        self.last
    }

    /// The engine's batch for some changes, with its number and its manifest.
    pub(super) fn prepare(&self, engine: &Engine, changes: Changes) -> (Prepared, OwnedWriteBatch) {
        let number = self.last + 1;
        let bytes = changes.bytes as u64;
        let dropped = self.droppable(bytes);
        let oldest = self.oldest() + dropped as u64;
        let rows = changes.rows.len();
        let mut batch = engine.batch(rows + dropped + 1);
        let mut manifest = Vec::with_capacity(16 + rows * 32);
        manifest.extend_from_slice(&oldest.to_be_bytes());
        manifest.extend_from_slice(&bytes.to_be_bytes());
        for (space, key, stored) in changes.rows {
            let checksum = stored.as_deref().and_then(seal::stored_checksum);
            let operation = if stored.is_some() { PUT } else { DELETE };
            note(&mut manifest, space, operation, &key, checksum.unwrap_or(0));
            match stored {
                Some(stored) => batch.insert(engine.space(space), key, stored),
                None => batch.remove(engine.space(space), key),
            }
        }
        let key = number.to_be_bytes();
        seal::close(seal::MANIFESTS, &key, &mut manifest);
        batch.insert(&engine.manifests, key, manifest);
        for old in self.oldest()..oldest {
            batch.remove(&engine.manifests, old.to_be_bytes());
        }
        (Prepared { number, bytes, dropped }, batch)
    }

    /// Takes note that a prepared commit was written.
    pub(super) fn written(&mut self, prepared: Prepared) {
        for _ in 0..prepared.dropped {
            self.bytes_sum -= self.bytes.pop_front().unwrap_or_default();
        }
        self.last = prepared.number;
        self.push(prepared.bytes);
    }

    fn push(&mut self, bytes: u64) {
        self.bytes.push_back(bytes);
        self.bytes_sum += bytes;
    }

    /// The oldest commit with a manifest.
    fn oldest(&self) -> u64 {
        self.last + 1 - self.bytes.len() as u64
    }

    /// How many manifests the journals no longer need once `bytes` more are written.
    fn droppable(&self, bytes: u64) -> usize {
        let mut kept = self.bytes_sum + bytes;
        let too_many = |written: &&u64| {
            kept -= **written;
            kept > KEPT_BYTES
        };
        self.bytes.iter().take_while(too_many).count()
    }
}

/// What becomes of [`Recent`] once a prepared commit is written.
#[derive(Clone, Copy)]
pub(super) struct Prepared {
    number: u64,
    bytes: u64,
    dropped: usize,
}

impl Prepared {
    /// The commit's number.
    pub(super) fn number(self) -> u64 {
        self.number
    }
}

struct Manifest {
    oldest: u64,
    bytes: u64,
    rows: Bytes,
}

impl Manifest {
    fn read(engine: &Engine, number: u64) -> Result<Self, Fault> {
        let key = number.to_be_bytes();
        let stored = engine.manifests.get(key).map_err(unreadable)?;
        let stored = stored.ok_or_else(|| missing(number))?;
        Self::parse(&key, stored.into()).ok_or_else(|| damaged(number))
    }

    fn parse(key: &[u8], stored: Bytes) -> Option<Self> {
        let mut value = seal::open_raw(seal::MANIFESTS, key, stored)?;
        let (head, _) = value.as_ref().as_chunks::<8>();
        let [oldest, bytes, ..] = head else { return None };
        let (oldest, bytes) = (u64::from_be_bytes(*oldest), u64::from_be_bytes(*bytes));
        let rows = value.split_off(16);
        (bytes <= COMMIT_BYTES_MAX).then_some(Self { oldest, bytes, rows })
    }

    /// Compares the rows of commit `number` with the tables. `changed` collects those that differ.
    fn verify(
        &self,
        number: u64,
        engine: &Engine,
        changed: &mut HashSet<(Space, Bytes)>,
    ) -> Result<(), Fault> {
        let snapshot = engine.snapshot();
        let mut rest = self.rows.clone();
        while let [table, operation, length, ..] = *rest {
            let space = Space::of_number(table);
            let length = usize::from(length);
            let (Some(space), true) = (space, rest.len() >= 3 + length + 4) else { break };
            let key = rest.slice(3..3 + length);
            let checksum = seal::stored_checksum(&rest[..3 + length + 4]);
            rest = rest.split_off(3 + length + 4);
            let stored = snapshot.get(engine.space(space), &key);
            let stored = stored.map_err(|error| space.read_fault(&key, error))?;
            let same = match stored {
                None => operation == DELETE,
                Some(stored) if seal::stored_checksum(&stored) != checksum => false,
                Some(stored) => {
                    space.open(&key, stored.into())?;
                    operation == PUT
                }
            };
            if same {
                changed.remove(&(space, key));
            } else {
                changed.insert((space, key));
            }
        }
        if rest.is_empty() { Ok(()) } else { Err(damaged(number)) }
    }
}

fn note(manifest: &mut Vec<u8>, space: Space, operation: u8, key: &[u8], checksum: u32) {
    manifest.extend_from_slice(&[space.number(), operation, key.len() as u8]);
    manifest.extend_from_slice(key);
    manifest.extend_from_slice(&checksum.to_be_bytes());
}

fn number_of(key: &[u8]) -> Result<u64, Fault> {
    let bytes = <[u8; 8]>::try_from(key);
    bytes.map(u64::from_be_bytes).map_err(|_| Fault::Damaged { why: "odd manifest".to_owned() })
}

fn missing(number: u64) -> Fault {
    Fault::Damaged { why: format!("commit {number} is missing") }
}

fn damaged(number: u64) -> Fault {
    Fault::Damaged { why: format!("manifest of commit {number} is damaged") }
}

#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
fn unreadable(error: fjall::Error) -> Fault {
    Fault::Damaged { why: format!("manifests: {error}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::embedded::Options;

    /// What opening says of two manifests, each with its bytes and rows, sealed as they are.
    fn opened(manifests: [(u64, &[u8]); 2]) -> String {
        let dir = tempfile::tempdir().expect("a directory");
        let options = Options { cache_bytes: 1 << 20, reserve_bytes: 1 << 20 };
        let engine = Engine::open(dir.path(), &options).expect("opens");
        let mut batch = engine.batch(2);
        for (number, (bytes, rows)) in (1_u64..).zip(manifests) {
            let mut value = [&1_u64.to_be_bytes()[..], &bytes.to_be_bytes(), rows].concat();
            seal::close(seal::MANIFESTS, &number.to_be_bytes(), &mut value);
            batch.insert(&engine.manifests, number.to_be_bytes(), value);
        }
        assert!(engine.commit(batch).is_ok());
        Recent::verify(&engine, 2).map_or_else(|fault| fault.to_string(), |_| "whole".to_owned())
    }

    #[test]
    fn a_manifest_that_cannot_be_is_named() {
        assert_eq!(opened([(7, &[]), (7, &[])]), "whole");
        let named = "manifest of commit 2 is damaged";
        for second in [(u64::MAX, &b""[..]), (7, &[0])] {
            let said = opened([(7, &[]), second]);
            assert!(said.contains(named), "{said}");
        }
    }
}
