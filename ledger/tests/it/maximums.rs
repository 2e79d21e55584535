//! Everything has a stated maximum.

use ledger::{
    ACCOUNTS_MAX, AccountId, BATCH_MAX, BatchReject, Currency, DebitLimit, Kind, Ledger,
    PENDING_MAX, Reject, Transfer, TransferId,
};

fn usd() -> Currency {
    Currency::parse("USD").unwrap()
}

fn two_accounts() -> Ledger {
    let mut ledger = Ledger::new();
    ledger.open_account(usd(), DebitLimit::Unlimited).unwrap();
    ledger.open_account(usd(), DebitLimit::Unlimited).unwrap();
    ledger
}

fn transfers(count: usize, kind: Kind) -> Vec<Transfer> {
    let transfer = |id| Transfer {
        id: TransferId(id),
        debit: AccountId(0),
        credit: AccountId(1),
        amount: ledger::MINOR_MAX,
        kind,
    };
    (0..count as u64).map(transfer).collect()
}

#[test]
fn transfers_in_a_batch() {
    let mut ledger = two_accounts();
    let mut batch = transfers(BATCH_MAX + 1, Kind::Post);
    let before = ledger.encode();
    let refused = BatchReject { index: BATCH_MAX as u32, reject: Reject::BatchTooLarge };
    assert_eq!(ledger.apply_batch(&batch), Err(refused));
    assert_eq!(ledger.encode(), before);
    batch.pop();
    ledger.apply_batch(&batch).unwrap();
    assert_eq!(ledger.check(), Ok(()));
}

#[test]
fn accounts() {
    let mut ledger = Ledger::new();
    for _ in 0..ACCOUNTS_MAX {
        ledger.open_account(usd(), DebitLimit::AtMost(0)).unwrap();
    }
    assert_eq!(ledger.open_account(usd(), DebitLimit::AtMost(0)), Err(Reject::TooManyAccounts));
    assert_eq!(ledger.accounts().len(), ACCOUNTS_MAX);
}

#[test]
fn reservations() {
    let mut ledger = two_accounts();
    let batch = transfers(PENDING_MAX + 1, Kind::Pend { expires_at: 7 });
    let before = ledger.encode();
    let refused = BatchReject { index: PENDING_MAX as u32, reject: Reject::TooManyPending };
    assert_eq!(ledger.apply_batch(&batch), Err(refused));
    assert_eq!(ledger.encode(), before);
    ledger.apply_batch(&batch[..PENDING_MAX]).unwrap();
    let refused = BatchReject { index: 0, reject: Reject::TooManyPending };
    assert_eq!(ledger.apply_batch(&batch[PENDING_MAX..]), Err(refused));
    assert_eq!(ledger.expire(7).len(), PENDING_MAX);
    assert_eq!(ledger.encode(), before);
}
