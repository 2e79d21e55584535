//! Every target over its seeds, over changes of them, and over any bytes.

use hostile::{TARGETS, Target};
use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::{Config, TestRunner};

/// A change: at a place, so many bytes are cut out and these put there.
type Change = (Index, usize, Vec<u8>);

fn changed(seed: &[u8], changes: &[Change]) -> Vec<u8> {
    let mut bytes = seed.to_vec();
    for (at, cut, put) in changes {
        let at = at.index(bytes.len() + 1);
        let end = bytes.len().min(at + cut);
        bytes.splice(at..end, put.iter().copied());
    }
    bytes
}

/// Mostly of the same length, so that what stands behind stays where it is.
fn change() -> impl Strategy<Value = Change> {
    let bytes = |most| proptest::collection::vec(any::<u8>(), 0..most);
    let written_over = bytes(8).prop_map(|put| (put.len(), put));
    let exchanged = (0..40_usize, bytes(40));
    let how = prop_oneof![4 => written_over, 1 => exchanged];
    (any::<Index>(), how).prop_map(|(at, (cut, put))| (at, cut, put))
}

fn drive(Target { name, run, seeds }: Target) {
    let seeds = seeds();
    assert!(!seeds.is_empty(), "{name}");
    for (number, seed) in seeds.iter().enumerate() {
        assert!(run(seed), "{name}: seed {number} is refused");
    }
    let seed = any::<Index>().prop_map(|index| index.get(&seeds).clone());
    let near = (seed, proptest::collection::vec(change(), 1..4))
        .prop_map(|(seed, changes)| changed(&seed, &changes));
    let far = proptest::collection::vec(any::<u8>(), 0..600);
    let inputs = prop_oneof![9 => near, 1 => far];
    let config = Config { cases: 1_000, failure_persistence: None, ..Config::default() };
    let ran = TestRunner::new(config).run(&inputs, |bytes| {
        run(&bytes);
        Ok(())
    });
    assert!(ran.is_ok(), "{name}: {ran:?}");
}

#[test]
fn nothing_panics_and_what_is_read_is_written_the_same() {
    TARGETS.into_iter().for_each(drive);
}
