//! Disputes: one view of one payment, shown to a third party who checks it by itself.

use std::fs;
use std::path::PathBuf;

use channel::HeaderView;
use clap::{Args, Subcommand};
use iso20022::Excerpt;
use sdk::sealed::{
    BatchProof, Desk, Disclosure, OpenedOrder, OrderRef, SentOrder, TrustFile, TrustStore, View,
    ViewMask,
};
use sdk::v1;
use serde_json::json;

use super::policy_file::{parse_view, view_name};
use super::{WhichArgs, statement_file};
use crate::commands::show;
use crate::context::{Context, Session};
use crate::dev::secret;
use crate::failure::{Failure, Kind, at};
use crate::output::{Shown, hex, printable};

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Disclose(DiscloseArgs),
    Check(CheckArgs),
}

/// Write one view of a payment, with its key and the proof that its sender signed it. It opens that
/// view and nothing else; keep it as confidential as the view.
#[derive(Debug, Args)]
pub(crate) struct DiscloseArgs {
    #[command(flatten)]
    which: WhichArgs,
    /// parties, originator, beneficiary, purpose or remittance.
    #[arg(long, value_parser = parse_view)]
    view: View,
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

/// Check a disclosure, without a network: the sender signed the order, the view is what it says.
#[derive(Debug, Args)]
pub(crate) struct CheckArgs {
    /// The disclosure.
    file: PathBuf,
    /// The trust file, which pins the roots.
    #[arg(long, value_name = "FILE")]
    trust: PathBuf,
    /// The sender's identity, signed by a root (a file of `causeway root sign-identity`).
    #[arg(long, value_name = "FILE")]
    identity: PathBuf,
}

impl Command {
    pub(crate) async fn run(self, context: &Context) -> Result<Shown, Failure> {
        match self {
            Self::Disclose(args) => args.run(context).await,
            Self::Check(args) => args.run(),
        }
    }
}

impl DiscloseArgs {
    async fn run(self, context: &Context) -> Result<Shown, Failure> {
        let session = context.session()?;
        let mut desk = session.desk().await?;
        let shown = self.order(&session, &mut desk).await?;
        let view = shown.opened.view(self.view).ok_or_else(|| {
            let view = view_name(self.view);
            Failure::not_found(format!("this participant may not read the view {view}"))
        })?;
        let header = HeaderView::trusted(&shown.opened.header);
        let parties = [header.sender(), header.receiver()];
        if !parties.contains(&session.client.participant()) {
            let missing = || Failure::usage("to whom and why: give --person and --reason");
            let person = self.person.as_deref().ok_or_else(missing)?;
            let reason = self.reason.as_deref().ok_or_else(missing)?;
            desk.record(shown.order, ViewMask::of(&[self.view]), (person, reason)).await?;
        }
        let disclosure = Disclosure::new(&shown.opened.header, &shown.payload, view, shown.proof);
        secret(&self.out, &(hex(&disclosure.encode()) + "\n"))?;
        Ok(Shown::One(vec![
            ("uetr", self.which.uetr.to_string().into()),
            ("view", view_name(self.view).into()),
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
        let bad = |problem: &str| Failure::usage(format!("{}: {problem}", self.file.display()));
        let text = fs::read_to_string(&self.file).map_err(at(&self.file))?;
        let bytes = statement_file::bytes_of(text.trim()).ok_or_else(|| bad("is no disclosure"))?;
        let disclosure = Disclosure::decode(&bytes).map_err(|error| bad(&error.to_string()))?;
        let header = HeaderView::check(disclosure.header()).map_err(|it| bad(&it.to_string()))?;
        let failed = |problem: &str| Failure::new(Kind::VerificationFailed, problem);
        // Believed for this once: a folder of its own that is gone afterwards.
        let folder = tempfile::tempdir().map_err(|error| Failure::fault(error.to_string()))?;
        let mut store = TrustStore::open(TrustFile::load(&self.trust)?, folder.path())?;
        store.take(&[statement_file::read(&self.identity)?], header.created_at_ms())?;
        let keys = store.keys_at(header.sender(), header.created_at_ms());
        let mut shown = keys.iter().filter_map(|key| disclosure.verify(key).ok());
        let shown = shown.next().ok_or_else(|| failed("the disclosure does not hold"))?;
        let view = iso20022::View::ALL.get(shown.view as usize).copied();
        let view = view.ok_or_else(|| failed("the disclosure is of an unknown view"))?;
        let excerpt = Excerpt::of([(view, shown.content.as_slice())])
            .map_err(|error| failed(&format!("the sender signed what is no view: {error}")))?;
        let xml = excerpt.map(|it| it.to_xml()).unwrap_or_default();
        let currency = String::from_utf8_lossy(&header.currency_bytes()).into_owned();
        let amount = show::decimal(header.minor().into(), &currency);
        let json = json!({
            "ok": true,
            "uetr": header.uetr().to_string(),
            "sender": header.sender().0,
            "receiver": header.receiver().0,
            "amount": amount,
            "currency": currency,
            "digest": hex(&shown.digest),
            "view": view_name(shown.view),
            "xml": xml,
        });
        let head = format!(
            "Signed by participant {}: {} {currency} to participant {}, {}; its view {} says\n",
            header.sender().0,
            amount,
            header.receiver().0,
            header.uetr(),
            view_name(shown.view)
        );
        let text: String = xml.lines().map(|line| printable(line) + "\n").collect();
        Ok(Shown::Report { json, text: head + &text })
    }
}
