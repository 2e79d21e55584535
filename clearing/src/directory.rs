//! Who takes part: participants, currencies with their days and mirrors, accounts.
//!
//! Participants and currencies are numbered densely in the order in which they came, and an
//! account is found in a table of (participant, currency). Nothing is ever removed.

use std::collections::{BTreeMap, BTreeSet};

use channel::{Participant, ParticipantId, Role, Status};
use ledger::{AccountId, Currency};

use crate::day::Day;
use crate::outcome::AccountInfo;
use crate::reject::Reject;

/// Participants of a pool, at most.
pub const PARTICIPANTS_MAX: usize = 16_384;
/// Currencies a pool ever had, at most.
pub const CURRENCIES_MAX: usize = 32;

const NONE: u32 = u32::MAX;

/// A participant and whether it takes part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Who it is.
    pub participant: Participant,
    /// Whether it takes part.
    pub status: Status,
}

/// A currency of the pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PoolCurrency {
    /// Which.
    pub currency: Currency,
    /// The account that mirrors the money held elsewhere; funding debits it.
    pub mirror: AccountId,
    /// Whether the present rule book settles it.
    pub listed: bool,
    /// Its business day.
    pub day: Day,
}

/// An account by its dense numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Holder {
    /// The owner's index; none for a mirror.
    pub(crate) member: Option<u32>,
    pub(crate) currency: u8,
}

/// Participants, currencies and accounts.
#[derive(Debug, Default)]
pub struct Directory {
    members: Vec<Member>,
    by_id: BTreeMap<ParticipantId, u32>,
    /// For numbers below the table's length: their index, or [`NONE`].
    small_ids: Vec<u32>,
    names: BTreeSet<String>,
    currencies: Vec<PoolCurrency>,
    holders: Vec<Holder>,
    /// By participant × [`CURRENCIES_MAX`] + currency: the account, or [`NONE`].
    matrix: Vec<u32>,
    version: u64,
}

const SMALL_IDS: usize = 65_536;

impl Directory {
    /// All participants, in the order in which they came.
    #[must_use]
    pub fn members(&self) -> &[Member] {
        &self.members
    }

    /// A participant by its number.
    #[must_use]
    pub fn member(&self, id: ParticipantId) -> Option<&Member> {
        self.index(id).map(|index| &self.members[index as usize])
    }

    /// The currencies, in the order in which they came.
    #[must_use]
    pub fn currencies(&self) -> &[PoolCurrency] {
        &self.currencies
    }

    /// All accounts, by number.
    pub fn accounts(&self) -> impl ExactSizeIterator<Item = AccountInfo> {
        (0..self.holders.len() as u32).map(|account| self.info(AccountId(account)))
    }

    /// A participant's account in a currency.
    #[must_use]
    pub fn account(&self, id: ParticipantId, currency: Currency) -> Option<AccountId> {
        self.account_at(self.index(id)?, self.currency_index(currency.to_bytes())?)
    }

    /// An account of the pool, if there is one of this number.
    #[must_use]
    pub fn account_info(&self, account: AccountId) -> Option<AccountInfo> {
        ((account.0 as usize) < self.holders.len()).then(|| self.info(account))
    }

    /// Changes with every change of what is in here.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.version
    }

    pub(crate) fn touch(&mut self) {
        self.version += 1;
    }

    pub(crate) fn set_version(&mut self, version: u64) {
        self.version = version;
    }

    pub(crate) fn index(&self, id: ParticipantId) -> Option<u32> {
        match self.small_ids.get(id.0 as usize) {
            Some(&NONE) => None,
            Some(&index) => Some(index),
            None => self.by_id.get(&id).copied(),
        }
    }

    /// The index of a currency that the present rule book settles.
    pub(crate) fn currency_index(&self, code: [u8; 3]) -> Option<u8> {
        let found =
            (0..).zip(&self.currencies).find(|(_, known)| known.currency.to_bytes() == code);
        found.filter(|(_, known)| known.listed).map(|(index, _)| index)
    }

    pub(crate) fn account_at(&self, member: u32, currency: u8) -> Option<AccountId> {
        let account = self.matrix[member as usize * CURRENCIES_MAX + usize::from(currency)];
        (account != NONE).then_some(AccountId(account))
    }

    pub(crate) fn holder(&self, account: AccountId) -> Holder {
        self.holders[account.0 as usize]
    }

    pub(crate) fn holders(&self) -> &[Holder] {
        &self.holders
    }

    pub(crate) fn owner(&self, account: AccountId) -> Option<ParticipantId> {
        let member = self.holder(account).member?;
        Some(self.members[member as usize].participant.id)
    }

    pub(crate) fn at(&self, index: u32) -> &Member {
        &self.members[index as usize]
    }

    pub(crate) fn currency(&self, index: u8) -> &PoolCurrency {
        &self.currencies[usize::from(index)]
    }

    pub(crate) fn day(&self, index: u8) -> &Day {
        &self.currencies[usize::from(index)].day
    }

    pub(crate) fn day_mut(&mut self, index: u8) -> &mut Day {
        self.version += 1;
        &mut self.currencies[usize::from(index)].day
    }

    pub(crate) fn info(&self, account: AccountId) -> AccountInfo {
        let holder = self.holder(account);
        AccountInfo {
            account,
            participant: self.owner(account),
            currency: self.currencies[usize::from(holder.currency)].currency,
        }
    }

    /// Takes in a participant.
    ///
    /// # Errors
    /// [`Reject::ParticipantExists`], [`Reject::CapacityFull`].
    pub(crate) fn add(&mut self, participant: Participant) -> Result<(), Reject> {
        let taken = self.by_id.contains_key(&participant.id);
        if taken || self.names.contains(&participant.name) {
            return Err(Reject::ParticipantExists);
        }
        if self.members.len() == PARTICIPANTS_MAX {
            return Err(Reject::CapacityFull);
        }
        self.insert(Member { participant, status: Status::Active });
        Ok(())
    }

    pub(crate) fn insert(&mut self, member: Member) {
        let (id, index) = (member.participant.id, self.members.len() as u32);
        if let Some(small) = usize::try_from(id.0).ok().filter(|small| *small < SMALL_IDS) {
            if self.small_ids.len() <= small {
                self.small_ids.resize(small + 1, NONE);
            }
            self.small_ids[small] = index;
        }
        self.by_id.insert(id, index);
        self.names.insert(member.participant.name.clone());
        self.members.push(member);
        self.matrix.resize(self.members.len() * CURRENCIES_MAX, NONE);
        self.version += 1;
    }

    /// Another identity key.
    pub(crate) fn set_key(&mut self, index: u32, key: [u8; 32]) {
        self.members[index as usize].participant.key = key;
        self.version += 1;
    }

    pub(crate) fn set_status(&mut self, index: u32, status: Status) {
        self.members[index as usize].status = status;
        self.version += 1;
    }

    /// Operators that take part.
    pub(crate) fn active_operators(&self) -> usize {
        let active = |member: &&Member| {
            member.participant.role == Role::Operator && member.status == Status::Active
        };
        self.members.iter().filter(active).count()
    }

    /// Appends a currency; its mirror is the account opened last.
    pub(crate) fn add_currency(&mut self, known: PoolCurrency) {
        self.currencies.push(known);
        self.version += 1;
    }

    /// Names the currencies that the present rule book settles.
    pub(crate) fn list(&mut self, listed: &[Currency]) {
        for known in &mut self.currencies {
            known.listed = listed.contains(&known.currency);
        }
        self.version += 1;
    }

    /// Whether a bank has an account in a currency.
    pub(crate) fn in_use(&self, currency: u8) -> bool {
        self.holders.iter().any(|holder| holder.member.is_some() && holder.currency == currency)
    }

    /// Notes whose the next account in the books is.
    pub(crate) fn add_holder(&mut self, holder: Holder) -> AccountInfo {
        let account = AccountId(self.holders.len() as u32);
        self.holders.push(holder);
        if let Some(member) = holder.member {
            let at = member as usize * CURRENCIES_MAX + usize::from(holder.currency);
            self.matrix[at] = account.0;
        }
        self.version += 1;
        AccountInfo {
            account,
            participant: self.owner(account),
            currency: self.currencies[usize::from(holder.currency)].currency,
        }
    }
}
