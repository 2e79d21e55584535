//! The bytes that last, pinned. A change here is a new row format.

use proptest::prelude::*;

use super::*;

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn packed(put: impl FnOnce(&mut Vec<u8>)) -> String {
    let mut bytes = Vec::new();
    put(&mut bytes);
    hex(&bytes)
}

const TRANSFER: Transfer = Transfer {
    place: Place(0x0102_0304_0506),
    origin: Place(0x0a0b_0c0d),
    kind: TransferKind::DefundMade,
    debit: AccountId(7),
    credit: AccountId(0x0008_0009),
    minor: 999_999_999_999_999_999,
};

#[test]
fn keys_are_pinned() {
    assert_eq!(hex(&batch_key(BatchPart::Balances, 0x0102, 3)), "0200000000000001020003");
    assert_eq!(hex(&transfers_key(0x0102, 3)), "00000000000001020003");
    assert_eq!(hex(&owner_key(5, 0x0102, 3)), "0000000500000000000001020003");
    assert_eq!(hex(&states_key(9, 0x0102)), "00000000000000090000000000000102");
    assert_eq!(account_key(AccountId(6)), b"account/\0\0\0\x06");
}

#[test]
fn transfers_and_postings_are_pinned() {
    assert_eq!(
        packed(|into| put_transfer(into, &TRANSFER)),
        "0000010203040506".to_owned()
            + "000000000a0b0c0d"
            + "4de0b6b3a763ffff"
            + "00000007"
            + "00080009"
    );
    let posting = Posting::of(&TRANSFER, TRANSFER.origin, 0x0a0b, true);
    assert_eq!(
        packed(|into| posting.put(into)),
        "000000000a0b0c0d".to_owned() + "cde0b6b3a763ffff" + "00000a0b" + "00080009"
    );
    let posting = Posting::of(&TRANSFER, TRANSFER.origin, 0x0a0b, false);
    assert_eq!(
        packed(|into| posting.put(into)),
        "000000000a0b0c0d".to_owned() + "4de0b6b3a763ffff" + "00000a0b" + "00000007"
    );
}

#[test]
fn changes_and_feed_items_are_pinned() {
    let (place, state) = (Place::new(4, 1_023), PaymentState::Rejected);
    let reason = Some(Reject::NoDebtorAccount);
    let entry = StateEntry { place, at_ms: 0x0b0c, state, reason };
    assert_eq!(packed(|into| entry.put(into)), "03ff0500000e00000000000000000b0c");
    for (part, byte) in [(Part::Sent, "00"), (Part::Received, "01"), (Part::Read, "02")] {
        let item = FeedItem { place, state, reason, part };
        let bytes = packed(|into| put_feed(into, &item));
        assert_eq!(bytes, format!("00000000004003ff05{byte}000e"));
    }
}

#[test]
fn what_is_packed_comes_back() {
    let mut bytes = Vec::new();
    put_transfer(&mut bytes, &TRANSFER);
    assert_eq!(get_transfer(bytes[..].try_into().expect("24 bytes")).expect("reads"), TRANSFER);
    for participant in [None, Some(ParticipantId(3))] {
        let currency = Currency::parse("JPY").expect("a currency");
        let info = AccountInfo { account: AccountId(9), participant, currency };
        assert_eq!(decode_account(&encode_account(&info)).expect("reads"), info);
    }
}

#[test]
fn odd_rows_are_refused() {
    let odd = |result: Result<(), Fault>| assert!(matches!(result, Err(Fault::Malformed { .. })));
    odd(get_transfer(&[0; TRANSFER_BYTES]).map(drop));
    odd(get_transfer(&[0xff; TRANSFER_BYTES]).map(drop));
    odd(Posting::get(&[0; POSTING_BYTES]).map(drop));
    odd(StateEntry::get(1, &[0; STATE_BYTES]).map(drop));
    odd(get_feed(&[0xff; FEED_BYTES]).map(drop));
    odd(get_nets(&[0; 24], &mut Vec::new()));
    odd(get_balances(&[0; 69], &mut Vec::new()));
    odd(get_counters(AccountId(1), &[0xff; COUNTERS_BYTES]).map(drop));
    odd(decode_account(&[0; 10]).map(drop));
    odd(decode_header(&[0; 31]).map(drop));
    odd(split_states_key(&[0; 15]).map(drop));
}

/// Entries of a row that are mostly right, and any bytes.
fn entries<const N: usize>(small: &'static [usize]) -> impl Strategy<Value = [u8; N]> {
    let near = any::<[u8; N]>().prop_map(|mut bytes| {
        small.iter().for_each(|at| bytes[*at] %= 12);
        bytes
    });
    prop_oneof![3 => near, 1 => any::<[u8; N]>()]
}

proptest! {
    #[test]
    fn what_is_read_is_written_the_same(
        transfer in entries::<TRANSFER_BYTES>(&[]),
        posting in entries::<POSTING_BYTES>(&[]),
        change in entries::<STATE_BYTES>(&[2, 3, 4, 5, 6, 7]),
        item in entries::<FEED_BYTES>(&[8, 9, 10]),
        counters in entries::<COUNTERS_BYTES>(&[0, 16, 32, 48]),
    ) {
        let same = |bytes: &[u8], put: &dyn Fn(&mut Vec<u8>)| {
            let mut written = Vec::new();
            put(&mut written);
            prop_assert_eq!(written, bytes);
            Ok(())
        };
        if let Ok(read) = get_transfer(&transfer) {
            same(&transfer, &|into| put_transfer(into, &read))?;
        }
        if let Ok(read) = Posting::get(&posting) {
            same(&posting, &|into| read.put(into))?;
        }
        if let Ok(read) = StateEntry::get(7, &change) {
            same(&change, &|into| read.put(into))?;
        }
        if let Ok(read) = get_feed(&item) {
            same(&item, &|into| put_feed(into, &read))?;
        }
        if let Ok(read) = get_counters(AccountId(7), &counters) {
            same(&counters, &|into| put_counters(into, &read))?;
        }
    }
}
