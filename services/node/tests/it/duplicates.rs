use std::thread;
use std::time::Duration;

use channel::Ruling;
use sdk::{Answer, Client, ParticipantId};

use crate::rig::{Rig, VALUE_DATE, bic, order, runtime};

const SUBMITS: usize = 1_000;

/// What must be the same for every attempt.
fn decided(answer: &Answer) -> ([u8; 32], u64, Ruling, u64) {
    let decision = &answer.decision;
    assert_eq!(decision.reason, None);
    (decision.digest, decision.place, decision.ruling, decision.decided_at_ms)
}

/// What an account has been debited and credited so far, minor units.
async fn posted(client: &Client, position: u64) -> (String, String) {
    let balances = client.balances("", None, position).await.unwrap().balances;
    let [balance] = &balances[..] else { panic!("one account: {balances:?}") };
    (balance.debits_posted.clone(), balance.credits_posted.clone())
}

#[test]
fn a_thousand_identical_submits_across_a_restart_take_effect_once() {
    let mut rig = Rig::new(2);
    rig.start();
    let runtime = runtime();
    runtime.block_on(rig.set_up());
    let _guard = runtime.enter();
    let clients: Vec<_> = (0..4).map(|_| rig.client(&bic(0))).collect();
    let order = order(&clients[0], 1_234, "the same");
    let submits: Vec<_> = (0..SUBMITS)
        .map(|index| {
            let (client, order) = (clients[index % clients.len()].clone(), order.clone());
            let runtime = runtime.handle().clone();
            thread::spawn(move || {
                // Some before the node is killed, some while it is away, some after.
                thread::sleep(Duration::from_millis(index as u64));
                runtime.block_on(client.submit(&order)).unwrap()
            })
        })
        .collect();
    thread::sleep(Duration::from_millis(SUBMITS as u64 / 2));
    rig.kill();
    rig.start();
    let answers: Vec<Answer> = submits.into_iter().map(|submit| submit.join().unwrap()).collect();
    assert_eq!(answers.len(), SUBMITS);
    let first = decided(&answers[0]);
    assert!(answers.iter().all(|answer| decided(answer) == first));
    let fresh = answers.iter().filter(|answer| !answer.decision.replayed).count();
    assert!(fresh <= 1, "{fresh} answers claim to be the first");

    runtime.block_on(async {
        let client = &clients[0];
        let last = answers.iter().map(|answer| answer.receipt.position).max().unwrap();
        // It waits for the cycle; then it has settled once.
        while client.get(order.uetr(), last).await.unwrap().payments[0].state
            != sdk::v1::PaymentState::Settled as i32
        {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        assert_eq!(posted(client, last).await.0, "1234");

        let other = client
            .order()
            .uetr(order.uetr())
            .created_at_ms(order.fields().created_at_ms())
            .receiver(ParticipantId(12))
            .amount("99.99 EUR")
            .value_date(VALUE_DATE)
            .payload("the same")
            .build()
            .unwrap();
        let refused = client.submit(&other).await.unwrap().decision;
        assert_eq!(refused.ruling, Ruling::Rejected);
        assert_eq!(refused.reason, Some(sdk::v1::RejectReason::IdentityReused));
        assert_eq!(refused.differing_fields, ["amount"]);
        assert_eq!(posted(client, last).await.0, "1234");
    });
    assert_eq!(rig.terminate(), Some(0));
    let (code, report) = rig.verify();
    assert_eq!((code, &report["ok"]), (Some(0), &true.into()), "{report}");
}
