use std::fs;
use std::path::PathBuf;

use crate::rig::{Rig, bic, order, runtime};

const MARK: &[u8] = b"the payload that will be damaged";

/// The file of the log that holds the marked payload, and where.
fn find_mark(rig: &Rig) -> (PathBuf, usize) {
    let files = fs::read_dir(rig.path("data/log")).unwrap().map(|entry| entry.unwrap().path());
    files
        .filter(|path| path.is_file())
        .find_map(|path| {
            let bytes = fs::read(&path).unwrap();
            Some((path, bytes.windows(MARK.len()).position(|window| window == MARK)?))
        })
        .expect("the payload is in the log")
}

#[test]
fn a_flipped_byte_in_the_log_is_named_and_nothing_runs_on_it() {
    let mut rig = Rig::new(2);
    rig.start();
    let runtime = runtime();
    let position = runtime.block_on(async {
        rig.set_up().await;
        let client = rig.client(&bic(0));
        let marked = order(&client, 5, std::str::from_utf8(MARK).unwrap());
        let position = client.submit(&marked).await.unwrap().receipt.position;
        for minor in 1..20 {
            client.submit(&order(&client, minor, "after it")).await.unwrap();
        }
        position
    });
    assert_eq!(rig.terminate(), Some(0));
    assert_eq!(rig.verify().0, Some(0));

    let (path, at) = find_mark(&rig);
    let mut bytes = fs::read(&path).unwrap();
    bytes[at] ^= 0x10;
    fs::write(&path, &bytes).unwrap();
    let (code, report) = rig.verify();
    assert_eq!(code, Some(6), "{report}");
    assert_eq!(report["ok"], false);
    let named = report["first_bad"]["record"].as_u64().unwrap();
    assert!(named <= position, "{report}");

    rig.spawn();
    assert_eq!(rig.wait(), Some(1));
    assert!(rig.errors().contains(&format!("log damaged at position {named}")), "{}", rig.errors());

    bytes[at] ^= 0x10;
    fs::write(&path, &bytes).unwrap();
    assert_eq!(rig.verify().0, Some(0));
    rig.start();
    assert_eq!(rig.terminate(), Some(0));
}
