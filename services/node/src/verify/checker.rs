//! Digests, Merkle roots and signatures, checked on a second thread beside the replay.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};

use anyhow::{Context, Result};
use bytes::Bytes;
use channel::{
    Command, HeaderView, ParticipantId, PublicKey, SignatureError, SignedCommand, batch_statement,
    command_statement, merkle_root, order_digest,
};
use clearing::{Directory, Member, OrdersRecord, Pool, Record, RecordBody, StatementsRecord};

use super::report::Bad;

/// Records that wait for the second thread, at most.
const WAITING_MAX: usize = 64;

/// A record that was on its way when its sender's key was replaced holds for this long.
const REPLACED_KEY_MS: u64 = 5 * 60 * 1000;

/// The key that a participant signs with.
#[derive(Clone, Copy)]
struct InForce {
    key: [u8; 32],
    /// The one before, and until when it may still be met, ms.
    before: Option<([u8; 32], u64)>,
}

/// The public keys in force, by participant.
type Keys = BTreeMap<ParticipantId, InForce>;

/// The keys of a directory, as they follow the ones before.
fn keys_of(directory: &Directory, before: &Keys, now_ms: u64) -> Keys {
    let in_force = |member: &Member| {
        let (id, key) = (member.participant.id, member.participant.key);
        let before = match before.get(&id) {
            Some(known) if known.key == key => known.before,
            Some(known) => Some((known.key, now_ms.saturating_add(REPLACED_KEY_MS))),
            None => None,
        };
        (id, InForce { key, before })
    };
    directory.members().iter().map(in_force).collect()
}

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
    pub(super) fn check(&mut self, position: u64, record: Bytes, pool: &Pool) -> Result<(), Bad> {
        let directory = pool.directory();
        if self.directory_version != Some(directory.version()) {
            self.keys = Arc::new(keys_of(directory, &self.keys, pool.now_ms()));
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
        check(&record, signatures.then_some((&*keys, &mut known)))
            .map_err(|error| Bad::record(position, error))?;
    }
    Ok(())
}

/// Keys decompressed so far.
type Known = BTreeMap<[u8; 32], PublicKey>;

fn check(record: &[u8], keys: Option<(&Keys, &mut Known)>) -> Result<(), String> {
    let record = Record::read(record).map_err(|error| error.to_string())?;
    let at_ms = record.time_ms;
    let mut verifier = keys.map(|(keys, known)| Verifier { keys, known, at_ms });
    let verifier = verifier.as_mut();
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
    known: &'a mut Known,
    /// When the record was taken in, ms.
    at_ms: u64,
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
        let in_force = self.keys.get(&signer);
        let in_force = *in_force.ok_or_else(|| format!("participant {id} is unknown"))?;
        let before = in_force.before.filter(|(_, until_ms)| self.at_ms <= *until_ms);
        let mut keys = [Some(in_force.key), before.map(|(key, _)| key)].into_iter().flatten();
        let signed = keys.any(|key| self.verify_by(key, statement, signature).is_ok());
        signed
            .then_some(())
            .ok_or_else(|| format!("the signature of participant {id} does not verify"))
    }

    fn verify_by(
        &mut self,
        bytes: [u8; 32],
        statement: &[u8],
        signature: &[u8; 64],
    ) -> Result<(), SignatureError> {
        let key = match self.known.get(&bytes) {
            Some(key) => key,
            None => {
                let key = PublicKey::new(&bytes).map_err(|_| SignatureError)?;
                self.known.entry(bytes).or_insert(key)
            }
        };
        key.verify(statement, signature)
    }
}

#[cfg(test)]
mod tests {
    use channel::{LocalSigner, Signer as _};
    use zeroize::Zeroizing;

    use super::*;

    #[test]
    fn a_replaced_key_holds_for_what_was_on_its_way() {
        let signer = |seed| LocalSigner::from_seed(&Zeroizing::new([seed; 32]));
        let (old, new, id) = (signer(1), signer(2), ParticipantId(7));
        let before = Some((old.public_key(), 1_000));
        let keys = Keys::from([(id, InForce { key: new.public_key(), before })]);
        let mut known = Known::new();
        let mut holds = |at_ms, by: &LocalSigner| {
            let mut verifier = Verifier { keys: &keys, known: &mut known, at_ms };
            verifier.verify(id, b"said", &by.sign(b"said").unwrap()).is_ok()
        };
        assert!(holds(1_000, &old) && holds(1_000, &new) && holds(1_001, &new));
        assert!(!holds(1_001, &old) && !holds(0, &signer(3)));
    }
}
