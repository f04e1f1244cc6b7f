//! Issuers that are missing on the way to an anchor, and where certificates say that they are.
//!
//! RFC 5280 section 4.2.2.1: id-ad-caIssuers "is used when the additional information lists
//! certificates that were issued to the CA that issued the certificate containing this extension".
//! Asked for is what the search came to its end for: the issuer of the certificate that nobody leads
//! on from, and of those whose signature does not hold with any key at hand. Nothing is asked for
//! where a path was found whose signatures hold: what is wrong with that one is no missing issuer.

use alloc::vec::Vec;

use crate::identity::DistinguishedName;
use crate::path::{FailedWay, Search};
use crate::revocation::{EvidenceRequest, bounded_uris};
use crate::x509::{Certificate, GeneralName, oid::known};

/// What would help, without duplicates; at most [`EvidenceRequest::MAX`].
pub(super) fn missing(search: &Search<'_>) -> Vec<EvidenceRequest> {
    let mut wants = Vec::new();
    let dead_end = search.dead_end();
    let failed = search.failed_ways();
    let failed = failed.filter_map(|FailedWay { way, missing, .. }| {
        missing.as_deref().unwrap_or(way).last().copied()
    });
    for node in dead_end.last().copied().into_iter().chain(failed) {
        let want = search.certificate(node).and_then(issuer_of);
        if let Some(want) = want
            && wants.len() < EvidenceRequest::MAX
            && !wants.contains(&want)
        {
            wants.push(want);
        }
    }
    wants
}

/// Nothing where the certificate does not say, and where it was issued by its own subject.
fn issuer_of(certificate: &Certificate<'_>) -> Option<EvidenceRequest> {
    if certificate.subject().matches(&certificate.issuer()) {
        return None;
    }
    let access = certificate.authority_info_access()?.ok()?;
    let places = access.iter().filter(|access| access.method().as_bytes() == known::AD_CA_ISSUERS);
    let uris = bounded_uris(places.filter_map(|access| match access.location() {
        GeneralName::Uri(uri) => Some(uri),
        _ => None,
    }));
    let issuer = DistinguishedName::of(certificate.issuer());
    (!uris.is_empty()).then_some(EvidenceRequest::IssuerCertificate { uris, issuer })
}
