//! Whole messages: read and checked, or composed and written.

use std::fmt;

use crate::credit_transfer::{CreditTransfer, Form, Transfer};
use crate::element::Element;
use crate::header::{Header, Service};
use crate::notification::Notification;
use crate::party::Coded;
use crate::reader::{self, Part, Parts};
use crate::schema::{Edition, MessageType, Version};
use crate::status_report::{Status, StatusReport, TransferStatus};
use crate::value::Bic;
use crate::{Error, ErrorKind, rules, writer};

/// Whose rules a message follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Profile {
    /// Cross-border payments and reporting (SWIFT's CBPR+).
    ///
    /// The header is mandatory and must agree with the document: message and version, identifier,
    /// addresses, a business service that fits. One transfer per message, with UETR, instruction
    /// identifier, settlement date, and the BICs of both agents.
    Cbpr,
    /// The schema, and sums and counts that are right.
    ///
    /// A header may be there. It may name another version than the document's namespace, which is
    /// what counts: systems that translate documents between versions leave such headers behind.
    Plain,
}

/// What a message says, as far as Causeway uses it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Body {
    /// `pacs.008` or `pacs.009`.
    CreditTransfer(CreditTransfer),
    /// `pacs.002`.
    StatusReport(StatusReport),
    /// `camt.054`.
    Notification(Notification),
}

impl Body {
    fn message_type(&self) -> MessageType {
        match self {
            Self::CreditTransfer(CreditTransfer { form: Form::Customer, .. }) => {
                MessageType::Pacs008
            }
            Self::CreditTransfer(_) => MessageType::Pacs009,
            Self::StatusReport(_) => MessageType::Pacs002,
            Self::Notification(_) => MessageType::Camt054,
        }
    }

    fn service(&self) -> Service {
        match self {
            Self::CreditTransfer(transfer) if transfer.form == Form::Advice => Service::Advice,
            Self::CreditTransfer(transfer)
                if transfer.transfers.iter().any(|transfer| transfer.underlying.is_some()) =>
            {
                Service::Cover
            }
            _ => Service::Core,
        }
    }

    /// Identifier and creation time.
    fn identity(&self) -> (&str, &str) {
        match self {
            Self::CreditTransfer(body) => (&body.message_id, &body.created_at),
            Self::StatusReport(body) => (&body.message_id, &body.created_at),
            Self::Notification(body) => (&body.message_id, &body.created_at),
        }
    }

    fn to_element(&self) -> Element {
        match self {
            Self::CreditTransfer(body) => body.to_element(),
            Self::StatusReport(body) => body.to_element(),
            Self::Notification(body) => body.to_element(),
        }
    }

    fn from_parts(parts: &Parts, header: Option<&Header>) -> Option<Self> {
        let (version, document) = &parts.document;
        let message = document.children.first()?;
        let transfer = |form| CreditTransfer::from_element(form, message).map(Self::CreditTransfer);
        match version.message {
            MessageType::Pacs008 => transfer(Form::Customer),
            MessageType::Pacs009 if header.is_some_and(Header::says_advice) => {
                transfer(Form::Advice)
            }
            MessageType::Pacs009 => transfer(Form::Institution),
            MessageType::Pacs002 => StatusReport::from_element(message).map(Self::StatusReport),
            MessageType::Camt054 => Notification::from_element(message).map(Self::Notification),
            MessageType::Head001 => None,
        }
    }
}

impl Header {
    /// The header that CBPR+ wants around a body, from one institution to another.
    pub fn of(body: &Body, edition: Edition, from: Bic, to: Bic) -> Self {
        let (message_id, created_at) = body.identity();
        Self {
            from: Some(from),
            to: Some(to),
            message_id: message_id.to_owned(),
            definition: Version::of(body.message_type(), edition).identifier.to_owned(),
            service: Some(body.service().name().to_owned()),
            created_at: created_at.to_owned(),
            copy: None,
        }
    }
}

/// A message that is valid in its profile.
#[derive(Clone)]
pub struct Message {
    bytes: Vec<u8>,
    pub(crate) header_part: Option<Part>,
    pub(crate) document_part: Part,
    header: Option<Header>,
    body: Body,
}

/// Which message it is and nothing of what it says: that is private.
impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Message({}, {} bytes)", self.identifier(), self.bytes.len())
    }
}

impl Message {
    /// Reads a message.
    ///
    /// The namespace of the document says which message and version it is. The document stands
    /// alone, or with a header in one element of any name that encloses both.
    ///
    /// # Errors
    /// What is wrong first, in the order of the text; then what breaks the rules of the profile.
    pub fn read(bytes: &[u8], profile: Profile) -> Result<Self, Error> {
        let parts = reader::read(bytes)?;
        rules::check(&parts, profile)?;
        let header = parts.header.as_ref().and_then(|(_, element)| Header::from_element(element));
        // Cannot happen: the tables make sure that the model finds all it needs. Yet this is input
        // by others, and a refusal does less harm than a panic.
        let body = Body::from_parts(&parts, header.as_ref()).ok_or_else(|| {
            Error::new(ErrorKind::UnsupportedMessage, "/Document", parts.document.1.line)
        })?;
        Ok(Self {
            bytes: bytes.to_vec(),
            header_part: parts.header,
            document_part: parts.document,
            header,
            body,
        })
    }

    /// Composes a message: with a header one of [`Profile::Cbpr`], without of [`Profile::Plain`].
    ///
    /// It is written and read again, so whatever this returns is valid.
    ///
    /// ```
    /// use iso20022::{
    ///     Actor, Agent, Bic, Body, CreditTransfer, Date, Edition, Form, Header, Message, Priority,
    ///     SettlementMethod, Transfer, Uetr,
    /// };
    /// use ledger::Amount;
    ///
    /// let (from, to) = (Bic::parse("FJORXX2A").unwrap(), Bic::parse("ALPSXX2B").unwrap());
    /// let transfer = Transfer {
    ///     instruction_id: Some("FJOR0042".to_owned()),
    ///     end_to_end_id: "LOAN-7".to_owned(),
    ///     transaction_id: None,
    ///     uetr: Uetr::parse("7a562c67-ca16-48ba-b074-65581be6f001"),
    ///     priority: Priority::Urgent,
    ///     amount: Amount::parse_text("1250000.00 EUR")?,
    ///     settlement_date: Date::from_yyyymmdd(20_261_123),
    ///     instructed_amount: None,
    ///     charge_bearer: None,
    ///     charges: Vec::new(),
    ///     instructing_agent: Some(Agent::of_bic(from)),
    ///     instructed_agent: Some(Agent::of_bic(to)),
    ///     intermediaries: Vec::new(),
    ///     debtor: Actor::Institution(Agent::of_bic(from)),
    ///     debtor_account: None,
    ///     debtor_agent: None,
    ///     creditor_agent: None,
    ///     creditor: Actor::Institution(Agent::of_bic(to)),
    ///     creditor_account: None,
    ///     purpose: None,
    ///     regulatory_reports: Vec::new(),
    ///     remittance: Vec::new(),
    ///     underlying: None,
    /// };
    /// let body = Body::CreditTransfer(CreditTransfer {
    ///     form: Form::Institution,
    ///     message_id: "FJOR-20261123-0042".to_owned(),
    ///     created_at: "2026-11-23T08:15:00+01:00".to_owned(),
    ///     settlement_method: SettlementMethod::Clearing,
    ///     transfers: vec![transfer],
    /// });
    /// let header = Header::of(&body, Edition::E2019, from, to);
    /// let message = Message::compose(&body, Edition::E2019, Some(&header))?;
    /// assert_eq!(message.identifier(), "pacs.009.001.08");
    /// assert!(message.routings()?[0].urgent);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As [`Message::read`]: texts that are too long, parts that the message does not have.
    /// Lines are those of the XML that would have come out.
    pub fn compose(body: &Body, edition: Edition, header: Option<&Header>) -> Result<Self, Error> {
        let profile = if header.is_some() { Profile::Cbpr } else { Profile::Plain };
        let version = Version::of(body.message_type(), edition);
        let document = (version, Element::new("Document").with(body.to_element()));
        let header =
            header.map(|header| (Version::of(MessageType::Head001, edition), header.to_element()));
        Self::read(writer::write(header.as_ref(), &document).as_bytes(), profile)
    }

    /// The bytes it was read from.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The message as this crate writes it: everything it says, laid out anew.
    pub fn to_xml(&self) -> String {
        writer::write(self.header_part.as_ref(), &self.document_part)
    }

    /// Which message it is.
    pub fn message_type(&self) -> MessageType {
        self.document_part.0.message
    }

    /// The edition of its version.
    pub fn edition(&self) -> Edition {
        self.document_part.0.edition
    }

    /// Its name and version, as `pacs.008.001.08`.
    pub fn identifier(&self) -> &'static str {
        self.document_part.0.identifier
    }

    /// The header, if there is one.
    pub fn header(&self) -> Option<&Header> {
        self.header.as_ref()
    }

    /// What it says, as far as Causeway uses it.
    pub fn body(&self) -> &Body {
        &self.body
    }

    /// All that its header says.
    pub fn header_element(&self) -> Option<&Element> {
        self.header_part.as_ref().map(|(_, element)| element)
    }

    /// All that it says: the element `Document`.
    pub fn document_element(&self) -> &Element {
        &self.document_part.1
    }

    /// The status of each of its transfers, to answer its sender with; none if it has no transfers.
    ///
    /// The agents change places: who was instructed reports.
    pub fn statuses(&self, status: &Status, reason: Option<&Coded>) -> Vec<TransferStatus> {
        let Body::CreditTransfer(body) = &self.body else { return Vec::new() };
        let of_transfer = |transfer: &Transfer| TransferStatus {
            original_message_id: Some(body.message_id.clone()),
            original_message_name: Some(self.identifier().to_owned()),
            original_instruction_id: transfer.instruction_id.clone(),
            original_end_to_end_id: Some(transfer.end_to_end_id.clone()),
            original_transaction_id: transfer.transaction_id.clone(),
            uetr: transfer.uetr,
            status: status.clone(),
            reason: reason.cloned(),
            information: Vec::new(),
            settlement_date: None,
            instructing_agent: transfer.instructed_agent.clone(),
            instructed_agent: transfer.instructing_agent.clone(),
        };
        body.transfers.iter().map(of_transfer).collect()
    }
}
