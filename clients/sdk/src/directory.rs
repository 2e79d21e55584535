//! Statements: handing them in, and reading what others stated.

use std::sync::atomic::Ordering::Relaxed;

use bytes::Bytes;
use channel::{AnyStatement, OrderRef, ParticipantId, Signed, Signer, Statement};
use proto::v1;
use proto::v1::directory_service_client::DirectoryServiceClient;
use tonic::transport::Channel;

use crate::client::MESSAGE_BYTES_MAX;
use crate::{Client, Error};

/// Statements of one call, at most.
const STATEMENTS_MAX: usize = 256;
/// Bytes of them, at most.
const BYTES_MAX: usize = 1 << 20;

/// A statement with its place in the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoggedStatement {
    /// The statement. Its signature is not checked yet.
    pub statement: AnyStatement,
    /// Where it stands: position × 2^20 + its index in the record.
    pub place: u64,
    /// Logged time of its record, ms.
    pub logged_at_ms: u64,
}

/// What the pool made of a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StatementAnswer {
    /// Where it first stood in the log.
    pub place: u64,
    /// Why it was refused; `None`: it took effect.
    pub reason: Option<v1::RejectReason>,
    /// Whether the same bytes had taken effect before.
    pub replayed: bool,
}

impl Client {
    /// Signs a statement with this participant's key.
    ///
    /// # Errors
    /// [`Error::Config`] if the client has no usable signing key.
    pub fn sign_statement<S: Statement>(&self, statement: S) -> Result<Signed<S>, Error> {
        Signed::sign(statement, self.signer()?).map_err(|e| Error::config("signing_key", e))
    }

    /// What signs for this participant.
    ///
    /// # Errors
    /// [`Error::Config`] if the client has none.
    pub fn statement_signer(&self) -> Result<&dyn Signer, Error> {
        self.signer()
    }

    /// Hands in statements, in their order; any number of them. Each is answered by itself. Always
    /// safe to repeat with the same statements.
    ///
    /// # Errors
    /// As any call.
    pub async fn publish(
        &self,
        statements: &[AnyStatement],
    ) -> Result<(u64, Vec<StatementAnswer>), Error> {
        let (mut position, mut answers) = (0, Vec::new());
        let mut rest = statements.iter().map(to_message).peekable();
        while rest.peek().is_some() {
            let (mut page, mut bytes) = (Vec::new(), 0);
            while page.len() < STATEMENTS_MAX {
                let fits = |it: &v1::Statement| bytes + it.signed.len() <= BYTES_MAX;
                let Some(next) = rest.next_if(fits) else { break };
                bytes += next.signed.len();
                page.push(next);
            }
            let client = self.directory();
            let message = v1::PublishRequest { statements: page };
            let response = self
                .call(message, move |request| {
                    let mut client = client.clone();
                    async move { client.publish(request).await }
                })
                .await?;
            position = response.position;
            for answer in response.answers {
                answers.push(from_answer(&answer)?);
            }
        }
        if answers.len() != statements.len() {
            return Err(Error::Malformed("answers are for other statements"));
        }
        self.0.published.fetch_max(position, Relaxed);
        Ok((position, answers))
    }

    /// Hands in statements that must take effect.
    ///
    /// # Errors
    /// [`Error::Rejected`] for the first that did not; as any call.
    pub async fn publish_all(&self, statements: &[AnyStatement]) -> Result<u64, Error> {
        let (position, answers) = self.publish(statements).await?;
        match answers.iter().find_map(|answer| answer.reason) {
            Some(reason) => Err(Error::Rejected { reason, position }),
            None => Ok(position),
        }
    }

    /// The whole directory as the node serves it: not believed yet. What this client has published
    /// is in it.
    ///
    /// # Errors
    /// As any call; [`Error::Malformed`] for a statement that cannot be read.
    pub async fn directory_statements(&self) -> Result<Vec<AnyStatement>, Error> {
        let (mut statements, mut after_place) = (Vec::new(), 0);
        loop {
            let at_least_position = self.published();
            let message = v1::ListDirectoryRequest { after_place, page_size: 0, at_least_position };
            let client = self.directory();
            let page = self
                .call(message, move |request| {
                    let mut client = client.clone();
                    async move { client.list_directory(request).await }
                })
                .await?;
            for logged in page.statements {
                statements.push(from_logged(logged)?.statement);
            }
            if !page.more || page.next_place <= after_place {
                return Ok(statements);
            }
            after_place = page.next_place;
        }
    }

    /// How an epoch was opened; `None` if there is none that this participant may read. Waits until
    /// everything up to a position can be read, and what this client has published.
    ///
    /// # Errors
    /// As any call.
    pub async fn epoch(
        &self,
        sender: ParticipantId,
        epoch: [u8; 16],
        at_least_position: u64,
    ) -> Result<Option<AnyStatement>, Error> {
        let epoch = Bytes::copy_from_slice(&epoch);
        let at_least_position = at_least_position.max(self.published());
        let message = v1::GetEpochRequest { sender: sender.0, epoch, at_least_position };
        let client = self.directory();
        let found = self
            .call(message, move |request| {
                let mut client = client.clone();
                async move { client.get_epoch(request).await }
            })
            .await;
        match found {
            Ok(response) => {
                let logged = response.statement.ok_or(Error::Malformed("epoch is missing"))?;
                Ok(Some(from_logged(logged)?.statement))
            }
            Err(error) if error.reason() == Some("NOT_FOUND") => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// All statements about an order, or of one kind (unspecified: every kind), behind a place.
    /// What this client has published is among them.
    ///
    /// # Errors
    /// As any call.
    pub async fn statements(
        &self,
        order: Option<&OrderRef>,
        kind: v1::StatementKind,
        mut after_place: u64,
    ) -> Result<Vec<LoggedStatement>, Error> {
        let order = order.map(|order| v1::OrderRef {
            sender: order.sender.0,
            message_kind: u32::from(order.kind as u16),
            uetr: order.uetr.to_string(),
        });
        let mut statements = Vec::new();
        loop {
            let message = v1::ListStatementsRequest {
                order: order.clone(),
                kind: kind.into(),
                after_place,
                page_size: 1_000,
                at_least_position: self.published(),
            };
            let client = self.directory();
            let page = self
                .call(message, move |request| {
                    let mut client = client.clone();
                    async move { client.list_statements(request).await }
                })
                .await?;
            for logged in page.statements {
                statements.push(from_logged(logged)?);
            }
            if !page.more || page.next_place <= after_place {
                return Ok(statements);
            }
            after_place = page.next_place;
        }
    }

    /// The allegations that are not answered yet: by this participant and against it, or all for an
    /// operator. What this client has published counts.
    ///
    /// # Errors
    /// As any call.
    pub async fn faults(&self) -> Result<Vec<v1::OpenFault>, Error> {
        let (mut faults, mut after_place) = (Vec::new(), 0);
        loop {
            let at_least_position = self.published();
            let message =
                v1::ListFaultsRequest { page_size: 1_000, after_place, at_least_position };
            let client = self.directory();
            let page = self
                .call(message, move |request| {
                    let mut client = client.clone();
                    async move { client.list_faults(request).await }
                })
                .await?;
            faults.extend(page.faults);
            if !page.more || page.next_place <= after_place {
                return Ok(faults);
            }
            after_place = page.next_place;
        }
    }

    /// What every read of the directory waits for: who publishes finds it there.
    fn published(&self) -> u64 {
        self.0.published.load(Relaxed)
    }

    fn directory(&self) -> DirectoryServiceClient<Channel> {
        DirectoryServiceClient::new(self.0.channel.clone())
            .max_decoding_message_size(MESSAGE_BYTES_MAX)
    }
}

fn to_message(statement: &AnyStatement) -> v1::Statement {
    v1::Statement { kind: statement.kind().into(), signed: statement.encode().into() }
}

fn from_logged(logged: v1::LoggedStatement) -> Result<LoggedStatement, Error> {
    let unreadable = Error::Malformed("statement");
    let message = logged.statement.ok_or(Error::Malformed("statement is missing"))?;
    let kind = u8::try_from(message.kind).map_err(|_| Error::Malformed("kind of statement"))?;
    let statement = AnyStatement::decode(kind, &message.signed).map_err(|_| unreadable)?;
    Ok(LoggedStatement { statement, place: logged.place, logged_at_ms: logged.logged_at_ms })
}

fn from_answer(answer: &v1::StatementAnswer) -> Result<StatementAnswer, Error> {
    let reason = v1::RejectReason::try_from(answer.reason)
        .map_err(|_| Error::Malformed("reason is unknown to this client"))?;
    let reason = (reason != v1::RejectReason::Unspecified).then_some(reason);
    Ok(StatementAnswer { place: answer.place, reason, replayed: answer.replayed })
}
