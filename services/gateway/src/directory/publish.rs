//! The way in for statements: read, checked, one record in the log.

use std::convert::Infallible;

use bytes::Bytes;
use channel::{AnyStatement, STATEMENT_BYTES_MAX};
use clearing::{Outcome, STATEMENTS_MAX, pack_statements};
use proto::v1;

use super::slots::Claim;
use crate::answers::logged;
use crate::errors::Refusal;
use crate::gateway::Gateway;
use crate::identity::Caller;
use crate::metrics;

/// Bytes of the statements of one call, at most.
const BYTES_MAX: usize = 1 << 20;
/// Bytes of a message with statements: room for tags and lengths, and to say what is too large.
pub(crate) const MESSAGE_BYTES_MAX: usize = 2 * BYTES_MAX;

/// A statement that is well-formed and signed.
struct Checked {
    /// The number of its kind.
    kind: u8,
    label: &'static str,
    signed: Bytes,
    /// What it takes for granted of an order.
    claim: Option<Claim>,
}

impl Gateway {
    /// Checks statements, appends them as one record, and waits for what the core makes of them.
    pub(super) async fn publish_statements(
        &self,
        caller: &Caller,
        statements: Vec<v1::Statement>,
    ) -> Result<v1::PublishResponse, Refusal> {
        self.check_room(&self.view())?;
        check_sizes(&statements)?;
        self.rates.take_statements(caller.id, statements.len())?;
        let pool = self.number;
        let check = move || Ok::<_, Infallible>(check_all(pool, statements));
        let checked = self.blocking(caller.id, "check signatures", check).await??;
        let claims = checked.iter().enumerate();
        let claims = claims.filter_map(|(index, it)| it.claim.map(|claim| (index, claim)));
        self.check_claims(caller, claims.collect()).await?;
        let entries: Vec<_> = checked.iter().map(|it| (it.kind, it.signed.as_ref())).collect();
        let ticket = self.append(pack_statements((pool, self.clock.now_ms()), &entries))?;
        let position = logged(ticket.await)?;
        let outcome = self.outcome(position).await?;
        Ok(v1::PublishResponse { position, answers: answers(&outcome, &checked) })
    }
}

fn check_sizes(statements: &[v1::Statement]) -> Result<(), Refusal> {
    if statements.is_empty() || statements.len() > STATEMENTS_MAX {
        let message = format!("must be 1 to {STATEMENTS_MAX}, found {}", statements.len());
        return Err(Refusal::field("statements", "STATEMENT_COUNT", message));
    }
    let large = statements.iter().position(|it| it.signed.len() > STATEMENT_BYTES_MAX);
    if let Some(index) = large {
        let message = format!("must be at most {STATEMENT_BYTES_MAX} bytes");
        let field = format!("statements[{index}].signed");
        return Err(Refusal::field(field, "STATEMENT_TOO_LARGE", message));
    }
    if statements.iter().map(|statement| statement.signed.len()).sum::<usize>() > BYTES_MAX {
        let message = format!("must be at most {BYTES_MAX} bytes together");
        return Err(Refusal::field("statements", "STATEMENTS_TOO_LARGE", message));
    }
    Ok(())
}

/// An Ed25519 signature each: 256 of them take about 15 ms.
fn check_all(pool: u32, statements: Vec<v1::Statement>) -> Result<Vec<Checked>, Refusal> {
    let check = |(index, statement)| {
        check(pool, statement)
            .map_err(|refusal: Refusal| refusal.under(&format!("statements[{index}]")))
    };
    statements.into_iter().enumerate().map(check).collect()
}

fn check(pool: u32, statement: v1::Statement) -> Result<Checked, Refusal> {
    let kind = u8::try_from(statement.kind).unwrap_or(0);
    if v1::StatementKind::try_from(i32::from(kind)).is_err() || kind == 0 {
        return Err(Refusal::field("kind", "KIND_UNKNOWN", "must be 1 to 10"));
    }
    let read = AnyStatement::decode(kind, &statement.signed).map_err(|error| {
        let text = error.to_string();
        let (path, must) = match text.split_once(": ") {
            Some((field, must)) => (format!("signed.{field}"), must),
            None => ("signed".to_owned(), text.as_str()),
        };
        Refusal::field(path, "STATEMENT_INVALID", must)
    })?;
    if read.pool() != pool {
        return Err(Refusal::field("signed.pool", "OTHER_POOL", format!("must be {pool}")));
    }
    read.verify().map_err(|_| {
        let message = "must be the signer's Ed25519 signature of the label and the body";
        Refusal::field("signed.signature", "SIGNATURE_INVALID", message)
    })?;
    let claim = Claim::of(&read);
    Ok(Checked { kind, label: read.label(), signed: statement.signed, claim })
}

fn answers(outcome: &Outcome, checked: &[Checked]) -> Vec<v1::StatementAnswer> {
    let answer = |(stated, checked): (&clearing::Stated, &Checked)| {
        let result = match stated.reject {
            Some(reject) => reject.code(),
            None if stated.replayed => "REPLAYED",
            None => "ACCEPTED",
        };
        metrics::stated(checked.label, result);
        v1::StatementAnswer {
            place: stated.place.0,
            reason: stated.reject.map_or(0, |reject| i32::from(reject.number())),
            replayed: stated.replayed,
        }
    };
    outcome.statements.iter().zip(checked).map(answer).collect()
}
