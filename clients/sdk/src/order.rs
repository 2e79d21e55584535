//! Orders: built once, signed once, the same bytes ever after.

use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use channel::{
    FxTerms, HEADER_LEN, HeaderError, HeaderView, LinkTerms, MessageKind, OrderHeader,
    PAYLOAD_BYTES_MAX, ParticipantId, Uetr, ValueDate, link_group, order_digest,
};
use ledger::{Amount, Currency, Hash};
use proto::v1;

use crate::Error;
use crate::fx::parse_rate;

/// An order, ready to be signed: its canonical header, its payload, its digest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    header: [u8; HEADER_LEN],
    payload: Bytes,
    digest: Hash,
}

impl Order {
    /// From bytes made before (an outbox, another program).
    ///
    /// # Errors
    /// [`Error::Order`] if the header is not well-formed or its payload length is another.
    pub fn from_bytes(header: &[u8], payload: Bytes) -> Result<Self, Error> {
        let view = HeaderView::check(header)?;
        if view.payload_len() != payload.len() {
            return Err(HeaderError::PayloadLength.into());
        }
        let header = header.try_into().map_err(|_| HeaderError::Length)?;
        Ok(Self { header, digest: order_digest(&header, &payload), payload })
    }

    /// The canonical header.
    #[must_use]
    pub fn header(&self) -> &[u8; HEADER_LEN] {
        &self.header
    }

    /// The header's fields.
    #[must_use]
    pub fn fields(&self) -> HeaderView<'_> {
        HeaderView::trusted(&self.header)
    }

    /// The payload.
    #[must_use]
    pub fn payload(&self) -> &Bytes {
        &self.payload
    }

    /// What identifies the order in receipts and decisions.
    #[must_use]
    pub fn digest(&self) -> &Hash {
        &self.digest
    }

    /// The payment's reference.
    #[must_use]
    pub fn uetr(&self) -> Uetr {
        self.fields().uetr()
    }

    /// What it says to the other members of a link group, who need it to link theirs.
    #[must_use]
    pub fn link_terms(&self) -> LinkTerms {
        LinkTerms::from(self.fields())
    }

    /// The same order as a member of the link group that has these terms, its own among them: it
    /// settles with all the others or not at all. They are what its signature then stands for.
    ///
    /// # Errors
    /// [`Error::Config`] if its own terms are not among them; [`Error::Order`] if they are not 2
    /// to 16.
    pub fn linked(self, members: &[LinkTerms]) -> Result<Self, Error> {
        if !members.contains(&self.link_terms()) {
            return Err(Error::config("link_group", "the order's own terms are not among them"));
        }
        let count = u8::try_from(members.len()).map_err(|_| HeaderError::LinkMembers)?;
        let mut header = HeaderView::decode(&self.header)?;
        header.link = Some((link_group(members), count));
        Self::from_bytes(&header.encode(), self.payload)
    }

    /// The same order without its payload: what is sealed under its identity and terms.
    ///
    /// # Errors
    /// None for an order that was built.
    pub fn bare(&self) -> Result<Self, Error> {
        let header = OrderHeader { payload_len: 0, ..HeaderView::decode(&self.header)? };
        Self::from_bytes(&header.encode(), Bytes::new())
    }

    pub(crate) fn to_message(&self) -> v1::Order {
        v1::Order { header: Bytes::copy_from_slice(&self.header), payload: self.payload.clone() }
    }
}

/// Makes an [`Order`].
///
/// ```
/// use sdk::{OrderBuilder, ParticipantId};
///
/// let order = OrderBuilder::new(1, ParticipantId(7))
///     .receiver(ParticipantId(8))
///     .amount("1250.00 USD")
///     .value_date("2026-03-02")
///     .urgent()
///     .payload("<Document/>")
///     .build()?;
/// // Keep the order before it is sent: a retry must carry the same bytes.
/// println!("{} {:02x?}", order.uetr(), order.digest());
///
/// let wrong = OrderBuilder::new(1, ParticipantId(7)).amount("1250.005 USD").build();
/// assert_eq!(
///     wrong.unwrap_err().to_string(),
///     "amount: amount has more fraction digits than its currency"
/// );
/// # Ok::<(), sdk::Error>(())
/// ```
///
/// Kind is pacs.008, class 1, not urgent, valid until the day closes, made now, under a new UETR,
/// unless said otherwise. Receiver, amount and value date must be given.
#[derive(Debug, Clone)]
#[must_use = "a builder does nothing until build is called"]
pub struct OrderBuilder {
    pool: u32,
    sender: ParticipantId,
    receiver: Option<ParticipantId>,
    amount: Option<Result<Amount, ledger::MoneyError>>,
    value_date: Option<Option<ValueDate>>,
    uetr: Option<Uetr>,
    kind: MessageKind,
    class: u8,
    urgent: bool,
    created_at_ms: Option<u64>,
    not_before_ms: u64,
    not_after_ms: u64,
    link: Option<([u8; 16], u8)>,
    fx: Option<Exchange>,
    payload: Bytes,
}

/// What an FX order asks for, as it was given.
#[derive(Debug, Clone)]
enum Exchange {
    Buys { counter: String },
    ConvertsTo { currency: String, limit: String },
}

impl Exchange {
    fn terms(&self) -> Result<FxTerms, Error> {
        match self {
            Self::Buys { counter } => {
                let counter = Amount::parse_text(counter)
                    .map_err(|error| Error::config("counter_amount", error))?;
                Ok(FxTerms::Instruction { counter })
            }
            Self::ConvertsTo { currency, limit } => {
                let currency = Currency::parse(currency)
                    .map_err(|error| Error::config("counter_currency", error))?;
                Ok(FxTerms::Payment { currency, limit: parse_rate("limit_rate", limit)? })
            }
        }
    }
}

impl OrderBuilder {
    /// An order of `sender` in `pool`.
    pub fn new(pool: u32, sender: ParticipantId) -> Self {
        Self {
            pool,
            sender,
            receiver: None,
            amount: None,
            value_date: None,
            uetr: None,
            kind: MessageKind::CustomerTransfer,
            class: 1,
            urgent: false,
            created_at_ms: None,
            not_before_ms: 0,
            not_after_ms: 0,
            link: None,
            fx: None,
            payload: Bytes::new(),
        }
    }

    /// Who is paid.
    pub fn receiver(mut self, receiver: ParticipantId) -> Self {
        self.receiver = Some(receiver);
        self
    }

    /// How much, as text: `1250.00 USD`. More digits than the currency has are an error.
    pub fn amount(mut self, text: &str) -> Self {
        self.amount = Some(Amount::parse_text(text));
        self
    }

    /// How much.
    pub fn money(mut self, amount: Amount) -> Self {
        self.amount = Some(Ok(amount));
        self
    }

    /// The day on which it shall settle, as text: `2026-03-02`.
    pub fn value_date(mut self, text: &str) -> Self {
        self.value_date = Some(parse_date(text));
        self
    }

    /// The day on which it shall settle.
    pub fn value_day(mut self, day: ValueDate) -> Self {
        self.value_date = Some(Some(day));
        self
    }

    /// The payment's reference, if it has one already (from an ISO 20022 message).
    pub fn uetr(mut self, uetr: Uetr) -> Self {
        self.uetr = Some(uetr);
        self
    }

    /// The kind of message.
    pub fn kind(mut self, kind: MessageKind) -> Self {
        self.kind = kind;
        self
    }

    /// The priority class, 0 (first) to 3.
    pub fn class(mut self, class: u8) -> Self {
        self.class = class;
        self
    }

    /// To be settled at once if the payer's liquidity allows, not in the next cycle.
    pub fn urgent(mut self) -> Self {
        self.urgent = true;
        self
    }

    /// When the order was made, ms since the Unix epoch; the system's clock otherwise.
    pub fn created_at_ms(mut self, at_ms: u64) -> Self {
        self.created_at_ms = Some(at_ms);
        self
    }

    /// Not to settle before this instant, ms since the Unix epoch.
    pub fn not_before_ms(mut self, at_ms: u64) -> Self {
        self.not_before_ms = at_ms;
        self
    }

    /// Expires after this instant, ms since the Unix epoch.
    pub fn not_after_ms(mut self, at_ms: u64) -> Self {
        self.not_after_ms = at_ms;
        self
    }

    /// Settles together with the other orders of this group or not at all; `members` orders in
    /// all, 2 to 16. The group is the manifest of their terms: [`Order::linked`] computes it.
    pub fn link(mut self, group: [u8; 16], members: u8) -> Self {
        self.link = Some((group, members));
        self
    }

    /// An FX instruction: the sender sells its amount to the receiver and buys this much from it,
    /// as text: `108.25 USD`. The receiver hands in the mirror image; both settle or neither.
    pub fn buys(mut self, text: &str) -> Self {
        self.fx = Some(Exchange::Buys { counter: text.to_owned() });
        self.kind(MessageKind::FxInstruction)
    }

    /// An FX payment: the sender pays its amount and the receiver gets another currency for it, at
    /// the quotes of liquidity providers. `limit` is the least rate, as text with at most ten
    /// digits behind the point: units of `currency` per unit of the amount's currency.
    pub fn converts_to(mut self, currency: &str, limit: &str) -> Self {
        let (currency, limit) = (currency.to_owned(), limit.to_owned());
        self.fx = Some(Exchange::ConvertsTo { currency, limit });
        self.kind(MessageKind::FxPayment)
    }

    /// What the receiver gets at settlement, at most 65,536 bytes; opaque to the operator.
    pub fn payload(mut self, payload: impl Into<Bytes>) -> Self {
        self.payload = payload.into();
        self
    }

    /// Makes the order's bytes.
    ///
    /// # Errors
    /// [`Error::Config`] or [`Error::Order`] naming the field.
    pub fn build(self) -> Result<Order, Error> {
        let missing = |field: &str| Error::config(field, "must be given");
        let amount = self.amount.ok_or_else(|| missing("amount"))?;
        let amount = amount.map_err(|error| Error::config("amount", error))?;
        let value_date = self.value_date.ok_or_else(|| missing("value_date"))?;
        let receiver = self.receiver.ok_or_else(|| missing("receiver"))?;
        if self.payload.len() > PAYLOAD_BYTES_MAX {
            return Err(HeaderError::PayloadLength.into());
        }
        let header = OrderHeader {
            urgent: self.urgent,
            pool: self.pool,
            sender: self.sender,
            receiver,
            uetr: self.uetr.unwrap_or_else(new_uetr),
            kind: self.kind,
            class: self.class,
            amount,
            value_date: value_date.ok_or(HeaderError::ValueDate)?,
            policy_version: 0,
            created_at_ms: self.created_at_ms.unwrap_or_else(now_ms),
            not_before_ms: self.not_before_ms,
            not_after_ms: self.not_after_ms,
            link: self.link,
            sealing: None,
            fx: self.fx.as_ref().map(Exchange::terms).transpose()?,
            payload_len: u32::try_from(self.payload.len())
                .map_err(|_| HeaderError::PayloadLength)?,
        };
        Order::from_bytes(&header.encode(), self.payload)
    }
}

/// Links orders: all of them settle together or not at all. Where another bank makes one of them,
/// exchange [`Order::link_terms`] and use [`Order::linked`].
///
/// # Errors
/// [`Error::Order`] if they are not 2 to 16.
pub fn link_orders(orders: Vec<Order>) -> Result<Vec<Order>, Error> {
    let terms: Vec<LinkTerms> = orders.iter().map(Order::link_terms).collect();
    orders.into_iter().map(|order| order.linked(&terms)).collect()
}

/// A new reference, drawn at random. Keep it before it is sent.
#[must_use]
pub fn new_uetr() -> Uetr {
    Uetr(uuid::Uuid::new_v4().into_bytes())
}

/// The system's time, ms since the Unix epoch.
#[must_use]
pub fn now_ms() -> u64 {
    let elapsed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX)
}

/// A day of a text such as `2026-03-02`.
#[must_use]
pub fn parse_date(text: &str) -> Option<ValueDate> {
    let digit = |at: usize| at != 4 && at != 7;
    let shape = text.bytes().enumerate().all(|(at, byte)| match digit(at) {
        true => byte.is_ascii_digit(),
        false => byte == b'-',
    });
    if text.len() != 10 || !shape {
        return None;
    }
    let digits = text.bytes().filter(u8::is_ascii_digit);
    ValueDate::new(digits.fold(0, |sum, byte| sum * 10 + u32::from(byte - b'0')))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn builder() -> OrderBuilder {
        OrderBuilder::new(3, ParticipantId(7))
            .receiver(ParticipantId(8))
            .amount("1250.00 USD")
            .value_date("2026-03-02")
            .created_at_ms(1_000)
    }

    #[test]
    fn the_header_says_what_was_built() {
        let uetr: Uetr = "7a562c67-ca16-48ba-b074-65581be6f001".parse().unwrap();
        let order = builder()
            .uetr(uetr)
            .kind(MessageKind::Cover)
            .class(2)
            .urgent()
            .not_before_ms(2_000)
            .not_after_ms(3_000)
            .link([9; 16], 2)
            .payload("abc")
            .build()
            .unwrap();
        let fields = HeaderView::decode(order.header()).unwrap();
        assert_eq!(fields.amount.to_string(), "1250.00 USD");
        assert_eq!((fields.pool, fields.sender.0, fields.receiver.0), (3, 7, 8));
        assert_eq!((fields.uetr, fields.kind, fields.class), (uetr, MessageKind::Cover, 2));
        assert!(fields.urgent);
        assert_eq!((fields.created_at_ms, fields.not_before_ms), (1_000, 2_000));
        assert_eq!((fields.not_after_ms, fields.link), (3_000, Some(([9; 16], 2))));
        assert_eq!((fields.value_date.get(), fields.payload_len), (20_260_302, 3));
        assert_eq!(order.digest(), &order_digest(order.header(), b"abc"));
        let again = Order::from_bytes(order.header(), order.payload().clone()).unwrap();
        assert_eq!(again, order);
    }

    #[test]
    fn orders_of_two_currencies_say_what_they_buy() {
        let instruction = builder().buys("1158.00 EUR").build().unwrap();
        assert_eq!(instruction.fields().kind(), Some(MessageKind::FxInstruction));
        let counter = Amount::parse_text("1158.00 EUR").unwrap();
        assert_eq!(instruction.fields().fx(), Some(FxTerms::Instruction { counter }));
        let payment = builder().converts_to("EUR", "0.9260").build().unwrap();
        assert_eq!(payment.fields().kind(), Some(MessageKind::FxPayment));
        let Some(FxTerms::Payment { currency, limit }) = payment.fields().fx() else {
            panic!("no FX payment")
        };
        assert_eq!((currency.as_str(), limit.mantissa(), limit.scale()), ("EUR", 9_260, 4));
        let problem = |builder: OrderBuilder| builder.build().unwrap_err().to_string();
        assert!(problem(builder().buys("1 XXX")).starts_with("counter_amount: "));
        assert!(problem(builder().buys("1.00 USD")).starts_with("counter_currency: "));
        assert!(problem(builder().buys("1.00 EUR").urgent()).starts_with("flags: "));
        assert!(problem(builder().converts_to("EU", "1")).starts_with("counter_currency: "));
        assert!(problem(builder().converts_to("EUR", "1e5")).starts_with("limit_rate: "));
    }

    #[test]
    fn every_order_has_its_own_reference() {
        let (first, second) = (builder().build().unwrap(), builder().build().unwrap());
        assert_ne!(first.uetr(), second.uetr());
    }

    #[test]
    fn linked_orders_state_their_manifest() {
        let leg = |payload: &'static str| builder().payload(payload).build().unwrap();
        let (one, other) = (leg("abc"), leg("d"));
        let terms = [other.link_terms(), one.link_terms()];
        let linked = link_orders(vec![one.clone(), other.clone()]).unwrap();
        for (order, before) in linked.iter().zip([&one, &other]) {
            assert_eq!(order.fields().link(), Some((link_group(&terms), 2)));
            assert_eq!(order.link_terms(), before.link_terms());
            assert_eq!(order.payload(), before.payload());
            assert_eq!(order.digest(), &order_digest(order.header(), order.payload()));
        }
        // What another bank makes of the same terms is the same group.
        assert_eq!(one.clone().linked(&terms).unwrap(), linked[0]);
        let problem = |members: &[LinkTerms]| one.clone().linked(members).unwrap_err().to_string();
        assert!(problem(&terms[..1]).starts_with("link_group: "));
        assert!(problem(&terms[1..]).starts_with("link_members: "));
        assert!(problem(&[one.link_terms(); 17]).starts_with("link_members: "));
        assert!(problem(&[one.link_terms(); 257]).starts_with("link_members: "));
    }

    #[test]
    fn what_is_missing_or_wrong_is_named() {
        let field = |builder: OrderBuilder| {
            let error = builder.build().unwrap_err().to_string();
            error.split(':').next().unwrap().to_owned()
        };
        let bare = || OrderBuilder::new(1, ParticipantId(7));
        assert_eq!(field(bare()), "amount");
        assert_eq!(field(bare().amount("1 USD")), "value_date");
        assert_eq!(field(bare().amount("1 USD").value_date("2026-03-02")), "receiver");
        assert_eq!(field(builder().amount("1.005 USD")), "amount");
        assert_eq!(field(builder().amount("0 USD")), "amount");
        assert_eq!(field(builder().value_date("2026-02-30")), "value_date");
        assert_eq!(field(builder().receiver(ParticipantId(7))), "receiver");
        assert_eq!(field(builder().class(4)), "class");
        assert_eq!(field(builder().link([1; 16], 1)), "link_members");
        assert_eq!(field(builder().not_after_ms(999)), "not_after");
        assert_eq!(field(builder().payload(vec![0; PAYLOAD_BYTES_MAX + 1])), "payload_length");
    }

    #[test]
    fn days_are_ten_characters() {
        assert_eq!(parse_date("2026-03-02").map(ValueDate::get), Some(20_260_302));
        for text in ["2026-3-2", "20260302", "2026-13-01", "2026/03/02", "2026-03-02 ", "äöüäö"]
        {
            assert_eq!(parse_date(text), None, "{text}");
        }
    }
}
