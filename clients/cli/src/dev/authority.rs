//! A certificate authority for one development folder.

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, SanType, date_time_ymd,
};

use crate::failure::Failure;

/// An authority that signs certificates; its key is kept beside them, so it protects nothing else.
pub(crate) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pub(crate) certificate_pem: String,
    pub(crate) key_pem: String,
}

/// A certificate and its private key.
pub(crate) struct Pair {
    pub(crate) certificate_pem: String,
    pub(crate) key_pem: String,
}

impl Authority {
    pub(crate) fn new() -> Result<Self, Failure> {
        let key = KeyPair::generate().map_err(fault)?;
        let params = own_params();
        let certificate_pem = params.self_signed(&key).map_err(fault)?.pem();
        let key_pem = key.serialize_pem();
        Ok(Self { issuer: Issuer::new(params, key), certificate_pem, key_pem })
    }

    /// The authority that made a folder, from its private key.
    pub(crate) fn of_key(key_pem: &str, certificate_pem: String) -> Result<Self, Failure> {
        let key = KeyPair::from_pem(key_pem).map_err(fault)?;
        let issuer = Issuer::new(own_params(), key);
        Ok(Self { issuer, certificate_pem, key_pem: key_pem.to_owned() })
    }

    /// A node's certificate for `localhost` and the loopback addresses.
    pub(crate) fn node(&self) -> Result<Pair, Failure> {
        let mut params = params("causewayd");
        let names = ["localhost", "127.0.0.1", "::1"].map(str::to_owned);
        params.subject_alt_names =
            CertificateParams::new(names.to_vec()).map_err(fault)?.subject_alt_names;
        self.sign(params, ExtendedKeyUsagePurpose::ServerAuth)
    }

    /// A client's certificate: its URI says who it is.
    pub(crate) fn client(&self, uri: &str, name: &str) -> Result<Pair, Failure> {
        let mut params = params(name);
        params.subject_alt_names = vec![SanType::URI(uri.try_into().map_err(fault)?)];
        self.sign(params, ExtendedKeyUsagePurpose::ClientAuth)
    }

    fn sign(
        &self,
        mut params: CertificateParams,
        usage: ExtendedKeyUsagePurpose,
    ) -> Result<Pair, Failure> {
        let key = KeyPair::generate().map_err(fault)?;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![usage];
        params.use_authority_key_identifier_extension = true;
        let certificate = params.signed_by(&key, &self.issuer).map_err(fault)?;
        Ok(Pair { certificate_pem: certificate.pem(), key_pem: key.serialize_pem() })
    }
}

/// What an authority's certificate says; every development folder's says the same.
fn own_params() -> CertificateParams {
    let mut params = params("Causeway development authority");
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}

fn params(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    // Wide enough for a machine whose clock is wrong; a development folder does not live long.
    params.not_before = date_time_ymd(2020, 1, 1);
    params.not_after = date_time_ymd(2049, 12, 31);
    params
}

fn fault(error: rcgen::Error) -> Failure {
    Failure::fault(format!("cannot make a certificate: {error}"))
}
