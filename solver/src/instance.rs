//! The translation.

use channel::AGES;
use clearing::{Candidates, Place, Prices};
use ledger::AccountId;
use netting::{Instance, Limit, MINOR_MAX, Payment};

/// The class, in netting's terms, of a payment of this class and age.
#[must_use]
pub const fn netting_class(class: u8, age: u8) -> u8 {
    class * AGES + (AGES - 1 - age)
}

/// The candidates as an instance. Its payments are the candidates, row by row, then one for each
/// broken group; its participants are the members of the directory, then one that nobody is.
#[must_use]
pub fn instance(candidates: &Candidates) -> Instance {
    let nobody = nobody(candidates);
    let weights = &candidates.weights;
    let classes = weights
        .class
        .iter()
        .flat_map(|class| (0..AGES).rev().map(|age| u64::from(*class) * u64::from(1 + age)));
    let mut instance = Instance {
        participants: nobody + 1,
        currency_weights: weights.currency.iter().copied().map(u64::from).collect(),
        class_weights: classes.collect(),
        ..Instance::default()
    };
    instance.liquidity = vec![0; instance.participants as usize * instance.currencies()];
    for account in &candidates.accounts {
        if let Some(member) = account.member {
            let node = instance.node(member, account.currency.into());
            instance.liquidity[node] = bounded(account.liquidity).cast_signed();
        }
    }
    instance.payments = payments(candidates, nobody);
    instance.limits = limits(candidates);
    instance
}

/// One above the last member.
fn nobody(candidates: &Candidates) -> u32 {
    let members = candidates.accounts.iter().filter_map(|account| account.member);
    members.max().map_or(0, |last| last + 1)
}

fn bounded(minor: u128) -> u64 {
    u64::try_from(minor).unwrap_or(MINOR_MAX).min(MINOR_MAX)
}

/// The member and the currency of an account; the mirrors of the currencies belong to nobody.
fn holder(candidates: &Candidates, account: AccountId) -> (u32, u16) {
    let account = &candidates.accounts[account.0 as usize];
    (account.member.unwrap_or_else(|| nobody(candidates)), account.currency.into())
}

fn payments(candidates: &Candidates, nobody: u32) -> Vec<Payment> {
    let mut payments = Vec::with_capacity(candidates.payments.len());
    for (seq, candidate) in (0..).zip(&candidates.payments) {
        let (debtor, currency) = holder(candidates, candidate.debit);
        payments.push(Payment {
            seq,
            debtor,
            creditor: holder(candidates, candidate.credit).0,
            currency,
            class: netting_class(candidate.class, candidate.age),
            amount: candidate.minor,
            group: candidate.group,
        });
    }
    let next = payments.len() as u64;
    let never = (next..).zip(&candidates.broken_groups).map(|(seq, group)| Payment {
        seq,
        debtor: nobody,
        creditor: 0,
        currency: 0,
        class: netting_class(0, 0),
        amount: 1,
        group: Some(*group),
    });
    payments.extend(never);
    payments
}

fn limits(candidates: &Candidates) -> Vec<Limit> {
    let rows = candidates.limits.iter().map(|row| {
        let (debtor, currency) = holder(candidates, row.debit);
        let creditor = Some(holder(candidates, row.credit).0);
        Limit { debtor, creditor, currency, minor: bounded(row.room) }
    });
    rows.collect()
}

/// The places of settled rows of the [`instance`], ascending.
#[must_use]
pub fn places(candidates: &Candidates, rows: &[usize]) -> Vec<Place> {
    let settled = rows.iter().filter_map(|row| candidates.payments.get(*row));
    let mut places: Vec<Place> = settled.map(|candidate| candidate.place).collect();
    places.sort_unstable();
    places
}

/// Where the prices of accounts and of limits stand among netting's.
struct Rows {
    /// By account.
    accounts: Vec<Option<usize>>,
    /// By limit.
    limits: Vec<usize>,
}

impl Rows {
    fn new(candidates: &Candidates) -> Self {
        let currencies = candidates.weights.currency.len();
        let node = |account: AccountId| {
            let (member, currency) = holder(candidates, account);
            member as usize * currencies + usize::from(currency)
        };
        let ids = (0..).map(AccountId).zip(&candidates.accounts);
        let accounts = ids.map(|(id, account)| account.member.map(|_| node(id))).collect();
        let pairs = candidates.limits.iter().map(|row| (node(row.debit), node(row.credit)));
        let mut order: Vec<_> = pairs.enumerate().map(|(limit, pair)| (pair, limit)).collect();
        order.sort_unstable();
        let nodes = (nobody(candidates) as usize + 1) * currencies;
        let mut limits = vec![0; order.len()];
        for (row, (_, limit)) in (nodes..).zip(order) {
            limits[limit] = row;
        }
        Self { accounts, limits }
    }
}

/// Netting's prices (one per node, then one per bilateral limit) as the pool numbers them; empty
/// if there are none.
#[must_use]
pub fn prices(candidates: &Candidates, found: &[u64]) -> Prices {
    if found.is_empty() {
        return Prices::default();
    }
    let rows = Rows::new(candidates);
    let price = |row: usize| found.get(row).copied().unwrap_or(0);
    Prices {
        accounts: rows.accounts.iter().map(|row| row.map_or(0, price)).collect(),
        limits: rows.limits.iter().map(|row| price(*row)).collect(),
    }
}

/// The prices of an earlier cut as netting numbers them now. Those of limits are left out: there
/// may be others today.
#[must_use]
pub fn start(candidates: &Candidates, earlier: &Prices) -> Vec<u64> {
    let rows = Rows::new(candidates);
    let nodes = (nobody(candidates) as usize + 1) * candidates.weights.currency.len();
    let mut start = vec![0; nodes];
    for (row, price) in rows.accounts.iter().zip(&earlier.accounts) {
        if let Some(row) = row {
            start[*row] = *price;
        }
    }
    start
}
