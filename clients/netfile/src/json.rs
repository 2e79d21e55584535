//! JSON: obligations, and liquidity and limits beside them; amounts are strings.

use serde::Deserialize;

use crate::error::{At, InputError};
use crate::input::{Input, Raw, RawMoney};

const FIX: &str = "see the guide for the shape; amounts are strings, as in \"1250.00\"";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    obligations: Vec<Owed>,
    liquidity: Option<Vec<Held>>,
    #[serde(default)]
    limits: Vec<Capped>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Owed {
    debtor: String,
    creditor: String,
    currency: String,
    amount: String,
    #[serde(default)]
    class: Option<u8>,
    #[serde(default)]
    group: String,
    #[serde(default)]
    reference: String,
    #[serde(default)]
    date: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Held {
    participant: String,
    currency: String,
    available: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Capped {
    participant: String,
    #[serde(default)]
    counterparty: String,
    currency: String,
    limit: String,
}

pub(crate) fn read(input: &mut Input, file: &str, text: &str) -> Result<(), InputError> {
    let read: File = serde_json::from_str(text).map_err(|error| {
        let at = At { file, line: error.line() as u64 };
        let said = error.to_string();
        // The line stands in front already.
        let problem = said.split(" at line ").next().unwrap_or(&said);
        at.error(&format!("column {}", error.column()), problem, FIX)
    })?;
    for (index, owed) in (1..).zip(&read.obligations) {
        let class = owed.class.map(|class| class.to_string()).unwrap_or_default();
        let raw = Raw {
            debtor: &owed.debtor,
            creditor: &owed.creditor,
            currency: &owed.currency,
            amount: &owed.amount,
            class: &class,
            group: &owed.group,
            reference: &owed.reference,
            date: &owed.date,
        };
        let added = input.add(At { file, line: index }, &raw);
        added.map_err(|error| in_list(error, "obligations", index))?;
    }
    for (index, held) in (1..).zip(read.liquidity.iter().flatten()) {
        let Held { participant, currency, available: amount } = held;
        let raw = RawMoney { participant, currency, amount };
        let added = input.add_liquidity(At { file, line: index }, &raw);
        added.map_err(|error| in_list(error, "liquidity", index))?;
    }
    if read.liquidity.is_some() {
        input.has_liquidity();
    }
    for (index, capped) in (1..).zip(&read.limits) {
        let Capped { participant, counterparty, currency, limit: amount } = capped;
        let raw = RawMoney { participant, currency, amount };
        let added = input.add_limit(At { file, line: index }, &raw, counterparty);
        added.map_err(|error| in_list(error, "limits", index))?;
    }
    Ok(())
}

/// What was counted in items of a list is no line.
fn in_list(error: InputError, list: &str, index: u64) -> InputError {
    let field = format!("{list}[{}].{}", index - 1, error.field);
    InputError { line: 0, field, ..error }
}
