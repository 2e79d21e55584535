//! What a process did to its files, and what a power cut at any moment leaves of it.
//!
//! The rules of the disk: data is durable once its file was synced; a name (created, renamed,
//! removed) is durable once its directory was synced, and the name of a new file also once the file
//! was. (POSIX does not promise the latter; ext4, XFS and btrfs keep it, and the engine needs it for
//! its value files.) Everything else may be lost or kept, page by page; after a failed sync nothing
//! that was waiting for it is ever made durable by a later one.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

const PAGE_BYTES: u64 = 4096;

/// One change, or one mark, in the order in which they happened.
pub(crate) enum Event {
    Create {
        file: u64,
        path: PathBuf,
    },
    CreateDir {
        path: PathBuf,
    },
    Write {
        file: u64,
        offset: u64,
        bytes: Vec<u8>,
    },
    Truncate {
        file: u64,
        length: u64,
    },
    Sync {
        file: u64,
    },
    SyncFailed {
        file: u64,
    },
    SyncDir {
        path: PathBuf,
    },
    Rename {
        from: PathBuf,
        to: PathBuf,
    },
    Remove {
        path: PathBuf,
    },
    /// The process was told that this commit is durable.
    Acknowledged(u64),
}

/// The record of an acknowledgement; the process under test appends it itself.
pub(crate) fn acknowledgement(number: u64) -> Vec<u8> {
    [&b"A"[..], &number.to_ne_bytes(), &[0; 12]].concat()
}

/// Reads a record.
pub(crate) fn read(trace: &Path) -> Vec<Event> {
    let bytes = fs::read(trace).expect("reads the record");
    let mut rest = bytes.as_slice();
    let mut events = Vec::new();
    while let Some((head, tail)) = rest.split_at_checked(21) {
        let number = |at: usize| u64::from_ne_bytes(head[at..at + 8].try_into().unwrap());
        let length = u32::from_ne_bytes(head[17..].try_into().unwrap()) as usize;
        let (text, tail) = tail.split_at(length);
        let (file, second) = (number(1), number(9));
        let path = || PathBuf::from(String::from_utf8(text.to_vec()).expect("a path"));
        events.push(match head[0] {
            b'C' => Event::Create { file, path: path() },
            b'D' => Event::CreateDir { path: path() },
            b'W' => Event::Write { file, offset: second, bytes: text.to_vec() },
            b'T' => Event::Truncate { file, length: second },
            b'S' => Event::Sync { file },
            b'F' => Event::SyncFailed { file },
            b'Y' => Event::SyncDir { path: path() },
            b'R' => {
                let both = path();
                let (from, to) = both.to_str().unwrap().split_once('\n').expect("two paths");
                Event::Rename { from: from.into(), to: to.into() }
            }
            b'U' => Event::Remove { path: path() },
            b'A' => Event::Acknowledged(file),
            kind => panic!("no kind of event: {kind}"),
        });
        rest = tail;
    }
    assert!(rest.is_empty(), "half an event");
    events
}

/// What becomes, at a power cut, of changes that were not synced.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Loss {
    /// All are lost.
    All,
    /// None is lost.
    None,
    /// Those after a random moment are lost; a write at that moment is torn.
    Later,
    /// Random pages are lost, and the names after a random moment.
    Pages,
}

impl Loss {
    pub(crate) const ALL: [Self; 4] = [Self::All, Self::None, Self::Later, Self::Pages];
}

#[derive(Clone, Copy, PartialEq)]
enum Fate {
    Durable,
    Pending,
    /// A sync of it failed.
    Doubtful,
}

/// A change with its number in the record.
struct Change<T> {
    at: usize,
    fate: Fate,
    what: T,
}

enum Data {
    Write { offset: u64, bytes: Vec<u8> },
    Truncate { length: u64 },
}

enum Name {
    File { path: PathBuf, file: usize },
    Dir { path: PathBuf },
    Rename { from: PathBuf, to: PathBuf },
    Remove { path: PathBuf },
}

impl Name {
    fn creates(&self, number: usize) -> bool {
        matches!(self, Self::File { file, .. } if *file == number)
    }

    /// The directory that holds the name.
    fn dir(&self) -> &Path {
        let (Self::File { path, .. }
        | Self::Dir { path }
        | Self::Rename { to: path, .. }
        | Self::Remove { path }) = self;
        path.parent().expect("lies in a directory")
    }
}

/// A disk with the changes so far. Nothing is forgotten, so that any loss can be worked out.
#[derive(Default)]
pub(crate) struct Disk {
    events: usize,
    files: Vec<Vec<Change<Data>>>,
    /// The files by the numbers of the operating system, which uses them again.
    numbers: BTreeMap<u64, usize>,
    names: Vec<Change<Name>>,
    acknowledged: u64,
}

impl Disk {
    /// The last commit that was acknowledged so far.
    pub(crate) fn acknowledged(&self) -> u64 {
        self.acknowledged
    }

    pub(crate) fn apply(&mut self, event: Event) {
        self.events += 1;
        match event {
            Event::Create { file, path } => {
                self.numbers.insert(file, self.files.len());
                self.name(Name::File { path, file: self.files.len() });
                self.files.push(Vec::new());
            }
            Event::CreateDir { path } => self.name(Name::Dir { path }),
            Event::Rename { from, to } => self.name(Name::Rename { from, to }),
            Event::Remove { path } => self.name(Name::Remove { path }),
            Event::Write { file, offset, bytes } => {
                self.data(file, Data::Write { offset, bytes });
            }
            Event::Truncate { file, length } => self.data(file, Data::Truncate { length }),
            Event::Sync { file } => {
                let synced = self.numbers[&file];
                decide(&mut self.files[synced], Fate::Durable);
                let names = self.names.iter_mut();
                for name in names.filter(|name| name.what.creates(synced)) {
                    name.fate = Fate::Durable;
                }
            }
            Event::SyncFailed { file } => {
                decide(&mut self.files[self.numbers[&file]], Fate::Doubtful);
            }
            Event::SyncDir { path } => {
                for change in self.names.iter_mut().filter(|change| change.what.dir() == path) {
                    change.fate = Fate::Durable;
                }
            }
            Event::Acknowledged(number) => self.acknowledged = number,
        }
    }

    fn name(&mut self, what: Name) {
        self.names.push(Change { at: self.events, fate: Fate::Pending, what });
    }

    fn data(&mut self, file: u64, what: Data) {
        let change = Change { at: self.events, fate: Fate::Pending, what };
        self.files[self.numbers[&file]].push(change);
    }

    /// Lays out in `to` what a power cut now leaves of `from`.
    pub(crate) fn cut(&self, loss: Loss, seed: u64, from: &Path, to: &Path) {
        let mut random = Random(seed);
        let until = match loss {
            Loss::All => 0,
            Loss::None => usize::MAX,
            Loss::Later | Loss::Pages => random.below(self.events as u64 + 1) as usize,
        };
        for (path, node) in self.kept_names(from, until) {
            let target = to.join(path.strip_prefix(from).expect("lies below"));
            match node {
                None => fs::create_dir_all(&target).expect("makes a directory"),
                Some(file) => {
                    let mut open = OpenOptions::new();
                    let target = open.write(true).create_new(true).open(target).expect("creates");
                    for change in &self.files[file] {
                        keep(change, (loss, until), &mut random, &target);
                    }
                }
            }
        }
    }

    /// The names left: directories, and files by their place in `files`.
    fn kept_names(&self, root: &Path, until: usize) -> BTreeMap<PathBuf, Option<usize>> {
        let mut kept: BTreeMap<PathBuf, Option<usize>> = BTreeMap::new();
        for change in &self.names {
            if change.fate != Fate::Durable && change.at >= until {
                continue;
            }
            match &change.what {
                Name::File { path, file } => _ = kept.insert(path.clone(), Some(*file)),
                Name::Dir { path } => _ = kept.insert(path.clone(), None),
                Name::Remove { path } => _ = kept.remove(path),
                Name::Rename { from, to } => {
                    // A directory takes along what is in it.
                    let moved = kept.extract_if(.., |path, _| path.starts_with(from));
                    for (path, node) in moved.collect::<Vec<_>>() {
                        let below = path.strip_prefix(from).expect("starts with it");
                        kept.insert(to.join(below).components().collect(), node);
                    }
                }
            }
        }
        // What is in a directory that was lost is lost.
        let dirs: BTreeSet<PathBuf> =
            kept.iter().filter(|(_, node)| node.is_none()).map(|(path, _)| path.clone()).collect();
        kept.retain(|path, _| {
            let inside = |dir: &&Path| dir.starts_with(root) && *dir != root;
            path.ancestors().skip(1).filter(inside).all(|dir| dirs.contains(dir))
        });
        kept
    }
}

fn decide(changes: &mut [Change<Data>], fate: Fate) {
    for change in changes.iter_mut().filter(|change| change.fate == Fate::Pending) {
        change.fate = fate;
    }
}

/// Does to a file what is left of a change.
fn keep(change: &Change<Data>, cut: (Loss, usize), random: &mut Random, target: &File) {
    let (loss, until) = cut;
    let durable = change.fate == Fate::Durable;
    let by_page = !durable && matches!(loss, Loss::Pages);
    if !durable && !by_page && change.at > until {
        return;
    }
    match &change.what {
        Data::Truncate { length } => {
            if !by_page || random.below(2) == 0 {
                target.set_len(*length).expect("truncates");
            }
        }
        Data::Write { offset, bytes } if by_page => {
            let mut at = 0;
            while at < bytes.len() {
                let here = offset + at as u64;
                let end = bytes.len().min(at + (PAGE_BYTES - here % PAGE_BYTES) as usize);
                if random.below(2) == 0 {
                    target.write_all_at(&bytes[at..end], here).expect("writes");
                }
                at = end;
            }
        }
        Data::Write { offset, bytes } => {
            let torn = !durable && change.at == until;
            let size = if torn { random.below(bytes.len() as u64) as usize } else { bytes.len() };
            target.write_all_at(&bytes[..size], *offset).expect("writes");
        }
    }
}

/// Numbers from a seed (splitmix64).
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % bound.max(1)
    }
}
