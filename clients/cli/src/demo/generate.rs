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
use super::banks::{Bank, banks};
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
}

/// What one message is about.
struct Case {
    number: u32,
    from: usize,
    to: usize,
    currency: Currency,
    form: Form,
    cover: bool,
    /// Minutes after midnight, UTC.
    minute: u64,
}

#[test]
fn the_files_are_what_the_generator_makes() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/demo/day");
    let banks = banks().unwrap();
    let mut generator = Generator { random: Random::new(20_260_302), banks: banks.clone() };
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
        let (from, to) = (self.bic(case.from), self.receiver(&case));
        let header = Header::of(&body, Edition::E2019, from, to);
        let message = Message::compose(&body, Edition::E2019, Some(&header)).unwrap();
        let mut xml = String::new();
        for line in message.to_xml().lines() {
            // Without indentation: half the size.
            writeln!(xml, "{}", line.trim_start()).unwrap();
        }
        (case.minute, case.from, xml)
    }

    fn case(&mut self, number: u32) -> Case {
        let (from, to, currency) = loop {
            let (from, to) = (self.bank(), self.bank());
            let shared: Vec<Currency> = self.banks[from]
                .currencies()
                .filter(|currency| self.banks[to].currencies().any(|other| other == *currency))
                .collect();
            if from != to && !shared.is_empty() {
                break (from, to, shared[self.random.below(shared.len() as u64) as usize]);
            }
        };
        let (form, cover) = match self.random.below(100) {
            0..66 => (Form::Customer, false),
            66..90 => (Form::Institution, false),
            _ => (Form::Institution, true),
        };
        // Yen leave before Tokyo closes, nearly all of them.
        let minute = match currency.as_str() {
            "JPY" if !number.is_multiple_of(9) => 405 + self.random.below(125),
            _ => 405 + self.random.below(540),
        };
        Case { number, from, to, currency, form, cover, minute }
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
        match case.number % 110 {
            54 => Bic::parse(STRANGER).unwrap(),
            _ => self.bic(case.to),
        }
    }

    fn credit_transfer(&mut self, case: &Case) -> CreditTransfer {
        let bic = &self.banks[case.from].bic[..4];
        let (hour, minute) = (case.minute / 60, case.minute % 60);
        CreditTransfer {
            form: case.form,
            message_id: format!("{bic}260302{:06}", case.number),
            created_at: format!("{DAY}T{hour:02}:{minute:02}:00+00:00"),
            settlement_method: SettlementMethod::InstructedAgent,
            transfers: vec![self.transfer(case)],
        }
    }

    fn transfer(&mut self, case: &Case) -> Transfer {
        let (from, to) = (Agent::of_bic(self.bic(case.from)), Agent::of_bic(self.receiver(case)));
        let payer = customer(&mut self.random, &self.banks[case.from]);
        let payee = customer(&mut self.random, &self.banks[case.to]);
        let customers = case.form == Form::Customer;
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
        let urgent = self.random.percent(if case.form == Form::Customer { 5 } else { 18 });
        if urgent { Priority::Urgent } else { Priority::Normal }
    }

    /// Few large amounts, many small ones; institutions pay round sums.
    fn amount(&mut self, case: &Case) -> Amount {
        let customers = case.form == Form::Customer;
        let scale = match (customers, self.random.below(100)) {
            (true, 0..55) => 100,
            (true, 55..90) => 2_500,
            (true, _) => 60_000,
            (false, 0..60) => 150_000,
            (false, _) => 1_200_000,
        };
        let yen = if case.currency.as_str() == "JPY" { 150 } else { 1 };
        let mut major = scale * (20 + self.random.below(80)) / 10 * yen;
        let cent = 10_u64.pow(case.currency.digits().into());
        if !customers {
            major = major / 1_000 * 1_000;
        }
        let minor = if customers { self.random.below(cent) } else { 0 };
        Amount::new(major * cent + minor, case.currency).unwrap()
    }
}

/// Nearly always the day itself; a few later, a few too late.
fn value_date(case: &Case) -> Date {
    let day = match case.number % 97 {
        13 | 61 => 20_260_303,
        40 => 20_260_227,
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
