//! What each message may contain: tables of elements in their order, with their number and type.
//!
//! The tables are the heart of the codec: the reader refuses whatever they do not list, tests make
//! random messages from them. They follow the schemas that ISO 20022 publishes, in two editions.
//! Left out on purpose: supplementary data and signatures (content that nobody here could check),
//! and those parts of reports that only securities, cards, and direct debits need.

use crate::Leaf;
use crate::limits::TRANSFERS_MAX;

mod camt054;
mod head001;
mod pacs002;
mod pacs008;
mod pacs009;
mod party;
mod remittance;
mod tax;

/// The yearly edition of the schemas that a version of a message belongs to.
///
/// Messages carry version numbers of their own; what they share (parties, agents, remittance)
/// changes by edition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Edition {
    /// The edition of 2019, that CBPR+ and HVPS+ use: pacs.008.001.08 and its family.
    E2019,
    /// The edition of 2024: pacs.008.001.12 and its family.
    E2024,
}

/// A message, or the business application header.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MessageType {
    /// `head.001`: business application header.
    Head001,
    /// `pacs.002`: payment status report.
    Pacs002,
    /// `pacs.008`: customer credit transfer.
    Pacs008,
    /// `pacs.009`: credit transfer between financial institutions.
    Pacs009,
    /// `camt.054`: debit and credit notification.
    Camt054,
}

/// A version of a message: where it is named, and what it contains.
pub(crate) struct Version {
    pub(crate) message: MessageType,
    pub(crate) edition: Edition,
    /// As in the header's `MsgDefIdr`, and at the end of the namespace.
    pub(crate) identifier: &'static str,
    /// The content of `Document` or `AppHdr`.
    pub(crate) root: &'static Type,
}

/// What the identifiers are preceded by to make a namespace.
pub(crate) const NAMESPACE_PREFIX: &str = "urn:iso:std:iso:20022:tech:xsd:";

pub(crate) static VERSIONS: [Version; 10] = {
    use Edition::{E2019, E2024};
    use MessageType::{Camt054, Head001, Pacs002, Pacs008, Pacs009};
    [
        version(Head001, E2019, "head.001.001.02", &head001::ROOT),
        version(Head001, E2024, "head.001.001.04", &head001::ROOT),
        version(Pacs002, E2019, "pacs.002.001.10", &pacs002::ROOT),
        version(Pacs002, E2024, "pacs.002.001.14", &pacs002::ROOT),
        version(Pacs008, E2019, "pacs.008.001.08", &pacs008::ROOT),
        version(Pacs008, E2024, "pacs.008.001.12", &pacs008::ROOT),
        version(Pacs009, E2019, "pacs.009.001.08", &pacs009::ROOT),
        version(Pacs009, E2024, "pacs.009.001.11", &pacs009::ROOT),
        version(Camt054, E2019, "camt.054.001.08", &camt054::ROOT),
        version(Camt054, E2024, "camt.054.001.12", &camt054::ROOT),
    ]
};

const fn version(
    message: MessageType,
    edition: Edition,
    identifier: &'static str,
    root: &'static Type,
) -> Version {
    Version { message, edition, identifier, root }
}

impl Version {
    /// The version of a namespace, if it is supported.
    pub(crate) fn of_namespace(namespace: &str) -> Option<&'static Self> {
        let identifier = namespace.strip_prefix(NAMESPACE_PREFIX)?;
        VERSIONS.iter().find(|version| version.identifier == identifier)
    }

    /// The version of a message in an edition.
    pub(crate) fn of(message: MessageType, edition: Edition) -> &'static Self {
        VERSIONS
            .iter()
            .find(|version| version.message == message && version.edition == edition)
            .unwrap_or_else(|| unreachable!("every message has both editions"))
    }
}

/// What an element contains.
pub(crate) enum Type {
    /// A text.
    Leaf(Leaf),
    /// Elements in this order.
    Sequence(&'static [Field]),
    /// Exactly one of these elements.
    Choice(&'static [Field]),
}

/// An element of a sequence or a choice.
pub(crate) struct Field {
    pub(crate) name: &'static str,
    pub(crate) min: u16,
    pub(crate) max: u16,
    pub(crate) content: &'static Type,
    /// The only edition that has it, or nothing if both have.
    pub(crate) edition: Option<Edition>,
}

impl Field {
    /// This field in one edition only; another field of the same name may stand for the other.
    const fn only(mut self, edition: Edition) -> Self {
        self.edition = Some(edition);
        self
    }

    /// Whether an edition has it.
    pub(crate) fn is_in(&self, edition: Edition) -> bool {
        self.edition.is_none_or(|only| only == edition)
    }
}

/// "Unbounded" in the schemas; the limits of the whole message hold all the same.
pub(crate) const UNBOUNDED: u16 = u16::MAX;

/// Exactly once.
const fn one(name: &'static str, content: &'static Type) -> Field {
    Field { name, min: 1, max: 1, content, edition: None }
}

/// At most once.
const fn opt(name: &'static str, content: &'static Type) -> Field {
    up_to(1, name, content)
}

/// At most `max` times.
const fn up_to(max: u16, name: &'static str, content: &'static Type) -> Field {
    Field { name, min: 0, max, content, edition: None }
}

/// Any number of times.
const fn any(name: &'static str, content: &'static Type) -> Field {
    up_to(UNBOUNDED, name, content)
}

/// Once or more.
const fn some(name: &'static str, content: &'static Type) -> Field {
    Field { name, min: 1, max: UNBOUNDED, content, edition: None }
}

/// Once or more, at most as often as a message may have transfers.
const fn transfers(name: &'static str, content: &'static Type) -> Field {
    Field { name, min: 1, max: TRANSFERS_MAX, content, edition: None }
}

const fn text(max: u16) -> Type {
    Type::Leaf(Leaf::Text(max))
}

static TEXT_3: Type = text(3);
static TEXT_4: Type = text(4);
static TEXT_5: Type = text(5);
static TEXT_10: Type = text(10);
static TEXT_16: Type = text(16);
static TEXT_34: Type = text(34);
static TEXT_35: Type = text(35);
static TEXT_70: Type = text(70);
static TEXT_105: Type = text(105);
static TEXT_128: Type = text(128);
static TEXT_140: Type = text(140);
static TEXT_256: Type = text(256);
static TEXT_350: Type = text(350);
static TEXT_500: Type = text(500);
static TEXT_2048: Type = text(2048);
static DIGITS_5: Type = Type::Leaf(Leaf::Digits(5));
static DIGITS_15: Type = Type::Leaf(Leaf::Digits(15));
static BIC: Type = Type::Leaf(Leaf::Bic);
static LEI: Type = Type::Leaf(Leaf::Lei);
static COUNTRY: Type = Type::Leaf(Leaf::Country);
static CURRENCY: Type = Type::Leaf(Leaf::CurrencyCode);
static DATE: Type = Type::Leaf(Leaf::Date);
static DATE_TIME: Type = Type::Leaf(Leaf::DateTime);
static TIME: Type = Type::Leaf(Leaf::Time);
static BOOLEAN: Type = Type::Leaf(Leaf::Boolean);
static UUID_4: Type = Type::Leaf(Leaf::Uuid4);
static NUMBER: Type = Type::Leaf(Leaf::Decimal(18, 0));
static DECIMAL: Type = Type::Leaf(Leaf::Decimal(18, 17));
static RATE: Type = Type::Leaf(Leaf::Decimal(11, 10));
static AMOUNT: Type = Type::Leaf(Leaf::Amount);
static ANY_AMOUNT: Type = Type::Leaf(Leaf::AnyAmount);
static CREDIT_OR_DEBIT: Type = Type::Leaf(Leaf::Code(&["CRDT", "DBIT"]));

/// A code of a list that ISO keeps outside of the schemas, or one of the sender's own.
static CODED_3: Type = Type::Choice(&[one("Cd", &TEXT_3), one("Prtry", &TEXT_35)]);
static CODED_4: Type = Type::Choice(&[one("Cd", &TEXT_4), one("Prtry", &TEXT_35)]);
static CODED_5: Type = Type::Choice(&[one("Cd", &TEXT_5), one("Prtry", &TEXT_35)]);
static CODED_35: Type = Type::Choice(&[one("Cd", &TEXT_35), one("Prtry", &TEXT_35)]);

#[cfg(test)]
mod tests;
