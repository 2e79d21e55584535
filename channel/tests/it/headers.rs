use channel::{
    EpochId, FxTerms, HEADER_LEN, HeaderError, HeaderView, MessageKind, OrderHeader, ParticipantId,
    Rate, Sealing, SizeBucket, Suite, Uetr, ValueDate,
};
use ledger::{Amount, Currency};
use proptest::prelude::*;

pub(crate) fn header() -> OrderHeader {
    OrderHeader {
        urgent: true,
        pool: 1,
        sender: ParticipantId(7),
        receiver: ParticipantId(8),
        uetr: "0b6d5a5e-6a58-4d0c-9a3e-3f1f6f1f2a11".parse().unwrap(),
        kind: MessageKind::CustomerTransfer,
        class: 1,
        amount: Amount::new(125_000, Currency::parse("USD").unwrap()).unwrap(),
        value_date: ValueDate::new(20_260_302).unwrap(),
        policy_version: 0,
        created_at_ms: 1_772_431_200_000,
        not_before_ms: 0,
        not_after_ms: 1_772_460_000_000,
        link: None,
        sealing: None,
        fx: None,
        payload_len: 5,
    }
}

pub(crate) fn sealed() -> OrderHeader {
    let sealing = Sealing {
        suite: Suite::X25519Aes256Gcm,
        epoch: EpochId([9; 16]),
        sequence: 77,
        bucket: SizeBucket::B512,
        views: 2,
        slots: 2,
    };
    OrderHeader { sealing: Some(sealing), ..header() }
}

#[test]
fn every_field_of_the_sealing_is_refused_by_name() {
    let cases: &[(usize, &[u8], HeaderError)] = &[
        (2, &[0, 0], HeaderError::Reserved),
        (2, &[0, 3], HeaderError::Suite),
        (39, &[0], HeaderError::SizeBucket),
        (39, &[7], HeaderError::SizeBucket),
        (96, &[0; 16], HeaderError::Epoch),
        (112, &(1_u64 << 24).to_be_bytes(), HeaderError::Sequence),
        (189, &[1], HeaderError::Reserved),
        (190, &[0], HeaderError::Views),
        (190, &[6], HeaderError::Views),
        (191, &[0], HeaderError::Slots),
        (191, &[17], HeaderError::Slots),
    ];
    let sound = sealed().encode();
    assert_eq!(HeaderView::decode(&sound), Ok(sealed()));
    for (at, field, error) in cases {
        let mut bytes = sound;
        bytes[*at..at + field.len()].copy_from_slice(field);
        assert_eq!(HeaderView::check(&bytes).err(), Some(*error), "offset {at}");
    }
}

/// One line per field: the bytes put at an offset and the refusal that names the field.
#[test]
fn every_field_is_refused_by_name() {
    let cases: &[(usize, &[u8], HeaderError)] = &[
        (0, &[2], HeaderError::Version),
        (1, &[2], HeaderError::Flags),
        (2, &[0, 3], HeaderError::Suite),
        (2, &[0, 1], HeaderError::SizeBucket),
        (8, &[0, 0, 0, 0], HeaderError::Receiver),
        (12, &[0, 0, 0, 7], HeaderError::Receiver),
        (22, &[0x1d], HeaderError::Uetr),
        (24, &[0x1a], HeaderError::Uetr),
        (32, &[0, 0], HeaderError::MessageKind),
        (32, &[0, 6], HeaderError::MessageKind),
        (34, &[4], HeaderError::Class),
        (35, &[2], HeaderError::LinkMembers),
        (80, &[1], HeaderError::LinkMembers),
        (36, b"usd", HeaderError::Currency),
        (36, b"XXX", HeaderError::Currency),
        (40, &[0; 8], HeaderError::Amount),
        (40, &[0xff; 8], HeaderError::Amount),
        (48, &20_260_230_u32.to_be_bytes(), HeaderError::ValueDate),
        (72, &1_u64.to_be_bytes(), HeaderError::Validity),
        (64, &1_772_460_000_000_u64.to_be_bytes(), HeaderError::Validity),
        (164, &65_537_u32.to_be_bytes(), HeaderError::PayloadLength),
        (39, &[1], HeaderError::Reserved),
        (190, &[1], HeaderError::Reserved),
        (96, &[1], HeaderError::Reserved),
        (151, &[1], HeaderError::Reserved),
        (152, b"EUR", HeaderError::Reserved),
        (155, &[1], HeaderError::Reserved),
        (163, &[1], HeaderError::Reserved),
        (168, &[1], HeaderError::Reserved),
        (176, &[1], HeaderError::Reserved),
        (191, &[1], HeaderError::Reserved),
    ];
    for (at, field, error) in cases {
        let mut bytes = header().encode();
        bytes[*at..at + field.len()].copy_from_slice(field);
        assert_eq!(HeaderView::check(&bytes).err(), Some(*error), "offset {at}");
    }
}

fn eur(minor: u64) -> Amount {
    Amount::new(minor, Currency::parse("EUR").unwrap()).unwrap()
}

/// The sender sells 1,250.00 USD and buys 1,150.00 EUR.
pub(crate) fn instruction() -> OrderHeader {
    let fx = Some(FxTerms::Instruction { counter: eur(115_000) });
    OrderHeader { urgent: false, kind: MessageKind::FxInstruction, fx, ..header() }
}

/// The sender pays 1,250.00 USD, the receiver gets at least 0.915 EUR for each.
pub(crate) fn fx_payment() -> OrderHeader {
    let (currency, limit) = (eur(1).currency(), Rate::parse("0.9150").unwrap());
    let fx = Some(FxTerms::Payment { currency, limit });
    OrderHeader { urgent: false, kind: MessageKind::FxPayment, fx, ..header() }
}

#[test]
fn fx_orders_come_back_whole() {
    for order in [instruction(), fx_payment()] {
        assert_eq!(HeaderView::decode(&order.encode()), Ok(order));
    }
}

/// What an FX order says of its counter currency, refused by name.
#[test]
fn every_fx_field_is_refused_by_name() {
    let rate_max = &1_000_000_000_001_u64.to_be_bytes();
    let both: &[(usize, &[u8], HeaderError)] = &[
        (1, &[1], HeaderError::FxUrgent),
        (152, &[0; 3], HeaderError::CounterCurrency),
        (152, b"USD", HeaderError::CounterCurrency),
        (152, b"XXX", HeaderError::CounterCurrency),
        (176, &[1], HeaderError::Reserved),
    ];
    let of_instruction: &[(usize, &[u8], HeaderError)] = &[
        (168, &[0; 8], HeaderError::CounterAmount),
        (168, &[0xff; 8], HeaderError::CounterAmount),
        (155, &[1], HeaderError::Reserved),
        (156, &[0, 0, 0, 0, 0, 0, 0, 1], HeaderError::Reserved),
    ];
    let of_payment: &[(usize, &[u8], HeaderError)] = &[
        (156, &[0; 8], HeaderError::LimitRate),
        (156, rate_max, HeaderError::LimitRate),
        (155, &[11], HeaderError::LimitRate),
        (168, &[0, 0, 0, 0, 0, 0, 0, 1], HeaderError::Reserved),
    ];
    for (order, own) in [(instruction(), of_instruction), (fx_payment(), of_payment)] {
        for (at, field, error) in both.iter().chain(own) {
            let mut bytes = order.encode();
            bytes[*at..at + field.len()].copy_from_slice(field);
            assert_eq!(HeaderView::check(&bytes).err(), Some(*error), "offset {at}");
        }
        let linked = OrderHeader { link: Some(([1; 16], 2)), ..order };
        assert_eq!(HeaderView::check(&linked.encode()).err(), Some(HeaderError::FxLink));
    }
}

#[test]
fn any_other_length_is_refused() {
    let bytes = header().encode();
    for length in (0..HEADER_LEN).chain([HEADER_LEN + 1]) {
        let mut other = bytes.to_vec();
        other.resize(length, 0);
        assert_eq!(HeaderView::check(&other).err(), Some(HeaderError::Length));
    }
}

#[test]
fn uetr_text_is_canonical() {
    let text = "0b6d5a5e-6a58-4d0c-9a3e-3f1f6f1f2a11";
    assert_eq!(text.parse::<Uetr>().unwrap().to_string(), text);
    for wrong in ["", "0b6d5a5e6a584d0c9a3e3f1f6f1f2a11", "0b6d5a5e-6a58-1d0c-9a3e-3f1f6f1f2a11"] {
        assert_eq!(wrong.parse::<Uetr>(), Err(HeaderError::Uetr));
    }
}

proptest! {
    /// Whatever is accepted decodes and encodes to the very same bytes: one encoding per order.
    #[test]
    fn accepted_bytes_are_canonical(at in 0..HEADER_LEN, value: u8) {
        for order in [header(), sealed(), instruction(), fx_payment()] {
            let mut bytes = order.encode();
            bytes[at] = value;
            if let Ok(decoded) = HeaderView::decode(&bytes) {
                prop_assert_eq!(decoded.encode(), bytes);
            }
        }
    }

    #[test]
    fn garbage_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let _ = HeaderView::check(&bytes);
    }
}
