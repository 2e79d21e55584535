//! A provider's quotes on the wire, and reading what stands.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use channel::CommandBody;
use proto::v1;
use proto::v1::fx_service_client::FxServiceClient;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::Channel;
use tonic::{Response, Status, Streaming};

use crate::client::{Executed, MESSAGE_BYTES_MAX, executed, new_request_id};
use crate::order::now_ms;
use crate::pipe::{Kind, Pipe, Waiting};
use crate::stream::refused;
use crate::{Client, Currency, Error, SignedCommand};

/// Matches of one page of fills.
const PAGE_SIZE: i32 = 1_000;

/// A pipelined stream of quotes. Cheap to clone; clones share the stream.
///
/// Sets of quotes take effect in the order of [`QuoteStream::set`]. When the connection is lost,
/// those without an answer are sent again with the same bytes, in the same order. A set that had
/// taken effect then answers that it is replayed, or, if a later one of the pair stands by then,
/// QUOTES_SUPERSEDED: either way the latest set stands, which is what counts.
#[derive(Debug, Clone)]
pub struct QuoteStream {
    pipe: Pipe<Quotes>,
    issued: Arc<Mutex<BTreeMap<(Currency, Currency), u64>>>,
}

/// A set of quotes under way; resolves to its answer.
#[derive(Debug)]
#[must_use = "the answer says whether the quotes stand"]
pub struct QuoteTicket(Waiting<Quotes>);

#[derive(Debug)]
struct Quotes;

impl Kind for Quotes {
    type Item = SignedCommand;
    type Request = v1::StreamQuotesRequest;
    type Response = v1::StreamQuotesResponse;

    fn request(item: &SignedCommand, request_number: u64) -> v1::StreamQuotesRequest {
        let (command, signature) = item.bytes();
        v1::StreamQuotesRequest { request_number, command, signature }
    }

    fn number(response: &v1::StreamQuotesResponse) -> u64 {
        response.request_number
    }

    async fn open(
        client: &Client,
        requests: ReceiverStream<v1::StreamQuotesRequest>,
    ) -> Result<Response<Streaming<v1::StreamQuotesResponse>>, Status> {
        client.fx().stream_quotes(requests).await
    }
}

impl QuoteStream {
    /// Puts a set of quotes ([`crate::QuoteBuilder`]) on the stream, issued now; waits while as
    /// many as allowed are under way. Of one pair, each set is issued later than the one before.
    ///
    /// # Errors
    /// [`Error::Config`] if the body is something else or cannot be signed; [`Error::Unavailable`]
    /// if the runtime is shutting down.
    pub async fn set(&self, quotes: CommandBody) -> Result<QuoteTicket, Error> {
        self.set_at(now_ms(), quotes).await
    }

    /// As [`QuoteStream::set`], issued at an instant (ms since the Unix epoch) or, if the set before
    /// was not issued before it, one millisecond after that one.
    ///
    /// # Errors
    /// As [`QuoteStream::set`].
    pub async fn set_at(&self, at_ms: u64, quotes: CommandBody) -> Result<QuoteTicket, Error> {
        let CommandBody::SetQuotes { base, quote, .. } = &quotes else {
            return Err(Error::config("command", "must be a set of quotes"));
        };
        let issued_at_ms = {
            let mut issued = self.issued.lock().unwrap_or_else(PoisonError::into_inner);
            let last = issued.entry((*base, *quote)).or_default();
            *last = at_ms.max(last.saturating_add(1));
            *last
        };
        let signed = self.pipe.client().sign_command(new_request_id(), issued_at_ms, quotes)?;
        self.send(signed).await
    }

    /// Puts a set of quotes on the stream that was signed before.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if the runtime is shutting down.
    pub async fn send(&self, quotes: SignedCommand) -> Result<QuoteTicket, Error> {
        Ok(QuoteTicket(self.pipe.send(Arc::new(quotes)).await?))
    }
}

impl QuoteTicket {
    /// Waits for what the core says.
    ///
    /// # Errors
    /// [`Error::Rejected`] with the core's reason; [`Error::Refused`]: nothing was logged;
    /// [`Error::Unavailable`]: it may have been logged.
    pub async fn answer(self) -> Result<Executed, Error> {
        let response = self.0.response().await?;
        match response.error {
            Some(error) => Err(refused(error)),
            None => executed((response.position, response.reason, response.replayed)),
        }
    }
}

impl Client {
    /// A stream of quotes with at most `in_flight` sets under way, 1 to [`crate::IN_FLIGHT_MAX`].
    /// It connects with the first. Must be called within a Tokio runtime.
    #[must_use]
    pub fn quote_stream(&self, in_flight: usize) -> QuoteStream {
        QuoteStream { pipe: Pipe::new(self, in_flight), issued: Arc::default() }
    }

    /// Sets this provider's quotes of one pair ([`crate::QuoteBuilder`]), issued now, and waits for
    /// what the core says. For many, [`Client::quote_stream`] keeps several under way.
    ///
    /// # Errors
    /// [`Error::Rejected`] with the core's reason; [`Error::Refused`]; [`Error::Unavailable`].
    pub async fn set_quotes(&self, quotes: CommandBody) -> Result<Executed, Error> {
        self.execute(&self.sign_command(new_request_id(), now_ms(), quotes)?).await
    }

    /// The quotes that stand: this provider's own, or all for an operator; of one pair or of all.
    ///
    /// # Errors
    /// As any call.
    pub async fn quotes(
        &self,
        pair: Option<(Currency, Currency)>,
        provider: &str,
    ) -> Result<v1::ListQuotesResponse, Error> {
        let code = |currency: Currency| currency.as_str().to_owned();
        let message = v1::ListQuotesRequest {
            base_currency_code: pair.map(|(base, _)| code(base)).unwrap_or_default(),
            quote_currency_code: pair.map(|(_, quote)| code(quote)).unwrap_or_default(),
            provider: provider.to_owned(),
        };
        let client = self.fx();
        self.call(message, move |request| {
            let mut client = client.clone();
            async move { client.list_quotes(request).await }
        })
        .await
    }

    /// What is available of a pair at which price.
    ///
    /// # Errors
    /// As any call.
    pub async fn prices(
        &self,
        (base, quote): (Currency, Currency),
    ) -> Result<v1::ListPricesResponse, Error> {
        let message = v1::ListPricesRequest {
            base_currency_code: base.as_str().to_owned(),
            quote_currency_code: quote.as_str().to_owned(),
        };
        let client = self.fx();
        self.call(message, move |request| {
            let mut client = client.clone();
            async move { client.list_prices(request).await }
        })
        .await
    }

    /// One page of the fills of this provider's quotes, oldest first; `page_token` empty for the
    /// first page.
    ///
    /// # Errors
    /// As any call.
    pub async fn fills_page(
        &self,
        from_position: u64,
        page_token: Bytes,
    ) -> Result<v1::ListFillsResponse, Error> {
        let message = v1::ListFillsRequest { from_position, page_size: PAGE_SIZE, page_token };
        let client = self.fx();
        self.call(message, move |request| {
            let mut client = client.clone();
            async move { client.list_fills(request).await }
        })
        .await
    }

    pub(crate) fn fx(&self) -> FxServiceClient<Channel> {
        FxServiceClient::new(self.0.channel.clone()).max_decoding_message_size(MESSAGE_BYTES_MAX)
    }
}
