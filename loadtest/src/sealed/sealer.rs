//! The sender's side: epochs that are open, orders sealed in them.

use anyhow::Context as _;
use channel::{EPOCH_LIFE_MAX_MS, EpochOpen, OrderHeader, Recipient, Signed, Uetr};
use sealing::{Content, Epoch, EpochTerms, SealedOrder};

use super::{POLICY_VERSION, PRIVATE, Random, SHARED, SUITE, content};
use crate::scene::Bank;

/// Receivers of one epoch: with each, an agreement; the overseer's is the one more.
const RECEIVERS: usize = SUITE.epoch_readers_max() - 1;

/// Seals the orders of one bank. Its orders must be handed in as they were sealed: the pool takes
/// an epoch's sequences roughly in their order.
pub(crate) struct Sealer {
    /// Each for the next [`RECEIVERS`] banks.
    epochs: Vec<Epoch>,
    /// Of each bank: for whom payments to it are sealed.
    readers: Vec<Vec<Recipient>>,
    random: Random,
}

impl Sealer {
    /// Opens the epochs of a bank towards all others; the statements are to be handed in.
    pub(super) fn open(
        bank: &Bank,
        readers: &[Vec<Recipient>],
        mut random: Random,
    ) -> anyhow::Result<(Self, Vec<Signed<EpochOpen>>)> {
        let terms = EpochTerms {
            pool: bank.pool,
            sender: bank.id,
            suite: SUITE,
            policy_version: POLICY_VERSION,
            opened_at_ms: bank.now_ms,
            not_after_ms: bank.now_ms + EPOCH_LIFE_MAX_MS,
        };
        let (mut epochs, mut opened) = (Vec::new(), Vec::new());
        for some in readers.chunks(RECEIVERS) {
            let mut recipients = some.concat();
            recipients.sort_unstable_by_key(|it| (it.role, it.key));
            recipients.dedup_by_key(|it| (it.role, it.key));
            let (epoch, signed) = Epoch::open(terms, &recipients, &bank.signer, &mut random)?;
            epochs.push(epoch);
            opened.push(signed);
        }
        Ok((Self { epochs, readers: readers.to_vec(), random }, opened))
    }

    /// Seals a payment to the bank with this index, with so many bytes of details: half of them for
    /// receiver and overseer, the others for the receiver.
    pub(crate) fn seal(
        &mut self,
        header: &OrderHeader,
        receiver: usize,
        bytes: usize,
    ) -> anyhow::Result<SealedOrder> {
        let [shared, private] = details(header.uetr, bytes);
        let contents =
            [Content { view: SHARED, bytes: &shared }, Content { view: PRIVATE, bytes: &private }];
        let epoch = self.epochs.get_mut(receiver / RECEIVERS).context("no such epoch")?;
        Ok(epoch.seal(header, &contents, &self.readers[receiver], &mut self.random)?)
    }
}

/// What a payment says: to receiver and overseer, and to the receiver alone.
pub(super) fn details(uetr: Uetr, bytes: usize) -> [Vec<u8>; 2] {
    [content(uetr, SHARED, bytes / 2), content(uetr, PRIVATE, bytes - bytes / 2)]
}
