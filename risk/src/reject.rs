//! Why the limits refuse something: a closed, numbered list.

/// A rule that refused a payment or a change of limits. Nothing was changed.
///
/// The numbers are stable; of two rules that are broken, the lower number is reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u16)]
pub enum LimitReject {
    /// No participant has this number.
    ParticipantNotFound = 1,
    /// No currency has this number.
    CurrencyNotFound = 2,
    /// A limit of a participant towards itself.
    ParticipantsSame = 3,
    /// A limit above [`MINOR_MAX`](ledger::MINOR_MAX).
    AmountTooLarge = 4,
    /// A window of zero milliseconds.
    WindowZero = 5,
    /// [`PAIR_LIMITS_MAX`](crate::PAIR_LIMITS_MAX) bilateral limits are set in the currency.
    TooManyPairLimits = 6,
    /// More orders than a window allows.
    ExceedsOrderRate = 7,
    /// More value than a window allows.
    ExceedsValueRate = 8,
    /// Beyond the payer's limit towards this payee.
    ExceedsBilateralLimit = 9,
    /// Beyond the payer's own limit towards all others.
    ExceedsMultilateralLimit = 10,
    /// Beyond the cap that the operator has set for the payer.
    ExceedsNetDebitCap = 11,
}

impl LimitReject {
    /// All of them, in order.
    pub const ALL: [Self; 11] = [
        Self::ParticipantNotFound,
        Self::CurrencyNotFound,
        Self::ParticipantsSame,
        Self::AmountTooLarge,
        Self::WindowZero,
        Self::TooManyPairLimits,
        Self::ExceedsOrderRate,
        Self::ExceedsValueRate,
        Self::ExceedsBilateralLimit,
        Self::ExceedsMultilateralLimit,
        Self::ExceedsNetDebitCap,
    ];

    /// The stable number.
    pub const fn number(self) -> u16 {
        self as u16
    }

    /// The stable name.
    pub const fn code(self) -> &'static str {
        match self {
            Self::ParticipantNotFound => "PARTICIPANT_NOT_FOUND",
            Self::CurrencyNotFound => "CURRENCY_NOT_FOUND",
            Self::ParticipantsSame => "PARTICIPANTS_SAME",
            Self::AmountTooLarge => "AMOUNT_TOO_LARGE",
            Self::WindowZero => "WINDOW_ZERO",
            Self::TooManyPairLimits => "TOO_MANY_PAIR_LIMITS",
            Self::ExceedsOrderRate => "EXCEEDS_ORDER_RATE",
            Self::ExceedsValueRate => "EXCEEDS_VALUE_RATE",
            Self::ExceedsBilateralLimit => "EXCEEDS_BILATERAL_LIMIT",
            Self::ExceedsMultilateralLimit => "EXCEEDS_MULTILATERAL_LIMIT",
            Self::ExceedsNetDebitCap => "EXCEEDS_NET_DEBIT_CAP",
        }
    }

    /// Whether the same request may succeed later: after a change of positions, limits or status,
    /// or in the next window.
    pub const fn is_transient(self) -> bool {
        match self {
            Self::ParticipantsSame | Self::AmountTooLarge | Self::WindowZero => false,
            Self::ParticipantNotFound
            | Self::CurrencyNotFound
            | Self::TooManyPairLimits
            | Self::ExceedsOrderRate
            | Self::ExceedsValueRate
            | Self::ExceedsBilateralLimit
            | Self::ExceedsMultilateralLimit
            | Self::ExceedsNetDebitCap => true,
        }
    }

    /// The ISO 20022 external status reason code that says it best.
    pub const fn iso_code(self) -> &'static str {
        match self {
            Self::AmountTooLarge => "AM02",
            Self::CurrencyNotFound => "AM03",
            Self::ExceedsValueRate
            | Self::ExceedsBilateralLimit
            | Self::ExceedsMultilateralLimit
            | Self::ExceedsNetDebitCap => "AM21",
            Self::ParticipantNotFound | Self::ParticipantsSame => "RC01",
            Self::WindowZero | Self::TooManyPairLimits | Self::ExceedsOrderRate => "ED05",
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn numbers_have_no_gaps_and_names_are_the_variants() {
        let numbers: Vec<u16> = LimitReject::ALL.iter().map(|r| r.number()).collect();
        assert_eq!(numbers, (1..=11).collect::<Vec<u16>>());
        for reject in LimitReject::ALL {
            let joined: String = reject.code().split('_').collect();
            assert_eq!(joined, format!("{reject:?}").to_uppercase());
            assert_eq!(reject.iso_code().len(), 4);
        }
        let codes: BTreeSet<&str> = LimitReject::ALL.iter().map(|r| r.code()).collect();
        assert_eq!(codes.len(), LimitReject::ALL.len());
    }
}
