//! A disk in memory that fails on demand, for simulations.
//!
//! It keeps apart what was written and what is durable. When the power goes, what was not synced
//! is lost, kept, or kept in part by sectors of 512 bytes, as its seed decides. Everything is a
//! function of the seed and of the calls made; the calls that change something are numbered, so
//! that a test can place trouble at each of them in turn.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use crate::disk::{Access, Disk, DiskFile};

/// The unit in which a write reaches the disk or does not, in bytes.
const SECTOR_BYTES: usize = 512;

/// What goes wrong at a numbered operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// The power goes before the operation; all later ones fail until [`SimDisk::restart`].
    Crash,
    /// The operation fails with an input/output error. A write has been done in part; after a
    /// sync, what it should have made durable is still seen, but no later sync saves it.
    Io,
    /// This operation and all later ones fail with an input/output error.
    IoForever,
    /// The operation fails for lack of space. A write has been done in part.
    NoSpace,
    /// A write reports success and reaches nothing.
    Lost,
    /// A write reports success and reaches another place of the same file, so many bytes on.
    /// Negative is before; the place is clamped to the file.
    Misdirected(i64),
}

/// What a power cut leaves of that which was not synced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Survival {
    /// Nothing.
    Nothing,
    /// Everything, as only the process died. What was not synced may still be lost later.
    Everything,
    /// Some sectors and names, drawn from the disk's seed.
    Some,
    /// The first so many bytes of each file's unsynced writes, in order, and all names.
    Prefix(usize),
}

/// A simulated disk. Clones are the same disk.
#[derive(Clone)]
pub struct SimDisk {
    world: Arc<Mutex<World>>,
    /// Wakes the syncs that a stall holds up.
    moving: Arc<Condvar>,
}

#[derive(Default)]
struct World {
    random: u64,
    nodes: Vec<Node>,
    /// Index into `nodes` by name, as processes see it and as a power cut leaves it.
    names: BTreeMap<String, usize>,
    durable_names: BTreeMap<String, usize>,
    operations: u64,
    troubles: BTreeMap<u64, Trouble>,
    failing: bool,
    stalled: bool,
    quota: Option<u64>,
    /// Number of restarts: files opened before one are dead.
    life: u64,
    powered: bool,
}

/// A file's contents.
#[derive(Default)]
struct Node {
    seen: Vec<u8>,
    durable: Vec<u8>,
    /// Writes since the last sync, in order.
    pending: Vec<(usize, Vec<u8>)>,
}

impl SimDisk {
    /// An empty disk.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        let world = World { random: seed, powered: true, ..World::default() };
        Self { world: Arc::new(Mutex::new(world)), moving: Arc::default() }
    }

    fn lock(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Number of operations so far that change something: the number of the next one.
    #[must_use]
    pub fn operations(&self) -> u64 {
        self.lock().operations
    }

    /// Places trouble at the operation of that number.
    pub fn trouble_at(&self, operation: u64, trouble: Trouble) {
        self.lock().troubles.insert(operation, trouble);
    }

    /// Bounds the sum of all files' lengths, in bytes; none is no bound.
    pub fn set_quota(&self, bytes: Option<u64>) {
        self.lock().quota = bytes;
    }

    /// Lets every sync of a file hang, until told otherwise.
    pub fn stall(&self, stalled: bool) {
        self.lock().stalled = stalled;
        self.moving.notify_all();
    }

    /// Cuts the power: every operation fails until [`Self::restart`].
    pub fn crash(&self) {
        self.lock().powered = false;
    }

    /// Cuts the power if it is on, and turns it on again. Troubles still to come are forgotten;
    /// files opened before stay dead.
    pub fn restart(&self, survival: Survival) {
        self.lock().restart(survival);
    }

    /// The names of all files.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        self.lock().names.keys().cloned().collect()
    }

    /// A file's contents as a process would read them; empty if there is no such file.
    #[must_use]
    pub fn contents(&self, name: &str) -> Vec<u8> {
        let world = self.lock();
        world.names.get(name).map_or_else(Vec::new, |node| world.nodes[*node].seen.clone())
    }

    /// Puts a file there, durable, in place of any other of that name.
    pub fn put(&self, name: &str, contents: Vec<u8>) {
        let mut world = self.lock();
        let put = Node { durable: contents.clone(), seen: contents, pending: Vec::new() };
        let node = match world.names.get(name).copied() {
            Some(node) => {
                world.nodes[node] = put;
                node
            }
            None => {
                world.nodes.push(put);
                world.nodes.len() - 1
            }
        };
        world.names.insert(name.to_owned(), node);
        world.durable_names.insert(name.to_owned(), node);
    }

    /// Flips bits of a file's byte, on the disk itself; nothing if the file is not that long.
    pub fn flip(&self, name: &str, offset: usize, mask: u8) {
        let mut world = self.lock();
        let Some(node) = world.names.get(name).copied() else { return };
        let Node { seen, durable, .. } = &mut world.nodes[node];
        for byte in [seen.get_mut(offset), durable.get_mut(offset)].into_iter().flatten() {
            *byte ^= mask;
        }
    }
}

impl World {
    /// The next number of a splitmix64 sequence.
    fn draw(&mut self) -> u64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.random;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Fails if there is no power, or if the caller's file is of an earlier life.
    fn check_power(&self, life: u64) -> io::Result<()> {
        if self.powered && self.life == life { Ok(()) } else { Err(io::Error::other("no power")) }
    }

    /// Counts an operation; returns the trouble that a write has to act out itself.
    fn begin(&mut self, life: u64) -> io::Result<Option<Trouble>> {
        self.check_power(life)?;
        let trouble = self.troubles.remove(&self.operations);
        self.operations += 1;
        match trouble {
            Some(Trouble::Crash) => self.powered = false,
            Some(Trouble::IoForever) => self.failing = true,
            _ => {}
        }
        self.check_power(life)?;
        Ok(if self.failing { Some(Trouble::Io) } else { trouble })
    }

    /// The same for operations that are done whole or not at all.
    fn begin_whole(&mut self, life: u64) -> io::Result<()> {
        match self.begin(life)? {
            Some(Trouble::Io) => Err(io::Error::from_raw_os_error(EIO)),
            Some(Trouble::NoSpace) => Err(io::ErrorKind::StorageFull.into()),
            _ => Ok(()),
        }
    }

    /// Fails if files may not grow by that many bytes.
    fn check_quota(&self, more: usize) -> io::Result<()> {
        let used: usize = self.names.values().map(|node| self.nodes[*node].seen.len()).sum();
        match self.quota {
            Some(quota) if (used + more) as u64 > quota => Err(io::ErrorKind::StorageFull.into()),
            _ => Ok(()),
        }
    }

    fn restart(&mut self, survival: Survival) {
        if survival != Survival::Everything {
            self.settle(survival);
        }
        self.troubles.clear();
        self.failing = false;
        self.powered = true;
        self.life += 1;
    }

    /// Decides what a power cut leaves of that which was not synced.
    fn settle(&mut self, survival: Survival) {
        for index in 0..self.nodes.len() {
            let pending = std::mem::take(&mut self.nodes[index].pending);
            let mut durable = std::mem::take(&mut self.nodes[index].durable);
            let mut left = if let Survival::Prefix(bytes) = survival { bytes } else { usize::MAX };
            for (offset, bytes) in pending {
                for (at, sector) in sectors(offset, &bytes) {
                    let kept = sector.len().min(left);
                    left -= kept;
                    let keep = match survival {
                        Survival::Nothing => false,
                        Survival::Everything | Survival::Prefix(_) => true,
                        Survival::Some => self.draw().is_multiple_of(2),
                    };
                    if keep {
                        put(&mut durable, at, &sector[..kept]);
                    }
                }
            }
            self.nodes[index].seen.clone_from(&durable);
            self.nodes[index].durable = durable;
        }
        let names_kept = match survival {
            Survival::Nothing => false,
            Survival::Everything | Survival::Prefix(_) => true,
            Survival::Some => self.draw().is_multiple_of(2),
        };
        if names_kept {
            self.durable_names = self.names.clone();
        } else {
            self.names = self.durable_names.clone();
        }
    }
}

/// The operating system's number of an input/output error.
const EIO: i32 = 5;

/// A write's pieces, none of which crosses a sector's border.
fn sectors(offset: usize, bytes: &[u8]) -> Vec<(usize, &[u8])> {
    let mut pieces = Vec::new();
    let mut done = 0;
    while done < bytes.len() {
        let at = offset + done;
        let piece = (SECTOR_BYTES - at % SECTOR_BYTES).min(bytes.len() - done);
        pieces.push((at, &bytes[done..done + piece]));
        done += piece;
    }
    pieces
}

/// Writes into a file's contents, growing them if needed.
fn put(contents: &mut Vec<u8>, offset: usize, bytes: &[u8]) {
    let end = offset + bytes.len();
    if contents.len() < end {
        contents.resize(end, 0);
    }
    contents[offset..end].copy_from_slice(bytes);
}

impl Disk for SimDisk {
    fn list(&self) -> io::Result<Vec<String>> {
        let world = self.lock();
        world.check_power(world.life)?;
        Ok(world.names.keys().cloned().collect())
    }

    fn create(&self, name: &str) -> io::Result<Arc<dyn DiskFile>> {
        let mut world = self.lock();
        let life = world.life;
        world.begin_whole(life)?;
        if world.names.contains_key(name) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let node = world.nodes.len();
        world.nodes.push(Node::default());
        world.names.insert(name.to_owned(), node);
        Ok(Arc::new(SimFile { disk: self.clone(), node, life }))
    }

    fn open(&self, name: &str, _access: Access) -> io::Result<Arc<dyn DiskFile>> {
        let world = self.lock();
        let life = world.life;
        world.check_power(life)?;
        let node = *world.names.get(name).ok_or(io::ErrorKind::NotFound)?;
        Ok(Arc::new(SimFile { disk: self.clone(), node, life }))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let mut world = self.lock();
        let life = world.life;
        world.begin_whole(life)?;
        let node = world.names.remove(from).ok_or(io::ErrorKind::NotFound)?;
        world.names.insert(to.to_owned(), node);
        Ok(())
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        let mut world = self.lock();
        let life = world.life;
        world.begin_whole(life)?;
        world.names.remove(name).map(drop).ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn sync_names(&self) -> io::Result<()> {
        let mut world = self.lock();
        let life = world.life;
        world.begin_whole(life)?;
        world.durable_names = world.names.clone();
        Ok(())
    }

    fn nonce(&self) -> io::Result<u64> {
        Ok(self.lock().draw())
    }
}

/// An open file of a simulated disk.
struct SimFile {
    disk: SimDisk,
    node: usize,
    life: u64,
}

impl DiskFile for SimFile {
    fn bytes(&self) -> io::Result<u64> {
        let world = self.disk.lock();
        world.check_power(self.life)?;
        Ok(world.nodes[self.node].seen.len() as u64)
    }

    fn allocate(&self, bytes: u64) -> io::Result<()> {
        let mut world = self.disk.lock();
        world.begin_whole(self.life)?;
        let held = world.nodes[self.node].seen.len();
        let more = (bytes as usize).saturating_sub(held);
        world.check_quota(more)?;
        world.nodes[self.node].seen.resize(held + more, 0);
        Ok(())
    }

    fn read_at(&self, offset: u64, into: &mut [u8]) -> io::Result<()> {
        let world = self.disk.lock();
        world.check_power(self.life)?;
        let start = offset as usize;
        let found = world.nodes[self.node].seen.get(start..start + into.len());
        into.copy_from_slice(found.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let mut world = self.disk.lock();
        let trouble = world.begin(self.life)?;
        let held = world.nodes[self.node].seen.len();
        let last = held.saturating_sub(bytes.len());
        let (offset, wanted) = match trouble {
            Some(Trouble::Lost) => return Ok(()),
            Some(Trouble::Misdirected(by)) => {
                (offset.saturating_add_signed(by).min(last as u64) as usize, bytes)
            }
            Some(Trouble::Io | Trouble::NoSpace) => {
                let part = world.draw() as usize % (bytes.len() + 1);
                (offset as usize, &bytes[..part])
            }
            _ => (offset as usize, bytes),
        };
        world.check_quota((offset + wanted.len()).saturating_sub(held))?;
        let node = &mut world.nodes[self.node];
        put(&mut node.seen, offset, wanted);
        node.pending.push((offset, wanted.to_vec()));
        match trouble {
            Some(Trouble::Io) => Err(io::Error::from_raw_os_error(EIO)),
            Some(Trouble::NoSpace) => Err(io::ErrorKind::StorageFull.into()),
            _ => Ok(()),
        }
    }

    fn sync(&self) -> io::Result<()> {
        let moving = self.disk.moving.wait_while(self.disk.lock(), |world| world.stalled);
        let mut world = moving.unwrap_or_else(PoisonError::into_inner);
        if let Err(error) = world.begin_whole(self.life) {
            if error.raw_os_error() == Some(EIO) {
                world.nodes[self.node].pending.clear();
            }
            return Err(error);
        }
        let Node { seen, durable, pending } = &mut world.nodes[self.node];
        durable.resize(seen.len(), 0);
        for (offset, bytes) in pending.drain(..) {
            put(durable, offset, &bytes);
        }
        Ok(())
    }
}
