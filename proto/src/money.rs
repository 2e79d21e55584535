//! `Money` and `NetMoney` to and from [`Amount`].

use ledger::{Amount, Currency};
use thiserror::Error;

use crate::v1::{Money, NetMoney};

/// A `Money` that is no amount. Names the field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum MoneyFieldError {
    /// Not the code of a currency with minor units.
    #[error("currency_code: must be an ISO 4217 code with minor units, upper case")]
    Currency,
    /// Negative or more than 18 digits.
    #[error("minor_units: must be 0 to 999999999999999999")]
    MinorUnits,
}

impl From<Amount> for Money {
    fn from(amount: Amount) -> Self {
        Self {
            currency_code: amount.currency().as_str().to_owned(),
            // An amount has at most 18 digits: it always fits.
            minor_units: i64::try_from(amount.minor()).unwrap_or(i64::MAX),
        }
    }
}

impl TryFrom<&Money> for Amount {
    type Error = MoneyFieldError;

    fn try_from(money: &Money) -> Result<Self, MoneyFieldError> {
        let currency =
            Currency::parse(&money.currency_code).map_err(|_| MoneyFieldError::Currency)?;
        let minor = u64::try_from(money.minor_units).map_err(|_| MoneyFieldError::MinorUnits)?;
        Amount::new(minor, currency).map_err(|_| MoneyFieldError::MinorUnits)
    }
}

impl NetMoney {
    /// A net position in `currency`.
    #[must_use]
    pub fn new(minor: i128, currency: Currency) -> Self {
        Self { currency_code: currency.as_str().to_owned(), minor_units: minor.to_string() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_come_back_whole() {
        let usd = Currency::parse("USD").unwrap();
        for minor in [0, 1, ledger::MINOR_MAX] {
            let amount = Amount::new(minor, usd).unwrap();
            assert_eq!(Amount::try_from(&Money::from(amount)), Ok(amount));
        }
    }

    #[test]
    fn what_is_no_amount_is_refused_by_field() {
        let money = |code: &str, minor_units| Money { currency_code: code.into(), minor_units };
        assert_eq!(Amount::try_from(&money("usd", 1)), Err(MoneyFieldError::Currency));
        assert_eq!(Amount::try_from(&money("USD", -1)), Err(MoneyFieldError::MinorUnits));
        assert_eq!(Amount::try_from(&money("USD", i64::MAX)), Err(MoneyFieldError::MinorUnits));
    }
}
