//! OCSP requests (RFC 6960 section 4.1): bytes that a host may send.
//!
//! One certificate a request, unsigned, always the same bytes for the same input. The nonce is the
//! caller's: this crate has no source of randomness.

use alloc::vec::Vec;

use super::der::Tag;
use super::ocsp_single::CertIdHash;
use super::oid::known;

/// A question about one certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OcspRequest {
    cert_id: Vec<u8>,
    nonce: Option<Vec<u8>>,
}

impl OcspRequest {
    /// Asks about the certificate with `serial_number` (content octets of the INTEGER, copied as
    /// they stand) of the issuer with this Name (`issuer_name`, DER) and public key (`issuer_key`,
    /// the octets within the BIT STRING of its SubjectPublicKeyInfo).
    ///
    /// Responders for public certificates know SHA-1 only (RFC 5019 section 2.1.1); RFC 9654's
    /// profile asks for SHA-256.
    #[must_use]
    pub fn new(
        hash: CertIdHash,
        issuer_name: &[u8],
        issuer_key: &[u8],
        serial_number: &[u8],
    ) -> Self {
        // RFC 5280, RFC 4055 2.1: parameters of id-sha1 and its successors; NULL is what
        // responders in use compare with.
        let algorithm = [encode(Tag::OID, hash.oid().as_bytes()), encode(Tag::NULL, &[])].concat();
        let cert_id = [
            encode(Tag::SEQUENCE, &algorithm),
            encode(Tag::OCTET_STRING, &hash.digest(issuer_name)),
            encode(Tag::OCTET_STRING, &hash.digest(issuer_key)),
            encode(Tag::INTEGER, serial_number),
        ]
        .concat();
        Self { cert_id: encode(Tag::SEQUENCE, &cert_id), nonce: None }
    }

    /// Adds a nonce. Default: none. RFC 9654 section 2.1 demands 32 random bytes of clients and
    /// allows 1 to 128.
    ///
    /// # Errors
    /// [`NonceLengthError`] for other lengths.
    pub fn with_nonce(mut self, nonce: &[u8]) -> Result<Self, NonceLengthError> {
        match nonce.len() {
            1..=128 => {
                self.nonce = Some(nonce.to_vec());
                Ok(self)
            }
            length => Err(NonceLengthError { length }),
        }
    }

    /// Returns the DER of the CertID, by which a host may file the answer.
    #[must_use]
    pub fn cert_id(&self) -> &[u8] {
        &self.cert_id
    }

    /// Returns the nonce.
    #[must_use]
    pub fn nonce(&self) -> Option<&[u8]> {
        self.nonce.as_deref()
    }

    /// Writes `OCSPRequest`.
    #[must_use]
    pub fn to_der(&self) -> Vec<u8> {
        // Request, requestList, then requestorName and version left out.
        let mut tbs = encode(Tag::SEQUENCE, &encode(Tag::SEQUENCE, &self.cert_id));
        if let Some(nonce) = &self.nonce {
            let value = encode(Tag::OCTET_STRING, &encode(Tag::OCTET_STRING, nonce));
            let extension = [encode(Tag::OID, known::OCSP_NONCE), value].concat();
            let extensions = encode(Tag::SEQUENCE, &encode(Tag::SEQUENCE, &extension));
            tbs.extend(encode(Tag::context_constructed(2), &extensions));
        }
        encode(Tag::SEQUENCE, &encode(Tag::SEQUENCE, &tbs))
    }
}

/// A nonce of a length that RFC 9654 does not allow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a nonce has 1 to 128 bytes, not {length}")]
#[non_exhaustive]
pub struct NonceLengthError {
    /// The length given.
    pub length: usize,
}

/// Writes one element with its length in the fewest octets.
fn encode(tag: Tag, content: &[u8]) -> Vec<u8> {
    let length = content.len().to_be_bytes();
    let zeros = length.iter().take_while(|octet| **octet == 0).count();
    let significant = length.get(zeros..).unwrap_or_default();
    let mut der = Vec::with_capacity(content.len() + 2 + significant.len());
    der.push(tag.octet());
    match *significant {
        [] => der.push(0),
        [short] if short < 0x80 => der.push(short),
        _ => {
            der.push(0x80 | u8::try_from(significant.len()).unwrap_or(8));
            der.extend_from_slice(significant);
        }
    }
    der.extend_from_slice(content);
    der
}
