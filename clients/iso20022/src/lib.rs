//! A narrow, strict codec for the ISO 20022 messages Causeway reads and writes.

mod element;
mod error;
mod leaf;
mod lexer;
pub mod limits;
mod reader;
mod schema;
mod value;
mod writer;

pub use element::Element;
pub use error::{Error, ErrorKind};
pub use leaf::Leaf;
pub use schema::{Edition, MessageType};
pub use value::{Bic, Date, Uetr};
