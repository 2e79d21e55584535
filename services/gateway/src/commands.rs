//! Signed commands: decoded and checked here, carried out by the core, which checks again.

use bus::Ticket;
use bytes::Bytes;
use channel::{
    Command, CommandBody, ParticipantId, PublicKey, Role, SignedCommand, command_statement,
};
use clearing::{Reject, pack_command};
use settler::PoolView;

use crate::answers::{Unanswered, logged};
use crate::errors::Refusal;
use crate::gateway::Gateway;
use crate::identity::Caller;
use crate::intake::signature_bytes;

/// What came of a command.
pub(crate) struct Executed {
    pub(crate) position: u64,
    pub(crate) reject: Option<Reject>,
    pub(crate) replayed: bool,
}

impl Executed {
    /// The number of the reject; 0 if the command took effect.
    pub(crate) fn reason(&self) -> i32 {
        self.reject.map_or(0, |reject| i32::from(reject.number()))
    }
}

/// A second person's number (0 = none) and signature.
pub(crate) type Checker<'a> = (u32, &'a Bytes);

impl Gateway {
    /// Takes back a payment: a command that may be nothing but a cancel.
    pub(crate) async fn cancel(
        &self,
        caller: &Caller,
        bytes: &Bytes,
        signature: &Bytes,
    ) -> Result<Executed, Refusal> {
        let command = decode(bytes)?;
        if !matches!(command.body, CommandBody::Cancel { .. }) {
            return Err(Refusal::field("command.kind", "NOT_A_CANCEL", "must be 17 (cancel)"));
        }
        self.execute_decoded(caller, &command, (bytes, signature), (0, &Bytes::new())).await
    }

    /// Logs the caller's command and waits for what the core makes of it.
    pub(crate) async fn execute(
        &self,
        caller: &Caller,
        bytes: &Bytes,
        signature: &Bytes,
        checker: Checker<'_>,
    ) -> Result<Executed, Refusal> {
        let command = decode(bytes)?;
        self.execute_decoded(caller, &command, (bytes, signature), checker).await
    }

    /// Logs a provider's quotes. What the ticket stands for is asked for with
    /// [`Gateway::carried_out`]; the order of the log is that of these calls.
    pub(crate) fn give_quotes(
        &self,
        caller: &Caller,
        bytes: &Bytes,
        signature: &Bytes,
    ) -> Result<Ticket, Refusal> {
        let command = decode(bytes)?;
        if !matches!(command.body, CommandBody::SetQuotes { .. }) {
            return Err(Refusal::field("command.kind", "NOT_QUOTES", "must be 20 (set quotes)"));
        }
        self.give(caller, &command, (bytes, signature), (0, &Bytes::new()))
    }

    async fn execute_decoded(
        &self,
        caller: &Caller,
        command: &Command,
        signed: (&Bytes, &Bytes),
        checker: Checker<'_>,
    ) -> Result<Executed, Refusal> {
        let ticket = self.give(caller, command, signed, checker)?;
        Ok(self.carried_out(ticket).await?)
    }

    /// Checks a command and puts it into the log.
    fn give(
        &self,
        caller: &Caller,
        command: &Command,
        (bytes, signature): (&Bytes, &Bytes),
        checker: Checker<'_>,
    ) -> Result<Ticket, Refusal> {
        let view = self.view();
        self.check_room(&view)?;
        self.check_maker(caller, command)?;
        match command.body {
            CommandBody::SetQuotes { .. } => self.rates.take_quotes(caller.id)?,
            _ => self.rates.take_command(caller.id)?,
        }
        let statement = command_statement(bytes);
        let signature = signature_bytes(signature, "signature")?;
        caller
            .key(&view)?
            .verify(&statement, signature)
            .map_err(|error| Refusal::field("signature", "SIGNATURE_INVALID", error.to_string()))?;
        let checker = check_checker(&view, &statement, checker)?;
        let signed = SignedCommand { command: bytes.to_vec(), signature: *signature, checker };
        self.append(pack_command((self.number, self.clock.now_ms()), &signed))
    }

    /// Waits for what the core makes of a command.
    pub(crate) async fn carried_out(&self, ticket: Ticket) -> Result<Executed, Unanswered> {
        let position = logged(ticket.await)?;
        let outcome = self.outcome(position).await?;
        Ok(Executed { position, reject: outcome.reject, replayed: outcome.replayed })
    }

    fn check_maker(&self, caller: &Caller, command: &Command) -> Result<(), Refusal> {
        if command.pool != self.number {
            let message = format!("must be {}", self.number);
            return Err(Refusal::field("command.pool", "OTHER_POOL", message));
        }
        if command.maker != caller.id {
            return Err(Refusal::field("command.maker", "OTHER_MAKER", "must be the caller"));
        }
        if !command.body.allows(caller.role) {
            let role = command.body.role().as_str();
            let message = format!("the role {role} gives this command");
            return Err(Refusal::denied("ROLE_NOT_ALLOWED", message));
        }
        Ok(())
    }
}

fn decode(bytes: &Bytes) -> Result<Command, Refusal> {
    Command::decode(bytes).map_err(|error| {
        let text = error.to_string();
        let (path, must) = match text.split_once(": ") {
            Some((field, must)) => (format!("command.{field}"), must),
            None => ("command".to_owned(), text.as_str()),
        };
        Refusal::field(path, "COMMAND_INVALID", must)
    })
}

fn check_checker(
    view: &PoolView,
    statement: &[u8],
    (number, signature): Checker<'_>,
) -> Result<Option<(ParticipantId, [u8; 64])>, Refusal> {
    if number == 0 {
        return if signature.is_empty() {
            Ok(None)
        } else {
            let message = "must be empty without a checker";
            Err(Refusal::field("checker_signature", "SIGNATURE_INVALID", message))
        };
    }
    let id = ParticipantId(number);
    let key = view
        .directory
        .member(id)
        .filter(|member| member.participant.role == Role::Operator)
        .and_then(|member| PublicKey::new(&member.participant.key).ok())
        .ok_or_else(|| Refusal::field("checker", "CHECKER_UNKNOWN", "must be an operator"))?;
    let signature = signature_bytes(signature, "checker_signature")?;
    key.verify(statement, signature).map_err(|error| {
        Refusal::field("checker_signature", "SIGNATURE_INVALID", error.to_string())
    })?;
    Ok(Some((id, *signature)))
}
