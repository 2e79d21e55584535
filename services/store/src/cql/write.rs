//! Writing: names are claimed, rows are written, names are marked.

use std::collections::{BTreeMap, HashMap};

use bytes::Bytes;
use futures_util::FutureExt as _;
use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};

use super::core::Core;
use super::listing::Unlisted;
use super::names::{Claimed, Name};
use super::parts::{Group, part_of};
use crate::commit::{Commit, CommitHash, Stream};
use crate::fault::Fault;
use crate::table::Table;

/// Bytes of rows in one statement, about: below what servers complain of by default.
const STATEMENT_BYTES: usize = 40 << 10;
/// Rows in one statement.
const STATEMENT_ROWS: usize = 256;

/// A row with the name of its commit: key, value with its checksum.
type Stored = (Name, Bytes, Bytes);

/// Cuts rows into what goes into one statement each.
fn cut(rows: Vec<Stored>) -> Vec<Vec<Stored>> {
    let mut cut = Vec::new();
    let (mut some, mut bytes) = (Vec::new(), 0);
    for row in rows {
        let row_bytes = row.1.len() + row.2.len();
        let full = bytes + row_bytes > STATEMENT_BYTES || some.len() >= STATEMENT_ROWS;
        if full && !some.is_empty() {
            cut.push(std::mem::take(&mut some));
            bytes = 0;
        }
        bytes += row_bytes;
        some.push(row);
    }
    cut.push(some);
    cut
}

/// Rows of one partition that are written by one statement.
struct Statement {
    table: Table,
    part: Vec<u8>,
    rows: Vec<Stored>,
}

/// What becomes of the commits of a call.
struct Plan {
    /// Those whose rows are to be written, in order.
    fresh: Vec<usize>,
    /// What keeps the others from being made.
    end: Result<(), Fault>,
}

impl Core {
    /// Commits, in order.
    pub(super) async fn commit(&self, commits: &[Commit]) -> Result<(), Fault> {
        commits.iter().try_for_each(|commit| commit.write.check())?;
        let hashes: Vec<CommitHash> = commits.iter().map(Commit::hash).collect();
        let plan = self.plan(commits, &hashes).await?;
        let fresh: Vec<&Commit> = plan.fresh.iter().map(|at| &commits[*at]).collect();
        self.write_rows(&fresh).await?;
        for some in plan.fresh.chunk_by(|a, b| commits[*a].stream == commits[*b].stream) {
            let names: Vec<_> = some.iter().map(|at| (commits[*at].number, hashes[*at])).collect();
            self.mark(commits[some[0]].stream, &names).await?;
        }
        plan.end
    }

    /// Claims what is new, and compares what is not.
    async fn plan(&self, commits: &[Commit], hashes: &[CommitHash]) -> Result<Plan, Fault> {
        let mut plan = Plan { fresh: Vec::new(), end: Ok(()) };
        let all: Vec<usize> = (0..commits.len()).collect();
        for some in all.chunk_by(|a, b| commits[*a].stream == commits[*b].stream) {
            let stream = commits[some[0]].stream;
            let named = some.iter().map(|at| (commits[*at].number, hashes[*at])).collect();
            let (named, end) = self.in_order(stream, named).await?;
            let claimed = self.compare_and_claim(stream, &named).await?;
            let fresh = |at: &&usize| claimed.fresh.contains(&commits[**at].number);
            plan.fresh.extend(some.iter().filter(fresh));
            plan.end = claimed.end.and(end);
            if plan.end.is_err() {
                break;
            }
        }
        Ok(plan)
    }

    /// Compares those that are there already, claims the others.
    async fn compare_and_claim(
        &self,
        stream: Stream,
        named: &[(u64, CommitHash)],
    ) -> Result<Claimed, Fault> {
        let head = self.known().head(stream);
        let old = named.iter().take_while(|(number, _)| stream.dense() && *number <= head).count();
        let (old, new) = named.split_at(old);
        let numbers: Vec<u64> = old.iter().map(|name| name.0).collect();
        let marked: HashMap<_, _> = self.marked(stream, &numbers).await?.into_iter().collect();
        for (number, ours) in old.iter().copied() {
            let why = || format!("commit {number} of {stream} is missing");
            let theirs = *marked.get(&number).ok_or_else(|| Fault::Damaged { why: why() })?;
            if theirs != ours {
                let end = Err(Fault::Differs { stream, number, ours, theirs });
                return Ok(Claimed { fresh: Vec::new(), end });
            }
        }
        self.claim(stream, new).await
    }

    /// The commits up to one that does not follow, or that comes twice in the call with other rows;
    /// ascending, each once.
    async fn in_order(
        &self,
        stream: Stream,
        named: Vec<(u64, CommitHash)>,
    ) -> Result<(Vec<(u64, CommitHash)>, Result<(), Fault>), Fault> {
        let mut kept: BTreeMap<u64, CommitHash> = BTreeMap::new();
        let mut end = Ok(());
        let mut head = self.known().head(stream);
        for (number, ours) in named {
            if stream.dense() && number > head + 1 {
                head = self.refresh(stream).await?.max(head);
                if number > head + 1 {
                    end = Err(Fault::Gap { stream, number, head });
                    break;
                }
            }
            let theirs = *kept.entry(number).or_insert(ours);
            if theirs != ours {
                end = Err(Fault::Differs { stream, number, ours, theirs });
                break;
            }
            head = head.max(number);
        }
        Ok((kept.into_iter().collect(), end))
    }

    /// Writes the rows of commits and lists their partitions, in any order: nobody sees them yet.
    async fn write_rows(&self, commits: &[&Commit]) -> Result<(), Fault> {
        let (statements, unlisted) = self.statements_of(commits);
        let lists = unlisted.iter().map(|(shelf, entries)| self.list(shelf, entries).left_future());
        let rows = statements.into_iter().map(|statement| self.put(statement).right_future());
        let writes = stream::iter(lists.chain(rows)).buffer_unordered(self.in_flight);
        writes.try_collect::<()>().await?;
        self.listed().add(unlisted);
        Ok(())
    }

    /// The rows by partition, and what is not known to be listed of these.
    fn statements_of(&self, commits: &[&Commit]) -> (Vec<Statement>, Unlisted) {
        let mut parts: BTreeMap<(Table, Vec<u8>), Vec<Stored>> = BTreeMap::new();
        let mut unlisted = Unlisted::new();
        let listed = self.listed();
        for commit in commits {
            let name = (commit.stream, commit.number);
            for (table, key, stored) in commit.write.to_stored() {
                listed.note(table, &key, &mut unlisted);
                let part = part_of(table, &key);
                parts.entry((table, part)).or_default().push((name, key, stored));
            }
        }
        let statements = parts.into_iter().flat_map(|((table, part), rows)| {
            let statement = move |rows| Statement { table, part: part.clone(), rows };
            cut(rows).into_iter().map(statement)
        });
        (statements.collect(), unlisted)
    }

    async fn put(&self, statement: Statement) -> Result<(), Fault> {
        let Statement { table, part, rows } = statement;
        let values: Vec<_> = rows
            .iter()
            .map(|((stream, number), key, stored)| {
                let (stream, number) = (*stream as i8, number.cast_signed());
                (self.pool, &part[..], &key[..], stream, number, &stored[..])
            })
            .collect();
        let put = &self.statements.of(table).put;
        if let [only] = &values[..] {
            return self.write(put, only).await;
        }
        self.write_all("write to", put, &values).await.map(drop)
    }

    /// Removes the rows of a range, partition by partition.
    pub(super) async fn remove(
        &self,
        table: Table,
        from: &[u8],
        to_exclusive: &[u8],
    ) -> Result<(), Fault> {
        if from >= to_exclusive {
            return Ok(());
        }
        let group = Group::of(table, from);
        let (first, last) = (group.bucket(from), group.bucket(to_exclusive));
        let to = &group.end(to_exclusive);
        let buckets = self.buckets(group, (first, last)).await?;
        let remove = &self.statements.of(table).remove;
        let removals = buckets.into_iter().map(|bucket| {
            let values = (self.pool, group.part(bucket), from, to);
            async move { self.write(remove, &values).await }
        });
        stream::iter(removals).buffer_unordered(self.in_flight).try_collect::<()>().await?;
        if last - first > 1 {
            self.unlist(group, (first, last)).await?;
        }
        Ok(())
    }
}
