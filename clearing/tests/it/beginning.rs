//! The genesis of a pool, once more.

use channel::ParticipantId;
use clearing::{Pool, RecordError, Subject, pack_genesis, pack_tick};

use crate::desk::{Desk, currency, genesis, strict_rules};

/// Two that begin a log at once both write its genesis, each at its own time.
#[test]
fn the_same_genesis_behind_the_first_changes_nothing() {
    let genesis = genesis(strict_rules(vec![currency("EUR")]), 3);
    let mut desk = Desk::begin(&genesis);
    let (next, now_ms) = (desk.pool.next_tick(), desk.pool.now_ms());
    let directory = desk.pool.directory().version();
    // Hours later, too: no time passes by it.
    for later_ms in [0, 1, 10_000_000] {
        let outcome = desk.apply(pack_genesis(now_ms + later_ms, &genesis));
        assert_eq!(outcome.subject, Subject::System);
        assert_eq!((outcome.reject, outcome.time_ms), (None, now_ms));
        assert!(outcome.accounts_opened.is_empty() && outcome.changes.is_empty());
        assert_eq!(desk.pool.directory().version(), directory);
        assert_eq!((desk.pool.next_tick(), desk.pool.now_ms()), (next, now_ms));
    }
    desk.cycle();
}

#[test]
fn another_genesis_is_damage() {
    let mut desk = Desk::new(strict_rules(vec![currency("EUR")]), 3);
    let mut other = genesis(strict_rules(vec![currency("EUR")]), 3);
    other.participants[0].id = ParticipantId(99);
    let position = desk.pool.next_position();
    let applied = desk.pool.apply(position, &pack_genesis(desk.time_ms, &other));
    assert_eq!(applied, Err(RecordError::Genesis));
    assert_eq!(Pool::new(1).apply(0, &pack_tick((1, 5), 0)), Err(RecordError::Genesis));
}
