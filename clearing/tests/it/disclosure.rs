//! Sealed orders, as far as the engine has a say in them.

use channel::{
    AnyStatement, DisclosurePolicy, KemRevocation, KeyId, PolicyRule, RuleReader, Signed, SlotRole,
    ViewMask,
};
use clearing::{Outcome, Record, RecordBody, Reject, pack_statements};

use crate::desk::{DAY_MS, Desk, POOL, bank, currency, genesis, strict_rules};

const ROOT: [u8; 32] = [200; 32];

fn signed<S>(statement: S, signer: [u8; 32]) -> AnyStatement
where
    AnyStatement: From<Signed<S>>,
{
    Signed { statement, signer, signature: [0; 64] }.into()
}

fn revocation(pool: u32, signer: u8) -> AnyStatement {
    let (participant, key) = (bank(0), KeyId([1; 8]));
    signed(KemRevocation { pool, participant, key, revoked_at_ms: DAY_MS }, [signer; 32])
}

/// The policy of one rule: receivers read everything.
fn policy(version: u32, signer: [u8; 32]) -> AnyStatement {
    let (role, views) = (SlotRole::Receiver, ViewMask::ALL);
    let rule = PolicyRule {
        currency: None,
        sender_country: None,
        receiver_country: None,
        minor_min: 0,
        minor_max: u64::MAX,
        screening: false,
        confirmation: false,
        readers: vec![RuleReader { role, participant: None, views }],
    };
    let policy =
        DisclosurePolicy { pool: POOL, version, effective_at_ms: DAY_MS, rules: vec![rule] };
    signed(policy, signer)
}

pub(crate) fn samples() -> Vec<AnyStatement> {
    vec![policy(1, ROOT), revocation(POOL, 11)]
}

pub(crate) fn record(statements: &[AnyStatement]) -> Vec<u8> {
    let bytes: Vec<Vec<u8>> = statements.iter().map(AnyStatement::encode).collect();
    let entries = statements.iter().zip(&bytes);
    let entries: Vec<(u8, &[u8])> =
        entries.map(|(statement, bytes)| (statement.kind(), bytes.as_slice())).collect();
    pack_statements((POOL, DAY_MS), &entries)
}

fn desk() -> Desk {
    let genesis = genesis(strict_rules(vec![currency("EUR")]), 2);
    Desk::begin(&channel::Genesis { roots: vec![ROOT], ..genesis })
}

fn rejects(outcome: &Outcome) -> Vec<Option<Reject>> {
    outcome.statements.iter().map(|stated| stated.reject).collect()
}

#[test]
fn a_statements_record_is_read_as_it_was_packed() {
    let bytes = record(&samples());
    let RecordBody::Statements(read) = Record::read(&bytes).unwrap().body else { panic!() };
    assert_eq!(read.statements, samples());
    assert!(Record::read(&record(&vec![revocation(POOL, 11); 256])).is_ok());
    assert!(Record::read(&record(&vec![revocation(POOL, 11); 257])).is_err());
    assert!(Record::read(&record(&[])).is_err());
}

#[test]
fn a_statement_of_another_pool_was_not_logged_here() {
    let mut desk = desk();
    let position = desk.pool.next_position();
    assert!(desk.pool.apply(position, &record(&[revocation(POOL + 1, 11)])).is_err());
    assert_eq!(desk.pool.next_position(), position);
}

#[test]
fn it_counts_whose_key_signed() {
    let mut desk = desk();
    let wrong = Some(Reject::SignerNotAuthorised);
    let outcome = desk.apply(record(&[policy(1, [11; 32]), revocation(POOL, 12)]));
    assert_eq!(rejects(&outcome), [wrong, wrong]);
}
