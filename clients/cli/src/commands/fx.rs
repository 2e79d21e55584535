//! Foreign exchange: orders of two currencies, quotes, prices, fills.

mod quote;
mod words;

use std::path::PathBuf;

use clap::{Args, Subcommand};
use iso20022::Bic;
use ledger::{Amount, Currency};
use sdk::sealed::{Contents, Draft};
use sdk::{MessageKind, Order, OrderBuilder, Uetr, ValueDate, parse_date};

use self::quote::{FillsArgs, PricesArgs, QuoteArgs, QuotesArgs};
pub(super) use self::words::{exchange_cells, terms_cells};
use super::orders::Directory;
use super::pay::{HandInArgs, Sealing};
use super::show::{parse_amount, parse_instant};
use super::status::parse_uetr;
use crate::context::{Context, Session};
use crate::dev::parse_currency;
use crate::failure::{Failure, Kind, at};
use crate::output::Shown;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Instruct(InstructArgs),
    Pay(FxPayArgs),
    Quote(QuoteArgs),
    Quotes(QuotesArgs),
    Prices(PricesArgs),
    Fills(FillsArgs),
}

impl Command {
    pub(crate) async fn run(self, context: &Context) -> Result<Shown, Failure> {
        match self {
            Self::Instruct(args) => args.run(context).await,
            Self::Pay(args) => args.run(context).await,
            Self::Quote(args) => args.run(context).await,
            Self::Quotes(args) => args.run(context).await,
            Self::Prices(args) => args.run(context).await,
            Self::Fills(args) => args.run(context).await,
        }
    }
}

/// What every order of two currencies may be told.
#[derive(Debug, Args)]
struct OrderArgs {
    /// The day on which it shall settle, such as 2026-03-02; the present business day of the
    /// currency sold otherwise.
    #[arg(long, value_parser = parse_day)]
    value_date: Option<ValueDate>,
    /// Expires after this instant: 2026-03-02T16:00:00Z.
    #[arg(long, value_name = "INSTANT", value_parser = parse_instant)]
    until: Option<u64>,
    /// The priority class, 0 (first) to 3.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u8).range(0..=3))]
    class: u8,
    /// A file for the receiver, who gets it at settlement.
    #[arg(long, value_name = "FILE")]
    payload: Option<PathBuf>,
    /// The order's reference; a new one otherwise. With `--created` the same order is handed in
    /// again, which takes effect once.
    #[arg(long, requires = "created", value_parser = parse_uetr)]
    uetr: Option<Uetr>,
    /// When the order was made.
    #[arg(long, value_name = "INSTANT", requires = "uetr", value_parser = parse_instant)]
    created: Option<u64>,
    #[command(flatten)]
    hand_in: HandInArgs,
}

/// Send your side of an exchange that was agreed on with another participant. Once it has sent the
/// same from its side, both settle together or not at all.
#[derive(Debug, Args)]
pub(crate) struct InstructArgs {
    /// With whom: a name (BIC) or number.
    counterparty: String,
    /// What you sell: "100.00 EUR".
    #[arg(value_parser = parse_amount)]
    sells: Amount,
    /// What you buy: "108.25 USD".
    #[arg(value_parser = parse_amount)]
    buys: Amount,
    #[command(flatten)]
    order: OrderArgs,
}

/// Pay in one currency, so that it arrives in another, at the quotes of liquidity providers.
#[derive(Debug, Args)]
pub(crate) struct FxPayArgs {
    /// To whom: a name (BIC) or number.
    receiver: String,
    /// What you pay: "100.00 EUR".
    #[arg(value_parser = parse_amount)]
    amount: Amount,
    /// In which currency it shall arrive.
    #[arg(value_parser = parse_currency)]
    arrives_in: Currency,
    /// The least rate: units of the arriving currency per unit of the one you pay, such as 1.0825.
    #[arg(long, value_name = "RATE")]
    limit: String,
    #[command(flatten)]
    order: OrderArgs,
}

fn parse_day(text: &str) -> Result<ValueDate, String> {
    parse_date(text).ok_or_else(|| "must be a day such as 2026-03-02".to_owned())
}

impl InstructArgs {
    async fn run(self, context: &Context) -> Result<Shown, Failure> {
        let buys = self.buys.to_string();
        let make = |builder: OrderBuilder| builder.buys(&buys);
        self.order.hand_in(context, (&self.counterparty, self.sells), make).await
    }
}

impl FxPayArgs {
    async fn run(self, context: &Context) -> Result<Shown, Failure> {
        let make =
            |builder: OrderBuilder| builder.converts_to(self.arrives_in.as_str(), &self.limit);
        self.order.hand_in(context, (&self.receiver, self.amount), make).await
    }
}

impl OrderArgs {
    async fn hand_in(
        &self,
        context: &Context,
        (receiver, amount): (&str, Amount),
        make: impl Fn(OrderBuilder) -> OrderBuilder,
    ) -> Result<Shown, Failure> {
        let session = context.session()?;
        let directory = Directory::load(&session.client).await?;
        let day = match self.value_date {
            Some(day) => day,
            None => business_day(&session, amount.currency()).await?,
        };
        let created_at_ms = match self.created {
            Some(at_ms) => at_ms,
            None => session.now_ms().await?,
        };
        let mut builder = session
            .client
            .order()
            .receiver(Directory::find(context, receiver).await?)
            .money(amount)
            .value_day(day)
            .class(self.class)
            .created_at_ms(created_at_ms)
            .not_after_ms(self.until.unwrap_or_default());
        if let Some(uetr) = self.uetr {
            builder = builder.uetr(uetr);
        }
        if let Some(path) = &self.payload {
            builder = builder.payload(std::fs::read(path).map_err(at(path))?);
        }
        let order = make(builder).build()?;
        let sealing = self.seal(&session, receiver, &order).await?;
        let orders = std::slice::from_ref(&order);
        let shown = self.hand_in.run(context, (&session, &directory), orders, sealing).await;
        shown.map_err(|failure| repeatable(failure, &order, created_at_ms))
    }
}

impl OrderArgs {
    /// Seals an FX payment where the pool seals. It has no details, but who sees that is for the
    /// policy to say. FX instructions have none that a policy covers.
    async fn seal(
        &self,
        session: &Session,
        receiver: &str,
        order: &Order,
    ) -> Result<Option<Sealing>, Failure> {
        if session.profile.trust.is_none() {
            return Ok(None);
        }
        if self.payload.is_some() {
            return Err(Failure::usage("a payload would be sent unsealed, and this profile seals"));
        }
        let (vault, now_ms) = session.synced_vault().await?;
        let payment = order.fields().kind() == Some(MessageKind::FxPayment);
        if !payment || vault.store.policy_at(now_ms).is_none() {
            return Ok(None);
        }
        // Who was named by its BIC, or by its name, is whom a root vouches for by that name.
        if receiver.parse::<u32>().is_err() {
            let bic = Bic::parse(receiver);
            let named = |name: &str| name == receiver || (bic.is_some() && Bic::parse(name) == bic);
            if vault.store.named(named) != Some(order.fields().receiver()) {
                let problem = format!("no root vouches for {receiver} as the node names it");
                return Err(Failure::new(Kind::VerificationFailed, problem));
            }
        }
        let drafts = vec![Draft::of(order, Contents::default())?];
        Ok(Some(Sealing { vault, drafts, now_ms }))
    }
}

/// Says how to repeat an order that may have been taken in.
fn repeatable(failure: Failure, order: &Order, created_at_ms: u64) -> Failure {
    let message = format!(
        "{}; the same order is --uetr {} --created {created_at_ms}",
        failure.message,
        order.uetr()
    );
    Failure { message, ..failure }
}

/// The day that is open in a currency.
async fn business_day(session: &Session, currency: Currency) -> Result<ValueDate, Failure> {
    let days = session.client.days().await?;
    let day = days.iter().find(|day| day.open && day.currency_code == currency.as_str());
    day.and_then(|day| ValueDate::new(day.date)).ok_or_else(|| {
        Failure::usage(format!("no business day is open in {currency}: give --value-date"))
    })
}
