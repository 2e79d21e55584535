//! One more bank, or liquidity provider, for a development folder.

use std::fs;
use std::path::PathBuf;

use channel::Signer;
use clap::Args;
use sdk::Role;
use toml::Table;

use super::authority::Authority;
use super::folder::{Person, public, to_toml, write_identity};
use super::scheme::Scheme;
use super::{parse_bank, parse_provider};
use crate::failure::{Failure, at};
use crate::output::{Output, Shown, hex};

/// Make certificate, keys and profile of one more bank or liquidity provider.
///
/// The pool does not know it yet: an operator takes it in with `participants add`.
#[derive(Debug, Args)]
pub(crate) struct AddArgs {
    /// The folder.
    dir: PathBuf,
    /// Its number, unused so far.
    #[arg(value_parser = clap::value_parser!(u32).range(1..))]
    id: u32,
    /// A bank's BIC and its country, such as DRBKFRPP:FR.
    #[arg(value_name = "BIC:CC", value_parser = parse_bank, required_unless_present = "provider")]
    bank: Option<(String, [u8; 2])>,
    /// A liquidity provider's name and its country, such as maker:CH.
    #[arg(long, value_name = "NAME:CC", value_parser = parse_provider, conflicts_with = "bank")]
    provider: Option<(String, [u8; 2])>,
}

impl AddArgs {
    pub(crate) fn run(self, output: Output) -> Result<Shown, Failure> {
        let bank = self.bank.map(|bank| (Role::Bank, bank));
        let provider = self.provider.map(|provider| (Role::LiquidityProvider, provider));
        let given = bank.or(provider).ok_or_else(|| Failure::usage("name a bank or a provider"))?;
        let (role, (name, country)) = given;
        let person = Person::new(self.id, role, name, country);
        let own = self.dir.join("participants").join(&person.name);
        if own.exists() {
            let own = own.display();
            return Err(Failure::usage(format!("{own} is there already; it is left as it is")));
        }
        let read = |name: &str| {
            let path = self.dir.join(name);
            fs::read_to_string(&path).map_err(at(&path))
        };
        let authority = Authority::of_key(&read("ca.key.pem")?, read("ca.pem")?)?;
        // An operator's profile says what all of them share: node, pool, the operator's key.
        let shared: Table = read("participants/alice/profile.toml")?
            .parse()
            .map_err(|_| Failure::fault("participants/alice/profile.toml is no TOML"))?;
        let (own, signer) = write_identity(&self.dir, &person, &authority)?;
        let pool = shared.get("pool").and_then(toml::Value::as_integer);
        let pool = pool.and_then(|pool| u32::try_from(pool).ok());
        let pool = pool.ok_or_else(|| Failure::fault("participants/alice/profile.toml: pool"))?;
        if let Some(scheme) = Scheme::of_folder(&self.dir)? {
            scheme.write_identity(&self.dir, pool, &person, signer.public_key())?;
        }
        let mut profile = shared;
        profile.insert("participant".to_owned(), i64::from(person.id).into());
        profile.insert("name".to_owned(), person.name.as_str().into());
        profile.insert("role".to_owned(), person.role.as_str().into());
        public(&own.join("profile.toml"), &to_toml(&profile)?)?;
        let key = hex(&signer.public_key());
        let (dir, id, name) = (self.dir.display(), person.id, &person.name);
        let code = String::from_utf8_lossy(&person.country);
        output.note(&format!(
            "made {}; next:\n  causeway --dir {dir} --profile alice participants add {id} {name} \
             --role {} --country {code} --key {key}",
            own.display(),
            role.as_str()
        ));
        let mut row = person.to_row();
        row.push(("key", key.into()));
        Ok(Shown::One(row))
    }
}
