//! Sealed payments between banks, a regulator and a screener, against a real node.

use std::fs;
use std::path::PathBuf;
use std::process::Stdio;
use std::thread::sleep;
use std::time::Duration;

use sdk::Order;
use sdk::sealed::SentStore;
use serde_json::Value;

use crate::node::message;
use crate::operator::Operator;
use crate::run::causeway;
use crate::started::{Node, instant};
use crate::wire::Wire;

/// A customer's payment with something to say in each view.
struct Details<'a> {
    debtor: &'a str,
    street: &'a str,
    creditor_street: &'a str,
    report: &'a str,
    remittance: &'a str,
}

const PLAIN: Details<'_> = Details {
    debtor: "Thorncliffe Textiles",
    street: "Mill Lane",
    creditor_street: "Lindenweg",
    report: "goods",
    remittance: "Invoice 1",
};

fn customer_message(uetr: &str, amount: &str, details: &Details<'_>) -> String {
    let (now, day) = (&jiff::Timestamp::now().to_string()[..19], instant(0));
    let Details { debtor, street, creditor_street, report, remittance } = details;
    let agent = |name: &str, bic: &str| {
        format!("<{name}><FinInstnId><BICFI>{bic}XXX</BICFI></FinInstnId></{name}>")
    };
    let (from, to) = ("ALBKGB2L", "RHNBDEFF");
    let agents = [agent("InstgAgt", from), agent("InstdAgt", to)].concat();
    let (debtor_agent, creditor_agent) = (agent("DbtrAgt", from), agent("CdtrAgt", to));
    format!(
        r#"<?xml version="1.0" encoding="UTF-8"?>
<Document xmlns="urn:iso:std:iso:20022:tech:xsd:pacs.008.001.08"><FIToFICstmrCdtTrf><GrpHdr><MsgId>M1</MsgId>
<CreDtTm>{now}+00:00</CreDtTm><NbOfTxs>1</NbOfTxs><SttlmInf><SttlmMtd>INDA</SttlmMtd></SttlmInf></GrpHdr>
<CdtTrfTxInf><PmtId><InstrId>I1</InstrId><EndToEndId>E1</EndToEndId><UETR>{uetr}</UETR></PmtId>
<IntrBkSttlmAmt Ccy="EUR">{amount}</IntrBkSttlmAmt><IntrBkSttlmDt>{day}</IntrBkSttlmDt>
<ChrgBr>SHAR</ChrgBr>{agents}
<Dbtr><Nm>{debtor}</Nm><PstlAdr><StrtNm>{street}</StrtNm></PstlAdr></Dbtr>{debtor_agent}
{creditor_agent}<Cdtr><Nm>Jonas Weidemann</Nm><PstlAdr><StrtNm>{creditor_street}</StrtNm></PstlAdr></Cdtr>
<Purp><Cd>SUPP</Cd></Purp><RgltryRptg><Dtls><Inf>{report}</Inf></Dtls></RgltryRptg>
<RmtInf><Ustrd>{remittance}</Ustrd></RmtInf></CdtTrfTxInf></FIToFICstmrCdtTrf></Document>
"#
    )
}

/// A node whose pool seals, with money, and a file in its folder.
struct Sealed {
    node: Node,
}

impl Sealed {
    fn start() -> Option<Self> {
        let node = Node::start_with(&["--sealed"])?;
        let dir = node.dir().display().to_string();
        node.ok("alice", &["dev", "publish", &dir]);
        node.open();
        let more = ["fund", "ALBKGB2L", "5000000.00 EUR", "--reference", "more"];
        node.ok("agent", &more);
        Some(Self { node })
    }

    fn file(&self, name: &str, text: &str) -> String {
        let path = self.path(name);
        fs::write(&path, text).unwrap();
        path.display().to_string()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.node.temporary.path().join(name)
    }

    /// Hands in a payment; its row.
    fn pay(&self, uetr: &str, amount: &str, details: &Details<'_>, more: &[&str]) -> Value {
        let file = self.file(&format!("{uetr}.in.xml"), &customer_message(uetr, amount, details));
        let paid = self.node.ok("ALBKGB2L", &[&["pay", "--plain", &file], more].concat());
        paid[0].clone()
    }

    fn inbox(&self, who: &str) -> Value {
        let into = self.path(&format!("inbox-{who}")).display().to_string();
        self.node.ok(who, &["inbox", "--into", &into])
    }

    /// Takes what there is until so many payments were: they come with the batch that they are in.
    fn inbox_until(&self, who: &str, count: usize) -> Vec<Value> {
        let mut taken = Vec::new();
        while taken.len() < count {
            taken.extend(self.inbox(who).as_array().unwrap().iter().cloned());
        }
        taken
    }

    fn screen(&self, list: &str) -> Value {
        let list = self.file("list.txt", list);
        self.node.ok("screener", &["screen", "run", "--once", "--list", &list])
    }

    /// Screens until so many payments were: they come with the batch that they are in.
    fn screen_until(&self, list: &str, count: usize) -> Vec<Value> {
        let mut verdicts = Vec::new();
        while verdicts.len() < count {
            verdicts.extend(self.screen(list).as_array().unwrap().iter().cloned());
        }
        verdicts
    }

    fn state(&self, uetr: &str) -> Value {
        self.node.ok("ALBKGB2L", &["status", uetr])[0]["state"].clone()
    }

    /// Waits until a payment that nothing holds back has settled, by handing in its file again.
    fn settles(&self, uetr: &str) {
        let file = self.path(&format!("{uetr}.in.xml")).display().to_string();
        let paid = self.node.ok("ALBKGB2L", &["pay", "--plain", "--wait", "settled", &file]);
        let paid = &paid[0];
        assert_eq!((&paid["state"], &paid["replayed"]), (&"settled".into(), &true.into()));
    }
}

#[test]
fn a_sealed_payment_is_opened_by_its_receiver_and_a_regulator() {
    let Some(pool) = Sealed::start() else { return };
    let uetr = "7a562c67-ca16-48ba-b074-65581be6f0a1";
    let first = pool.pay(uetr, "250.00", &PLAIN, &["--wait", "settled"]);
    assert_eq!((&first["state"], &first["replayed"]), (&"settled".into(), &false.into()));
    // The same file again: the bytes that were sealed before, not a new sealing.
    let again = fs::read_to_string(pool.path(&format!("{uetr}.in.xml"))).unwrap();
    let file = pool.file("again.xml", &again);
    let again = pool.node.ok("ALBKGB2L", &["pay", "--plain", &file]);
    assert_eq!((&again[0]["replayed"], &again[0]["place"]), (&true.into(), &first["place"]));

    let taken = pool.inbox("RHNBDEFF");
    assert_eq!((&taken[0]["uetr"], &taken[0]["problem"]), (&uetr.into(), &Value::Null));
    let written = fs::read(pool.path(&format!("inbox-RHNBDEFF/{uetr}.xml"))).unwrap();
    let read =
        |bytes: &[u8]| iso20022::Message::read(bytes, iso20022::Profile::Plain).unwrap().to_xml();
    assert_eq!(read(&written), read(&fs::read(&file).unwrap()));
    assert_eq!(pool.inbox("RHNBDEFF"), serde_json::json!([]));

    // The regulator's machine checks without showing; what is shown goes on record.
    let seen = pool.inbox("overseer");
    let views = serde_json::json!(["parties", "originator", "purpose"]);
    assert_eq!((&seen[0]["uetr"], &seen[0]["views"]), (&uetr.into(), &views));
    assert!(!pool.path(&format!("inbox-overseer/{uetr}.xml")).exists());
    let open = ["open", uetr, "--person", "J. Doe", "--reason", "case 12"];
    let shown = pool.node.ok("overseer", &open);
    let xml = shown["xml"].as_str().unwrap();
    assert!(xml.contains("Mill Lane") && xml.contains("goods"));
    assert!(!xml.contains("Lindenweg") && !xml.contains("Invoice 1"));
    // Somebody without a slot has nothing to open.
    assert_eq!(pool.node.run("screener", &open).0, 1);
}

#[test]
fn large_payments_wait_for_the_screener_and_the_receiver() {
    let Some(pool) = Sealed::start() else { return };
    let uetr = |at: u8| format!("7a562c67-ca16-48ba-b074-65581be6f0b{at}");
    let held = Details { debtor: "Black Pearl Trading Ltd", ..PLAIN };
    assert_eq!(pool.pay(&uetr(1), "20000.00", &PLAIN, &[])["ruling"], "held");
    assert_eq!(pool.pay(&uetr(2), "20000.00", &held, &[])["ruling"], "held");
    assert_eq!(pool.pay(&uetr(3), "2000000.00", &PLAIN, &[])["ruling"], "held");
    let verdicts = pool.screen_until("Black Pearl # a ship\n", 3);
    let said: Vec<&str> = verdicts.iter().map(|it| it["verdict"].as_str().unwrap()).collect();
    assert_eq!(said, ["pass", "hold", "pass"]);
    // Nothing is screened twice.
    assert_eq!(pool.screen("Mill\n"), serde_json::json!([]));
    pool.settles(&uetr(1));
    assert_eq!(pool.state(&uetr(2)), "held");
    let list = pool.path("list.txt").display().to_string();
    pool.node.ok("screener", &["screen", "pass", &uetr(2), "--list", &list]);
    assert_ne!(pool.state(&uetr(2)), "held");
    // The third was passed, and waits for its receiver.
    assert_eq!(pool.state(&uetr(3)), "held");
    let confirmed = pool.inbox("RHNBDEFF");
    let row = confirmed.as_array().unwrap().iter().find(|it| it["confirmed"] == true);
    assert_eq!(row.unwrap()["uetr"], uetr(3));
    pool.settles(&uetr(3));
}

#[test]
fn a_dispute_shows_one_view_to_who_checks_it_alone() {
    let Some(pool) = Sealed::start() else { return };
    let uetr = "7a562c67-ca16-48ba-b074-65581be6f0c1";
    pool.pay(uetr, "250.00", &PLAIN, &["--wait", "settled"]);
    let file = pool.path("disclosure").display().to_string();
    let view = ["dispute", "disclose", uetr, "--view", "remittance", "--out", &file];
    pool.node.ok("RHNBDEFF", &view);
    let dir = pool.node.dir();
    let trust = dir.join("trust.toml").display().to_string();
    let identity = dir.join("roots/identities/ALBKGB2L.toml").display().to_string();
    let check = |file: &str| {
        let words = ["dispute", "check", file, "--trust", &trust, "--identity", &identity];
        crate::run::json(&words)
    };
    let (code, shown) = check(&file);
    assert_eq!((code, &shown["ok"], &shown["uetr"]), (0, &true.into(), &uetr.into()));
    let xml = shown["xml"].as_str().unwrap();
    assert!(xml.contains("Invoice 1") && !xml.contains("Mill Lane"));
    // One digit of the ciphertext changed: nothing holds any more.
    let text = fs::read_to_string(&file).unwrap();
    let middle = text.len() / 2;
    let other = if &text[middle..=middle] == "0" { "1" } else { "0" };
    let mut changed = text;
    changed.replace_range(middle..=middle, other);
    assert_eq!(check(&pool.file("changed", &changed)).0, 6);
    // A regulator has no key for that view, and so nothing to disclose.
    let file = pool.path("other").display().to_string();
    let view = ["dispute", "disclose", uetr, "--view", "remittance", "--out", &file];
    assert_eq!(pool.node.run("overseer", &view).0, 1);
}

#[test]
fn nothing_leaves_unsealed_by_mistake() {
    let Some(pool) = Sealed::start() else { return };
    let uetr = "7a562c67-ca16-48ba-b074-65581be6f0d1";
    // A pool that seals takes nothing else.
    let file = pool.file("pay.xml", &message(uetr, "ALBKGB2L", "RHNBDEFF", "1.00"));
    let (code, value) = pool.node.run("ALBKGB2L", &["pay", "--plain", "--unsealed", &file]);
    assert_eq!(value["error"]["reason"], "SEALING_REQUIRED");
    assert_ne!(code, 0);
    // A bank that pins another root believes nothing of this node.
    let dir = pool.node.dir().join("participants/RHNBDEFF");
    let other = pool.path("other.pem").display().to_string();
    let (_, made) = crate::run::json(&["root", "make", &other]);
    let root = made["public_key"].as_str().unwrap();
    fs::write(dir.join("trust.toml"), format!("pool = 1\nroots = [\"{root}\"]\n")).unwrap();
    let profile = fs::read_to_string(dir.join("profile.toml")).unwrap();
    let profile = profile.replace("../../trust.toml", "trust.toml");
    fs::write(dir.join("profile.toml"), profile.replace("\"sealed\"", "\"fresh\"")).unwrap();
    let file = pool.file("back.xml", &message(uetr, "RHNBDEFF", "ALBKGB2L", "1.00"));
    let (code, value) = pool.node.run("RHNBDEFF", &["pay", "--plain", &file]);
    assert_eq!(code, 6, "{value}");
    assert!(value["error"]["message"].as_str().unwrap().contains("must be a root"), "{value}");
}

#[test]
fn what_is_sealed_is_nowhere_on_the_operators_side() {
    let Some(pool) = Sealed::start() else { return };
    let uetr = "7a562c67-ca16-48ba-b074-65581be6f0e1";
    let canaries = Details {
        debtor: "CANARYPARTIES7Q4ZX1",
        street: "CANARYORIGINATOR7Q4ZX2",
        creditor_street: "CANARYBENEFICIARY7Q4ZX3",
        report: "CANARYPURPOSE7Q4ZX4",
        remittance: "CANARYREMITTANCE7Q4ZX5",
    };
    pool.pay(uetr, "20000.00", &canaries, &[]);
    pool.screen_until("", 1);
    pool.settles(uetr);
    // All who may read it have read it.
    let inbox = pool.inbox("RHNBDEFF");
    assert_eq!(inbox[0]["uetr"], uetr);
    pool.inbox("overseer");
    pool.node.ok("overseer", &["open", uetr, "--person", "P", "--reason", "R"]);
    let received = fs::read_to_string(pool.path(&format!("inbox-RHNBDEFF/{uetr}.xml"))).unwrap();
    let secret = "7Q4ZX";
    assert_eq!(received.matches(secret).count(), 5);

    // The scans find what the operator may see, so they would find what it may not.
    let reference: sdk::Uetr = uetr.parse().unwrap();
    let operator = Operator::of(&pool.node);
    for (place, scan) in [("memory", operator.memory()), ("data", operator.data())] {
        assert!(scan.count(&reference.0) > 0, "no UETR in {place}");
        assert!(scan.count(b"ALBKGB2L") > 0, "no BIC in {place}");
        assert_eq!(scan.count(secret.as_bytes()), 0, "plaintext in {place}");
    }
    for (place, scan) in [("log", operator.log()), ("metrics", operator.metrics())] {
        assert!(scan.count(b"causeway") > 0, "nothing in {place}");
        assert_eq!(scan.count(secret.as_bytes()), 0, "plaintext in {place}");
    }
}

#[test]
fn a_held_payment_outlives_a_kill_of_the_node() {
    let Some(mut pool) = Sealed::start() else { return };
    let uetr = "7a562c67-ca16-48ba-b074-65581be6f0f1";
    assert_eq!(pool.pay(uetr, "2000000.00", &PLAIN, &[])["ruling"], "held");
    pool.node.kill_and_restart();
    assert_eq!(pool.state(uetr), "held");
    assert_eq!(pool.screen_until("", 1)[0]["verdict"], "pass");
    pool.node.kill_and_restart();
    assert_eq!(pool.state(uetr), "held");
    assert_eq!(pool.inbox_until("RHNBDEFF", 1)[0]["confirmed"], true);
    pool.node.kill_and_restart();
    pool.settles(uetr);
}

#[test]
fn killed_before_it_sent_what_it_kept_it_sends_those_bytes() {
    let Some(pool) = Sealed::start() else { return };
    // Together far more than what a client says before it hands them in.
    let line = vec!["x".repeat(140); 50].join("</Ustrd><Ustrd>");
    let details = Details { remittance: &line, ..PLAIN };
    let uetr = |at: u8| format!("7a562c67-ca16-48ba-b074-65581be6f0e{at}");
    let write = |at: u8| {
        let text = customer_message(&uetr(at), "250.00", &details);
        pool.file(&format!("{}.in.xml", uetr(at)), &text)
    };
    let files: Vec<String> = (2..6).map(write).collect();
    let wire = Wire::new(pool.node.port(), 20_000);
    let mut paying = causeway();
    paying.arg("--dir").arg(pool.node.dir()).args(["--profile", "ALBKGB2L"]);
    paying.args(["--address", &wire.address(), "pay", "--plain"]).args(&files);
    let mut paying = paying.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    while !wire.holds_back() {
        assert!(paying.try_wait().unwrap().is_none(), "it ended before it sent anything");
        sleep(Duration::from_millis(5));
    }
    // What it is sending was kept before; the node has not got the whole of it, and never will.
    paying.kill().unwrap();
    paying.wait().unwrap();
    let sent = SentStore::open(&pool.node.dir().join("participants/ALBKGB2L/sealed/sent")).unwrap();
    let kept = |at: u8| sent.find(uetr(at).parse().unwrap()).unwrap().remove(0).order;
    let before: Vec<Order> = (2..6).map(kept).collect();
    assert_eq!(pool.node.run("ALBKGB2L", &["status", &uetr(2)]).0, 1);
    pool.settles(&uetr(2));
    let after: Vec<Order> = (2..6).map(kept).collect();
    assert!(before.iter().map(Order::digest).eq(after.iter().map(Order::digest)));
    // And those stand in the node's log.
    let data = Operator::of(&pool.node).data();
    for order in &before {
        assert!(data.count(&order.payload()[order.payload().len() - 4_096..]) > 0);
    }
    assert_eq!(pool.inbox_until("RHNBDEFF", files.len()).len(), files.len());
}
