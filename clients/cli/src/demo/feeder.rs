//! Hands in the script, one step after the other, from wherever the log ends.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use sdk::{Client, ClientBuilder, Profile};
use tokio::time::sleep;

use super::day::{Actor, Step};
use crate::failure::{Failure, Kind, at};
use crate::output::Output;

/// How often a step is tried again after the node was away.
const RETRIES_MAX: u32 = 50;

/// A client for everybody in the script.
pub(super) struct Feeder {
    clients: BTreeMap<String, Client>,
}

/// Everybody's profile in a folder, by name.
pub(super) fn profiles(dir: &Path) -> Result<Vec<Profile>, Failure> {
    let people = dir.join("participants");
    let mut profiles = Vec::new();
    for entry in std::fs::read_dir(&people).map_err(at(&people))? {
        let path = entry.map_err(at(&people))?.path().join("profile.toml");
        profiles.push(Profile::load(&path)?);
    }
    profiles.sort_by_key(|profile| profile.participant);
    Ok(profiles)
}

impl Feeder {
    pub(super) fn connect(dir: &Path, address: &str) -> Result<Self, Failure> {
        let mut clients = BTreeMap::new();
        for profile in profiles(dir)? {
            // One attempt: a repetition would be another record, so the log is looked at first.
            let builder = ClientBuilder::from_profile(&profile)?.address(address).attempts_max(1);
            clients.insert(profile.name, builder.connect_lazy()?);
        }
        Ok(Self { clients })
    }

    /// Hands in what the log does not have yet.
    pub(super) async fn feed(&self, script: &[Step], output: Output) -> Result<(), Failure> {
        let bar = progress(script.len() as u64);
        let mut position = self.position().await?;
        if position > 1 {
            output.note(&format!("taking the day up again at position {position}"));
        }
        let mut retries = 0;
        while let Some(step) = index(position).and_then(|at| script.get(at)) {
            bar.set_position(position);
            match self.step(step, position).await {
                Ok(reached) if reached == position => (position, retries) = (position + 1, 0),
                Ok(reached) => {
                    return Err(Failure::fault(format!(
                        "step {position} became record {reached}: somebody else writes this log"
                    )));
                }
                Err(failure) if failure.kind == Kind::Transient && retries < RETRIES_MAX => {
                    retries += 1;
                    sleep(Duration::from_millis(100)).await;
                    position = self.position().await?;
                }
                Err(failure) => return Err(failure.about(format!("step {position}"))),
            }
        }
        bar.finish_and_clear();
        Ok(())
    }

    /// The position that the next record gets.
    async fn position(&self) -> Result<u64, Failure> {
        let mut retries = 0;
        loop {
            match self.client("alice")?.pool_info().await {
                Ok(pool) => return Ok(pool.next_position),
                Err(error) if error.is_transient() && retries < RETRIES_MAX => retries += 1,
                Err(error) => return Err(error.into()),
            }
            sleep(Duration::from_millis(100)).await;
        }
    }

    /// Does one step; returns the position of its record.
    async fn step(&self, step: &Step, position: u64) -> Result<u64, Failure> {
        match step {
            Step::Clock { time_ms, close_cycle } => {
                let operator = self.client("alice")?;
                Ok(operator.advance_clock(*time_ms, position, *close_cycle).await?)
            }
            Step::Command { by: Actor(by), request_id, issued_at_ms, body } => {
                let client = self.client(by)?;
                let command = client.sign_command(*request_id, *issued_at_ms, body.clone())?;
                Ok(client.execute(&command).await?.position)
            }
            Step::Orders { by: Actor(by), orders } => {
                let client = self.client(by)?;
                let batch = client.sign(orders.clone())?;
                Ok(client.submit_batch(&batch).await?.receipt.position)
            }
        }
    }

    fn client(&self, name: &str) -> Result<&Client, Failure> {
        self.clients.get(name).ok_or_else(|| Failure::fault(format!("no participant {name}")))
    }
}

/// The step behind the genesis that makes the record at a position.
fn index(position: u64) -> Option<usize> {
    usize::try_from(position.checked_sub(1)?).ok()
}

/// A bar on a terminal, nothing elsewhere.
fn progress(steps: u64) -> ProgressBar {
    let bar = ProgressBar::new(steps);
    if let Ok(style) = ProgressStyle::with_template("playing the day {bar:40} {pos}/{len} {eta}") {
        bar.set_style(style);
    }
    bar
}
