//! `causewayd export`: the log as one file.

use std::io::{self, BufWriter, ErrorKind, IsTerminal, Write};
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use archive::Draft;
use bus::embedded::EmbeddedLog;
use bus::{Log, Position};
use serde_json::json;

use crate::backends;
use crate::cli::Output;
use crate::datadir::DataDir;

const READ_BYTES: usize = 4 << 20;

/// What was written.
#[derive(Debug)]
pub(crate) struct Exported {
    records: u64,
    bytes: u64,
    /// Whether remains of a torn write lie behind the last record; they are not exported.
    torn: bool,
}

/// Writes the log of a data directory to a new file, whole or not at all.
///
/// # Errors
/// There is no log, it is in use or cannot be read, or the file exists or cannot be written.
pub(crate) fn to_file(dir: &Path, file: &Path) -> Result<Exported> {
    let about = || format!("cannot write {}", file.display());
    let (log, torn, _dir) = open(dir)?;
    let mut draft = Draft::create(file).with_context(about)?;
    let records = each(&*log, |record| draft.write(record).with_context(about))?;
    let bytes = draft.commit().with_context(about)?;
    Ok(Exported { records, bytes, torn })
}

/// Writes the log to stdout.
///
/// # Errors
/// As [`to_file`]; and stdout is a terminal, which would obey what payments say.
pub(crate) fn to_stdout(dir: &Path) -> Result<Exported> {
    let stdout = io::stdout();
    if stdout.is_terminal() {
        bail!("stdout is a terminal; name a file, or pipe it somewhere");
    }
    let (log, torn, _dir) = open(dir)?;
    let mut out = BufWriter::with_capacity(1 << 20, stdout.lock());
    let mut bytes = 0;
    let records = each(&*log, |record| {
        bytes += record.len() as u64;
        out.write_all(record).context("cannot write to stdout")
    })?;
    out.flush().context("cannot write to stdout")?;
    Ok(Exported { records, bytes, torn })
}

/// The log of a data directory, which stays locked, or of a node's configuration; and whether it is
/// torn.
fn open(path: &Path) -> Result<(Arc<dyn Log>, bool, Option<DataDir>)> {
    if backends::is_config(path) {
        return Ok((backends::open_to_read(path)?.log, false, None));
    }
    let dir = DataDir::existing(path)?;
    let log = open_log(&dir).context("cannot open the log")?;
    let torn = log.torn();
    Ok((Arc::new(log), torn, Some(dir)))
}

/// Hands over every record that the log has at the start.
fn each(log: &dyn Log, mut write: impl FnMut(&[u8]) -> Result<()>) -> Result<u64> {
    let (mut next, end) = (0, log.end().0);
    while next < end {
        for record in log.read(Position(next), READ_BYTES).context("cannot read the log")? {
            if next < end {
                write(&record)?;
                next += 1;
            }
        }
    }
    Ok(next)
}

/// Opens the log of whatever pool it is, to read it only.
pub(crate) fn open_log(dir: &DataDir) -> Result<EmbeddedLog, bus::Fault> {
    let options = bus::embedded::Options::default();
    let open = |pool| EmbeddedLog::open_read_only(&dir.log(), pool, &options);
    match open(0) {
        Err(bus::Fault::Foreign { found, .. }) => open(found),
        opened => opened,
    }
}

impl Exported {
    pub(crate) fn render(&self, output: Output) -> String {
        let Self { records, bytes, torn } = self;
        match output {
            Output::Text => {
                let end = if *torn { "torn, its remains are left out" } else { "whole" };
                format!("records  {records}\nbytes    {bytes}\nend      {end}\n")
            }
            Output::Json => {
                format!("{}\n", json!({ "records": records, "bytes": bytes, "torn_end": torn }))
            }
        }
    }
}

/// Whether an error is that a file stands where the export should.
pub(crate) fn in_the_way(error: &anyhow::Error) -> bool {
    let source = error.downcast_ref::<io::Error>();
    source.is_some_and(|error| error.kind() == ErrorKind::AlreadyExists)
}
