//! Who the broker must be, and who we are to it.

use std::path::Path;
use std::sync::Arc;

use rumqttc::TlsConfiguration;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};

use super::{MqttError, MqttSettings};

/// What the settings say of encryption, with the files read.
pub(super) fn configuration(settings: &MqttSettings) -> Result<TlsConfiguration, MqttError> {
    let key = "mqtt.ca_file";
    let mut roots = RootCertStore::empty();
    // A system's list may hold one that is not understood, and thousands that are.
    roots.add_parsable_certificates(certificates(&settings.ca_file, key)?);
    if roots.is_empty() {
        return Err(refuse(
            &settings.ca_file,
            key,
            "it holds no certificate that is understood",
        ));
    }
    let give_up = |error: rustls::Error| MqttError::GiveUp {
        cause: error.to_string(),
    };
    let builder = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(give_up)?
        .with_root_certificates(roots);
    let configuration = match (&settings.certificate_file, &settings.key_file) {
        (Some(certificate), Some(key)) => {
            let chain = certificates(certificate, "mqtt.certificate_file")?;
            let secret = PrivateKeyDer::from_pem_file(key).map_err(|error| refuse(key, "mqtt.key_file", error))?;
            builder.with_client_auth_cert(chain, secret).map_err(give_up)?
        }
        _ => builder.with_no_client_auth(),
    };
    Ok(TlsConfiguration::Rustls(Arc::new(configuration)))
}

fn certificates(path: &Path, key: &'static str) -> Result<Vec<CertificateDer<'static>>, MqttError> {
    let refused = |error| refuse(path, key, error);
    let certificates = CertificateDer::pem_file_iter(path).map_err(refused)?;
    certificates.collect::<Result<Vec<_>, _>>().map_err(refused)
}

fn refuse(path: &Path, key: &'static str, cause: impl ToString) -> MqttError {
    MqttError::File {
        path: path.to_owned(),
        key,
        cause: cause.to_string(),
    }
}
