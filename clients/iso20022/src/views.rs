//! A payment message taken apart into views, for readers who may see some of it each.
//!
//! A view is the message with only those elements that belong to it, as XML in one line; it says
//! by its namespace which message it is of. Which element belongs where is decided by [`place`]
//! alone, so views never overlap, and all five together are the whole message. The rules are
//! written down in `docs/reference/views.md`.

use crate::credit_transfer::CreditTransfer;
use crate::element::Element;
use crate::limits::VIEW_BYTES_MAX;
use crate::message::{Body, Message, Profile};
use crate::reader::{self, Part, Parts};
use crate::schema::{Edition, Type};
use crate::{Error, ErrorKind, writer};

/// A part of a payment's details. The numbers are those of `ppc/1`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum View {
    /// Header, identifiers, amounts, dates, agents, names and accounts of debtor and creditor.
    Parties = 0,
    /// What else is known about the debtor, and on whose behalf it pays.
    Originator = 1,
    /// What else is known about the creditor, and for whom it is paid.
    Beneficiary = 2,
    /// Purpose, tax, and what is reported to authorities.
    Purpose = 3,
    /// Remittance information.
    Remittance = 4,
}

impl View {
    /// All of them, ascending.
    pub const ALL: [Self; 5] =
        [Self::Parties, Self::Originator, Self::Beneficiary, Self::Purpose, Self::Remittance];
}

/// To whom an element belongs.
#[derive(Clone, Copy)]
enum Place {
    /// With everything in it to one view.
    Whole(View),
    /// It only frames others: each of those is looked at by itself.
    Frame,
    /// Debtor or creditor: its name to the parties, the rest to this view.
    Party(View),
}

/// To whom an element in this one belongs.
fn place(parent: Place, name: &str) -> Place {
    use View::{Beneficiary, Originator, Parties, Purpose, Remittance};
    match (parent, name) {
        (Place::Whole(_), _) => parent,
        (Place::Party(_), "Nm" | "FinInstnId" | "BrnchId") => Place::Whole(Parties),
        (Place::Party(view), _) => Place::Whole(view),
        (Place::Frame, name) => match name {
            "FIToFICstmrCdtTrf" | "FICdtTrf" | "CdtTrfTxInf" | "UndrlygCstmrCdtTrf" => Place::Frame,
            "Dbtr" => Place::Party(Originator),
            "Cdtr" => Place::Party(Beneficiary),
            "UltmtDbtr" | "InitgPty" => Place::Whole(Originator),
            "UltmtCdtr" => Place::Whole(Beneficiary),
            "Purp" | "RgltryRptg" | "Tax" | "MndtRltdInf" => Place::Whole(Purpose),
            "RmtInf" | "RltdRmtInf" | "UndrlygAllcn" => Place::Whole(Remittance),
            _ => Place::Whole(Parties),
        },
    }
}

/// What of an element belongs to a view.
fn part(element: &Element, at: Place, view: View) -> Option<Element> {
    if let Place::Whole(own) = at {
        return (own == view).then(|| element.clone());
    }
    let parts = element.children.iter().filter_map(|it| part(it, place(at, it.name), view));
    let children: Vec<Element> = parts.collect();
    // That an empty frame is there belongs to the parties.
    let own = !children.is_empty() || (element.children.is_empty() && view == View::Parties);
    own.then(|| Element { children, ..Element::new(element.name) })
}

impl Message {
    /// The content of its views, by [`View::ALL`]; empty where the message says nothing.
    ///
    /// # Errors
    /// [`ErrorKind::UnsupportedMessage`] if it orders no payment, [`ErrorKind::TooMany`] if it
    /// orders several, [`ErrorKind::ViewTooLarge`] if a view has more than [`VIEW_BYTES_MAX`]
    /// bytes.
    pub fn views(&self) -> Result<[Vec<u8>; 5], Error> {
        let (version, document) = &self.document_part;
        match self.body() {
            Body::CreditTransfer(CreditTransfer { transfers, .. }) if transfers.len() == 1 => {}
            Body::CreditTransfer(_) => {
                let transfers = ErrorKind::TooMany(1);
                return Err(Error::new(transfers, "/Document/CdtTrfTxInf", document.line));
            }
            _ => return Err(Error::new(ErrorKind::UnsupportedMessage, "/Document", document.line)),
        }
        let mut views = <[Vec<u8>; 5]>::default();
        for (view, bytes) in View::ALL.into_iter().zip(&mut views) {
            let header = self.header_part.as_ref().filter(|_| view == View::Parties);
            let Some(element) = part(document, Place::Frame, view) else { continue };
            *bytes = writer::write_compact(header, &(version, element)).into_bytes();
            if bytes.len() > VIEW_BYTES_MAX {
                let path = format!("/Document ({view:?})");
                return Err(Error::new(ErrorKind::ViewTooLarge, path, document.line));
            }
        }
        Ok(views)
    }
}

/// What some views of one message say together; with all of them, the message.
#[derive(Clone)]
pub struct Excerpt {
    header: Option<Part>,
    document: Part,
}

/// Which message it is of and nothing of what it says: that is private.
impl std::fmt::Debug for Excerpt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Excerpt({})", self.document.0.identifier)
    }
}

impl Excerpt {
    /// Puts views together; empty ones say nothing. `None` if all are empty.
    ///
    /// # Errors
    /// What is wrong first; [`ErrorKind::OtherView`] if a view says what belongs into another one,
    /// or views are of different messages.
    pub fn of<'a>(
        views: impl IntoIterator<Item = (View, &'a [u8])>,
    ) -> Result<Option<Self>, Error> {
        let mut all: Option<Self> = None;
        for (view, bytes) in views.into_iter().filter(|(_, bytes)| !bytes.is_empty()) {
            let read = Self::read(view, bytes)?;
            all = Some(match all {
                None => read,
                Some(before) => before.with(read)?,
            });
        }
        Ok(all)
    }

    fn read(view: View, bytes: &[u8]) -> Result<Self, Error> {
        let Parts { header, document } = reader::read_partial(bytes)?;
        let own = part(&document.1, Place::Frame, view).is_some_and(|own| own == document.1);
        if !own || (header.is_some() && view != View::Parties) {
            return Err(other_view(&document.1));
        }
        Ok(Self { header, document })
    }

    fn with(self, other: Self) -> Result<Self, Error> {
        let (version, mut document) = self.document;
        if version.identifier != other.document.0.identifier {
            return Err(other_view(&other.document.1));
        }
        merge(&mut document, other.document.1, Place::Frame, version.root, version.edition)?;
        Ok(Self { header: self.header.or(other.header), document: (version, document) })
    }

    /// All that it says, as XML laid out like [`Message::to_xml`]. Without all views it may lack
    /// what the schema demands.
    pub fn to_xml(&self) -> String {
        writer::write(self.header.as_ref(), &self.document)
    }

    /// The element `Document`, with what is there.
    pub fn document_element(&self) -> &Element {
        &self.document.1
    }

    /// The message, if it is whole.
    ///
    /// # Errors
    /// As [`Message::read`] in [`Profile::Plain`].
    pub fn message(&self) -> Result<Message, Error> {
        Message::read(self.to_xml().as_bytes(), Profile::Plain)
    }
}

fn other_view(document: &Element) -> Error {
    Error::new(ErrorKind::OtherView, "/Document", document.line)
}

/// Adds to an element what another view says of the same one, in the order of the schema.
fn merge(
    element: &mut Element,
    other: Element,
    at: Place,
    content: &'static Type,
    edition: Edition,
) -> Result<(), Error> {
    let fields = match content {
        Type::Sequence(fields) => *fields,
        Type::Leaf(_) | Type::Choice(_) => return Err(other_view(&other)),
    };
    let find = |name: &str| {
        let mut fields = fields.iter().enumerate();
        fields.find(|(_, field)| field.name == name && field.is_in(edition))
    };
    let before = element.children.len();
    for child in other.children {
        let at = place(at, child.name);
        let mut known = element.children.iter().take(before);
        let known = known.position(|known| known.name == child.name);
        let Some(known) = known else {
            element.children.push(child);
            continue;
        };
        match (at, find(child.name), element.children.get_mut(known)) {
            (Place::Frame | Place::Party(_), Some((_, field)), Some(known)) => {
                merge(known, child, at, field.content, edition)?;
            }
            // What belongs to one view as a whole is in no other.
            _ => return Err(other_view(element)),
        }
    }
    element.children.sort_by_key(|child| find(child.name).map(|(index, _)| index));
    Ok(())
}
