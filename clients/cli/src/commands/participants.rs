//! Who takes part.

use channel::CommandBody;
use clap::{Subcommand, ValueEnum};
use sdk::{Participant, ParticipantId, Role, Status, v1};

use super::orders::Directory;
use crate::context::Context;
use crate::failure::Failure;
use crate::output::{Row, Shown, hex};
use crate::request::RequestArgs;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Take in a participant. Its private key stays with its owner.
    Add {
        /// Its number, unused so far.
        #[arg(value_parser = clap::value_parser!(u32).range(1..))]
        id: u32,
        /// Its name; a bank's BIC.
        name: String,
        /// What it may do.
        #[arg(long, value_enum, default_value = "bank")]
        role: RoleArg,
        /// ISO 3166-1 alpha-2 code of its country.
        #[arg(long, value_name = "CC", value_parser = parse_country)]
        country: [u8; 2],
        /// Its Ed25519 public key, 64 hexadecimal digits.
        #[arg(long, value_name = "HEX", value_parser = parse_key)]
        key: [u8; 32],
        #[command(flatten)]
        request: RequestArgs,
    },
    /// List participants.
    List,
    /// Suspend: queued payments by and to it leave, new ones are rejected, it is not paid out.
    Suspend {
        /// Its name or number.
        participant: String,
        #[command(flatten)]
        request: RequestArgs,
    },
    /// Readmit a suspended participant.
    Readmit {
        /// Its name or number.
        participant: String,
        #[command(flatten)]
        request: RequestArgs,
    },
}

/// A role on the command line.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum RoleArg {
    /// Sends and receives payments.
    Bank,
    /// Confirms pay-ins and pay-outs.
    Agent,
    /// Runs the pool.
    Operator,
    /// Reads what it is entitled to.
    Regulator,
    /// Gives quotes of foreign exchange.
    Provider,
    /// Says which payments pass its lists.
    Screener,
}

impl From<RoleArg> for Role {
    fn from(role: RoleArg) -> Self {
        match role {
            RoleArg::Bank => Self::Bank,
            RoleArg::Agent => Self::SettlementAgent,
            RoleArg::Operator => Self::Operator,
            RoleArg::Regulator => Self::Regulator,
            RoleArg::Provider => Self::LiquidityProvider,
            RoleArg::Screener => Self::Screener,
        }
    }
}

impl Command {
    pub(crate) async fn run(self, context: &Context) -> Result<Shown, Failure> {
        match self {
            Self::Add { id, name, role, country, key, request } => {
                let (id, role) = (ParticipantId(id), role.into());
                let participant = Participant { id, role, name, country, key };
                request.execute(context, CommandBody::AddParticipant(participant)).await
            }
            Self::List => {
                let participants = context.session()?.client.participants().await?;
                Ok(Shown::Many(participants.iter().map(row).collect()))
            }
            Self::Suspend { participant, request } => {
                set(context, &participant, Status::Suspended, &request).await
            }
            Self::Readmit { participant, request } => {
                set(context, &participant, Status::Active, &request).await
            }
        }
    }
}

async fn set(
    context: &Context,
    name: &str,
    status: Status,
    request: &RequestArgs,
) -> Result<Shown, Failure> {
    let participant = Directory::find(context, name).await?;
    request.execute(context, CommandBody::SetStatus { participant, status }).await
}

fn parse_country(text: &str) -> Result<[u8; 2], String> {
    let country: Option<[u8; 2]> = text.as_bytes().try_into().ok();
    let country = country.filter(|country| country.iter().all(u8::is_ascii_uppercase));
    country.ok_or_else(|| "must be two capital letters".to_owned())
}

fn parse_key(text: &str) -> Result<[u8; 32], String> {
    let problem = || "must be 64 hexadecimal digits".to_owned();
    let mut key = [0; 32];
    if text.len() != 64 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(problem());
    }
    for (at, byte) in key.iter_mut().enumerate() {
        let digits = text.get(at * 2..at * 2 + 2).ok_or_else(problem)?;
        *byte = u8::from_str_radix(digits, 16).map_err(|_| problem())?;
    }
    Ok(key)
}

fn row(participant: &v1::Participant) -> Row {
    vec![
        ("id", participant.id.into()),
        ("name", participant.name.as_str().into()),
        ("role", participant.role.as_str().into()),
        ("country", participant.country_code.as_str().into()),
        ("suspended", participant.suspended.into()),
        ("key", hex(&participant.public_key).into()),
    ]
}
