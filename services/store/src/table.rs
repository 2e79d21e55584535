//! The tables, and how their keys are grouped.

use std::fmt;

/// The tables, all of them ordered by key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Table {
    /// Positions and other small facts about the store's content.
    Meta = 0,
    /// Sealed batches.
    Batches = 1,
    /// Movements by batch.
    Transfers = 2,
    /// Movements by account.
    Postings = 3,
    /// States of payments by log record.
    States = 4,
    /// What happened to payments, by participant.
    Feed = 5,
    /// The runs of the index of references.
    Uetrs = 6,
    /// Snapshots of a pool's state.
    Snapshots = 7,
    /// Pages of the index of identities, referred to by snapshots.
    SeenPages = 8,
    /// Matches of FX payments with quotes.
    Matches = 9,
    /// What runs of the index of references hold.
    UetrPages = 10,
    /// Where statements stand: about keys, policies, epochs and sealed orders.
    Statements = 11,
}

impl Table {
    /// All of them, in the order of their numbers.
    pub const ALL: [Self; 12] = [
        Self::Meta,
        Self::Batches,
        Self::Transfers,
        Self::Postings,
        Self::States,
        Self::Feed,
        Self::Uetrs,
        Self::Snapshots,
        Self::SeenPages,
        Self::Matches,
        Self::UetrPages,
        Self::Statements,
    ];

    /// The name, for messages and for implementations that need one.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Meta => "meta",
            Self::Batches => "batches",
            Self::Transfers => "transfers",
            Self::Postings => "postings",
            Self::States => "states",
            Self::Feed => "feed",
            Self::Uetrs => "uetrs",
            Self::Snapshots => "snapshots",
            Self::SeenPages => "seen_pages",
            Self::Matches => "matches",
            Self::UetrPages => "uetr_pages",
            Self::Statements => "statements",
        }
    }

    /// The group of a key: its first bytes. Scans and removals stay within the group of the key they
    /// begin at, so that an implementation may keep groups apart.
    #[must_use]
    pub fn group(self, key: &[u8]) -> &[u8] {
        let bytes = match self {
            // The kind of fact, batch or snapshot row, and that of matches by payment.
            Self::Meta | Self::Batches | Self::Snapshots => 1,
            Self::Matches if key.first() == Some(&0) => 1,
            // One kind of key only.
            Self::Transfers | Self::States | Self::Uetrs | Self::SeenPages => 0,
            // Its account or participant.
            Self::Postings | Self::Feed => 4,
            // Statements about one order.
            Self::Statements if key.first() == Some(&1) => 23,
            // Matches by provider; statements by whom they concern, and epochs by their sender.
            Self::Matches | Self::Statements => 5,
            // Kind of row and run.
            Self::UetrPages => 6,
        };
        &key[..bytes.min(key.len())]
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
