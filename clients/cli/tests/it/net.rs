//! `causeway net` on the files of its guide.

use std::fs;
use std::path::{Path, PathBuf};

use crate::run::{json, run};

fn guide() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/guides")
}

fn sample(name: &str) -> String {
    guide().join("netting-offline").join(name).to_str().unwrap().to_owned()
}

/// Every line that the output and the guide have in common is in both, word by word.
fn is_in_the_guide(line: &str) -> bool {
    let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let text = words(&fs::read_to_string(guide().join("netting-offline.md")).unwrap());
    text.contains(&words(line))
}

#[test]
fn the_guide_says_what_comes_out() {
    let (code, text, _) = run(&["net", &sample("obligations.csv")]);
    assert_eq!(code, 0);
    for line in text.lines().take(5) {
        assert!(is_in_the_guide(line), "{line}");
    }
    let temporary = tempfile::tempdir().unwrap();
    let picture = temporary.path().join("netting.svg");
    let (code, text, _) = run(&[
        "net",
        &sample("obligations.csv"),
        "--liquidity",
        &sample("liquidity.csv"),
        "--weight=EUR=10",
        "--weight=USD=9",
        "--svg",
        picture.to_str().unwrap(),
    ]);
    assert_eq!(code, 0);
    assert!(text.starts_with("10 of 14 obligations settle together"), "{text}");
    let sentence = text.lines().find(|line| line.contains("upper bound")).unwrap();
    // The last digits of a bound are its prices' rounding; all else is as the guide says.
    for part in sentence.split("; ").filter(|part| !part.starts_with("no set")) {
        assert!(is_in_the_guide(part), "{sentence}");
    }
    assert!(sentence.contains("so at most 5.63 % is missing"), "{sentence}");
    let svg = fs::read_to_string(&picture).unwrap();
    assert!(svg.starts_with("<svg ") && svg.contains("Acme Germany"));
}

#[test]
fn json_and_tables_agree() {
    let files = [sample("obligations.csv"), sample("liquidity.csv")];
    let call = ["net", &files[0], "--liquidity", &files[1]];
    let (code, value) = json(&call);
    assert_eq!(code, 0);
    let count = |name: &str| value[name].as_array().unwrap().len();
    assert_eq!(count("settled") + count("left"), 14);
    let table = |table: &str| {
        let (code, text, _) = run(&[&call[..], &["--output", "csv", "--table", table]].concat());
        assert_eq!(code, 0);
        text
    };
    assert_eq!(table("payments").lines().count(), count("payments") + 1);
    assert_eq!(table("positions").lines().count(), count("positions") + 1);
    let obligations = table("obligations");
    assert!(
        obligations.starts_with("reference,debtor,creditor,currency,amount,class,group,settles\n")
    );
    assert_eq!(obligations.lines().filter(|row| row.ends_with(",yes")).count(), count("settled"));
    // Strict order never settles more.
    let (_, strict) = json(&[&call[..], &["--mode", "fifo"]].concat());
    assert!(strict["settled"].as_array().unwrap().len() <= count("settled"));
}

#[test]
fn what_makes_no_sense_is_named_and_writes_nothing() {
    let temporary = tempfile::tempdir().unwrap();
    let file = temporary.path().join("owed.csv");
    fs::write(&file, "debtor,creditor,currency,amount\nA,B,EUR,1.005\n").unwrap();
    let (code, value) = json(&["net", file.to_str().unwrap()]);
    assert_eq!((code, &value["error"]["field"]), (2, &"amount".into()));
    let message = value["error"]["message"].as_str().unwrap();
    assert!(message.contains("owed.csv:2: amount") && message.contains("2 digits"), "{message}");
    assert_eq!(run(&["net", "nowhere.csv"]).0, 1);
    assert_eq!(run(&["net"]).0, 2);
    assert_eq!(run(&["net", &sample("obligations.csv"), "--weight", "EUR=0"]).0, 2);
}
