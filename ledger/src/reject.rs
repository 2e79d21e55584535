//! Why the books refuse something: a closed, numbered list.

/// A rule that refused a request. The books are as they were.
///
/// The numbers are stable. Their order is the order of precedence: of two rules that a transfer
/// breaks, the lower number is reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u16)]
pub enum Reject {
    /// More than [`BATCH_MAX`](crate::BATCH_MAX) transfers.
    BatchTooLarge = 1,
    /// An amount of zero.
    AmountZero = 2,
    /// An amount or a credit line above [`MINOR_MAX`](crate::MINOR_MAX).
    AmountTooLarge = 3,
    /// The account to change does not exist.
    AccountNotFound = 4,
    /// The account to debit does not exist.
    DebitAccountNotFound = 5,
    /// The account to credit does not exist.
    CreditAccountNotFound = 6,
    /// Debit and credit are the same account.
    AccountsSame = 7,
    /// The two accounts have different currencies.
    CurrencyMismatch = 8,
    /// The account to change is closed.
    AccountClosed = 9,
    /// The account to debit is closed.
    DebitAccountClosed = 10,
    /// The account to credit is closed.
    CreditAccountClosed = 11,
    /// A reservation of this number exists.
    PendingExists = 12,
    /// No reservation of this number exists: posted, voided, expired, or never made.
    PendingNotFound = 13,
    /// The reservation is between other accounts.
    PendingAccountsDiffer = 14,
    /// More than was reserved is to be posted.
    ExceedsPending = 15,
    /// The amount to void is not the reserved one.
    PendingAmountDiffers = 16,
    /// An account with a balance or reservations cannot be closed.
    AccountInUse = 17,
    /// [`ACCOUNTS_MAX`](crate::ACCOUNTS_MAX) accounts are open.
    TooManyAccounts = 18,
    /// More than [`PENDING_MAX`](crate::PENDING_MAX) reservations.
    TooManyPending = 19,
    /// The account would be beyond its debit limit after the batch.
    ExceedsCredits = 20,
}

impl Reject {
    /// All of them, in order.
    pub const ALL: [Self; 20] = [
        Self::BatchTooLarge,
        Self::AmountZero,
        Self::AmountTooLarge,
        Self::AccountNotFound,
        Self::DebitAccountNotFound,
        Self::CreditAccountNotFound,
        Self::AccountsSame,
        Self::CurrencyMismatch,
        Self::AccountClosed,
        Self::DebitAccountClosed,
        Self::CreditAccountClosed,
        Self::PendingExists,
        Self::PendingNotFound,
        Self::PendingAccountsDiffer,
        Self::ExceedsPending,
        Self::PendingAmountDiffers,
        Self::AccountInUse,
        Self::TooManyAccounts,
        Self::TooManyPending,
        Self::ExceedsCredits,
    ];

    /// The stable number.
    pub const fn number(self) -> u16 {
        self as u16
    }

    /// The stable name.
    pub const fn code(self) -> &'static str {
        match self {
            Self::BatchTooLarge => "BATCH_TOO_LARGE",
            Self::AmountZero => "AMOUNT_ZERO",
            Self::AmountTooLarge => "AMOUNT_TOO_LARGE",
            Self::AccountNotFound => "ACCOUNT_NOT_FOUND",
            Self::DebitAccountNotFound => "DEBIT_ACCOUNT_NOT_FOUND",
            Self::CreditAccountNotFound => "CREDIT_ACCOUNT_NOT_FOUND",
            Self::AccountsSame => "ACCOUNTS_SAME",
            Self::CurrencyMismatch => "CURRENCY_MISMATCH",
            Self::AccountClosed => "ACCOUNT_CLOSED",
            Self::DebitAccountClosed => "DEBIT_ACCOUNT_CLOSED",
            Self::CreditAccountClosed => "CREDIT_ACCOUNT_CLOSED",
            Self::PendingExists => "PENDING_EXISTS",
            Self::PendingNotFound => "PENDING_NOT_FOUND",
            Self::PendingAccountsDiffer => "PENDING_ACCOUNTS_DIFFER",
            Self::ExceedsPending => "EXCEEDS_PENDING",
            Self::PendingAmountDiffers => "PENDING_AMOUNT_DIFFERS",
            Self::AccountInUse => "ACCOUNT_IN_USE",
            Self::TooManyAccounts => "TOO_MANY_ACCOUNTS",
            Self::TooManyPending => "TOO_MANY_PENDING",
            Self::ExceedsCredits => "EXCEEDS_CREDITS",
        }
    }

    /// Whether the same request may succeed later, when the books have changed.
    pub const fn is_transient(self) -> bool {
        matches!(
            self,
            Self::AccountNotFound
                | Self::DebitAccountNotFound
                | Self::CreditAccountNotFound
                | Self::PendingExists
                | Self::PendingNotFound
                | Self::AccountInUse
                | Self::TooManyPending
                | Self::ExceedsCredits
        )
    }

    /// The ISO 20022 external status reason code that says it best.
    pub const fn iso_code(self) -> &'static str {
        match self {
            Self::AmountZero => "AM01",
            Self::BatchTooLarge | Self::AmountTooLarge => "AM02",
            Self::CurrencyMismatch => "AM03",
            Self::ExceedsCredits => "AM04",
            Self::PendingExists => "AM05",
            Self::ExceedsPending | Self::PendingAmountDiffers => "AM09",
            Self::AccountNotFound | Self::AccountsSame => "AC01",
            Self::DebitAccountNotFound => "AC02",
            Self::CreditAccountNotFound => "AC03",
            Self::AccountClosed | Self::DebitAccountClosed => "AC04",
            Self::CreditAccountClosed => "AC07",
            Self::PendingNotFound
            | Self::PendingAccountsDiffer
            | Self::AccountInUse
            | Self::TooManyAccounts
            | Self::TooManyPending => "ED05",
        }
    }
}

/// A batch that was refused as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchReject {
    /// The transfer that broke the rule, counted from 0.
    ///
    /// For [`Reject::ExceedsCredits`], which is about the whole batch, it is the last transfer that
    /// debits the account in question, the lowest-numbered one if there are several.
    pub index: u32,
    /// The rule.
    pub reject: Reject,
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn numbers_have_no_gaps_and_names_are_unique() {
        let numbers: Vec<u16> = Reject::ALL.iter().map(|r| r.number()).collect();
        assert_eq!(numbers, (1..=20).collect::<Vec<u16>>());
        let codes: BTreeSet<&str> = Reject::ALL.iter().map(|r| r.code()).collect();
        assert_eq!(codes.len(), Reject::ALL.len());
    }

    #[test]
    fn names_are_the_variants_in_capitals() {
        for reject in Reject::ALL {
            let joined: String = reject.code().split('_').collect();
            assert_eq!(joined, format!("{reject:?}").to_uppercase());
        }
    }

    #[test]
    fn iso_codes_have_four_characters() {
        assert!(Reject::ALL.iter().all(|r| r.iso_code().len() == 4));
    }
}
