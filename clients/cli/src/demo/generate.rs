//! Makes the messages of the demonstration's day. The files are kept in the repository; this is how
//! they came to be, and checks that they still are what it makes.

mod customers;

use std::fmt::Write as _;
use std::path::Path;

use iso20022::{
    Actor, Agent, Bic, Body, ChargeBearer, Coded, CreditTransfer, Date, Edition, Form, Header,
    Message, Priority, SettlementMethod, Transfer, Uetr, Underlying,
};
use ledger::{Amount, Currency};

use self::customers::{Customer, customer};
use super::banks::{Bank, cast};
use super::random::Random;

/// Messages of the day.
const COUNT: u32 = 330;
/// The day.
const DAY: &str = "2026-03-02";
/// A bank that does not take part.
const STRANGER: &str = "NEWBAU2S";

struct Generator {
    random: Random,
    banks: Vec<Bank>,
    /// The rest of a ring that has begun.
    ring: Vec<Leg>,
}

/// What one message is about.
struct Case {
    number: u32,
    leg: Leg,
    /// Of a customer; of an institution otherwise.
    customer: bool,
    cover: bool,
}

/// From whom to whom, how much, when.
#[derive(Clone, Copy)]
struct Leg {
    from: usize,
    to: usize,
    currency: Currency,
    /// Whole units of the currency.
    major: u64,
    /// Minutes after midnight, UTC.
    minute: u64,
}

#[test]
fn the_files_are_what_the_generator_makes() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/demo/day");
    let banks = cast().unwrap().banks;
    let mut generator =
        Generator { random: Random::new(20_260_302), banks: banks.clone(), ring: Vec::new() };
    let mut files = vec![String::new(); banks.len()];
    let mut messages: Vec<(u64, usize, String)> =
        (0..COUNT).map(|number| generator.message(number)).collect();
    messages.sort_by_key(|(minute, ..)| *minute);
    for (_, from, xml) in messages {
        files[from].push_str(&xml);
    }
    for (bank, text) in banks.iter().zip(files) {
        let path = dir.join(format!("{}.xml", bank.bic));
        // CAUSEWAY_DEMO_FILES=write makes them anew.
        if std::env::var_os("CAUSEWAY_DEMO_FILES").is_some_and(|how| how == "write") {
            std::fs::write(&path, &text).unwrap();
        }
        let kept = std::fs::read_to_string(&path).unwrap();
        assert!(kept == text, "{} is not what the generator makes", path.display());
    }
}

impl Generator {
    /// The message of a number: when it is sent, by which bank, its XML.
    fn message(&mut self, number: u32) -> (u64, usize, String) {
        let case = self.case(number);
        let body = Body::CreditTransfer(self.credit_transfer(&case));
        let (from, to) = (self.bic(case.leg.from), self.receiver(&case));
        let header = Header::of(&body, Edition::E2019, from, to);
        let message = Message::compose(&body, Edition::E2019, Some(&header)).unwrap();
        let mut xml = String::new();
        for line in message.to_xml().lines() {
            // Without indentation: half the size.
            writeln!(xml, "{}", line.trim_start()).unwrap();
        }
        (case.leg.minute, case.leg.from, xml)
    }

    /// Customers pay whom they like. Institutions pay in rings, about as much as they are paid: so
    /// it is between them over a day, and so there is something to net.
    fn case(&mut self, number: u32) -> Case {
        if self.ring.is_empty() && self.random.percent(88) {
            return Case { number, leg: self.customer_leg(number), customer: true, cover: false };
        }
        if self.ring.is_empty() {
            self.ring = self.new_ring();
        }
        let leg = self.ring.pop().unwrap();
        Case { number, leg, customer: false, cover: self.random.percent(30) }
    }

    fn customer_leg(&mut self, number: u32) -> Leg {
        let currency = self.currency();
        let banks = self.members(currency, 2);
        let yen = if currency.as_str() == "JPY" { 150 } else { 1 };
        let scale = match self.random.below(100) {
            0..55 => 100,
            55..90 => 2_500,
            _ => 60_000,
        };
        // Yen leave before Tokyo closes, nearly all of them.
        let window = if yen > 1 && !number.is_multiple_of(4) { 140 } else { 540 };
        Leg {
            from: banks[0],
            to: banks[1],
            currency,
            major: scale * (20 + self.random.below(80)) / 10 * yen,
            minute: 405 + self.random.below(window),
        }
    }

    /// Three or four banks of which each pays the next, between two sessions.
    fn new_ring(&mut self) -> Vec<Leg> {
        let currency = self.currency();
        let (yen, sessions) = if currency.as_str() == "JPY" { (150, 1) } else { (1, 5) };
        let count = 3 + usize::from(self.random.percent(40));
        let banks = self.members(currency, count);
        let scale = if self.random.percent(40) { 1_200_000 } else { 150_000 };
        let base = scale * (20 + self.random.below(80)) / 10;
        let from = match self.random.below(sessions) {
            0 => 405,
            later => 360 + later * 120,
        };
        let leg = |at: usize, random: &mut Random| Leg {
            from: banks[at],
            to: banks[(at + 1) % banks.len()],
            currency,
            major: base * (95 + random.below(11)) / 100_000 * 1_000 * yen,
            minute: from + 1 + random.below(70),
        };
        (0..banks.len()).map(|at| leg(at, &mut self.random)).collect()
    }

    /// A currency, the larger ones more often.
    fn currency(&mut self) -> Currency {
        let code = match self.random.below(100) {
            0..38 => "EUR",
            38..70 => "USD",
            70..84 => "GBP",
            84..93 => "JPY",
            _ => "CHF",
        };
        Currency::parse(code).unwrap()
    }

    /// Different banks with an account in the currency, as many as there are up to `count`.
    fn members(&mut self, currency: Currency, count: usize) -> Vec<usize> {
        let has = |bank: &Bank| bank.currencies().any(|other| other == currency);
        let count = count.min(self.banks.iter().filter(|bank| has(bank)).count());
        let mut members = Vec::new();
        while members.len() < count {
            let bank = self.bank();
            if has(&self.banks[bank]) && !members.contains(&bank) {
                members.push(bank);
            }
        }
        members
    }

    /// A bank, the larger ones more often.
    fn bank(&mut self) -> usize {
        let total = self.banks.iter().map(|bank| bank.share).sum();
        let mut left = self.random.below(total);
        for (at, bank) in self.banks.iter().enumerate() {
            match left.checked_sub(bank.share) {
                None => return at,
                Some(rest) => left = rest,
            }
        }
        unreachable!("the shares add up")
    }

    fn bic(&self, bank: usize) -> Bic {
        Bic::parse(&self.banks[bank].bic).unwrap()
    }

    /// Who is paid: now and then a bank that does not take part.
    fn receiver(&self, case: &Case) -> Bic {
        match case.number % 53 {
            17 if case.customer => Bic::parse(STRANGER).unwrap(),
            _ => self.bic(case.leg.to),
        }
    }

    fn credit_transfer(&mut self, case: &Case) -> CreditTransfer {
        let bic = &self.banks[case.leg.from].bic[..4];
        let (hour, minute) = (case.leg.minute / 60, case.leg.minute % 60);
        CreditTransfer {
            form: if case.customer { Form::Customer } else { Form::Institution },
            message_id: format!("{bic}260302{:06}", case.number),
            created_at: format!("{DAY}T{hour:02}:{minute:02}:00+00:00"),
            settlement_method: SettlementMethod::InstructedAgent,
            transfers: vec![self.transfer(case)],
        }
    }

    fn transfer(&mut self, case: &Case) -> Transfer {
        let (from, to) =
            (Agent::of_bic(self.bic(case.leg.from)), Agent::of_bic(self.receiver(case)));
        let payer = customer(&mut self.random, &self.banks[case.leg.from]);
        let payee = customer(&mut self.random, &self.banks[case.leg.to]);
        let customers = case.customer;
        let amount = self.amount(case);
        let invoice = 10_000 + self.random.below(90_000);
        let purposes = ["SUPP", "TRAD", "GDDS", "SALA", "INTC"];
        let purpose = purposes[self.random.below(5) as usize].to_owned();
        let remittance = vec![format!("Invoice {invoice} of 2026-02")];
        Transfer {
            instruction_id: Some(format!("I{:09}", case.number)),
            end_to_end_id: format!("E{invoice}-{:04}", case.number),
            transaction_id: None,
            uetr: Some(self.uetr()),
            priority: self.priority(case),
            amount,
            settlement_date: Some(value_date(case)),
            instructed_amount: None,
            charge_bearer: customers.then_some(ChargeBearer::Shared),
            charges: Vec::new(),
            instructing_agent: Some(from.clone()),
            instructed_agent: Some(to.clone()),
            intermediaries: Vec::new(),
            debtor: if customers {
                Actor::Customer(payer.party.clone())
            } else {
                Actor::Institution(from.clone())
            },
            debtor_account: customers.then(|| payer.account.clone()),
            debtor_agent: customers.then(|| from.clone()),
            creditor_agent: customers.then(|| to.clone()),
            creditor: if customers {
                Actor::Customer(payee.party.clone())
            } else {
                Actor::Institution(to.clone())
            },
            creditor_account: customers.then(|| payee.account.clone()),
            purpose: customers.then_some(Coded::Code(purpose)),
            regulatory_reports: Vec::new(),
            remittance: if customers { remittance.clone() } else { Vec::new() },
            underlying: case
                .cover
                .then(|| underlying((payer, from), (payee, to), remittance, amount)),
        }
    }

    fn uetr(&mut self) -> Uetr {
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&self.random.next().to_be_bytes());
        bytes[8..].copy_from_slice(&self.random.next().to_be_bytes());
        bytes[6] = bytes[6] & 0x0f | 0x40;
        bytes[8] = bytes[8] & 0x3f | 0x80;
        Uetr::from_bytes(bytes).unwrap()
    }

    fn priority(&mut self, case: &Case) -> Priority {
        let urgent = self.random.percent(if case.customer { 5 } else { 15 });
        if urgent { Priority::Urgent } else { Priority::Normal }
    }

    /// Customers pay invoices, institutions round sums.
    fn amount(&mut self, case: &Case) -> Amount {
        let cent = 10_u64.pow(case.leg.currency.digits().into());
        let minor = if case.customer { self.random.below(cent) } else { 0 };
        Amount::new(case.leg.major * cent + minor, case.leg.currency).unwrap()
    }
}

/// Nearly always the day itself; a few later, a few too late.
fn value_date(case: &Case) -> Date {
    let day = match case.number % 45 {
        7 | 22 if case.customer => 20_260_303,
        40 if case.customer => 20_260_227,
        _ => 20_260_302,
    };
    Date::from_yyyymmdd(day).unwrap()
}

fn underlying(
    (payer, from): (Customer, Agent),
    (payee, to): (Customer, Agent),
    remittance: Vec<String>,
    amount: Amount,
) -> Underlying {
    Underlying {
        debtor: payer.party,
        debtor_account: Some(payer.account),
        debtor_agent: from,
        creditor_agent: to,
        creditor: payee.party,
        creditor_account: Some(payee.account),
        remittance,
        instructed_amount: Some(amount),
    }
}
