use std::time::Duration;

use sdk::Client;

use crate::load::{Load, assert_books_are_even, resubmit};
use crate::rig::{Rig, bic, runtime};

const BANKS: u32 = 4;

/// A client that is not out of time however often the node is killed before it answers.
fn patient(rig: &Rig, bank: u32) -> Client {
    rig.client_within(&bic(bank), Duration::from_secs(3_600))
}

/// `CAUSEWAY_KILLS` sets the number of kills.
#[test]
fn kills_at_any_moment_lose_nothing_that_was_acknowledged() {
    let kills = std::env::var("CAUSEWAY_KILLS").map_or(5, |kills| kills.parse().unwrap());
    let mut rig = Rig::new(BANKS);
    rig.start();
    let runtime = runtime();
    runtime.block_on(rig.set_up());
    let _guard = runtime.enter();
    let clients = (0..BANKS).map(|bank| patient(&rig, bank)).collect();
    let load = Load::start(runtime.handle(), clients);
    for _ in 0..kills {
        std::thread::sleep(Duration::from_millis(rand::random_range(20..700)));
        rig.kill();
        rig.start();
    }
    std::thread::sleep(Duration::from_millis(200));
    let banks = load.stop();
    let count: usize = banks.iter().map(|(_, it)| it.lock().unwrap().len()).sum();
    rig.kill();
    rig.start();
    runtime.block_on(async {
        for (client, acknowledged) in &banks {
            resubmit(client, acknowledged).await;
        }
        assert_books_are_even(&rig.client("alice"), BANKS).await;
    });
    println!("{kills} kills, {count} orders acknowledged");
    assert!(count > 0);
    assert_eq!(rig.terminate(), Some(0), "{}", rig.errors());
    let (code, report) = rig.verify();
    assert_eq!((code, &report["ok"]), (Some(0), &true.into()), "{report}");
    assert!(report["orders"].as_u64().unwrap() >= 2 * count as u64, "each was logged twice");
}
