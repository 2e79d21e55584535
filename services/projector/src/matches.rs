//! The matches of FX payments: their rows, and reading them.
//!
//! A match is known by the place of its first leg. It is written once, when it is made; whether it
//! still stands follows from the payment: it is matched or settled, and this is its latest match.

use channel::{ParticipantId, Rate, Side};
use clearing::{FILLS_MAX, Fill, Place, Source};
use store::{Store, Table, Write};

use crate::fault::Fault;
use crate::layout::{Fields, whole};

/// An FX payment and what covers it: quotes and opposite payments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Match {
    /// The payment.
    pub order: Place,
    /// The place of its first leg, higher with every match.
    pub first_leg: Place,
    /// After this instant it lapses unless it has settled, logged time in ms.
    pub until_ms: u64,
    /// What each of them takes, in the order of the match.
    pub fills: Vec<Fill>,
}

const FILL_BYTES: usize = 39;
/// No participant has this number.
const NO_PROVIDER: u32 = 0;
/// The parts of the table: matches by payment, and by provider.
const BY_ORDER: u8 = 0;
const BY_PROVIDER: u8 = 1;

/// `0 u8 | order place u64 | first leg u64`.
fn order_key(order: Place, first_leg: u64) -> [u8; 17] {
    let mut key = [BY_ORDER; 17];
    key[1..9].copy_from_slice(&order.0.to_be_bytes());
    key[9..].copy_from_slice(&first_leg.to_be_bytes());
    key
}

/// `1 u8 | provider u32 | first leg u64`.
fn provider_key(provider: ParticipantId, first_leg: u64) -> [u8; 13] {
    let mut key = [BY_PROVIDER; 13];
    key[1..5].copy_from_slice(&provider.0.to_be_bytes());
    key[5..].copy_from_slice(&first_leg.to_be_bytes());
    key
}

/// Writes a match, and for each of its providers where to find it.
pub(crate) fn put(made: &Match, write: &mut Write) {
    write.put_with(Table::Matches, order_key(made.order, made.first_leg.0), |into| {
        into.extend_from_slice(&made.until_ms.to_be_bytes());
        made.fills.iter().for_each(|fill| put_fill(into, fill));
    });
    let mut providers: Vec<_> = made.fills.iter().filter_map(Fill::provider).collect();
    providers.sort_unstable();
    providers.dedup();
    for provider in providers {
        let key = provider_key(provider, made.first_leg.0);
        write.put(Table::Matches, key, made.order.0.to_be_bytes());
    }
}

/// `provider u32 | quote place u64 | index u8 | side u8 | scale u8 | mantissa u64 | sold u64 |
/// bought u64`; of a crossing the provider is [`NO_PROVIDER`], the place that of the opposite
/// payment.
fn put_fill(into: &mut Vec<u8>, fill: &Fill) {
    let (provider, place, index) = match fill.source {
        Source::Quote { provider, place, index } => (provider.0, place, index),
        Source::Order(place) => (NO_PROVIDER, place, 0),
    };
    into.extend_from_slice(&provider.to_be_bytes());
    into.extend_from_slice(&place.0.to_be_bytes());
    into.extend_from_slice(&[index, fill.side as u8, fill.rate.scale()]);
    for number in [fill.rate.mantissa(), fill.sold, fill.bought] {
        into.extend_from_slice(&number.to_be_bytes());
    }
}

fn get_fill(bytes: &[u8; FILL_BYTES]) -> Result<Fill, Fault> {
    let malformed = |what| Fault::malformed(Table::Matches, what);
    let mut fields = Fields::new(Table::Matches, bytes);
    let (provider, place, index) = (fields.u32()?, Place(fields.u64()?), fields.u8()?);
    let source = match provider {
        NO_PROVIDER if index != 0 => return Err(malformed("index of a quote")),
        NO_PROVIDER => Source::Order(place),
        provider => Source::Quote { provider: ParticipantId(provider), place, index },
    };
    let side = match fields.u8()? {
        1 => Side::Bid,
        2 => Side::Ask,
        _ => return Err(malformed("side of a quote")),
    };
    let scale = fields.u8()?;
    let rate = Rate::new(fields.u64()?, scale).ok_or(malformed("rate"))?;
    Ok(Fill { source, side, rate, sold: fields.u64()?, bought: fields.u64()? })
}

fn get(order: Place, key: &[u8], value: &[u8]) -> Result<Match, Fault> {
    let malformed = |what| Fault::malformed(Table::Matches, what);
    let first_leg = key.last_chunk().ok_or(malformed("key"))?;
    let (until_ms, fills) = value.split_first_chunk().ok_or(malformed("length"))?;
    let (fills, rest) = fills.as_chunks();
    whole(Table::Matches, rest)?;
    if !(1..=FILLS_MAX).contains(&fills.len()) {
        return Err(malformed("number of fills"));
    }
    Ok(Match {
        order,
        first_leg: Place(u64::from_be_bytes(*first_leg)),
        until_ms: u64::from_be_bytes(*until_ms),
        fills: fills.iter().map(get_fill).collect::<Result<_, _>>()?,
    })
}

/// The latest match of a payment up to a position.
pub(crate) fn latest(
    store: &dyn Store,
    order: Place,
    position: u64,
) -> Result<Option<Match>, Fault> {
    let key = order_key(order, last_place(position));
    let row = store.last_at_or_before(Table::Matches, &key[..9], &key)?;
    row.map(|(key, value)| get(order, &key, &value)).transpose()
}

/// The matches of a provider's quotes from a first leg on up to a position, at most `limit`.
pub(crate) fn of_provider(
    store: &dyn Store,
    provider: ParticipantId,
    (from, position): (Place, u64),
    limit: usize,
) -> Result<Vec<Match>, Fault> {
    let malformed = |what| Fault::malformed(Table::Matches, what);
    let end = provider_key(provider, last_place(position).saturating_add(1));
    let mut found = Vec::new();
    for (key, order) in store.scan(Table::Matches, &provider_key(provider, from.0), &end, limit)? {
        let (first_leg, order) = (key.last_chunk(), order.first_chunk());
        let (first_leg, order) = first_leg.zip(order).ok_or(malformed("match of a provider"))?;
        let (first_leg, order) = (u64::from_be_bytes(*first_leg), u64::from_be_bytes(*order));
        let key = order_key(Place(order), first_leg);
        let row = store.get(Table::Matches, &key)?.ok_or(malformed("a match is missing"))?;
        found.push(get(Place(order), &key, &row)?);
    }
    Ok(found)
}

/// The last place within a position.
fn last_place(position: u64) -> u64 {
    Place::new(position, 0).0 | ((1 << channel::PLACE_INDEX_BITS) - 1)
}
