//! Why a message was refused, and where.

use std::fmt;

use ledger::MoneyError;

use crate::Leaf;
use crate::limits::{
    ATTRIBUTES_MAX, DEPTH_MAX, ELEMENTS_MAX, MESSAGE_BYTES_MAX, TEXT_CHARS_MAX, VIEW_BYTES_MAX,
};

/// Characters of a foreign name that a path repeats.
const NAME_CHARS_MAX: usize = 40;

/// A message was refused: what is wrong, in which element, on which line.
///
/// Values of the message are never repeated: an error may end in a log, payment details must not.
/// Names of unknown elements are, shortened; the text of the error is safe for a terminal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    kind: ErrorKind,
    path: String,
    line: u32,
}

impl Error {
    pub(crate) fn new(kind: ErrorKind, path: impl Into<String>, line: u32) -> Self {
        Self { kind, path: path.into(), line }
    }

    /// What is wrong.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// The element, as in `/Document/FIToFICstmrCdtTrf/CdtTrfTxInf[2]/IntrBkSttlmAmt`.
    ///
    /// Elements that may be repeated carry their number, from 1. It begins at `Document` or
    /// `AppHdr` whatever encloses them, and is `/` when the error is outside of both.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The line of the element, from 1; 0 for a message that was not read from XML.
    pub fn line(&self) -> u32 {
        self.line
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}: {}", self.line, self.path, self.kind)
    }
}

impl std::error::Error for Error {}

/// A name from the message as a path may show it: printable ASCII, and not much of it.
pub(crate) fn printable(name: &str) -> String {
    let shown = name.chars().take(NAME_CHARS_MAX);
    let mut text: String =
        shown.map(|c| if c.is_ascii_graphic() && c != '/' { c } else { '?' }).collect();
    if name.chars().nth(NAME_CHARS_MAX).is_some() {
        text.push_str("...");
    }
    text
}

/// What is wrong with a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ErrorKind {
    /// More bytes than [`MESSAGE_BYTES_MAX`].
    #[error("message is larger than {MESSAGE_BYTES_MAX} bytes")]
    MessageTooLarge,
    /// More elements than [`ELEMENTS_MAX`].
    #[error("more than {ELEMENTS_MAX} elements")]
    TooManyElements,
    /// Elements deeper than [`DEPTH_MAX`].
    #[error("more than {DEPTH_MAX} elements within each other")]
    TooDeep,
    /// More attributes than [`ATTRIBUTES_MAX`].
    #[error("more than {ATTRIBUTES_MAX} attributes")]
    TooManyAttributes,
    /// More text than [`TEXT_CHARS_MAX`].
    #[error("text is longer than {TEXT_CHARS_MAX} characters")]
    TextTooLong,

    /// Not UTF-8, or declared to be something else.
    #[error("encoding is not UTF-8")]
    Encoding,
    /// Not well-formed XML 1.0: tags that do not match, text outside of the root, and the like.
    #[error("not well-formed XML")]
    Syntax,
    /// A character that XML does not allow, as itself or as a reference.
    #[error("character is not allowed in XML")]
    Character,
    /// A document type declaration.
    #[error("document type declaration is not accepted")]
    DocumentType,
    /// An entity other than `lt`, `gt`, `amp`, `quot` and `apos`.
    #[error("entity is not one of lt, gt, amp, quot, apos")]
    Entity,
    /// A processing instruction.
    #[error("processing instruction is not accepted")]
    ProcessingInstruction,

    /// A namespace prefix without a declaration, or a declaration that XML does not allow.
    #[error("namespace is not declared properly")]
    Namespace,
    /// The document or the header is of a message or a version that this crate does not know.
    #[error("namespace is not one of the supported messages and versions")]
    UnsupportedMessage,
    /// An element that the message does not have at this place.
    #[error("element is not part of the message here")]
    UnknownElement,
    /// An element in a view that belongs into another one, or views of different messages.
    #[error("element is not part of this view")]
    OtherView,
    /// A view of more than [`VIEW_BYTES_MAX`] bytes.
    #[error("view is larger than {VIEW_BYTES_MAX} bytes")]
    ViewTooLarge,
    /// An element that should have come earlier.
    #[error("element is out of order")]
    OutOfOrder,
    /// An element that is allowed once is there again, or a second alternative of a choice.
    #[error("element is repeated")]
    Repeated,
    /// An element more often than its number in the schema, or than
    /// [`TRANSFERS_MAX`](crate::limits::TRANSFERS_MAX) for a transfer.
    #[error("element occurs more than {0} times")]
    TooMany(u16),
    /// A mandatory element is missing from the element of the path.
    #[error("element {0} is missing")]
    Missing(&'static str),
    /// None of the alternatives of a choice is there.
    #[error("element is empty, one of its alternatives is needed")]
    MissingChoice,
    /// An attribute that the element does not have.
    #[error("attribute is not part of the message here")]
    UnknownAttribute,
    /// An amount without its currency.
    #[error("attribute Ccy is missing")]
    MissingCurrency,
    /// Text beside elements.
    #[error("text is not allowed here")]
    UnexpectedText,
    /// A comment within a value.
    #[error("comment within a value is not accepted")]
    Comment,
    /// The text is not of the element's type.
    #[error("value is not {0}")]
    Invalid(Leaf),
    /// The text is no amount of its currency: unknown currency, wrong number of digits, too large.
    #[error("{0}")]
    Amount(MoneyError),

    /// The profile wants a business application header.
    #[error("business application header is missing")]
    MissingHeader,
    /// The header says something else than the document.
    #[error("header differs from the document")]
    HeaderMismatch,
    /// The business service is none of the profile's, or is that of another message.
    #[error("business service is not one of this message")]
    BusinessService,
    /// The number of transfers differs from what the group header says.
    #[error("number of transfers differs from the one stated")]
    TransferCount,
    /// The sum of the transfers differs from what the group header says.
    #[error("sum of the transfers differs from the one stated")]
    ControlSum,
    /// The profile allows one transfer per message.
    #[error("only one transfer per message is allowed")]
    SingleTransfer,
    /// An identifier that begins or ends with a slash or has two of them in a row.
    #[error("identifier begins or ends with a slash, or has two in a row")]
    Slashes,
    /// The underlying customer transfer belongs to a cover payment only.
    #[error("underlying customer transfer is not allowed here")]
    UnexpectedUnderlying,
    /// An amount of zero.
    #[error("amount is zero")]
    ZeroAmount,
}
