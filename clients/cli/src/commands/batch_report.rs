//! What a batch moved, and how much money it took.

mod picture;

use std::path::Path;

use sdk::{Client, v1};
use serde_json::{Value, json};

use super::show::{decimal, instant, minor, payments, spoken_text};
use crate::failure::{Failure, at};
use crate::output::{Cell, Row, Shown, printable, table};

/// The report of one batch, and a picture of it if a file is named.
pub(super) async fn show(
    client: &Client,
    number: u64,
    svg: Option<&Path>,
) -> Result<Shown, Failure> {
    let report = client.batch_report(number).await?;
    if let Some(path) = svg {
        std::fs::write(path, picture::draw(&report)).map_err(at(path))?;
    }
    let json = json!({
        "batch": report.batch,
        "sealed_at": instant(report.sealed_at_ms),
        "currencies": report.currencies.iter().map(currency).collect::<Vec<_>>(),
        "certificates": report.certificates.iter().map(certificate).collect::<Vec<_>>(),
    });
    Ok(Shown::Report { json, text: text(&report) })
}

fn text(report: &v1::GetBatchReportResponse) -> String {
    let mut text = format!("Batch {}, sealed at {}\n", report.batch, instant(report.sealed_at_ms));
    if report.currencies.is_empty() {
        text.push_str("No payment of anybody this caller is told of settled in it.\n");
    }
    for it in &report.certificates {
        text.push_str(&format!(
            "Cycle {}: {} of {} settled, at least {}% of the most possible: gap {}\n",
            it.cycle,
            it.settled_count,
            payments(it.candidate_count.into()),
            reached_percent(it),
            printable(&it.gap)
        ));
    }
    for currency in &report.currencies {
        text.push_str(&summary(currency));
        text.push_str(&table(
            &currency.participants.iter().map(|it| row(it, currency)).collect::<Vec<_>>(),
        ));
    }
    text
}

/// A currency in two sentences; nothing but its name where sums are withheld.
fn summary(it: &v1::CurrencyReport) -> String {
    let code = it.currency_code.as_str();
    if it.gross.is_empty() {
        return format!("\n{code}\n");
    }
    let spoken = |minor: &str| spoken_text(minor, code);
    let mut text = format!("\n{}: {}", payments(it.payments), spoken(&it.gross));
    text.push_str(&format!(
        " settled with {} of money; one by one it would have taken {}",
        spoken(&it.net),
        spoken(&it.one_by_one)
    ));
    let part = saved_percent(it).map_or_else(String::new, |part| format!(", {part}%"));
    text.push_str(&format!(": {} saved{part}.\n", spoken(&it.saved)));
    text
}

/// How much less money it took than one by one, in percent with one decimal, rounded down.
fn saved_percent(it: &v1::CurrencyReport) -> Option<String> {
    let (net, alone): (i128, i128) = (it.net.parse().ok()?, it.one_by_one.parse().ok()?);
    let permille = (alone - net).checked_mul(1_000)?.checked_div(alone)?;
    Some(format!("{}.{}", permille / 10, permille % 10))
}

/// How much of its bound a cycle reached, in percent with two decimals, rounded down.
fn reached_percent(it: &v1::Certificate) -> String {
    let number = |text: &str| text.parse::<u128>().unwrap_or(0);
    let (value, bound) = (number(&it.value), number(&it.bound));
    // Both are below 2^128: what is divided must not be multiplied beyond it.
    let part = match value.checked_mul(10_000) {
        Some(value) => value.checked_div(bound),
        None => value.checked_div(bound / 10_000),
    };
    let part = part.unwrap_or(10_000).min(10_000);
    format!("{}.{:02}", part / 100, part % 100)
}

fn certificate(it: &v1::Certificate) -> Value {
    json!({
        "cycle": it.cycle,
        "candidates": it.candidate_count,
        "settled": it.settled_count,
        "value": it.value,
        "fifo_value": it.fifo_value,
        "bound": it.bound,
        "gap": it.gap,
        "reached_percent": reached_percent(it),
        "solver": (it.solver != 0).then_some(it.solver),
        "steps": it.steps,
    })
}

fn row(it: &v1::ParticipantReport, currency: &v1::CurrencyReport) -> Row {
    let code = currency.currency_code.as_str();
    vec![
        ("participant", it.participant.as_str().into()),
        ("payments_sent", it.payments_sent.into()),
        ("sent", minor(&it.sent, code)),
        ("payments_received", it.payments_received.into()),
        ("received", minor(&it.received, code)),
        ("net", minor(&it.net, code)),
        ("money_used", money_used(it, code)),
        ("one_by_one", minor(&it.one_by_one, code)),
        ("saved", minor(&it.saved, code)),
        ("currency", code.into()),
    ]
}

/// What a participant paid beyond what it was paid.
fn money_used(it: &v1::ParticipantReport, code: &str) -> Cell {
    let net: i128 = it.net.parse().unwrap_or(0);
    Cell::Digits(decimal((-net).max(0), code))
}

fn currency(it: &v1::CurrencyReport) -> Value {
    let code = it.currency_code.as_str();
    let sum = |text: &str| (!text.is_empty()).then(|| minor(text, code).to_text());
    let participant = |it: &v1::ParticipantReport| {
        json!({
            "participant": it.participant,
            "payments_sent": it.payments_sent,
            "sent": minor(&it.sent, code).to_text(),
            "payments_received": it.payments_received,
            "received": minor(&it.received, code).to_text(),
            "net": minor(&it.net, code).to_text(),
            "money_used": money_used(it, code).to_text(),
            "one_by_one": minor(&it.one_by_one, code).to_text(),
            "saved": minor(&it.saved, code).to_text(),
        })
    };
    json!({
        "currency": code,
        "payments": (!it.gross.is_empty()).then_some(it.payments),
        "gross": sum(&it.gross),
        "net": sum(&it.net),
        "one_by_one": sum(&it.one_by_one),
        "saved": sum(&it.saved),
        "saved_percent": saved_percent(it),
        "participants": it.participants.iter().map(participant).collect::<Vec<_>>(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_gap_and_what_was_saved_are_said() {
        let line = v1::ParticipantReport {
            participant: "A".into(),
            net: "-10".into(),
            one_by_one: "100".into(),
            saved: "90".into(),
            ..v1::ParticipantReport::default()
        };
        let eur = v1::CurrencyReport {
            currency_code: "EUR".into(),
            payments: 3,
            gross: "290".into(),
            net: "10".into(),
            one_by_one: "100".into(),
            saved: "90".into(),
            participants: vec![line],
        };
        let cycle = v1::Certificate {
            value: "985".into(),
            bound: "1000".into(),
            gap: "15".into(),
            ..v1::Certificate::default()
        };
        assert_eq!(certificate(&cycle)["gap"], "15");
        let found = currency(&eur);
        assert_eq!((&found["saved"], &found["saved_percent"]), (&json!("0.90"), &json!("90.0")));
        assert_eq!(found["participants"][0]["saved"], "0.90");
        let withheld =
            v1::CurrencyReport { gross: String::new(), saved: String::new(), ..eur.clone() };
        assert_eq!(currency(&withheld)["saved"], Value::Null);
        let (currencies, certificates) = (vec![eur], vec![cycle]);
        let report = v1::GetBatchReportResponse { currencies, certificates, ..Default::default() };
        let text = text(&report);
        assert!(text.contains("98.50% of the most possible: gap 15\n"));
        assert!(text.contains("taken 1.00 EUR: 0.90 EUR saved, 90.0%.\n"), "{text}");
        assert!(text.contains("ONE_BY_ONE  SAVED"), "{text}");
    }

    #[test]
    fn savings_are_rounded_down() {
        let report = |net: &str, alone: &str| v1::CurrencyReport {
            net: net.into(),
            one_by_one: alone.into(),
            ..v1::CurrencyReport::default()
        };
        assert_eq!(saved_percent(&report("1", "3")).as_deref(), Some("66.6"));
        assert_eq!(saved_percent(&report("0", "0")), None);
        assert_eq!(saved_percent(&report("", "")), None);
        let certificate = |value: u128, bound: u128| v1::Certificate {
            value: value.to_string(),
            bound: bound.to_string(),
            ..v1::Certificate::default()
        };
        assert_eq!(reached_percent(&certificate(2, 3)), "66.66");
        assert_eq!(reached_percent(&certificate(0, 0)), "100.00");
        assert_eq!(reached_percent(&certificate(u128::MAX / 2, u128::MAX)), "50.00");
    }
}
