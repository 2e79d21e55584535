//! A pool with roots: its parties, their statements, and orders that look as if they were sealed.

use channel::{
    AnyStatement, DisclosureFault, DisclosurePolicy, Encapsulated, EpochId, EpochOpen, EpochReader,
    Genesis, Identity, KemKey, KemPublic, KemRevocation, KeyId, MessageKind, OrderHeader, OrderRef,
    ParticipantId, PolicyRule, ReceiverConfirmation, Rewrap, Role, RuleReader, ScreeningVerdict,
    Sealing, Signed, SizeBucket, SlotRole, Suite, View, ViewMask, ciphertext_len, merkle_root,
    order_digest, wrap_len,
};
use clearing::{Outcome, Reject, Ruled, pack_orders, pack_statements};
use ledger::Amount;

use crate::desk::{
    AGENT, DAY_MS, Desk, OPERATOR, POOL, REGULATOR, SECOND, bank, currency, genesis, order,
    participant, strict_rules,
};

pub(crate) const ROOT: [u8; 32] = [200; 32];
pub(crate) const SCREENER: ParticipantId = ParticipantId(8);
pub(crate) const HOUR_MS: u64 = 3_600_000;
const PARTIES: [View; 1] = [View::Parties];

pub(crate) fn signed<S>(statement: S, signer: [u8; 32]) -> AnyStatement
where
    AnyStatement: From<Signed<S>>,
{
    Signed { statement, signer, signature: [0; 64] }.into()
}

/// The identity key that everybody begins with.
pub(crate) fn key_of(id: ParticipantId) -> [u8; 32] {
    [id.0 as u8; 32]
}

/// How everything here is sealed, where nothing else is said.
pub(crate) const SUITE: Suite = Suite::X25519Aes256Gcm;

pub(crate) fn kem_key(id: ParticipantId, number: u8) -> KemKey {
    kem_key_of(SUITE, id, number)
}

pub(crate) fn kem_key_of(suite: Suite, id: ParticipantId, number: u8) -> KemKey {
    let mut public = vec![number; KemPublic::len_of(suite)];
    public[0] = id.0 as u8;
    let public = KemPublic::from_slice(suite, &public).unwrap();
    let (valid_from_ms, valid_to_ms) = (DAY_MS, DAY_MS + 24 * HOUR_MS);
    KemKey { pool: POOL, participant: id, public, valid_from_ms, valid_to_ms }
}

fn encapsulated(suite: Suite, byte: u8) -> Encapsulated {
    Encapsulated::from_slice(suite, &vec![byte; Encapsulated::len_of(suite)]).unwrap()
}

fn rule(minor_min: u64, readers: &[(SlotRole, Option<ParticipantId>, ViewMask)]) -> PolicyRule {
    let reader = |(role, participant, views)| RuleReader { role, participant, views };
    PolicyRule {
        currency: None,
        sender_country: None,
        receiver_country: None,
        minor_min,
        minor_max: 1_000_000,
        screening: false,
        confirmation: false,
        readers: readers.iter().copied().map(reader).collect(),
    }
}

/// Receivers read everything and the regulator the parties; from 1,000 on a screener passes it,
/// from 5,000 on the receiver confirms it; nothing above 1,000,000 is covered.
pub(crate) fn policy(version: u32, effective_at_ms: u64) -> DisclosurePolicy {
    let parties = ViewMask::of(&PARTIES);
    let readers = [
        (SlotRole::Receiver, None, ViewMask::ALL),
        (SlotRole::SenderRegulator, Some(REGULATOR), parties),
    ];
    let screened = [(SlotRole::Screener, Some(SCREENER), parties)];
    let rules = vec![
        rule(0, &readers),
        PolicyRule { screening: true, ..rule(1_000, &screened) },
        PolicyRule { confirmation: true, ..rule(5_000, &[]) },
    ];
    DisclosurePolicy { pool: POOL, version, effective_at_ms, suite: SUITE, rules }
}

/// The slots of an order of so much: role, owner, views.
pub(crate) fn slots(to: ParticipantId, minor: u64) -> Vec<(SlotRole, ParticipantId, ViewMask)> {
    let parties = ViewMask::of(&PARTIES);
    let mut slots = vec![
        (SlotRole::Receiver, to, ViewMask::ALL),
        (SlotRole::SenderRegulator, REGULATOR, parties),
    ];
    slots.extend((minor >= 1_000).then_some((SlotRole::Screener, SCREENER, parties)));
    slots
}

/// An order with the payload that goes with it.
#[derive(Debug, Clone)]
pub(crate) struct Sealed {
    pub(crate) header: OrderHeader,
    pub(crate) payload: Vec<u8>,
}

impl Sealed {
    pub(crate) fn named(&self) -> OrderRef {
        let OrderHeader { sender, kind, uetr, .. } = self.header;
        OrderRef { sender, kind, uetr, digest: order_digest(&self.header.encode(), &self.payload) }
    }
}

/// Puts tables, and zeros for what nobody here can open, behind a header.
pub(crate) fn seal(
    header: OrderHeader,
    (version, epoch, sequence): (u32, EpochId, u64),
    slots: &[(SlotRole, KeyId, ViewMask)],
) -> Sealed {
    let views = slots.iter().fold(ViewMask::NONE, |mask, slot| mask.union(slot.2));
    let mut slots = slots.to_vec();
    slots.sort_unstable();
    let mut payload = Vec::new();
    for view in views.views() {
        payload.extend([view as u8, SizeBucket::B256 as u8]);
        payload.extend([1; 32]);
    }
    for (role, key, mask) in &slots {
        payload.push(*role as u8);
        payload.extend(key.0);
        payload.extend(mask.bits().to_be_bytes());
    }
    let wraps: usize = slots.iter().map(|slot| wrap_len(slot.2)).sum();
    let ciphertexts = views.len() * ciphertext_len(SizeBucket::B256);
    payload.resize(payload.len() + wraps + ciphertexts, 0);
    let sealing = Sealing {
        suite: SUITE,
        epoch,
        sequence,
        bucket: SizeBucket::B256,
        views: views.len() as u8,
        slots: slots.len() as u8,
    };
    let payload_len = payload.len() as u32;
    let header =
        OrderHeader { policy_version: version, sealing: Some(sealing), payload_len, ..header };
    Sealed { header, payload }
}

/// The pool, with everybody's first keys, a policy, and an epoch of each of three banks.
pub(crate) struct Hall {
    pub(crate) desk: Desk,
    next: u64,
}

pub(crate) fn epoch_of(from: u32) -> EpochId {
    EpochId([from as u8 + 1; 16])
}

impl Hall {
    pub(crate) fn new() -> Self {
        let mut hall = Self::without_policy();
        let outcome = hall.state(&[signed(policy(1, DAY_MS), ROOT)]);
        assert_eq!(rejects(&outcome), [None]);
        let opens: Vec<_> = (0..3).map(|from| hall.open(from, epoch_of(from), 1)).collect();
        let outcome = hall.state(&opens);
        assert_eq!(rejects(&outcome), [None; 3]);
        hall
    }

    /// With identities and KEM keys.
    pub(crate) fn without_policy() -> Self {
        let mut genesis: Genesis = genesis(strict_rules(vec![currency("EUR")]), 3);
        genesis.participants.push(participant(SCREENER, Role::Screener, "lists"));
        genesis.roots = vec![ROOT];
        let mut hall = Self { desk: Desk::begin(&genesis), next: 0 };
        hall.fund();
        let parties = [bank(0), bank(1), bank(2), REGULATOR, SCREENER];
        let mut statements: Vec<_> = parties.iter().map(|id| hall.identity(*id, 1)).collect();
        statements.extend(parties.iter().map(|id| signed(kem_key(*id, 1), key_of(*id))));
        let outcome = hall.state(&statements);
        assert_eq!(rejects(&outcome), [None; 10]);
        hall
    }

    fn fund(&mut self) {
        use channel::CommandBody::{Fund, OpenAccount, OpenDay};
        let eur = currency("EUR");
        for member in 0..3 {
            let participant = bank(member);
            let body = OpenAccount { participant, currency: eur, credit_line: 0 };
            self.desk.command(OPERATOR, body);
            let (amount, pay_in) = (Amount::new(10_000_000, eur).unwrap(), [member as u8; 16]);
            self.desk.command(AGENT, Fund { participant, amount, pay_in });
        }
        let date = channel::ValueDate::new(20_260_105).unwrap();
        let (cut_off_at_ms, closes_at_ms) = (DAY_MS + 20 * HOUR_MS, DAY_MS + 22 * HOUR_MS);
        let body = OpenDay { currency: eur, date, cut_off_at_ms, closes_at_ms };
        assert_eq!(self.desk.command(OPERATOR, body).reject, None);
    }

    pub(crate) fn identity_of(&self, id: ParticipantId, serial: u32) -> Identity {
        let member = self.desk.pool.directory().member(id).unwrap();
        let (valid_from_ms, valid_to_ms) = (DAY_MS, DAY_MS + 1_000 * HOUR_MS);
        let participant = member.participant.clone();
        Identity { pool: POOL, serial, participant, valid_from_ms, valid_to_ms, revoked: false }
    }

    pub(crate) fn identity(&self, id: ParticipantId, serial: u32) -> AnyStatement {
        signed(self.identity_of(id, serial), ROOT)
    }

    /// An epoch for everybody who may read, by their keys of this number.
    pub(crate) fn epoch(&self, from: u32, epoch: EpochId, version: u32, number: u8) -> EpochOpen {
        self.epoch_of(SUITE, (from, epoch), version, number)
    }

    pub(crate) fn epoch_of(
        &self,
        suite: Suite,
        (from, epoch): (u32, EpochId),
        version: u32,
        number: u8,
    ) -> EpochOpen {
        let banks = (0..3).filter(|to| *to != from).map(|to| (SlotRole::Receiver, bank(to)));
        let others = [(SlotRole::SenderRegulator, REGULATOR), (SlotRole::Screener, SCREENER)];
        let reader = |(role, participant)| EpochReader {
            role,
            key: kem_key_of(suite, participant, number).id(),
            participant,
            encapsulated: encapsulated(suite, 3),
        };
        let mut readers: Vec<EpochReader> = banks.chain(others).map(reader).collect();
        readers.sort_unstable_by_key(|reader| (reader.role, reader.key));
        EpochOpen {
            pool: POOL,
            sender: bank(from),
            suite,
            epoch,
            policy_version: version,
            opened_at_ms: self.desk.time_ms,
            not_after_ms: self.desk.time_ms + HOUR_MS,
            readers,
        }
    }

    pub(crate) fn open(&self, from: u32, epoch: EpochId, version: u32) -> AnyStatement {
        signed(self.epoch(from, epoch, version, 1), key_of(bank(from)))
    }

    pub(crate) fn state(&mut self, statements: &[AnyStatement]) -> Outcome {
        let record = record_at(self.desk.time_ms, statements);
        self.desk.apply(record)
    }

    pub(crate) fn header(&mut self, from: u32, to: u32, minor: u64) -> OrderHeader {
        self.next += 1;
        let created_at_ms = self.desk.time_ms;
        OrderHeader { created_at_ms, ..order(self.next, from, to, minor, "EUR") }
    }

    /// An order as it should be, in the bank's first epoch.
    pub(crate) fn sealed(&mut self, from: u32, to: u32, minor: u64) -> Sealed {
        let header = self.header(from, to, minor);
        let sequence = self.next;
        seal(header, (1, epoch_of(from), sequence), &slots_by_key(bank(to), minor, 1))
    }

    pub(crate) fn hand_in(&mut self, order: &Sealed) -> (Ruled, Outcome) {
        let header = order.header.encode();
        let digest = order_digest(&header, &order.payload);
        let root = merkle_root([digest.as_slice()].into_iter());
        let packed = [(&header, order.payload.as_slice())];
        let head = (POOL, self.desk.time_ms);
        let record = pack_orders(head, order.header.sender, &[0; 64], &root, &[digest], &packed);
        let outcome = self.desk.apply(record);
        (outcome.rulings[0], outcome)
    }

    pub(crate) fn reason(&mut self, order: &Sealed) -> Option<Reject> {
        self.hand_in(order).0.reason
    }

    pub(crate) fn suspend(&mut self, participant: ParticipantId, checker: bool) -> Outcome {
        let request_id = self.desk.request_id();
        let status = channel::Status::Suspended;
        let body = channel::CommandBody::SetStatus { participant, status };
        let issued_at_ms = self.desk.time_ms;
        let maker = OPERATOR;
        let command = channel::Command { pool: POOL, request_id, maker, issued_at_ms, body };
        self.desk.signed(&command, checker.then_some(SECOND))
    }

    /// In steps that no operator has to confirm.
    pub(crate) fn let_pass(&mut self, ms: u64) {
        let until_ms = self.desk.time_ms + ms;
        while self.desk.time_ms < until_ms {
            self.desk.time_ms = until_ms.min(self.desk.time_ms + 11 * HOUR_MS);
            self.desk.tick(0);
        }
    }

    pub(crate) fn pass(&mut self, order: &Sealed) {
        let outcome = self.state(&[verdict(order, SCREENER, true, 1)]);
        assert_eq!(rejects(&outcome), [None]);
    }
}

pub(crate) fn slots_by_key(
    to: ParticipantId,
    minor: u64,
    number: u8,
) -> Vec<(SlotRole, KeyId, ViewMask)> {
    let slots = slots(to, minor).into_iter();
    slots.map(|(role, owner, views)| (role, kem_key(owner, number).id(), views)).collect()
}

pub(crate) fn verdict(
    order: &Sealed,
    screener: ParticipantId,
    pass: bool,
    at: u32,
) -> AnyStatement {
    let (order, lists, engine) = (order.named(), [1; 32], 1);
    let screened_at_ms = DAY_MS + u64::from(at);
    let pool = POOL;
    let verdict = ScreeningVerdict { pool, screener, order, lists, engine, pass, screened_at_ms };
    signed(verdict, key_of(screener))
}

pub(crate) fn confirmation(order: &Sealed, receiver: ParticipantId, able: bool) -> AnyStatement {
    let (order, confirmed_at_ms) = (order.named(), DAY_MS);
    let said = ReceiverConfirmation { pool: POOL, receiver, order, able, confirmed_at_ms };
    signed(said, key_of(receiver))
}

pub(crate) fn fault(
    order: &Sealed,
    (reporter, role): (ParticipantId, SlotRole),
    found_at_ms: u64,
) -> AnyStatement {
    let (order, key) = (order.named(), kem_key(reporter, 1).id());
    signed(
        DisclosureFault { pool: POOL, reporter, order, role, key, found_at_ms },
        key_of(reporter),
    )
}

pub(crate) fn rewrap(order: &Sealed, reader: ParticipantId, number: u8) -> AnyStatement {
    rewrap_of(SUITE, order, reader, number)
}

pub(crate) fn rewrap_of(
    suite: Suite,
    order: &Sealed,
    reader: ParticipantId,
    number: u8,
) -> AnyStatement {
    let views = ViewMask::of(&PARTIES);
    let rewrap = Rewrap {
        pool: POOL,
        order: order.named(),
        role: SlotRole::SenderRegulator,
        reader,
        key: kem_key_of(suite, reader, number).id(),
        encapsulated: encapsulated(suite, 4),
        views,
        wrap: vec![0; wrap_len(views)],
        made_at_ms: DAY_MS,
    };
    signed(rewrap, key_of(order.header.sender))
}

pub(crate) fn revocation(id: ParticipantId, number: u8) -> AnyStatement {
    let key = kem_key(id, number).id();
    let revoked_at_ms = DAY_MS;
    signed(KemRevocation { pool: POOL, participant: id, key, revoked_at_ms }, key_of(id))
}

pub(crate) fn record_at(time_ms: u64, statements: &[AnyStatement]) -> Vec<u8> {
    let bytes: Vec<Vec<u8>> = statements.iter().map(AnyStatement::encode).collect();
    let entries = statements.iter().zip(&bytes);
    let entries: Vec<(u8, &[u8])> =
        entries.map(|(statement, bytes)| (statement.kind(), bytes.as_slice())).collect();
    pack_statements((POOL, time_ms), &entries)
}

pub(crate) fn rejects(outcome: &Outcome) -> Vec<Option<Reject>> {
    outcome.statements.iter().map(|stated| stated.reject).collect()
}

pub(crate) fn instruction(hall: &mut Hall) -> OrderHeader {
    OrderHeader { kind: MessageKind::FxInstruction, ..hall.header(0, 1, 100) }
}
