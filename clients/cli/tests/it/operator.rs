//! Everything that whoever runs a node has: the memory of its process, which holds what came over
//! its connections after TLS, its disk, its log, its metrics.

use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::started::Node;

/// What one operator has.
pub(crate) struct Operator {
    pid: u32,
    dir: PathBuf,
}

/// Bytes to look through.
pub(crate) struct Scan(Vec<Vec<u8>>);

impl Scan {
    pub(crate) fn of(pieces: Vec<Vec<u8>>) -> Self {
        Self(pieces)
    }

    /// How often `wanted` is there.
    pub(crate) fn count(&self, wanted: &[u8]) -> usize {
        let windows = |bytes: &Vec<u8>| {
            let first = wanted[0];
            let starts = bytes.iter().enumerate().filter(|(_, byte)| **byte == first);
            starts.filter(|(at, _)| bytes[*at..].starts_with(wanted)).count()
        };
        self.0.iter().map(windows).sum()
    }
}

impl Operator {
    pub(crate) fn of(node: &Node) -> Self {
        Self { pid: node.pid(), dir: node.dir() }
    }

    /// Every page that the process may write to, as a core dump has them.
    pub(crate) fn memory(&self) -> Scan {
        let maps = fs::read_to_string(format!("/proc/{}/maps", self.pid)).unwrap();
        let memory = File::open(format!("/proc/{}/mem", self.pid)).unwrap();
        let mut regions = Vec::new();
        for line in maps.lines() {
            let mut fields = line.split_whitespace();
            let (range, mode) = (fields.next().unwrap(), fields.next().unwrap());
            if !mode.starts_with("rw") {
                continue;
            }
            let (start, end) = range.split_once('-').unwrap();
            let number = |text| u64::from_str_radix(text, 16).unwrap();
            let (start, end) = (number(start), number(end));
            let mut bytes = vec![0; usize::try_from(end - start).unwrap()];
            // What cannot be read, such as a guard, holds nothing.
            if memory.read_exact_at(&mut bytes, start).is_ok() {
                regions.push(bytes);
            }
        }
        Scan(regions)
    }

    /// Every file of its data folder.
    pub(crate) fn data(&self) -> Scan {
        let mut files = Vec::new();
        read_all(&self.dir.join("data"), &mut files);
        Scan(files)
    }

    /// What it has logged, at the most talkative level.
    pub(crate) fn log(&self) -> Scan {
        Scan(vec![fs::read(self.dir.join("log")).unwrap()])
    }

    /// Where it listens: for its clients, and for who asks for its metrics.
    pub(crate) fn ports(&self) -> [u16; 2] {
        let ready = fs::read_to_string(self.dir.join("ready.json")).unwrap();
        let ready: Value = serde_json::from_str(&ready).unwrap();
        let port = |name: &str| ready[name].as_str().unwrap().rsplit(':').next().unwrap().parse();
        [port("grpc").unwrap(), port("metrics").unwrap()]
    }

    /// Its metrics page, asked for with a word that goes over the wire as it is.
    pub(crate) fn metrics(&self, word: &str) -> Scan {
        let [_, port] = self.ports();
        let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
        let head =
            format!("GET /metrics HTTP/1.0\r\nHost: localhost\r\nUser-Agent: {word}\r\n\r\n");
        stream.write_all(head.as_bytes()).unwrap();
        let mut page = Vec::new();
        stream.read_to_end(&mut page).unwrap();
        Scan(vec![page])
    }
}

fn read_all(folder: &Path, files: &mut Vec<Vec<u8>>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            read_all(&path, files);
        } else {
            files.push(fs::read(&path).unwrap());
        }
    }
}
