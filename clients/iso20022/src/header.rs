//! `head.001`: the business application header around a message.

use crate::element::Element;
use crate::party::owned;
use crate::value::Bic;

/// A business application header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// Who sends, if that is a financial institution with a BIC.
    pub from: Option<Bic>,
    /// Who receives, if that is a financial institution with a BIC.
    pub to: Option<Bic>,
    /// Identifier of the message, at most 35 characters; that of the group header under CBPR+.
    pub message_id: String,
    /// The message and its version, as `pacs.008.001.08`.
    pub definition: String,
    /// The rules that the message follows, as `swift.cbprplus.02`.
    pub service: Option<String>,
    /// When the header was made: ISO 8601, with an offset from UTC under CBPR+.
    pub created_at: String,
    /// It is a copy (`CODU`, `COPY`) or a duplicate (`DUPL`) for information.
    pub copy: Option<String>,
}

/// The rule books of CBPR+ that a business service names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Service {
    /// `swift.cbprplus.NN`, or `swift.cbprplus.stp.NN`.
    Core,
    /// `swift.cbprplus.cov.NN`.
    Cover,
    /// `swift.cbprplus.adv.NN`.
    Advice,
}

impl Service {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let rest = text.strip_prefix("swift.cbprplus.")?;
        let (variant, version) = rest.split_once('.').unwrap_or(("", rest));
        if version.len() != 2 || !version.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        match variant {
            "" | "stp" => Some(Self::Core),
            "cov" => Some(Self::Cover),
            "adv" => Some(Self::Advice),
            _ => None,
        }
    }

    /// The name of the service, in the release that this crate writes.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Core => "swift.cbprplus.02",
            Self::Cover => "swift.cbprplus.cov.02",
            Self::Advice => "swift.cbprplus.adv.02",
        }
    }
}

impl Header {
    pub(crate) fn from_element(element: &Element) -> Option<Self> {
        let bic = |path| element.text_at(path).and_then(Bic::parse);
        Some(Self {
            from: bic("Fr/FIId/FinInstnId/BICFI"),
            to: bic("To/FIId/FinInstnId/BICFI"),
            message_id: owned(element, "BizMsgIdr")?,
            definition: owned(element, "MsgDefIdr")?,
            service: owned(element, "BizSvc"),
            created_at: owned(element, "CreDt")?,
            copy: owned(element, "CpyDplct"),
        })
    }

    pub(crate) fn to_element(&self) -> Element {
        let institution = |name, bic: Option<Bic>| {
            let id = Element::new("FinInstnId").with_text_if("BICFI", bic);
            Element::new(name).with(Element::new("FIId").with(id))
        };
        Element::new("AppHdr")
            .with(institution("Fr", self.from))
            .with(institution("To", self.to))
            .with_text("BizMsgIdr", &self.message_id)
            .with_text("MsgDefIdr", &self.definition)
            .with_text_if("BizSvc", self.service.as_deref())
            .with_text("CreDt", &self.created_at)
            .with_text_if("CpyDplct", self.copy.as_deref())
    }

    /// Whether the service of the header makes a `pacs.009` an advice.
    ///
    /// Other networks than SWIFT's may name their advices, too: any component `adv` counts, since
    /// taking a payment for an advice only delays it, the opposite moves money twice.
    pub(crate) fn says_advice(&self) -> bool {
        self.service.as_deref().is_some_and(|service| service.split('.').any(|part| part == "adv"))
    }
}
