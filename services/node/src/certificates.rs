//! `causewayd certificates`: of every cycle that settled, all that its certificate is computed from.
//!
//! Replays a log, or an export of one, and writes a line for each cycle; as JSON, a line is a
//! document that is checked without the log (`docs/reference/certificate.md`). No more than what
//! one record settled is held at once. Prices and liquidity show who is short of money, so this is
//! for those who may read the log itself: there is no call for it.

mod document;

use std::io::Write;
use std::path::Path;

use anyhow::{Context, Result};
use clearing::{Evidence, Pool, SealedBatch};

use self::document::Document;
use crate::cli::Output;
use crate::verify::{Bad, Source};

/// Writes the cycles that settled something, or the one that is asked for; how many there were.
///
/// # Errors
/// The outer one: the log cannot be read or nothing can be written. The inner one: what is in the
/// log does not hold.
pub(crate) fn write(
    path: &Path,
    cycle: Option<u64>,
    output: Output,
    out: &mut dyn Write,
) -> Result<Result<u64, Bad>> {
    let mut source = match Source::open(path)? {
        Ok(source) => source,
        Err(bad) => return Ok(Err(bad)),
    };
    let mut pool = Pool::new(0);
    pool.keep_evidence();
    let mut written = 0;
    if output == Output::Text {
        writeln!(out, "cycle  batch  candidates  settled  value  bound  gap")
            .context(UNWRITABLE)?;
    }
    loop {
        let position = pool.next_position();
        let records = match source.read(position) {
            Ok(records) if records.is_empty() => return Ok(Ok(written)),
            Ok(records) => records,
            Err(bad) => return Ok(Err(bad)),
        };
        for record in records {
            let position = pool.next_position();
            let outcome = match pool.apply(position, &record) {
                Ok(outcome) => outcome,
                Err(error) => return Ok(Err(Bad::record(position, error))),
            };
            // A cycle that settles seals its batch within the record.
            let evidence = pool.take_evidence();
            let Some(batch) = outcome.sealed else { continue };
            for evidence in evidence {
                let found = evidence.certificate.cycle;
                if cycle.is_none_or(|cycle| cycle == found) {
                    line(&pool, &batch, &evidence, output, out).context(UNWRITABLE)?;
                    written += 1;
                }
                if cycle == Some(found) {
                    return Ok(Ok(written));
                }
            }
        }
    }
}

const UNWRITABLE: &str = "cannot write the certificates";

fn line(
    pool: &Pool,
    batch: &SealedBatch,
    evidence: &Evidence,
    output: Output,
    out: &mut dyn Write,
) -> std::io::Result<()> {
    let certificate = &evidence.certificate;
    match output {
        Output::Json => {
            let document = Document { directory: pool.directory(), batch, evidence };
            serde_json::to_writer(&mut *out, &document)?;
            writeln!(out)
        }
        Output::Text => writeln!(
            out,
            "{}  {}  {}  {}  {}  {}  {}",
            certificate.cycle,
            batch.number,
            certificate.candidates,
            certificate.settled,
            certificate.value,
            certificate.bound,
            certificate.gap(),
        ),
    }
}
