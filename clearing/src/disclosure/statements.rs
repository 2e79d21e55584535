//! Statements: whether they count, and what they change.

use channel::{
    AnyStatement, DecodeError, DisclosureFault, DisclosurePolicy, EpochOpen, Identity, KemKey,
    KemRevocation, OrderRef, ParticipantId, Rewrap, Role, Signed, SlotRole, Status,
};
use ledger::Hash;

use super::accepted::Accepted;
use super::epochs::{Epoch, statement_hash, timely};
use super::faults::{FOUND_WITHIN_MS, OpenFault};
use super::parties::Party;
use crate::intake::ensure;
use crate::outcome::{Outcome, Ruling, Stated};
use crate::pool::Pool;
use crate::record::{Place, RecordError, StatementsRecord};
use crate::reject::Reject;
use crate::seen::{CLOCK_TOLERANCE_MS, Identity as OrderIdentity};

impl Pool {
    /// Statements are checked before they are logged; one for another pool was not written by this
    /// system.
    pub(crate) fn check_statements(&self, record: &StatementsRecord) -> Result<(), RecordError> {
        if record.statements.iter().any(|statement| statement.pool() != self.pool) {
            return Err(DecodeError::Range { field: "statement pool" }.into());
        }
        Ok(())
    }

    pub(crate) fn take_statements(&mut self, record: &StatementsRecord, outcome: &mut Outcome) {
        self.disclosure.epochs.sweep(self.now_ms);
        for (index, statement) in record.statements.iter().enumerate() {
            let place = Place::new(outcome.position, index);
            let hash = Accepted::hash(statement);
            let known = self.disclosure.accepted.contains(&hash) && !self.lacks(statement);
            let done = if known { Ok(false) } else { self.take(statement, place, outcome) };
            if done.is_ok() && !known {
                self.disclosure.accepted.insert(hash);
                self.batch.open(self.now_ms);
            }
            let (reject, replayed) = (done.err(), done == Ok(false));
            outcome.statements.push(Stated { place, reject, replayed });
        }
    }

    /// Whether a KEM key that was taken once is not there any more, as its owner had another
    /// identity key meanwhile. The same bytes bring it back.
    fn lacks(&self, statement: &AnyStatement) -> bool {
        let AnyStatement::KemKey(signed) = statement else { return false };
        let party = self.disclosure.parties.get(signed.statement.participant);
        party.is_none_or(|party| party.key(signed.statement.id()).is_none())
    }

    /// Whether it changed anything; if it did not, all of it was known.
    fn take(
        &mut self,
        statement: &AnyStatement,
        place: Place,
        outcome: &mut Outcome,
    ) -> Result<bool, Reject> {
        self.check_signer(statement)?;
        match statement {
            AnyStatement::Identity(signed) => self.take_identity(signed),
            AnyStatement::KemKey(signed) => self.take_kem_key(signed),
            AnyStatement::KemRevocation(signed) => self.take_revocation(signed),
            AnyStatement::Policy(signed) => self.take_policy(signed),
            AnyStatement::EpochOpen(signed) => self.take_epoch(signed),
            AnyStatement::Verdict(signed) => self.take_verdict(&signed.statement, outcome),
            AnyStatement::Fault(signed) => self.take_fault(signed, place),
            AnyStatement::Rewrap(signed) => self.take_rewrap(&signed.statement),
            // The reader's own word, whatever the age of the order: that there is such an order, and
            // a slot for the reader in it, is seen at the edge.
            AnyStatement::Opening(_) => Ok(true),
            AnyStatement::Confirmation(signed) => {
                self.take_confirmation(&signed.statement, outcome)
            }
        }
    }

    /// Whether the key that signed is that of who must have signed: a root, or the participant by
    /// its identity. Who is suspended can only answer faults, revoke keys and record openings.
    fn check_signer(&self, statement: &AnyStatement) -> Result<(), Reject> {
        let signer = statement.signer();
        let Some(author) = statement.author() else {
            let root = self.disclosure.roots.binary_search(signer).is_ok();
            return ensure(root, Reject::SignerNotAuthorised);
        };
        let member = self.directory.member(author).ok_or(Reject::UnknownParticipant)?;
        let party = self.party(author)?;
        let own = party.identity.statement.participant.key == *signer;
        ensure(own, Reject::SignerNotAuthorised)?;
        let always = matches!(
            statement,
            AnyStatement::Rewrap(_) | AnyStatement::KemRevocation(_) | AnyStatement::Opening(_)
        );
        ensure(always || member.status == Status::Active, Reject::SenderSuspended)
    }

    /// A participant whose identity holds now.
    fn party(&self, id: ParticipantId) -> Result<&Party, Reject> {
        let party = self.disclosure.parties.get(id);
        party.filter(|party| party.valid_at(self.now_ms)).ok_or(Reject::IdentityNotValid)
    }

    /// Whether a root vouches for it now.
    pub(crate) fn has_identity(&self, id: ParticipantId) -> bool {
        self.party(id).is_ok()
    }

    fn take_identity(&mut self, signed: &Signed<Identity>) -> Result<bool, Reject> {
        let new = &signed.statement;
        let id = new.participant.id;
        let index = self.directory.index(id).ok_or(Reject::UnknownParticipant)?;
        let member = self.directory.at(index).clone();
        if let Some(known) = self.disclosure.parties.get(id) {
            let known = &known.identity.statement;
            ensure(new.serial >= known.serial, Reject::StatementSuperseded)?;
            if new.serial == known.serial {
                ensure(new == known, Reject::StatementDiffers)?;
                return Ok(false);
            }
        }
        let same = new.participant.role == member.participant.role
            && new.participant.name == member.participant.name
            && new.participant.country == member.participant.country;
        ensure(same, Reject::IdentityMismatch)?;
        let timely =
            new.valid_from_ms <= self.now_ms + CLOCK_TOLERANCE_MS && self.now_ms <= new.valid_to_ms;
        ensure(timely, Reject::StatementStale)?;
        let active = member.status == Status::Active;
        let last = member.participant.role == Role::Operator
            && active
            && self.directory.active_operators() == 1;
        // Somebody must be left who can readmit.
        ensure(!(new.revoked && last), Reject::NotAuthorised)?;
        // After this point it must succeed.
        self.adopt_identity(index, signed, active);
        Ok(true)
    }

    fn adopt_identity(&mut self, index: u32, signed: &Signed<Identity>, active: bool) {
        let new = &signed.statement;
        let id = new.participant.id;
        let before = self.disclosure.parties.0.remove(&id);
        let same_key = self.directory.at(index).participant.key == new.participant.key;
        if !same_key || new.revoked {
            self.disclosure.epochs.drop_sender(id);
            self.disclosure.epochs.kill_key(id, None);
        }
        self.directory.set_key(index, new.participant.key);
        let readmit = before.as_ref().is_some_and(|before| before.readmit);
        if new.revoked && active {
            self.directory.set_status(index, Status::Suspended);
            self.disclosure.leaving.insert(id);
        } else if !new.revoked && readmit {
            self.directory.set_status(index, Status::Active);
        }
        // Revoked keys among them, so that they do not come back with the participant.
        let keys = before.filter(|_| same_key).map_or_else(Vec::new, |before| before.keys);
        let readmit = new.revoked && (readmit || active);
        let party = Party { identity: signed.clone(), readmit, keys };
        self.disclosure.parties.0.insert(id, party);
        self.disclosure.version += 1;
    }

    fn take_kem_key(&mut self, signed: &Signed<KemKey>) -> Result<bool, Reject> {
        let parties = &mut self.disclosure.parties.0;
        let party = parties.get_mut(&signed.statement.participant);
        let changed = party.ok_or(Reject::IdentityNotValid)?.add_key(signed, self.now_ms)?;
        self.disclosure.version += u64::from(changed);
        Ok(changed)
    }

    fn take_revocation(&mut self, signed: &Signed<KemRevocation>) -> Result<bool, Reject> {
        let KemRevocation { participant, key: id, .. } = signed.statement;
        let party = self.disclosure.parties.0.get_mut(&participant);
        let keys = party.ok_or(Reject::IdentityNotValid)?.keys.iter_mut();
        let mut named = keys.filter(|key| key.signed.statement.id() == id);
        let key = named.next().ok_or(Reject::KeyNotValid)?;
        if key.revoked.is_some() {
            return Ok(false);
        }
        key.revoked = Some(signed.clone());
        self.disclosure.epochs.kill_key(participant, Some(id));
        self.disclosure.version += 1;
        Ok(true)
    }

    fn take_policy(&mut self, signed: &Signed<DisclosurePolicy>) -> Result<bool, Reject> {
        let changed = self.disclosure.policies.add(signed, self.now_ms)?;
        self.disclosure.version += u64::from(changed);
        Ok(changed)
    }

    fn take_epoch(&mut self, signed: &Signed<EpochOpen>) -> Result<bool, Reject> {
        let open = &signed.statement;
        if let Some(known) = self.disclosure.epochs.get(open.sender, open.epoch) {
            ensure(known.statement == statement_hash(open), Reject::StatementDiffers)?;
            return Ok(false);
        }
        ensure(timely(open, self.now_ms), Reject::StatementStale)?;
        let policies = &self.disclosure.policies;
        match policies.current(open.policy_version, self.now_ms) {
            Some(policy) => ensure(open.suite == policy.suite, Reject::SuiteMismatch)?,
            None => {
                let none = open.policy_version == 0 && policies.in_effect(self.now_ms).is_none();
                ensure(none, Reject::PolicyVersion)?;
            }
        }
        let parties = &self.disclosure.parties;
        let until = |reader: &channel::EpochReader| {
            parties.key_until((reader.participant, reader.key), open.suite, self.now_ms)
        };
        let until_ms: Option<Vec<u64>> = open.readers.iter().map(until).collect();
        let until_ms = until_ms.ok_or(Reject::KeyNotValid)?;
        self.disclosure.epochs.make_room(open.sender, self.now_ms)?;
        // After this point it must succeed.
        self.disclosure.epochs.insert(Epoch::new(open, &until_ms));
        Ok(true)
    }

    /// That the reader has such a slot is seen where the payload is read, at the edge and by the
    /// verifier; here it counts that it is one of those who read.
    fn take_fault(
        &mut self,
        signed: &Signed<DisclosureFault>,
        place: Place,
    ) -> Result<bool, Reject> {
        let fault = &signed.statement;
        self.find_order(&fault.order)?;
        // What is older could be a fault that was answered long ago, brought again.
        let latest_ms = self.now_ms + CLOCK_TOLERANCE_MS;
        let earliest_ms = self.now_ms.saturating_sub(FOUND_WITHIN_MS);
        let timely = (earliest_ms..=latest_ms).contains(&fault.found_at_ms);
        ensure(timely, Reject::StatementStale)?;
        ensure(self.may_read(fault.reporter, fault.role), Reject::NotAReader)?;
        let due_at_ms = self.now_ms + u64::from(self.rules.rewrap_within_ms);
        let fault = OpenFault { signed: signed.clone(), place, due_at_ms, times: 1 };
        let changed = self.disclosure.faults.open(fault, self.now_ms)?;
        self.disclosure.version += u64::from(changed);
        Ok(changed)
    }

    fn may_read(&self, reader: ParticipantId, role: SlotRole) -> bool {
        let member = self.directory.member(reader);
        let bank = member.is_some_and(|member| member.participant.role.holds_accounts());
        match role {
            SlotRole::Receiver => bank,
            SlotRole::Sender => false,
            role => self.disclosure.policies.name(role, reader),
        }
    }

    /// Which order there is, the fault says: that may be answered when the order is forgotten.
    fn take_rewrap(&mut self, rewrap: &Rewrap) -> Result<bool, Reject> {
        let suite = rewrap.encapsulated.suite();
        let policy = self.disclosure.policies.in_effect(self.now_ms);
        let weaker = policy.is_some_and(|policy| suite < policy.statement.suite);
        ensure(!weaker, Reject::SuiteMismatch)?;
        let named = (rewrap.reader, rewrap.key);
        let until = self.disclosure.parties.key_until(named, suite, self.now_ms);
        ensure(until.is_some(), Reject::KeyNotValid)?;
        self.disclosure.faults.close(rewrap, self.now_ms)?;
        self.disclosure.version += 1;
        Ok(true)
    }

    /// Where an accepted order stands, if the pool remembers it.
    ///
    /// # Errors
    /// [`Reject::UnknownPayment`].
    pub(super) fn find_order(&self, order: &OrderRef) -> Result<Place, Reject> {
        let (uetr, sender, kind) = (order.uetr, order.sender, order.kind as u16);
        let identity = OrderIdentity { uetr, sender, kind };
        let found: Option<(Place, Hash)> = match self.seen.find(self.seen.tag(&identity), &identity)
        {
            Some(seen) => (seen.ruling != Ruling::Rejected).then_some((seen.place, seen.digest)),
            None => self.outlived.find(&identity).and_then(|place| {
                let slot = self.payments.find(place)?;
                Some((place, self.payments.get(slot).digest))
            }),
        };
        let meant = found.filter(|(_, digest)| *digest == order.digest);
        meant.map(|(place, _)| place).ok_or(Reject::UnknownPayment)
    }
}
