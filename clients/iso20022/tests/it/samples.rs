//! Our own messages, read and looked into.

use iso20022::{
    Account, Actor, Bic, Body, Coded, CreditTransfer, Direction, Edition, Form, Kind, Message,
    MessageType, Notification, Profile, Routing, SettlementMethod, Status, StatusReport,
};
use ledger::Amount;

pub(crate) const CUSTOMER: &str = include_str!("data/pacs008_cbpr.xml");
pub(crate) const BATCH: &str = include_str!("data/pacs008_batch.xml");
pub(crate) const COVER: &str = include_str!("data/pacs009_cover.xml");
pub(crate) const ADVICE: &str = include_str!("data/pacs009_advice.xml");
pub(crate) const REJECTION: &str = include_str!("data/pacs002_rejection.xml");
pub(crate) const CREDIT: &str = include_str!("data/camt054_credit.xml");

/// Each sample with the strictest profile it follows.
pub(crate) const ALL: [(&str, Profile); 6] = [
    (CUSTOMER, Profile::Cbpr),
    (BATCH, Profile::Plain),
    (COVER, Profile::Cbpr),
    (ADVICE, Profile::Cbpr),
    (REJECTION, Profile::Cbpr),
    (CREDIT, Profile::Plain),
];

fn read(xml: &str, profile: Profile) -> Message {
    Message::read(xml.as_bytes(), profile).unwrap()
}

fn credit_transfer(message: &Message) -> &CreditTransfer {
    match message.body() {
        Body::CreditTransfer(body) => body,
        other => panic!("{other:?}"),
    }
}

fn amount(text: &str) -> Amount {
    Amount::parse_text(text).unwrap()
}

fn bic(text: &str) -> Bic {
    Bic::parse(text).unwrap()
}

#[test]
fn a_customer_transfer_says_who_pays_whom() {
    let message = read(CUSTOMER, Profile::Cbpr);
    assert_eq!(message.message_type(), MessageType::Pacs008);
    assert_eq!(message.edition(), Edition::E2019);
    assert_eq!(message.header().unwrap().from, Some(bic("FJORXX2AXXX")));
    let body = credit_transfer(&message);
    assert_eq!(body.form, Form::Customer);
    assert_eq!(body.message_id, "FJOR-20261123-0001");
    assert_eq!(body.settlement_method, SettlementMethod::Clearing);
    let transfer = &body.transfers[0];
    assert_eq!(transfer.end_to_end_id, "INV-2026-4711");
    assert_eq!(transfer.amount, amount("48250.75 EUR"));
    assert_eq!(transfer.instructed_amount, Some(amount("560000.00 NOK")));
    assert_eq!(transfer.charges[0].amount, amount("12.50 EUR"));
    assert_eq!(transfer.intermediaries[0].bic, Some(bic("RHINXX2C")));
    let Actor::Customer(debtor) = &transfer.debtor else { panic!("{:?}", transfer.debtor) };
    assert_eq!(debtor.name.as_deref(), Some("Smørvik & Datter AS"));
    let Actor::Customer(creditor) = &transfer.creditor else { panic!("{:?}", transfer.creditor) };
    assert_eq!(creditor.address.as_ref().unwrap().town.as_deref(), Some("Zürich"));
    assert_eq!(transfer.debtor_account, Some(Account::Iban("NO9386011117947".to_owned())));
    assert_eq!(transfer.purpose, Some(Coded::Code("SUPP".to_owned())));
    assert_eq!(transfer.regulatory_reports[0].code.as_deref(), Some("14"));
    assert_eq!(transfer.remittance, ["Invoice 2026-4711", "Delivery note 88-12"]);
}

#[test]
fn what_the_model_leaves_out_stays_in_the_tree() {
    let message = read(CUSTOMER, Profile::Cbpr);
    let transfer = message.document_element().get("FIToFICstmrCdtTrf/CdtTrfTxInf").unwrap();
    assert_eq!(transfer.text_at("XchgRate"), Some("0.0861620536"));
    assert_eq!(transfer.text_at("PmtTpInf/SvcLvl/Cd"), Some("G001"));
    assert_eq!(transfer.text_at("Dbtr/Id/OrgId/Othr/SchmeNm/Cd"), Some("TXID"));
    assert_eq!(transfer.get("XchgRate").unwrap().line(), 36);
}

#[test]
fn routing_is_the_open_part_and_the_bytes_as_they_came() {
    let message = read(CUSTOMER, Profile::Cbpr);
    let routing = message.routings().unwrap()[0];
    let expected = Routing {
        kind: Kind::CustomerTransfer,
        moves_money: true,
        uetr: iso20022::Uetr::parse("3f0c2b1e-9a54-4d67-8c21-5b7e0a9d1f42").unwrap(),
        instructing_agent: bic("FJORXX2A"),
        instructed_agent: bic("ALPSXX2B"),
        amount: amount("48250.75 EUR"),
        settlement_date: iso20022::Date::from_yyyymmdd(20_261_123).unwrap(),
        urgent: true,
        payload: CUSTOMER.as_bytes(),
    };
    assert_eq!(routing, expected);
}

#[test]
fn the_group_header_speaks_for_transfers_that_do_not() {
    let message = read(BATCH, Profile::Plain);
    assert_eq!(message.edition(), Edition::E2024);
    let routings = message.routings().unwrap();
    let dates = routings.iter().map(|r| r.settlement_date.to_yyyymmdd()).collect::<Vec<_>>();
    assert_eq!(dates, [20_261_124, 20_261_125]);
    assert!(routings.iter().all(|routing| routing.instructing_agent == bic("SAKUXX3A")));
    assert_eq!(routings.iter().map(|r| r.urgent).collect::<Vec<_>>(), [false, true]);
}

#[test]
fn a_cover_moves_money_and_an_advice_does_not() {
    let cover = read(COVER, Profile::Cbpr);
    let routing = cover.routings().unwrap()[0];
    assert_eq!((routing.kind, routing.moves_money), (Kind::Cover, true));
    let underlying = credit_transfer(&cover).transfers[0].underlying.as_ref().unwrap();
    assert_eq!(underlying.creditor.name.as_deref(), Some("Straits Bearings Pte Ltd"));
    assert_eq!(underlying.instructed_amount, Some(amount("1000000.00 USD")));

    let advice = read(ADVICE, Profile::Cbpr);
    let routing = advice.routings().unwrap()[0];
    assert_eq!((routing.kind, routing.moves_money), (Kind::Advice, false));
    let Actor::Institution(creditor) = &credit_transfer(&advice).transfers[0].creditor else {
        panic!("a pacs.009 has institutions")
    };
    assert_eq!(creditor.name.as_deref(), Some("Thames Example Bank plc"));
}

#[test]
fn what_settles_elsewhere_moves_no_money() {
    let by_cover = CUSTOMER.replace("CLRG", "COVE");
    assert!(!read(&by_cover, Profile::Cbpr).routings().unwrap()[0].moves_money);
    let copy = CUSTOMER.replace("</CreDt>", "</CreDt><CpyDplct>COPY</CpyDplct>");
    assert!(!read(&copy, Profile::Cbpr).routings().unwrap()[0].moves_money);
    let advice = COVER.replace("swift.cbprplus.cov.02", "example.adv.1");
    assert!(!read(&advice, Profile::Plain).routings().unwrap()[0].moves_money);
}

#[test]
fn a_rejection_says_why() {
    let message = read(REJECTION, Profile::Cbpr);
    let Body::StatusReport(StatusReport { statuses, .. }) = message.body() else {
        panic!("{:?}", message.body())
    };
    assert_eq!(statuses[0].status, Status::Rejected);
    assert_eq!(statuses[0].reason, Some(Coded::Code("AM04".to_owned())));
    assert_eq!(statuses[0].information, ["not covered at the end of the day"]);
    let original = read(CUSTOMER, Profile::Cbpr);
    let mut answer = original.statuses(&Status::Rejected, statuses[0].reason.as_ref());
    answer[0].information.clone_from(&statuses[0].information);
    // The sample writes the agents with the BICs of 8 characters, which are the same.
    assert_eq!(&answer, statuses);
    assert_eq!(message.routings(), Ok(Vec::new()));
}

#[test]
fn a_notification_says_what_came_in() {
    let message = read(CREDIT, Profile::Plain);
    let Body::Notification(Notification { accounts, .. }) = message.body() else {
        panic!("{:?}", message.body())
    };
    let entry = &accounts[0].entries[0];
    assert_eq!((entry.amount, entry.direction), (amount("48250.75 EUR"), Direction::Credit));
    assert_eq!(entry.payments[0].end_to_end_id.as_deref(), Some("INV-2026-4711"));
}

#[test]
fn a_message_read_again_says_the_same() {
    for (xml, profile) in ALL {
        let message = read(xml, profile);
        let again = read(&message.to_xml(), profile);
        assert_eq!(again.document_element(), message.document_element());
        assert_eq!(again.header_element(), message.header_element());
        assert_eq!(again.body(), message.body());
        assert_eq!(again.to_xml(), message.to_xml());
    }
}

#[test]
fn what_is_printed_for_debugging_is_not_private() {
    let message = read(CUSTOMER, Profile::Cbpr);
    let printed = format!("{message:?} {:?}", message.routings().unwrap());
    for private in ["Datter", "NO9386", "Invoice", "Uhrwerk"] {
        assert!(!printed.contains(private), "{private} in {printed}");
    }
}
