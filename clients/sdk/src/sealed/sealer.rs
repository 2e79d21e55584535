//! The sender's side: epochs opened when they are needed, orders sealed in them.

use channel::{
    EPOCH_LIFE_MAX_MS, EpochOpen, HeaderView, OrderFacts, OrderHeader, ParticipantId, Recipient,
    Requirement, Role, Signed, Signer, SlotRole, Suite, Trust, TrustError, VIEWS_MAX, View,
    ViewMask, sha256,
};
use ledger::Hash;
use sealing::{Content, Epoch, EpochTerms};

use super::Random;
use super::keys::OwnKey;
use super::store::{TrustStore, untrusted};
use crate::{Error, Order};

/// What an order says, by view; empty where it says nothing.
pub type Contents = [Vec<u8>; VIEWS_MAX as usize];

/// An epoch that is open, and for whom.
struct Active {
    epoch: Epoch,
    policy_version: u32,
    not_after_ms: u64,
    recipients: Vec<Recipient>,
}

/// Seals the orders of one participant. Its epochs' keys live in this value alone: who starts again
/// opens new ones.
pub struct Sealer {
    pool: u32,
    sender: ParticipantId,
    random: Random,
    epochs: Vec<Active>,
    life_ms: u64,
    /// Whether an epoch is opened for whoever else may be paid in it, too.
    ahead: bool,
}

impl std::fmt::Debug for Sealer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sealer").field("sender", &self.sender).finish_non_exhaustive()
    }
}

/// For whom an order is sealed.
struct Plan {
    policy_version: u32,
    recipients: Vec<Recipient>,
    views: ViewMask,
}

impl Sealer {
    /// Seals for a participant of a pool.
    #[must_use]
    pub fn new(pool: u32, sender: ParticipantId, random: Random) -> Self {
        let (epochs, life_ms) = (Vec::new(), EPOCH_LIFE_MAX_MS);
        Self { pool, sender, random, epochs, life_ms, ahead: true }
    }

    /// For who seals a few orders and ends: epochs last `life_ms`, or until the last of the orders
    /// was made, and are for the readers of these orders alone. They last an hour otherwise, and are
    /// for whoever else may be paid in it, as far as there is room: a pool takes only so many epochs
    /// of a sender at once.
    #[must_use]
    pub fn epoch_life(mut self, life_ms: u64) -> Self {
        (self.life_ms, self.ahead) = (life_ms.min(EPOCH_LIFE_MAX_MS), false);
        self
    }

    /// For who goes on after all: epochs that are opened from now on last an hour, and are for
    /// whoever else may be paid in it. Those that are open stay.
    #[must_use]
    pub fn lasting(mut self) -> Self {
        (self.life_ms, self.ahead) = (EPOCH_LIFE_MAX_MS, true);
        self
    }

    /// Drops so many epochs, those that were opened last: the pool has not accepted them.
    pub fn forget_last(&mut self, count: usize) {
        self.epochs.truncate(self.epochs.len().saturating_sub(count));
    }

    /// Opens the epochs that these orders need and that are not open yet: none was, an hour or 2^24
    /// orders are over, a reader has a new key, the policy is another. What is returned must be
    /// accepted by the pool before [`Sealer::seal`] is of use.
    ///
    /// # Errors
    /// [`Error::Untrusted`] if the policy does not cover an order, or a reader has no key that is
    /// believed; [`Error::Config`] if the policy lets nobody read what an order says.
    pub fn prepare<'a>(
        &mut self,
        (store, own): (&TrustStore, &OwnKey),
        orders: impl IntoIterator<Item = (&'a Order, &'a Contents)>,
        now_ms: u64,
        signer: &dyn Signer,
    ) -> Result<Vec<Signed<EpochOpen>>, Error> {
        self.epochs.retain(|active| active.not_after_ms > now_ms);
        let known = self.epochs.len();
        let opened = self.open_missing((store, own), orders, now_ms, signer);
        if opened.is_err() {
            // What is not returned nobody publishes.
            self.epochs.truncate(known);
        }
        opened
    }

    fn open_missing<'a>(
        &mut self,
        (store, own): (&TrustStore, &OwnKey),
        orders: impl IntoIterator<Item = (&'a Order, &'a Contents)>,
        now_ms: u64,
        signer: &dyn Signer,
    ) -> Result<Vec<Signed<EpochOpen>>, Error> {
        let trust = store.trust(now_ms)?;
        let mut opened = Vec::new();
        let mut wanted: Vec<Recipient> = Vec::new();
        let policy =
            trust.policy().map(|policy| (policy.statement.version, policy.statement.suite));
        let policy = policy.ok_or_else(|| untrusted("policy")(TrustError::NoPolicy))?;
        let (mut last, mut until_ms) = (None, 0);
        for (order, contents) in orders {
            let plan = self.plan((store, &trust, own), order, contents, now_ms)?;
            if self.find(&plan, order.fields()).is_some() {
                continue;
            }
            (last, until_ms) = (Some(order), until_ms.max(order.fields().created_at_ms()));
            let more = missing(&wanted, &plan.recipients);
            if wanted.len() + more.len() > policy.1.epoch_readers_max() {
                let full = std::mem::replace(&mut wanted, plan.recipients);
                opened.push(self.open(full, policy, (now_ms, until_ms), signer)?);
            } else {
                wanted.extend(more);
            }
        }
        if let Some(order) = last {
            if self.ahead {
                self.add_others((store, &trust), order, now_ms, &mut wanted)?;
            }
            opened.push(self.open(wanted, policy, (now_ms, until_ms), signer)?);
        }
        Ok(opened)
    }

    /// Adds who would read an order like this one to any other bank, as long as there is room.
    fn add_others(
        &self,
        (store, trust): (&TrustStore, &Trust),
        order: &Order,
        now_ms: u64,
        wanted: &mut Vec<Recipient>,
    ) -> Result<(), Error> {
        let facts = facts(store, order)?;
        let policy = trust.policy().map(|policy| &policy.statement);
        let room = policy.map_or(0, |policy| policy.suite.epoch_readers_max());
        let version = policy.map_or(0, |policy| policy.version);
        let covers = |epoch: &Active, readers: &[Recipient]| {
            let reads = |it| epoch.recipients.iter().any(|known| same(known, it));
            epoch.policy_version == version && readers.iter().all(reads)
        };
        for bank in store.identities().map(|signed| &signed.statement.participant) {
            if bank.role != Role::Bank || bank.id == self.sender {
                continue;
            }
            let facts = OrderFacts { receiver: bank.id, receiver_country: bank.country, ..facts };
            let Ok(readers) = trust.recipients(&facts, now_ms) else { continue };
            // What one epoch has already needs no other.
            if self.epochs.iter().any(|epoch| covers(epoch, &readers)) {
                continue;
            }
            let more = missing(wanted, &readers);
            if wanted.len() + more.len() <= room {
                wanted.extend(more);
            }
        }
        Ok(())
    }

    /// Seals an order in an epoch that was prepared. The sealed order has the same identity and
    /// terms; sealing again makes other bytes, so keep these and send these.
    ///
    /// # Errors
    /// As [`Sealer::prepare`]; [`Error::Config`] if no epoch fits.
    pub fn seal(
        &mut self,
        (store, own): (&TrustStore, &OwnKey),
        (order, contents): (&Order, &Contents),
        now_ms: u64,
    ) -> Result<Order, Error> {
        let trust = store.trust(now_ms)?;
        let plan = self.plan((store, &trust, own), order, contents, now_ms)?;
        let at = self.find(&plan, order.fields());
        let active = at.and_then(|at| self.epochs.get_mut(at));
        let active = active.ok_or_else(|| Error::config("epoch", "must be prepared first"))?;
        let header: OrderHeader = HeaderView::decode(order.header())?;
        let content = |view: View| Content { view, bytes: &contents[view as usize] };
        let contents: Vec<Content<'_>> = plan.views.views().map(content).collect();
        let sealed = active.epoch.seal(&header, &contents, &plan.recipients, &mut self.random);
        let sealed = sealed.map_err(|error| Error::config("sealing", error))?;
        Order::from_bytes(&sealed.header, sealed.payload.into())
    }

    /// Drops the epochs: those that the pool has not accepted are of no use.
    pub fn forget_epochs(&mut self) {
        self.epochs.clear();
    }

    fn plan(
        &self,
        (store, trust, own): (&TrustStore, &Trust, &OwnKey),
        order: &Order,
        contents: &Contents,
        now_ms: u64,
    ) -> Result<Plan, Error> {
        let facts = facts(store, order)?;
        let required = trust.require(&facts, now_ms).map_err(untrusted("policy"))?;
        let views = required.views();
        for view in View::ALL {
            if !views.has(view) && !contents[view as usize].is_empty() {
                let problem =
                    format!("says something, and the policy lets nobody read it: {view:?}");
                return Err(Error::config("view", problem));
            }
        }
        let recipients = trust.recipients(&facts, now_ms);
        let mut recipients = recipients.map_err(untrusted("readers"))?;
        if !recipients.iter().any(|it| it.role == SlotRole::Sender) {
            let (role, participant) = (SlotRole::Sender, self.sender);
            let public = own.signed.statement.public.clone();
            recipients.push(Recipient { role, key: own.id(), participant, public, views });
        }
        let policy_version = trust.policy().map_or(0, |policy| policy.statement.version);
        Ok(Plan { policy_version, recipients, views })
    }

    fn find(&self, plan: &Plan, header: HeaderView<'_>) -> Option<usize> {
        self.epochs.iter().position(|active| {
            active.policy_version == plan.policy_version
                && active.epoch.has_room(header.created_at_ms())
                && plan.recipients.iter().all(|it| active.recipients.iter().any(|r| same(r, it)))
        })
    }

    fn open(
        &mut self,
        recipients: Vec<Recipient>,
        (policy_version, suite): (u32, Suite),
        (now_ms, until_ms): (u64, u64),
        signer: &dyn Signer,
    ) -> Result<Signed<EpochOpen>, Error> {
        let last_ms = now_ms.saturating_add(EPOCH_LIFE_MAX_MS);
        let not_after_ms = now_ms.saturating_add(self.life_ms).max(until_ms.min(last_ms));
        let (pool, sender, opened_at_ms) = (self.pool, self.sender, now_ms);
        let terms = EpochTerms { pool, sender, suite, policy_version, opened_at_ms, not_after_ms };
        let opened = Epoch::open(terms, &recipients, signer, &mut self.random);
        let (epoch, signed) = opened.map_err(|error| Error::config("epoch", error))?;
        self.epochs.push(Active { epoch, policy_version, not_after_ms, recipients });
        Ok(signed)
    }
}

/// Whether two readers are one to an epoch: what they may read differs from order to order.
fn same(one: &Recipient, other: &Recipient) -> bool {
    (one.role, one.key, one.participant) == (other.role, other.key, other.participant)
}

/// Those that are not known yet.
fn missing(known: &[Recipient], readers: &[Recipient]) -> Vec<Recipient> {
    let missing = |it: &&Recipient| !known.iter().any(|known| same(known, it));
    readers.iter().filter(missing).cloned().collect()
}

/// What the policy in effect asks of an order.
///
/// # Errors
/// [`Error::Untrusted`] if there is no policy for it, or nobody vouches for its parties.
pub fn requirement(store: &TrustStore, order: &Order, now_ms: u64) -> Result<Requirement, Error> {
    let required = store.trust(now_ms)?.require(&facts(store, order)?, now_ms);
    required.map_err(untrusted("policy"))
}

/// What a policy looks at in an order; countries are those of the identities.
fn facts(store: &TrustStore, order: &Order) -> Result<OrderFacts, Error> {
    let header: OrderHeader = HeaderView::decode(order.header())?;
    let country = |id: ParticipantId| {
        let identity = store.identity(id).map(|identity| identity.participant.country);
        identity.ok_or_else(|| untrusted("identity")(channel::TrustError::NoIdentity))
    };
    Ok(OrderFacts {
        currency: header.amount.currency(),
        minor: header.amount.minor(),
        sender: header.sender,
        sender_country: country(header.sender)?,
        receiver: header.receiver,
        receiver_country: country(header.receiver)?,
    })
}

/// Tells whether two orders say the same, sealed or not: SHA-256 over terms and contents. Kept
/// beside the sealed bytes, on the sender's disk only.
#[must_use]
pub fn content_hash(order: &Order, contents: &Contents) -> Hash {
    let mut bytes = order.digest().to_vec();
    for content in contents {
        bytes.extend((content.len() as u64).to_be_bytes());
        bytes.extend(content);
    }
    sha256(&bytes)
}
