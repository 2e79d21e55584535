//! Random days: whatever comes in, in whatever order, the invariants hold and the log is all there
//! is to know.

use std::collections::BTreeMap;

use channel::{
    ClosePolicy, CommandBody, LinkTerms, NettingMode, OrderHeader, RequestId, Role, RuleBook,
    Status, ValueDate, link_group,
};
use clearing::{
    Candidates, Outcome, PaymentState, Place, Pool, Proposal, Ruled, Ruling, SealedBatch,
    TransferKind,
};
use ledger::Amount;
use proptest::prelude::*;

use crate::desk::{
    AGENT, Desk, OPERATOR, POOL, bank, currency, order, orders_record, restore, strict_rules, uetr,
};

const BANKS: u32 = 4;
const CODES: [&str; 2] = ["EUR", "USD"];

/// One order as the generator draws it.
#[derive(Debug, Clone)]
struct Draft {
    number: u64,
    to: u32,
    minor: u64,
    code: usize,
    class: u8,
    urgent: bool,
    /// A made-up group and size.
    link: Option<(u8, u8)>,
    /// ms from now; 0 = none.
    from_ms: u64,
    until_ms: u64,
    days_ahead: u32,
}

#[derive(Debug, Clone)]
enum Step {
    Pass(u64),
    Orders(u32, Vec<Draft>),
    /// A link group is agreed on between these banks, and the first hands its order in.
    Link(Vec<(u32, Draft)>),
    /// One of the orders agreed on is handed in.
    Member(usize),
    Cycle,
    Tick,
    /// Proposes the floor and of the rest those whose bit is set.
    Settle(u64),
    Fund(u32, usize, u64),
    Defund(u32, usize, u64),
    Answer(bool),
    Bilateral(u32, u32, usize, Option<u64>),
    Multilateral(u32, usize, Option<u64>),
    Cap(u32, usize, Option<u64>),
    Line(u32, usize, u64),
    Cancel(u32, u64),
    Status(u32, bool),
    Close(usize),
    Open(usize),
    CutOff(usize),
    RunCycle,
}

fn draft() -> impl Strategy<Value = Draft> {
    let link = prop_oneof![12 => Just(None), 1 => (0_u8..3, 2_u8..4).prop_map(Some)];
    let whole = (0_u64..60, 0..BANKS - 1, 1_u64..100, 0_usize..2, 0_u8..4, any::<bool>());
    let times = (
        link,
        prop_oneof![5 => Just(0), 1 => 1_u64..2_000],
        prop_oneof![4 => Just(0), 1 => 2_000_u64..5_000],
        prop_oneof![8 => Just(0_u32), 1 => 1_u32..3],
    );
    (whole, times).prop_map(
        |((number, to, minor, code, class, urgent), (link, from_ms, until_ms, days_ahead))| Draft {
            number,
            to,
            minor,
            code,
            class,
            urgent,
            link,
            from_ms,
            until_ms,
            days_ahead,
        },
    )
}

fn step() -> impl Strategy<Value = Step> {
    let limit = || prop_oneof![1 => Just(None), 2 => (0_u64..150).prop_map(Some)];
    let bank = || 0..BANKS;
    prop_oneof![
        6 => (1_u64..400).prop_map(Step::Pass),
        14 => (bank(), prop::collection::vec(draft(), 1..6)).prop_map(|(b, d)| Step::Orders(b, d)),
        3 => prop::collection::vec((bank(), draft()), 2..4).prop_map(Step::Link),
        8 => any::<usize>().prop_map(Step::Member),
        5 => Just(Step::Cycle),
        1 => Just(Step::Tick),
        4 => any::<u64>().prop_map(Step::Settle),
        3 => (bank(), 0_usize..2, 1_u64..200).prop_map(|(b, c, m)| Step::Fund(b, c, m)),
        1 => (bank(), 0_usize..2, 1_u64..100).prop_map(|(b, c, m)| Step::Defund(b, c, m)),
        1 => any::<bool>().prop_map(Step::Answer),
        1 => (bank(), 0..BANKS - 1, 0_usize..2, limit())
            .prop_map(|(b, o, c, l)| Step::Bilateral(b, o, c, l)),
        1 => (bank(), 0_usize..2, limit()).prop_map(|(b, c, l)| Step::Multilateral(b, c, l)),
        1 => (bank(), 0_usize..2, limit()).prop_map(|(b, c, l)| Step::Cap(b, c, l)),
        1 => (bank(), 0_usize..2, 0_u64..100).prop_map(|(b, c, l)| Step::Line(b, c, l)),
        2 => (bank(), 0_u64..60).prop_map(|(b, n)| Step::Cancel(b, n)),
        1 => (bank(), any::<bool>()).prop_map(|(b, active)| Step::Status(b, active)),
        1 => (0_usize..2).prop_map(Step::Close),
        2 => (0_usize..2).prop_map(Step::Open),
        1 => (0_usize..2).prop_map(Step::CutOff),
        1 => Just(Step::RunCycle),
    ]
}

fn rules() -> impl Strategy<Value = RuleBook> {
    (any::<bool>(), any::<bool>(), prop_oneof![Just(0_u32), Just(300)]).prop_map(
        |(floor, rolls, proposal_timeout_ms)| RuleBook {
            netting: if floor { NettingMode::FifoFloor } else { NettingMode::StrictFifo },
            close: if rolls { ClosePolicy::Roll } else { ClosePolicy::Reject },
            proposal_timeout_ms,
            ageing_cycles: 1,
            currency_weights: vec![3, 1],
            solver_steps: 5,
            ..strict_rules(CODES.iter().map(|code| currency(code)).collect())
        },
    )
}

/// What is known of a payment from outside.
#[derive(Debug, Clone, Copy)]
struct Known {
    header: OrderHeader,
    /// The count of joinings when it joined its queue, and the position.
    joined: Option<(u64, u64)>,
    ended: bool,
}

/// A desk and an observer who knows only outcomes.
struct Day {
    desk: Desk,
    outcomes: Vec<Outcome>,
    known: BTreeMap<Place, Known>,
    joinings: u64,
    dates: [u32; 2],
    /// Members of link groups that were not handed in yet.
    agreed: Vec<OrderHeader>,
    linked: u64,
    defunds: Vec<RequestId>,
    pay_ins: u64,
    strict: bool,
    /// What the solver proposed last.
    proposal: Option<Proposal>,
}

impl Day {
    fn new(rules: RuleBook) -> Self {
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

    fn take(&mut self, step: &Step) {
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

    /// Keeps up with an outcome, and checks what can be checked from outside.
    fn watch(&mut self, outcome: Outcome, headers: &[OrderHeader]) {
        if let Some(batch) = &outcome.sealed_before {
            self.watch_batch(batch, false);
        }
        let rulings = || headers.iter().zip(&outcome.rulings).filter(|(_, ruled)| !ruled.replayed);
        for (header, ruled) in rulings() {
            if !matches!(ruled.ruling, Ruling::Rejected | Ruling::Refused) {
                let known = Known { header: *header, joined: None, ended: false };
                self.known.insert(ruled.place, known);
            }
        }
        self.watch_joinings(&outcome, || rulings().filter(|it| it.1.ruling == Ruling::Queued));
        for change in &outcome.changes {
            let lives =
                [PaymentState::Queued, PaymentState::Warehoused, PaymentState::AwaitingGroup];
            if !lives.contains(&change.state) {
                let known = self.known.get_mut(&change.place).unwrap();
                assert!(!known.ended, "ended twice");
                known.ended = true;
            }
        }
        if let Some(batch) = &outcome.sealed {
            self.watch_batch(batch, true);
        }
        self.outcomes.push(outcome);
    }

    /// Who joined a queue, in order: first those whose time had come, then with each order that was
    /// queued the other members of the group that it made whole.
    fn watch_joinings<'a, Queued>(&mut self, outcome: &Outcome, queued: impl Fn() -> Queued)
    where
        Queued: Iterator<Item = (&'a OrderHeader, &'a Ruled)>,
    {
        let joined = outcome.changes.iter().filter(|it| it.state == PaymentState::Queued);
        let joined: Vec<_> =
            joined.map(|it| (it.place, self.known[&it.place].header.link)).collect();
        let made_whole: Vec<_> = queued().filter_map(|(header, _)| header.link).collect();
        for (place, link) in &joined {
            if link.is_none_or(|link| !made_whole.contains(&link)) {
                self.join(*place, outcome.position);
            }
        }
        for (header, ruled) in queued() {
            self.join(ruled.place, outcome.position);
            for (place, link) in &joined {
                if link.is_some() && *link == header.link {
                    self.join(*place, outcome.position);
                }
            }
        }
    }

    fn join(&mut self, place: Place, position: u64) {
        self.joinings += 1;
        self.known.get_mut(&place).unwrap().joined = Some((self.joinings, position));
    }

    fn watch_batch(&mut self, batch: &SealedBatch, cycle: bool) {
        let payments = batch.transfers.iter().filter(|it| it.kind == TransferKind::Payment);
        let settled: Vec<Place> = payments.map(|it| it.place).collect();
        let mut groups: BTreeMap<[u8; 16], Vec<LinkTerms>> = BTreeMap::new();
        for place in &settled {
            let known = self.known.get_mut(place).unwrap();
            assert!(!known.ended, "settled after it ended");
            known.ended = true;
            if let Some((group, _)) = known.header.link {
                groups.entry(group).or_default().push(LinkTerms::from(&known.header));
            }
        }
        for (group, members) in &groups {
            assert_eq!(link_group(members), *group, "other members than were agreed on");
        }
        if self.strict {
            settled.iter().for_each(|place| self.check_order(*place, batch, cycle));
        }
    }

    /// Nothing that stood before a settled payment in its queue is left behind.
    fn check_order(&self, place: Place, batch: &SealedBatch, cycle: bool) {
        let settled = &self.known[&place];
        let Some((joined, _)) = settled.joined else { return };
        for known in self.known.values().filter(|known| !known.ended) {
            let Some((other, position)) = known.joined else { continue };
            let same_queue = known.header.sender == settled.header.sender
                && known.header.amount.currency() == settled.header.amount.currency();
            let before = known.header.class == settled.header.class && other < joined;
            let above =
                cycle && known.header.class < settled.header.class && position < batch.first;
            assert!(!(same_queue && (before || above)), "{place:?} overtook");
        }
    }
}

/// The definition, from the snapshot that a solver gets.
pub(crate) fn feasible(candidates: &Candidates, places: &[Place]) -> bool {
    let mut balance: Vec<i128> = candidates
        .accounts
        .iter()
        .map(|account| i128::try_from(account.liquidity).unwrap_or(i128::MAX / 2))
        .collect();
    let mut flows: BTreeMap<(u32, u32), i128> = BTreeMap::new();
    let mut groups: BTreeMap<u32, (u32, u32)> = BTreeMap::new();
    for it in &candidates.payments {
        let chosen = places.binary_search(&it.place).is_ok();
        if let Some(group) = it.group {
            let count = groups.entry(group).or_default();
            count.0 += u32::from(chosen);
            count.1 += 1;
        }
        if chosen {
            balance[it.debit.0 as usize] -= i128::from(it.minor);
            balance[it.credit.0 as usize] += i128::from(it.minor);
            *flows.entry((it.debit.0, it.credit.0)).or_default() += i128::from(it.minor);
        }
    }
    let flow = |debit, credit| flows.get(&(debit, credit)).copied().unwrap_or(0);
    let within = |row: &clearing::LimitRow| {
        let net = flow(row.debit.0, row.credit.0) - flow(row.credit.0, row.debit.0);
        net <= i128::try_from(row.room).unwrap()
    };
    balance.iter().all(|balance| *balance >= 0)
        && groups.values().all(|(chosen, all)| *chosen == 0 || chosen == all)
        && candidates.limits.iter().all(within)
}

fn replay(log: &[Vec<u8>], seed: u64) -> (Pool, Vec<Outcome>) {
    let mut pool = Pool::new(seed);
    let outcomes =
        (0..).zip(log).map(|(position, record)| pool.apply(position, record).unwrap()).collect();
    (pool, outcomes)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn any_day_keeps_the_invariants_and_replays(
        rules in rules(),
        steps in prop::collection::vec(step(), 1..120),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut day = Day::new(rules);
        for step in &steps {
            day.take(step);
        }
        let Desk { mut pool, log, .. } = day.desk;
        // The same log gives the same outcomes, whatever the seed.
        let (mut again, outcomes) = replay(&log, 4_711);
        prop_assert_eq!(&outcomes[log.len() - day.outcomes.len()..], &day.outcomes[..]);
        prop_assert_eq!(again.state_root(), pool.state_root());
        prop_assert_eq!(again.snapshot().state, pool.snapshot().state);
        // So does its tail, from a snapshot anywhere.
        let cut = 1 + cut.index(log.len());
        let (mut pool_then, _) = replay(&log[..cut], 5);
        let mut restored = restore(&mut pool_then);
        // A solver sees the same cut on either side of a restart.
        prop_assert_eq!(restored.candidates(), pool_then.candidates());
        for (position, record) in log.iter().enumerate().skip(cut) {
            prop_assert_eq!(&restored.apply(position as u64, record).unwrap(), &outcomes[position]);
        }
        prop_assert_eq!(restored.state_root(), pool.state_root());
        prop_assert_eq!(restored.snapshot().state, pool.snapshot().state);
    }

    /// A participant that fails at any moment: what is final stays, and the day can be closed.
    #[test]
    fn a_suspension_at_any_moment_lets_the_day_close(
        steps in prop::collection::vec(step(), 1..60),
        at in any::<prop::sample::Index>(),
        whom in 0..BANKS,
    ) {
        let rules = RuleBook { proposal_timeout_ms: 300, netting: NettingMode::FifoFloor,
            ..strict_rules(CODES.iter().map(|code| currency(code)).collect()) };
        let mut day = Day::new(rules);
        let at = at.index(steps.len());
        steps[..at].iter().for_each(|step| day.take(step));
        let sealed = day.desk.sealed.clone();
        day.take(&Step::Status(whom, false));
        let rest = steps[at..].iter().filter(|step| !matches!(step, Step::Status(..)));
        rest.for_each(|step| day.take(step));
        // Cycles that were asked for while a cut was open make cuts of their own.
        while day.desk.pool.status().cut.is_some() {
            day.desk.time_ms += 1_000;
            day.take(&Step::Tick);
        }
        prop_assert_eq!(&day.desk.sealed[..sealed.len()], &sealed[..]);
        for code in 0..CODES.len() {
            day.take(&Step::Close(code));
        }
        prop_assert!(day.desk.pool.directory().currencies().iter().all(|it| it.day.open.is_none()));
        // What settled alone is told by the batch it is in.
        day.desk.time_ms += 1_000;
        day.take(&Step::Tick);
        let waits = |known: &&Known| !known.ended && known.header.sender == bank(whom);
        prop_assert_eq!(day.known.values().filter(waits).count(), 0);
    }
}

/// Makes a record that the pool refuses.
type Refused = fn(&mut Desk) -> Vec<u8>;

/// A request that is refused for now leaves the state as if it had never been made.
#[test]
fn what_is_refused_leaves_no_trace() {
    let rules = RuleBook {
        queue_max: 1,
        ..strict_rules(CODES.iter().map(|code| currency(code)).collect())
    };
    let refused: [(&str, Refused); 4] = [
        ("queue full", |desk| orders_record(desk.time_ms, &[order(2, 0, 1, 5, "EUR")])),
        ("seen before", |desk| orders_record(desk.time_ms, &[order(1, 0, 1, 5, "EUR")])),
        ("reused", |desk| orders_record(desk.time_ms, &[order(1, 0, 1, 6, "EUR")])),
        ("not authorised", |desk| {
            let body = CommandBody::AddParticipant(crate::desk::participant(
                channel::ParticipantId(77),
                Role::Bank,
                "DEUTDEFF",
            ));
            let request_id = RequestId([9; 16]);
            let issued_at_ms = desk.time_ms;
            let command =
                channel::Command { pool: POOL, request_id, maker: AGENT, issued_at_ms, body };
            let (command, signature) = (command.encode(), [0; 64]);
            let signed = channel::SignedCommand { command, signature, checker: None };
            clearing::pack_command((POOL, desk.time_ms), &signed)
        }),
    ];
    for (name, record) in refused {
        let mut roots = Vec::new();
        for refuse in [true, false] {
            let mut day = Day::new(rules.clone());
            day.desk.submit(&[order(1, 0, 1, 5, "EUR")]);
            if refuse {
                let record = record(&mut day.desk);
                day.desk.apply(record);
            } else {
                day.desk.tick(0);
            }
            roots.push(day.desk.pool.state_root());
        }
        assert_eq!(roots[0], roots[1], "{name}");
    }
}
