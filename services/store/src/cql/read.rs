//! Reading: whole commits only.
//!
//! A row carries the name of its commit. One whose commit was known to be there before the read
//! began is shown: all its rows were there by then. If a read meets a row of a commit that is not
//! known, it asks for that commit; if it has come meanwhile, the read is done again from the start.

use bytes::Bytes;
use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};

use super::core::{Core, Next};
use super::names::{Name, View, stream_of};
use super::parts::{Group, part_of};
use crate::fault::Fault;
use crate::port::Row;
use crate::seal;
use crate::table::Table;

/// Partitions that a long scan reads at once.
const PARTITIONS: usize = 8;
/// A scan for more rows than this reads several partitions at once.
const LONG_SCAN_ROWS: usize = 256;

/// Key, stream, number, value.
type Raw = (Vec<u8>, i8, i64, Option<Vec<u8>>);

/// What a read found.
struct Found<T> {
    rows: T,
    /// Commits of rows that were left out.
    unknown: Vec<Name>,
}

impl Core {
    /// Reads until it has met no commit that came while it read.
    async fn settle<T, F>(&self, read: F) -> Result<T, Fault>
    where
        F: AsyncFn(View) -> Result<Found<T>, Fault>,
    {
        loop {
            let view = self.known().view();
            let found = read(view).await?;
            if found.unknown.is_empty() || !self.learn(&found.unknown).await? {
                return Ok(found.rows);
            }
        }
    }

    pub(super) async fn get(&self, table: Table, key: &[u8]) -> Result<Option<Bytes>, Fault> {
        self.settle(async |view| {
            let mut found = Found { rows: None, unknown: Vec::new() };
            let values = (self.pool, part_of(table, key), key);
            self.rows(&self.statements.of(table).get, values, |raw: Raw| {
                found.rows = self.shown((table, &view), raw, &mut found.unknown)?.map(|row| row.1);
                Ok(Next::Enough)
            })
            .await?;
            Ok(found)
        })
        .await
    }

    pub(super) async fn scan(
        &self,
        table: Table,
        (from, to): (&[u8], &[u8]),
        limit: usize,
    ) -> Result<Vec<Row>, Fault> {
        if from >= to || limit == 0 {
            return Ok(Vec::new());
        }
        let group = Group::of(table, from);
        let (first, last) = (group.bucket(from), group.bucket(to));
        let to = &group.end(to)[..];
        self.settle(async |view| {
            let buckets = if first == last {
                vec![first]
            } else {
                self.buckets(group, (first, last)).await?
            };
            let at_once = if limit > LONG_SCAN_ROWS { PARTITIONS } else { 1 };
            let parts = buckets.into_iter().map(|bucket| {
                let part = group.part(bucket);
                async move { self.scan_part((table, view), part, (from, to), limit).await }
            });
            let mut parts = stream::iter(parts).buffered(at_once);
            let mut found = Found { rows: Vec::new(), unknown: Vec::new() };
            while found.rows.len() < limit {
                let Some(part) = parts.try_next().await? else { break };
                found.rows.extend(part.rows);
                found.unknown.extend(part.unknown);
            }
            found.rows.truncate(limit);
            Ok(found)
        })
        .await
    }

    async fn scan_part(
        &self,
        (table, view): (Table, View),
        part: Vec<u8>,
        (from, to): (&[u8], &[u8]),
        limit: usize,
    ) -> Result<Found<Vec<Row>>, Fault> {
        let mut found = Found { rows: Vec::new(), unknown: Vec::new() };
        let mut scan = self.statements.of(table).scan.clone();
        // Rows that are not shown do not count, so there may be more pages than one.
        scan.set_page_size(scan.get_page_size().min(i32::try_from(limit).unwrap_or(i32::MAX)));
        self.rows(&scan, (self.pool, part, from, to), |raw: Raw| {
            found.rows.extend(self.shown((table, &view), raw, &mut found.unknown)?);
            Ok(if found.rows.len() < limit { Next::More } else { Next::Enough })
        })
        .await?;
        Ok(found)
    }

    pub(super) async fn last_at_or_before(
        &self,
        table: Table,
        prefix: &[u8],
        key: &[u8],
    ) -> Result<Option<Row>, Fault> {
        let group = Group::of(table, key);
        let first = if prefix.len() < group.bytes().len() { group.bytes() } else { prefix };
        if key < first || !first.starts_with(prefix) {
            return Ok(None);
        }
        self.settle(async |view| {
            let mut found = Found { rows: None, unknown: Vec::new() };
            let lowest = group.bucket(first);
            let mut bucket = Some(group.bucket(key));
            while let Some(at) = bucket {
                let values = (self.pool, group.part(at), first, key);
                self.rows(&self.statements.of(table).back, values, |raw: Raw| {
                    found.rows = self.shown((table, &view), raw, &mut found.unknown)?;
                    Ok(if found.rows.is_none() { Next::More } else { Next::Enough })
                })
                .await?;
                if found.rows.is_some() || at <= lowest {
                    break;
                }
                bucket = self.last_bucket(group, (lowest, at - 1)).await?;
            }
            found.rows = found.rows.filter(|row| row.0.starts_with(first));
            Ok(found)
        })
        .await
    }

    /// A row as it is shown, if its commit is known; else the commit is noted.
    fn shown(
        &self,
        (table, view): (Table, &View),
        (key, stream, number, stored): Raw,
        unknown: &mut Vec<Name>,
    ) -> Result<Option<Row>, Fault> {
        let corrupt = |why| Fault::Corrupt { table, key: key.clone(), why };
        let stream = stream_of(stream).ok_or_else(|| corrupt("its commit has no known stream"))?;
        let name = (stream, number.cast_unsigned());
        if !self.known().held(view, name) {
            unknown.push(name);
            return Ok(None);
        }
        let stored = stored.ok_or_else(|| corrupt("it has no value"))?;
        let value = seal::open(table, &key, Bytes::from(stored))?;
        Ok(Some((Bytes::from(key), value)))
    }
}
