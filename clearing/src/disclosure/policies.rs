//! The disclosure policies: the one in effect, the one that comes next, and those before.

use std::collections::VecDeque;

use channel::{DecodeError, DisclosurePolicy, ParticipantId, Reader, Signed, SlotRole, Writer};

use super::{read_signed, write_signed};
use crate::intake::ensure;
use crate::reject::Reject;
use crate::state::bounded;

/// Policies kept, the latest ones: readers of an order have a say under the policy of its time.
const POLICIES_MAX: usize = 8;

/// Policies, ascending by version.
#[derive(Debug, Default)]
pub(super) struct Policies(VecDeque<Signed<DisclosurePolicy>>);

impl Policies {
    /// The policy in effect: the latest whose instant has come.
    pub(super) fn in_effect(&self, now_ms: u64) -> Option<&Signed<DisclosurePolicy>> {
        let begun = |it: &&Signed<DisclosurePolicy>| it.statement.effective_at_ms <= now_ms;
        self.0.iter().rev().find(begun)
    }

    /// The policy in effect or the one to come, if that is its version.
    pub(super) fn current(&self, version: u32, now_ms: u64) -> Option<&DisclosurePolicy> {
        let both = [self.in_effect(now_ms), self.pending(now_ms)].into_iter().flatten();
        both.map(|policy| &policy.statement).find(|policy| policy.version == version)
    }

    /// The policy that is to take effect.
    pub(super) fn pending(&self, now_ms: u64) -> Option<&Signed<DisclosurePolicy>> {
        self.0.back().filter(|latest| latest.statement.effective_at_ms > now_ms)
    }

    /// Takes in a policy. Whether anything changed.
    ///
    /// # Errors
    /// [`Reject::PolicyVersion`], [`Reject::StatementDiffers`], [`Reject::StatementSuperseded`].
    pub(super) fn add(
        &mut self,
        signed: &Signed<DisclosurePolicy>,
        now_ms: u64,
    ) -> Result<bool, Reject> {
        let policy = &signed.statement;
        if let Some(latest) = self.0.back().map(|latest| &latest.statement) {
            if policy.version == latest.version {
                ensure(policy == latest, Reject::StatementDiffers)?;
                return Ok(false);
            }
            ensure(policy.version > latest.version, Reject::StatementSuperseded)?;
            let next = policy.version == latest.version + 1;
            let from_ms = self.in_effect(now_ms).map_or(0, |it| it.statement.effective_at_ms);
            // Whoever knows the replaced one only would take it to be in effect until the new one is.
            let to_ms = self.pending(now_ms).map_or(u64::MAX, |it| it.statement.effective_at_ms);
            let timely = (from_ms..=to_ms).contains(&policy.effective_at_ms);
            ensure(next && timely, Reject::PolicyVersion)?;
        }
        // One comes next: the one that was to come never takes effect.
        if self.pending(now_ms).is_some() {
            self.0.pop_back();
        }
        if self.0.len() == POLICIES_MAX {
            self.0.pop_front();
        }
        self.0.push_back(signed.clone());
        Ok(true)
    }

    /// Whether a policy that is kept lets this participant read in this capacity. Who the receivers
    /// are, the orders say.
    pub(super) fn name(&self, role: SlotRole, participant: ParticipantId) -> bool {
        let rules = self.0.iter().flat_map(|policy| &policy.statement.rules);
        rules.flat_map(|rule| &rule.readers).any(|reader| {
            reader.role == role && reader.participant.is_none_or(|named| named == participant)
        })
    }

    pub(super) fn write(&self, writer: &mut Writer) {
        writer.u8(self.0.len() as u8);
        self.0.iter().for_each(|policy| write_signed(policy, writer));
    }

    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let count = bounded(reader.u8("policies")?.into(), POLICIES_MAX, "policies")?;
        Ok(Self((0..count).map(|_| read_signed(reader)).collect::<Result<_, _>>()?))
    }
}
