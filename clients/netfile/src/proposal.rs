//! A proposal: what settles, where that leaves everyone, who pays whom.

use std::collections::BTreeMap;

use ledger::{Amount, Currency as Code};
use netting::Mode;

use crate::case::Case;
use crate::error::InputError;
use crate::part::{Part, net_part, split};
use crate::payments::payments;

/// How to net.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// Which sets may settle; without liquidity and limits everything does.
    pub mode: Mode,
    /// Work to spend on each part, in the solver's steps; none for what suits its size.
    pub steps: Option<u64>,
    /// What one whole unit of a currency counts against one of another, where groups join them; 1
    /// if nothing is said.
    pub weights: BTreeMap<Code, u64>,
}

impl Default for Options {
    fn default() -> Self {
        Self { mode: Mode::Free, steps: None, weights: BTreeMap::new() }
    }
}

/// What could be done. It moves no money.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proposal {
    /// What settles now: places in [`Case::obligations`], ascending.
    pub settled: Vec<usize>,
    /// What is left: places in [`Case::obligations`], ascending.
    pub left: Vec<usize>,
    /// How well it came out, by part.
    pub parts: Vec<Part>,
    /// By currency, ascending.
    pub currencies: Vec<Currency>,
    /// By currency and participant, of everyone who pays or receives something now.
    pub positions: Vec<Position>,
    /// What is to be paid, by currency, payer and payee.
    pub payments: Vec<Payment>,
}

/// One currency, before and after.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Currency {
    /// Which.
    pub currency: Code,
    /// How many obligations there are.
    pub obligations: usize,
    /// Their sum.
    pub gross: Amount,
    /// How many settle.
    pub settled: usize,
    /// Their sum.
    pub settled_gross: Amount,
    /// What must be paid for that: the sum of the payments.
    pub net: Amount,
    /// How many payments that takes.
    pub payments: usize,
    /// Whether fewer payments are known to be impossible.
    pub fewest: bool,
}

impl Currency {
    /// What need not be paid: the settled obligations less the payments.
    #[must_use]
    pub fn saved(&self) -> Amount {
        // No net sum exceeds what it is the net of.
        self.settled_gross.checked_sub(self.net).unwrap_or(self.settled_gross)
    }
}

/// What settles for one participant in one currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// Whose: index in [`Case::participants`].
    pub participant: u32,
    /// What it owes of what settles.
    pub owes: Amount,
    /// What it is owed of what settles.
    pub owed: Amount,
    /// What it can pay net, if that was given.
    pub available: Option<Amount>,
}

impl Position {
    /// What it receives net, minor units; below zero it pays.
    #[must_use]
    pub fn net(&self) -> i128 {
        i128::from(self.owed.minor()) - i128::from(self.owes.minor())
    }
}

/// A payment to make.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Payment {
    /// Who pays: index in [`Case::participants`].
    pub from: u32,
    /// Who is paid.
    pub to: u32,
    /// How much.
    pub amount: Amount,
}

/// Nets a case. The same case and options give the same proposal.
///
/// # Errors
/// Weights that are too large.
pub fn net(case: &Case, options: &Options) -> Result<Proposal, InputError> {
    let mut settled = Vec::new();
    let mut parts = Vec::new();
    for currencies in split(case) {
        parts.push(net_part(case, currencies, options, &mut settled)?);
    }
    settled.sort_unstable();
    let mut taken = vec![false; case.obligations.len()];
    settled.iter().for_each(|row| taken[*row] = true);
    let left = (0..taken.len()).filter(|row| !taken[*row]).collect();
    let positions = positions(case, &settled);
    let mut proposal =
        Proposal { settled, left, parts, currencies: Vec::new(), positions, payments: Vec::new() };
    for code in case.currencies() {
        let currency = proposal.pay(code, case, &taken);
        proposal.currencies.push(currency);
    }
    Ok(proposal)
}

impl Proposal {
    /// Adds the payments of a currency; what it comes to.
    fn pay(&mut self, code: Code, case: &Case, taken: &[bool]) -> Currency {
        let own = self.positions.iter().filter(|position| position.owes.currency() == code);
        let nets = own.map(|position| (position.participant, position.net()));
        let nets: Vec<(u32, i128)> = nets.filter(|(_, net)| *net != 0).collect();
        let (moves, fewest) = payments(&nets);
        let net = moves.iter().map(|(_, _, minor)| minor).sum();
        let count = moves.len();
        let payment = |(from, to, minor)| Payment { from, to, amount: money(minor, code) };
        self.payments.extend(moves.into_iter().map(payment));
        let mut currency = Currency {
            currency: code,
            obligations: 0,
            gross: money(0, code),
            settled: 0,
            settled_gross: money(0, code),
            net: money(net, code),
            payments: count,
            fewest,
        };
        let owed = case.obligations.iter().zip(taken);
        for (owed, taken) in owed.filter(|(owed, _)| owed.amount.currency() == code) {
            currency.obligations += 1;
            currency.gross = sum(currency.gross, owed.amount);
            if *taken {
                currency.settled += 1;
                currency.settled_gross = sum(currency.settled_gross, owed.amount);
            }
        }
        currency
    }
}

fn positions(case: &Case, settled: &[usize]) -> Vec<Position> {
    let mut sums: BTreeMap<(Code, u32), (u64, u64)> = BTreeMap::new();
    for row in settled {
        let owed = &case.obligations[*row];
        let code = owed.amount.currency();
        sums.entry((code, owed.debtor)).or_default().0 += owed.amount.minor();
        sums.entry((code, owed.creditor)).or_default().1 += owed.amount.minor();
    }
    let available = |participant, code| {
        let held = case.liquidity.as_ref()?;
        Some(money(held.get(&(participant, code)).copied().unwrap_or(0), code))
    };
    let position = |((code, participant), (owes, owed)): (&(Code, u32), &(u64, u64))| Position {
        participant: *participant,
        owes: money(*owes, *code),
        owed: money(*owed, *code),
        available: available(*participant, *code),
    };
    sums.iter().map(position).collect()
}

/// Sums of a currency are amounts: the input is refused otherwise.
fn money(minor: u64, code: Code) -> Amount {
    let Ok(amount) = Amount::new(minor, code) else {
        unreachable!("all obligations of a currency together have at most 18 digits")
    };
    amount
}

fn sum(one: Amount, other: Amount) -> Amount {
    money(one.minor() + other.minor(), one.currency())
}
