//! OCSP responses, right or wrong (RFC 6960).

use ring::digest;

use super::certificate::signed;
use super::der;
use super::ext::{self, Extension};
use super::key::Key;
use super::name::Name;
use super::{FAR, LONG_AGO};

/// The hash that a `CertID` is made with.
#[derive(Clone, Copy, Debug)]
pub enum IdHash {
    Sha1,
    Sha256,
}

/// What a responder says of one certificate.
#[derive(Clone, Copy, Debug)]
pub enum Status {
    Good,
    /// Revocation time, and the `CRLReason` if any.
    Revoked(i64, Option<u8>),
    Unknown,
}

/// How a response names its responder.
#[derive(Clone, Debug)]
pub enum Responder {
    Name(Name),
    /// SHA-1 of this key.
    Key(Key),
}

/// `CertID` of the certificate with this serial number.
pub fn cert_id(hash: IdHash, issuer: &Name, issuer_key: &Key, serial: &[u8]) -> Vec<u8> {
    let (algorithm, oid) = match hash {
        IdHash::Sha1 => (&digest::SHA1_FOR_LEGACY_USE_ONLY, "1.3.14.3.2.26"),
        IdHash::Sha256 => (&digest::SHA256, "2.16.840.1.101.3.4.2.1"),
    };
    let key_hash = digest::digest(algorithm, &key_octets(issuer_key));
    der::sequence([
        der::sequence([der::oid(oid), der::null()]),
        der::octet_string(digest::digest(algorithm, &issuer.0).as_ref()),
        der::octet_string(key_hash.as_ref()),
        der::integer(serial),
    ])
}

/// The content of the SPKI's `BIT STRING`, which OCSP hashes without tag, length and unused bits.
fn key_octets(key: &Key) -> Vec<u8> {
    let content = &skip_header(key.spki());
    let algorithm = content.len() - skip_header(content).len();
    let (_, algorithm_content) = length(content);
    let bits = &content[algorithm + algorithm_content..];
    skip_header(bits)[1..].to_vec()
}

fn skip_header(element: &[u8]) -> &[u8] {
    &element[length(element).0..]
}

/// Lengths of header and content.
fn length(element: &[u8]) -> (usize, usize) {
    let first = usize::from(element[1]);
    if first < 0x80 {
        return (2, first);
    }
    let octets = first & 0x7f;
    let content = element[2..2 + octets].iter().fold(0, |sum, o| sum << 8 | usize::from(*o));
    (2 + octets, content)
}

/// One `SingleResponse`.
#[derive(Clone, Debug)]
pub struct SingleResponse {
    cert_id: Vec<u8>,
    status: Status,
    this_update: i64,
    next_update: Option<i64>,
    extensions: Vec<Extension>,
}

impl SingleResponse {
    /// About the certificate of `cert_id`, from [`LONG_AGO`] to [`FAR`].
    pub fn new(cert_id: &[u8], status: Status) -> Self {
        SingleResponse {
            cert_id: cert_id.to_vec(),
            status,
            this_update: LONG_AGO,
            next_update: Some(FAR),
            extensions: Vec::new(),
        }
    }

    pub fn updates(mut self, this: i64, next: Option<i64>) -> Self {
        self.this_update = this;
        self.next_update = next;
        self
    }

    pub fn with(mut self, extension: Extension) -> Self {
        self.extensions.push(extension);
        self
    }

    fn to_der(&self) -> Vec<u8> {
        let status = match self.status {
            Status::Good => der::tlv(0x80, &[]),
            Status::Revoked(time, reason) => {
                let reason =
                    reason.map_or(Vec::new(), |reason| der::explicit(0, &der::enumerated(reason)));
                der::wrap(0xa1, [der::generalized_time(time), reason])
            }
            Status::Unknown => der::tlv(0x82, &[]),
        };
        let next =
            self.next_update.map_or(Vec::new(), |t| der::explicit(0, &der::generalized_time(t)));
        der::sequence([
            self.cert_id.clone(),
            status,
            der::generalized_time(self.this_update),
            next,
            extension_field(1, &self.extensions),
        ])
    }
}

fn extension_field(number: u8, extensions: &[Extension]) -> Vec<u8> {
    if extensions.is_empty() {
        return Vec::new();
    }
    der::explicit(number, &ext::extensions(extensions))
}

/// Writes one `OCSPResponse`.
#[derive(Clone, Debug)]
pub struct OcspResponseBuilder {
    status: u8,
    version: Option<u8>,
    responder: Responder,
    produced_at: i64,
    responses: Vec<SingleResponse>,
    extensions: Vec<Extension>,
    certificates: Vec<Vec<u8>>,
    signature: Option<Vec<u8>>,
}

impl OcspResponseBuilder {
    /// A successful response of `responder`, produced at [`LONG_AGO`].
    pub fn new(responder: Responder) -> Self {
        OcspResponseBuilder {
            status: 0,
            version: None,
            responder,
            produced_at: LONG_AGO,
            responses: Vec::new(),
            extensions: Vec::new(),
            certificates: Vec::new(),
            signature: None,
        }
    }

    /// A response without content: `OCSPResponseStatus` 1 is malformedRequest, 3 tryLater.
    pub fn failure(status: u8) -> Vec<u8> {
        der::sequence([der::enumerated(status)])
    }

    /// `OCSPResponseStatus`, with the content all the same.
    pub fn status(mut self, status: u8) -> Self {
        self.status = status;
        self
    }

    /// Writes the version field; its default is v1, 0.
    pub fn version(mut self, version: u8) -> Self {
        self.version = Some(version);
        self
    }

    pub fn produced_at(mut self, seconds: i64) -> Self {
        self.produced_at = seconds;
        self
    }

    pub fn respond(mut self, response: SingleResponse) -> Self {
        self.responses.push(response);
        self
    }

    pub fn nonce(self, nonce: &[u8]) -> Self {
        self.with(ext::ocsp_nonce(nonce))
    }

    pub fn with(mut self, extension: Extension) -> Self {
        self.extensions.push(extension);
        self
    }

    /// Sends a certificate along, DER.
    pub fn certificate(mut self, der: &[u8]) -> Self {
        self.certificates.push(der.to_vec());
        self
    }

    pub fn signature(mut self, octets: &[u8]) -> Self {
        self.signature = Some(octets.to_vec());
        self
    }

    /// The response, DER.
    pub fn sign(&self, signer: &Key) -> Vec<u8> {
        let version = self.version.map_or(Vec::new(), |v| der::explicit(0, &der::integer(&[v])));
        let responder = match &self.responder {
            Responder::Name(name) => der::explicit(1, &name.0),
            Responder::Key(key) => {
                let hash = digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, &key_octets(key));
                der::explicit(2, &der::octet_string(hash.as_ref()))
            }
        };
        let tbs = der::sequence([
            version,
            responder,
            der::generalized_time(self.produced_at),
            der::sequence(self.responses.iter().map(SingleResponse::to_der)),
            extension_field(1, &self.extensions),
        ]);
        let signed = signed(tbs, signer.algorithm(), self.signature.as_deref(), signer);
        let basic = if self.certificates.is_empty() {
            signed
        } else {
            let certificates = der::explicit(0, &der::sequence(&self.certificates));
            der::sequence([skip_header(&signed), certificates.as_slice()])
        };
        let bytes = der::sequence([der::oid("1.3.6.1.5.5.7.48.1.1"), der::octet_string(&basic)]);
        der::sequence([der::enumerated(self.status), der::explicit(0, &bytes)])
    }
}
