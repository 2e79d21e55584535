//! Reading the books: balances, entries, transfers.

use bytes::Bytes;
use proto::v1;
use proto::v1::ledger_service_client::LedgerServiceClient;
use proto::v1::list_balances_request::AsOf;
use tonic::transport::Channel;

use crate::client::MESSAGE_BYTES_MAX;
use crate::{Client, Error};

/// Entries or transfers of one page.
const PAGE_SIZE: i32 = 1_000;

impl Client {
    /// Balances of `participant` (empty: the caller's, or all for an operator), now or as of an
    /// earlier batch or time.
    ///
    /// # Errors
    /// As any call.
    pub async fn balances(
        &self,
        participant: &str,
        as_of: Option<AsOf>,
        at_least_position: u64,
    ) -> Result<v1::ListBalancesResponse, Error> {
        let participant = participant.to_owned();
        let message = v1::ListBalancesRequest { participant, at_least_position, as_of };
        let client = self.ledger();
        self.call(message, move |request| {
            let mut client = client.clone();
            async move { client.list_balances(request).await }
        })
        .await
    }

    /// One page of an account's entries, oldest first; `page_token` empty for the first page.
    ///
    /// # Errors
    /// As any call.
    pub async fn entries_page(
        &self,
        participant: &str,
        currency: &str,
        from_batch: u64,
        page_token: Bytes,
    ) -> Result<v1::ListEntriesResponse, Error> {
        let message = v1::ListEntriesRequest {
            participant: participant.to_owned(),
            currency_code: currency.to_owned(),
            page_size: PAGE_SIZE,
            page_token,
            from_batch,
        };
        let client = self.ledger();
        self.call(message, move |request| {
            let mut client = client.clone();
            async move { client.list_entries(request).await }
        })
        .await
    }

    /// One page of a batch's transfers; `page_token` empty for the first page.
    ///
    /// # Errors
    /// As any call.
    pub async fn transfers_page(
        &self,
        batch: u64,
        page_token: Bytes,
    ) -> Result<v1::ListTransfersResponse, Error> {
        let message = v1::ListTransfersRequest { batch, page_size: PAGE_SIZE, page_token };
        let client = self.ledger();
        self.call(message, move |request| {
            let mut client = client.clone();
            async move { client.list_transfers(request).await }
        })
        .await
    }

    /// What the payments of a batch moved, and how much money that took.
    ///
    /// # Errors
    /// As any call; [`Error::Refused`] with [`tonic::Code::NotFound`] if it is not sealed.
    pub async fn batch_report(&self, batch: u64) -> Result<v1::GetBatchReportResponse, Error> {
        let message = v1::GetBatchReportRequest { batch };
        let client = self.ledger();
        self.call(message, move |request| {
            let mut client = client.clone();
            async move { client.get_batch_report(request).await }
        })
        .await
    }

    fn ledger(&self) -> LedgerServiceClient<Channel> {
        LedgerServiceClient::new(self.0.channel.clone())
            .max_decoding_message_size(MESSAGE_BYTES_MAX)
    }
}
