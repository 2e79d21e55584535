//! What must be refused, for `docs/reference/ppc1-vectors.json`: each case says what is changed in
//! something of the same file, and at which stage that must end.

mod orders;
mod statements;

use channel::{Rewrap, Signed};
use sealing::{OpenedOrder, Refused};
use serde_json::{Value, json};

use crate::vectors::hex;
use crate::world::Sealed;

/// All cases of a suite.
pub(crate) fn refused(
    world: &Sealed,
    opened: &OpenedOrder,
    rewrap: &Signed<Rewrap>,
    disclosure: &[u8],
) -> Value {
    json!({
        "error": Refused.to_string(),
        "orders": orders::orders(world),
        "epochs": statements::epochs(world),
        "kem_keys_of_participant_20": statements::kem_keys(world.open.statement.suite),
        "rewraps_for_participant_20": statements::rewraps(world, opened, rewrap),
        "disclosures": statements::disclosures(world, disclosure),
    })
}

/// What takes `base` to `bytes`: at an offset some bytes are cut out and others put there.
fn change(base: &[u8], bytes: &[u8]) -> Value {
    let same = |pair: &(&u8, &u8)| pair.0 == pair.1;
    let head = base.iter().zip(bytes).take_while(same).count();
    let rest = base[head..].iter().rev().zip(bytes[head..].iter().rev());
    let tail = rest.take_while(same).count();
    let (cut, put) = (base.len() - head - tail, &bytes[head..bytes.len() - tail]);
    json!({ "at": head, "cut": cut, "put": hex(put) })
}

fn flipped(bytes: &[u8], at: usize) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    bytes[at] ^= 1;
    bytes
}
