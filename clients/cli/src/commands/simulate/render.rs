//! A comparison as tables and JSON.

use serde_json::{Value, json};
use simulator::{Comparison, CurrencyDay, Day};

use super::super::show::{decimal, instant};
use crate::output::{Cell, Row, hex, table};

/// Something that is measured of a currency's day.
struct Measure {
    name: &'static str,
    value: fn(&CurrencyDay) -> Cell,
}

const HOUR_MS: u128 = 3_600_000;

const MEASURES: [Measure; 17] = [
    Measure { name: "settled", value: |day| day.settled_count.into() },
    Measure { name: "settled_value", value: |day| money(day, day.settled_minor) },
    Measure { name: "fx_settled", value: |day| day.fx_count.into() },
    Measure { name: "fx_settled_value", value: |day| money(day, day.fx_minor) },
    Measure { name: "fx_mean_delay_s", value: |day| seconds(day.fx_mean_delay_ms) },
    Measure { name: "not_settled", value: |day| day.left_count.into() },
    Measure { name: "not_settled_value", value: |day| money(day, day.left_minor) },
    Measure { name: "still_waiting", value: |day| day.queued_count.into() },
    Measure { name: "still_waiting_value", value: |day| money(day, day.queued_minor) },
    Measure { name: "mean_delay_s", value: |day| seconds(day.mean_delay_ms) },
    Measure { name: "mean_delay_by_value_s", value: |day| seconds(day.value_mean_delay_ms) },
    Measure { name: "delay_p50_s", value: |day| seconds(day.p50_delay_ms) },
    Measure { name: "delay_p95_s", value: |day| seconds(day.p95_delay_ms) },
    Measure { name: "value_hours_queued", value: |day| money(day, day.minor_ms / HOUR_MS) },
    Measure { name: "queue_peak", value: |day| money(day, day.peak_queued_minor) },
    Measure { name: "liquidity_used", value: |day| money(day, day.liquidity_minor) },
    Measure { name: "liquidity_peak", value: |day| money(day, day.peak_used_minor) },
];

fn money(day: &CurrencyDay, minor: u128) -> Cell {
    Cell::Digits(decimal(minor.cast_signed(), day.currency.as_str()))
}

fn seconds(ms: u64) -> Cell {
    Cell::Digits(format!("{}.{:03}", ms / 1_000, ms % 1_000))
}

/// The days of a currency on both sides; of one that only one side has, an empty one.
pub(super) fn pairs(compared: &Comparison) -> Vec<(CurrencyDay, CurrencyDay)> {
    let days = |day: &Day| day.currencies.clone();
    let (was, would) = (days(&compared.was), days(&compared.would));
    let mut currencies: Vec<_> = was.iter().chain(&would).map(|day| day.currency).collect();
    currencies.sort_unstable();
    currencies.dedup();
    let find = |days: &[CurrencyDay], currency| {
        let found = days.iter().find(|day| day.currency == currency).cloned();
        found.unwrap_or_else(|| CurrencyDay::nothing(currency, compared.from_ms))
    };
    currencies.into_iter().map(|code| (find(&was, code), find(&would, code))).collect()
}

pub(super) fn text(compared: &Comparison) -> String {
    let (was, would) = (&compared.was, &compared.would);
    let days: [Row; 2] = [("as it was", was), ("as it would be", would)].map(|(name, day)| {
        vec![
            ("day", name.into()),
            ("orders", day.orders.into()),
            ("accepted", day.accepted.into()),
            ("cycles", day.cycles.into()),
            ("batches", day.batches.into()),
            ("state_root", hex(&day.state_root[..8]).into()),
        ]
    });
    let mut text = format!(
        "{} to {}\n\n{}",
        instant(compared.from_ms),
        instant(compared.until_ms),
        table(&days)
    );
    if was == would {
        text.push_str("\nboth days are the same, down to the last batch\n");
    }
    for (was, would) in pairs(compared) {
        let row = |measure: &Measure| -> Row {
            vec![
                ("measure", measure.name.replace('_', " ").into()),
                ("as it was", (measure.value)(&was)),
                ("as it would be", (measure.value)(&would)),
            ]
        };
        let rows: Vec<Row> = MEASURES.iter().map(row).collect();
        text.push_str(&format!("\n{}\n{}", was.currency, table(&rows)));
    }
    text
}

pub(super) fn json(compared: &Comparison) -> Value {
    json!({
        "from": instant(compared.from_ms),
        "until": instant(compared.until_ms),
        "same": compared.was == compared.would,
        "as_it_was": day(&compared.was),
        "as_it_would_be": day(&compared.would),
    })
}

fn day(day: &Day) -> Value {
    let currency = |own: &CurrencyDay| {
        let mut row: Row = vec![("currency", own.currency.as_str().into())];
        row.extend(MEASURES.iter().map(|measure| (measure.name, (measure.value)(own))));
        let mut value = crate::output::object(&row);
        for (name, series) in [
            ("queued_over_time", &own.queued),
            ("settled_over_time", &own.settled),
            ("liquidity_over_time", &own.used),
        ] {
            let point = |(at_ms, minor): &(u64, i128)| {
                json!([at_ms, decimal(*minor, own.currency.as_str())])
            };
            value[name] = series.iter().map(point).collect();
        }
        value
    };
    let used = |used: &simulator::LiquidityUse| {
        let code = used.currency.as_str();
        let amount = decimal(used.minor.cast_signed(), code);
        json!({ "participant": used.participant, "currency": code, "amount": amount })
    };
    json!({
        "orders": day.orders,
        "accepted": day.accepted,
        "cycles": day.cycles,
        "batches": day.batches,
        "batch_hash": hex(&day.batch_hash),
        "state_root": hex(&day.state_root),
        "currencies": day.currencies.iter().map(currency).collect::<Vec<_>>(),
        "liquidity_used": day.liquidity.iter().map(used).collect::<Vec<_>>(),
    })
}
