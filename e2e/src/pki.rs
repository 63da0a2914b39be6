//! The certificates of one test cluster: an authority of its own, made in milliseconds and never written elsewhere.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use anyhow::{Context, Result};
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, SanType,
};
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;

/// A certificate and its key, both PEM.
#[derive(Debug, Clone)]
pub struct Pair {
    pub cert: String,
    pub key: String,
}

impl Pair {
    /// What a server takes connections with.
    pub fn acceptor(&self) -> Result<TlsAcceptor> {
        let certificate = CertificateDer::from_pem_slice(self.cert.as_bytes()).context("not a certificate")?;
        let key = PrivateKeyDer::from_pem_slice(self.key.as_bytes()).context("not a key")?;
        let config = ServerConfig::builder().with_no_client_auth().with_single_cert(vec![certificate], key)?;
        Ok(TlsAcceptor::from(Arc::new(config)))
    }
}

/// The authority of one cluster.
#[derive(Debug)]
pub struct Pki {
    issuer: Issuer<'static, KeyPair>,
    ca: Pair,
}

impl Pki {
    pub fn new() -> Result<Self> {
        let key = KeyPair::generate()?;
        let mut params = params("windlass-e2e", None)?;
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let ca = Pair { cert: params.self_signed(&key)?.pem(), key: key.serialize_pem() };
        Ok(Self { issuer: Issuer::new(params, key), ca })
    }

    pub fn ca(&self) -> &Pair {
        &self.ca
    }

    /// The API server's own, for loopback and for its names inside the cluster.
    pub fn server(&self) -> Result<Pair> {
        let mut params = params("kube-apiserver", None)?;
        let addresses = [Ipv4Addr::LOCALHOST, Ipv4Addr::new(10, 96, 0, 1)].map(IpAddr::V4).map(SanType::IpAddress);
        params.subject_alt_names.extend(addresses);
        for name in ["localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc"] {
            params.subject_alt_names.push(SanType::DnsName(name.try_into()?));
        }
        self.issue(params, ExtendedKeyUsagePurpose::ServerAuth)
    }

    /// A client's: the common name is the user, the organisation its group.
    pub fn client(&self, user: &str, group: Option<&str>) -> Result<Pair> {
        self.issue(params(user, group)?, ExtendedKeyUsagePurpose::ClientAuth)
    }

    fn issue(&self, mut params: CertificateParams, usage: ExtendedKeyUsagePurpose) -> Result<Pair> {
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![usage];
        let key = KeyPair::generate()?;
        Ok(Pair { cert: params.signed_by(&key, &self.issuer)?.pem(), key: key.serialize_pem() })
    }
}

/// The key pair that signs ServiceAccount tokens: (private, public), PEM.
pub fn token_keys() -> Result<(String, String)> {
    let key = KeyPair::generate()?;
    Ok((key.serialize_pem(), key.public_key_pem()))
}

fn params(common_name: &str, organisation: Option<&str>) -> Result<CertificateParams> {
    let mut params = CertificateParams::new(Vec::new())?;
    let mut name = DistinguishedName::new();
    name.push(DnType::CommonName, common_name);
    if let Some(organisation) = organisation {
        name.push(DnType::OrganizationName, organisation);
    }
    params.distinguished_name = name;
    Ok(params)
}
