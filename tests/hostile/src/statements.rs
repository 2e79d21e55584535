//! What is signed: statements of each kind, behind their number; and disclosures.

use channel::AnyStatement;
use sealing::Disclosure;

use crate::vectors::{bytes, sender_key, suites};

pub(crate) fn run(bytes: &[u8]) -> bool {
    let Some((kind, bytes)) = bytes.split_first() else { return false };
    let Ok(statement) = AnyStatement::decode(*kind, bytes) else { return false };
    assert_eq!((statement.kind(), statement.encode().as_slice()), (*kind, bytes));
    true
}

pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let all = suites();
    let all = all.iter().flat_map(|vectors| {
        let statements = vectors["statements"].as_array().unwrap().iter();
        let rewrap = bytes(&vectors["rewrap_for_participant_20"]);
        statements.map(|it| bytes(&it["signed"])).chain([rewrap])
    });
    let numbered = |signed: Vec<u8>| {
        let kind = (1..=10).find(|kind| AnyStatement::decode(*kind, &signed).is_ok()).unwrap();
        [&[kind], signed.as_slice()].concat()
    };
    all.map(numbered).collect()
}

pub(crate) fn disclosure(bytes: &[u8]) -> bool {
    let Ok(disclosure) = Disclosure::decode(bytes) else { return false };
    assert_eq!(disclosure.encode().as_slice(), bytes);
    disclosure.verify(&sender_key()).is_ok()
}

pub(crate) fn disclosures() -> Vec<Vec<u8>> {
    suites().map(|vectors| bytes(&vectors["disclosure_of_view_4"])).into()
}
