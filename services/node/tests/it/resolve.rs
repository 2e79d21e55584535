//! What the solver of a real node proposed, found again.

use std::fs;
use std::time::Duration;

use bus::Log;
use bus::embedded::EmbeddedLog;
use clearing::pack_tick;
use sdk::{Client, CommandBody, new_request_id, now_ms};

use crate::rig::{FUNDS, Rig, bic, order, runtime};

/// Cycles are closed on command, and what they leave waits for the solver.
fn rig() -> Rig {
    let rig = Rig::new(2);
    let genesis = fs::read_to_string(rig.path("genesis.toml")).unwrap();
    let rules = "cycle_ms = 600000\nnetting = \"fifo_floor\"\nproposal_timeout_ms = 60000\n";
    rig.write("genesis.toml", &genesis.replace("cycle_ms = 50\n", rules));
    rig
}

async fn close_cycle(rig: &Rig) {
    let operator = rig.client("alice");
    let command = operator.sign_command(new_request_id(), now_ms(), CommandBody::RunCycle);
    operator.execute(&command.unwrap()).await.unwrap();
}

async fn paid(client: &Client, minor: u64) {
    while client.balances("", None, 0).await.unwrap().balances[0].debits_posted != minor.to_string()
    {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[test]
fn proposals_of_a_node_are_found_again_also_one_of_a_restarted_node() {
    let mut rig = rig();
    rig.start();
    let runtime = runtime();
    runtime.block_on(async {
        rig.set_up().await;
        let client = rig.client(&bic(0));
        // What comes behind it settles only by a proposal.
        client.submit(&order(&client, 2 * FUNDS, "too large")).await.unwrap();
        for cycle in 1..=3 {
            client.submit(&order(&client, 500, "fits")).await.unwrap();
            close_cycle(&rig).await;
            paid(&client, cycle * 500).await;
        }
        client.submit(&order(&client, 500, "fits")).await.unwrap();
    });
    assert_eq!(rig.terminate(), Some(0));

    // The node dies right behind a cut: what comes next sees it later than it was made.
    let options = bus::embedded::Options { segment_bytes: 4 << 20, ..Default::default() };
    let log = EmbeddedLog::open(&rig.path("data/log"), 1, options).unwrap();
    for cycle in [4, 0] {
        let position = log.append(pack_tick((1, now_ms()), cycle).into()).unwrap().wait();
        assert!(position.is_ok());
    }
    log.close();
    rig.start();
    runtime.block_on(async { paid(&rig.client(&bic(0)), 2_000).await });
    assert_eq!(rig.terminate(), Some(0));

    let output = rig.run(&["verify", ".", "--resolve", "--output", "json"]);
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{report}");
    let proposals = (&report["resolved_proposals"], &report["unresolvable_proposals"]);
    assert_eq!(proposals, (&4.into(), &0.into()), "{report}");
}
