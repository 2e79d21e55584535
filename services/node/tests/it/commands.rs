use std::process::Output;

use crate::rig::{Rig, causewayd};

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn refused(output: &Output) -> (Option<i32>, String) {
    assert!(output.stdout.is_empty(), "errors are no data");
    (output.status.code(), text(&output.stderr))
}

#[test]
fn a_wrong_key_or_value_is_named_with_what_was_meant() {
    let rig = Rig::new(0);
    for (line, message) in [
        ("drain_deadline = 5", "unknown key `drain_deadline`; did you mean `drain_deadline_ms`?"),
        ("worker_threads = 0", "worker_threads: must be an integer from 1 to 256, not `0`"),
        ("clock = \"sundial\"", "clock: must be one of \"system\", \"scripted\", not `sundial`"),
    ] {
        rig.configure(line);
        let (code, said) = refused(&rig.run(&["dev", "--dir", "."]));
        assert_eq!(code, Some(2), "{said}");
        assert!(said.contains(message), "{said}");
    }
    rig.configure("");
    let lone = ["run", "--config", "causewayd.toml", "--role", "gateway"];
    let (code, said) = refused(&rig.run(&lone));
    assert_eq!(code, Some(2));
    assert!(said.contains("roles: must be gateway,settler,projector"), "{said}");
}

#[test]
fn the_shown_configuration_says_where_values_come_from_and_can_be_used() {
    let rig = Rig::new(0);
    let output = causewayd()
        .args(["config", "show", "--origin", "--config"])
        .arg(rig.path("causewayd.toml"))
        .env("CAUSEWAYD_GATEWAY_READS_MAX", "9")
        .output()
        .unwrap();
    assert!(output.status.success());
    let shown = text(&output.stdout);
    assert!(shown.contains("drain_deadline_ms = 3000  # file\n"), "{shown}");
    assert!(shown.contains("reads_max = 9  # env\n"), "{shown}");
    assert!(shown.contains("clock = \"system\"  # default\n"), "{shown}");
    rig.write("shown.toml", &shown);
    let again = rig.run(&["config", "show", "--config", "shown.toml"]);
    assert!(again.status.success());
    let defaults = rig.run(&["config", "show"]);
    assert_eq!(text(&again.stdout).lines().count(), text(&defaults.stdout).lines().count());
}

#[test]
fn lists_are_data() {
    let rig = Rig::new(0);
    for (list, least) in [("metrics", 20), ("rejects", 46)] {
        let output = rig.run(&[list, "list", "--output", "json"]);
        assert_eq!(output.status.code(), Some(0));
        let listed: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        assert!(listed.as_array().unwrap().len() >= least, "{list}");
        assert!(!rig.run(&[list, "list"]).stdout.is_empty());
    }
}

#[test]
fn one_process_at_a_time_and_only_on_its_own_pool() {
    let mut rig = Rig::new(1);
    rig.start();
    let (code, said) = refused(&rig.run(&["verify", "."]));
    assert_eq!(code, Some(1));
    assert!(said.contains("in use by a running causewayd"), "{said}");
    rig.write("second.toml", "listen = \"127.0.0.1:0\"\nmetrics_listen = \"127.0.0.1:0\"\n[tls]\nca = \"ca.pem\"\ncertificate = \"tls.pem\"\nkey = \"tls.key.pem\"\n[signing]\nkey = \"receipt.key.pem\"\n");
    let roles = "gateway,settler,projector";
    let (code, said) = refused(&rig.run(&["run", "--config", "second.toml", "--role", roles]));
    assert_eq!(code, Some(1));
    assert!(said.contains("in use by a running causewayd"), "{said}");
    assert_eq!(rig.terminate(), Some(0));

    let genesis = std::fs::read_to_string(rig.path("genesis.toml")).unwrap();
    rig.write("genesis.toml", &genesis.replace("cycle_ms = 50", "cycle_ms = 51"));
    let (code, said) = refused(&rig.run(&["dev", "--dir", "."]));
    assert_eq!(code, Some(1));
    assert!(said.contains("another pool than the one in the log"), "{said}");
    rig.write("genesis.toml", &genesis);
    let (code, report) = rig.verify();
    assert_eq!((code, &report["ok"]), (Some(0), &true.into()), "{report}");
    rig.start();
    assert_eq!(rig.terminate(), Some(0));

    let (code, said) = refused(&rig.run(&["verify", "node"]));
    assert_eq!(code, Some(1));
    assert!(said.contains("holds no log"), "{said}");
}
