//! Metrics and health over plain HTTP/1.1: `/metrics`, `/livez`, `/readyz`.
//!
//! *Alive* means that the process answers. *Ready* means that it has caught up with its log, takes
//! orders and has not halted. Every answer closes its connection; a request has a bounded size and
//! time, and there is a bounded number of them.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use metrics_exporter_prometheus::PrometheusHandle;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

use crate::process;

const REQUEST_BYTES_MAX: usize = 8 * 1024;
const CONNECTIONS_MAX: usize = 32;
const REQUEST_TIME_MAX: Duration = Duration::from_secs(5);
const UPKEEP_EVERY: Duration = Duration::from_secs(5);

/// Whether the node is ready; otherwise why not.
pub(crate) type Readiness = Arc<dyn Fn() -> Result<(), String> + Send + Sync>;

/// What answers are made of.
#[derive(Clone)]
pub(crate) struct Sources {
    pub(crate) metrics: PrometheusHandle,
    pub(crate) ready: Readiness,
    /// The folder whose disk is measured.
    pub(crate) data_dir: PathBuf,
}

impl Sources {
    fn metrics(&self) -> String {
        process::refresh(&self.data_dir, (self.ready)().is_ok());
        self.metrics.render()
    }
}

/// Serves until it is dropped.
pub(crate) async fn serve(listener: TcpListener, sources: Sources) {
    let free = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let mut upkeep = tokio::time::interval(UPKEEP_EVERY);
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = upkeep.tick() => {
                sources.metrics.run_upkeep();
                continue;
            }
        };
        // Over the maximum a connection is closed at once.
        let (Ok((stream, _)), Ok(permit)) = (accepted, free.clone().try_acquire_owned()) else {
            continue;
        };
        let sources = sources.clone();
        tokio::spawn(async move {
            let answered = answer(stream, &sources);
            // A caller that is too slow, or gone, gets no answer.
            drop(tokio::time::timeout(REQUEST_TIME_MAX, answered).await);
            drop(permit);
        });
    }
}

async fn answer(mut stream: TcpStream, sources: &Sources) -> std::io::Result<()> {
    let mut request = Vec::new();
    while !request.windows(4).any(|end| end == b"\r\n\r\n") {
        if request.len() > REQUEST_BYTES_MAX || stream.read_buf(&mut request).await? == 0 {
            return Ok(());
        }
    }
    let (status, body) = match path(&request) {
        Some("/metrics") => ("200 OK", sources.metrics()),
        Some("/livez") => ("200 OK", "alive\n".to_owned()),
        Some("/readyz") => match (sources.ready)() {
            Ok(()) => ("200 OK", "ready\n".to_owned()),
            Err(why) => ("503 Service Unavailable", format!("{why}\n")),
        },
        Some(_) => ("404 Not Found", "/metrics /livez /readyz\n".to_owned()),
        None => ("405 Method Not Allowed", "GET only\n".to_owned()),
    };
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\n\
         Content-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(body.as_bytes()).await?;
    stream.shutdown().await
}

/// The path of a GET request, without its query.
fn path(request: &[u8]) -> Option<&str> {
    let line = request.split(|byte| *byte == b'\r').next()?;
    let target = std::str::from_utf8(line).ok()?.strip_prefix("GET ")?.split(' ').next()?;
    target.split('?').next()
}

#[cfg(test)]
mod tests {
    use super::*;
    use metrics_exporter_prometheus::PrometheusBuilder;

    async fn get(address: std::net::SocketAddr, request: &str) -> String {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    }

    #[tokio::test]
    async fn tells_ready_from_alive() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let metrics = PrometheusBuilder::new().build_recorder().handle();
        let ready: Readiness = Arc::new(|| Err("replaying the log".to_owned()));
        let sources = Sources { metrics, ready, data_dir: PathBuf::from("/") };
        let server = tokio::spawn(serve(listener, sources));
        let alive = get(address, "GET /livez HTTP/1.1\r\n\r\n").await;
        assert!(alive.starts_with("HTTP/1.1 200 OK\r\n"), "{alive}");
        let ready = get(address, "GET /readyz?x HTTP/1.1\r\nHost: y\r\n\r\n").await;
        assert!(ready.starts_with("HTTP/1.1 503"), "{ready}");
        assert!(ready.ends_with("\r\n\r\nreplaying the log\n"), "{ready}");
        assert!(get(address, "GET /x HTTP/1.1\r\n\r\n").await.starts_with("HTTP/1.1 404"));
        assert!(get(address, "POST /livez HTTP/1.1\r\n\r\n").await.starts_with("HTTP/1.1 405"));
        assert!(get(address, "GET /metrics HTTP/1.1\r\n\r\n").await.contains("200 OK"));
        server.abort();
    }
}
