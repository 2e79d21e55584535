//! Following payments, batch by batch.

use bytes::Bytes;
use proto::v1;

use crate::resume::Resumed;
use crate::{Client, Error};

/// Everything that happens to the participant's payments, without gaps.
///
/// Messages come at least once: after a reconnect, start from the token of the last message that
/// was dealt with. Dropping the watch ends it.
pub struct PaymentWatch(Resumed<v1::WatchPaymentsResponse>);

impl Client {
    /// Watches from `resume_token` on ([`PaymentWatch::token`]; empty: from the first batch).
    /// `with_payloads` also sends the payloads of payments received and settled.
    #[must_use]
    pub fn watch(&self, resume_token: impl Into<Bytes>, with_payloads: bool) -> PaymentWatch {
        let client = self.payments();
        let open = move |resume_token: Bytes| {
            let mut client = client.clone();
            let message = v1::WatchPaymentsRequest { resume_token, with_payloads };
            Box::pin(async move { client.watch_payments(message).await.map(|r| r.into_inner()) })
                as _
        };
        let place = (self.0.address.clone(), self.0.limits.deadline);
        let token_of = |message: &v1::WatchPaymentsResponse| message.resume_token.clone();
        PaymentWatch(Resumed::new(place, resume_token.into(), token_of, Box::new(open)))
    }
}

impl PaymentWatch {
    /// The next message, a heartbeat (no payments) included. Connections that are lost are taken
    /// up again.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if the node stays away for as long as the client's deadline; calling
    /// again tries again. [`Error::Refused`] for good.
    pub async fn next(&mut self) -> Result<v1::WatchPaymentsResponse, Error> {
        self.0.next().await
    }

    /// Where to resume: everything up to the last message of [`PaymentWatch::next`] was delivered.
    #[must_use]
    pub fn token(&self) -> &Bytes {
        self.0.token()
    }
}
