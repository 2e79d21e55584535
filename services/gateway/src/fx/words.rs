//! Foreign exchange in the words of the protocol.

use channel::{FxTerms, HeaderView, ParticipantId, Rate, Side};
use clearing::{Fill, PaymentState, Source, StandingQuote};
use ledger::{Amount, Currency};
use projector::{Match, PaymentRow};
use proto::v1;
use settler::PoolView;

use crate::operator::name;
use crate::orders::LoggedOrder;
use crate::payments::final_batch;

pub(super) fn rate(rate: Rate) -> v1::Rate {
    v1::Rate { mantissa: rate.mantissa(), scale: rate.scale().into() }
}

fn money(minor: u64, currency: Currency) -> Option<v1::Money> {
    Amount::new(minor, currency).ok().map(v1::Money::from)
}

/// The other currency of an order, if it has one, and its match.
pub(crate) fn exchange(
    view: &PoolView,
    header: HeaderView<'_>,
    matched: Option<&Match>,
) -> Option<v1::Exchange> {
    let terms = header.fx()?;
    let counter = terms.currency();
    let sold = Currency::from_bytes(header.currency_bytes()).ok()?;
    let fills = matched.map_or(&[][..], |matched| &matched.fills);
    let (counter_amount, limit_rate) = match terms {
        FxTerms::Instruction { counter } => (Some(v1::Money::from(counter)), None),
        FxTerms::Payment { limit, .. } => {
            let bought = fills.iter().map(|fill| fill.bought).sum();
            let counter_amount = matched.and_then(|_| money(bought, counter));
            (counter_amount, Some(rate(limit)))
        }
    };
    Some(v1::Exchange {
        counter_currency_code: counter.as_str().to_owned(),
        counter_amount,
        limit_rate,
        fills: fills.iter().map(|one| fill(view, one, (sold, counter))).collect(),
        match_until_ms: matched.map_or(0, |matched| matched.until_ms),
    })
}

fn fill(view: &PoolView, fill: &Fill, (sold, bought): (Currency, Currency)) -> v1::Fill {
    v1::Fill {
        provider: fill.provider().map_or_else(String::new, |provider| name(view, provider)),
        sold: money(fill.sold, sold),
        bought: money(fill.bought, bought),
        rate: Some(rate(fill.rate)),
        side: i32::from(fill.side as u8),
    }
}

/// A provider's fills of a match. `row` is the payment if this match is its latest.
pub(super) fn fills_of(
    view: &PoolView,
    provider: ParticipantId,
    order: &LoggedOrder,
    (made, row): (&Match, Option<&PaymentRow>),
) -> Vec<v1::QuoteFill> {
    let header = HeaderView::trusted(&order.header);
    let currencies = Currency::from_bytes(header.currency_bytes())
        .ok()
        .zip(header.fx().map(|terms| terms.currency()));
    let Some(currencies) = currencies else { return Vec::new() };
    let state = row.map_or(PaymentState::AwaitingMatch, |row| row.state);
    let worded = made.fills.iter().filter_map(|one| match one.source {
        Source::Quote { provider: owner, place, index } if owner == provider => {
            Some(v1::QuoteFill {
                uetr: header.uetr().to_string(),
                payment_place: made.order.0,
                match_place: made.first_leg.0,
                fill: Some(fill(view, one, currencies)),
                quote_place: place.0,
                quote_index: index.into(),
                match_until_ms: made.until_ms,
                state: i32::from(state as u8),
                batch: row.map_or(0, final_batch),
            })
        }
        Source::Quote { .. } | Source::Order(_) => None,
    });
    worded.collect()
}

/// A quote that stands.
pub(super) fn quote(view: &PoolView, standing: &StandingQuote) -> v1::Quote {
    let given = standing.given;
    let taken_in = match given.side {
        Side::Bid => standing.base,
        Side::Ask => standing.quote,
    };
    v1::Quote {
        provider: name(view, standing.provider),
        base_currency_code: standing.base.as_str().to_owned(),
        quote_currency_code: standing.quote.as_str().to_owned(),
        side: i32::from(given.side as u8),
        size: money(given.size, standing.base),
        rate: Some(rate(given.rate)),
        available: money(standing.size - standing.taken, taken_in),
        taken: money(standing.taken, taken_in),
        not_after_ms: given.not_after_ms,
        place: standing.place.0,
        index: standing.index.into(),
    }
}
