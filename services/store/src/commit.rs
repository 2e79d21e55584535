//! Commits and their names.

use std::fmt;

use sha2::{Digest, Sha256};

use crate::write::Write;

/// The most bytes of a fact's value.
pub const FACT_BYTES_MAX: usize = 64;

/// A commit's hash: SHA-256 over its rows.
pub type CommitHash = [u8; 32];

/// What commits are numbered by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Stream {
    /// Sealed batches, by their numbers. Dense.
    Batches = 1,
    /// Steps in the making of the index of references. Dense.
    Uetrs = 2,
    /// Parts of snapshots, by position and part.
    Snapshots = 3,
    /// Pages of the index of identities, by their numbers.
    SeenPages = 4,
}

impl Stream {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Batches, Self::Uetrs, Self::Snapshots, Self::SeenPages];

    /// Whether commits are numbered from 1 without a gap. A commit of a dense stream is there for
    /// good; one of another stream is written again when it is repeated, which mends what was
    /// damaged or removed.
    #[must_use]
    pub const fn dense(self) -> bool {
        matches!(self, Self::Batches | Self::Uetrs)
    }

    /// The name, for messages.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Batches => "batches",
            Self::Uetrs => "uetrs",
            Self::Snapshots => "snapshots",
            Self::SeenPages => "seen_pages",
        }
    }
}

impl fmt::Display for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Rows that become visible together, under a name that is a function of the log: whoever makes a
/// commit of this name makes it of the same rows. A key is put by one commit only, ever.
#[derive(Clone, Debug)]
pub struct Commit {
    /// What numbers it.
    pub stream: Stream,
    /// Its number there.
    pub number: u64,
    /// Its rows.
    pub write: Write,
}

impl Commit {
    /// A commit.
    #[must_use]
    pub const fn new(stream: Stream, number: u64, write: Write) -> Self {
        Self { stream, number, write }
    }

    /// The hash of its rows, in the order of table and key, whatever order they were put in:
    /// each as table u8, length of the key u8, length of the value with its checksum u32, key,
    /// value, checksum.
    #[must_use]
    pub fn hash(&self) -> CommitHash {
        let mut hasher = Sha256::new();
        for (table, key, stored) in self.write.sorted() {
            let [a, b, c, d] = (stored.len() as u32).to_be_bytes();
            hasher.update([table as u8, key.len() as u8, a, b, c, d]);
            hasher.update(key);
            hasher.update(stored);
        }
        hasher.finalize().into()
    }
}

/// Something that is decided once for a pool's store, by whoever comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Fact {
    /// Whose rows these are, and in which format.
    Format = 1,
    /// The secret under which references are hashed.
    UetrSeed = 2,
    /// Which log the rows were made from.
    Origin = 3,
}

impl Fact {
    /// The name, for messages.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Format => "format",
            Self::UetrSeed => "uetr-seed",
            Self::Origin => "origin",
        }
    }
}
