//! Which log a store was made from.
//!
//! Two logs may begin with the same genesis file: in another cluster by mistake, or in a topic that
//! was made anew. Their first records differ, in their time if in nothing else (unless the file
//! itself says the time). The hash of that record is a fact of the store, and a process that finds
//! another log than its store was made from ends, naming both.

use anyhow::{Context, Result, bail};
use bus::{Log, Position};
use channel::sha256;
use store::{Fact, Store};

/// Ensures that the store is this log's, whose first record is there; a new store is from now on.
///
/// # Errors
/// It was made from another log, or one of the two cannot be read.
pub(crate) fn ensure(log: &dyn Log, store: &dyn Store) -> Result<()> {
    let first = log.read(Position(0), 1).context("cannot read the genesis")?;
    let ours = sha256(first.first().context("the log is empty")?);
    let theirs = match store.decided(Fact::Origin).context("cannot read the store")? {
        Some(theirs) => theirs,
        None => store.decide(Fact::Origin, &ours).context("cannot write to the store")?,
    };
    if theirs[..] == ours {
        return Ok(());
    }
    bail!(
        "the store was made from another log: that one began with record {}, this one with {}; \
         name the log that it was made from (data_dir; of a cluster: log.brokers, \
         log.topic_prefix), or an empty store (data_dir, store.keyspace)",
        hex(&theirs),
        hex(&ours)
    )
}

/// Ensures that no log has filled the store yet: with one that has, an empty log is the wrong one.
///
/// # Errors
/// One has, or the store cannot be read.
pub(crate) fn ensure_none(store: &dyn Store) -> Result<()> {
    match store.decided(Fact::Origin).context("cannot read the store")? {
        None => Ok(()),
        Some(theirs) => bail!(
            "the log is empty, and the store was made from one that began with record {}: name that \
             log (data_dir; of a cluster: log.brokers, log.topic_prefix), or an empty store \
             (data_dir, store.keyspace)",
            hex(&theirs)
        ),
    }
}

/// The first bytes of a hash, enough to tell it from others.
fn hex(hash: &[u8]) -> String {
    hash.iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use bus::embedded::EmbeddedLog;
    use bytes::Bytes;
    use store::embedded::EmbeddedStore;

    use super::*;

    fn log(dir: &Path, first: &'static [u8]) -> EmbeddedLog {
        let log = EmbeddedLog::open(dir, 1, bus::embedded::Options::default()).unwrap();
        log.append(Bytes::from_static(first)).unwrap().wait().unwrap();
        log
    }

    #[test]
    fn a_store_is_of_one_log() {
        let dir = tempfile::tempdir().unwrap();
        let [one, other] = [("one", b"begun at 1"), ("other", b"begun at 2")]
            .map(|(name, first)| log(&dir.path().join(name), first));
        let options = store::embedded::Options { cache_bytes: 1 << 20, reserve_bytes: 1 << 20 };
        let store = EmbeddedStore::open(dir.path().join("store"), options).unwrap();
        ensure(&one, &store).unwrap();
        ensure(&one, &store).unwrap();
        let refused = ensure(&other, &store).unwrap_err().to_string();
        assert!(refused.starts_with("the store was made from another log"), "{refused}");
        for first in [&b"begun at 1"[..], b"begun at 2"] {
            assert!(refused.contains(&hex(&sha256(first))), "{refused}");
        }
    }
}
