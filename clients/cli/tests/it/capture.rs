//! Packets of the loopback interface, put together to what went over each connection.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rustix::fd::OwnedFd;
use rustix::net::{AddressFamily, RecvFlags, SocketType, eth, recv, socket, sockopt};

/// What waits to be read, at most: far more than a test sends.
const BUFFER_BYTES: usize = 64 << 20;
/// How often it is looked whether the capture is to end, if there are no packets.
const POLL: Duration = Duration::from_millis(100);
const TCP: u8 = 6;
const SYN: u8 = 0x02;

/// A capture that runs.
pub(crate) struct Capture {
    ended: Arc<AtomicBool>,
    packets: JoinHandle<Vec<Stream>>,
}

/// One direction of one connection.
pub(crate) struct Stream {
    /// The ports, from and to.
    pub(crate) ports: (u16, u16),
    /// The sequence number of the first byte.
    first: u32,
    /// By their distance from the first byte.
    parts: BTreeMap<u32, Vec<u8>>,
}

impl Capture {
    /// Begins to capture what goes over connections to these ports; `None`, and says so, if the
    /// operating system does not let this process.
    pub(crate) fn begin(ports: [u16; 2]) -> Option<Self> {
        let opened = socket(AddressFamily::PACKET, SocketType::DGRAM, Some(eth::IP));
        let Ok(packets) = opened else {
            eprintln!("SKIP: no packets are captured: that needs CAP_NET_RAW (run it as root)");
            return None;
        };
        // Beyond the system's bound only with CAP_NET_ADMIN; what a smaller one loses fails the test.
        if sockopt::set_socket_recv_buffer_size_force(&packets, BUFFER_BYTES).is_err() {
            sockopt::set_socket_recv_buffer_size(&packets, BUFFER_BYTES).unwrap();
        }
        let timeout = sockopt::Timeout::Recv;
        sockopt::set_socket_timeout(&packets, timeout, Some(POLL)).unwrap();
        let ended = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&ended);
        let packets = thread::spawn(move || read_all(&packets, ports, &told));
        Some(Self { ended, packets })
    }

    /// Everything that was captured, once there is no more.
    pub(crate) fn end(self) -> Vec<Stream> {
        self.ended.store(true, Ordering::SeqCst);
        self.packets.join().unwrap()
    }
}

fn read_all(packets: &OwnedFd, ports: [u16; 2], ended: &AtomicBool) -> Vec<Stream> {
    let mut streams: Vec<Stream> = Vec::new();
    let mut buffer = vec![0; 1 << 17];
    loop {
        // What was sent before is there by then; others of the machine may go on for ever.
        let was_to_end = ended.load(Ordering::SeqCst);
        let flags = if was_to_end { RecvFlags::DONTWAIT } else { RecvFlags::empty() };
        match recv(packets, &mut buffer[..], flags) {
            Ok((count, _)) => {
                let _ = take(&buffer[..count], ports, &mut streams);
            }
            Err(_) if was_to_end => return streams,
            Err(_) => {}
        }
    }
}

/// Adds an IPv4 packet to its connection, if it is of one of these ports.
fn take(packet: &[u8], ports: [u16; 2], streams: &mut Vec<Stream>) -> Option<()> {
    let number = |bytes: &[u8]| bytes.iter().fold(0, |sum, byte| sum << 8 | u32::from(*byte));
    let length = usize::try_from(number(packet.get(2..4)?)).unwrap();
    let head = usize::from(packet[0] & 0x0f) * 4;
    if *packet.get(9)? != TCP {
        return None;
    }
    let segment = packet.get(head..length)?;
    let port = |at: usize| Some(u16::try_from(number(segment.get(at..at + 2)?)).unwrap());
    let (from, to) = (port(0)?, port(2)?);
    if !ports.contains(&from) && !ports.contains(&to) {
        return None;
    }
    let sequence = number(segment.get(4..8)?);
    let data = segment.get(usize::from(segment.get(12)? >> 4) * 4..)?;
    let begins = segment.get(13)? & SYN != 0;
    let known = streams.iter().rposition(|stream| stream.ports == (from, to));
    let at = match known.filter(|_| !begins) {
        Some(at) => at,
        None => {
            let first = sequence.wrapping_add(begins.into());
            streams.push(Stream { ports: (from, to), first, parts: BTreeMap::new() });
            streams.len() - 1
        }
    };
    let stream = &mut streams[at];
    let part = stream.parts.entry(sequence.wrapping_sub(stream.first)).or_default();
    // The same again, perhaps with more behind it.
    if part.len() < data.len() {
        data.clone_into(part);
    }
    Some(())
}

impl Stream {
    /// What went over it, all of it.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        for (at, part) in self.parts.iter().filter(|(_, part)| !part.is_empty()) {
            let known = bytes.len().checked_sub(usize::try_from(*at).unwrap());
            let known = known.unwrap_or_else(|| panic!("a packet was not captured"));
            bytes.extend_from_slice(part.get(known..).unwrap_or_default());
        }
        bytes
    }
}

/// Whether bytes are TLS records one behind the other, the last perhaps cut off, and nothing else.
pub(crate) fn is_tls(mut bytes: &[u8]) -> bool {
    while let [kind, 3, 1 | 3, high, low, rest @ ..] = bytes {
        let length = usize::from(u16::from_be_bytes([*high, *low]));
        if !(20..=23).contains(kind) || length > (1 << 14) + 256 {
            return false;
        }
        bytes = rest.get(length..).unwrap_or_default();
    }
    bytes.len() < 5
}
