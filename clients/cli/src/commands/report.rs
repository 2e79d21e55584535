//! ISO 20022 reports, made on the bank's side: pacs.002 and camt.054.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use iso20022::{
    Account, AccountNotification, Agent, Bic, Body, BookedPayment, Coded, Date, Direction, Edition,
    Entry, Header, Message, Notification, Profile, Status, StatusReport, Uetr,
};
use ledger::Amount;
use sdk::{Client, MessageKind, v1};

use super::inbox::write;
use super::orders::{messages_of, read};
use super::show;
use crate::context::{Context, Session};
use crate::failure::{Failure, at};
use crate::output::{Row, Shown};

/// Write ISO 20022 reports from what the node says. They are made here: the node never sees more
/// than it needs.
#[derive(Debug, Args)]
pub(crate) struct ReportArgs {
    #[command(subcommand)]
    which: Which,
}

#[derive(Debug, Subcommand)]
enum Which {
    /// The status of payments handed in, one message per payment.
    #[command(name = "pacs.002")]
    Pacs002 {
        /// The files that were handed in.
        #[arg(required = true)]
        files: Vec<PathBuf>,
        /// The folder to write `pacs.002-<UETR>.xml` into.
        #[arg(long, value_name = "DIR")]
        into: PathBuf,
        /// The files' messages have no business application header.
        #[arg(long)]
        plain: bool,
    },
    /// What was booked on the bank's accounts, one message per batch and currency.
    #[command(name = "camt.054")]
    Camt054 {
        /// The folder to write `camt.054-<batch>-<currency>.xml` into.
        #[arg(long, value_name = "DIR")]
        into: PathBuf,
    },
}

impl ReportArgs {
    pub(crate) async fn run(self, context: &Context) -> Result<Shown, Failure> {
        let session = context.session()?;
        match self.which {
            Which::Pacs002 { files, into, plain } => {
                make(&into)?;
                let profile = if plain { Profile::Plain } else { Profile::Cbpr };
                let mut rows = Vec::new();
                for path in &files {
                    let bytes = std::fs::read(path).map_err(at(path))?;
                    for bytes in messages_of(&bytes) {
                        let original = read(bytes, profile).map_err(|f| f.about(path.display()))?;
                        rows.extend(statuses(&session.client, &original, &into).await?);
                    }
                }
                Ok(Shown::Many(rows))
            }
            Which::Camt054 { into } => {
                make(&into)?;
                notifications(&session, &into).await
            }
        }
    }
}

fn make(dir: &Path) -> Result<(), Failure> {
    std::fs::create_dir_all(dir).map_err(at(dir))
}

/// A report on each payment of a message that the node knows.
async fn statuses(client: &Client, original: &Message, into: &Path) -> Result<Vec<Row>, Failure> {
    let routings = original.routings().map_err(|error| Failure::usage(error.to_string()))?;
    let mut rows = Vec::new();
    for (at, routing) in routings.iter().enumerate() {
        let response = client.get(sdk::Uetr(routing.uetr.to_bytes()), 0).await?;
        let own = response
            .payments
            .iter()
            .find(|payment| Bic::parse(&payment.sender) == Some(routing.instructing_agent));
        let Some(payment) = own else { continue };
        let (status, reason) = outcome(payment);
        let mut report = original.statuses(&status, reason.as_ref());
        let Some(mut entry) = (at < report.len()).then(|| report.swap_remove(at)) else { continue };
        if status == Status::Settled {
            entry.settlement_date = Some(routing.settlement_date);
        }
        let body = Body::StatusReport(StatusReport {
            message_id: short_id(&payment.uetr),
            created_at: created_at(payment.changed_at_ms),
            statuses: vec![entry],
        });
        let edition = original.edition();
        let (from, to) = (routing.instructed_agent, routing.instructing_agent);
        let header = Header::of(&body, edition, from, to);
        let message = compose(&body, edition, Some(&header))?;
        let path = into.join(format!("pacs.002-{}.xml", routing.uetr));
        write(&path, message.to_xml().as_bytes())?;
        rows.push(vec![
            ("uetr", routing.uetr.to_string().into()),
            ("status", status.code().to_owned().into()),
            ("reason", show::reason(payment.reason())),
            ("file", path.display().to_string().into()),
        ]);
    }
    Ok(rows)
}

/// What became of a payment, in ISO's words.
fn outcome(payment: &v1::Payment) -> (Status, Option<Coded>) {
    let because = || Some(Coded::Code(iso_code(payment.reason()).to_owned()));
    match payment.state() {
        v1::PaymentState::Settled => (Status::Settled, None),
        v1::PaymentState::Rejected | v1::PaymentState::Cancelled | v1::PaymentState::Expired => {
            (Status::Rejected, because())
        }
        _ => (Status::InProcess, None),
    }
}

/// The ISO 20022 external status reason code closest in meaning to a reason of the core.
fn iso_code(reason: v1::RejectReason) -> &'static str {
    use v1::RejectReason as R;
    match reason {
        R::IdentityReused | R::RequestReused | R::PayInReused => "DUPL",
        R::InsufficientFunds | R::LimitExceeded => "AM04",
        R::Expired | R::LinkGroupBroken => "AB05",
        R::DayClosed | R::Unmatched | R::MatchLapsed => "AB03",
        R::CutOffPassed | R::CommandStale => "TM01",
        R::ValueDatePast | R::ValueDateTooFar => "DT01",
        R::CreatedTooEarly | R::CreatedTooLate | R::DayInstants => "DT04",
        R::CurrencyNotInPool => "AM03",
        R::UnknownReceiver | R::ReceiverSuspended => "RC04",
        R::UnknownParticipant | R::SenderSuspended | R::ParticipantSuspended => "RC03",
        R::NoDebtorAccount | R::NoCreditorAccount | R::NoCounterAccount | R::UnknownAccount => {
            "AC06"
        }
        R::Cancelled => "CUST",
        _ => "NARR",
    }
}

/// Notifications of all batches so far.
async fn notifications(session: &Session, into: &Path) -> Result<Shown, Failure> {
    let last = session.client.pool_info().await?.batch;
    let mut watch = session.client.watch(Vec::new(), false);
    let mut rows = Vec::new();
    loop {
        let message = watch.next().await?;
        let settled: Vec<&v1::Payment> = message
            .payments
            .iter()
            .filter(|payment| payment.state() == v1::PaymentState::Settled)
            .collect();
        let mut codes: Vec<&str> = settled
            .iter()
            .filter_map(|payment| booked(&session.profile.name, payment))
            .map(|amount| amount.currency_code.as_str())
            .collect();
        codes.sort_unstable();
        codes.dedup();
        for code in codes {
            let name = &session.profile.name;
            rows.push(notification(name, message.batch, code, &settled, into)?);
        }
        if message.batch >= last {
            return Ok(Shown::Many(rows));
        }
    }
}

/// What a settled payment moved on a participant's account: the receiver of an FX payment gets the
/// counter amount.
fn booked<'a>(name: &str, payment: &'a v1::Payment) -> Option<&'a v1::Money> {
    let arrived = payment.message_kind == MessageKind::FxPayment as u32 && payment.receiver == name;
    match payment.exchange.as_ref().filter(|_| arrived) {
        Some(exchange) => exchange.counter_amount.as_ref(),
        None => payment.amount.as_ref(),
    }
}

fn notification(
    name: &str,
    batch: u64,
    code: &str,
    settled: &[&v1::Payment],
    into: &Path,
) -> Result<Row, Failure> {
    let mut entries = Vec::new();
    let mut changed_at_ms = 0;
    for payment in settled {
        let Some(money) = booked(name, payment).filter(|m| m.currency_code == code) else {
            continue;
        };
        let amount = Amount::try_from(money).map_err(|error| Failure::fault(error.to_string()))?;
        entries.push(entry(name, payment, amount));
        changed_at_ms = payment.changed_at_ms.max(changed_at_ms);
    }
    let count = entries.len() as u64;
    let id = format!("CWY{batch}{code}");
    let account = Some(Account::Other(format!("{name}-{code}")));
    let body = Body::Notification(Notification {
        message_id: id.clone(),
        created_at: created_at(changed_at_ms),
        accounts: vec![AccountNotification { id, account, entries }],
    });
    let message = compose(&body, Edition::E2019, None)?;
    let path = into.join(format!("camt.054-{batch}-{code}.xml"));
    write(&path, message.to_xml().as_bytes())?;
    Ok(vec![
        ("batch", batch.into()),
        ("currency", code.into()),
        ("entries", count.into()),
        ("file", path.display().to_string().into()),
    ])
}

fn entry(name: &str, payment: &v1::Payment, amount: Amount) -> Entry {
    let direction = if payment.sender == name { Direction::Debit } else { Direction::Credit };
    let agent = |name: &str| Bic::parse(name).map(Agent::of_bic);
    let booked = show::instant(payment.changed_at_ms);
    Entry {
        reference: Some(short_id(&payment.uetr)),
        amount,
        direction,
        booking_date: booked.get(..10).and_then(Date::parse),
        value_date: Date::from_yyyymmdd(payment.value_date),
        payments: vec![BookedPayment {
            uetr: Uetr::parse(&payment.uetr),
            debtor_agent: agent(&payment.sender),
            creditor_agent: agent(&payment.receiver),
            ..BookedPayment::default()
        }],
    }
}

fn compose(body: &Body, edition: Edition, header: Option<&Header>) -> Result<Message, Failure> {
    Message::compose(body, edition, header)
        .map_err(|error| Failure::fault(format!("cannot write the report: {error}")))
}

/// An identifier of at most 35 characters that stands for a payment.
fn short_id(uetr: &str) -> String {
    format!("CWY{}", uetr.replace('-', "").get(..32).unwrap_or_default())
}

/// An instant with an offset, to the second, as the header rules want it.
fn created_at(at_ms: u64) -> String {
    show::instant(at_ms - at_ms % 1_000).replace('Z', "+00:00")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reason_codes_are_those_of_the_core() {
        for reject in clearing::Reject::ALL {
            let reason = v1::RejectReason::try_from(i32::from(reject.number())).unwrap();
            assert_eq!(iso_code(reason), reject.iso_code(), "{}", reject.code());
        }
    }

    #[test]
    fn notifications_are_valid_messages() {
        let dir = tempfile::tempdir().unwrap();
        let payment = v1::Payment {
            uetr: "7a562c67-ca16-48ba-b074-65581be6f001".into(),
            sender: "ALBKGB2L".into(),
            receiver: "BRBKDEFF".into(),
            amount: Some(v1::Money { currency_code: "EUR".into(), minor_units: 125_000 }),
            value_date: 20_260_302,
            state: v1::PaymentState::Settled.into(),
            changed_at_ms: 1_772_431_200_000,
            ..v1::Payment::default()
        };
        let row = notification("BRBKDEFF", 3, "EUR", &[&payment], dir.path()).unwrap();
        assert_eq!(row[2].1, 1_u64.into());
        let bytes = std::fs::read(dir.path().join("camt.054-3-EUR.xml")).unwrap();
        let message = read(&bytes, Profile::Plain).unwrap();
        let Body::Notification(body) = message.body() else { panic!() };
        let entry = &body.accounts[0].entries[0];
        assert_eq!(entry.direction, Direction::Credit);
        assert_eq!(entry.amount.to_string(), "1250.00 EUR");
        assert_eq!(entry.booking_date.unwrap().to_string(), "2026-03-02");
    }
}
