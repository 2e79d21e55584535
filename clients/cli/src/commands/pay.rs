//! Handing in payments from ISO 20022 files.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, ValueEnum};
use iso20022::{Bic, Message, Profile, limits::MESSAGE_BYTES_MAX};
use sdk::sealed::{AnyStatement, Draft, HandedIn, Vault, system_random};
use sdk::{Client, Order, OrderDecision, ParticipantId, Ruling, reason_is_transient, v1};
use tokio::time::{Instant, sleep};

use super::fx::terms_cells;
use super::orders::{Directory, messages_of, orders_of, read};
use super::receipts::Receipts;
use super::{explain, show};
use crate::context::{Context, Session};
use crate::failure::{Failure, Kind, at};
use crate::output::{Cell, Row, Shown};
use crate::sealed::draft;

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
    /// Take messages without a business application header.
    #[arg(long)]
    plain: bool,
    /// Send the messages unsealed, for the operator to read, although the profile has a trust file.
    #[arg(long)]
    unsealed: bool,
    #[command(flatten)]
    hand_in: HandInArgs,
}

/// What every command that hands in orders is told.
#[derive(Debug, Args)]
pub(super) struct HandInArgs {
    /// Say what would be sent, and send nothing.
    #[arg(long)]
    dry_run: bool,
    /// Append the operator's signed receipts to this file, one JSON object a line.
    #[arg(long, value_name = "FILE")]
    receipts: Option<PathBuf>,
    /// Wait until every payment has got this far. What has not in time is shown with its state, and
    /// the exit code is 4.
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
        let vault = match session.profile.trust {
            Some(_) if !self.unsealed => Some(session.synced_vault().await?),
            _ => None,
        };
        if vault.is_none() && !self.unsealed && !self.hand_in.dry_run {
            refuse_if_sealing(&session).await?;
        }
        let store = vault.as_ref().map(|(vault, _)| &vault.store);
        let receiver = |bic| directory.receiver(bic, store);
        let (mut orders, mut drafts) = (Vec::new(), Vec::new());
        for path in &self.files {
            let about = |failure: Failure| failure.about(path.display());
            let read =
                read_file(path).and_then(|bytes| read_orders(&session, &bytes, profile, receiver));
            for (order, message) in read.map_err(about)? {
                if vault.is_some() {
                    drafts.push(draft(&order, &message).map_err(about)?);
                }
                orders.push(order);
            }
        }
        if orders.is_empty() {
            return Err(Failure::usage("the files hold no message"));
        }
        let sealing = vault.map(|(vault, now_ms)| Sealing { vault, drafts, now_ms });
        self.hand_in.run(context, (&session, &directory), &orders, sealing).await
    }
}

/// Without a trust file nothing is sealed, and a pool that seals would refuse what the operator has
/// read by then.
async fn refuse_if_sealing(session: &Session) -> Result<(), Failure> {
    let served = session.client.directory_statements().await?;
    if !served.iter().any(|it| matches!(it, AnyStatement::Policy(_))) {
        return Ok(());
    }
    Err(Failure::usage(
        "the pool seals its payments, and the profile names no trust file (`trust = \"trust.toml\"`); \
         --unsealed sends the message for the operator to read",
    ))
}

/// What is to be sealed before it is handed in, and where.
pub(super) struct Sealing {
    pub(super) vault: Vault,
    pub(super) drafts: Vec<Draft>,
    pub(super) now_ms: u64,
}

impl Sealing {
    /// Hands in the drafts, and before them what an earlier run has left.
    async fn hand_in(
        mut self,
        context: &Context,
        client: &Client,
    ) -> Result<Vec<HandedIn>, Failure> {
        let flushed = self.vault.flush(client).await?;
        for (path, error) in &flushed.set_aside {
            let path = path.display();
            context
                .output
                .note(&format!("error: what an earlier run left is put aside as {path}: {error}"));
        }
        for HandedIn { batch, answer } in &flushed.handed_in {
            for (order, decision) in batch.orders().iter().zip(&answer.decisions) {
                let (uetr, ruling) = (order.uetr(), ruling_name(decision.ruling));
                context.output.note(&format!("left by an earlier run, and now {ruling}: {uetr}"));
            }
        }
        let (drafts, now_ms) = (&self.drafts, self.now_ms);
        Ok(self.vault.hand_in(client, drafts, now_ms, system_random).await?)
    }
}

impl HandInArgs {
    /// Hands in orders, and shows what came of them.
    pub(super) async fn run(
        &self,
        context: &Context,
        (session, directory): (&Session, &Directory),
        orders: &[Order],
        sealing: Option<Sealing>,
    ) -> Result<Shown, Failure> {
        if self.dry_run {
            let rows = orders.iter().map(|order| dry_row(order, directory));
            return Ok(Shown::Many(rows.collect()));
        }
        let receipts = self.receipts.as_deref().map(Receipts::open).transpose()?;
        let handed_in = match sealing {
            Some(sealing) => sealing.hand_in(context, &session.client).await?,
            None => submit(&session.client, orders).await?,
        };
        let unkept = keep_receipts(receipts, &handed_in);
        let decided = decided(orders, handed_in)?;
        let states = match self.wait {
            None => vec![None; orders.len()],
            Some(Until::Settled) => {
                let ends_at = Instant::now() + Duration::from_secs(self.wait_seconds);
                let states = wait(&session.client, orders, &decided, ends_at).await?;
                states.into_iter().map(Some).collect()
            }
        };
        let answers = || orders.iter().zip(&decided).zip(&states);
        let rows = answers().map(|((order, one), state)| row(order, one, *state, directory));
        let rows: Vec<Row> = rows.collect();
        explain::notes(context.output, decided.iter().filter_map(|one| one.decision.reason));
        let mut kind =
            worst(answers().filter_map(|((_, one), state)| grade(&one.decision, *state)));
        if states.iter().flatten().any(|state| waits(*state)) {
            context.output.note("not settled in time; the same command waits on");
        }
        if let Some(failure) = unkept {
            context.output.note(&format!("error: a receipt was not kept: {}", failure.message));
            kind = Some(Kind::Fault);
        }
        Ok(match kind {
            None => Shown::Many(rows),
            Some(kind) => Shown::Graded { rows, kind },
        })
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
    bytes: &[u8],
    profile: Profile,
    receiver: impl Fn(Bic) -> Result<ParticipantId, Failure>,
) -> Result<Vec<(Order, Message)>, Failure> {
    let own = Bic::parse(&session.profile.name);
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
        let made = orders_of(&message, || session.client.order(), &receiver);
        let made = made.map_err(in_message)?;
        orders.extend(made.into_iter().map(|order| (order, message.clone())));
    }
    Ok(orders)
}

/// An order's decision, and the position in the log of the attempt that it answers.
#[derive(Clone)]
struct Decided {
    position: u64,
    decision: OrderDecision,
}

/// Hands in orders, in their order, and waits for all decisions.
async fn submit(client: &Client, orders: &[Order]) -> Result<Vec<HandedIn>, Failure> {
    let stream = client.batches(4);
    let mut tickets = Vec::new();
    for orders in orders.chunks(BATCH) {
        tickets.push(stream.send(client.sign(orders.to_vec())?).await?);
    }
    let mut handed_in = Vec::new();
    for ticket in tickets {
        let batch = ticket.batch().clone();
        handed_in.push(HandedIn { batch, answer: ticket.answer().await? });
    }
    Ok(handed_in)
}

/// Keeps the receipts. One that cannot be kept is no reason to lose the decisions: it is said
/// beside them.
fn keep_receipts(receipts: Option<Receipts>, handed_in: &[HandedIn]) -> Option<Failure> {
    let mut receipts = receipts?;
    let kept = handed_in.iter().map(|it| receipts.keep(it.batch.orders(), &it.answer));
    kept.collect::<Result<Vec<()>, _>>().err()
}

/// What became of each order: what was decided on it last.
fn decided(orders: &[Order], handed_in: Vec<HandedIn>) -> Result<Vec<Decided>, Failure> {
    let name = |order: &Order| (order.fields().kind_number(), order.uetr());
    let mut latest = HashMap::new();
    for HandedIn { batch, answer } in handed_in {
        let position = answer.receipt.position;
        for (order, decision) in batch.orders().iter().zip(answer.decisions) {
            latest.insert(name(order), Decided { position, decision });
        }
    }
    let unanswered = || Failure::fault("the node has not answered for an order");
    let found = |order| latest.get(&name(order)).cloned().ok_or_else(unanswered);
    orders.iter().map(found).collect()
}

/// Waits until every accepted order has settled or ended, or time is up; returns where each is then.
async fn wait(
    client: &Client,
    orders: &[Order],
    decided: &[Decided],
    ends_at: Instant,
) -> Result<Vec<v1::PaymentState>, Failure> {
    let mut states = Vec::new();
    for (order, Decided { decision, .. }) in orders.iter().zip(decided) {
        let mut state = state_of(decision.ruling);
        while waits(state) {
            let position = decision.place >> channel::PLACE_INDEX_BITS;
            match client.get(order.uetr(), position).await {
                Ok(response) => {
                    let mut payments = response.payments.iter();
                    let own = payments.find(|payment| payment.place == decision.place);
                    state = own.map_or(state, v1::Payment::state);
                }
                // Its batch is not sealed yet, or the node is away.
                Err(error) if error.is_transient() => {}
                Err(error) => return Err(error.into()),
            }
            if Instant::now() >= ends_at {
                break;
            }
            if waits(state) {
                sleep(Duration::from_millis(200)).await;
            }
        }
        states.push(state);
    }
    Ok(states)
}

/// Where an order is right behind its decision.
fn state_of(ruling: Ruling) -> v1::PaymentState {
    match ruling {
        Ruling::Queued => v1::PaymentState::Queued,
        Ruling::Settled => v1::PaymentState::Settled,
        Ruling::Warehoused => v1::PaymentState::Warehoused,
        Ruling::AwaitingGroup => v1::PaymentState::AwaitingGroup,
        Ruling::AwaitingMatch => v1::PaymentState::AwaitingMatch,
        Ruling::Matched => v1::PaymentState::Matched,
        Ruling::Held => v1::PaymentState::Held,
        Ruling::Rejected | Ruling::Refused => v1::PaymentState::Rejected,
    }
}

/// Whether a payment in this state may still settle.
fn waits(state: v1::PaymentState) -> bool {
    use v1::PaymentState::{AwaitingGroup, AwaitingMatch, Held, Matched, Queued, Warehoused};
    matches!(state, Queued | Warehoused | AwaitingGroup | AwaitingMatch | Matched | Held)
}

/// What a script should do about an order: nothing, or the kind of its failure.
fn grade(decision: &OrderDecision, state: Option<v1::PaymentState>) -> Option<Kind> {
    if !decision.accepted() {
        let transient = decision.reason.is_some_and(reason_is_transient);
        return Some(if transient { Kind::Transient } else { Kind::Rejected });
    }
    match state? {
        v1::PaymentState::Settled => None,
        state if waits(state) => Some(Kind::Transient),
        _ => Some(Kind::Rejected),
    }
}

/// The worst of several: a rejection counts more than what may be repeated.
fn worst(grades: impl IntoIterator<Item = Kind>) -> Option<Kind> {
    grades.into_iter().reduce(|worst, kind| if worst == Kind::Rejected { worst } else { kind })
}

fn row(
    order: &Order,
    decided: &Decided,
    state: Option<v1::PaymentState>,
    names: &Directory,
) -> Row {
    let Decided { position, decision } = decided;
    let mut row = dry_row(order, names);
    row.push(("ruling", ruling_name(decision.ruling).into()));
    row.push(("reason", decision.reason.map_or(Cell::None, show::reason)));
    row.push(("position", (*position).into()));
    row.push(("place", Cell::Digits(decision.place.to_string())));
    row.push(("replayed", decision.replayed.into()));
    let differing = decision.differing_fields.join(", ");
    row.push(("differing_fields", Some(differing).filter(|names| !names.is_empty()).into()));
    if let Some(state) = state {
        row.push(("state", show::word(state.as_str_name(), "PAYMENT_STATE_")));
    }
    row
}

fn ruling_name(ruling: Ruling) -> &'static str {
    match ruling {
        Ruling::Queued => "queued",
        Ruling::Settled => "settled",
        Ruling::Warehoused => "warehoused",
        Ruling::AwaitingGroup => "awaiting_group",
        Ruling::AwaitingMatch => "awaiting_match",
        Ruling::Matched => "matched",
        Ruling::Held => "held",
        Ruling::Rejected => "rejected",
        Ruling::Refused => "refused",
    }
}

fn dry_row(order: &Order, names: &Directory) -> Row {
    let fields = order.fields();
    let currency = String::from_utf8_lossy(&fields.currency_bytes()).into_owned();
    let mut row = vec![
        ("uetr", order.uetr().to_string().into()),
        ("kind", show::kind(fields.kind_number().into())),
        ("receiver", names.name_of(fields.receiver()).into()),
        ("amount", Cell::Digits(show::decimal(fields.minor().into(), &currency))),
        ("currency", currency.into()),
        ("value_date", show::day(fields.value_date_number())),
        ("urgent", fields.urgent().into()),
    ];
    row.extend(fields.fx().map(terms_cells).unwrap_or_default());
    row
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rejection_is_worse_than_what_may_be_repeated() {
        use Kind::{Rejected, Transient};
        assert_eq!(worst([]), None);
        assert_eq!(worst([Transient, Transient]), Some(Transient));
        assert_eq!(worst([Rejected, Transient]), Some(Rejected));
        assert_eq!(worst([Transient, Rejected]), Some(Rejected));
    }
}
