//! Commands against a node of their own.

use std::fs;

use crate::started::{Node, instant};

/// A payment of a bank to another, made now.
pub(crate) fn message(uetr: &str, from: &str, to: &str, amount: &str) -> String {
    let (now, day) = (&jiff::Timestamp::now().to_string()[..19], instant(0));
    format!(
        r#"<?xml version="1.0" encoding="UTF-8"?>
<Document xmlns="urn:iso:std:iso:20022:tech:xsd:pacs.009.001.08"><FICdtTrf><GrpHdr><MsgId>M1</MsgId>
<CreDtTm>{now}+00:00</CreDtTm><NbOfTxs>1</NbOfTxs><SttlmInf><SttlmMtd>INDA</SttlmMtd></SttlmInf></GrpHdr>
<CdtTrfTxInf><PmtId><InstrId>I1</InstrId><EndToEndId>E1</EndToEndId><UETR>{uetr}</UETR></PmtId>
<IntrBkSttlmAmt Ccy="EUR">{amount}</IntrBkSttlmAmt><IntrBkSttlmDt>{day}</IntrBkSttlmDt>
<SttlmPrty>URGT</SttlmPrty>
<InstgAgt><FinInstnId><BICFI>{from}XXX</BICFI></FinInstnId></InstgAgt>
<InstdAgt><FinInstnId><BICFI>{to}XXX</BICFI></FinInstnId></InstdAgt>
<Dbtr><FinInstnId><BICFI>{from}XXX</BICFI></FinInstnId></Dbtr>
<Cdtr><FinInstnId><BICFI>{to}XXX</BICFI></FinInstnId></Cdtr></CdtTrfTxInf></FICdtTrf></Document>
"#
    )
}

#[test]
fn a_payment_goes_from_file_to_file() {
    let node = Node::start();
    node.open();
    let uetr = "7a562c67-ca16-48ba-b074-65581be6f001";
    let file = node.temporary.path().join("pay.xml");
    let text = message(uetr, "ALBKGB2L", "RHNBDEFF", "250.00");
    fs::write(&file, &text).unwrap();
    let file = file.to_str().unwrap();
    let dry = node.ok("ALBKGB2L", &["pay", "--plain", "--dry-run", file]);
    assert_eq!(dry[0]["amount"], "250.00");
    // Its status is there at once, whether or not its batch is sealed.
    let first = node.ok("ALBKGB2L", &["pay", "--plain", file]);
    assert_eq!((&first[0]["receiver"], &first[0]["replayed"]), (&"RHNBDEFF".into(), &false.into()));
    assert_eq!(node.ok("ALBKGB2L", &["status", uetr])[0]["uetr"], uetr);
    let paid = node.ok("ALBKGB2L", &["pay", "--plain", "--wait", "settled", file]);
    assert!(paid[0]["position"].as_u64() > first[0]["position"].as_u64());
    assert_eq!((&paid[0]["state"], &paid[0]["replayed"]), (&"settled".into(), &true.into()));
    let again = node.ok("ALBKGB2L", &["pay", "--plain", file]);
    assert_eq!(again[0]["replayed"], true);
    assert_eq!(again[0]["place"], paid[0]["place"]);
    assert_eq!(node.ok("RHNBDEFF", &["status", uetr])[0]["state"], "settled");

    let balances = node.ok("ALBKGB2L", &["balances"]);
    assert_eq!(balances[0]["balance"], "750.00");
    assert_eq!(balances.as_array().unwrap().len(), 1);
    let statement = node.ok("RHNBDEFF", &["statement", "EUR"]);
    let last = statement.as_array().unwrap().last().unwrap();
    assert_eq!((&last["amount"], &last["side"]), (&"250.00".into(), &"credit".into()));
    assert_eq!(last["balance"], "1250.00");

    let inbox = node.temporary.path().join("inbox");
    let taken = node.ok("RHNBDEFF", &["inbox", "--into", inbox.to_str().unwrap()]);
    assert_eq!(taken[0]["uetr"], uetr);
    assert_eq!(fs::read_to_string(inbox.join(format!("{uetr}-11-pacs009.xml"))).unwrap(), text);
    // A folder is one bank's.
    let (code, value) = node.run("ALBKGB2L", &["inbox", "--into", inbox.to_str().unwrap()]);
    assert_eq!(code, 2);
    assert!(value["error"]["message"].as_str().unwrap().contains("of another bank or node"));
    let more = node.ok("RHNBDEFF", &["inbox", "--into", inbox.to_str().unwrap()]);
    assert_eq!(more, serde_json::json!([]));
    let reports = node.temporary.path().join("reports");
    let into = reports.to_str().unwrap();
    let report = node.ok("ALBKGB2L", &["report", "pacs.002", "--plain", "--into", into, file]);
    assert_eq!(report[0]["status"], "ACSC");
    let report = node.ok("RHNBDEFF", &["report", "camt.054", "--into", into]);
    assert_eq!(report[0]["entries"], 1);
    let watched = node.ok("ALBKGB2L", &["watch", "--once"]);
    assert_eq!(watched[0]["state"], "settled");
    assert!(!node.ok("overseer", &["batches"]).as_array().unwrap().is_empty());
}

#[test]
fn rules_say_no_with_their_exit_codes() {
    let node = Node::start();
    node.open();
    let file = node.temporary.path().join("pay.xml");
    let path = file.to_str().unwrap();
    let uetr = "7a562c67-ca16-48ba-b074-65581be6f002";

    // To a bank that does not take part: refused before anything is sent.
    fs::write(&file, message(uetr, "ALBKGB2L", "NEWBAU2S", "1.00")).unwrap();
    let (code, value) = node.run("ALBKGB2L", &["pay", "--plain", path]);
    assert_eq!((code, &value["error"]["reason"]), (3, &"UNKNOWN_RECEIVER".into()));
    // Of another bank.
    let (code, _) = node.run("RHNBDEFF", &["pay", "--plain", path]);
    assert_eq!(code, 2);
    // Too many digits: the element is named.
    fs::write(&file, message(uetr, "ALBKGB2L", "RHNBDEFF", "1.005")).unwrap();
    let (code, value) = node.run("ALBKGB2L", &["pay", "--plain", path]);
    assert_eq!(code, 2);
    let field = value["error"]["field"].as_str().unwrap();
    assert!(field.ends_with("IntrBkSttlmAmt"), "{field}");

    // The same pay-in counts once, the same request is answered again.
    let fund = ["fund", "ALBKGB2L", "1000.00 EUR", "--reference", "ALBKGB2L 1"];
    let (code, value) = node.run("agent", &fund);
    assert_eq!((code, &value["error"]["reason"]), (3, &"PAY_IN_REUSED".into()));
    let more = ["fund", "ALBKGB2L", "5.00 EUR", "--reference", "x"];
    let first = node.ok("agent", &more);
    let id = first["request_id"].as_str().unwrap();
    let again = node.ok("agent", &[&more[..], &["--request-id", id]].concat());
    assert_eq!(again["replayed"], true);

    // Nobody gives another's commands.
    let (code, _) = node.run("ALBKGB2L", &["days", "close", "EUR"]);
    assert_eq!(code, 5);
    // What does not exist was not rejected.
    let (code, value) = node.run("ALBKGB2L", &["status", uetr]);
    assert_eq!((code, &value["error"]["reason"]), (1, &"NOT_FOUND".into()));
}

#[test]
fn a_bank_is_taken_in_while_the_node_runs() {
    let node = Node::start();
    let dir = node.dir();
    let made = node.ok("alice", &["dev", "add", dir.to_str().unwrap(), "14", "DRBKFRPP:FR"]);
    let key = made["key"].as_str().unwrap();
    // Its certificate is good, but the pool does not know it.
    assert_eq!(node.run("DRBKFRPP", &["pool"]).0, 5);
    let add = ["participants", "add", "14", "DRBKFRPP", "--country", "FR", "--key", key];
    node.ok("alice", &add);
    assert_eq!(node.ok("DRBKFRPP", &["pool"])["pool"], 1);
    let (code, value) = node.run("alice", &add);
    assert_eq!((code, &value["error"]["reason"]), (3, &"PARTICIPANT_EXISTS".into()));
    node.ok("alice", &["accounts", "open", "DRBKFRPP", "USD", "--credit-line", "5.00 USD"]);
    assert_eq!(node.ok("DRBKFRPP", &["accounts", "list"])[0]["credit_line"], "5.00");
    node.ok("alice", &["participants", "suspend", "DRBKFRPP"]);
    let known = node.ok("alice", &["participants", "list"]);
    let own = known.as_array().unwrap().iter().find(|row| row["name"] == "DRBKFRPP").unwrap();
    assert_eq!(own["suspended"], true);
    node.ok("alice", &["rules", "set", "cycle_ms=5000"]);
    let rules = node.ok("alice", &["rules", "show"]);
    assert_eq!((&rules["cycle_ms"], &rules["two_person"]), (&5000.into(), &serde_json::json!([])));
    // What the node does not tell a regulator is not zero.
    assert_eq!(node.ok("alice", &["pool"])["queues"][0]["orders"], 0);
    assert_eq!(node.ok("overseer", &["pool"])["queues"], serde_json::Value::Null);
}
