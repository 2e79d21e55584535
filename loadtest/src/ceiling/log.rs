//! The side of the log: a plain producer, told what the node's is told.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{anyhow, ensure};
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::{BaseProducer, BaseRecord, DeliveryResult, Producer as _, ProducerContext};
use rdkafka::{ClientConfig, ClientContext};

use super::Progress;
use crate::workload::Draw;

const PATIENCE: Duration = Duration::from_secs(30);
const POLL: Duration = Duration::from_millis(2);
/// The longest record, and what is around it.
const MESSAGE_BYTES_MAX: &str = "6291456";

/// A topic of this probe's own: one partition, three copies, two of them before it answers.
pub(super) struct Topic {
    brokers: String,
    name: String,
}

impl Topic {
    pub(super) async fn create(brokers: &[String]) -> anyhow::Result<Self> {
        let name = format!("causeway-ceiling-{}", std::process::id());
        let topic = Self { brokers: brokers.join(","), name };
        let wanted = NewTopic::new(&topic.name, 1, TopicReplication::Fixed(3))
            .set("min.insync.replicas", "2")
            .set("max.message.bytes", MESSAGE_BYTES_MAX);
        only(topic.admin()?.create_topics([&wanted], &options()).await?)?;
        Ok(topic)
    }

    pub(super) async fn remove(&self) -> anyhow::Result<()> {
        only(self.admin()?.delete_topics(&[&self.name], &options()).await?)
    }

    fn config(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", &self.brokers).set("client.id", "causeway-ceiling");
        config
    }

    fn admin(&self) -> anyhow::Result<AdminClient<DefaultClientContext>> {
        Ok(self.config().create()?)
    }

    /// Produces records of so many orders and bytes, on a thread of its own, until it is stopped.
    pub(super) fn fill(
        &self,
        (orders, bytes): (u64, usize),
        in_flight: usize,
        progress: Arc<Progress>,
    ) -> JoinHandle<anyhow::Result<()>> {
        let mut config = self.config();
        config
            .set("enable.idempotence", "true")
            .set("acks", "all")
            .set("linger.ms", "1")
            .set("batch.size", "1048576")
            .set("message.max.bytes", MESSAGE_BYTES_MAX)
            .set("queue.buffering.max.kbytes", "1048576");
        let topic = self.name.clone();
        std::thread::spawn(move || {
            let answers =
                Answers { orders, progress: progress.clone(), failed: AtomicBool::new(false) };
            let producer: BaseProducer<Answers> = config.create_with_context(answers)?;
            let record = noise(bytes);
            while !progress.stopped() {
                let waiting = producer.in_flight_count() >= i32::try_from(in_flight)?;
                if waiting || !progress.log_may_go_on() {
                    producer.poll(POLL);
                    continue;
                }
                let message = BaseRecord::<(), [u8]>::to(&topic).partition(0).payload(&record);
                match producer.send(message) {
                    Ok(()) => {}
                    Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), _)) => {
                        producer.poll(POLL);
                    }
                    Err((error, _)) => return Err(error.into()),
                }
                producer.poll(Duration::ZERO);
            }
            producer.flush(PATIENCE)?;
            let failed = producer.context().failed.load(Ordering::Acquire);
            ensure!(!failed, "a record was given up");
            Ok(())
        })
    }
}

/// Counts the orders of records that the brokers have.
struct Answers {
    orders: u64,
    progress: Arc<Progress>,
    failed: AtomicBool,
}

impl ClientContext for Answers {}

impl ProducerContext for Answers {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        match result {
            Ok(_) => drop(self.progress.logged.fetch_add(self.orders, Ordering::AcqRel)),
            Err(_) => self.failed.store(true, Ordering::Release),
        }
    }
}

/// Bytes that do not compress, as those of payments do not once they are sealed.
pub(super) fn noise(bytes: usize) -> Vec<u8> {
    let mut draw = Draw::new(bytes as u64);
    let words = std::iter::repeat_with(|| draw.next().to_be_bytes());
    words.flatten().take(bytes).collect()
}

fn options() -> AdminOptions {
    AdminOptions::new().operation_timeout(Some(PATIENCE)).request_timeout(Some(PATIENCE))
}

/// The outcome for the one topic that was named.
fn only(outcome: Vec<Result<String, (String, RDKafkaErrorCode)>>) -> anyhow::Result<()> {
    match outcome.into_iter().next() {
        Some(Ok(_)) => Ok(()),
        Some(Err((topic, code))) => Err(anyhow!("topic {topic}: {code}")),
        None => Err(anyhow!("the brokers said nothing")),
    }
}
