//! What a client refuses to believe, and whom a policy lets read.

use channel::{
    DisclosureError, DisclosurePolicy, Identity, KemKey, KemPublic, KemRevocation, LocalSigner,
    OrderFacts, Participant, ParticipantId, PolicyRule, RequiredSlot, Role, RuleReader, Signed,
    Signer as _, SlotRole, Suite, Trust, TrustError, Uncovered, View, ViewMask,
};
use ledger::Currency;
use zeroize::Zeroizing;

const POOL: u32 = 1;
const NOW: u64 = 1_772_431_200_000;
const HOUR: u64 = 3_600_000;
const ROOT: u8 = 200;
const OPERATOR: u8 = 99;
const SENDER: ParticipantId = ParticipantId(7);
const RECEIVER: ParticipantId = ParticipantId(8);
const REGULATOR: ParticipantId = ParticipantId(20);

fn signer(seed: u8) -> LocalSigner {
    LocalSigner::from_seed(&Zeroizing::new([seed; 32]))
}

fn seed(id: ParticipantId) -> u8 {
    u8::try_from(id.0).unwrap()
}

fn identity(id: ParticipantId) -> Identity {
    let role = if id == REGULATOR { Role::Regulator } else { Role::Bank };
    let name = if id == REGULATOR { "boe".to_owned() } else { format!("NORTGB2L00{}", id.0) };
    let key = signer(seed(id)).public_key();
    let participant = Participant { id, role, name, country: *b"GB", key };
    let (valid_from_ms, valid_to_ms) = (NOW - HOUR, NOW + 100 * HOUR);
    Identity { pool: POOL, serial: 2, participant, valid_from_ms, valid_to_ms, revoked: false }
}

fn kem_key(id: ParticipantId, public: u8) -> KemKey {
    KemKey {
        pool: POOL,
        participant: id,
        public: KemPublic::X25519([public; 32]),
        valid_from_ms: NOW - HOUR,
        valid_to_ms: NOW + 23 * HOUR,
    }
}

fn rule(readers: Vec<RuleReader>) -> PolicyRule {
    PolicyRule {
        currency: None,
        sender_country: None,
        receiver_country: None,
        minor_min: 1,
        minor_max: u64::MAX,
        screening: false,
        confirmation: false,
        readers,
    }
}

fn reads(role: SlotRole, participant: Option<ParticipantId>, views: &[View]) -> RuleReader {
    RuleReader { role, participant, views: ViewMask::of(views) }
}

fn policy(version: u32) -> DisclosurePolicy {
    let receiver = reads(SlotRole::Receiver, None, &[View::Parties, View::Remittance]);
    let regulator = reads(SlotRole::SenderRegulator, Some(REGULATOR), &[View::Parties]);
    let rules = vec![rule(vec![receiver]), rule(vec![regulator])];
    let suite = Suite::X25519Aes256Gcm;
    DisclosurePolicy { pool: POOL, version, effective_at_ms: NOW, suite, rules }
}

fn facts() -> OrderFacts {
    OrderFacts {
        currency: Currency::parse("USD").unwrap(),
        minor: 100,
        sender: SENDER,
        sender_country: *b"GB",
        receiver: RECEIVER,
        receiver_country: *b"GB",
    }
}

fn rooted<S: channel::Statement>(statement: S) -> Signed<S> {
    Signed::sign(statement, &signer(ROOT)).unwrap()
}

fn owned(key: KemKey) -> Signed<KemKey> {
    let owner = signer(seed(key.participant));
    Signed::sign(key, &owner).unwrap()
}

fn trust() -> Trust {
    let mut trust = Trust::new(POOL, &[signer(ROOT).public_key()]).unwrap();
    for id in [SENDER, RECEIVER, REGULATOR] {
        trust.accept_identity(&rooted(identity(id))).unwrap();
        trust.accept_kem_key(&owned(kem_key(id, seed(id))), NOW).unwrap();
    }
    trust.accept_policy(&rooted(policy(5))).unwrap();
    trust
}

#[test]
fn what_the_roots_signed_is_who_one_seals_for() {
    let recipients = trust().recipients(&facts(), NOW).unwrap();
    let found: Vec<_> =
        recipients.iter().map(|it| (it.role, it.participant, it.views.bits())).collect();
    let expected = [(SlotRole::Receiver, RECEIVER, 17), (SlotRole::SenderRegulator, REGULATOR, 1)];
    assert_eq!(found, expected);
}

/// The policy says suite 2, and the operator serves keys of suite 1 only.
#[test]
fn nobody_is_brought_to_another_suite_by_hiding_keys() {
    let mut trust = trust();
    let suite = Suite::XWingAes256Gcm;
    trust.accept_policy(&rooted(DisclosurePolicy { suite, ..policy(6) })).unwrap();
    assert_eq!(trust.require(&facts(), NOW).unwrap().suite, suite);
    assert_eq!(trust.recipients(&facts(), NOW), Err(TrustError::NoKey));
    let strong = |id, number: u8| {
        let public = KemPublic::XWing(Box::new([number; 1_216]));
        owned(KemKey { public, ..kem_key(id, number) })
    };
    trust.accept_kem_key(&strong(RECEIVER, 1), NOW).unwrap();
    assert_eq!(trust.recipients(&facts(), NOW), Err(TrustError::NoKey));
    trust.accept_kem_key(&strong(REGULATOR, 2), NOW).unwrap();
    let recipients = trust.recipients(&facts(), NOW).unwrap();
    assert!(recipients.iter().all(|it| it.public.suite() == suite));
    // Nor is a policy that says suite 2 taken for one that does not.
    let old = trust.accept_policy(&rooted(policy(5)));
    assert_eq!(old, Err(TrustError::RolledBack));
}

/// The operator serves a key of its own for the receiver.
#[test]
fn a_substituted_key_is_refused() {
    let mut trust = trust();
    let forged = Signed::sign(kem_key(RECEIVER, 66), &signer(OPERATOR)).unwrap();
    assert_eq!(trust.accept_kem_key(&forged, NOW), Err(TrustError::Substituted));
    let claimed = Signed { signer: signer(seed(RECEIVER)).public_key(), ..forged };
    assert_eq!(trust.accept_kem_key(&claimed, NOW), Err(TrustError::Signature));
    // Nor does another identity key for the receiver help, without a root.
    let mut other = identity(RECEIVER);
    other.serial = 3;
    other.participant.key = signer(OPERATOR).public_key();
    let forged = Signed::sign(other, &signer(OPERATOR)).unwrap();
    assert_eq!(trust.accept_identity(&forged), Err(TrustError::UnknownRoot));
    let claimed = Signed { signer: signer(ROOT).public_key(), ..forged };
    assert_eq!(trust.accept_identity(&claimed), Err(TrustError::Signature));
    // A key of a bank's own for somebody else is not that one's either.
    let key = KemKey { participant: RECEIVER, ..kem_key(SENDER, 66) };
    let foreign = Signed::sign(key, &signer(seed(SENDER))).unwrap();
    assert_eq!(trust.accept_kem_key(&foreign, NOW), Err(TrustError::Substituted));
    let recipients = trust.recipients(&facts(), NOW).unwrap();
    let own = |it: &channel::Recipient| it.public.as_bytes() == [seed(it.participant); 32];
    assert!(recipients.iter().all(own));
}

/// The operator serves a policy that has itself among the readers.
#[test]
fn an_added_recipient_is_refused() {
    let mut trust = trust();
    let mut more = policy(6);
    let operator = reads(SlotRole::CurrencyIssuer, Some(ParticipantId(1)), &View::ALL);
    more.rules.push(rule(vec![operator]));
    let forged = Signed::sign(more.clone(), &signer(OPERATOR)).unwrap();
    assert_eq!(trust.accept_policy(&forged), Err(TrustError::UnknownRoot));
    // Under the signature of the true one.
    let true_one = rooted(policy(6));
    let claimed = Signed { statement: more.clone(), ..true_one };
    assert_eq!(trust.accept_policy(&claimed), Err(TrustError::Signature));
    // Under the number of the one that is known, even if a root had signed both.
    more.version = 5;
    assert_eq!(trust.accept_policy(&rooted(more)), Err(TrustError::Equivocated));
    assert_eq!(trust.recipients(&facts(), NOW).unwrap().len(), 2);
}

#[test]
fn a_rolled_back_policy_is_refused_also_after_a_restart() {
    let mut first = trust();
    assert_eq!(first.accept_policy(&rooted(policy(4))), Err(TrustError::RolledBack));
    assert_eq!(first.accept_policy(&rooted(policy(5))), Ok(()));
    let mut older = identity(RECEIVER);
    older.serial = 1;
    assert_eq!(first.accept_identity(&rooted(older)), Err(TrustError::RolledBack));
    let mut again = Trust::new(POOL, &[signer(ROOT).public_key()]).unwrap();
    again.accept_policy(first.policy().unwrap()).unwrap();
    for identity in first.identities() {
        again.accept_identity(identity).unwrap();
    }
    assert_eq!(again.accept_policy(&rooted(policy(4))), Err(TrustError::RolledBack));
}

#[test]
fn revoked_and_replaced_keys_are_not_sealed_to() {
    let mut one = trust();
    let revocation =
        |id, key| KemRevocation { pool: POOL, participant: id, key, revoked_at_ms: NOW };
    let key = kem_key(RECEIVER, seed(RECEIVER)).id();
    // Another's revocation of it changes nothing.
    let other = Signed::sign(revocation(SENDER, key), &signer(seed(SENDER))).unwrap();
    assert_eq!(one.accept_revocation(&other, NOW), Ok(()));
    assert!(one.recipients(&facts(), NOW).is_ok());
    let own = Signed::sign(revocation(RECEIVER, key), &signer(seed(RECEIVER))).unwrap();
    assert_eq!(one.accept_revocation(&own, NOW), Ok(()));
    assert_eq!(one.recipients(&facts(), NOW), Err(TrustError::NoKey));
    one.accept_kem_key(&owned(kem_key(RECEIVER, seed(RECEIVER))), NOW).unwrap();
    assert_eq!(one.recipients(&facts(), NOW), Err(TrustError::NoKey), "it does not come back");
    one.accept_kem_key(&owned(kem_key(RECEIVER, 88)), NOW).unwrap();
    assert!(one.recipients(&facts(), NOW).is_ok());
    // A new identity key takes the KEM keys of the old one with it.
    let mut next = identity(RECEIVER);
    next.serial = 3;
    next.participant.key = signer(123).public_key();
    one.accept_identity(&rooted(next.clone())).unwrap();
    assert_eq!(one.recipients(&facts(), NOW), Err(TrustError::NoKey));
    let old = owned(kem_key(RECEIVER, 89));
    assert_eq!(one.accept_kem_key(&old, NOW), Err(TrustError::Substituted));
    (next.serial, next.revoked) = (4, true);
    one.accept_identity(&rooted(next)).unwrap();
    assert_eq!(one.recipients(&facts(), NOW), Err(TrustError::IdentityNotValid));
}

#[test]
fn keys_and_policies_have_their_time() {
    let trust = trust();
    assert!(trust.recipients(&facts(), NOW + 23 * HOUR).is_ok());
    assert_eq!(trust.recipients(&facts(), NOW + 23 * HOUR + 1), Err(TrustError::NoKey));
    assert_eq!(trust.recipients(&facts(), NOW - 1), Err(TrustError::NoPolicy));
    let late = trust.identity_key(SENDER, NOW + 101 * HOUR);
    assert_eq!(late.err(), Some(TrustError::IdentityNotValid));
    assert_eq!(trust.identity_key(ParticipantId(9), NOW).err(), Some(TrustError::NoIdentity));
}

#[test]
fn another_pool_is_another_world() {
    let mut trust = Trust::new(POOL + 1, &[signer(ROOT).public_key()]).unwrap();
    assert_eq!(trust.accept_identity(&rooted(identity(SENDER))), Err(TrustError::OtherPool));
    assert_eq!(trust.accept_policy(&rooted(policy(1))), Err(TrustError::OtherPool));
    assert_eq!(Trust::new(POOL, &[[0; 32]]).err(), Some(TrustError::UnknownRoot));
}

#[test]
fn what_rules_ask_for_adds_up() {
    let mut policy = policy(1);
    let usd = Currency::parse("USD").unwrap();
    policy.rules.push(PolicyRule {
        currency: Some(usd),
        sender_country: Some(*b"GB"),
        receiver_country: Some(*b"GB"),
        minor_min: 50,
        minor_max: 100,
        screening: true,
        ..rule(vec![reads(SlotRole::SenderRegulator, Some(REGULATOR), &[View::Originator])])
    });
    let required = policy.require(&facts()).unwrap();
    let views = ViewMask::of(&[View::Parties, View::Originator]);
    let slot = RequiredSlot { role: SlotRole::SenderRegulator, participant: REGULATOR, views };
    assert!(required.slots.contains(&slot) && required.screening && !required.confirmation);
    let others = [
        OrderFacts { currency: Currency::parse("EUR").unwrap(), ..facts() },
        OrderFacts { sender_country: *b"DE", ..facts() },
        OrderFacts { receiver_country: *b"DE", ..facts() },
        OrderFacts { minor: 49, ..facts() },
        OrderFacts { minor: 101, ..facts() },
    ];
    for other in others {
        let required = policy.require(&other).unwrap();
        assert!(!required.slots.contains(&slot) && !required.screening, "{other:?}");
    }
    policy.rules.remove(0);
    assert_eq!(policy.require(&facts()), Err(Uncovered));
    assert_eq!(DisclosureError::MissingSlot.to_string().split(':').next(), Some("slots"));
}
