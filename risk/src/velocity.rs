//! How much a participant may hand in within a window of logged time.
//!
//! Windows tumble: logged time is cut into stretches of the rule's length, counted from its zero,
//! and each starts at nothing. So what passes at the end of one window and at the start of the next
//! may together be twice what the rule says; in return two numbers a rule are all there is to keep.
//!
//! A participant has one window that counts its orders, whatever their currency, and one for each
//! currency that sums their value.

use ledger::merkle::{leaf_hash, root_of_hashes};
use ledger::{Cursor, Hash, MINOR_MAX, Tree};

use crate::codec::{self, DecodeError};
use crate::ids::{CURRENCIES_MAX, CurrencyIndex, PARTICIPANTS_MAX, ParticipantId};
use crate::reject::LimitReject;

/// What a window counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Measure {
    /// The number of orders, in all currencies together.
    Orders,
    /// The value of the orders in one currency, minor units.
    Value(CurrencyIndex),
}

impl Measure {
    /// Where the windows of this measure are: orders first, then the currencies.
    const fn row(self) -> usize {
        match self {
            Self::Orders => 0,
            Self::Value(currency) => 1 + currency.index(),
        }
    }
}

/// The most rows of windows.
const ROWS_MAX: usize = 1 + CURRENCIES_MAX;

/// The most that one participant may hand in within a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VelocityRule {
    /// The length of the window in milliseconds, from 1.
    pub window_ms: u64,
    /// Orders, or minor units; up to [`MINOR_MAX`].
    pub most: u64,
}

/// A rule with what its present window has seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Window {
    rule: VelocityRule,
    /// Which window: logged time divided by the window's length.
    number: u64,
    /// Orders, or minor units; up to [`MINOR_MAX`].
    used: u64,
}

impl Window {
    /// What the window of `now_ms` has counted, and its number. Logged time never goes back; if a
    /// caller's did, the later window would count.
    fn at(&self, now_ms: u64) -> (u64, u64) {
        match now_ms / self.rule.window_ms {
            number if number > self.number => (number, 0),
            _ => (self.number, self.used),
        }
    }

    fn has_room(&self, more: u64, now_ms: u64) -> bool {
        let (_, used) = self.at(now_ms);
        used.checked_add(more).is_some_and(|sum| sum <= self.rule.most)
    }
}

const MAGIC: [u8; 4] = *b"CWVE";

/// The present windows of all participants.
#[derive(Clone, Debug, Default)]
pub struct Velocity {
    /// By [`Measure::row`], then by participant up to the highest that had a rule.
    windows: Vec<Vec<Option<Window>>>,
    /// One for each row.
    trees: Vec<Tree>,
}

impl Velocity {
    /// No rules.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets or clears a rule of a participant. What the present window has seen
    /// still counts if the length of the window stays the same.
    ///
    /// # Errors
    /// [`LimitReject::ParticipantNotFound`], [`LimitReject::CurrencyNotFound`] above the maximums,
    /// [`LimitReject::AmountTooLarge`], [`LimitReject::WindowZero`].
    pub fn set_rule(
        &mut self,
        id: ParticipantId,
        measure: Measure,
        rule: Option<VelocityRule>,
    ) -> Result<(), LimitReject> {
        if id.index() >= PARTICIPANTS_MAX {
            return Err(LimitReject::ParticipantNotFound);
        }
        if measure.row() >= ROWS_MAX {
            return Err(LimitReject::CurrencyNotFound);
        }
        rule.map_or(Ok(()), check_rule)?;
        let window = self.window_mut(id, measure.row());
        *window = match (rule, *window) {
            (Some(rule), Some(old)) if old.rule.window_ms == rule.window_ms => {
                Some(Window { rule, ..old })
            }
            (rule, _) => rule.map(|rule| Window { rule, number: 0, used: 0 }),
        };
        Ok(())
    }

    /// A rule of a participant.
    pub fn rule(&self, id: ParticipantId, measure: Measure) -> Option<VelocityRule> {
        self.window(id, measure).map(|window| window.rule)
    }

    /// What the window of `now_ms` has counted: orders, or minor units. 0 without a rule.
    pub fn used(&self, id: ParticipantId, measure: Measure, now_ms: u64) -> u64 {
        self.window(id, measure).map_or(0, |window| window.at(now_ms).1)
    }

    /// Whether a participant may hand in an order of `amount` minor units at `now_ms` of logged
    /// time. Without a currency (the order's is not one of the pool's) only the number counts.
    ///
    /// # Errors
    /// [`LimitReject::ExceedsOrderRate`], [`LimitReject::ExceedsValueRate`].
    pub fn allows(
        &self,
        id: ParticipantId,
        currency: Option<CurrencyIndex>,
        amount: u64,
        now_ms: u64,
    ) -> Result<(), LimitReject> {
        let has_room = |measure, more| {
            self.window(id, measure).is_none_or(|window| window.has_room(more, now_ms))
        };
        if !has_room(Measure::Orders, 1) {
            return Err(LimitReject::ExceedsOrderRate);
        }
        if !currency.is_none_or(|currency| has_room(Measure::Value(currency), amount)) {
            return Err(LimitReject::ExceedsValueRate);
        }
        Ok(())
    }

    /// Counts `more` orders or minor units, which [`Velocity::allows`] has allowed.
    pub fn count(&mut self, id: ParticipantId, measure: Measure, more: u64, now_ms: u64) {
        let row = measure.row();
        let windows = self.windows.get_mut(row).and_then(|windows| windows.get_mut(id.index()));
        let Some(Some(window)) = windows else { return };
        let (number, used) = window.at(now_ms);
        // Beyond the maximum nothing is allowed anyway.
        let used = used.saturating_add(more).min(MINOR_MAX);
        *window = Window { number, used, ..*window };
        self.trees[row].mark(id.index());
    }

    fn window(&self, id: ParticipantId, measure: Measure) -> Option<&Window> {
        self.windows.get(measure.row())?.get(id.index())?.as_ref()
    }

    fn window_mut(&mut self, id: ParticipantId, row: usize) -> &mut Option<Window> {
        let index = id.index();
        if self.windows.len() <= row {
            self.windows.resize_with(row + 1, Vec::new);
            self.trees.resize_with(row + 1, Tree::new);
        }
        let windows = &mut self.windows[row];
        if windows.len() <= index {
            windows.resize(index + 1, None);
            self.trees[row].grow(index + 1);
        }
        self.trees[row].mark(index);
        &mut windows[index]
    }

    /// The canonical bytes: magic `CWVE`, version u16, rows u32 (orders, then the currencies); of
    /// each the count of participants u32 and their windows: length u64 (0: no rule, and no more
    /// follows), most u64, number u64, used u64.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = codec::start(MAGIC);
        bytes.extend((self.windows.len() as u32).to_be_bytes());
        for windows in &self.windows {
            bytes.extend((windows.len() as u32).to_be_bytes());
            windows.iter().for_each(|window| push_window(&mut bytes, window.as_ref()));
        }
        bytes
    }

    /// Reads canonical bytes.
    ///
    /// # Errors
    /// [`DecodeError`] for everything that [`Velocity::encode`] does not write.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut cursor = codec::open(MAGIC, bytes)?;
        let mut velocity = Self::new();
        for _ in 0..codec::count(&mut cursor, ROWS_MAX)? {
            let mut windows = Vec::new();
            for _ in 0..codec::count(&mut cursor, PARTICIPANTS_MAX)? {
                windows.push(read_window(&mut cursor)?);
            }
            let mut tree = Tree::new();
            tree.grow(windows.len());
            velocity.windows.push(windows);
            velocity.trees.push(tree);
        }
        codec::finish(&cursor)?;
        Ok(velocity)
    }

    /// The digest of the state. Rehashes only what changed since the last call.
    pub fn root(&mut self) -> Hash {
        let rows = self.trees.iter_mut().zip(&self.windows);
        join_roots(rows.map(|(tree, windows)| tree.root(|index| hash_window(&windows[index]))))
    }

    /// The same digest, from nothing.
    pub fn recompute_root(&self) -> Hash {
        join_roots(self.windows.iter().map(|windows| {
            let leaves: Vec<Hash> = windows.iter().map(hash_window).collect();
            root_of_hashes(&leaves)
        }))
    }
}

fn check_rule(rule: VelocityRule) -> Result<(), LimitReject> {
    if rule.most > MINOR_MAX {
        return Err(LimitReject::AmountTooLarge);
    }
    if rule.window_ms == 0 {
        return Err(LimitReject::WindowZero);
    }
    Ok(())
}

fn join_roots(roots: impl Iterator<Item = Hash>) -> Hash {
    leaf_hash(roots.collect::<Vec<Hash>>().as_flattened())
}

fn hash_window(window: &Option<Window>) -> Hash {
    let mut bytes = Vec::with_capacity(32);
    push_window(&mut bytes, window.as_ref());
    leaf_hash(&bytes)
}

fn push_window(bytes: &mut Vec<u8>, window: Option<&Window>) {
    let Some(Window { rule, number, used }) = window else {
        bytes.extend([0; 8]);
        return;
    };
    bytes.extend(rule.window_ms.to_be_bytes());
    bytes.extend(rule.most.to_be_bytes());
    bytes.extend(number.to_be_bytes());
    bytes.extend(used.to_be_bytes());
}

fn read_window(cursor: &mut Cursor<'_>) -> Result<Option<Window>, DecodeError> {
    let window_ms = cursor.u64()?;
    if window_ms == 0 {
        return Ok(None);
    }
    let rule = VelocityRule { window_ms, most: cursor.u64()? };
    let (number, used) = (cursor.u64()?, cursor.u64()?);
    if check_rule(rule).is_err() || used > MINOR_MAX {
        return Err(DecodeError::OutOfRange);
    }
    Ok(Some(Window { rule, number, used }))
}
