//! Encryption of connections, behind the feature `cql-tls`: it needs the headers of OpenSSL.

#[cfg(feature = "cql-tls")]
mod with {
    use openssl::ssl::{SslConnector, SslFiletype, SslMethod};
    use scylla::client::session::{OpenSsl010Config, TlsContext};

    use super::super::link::io;
    use super::super::settings::Tls;
    use crate::fault::Fault;

    pub(in super::super) fn context(tls: &Tls) -> Result<TlsContext, Fault> {
        let make = || {
            // Certificates are checked, also that they are for the node's address.
            let mut builder = SslConnector::builder(SslMethod::tls_client())?;
            builder.set_ca_file(&tls.ca)?;
            if let Some((certificate, key)) = &tls.identity {
                builder.set_certificate_chain_file(certificate)?;
                builder.set_private_key_file(key, SslFiletype::PEM)?;
                builder.check_private_key()?;
            }
            Ok(OpenSsl010Config::new(builder).into())
        };
        make().map_err(|error: openssl::error::ErrorStack| io("set up TLS for", error))
    }
}

#[cfg(feature = "cql-tls")]
pub(super) use with::context;

/// A build without it refuses to go on in the clear.
#[cfg(not(feature = "cql-tls"))]
pub(super) fn context(
    tls: &super::settings::Tls,
) -> Result<scylla::client::session::TlsContext, crate::fault::Fault> {
    let why = format!("{} is not used: this build lacks the feature cql-tls", tls.ca.display());
    Err(super::link::io("set up TLS for", std::io::Error::other(why)))
}
