//! The names of commits: claimed first, marked last.
//!
//! A writer claims a name with the hash of its rows, by compare-and-set: whoever has other rows is
//! told before it writes any. Then it writes the rows, and then the mark, which makes them visible.
//! A name that was claimed and not marked is finished by whoever comes next: it has the same rows.

use std::collections::HashMap;

use scylla::value::{CqlValue, Row};

use super::core::{Core, Next};
use super::link::io;
use crate::commit::{CommitHash, Fact, Stream};
use crate::fault::Fault;

/// Numbers of a stream in one partition of the names: 60 KiB of them.
const BUCKET_LOG2: u32 = 10;
/// Names of streams that are not dense and are kept in memory, at most.
const SPARSE_MAX: usize = 65_536;
/// Claimed, or marked, in one statement.
const AT_ONCE: usize = 128;
/// The stream under which facts are claimed.
const FACTS: i8 = 0;

/// A commit's name.
pub(super) type Name = (Stream, u64);

/// What is known of commits; true for good once it was.
#[derive(Default)]
pub(super) struct Known {
    heads: [u64; Stream::ALL.len()],
    /// With how many were known before.
    sparse: HashMap<Name, u64>,
    count: u64,
}

/// What was known at an instant.
#[derive(Clone, Copy)]
pub(super) struct View {
    heads: [u64; Stream::ALL.len()],
    count: u64,
}

impl Known {
    pub(super) fn head(&self, stream: Stream) -> u64 {
        self.heads[stream as usize - 1]
    }

    pub(super) fn view(&self) -> View {
        View { heads: self.heads, count: self.count }
    }

    /// Whether a commit was known to be there.
    pub(super) fn held(&self, view: &View, (stream, number): Name) -> bool {
        if stream.dense() {
            number <= view.heads[stream as usize - 1]
        } else {
            self.sparse.get(&(stream, number)).is_some_and(|before| *before < view.count)
        }
    }

    pub(super) fn add(&mut self, (stream, number): Name) {
        if stream.dense() {
            let head = &mut self.heads[stream as usize - 1];
            *head = number.max(*head);
        } else {
            if self.sparse.len() >= SPARSE_MAX {
                self.sparse.clear();
            }
            self.sparse.entry((stream, number)).or_insert(self.count);
            self.count += 1;
        }
    }
}

/// Pool, stream, bucket, number, hash.
type Values<'a> = (i32, i8, i64, i64, &'a [u8]);

/// What came of claiming.
pub(super) struct Claimed {
    /// The numbers of those to be written.
    pub(super) fresh: Vec<u64>,
    /// What kept the others from being claimed.
    pub(super) end: Result<(), Fault>,
}

fn bucket(number: u64) -> i64 {
    (number >> BUCKET_LOG2).cast_signed()
}

/// The last number of a number's bucket.
fn bucket_end(number: u64) -> u64 {
    number | ((1 << BUCKET_LOG2) - 1)
}

/// A stream as it is written in a row.
pub(super) fn stream_of(number: i8) -> Option<Stream> {
    Stream::ALL.into_iter().find(|stream| *stream as i8 == number)
}

pub(super) fn hash_of(bytes: &[u8]) -> Result<CommitHash, Fault> {
    let why = || Fault::Damaged { why: "a commit's hash has an odd length".to_owned() };
    bytes.try_into().map_err(|_| why())
}

impl Core {
    /// Finds the last commit of each dense stream: numbers have no gaps, so by halving.
    pub(super) async fn find_heads(&self) -> Result<(), Fault> {
        for stream in Stream::ALL.into_iter().filter(|stream| stream.dense()) {
            let (mut there, mut beyond) = (0, 1);
            while !self.marks(stream, beyond, beyond).await?.is_empty() {
                (there, beyond) = (beyond, beyond * 2);
            }
            while beyond - there > 1 {
                let middle = u64::midpoint(there, beyond);
                if self.marks(stream, middle, middle).await?.is_empty() {
                    beyond = middle;
                } else {
                    there = middle;
                }
            }
            self.known().add((stream, there));
        }
        Ok(())
    }

    /// Asks for commits behind the last one known.
    pub(super) async fn refresh(&self, stream: Stream) -> Result<u64, Fault> {
        loop {
            let head = self.known().head(stream);
            let end = bucket_end(head + 1);
            let marks = self.marks(stream, head + 1, end).await?;
            let mut last = head;
            for (number, _) in marks {
                if number != last + 1 {
                    let why = format!("commit {} of {stream} is missing", last + 1);
                    return Err(Fault::Damaged { why });
                }
                last = number;
            }
            self.known().add((stream, last));
            if last < end {
                return Ok(last);
            }
        }
    }

    /// Looks whether commits have come that were not known; whether any has.
    pub(super) async fn learn(&self, names: &[Name]) -> Result<bool, Fault> {
        for stream in Stream::ALL {
            let of_stream = names.iter().filter(|name| name.0 == stream);
            let mut numbers: Vec<u64> = of_stream.map(|name| name.1).collect();
            numbers.sort_unstable();
            numbers.dedup();
            if stream.dense() && !numbers.is_empty() {
                self.refresh(stream).await?;
            } else {
                for (number, _) in self.marked(stream, &numbers).await? {
                    self.known().add((stream, number));
                }
            }
        }
        let known = self.known();
        let now = known.view();
        Ok(names.iter().any(|name| known.held(&now, *name)))
    }

    /// The marked commits of a range within one bucket.
    pub(super) async fn marks(
        &self,
        stream: Stream,
        first: u64,
        last: u64,
    ) -> Result<Vec<(u64, CommitHash)>, Fault> {
        let mut found = Vec::new();
        let (from, to) = (first.cast_signed(), last.cast_signed());
        let values = (self.pool, stream as i8, bucket(first), from, to);
        self.rows(&self.statements.marks, values, |(number, hash): (i64, Vec<u8>)| {
            found.push((number.cast_unsigned(), hash_of(&hash)?));
            Ok(Next::More)
        })
        .await?;
        Ok(found)
    }

    /// The hashes of commits that are there, for numbers in ascending order.
    pub(super) async fn marked(
        &self,
        stream: Stream,
        numbers: &[u64],
    ) -> Result<Vec<(u64, CommitHash)>, Fault> {
        let mut found = Vec::new();
        for some in numbers.chunk_by(|a, b| bucket(*a) == bucket(*b)) {
            if let (Some(first), Some(last)) = (some.first(), some.last()) {
                found.extend(self.marks(stream, *first, *last).await?);
            }
        }
        Ok(found)
    }

    /// Claims names for hashes, in this order, until one was claimed for another hash; which of them
    /// are still to be written.
    pub(super) async fn claim(
        &self,
        stream: Stream,
        names: &[(u64, CommitHash)],
    ) -> Result<Claimed, Fault> {
        let mut claimed = Claimed { fresh: Vec::new(), end: Ok(()) };
        for some in names.chunk_by(|a, b| bucket(a.0) == bucket(b.0)) {
            for some in some.chunks(AT_ONCE) {
                if self.claim_all(stream, some).await? {
                    claimed.fresh.extend(some.iter().map(|(number, _)| *number));
                    continue;
                }
                self.claim_each(stream, some, &mut claimed).await?;
                if claimed.end.is_err() {
                    return Ok(claimed);
                }
            }
        }
        Ok(claimed)
    }

    /// The same one by one, where another writer has claimed some of them before.
    async fn claim_each(
        &self,
        stream: Stream,
        some: &[(u64, CommitHash)],
        claimed: &mut Claimed,
    ) -> Result<(), Fault> {
        let head = if stream.dense() { self.refresh(stream).await? } else { 0 };
        let numbers: Vec<u64> = some.iter().map(|name| name.0).filter(|it| *it <= head).collect();
        let done = self.marked(stream, &numbers).await?;
        for (number, ours) in some.iter().copied() {
            let done = done.iter().find(|(of, _)| *of == number).map(|(_, hash)| *hash);
            let theirs = match done {
                Some(theirs) => Some(theirs),
                None => {
                    let theirs = self.claim_one(stream as i8, number, &ours).await?;
                    theirs.map(|theirs| hash_of(&theirs)).transpose()?
                }
            };
            match theirs {
                Some(theirs) if theirs != ours => {
                    claimed.end = Err(Fault::Differs { stream, number, ours, theirs });
                    return Ok(());
                }
                _ if done.is_none() => claimed.fresh.push(number),
                _ => {}
            }
        }
        Ok(())
    }

    /// Claims names of one bucket, all of them or none; whether they were free.
    async fn claim_all(&self, stream: Stream, some: &[(u64, CommitHash)]) -> Result<bool, Fault> {
        let (claim, values) = (&self.statements.claim, self.of_names(stream, some));
        let result = self.write_all("claim commits in", claim, &values).await?;
        let rows = result.into_rows_result().map_err(|error| io("claim commits in", error))?;
        let row = rows.first_row::<Row>().map_err(|error| io("claim commits in", error))?;
        Ok(matches!(row.columns.first(), Some(Some(CqlValue::Boolean(true)))))
    }

    /// Claims one name; what it was claimed for before, if it was.
    async fn claim_one(
        &self,
        stream: i8,
        number: u64,
        value: &[u8],
    ) -> Result<Option<Vec<u8>>, Fault> {
        let number = number.cast_signed();
        let values = (self.pool, stream, bucket(number.cast_unsigned()), number, value);
        let claim = &self.statements.claim;
        let attempt = async || self.link.session.execute_unpaged(claim, &values).await;
        let result = self.insist("claim a commit in", attempt).await?;
        let rows = result.into_rows_result().map_err(|error| io("claim a commit in", error))?;
        let hash_at = rows.column_specs().iter().position(|column| column.name() == "hash");
        let row = rows.first_row::<Row>().map_err(|error| io("claim a commit in", error))?;
        if matches!(row.columns.first(), Some(Some(CqlValue::Boolean(true)))) {
            return Ok(None);
        }
        let hash = hash_at.and_then(|at| row.columns.into_iter().nth(at).flatten());
        match hash {
            Some(CqlValue::Blob(hash)) => Ok(Some(hash)),
            _ => Err(Fault::Damaged { why: format!("claim {number} has no hash") }),
        }
    }

    /// Makes commits visible, in this order.
    pub(super) async fn mark(
        &self,
        stream: Stream,
        names: &[(u64, CommitHash)],
    ) -> Result<(), Fault> {
        for some in names.chunk_by(|a, b| bucket(a.0) == bucket(b.0)) {
            for some in some.chunks(AT_ONCE) {
                let (mark, values) = (&self.statements.mark, self.of_names(stream, some));
                self.write_all("finish commits in", mark, &values).await?;
                let mut known = self.known();
                some.iter().for_each(|(number, _)| known.add((stream, *number)));
            }
        }
        Ok(())
    }

    /// What claims, or marks, names: those of one bucket share a partition.
    fn of_names<'a>(&self, stream: Stream, some: &'a [(u64, CommitHash)]) -> Vec<Values<'a>> {
        let values = some.iter().map(|(number, hash)| {
            (self.pool, stream as i8, bucket(*number), number.cast_signed(), hash.as_slice())
        });
        values.collect()
    }

    /// Decides a fact.
    pub(super) async fn decide(&self, fact: Fact, value: &[u8]) -> Result<Vec<u8>, Fault> {
        let decided = self.claim_one(FACTS, fact as u64, value).await?;
        Ok(decided.unwrap_or_else(|| value.to_vec()))
    }

    /// The value of a fact.
    pub(super) async fn decided(&self, fact: Fact) -> Result<Option<Vec<u8>>, Fault> {
        let number = fact as i64;
        let values = (self.pool, FACTS, bucket(number.cast_unsigned()), number);
        let mut found = None;
        self.rows(&self.statements.claimed, values, |(value,): (Vec<u8>,)| {
            found = Some(value);
            Ok(Next::Enough)
        })
        .await?;
        Ok(found)
    }
}
