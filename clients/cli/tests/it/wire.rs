//! Between a client and its node: a connection that carries so many bytes and then none.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// Hands connections through to a node. Of what its clients send, bytes beyond a limit go no
/// further: the connection stays, and nothing comes of it.
pub(crate) struct Wire {
    address: SocketAddr,
    sent: Arc<AtomicUsize>,
    limit: usize,
}

impl Wire {
    /// To the node at this port, up to `limit` bytes.
    pub(crate) fn new(port: u16, limit: usize) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let sent = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&sent);
        thread::spawn(move || {
            for client in listener.incoming() {
                let (client, counted) = (client.unwrap(), Arc::clone(&counted));
                let node = TcpStream::connect(("127.0.0.1", port)).unwrap();
                let (back, answers) = (client.try_clone().unwrap(), node.try_clone().unwrap());
                thread::spawn(move || carry(answers, back, |_| true));
                let within =
                    move |count| counted.fetch_add(count, Ordering::SeqCst) + count <= limit;
                thread::spawn(move || carry(client, node, within));
            }
        });
        Self { address, sent, limit }
    }

    /// Where clients find the node behind it.
    pub(crate) fn address(&self) -> String {
        format!("https://localhost:{}", self.address.port())
    }

    /// Whether something was held back.
    pub(crate) fn holds_back(&self) -> bool {
        self.sent.load(Ordering::SeqCst) > self.limit
    }
}

/// Hands bytes on as long as they may pass; then takes them and hands on nothing, until the
/// sender goes away.
fn carry(mut from: TcpStream, mut to: TcpStream, passes: impl Fn(usize) -> bool) {
    let mut buffer = vec![0; 1 << 14];
    let mut open = true;
    while let Ok(count @ 1..) = from.read(&mut buffer) {
        open = open && passes(count);
        if open && to.write_all(&buffer[..count]).is_err() {
            return;
        }
    }
}
