//! The screener: its own process, its own keys. It opens its views, asks a [`Screen`], and signs
//! pass or hold.

mod list;

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use clap::{Args, Subcommand};
use iso20022::{Element, Excerpt};
use sdk::sealed::{Desk, OrderRef, ScreeningVerdict, Signed};
use sdk::{Uetr, v1};

pub(crate) use self::list::DenyList;
use super::{Stated, WhichArgs, is_sealed, judge};
use crate::commands::write;
use crate::context::{Context, Session};
use crate::dev::make_dir;
use crate::failure::{Failure, Kind, at};
use crate::output::{Row, Shown, hex};

/// What decides. An engine with real lists takes the place of [`DenyList`].
pub(crate) trait Screen {
    /// SHA-256 of the lists; it goes into the verdict.
    fn lists(&self) -> [u8; 32];
    /// The version of the engine; it goes into the verdict.
    fn engine(&self) -> u32;
    /// Whether a payment with these names passes. The same names have the same answer.
    fn passes(&self, names: &[String]) -> bool;
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Run(RunArgs),
    /// Pass a payment that was held, after somebody has looked into it.
    Pass(DecideArgs),
    /// Hold a payment.
    Hold(DecideArgs),
}

/// Screen every payment of which this participant is the screener, as they come.
#[derive(Debug, Args)]
pub(crate) struct RunArgs {
    #[command(flatten)]
    list: ListArgs,
    /// End when everything that has happened so far was screened.
    #[arg(long)]
    once: bool,
    /// How often to look for what is new in the directory and among the own keys, and again at what
    /// could not be screened, in seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 30,
        value_parser = clap::value_parser!(u64).range(1..=3600))]
    refresh_seconds: u64,
}

#[derive(Debug, Args)]
pub(crate) struct DecideArgs {
    #[command(flatten)]
    which: WhichArgs,
    #[command(flatten)]
    list: ListArgs,
}

#[derive(Debug, Args)]
struct ListArgs {
    /// Names that are held: one a line, `#` begins a remark.
    #[arg(long = "list", value_name = "FILE")]
    path: PathBuf,
}

impl ListArgs {
    fn load(&self) -> Result<DenyList, Failure> {
        Ok(DenyList::parse(&fs::read(&self.path).map_err(at(&self.path))?))
    }
}

impl Command {
    pub(crate) async fn run(self, context: &Context) -> Result<Shown, Failure> {
        let session = context.session()?;
        let (args, pass) = match self {
            Self::Run(args) => return args.run(context, &session).await,
            Self::Pass(args) => (args, true),
            Self::Hold(args) => (args, false),
        };
        let list = args.list.load()?;
        let mut desk = session.desk().await?;
        let payment = args.which.payment(&session.client, &desk.vault().store).await?;
        let order = desk.check(&payment).await?.order();
        let screener = Screener::new(&session, desk, &list).await?;
        let verdict = screener.sign(order, pass)?;
        session.client.publish_all(&[verdict.clone().into()]).await?;
        screener.keep(&verdict)?;
        Ok(Shown::One(row(&payment, &verdict)))
    }
}

impl RunArgs {
    async fn run(self, context: &Context, session: &Session) -> Result<Shown, Failure> {
        let list = self.list.load()?;
        let refresh = Duration::from_secs(self.refresh_seconds);
        let mut screener = Screener::new(session, session.desk().await?, &list).await?;
        let last = session.client.pool_info().await?.batch;
        let mut watch = session.client.watch(Vec::new(), true);
        let mut rows = Vec::new();
        loop {
            let message = match watch.next().await {
                Ok(message) => message,
                // The node is away: everything is taken up where it was.
                Err(error) if error.is_transient() && !self.once => continue,
                Err(error) => return Err(error.into()),
            };
            for payment in screener.due(message.payments, refresh).await? {
                let row = match screener.screen(&payment).await {
                    Ok(Some(verdict)) => row(&payment, &verdict),
                    Ok(None) => continue,
                    // What is wrong with one payment keeps nobody from the others.
                    Err(failure) => screener.later(payment, &failure),
                };
                if self.once {
                    rows.push(row);
                } else {
                    context.output.row(&row)?;
                }
            }
            if self.once && message.batch >= last {
                return Ok(graded(rows));
            }
        }
    }
}

/// Ends well only if everything could be screened.
fn graded(rows: Vec<Row>) -> Shown {
    let unscreened = |row: &Row| row.iter().any(|(name, _)| *name == "problem");
    if rows.iter().any(unscreened) {
        return Shown::Graded { rows, kind: Kind::VerificationFailed };
    }
    Shown::Many(rows)
}

/// Whether a payment still waits for a verdict.
fn screened(payment: &v1::Payment) -> bool {
    payment.holds().any(|hold| hold == v1::Hold::Screening)
}

struct Screener<'a> {
    session: &'a Session,
    desk: Desk,
    screen: &'a dyn Screen,
    stated: Stated,
    verdicts: PathBuf,
    /// What could not be screened yet: it does not come again by itself.
    waiting: BTreeSet<Uetr>,
    refreshed: Instant,
}

impl<'a> Screener<'a> {
    async fn new(
        session: &'a Session,
        desk: Desk,
        screen: &'a dyn Screen,
    ) -> Result<Self, Failure> {
        let verdicts = desk.vault().folder().join("verdicts");
        make_dir(&verdicts)?;
        let stated = Stated::load(session).await?;
        let (waiting, refreshed) = (BTreeSet::new(), Instant::now());
        Ok(Self { session, desk, screen, stated, verdicts, waiting, refreshed })
    }

    /// What is to be screened: of what has come, and what could not be before.
    async fn due(
        &mut self,
        come: Vec<v1::Payment>,
        refresh: Duration,
    ) -> Result<Vec<v1::Payment>, Failure> {
        let mut due = come;
        if self.refreshed.elapsed() > refresh {
            match self.again().await {
                Ok(again) => due.extend(again),
                // The node is away: they wait on.
                Err(failure) if failure.kind == Kind::Transient => {}
                Err(failure) => return Err(failure),
            }
        }
        // Of one reference there may be several, and one may have come in both ways.
        let mut places = BTreeSet::new();
        due.retain(|payment| {
            is_sealed(payment) && screened(payment) && places.insert(payment.place)
        });
        Ok(due)
    }

    /// What could not be screened before, with what is known now.
    async fn again(&mut self) -> Result<Vec<v1::Payment>, Failure> {
        self.desk.refresh(self.session.now_ms().await?).await?;
        self.stated.refresh().await?;
        let mut again = Vec::new();
        for uetr in &self.waiting {
            match self.session.client.get(*uetr, 0).await {
                Ok(found) => again.extend(found.payments),
                // Nothing of it is for this screener any more.
                Err(error) if error.reason() == Some("NOT_FOUND") => {}
                Err(error) => return Err(error.into()),
            }
        }
        self.refreshed = Instant::now();
        self.waiting.clear();
        Ok(again)
    }

    /// Remembers a payment that could not be screened; its row.
    fn later(&mut self, payment: v1::Payment, failure: &Failure) -> Row {
        self.waiting.extend(payment.uetr.parse::<Uetr>().ok());
        let mut row: Row = vec![
            ("uetr", payment.uetr.into()),
            ("sender", payment.sender.into()),
            ("receiver", payment.receiver.into()),
        ];
        row.push(("problem", failure.message.as_str().into()));
        row
    }

    /// Screens a payment; `None` if it was screened. A verdict is on disk before it is handed in,
    /// and the one on disk is handed in again after a crash: no payment is judged twice.
    async fn screen(
        &mut self,
        payment: &v1::Payment,
    ) -> Result<Option<Signed<ScreeningVerdict>>, Failure> {
        let order = self.desk.check(payment).await?.order();
        let path = self.path(&order);
        let verdict = if path.exists() {
            let bytes = fs::read(&path).map_err(at(&path))?;
            let kept = Signed::<ScreeningVerdict>::decode(&bytes);
            kept.map_err(|error| Failure::fault(format!("{}: {error}", path.display())))?
        } else {
            let opened = match self.desk.read(payment).await? {
                Ok(opened) => judge(&self.desk.vault().store, &opened, &payment.payload),
                Err(fault) if fault.lost => {
                    let problem = "is sealed to a key whose secret is not here";
                    return Err(Failure::new(Kind::Fault, problem));
                }
                Err(fault) => {
                    let problem = self.stated.state(&self.desk, &fault).await?;
                    return Err(Failure::new(Kind::Fault, problem));
                }
            };
            // Views that contradict the order, or name nobody, are for a person to look into.
            let names = opened.excerpt.as_ref().filter(|_| opened.problem.is_none());
            let names = match names {
                Some(excerpt) if names_parties(excerpt) => Some(names_of(excerpt)),
                None if opened.problem.is_none() && order.kind.fx() => Some(Vec::new()),
                _ => None,
            };
            let pass = names.is_some_and(|names| self.screen.passes(&names));
            let verdict = self.sign(order, pass)?;
            self.keep(&verdict)?;
            verdict
        };
        let (_, answers) = self.session.client.publish(&[verdict.clone().into()]).await?;
        if answers.first().is_some_and(|answer| answer.replayed) {
            return Ok(None);
        }
        match answers.first().and_then(|answer| answer.reason) {
            None | Some(v1::RejectReason::NotHeld) => Ok(Some(verdict)),
            Some(reason) => Err(sdk::Error::Rejected { reason, position: 0 }.into()),
        }
    }

    fn path(&self, order: &OrderRef) -> PathBuf {
        self.verdicts.join(hex(&order.digest))
    }

    fn keep(&self, verdict: &Signed<ScreeningVerdict>) -> Result<(), Failure> {
        write(&self.path(&verdict.statement.order), &verdict.encode())
    }

    fn sign(&self, order: OrderRef, pass: bool) -> Result<Signed<ScreeningVerdict>, Failure> {
        let client = &self.session.client;
        Ok(client.sign_statement(ScreeningVerdict {
            pool: client.pool(),
            screener: client.participant(),
            order,
            lists: self.screen.lists(),
            engine: self.screen.engine(),
            pass,
            screened_at_ms: self.desk.now_ms(),
        })?)
    }
}

/// Whether it says who pays and who is paid. A bank is named by its BIC.
fn names_parties(excerpt: &Excerpt) -> bool {
    let message = excerpt.document_element().children().next();
    let transfer = message.and_then(|message| message.get("CdtTrfTxInf"));
    let named = |party: &str| {
        let mut paths = ["Nm", "FinInstnId/Nm", "FinInstnId/BICFI"].iter();
        paths.any(|path| {
            let text = transfer.and_then(|it| it.text_at(&format!("{party}/{path}")));
            text.is_some_and(|text| !text.trim().is_empty())
        })
    };
    named("Dbtr") && named("Cdtr")
}

/// The names of parties and agents, wherever they are.
pub(crate) fn names_of(excerpt: &Excerpt) -> Vec<String> {
    let mut names = Vec::new();
    collect_names(excerpt.document_element(), &mut names);
    names
}

fn collect_names(element: &Element, names: &mut Vec<String>) {
    if element.name() == "Nm" {
        names.push(element.text().to_owned());
    }
    for child in element.children() {
        collect_names(child, names);
    }
}

fn row(payment: &v1::Payment, verdict: &Signed<ScreeningVerdict>) -> Row {
    let said = &verdict.statement;
    vec![
        ("uetr", payment.uetr.as_str().into()),
        ("sender", payment.sender.as_str().into()),
        ("receiver", payment.receiver.as_str().into()),
        ("verdict", if said.pass { "pass" } else { "hold" }.into()),
        ("lists", hex(&said.lists).into()),
        ("engine", said.engine.into()),
    ]
}
