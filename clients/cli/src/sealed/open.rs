//! Showing sealed content to a person, which goes on record.

use clap::Args;
use serde_json::json;

use super::policy_file::view_name;
use super::{WhichArgs, judge};
use crate::context::Context;
use crate::failure::{Failure, Kind};
use crate::output::Shown;

/// Show what this participant may read of a sealed payment. That it was shown, to whom and why, is
/// recorded in the pool's log first.
#[derive(Debug, Args)]
pub(crate) struct OpenArgs {
    #[command(flatten)]
    which: WhichArgs,
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
        let uetr = self.which.uetr.to_string();
        let payment = self.which.payment(&session.client, &desk.vault().store).await?;
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
