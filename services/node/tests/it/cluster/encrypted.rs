//! Brokers and CQL nodes that are asked over TLS: `deploy/local/cluster up --encrypted`.

use std::fs;

use super::loaded::{BANKS, Loaded};
use super::rig::Cluster;

#[test]
#[ignore = "needs brokers and CQL nodes that are reached by TLS"]
fn a_pool_works_over_encrypted_connections() {
    let mut cluster = Cluster::encrypted(BANKS);
    cluster.add("one", "");
    cluster.start("one");
    let loaded = Loaded::new(cluster, &["one"]);
    loaded.more(1_000);
    let reports = loaded.end(&["tool"]);
    assert!(reports[0]["stored_batches"].as_u64().unwrap() > 0);
}

#[test]
#[ignore = "needs brokers and CQL nodes that are reached by TLS"]
fn who_does_not_prove_who_he_is_is_refused() {
    let cluster = Cluster::encrypted(BANKS);
    assert!(cluster.tool("status").status.success());
    let good = fs::read_to_string(cluster.rig.path("tool.toml")).unwrap();
    fs::write(cluster.rig.path("wrong"), "wrong").unwrap();
    let key = "sasl_password_file = ";
    let password = good.lines().find(|line| line.starts_with(key)).unwrap();
    let without = |names: &[&str]| {
        let kept = |line: &&str| !names.iter().any(|name| line.starts_with(name));
        good.lines().filter(kept).collect::<Vec<_>>().join("\n")
    };
    let [certificate, authority] = [&["tls_certificate", "tls_key"][..], &["tls_ca"]];
    for (text, why) in [
        (good.replace(password, "sasl_password_file = \"wrong\""), "authentication"),
        (without(certificate), "certificate"),
        (without(authority), "certificate"),
        (good.replace("ca.pem", "wrong"), "ssl.ca.location"),
    ] {
        cluster.rig.write("tool.toml", &text);
        let refused = cluster.tool("status");
        let said = String::from_utf8_lossy(&refused.stderr);
        println!("{said}");
        assert!(!refused.status.success() && said.contains(why), "{why}: {said}");
    }
}
