//! Answers about what waits, in the words of the protocol, as far as a caller may know them.

use std::collections::BTreeMap;

use channel::{HeaderView, ParticipantId};
use clearing::{Candidate, Lever, Place, Preview};
use insight::{Obstacle, Unlock, totals};
use ledger::{AccountId, Amount};
use proto::v1;
use settler::PoolView;

use crate::errors::Refusal;
use crate::gateway::Gateway;
use crate::operator::name;
use crate::orders::Orders;

/// Payments that are named one by one, at most.
const PAYMENTS_MAX: usize = 1_000;

/// What answers are worded from.
#[derive(Clone, Copy)]
pub(super) struct Wording<'a> {
    pub(super) gateway: &'a Gateway,
    pub(super) view: &'a PoolView,
    pub(super) preview: &'a Preview,
    /// Whose side is told; all if none.
    pub(super) own: Option<ParticipantId>,
}

impl Wording<'_> {
    /// Whether the caller is told of an account.
    pub(super) fn tells(&self, account: AccountId) -> bool {
        let owner = self.preview.means(account).map(|means| means.participant);
        owner.is_some() && self.own.is_none_or(|own| owner == Some(own))
    }

    fn told(&self, indices: &[usize]) -> impl Iterator<Item = &Candidate> {
        let payments = indices.iter().filter_map(|index| self.preview.payments().get(*index));
        payments.filter(|payment| self.tells(payment.debit))
    }

    /// Payments that the caller sends, or all of them, by currency.
    pub(super) fn totals(&self, indices: &[usize]) -> Vec<v1::PaymentTotal> {
        let total = |total: &insight::Total| v1::PaymentTotal {
            currency_code: total.currency.as_str().to_owned(),
            payments: total.count,
            minor_units: total.minor.to_string(),
        };
        totals(self.preview, self.told(indices)).iter().map(total).collect()
    }

    /// What does not settle.
    pub(super) fn stuck(&self, settles: &[bool]) -> Vec<v1::PaymentTotal> {
        let stuck = settles.iter().enumerate().filter(|(_, settles)| !**settles);
        self.totals(&stuck.map(|(index, _)| index).collect::<Vec<_>>())
    }

    /// Something to do; nothing if none of what it frees may be told.
    pub(super) fn unlock(&self, unlock: &Unlock) -> Option<v1::Unlock> {
        let freed = self.totals(&unlock.effect.freed);
        (!freed.is_empty()).then(|| v1::Unlock {
            levers: unlock.levers.iter().filter_map(|lever| self.lever(*lever)).collect(),
            freed,
            held: self.totals(&unlock.effect.held),
        })
    }

    /// A lever of an account that the caller is told of.
    pub(super) fn lever(&self, lever: Lever) -> Option<v1::Lever> {
        let (kind, account, other, minor) = match lever {
            Lever::Fund { account, minor } => (v1::LeverKind::Fund, account, None, Some(minor)),
            Lever::CreditLine { account, minor } => {
                (v1::LeverKind::CreditLine, account, None, Some(minor))
            }
            Lever::Multilateral { account, limit } => {
                (v1::LeverKind::MultilateralLimit, account, None, limit)
            }
            Lever::Cap { account, cap } => (v1::LeverKind::DebitCap, account, None, cap),
            Lever::Bilateral { debit, credit, limit } => {
                (v1::LeverKind::BilateralLimit, debit, Some(credit), limit)
            }
        };
        self.tells(account).then(|| v1::Lever {
            kind: kind.into(),
            participant: self.owner(account),
            counterparty: other.map_or_else(String::new, |other| self.owner(other)),
            currency_code: self.currency(account),
            minor_units: minor.unwrap_or(0),
            lifted: minor.is_none(),
        })
    }

    /// An obstacle on the caller's side.
    pub(super) fn obstacle(&self, obstacle: &Obstacle) -> Option<v1::Obstacle> {
        let (bound, account, other, by, available) = match *obstacle {
            Obstacle::Short { account, by, bound } => {
                let available = self.preview.means(account)?.liquidity().0;
                (bound_of(bound), account, None, by, available)
            }
            Obstacle::Pair { debit, credit, by } => {
                let available = self.preview.pair(debit, credit)?.room()?;
                (v1::Bound::BilateralLimit, debit, Some(credit), by, available)
            }
            Obstacle::Member => {
                let told = v1::Obstacle { bound: v1::Bound::Group.into(), ..Default::default() };
                return self.own.is_none().then_some(told);
            }
        };
        self.tells(account).then(|| v1::Obstacle {
            bound: bound.into(),
            participant: self.owner(account),
            counterparty: other.map_or_else(String::new, |other| self.owner(other)),
            currency_code: self.currency(account),
            missing: by.to_string(),
            available: available.to_string(),
        })
    }

    /// The terms of payments that the caller sends, or of all, by the places of their orders, from
    /// which their references are read. What one account pays another under an order is one payment,
    /// however many legs of a match that takes. Blocks.
    pub(super) fn payments(&self, indices: &[usize]) -> Result<Vec<v1::PaymentTerms>, Refusal> {
        let mut payments: BTreeMap<(Place, AccountId, AccountId), u64> = BTreeMap::new();
        for payment in self.told(indices) {
            let order = self.preview.order(payment.place);
            let minor = payments.entry((order, payment.debit, payment.credit)).or_default();
            *minor = minor.saturating_add(payment.minor);
        }
        let mut orders = Orders::new(&*self.gateway.log);
        let terms =
            payments.into_iter().take(PAYMENTS_MAX).map(|((place, debit, credit), minor)| {
                let order =
                    orders.at(place).map_err(|fault| Refusal::fault("read orders", &fault))?;
                let currency = self.preview.means(debit).map(|means| means.currency);
                let amount = currency.and_then(|currency| Amount::new(minor, currency).ok());
                Ok(v1::PaymentTerms {
                    uetr: HeaderView::trusted(&order.header).uetr().to_string(),
                    sender: self.owner(debit),
                    receiver: self.owner(credit),
                    amount: amount.map(v1::Money::from),
                })
            });
        terms.collect()
    }

    pub(super) fn owner(&self, account: AccountId) -> String {
        self.preview
            .means(account)
            .map_or_else(String::new, |means| name(self.view, means.participant))
    }

    fn currency(&self, account: AccountId) -> String {
        self.preview
            .means(account)
            .map_or_else(String::new, |means| means.currency.as_str().to_owned())
    }
}

fn bound_of(tightest: clearing::Tightest) -> v1::Bound {
    match tightest {
        clearing::Tightest::Money => v1::Bound::Money,
        clearing::Tightest::Multilateral => v1::Bound::MultilateralLimit,
        clearing::Tightest::Cap => v1::Bound::DebitCap,
    }
}
