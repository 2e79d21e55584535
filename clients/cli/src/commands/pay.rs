//! Handing in payments from ISO 20022 files.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, ValueEnum};
use iso20022::{Bic, Profile, limits::MESSAGE_BYTES_MAX};
use sdk::{Client, Order, OrderDecision, Ruling, reason_is_transient, v1};
use tokio::time::{Instant, sleep};

use super::orders::{Directory, messages_of, orders_of, read};
use super::{receipts, show};
use crate::context::{Context, Session};
use crate::failure::{Failure, Kind, at};
use crate::output::{Cell, Row, Shown};

/// Orders of one batch, at most.
const BATCH: usize = 256;
/// Bytes of one file, at most.
const FILE_BYTES_MAX: u64 = 64 * MESSAGE_BYTES_MAX as u64;

/// Hand in payments from ISO 20022 files (pacs.008, pacs.009).
///
/// A file may hold several messages one after the other, each beginning with its XML declaration.
/// The same file may be handed in again: it takes effect once.
#[derive(Debug, Args)]
pub(crate) struct PayArgs {
    /// The files.
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// Say what would be sent, and send nothing.
    #[arg(long)]
    dry_run: bool,
    /// Take messages without a business application header.
    #[arg(long)]
    plain: bool,
    /// Append the operator's signed receipts to this file, one JSON object a line.
    #[arg(long, value_name = "FILE")]
    receipts: Option<PathBuf>,
    /// Wait until every payment has got this far.
    #[arg(long, value_enum)]
    wait: Option<Until>,
    /// How long to wait, in seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    wait_seconds: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Until {
    /// Settled, or ended another way.
    Settled,
}

impl PayArgs {
    pub(crate) async fn run(self, context: &Context) -> Result<Shown, Failure> {
        let session = context.session()?;
        let directory = Directory::load(&session.client).await?;
        let profile = if self.plain { Profile::Plain } else { Profile::Cbpr };
        let mut orders = Vec::new();
        for path in &self.files {
            let read = read_file(path)
                .and_then(|bytes| read_orders(&session, &directory, &bytes, profile));
            orders.extend(read.map_err(|failure| failure.about(path.display()))?);
        }
        if orders.is_empty() {
            return Err(Failure::usage("the files hold no message"));
        }
        if self.dry_run {
            return Ok(Shown::Many(orders.iter().map(dry_row).collect()));
        }
        let decisions = submit(&session.client, &orders, self.receipts.as_deref()).await?;
        let waited = match self.wait {
            None => None,
            Some(Until::Settled) => {
                let ends_at = Instant::now() + Duration::from_secs(self.wait_seconds);
                Some(wait(&session.client, &orders, &decisions, ends_at).await?)
            }
        };
        Ok(graded(&orders, &decisions, waited.as_deref()))
    }
}

fn read_file(path: &Path) -> Result<Vec<u8>, Failure> {
    let size = std::fs::metadata(path).map_err(at(path))?.len();
    if size > FILE_BYTES_MAX {
        return Err(Failure::usage(format!("larger than {FILE_BYTES_MAX} bytes")));
    }
    std::fs::read(path).map_err(at(path))
}

fn read_orders(
    session: &Session,
    directory: &Directory,
    bytes: &[u8],
    profile: Profile,
) -> Result<Vec<Order>, Failure> {
    let own = Bic::parse(&session.profile.name);
    let receiver = |bic: Bic| {
        directory.of_bic(bic).ok_or_else(|| {
            Failure::rejected("UNKNOWN_RECEIVER", format!("{bic} does not take part"))
        })
    };
    let mut orders = Vec::new();
    for (at, bytes) in messages_of(bytes).into_iter().enumerate() {
        let in_message = |failure: Failure| failure.about(format!("message {}", at + 1));
        let message = read(bytes, profile).map_err(in_message)?;
        let routings = message.routings().unwrap_or_default();
        if let Some(other) = routings.iter().find(|r| Some(r.instructing_agent) != own) {
            return Err(in_message(Failure::usage(format!(
                "the instructing agent is {}, this profile is {}",
                other.instructing_agent, session.profile.name
            ))));
        }
        let made = orders_of(&message, || session.client.order(), receiver);
        orders.extend(made.map_err(in_message)?);
    }
    Ok(orders)
}

/// Hands in orders, in their order, waits for all decisions, and keeps the receipts.
async fn submit(
    client: &Client,
    orders: &[Order],
    receipts: Option<&Path>,
) -> Result<Vec<OrderDecision>, Failure> {
    let stream = client.batches(4);
    let mut tickets = Vec::new();
    for orders in orders.chunks(BATCH) {
        tickets.push(stream.send(client.sign(orders.to_vec())?).await?);
    }
    let mut decisions = Vec::new();
    for (ticket, orders) in tickets.into_iter().zip(orders.chunks(BATCH)) {
        let answer = ticket.answer().await?;
        if let Some(path) = receipts {
            receipts::keep(path, orders, &answer)?;
        }
        decisions.extend(answer.decisions);
    }
    Ok(decisions)
}

/// Waits until every accepted order has settled or ended; returns where each is then.
async fn wait(
    client: &Client,
    orders: &[Order],
    decisions: &[OrderDecision],
    ends_at: Instant,
) -> Result<Vec<v1::PaymentState>, Failure> {
    let mut states = Vec::new();
    for (order, decision) in orders.iter().zip(decisions) {
        if !decision.accepted() {
            states.push(v1::PaymentState::Rejected);
            continue;
        }
        let position = decision.place / channel::BATCH_ORDERS_MAX as u64;
        loop {
            let found = client.get(order.uetr(), position).await;
            let payments = match found {
                Ok(response) => response.payments,
                // Its batch is not sealed yet.
                Err(sdk::Error::Refused(refusal)) if refusal.is_transient() => Vec::new(),
                Err(error) => return Err(error.into()),
            };
            let own = payments.iter().find(|payment| payment.place == decision.place);
            let state = own.map_or(v1::PaymentState::Queued, v1::Payment::state);
            let waits = matches!(
                state,
                v1::PaymentState::Queued
                    | v1::PaymentState::Warehoused
                    | v1::PaymentState::AwaitingGroup
            );
            if !waits {
                states.push(state);
                break;
            }
            if Instant::now() >= ends_at {
                return Err(Failure::new(Kind::Transient, "not settled in time"));
            }
            sleep(Duration::from_millis(200)).await;
        }
    }
    Ok(states)
}

/// The decisions, with the exit code of the worst of them.
fn graded(
    orders: &[Order],
    decisions: &[OrderDecision],
    states: Option<&[v1::PaymentState]>,
) -> Shown {
    let mut rows: Vec<Row> = Vec::new();
    let mut kind = None;
    for (at, (order, decision)) in orders.iter().zip(decisions).enumerate() {
        let state = states.and_then(|states| states.get(at).copied());
        rows.push(row(order, decision, state));
        let transient = decision.reason.is_some_and(reason_is_transient);
        let ended = state.is_some_and(|state| state != v1::PaymentState::Settled);
        if !decision.accepted() && transient {
            kind.get_or_insert(Kind::Transient);
        } else if !decision.accepted() || ended {
            kind = Some(Kind::Rejected);
        }
    }
    match kind {
        None => Shown::Many(rows),
        Some(kind) => Shown::Graded { rows, kind },
    }
}

fn row(order: &Order, decision: &OrderDecision, state: Option<v1::PaymentState>) -> Row {
    let ruling = match decision.ruling {
        Ruling::Queued => "queued",
        Ruling::Settled => "settled",
        Ruling::Warehoused => "warehoused",
        Ruling::AwaitingGroup => "awaiting_group",
        Ruling::Rejected => "rejected",
        Ruling::Refused => "refused",
    };
    let mut row = dry_row(order);
    row.push(("ruling", ruling.into()));
    row.push(("reason", decision.reason.map_or(Cell::None, show::reason)));
    row.push(("place", Cell::Digits(decision.place.to_string())));
    row.push(("replayed", decision.replayed.into()));
    if !decision.differing_fields.is_empty() {
        row.push(("differing_fields", decision.differing_fields.join(", ").into()));
    }
    if let Some(state) = state {
        row.push(("state", show::word(state.as_str_name(), "PAYMENT_STATE_")));
    }
    row
}

fn dry_row(order: &Order) -> Row {
    let fields = order.fields();
    let currency = String::from_utf8_lossy(&fields.currency_bytes()).into_owned();
    vec![
        ("uetr", order.uetr().to_string().into()),
        ("kind", show::kind(fields.kind_number().into())),
        ("receiver", fields.receiver().0.into()),
        ("amount", Cell::Digits(show::decimal(fields.minor().into(), &currency))),
        ("currency", currency.into()),
        ("value_date", show::day(fields.value_date_number())),
        ("urgent", fields.urgent().into()),
    ]
}
