//! What a root does, on a machine without a network: make its key, sign identities and policies.

use std::fs;
use std::path::{Path, PathBuf};

use channel::{LocalSigner, Signer as _};
use clap::{Args, Subcommand};
use sdk::sealed::{AnyStatement, Signed, Statement};
use zeroize::Zeroizing;

use super::{policy_file, statement_file};
use crate::dev::secret;
use crate::failure::{Failure, at};
use crate::output::{Shown, hex};

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Make(MakeArgs),
    /// Sign who a participant is (a TOML file), to be published with `causeway trust publish`.
    SignIdentity(SignArgs),
    /// Sign a disclosure policy (a TOML file), to be published with `causeway policy publish`.
    SignPolicy(SignArgs),
}

/// Make a root's key. Its public half belongs into the pool's genesis and every trust file.
#[derive(Debug, Args)]
pub(crate) struct MakeArgs {
    /// Where to write the private key (PKCS#8 PEM); a new file.
    key: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct SignArgs {
    /// What to sign.
    file: PathBuf,
    /// The root's private key (PKCS#8 PEM).
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    /// Where to write the signed statement; a new file.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

impl Command {
    pub(crate) fn run(self) -> Result<Shown, Failure> {
        match self {
            Self::Make(args) => args.run(),
            Self::SignIdentity(args) => args.sign(policy_file::identity),
            Self::SignPolicy(args) => args.sign(policy_file::policy),
        }
    }
}

impl MakeArgs {
    fn run(self) -> Result<Shown, Failure> {
        let mut seed = Zeroizing::new([0; 32]);
        getrandom::fill(&mut *seed)
            .map_err(|error| Failure::fault(format!("no randomness for a key: {error}")))?;
        let signer = LocalSigner::from_seed(&seed);
        let pem = signer.to_pem().map_err(|error| Failure::fault(error.to_string()))?;
        secret(&self.key, &pem)?;
        Ok(Shown::One(vec![("public_key", hex(&signer.public_key()).into())]))
    }
}

impl SignArgs {
    fn sign<S: Statement>(self, parse: fn(&str) -> Result<S, Failure>) -> Result<Shown, Failure>
    where
        AnyStatement: From<Signed<S>>,
    {
        let read = |path: &Path| fs::read_to_string(path).map_err(at(path));
        let statement =
            parse(&read(&self.file)?).map_err(|failure| failure.about(self.file.display()))?;
        let pem = Zeroizing::new(read(&self.key)?);
        let signer = LocalSigner::from_pem(&pem)
            .map_err(|error| Failure::usage(format!("{}: {error}", self.key.display())))?;
        let signed = Signed::sign(statement, &signer);
        let signed = AnyStatement::from(signed.map_err(|it| Failure::fault(it.to_string()))?);
        // What the file says must be what others read.
        AnyStatement::decode(signed.kind(), &signed.encode())
            .map_err(|error| Failure::usage(format!("{}: {error}", self.file.display())))?;
        statement_file::write(&self.out, &signed)?;
        Ok(Shown::One(vec![
            ("statement", signed.label().into()),
            ("signer", hex(signed.signer()).into()),
            ("file", self.out.display().to_string().into()),
        ]))
    }
}
