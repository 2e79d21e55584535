//! The engine on a disk that fails, beside a model of what must be there: a list of records.
//!
//! No threads: the same seed gives the same run. A failure names its seed; `SIM_SEEDS` sets how many
//! are run.

mod exhaustive;
mod golden;

use std::sync::Arc;

use bytes::Bytes;

use super::engine::{self, Engine, Spare};
use super::frame::{self, Record};
use super::read;
use crate::disk::Disk;
use crate::port::Fault;
use crate::sim::{SimDisk, Survival, Trouble};

const POOL: u32 = 9;
/// Two to five frames go into a segment.
const SEGMENT_BYTES: u64 = 32 << 10;

/// A seeded sequence of numbers.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let x = (self.0 ^ (self.0 >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x ^ (x >> 32)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    fn bytes(&mut self, bytes_max: u64) -> Bytes {
        let size = self.below(bytes_max + 1);
        let fill = self.next() as u8;
        (0..size).map(|index| fill.wrapping_add(index as u8)).collect()
    }

    fn group(&mut self) -> Vec<Bytes> {
        let bytes_max = [10, 300, 4_000, 9_000][self.below(4) as usize];
        (0..=self.below(2)).map(|_| self.bytes(bytes_max)).collect()
    }
}

/// Opens the log as `EmbeddedLog` does.
fn open(disk: &SimDisk) -> Result<Engine, Fault> {
    let disk: Arc<dyn Disk> = Arc::new(disk.clone());
    let mut engine = super::open_engine(&disk, POOL, SEGMENT_BYTES)?;
    match engine.mark() {
        Err(fault) if !matches!(fault, Fault::NoSpace) => Err(fault),
        _ => Ok(engine),
    }
}

/// Appends a group as the writer does, preparing the next segment if it is needed.
fn append(disk: &SimDisk, engine: &mut Engine, group: &[Bytes]) -> Result<(), Fault> {
    let records: Vec<Record> = group.iter().cloned().map(Record::new).collect();
    let bodies = group.iter().map(Bytes::len).sum();
    if !engine.fits(frame::frame_bytes(records.len(), bodies)) {
        let spare = Spare::prepare(disk, engine.next_epoch(), SEGMENT_BYTES, &|| true)?;
        engine.roll(spare.expect("nobody stops it"))?;
    }
    engine.append(&records)
}

/// All that the log holds.
fn contents(disk: &SimDisk, engine: &Engine) -> Vec<Bytes> {
    let end = engine.position();
    read::read(disk, &engine.segments(), 0, end, usize::MAX).expect("reads what is durable")
}

/// A log under test and the model beside it.
struct Run {
    disk: SimDisk,
    random: Random,
    engine: Option<Engine>,
    /// Acknowledged, in order.
    acknowledged: Vec<Bytes>,
    /// The group whose outcome is unknown since the last fault.
    unknown: Vec<Bytes>,
}

impl Run {
    fn new(seed: u64) -> Self {
        Self {
            disk: SimDisk::new(seed),
            random: Random(seed),
            engine: None,
            acknowledged: Vec::new(),
            unknown: Vec::new(),
        }
    }

    /// Opens the log, through crashes while it is being opened, and compares it with the model.
    fn reopen(&mut self) {
        self.engine = None;
        let engine = loop {
            let survival = self.survival();
            self.disk.restart(survival);
            if self.random.below(2) == 0 {
                let at = self.disk.operations() + self.random.below(8);
                self.disk.trouble_at(at, Trouble::Crash);
            }
            match open(&self.disk) {
                Ok(engine) => break engine,
                Err(Fault::Io { .. }) => {}
                Err(other) => panic!("damage where there was none: {other}"),
            }
        };
        let unknown = std::mem::take(&mut self.unknown);
        if engine.position() as usize > self.acknowledged.len() {
            self.acknowledged.extend(unknown);
        }
        self.check(&engine);
        self.engine = Some(engine);
    }

    fn survival(&mut self) -> Survival {
        match self.random.below(6) {
            0 => Survival::Nothing,
            1 => Survival::Everything,
            2 => Survival::Prefix(self.random.below(20_000) as usize),
            _ => Survival::Some,
        }
    }

    /// The log holds what was acknowledged, no more, no less. A crash set for the opening may
    /// still be to come; it does not concern reading.
    fn check(&self, engine: &Engine) {
        assert_eq!(engine.position() as usize, self.acknowledged.len(), "end of the log");
        assert_eq!(contents(&self.disk, engine), self.acknowledged);
    }

    /// Places some trouble within the next few operations.
    fn trouble(&mut self) {
        let trouble = match self.random.below(6) {
            0 => Trouble::Io,
            1 => Trouble::IoForever,
            2 | 3 => Trouble::NoSpace,
            _ => Trouble::Crash,
        };
        let at = self.disk.operations() + self.random.below(6);
        self.disk.trouble_at(at, trouble);
    }

    fn step(&mut self) {
        if self.random.below(4) == 0 {
            self.trouble();
        }
        let Some(mut engine) = self.engine.take() else { return self.reopen() };
        if self.random.below(8) == 0 {
            let marked = engine.mark();
            return match marked {
                Ok(()) | Err(Fault::NoSpace) => self.engine = Some(engine),
                Err(_) => self.reopen(),
            };
        }
        let group = self.random.group();
        match append(&self.disk, &mut engine, &group) {
            Ok(()) => {
                self.acknowledged.extend(group);
                self.check(&engine);
                self.engine = Some(engine);
            }
            // A promise that nothing of the group is in the log, now or later.
            Err(Fault::NoSpace) => self.engine = Some(engine),
            Err(_) => {
                self.unknown = group;
                self.reopen();
            }
        }
        if self.random.below(16) == 0 {
            self.disk.crash();
            self.reopen();
        }
    }
}

#[test]
fn no_fault_of_the_disk_loses_or_invents_a_record() {
    let seeds = std::env::var("SIM_SEEDS").map_or(400, |seeds| seeds.parse().expect("a number"));
    for seed in 0..seeds {
        let run = std::panic::catch_unwind(|| {
            let mut run = Run::new(seed);
            for _ in 0..40 {
                run.step();
            }
            run.disk.restart(Survival::Nothing);
            run.reopen();
        });
        assert!(run.is_ok(), "seed {seed}");
    }
}

#[test]
fn the_same_seed_gives_the_same_bytes() {
    let bytes = |seed| {
        let mut run = Run::new(seed);
        for _ in 0..40 {
            run.step();
        }
        let names = run.disk.names();
        names.iter().map(|name| run.disk.contents(name)).collect::<Vec<_>>()
    };
    assert_eq!(bytes(3), bytes(3));
    assert_ne!(bytes(3), bytes(4));
}

#[test]
fn spares_of_an_earlier_run_are_removed() {
    let disk = SimDisk::new(0);
    disk.put("0000000000000001.spare", vec![1; 100]);
    engine::remove_spares(&disk).expect("removes");
    assert!(disk.names().is_empty());
}
