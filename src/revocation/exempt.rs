//! Certificates that need no revocation: those that end before revocation would act.
//!
//! RFC 9608 section 3: "the certificate user … SHOULD NOT … check revocation" of a certificate with
//! noRevAvail. *Enforced here: only up to a lifetime that the policy sets*, since otherwise every
//! certificate could exempt itself for as long as it likes; and only for end entities (section 3:
//! "This extension MUST NOT be present in CA public key certificates").

use super::answer::Authority;
use super::query::is_ca;
use super::{Answer, Unknown, Verdict};
use crate::policy::{RevocationPolicy, Role};
use crate::x509::{Certificate, ExtensionKind};

/// Answers where the certificate is exempt or claims to be; nothing where it must be looked up.
pub(super) fn status(
    certificate: &Certificate<'_>,
    role: Role,
    policy: &RevocationPolicy,
) -> Option<Answer> {
    if role != Role::EndEntity || is_ca(certificate) {
        return None;
    }
    let lifetime = certificate.not_after().seconds_since(certificate.not_before());
    let (no_rev_avail, short_lived) = policy.exempt_lifetimes();
    let good = |authority| Answer { authority: Some(authority), ..Answer::new(Verdict::Good) };
    // A bound of 0 exempts nobody.
    let within = |bound: u32| bound > 0 && (0..=i64::from(bound)).contains(&lifetime);
    if within(short_lived) {
        return Some(good(Authority::ShortLived));
    }
    certificate.extension(ExtensionKind::NoRevAvail)?;
    // RFC 9608 section 3: cRLDistributionPoints, freshestCRL and an OCSP location "MUST NOT be
    // present"; where the certificate says how it is revoked, it is looked up.
    let contradicts = [ExtensionKind::CrlDistributionPoints, ExtensionKind::FreshestCrl]
        .into_iter()
        .any(|kind| certificate.extension(kind).is_some());
    if contradicts {
        return None;
    }
    let max = i64::from(no_rev_avail.max(short_lived));
    Some(if within(no_rev_avail) {
        good(Authority::NoRevAvail)
    } else {
        Answer::unknown(Unknown::ExemptionRefused { lifetime, max })
    })
}
