//! `causewayd verify` looks up the slots that faults are about: a log written by hand, by an operator
//! whose edge looked away.

use std::path::Path;
use std::process::Output;

use channel::{
    AnyStatement, Command, CommandBody, DisclosureFault, DisclosurePolicy, Encapsulated, EpochId,
    EpochOpen, EpochReader, Genesis, Identity, KemKey, KemPublic, KeyId, LocalSigner, MessageKind,
    OrderHeader, OrderRef, Participant, ParticipantId, PolicyRule, RequestId, Role, RuleBook,
    RuleReader, Sealing, Signed, SignedCommand, Signer as _, SizeBucket, SlotRole, Statement,
    Suite, Uetr, ValueDate, View, ViewMask, batch_statement, command_statement, merkle_root,
    order_digest, wrap_len,
};
use clearing::{pack_command, pack_genesis, pack_orders, pack_statements};
use ledger::{Amount, Currency};
use zeroize::Zeroizing;

use crate::rig::causewayd;

const POOL: u32 = 1;
/// 2026-03-02T08:00:00Z.
const START_MS: u64 = 1_772_438_400_000;
const HOUR_MS: u64 = 3_600_000;
const EPOCH: EpochId = EpochId([5; 16]);
/// Everybody: number, role, name.
const PEOPLE: [(u32, Role, &str); 4] = [
    (1, Role::Operator, "olga"),
    (3, Role::Regulator, "rita"),
    (11, Role::Bank, "ALBKGB2L"),
    (12, Role::Bank, "RHNBDEFF"),
];
const REGULATOR: u32 = 3;
const SENDER: u32 = 11;
const RECEIVER: u32 = 12;

fn signer(id: u32) -> LocalSigner {
    LocalSigner::from_seed(&Zeroizing::new([id as u8; 32]))
}

fn root() -> LocalSigner {
    signer(200)
}

fn participant((id, role, name): (u32, Role, &str)) -> Participant {
    let (id, key) = (ParticipantId(id), signer(id).public_key());
    Participant { id, role, name: name.to_owned(), country: *b"GB", key }
}

fn eur() -> Currency {
    Currency::parse("EUR").unwrap()
}

fn signed<S: Statement>(statement: S, signer: &LocalSigner) -> AnyStatement
where
    AnyStatement: From<Signed<S>>,
{
    Signed::sign(statement, signer).unwrap().into()
}

fn stated(statements: &[AnyStatement]) -> Vec<u8> {
    let bytes: Vec<Vec<u8>> = statements.iter().map(AnyStatement::encode).collect();
    let entries = statements.iter().zip(&bytes);
    let entries: Vec<_> = entries.map(|(it, bytes)| (it.kind(), bytes.as_slice())).collect();
    pack_statements((POOL, START_MS), &entries)
}

fn genesis() -> Vec<u8> {
    let genesis = Genesis {
        pool: POOL,
        rules: RuleBook::standard(vec![eur()]),
        operator_key: signer(255).public_key(),
        roots: vec![root().public_key()],
        participants: PEOPLE.map(participant).to_vec(),
    };
    pack_genesis(START_MS, &genesis)
}

fn open_account(id: u32) -> Vec<u8> {
    let (participant, currency) = (ParticipantId(id), eur());
    let command = Command {
        pool: POOL,
        request_id: RequestId([id as u8; 16]),
        maker: ParticipantId(1),
        issued_at_ms: START_MS,
        body: CommandBody::OpenAccount { participant, currency, credit_line: 0 },
    };
    let command = command.encode();
    let signature = signer(1).sign(&command_statement(&command)).unwrap();
    pack_command((POOL, START_MS), &SignedCommand { command, signature, checker: None })
}

fn kem_key(id: u32) -> KemKey {
    KemKey {
        pool: POOL,
        participant: ParticipantId(id),
        public: KemPublic::X25519([id as u8; 32]),
        valid_from_ms: START_MS,
        valid_to_ms: START_MS + 24 * HOUR_MS,
    }
}

fn views() -> ViewMask {
    ViewMask::of(&[View::Parties])
}

/// Identities and keys, a policy by which receiver and regulator read, an epoch for both.
fn scheme() -> Vec<u8> {
    let identity = |who| Identity {
        pool: POOL,
        serial: 1,
        participant: participant(who),
        valid_from_ms: START_MS,
        valid_to_ms: START_MS + 100 * HOUR_MS,
        revoked: false,
    };
    let mut statements: Vec<_> = PEOPLE.map(|who| signed(identity(who), &root())).to_vec();
    statements.extend(PEOPLE.map(|(id, ..)| signed(kem_key(id), &signer(id))));
    let reads = |role, id: Option<u32>| {
        let participant = id.map(ParticipantId);
        RuleReader { role, participant, views: views() }
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
            reads(SlotRole::Receiver, None),
            reads(SlotRole::SenderRegulator, Some(REGULATOR)),
        ],
    };
    let policy = DisclosurePolicy {
        pool: POOL,
        version: 1,
        effective_at_ms: START_MS,
        suite: Suite::X25519Aes256Gcm,
        rules: vec![rule],
    };
    statements.push(signed(policy, &root()));
    let reader = |(role, id): (SlotRole, u32)| EpochReader {
        role,
        key: kem_key(id).id(),
        participant: ParticipantId(id),
        encapsulated: Encapsulated::X25519([9; 32]),
    };
    let open = EpochOpen {
        pool: POOL,
        sender: ParticipantId(SENDER),
        suite: Suite::X25519Aes256Gcm,
        epoch: EPOCH,
        policy_version: 1,
        opened_at_ms: START_MS,
        not_after_ms: START_MS + HOUR_MS,
        readers: SLOTS.map(reader).to_vec(),
    };
    statements.push(signed(open, &signer(SENDER)));
    stated(&statements)
}

const SLOTS: [(SlotRole, u32); 2] =
    [(SlotRole::Receiver, RECEIVER), (SlotRole::SenderRegulator, REGULATOR)];

/// A sealed order, in which there is nothing to open, and its name.
fn order() -> (Vec<u8>, OrderRef) {
    let mut payload = vec![View::Parties as u8, SizeBucket::B256 as u8];
    payload.extend([1; 32]);
    for (role, id) in SLOTS {
        payload.push(role as u8);
        payload.extend(kem_key(id).id().0);
        payload.extend(views().bits().to_be_bytes());
    }
    let rest = SLOTS.len() * wrap_len(views()) + channel::ciphertext_len(SizeBucket::B256);
    payload.resize(payload.len() + rest, 0);
    let mut uetr = [0; 16];
    (uetr[6], uetr[8]) = (0x40, 0x80);
    let header = OrderHeader {
        urgent: false,
        pool: POOL,
        sender: ParticipantId(SENDER),
        receiver: ParticipantId(RECEIVER),
        uetr: Uetr(uetr),
        kind: MessageKind::CustomerTransfer,
        class: 0,
        amount: Amount::new(5, eur()).unwrap(),
        value_date: ValueDate::new(20_260_302).unwrap(),
        policy_version: 1,
        created_at_ms: START_MS,
        not_before_ms: 0,
        not_after_ms: 0,
        link: None,
        sealing: Some(Sealing {
            suite: Suite::X25519Aes256Gcm,
            epoch: EPOCH,
            sequence: 0,
            bucket: SizeBucket::B256,
            views: 1,
            slots: SLOTS.len() as u8,
        }),
        fx: None,
        payload_len: payload.len() as u32,
    };
    let bytes = header.encode();
    let digest = order_digest(&bytes, &payload);
    let root = merkle_root([digest.as_slice()].into_iter());
    let statement = batch_statement(POOL, header.sender, 1, &root);
    let signature = signer(SENDER).sign(&statement).unwrap();
    let orders = [(&bytes, payload.as_slice())];
    let at = (POOL, START_MS);
    let packed = pack_orders(at, header.sender, &signature, &root, &[digest], &orders);
    let OrderHeader { sender, kind, uetr, .. } = header;
    (packed, OrderRef { sender, kind, uetr, digest })
}

fn fault(reporter: u32, order: OrderRef, role: SlotRole, key: KeyId) -> Vec<u8> {
    let (pool, found_at_ms) = (POOL, START_MS);
    let reporter_id = ParticipantId(reporter);
    let fault = DisclosureFault { pool, reporter: reporter_id, order, role, key, found_at_ms };
    stated(&[signed(fault, &signer(reporter))])
}

/// Writes a log that ends with a fault, as an export, and verifies it.
fn verify(path: &Path, last: &[u8]) -> Output {
    let (order, _) = order();
    let mut draft = archive::Draft::create(path).unwrap();
    let records = [genesis(), scheme(), open_account(SENDER), open_account(RECEIVER), order];
    for record in records.iter().map(Vec::as_slice).chain([last]) {
        draft.write(record).unwrap();
    }
    draft.commit().unwrap();
    causewayd().args(["verify", "--output", "json"]).arg(path).output().unwrap()
}

#[test]
fn a_fault_about_a_slot_that_is_not_there_does_not_verify() {
    let dir = tempfile::tempdir().unwrap();
    let (_, name) = order();
    let key = |id| kem_key(id).id();
    let cases = [
        (fault(REGULATOR, name, SlotRole::SenderRegulator, key(REGULATOR)), true),
        (fault(RECEIVER, name, SlotRole::Receiver, key(RECEIVER)), true),
        // With keys that have no slot, and with somebody else's.
        (fault(SENDER, name, SlotRole::Receiver, key(SENDER)), false),
        (fault(SENDER, name, SlotRole::Receiver, key(RECEIVER)), false),
        (fault(REGULATOR, name, SlotRole::SenderRegulator, key(SENDER)), false),
    ];
    for (case, (last, holds)) in cases.into_iter().enumerate() {
        let output = verify(&dir.path().join(format!("{case}.cwlog")), &last);
        let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(report["ok"], holds, "case {case}: {report}");
        assert_eq!((&report["records"], &report["orders"]), (&6.into(), &1.into()));
        if !holds {
            assert_eq!(report["first_bad"]["record"], 5);
            let error = report["first_bad"]["error"].as_str().unwrap();
            assert!(error.contains("about no slot"), "{error}");
        }
    }
}
