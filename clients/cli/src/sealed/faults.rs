//! Allegations that an order does not open, and the sender's answer.

use clap::Args;
use sdk::sealed::SlotRole;
use sdk::v1;

use super::policy_file::role_name;
use crate::commands::show;
use crate::context::Context;
use crate::failure::Failure;
use crate::output::{Row, Shown};

/// List the allegations that are not answered; as a sender, wrap the orders again that are one's
/// own.
#[derive(Debug, Args)]
pub(crate) struct FaultsArgs {
    /// Answer every fault of this participant's own orders: wrap the views' keys again, to a key of
    /// the reader that is valid now.
    #[arg(long)]
    rewrap: bool,
}

impl FaultsArgs {
    pub(crate) async fn run(self, context: &Context) -> Result<Shown, Failure> {
        let session = context.session()?;
        let faults = session.client.faults().await?;
        let mut rows: Vec<Row> = faults.iter().map(row).collect();
        if !self.rewrap {
            return Ok(Shown::Many(rows));
        }
        let mut wrong = None;
        let mut desk = session.desk().await?;
        for (fault, row) in faults.iter().zip(&mut rows) {
            if fault.sender != session.profile.name {
                continue;
            }
            // One that cannot be answered is no reason to leave the next reader waiting.
            let problem = match desk.answer(fault).await {
                Ok(_) => None,
                Err(error) => {
                    let failure = Failure::from(error);
                    wrong = Some(failure.kind);
                    Some(failure.message)
                }
            };
            row.push(("rewrapped", problem.is_none().into()));
            row.push(("problem", problem.into()));
        }
        Ok(match wrong {
            None => Shown::Many(rows),
            Some(kind) => Shown::Graded { rows, kind },
        })
    }
}

fn row(fault: &v1::OpenFault) -> Row {
    let order = fault.order.as_ref();
    let role = u8::try_from(fault.role).ok().and_then(SlotRole::from_number);
    vec![
        ("uetr", order.map(|order| order.uetr.clone()).into()),
        ("sender", fault.sender.as_str().into()),
        ("reporter", fault.reporter.as_str().into()),
        ("role", role.map(role_name).map(str::to_owned).into()),
        ("stated_at", show::instant(fault.logged_at_ms).into()),
        ("due_at", show::instant(fault.due_at_ms).into()),
        ("overdue", fault.overdue.into()),
    ]
}
