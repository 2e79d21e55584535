//! Allegations that an order does not open, and the sender's answer.

use clap::Args;
use sdk::sealed::{AnyStatement, KemKey, Opener, SlotRole, Suite, ViewMask, system_random};
use sdk::{Uetr, v1};

use super::Sealed;
use super::policy_file::role_name;
use crate::commands::show;
use crate::context::{Context, Session};
use crate::failure::Failure;
use crate::output::{Row, Shown};

/// List the allegations that are not answered; as a sender, wrap the orders again that are one's
/// own.
#[derive(Debug, Args)]
pub(crate) struct FaultsArgs {
    /// Answer every fault of this participant's own orders: wrap the views' keys again, to a key of
    /// the reader that is valid now.
    #[arg(long)]
    rewrap: bool,
}

impl FaultsArgs {
    pub(crate) async fn run(self, context: &Context) -> Result<Shown, Failure> {
        let session = context.session()?;
        let faults = session.client.faults().await?;
        let mut rows: Vec<Row> = faults.iter().map(row).collect();
        if !self.rewrap {
            return Ok(Shown::Many(rows));
        }
        let mut sealed = session.sealed()?;
        let now_ms = session.sync(&mut sealed).await?;
        let mut answerer = Answerer {
            session: &session,
            opener: Opener::new(&session.client, &sealed.keys)?,
            sealed,
            now_ms,
        };
        for (fault, row) in faults.iter().zip(&mut rows) {
            if fault.sender == session.profile.name {
                let answer = answerer.answer(fault).await?;
                session.client.publish_all(&[answer]).await?;
                row.push(("rewrapped", true.into()));
            }
        }
        Ok(Shown::Many(rows))
    }
}

fn row(fault: &v1::OpenFault) -> Row {
    let order = fault.order.as_ref();
    let role = u8::try_from(fault.role).ok().and_then(SlotRole::from_number);
    vec![
        ("uetr", order.map(|order| order.uetr.clone()).into()),
        ("sender", fault.sender.as_str().into()),
        ("reporter", fault.reporter.as_str().into()),
        ("role", role.map(role_name).map(str::to_owned).into()),
        ("stated_at", show::instant(fault.logged_at_ms).into()),
        ("due_at", show::instant(fault.due_at_ms).into()),
        ("overdue", fault.overdue.into()),
    ]
}

/// Wraps this sender's orders again.
struct Answerer<'a> {
    session: &'a Session,
    sealed: Sealed,
    opener: Opener,
    now_ms: u64,
}

impl Answerer<'_> {
    async fn answer(&mut self, fault: &v1::OpenFault) -> Result<AnyStatement, Failure> {
        let unusable = || Failure::fault("the node sent a fault that names no order");
        let order = fault.order.as_ref().ok_or_else(unusable)?;
        let uetr: Uetr = order.uetr.parse().map_err(|_| unusable())?;
        let sent = self.sealed.sent.find(uetr)?;
        let sent =
            sent.into_iter().find(|it| it.order.digest().as_slice() == fault.digest.as_ref());
        let sent = sent.ok_or_else(|| {
            Failure::not_found(format!("{uetr}: is not among what was sealed in this folder"))
        })?;
        let role = u8::try_from(fault.role).ok().and_then(SlotRole::from_number);
        let role = role.ok_or_else(unusable)?;
        let (header, payload) = (sent.order.header(), sent.order.payload());
        let opened = self.opener.reopen(&self.sealed.store, (header, payload), self.now_ms).await?;
        let recipient = self.recipient(&sent.order, role, &fault.reporter)?;
        let client = &self.session.client;
        let wrapped = opened.rewrap(
            payload,
            &recipient,
            self.now_ms,
            client.statement_signer()?,
            &mut system_random(),
        );
        Ok(wrapped.map_err(|error| Failure::fault(error.to_string()))?.into())
    }

    /// The reader with a key that is valid now, of the policy's suite or that of the order if it is
    /// the stronger one, and the views that the order's policy gives it.
    fn recipient(
        &self,
        order: &sdk::Order,
        role: SlotRole,
        reporter: &str,
    ) -> Result<channel::Recipient, Failure> {
        let mut known = self.sealed.store.identities();
        let reader = known.find(|it| it.statement.participant.name == reporter);
        let reader = reader.map(|it| it.statement.participant.id);
        let reader =
            reader.ok_or_else(|| Failure::fault(format!("no root vouches for {reporter}")))?;
        let keys = self.sealed.store.kem_keys().map(|signed| &signed.statement);
        let suite = self.suite(order)?;
        let valid = keys.filter(|it| {
            it.participant == reader && Some(it.public.suite()) == suite && it.valid_at(self.now_ms)
        });
        let key: Option<&KemKey> = valid.max_by_key(|it| it.valid_from_ms);
        let key = key.ok_or_else(|| {
            Failure::new(crate::failure::Kind::Transient, format!("{reporter} has no valid key"))
        })?;
        let views = self.views(order, role)?;
        let public = key.public.clone();
        Ok(channel::Recipient { role, key: key.id(), participant: reader, public, views })
    }

    fn suite(&self, order: &sdk::Order) -> Result<Option<Suite>, Failure> {
        let sealing = order.fields().sealing();
        let sealing = sealing.map_err(|error| Failure::fault(error.to_string()))?;
        let policy = self.sealed.store.policy_at(self.now_ms);
        Ok(sealing.map(|it| it.suite).max(policy.map(|it| it.statement.suite)))
    }

    /// What the slot of this role promises.
    fn views(&self, order: &sdk::Order, role: SlotRole) -> Result<ViewMask, Failure> {
        let envelope = sdk::sealed::Envelope::parse(order.fields(), order.payload());
        let envelope = envelope.map_err(|error| Failure::fault(error.to_string()))?;
        let slot = envelope.slots().find(|slot| slot.role == role);
        let slot = slot.ok_or_else(|| Failure::fault("the order has no slot of that role"))?;
        Ok(slot.views)
    }
}
