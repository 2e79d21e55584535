//! What can be done about what waits: read from the command line, said in words.

use ledger::{Amount, Currency};
use sdk::v1;
use serde_json::{Value, json};

use super::show::{decimal, payments, spoken, spoken_text};
use crate::output::printable;

/// A lever on one bank's account: `BANK:CCY:AMOUNT`.
pub(crate) fn parse(kind: v1::LeverKind, text: &str) -> Result<v1::Lever, String> {
    let parts: Vec<&str> = text.split(':').collect();
    let (participant, counterparty, currency, amount) = match (kind, parts.as_slice()) {
        (v1::LeverKind::BilateralLimit, [from, to, currency, amount]) => {
            (*from, *to, *currency, *amount)
        }
        (v1::LeverKind::BilateralLimit, _) => {
            return Err("must be FROM:TO:CURRENCY:AMOUNT, or `none` for AMOUNT".to_owned());
        }
        (_, [bank, currency, amount]) => (*bank, "", *currency, *amount),
        _ => return Err("must be BANK:CURRENCY:AMOUNT".to_owned()),
    };
    let currency = Currency::parse(currency).map_err(|error| error.to_string())?;
    let may_be_lifted = !matches!(kind, v1::LeverKind::Fund | v1::LeverKind::CreditLine);
    let lifted = may_be_lifted && amount == "none";
    let minor_units = if lifted {
        0
    } else {
        Amount::parse(amount, currency).map_err(|error| error.to_string())?.minor()
    };
    Ok(v1::Lever {
        kind: kind.into(),
        participant: participant.to_owned(),
        counterparty: counterparty.to_owned(),
        currency_code: currency.as_str().to_owned(),
        minor_units,
        lifted,
    })
}

/// A lever as something to do.
pub(crate) fn sentence(lever: &v1::Lever) -> String {
    let amount = spoken(lever.minor_units.into(), &lever.currency_code);
    let (bank, other) = (printable(&lever.participant), printable(&lever.counterparty));
    let to = if lever.lifted { "away".to_owned() } else { format!("to {amount}") };
    let move_ = |what: &str| match lever.lifted {
        true => format!("take {bank}'s {what} {to}"),
        false => format!("set {bank}'s {what} {to}"),
    };
    match lever.kind() {
        v1::LeverKind::Fund => format!("pay in {amount} for {bank}"),
        v1::LeverKind::CreditLine => move_("credit line"),
        v1::LeverKind::BilateralLimit => move_(&format!("limit towards {other}")),
        v1::LeverKind::MultilateralLimit => move_("limit towards all others"),
        v1::LeverKind::DebitCap => move_("debit cap"),
        v1::LeverKind::Unspecified => "do something this version does not know".to_owned(),
    }
}

/// A lever for programs.
pub(crate) fn object(lever: &v1::Lever) -> Value {
    let currency = lever.currency_code.as_str();
    let text = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    json!({
        "kind": lever.kind().as_str_name().trim_start_matches("LEVER_KIND_").to_lowercase(),
        "participant": lever.participant,
        "counterparty": text(&lever.counterparty),
        "currency": currency,
        "amount": (!lever.lifted).then(|| decimal(lever.minor_units.into(), currency)),
    })
}

/// Payments by currency, in words.
pub(crate) fn totals(totals: &[v1::PaymentTotal]) -> String {
    let words = totals.iter().map(|total| {
        let amount = spoken_text(&total.minor_units, &total.currency_code);
        format!("{}, {amount}", payments(total.payments))
    });
    let words = words.collect::<Vec<_>>().join("; ");
    if words.is_empty() { "nothing".to_owned() } else { words }
}

/// Payments by currency, for programs.
pub(crate) fn total_objects(totals: &[v1::PaymentTotal]) -> Vec<Value> {
    let object = |total: &v1::PaymentTotal| {
        let currency = total.currency_code.as_str();
        let amount = total.minor_units.parse().map(|minor| decimal(minor, currency));
        let amount = amount.unwrap_or_else(|_| total.minor_units.clone());
        json!({ "currency": currency, "payments": total.payments, "amount": amount })
    };
    totals.iter().map(object).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levers_are_read_exactly() {
        let lever = parse(v1::LeverKind::Fund, "ALBKGB2L:USD:1200000").unwrap();
        assert_eq!((lever.participant.as_str(), lever.minor_units), ("ALBKGB2L", 120_000_000));
        assert_eq!(sentence(&lever), "pay in 1,200,000.00 USD for ALBKGB2L");
        let limit = parse(v1::LeverKind::BilateralLimit, "A:B:JPY:none").unwrap();
        assert!(limit.lifted && limit.counterparty == "B");
        assert_eq!(sentence(&limit), "take A's limit towards B away");
        assert_eq!(object(&limit)["amount"], Value::Null);
        for (kind, text) in [
            (v1::LeverKind::Fund, "ALBKGB2L:USD"),
            (v1::LeverKind::Fund, "ALBKGB2L:USD:none"),
            (v1::LeverKind::Fund, "ALBKGB2L:USD:1.001"),
            (v1::LeverKind::Fund, "ALBKGB2L:USD:-1"),
            (v1::LeverKind::BilateralLimit, "A:JPY:5"),
            (v1::LeverKind::DebitCap, "A:dollars:5"),
        ] {
            assert!(parse(kind, text).is_err(), "{text}");
        }
    }
}
