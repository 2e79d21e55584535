//! Which role may call which method: one table, and the guard that applies it to every request
//! before anything else sees it.

use std::convert::Infallible;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use channel::Role;
use tonic::body::Body;
use tonic::codegen::http::{Request, Response};
use tonic::codegen::{BoxFuture, Service};
use tonic::{Code, Status};
use tower::Layer;
use tracing::Instrument as _;

use crate::errors::Refusal;
use crate::gateway::Gateway;
use crate::identity::Connection;
use crate::metrics;

/// Who may call a method.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Participants of these roles.
    Roles(&'static [Role]),
    /// Whoever has a certificate of the pool's CA.
    Certificate,
}

const BANK: Access = Access::Roles(&[Role::Bank, Role::LiquidityProvider]);
/// Who sends or receives payments, or may read a part of what is sealed in some.
const READERS: Access =
    Access::Roles(&[Role::Bank, Role::LiquidityProvider, Role::Regulator, Role::Screener]);
const PROVIDER: Access = Access::Roles(&[Role::LiquidityProvider]);
const QUOTES: Access = Access::Roles(&[Role::LiquidityProvider, Role::Operator, Role::Regulator]);
const PRICES: Access =
    Access::Roles(&[Role::Bank, Role::LiquidityProvider, Role::Operator, Role::Regulator]);
const OPERATOR: Access = Access::Roles(&[Role::Operator]);
/// Whose payments and legs wait, and who is told of all of them.
const QUEUES: Access = Access::Roles(&[Role::Bank, Role::LiquidityProvider, Role::Operator]);
const AUDITORS: Access = Access::Roles(&[Role::Operator, Role::Regulator]);
const BOOKS: Access =
    Access::Roles(&[Role::Bank, Role::LiquidityProvider, Role::SettlementAgent, Role::Operator]);
/// Whose books they are, and who is told of all batches.
const REPORTS: Access = Access::Roles(&[
    Role::Bank,
    Role::LiquidityProvider,
    Role::SettlementAgent,
    Role::Operator,
    Role::Regulator,
]);
const ALL: Access = Access::Roles(&Role::ALL);

/// Every method of the edge with who may call it. What is not here cannot be called.
pub const ACCESS: [(&str, Access); 34] = [
    ("/causeway.v1.PaymentService/SubmitPayment", BANK),
    ("/causeway.v1.PaymentService/SubmitBatches", BANK),
    ("/causeway.v1.PaymentService/GetPayment", READERS),
    ("/causeway.v1.PaymentService/CancelPayment", BANK),
    ("/causeway.v1.PaymentService/WatchPayments", READERS),
    ("/causeway.v1.FxService/SetQuotes", PROVIDER),
    ("/causeway.v1.FxService/StreamQuotes", PROVIDER),
    ("/causeway.v1.FxService/ListQuotes", QUOTES),
    ("/causeway.v1.FxService/ListPrices", PRICES),
    ("/causeway.v1.FxService/ListFills", PROVIDER),
    ("/causeway.v1.LedgerService/ListBalances", BOOKS),
    ("/causeway.v1.LedgerService/ListEntries", BOOKS),
    ("/causeway.v1.LedgerService/ListTransfers", BOOKS),
    ("/causeway.v1.LedgerService/GetBatchReport", REPORTS),
    ("/causeway.v1.InsightService/ExplainPayment", QUEUES),
    ("/causeway.v1.InsightService/ListUnlocks", QUEUES),
    ("/causeway.v1.InsightService/SimulateChanges", QUEUES),
    ("/causeway.v1.OperatorService/ExecuteCommand", BOOKS),
    ("/causeway.v1.OperatorService/GetPool", ALL),
    ("/causeway.v1.OperatorService/ListParticipants", ALL),
    ("/causeway.v1.OperatorService/ListAccounts", BOOKS),
    ("/causeway.v1.OperatorService/ListLimits", BOOKS),
    ("/causeway.v1.OperatorService/ListDays", ALL),
    ("/causeway.v1.OperatorService/AdvanceClock", OPERATOR),
    ("/causeway.v1.AuditService/SubscribeBatches", AUDITORS),
    ("/causeway.v1.DirectoryService/Publish", ALL),
    ("/causeway.v1.DirectoryService/ListDirectory", ALL),
    ("/causeway.v1.DirectoryService/GetEpoch", ALL),
    ("/causeway.v1.DirectoryService/ListStatements", ALL),
    ("/causeway.v1.DirectoryService/ListFaults", ALL),
    ("/grpc.health.v1.Health/Check", Access::Certificate),
    ("/grpc.health.v1.Health/Watch", Access::Certificate),
    ("/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", Access::Certificate),
    ("/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo", Access::Certificate),
];

/// Puts the guard in front of all services.
#[derive(Clone)]
pub(crate) struct Guard(pub(crate) Gateway);

impl<S> Layer<S> for Guard {
    type Service = Guarded<S>;

    fn layer(&self, inner: S) -> Guarded<S> {
        Guarded { gateway: self.0.clone(), inner }
    }
}

/// A service behind the guard.
#[derive(Clone)]
pub(crate) struct Guarded<S> {
    gateway: Gateway,
    inner: S,
}

impl<S> Guarded<S> {
    /// The method, if the caller may call it; the caller is then in the request.
    fn admit(&self, request: &mut Request<Body>) -> Result<&'static str, Refusal> {
        let path = request.uri().path();
        let (method, access) = ACCESS
            .iter()
            .find(|(known, _)| *known == path)
            .ok_or_else(|| Refusal::new(Code::Unimplemented, "NO_SUCH_METHOD", "no such method"))?;
        if self.gateway.draining() {
            return Err(Refusal::draining());
        }
        let connection = request.extensions().get::<Arc<Connection>>().ok_or_else(|| {
            Refusal::new(Code::Unauthenticated, "NO_CERTIFICATE", "no client certificate was given")
        })?;
        if let Access::Roles(roles) = access {
            let caller = connection.caller(&self.gateway.view())?;
            if !roles.contains(&caller.role) {
                let message = format!("a {} may not call this method", caller.role.as_str());
                return Err(Refusal::denied("ROLE_NOT_ALLOWED", message));
            }
            request.extensions_mut().insert(caller);
        }
        Ok(method)
    }
}

impl<S> Service<Request<Body>> for Guarded<S>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>,
    S::Future: Send + 'static,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<Response<Body>, Infallible>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        let started_at = Instant::now();
        match self.admit(&mut request) {
            Err(refusal) => {
                let response = Status::from(refusal).into_http();
                Box::pin(async move { Ok(response) })
            }
            Ok(method) => {
                let response = self.inner.call(request);
                let answering = async move {
                    let response = response.await?;
                    let code = Status::from_header_map(response.headers())
                        .map_or(Code::Ok, |status| status.code());
                    metrics::answered(method, code, started_at.elapsed());
                    Ok(response)
                };
                Box::pin(answering.instrument(tracing::info_span!("call", method)))
            }
        }
    }
}
