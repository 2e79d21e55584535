//! Profiles: who a client is, and where its node and its keys are.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::{Error, SigningToken};

/// A `profile.toml`. Unknown keys are errors.
///
/// ```toml
/// address = "https://localhost:7400"
/// pool = 1
/// participant = 7
/// name = "ALBKGB2L"
/// role = "bank"
/// ca = "../../ca.pem"
/// certificate = "tls.pem"
/// key = "tls.key.pem"
/// signing_key = "sign.key.pem"
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    /// Where the node listens: `https://host:port`.
    pub address: String,
    /// The pool.
    pub pool: u32,
    /// The participant's number in the pool.
    pub participant: u32,
    /// Its name; a bank's BIC.
    pub name: String,
    /// `bank`, `agent`, `operator`, `regulator`, `provider` or `screener`.
    pub role: String,
    /// The certificate of the authority that signed the node's certificate (PEM file).
    pub ca: PathBuf,
    /// The client certificate (PEM file).
    pub certificate: PathBuf,
    /// The certificate's private key (PEM file).
    pub key: PathBuf,
    /// The Ed25519 key that signs orders and commands (PKCS#8 PEM file); a regulator has none.
    #[serde(default)]
    pub signing_key: Option<PathBuf>,
    /// The same key, on a hardware token instead of in a file.
    #[serde(default)]
    pub signing_token: Option<SigningToken>,
    /// The operator's public key that checks receipts and decisions, 64 hexadecimal digits. Without
    /// it the key that the node states over its authenticated connection is taken.
    #[serde(default)]
    pub operator_key: Option<String>,
    /// The clock by which orders and commands are dated.
    #[serde(default)]
    pub clock: Clock,
    /// The trust file, which pins the roots. With it, payments are sealed.
    #[serde(default)]
    pub trust: Option<PathBuf>,
    /// The folder of KEM keys, of what is believed and of what was sealed; `sealed` beside the trust
    /// file unless said otherwise.
    #[serde(default)]
    pub sealed: Option<PathBuf>,
}

/// A clock to date orders and commands by.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Clock {
    /// This machine's.
    #[default]
    System,
    /// The pool's logged time, for a node that runs by a scripted clock.
    Pool,
}

impl Profile {
    /// Reads a profile; its paths are relative to the file.
    ///
    /// # Errors
    /// [`Error::Config`] naming the file or the key.
    pub fn load(path: &Path) -> Result<Self, Error> {
        let text = std::fs::read_to_string(path)
            .map_err(|error| Error::config(path.display().to_string(), error))?;
        let mut profile: Self = toml::from_str(&text)
            .map_err(|error| Error::config(path.display().to_string(), error.message()))?;
        let folder = path.parent().unwrap_or(Path::new(""));
        for file in [&mut profile.ca, &mut profile.certificate, &mut profile.key] {
            *file = folder.join(&*file);
        }
        let optional = [&mut profile.signing_key, &mut profile.trust, &mut profile.sealed];
        let token = profile.signing_token.iter_mut().flat_map(SigningToken::files);
        for file in optional.into_iter().flatten().chain(token) {
            *file = folder.join(&*file);
        }
        Ok(profile)
    }
}

/// Reads one of the profile's files.
pub(crate) fn read(path: &Path) -> Result<String, Error> {
    std::fs::read_to_string(path).map_err(|error| Error::config(path.display().to_string(), error))
}

/// The bytes of a key in hexadecimal.
pub(crate) fn parse_key(text: &str) -> Option<[u8; 32]> {
    let mut key = [0; 32];
    if text.len() != 64 || !text.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return None;
    }
    for (at, byte) in key.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(at * 2..at * 2 + 2)?, 16).ok()?;
    }
    Some(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"
        address = "https://localhost:7400"
        pool = 1
        participant = 7
        name = "ALBKGB2L"
        role = "bank"
        ca = "../../ca.pem"
        certificate = "tls.pem"
        key = "/etc/tls.key.pem"
    "#;

    fn load(text: &str) -> Result<Profile, Error> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("profile.toml");
        std::fs::write(&path, text).unwrap();
        Profile::load(&path).map(|mut profile| {
            let strip = |path: &Path| path.strip_prefix(folder.path()).map(Path::to_owned);
            profile.ca = strip(&profile.ca).unwrap();
            profile
        })
    }

    #[test]
    fn paths_are_relative_to_the_file() {
        let profile = load(TEXT).unwrap();
        assert_eq!(profile.ca, Path::new("../../ca.pem"));
        assert_eq!(profile.key, Path::new("/etc/tls.key.pem"));
        assert_eq!(profile.signing_key, None);
    }

    #[test]
    fn unknown_keys_are_errors() {
        let error = load(&format!("{TEXT}\nadress = 1")).unwrap_err();
        assert!(error.to_string().contains("unknown field `adress`"), "{error}");
    }

    #[test]
    fn keys_are_64_digits() {
        let text = "0f".repeat(32);
        assert_eq!(parse_key(&text), Some([15; 32]));
        assert_eq!(parse_key(&text[1..]), None);
        assert_eq!(parse_key(&"xy".repeat(32)), None);
    }
}
