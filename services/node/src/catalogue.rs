//! Lists of what the engine can say: metrics and rejects.

use std::sync::Mutex;

use clearing::Reject;
use metrics::{Counter, Gauge, Histogram, Key, KeyName, Metadata, Recorder, SharedString, Unit};
use serde_json::json;

use crate::cli::Output;

/// Registers the description of every metric with the recorder in place.
pub(crate) fn describe() {
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
            assert!(name.starts_with("causeway_"), "{name}");
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
