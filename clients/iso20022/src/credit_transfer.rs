//! `pacs.008` and `pacs.009`: credit transfers of customers and of institutions.

use ledger::Amount;

use crate::element::Element;
use crate::party::{Account, Actor, Agent, Coded, Party, owned, texts};
use crate::value::{Date, Uetr};

/// A credit transfer message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CreditTransfer {
    /// Which message it is.
    pub form: Form,
    /// The sender's identifier of the message, at most 35 characters.
    pub message_id: String,
    /// When it was made: ISO 8601, with an offset from UTC under CBPR+.
    pub created_at: String,
    /// How it is to be settled.
    pub settlement_method: SettlementMethod,
    /// One transfer under CBPR+, at most [`TRANSFERS_MAX`](crate::limits::TRANSFERS_MAX) else.
    pub transfers: Vec<Transfer>,
}

/// Which message a credit transfer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// `pacs.008`: customer credit transfer.
    Customer,
    /// `pacs.009`: credit transfer between institutions, also as a cover.
    Institution,
    /// `pacs.009` as advice to the creditor's agent: it announces a transfer that goes elsewhere.
    Advice,
}

/// How a transfer is settled between the instructing and the instructed agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SettlementMethod {
    /// `INDA`: on an account at the instructed agent.
    InstructedAgent,
    /// `INGA`: on an account at the instructing agent.
    InstructingAgent,
    /// `COVE`: by another transfer, the cover; this message moves no money itself.
    Cover,
    /// `CLRG`: in a clearing system.
    Clearing,
}

/// Who bears the charges.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChargeBearer {
    /// `DEBT`: the debtor.
    Debtor,
    /// `CRED`: the creditor.
    Creditor,
    /// `SHAR`: each its own.
    Shared,
    /// `SLEV`: as the service level says.
    ServiceLevel,
}

/// How soon a transfer is to be processed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Priority {
    /// `InstrPrty` is `NORM` or absent, `SttlmPrty` not `URGT`.
    #[default]
    Normal,
    /// `InstrPrty` is `HIGH`, or `SttlmPrty` is `URGT`.
    Urgent,
}

/// A charge that an agent took.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Charge {
    /// How much.
    pub amount: Amount,
    /// Who took it.
    pub agent: Agent,
}

/// What an authority wants to know about a transfer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RegulatoryReport {
    /// ISO 3166 code of the authority's country.
    pub authority_country: Option<String>,
    /// Code of the transfer's nature in that country, at most 10 characters.
    pub code: Option<String>,
    /// Lines of at most 35 characters.
    pub information: Vec<String>,
}

/// One transfer of a message.
///
/// Agents, date and priority that the group header gives for all its transfers are here, too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transfer {
    /// The instructing agent's identifier, at most 35 characters; mandatory under CBPR+.
    pub instruction_id: Option<String>,
    /// The debtor's identifier, at most 35 characters, passed on unchanged.
    pub end_to_end_id: String,
    /// The first agent's identifier, at most 35 characters.
    pub transaction_id: Option<String>,
    /// The unique reference along the whole chain; mandatory under CBPR+.
    pub uetr: Option<Uetr>,
    /// How soon it is to be processed.
    pub priority: Priority,
    /// What is settled between the instructing and the instructed agent.
    pub amount: Amount,
    /// When; mandatory under CBPR+.
    pub settlement_date: Option<Date>,
    /// What the debtor ordered, if that differs (`pacs.008` only).
    pub instructed_amount: Option<Amount>,
    /// Who bears the charges: there in `pacs.008`, and there only.
    pub charge_bearer: Option<ChargeBearer>,
    /// The charges so far (`pacs.008` only).
    pub charges: Vec<Charge>,
    /// Who sends this message; mandatory under CBPR+.
    pub instructing_agent: Option<Agent>,
    /// Who receives this message; mandatory under CBPR+.
    pub instructed_agent: Option<Agent>,
    /// Agents between the instructed and the creditor's agent, at most 3.
    pub intermediaries: Vec<Agent>,
    /// Who pays.
    pub debtor: Actor,
    /// The debtor's account.
    pub debtor_account: Option<Account>,
    /// Where the debtor has it; mandatory in `pacs.008`.
    pub debtor_agent: Option<Agent>,
    /// Where the creditor has an account; mandatory in `pacs.008`.
    pub creditor_agent: Option<Agent>,
    /// Who is paid.
    pub creditor: Actor,
    /// The creditor's account.
    pub creditor_account: Option<Account>,
    /// What for, as a code.
    pub purpose: Option<Coded>,
    /// What the authorities want to know (`pacs.008` only), at most 10.
    pub regulatory_reports: Vec<RegulatoryReport>,
    /// What for, in lines of at most 140 characters.
    pub remittance: Vec<String>,
    /// The customer transfer that this one covers (`pacs.009` only).
    pub underlying: Option<Underlying>,
}

/// The customer transfer that a cover payment pays for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Underlying {
    /// Who pays.
    pub debtor: Party,
    /// The debtor's account.
    pub debtor_account: Option<Account>,
    /// Where the debtor has it.
    pub debtor_agent: Agent,
    /// Where the creditor has an account.
    pub creditor_agent: Agent,
    /// Who is paid.
    pub creditor: Party,
    /// The creditor's account.
    pub creditor_account: Option<Account>,
    /// What for, in lines of at most 140 characters.
    pub remittance: Vec<String>,
    /// What the debtor ordered.
    pub instructed_amount: Option<Amount>,
}

const INTERMEDIARIES: [&str; 3] = ["IntrmyAgt1", "IntrmyAgt2", "IntrmyAgt3"];

impl CreditTransfer {
    /// From `FIToFICstmrCdtTrf` or `FICdtTrf`.
    pub(crate) fn from_element(form: Form, message: &Element) -> Option<Self> {
        let group = message.get("GrpHdr")?;
        Some(Self {
            form,
            message_id: owned(group, "MsgId")?,
            created_at: owned(group, "CreDtTm")?,
            settlement_method: SettlementMethod::from_code(group.text_at("SttlmInf/SttlmMtd")?)?,
            transfers: message
                .all("CdtTrfTxInf")
                .map(|transfer| Transfer::from_element(group, transfer))
                .collect::<Option<_>>()?,
        })
    }

    pub(crate) fn to_element(&self) -> Element {
        let name = match self.form {
            Form::Customer => "FIToFICstmrCdtTrf",
            Form::Institution | Form::Advice => "FICdtTrf",
        };
        let settlement =
            Element::new("SttlmInf").with_text("SttlmMtd", self.settlement_method.code());
        let group = Element::new("GrpHdr")
            .with_text("MsgId", &self.message_id)
            .with_text("CreDtTm", &self.created_at)
            .with_text("NbOfTxs", &self.transfers.len())
            .with(settlement);
        Element::new(name).with(group).with_all(self.transfers.iter().map(Transfer::to_element))
    }
}

impl SettlementMethod {
    fn from_code(code: &str) -> Option<Self> {
        Some(match code {
            "INDA" => Self::InstructedAgent,
            "INGA" => Self::InstructingAgent,
            "COVE" => Self::Cover,
            "CLRG" => Self::Clearing,
            _ => return None,
        })
    }

    fn code(self) -> &'static str {
        match self {
            Self::InstructedAgent => "INDA",
            Self::InstructingAgent => "INGA",
            Self::Cover => "COVE",
            Self::Clearing => "CLRG",
        }
    }
}

impl ChargeBearer {
    fn from_code(code: &str) -> Option<Self> {
        Some(match code {
            "DEBT" => Self::Debtor,
            "CRED" => Self::Creditor,
            "SHAR" => Self::Shared,
            "SLEV" => Self::ServiceLevel,
            _ => return None,
        })
    }

    fn code(self) -> &'static str {
        match self {
            Self::Debtor => "DEBT",
            Self::Creditor => "CRED",
            Self::Shared => "SHAR",
            Self::ServiceLevel => "SLEV",
        }
    }
}

impl Priority {
    fn of(group: &Element, transfer: &Element) -> Self {
        let of_type = |element: &Element| owned(element, "PmtTpInf/InstrPrty");
        let instruction = of_type(transfer).or_else(|| of_type(group));
        let settlement = transfer.text_at("SttlmPrty");
        if instruction.as_deref() == Some("HIGH") || settlement == Some("URGT") {
            Self::Urgent
        } else {
            Self::Normal
        }
    }

    fn to_element(self) -> Option<Element> {
        let payment_type = Element::new("PmtTpInf").with_text("InstrPrty", "HIGH");
        (self == Self::Urgent).then_some(payment_type)
    }
}

impl Transfer {
    fn from_element(group: &Element, transfer: &Element) -> Option<Self> {
        let agent = |name| transfer.get(name).and_then(Agent::from_element);
        let agent_or_groups =
            |name| agent(name).or_else(|| group.get(name).and_then(Agent::from_element));
        let account = |name| transfer.get(name).and_then(Account::from_element);
        let date = transfer.text_at("IntrBkSttlmDt").or_else(|| group.text_at("IntrBkSttlmDt"));
        Some(Self {
            instruction_id: owned(transfer, "PmtId/InstrId"),
            end_to_end_id: owned(transfer, "PmtId/EndToEndId")?,
            transaction_id: owned(transfer, "PmtId/TxId"),
            uetr: transfer.text_at("PmtId/UETR").and_then(Uetr::parse),
            priority: Priority::of(group, transfer),
            amount: transfer.get("IntrBkSttlmAmt")?.amount()?,
            settlement_date: date.and_then(Date::parse),
            instructed_amount: transfer.get("InstdAmt").and_then(Element::amount),
            charge_bearer: transfer.text_at("ChrgBr").and_then(ChargeBearer::from_code),
            charges: transfer.all("ChrgsInf").map(Charge::from_element).collect::<Option<_>>()?,
            instructing_agent: agent_or_groups("InstgAgt"),
            instructed_agent: agent_or_groups("InstdAgt"),
            intermediaries: INTERMEDIARIES.into_iter().filter_map(agent).collect(),
            debtor: Actor::from_element(transfer.get("Dbtr")?),
            debtor_account: account("DbtrAcct"),
            debtor_agent: agent("DbtrAgt"),
            creditor_agent: agent("CdtrAgt"),
            creditor: Actor::from_element(transfer.get("Cdtr")?),
            creditor_account: account("CdtrAcct"),
            purpose: transfer.get("Purp").and_then(Coded::from_element),
            regulatory_reports: transfer
                .all("RgltryRptg")
                .map(RegulatoryReport::from_element)
                .collect(),
            remittance: transfer.get("RmtInf").map_or_else(Vec::new, |info| texts(info, "Ustrd")),
            underlying: match transfer.get("UndrlygCstmrCdtTrf") {
                Some(element) => Some(Underlying::from_element(element)?),
                None => None,
            },
        })
    }

    fn to_element(&self) -> Element {
        let ids = Element::new("PmtId")
            .with_text_if("InstrId", self.instruction_id.as_deref())
            .with_text("EndToEndId", &self.end_to_end_id)
            .with_text_if("TxId", self.transaction_id.as_deref())
            .with_text_if("UETR", self.uetr);
        let agent =
            |name, agent: &Option<Agent>| agent.as_ref().map(|agent| agent.to_element(name));
        let intermediaries = INTERMEDIARIES.into_iter().zip(&self.intermediaries);
        let element = Element::new("CdtTrfTxInf")
            .with(ids)
            .with_all(self.priority.to_element())
            .with_amount("IntrBkSttlmAmt", self.amount)
            .with_text_if("IntrBkSttlmDt", self.settlement_date);
        let element = match self.instructed_amount {
            Some(amount) => element.with_amount("InstdAmt", amount),
            None => element,
        };
        element
            .with_text_if("ChrgBr", self.charge_bearer.map(ChargeBearer::code))
            .with_all(self.charges.iter().map(Charge::to_element))
            .with_all(agent("InstgAgt", &self.instructing_agent))
            .with_all(agent("InstdAgt", &self.instructed_agent))
            .with_all(intermediaries.map(|(name, agent)| agent.to_element(name)))
            .with(self.debtor.to_element("Dbtr"))
            .with_all(self.debtor_account.as_ref().map(|account| account.to_element("DbtrAcct")))
            .with_all(agent("DbtrAgt", &self.debtor_agent))
            .with_all(agent("CdtrAgt", &self.creditor_agent))
            .with(self.creditor.to_element("Cdtr"))
            .with_all(self.creditor_account.as_ref().map(|account| account.to_element("CdtrAcct")))
            .with_all(self.purpose.as_ref().map(|purpose| purpose.to_element("Purp")))
            .with_all(self.regulatory_reports.iter().map(RegulatoryReport::to_element))
            .with_all(remittance(&self.remittance))
            .with_all(self.underlying.as_ref().map(Underlying::to_element))
    }
}

/// Remittance information, if there is any.
pub(crate) fn remittance(lines: &[String]) -> Option<Element> {
    (!lines.is_empty()).then(|| Element::new("RmtInf").with_texts("Ustrd", lines))
}

impl Charge {
    fn from_element(element: &Element) -> Option<Self> {
        let agent = Agent::from_element(element.get("Agt")?)?;
        Some(Self { amount: element.get("Amt")?.amount()?, agent })
    }

    fn to_element(&self) -> Element {
        Element::new("ChrgsInf").with_amount("Amt", self.amount).with(self.agent.to_element("Agt"))
    }
}

impl RegulatoryReport {
    fn from_element(element: &Element) -> Self {
        Self {
            authority_country: owned(element, "Authrty/Ctry"),
            code: owned(element, "Dtls/Cd"),
            information: element.get("Dtls").map_or_else(Vec::new, |dtls| texts(dtls, "Inf")),
        }
    }

    fn to_element(&self) -> Element {
        let country = self.authority_country.as_ref();
        let details = Element::new("Dtls")
            .with_text_if("Cd", self.code.as_deref())
            .with_texts("Inf", &self.information);
        Element::new("RgltryRptg")
            .with_all(country.map(|code| Element::new("Authrty").with_text("Ctry", code)))
            .with(details)
    }
}

impl Underlying {
    fn from_element(element: &Element) -> Option<Self> {
        let account = |name| element.get(name).and_then(Account::from_element);
        Some(Self {
            debtor: Party::from_element(element.get("Dbtr")?),
            debtor_account: account("DbtrAcct"),
            debtor_agent: Agent::from_element(element.get("DbtrAgt")?)?,
            creditor_agent: Agent::from_element(element.get("CdtrAgt")?)?,
            creditor: Party::from_element(element.get("Cdtr")?),
            creditor_account: account("CdtrAcct"),
            remittance: element.get("RmtInf").map_or_else(Vec::new, |info| texts(info, "Ustrd")),
            instructed_amount: element.get("InstdAmt").and_then(Element::amount),
        })
    }

    fn to_element(&self) -> Element {
        let element = Element::new("UndrlygCstmrCdtTrf")
            .with(self.debtor.to_element("Dbtr"))
            .with_all(self.debtor_account.as_ref().map(|account| account.to_element("DbtrAcct")))
            .with(self.debtor_agent.to_element("DbtrAgt"))
            .with(self.creditor_agent.to_element("CdtrAgt"))
            .with(self.creditor.to_element("Cdtr"))
            .with_all(self.creditor_account.as_ref().map(|account| account.to_element("CdtrAcct")))
            .with_all(remittance(&self.remittance));
        match self.instructed_amount {
            Some(amount) => element.with_amount("InstdAmt", amount),
            None => element,
        }
    }
}
