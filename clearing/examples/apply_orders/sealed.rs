//! Orders that look as if they were sealed, and the statements that a pool must have heard before it
//! takes them: what is in the wraps and the ciphertexts makes no difference to the pool.

use channel::{
    AnyStatement, DisclosurePolicy, Encapsulated, EpochId, EpochOpen, EpochReader, Identity,
    KemKey, KemPublic, OrderHeader, Participant, ParticipantId, PolicyRule, Role, RuleReader,
    Sealing, Signed, SizeBucket, SlotRole, Suite, View, ViewMask, ciphertext_len, wrap_len,
};

use crate::bench::{POOL, START_MS};

/// The key that vouches for identities and policy.
pub(crate) const ROOT: [u8; 32] = [200; 32];
/// Who reads the parties of every payment.
const REGULATOR: ParticipantId = ParticipantId(3);
const POLICY_VERSION: u32 = 1;
const SUITE: Suite = Suite::X25519Aes256Gcm;
const EPOCH_MS: u64 = channel::EPOCH_LIFE_MAX_MS;
/// Receivers of an epoch; the regulator is the one reader more.
const RECEIVERS: usize = SUITE.epoch_readers_max() - 1;
/// The views and whose they are: receivers read both, the regulator the first.
const VIEWS: [View; 2] = [View::Parties, View::Remittance];

/// The regulator of a pool whose orders are sealed.
pub(crate) fn regulator() -> Participant {
    let (name, role, key) = ("regulator".to_owned(), Role::Regulator, key_of(REGULATOR));
    Participant { id: REGULATOR, role, name, country: *b"BE", key }
}

/// The identity key of a participant. Whether it signed is not for the pool to check.
pub(crate) fn key_of(id: ParticipantId) -> [u8; 32] {
    let mut key = [1; 32];
    key[..4].copy_from_slice(&id.0.to_be_bytes());
    key
}

fn signed<S>(statement: S, signer: [u8; 32]) -> AnyStatement
where
    AnyStatement: From<Signed<S>>,
{
    Signed { statement, signer, signature: [0; 64] }.into()
}

fn kem_key(participant: ParticipantId) -> KemKey {
    let public = KemPublic::X25519(key_of(participant));
    let (valid_from_ms, valid_to_ms) = (START_MS, START_MS + 2 * EPOCH_MS);
    KemKey { pool: POOL, participant, public, valid_from_ms, valid_to_ms }
}

/// Seals for the banks of a pool, each of them with epochs of its own.
pub(crate) struct Sealer {
    banks: Vec<ParticipantId>,
    /// The sequence that comes next, by sender.
    next: Vec<u64>,
}

impl Sealer {
    pub(crate) fn new(banks: Vec<ParticipantId>) -> Self {
        let next = vec![0; banks.len()];
        Self { banks, next }
    }

    /// Everybody's identity and key, the policy, and every bank's epochs.
    pub(crate) fn statements(&self, participants: &[Participant]) -> Vec<AnyStatement> {
        let readers = || self.banks.iter().copied().chain([REGULATOR]);
        let known = participants.iter().filter(|it| readers().any(|reader| reader == it.id));
        let identity = |it: &Participant| {
            let (participant, valid_from_ms, valid_to_ms) =
                (it.clone(), START_MS, START_MS + 2 * EPOCH_MS);
            let (pool, serial, revoked) = (POOL, 1, false);
            let identity =
                Identity { pool, serial, participant, valid_from_ms, valid_to_ms, revoked };
            signed(identity, ROOT)
        };
        let mut statements: Vec<_> = known.map(identity).collect();
        statements.extend(readers().map(|id| signed(kem_key(id), key_of(id))));
        statements.push(signed(policy(), ROOT));
        let epochs = (0..self.banks.len()).flat_map(|sender| self.epochs(sender));
        statements.extend(epochs);
        statements
    }

    fn epochs(&self, sender: usize) -> impl Iterator<Item = AnyStatement> {
        let id = self.banks[sender];
        self.banks.chunks(RECEIVERS).enumerate().map(move |(number, receivers)| {
            let receivers = receivers.iter().map(|to| (SlotRole::Receiver, *to));
            let readers = receivers.chain([(SlotRole::SenderRegulator, REGULATOR)]);
            let reader = |(role, participant)| {
                let key = kem_key(participant).id();
                EpochReader { role, key, participant, encapsulated: Encapsulated::X25519([3; 32]) }
            };
            let mut readers: Vec<_> = readers.map(reader).collect();
            readers.sort_unstable_by_key(|it| (it.role, it.key));
            let open = EpochOpen {
                pool: POOL,
                sender: id,
                suite: SUITE,
                epoch: epoch(number),
                policy_version: POLICY_VERSION,
                opened_at_ms: START_MS,
                not_after_ms: START_MS + EPOCH_MS,
                readers,
            };
            signed(open, key_of(id))
        })
    }

    /// The header and the payload of a sealed order.
    pub(crate) fn seal(
        &mut self,
        header: OrderHeader,
        (sender, receiver): (u32, u32),
    ) -> (OrderHeader, Vec<u8>) {
        let sequence = self.next[sender as usize];
        self.next[sender as usize] += 1;
        let receiver = receiver as usize;
        let (all, parties) = (ViewMask::of(&VIEWS), ViewMask::of(&VIEWS[..1]));
        let slots = [
            (SlotRole::Receiver, kem_key(self.banks[receiver]).id(), all),
            (SlotRole::SenderRegulator, kem_key(REGULATOR).id(), parties),
        ];
        let sealing = Sealing {
            suite: SUITE,
            epoch: epoch(receiver / RECEIVERS),
            sequence,
            bucket: SizeBucket::B256,
            views: VIEWS.len() as u8,
            slots: slots.len() as u8,
        };
        let mut payload = Vec::new();
        for view in VIEWS {
            payload.extend([view as u8, SizeBucket::B256 as u8]);
            payload.extend([1; 32]);
        }
        for (role, key, views) in slots {
            payload.push(role as u8);
            payload.extend(key.0);
            payload.extend(views.bits().to_be_bytes());
        }
        let wraps: usize = slots.iter().map(|(.., views)| wrap_len(*views)).sum();
        let ciphertexts = VIEWS.len() * ciphertext_len(SizeBucket::B256);
        payload.resize(payload.len() + wraps + ciphertexts, 0);
        let (policy_version, payload_len) = (POLICY_VERSION, payload.len() as u32);
        (OrderHeader { policy_version, sealing: Some(sealing), payload_len, ..header }, payload)
    }
}

/// The number of each bank's epoch towards so many-th receivers.
fn epoch(number: usize) -> EpochId {
    EpochId([number as u8 + 1; 16])
}

/// One rule for every payment.
fn policy() -> DisclosurePolicy {
    let reader = |role, participant, views: &[View]| {
        let views = ViewMask::of(views);
        RuleReader { role, participant, views }
    };
    let rule = PolicyRule {
        currency: None,
        sender_country: None,
        receiver_country: None,
        minor_min: 0,
        minor_max: u64::MAX,
        screening: false,
        confirmation: false,
        readers: vec![
            reader(SlotRole::Receiver, None, &VIEWS),
            reader(SlotRole::SenderRegulator, Some(REGULATOR), &VIEWS[..1]),
        ],
    };
    let (version, effective_at_ms) = (POLICY_VERSION, START_MS);
    let rules = vec![rule];
    DisclosurePolicy { pool: POOL, version, effective_at_ms, suite: SUITE, rules }
}
