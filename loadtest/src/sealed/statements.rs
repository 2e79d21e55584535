//! Statements on their way into the pool.

use std::time::Duration;

use anyhow::{Context as _, bail};
use channel::AnyStatement;
use proto::v1::directory_service_client::DirectoryServiceClient;
use proto::v1::{PublishRequest, RejectReason, Statement};
use tonic::Code;
use tonic::transport::Channel;

/// Statements handed in at once.
const AT_ONCE: usize = 64;

/// Where statements lie until they are handed in.
pub(super) struct Desk {
    connection: Channel,
    waiting: Vec<Statement>,
}

impl Desk {
    pub(super) fn new(connection: Channel) -> Self {
        Self { connection, waiting: Vec::new() }
    }

    pub(super) fn lay(&mut self, statement: impl Into<AnyStatement>) {
        let statement = statement.into();
        let (kind, signed) = (i32::from(statement.kind()), statement.encode().into());
        self.waiting.push(Statement { kind, signed });
    }

    /// Hands in what lies here; all of it must take effect.
    pub(super) async fn hand_in(&mut self) -> anyhow::Result<()> {
        let waiting = std::mem::take(&mut self.waiting);
        for some in waiting.chunks(AT_ONCE) {
            let answers = self.publish(PublishRequest { statements: some.to_vec() }).await?;
            anyhow::ensure!(answers.len() == some.len(), "{} answers", answers.len());
            if let Some(refused) = answers.iter().find(|it| **it != RejectReason::Unspecified) {
                bail!("a statement was refused: {}", refused.as_str_name());
            }
        }
        Ok(())
    }

    async fn publish(&self, request: PublishRequest) -> anyhow::Result<Vec<RejectReason>> {
        let mut client = DirectoryServiceClient::new(self.connection.clone());
        loop {
            match client.publish(request.clone()).await {
                Ok(answer) => {
                    let answers = answer.into_inner().answers;
                    return Ok(answers.iter().map(proto::v1::StatementAnswer::reason).collect());
                }
                // So many in a row pass the node's rate limit.
                Err(status) if status.code() == Code::ResourceExhausted => {
                    tokio::time::sleep(Duration::from_millis(500)).await;
                }
                Err(status) => return Err(status).context("publish"),
            }
        }
    }
}
