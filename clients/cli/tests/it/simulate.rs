//! `causeway simulate` on the log of a demonstration day.

use std::fs;
use std::path::Path;

use crate::demo::play;
use crate::run::{causewayd, finish, json, run};

fn export(binary: &Path, from: &Path, to: &Path) {
    let mut command = std::process::Command::new(binary);
    let (code, _, stderr) = finish(command.arg("export").arg(from).arg(to));
    assert_eq!(code, 0, "{stderr}");
}

#[test]
fn a_day_is_played_again() {
    let binary = causewayd();
    let temporary = tempfile::tempdir().unwrap();
    let path = |name: &str| temporary.path().join(name).to_str().unwrap().to_owned();
    let report = play(Path::new(&path("demo")), "7", "2");
    export(&binary, Path::new(&path("demo")), Path::new(&path("day.cwlog")));

    // Under the same rules: the same roots.
    let (code, same) = json(&["simulate", &path("day.cwlog")]);
    assert_eq!((code, &same["same"]), (0, &true.into()));
    assert_eq!(same["as_it_would_be"]["state_root"], report["state_root"]);
    let (code, text, _) = run(&["simulate", &path("day.cwlog")]);
    assert_eq!(code, 0);
    assert!(text.contains("both days are the same, down to the last batch"), "{text}");

    // With half the money, less settles; what was accepted stays the same.
    fs::write(path("half.toml"), "liquidity_percent = 50\n").unwrap();
    let (half, svg) = (path("half.toml"), path("half.svg"));
    let (code, half) = json(&["simulate", &path("day.cwlog"), "--pool", &half, "--svg", &svg]);
    assert_eq!((code, &half["same"]), (0, &false.into()));
    assert_eq!(half["as_it_was"], same["as_it_was"]);
    let settled = |day: &str| -> u64 {
        let currencies = half[day]["currencies"].as_array().unwrap();
        currencies.iter().map(|currency| currency["settled"].as_u64().unwrap()).sum()
    };
    assert!(settled("as_it_would_be") < settled("as_it_was"));
    assert!(fs::read_to_string(&svg).unwrap().contains("as it would be"));

    fs::write(path("bad.toml"), "[rules]\ncycle_ms = 1\n").unwrap();
    let (code, refused) = json(&["simulate", &path("day.cwlog"), "--pool", &path("bad.toml")]);
    assert_eq!(code, 2);
    let message = refused["error"]["message"].as_str().unwrap();
    assert!(message.contains("bad.toml") && message.contains("cycle_ms"), "{message}");
    let (code, refused) = json(&["simulate", &path("demo")]);
    assert_eq!(code, 2);
    assert!(refused["error"]["message"].as_str().unwrap().contains("causewayd export"));
}
