//! Hands in the script, one step after the other, from wherever the log ends.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Write as _;
use std::path::Path;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use sdk::{Client, ClientBuilder, Profile};
use serde::{Deserialize, Serialize};
use tokio::time::{Instant, sleep};

use super::day::{Actor, Step};
use crate::failure::{Failure, Kind, at};
use crate::output::Output;

/// How often a step is tried again after the node was away.
const RETRIES_MAX: u32 = 50;
/// A solver that has not answered by then never will.
const SOLVED_WITHIN: Duration = Duration::from_secs(60);
/// The file, in the day's folder, that says how far the script has come.
const MARK: &str = "progress.toml";

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
    pub(super) async fn feed(
        &self,
        dir: &Path,
        script: &[Step],
        output: Output,
    ) -> Result<(), Failure> {
        let bar = progress(script.len() as u64);
        let mut mark = Mark::read(dir)?;
        let mut position = self.position(0).await?;
        if position > 1 {
            output.note(&format!("taking the day up again at position {position}"));
        }
        let mut retries = 0;
        loop {
            let at = mark.step_at(position, script);
            if at > 0 && script[..at].last().is_some_and(Step::cuts) {
                mark = Mark { step: at, position };
                mark.write(dir)?;
            }
            let Some(step) = script.get(at) else { break };
            bar.set_position(at as u64);
            let mut known = position;
            match self.step(step, position).await {
                Ok(reached) if reached == position => (known, retries) = (reached + 1, 0),
                Ok(reached) => {
                    return Err(Failure::fault(format!(
                        "step {at} became record {reached}, not {position}: somebody else writes \
                         this log"
                    )));
                }
                Err(failure) if failure.kind == Kind::Transient && retries < RETRIES_MAX => {
                    retries += 1;
                    sleep(Duration::from_millis(100)).await;
                }
                Err(failure) => return Err(failure.about(format!("step {at}"))),
            }
            position = self.position(known).await?;
        }
        bar.finish_and_clear();
        Ok(())
    }

    /// The position that the next step gets, at least `known`: what the node adds by itself is there
    /// before it. Time stands still meanwhile, so a cut is resolved by the solver, however long it
    /// takes.
    async fn position(&self, known: u64) -> Result<u64, Failure> {
        let (mut retries, began_at) = (0, Instant::now());
        loop {
            let pause = match self.client("alice")?.pool_info().await {
                Ok(pool) if pool.next_position >= known && pool.open_cut == 0 => {
                    return Ok(pool.next_position);
                }
                Ok(pool) if began_at.elapsed() > SOLVED_WITHIN => {
                    let cycle = pool.open_cut;
                    return Err(Failure::fault(format!("the solver left cycle {cycle} open")));
                }
                Ok(_) => Duration::from_millis(2),
                Err(error) if error.is_transient() && retries < RETRIES_MAX => {
                    retries += 1;
                    Duration::from_millis(100)
                }
                Err(error) => return Err(error.into()),
            };
            sleep(pause).await;
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
            // What is said of an order that was rejected meanwhile is refused, as it should be.
            Step::Statements { by: Actor(by), statements } => {
                Ok(self.client(by)?.publish(statements).await?.0)
            }
        }
    }

    fn client(&self, name: &str) -> Result<&Client, Failure> {
        self.clients.get(name).ok_or_else(|| Failure::fault(format!("no participant {name}")))
    }
}

/// Where a step stands in the log. A cycle may be followed by a record that the script does not
/// have, the solver's proposal, so each is written down once its cycle is through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Mark {
    /// The step's index in the script.
    step: usize,
    /// The position of its record.
    position: u64,
}

impl Mark {
    /// The first step stands behind the genesis.
    const FIRST: Self = Self { step: 0, position: 1 };

    fn read(dir: &Path) -> Result<Self, Failure> {
        let path = dir.join(MARK);
        if !path.exists() {
            return Ok(Self::FIRST);
        }
        let text = fs::read_to_string(&path).map_err(at(&path))?;
        toml::from_str(&text)
            .map_err(|error| Failure::fault(format!("{MARK}: {}", error.message())))
    }

    fn write(self, dir: &Path) -> Result<(), Failure> {
        let text = toml::to_string(&self).map_err(|error| Failure::fault(error.to_string()))?;
        let (path, draft) = (dir.join(MARK), dir.join(format!("{MARK}.partial")));
        let mut file = File::create(&draft).map_err(at(&draft))?;
        file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(at(&draft))?;
        fs::rename(&draft, &path).map_err(at(&path))
    }

    /// The step whose turn it is when the log ends at a position and no cut is open. Behind the
    /// first cycle after this mark nothing of the script can stand, or there were a later mark.
    fn step_at(self, position: u64, script: &[Step]) -> usize {
        let passed = usize::try_from(position.saturating_sub(self.position)).unwrap_or(usize::MAX);
        let next = self.step.saturating_add(passed);
        let cycle = script.iter().skip(self.step).position(Step::cuts);
        cycle.map_or(next, |cycle| next.min(self.step + cycle + 1)).min(script.len())
    }
}

/// A bar on a terminal, nothing elsewhere.
fn progress(steps: u64) -> ProgressBar {
    let bar = ProgressBar::new(steps);
    if let Ok(style) = ProgressStyle::with_template("playing the day {bar:40} {pos}/{len} {eta}") {
        bar.set_style(style);
    }
    bar
}

#[cfg(test)]
mod tests {
    use super::*;

    fn script() -> Vec<Step> {
        let clock = |close_cycle| Step::Clock { time_ms: 0, close_cycle };
        vec![clock(false), clock(true), clock(false), clock(true), clock(false)]
    }

    #[test]
    fn the_step_is_found_with_a_proposal_behind_a_cycle_and_without() {
        let script = script();
        let first = |position| Mark::FIRST.step_at(position, &script);
        // Steps 0 and 1 stand at 1 and 2; at 3 there may be a proposal.
        assert_eq!([first(1), first(2), first(3), first(4)], [0, 1, 2, 2]);
        let later = Mark { step: 2, position: 4 };
        let found = |position| later.step_at(position, &script);
        assert_eq!([found(4), found(5), found(6), found(7)], [2, 3, 4, 4]);
        let last = Mark { step: 4, position: 7 };
        assert_eq!([7, 8, 9].map(|position| last.step_at(position, &script)), [4, 5, 5]);
    }

    #[test]
    fn a_mark_outlives_the_process() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(Mark::read(dir.path()).unwrap(), Mark::FIRST);
        let mark = Mark { step: 12, position: 15 };
        mark.write(dir.path()).unwrap();
        assert_eq!(Mark::read(dir.path()).unwrap(), mark);
    }
}
