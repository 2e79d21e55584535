//! The reader's side: keys, epochs, and opening orders.

use std::collections::BTreeMap;

use channel::{
    DEK_LEN, Envelope, EpochId, EpochOpen, HEADER_LEN, HeaderView, KemKey, KeyId, ParticipantId,
    PublicKey, Signed, SlotEntry, SlotRole, Statement as _, Suite, VIEWS_MAX, View, sha256,
};
use ledger::Hash;

use crate::epoch::KEK_LABEL;
use crate::kem::{Gcm, KemSecret, agreed};
use crate::refused::Refused;
use crate::seen::Seen;
use crate::view::{self, Dek, Plaintext, decrypt, wrap_nonce};
use crate::wiped::Wiped;

/// The keys of an order's views that a reader got hold of, by view number.
pub(crate) type Deks = [Option<Wiped<Dek>>; VIEWS_MAX as usize];

/// A view opened and checked. Wiped when dropped.
pub struct OpenedView {
    view: View,
    plaintext: Plaintext,
    pub(crate) dek: Wiped<Dek>,
}

impl OpenedView {
    /// Which view.
    #[must_use]
    pub fn view(&self) -> View {
        self.view
    }

    /// What it says.
    #[must_use]
    pub fn content(&self) -> &[u8] {
        self.plaintext.content()
    }
}

impl core::fmt::Debug for OpenedView {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("OpenedView").field("view", &self.view).finish_non_exhaustive()
    }
}

/// The views of an order that its reader may read. Wiped when dropped.
#[derive(Debug)]
pub struct OpenedOrder {
    /// The order's header.
    pub header: [u8; HEADER_LEN],
    /// Ascending by view.
    pub views: Vec<OpenedView>,
}

impl OpenedOrder {
    /// Opens the views whose keys are given, and checks them.
    pub(crate) fn open(
        envelope: &Envelope<'_>,
        mut deks: Deks,
        binding: &Hash,
    ) -> Result<Self, Refused> {
        let mut views = Vec::with_capacity(deks.len());
        for entry in envelope.views() {
            if let Some(dek) = deks[entry.view as usize].take() {
                let plaintext = view::open(&entry, &dek, binding)?;
                views.push(OpenedView { view: entry.view, plaintext, dek });
            }
        }
        Ok(Self { header: *envelope.header().bytes(), views })
    }

    /// One of its views.
    #[must_use]
    pub fn view(&self, view: View) -> Option<&OpenedView> {
        self.views.iter().find(|opened| opened.view == view)
    }
}

/// An epoch of somebody whose orders one may read.
pub(crate) struct ReadEpoch {
    statement: Hash,
    suite: Suite,
    policy_version: u32,
    not_after_ms: u64,
    /// The keys that are this reader's, as the sender has signed it.
    own: Vec<(SlotRole, KeyId)>,
    /// For those whose secrets are there: what was agreed on.
    keks: Vec<(SlotRole, KeyId, Gcm)>,
    pub(crate) seen: Seen,
}

/// Reads what is sealed for one participant.
pub struct Reader {
    pool: u32,
    participant: ParticipantId,
    secrets: BTreeMap<KeyId, KemSecret>,
    epochs: BTreeMap<(ParticipantId, EpochId), ReadEpoch>,
}

impl core::fmt::Debug for Reader {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Reader").field("participant", &self.participant).finish_non_exhaustive()
    }
}

impl Reader {
    /// Reads nothing yet.
    #[must_use]
    pub fn new(pool: u32, participant: ParticipantId) -> Self {
        Self { pool, participant, secrets: BTreeMap::new(), epochs: BTreeMap::new() }
    }

    /// Takes in the secret of one of the participant's KEM keys.
    ///
    /// # Errors
    /// [`Refused`] if the key is another's, or not that of the secret.
    pub fn add_key(&mut self, key: &KemKey, secret: KemSecret) -> Result<(), Refused> {
        let ours = key.pool == self.pool && key.participant == self.participant;
        if !ours || !secret.belongs_to(key) {
            return Err(Refused);
        }
        self.secrets.insert(key.id(), secret);
        Ok(())
    }

    /// Wipes a key. Epochs that were accepted with it stay open.
    pub fn forget_key(&mut self, key: KeyId) {
        self.secrets.remove(&key);
    }

    /// Wipes the epochs that ended before this instant, ms. Their orders do not open any more.
    pub fn forget_epochs(&mut self, ended_before_ms: u64) {
        self.epochs.retain(|_, epoch| epoch.not_after_ms >= ended_before_ms);
    }

    /// Whether there is the secret of a key.
    #[must_use]
    pub fn has_secret(&self, key: KeyId) -> bool {
        self.secrets.contains_key(&key)
    }

    /// Whether the epoch of an order was accepted with all secrets that it asks for, so that it may be
    /// opened.
    #[must_use]
    pub fn knows_epoch(&self, header: HeaderView<'_>) -> bool {
        let sealing = header.sealing().ok().flatten();
        let known = sealing.and_then(|it| self.epochs.get(&(header.sender(), it.epoch)));
        known.is_some_and(|epoch| epoch.own.len() == epoch.keks.len())
    }

    /// Takes in an epoch of the sender whose identity key is given; false if it has no key for which
    /// there is a secret. The same statement again adds what secrets have come since; what was seen
    /// of the epoch stays seen.
    ///
    /// # Errors
    /// [`Refused`] if it is not signed by the sender, its keys do not agree, or the sender has used
    /// its id before.
    pub fn accept_epoch(
        &mut self,
        signed: &Signed<EpochOpen>,
        sender: &PublicKey,
    ) -> Result<bool, Refused> {
        signed.verify(sender).map_err(|_| Refused)?;
        let open = &signed.statement;
        if open.pool != self.pool {
            return Err(Refused);
        }
        let statement = sha256(&open.signed_bytes());
        let name = (open.sender, open.epoch);
        let known = self.epochs.get(&name);
        if known.is_some_and(|known| known.statement != statement) {
            return Err(Refused);
        }
        let (mut own, mut keks) = (Vec::new(), Vec::new());
        for it in open.readers.iter().filter(|it| it.participant == self.participant) {
            own.push((it.role, it.key));
            let agreed_on = known.is_some_and(|known| known.kek(it.role, it.key).is_some());
            let Some(secret) = self.secrets.get(&it.key).filter(|_| !agreed_on) else { continue };
            let info = open.info(it.role, it.key, it.participant);
            keks.push((it.role, it.key, agreed(secret, &it.encapsulated, &info, KEK_LABEL)?));
        }
        if own.is_empty() {
            return Ok(false);
        }
        let epoch = self.epochs.entry(name).or_insert_with(|| ReadEpoch {
            statement,
            suite: open.suite,
            policy_version: open.policy_version,
            not_after_ms: open.not_after_ms,
            own,
            keks: Vec::new(),
            seen: Seen::default(),
        });
        epoch.keks.append(&mut keks);
        Ok(!epoch.keks.is_empty())
    }

    /// Opens an order for the first time, with all views that this reader may read. Its sequence is
    /// used up then.
    ///
    /// # Errors
    /// [`Refused`], whatever is wrong with it: among others, that its epoch was not accepted (ask
    /// [`Reader::knows_epoch`] before), or that its sequence was opened before.
    pub fn open(&mut self, header: &[u8], payload: &[u8]) -> Result<OpenedOrder, Refused> {
        let envelope = self.envelope(header, payload)?;
        let (name, sequence) = (epoch_name(&envelope), envelope.sealing().sequence);
        let epoch = self.epochs.get_mut(&name).ok_or(Refused)?;
        if epoch.seen.contains(sequence) {
            return Err(Refused);
        }
        let opened = epoch.open(&envelope)?;
        epoch.seen.insert(sequence);
        Ok(opened)
    }

    /// Opens an order that the caller knows to have opened before, byte for byte (from its own
    /// store): checks everything but that.
    ///
    /// # Errors
    /// [`Refused`], whatever is wrong with it.
    pub fn reopen(&self, header: &[u8], payload: &[u8]) -> Result<OpenedOrder, Refused> {
        let envelope = self.envelope(header, payload)?;
        self.epochs.get(&epoch_name(&envelope)).ok_or(Refused)?.open(&envelope)
    }

    pub(crate) fn envelope<'a>(
        &self,
        header: &'a [u8],
        payload: &'a [u8],
    ) -> Result<Envelope<'a>, Refused> {
        let header = HeaderView::check(header).map_err(|_| Refused)?;
        if header.pool() != self.pool || header.payload_len() != payload.len() {
            return Err(Refused);
        }
        Envelope::parse(header, payload).map_err(|_| Refused)
    }

    /// The epoch of an order, if it was accepted.
    pub(crate) fn epoch(&self, envelope: &Envelope<'_>) -> Option<&ReadEpoch> {
        self.epochs.get(&epoch_name(envelope))
    }

    pub(crate) fn epoch_mut(&mut self, envelope: &Envelope<'_>) -> Option<&mut ReadEpoch> {
        self.epochs.get_mut(&epoch_name(envelope))
    }

    /// Whether a slot is sealed to a key of this participant, whether or not its secret is there.
    pub(crate) fn owns(&self, envelope: &Envelope<'_>, slot: &SlotEntry<'_>) -> bool {
        let named = (slot.role, slot.key);
        self.has_secret(slot.key)
            || self.epoch(envelope).is_some_and(|epoch| epoch.own.contains(&named))
    }

    pub(crate) fn secret(&self, participant: ParticipantId, key: KeyId) -> Option<&KemSecret> {
        self.secrets.get(&key).filter(|_| participant == self.participant)
    }
}

impl ReadEpoch {
    /// Opens an order of this epoch.
    fn open(&self, envelope: &Envelope<'_>) -> Result<OpenedOrder, Refused> {
        self.check(envelope)?;
        let binding = envelope.binding();
        let deks = self.unwrap(envelope, &binding)?;
        OpenedOrder::open(envelope, deks, &binding)
    }

    /// The keys in all wraps that are for this reader.
    fn unwrap(&self, envelope: &Envelope<'_>, binding: &Hash) -> Result<Deks, Refused> {
        let mut deks = Deks::default();
        let mut found = false;
        for slot in envelope.slots().filter(|slot| self.kek(slot.role, slot.key).is_some()) {
            self.unwrap_slot(&slot, binding, &mut deks)?;
            found = true;
        }
        if found { Ok(deks) } else { Err(Refused) }
    }

    /// What opens a slot of this reader's, if its secret was there.
    fn kek(&self, role: SlotRole, key: KeyId) -> Option<&Gcm> {
        let named = |it: &&(SlotRole, KeyId, Gcm)| (it.0, it.1) == (role, key);
        self.keks.iter().find(named).map(|(.., cipher)| cipher)
    }

    /// Adds the keys in one wrap.
    fn unwrap_slot(
        &self,
        slot: &SlotEntry<'_>,
        binding: &Hash,
        deks: &mut Deks,
    ) -> Result<(), Refused> {
        let cipher = self.kek(slot.role, slot.key).ok_or(Refused)?;
        // The largest wrap: five keys and a tag.
        let mut buffer = Wiped::new([0; DEK_LEN * VIEWS_MAX as usize + channel::TAG_LEN]);
        let bytes = buffer.get_mut(..slot.wrap.len()).ok_or(Refused)?;
        bytes.copy_from_slice(slot.wrap);
        decrypt(cipher, &wrap_nonce(binding), binding, bytes)?;
        take_deks(bytes, slot.views.views(), deks);
        Ok(())
    }

    /// Opens what one slot of an order of this epoch promises.
    pub(crate) fn open_slot(
        &self,
        envelope: &Envelope<'_>,
        slot: &SlotEntry<'_>,
    ) -> Result<OpenedOrder, Refused> {
        self.check(envelope)?;
        let (binding, mut deks) = (envelope.binding(), Deks::default());
        self.unwrap_slot(slot, &binding, &mut deks)?;
        OpenedOrder::open(envelope, deks, &binding)
    }

    fn check(&self, envelope: &Envelope<'_>) -> Result<(), Refused> {
        let header = envelope.header();
        let in_time = header.created_at_ms() <= self.not_after_ms;
        let terms = (envelope.sealing().suite, header.policy_version());
        let same = terms == (self.suite, self.policy_version);
        if in_time && same { Ok(()) } else { Err(Refused) }
    }
}

/// Sorts the keys of a wrap by their views.
pub(crate) fn take_deks(bytes: &[u8], views: impl Iterator<Item = View>, deks: &mut Deks) {
    for (dek, view) in bytes.as_chunks::<DEK_LEN>().0.iter().zip(views) {
        deks[view as usize] = Some(Wiped::new(*dek));
    }
}

/// The sender and the epoch of an order.
fn epoch_name(envelope: &Envelope<'_>) -> (ParticipantId, EpochId) {
    (envelope.header().sender(), envelope.sealing().epoch)
}
