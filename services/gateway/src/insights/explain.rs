//! Why a payment waits.

use std::cell::OnceCell;

use channel::{ParticipantId, Uetr};
use clearing::{GroupMember, MemberStage, Pool, Preview, Waiting, WaitsFor};
use insight::{Aftermath, diagnose, diagnose_proposed, inflows};
use ledger::{Amount, Currency};
use proto::v1;
use settler::PoolView;

use super::words::Wording;
use super::{Cycle, own};
use crate::errors::Refusal;
use crate::gateway::Gateway;
use crate::holds;
use crate::identity::Caller;
use crate::operator::name;

/// Banks that are named as owing something, at most.
const INFLOWS_MAX: usize = 5;

impl Gateway {
    pub(super) async fn explain(
        &self,
        caller: &Caller,
        uetr: Uetr,
    ) -> Result<v1::ExplainPaymentResponse, Refusal> {
        let (own, cycle) = (own(caller), self.next_cycle());
        let ask = move |pool: &Pool| {
            let waiting = pool.waiting_under(uetr).into_iter();
            let mut waiting: Vec<Waiting> =
                waiting.filter_map(|place| pool.waiting(place)).collect();
            // To its receiver a payment is not there before it has settled.
            waiting.retain(|waiting| own.is_none_or(|own| waiting.sender == own));
            let settles =
                |it: &Waiting| matches!(it.waits_for, WaitsFor::Turn { .. } | WaitsFor::Legs);
            // What is there of money matters to nothing else; only then it is copied.
            let preview = waiting.iter().any(settles).then(|| pool.preview(&[]));
            (waiting, preview, pool.next_position(), pool.now_ms())
        };
        type Answer = (Vec<Waiting>, Option<Preview>, u64, u64);
        let think = move |answer: Answer, view: &PoolView, gateway: &Self| {
            let (waiting, preview, position, time_ms) = answer;
            let preview = preview.as_ref();
            let settles = OnceCell::new();
            let explained = Explained { gateway, view, preview, own, cycle, settles };
            let explanations = waiting.iter().map(|waiting| explained.one(waiting)).collect();
            v1::ExplainPaymentResponse { position, time_ms, explanations }
        };
        let response = self.think("explain a payment", ask, think).await?;
        if response.explanations.is_empty() {
            return Err(Refusal::not_found("no such payment waits"));
        }
        Ok(response)
    }
}

struct Explained<'a> {
    gateway: &'a Gateway,
    view: &'a PoolView,
    preview: Option<&'a Preview>,
    own: Option<ParticipantId>,
    cycle: Cycle,
    /// Once for all payments of the answer.
    settles: OnceCell<Vec<bool>>,
}

impl Explained<'_> {
    fn one(&self, waiting: &Waiting) -> v1::Explanation {
        let legs = waiting.members.iter();
        let told = legs.filter(|leg| self.own.is_none_or(|own| leg.sender == own));
        let mut explanation = v1::Explanation {
            terms: Some(v1::PaymentTerms {
                uetr: waiting.uetr.to_string(),
                ..self.terms((waiting.sender, waiting.receiver), waiting.minor, waiting.currency)
            }),
            group_size: waiting.group_size.into(),
            legs: told.map(|leg| self.leg(leg)).collect(),
            not_after_ms: waiting.not_after_ms,
            ..v1::Explanation::default()
        };
        match waiting.waits_for {
            WaitsFor::Instant(at_ms) => {
                explanation.waits_for = v1::WaitsFor::Instant.into();
                explanation.instant_ms = at_ms;
            }
            WaitsFor::Day(date) => {
                explanation.waits_for = v1::WaitsFor::Day.into();
                explanation.value_date = date.get();
            }
            WaitsFor::Group => {
                explanation.waits_for = v1::WaitsFor::Group.into();
                explanation.counterparty_waits = true;
            }
            WaitsFor::Match => explanation.waits_for = v1::WaitsFor::Match.into(),
            WaitsFor::Legs => {
                explanation.waits_for = v1::WaitsFor::Legs.into();
                self.settling(waiting, &mut explanation);
            }
            WaitsFor::Word(hold) => {
                explanation.waits_for = v1::WaitsFor::Word.into();
                // Its sender asks, or an operator.
                explanation.holds = holds::told(&hold, false);
            }
            WaitsFor::Turn { ahead, ahead_minor, day_open, in_cut } => {
                explanation.waits_for = v1::WaitsFor::Turn.into();
                explanation.ahead = ahead;
                explanation.ahead_minor_units = ahead_minor.to_string();
                explanation.day_closed = !day_open;
                explanation.in_cut = in_cut;
                self.settling(waiting, &mut explanation);
            }
        }
        explanation
    }

    /// What keeps a queued payment, or the legs of a match, from settling.
    fn settling(&self, waiting: &Waiting, explanation: &mut v1::Explanation) {
        let Some(preview) = self.preview else { return };
        explanation.cycle_due_at_ms = preview.cycle_due_at_ms;
        let matched = waiting.waits_for == WaitsFor::Legs;
        let mut payments = preview.payments().iter();
        // The legs are one group: each of them needs what all of them do.
        let leg = |place| matched && waiting.members.iter().any(|member| member.place == place);
        let found = payments.position(|it| it.place == waiting.place || leg(it.place));
        let Some(index) = found else { return };
        let settles = self.settles.get_or_init(|| self.cycle.settles(preview));
        if settles[index] {
            explanation.settles_next = true;
            return;
        }
        let (gateway, view, own) = (self.gateway, self.view, self.own);
        let words = Wording { gateway, view, preview, own };
        let after = Aftermath::new(preview, settles.clone());
        let diagnosis = if Cycle::tries_solver(preview) {
            let choose = |preview: &Preview| self.cycle.settles(preview);
            diagnose_proposed(&after, index, &choose, Cycle::trials_max(preview))
        } else {
            diagnose(preview, index)
        };
        let obstacles = diagnosis.obstacles.iter();
        explanation.obstacles = obstacles.filter_map(|it| words.obstacle(it)).collect();
        explanation.remedy = diagnosis.remedy.iter().filter_map(|it| words.lever(*it)).collect();
        explanation.counterparty_waits = explanation.obstacles.len() < diagnosis.obstacles.len();
        if self.own.is_none() && !matched {
            let owed = inflows(&after, waiting.debit, INFLOWS_MAX);
            let told = owed.iter().map(|inflow| v1::Inflow {
                participant: words.owner(inflow.debit),
                payments: inflow.count,
                minor_units: inflow.minor.to_string(),
            });
            explanation.inflows = told.collect();
        }
    }

    fn leg(&self, leg: &GroupMember) -> v1::GroupLeg {
        let stage = match leg.stage {
            MemberStage::Early => "early",
            MemberStage::Ready => "ready",
            MemberStage::Queued => "queued",
        };
        let terms = self.terms((leg.sender, leg.receiver), leg.minor, leg.currency);
        v1::GroupLeg { terms: Some(terms), stage: stage.to_owned() }
    }

    fn terms(
        &self,
        (sender, receiver): (ParticipantId, ParticipantId),
        minor: u64,
        currency: Currency,
    ) -> v1::PaymentTerms {
        v1::PaymentTerms {
            uetr: String::new(),
            sender: name(self.view, sender),
            receiver: name(self.view, receiver),
            amount: Amount::new(minor, currency).ok().map(v1::Money::from),
        }
    }
}
