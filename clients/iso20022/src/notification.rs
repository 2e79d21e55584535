//! `camt.054`: what was booked on an account.

use ledger::Amount;

use crate::credit_transfer::remittance;
use crate::element::Element;
use crate::party::{Account, Agent, owned, texts};
use crate::value::{Date, Uetr};

/// A debit and credit notification message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notification {
    /// The sender's identifier of the message, at most 35 characters.
    pub message_id: String,
    /// When it was made: ISO 8601, with an offset from UTC under CBPR+.
    pub created_at: String,
    /// What was booked, by account.
    pub accounts: Vec<AccountNotification>,
}

/// What was booked on one account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountNotification {
    /// Identifier of this notification, at most 35 characters.
    pub id: String,
    /// The account.
    pub account: Option<Account>,
    /// The bookings.
    pub entries: Vec<Entry>,
}

/// The side of the account that an entry is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// `CRDT`: money came in.
    Credit,
    /// `DBIT`: money went out.
    Debit,
}

/// One booking.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Reference of the entry, at most 35 characters.
    pub reference: Option<String>,
    /// How much.
    pub amount: Amount,
    /// In or out.
    pub direction: Direction,
    /// When it was booked.
    pub booking_date: Option<Date>,
    /// From when it counts.
    pub value_date: Option<Date>,
    /// The payments it is made of.
    pub payments: Vec<BookedPayment>,
}

/// A payment that was booked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BookedPayment {
    /// Identifier of the message it came in.
    pub message_id: Option<String>,
    /// Its instruction identifier.
    pub instruction_id: Option<String>,
    /// Its end-to-end identifier.
    pub end_to_end_id: Option<String>,
    /// Its unique reference.
    pub uetr: Option<Uetr>,
    /// The debtor's agent.
    pub debtor_agent: Option<Agent>,
    /// The creditor's agent.
    pub creditor_agent: Option<Agent>,
    /// What for, in lines of at most 140 characters.
    pub remittance: Vec<String>,
}

impl Notification {
    /// From `BkToCstmrDbtCdtNtfctn`.
    pub(crate) fn from_element(message: &Element) -> Option<Self> {
        Some(Self {
            message_id: owned(message, "GrpHdr/MsgId")?,
            created_at: owned(message, "GrpHdr/CreDtTm")?,
            accounts: message
                .all("Ntfctn")
                .map(AccountNotification::from_element)
                .collect::<Option<_>>()?,
        })
    }

    pub(crate) fn to_element(&self) -> Element {
        let group = Element::new("GrpHdr")
            .with_text("MsgId", &self.message_id)
            .with_text("CreDtTm", &self.created_at);
        Element::new("BkToCstmrDbtCdtNtfctn")
            .with(group)
            .with_all(self.accounts.iter().map(AccountNotification::to_element))
    }
}

impl AccountNotification {
    fn from_element(element: &Element) -> Option<Self> {
        Some(Self {
            id: owned(element, "Id")?,
            account: element.get("Acct").and_then(Account::from_element),
            entries: element.all("Ntry").map(Entry::from_element).collect::<Option<_>>()?,
        })
    }

    fn to_element(&self) -> Element {
        Element::new("Ntfctn")
            .with_text("Id", &self.id)
            .with_all(self.account.as_ref().map(|account| account.to_element("Acct")))
            .with_all(self.entries.iter().map(Entry::to_element))
    }
}

impl Direction {
    fn from_code(code: &str) -> Self {
        if code == "CRDT" { Self::Credit } else { Self::Debit }
    }

    fn code(self) -> &'static str {
        match self {
            Self::Credit => "CRDT",
            Self::Debit => "DBIT",
        }
    }

    /// Received or issued: the family of the bank transaction code.
    fn family(self) -> &'static str {
        match self {
            Self::Credit => "RCDT",
            Self::Debit => "ICDT",
        }
    }
}

impl Entry {
    fn from_element(element: &Element) -> Option<Self> {
        let date = |name| element.text_at(name).and_then(Date::parse);
        let details = element.all("NtryDtls").flat_map(|details| details.all("TxDtls"));
        Some(Self {
            reference: owned(element, "NtryRef"),
            amount: element.get("Amt")?.amount()?,
            direction: Direction::from_code(element.text_at("CdtDbtInd")?),
            booking_date: date("BookgDt/Dt"),
            value_date: date("ValDt/Dt"),
            payments: details.map(BookedPayment::from_element).collect(),
        })
    }

    fn to_element(&self) -> Element {
        let date = |name, date: Option<Date>| date.map(|d| Element::new(name).with_text("Dt", &d));
        let family = Element::new("Fmly")
            .with_text("Cd", self.direction.family())
            .with_text("SubFmlyCd", "XBCT");
        let domain = Element::new("Domn").with_text("Cd", "PMNT").with(family);
        let details =
            Element::new("NtryDtls").with_all(self.payments.iter().map(BookedPayment::to_element));
        Element::new("Ntry")
            .with_text_if("NtryRef", self.reference.as_deref())
            .with_amount("Amt", self.amount)
            .with_text("CdtDbtInd", self.direction.code())
            .with(Element::new("Sts").with_text("Cd", "BOOK"))
            .with_all(date("BookgDt", self.booking_date))
            .with_all(date("ValDt", self.value_date))
            .with(Element::new("BkTxCd").with(domain))
            .with_all((!self.payments.is_empty()).then_some(details))
    }
}

impl BookedPayment {
    fn from_element(element: &Element) -> Self {
        let agent = |path| element.get(path).and_then(Agent::from_element);
        Self {
            message_id: owned(element, "Refs/MsgId"),
            instruction_id: owned(element, "Refs/InstrId"),
            end_to_end_id: owned(element, "Refs/EndToEndId"),
            uetr: element.text_at("Refs/UETR").and_then(Uetr::parse),
            debtor_agent: agent("RltdAgts/DbtrAgt"),
            creditor_agent: agent("RltdAgts/CdtrAgt"),
            remittance: element.get("RmtInf").map_or_else(Vec::new, |info| texts(info, "Ustrd")),
        }
    }

    fn to_element(&self) -> Element {
        let references = Element::new("Refs")
            .with_text_if("MsgId", self.message_id.as_deref())
            .with_text_if("InstrId", self.instruction_id.as_deref())
            .with_text_if("EndToEndId", self.end_to_end_id.as_deref())
            .with_text_if("UETR", self.uetr);
        let agent =
            |name, agent: &Option<Agent>| agent.as_ref().map(|agent| agent.to_element(name));
        let agents = Element::new("RltdAgts")
            .with_all(agent("DbtrAgt", &self.debtor_agent))
            .with_all(agent("CdtrAgt", &self.creditor_agent));
        Element::new("TxDtls")
            .with(references)
            .with_all((!agents.children.is_empty()).then_some(agents))
            .with_all(remittance(&self.remittance))
    }
}
