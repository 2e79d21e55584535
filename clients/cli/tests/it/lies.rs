//! What a node may try that its clients must not fall for.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use channel::{
    BatchProof, DisclosureFault, Envelope, HeaderView, KeyId, OrderRef, ParticipantId, Signed,
    SlotRole, Writer, order_digest,
};
use sdk::sealed::{AnyStatement, Desk, Draft, KEEP_MS, Reading, Vault, system_random};
use sdk::{OrderBuilder, Ruling, SignedBatch, v1};
use serde_json::Value;

use crate::liar::Liar;
use crate::node::message;
use crate::sealed_pool::contents;

pub(crate) const SENDER: &str = "ALBKGB2L";
pub(crate) const RECEIVER: &str = "RHNBDEFF";
/// A bank that has nothing to do with the payment.
pub(crate) const THIRD: &str = "CRBKFRPP";
pub(crate) const UETR: &str = "7a562c67-ca16-48ba-b074-65581be6f101";

pub(crate) fn id(node: &Liar, name: &str) -> ParticipantId {
    ParticipantId(node.profile(name).participant)
}

pub(crate) fn pay(node: &Liar, uetr: &str) -> (i32, Value) {
    let file = node.temporary.path().join(format!("{uetr}.in.xml"));
    if !file.exists() {
        fs::write(&file, message(uetr, SENDER, RECEIVER, "250.00")).unwrap();
    }
    node.run(SENDER, &["pay", "--plain", file.to_str().unwrap()])
}

/// The receiver's inbox; its exit code, its rows, and whether the payment's message was written.
fn inbox(node: &Liar, uetr: &str) -> (i32, Value, bool) {
    let into = node.temporary.path().join("inbox");
    let (code, rows) = node.run(RECEIVER, &["inbox", "--into", into.to_str().unwrap()]);
    (code, rows, into.join(format!("{uetr}-{}-pacs009.xml", id(node, SENDER).0)).exists())
}

/// A fault that a participant states about the one payment, as the node lists it.
fn state_fault(node: &Liar, by: &str, listed_as: &str, (role, key): (SlotRole, KeyId)) {
    let (reporter, signer) = (id(node, by), node.signer(by));
    node.with(|state| {
        let payment = state.payments[0].clone();
        let header = HeaderView::check(&payment.header).unwrap();
        let order = OrderRef::of(header, order_digest(&payment.header, &payment.payload)).unwrap();
        let fault = DisclosureFault { pool: 1, reporter, order, role, key, found_at_ms: 1 };
        state.statements.push(Signed::sign(fault, &signer).unwrap().into());
        state.faults = vec![v1::OpenFault {
            order: Some(v1::OrderRef {
                sender: order.sender.0,
                message_kind: payment.message_kind,
                uetr: payment.uetr.clone(),
            }),
            digest: payment.digest,
            reporter: listed_as.to_owned(),
            role: u32::from(role as u8),
            sender: SENDER.to_owned(),
            ..v1::OpenFault::default()
        }];
    });
}

fn slot(node: &Liar, role: SlotRole) -> (SlotRole, KeyId) {
    node.with(|state| {
        let payment = &state.payments[0];
        let header = HeaderView::check(&payment.header).unwrap();
        let envelope = Envelope::parse(header, &payment.payload).unwrap();
        let slot = envelope.slots().find(|slot| slot.role == role).unwrap();
        (slot.role, slot.key)
    })
}

fn rewraps(node: &Liar) -> Vec<channel::Rewrap> {
    node.with(|state| {
        let all = state.statements.iter().filter_map(|it| match it {
            AnyStatement::Rewrap(signed) => Some(signed.statement.clone()),
            _ => None,
        });
        all.collect()
    })
}

#[test]
fn a_sender_wraps_again_only_for_who_owns_a_slot_and_asks() {
    let node = Liar::start();
    assert_eq!(pay(&node, UETR).0, 0);
    let receiver = slot(&node, SlotRole::Receiver);
    let own = slot(&node, SlotRole::Sender);
    // A fault that nobody has signed: the node names an accomplice.
    state_fault(&node, THIRD, RECEIVER, receiver);
    let rewrap = || node.run(SENDER, &["faults", "--rewrap"]);
    let refused = || {
        let (code, rows) = rewrap();
        assert_ne!(code, 0, "{rows}");
        assert_eq!(rows[0]["rewrapped"], false);
        assert!(rewraps(&node).is_empty());
    };
    refused();
    // One that an accomplice has signed: for the receiver's slot, for the sender's own, for one that
    // is not there.
    for slot in [receiver, own, (SlotRole::SenderRegulator, receiver.1), (own.0, receiver.1)] {
        state_fault(&node, THIRD, THIRD, slot);
        refused();
    }
    // The receiver asks for the sender's own slot.
    state_fault(&node, RECEIVER, RECEIVER, own);
    refused();
    // The receiver asks for its own: it gets what its slot promised, and an answer that cannot be
    // given before it is in nobody's way.
    let first = node.with(|state| state.faults[0].clone());
    state_fault(&node, RECEIVER, RECEIVER, receiver);
    node.with(|state| state.faults.insert(0, first));
    let (code, rows) = rewrap();
    assert_ne!(code, 0);
    assert_eq!((&rows[0]["rewrapped"], &rows[1]["rewrapped"]), (&false.into(), &true.into()));
    let [made] = rewraps(&node).try_into().unwrap();
    assert_eq!((made.reader, made.role), (id(&node, RECEIVER), SlotRole::Receiver));
}

/// An order of the sender's terms, signed by somebody, as the node would deliver it.
fn forged(node: &Liar, by: &str, payload: &str) -> v1::Payment {
    let order = OrderBuilder::new(1, id(node, SENDER)).receiver(id(node, RECEIVER));
    let order = order.amount("9000.00 EUR").value_date("2026-03-02").payload(payload.to_owned());
    let order = order.build().unwrap();
    let batch = SignedBatch::sign(vec![order.clone()], &node.signer(by)).unwrap();
    let mut proof = Writer::new();
    let digests = [*order.digest()];
    BatchProof::new(&digests, 0, *batch.signature()).unwrap().write(&mut proof);
    v1::Payment {
        uetr: order.uetr().to_string(),
        message_kind: 1,
        sender: SENDER.to_owned(),
        receiver: RECEIVER.to_owned(),
        amount: Some(v1::Money { currency_code: "EUR".to_owned(), minor_units: 900_000 }),
        value_date: 20_260_302,
        digest: order.digest().to_vec().into(),
        state: v1::PaymentState::Settled.into(),
        header: order.header().to_vec().into(),
        payload: order.payload().clone(),
        proof: proof.into_bytes().into(),
        ..v1::Payment::default()
    }
}

#[test]
fn a_receiver_takes_no_payment_that_its_sender_has_not_signed() {
    let node = Liar::start();
    let text = message(UETR, SENDER, RECEIVER, "9000.00");
    let signed_by_operator = forged(&node, "alice", &text);
    let unsigned = v1::Payment { proof: Default::default(), ..signed_by_operator.clone() };
    let empty = v1::Payment { payload: Default::default(), ..forged(&node, "alice", "") };
    // Signed by the sender itself, but in the open: the pool would not have taken it.
    let open = forged(&node, SENDER, &text);
    let payments = vec![signed_by_operator, unsigned, empty, open];
    let uetrs: Vec<String> = payments.iter().map(|it| it.uetr.clone()).collect();
    node.with(|state| state.payments = payments);
    for uetr in &uetrs {
        let (code, rows, written) = inbox(&node, uetr);
        assert!(!written, "{rows}");
        let _ = code;
    }
    fs::remove_dir_all(node.temporary.path().join("inbox")).unwrap();
    let (code, rows, _) = inbox(&node, UETR);
    assert_eq!((code, rows.as_array().unwrap().len()), (6, 4), "{rows}");
    assert!(rows.as_array().unwrap().iter().all(|row| row["problem"].is_string()), "{rows}");
    assert!(rows[3]["problem"].as_str().unwrap().contains("not sealed"), "{rows}");
}

#[test]
fn a_payment_is_what_its_header_says_and_not_what_the_node_calls_it() {
    let node = Liar::start();
    assert_eq!(pay(&node, UETR).0, 0);
    let honest = node.with(|state| state.payments[0].clone());
    let other = "7a562c67-ca16-48ba-b074-65581be6f102";
    let money = Some(v1::Money { currency_code: "EUR".to_owned(), minor_units: 900_000 });
    let lies = vec![
        v1::Payment { uetr: other.to_owned(), ..honest.clone() },
        v1::Payment { sender: THIRD.to_owned(), ..honest.clone() },
        v1::Payment { amount: money, ..honest.clone() },
        v1::Payment { value_date: honest.value_date + 1, ..honest.clone() },
        v1::Payment { message_kind: 3 - honest.message_kind, ..honest.clone() },
    ];
    let count = lies.len();
    node.with(|state| state.payments = lies);
    let (code, rows, written) = inbox(&node, other);
    assert_eq!((code, written, rows.as_array().unwrap().len()), (6, false, count), "{rows}");
    assert!(rows.as_array().unwrap().iter().all(|row| row["problem"].is_string()), "{rows}");
    // Delivered to another bank as its own.
    let stolen = v1::Payment { receiver: THIRD.to_owned(), ..honest.clone() };
    node.with(|state| state.payments = vec![stolen]);
    let into = node.temporary.path().join("stolen").display().to_string();
    let (code, rows) = node.run(THIRD, &["inbox", "--into", &into]);
    assert_eq!(code, 6, "{rows}");
    let files = fs::read_dir(node.temporary.path().join("stolen")).unwrap();
    assert!(files.map(|it| it.unwrap().path()).all(|path| path.extension().is_none()));
    // Said to be what the receiver itself has paid, of which there is nothing to open; with its
    // payload and without.
    let (sender, receiver) = (RECEIVER.to_owned(), SENDER.to_owned());
    let own = v1::Payment { sender, receiver, ..honest.clone() };
    let bare = v1::Payment { payload: Default::default(), ..own.clone() };
    node.with(|state| state.payments = vec![own, bare]);
    fs::remove_dir_all(node.temporary.path().join("inbox")).unwrap();
    let (code, rows, written) = inbox(&node, UETR);
    assert_eq!((code, written, rows.as_array().unwrap().len()), (6, false, 2), "{rows}");
    assert!(rows.as_array().unwrap().iter().all(|row| row["problem"].is_string()), "{rows}");
    // And the truth is taken.
    node.with(|state| state.payments = vec![honest]);
    fs::remove_dir_all(node.temporary.path().join("inbox")).unwrap();
    let (code, rows, written) = inbox(&node, UETR);
    assert_eq!((code, written), (0, true), "{rows}");
}

#[test]
fn a_payment_is_sealed_for_the_bank_that_a_root_knows_by_its_bic() {
    let node = Liar::start();
    let (receiver, third) = (id(&node, RECEIVER), id(&node, THIRD));
    // The node gives the receiver's BIC to a bank of its own.
    node.with(|state| {
        for it in &mut state.participants {
            it.id = match it.id {
                id if id == receiver.0 => third.0,
                id if id == third.0 => receiver.0,
                id => id,
            };
        }
    });
    let (code, value) = pay(&node, UETR);
    assert_eq!(code, 6, "{value}");
    assert!(value["error"]["message"].as_str().unwrap().contains("as a root has signed it"));
    let epochs = |it: &AnyStatement| matches!(it, AnyStatement::EpochOpen(_));
    node.with(|state| {
        assert_eq!(state.batches, 0);
        assert!(!state.statements.iter().any(epochs));
    });
    // A BIC that no root has signed.
    node.with(|state| {
        state.participants.retain(|it| it.name != RECEIVER);
        let id = third.0;
        let name = "NEWBAU2S".to_owned();
        state.participants.push(v1::Participant { id, name, ..v1::Participant::default() });
    });
    let file = node.temporary.path().join("stranger.xml");
    fs::write(&file, message(UETR, SENDER, "NEWBAU2S", "1.00")).unwrap();
    let (code, value) = node.run(SENDER, &["pay", "--plain", file.to_str().unwrap()]);
    assert_eq!(code, 6, "{value}");
    assert!(value["error"]["message"].as_str().unwrap().contains("no root vouches for"));
}

/// The sender's folder of this kind: its files with this extension.
fn kept(node: &Liar, folder: &str, extension: &str) -> usize {
    let folder = node.dir().join("participants").join(SENDER).join("sealed").join(folder);
    let files = fs::read_dir(folder).unwrap().map(|it| it.unwrap().path());
    files.filter(|path| path.extension().is_some_and(|it| it == extension)).count()
}

#[test]
fn what_the_pool_refused_for_its_sealing_is_sealed_anew() {
    let node = Liar::start();
    node.with(|state| state.refusals.push_back(v1::RejectReason::EpochUnknown));
    let (code, rows) = pay(&node, UETR);
    assert_eq!((code, &rows[0]["ruling"]), (0, &"settled".into()), "{rows}");
    let came = node.with(|state| state.came.clone());
    assert_eq!(came.len(), 2);
    assert_ne!(came[0], came[1]);
    // Once more the same file: the bytes that were taken.
    assert_eq!(pay(&node, UETR).0, 0);
    assert_eq!(node.with(|state| state.came[2]), came[1]);
    // What may yet be taken as it is stays as it is; and what nobody has signed a word about.
    let other = "7a562c67-ca16-48ba-b074-65581be6f103";
    node.with(|state| state.refusals.push_back(v1::RejectReason::QueueFull));
    let (code, rows) = pay(&node, other);
    assert_eq!((code, &rows[0]["reason"]), (4, &"QUEUE_FULL".into()), "{rows}");
    node.with(|state| state.takes_nothing = true);
    assert_ne!(pay(&node, other).0, 0);
    assert_eq!(kept(&node, "outbox", "batch"), 1);
    // What the node will not take is in nobody's way.
    node.with(|state| state.takes_nothing = true);
    let (code, rows) = pay(&node, other);
    assert_eq!((code, &rows[0]["ruling"]), (0, &"settled".into()), "{rows}");
    assert_eq!((kept(&node, "outbox", "batch"), kept(&node, "outbox", "refused")), (0, 1));
    let came = node.with(|state| state.came[3..].to_vec());
    assert!(came.len() >= 2 && came.iter().all(|digest| *digest == came[0]));
}

#[test]
fn two_processes_of_a_bank_seal_an_order_once() {
    let node = Liar::start();
    let file = node.temporary.path().join("pay.xml");
    fs::write(&file, message(UETR, SENDER, RECEIVER, "250.00")).unwrap();
    let pay = || node.run(SENDER, &["pay", "--plain", file.to_str().unwrap()]);
    let codes = std::thread::scope(|scope| {
        let runs: Vec<_> = (0..3).map(|_| scope.spawn(pay)).collect();
        runs.into_iter().map(|run| run.join().unwrap().0).collect::<Vec<_>>()
    });
    assert_eq!(codes, [0, 0, 0]);
    let came = node.with(|state| state.came.clone());
    assert!(came.len() >= 3 && came.iter().all(|digest| *digest == came[0]));
}

#[test]
fn a_payment_that_stands_twice_in_one_run_is_sealed_once() {
    let node = Liar::start();
    let file = |name: &str, amount: &str| {
        let path = node.temporary.path().join(name);
        fs::write(&path, message(UETR, SENDER, RECEIVER, amount)).unwrap();
        path.display().to_string()
    };
    let (one, other) = (file("one.xml", "250.00"), file("other.xml", "251.00"));
    // Two that contradict each other: nothing of either is sealed.
    let (code, value) = node.run(SENDER, &["pay", "--plain", &one, &other]);
    assert_eq!((code, &value["error"]["field"]), (2, &UETR.into()), "{value}");
    let epochs = |it: &&AnyStatement| matches!(it, AnyStatement::EpochOpen(_));
    let sealed = || node.with(|state| state.statements.iter().filter(epochs).count());
    assert_eq!((sealed(), kept(&node, "sent", "order")), (0, 0));
    let rows = node.ok(SENDER, &["pay", "--plain", &one, &one]);
    let rulings: Vec<_> = rows.as_array().unwrap().iter().map(|row| &row["ruling"]).collect();
    assert_eq!(rulings, ["settled", "settled"]);
    assert_eq!((sealed(), node.with(|state| state.came.len())), (1, 1));
}

#[test]
fn an_epoch_that_is_kept_back_says_nothing_about_the_sender() {
    let node = Liar::start();
    assert_eq!(pay(&node, UETR).0, 0);
    node.with(|state| state.hides_epochs = true);
    let (code, rows, written) = inbox(&node, UETR);
    assert_eq!((code, written), (6, false), "{rows}");
    assert!(rows[0]["problem"].as_str().unwrap().contains("has not served"), "{rows}");
    let said = |kind: u8| node.with(|state| state.statements.iter().any(|it| it.kind() == kind));
    assert!(!said(7) && !said(10));
    // It comes no more by itself, and is looked for by the next run.
    node.with(|state| state.hides_epochs = false);
    let (code, rows, written) = inbox(&node, UETR);
    assert_eq!((code, written), (0, true), "{rows}");
    assert_eq!(inbox(&node, UETR).1, serde_json::json!([]));
    // What was sealed is for nobody else on the machine, nor is what was left half written.
    let files = fs::read_dir(node.temporary.path().join("inbox")).unwrap().map(|it| it.unwrap());
    let modes = files.map(|file| file.metadata().unwrap().permissions().mode() & 0o777);
    assert_eq!(modes.collect::<Vec<_>>(), [0o600, 0o600]);
}

/// What a participant does with the SDK itself.
struct Direct {
    runtime: tokio::runtime::Runtime,
    client: sdk::Client,
    profile: sdk::Profile,
}

impl Direct {
    fn of(node: &Liar, name: &str) -> Self {
        let profile = sdk::Profile { address: node.address.clone(), ..node.profile(name) };
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let builder = sdk::ClientBuilder::from_profile(&profile).unwrap();
        let client = runtime.block_on(async { builder.connect_lazy().unwrap() });
        Self { runtime, client, profile }
    }

    fn vault(&self) -> Vault {
        Vault::of(&self.profile).unwrap().unwrap()
    }
}

#[test]
fn a_desk_that_stays_open_forgets_what_is_over() {
    let node = Liar::start();
    assert_eq!(pay(&node, UETR).0, 0);
    let receiver = Direct::of(&node, RECEIVER);
    let payment = node.with(|state| state.payments[0].clone());
    let (run, now_ms, day_ms) = (&receiver.runtime, sdk::now_ms(), 86_400_000);
    let mut desk = run.block_on(Desk::open(&receiver.client, receiver.vault(), now_ms)).unwrap();
    let mut look = |refreshed_ms: u64| {
        run.block_on(desk.refresh(refreshed_ms)).unwrap();
        run.block_on(desk.look(&payment)).map(|looked| looked.unwrap().1)
    };
    assert!(matches!(look(now_ms), Ok(Reading::Opened(_))));
    // While its epoch may be of use it is there, whatever the node says.
    node.with(|state| state.hides_epochs = true);
    assert!(matches!(look(now_ms + day_ms / 2), Ok(Reading::Opened(_))));
    // It is over for a day: it must be asked for again, and opens by the same secret once more.
    let later_ms = now_ms + 2 * day_ms;
    assert!(matches!(look(later_ms), Err(sdk::Error::NotServed(_))));
    node.with(|state| state.hides_epochs = false);
    assert!(matches!(look(later_ms), Ok(Reading::Opened(_))));
    // Another process deletes the secret; then nothing here opens it any more.
    let keys = receiver.vault().keys;
    assert_ne!(keys.sweep(now_ms + 400 * day_ms, KEEP_MS).unwrap(), []);
    let gone = look(later_ms + day_ms);
    assert!(matches!(gone, Ok(Reading::Unopened(fault)) if fault.lost));
}

/// A root vouches for another signing key of somebody's, alice's; it has signed its KEM keys, as the
/// pool has dropped those that the former one signed.
fn replace_identity(node: &Liar, name: &str) {
    let root = fs::read_to_string(node.dir().join("roots/scheme.key.pem")).unwrap();
    let root = channel::LocalSigner::from_pem(&root).unwrap();
    let (owner, signer) = (id(node, name), node.signer("alice"));
    node.with(|state| {
        let mut next = None;
        for it in &mut state.statements {
            match it {
                AnyStatement::Identity(known) if known.statement.participant.id == owner => {
                    next = Some(known.statement.clone());
                }
                AnyStatement::KemKey(key) if key.statement.participant == owner => {
                    *key = Signed::sign(key.statement.clone(), &signer).unwrap();
                }
                _ => {}
            }
        }
        let mut next = next.unwrap();
        next.serial += 1;
        next.valid_from_ms = sdk::now_ms() - 1_000;
        next.participant.key = channel::Signer::public_key(&signer);
        state.statements.push(Signed::sign(next, &root).unwrap().into());
    });
}

#[test]
fn a_fault_is_answered_although_its_reporter_has_another_key_since() {
    let node = Liar::start();
    assert_eq!(pay(&node, UETR).0, 0);
    state_fault(&node, RECEIVER, RECEIVER, slot(&node, SlotRole::Receiver));
    replace_identity(&node, RECEIVER);
    let rows = node.ok(SENDER, &["faults", "--rewrap"]);
    assert_eq!(rows[0]["rewrapped"], true, "{rows}");
    assert_eq!(rewraps(&node).len(), 1);
}

#[test]
fn a_service_that_hands_in_again_and_again_opens_few_epochs() {
    let node = Liar::start();
    let sender = Direct::of(&node, SENDER);
    let mut vault = sender.vault();
    let mut number = 100;
    // Hands in so many payments, each by itself, a second apart; to both other banks by turns.
    let mut hand_in = |from_ms: u64, count: u64| {
        for at in 0..count {
            number += 1;
            let uetr = format!("7a562c67-ca16-48ba-b074-65581be6f{number}");
            let (now_ms, name) = (from_ms + at * 1_000, [RECEIVER, THIRD][at as usize % 2]);
            let order = sender.client.order().receiver(id(&node, name)).amount("1.00 EUR");
            let order = order.uetr(uetr.parse().unwrap()).created_at_ms(now_ms);
            let order = order.value_date("2026-03-02").build().unwrap();
            let drafts = [Draft::of(&order, contents(&uetr, "1.00")).unwrap()];
            let done = vault.hand_in(&sender.client, &drafts, now_ms, system_random);
            let done = sender.runtime.block_on(done).unwrap();
            assert_eq!(done.last().unwrap().answer.decisions[0].ruling, Ruling::Settled);
        }
        let epoch = |it: &&AnyStatement| matches!(it, AnyStatement::EpochOpen(_));
        node.with(|state| state.statements.iter().filter(epoch).count())
    };
    let now_ms = sdk::now_ms();
    // One for the first payment alone, and one for whoever else is paid.
    assert_eq!(hand_in(now_ms, 1), 1);
    assert_eq!(hand_in(now_ms + 1_000, 40), 2);
    // The first is over after a minute; the one in its place lasts, as the other does.
    assert_eq!(hand_in(now_ms + 120_000, 40), 3);
    // What was refused for its epoch is sealed in another.
    node.with(|state| state.refusals.push_back(v1::RejectReason::EpochUnknown));
    assert_eq!(hand_in(now_ms + 180_000, 1), 4);
    assert_eq!(hand_in(now_ms + 181_000, 40), 5);
}

#[test]
fn what_a_replaced_identity_signed_can_still_be_read() {
    let node = Liar::start();
    assert_eq!(pay(&node, UETR).0, 0);
    replace_identity(&node, SENDER);
    // By who knew the former one, by who learns of it now, and by the sender itself.
    let (code, rows, written) = inbox(&node, UETR);
    assert_eq!((code, written), (0, true), "{rows}");
    let (code, rows) = node.run("overseer", &["inbox"]);
    assert_eq!((code, &rows[0]["problem"]), (0, &Value::Null), "{rows}");
    let out = node.temporary.path().join("disclosure").display().to_string();
    node.ok(SENDER, &["dispute", "disclose", UETR, "--view", "parties", "--out", &out]);
}

#[test]
fn nothing_leaves_unsealed_for_want_of_a_trust_file() {
    let node = Liar::start();
    let path = node.dir().join("participants").join(SENDER).join("profile.toml");
    let profile = fs::read_to_string(&path).unwrap();
    let lines = profile.lines().filter(|line| !line.starts_with("trust"));
    fs::write(&path, lines.collect::<Vec<_>>().join("\n")).unwrap();
    let (code, value) = pay(&node, UETR);
    assert_eq!(code, 2, "{value}");
    assert!(value["error"]["message"].as_str().unwrap().contains("--unsealed"), "{value}");
    assert_eq!(node.with(|state| state.batches), 0);
}

#[test]
fn a_view_that_is_shown_to_others_is_on_record_first() {
    let node = Liar::start();
    assert_eq!(pay(&node, UETR).0, 0);
    let out = node.temporary.path().join("shown").display().to_string();
    let disclose = ["dispute", "disclose", UETR, "--view", "parties", "--out", &out];
    let records = || {
        node.with(|state| {
            let opening = |it: &&AnyStatement| matches!(it, AnyStatement::Opening(_));
            state.statements.iter().filter(opening).count()
        })
    };
    let (code, value) = node.run("overseer", &disclose);
    assert_eq!((code, records()), (2, 0), "{value}");
    let words = ["--person", "J. Doe", "--reason", "case 12"];
    node.ok("overseer", &[&disclose[..], &words].concat());
    assert_eq!(records(), 1);
    // A party shows what is its own.
    let out = node.temporary.path().join("own").display().to_string();
    node.ok(RECEIVER, &["dispute", "disclose", UETR, "--view", "parties", "--out", &out]);
    assert_eq!(records(), 1);
}
