//! Health: the node is alive if it answers at all; a service is ready if its calls would work.
//!
//! `""` is the whole node and always `SERVING`. `causeway.v1.PaymentService` and
//! `causeway.v1.OperatorService` are not while the pool is halted, since they take things in; the
//! reading services go on. During a drain nothing is ready.

use std::time::Duration;

use proto::v1::audit_service_server::SERVICE_NAME as AUDIT;
use proto::v1::ledger_service_server::SERVICE_NAME as LEDGER;
use proto::v1::operator_service_server::SERVICE_NAME as OPERATOR;
use proto::v1::payment_service_server::SERVICE_NAME as PAYMENT;
use tonic_health::ServingStatus;
use tonic_health::pb::health_server::{Health, HealthServer};
use tonic_health::server::{HealthReporter, HealthService};

use crate::gateway::Gateway;

/// How often the pool is looked at.
const INTERVAL: Duration = Duration::from_millis(500);

/// The service, and a task that keeps it true until the drain.
pub(crate) fn service(gateway: Gateway) -> HealthServer<impl Health> {
    let mut reporter = HealthReporter::new();
    let service = HealthServer::new(HealthService::from_health_reporter(reporter.clone()));
    tokio::spawn(async move {
        let drain = gateway.drain.clone();
        drain.run_until_cancelled(watch(&gateway, &reporter)).await;
        report(&reporter, false, false).await;
        // Whoever watches has heard it by now, or never will; their streams must end too.
        tokio::time::sleep(INTERVAL).await;
        for service in ["", PAYMENT, OPERATOR, LEDGER, AUDIT] {
            reporter.clear_service_status(service).await;
        }
    });
    service
}

async fn watch(gateway: &Gateway, reporter: &HealthReporter) {
    loop {
        report(reporter, gateway.pool.halted().is_none(), true).await;
        tokio::time::sleep(INTERVAL).await;
    }
}

async fn report(reporter: &HealthReporter, takes_in: bool, reads: bool) {
    let status = |ready| if ready { ServingStatus::Serving } else { ServingStatus::NotServing };
    for service in [PAYMENT, OPERATOR] {
        reporter.set_service_status(service, status(takes_in)).await;
    }
    for service in [LEDGER, AUDIT] {
        reporter.set_service_status(service, status(reads)).await;
    }
}
