//! The demonstration: the same roots however it is played.

use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::run::{causeway, causewayd, finish};

fn demo(dir: &Path, seed: &str, threads: &str) -> std::process::Command {
    let mut command = causeway();
    command.args(["demo", "--once", "--output", "json", "--seed", seed, "--threads", threads]);
    command.arg("--data-dir").arg(dir);
    command
}

pub(crate) fn play(dir: &Path, seed: &str, threads: &str) -> Value {
    let (code, stdout, stderr) = finish(&mut demo(dir, seed, threads));
    assert_eq!(code, 0, "{stdout}{stderr}");
    serde_json::from_str(&stdout).unwrap()
}

#[test]
fn the_same_seed_reaches_the_same_roots() {
    causewayd();
    let temporary = tempfile::tempdir().unwrap();
    let dir = |name: &str| temporary.path().join(name);
    let first = play(&dir("first"), "7", "1");
    assert_eq!(first["invariants"]["ok"], true);
    assert_eq!(play(&dir("second"), "7", "4"), first);
    // Played to its end already: nothing is added.
    assert_eq!(play(&dir("first"), "7", "2"), first);
    assert_ne!(play(&dir("other"), "8", "2")["state_root"], first["state_root"]);
    check_shape(&first);
    let (code, stdout, _) = finish(&mut demo(&dir("first"), "8", "2"));
    assert_eq!(code, 2);
    assert!(stdout.contains("another seed"), "{stdout}");
}

/// What scripts rely on, and what the day is there to show.
fn check_shape(report: &Value) {
    let count = |name: &str| report["payments"][name].as_u64().unwrap();
    assert!(count("received") > 250);
    for name in ["settled", "queued", "warehoused", "rejected"] {
        assert!(count(name) > 0, "{name}");
    }
    let batches = report["batches"].as_array().unwrap();
    assert_eq!(batches.last().unwrap()["state_root"], report["state_root"]);
    let settled: u64 = batches.iter().map(|batch| batch["payments"].as_u64().unwrap()).sum();
    assert_eq!(settled, count("settled"));
    let currencies = report["currencies"].as_array().unwrap();
    assert!(currencies.len() >= 4);
    for currency in currencies {
        // All of one currency: without the point they compare as they are.
        let amount = |name: &str| -> u128 {
            currency[name].as_str().unwrap().replace('.', "").parse().unwrap()
        };
        assert!(amount("net") < amount("gross"));
        assert!(amount("liquidity_with_netting") <= amount("liquidity_without_netting"));
    }
    let fx = &report["fx"];
    assert!(fx["matched_pairs"].as_u64().unwrap() > 0);
    assert!(!fx["unmatched"].as_array().unwrap().is_empty());
    let across = fx["payments"].as_array().unwrap();
    assert!(across.iter().any(|payment| payment["fills"] == 2), "one payment takes two quotes");
    assert_eq!(fx["linked_legs"], 3);
    let gridlock = &report["gridlock"];
    assert_eq!(gridlock["stuck"]["payments"], 25);
    assert_eq!(gridlock["one_by_one"]["payments"], 0);
    assert_eq!(gridlock["in_order"]["payments"], 0);
    assert_eq!(gridlock["netted"]["payments"], 24);
    assert_eq!(gridlock["blocking"]["payer"], "RHNBDEFF");
    for reason in ["UNKNOWN_RECEIVER", "CUT_OFF_PASSED", "VALUE_DATE_PAST"] {
        assert!(report["rejections"][reason].as_u64().unwrap() > 0, "{reason}");
    }
}

#[test]
fn killed_in_the_middle_it_is_taken_up_again() {
    causewayd();
    let temporary = tempfile::tempdir().unwrap();
    let whole = play(&temporary.path().join("whole"), "7", "2");
    let dir = temporary.path().join("killed");
    for _ in 0..3 {
        kill_when_started(&dir);
    }
    assert_eq!(play(&dir, "7", "2"), whole);
}

/// Starts it, and kills it (not its node) soon after the node is ready.
fn kill_when_started(dir: &Path) {
    let ready = dir.join("causewayd.ready.json");
    let _ = fs::remove_file(&ready);
    let mut child =
        demo(dir, "7", "2").stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let began_at = Instant::now();
    while !ready.exists() && began_at.elapsed() < Duration::from_secs(60) {
        sleep(Duration::from_millis(5));
    }
    sleep(Duration::from_millis(150));
    child.kill().unwrap();
    child.wait().unwrap();
}
