//! The number of a link group: it is the manifest of its members.
//!
//! Who signs an order signs its link group's number, and with it the terms of all the group's
//! members: none of them can be altered, left out or joined by another without the number being
//! another one.

use sha2::{Digest, Sha256};

use crate::header::{HeaderView, OrderHeader, Uetr};
use crate::participant::ParticipantId;

const LABEL: &[u8] = b"causeway/1 link";

/// Bytes of one member's terms.
pub const LINK_TERMS_LEN: usize = 41;

/// What the members of a link group agree on about one of them: who pays whom what, and when.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct LinkTerms {
    /// The debtor agent.
    pub sender: ParticipantId,
    /// The creditor agent.
    pub receiver: ParticipantId,
    /// The message kind's number.
    pub kind: u16,
    /// The payment's reference.
    pub uetr: Uetr,
    /// ISO 4217 letters.
    pub currency: [u8; 3],
    /// Minor units of the currency.
    pub minor: u64,
    /// `yyyymmdd`.
    pub value_date: u32,
}

impl LinkTerms {
    /// The canonical bytes.
    #[must_use]
    pub fn encode(&self) -> [u8; LINK_TERMS_LEN] {
        let mut bytes = [0; LINK_TERMS_LEN];
        let mut put = |at: usize, field: &[u8]| bytes[at..at + field.len()].copy_from_slice(field);
        put(0, &self.sender.0.to_be_bytes());
        put(4, &self.receiver.0.to_be_bytes());
        put(8, &self.kind.to_be_bytes());
        put(10, &self.uetr.0);
        put(26, &self.currency);
        put(29, &self.minor.to_be_bytes());
        put(37, &self.value_date.to_be_bytes());
        bytes
    }
}

impl From<HeaderView<'_>> for LinkTerms {
    fn from(header: HeaderView<'_>) -> Self {
        Self {
            sender: header.sender(),
            receiver: header.receiver(),
            kind: header.kind_number(),
            uetr: header.uetr(),
            currency: header.currency_bytes(),
            minor: header.minor(),
            value_date: header.value_date_number(),
        }
    }
}

impl From<&OrderHeader> for LinkTerms {
    fn from(header: &OrderHeader) -> Self {
        Self::from(HeaderView::trusted(&header.encode()))
    }
}

/// The number of the link group of these members, in whatever order they are given: the first 16
/// bytes of `SHA-256("causeway/1 link" ‖ terms of all members, ascending as byte strings)`.
#[must_use]
pub fn link_group(members: &[LinkTerms]) -> [u8; 16] {
    let mut terms: Vec<[u8; LINK_TERMS_LEN]> = members.iter().map(LinkTerms::encode).collect();
    terms.sort_unstable();
    let digest = Sha256::new().chain_update(LABEL).chain_update(terms.as_flattened()).finalize();
    let mut group = [0; 16];
    group.copy_from_slice(&digest[..16]);
    group
}

#[cfg(test)]
mod tests {
    use super::*;

    fn terms(number: u8) -> LinkTerms {
        LinkTerms {
            sender: ParticipantId(u32::from(number)),
            receiver: ParticipantId(u32::from(number) + 1),
            kind: 1,
            uetr: Uetr([number; 16]),
            currency: *b"EUR",
            minor: 100,
            value_date: 20_260_302,
        }
    }

    #[test]
    fn the_order_of_the_members_does_not_count() {
        let [a, b, c] = [terms(1), terms(2), terms(3)];
        let group = link_group(&[a, b, c]);
        for other in [[a, c, b], [b, a, c], [b, c, a], [c, a, b], [c, b, a]] {
            assert_eq!(link_group(&other), group);
        }
    }

    #[test]
    fn every_member_and_every_term_counts() {
        let (a, b) = (terms(1), terms(2));
        let group = link_group(&[a, b]);
        let others = [
            LinkTerms { sender: ParticipantId(9), ..b },
            LinkTerms { receiver: ParticipantId(9), ..b },
            LinkTerms { kind: 2, ..b },
            LinkTerms { uetr: Uetr([9; 16]), ..b },
            LinkTerms { currency: *b"USD", ..b },
            LinkTerms { minor: 101, ..b },
            LinkTerms { value_date: 20_260_303, ..b },
        ];
        for other in others {
            assert_ne!(link_group(&[a, other]), group, "{other:?}");
        }
        assert_ne!(link_group(&[a]), group);
        assert_ne!(link_group(&[a, b, b]), group);
    }
}
