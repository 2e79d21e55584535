//! Payments taken apart into views, and put together again.

use std::path::Path;

use iso20022::{ErrorKind, Excerpt, Message, Profile, View};
use proptest::prelude::*;

use crate::round_trip::{credit_transfer, edition};
use crate::samples::{BATCH, COVER, CREDIT, CUSTOMER};

fn read(xml: &str) -> Message {
    Message::read(xml.as_bytes(), Profile::Cbpr).unwrap()
}

fn excerpt(views: &[Vec<u8>; 5], which: &[View]) -> Option<Excerpt> {
    Excerpt::of(which.iter().map(|view| (*view, views[*view as usize].as_slice()))).unwrap()
}

/// What a reader in another language may check itself against: one line a view.
#[test]
fn views_are_those_of_the_golden_files() {
    for (name, xml) in [("pacs008_cbpr", CUSTOMER), ("pacs009_cover", COVER)] {
        let views = read(xml).views().unwrap();
        let lines = View::ALL.into_iter().zip(&views);
        let made: String = lines
            .map(|(view, bytes)| {
                format!("{}\t{}\n", view as u8, std::str::from_utf8(bytes).unwrap())
            })
            .collect();
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/data");
        let path = path.join(format!("{name}.views.txt"));
        // CAUSEWAY_GOLDEN=write makes them anew.
        if std::env::var_os("CAUSEWAY_GOLDEN").is_some_and(|how| how == "write") {
            std::fs::write(&path, &made).unwrap();
        }
        assert_eq!(std::fs::read_to_string(&path).unwrap(), made);
    }
}

#[test]
fn all_views_are_the_message() {
    for xml in [CUSTOMER, COVER] {
        let message = read(xml);
        let views = message.views().unwrap();
        let whole = excerpt(&views, &View::ALL).unwrap();
        assert_eq!(whole.document_element(), message.document_element());
        let again = Message::read(whole.to_xml().as_bytes(), Profile::Cbpr).unwrap();
        assert_eq!(again.to_xml(), message.to_xml());
        // Whatever order they come in.
        let mut backwards = View::ALL;
        backwards.reverse();
        assert_eq!(excerpt(&views, &backwards).unwrap().to_xml(), message.to_xml());
    }
}

#[test]
fn each_view_says_its_own_and_no_more() {
    let views = read(CUSTOMER).views().unwrap();
    let said = [
        ("Sm&#248;rvik &amp; Datter AS", View::Parties),
        ("NO9386011117947", View::Parties),
        ("INV-2026-4711", View::Parties),
        ("Bryggegata", View::Originator),
        ("NO-987654321", View::Originator),
        ("Seefeldstrasse 301", View::Beneficiary),
        ("Purchase of goods", View::Purpose),
        ("SUPP", View::Purpose),
        ("Delivery note 88-12", View::Remittance),
    ];
    for (text, own) in said {
        let text = text.replace("&#248;", "ø");
        for view in View::ALL {
            let content = std::str::from_utf8(&views[view as usize]).unwrap();
            assert_eq!(content.contains(&text), view == own, "{text} in {view:?}");
        }
    }
    let some = excerpt(&views, &[View::Originator, View::Purpose]).unwrap();
    let xml = some.to_xml();
    assert!(xml.contains("Bryggegata") && xml.contains("Purchase of goods"));
    assert!(!xml.contains("Datter") && !xml.contains("Invoice"));
    assert!(some.message().is_err());
}

#[test]
fn what_belongs_elsewhere_is_refused() {
    let views = read(CUSTOMER).views().unwrap();
    let other = read(COVER).views().unwrap();
    let refused =
        |pieces: &[(View, &[u8])]| Excerpt::of(pieces.iter().copied()).unwrap_err().kind();
    let piece = |view: View| (view, views[view as usize].as_slice());
    // A view in the place of another; views of two messages; one view twice.
    assert_eq!(refused(&[(View::Purpose, &views[0])]), ErrorKind::OtherView);
    assert_eq!(refused(&[(View::Parties, &views[1])]), ErrorKind::OtherView);
    assert_eq!(
        refused(&[piece(View::Parties), (View::Remittance, &other[4])]),
        ErrorKind::OtherView
    );
    assert_eq!(refused(&[piece(View::Parties), piece(View::Parties)]), ErrorKind::OtherView);
    assert_eq!(refused(&[(View::Parties, b"<Document/>")]), ErrorKind::UnsupportedMessage);
    assert!(Excerpt::of([(View::Parties, b"".as_slice())]).unwrap().is_none());
}

#[test]
fn only_single_payments_of_bounded_size_have_views() {
    let kind = |xml: &str| {
        let message = Message::read(xml.as_bytes(), Profile::Plain).unwrap();
        message.views().unwrap_err().kind()
    };
    assert_eq!(kind(BATCH), ErrorKind::TooMany(1));
    assert_eq!(kind(CREDIT), ErrorKind::UnsupportedMessage);
    let line = format!("<Ustrd>{}</Ustrd>", "x".repeat(140));
    let long = format!("<RmtInf>{}", line.repeat(60));
    assert_eq!(kind(&CUSTOMER.replacen("<RmtInf>", &long, 1)), ErrorKind::ViewTooLarge);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn views_lose_nothing(body in credit_transfer(1), edition in edition()) {
        let message = Message::compose(&body, edition, None).unwrap();
        if let Ok(views) = message.views() {
            let whole = excerpt(&views, &View::ALL).unwrap();
            prop_assert_eq!(whole.document_element(), message.document_element());
            prop_assert_eq!(whole.message().unwrap().to_xml(), message.to_xml());
        }
    }

    #[test]
    fn hostile_views_are_refused_or_read(
        bytes in proptest::collection::vec(any::<u8>(), 0..200),
        at in any::<proptest::sample::Index>(),
        view in 0..5_usize,
    ) {
        let views = read(CUSTOMER).views().unwrap();
        let mut content = views[view].clone();
        let start = at.index(content.len());
        content.splice(start..(start + bytes.len()).min(views[view].len()), bytes);
        // Never a panic; what is taken is taken by the same rules.
        let _ = Excerpt::of([(View::ALL[view], content.as_slice())]);
    }
}
