//! The direction of dependencies, from `cargo metadata`.

use std::collections::{BTreeMap, BTreeSet};

use cargo_metadata::{CargoOpt, DependencyKind, Metadata, MetadataCommand};

/// Each of our crates with those of our crates it may link. `ARCHITECTURE.md` draws the same.
const ALLOWED: &[(&str, &[&str])] = &[
    ("ledger", &[]),
    ("risk", &["ledger"]),
    ("insight", &["clearing", "ledger"]),
    ("netting", &[]),
    ("channel", &["ledger"]),
    ("sealing", &["channel", "ledger"]),
    ("clearing", &["channel", "ledger", "risk"]),
    ("archive", &["clearing"]),
    ("solver", &["channel", "clearing", "ledger", "netting"]),
    ("simulator", &["channel", "clearing", "ledger", "solver"]),
    ("proto", &["ledger"]),
    ("bus", &[]),
    ("store", &[]),
    ("projector", &["bus", "channel", "clearing", "ledger", "store"]),
    ("settler", &["bus", "channel", "clearing", "ledger", "projector", "risk", "solver", "store"]),
    (
        "gateway",
        &[
            "bus",
            "channel",
            "clearing",
            "insight",
            "ledger",
            "projector",
            "proto",
            "risk",
            "settler",
            "solver",
            "store",
        ],
    ),
    (
        "node",
        &[
            "archive",
            "bus",
            "channel",
            "clearing",
            "gateway",
            "ledger",
            "projector",
            "proto",
            "risk",
            "settler",
            "solver",
            "store",
        ],
    ),
    ("iso20022", &["ledger"]),
    ("netfile", &["iso20022", "ledger", "netting"]),
    ("plot", &[]),
    ("sdk", &["channel", "ledger", "proto", "sealing"]),
    (
        "cli",
        &[
            "archive",
            "channel",
            "iso20022",
            "ledger",
            "netfile",
            "plot",
            "proto",
            "sdk",
            "simulator",
        ],
    ),
    ("loadtest", &["channel", "ledger", "proto", "sdk", "sealing"]),
    (
        "hostile",
        &[
            "archive",
            "bus",
            "channel",
            "clearing",
            "iso20022",
            "ledger",
            "projector",
            "risk",
            "sealing",
            "settler",
            "store",
        ],
    ),
    ("tidy", &[]),
];

/// Crates that must build without any of these in their tree.
const PURE: [&str; 10] = [
    "ledger",
    "risk",
    "channel",
    "clearing",
    "insight",
    "netting",
    "solver",
    "simulator",
    "iso20022",
    "sealing",
];
const HEAVY: [&str; 10] = [
    "tokio", "tonic", "prost", "fjall", "rdkafka", "scylla", "rustls", "metrics", "tracing",
    "rustix",
];

/// With every feature: what a cluster's build links is held to the same.
fn metadata() -> Metadata {
    let mut command = MetadataCommand::new();
    command.features(CargoOpt::AllFeatures).current_dir(super::root()).exec().unwrap()
}

#[test]
fn crates_link_only_what_they_may() {
    let metadata = metadata();
    let ours: BTreeSet<_> =
        metadata.workspace_packages().iter().map(|package| package.name.to_string()).collect();
    let allowed: BTreeMap<_, _> = ALLOWED.iter().copied().collect();
    for package in metadata.workspace_packages() {
        let may = allowed.get(package.name.as_str());
        let may = may.unwrap_or_else(|| panic!("{} is not in the table", package.name));
        for dependency in &package.dependencies {
            if dependency.kind == DependencyKind::Normal && ours.contains(&dependency.name) {
                let held = may.contains(&dependency.name.as_str());
                assert!(held, "{} may not link {}", package.name, dependency.name);
            }
        }
    }
}

/// Everything a crate links, tests and build scripts aside.
fn linked(metadata: &Metadata, name: &str) -> BTreeSet<String> {
    let resolve = metadata.resolve.as_ref().unwrap();
    let root = metadata.packages.iter().find(|package| package.name == name).unwrap();
    let (mut seen, mut open) = (BTreeSet::new(), vec![root.id.clone()]);
    while let Some(id) = open.pop() {
        if !seen.insert(id.clone()) {
            continue;
        }
        let node = resolve.nodes.iter().find(|node| node.id == id).unwrap();
        open.extend(node.deps.iter().filter_map(|dependency| {
            let normal =
                dependency.dep_kinds.iter().any(|kind| kind.kind == DependencyKind::Normal);
            normal.then(|| dependency.pkg.clone())
        }));
    }
    seen.iter().map(|id| metadata[id].name.to_string()).collect()
}

#[test]
fn pure_crates_have_no_heavy_crate_below_them() {
    let metadata = metadata();
    for name in PURE {
        let tree = linked(&metadata, name);
        for heavy in HEAVY {
            assert!(!tree.contains(heavy), "{name} must not link {heavy}");
        }
    }
}

/// The engine has nothing with which a sealed order could be opened, by design or by accident.
#[test]
fn the_engine_does_not_link_what_opens_orders() {
    let metadata = metadata();
    let engine = linked(&metadata, "node");
    for opener in ["sealing", "hpke", "x25519-dalek", "aes-gcm", "aes", "hkdf"] {
        assert!(!engine.contains(opener), "causewayd must not link {opener}");
        assert!(linked(&metadata, "sealing").contains(opener), "{opener} is what sealing uses");
    }
    for ours in metadata.workspace_packages() {
        let services = ours.manifest_path.as_str().contains("/services/");
        let opens = linked(&metadata, &ours.name).contains("sealing");
        assert!(!(services && opens), "{} must not link sealing", ours.name);
    }
}

#[test]
fn one_crate_knows_each_technology() {
    let metadata = metadata();
    // The load test's ceiling asks the servers as one who knows nothing of `bus` and `store`;
    // `hostile` seals what no honest sender would.
    let owners: [(&str, &[&str]); 9] = [
        ("quick-xml", &["iso20022"]),
        ("fjall", &["store"]),
        ("rdkafka", &["bus", "loadtest"]),
        ("scylla", &["store", "loadtest"]),
        ("rcgen", &["cli"]),
        ("cryptoki", &["sdk"]),
        ("hpke", &["sealing"]),
        ("aes-gcm", &["hostile", "sealing"]),
        ("x25519-dalek", &["sealing"]),
    ];
    for package in metadata.workspace_packages() {
        for (technology, knows) in owners {
            let links = package.dependencies.iter().any(|dependency| {
                dependency.kind == DependencyKind::Normal && dependency.name == technology
            });
            let may = knows.contains(&package.name.as_str());
            assert!(!links || may, "{} links {technology}", package.name);
        }
    }
}
