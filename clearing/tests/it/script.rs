//! Days in the life of a pool, as text.
//!
//! ```text
//! pool EUR USD netting=floor timeout=500      the rule book; see `rules`
//! at 09:00:30                                 the time of what follows
//! account A EUR line=50.00                    an operator opens an account
//! fund A 100.00 EUR ref=1                     the settlement agent credits a pay-in
//! pay P1 A>B 10.00 EUR urgent group=G/2       an order; a name stands for its UETR
//! pay X1 A>B 10.00 EUR for 11.00 USD          an FX instruction
//! pay C1 A>B 10.00 EUR to USD at 1.08         an FX payment with its limit rate
//! quote lp1 EUR/USD bid 5.00 1.08 ask 5.00 1.09   a provider sets its quotes of a pair
//! fills C1 EUR USD lp1 10.00 10.80            a match to check: with whom, sold, bought
//! taken lp1 EUR/USD 10.00 EUR                 what of the provider's first quote is taken
//! order P1 ...                                the same, in one record with the next `pay`
//! plan P2 ...                                 the same, never handed in
//! tick | cycle | cycle 7 | settle P1 P2       steps of the system
//! balance A EUR 90.00                         a fact to check
//! rest                                        no tick is of use yet
//! flood A>B 1000 EUR                          so many small orders, all queued
//! ```
//! `group=G/2` puts an order into a link group of two. Its number is the manifest of all orders of
//! the script that name it, but for those with the flag `stranger`.
//!
//! A step ends in `=> result`, optionally followed by `; event, event`. A result is a ruling, `ok`,
//! or the code of a reject; `again` before it marks a replay. An event is a payment and what became
//! of it: a state with a reason, or `settled` when a batch was sealed with it. All events must be
//! named, none may be missing. Lines that begin with `#` are remarks.

use std::collections::{BTreeMap, BTreeSet};

use channel::{
    ClosePolicy, Command, CommandBody, LinkTerms, MessageKind, NettingMode, OrderHeader,
    ParticipantId, RequestId, Role, RuleBook, Status, ValueDate, link_group,
};
use clearing::{Outcome, PaymentState, Place, Reject, Ruled, Ruling, TransferKind};
use ledger::Amount;

use crate::desk::{
    AGENT, DAY_MS, Desk, LP1, LP2, OPERATOR, POOL, REGULATOR, SECOND, bank, currency, order,
    participant, strict_rules,
};

mod fx;

/// Whether every step is also taken by a pool that was restored just before it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shadow {
    With,
    Without,
}

/// Runs a script; returns the rejects it met.
pub(crate) fn run(name: &str, text: &str, shadow: Shadow) -> BTreeSet<Reject> {
    let mut script: Option<Script> = None;
    for (number, line) in text.lines().enumerate() {
        let Some((word, rest)) = word_and_rest(line) else { continue };
        let at = format!("{name}:{}: {line}", number + 1);
        match (&mut script, word) {
            (None, "pool") => {
                let mut new = Script::new(rest);
                new.plan(text);
                new.desk.shadow = shadow == Shadow::With;
                script = Some(new);
            }
            (Some(script), _) => script.line(&at, word, rest),
            (None, _) => panic!("{at}: a script begins with its pool"),
        }
    }
    script.expect("a pool").met
}

fn word_and_rest(line: &str) -> Option<(&str, &str)> {
    let line = line.split('#').next().unwrap_or("").trim();
    line.split_once(' ').or((!line.is_empty()).then_some((line, "")))
}

struct Script {
    desk: Desk,
    /// The terms of the members of link groups, by the group's name.
    groups: BTreeMap<String, BTreeSet<LinkTerms>>,
    /// Payments by name: their number, and where they stand.
    numbers: BTreeMap<String, u64>,
    kinds: BTreeMap<String, MessageKind>,
    places: BTreeMap<String, Place>,
    names: BTreeMap<Place, String>,
    /// Orders that wait for the `pay` that hands them in.
    gathered: Vec<(String, OrderHeader, String)>,
    met: BTreeSet<Reject>,
}

/// Words of the form `key=value`, flags, and the rest.
struct Words<'a>(Vec<&'a str>);

impl<'a> Words<'a> {
    fn of(text: &'a str) -> Self {
        Self(text.split_whitespace().collect())
    }

    fn get(&self, key: &str) -> Option<&'a str> {
        self.0.iter().find_map(|word| word.strip_prefix(key)?.strip_prefix('='))
    }

    fn flag(&self, flag: &str) -> bool {
        self.0.contains(&flag)
    }

    fn number(&self, key: &str) -> Option<u64> {
        self.get(key).map(|value| value.parse().unwrap())
    }
}

fn rules(words: &Words<'_>) -> RuleBook {
    let plain = words.0.iter().filter(|word| !word.contains('='));
    let mut rules = strict_rules(plain.map(|code| currency(code)).collect());
    change_rules(&mut rules, words);
    rules
}

fn change_rules(rules: &mut RuleBook, words: &Words<'_>) {
    if words.get("netting") == Some("floor") {
        rules.netting = NettingMode::FifoFloor;
    }
    if words.get("close") == Some("roll") {
        rules.close = ClosePolicy::Roll;
    }
    rules.cross_at_midpoint = words.get("cross") == Some("midpoint");
    if let Some(kinds) = words.get("two") {
        rules.two_person = kinds.split(',').map(|kind| kind.parse().unwrap()).collect();
    }
    let set = |key, value: &mut u32| {
        *value = words.number(key).map_or(*value, |number| number as u32);
    };
    set("timeout", &mut rules.proposal_timeout_ms);
    set("queue", &mut rules.queue_max);
    set("entries", &mut rules.dedupe_entries_max);
    set("version", &mut rules.version);
    set("unmatched", &mut rules.unmatched_ms);
    set("match", &mut rules.match_ms);
    let days = words.number("days").map_or(rules.warehouse_days_max, |days| days as u16);
    rules.warehouse_days_max = days;
    rules.dedupe_horizon_ms = words.number("horizon").unwrap_or(rules.dedupe_horizon_ms);
}

/// `09:30`, `09:30:15`, `09:30:15.250`, or with days ahead: `1+09:30`.
fn instant(text: &str) -> u64 {
    let (days, time) = text.split_once('+').unwrap_or(("0", text));
    let (time, ms) = time.split_once('.').unwrap_or((time, "0"));
    let parts: Vec<u64> = time.split(':').map(|part| part.parse().unwrap()).collect();
    let seconds = parts[0] * 3600 + parts[1] * 60 + parts.get(2).unwrap_or(&0);
    DAY_MS + days.parse::<u64>().unwrap() * 86_400_000 + seconds * 1000 + ms.parse::<u64>().unwrap()
}

fn who(name: &str) -> ParticipantId {
    match name {
        "olga" => OPERATOR,
        "otto" => SECOND,
        "agent" => AGENT,
        "regulator" => REGULATOR,
        "lp1" => LP1,
        "lp2" => LP2,
        "nobody" => ParticipantId(999),
        _ => bank(u32::from(name.as_bytes()[0] - b'A')),
    }
}

fn minor(amount: &str, code: &str) -> u64 {
    Amount::parse(amount, currency(code)).unwrap().minor()
}

fn date(text: &str) -> ValueDate {
    ValueDate::new(text.parse().unwrap()).unwrap()
}

/// An order as far as it has terms.
fn bare(number: u64, words: &Words<'_>) -> OrderHeader {
    let (from, to) = words.0[1].split_once('>').unwrap();
    let mut made = order(number, 0, 1, minor(words.0[2], words.0[3]), words.0[3]);
    (made.sender, made.receiver) = (who(from), who(to));
    made.value_date = words.get("date").map_or(made.value_date, date);
    if words.flag("cover") {
        made.kind = MessageKind::Cover;
    }
    fx::exchange(&mut made, words);
    made
}

impl Script {
    /// Numbers all payments and learns who is in which link group.
    fn plan(&mut self, text: &str) {
        let lines = text.lines().filter_map(word_and_rest);
        for (_, rest) in lines.filter(|(word, _)| matches!(*word, "pay" | "order" | "plan")) {
            let words = Words::of(rest.split("=>").next().unwrap());
            let next = self.numbers.len() as u64 + 1;
            let number = *self.numbers.entry(words.0[0].to_owned()).or_insert(next);
            self.kinds.insert(words.0[0].to_owned(), bare(number, &words).kind);
            if let Some(group) = words.get("group").filter(|_| !words.flag("stranger")) {
                let (name, _) = group.split_once('/').unwrap();
                let terms = LinkTerms::from(&bare(number, &words));
                self.groups.entry(name.to_owned()).or_default().insert(terms);
            }
        }
    }

    fn link(&self, group: &str) -> ([u8; 16], u8) {
        let (name, size) = group.split_once('/').unwrap();
        let members: Vec<LinkTerms> = self.groups[name].iter().copied().collect();
        (link_group(&members), size.parse().unwrap())
    }

    fn new(text: &str) -> Self {
        Self {
            desk: Desk::new(rules(&Words::of(text)), 4),
            groups: BTreeMap::new(),
            numbers: BTreeMap::new(),
            kinds: BTreeMap::new(),
            places: BTreeMap::new(),
            names: BTreeMap::new(),
            gathered: Vec::new(),
            met: BTreeSet::new(),
        }
    }

    fn line(&mut self, at: &str, word: &str, rest: &str) {
        let (action, expected) = rest.split_once("=>").unwrap_or((rest, "ok"));
        let words = Words::of(action);
        let (result, events) = expected.split_once(';').unwrap_or((expected, ""));
        match word {
            "at" => self.desk.time_ms = instant(action.trim()),
            "balance" => {
                let expected = parse_balance(words.0[2], words.0[1]);
                assert_eq!(self.desk.balance(who(words.0[0]), words.0[1]), expected, "{at}");
            }
            "available" => {
                let account =
                    self.desk.pool.directory().account(who(words.0[0]), currency(words.0[1]));
                let balance = self.desk.pool.balance(account.unwrap()).unwrap();
                let left = balance.credits_posted - balance.debits_posted - balance.debits_pending;
                assert_eq!(left, u128::from(minor(words.0[2], words.0[1])), "{at}");
            }
            "rest" => assert!(self.desk.pool.next_tick_at_ms() > Some(self.desk.time_ms), "{at}"),
            "flood" => self.flood(&words),
            "plan" => {}
            "fills" => self.compare_fills(at, &words),
            "taken" => self.compare_taken(at, &words),
            "order" => self.gather(&words, result),
            "pay" => {
                self.gather(&words, result);
                self.hand_in(at, events);
            }
            _ => {
                let outcome = self.step(word, &words);
                self.compare(at, &told(&outcome), result.trim());
                self.compare_events(at, &outcome, events);
                self.met.extend(outcome.reject);
            }
        }
    }

    fn compare(&self, at: &str, found: &str, expected: &str) {
        assert_eq!(found, expected, "{at}");
    }

    fn gather(&mut self, words: &Words<'_>, result: &str) {
        let name = words.0[0].to_owned();
        let mut made = bare(self.numbers[&name], words);
        made.urgent = words.flag("urgent");
        made.class = words.number("class").map_or(2, |class| class as u8);
        made.created_at_ms = words.get("created").map_or(self.desk.time_ms, instant);
        made.not_before_ms = words.get("from").map_or(0, instant);
        made.not_after_ms = words.get("until").map_or(0, instant);
        made.link = words.get("group").map(|group| self.link(group));
        self.gathered.push((name, made, result.trim().to_owned()));
    }

    /// Hands in so many orders that are sure to be queued.
    fn flood(&mut self, words: &Words<'_>) {
        let count: u64 = words.0[1].parse().unwrap();
        let orders: Vec<OrderHeader> = (0..count)
            .map(|index| OrderHeader {
                created_at_ms: self.desk.time_ms,
                ..order(self.desk.time_ms * 10_000 + index, 0, 1, 1, words.0[2])
            })
            .collect();
        let outcome = self.desk.submit(&orders);
        assert!(outcome.rulings.iter().all(|ruled| ruled.ruling == Ruling::Queued));
    }

    fn hand_in(&mut self, at: &str, events: &str) {
        let gathered = std::mem::take(&mut self.gathered);
        let orders: Vec<OrderHeader> = gathered.iter().map(|(_, order, _)| *order).collect();
        let outcome = self.desk.submit(&orders);
        for ((name, _, expected), ruled) in gathered.iter().zip(&outcome.rulings) {
            self.met.extend(ruled.reason);
            if accepted(ruled) {
                self.places.insert(name.clone(), ruled.place);
                self.names.insert(ruled.place, name.clone());
            }
            self.compare(&format!("{at} ({name})"), &ruling(ruled), expected);
        }
        self.compare_events(at, &outcome, events);
    }

    fn compare_events(&mut self, at: &str, outcome: &Outcome, expected: &str) {
        let mut found = Vec::new();
        for change in &outcome.changes {
            self.met.extend(change.reason);
            let reason =
                change.reason.map_or(String::new(), |reason| format!(" {}", reason.code()));
            found.push(format!("{} {}{reason}", self.names[&change.place], state(change.state)));
        }
        for batch in [&outcome.sealed_before, &outcome.sealed].into_iter().flatten() {
            let payments = batch.transfers.iter().filter(|it| it.kind == TransferKind::Payment);
            found.extend(payments.map(|it| format!("{} settled", self.names[&it.place])));
        }
        let expected: Vec<&str> =
            expected.split(',').map(str::trim).filter(|event| !event.is_empty()).collect();
        assert_eq!(found, expected, "{at}");
    }

    fn step(&mut self, word: &str, words: &Words<'_>) -> Outcome {
        match word {
            "tick" => self.desk.tick(0),
            "cycle" if words.0.is_empty() => self.desk.cycle(),
            "cycle" => self.desk.tick(words.0[0].parse().unwrap()),
            "settle" => {
                let cycle = words.number("cycle").unwrap_or(self.desk.pool.status().cycle - 1);
                let names = words.0.iter().filter(|word| !word.contains('='));
                let mut places: Vec<Place> = names.map(|name| self.places[*name]).collect();
                places.sort_unstable();
                self.desk.settle(cycle, &places)
            }
            _ => self.give(word, words),
        }
    }

    /// Gives a command, by default as the one whose business it is, issued now.
    fn give(&mut self, word: &str, words: &Words<'_>) -> Outcome {
        let (maker, body) = self.body(word, words);
        let request_id = match words.number("request") {
            Some(number) => RequestId((u128::from(number) << 64).to_be_bytes()),
            None => self.desk.request_id(),
        };
        let maker = words.get("by").map_or(maker, who);
        let issued_at_ms = words.get("issued").map_or(self.desk.time_ms, instant);
        let command = Command { pool: POOL, request_id, maker, issued_at_ms, body };
        self.desk.signed(&command, words.get("with").map(who))
    }

    fn body(&mut self, word: &str, words: &Words<'_>) -> (ParticipantId, CommandBody) {
        let first = words.0.first().copied().unwrap_or("");
        let amount = || Amount::parse(words.0[1], currency(words.0[2])).unwrap();
        let limit = |text: &str, code| (text != "none").then(|| minor(text, code));
        let body = match word {
            "join" => {
                let id = ParticipantId(words.number("id").unwrap() as u32);
                CommandBody::AddParticipant(participant(id, Role::Bank, first))
            }
            "suspend" => {
                CommandBody::SetStatus { participant: who(first), status: Status::Suspended }
            }
            "readmit" => CommandBody::SetStatus { participant: who(first), status: Status::Active },
            "account" | "line" => {
                let (participant, code) = (who(first), words.0[1]);
                let credit_line = words.get("line").map_or(0, |line| minor(line, code));
                if word == "account" {
                    CommandBody::OpenAccount { participant, currency: currency(code), credit_line }
                } else {
                    CommandBody::SetCreditLine {
                        participant,
                        currency: currency(code),
                        credit_line,
                    }
                }
            }
            "fund" => {
                let pay_in = u128::from(words.number("ref").unwrap()).to_be_bytes();
                let body = CommandBody::Fund { participant: who(first), amount: amount(), pay_in };
                return (AGENT, body);
            }
            "quote" => return fx::quotes(words, self.desk.time_ms),
            "defund" => return (who(first), CommandBody::Defund { amount: amount() }),
            "paid-out" | "not-paid-out" => {
                let defund = RequestId((first.parse::<u128>().unwrap() << 64).to_be_bytes());
                return (AGENT, CommandBody::ConfirmDefund { defund, made: word == "paid-out" });
            }
            "limit" => {
                let (code, value) = (words.0[1], words.0[2]);
                let currency = currency(code);
                let body = match first.split_once('>') {
                    Some((_, counterparty)) => CommandBody::SetBilateralLimit {
                        counterparty: who(counterparty),
                        currency,
                        limit: limit(value, code),
                    },
                    None => {
                        CommandBody::SetMultilateralLimit { currency, limit: limit(value, code) }
                    }
                };
                return (who(first), body);
            }
            "cancel" => {
                let number = self.numbers.get(words.0[1]).copied().unwrap_or(0);
                let uetr = crate::desk::uetr(number);
                let kind = self.kinds.get(words.0[1]).copied();
                let kind = kind.unwrap_or(MessageKind::CustomerTransfer);
                return (who(first), CommandBody::Cancel { uetr, kind });
            }
            _ => operators(word, first, words),
        };
        (OPERATOR, body)
    }
}

fn operators(word: &str, first: &str, words: &Words<'_>) -> CommandBody {
    let currency = || currency(first);
    let cut_off_at_ms = || instant(words.get("cut").unwrap());
    let closes_at_ms = || instant(words.get("close").unwrap());
    match word {
        "cap" => {
            let (code, value) = (words.0[1], words.0[2]);
            let cap = (value != "none").then(|| minor(value, code));
            let currency = crate::desk::currency(code);
            CommandBody::SetDebitCap { participant: who(first), currency, cap }
        }
        "velocity" => {
            let (participant, window_ms) = (who(first), words.number("window").unwrap());
            let (currency, most) = match words.get("value") {
                None => (None, words.number("orders").unwrap()),
                Some(value) => {
                    let code = words.0[1];
                    (Some(crate::desk::currency(code)), minor(value, code))
                }
            };
            CommandBody::SetVelocity { participant, currency, window_ms, most }
        }
        "open" => CommandBody::OpenDay {
            currency: currency(),
            date: date(words.0[1]),
            cut_off_at_ms: cut_off_at_ms(),
            closes_at_ms: closes_at_ms(),
        },
        "cut-off" => CommandBody::CutOff { currency: currency() },
        "extend" => CommandBody::ExtendDay {
            currency: currency(),
            cut_off_at_ms: cut_off_at_ms(),
            closes_at_ms: closes_at_ms(),
        },
        "close" => CommandBody::CloseDay { currency: currency() },
        "rules" => CommandBody::SetRules(rules(words)),
        "confirm-time" => CommandBody::ConfirmTime { until_ms: instant(first) },
        "run-cycle" => CommandBody::RunCycle,
        other => panic!("no such step: {other}"),
    }
}

fn parse_balance(text: &str, code: &str) -> i128 {
    match text.strip_prefix('-') {
        Some(below) => -i128::from(minor(below, code)),
        None => i128::from(minor(text, code)),
    }
}

fn accepted(ruled: &Ruled) -> bool {
    !ruled.replayed && !matches!(ruled.ruling, Ruling::Rejected | Ruling::Refused)
}

fn told(outcome: &Outcome) -> String {
    let again = if outcome.replayed { "again " } else { "" };
    let cut = if outcome.cut.is_some() { " cut" } else { "" };
    format!("{again}{}{cut}", outcome.reject.map_or("ok", Reject::code))
}

fn ruling(ruled: &Ruled) -> String {
    let again = if ruled.replayed { "again " } else { "" };
    let word = match ruled.ruling {
        Ruling::Queued => "queued",
        Ruling::Settled => "settled",
        Ruling::Warehoused => "warehoused",
        Ruling::AwaitingGroup => "awaits its group",
        Ruling::Rejected => "rejected",
        Ruling::Refused => "refused",
        Ruling::AwaitingMatch => "awaits its match",
        Ruling::Matched => "matched",
        Ruling::Held => "held",
    };
    let reason = ruled.reason.map_or(String::new(), |reason| format!(" {}", reason.code()));
    format!("{again}{word}{reason}")
}

fn state(state: PaymentState) -> &'static str {
    match state {
        PaymentState::Queued => "queued",
        PaymentState::Settled => "settled",
        PaymentState::Warehoused => "warehoused",
        PaymentState::AwaitingGroup => "awaits its group",
        PaymentState::Rejected => "rejected",
        PaymentState::Cancelled => "cancelled",
        PaymentState::Expired => "expired",
        PaymentState::AwaitingMatch => "awaits its match",
        PaymentState::Matched => "matched",
        PaymentState::Held => "held",
    }
}
