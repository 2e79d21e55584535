//! Appends records durably for a while and says how fast that was.
//!
//! `cargo run --release -p bus --example append -- DIR [SECONDS] [RECORD_BYTES] [IN_FLIGHT]`

#![expect(clippy::print_stdout, reason = "a measuring tool")]

use std::collections::VecDeque;
use std::error::Error;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use bus::embedded::{EmbeddedLog, Options};
use bus::{Log, Position};
use bytes::Bytes;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let dir = PathBuf::from(arguments.next().ok_or("a directory is needed")?);
    let mut number = |default: usize| arguments.next().map_or(Ok(default), |text| text.parse());
    let time = Duration::from_secs(number(5)? as u64);
    let record_bytes = number(230 << 10)?;
    let in_flight = number(64)?;
    let log = EmbeddedLog::open(&dir, 1, Options::default())?;
    let record = Bytes::from(vec![0x5a; record_bytes]);

    let (begin, cpu) = (Instant::now(), cpu_time()?);
    let mut waiting = VecDeque::with_capacity(in_flight);
    let mut latencies = Vec::new();
    while begin.elapsed() < time {
        if waiting.len() == in_flight
            && let Some((at, ticket)) = waiting.pop_front()
        {
            settle(at, ticket, &mut latencies)?;
        }
        waiting.push_back((Instant::now(), log.append(record.clone())?));
    }
    for (at, ticket) in waiting {
        settle(at, ticket, &mut latencies)?;
    }
    report(begin.elapsed(), cpu_time()? - cpu, record_bytes, &mut latencies);
    log.close();

    let begin = Instant::now();
    let log = EmbeddedLog::open(&dir, 1, Options::default())?;
    let end = log.end();
    println!("opened {end} records in {:.2} s", begin.elapsed().as_secs_f64());
    let begin = Instant::now();
    let mut next = Position(0);
    while next < end {
        next.0 += log.read(next, 1 << 20)?.len() as u64;
    }
    println!("read them in {:.2} s", begin.elapsed().as_secs_f64());
    Ok(())
}

fn settle(
    at: Instant,
    ticket: bus::Ticket,
    latencies: &mut Vec<Duration>,
) -> Result<(), bus::Fault> {
    ticket.wait()?;
    latencies.push(at.elapsed());
    Ok(())
}

fn report(time: Duration, cpu: Duration, record_bytes: usize, latencies: &mut [Duration]) {
    latencies.sort_unstable();
    let count = latencies.len();
    if count == 0 {
        return;
    }
    let megabytes = (count * record_bytes) as f64 / 1e6;
    println!(
        "{count} records of {record_bytes} bytes in {:.1} s: {:.0} records/s, {:.0} MB/s",
        time.as_secs_f64(),
        count as f64 / time.as_secs_f64(),
        megabytes / time.as_secs_f64()
    );
    println!(
        "cpu {:.1} us/record, {:.2} s/GB; durable after p50 {:?} p99 {:?}",
        cpu.as_secs_f64() * 1e6 / count as f64,
        cpu.as_secs_f64() * 1e3 / megabytes,
        latencies[count / 2],
        latencies[count * 99 / 100]
    );
}

/// The process's processor time so far, in user and system mode; ticks are 10 ms on Linux.
fn cpu_time() -> Result<Duration, Box<dyn Error>> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
    let ticks = fields.skip(11).take(2).map(str::parse::<u64>).sum::<Result<u64, _>>()?;
    Ok(Duration::from_millis(ticks * 10))
}
