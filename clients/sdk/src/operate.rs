//! Running a pool, and looking at it.

use proto::v1;
use proto::v1::operator_service_client::OperatorServiceClient;
use tonic::transport::Channel;

use crate::client::MESSAGE_BYTES_MAX;
use crate::{Client, Error};

impl Client {
    /// What the pool is doing.
    ///
    /// # Errors
    /// As any call.
    pub async fn pool_info(&self) -> Result<v1::GetPoolResponse, Error> {
        let client = self.operator();
        let message = v1::GetPoolRequest {};
        self.call(message, move |request| {
            let mut client = client.clone();
            async move { client.get_pool(request).await }
        })
        .await
    }

    /// Who takes part.
    ///
    /// # Errors
    /// As any call.
    pub async fn participants(&self) -> Result<Vec<v1::Participant>, Error> {
        let client = self.operator();
        let message = v1::ListParticipantsRequest {};
        let response = self
            .call(message, move |request| {
                let mut client = client.clone();
                async move { client.list_participants(request).await }
            })
            .await?;
        Ok(response.participants)
    }

    /// Accounts with their credit lines.
    ///
    /// # Errors
    /// As any call.
    pub async fn accounts(&self) -> Result<Vec<v1::Account>, Error> {
        let client = self.operator();
        let message = v1::ListAccountsRequest {};
        let response = self
            .call(message, move |request| {
                let mut client = client.clone();
                async move { client.list_accounts(request).await }
            })
            .await?;
        Ok(response.accounts)
    }

    /// Limits in force, with their use; `participant` empty: the caller's, or all for an operator.
    ///
    /// # Errors
    /// As any call.
    pub async fn limits(&self, participant: &str) -> Result<Vec<v1::Limit>, Error> {
        let client = self.operator();
        let message = v1::ListLimitsRequest { participant: participant.to_owned() };
        let response = self
            .call(message, move |request| {
                let mut client = client.clone();
                async move { client.list_limits(request).await }
            })
            .await?;
        Ok(response.limits)
    }

    /// The business days.
    ///
    /// # Errors
    /// As any call.
    pub async fn days(&self) -> Result<Vec<v1::Day>, Error> {
        let client = self.operator();
        let message = v1::ListDaysRequest {};
        let response = self
            .call(message, move |request| {
                let mut client = client.clone();
                async move { client.list_days(request).await }
            })
            .await?;
        Ok(response.days)
    }

    /// Sets the clock of a node that runs by a scripted one; returns the position of the tick.
    ///
    /// # Errors
    /// [`Error::Refused`] with [`tonic::Code::FailedPrecondition`] on any other node, and with
    /// [`tonic::Code::Aborted`] if the record would not get `expected_position`.
    pub async fn advance_clock(
        &self,
        time_ms: u64,
        expected_position: u64,
        close_cycle: bool,
    ) -> Result<u64, Error> {
        let client = self.operator();
        let message = v1::AdvanceClockRequest { time_ms, expected_position, close_cycle };
        let response = self
            .call(message, move |request| {
                let mut client = client.clone();
                async move { client.advance_clock(request).await }
            })
            .await?;
        Ok(response.position)
    }

    pub(crate) async fn execute_command(
        &self,
        message: v1::ExecuteCommandRequest,
    ) -> Result<v1::ExecuteCommandResponse, Error> {
        let client = self.operator();
        self.call(message, move |request| {
            let mut client = client.clone();
            async move { client.execute_command(request).await }
        })
        .await
    }

    fn operator(&self) -> OperatorServiceClient<Channel> {
        OperatorServiceClient::new(self.0.channel.clone())
            .max_decoding_message_size(MESSAGE_BYTES_MAX)
    }
}
