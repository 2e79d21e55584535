//! Input by someone who means harm, and input by nobody at all.

use iso20022::limits::{
    ATTRIBUTES_MAX, DEPTH_MAX, ELEMENTS_MAX, MESSAGE_BYTES_MAX, TEXT_CHARS_MAX, TRANSFERS_MAX,
};
use iso20022::{ErrorKind, Message, Profile};
use rand::rngs::StdRng;
use rand::{Rng, RngExt, SeedableRng};

use crate::samples::{ALL, BATCH, CUSTOMER};

/// The error of an input in the plain profile.
fn refuse(input: impl AsRef<[u8]>) -> ErrorKind {
    Message::read(input.as_ref(), Profile::Plain).expect_err("refused").kind()
}

/// The customer transfer with something else in the place of the creditor's name.
fn with_name(name: &str) -> String {
    CUSTOMER.replace("<Nm>Uhrwerk Seefeld GmbH</Nm>", name)
}

#[test]
fn entities_cannot_laugh() {
    let mut entities = String::from("<!ENTITY a0 \"ha\">");
    for level in 1..10 {
        let use_of_last = format!("&a{};", level - 1).repeat(10);
        entities.push_str(&format!("<!ENTITY a{level} \"{use_of_last}\">"));
    }
    let laugh = format!("<!DOCTYPE x [{entities}]>{}", with_name("<Nm>&a9;</Nm>"));
    assert_eq!(
        refuse(laugh.replace("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n", "")),
        ErrorKind::DocumentType
    );
    assert_eq!(refuse(with_name("<Nm>&a9;</Nm>")), ErrorKind::Entity);
}

#[test]
fn nothing_outside_is_fetched() {
    let external = "<!DOCTYPE x SYSTEM \"http://example.com/x.dtd\"><x/>";
    assert_eq!(refuse(external), ErrorKind::DocumentType);
    let parameter = "<!DOCTYPE x [<!ENTITY % p SYSTEM \"file:///etc/passwd\">%p;]><x/>";
    assert_eq!(refuse(parameter), ErrorKind::DocumentType);
    let stylesheet = "<?xml-stylesheet href=\"http://example.com/x.xsl\"?><x/>";
    assert_eq!(refuse(stylesheet), ErrorKind::ProcessingInstruction);
}

#[test]
fn sizes_end_at_their_limits() {
    let padded = |size: usize| format!("{CUSTOMER}{}", " ".repeat(size - CUSTOMER.len()));
    assert!(Message::read(padded(MESSAGE_BYTES_MAX).as_bytes(), Profile::Cbpr).is_ok());
    assert_eq!(refuse(padded(MESSAGE_BYTES_MAX + 1)), ErrorKind::MessageTooLarge);

    let name = |length: usize| with_name(&format!("<Nm>{}</Nm>", "ä".repeat(length)));
    assert!(matches!(refuse(name(TEXT_CHARS_MAX)), ErrorKind::Invalid(_)));
    assert_eq!(refuse(name(TEXT_CHARS_MAX + 1)), ErrorKind::TextTooLong);
    assert_eq!(
        refuse(with_name(&format!("<Nm>{}</Nm>", "&#65;".repeat(10_001)))),
        ErrorKind::TextTooLong
    );
}

#[test]
fn elements_are_refused_before_they_nest() {
    let bomb = "<a>".repeat(MESSAGE_BYTES_MAX / 3);
    assert_eq!(refuse(&bomb), ErrorKind::UnknownElement);
    assert_eq!(refuse(with_name(&"<PstlAdr>".repeat(DEPTH_MAX + 1))), ErrorKind::UnknownElement);
}

#[test]
fn attributes_are_counted() {
    let attributes = |count: usize| -> String {
        (0..count).map(|number| format!(" xmlns:n{number}=\"urn:{number}\"")).collect()
    };
    let name = |count| with_name(&format!("<Nm{}>Uhrwerk</Nm>", attributes(count)));
    assert!(Message::read(name(ATTRIBUTES_MAX).as_bytes(), Profile::Cbpr).is_ok());
    assert_eq!(refuse(name(ATTRIBUTES_MAX + 1)), ErrorKind::TooManyAttributes);
    let flood = (0..80_000).map(|number| format!(" a{number}=\"\"")).collect::<String>();
    assert_eq!(refuse(with_name(&format!("<Nm{flood}>a</Nm>"))), ErrorKind::UnknownAttribute);
    let declarations = attributes(30_000);
    let flood = with_name(&format!("<Nm{declarations}>a</Nm>"));
    assert_eq!(refuse(flood), ErrorKind::TooManyAttributes);
}

/// A batch with this many transfers that are all the same.
fn batch_of(count: usize) -> String {
    let (head, rest) = BATCH.split_once("    <CdtTrfTxInf>").unwrap();
    let (transfer, _) = rest.split_once("</CdtTrfTxInf>").unwrap();
    let transfer = transfer.split_whitespace().collect::<Vec<_>>().join(" ");
    let transfers = format!("<CdtTrfTxInf>{transfer}</CdtTrfTxInf>").repeat(count);
    let head = head.replace("<NbOfTxs>2", &format!("<NbOfTxs>{count}"));
    let head = head.replace("1500000<", &format!("{}<", 600_000 * count));
    format!("{head}{transfers}</FIToFICstmrCdtTrf></Document>")
}

#[test]
fn transfers_are_counted() {
    let most = usize::from(TRANSFERS_MAX);
    let full = batch_of(most);
    let message = Message::read(full.as_bytes(), Profile::Plain).unwrap();
    assert_eq!(message.routings().unwrap().len(), most);
    assert_eq!(refuse(batch_of(most + 1)), ErrorKind::TooMany(TRANSFERS_MAX));
}

#[test]
fn elements_are_counted() {
    let with = |count: usize| {
        CUSTOMER.replace("</RmtInf>", &format!("{}</RmtInf>", "<Strd/>".repeat(count)))
    };
    assert!(Message::read(with(ELEMENTS_MAX / 2).as_bytes(), Profile::Cbpr).is_ok());
    assert_eq!(refuse(with(ELEMENTS_MAX)), ErrorKind::TooManyElements);
}

#[test]
fn only_utf_8_is_read() {
    assert_eq!(refuse([0xff, 0xfe, b'<', 0, b'a', 0]), ErrorKind::Encoding);
    let latin = with_name("<Nm>Z\u{fffd}rich</Nm>").replace('\u{fffd}', "\u{1}");
    let mut bytes = latin.into_bytes();
    assert_eq!(refuse(&bytes), ErrorKind::Character);
    let at = bytes.iter().position(|byte| *byte == 1).unwrap();
    bytes[at] = 0xfc;
    let error = Message::read(&bytes, Profile::Plain).unwrap_err();
    assert_eq!((error.kind(), error.line()), (ErrorKind::Encoding, 72));
    let marked = format!("\u{feff}{CUSTOMER}");
    assert!(Message::read(marked.as_bytes(), Profile::Cbpr).is_ok());
    assert_eq!(refuse(""), ErrorKind::Syntax);
    assert_eq!(refuse("\u{feff}"), ErrorKind::Syntax);
    assert_eq!(refuse("plain text"), ErrorKind::UnexpectedText);
}

#[test]
fn what_is_cut_short_is_refused() {
    for (xml, profile) in ALL {
        let whole = xml.trim_end().len();
        for end in 0..whole {
            assert!(Message::read(&xml.as_bytes()[..end], profile).is_err(), "cut at {end}");
        }
        assert!(Message::read(&xml.as_bytes()[..whole], profile).is_ok());
    }
}

#[test]
fn an_error_is_safe_to_print() {
    for name in ["a\u{202e}b", "\u{9b}31m", "é", &"n".repeat(100_000), "a\u{7f}"] {
        let error = Message::read(with_name(&format!("<{name}>x")).as_bytes(), Profile::Plain);
        let text = error.unwrap_err().to_string();
        assert!(text.bytes().all(|b| b.is_ascii_graphic() || b == b' '), "{text:?}");
        assert!(text.len() < 200, "{text}");
    }
}

/// One random change: bytes flipped, cut, doubled, or moved in from another message.
fn mutate(bytes: &mut Vec<u8>, other: &[u8], random: &mut StdRng) {
    if bytes.is_empty() {
        return;
    }
    let at = random.random_range(0..bytes.len());
    let end = bytes.len().min(at + random.random_range(0..40));
    match random.random_range(0..6) {
        0 => bytes[at] = random.random(),
        1 => bytes[at] = *b"<>&/\"'=![]-;# \n".get(random.random_range(0..15)).unwrap_or(&b'<'),
        2 => drop(bytes.drain(at..end)),
        3 => {
            let piece = bytes[at..end].to_vec();
            bytes.splice(at..at, piece);
        }
        4 => {
            let from = random.random_range(0..other.len());
            let piece = &other[from..other.len().min(from + 60)];
            bytes.splice(at..end, piece.iter().copied());
        }
        _ => bytes.truncate(at),
    }
}

/// Whatever is accepted is written and read again the same; whatever is not has a short error.
#[test]
fn random_changes_are_read_or_refused() {
    let seed = 20_261_123;
    let mut random = StdRng::seed_from_u64(seed);
    let mut accepted = 0;
    for round in 0..40_000 {
        let (xml, profile) = ALL[round % ALL.len()];
        let (other, _) = ALL[random.random_range(0..ALL.len())];
        let mut bytes = xml.as_bytes().to_vec();
        for _ in 0..random.random_range(1..4) {
            mutate(&mut bytes, other.as_bytes(), &mut random);
        }
        match Message::read(&bytes, profile) {
            Ok(message) => {
                accepted += 1;
                let again = Message::read(message.to_xml().as_bytes(), profile).unwrap();
                assert_eq!(again.body(), message.body(), "round {round}");
                assert_eq!(again.document_element(), message.document_element(), "round {round}");
            }
            Err(error) => assert!(error.to_string().len() < 400, "round {round}: {error}"),
        }
    }
    assert!(accepted > 400, "only {accepted} were accepted: the changes are too coarse");
}

#[test]
fn noise_is_refused() {
    let mut random = StdRng::seed_from_u64(7);
    for length in 0..2_000 {
        let mut noise = vec![0; length];
        random.fill_bytes(&mut noise);
        assert!(Message::read(&noise, Profile::Plain).is_err());
        let pieces = ["<", ">", "/", "&", "a", "<a>", "</a>", "<!--", "-->", "<![CDATA[", "]]>"];
        let noise = (0..length % 60).map(|_| pieces[random.random_range(0..pieces.len())]);
        assert!(Message::read(noise.collect::<String>().as_bytes(), Profile::Plain).is_err());
    }
}
