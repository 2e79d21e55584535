//! Any bytes, read as an order.

#![no_main]

use channel::{Envelope, HEADER_LEN, HeaderView, ParticipantId, tables_len};
use libfuzzer_sys::fuzz_target;
use sealing::{Reader, Refused};

fuzz_target!(|bytes: &[u8]| {
    let Some((header, payload)) = bytes.split_at_checked(HEADER_LEN) else { return };
    let mut reader = Reader::new(1, ParticipantId(8));
    assert_eq!(reader.open(header, payload).err(), Some(Refused));
    let Ok(decoded) = HeaderView::decode(header) else { return };
    assert_eq!(decoded.encode(), header);
    let Ok(view) = HeaderView::check(header) else { return };
    if let Ok(envelope) = Envelope::parse(view, payload) {
        let sealing = envelope.sealing();
        let views: usize = envelope.views().map(|view| view.ciphertext.len()).sum();
        let slots: usize = envelope.slots().map(|slot| slot.wrap.len()).sum();
        assert_eq!(tables_len(sealing.views, sealing.slots) + views + slots, payload.len());
        assert!(envelope.slots().all(|slot| envelope.view_mask().contains(slot.views)));
    }
});
