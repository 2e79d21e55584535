//! Where sealed payments are looked into, and what their readers have to say about them.

use channel::{AnyStatement, OpeningRecord, OrderRef, ReceiverConfirmation, ViewMask};
use proto::v1;
use sealing::OpenedOrder;

use super::opener::{Opener, Unopened};
use super::signed_payment::SignedPayment;
use super::vault::Vault;
use crate::{Client, Error};

/// How long it is kept what opens the orders of an epoch, beyond its end, ms: far longer than a pool
/// takes its orders in.
const EPOCH_KEEP_MS: u64 = 86_400_000;

/// Reads the sealed payments of one participant, and speaks for it.
#[derive(Debug)]
pub struct Desk {
    pub(super) client: Client,
    pub(super) vault: Vault,
    pub(super) opener: Opener,
    pub(super) now_ms: u64,
    /// Whether the node was asked for identities that it did not know, since it was refreshed.
    asked_again: bool,
}

impl Desk {
    /// A desk with what is believed at this instant.
    ///
    /// # Errors
    /// As [`Vault::sync`].
    pub async fn open(client: &Client, mut vault: Vault, now_ms: u64) -> Result<Self, Error> {
        vault.sync(client, now_ms).await?;
        let opener = Opener::new(client, &vault.keys)?;
        Ok(Self { client: client.clone(), vault, opener, now_ms, asked_again: false })
    }

    /// Takes in what is new at this instant: in the directory, and among its own keys. Forgets the
    /// keys that were deleted, and the epochs that are over for a day.
    ///
    /// # Errors
    /// As [`Desk::open`].
    pub async fn refresh(&mut self, now_ms: u64) -> Result<(), Error> {
        self.vault.sync(&self.client, now_ms).await?;
        self.opener.take_keys(&self.vault.keys)?;
        self.opener.forget_epochs(now_ms.saturating_sub(EPOCH_KEEP_MS));
        self.now_ms = now_ms;
        self.asked_again = false;
        Ok(())
    }

    /// The participant's own folder.
    #[must_use]
    pub fn vault(&self) -> &Vault {
        &self.vault
    }

    /// The instant for which it speaks, ms.
    #[must_use]
    pub fn now_ms(&self) -> u64 {
        self.now_ms
    }

    /// Checks that a payment is what its sender signed; also by an identity that is newer than what
    /// this desk knows, or that was replaced before this client's time.
    ///
    /// # Errors
    /// As [`SignedPayment::check`], and as any call.
    pub async fn check<'a>(
        &mut self,
        payment: &'a v1::Payment,
    ) -> Result<SignedPayment<'a>, Error> {
        match SignedPayment::check(&self.vault.store, payment) {
            Err(Error::Unverified(_) | Error::Untrusted { .. }) if !self.asked_again => {}
            checked => return checked,
        }
        self.asked_again = true;
        self.vault.sync(&self.client, self.now_ms).await?;
        let kind = v1::StatementKind::Identity;
        let all = self.client.statements(None, kind, 0).await?.into_iter();
        let former = all.filter_map(|logged| match logged.statement {
            AnyStatement::Identity(signed) => Some(signed),
            _ => None,
        });
        self.vault.store.take_former(&former.collect::<Vec<_>>())?;
        SignedPayment::check(&self.vault.store, payment)
    }

    /// Opens a payment, as [`Opener::open`]; also by a key that another process of the participant
    /// has made meanwhile.
    ///
    /// # Errors
    /// As [`Opener::open`].
    pub async fn read(
        &mut self,
        payment: &v1::Payment,
    ) -> Result<Result<OpenedOrder, Unopened>, Error> {
        self.check(payment).await?;
        match self.opener.open(&self.vault.store, payment).await? {
            Err(unopened) if unopened.lost => {
                self.opener.take_keys(&self.vault.keys)?;
                self.opener.open(&self.vault.store, payment).await
            }
            read => Ok(read),
        }
    }

    /// Opens an order of one's own archive, as [`Opener::reopen`].
    ///
    /// # Errors
    /// As [`Opener::reopen`].
    pub async fn reopen(&mut self, order: (&[u8], &[u8])) -> Result<OpenedOrder, Error> {
        self.opener.reopen(&self.vault.store, order).await
    }

    /// Says, as its receiver, whether a payment can be applied that waits for that. One that was
    /// released or has ended meanwhile is no failure.
    ///
    /// # Errors
    /// As [`Client::publish_all`].
    pub async fn confirm(&self, order: OrderRef, able: bool) -> Result<(), Error> {
        let (pool, receiver) = (self.client.pool(), self.client.participant());
        let confirmed_at_ms = self.now_ms;
        let said = ReceiverConfirmation { pool, receiver, order, able, confirmed_at_ms };
        let said = self.client.sign_statement(said)?;
        match self.client.publish_all(&[said.into()]).await {
            Err(Error::Rejected { reason: v1::RejectReason::NotHeld, .. }) => Ok(()),
            other => other.map(drop),
        }
    }

    /// Alleges that a payment does not open. Once is enough: said again at another instant it is
    /// another statement in the log, which changes nothing.
    ///
    /// # Errors
    /// As [`Client::publish_all`]: if it is not taken, nobody is asked to answer it.
    pub async fn allege(&self, fault: &Unopened) -> Result<(), Error> {
        let (pool, reporter) = (self.client.pool(), self.client.participant());
        let fault = self.client.sign_statement(fault.fault(pool, reporter, self.now_ms))?;
        self.client.publish_all(&[fault.into()]).await.map(drop)
    }

    /// Puts on record that views of a payment are shown to a person. Show them afterwards.
    ///
    /// # Errors
    /// [`Error::Config`] for an empty or long person or reason; as [`Client::publish_all`].
    pub async fn record(
        &self,
        order: OrderRef,
        views: ViewMask,
        (person, reason): (&str, &str),
    ) -> Result<(), Error> {
        let record = OpeningRecord {
            pool: self.client.pool(),
            reader: self.client.participant(),
            order,
            views,
            person: person.to_owned(),
            reason: reason.to_owned(),
            opened_at_ms: self.now_ms,
        };
        let record: AnyStatement = self.client.sign_statement(record)?.into();
        AnyStatement::decode(record.kind(), &record.encode())
            .map_err(|error| Error::config("opening", error))?;
        self.client.publish_all(&[record]).await.map(drop)
    }
}
