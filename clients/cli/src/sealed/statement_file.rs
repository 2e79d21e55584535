//! Signed statements as files, to be carried from the machine of a root to one with a network.

use std::fs;
use std::path::Path;

use sdk::sealed::AnyStatement;
use serde::{Deserialize, Serialize};

use crate::dev::public;
use crate::failure::{Failure, at};
use crate::output::hex;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    /// Its label, for people.
    statement: String,
    /// Its kind's number in `docs/reference/ppc1.md`.
    kind: u8,
    /// `body ‖ signer ‖ signature`, hexadecimal.
    signed: String,
}

/// Writes a new file.
pub(crate) fn write(path: &Path, statement: &AnyStatement) -> Result<(), Failure> {
    let file = File {
        statement: statement.label().to_owned(),
        kind: statement.kind(),
        signed: hex(&statement.encode()),
    };
    let text = toml::to_string(&file).map_err(|error| Failure::fault(error.to_string()))?;
    public(path, &text)
}

/// Reads a file; the signature holds.
pub(crate) fn read(path: &Path) -> Result<AnyStatement, Failure> {
    let text = fs::read_to_string(path).map_err(at(path))?;
    let bad = |problem: &str| Failure::usage(format!("{}: {problem}", path.display()));
    let file: File = toml::from_str(&text).map_err(|error| bad(error.message()))?;
    let bytes = bytes_of(&file.signed).ok_or_else(|| bad("signed: must be hexadecimal"))?;
    let statement = AnyStatement::decode(file.kind, &bytes);
    let statement = statement.map_err(|error| bad(&error.to_string()))?;
    statement.verify().map_err(|_| bad("the signature does not hold"))?;
    Ok(statement)
}

/// The bytes of an even number of hexadecimal digits.
pub(super) fn bytes_of(text: &str) -> Option<Vec<u8>> {
    if !text.len().is_multiple_of(2) || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let byte = |at: usize| u8::from_str_radix(text.get(at..at + 2)?, 16).ok();
    (0..text.len()).step_by(2).map(byte).collect()
}
