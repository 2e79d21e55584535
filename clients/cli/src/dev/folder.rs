//! The files of a development folder.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use channel::{LocalSigner, Signer};
use sdk::{Currency, Role};
use toml::{Table, Value};
use zeroize::Zeroizing;

use super::Clock;
use super::authority::Authority;
use super::scheme::Scheme;
use crate::failure::{Failure, at};
use crate::output::{Row, hex};

/// The trust domain of development certificates; the node's default.
const TRUST_DOMAIN: &str = "causeway.test";

/// A participant whose keys are to be made.
#[derive(Debug, Clone)]
pub(crate) struct Person {
    pub(crate) id: u32,
    pub(crate) role: Role,
    pub(crate) name: String,
    pub(crate) country: [u8; 2],
    /// The seed of its signing key; drawn at random unless given.
    pub(crate) seed: Option<[u8; 32]>,
}

/// What a folder is made from.
#[derive(Debug)]
pub(crate) struct Folder {
    pub(crate) dir: PathBuf,
    pub(crate) pool: u32,
    pub(crate) listen: String,
    pub(crate) metrics_listen: String,
    pub(crate) clock: Clock,
    /// Logged time of the genesis; the node's own time unless given.
    pub(crate) genesis_ms: Option<u64>,
    /// The rules that are not the standard's.
    pub(crate) rules: Table,
    pub(crate) participants: Vec<Person>,
    /// The seed of the key that signs receipts; drawn at random unless given.
    pub(crate) receipt_seed: Option<[u8; 32]>,
    /// Who signs identities and the disclosure policy; without, nothing is sealed.
    pub(crate) scheme: Option<Scheme>,
    /// A further file: its name and its text.
    pub(crate) mark: Option<(&'static str, String)>,
}

impl Person {
    pub(crate) fn new(id: u32, role: Role, name: impl Into<String>, country: [u8; 2]) -> Self {
        Self { id, role, name: name.into(), country, seed: None }
    }

    fn country(&self) -> String {
        String::from_utf8_lossy(&self.country).into_owned()
    }

    pub(crate) fn to_row(&self) -> Row {
        vec![
            ("id", self.id.into()),
            ("name", self.name.as_str().into()),
            ("role", self.role.as_str().into()),
            ("country", self.country().into()),
            ("profile", format!("participants/{}/profile.toml", self.name).into()),
        ]
    }
}

/// A rule book's currencies; everything else is the standard's.
pub(crate) fn rules_of(currencies: &[Currency]) -> Table {
    let codes = currencies.iter().map(|currency| Value::from(currency.as_str())).collect();
    Table::from_iter([("currencies".to_owned(), Value::Array(codes))])
}

impl Folder {
    /// Writes the folder: whole, or not at all.
    pub(crate) fn write(&self) -> Result<(), Failure> {
        if self.dir.read_dir().is_ok_and(|mut entries| entries.next().is_some()) {
            let dir = self.dir.display();
            return Err(Failure::usage(format!("{dir} is not empty; it is left as it is")));
        }
        let mut draft = self.dir.clone().into_os_string();
        draft.push(".partial");
        let draft = PathBuf::from(draft);
        if draft.exists() {
            fs::remove_dir_all(&draft).map_err(at(&draft))?;
        }
        make_dir(&draft)?;
        self.fill(&draft)?;
        fs::rename(&draft, &self.dir).map_err(at(&self.dir))
    }

    fn fill(&self, dir: &Path) -> Result<(), Failure> {
        let authority = Authority::new()?;
        public(&dir.join("ca.pem"), &authority.certificate_pem)?;
        secret(&dir.join("ca.key.pem"), &authority.key_pem)?;
        let node = dir.join("node");
        make_dir(&node)?;
        let pair = authority.node()?;
        public(&node.join("tls.pem"), &pair.certificate_pem)?;
        secret(&node.join("tls.key.pem"), &pair.key_pem)?;
        let receipts = signing_key(self.receipt_seed)?;
        write_signing_key(&node.join("receipt.key.pem"), &receipts)?;
        make_dir(&dir.join("participants"))?;
        let mut people = Vec::new();
        for person in &self.participants {
            let key = self.write_participant(dir, person, &authority, &receipts)?;
            people.push(Value::Table(genesis_entry(person, key)));
            if let Some(scheme) = &self.scheme {
                scheme.write_identity(dir, self.pool, person, key)?;
            }
        }
        if let Some(scheme) = &self.scheme {
            scheme.write(dir, self.pool)?;
        }
        public(&dir.join("genesis.toml"), &self.genesis(people)?)?;
        if let Some((name, text)) = &self.mark {
            public(&dir.join(name), text)?;
        }
        public(&dir.join("causewayd.toml"), &self.config()?)
    }

    /// Writes what one participant needs; returns its public signing key.
    fn write_participant(
        &self,
        dir: &Path,
        person: &Person,
        authority: &Authority,
        receipts: &LocalSigner,
    ) -> Result<[u8; 32], Failure> {
        let (own, signer) = write_identity(dir, person, authority)?;
        let (role, name) = (person.role.as_str(), &person.name);
        let mut profile = Table::new();
        let mut put = |key: &str, value: Value| profile.insert(key.to_owned(), value);
        put("address", format!("https://{}", self.listen.replace("127.0.0.1", "localhost")).into());
        put("pool", i64::from(self.pool).into());
        put("participant", i64::from(person.id).into());
        put("name", name.as_str().into());
        put("role", role.into());
        put("ca", "../../ca.pem".into());
        put("certificate", "tls.pem".into());
        put("key", "tls.key.pem".into());
        put("signing_key", "sign.key.pem".into());
        put("operator_key", hex(&receipts.public_key()).into());
        if self.clock == Clock::Scripted {
            put("clock", "pool".into());
        }
        if self.scheme.is_some() {
            put("trust", "../../trust.toml".into());
            put("sealed", "sealed".into());
        }
        public(&own.join("profile.toml"), &to_toml(&profile)?)?;
        Ok(signer.public_key())
    }

    fn genesis(&self, participants: Vec<Value>) -> Result<String, Failure> {
        let mut genesis = Table::new();
        genesis.insert("pool".to_owned(), i64::from(self.pool).into());
        if let Some(at_ms) = self.genesis_ms.and_then(|at_ms| i64::try_from(at_ms).ok()) {
            genesis.insert("time_ms".to_owned(), at_ms.into());
        }
        if let Some(scheme) = &self.scheme {
            let roots = Value::Array(vec![hex(&scheme.public_key()).into()]);
            genesis.insert("roots".to_owned(), roots);
        }
        genesis.insert("rules".to_owned(), Value::Table(self.rules.clone()));
        genesis.insert("participants".to_owned(), Value::Array(participants));
        to_toml(&genesis)
    }

    fn config(&self) -> Result<String, Failure> {
        let mut config = Table::new();
        let mut put = |key: &str, value: &str| config.insert(key.to_owned(), value.into());
        put("data_dir", "data");
        put("genesis", "genesis.toml");
        put("listen", &self.listen);
        put("metrics_listen", &self.metrics_listen);
        put("trust_domain", TRUST_DOMAIN);
        put("clock", self.clock.as_str());
        let table = |fields: &[(&str, &str)]| {
            Value::Table(fields.iter().map(|(key, path)| ((*key).into(), (*path).into())).collect())
        };
        let tls = table(&[
            ("ca", "ca.pem"),
            ("certificate", "node/tls.pem"),
            ("key", "node/tls.key.pem"),
        ]);
        config.insert("tls".to_owned(), tls);
        config.insert("signing".to_owned(), table(&[("key", "node/receipt.key.pem")]));
        let gateway = Table::from_iter([("reflection".to_owned(), Value::Boolean(true))]);
        config.insert("gateway".to_owned(), Value::Table(gateway));
        to_toml(&config)
    }
}

/// Writes a participant's certificate and keys; returns where, and its signing key.
pub(super) fn write_identity(
    dir: &Path,
    person: &Person,
    authority: &Authority,
) -> Result<(PathBuf, LocalSigner), Failure> {
    let own = dir.join("participants").join(&person.name);
    make_dir(&own)?;
    let (role, name) = (person.role.as_str(), &person.name);
    let pair = authority.client(&format!("spiffe://{TRUST_DOMAIN}/{role}/{name}"), name)?;
    public(&own.join("tls.pem"), &pair.certificate_pem)?;
    secret(&own.join("tls.key.pem"), &pair.key_pem)?;
    let signer = signing_key(person.seed)?;
    write_signing_key(&own.join("sign.key.pem"), &signer)?;
    Ok((own, signer))
}

fn genesis_entry(person: &Person, key: [u8; 32]) -> Table {
    let mut entry = Table::new();
    entry.insert("id".to_owned(), i64::from(person.id).into());
    entry.insert("role".to_owned(), person.role.as_str().into());
    entry.insert("name".to_owned(), person.name.as_str().into());
    entry.insert("country".to_owned(), person.country().into());
    entry.insert("key".to_owned(), hex(&key).into());
    entry
}

pub(super) fn signing_key(seed: Option<[u8; 32]>) -> Result<LocalSigner, Failure> {
    let mut bytes = Zeroizing::new([0; 32]);
    match seed {
        Some(seed) => *bytes = seed,
        None => getrandom::fill(&mut *bytes)
            .map_err(|error| Failure::fault(format!("no randomness for a key: {error}")))?,
    }
    Ok(LocalSigner::from_seed(&bytes))
}

pub(super) fn write_signing_key(path: &Path, signer: &LocalSigner) -> Result<(), Failure> {
    let pem = signer.to_pem().map_err(|error| Failure::fault(error.to_string()))?;
    secret(path, &pem)
}

pub(super) fn to_toml(table: &Table) -> Result<String, Failure> {
    toml::to_string(table).map_err(|error| Failure::fault(format!("cannot write TOML: {error}")))
}

pub(crate) fn make_dir(path: &Path) -> Result<(), Failure> {
    DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(at(path))
}

/// Writes a new file that its owner alone may read.
pub(crate) fn secret(path: &Path, text: &str) -> Result<(), Failure> {
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    file.and_then(|file| fill_file(file, text)).map_err(at(path))
}

pub(crate) fn public(path: &Path, text: &str) -> Result<(), Failure> {
    let file = OpenOptions::new().write(true).create_new(true).open(path);
    file.and_then(|file| fill_file(file, text)).map_err(at(path))
}

fn fill_file(mut file: File, text: &str) -> std::io::Result<()> {
    file.write_all(text.as_bytes())?;
    file.sync_all()
}
