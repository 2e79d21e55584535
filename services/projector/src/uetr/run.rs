//! Sorted runs in the store: entries in pages by the upper bits of their hashes, so that the page
//! of a hash is computed, not searched for.
//!
//! ```text
//! Uetrs      level u8 | run u32              header: the last row to come
//! UetrPages  1 u8 | level u8 | run u32 | number u32    page
//! UetrPages  2 u8 | level u8 | run u32 | number u32    filter
//!
//! header:  entries u64 | log2 of the pages u8 | filter rows u32 | covered position u64
//!          | covered batch u64 | next commit u64
//! page:    entries, ascending: hash u64 | place u64
//! filter:  blocks of 8 words u64, up to 64 KiB a row
//! ```
//!
//! A run is there once its header is, until the run it was merged into is there. What is left of it
//! then can be removed in any order.

use std::collections::BTreeSet;

use store::{Store, Table, Write};

use super::filter::Filter;
use super::{Covered, Entry};
use crate::fault::Fault;
use crate::layout::Fields;

const PAGE: u8 = 1;
const FILTER: u8 = 2;
const ENTRY_BYTES: usize = 16;
/// Entries in a page, on average at most.
const PAGE_ENTRIES: usize = 256;
const FILTER_ROW_BYTES: usize = 65_536;
const KEY_BYTES: usize = 10;
/// Runs merged into one.
pub(super) const FAN_IN: u32 = 8;

/// A run's name: its level, and its number on that level. A run of level n + 1 is the merge of
/// eight of level n.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct RunId {
    pub(crate) level: u8,
    pub(crate) number: u32,
}

impl RunId {
    /// The runs into which it goes by merging.
    fn ancestors(self) -> impl Iterator<Item = Self> {
        let above =
            |id: &Self| Some(Self { level: id.level.checked_add(1)?, number: id.number / FAN_IN });
        // Eight to the eleventh is more than a run's number can be.
        std::iter::successors(above(&self), above).take(11)
    }
}

/// A run that is in the store.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) id: RunId,
    pub(crate) entries: u64,
    pub(crate) pages_log2: u8,
    filter_rows: u32,
    pub(crate) covered: Covered,
    /// The number of the commit that follows the one with its header.
    pub(crate) next: u64,
    /// Absent if the memory for filters is used up: then the page is always read.
    pub(crate) filter: Option<Filter>,
}

impl Run {
    /// A run to be written, with room in its filter for so many entries.
    pub(crate) fn new(id: RunId, entries: usize, pages_log2: u8, covered: Covered) -> Self {
        let filter = Filter::with_entries(entries);
        let filter_rows = filter.bytes().div_ceil(FILTER_ROW_BYTES) as u32;
        let filter = Some(filter);
        Self { id, entries: entries as u64, pages_log2, filter_rows, covered, next: 0, filter }
    }

    /// How many pages for so many entries, as a power of two.
    pub(crate) fn pages_log2_for(entries: usize) -> u8 {
        entries.div_ceil(PAGE_ENTRIES).max(1).next_power_of_two().trailing_zeros() as u8
    }

    /// Adds the pages of sorted entries to a write: those of `count` pages from `first` on.
    pub(crate) fn put_pages(
        &mut self,
        mut entries: &[Entry],
        (first, count): (u32, u32),
        write: &mut Write,
    ) {
        for page in first..first + count {
            let end = entries.partition_point(|entry| page_of(entry.hash, self.pages_log2) <= page);
            let (own, rest) = entries.split_at(end);
            entries = rest;
            if let Some(filter) = &mut self.filter {
                own.iter().for_each(|entry| filter.insert(entry.hash));
            }
            write.put_with(Table::UetrPages, key(PAGE, self.id, page), |into| {
                for entry in own {
                    into.extend_from_slice(&entry.hash.to_be_bytes());
                    into.extend_from_slice(&entry.place.to_be_bytes());
                }
            });
        }
    }

    /// The filter, in rows.
    pub(crate) fn filter_chunks(&self) -> Vec<(u32, Vec<u8>)> {
        let filter = self.filter.as_ref().map(Filter::encode).unwrap_or_default();
        (0..).zip(filter.chunks(FILTER_ROW_BYTES).map(<[u8]>::to_vec)).collect()
    }

    /// Adds rows of the filter to a write.
    pub(crate) fn put_filter(&self, rows: &[(u32, Vec<u8>)], write: &mut Write) {
        for (number, row) in rows {
            write.put(Table::UetrPages, key(FILTER, self.id, *number), row);
        }
    }

    /// Adds the header to a write: the run is there once it is.
    pub(crate) fn put_header(&self, write: &mut Write) {
        let mut value = Vec::with_capacity(40);
        value.extend_from_slice(&self.entries.to_be_bytes());
        value.push(self.pages_log2);
        value.extend_from_slice(&self.filter_rows.to_be_bytes());
        value.extend_from_slice(&self.covered.position.to_be_bytes());
        value.extend_from_slice(&self.covered.batch.to_be_bytes());
        value.extend_from_slice(&self.next.to_be_bytes());
        write.put(Table::Uetrs, header_key(self.id), value);
    }

    /// Removes what is left of a run that was merged.
    pub(crate) fn remove(store: &dyn Store, id: RunId) -> Result<(), store::Fault> {
        store.remove(Table::Uetrs, &header_key(id), &[&header_key(id)[..], &[0]].concat())?;
        [PAGE, FILTER].into_iter().try_for_each(|part| {
            store.remove(Table::UetrPages, &key(part, id, 0), &key(part, id, u32::MAX))
        })
    }

    /// The runs in the store that were not merged yet, the newest first, without their filters.
    pub(crate) fn list(store: &dyn Store) -> Result<Vec<Self>, Fault> {
        let rows = store.scan(Table::Uetrs, &[0], &[u8::MAX], usize::MAX)?;
        let runs: Result<Vec<_>, _> =
            rows.iter().map(|(key, value)| Self::decode(key, value)).collect();
        let mut runs = runs?;
        let ids: BTreeSet<RunId> = runs.iter().map(|run| run.id).collect();
        runs.retain(|run| !run.id.ancestors().any(|above| ids.contains(&above)));
        runs.sort_unstable_by_key(|run| std::cmp::Reverse(run.covered.position));
        Ok(runs)
    }

    fn decode(key: &[u8], value: &[u8]) -> Result<Self, Fault> {
        let mut name = Fields::new(Table::Uetrs, key);
        let id = RunId { level: name.u8()?, number: name.u32()? };
        name.end()?;
        let mut fields = Fields::new(Table::Uetrs, value);
        let entries = fields.u64()?;
        let pages_log2 = fields.u8()?;
        if pages_log2 > 31 {
            return Err(Fault::malformed(Table::Uetrs, "number of pages"));
        }
        let filter_rows = fields.u32()?;
        let covered = Covered { position: fields.u64()?, batch: fields.u64()? };
        let next = fields.u64()?;
        fields.end()?;
        Ok(Self { id, entries, pages_log2, filter_rows, covered, next, filter: None })
    }

    /// Reads the filter from the store; leaves it out if the run was removed meanwhile.
    pub(crate) fn load_filter(&mut self, store: &dyn Store) -> Result<(), Fault> {
        let (from, to) = (key(FILTER, self.id, 0), key(FILTER, self.id, self.filter_rows));
        let rows = store.scan(Table::UetrPages, &from, &to, usize::MAX)?;
        if rows.len() == self.filter_rows as usize {
            let bytes: Vec<u8> = rows.iter().flat_map(|(_, value)| value.iter().copied()).collect();
            self.filter = Some(Filter::decode(&bytes)?);
        }
        Ok(())
    }

    /// Bytes of its filter.
    pub(crate) fn filter_bytes(&self) -> usize {
        self.filter_rows as usize * FILTER_ROW_BYTES
    }

    /// Adds the places under a hash; `false` if the run is no longer in the store.
    pub(crate) fn find(
        &self,
        store: &dyn Store,
        hash: u64,
        into: &mut Vec<u64>,
    ) -> Result<bool, Fault> {
        if self.filter.as_ref().is_some_and(|filter| !filter.may_contain(hash)) {
            return Ok(true);
        }
        let key = key(PAGE, self.id, page_of(hash, self.pages_log2));
        let Some(page) = store.get(Table::UetrPages, &key)? else { return Ok(false) };
        let entries = entries_of(&page)?;
        let from = entries.partition_point(|entry| hash_of(entry) < hash);
        into.extend(
            entries[from..].iter().take_while(|entry| hash_of(entry) == hash).map(place_of),
        );
        Ok(true)
    }

    /// Adds the entries of `count` pages from `first` on.
    pub(crate) fn read_pages(
        &self,
        store: &dyn Store,
        (first, count): (u32, u32),
        into: &mut Vec<Entry>,
    ) -> Result<(), Fault> {
        let (from, to) = (key(PAGE, self.id, first), key(PAGE, self.id, first + count));
        let rows = store.scan(Table::UetrPages, &from, &to, usize::MAX)?;
        if rows.len() != count as usize {
            return Err(Fault::malformed(Table::UetrPages, "a page of a run is missing"));
        }
        for (_, value) in &rows {
            let entries = entries_of(value)?;
            into.extend(
                entries.iter().map(|entry| Entry { hash: hash_of(entry), place: place_of(entry) }),
            );
        }
        Ok(())
    }
}

/// `level u8 | run u32`.
fn header_key(id: RunId) -> [u8; 5] {
    let mut key = [id.level; 5];
    key[1..].copy_from_slice(&id.number.to_be_bytes());
    key
}

/// `part u8 | level u8 | run u32 | number u32`.
fn key(part: u8, id: RunId, number: u32) -> [u8; KEY_BYTES] {
    let mut key = [0; KEY_BYTES];
    key[..2].copy_from_slice(&[part, id.level]);
    key[2..6].copy_from_slice(&id.number.to_be_bytes());
    key[6..].copy_from_slice(&number.to_be_bytes());
    key
}

fn page_of(hash: u64, pages_log2: u8) -> u32 {
    // A shift by 64 is not defined; one page takes everything.
    if pages_log2 == 0 { 0 } else { (hash >> (64 - pages_log2)) as u32 }
}

fn entries_of(page: &[u8]) -> Result<&[[u8; ENTRY_BYTES]], Fault> {
    match page.as_chunks::<ENTRY_BYTES>() {
        (entries, []) => Ok(entries),
        _ => Err(Fault::malformed(Table::UetrPages, "page")),
    }
}

fn hash_of(entry: &[u8; ENTRY_BYTES]) -> u64 {
    u64::from_be_bytes(std::array::from_fn(|at| entry[at]))
}

fn place_of(entry: &[u8; ENTRY_BYTES]) -> u64 {
    u64::from_be_bytes(std::array::from_fn(|at| entry[8 + at]))
}
