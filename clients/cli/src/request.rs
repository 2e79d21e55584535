//! Request ids: version 7 UUIDs, which carry the instant at which the command was given. So the
//! same `--request-id` makes the same bytes, and a command is safe to repeat.

use channel::{CommandBody, Role};
use clap::Args;
use sdk::{RequestId, SignedCommand};
use uuid::Uuid;

use crate::commands::words;
use crate::context::Context;
use crate::failure::Failure;
use crate::output::{Row, Shown};

/// Options of every command that changes something.
#[derive(Debug, Clone, Args)]
pub(crate) struct RequestArgs {
    /// The number of this request, a UUID. The same number never takes effect twice: give the one
    /// that a failed attempt printed to repeat it safely.
    #[arg(long, value_name = "UUID", value_parser = parse_own)]
    request_id: Option<RequestId>,
    /// The profile of a second person who signs the same bytes, where the rule book asks for one.
    #[arg(long, value_name = "PROFILE")]
    checker: Option<String>,
    /// Say what would be sent, and send nothing.
    #[arg(long)]
    dry_run: bool,
}

/// A request id of a text.
pub(crate) fn parse(text: &str) -> Result<RequestId, String> {
    Uuid::parse_str(text)
        .map(|uuid| RequestId(uuid.into_bytes()))
        .map_err(|_| "must be a UUID".to_owned())
}

/// A request id that carries its instant: only that makes the same bytes again.
fn parse_own(text: &str) -> Result<RequestId, String> {
    let id = parse(text)?;
    instant_ms(id).map(|_| id).ok_or_else(|| {
        "must be a version 7 UUID: it carries the instant at which the command was given, without \
         which a repeat would be another command"
            .to_owned()
    })
}

/// A new request id that carries the instant at which it was made.
pub(crate) fn new(now_ms: u64) -> Result<RequestId, Failure> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes)
        .map_err(|error| Failure::fault(format!("no randomness: {error}")))?;
    bytes[..6].copy_from_slice(&now_ms.to_be_bytes()[2..]);
    bytes[6] = bytes[6] & 0x0f | 0x70;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    Ok(RequestId(bytes))
}

/// The instant that a version 7 UUID carries.
pub(crate) fn instant_ms(id: RequestId) -> Option<u64> {
    let mut bytes = [0; 8];
    bytes[2..].copy_from_slice(&id.0[..6]);
    (id.0[6] >> 4 == 7).then_some(u64::from_be_bytes(bytes))
}

pub(crate) fn text(id: RequestId) -> String {
    Uuid::from_bytes(id.0).to_string()
}

impl RequestArgs {
    /// The instant at which the command is given: what its request id says, or now.
    pub(crate) async fn issued_at_ms(&self, context: &Context) -> Result<u64, Failure> {
        match self.request_id.and_then(instant_ms) {
            Some(at_ms) => Ok(at_ms),
            None => context.session()?.now_ms().await,
        }
    }

    /// Signs and carries out a command.
    pub(crate) async fn execute(
        &self,
        context: &Context,
        body: CommandBody,
    ) -> Result<Shown, Failure> {
        let session = context.session()?;
        let (id, at_ms) = session.request(self.request_id).await?;
        let wanted = body.role().as_str();
        let mut roles = Role::ALL.into_iter().filter(|role| body.allows(*role));
        if roles.all(|role| role.as_str() != session.profile.role) {
            context.output.note(&format!(
                "note: this is for the role {wanted}; {} is {}",
                session.profile.name, session.profile.role
            ));
        }
        let mut command = session.client.sign_command(id, at_ms, body.clone())?;
        if let Some(checker) = &self.checker {
            command = context.session_of(checker)?.client.countersign(command)?;
        }
        if self.dry_run {
            return Ok(Shown::One(dry(id, &body, &command)));
        }
        let done = session
            .client
            .execute(&command)
            .await
            .map_err(|error| Failure { request_id: Some(text(id)), ..Failure::from(error) })?;
        Ok(Shown::One(vec![
            ("request_id", text(id).into()),
            ("position", done.position.into()),
            ("replayed", done.replayed.into()),
        ]))
    }
}

fn dry(id: RequestId, body: &CommandBody, command: &SignedCommand) -> Row {
    vec![
        ("request_id", text(id).into()),
        ("dry_run", true.into()),
        ("command", words(body).into()),
        ("bytes", crate::output::hex(&command.command).into()),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_id_carries_its_instant() {
        let id = new(1_772_431_200_123).unwrap();
        assert_eq!(instant_ms(id), Some(1_772_431_200_123));
        assert_eq!(Uuid::from_bytes(id.0).get_version_num(), 7);
        assert_eq!(parse(&text(id)), Ok(id));
        assert_ne!(new(0).unwrap(), new(0).unwrap());
    }

    #[test]
    fn other_versions_carry_none() {
        let id = parse("7a562c67-ca16-48ba-b074-65581be6f001").unwrap();
        assert_eq!(instant_ms(id), None);
        assert!(parse_own(&text(id)).is_err());
        assert!(parse("7a562c67").is_err());
    }
}
