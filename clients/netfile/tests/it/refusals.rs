use netfile::{Input, InputError};

use crate::formats::pacs009;

fn refusal(file: &str, text: &str) -> InputError {
    let mut input = Input::default();
    let added = input.obligations(file, text.as_bytes());
    added.and_then(|()| input.finish().map(drop)).unwrap_err()
}

#[test]
fn tables_are_refused_with_line_field_and_what_to_do() {
    let head = "debtor,creditor,currency,amount,class,reference,date";
    let long = "x".repeat(71);
    for (rows, line, field, said) in [
        ("A,B,EUR,1.005,,,", 2, "amount", "EUR has 2 digits after the point"),
        ("A,B,EUR,-1,,,", 2, "amount", "no sign, no separators"),
        ("A,B,EUR,\"1,000.00\",,,", 2, "amount", "no separators"),
        ("A,B,EUR,0.00,,,", 2, "amount", "is zero"),
        ("A,B,EUR,99999999999999999999,,,", 2, "amount", "18 digits"),
        ("A,B,EUR,1,,,\nA,B,eur,1,,,", 3, "currency", "in capitals"),
        ("A,A,EUR,1,,,", 2, "creditor", "owes itself"),
        (",B,EUR,1,,,", 2, "debtor", "is empty"),
        ("=1+1,B,EUR,1,,,", 2, "debtor", "begins with '='"),
        ("A\u{202e},B,EUR,1,,,", 2, "debtor", "\\u{202e}"),
        (&*format!("{long},B,EUR,1,,,"), 2, "debtor", "has 71 characters"),
        ("A,B,EUR,1,4,,", 2, "class", "write 0 (first), 1, 2 or 3"),
        ("A,B,EUR,1,,,2026-02-30", 2, "date", "is no date"),
        ("A,B,EUR,1,,R,\nA,B,EUR,1,,R,", 3, "reference", "stands in f.csv:2 already"),
        ("A,B,EUR,1", 2, "", "4 fields where the header has 7"),
        (
            "A,B,JPY,999999999999999999,,,\nA,B,JPY,1,,,",
            3,
            "amount",
            "all obligations in JPY exceed 18 digits",
        ),
    ] {
        let error = refusal("f.csv", &format!("{head}\n{rows}\n"));
        assert_eq!((error.line, error.field.as_str()), (line, field), "{error}");
        assert!(error.to_string().starts_with(&format!("f.csv:{line}: ")), "{error}");
        assert!(error.to_string().contains(said), "{error}");
    }
}

#[test]
fn headers_are_refused() {
    for (text, said) in [
        ("", "the file is empty"),
        ("debtor;creditor;currency;amount\n", "separate columns with commas"),
        ("debtor,creditor,currency\n", "amount: has no column"),
        ("debtor,creditor,currency,amount,amount\n", "stands there twice"),
        ("debtor,creditor,currency,value\n", "no column is called \"value\""),
        ("debtor,creditor,currency,amount\n", "holds no obligations"),
    ] {
        let error = refusal("f.csv", text).to_string();
        assert!(error.contains(said), "{error}");
    }
    let error = Input::default().obligations("f.csv", b"debtor\n\xff").unwrap_err();
    assert_eq!((error.line, error.problem.as_str()), (2, "is not UTF-8"));
}

#[test]
fn json_is_refused() {
    let owed = |fields: &str| format!("{{\"obligations\": [\n{{{fields}}}]}}");
    let good = r#""debtor":"A","creditor":"B","currency":"EUR""#;
    let number = refusal("f.json", &owed(&format!("{good},\"amount\":1.5")));
    assert_eq!(number.line, 2);
    assert!(number.to_string().contains("expected a string"), "{number}");
    let unknown = refusal("f.json", &owed(&format!("{good},\"amount\":\"1\",\"colour\":1")));
    assert!(unknown.to_string().contains("unknown field `colour`"), "{unknown}");
    let digits = refusal("f.json", &owed(&format!("{good},\"amount\":\"1.001\"")));
    assert_eq!(digits.field, "obligations[0].amount");
    assert!(refusal("f.json", "{").line > 0);
    let deep = "[".repeat(100_000);
    assert!(refusal("f.json", &deep).line > 0);
}

#[test]
fn messages_are_refused_with_their_line_in_the_file() {
    let good = pacs009("ALBKGB2L", "RHNBDEFF", &["1.00"], "");
    let lines = good.lines().count() as u64;
    let bad = good.clone() + &good.replace("1.00<", "1.005<");
    let error = refusal("f.xml", &bad);
    assert!(error.line > lines, "{error}");
    assert!(error.field.ends_with("IntrBkSttlmAmt"), "{error}");
    let cover = good.replace("CLRG", "COVE");
    assert!(refusal("f.xml", &cover).to_string().contains("netting it would pay twice"));
    let uetr = "<UETR>7a562c67-ca16-48ba-b074-65581be6f001</UETR>";
    let once = pacs009("ALBKGB2L", "RHNBDEFF", &["1.00"], uetr);
    let twice = refusal("f.xml", &(once.clone() + &once));
    assert_eq!((twice.line, twice.field.as_str()), (lines + 1, "reference"), "{twice}");
}
