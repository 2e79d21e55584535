//! Money in and out of the pool.

use channel::{CommandBody, RequestId, sha256};
use clap::Args;
use ledger::Amount;

use super::orders::Directory;
use super::show::parse_amount;
use crate::context::Context;
use crate::failure::Failure;
use crate::output::Shown;
use crate::request::{self, RequestArgs};

/// Settlement agent: credit a pay-in that has arrived.
#[derive(Debug, Args)]
pub(crate) struct FundArgs {
    /// The bank's name (BIC) or number.
    participant: String,
    /// How much: "1000000.00 EUR".
    #[arg(value_parser = parse_amount)]
    amount: Amount,
    /// The agent's own reference of the pay-in. The same reference counts once.
    #[arg(long)]
    reference: String,
    #[command(flatten)]
    request: RequestArgs,
}

impl FundArgs {
    pub(crate) async fn run(self, context: &Context) -> Result<Shown, Failure> {
        let participant = Directory::find(context, &self.participant).await?;
        let pay_in = pay_in(&self.reference);
        let body = CommandBody::Fund { participant, amount: self.amount, pay_in };
        self.request.execute(context, body).await
    }
}

/// The sixteen bytes that stand for an agent's reference: a UUID's own, else of its SHA-256.
fn pay_in(reference: &str) -> [u8; 16] {
    if let Ok(RequestId(bytes)) = request::parse(reference) {
        return bytes;
    }
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&sha256(reference.as_bytes())[..16]);
    bytes
}

/// Bank: ask to be paid out. The amount is reserved until the settlement agent answers; the request
/// id names the pay-out.
#[derive(Debug, Args)]
pub(crate) struct DefundArgs {
    /// How much: "1000000.00 EUR".
    #[arg(value_parser = parse_amount)]
    amount: Amount,
    #[command(flatten)]
    request: RequestArgs,
}

impl DefundArgs {
    pub(crate) async fn run(self, context: &Context) -> Result<Shown, Failure> {
        self.request.execute(context, CommandBody::Defund { amount: self.amount }).await
    }
}

/// Settlement agent: say what became of a pay-out.
#[derive(Debug, Args)]
pub(crate) struct ConfirmDefundArgs {
    /// The request id of the bank's `defund`.
    #[arg(value_name = "UUID", value_parser = request::parse)]
    defund: RequestId,
    /// It was not made: the money is free again.
    #[arg(long)]
    not_made: bool,
    #[command(flatten)]
    request: RequestArgs,
}

impl ConfirmDefundArgs {
    pub(crate) async fn run(self, context: &Context) -> Result<Shown, Failure> {
        let body = CommandBody::ConfirmDefund { defund: self.defund, made: !self.not_made };
        self.request.execute(context, body).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_become_sixteen_bytes() {
        assert_eq!(pay_in("7a562c67-ca16-48ba-b074-65581be6f001")[0], 0x7a);
        assert_eq!(pay_in("wire 4711"), pay_in("wire 4711"));
        assert_ne!(pay_in("wire 4711"), pay_in("wire 4712"));
    }
}
