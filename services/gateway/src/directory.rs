//! `DirectoryService`: statements in, and out again as they were signed.
//!
//! Here it is checked that a statement can be read, that its signature holds, and that a fault or an
//! opening is about a slot that there is; whether its signer may say so, and what follows, is the
//! core's to rule. Nothing that is handed out is vouched for by this node: clients believe
//! signatures.

mod current;
mod faults;
mod list;
mod logged;
mod publish;
mod slots;

use proto::v1;
use proto::v1::directory_service_server::DirectoryService;
use tonic::{Request, Response, Status};

use crate::gateway::Gateway;
use crate::identity::Caller;

pub(crate) use self::current::Current;
pub(crate) use self::publish::MESSAGE_BYTES_MAX;

#[tonic::async_trait]
impl DirectoryService for Gateway {
    async fn publish(
        &self,
        request: Request<v1::PublishRequest>,
    ) -> Result<Response<v1::PublishResponse>, Status> {
        let caller = Caller::of(request.extensions())?;
        let statements = request.into_inner().statements;
        Ok(Response::new(self.publish_statements(&caller, statements).await?))
    }

    async fn list_directory(
        &self,
        request: Request<v1::ListDirectoryRequest>,
    ) -> Result<Response<v1::ListDirectoryResponse>, Status> {
        let caller = Caller::of(request.extensions())?;
        Ok(Response::new(self.directory(&caller, request.get_ref()).await?))
    }

    async fn get_epoch(
        &self,
        request: Request<v1::GetEpochRequest>,
    ) -> Result<Response<v1::GetEpochResponse>, Status> {
        let caller = Caller::of(request.extensions())?;
        Ok(Response::new(self.epoch(&caller, request.get_ref()).await?))
    }

    async fn list_statements(
        &self,
        request: Request<v1::ListStatementsRequest>,
    ) -> Result<Response<v1::ListStatementsResponse>, Status> {
        let caller = Caller::of(request.extensions())?;
        Ok(Response::new(self.statements(&caller, request.get_ref()).await?))
    }

    async fn list_faults(
        &self,
        request: Request<v1::ListFaultsRequest>,
    ) -> Result<Response<v1::ListFaultsResponse>, Status> {
        let caller = Caller::of(request.extensions())?;
        Ok(Response::new(self.faults(&caller, request.get_ref()).await?))
    }
}
