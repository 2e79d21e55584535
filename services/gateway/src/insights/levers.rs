//! What a caller wants to be thought of as done, checked.

use channel::{ParticipantId, Role};
use clearing::Lever;
use ledger::{AccountId, Currency, MINOR_MAX};
use proto::v1;
use settler::PoolView;

use crate::errors::Refusal;

/// Levers of one question, at most.
const LEVERS_MAX: usize = 64;

/// Levers, and the pairs of accounts that they are about.
#[derive(Debug, Default)]
pub(super) struct Levers {
    pub(super) levers: Vec<Lever>,
    pub(super) pairs: Vec<(AccountId, AccountId)>,
}

impl Levers {
    /// The levers of a request. `own` may only pull those of its own accounts and limits.
    pub(super) fn of(
        own: Option<ParticipantId>,
        view: &PoolView,
        wanted: &[v1::Lever],
    ) -> Result<Self, Refusal> {
        if wanted.len() > LEVERS_MAX {
            let message = format!("must be at most {LEVERS_MAX}");
            return Err(Refusal::field("levers", "TOO_MANY_LEVERS", message));
        }
        let mut found = Self::default();
        for (at, lever) in wanted.iter().enumerate() {
            found.add(&Reading { view, own, at }, lever)?;
        }
        Ok(found)
    }

    fn add(&mut self, reading: &Reading<'_>, lever: &v1::Lever) -> Result<(), Refusal> {
        let currency = Currency::parse(&lever.currency_code)
            .map_err(|_| reading.field("currency_code", "must be an ISO 4217 code"))?;
        if lever.minor_units > MINOR_MAX || (lever.lifted && lever.minor_units != 0) {
            let message = format!("must be at most {MINOR_MAX}, and 0 where a limit is lifted");
            return Err(reading.field("minor_units", message));
        }
        let own = reading.participant(&lever.participant, "participant", reading.own)?;
        let account = reading.account(own, currency)?;
        let minor = lever.minor_units;
        let limit = (!lever.lifted).then_some(minor);
        let lever = match lever.kind() {
            v1::LeverKind::Fund => Lever::Fund { account, minor },
            v1::LeverKind::CreditLine => Lever::CreditLine { account, minor },
            v1::LeverKind::MultilateralLimit => Lever::Multilateral { account, limit },
            v1::LeverKind::DebitCap => Lever::Cap { account, cap: limit },
            v1::LeverKind::BilateralLimit => {
                let other = reading.participant(&lever.counterparty, "counterparty", None)?;
                let credit = reading.account(other, currency)?;
                if credit == account {
                    return Err(reading.field("counterparty", "must be another participant"));
                }
                self.pairs.push((account, credit));
                Lever::Bilateral { debit: account, credit, limit }
            }
            v1::LeverKind::Unspecified => {
                return Err(reading.field("kind", "must be one of the known kinds"));
            }
        };
        self.levers.push(lever);
        Ok(())
    }
}

/// The lever that is being read.
struct Reading<'a> {
    view: &'a PoolView,
    own: Option<ParticipantId>,
    at: usize,
}

impl Reading<'_> {
    fn field(&self, name: &str, message: impl Into<String>) -> Refusal {
        Refusal::field(format!("levers[{}].{name}", self.at), "LEVER_INVALID", message)
    }

    /// Who may have accounts, by its name; if it must be `only`, its name may be left out.
    fn participant(
        &self,
        name: &str,
        field: &str,
        only: Option<ParticipantId>,
    ) -> Result<ParticipantId, Refusal> {
        if let (Some(only), true) = (only, name.is_empty()) {
            return Ok(only);
        }
        let found = self.view.directory.named(name).map(|member| &member.participant);
        let holds = |role| matches!(role, Role::Bank | Role::LiquidityProvider);
        let found = found.filter(|found| holds(found.role)).map(|found| found.id);
        match found.filter(|found| only.is_none_or(|only| *found == only)) {
            Some(found) => Ok(found),
            None if only.is_some() => Err(self.field(field, "must be the caller itself")),
            None => Err(self.field(field, "must be the name of a bank or a liquidity provider")),
        }
    }

    fn account(&self, owner: ParticipantId, currency: Currency) -> Result<AccountId, Refusal> {
        let accounts = self.view.directory.accounts().iter().map(|account| account.info);
        let mut own =
            accounts.filter(|info| info.participant == Some(owner) && info.currency == currency);
        own.next()
            .map(|info| info.account)
            .ok_or_else(|| self.field("currency_code", "no such account in this currency"))
    }
}
