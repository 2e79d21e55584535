//! Payments received: their messages, as the senders wrote them.

use std::fs;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use clap::Args;
use iso20022::Excerpt;
use sdk::{Uetr, v1};
use serde::{Deserialize, Serialize};

use super::status::payment_row;
use super::watch::parse_token;
use crate::context::{Context, Session};
use crate::failure::{Failure, Kind, at};
use crate::output::{Cell, Row, Shown, hex};
use crate::sealed::{Desk, Reading, is_sealed, view_name};

/// Where the folder's place in the feed is kept.
const TOKEN_FILE: &str = ".resume";

/// Whose feed a folder holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Feed {
    pool: u32,
    participant: u32,
    /// Tells nodes apart that run a pool of the same number.
    operator_key: String,
}

/// What [`TOKEN_FILE`] holds.
#[derive(Debug, Serialize, Deserialize)]
struct Kept {
    #[serde(flatten)]
    feed: Feed,
    /// Hexadecimal.
    token: String,
}

/// Fetch the payments received and settled; their messages are written as XML.
///
/// Sealed payments are opened and checked on the way: the sender's signature, the commitment of each
/// view, and that they say what the order says. A receiver that is asked for it confirms that it
/// can apply a payment; what does not open is stated as a fault. Readers other than the receiver,
/// such as regulators, get a line for each payment of which they may read a part; to look at one is
/// `causeway open`.
#[derive(Debug, Args)]
pub(crate) struct InboxArgs {
    /// The folder to write `<UETR>.xml` into. It remembers how far it got: the next run goes on
    /// there.
    #[arg(long, value_name = "DIR")]
    into: Option<PathBuf>,
}

impl InboxArgs {
    pub(crate) async fn run(self, context: &Context) -> Result<Shown, Failure> {
        let session = context.session()?;
        let pool = session.client.pool_info().await?;
        let last = pool.batch;
        let feed = Feed {
            pool: pool.pool,
            participant: session.profile.participant,
            operator_key: hex(&pool.operator_key),
        };
        let token = match &self.into {
            None => Bytes::new(),
            Some(dir) => {
                fs::create_dir_all(dir).map_err(at(dir))?;
                kept_token(dir, &feed)?
            }
        };
        let mut desk = match session.profile.trust {
            Some(_) => Some(Desk::open(&session).await?),
            None => None,
        };
        let mut watch = session.client.watch(token, true);
        let mut rows = Vec::new();
        loop {
            let message = watch.next().await.map_err(|error| self.explain(error))?;
            for payment in &message.payments {
                rows.extend(self.look(&session, desk.as_mut(), payment).await?);
            }
            if let Some(dir) = &self.into {
                keep_token(dir, &feed, &message.resume_token)?;
            }
            if message.batch >= last {
                return Ok(graded(rows));
            }
        }
    }

    /// A token that the node does not know is of another node.
    fn explain(&self, error: sdk::Error) -> Failure {
        match &self.into {
            Some(dir) if error.reason() == Some("TOKEN_INVALID") => foreign(dir),
            _ => error.into(),
        }
    }

    /// Does what a payment is here for; returns its row, if it is one to show.
    async fn look(
        &self,
        session: &Session,
        desk: Option<&mut Desk<'_>>,
        payment: &v1::Payment,
    ) -> Result<Option<Row>, Failure> {
        let received = payment.receiver == session.profile.name;
        let settled = received && payment.state() == v1::PaymentState::Settled;
        let Some(desk) = desk.filter(|_| is_sealed(payment)) else {
            return if settled { self.take(payment, &payment.payload).map(Some) } else { Ok(None) };
        };
        // What its sender sees of its own payment needs no opening.
        if payment.sender == session.profile.name {
            return Ok(None);
        }
        let asked = received && payment.holds().any(|hold| hold == v1::Hold::Confirmation);
        let (opened, problem) = match desk.read(payment).await? {
            Reading::Opened(opened) => {
                let problem = opened.problem.clone();
                (Some(opened), problem)
            }
            Reading::Fault(fault) => {
                desk.allege(&fault).await?;
                (None, Some("does not open; stated as a fault".to_owned()))
            }
        };
        if asked {
            desk.confirm(payment, problem.is_none()).await?;
        }
        let xml = opened.as_ref().and_then(|opened| opened.excerpt.as_ref()).map(Excerpt::to_xml);
        let mut row = match xml {
            // A message that contradicts its order is not handed on as if it were one.
            Some(xml) if settled && problem.is_none() => self.take(payment, xml.as_bytes())?,
            _ if received && !settled && !asked => return Ok(None),
            _ => payment_row(payment),
        };
        let views = opened.map(|opened| opened.views.views().map(view_name).collect::<Vec<_>>());
        row.push(("views", views.map_or(Cell::None, |views| Cell::words(&views))));
        row.push(("confirmed", asked.then_some(problem.is_none()).into()));
        row.push(("problem", problem.into()));
        Ok(Some(row))
    }

    /// Writes a payment's message, if asked; returns its row.
    fn take(&self, payment: &v1::Payment, message: &[u8]) -> Result<Row, Failure> {
        let mut row = payment_row(payment);
        if let Some(dir) = &self.into {
            // A file's name is made of what was understood, never of what was sent.
            let uetr: Uetr =
                payment.uetr.parse().map_err(|_| Failure::fault("the node sent no UETR"))?;
            let path = dir.join(format!("{uetr}.xml"));
            write(&path, message)?;
            row.push(("file", path.display().to_string().into()));
        }
        Ok(row)
    }
}

/// Ends well only if nothing was wrong with what was opened.
fn graded(rows: Vec<Row>) -> Shown {
    let wrong =
        |row: &Row| row.iter().any(|(name, cell)| *name == "problem" && *cell != Cell::None);
    if rows.iter().any(wrong) {
        return Shown::Graded { rows, kind: Kind::VerificationFailed };
    }
    Shown::Many(rows)
}

/// Where the folder's last run got to; nothing in a new folder.
fn kept_token(dir: &Path, feed: &Feed) -> Result<Bytes, Failure> {
    let path = dir.join(TOKEN_FILE);
    if !path.exists() {
        return Ok(Bytes::new());
    }
    let bytes = fs::read(&path).map_err(at(&path))?;
    let kept: Kept = serde_json::from_slice(&bytes).map_err(|_| foreign(dir))?;
    let token = parse_token(&kept.token).map_err(|_| foreign(dir))?;
    if kept.feed == *feed { Ok(token.0) } else { Err(foreign(dir)) }
}

fn keep_token(dir: &Path, feed: &Feed, token: &[u8]) -> Result<(), Failure> {
    let kept = Kept { feed: feed.clone(), token: hex(token) };
    let text = serde_json::to_vec(&kept).map_err(|error| Failure::fault(error.to_string()))?;
    write(&dir.join(TOKEN_FILE), &text)
}

fn foreign(dir: &Path) -> Failure {
    let (dir, path) = (dir.display(), dir.join(TOKEN_FILE));
    Failure::usage(format!(
        "{dir} is the inbox of another bank or node; name another folder, or delete {} to fetch \
         everything anew",
        path.display()
    ))
}

/// Writes a file that is whole or not there.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let draft = path.with_extension("draft");
    fs::write(&draft, bytes).map_err(at(&draft))?;
    fs::rename(&draft, path).map_err(at(path))
}
