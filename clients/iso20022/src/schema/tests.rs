//! What holds for all tables, and messages made from nothing but the tables.

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::{Field, Leaf, MessageType, Type, VERSIONS, Version};
use crate::element::Element;
use crate::limits::DEPTH_MAX;
use crate::{ErrorKind, Message, Profile, reader, writer};

fn fields(content: &'static Type) -> &'static [Field] {
    match content {
        Type::Leaf(_) => &[],
        Type::Sequence(fields) | Type::Choice(fields) => fields,
    }
}

fn depth(content: &'static Type) -> usize {
    1 + fields(content).iter().map(|field| depth(field.content)).max().unwrap_or(0)
}

fn visit(content: &'static Type, visitor: &mut impl FnMut(&'static Type)) {
    visitor(content);
    fields(content).iter().for_each(|field| visit(field.content, visitor));
}

#[test]
fn every_message_fits_the_depth_that_is_read() {
    for version in &VERSIONS {
        // One more for what encloses the header and the document.
        assert!(depth(version.root) < DEPTH_MAX, "{}", version.identifier);
    }
}

#[test]
fn names_are_unique_within_an_edition() {
    for version in &VERSIONS {
        visit(version.root, &mut |content| {
            let mut names = fields(content)
                .iter()
                .filter(|field| field.is_in(version.edition))
                .map(|field| field.name)
                .collect::<Vec<_>>();
            names.sort_unstable();
            let count = names.len();
            names.dedup();
            assert_eq!(names.len(), count, "{}: {names:?}", version.identifier);
        });
    }
}

#[test]
fn alternatives_are_there_once_and_never_none() {
    for version in &VERSIONS {
        visit(version.root, &mut |content| {
            if let Type::Choice(fields) = content {
                assert!(fields.iter().any(|field| field.is_in(version.edition)));
                assert!(fields.iter().all(|field| (field.min, field.max) == (1, 1)));
            }
        });
    }
}

/// A random element that the table allows. Optional parts are rarer the deeper they are.
fn random_element(
    name: &'static str,
    content: &'static Type,
    version: &'static Version,
    depth: u32,
    random: &mut StdRng,
) -> Element {
    let mut element = Element::new(name);
    match content {
        Type::Leaf(leaf) => {
            element.text = random_text(*leaf, random);
            // A currency that does not settle, wherever that is allowed.
            let currency = if *leaf == Leaf::AnyAmount { "ITL" } else { "KWD" };
            element.currency = leaf.has_currency().then(|| currency.to_owned());
        }
        Type::Sequence(fields) => {
            for field in fields.iter().filter(|field| field.is_in(version.edition)) {
                let more = random.random_ratio(1, 1 + depth / 2);
                let extra = if more { random.random_range(0..=2) } else { 0 };
                let count = (field.min + extra).min(field.max);
                element.children.extend((0..count).map(|_| {
                    random_element(field.name, field.content, version, depth + 1, random)
                }));
            }
        }
        Type::Choice(fields) => {
            let fields =
                fields.iter().filter(|field| field.is_in(version.edition)).collect::<Vec<_>>();
            let field = fields[random.random_range(0..fields.len())];
            let child = random_element(field.name, field.content, version, depth + 1, random);
            element.children.push(child);
        }
    }
    element
}

fn random_text(leaf: Leaf, random: &mut StdRng) -> String {
    let fixed = match leaf {
        Leaf::Text(max) => {
            let characters = ['a', 'Z', ' ', '&', '<', '>', '"', '\'', '\r', '\n', 'é', '漢'];
            let length = random.random_range(1..=max.min(40));
            return (0..length).map(|_| characters[random.random_range(0..12)]).collect();
        }
        Leaf::Digits(_) => ["1", "2", "3"][random.random_range(0..3)],
        Leaf::Alphanumeric(length) => return "x".repeat(length.into()),
        Leaf::Code(codes) => codes[random.random_range(0..codes.len())],
        Leaf::Bic => "NORTXX2AXXX",
        Leaf::Iban => "GB82WEST12345698765432",
        Leaf::Lei => "CAUSEWAYEXAMPLE00115",
        Leaf::Country => "NO",
        Leaf::CurrencyCode => "NOK",
        Leaf::Date => "2026-11-23",
        Leaf::DateTime => "2026-11-23T09:05:00.5+01:00",
        Leaf::Time => "09:05:00Z",
        Leaf::Boolean => "true",
        Leaf::Uuid4 => "7a562c67-ca16-48ba-b074-65581be6f001",
        Leaf::Decimal(_, 0) => "17",
        Leaf::Decimal(..) => "17.5",
        Leaf::Phone => "+47-22001122",
        Leaf::Amount | Leaf::AnyAmount => "1.250",
    };
    fixed.to_owned()
}

#[test]
fn what_the_tables_allow_is_written_and_read_the_same() {
    let mut random = StdRng::seed_from_u64(1);
    for version in VERSIONS.iter().filter(|version| version.message != MessageType::Head001) {
        let header_version = Version::of(MessageType::Head001, version.edition);
        for _ in 0..60 {
            let mut part = |name, version: &'static Version| {
                (version, random_element(name, version.root, version, 0, &mut random))
            };
            let header = part("AppHdr", header_version);
            let document = part("Document", version);
            let xml = writer::write(Some(&header), &document);
            let parts = match reader::read(xml.as_bytes()) {
                Ok(parts) => parts,
                Err(error) => panic!("{}: {error}", version.identifier),
            };
            assert_eq!(parts.document.1, document.1);
            assert_eq!(parts.header.map(|(_, element)| element), Some(header.1));
        }
    }
}

/// Makes the group header of a credit transfer say what is true of the transfers.
fn make_count_true((_, document): &mut (&'static Version, Element)) {
    let message = &mut document.children[0];
    let count = message.all("CdtTrfTxInf").count();
    let group = &mut message.children[0];
    group.children.retain(|child| !matches!(child.name, "CtrlSum" | "TtlIntrBkSttlmAmt"));
    for child in group.children.iter_mut().filter(|child| child.name == "NbOfTxs") {
        child.text = count.to_string();
    }
}

#[test]
fn the_model_finds_all_it_needs_in_what_the_tables_allow() {
    let mut random = StdRng::seed_from_u64(3);
    for version in VERSIONS.iter().filter(|version| version.message != MessageType::Head001) {
        for _ in 0..100 {
            let document = random_element("Document", version.root, version, 0, &mut random);
            let mut document = (version, document);
            make_count_true(&mut document);
            let xml = writer::write(None, &document);
            match Message::read(xml.as_bytes(), Profile::Plain) {
                Ok(message) => assert_eq!(message.to_xml(), xml),
                Err(error) => assert_eq!(error.kind(), ErrorKind::Missing("TxSts"), "{error}"),
            }
        }
    }
}

#[test]
fn nothing_is_dropped_when_an_element_is_missing_or_doubled() {
    let mut random = StdRng::seed_from_u64(2);
    for version in VERSIONS.iter().filter(|version| version.message != MessageType::Head001) {
        let document = random_element("Document", version.root, version, 4, &mut random);
        let count = count_elements(&document);
        for at in 1..count {
            for change in [leave_out, double] {
                let mut changed = document.clone();
                change_nth(&mut changed, &mut at.clone(), change);
                let xml = writer::write(None, &(version, changed.clone()));
                // What is still allowed is read as it is; nothing is ever dropped.
                if let Ok(parts) = reader::read(xml.as_bytes()) {
                    assert_eq!(parts.document.1, changed, "{}", version.identifier);
                }
            }
        }
    }
}

fn count_elements(element: &Element) -> usize {
    1 + element.children.iter().map(count_elements).sum::<usize>()
}

fn leave_out(children: &mut Vec<Element>, at: usize) {
    children.remove(at);
}

fn double(children: &mut Vec<Element>, at: usize) {
    children.insert(at, children[at].clone());
}

/// Changes the children of whichever element has the `left`th element among them.
fn change_nth(element: &mut Element, left: &mut usize, change: fn(&mut Vec<Element>, usize)) {
    for at in 0..element.children.len() {
        *left -= 1;
        if *left == 0 {
            change(&mut element.children, at);
            return;
        }
        change_nth(&mut element.children[at], left, change);
        if *left == 0 {
            return;
        }
    }
}
