//! Statements, and orders with sealed payloads. Nobody here opens one: what is in the envelopes is
//! zeros.

use channel::{
    AnyStatement, DisclosurePolicy, Encapsulated, EpochId, EpochOpen, EpochReader, Identity,
    KemKey, KemPublic, KeyId, LocalSigner, OrderHeader, PolicyRule, RuleReader, Sealing, Signed,
    SizeBucket, SlotRole, Statement, Suite, View, ViewMask,
};
use proto::v1;

use crate::access::reason;
use crate::directory::field;
use crate::node::Node;
use crate::people::{POOL, Person, START_MS, order, root, uetr};
use crate::watch::check_proof;

pub(crate) const HOUR_MS: u64 = 3_600_000;

pub(crate) fn views() -> ViewMask {
    ViewMask::of(&[View::Parties])
}

/// A statement, signed.
pub(crate) fn signed<S: Statement>(statement: S, signer: &LocalSigner) -> v1::Statement
where
    AnyStatement: From<Signed<S>>,
{
    let statement = AnyStatement::from(Signed::sign(statement, signer).unwrap());
    v1::Statement { kind: statement.kind().into(), signed: statement.encode().into() }
}

/// That a root vouches for somebody.
pub(crate) fn identity(person: &Person, serial: u32) -> v1::Statement {
    let identity = Identity {
        pool: POOL,
        serial,
        participant: person.participant(),
        valid_from_ms: START_MS - HOUR_MS,
        valid_to_ms: START_MS + 10_000 * HOUR_MS,
        revoked: false,
    };
    signed(identity, &root())
}

/// A key of somebody's, made of a number.
pub(crate) fn kem_key(person: &Person, number: u8) -> KemKey {
    KemKey {
        pool: POOL,
        participant: person.id,
        public: KemPublic::X25519([number; 32]),
        valid_from_ms: START_MS,
        valid_to_ms: START_MS + 24 * HOUR_MS,
    }
}

/// Receiver, the sender's regulator and a screener read the parties.
pub(crate) fn policy(node: &Node, screening: bool, confirmation: bool) -> DisclosurePolicy {
    let reader = |role, person: Option<&Person>| {
        let participant = person.map(|person| person.id);
        RuleReader { role, participant, views: views() }
    };
    let rule = PolicyRule {
        currency: None,
        sender_country: None,
        receiver_country: None,
        minor_min: 0,
        minor_max: u64::MAX,
        screening,
        confirmation,
        readers: vec![
            reader(SlotRole::Receiver, None),
            reader(SlotRole::SenderRegulator, Some(&node.regulator)),
            reader(SlotRole::Screener, Some(&node.screener)),
        ],
    };
    let (suite, rules) = (Suite::X25519Aes256Gcm, vec![rule]);
    DisclosurePolicy { pool: POOL, version: 1, effective_at_ms: START_MS, suite, rules }
}

/// Somebody who reads an order, in a capacity.
pub(crate) type Slot<'a> = (SlotRole, &'a Person);

/// An epoch of `sender`'s for a receiver, the regulator and the screener.
pub(crate) fn epoch(node: &Node, sender: &Person, receiver: &Person, number: u8) -> EpochOpen {
    epoch_for(&slots(node, receiver), sender, number)
}

/// An epoch of `sender`'s for these readers, by their keys number 1.
pub(crate) fn epoch_for(slots: &[Slot<'_>], sender: &Person, number: u8) -> EpochOpen {
    let reader = |(role, person): &Slot<'_>| EpochReader {
        role: *role,
        key: kem_key(person, 1).id(),
        participant: person.id,
        encapsulated: Encapsulated::X25519([9; 32]),
    };
    let mut readers: Vec<_> = slots.iter().map(reader).collect();
    readers.sort_unstable_by_key(|reader| (reader.role, reader.key));
    EpochOpen {
        pool: POOL,
        sender: sender.id,
        suite: Suite::X25519Aes256Gcm,
        epoch: EpochId([number; 16]),
        policy_version: 1,
        opened_at_ms: START_MS,
        not_after_ms: START_MS + HOUR_MS,
        readers,
    }
}

fn slots<'a>(node: &'a Node, receiver: &'a Person) -> [Slot<'a>; 3] {
    [
        (SlotRole::Receiver, receiver),
        (SlotRole::SenderRegulator, &node.regulator),
        (SlotRole::Screener, &node.screener),
    ]
}

/// An order of an epoch, for a receiver, the regulator and the screener.
pub(crate) fn sealed_order(
    node: &Node,
    parties: (&Person, &Person),
    epoch: u8,
    amount: (u64, u64),
) -> v1::Order {
    sealed_for(&slots(node, parties.1), parties, epoch, amount)
}

/// An order of an epoch for these readers: its sequence is its number.
pub(crate) fn sealed_for(
    slots: &[Slot<'_>],
    (sender, receiver): (&Person, &Person),
    epoch: u8,
    (minor, number): (u64, u64),
) -> v1::Order {
    let key = |(role, person): &Slot<'_>| (*role, kem_key(person, 1).id());
    let mut slots: Vec<(SlotRole, KeyId)> = slots.iter().map(key).collect();
    slots.sort_unstable();
    let mut payload = vec![View::Parties as u8, SizeBucket::B256 as u8];
    payload.extend([0; 32]);
    for (role, key) in &slots {
        payload.push(*role as u8);
        payload.extend(key.0);
        payload.extend(views().bits().to_be_bytes());
    }
    payload.resize(payload.len() + slots.len() * 48 + 2 + SizeBucket::B256.bytes() + 16, 0);
    let sealing = Sealing {
        suite: Suite::X25519Aes256Gcm,
        epoch: EpochId([epoch; 16]),
        sequence: number,
        bucket: SizeBucket::B256,
        views: 1,
        slots: slots.len() as u8,
    };
    let header = OrderHeader {
        policy_version: 1,
        sealing: Some(sealing),
        payload_len: payload.len() as u32,
        ..sender.header(receiver, minor, number)
    };
    order(&header, &payload)
}

impl Node {
    /// Has statements published that must all be accepted; returns the position.
    pub(crate) async fn state(&self, statements: Vec<v1::Statement>) -> u64 {
        let answer = self.publish(&self.operator, statements).await.unwrap();
        assert!(answer.answers.iter().all(|it| it.reason == 0), "{answer:?}");
        answer.position
    }

    pub(crate) async fn publish(
        &self,
        caller: &Person,
        statements: Vec<v1::Statement>,
    ) -> Result<v1::PublishResponse, tonic::Status> {
        let request = v1::PublishRequest { statements };
        Ok(self.directory(caller).await.publish(request).await?.into_inner())
    }

    /// Identities and a KEM key each for everybody.
    pub(crate) async fn vouch(&self) {
        self.state(self.people().map(|person| identity(person, 1)).to_vec()).await;
        let keys = self.people().map(|person| signed(kem_key(person, 1), &person.signer));
        self.state(keys.to_vec()).await;
    }

    /// Identities and keys, a policy, an epoch from Alice to Bob.
    pub(crate) async fn seal(&self, screening: bool, confirmation: bool) {
        self.vouch().await;
        let policy = signed(policy(self, screening, confirmation), &root());
        let epoch = signed(epoch(self, &self.alice, &self.bob, 1), &self.alice.signer);
        self.state(vec![policy, epoch]).await;
    }
}

/// Alice pays Bob with a sealed order of her epoch 1.
pub(crate) async fn pay(node: &Node, amount: u64, number: u64) -> v1::Decision {
    let order = sealed_order(node, (&node.alice, &node.bob), 1, (amount, number));
    let request = node.alice.single(order);
    let answer = node.payments(&node.alice).await.submit_payment(request).await.unwrap();
    answer.into_inner().decisions.unwrap().decisions.remove(0)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sealed_order_settles_and_comes_with_the_proof_of_its_signature() {
    let node = Node::start().await;
    node.seal(false, false).await;
    assert_eq!(pay(&node, 5_00, 1).await.ruling(), v1::Ruling::Queued);
    node.settle().await;
    let request = v1::GetPaymentRequest { uetr: uetr(1).to_string(), at_least_position: 0 };
    let found = node.payments(&node.bob).await.get_payment(request).await.unwrap().into_inner();
    assert_eq!(found.payments[0].state(), v1::PaymentState::Settled);
    check_proof(&node.alice, &found.payments[0]);
}

/// What the core would refuse is not logged first, for everybody who reads the log.
#[tokio::test(flavor = "multi_thread")]
async fn an_order_that_should_be_sealed_leaves_no_trace() {
    let node = Node::start().await;
    node.seal(false, false).await;
    let end = node.end();
    let sealed = sealed_order(&node, (&node.alice, &node.bob), 1, (5_00, 1));
    let open = node.alice.order(&node.bob, 5_00, 2);
    let (mut single, mut batch) =
        (node.payments(&node.alice).await, node.payments(&node.alice).await);
    let refused = single.submit_payment(node.alice.single(open.clone())).await.unwrap_err();
    assert_eq!(
        (reason(&refused).as_str(), field(&refused).as_str()),
        ("SEALING_REQUIRED", "order.payload")
    );
    let both = tokio_stream::once(node.alice.batch(1, vec![sealed, open]));
    let mut answers = batch.submit_batches(both).await.unwrap().into_inner();
    let refused = answers.message().await.unwrap().unwrap().error.unwrap();
    assert_eq!(
        (refused.reason.as_str(), refused.field.as_str()),
        ("SEALING_REQUIRED", "orders[1].payload")
    );
    assert_eq!(node.end(), end, "nothing of it was logged");
}

/// A thief with an open connection is shut out as soon as the root has replaced the key.
#[tokio::test(flavor = "multi_thread")]
async fn a_replaced_key_signs_nothing_more_on_an_open_connection() {
    let node = Node::start().await;
    node.seal(false, false).await;
    let mut open = node.payments(&node.alice).await;
    let request = v1::GetPaymentRequest { uetr: uetr(1).to_string(), at_least_position: 0 };
    assert_eq!(open.get_payment(request).await.unwrap_err().code(), tonic::Code::NotFound);
    let renewed = Person {
        signer: LocalSigner::from_seed(&zeroize::Zeroizing::new([0x77; 32])),
        ..Person::new(node.alice.id.0, node.alice.role, node.alice.name)
    };
    node.state(vec![identity(&renewed, 2), signed(kem_key(&renewed, 2), &renewed.signer)]).await;
    node.state(vec![signed(epoch(&node, &renewed, &node.bob, 2), &renewed.signer)]).await;
    let order = sealed_order(&node, (&renewed, &node.bob), 2, (5_00, 1));
    let stolen = open.submit_payment(node.alice.single(order.clone())).await.unwrap_err();
    assert_eq!(reason(&stolen), "SIGNATURE_INVALID");
    let owner = open.submit_payment(renewed.single(order)).await.unwrap().into_inner();
    assert_eq!(owner.decisions.unwrap().decisions[0].ruling(), v1::Ruling::Queued);
}
