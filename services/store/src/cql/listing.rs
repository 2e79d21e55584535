//! The directory: which partitions a group of keys has.
//!
//! Level 0 lists the buckets of a span, level 1 the spans of a group. An entry that leads to an
//! empty partition does no harm; one is there before any row of its partition can be seen.

use std::collections::HashSet;

use bytes::Bytes;

use super::core::{Core, Next};
use super::parts::{BUCKET_BYTES, Group, buckets_of, span_of};
use crate::fault::Fault;
use crate::table::Table;

/// Entries that this process has listed, at most, before it forgets and lists them again.
const LISTED_MAX: usize = 65_536;
const BUCKETS: i8 = 0;
const SPANS: i8 = 1;

/// A bucket or a span as the directory calls it.
type Entry = (Table, i8, Vec<u8>);

/// Entries that this process knows to be listed.
#[derive(Default)]
pub(super) struct Listed(HashSet<Entry>);

impl Listed {
    /// Whether the bucket of a key is listed.
    pub(super) fn holds(&self, table: Table, key: &[u8]) -> bool {
        let group = Group::of(table, key);
        self.0.contains(&(table, BUCKETS, group.entry(group.bucket(key))))
    }

    fn add(&mut self, entry: Entry) {
        if self.0.len() >= LISTED_MAX {
            self.0.clear();
        }
        self.0.insert(entry);
    }

    fn forget(&mut self, table: Table) {
        self.0.retain(|(listed, ..)| *listed != table);
    }
}

/// An interval, both ends in it.
type Between = (u128, u128);

impl Core {
    /// Lists the bucket of a key.
    pub(super) async fn list(&self, table: Table, key: Bytes) -> Result<(), Fault> {
        let group = Group::of(table, &key);
        let bucket = group.bucket(&key);
        let span = span_of(bucket);
        let (pool, tab) = (self.pool, table as i8);
        let of_span = (table, SPANS, group.entry(span));
        if !self.listed().0.contains(&of_span) {
            let values = (pool, tab, SPANS, group.bytes(), span.to_be_bytes().to_vec());
            self.write(&self.statements.list, &values).await?;
            self.listed().add(of_span);
        }
        let values = (pool, tab, BUCKETS, group.entry(span), bucket.to_be_bytes().to_vec());
        self.write(&self.statements.list, &values).await?;
        self.listed().add((table, BUCKETS, group.entry(bucket)));
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
            self.entries((group, SPANS), group.bytes().to_vec(), between, usize::MAX).await?
        };
        let mut found = Vec::new();
        for span in spans {
            let (begin, end) = buckets_of(span);
            let between = (begin.max(first), end.min(last));
            let span = group.entry(span);
            found.extend(self.entries((group, BUCKETS), span, between, usize::MAX).await?);
        }
        Ok(found)
    }

    async fn entries(
        &self,
        (group, level): (Group<'_>, i8),
        span: Vec<u8>,
        (first, last): Between,
        limit: usize,
    ) -> Result<Vec<u128>, Fault> {
        // The first few of a limited number are wanted from the end.
        let listed = match limit {
            usize::MAX => &self.statements.listed,
            _ => &self.statements.listed_back,
        };
        let ends = [first, last].map(|end| end.to_be_bytes().to_vec());
        let [first, last] = ends;
        let values = (self.pool, group.table as i8, level, span, first, last);
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
            let bytes = group.bytes().to_vec();
            let span = self.entries((group, SPANS), bytes, spans, 1).await?;
            let Some(&span) = span.first() else { return Ok(None) };
            let (begin, end) = buckets_of(span);
            let between = (begin.max(first), end.min(last));
            let bucket = self.entries((group, BUCKETS), group.entry(span), between, 1).await?;
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
            let bytes = group.bytes().to_vec();
            let inner = self.entries((group, SPANS), bytes.clone(), (first, last), usize::MAX);
            spans = inner.await?;
            self.unlist_in(group, (SPANS, bytes), (first, last)).await?;
        }
        for span in spans {
            self.unlist_in(group, (BUCKETS, group.entry(span)), (after, before)).await?;
        }
        Ok(())
    }

    async fn unlist_in(
        &self,
        group: Group<'_>,
        (level, span): (i8, Vec<u8>),
        (after, before): Between,
    ) -> Result<(), Fault> {
        let (after, before) = (after.to_be_bytes().to_vec(), before.to_be_bytes().to_vec());
        let values = (self.pool, group.table as i8, level, span, after, before);
        self.write(&self.statements.unlist, &values).await
    }
}

fn number_of(entry: &[u8]) -> Result<u128, Fault> {
    let bytes = <[u8; BUCKET_BYTES]>::try_from(entry);
    let why = || Fault::Damaged { why: "an entry of the directory has an odd length".to_owned() };
    bytes.map(u128::from_be_bytes).map_err(|_| why())
}
