//! Events to stderr: text for people, JSON for collectors.

use std::io::IsTerminal;

use anyhow::{Context, Result, anyhow};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt;

use crate::config::{Config, Format};

/// Begins to write events.
///
/// # Errors
/// The filter does not parse, or events are written already.
pub(crate) fn install(config: &Config) -> Result<()> {
    let filter = EnvFilter::try_new(&config.filter).context("telemetry.filter")?;
    let terminal = std::io::stderr().is_terminal();
    let json = match config.format {
        Format::Auto => !terminal,
        Format::Text => false,
        Format::Json => true,
    };
    let events = fmt::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let installed = if json {
        events.json().flatten_event(true).try_init()
    } else {
        events.with_ansi(terminal).try_init()
    };
    installed.map_err(|error| anyhow!("cannot write events: {error}"))
}
