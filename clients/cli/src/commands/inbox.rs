//! Payments received: their messages, as the senders wrote them.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use channel::HeaderView;
use clap::Args;
use iso20022::Excerpt;
use sdk::sealed::{
    Desk, KEEP_MS, KEM_KEY_LIFE_MAX_MS, Reading, SignedPayment, Unopened, ViewMask, write_file,
};
use sdk::{Uetr, v1};
use serde::{Deserialize, Serialize};

use super::kind_word;
use super::status::payment_row;
use super::watch::parse_token;
use crate::context::{Context, Session};
use crate::failure::{Failure, Kind, at};
use crate::output::{Cell, Row, Shown, hex};
use crate::sealed::{Stated, judge, view_name};

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
    /// Payments that did not open yet: they do not come again by themselves.
    #[serde(default)]
    unopened: BTreeSet<String>,
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
    /// The folder to write `<UETR>-<sender>-<kind>.xml` into, the sender by its number. It remembers
    /// how far it got: the next run goes on there.
    #[arg(long, value_name = "DIR")]
    into: Option<PathBuf>,
    /// Ask the senders to wrap again what was sealed to a key whose secret is lost: it is stated as a
    /// fault, too. Once made, a new key (`causeway keys make`) opens their answer.
    #[arg(long)]
    lost_keys: bool,
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
        let (token, unopened) = match &self.into {
            None => (Bytes::new(), BTreeSet::new()),
            Some(dir) => {
                fs::create_dir_all(dir).map_err(at(dir))?;
                kept(dir, &feed)?
            }
        };
        let mut reader = match session.profile.trust {
            Some(_) => Some(self.reader(&session).await?),
            None => None,
        };
        let mut rows = Vec::new();
        if let Some(reader) = &mut reader {
            for uetr in &unopened {
                rows.extend(reader.again(uetr).await?);
            }
        }
        let mut watch = session.client.watch(token, true);
        loop {
            let message = watch.next().await.map_err(|error| self.explain(error))?;
            for payment in &message.payments {
                rows.extend(match &mut reader {
                    Some(reader) => reader.look(payment).await?,
                    None => self.unsealed(&session, payment)?,
                });
            }
            if let Some(dir) = &self.into {
                let token = hex(&message.resume_token);
                let unopened = reader.as_ref().map(|it| it.unopened.clone()).unwrap_or_default();
                keep(dir, &Kept { feed: feed.clone(), token, unopened })?;
            }
            if message.batch >= last {
                return Ok(graded(rows));
            }
        }
    }

    async fn reader<'a>(&'a self, session: &'a Session) -> Result<Reader<'a>, Failure> {
        let desk = session.desk().await?;
        let stated = Stated::load(session).await?;
        Ok(Reader { args: self, session, desk, stated, unopened: BTreeSet::new() })
    }

    /// A token that the node does not know is of another node.
    fn explain(&self, error: sdk::Error) -> Failure {
        match &self.into {
            Some(dir) if error.reason() == Some("TOKEN_INVALID") => foreign(dir),
            _ => error.into(),
        }
    }

    /// A payment in a pool whose members have agreed on no roots: the node's word is all there is.
    fn unsealed(&self, session: &Session, payment: &v1::Payment) -> Result<Option<Row>, Failure> {
        let received = payment.receiver == session.profile.name;
        if !received || payment.state() != v1::PaymentState::Settled {
            return Ok(None);
        }
        let header = HeaderView::check(&payment.header)
            .map_err(|_| Failure::fault("the node sent a payment without its header"))?;
        self.take(payment, header, &payment.payload).map(Some)
    }

    /// Writes a payment's message, if asked; returns its row.
    fn take(
        &self,
        payment: &v1::Payment,
        header: HeaderView<'_>,
        message: &[u8],
    ) -> Result<Row, Failure> {
        let mut row = payment_row(payment);
        if let Some(dir) = &self.into {
            let path = dir.join(file_name(header));
            write(&path, message)?;
            row.push(("file", path.display().to_string().into()));
        }
        Ok(row)
    }
}

/// Reads for a participant that has a trust file: what comes is believed as far as its sender signed
/// it.
struct Reader<'a> {
    args: &'a InboxArgs,
    session: &'a Session,
    desk: Desk,
    stated: Stated,
    /// What did not open, and is looked at again by the next run.
    unopened: BTreeSet<String>,
}

/// What came of a payment that was looked into.
#[derive(Default)]
struct Found {
    /// Its message, if there is one that may be relied on.
    message: Option<Vec<u8>>,
    views: Option<ViewMask>,
    confirmed: Option<bool>,
    problem: Option<String>,
}

impl Reader<'_> {
    /// Looks at a payment that did not open before.
    async fn again(&mut self, uetr: &str) -> Result<Vec<Row>, Failure> {
        let reference: Uetr = uetr.parse().map_err(|_| Failure::usage("the inbox is damaged"))?;
        let found = match self.session.client.get(reference, 0).await {
            Ok(found) => found.payments,
            Err(error) if error.reason() == Some("NOT_FOUND") => Vec::new(),
            Err(error) => return Err(error.into()),
        };
        let mut rows = Vec::new();
        for payment in &found {
            rows.extend(self.look(payment).await?);
        }
        Ok(rows)
    }

    /// Does what a payment is here for; returns its row, if it is one to show. That something is
    /// wrong with one payment is said in its row, and keeps nobody from the others.
    async fn look(&mut self, payment: &v1::Payment) -> Result<Option<Row>, Failure> {
        let looked = match self.desk.look(payment).await {
            Ok(looked) => looked,
            Err(error) => return self.problem(payment, error).map(Some),
        };
        let Some((signed, reading)) = looked else { return Ok(None) };
        let settled = payment.state() == v1::PaymentState::Settled;
        let received = signed.header().receiver() == self.session.client.participant();
        let asked = received && payment.holds().any(|hold| hold == v1::Hold::Confirmation);
        let found = match self.judge(&signed, reading, asked).await {
            Ok(found) => found,
            Err(error) => return self.problem(payment, error).map(Some),
        };
        let mut row = match &found.message {
            // A message that contradicts its order is not handed on as if it were one.
            Some(message) if received && settled && found.problem.is_none() => {
                self.args.take(payment, signed.header(), message)?
            }
            _ if received && !settled && !asked && found.problem.is_none() => return Ok(None),
            _ => payment_row(payment),
        };
        let views = found.views.map(|views| views.views().map(view_name).collect::<Vec<_>>());
        row.push(("views", views.map_or(Cell::None, |views| Cell::words(&views))));
        row.push(("confirmed", found.confirmed.into()));
        row.push(("problem", found.problem.into()));
        Ok(Some(row))
    }

    async fn judge(
        &mut self,
        signed: &SignedPayment<'_>,
        reading: Reading,
        asked: bool,
    ) -> Result<Found, sdk::Error> {
        let opened = match reading {
            Reading::Open => {
                return Ok(Found { message: Some(signed.payload().to_vec()), ..Found::default() });
            }
            Reading::Unopened(fault) => return self.fault(signed, &fault, asked).await,
            Reading::Opened(opened) => judge(&self.desk.vault().store, &opened, signed.payload()),
        };
        let able = opened.problem.is_none();
        if asked {
            self.desk.confirm(signed.order(), able).await?;
        }
        Ok(Found {
            message: opened.excerpt.as_ref().map(|it| Excerpt::to_xml(it).into_bytes()),
            views: Some(opened.views),
            confirmed: asked.then_some(able),
            problem: opened.problem,
        })
    }

    /// States a fault, once. Until its sender's time to answer is over, nothing is said about
    /// whether the payment can be applied: that would end it. Who has lost the secret is asked first:
    /// perhaps it is only not here.
    async fn fault(
        &mut self,
        signed: &SignedPayment<'_>,
        fault: &Unopened,
        asked: bool,
    ) -> Result<Found, sdk::Error> {
        let problem = |text: &str| Found { problem: Some(text.to_owned()), ..Found::default() };
        self.unopened.insert(signed.header().uetr().to_string());
        let age_ms = self.desk.now_ms().saturating_sub(signed.header().created_at_ms());
        if fault.lost && age_ms > KEM_KEY_LIFE_MAX_MS + KEEP_MS {
            return Ok(problem("is sealed to a key whose secret was to be deleted by now"));
        }
        if fault.lost && !self.args.lost_keys {
            return Ok(problem(
                "is sealed to a key whose secret is not here; --lost-keys asks its sender to wrap \
                 it again",
            ));
        }
        let unable = asked && self.stated.of(&fault.order).is_some_and(|stated| stated.overdue);
        let text = self.stated.state(&self.desk, fault).await?;
        if unable {
            self.desk.confirm(fault.order, false).await?;
        }
        Ok(Found { confirmed: unable.then_some(false), ..problem(&text) })
    }

    /// The row of a payment that could not be looked into.
    fn problem(&mut self, payment: &v1::Payment, error: sdk::Error) -> Result<Row, Failure> {
        // Without a node there is nothing to go on with.
        if matches!(error, sdk::Error::Unavailable(_)) {
            return Err(error.into());
        }
        if error.is_transient() {
            self.unopened.insert(payment.uetr.clone());
        }
        let mut row = payment_row(payment);
        row.push(("views", Cell::None));
        row.push(("confirmed", Cell::None));
        row.push(("problem", Failure::from(error).message.into()));
        Ok(row)
    }
}

/// The file of a payment's message: no other payment has it. A payment and its cover have one
/// reference, and another sender may use it, too. It is made of what was understood, never of what was
/// sent.
fn file_name(header: HeaderView<'_>) -> String {
    let kind = header.kind().map_or_else(|| header.kind_number().to_string(), kind_word);
    format!("{}-{}-{kind}.xml", header.uetr(), header.sender().0)
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

/// Where the folder's last run got to, and what it could not open; nothing in a new folder.
fn kept(dir: &Path, feed: &Feed) -> Result<(Bytes, BTreeSet<String>), Failure> {
    let path = dir.join(TOKEN_FILE);
    if !path.exists() {
        return Ok((Bytes::new(), BTreeSet::new()));
    }
    let bytes = fs::read(&path).map_err(at(&path))?;
    let kept: Kept = serde_json::from_slice(&bytes).map_err(|_| foreign(dir))?;
    let token = parse_token(&kept.token).map_err(|_| foreign(dir))?;
    if kept.feed == *feed { Ok((token.0, kept.unopened)) } else { Err(foreign(dir)) }
}

fn keep(dir: &Path, kept: &Kept) -> Result<(), Failure> {
    let text = serde_json::to_vec(kept).map_err(|error| Failure::fault(error.to_string()))?;
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

/// Writes a file that is whole or not there, and durable: what follows goes by that. Its owner alone
/// may read it.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    write_file(path, bytes).map_err(|error| Failure::fault(error.to_string()))
}
