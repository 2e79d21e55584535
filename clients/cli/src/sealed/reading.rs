//! What an opened payment says: put together again, and compared with what settles.

use channel::HeaderView;
use iso20022::{Bic, Element, Excerpt};
use sdk::sealed::{Envelope, OpenedOrder, TrustStore, View, ViewMask};
use sdk::{MessageKind, v1};

/// A payment that opened.
pub(crate) struct Opened {
    /// What the views say together; nothing if all are empty.
    pub(crate) excerpt: Option<Excerpt>,
    /// The views that were opened.
    pub(crate) views: ViewMask,
    /// Why it must not be relied on: the views contradict the order, or each other.
    pub(crate) problem: Option<String>,
}

/// Puts the views of an order together, and looks whether they may be relied on.
pub(crate) fn judge(store: &TrustStore, order: &OpenedOrder, payload: &[u8]) -> Opened {
    let views = order.views.iter().fold(ViewMask::NONE, |mask, it| mask.with(it.view()));
    let parts = order.views.iter().filter_map(|it| {
        let view = iso20022::View::ALL.get(it.view() as usize)?;
        Some((*view, it.content()))
    });
    let header = HeaderView::trusted(&order.header);
    let all = Envelope::parse(header, payload).is_ok_and(|it| it.view_mask() == views);
    let (excerpt, problem) = match Excerpt::of(parts) {
        Err(error) => (None, Some(error.to_string())),
        Ok(excerpt) => {
            let message = excerpt.as_ref();
            let problem =
                if views.has(View::Parties) { differs(store, message, header) } else { None };
            let whole = || message?.message().err().map(|error| error.to_string());
            let problem = problem.or_else(|| if all { whole() } else { None });
            (excerpt, problem)
        }
    };
    Opened { excerpt, views, problem }
}

/// What the parties' view says that the order, which is what settles, does not; that it says
/// nothing, if there should be a message. An FX payment may have none.
fn differs(
    store: &TrustStore,
    excerpt: Option<&Excerpt>,
    header: HeaderView<'_>,
) -> Option<String> {
    let fx = header.kind().is_none_or(MessageKind::fx);
    let message = excerpt.and_then(|it| it.document_element().children().next());
    let transfer = message.and_then(|message| message.get("CdtTrfTxInf"));
    let amount = transfer.and_then(|transfer| transfer.get("IntrBkSttlmAmt"));
    let (Some(message), Some(transfer), Some(amount)) = (message, transfer, amount) else {
        return (!fx).then(|| "the sealed message orders no payment".to_owned());
    };
    let name = |id| Bic::parse(&store.identity(id)?.participant.name);
    let either =
        |path: &str| transfer.text_at(path).or_else(|| message.text_at(&format!("GrpHdr/{path}")));
    let agent = |name: &str| either(&format!("{name}/FinInstnId/BICFI")).and_then(Bic::parse);
    let minor = amount_of(amount).map(|it| (it.minor(), it.currency().to_bytes()));
    let uetr = header.uetr().to_string();
    let day = either("IntrBkSttlmDt").and_then(|text| text.replace('-', "").parse().ok());
    let checks = [
        ("UETR", transfer.text_at("PmtId/UETR") == Some(uetr.as_str())),
        ("amount", minor == Some((header.minor(), header.currency_bytes()))),
        ("settlement date", day == Some(header.value_date_number())),
        ("instructing agent", agent("InstgAgt") == name(header.sender())),
        ("instructed agent", agent("InstdAgt") == name(header.receiver())),
    ];
    let wrong = checks.iter().find(|(_, holds)| !holds);
    wrong.map(|(what, _)| format!("the sealed message has another {what} than the order"))
}

fn amount_of(element: &Element) -> Option<ledger::Amount> {
    let currency = ledger::Currency::parse(element.currency()?).ok()?;
    ledger::Amount::parse(element.text(), currency).ok()
}

/// Whether a payment came with a sealed payload.
pub(crate) fn is_sealed(payment: &v1::Payment) -> bool {
    let header = HeaderView::check(&payment.header).ok();
    !payment.payload.is_empty() && header.is_some_and(|it| matches!(it.sealing(), Ok(Some(_))))
}
