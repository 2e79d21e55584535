//! Quotes: giving them, and what stands and what was filled.

use bytes::Bytes;
use clap::Args;
use sdk::{Currency, QuoteBuilder, Side, parse_pair, v1};

use crate::commands::show::{self, parse_instant};
use crate::context::Context;
use crate::failure::Failure;
use crate::output::{Cell, Row, Shown};
use crate::request::RequestArgs;

/// Provider: set your quotes of a pair. All of them: those before are replaced.
///
/// `causeway fx quote EUR/USD bid 1000000@1.0825 2500000@1.0820 ask 1000000@1.0829` buys up to a
/// million euros at 1.0825 dollars each, and so on. Without any quote those before are taken back.
#[derive(Debug, Args)]
pub(crate) struct QuoteArgs {
    /// Base and quote currency: EUR/USD. Sizes are in the base currency, rates in units of the
    /// quote currency per unit of it.
    #[arg(value_parser = parse_pair_text)]
    pair: String,
    /// `bid` or `ask`, each followed by quotes SIZE@RATE.
    quotes: Vec<String>,
    /// How long the quotes stand, in seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 60,
        value_parser = clap::value_parser!(u64).range(1..=604_800))]
    valid_for: u64,
    /// Until when the quotes stand: 2026-03-02T16:00:00Z.
    #[arg(long, value_name = "INSTANT", value_parser = parse_instant, conflicts_with = "valid_for")]
    until: Option<u64>,
    #[command(flatten)]
    request: RequestArgs,
}

fn parse_pair_text(text: &str) -> Result<String, String> {
    parse_pair(text).map(|_| text.to_owned()).map_err(|error| error.to_string())
}

fn parse_both(text: &str) -> Result<(Currency, Currency), String> {
    parse_pair(text).map_err(|error| error.to_string())
}

impl QuoteArgs {
    pub(super) async fn run(self, context: &Context) -> Result<Shown, Failure> {
        let until_ms = match self.until {
            Some(at_ms) => at_ms,
            // From the instant of the request on: the same request is the same command.
            None => self.request.issued_at_ms(context).await? + self.valid_for * 1_000,
        };
        let mut builder = QuoteBuilder::new(&self.pair, until_ms);
        let mut side = None;
        for word in &self.quotes {
            match word.as_str() {
                "bid" => side = Some(Side::Bid),
                "ask" => side = Some(Side::Ask),
                quote => {
                    let problem = || {
                        let text = "must be `bid` or `ask`, or behind one of them SIZE@RATE";
                        Failure::usage(format!("`{quote}` {text}"))
                    };
                    let (size, rate) = quote.split_once('@').ok_or_else(problem)?;
                    builder = builder.quote(side.ok_or_else(problem)?, size, rate);
                }
            }
        }
        self.request.execute(context, builder.build()?).await
    }
}

/// List the quotes that stand: a provider its own, operators and regulators all.
#[derive(Debug, Args)]
pub(crate) struct QuotesArgs {
    /// Only of this pair: EUR/USD.
    #[arg(value_parser = parse_both)]
    pair: Option<(Currency, Currency)>,
    /// Only of this provider.
    #[arg(long, value_name = "NAME", default_value = "")]
    provider: String,
}

impl QuotesArgs {
    pub(super) async fn run(self, context: &Context) -> Result<Shown, Failure> {
        let response = context.session()?.client.quotes(self.pair, &self.provider).await?;
        Ok(Shown::Many(response.quotes.iter().map(quote_row).collect()))
    }
}

/// What is available of a pair at which price, from whomever.
#[derive(Debug, Args)]
pub(crate) struct PricesArgs {
    /// Base and quote currency: EUR/USD.
    #[arg(value_parser = parse_both)]
    pair: (Currency, Currency),
}

impl PricesArgs {
    pub(super) async fn run(self, context: &Context) -> Result<Shown, Failure> {
        let response = context.session()?.client.prices(self.pair).await?;
        let row = |price: &v1::Price| -> Row {
            vec![
                ("side", show::side(price.side())),
                ("rate", show::rate(price.rate.as_ref())),
                ("available", show::money(price.available.as_ref())),
                ("currency", show::currency(price.available.as_ref())),
            ]
        };
        Ok(Shown::Many(response.prices.iter().map(row).collect()))
    }
}

/// Provider: list the fills of your quotes, oldest first, with what became of them.
#[derive(Debug, Args)]
pub(crate) struct FillsArgs {
    /// Only of matches made at this position of the log and later ones.
    #[arg(long, default_value_t = 0)]
    from_position: u64,
}

impl FillsArgs {
    pub(super) async fn run(self, context: &Context) -> Result<Shown, Failure> {
        let client = context.session()?.client;
        let (mut rows, mut token) = (Vec::new(), Bytes::new());
        loop {
            let page = client.fills_page(self.from_position, token).await?;
            rows.extend(page.fills.iter().map(fill_row));
            token = page.next_page_token;
            if token.is_empty() {
                return Ok(Shown::Many(rows));
            }
        }
    }
}

fn quote_row(quote: &v1::Quote) -> Row {
    vec![
        ("provider", quote.provider.as_str().into()),
        ("pair", format!("{}/{}", quote.base_currency_code, quote.quote_currency_code).into()),
        ("side", show::side(quote.side())),
        ("size", show::money(quote.size.as_ref())),
        ("rate", show::rate(quote.rate.as_ref())),
        ("available", show::money(quote.available.as_ref())),
        ("taken", show::money(quote.taken.as_ref())),
        ("in", show::currency(quote.available.as_ref())),
        ("until", show::instant_or_none(quote.not_after_ms)),
        ("position", (quote.place >> channel::PLACE_INDEX_BITS).into()),
        ("index", quote.index.into()),
    ]
}

fn fill_row(found: &v1::QuoteFill) -> Row {
    let fill = found.fill.clone().unwrap_or_default();
    let state = match found.state() {
        v1::PaymentState::AwaitingMatch => "lapsed".into(),
        state => show::word(state.as_str_name(), "PAYMENT_STATE_"),
    };
    vec![
        ("uetr", found.uetr.as_str().into()),
        ("got", show::money(fill.sold.as_ref())),
        ("got_currency", show::currency(fill.sold.as_ref())),
        ("paid", show::money(fill.bought.as_ref())),
        ("paid_currency", show::currency(fill.bought.as_ref())),
        ("side", show::side(fill.side())),
        ("rate", show::rate(fill.rate.as_ref())),
        ("state", state),
        ("batch", (found.batch != 0).then_some(found.batch).into()),
        ("match", Cell::Digits(found.match_place.to_string())),
        ("match_until", show::instant_or_none(found.match_until_ms)),
    ]
}
