//! OCSP responses (RFC 6960 section 4.2): bytes to an index of ranges.
//!
//! A response is read strictly and whole, every SingleResponse included: it is small and comes
//! from a peer. Nothing is copied.
//!
//! Left to the caller: the signature, who may sign (RFC 6960 section 4.2.2.2), dates against a
//! clock, which SingleResponse speaks of which certificate, and every critical extension that is
//! reported as unrecognized. Only the nonce (RFC 9654) is processed.
//!
//! *Specification: `responseBytes` is OPTIONAL. Enforced here: it is present exactly where the
//! status is `successful`*, as section 4.2.1 says in prose ("If the value of responseStatus is one
//! of the error conditions, the responseBytes field is not set").

use core::fmt;

use super::algorithm::AlgorithmIdentifier;
use super::der::{DerError, DerErrorKind, Element, Reader, Span, Tag};
use super::format_error::{FormatError, FormatErrorKind, Within};
use super::name::Name;
use super::ocsp_single::{SingleResponse, SingleResponses};
use super::oid::{Oid, known};
use super::structure::{each_extension, name, non_empty_sequence, optional_bytes};
use super::time::Time;

/// An error condition that a responder reports (RFC 6960 section 4.2.1). Such a response is not
/// signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum OcspErrorStatus {
    /// malformedRequest (1).
    MalformedRequest,
    /// internalError (2).
    InternalError,
    /// tryLater (3).
    TryLater,
    /// sigRequired (5).
    SigRequired,
    /// unauthorized (6).
    Unauthorized,
}

impl OcspErrorStatus {
    /// Returns the name that RFC 6960 uses.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::MalformedRequest => "malformedRequest",
            Self::InternalError => "internalError",
            Self::TryLater => "tryLater",
            Self::SigRequired => "sigRequired",
            Self::Unauthorized => "unauthorized",
        }
    }
}

/// A parsed response: an answer, or the reason for having none.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::exhaustive_enums, reason = "a response has bytes or an error status")]
pub enum OcspResponse<'a> {
    /// `successful` with a response of type `id-pkix-ocsp-basic`.
    Basic(BasicOcspResponse<'a>),
    /// Any other status; unsigned, so anybody may have written it.
    Error(OcspErrorStatus),
}

impl<'a> OcspResponse<'a> {
    /// Reads a response whose DER is exactly `der`.
    ///
    /// # Errors
    /// [`FormatError`] where anything in it is malformed, or of a type other than
    /// `id-pkix-ocsp-basic`.
    pub fn from_der(der: &'a [u8]) -> Result<Self, FormatError> {
        const RESPONSE: &str = "OCSPResponse";
        let mut reader = Reader::new(der).within(RESPONSE)?;
        let mut fields = reader.sequence().within(RESPONSE)?;
        reader.finish().within(RESPONSE)?;
        let status = read_status(&mut fields)?;
        let bytes_offset = fields.offset();
        let bytes = fields.optional(Tag::context_constructed(0)).within("responseBytes")?;
        fields.finish().within(RESPONSE)?;
        match (status, bytes) {
            (None, Some(wrapper)) => {
                let basic = read_response_bytes(&wrapper)?;
                Ok(Self::Basic(BasicOcspResponse { der, index: BasicIndex::read(&basic)? }))
            }
            (Some(error), None) => Ok(Self::Error(error)),
            (None, None) | (Some(_), Some(_)) => {
                let kind = FormatErrorKind::Inconsistent;
                Err(FormatError::new("responseBytes", bytes_offset, kind))
            }
        }
    }
}

/// `OCSPResponseStatus ::= ENUMERATED`, "(4) is not used".
fn read_status(fields: &mut Reader<'_>) -> Result<Option<OcspErrorStatus>, FormatError> {
    let element = fields.element(Tag::ENUMERATED).within("responseStatus")?;
    Ok(match *element.content {
        [0] => None,
        [1] => Some(OcspErrorStatus::MalformedRequest),
        [2] => Some(OcspErrorStatus::InternalError),
        [3] => Some(OcspErrorStatus::TryLater),
        [5] => Some(OcspErrorStatus::SigRequired),
        [6] => Some(OcspErrorStatus::Unauthorized),
        _ => {
            let kind = FormatErrorKind::Unassigned;
            return Err(FormatError::new("responseStatus", element.offset, kind));
        }
    })
}

/// Reads `ResponseBytes ::= SEQUENCE { responseType OBJECT IDENTIFIER, response OCTET STRING }`
/// and returns the octet string.
fn read_response_bytes<'a>(wrapper: &Element<'a>) -> Result<Element<'a>, FormatError> {
    const FIELD: &str = "responseBytes";
    let mut explicit = wrapper.reader();
    let mut fields = explicit.sequence().within(FIELD)?;
    explicit.finish().within(FIELD)?;
    let type_offset = fields.offset();
    // RFC 6960 4.2.1: "OCSP responders SHALL be capable of producing responses of the
    // id-pkix-ocsp-basic response type."
    if fields.oid().within("responseType")? != known::OCSP_BASIC {
        let kind = FormatErrorKind::Unassigned;
        return Err(FormatError::new("responseType", type_offset, kind));
    }
    let response = fields.element(Tag::OCTET_STRING).within("response")?;
    fields.finish().within(FIELD)?;
    Ok(response)
}

/// Who signed a response (RFC 6960 section 4.2.2.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "both forms must be matched to find the signer")]
pub enum ResponderId<'a> {
    /// `byName`.
    ByName(Name<'a>),
    /// `byKey`: SHA-1 of the responder's public key, without tag, length and unused bits.
    ByKey(&'a [u8; 20]),
}

/// A BasicOCSPResponse, parsed, over bytes that it borrows.
#[derive(Clone, Copy)]
pub struct BasicOcspResponse<'a> {
    der: &'a [u8],
    index: BasicIndex<'a>,
}

impl<'a> BasicOcspResponse<'a> {
    /// Returns the DER of the whole OCSPResponse.
    #[must_use]
    pub const fn as_der(&self) -> &'a [u8] {
        self.der
    }

    /// Returns the DER of `tbsResponseData`: the signed bytes.
    #[must_use]
    pub fn tbs_response_data(&self) -> &'a [u8] {
        self.index.tbs.of(self.der)
    }

    /// Returns `responderID`.
    #[must_use]
    pub const fn responder_id(&self) -> ResponderId<'a> {
        self.index.responder
    }

    /// Returns `producedAt`.
    #[must_use]
    pub const fn produced_at(&self) -> Time {
        self.index.produced_at
    }

    /// Returns `responses` in order; there may be none.
    #[must_use]
    pub fn responses(&self) -> SingleResponses<'a> {
        SingleResponses::new(self.der, self.index.responses)
    }

    /// Returns the nonce (RFC 9654).
    #[must_use]
    pub fn nonce(&self) -> Option<&'a [u8]> {
        optional_bytes(self.index.nonce, self.der)
    }

    /// Returns the first critical extension of the response that this crate does not process.
    ///
    /// Those of a SingleResponse are reported there.
    #[must_use]
    pub fn unrecognized_critical_extension(&self) -> Option<Oid<'a>> {
        optional_bytes(self.index.unrecognized_critical, self.der).map(Oid::trusted)
    }

    /// Returns `signatureAlgorithm`.
    #[must_use]
    pub const fn signature_algorithm(&self) -> AlgorithmIdentifier<'a> {
        self.index.algorithm
    }

    /// Returns the octets of `signature`.
    #[must_use]
    pub fn signature_value(&self) -> &'a [u8] {
        self.index.signature.of(self.der)
    }

    /// Returns the DER of every certificate in `certs`, framed and otherwise unread.
    pub fn certificates(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let mut reader = Reader::new(self.index.certificates.of(self.der)).ok();
        core::iter::from_fn(move || Some(reader.as_mut()?.any().ok()?.whole))
    }
}

impl fmt::Debug for BasicOcspResponse<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BasicOcspResponse")
            .field("length", &self.der.len())
            .field("responder_id", &self.responder_id())
            .field("produced_at", &self.produced_at())
            .finish_non_exhaustive()
    }
}

/// Where the parts of a response stand.
#[derive(Clone, Copy, Debug)]
struct BasicIndex<'a> {
    tbs: Span,
    responder: ResponderId<'a>,
    produced_at: Time,
    responses: Span,
    nonce: Option<Span>,
    unrecognized_critical: Option<Span>,
    algorithm: AlgorithmIdentifier<'a>,
    signature: Span,
    certificates: Span,
}

impl<'a> BasicIndex<'a> {
    /// Reads the BasicOCSPResponse within an octet string.
    fn read(octets: &Element<'a>) -> Result<Self, FormatError> {
        const BASIC: &str = "BasicOCSPResponse";
        const DATA: &str = "tbsResponseData";
        let mut reader = octets.reader();
        let mut basic = reader.sequence().within(BASIC)?;
        reader.finish().within(BASIC)?;
        let tbs = basic.element(Tag::SEQUENCE).within(DATA)?;
        let algorithm = AlgorithmIdentifier::read(&mut basic).within("signatureAlgorithm")?;
        let signature = basic.octet_aligned_bit_string().within("signature")?;
        let certificates = read_certificates(&mut basic).within("certs")?;
        basic.finish().within(BASIC)?;

        let mut fields = tbs.reader();
        read_version(&mut fields)?;
        let responder = read_responder(&mut fields).within("responderID")?;
        let produced_at = Time::read_generalized(&mut fields).within("producedAt")?;
        let responses = fields.element(Tag::SEQUENCE).within("responses")?;
        let mut single = responses.reader();
        while !single.is_empty() {
            SingleResponse::read(&mut single)?;
        }
        let mut index = Self {
            tbs: tbs.span(),
            responder,
            produced_at,
            responses: responses.content_span(),
            nonce: None,
            unrecognized_critical: None,
            algorithm,
            signature: signature.content_span(),
            certificates,
        };
        if let Some(wrapper) = fields.optional(Tag::context_constructed(1)).within(EXTENSIONS)? {
            index.read_extensions(wrapper.reader())?;
        }
        fields.finish().within(DATA)?;
        Ok(index)
    }

    fn read_extensions(&mut self, mut wrapper: Reader<'_>) -> Result<(), FormatError> {
        let list = non_empty_sequence(&mut wrapper).within(EXTENSIONS)?;
        wrapper.finish().within(EXTENSIONS)?;
        each_extension(EXTENSIONS, list.reader(), |extension| {
            if extension.oid.as_bytes() == known::OCSP_NONCE {
                let nonce =
                    extension.parse("nonce", |reader| read_nonce(reader).within("nonce"))?;
                self.nonce = Some(nonce);
            } else if extension.critical && self.unrecognized_critical.is_none() {
                self.unrecognized_critical = Some(extension.oid_span);
            }
            Ok(())
        })
    }
}

const EXTENSIONS: &str = "responseExtensions";

/// `version [0] EXPLICIT Version DEFAULT v1`; v1, the only version, must then not be written.
fn read_version(fields: &mut Reader<'_>) -> Result<(), FormatError> {
    let Some(wrapper) = fields.optional(Tag::context_constructed(0)).within("version")? else {
        return Ok(());
    };
    let mut explicit = wrapper.reader();
    let version = explicit.unsigned().within("version")?;
    explicit.finish().within("version")?;
    let kind = match version {
        0 => FormatErrorKind::Der(DerErrorKind::EncodedDefault),
        _ => FormatErrorKind::UnsupportedVersion,
    };
    Err(FormatError::new("version", wrapper.offset, kind))
}

/// `ResponderID ::= CHOICE { byName [1] Name, byKey [2] KeyHash }`, both tagged explicitly.
fn read_responder<'a>(fields: &mut Reader<'a>) -> Result<ResponderId<'a>, DerError> {
    if let Some(wrapper) = fields.optional(Tag::context_constructed(1))? {
        let mut explicit = wrapper.reader();
        let responder = name(&mut explicit)?;
        explicit.finish()?;
        return Ok(ResponderId::ByName(Name::trusted(responder.whole)));
    }
    let mut explicit = fields.element(Tag::context_constructed(2))?.reader();
    let hash = explicit.element(Tag::OCTET_STRING)?;
    explicit.finish()?;
    // RFC 6960 4.2.1: "KeyHash ::= OCTET STRING -- SHA-1 hash of responder's public key".
    match hash.content.try_into() {
        Ok(hash) => Ok(ResponderId::ByKey(hash)),
        Err(_) => Err(hash.error(DerErrorKind::WrongLength { found: hash.content.len() })),
    }
}

/// `certs [0] EXPLICIT SEQUENCE OF Certificate OPTIONAL`
fn read_certificates(basic: &mut Reader<'_>) -> Result<Span, DerError> {
    let Some(wrapper) = basic.optional(Tag::context_constructed(0))? else {
        return Ok(Span::EMPTY);
    };
    let mut explicit = wrapper.reader();
    let list = explicit.element(Tag::SEQUENCE)?;
    explicit.finish()?;
    let mut certificates = list.reader();
    while !certificates.is_empty() {
        certificates.element(Tag::SEQUENCE)?;
    }
    Ok(list.content_span())
}

/// RFC 9654 2.1: `Nonce ::= OCTET STRING(SIZE(1..128))`.
fn read_nonce(reader: &mut Reader<'_>) -> Result<Span, DerError> {
    let nonce = reader.element(Tag::OCTET_STRING)?;
    match nonce.content.len() {
        1..=128 => Ok(nonce.content_span()),
        found => Err(nonce.error(DerErrorKind::WrongLength { found })),
    }
}

#[cfg(test)]
mod tests {
    use super::super::crl_entry::ReasonCode;
    use super::super::ocsp_single::{CertIdHash, CertStatus};
    use super::super::structure::encode;
    use super::*;
    use alloc::vec::Vec;

    const ALGORITHM: &[u8] = &[0x30, 0x03, 0x06, 0x01, 0x2a];
    const BY_NAME: &[u8] = &[0xa1, 0x02, 0x30, 0x00];
    const GOOD: &[u8] = &[0x80, 0x00];

    fn sequence(parts: &[&[u8]]) -> Vec<u8> {
        encode(Tag::SEQUENCE, &parts.concat())
    }

    fn explicit(number: u8, content: &[u8]) -> Vec<u8> {
        encode(Tag::context_constructed(number), content)
    }

    fn time(text: &str) -> Vec<u8> {
        encode(Tag::GENERALIZED_TIME, text.as_bytes())
    }

    fn extension(oid: &[u8], critical: bool, value: &[u8]) -> Vec<u8> {
        let critical: &[u8] = if critical { &[0x01, 0x01, 0xff] } else { &[] };
        sequence(&[&encode(Tag::OID, oid), critical, &encode(Tag::OCTET_STRING, value)])
    }

    fn cert_id(hash: CertIdHash, length: usize, serial: &[u8]) -> Vec<u8> {
        let mut key = hash.digest(b"key");
        key.truncate(length);
        sequence(&[
            &sequence(&[&encode(Tag::OID, hash.oid().as_bytes()), &[0x05, 0x00]]),
            &encode(Tag::OCTET_STRING, &hash.digest(b"name")),
            &encode(Tag::OCTET_STRING, &key),
            &encode(Tag::INTEGER, serial),
        ])
    }

    fn single(status: &[u8], rest: &[u8]) -> Vec<u8> {
        sequence(&[&cert_id(CertIdHash::Sha1, 20, &[5]), status, &time("20260101000000Z"), rest])
    }

    fn response(status: u8, basic: &[u8]) -> Vec<u8> {
        let octets = encode(Tag::OCTET_STRING, basic);
        let bytes = sequence(&[&encode(Tag::OID, known::OCSP_BASIC), &octets]);
        sequence(&[&[0x0a, 0x01, status], &explicit(0, &bytes)])
    }

    /// A response of these parts of `tbsResponseData`.
    fn basic(responder: &[u8], singles: &[u8], rest: &[u8]) -> Vec<u8> {
        let singles = encode(Tag::SEQUENCE, singles);
        let tbs = sequence(&[responder, &time("20260101000000Z"), &singles, rest]);
        let certs = explicit(0, &sequence(&[&[0x30, 0x00], &[0x30, 0x01, 0x00]]));
        response(0, &sequence(&[&tbs, ALGORITHM, &[0x03, 0x02, 0x00, 0xaa], &certs]))
    }

    fn read(der: &[u8]) -> Result<BasicOcspResponse<'_>, (&'static str, FormatErrorKind)> {
        match OcspResponse::from_der(der) {
            Ok(OcspResponse::Basic(basic)) => Ok(basic),
            Ok(OcspResponse::Error(status)) => panic!("{}", status.name()),
            Err(error) => Err((error.field(), error.kind())),
        }
    }

    #[test]
    fn a_response_is_read() {
        let nonce = extension(known::OCSP_NONCE, true, &[0x04, 0x02, 7, 8]);
        let revoked = [&time("20251231000000Z")[..], &[0xa0, 0x03, 0x0a, 0x01, 0x01]].concat();
        let next = explicit(0, &time("20260102000000Z"));
        let unknown = explicit(1, &sequence(&[&extension(&[0x2a, 0x03], true, &[])]));
        let singles = [
            single(GOOD, &next),
            single(&explicit(1, &revoked), &unknown),
            single(&[0x82, 0x00], &[]),
        ];
        let extensions = explicit(1, &sequence(&[&nonce]));
        let der = basic(BY_NAME, &singles.concat(), &extensions);
        let response = read(&der).unwrap();
        assert_eq!(response.responder_id(), ResponderId::ByName(Name::EMPTY));
        assert_eq!(response.nonce(), Some(&[7, 8][..]));
        assert_eq!(response.unrecognized_critical_extension(), None);
        assert_eq!(response.signature_algorithm().der(), &ALGORITHM[2..]);
        assert_eq!(response.signature_value(), [0xaa]);
        assert!(response.tbs_response_data().ends_with(&extensions));
        assert_eq!(
            response.certificates().collect::<Vec<_>>(),
            [&[0x30, 0x00][..], &[0x30, 0x01, 0x00]]
        );
        let found: Vec<_> = response.responses().collect();
        let [good, revoked, unknown] = found[..] else { panic!("{found:?}") };
        assert_eq!(good.cert_status, CertStatus::Good);
        assert_eq!(good.this_update, response.produced_at());
        assert_eq!(good.next_update.unwrap().seconds_since(good.this_update), 86_400);
        let CertStatus::Revoked { time, reason } = revoked.cert_status else { panic!() };
        assert_eq!(revoked.this_update.seconds_since(time), 86_400);
        assert_eq!(reason, Some(ReasonCode::KeyCompromise));
        assert_eq!(revoked.unrecognized_critical_extension, Some(Oid::trusted(&[0x2a, 0x03])));
        assert_eq!(unknown.cert_status, CertStatus::Unknown);
        for end in 0..der.len() {
            assert_eq!(OcspResponse::from_der(&der[..end]).unwrap_err().code(), "format.der");
        }
    }

    #[test]
    fn a_certificate_is_named_by_issuer_and_serial_number() {
        for hash in [CertIdHash::Sha1, CertIdHash::Sha256, CertIdHash::Sha384, CertIdHash::Sha512] {
            let id = cert_id(hash, hash.digest_length(), &[5]);
            let one = sequence(&[&id, GOOD, &time("20260101000000Z")]);
            let der = basic(BY_NAME, &one, &[]);
            let id = read(&der).unwrap().responses().next().unwrap().cert_id;
            assert!(id.names(b"name", b"key", &[5]), "{hash:?}");
            for (case, name, key, serial) in [
                ("name", &b"other"[..], &b"key"[..], 5),
                ("key", b"name", b"other", 5),
                ("serial number", b"name", b"key", 6),
            ] {
                assert!(!id.names(name, key, &[serial]), "{hash:?} of another {case}");
            }
        }
    }

    #[test]
    fn an_error_status_stands_alone() {
        use FormatErrorKind as K;
        let whole = basic(BY_NAME, &[], &[]);
        let inner = &whole[whole.iter().position(|octet| *octet == 0xa0).unwrap()..];
        for (case, der, expected) in [
            ("malformedRequest", sequence(&[&[0x0a, 0x01, 0x01]]), Ok("malformedRequest")),
            ("unauthorized", sequence(&[&[0x0a, 0x01, 0x06]]), Ok("unauthorized")),
            ("4", sequence(&[&[0x0a, 0x01, 0x04]]), Err(K::Unassigned)),
            ("7", sequence(&[&[0x0a, 0x01, 0x07]]), Err(K::Unassigned)),
            ("success alone", sequence(&[&[0x0a, 0x01, 0x00]]), Err(K::Inconsistent)),
            ("error with bytes", sequence(&[&[0x0a, 0x01, 0x03], inner]), Err(K::Inconsistent)),
        ] {
            let found = match OcspResponse::from_der(&der) {
                Ok(OcspResponse::Error(status)) => Ok(status.name()),
                Ok(OcspResponse::Basic(_)) => Ok("basic"),
                Err(error) => Err(error.kind()),
            };
            assert_eq!(found, expected, "{case}");
        }
    }

    #[test]
    fn responses_are_strict() {
        use DerErrorKind as D;
        use FormatErrorKind as K;
        let by_key = |length| explicit(2, &encode(Tag::OCTET_STRING, &[7; 32][..length]));
        let version = |number| [&explicit(0, &[0x02, 0x01, number])[..], BY_NAME].concat();
        let nonce =
            |value: &[u8]| explicit(1, &sequence(&[&extension(known::OCSP_NONCE, false, value)]));
        let twice = extension(&[0x2a, 0x03], false, &[]);
        let twice = explicit(1, &sequence(&[&twice, &twice]));
        let revoked = |reason: u8| {
            let reason = [0xa0, 0x03, 0x0a, 0x01, reason];
            single(&explicit(1, &[&time("20260101000000Z")[..], &reason].concat()), &[])
        };
        let short =
            sequence(&[&cert_id(CertIdHash::Sha256, 20, &[5]), GOOD, &time("20260101000000Z")]);
        let serial =
            sequence(&[&cert_id(CertIdHash::Sha1, 20, &[0, 5]), GOOD, &time("20260101000000Z")]);
        let length = |found| K::Der(D::WrongLength { found });
        for (case, der, expected) in [
            ("by key", basic(&by_key(20), &[], &[]), None),
            ("key hash of 32", basic(&by_key(32), &[], &[]), Some(("responderID", length(32)))),
            (
                "version 1, written",
                basic(&version(0), &[], &[]),
                Some(("version", K::Der(D::EncodedDefault))),
            ),
            ("version 2", basic(&version(1), &[], &[]), Some(("version", K::UnsupportedVersion))),
            ("no nonce", basic(BY_NAME, &[], &nonce(&[0x04, 0x00])), Some(("nonce", length(0)))),
            (
                "bare nonce",
                basic(BY_NAME, &[], &nonce(&[7, 7])),
                Some((
                    "nonce",
                    K::Der(D::UnexpectedTag { expected: Tag::OCTET_STRING, found: Tag(7) }),
                )),
            ),
            (
                "extension twice",
                basic(BY_NAME, &[], &twice),
                Some(("responseExtensions", K::DuplicateExtension)),
            ),
            (
                "single extension twice",
                basic(BY_NAME, &single(GOOD, &twice), &[]),
                Some(("singleExtensions", K::DuplicateExtension)),
            ),
            ("reason 10", basic(BY_NAME, &revoked(10), &[]), None),
            (
                "reason 7",
                basic(BY_NAME, &revoked(7), &[]),
                Some(("revocationReason", K::Unassigned)),
            ),
            (
                "good with content",
                basic(BY_NAME, &single(&[0x80, 0x01, 0x00], &[]), &[]),
                Some(("certStatus", K::Der(D::InvalidNull))),
            ),
            (
                "status 3",
                basic(BY_NAME, &single(&[0x83, 0x00], &[]), &[]),
                Some((
                    "certStatus",
                    K::Der(D::UnexpectedTag { expected: Tag(0x80), found: Tag(0x83) }),
                )),
            ),
            (
                "digest of another length",
                basic(BY_NAME, &short, &[]),
                Some(("issuerKeyHash", length(20))),
            ),
            (
                "serial number",
                basic(BY_NAME, &serial, &[]),
                Some(("serialNumber", K::Der(D::NonMinimalInteger))),
            ),
            (
                "malformed behind a sound one",
                basic(BY_NAME, &[single(GOOD, &[]), revoked(11)].concat(), &[]),
                Some(("revocationReason", K::Unassigned)),
            ),
        ] {
            assert_eq!(read(&der).err(), expected, "{case}");
        }
        let mut other_type = basic(BY_NAME, &[], &[]);
        let at = other_type.windows(9).position(|window| window == known::OCSP_BASIC).unwrap();
        other_type[at + 8] = 2;
        assert_eq!(read(&other_type).err(), Some(("responseType", K::Unassigned)));
    }

    #[test]
    fn critical_extensions_without_meaning_here_are_named() {
        for critical in [true, false] {
            let extensions = sequence(&[&extension(&[0x2a, 0x03], critical, &[])]);
            let der = basic(BY_NAME, &[], &explicit(1, &extensions));
            let expected = critical.then_some(Oid::trusted(&[0x2a, 0x03]));
            assert_eq!(read(&der).unwrap().unrecognized_critical_extension(), expected);
        }
    }

    #[test]
    fn every_changed_octet_ends_within_the_response() {
        let nonce = extension(known::OCSP_NONCE, false, &[0x04, 0x02, 7, 8]);
        let mut der = basic(BY_NAME, &single(GOOD, &[]), &explicit(1, &sequence(&[&nonce])));
        for at in 0..der.len() {
            let good = der[at];
            for changed in 0..=u8::MAX {
                der[at] = changed;
                match OcspResponse::from_der(&der) {
                    Ok(OcspResponse::Basic(basic)) => {
                        assert!(basic.responses().count() <= 1, "{changed} at {at}");
                        assert!(basic.certificates().count() <= 2, "{changed} at {at}");
                    }
                    Ok(OcspResponse::Error(status)) => panic!("{} at {at}", status.name()),
                    Err(error) => assert!(error.offset() <= der.len(), "{changed} at {at}"),
                }
            }
            der[at] = good;
        }
    }
}
