//! Showing sealed content to a person, which goes on record.

use clap::Args;
use sdk::{Client, Uetr, v1};
use serde_json::json;

use super::policy_file::view_name;
use super::{is_sealed, judge};
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
        let mut desk = session.desk().await?;
        let uetr = self.uetr.to_string();
        let payment = sealed_payment(&session.client, self.uetr).await?;
        let order = desk.check(&payment).await?.order();
        let Ok(opened) = desk.read(&payment).await? else {
            let problem = format!("{uetr}: does not open; `causeway inbox` states that as a fault");
            return Err(Failure::new(Kind::VerificationFailed, problem));
        };
        let opened = judge(&desk.vault().store, &opened, &payment.payload);
        desk.record(order, opened.views, (&self.person, &self.reason)).await?;
        let xml = opened.excerpt.as_ref().map(iso20022::Excerpt::to_xml).unwrap_or_default();
        let views: Vec<&str> = opened.views.views().map(view_name).collect();
        let json = json!({
            "uetr": uetr, "views": views, "problem": opened.problem, "xml": xml,
        });
        let text: String = xml.lines().map(|line| crate::output::printable(line) + "\n").collect();
        Ok(Shown::Report { json, text })
    }
}

/// The sealed payment of this reference that the caller may read.
pub(super) async fn sealed_payment(client: &Client, uetr: Uetr) -> Result<v1::Payment, Failure> {
    let found = client.get(uetr, 0).await?.payments.into_iter();
    let mut sealed = found.filter(is_sealed);
    let missing = || Failure::not_found(format!("no sealed payment {uetr} for this reader"));
    sealed.next().ok_or_else(missing)
}
