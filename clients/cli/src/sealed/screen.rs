//! The screener: its own process, its own keys. It opens its views, asks a [`Screen`], and signs
//! pass or hold.

mod list;

use std::fs;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use iso20022::{Element, Excerpt};
use sdk::sealed::{OrderRef, ScreeningVerdict, Signed};
use sdk::{Uetr, v1};

pub(crate) use self::list::DenyList;
use super::open::find;
use super::reading::{Desk, Reading, is_sealed, order_ref};
use crate::commands::{parse_uetr, write};
use crate::context::{Context, Session};
use crate::dev::make_dir;
use crate::failure::{Failure, at};
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
}

#[derive(Debug, Args)]
pub(crate) struct DecideArgs {
    /// The payment's reference.
    #[arg(value_parser = parse_uetr)]
    uetr: Uetr,
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
        let desk = Desk::open(&session).await?;
        let uetr = args.uetr.to_string();
        let found = find(&session.client, |payment| payment.uetr == uetr).await?;
        let payment = found.ok_or_else(|| Failure::not_found(format!("no payment {uetr}")))?;
        let now_ms = desk.now_ms();
        let screener = Screener { session: &session, desk, screen: &list };
        let verdict = screener.sign(order_ref(&payment)?, pass, now_ms)?;
        session.client.publish_all(&[verdict.clone().into()]).await?;
        Ok(Shown::One(row(&payment, &verdict)))
    }
}

impl RunArgs {
    async fn run(self, context: &Context, session: &Session) -> Result<Shown, Failure> {
        let list = self.list.load()?;
        let desk = Desk::open(session).await?;
        make_dir(&desk.sealed().folder.join("verdicts"))?;
        let mut screener = Screener { session, desk, screen: &list };
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
            for payment in message.payments.iter().filter(|it| is_sealed(it) && screened(it)) {
                let Some(verdict) = screener.screen(payment).await? else { continue };
                let row = row(payment, &verdict);
                if self.once {
                    rows.push(row);
                } else {
                    context.output.row(&row)?;
                }
            }
            if self.once && message.batch >= last {
                return Ok(Shown::Many(rows));
            }
        }
    }
}

/// Whether a payment still waits for a verdict.
fn screened(payment: &v1::Payment) -> bool {
    payment.holds().any(|hold| hold == v1::Hold::Screening)
}

struct Screener<'a> {
    session: &'a Session,
    desk: Desk<'a>,
    screen: &'a dyn Screen,
}

impl Screener<'_> {
    /// Screens a payment; `None` if it was screened, or does not open, which is stated. A verdict is on disk before it is
    /// handed in, and the one on disk is handed in again after a crash: no payment is judged twice.
    async fn screen(
        &mut self,
        payment: &v1::Payment,
    ) -> Result<Option<Signed<ScreeningVerdict>>, Failure> {
        let order = order_ref(payment)?;
        let path = self.desk.sealed().folder.join("verdicts").join(hex(&order.digest));
        let verdict = if path.exists() {
            let bytes = fs::read(&path).map_err(at(&path))?;
            let kept = Signed::<ScreeningVerdict>::decode(&bytes);
            kept.map_err(|error| Failure::fault(format!("{}: {error}", path.display())))?
        } else {
            let opened = match self.desk.read(payment).await? {
                Reading::Opened(opened) => opened,
                Reading::Fault(fault) => {
                    self.desk.allege(&fault).await?;
                    return Ok(None);
                }
            };
            let names = opened.excerpt.as_ref().map(names_of).unwrap_or_default();
            // Views that contradict the order are for a person to look into.
            let pass = opened.problem.is_none() && self.screen.passes(&names);
            let verdict = self.sign(order, pass, self.desk.now_ms())?;
            write(&path, &verdict.encode())?;
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

    fn sign(
        &self,
        order: OrderRef,
        pass: bool,
        screened_at_ms: u64,
    ) -> Result<Signed<ScreeningVerdict>, Failure> {
        let client = &self.session.client;
        Ok(client.sign_statement(ScreeningVerdict {
            pool: client.pool(),
            screener: client.participant(),
            order,
            lists: self.screen.lists(),
            engine: self.screen.engine(),
            pass,
            screened_at_ms,
        })?)
    }
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
