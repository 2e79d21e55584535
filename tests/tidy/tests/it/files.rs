//! How large a source file may grow, and what must not be left behind in one.

use std::fs;
use std::process::Command;

/// Lines of a source file, at most.
const LINES_MAX: usize = 800;
/// Folders and files of leftovers have no owner: name a thing for what it holds.
const NAMELESS: [&str; 4] = ["utils", "common", "helpers", "misc"];
const LEFT_OVER: [&str; 4] =
    ["todo!(", "unimplemented!(", concat!("FIX", "ME"), concat!("TO", "DO")];

fn tracked() -> Vec<String> {
    let listing = Command::new("git").arg("ls-files").current_dir(crate::root()).output().unwrap();
    assert!(listing.status.success(), "git ls-files");
    String::from_utf8(listing.stdout).unwrap().lines().map(str::to_owned).collect()
}

#[test]
fn source_files_stay_small_and_finished() {
    let files = tracked();
    assert!(!files.is_empty());
    for path in files.iter().filter(|path| path.ends_with(".rs")) {
        let Ok(text) = fs::read_to_string(crate::root().join(path)) else { continue };
        let lines = text.lines().count();
        assert!(lines <= LINES_MAX, "{path} has {lines} lines: which two things does it hold?");
        for word in LEFT_OVER {
            let held = path.starts_with("tests/tidy") || !text.contains(word);
            assert!(held, "{path} holds {word}");
        }
        let stem = path.rsplit('/').next().unwrap().trim_end_matches(".rs");
        assert!(!NAMELESS.contains(&stem), "{path}: name it for what it holds");
    }
}

#[test]
fn no_private_key_is_checked_in() {
    for path in tracked() {
        let Ok(text) = fs::read_to_string(crate::root().join(&path)) else { continue };
        let begins = text.lines().any(|line| line.starts_with("-----BEGIN PRIVATE KEY"));
        assert!(!begins, "{path} holds a private key");
    }
}
