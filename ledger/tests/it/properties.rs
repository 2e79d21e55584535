//! Random requests against what must always hold.

use ledger::{AccountId, Currency, DebitLimit, Kind, Ledger, Pending, Transfer, TransferId};
use proptest::collection::vec;
use proptest::prelude::*;

const ACCOUNTS: u32 = 6;

#[derive(Clone, Debug)]
enum Request {
    Batch(Vec<Transfer>),
    Limit(AccountId, DebitLimit),
    Close(AccountId),
    Expire(u64),
}

fn account() -> impl Strategy<Value = AccountId> {
    // Now and then one that does not exist.
    (0..=ACCOUNTS).prop_map(AccountId)
}

fn transfer() -> impl Strategy<Value = Transfer> {
    let id = || (0_u64..12).prop_map(TransferId);
    let kind = prop_oneof![
        6 => Just(Kind::Post),
        3 => (0_u64..100).prop_map(|expires_at| Kind::Pend { expires_at }),
        2 => id().prop_map(|pending| Kind::PostPending { pending }),
        2 => id().prop_map(|pending| Kind::VoidPending { pending }),
    ];
    (id(), account(), account(), 0_u64..60, kind)
        .prop_map(|(id, debit, credit, amount, kind)| Transfer { id, debit, credit, amount, kind })
}

fn limit() -> impl Strategy<Value = DebitLimit> {
    prop_oneof![
        4 => (0_u64..200).prop_map(DebitLimit::AtMost),
        1 => Just(DebitLimit::Unlimited),
    ]
}

fn request() -> impl Strategy<Value = Request> {
    prop_oneof![
        12 => vec(transfer(), 0..5).prop_map(Request::Batch),
        2 => (account(), limit()).prop_map(|(id, limit)| Request::Limit(id, limit)),
        1 => account().prop_map(Request::Close),
        2 => (0_u64..100).prop_map(Request::Expire),
    ]
}

fn books() -> Ledger {
    let mut ledger = Ledger::new();
    for index in 0..ACCOUNTS {
        let currency = Currency::parse(if index < 4 { "USD" } else { "JPY" }).unwrap();
        let limit = if index % 4 == 0 { DebitLimit::Unlimited } else { DebitLimit::AtMost(100) };
        ledger.open_account(currency, limit).unwrap();
    }
    ledger
}

/// Makes resolving transfers fit a reservation that is open, so that they are not all refused.
fn aim(ledger: &Ledger, transfer: &Transfer) -> Transfer {
    let (Kind::PostPending { pending } | Kind::VoidPending { pending }) = transfer.kind else {
        return *transfer;
    };
    let Some(Pending { debit, credit, amount, .. }) = ledger.pending(pending).copied() else {
        return *transfer;
    };
    let amount = match transfer.kind {
        Kind::PostPending { .. } => transfer.amount.min(amount),
        _ => amount,
    };
    Transfer { debit, credit, amount, ..*transfer }
}

/// Carries a request out; whether it was accepted.
fn perform(ledger: &mut Ledger, request: &Request) -> bool {
    match request {
        Request::Batch(transfers) => {
            let transfers: Vec<Transfer> = transfers.iter().map(|t| aim(ledger, t)).collect();
            ledger.apply_batch(&transfers).is_ok()
        }
        Request::Limit(id, limit) => ledger.set_limit(*id, *limit).is_ok(),
        Request::Close(id) => ledger.close_account(*id).is_ok(),
        Request::Expire(now_ms) => {
            ledger.expire(*now_ms);
            true
        }
    }
}

proptest! {
    #[test]
    fn books_stay_sound(requests in vec(request(), 1..40)) {
        let mut ledger = books();
        for request in &requests {
            let before = ledger.encode();
            let free: Vec<i128> = ledger.accounts().map(|(_, a)| a.available()).collect();
            let accepted = perform(&mut ledger, request);
            prop_assert_eq!(ledger.check(), Ok(()));
            prop_assert_eq!(ledger.state_root(), ledger.recompute_root());
            if !accepted {
                prop_assert_eq!(&ledger.encode(), &before);
            }
            for code in ["USD", "JPY"] {
                let total = ledger.total(Currency::parse(code).unwrap());
                prop_assert_eq!(total.debits_posted, total.credits_posted);
                prop_assert_eq!(total.debits_pending, total.credits_pending);
            }
            if matches!(request, Request::Batch(_)) {
                for ((_, account), free) in ledger.accounts().zip(free) {
                    prop_assert!(account.available() >= free.min(0));
                }
            }
        }
    }

    #[test]
    fn replay_and_restore_reach_the_same_bytes(
        requests in vec(request(), 1..40),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut first = books();
        let mut restored = books();
        for (index, request) in requests.iter().enumerate() {
            perform(&mut first, request);
            if index == cut.index(requests.len()) {
                restored = Ledger::decode(&restored.encode()).unwrap();
            }
            perform(&mut restored, request);
        }
        prop_assert_eq!(first.encode(), restored.encode());
        prop_assert_eq!(first.state_root(), restored.state_root());
    }

    #[test]
    fn one_batch_equals_its_transfers_one_by_one(transfers in vec(transfer(), 1..8)) {
        // Where every step is accepted, so is the whole, with the same end.
        let mut stepwise = books();
        let steps = transfers.iter().all(|t| stepwise.apply_batch(&[*t]).is_ok());
        let mut whole = books();
        let accepted = whole.apply_batch(&transfers).is_ok();
        prop_assert!(accepted || !steps);
        if steps {
            prop_assert_eq!(stepwise.encode(), whole.encode());
        }
    }

    #[test]
    fn garbage_is_refused_without_a_panic(bytes in vec(any::<u8>(), 0..200)) {
        let mut headed = b"CWLG\0\x01".to_vec();
        headed.extend(&bytes);
        for bytes in [bytes, headed] {
            if let Ok(ledger) = Ledger::decode(&bytes) {
                prop_assert_eq!(ledger.encode(), bytes);
            }
        }
    }
}
