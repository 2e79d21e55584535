//! Strings that stand in sealed payments and nowhere on the operator's side.

use crate::capture::{Capture, is_tls};
use crate::operator::{Operator, Scan};
use crate::sealed_pool::{Details, Sealed};

/// What every canary has in it.
const SECRET: &str = "7Q4ZX";
/// What goes over the wire unencrypted, so that it must be found there.
const MARKER: &str = "MARKER5K8WV";

#[test]
fn what_is_sealed_is_nowhere_on_the_operators_side() {
    let pool = Sealed::start();
    let operator = Operator::of(&pool.node);
    let capture = Capture::begin(operator.ports());
    let uetr = "7a562c67-ca16-48ba-b074-65581be6f0e1";
    let canaries = Details {
        debtor: "CANARYPARTIES7Q4ZX1",
        street: "CANARYORIGINATOR7Q4ZX2",
        creditor_street: "CANARYBENEFICIARY7Q4ZX3",
        report: "CANARYPURPOSE7Q4ZX4",
        remittance: "CANARYREMITTANCE7Q4ZX5",
    };
    pool.pay(uetr, "20000.00", &canaries, &[]);
    pool.screen_until("", 1);
    pool.settles(uetr);
    // All who may read it have read it.
    let inbox = pool.inbox("RHNBDEFF");
    assert_eq!(inbox[0]["uetr"], uetr);
    pool.inbox("overseer");
    pool.node.ok("overseer", &["open", uetr, "--person", "P", "--reason", "R"]);
    let received = pool.written("RHNBDEFF", uetr).unwrap();
    assert_eq!(received.matches(SECRET).count(), 5);

    // The scans find what the operator may see, so they would find what it may not.
    let reference: sdk::Uetr = uetr.parse().unwrap();
    for (place, scan) in [("memory", operator.memory()), ("data", operator.data())] {
        assert!(scan.count(&reference.0) > 0, "no UETR in {place}");
        assert!(scan.count(b"ALBKGB2L") > 0, "no BIC in {place}");
        assert_eq!(scan.count(SECRET.as_bytes()), 0, "plaintext in {place}");
    }
    for (place, scan) in [("log", operator.log()), ("metrics", operator.metrics(MARKER))] {
        assert!(scan.count(b"causeway") > 0, "nothing in {place}");
        assert_eq!(scan.count(SECRET.as_bytes()), 0, "plaintext in {place}");
    }
    if let Some(capture) = capture {
        assert_nothing_is_said_on_the_wire(capture, operator.ports());
    }
}

/// Looks through what went over the node's connections. What it is asked on its other port is not
/// encrypted, and found.
fn assert_nothing_is_said_on_the_wire(capture: Capture, [node, metrics]: [u16; 2]) {
    let streams = capture.end();
    let of = |port: u16| {
        let own = streams.iter().filter(move |it| it.ports.0 == port || it.ports.1 == port);
        own.map(|it| it.bytes()).collect::<Vec<_>>()
    };
    let asked = Scan::of(of(metrics));
    assert_eq!(asked.count(MARKER.as_bytes()), 1);
    assert_eq!(asked.count(SECRET.as_bytes()), 0);
    let said = of(node);
    // Both directions of at least the payer, the screener, the receiver and the regulator.
    assert!(said.iter().filter(|bytes| bytes.len() > 1_000).count() >= 8);
    assert!(said.iter().all(|bytes| is_tls(bytes)));
    let said = Scan::of(said);
    for clear in [SECRET, "ALBKGB2L", "causeway.v1"] {
        assert_eq!(said.count(clear.as_bytes()), 0, "{clear} on the wire");
    }
}
