//! What the engine can say, recorded and listed: metrics and rejects.

use std::sync::Mutex;

use anyhow::{Context, Result};
use clearing::Reject;
use metrics::{Counter, Gauge, Histogram, Key, KeyName, Metadata, Recorder, SharedString, Unit};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use serde_json::json;

use crate::cli::Output;
use crate::process;

/// Bounds of the buckets in which durations are counted, seconds.
const SECONDS: [f64; 17] = [
    0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5,
    5.0, 10.0, 30.0,
];
/// Bounds of the buckets in which batches are counted, orders.
const ORDERS: [f64; 11] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0, 1_024.0];

/// Begins to record metrics. Histograms have buckets, so that those of several nodes add up.
///
/// # Errors
/// Metrics are recorded already.
pub(crate) fn record() -> Result<PrometheusHandle> {
    let builder = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &SECONDS)
        .and_then(|builder| {
            builder.set_buckets_for_metric(Matcher::Suffix("_orders".to_owned()), &ORDERS)
        })
        .context("cannot count in buckets")?;
    let handle = builder.install_recorder().context("cannot record metrics")?;
    describe();
    Ok(handle)
}

/// Registers the description of every metric with the recorder in place.
fn describe() {
    process::describe();
    bus::metrics::describe();
    gateway::metrics::describe();
    projector::metrics::describe();
    settler::metrics::describe();
}

/// A metric as it describes itself: name, kind, unit if any, description.
type Described = (String, &'static str, Option<Unit>, String);

/// A recorder that only listens to descriptions.
#[derive(Default)]
struct Listener(Mutex<Vec<Described>>);

impl Listener {
    fn add(&self, name: &KeyName, kind: &'static str, unit: Option<Unit>, about: &SharedString) {
        if let Ok(mut described) = self.0.lock() {
            described.push((name.as_str().to_owned(), kind, unit, about.to_string()));
        }
    }
}

impl Recorder for Listener {
    fn describe_counter(&self, name: KeyName, unit: Option<Unit>, about: SharedString) {
        self.add(&name, "counter", unit, &about);
    }

    fn describe_gauge(&self, name: KeyName, unit: Option<Unit>, about: SharedString) {
        self.add(&name, "gauge", unit, &about);
    }

    fn describe_histogram(&self, name: KeyName, unit: Option<Unit>, about: SharedString) {
        self.add(&name, "histogram", unit, &about);
    }

    fn register_counter(&self, _: &Key, _: &Metadata<'_>) -> Counter {
        Counter::noop()
    }

    fn register_gauge(&self, _: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::noop()
    }

    fn register_histogram(&self, _: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::noop()
    }
}

fn described() -> Vec<Described> {
    let listener = Listener::default();
    metrics::with_local_recorder(&listener, describe);
    let mut all = listener.0.into_inner().unwrap_or_default();
    all.sort_by(|one, next| one.0.cmp(&next.0));
    all
}

/// Every metric.
pub(crate) fn metrics(output: Output) -> String {
    let all = described();
    match output {
        Output::Text => all
            .iter()
            .map(|(name, kind, _, about)| format!("{name}  {kind}\n    {about}\n"))
            .collect(),
        Output::Json => {
            let all: Vec<_> = all
                .iter()
                .map(|(name, kind, unit, about)| {
                    let unit = unit.map(|unit| unit.as_str());
                    json!({ "name": name, "kind": kind, "unit": unit, "description": about })
                })
                .collect();
            format!("{:#}\n", json!(all))
        }
    }
}

/// Every reject, in order of precedence.
pub(crate) fn rejects(output: Output) -> String {
    match output {
        Output::Text => Reject::ALL
            .iter()
            .map(|reject| {
                let again = if reject.is_transient() { "send again later" } else { "final" };
                let (number, code, iso) = (reject.number(), reject.code(), reject.iso_code());
                format!("{number:>3}  {code:<22} {iso}  {again}\n")
            })
            .collect(),
        Output::Json => {
            let all: Vec<_> = Reject::ALL
                .iter()
                .map(|reject| {
                    json!({
                        "number": reject.number(),
                        "code": reject.code(),
                        "iso_code": reject.iso_code(),
                        "transient": reject.is_transient(),
                    })
                })
                .collect();
            format!("{:#}\n", json!(all))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_the_conventions_and_are_unique() {
        let all = described();
        assert!(all.len() > 10, "{all:?}");
        for (name, kind, _, about) in &all {
            assert!(name.starts_with("causeway_") || name.starts_with("process_"), "{name}");
            assert!(!about.is_empty(), "{name}");
            assert_eq!(*kind == "counter", name.ends_with("_total"), "{name}");
        }
        assert!(all.windows(2).all(|pair| pair[0].0 != pair[1].0));
    }

    #[test]
    fn rejects_are_listed_in_order() {
        let text = rejects(Output::Text);
        assert!(text.starts_with("  1  IDENTITY_REUSED        DUPL  final\n"), "{text}");
        let listed: serde_json::Value = serde_json::from_str(&rejects(Output::Json)).unwrap();
        assert_eq!(listed.as_array().unwrap().len(), Reject::ALL.len());
    }
}
