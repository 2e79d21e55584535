//! The index of identities: what was ruled on which order, for as long as the rule book says.
//!
//! Entries are appended in the order of the log into pages of 1,024; a full page never changes
//! again, so a snapshot shares it. Entries leave at the front once they are older than the horizon
//! and the tolerance for clocks. A hash table only finds them: layout and seed never show in a
//! result.
//!
//! The digest of the index is a chain over the pages: `tip = SHA-256(tip ‖ page)` for each page
//! that became full. The chain up to the first page still kept is part of the state.

use std::collections::VecDeque;
use std::sync::Arc;

use channel::{DecodeError, ParticipantId, Reader, Ruling, Uetr, Writer};
use ledger::Hash;
use sha2::{Digest, Sha256};

use crate::probe::{Probe, tag_of};
use crate::record::Place;
use crate::reject::Reject;
use crate::snapshot::RestoreError;

/// Entries in one page.
pub const PAGE_ENTRIES: usize = 1024;
/// Bytes of one entry.
pub const ENTRY_BYTES: usize = 72;

/// How far ahead of the pool's time an order may claim to be made, ms.
pub(crate) const CLOCK_TOLERANCE_MS: u64 = 5 * 60 * 1000;

const SHARDS: usize = 64;
/// Entries that leave for each that comes, at most: the index shrinks without ever stalling.
const SWEEP_PER_ENTRY: usize = 4;

/// One entry in its canonical bytes:
/// `uetr [16] ‖ digest [32] ‖ place u64 ‖ decided_at u64 ‖ sender u32 ‖ kind u16 ‖ ruling u8 ‖
/// reason u8`.
pub type SeenEntry = [u8; ENTRY_BYTES];

/// A full page: exactly [`PAGE_ENTRIES`] entries and their SHA-256.
#[derive(Debug, PartialEq, Eq)]
pub struct SeenPage {
    entries: Vec<SeenEntry>,
    hash: Hash,
}

impl SeenPage {
    fn new(entries: Vec<SeenEntry>, hash: Hash) -> Self {
        Self { entries, hash }
    }

    /// The entries, one after the other.
    #[must_use]
    pub fn encode(&self) -> &[u8] {
        self.entries.as_flattened()
    }

    /// The inverse of [`SeenPage::encode`]; nothing if the length is not that of a full page.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let (entries, rest) = bytes.as_chunks::<ENTRY_BYTES>();
        let full = rest.is_empty() && entries.len() == PAGE_ENTRIES;
        full.then(|| Self::new(entries.to_vec(), Sha256::digest(bytes).into()))
    }
}

/// What makes two orders the same payment, within one pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Identity {
    pub(crate) uetr: Uetr,
    pub(crate) sender: ParticipantId,
    pub(crate) kind: u16,
}

/// What is remembered of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) digest: Hash,
    pub(crate) place: Place,
    pub(crate) decided_at_ms: u64,
    pub(crate) ruling: Ruling,
    pub(crate) reason: Option<Reject>,
}

fn encode(identity: &Identity, seen: &Seen) -> SeenEntry {
    let mut bytes = [0; ENTRY_BYTES];
    bytes[..16].copy_from_slice(&identity.uetr.0);
    bytes[16..48].copy_from_slice(&seen.digest);
    bytes[48..56].copy_from_slice(&seen.place.0.to_be_bytes());
    bytes[56..64].copy_from_slice(&seen.decided_at_ms.to_be_bytes());
    bytes[64..68].copy_from_slice(&identity.sender.0.to_be_bytes());
    bytes[68..70].copy_from_slice(&identity.kind.to_be_bytes());
    bytes[70] = seen.ruling as u8;
    bytes[71] = seen.reason.map_or(0, |reason| reason.number() as u8);
    bytes
}

fn array<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    let mut out = [0; N];
    out.copy_from_slice(&bytes[at..at + N]);
    out
}

fn identity_of(entry: &SeenEntry) -> Identity {
    Identity {
        uetr: Uetr(array(entry, 0)),
        sender: ParticipantId(u32::from_be_bytes(array(entry, 64))),
        kind: u16::from_be_bytes(array(entry, 68)),
    }
}

fn decided_at(entry: &SeenEntry) -> u64 {
    u64::from_be_bytes(array(entry, 56))
}

fn place_of(entry: &SeenEntry) -> Place {
    Place(u64::from_be_bytes(array(entry, 48)))
}

fn seen_of(entry: &SeenEntry) -> Option<Seen> {
    Some(Seen {
        digest: array(entry, 16),
        place: place_of(entry),
        decided_at_ms: decided_at(entry),
        ruling: Ruling::from_number(entry[70])?,
        reason: match entry[71] {
            0 => None,
            number => Some(Reject::from_number(number.into())?),
        },
    })
}

fn shard_of(tag: u32) -> usize {
    (tag >> 26) as usize
}

/// The index.
#[derive(Debug)]
pub(crate) struct SeenIndex {
    seed: u64,
    /// By the tag's high bits; small tables grow in a moment.
    shards: Vec<Probe>,
    pages: VecDeque<Arc<SeenPage>>,
    /// The number of `pages[0]`, or of the open page if there is none.
    first_page: u64,
    open: Vec<SeenEntry>,
    /// The chain before `pages[0]`, and after the last full page.
    base: Hash,
    tip: Hash,
    /// The number of the oldest entry remembered, and of the next to come.
    floor: u64,
    next: u64,
    /// No order made at or before this instant is taken: its identity may be forgotten already.
    forgotten_ms: u64,
}

impl SeenIndex {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            seed,
            shards: (0..SHARDS).map(|_| Probe::default()).collect(),
            pages: VecDeque::new(),
            first_page: 0,
            open: Vec::with_capacity(PAGE_ENTRIES),
            base: [0; 32],
            tip: [0; 32],
            floor: 0,
            next: 0,
            forgotten_ms: 0,
        }
    }

    /// How many identities are remembered.
    pub(crate) fn len(&self) -> u64 {
        self.next - self.floor
    }

    /// The place of the first order that is remembered.
    pub(crate) fn first_place(&self) -> Option<Place> {
        (self.floor < self.next).then(|| place_of(self.entry(self.floor)))
    }

    /// Orders made at or before this instant may have been forgotten.
    pub(crate) fn forgotten_ms(&self) -> u64 {
        self.forgotten_ms
    }

    /// Spreads an identity over 32 bits, by a seed nobody outside knows.
    pub(crate) fn tag(&self, identity: &Identity) -> u32 {
        let high = u64::from_be_bytes(array(&identity.uetr.0, 0));
        let low = u64::from_be_bytes(array(&identity.uetr.0, 8));
        let rest = u64::from(identity.sender.0) << 16 | u64::from(identity.kind);
        let first = fold(high ^ self.seed, low ^ 0x2D35_8DCC_AA6C_78A5);
        let second = fold(first ^ rest, self.seed ^ 0x8BB8_4B93_962E_ACC9);
        tag_of((second ^ second >> 32) as u32)
    }

    fn entry(&self, number: u64) -> &SeenEntry {
        let page = number / PAGE_ENTRIES as u64 - self.first_page;
        let at = (number % PAGE_ENTRIES as u64) as usize;
        match self.pages.get(page as usize) {
            Some(page) => &page.entries[at],
            None => &self.open[at],
        }
    }

    fn number_of(&self, low: u32) -> u64 {
        self.floor + u64::from(low.wrapping_sub(self.floor as u32))
    }

    /// What is remembered of an identity.
    pub(crate) fn find(&self, tag: u32, identity: &Identity) -> Option<Seen> {
        let is_it = |low| identity_of(self.entry(self.number_of(low))) == *identity;
        let low = self.shards[shard_of(tag)].find(tag, is_it)?;
        seen_of(self.entry(self.number_of(low)))
    }

    /// Fetches what [`SeenIndex::find`] will look at first.
    pub(crate) fn touch(&self, tag: u32) {
        std::hint::black_box(self.shards[shard_of(tag)].touch(tag));
    }

    /// Remembers an identity that is not in the index.
    pub(crate) fn insert(&mut self, tag: u32, identity: &Identity, seen: &Seen) {
        let entry = encode(identity, seen);
        self.insert_slot(tag, self.next);
        self.append(entry);
    }

    fn insert_slot(&mut self, tag: u32, number: u64) {
        // Fewer than 2^32 entries live at once, so the low bits tell them apart.
        self.shards[shard_of(tag)].insert(tag, number as u32);
    }

    fn append(&mut self, entry: SeenEntry) {
        self.open.push(entry);
        self.next += 1;
        if self.open.len() == PAGE_ENTRIES {
            let entries = std::mem::replace(&mut self.open, Vec::with_capacity(PAGE_ENTRIES));
            let hash = Sha256::digest(entries.as_flattened()).into();
            self.tip = link(&self.tip, &hash);
            self.pages.push_back(Arc::new(SeenPage::new(entries, hash)));
        }
    }

    /// Forgets entries ruled before `horizon_ms` and the tolerance, a few for each that comes;
    /// tells of each identity and place that it forgets.
    pub(crate) fn sweep(
        &mut self,
        (now_ms, horizon_ms): (u64, u64),
        incoming: usize,
        mut forgotten: impl FnMut(Identity, Place),
    ) {
        let oldest_ms = now_ms.saturating_sub(horizon_ms.saturating_add(CLOCK_TOLERANCE_MS));
        for _ in 0..incoming.saturating_mul(SWEEP_PER_ENTRY) {
            if self.floor == self.next {
                return;
            }
            let decided_at_ms = decided_at(self.entry(self.floor));
            if decided_at_ms >= oldest_ms {
                return;
            }
            self.forgotten_ms = self.forgotten_ms.max(decided_at_ms + CLOCK_TOLERANCE_MS);
            let entry = self.entry(self.floor);
            forgotten(identity_of(entry), place_of(entry));
            self.pop();
        }
    }

    fn pop(&mut self) {
        let low = self.floor as u32;
        let tag = self.tag(&identity_of(self.entry(self.floor)));
        self.shards[shard_of(tag)].remove(tag, low);
        self.floor += 1;
        if self.floor.is_multiple_of(PAGE_ENTRIES as u64)
            && let Some(page) = self.pages.pop_front()
        {
            self.base = link(&self.base, &page.hash);
            self.first_page += 1;
        }
    }

    /// The number of the first full page, or of the open page if there is none.
    pub(crate) fn first_page(&self) -> u64 {
        self.first_page
    }

    /// The full pages, in order.
    pub(crate) fn pages(&self) -> impl Iterator<Item = &Arc<SeenPage>> {
        self.pages.iter()
    }

    /// Everything but the full pages.
    pub(crate) fn write(&self, writer: &mut Writer) {
        writer.u64(self.floor).u64(self.next).u64(self.forgotten_ms).raw(&self.base);
        writer.raw(self.open.as_flattened());
    }

    /// Reads what [`SeenIndex::write`] wrote into an empty index, with the full pages.
    pub(crate) fn read(
        &mut self,
        reader: &mut Reader<'_>,
        pages: impl Iterator<Item = (u64, Vec<u8>)>,
    ) -> Result<(), RestoreError> {
        let (floor, next) = (reader.u64("seen floor")?, reader.u64("seen next")?);
        if floor > next || next - floor > u64::from(u32::MAX) {
            return Err(DecodeError::Range { field: "seen floor" }.into());
        }
        self.forgotten_ms = reader.u64("seen forgotten")?;
        self.base = reader.array("seen base")?;
        self.tip = self.base;
        self.floor = floor;
        self.first_page = floor / PAGE_ENTRIES as u64;
        self.next = self.first_page * PAGE_ENTRIES as u64;
        let wanted = self.first_page..next / PAGE_ENTRIES as u64;
        for (number, bytes) in pages.filter(|(number, _)| wanted.contains(number)) {
            let expected = self.first_page + self.pages.len() as u64;
            let page = SeenPage::decode(&bytes).filter(|_| number == expected);
            let page = page.ok_or(RestoreError::Page(expected))?;
            self.restore_entries(&page.entries)?;
            self.next += PAGE_ENTRIES as u64;
            self.tip = link(&self.tip, &page.hash);
            self.pages.push_back(Arc::new(page));
        }
        let found = self.first_page + self.pages.len() as u64;
        if found != wanted.end {
            return Err(RestoreError::Page(found));
        }
        let open = (next % PAGE_ENTRIES as u64) as usize;
        let (entries, _) = reader.raw(open * ENTRY_BYTES, "seen open page")?.as_chunks();
        self.restore_entries(entries)?;
        entries.iter().for_each(|entry| self.append(*entry));
        Ok(())
    }

    /// Enters entries that follow the last one in the table.
    fn restore_entries(&mut self, entries: &[SeenEntry]) -> Result<(), RestoreError> {
        for (number, entry) in (self.next..).zip(entries) {
            seen_of(entry).ok_or(DecodeError::Range { field: "seen entry" })?;
            if number >= self.floor {
                self.insert_slot(self.tag(&identity_of(entry)), number);
            }
        }
        Ok(())
    }

    /// `SHA-256("causeway/1 seen" ‖ floor u64 ‖ next u64 ‖ forgotten u64 ‖ tip ‖ open page)`.
    pub(crate) fn root(&self) -> Hash {
        self.root_of(&self.tip)
    }

    /// The same from the entries.
    pub(crate) fn recompute_root(&self) -> Hash {
        let tip = self.pages.iter().fold(self.base, |tip, page| {
            link(&tip, &Sha256::digest(page.entries.as_flattened()).into())
        });
        self.root_of(&tip)
    }

    fn root_of(&self, tip: &Hash) -> Hash {
        let mut hasher = Sha256::new_with_prefix(b"causeway/1 seen");
        hasher.update(self.floor.to_be_bytes());
        hasher.update(self.next.to_be_bytes());
        hasher.update(self.forgotten_ms.to_be_bytes());
        hasher.update(tip);
        hasher.update(Sha256::digest(self.open.as_flattened()));
        hasher.finalize().into()
    }
}

fn fold(a: u64, b: u64) -> u64 {
    let product = u128::from(a).wrapping_mul(u128::from(b));
    (product >> 64) as u64 ^ product as u64
}

fn link(tip: &Hash, page: &Hash) -> Hash {
    Sha256::new().chain_update(tip).chain_update(page).finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identity(number: u64) -> Identity {
        let mut uetr = [7; 16];
        uetr[8..].copy_from_slice(&number.to_be_bytes());
        Identity { uetr: Uetr(uetr), sender: ParticipantId(1 + number as u32 % 3), kind: 1 }
    }

    fn seen(number: u64, decided_at_ms: u64) -> Seen {
        let reason = number.is_multiple_of(5).then_some(Reject::Expired);
        let ruling = if reason.is_some() { Ruling::Rejected } else { Ruling::Queued };
        Seen { digest: [number as u8; 32], place: Place(number), decided_at_ms, ruling, reason }
    }

    /// A minute's horizon, an entry every 100 ms: 3,600 of them live at a time.
    fn filled(count: u64, seed: u64) -> SeenIndex {
        let mut index = SeenIndex::new(seed);
        for number in 0..count {
            let now_ms = number * 100;
            index.sweep((now_ms, 60_000), 1, |_, _| {});
            let (identity, tag) = (identity(number), index.tag(&identity(number)));
            assert_eq!(index.find(tag, &identity), None);
            index.insert(tag, &identity, &seen(number, now_ms));
        }
        index
    }

    #[test]
    fn what_is_within_the_horizon_is_found_and_the_rest_is_not() {
        let index = filled(10_000, 3);
        let oldest = 9_999 - 3_600;
        for number in 0..10_000 {
            let found = index.find(index.tag(&identity(number)), &identity(number));
            assert_eq!(found, (number >= oldest).then(|| seen(number, number * 100)), "{number}");
        }
        assert_eq!(index.len(), 3_601);
        assert_eq!(index.forgotten_ms(), (oldest - 1) * 100 + CLOCK_TOLERANCE_MS);
        let slots: usize = index.shards.iter().map(Probe::len).sum();
        assert_eq!(slots as u64, index.len(), "the table holds what the index holds");
        let stranger = Identity { kind: 2, ..identity(9_999) };
        assert_eq!(index.find(index.tag(&stranger), &stranger), None);
    }

    #[test]
    fn the_root_is_of_the_entries_and_not_of_the_table() {
        let index = filled(5_000, 3);
        assert_eq!(index.root(), index.recompute_root());
        assert_eq!(index.root(), filled(5_000, 4).root());
        assert_ne!(index.root(), filled(5_001, 3).root());
    }

    #[test]
    fn an_index_is_restored_from_its_bytes_and_pages() {
        let index = filled(9_000, 3);
        let mut writer = Writer::new();
        index.write(&mut writer);
        let bytes = writer.into_bytes();
        let pages = index.full_pages();
        assert!(pages.len() >= 3 && pages[0].0 > 0);
        let mut restored = SeenIndex::new(8);
        let mut reader = Reader::new(&bytes);
        let pages = pages.iter().map(|(number, page)| (*number, page.encode().to_vec()));
        restored.read(&mut reader, pages).unwrap();
        reader.finish().unwrap();
        assert_eq!(restored.root(), index.root());
        assert_eq!(restored.recompute_root(), index.root());
        for number in 0..9_000 {
            let found = restored.find(restored.tag(&identity(number)), &identity(number));
            assert_eq!(found, index.find(index.tag(&identity(number)), &identity(number)));
        }
    }

    #[test]
    fn numbers_of_rejects_fit_their_byte() {
        assert!(Reject::ALL.iter().all(|reject| reject.number() <= u16::from(u8::MAX)));
    }
}
