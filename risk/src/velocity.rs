//! How much a participant may hand in within a window of logged time.
//!
//! Windows tumble: logged time is cut into stretches of the rule's length, counted from its zero,
//! and each starts at nothing. So what passes at the end of one window and at the start of the next
//! may together be twice what the rule says; in return two numbers a participant are all there is
//! to keep. What is refused does not count.

use ledger::merkle::{leaf_hash, root_of_hashes};
use ledger::{Cursor, Hash, MINOR_MAX, Tree};

use crate::codec::{self, DecodeError};
use crate::participants::{CURRENCIES_MAX, CurrencyIndex, PARTICIPANTS_MAX, ParticipantId};
use crate::reject::LimitReject;

/// The most that one participant may hand in within a window, in one currency.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VelocityRule {
    /// The length of the window in milliseconds, from 1.
    pub window_ms: u64,
    /// Orders; `u64::MAX` for any number.
    pub orders_max: u64,
    /// Minor units, up to [`MINOR_MAX`]; `None` for any value.
    pub value_max: Option<u64>,
}

/// A rule with what its present window has seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Window {
    rule: VelocityRule,
    /// Which window: logged time divided by the window's length.
    number: u64,
    orders: u64,
    /// Minor units.
    value: u128,
}

const MAGIC: [u8; 4] = *b"CWVE";

/// The present windows of all participants.
#[derive(Clone, Debug, Default)]
pub struct Velocity {
    /// By currency, then by participant up to the highest that had a rule.
    windows: Vec<Vec<Option<Window>>>,
    /// One for each currency.
    trees: Vec<Tree>,
}

impl Velocity {
    /// No rules.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets or clears the rule of a participant in a currency. What the present window has seen
    /// still counts if the length of the window stays the same.
    ///
    /// # Errors
    /// [`LimitReject::ParticipantNotFound`], [`LimitReject::CurrencyNotFound`] above the maximums,
    /// [`LimitReject::AmountTooLarge`], [`LimitReject::WindowZero`].
    pub fn set_rule(
        &mut self,
        id: ParticipantId,
        currency: CurrencyIndex,
        rule: Option<VelocityRule>,
    ) -> Result<(), LimitReject> {
        if id.index() >= PARTICIPANTS_MAX {
            return Err(LimitReject::ParticipantNotFound);
        }
        if currency.index() >= CURRENCIES_MAX {
            return Err(LimitReject::CurrencyNotFound);
        }
        rule.map_or(Ok(()), check_rule)?;
        let window = self.window_mut(id, currency);
        *window = match (rule, *window) {
            (Some(rule), Some(old)) if old.rule.window_ms == rule.window_ms => {
                Some(Window { rule, ..old })
            }
            (rule, _) => rule.map(|rule| Window { rule, number: 0, orders: 0, value: 0 }),
        };
        Ok(())
    }

    /// The rule of a participant in a currency.
    pub fn rule(&self, id: ParticipantId, currency: CurrencyIndex) -> Option<VelocityRule> {
        let window = self.windows.get(currency.index())?.get(id.index())?;
        window.map(|window| window.rule)
    }

    /// How many orders of a participant the window of `now_ms` has counted.
    pub fn orders_in_window(&self, id: ParticipantId, currency: CurrencyIndex, now_ms: u64) -> u64 {
        let windows = self.windows.get(currency.index()).and_then(|row| row.get(id.index()));
        let Some(Some(window)) = windows else { return 0 };
        if now_ms / window.rule.window_ms > window.number { 0 } else { window.orders }
    }

    /// Counts an order of `amount` minor units handed in at `now_ms` of logged time, if its
    /// sender's rule allows it.
    ///
    /// Logged time never goes back. If a caller's did, the order would count in the later window.
    ///
    /// # Errors
    /// [`LimitReject::ExceedsOrderRate`], [`LimitReject::ExceedsValueRate`]; then nothing counts.
    pub fn check_and_count(
        &mut self,
        id: ParticipantId,
        currency: CurrencyIndex,
        amount: u64,
        now_ms: u64,
    ) -> Result<(), LimitReject> {
        let windows = self.windows.get_mut(currency.index());
        let Some(Some(window)) = windows.and_then(|windows| windows.get_mut(id.index())) else {
            return Ok(());
        };
        let number = (now_ms / window.rule.window_ms).max(window.number);
        let (orders, value) =
            if number == window.number { (window.orders, window.value) } else { (0, 0) };
        if orders >= window.rule.orders_max {
            return Err(LimitReject::ExceedsOrderRate);
        }
        let value = value + u128::from(amount);
        if window.rule.value_max.is_some_and(|max| value > u128::from(max)) {
            return Err(LimitReject::ExceedsValueRate);
        }
        *window = Window { number, orders: orders + 1, value, ..*window };
        self.trees[currency.index()].mark(id.index());
        Ok(())
    }

    fn window_mut(&mut self, id: ParticipantId, currency: CurrencyIndex) -> &mut Option<Window> {
        let (row, index) = (currency.index(), id.index());
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

    /// The canonical bytes: magic `CWVE`, version u16, currencies u32; of each the count of
    /// participants u32 and their windows: length u64 (0: no rule, and no more follows), most
    /// orders u64, most value u64 (all ones: any), number u64, orders u64, value u128.
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
        for _ in 0..codec::count(&mut cursor, CURRENCIES_MAX)? {
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
    if rule.value_max.is_some_and(|max| max > MINOR_MAX) {
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
    let mut bytes = Vec::with_capacity(56);
    push_window(&mut bytes, window.as_ref());
    leaf_hash(&bytes)
}

fn push_window(bytes: &mut Vec<u8>, window: Option<&Window>) {
    let Some(Window { rule, number, orders, value }) = window else {
        bytes.extend([0; 8]);
        return;
    };
    bytes.extend(rule.window_ms.to_be_bytes());
    bytes.extend(rule.orders_max.to_be_bytes());
    bytes.extend(rule.value_max.unwrap_or(u64::MAX).to_be_bytes());
    bytes.extend(number.to_be_bytes());
    bytes.extend(orders.to_be_bytes());
    bytes.extend(value.to_be_bytes());
}

fn read_window(cursor: &mut Cursor<'_>) -> Result<Option<Window>, DecodeError> {
    let window_ms = cursor.u64()?;
    if window_ms == 0 {
        return Ok(None);
    }
    let orders_max = cursor.u64()?;
    let value_max = Some(cursor.u64()?).filter(|max| *max != u64::MAX);
    let rule = VelocityRule { window_ms, orders_max, value_max };
    let (number, orders, value) = (cursor.u64()?, cursor.u64()?, cursor.u128()?);
    // Every order that was counted is at most an amount.
    let possible = u128::from(orders) * u128::from(MINOR_MAX);
    if check_rule(rule).is_err() || value > possible {
        return Err(DecodeError::OutOfRange);
    }
    Ok(Some(Window { rule, number, orders, value }))
}
