use std::os::unix::process::ExitStatusExt;
use std::process::Command;
use std::thread;

use bus::EndOnPanic;

/// Set in the process of which the test below expects that it ends.
const CHILD: &str = "CAUSEWAY_TEST_PANICS";
const SIGABRT: i32 = 6;

#[test]
fn a_panic_under_the_guard_ends_the_process_and_is_told() {
    if std::env::var_os(CHILD).is_some() {
        let quiet = thread::spawn(|| drop(EndOnPanic));
        assert!(quiet.join().is_ok(), "without a panic it does nothing");
        let guarded = thread::spawn(|| {
            let _end = EndOnPanic;
            panic!("a bug under the guard");
        });
        drop(guarded.join());
        return;
    }
    let ended = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "bug::a_panic_under_the_guard_ends_the_process_and_is_told"])
        .arg("--nocapture")
        .env(CHILD, "1")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&ended.stderr);
    assert_eq!(ended.status.signal(), Some(SIGABRT), "{said}");
    assert!(said.contains("a bug under the guard"), "{said}");
}
