//! Foreign exchange from the command line, against a node of its own.

use serde_json::{Value, json};

use crate::started::Node;

/// Everybody has both currencies and cycles are short; the provider has dollars.
fn market() -> Node {
    let node = Node::start();
    node.open();
    node.ok("alice", &["rules", "set", "cycle_ms=200"]);
    node.open_day("USD");
    for (name, currency) in
        [("ALBKGB2L", "USD"), ("RHNBDEFF", "USD"), ("maker", "EUR"), ("maker", "USD")]
    {
        node.ok("alice", &["accounts", "open", name, currency]);
    }
    for name in ["maker", "RHNBDEFF"] {
        node.ok("agent", &["fund", name, "5000.00 USD", "--reference", &format!("{name} 2")]);
    }
    node
}

fn last(node: &Node, profile: &str, currency: &str) -> Value {
    let statement = node.ok(profile, &["statement", currency]);
    statement.as_array().unwrap().last().unwrap().clone()
}

#[test]
fn a_payment_arrives_in_another_currency() {
    let node = market();
    let known = node.ok("alice", &["participants", "list"]);
    let maker = known.as_array().unwrap().iter().find(|row| row["name"] == "maker").unwrap();
    assert_eq!(maker["role"], "provider");
    let quote = ["fx", "quote", "EUR/USD", "bid", "50@1.0826", "500@1.0825", "ask", "500@1.0829"];
    let long = [&quote[..], &["--valid-for", "3600"]].concat();
    node.ok("maker", &long);
    let prices = node.ok("RHNBDEFF", &["fx", "prices", "EUR/USD"]);
    let first = json!({ "side": "bid", "rate": "1.0826", "available": "50.00", "currency": "EUR" });
    assert_eq!((&prices[0], prices.as_array().unwrap().len()), (&first, 3));

    let pay = ["fx", "pay", "RHNBDEFF", "100.00 EUR", "USD", "--limit", "1.08"];
    let dry = node.ok("ALBKGB2L", &[&pay[..], &["--dry-run"]].concat());
    assert_eq!((&dry[0]["kind"], &dry[0]["limit_rate"]), (&json!("fx payment"), &json!("1.08")));
    let paid = node.ok("ALBKGB2L", &[&pay[..], &["--wait", "settled"]].concat());
    assert_eq!(paid[0]["state"], "settled");
    let uetr = paid[0]["uetr"].as_str().unwrap();
    // 50.00 at 1.0826 are 54.13, 50.00 at 1.0825 are 54.125, rounded down.
    for profile in ["ALBKGB2L", "RHNBDEFF"] {
        let payment = &node.ok(profile, &["status", uetr])[0];
        assert_eq!((&payment["amount"], &payment["currency"]), (&json!("100.00"), &json!("EUR")));
        assert_eq!(payment["counter_amount"], "108.25");
        assert_eq!(payment["counter_currency"], "USD");
        let fills = payment["fills"].as_array().unwrap();
        let bought: Vec<&str> = fills.iter().map(|it| it["bought"].as_str().unwrap()).collect();
        assert_eq!((bought, &fills[0]["provider"]), (vec!["54.13", "54.12"], &json!("maker")));
    }
    let received = &node.ok("RHNBDEFF", &["inbox"])[0];
    assert_eq!((&received["uetr"], &received["counter_amount"]), (&json!(uetr), &json!("108.25")));
    let entry = last(&node, "RHNBDEFF", "USD");
    assert_eq!((&entry["amount"], &entry["balance"]), (&json!("54.12"), &json!("5108.25")));
    assert_eq!(last(&node, "ALBKGB2L", "EUR")["balance"], "900.00");
    assert_eq!(last(&node, "maker", "EUR")["balance"], "100.00");
    assert_eq!(last(&node, "maker", "USD")["balance"], "4891.75");

    let fills = node.ok("maker", &["fx", "fills"]);
    let states: Vec<&Value> = fills.as_array().unwrap().iter().map(|it| &it["state"]).collect();
    assert_eq!((states, &fills[0]["uetr"]), (vec![&json!("settled"); 2], &json!(uetr)));
    let quotes = node.ok("alice", &["fx", "quotes", "EUR/USD", "--provider", "maker"]);
    assert_eq!((&quotes[0]["taken"], &quotes[0]["available"]), (&json!("50.00"), &json!("450.00")));
    // Quotes are taken back as a whole.
    node.ok("maker", &["fx", "quote", "EUR/USD"]);
    assert_eq!(node.ok("maker", &["fx", "quotes"]), json!([]));
    assert_eq!(node.run("ALBKGB2L", &quote).0, 5);
    assert_eq!(node.run("ALBKGB2L", &["fx", "quotes"]).0, 5);
    assert_eq!(node.run("maker", &["fx", "quote", "EUR/USD", "50@1.0826"]).0, 2);
    assert_eq!(node.run("maker", &["fx", "quote", "EUR/USD", "bid", "0.001@1.08"]).0, 2);
}

#[test]
fn both_sides_of_an_exchange_settle_together() {
    let node = market();
    let one = ["fx", "instruct", "RHNBDEFF", "100.00 EUR", "108.25 USD"];
    let made = node.ok("ALBKGB2L", &one);
    assert_eq!(made[0]["ruling"], "awaiting_match");
    let uetr = made[0]["uetr"].as_str().unwrap();
    assert_eq!(node.ok("ALBKGB2L", &["status", uetr])[0]["state"], "awaiting_match");
    // The other side says something else, and takes it back.
    let other = node.ok("RHNBDEFF", &["fx", "instruct", "ALBKGB2L", "108.24 USD", "100.00 EUR"]);
    let wrong = other[0]["uetr"].as_str().unwrap();
    node.ok("RHNBDEFF", &["cancel", wrong, "--kind", "fx-instruction"]);
    let other = ["fx", "instruct", "ALBKGB2L", "108.25 USD", "100.00 EUR", "--wait", "settled"];
    assert_eq!(node.ok("RHNBDEFF", &other)[0]["state"], "settled");
    let done = &node.ok("ALBKGB2L", &["status", uetr])[0];
    assert_eq!((&done["state"], &done["counter_amount"]), (&json!("settled"), &json!("108.25")));
    assert_eq!(last(&node, "ALBKGB2L", "USD")["balance"], "108.25");
    assert_eq!(last(&node, "RHNBDEFF", "EUR")["balance"], "1100.00");
}
