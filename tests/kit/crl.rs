//! Certificate revocation lists, right or wrong (RFC 5280 section 5).

use super::certificate::{When, signed};
use super::der;
use super::ext::{self, Extension};
use super::key::Key;
use super::name::Name;
use super::{FAR, LONG_AGO};

/// One entry of a CRL.
#[derive(Clone, Debug)]
pub struct Revoked {
    /// Content octets of the serial number.
    pub serial: Vec<u8>,
    pub date: When,
    pub extensions: Vec<Extension>,
}

impl Revoked {
    pub fn new(serial: &[u8]) -> Self {
        Revoked { serial: serial.to_vec(), date: When::At(LONG_AGO), extensions: Vec::new() }
    }

    pub fn date(mut self, date: impl Into<When>) -> Self {
        self.date = date.into();
        self
    }

    /// A `CRLReason`: 1 is keyCompromise, 8 removeFromCRL.
    pub fn reason(self, reason: u8) -> Self {
        self.with(ext::reason_code(reason))
    }

    pub fn certificate_issuer(self, name: &Name) -> Self {
        self.with(ext::certificate_issuer(name))
    }

    pub fn invalidity_date(self, seconds: i64) -> Self {
        self.with(ext::invalidity_date(seconds))
    }

    pub fn with(mut self, extension: Extension) -> Self {
        self.extensions.push(extension);
        self
    }

    fn to_der(&self) -> Vec<u8> {
        let extensions =
            if self.extensions.is_empty() { Vec::new() } else { ext::extensions(&self.extensions) };
        der::sequence([der::integer(&self.serial), self.date.to_der(), extensions])
    }
}

/// Writes one CRL. No extension comes unasked.
#[derive(Clone, Debug)]
pub struct CrlBuilder {
    version: Option<u8>,
    inner_algorithm: Option<Vec<u8>>,
    outer_algorithm: Option<Vec<u8>>,
    issuer: Name,
    this_update: When,
    next_update: Option<When>,
    revoked: Vec<Revoked>,
    entries: Vec<u8>,
    extensions: Vec<Extension>,
    signature: Option<Vec<u8>>,
}

impl CrlBuilder {
    /// A v2 CRL of `issuer`, from [`LONG_AGO`] to [`FAR`], with no entry.
    pub fn new(issuer: &Name) -> Self {
        CrlBuilder {
            version: Some(1),
            inner_algorithm: None,
            outer_algorithm: None,
            issuer: issuer.clone(),
            this_update: When::At(LONG_AGO),
            next_update: Some(When::At(FAR)),
            revoked: Vec::new(),
            entries: Vec::new(),
            extensions: Vec::new(),
            signature: None,
        }
    }

    /// As [`CrlBuilder::new`], with the extensions that RFC 5280 5.2 asks of every CRL: the number
    /// and the key identifier of the signer.
    pub fn complete(issuer: &Name, number: u8, signer: &Key) -> Self {
        CrlBuilder::new(issuer)
            .with(ext::authority_key_identifier(&signer.key_id()))
            .with(ext::crl_number(&der::unsigned_content(&[number])))
    }

    /// The number in the version field, so 1 for v2; `None` for v1.
    pub fn version(mut self, version: Option<u8>) -> Self {
        self.version = version;
        self
    }

    pub fn inner_algorithm(mut self, element: &[u8]) -> Self {
        self.inner_algorithm = Some(element.to_vec());
        self
    }

    pub fn outer_algorithm(mut self, element: &[u8]) -> Self {
        self.outer_algorithm = Some(element.to_vec());
        self
    }

    pub fn updates(mut self, this: impl Into<When>, next: Option<When>) -> Self {
        self.this_update = this.into();
        self.next_update = next;
        self
    }

    pub fn revoke(mut self, entry: Revoked) -> Self {
        self.revoked.push(entry);
        self
    }

    /// Entries as they stand, before those of [`CrlBuilder::revoke`]: for lists of millions.
    pub fn entries(mut self, elements: Vec<u8>) -> Self {
        self.entries = elements;
        self
    }

    pub fn with(mut self, extension: Extension) -> Self {
        self.extensions.push(extension);
        self
    }

    pub fn signature(mut self, octets: &[u8]) -> Self {
        self.signature = Some(octets.to_vec());
        self
    }

    /// The CRL, DER.
    pub fn sign(&self, signer: &Key) -> Vec<u8> {
        let revoked = if self.revoked.is_empty() && self.entries.is_empty() {
            Vec::new()
        } else {
            let entries = self.revoked.iter().map(Revoked::to_der);
            der::sequence(std::iter::once(self.entries.clone()).chain(entries))
        };
        let extensions = if self.extensions.is_empty() {
            Vec::new()
        } else {
            der::explicit(0, &ext::extensions(&self.extensions))
        };
        let tbs = der::sequence([
            self.version.map_or(Vec::new(), |version| der::integer(&[version])),
            self.inner_algorithm.clone().unwrap_or_else(|| signer.algorithm()),
            self.issuer.0.clone(),
            self.this_update.to_der(),
            self.next_update.as_ref().map_or(Vec::new(), When::to_der),
            revoked,
            extensions,
        ]);
        let outer = self.outer_algorithm.clone().unwrap_or_else(|| signer.algorithm());
        signed(tbs, outer, self.signature.as_deref(), signer)
    }
}
