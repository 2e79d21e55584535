//! What must hold beyond the schema, by profile.

use crate::element::Element;
use crate::header::{Header, Service};
use crate::message::Profile;
use crate::reader::Parts;
use crate::schema::MessageType;
use crate::value::Bic;
use crate::{Error, ErrorKind};

/// Decimal places at which control sums are compared: as many as an amount can have.
const SUM_DIGITS: usize = 5;

/// Checks the rules of a profile.
pub(crate) fn check(parts: &Parts, profile: Profile) -> Result<(), Error> {
    let rules = Rules::new(parts)?;
    match rules.message_type {
        MessageType::Pacs008 | MessageType::Pacs009 => rules.check_credit_transfer()?,
        MessageType::Pacs002 => rules.check_statuses()?,
        MessageType::Camt054 | MessageType::Head001 => {}
    }
    match profile {
        Profile::Plain => rules.check_definition_loosely(),
        Profile::Cbpr => rules.check_cbpr(),
    }
}

struct Rules<'a> {
    message_type: MessageType,
    identifier: &'static str,
    header: Option<(&'a Element, Header)>,
    /// The one element of the document.
    message: &'a Element,
}

impl<'a> Rules<'a> {
    fn new(parts: &'a Parts) -> Result<Self, Error> {
        let (version, document) = &parts.document;
        let missing = |name| Error::new(ErrorKind::Missing(name), "/Document", document.line);
        let header = match &parts.header {
            Some((_, element)) => {
                let header = Header::from_element(element).ok_or_else(|| missing("AppHdr"))?;
                Some((element, header))
            }
            None => None,
        };
        Ok(Self {
            message_type: version.message,
            identifier: version.identifier,
            header,
            message: document.children.first().ok_or_else(|| missing("message"))?,
        })
    }

    /// An error in an element at a path below the message.
    fn error(&self, kind: ErrorKind, path: &str) -> Error {
        let line = self.message.get(path).unwrap_or(self.message).line;
        Error::new(kind, format!("/Document/{}/{path}", self.message.name), line)
    }

    /// The transfers or their statuses, with their paths below the message.
    fn items(&self, name: &'static str) -> impl Iterator<Item = (String, &'a Element)> {
        let items = self.message.all(name).enumerate();
        items.map(move |(at, element)| (format!("{name}[{}]", at + 1), element))
    }

    fn error_in_item(&self, kind: ErrorKind, path: &str, line: u32) -> Error {
        Error::new(kind, format!("/Document/{}/{path}", self.message.name), line)
    }

    fn check_credit_transfer(&self) -> Result<(), Error> {
        for (path, transfer) in self.items("CdtTrfTxInf") {
            let Some(element) = transfer.get("IntrBkSttlmAmt") else { continue };
            if element.amount().is_some_and(|amount| amount.minor() == 0) {
                let path = format!("{path}/IntrBkSttlmAmt");
                return Err(self.error_in_item(ErrorKind::ZeroAmount, &path, element.line));
            }
        }
        let count = self.message.all("CdtTrfTxInf").count();
        let stated = self.message.text_at("GrpHdr/NbOfTxs").and_then(|text| text.parse().ok());
        if stated != Some(count) {
            return Err(self.error(ErrorKind::TransferCount, "GrpHdr/NbOfTxs"));
        }
        self.check_sums()
    }

    /// `CtrlSum` adds numbers whatever their currency, `TtlIntrBkSttlmAmt` is of one currency.
    fn check_sums(&self) -> Result<(), Error> {
        let amounts = || self.message.all("CdtTrfTxInf").filter_map(|t| t.get("IntrBkSttlmAmt"));
        let sum = amounts().filter_map(|amount| scaled(amount.text())).sum::<u128>();
        let stated = self.message.text_at("GrpHdr/CtrlSum");
        if stated.is_some_and(|stated| scaled(stated) != Some(sum)) {
            return Err(self.error(ErrorKind::ControlSum, "GrpHdr/CtrlSum"));
        }
        if let Some(total) = self.message.get("GrpHdr/TtlIntrBkSttlmAmt") {
            let one_currency = amounts().all(|amount| amount.currency() == total.currency());
            if !one_currency || scaled(total.text()) != Some(sum) {
                return Err(self.error(ErrorKind::ControlSum, "GrpHdr/TtlIntrBkSttlmAmt"));
            }
        }
        Ok(())
    }

    fn check_statuses(&self) -> Result<(), Error> {
        self.items("TxInfAndSts").try_for_each(|item| self.require(&item, "", "TxSts"))
    }

    /// Requires an element `name` in the element `within` of an item.
    fn require(
        &self,
        (path, item): &(String, &Element),
        within: &str,
        name: &'static str,
    ) -> Result<(), Error> {
        let parent = if within.is_empty() { Some(*item) } else { item.get(within) };
        if parent.is_some_and(|parent| parent.get(name).is_some()) {
            return Ok(());
        }
        let separator = if within.is_empty() { "" } else { "/" };
        let line = parent.unwrap_or(item).line;
        let path = format!("{path}{separator}{within}");
        Err(self.error_in_item(ErrorKind::Missing(name), &path, line))
    }

    /// The header may name another version of the message, but no other message.
    fn check_definition_loosely(&self) -> Result<(), Error> {
        let name = |identifier: &str| identifier.get(..9).map(str::to_owned);
        match &self.header {
            Some((element, header)) if name(&header.definition) != name(self.identifier) => {
                Err(header_error(element, ErrorKind::HeaderMismatch, "MsgDefIdr"))
            }
            _ => Ok(()),
        }
    }

    fn check_cbpr(&self) -> Result<(), Error> {
        let Some((element, header)) = &self.header else {
            return Err(Error::new(ErrorKind::MissingHeader, "/", 1));
        };
        if header.definition != self.identifier {
            return Err(header_error(element, ErrorKind::HeaderMismatch, "MsgDefIdr"));
        }
        if self.message.text_at("GrpHdr/MsgId") != Some(&header.message_id) {
            return Err(header_error(element, ErrorKind::HeaderMismatch, "BizMsgIdr"));
        }
        let service = header.service.as_deref().and_then(Service::parse);
        let allowed = match service {
            Some(Service::Core) => true,
            Some(Service::Cover | Service::Advice) => self.message_type == MessageType::Pacs009,
            None => false,
        };
        let (Some(service), true) = (service, allowed) else {
            return Err(header_error(element, ErrorKind::BusinessService, "BizSvc"));
        };
        match self.message_type {
            MessageType::Pacs008 | MessageType::Pacs009 => {
                self.check_cbpr_transfers(element, header, service)
            }
            MessageType::Pacs002 => self.check_cbpr_statuses(element, header),
            MessageType::Camt054 | MessageType::Head001 => Ok(()),
        }
    }

    fn check_cbpr_transfers(
        &self,
        element: &Element,
        header: &Header,
        service: Service,
    ) -> Result<(), Error> {
        let Some(item) = self.single("CdtTrfTxInf")? else { return Ok(()) };
        for name in ["InstrId", "UETR"] {
            self.require(&item, "PmtId", name)?;
        }
        for name in ["IntrBkSttlmDt", "InstgAgt", "InstdAgt"] {
            self.require(&item, "", name)?;
        }
        for within in ["InstgAgt/FinInstnId", "InstdAgt/FinInstnId"] {
            self.require(&item, within, "BICFI")?;
        }
        let (path, transfer) = &item;
        if let Some(id) = transfer.get("PmtId/InstrId").filter(|id| has_slashes(id.text())) {
            let path = format!("{path}/PmtId/InstrId");
            return Err(self.error_in_item(ErrorKind::Slashes, &path, id.line));
        }
        if service == Service::Cover {
            self.require(&item, "", "UndrlygCstmrCdtTrf")?;
        } else if let Some(underlying) = transfer.get("UndrlygCstmrCdtTrf") {
            let path = format!("{path}/UndrlygCstmrCdtTrf");
            let kind = ErrorKind::UnexpectedUnderlying;
            return Err(self.error_in_item(kind, &path, underlying.line));
        }
        check_addresses(element, header, transfer)
    }

    fn check_cbpr_statuses(&self, element: &Element, header: &Header) -> Result<(), Error> {
        let Some(item) = self.single("TxInfAndSts")? else { return Ok(()) };
        if item.1.text_at("TxSts") == Some("RJCT") {
            self.require(&item, "", "StsRsnInf")?;
            let (path, status) = &item;
            if let Some(reason) = status.get("StsRsnInf") {
                self.require(&(format!("{path}/StsRsnInf[1]"), reason), "", "Rsn")?;
            }
        }
        check_addresses(element, header, item.1)
    }

    /// The only item of the message, if there is one.
    fn single(&self, name: &'static str) -> Result<Option<(String, &'a Element)>, Error> {
        let mut items = self.items(name);
        let first = items.next();
        match items.next() {
            None => Ok(first),
            Some((path, item)) => {
                Err(self.error_in_item(ErrorKind::SingleTransfer, &path, item.line))
            }
        }
    }
}

/// The header's addresses are those of the document, unless the header is that of a copy.
fn check_addresses(element: &Element, header: &Header, item: &Element) -> Result<(), Error> {
    let agrees = |agent: &str, address: Option<Bic>| {
        let bic = item.get(agent).and_then(|agent| agent.text_at("FinInstnId/BICFI"));
        bic.is_none_or(|bic| Bic::parse(bic) == address)
    };
    if header.copy.is_some() {
        return Ok(());
    }
    if !agrees("InstgAgt", header.from) {
        return Err(header_error(element, ErrorKind::HeaderMismatch, "Fr"));
    }
    if !agrees("InstdAgt", header.to) {
        return Err(header_error(element, ErrorKind::HeaderMismatch, "To"));
    }
    Ok(())
}

fn header_error(header: &Element, kind: ErrorKind, name: &str) -> Error {
    let line = header.get(name).unwrap_or(header).line;
    Error::new(kind, format!("/AppHdr/{name}"), line)
}

fn has_slashes(id: &str) -> bool {
    id.starts_with('/') || id.ends_with('/') || id.contains("//")
}

/// A decimal number in units of 10^-5; nothing if it has more digits than that.
fn scaled(number: &str) -> Option<u128> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let fraction = fraction.trim_end_matches('0');
    if fraction.len() > SUM_DIGITS {
        return None;
    }
    format!("{whole}{fraction:0<SUM_DIGITS$}").parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_scaled_exactly() {
        assert_eq!(scaled("1250"), Some(125_000_000));
        assert_eq!(scaled("0.00001"), Some(1));
        assert_eq!(scaled("1.5000000"), Some(150_000));
        assert_eq!(scaled("0.000001"), None);
        assert_eq!(scaled("999999999999999999"), Some(99_999_999_999_999_999_900_000));
    }

    #[test]
    fn slashes_are_found_at_both_ends_and_in_a_row() {
        for id in ["/A", "A/", "A//B"] {
            assert!(has_slashes(id), "{id}");
        }
        assert!(!has_slashes("A/B"));
    }
}
