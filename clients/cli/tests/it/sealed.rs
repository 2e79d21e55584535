//! Sealed payments between banks, a regulator and a screener, against a real node.

use std::fs;
use std::process::Stdio;

use sdk::sealed::{SentStore, Suite};
use sdk::v1::RejectReason;
use sdk::{Order, Ruling};
use serde_json::Value;

use crate::crook::Crook;
use crate::node::message;
use crate::operator::Operator;
use crate::run::causeway;
use crate::sealed_pool::{Details, PLAIN, Sealed, contents, customer_message};
use crate::started::until;
use crate::wire::Wire;

/// A payment on its whole way, in a pool of whichever suite.
fn is_opened_by_its_receiver_and_a_regulator(pool: &Sealed, uetr: &str) {
    let first = pool.pay(uetr, "250.00", &PLAIN, &["--wait", "settled"]);
    assert_eq!((&first["state"], &first["replayed"]), (&"settled".into(), &false.into()));
    // The same file again: the bytes that were sealed before, not a new sealing.
    let again = fs::read_to_string(pool.path(&format!("{uetr}.in.xml"))).unwrap();
    let file = pool.file("again.xml", &again);
    let again = pool.node.ok("ALBKGB2L", &["pay", "--plain", &file]);
    assert_eq!((&again[0]["replayed"], &again[0]["place"]), (&true.into(), &first["place"]));

    let taken = pool.inbox("RHNBDEFF");
    assert_eq!((&taken[0]["uetr"], &taken[0]["problem"]), (&uetr.into(), &Value::Null));
    let written = pool.written("RHNBDEFF", uetr).unwrap();
    let read =
        |bytes: &[u8]| iso20022::Message::read(bytes, iso20022::Profile::Plain).unwrap().to_xml();
    assert_eq!(read(written.as_bytes()), read(&fs::read(&file).unwrap()));
    assert!(pool.inbox("RHNBDEFF").is_empty());

    // The regulator's machine checks without showing; what is shown goes on record.
    let seen = pool.inbox("overseer");
    let views = serde_json::json!(["parties", "originator", "purpose"]);
    assert_eq!((&seen[0]["uetr"], &seen[0]["views"]), (&uetr.into(), &views));
    assert_eq!(pool.written("overseer", uetr), None);
    let open = ["open", uetr, "--person", "J. Doe", "--reason", "case 12"];
    let shown = pool.node.ok("overseer", &open);
    let xml = shown["xml"].as_str().unwrap();
    assert!(xml.contains("Mill Lane") && xml.contains("goods"));
    assert!(!xml.contains("Lindenweg") && !xml.contains("Invoice 1"));
    // Somebody without a slot has nothing to open.
    assert_eq!(pool.node.run("screener", &open).0, 1);
}

#[test]
fn a_sealed_payment_is_opened_by_its_receiver_and_a_regulator() {
    let pool = Sealed::start();
    is_opened_by_its_receiver_and_a_regulator(&pool, "7a562c67-ca16-48ba-b074-65581be6f0a1");
}

#[test]
fn the_roots_choose_the_suite_of_all_payments() {
    let pool = Sealed::start_with(&["--suite", "x-wing"]);
    let uetr = |at: u8| format!("7a562c67-ca16-48ba-b074-65581be6f0a{at}");
    is_opened_by_its_receiver_and_a_regulator(&pool, &uetr(2));
    let sent = SentStore::open(&pool.node.dir().join("participants/ALBKGB2L/sealed/sent")).unwrap();
    let [kept] = sent.find(uetr(2).parse().unwrap()).unwrap().try_into().unwrap();
    assert_eq!(kept.order.fields().sealing().unwrap().unwrap().suite, Suite::XWingAes256Gcm);
    // Also where a screener and the receiver have to say something first.
    assert_eq!(pool.pay(&uetr(3), "2000000.00", &PLAIN, &[])["ruling"], "held");
    assert_eq!(pool.screen_until("", 1)[0]["verdict"], "pass");
    assert_eq!(pool.inbox_until("RHNBDEFF", 1)[0]["confirmed"], true);
    pool.settles(&uetr(3));
    // Everybody has keys of the other suite as well. A bank that seals for those, as it might for
    // an operator who tells it so, gets neither an epoch nor an order into the pool.
    for who in ["ALBKGB2L", "RHNBDEFF", "overseer", "screener"] {
        pool.node.ok(who, &["keys", "make", "--suite", "x25519"]);
    }
    let crook = Crook::of_suite(&pool.node, Suite::X25519Aes256Gcm);
    let contents = contents(&uetr(4), "250.00");
    let (sealed, refused) = crook.seal(&crook.order(&uetr(4), "250.00"), &contents);
    assert_eq!(refused, Some(RejectReason::SuiteMismatch));
    let decision = crook.send(&sealed);
    assert_eq!(decision.ruling, Ruling::Refused);
    assert_eq!(decision.reason, Some(RejectReason::SuiteMismatch));
    // That left no trace: the payment can still be made as the roots want it.
    pool.pay(&uetr(4), "250.00", &PLAIN, &[]);
    pool.settles(&uetr(4));
}

#[test]
fn large_payments_wait_for_the_screener_and_the_receiver() {
    let pool = Sealed::start();
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
    let row = confirmed.iter().find(|it| it["confirmed"] == true);
    assert_eq!(row.unwrap()["uetr"], uetr(3));
    pool.settles(&uetr(3));
}

#[test]
fn who_lost_a_key_asks_for_another_wrap() {
    let pool = Sealed::start();
    let uetr = "7a562c67-ca16-48ba-b074-65581be6f0b7";
    pool.pay(uetr, "250.00", &PLAIN, &["--wait", "settled"]);
    let keys = pool.node.dir().join("participants/RHNBDEFF/sealed/keys");
    fs::rename(&keys, pool.path("elsewhere")).unwrap();
    pool.node.ok("RHNBDEFF", &["keys", "make"]);
    // Perhaps it is only not here: nobody is accused unless a person says so.
    let row = &pool.look_until("RHNBDEFF", 1)[0];
    assert!(row["problem"].as_str().unwrap().contains("--lost-keys"), "{row}");
    assert_eq!(pool.node.ok("RHNBDEFF", &["faults"]), serde_json::json!([]));
    let into = pool.path("inbox-RHNBDEFF").display().to_string();
    let (code, rows) = pool.node.run("RHNBDEFF", &["inbox", "--into", &into, "--lost-keys"]);
    assert_eq!(code, 6);
    assert!(rows[0]["problem"].as_str().unwrap().contains("stated as a fault"), "{rows}");
    pool.rewrap();
    let taken = pool.opened_until("RHNBDEFF", 1);
    assert_eq!((taken.len(), &taken[0]["uetr"]), (1, &uetr.into()));
    assert!(pool.written("RHNBDEFF", uetr).unwrap().contains("Thorncliffe Textiles"));
    assert!(pool.inbox("RHNBDEFF").is_empty());
}

#[test]
fn a_dispute_shows_one_view_to_who_checks_it_alone() {
    let pool = Sealed::start();
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
    let pool = Sealed::start();
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
fn a_held_payment_outlives_a_kill_of_the_node() {
    let mut pool = Sealed::start();
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
    let pool = Sealed::start();
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
    until("the wire holds back", || {
        assert!(paying.try_wait().unwrap().is_none(), "it ended before it sent anything");
        wire.holds_back().then_some(())
    });
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
