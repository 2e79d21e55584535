//! What a settlement system needs to know of a transfer, and nothing that is private.

use std::fmt;

use ledger::Amount;

use crate::credit_transfer::{Form, Priority, SettlementMethod, Transfer};
use crate::message::{Body, Message};
use crate::value::{Bic, Date, Uetr};
use crate::{Error, ErrorKind};

/// What a transfer is to a settlement system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `pacs.008`.
    CustomerTransfer,
    /// `pacs.009`.
    InstitutionTransfer,
    /// `pacs.009 COV`: the cover of a customer transfer that is sent apart.
    Cover,
    /// `pacs.009 ADV`: an advice.
    Advice,
}

/// The open part of an order: who, to whom, how much, when. The rest travels sealed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Routing<'a> {
    /// What the transfer is.
    pub kind: Kind,
    /// Whether it is to be settled here.
    ///
    /// Not so an advice, a message whose settlement method is a cover, and a copy: they announce a
    /// transfer that goes another way. Settling them would pay twice.
    pub moves_money: bool,
    /// The unique reference.
    pub uetr: Uetr,
    /// Who instructs, and pays.
    pub instructing_agent: Bic,
    /// Who is instructed, and paid.
    pub instructed_agent: Bic,
    /// How much.
    pub amount: Amount,
    /// When.
    pub settlement_date: Date,
    /// Whether to settle at once.
    pub urgent: bool,
    /// The whole message, byte by byte as it was read.
    pub payload: &'a [u8],
}

/// Without the payload, which is private.
impl fmt::Debug for Routing<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Routing")
            .field("kind", &self.kind)
            .field("moves_money", &self.moves_money)
            .field("uetr", &self.uetr)
            .field("instructing_agent", &self.instructing_agent)
            .field("instructed_agent", &self.instructed_agent)
            .field("amount", &self.amount)
            .field("settlement_date", &self.settlement_date)
            .field("urgent", &self.urgent)
            .finish_non_exhaustive()
    }
}

impl Message {
    /// The routing of each transfer, in their order; none if it is no credit transfer.
    ///
    /// # Errors
    /// [`ErrorKind::Missing`] if a transfer lacks what [`Routing`] needs, which only the plain
    /// profile allows.
    pub fn routings(&self) -> Result<Vec<Routing<'_>>, Error> {
        let Body::CreditTransfer(body) = self.body() else { return Ok(Vec::new()) };
        let copy = self.header().is_some_and(|header| header.copy.is_some());
        let moves_money =
            body.form != Form::Advice && body.settlement_method != SettlementMethod::Cover && !copy;
        let route = |(at, transfer): (usize, &Transfer)| {
            let missing = |name| self.missing(at, name);
            let bic = |agent: &Option<crate::Agent>| agent.as_ref().and_then(|agent| agent.bic);
            Ok(Routing {
                kind: kind(body.form, transfer),
                moves_money,
                uetr: transfer.uetr.ok_or_else(|| missing("UETR"))?,
                instructing_agent: bic(&transfer.instructing_agent)
                    .ok_or_else(|| missing("InstgAgt"))?,
                instructed_agent: bic(&transfer.instructed_agent)
                    .ok_or_else(|| missing("InstdAgt"))?,
                amount: transfer.amount,
                settlement_date: transfer
                    .settlement_date
                    .ok_or_else(|| missing("IntrBkSttlmDt"))?,
                urgent: transfer.priority == Priority::Urgent,
                payload: self.bytes(),
            })
        };
        body.transfers.iter().enumerate().map(route).collect()
    }

    /// The error of a transfer that lacks something.
    fn missing(&self, at: usize, name: &'static str) -> Error {
        let message = self.document_element().children().next();
        let transfer = message.and_then(|message| message.all("CdtTrfTxInf").nth(at));
        let path = message.map_or("", |message| message.name());
        let path = format!("/Document/{path}/CdtTrfTxInf[{}]", at + 1);
        Error::new(ErrorKind::Missing(name), path, transfer.map_or(0, |transfer| transfer.line()))
    }
}

fn kind(form: Form, transfer: &Transfer) -> Kind {
    match form {
        Form::Customer => Kind::CustomerTransfer,
        Form::Institution if transfer.underlying.is_some() => Kind::Cover,
        Form::Institution => Kind::InstitutionTransfer,
        Form::Advice => Kind::Advice,
    }
}
