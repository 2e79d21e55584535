//! A broker whose disk is full, and which dies of it. Its data lies in memory for that: root mounts it.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::PathBuf;
use std::process::Command;

use super::loaded::{BANKS, Loaded};
use super::rig::{Cluster, cluster_dir, server, state, until};

const BROKER: &str = "kafka-1";
const GATEWAY: &str = "gateway";
/// More than the broker has of all pools.
const MIB: usize = 512;

/// A small disk in place of the broker's own, which it starts on again when this is dropped.
struct Disk(PathBuf);

impl Disk {
    /// The broker starts anew on it, with what the others send it.
    fn mount() -> Self {
        server("kill", BROKER);
        let data = PathBuf::from(cluster_dir()).join(BROKER).join("data");
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={MIB}m"), "tmpfs"])
            .arg(&data)
            .status();
        assert!(mounted.unwrap().success(), "cannot mount on {}", data.display());
        let disk = Self(data);
        server("start", BROKER);
        disk
    }

    fn fill(&self) {
        let mut ballast = File::create(self.0.join("ballast")).unwrap();
        let full = (0..=MIB * 16).find_map(|_| ballast.write_all(&[0; 64 << 10]).err());
        assert_eq!(full.unwrap().raw_os_error(), Some(28), "no space left");
    }

    fn make_room(&self) {
        fs::remove_file(self.0.join("ballast")).unwrap();
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        if state(BROKER) != "down" {
            server("kill", BROKER);
        }
        // A dead process may hold its files a moment longer.
        let unmounted = Command::new("umount").arg("--lazy").arg(&self.0).status();
        assert!(unmounted.unwrap().success(), "{} is still mounted", self.0.display());
        server("start", BROKER);
    }
}

#[test]
#[ignore = "needs brokers and CQL nodes, and to be root"]
fn a_broker_whose_disk_is_full_is_done_without_until_there_is_room() {
    let disk = Disk::mount();
    let mut cluster = Cluster::shared(BANKS);
    for (name, role) in [("settler", "settler"), ("projector", "projector"), (GATEWAY, "gateway")] {
        cluster.add_role(name, role, "");
        cluster.start(name);
    }
    let loaded = Loaded::new(cluster, &[GATEWAY]);
    for _ in 0..2 {
        disk.fill();
        until("the broker has given up", || state(BROKER) == "down");
        loaded.more(1_000);
        disk.make_room();
        server("start", BROKER);
        loaded.more(1_000);
    }
    drop(disk);
    loaded.more(1_000);
    let reports = loaded.end(&["tool"]);
    assert!(reports[0]["stored_batches"].as_u64().unwrap() > 0);
}
