//! Payments that are taken in, as nobody but their readers can see what is wrong with them.

use sdk::Ruling;
use sdk::sealed::{Contents, SlotRole};
use serde_json::Value;

use crate::crook::{Crook, spoiled};
use crate::sealed_pool::{PLAIN, Sealed, contents, customer_message};
use crate::started::until;

fn without(mut contents: Contents, view: usize, from: &str, to: &str) -> Contents {
    let text = String::from_utf8(contents[view].clone()).unwrap();
    let (start, end) = (text.find(from).unwrap(), text.find(to).unwrap() + to.len());
    contents[view] = [&text[..start], &text[end..]].concat().into_bytes();
    contents
}

#[test]
fn what_says_nothing_is_held_and_never_applied() {
    let pool = Sealed::start();
    let crook = Crook::of(&pool.node);
    let send = |uetr: &str, amount: &str, contents: &Contents| {
        let (sealed, refused) = crook.seal(&crook.order(uetr, amount), contents);
        assert_eq!(refused, None);
        crook.send(&sealed).ruling
    };
    let uetr = |at: u8| format!("7a562c67-ca16-48ba-b074-65581be6f1b{at}");
    let empty = Contents::default();
    let skeleton = |uetr: &str, amount: &str| {
        without(contents(uetr, amount), 0, "<CdtTrfTxInf>", "</CdtTrfTxInf>")
    };
    // Nobody's word is waited for: they settle, and are not handed on.
    assert_eq!(send(&uetr(1), "250.00", &empty), Ruling::Queued);
    assert_eq!(send(&uetr(2), "250.00", &skeleton(&uetr(2), "250.00")), Ruling::Queued);
    for row in pool.look_until("RHNBDEFF", 2) {
        assert!(row["problem"].as_str().unwrap().contains("orders no payment"), "{row}");
    }
    assert_eq!([1, 2].map(|at| pool.written("RHNBDEFF", &uetr(at))), [None, None]);
    // The screener lets nothing pass that names nobody, whatever is on its list.
    let nameless = without(contents(&uetr(4), "20000.00"), 0, "<Nm>Thorn", "Textiles</Nm>");
    assert_eq!(send(&uetr(3), "20000.00", &empty), Ruling::Held);
    assert_eq!(send(&uetr(4), "20000.00", &nameless), Ruling::Held);
    let verdicts = pool.screen_until("", 2);
    assert!(verdicts.iter().all(|it| it["verdict"] == "hold"), "{verdicts:?}");
    // The receiver does not say that it can apply it, which ends it.
    assert_eq!(send(&uetr(5), "2000000.00", &empty), Ruling::Held);
    assert_eq!(send(&uetr(6), "2000000.00", &skeleton(&uetr(6), "2000000.00")), Ruling::Held);
    let unable = pool.look_until("RHNBDEFF", 2);
    assert!(unable.iter().all(|row| row["confirmed"] == false), "{unable:?}");
    for at in [5, 6] {
        let row = &pool.node.ok("ALBKGB2L", &["status", &uetr(at)])[0];
        assert_eq!(row["reason"], "RECEIVER_UNABLE", "{row}");
    }
    assert_eq!([3, 4].map(|at| pool.state(&uetr(at))), ["held", "held"]);
}

/// Sends a payment that its receiver must confirm, which neither receiver nor regulator can open.
fn send_spoiled(pool: &Sealed, uetr: &str) {
    let (amount, crook) = ("2000000.00", Crook::of(&pool.node));
    pool.file(&format!("{uetr}.in.xml"), &customer_message(uetr, amount, &PLAIN));
    let contents = contents(uetr, amount);
    let (sealed, refused) = crook.seal(&crook.order(uetr, amount), &contents);
    assert_eq!(refused, None);
    let sealed = spoiled(&sealed, &[SlotRole::Receiver, SlotRole::SenderRegulator]);
    crook.keep(&sealed, &contents);
    assert_eq!(crook.send(&sealed).ruling, Ruling::Held);
}

#[test]
fn who_cannot_open_says_so_once_the_senders_time_is_over() {
    let pool = Sealed::start();
    let uetr = "7a562c67-ca16-48ba-b074-65581be6f1c1";
    pool.node.ok("alice", &["rules", "set", "rewrap_within_ms=1000"]);
    send_spoiled(&pool, uetr);
    assert_eq!(pool.screen_until("", 1)[0]["verdict"], "pass");
    // Who finds it alleges it, and says nothing else yet.
    for who in ["RHNBDEFF", "overseer"] {
        let row = &pool.look_until(who, 1)[0];
        assert!(row["problem"].as_str().unwrap().contains("stated as a fault"), "{row}");
        assert_eq!(row["confirmed"], Value::Null);
    }
    // Each run looks at it again. The receiver's word ends it.
    until("the receiver says that it is not able", || {
        let rows = pool.look("RHNBDEFF");
        rows.iter().any(|row| !row["confirmed"].is_null()).then_some(())
    });
    let row = &pool.node.ok("ALBKGB2L", &["status", uetr])[0];
    assert_eq!(row["reason"], "RECEIVER_UNABLE", "{row}");
    // A regulator has no such word. Operators see whom nobody has answered in time.
    let overdue = || {
        let faults = pool.node.ok("alice", &["faults"]);
        let rows = faults.as_array().unwrap().iter();
        rows.filter(|row| row["overdue"] == true).count()
    };
    until("both faults are overdue", || (overdue() == 2).then_some(()));
    let again = pool.look("overseer");
    assert_eq!((&again[0]["uetr"], &again[0]["confirmed"]), (&uetr.into(), &Value::Null));
    // It can be answered also then, for whoever looks into it.
    pool.rewrap();
    assert_eq!(pool.opened_until("overseer", 1)[0]["uetr"], uetr);
    assert_eq!(pool.look("overseer"), [Value::Null; 0]);
    assert_eq!(pool.written("RHNBDEFF", uetr), None);
}

#[test]
fn what_is_wrapped_again_is_opened_once() {
    let pool = Sealed::start();
    let uetr = "7a562c67-ca16-48ba-b074-65581be6f1d1";
    send_spoiled(&pool, uetr);
    assert_eq!(pool.screen_until("", 1)[0]["verdict"], "pass");
    for who in ["RHNBDEFF", "overseer"] {
        pool.look_until(who, 1);
        // Looked at again, and stated no second time; the sender's time is not over.
        let row = &pool.look(who)[0];
        assert_eq!((&row["uetr"], &row["confirmed"]), (&uetr.into(), &Value::Null));
        assert!(row["problem"].is_string());
    }
    assert_eq!(pool.state(uetr), "held");
    let open = pool.node.ok("ALBKGB2L", &["faults"]);
    assert_eq!(open.as_array().unwrap().len(), 2, "{open}");
    pool.rewrap();
    // Each opens it by its own. The receiver's word lets it settle; then it is handed on.
    assert_eq!(pool.opened_until("overseer", 1)[0]["uetr"], uetr);
    let rows = pool.opened_until("RHNBDEFF", 2);
    let said = rows.iter().map(|row| (&row["state"], &row["confirmed"]));
    let (held, settled, able) = ("held".into(), "settled".into(), true.into());
    assert_eq!(said.collect::<Vec<_>>(), [(&held, &able), (&settled, &Value::Null)]);
    let read = |text: &str| {
        let message = iso20022::Message::read(text.as_bytes(), iso20022::Profile::Plain);
        message.unwrap().to_xml()
    };
    let sent = std::fs::read_to_string(pool.path(&format!("{uetr}.in.xml"))).unwrap();
    assert_eq!(read(&pool.written("RHNBDEFF", uetr).unwrap()), read(&sent));
    for who in ["RHNBDEFF", "overseer"] {
        assert_eq!(pool.look(who), [Value::Null; 0]);
    }
}
