//! Showing sealed content to a person, which goes on record.

use clap::Args;
use sdk::sealed::{AnyStatement, OpeningRecord};
use sdk::{Uetr, v1};
use serde_json::json;

use super::policy_file::view_name;
use super::reading::{Desk, Reading, is_sealed, order_ref};
use crate::commands::parse_uetr;
use crate::context::Context;
use crate::failure::{Failure, Kind};
use crate::output::Shown;

/// Show what this participant may read of a sealed payment. That it was shown, to whom and why, is
/// recorded in the pool's log first.
#[derive(Debug, Args)]
pub(crate) struct OpenArgs {
    /// The payment's reference.
    #[arg(value_parser = parse_uetr)]
    uetr: Uetr,
    /// To whom it is shown.
    #[arg(long)]
    person: String,
    /// Why.
    #[arg(long)]
    reason: String,
}

impl OpenArgs {
    pub(crate) async fn run(self, context: &Context) -> Result<Shown, Failure> {
        let session = context.session()?;
        let mut desk = Desk::open(&session).await?;
        let uetr = self.uetr.to_string();
        let payment = find(&session.client, |payment| payment.uetr == uetr).await?;
        let payment = payment.ok_or_else(|| {
            Failure::not_found(format!("no sealed payment {uetr} for this reader"))
        })?;
        let Reading::Opened(opened) = desk.read(&payment).await? else {
            let problem = format!("{uetr}: does not open; `causeway inbox` states that as a fault");
            return Err(Failure::new(Kind::VerificationFailed, problem));
        };
        let record = OpeningRecord {
            pool: session.client.pool(),
            reader: session.client.participant(),
            order: order_ref(&payment)?,
            views: opened.views,
            person: self.person,
            reason: self.reason,
            opened_at_ms: desk.now_ms(),
        };
        let record: AnyStatement = session.client.sign_statement(record)?.into();
        // What cannot be recorded, such as an empty reason, is not shown.
        AnyStatement::decode(record.kind(), &record.encode())
            .map_err(|error| Failure::usage(error.to_string()))?;
        session.client.publish_all(&[record]).await?;
        let xml = opened.excerpt.as_ref().map(iso20022::Excerpt::to_xml).unwrap_or_default();
        let views: Vec<&str> = opened.views.views().map(view_name).collect();
        let json = json!({
            "uetr": uetr, "views": views, "problem": opened.problem, "xml": xml,
        });
        let text: String = xml.lines().map(|line| crate::output::printable(line) + "\n").collect();
        Ok(Shown::Report { json, text })
    }
}

/// The first sealed payment of the feed, with its payload, that is wanted.
pub(super) async fn find(
    client: &sdk::Client,
    wanted: impl Fn(&v1::Payment) -> bool,
) -> Result<Option<v1::Payment>, Failure> {
    let last = client.pool_info().await?.batch;
    let mut watch = client.watch(Vec::new(), true);
    loop {
        let message = watch.next().await?;
        let mut payments = message.payments.into_iter();
        if let Some(found) = payments.find(|it| is_sealed(it) && wanted(it)) {
            return Ok(Some(found));
        }
        if message.batch >= last {
            return Ok(None);
        }
    }
}
