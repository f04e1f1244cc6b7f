//! What an OCSP response says of one certificate (RFC 6960 section 4.2.1), and the identifier that
//! request and response share (section 4.1.1).

use alloc::vec::Vec;

use sha1::Digest;

use super::algorithm::AlgorithmIdentifier;
use super::crl_entry::ReasonCode;
use super::der::{DerErrorKind, Reader, Span, Tag};
use super::format_error::{FormatError, Within};
use super::oid::{Oid, known};
use super::structure::{each_extension, non_empty_sequence};
use super::time::Time;

/// A hash function of a CertID.
///
/// SHA-1 is no weakness here: the hashes only name an issuer, and whoever finds two issuers of one
/// hash gains an answer that the right issuer did not sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum CertIdHash {
    /// id-sha1.
    Sha1,
    /// id-sha256.
    Sha256,
    /// id-sha384.
    Sha384,
    /// id-sha512.
    Sha512,
}

impl CertIdHash {
    /// The hash function of an identifier.
    #[must_use]
    pub fn of(oid: Oid<'_>) -> Option<Self> {
        match oid.as_bytes() {
            known::SHA_1 => Some(Self::Sha1),
            known::SHA_256 => Some(Self::Sha256),
            known::SHA_384 => Some(Self::Sha384),
            known::SHA_512 => Some(Self::Sha512),
            _ => None,
        }
    }

    /// Returns its identifier.
    #[must_use]
    pub const fn oid(self) -> Oid<'static> {
        Oid::trusted(match self {
            Self::Sha1 => known::SHA_1,
            Self::Sha256 => known::SHA_256,
            Self::Sha384 => known::SHA_384,
            Self::Sha512 => known::SHA_512,
        })
    }

    /// Returns the length of its digest in bytes.
    #[must_use]
    pub const fn digest_length(self) -> usize {
        match self {
            Self::Sha1 => 20,
            Self::Sha256 => 32,
            Self::Sha384 => 48,
            Self::Sha512 => 64,
        }
    }

    pub(crate) fn digest(self, message: &[u8]) -> Vec<u8> {
        match self {
            Self::Sha1 => sha1::Sha1::digest(message).to_vec(),
            Self::Sha256 => sha2::Sha256::digest(message).to_vec(),
            Self::Sha384 => sha2::Sha384::digest(message).to_vec(),
            Self::Sha512 => sha2::Sha512::digest(message).to_vec(),
        }
    }
}

/// `CertID`: which certificate is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CertId<'a> {
    /// `hashAlgorithm`, the identifier alone.
    pub hash_algorithm: Oid<'a>,
    /// `issuerNameHash`: over the DER of the issuer's Name.
    pub issuer_name_hash: &'a [u8],
    /// `issuerKeyHash`: over the issuer's public key without tag, length and unused bits.
    pub issuer_key_hash: &'a [u8],
    /// `serialNumber`: the content octets of the INTEGER.
    pub serial_number: &'a [u8],
}

impl<'a> CertId<'a> {
    fn read(reader: &mut Reader<'a>) -> Result<Self, FormatError> {
        let mut fields = reader.sequence().within("certID")?;
        let hash_algorithm = AlgorithmIdentifier::read(&mut fields).within("hashAlgorithm")?.oid();
        let name = fields.element(Tag::OCTET_STRING).within("issuerNameHash")?;
        let key = fields.element(Tag::OCTET_STRING).within("issuerKeyHash")?;
        let serial_number = fields.integer().within("serialNumber")?;
        fields.finish().within("certID")?;
        if let Some(hash) = CertIdHash::of(hash_algorithm) {
            for (field, digest) in [("issuerNameHash", &name), ("issuerKeyHash", &key)] {
                let found = digest.content.len();
                if found != hash.digest_length() {
                    let kind = DerErrorKind::WrongLength { found };
                    return Err(digest.error(kind)).within(field);
                }
            }
        }
        Ok(Self {
            hash_algorithm,
            issuer_name_hash: name.content,
            issuer_key_hash: key.content,
            serial_number,
        })
    }

    /// Whether this names the certificate with `serial_number` (content octets of the INTEGER)
    /// of the issuer with this Name (`issuer_name`, DER) and public key (`issuer_key`, the octets
    /// within the BIT STRING). False where the hash function is unknown.
    #[must_use]
    pub fn names(&self, issuer_name: &[u8], issuer_key: &[u8], serial_number: &[u8]) -> bool {
        self.serial_number == serial_number
            && CertIdHash::of(self.hash_algorithm).is_some_and(|hash| {
                self.issuer_name_hash == hash.digest(issuer_name)
                    && self.issuer_key_hash == hash.digest(issuer_key)
            })
    }
}

/// `CertStatus`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "a caller must handle each status")]
pub enum CertStatus {
    /// `good`: not revoked, as far as the responder knows.
    Good,
    /// `revoked`, for good or on hold.
    Revoked {
        /// `revocationTime`.
        time: Time,
        /// `revocationReason`.
        reason: Option<ReasonCode>,
    },
    /// `unknown`: the responder does not know the certificate.
    Unknown,
}

impl CertStatus {
    /// Reads `CertStatus ::= CHOICE { good [0] IMPLICIT NULL, revoked [1] IMPLICIT RevokedInfo,
    /// unknown [2] IMPLICIT UnknownInfo }`, where UnknownInfo is NULL.
    fn read(reader: &mut Reader<'_>) -> Result<Self, FormatError> {
        const FIELD: &str = "certStatus";
        let status = reader.any().within(FIELD)?;
        match status.tag {
            GOOD | UNKNOWN if !status.content.is_empty() => {
                Err(status.error(DerErrorKind::InvalidNull)).within(FIELD)
            }
            GOOD => Ok(Self::Good),
            UNKNOWN => Ok(Self::Unknown),
            REVOKED => {
                let mut fields = status.reader();
                let time = Time::read_generalized(&mut fields).within("revocationTime")?;
                let reason = match fields.optional(Tag::context_constructed(0)).within(FIELD)? {
                    None => None,
                    Some(wrapper) => {
                        let mut explicit = wrapper.reader();
                        let reason = ReasonCode::read(&mut explicit, "revocationReason")?;
                        explicit.finish().within("revocationReason")?;
                        Some(reason)
                    }
                };
                fields.finish().within(FIELD)?;
                Ok(Self::Revoked { time, reason })
            }
            found => Err(status.error(DerErrorKind::UnexpectedTag { expected: GOOD, found }))
                .within(FIELD),
        }
    }
}

const GOOD: Tag = Tag::context(0);
const REVOKED: Tag = Tag::context_constructed(1);
const UNKNOWN: Tag = Tag::context(2);

/// `SingleResponse`: the status of one certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SingleResponse<'a> {
    /// `certID`.
    pub cert_id: CertId<'a>,
    /// `certStatus`.
    pub cert_status: CertStatus,
    /// `thisUpdate`.
    pub this_update: Time,
    /// `nextUpdate`. RFC 6960 section 4.2.2.1: "If nextUpdate is not set, the responder is
    /// indicating that newer revocation information is available all the time."
    pub next_update: Option<Time>,
    /// The first critical extension in `singleExtensions`; this crate processes none of them.
    pub unrecognized_critical_extension: Option<Oid<'a>>,
}

impl<'a> SingleResponse<'a> {
    pub(crate) fn read(reader: &mut Reader<'a>) -> Result<Self, FormatError> {
        const FIELD: &str = "SingleResponse";
        const EXTENSIONS: &str = "singleExtensions";
        let mut fields = reader.sequence().within(FIELD)?;
        let cert_id = CertId::read(&mut fields)?;
        let cert_status = CertStatus::read(&mut fields)?;
        let this_update = Time::read_generalized(&mut fields).within("thisUpdate")?;
        let next_update = match fields.optional(Tag::context_constructed(0)).within("nextUpdate")? {
            None => None,
            Some(wrapper) => {
                let mut explicit = wrapper.reader();
                let time = Time::read_generalized(&mut explicit).within("nextUpdate")?;
                explicit.finish().within("nextUpdate")?;
                Some(time)
            }
        };
        let mut unrecognized_critical_extension = None;
        if let Some(wrapper) = fields.optional(Tag::context_constructed(1)).within(EXTENSIONS)? {
            let mut explicit = wrapper.reader();
            let list = non_empty_sequence(&mut explicit).within(EXTENSIONS)?;
            explicit.finish().within(EXTENSIONS)?;
            each_extension(EXTENSIONS, list.reader(), |extension| {
                if extension.critical && unrecognized_critical_extension.is_none() {
                    unrecognized_critical_extension = Some(extension.oid);
                }
                Ok(())
            })?;
        }
        fields.finish().within(FIELD)?;
        Ok(Self { cert_id, cert_status, this_update, next_update, unrecognized_critical_extension })
    }
}

/// The single responses of a response, in order.
#[derive(Clone, Debug)]
pub struct SingleResponses<'a> {
    reader: Option<Reader<'a>>,
}

impl<'a> SingleResponses<'a> {
    /// INVARIANT: every element of `responses` was read before without an error.
    pub(crate) fn new(der: &'a [u8], responses: Span) -> Self {
        Self { reader: Reader::at(responses.of(der), responses.start()).ok() }
    }
}

impl<'a> Iterator for SingleResponses<'a> {
    type Item = SingleResponse<'a>;

    fn next(&mut self) -> Option<Self::Item> {
        let reader = self.reader.as_mut().filter(|reader| !reader.is_empty())?;
        SingleResponse::read(reader).ok()
    }
}
