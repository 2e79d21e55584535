//! Development folders: an authority, certificates, keys, profiles, a genesis and a node's
//! configuration, all new.

mod add;
mod authority;
mod folder;
mod publish;
mod scheme;

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use sdk::sealed::Suite;
use sdk::{Currency, Role};

pub(crate) use self::folder::{Folder, Person, make_dir, public, rules_of, secret};
pub(crate) use self::publish::signed_by_roots;
pub(crate) use self::scheme::Scheme;
use crate::context::Context;
use crate::failure::Failure;
use crate::output::Shown;
use crate::sealed::policy_file;

/// Where a development node listens.
pub(crate) const LISTEN: &str = "127.0.0.1:7400";
/// Where it serves its metrics.
pub(crate) const METRICS_LISTEN: &str = "127.0.0.1:7401";

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Make a folder with everything a development node and its clients need.
    ///
    /// The folder must be empty or not there. Its keys protect nothing but this node.
    Init(InitArgs),
    Add(add::AddArgs),
    Publish(publish::PublishArgs),
}

#[derive(Debug, Args)]
pub(crate) struct InitArgs {
    /// The folder.
    dir: PathBuf,
    /// A bank: its BIC and its country, such as ALBKGB2L:GB. Three banks are made if none is named.
    #[arg(long = "bank", value_name = "BIC:CC", value_parser = parse_bank)]
    banks: Vec<(String, [u8; 2])>,
    /// A liquidity provider: its name and its country, such as maker:CH.
    #[arg(long = "provider", value_name = "NAME:CC", value_parser = parse_provider)]
    providers: Vec<(String, [u8; 2])>,
    /// A currency of the pool.
    #[arg(long = "currency", value_name = "CODE", value_parser = parse_currency,
        default_values = ["EUR", "USD", "GBP", "JPY"])]
    currencies: Vec<Currency>,
    /// The number of the pool.
    #[arg(long, default_value_t = 1)]
    pool: u32,
    /// Where the node listens.
    #[arg(long, default_value = LISTEN)]
    listen: String,
    /// Where the node serves its metrics.
    #[arg(long, default_value = METRICS_LISTEN)]
    metrics_listen: String,
    /// Where the node's time comes from.
    #[arg(long, value_enum, default_value = "system")]
    clock: Clock,
    /// Seal the payments: make a root, sign everybody's identity and a disclosure policy, add a
    /// screener. `causeway dev publish` hands them in once the node runs.
    #[arg(long)]
    sealed: bool,
    /// How they are sealed: x25519, or x-wing, which a quantum computer does not break either.
    #[arg(long, requires = "sealed", default_value = "x25519", value_parser = policy_file::parse_suite)]
    suite: Suite,
}

/// Where a node's time comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Clock {
    /// The machine.
    System,
    /// Whoever advances it.
    Scripted,
}

impl Clock {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::Scripted => "scripted",
        }
    }
}

pub(crate) fn parse_currency(code: &str) -> Result<Currency, String> {
    Currency::parse(code).map_err(|error| error.to_string())
}

fn parse_bank(text: &str) -> Result<(String, [u8; 2]), String> {
    let (bic, country) = text.split_once(':').ok_or("must be BIC:CC, such as ALBKGB2L:GB")?;
    if iso20022::Bic::parse(bic).is_none() {
        return Err(format!("`{bic}` is not a BIC"));
    }
    Ok((bic.to_owned(), parse_country(country)?))
}

fn parse_provider(text: &str) -> Result<(String, [u8; 2]), String> {
    let (name, country) = text.split_once(':').ok_or("must be NAME:CC, such as maker:CH")?;
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    let fits = (1..=channel::NAME_BYTES_MAX).contains(&name.len()) && name.bytes().all(plain);
    // A name is also that of a folder.
    if !fits || name.starts_with('.') {
        return Err("the name must be 1 to 35 of A-Z a-z 0-9 . _ -, no dot first".to_owned());
    }
    Ok((name.to_owned(), parse_country(country)?))
}

fn parse_country(text: &str) -> Result<[u8; 2], String> {
    let country: Option<[u8; 2]> = text.as_bytes().try_into().ok();
    let country = country.filter(|country| country.iter().all(u8::is_ascii_uppercase));
    country.ok_or_else(|| "the country must be two capital letters".to_owned())
}

/// The people and institutions of a development pool beside its banks.
pub(crate) fn officials() -> Vec<Person> {
    vec![
        Person::new(1, Role::Operator, "alice", *b"GB"),
        Person::new(2, Role::Operator, "bob", *b"GB"),
        Person::new(3, Role::SettlementAgent, "agent", *b"CH"),
        Person::new(4, Role::Regulator, "overseer", *b"CH"),
    ]
}

/// Who screens payments in a pool that seals them.
pub(crate) fn screener() -> Person {
    Person::new(5, Role::Screener, "screener", *b"CH")
}

/// The number of the first bank of a development pool.
pub(crate) const FIRST_BANK: u32 = 11;

impl Command {
    pub(crate) async fn run(self, context: &Context) -> Result<Shown, Failure> {
        let folder = match self {
            Self::Init(args) => args.folder()?,
            Self::Add(args) => return args.run(context.output),
            Self::Publish(args) => return Box::pin(args.run(context)).await,
        };
        folder.write()?;
        let dir = folder.dir.display();
        let publish = match folder.scheme {
            Some(_) => format!("\n  causeway --dir {dir} dev publish {dir}"),
            None => String::new(),
        };
        context.output.note(&format!(
            "made {dir}; next:\n  causewayd dev --dir {dir}{publish}\n  \
             causeway --dir {dir} --profile alice pool\n  \
             causeway --dir {dir} --profile alice participants list"
        ));
        Ok(Shown::Many(folder.participants.iter().map(Person::to_row).collect()))
    }
}

impl InitArgs {
    fn folder(self) -> Result<Folder, Failure> {
        let twice = |what: &str| Err(Failure::usage(format!("{what} is named twice")));
        if let Some(currency) = repeated(&self.currencies, |currency| *currency) {
            return twice(currency.as_str());
        }
        let mut banks = self.banks;
        if let Some((bic, _)) = repeated(&banks, |(bic, _)| iso20022::Bic::parse(bic)) {
            return twice(bic);
        }
        if banks.is_empty() {
            let example = [("ALBKGB2L", *b"GB"), ("BRBKDEFF", *b"DE"), ("CSBKUS33", *b"US")];
            banks = example.map(|(bic, country)| (bic.to_owned(), country)).to_vec();
        }
        let mut participants = officials();
        participants.extend(self.sealed.then(screener));
        let numbers = FIRST_BANK..;
        let banks = banks.into_iter().map(|bank| (Role::Bank, bank));
        let providers = self.providers.into_iter().map(|it| (Role::LiquidityProvider, it));
        participants.extend(
            numbers
                .zip(banks.chain(providers))
                .map(|(id, (role, (name, country)))| Person::new(id, role, name, country)),
        );
        if let Some(person) = repeated(&participants, |person| person.name.clone()) {
            return twice(&person.name);
        }
        Ok(Folder {
            dir: self.dir,
            pool: self.pool,
            listen: self.listen,
            metrics_listen: self.metrics_listen,
            clock: self.clock,
            genesis_ms: None,
            rules: rules_of(&self.currencies),
            participants,
            receipt_seed: None,
            scheme: if self.sealed {
                Some(Scheme::new(None, sdk::now_ms())?.suite(self.suite))
            } else {
                None
            },
            mark: None,
        })
    }
}

/// The first item whose key an earlier one has.
fn repeated<T, K: PartialEq>(items: &[T], key: impl Fn(&T) -> K) -> Option<&T> {
    let known = |at: usize, item| items[..at].iter().any(|earlier| key(earlier) == key(item));
    items.iter().enumerate().find(|(at, item)| known(*at, item)).map(|(_, item)| item)
}
