//! OCSP responses at hand: what a host fetched, and the staple of the peer.
//!
//! Responses come over plain HTTP and are signed by nobody until they are checked; so a store takes
//! in only what verifies for the issuer it is offered for, lest rubbish take the place of a
//! revocation. Which certificate's path that issuer stands in is judged with each question, and so
//! is the response as a whole.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

use sha2::{Digest, Sha256};

use super::answer::{EvidenceRequest, bounded_uris};
use super::query::SignatureTools;
use super::{
    About, Answer, Denied, EvidenceBudget, EvidenceChange, EvidenceId, Issuer, OcspExchange, Query,
    RevocationSource, Unknown, Verdict, ocsp_check,
};
use crate::policy::Limits;
use crate::x509::{
    BasicOcspResponse, CertIdHash, CertStatus, FormatError, GeneralName, OcspErrorStatus,
    OcspRequest, OcspResponse, Time, oid::known,
};

/// Why a response was not taken in.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OcspIntakeError {
    /// The response cannot be read.
    #[error("the ocsp response cannot be read")]
    Malformed(#[from] FormatError),
    /// The response is larger than any that is taken in.
    #[error("the ocsp response has {size} bytes, at most {max} are taken in")]
    TooLarge {
        /// Bytes of the response.
        size: usize,
        /// [`OcspStore::MAX_BYTES`].
        max: usize,
    },
    /// The responder reports an error instead of a status.
    #[error("the responder says {}", .0.name())]
    Responder(OcspErrorStatus),
    /// The signature does not hold, or the signer may not speak for the issuer.
    #[error("{0}")]
    NotAuthentic(Unknown),
    /// The nonce is not that of the request.
    #[error("the response is not the answer to this request")]
    Nonce,
    /// A newer response is held.
    #[error("a newer response is held: of {held}, offered {offered}")]
    RolledBack {
        /// thisUpdate of the one held.
        held: Time,
        /// thisUpdate of the one offered.
        offered: Time,
    },
}

impl OcspIntakeError {
    /// Returns the stable, machine-readable name.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Malformed(error) => error.code(),
            Self::TooLarge { .. } => "ocsp-intake.too-large",
            Self::Responder(_) => "ocsp-intake.responder-error",
            Self::NotAuthentic(unknown) => unknown.code(),
            Self::Nonce => "ocsp-intake.nonce",
            Self::RolledBack { .. } => "ocsp-intake.rolled-back",
        }
    }
}

/// OCSP responses as a source; an empty store judges the peer's staple alone.
#[derive(Clone, Debug)]
pub struct OcspStore {
    /// By serial number; those of one serial number and issuer key, newest last.
    responses: BTreeMap<Box<[u8]>, Vec<Arc<Stored>>>,
    digest: EvidenceId,
}

#[derive(Debug)]
struct Stored {
    id: EvidenceId,
    bytes: Arc<[u8]>,
    issuer_key: [u8; 32],
    this_update: Time,
}

impl Default for OcspStore {
    fn default() -> Self {
        Self::new()
    }
}

impl OcspStore {
    /// The largest response that is taken in, in bytes: hundreds of times what a responder says of
    /// one certificate.
    pub const MAX_BYTES: usize = 256 << 10;

    /// A store without responses.
    #[must_use]
    pub fn new() -> Self {
        Self::of(BTreeMap::new())
    }

    fn of(responses: BTreeMap<Box<[u8]>, Vec<Arc<Stored>>>) -> Self {
        let mut hash = Sha256::new();
        hash.update(b"bonafide-ocsp-store 1");
        let mut ids: Vec<EvidenceId> = responses.values().flatten().map(|held| held.id).collect();
        ids.sort_unstable();
        ids.dedup();
        ids.iter().for_each(|id| hash.update(id.as_bytes()));
        Self { responses, digest: EvidenceId::from_digest(hash.finalize().into()) }
    }

    /// The store with one more response, in place of older ones on the same certificates.
    ///
    /// `issuer` issued the certificates that the response is about.
    ///
    /// # Errors
    /// [`OcspIntakeError`] where the response is not authentic, not the answer to `exchange`, or
    /// older than what is held.
    pub fn with(
        &self,
        bytes: &[u8],
        exchange: Option<&OcspExchange>,
        issuer: &Issuer<'_>,
        tools: &SignatureTools<'_>,
    ) -> Result<Self, OcspIntakeError> {
        if bytes.len() > Self::MAX_BYTES {
            return Err(OcspIntakeError::TooLarge { size: bytes.len(), max: Self::MAX_BYTES });
        }
        let response = match OcspResponse::from_der(bytes)? {
            OcspResponse::Error(status) => return Err(OcspIntakeError::Responder(status)),
            OcspResponse::Basic(response) => response,
        };
        let mut budget = EvidenceBudget::of_limits(Limits::DEFAULT);
        ocsp_check::authenticate(&response, issuer, tools, &mut budget)
            .map_err(OcspIntakeError::NotAuthentic)?;
        if exchange.is_some_and(|exchange| !exchange.accepts(response.nonce())) {
            return Err(OcspIntakeError::Nonce);
        }
        let issuer_key = Sha256::digest(issuer.key.spki().der()).into();
        let (id, bytes) = (EvidenceId::of(bytes), Arc::<[u8]>::from(bytes));
        let mut responses = self.responses.clone();
        for single in response.responses() {
            let stored =
                Stored { id, bytes: bytes.clone(), issuer_key, this_update: single.this_update };
            let held = responses.entry(single.cert_id.serial_number.into()).or_default();
            match held.iter_mut().find(|held| held.issuer_key == issuer_key) {
                Some(held) if held.this_update > stored.this_update => {
                    let (held, offered) = (held.this_update, stored.this_update);
                    return Err(OcspIntakeError::RolledBack { held, offered });
                }
                Some(held) if (held.this_update, held.id) < (stored.this_update, id) => {
                    *held = Arc::new(stored);
                }
                Some(_) => {}
                None => {
                    held.push(Arc::new(stored));
                    held.sort_by_key(|held| held.issuer_key);
                }
            }
        }
        Ok(Self::of(responses))
    }

    /// Returns how many certificates there are responses on.
    #[must_use]
    pub fn len(&self) -> usize {
        self.responses.values().map(Vec::len).sum()
    }

    /// Whether there is no response.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.responses.is_empty()
    }
}

impl RevocationSource for OcspStore {
    fn name(&self) -> &'static str {
        "ocsp"
    }

    fn digest(&self) -> EvidenceId {
        self.digest
    }

    fn status(&self, query: &Query<'_>, budget: &mut EvidenceBudget<'_>) -> Answer {
        let mut best = Answer::unknown(Unknown::NoSource);
        let mut signers = Vec::new();
        let held = self.responses.get(query.certificate.serial_number()).into_iter().flatten();
        let held: Vec<&[u8]> = held.map(|held| &*held.bytes).collect();
        for bytes in query.stapled_ocsp.into_iter().chain(held) {
            let mut answer = ocsp_check::status(bytes, None, query, budget);
            signers.append(&mut answer.signers);
            if weight(&answer) > weight(&best) {
                best = answer;
            }
        }
        if matches!(best.verdict, Verdict::Unknown(_)) {
            best.wants.extend(want(query));
        }
        if !matches!(best.verdict, Verdict::Revoked(_)) {
            best.signers = signers;
        }
        best
    }

    /// The digest of the responses on certificates with the same serial number; nothing where one of
    /// them comes with certificates of its own, such as a delegated responder's.
    fn digest_about(&self, about: &About<'_>) -> Option<EvidenceId> {
        let mut hash = Sha256::new();
        let held = self.responses.get(about.certificate.serial_number()).into_iter().flatten();
        for held in held {
            if held.is_of_others() {
                return None;
            }
            hash.update(held.id.as_bytes());
        }
        Some(EvidenceId::from_digest(hash.finalize().into()))
    }

    fn change_since(&self, older: &dyn RevocationSource) -> EvidenceChange {
        let older: &dyn core::any::Any = older;
        let Some(older) = older.downcast_ref::<Self>() else { return EvidenceChange::unknown() };
        let worse = self.each().filter(|(serial, held)| {
            let old = older.on(serial, &held.issuer_key);
            old.is_none_or(|old| old.id != held.id)
                && (!held.is_good_on(serial)
                    || held.is_of_others()
                    || old.is_some_and(|old| held.lasts_less_than(old, serial)))
        });
        let gone = older.each().filter(|(serial, old)| {
            self.on(serial, &old.issuer_key).is_none() && old.is_good_on(serial)
        });
        EvidenceChange::none().with_certificates(worse.chain(gone).map(|(serial, held)| {
            let serial_number = serial.to_vec();
            Denied::SerialOfKey { issuer_spki: held.issuer_key, serial_number }
        }))
    }
}

impl OcspStore {
    /// All responses, each with the serial number that it is held for.
    fn each(&self) -> impl Iterator<Item = (&[u8], &Stored)> {
        self.responses
            .iter()
            .flat_map(|(serial, held)| held.iter().map(move |held| (&**serial, &**held)))
    }

    /// The responses on one certificate.
    fn on(&self, serial_number: &[u8], issuer_key: &[u8; 32]) -> Option<&Stored> {
        let held = self.responses.get(serial_number)?;
        held.iter().find(|held| held.issuer_key == *issuer_key).map(Arc::as_ref)
    }
}

impl Stored {
    fn response(&self) -> Option<BasicOcspResponse<'_>> {
        match OcspResponse::from_der(&self.bytes) {
            Ok(OcspResponse::Basic(response)) => Some(response),
            _ => None,
        }
    }

    /// Whether it comes with certificates, such as a delegated responder's, who may not be authorized.
    fn is_of_others(&self) -> bool {
        self.response().is_none_or(|response| response.certificates().next().is_some())
    }

    /// Whether what it says of a certificate with this serial number may hold less long than what an
    /// older one says.
    fn lasts_less_than(&self, older: &Self, serial_number: &[u8]) -> bool {
        let until = |stored: &Self| {
            let response = stored.response()?;
            let on = response.responses().filter(|on| on.cert_id.serial_number == serial_number);
            on.filter_map(|single| single.next_update).max()
        };
        until(older).is_some_and(|older| until(self).is_none_or(|until| until < older))
    }

    /// Whether the response says "good" of a certificate with this serial number, and nothing else.
    fn is_good_on(&self, serial_number: &[u8]) -> bool {
        self.response().is_some_and(|response| {
            let mut on = response
                .responses()
                .filter(|single| single.cert_id.serial_number == serial_number)
                .peekable();
            on.peek().is_some() && on.all(|single| single.cert_status == CertStatus::Good)
        })
    }
}

/// Revoked before good before unknown; then the one that lasts longer, or says more.
fn weight(answer: &Answer) -> impl Ord + use<> {
    let evidence = answer.evidence.clone();
    match &answer.verdict {
        Verdict::Revoked(revoked) => {
            (2, None, Some(core::cmp::Reverse(revoked.at)), None, evidence)
        }
        Verdict::Good => (1, None, None, answer.fresh_until, evidence),
        Verdict::Unknown(why) => (0, Some(why.reason()), None, None, evidence),
    }
}

/// The request to send to the responders that the certificate names.
fn want(query: &Query<'_>) -> Option<EvidenceRequest> {
    let access = query.certificate.authority_info_access()?.ok()?;
    let urls: Vec<&str> = access
        .iter()
        .filter(|access| access.method().as_bytes() == known::AD_OCSP)
        .filter_map(|access| match access.location() {
            GeneralName::Uri(uri) => Some(uri),
            _ => None,
        })
        .collect();
    let urls: Vec<String> = bounded_uris(urls.into_iter());
    if urls.is_empty() {
        return None;
    }
    let (name, key) = (query.certificate.issuer().as_der(), query.issuer.key.spki().key());
    let serial = query.certificate.serial_number();
    Some(EvidenceRequest::Ocsp {
        urls,
        request: OcspRequest::new(CertIdHash::Sha1, name, key, serial),
    })
}
