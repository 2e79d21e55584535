//! How to reach the brokers, and what the client library is told.

use std::time::Duration;

use rdkafka::ClientConfig;

use crate::port::RECORD_BYTES_MAX;

/// A message on the wire is a record and less than this around it.
const OVERHEAD_BYTES: usize = 64 << 10;
/// What a request to append takes of smaller records.
pub(super) const BATCH_BYTES: usize = 1 << 20;
/// How long a request to the brokers may take before it counts as unanswered.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);

/// Where the log is, and how much of it is held in memory.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Brokers to begin with, `host:port`, at least one.
    pub brokers: Vec<String>,
    /// The topic; it has one partition.
    pub topic: String,
    /// Further properties of librdkafka, such as those of TLS and SASL. What the log's promise
    /// rests on cannot be set here.
    pub properties: Vec<(String, String)>,
    /// Records that wait for the brokers may take this many bytes; beyond it appends are refused as
    /// busy.
    pub queue_bytes_max: usize,
    /// The newest records are kept in memory, up to this many bytes.
    pub cache_bytes: usize,
    /// A record that no broker has answered for in this time after it was sent is reported as
    /// unanswered, and so is one that could not be sent in this time.
    pub give_up_after: Duration,
    /// Whether the metrics of the log are this one's: of the logs of a process, one's.
    pub metrics: bool,
}

impl Settings {
    /// Defaults for a topic of these brokers.
    #[must_use]
    pub fn new(brokers: Vec<String>, topic: String) -> Self {
        Self {
            brokers,
            topic,
            properties: Vec::new(),
            queue_bytes_max: 64 << 20,
            cache_bytes: 64 << 20,
            give_up_after: Duration::from_secs(30),
            metrics: true,
        }
    }

    /// What every client is told.
    pub(super) fn client(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        for (name, value) in &self.properties {
            config.set(name, value);
        }
        config
            .set("bootstrap.servers", self.brokers.join(","))
            .set("client.id", "causeway")
            // A topic that is gone is an error, not one more topic with the brokers' defaults.
            .set("allow.auto.create.topics", "false")
            .set("socket.keepalive.enable", "true")
            // A leader that was cut off does not answer: the next one may, soon.
            .set("socket.timeout.ms", PATIENCE.as_millis().to_string())
            .set("reconnect.backoff.ms", "50")
            .set("reconnect.backoff.max.ms", "1000")
            .set("topic.metadata.refresh.interval.ms", "10000");
        config
    }

    pub(super) fn producer(&self) -> ClientConfig {
        let mut config = self.client();
        config
            .set("enable.idempotence", "true")
            .set("acks", "all")
            .set("linger.ms", "1")
            .set("message.max.bytes", (RECORD_BYTES_MAX + OVERHEAD_BYTES).to_string())
            .set("batch.size", BATCH_BYTES.to_string())
            .set("message.timeout.ms", self.give_up_after.as_millis().to_string());
        config
    }

    /// For readers of many records, which are fetched `ahead`, or of a few somewhere.
    pub(super) fn consumer(&self, ahead: bool) -> ClientConfig {
        let mut config = self.client();
        // A larger record comes all the same, alone.
        let (fetch_bytes, queue_kib) =
            if ahead { (RECORD_BYTES_MAX + OVERHEAD_BYTES, 16 << 10) } else { (128 << 10, 256) };
        config
            // Never joined: partitions are assigned, and no offset is ever committed.
            .set("group.id", "causeway-none")
            .set("enable.auto.commit", "false")
            .set("enable.auto.offset.store", "false")
            .set("auto.offset.reset", "error")
            .set("check.crcs", "true")
            .set("fetch.wait.max.ms", "100")
            .set("fetch.error.backoff.ms", "50")
            // When what was fetched ahead fills the queue: by default nothing more comes for a second.
            .set("fetch.queue.backoff.ms", "5")
            .set("fetch.message.max.bytes", fetch_bytes.to_string())
            .set("queued.max.messages.kbytes", queue_kib.to_string())
            .set("enable.partition.eof", "false");
        config
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Neither brokers that make any topic they are asked for nor somebody's properties take away
    /// what the log's promise rests on.
    #[test]
    fn what_the_promise_rests_on_cannot_be_set() {
        let mut settings = Settings::new(vec!["localhost:9092".to_owned()], "topic".to_owned());
        let fixed = [
            ("acks", "all", "1"),
            ("enable.idempotence", "true", "false"),
            ("allow.auto.create.topics", "false", "true"),
        ];
        settings.properties =
            fixed.map(|(name, _, bad)| (name.to_owned(), bad.to_owned())).to_vec();
        for (name, value, _) in fixed {
            assert_eq!(settings.producer().get(name), Some(value), "{name}");
        }
        for ahead in [false, true] {
            let consumer = settings.consumer(ahead);
            assert_eq!(consumer.get("allow.auto.create.topics"), Some("false"));
        }
    }
}
