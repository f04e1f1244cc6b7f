//! Rules over a path: what RFC 5280 section 6.1 asks of certificates together, and of the anchor.
//!
//! The signatures of the path hold, so that nobody but an issuer that is vouched for shapes the
//! cost of what follows. Names are compared here and not while the path grows, for the same reason.

use alloc::string::ToString;
use alloc::vec::Vec;

use super::certificate::{Demands, check_end_entity, check_issuer, check_validity};
use super::conformance::{Role, check_conformance};
use super::names::{NameConstraintFailure, Reading, check_name_constraints};
use super::policies::{PolicyFailure, PolicyInputs, PolicyOutcome, PolicyView, valid_policies};
use super::svid::{check_svid_anchor, check_svid_issuer, check_svid_leaf};
use super::violation::Violation;
use crate::policy::{Budget, Choice, SvidProfile};
use crate::trust::{AnchorExtensions, AnchorState, TrustAnchor, TrustBundle};
use crate::x509::extension::ExtensionKinds;
use crate::x509::{Certificate, ExtensionKind, GeneralNames, NameConstraints, OwnedOid};

/// One certificate of a path.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PathCertificate<'p, 'a> {
    pub(crate) certificate: &'p Certificate<'a>,
    pub(crate) self_issued: bool,
}

/// A path whose signatures hold, the target first, without the anchor. Of the target every value
/// can be read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PathView<'p, 'a> {
    pub(crate) certificates: &'p [PathCertificate<'p, 'a>],
    pub(crate) anchor: &'a TrustAnchor,
    /// The bundle of the anchor.
    pub(crate) bundle: &'a TrustBundle,
    /// Whether rules over single certificates were left unchecked when the path was built.
    pub(crate) flawed: bool,
    /// Whether it is known that every value of every certificate can be read.
    pub(crate) read: bool,
}

impl PathView<'_, '_> {
    /// The certificate of the anchor, where its extensions count.
    fn enforced_anchor(&self) -> Option<Certificate<'_>> {
        match self.anchor.extensions {
            AnchorExtensions::Ignored => None,
            _ => self.anchor.certificate(),
        }
    }

    /// The kinds of extensions that count: those of its certificates, and of the anchor's where
    /// these do.
    fn extension_kinds(&self) -> ExtensionKinds {
        let of_anchor = self.enforced_anchor();
        let of_anchor = of_anchor.as_ref().map(Certificate::extension_kinds);
        self.certificates
            .iter()
            .map(|step| step.certificate.extension_kinds())
            .chain(of_anchor)
            .fold(ExtensionKinds::NONE, ExtensionKinds::union)
    }
}

/// How far a violation reaches beyond its path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Reach {
    /// Every path with the certificate at this depth.
    Certificate {
        /// Its depth; 0 is the target.
        depth: usize,
    },
    /// Every path that begins with the certificates up to this depth; the anchor is the one behind
    /// the last certificate.
    Prefix {
        /// Depth of the last certificate that matters.
        depth: usize,
    },
    /// This path only.
    Path,
}

/// A violation and where it stands.
#[derive(Clone, Debug)]
pub(crate) struct Breach {
    pub(crate) violation: Violation,
    /// Depth of the certificate that breaks the rule; nothing for the path as a whole.
    pub(crate) depth: Option<usize>,
    pub(crate) reach: Reach,
}

/// What the rules over a path came to.
#[derive(Clone, Debug, Default)]
pub(crate) struct PathJudgement {
    pub(crate) breaches: Vec<Breach>,
    pub(crate) policies: PolicyOutcome,
}

impl PathJudgement {
    fn add(&mut self, violation: Violation, depth: Option<usize>, reach: Reach) {
        self.breaches.push(Breach { violation, depth, reach });
    }
}

/// RFC 5280 6.1.4 (l), (m): "If the certificate was not self-issued, verify that max_path_length is
/// greater than zero and decrement max_path_length by 1."
///
/// Counted from below: `allowed` is the pathLenConstraint of a certificate, `found` the number of
/// intermediates between it and the target that are not self-issued.
pub(crate) fn path_length(allowed: Option<u32>, found: u32) -> Option<Violation> {
    let allowed = allowed?;
    (found > allowed).then_some(Violation::PathLength { allowed, found })
}

/// Judges a path by every rule that looks at more than one of its certificates, or at the anchor.
pub(crate) fn check_path(
    path: &PathView<'_, '_>,
    demands: &Demands<'_>,
    budget: &mut Budget,
) -> PathJudgement {
    let mut judgement = PathJudgement::default();
    if !path.read {
        check_encodings(path, &mut judgement);
    }
    if !judgement.breaches.is_empty() {
        return judgement;
    }
    if path.flawed {
        check_left_unchecked(path, demands, &mut judgement);
    }
    // Most paths give most of these rules nothing to look at.
    let kinds = path.extension_kinds();
    let plain = path.anchor.is_plain();
    let distrusting = path.bundle.has_distrusted();
    if distrusting {
        check_distrusted(path, &mut judgement);
    }
    if distrusting || !plain {
        check_anchor(path, demands, &mut judgement);
    }
    if kinds.contains(ExtensionKind::CertificatePolicies) || !demands.policy.handlers.is_empty() {
        check_handled_extensions(path, demands, &mut judgement);
    }
    if demands.policy.svid != SvidProfile::Off || !demands.policy.conformance.is_none() {
        check_profiles(path, demands, &mut judgement);
    }
    if (!plain || kinds.contains(ExtensionKind::NameConstraints))
        && let Err(breach) = check_names(path, demands, budget)
    {
        judgement.breaches.push(breach);
    }
    if demands.policy.initial_explicit_policy || kinds.intersects(OF_POLICIES) {
        check_policies(path, demands, budget, &mut judgement);
    }
    judgement
}

/// The extensions that take part in the processing of certificate policies.
const OF_POLICIES: ExtensionKinds = ExtensionKinds::of(&[
    ExtensionKind::CertificatePolicies,
    ExtensionKind::PolicyMappings,
    ExtensionKind::PolicyConstraints,
    ExtensionKind::InhibitAnyPolicy,
]);

/// Every name and every value of an extension that is known can be read; of the target, that was
/// asked for before any search.
#[inline(never)]
fn check_encodings(path: &PathView<'_, '_>, judgement: &mut PathJudgement) {
    for (depth, step) in path.certificates.iter().enumerate().skip(1) {
        if let Err(error) = step.certificate.check_values() {
            judgement.add(Violation::Malformed(error), Some(depth), Reach::Certificate { depth });
        }
    }
}

/// The rules over single certificates and path length, for paths that were built without them.
#[inline(never)]
fn check_left_unchecked(
    path: &PathView<'_, '_>,
    demands: &Demands<'_>,
    judgement: &mut PathJudgement,
) {
    let mut intermediates = 0_u32;
    for (depth, step) in path.certificates.iter().enumerate().skip(1) {
        let reach = Reach::Certificate { depth };
        check_issuer(step.certificate, demands, &mut |violation| {
            judgement.add(violation, Some(depth), reach);
        });
        let allowed = step.certificate.basic_constraints().and_then(|b| b.path_len);
        if let Some(violation) = path_length(allowed, intermediates) {
            judgement.add(violation, Some(depth), Reach::Prefix { depth });
        }
        if !step.self_issued {
            intermediates += 1;
        }
        if let Some(allowed) = demands.policy.max_intermediates
            && intermediates == allowed.saturating_add(1)
            && !step.self_issued
        {
            judgement.add(
                Violation::TooManyIntermediates { allowed },
                Some(depth),
                Reach::Prefix { depth },
            );
        }
    }
}

/// No certificate of the path has name and key of an authority that the operator distrusts, be it
/// cross-signed by one that is trusted.
#[inline(never)]
fn check_distrusted(path: &PathView<'_, '_>, judgement: &mut PathJudgement) {
    for (depth, step) in path.certificates.iter().enumerate() {
        if path.bundle.distrusts(step.certificate) {
            judgement.add(Violation::Distrusted, Some(depth), Reach::Certificate { depth });
        }
    }
}

/// What an anchor demands beyond its name and key (RFC 5937).
#[inline(never)]
fn check_anchor(path: &PathView<'_, '_>, demands: &Demands<'_>, judgement: &mut PathJudgement) {
    let anchor = path.anchor;
    let depth = path.certificates.len();
    let mut report = |violation| judgement.add(violation, Some(depth), Reach::Prefix { depth });
    // Distrust comes before trust where a bundle has both.
    if anchor.state == AnchorState::Distrusted
        || path.bundle.distrusts_authority(&anchor.subject(), anchor.spki_der())
    {
        report(Violation::Distrusted);
    }
    let intermediates = path.certificates.iter().skip(1).filter(|step| !step.self_issued).count();
    let intermediates = u32::try_from(intermediates).unwrap_or(u32::MAX);
    if let Some(violation) = path_length(anchor.path_len, intermediates) {
        report(violation);
    }
    if let Some(distrust_after) = anchor.distrust_after
        && let Some(target) = path.certificates.first()
        && target.certificate.not_before() > distrust_after
    {
        report(Violation::DistrustedAfter {
            distrust_after,
            not_before: target.certificate.not_before(),
        });
    }
    if let (Some(allowed), Some(purpose)) = (&anchor.purposes, demands.purpose)
        && !allowed.iter().any(|oid| oid.as_oid() == purpose)
    {
        report(Violation::Purpose { purpose: purpose.to_owned() });
    }
    if !anchor.expiry_enforced && anchor.extensions == AnchorExtensions::Ignored {
        return;
    }
    let Some(certificate) = anchor.certificate() else { return };
    if anchor.expiry_enforced {
        let skew = demands.policy.clock_skew_seconds;
        check_validity(&certificate, demands.now, skew, &mut report);
    }
    if anchor.extensions == AnchorExtensions::Ignored {
        return;
    }
    if let Err(error) = certificate.check() {
        report(Violation::Malformed(error));
        return;
    }
    let required = anchor.extensions == AnchorExtensions::EnforcedWithBasicConstraints;
    super::certificate::check_anchor_extensions(&certificate, demands, required, &mut report);
    let allowed = certificate.basic_constraints().and_then(|b| b.path_len);
    if let Some(violation) = path_length(allowed, intermediates) {
        report(violation);
    }
}

/// The policy's handlers, and qualifiers of critical certificate policies.
#[inline(never)]
fn check_handled_extensions(
    path: &PathView<'_, '_>,
    demands: &Demands<'_>,
    judgement: &mut PathJudgement,
) {
    for (depth, step) in path.certificates.iter().enumerate() {
        let reach = Reach::Certificate { depth };
        // RFC 5280 4.2.1.4: "When qualifiers … are critical … it MUST be able to process" them:
        // "applications … MUST be able to interpret this extension (including the optional
        // qualifier), or MUST reject the certificate."
        if step.certificate.is_critical(ExtensionKind::CertificatePolicies)
            && let Some(Ok(policies)) = step.certificate.certificate_policies()
            && policies.has_unknown_qualifiers()
        {
            judgement.add(Violation::UnknownPolicyQualifier, Some(depth), reach);
        }
        if demands.policy.handlers.is_empty() {
            continue;
        }
        for extension in step.certificate.extensions() {
            let oid = extension.oid.to_owned();
            if let Some(handler) = demands.policy.handlers.get(&oid)
                && let Err(code) = handler.check(&extension, step.certificate, depth)
            {
                judgement.add(Violation::CustomExtension { oid, code }, Some(depth), reach);
            }
        }
    }
}

/// The X.509-SVID standard and the strict profiles, on every certificate and on the anchor's.
#[inline(never)]
fn check_profiles(path: &PathView<'_, '_>, demands: &Demands<'_>, judgement: &mut PathJudgement) {
    let svid = demands.policy.svid;
    for (depth, step) in path.certificates.iter().enumerate() {
        let mut report = |violation| {
            judgement.add(violation, Some(depth), Reach::Certificate { depth });
        };
        if depth == 0 {
            check_svid_leaf(step.certificate, svid, &mut report);
            check_conformance(step.certificate, Role::EndEntity, demands, &mut report);
        } else {
            check_svid_issuer(step.certificate, svid, &mut report);
            check_conformance(step.certificate, Role::Issuer, demands, &mut report);
        }
    }
    if let Some(certificate) = path.anchor.certificate() {
        let depth = path.certificates.len();
        let mut report = |violation| judgement.add(violation, Some(depth), Reach::Prefix { depth });
        check_svid_anchor(&certificate, svid, &mut report);
        check_conformance(&certificate, Role::Anchor, demands, &mut report);
    }
}

/// RFC 5280 6.1.3 (b), (c), 6.1.4 (g): the names of each certificate against the constraints of
/// every certificate above it, and of the anchor.
#[inline(never)]
fn check_names(
    path: &PathView<'_, '_>,
    demands: &Demands<'_>,
    budget: &mut Budget,
) -> Result<(), Breach> {
    let reading = |critical| match demands.policy.loose_name_constraints {
        Choice::Deny => Reading::Strict,
        Choice::Allow => Reading::Loose { critical },
    };
    let of = |certificate: &Certificate<'_>| {
        reading(certificate.is_critical(ExtensionKind::NameConstraints))
    };
    for (depth, step) in path.certificates.iter().enumerate().skip(1) {
        if let Some(Ok(constraints)) = step.certificate.name_constraints() {
            check_names_below(path, depth, &constraints, of(step.certificate), budget)?;
        }
    }
    let top = path.certificates.len();
    if let Some(constraints) = path.anchor.name_constraints() {
        // What the operator demands is not left to chance.
        check_names_below(path, top, &constraints, reading(true), budget)?;
    }
    if let Some(certificate) = path.enforced_anchor()
        && let Some(Ok(constraints)) = certificate.name_constraints()
    {
        check_names_below(path, top, &constraints, of(&certificate), budget)?;
    }
    Ok(())
}

fn check_names_below(
    path: &PathView<'_, '_>,
    above: usize,
    constraints: &NameConstraints<'_>,
    reading: Reading,
    budget: &mut Budget,
) -> Result<(), Breach> {
    for (depth, step) in path.certificates.iter().enumerate().take(above) {
        // RFC 5280 6.1.3 (b): "If certificate i is self-issued and it is not the final certificate
        // in the path, skip this step …"
        if step.self_issued && depth > 0 {
            continue;
        }
        let san: Option<GeneralNames<'_>> =
            step.certificate.subject_alt_name().and_then(Result::ok);
        let subject = step.certificate.subject();
        if let Err(failure) = check_name_constraints(constraints, reading, subject, san, budget) {
            return Err(Breach {
                violation: name_violation(&failure),
                depth: Some(depth),
                reach: Reach::Prefix { depth: above },
            });
        }
    }
    Ok(())
}

fn name_violation(failure: &NameConstraintFailure<'_>) -> Violation {
    let code = failure.code();
    let (name, constraint) = match failure {
        NameConstraintFailure::NotPermitted { name }
        | NameConstraintFailure::MalformedName { name } => (name.to_string(), None),
        NameConstraintFailure::Excluded { name, constraint }
        | NameConstraintFailure::UnsupportedForm { name, constraint }
        | NameConstraintFailure::MalformedConstraint { name, constraint } => {
            (name.to_string(), Some(constraint.to_string()))
        }
        NameConstraintFailure::MalformedNames(error) => (error.to_string(), None),
        NameConstraintFailure::Limit(exceeded) => return Violation::Limit(*exceeded),
    };
    Violation::NameConstraints { code, name, constraint }
}

/// RFC 5280 6.1.3 (d) to (f), 6.1.4 (a), (b), (h) to (j), 6.1.5 (a), (b), (g), as RFC 9618 has
/// them.
#[inline(never)]
fn check_policies(
    path: &PathView<'_, '_>,
    demands: &Demands<'_>,
    budget: &mut Budget,
    judgement: &mut PathJudgement,
) {
    let policy = demands.policy;
    let anchor_certificate = path.enforced_anchor();
    let mut views = Vec::with_capacity(path.certificates.len() + 1);
    if let Some(certificate) = &anchor_certificate
        && certificate.extension_kinds().intersects(OF_POLICIES)
    {
        let self_issued = certificate.names_are_identical();
        views.push(PolicyView { is_anchor: true, ..policy_view(certificate, self_issued) });
    }
    let steps = path.certificates.iter().rev();
    views.extend(steps.map(|step| policy_view(step.certificate, step.self_issued)));

    let combined = initial_policies(path.anchor, policy.initial_policy_set.as_deref());
    let inputs = PolicyInputs {
        initial_policy_set: combined.as_deref(),
        initial_policy_mapping_inhibit: policy.initial_policy_mapping_inhibit,
        initial_explicit_policy: policy.initial_explicit_policy,
        initial_any_policy_inhibit: policy.initial_any_policy_inhibit,
    };
    match valid_policies(&views, &inputs, budget) {
        Ok(outcome) => judgement.policies = outcome,
        Err(PolicyFailure::ExplicitPolicyRequired { depth }) => {
            judgement.add(Violation::ExplicitPolicy, Some(depth), Reach::Path);
        }
        Err(PolicyFailure::MappingOfAnyPolicy { depth }) => {
            judgement.add(Violation::AnyPolicyMapped, Some(depth), Reach::Certificate { depth });
        }
        Err(PolicyFailure::Limit(exceeded)) => {
            judgement.add(Violation::Limit(exceeded), None, Reach::Path);
        }
    }
}

fn policy_view<'a>(certificate: &Certificate<'a>, self_issued: bool) -> PolicyView<'a> {
    PolicyView {
        policies: certificate.certificate_policies().and_then(Result::ok),
        mappings: certificate.policy_mappings().and_then(Result::ok),
        constraints: certificate.policy_constraints().and_then(Result::ok),
        inhibit_any: certificate.inhibit_any_policy().and_then(Result::ok).map(|i| i.skip_certs),
        self_issued,
        is_anchor: false,
    }
}

/// The initial policy set of the relying party cut down to what the anchor may vouch for; nothing
/// where every policy is acceptable.
fn initial_policies(anchor: &TrustAnchor, wanted: Option<&[OwnedOid]>) -> Option<Vec<OwnedOid>> {
    match (&anchor.policy_set, wanted) {
        (None, None) => None,
        (None, Some(wanted)) => Some(wanted.to_vec()),
        (Some(allowed), None) => Some(allowed.iter().cloned().collect()),
        (Some(allowed), Some(wanted)) => {
            Some(wanted.iter().filter(|oid| allowed.contains(oid)).cloned().collect())
        }
    }
}

/// The target alone, before any path is known.
pub(crate) fn check_target(certificate: &Certificate<'_>, demands: &Demands<'_>) -> PathJudgement {
    let mut judgement = PathJudgement::default();
    check_end_entity(certificate, demands, &mut |violation| {
        judgement.add(violation, Some(0), Reach::Certificate { depth: 0 });
    });
    judgement
}
