//! Why payments wait, and what would free them.

use proto::v1;
use proto::v1::insight_service_client::InsightServiceClient;
use tonic::transport::Channel;

use crate::client::MESSAGE_BYTES_MAX;
use crate::{Client, Error, Uetr};

impl Client {
    /// Why the payments with this reference wait: a bank's own, or all for an operator.
    ///
    /// # Errors
    /// As any call; [`Error::Refused`] with [`tonic::Code::NotFound`] if none waits.
    pub async fn explain(&self, uetr: Uetr) -> Result<v1::ExplainPaymentResponse, Error> {
        let client = self.insight();
        let message = v1::ExplainPaymentRequest { uetr: uetr.to_string() };
        self.call(message, move |request| {
            let mut client = client.clone();
            async move { client.explain_payment(request).await }
        })
        .await
    }

    /// The cheapest that could be done about what waits, at most `max` answers (0 = 10), in one
    /// currency or in all (empty).
    ///
    /// # Errors
    /// As any call.
    pub async fn unlocks(
        &self,
        currency: &str,
        max: u32,
    ) -> Result<v1::ListUnlocksResponse, Error> {
        let client = self.insight();
        let message = v1::ListUnlocksRequest { currency_code: currency.to_owned(), max };
        self.call(message, move |request| {
            let mut client = client.clone();
            async move { client.list_unlocks(request).await }
        })
        .await
    }

    /// What the next cycle would settle if this were done. Nothing is changed.
    ///
    /// # Errors
    /// As any call; [`Error::Refused`] naming the field of a lever that makes no sense.
    pub async fn what_if(
        &self,
        levers: Vec<v1::Lever>,
    ) -> Result<v1::SimulateChangesResponse, Error> {
        let client = self.insight();
        let message = v1::SimulateChangesRequest { levers };
        self.call(message, move |request| {
            let mut client = client.clone();
            async move { client.simulate_changes(request).await }
        })
        .await
    }

    fn insight(&self) -> InsightServiceClient<Channel> {
        InsightServiceClient::new(self.0.channel.clone())
            .max_decoding_message_size(MESSAGE_BYTES_MAX)
    }
}
