//! TLS 1.3 only, a client certificate of the pool's CA from everybody, HTTP/2 only.

use std::sync::Arc;

use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, crypto::ring, version::TLS13};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

/// The protocol that a client must name in the handshake.
pub(crate) const ALPN: &[u8] = b"h2";

/// What the node shows and whom it lets in.
#[derive(Clone)]
pub struct ServerTls(pub(crate) Arc<ServerConfig>);

/// Certificates or a key that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// Not PEM of the expected kind.
    #[error("cannot read {what} as PEM")]
    Pem {
        /// Which of the three.
        what: &'static str,
        /// What is wrong with it.
        source: rustls_pki_types::pem::Error,
    },
    /// The CA cannot be the root of client certificates.
    #[error("cannot verify client certificates with this CA")]
    Ca(#[from] rustls::server::VerifierBuilderError),
    /// Certificate and key do not go together, or are of a kind that is not supported.
    #[error("cannot use this certificate with this key")]
    Certificate(#[from] rustls::Error),
}

impl ServerTls {
    /// From PEM: the CA that signs clients' certificates, the node's own chain, its private key.
    ///
    /// # Errors
    /// [`TlsError`].
    pub fn from_pem(ca: &[u8], certificate: &[u8], key: &[u8]) -> Result<Self, TlsError> {
        let provider = Arc::new(ring::default_provider());
        let mut roots = RootCertStore::empty();
        for root in certificates(ca, "the CA")? {
            roots.add(root)?;
        }
        let verifier =
            WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider))
                .build()?;
        let key = PrivateKeyDer::from_pem_slice(key)
            .map_err(|source| TlsError::Pem { what: "the node's key", source })?;
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&TLS13])?
            .with_client_cert_verifier(verifier)
            .with_single_cert(certificates(certificate, "the node's certificate")?, key)?;
        config.alpn_protocols = vec![ALPN.to_vec()];
        Ok(Self(Arc::new(config)))
    }
}

fn certificates(pem: &[u8], what: &'static str) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    CertificateDer::pem_slice_iter(pem)
        .collect::<Result<_, _>>()
        .map_err(|source| TlsError::Pem { what, source })
}
