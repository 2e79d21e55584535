//! Why a payment waits.

use clap::Args;
use sdk::{Uetr, v1};
use serde_json::{Value, json};

use super::levers;
use super::show::{day, decimal, instant, payments, spoken_text};
use super::status::parse_uetr;
use crate::context::Context;
use crate::failure::Failure;
use crate::output::{Shown, printable};

/// Why a payment waits, and what would free it.
#[derive(Debug, Args)]
pub(crate) struct WhyArgs {
    /// The payment's reference.
    #[arg(value_parser = parse_uetr)]
    uetr: Uetr,
}

impl WhyArgs {
    pub(crate) async fn run(self, context: &Context) -> Result<Shown, Failure> {
        let session = context.session()?;
        let found = session.client.explain(self.uetr).await.map_err(|error| {
            if error.reason() == Some("NOT_FOUND") {
                let uetr = self.uetr;
                let hint = "`causeway status` says what became of it";
                return Failure::not_found(format!("no payment {uetr} waits; {hint}"));
            }
            error.into()
        })?;
        let text: Vec<String> = found.explanations.iter().map(text).collect();
        let json = found.explanations.iter().map(|it| object(it, found.position)).collect();
        Ok(Shown::Report { json, text: text.join("\n") })
    }
}

/// One explanation in sentences.
fn text(it: &v1::Explanation) -> String {
    let mut text = String::new();
    let mut say = |line: String| {
        text.push_str(&line);
        text.push('\n');
    };
    if let Some(terms) = &it.terms {
        say(format!("{}.", terms_in_words(terms)));
    }
    for line in waits_for(it) {
        say(line);
    }
    for obstacle in &it.obstacles {
        say(obstacle_in_words(obstacle));
    }
    if it.counterparty_waits && it.waits_for() != v1::WaitsFor::Group {
        let also = if it.obstacles.is_empty() { "" } else { " as well" };
        say(format!("A counterparty's part is missing{also}: it is not the caller's to know."));
    }
    for inflow in &it.inflows {
        let currency = it.terms.as_ref().and_then(|terms| terms.amount.as_ref());
        let currency = currency.map_or("", |amount| amount.currency_code.as_str());
        say(format!(
            "  {} would pay it {} in {}, which wait too",
            printable(&inflow.participant),
            spoken_text(&inflow.minor_units, currency),
            payments(inflow.payments)
        ));
    }
    if !it.remedy.is_empty() {
        say("What frees it:".to_owned());
        it.remedy.iter().for_each(|lever| say(format!("  {}", levers::sentence(lever))));
    }
    if it.not_after_ms != 0 {
        say(format!("It expires after {}.", instant(it.not_after_ms)));
    }
    text
}

fn terms_in_words(terms: &v1::PaymentTerms) -> String {
    let amount = terms.amount.as_ref().map_or_else(String::new, |amount| {
        spoken_text(&amount.minor_units.to_string(), &amount.currency_code)
    });
    format!("{} pays {} {amount}", printable(&terms.sender), printable(&terms.receiver))
}

fn waits_for(it: &v1::Explanation) -> Vec<String> {
    match it.waits_for() {
        v1::WaitsFor::Instant => {
            vec![format!("It waits for {}, as its sender wishes.", instant(it.instant_ms))]
        }
        v1::WaitsFor::Day => {
            let day = day(it.value_date).to_text();
            vec![format!("It waits for the business day {day} to open.")]
        }
        v1::WaitsFor::Group => {
            let mut lines =
                vec![format!("It waits for its link group of {} to be whole:", it.group_size)];
            lines.extend(it.legs.iter().map(leg));
            lines
        }
        v1::WaitsFor::Turn => turn(it),
        v1::WaitsFor::Match => vec!["It waits for its counterpart, or for quotes.".into()],
        v1::WaitsFor::Legs => {
            let mut lines =
                vec![format!("It is matched; all {} legs settle together:", it.group_size)];
            lines.extend(it.legs.iter().map(leg));
            lines.extend(settles_next(it));
            lines
        }
        v1::WaitsFor::Word => it.holds().map(held).collect(),
        v1::WaitsFor::Unspecified => vec!["It waits for what this version does not know.".into()],
    }
}

fn leg(leg: &v1::GroupLeg) -> String {
    let terms = leg.terms.as_ref().map_or_else(String::new, terms_in_words);
    let stage = match leg.stage.as_str() {
        "early" => "waits for an instant or a day of its own",
        "ready" => "waits for the others only",
        _ => "stands in its queue",
    };
    format!("  {terms}: {stage}")
}

fn turn(it: &v1::Explanation) -> Vec<String> {
    let mut place = "It stands first in its queue.".to_owned();
    if it.ahead > 0 {
        let currency = it.terms.as_ref().and_then(|terms| terms.amount.as_ref());
        let currency = currency.map_or("", |amount| amount.currency_code.as_str());
        let sum = spoken_text(&it.ahead_minor_units, currency);
        place = format!("Before it in its queue: {} of {sum}.", payments(it.ahead));
    }
    let mut lines = vec![place];
    if it.group_size > 0 {
        let size = it.group_size;
        lines.push(format!("It settles with the other members of its link group of {size} only."));
    }
    if it.in_cut {
        lines.push("It is in the cut that is being settled.".to_owned());
    }
    if it.day_closed {
        lines.push("Its currency's day is closed: it was rolled over to the next.".to_owned());
    }
    lines.extend(settles_next(it));
    lines
}

fn settles_next(it: &v1::Explanation) -> Option<String> {
    let due = instant(it.cycle_due_at_ms);
    let line = format!("Nothing is in its way: the next cycle, due at {due}, settles it.");
    it.settles_next.then_some(line)
}

fn held(hold: v1::Hold) -> String {
    match hold {
        v1::Hold::Screening => "It is held until a screener passes it.".into(),
        v1::Hold::Screener => "It is held: a screener stopped it, and must pass it first.".into(),
        v1::Hold::Confirmation => "It is held until its receiver confirms it.".into(),
        v1::Hold::Unspecified => "It is held for what this version does not know.".into(),
    }
}

fn obstacle_in_words(it: &v1::Obstacle) -> String {
    let currency = it.currency_code.as_str();
    let (missing, available) =
        (spoken_text(&it.missing, currency), spoken_text(&it.available, currency));
    let (bank, other) = (printable(&it.participant), printable(&it.counterparty));
    match it.bound() {
        v1::Bound::Money => {
            format!("{bank} lacks {missing}: beyond what it is paid it can pay {available}.")
        }
        v1::Bound::MultilateralLimit => format!(
            "{bank}'s own limit towards all others is {missing} too low: {available} of it is left."
        ),
        v1::Bound::DebitCap => {
            format!("{bank}'s debit cap is {missing} too low: {available} of it is left.")
        }
        v1::Bound::BilateralLimit => {
            format!(
                "{bank}'s limit towards {other} is {missing} too low: {available} of it is left."
            )
        }
        v1::Bound::Group => "The day of another member of its group is not open.".to_owned(),
        v1::Bound::Unspecified => "Something is in its way that this version does not know.".into(),
    }
}

/// One explanation for programs.
fn object(it: &v1::Explanation, position: u64) -> Value {
    let word = |name: &str, prefix: &str| name.trim_start_matches(prefix).to_lowercase();
    let text = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let terms = it.terms.clone().unwrap_or_default();
    let own = terms.amount.clone().unwrap_or_default();
    let number = |minor: &str, currency: &str| {
        minor.parse().map_or_else(|_| minor.to_owned(), |minor| decimal(minor, currency))
    };
    let obstacle = |it: &v1::Obstacle| {
        json!({
            "bound": word(it.bound().as_str_name(), "BOUND_"),
            "participant": text(&it.participant),
            "counterparty": text(&it.counterparty),
            "currency": text(&it.currency_code),
            "missing": text(&number(&it.missing, &it.currency_code)),
            "available": text(&number(&it.available, &it.currency_code)),
        })
    };
    let leg = |leg: &v1::GroupLeg| {
        let terms = leg.terms.clone().unwrap_or_default();
        let amount = terms.amount.unwrap_or_default();
        json!({
            "sender": terms.sender,
            "receiver": terms.receiver,
            "currency": amount.currency_code,
            "amount": decimal(amount.minor_units.into(), &amount.currency_code),
            "stage": leg.stage,
        })
    };
    let inflow = |inflow: &v1::Inflow| {
        json!({
            "participant": inflow.participant,
            "payments": inflow.payments,
            "amount": number(&inflow.minor_units, &own.currency_code),
        })
    };
    let in_turn = it.waits_for() == v1::WaitsFor::Turn;
    let turn = in_turn.then(|| {
        json!({
            "ahead": it.ahead,
            "ahead_amount": number(&it.ahead_minor_units, &own.currency_code),
            "day_closed": it.day_closed,
            "in_cut": it.in_cut,
            "settles_next": it.settles_next,
            "cycle_due_at": instant(it.cycle_due_at_ms),
        })
    });
    json!({
        "uetr": terms.uetr,
        "sender": terms.sender,
        "receiver": terms.receiver,
        "currency": own.currency_code,
        "amount": decimal(own.minor_units.into(), &own.currency_code),
        "waits_for": word(it.waits_for().as_str_name(), "WAITS_FOR_"),
        "instant": (it.instant_ms != 0).then(|| instant(it.instant_ms)),
        "value_date": text(&day(it.value_date).to_text()).filter(|day| day != "-"),
        "expires_after": (it.not_after_ms != 0).then(|| instant(it.not_after_ms)),
        "group_size": (it.group_size != 0).then_some(it.group_size),
        "legs": it.legs.iter().map(leg).collect::<Vec<_>>(),
        "holds": it.holds().map(|hold| word(hold.as_str_name(), "HOLD_")).collect::<Vec<_>>(),
        "turn": turn,
        "settles_next": it.settles_next,
        "obstacles": it.obstacles.iter().map(obstacle).collect::<Vec<_>>(),
        "counterparty_waits": it.counterparty_waits,
        "inflows": it.inflows.iter().map(inflow).collect::<Vec<_>>(),
        "remedy": it.remedy.iter().map(levers::object).collect::<Vec<_>>(),
        "position": position,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_legs_of_a_match_and_who_lacks_what_are_said() {
        let terms = |sender: &str, receiver: &str, minor_units, code: &str| v1::PaymentTerms {
            sender: sender.into(),
            receiver: receiver.into(),
            amount: Some(v1::Money { minor_units, currency_code: code.into() }),
            ..v1::PaymentTerms::default()
        };
        let leg = |terms| v1::GroupLeg { terms: Some(terms), stage: "queued".into() };
        let mut matched = v1::Explanation {
            terms: Some(terms("A", "B", 10_000, "EUR")),
            waits_for: v1::WaitsFor::Legs.into(),
            group_size: 2,
            legs: vec![leg(terms("A", "maker", 10_000, "EUR"))],
            counterparty_waits: true,
            ..v1::Explanation::default()
        };
        let expected = "A pays B 100.00 EUR.\n\
            It is matched; all 2 legs settle together:\n  \
            A pays maker 100.00 EUR: stands in its queue\n\
            A counterparty's part is missing: it is not the caller's to know.\n";
        assert_eq!(text(&matched), expected);
        matched.legs.push(leg(terms("maker", "B", 10_825, "USD")));
        matched.obstacles.push(v1::Obstacle {
            bound: v1::Bound::Money.into(),
            participant: "maker".into(),
            currency_code: "USD".into(),
            missing: "825".into(),
            available: "10000".into(),
            ..v1::Obstacle::default()
        });
        let text = text(&matched);
        assert!(text.contains("  maker pays B 108.25 USD: stands in its queue\n"), "{text}");
        assert!(text.contains("maker lacks 8.25 USD"), "{text}");
        assert_eq!(object(&matched, 7)["legs"][1]["amount"], "108.25");
    }

    #[test]
    fn whose_word_a_held_payment_waits_for_is_said() {
        let held = v1::Explanation {
            waits_for: v1::WaitsFor::Word.into(),
            holds: vec![v1::Hold::Screening.into(), v1::Hold::Confirmation.into()],
            ..v1::Explanation::default()
        };
        let expected =
            "It is held until a screener passes it.\nIt is held until its receiver confirms it.\n";
        assert_eq!(text(&held), expected);
        assert_eq!(object(&held, 7)["holds"], json!(["screening", "confirmation"]));
    }
}
