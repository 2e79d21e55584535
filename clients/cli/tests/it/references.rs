//! Payments of one reference are told apart by their sender and their kind.

use std::fs;

use crate::liar::Liar;
use crate::lies::{RECEIVER, SENDER, THIRD, UETR, id};
use crate::node::message;
use crate::sealed_pool::{PLAIN, customer_message};

/// A bank's payment and a customer's of one sender, and a bank's of another sender.
fn three_of_one_reference() -> Liar {
    let node = Liar::start();
    let messages = [
        (SENDER, customer_message(UETR, "250.00", &PLAIN)),
        (SENDER, message(UETR, SENDER, RECEIVER, "251.00")),
        (THIRD, message(UETR, THIRD, RECEIVER, "252.00")),
    ];
    for (at, (sender, text)) in messages.iter().enumerate() {
        let file = node.temporary.path().join(format!("{at}.xml"));
        fs::write(&file, text).unwrap();
        node.ok(sender, &["pay", "--plain", file.to_str().unwrap()]);
    }
    node
}

#[test]
fn no_message_takes_the_place_of_another() {
    let node = three_of_one_reference();
    let into = node.temporary.path().join("inbox");
    node.ok(RECEIVER, &["inbox", "--into", into.to_str().unwrap()]);
    let (sender, third) = (id(&node, SENDER).0, id(&node, THIRD).0);
    let names = [(sender, "pacs008"), (sender, "pacs009"), (third, "pacs009")];
    let amounts = ["250.00", "251.00", "252.00"];
    for ((sender, kind), amount) in names.into_iter().zip(amounts) {
        let path = into.join(format!("{UETR}-{sender}-{kind}.xml"));
        let text = fs::read_to_string(&path).unwrap_or_else(|e| panic!("{path:?}: {e}"));
        assert!(text.contains(&format!(">{amount}<")), "{text}");
    }
}

#[test]
fn who_means_one_of_several_says_which() {
    let node = three_of_one_reference();
    let list = node.temporary.path().join("list");
    fs::write(&list, "").unwrap();
    let list = list.to_str().unwrap();
    let out = |name: &str| node.temporary.path().join(name).display().to_string();
    let (own, other, third) = (out("own"), out("other"), out("third"));
    let disclose = |out| ["dispute", "disclose", UETR, "--view", "parties", "--out", out];
    let commands = [
        ("overseer", &["open", UETR, "--person", "P", "--reason", "R"][..]),
        ("screener", &["screen", "pass", UETR, "--list", list]),
        ("screener", &["screen", "hold", UETR, "--list", list]),
        (SENDER, &disclose(&own)),
        (RECEIVER, &disclose(&other)),
    ];
    let before = node.with(|state| state.statements.len());
    for (who, words) in commands {
        for more in [&[][..], &["--kind", "pacs009"], &["--sender", SENDER]] {
            let (code, value) = node.run(who, &[words, more].concat());
            let text = value["error"]["message"].as_str().unwrap_or_default();
            assert_eq!(code, 2, "{who} {words:?}: {value}");
            assert!(text.contains(&format!("--sender {SENDER} --kind pacs009")), "{text}");
        }
        // Of a sender or kind of which there is none.
        for more in [["--kind", "cover"], ["--sender", RECEIVER]] {
            assert_eq!(node.run(who, &[words, &more].concat()).0, 1, "{who} {words:?}");
        }
    }
    assert_eq!(node.with(|state| state.statements.len()), before);
    let which = ["--sender", SENDER, "--kind", "pacs008"];
    let open = ["open", UETR, "--person", "P", "--reason", "R"];
    let shown = node.ok("overseer", &[&open[..], &which].concat());
    assert!(shown["xml"].as_str().unwrap().contains(">250.00<"), "{shown}");
    // By its number, too; and by who has sealed others under the reference itself.
    let number = id(&node, THIRD).0.to_string();
    node.ok(SENDER, &[&disclose(&own)[..], &which].concat());
    node.ok(RECEIVER, &[&disclose(&third)[..], &["--sender", &number]].concat());
}
