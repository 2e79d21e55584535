//! The banks and liquidity providers of the demonstration and the banks' messages, as the project ships them.

use ledger::{Amount, Currency};
use sdk::ParticipantId;
use serde::Deserialize;

use crate::commands::messages_of;
use crate::dev::FIRST_BANK;
use crate::failure::Failure;

const BANKS: &str = include_str!("../../../../deploy/demo/banks.toml");

/// Each bank's messages of the day, one file per bank.
const FILES: [(&str, &[u8]); 12] = [
    ("ALBKGB2L", include_bytes!("../../../../deploy/demo/day/ALBKGB2L.xml")),
    ("RHNBDEFF", include_bytes!("../../../../deploy/demo/day/RHNBDEFF.xml")),
    ("SEQBFRPP", include_bytes!("../../../../deploy/demo/day/SEQBFRPP.xml")),
    ("HUDSUS33", include_bytes!("../../../../deploy/demo/day/HUDSUS33.xml")),
    ("LAKEUS44", include_bytes!("../../../../deploy/demo/day/LAKEUS44.xml")),
    ("SAKUJPJT", include_bytes!("../../../../deploy/demo/day/SAKUJPJT.xml")),
    ("HELVCHZZ", include_bytes!("../../../../deploy/demo/day/HELVCHZZ.xml")),
    ("AMSTNL2A", include_bytes!("../../../../deploy/demo/day/AMSTNL2A.xml")),
    ("MERLSGSG", include_bytes!("../../../../deploy/demo/day/MERLSGSG.xml")),
    ("BALTSESS", include_bytes!("../../../../deploy/demo/day/BALTSESS.xml")),
    ("TEJOPTPL", include_bytes!("../../../../deploy/demo/day/TEJOPTPL.xml")),
    ("MAPLCATT", include_bytes!("../../../../deploy/demo/day/MAPLCATT.xml")),
];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    banks: Vec<Bank>,
    providers: Vec<Provider>,
}

/// A liquidity provider.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Provider {
    pub(crate) bic: String,
    pub(crate) country: String,
    /// What it brings in the morning, one amount per currency.
    money: Vec<String>,
}

impl Provider {
    pub(crate) fn money(&self) -> impl Iterator<Item = Result<Amount, Failure>> {
        let fault = |error: ledger::MoneyError| Failure::fault(error.to_string());
        self.money.iter().map(move |text| Amount::parse_text(text).map_err(fault))
    }
}

/// Who plays the day beside the officials: the banks, then the providers, numbered in this order.
#[derive(Debug, Clone)]
pub(crate) struct Cast {
    pub(crate) banks: Vec<Bank>,
    pub(crate) providers: Vec<Provider>,
}

impl Cast {
    /// Numbers, BICs and countries.
    pub(crate) fn members(&self) -> impl Iterator<Item = (ParticipantId, &str, &str)> {
        let banks = self.banks.iter().map(|bank| (bank.bic.as_str(), bank.country.as_str()));
        let providers = self.providers.iter().map(|it| (it.bic.as_str(), it.country.as_str()));
        let numbered = (FIRST_BANK..).map(ParticipantId).zip(banks.chain(providers));
        numbered.map(|(id, (bic, country))| (id, bic, country))
    }

    /// The number of a bank or a provider.
    pub(crate) fn number(&self, bic: &str) -> Result<ParticipantId, Failure> {
        let found = self.members().find(|(_, name, _)| *name == bic).map(|(id, ..)| id);
        found.ok_or_else(|| Failure::fault(format!("no bank {bic}")))
    }
}

/// A bank.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Bank {
    pub(crate) bic: String,
    pub(crate) country: String,
    currencies: Vec<String>,
    /// Its part of the day's traffic, relative to the others'.
    #[cfg_attr(not(test), expect(dead_code, reason = "only the messages' generator needs it"))]
    pub(crate) share: u64,
    /// What it brings in the morning: thousandths of what it will pay out.
    pub(crate) liquidity: u64,
}

impl Bank {
    /// The currencies in which it has an account.
    pub(crate) fn currencies(&self) -> impl Iterator<Item = Currency> {
        self.currencies.iter().filter_map(|code| Currency::parse(code).ok())
    }

    /// Its messages of the day.
    pub(crate) fn messages(&self) -> Vec<&'static [u8]> {
        let file = FILES.iter().find(|(bic, _)| *bic == self.bic);
        file.map_or_else(Vec::new, |(_, bytes)| messages_of(bytes))
    }
}

/// Who plays the day.
pub(crate) fn cast() -> Result<Cast, Failure> {
    let file: File = toml::from_str(BANKS)
        .map_err(|error| Failure::fault(format!("banks.toml: {}", error.message())))?;
    Ok(Cast { banks: file.banks, providers: file.providers })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_bank_is_whole() {
        let Cast { banks, providers } = cast().unwrap();
        assert_eq!(banks.len(), FILES.len());
        for bank in &banks {
            assert!(iso20022::Bic::parse(&bank.bic).is_some());
            assert_eq!(bank.currencies().count(), bank.currencies.len(), "{}", bank.bic);
            assert!(!bank.messages().is_empty(), "{}", bank.bic);
        }
        for provider in providers {
            assert!(iso20022::Bic::parse(&provider.bic).is_some());
            assert!(provider.money().all(|money| money.is_ok()), "{}", provider.bic);
        }
    }
}
