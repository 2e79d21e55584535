//! The disclosure policy of a pool: who must be able to read which views of which payments.
//!
//! Sender and core work out the same requirement from the same policy: the sender seals for it, the
//! core refuses an order that does not meet it. Every rule that fits a payment counts; what they
//! ask for is added up.

use ledger::Currency;
use thiserror::Error;

use crate::bytes::{DecodeError, Reader, Writer};
use crate::directory::read_suite;
use crate::envelope::{Envelope, KeyId, SlotRole, ViewMask};
use crate::epoch::read_role;
use crate::participant::ParticipantId;
use crate::statement::Statement;
use crate::suite::Suite;

/// Rules of one policy, at most.
pub const POLICY_RULES_MAX: usize = 64;
/// Readers that one rule names, at most.
pub const RULE_READERS_MAX: usize = 8;

const FLAG_SCREENING: u8 = 1;
const FLAG_CONFIRMATION: u8 = 2;

/// Somebody whom a rule lets read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RuleReader {
    /// In what capacity.
    pub role: SlotRole,
    /// Who; `None` for [`SlotRole::Receiver`] and [`SlotRole::Sender`], whom the order names.
    pub participant: Option<ParticipantId>,
    /// What.
    pub views: ViewMask,
}

/// One rule: which payments it fits, and what it asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyRule {
    /// Payments in this currency; `None` = in any.
    pub currency: Option<Currency>,
    /// Sent from this country (ISO 3166-1 alpha-2); `None` = from any.
    pub sender_country: Option<[u8; 2]>,
    /// Received in this country; `None` = in any.
    pub receiver_country: Option<[u8; 2]>,
    /// Of at least this amount, minor units.
    pub minor_min: u64,
    /// Of at most this amount, minor units.
    pub minor_max: u64,
    /// A screener must pass it before it may enter a cycle.
    pub screening: bool,
    /// The receiver must confirm that it can open and apply it before it may settle.
    pub confirmation: bool,
    /// Who must be able to read, at most [`RULE_READERS_MAX`].
    pub readers: Vec<RuleReader>,
}

/// Signed by a root: the rules of a pool from some instant on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DisclosurePolicy {
    /// The pool.
    pub pool: u32,
    /// From 1, counts up with every change.
    pub version: u32,
    /// When it takes effect, ms.
    pub effective_at_ms: u64,
    /// How its orders are sealed, and in no other way: whoever serves keys cannot bring a sender to
    /// another suite by serving only keys of that.
    pub suite: Suite,
    /// 1 to [`POLICY_RULES_MAX`].
    pub rules: Vec<PolicyRule>,
}

/// What a policy looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OrderFacts {
    /// The payment's currency.
    pub currency: Currency,
    /// Its amount, minor units.
    pub minor: u64,
    /// The debtor agent.
    pub sender: ParticipantId,
    /// Its country.
    pub sender_country: [u8; 2],
    /// The creditor agent.
    pub receiver: ParticipantId,
    /// Its country.
    pub receiver_country: [u8; 2],
}

/// One slot that an order must have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct RequiredSlot {
    /// In what capacity.
    pub role: SlotRole,
    /// Who.
    pub participant: ParticipantId,
    /// What it must be able to read, no more and no less.
    pub views: ViewMask,
}

/// What the rules ask of one payment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Requirement {
    /// How it is sealed.
    pub suite: Suite,
    /// Ascending by role and participant, each pair once.
    pub slots: Vec<RequiredSlot>,
    /// A screener must pass it first.
    pub screening: bool,
    /// The receiver must confirm it first.
    pub confirmation: bool,
}

/// No rule lets the receiver read this payment: the policy does not cover it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the disclosure policy has no rule for this payment")]
pub struct Uncovered;

/// An order that does not meet the requirement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum DisclosureError {
    /// Sealed in another way than the policy says.
    #[error("suite: must be the policy's")]
    Suite,
    /// A slot for a key that is not valid.
    #[error("slots: must be for valid keys of their owners")]
    StaleKey,
    /// A slot that the policy does not ask for.
    #[error("slots: must be only those that the policy requires")]
    ExtraSlot,
    /// A slot with other views than the policy says.
    #[error("slots: must have the views that the policy requires")]
    SlotViews,
    /// A required slot is not there.
    #[error("slots: must have every reader that the policy requires")]
    MissingSlot,
    /// The order has other views than those that are required.
    #[error("views: must be those that the policy requires")]
    Views,
}

impl DisclosurePolicy {
    /// What this policy asks of a payment.
    ///
    /// # Errors
    /// [`Uncovered`] if no rule lets the receiver read it.
    pub fn require(&self, facts: &OrderFacts) -> Result<Requirement, Uncovered> {
        let (suite, slots) = (self.suite, Vec::new());
        let mut out = Requirement { suite, slots, screening: false, confirmation: false };
        for rule in self.rules.iter().filter(|rule| rule.fits(facts)) {
            out.screening |= rule.screening;
            out.confirmation |= rule.confirmation;
            for reader in &rule.readers {
                out.add(reader, facts);
            }
        }
        out.slots.sort_unstable();
        let covered = out.slots.iter().any(|slot| slot.role == SlotRole::Receiver);
        if covered { Ok(out) } else { Err(Uncovered) }
    }
}

impl PolicyRule {
    fn fits(&self, facts: &OrderFacts) -> bool {
        self.currency.is_none_or(|currency| currency == facts.currency)
            && self.sender_country.is_none_or(|country| country == facts.sender_country)
            && self.receiver_country.is_none_or(|country| country == facts.receiver_country)
            && (self.minor_min..=self.minor_max).contains(&facts.minor)
    }
}

impl Requirement {
    fn add(&mut self, reader: &RuleReader, facts: &OrderFacts) {
        let named = match reader.role {
            SlotRole::Receiver => Some(facts.receiver),
            SlotRole::Sender => Some(facts.sender),
            _ => reader.participant,
        };
        let Some(participant) = named else { return };
        let (role, views) = (reader.role, reader.views);
        match self.slots.iter_mut().find(|it| (it.role, it.participant) == (role, participant)) {
            Some(slot) => slot.views = slot.views.union(views),
            None => self.slots.push(RequiredSlot { role, participant, views }),
        }
    }

    /// All views that somebody must be able to read.
    #[must_use]
    pub fn views(&self) -> ViewMask {
        self.slots.iter().fold(ViewMask::NONE, |mask, slot| mask.union(slot.views))
    }

    /// Checks a sealed order against it: the suite, the required slots and views, and no others,
    /// apart from one by which the sender reads its own order again. `owner` says whose a key is, if it is
    /// valid for this order in this capacity.
    ///
    /// That a wrap holds the right keys is seen by its reader alone.
    ///
    /// # Errors
    /// The first [`DisclosureError`] met.
    pub fn check(
        &self,
        envelope: &Envelope<'_>,
        owner: impl Fn(SlotRole, KeyId) -> Option<ParticipantId>,
    ) -> Result<(), DisclosureError> {
        if envelope.sealing().suite != self.suite {
            return Err(DisclosureError::Suite);
        }
        let sender = (SlotRole::Sender, envelope.header().sender());
        let (mut missing, mut own) = (self.slots.clone(), false);
        for slot in envelope.slots() {
            let name = (slot.role, owner(slot.role, slot.key).ok_or(DisclosureError::StaleKey)?);
            match missing.iter().position(|it| (it.role, it.participant) == name) {
                Some(at) if missing[at].views == slot.views => {
                    missing.remove(at);
                }
                Some(_) => return Err(DisclosureError::SlotViews),
                None if name == sender && !own => own = true,
                // Not asked for, or there already by another key.
                None => return Err(DisclosureError::ExtraSlot),
            }
        }
        if !missing.is_empty() {
            return Err(DisclosureError::MissingSlot);
        }
        if envelope.view_mask() != self.views() {
            return Err(DisclosureError::Views);
        }
        Ok(())
    }
}

impl Statement for DisclosurePolicy {
    const LABEL: &'static str = "ppc/1 policy";

    fn write(&self, writer: &mut Writer) {
        writer.u32(self.pool).u32(self.version).u64(self.effective_at_ms);
        writer.u16(self.suite as u16).u8(u8::try_from(self.rules.len()).unwrap_or(u8::MAX));
        for rule in &self.rules {
            write_rule(rule, writer);
        }
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let pool = reader.u32("pool")?;
        let version = reader.u32("version")?;
        let effective_at_ms = reader.u64("effective_at")?;
        let suite = read_suite(reader)?;
        let count = usize::from(reader.u8("rules")?);
        if version == 0 {
            return Err(DecodeError::Range { field: "version" });
        }
        if !(1..=POLICY_RULES_MAX).contains(&count) {
            return Err(DecodeError::Range { field: "rules" });
        }
        let rules = (0..count).map(|_| read_rule(reader)).collect::<Result<_, _>>()?;
        Ok(Self { pool, version, effective_at_ms, suite, rules })
    }
}

fn write_rule(rule: &PolicyRule, writer: &mut Writer) {
    writer.raw(&rule.currency.map_or([0; 3], |currency| currency.to_bytes()));
    writer.raw(&rule.sender_country.unwrap_or_default());
    writer.raw(&rule.receiver_country.unwrap_or_default());
    writer.u64(rule.minor_min).u64(rule.minor_max);
    let screening = if rule.screening { FLAG_SCREENING } else { 0 };
    let confirmation = if rule.confirmation { FLAG_CONFIRMATION } else { 0 };
    writer.u8(screening | confirmation);
    writer.u8(u8::try_from(rule.readers.len()).unwrap_or(u8::MAX));
    for reader in &rule.readers {
        writer.u8(reader.role as u8).u32(reader.participant.map_or(0, |id| id.0));
        writer.u16(reader.views.bits());
    }
}

fn read_rule(reader: &mut Reader<'_>) -> Result<PolicyRule, DecodeError> {
    let currency = match reader.array("currency")? {
        [0, 0, 0] => None,
        letters => Some(
            Currency::from_bytes(letters).map_err(|_| DecodeError::Range { field: "currency" })?,
        ),
    };
    let sender_country = read_country(reader, "sender_country")?;
    let receiver_country = read_country(reader, "receiver_country")?;
    let minor_min = reader.u64("amount_min")?;
    let minor_max = reader.u64("amount_max")?;
    if minor_max < minor_min {
        return Err(DecodeError::Range { field: "amount_max" });
    }
    let flags = reader.u8("flags")?;
    if flags & !(FLAG_SCREENING | FLAG_CONFIRMATION) != 0 {
        return Err(DecodeError::Range { field: "flags" });
    }
    let count = usize::from(reader.u8("readers")?);
    if count > RULE_READERS_MAX {
        return Err(DecodeError::Range { field: "readers" });
    }
    Ok(PolicyRule {
        currency,
        sender_country,
        receiver_country,
        minor_min,
        minor_max,
        screening: flags & FLAG_SCREENING != 0,
        confirmation: flags & FLAG_CONFIRMATION != 0,
        readers: (0..count).map(|_| read_rule_reader(reader)).collect::<Result<_, _>>()?,
    })
}

fn read_country(
    reader: &mut Reader<'_>,
    field: &'static str,
) -> Result<Option<[u8; 2]>, DecodeError> {
    match reader.array(field)? {
        [0, 0] => Ok(None),
        country if country.iter().all(u8::is_ascii_uppercase) => Ok(Some(country)),
        _ => Err(DecodeError::Range { field }),
    }
}

fn read_rule_reader(reader: &mut Reader<'_>) -> Result<RuleReader, DecodeError> {
    let role = read_role(reader)?;
    let participant = match reader.u32("participant")? {
        0 => None,
        id => Some(ParticipantId(id)),
    };
    let by_order = matches!(role, SlotRole::Receiver | SlotRole::Sender);
    if by_order != participant.is_none() {
        return Err(DecodeError::Range { field: "participant" });
    }
    Ok(RuleReader { role, participant, views: read_views(reader)? })
}

/// A set of views, at least one.
pub(crate) fn read_views(reader: &mut Reader<'_>) -> Result<ViewMask, DecodeError> {
    let views = ViewMask::from_bits(reader.u16("views")?).filter(|views| !views.is_empty());
    views.ok_or(DecodeError::Range { field: "views" })
}
