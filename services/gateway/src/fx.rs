//! `FxService`: quotes of liquidity providers in, and what stands and what was filled out.
//!
//! A provider sees its own quotes and fills, operators and regulators see all quotes, a bank sees
//! prices without names.

mod book;
mod stream;
mod words;

use std::sync::Arc;

use channel::Role;
use clearing::Place;
use ledger::Currency;
use proto::v1;
use proto::v1::fx_service_server::FxService;
use tonic::codegen::BoxStream;
use tonic::{Request, Response, Status, Streaming};

pub(crate) use self::book::Book;
pub(crate) use self::words::exchange;
use crate::errors::Refusal;
use crate::gateway::Gateway;
use crate::identity::Caller;
use crate::orders::Orders;
use crate::payments::ReadFault;
use crate::tokens::{Purpose, refused};

/// Matches of one page, at most, and if the caller does not say.
const PAGE_MAX: usize = 1_000;
const PAGE_DEFAULT: usize = 100;

#[tonic::async_trait]
impl FxService for Gateway {
    async fn set_quotes(
        &self,
        request: Request<v1::SetQuotesRequest>,
    ) -> Result<Response<v1::SetQuotesResponse>, Status> {
        let caller = Caller::of(request.extensions())?;
        let v1::SetQuotesRequest { command, signature } = request.into_inner();
        let ticket = self.give_quotes(&caller, &command, &signature)?;
        let executed = self.carried_out(ticket).await.map_err(Refusal::from)?;
        Ok(Response::new(v1::SetQuotesResponse {
            position: executed.position,
            reason: executed.reason(),
            replayed: executed.replayed,
        }))
    }

    type StreamQuotesStream = BoxStream<v1::StreamQuotesResponse>;

    async fn stream_quotes(
        &self,
        request: Request<Streaming<v1::StreamQuotesRequest>>,
    ) -> Result<Response<Self::StreamQuotesStream>, Status> {
        let caller = Caller::of(request.extensions())?;
        Ok(Response::new(self.quote_stream(caller, request.into_inner())))
    }

    async fn list_quotes(
        &self,
        request: Request<v1::ListQuotesRequest>,
    ) -> Result<Response<v1::ListQuotesResponse>, Status> {
        let caller = Caller::of(request.extensions())?;
        Ok(Response::new(self.quotes(&caller, &request.into_inner()).await?))
    }

    async fn list_prices(
        &self,
        request: Request<v1::ListPricesRequest>,
    ) -> Result<Response<v1::ListPricesResponse>, Status> {
        let caller = Caller::of(request.extensions())?;
        Ok(Response::new(self.prices(&caller, &request.into_inner()).await?))
    }

    async fn list_fills(
        &self,
        request: Request<v1::ListFillsRequest>,
    ) -> Result<Response<v1::ListFillsResponse>, Status> {
        let caller = Caller::of(request.extensions())?;
        Ok(Response::new(self.fills(&caller, request.into_inner()).await?))
    }
}

impl Gateway {
    async fn fills(
        &self,
        caller: &Arc<Caller>,
        request: v1::ListFillsRequest,
    ) -> Result<v1::ListFillsResponse, Refusal> {
        let limit = match usize::try_from(request.page_size) {
            Ok(0) => PAGE_DEFAULT,
            Ok(size) if size <= PAGE_MAX => size,
            _ => {
                let message = format!("must be 1 to {PAGE_MAX}, or 0 for {PAGE_DEFAULT}");
                return Err(Refusal::field("page_size", "PAGE_SIZE", message));
            }
        };
        let query = request.from_position.to_be_bytes();
        let from = match request.page_token.as_ref() {
            [] => Place::new(request.from_position.min(POSITION_MAX), 0),
            token => {
                let [place] = self
                    .tokens
                    .read(Purpose::Fills, caller.id, &query, token)
                    .ok_or_else(|| refused("page_token"))?;
                Place(place)
            }
        };
        let (gateway, view, id) = (self.clone(), self.view(), caller.id);
        let read = move || {
            let as_of_batch = gateway.reader.readable().borrow().batch;
            // One more than the page holds: so it is known whether another one follows.
            let mut matches = gateway.reader.matches_of(id, from, limit + 1)?;
            let next = matches.get(limit).map(|(made, _)| made.first_leg);
            matches.truncate(limit);
            let mut orders = Orders::new(&*gateway.log);
            let mut fills = Vec::new();
            for (made, row) in &matches {
                let order = orders.at(made.order)?;
                fills.extend(words::fills_of(&view, id, &order, (made, row.as_ref())));
            }
            Ok::<_, ReadFault>((fills, next, as_of_batch))
        };
        let (fills, next, as_of_batch) = self.blocking(id, "read fills", read).await?;
        let next_page_token = next.map_or_else(bytes::Bytes::new, |next| {
            self.tokens.make(Purpose::Fills, id, &query, [next.0]).into()
        });
        Ok(v1::ListFillsResponse { fills, next_page_token, as_of_batch })
    }
}

/// Beyond it there is no place for an order's number.
const POSITION_MAX: u64 = u64::MAX >> channel::PLACE_INDEX_BITS;

/// Two currencies of a request: each named, or not (empty).
fn pair_of(base: &str, quote: &str) -> Result<(Option<Currency>, Option<Currency>), Refusal> {
    let currency = |field: &'static str, code: &str| {
        if code.is_empty() {
            return Ok(None);
        }
        Currency::parse(code)
            .map(Some)
            .map_err(|error| Refusal::field(field, "CURRENCY_INVALID", error.to_string()))
    };
    Ok((currency("base_currency_code", base)?, currency("quote_currency_code", quote)?))
}

/// A provider is shown its own quotes only.
fn sees_all_quotes(caller: &Caller) -> bool {
    caller.role != Role::LiquidityProvider
}
