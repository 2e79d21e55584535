//! The few things that the embedded log asks of a disk, so that a simulated one can stand in.
//!
//! A disk is one flat directory. Names, file contents and file lengths each become durable by
//! their own call, as POSIX has it: nothing is durable before its sync has returned.

mod real;

use std::io;
use std::sync::Arc;

pub use real::RealDisk;

/// What a file is opened for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Reading here and there.
    Read,
    /// Reading all of it, soon.
    Scan,
    /// Reading and writing.
    Write,
}

/// One flat directory of files.
pub trait Disk: Send + Sync + 'static {
    /// The names of all files, in any order.
    ///
    /// # Errors
    /// Those of the operating system.
    fn list(&self) -> io::Result<Vec<String>>;

    /// Creates an empty file for reading and writing.
    ///
    /// # Errors
    /// `AlreadyExists` if the name is taken, and those of the operating system.
    fn create(&self, name: &str) -> io::Result<Arc<dyn DiskFile>>;

    /// Opens a file.
    ///
    /// # Errors
    /// `NotFound`, and those of the operating system.
    fn open(&self, name: &str, access: Access) -> io::Result<Arc<dyn DiskFile>>;

    /// Renames a file, replacing a file of the new name.
    ///
    /// # Errors
    /// Those of the operating system.
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;

    /// Removes a file.
    ///
    /// # Errors
    /// `NotFound`, and those of the operating system.
    fn remove(&self, name: &str) -> io::Result<()>;

    /// Makes creations, renamings and removals durable.
    ///
    /// # Errors
    /// Those of the operating system; then nothing is known about what is durable.
    fn sync_names(&self) -> io::Result<()>;

    /// A number that nobody outside can guess.
    ///
    /// # Errors
    /// Those of the operating system.
    fn nonce(&self) -> io::Result<u64>;
}

/// One open file.
pub trait DiskFile: Send + Sync + 'static {
    /// The file's length in bytes.
    ///
    /// # Errors
    /// Those of the operating system.
    fn bytes(&self) -> io::Result<u64>;

    /// Grows the file to a length in bytes and reserves the space for it.
    ///
    /// # Errors
    /// `StorageFull` if there is not that much space, and those of the operating system.
    fn allocate(&self, bytes: u64) -> io::Result<()>;

    /// Fills the buffer from an offset.
    ///
    /// # Errors
    /// `UnexpectedEof` if the file is shorter, and those of the operating system.
    fn read_at(&self, offset: u64, into: &mut [u8]) -> io::Result<()>;

    /// Writes all the bytes at an offset.
    ///
    /// # Errors
    /// Those of the operating system; then any part of the bytes may have been written.
    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()>;

    /// Makes the file's contents and length durable.
    ///
    /// # Errors
    /// Those of the operating system; then nothing is known about what is durable, and a later
    /// success means nothing either.
    fn sync(&self) -> io::Result<()>;
}
