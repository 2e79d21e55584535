//! Sealing: the right views for the right readers, epochs when they are needed, the same bytes
//! again after a crash.

use sdk::sealed::{
    AnyStatement, Contents, DisclosurePolicy, Sealer, SentStore, Signed, SlotRole, Suite, View,
    ViewMask, content_hash,
};
use sdk::{Order, OrderBuilder, Outbox, ParticipantId, SignedBatch};

use crate::world::{
    HOUR, NOW, OTHER, POOL, RECEIVER, REGULATOR, ROOT, SENDER, SUITE, World, policy, random,
    signer, signer_of,
};

fn order(receiver: ParticipantId, created_at_ms: u64) -> Order {
    let order = OrderBuilder::new(POOL, SENDER).receiver(receiver).amount("12.50 EUR");
    order.value_date("2026-03-02").created_at_ms(created_at_ms).build().unwrap()
}

fn contents() -> Contents {
    [b"who".to_vec(), b"from where".to_vec(), Vec::new(), Vec::new(), b"what for".to_vec()]
}

struct Bench {
    world: World,
    directory: Vec<AnyStatement>,
    sealer: Sealer,
}

impl Bench {
    fn new() -> Self {
        let world = World::new();
        let directory = world.honest();
        Self { world, directory, sealer: Sealer::new(POOL, SENDER, random(99)) }
    }

    fn prepare(
        &mut self,
        orders: &[Order],
        now_ms: u64,
    ) -> Result<Vec<Signed<channel::EpochOpen>>, sdk::Error> {
        let mut store = self.world.store();
        store.take(&self.directory, now_ms)?;
        let suite = store.policy_at(now_ms).unwrap().statement.suite;
        let own = self.world.keys_of(SENDER).current(suite, now_ms)?;
        let contents = contents();
        let all = orders.iter().map(|order| (order, &contents));
        self.sealer.prepare((&store, &own), all, now_ms, &signer_of(SENDER))
    }

    fn seal(&mut self, order: &Order, now_ms: u64) -> Result<Order, sdk::Error> {
        let mut store = self.world.store();
        store.take(&self.directory, now_ms)?;
        let suite = store.policy_at(now_ms).unwrap().statement.suite;
        let own = self.world.keys_of(SENDER).current(suite, now_ms)?;
        self.sealer.seal((&store, &own), (order, &contents()), now_ms)
    }
}

#[test]
fn each_reader_opens_its_views_and_no_other() {
    let mut bench = Bench::new();
    let plain = order(RECEIVER, NOW);
    let [open] = bench.prepare(std::slice::from_ref(&plain), NOW).unwrap().try_into().unwrap();
    let sealed = bench.seal(&plain, NOW).unwrap();
    assert_eq!((sealed.uetr(), sealed.fields().minor()), (plain.uetr(), plain.fields().minor()));
    assert_eq!(sealed.fields().policy_version(), 3);
    let read = |id| {
        let mut reader = bench.world.keys_of(id).reader().unwrap();
        let key = channel::PublicKey::new(&open.signer).unwrap();
        reader.accept_epoch(&open, &key).unwrap();
        let opened = reader.open(sealed.header(), sealed.payload()).unwrap();
        let views = opened.views.iter().map(|it| (it.view(), it.content().to_vec()));
        views.collect::<Vec<_>>()
    };
    let [who, from, _, _, what] = contents();
    let all =
        vec![(View::Parties, who.clone()), (View::Originator, from), (View::Remittance, what)];
    assert_eq!(read(RECEIVER), all);
    // The sender by its own slot, so that it can wrap again; the regulator what the policy says.
    assert_eq!(read(SENDER), all);
    assert_eq!(read(REGULATOR), [(View::Parties, who)]);
}

/// The roots' policy says suite 2. The operator serves keys of suite 1 as long as it can.
#[test]
fn an_operator_that_hides_keys_does_not_weaken_the_suite() {
    let mut bench = Bench::new();
    let strong = Suite::XWingAes256Gcm;
    let plain = order(RECEIVER, NOW);
    let next = DisclosurePolicy { suite: strong, ..policy(4, NOW) };
    bench.directory.push(Signed::sign(next, &signer(ROOT)).unwrap().into());
    // The sender has no key of the suite itself.
    assert!(bench.prepare(std::slice::from_ref(&plain), NOW).is_err());
    let served = [SENDER, REGULATOR].map(|id| bench.world.kem_key_of(strong, id, NOW));
    bench.directory.extend(served.map(AnyStatement::from));
    let error = bench.prepare(std::slice::from_ref(&plain), NOW).unwrap_err();
    assert!(error.to_string().contains("no valid key of the policy's suite"), "{error}");
    bench.directory.push(bench.world.kem_key_of(strong, RECEIVER, NOW).into());
    let [open] = bench.prepare(std::slice::from_ref(&plain), NOW).unwrap().try_into().unwrap();
    assert_eq!(open.statement.suite, strong);
    let sealed = bench.seal(&plain, NOW).unwrap();
    assert_eq!(sealed.fields().sealing().unwrap().unwrap().suite, strong);
    let mut reader = bench.world.keys_of(RECEIVER).reader().unwrap();
    let key = channel::PublicKey::new(&open.signer).unwrap();
    assert_eq!(reader.accept_epoch(&open, &key), Ok(true));
    let opened = reader.open(sealed.header(), sealed.payload()).unwrap();
    assert_eq!(opened.view(View::Parties).unwrap().content(), b"who");
    // The policy that says so stays.
    bench.directory.retain(|it| !matches!(it, AnyStatement::Policy(p) if p.statement.version == 4));
    assert!(bench.prepare(&[plain], NOW).unwrap_err().to_string().contains("older"));
}

#[test]
fn epochs_are_opened_when_they_are_needed_and_no_sooner() {
    let mut bench = Bench::new();
    let orders = [order(RECEIVER, NOW), order(OTHER, NOW)];
    // Not prepared: not sealed.
    assert!(bench.seal(&orders[0], NOW).is_err());
    let opened = bench.prepare(&orders, NOW).unwrap();
    assert_eq!(opened.len(), 1);
    assert_eq!(opened[0].statement.readers.len(), 4);
    assert_eq!(bench.prepare(&orders, NOW + 1).unwrap(), []);
    let (first, second) =
        (bench.seal(&orders[0], NOW).unwrap(), bench.seal(&orders[1], NOW).unwrap());
    let sealing = |order: &Order| order.fields().sealing().unwrap().unwrap();
    assert_eq!((sealing(&first).sequence, sealing(&second).sequence), (0, 1));
    // After an hour, with a reader's new key, with another policy, after a start.
    assert_eq!(bench.prepare(&orders, NOW + HOUR).unwrap().len(), 1);
    let next = bench.world.kem_key(RECEIVER, NOW + HOUR + 1);
    bench.directory.push(next.clone().into());
    let opened = bench.prepare(&orders[..1], NOW + HOUR + 1).unwrap();
    assert!(opened[0].statement.readers.iter().any(|it| it.key == next.statement.id()));
    bench.directory.push(Signed::sign(policy(4, NOW), &signer(ROOT)).unwrap().into());
    let opened = bench.prepare(&orders[..1], NOW + HOUR + 1).unwrap();
    assert_eq!(opened[0].statement.policy_version, 4);
    bench.sealer.forget_epochs();
    assert_eq!(bench.prepare(&orders[..1], NOW + HOUR + 1).unwrap().len(), 1);
}

/// A pool takes only so many epochs of a sender at once.
#[test]
fn an_epoch_is_for_whoever_else_may_be_paid_in_it() {
    let mut bench = Bench::new();
    let [open] = bench.prepare(&[order(RECEIVER, NOW)], NOW).unwrap().try_into().unwrap();
    let reads = |open: &Signed<channel::EpochOpen>, id| {
        open.statement.readers.iter().any(|it| it.participant == id)
    };
    assert!(reads(&open, OTHER) && reads(&open, REGULATOR));
    assert_eq!(bench.prepare(&[order(OTHER, NOW)], NOW + 1).unwrap(), []);
    // Who ends after a few orders opens it for their readers alone, and until the last was made.
    bench.sealer = Sealer::new(POOL, SENDER, random(98)).epoch_life(60_000);
    let late = order(RECEIVER, NOW + 120_000);
    let [open] = bench.prepare(std::slice::from_ref(&late), NOW).unwrap().try_into().unwrap();
    assert!(!reads(&open, OTHER));
    assert_eq!(open.statement.not_after_ms, NOW + 120_000);
    bench.seal(&late, NOW).unwrap();
}

#[test]
fn what_nobody_may_read_is_not_sealed() {
    let mut bench = Bench::new();
    let plain = order(RECEIVER, NOW);
    let mut store = bench.world.store();
    store.take(&bench.directory, NOW).unwrap();
    let own = bench.world.keys_of(SENDER).current(SUITE, NOW).unwrap();
    let mut contents = contents();
    contents[View::Purpose as usize] = b"secret purpose".to_vec();
    let orders = [(&plain, &contents)];
    let error = bench.sealer.prepare((&store, &own), orders, NOW, &signer_of(SENDER)).unwrap_err();
    assert!(error.to_string().contains("Purpose"), "{error}");
    // Nor for a reader without a key.
    bench.directory.retain(
        |it| !matches!(it, AnyStatement::KemKey(key) if key.statement.participant == REGULATOR),
    );
    assert!(bench.prepare(&[plain], NOW).unwrap_err().to_string().contains("no valid key"));
}

#[test]
fn the_senders_slot_is_for_its_own_key() {
    let mut bench = Bench::new();
    let plain = order(RECEIVER, NOW);
    bench.prepare(std::slice::from_ref(&plain), NOW).unwrap();
    let sealed = bench.seal(&plain, NOW).unwrap();
    let envelope = channel::Envelope::parse(sealed.fields(), sealed.payload()).unwrap();
    let own = bench.world.keys_of(SENDER).current(SUITE, NOW).unwrap().id();
    let slot = envelope.slots().find(|slot| slot.role == SlotRole::Sender).unwrap();
    assert_eq!((slot.key, slot.views), (own, envelope.view_mask()));
    assert_eq!(
        envelope.view_mask(),
        ViewMask::of(&[View::Parties, View::Originator, View::Remittance])
    );
}

#[test]
fn what_was_sealed_is_sent_again_byte_for_byte() {
    let mut bench = Bench::new();
    let plain = order(RECEIVER, NOW);
    bench.prepare(std::slice::from_ref(&plain), NOW).unwrap();
    let first = bench.seal(&plain, NOW).unwrap();
    // Sealing again makes other bytes under the same identity: the pool would refuse them.
    let second = bench.seal(&plain, NOW).unwrap();
    assert_eq!(first.uetr(), second.uetr());
    assert_ne!(first.digest(), second.digest());

    let hash = content_hash(&plain, &contents());
    let batch = SignedBatch::sign(vec![first.clone()], &signer_of(SENDER)).unwrap();
    let folder = bench.world.folder.path();
    SentStore::open(&folder.join("sent")).unwrap().put(&batch, &[hash]).unwrap();
    Outbox::open(folder.join("outbox")).unwrap().put(&batch).unwrap();
    // The process is gone here; another one finds both.
    let sent = SentStore::open(&folder.join("sent")).unwrap();
    let found = sent.find(plain.uetr()).unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!((&found[0].order, found[0].content), (&first, hash));
    let key = channel::PublicKey::new(&sdk::Signer::public_key(&signer_of(SENDER))).unwrap();
    assert_eq!(found[0].proof.verify(POOL, SENDER, first.digest(), &key), Ok(()));
    assert_eq!(Outbox::open(folder.join("outbox")).unwrap().pending().unwrap(), [batch]);
    // Another text under the same reference is told apart.
    let mut other = contents();
    other[0].push(b'!');
    assert_ne!(content_hash(&plain, &other), hash);
}
