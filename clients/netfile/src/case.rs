//! What is to be netted, checked and numbered.

use std::collections::BTreeMap;

use ledger::{Amount, Currency};

/// Classes of obligations: 0 comes first.
pub const CLASSES: u8 = 4;

/// One obligation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Obligation {
    /// Who owes: index in [`Case::participants`].
    pub debtor: u32,
    /// Who is owed: index in [`Case::participants`].
    pub creditor: u32,
    /// How much.
    pub amount: Amount,
    /// 0 (first) to 3.
    pub class: u8,
    /// Obligations of one group settle together or not at all: index in [`Case::groups`].
    pub group: Option<u32>,
    /// What it is called; each reference once in a case.
    pub reference: String,
}

/// The most that a participant will pay net.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    /// Whose payments: index in [`Case::participants`].
    pub participant: u32,
    /// To whom; to everyone together if none.
    pub counterparty: Option<u32>,
    /// How much, net.
    pub amount: Amount,
}

/// Everything that is to be netted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Case {
    /// Who takes part, by name.
    pub participants: Vec<String>,
    /// The groups' names.
    pub groups: Vec<String>,
    /// The obligations in the order in which they came: dated ones by date and before all others.
    pub obligations: Vec<Obligation>,
    /// Per participant and currency, minor units: what can be paid beyond what is received; what is
    /// not named is zero. None if no liquidity was given: then everybody can pay.
    pub liquidity: Option<BTreeMap<(u32, Currency), u64>>,
    /// Limits, each participant, counterparty and currency once.
    pub limits: Vec<Limit>,
}

impl Case {
    /// A participant's name.
    #[must_use]
    pub fn name(&self, participant: u32) -> &str {
        self.participants.get(participant as usize).map_or("", String::as_str)
    }

    /// The currencies of the obligations, ascending.
    #[must_use]
    pub fn currencies(&self) -> Vec<Currency> {
        let mut currencies: Vec<Currency> =
            self.obligations.iter().map(|owed| owed.amount.currency()).collect();
        currencies.sort_unstable();
        currencies.dedup();
        currencies
    }
}
