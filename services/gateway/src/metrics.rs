//! The gateway's metrics. No label ever holds an id: labels are methods, codes and reasons, all of
//! them closed sets.

use std::time::Duration;

use metrics::{Unit, counter, describe_counter, describe_histogram, histogram};
use tonic::Code;

/// Calls answered, by `method` and `code`. A stream counts when it begins.
pub const REQUESTS: &str = "causeway_gateway_requests_total";
/// Seconds until a call was answered or a stream began, by `method`.
pub const REQUEST_SECONDS: &str = "causeway_gateway_request_seconds";
/// Calls and batches refused or failed, other than by a rule of the core, by `reason`.
pub const REFUSED: &str = "causeway_gateway_refused_total";
/// Orders that became durable in the log.
pub const ORDERS: &str = "causeway_gateway_orders_total";
/// Orders in each batch taken in.
pub const BATCH_ORDERS: &str = "causeway_gateway_batch_orders";
/// Seconds of checking and packing one batch.
pub const INTAKE_SECONDS: &str = "causeway_gateway_intake_seconds";
/// Seconds from taking a batch in until it was durable in the log.
pub const DURABLE_SECONDS: &str = "causeway_gateway_durable_seconds";
/// Seconds from taking a batch in until the core had ruled on it.
pub const RULED_SECONDS: &str = "causeway_gateway_ruled_seconds";
/// Orders rejected or refused by the core, by `reason`.
pub const REJECTS: &str = "causeway_gateway_rejects_total";
/// Statements that the core has ruled on, by `kind` and `result`: accepted, replayed or a reason.
pub const STATEMENTS: &str = "causeway_gateway_statements_total";
/// Connections whose handshake was completed.
pub const CONNECTIONS: &str = "causeway_gateway_connections_total";
/// Connections closed before they could be used, by `reason`.
pub const CONNECTIONS_REFUSED: &str = "causeway_gateway_connections_refused_total";

/// Registers the descriptions with the recorder in place.
pub fn describe() {
    describe_counter!(REQUESTS, "Calls answered, by method and code; a stream when it begins");
    describe_histogram!(REQUEST_SECONDS, Unit::Seconds, "Time to the answer, by method");
    describe_counter!(
        REFUSED,
        "Calls and batches refused or failed, other than by the core, by reason"
    );
    describe_counter!(ORDERS, "Orders that became durable in the log");
    describe_histogram!(BATCH_ORDERS, Unit::Count, "Orders in each batch taken in");
    describe_histogram!(INTAKE_SECONDS, Unit::Seconds, "Time to check and pack one batch");
    describe_histogram!(DURABLE_SECONDS, Unit::Seconds, "Time until a batch taken in was durable");
    describe_histogram!(RULED_SECONDS, Unit::Seconds, "Time until the core had ruled on a batch");
    describe_counter!(REJECTS, "Orders rejected or refused by the core, by reason");
    describe_counter!(STATEMENTS, "Statements ruled on by the core, by kind and result");
    describe_counter!(CONNECTIONS, "Connections whose handshake was completed");
    describe_counter!(CONNECTIONS_REFUSED, "Connections closed before use, by reason");
    // Shown from the start, so that the first increase is seen as one.
    [ORDERS, CONNECTIONS].into_iter().for_each(|name| counter!(name).increment(0));
}

pub(crate) fn answered(method: &'static str, code: Code, took: Duration) {
    counter!(REQUESTS, "method" => method, "code" => code_name(code)).increment(1);
    histogram!(REQUEST_SECONDS, "method" => method).record(took);
}

pub(crate) fn refused(reason: &'static str) {
    counter!(REFUSED, "reason" => reason).increment(1);
}

#[expect(clippy::cast_precision_loss, reason = "a batch has at most 1,024 orders")]
pub(crate) fn batch_checked(orders: usize, took: Duration) {
    histogram!(BATCH_ORDERS).record(orders as f64);
    histogram!(INTAKE_SECONDS).record(took);
}

pub(crate) fn orders_logged(orders: usize, took: Duration) {
    counter!(ORDERS).increment(orders as u64);
    histogram!(DURABLE_SECONDS).record(took);
}

pub(crate) fn batch_ruled(took: Duration) {
    histogram!(RULED_SECONDS).record(took);
}

pub(crate) fn rejected(reason: &'static str) {
    counter!(REJECTS, "reason" => reason).increment(1);
}

pub(crate) fn stated(kind: &'static str, result: &'static str) {
    counter!(STATEMENTS, "kind" => kind, "result" => result).increment(1);
}

pub(crate) fn connection_opened() {
    counter!(CONNECTIONS).increment(1);
}

pub(crate) fn connection_refused(reason: &'static str) {
    counter!(CONNECTIONS_REFUSED, "reason" => reason).increment(1);
}

/// The name of a code in the gRPC specification.
fn code_name(code: Code) -> &'static str {
    match code {
        Code::Ok => "OK",
        Code::Cancelled => "CANCELLED",
        Code::Unknown => "UNKNOWN",
        Code::InvalidArgument => "INVALID_ARGUMENT",
        Code::DeadlineExceeded => "DEADLINE_EXCEEDED",
        Code::NotFound => "NOT_FOUND",
        Code::AlreadyExists => "ALREADY_EXISTS",
        Code::PermissionDenied => "PERMISSION_DENIED",
        Code::ResourceExhausted => "RESOURCE_EXHAUSTED",
        Code::FailedPrecondition => "FAILED_PRECONDITION",
        Code::Aborted => "ABORTED",
        Code::OutOfRange => "OUT_OF_RANGE",
        Code::Unimplemented => "UNIMPLEMENTED",
        Code::Internal => "INTERNAL",
        Code::Unavailable => "UNAVAILABLE",
        Code::DataLoss => "DATA_LOSS",
        Code::Unauthenticated => "UNAUTHENTICATED",
    }
}
