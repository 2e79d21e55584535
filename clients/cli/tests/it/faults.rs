//! What readers say about payments that do not open.

use std::fs::{self, File};
use std::process::{Child, Stdio};

use channel::{BatchProof, SlotRole, Writer};
use sdk::sealed::AnyStatement;
use sdk::{Order, SignedBatch, v1};
use serde_json::Value;

use crate::crook::spoiled;
use crate::liar::Liar;
use crate::lies::{RECEIVER, SENDER, UETR, pay};
use crate::run::causeway;
use crate::started::until;

fn stated(node: &Liar) -> usize {
    let fault = |it: &&AnyStatement| matches!(it, AnyStatement::Fault(_));
    node.with(|state| state.statements.iter().filter(fault).count())
}

#[test]
fn a_fault_that_is_not_taken_is_not_said_to_be_stated() {
    let node = Liar::start();
    assert_eq!(pay(&node, UETR).0, 0);
    let keys = node.dir().join("participants").join(RECEIVER).join("sealed/keys");
    fs::rename(&keys, node.temporary.path().join("elsewhere")).unwrap();
    node.ok(RECEIVER, &["keys", "make"]);
    let into = node.temporary.path().join("inbox").display().to_string();
    let look = || {
        let (code, rows) = node.run(RECEIVER, &["inbox", "--into", &into, "--lost-keys"]);
        assert_eq!(code, 6, "{rows}");
        rows[0]["problem"].as_str().unwrap().to_owned()
    };
    node.with(|state| state.faults_refused = Some(v1::RejectReason::NotAuthorised));
    let problem = look();
    assert!(problem.contains("not taken") && problem.contains("NOT_AUTHORISED"), "{problem}");
    assert_eq!(stated(&node), 0);
    // It is stated by the next run that can, and by no other.
    node.with(|state| state.faults_refused = None);
    for _ in 0..2 {
        assert_eq!(look(), "does not open; stated as a fault");
    }
    assert_eq!(stated(&node), 1);
}

/// A payment that its screener is to look at and cannot open.
fn unopenable(node: &Liar) -> v1::Payment {
    let paid = node.with(|state| state.payments[0].clone());
    let order = Order::from_bytes(&paid.header, paid.payload.clone()).unwrap();
    let order = spoiled(&order, &[SlotRole::Screener]);
    let batch = SignedBatch::sign(vec![order.clone()], &node.signer(SENDER)).unwrap();
    let mut proof = Writer::new();
    let proven = BatchProof::new(&[*order.digest()], 0, *batch.signature());
    proven.unwrap().write(&mut proof);
    v1::Payment {
        digest: order.digest().to_vec().into(),
        payload: order.payload().clone(),
        proof: proof.into_bytes().into(),
        state: v1::PaymentState::Held.into(),
        holds: vec![v1::Hold::Screening.into()],
        ..paid
    }
}

/// A screener that keeps running.
struct Screening(Child);

impl Drop for Screening {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_screener_states_a_fault_once_and_outlives_its_payment() {
    let node = Liar::start();
    let file = node.temporary.path().join("large.xml");
    fs::write(&file, crate::node::message(UETR, SENDER, RECEIVER, "20000.00")).unwrap();
    node.ok(SENDER, &["pay", "--plain", file.to_str().unwrap()]);
    let payment = unopenable(&node);
    node.with(|state| state.payments = vec![payment]);
    let (list, rows) = (node.temporary.path().join("list"), node.temporary.path().join("rows"));
    fs::write(&list, "").unwrap();
    let mut run = causeway();
    run.arg("--json").arg("--dir").arg(node.dir());
    run.args(["--profile", "screener", "--address", &node.address]);
    run.args(["screen", "run", "--refresh-seconds", "1", "--list"]).arg(&list);
    run.stdout(File::create(&rows).unwrap()).stderr(Stdio::null());
    let mut screening = Screening(run.spawn().unwrap());
    let mut refreshed = |times: u64| {
        let asked = node.with(|state| state.faults_asked);
        until("the screener has looked again", || {
            assert!(screening.0.try_wait().unwrap().is_none(), "it has ended");
            (node.with(|state| state.faults_asked) >= asked + times).then_some(())
        });
    };
    until("the fault is stated", || (stated(&node) > 0).then_some(()));
    refreshed(3);
    let said = fs::read_to_string(&rows).unwrap();
    let said: Vec<Value> = said.lines().map(|row| serde_json::from_str(row).unwrap()).collect();
    assert!(said.len() > 1, "{said:?}");
    assert!(
        said.iter().all(|row| row["problem"] == "does not open; stated as a fault"),
        "{said:?}"
    );
    assert_eq!(stated(&node), 1);
    // The node has it no more, or will not say so to this screener.
    node.with(|state| state.payments.clear());
    refreshed(3);
}
