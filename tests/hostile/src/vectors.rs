//! The published vectors of ppc/1, whose keys are known.

use channel::{EpochOpen, LocalSigner, PublicKey, Signed, Signer as _};
use serde_json::Value;
use zeroize::Zeroizing;

use crate::bytes_of;

/// Of each suite.
pub(crate) fn suites() -> [Value; 2] {
    let text = include_str!("../../../docs/reference/ppc1-vectors.json");
    let all: Value = serde_json::from_str(text).unwrap();
    [all.clone(), all["suite_2"].clone()]
}

pub(crate) fn bytes(value: &Value) -> Vec<u8> {
    bytes_of(value.as_str().unwrap())
}

/// Participant 7, who sends.
pub(crate) fn sender() -> LocalSigner {
    LocalSigner::from_seed(&Zeroizing::new([7; 32]))
}

pub(crate) fn sender_key() -> PublicKey {
    PublicKey::new(&sender().public_key()).unwrap()
}

pub(crate) fn epoch(vectors: &Value) -> Signed<EpochOpen> {
    Signed::decode(&bytes(&vectors["epoch_open"])).unwrap()
}
