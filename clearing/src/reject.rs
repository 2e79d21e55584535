//! Every way the core says no: closed, numbered, in order of precedence.

/// Makes the enum, the list of all and the names on the wire out of one table.
macro_rules! rejects {
    ($($(#[$doc:meta])+ $name:ident = $number:literal $code:literal,)+) => {
        /// Why an order, a command or a statement was not taken. The number is on the wire and in
        /// the log for ever.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        #[repr(u16)]
        pub enum Reject {
            $($(#[$doc])+ $name = $number,)+
        }

        impl Reject {
            /// All of them, in order of precedence.
            pub const ALL: [Self; [$($number),+].len()] = [$(Self::$name),+];

            /// The name on the wire.
            #[must_use]
            pub fn code(self) -> &'static str {
                match self {
                    $(Self::$name => $code,)+
                }
            }
        }
    };
}

rejects! {
    /// The identity was used before, by an order with another body.
    IdentityReused = 1 "IDENTITY_REUSED",
    /// The record's time is further ahead than the rule book allows and nobody confirmed it.
    ClockJump = 2 "CLOCK_JUMP",
    /// The index of identities holds as many entries as the rule book allows.
    IndexFull = 3 "INDEX_FULL",
    /// As many orders wait as the rule book allows.
    QueueFull = 4 "QUEUE_FULL",
    /// The order was made longer ago than identities are remembered.
    CreatedTooEarly = 5 "CREATED_TOO_EARLY",
    /// The order claims to be made more than five minutes in the future.
    CreatedTooLate = 6 "CREATED_TOO_LATE",
    /// The sender hands in more orders, or more value, than its velocity limits allow.
    VelocityExceeded = 7 "VELOCITY_EXCEEDED",
    /// No such participant.
    UnknownParticipant = 8 "UNKNOWN_PARTICIPANT",
    /// The participant has another role.
    WrongRole = 9 "WRONG_ROLE",
    /// The sender is suspended.
    SenderSuspended = 10 "SENDER_SUSPENDED",
    /// The receiver is not known to the pool.
    UnknownReceiver = 11 "UNKNOWN_RECEIVER",
    /// The receiver is suspended.
    ReceiverSuspended = 12 "RECEIVER_SUSPENDED",
    /// The currency is not settled in this pool.
    CurrencyNotInPool = 13 "CURRENCY_NOT_IN_POOL",
    /// The sender has no account in the currency.
    NoDebtorAccount = 14 "NO_DEBTOR_ACCOUNT",
    /// The receiver has no account in the currency.
    NoCreditorAccount = 15 "NO_CREDITOR_ACCOUNT",
    /// The validity ended before the order could settle.
    Expired = 16 "EXPIRED",
    /// The value date has passed.
    ValueDatePast = 17 "VALUE_DATE_PAST",
    /// The value date is further ahead than the rule book allows.
    ValueDateTooFar = 18 "VALUE_DATE_TOO_FAR",
    /// The day's cut-off has passed.
    CutOffPassed = 19 "CUT_OFF_PASSED",
    /// The day closed before the order could settle.
    DayClosed = 20 "DAY_CLOSED",
    /// The members of a link group do not agree on how many they are, or their terms do not give
    /// the group's number.
    LinkGroupMismatch = 21 "LINK_GROUP_MISMATCH",
    /// The link group did not become complete, or lost a member.
    LinkGroupBroken = 22 "LINK_GROUP_BROKEN",
    /// The sender took it back.
    Cancelled = 23 "CANCELLED",
    /// The sender or the receiver was suspended while it waited.
    ParticipantSuspended = 24 "PARTICIPANT_SUSPENDED",
    /// No such payment, or not the caller's.
    UnknownPayment = 25 "UNKNOWN_PAYMENT",
    /// The payment has settled or ended: nothing to take back.
    PaymentFinal = 26 "PAYMENT_FINAL",
    /// The request id was used before, by another command.
    RequestReused = 27 "REQUEST_REUSED",
    /// The command was given more than fifteen minutes ago, or more than five minutes ahead.
    CommandStale = 28 "COMMAND_STALE",
    /// The role may not give this command.
    NotAuthorised = 29 "NOT_AUTHORISED",
    /// The rule book wants a second person, or, in a pool with roots, the suspension does.
    CheckerRequired = 30 "CHECKER_REQUIRED",
    /// Maker and checker are the same person, or the checker is no active operator.
    CheckerInvalid = 31 "CHECKER_INVALID",
    /// The participant's number or name is taken.
    ParticipantExists = 32 "PARTICIPANT_EXISTS",
    /// The account exists.
    AccountExists = 33 "ACCOUNT_EXISTS",
    /// No such account.
    UnknownAccount = 34 "UNKNOWN_ACCOUNT",
    /// The pay-in reference was used before.
    PayInReused = 35 "PAY_IN_REUSED",
    /// No such pending pay-out.
    UnknownDefund = 36 "UNKNOWN_DEFUND",
    /// The account's available liquidity does not cover it.
    InsufficientFunds = 37 "INSUFFICIENT_FUNDS",
    /// A limit does not allow it.
    LimitExceeded = 38 "LIMIT_EXCEEDED",
    /// The day of this currency is open already.
    DayOpen = 39 "DAY_OPEN",
    /// The day of this currency is not open.
    DayNotOpen = 40 "DAY_NOT_OPEN",
    /// The instants do not follow each other, or lie in the past, or the date is not later.
    DayInstants = 41 "DAY_INSTANTS",
    /// The rule book's version is not the present one plus one, or it drops a currency in use.
    RulesVersion = 42 "RULES_VERSION",
    /// The proposal names no open cut.
    UnknownCut = 43 "UNKNOWN_CUT",
    /// The proposed set is not feasible: liquidity, a limit, a group, the FIFO rule or the floor.
    ProposalInfeasible = 44 "PROPOSAL_INFEASIBLE",
    /// An arithmetic bound of the books would be passed.
    Overflow = 45 "OVERFLOW",
    /// The number of participants, accounts, pending pay-outs, limits, quotes, KEM keys, epochs or
    /// faults is at its maximum.
    CapacityFull = 46 "CAPACITY_FULL",
    /// A party of an exchange has no account in the counter currency.
    NoCounterAccount = 47 "NO_COUNTER_ACCOUNT",
    /// The order has found its counterpart: it binds.
    MatchBinding = 48 "MATCH_BINDING",
    /// The other side of the exchange did not come in time.
    Unmatched = 49 "UNMATCHED",
    /// The match ended before it could settle; the order waits for another.
    MatchLapsed = 50 "MATCH_LAPSED",
    /// Quotes of the pair that were issued later, or at the same instant, stand.
    QuotesSuperseded = 51 "QUOTES_SUPERSEDED",
    /// The pool has a disclosure policy, and the payload is not sealed.
    SealingRequired = 52 "SEALING_REQUIRED",
    /// The disclosure policy in effect has another version.
    PolicyVersion = 53 "POLICY_VERSION",
    /// No rule of the disclosure policy lets the receiver read this payment.
    PolicyUncovered = 54 "POLICY_UNCOVERED",
    /// The sender has no such epoch, or it ended too long ago.
    EpochUnknown = 55 "EPOCH_UNKNOWN",
    /// The order was made after the end of its epoch.
    EpochOver = 56 "EPOCH_OVER",
    /// The sequence was used in this epoch, or lies too far behind the latest one.
    SequenceUsed = 57 "SEQUENCE_USED",
    /// A key to which somebody sealed is not the reader's, is revoked, or is not valid at this
    /// instant.
    KeyNotValid = 58 "KEY_NOT_VALID",
    /// The slots and views of the payload are not those that the disclosure policy requires.
    SlotsMismatch = 59 "SLOTS_MISMATCH",
    /// As many payments are held as a pool can hold.
    HeldFull = 60 "HELD_FULL",
    /// The receiver stated that it cannot apply the payment.
    ReceiverUnable = 61 "RECEIVER_UNABLE",
    /// The key that signed is not the one that must have signed: a root's, or the participant's
    /// own.
    SignerNotAuthorised = 62 "SIGNER_NOT_AUTHORISED",
    /// The participant has no identity that a root signed and that is valid at this instant.
    IdentityNotValid = 63 "IDENTITY_NOT_VALID",
    /// The identity has another role, name or country than the participant has in the pool.
    IdentityMismatch = 64 "IDENTITY_MISMATCH",
    /// A later statement stands, by its serial or version.
    StatementSuperseded = 65 "STATEMENT_SUPERSEDED",
    /// Another statement with the same serial, version or epoch stands.
    StatementDiffers = 66 "STATEMENT_DIFFERS",
    /// The instants of the statement are over, or too far ahead.
    StatementStale = 67 "STATEMENT_STALE",
    /// The author has no slot of this order in this capacity.
    NotAReader = 68 "NOT_A_READER",
    /// The payment does not wait for this word.
    NotHeld = 69 "NOT_HELD",
    /// No such fault is open.
    UnknownFault = 70 "UNKNOWN_FAULT",
    /// Sealed under another suite than the disclosure policy says.
    SuiteMismatch = 71 "SUITE_MISMATCH",
}

impl Reject {
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
                | Self::SuiteMismatch
                | Self::HeldFull
        )
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
