//! Every answer, against the model.

use projector::Options;

use crate::day::day;
use crate::model::{Model, uetr_of};
use crate::rig::Rig;

#[test]
fn answers_are_those_of_the_model() {
    for seed in [3, 1_234_567] {
        let day = day(seed, 500);
        let model = Model::of(&day);
        assert!(model.batches.len() > 30, "{} batches", model.batches.len());
        let rig = Rig::new(&day);
        let running = rig.start();
        running.push_all(&day);
        running.wait_for(day.len() as u64 - 1);
        model.compare(&running.reader);
        running.projector.stop();
        // And again after a restart, with nothing handed in, while runs are merged, and after.
        let running = rig.start();
        model.compare(&running.reader);
        wait_for_a_merged_run(&rig);
        model.compare(&running.reader);
        running.projector.stop();
        let running = rig.start();
        model.compare(&running.reader);
        running.projector.stop();
    }
}

/// A run of a level above 0 has a header in the store.
fn wait_for_a_merged_run(rig: &Rig) {
    let merged = || rig.store.scan(store::Table::Uetrs, &[1], &[9], 1).expect("scans");
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(60);
    while merged().is_empty() {
        assert!(std::time::Instant::now() < deadline, "no run was ever merged");
        std::thread::yield_now();
    }
}

#[test]
fn batches_committed_together_give_the_same_rows() {
    let day = day(77, 300);
    let mut rig = Rig::new(&day);
    let running = rig.start();
    running.push_all(&day);
    running.projector.stop();
    let one_by_one = rig.rows();
    rig = Rig::new(&day);
    rig.options = Options { commit_bytes: 1 << 20, ..Options::default() };
    let running = rig.start();
    running.push_all(&day);
    running.projector.stop();
    assert_eq!(rig.rows(), one_by_one);
}

#[test]
fn positions_without_effect_become_readable() {
    let day = day(5, 120);
    let rig = Rig::new(&day);
    let running = rig.start();
    running.push_all(&day);
    // The last record is a tick that seals what was open before it, and does nothing itself.
    running.wait_for(day.len() as u64 - 1);
    running.projector.stop();
}

#[test]
fn a_payload_is_read_from_the_log_as_it_was_signed() {
    let day = day(21, 200);
    let rig = Rig::new(&day);
    let running = rig.start();
    running.push_all(&day);
    running.wait_for(day.len() as u64 - 1);
    let settled = day.iter().flat_map(|it| &it.outcome.sealed).flat_map(|it| &it.transfers);
    let mut count = 0;
    for transfer in settled.filter(|it| it.kind == clearing::TransferKind::Payment) {
        let order = running.reader.order(transfer.place).expect("reads").expect("is there");
        let rows = running.reader.payments(uetr_of(&order.header)).expect("reads");
        assert!(rows.iter().any(|row| row.place == transfer.place));
        count += 1;
    }
    assert!(count > 20, "{count} payments");
    assert_eq!(running.reader.order(clearing::Place(u64::MAX)).expect("reads"), None);
    running.projector.stop();
}
