//! What verifying found.

use std::fmt::{self, Display};

use ledger::Hash;
use serde_json::json;

use crate::cli::Output;

/// Something that does not hold.
#[derive(Debug, Clone)]
pub(crate) struct Bad {
    /// The record at which it shows; none if it is the store as a whole.
    pub(crate) position: Option<u64>,
    /// The batch, if it is one that does not hold.
    pub(crate) batch: Option<u64>,
    pub(crate) error: String,
}

impl Bad {
    pub(crate) fn record(position: u64, error: impl Display) -> Self {
        Self { position: Some(position), batch: None, error: error.to_string() }
    }

    /// The store cannot be compared with the log.
    pub(crate) fn store(error: impl Display) -> Self {
        Self { position: None, batch: None, error: error.to_string() }
    }

    pub(crate) fn batch(position: u64, number: u64, error: impl Display) -> Self {
        Self { position: Some(position), batch: Some(number), error: error.to_string() }
    }
}

impl Display for Bad {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(position) = self.position {
            write!(f, "record {position}")?;
            if let Some(batch) = self.batch {
                write!(f, ", batch {batch}")?;
            }
            write!(f, ": ")?;
        }
        f.write_str(&self.error)
    }
}

/// Proposals for which the solver was run again.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Resolved {
    /// They came out the same.
    pub(crate) same: u64,
    /// Their solver's version, or what it began with, is not known here.
    pub(crate) unknown: u64,
}

/// The result as a whole.
#[derive(Debug)]
pub(crate) struct Report {
    pub(crate) ok: bool,
    /// Records that hold; of a log that is damaged, those that could be read before the damage.
    pub(crate) records: u64,
    /// Whether the records were replayed; those of a damaged log are read only.
    pub(crate) replayed: bool,
    pub(crate) orders: u64,
    /// Batches sealed.
    pub(crate) batches: u64,
    /// Batches in the store that are the same; none if there is no store.
    pub(crate) stored_batches: Option<u64>,
    /// Of the last batch; zeros if there is none.
    pub(crate) state_root: Hash,
    /// Whether signatures were checked.
    pub(crate) signatures: bool,
    /// If the solver was run again.
    pub(crate) resolved: Option<Resolved>,
    /// Whether what was verified is an export: then there is no store to compare with.
    pub(crate) export: bool,
    /// Whether remains of a torn write lie behind the last record; the node cuts them off.
    pub(crate) torn: bool,
    pub(crate) bad: Option<Bad>,
}

impl Report {
    /// Nothing could be replayed. What lies before the record that is named could be read.
    pub(crate) fn bad(bad: Bad) -> Self {
        Self {
            ok: false,
            records: bad.position.unwrap_or(0),
            replayed: false,
            orders: 0,
            batches: 0,
            stored_batches: None,
            state_root: [0; 32],
            signatures: false,
            resolved: None,
            export: false,
            torn: false,
            bad: Some(bad),
        }
    }

    pub(crate) fn render(&self, output: Output) -> String {
        match output {
            Output::Json => format!("{}\n", self.json()),
            Output::Text => self.text(),
        }
    }

    fn json(&self) -> serde_json::Value {
        json!({
            "ok": self.ok,
            "records": self.records,
            "replayed": self.replayed,
            "orders": self.orders,
            "batches": self.batches,
            "stored_batches": self.stored_batches,
            "state_root": hex(&self.state_root),
            "signatures_checked": self.signatures,
            "resolved_proposals": self.resolved.map(|resolved| resolved.same),
            "unresolvable_proposals": self.resolved.map(|resolved| resolved.unknown),
            "export": self.export,
            "torn_end": self.torn,
            "first_bad": self.bad.as_ref().map(|bad| json!({
                "record": bad.position,
                "batch": bad.batch,
                "error": bad.error,
            })),
        })
    }

    fn in_store(&self) -> String {
        match self.stored_batches {
            Some(count) => count.to_string(),
            None if self.export => "not compared: an export has no store".to_owned(),
            None => "no store".to_owned(),
        }
    }

    fn text(&self) -> String {
        let mut text = format!(
            "records     {}{}\norders      {}\nbatches     {}\nin store    {}\nstate root  {}\n\
             signatures  {}\nend         {}\n",
            self.records,
            if self.replayed { "" } else { " read, none replayed" },
            self.orders,
            self.batches,
            self.in_store(),
            hex(&self.state_root),
            if self.signatures { "checked" } else { "not checked" },
            if self.torn { "torn, to be cut at the next start" } else { "whole" },
        );
        if let Some(Resolved { same, unknown }) = self.resolved {
            let line =
                format!("solver      {same} proposals the same, {unknown} not solvable here\n");
            text.push_str(&line);
        }
        match &self.bad {
            None => text.push_str("everything holds\n"),
            Some(bad) => text.push_str(&format!("DOES NOT HOLD: {bad}\n")),
        }
        text
    }
}

fn hex(hash: &Hash) -> String {
    hash.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_the_record_and_the_batch() {
        let report = Report::bad(Bad::batch(7, 2, "another hash"));
        assert!(report.text().ends_with("DOES NOT HOLD: record 7, batch 2: another hash\n"));
        let json = report.json();
        assert_eq!((&json["first_bad"]["record"], &json["records"]), (&7.into(), &7.into()));
        assert_eq!(json["replayed"], false);
        assert_eq!(json["ok"], false);
        assert_eq!(json["state_root"].as_str().unwrap().len(), 64);
    }

    #[test]
    fn names_the_store_if_it_is_no_record() {
        let report = Report::bad(Bad::store("the store is damaged"));
        let text = report.text();
        assert!(text.ends_with("DOES NOT HOLD: the store is damaged\n"), "{text}");
        assert!(report.json()["first_bad"]["record"].is_null());
    }
}
