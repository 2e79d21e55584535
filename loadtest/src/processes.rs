//! The processes whose use is told, by name.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use crate::usage::Usage;

/// Named processes of this machine.
#[derive(Debug, Clone, Default)]
pub(crate) struct Processes(BTreeMap<String, u32>);

/// What each of them has used, with its number.
#[derive(Debug, Clone, Default)]
pub(crate) struct Used(BTreeMap<String, (u32, Usage)>);

impl Processes {
    /// The nodes of a `deploy/local/cluster` under this folder, from the files in which it keeps
    /// their numbers; none if it runs elsewhere.
    pub(crate) fn of_cluster(dir: &Path) -> Self {
        let mut found = BTreeMap::new();
        for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
            let text = fs::read_to_string(entry.path().join("pid")).unwrap_or_default();
            let number = text.split_whitespace().next().and_then(|number| number.parse().ok());
            if let (Some(number), Ok(name)) = (number, entry.file_name().into_string()) {
                found.insert(name, number);
            }
        }
        Self(found)
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// One more.
    pub(crate) fn add(&mut self, name: &str, number: u32) {
        self.0.insert(name.to_owned(), number);
    }

    /// These and others.
    pub(crate) fn and(mut self, others: Self) -> Self {
        self.0.extend(others.0);
        self
    }

    /// This process too.
    #[cfg(any(feature = "cluster", test))]
    pub(crate) fn and_self(mut self) -> Self {
        self.0.insert("loadtest".to_owned(), std::process::id());
        self
    }

    /// What they have used so far.
    pub(crate) fn used(&self) -> Used {
        let used = |(name, number): (&String, &u32)| (name.clone(), (*number, Usage::of(*number)));
        Used(self.0.iter().map(used).collect())
    }
}

impl Used {
    /// What was used since, by those that were there before and are the same processes still.
    pub(crate) fn since(&self, earlier: &Self) -> Self {
        let of = |(name, (number, used)): (&String, &(u32, Usage))| {
            let (before, earlier) = earlier.0.get(name)?;
            (before == number).then(|| (name.clone(), (*number, used.since(earlier))))
        };
        Self(self.0.iter().filter_map(of).collect())
    }

    /// Bytes that all of them had written to disks.
    pub(crate) fn bytes_written(&self) -> u64 {
        self.0.values().map(|(_, used)| used.bytes_written).sum()
    }

    /// The most memory that each of them ever had, bytes.
    pub(crate) fn memory_peaks(&self) -> BTreeMap<String, u64> {
        self.0.iter().map(|(name, (_, used))| (name.clone(), used.memory_peak_bytes)).collect()
    }

    /// CPU seconds of each for a million of so many.
    pub(crate) fn per_million(&self, count: u64) -> BTreeMap<String, f64> {
        let per_million = |used: &Usage| used.cpu.as_secs_f64() * 1e6 / count.max(1) as f64;
        self.0.iter().map(|(name, (_, used))| (name.clone(), per_million(used))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_are_found_by_their_files_and_their_cpu_is_what_was_added() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("cql-1")).unwrap();
        fs::write(dir.path().join("cql-1/pid"), format!("{} 17\n", std::process::id())).unwrap();
        fs::create_dir(dir.path().join("jars")).unwrap();
        let processes = Processes::of_cluster(dir.path());
        assert_eq!(processes.0.keys().collect::<Vec<_>>(), ["cql-1"]);
        let used = processes.used();
        assert_eq!(used.since(&used).per_million(5)["cql-1"], 0.0);
        assert!(used.since(&processes.clone().and_self().used()).0.contains_key("cql-1"));
        let mut restarted = processes;
        restarted.add("cql-1", 1);
        assert!(restarted.used().since(&used).0.is_empty(), "another process, nothing to compare");
    }
}
