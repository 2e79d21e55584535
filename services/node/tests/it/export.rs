use std::fs;

use crate::damage::trade;
use crate::rig::{Rig, bic, order, runtime};

fn verified(rig: &Rig, path: &str) -> (Option<i32>, serde_json::Value) {
    let output = rig.run(&["verify", path, "--output", "json"]);
    let report = serde_json::from_slice(&output.stdout);
    (output.status.code(), report.expect("a report"))
}

#[test]
fn an_export_is_the_log_and_verifies_like_it() {
    let mut rig = Rig::new(2);
    rig.start();
    trade(&rig);
    let busy = rig.run(&["export", ".", "day.cwlog"]);
    assert_eq!(busy.status.code(), Some(1));
    assert!(!rig.path("day.cwlog").exists());
    assert_eq!(rig.terminate(), Some(0));

    let written = rig.run(&["export", ".", "day.cwlog", "--output", "json"]);
    assert_eq!(written.status.code(), Some(0));
    let written: serde_json::Value = serde_json::from_slice(&written.stdout).unwrap();
    let bytes = fs::read(rig.path("day.cwlog")).unwrap();
    assert_eq!(written["bytes"], bytes.len());
    let piped = rig.run(&["export", ".", "-"]);
    assert_eq!(piped.stdout, bytes);

    let (code, log) = rig.verify();
    assert_eq!(code, Some(0), "{log}");
    let (code, export) = verified(&rig, "day.cwlog");
    assert_eq!(code, Some(0), "{export}");
    for same in ["ok", "records", "orders", "batches", "state_root", "signatures_checked"] {
        assert_eq!(export[same], log[same], "{same}");
    }
    assert_eq!(export["records"], written["records"]);
    assert_eq!((&export["export"], &export["stored_batches"]), (&true.into(), &().into()));
    let text = rig.run(&["verify", "day.cwlog"]);
    assert!(String::from_utf8(text.stdout).unwrap().contains("an export has no store"));

    let again = rig.run(&["export", ".", "day.cwlog"]);
    assert_eq!(again.status.code(), Some(2));
    assert!(String::from_utf8(again.stderr).unwrap().contains("name another or remove it"));
    assert_eq!(fs::read(rig.path("day.cwlog")).unwrap(), bytes);
}

#[test]
fn an_export_goes_into_an_empty_log_and_the_pool_goes_on_there() {
    let mut rig = Rig::new(2);
    rig.start();
    trade(&rig);
    assert_eq!(rig.terminate(), Some(0));
    let (_, moved) = rig.verify();
    assert_eq!(rig.run(&["export", ".", "day.cwlog"]).status.code(), Some(0));

    let bytes = fs::read(rig.path("day.cwlog")).unwrap();
    fs::write(rig.path("cut"), &bytes[..bytes.len() - 1]).unwrap();
    rig.configure("data_dir = \"elsewhere\"");
    let import = |rig: &Rig, file: &str| {
        rig.run(&["import", file, "--config", "causewayd.toml", "--output", "json"])
    };
    // Broken off, and gone on with.
    assert_eq!(import(&rig, "cut").status.code(), Some(1));
    let done = import(&rig, "day.cwlog");
    assert_eq!(done.status.code(), Some(0), "{}", String::from_utf8_lossy(&done.stderr));
    let done: serde_json::Value = serde_json::from_slice(&done.stdout).unwrap();
    assert_eq!(done["records"], moved["records"]);
    assert_eq!(done["records_before"].as_u64().unwrap() + 1, moved["records"].as_u64().unwrap());

    rig.start();
    assert_eq!(rig.terminate(), Some(0), "{}", rig.errors());
    let (code, there) = verified(&rig, "elsewhere");
    assert_eq!(code, Some(0), "{there}");
    for same in ["orders", "state_root", "stored_batches"] {
        assert_eq!(there[same], moved[same], "{same}");
    }
    // What goes on there is another log by now.
    rig.start();
    runtime().block_on(async {
        let client = rig.client(&bic(0));
        client.submit(&order(&client, 1, "there")).await.unwrap();
    });
    assert_eq!(rig.terminate(), Some(0));
    let refused = import(&rig, "day.cwlog");
    assert_eq!(refused.status.code(), Some(1));
    let said = String::from_utf8(refused.stderr).unwrap();
    assert!(said.contains("somebody has used the log since"), "{said}");
    // Its tables are those of a log that went on.
    fs::remove_dir_all(rig.path("elsewhere/log")).unwrap();
    let refused = import(&rig, "day.cwlog");
    assert_eq!(refused.status.code(), Some(1));
    let said = String::from_utf8(refused.stderr).unwrap();
    assert!(said.contains("an empty store"), "{said}");

    let mut flipped = bytes;
    *flipped.last_mut().unwrap() ^= 1;
    fs::write(rig.path("flipped"), &flipped).unwrap();
    rig.configure("data_dir = \"third\"");
    let refused = import(&rig, "flipped");
    assert_eq!(refused.status.code(), Some(1));
    let said = String::from_utf8(refused.stderr).unwrap();
    let last = moved["records"].as_u64().unwrap() - 1;
    assert!(said.contains(&format!("record {last}")), "{said}");
}

#[test]
fn a_damaged_export_is_named_with_its_record() {
    let mut rig = Rig::new(2);
    rig.start();
    trade(&rig);
    assert_eq!(rig.terminate(), Some(0));
    assert_eq!(rig.run(&["export", ".", "day.cwlog"]).status.code(), Some(0));
    let bytes = fs::read(rig.path("day.cwlog")).unwrap();

    let mut flipped = bytes.clone();
    let at = bytes.windows(4).position(|window| window == b"kept").unwrap();
    flipped[at] ^= 1;
    fs::write(rig.path("flipped"), &flipped).unwrap();
    let (code, report) = verified(&rig, "flipped");
    assert_eq!(code, Some(6), "{report}");
    assert_eq!(report["first_bad"]["error"], "record checksum does not match");

    fs::write(rig.path("short"), &bytes[..bytes.len() - 1]).unwrap();
    let (code, report) = verified(&rig, "short");
    assert_eq!(code, Some(6), "{report}");
    assert_eq!(report["first_bad"]["error"], "the file ends within it; export the log again");

    fs::write(rig.path("empty"), b"").unwrap();
    assert_eq!(verified(&rig, "empty").0, Some(6));
}

#[test]
fn an_export_takes_every_record_that_a_log_takes() {
    assert_eq!(archive::RECORD_BYTES_MAX, bus::RECORD_BYTES_MAX);
}
