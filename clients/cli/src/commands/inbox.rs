//! Payments received: their messages, as the senders wrote them.

use std::fs;
use std::path::{Path, PathBuf};

use clap::Args;
use sdk::{Uetr, v1};

use super::status::payment_row;
use crate::context::Context;
use crate::failure::{Failure, at};
use crate::output::{Row, Shown};

/// Where the folder's place in the feed is kept.
const TOKEN_FILE: &str = ".resume";

/// Fetch the payments received and settled; their messages are written as XML.
#[derive(Debug, Args)]
pub(crate) struct InboxArgs {
    /// The folder to write `<UETR>.xml` into. It remembers how far it got: the next run goes on
    /// there.
    #[arg(long, value_name = "DIR")]
    into: Option<PathBuf>,
}

impl InboxArgs {
    pub(crate) async fn run(self, context: &Context) -> Result<Shown, Failure> {
        let session = context.session()?;
        let last = session.client.pool_info().await?.batch;
        let token = self.into.as_deref().map_or_else(Vec::new, kept_token);
        if let Some(dir) = &self.into {
            fs::create_dir_all(dir).map_err(at(dir))?;
        }
        let mut watch = session.client.watch(token, true);
        let mut rows = Vec::new();
        loop {
            let message = watch.next().await?;
            let received = message.payments.iter().filter(|payment| {
                payment.receiver == session.profile.name
                    && payment.state() == v1::PaymentState::Settled
            });
            for payment in received {
                rows.push(self.take(payment)?);
            }
            if let Some(dir) = &self.into {
                let path = dir.join(TOKEN_FILE);
                fs::write(&path, &message.resume_token).map_err(at(&path))?;
            }
            if message.batch >= last {
                return Ok(Shown::Many(rows));
            }
        }
    }

    /// Writes a payment's message, if asked; returns its row.
    fn take(&self, payment: &v1::Payment) -> Result<Row, Failure> {
        let mut row = payment_row(payment);
        if let Some(dir) = &self.into {
            // A file's name is made of what was understood, never of what was sent.
            let uetr: Uetr =
                payment.uetr.parse().map_err(|_| Failure::fault("the node sent no UETR"))?;
            let path = dir.join(format!("{uetr}.xml"));
            write(&path, &payment.payload)?;
            row.push(("file", path.display().to_string().into()));
        }
        Ok(row)
    }
}

fn kept_token(dir: &Path) -> Vec<u8> {
    fs::read(dir.join(TOKEN_FILE)).unwrap_or_default()
}

/// Writes a file that is whole or not there.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let draft = path.with_extension("draft");
    fs::write(&draft, bytes).map_err(at(&draft))?;
    fs::rename(&draft, path).map_err(at(path))
}
