//! Certificates, right or wrong.

use super::der;
use super::ext::{self, Extension, usage};
use super::key::Key;
use super::name::{GeneralName, Name};
use super::{FAR, LONG_AGO};

/// One end of a validity period.
#[derive(Clone, Debug)]
pub enum When {
    /// Seconds since 1970; the type follows the year (RFC 5280 4.1.2.5).
    At(i64),
    Utc(i64),
    Generalized(i64),
    /// One complete element.
    Raw(Vec<u8>),
}

impl When {
    pub fn to_der(&self) -> Vec<u8> {
        match self {
            When::At(seconds) => der::time(*seconds),
            When::Utc(seconds) => der::utc_time(*seconds),
            When::Generalized(seconds) => der::generalized_time(*seconds),
            When::Raw(element) => element.clone(),
        }
    }
}

impl From<i64> for When {
    fn from(seconds: i64) -> Self {
        When::At(seconds)
    }
}

/// Writes one certificate. Says nothing about itself beyond what it was told: no extension comes
/// unasked.
#[derive(Clone, Debug)]
pub struct CertificateBuilder {
    version: Option<u8>,
    serial: Vec<u8>,
    inner_algorithm: Option<Vec<u8>>,
    outer_algorithm: Option<Vec<u8>>,
    issuer: Name,
    not_before: When,
    not_after: When,
    subject: Name,
    spki: Vec<u8>,
    issuer_unique_id: Option<Vec<u8>>,
    subject_unique_id: Option<Vec<u8>>,
    extensions: Vec<Extension>,
    extensions_raw: Option<Vec<u8>>,
    signature: Option<Vec<u8>>,
}

impl CertificateBuilder {
    /// A v3 certificate of `key` for `subject`, named as its own issuer, serial number 1, valid
    /// from [`LONG_AGO`] to [`FAR`].
    pub fn new(subject: &Name, key: &Key) -> Self {
        CertificateBuilder {
            version: Some(2),
            serial: vec![1],
            inner_algorithm: None,
            outer_algorithm: None,
            issuer: subject.clone(),
            not_before: When::At(LONG_AGO),
            not_after: When::At(FAR),
            subject: subject.clone(),
            spki: key.spki().to_vec(),
            issuer_unique_id: None,
            subject_unique_id: None,
            extensions: Vec::new(),
            extensions_raw: None,
            signature: None,
        }
    }

    /// As [`CertificateBuilder::new`], with what a CA carries: basicConstraints (critical),
    /// keyUsage keyCertSign and cRLSign, and its key identifier.
    pub fn authority(subject: &Name, key: &Key) -> Self {
        CertificateBuilder::new(subject, key)
            .with(ext::basic_constraints(true, None))
            .with(ext::key_usage(&[usage::KEY_CERT_SIGN, usage::CRL_SIGN]))
            .with(ext::subject_key_identifier(&key.key_id()))
    }

    /// As [`CertificateBuilder::new`], with what an end entity carries: digitalSignature and its
    /// names.
    pub fn end_entity(subject: &Name, key: &Key, names: &[GeneralName]) -> Self {
        CertificateBuilder::new(subject, key)
            .with(ext::key_usage(&[usage::DIGITAL_SIGNATURE]))
            .with(ext::subject_alt_name(names))
    }

    /// The number in the version field, so 2 for v3; `None` writes no field, as v1 does.
    pub fn version(mut self, version: Option<u8>) -> Self {
        self.version = version;
        self
    }

    /// Content octets of the serial number.
    pub fn serial(mut self, octets: &[u8]) -> Self {
        self.serial = octets.to_vec();
        self
    }

    /// `AlgorithmIdentifier` inside the signed part, in place of the signing key's.
    pub fn inner_algorithm(mut self, element: &[u8]) -> Self {
        self.inner_algorithm = Some(element.to_vec());
        self
    }

    /// `AlgorithmIdentifier` outside, in place of the signing key's.
    pub fn outer_algorithm(mut self, element: &[u8]) -> Self {
        self.outer_algorithm = Some(element.to_vec());
        self
    }

    pub fn issuer(mut self, issuer: &Name) -> Self {
        self.issuer = issuer.clone();
        self
    }

    pub fn validity(mut self, not_before: impl Into<When>, not_after: impl Into<When>) -> Self {
        self.not_before = not_before.into();
        self.not_after = not_after.into();
        self
    }

    /// One complete element in place of the key's `SubjectPublicKeyInfo`.
    pub fn spki(mut self, element: &[u8]) -> Self {
        self.spki = element.to_vec();
        self
    }

    pub fn issuer_unique_id(mut self, octets: &[u8]) -> Self {
        self.issuer_unique_id = Some(octets.to_vec());
        self
    }

    pub fn subject_unique_id(mut self, octets: &[u8]) -> Self {
        self.subject_unique_id = Some(octets.to_vec());
        self
    }

    /// Adds an extension after those there are.
    pub fn with(mut self, extension: Extension) -> Self {
        self.extensions.push(extension);
        self
    }

    /// Puts an extension where the one with its identifier stands, or at the end.
    pub fn replace(mut self, extension: Extension) -> Self {
        match self.extensions.iter_mut().find(|old| old.oid() == extension.oid()) {
            Some(old) => *old = extension,
            None => self.extensions.push(extension),
        }
        self
    }

    pub fn without(mut self, oid: &str) -> Self {
        self.extensions.retain(|extension| extension.oid() != oid);
        self
    }

    /// One complete element in place of the whole `[3]` field.
    pub fn extensions_raw(mut self, element: &[u8]) -> Self {
        self.extensions_raw = Some(element.to_vec());
        self
    }

    /// These octets as the signature value.
    pub fn signature(mut self, octets: &[u8]) -> Self {
        self.signature = Some(octets.to_vec());
        self
    }

    /// `TBSCertificate`, DER, as `signer` would sign it.
    pub fn tbs(&self, signer: &Key) -> Vec<u8> {
        let unique_id = |number: u8, octets: &Option<Vec<u8>>| {
            octets
                .as_ref()
                .map_or(Vec::new(), |octets| der::implicit(number, &der::bit_string(0, octets)))
        };
        let extensions = match &self.extensions_raw {
            Some(element) => element.clone(),
            None if self.extensions.is_empty() => Vec::new(),
            None => der::explicit(3, &ext::extensions(&self.extensions)),
        };
        let version =
            self.version.map_or(Vec::new(), |version| der::explicit(0, &der::integer(&[version])));
        der::sequence([
            version,
            der::integer(&self.serial),
            self.inner_algorithm.clone().unwrap_or_else(|| signer.algorithm()),
            self.issuer.0.clone(),
            der::sequence([self.not_before.to_der(), self.not_after.to_der()]),
            self.subject.0.clone(),
            self.spki.clone(),
            unique_id(1, &self.issuer_unique_id),
            unique_id(2, &self.subject_unique_id),
            extensions,
        ])
    }

    /// The certificate, DER, signed by `signer`.
    pub fn sign(&self, signer: &Key) -> Vec<u8> {
        let outer = self.outer_algorithm.clone().unwrap_or_else(|| signer.algorithm());
        signed(self.tbs(signer), outer, self.signature.as_deref(), signer)
    }

    /// The certificate, DER, issued by `authority`: its name and its key.
    pub fn issued_by(&self, authority: &Authority) -> Vec<u8> {
        self.clone().issuer(&authority.name).sign(&authority.key)
    }
}

/// `SEQUENCE { tbs, algorithm, signature }`, as certificates, CRLs and OCSP responses begin.
pub fn signed(tbs: Vec<u8>, algorithm: Vec<u8>, signature: Option<&[u8]>, signer: &Key) -> Vec<u8> {
    let signature = signature.map_or_else(|| signer.sign(&tbs), <[u8]>::to_vec);
    der::sequence([tbs, algorithm, der::bit_string(0, &signature)])
}

/// A CA: a name, a key and one certificate that joins them.
#[derive(Clone, Debug)]
pub struct Authority {
    pub name: Name,
    pub key: Key,
    pub certificate: Vec<u8>,
}

impl Authority {
    /// Self-signed, with the extensions of [`CertificateBuilder::authority`].
    pub fn root(name: &Name, key: &Key) -> Self {
        let certificate = CertificateBuilder::authority(name, key).sign(key);
        Authority { name: name.clone(), key: key.clone(), certificate }
    }

    /// Issued by this one, with `edit` applied to [`CertificateBuilder::authority`] and the
    /// authority key identifier.
    pub fn intermediate(
        &self,
        name: &Name,
        key: &Key,
        edit: impl FnOnce(CertificateBuilder) -> CertificateBuilder,
    ) -> Self {
        let builder = CertificateBuilder::authority(name, key).with(self.key_identifier());
        let certificate = edit(builder).issued_by(self);
        Authority { name: name.clone(), key: key.clone(), certificate }
    }

    /// An end entity's certificate, with `edit` applied to [`CertificateBuilder::end_entity`] and
    /// the authority key identifier.
    pub fn leaf(
        &self,
        name: &Name,
        key: &Key,
        names: &[GeneralName],
        edit: impl FnOnce(CertificateBuilder) -> CertificateBuilder,
    ) -> Vec<u8> {
        let builder = CertificateBuilder::end_entity(name, key, names).with(self.key_identifier());
        edit(builder).issued_by(self)
    }

    /// The authority key identifier of what this one issues.
    pub fn key_identifier(&self) -> Extension {
        ext::authority_key_identifier(&self.key.key_id())
    }
}
