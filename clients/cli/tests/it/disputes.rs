//! Views of a payment, shown to who checks them alone.

use std::fs;
use std::path::Path;

use sdk::sealed::{AnyStatement, Signed};
use serde_json::{Value, json};

use crate::liar::Liar;
use crate::lies::{RECEIVER, SENDER, UETR, id};
use crate::run;
use crate::sealed_pool::{PLAIN, customer_message};

struct Dispute {
    node: Liar,
}

impl Dispute {
    /// About a payment that both its parties have.
    fn start() -> Self {
        let node = Liar::start();
        let file = node.temporary.path().join("pay.xml");
        fs::write(&file, customer_message(UETR, "250.00", &PLAIN)).unwrap();
        node.ok(SENDER, &["pay", "--plain", file.to_str().unwrap()]);
        Self { node }
    }

    fn path(&self, name: &str) -> String {
        self.node.temporary.path().join(name).display().to_string()
    }

    fn check(&self, file: &str, trust: &Path, identity: &Path) -> (i32, Value) {
        let (trust, identity) = (trust.to_str().unwrap(), identity.to_str().unwrap());
        run::json(&["dispute", "check", file, "--trust", trust, "--identity", identity])
    }

    /// By who believes the roots of the pool.
    fn check_honestly(&self, file: &str) -> (i32, Value) {
        let dir = self.node.dir();
        let identity = dir.join("roots/identities").join(SENDER).with_extension("toml");
        self.check(file, &dir.join("trust.toml"), &identity)
    }
}

#[test]
fn several_views_are_shown_by_one_run() {
    let dispute = Dispute::start();
    let out = dispute.path("shown");
    let views = ["--view", "remittance", "--view", "parties", "--view", "parties"];
    let words = [&["dispute", UETR][..], &views, &["--out", &out]].concat();
    let made = dispute.node.ok(RECEIVER, &words);
    assert_eq!(made["views"], json!(["parties", "remittance"]));
    let (code, shown) = dispute.check_honestly(&out);
    assert_eq!((code, &shown["views"]), (0, &json!(["parties", "remittance"])), "{shown}");
    let xml = shown["xml"].as_str().unwrap();
    assert!(xml.contains("Thorncliffe Textiles") && xml.contains("Invoice 1"), "{xml}");
    assert!(!xml.contains("Mill Lane") && !xml.contains("goods"), "{xml}");
    // A line of it is a disclosure by itself; the same view twice is none, nor is nothing.
    let text = fs::read_to_string(&out).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 2);
    let check = |name: &str, text: &str| {
        fs::write(dispute.path(name), text).unwrap();
        dispute.check_honestly(&dispute.path(name))
    };
    let (code, shown) = check("one", lines[1]);
    assert_eq!((code, &shown["views"]), (0, &json!(["remittance"])), "{shown}");
    assert_eq!(check("twice", &[lines[0], lines[0]].join("\n")).0, 6);
    assert_eq!(check("many", &[lines[0]; 6].join("\n")).0, 2);
    assert_eq!(check("nothing", "\n").0, 2);
    // Without a payment, or a view, there is nothing to show.
    assert_eq!(dispute.node.run(RECEIVER, &["dispute"]).0, 2);
    assert_eq!(dispute.node.run(RECEIVER, &["dispute", UETR, "--out", &dispute.path("x")]).0, 2);
}

#[test]
fn what_was_signed_in_another_pool_does_not_hold_in_this_one() {
    let dispute = Dispute::start();
    let out = dispute.path("shown");
    dispute.node.ok(SENDER, &["dispute", UETR, "--view", "parties", "--out", &out]);
    assert_eq!(dispute.check_honestly(&out).0, 0);
    // In pool 2 the same root knows the same bank by the same key and number.
    let dir = dispute.node.dir();
    let sender = id(&dispute.node, SENDER);
    let known = dispute.node.with(|state| {
        let mut identities = state.statements.iter().filter_map(|it| match it {
            AnyStatement::Identity(it) => Some(it.statement.clone()),
            _ => None,
        });
        identities.find(|it| it.participant.id == sender).unwrap()
    });
    let root = fs::read_to_string(dir.join("roots/scheme.key.pem")).unwrap();
    let root = channel::LocalSigner::from_pem(&root).unwrap();
    let other: AnyStatement =
        Signed::sign(sdk::sealed::Identity { pool: 2, ..known }, &root).unwrap().into();
    let digits: String = other.encode().iter().map(|byte| format!("{byte:02x}")).collect();
    let (label, kind) = (other.label(), other.kind());
    let identity = dispute.node.temporary.path().join("identity.toml");
    let text = format!("statement = \"{label}\"\nkind = {kind}\nsigned = \"{digits}\"\n");
    fs::write(&identity, text).unwrap();
    let trust = dispute.node.temporary.path().join("trust.toml");
    let text = fs::read_to_string(dir.join("trust.toml")).unwrap();
    fs::write(&trust, text.replace("pool = 1", "pool = 2")).unwrap();
    let (code, value) = dispute.check(&out, &trust, &identity);
    assert_eq!(code, 6, "{value}");
    assert!(value["error"]["message"].as_str().unwrap().contains("pool 1"), "{value}");
}
