//! The names of commits: which were made, and of what rows.
//!
//! ```text
//! key:    stream u8 | number u64     value: the hash of its rows [32] | checksum (see `seal`)
//! key:    0 u8 | fact u8             value: the fact's value | checksum
//! ```
//!
//! A name stays for good. It is a few dozen bytes for each batch, or for a thousand orders.

use std::collections::HashMap;

use bytes::Bytes;
use fjall::Readable as _;

use super::engine::Engine;
use super::space::{Changes, Space};
use crate::commit::{Commit, CommitHash, Fact, Stream};
use crate::fault::Fault;

/// The last commits of the dense streams.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Heads([u64; Stream::ALL.len()]);

impl Heads {
    pub(super) fn read(engine: &Engine) -> Result<Self, Fault> {
        let mut heads = Self::default();
        for stream in Stream::ALL.into_iter().filter(|stream| stream.dense()) {
            let mut rows = engine.snapshot().range(
                engine.space(Space::Names),
                key(stream, 0).as_slice()..=key(stream, u64::MAX).as_slice(),
            );
            let Some(row) = rows.next_back() else { continue };
            let key = row.key().map_err(|error| Space::Names.read_fault(&[], error))?;
            let number = key.last_chunk().ok_or_else(|| odd(&key))?;
            *heads.of_mut(stream) = u64::from_be_bytes(*number);
        }
        Ok(heads)
    }

    pub(super) fn of(&self, stream: Stream) -> u64 {
        self.0[stream as usize - 1]
    }

    fn of_mut(&mut self, stream: Stream) -> &mut u64 {
        &mut self.0[stream as usize - 1]
    }
}

/// What some commits change, and the heads behind them. A commit that cannot be made ends them; its
/// fault comes with those before it.
pub(super) fn changes(
    engine: &Engine,
    commits: &[Commit],
    mut heads: Heads,
) -> (Changes, Heads, Result<(), Fault>) {
    let mut changes = Changes::default();
    let mut made = HashMap::new();
    for commit in commits {
        let Commit { stream, number, write } = commit;
        let hash = commit.hash();
        let known = match made.get(&(*stream, *number)) {
            Some(known) => Ok(Some(*known)),
            None => find(engine, *stream, *number),
        };
        let known = match known {
            Ok(known) => known,
            Err(fault) => return (changes, heads, Err(fault)),
        };
        if let Err(fault) = check(commit, hash, known, heads.of(*stream)) {
            return (changes, heads, Err(fault));
        }
        if known.is_some() && stream.dense() {
            continue;
        }
        for (table, key, stored) in write.to_stored() {
            changes.put(Space::Table(table), key, stored);
        }
        changes.close(Space::Names, &key(*stream, *number), &hash);
        made.insert((*stream, *number), hash);
        if stream.dense() {
            *heads.of_mut(*stream) = *number;
        }
    }
    (changes, heads, Ok(()))
}

fn check(
    commit: &Commit,
    ours: CommitHash,
    known: Option<CommitHash>,
    head: u64,
) -> Result<(), Fault> {
    let Commit { stream, number, .. } = *commit;
    match known {
        Some(theirs) if theirs != ours => Err(Fault::Differs { stream, number, ours, theirs }),
        None if stream.dense() && number != head + 1 => Err(Fault::Gap { stream, number, head }),
        _ => Ok(()),
    }
}

fn find(engine: &Engine, stream: Stream, number: u64) -> Result<Option<CommitHash>, Fault> {
    let key = key(stream, number);
    let hash = value(engine, &key)?.map(|value| (*value).try_into().map_err(|_| odd(&key)));
    hash.transpose()
}

/// The value of a fact.
pub(super) fn fact(engine: &Engine, fact: Fact) -> Result<Option<Bytes>, Fault> {
    value(engine, &fact_key(fact))
}

/// What makes a fact.
pub(super) fn decide(fact: Fact, value: &[u8]) -> Changes {
    let mut changes = Changes::default();
    changes.close(Space::Names, &fact_key(fact), value);
    changes
}

fn value(engine: &Engine, key: &[u8]) -> Result<Option<Bytes>, Fault> {
    let found = engine.snapshot().get(engine.space(Space::Names), key);
    let found = found.map_err(|error| Space::Names.read_fault(key, error))?;
    found.map(|stored| Space::Names.open(key, stored.into())).transpose()
}

fn key(stream: Stream, number: u64) -> [u8; 9] {
    let mut key = [stream as u8; 9];
    key[1..].copy_from_slice(&number.to_be_bytes());
    key
}

fn fact_key(fact: Fact) -> [u8; 2] {
    [0, fact as u8]
}

fn odd(key: &[u8]) -> Fault {
    Space::Names.corrupt(key, "it has an odd form")
}
