//! Reading the topic from a position on, one record after the other, without gap.

use std::time::{Duration, Instant};

use bytes::Bytes;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::{Message as _, Offset, TopicPartitionList};

use super::{Settings, fault, settings};
use crate::port::{Fault, Position};

/// A consumer of its own that stands before one position.
pub(super) struct Cursor {
    consumer: BaseConsumer,
    topic: String,
    next: u64,
    /// A record that was fetched but did not fit.
    held: Option<Bytes>,
}

impl Cursor {
    pub(super) fn open(settings: &Settings) -> Result<Self, Fault> {
        let consumer = settings.consumer().create().map_err(|error| fault(&error))?;
        let topic = settings.topic.clone();
        // Stands nowhere: the first seek assigns the partition.
        Ok(Self { consumer, topic, next: u64::MAX, held: None })
    }

    /// The position before which it stands.
    pub(super) fn next(&self) -> u64 {
        self.next
    }

    pub(super) fn seek(&mut self, position: u64) -> Result<(), Fault> {
        if self.next == position {
            return Ok(());
        }
        let offset = Offset::Offset(i64::try_from(position).unwrap_or(i64::MAX));
        let mut partitions = TopicPartitionList::new();
        partitions.add_partition_offset(&self.topic, 0, offset).map_err(|error| fault(&error))?;
        self.consumer.assign(&partitions).map_err(|error| fault(&error))?;
        (self.next, self.held) = (position, None);
        Ok(())
    }

    /// The first position that the topic holds, and the one behind its last.
    pub(super) fn bounds(&self) -> Result<(u64, u64), Fault> {
        let bounds = self.consumer.fetch_watermarks(&self.topic, 0, settings::PATIENCE);
        let (low, high) = bounds.map_err(|error| self.named(&error))?;
        Ok((low.unsigned_abs(), high.unsigned_abs()))
    }

    /// Records from where it stands to before `end`: at least one, or none if none came in time;
    /// then what is there without waiting, about `bytes_max` bytes at most.
    pub(super) fn take(
        &mut self,
        end: u64,
        bytes_max: usize,
        patience: Duration,
    ) -> Result<Vec<Bytes>, Fault> {
        let until = Instant::now() + patience;
        let (mut records, mut bytes) = (Vec::new(), 0);
        while self.next < end {
            let left = until.saturating_duration_since(Instant::now());
            let wait = if records.is_empty() { left } else { Duration::ZERO };
            let Some(record) = self.fetch(wait)? else {
                if records.is_empty() && left > Duration::ZERO {
                    continue;
                }
                break;
            };
            bytes += record.len().max(1);
            if bytes > bytes_max && !records.is_empty() {
                self.held = Some(record);
                break;
            }
            records.push(record);
            self.next += 1;
        }
        Ok(records)
    }

    /// The record at `next`, if it comes in time.
    fn fetch(&mut self, wait: Duration) -> Result<Option<Bytes>, Fault> {
        if let Some(held) = self.held.take() {
            return Ok(Some(held));
        }
        let Some(polled) = self.consumer.poll(wait) else { return Ok(None) };
        let message = match polled {
            Ok(message) => message,
            Err(error) if passing(&error) => {
                tracing::debug!(%error, "the log's brokers");
                return Ok(None);
            }
            Err(error) => return Err(self.named(&error)),
        };
        let offset = message.offset().unsigned_abs();
        if offset < self.next {
            // Fetched for where it stood before.
            return Ok(None);
        }
        if offset > self.next {
            return Err(Fault::Corrupt {
                position: Position(self.next),
                place: format!("topic {}", self.topic),
                why: "no record has this offset: something else than records was written here",
            });
        }
        Ok(Some(Bytes::copy_from_slice(message.payload().unwrap_or_default())))
    }

    /// An error with what it means for this log.
    fn named(&self, error: &KafkaError) -> Fault {
        use RDKafkaErrorCode as Code;
        match error.rdkafka_error_code() {
            Some(Code::UnknownTopic | Code::UnknownTopicOrPartition | Code::UnknownPartition) => {
                Fault::Absent { what: format!("topic {}", self.topic) }
            }
            Some(Code::OffsetOutOfRange | Code::AutoOffsetReset) => match self.bounds() {
                Ok((first, _)) if self.next < first => Fault::Gone { first: Position(first) },
                Ok((_, end)) => Fault::Beyond { end: Position(end) },
                Err(fault) => fault,
            },
            _ => fault(error),
        }
    }
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
        )
    )
}
