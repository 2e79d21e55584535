//! One accepted connection: TLS, who is at the other end, and the ways it ends by itself.

use std::future::Future as _;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, Sleep, sleep};
use tokio_rustls::server::TlsStream;
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};
use tonic::transport::server::Connected;

use crate::identity::Connection;

/// An open connection. It fails when it is cut, and when nothing arrives for too long: HTTP/2
/// itself waits without limit for a peer that never begins to speak it.
pub(crate) struct Conn {
    stream: TlsStream<TcpStream>,
    connection: Arc<Connection>,
    silence: Pin<Box<Sleep>>,
    silence_timeout: Duration,
    /// When bytes last arrived; none yet at first.
    heard_at: Option<Instant>,
    cut: Pin<Box<WaitForCancellationFutureOwned>>,
    _counted: OwnedSemaphorePermit,
}

impl Conn {
    /// `first_timeout` bounds the wait for the first bytes, `silence_timeout` every later one.
    pub(crate) fn new(
        stream: TlsStream<TcpStream>,
        connection: Connection,
        (first_timeout, silence_timeout): (Duration, Duration),
        cut: CancellationToken,
        counted: OwnedSemaphorePermit,
    ) -> Self {
        Self {
            stream,
            connection: Arc::new(connection),
            silence: Box::pin(sleep(first_timeout)),
            silence_timeout,
            heard_at: None,
            cut: Box::pin(cut.cancelled_owned()),
            _counted: counted,
        }
    }

    fn check_cut(&mut self, context: &mut Context<'_>) -> io::Result<()> {
        match self.cut.as_mut().poll(context) {
            Poll::Ready(()) => Err(io::ErrorKind::ConnectionAborted.into()),
            Poll::Pending => Ok(()),
        }
    }

    /// Ready with an error once nothing was heard for the whole timeout. The timer is not moved
    /// with every read; when it fires it looks at how long ago the last one was.
    fn poll_silence(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            ready!(self.silence.as_mut().poll(context));
            let until = self.heard_at.map(|heard_at| heard_at + self.silence_timeout);
            match until.filter(|until| *until > Instant::now()) {
                Some(until) => self.silence.as_mut().reset(until),
                None => return Poll::Ready(Err(io::ErrorKind::TimedOut.into())),
            }
        }
    }
}

impl Connected for Conn {
    type ConnectInfo = Arc<Connection>;

    fn connect_info(&self) -> Arc<Connection> {
        Arc::clone(&self.connection)
    }
}

impl AsyncRead for Conn {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.check_cut(context)?;
        match Pin::new(&mut self.stream).poll_read(context, buffer) {
            Poll::Ready(done) => {
                self.heard_at = Some(Instant::now());
                Poll::Ready(done)
            }
            Poll::Pending => self.poll_silence(context),
        }
    }
}

impl AsyncWrite for Conn {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.check_cut(context)?;
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.check_cut(context)?;
        Pin::new(&mut self.stream).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.check_cut(context)?;
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.check_cut(context)?;
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
