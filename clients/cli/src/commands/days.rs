//! Business days.

use channel::CommandBody;
use clap::Subcommand;
use ledger::Currency;
use sdk::{ValueDate, v1};

use super::show::{day, instant_or_none, parse_instant};
use crate::context::Context;
use crate::dev::parse_currency;
use crate::failure::Failure;
use crate::output::{Row, Shown};
use crate::request::RequestArgs;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Open the day of a currency.
    Open {
        /// The currency.
        #[arg(value_parser = parse_currency)]
        currency: Currency,
        /// The day: 2026-03-02.
        #[arg(value_parser = parse_day)]
        date: ValueDate,
        /// After this instant orders for the day are rejected: 2026-03-02T16:00:00Z.
        #[arg(long, value_name = "INSTANT", value_parser = parse_instant)]
        cut_off: u64,
        /// At this instant the day closes by itself.
        #[arg(long, value_name = "INSTANT", value_parser = parse_instant)]
        close: u64,
        #[command(flatten)]
        request: RequestArgs,
    },
    /// Cut off the day of a currency now.
    CutOff {
        /// The currency.
        #[arg(value_parser = parse_currency)]
        currency: Currency,
        #[command(flatten)]
        request: RequestArgs,
    },
    /// Move the cut-off and the close to later instants.
    Extend {
        /// The currency.
        #[arg(value_parser = parse_currency)]
        currency: Currency,
        /// The new cut-off.
        #[arg(long, value_name = "INSTANT", value_parser = parse_instant)]
        cut_off: u64,
        /// The new close.
        #[arg(long, value_name = "INSTANT", value_parser = parse_instant)]
        close: u64,
        #[command(flatten)]
        request: RequestArgs,
    },
    /// Close the day of a currency now.
    Close {
        /// The currency.
        #[arg(value_parser = parse_currency)]
        currency: Currency,
        #[command(flatten)]
        request: RequestArgs,
    },
    /// List the days.
    List,
}

impl Command {
    pub(crate) async fn run(self, context: &Context) -> Result<Shown, Failure> {
        let (body, request) = match self {
            Self::Open { currency, date, cut_off, close, request } => {
                let (cut_off_at_ms, closes_at_ms) = (cut_off, close);
                (CommandBody::OpenDay { currency, date, cut_off_at_ms, closes_at_ms }, request)
            }
            Self::CutOff { currency, request } => (CommandBody::CutOff { currency }, request),
            Self::Extend { currency, cut_off, close, request } => {
                let (cut_off_at_ms, closes_at_ms) = (cut_off, close);
                (CommandBody::ExtendDay { currency, cut_off_at_ms, closes_at_ms }, request)
            }
            Self::Close { currency, request } => (CommandBody::CloseDay { currency }, request),
            Self::List => {
                let days = context.session()?.client.days().await?;
                return Ok(Shown::Many(days.iter().map(row).collect()));
            }
        };
        request.execute(context, body).await
    }
}

pub(crate) fn parse_day(text: &str) -> Result<ValueDate, String> {
    sdk::parse_date(text).ok_or_else(|| "must be a day such as 2026-03-02".to_owned())
}

fn row(known: &v1::Day) -> Row {
    vec![
        ("currency", known.currency_code.as_str().into()),
        ("date", day(known.date)),
        ("open", known.open.into()),
        ("cut_off", known.cut_off.into()),
        ("cut_off_at", instant_or_none(known.cut_off_at_ms)),
        ("closes_at", instant_or_none(known.closes_at_ms)),
    ]
}
