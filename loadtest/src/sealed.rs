//! Sealed orders: the keys that a bank, the overseer and the scheme would have, made before the
//! clock starts, and what the readers make of the orders once they have settled.
//!
//! Everybody's keys are in this one process; only statements go to the node, as they would. Each
//! order has two views: one that receiver and overseer read, one for the receiver alone.

mod check;
mod sealer;
mod statements;

use std::collections::BTreeMap;

use anyhow::Context as _;
use channel::{
    DisclosurePolicy, EpochOpen, Identity, KemKey, LocalSigner, OrderFacts, Participant,
    ParticipantId, PolicyRule, PublicKey, Recipient, Role, RuleReader, Signed, Signer as _,
    SlotRole, Suite, Trust, Uetr, View, ViewMask,
};
use sealing::{Buffered, KemSecret};
use tonic::transport::Channel;
use zeroize::Zeroizing;

pub(crate) use self::check::{Opened, open_some};
pub(crate) use self::sealer::Sealer;
use crate::scene::{Bank, Person, Scene};
use crate::workload::Draw;

/// Who of a development pool reads for an authority.
const OVERSEER: &str = "overseer";
/// Where banks and overseer of a development pool are.
const BANK_COUNTRY: [u8; 2] = *b"GB";
const OVERSEER_COUNTRY: [u8; 2] = *b"CH";
/// What the overseer reads, and what it does not.
const SHARED: View = View::Parties;
const PRIVATE: View = View::Remittance;
const POLICY_VERSION: u32 = 1;
const SUITE: Suite = Suite::X25519Aes256Gcm;
const DAY_MS: u64 = 86_400_000;

/// The operating system's randomness, drawn from in blocks.
type Random = Buffered<rand_core::UnwrapErr<getrandom::SysRng>>;

fn random() -> Random {
    Buffered::new(rand_core::UnwrapErr(getrandom::SysRng))
}

/// The root of a pool: who vouches for identities and makes the policy.
#[derive(Debug)]
pub(crate) struct Scheme(LocalSigner);

impl Scheme {
    /// A new one.
    pub(crate) fn new() -> anyhow::Result<Self> {
        let mut seed = Zeroizing::new([0; 32]);
        getrandom::fill(&mut *seed).map_err(|error| anyhow::anyhow!("randomness: {error}"))?;
        Ok(Self(LocalSigner::from_seed(&seed)))
    }

    /// What the genesis names.
    pub(crate) fn root(&self) -> [u8; 32] {
        self.0.public_key()
    }
}

/// Somebody who opens orders.
struct Party {
    id: ParticipantId,
    secret: KemSecret,
    key: KemKey,
    connection: Channel,
}

/// Everything that sealing and opening take, once the pool has taken in the statements.
pub(crate) struct Seals {
    pool: u32,
    /// Of each bank, in the order of the banks.
    banks: Vec<Party>,
    /// Of each bank, what checks its signatures.
    keys: BTreeMap<ParticipantId, PublicKey>,
}

impl Seals {
    /// Makes keys, identities, a policy and every bank's epochs, and hands the statements in. Gives
    /// a sealer for each bank.
    pub(crate) async fn prepare(
        scheme: &Scheme,
        scene: &Scene,
        banks: &[Bank],
    ) -> anyhow::Result<(Self, Vec<Sealer>)> {
        let overseer = Person::of(scene, OVERSEER)?;
        let (pool, now_ms) = (overseer.pool, banks[0].now_ms);
        let mut trust = Trust::new(pool, &[scheme.root()])?;
        let mut desk = statements::Desk::new(scene.observer());
        let people = Self::people(&overseer, banks);
        for (participant, _) in &people {
            let identity = identity(pool, participant.clone(), now_ms);
            let signed = Signed::sign(identity, &scheme.0)?;
            trust.accept_identity(&signed)?;
            desk.lay(signed);
        }
        desk.hand_in().await.context("identities")?;
        let mut parties = Vec::new();
        for ((participant, signer), connection) in people
            .iter()
            .zip(banks.iter().map(|bank| &bank.connection).chain([&overseer.connection]))
        {
            let (party, signed) =
                Party::new(pool, participant.id, signer, connection.clone(), now_ms)?;
            trust.accept_kem_key(&signed, now_ms)?;
            desk.lay(signed);
            parties.push(party);
        }
        let policy = Signed::sign(policy(pool, overseer.id, now_ms), &scheme.0)?;
        trust.accept_policy(&policy)?;
        desk.lay(policy);
        desk.hand_in().await.context("keys and policy")?;
        let readers = readers(&trust, banks, now_ms)?;
        let mut sealers = Vec::with_capacity(banks.len());
        for bank in banks {
            let (sealer, opened) = Sealer::open(bank, &readers, random())?;
            opened.into_iter().for_each(|epoch: Signed<EpochOpen>| desk.lay(epoch));
            sealers.push(sealer);
        }
        desk.hand_in().await.context("epochs")?;
        // Only receivers open here.
        parties.truncate(banks.len());
        let keys = banks.iter().map(|bank| Ok((bank.id, trust.identity_key(bank.id, now_ms)?)));
        let keys = keys.collect::<anyhow::Result<_>>()?;
        Ok((Self { pool, banks: parties, keys }, sealers))
    }

    /// Every bank and the overseer, last, with what they sign with.
    fn people<'a>(overseer: &'a Person, banks: &'a [Bank]) -> Vec<(Participant, &'a LocalSigner)> {
        let of_bank = |bank: &'a Bank| {
            let (id, key) = (bank.id, bank.signer.public_key());
            let (role, name, country) = (Role::Bank, bank.name.clone(), BANK_COUNTRY);
            (Participant { id, role, name, country, key }, &bank.signer)
        };
        let last = Participant {
            id: overseer.id,
            role: Role::Regulator,
            name: OVERSEER.to_owned(),
            country: OVERSEER_COUNTRY,
            key: overseer.signer.public_key(),
        };
        banks.iter().map(of_bank).chain([(last, &overseer.signer)]).collect()
    }
}

impl Party {
    fn new(
        pool: u32,
        participant: ParticipantId,
        signer: &LocalSigner,
        connection: Channel,
        now_ms: u64,
    ) -> anyhow::Result<(Self, Signed<KemKey>)> {
        let secret = KemSecret::generate(SUITE, &mut random());
        let key = KemKey {
            pool,
            participant,
            public: secret.public(),
            valid_from_ms: now_ms,
            valid_to_ms: now_ms + DAY_MS,
        };
        let signed = Signed::sign(key.clone(), signer)?;
        Ok((Self { id: participant, secret, key, connection }, signed))
    }
}

fn identity(pool: u32, participant: Participant, now_ms: u64) -> Identity {
    let (valid_from_ms, valid_to_ms) = (now_ms - DAY_MS, now_ms + DAY_MS);
    Identity { pool, serial: 1, participant, valid_from_ms, valid_to_ms, revoked: false }
}

/// One rule for every payment.
fn policy(pool: u32, overseer: ParticipantId, now_ms: u64) -> DisclosurePolicy {
    let receiver = RuleReader {
        role: SlotRole::Receiver,
        participant: None,
        views: ViewMask::of(&[SHARED, PRIVATE]),
    };
    let overseer = RuleReader {
        role: SlotRole::SenderRegulator,
        participant: Some(overseer),
        views: ViewMask::of(&[SHARED]),
    };
    let rule = PolicyRule {
        currency: None,
        sender_country: None,
        receiver_country: None,
        minor_min: 0,
        minor_max: u64::MAX,
        screening: false,
        confirmation: false,
        readers: vec![receiver, overseer],
    };
    let (version, effective_at_ms) = (POLICY_VERSION, now_ms);
    DisclosurePolicy { pool, version, effective_at_ms, suite: SUITE, rules: vec![rule] }
}

/// For whom payments to each bank are sealed: the same whoever sends, since the policy does not ask.
fn readers(trust: &Trust, banks: &[Bank], now_ms: u64) -> anyhow::Result<Vec<Vec<Recipient>>> {
    let of = |bank: &Bank| {
        let facts = OrderFacts {
            currency: bank.currencies[0],
            minor: 1,
            sender: banks[0].id,
            sender_country: BANK_COUNTRY,
            receiver: bank.id,
            receiver_country: BANK_COUNTRY,
        };
        Ok(trust.recipients(&facts, now_ms)?)
    };
    banks.iter().map(of).collect()
}

/// What a payment says in a view: a function of its UETR, so that readers can tell.
fn content(uetr: Uetr, view: View, bytes: usize) -> Vec<u8> {
    let [a, b, c, d, e, f, g, h, ..] = uetr.0;
    let seed = u64::from_be_bytes([a, b, c, d, e, f, g, h]);
    let mut draw = Draw::new(seed ^ view as u64);
    let letters = std::iter::repeat_with(|| b'a' + draw.below(26) as u8);
    letters.take(bytes).collect()
}
