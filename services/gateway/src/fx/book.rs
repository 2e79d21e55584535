//! The quotes that stand, asked of the pool.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use channel::{ParticipantId, Rate, Side};
use clearing::StandingQuote;
use ledger::{Amount, Currency, MINOR_MAX};
use proto::v1;
use settler::Unasked;
use tonic::Code;

use super::{pair_of, sees_all_quotes, words};
use crate::errors::Refusal;
use crate::gateway::Gateway;
use crate::identity::Caller;

/// Quotes in one answer, at most.
const QUOTES_MAX: usize = 10_000;
/// Prices of one side in one answer, at most.
const PRICES_MAX: usize = 1_000;

/// The quotes as they stood before the record at `position`. Whoever waits for a copy takes one
/// that was made after it had come: so many callers cost the pool one question.
#[derive(Default)]
pub(crate) struct Book {
    position: u64,
    quotes: Arc<Vec<StandingQuote>>,
}

impl Gateway {
    /// The quotes that stand behind everything that is durable now.
    async fn standing(&self) -> Result<(u64, Arc<Vec<StandingQuote>>), Refusal> {
        let end = self.log.end().0;
        let mut book = self.book.lock().await;
        if book.position < end || book.position == 0 {
            self.caught_up().await?;
            let ask = |pool: &clearing::Pool| {
                (pool.status().next_position, pool.quotes().collect::<Vec<_>>())
            };
            let (position, quotes) = self.pool.ask(ask).await.map_err(|unasked| match unasked {
                Unasked::Busy => {
                    let message = "too many questions wait for the pool: ask again soon";
                    let wait = Duration::from_millis(200);
                    Refusal::later(Code::ResourceExhausted, "POOL_BUSY", message, wait)
                }
                Unasked::Halted => Refusal::halted(),
            })?;
            *book = Book { position, quotes: Arc::new(quotes) };
        }
        Ok((book.position, Arc::clone(&book.quotes)))
    }

    pub(super) async fn quotes(
        &self,
        caller: &Caller,
        request: &v1::ListQuotesRequest,
    ) -> Result<v1::ListQuotesResponse, Refusal> {
        let (base, quote) = pair_of(&request.base_currency_code, &request.quote_currency_code)?;
        let provider = self.provider_of(caller, &request.provider)?;
        let (position, book) = self.standing().await?;
        let view = self.view();
        let list = move || {
            let wanted = |standing: &&StandingQuote| {
                provider.is_none_or(|provider| standing.provider == provider)
                    && base.is_none_or(|base| standing.base == base)
                    && quote.is_none_or(|quote| standing.quote == quote)
            };
            let found: Vec<_> = book.iter().filter(wanted).take(QUOTES_MAX + 1).collect();
            let quotes = found.into_iter().map(|standing| words::quote(&view, standing));
            Ok::<_, Infallible>(quotes.collect::<Vec<_>>())
        };
        let quotes = self.blocking(caller.id, "list quotes", list).await?;
        if quotes.len() > QUOTES_MAX {
            let message = format!("more than {QUOTES_MAX} quotes: ask by pair or provider");
            return Err(Refusal::new(Code::ResourceExhausted, "ANSWER_TOO_LARGE", message));
        }
        Ok(v1::ListQuotesResponse { quotes, position: position.saturating_sub(1) })
    }

    /// Whose quotes are wanted, as far as the caller may see them; nothing for everybody's.
    fn provider_of(&self, caller: &Caller, name: &str) -> Result<Option<ParticipantId>, Refusal> {
        if name.is_empty() {
            return Ok((!sees_all_quotes(caller)).then_some(caller.id));
        }
        let found = self.view().directory.named(name).map(|member| member.participant.id);
        match found {
            Some(id) if sees_all_quotes(caller) || id == caller.id => Ok(Some(id)),
            _ => Err(Refusal::not_found("no such participant")),
        }
    }

    pub(super) async fn prices(
        &self,
        caller: &Caller,
        request: &v1::ListPricesRequest,
    ) -> Result<v1::ListPricesResponse, Refusal> {
        let pair = pair_of(&request.base_currency_code, &request.quote_currency_code)?;
        let missing = |field| Refusal::field(field, "MISSING", "must be given");
        let base = pair.0.ok_or_else(|| missing("base_currency_code"))?;
        let quote = pair.1.ok_or_else(|| missing("quote_currency_code"))?;
        let (position, book) = self.standing().await?;
        let list = move || Ok::<_, Infallible>(prices(&book, base, quote));
        let prices = self.blocking(caller.id, "list prices", list).await?;
        Ok(v1::ListPricesResponse { prices, position: position.saturating_sub(1) })
    }
}

/// What is available at each price: bids from the highest, asks from the lowest on.
fn prices(book: &[StandingQuote], base: Currency, quote: Currency) -> Vec<v1::Price> {
    let mut levels: [BTreeMap<u128, (Rate, u64)>; 2] = Default::default();
    for standing in book.iter().filter(|it| it.base == base && it.quote == quote) {
        let at = usize::from(standing.given.side == Side::Ask);
        let rate = standing.given.rate;
        let (_, available) = levels[at].entry(comparable(rate)).or_insert((rate, 0));
        *available = available.saturating_add(standing.size - standing.taken).min(MINOR_MAX);
    }
    let [bids, asks] = levels;
    let price = |side: Side, currency: Currency, (rate, minor): (Rate, u64)| v1::Price {
        side: i32::from(side as u8),
        rate: Some(words::rate(rate)),
        available: Amount::new(minor, currency).ok().map(v1::Money::from),
    };
    let bids = bids.into_values().rev().take(PRICES_MAX).map(|it| price(Side::Bid, base, it));
    let asks = asks.into_values().take(PRICES_MAX).map(|it| price(Side::Ask, quote, it));
    bids.chain(asks).collect()
}

/// A rate in units of 10^-10: rates of equal value are equal.
fn comparable(rate: Rate) -> u128 {
    let digits = u32::from(channel::RATE_SCALE_MAX - rate.scale());
    u128::from(rate.mantissa()) * 10_u128.pow(digits)
}
