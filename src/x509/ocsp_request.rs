//! OCSP requests (RFC 6960 section 4.1): bytes that a host may send.
//!
//! One certificate a request, unsigned, always the same bytes for the same input. The nonce is the
//! caller's: this crate has no source of randomness.

use alloc::vec::Vec;

use super::der::Tag;
use super::ocsp_single::CertIdHash;
use super::oid::known;
use super::structure::encode;

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
    /// SHA-1 is understood everywhere (RFC 5019 section 2.1.1: "Clients MUST use SHA1 as the hashing
    /// algorithm for the CertID.issuerNameHash and the CertID.issuerKeyHash values"); not every
    /// responder knows another.
    #[must_use]
    pub fn new(
        hash: CertIdHash,
        issuer_name: &[u8],
        issuer_key: &[u8],
        serial_number: &[u8],
    ) -> Self {
        // RFC 4055 2.1 lets parameters be NULL or absent; NULL is what clients in use write.
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

    /// Adds a nonce. Default: none. It should be 32 random bytes or more; RFC 9654 section 2.1
    /// bounds it to 1 to 128.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_the_same_bytes_each_time() {
        let name = [0x30, 0x00];
        let request = OcspRequest::new(CertIdHash::Sha1, &name, b"key", &[0x00, 0x80]);
        let der = request.to_der();
        assert_eq!(der, request.clone().to_der());
        let expected = [
            &[0x30, 0x43, 0x30, 0x41, 0x30, 0x3f, 0x30, 0x3d, 0x30, 0x3b][..],
            &[0x30, 0x09, 0x06, 0x05, 0x2b, 0x0e, 0x03, 0x02, 0x1a, 0x05, 0x00],
            &[0x04, 0x14],
            &CertIdHash::Sha1.digest(&name),
            &[0x04, 0x14],
            &CertIdHash::Sha1.digest(b"key"),
            &[0x02, 0x02, 0x00, 0x80],
        ]
        .concat();
        assert_eq!(der, expected);
        assert!(der.ends_with(&request.cert_id()[2..]));
    }

    #[test]
    fn a_nonce_is_an_octet_string_of_1_to_128_bytes() {
        let request = OcspRequest::new(CertIdHash::Sha256, b"", b"", &[1]);
        for (case, length, expected) in [
            ("none", 0, Err(NonceLengthError { length: 0 })),
            ("one", 1, Ok(())),
            ("most", 128, Ok(())),
            ("too many", 129, Err(NonceLengthError { length: 129 })),
        ] {
            let nonce = alloc::vec![7; length];
            assert_eq!(request.clone().with_nonce(&nonce).map(|_| ()), expected, "{case}");
        }
        let with = request.with_nonce(&[7; 3]).unwrap();
        assert_eq!(with.nonce(), Some(&[7; 3][..]));
        let mut extensions = alloc::vec![0xa2, 0x16, 0x30, 0x14, 0x30, 0x12, 0x06, 0x09];
        extensions.extend_from_slice(known::OCSP_NONCE);
        extensions.extend_from_slice(&[0x04, 0x05, 0x04, 0x03, 7, 7, 7]);
        assert!(with.to_der().ends_with(&extensions));
    }
}
