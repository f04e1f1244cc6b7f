//! What an OCSP response says of a certificate: RFC 6960 section 3.2, with section 4.2.2.2 on who
//! may sign.
//!
//! Two may: the issuer itself, with the name and key of the validated path, and a responder that the
//! issuer certified for it. That "certificate MUST be issued directly by the CA that is identified in
//! the request" and have id-kp-OCSPSigning; both are checked here, its signature included, before
//! the engine is asked to validate its path. *Specification: a responder may also be trusted by
//! local configuration. Enforced here: none is*; an issuer's key is what a path vouches for.
//!
//! Dates bound "good" and never "revoked", as with lists; so do nonces.

use alloc::vec::Vec;

use super::answer::{Authority, Revoked, SignerId, SignerQuestion, SignerUsage};
use super::query::{SignatureFailure, SignatureTools, SignerVerdict};
use super::{Answer, EvidenceBudget, EvidenceId, Issuer, Query, Unknown, Verdict};
use crate::identity::DistinguishedName;
use crate::policy::RevocationPolicy;
use crate::signature::{Message, PublicKey};
use crate::x509::{
    BasicOcspResponse, CertIdHash, CertStatus, Certificate, Name, OcspRequest, OcspResponse, Oid,
    OwnedCertificate, ResponderId, SingleResponse, Time, oid::known,
};

/// Certificates in a response that are looked at; honest ones have one or two.
const MAX_CERTIFICATES: usize = 8;

/// A request that was sent, to hold the response against.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OcspExchange {
    request: OcspRequest,
    nonce_may_be_missing: bool,
}

impl OcspExchange {
    /// Takes the request. A response must repeat its nonce, if it has one.
    #[must_use]
    pub const fn new(request: OcspRequest) -> Self {
        Self { request, nonce_may_be_missing: false }
    }

    /// Accepts responses without the nonce, which responders that sign in advance give (RFC 9654
    /// section 2.1): a replay within the dates of the response then goes unseen.
    #[must_use]
    pub fn allow_missing_nonce(self) -> Self {
        Self { nonce_may_be_missing: true, ..self }
    }

    /// Returns the request.
    #[must_use]
    pub const fn request(&self) -> &OcspRequest {
        &self.request
    }

    /// Whether a response with this nonce may be the answer.
    pub(super) fn accepts(&self, nonce: Option<&[u8]>) -> bool {
        match (self.request.nonce(), nonce) {
            (None, _) => true,
            (Some(_), None) => self.nonce_may_be_missing,
            (Some(sent), Some(received)) => sent == received,
        }
    }
}

/// Finds the signer of a response among those that may speak for `issuer`'s certificates.
///
/// RFC 6960 3.2: "2. The signature on the response is valid; 3. The identity of the signer matches
/// the intended recipient of the request; 4. The signer is currently authorized to provide a response
/// for the certificate in question". Nothing stands for the issuer, a certificate for its delegate.
pub(super) fn authenticate<'a>(
    response: &BasicOcspResponse<'a>,
    issuer: &Issuer<'_>,
    tools: &SignatureTools<'_>,
    budget: &mut EvidenceBudget<'_>,
) -> Result<Option<Certificate<'a>>, Unknown> {
    let message = Message::new(response.tbs_response_data());
    let mut verify = |key: PublicKey<'_>| {
        budget.signature().map_err(Unknown::Limit)?;
        let (algorithm, signature) = (response.signature_algorithm(), response.signature_value());
        Ok(tools.verify(key, algorithm, &message, signature))
    };
    let mut bad: Option<SignatureFailure> = None;
    if is_responder(response.responder_id(), &issuer.name, issuer.key.spki().key()) {
        match verify(issuer.key)? {
            Ok(()) => return Ok(None),
            Err(failure) => bad = Some(failure),
        }
    }
    for der in response.certificates().take(MAX_CERTIFICATES) {
        let Ok(certificate) = Certificate::from_der(der) else { continue };
        let Ok(spki) = certificate.subject_public_key_info() else { continue };
        if !is_responder(response.responder_id(), &certificate.subject(), spki.key())
            || !is_delegate(&certificate, issuer)
        {
            continue;
        }
        let key = issuer.key.issued(spki);
        match verify(key)? {
            Ok(()) => {}
            Err(failure) => {
                bad = Some(failure);
                continue;
            }
        }
        budget.signature().map_err(Unknown::Limit)?;
        let algorithm = certificate.signature_algorithm().map_err(Unknown::MalformedCertificate)?;
        let (message, signature) = (certificate.tbs_certificate(), certificate.signature_value());
        if certificate.signature_algorithms_agree()
            && tools.verify(issuer.key, algorithm, &Message::new(message), signature).is_ok()
        {
            return Ok(Some(certificate));
        }
        return Err(Unknown::SignerNotAuthorized);
    }
    Err(bad.map_or(Unknown::SignerNotAuthorized, Unknown::BadSignature))
}

/// Whether a responder identifier is that of a name and key.
fn is_responder(id: ResponderId<'_>, name: &Name<'_>, key: &[u8]) -> bool {
    match id {
        ResponderId::ByName(id) => id.matches(name),
        ResponderId::ByKey(hash) => CertIdHash::Sha1.digest(key) == *hash,
    }
}

/// RFC 6960 4.2.2.2: "a certificate's issuer … MUST do one of the following: sign the OCSP responses
/// itself, or explicitly designate this authority to another entity … The latter … SHALL be designated
/// by the inclusion of id-kp-OCSPSigning in an extended key usage certificate extension".
/// anyExtendedKeyUsage does not designate.
fn is_delegate(certificate: &Certificate<'_>, issuer: &Issuer<'_>) -> bool {
    certificate.issuer().matches(&issuer.name)
        && matches!(
            certificate.extended_key_usage(),
            Some(Ok(usage)) if usage.contains(Oid::trusted(known::OCSP_SIGNING))
        )
}

/// Judges one response.
pub(super) fn status(
    bytes: &[u8],
    exchange: Option<&OcspExchange>,
    query: &Query<'_>,
    budget: &mut EvidenceBudget<'_>,
) -> Answer {
    match judge(bytes, exchange, query, budget) {
        Ok(answer) => answer,
        Err(unknown) => Answer::unknown(unknown),
    }
}

fn judge(
    bytes: &[u8],
    exchange: Option<&OcspExchange>,
    query: &Query<'_>,
    budget: &mut EvidenceBudget<'_>,
) -> Result<Answer, Unknown> {
    budget.evidence_check().map_err(Unknown::Limit)?;
    let response = match OcspResponse::from_der(bytes).map_err(Unknown::Malformed)? {
        OcspResponse::Error(status) => return Err(Unknown::ResponderError(status)),
        OcspResponse::Basic(response) => response,
    };
    if let Some(oid) = response.unrecognized_critical_extension() {
        return Err(Unknown::UnknownCriticalExtension(oid.to_owned()));
    }
    let singles = about(&response, query, budget)?;
    let responder = authenticate(&response, &query.issuer, &query.signatures, budget)?;
    let (name, signer_until) = match &responder {
        None => (query.issuer.name, None),
        Some(certificate) => match delegation(certificate, &response, query)? {
            Ok(until) => (certificate.subject(), Some(until)),
            Err(question) => {
                let pending = Answer::unknown(Unknown::SignerUndecided);
                return Ok(Answer { signers: alloc::vec![question], ..pending });
            }
        },
    };
    let mut answer = Answer {
        authority: Some(Authority::Ocsp {
            responder: DistinguishedName::of(name),
            delegated: responder.is_some(),
            produced_at: response.produced_at(),
        }),
        evidence: alloc::vec![EvidenceId::of(bytes)],
        ..Answer::new(Verdict::Good)
    };
    // Several statements about one certificate: revoked before all others.
    if let Some((single, revoked)) = singles.iter().find_map(|single| match single.cert_status {
        CertStatus::Revoked { time, reason } => {
            Some((single, Revoked { reason, at: time, invalidity: None }))
        }
        CertStatus::Good | CertStatus::Unknown => None,
    }) {
        answer.verdict = Verdict::Revoked(revoked);
        answer.this_update = Some(single.this_update);
        return Ok(answer);
    }
    if exchange.is_some_and(|exchange| !exchange.accepts(response.nonce())) {
        return Err(Unknown::NonceMismatch);
    }
    // RFC 6960 2.4: producedAt is "the time at which the OCSP responder signed this response".
    let early = response.produced_at().seconds_since(query.now);
    if early > i64::from(query.clock_skew_seconds) {
        return Err(Unknown::FromFuture { by: early });
    }
    // What was said before the certificate existed was not said of it.
    if response.produced_at() < query.certificate.not_before() {
        return Err(Unknown::NotCovered);
    }
    // Of several statements the worst one counts.
    if singles.iter().any(|single| single.cert_status == CertStatus::Unknown) {
        return Err(Unknown::ResponderUnknown);
    }
    let mut why = Unknown::NotCovered;
    let mut best: Option<(Time, &SingleResponse<'_>)> = None;
    for single in &singles {
        let fresh = query.clock().fresh_until(
            single.this_update,
            single.next_update,
            query.policy.ocsp_max_age(),
            RevocationPolicy::OCSP_WITHOUT_NEXT_UPDATE,
        );
        match fresh {
            Ok(until) if best.is_none_or(|(best, _)| until > best) => best = Some((until, single)),
            Ok(_) => {}
            Err(found) if found.reason() > why.reason() => why = found,
            Err(_) => {}
        }
    }
    let (until, single) = best.ok_or(why)?;
    answer.this_update = Some(single.this_update);
    answer.fresh_until = Some(signer_until.map_or(until, |signer| signer.min(until)));
    Ok(answer)
}

/// The single responses about the certificate in question.
///
/// RFC 6960 3.2: "1. The certificate identified in a received response corresponds to the
/// certificate that was identified in the corresponding request".
fn about<'a>(
    response: &BasicOcspResponse<'a>,
    query: &Query<'_>,
    budget: &mut EvidenceBudget<'_>,
) -> Result<Vec<SingleResponse<'a>>, Unknown> {
    let serial = query.certificate.serial_number();
    let name = query.certificate.issuer().as_der();
    let key = query.issuer.key.spki().key();
    let mut singles = Vec::new();
    let mut why = Unknown::NotCovered;
    for single in response.responses() {
        if single.cert_id.serial_number != serial {
            continue;
        }
        // Hashes are computed for it.
        budget.evidence_check().map_err(Unknown::Limit)?;
        if !single.cert_id.names(name, key, serial) {
            continue;
        }
        match single.unrecognized_critical_extension {
            Some(oid) => why = Unknown::UnknownCriticalExtension(oid.to_owned()),
            None => singles.push(single),
        }
    }
    if singles.is_empty() { Err(why) } else { Ok(singles) }
}

/// Whether the delegated responder may speak: until when, or who must be asked about it.
fn delegation(
    certificate: &Certificate<'_>,
    response: &BasicOcspResponse<'_>,
    query: &Query<'_>,
) -> Result<Result<Time, SignerQuestion>, Unknown> {
    let skew = i64::from(query.clock_skew_seconds);
    if query.now.saturating_add(skew) < certificate.not_before()
        || query.now.saturating_sub(skew) > certificate.not_after()
    {
        return Err(Unknown::SignerNotAuthorized);
    }
    let id = SignerId::of(certificate, SignerUsage::OcspSigning);
    match query.signers.verdict(&id) {
        SignerVerdict::Authorized { valid_until } => Ok(Ok(valid_until)),
        SignerVerdict::Refused => Err(Unknown::SignerNotAuthorized),
        SignerVerdict::NotAsked => Ok(Err(SignerQuestion {
            id,
            certificate: certificate.to_owned(),
            // RFC 6960 4.2.2.2.1: "A CA may specify that an OCSP client can trust a responder for
            // the lifetime of the responder's certificate … by including the extension
            // id-pkix-ocsp-nocheck."
            no_check: certificate.extensions().any(|e| e.oid.as_bytes() == known::OCSP_NO_CHECK),
            pool: response
                .certificates()
                .take(MAX_CERTIFICATES)
                .filter(|der| *der != certificate.as_der())
                .filter_map(|der| OwnedCertificate::from_der(der).ok())
                .collect(),
        })),
    }
}
