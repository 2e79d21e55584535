//! The number of the last acknowledged commit, in a file beside the engine.
//!
//! Two slots, written in turn and synced, so that a torn write leaves the other one:
//! `magic "CWSM" | version u32 = 1 | commit u64 | CRC-32C u32 of the 16 bytes before`.
//! The file has its full size from the start; writing it never needs space.

use std::fs::{File, OpenOptions, rename};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

use super::engine;
use crate::fault::Fault;

const NAME: &str = "acknowledged";
const MAGIC: [u8; 4] = *b"CWSM";
const VERSION: u32 = 1;
const SLOT_BYTES: usize = 20;
/// Slots lie in different sectors.
const SLOT_OFFSETS: [u64; 2] = [0, 4096];
const FILE_BYTES: usize = 8192;

pub(super) struct Marker {
    file: File,
    acknowledged: u64,
}

impl Marker {
    /// Opens the marker; a store without any commit gets a new one if it has none.
    pub(super) fn open(dir: &Path, new: bool) -> Result<Self, Fault> {
        let path = dir.join(NAME);
        let file = OpenOptions::new().read(true).write(true).open(&path);
        let file = match file {
            Err(error) if error.kind() == io::ErrorKind::NotFound && new => create(dir)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(Fault::Damaged { why: format!("file {NAME} is missing") });
            }
            other => other.map_err(|error| engine::io("open", error))?,
        };
        let slots = SLOT_OFFSETS.map(|offset| read_slot(&file, offset));
        match slots.into_iter().flatten().max() {
            Some(acknowledged) => Ok(Self { file, acknowledged }),
            None => Err(Fault::Damaged { why: format!("file {NAME} is unreadable") }),
        }
    }

    /// The last acknowledged commit; 0 before the first.
    pub(super) fn acknowledged(&self) -> u64 {
        self.acknowledged
    }

    /// Notes that a commit is about to be acknowledged.
    pub(super) fn write(&mut self, number: u64) -> io::Result<()> {
        let offset = SLOT_OFFSETS[usize::from(number % 2 == 1)];
        self.file.write_all_at(&slot(number), offset)?;
        self.file.sync_data()?;
        self.acknowledged = number;
        Ok(())
    }
}

fn create(dir: &Path) -> Result<File, Fault> {
    let make = || {
        let (path, temporary) = (dir.join(NAME), dir.join("acknowledged.new"));
        let mut bytes = vec![0; FILE_BYTES];
        bytes[..SLOT_BYTES].copy_from_slice(&slot(0));
        std::fs::write(&temporary, bytes)?;
        let file = OpenOptions::new().read(true).write(true).open(&temporary)?;
        file.sync_all()?;
        rename(&temporary, &path)?;
        File::open(dir)?.sync_all()?;
        Ok(file)
    };
    make().map_err(|error: io::Error| {
        if engine::no_space(&error) { Fault::NoSpace } else { engine::io("create", error) }
    })
}

fn slot(number: u64) -> [u8; SLOT_BYTES] {
    let mut bytes = [0; SLOT_BYTES];
    bytes[..4].copy_from_slice(&MAGIC);
    bytes[4..8].copy_from_slice(&VERSION.to_be_bytes());
    bytes[8..16].copy_from_slice(&number.to_be_bytes());
    let checksum = crc32c::crc32c(&bytes[..16]);
    bytes[16..].copy_from_slice(&checksum.to_be_bytes());
    bytes
}

fn read_slot(file: &File, offset: u64) -> Option<u64> {
    let mut bytes = [0; SLOT_BYTES];
    file.read_exact_at(&mut bytes, offset).ok()?;
    let number = u64::from_be_bytes(*bytes[8..].first_chunk()?);
    (bytes == slot(number)).then_some(number)
}
