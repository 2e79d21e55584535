//! Making a client: from a profile, or piece by piece.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use channel::{LocalSigner, ParticipantId, PublicKey, Signer};
use tokio::sync::OnceCell;
use tonic::transport::{Certificate, ClientTlsConfig, Endpoint, Identity};

use crate::client::{Client, Inner};
use crate::profile::{Profile, parse_key, read};
use crate::{Error, TokenSigner, retry};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(10);
const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(5);
/// Bytes that a stream or a connection may have under way.
const WINDOW_BYTES: u32 = 8 << 20;

/// Makes a [`Client`] piece by piece. [`Client::from_profile`] is the short way.
#[must_use = "a builder does nothing until connect_lazy is called"]
pub struct ClientBuilder {
    address: String,
    pool: u32,
    participant: ParticipantId,
    ca_pem: Option<String>,
    identity_pem: Option<(String, String)>,
    signer: Option<Arc<dyn Signer>>,
    operator_key: Option<[u8; 32]>,
    deadline: Duration,
    attempts_max: u32,
}

impl ClientBuilder {
    /// A client of the node at `address` (`https://host:port`), acting as `participant` in `pool`.
    pub fn new(address: impl Into<String>, pool: u32, participant: ParticipantId) -> Self {
        Self {
            address: address.into(),
            pool,
            participant,
            ca_pem: None,
            identity_pem: None,
            signer: None,
            operator_key: None,
            deadline: retry::DEADLINE,
            attempts_max: u32::MAX,
        }
    }

    /// Everything a profile says.
    ///
    /// # Errors
    /// [`Error::Config`] naming the file or the key that is not usable.
    pub fn from_profile(profile: &Profile) -> Result<Self, Error> {
        let mut builder =
            Self::new(&profile.address, profile.pool, ParticipantId(profile.participant))
                .ca(read(&profile.ca)?)
                .identity(read(&profile.certificate)?, read(&profile.key)?);
        match (&profile.signing_key, &profile.signing_token) {
            (None, None) => {}
            (Some(path), None) => {
                let signer = LocalSigner::from_pem(&read(path)?)
                    .map_err(|error| Error::config(path.display().to_string(), error))?;
                builder = builder.signer(Arc::new(signer));
            }
            (None, Some(token)) => {
                builder = builder.signer(Arc::new(TokenSigner::open(token.clone())?));
            }
            (Some(_), Some(_)) => {
                return Err(Error::config(
                    "signing_token",
                    "is there beside signing_key: give one",
                ));
            }
        }
        if let Some(text) = &profile.operator_key {
            let key = parse_key(text)
                .ok_or_else(|| Error::config("operator_key", "must be 64 hexadecimal digits"))?;
            builder = builder.operator_key(key);
        }
        Ok(builder)
    }

    /// The authority that signed the node's certificate, PEM.
    pub fn ca(mut self, pem: impl Into<String>) -> Self {
        self.ca_pem = Some(pem.into());
        self
    }

    /// The client certificate and its private key, PEM.
    pub fn identity(mut self, certificate: impl Into<String>, key: impl Into<String>) -> Self {
        self.identity_pem = Some((certificate.into(), key.into()));
        self
    }

    /// What signs orders and commands.
    pub fn signer(mut self, signer: Arc<dyn Signer>) -> Self {
        self.signer = Some(signer);
        self
    }

    /// The key that checks receipts and decisions; otherwise the node is asked for it once.
    pub fn operator_key(mut self, key: [u8; 32]) -> Self {
        self.operator_key = Some(key);
        self
    }

    /// Another node address than the profile's.
    pub fn address(mut self, address: impl Into<String>) -> Self {
        self.address = address.into();
        self
    }

    /// How long a call may take, retries included. Ten seconds unless said otherwise.
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    /// How often a call may be attempted within its deadline, at least once. For callers who look at
    /// the log themselves before they repeat anything.
    pub fn attempts_max(mut self, attempts: u32) -> Self {
        self.attempts_max = attempts.max(1);
        self
    }

    /// The client. It connects with its first call, and again whenever the connection is lost.
    ///
    /// # Errors
    /// [`Error::Config`] for an address, certificate or key that is not usable. Must be called
    /// within a Tokio runtime.
    pub fn connect_lazy(self) -> Result<Client, Error> {
        let operator_key = match &self.operator_key {
            None => OnceCell::new(),
            Some(bytes) => OnceCell::new_with(Some(
                PublicKey::new(bytes).map_err(|_| Error::config("operator_key", "is no key"))?,
            )),
        };
        let channel = self.endpoint()?.connect_lazy();
        Ok(Client(Arc::new(Inner {
            channel,
            address: self.address,
            pool: self.pool,
            participant: self.participant,
            signer: self.signer,
            operator_key,
            published: AtomicU64::new(0),
            limits: retry::Limits { deadline: self.deadline, attempts_max: self.attempts_max },
        })))
    }

    fn endpoint(&self) -> Result<Endpoint, Error> {
        let endpoint = Endpoint::from_shared(self.address.clone())
            .map_err(|_| Error::config("address", "must be https://host:port"))?
            .connect_timeout(CONNECT_TIMEOUT)
            .tcp_nodelay(true)
            .http2_keep_alive_interval(KEEPALIVE_INTERVAL)
            .keep_alive_timeout(KEEPALIVE_TIMEOUT)
            .keep_alive_while_idle(true)
            .initial_stream_window_size(WINDOW_BYTES)
            .initial_connection_window_size(WINDOW_BYTES);
        if !self.address.starts_with("https://") {
            return Err(Error::config("address", "must begin with https://"));
        }
        let mut tls = ClientTlsConfig::new();
        if let Some(pem) = &self.ca_pem {
            tls = tls.ca_certificate(Certificate::from_pem(pem));
        }
        if let Some((certificate, key)) = &self.identity_pem {
            tls = tls.identity(Identity::from_pem(certificate, key));
        }
        endpoint.tls_config(tls).map_err(|error| Error::config("certificate", error))
    }
}

impl Client {
    /// A client as a `profile.toml` describes it.
    ///
    /// # Errors
    /// [`Error::Config`] naming the file or the key that is not usable. Must be called within a
    /// Tokio runtime.
    pub fn from_profile(path: &Path) -> Result<Self, Error> {
        ClientBuilder::from_profile(&Profile::load(path)?)?.connect_lazy()
    }
}
