//! Every way the core says no: closed, numbered, in order of precedence.

/// Why an order or a command was not taken. The number is on the wire and in the log for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u16)]
pub enum Reject {
    /// The identity was used before, by an order with another body.
    IdentityReused = 1,
    /// The record's time is further ahead than the rule book allows and nobody confirmed it.
    ClockJump = 2,
    /// The index of identities holds as many entries as the rule book allows.
    IndexFull = 3,
    /// As many orders wait as the rule book allows.
    QueueFull = 4,
    /// The order was made longer ago than identities are remembered.
    CreatedTooEarly = 5,
    /// The order claims to be made more than five minutes in the future.
    CreatedTooLate = 6,
    /// The sender hands in more orders, or more value, than its velocity limits allow.
    VelocityExceeded = 7,
    /// No such participant.
    UnknownParticipant = 8,
    /// The participant has another role.
    WrongRole = 9,
    /// The sender is suspended.
    SenderSuspended = 10,
    /// The receiver is not known to the pool.
    UnknownReceiver = 11,
    /// The receiver is suspended.
    ReceiverSuspended = 12,
    /// The currency is not settled in this pool.
    CurrencyNotInPool = 13,
    /// The sender has no account in the currency.
    NoDebtorAccount = 14,
    /// The receiver has no account in the currency.
    NoCreditorAccount = 15,
    /// The validity ended before the order could settle.
    Expired = 16,
    /// The value date has passed.
    ValueDatePast = 17,
    /// The value date is further ahead than the rule book allows.
    ValueDateTooFar = 18,
    /// The day's cut-off has passed.
    CutOffPassed = 19,
    /// The day closed before the order could settle.
    DayClosed = 20,
    /// The members of a link group do not agree on how many they are, or their terms do not give
    /// the group's number.
    LinkGroupMismatch = 21,
    /// The link group did not become complete, or lost a member.
    LinkGroupBroken = 22,
    /// The sender took it back.
    Cancelled = 23,
    /// The sender or the receiver was suspended while it waited.
    ParticipantSuspended = 24,
    /// No such payment, or not the caller's.
    UnknownPayment = 25,
    /// The payment has settled or ended: nothing to take back.
    PaymentFinal = 26,
    /// The request id was used before, by another command.
    RequestReused = 27,
    /// The command was given more than fifteen minutes ago, or more than five minutes ahead.
    CommandStale = 28,
    /// The role may not give this command.
    NotAuthorised = 29,
    /// The rule book wants a second person.
    CheckerRequired = 30,
    /// Maker and checker are the same person, or the checker is no active operator.
    CheckerInvalid = 31,
    /// The participant's number or name is taken.
    ParticipantExists = 32,
    /// The account exists.
    AccountExists = 33,
    /// No such account.
    UnknownAccount = 34,
    /// The pay-in reference was used before.
    PayInReused = 35,
    /// No such pending pay-out.
    UnknownDefund = 36,
    /// The account's available liquidity does not cover it.
    InsufficientFunds = 37,
    /// A limit does not allow it.
    LimitExceeded = 38,
    /// The day of this currency is open already.
    DayOpen = 39,
    /// The day of this currency is not open.
    DayNotOpen = 40,
    /// The instants do not follow each other, or lie in the past, or the date is not later.
    DayInstants = 41,
    /// The rule book's version is not the present one plus one, or it drops a currency in use.
    RulesVersion = 42,
    /// The proposal names no open cut.
    UnknownCut = 43,
    /// The proposed set is not feasible: liquidity, a limit, a group, the FIFO rule or the floor.
    ProposalInfeasible = 44,
    /// An arithmetic bound of the books would be passed.
    Overflow = 45,
    /// The number of participants, accounts, pending pay-outs, limits or quotes is at its maximum.
    CapacityFull = 46,
    /// A party of an exchange has no account in the counter currency.
    NoCounterAccount = 47,
    /// The order has found its counterpart: it binds.
    MatchBinding = 48,
    /// The other side of the exchange did not come in time.
    Unmatched = 49,
    /// The match ended before it could settle; the order waits for another.
    MatchLapsed = 50,
    /// Quotes of the pair that were issued later, or at the same instant, stand.
    QuotesSuperseded = 51,
    /// The pool has a disclosure policy, and the payload is not sealed.
    SealingRequired = 52,
    /// The disclosure policy in effect has another version.
    PolicyVersion = 53,
    /// No rule of the disclosure policy lets the receiver read this payment.
    PolicyUncovered = 54,
    /// The sender has no such epoch, or it ended too long ago.
    EpochUnknown = 55,
    /// The order was made after the end of its epoch.
    EpochOver = 56,
    /// The sequence was used in this epoch, or lies too far behind the latest one.
    SequenceUsed = 57,
    /// A key to which somebody sealed is not the reader's, is revoked, or is not valid at this
    /// instant.
    KeyNotValid = 58,
    /// The slots and views of the payload are not those that the disclosure policy requires.
    SlotsMismatch = 59,
    /// As many payments are held as a pool can hold.
    HeldFull = 60,
    /// The receiver stated that it cannot apply the payment.
    ReceiverUnable = 61,
    /// The key that signed is not the one that must have signed: a root's, or the participant's
    /// own.
    SignerNotAuthorised = 62,
    /// The participant has no identity that a root signed and that is valid at this instant.
    IdentityNotValid = 63,
    /// The identity has another role, name or country than the participant has in the pool.
    IdentityMismatch = 64,
    /// A later statement stands, by its serial or version.
    StatementSuperseded = 65,
    /// Another statement with the same serial, version or epoch stands.
    StatementDiffers = 66,
    /// The instants of the statement are over, or too far ahead.
    StatementStale = 67,
    /// The author has no slot of this order in this capacity.
    NotAReader = 68,
    /// The payment does not wait for this word.
    NotHeld = 69,
    /// No such fault is open.
    UnknownFault = 70,
}

impl Reject {
    /// All of them, in order of precedence.
    pub const ALL: [Self; 70] = [
        Self::IdentityReused,
        Self::ClockJump,
        Self::IndexFull,
        Self::QueueFull,
        Self::CreatedTooEarly,
        Self::CreatedTooLate,
        Self::VelocityExceeded,
        Self::UnknownParticipant,
        Self::WrongRole,
        Self::SenderSuspended,
        Self::UnknownReceiver,
        Self::ReceiverSuspended,
        Self::CurrencyNotInPool,
        Self::NoDebtorAccount,
        Self::NoCreditorAccount,
        Self::Expired,
        Self::ValueDatePast,
        Self::ValueDateTooFar,
        Self::CutOffPassed,
        Self::DayClosed,
        Self::LinkGroupMismatch,
        Self::LinkGroupBroken,
        Self::Cancelled,
        Self::ParticipantSuspended,
        Self::UnknownPayment,
        Self::PaymentFinal,
        Self::RequestReused,
        Self::CommandStale,
        Self::NotAuthorised,
        Self::CheckerRequired,
        Self::CheckerInvalid,
        Self::ParticipantExists,
        Self::AccountExists,
        Self::UnknownAccount,
        Self::PayInReused,
        Self::UnknownDefund,
        Self::InsufficientFunds,
        Self::LimitExceeded,
        Self::DayOpen,
        Self::DayNotOpen,
        Self::DayInstants,
        Self::RulesVersion,
        Self::UnknownCut,
        Self::ProposalInfeasible,
        Self::Overflow,
        Self::CapacityFull,
        Self::NoCounterAccount,
        Self::MatchBinding,
        Self::Unmatched,
        Self::MatchLapsed,
        Self::QuotesSuperseded,
        Self::SealingRequired,
        Self::PolicyVersion,
        Self::PolicyUncovered,
        Self::EpochUnknown,
        Self::EpochOver,
        Self::SequenceUsed,
        Self::KeyNotValid,
        Self::SlotsMismatch,
        Self::HeldFull,
        Self::ReceiverUnable,
        Self::SignerNotAuthorised,
        Self::IdentityNotValid,
        Self::IdentityMismatch,
        Self::StatementSuperseded,
        Self::StatementDiffers,
        Self::StatementStale,
        Self::NotAReader,
        Self::NotHeld,
        Self::UnknownFault,
    ];

    /// From its number.
    #[must_use]
    pub fn from_number(number: u16) -> Option<Self> {
        Self::ALL.get(usize::from(number).checked_sub(1)?).copied()
    }

    /// Its number, from 1.
    #[must_use]
    pub fn number(self) -> u16 {
        self as u16
    }

    /// Whether an order leaves no trace in the index of identities: the very same can be taken
    /// later without anybody changing it; or it has to be sealed anew, and keeps its UETR.
    #[must_use]
    pub fn is_transient(self) -> bool {
        matches!(
            self,
            Self::ClockJump
                | Self::IndexFull
                | Self::QueueFull
                | Self::VelocityExceeded
                | Self::SealingRequired
                | Self::PolicyVersion
                | Self::PolicyUncovered
                | Self::EpochUnknown
                | Self::EpochOver
                | Self::SequenceUsed
                | Self::KeyNotValid
                | Self::SlotsMismatch
                | Self::HeldFull
        )
    }

    /// The name on the wire.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::IdentityReused => "IDENTITY_REUSED",
            Self::ClockJump => "CLOCK_JUMP",
            Self::IndexFull => "INDEX_FULL",
            Self::QueueFull => "QUEUE_FULL",
            Self::CreatedTooEarly => "CREATED_TOO_EARLY",
            Self::CreatedTooLate => "CREATED_TOO_LATE",
            Self::VelocityExceeded => "VELOCITY_EXCEEDED",
            Self::UnknownParticipant => "UNKNOWN_PARTICIPANT",
            Self::WrongRole => "WRONG_ROLE",
            Self::SenderSuspended => "SENDER_SUSPENDED",
            Self::UnknownReceiver => "UNKNOWN_RECEIVER",
            Self::ReceiverSuspended => "RECEIVER_SUSPENDED",
            Self::CurrencyNotInPool => "CURRENCY_NOT_IN_POOL",
            Self::NoDebtorAccount => "NO_DEBTOR_ACCOUNT",
            Self::NoCreditorAccount => "NO_CREDITOR_ACCOUNT",
            Self::Expired => "EXPIRED",
            Self::ValueDatePast => "VALUE_DATE_PAST",
            Self::ValueDateTooFar => "VALUE_DATE_TOO_FAR",
            Self::CutOffPassed => "CUT_OFF_PASSED",
            Self::DayClosed => "DAY_CLOSED",
            Self::LinkGroupMismatch => "LINK_GROUP_MISMATCH",
            Self::LinkGroupBroken => "LINK_GROUP_BROKEN",
            Self::Cancelled => "CANCELLED",
            Self::ParticipantSuspended => "PARTICIPANT_SUSPENDED",
            Self::UnknownPayment => "UNKNOWN_PAYMENT",
            Self::PaymentFinal => "PAYMENT_FINAL",
            Self::RequestReused => "REQUEST_REUSED",
            Self::CommandStale => "COMMAND_STALE",
            Self::NotAuthorised => "NOT_AUTHORISED",
            Self::CheckerRequired => "CHECKER_REQUIRED",
            Self::CheckerInvalid => "CHECKER_INVALID",
            Self::ParticipantExists => "PARTICIPANT_EXISTS",
            Self::AccountExists => "ACCOUNT_EXISTS",
            Self::UnknownAccount => "UNKNOWN_ACCOUNT",
            Self::PayInReused => "PAY_IN_REUSED",
            Self::UnknownDefund => "UNKNOWN_DEFUND",
            Self::InsufficientFunds => "INSUFFICIENT_FUNDS",
            Self::LimitExceeded => "LIMIT_EXCEEDED",
            Self::DayOpen => "DAY_OPEN",
            Self::DayNotOpen => "DAY_NOT_OPEN",
            Self::DayInstants => "DAY_INSTANTS",
            Self::RulesVersion => "RULES_VERSION",
            Self::UnknownCut => "UNKNOWN_CUT",
            Self::ProposalInfeasible => "PROPOSAL_INFEASIBLE",
            Self::Overflow => "OVERFLOW",
            Self::CapacityFull => "CAPACITY_FULL",
            Self::NoCounterAccount => "NO_COUNTER_ACCOUNT",
            Self::MatchBinding => "MATCH_BINDING",
            Self::Unmatched => "UNMATCHED",
            Self::MatchLapsed => "MATCH_LAPSED",
            Self::QuotesSuperseded => "QUOTES_SUPERSEDED",
            Self::SealingRequired => "SEALING_REQUIRED",
            Self::PolicyVersion => "POLICY_VERSION",
            Self::PolicyUncovered => "POLICY_UNCOVERED",
            Self::EpochUnknown => "EPOCH_UNKNOWN",
            Self::EpochOver => "EPOCH_OVER",
            Self::SequenceUsed => "SEQUENCE_USED",
            Self::KeyNotValid => "KEY_NOT_VALID",
            Self::SlotsMismatch => "SLOTS_MISMATCH",
            Self::HeldFull => "HELD_FULL",
            Self::ReceiverUnable => "RECEIVER_UNABLE",
            Self::SignerNotAuthorised => "SIGNER_NOT_AUTHORISED",
            Self::IdentityNotValid => "IDENTITY_NOT_VALID",
            Self::IdentityMismatch => "IDENTITY_MISMATCH",
            Self::StatementSuperseded => "STATEMENT_SUPERSEDED",
            Self::StatementDiffers => "STATEMENT_DIFFERS",
            Self::StatementStale => "STATEMENT_STALE",
            Self::NotAReader => "NOT_A_READER",
            Self::NotHeld => "NOT_HELD",
            Self::UnknownFault => "UNKNOWN_FAULT",
        }
    }

    /// The ISO 20022 external status reason code closest in meaning (`ExternalStatusReason1Code`).
    #[must_use]
    pub fn iso_code(self) -> &'static str {
        match self {
            Self::IdentityReused | Self::RequestReused | Self::PayInReused => "DUPL",
            Self::InsufficientFunds | Self::LimitExceeded => "AM04",
            Self::Expired | Self::LinkGroupBroken => "AB05",
            Self::DayClosed | Self::Unmatched | Self::MatchLapsed => "AB03",
            Self::CutOffPassed | Self::CommandStale => "TM01",
            Self::ValueDatePast | Self::ValueDateTooFar => "DT01",
            Self::CreatedTooEarly | Self::CreatedTooLate | Self::DayInstants => "DT04",
            Self::CurrencyNotInPool => "AM03",
            Self::UnknownReceiver | Self::ReceiverSuspended => "RC04",
            Self::UnknownParticipant | Self::SenderSuspended | Self::ParticipantSuspended => "RC03",
            Self::NoDebtorAccount
            | Self::NoCreditorAccount
            | Self::NoCounterAccount
            | Self::UnknownAccount => "AC06",
            Self::Cancelled => "CUST",
            _ => "NARR",
        }
    }
}
