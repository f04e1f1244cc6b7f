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

use super::der::{DerError, DerErrorKind, Element, Reader, Span, Tag};
use super::format_error::{FormatError, FormatErrorKind, Within};
use super::ocsp_single::{SingleResponse, SingleResponses};
use super::oid::{Oid, known};
use super::structure::{
    algorithm_identifier, each_extension, name, non_empty_sequence, optional_bytes,
};
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
    /// `byName`: the DER of a Name.
    ByName(&'a [u8]),
    /// `byKey`: SHA-1 of the responder's public key, without tag, length and unused bits.
    ByKey(&'a [u8; 20]),
}

/// A BasicOCSPResponse, parsed, over bytes that it borrows.
#[derive(Clone, Copy, Debug)]
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

    /// Returns the content of `signatureAlgorithm`, an AlgorithmIdentifier.
    #[must_use]
    pub fn signature_algorithm(&self) -> &'a [u8] {
        self.index.algorithm.of(self.der)
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

/// Where the parts of a response stand.
#[derive(Clone, Copy, Debug)]
struct BasicIndex<'a> {
    tbs: Span,
    responder: ResponderId<'a>,
    produced_at: Time,
    responses: Span,
    nonce: Option<Span>,
    unrecognized_critical: Option<Span>,
    algorithm: Span,
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
        let algorithm = algorithm_identifier(&mut basic).within("signatureAlgorithm")?;
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
            algorithm: algorithm.content_span(),
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
            if extension.oid.content == known::OCSP_NONCE {
                let nonce =
                    extension.parse("nonce", |reader| read_nonce(reader).within("nonce"))?;
                self.nonce = Some(nonce);
            } else if extension.critical && self.unrecognized_critical.is_none() {
                self.unrecognized_critical = Some(extension.oid.content_span());
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
        return Ok(ResponderId::ByName(responder.whole));
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
