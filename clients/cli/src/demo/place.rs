//! Where a demonstration keeps its files.

use std::fs;
use std::path::{Path, PathBuf};

use channel::sha256;
use sdk::Role;
use tempfile::TempDir;
use toml::{Table, Value};

use super::banks::Cast;
use super::day::{START_MS, currencies};
use crate::dev::{Clock, Folder, Person, Scheme, officials, rules_of, screener};
use crate::failure::{Failure, at};

/// Says which day a folder holds.
const MARK: &str = "demo.toml";

/// A development folder with a demonstration's day in it.
pub(super) struct Place {
    pub(super) dir: PathBuf,
    /// Removes the folder in the end, unless somebody wanted it kept.
    _temporary: Option<TempDir>,
}

impl Place {
    /// The folder that was named, or a temporary one: as it was left, or new.
    pub(super) fn find(named: Option<&Path>, seed: u64, cast: &Cast) -> Result<Self, Failure> {
        let (dir, temporary) = match named {
            Some(dir) => (dir.to_owned(), None),
            None => {
                let made = tempfile::Builder::new().prefix("causeway-demo-").tempdir();
                let made = made.map_err(at(&std::env::temp_dir()))?;
                (made.path().join("day"), Some(made))
            }
        };
        let place = Self { dir, _temporary: temporary };
        let mark = place.dir.join(MARK);
        if mark.exists() {
            place.check(seed)?;
        } else {
            folder(&place.dir, seed, cast)?.write()?;
        }
        Ok(place)
    }

    /// A folder is taken up only by the day it was made for.
    fn check(&self, seed: u64) -> Result<(), Failure> {
        let mark = self.dir.join(MARK);
        let text = fs::read_to_string(&mark).map_err(at(&mark))?;
        if text == mark_of(seed) {
            return Ok(());
        }
        let dir = self.dir.display();
        Err(Failure::usage(format!("{dir} holds the day of another seed: {}", text.trim())))
    }

    /// Tells the profiles where the node listens.
    pub(super) fn set_address(&self, address: &str) -> Result<(), Failure> {
        let people = self.dir.join("participants");
        for entry in fs::read_dir(&people).map_err(at(&people))? {
            let path = entry.map_err(at(&people))?.path().join("profile.toml");
            let text = fs::read_to_string(&path).map_err(at(&path))?;
            let broken = |_| Failure::fault(format!("{} is no TOML", path.display()));
            let mut profile: Table = text.parse().map_err(broken)?;
            profile.insert("address".to_owned(), Value::from(address));
            fs::write(&path, profile.to_string()).map_err(at(&path))?;
        }
        Ok(())
    }
}

fn mark_of(seed: u64) -> String {
    format!("seed = {seed}\n")
}

fn folder(dir: &Path, seed: u64, cast: &Cast) -> Result<Folder, Failure> {
    let mut participants = officials();
    participants.push(screener());
    for (at, (id, bic, country)) in cast.members().enumerate() {
        let country = country.as_bytes().try_into();
        let country = country.map_err(|_| Failure::fault("a country has two letters"))?;
        let bank = at < cast.banks.len();
        let role = if bank { Role::Bank } else { Role::LiquidityProvider };
        participants.push(Person::new(id.0, role, bic, country));
    }
    for person in &mut participants {
        person.seed = Some(key_seed(seed, &person.name));
    }
    Ok(Folder {
        dir: dir.to_owned(),
        pool: 1,
        listen: "127.0.0.1:0".to_owned(),
        metrics_listen: "127.0.0.1:0".to_owned(),
        clock: Clock::Scripted,
        genesis_ms: Some(START_MS),
        rules: rules(cast)?,
        participants,
        receipt_seed: Some(key_seed(seed, "receipts")),
        scheme: Some(Scheme::new(Some(key_seed(seed, "root")), START_MS)?),
        mark: Some((MARK, mark_of(seed))),
    })
}

fn rules(cast: &Cast) -> Result<Table, Failure> {
    let mut rules = rules_of(&currencies(cast)?);
    // Cycles are the script's; what is urgent is sealed within the minute, and a match stands until
    // the cycles behind it.
    rules.insert("cycle_ms".to_owned(), 3_600_000.into());
    rules.insert("seal_ms".to_owned(), 60_000.into());
    rules.insert("match_ms".to_owned(), 21_600_000.into());
    Ok(rules)
}

/// The demonstration's signing keys are made from its seed, so that its log comes out the same.
/// They are no secret, and sign nothing else.
pub(super) fn key_seed(seed: u64, name: &str) -> [u8; 32] {
    sha256(&[b"causeway demo key".as_slice(), &seed.to_be_bytes(), name.as_bytes()].concat())
}
