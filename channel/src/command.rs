//! Commands: everything that changes a pool besides orders, signed by the person who gives it.

use ledger::{Amount, Currency, MINOR_MAX};

use crate::bytes::{DecodeError, Reader, Writer};
use crate::fx::{QUOTES_PER_COMMAND_MAX, Quote};
use crate::header::{MessageKind, Uetr, ValueDate};
use crate::participant::{Participant, ParticipantId, Role, Status, read_participant};
use crate::rules::RuleBook;

/// Bytes of one encoded command, at most.
pub const COMMAND_BYTES_MAX: usize = 4_096;

const VERSION: u8 = 1;
/// Stands where no currency is meant.
const NO_CURRENCY: [u8; 3] = [0; 3];
const LABEL: &[u8] = b"causeway/1 command";

/// The client's own number for a command (a UUID); the same number never takes effect twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestId(pub [u8; 16]);

/// What a command does. The number of a variant is its kind on the wire.
#[derive(Debug, Clone, PartialEq, Eq)]
#[repr(u16)]
pub enum CommandBody {
    /// Operator: takes in a participant.
    AddParticipant(Participant) = 1,
    /// Operator: suspends or readmits.
    SetStatus {
        /// Whom.
        participant: ParticipantId,
        /// The new status.
        status: Status,
    } = 2,
    /// Operator: opens an account of a bank or liquidity provider in a currency of the pool.
    OpenAccount {
        /// Whose.
        participant: ParticipantId,
        /// In which currency.
        currency: Currency,
        /// How far below zero it may go, minor units.
        credit_line: u64,
    } = 3,
    /// Operator: changes a credit line.
    SetCreditLine {
        /// Whose.
        participant: ParticipantId,
        /// Of which account.
        currency: Currency,
        /// The new line, minor units.
        credit_line: u64,
    } = 4,
    /// Settlement agent: a pay-in has arrived. Each `pay_in` reference counts once.
    Fund {
        /// Who is credited.
        participant: ParticipantId,
        /// How much.
        amount: Amount,
        /// The agent's own reference of the pay-in.
        pay_in: [u8; 16],
    } = 5,
    /// Bank or liquidity provider: wants to be paid out. The amount is reserved until the agent answers; the command's
    /// request id names it.
    Defund {
        /// How much.
        amount: Amount,
    } = 6,
    /// Settlement agent: the pay-out was made, or it was not and the money is free again.
    ConfirmDefund {
        /// The request id of the bank's `Defund`.
        defund: RequestId,
        /// True: made. False: not made.
        made: bool,
    } = 7,
    /// Bank or liquidity provider: the most it is willing to owe another bank, net, in a day. Nothing lifts it.
    SetBilateralLimit {
        /// Towards whom.
        counterparty: ParticipantId,
        /// In which currency.
        currency: Currency,
        /// Minor units.
        limit: Option<u64>,
    } = 8,
    /// Bank or liquidity provider: the most it is willing to owe all others together, net, in a day.
    SetMultilateralLimit {
        /// In which currency.
        currency: Currency,
        /// Minor units.
        limit: Option<u64>,
    } = 9,
    /// Operator: net debit cap of a bank.
    SetDebitCap {
        /// Whose.
        participant: ParticipantId,
        /// In which currency.
        currency: Currency,
        /// Minor units.
        cap: Option<u64>,
    } = 10,
    /// Operator: how many orders, or orders of what value in a currency, a bank may hand in within
    /// a window; zero window lifts it.
    SetVelocity {
        /// Whose.
        participant: ParticipantId,
        /// Of which currency the value is summed; `None` counts the orders of all currencies.
        currency: Option<Currency>,
        /// Length of the window, ms.
        window_ms: u64,
        /// Orders, or minor units, in a window, at most; up to [`MINOR_MAX`].
        most: u64,
    } = 11,
    /// Operator: opens the business day of a currency.
    OpenDay {
        /// Of which currency.
        currency: Currency,
        /// The day.
        date: ValueDate,
        /// After this instant orders for the day are rejected, ms.
        cut_off_at_ms: u64,
        /// At this instant the day closes by itself, ms.
        closes_at_ms: u64,
    } = 12,
    /// Operator: cuts off now.
    CutOff {
        /// Which currency.
        currency: Currency,
    } = 13,
    /// Operator: moves the cut-off and the close to later instants.
    ExtendDay {
        /// Of which currency.
        currency: Currency,
        /// The new cut-off, ms.
        cut_off_at_ms: u64,
        /// The new close, ms.
        closes_at_ms: u64,
    } = 14,
    /// Operator: closes the day now.
    CloseDay {
        /// Of which currency.
        currency: Currency,
    } = 15,
    /// Operator: replaces the rule book; its version is the present one plus one.
    SetRules(RuleBook) = 16,
    /// Bank or liquidity provider: takes back an order that has not settled.
    Cancel {
        /// Which payment.
        uetr: Uetr,
        /// Of which kind.
        kind: MessageKind,
    } = 17,
    /// Operator: confirms that the log's time may jump up to this instant.
    ConfirmTime {
        /// ms since the Unix epoch.
        until_ms: u64,
    } = 18,
    /// Operator: cuts a cycle now.
    RunCycle = 19,
    /// Liquidity provider: these are all its quotes of a pair from now on; those that stood before
    /// are gone, and none takes all of them back. Of its sets of quotes of a pair the one issued
    /// last counts, so each must be issued later than the one before.
    SetQuotes {
        /// The currency whose amounts the quotes name.
        base: Currency,
        /// The currency in which its price is named.
        quote: Currency,
        /// At most [`QUOTES_PER_COMMAND_MAX`].
        quotes: Vec<Quote>,
    } = 20,
}

/// A command with who gives it and the client's number for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command {
    /// The pool it is for.
    pub pool: u32,
    /// The client's number: the same command is never carried out twice.
    pub request_id: RequestId,
    /// Who gives it.
    pub maker: ParticipantId,
    /// When it was given, ms. It is refused 15 minutes later.
    pub issued_at_ms: u64,
    /// What it does.
    pub body: CommandBody,
}

impl CommandBody {
    /// The kind's number.
    #[must_use]
    pub fn kind(&self) -> u16 {
        match self {
            Self::AddParticipant(_) => 1,
            Self::SetStatus { .. } => 2,
            Self::OpenAccount { .. } => 3,
            Self::SetCreditLine { .. } => 4,
            Self::Fund { .. } => 5,
            Self::Defund { .. } => 6,
            Self::ConfirmDefund { .. } => 7,
            Self::SetBilateralLimit { .. } => 8,
            Self::SetMultilateralLimit { .. } => 9,
            Self::SetDebitCap { .. } => 10,
            Self::SetVelocity { .. } => 11,
            Self::OpenDay { .. } => 12,
            Self::CutOff { .. } => 13,
            Self::ExtendDay { .. } => 14,
            Self::CloseDay { .. } => 15,
            Self::SetRules(_) => 16,
            Self::Cancel { .. } => 17,
            Self::ConfirmTime { .. } => 18,
            Self::RunCycle => 19,
            Self::SetQuotes { .. } => 20,
        }
    }

    /// Whether somebody of this role may give it. Whoever holds accounts may do with them what a
    /// bank may.
    #[must_use]
    pub fn allows(&self, role: Role) -> bool {
        role == self.role() || self.role() == Role::Bank && role.holds_accounts()
    }

    /// The role that gives it.
    #[must_use]
    pub fn role(&self) -> Role {
        match self {
            Self::SetQuotes { .. } => Role::LiquidityProvider,
            Self::Fund { .. } | Self::ConfirmDefund { .. } => Role::SettlementAgent,
            Self::Defund { .. }
            | Self::SetBilateralLimit { .. }
            | Self::SetMultilateralLimit { .. }
            | Self::Cancel { .. } => Role::Bank,
            _ => Role::Operator,
        }
    }

    fn write(&self, writer: &mut Writer) {
        match self {
            Self::AddParticipant(participant) => participant.write(writer),
            Self::SetStatus { participant, status } => {
                writer.u32(participant.0).u8(*status as u8);
            }
            Self::OpenAccount { participant, currency, credit_line }
            | Self::SetCreditLine { participant, currency, credit_line } => {
                writer.u32(participant.0).raw(&currency.to_bytes()).u64(*credit_line);
            }
            Self::Fund { participant, amount, pay_in } => {
                writer.u32(participant.0);
                write_amount(writer, *amount).raw(pay_in);
            }
            Self::Defund { amount } => {
                write_amount(writer, *amount);
            }
            Self::ConfirmDefund { defund, made } => {
                writer.raw(&defund.0).u8(u8::from(*made));
            }
            Self::SetBilateralLimit { counterparty, currency, limit } => {
                writer.u32(counterparty.0).raw(&currency.to_bytes()).option_u64(*limit);
            }
            Self::SetMultilateralLimit { currency, limit } => {
                writer.raw(&currency.to_bytes()).option_u64(*limit);
            }
            Self::SetDebitCap { participant, currency, cap } => {
                writer.u32(participant.0).raw(&currency.to_bytes()).option_u64(*cap);
            }
            Self::SetVelocity { participant, currency, window_ms, most } => {
                let currency = currency.map_or(NO_CURRENCY, Currency::to_bytes);
                writer.u32(participant.0).raw(&currency).u64(*window_ms).u64(*most);
            }
            Self::OpenDay { currency, date, cut_off_at_ms, closes_at_ms } => {
                writer.raw(&currency.to_bytes()).u32(date.get());
                writer.u64(*cut_off_at_ms).u64(*closes_at_ms);
            }
            Self::CutOff { currency } | Self::CloseDay { currency } => {
                writer.raw(&currency.to_bytes());
            }
            Self::ExtendDay { currency, cut_off_at_ms, closes_at_ms } => {
                writer.raw(&currency.to_bytes()).u64(*cut_off_at_ms).u64(*closes_at_ms);
            }
            Self::SetRules(rules) => rules.write(writer),
            Self::Cancel { uetr, kind } => {
                writer.raw(&uetr.0).u16(*kind as u16);
            }
            Self::ConfirmTime { until_ms } => {
                writer.u64(*until_ms);
            }
            Self::RunCycle => {}
            Self::SetQuotes { base, quote, quotes } => {
                writer.raw(&base.to_bytes()).raw(&quote.to_bytes());
                writer.u8(u8::try_from(quotes.len()).unwrap_or(u8::MAX));
                quotes.iter().for_each(|quote| quote.write(writer));
            }
        }
    }

    fn read(kind: u16, reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(match kind {
            1 => Self::AddParticipant(Participant::read(reader)?),
            2 => Self::SetStatus {
                participant: read_participant(reader, "participant")?,
                status: match reader.u8("status")? {
                    1 => Status::Active,
                    2 => Status::Suspended,
                    value => {
                        return Err(DecodeError::Unknown { field: "status", value: value.into() });
                    }
                },
            },
            3 | 4 => {
                let participant = read_participant(reader, "participant")?;
                let currency = read_currency(reader)?;
                let credit_line = read_minor(reader, "credit_line")?;
                if kind == 3 {
                    Self::OpenAccount { participant, currency, credit_line }
                } else {
                    Self::SetCreditLine { participant, currency, credit_line }
                }
            }
            5 => Self::Fund {
                participant: read_participant(reader, "participant")?,
                amount: read_amount(reader)?,
                pay_in: reader.array("pay_in")?,
            },
            6 => Self::Defund { amount: read_amount(reader)? },
            7 => Self::ConfirmDefund {
                defund: RequestId(reader.array("defund")?),
                made: read_bool(reader, "made")?,
            },
            8..=11 => Self::read_limit(kind, reader)?,
            12..=15 => Self::read_day(kind, reader)?,
            16 => Self::SetRules(RuleBook::read(reader)?),
            17 => Self::Cancel { uetr: Uetr(reader.array("uetr")?), kind: read_kind(reader)? },
            18 => Self::ConfirmTime { until_ms: reader.u64("until")? },
            19 => Self::RunCycle,
            20 => Self::read_quotes(reader)?,
            value => return Err(DecodeError::Unknown { field: "kind", value: value.into() }),
        })
    }

    fn read_quotes(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let (base, quote) = (read_currency(reader)?, read_currency(reader)?);
        if base == quote {
            return Err(DecodeError::Range { field: "quote" });
        }
        let count = usize::from(reader.u8("quotes")?);
        if count > QUOTES_PER_COMMAND_MAX {
            return Err(DecodeError::Range { field: "quotes" });
        }
        let quotes = (0..count).map(|_| Quote::read(reader)).collect::<Result<_, _>>()?;
        Ok(Self::SetQuotes { base, quote, quotes })
    }

    fn read_limit(kind: u16, reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(match kind {
            8 => Self::SetBilateralLimit {
                counterparty: read_participant(reader, "counterparty")?,
                currency: read_currency(reader)?,
                limit: read_option_minor(reader, "limit")?,
            },
            9 => Self::SetMultilateralLimit {
                currency: read_currency(reader)?,
                limit: read_option_minor(reader, "limit")?,
            },
            10 => Self::SetDebitCap {
                participant: read_participant(reader, "participant")?,
                currency: read_currency(reader)?,
                cap: read_option_minor(reader, "cap")?,
            },
            _ => Self::SetVelocity {
                participant: read_participant(reader, "participant")?,
                currency: match reader.array("currency")? {
                    NO_CURRENCY => None,
                    code => Some(currency_of(code)?),
                },
                window_ms: reader.u64("window_ms")?,
                most: read_minor(reader, "most")?,
            },
        })
    }

    fn read_day(kind: u16, reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let currency = read_currency(reader)?;
        Ok(match kind {
            12 => Self::OpenDay {
                currency,
                date: ValueDate::new(reader.u32("date")?)
                    .ok_or(DecodeError::Range { field: "date" })?,
                cut_off_at_ms: reader.u64("cut_off_at")?,
                closes_at_ms: reader.u64("closes_at")?,
            },
            13 => Self::CutOff { currency },
            14 => Self::ExtendDay {
                currency,
                cut_off_at_ms: reader.u64("cut_off_at")?,
                closes_at_ms: reader.u64("closes_at")?,
            },
            _ => Self::CloseDay { currency },
        })
    }
}

impl Command {
    /// The canonical bytes:
    /// `version u8 = 1 ‖ kind u16 ‖ pool u32 ‖ request id [16] ‖ maker u32 ‖ issued_at u64 ‖ body`.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::new();
        writer.u8(VERSION).u16(self.body.kind()).u32(self.pool);
        writer.raw(&self.request_id.0).u32(self.maker.0).u64(self.issued_at_ms);
        self.body.write(&mut writer);
        writer.into_bytes()
    }

    /// The inverse of [`Command::encode`]; checks every range.
    ///
    /// # Errors
    /// [`DecodeError`] naming the field.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        if bytes.len() > COMMAND_BYTES_MAX {
            return Err(DecodeError::Range { field: "command" });
        }
        let mut reader = Reader::new(bytes);
        match reader.u8("version")? {
            VERSION => {}
            value => return Err(DecodeError::Unknown { field: "version", value: value.into() }),
        }
        let kind = reader.u16("kind")?;
        let command = Self {
            pool: reader.u32("pool")?,
            request_id: RequestId(reader.array("request_id")?),
            maker: read_participant(&mut reader, "maker")?,
            issued_at_ms: reader.u64("issued_at")?,
            body: CommandBody::read(kind, &mut reader)?,
        };
        reader.finish()?;
        Ok(command)
    }
}

/// What maker and checker sign: `"causeway/1 command"` and the command's bytes.
#[must_use]
pub fn command_statement(command: &[u8]) -> Vec<u8> {
    [LABEL, command].concat()
}

/// A command's bytes with the signatures over them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedCommand {
    /// The canonical bytes, as signed.
    pub command: Vec<u8>,
    /// The maker's signature over [`command_statement`].
    pub signature: [u8; 64],
    /// A second person's number and signature over the same statement.
    pub checker: Option<(ParticipantId, [u8; 64])>,
}

fn read_currency(reader: &mut Reader<'_>) -> Result<Currency, DecodeError> {
    currency_of(reader.array("currency")?)
}

fn currency_of(code: [u8; 3]) -> Result<Currency, DecodeError> {
    Currency::from_bytes(code).map_err(|_| DecodeError::Range { field: "currency" })
}

fn read_minor(reader: &mut Reader<'_>, field: &'static str) -> Result<u64, DecodeError> {
    match reader.u64(field)? {
        minor if minor <= MINOR_MAX => Ok(minor),
        _ => Err(DecodeError::Range { field }),
    }
}

fn read_option_minor(
    reader: &mut Reader<'_>,
    field: &'static str,
) -> Result<Option<u64>, DecodeError> {
    match reader.option_u64(field)? {
        Some(minor) if minor > MINOR_MAX => Err(DecodeError::Range { field }),
        minor => Ok(minor),
    }
}

fn read_amount(reader: &mut Reader<'_>) -> Result<Amount, DecodeError> {
    let currency = read_currency(reader)?;
    let minor = read_minor(reader, "amount")?;
    if minor == 0 {
        return Err(DecodeError::Range { field: "amount" });
    }
    Amount::new(minor, currency).map_err(|_| DecodeError::Range { field: "amount" })
}

fn write_amount(writer: &mut Writer, amount: Amount) -> &mut Writer {
    writer.raw(&amount.currency().to_bytes()).u64(amount.minor())
}

fn read_bool(reader: &mut Reader<'_>, field: &'static str) -> Result<bool, DecodeError> {
    match reader.u8(field)? {
        0 => Ok(false),
        1 => Ok(true),
        _ => Err(DecodeError::Range { field }),
    }
}

fn read_kind(reader: &mut Reader<'_>) -> Result<MessageKind, DecodeError> {
    let number = reader.u16("message_kind")?;
    MessageKind::from_number(number)
        .ok_or(DecodeError::Unknown { field: "message_kind", value: number.into() })
}
