//! Faults under load: parts of a cluster that are killed or frozen while orders come in, one after
//! the other, and brought back.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::str::FromStr;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use clap::Args;
use tokio::sync::{Mutex, watch};
use tokio::time::{Instant, sleep};

use crate::nodes::Nodes;
use crate::processes::Processes;

#[derive(Debug, Args)]
pub(crate) struct FaultArgs {
    /// With --cluster: what to do to a part under load, `kill:PART` (SIGKILL, then started again) or
    /// `pause:PART` (SIGSTOP, then SIGCONT); PART is kafka-1 to 3, cql-1 to 3, settler-1, settler-2,
    /// projector or gateway. May be given several times: each in turn, evenly over the orders
    #[arg(long = "fault", requires = "cluster", conflicts_with = "sealed")]
    faults: Vec<Fault>,
    /// How long a part stays killed or frozen, seconds; a client waits 120 for an answer
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=60))]
    fault_seconds: u64,
    /// What kills, freezes and starts brokers and CQL nodes
    #[arg(long, default_value = "deploy/local/cluster")]
    cluster_script: PathBuf,
}

/// What to do, and to whom.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Fault {
    kind: Kind,
    part: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Kill,
    Pause,
}

impl FromStr for Fault {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let expected = || format!("{text}: must be kill:PART or pause:PART");
        let named = text.split_once(':').filter(|(_, part)| !part.is_empty());
        let (kind, part) = named.ok_or_else(expected)?;
        let kind = match kind {
            "kill" => Kind::Kill,
            "pause" => Kind::Pause,
            _ => return Err(expected()),
        };
        Ok(Self { kind, part: part.to_owned() })
    }
}

impl Fault {
    /// The words for it and for its end, as `deploy/local/cluster` has them.
    fn words(&self) -> (&'static str, &'static str) {
        match self.kind {
            Kind::Kill => ("kill", "start"),
            Kind::Pause => ("pause", "resume"),
        }
    }
}

/// A fault that has been: what, and when it began.
#[derive(Debug)]
pub(crate) struct Suffered {
    what: String,
    from: Instant,
}

/// What those who hand in felt of a fault.
#[derive(Debug)]
pub(crate) struct Felt {
    pub(crate) what: String,
    /// The longest time without an answer to anybody, until the next fault or the last answer.
    pub(crate) silence: Duration,
}

/// What was felt of each fault; `answers` in order of time.
///
/// # Errors
/// A fault came when everything was answered.
pub(crate) fn felt(suffered: Vec<Suffered>, answers: &[Instant]) -> anyhow::Result<Vec<Felt>> {
    let last = answers.last().copied().context("no answers")?;
    let next = suffered.iter().skip(1).map(|next| next.from).chain([last]);
    let ends: Vec<_> = next.map(|end| end.min(last)).collect();
    let felt = |(suffered, end): (Suffered, Instant)| {
        let Suffered { what, from } = suffered;
        ensure!(
            from < last,
            "all orders were answered before `{what}`: hand in more, or at a --rate"
        );
        Ok(Felt { silence: silence(answers, from, end), what })
    };
    suffered.into_iter().zip(ends).map(felt).collect()
}

/// The longest gap between two answers, or an answer and a bound.
fn silence(answers: &[Instant], from: Instant, end: Instant) -> Duration {
    let within = answers.iter().filter(|at| (from..end).contains(at));
    let mut last = from;
    let mut longest = Duration::ZERO;
    for at in within.chain([&end]) {
        longest = longest.max(at.saturating_duration_since(last));
        last = *at;
    }
    longest
}

impl FaultArgs {
    /// That everything that shall suffer is there: one of our processes, or a server of the cluster.
    ///
    /// # Errors
    /// A part that is neither.
    pub(crate) fn check(&self, nodes: &Nodes, cluster_dir: &Path) -> anyhow::Result<()> {
        let servers = Processes::of_cluster(cluster_dir);
        for Fault { part, .. } in &self.faults {
            let dir = cluster_dir.display();
            ensure!(
                nodes.has(part) || servers.has(part),
                "--fault {part}: neither a process of this run ({}) nor a running server of {dir}",
                nodes.names().collect::<Vec<_>>().join(", ")
            );
        }
        Ok(())
    }

    /// Inflicts them all, each once its share of the orders is answered.
    pub(crate) async fn inflict(
        &self,
        nodes: &Mutex<Nodes>,
        cluster_dir: &Path,
        mut answered: watch::Receiver<f64>,
    ) -> anyhow::Result<Vec<Suffered>> {
        let mut suffered = Vec::new();
        for (index, fault) in self.faults.iter().enumerate() {
            let share = (index + 1) as f64 / (self.faults.len() + 1) as f64;
            answered.wait_for(|answered| *answered >= share).await?;
            let (begin, end) = fault.words();
            let from = Instant::now();
            self.tell(begin, &fault.part, nodes, cluster_dir).await?;
            sleep(Duration::from_secs(self.fault_seconds)).await;
            self.tell(end, &fault.part, nodes, cluster_dir).await?;
            suffered.push(Suffered { what: format!("{begin} {}", fault.part), from });
        }
        Ok(suffered)
    }

    async fn tell(
        &self,
        word: &str,
        part: &str,
        nodes: &Mutex<Nodes>,
        cluster_dir: &Path,
    ) -> anyhow::Result<()> {
        let mut nodes = nodes.lock().await;
        if nodes.has(part) {
            return match word {
                "kill" => nodes.kill(part),
                "start" => nodes.start_again(part).await,
                "pause" => nodes.signal(part, "STOP"),
                _ => nodes.signal(part, "CONT"),
            };
        }
        let mut script = Command::new(&self.cluster_script);
        script.args([word, part, "--dir"]).arg(cluster_dir).stdin(Stdio::null());
        let run = tokio::task::spawn_blocking(move || script.status());
        let status = run.await?.context("run the cluster's script (--cluster-script)")?;
        ensure!(status.success(), "{word} {part}: the cluster's script ended with {status}");
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_is_what_and_to_whom() {
        let fault: Fault = "kill:kafka-1".parse().unwrap();
        assert_eq!(fault, Fault { kind: Kind::Kill, part: "kafka-1".to_owned() });
        assert_eq!(fault.words(), ("kill", "start"));
        assert!("kafka-1".parse::<Fault>().unwrap_err().contains("kill:PART"));
        for bad in ["burn:kafka-1", "kill:"] {
            assert!(bad.parse::<Fault>().is_err(), "{bad}");
        }
    }

    #[test]
    fn silence_is_the_longest_gap_between_a_fault_and_what_follows() {
        let begin = Instant::now();
        let at = |seconds| begin + Duration::from_secs(seconds);
        let answers = [at(1), at(9), at(11), at(17), at(18), at(40)];
        let suffered = |seconds| Suffered { what: String::new(), from: at(seconds) };
        let felt_of = |seconds: &[u64]| {
            let felt = felt(seconds.iter().map(|at| suffered(*at)).collect(), &answers);
            felt.map(|felt| felt.iter().map(|felt| felt.silence.as_secs()).collect::<Vec<_>>())
        };
        assert_eq!(felt_of(&[10, 22]).unwrap(), [6, 18]);
        assert_eq!(felt_of(&[10, 39]).unwrap(), [21, 1]);
        let problem = felt_of(&[10, 41]).unwrap_err().to_string();
        assert!(problem.contains("hand in more"), "{problem}");
    }
}
