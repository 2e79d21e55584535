//! A message as a tree of elements.

use std::slice;

use ledger::{Amount, Currency};

/// An element of a message that its schema allows: with a text, or with elements in it.
///
/// Two elements are equal if they say the same; on which line does not matter.
#[derive(Clone, Debug)]
pub struct Element {
    pub(crate) name: &'static str,
    pub(crate) line: u32,
    pub(crate) currency: Option<String>,
    pub(crate) text: String,
    pub(crate) children: Vec<Element>,
}

impl PartialEq for Element {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
            && self.currency == other.currency
            && self.text == other.text
            && self.children == other.children
    }
}

impl Eq for Element {}

impl Element {
    /// An element with nothing in it.
    pub(crate) fn new(name: &'static str) -> Self {
        Self { name, line: 0, currency: None, text: String::new(), children: Vec::new() }
    }

    /// The name, without prefix.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// The line it begins on, from 1; 0 if it was not read from XML.
    pub fn line(&self) -> u32 {
        self.line
    }

    /// The text, empty if there are elements in it.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The attribute `Ccy` of an amount.
    pub fn currency(&self) -> Option<&str> {
        self.currency.as_deref()
    }

    /// The elements in it, in their order.
    pub fn children(&self) -> slice::Iter<'_, Self> {
        self.children.iter()
    }

    /// The first element at a path below this one, as `PmtId/UETR`.
    pub fn get(&self, path: &str) -> Option<&Self> {
        path.split('/').try_fold(self, |element, name| {
            element.children.iter().find(|child| child.name == name)
        })
    }

    /// The elements of a name directly in this one.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Self> {
        self.children.iter().filter(move |child| child.name == name)
    }

    /// The text of the first element at a path.
    pub fn text_at(&self, path: &str) -> Option<&str> {
        self.get(path).map(Self::text)
    }

    /// This element with another one at its end.
    pub(crate) fn with(mut self, child: Self) -> Self {
        self.children.push(child);
        self
    }

    /// This element with all these at its end.
    pub(crate) fn with_all(mut self, children: impl IntoIterator<Item = Self>) -> Self {
        self.children.extend(children);
        self
    }

    /// This element with a text element at its end.
    pub(crate) fn with_text(self, name: &'static str, text: &(impl ToString + ?Sized)) -> Self {
        self.with(Self { text: text.to_string(), ..Self::new(name) })
    }

    /// This element with a text element at its end, if there is a text.
    pub(crate) fn with_text_if(self, name: &'static str, text: Option<impl ToString>) -> Self {
        match text {
            Some(text) => self.with_text(name, &text),
            None => self,
        }
    }

    /// This element with a text element for each text at its end.
    pub(crate) fn with_texts(self, name: &'static str, texts: &[String]) -> Self {
        texts.iter().fold(self, |element, text| element.with_text(name, text))
    }

    /// This element with an amount at its end, with exactly the digits of its currency.
    pub(crate) fn with_amount(self, name: &'static str, amount: Amount) -> Self {
        let currency = Some(amount.currency().as_str().to_owned());
        let text = amount.to_decimal().to_string();
        self.with(Self { text, currency, ..Self::new(name) })
    }

    /// The amount that this element is.
    pub(crate) fn amount(&self) -> Option<Amount> {
        Amount::parse(&self.text, Currency::parse(self.currency()?).ok()?).ok()
    }
}
