//! Payments as they come to a participant: believed as far as their senders have signed them, and
//! opened.

use bytes::Bytes;
use channel::HeaderView;
use proto::v1;
use sealing::OpenedOrder;

use super::desk::Desk;
use super::opener::Unopened;
use super::signed_payment::SignedPayment;
use crate::{Error, PaymentWatch};

/// What there is to read in a payment.
#[derive(Debug)]
pub enum Reading {
    /// Its payload is not sealed, and no policy asks for that.
    Open,
    /// The views that this participant may read. That they say what the header says is for the caller
    /// to check (`docs/reference/views.md`): the header is what settles.
    Opened(OpenedOrder),
    /// It is for this participant and does not open. Allege it ([`Desk::allege`]), and look at it
    /// again once its sender has answered: it does not come again by itself.
    Unopened(Unopened),
}

/// A payment that is for this participant to read, or of which the node says so.
#[derive(Debug)]
pub struct Incoming {
    /// As the node delivered it: where it is on its way is the node's word.
    pub payment: v1::Payment,
    /// What it says; or why nothing in it may be relied on. If the error is transient, look at it
    /// again later ([`Desk::look`]).
    pub reading: Result<Reading, Error>,
}

/// Everything that comes to a participant, opened. Dropping it ends it.
pub struct IncomingWatch {
    desk: Desk,
    watch: PaymentWatch,
    /// Behind what was delivered.
    token: Bytes,
    /// What has come and was not delivered yet.
    come: Option<Vec<v1::Payment>>,
}

impl Desk {
    /// Looks into a payment that the node delivered; nothing if there is nothing to read: it is this
    /// participant's own, or its payload is not for it yet.
    ///
    /// # Errors
    /// As [`Desk::read`]; [`Error::Unverified`] if it is not sealed although the pool's policy asks
    /// for that.
    pub async fn look<'a>(
        &mut self,
        payment: &'a v1::Payment,
    ) -> Result<Option<(SignedPayment<'a>, Reading)>, Error> {
        let settled = payment.state() == v1::PaymentState::Settled;
        if payment.payload.is_empty() && !(settled && self.receives(payment)) {
            return Ok(None);
        }
        let signed = self.check(payment).await?;
        // Known from its signature, and not from the node's word: else that would hide a payment.
        if signed.header().sender() == self.client.participant() {
            return Ok(None);
        }
        if signed.bypasses_policy(&self.vault.store) {
            let problem = "it is not sealed, although the pool's policy asks for it";
            return Err(Error::Unverified(problem));
        }
        let reading = match signed.is_sealed() {
            false => Reading::Open,
            true => match self.read(payment).await? {
                Ok(opened) => Reading::Opened(opened),
                Err(unopened) => Reading::Unopened(unopened),
            },
        };
        Ok(Some((signed, reading)))
    }

    /// Whether a payment is to this participant, in the node's words or by its header.
    fn receives(&self, payment: &v1::Payment) -> bool {
        let own = self.client.participant();
        let name = self.vault.store.identity(own).map(|it| it.participant.name.as_str());
        let header = HeaderView::check(&payment.header).ok();
        name == Some(payment.receiver.as_str()) || header.is_some_and(|it| it.receiver() == own)
    }

    /// Watches what comes from `resume_token` on ([`IncomingWatch::token`]; empty: from the first
    /// batch).
    #[must_use]
    pub fn watch(self, resume_token: impl Into<Bytes>) -> IncomingWatch {
        let token = resume_token.into();
        let watch = self.client.watch(token.clone(), true);
        IncomingWatch { desk: self, watch, token, come: None }
    }
}

impl IncomingWatch {
    /// What comes next, at least once; nothing in a heartbeat. What is wrong with one payment stands
    /// beside it, and keeps nobody from the others.
    ///
    /// # Errors
    /// As [`PaymentWatch::next`].
    ///
    /// # Cancel safety
    /// If the future is dropped, the next call delivers the same.
    pub async fn next(&mut self) -> Result<Vec<Incoming>, Error> {
        if self.come.is_none() {
            self.come = Some(self.watch.next().await?.payments);
        }
        let come = self.come.as_deref().unwrap_or_default();
        let mut readings = Vec::with_capacity(come.len());
        for payment in come {
            readings.push(match self.desk.look(payment).await {
                Ok(read) => read.map(|(_, reading)| Ok(reading)),
                Err(error) => Some(Err(error)),
            });
        }
        // Delivered from here on.
        self.token = self.watch.token().clone();
        let come = self.come.take().unwrap_or_default().into_iter().zip(readings);
        Ok(come.filter_map(|(payment, read)| Some(Incoming { payment, reading: read? })).collect())
    }

    /// Where to resume: everything up to the last answer of [`IncomingWatch::next`] was delivered.
    #[must_use]
    pub fn token(&self) -> &Bytes {
        &self.token
    }

    /// Where it is read: to speak about what came, and to be refreshed now and then
    /// ([`Desk::refresh`]).
    pub fn desk(&mut self) -> &mut Desk {
        &mut self.desk
    }
}
