//! TLS by OpenSSL, 1.2 and later.

use std::path::{Path, PathBuf};

use openssl::ssl::{SslAcceptor, SslAcceptorBuilder, SslFiletype, SslMethod, SslVersion};

use super::StartError;

/// PEM files: a certificate with its chain, and its key.
#[derive(Clone, Debug)]
pub struct TlsFiles {
    pub certificate: PathBuf,
    pub key: PathBuf,
}

/// What the system says of a file is plainer than what OpenSSL makes of it.
fn readable(setting: &'static str, path: &Path) -> Result<(), StartError> {
    let refused = |error: std::io::Error| StartError::Tls {
        setting,
        path: path.display().to_string(),
        reason: error.to_string(),
    };
    std::fs::File::open(path).map(drop).map_err(refused)
}

impl TlsFiles {
    pub(super) fn acceptor(&self) -> Result<SslAcceptorBuilder, StartError> {
        let broken = |setting, path: &PathBuf, error: openssl::error::ErrorStack| {
            let reason = error.to_string();
            let reason = if reason.is_empty() { "cannot be used".to_owned() } else { reason };
            StartError::Tls { setting, path: path.display().to_string(), reason }
        };
        let certificate = |error| broken("certificate", &self.certificate, error);
        let key = |error| broken("key", &self.key, error);
        readable("certificate", &self.certificate)?;
        readable("key", &self.key)?;
        let mut builder =
            SslAcceptor::mozilla_intermediate_v5(SslMethod::tls_server()).map_err(certificate)?;
        builder.set_min_proto_version(Some(SslVersion::TLS1_2)).map_err(certificate)?;
        builder.set_certificate_chain_file(&self.certificate).map_err(certificate)?;
        builder.set_private_key_file(&self.key, SslFiletype::PEM).map_err(key)?;
        builder.check_private_key().map_err(key)?;
        Ok(builder)
    }
}
