use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use sdk::{Client, Order, SignedBatch};

use crate::rig::{Rig, bic, order, runtime};

/// A small file system of its own, where this process may make one.
struct SmallDisk(PathBuf);

impl SmallDisk {
    fn mount(at: &Path, mebibytes: u32) -> Option<Self> {
        fs::create_dir_all(at).unwrap();
        let size = format!("size={mebibytes}m");
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &size, "tmpfs"])
            .arg(at)
            .output()
            .is_ok_and(|output| output.status.success());
        mounted.then(|| Self(at.to_owned()))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

/// Writes until nothing more fits.
fn fill(path: &Path) {
    let mut file = File::create(path).unwrap();
    while file.write_all(&[7; 65_536]).is_ok() {}
    let _ = file.write_all(&[7; 1]);
}

fn batch(client: &Client) -> SignedBatch {
    let payload = "x".repeat(2_000);
    let orders: Vec<Order> = (0..200).map(|_| order(client, 1, &payload)).collect();
    client.sign(orders).unwrap()
}

#[test]
fn a_full_disk_refuses_orders_but_not_reads_and_resumes_by_itself() {
    let temp = tempfile::tempdir().unwrap();
    let Some(disk) = SmallDisk::mount(&temp.path().join("disk"), 256) else {
        println!("SKIP: this process may not mount a file system");
        return;
    };
    let mut rig = Rig::in_dir(temp.path(), 2);
    rig.configure("data_dir = \"disk/data\"");
    rig.start();
    let runtime = runtime();
    runtime.block_on(async {
        rig.set_up().await;
        let client = rig.client_within(&bic(0), Duration::from_secs(5));
        let first = order(&client, 1, "before");
        let position = client.submit(&first).await.unwrap().receipt.position;
        fill(&disk.0.join("ballast"));
        // What is preallocated still takes some.
        let refused = loop {
            if let Err(refused) = client.submit_batch(&batch(&client)).await {
                break refused;
            }
        };
        let sdk::Error::Refused(refusal) = &refused else { panic!("{refused:?}") };
        assert_eq!(refusal.code as i32, 8, "RESOURCE_EXHAUSTED: {refusal}");
        assert!(refused.is_transient(), "{refusal}");
        assert_eq!(client.get(first.uetr(), position).await.unwrap().payments.len(), 1);
        client.pool_info().await.unwrap();

        fs::remove_file(disk.0.join("ballast")).unwrap();
        let again = batch(&client);
        while let Err(error) = client.submit_batch(&again).await {
            assert!(error.is_transient(), "{error}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    });
    assert_eq!(rig.terminate(), Some(0), "{}", rig.errors());
    assert_eq!(rig.run(&["verify", "disk/data"]).status.code(), Some(0));
}
