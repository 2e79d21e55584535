//! The directory: which partitions a group of keys has.
//!
//! Level 0 lists the buckets of a span, level 1 the spans of a group. An entry that leads to an
//! empty partition does no harm; one is there before any row of its partition can be seen.
//!
//! Groups that share partitions share those of the directory: where a batch touches many of them
//! for the first time, their entries are written together.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use super::core::{Core, Next};
use super::parts::{BUCKET_BYTES, Group, buckets_of, span_of};
use crate::fault::Fault;
use crate::table::Table;

/// Entries that this process has listed, at most, before it forgets and lists them again.
const LISTED_MAX: usize = 65_536;
const BUCKETS: i8 = 0;
const SPANS: i8 = 1;

/// Entries in one statement.
const AT_ONCE: usize = 256;

/// A partition of the directory: table, level, and what of it.
type Shelf = (Table, i8, Vec<u8>);

/// Entries that are not known to be listed, by partition.
pub(super) type Unlisted = BTreeMap<Shelf, BTreeSet<Vec<u8>>>;

/// Entries that this process knows to be listed: table, level, entry.
#[derive(Default)]
pub(super) struct Listed(HashSet<(Table, i8, Vec<u8>)>);

impl Listed {
    /// Adds what leads to a key, if it is not known to be listed.
    pub(super) fn note(&self, table: Table, key: &[u8], unlisted: &mut Unlisted) {
        let group = Group::of(table, key);
        let bucket = group.bucket(key);
        let of_bucket = (table, BUCKETS, group.entry(bucket));
        if self.0.contains(&of_bucket) {
            return;
        }
        let span = span_of(bucket);
        let shelf = (table, BUCKETS, group.part(span));
        unlisted.entry(shelf).or_default().insert(of_bucket.2);
        let of_span = (table, SPANS, group.entry(span));
        if !self.0.contains(&of_span) {
            let shelf = (table, SPANS, group.shared());
            unlisted.entry(shelf).or_default().insert(of_span.2);
        }
    }

    /// Takes note of entries that were listed.
    pub(super) fn add(&mut self, listed: Unlisted) {
        for ((table, level, _), entries) in listed {
            if self.0.len() + entries.len() > LISTED_MAX {
                self.0.clear();
            }
            self.0.extend(entries.into_iter().map(|entry| (table, level, entry)));
        }
    }

    fn forget(&mut self, table: Table) {
        self.0.retain(|(listed, ..)| *listed != table);
    }
}

/// An interval, both ends in it.
type Between = (u128, u128);

impl Core {
    /// Writes entries of one partition.
    pub(super) async fn list(
        &self,
        (table, level, shelf): &Shelf,
        entries: &BTreeSet<Vec<u8>>,
    ) -> Result<(), Fault> {
        let value = |entry| (self.pool, *table as i8, *level, shelf, entry);
        let values: Vec<_> = entries.iter().map(value).collect();
        for some in values.chunks(AT_ONCE) {
            self.write_all("write to", &self.statements.list, some).await?;
        }
        Ok(())
    }

    /// The buckets of a group that are listed, ascending.
    pub(super) async fn buckets(
        &self,
        group: Group<'_>,
        (first, last): Between,
    ) -> Result<Vec<u128>, Fault> {
        let between = (span_of(first), span_of(last));
        let spans = if between.0 == between.1 {
            vec![between.0]
        } else {
            self.entries((group, SPANS), group.shared(), between, usize::MAX).await?
        };
        let mut found = Vec::new();
        for span in spans {
            let (begin, end) = buckets_of(span);
            let between = (begin.max(first), end.min(last));
            let shelf = group.part(span);
            found.extend(self.entries((group, BUCKETS), shelf, between, usize::MAX).await?);
        }
        Ok(found)
    }

    async fn entries(
        &self,
        (group, level): (Group<'_>, i8),
        shelf: Vec<u8>,
        (first, last): Between,
        limit: usize,
    ) -> Result<Vec<u128>, Fault> {
        // The first few of a limited number are wanted from the end.
        let listed = match limit {
            usize::MAX => &self.statements.listed,
            _ => &self.statements.listed_back,
        };
        let (first, last) = (group.entry(first), group.entry(last));
        let values = (self.pool, group.table as i8, level, shelf, first, last);
        let mut found = Vec::new();
        self.rows(listed, values, |(entry,): (Vec<u8>,)| {
            found.push(number_of(&entry)?);
            Ok(if found.len() < limit { Next::More } else { Next::Enough })
        })
        .await?;
        Ok(found)
    }

    /// The last listed bucket of an interval.
    pub(super) async fn last_bucket(
        &self,
        group: Group<'_>,
        (first, last): Between,
    ) -> Result<Option<u128>, Fault> {
        let mut spans = (span_of(first), span_of(last));
        loop {
            let span = self.entries((group, SPANS), group.shared(), spans, 1).await?;
            let Some(&span) = span.first() else { return Ok(None) };
            let (begin, end) = buckets_of(span);
            let between = (begin.max(first), end.min(last));
            let bucket = self.entries((group, BUCKETS), group.part(span), between, 1).await?;
            if let Some(bucket) = bucket.first() {
                return Ok(Some(*bucket));
            }
            if span <= spans.0 {
                return Ok(None);
            }
            spans.1 = span - 1;
        }
    }

    /// Takes the buckets between two others off the directory.
    pub(super) async fn unlist(
        &self,
        group: Group<'_>,
        (after, before): Between,
    ) -> Result<(), Fault> {
        self.listed().forget(group.table);
        let (first, last) = (span_of(after), span_of(before));
        let mut spans = vec![first];
        if first != last {
            let shelf = group.shared();
            let inner = self.entries((group, SPANS), shelf.clone(), (first, last), usize::MAX);
            spans = inner.await?;
            self.unlist_in(group, (SPANS, shelf), (first, last)).await?;
        }
        for span in spans {
            self.unlist_in(group, (BUCKETS, group.part(span)), (after, before)).await?;
        }
        Ok(())
    }

    async fn unlist_in(
        &self,
        group: Group<'_>,
        (level, shelf): (i8, Vec<u8>),
        (after, before): Between,
    ) -> Result<(), Fault> {
        let (after, before) = (group.entry(after), group.entry(before));
        let values = (self.pool, group.table as i8, level, shelf, after, before);
        self.write(&self.statements.unlist, &values).await
    }
}

fn number_of(entry: &[u8]) -> Result<u128, Fault> {
    let number = entry.last_chunk::<BUCKET_BYTES>();
    let why = || Fault::Damaged { why: "an entry of the directory has an odd length".to_owned() };
    number.map(|bytes| u128::from_be_bytes(*bytes)).ok_or_else(why)
}
