//! Why, unlock and whatif, against a node of their own.

use std::fs;

use serde_json::json;

use crate::node::message;
use crate::started::Node;

#[test]
fn a_stuck_payment_says_why_and_what_frees_it_does() {
    let node = Node::start();
    node.open();
    let uetr = "7a562c67-ca16-48ba-b074-65581be6f00a";
    let file = node.temporary.path().join("pay.xml");
    let text = message(uetr, "ALBKGB2L", "RHNBDEFF", "1500.00");
    fs::write(&file, text).unwrap();
    let file = file.to_str().unwrap();
    node.ok("ALBKGB2L", &["pay", "--plain", file]);
    // To a bank its own side, to an operator all of it: here they are the same.
    for profile in ["ALBKGB2L", "alice"] {
        let why = node.ok(profile, &["why", uetr]);
        assert_eq!((&why[0]["waits_for"], &why[0]["amount"]), (&json!("turn"), &json!("1500.00")));
        let obstacle = &why[0]["obstacles"][0];
        assert_eq!((&obstacle["bound"], &obstacle["missing"]), (&json!("money"), &json!("500.00")));
        assert_eq!(why[0]["remedy"][0]["amount"], "500.00");
    }
    let (code, value) = node.run("RHNBDEFF", &["why", uetr]);
    assert_eq!((code, &value["error"]["reason"]), (1, &json!("NOT_FOUND")));

    let found = node.ok("alice", &["unlock", "--currency", "EUR"]);
    let expected = json!([{ "currency": "EUR", "payments": 1, "amount": "1500.00" }]);
    assert_eq!((&found["stuck"], &found["unlocks"][0]["freed"]), (&expected, &expected));
    assert_eq!(found["unlocks"][0]["do"][0]["amount"], "500.00");
    let little = node.ok("alice", &["whatif", "--fund", "ALBKGB2L:EUR:499.99"]);
    assert_eq!(little["freed"], json!([]));
    let enough = node.ok("alice", &["whatif", "--credit-line", "ALBKGB2L:EUR:500"]);
    assert_eq!((&enough["freed"], &enough["freed_payments"][0]["uetr"]), (&expected, &json!(uetr)));
    let (code, _) = node.run("alice", &["whatif", "--fund", "ALBKGB2L:EUR:0.001"]);
    assert_eq!(code, 2);

    node.ok("agent", &["fund", "ALBKGB2L", "500.00 EUR", "--reference", "more"]);
    let paid = node.ok("ALBKGB2L", &["pay", "--plain", "--wait", "settled", file]);
    assert_eq!(paid[0]["state"], "settled");
    assert_eq!(node.ok("alice", &["unlock"])["stuck"], json!([]));

    let batch = node.ok("ALBKGB2L", &["status", uetr])[0]["batch"].to_string();
    let picture = node.temporary.path().join("batch.svg");
    let show = ["batches", "show", &batch, "--svg", picture.to_str().unwrap()];
    let report = node.ok("alice", &show);
    let eur = &report["currencies"][0];
    assert_eq!((&eur["gross"], &eur["net"]), (&json!("1500.00"), &json!("1500.00")));
    // It is urgent and went as soon as there was money: no cycle settled it.
    assert_eq!(report["certificates"], json!([]));
    assert!(fs::read_to_string(picture).unwrap().starts_with("<svg "));
    let own = node.ok("RHNBDEFF", &["batches", "show", &batch]);
    let own = &own["currencies"][0];
    assert_eq!(
        (&own["gross"], &own["participants"][0]["received"]),
        (&json!(null), &json!("1500.00"))
    );
}
