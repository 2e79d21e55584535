//! The pure crates do no I/O, read no clock, draw no random number, iterate no hash map, spawn
//! nothing and hold no float. Their sources are searched for the ways to do so.

use std::fs;
use std::path::{Path, PathBuf};

const PURE: [&str; 7] =
    ["ledger", "risk", "channel", "channel/sealing", "clearing", "insight", "simulator"];

/// What must not stand in their sources, and what to do instead.
const BANNED: [(&str, &str); 17] = [
    ("std::fs", "bytes come in as slices and go out as values"),
    ("std::io", "bytes come in as slices and go out as values"),
    ("std::net", "effects are data"),
    ("std::env", "options come in as arguments"),
    ("std::thread", "the caller decides about threads"),
    ("std::process", "a bug panics; nothing else ends the process"),
    ("SystemTime", "time comes in inside records"),
    ("Instant::", "time comes in inside records"),
    ("HashMap", "iteration order must not matter: BTreeMap, or a Vec"),
    ("HashSet", "iteration order must not matter: BTreeSet, or a Vec"),
    ("f32", "money and rates are integers"),
    ("f64", "money and rates are integers"),
    ("getrandom", "randomness comes in as an argument"),
    ("rand::", "randomness comes in as an argument"),
    ("async fn", "the core is synchronous"),
    ("tokio", "the core is synchronous"),
    ("println!", "effects are data"),
];

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// The code of a line, without its comment.
fn code(line: &str) -> &str {
    line.split_once("//").map_or(line, |(code, _)| code)
}

fn has_word(line: &str, word: &str) -> bool {
    let boundary = |character: Option<char>| {
        !character.is_some_and(|character| character.is_alphanumeric() || character == '_')
    };
    line.match_indices(word).any(|(at, _)| boundary(line[..at].chars().next_back()))
}

#[test]
fn pure_crates_stay_pure() {
    for name in PURE {
        let mut files = Vec::new();
        sources(&crate::root().join(name).join("src"), &mut files);
        assert!(!files.is_empty(), "{name} has no sources");
        for file in files {
            let text = fs::read_to_string(&file).unwrap();
            for (number, line) in text.lines().enumerate() {
                for (word, instead) in BANNED {
                    let held = !has_word(code(line), word);
                    assert!(held, "{}:{}: {word}: {instead}", file.display(), number + 1);
                }
            }
        }
    }
}
