//! A narrow, strict codec for the ISO 20022 messages Causeway reads and writes.
//!
//! [`Message::read`] takes the bytes of a `pacs.008`, `pacs.009`, `pacs.002` or `camt.054`, alone
//! or with its business application header, and refuses everything that its schema and its
//! [`Profile`] do not allow, with the path and the line of what is wrong. [`Message::body`] is
//! what Causeway uses of it, [`Message::document_element`] all of it, [`Message::routings`] what
//! an order needs. [`Message::compose`] makes messages from the same bodies. [`Message::views`]
//! takes a payment apart into what different readers may see, [`Excerpt`] puts views together.
//!
//! ```
//! use iso20022::{ErrorKind, Message, Profile};
//!
//! let xml = r#"<Document xmlns="urn:iso:std:iso:20022:tech:xsd:pacs.008.001.08">
//! <Oops/></Document>"#;
//! let error = Message::read(xml.as_bytes(), Profile::Plain).unwrap_err();
//! assert_eq!(error.kind(), ErrorKind::UnknownElement);
//! assert_eq!(
//!     error.to_string(),
//!     "line 2: /Document/Oops: element is not part of the message here"
//! );
//! ```
//!
//! * Amounts are read as text into [`ledger::Amount`] and never are floating point numbers.
//! * The schemas are tables (`schema`): two [`Edition`]s of each message, and nothing else.
//! * No document types, no entities but the predefined ones, no processing instructions; sizes have
//!   [`limits`].
//! * Deliberately absent: supplementary data, signatures, and any element that the tables leave
//!   out. A message that has them is refused as a whole, since nobody may lose a part unseen.

mod credit_transfer;
mod element;
mod error;
mod header;
mod leaf;
mod lexer;
pub mod limits;
mod message;
mod notification;
mod party;
mod reader;
mod routing;
mod rules;
mod schema;
mod status_report;
mod value;
mod views;
mod writer;

pub use credit_transfer::{
    Charge, ChargeBearer, CreditTransfer, Form, Priority, RegulatoryReport, SettlementMethod,
    Transfer, Underlying,
};
pub use element::Element;
pub use error::{Error, ErrorKind};
pub use header::Header;
pub use leaf::Leaf;
pub use message::{Body, Message, Profile};
pub use notification::{AccountNotification, BookedPayment, Direction, Entry, Notification};
pub use party::{Account, Actor, Address, Agent, Coded, Party, PartyId};
pub use routing::{Kind, Routing};
pub use schema::{Edition, MessageType};
pub use status_report::{Status, StatusReport, TransferStatus};
pub use value::{Bic, Date, Uetr};
pub use views::{Excerpt, View};
