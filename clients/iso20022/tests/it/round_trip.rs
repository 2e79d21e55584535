//! Whatever is composed is read back the same, in both editions, with and without a header.

use iso20022::{
    Account, AccountNotification, Actor, Address, Agent, Bic, Body, BookedPayment, Charge,
    ChargeBearer, Coded, CreditTransfer, Date, Direction, Edition, Entry, ErrorKind, Form, Header,
    Message, Notification, Party, PartyId, Priority, Profile, RegulatoryReport, SettlementMethod,
    Status, StatusReport, Transfer, TransferStatus, Uetr, Underlying,
};
use ledger::{Amount, Currency};
use proptest::collection::vec;
use proptest::option::of;
use proptest::prelude::*;
use proptest::sample::select;

const CREATED_AT: &str = "2026-11-23T08:15:00.250+01:00";

/// Texts with everything that XML must escape or would change.
fn text(max: usize) -> impl Strategy<Value = String> {
    let characters: Vec<char> = "abcXYZ019 -/?:().,'+&<>\"\t\r\n;äßøж漢🏦".chars().collect();
    vec(select(characters), 1..=max).prop_map(String::from_iter)
}

/// Identifiers that CBPR+ takes.
fn id() -> impl Strategy<Value = String> {
    "[A-Z0-9]([A-Z0-9-]{0,14})"
}

fn bic() -> impl Strategy<Value = Bic> {
    "[A-Z0-9]{4}[A-Z]{2}[A-Z0-9]{2}([A-Z0-9]{3})?".prop_map(|text| Bic::parse(&text).unwrap())
}

fn uetr() -> impl Strategy<Value = Uetr> {
    any::<[u8; 16]>().prop_map(|mut bytes| {
        bytes[6] = bytes[6] & 0x0f | 0x40;
        bytes[8] = bytes[8] & 0x3f | 0x80;
        Uetr::from_bytes(bytes).unwrap()
    })
}

fn date() -> impl Strategy<Value = Date> {
    (2000_u32..2100, 1_u32..=12, 1_u32..=28)
        .prop_map(|(y, m, d)| Date::from_yyyymmdd(y * 10_000 + m * 100 + d).unwrap())
}

fn amount() -> impl Strategy<Value = Amount> {
    (1_u64..=ledger::MINOR_MAX, select(vec!["EUR", "JPY", "KWD", "CLF", "USD"]))
        .prop_map(|(minor, code)| Amount::new(minor, Currency::parse(code).unwrap()).unwrap())
}

fn coded() -> impl Strategy<Value = Coded> {
    prop_oneof!["[A-Z]{4}".prop_map(Coded::Code), text(35).prop_map(Coded::Proprietary)]
}

fn address() -> impl Strategy<Value = Address> {
    let country = of("[A-Z]{2}");
    (of(text(70)), of(text(16)), of(text(16)), of(text(35)), country, vec(text(70), 0..=7))
        .prop_map(|(street, building, post_code, town, country, lines)| Address {
            street,
            building,
            post_code,
            town,
            country,
            lines,
        })
}

fn agent() -> impl Strategy<Value = Agent> {
    let lei = of(Just("CAUSEWAYEXAMPLE00115".to_owned()));
    (bic(), of(text(35)), lei, of(text(140)), of(address())).prop_map(
        |(bic, clearing_member, lei, name, address)| Agent {
            bic: Some(bic),
            clearing_member,
            lei,
            name,
            address,
        },
    )
}

fn party() -> impl Strategy<Value = Party> {
    let organisation = (of(bic()), vec(text(35), 0..3))
        .prop_map(|(bic, others)| PartyId::Organisation { bic, lei: None, others });
    let person = vec(text(35), 0..3).prop_map(|others| PartyId::Person { others });
    (of(text(140)), of(address()), of(prop_oneof![organisation, person]), of("[A-Z]{2}"))
        .prop_map(|(name, address, id, residence)| Party { name, address, id, residence })
}

fn account() -> impl Strategy<Value = Account> {
    let iban = Just(Account::Iban("GB82WEST12345698765432".to_owned()));
    prop_oneof![iban, text(34).prop_map(Account::Other)]
}

fn actor(form: Form) -> BoxedStrategy<Actor> {
    match form {
        Form::Customer => party().prop_map(Actor::Customer).boxed(),
        Form::Institution | Form::Advice => agent().prop_map(Actor::Institution).boxed(),
    }
}

fn underlying() -> impl Strategy<Value = Underlying> {
    let accounts = (of(account()), of(account()));
    (party(), party(), accounts, agent(), agent(), vec(text(140), 0..3), of(amount())).prop_map(
        |(debtor, creditor, accounts, debtor_agent, creditor_agent, remittance, amount)| {
            Underlying {
                debtor,
                debtor_account: accounts.0,
                debtor_agent,
                creditor_agent,
                creditor,
                creditor_account: accounts.1,
                remittance,
                instructed_amount: amount,
            }
        },
    )
}

/// What both forms have.
fn plain_transfer(form: Form) -> impl Strategy<Value = Transfer> {
    let ids = (id(), text(35), of(text(35)), uetr());
    let terms = (any::<bool>(), amount(), date(), vec(text(140), 0..3), of(coded()));
    let agents = (agent(), agent(), vec(agent(), 0..=3), agent(), agent());
    let actors = (actor(form), of(account()), actor(form), of(account()));
    (ids, terms, agents, actors).prop_map(|(ids, terms, agents, actors)| Transfer {
        instruction_id: Some(ids.0),
        end_to_end_id: ids.1,
        transaction_id: ids.2,
        uetr: Some(ids.3),
        priority: if terms.0 { Priority::Urgent } else { Priority::Normal },
        amount: terms.1,
        settlement_date: Some(terms.2),
        instructed_amount: None,
        charge_bearer: None,
        charges: Vec::new(),
        instructing_agent: Some(agents.0),
        instructed_agent: Some(agents.1),
        intermediaries: agents.2,
        debtor: actors.0,
        debtor_account: actors.1,
        debtor_agent: Some(agents.3),
        creditor_agent: Some(agents.4),
        creditor: actors.2,
        creditor_account: actors.3,
        purpose: terms.4,
        regulatory_reports: Vec::new(),
        remittance: terms.3,
        underlying: None,
    })
}

fn report() -> impl Strategy<Value = RegulatoryReport> {
    (of("[A-Z]{2}"), of(text(10)), vec(text(35), 0..3)).prop_map(|(country, code, information)| {
        RegulatoryReport { authority_country: country, code, information }
    })
}

fn customer_transfer() -> impl Strategy<Value = Transfer> {
    let bearers = vec![
        ChargeBearer::Debtor,
        ChargeBearer::Creditor,
        ChargeBearer::Shared,
        ChargeBearer::ServiceLevel,
    ];
    let charge = (amount(), agent()).prop_map(|(amount, agent)| Charge { amount, agent });
    let more = (of(amount()), select(bearers), vec(charge, 0..3), vec(report(), 0..3));
    (plain_transfer(Form::Customer), more).prop_map(|(transfer, more)| Transfer {
        instructed_amount: more.0,
        charge_bearer: Some(more.1),
        charges: more.2,
        regulatory_reports: more.3,
        ..transfer
    })
}

fn transfer(form: Form) -> BoxedStrategy<Transfer> {
    match form {
        Form::Customer => customer_transfer().boxed(),
        Form::Institution => (plain_transfer(form), of(underlying()))
            .prop_map(|(transfer, underlying)| Transfer { underlying, ..transfer })
            .boxed(),
        Form::Advice => plain_transfer(form).boxed(),
    }
}

pub(crate) fn credit_transfer(count: usize) -> impl Strategy<Value = Body> {
    let methods = vec![
        SettlementMethod::InstructedAgent,
        SettlementMethod::InstructingAgent,
        SettlementMethod::Cover,
        SettlementMethod::Clearing,
    ];
    select(vec![Form::Customer, Form::Institution, Form::Advice])
        .prop_flat_map(move |form| {
            (Just(form), text(35), select(methods.clone()), vec(transfer(form), 1..=count))
        })
        .prop_map(|(form, message_id, settlement_method, transfers)| {
            Body::CreditTransfer(CreditTransfer {
                form,
                message_id,
                created_at: CREATED_AT.to_owned(),
                settlement_method,
                transfers,
            })
        })
}

fn transfer_status() -> impl Strategy<Value = TransferStatus> {
    let ids = (of(text(35)), of(text(35)), of(text(35)), of(uetr()));
    let status = prop_oneof![
        Just(Status::InProcess),
        Just(Status::Settled),
        Just(Status::Rejected),
        Just(Status::Other("PDNG".to_owned()))
    ];
    let rest = (status, coded(), vec(text(105), 0..3), of(date()), of(agent()), of(agent()));
    (text(35), ids, rest).prop_map(|(message_id, ids, rest)| TransferStatus {
        original_message_id: Some(message_id),
        original_message_name: Some("pacs.008.001.08".to_owned()),
        original_instruction_id: ids.0,
        original_end_to_end_id: ids.1,
        original_transaction_id: ids.2,
        uetr: ids.3,
        status: rest.0,
        reason: Some(rest.1),
        information: rest.2,
        settlement_date: rest.3,
        instructing_agent: rest.4,
        instructed_agent: rest.5,
    })
}

fn status_report(count: usize) -> impl Strategy<Value = Body> {
    (text(35), vec(transfer_status(), 0..=count)).prop_map(|(message_id, statuses)| {
        Body::StatusReport(StatusReport { message_id, created_at: CREATED_AT.to_owned(), statuses })
    })
}

fn entry() -> impl Strategy<Value = Entry> {
    let payment = (of(text(35)), of(text(35)), of(uetr()), of(agent()), of(agent())).prop_map(
        |(message_id, end_to_end_id, uetr, debtor_agent, creditor_agent)| BookedPayment {
            message_id,
            instruction_id: end_to_end_id.clone(),
            end_to_end_id,
            uetr,
            debtor_agent,
            creditor_agent,
            remittance: Vec::new(),
        },
    );
    let direction = select(vec![Direction::Credit, Direction::Debit]);
    (of(text(35)), amount(), direction, of(date()), of(date()), vec(payment, 0..3)).prop_map(
        |(reference, amount, direction, booking_date, value_date, payments)| Entry {
            reference,
            amount,
            direction,
            booking_date,
            value_date,
            payments,
        },
    )
}

fn notification() -> impl Strategy<Value = Body> {
    let of_account =
        (text(35), account(), vec(entry(), 0..3)).prop_map(|(id, account, entries)| {
            AccountNotification { id, account: Some(account), entries }
        });
    (text(35), vec(of_account, 1..3)).prop_map(|(message_id, accounts)| {
        Body::Notification(Notification { message_id, created_at: CREATED_AT.to_owned(), accounts })
    })
}

pub(crate) fn edition() -> impl Strategy<Value = Edition> {
    select(vec![Edition::E2019, Edition::E2024])
}

/// The agents that the header of a body must name.
fn addresses(body: &Body) -> (Bic, Bic) {
    let (from, to) = match body {
        Body::CreditTransfer(body) => {
            (&body.transfers[0].instructing_agent, &body.transfers[0].instructed_agent)
        }
        Body::StatusReport(StatusReport { statuses, .. }) if !statuses.is_empty() => {
            (&statuses[0].instructing_agent, &statuses[0].instructed_agent)
        }
        Body::StatusReport(_) | Body::Notification(_) => (&None, &None),
    };
    let of_agent = |agent: &Option<Agent>| agent.as_ref().and_then(|agent| agent.bic);
    let any = Bic::parse("ANYBXX2A").unwrap();
    (of_agent(from).unwrap_or(any), of_agent(to).unwrap_or(any))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn without_a_header(
        body in prop_oneof![credit_transfer(3), status_report(3), notification()],
        edition in edition(),
    ) {
        // Nothing but the header says that a pacs.009 is an advice.
        let advice = matches!(&body, Body::CreditTransfer(body) if body.form == Form::Advice);
        let message = Message::compose(&body, edition, None).unwrap();
        prop_assert_eq!(message.edition(), edition);
        prop_assert!(advice || message.body() == &body);
        let again = Message::read(message.to_xml().as_bytes(), Profile::Plain).unwrap();
        prop_assert_eq!(again.bytes(), message.bytes());
    }

    #[test]
    fn with_a_header(
        body in prop_oneof![credit_transfer(1), status_report(1), notification()],
        edition in edition(),
    ) {
        let (from, to) = addresses(&body);
        let header = Header::of(&body, edition, from, to);
        let message = Message::compose(&body, edition, Some(&header)).unwrap();
        prop_assert_eq!(message.body(), &body);
        prop_assert_eq!(message.header(), Some(&header));
        if let Body::CreditTransfer(body) = &body {
            let routing = message.routings().unwrap()[0];
            prop_assert_eq!(routing.amount, body.transfers[0].amount);
            prop_assert_eq!((routing.instructing_agent, routing.instructed_agent), (from, to));
            let announced = body.form == Form::Advice
                || body.settlement_method == SettlementMethod::Cover;
            prop_assert_eq!(routing.moves_money, !announced);
        }
        // An answer to every transfer can be sent, too.
        let statuses = message.statuses(&Status::Settled, None);
        let answer = Body::StatusReport(StatusReport {
            message_id: "ANSWER".to_owned(),
            created_at: CREATED_AT.to_owned(),
            statuses,
        });
        let header = Header::of(&answer, edition, to, from);
        let answer_message = Message::compose(&answer, edition, Some(&header)).unwrap();
        prop_assert_eq!(answer_message.body(), &answer);
    }
}

#[test]
fn what_does_not_fit_is_not_composed() {
    let report = |message_id: &str| {
        Body::StatusReport(StatusReport {
            message_id: message_id.to_owned(),
            created_at: CREATED_AT.to_owned(),
            statuses: Vec::new(),
        })
    };
    let compose = |id: &str| Message::compose(&report(id), Edition::E2019, None);
    assert!(compose(&"x".repeat(35)).is_ok());
    let error = compose(&"x".repeat(36)).unwrap_err();
    assert_eq!(error.path(), "/Document/FIToFIPmtStsRpt/GrpHdr/MsgId");
    assert_eq!(compose("\u{1b}[31m").unwrap_err().kind(), ErrorKind::Character);
}
