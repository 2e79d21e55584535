//! Accounts and their credit lines.

use channel::CommandBody;
use clap::Subcommand;
use ledger::{Amount, Currency};

use super::orders::Directory;
use super::show::{money, parse_amount};
use crate::context::Context;
use crate::dev::parse_currency;
use crate::failure::Failure;
use crate::output::{Cell, Row, Shown};
use crate::request::RequestArgs;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Open a bank's account in a currency.
    Open {
        /// The bank's name (BIC) or number.
        participant: String,
        /// The currency.
        #[arg(value_parser = parse_currency)]
        currency: Currency,
        /// How far below zero the account may go: "100000.00 USD".
        #[arg(long, value_parser = parse_amount)]
        credit_line: Option<Amount>,
        #[command(flatten)]
        request: RequestArgs,
    },
    /// Change how far below zero an account may go.
    CreditLine {
        /// The bank's name (BIC) or number.
        participant: String,
        /// The new line: "100000.00 USD".
        #[arg(value_parser = parse_amount)]
        line: Amount,
        #[command(flatten)]
        request: RequestArgs,
    },
    /// List accounts; a bank sees its own.
    List,
}

impl Command {
    pub(crate) async fn run(self, context: &Context) -> Result<Shown, Failure> {
        match self {
            Self::Open { participant, currency, credit_line, request } => {
                if credit_line.is_some_and(|line| line.currency() != currency) {
                    return Err(Failure::usage("--credit-line must be in the account's currency"));
                }
                let participant = Directory::find(context, &participant).await?;
                let credit_line = credit_line.map_or(0, Amount::minor);
                let body = CommandBody::OpenAccount { participant, currency, credit_line };
                request.execute(context, body).await
            }
            Self::CreditLine { participant, line, request } => {
                let participant = Directory::find(context, &participant).await?;
                let (currency, credit_line) = (line.currency(), line.minor());
                let body = CommandBody::SetCreditLine { participant, currency, credit_line };
                request.execute(context, body).await
            }
            Self::List => {
                let accounts = context.session()?.client.accounts().await?;
                Ok(Shown::Many(accounts.iter().map(row).collect()))
            }
        }
    }
}

fn row(account: &sdk::v1::Account) -> Row {
    let owner = Some(account.participant.as_str()).filter(|name| !name.is_empty());
    vec![
        ("account", account.account.into()),
        ("participant", owner.into()),
        ("currency", account.currency_code.as_str().into()),
        ("credit_line", owner.map_or(Cell::None, |_| money(account.credit_line.as_ref()))),
    ]
}
