//! A header and a payload: the shape that the engine checks.

use channel::{Envelope, HEADER_LEN, HeaderView, ParticipantId, tables_len};
use sealing::{Reader, Refused};

use crate::vectors::{bytes, suites};

pub(crate) fn run(bytes: &[u8]) -> bool {
    let Some((header, payload)) = bytes.split_at_checked(HEADER_LEN) else { return false };
    // Who has no key is told the same of every order.
    let mut reader = Reader::new(1, ParticipantId(8));
    assert_eq!(reader.open(header, payload).err(), Some(Refused));
    let Ok(decoded) = HeaderView::decode(header) else { return false };
    assert_eq!(decoded.encode(), header);
    let Ok(view) = HeaderView::check(header) else { return false };
    let Ok(envelope) = Envelope::parse(view, payload) else { return false };
    let sealing = envelope.sealing();
    let views: usize = envelope.views().map(|view| view.ciphertext.len()).sum();
    let slots: usize = envelope.slots().map(|slot| slot.wrap.len()).sum();
    assert_eq!(tables_len(sealing.views, sealing.slots) + views + slots, payload.len());
    assert!(envelope.slots().all(|slot| envelope.view_mask().contains(slot.views)));
    true
}

pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let order = |vectors: serde_json::Value| {
        [bytes(&vectors["order"]["header"]), bytes(&vectors["order"]["payload"])].concat()
    };
    suites().map(order).into()
}
