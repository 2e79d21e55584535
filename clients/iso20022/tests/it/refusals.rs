//! One change to a good message, and what is said about it: `data/refusals.txt`.

use iso20022::{Message, Profile};

use crate::samples::{ADVICE, BATCH, COVER, CREDIT, CUSTOMER, REJECTION};

const TABLE: &str = include_str!("data/refusals.txt");

struct Case {
    sample: &'static str,
    profile: Profile,
    from: String,
    to: String,
    expected: &'static str,
    line: usize,
}

/// Reads the table: a line `sample profile`, then for each case what goes (`-`), what comes
/// instead (`+`), and the error (`=`). In the first two `\n` is a line feed.
fn cases() -> Vec<Case> {
    let (mut sample, mut profile) = (CUSTOMER, Profile::Cbpr);
    let (mut from, mut to) = (String::new(), String::new());
    let mut cases = Vec::new();
    for (at, line) in TABLE.lines().enumerate() {
        match line.split_at_checked(2) {
            Some(("- ", text)) => from = text.replace("\\n", "\n"),
            Some(("+ ", text)) => to = text.replace("\\n", "\n"),
            Some(("= ", expected)) => {
                let (from, to) = (from.clone(), to.clone());
                cases.push(Case { sample, profile, from, to, expected, line: at + 1 });
            }
            None | Some(("# ", _)) => {}
            Some(_) => (sample, profile) = heading(line),
        }
    }
    cases
}

fn heading(line: &str) -> (&'static str, Profile) {
    let (sample, profile) = line.split_once(' ').unwrap();
    let sample = match sample {
        "customer" => CUSTOMER,
        "batch" => BATCH,
        "cover" => COVER,
        "advice" => ADVICE,
        "rejection" => REJECTION,
        "credit" => CREDIT,
        other => panic!("no sample {other}"),
    };
    (sample, if profile == "cbpr" { Profile::Cbpr } else { Profile::Plain })
}

#[test]
fn every_refusal_names_the_place() {
    let cases = cases();
    assert!(cases.len() > 100, "only {} cases", cases.len());
    for case in cases {
        assert!(case.sample.contains(&case.from), "refusals.txt:{}: nothing to replace", case.line);
        let changed = case.sample.replacen(&case.from, &case.to, 1);
        let refused = Message::read(changed.as_bytes(), case.profile);
        let answer = refused.map_or_else(|error| error.to_string(), |message| message.to_xml());
        assert_eq!(answer, case.expected, "refusals.txt:{}", case.line);
    }
}
