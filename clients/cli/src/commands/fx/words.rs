//! Orders of two currencies as rows.

use sdk::{FxTerms, v1};
use serde_json::{Value, json};

use crate::commands::show;
use crate::output::{Cell, Row};

/// What an order asks for.
pub(crate) fn terms_cells(terms: FxTerms) -> Row {
    let (amount, rate) = match terms {
        FxTerms::Instruction { counter } => {
            let text = show::decimal(counter.minor().into(), counter.currency().as_str());
            (Cell::Digits(text), Cell::None)
        }
        FxTerms::Payment { limit, .. } => (Cell::None, Cell::Digits(limit.to_string())),
    };
    vec![
        ("counter_amount", amount),
        ("counter_currency", terms.currency().to_string().into()),
        ("limit_rate", rate),
    ]
}

/// What an order asks for and what it is matched with.
pub(crate) fn exchange_cells(exchange: &v1::Exchange) -> Row {
    let fills: Vec<Value> = exchange.fills.iter().map(fill_json).collect();
    let texts: Vec<String> = exchange.fills.iter().map(fill_text).collect();
    let fills = match fills.len() {
        0 => Cell::None,
        _ => Cell::List { items: fills, text: texts.join("; ") },
    };
    vec![
        ("counter_amount", show::money(exchange.counter_amount.as_ref())),
        ("counter_currency", exchange.counter_currency_code.as_str().into()),
        ("limit_rate", show::rate(exchange.limit_rate.as_ref())),
        ("fills", fills),
        ("match_until", show::instant_or_none(exchange.match_until_ms)),
    ]
}

fn fill_json(fill: &v1::Fill) -> Value {
    json!({
        "provider": (!fill.provider.is_empty()).then_some(&fill.provider),
        "sold": show::money(fill.sold.as_ref()).to_text(),
        "bought": show::money(fill.bought.as_ref()).to_text(),
        "rate": show::rate(fill.rate.as_ref()).to_text(),
        "side": show::side(fill.side()).to_text(),
    })
}

/// `50.00>54.13 maker@1.0826`; the one who takes what crosses has no name but `midpoint`.
fn fill_text(fill: &v1::Fill) -> String {
    let (sold, bought) = (show::money(fill.sold.as_ref()), show::money(fill.bought.as_ref()));
    let (sold, bought) = (sold.to_text(), bought.to_text());
    let with = if fill.provider.is_empty() { "midpoint" } else { &fill.provider };
    format!("{sold}>{bought} {with}@{}", show::rate(fill.rate.as_ref()).to_text())
}
