//! A bank that seals as it likes: what no honest client sends, the others must bear.

use std::time::Duration;

use channel::LocalSigner;
use sdk::sealed::{
    AnyStatement, Contents, Envelope, Sealer, Signed, SlotRole, Suite, TrustFile, TrustStore,
    Vault, content_hash, system_random,
};
use sdk::v1::RejectReason;
use sdk::{Client, ClientBuilder, Order, OrderDecision, ParticipantId, Profile};
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::started::{Node, instant};

/// The bank at work, with its own keys and folder.
pub(crate) struct Crook {
    runtime: Runtime,
    client: Client,
    vault: Vault,
    /// What it holds for true.
    store: TrustStore,
    _folder: TempDir,
}

impl Crook {
    /// A bank that goes by the policy of the pool.
    pub(crate) fn of(node: &Node) -> Self {
        Self::with(node, |_| {})
    }

    /// A bank that goes by another suite than the policy's, which the roots would have to sign.
    pub(crate) fn of_suite(node: &Node, suite: Suite) -> Self {
        let key = std::fs::read_to_string(node.dir().join("roots/scheme.key.pem")).unwrap();
        let root = LocalSigner::from_pem(&key).unwrap();
        Self::with(node, |statement| {
            if let AnyStatement::Policy(policy) = statement {
                policy.statement.suite = suite;
                *policy = Signed::sign(policy.statement.clone(), &root).unwrap();
            }
        })
    }

    fn with(node: &Node, change: impl Fn(&mut AnyStatement)) -> Self {
        let path = node.dir().join("participants/ALBKGB2L/profile.toml");
        let profile = Profile::load(&path).unwrap();
        let runtime = Runtime::new().unwrap();
        let builder = ClientBuilder::from_profile(&profile).unwrap();
        let connect = async { builder.deadline(Duration::from_secs(600)).connect_lazy().unwrap() };
        let client = runtime.block_on(connect);
        let mut served = runtime.block_on(client.directory_statements()).unwrap();
        served.iter_mut().for_each(change);
        let (folder, file) = (tempfile::tempdir().unwrap(), node.dir().join("trust.toml"));
        let mut store = TrustStore::open(TrustFile::load(&file).unwrap(), folder.path()).unwrap();
        store.take(&served, sdk::now_ms()).unwrap();
        let vault = Vault::of(&profile).unwrap().unwrap();
        Self { runtime, client, vault, store, _folder: folder }
    }

    /// A customer's order of the other bank's, without a payload.
    pub(crate) fn order(&self, uetr: &str, amount: &str) -> Order {
        let order = self.client.order().receiver(ParticipantId(12)).uetr(uetr.parse().unwrap());
        order.amount(&format!("{amount} EUR")).value_date(&instant(0)).build().unwrap()
    }

    /// Seals an order in an epoch of its own; with it, why the pool refuses the epoch, if it does.
    pub(crate) fn seal(&self, order: &Order, contents: &Contents) -> (Order, Option<RejectReason>) {
        let now_ms = sdk::now_ms();
        let suite = self.store.policy_at(now_ms).unwrap().statement.suite;
        let own = self.vault.keys.published(&self.store, suite, now_ms).unwrap();
        let known = (&self.store, &own);
        let sealer = Sealer::new(self.client.pool(), self.client.participant(), system_random());
        let mut sealer = sealer.epoch_life(60_000);
        let signer = self.client.statement_signer().unwrap();
        let opened = sealer.prepare(known, [(order, contents)], now_ms, signer).unwrap();
        let opened: Vec<AnyStatement> = opened.into_iter().map(AnyStatement::from).collect();
        let (_, answers) = self.runtime.block_on(self.client.publish(&opened)).unwrap();
        (sealer.seal(known, (order, contents), now_ms).unwrap(), answers[0].reason)
    }

    /// Hands in an order as it is.
    pub(crate) fn send(&self, order: &Order) -> OrderDecision {
        let batch = self.client.sign(vec![order.clone()]).unwrap();
        let answer = self.runtime.block_on(self.client.submit_batch(&batch)).unwrap();
        answer.decisions.into_iter().next().unwrap()
    }

    /// Keeps an order as an honest client does before it hands it in.
    pub(crate) fn keep(&self, order: &Order, contents: &Contents) {
        let content = content_hash(&order.bare().unwrap(), contents);
        let batch = self.client.sign(vec![order.clone()]).unwrap();
        self.vault.sent.put(&batch, &[content]).unwrap();
    }
}

/// The same order, with a bit changed in what is wrapped for readers in these capacities.
pub(crate) fn spoiled(order: &Order, roles: &[SlotRole]) -> Order {
    let envelope = Envelope::parse(order.fields(), order.payload()).unwrap();
    let mut payload = order.payload().to_vec();
    for slot in envelope.slots().filter(|slot| roles.contains(&slot.role)) {
        let at = payload.windows(slot.wrap.len()).position(|bytes| bytes == slot.wrap).unwrap();
        payload[at] ^= 1;
    }
    Order::from_bytes(order.header(), payload.into()).unwrap()
}
