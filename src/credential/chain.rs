//! A chain on its own: its links, and the rules over each certificate.
//!
//! The holder's own trust is asked elsewhere; here the chain is judged as a peer will receive it. A
//! certificate that nobody needs, or in the wrong place, is a fault (RFC 8446 section 4.4.2: "Each
//! following certificate SHOULD directly certify the one immediately preceding it"; RFC 5246 section
//! 7.4.2 has a MUST), for it is our own chain, and some peers do not search.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::CredentialError;
use crate::constraints::{Demands, Violation, check_issuer, check_target};
use crate::policy::ValidationPolicy;
use crate::signature::{Message, PublicKey, SignatureBackend, SignatureCheck};
use crate::x509::{Certificate, OwnedCertificate, Time};

/// Reads and judges a chain, the leaf first.
pub(super) fn check_chain<'c>(
    chain: impl IntoIterator<Item = &'c [u8]>,
    policy: &ValidationPolicy,
    backend: &dyn SignatureBackend,
    now: Time,
) -> Result<Vec<OwnedCertificate>, CredentialError> {
    let max = usize::try_from(policy.limits().pool_certificates).unwrap_or(usize::MAX);
    let mut certificates = Vec::new();
    for (depth, der) in chain.into_iter().enumerate() {
        if depth > max {
            return Err(CredentialError::ChainTooLong { max });
        }
        let malformed = |error| CredentialError::Malformed { depth, error };
        let certificate = Certificate::from_der(der).map_err(malformed)?;
        certificate.check().map_err(malformed)?;
        certificates.push(certificate);
    }
    let (leaf, issuers) = certificates.split_first().ok_or(CredentialError::EmptyChain)?;

    // Links first: where a certificate does not belong, its other faults are of no interest.
    for (depth, (subject, issuer)) in certificates.iter().zip(issuers).enumerate() {
        check_link(subject, issuer, policy, backend, depth)?;
    }
    let demands = Demands { policy, purpose: policy.purpose.oid(), now };
    if let Some(breach) = check_target(leaf, &demands).breaches.into_iter().next() {
        return Err(broken(0, breach.violation));
    }
    for (place, issuer) in issuers.iter().enumerate() {
        let mut first = None;
        check_issuer(issuer, &demands, &mut |violation| {
            first.get_or_insert(violation);
        });
        if let Some(violation) = first {
            return Err(broken(place + 1, violation));
        }
    }
    Ok(certificates.iter().map(Certificate::to_owned).collect())
}

fn check_link(
    subject: &Certificate<'_>,
    issuer: &Certificate<'_>,
    policy: &ValidationPolicy,
    backend: &dyn SignatureBackend,
    depth: usize,
) -> Result<(), CredentialError> {
    let malformed = |depth| move |error| CredentialError::Malformed { depth, error };
    // RFC 5280 6.1.3 (a) (4): "The certificate issuer name is the working_issuer_name."
    if !subject.issuer().matches(&issuer.subject()) {
        return Err(CredentialError::LinkName { depth });
    }
    let algorithm = subject.signature_algorithm().map_err(malformed(depth))?;
    let spki = issuer.subject_public_key_info().map_err(malformed(depth + 1))?;
    policy
        .algorithms
        .check(algorithm, &spki)
        .map_err(|refused| broken(depth, Violation::Algorithm(refused)))?;
    // RFC 5280 6.1.3 (a) (1): "The signature on the certificate can be verified using
    // working_public_key_algorithm, the working_public_key, and the working_public_key_parameters."
    SignatureCheck {
        key: PublicKey::new(spki),
        algorithm,
        message: &Message::new(subject.tbs_certificate()),
        signature: subject.signature_value(),
    }
    .run(backend, None, None)
    .map_err(|error| CredentialError::LinkSignature { depth, error })?;
    Ok(())
}

fn broken(depth: usize, violation: Violation) -> CredentialError {
    CredentialError::Rule { depth, violation: Box::new(violation) }
}
