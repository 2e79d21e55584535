//! `pacs.002`: what became of transfers.

use crate::element::Element;
use crate::party::{Agent, Coded, owned, texts};
use crate::value::{Date, Uetr};

/// A payment status report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatusReport {
    /// The sender's identifier of the message, at most 35 characters.
    pub message_id: String,
    /// When it was made: ISO 8601, with an offset from UTC under CBPR+.
    pub created_at: String,
    /// One status under CBPR+.
    pub statuses: Vec<TransferStatus>,
}

/// What became of one transfer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TransferStatus {
    /// Identifier of the message that the transfer came in.
    pub original_message_id: Option<String>,
    /// Name of that message, as `pacs.008.001.08`.
    pub original_message_name: Option<String>,
    /// The transfer's instruction identifier.
    pub original_instruction_id: Option<String>,
    /// The transfer's end-to-end identifier.
    pub original_end_to_end_id: Option<String>,
    /// The transfer's transaction identifier.
    pub original_transaction_id: Option<String>,
    /// The transfer's reference.
    pub uetr: Option<Uetr>,
    /// What became of it.
    pub status: Status,
    /// Why, as a code of ISO's list, such as `AM04`; mandatory for a rejection under CBPR+.
    pub reason: Option<Coded>,
    /// Lines of at most 105 characters.
    pub information: Vec<String>,
    /// When it settled.
    pub settlement_date: Option<Date>,
    /// Who sends the report.
    pub instructing_agent: Option<Agent>,
    /// Who receives it.
    pub instructed_agent: Option<Agent>,
}

/// What became of a transfer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Status {
    /// `ACSP`: accepted, settlement in process.
    InProcess,
    /// `ACSC`: settled.
    Settled,
    /// `RJCT`: rejected.
    Rejected,
    /// Another code, which Causeway does not write.
    Other(String),
}

impl Status {
    fn from_code(code: &str) -> Self {
        match code {
            "ACSP" => Self::InProcess,
            "ACSC" => Self::Settled,
            "RJCT" => Self::Rejected,
            other => Self::Other(other.to_owned()),
        }
    }

    /// The code of ISO's list.
    pub fn code(&self) -> &str {
        match self {
            Self::InProcess => "ACSP",
            Self::Settled => "ACSC",
            Self::Rejected => "RJCT",
            Self::Other(code) => code,
        }
    }
}

impl StatusReport {
    /// From `FIToFIPmtStsRpt`. A status of the whole group is left to the tree.
    pub(crate) fn from_element(message: &Element) -> Option<Self> {
        Some(Self {
            message_id: owned(message, "GrpHdr/MsgId")?,
            created_at: owned(message, "GrpHdr/CreDtTm")?,
            statuses: message
                .all("TxInfAndSts")
                .map(TransferStatus::from_element)
                .collect::<Option<_>>()?,
        })
    }

    pub(crate) fn to_element(&self) -> Element {
        let group = Element::new("GrpHdr")
            .with_text("MsgId", &self.message_id)
            .with_text("CreDtTm", &self.created_at);
        Element::new("FIToFIPmtStsRpt")
            .with(group)
            .with_all(self.statuses.iter().map(TransferStatus::to_element))
    }
}

impl TransferStatus {
    fn from_element(element: &Element) -> Option<Self> {
        let agent = |name| element.get(name).and_then(Agent::from_element);
        let date = element.text_at("FctvIntrBkSttlmDt/Dt");
        Some(Self {
            original_message_id: owned(element, "OrgnlGrpInf/OrgnlMsgId"),
            original_message_name: owned(element, "OrgnlGrpInf/OrgnlMsgNmId"),
            original_instruction_id: owned(element, "OrgnlInstrId"),
            original_end_to_end_id: owned(element, "OrgnlEndToEndId"),
            original_transaction_id: owned(element, "OrgnlTxId"),
            uetr: element.text_at("OrgnlUETR").and_then(Uetr::parse),
            status: Status::from_code(element.text_at("TxSts")?),
            reason: element.get("StsRsnInf/Rsn").and_then(Coded::from_element),
            information: element
                .get("StsRsnInf")
                .map_or_else(Vec::new, |reason| texts(reason, "AddtlInf")),
            settlement_date: date.and_then(Date::parse),
            instructing_agent: agent("InstgAgt"),
            instructed_agent: agent("InstdAgt"),
        })
    }

    fn to_element(&self) -> Element {
        let original = Element::new("OrgnlGrpInf")
            .with_text_if("OrgnlMsgId", self.original_message_id.as_deref())
            .with_text_if("OrgnlMsgNmId", self.original_message_name.as_deref());
        let reason = Element::new("StsRsnInf")
            .with_all(self.reason.as_ref().map(|reason| reason.to_element("Rsn")))
            .with_texts("AddtlInf", &self.information);
        let date = self.settlement_date;
        let agent =
            |name, agent: &Option<Agent>| agent.as_ref().map(|agent| agent.to_element(name));
        Element::new("TxInfAndSts")
            .with_all((!original.children.is_empty()).then_some(original))
            .with_text_if("OrgnlInstrId", self.original_instruction_id.as_deref())
            .with_text_if("OrgnlEndToEndId", self.original_end_to_end_id.as_deref())
            .with_text_if("OrgnlTxId", self.original_transaction_id.as_deref())
            .with_text_if("OrgnlUETR", self.uetr)
            .with_text("TxSts", self.status.code())
            .with_all((!reason.children.is_empty()).then_some(reason))
            .with_all(date.map(|date| Element::new("FctvIntrBkSttlmDt").with_text("Dt", &date)))
            .with_all(agent("InstgAgt", &self.instructing_agent))
            .with_all(agent("InstdAgt", &self.instructed_agent))
    }
}
