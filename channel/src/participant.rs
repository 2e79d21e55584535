//! Who takes part in a pool.

use crate::bytes::{DecodeError, Reader, Writer};

/// Bytes of a participant's name, at most.
pub const NAME_BYTES_MAX: usize = 35;

/// The number of a participant in its pool, from 1; never used again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ParticipantId(pub u32);

/// What a participant may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Role {
    /// Sends and receives payments; its name is its BIC.
    Bank = 1,
    /// Confirms pay-ins and pay-outs on the mirror accounts.
    SettlementAgent = 2,
    /// A person who runs the pool.
    Operator = 3,
    /// Reads what it is entitled to; moves nothing.
    Regulator = 4,
    /// Makes markets: it holds accounts like a bank, gives quotes and FX instructions, and sends no
    /// ordinary payments.
    LiquidityProvider = 5,
    /// Reads what it must screen, and says which payments pass; moves nothing.
    Screener = 6,
}

impl Role {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Bank,
        Self::SettlementAgent,
        Self::Operator,
        Self::Regulator,
        Self::LiquidityProvider,
        Self::Screener,
    ];

    /// Whether it may hold accounts in a pool, with all that belongs to them.
    #[must_use]
    pub fn holds_accounts(self) -> bool {
        matches!(self, Self::Bank | Self::LiquidityProvider)
    }

    /// From its number.
    #[must_use]
    pub fn from_number(number: u8) -> Option<Self> {
        Some(match number {
            1 => Self::Bank,
            2 => Self::SettlementAgent,
            3 => Self::Operator,
            4 => Self::Regulator,
            5 => Self::LiquidityProvider,
            6 => Self::Screener,
            _ => return None,
        })
    }

    /// The word used in certificates and on the command line.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Bank => "bank",
            Self::SettlementAgent => "agent",
            Self::Operator => "operator",
            Self::Regulator => "regulator",
            Self::LiquidityProvider => "provider",
            Self::Screener => "screener",
        }
    }
}

/// Whether a participant takes part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Status {
    /// Takes part.
    Active = 1,
    /// Its queued orders leave, new ones by or to it are rejected, it is not paid out.
    Suspended = 2,
}

/// Who a participant is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Participant {
    /// Its number, chosen by the operator, unused so far.
    pub id: ParticipantId,
    /// What it may do.
    pub role: Role,
    /// BIC of a bank (8 or 11 characters), else 1 to 35 of `A-Z a-z 0-9 . _ -`. Unique.
    pub name: String,
    /// ISO 3166-1 alpha-2, upper case.
    pub country: [u8; 2],
    /// Its Ed25519 public key. The private key never leaves its owner.
    pub key: [u8; 32],
}

impl Participant {
    pub(crate) fn write(&self, writer: &mut Writer) {
        writer.u32(self.id.0).u8(self.role as u8).text(&self.name);
        writer.raw(&self.country).raw(&self.key);
    }

    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let id = read_participant(reader, "participant")?;
        let role = reader.u8("role")?;
        let role = Role::from_number(role)
            .ok_or(DecodeError::Unknown { field: "role", value: role.into() })?;
        let name = reader.text("name")?.to_owned();
        let country: [u8; 2] = reader.array("country")?;
        if !name_fits(role, &name) {
            return Err(DecodeError::Range { field: "name" });
        }
        if !country.iter().all(u8::is_ascii_uppercase) {
            return Err(DecodeError::Range { field: "country" });
        }
        Ok(Self { id, role, name, country, key: reader.array("key")? })
    }
}

fn name_fits(role: Role, name: &str) -> bool {
    let bytes = name.as_bytes();
    if role == Role::Bank {
        let (letters, rest) = bytes.split_at(bytes.len().min(6));
        return matches!(bytes.len(), 8 | 11)
            && letters.iter().all(u8::is_ascii_uppercase)
            && rest.iter().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit());
    }
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"._-".contains(byte);
    (1..=NAME_BYTES_MAX).contains(&bytes.len()) && bytes.iter().all(plain)
}

pub(crate) fn read_participant(
    reader: &mut Reader<'_>,
    field: &'static str,
) -> Result<ParticipantId, DecodeError> {
    match reader.u32(field)? {
        0 => Err(DecodeError::Range { field }),
        id => Ok(ParticipantId(id)),
    }
}
