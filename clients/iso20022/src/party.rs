//! Who takes part: agents, customers, their addresses and accounts.

use crate::element::Element;
use crate::value::Bic;

/// A code of a list that ISO maintains, or one the sender made up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Coded {
    /// A code of an external code list, such as `SUPP` for a purpose or `AM04` for a reason.
    Code(String),
    /// A proprietary one of at most 35 characters.
    Proprietary(String),
}

impl Coded {
    pub(crate) fn from_element(element: &Element) -> Option<Self> {
        match element.text_at("Cd") {
            Some(code) => Some(Self::Code(code.to_owned())),
            None => element.text_at("Prtry").map(|text| Self::Proprietary(text.to_owned())),
        }
    }

    pub(crate) fn to_element(&self, name: &'static str) -> Element {
        match self {
            Self::Code(code) => Element::new(name).with_text("Cd", code),
            Self::Proprietary(text) => Element::new(name).with_text("Prtry", text),
        }
    }
}

/// A postal address, as far as it is kept apart.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Address {
    /// Street, at most 70 characters.
    pub street: Option<String>,
    /// Number of the building in the street, at most 16 characters.
    pub building: Option<String>,
    /// Post code, at most 16 characters.
    pub post_code: Option<String>,
    /// Town, at most 35 characters.
    pub town: Option<String>,
    /// ISO 3166 code of two letters.
    pub country: Option<String>,
    /// Lines of what has no place of its own: at most 7 of 70 characters.
    pub lines: Vec<String>,
}

impl Address {
    fn from_element(element: &Element) -> Self {
        Self {
            street: owned(element, "StrtNm"),
            building: owned(element, "BldgNb"),
            post_code: owned(element, "PstCd"),
            town: owned(element, "TwnNm"),
            country: owned(element, "Ctry"),
            lines: texts(element, "AdrLine"),
        }
    }

    fn to_element(&self, name: &'static str) -> Element {
        Element::new(name)
            .with_text_if("StrtNm", self.street.as_deref())
            .with_text_if("BldgNb", self.building.as_deref())
            .with_text_if("PstCd", self.post_code.as_deref())
            .with_text_if("TwnNm", self.town.as_deref())
            .with_text_if("Ctry", self.country.as_deref())
            .with_texts("AdrLine", &self.lines)
    }
}

/// A financial institution.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Agent {
    /// Its BIC.
    pub bic: Option<Bic>,
    /// Its number in a national clearing system.
    pub clearing_member: Option<String>,
    /// Its legal entity identifier of 20 characters.
    pub lei: Option<String>,
    /// Its name, at most 140 characters.
    pub name: Option<String>,
    /// Where it is.
    pub address: Option<Address>,
}

impl Agent {
    /// An institution that is known by its BIC.
    pub fn of_bic(bic: Bic) -> Self {
        Self { bic: Some(bic), ..Self::default() }
    }

    pub(crate) fn from_element(element: &Element) -> Option<Self> {
        let institution = element.get("FinInstnId")?;
        Some(Self {
            bic: institution.text_at("BICFI").and_then(Bic::parse),
            clearing_member: owned(institution, "ClrSysMmbId/MmbId"),
            lei: owned(institution, "LEI"),
            name: owned(institution, "Nm"),
            address: institution.get("PstlAdr").map(Address::from_element),
        })
    }

    pub(crate) fn to_element(&self, name: &'static str) -> Element {
        let member = self.clearing_member.as_ref();
        let institution = Element::new("FinInstnId")
            .with_text_if("BICFI", self.bic)
            .with_all(member.map(|id| Element::new("ClrSysMmbId").with_text("MmbId", id)))
            .with_text_if("LEI", self.lei.as_deref())
            .with_text_if("Nm", self.name.as_deref())
            .with_all(self.address.as_ref().map(|address| address.to_element("PstlAdr")));
        Element::new(name).with(institution)
    }
}

/// A customer of an agent: a person or an organisation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Party {
    /// Name, at most 140 characters.
    pub name: Option<String>,
    /// Where the party is.
    pub address: Option<Address>,
    /// How the party is identified.
    pub id: Option<PartyId>,
    /// ISO 3166 code of the country of residence.
    pub residence: Option<String>,
}

/// How a party is identified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PartyId {
    /// An organisation.
    Organisation {
        /// Its BIC.
        bic: Option<Bic>,
        /// Its legal entity identifier of 20 characters.
        lei: Option<String>,
        /// Identifiers of other schemes, at most 35 characters each.
        others: Vec<String>,
    },
    /// A person.
    Person {
        /// Identifiers such as a passport number, at most 35 characters each.
        others: Vec<String>,
    },
}

impl Party {
    pub(crate) fn from_element(element: &Element) -> Self {
        Self {
            name: owned(element, "Nm"),
            address: element.get("PstlAdr").map(Address::from_element),
            id: element.get("Id").and_then(PartyId::from_element),
            residence: owned(element, "CtryOfRes"),
        }
    }

    pub(crate) fn to_element(&self, name: &'static str) -> Element {
        Element::new(name)
            .with_text_if("Nm", self.name.as_deref())
            .with_all(self.address.as_ref().map(|address| address.to_element("PstlAdr")))
            .with_all(self.id.as_ref().map(PartyId::to_element))
            .with_text_if("CtryOfRes", self.residence.as_deref())
    }
}

impl PartyId {
    fn from_element(element: &Element) -> Option<Self> {
        let others = |of: &Element| {
            of.all("Othr").filter_map(|other| owned(other, "Id")).collect::<Vec<_>>()
        };
        if let Some(organisation) = element.get("OrgId") {
            return Some(Self::Organisation {
                bic: organisation.text_at("AnyBIC").and_then(Bic::parse),
                lei: owned(organisation, "LEI"),
                others: others(organisation),
            });
        }
        element.get("PrvtId").map(|person| Self::Person { others: others(person) })
    }

    fn to_element(&self) -> Element {
        let other = |id: &String| Element::new("Othr").with_text("Id", id);
        let choice = match self {
            Self::Organisation { bic, lei, others } => Element::new("OrgId")
                .with_text_if("AnyBIC", *bic)
                .with_text_if("LEI", lei.as_deref())
                .with_all(others.iter().map(other)),
            Self::Person { others } => Element::new("PrvtId").with_all(others.iter().map(other)),
        };
        Element::new("Id").with(choice)
    }
}

/// Debtor or creditor: a customer in `pacs.008`, an institution in `pacs.009`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Actor {
    /// A person or an organisation.
    Customer(Party),
    /// A financial institution on its own behalf.
    Institution(Agent),
}

impl Actor {
    /// An institution if the element has the identification of one.
    pub(crate) fn from_element(element: &Element) -> Self {
        match Agent::from_element(element) {
            Some(agent) => Self::Institution(agent),
            None => Self::Customer(Party::from_element(element)),
        }
    }

    pub(crate) fn to_element(&self, name: &'static str) -> Element {
        match self {
            Self::Customer(party) => party.to_element(name),
            Self::Institution(agent) => agent.to_element(name),
        }
    }
}

/// The number of a cash account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Account {
    /// An IBAN without spaces.
    Iban(String),
    /// A number of another kind, at most 34 characters.
    Other(String),
}

impl Account {
    pub(crate) fn from_element(element: &Element) -> Option<Self> {
        match element.text_at("Id/IBAN") {
            Some(iban) => Some(Self::Iban(iban.to_owned())),
            None => owned(element, "Id/Othr/Id").map(Self::Other),
        }
    }

    pub(crate) fn to_element(&self, name: &'static str) -> Element {
        let id = Element::new("Id");
        Element::new(name).with(match self {
            Self::Iban(iban) => id.with_text("IBAN", iban),
            Self::Other(number) => id.with(Element::new("Othr").with_text("Id", number)),
        })
    }
}

/// The text at a path.
pub(crate) fn owned(element: &Element, path: &str) -> Option<String> {
    element.text_at(path).map(str::to_owned)
}

/// The texts of all elements of a name.
pub(crate) fn texts(element: &Element, name: &str) -> Vec<String> {
    element.all(name).map(|line| line.text().to_owned()).collect()
}
