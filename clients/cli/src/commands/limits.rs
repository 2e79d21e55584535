//! Limits: a bank's own, and those an operator sets.

use channel::CommandBody;
use clap::Subcommand;
use ledger::{Amount, Currency};
use sdk::v1;

use super::orders::Directory;
use super::show::{decimal, minor, parse_amount};
use crate::context::Context;
use crate::dev::parse_currency;
use crate::failure::Failure;
use crate::output::{Cell, Row, Shown};
use crate::request::RequestArgs;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// List limits in force with their use; a bank sees its own.
    List {
        /// Whose: a name (BIC).
        participant: Option<String>,
    },
    /// Bank: the most it is willing to owe another bank, net, in a day.
    Bilateral {
        /// Towards whom: a name (BIC) or number.
        counterparty: String,
        /// The limit: "500000.00 EUR".
        #[arg(value_parser = parse_amount)]
        limit: Amount,
        #[command(flatten)]
        request: RequestArgs,
    },
    /// Bank: the most it is willing to owe all others together, net, in a day.
    Multilateral {
        /// The limit: "500000.00 EUR".
        #[arg(value_parser = parse_amount)]
        limit: Amount,
        #[command(flatten)]
        request: RequestArgs,
    },
    /// Bank: lift a bilateral limit, or the multilateral one.
    Lift {
        /// The currency.
        #[arg(value_parser = parse_currency)]
        currency: Currency,
        /// Towards whom; the multilateral limit otherwise.
        #[arg(long)]
        counterparty: Option<String>,
        #[command(flatten)]
        request: RequestArgs,
    },
    /// Operator: a bank's net debit cap.
    Cap {
        /// Whose: a name (BIC) or number.
        participant: String,
        /// The currency.
        #[arg(value_parser = parse_currency)]
        currency: Currency,
        /// The cap: "500000.00 EUR"; without it the cap is lifted.
        #[arg(long, value_parser = parse_amount)]
        cap: Option<Amount>,
        #[command(flatten)]
        request: RequestArgs,
    },
    /// Operator: how many orders, or orders of what value, a bank may hand in within a window.
    Velocity {
        /// Whose: a name (BIC) or number.
        participant: String,
        /// Length of the window in milliseconds; 0 lifts the limit.
        #[arg(long)]
        window_ms: u64,
        /// Orders in a window, in all currencies, at most.
        #[arg(long, required_unless_present = "value")]
        orders: Option<u64>,
        /// Value of the orders in a window in one currency, at most: "500000.00 EUR".
        #[arg(long, value_parser = parse_amount, conflicts_with = "orders")]
        value: Option<Amount>,
        #[command(flatten)]
        request: RequestArgs,
    },
}

impl Command {
    pub(crate) async fn run(self, context: &Context) -> Result<Shown, Failure> {
        let (body, request) = match self {
            Self::List { participant } => {
                let client = context.session()?.client;
                let limits = client.limits(&participant.unwrap_or_default()).await?;
                return Ok(Shown::Many(limits.iter().map(row).collect()));
            }
            Self::Bilateral { counterparty, limit, request } => {
                let counterparty = Directory::find(context, &counterparty).await?;
                let (currency, limit) = (limit.currency(), Some(limit.minor()));
                (CommandBody::SetBilateralLimit { counterparty, currency, limit }, request)
            }
            Self::Multilateral { limit, request } => {
                let (currency, limit) = (limit.currency(), Some(limit.minor()));
                (CommandBody::SetMultilateralLimit { currency, limit }, request)
            }
            Self::Lift { currency, counterparty: None, request } => {
                (CommandBody::SetMultilateralLimit { currency, limit: None }, request)
            }
            Self::Lift { currency, counterparty: Some(name), request } => {
                let counterparty = Directory::find(context, &name).await?;
                let limit = None;
                (CommandBody::SetBilateralLimit { counterparty, currency, limit }, request)
            }
            Self::Cap { participant, currency, cap, request } => {
                if cap.is_some_and(|cap| cap.currency() != currency) {
                    return Err(Failure::usage("--cap must be in the named currency"));
                }
                let participant = Directory::find(context, &participant).await?;
                let cap = cap.map(Amount::minor);
                (CommandBody::SetDebitCap { participant, currency, cap }, request)
            }
            Self::Velocity { participant, window_ms, orders, value, request } => {
                let participant = Directory::find(context, &participant).await?;
                let currency = value.map(Amount::currency);
                let most = value.map_or(orders.unwrap_or_default(), Amount::minor);
                (CommandBody::SetVelocity { participant, currency, window_ms, most }, request)
            }
        };
        request.execute(context, body).await
    }
}

fn row(limit: &v1::Limit) -> Row {
    let text = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
    let currency = limit.currency_code.as_str();
    let (most, used) = if currency.is_empty() {
        (limit.limit.to_string(), Cell::Digits(limit.used.clone()))
    } else {
        (decimal(limit.limit.into(), currency), minor(&limit.used, currency))
    };
    vec![
        ("kind", limit.kind.as_str().into()),
        ("participant", limit.participant.as_str().into()),
        ("counterparty", text(&limit.counterparty).into()),
        ("currency", text(currency).into()),
        ("limit", Cell::Digits(most)),
        ("used", used),
        ("window_ms", (limit.window_ms != 0).then_some(limit.window_ms).into()),
    ]
}
