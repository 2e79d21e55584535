//! Reading the topic from a position on, one record after the other, without gap.

use std::time::Duration;

use bytes::Bytes;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::metadata::MetadataTopic;
use rdkafka::{Message as _, Offset, TopicPartitionList};

use super::stand::Stand;
use super::{Settings, fault, place, settings};
use crate::port::{Fault, Position};

/// A consumer of its own that stands before one position.
pub(super) struct Cursor {
    source: Source,
    stand: Stand,
    ahead: bool,
}

/// What a cursor reads from.
struct Source {
    consumer: BaseConsumer,
    topic: String,
    /// Whether the brokers have said that they do not hold what comes next. The library says it
    /// once and then fetches nothing more.
    lost: bool,
}

impl Cursor {
    /// One that fetches `ahead` of a reader of many records, or hardly.
    pub(super) fn open(settings: &Settings, ahead: bool) -> Result<Self, Fault> {
        let consumer = settings.consumer(ahead).create().map_err(|error| fault(&error))?;
        let topic = settings.topic.clone();
        let source = Source { consumer, topic, lost: false };
        // Stands nowhere: the first seek assigns the partition.
        Ok(Self { source, stand: Stand::at(u64::MAX), ahead })
    }

    /// The position before which it stands.
    pub(super) fn next(&self) -> u64 {
        self.stand.next
    }

    /// Whether it was opened to fetch ahead.
    pub(super) fn ahead(&self) -> bool {
        self.ahead
    }

    pub(super) fn seek(&mut self, position: u64) -> Result<(), Fault> {
        if self.stand.next != position {
            self.source.seek(position)?;
            self.stand = Stand::at(position);
        }
        Ok(())
    }

    /// The first position that the topic holds, and the one behind its last.
    pub(super) fn bounds(&self) -> Result<(u64, u64), Fault> {
        self.source.bounds()
    }

    /// That the topic still holds all that was read from it, as far as can be seen from outside,
    /// and how far it goes.
    pub(super) fn look(&self) -> Result<u64, Fault> {
        let (first, end) = self.bounds()?;
        let next = self.next();
        if (first..=end).contains(&next) {
            Ok(end)
        } else {
            Err(self.source.gone(next, first, end))
        }
    }

    /// Records from where it stands to before `end`: at least one, or none if none came in time;
    /// then what is there without waiting, about `bytes_max` bytes at most.
    pub(super) fn take(
        &mut self,
        end: u64,
        bytes_max: usize,
        patience: Duration,
    ) -> Result<Vec<Bytes>, Fault> {
        let source = &mut self.source;
        self.stand.take(end, bytes_max, patience, |next, wait| source.fetch(next, wait))
    }
}

impl Source {
    fn seek(&mut self, position: u64) -> Result<(), Fault> {
        let offset = Offset::Offset(i64::try_from(position).unwrap_or(i64::MAX));
        let mut partitions = TopicPartitionList::new();
        partitions.add_partition_offset(&self.topic, 0, offset).map_err(|error| fault(&error))?;
        self.consumer.assign(&partitions).map_err(|error| fault(&error))?;
        self.lost = false;
        Ok(())
    }

    fn bounds(&self) -> Result<(u64, u64), Fault> {
        let bounds = self.consumer.fetch_watermarks(&self.topic, 0, settings::PATIENCE);
        let (low, high) = bounds.map_err(|error| self.named(&error))?;
        Ok((low.unsigned_abs(), high.unsigned_abs()))
    }

    /// The record at `next`, if it comes in time.
    fn fetch(&mut self, next: u64, wait: Duration) -> Result<Option<Bytes>, Fault> {
        if self.lost {
            // As long as it takes until somebody answers.
            let (first, end) = self.bounds()?;
            return Err(self.gone(next, first, end));
        }
        let Some(polled) = self.consumer.poll(wait) else { return Ok(None) };
        let message = match polled {
            Ok(message) => message,
            Err(error) if passing(&error) => {
                tracing::debug!(%error, "the log's brokers");
                return Ok(None);
            }
            Err(error) if beside(&error) => {
                self.lost = true;
                return self.fetch(next, Duration::ZERO);
            }
            Err(error) if damaged(&error) => {
                return Err(self.corrupt(next, "the brokers hold no sound record there"));
            }
            Err(error) => return Err(self.named(&error)),
        };
        let offset = message.offset().unsigned_abs();
        if offset < next {
            // Fetched for where it stood before.
            return Ok(None);
        }
        if offset > next {
            let why = "no record has this offset: something else than records was written here";
            return Err(self.corrupt(next, why));
        }
        Ok(Some(Bytes::copy_from_slice(message.payload().unwrap_or_default())))
    }

    fn corrupt(&self, next: u64, why: &'static str) -> Fault {
        Fault::Corrupt { position: Position(next), place: place(&self.topic), why }
    }

    /// An error with what it means for this log.
    fn named(&self, error: &KafkaError) -> Fault {
        use RDKafkaErrorCode as Code;
        match error.rdkafka_error_code() {
            // Said of a topic without a leader, too.
            Some(Code::UnknownTopic | Code::UnknownTopicOrPartition | Code::UnknownPartition) => {
                self.absence()
            }
            _ => fault(error),
        }
    }

    /// Why no broker knows the partition.
    fn absence(&self) -> Fault {
        let found = self.consumer.fetch_metadata(Some(&self.topic), settings::PATIENCE);
        let metadata = match found {
            Ok(metadata) => metadata,
            Err(error) => return fault(&error),
        };
        let said = metadata.topics().first().and_then(MetadataTopic::error);
        match said.map(RDKafkaErrorCode::from) {
            Some(RDKafkaErrorCode::UnknownTopic | RDKafkaErrorCode::UnknownTopicOrPartition) => {
                Fault::Absent { what: place(&self.topic) }
            }
            _ => Fault::Unanswered { why: format!("no broker leads topic {}", self.topic) },
        }
    }

    /// What it means that the topic no longer holds, or never held, the position `next`.
    fn gone(&self, next: u64, first: u64, end: u64) -> Fault {
        let (asked, first, end) = (Position(next), Position(first), Position(end));
        if asked < first {
            return Fault::Gone { place: place(&self.topic), first };
        }
        // Even where it holds it by now: that is another record.
        Fault::Truncated { place: place(&self.topic), asked, first, end }
    }
}

/// Whether it says that the position asked for is not in the topic.
fn beside(error: &KafkaError) -> bool {
    let code = error.rdkafka_error_code();
    matches!(code, Some(RDKafkaErrorCode::OffsetOutOfRange | RDKafkaErrorCode::AutoOffsetReset))
}

/// Whether what a broker keeps is not what was written, as it or the library finds by the checksum.
/// Asking again brings the same bytes.
fn damaged(error: &KafkaError) -> bool {
    use RDKafkaErrorCode as Code;
    let code = error.rdkafka_error_code();
    matches!(code, Some(Code::BadMessage | Code::InvalidMessage | Code::BadCompression))
}

/// Whether the library goes on by itself.
fn passing(error: &KafkaError) -> bool {
    use RDKafkaErrorCode as Code;
    matches!(
        error.rdkafka_error_code(),
        Some(
            Code::AllBrokersDown
                | Code::BrokerTransportFailure
                | Code::Resolve
                | Code::OperationTimedOut
                | Code::NotLeaderForPartition
                | Code::LeaderNotAvailable
                // Of a group that is never joined, and only looked up.
                | Code::GroupAuthorizationFailed
        )
    )
}

#[cfg(test)]
mod tests {
    use rdkafka::mocking::MockCluster;
    use rdkafka::producer::DefaultProducerContext;
    use rdkafka::types::{RDKafkaApiKey, RDKafkaRespErr};

    use super::*;

    /// What a cursor finds at position 3 of an empty topic, on brokers that the library plays.
    fn found_at_3(arrange: impl Fn(&MockCluster<'static, DefaultProducerContext>)) -> Fault {
        let brokers = MockCluster::new(1).expect("brokers");
        brokers.create_topic("pool-7", 1, 1).expect("a topic");
        arrange(&brokers);
        let settings = Settings::new(vec![brokers.bootstrap_servers()], "pool-7".to_owned());
        let mut cursor = Cursor::open(&settings, false).expect("a client");
        cursor.seek(3).expect("stands there");
        loop {
            match cursor.take(4, 1, settings::PATIENCE) {
                Err(fault) if fault.retryable() => {}
                took => return took.expect_err("there is no record"),
            }
        }
    }

    #[test]
    fn a_topic_that_ends_before_what_was_read_was_cut() {
        let fault = found_at_3(|_| {});
        assert_eq!(
            fault.to_string(),
            "topic pool-7 was cut: position 3 was asked for, it holds 0 to before 0, and not as it \
             was before"
        );
        assert!(matches!(fault, Fault::Truncated { .. }), "{fault:?}");
    }

    #[test]
    fn a_record_whose_checksum_is_wrong_is_named() {
        let fault = found_at_3(|brokers| {
            let errors = [RDKafkaRespErr::RD_KAFKA_RESP_ERR_INVALID_MSG];
            brokers.request_errors(RDKafkaApiKey::Fetch, &errors);
        });
        assert_eq!(
            fault.to_string(),
            "log damaged at position 3 (topic pool-7): the brokers hold no sound record there"
        );
    }

    #[test]
    fn who_may_not_look_up_the_group_reads_all_the_same() {
        let brokers = MockCluster::new(1).expect("brokers");
        brokers.create_topic("pool-7", 1, 1).expect("a topic");
        let errors = [RDKafkaRespErr::RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED; 16];
        brokers.request_errors(RDKafkaApiKey::FindCoordinator, &errors);
        let settings = Settings::new(vec![brokers.bootstrap_servers()], "pool-7".to_owned());
        let mut cursor = Cursor::open(&settings, false).expect("a client");
        cursor.seek(0).expect("stands there");
        let took = cursor.take(1, 1, Duration::from_secs(1)).expect("no error");
        assert!(took.is_empty(), "there is no record");
    }
}
