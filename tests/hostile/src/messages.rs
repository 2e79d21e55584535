//! ISO 20022 messages, whole and in parts, and the texts in them.

use iso20022::{Excerpt, Message, Profile, View};
use ledger::Amount;

pub(crate) fn run(bytes: &[u8]) -> bool {
    let mut accepted = false;
    for profile in [Profile::Plain, Profile::Cbpr] {
        let Ok(message) = Message::read(bytes, profile) else { continue };
        let again = Message::read(message.to_xml().as_bytes(), profile).unwrap();
        assert_eq!(again.body(), message.body());
        accepted = true;
        let Ok(views) = message.views() else { continue };
        let excerpt = Excerpt::of(View::ALL.into_iter().zip(views.iter().map(Vec::as_slice)));
        let whole = excerpt.unwrap().unwrap().message().unwrap();
        assert_eq!(whole.body(), message.body());
    }
    // A view of a payment, by itself: the parties.
    accepted |= Excerpt::of([(View::ALL[0], bytes)]).is_ok();
    let Ok(text) = std::str::from_utf8(bytes) else { return accepted };
    if let Ok(amount) = Amount::parse_text(text) {
        assert_eq!(Amount::parse_text(&amount.to_string()), Ok(amount));
        accepted = true;
    }
    if let Some(rate) = channel::Rate::parse(text) {
        assert_eq!(channel::Rate::parse(&rate.to_string()), Some(rate));
        accepted = true;
    }
    accepted
}

pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let texts: [&str; 7] = [
        include_str!("../../../clients/iso20022/tests/it/data/pacs008_cbpr.xml"),
        include_str!("../../../clients/iso20022/tests/it/data/pacs008_batch.xml"),
        include_str!("../../../clients/iso20022/tests/it/data/pacs009_cover.xml"),
        include_str!("../../../clients/iso20022/tests/it/data/pacs002_rejection.xml"),
        include_str!("../../../clients/iso20022/tests/it/data/camt054_credit.xml"),
        "1250000.00 EUR",
        "1.0825",
    ];
    texts.map(|text| text.as_bytes().to_vec()).into()
}
