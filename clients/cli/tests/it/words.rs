//! What needs no node.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use crate::run::{json, run};

#[test]
fn help_names_the_exit_codes() {
    let (code, stdout, _) = run(&["--help"]);
    assert_eq!(code, 0);
    assert!(stdout.contains("Exit codes: 0 ok, 1 fault or not found, 2 usage"), "{stdout}");
}

#[test]
fn failures_are_objects_too() {
    let (code, value) = json(&["pool"]);
    assert_eq!(code, 2);
    assert_eq!(value["error"]["type"], "usage");
    assert!(value["error"]["message"].as_str().unwrap().contains("--profile"));
    let (code, value) = json(&["paint"]);
    assert_eq!((code, &value["error"]["type"]), (2, &"usage".into()));
    let (code, stdout, stderr) = run(&["pool"]);
    assert_eq!((code, stdout.as_str()), (2, ""));
    assert!(stderr.starts_with("error: no profile"), "{stderr}");
}

#[test]
fn a_development_folder_is_made_once() {
    let temporary = tempfile::tempdir().unwrap();
    let dir = temporary.path().join("dev");
    let name = dir.to_str().unwrap();
    let (code, made) =
        json(&["dev", "init", name, "--bank", "ALBKGB2L:GB", "--provider", "maker:CH"]);
    assert_eq!(code, 0);
    let names: Vec<&str> =
        made.as_array().unwrap().iter().map(|row| row["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["alice", "bob", "agent", "overseer", "ALBKGB2L", "maker"]);
    let own = dir.join("participants/ALBKGB2L");
    for secret in ["ca.key.pem", "node/tls.key.pem", "node/receipt.key.pem"] {
        assert_eq!(fs::metadata(dir.join(secret)).unwrap().permissions().mode() & 0o777, 0o600);
    }
    for secret in ["tls.key.pem", "sign.key.pem"] {
        assert_eq!(fs::metadata(own.join(secret)).unwrap().permissions().mode() & 0o777, 0o600);
    }
    let before = fs::read(own.join("sign.key.pem")).unwrap();
    let (code, refused) = json(&["dev", "init", name]);
    assert_eq!(code, 2);
    assert!(refused["error"]["message"].as_str().unwrap().contains("is not empty"));
    assert_eq!(fs::read(own.join("sign.key.pem")).unwrap(), before);
}

#[test]
fn a_bank_or_a_currency_named_twice_is_refused() {
    let temporary = tempfile::tempdir().unwrap();
    let dir = temporary.path().join("dev");
    let name = dir.to_str().unwrap();
    for twice in [
        ["--bank", "ALBKGB2L:GB", "--bank", "ALBKGB2LXXX:GB"],
        ["--currency", "EUR", "--currency", "EUR"],
        ["--provider", "maker:CH", "--provider", "maker:GB"],
        ["--provider", "alice:CH", "--currency", "EUR"],
    ] {
        let (code, value) = json(&[&["dev", "init", name], &twice[..]].concat());
        assert_eq!(code, 2);
        assert!(value["error"]["message"].as_str().unwrap().contains("named twice"));
    }
    assert_eq!(fs::read_dir(temporary.path()).unwrap().count(), 0);
}

#[test]
fn settings_have_origins() {
    let temporary = tempfile::tempdir().unwrap();
    let dir = temporary.path().join("dev");
    let dir = dir.to_str().unwrap();
    assert_eq!(run(&["dev", "init", dir]).0, 0);
    let (code, shown) = json(&["--dir", dir, "--profile", "alice", "config", "show", "--origin"]);
    assert_eq!(code, 0);
    let of = |name: &str| {
        let rows = shown.as_array().unwrap();
        let row = rows.iter().find(|row| row["setting"] == name).unwrap();
        (row["value"].as_str().unwrap().to_owned(), row["origin"].as_str().unwrap().to_owned())
    };
    assert_eq!(of("address"), ("https://localhost:7400".into(), "profile".into()));
    assert_eq!(of("deadline"), ("10s".into(), "default".into()));
    assert_eq!(of("dir"), (dir.into(), "flag".into()));
}

#[test]
fn a_node_that_is_away_is_a_transient_failure() {
    let temporary = tempfile::tempdir().unwrap();
    let dir = temporary.path().join("dev");
    let dir = dir.to_str().unwrap();
    assert_eq!(run(&["dev", "init", dir]).0, 0);
    // Port 1 of the loopback address: nobody listens there.
    let (code, value) = json(&[
        "--dir",
        dir,
        "--profile",
        "alice",
        "--address",
        "https://localhost:1",
        "--deadline",
        "1",
        "pool",
    ]);
    assert_eq!(code, 4);
    let message = value["error"]["message"].as_str().unwrap();
    assert!(message.starts_with("no answer from https://localhost:1"), "{message}");
}

#[test]
fn completions_know_the_commands() {
    let (code, stdout, _) = run(&["completions", "bash"]);
    assert_eq!(code, 0);
    assert!(stdout.contains("confirm-defund"));
}
