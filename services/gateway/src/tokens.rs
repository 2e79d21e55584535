//! Tokens that callers hand back: page tokens and resume tokens.
//!
//! ```text
//! version u8 = 1 | purpose u8 | bound to [16] | values, 8 bytes each | tag [16]
//! ```
//! *Bound to* is the start of the SHA-256 of everything the token may be used for: pool, caller and
//! query. The tag is a keyed hash, so that nobody makes up a token; its key comes from the
//! operator's own, so that a token outlives a restart and a change of node.

use channel::{KeyError, ParticipantId, Signer, sha256};

use crate::errors::Refusal;

const VERSION: u8 = 1;
const KEY_STATEMENT: &[u8] = b"causeway/1 token key";
const HEAD: usize = 18;
const TAG: usize = 16;

/// For what a token was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Purpose {
    Watch = 1,
    Batches = 2,
    Entries = 3,
    Transfers = 4,
    Fills = 5,
}

/// Makes and checks tokens.
pub(crate) struct Tokens {
    key: [u8; 32],
    pool: u32,
}

impl Tokens {
    /// Derives the key: Ed25519 signatures are deterministic, and this one never leaves the node.
    pub(crate) fn new(signer: &dyn Signer, pool: u32) -> Result<Self, KeyError> {
        Ok(Self { key: sha256(&signer.sign(KEY_STATEMENT)?), pool })
    }

    /// A token for `caller` and `query` that says "go on at `values`".
    pub(crate) fn make<const N: usize>(
        &self,
        purpose: Purpose,
        caller: ParticipantId,
        query: &[u8],
        values: [u64; N],
    ) -> Vec<u8> {
        let mut token = Vec::with_capacity(HEAD + N * 8 + TAG);
        token.extend_from_slice(&[VERSION, purpose as u8]);
        token.extend_from_slice(&self.bound_to(caller, query));
        for value in values {
            token.extend_from_slice(&value.to_be_bytes());
        }
        let tag = self.tag(&token);
        token.extend_from_slice(&tag);
        token
    }

    /// What the token says, if it was made here for the same purpose, caller and query.
    pub(crate) fn read<const N: usize>(
        &self,
        purpose: Purpose,
        caller: ParticipantId,
        query: &[u8],
        token: &[u8],
    ) -> Option<[u64; N]> {
        let (body, tag) = token.split_last_chunk::<TAG>()?;
        let (head, values) = body.split_first_chunk::<HEAD>()?;
        let (values, rest) = values.as_chunks::<8>();
        let expected = self.tag(body);
        let differs = expected.iter().zip(tag).fold(0, |sum, (a, b)| sum | (a ^ b));
        let fits = head[..2] == [VERSION, purpose as u8]
            && head[2..] == self.bound_to(caller, query)
            && rest.is_empty();
        if differs != 0 || !fits {
            return None;
        }
        let values: [[u8; 8]; N] = values.try_into().ok()?;
        Some(values.map(u64::from_be_bytes))
    }

    fn bound_to(&self, caller: ParticipantId, query: &[u8]) -> [u8; 16] {
        let pool = self.pool.to_be_bytes();
        first_half(sha256(&[&pool, &caller.0.to_be_bytes(), query].concat()))
    }

    /// Hashed twice with the key in front: a hash of what one knows cannot be extended to another.
    fn tag(&self, body: &[u8]) -> [u8; TAG] {
        let inner = sha256(&[&self.key, body].concat());
        first_half(sha256(&[self.key, inner].concat()))
    }
}

fn first_half(hash: [u8; 32]) -> [u8; 16] {
    let mut half = [0; 16];
    half.copy_from_slice(&hash[..16]);
    half
}

/// A token that was not made here, or for another caller or query.
pub(crate) fn refused(field: &'static str) -> Refusal {
    Refusal::field(field, "TOKEN_INVALID", "not a token of this node for this caller and query")
}

#[cfg(test)]
mod tests {
    use channel::LocalSigner;
    use proptest::prelude::*;
    use zeroize::Zeroizing;

    use super::*;

    fn tokens(pool: u32) -> Tokens {
        Tokens::new(&LocalSigner::from_seed(&Zeroizing::new([7; 32])), pool).unwrap()
    }

    #[test]
    fn a_token_comes_back_only_to_its_caller_and_query() {
        let alice = ParticipantId(1);
        let token = tokens(1).make(Purpose::Watch, alice, b"q", [5, 6]);
        let read = |tokens: Tokens, purpose, caller, query: &[u8]| {
            tokens.read::<2>(purpose, caller, query, &token)
        };
        assert_eq!(read(tokens(1), Purpose::Watch, alice, b"q"), Some([5, 6]));
        assert_eq!(read(tokens(2), Purpose::Watch, alice, b"q"), None);
        assert_eq!(read(tokens(1), Purpose::Batches, alice, b"q"), None);
        assert_eq!(read(tokens(1), Purpose::Watch, ParticipantId(2), b"q"), None);
        assert_eq!(read(tokens(1), Purpose::Watch, alice, b"p"), None);
        assert_eq!(tokens(1).read::<1>(Purpose::Watch, alice, b"q", &token), None);
    }

    #[test]
    fn no_bit_can_be_changed_and_no_byte_left_out() {
        let alice = ParticipantId(1);
        let token = tokens(1).make(Purpose::Entries, alice, b"", [9]);
        for bit in 0..token.len() * 8 {
            let mut forged = token.clone();
            forged[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(tokens(1).read::<1>(Purpose::Entries, alice, b"", &forged), None);
        }
        for length in 0..token.len() {
            let cut = &token[..length];
            assert_eq!(tokens(1).read::<1>(Purpose::Entries, alice, b"", cut), None);
        }
    }

    proptest! {
        /// Any bytes, also under a good tag: none is a token but the one that is made of what it says.
        #[test]
        fn what_is_read_is_made_the_same(
            mut token in prop_oneof![
                prop::collection::vec(any::<u8>(), 0..80),
                any::<[u64; 2]>().prop_map(watch),
            ],
            (cut, put) in (0..4_usize, prop::collection::vec(any::<u8>(), 0..4)),
            at: prop::sample::Index,
        ) {
            let at = at.index(token.len() + 1);
            token.splice(at..token.len().min(at + cut), put);
            if let Some(body) = token.len().checked_sub(TAG) {
                let tag = tokens(1).tag(&token[..body]);
                token[body..].copy_from_slice(&tag);
            }
            let read = tokens(1).read::<2>(Purpose::Watch, ParticipantId(1), b"q", &token);
            if let Some(values) = read {
                prop_assert_eq!(watch(values), token);
            }
        }
    }

    fn watch(values: [u64; 2]) -> Vec<u8> {
        tokens(1).make(Purpose::Watch, ParticipantId(1), b"q", values)
    }
}
