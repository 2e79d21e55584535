//! The metrics of the process itself, taken whenever somebody asks for metrics.
//!
//! Names and meanings are those that Prometheus' own clients use.

use std::fs;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use metrics::{Unit, counter, describe_counter, describe_gauge, gauge};

/// Seconds of processor time, whole ones.
const CPU_SECONDS: &str = "process_cpu_seconds_total";
/// Bytes of memory in use.
const RESIDENT: &str = "process_resident_memory_bytes";
/// Files and connections that are open.
const OPEN_FDS: &str = "process_open_fds";
/// How many may be open.
const MAX_FDS: &str = "process_max_fds";
/// When the process started, Unix time.
const STARTED: &str = "process_start_time_seconds";
/// Bytes left on the disk of the data directory.
const DISK_FREE: &str = "causeway_node_disk_free_bytes";
/// 1 while the node takes calls.
const READY: &str = "causeway_node_ready";
/// 1, with the version as a label.
const BUILD: &str = "causeway_node_build_info";

/// Registers the descriptions with the recorder in place; the process counts as started now.
pub(crate) fn describe() {
    describe_counter!(CPU_SECONDS, Unit::Seconds, "Processor time, user and system");
    describe_gauge!(RESIDENT, Unit::Bytes, "Memory in use");
    describe_gauge!(OPEN_FDS, "Open file descriptors");
    describe_gauge!(MAX_FDS, "Open file descriptors, at most");
    describe_gauge!(STARTED, Unit::Seconds, "When the process started, Unix time");
    describe_gauge!(DISK_FREE, Unit::Bytes, "What is left on the disk of the data directory");
    describe_gauge!(READY, "1 while the node is ready, as /readyz says, else 0");
    describe_gauge!(BUILD, "1, with the version as a label");
    gauge!(BUILD, "version" => env!("CARGO_PKG_VERSION")).set(1);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    gauge!(STARTED).set(now.as_secs_f64());
}

/// Takes them anew. What the system does not tell is left as it was.
pub(crate) fn refresh(data_dir: &Path, ready: bool) {
    gauge!(READY).set(u8::from(ready));
    if let Ok(disk) = rustix::fs::statvfs(data_dir) {
        set(DISK_FREE, disk.f_bavail.saturating_mul(disk.f_frsize));
    }
    if let Ok(status) = fs::read_to_string("/proc/self/status")
        && let Some(kib) = field(&status, "VmRSS:")
    {
        set(RESIDENT, kib.saturating_mul(1024));
    }
    if let Ok(limits) = fs::read_to_string("/proc/self/limits")
        && let Some(most) = field(&limits, "Max open files")
    {
        set(MAX_FDS, most);
    }
    if let Ok(open) = fs::read_dir("/proc/self/fd") {
        set(OPEN_FDS, open.count() as u64);
    }
    if let Ok(stat) = fs::read_to_string("/proc/self/stat")
        && let Some(ticks) = cpu_ticks(&stat)
    {
        counter!(CPU_SECONDS).absolute(ticks / rustix::param::clock_ticks_per_second().max(1));
    }
}

#[expect(clippy::cast_precision_loss, reason = "a metric may be off by one part in 2^53")]
fn set(name: &'static str, value: u64) {
    gauge!(name).set(value as f64);
}

/// The number behind a label that begins a line.
fn field(text: &str, label: &str) -> Option<u64> {
    let rest = text.lines().find_map(|line| line.strip_prefix(label))?;
    rest.split_whitespace().next()?.parse().ok()
}

/// Processor time in clock ticks, from `/proc/self/stat`: fields 14 and 15 of proc(5). The second
/// field, a name in parentheses, may hold anything.
fn cpu_ticks(stat: &str) -> Option<u64> {
    let (_, behind_name) = stat.rsplit_once(')')?;
    let mut fields = behind_name.split_whitespace().skip(11);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    Some(user.saturating_add(system))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_stand_behind_a_name_that_may_look_like_fields() {
        assert_eq!(cpu_ticks("7 (a) b) S 1 2 3 4 5 6 7 8 9 10 11 12 13 14"), Some(11 + 12));
        assert_eq!(cpu_ticks("7 (a) S 1 2"), None);
    }

    #[test]
    fn fields_are_found_by_their_label() {
        let limits = "Limit   Soft Limit   Hard Limit\nMax open files   1024   4096   files\n";
        assert_eq!(field(limits, "Max open files"), Some(1_024));
        assert_eq!(field(limits, "Max processes"), None);
    }

    #[test]
    fn this_process_is_measured() {
        let recorder = metrics_exporter_prometheus::PrometheusBuilder::new().build_recorder();
        let handle = recorder.handle();
        metrics::with_local_recorder(&recorder, || {
            describe();
            refresh(Path::new("/"), true);
        });
        let shown = handle.render();
        for name in [CPU_SECONDS, RESIDENT, OPEN_FDS, MAX_FDS, STARTED, DISK_FREE, READY, BUILD] {
            let lines = shown.lines().filter(|line| line.starts_with(name));
            assert_eq!(lines.count(), 1, "{name} in {shown}");
        }
        let resident = field(&shown, RESIDENT).unwrap();
        assert!(resident > 1 << 20, "{shown}");
    }
}
