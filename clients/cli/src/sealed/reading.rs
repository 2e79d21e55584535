//! The reader's way: a payment as the node delivers it, opened, checked, put together again.

use channel::HeaderView;
use iso20022::{Bic, Element, Excerpt};
use sdk::sealed::{
    AnyStatement, Envelope, OpenedOrder, Opener, OrderRef, ReceiverConfirmation, Unopened, ViewMask,
};
use sdk::v1;

use super::Sealed;
use crate::context::Session;
use crate::failure::Failure;

/// Reads the sealed payments of one participant.
pub(crate) struct Desk<'a> {
    session: &'a Session,
    sealed: Sealed,
    opener: Opener,
    now_ms: u64,
}

/// A payment that was looked into.
pub(crate) enum Reading {
    /// It opened.
    Opened(Box<Opened>),
    /// It is for this reader and does not open.
    Fault(Unopened),
}

/// A payment that opened.
pub(crate) struct Opened {
    /// What the views say together; nothing if all are empty.
    pub(crate) excerpt: Option<Excerpt>,
    /// The views that were opened.
    pub(crate) views: ViewMask,
    /// Why it must not be relied on: the views contradict the order, or each other.
    pub(crate) problem: Option<String>,
}

impl<'a> Desk<'a> {
    /// A desk with what is believed now.
    pub(crate) async fn open(session: &'a Session) -> Result<Self, Failure> {
        let mut sealed = session.sealed()?;
        let now_ms = session.sync(&mut sealed).await?;
        let opener = Opener::new(&session.client, &sealed.keys)?;
        Ok(Self { session, sealed, opener, now_ms })
    }

    /// Looks into a payment with its payload.
    pub(crate) async fn read(&mut self, payment: &v1::Payment) -> Result<Reading, Failure> {
        let opened = self.opener.open(&self.sealed.store, payment, self.now_ms).await;
        let opened = opened.map_err(|error| Failure::from(error).about(&payment.uetr))?;
        match opened {
            Err(fault) => Ok(Reading::Fault(fault)),
            Ok(order) => Ok(Reading::Opened(Box::new(self.judge(&order, &payment.payload)))),
        }
    }

    fn judge(&self, order: &OpenedOrder, payload: &[u8]) -> Opened {
        let views = order.views.iter().fold(ViewMask::NONE, |mask, it| mask.with(it.view()));
        let parts = order.views.iter().filter_map(|it| {
            let view = iso20022::View::ALL.get(it.view() as usize)?;
            Some((*view, it.content()))
        });
        let header = HeaderView::trusted(&order.header);
        let all = Envelope::parse(header, payload).is_ok_and(|it| it.view_mask() == views);
        let (excerpt, problem) = match Excerpt::of(parts) {
            Err(error) => (None, Some(error.to_string())),
            Ok(None) => (None, None),
            Ok(Some(excerpt)) => {
                let problem = self.differs(&excerpt, header);
                let whole = || excerpt.message().err().map(|error| error.to_string());
                let problem = problem.or_else(|| if all { whole() } else { None });
                (Some(excerpt), problem)
            }
        };
        Opened { excerpt, views, problem }
    }

    /// What the views say that the order, which is what settles, does not.
    fn differs(&self, excerpt: &Excerpt, header: HeaderView<'_>) -> Option<String> {
        let message = excerpt.document_element().children().next()?;
        let transfer = message.get("CdtTrfTxInf")?;
        let amount = transfer.get("IntrBkSttlmAmt")?;
        let name = |id| {
            let identity = self.sealed.store.identity(id)?;
            Bic::parse(&identity.participant.name)
        };
        let agent = |name: &str| {
            let path = format!("{name}/FinInstnId/BICFI");
            let text =
                transfer.text_at(&path).or_else(|| message.text_at(&format!("GrpHdr/{path}")));
            text.and_then(Bic::parse)
        };
        let minor = amount_of(amount).map(|it| (it.minor(), it.currency().to_bytes()));
        let uetr = header.uetr().to_string();
        let checks = [
            ("UETR", transfer.text_at("PmtId/UETR") == Some(uetr.as_str())),
            ("amount", minor == Some((header.minor(), header.currency_bytes()))),
            ("instructing agent", agent("InstgAgt") == name(header.sender())),
            ("instructed agent", agent("InstdAgt") == name(header.receiver())),
        ];
        let wrong = checks.iter().find(|(_, holds)| !holds);
        wrong.map(|(what, _)| format!("the sealed message has another {what} than the order"))
    }

    /// Says whether this receiver can apply a payment that waits for that.
    pub(crate) async fn confirm(&self, payment: &v1::Payment, able: bool) -> Result<(), Failure> {
        let order = order_ref(payment)?;
        let (pool, receiver) = (self.session.client.pool(), self.session.client.participant());
        let confirmed_at_ms = self.now_ms;
        let said = ReceiverConfirmation { pool, receiver, order, able, confirmed_at_ms };
        let said: AnyStatement = self.session.client.sign_statement(said)?.into();
        let (_, answers) = self.session.client.publish(&[said]).await?;
        // That it was released or ended meanwhile is no failure of ours.
        match answers.first().and_then(|answer| answer.reason) {
            None | Some(v1::RejectReason::NotHeld) => Ok(()),
            Some(reason) => Err(sdk::Error::Rejected { reason, position: 0 }.into()),
        }
    }

    /// Alleges that a payment does not open.
    pub(crate) async fn allege(&self, fault: &Unopened) -> Result<(), Failure> {
        let client = &self.session.client;
        let fault = fault.fault(client.pool(), client.participant(), self.now_ms);
        let fault: AnyStatement = client.sign_statement(fault)?.into();
        client.publish(&[fault]).await?;
        Ok(())
    }

    pub(crate) fn now_ms(&self) -> u64 {
        self.now_ms
    }

    pub(crate) fn sealed(&self) -> &Sealed {
        &self.sealed
    }
}

fn amount_of(element: &Element) -> Option<ledger::Amount> {
    let currency = ledger::Currency::parse(element.currency()?).ok()?;
    ledger::Amount::parse(element.text(), currency).ok()
}

/// The name of a payment in statements.
pub(super) fn order_ref(payment: &v1::Payment) -> Result<OrderRef, Failure> {
    let bad = |_| Failure::fault("the node sent no order");
    let header = HeaderView::check(&payment.header).map_err(bad)?;
    let digest = channel::order_digest(&payment.header, &payment.payload);
    OrderRef::of(header, digest).ok_or_else(|| Failure::fault("the node sent no order"))
}

/// Whether a payment came with a sealed payload.
pub(crate) fn is_sealed(payment: &v1::Payment) -> bool {
    let header = HeaderView::check(&payment.header).ok();
    !payment.payload.is_empty() && header.is_some_and(|it| matches!(it.sealing(), Ok(Some(_))))
}
