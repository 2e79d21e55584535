//! The sender's answer to who cannot open what it was promised.
//!
//! Whoever runs the node lists the faults, and could list what nobody stated. So nothing of the list
//! is believed but where to look: an order's keys are wrapped again only for who owns a slot of it,
//! has signed that this slot does not open, and is vouched for by a root; and for the views of that
//! very slot.

use channel::{
    AnyStatement, DisclosureFault, Envelope, ParticipantId, Recipient, RequiredSlot, Rewrap,
    Signed, SlotRole,
};
use proto::v1;

use super::desk::Desk;
use super::opener;
use super::sent::SentOrder;
use super::signed_payment::sender_keys;
use super::store::untrusted;
use super::system_random;
use crate::{Error, Uetr};

impl Desk {
    /// Answers a fault of the node's list ([`crate::Client::faults`]) about an order of this
    /// participant, with a rewrap to a key of the reader that is valid now.
    ///
    /// # Errors
    /// [`Error::Unverified`] if the fault is not what its reporter signed, or the reporter has no
    /// such slot; [`Error::Untrusted`] if nobody vouches for the reporter, or it has no valid key;
    /// [`Error::Config`] if the order was not sealed in this folder; and as any call.
    pub async fn answer(&mut self, listed: &v1::OpenFault) -> Result<Signed<Rewrap>, Error> {
        let sent = self.accused(listed)?;
        let fault = self.stated(&sent, listed).await?;
        let recipient = self.recipient(&sent, &fault).await?;
        let (header, payload) = (sent.order.header(), sent.order.payload());
        let opened = self.opener.reopen(&self.vault.store, (header, payload)).await?;
        let signer = self.client.statement_signer()?;
        let wrapped = opened.rewrap(payload, &recipient, self.now_ms, signer, &mut system_random());
        let wrapped = wrapped.map_err(|error| Error::config("rewrap", error))?;
        self.client.publish_all(&[wrapped.clone().into()]).await?;
        Ok(wrapped)
    }

    /// The order, as it was sealed here.
    fn accused(&self, listed: &v1::OpenFault) -> Result<SentOrder, Error> {
        let order = listed.order.as_ref().ok_or(Error::Malformed("fault of no order"))?;
        let uetr: Uetr =
            order.uetr.parse().map_err(|_| Error::Malformed("UETR of a fault's order"))?;
        let sent = self.vault.sent.find(uetr)?.into_iter();
        let mut same = sent.filter(|it| it.order.digest().as_slice() == listed.digest.as_ref());
        let missing = || Error::config("order", "is not among what was sealed in this folder");
        same.next().ok_or_else(missing)
    }

    /// What the listed reporter itself has signed about the order.
    async fn stated(
        &self,
        sent: &SentOrder,
        listed: &v1::OpenFault,
    ) -> Result<DisclosureFault, Error> {
        let order = sent.name().ok_or(Error::Malformed("message kind"))?;
        let kind = v1::StatementKind::Fault;
        let statements = self.client.statements(Some(&order), kind, 0).await?;
        let store = &self.vault.store;
        let holds = |signed: &Signed<DisclosureFault>| {
            let it = &signed.statement;
            let reporter = store.identity(it.reporter).map(|it| it.participant.name.as_str());
            let named = (it.order, it.pool) == (order, self.client.pool())
                && reporter == Some(listed.reporter.as_str())
                && u32::from(it.role as u8) == listed.role;
            // By whoever its identity was when it found this: another has perhaps replaced it.
            let mut keys = store.keys_at(it.reporter, it.found_at_ms).into_iter();
            named && keys.any(|key| signed.verify(&key).is_ok())
        };
        let mut faults = statements.into_iter().filter_map(|logged| match logged.statement {
            AnyStatement::Fault(signed) => Some(signed),
            _ => None,
        });
        let stated = faults.find(holds).map(|signed| signed.statement);
        stated.ok_or(Error::Unverified("the reporter has not signed this fault"))
    }

    /// The reporter, with the views of its slot and a key that is valid now.
    async fn recipient(
        &self,
        sent: &SentOrder,
        fault: &DisclosureFault,
    ) -> Result<Recipient, Error> {
        let nobody = Error::Unverified("the order has no slot of the reporter");
        let (role, participant) = (fault.role, fault.reporter);
        // The sender's own slot is for nobody else.
        if role == SlotRole::Sender {
            return Err(nobody);
        }
        let envelope = Envelope::parse(sent.order.fields(), sent.order.payload())
            .map_err(|_| Error::Unverified("what was sealed in this folder is damaged"))?;
        let slot = envelope.slots().find(|slot| (slot.role, slot.key) == (role, fault.key));
        let Some(slot) = slot else { return Err(nobody) };
        if self.owner(sent, (role, fault.key)).await? != Some(participant) {
            return Err(nobody);
        }
        let required = RequiredSlot { role, participant, views: slot.views };
        let trust = self.vault.store.trust(self.now_ms)?;
        // Of the policy's suite, or of the order's, if that is the stronger one.
        let policy = self.vault.store.policy_at(self.now_ms).map(|it| it.statement.suite);
        let suite = policy.map_or(envelope.sealing().suite, |it| it.max(envelope.sealing().suite));
        trust.recipient(suite, &required, self.now_ms).map_err(untrusted("reporter"))
    }

    /// Whose key a slot names, as this sender itself signed it when it opened the epoch.
    async fn owner(
        &self,
        sent: &SentOrder,
        slot: (SlotRole, channel::KeyId),
    ) -> Result<Option<ParticipantId>, Error> {
        let header = sent.order.fields();
        let keys = sender_keys(&self.vault.store, header.sender(), header.created_at_ms())?;
        let (open, _) = opener::epoch(&self.client, header, &keys, 0).await?;
        let mut readers = open.statement.readers.iter();
        Ok(readers.find(|it| (it.role, it.key) == slot).map(|it| it.participant))
    }
}
