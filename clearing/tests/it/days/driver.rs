//! A random day, step by step.

use std::collections::BTreeMap;

use channel::{
    CommandBody, LinkTerms, NettingMode, OrderHeader, RequestId, RuleBook, Status, ValueDate,
    link_group,
};
use clearing::{Outcome, Place, Proposal};
use ledger::Amount;

use super::feasible;
use super::steps::{BANKS, CODES, Draft, Step};
use crate::desk::{AGENT, Desk, OPERATOR, bank, currency, order, uetr};

/// What is known of a payment from outside.
#[derive(Debug, Clone, Copy)]
pub(super) struct Known {
    pub(super) header: OrderHeader,
    /// The count of joinings when it joined its queue, and the position.
    pub(super) joined: Option<(u64, u64)>,
    pub(super) ended: bool,
}

/// A desk and an observer who knows only outcomes.
pub(super) struct Day {
    pub(super) desk: Desk,
    pub(super) outcomes: Vec<Outcome>,
    pub(super) known: BTreeMap<Place, Known>,
    pub(super) joinings: u64,
    pub(super) dates: [u32; 2],
    /// Members of link groups that were not handed in yet.
    pub(super) agreed: Vec<OrderHeader>,
    pub(super) linked: u64,
    pub(super) defunds: Vec<RequestId>,
    pub(super) pay_ins: u64,
    pub(super) strict: bool,
    /// What the solver proposed last.
    pub(super) proposal: Option<Proposal>,
}

impl Day {
    pub(super) fn new(rules: RuleBook) -> Self {
        let strict = rules.netting == NettingMode::StrictFifo;
        let mut desk = Desk::new(rules, BANKS);
        desk.shadow = false;
        let mut day = Self {
            desk,
            outcomes: Vec::new(),
            known: BTreeMap::new(),
            joinings: 0,
            dates: [20_260_105; 2],
            agreed: Vec::new(),
            linked: 0,
            defunds: Vec::new(),
            pay_ins: 0,
            strict,
            proposal: None,
        };
        for member in 0..BANKS {
            for code in CODES {
                let (participant, currency) = (bank(member), currency(code));
                let body = CommandBody::OpenAccount { participant, currency, credit_line: 20 };
                day.command(OPERATOR, body);
            }
        }
        for code in 0..CODES.len() {
            day.take(&Step::Open(code));
        }
        day
    }

    fn command(&mut self, maker: channel::ParticipantId, body: CommandBody) {
        let outcome = self.desk.command(maker, body);
        self.watch(outcome, &[]);
    }

    fn header(&self, from: u32, draft: &Draft) -> OrderHeader {
        let now_ms = self.desk.time_ms;
        let to = if draft.to >= from { draft.to + 1 } else { draft.to };
        let mut header = order(draft.number, from, to, draft.minor, CODES[draft.code]);
        header.class = draft.class;
        header.urgent = draft.urgent;
        header.created_at_ms = now_ms;
        header.not_before_ms = if draft.from_ms == 0 { 0 } else { now_ms + draft.from_ms };
        header.not_after_ms = if draft.until_ms == 0 { 0 } else { now_ms + draft.until_ms };
        header.value_date = ValueDate::new(self.dates[draft.code] + draft.days_ahead).unwrap();
        header.link = draft.link.map(|(group, size)| ([group + 1; 16], size));
        header
    }

    fn submit(&mut self, headers: &[OrderHeader]) {
        let outcome = self.desk.submit(headers);
        self.watch(outcome, headers);
    }

    fn link(&mut self, drafts: &[(u32, Draft)]) {
        let mut members = Vec::new();
        for (from, draft) in drafts {
            self.linked += 1;
            // New references, small amounts, ahead of others: many groups should settle.
            let (number, minor) = (1_000 + self.linked, 1 + draft.minor % 10);
            let draft = Draft { number, minor, class: 0, link: None, ..draft.clone() };
            members.push(self.header(*from, &draft));
        }
        let terms: Vec<LinkTerms> = members.iter().map(LinkTerms::from).collect();
        let link = Some((link_group(&terms), members.len() as u8));
        members.iter_mut().for_each(|member| member.link = link);
        self.submit(&members[..1]);
        self.agreed.extend_from_slice(&members[1..]);
    }

    pub(super) fn take(&mut self, step: &Step) {
        let code = |index: usize| currency(CODES[index]);
        let other = |one: u32, pick: u32| if pick >= one { pick + 1 } else { pick };
        match *step {
            Step::Pass(ms) => self.desk.time_ms += ms,
            Step::Orders(from, ref drafts) => {
                let headers: Vec<OrderHeader> =
                    drafts.iter().map(|draft| self.header(from, draft)).collect();
                self.submit(&headers);
            }
            Step::Link(ref drafts) => self.link(drafts),
            Step::Member(_) if self.agreed.is_empty() => {}
            Step::Member(pick) => {
                let member = self.agreed.swap_remove(pick % self.agreed.len());
                self.submit(&[member]);
            }
            Step::Cycle => {
                let outcome = self.desk.cycle();
                self.watch(outcome, &[]);
            }
            Step::Tick => {
                let outcome = self.desk.tick(0);
                self.watch(outcome, &[]);
            }
            Step::Settle(bits) => self.propose(bits),
            Step::Fund(to, index, minor) => {
                self.pay_ins += 1;
                let amount = Amount::new(minor, code(index)).unwrap();
                let pay_in = u128::from(self.pay_ins).to_be_bytes();
                self.command(AGENT, CommandBody::Fund { participant: bank(to), amount, pay_in });
            }
            Step::Defund(from, index, minor) => {
                let amount = Amount::new(minor, code(index)).unwrap();
                self.command(bank(from), CommandBody::Defund { amount });
                self.defunds = self.desk.pool.defunds().map(|pending| pending.request).collect();
            }
            Step::Answer(made) => {
                if let Some(defund) = self.defunds.pop() {
                    self.command(AGENT, CommandBody::ConfirmDefund { defund, made });
                }
            }
            Step::Bilateral(from, to, index, limit) => {
                let (counterparty, currency) = (bank(other(from, to)), code(index));
                let body = CommandBody::SetBilateralLimit { counterparty, currency, limit };
                self.command(bank(from), body);
            }
            Step::Multilateral(from, index, limit) => {
                let body = CommandBody::SetMultilateralLimit { currency: code(index), limit };
                self.command(bank(from), body);
            }
            Step::Cap(member, index, cap) => {
                let (participant, currency) = (bank(member), code(index));
                self.command(OPERATOR, CommandBody::SetDebitCap { participant, currency, cap });
            }
            _ => self.take_rest(step),
        }
    }

    fn take_rest(&mut self, step: &Step) {
        let code = |index: usize| currency(CODES[index]);
        match *step {
            Step::Line(member, index, credit_line) => {
                let (participant, currency) = (bank(member), code(index));
                let body = CommandBody::SetCreditLine { participant, currency, credit_line };
                self.command(OPERATOR, body);
            }
            Step::Cancel(from, number) => {
                let kind = channel::MessageKind::CustomerTransfer;
                self.command(bank(from), CommandBody::Cancel { uetr: uetr(number), kind });
            }
            Step::Status(member, active) => {
                let status = if active { Status::Active } else { Status::Suspended };
                self.command(
                    OPERATOR,
                    CommandBody::SetStatus { participant: bank(member), status },
                );
            }
            Step::Close(index) => {
                self.command(OPERATOR, CommandBody::CloseDay { currency: code(index) });
            }
            Step::CutOff(index) => {
                self.command(OPERATOR, CommandBody::CutOff { currency: code(index) });
            }
            Step::Open(index) => {
                let day = self.desk.pool.directory().currencies()[index].day;
                if let Some(closed) = day.closed {
                    self.dates[index] = closed.get() + 1;
                }
                let date = ValueDate::new(self.dates[index]).unwrap();
                let (cut_off_at_ms, closes_at_ms) =
                    (self.desk.time_ms + 20_000, self.desk.time_ms + 30_000);
                let currency = code(index);
                let body = CommandBody::OpenDay { currency, date, cut_off_at_ms, closes_at_ms };
                self.command(OPERATOR, body);
            }
            Step::RunCycle => self.command(OPERATOR, CommandBody::RunCycle),
            _ => unreachable!("taken before"),
        }
    }

    fn propose(&mut self, bits: u64) {
        let Some(candidates) = self.desk.pool.candidates() else {
            let outcome = self.desk.settle(1, &[]);
            assert!(outcome.reject.is_some());
            self.watch(outcome, &[]);
            return;
        };
        // Now and then the solver's own: it always holds.
        if bits.is_multiple_of(8) {
            let proposal = solver::propose(&candidates, self.proposal.as_ref());
            let again = solver::propose(&candidates, self.proposal.as_ref());
            assert_eq!(proposal, again);
            assert!(feasible(&candidates, &proposal.places));
            let in_time = self.desk.time_ms < candidates.cut.floor_at_ms;
            let outcome = self.desk.propose(&proposal);
            assert_eq!(outcome.reject.is_none(), in_time, "{outcome:?}");
            self.proposal = Some(proposal);
            self.watch(outcome, &[]);
            return;
        }
        let chosen = candidates.payments.iter().enumerate();
        let chosen = chosen.filter(|(index, it)| it.floor || bits >> (index % 64) & 1 == 1);
        let mut places: Vec<Place> = chosen.map(|(_, it)| it.place).collect();
        places.sort_unstable();
        let holds = feasible(&candidates, &places);
        let floor_in_time = self.desk.time_ms < candidates.cut.floor_at_ms;
        let outcome = self.desk.settle(candidates.cut.cycle, &places);
        assert_eq!(outcome.reject.is_none(), holds && floor_in_time, "{outcome:?}");
        self.watch(outcome, &[]);
    }
}
