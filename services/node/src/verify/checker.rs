//! Digests, Merkle roots and signatures, checked on a second thread beside the replay.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};

use anyhow::{Context, Result};
use bytes::Bytes;
use channel::{
    Command, HeaderView, ParticipantId, PublicKey, SignedCommand, batch_statement,
    command_statement, merkle_root, order_digest,
};
use clearing::{Directory, OrdersRecord, Record, RecordBody, StatementsRecord};

use super::report::Bad;

/// Records that wait for the second thread, at most.
const WAITING_MAX: usize = 64;

/// The public keys in force, by participant.
type Keys = BTreeMap<ParticipantId, [u8; 32]>;

struct Job {
    position: u64,
    record: Bytes,
    keys: Arc<Keys>,
}

/// The second thread.
pub(super) struct Checker {
    jobs: SyncSender<Job>,
    thread: JoinHandle<Result<(), Bad>>,
    keys: Arc<Keys>,
    directory_version: Option<u64>,
}

impl Checker {
    pub(super) fn start(signatures: bool) -> Result<Self> {
        let (jobs, waiting) = sync_channel(WAITING_MAX);
        let thread = thread::Builder::new()
            .name("verify-checker".to_owned())
            .spawn(move || run(&waiting, signatures))
            .context("cannot start a thread")?;
        Ok(Self { jobs, thread, keys: Arc::default(), directory_version: None })
    }

    /// Hands on a record, with the keys that are in force before it is applied.
    ///
    /// # Errors
    /// An earlier record does not hold; [`Checker::finish`] says which.
    pub(super) fn check(
        &mut self,
        position: u64,
        record: Bytes,
        directory: &Directory,
    ) -> Result<(), Bad> {
        if self.directory_version != Some(directory.version()) {
            let members = directory.members().iter();
            let keys = members.map(|member| (member.participant.id, member.participant.key));
            self.keys = Arc::new(keys.collect());
            self.directory_version = Some(directory.version());
        }
        let job = Job { position, record, keys: self.keys.clone() };
        self.jobs.send(job).map_err(|_| Bad::record(position, "an earlier record does not hold"))
    }

    /// Waits for the rest.
    ///
    /// # Errors
    /// The first record that does not hold.
    pub(super) fn finish(self) -> Result<(), Bad> {
        drop(self.jobs);
        self.thread.join().unwrap_or_else(|_| Err(Bad::record(0, "the checking thread panicked")))
    }
}

fn run(jobs: &Receiver<Job>, signatures: bool) -> Result<(), Bad> {
    let mut known = BTreeMap::new();
    for Job { position, record, keys } in jobs {
        let mut verifier = signatures.then_some(Verifier { keys: &keys, known: &mut known });
        check(&record, verifier.as_mut()).map_err(|error| Bad::record(position, error))?;
    }
    Ok(())
}

fn check(record: &[u8], verifier: Option<&mut Verifier<'_>>) -> Result<(), String> {
    let record = Record::read(record).map_err(|error| error.to_string())?;
    match &record.body {
        RecordBody::Orders(orders) => check_orders(record.pool, orders, verifier),
        RecordBody::Command(signed) => verifier.map_or(Ok(()), |verifier| verifier.command(signed)),
        RecordBody::Statements(record) if verifier.is_some() => check_statements(record),
        RecordBody::Statements(_)
        | RecordBody::Genesis(_)
        | RecordBody::Tick { .. }
        | RecordBody::Settle(_) => Ok(()),
    }
}

fn check_orders(
    pool: u32,
    orders: &OrdersRecord<'_>,
    verifier: Option<&mut Verifier<'_>>,
) -> Result<(), String> {
    for (index, ((header, payload), digest)) in orders.orders().zip(orders.digests).enumerate() {
        let checked = HeaderView::check(header.bytes());
        let header = checked.map_err(|error| format!("order {index}: {error}"))?;
        if header.sender() != orders.sender || header.pool() != pool {
            return Err(format!("order {index} is not of the batch's sender and pool"));
        }
        if order_digest(header.bytes(), payload) != *digest {
            return Err(format!("order {index} has another digest"));
        }
    }
    if merkle_root(orders.digests.iter().map(<[u8; 32]>::as_slice)) != *orders.root {
        return Err("the digests have another Merkle root".to_owned());
    }
    let Some(verifier) = verifier else { return Ok(()) };
    let count = u32::try_from(orders.digests.len()).map_err(|error| error.to_string())?;
    let statement = batch_statement(pool, orders.sender, count, orders.root);
    verifier.verify(orders.sender, &statement, orders.signature)
}

/// Each statement is signed by the key that it names; whether that one counts is for the pool.
fn check_statements(record: &StatementsRecord) -> Result<(), String> {
    for (index, statement) in record.statements.iter().enumerate() {
        let refused = |_| format!("the signature of statement {index} does not verify");
        statement.verify().map_err(refused)?;
    }
    Ok(())
}

struct Verifier<'a> {
    keys: &'a Keys,
    /// Keys decompressed so far.
    known: &'a mut BTreeMap<[u8; 32], PublicKey>,
}

impl Verifier<'_> {
    fn command(&mut self, signed: &SignedCommand) -> Result<(), String> {
        let command = Command::decode(&signed.command).map_err(|error| error.to_string())?;
        let statement = command_statement(&signed.command);
        self.verify(command.maker, &statement, &signed.signature)?;
        match &signed.checker {
            None => Ok(()),
            Some((checker, signature)) => self.verify(*checker, &statement, signature),
        }
    }

    fn verify(
        &mut self,
        signer: ParticipantId,
        statement: &[u8],
        signature: &[u8; 64],
    ) -> Result<(), String> {
        let id = signer.0;
        let bytes = self.keys.get(&signer);
        let bytes = *bytes.ok_or_else(|| format!("participant {id} is unknown"))?;
        let refused = |_| format!("the signature of participant {id} does not verify");
        let key = match self.known.get(&bytes) {
            Some(key) => key,
            None => {
                let key = PublicKey::new(&bytes).map_err(refused)?;
                self.known.entry(bytes).or_insert(key)
            }
        };
        key.verify(statement, signature).map_err(refused)
    }
}
