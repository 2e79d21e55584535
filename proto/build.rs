//! Compiles `causeway/v1/*.proto` without protoc.

use std::{env, error::Error, fs, path::PathBuf};

use prost::Message;

const FILES: [&str; 8] = [
    "causeway/v1/audit.proto",
    "causeway/v1/directory.proto",
    "causeway/v1/fx.proto",
    "causeway/v1/insight.proto",
    "causeway/v1/ledger.proto",
    "causeway/v1/money.proto",
    "causeway/v1/operator.proto",
    "causeway/v1/payment.proto",
];

fn main() -> Result<(), Box<dyn Error>> {
    for file in FILES {
        println!("cargo::rerun-if-changed={file}");
    }
    let descriptors = protox::compile(FILES, ["."])?;
    let out = PathBuf::from(env::var("OUT_DIR")?);
    fs::write(out.join("descriptors.bin"), descriptors.encode_to_vec())?;
    tonic_prost_build::configure().bytes(".").compile_fds(descriptors)?;
    Ok(())
}
