//! The state root: one hash over everything that is a function of the log.

use channel::Writer;
use ledger::Hash;
use sha2::{Digest, Sha256};

use crate::pool::Pool;

const LABEL: &[u8] = b"causeway/1 state";
/// The version of the core's behaviour and of the root's layout.
pub const CORE_VERSION: u16 = 1;

/// The roots of the sections that keep a digest of their own.
struct Sections {
    ledger: Hash,
    limits: Hash,
    velocity: Hash,
    seen: Hash,
    queues: Hash,
    waiting: Hash,
    requests: Hash,
    funding: Hash,
    fx: Hash,
    disclosure: Hash,
}

impl Pool {
    /// The root of the whole state. Rehashes only what changed since the last call.
    pub fn state_root(&mut self) -> Hash {
        let sections = Sections {
            ledger: self.ledger.state_root(),
            limits: self.limits.root(),
            velocity: self.velocity.root(),
            seen: self.seen.root(),
            queues: self.queues.root(),
            waiting: self.waiting.root(),
            requests: self.requests.root(),
            funding: self.funding.root(),
            fx: self.fx.root(),
            disclosure: self.disclosure.root(),
        };
        self.join(&sections)
    }

    /// The same root, from nothing.
    #[must_use]
    pub fn recompute_root(&self) -> Hash {
        self.join(&Sections {
            ledger: self.ledger.recompute_root(),
            limits: self.limits.recompute_root(),
            velocity: self.velocity.recompute_root(),
            seen: self.seen.recompute_root(),
            queues: self.queues.recompute_root(),
            waiting: self.waiting.recompute_root(),
            requests: self.requests.recompute_root(),
            funding: self.funding.recompute_root(),
            fx: self.fx.recompute_root(),
            disclosure: self.disclosure.recompute_root(),
        })
    }

    fn join(&self, sections: &Sections) -> Hash {
        let mut hasher = Sha256::new_with_prefix(LABEL);
        hasher.update(CORE_VERSION.to_be_bytes());
        hasher.update(self.pool.to_be_bytes());
        hasher.update(self.next_position.to_be_bytes());
        hasher.update(self.now_ms.to_be_bytes());
        hasher.update(self.confirmed_until_ms.to_be_bytes());
        let Sections { ledger, limits, velocity, seen, queues, .. } = sections;
        let Sections { waiting, requests, funding, fx, disclosure, .. } = sections;
        for root in [ledger, limits, velocity, seen, queues] {
            hasher.update(root);
        }
        for root in [waiting, requests, funding, fx, disclosure] {
            hasher.update(root);
        }
        hasher.update(self.rules_hash);
        let mut writer = Writer::new();
        self.directory.write(&mut writer);
        self.write_groups(&mut writer);
        self.cycle.write(&mut writer);
        hasher.update(writer.into_bytes());
        hasher.update(self.batch.number.to_be_bytes());
        hasher.update(self.batch.first.to_be_bytes());
        hasher.update(self.batch.digest());
        hasher.finalize().into()
    }
}
