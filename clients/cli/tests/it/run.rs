//! Running the binaries.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;

/// `causeway`, with nothing of this process's settings.
pub(crate) fn causeway() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_causeway"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("CAUSEWAY_") {
            command.env_remove(name);
        }
    }
    command.stdin(Stdio::null());
    command
}

/// `causewayd` beside it. Cargo builds it with the whole workspace's tests, and not with those of this
/// crate alone.
pub(crate) fn causewayd() -> PathBuf {
    let path = Path::new(env!("CARGO_BIN_EXE_causeway")).with_file_name("causewayd");
    assert!(path.exists(), "{} is not there: `cargo build -p node` makes it", path.display());
    path
}

/// Runs it to its end: exit code, stdout, stderr.
pub(crate) fn run(arguments: &[&str]) -> (i32, String, String) {
    finish(causeway().args(arguments))
}

pub(crate) fn finish(command: &mut Command) -> (i32, String, String) {
    let Output { status, stdout, stderr } = command.output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (status.code().unwrap(), text(stdout), text(stderr))
}

/// Runs it with `--json`; stdout must be one value whatever happens.
pub(crate) fn json(arguments: &[&str]) -> (i32, Value) {
    let (code, stdout, stderr) = finish(causeway().args(arguments).arg("--json"));
    let value = serde_json::from_str(&stdout);
    (code, value.unwrap_or_else(|error| panic!("{arguments:?}: {error}: {stdout}{stderr}")))
}
