//! The topic and what it must promise, made and checked.

use std::future::Future;
use std::ops::RangeInclusive;
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use rdkafka::ClientContext;
use rdkafka::admin::{
    AdminClient, AdminOptions, ConfigResource, NewTopic, ResourceSpecifier, TopicReplication,
};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer as _, ConsumerContext};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};

use super::Settings;

const PATIENCE: Duration = Duration::from_secs(15);
/// Between two looks at a topic that not every broker knows yet.
const PAUSE: Duration = Duration::from_millis(200);

/// What a log's topic must promise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Promise {
    /// Copies of every record, at least.
    pub replication: u16,
    /// Copies that must exist before a record counts as durable, at least; below `replication`, or
    /// one broker that is gone stops the log.
    pub in_sync: u16,
    /// How long records are kept.
    pub retention: Retention,
}

/// How long a topic keeps its records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retention {
    /// Until somebody removes them: what everything else is a function of.
    Forever,
    /// So many ms, or longer.
    AtLeastMs(u64),
}

impl Default for Promise {
    /// Three copies, two of them before a record is answered for, kept forever.
    fn default() -> Self {
        Self { replication: 3, in_sync: 2, retention: Retention::Forever }
    }
}

/// Why a topic cannot keep a log.
#[derive(Clone, Debug, thiserror::Error)]
pub enum TopicFault {
    /// The brokers refused, or did not answer.
    #[error("cannot {doing} topic {topic}: {why}")]
    Brokers {
        /// What was being done.
        doing: &'static str,
        /// Which topic.
        topic: String,
        /// What they said.
        why: String,
    },
    /// There is no such topic.
    #[error("there is no topic {0}: `causewayd cluster init` makes it")]
    Absent(String),
    /// A setting of the topic breaks the log's promise.
    #[error("topic {topic}: {setting} is {found}, must be {wanted}")]
    Broken {
        /// Which topic.
        topic: String,
        /// The topic's setting.
        setting: String,
        /// Its value.
        found: String,
        /// What it must be.
        wanted: String,
    },
}

impl Retention {
    /// `retention.ms`; -1 is forever.
    fn setting(self) -> String {
        match self {
            Self::Forever => "-1".to_owned(),
            Self::AtLeastMs(ms) => ms.to_string(),
        }
    }

    fn holds(self, found: &str) -> bool {
        match (self, found.parse::<i64>()) {
            (_, Ok(-1)) => true,
            (Self::AtLeastMs(ms), Ok(found)) => found.unsigned_abs() >= ms,
            _ => false,
        }
    }
}

/// The settings that never differ, with their values.
const FIXED: [(&str, &str); 3] = [
    ("cleanup.policy", "delete"),
    ("retention.bytes", "-1"),
    ("unclean.leader.election.enable", "false"),
];
/// A record with what is around it.
const MESSAGE_BYTES: usize = 6 << 20;

/// Makes the topic with one partition, if it is not there, and [`check`]s it.
///
/// # Errors
/// [`TopicFault`].
pub fn create(settings: &Settings, promise: Promise) -> Result<(), TopicFault> {
    let replication = TopicReplication::Fixed(i32::from(promise.replication));
    let (in_sync, message) = (promise.in_sync.to_string(), MESSAGE_BYTES.to_string());
    let kept = promise.retention.setting();
    let mut topic = NewTopic::new(&settings.topic, 1, replication)
        .set("retention.ms", &kept)
        .set("min.insync.replicas", &in_sync)
        // A broker refuses a record whose time is an hour ahead of its own: nobody reads that time.
        .set("message.timestamp.type", "LogAppendTime")
        .set("max.message.bytes", &message);
    for (name, value) in FIXED {
        topic = topic.set(name, value);
    }
    let made = finish(async {
        let client = admin(settings)?;
        client.create_topics([&topic], &options()).await
    });
    let outcome = made.map_err(|error| brokers("make", settings, &error))?;
    match outcome.into_iter().next() {
        Some(Err((_, code))) if code != RDKafkaErrorCode::TopicAlreadyExists => {
            Err(brokers("make", settings, &KafkaError::AdminOp(code)))
        }
        _ => check_made(settings, promise),
    }
}

/// Checks a topic that was just made: not every broker knows of it at once.
fn check_made(settings: &Settings, promise: Promise) -> Result<(), TopicFault> {
    let until = Instant::now() + PATIENCE;
    loop {
        match check(settings, promise) {
            Err(TopicFault::Absent(_)) if Instant::now() < until => thread::sleep(PAUSE),
            checked => return checked,
        }
    }
}

/// Removes the topic with everything in it, if it is there.
///
/// # Errors
/// [`TopicFault::Brokers`].
pub fn delete(settings: &Settings) -> Result<(), TopicFault> {
    let removed = finish(async {
        let client = admin(settings)?;
        client.delete_topics(&[&settings.topic], &options()).await
    });
    let outcome = removed.map_err(|error| brokers("remove", settings, &error))?;
    match outcome.into_iter().next() {
        Some(Err((_, code))) if code != RDKafkaErrorCode::UnknownTopicOrPartition => {
            Err(brokers("remove", settings, &KafkaError::AdminOp(code)))
        }
        _ => Ok(()),
    }
}

/// Checks partitions, replication and settings of the topic against the promise.
///
/// # Errors
/// [`TopicFault`], the first setting that breaks it.
pub fn check(settings: &Settings, promise: Promise) -> Result<(), TopicFault> {
    let replicas = check_replicas(settings, promise)?;
    let resource = ResourceSpecifier::Topic(&settings.topic);
    let described = finish(async {
        let client = admin(settings)?;
        client.describe_configs([&resource], &options()).await
    });
    let described = described.map_err(|error| brokers("describe", settings, &error))?;
    let config = described.into_iter().next().and_then(Result::ok);
    let config = config.ok_or_else(|| TopicFault::Absent(settings.topic.clone()))?;
    for (name, value) in FIXED {
        ensure(settings, &config, name, value, |found| found == value)?;
    }
    let kept = |found: &str| promise.retention.holds(found);
    ensure(settings, &config, "retention.ms", &promise.retention.setting(), kept)?;
    let in_sync = in_sync(promise, replicas);
    let wanted = format!("from {} to {}", in_sync.start(), in_sync.end());
    let holds = |found: &str| found.parse().is_ok_and(|found| in_sync.contains(&found));
    ensure(settings, &config, "min.insync.replicas", &wanted, holds)?;
    let large = |found: &str| found.parse::<usize>().is_ok_and(|found| found >= MESSAGE_BYTES);
    ensure(settings, &config, "max.message.bytes", &MESSAGE_BYTES.to_string(), large)
}

/// How many copies may be asked for before a record is answered for: as many as promised, and fewer
/// than there are, or one broker that is gone stops the log.
fn in_sync(promise: Promise, replicas: usize) -> RangeInclusive<usize> {
    let least = usize::from(promise.in_sync);
    least..=least.max(replicas.saturating_sub(1))
}

fn ensure(
    settings: &Settings,
    config: &ConfigResource,
    name: &str,
    wanted: &str,
    holds: impl Fn(&str) -> bool,
) -> Result<(), TopicFault> {
    let found = config.get(name).and_then(|entry| entry.value.as_deref()).unwrap_or("unknown");
    if holds(found) { Ok(()) } else { Err(broken(settings, name, found, wanted)) }
}

/// How many copies of the topic's one partition there are.
fn check_replicas(settings: &Settings, promise: Promise) -> Result<usize, TopicFault> {
    let client: BaseConsumer<Heard> = settings
        .consumer(false)
        .create_with_context(Heard::default())
        .map_err(|error| brokers("look up", settings, &error))?;
    let found = client.fetch_metadata(Some(&settings.topic), PATIENCE);
    let found = found.map_err(|error| {
        let heard = last_words(&client).map(|heard| format!(": {heard}")).unwrap_or_default();
        let (topic, why) = (settings.topic.clone(), format!("{error}{heard}"));
        TopicFault::Brokers { doing: "look up", topic, why }
    })?;
    let topic = found.topics().first().filter(|topic| !topic.partitions().is_empty());
    let topic = topic.ok_or_else(|| TopicFault::Absent(settings.topic.clone()))?;
    let partitions = topic.partitions();
    if partitions.len() != 1 {
        return Err(broken(settings, "partitions", &partitions.len().to_string(), "1"));
    }
    let replicas = partitions[0].replicas().len();
    if replicas < usize::from(promise.replication) {
        let wanted = format!("{} or more", promise.replication);
        return Err(broken(settings, "replication", &replicas.to_string(), &wanted));
    }
    Ok(replicas)
}

/// Why a connection failed, such as for a wrong password: the error of a request is then only that
/// no broker answers.
#[derive(Default)]
struct Heard(Mutex<Option<String>>);

impl ClientContext for Heard {
    fn error(&self, error: KafkaError, reason: &str) {
        if error.rdkafka_error_code() != Some(RDKafkaErrorCode::AllBrokersDown) {
            *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(reason.to_owned());
        }
    }
}

impl ConsumerContext for Heard {}

/// What a client has heard, which the library hands over when it is polled.
fn last_words(client: &BaseConsumer<Heard>) -> Option<String> {
    // It goes on trying and failing meanwhile.
    let until = Instant::now() + 5 * PAUSE;
    while client.poll(PAUSE).is_some() && Instant::now() < until {}
    client.context().0.lock().unwrap_or_else(PoisonError::into_inner).take()
}

fn admin(settings: &Settings) -> Result<AdminClient<DefaultClientContext>, KafkaError> {
    settings.client().create()
}

fn options() -> AdminOptions {
    AdminOptions::new().request_timeout(Some(PATIENCE)).operation_timeout(Some(PATIENCE))
}

/// Waits for an answer of the library's own thread.
fn finish<T>(answer: impl Future<Output = Result<T, KafkaError>>) -> Result<T, KafkaError> {
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    let runtime = runtime.map_err(|_| KafkaError::Canceled)?;
    runtime.block_on(answer)
}

fn brokers(doing: &'static str, settings: &Settings, error: &KafkaError) -> TopicFault {
    TopicFault::Brokers { doing, topic: settings.topic.clone(), why: error.to_string() }
}

fn broken(settings: &Settings, setting: &str, found: &str, wanted: &str) -> TopicFault {
    TopicFault::Broken {
        topic: settings.topic.clone(),
        setting: setting.to_owned(),
        found: found.to_owned(),
        wanted: wanted.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_in_sync_are_enough_and_not_all() {
        let asked = |replication, in_sync| Promise { replication, in_sync, ..Promise::default() };
        assert_eq!(in_sync(asked(3, 2), 3), 2..=2);
        assert_eq!(in_sync(asked(3, 1), 3), 1..=2);
        assert_eq!(in_sync(asked(3, 2), 5), 2..=4);
        // Where there is one copy, it is all there is to ask for.
        assert_eq!(in_sync(asked(1, 1), 1), 1..=1);
    }
}
