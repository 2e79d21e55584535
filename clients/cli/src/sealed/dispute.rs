//! Disputes: views of one payment, shown to a third party who checks it by itself.

use std::fmt::Display;
use std::fs;
use std::path::PathBuf;

use channel::{HeaderView, VIEWS_MAX};
use clap::{ArgMatches, Args, FromArgMatches, Subcommand};
use iso20022::Excerpt;
use sdk::sealed::{
    BatchProof, Desk, DisclosedView, Disclosure, OpenedOrder, OrderRef, SentOrder, TrustFile,
    TrustStore, View, ViewMask,
};
use sdk::v1;
use serde_json::json;

use super::policy_file::{parse_view, view_name};
use super::{WhichArgs, statement_file};
use crate::commands::show;
use crate::context::{Context, Session};
use crate::dev::secret;
use crate::failure::{Failure, Kind, at};
use crate::output::{Cell, Shown, hex, printable};

/// What is done about a dispute: views are written, unless another word says what.
#[derive(Debug)]
pub(crate) struct DisputeArgs(Command);

#[derive(Debug, Subcommand)]
enum Command {
    /// The same as without this word.
    Disclose(DiscloseArgs),
    Check(CheckArgs),
}

/// Write views of a payment, each with its key and the proof that its sender signed it. That opens
/// these views and nothing else; keep it as confidential as they are.
#[derive(Debug, Args)]
struct DiscloseArgs {
    #[command(flatten)]
    which: WhichArgs,
    /// parties, originator, beneficiary, purpose or remittance; once for each view.
    #[arg(long = "view", value_name = "VIEW", required = true, value_parser = parse_view)]
    views: Vec<View>,
    /// Where to write it; a new file.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// To whom it is shown. For readers that are not a party of the payment, for whom that it was
    /// opened is recorded in the pool's log first.
    #[arg(long, requires = "reason")]
    person: Option<String>,
    /// Why.
    #[arg(long, requires = "person")]
    reason: Option<String>,
}

/// Check a disclosure, without a network: the sender signed the order, the views are what it says.
#[derive(Debug, Args)]
struct CheckArgs {
    /// The disclosure.
    file: PathBuf,
    /// The trust file, which pins the roots.
    #[arg(long, value_name = "FILE")]
    trust: PathBuf,
    /// The sender's identity, signed by a root (a file of `causeway root sign-identity`).
    #[arg(long, value_name = "FILE")]
    identity: PathBuf,
}

impl Args for DisputeArgs {
    fn augment_args(command: clap::Command) -> clap::Command {
        let command = Command::augment_subcommands(DiscloseArgs::augment_args(command));
        command.args_conflicts_with_subcommands(true).subcommand_negates_reqs(true)
    }

    fn augment_args_for_update(command: clap::Command) -> clap::Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for DisputeArgs {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        Ok(Self(match matches.subcommand_name() {
            Some(_) => Command::from_arg_matches(matches)?,
            None => Command::Disclose(DiscloseArgs::from_arg_matches(matches)?),
        }))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

impl DisputeArgs {
    pub(crate) async fn run(self, context: &Context) -> Result<Shown, Failure> {
        match self.0 {
            Command::Disclose(args) => args.run(context).await,
            Command::Check(args) => args.run(),
        }
    }
}

impl DiscloseArgs {
    async fn run(self, context: &Context) -> Result<Shown, Failure> {
        let session = context.session()?;
        let mut desk = session.desk().await?;
        let shown = self.order(&session, &mut desk).await?;
        let mask = ViewMask::of(&self.views);
        let disclosed = mask.views().map(|view| {
            let opened = shown.opened.view(view).ok_or_else(|| {
                let view = view_name(view);
                Failure::not_found(format!("this participant may not read the view {view}"))
            })?;
            let header = &shown.opened.header;
            let one = Disclosure::new(header, &shown.payload, opened, shown.proof.clone());
            Ok(hex(&one.encode()) + "\n")
        });
        let disclosed = disclosed.collect::<Result<String, Failure>>()?;
        let header = HeaderView::trusted(&shown.opened.header);
        let parties = [header.sender(), header.receiver()];
        if !parties.contains(&session.client.participant()) {
            let missing = || Failure::usage("to whom and why: give --person and --reason");
            let person = self.person.as_deref().ok_or_else(missing)?;
            let reason = self.reason.as_deref().ok_or_else(missing)?;
            desk.record(shown.order, mask, (person, reason)).await?;
        }
        secret(&self.out, &disclosed)?;
        let views: Vec<&str> = mask.views().map(view_name).collect();
        Ok(Shown::One(vec![
            ("uetr", self.which.uetr.to_string().into()),
            ("views", Cell::words(&views)),
            ("digest", hex(&shown.order.digest).into()),
            ("file", self.out.display().to_string().into()),
        ]))
    }

    /// The order that is meant: its sender's own copy, or what the node delivered.
    async fn order(&self, session: &Session, desk: &mut Desk) -> Result<Opened, Failure> {
        let sent = desk.vault().sent.find(self.which.uetr)?;
        let mut copies: Vec<AtHand> = sent.into_iter().map(AtHand::Sent).collect();
        for payment in self.which.served(&session.client).await? {
            // What was sealed here is known to be one's own; what the node says of it is not.
            let name = |header: &[u8]| {
                HeaderView::check(header).ok().map(|it| (it.sender(), it.kind_number()))
            };
            let same = |copy: &AtHand| name(copy.header()) == name(&payment.header);
            if copies.iter().all(|copy| matches!(copy, AtHand::Served(_)) || !same(copy)) {
                copies.push(AtHand::Served(payment));
            }
        }
        match self.which.only(&desk.vault().store, copies, AtHand::header)? {
            AtHand::Sent(sent) => {
                let opened = desk.reopen((sent.order.header(), sent.order.payload())).await?;
                let order = sent.name().ok_or_else(|| Failure::fault("an order of no kind"))?;
                let (payload, proof) = (sent.order.payload().to_vec(), sent.proof);
                Ok(Opened { order, opened, payload, proof })
            }
            AtHand::Served(payment) => self.delivered(desk, &payment).await,
        }
    }

    async fn delivered(&self, desk: &mut Desk, payment: &v1::Payment) -> Result<Opened, Failure> {
        let order = desk.check(payment).await?.order();
        let Ok(opened) = desk.read(payment).await? else {
            let problem = format!("{}: does not open", self.which.uetr);
            return Err(Failure::new(Kind::VerificationFailed, problem));
        };
        let proof = BatchProof::read(&mut channel::Reader::new(&payment.proof));
        let proof = proof.map_err(|_| Failure::fault("the node sent no proof of the signature"))?;
        Ok(Opened { order, opened, payload: payment.payload.to_vec(), proof })
    }
}

/// Where an order is at hand.
enum AtHand {
    /// As it was sealed here.
    Sent(SentOrder),
    Served(v1::Payment),
}

impl AtHand {
    fn header(&self) -> &[u8] {
        match self {
            Self::Sent(sent) => sent.order.header(),
            Self::Served(payment) => &payment.header,
        }
    }
}

/// An order of which a view is shown.
struct Opened {
    order: OrderRef,
    opened: OpenedOrder,
    payload: Vec<u8>,
    proof: BatchProof,
}

impl CheckArgs {
    fn run(self) -> Result<Shown, Failure> {
        let disclosures = self.read()?;
        let failed = |problem: &str| Failure::new(Kind::VerificationFailed, problem);
        let first = disclosures.first().ok_or_else(|| self.bad("is no disclosure"))?;
        let header = HeaderView::check(first.header()).map_err(|it| self.bad(it))?;
        let trust = TrustFile::load(&self.trust)?;
        // Of another pool the same number may be somebody else.
        if header.pool() != trust.pool {
            let (pool, own) = (header.pool(), trust.pool);
            return Err(failed(&format!("is of pool {pool}, the trust file is of pool {own}")));
        }
        // Believed for this once: a folder of its own that is gone afterwards.
        let folder = tempfile::tempdir().map_err(|error| Failure::fault(error.to_string()))?;
        let mut store = TrustStore::open(trust, folder.path())?;
        store.take(&[statement_file::read(&self.identity)?], header.created_at_ms())?;
        let keys = store.keys_at(header.sender(), header.created_at_ms());
        let mut shown: Vec<DisclosedView> = Vec::new();
        for disclosure in &disclosures {
            let one = keys.iter().find_map(|key| disclosure.verify(key).ok());
            let one = one.ok_or_else(|| failed("the disclosure does not hold"))?;
            let first = shown.first().map_or(one.digest, |first| first.digest);
            if one.digest != first || shown.iter().any(|known| known.view == one.view) {
                return Err(failed("the disclosure is not of different views of one order"));
            }
            shown.push(one);
        }
        let mut parts = Vec::new();
        for one in &shown {
            let view = iso20022::View::ALL.get(one.view as usize).copied();
            let view = view.ok_or_else(|| failed("the disclosure is of an unknown view"))?;
            parts.push((view, one.content.as_slice()));
        }
        let excerpt = Excerpt::of(parts)
            .map_err(|error| failed(&format!("the sender signed what is no view: {error}")))?;
        Ok(report(header, &shown, &excerpt.map(|it| it.to_xml()).unwrap_or_default()))
    }

    /// The disclosures in the file, one a line.
    fn read(&self) -> Result<Vec<Disclosure>, Failure> {
        let text = fs::read_to_string(&self.file).map_err(at(&self.file))?;
        let lines: Vec<&str> = text.split_whitespace().collect();
        if lines.len() > usize::from(VIEWS_MAX) {
            return Err(self.bad("has more disclosures than a payment has views"));
        }
        let decoded = lines.into_iter().map(|line| {
            let bytes = statement_file::bytes_of(line);
            let bytes = bytes.ok_or_else(|| self.bad("is no disclosure"))?;
            Disclosure::decode(&bytes).map_err(|error| self.bad(error))
        });
        decoded.collect()
    }

    fn bad(&self, problem: impl Display) -> Failure {
        Failure::usage(format!("{}: {problem}", self.file.display()))
    }
}

/// What was shown, and who signed it.
fn report(header: HeaderView<'_>, shown: &[DisclosedView], xml: &str) -> Shown {
    let currency = String::from_utf8_lossy(&header.currency_bytes()).into_owned();
    let amount = show::decimal(header.minor().into(), &currency);
    let views: Vec<&str> = shown.iter().map(|one| view_name(one.view)).collect();
    let json = json!({
        "ok": true,
        "uetr": header.uetr().to_string(),
        "sender": header.sender().0,
        "receiver": header.receiver().0,
        "amount": amount,
        "currency": currency,
        "digest": shown.first().map(|one| hex(&one.digest)),
        "views": views,
        "xml": xml,
    });
    let head = format!(
        "Signed by participant {}: {} {currency} to participant {}, {}; of its views {}:\n",
        header.sender().0,
        amount,
        header.receiver().0,
        header.uetr(),
        views.join(", ")
    );
    let text: String = xml.lines().map(|line| printable(line) + "\n").collect();
    Shown::Report { json, text: head + &text }
}
