//! Telling others that the node is ready: a file, and systemd.

use std::net::SocketAddr;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{self, UnixDatagram};
use std::path::Path;

use anyhow::{Context, Result};
use serde_json::json;

/// Writes the ready file, whole or not at all, and tells systemd. A process that takes no calls has no
/// address for gRPC.
///
/// # Errors
/// The file cannot be written.
pub(crate) fn announce(
    (grpc, metrics): (Option<SocketAddr>, SocketAddr),
    ready_file: Option<&Path>,
) -> Result<()> {
    if let Some(path) = ready_file {
        let partial = path.with_extension("partial");
        let grpc = grpc.map(|grpc| grpc.to_string());
        let text = json!({ "grpc": grpc, "metrics": metrics.to_string() });
        std::fs::write(&partial, format!("{text}\n"))
            .and_then(|()| std::fs::rename(&partial, path))
            .with_context(|| format!("cannot write {}", path.display()))?;
    }
    notify("READY=1");
    Ok(())
}

/// Tells systemd, if it started this process and wants to know (`sd_notify(3)`).
pub(crate) fn notify(state: &str) {
    let Ok(path) = std::env::var("NOTIFY_SOCKET") else { return };
    let address = match path.strip_prefix('@') {
        Some(name) => net::SocketAddr::from_abstract_name(name),
        None => net::SocketAddr::from_pathname(&path),
    };
    let sent = address
        .and_then(|address| UnixDatagram::unbound()?.send_to_addr(state.as_bytes(), &address));
    if let Err(error) = sent {
        tracing::warn!(%error, "cannot notify systemd");
    }
}
