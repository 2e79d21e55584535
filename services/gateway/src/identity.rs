//! Who calls: from the client's certificate to a participant of the pool.
//!
//! The CA decides who may connect. The certificate names a role and a name,
//! `spiffe://<trust domain>/<role>/<name>`; the pool's directory decides which participant that
//! is. Nothing in a request's body ever says who the caller is.

use std::sync::{Arc, OnceLock};

use channel::{ParticipantId, PublicKey, Role};
use settler::PoolView;
use tonic::Code;
use tonic::codegen::http::Extensions;
use x509_parser::prelude::{FromDer as _, GeneralName, X509Certificate};

use crate::errors::Refusal;
use crate::seats::Seat;

/// What a certificate says about its holder.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Peer {
    role: Role,
    name: String,
}

/// A certificate of the right CA that names no participant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum IdentityError {
    #[error("the certificate cannot be read")]
    Unreadable,
    #[error("the certificate must have exactly one URI as subject alternative name")]
    Uri,
    #[error("the certificate's URI must be spiffe://<trust domain>/<role>/<name>")]
    Form,
}

impl Peer {
    /// Reads the URI of a certificate that the TLS handshake has verified.
    pub(crate) fn of(certificate: &[u8], trust_domain: &str) -> Result<Self, IdentityError> {
        let (_, certificate) =
            X509Certificate::from_der(certificate).map_err(|_| IdentityError::Unreadable)?;
        let names = certificate
            .subject_alternative_name()
            .map_err(|_| IdentityError::Unreadable)?
            .ok_or(IdentityError::Uri)?;
        let mut uris = names.value.general_names.iter().filter_map(|name| match name {
            GeneralName::URI(uri) => Some(*uri),
            _ => None,
        });
        let (Some(uri), None) = (uris.next(), uris.next()) else { return Err(IdentityError::Uri) };
        Self::parse(uri, trust_domain).ok_or(IdentityError::Form)
    }

    fn parse(uri: &str, trust_domain: &str) -> Option<Self> {
        let path = uri.strip_prefix("spiffe://")?.strip_prefix(trust_domain)?.strip_prefix('/')?;
        let (role, name) = path.split_once('/')?;
        let role = Role::ALL.into_iter().find(|known| known.as_str() == role)?;
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        let fits = !name.is_empty() && name.len() <= channel::NAME_BYTES_MAX;
        (fits && name.bytes().all(plain)).then(|| Self { role, name: name.to_owned() })
    }
}

/// A participant of the pool that has proved who it is.
#[derive(Debug)]
pub(crate) struct Caller {
    pub(crate) id: ParticipantId,
    pub(crate) role: Role,
    /// The key as it was when the connection first asked: decompressed once, while it stays.
    key: PublicKey,
}

impl Caller {
    /// Whether it may see what concerns other participants.
    pub(crate) fn sees_all(&self) -> bool {
        matches!(self.role, Role::Operator | Role::SettlementAgent)
    }

    /// The key that its signatures must be made with now: a root may have replaced it since the
    /// connection, or a stream on it, began.
    pub(crate) fn key(&self, view: &PoolView) -> Result<PublicKey, Refusal> {
        let known = view.directory.member(self.id).map(|member| &member.participant.key);
        match known {
            Some(bytes) if *bytes != self.key.to_bytes() => public_key(bytes),
            _ => Ok(self.key.clone()),
        }
    }

    /// The caller that the access guard put into the request.
    pub(crate) fn of(extensions: &Extensions) -> Result<Arc<Self>, Refusal> {
        extensions.get::<Arc<Self>>().cloned().ok_or_else(|| {
            Refusal::new(Code::Unauthenticated, "NO_CERTIFICATE", "no client certificate was given")
        })
    }
}

/// What is known of a connection; one for all its requests.
#[derive(Debug)]
pub(crate) struct Connection {
    /// Counts it among the peer's, as long as it is open.
    _seat: Option<Seat<Peer>>,
    peer: Result<Peer, IdentityError>,
    caller: OnceLock<Arc<Caller>>,
}

impl Connection {
    pub(crate) fn new(peer: Result<Peer, IdentityError>, seat: Option<Seat<Peer>>) -> Self {
        Self { _seat: seat, peer, caller: OnceLock::new() }
    }

    /// The participant at the other end. Looked up once: number, role and name of a participant
    /// never change.
    pub(crate) fn caller(&self, view: &PoolView) -> Result<Arc<Caller>, Refusal> {
        if let Some(caller) = self.caller.get() {
            return Ok(Arc::clone(caller));
        }
        let peer = self.peer.as_ref().map_err(|error| {
            Refusal::new(Code::Unauthenticated, "CERTIFICATE_IDENTITY", error.to_string())
        })?;
        let member = view.directory.find(peer.role, &peer.name).ok_or_else(|| {
            Refusal::denied("NOT_A_PARTICIPANT", "the pool knows no such participant")
        })?;
        let participant = &member.participant;
        let key = public_key(&participant.key)?;
        let caller = Caller { id: participant.id, role: participant.role, key };
        Ok(Arc::clone(self.caller.get_or_init(|| Arc::new(caller))))
    }
}

fn public_key(bytes: &[u8; 32]) -> Result<PublicKey, Refusal> {
    PublicKey::new(bytes).map_err(|_| {
        Refusal::denied("KEY_INVALID", "the participant's key in the directory is no valid key")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_exact_form_names_a_participant() {
        let peer = Peer::parse("spiffe://causeway.test/bank/ABCDGB2L", "causeway.test").unwrap();
        assert_eq!((peer.role, peer.name.as_str()), (Role::Bank, "ABCDGB2L"));
        for uri in [
            "spiffe://causeway.test.evil/bank/ABCDGB2L",
            "spiffe://causeway.tes/bank/ABCDGB2L",
            "spiffe://evil/causeway.test/bank/ABCDGB2L",
            "https://causeway.test/bank/ABCDGB2L",
            "spiffe://causeway.test/bank/",
            "spiffe://causeway.test/bank",
            "spiffe://causeway.test/Bank/ABCDGB2L",
            "spiffe://causeway.test/bank/ABCD/GB2L",
            "spiffe://causeway.test/bank/ABCD%47B2L",
            "spiffe://causeway.test/settlement_agent/ABCDGB2L",
            "spiffe://causeway.test//ABCDGB2L",
            "",
        ] {
            assert_eq!(Peer::parse(uri, "causeway.test"), None, "{uri}");
        }
    }
}
