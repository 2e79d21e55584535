//! Small logs, damaged at every place there is.

use bytes::Bytes;

use super::{SEGMENT_BYTES, append, contents, open};
use crate::embedded::engine::Engine;
use crate::port::Fault;
use crate::sim::{SimDisk, Survival, Trouble};

/// Groups that fill two segments and begin a third.
fn script() -> Vec<Vec<Bytes>> {
    let sizes: [&[usize]; 8] =
        [&[10], &[0, 5_000], &[4_020], &[9_000, 1], &[3, 3, 3], &[12_000], &[100], &[7_000]];
    (1..)
        .zip(sizes)
        .map(|(fill, sizes): (u8, _)| {
            sizes.iter().map(|size| Bytes::from(vec![fill; *size])).collect()
        })
        .collect()
}

/// Runs the script until it ends or something fails; returns what was acknowledged and the group
/// that failed.
fn run(disk: &SimDisk) -> (Option<Engine>, Vec<Bytes>, Vec<Bytes>) {
    let mut acknowledged = Vec::new();
    let Ok(mut engine) = open(disk) else { return (None, acknowledged, Vec::new()) };
    for group in script() {
        match append(disk, &mut engine, &group) {
            Ok(()) => acknowledged.extend(group),
            Err(_) => return (Some(engine), acknowledged, group),
        }
    }
    (Some(engine), acknowledged, Vec::new())
}

/// Opens the log and checks that it holds what was acknowledged, and then the group in flight,
/// whole or not at all. Returns what it holds.
fn check(disk: &SimDisk, acknowledged: &[Bytes], unknown: &[Bytes]) -> (Engine, Vec<Bytes>) {
    let engine = open(disk).expect("opens");
    let found = contents(disk, &engine);
    if found.len() > acknowledged.len() {
        assert_eq!(found, [acknowledged, unknown].concat());
    } else {
        assert_eq!(found, acknowledged);
    }
    (engine, found)
}

const SURVIVALS: [Survival; 5] = [
    Survival::Nothing,
    Survival::Everything,
    Survival::Some,
    Survival::Some,
    Survival::Prefix(700),
];

#[test]
fn a_crash_at_every_operation_and_a_second_one_behind_it() {
    let disk = SimDisk::new(1);
    run(&disk);
    for operation in 0..disk.operations() {
        for (seed, survival) in (0..).zip(SURVIVALS) {
            for second in 0..6 {
                let disk = SimDisk::new(seed);
                disk.trouble_at(operation, Trouble::Crash);
                let (_, acknowledged, unknown) = run(&disk);
                disk.restart(survival);
                let (mut engine, mut found) = check(&disk, &acknowledged, &unknown);
                let group = vec![Bytes::from_static(b"after the crash")];
                disk.trouble_at(disk.operations() + second, Trouble::Crash);
                let unknown = match append(&disk, &mut engine, &group) {
                    Ok(()) => {
                        found.extend(group);
                        Vec::new()
                    }
                    Err(_) => group,
                };
                disk.restart(SURVIVALS[(seed as usize + 1) % SURVIVALS.len()]);
                check(&disk, &found, &unknown);
            }
        }
    }
}

#[test]
fn the_last_write_cut_at_every_byte() {
    let group = vec![Bytes::from(vec![1; 3_000]), Bytes::from(vec![2; 3_000])];
    for kept in 0..=8_192 {
        let disk = SimDisk::new(kept as u64);
        let mut engine = open(&disk).expect("opens");
        let first = vec![Bytes::from_static(b"first")];
        append(&disk, &mut engine, &first).expect("appends");
        // The group's write is the next operation, its sync the one after.
        disk.trouble_at(disk.operations() + 1, Trouble::Crash);
        append(&disk, &mut engine, &group).expect_err("no power");
        disk.restart(Survival::Prefix(kept));
        let (mut engine, mut found) = check(&disk, &first, &group);
        let frames = if found.len() == 3 { 4_096 + 8_192 } else { 4_096 };
        let used = 8_192 + frames + 4_096;
        let behind = &disk.contents(&disk.names()[0])[used..];
        assert!(behind.iter().all(|byte| *byte == 0), "remains of a frame cut at {kept}");
        assert_eq!(found.len() == 3, kept >= 64 + 2 * 8 + 6_000, "cut at {kept}");
        // A shorter frame over the remains of the longer one, and then nothing of the latter.
        append(&disk, &mut engine, &first).expect("appends");
        found.extend(first);
        disk.restart(Survival::Nothing);
        check(&disk, &found, &[]);
    }
}

/// Runs the script; the last record is marked if `marked`.
fn complete(marked: bool) -> (SimDisk, Vec<Bytes>) {
    let disk = SimDisk::new(2);
    let (engine, acknowledged, _) = run(&disk);
    if marked {
        engine.expect("runs").mark().expect("marks");
    }
    disk.restart(Survival::Nothing);
    (disk, acknowledged)
}

/// Flips a bit in every byte of the log and hands over what opening it gives, then mends it.
fn flip_every_byte(
    disk: &SimDisk,
    mut verdict: impl FnMut(&str, usize, Result<Vec<Bytes>, Fault>),
) {
    let originals: Vec<_> =
        disk.names().into_iter().map(|name| (disk.contents(&name), name)).collect();
    for (original, name) in &originals {
        for offset in 0..original.len() {
            disk.flip(name, offset, 1 << (offset % 8));
            verdict(name, offset, open(disk).map(|engine| contents(disk, &engine)));
            // Opening may have cut or marked the end.
            for (original, name) in &originals {
                disk.put(name, original.clone());
            }
        }
    }
}

#[test]
fn a_flipped_bit_below_a_mark_is_found_or_does_no_harm() {
    let (disk, acknowledged) = complete(true);
    let mut found = 0;
    flip_every_byte(&disk, |name, offset, opened| match opened {
        Ok(contents) => assert_eq!(contents, acknowledged, "{name} {offset}"),
        Err(Fault::Corrupt { .. }) => found += 1,
        Err(other) => panic!("{name} {offset}: {other}"),
    });
    let bytes: usize = acknowledged.iter().map(Bytes::len).sum();
    assert!(found > bytes, "every byte of a record is found");
}

#[test]
fn a_flipped_bit_above_the_last_mark_cuts_the_last_frame_only() {
    let (disk, acknowledged) = complete(false);
    let but_last = &acknowledged[..acknowledged.len() - 1];
    let mut cut = 0;
    flip_every_byte(&disk, |name, offset, opened| match opened {
        Ok(contents) if contents == but_last => cut += 1,
        Ok(contents) => assert_eq!(contents, acknowledged, "{name} {offset}"),
        Err(Fault::Corrupt { .. }) => {}
        Err(other) => panic!("{name} {offset}: {other}"),
    });
    assert!(cut >= 7_000, "the last record alone has 7,000 bytes");
    assert!(cut <= 8_192, "nothing but the last frame is ever cut");
}

#[test]
fn a_lost_or_misdirected_write_is_found_or_does_no_harm() {
    let disk = SimDisk::new(1);
    run(&disk);
    let places = [-12_288, -8_192, -4_096, 4_096, 8_192, 16_384];
    let troubles = places.map(Trouble::Misdirected).into_iter().chain([Trouble::Lost]);
    let mut found = 0;
    for trouble in troubles {
        for operation in 0..disk.operations() {
            let disk = SimDisk::new(1);
            disk.trouble_at(operation, trouble);
            let (engine, acknowledged, unknown) = run(&disk);
            assert!(unknown.is_empty());
            engine.expect("nothing failed").mark().expect("marks");
            disk.restart(Survival::Everything);
            match open(&disk) {
                Ok(engine) => {
                    assert_eq!(contents(&disk, &engine), acknowledged, "{trouble:?} {operation}");
                }
                Err(Fault::Corrupt { .. }) => found += 1,
                Err(other) => panic!("{trouble:?} {operation}: {other}"),
            }
        }
    }
    assert!(found > 7 * script().len(), "every frame's write is found missing");
}

#[test]
fn a_frame_of_another_history_is_found() {
    let write = |text: &'static str| {
        let disk = SimDisk::new(8);
        let mut engine = open(&disk).expect("opens");
        for record in ["same", text, "same"] {
            append(&disk, &mut engine, &[Bytes::from(record)]).expect("appends");
        }
        disk.contents(&disk.names()[0])
    };
    // The old contents of a block come back: all is in order but for the chain behind it.
    let (old, mut new) = (write("old"), write("new"));
    let second = 8_192 + 4_096..8_192 + 8_192;
    new[second.clone()].copy_from_slice(&old[second]);
    let disk = SimDisk::new(0);
    disk.put("0000000000000000.seg", new);
    assert!(matches!(open(&disk).map(|_| ()), Err(Fault::Corrupt { .. })));
}

#[test]
fn a_missing_or_shortened_segment_is_found() {
    let (disk, _) = complete(true);
    let names = disk.names();
    assert!(names.len() >= 3, "{names:?}");
    for (index, name) in names.iter().enumerate() {
        let original = disk.contents(name);
        assert_eq!(original.len() as u64, SEGMENT_BYTES);
        for length in [0, 100, 8_192, original.len() - 1] {
            disk.put(name, original[..length].to_vec());
            assert!(matches!(open(&disk), Err(Fault::Corrupt { .. })), "{name} {length}");
        }
        if index + 1 < names.len() {
            crate::disk::Disk::remove(&disk, name).expect("removes");
            assert!(matches!(open(&disk), Err(Fault::Corrupt { .. })), "{name}");
        }
        disk.put(name, original);
    }
    open(&disk).expect("whole again");
}

#[test]
fn a_frame_planted_in_a_record_is_never_taken_for_one() {
    // A client that knows everything but the salt hides a frame in its record, a block in.
    let disk = SimDisk::new(5);
    let mut engine = open(&disk).expect("opens");
    let planted = disk.contents(&disk.names()[0])[..4_096].to_vec();
    let foreign = SimDisk::new(6);
    let mut other = open(&foreign).expect("opens");
    append(&foreign, &mut other, &[Bytes::from_static(b"planted")]).expect("appends");
    let frame = foreign.contents(&foreign.names()[0])[8_192..12_288].to_vec();
    let body = [&planted[..4_096 - 72], frame.as_slice(), &[3; 4_096]].concat();
    disk.trouble_at(disk.operations() + 1, Trouble::Crash);
    append(&disk, &mut engine, &[body.into()]).expect_err("no power");
    disk.restart(Survival::Prefix(9_000));
    let (_, found) = check(&disk, &[], &[]);
    assert!(found.is_empty());
}
