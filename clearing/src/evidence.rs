//! Evidence: all that a certificate was computed from, for whoever checks it without the pool.
//!
//! A pool keeps none unless it is told to, and what it keeps is no part of its state: neither
//! snapshots nor roots know of it.

use channel::NettingMode;

use crate::candidates::Candidates;
use crate::certificate::Certificate;
use crate::cycle::CutQueue;
use crate::outcome::Cut;
use crate::payment::Slot;
use crate::pool::Pool;
use crate::record::{Place, Prices, SettleRecord};

/// A cycle that settled: the cut as it stood at that moment, and what was certified of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evidence {
    /// The pool's mode.
    pub mode: NettingMode,
    /// The cut. Its liquidity is what there was when it settled, right before money moved.
    pub candidates: Candidates,
    /// What settled, ascending.
    pub settled: Vec<Place>,
    /// The prices of the proposal that settled; empty if there were none.
    pub prices: Prices,
    /// The certificate, as the batch has it.
    pub certificate: Certificate,
}

impl Pool {
    /// From now on the pool keeps the evidence of every cycle that settles, until it is taken.
    pub fn keep_evidence(&mut self) {
        self.evidence.get_or_insert_default();
    }

    /// The evidence kept since the last time: in the order of the certificates, and all of it of
    /// the batch that the last record sealed if it is taken after every record.
    pub fn take_evidence(&mut self) -> Vec<Evidence> {
        self.evidence.as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// Keeps the evidence of a certificate, if it is to be kept. Nothing may have moved yet.
    pub(crate) fn note_evidence(
        &mut self,
        certificate: &Certificate,
        queues: &[CutQueue],
        slots: &[Slot],
        proposal: Option<&SettleRecord<'_>>,
    ) {
        if self.evidence.is_none() {
            return;
        }
        let cut = Cut { cycle: certificate.cycle, floor_at_ms: self.now_ms };
        let mut settled: Vec<Place> =
            slots.iter().map(|slot| self.payments.get(*slot).place).collect();
        settled.sort_unstable();
        let evidence = Evidence {
            mode: self.rules.netting,
            candidates: self.candidates_of(&cut, queues, &self.cycle.ages),
            settled,
            prices: proposal.map(SettleRecord::prices).unwrap_or_default(),
            certificate: *certificate,
        };
        self.evidence.get_or_insert_default().push(evidence);
    }
}
