//! What processes have used, from `/proc`.

use std::fs;
use std::time::Duration;

/// Clock ticks a second, as Linux reports them to every process.
const TICKS_PER_SECOND: u64 = 100;

/// CPU time and bytes written of a process so far.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Usage {
    pub(crate) cpu: Duration,
    pub(crate) bytes_written: u64,
    pub(crate) memory_peak_bytes: u64,
}

impl Usage {
    /// Of the process with this number; zero where the system does not say.
    pub(crate) fn of(pid: u32) -> Self {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        let io = fs::read_to_string(format!("/proc/{pid}/io")).unwrap_or_default();
        let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        Self {
            cpu: cpu(&stat),
            bytes_written: field(&io, "write_bytes:"),
            memory_peak_bytes: field(&status, "VmHWM:") * 1024,
        }
    }

    /// What was used since; the memory's peak is the later one.
    pub(crate) fn since(&self, earlier: &Self) -> Self {
        Self {
            cpu: self.cpu.saturating_sub(earlier.cpu),
            bytes_written: self.bytes_written.saturating_sub(earlier.bytes_written),
            memory_peak_bytes: self.memory_peak_bytes,
        }
    }
}

/// CPU time of this process so far.
pub(crate) fn own_cpu() -> Duration {
    Usage::of(std::process::id()).cpu
}

/// User and system time: fields 14 and 15 of `/proc/PID/stat`, counted behind the name in brackets.
fn cpu(stat: &str) -> Duration {
    let behind_name = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    let fields = behind_name.split_whitespace();
    let ticks: u64 = fields.skip(11).take(2).filter_map(|field| field.parse::<u64>().ok()).sum();
    Duration::from_millis(ticks * 1_000 / TICKS_PER_SECOND)
}

fn field(text: &str, name: &str) -> u64 {
    let line = text.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
    line.split_whitespace().next().and_then(|value| value.parse().ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn user_and_system_time_are_added() {
        let stat = "42 (a) b) S 1 1 1 0 -1 4194304 1 0 0 0 150 50 0 0 20 0 1 0 1";
        assert_eq!(cpu(stat), Duration::from_secs(2));
        assert_eq!(field("read_bytes: 1\nwrite_bytes: 7\n", "write_bytes:"), 7);
        assert_eq!(field("VmHWM:\t  3 kB\n", "VmHWM:"), 3);
    }
}
