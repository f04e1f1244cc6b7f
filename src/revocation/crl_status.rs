//! What lists say of a certificate: RFC 5280 section 6.3.3.
//!
//! *Specification: distribution points and lists are processed one after the other, until the status
//! is determined or all reasons are covered. Enforced here: every list at hand that is for the
//! certificate is consulted, and none shadows another*, so that the answer does not depend on their
//! order: whatever one of them revokes is revoked, and all fresh ones together must cover all
//! reasons. Step (e), which skips lists that add no reason, is left out for the same purpose.
//!
//! Freshness bounds what is not listed, never what is: a list past its nextUpdate still revokes. A
//! delta takes part whenever it fits a complete list (use-deltas is always set); what it adds counts
//! even without one.

use alloc::borrow::Cow;
use alloc::vec::Vec;

use super::answer::{
    Authority, EvidenceRequest, Revoked, SignerId, SignerQuestion, SignerUsage, bounded_uris,
};
use super::brief::Brief;
use super::crl::VerifiedCrl;
use super::query::{Clock, SignerVerdict};
use super::{Answer, CrlStore, EvidenceBudget, Query, Unknown, Verdict};
use crate::identity::DistinguishedName;
use crate::policy::RevocationPolicy;
use crate::signature::PublicKey;
use crate::x509::{
    Certificate, CrlScope, DistributionPoint, DistributionPointName, GeneralName, GeneralNames,
    KeyUsage, Name, ReasonCode, ReasonFlags, Time, Version,
};

/// Distribution points of a certificate that are looked at, and names of one point.
const MAX_POINTS: usize = 32;

pub(super) fn status(
    store: &CrlStore,
    query: &Query<'_>,
    budget: &mut EvidenceBudget<'_>,
) -> Answer {
    if let Some(answer) = alone(store, query, budget) {
        return answer;
    }
    let points = match query.certificate.crl_distribution_points() {
        Some(Err(error)) => return Answer::unknown(Unknown::MalformedCertificate(error)),
        Some(Ok(points)) => points.iter().take(MAX_POINTS).collect(),
        None => Vec::new(),
    };
    let mut check = Check {
        query,
        issuer: query.certificate.issuer(),
        points,
        covered: ReasonFlags::NONE,
        revoked: None,
        undecided_revocation: false,
        why: Unknown::NoSource,
        answer: Answer::new(Verdict::Good),
        signers: Vec::new(),
        stale_freshest: Vec::new(),
    };
    if let Err(limit) = check.consult(store, budget) {
        check.note(Unknown::Limit(limit));
    }
    check.conclude()
}

/// The names that lists are looked up by: the certificate's issuer, and those that its distribution
/// points name.
fn issuers_of<'a>(issuer: Name<'a>, points: &[DistributionPoint<'a>]) -> Vec<Name<'a>> {
    let mut issuers = alloc::vec![issuer];
    for names in points.iter().filter_map(|point| point.crl_issuer) {
        for name in names.directory_names().take(MAX_POINTS) {
            if !issuers.iter().any(|known| known.matches(&name)) {
                issuers.push(name);
            }
        }
    }
    issuers
}

/// The same for a certificate; where its distribution points cannot be read, no list is looked at.
pub(super) fn issuers_of_lists<'a>(certificate: &Certificate<'a>) -> Vec<Name<'a>> {
    match certificate.crl_distribution_points() {
        Some(Err(_)) => Vec::new(),
        Some(Ok(points)) => {
            let points: Vec<DistributionPoint<'a>> = points.iter().take(MAX_POINTS).collect();
            issuers_of(certificate.issuer(), &points)
        }
        None => alloc::vec![certificate.issuer()],
    }
}

/// A list that is all there is of an issuer, which signed it itself, and what it says of one of the
/// issuer's certificates.
pub(super) struct Found<'s> {
    pub(super) list: &'s VerifiedCrl,
    listed: Option<Revoked>,
}

impl Found<'_> {
    /// The entry, unless it says that the certificate is revoked no more.
    pub(super) fn revoked(&self) -> Option<Revoked> {
        self.listed.filter(|listed| listed.reason != Some(ReasonCode::RemoveFromCrl))
    }
}

impl CrlStore {
    /// What a list says that is alone: what [`Check`] finds, without looking at what cannot be
    /// otherwise. Nothing where there is more to look at.
    pub(super) fn of_alone<'k>(
        &self,
        brief: &Brief<'_, '_>,
        issuer_key: impl FnOnce() -> Option<PublicKey<'k>>,
    ) -> Option<Found<'_>> {
        let list = self.alone(&brief.certificate.issuer())?;
        let left_to_others = match brief.certificate.crl_distribution_points() {
            Some(Err(_)) => true,
            Some(Ok(points)) => points.iter().any(|point| point.crl_issuer.is_some()),
            None => false,
        };
        if left_to_others || !is_by_issuer(list, brief, issuer_key) {
            return None;
        }
        Some(Found { list, listed: list.find_own(brief.certificate.serial_number()) })
    }
}

/// The answer of a list that is alone, where it says yes or no.
fn alone(store: &CrlStore, query: &Query<'_>, budget: &mut EvidenceBudget<'_>) -> Option<Answer> {
    let found = store.of_alone(&query.brief(), || Some(query.issuer.key))?;
    let list = found.list;
    let (verdict, fresh_until) = match found.revoked() {
        Some(revoked) => (Verdict::Revoked(revoked), None),
        None => (Verdict::Good, Some(list.fresh_until(query.clock(), query.policy).ok()?)),
    };
    budget.evidence_check().ok()?;
    Some(Answer {
        authority: Some(Authority::Crl(list.summary.clone())),
        evidence: alloc::vec![list.id()],
        this_update: Some(list.summary.this_update),
        fresh_until,
        ..Answer::new(verdict)
    })
}

/// Step (f) for a list that the issuer of the certificate signed itself.
fn is_by_issuer<'k>(
    list: &VerifiedCrl,
    brief: &Brief<'_, '_>,
    issuer_key: impl FnOnce() -> Option<PublicKey<'k>>,
) -> bool {
    *list.key.spki == *brief.issuer_spki
        && (list.key_is_whole || issuer_key().is_some_and(|key| list.key.is(&key)))
        && list.issuer().matches(&brief.issuer_name)
        && may_sign(brief.issuer_key_usage)
}

/// "If a key usage extension is present in the CRL issuer's certificate, verify that the cRLSign bit
/// is set."
fn may_sign(usage: Option<KeyUsage>) -> bool {
    usage.is_none_or(|usage| usage.contains(KeyUsage::CRL_SIGN))
}

impl VerifiedCrl {
    /// Until when it is fresh.
    pub(super) fn fresh_until(
        &self,
        clock: Clock,
        policy: &RevocationPolicy,
    ) -> Result<Time, Unknown> {
        clock.fresh_until(
            self.summary.this_update,
            self.summary.next_update,
            policy.crl_max_age(),
            RevocationPolicy::CRL_WITHOUT_NEXT_UPDATE,
        )
    }
}

/// One question, while its lists are consulted.
struct Check<'c, 'a> {
    query: &'c Query<'a>,
    /// Issuer of the certificate, as the certificate has it.
    issuer: Name<'a>,
    points: Vec<DistributionPoint<'a>>,
    /// `reasons_mask`.
    covered: ReasonFlags,
    revoked: Option<(Revoked, &'c VerifiedCrl)>,
    /// A list that revokes waits for its signer to be validated.
    undecided_revocation: bool,
    /// Why no more is covered: the weightiest reason.
    why: Unknown,
    answer: Answer,
    signers: Vec<SignerQuestion>,
    stale_freshest: Vec<&'c str>,
}

/// Whether the signer of a list may speak for the certificate.
enum Standing {
    Until(Time),
    Undecided(Vec<SignerQuestion>),
    Refused,
}

impl<'c> Check<'c, '_> {
    fn note(&mut self, why: Unknown) {
        if why.reason() > self.why.reason() {
            self.why = why;
        }
    }

    fn consult(
        &mut self,
        store: &'c CrlStore,
        budget: &mut EvidenceBudget<'_>,
    ) -> Result<(), crate::policy::LimitExceeded> {
        let issuers = issuers_of(self.issuer, &self.points);
        let lists: Vec<&'c VerifiedCrl> = {
            let mut lists = Vec::new();
            for name in &issuers {
                for list in store.of_issuer(name) {
                    budget.evidence_check()?;
                    lists.push(list);
                }
            }
            lists
        };
        for complete in lists.iter().filter(|list| !list.is_delta()) {
            let delta = newest_delta(complete, &lists);
            self.consult_list(complete, delta);
        }
        for delta in lists.iter().filter(|list| list.is_delta()) {
            self.consult_bare_delta(delta);
        }
        Ok(())
    }

    fn consult_list(&mut self, complete: &'c VerifiedCrl, delta: Option<&'c VerifiedCrl>) {
        let reasons = match self.reasons_covered(complete) {
            Ok(reasons) => reasons,
            Err(why) => return self.note(why),
        };
        for list in [Some(complete), delta].into_iter().flatten() {
            // RFC 5280 5.2: "If a CRL contains a critical extension that the application cannot
            // process, then the application MUST NOT use that CRL to determine the status of
            // certificates."
            if let Some(oid) = &list.unrecognized_critical {
                return self.note(Unknown::UnknownCriticalExtension(oid.clone()));
            }
        }
        let serial = self.query.certificate.serial_number();
        // (i), (j): "If (cert_status is UNREVOKED), then search for the certificate on the complete
        // CRL"
        let listed = delta
            .and_then(|delta| Some((delta.find(&self.issuer, serial)?, delta)))
            .or_else(|| Some((complete.find(&self.issuer, serial)?, complete)));
        // (k): "If (cert_status is removeFromCRL), then set cert_status to UNREVOKED."
        let listed = listed.filter(|(listed, _)| listed.reason != Some(ReasonCode::RemoveFromCrl));
        let until = match self.standing(complete) {
            Standing::Until(until) => until,
            Standing::Undecided(questions) => {
                self.undecided_revocation |= listed.is_some();
                self.signers.extend(questions);
                return self.note(Unknown::SignerUndecided);
            }
            Standing::Refused => return self.note(Unknown::SignerNotAuthorized),
        };
        if let Some((listed, list)) = listed {
            return self.revoke(listed, list);
        }
        let fresh = delta.map_or(self.fresh_until(complete), |delta| {
            // (a) (1): a delta that is current makes up for a complete list that is not.
            match (self.fresh_until(complete), self.fresh_until(delta)) {
                (Ok(complete), Ok(delta)) => Ok(complete.max(delta)),
                (Ok(until), Err(_)) | (Err(_), Ok(until)) => Ok(until),
                (Err(why), Err(_)) => Err(why),
            }
        });
        match fresh {
            Ok(fresh) => {
                // (l): "Set the reasons_mask state variable to the union of its previous value and
                // the value of the interim_reasons_mask state variable."
                self.covered = self.covered.union(reasons);
                self.cover(complete, delta, fresh.min(until));
            }
            Err(why) => {
                self.stale_freshest.extend(complete.freshest.iter().map(|uri| &**uri));
                self.note(why);
            }
        }
    }

    /// A delta without a base says who is revoked, and of nobody that they are not.
    fn consult_bare_delta(&mut self, delta: &'c VerifiedCrl) {
        if let Err(why) = self.reasons_covered(delta) {
            return self.note(why);
        }
        self.note(Unknown::UnsupportedForm);
        let listed = delta.find(&self.issuer, self.query.certificate.serial_number());
        if delta.unrecognized_critical.is_some() {
            return;
        }
        if let Some(listed) = listed.filter(|l| l.reason != Some(ReasonCode::RemoveFromCrl)) {
            match self.standing(delta) {
                Standing::Until(_) => self.revoke(listed, delta),
                Standing::Undecided(questions) => {
                    self.undecided_revocation = true;
                    self.signers.extend(questions);
                }
                Standing::Refused => {}
            }
        }
    }

    /// Of several lists that revoke, the newest one is named.
    fn revoke(&mut self, listed: Revoked, list: &'c VerifiedCrl) {
        let age = |list: &VerifiedCrl| (list.summary.this_update, list.summary.id);
        if self.revoked.is_none_or(|(_, other)| age(list) > age(other)) {
            self.revoked = Some((listed, list));
        }
    }

    fn cover(&mut self, complete: &VerifiedCrl, delta: Option<&VerifiedCrl>, until: Time) {
        let newest = delta.unwrap_or(complete);
        let answer = &mut self.answer;
        answer.authority.get_or_insert_with(|| Authority::Crl(complete.summary.clone()));
        answer.evidence.push(complete.id());
        answer.evidence.extend(delta.map(VerifiedCrl::id));
        let this_update = newest.summary.this_update;
        answer.this_update = Some(answer.this_update.map_or(this_update, |t| t.min(this_update)));
        answer.fresh_until = Some(answer.fresh_until.map_or(until, |t| t.min(until)));
    }

    fn fresh_until(&self, list: &VerifiedCrl) -> Result<Time, Unknown> {
        list.fresh_until(self.query.clock(), self.query.policy)
    }

    /// Steps (b) and (d): the reasons for which a list speaks of the certificate, through any of
    /// its distribution points or through none.
    fn reasons_covered(&self, list: &VerifiedCrl) -> Result<ReasonFlags, Unknown> {
        let idp = list.issuing_distribution_point();
        if let Some(idp) = &idp {
            // (b) (2) (ii): "If the onlyContainsUserCerts boolean is asserted in the IDP CRL
            // extension, verify that the certificate does not include the basic constraints
            // extension with the cA boolean asserted."; (iii), (iv) likewise.
            // Nothing says of a v1 or v2 certificate which of the two it is, so neither kind of
            // list is for it; the letter of (ii) has it that those for users are.
            let is_v3 = self.query.certificate.version() == Version::V3;
            let in_scope = match idp.scope {
                CrlScope::AllCertificates => true,
                CrlScope::UserCertificates => is_v3 && !self.query.is_ca(),
                CrlScope::CaCertificates => is_v3 && self.query.is_ca(),
                CrlScope::AttributeCertificates => false,
            };
            if !in_scope {
                return Err(Unknown::ScopeMismatch);
            }
        }
        let own = idp.and_then(|idp| idp.only_some_reasons).unwrap_or(ReasonFlags::ALL);
        let idp_name = idp.and_then(|idp| idp.distribution_point);
        let mut reasons = ReasonFlags::NONE;
        for point in &self.points {
            if !self.issuer_matches(list, point.crl_issuer, idp.is_some_and(|idp| idp.indirect_crl))
            {
                continue;
            }
            let named = match (&idp_name, &point.name) {
                (None, _) => true,
                // (b) (2) (i): "If the distribution point name is present in the IDP CRL extension
                // and the distribution field is present in the DP, then verify that one of the
                // names in the IDP matches one of the names in the DP."
                (Some(idp), Some(dp)) => share_a_name(
                    &names_of(idp, Some(list.issuer())),
                    &names_of(dp, base_of(point, self.issuer)),
                ),
                // "If the distribution point name is present in the IDP CRL extension and the
                // distribution field is omitted from the DP, then verify that one of the names in
                // the IDP matches one of the names in the cRLIssuer field of the DP."
                (Some(idp), None) => share_a_name(
                    &names_of(idp, Some(list.issuer())),
                    &point.crl_issuer.map_or_else(Vec::new, |names| full_names(&names)),
                ),
            };
            if named {
                // (d): the intersection of both, each being all reasons where it is absent.
                let theirs = point.reasons.unwrap_or(ReasonFlags::ALL);
                reasons = reasons.union(own.intersection(theirs));
            }
        }
        // "If the revocation status has not been determined, repeat the process above with any
        // available CRLs not specified in a distribution point but issued by the certificate
        // issuer. For the processing of such a CRL, assume a DP with both the reasons and the
        // cRLIssuer fields omitted and a distribution point name of the certificate issuer."
        // Enforced here: not where every point of the certificate names another issuer of lists. Who
        // left the lists to somebody else may still publish one, and it need not be complete.
        let elsewhere = |point: &DistributionPoint<'_>| {
            point.crl_issuer.is_some_and(|names| {
                !names.directory_names().any(|name| name.matches(&self.issuer))
            })
        };
        let delegated = !self.points.is_empty() && self.points.iter().all(elsewhere);
        if !delegated && self.issuer_matches(list, None, false) {
            let implied = [PointName::Directory(Cow::Borrowed(self.issuer.as_der()))];
            let named = idp_name
                .is_none_or(|idp| share_a_name(&names_of(&idp, Some(list.issuer())), &implied));
            if named {
                reasons = reasons.union(own);
            }
        }
        if reasons.is_empty() { Err(Unknown::ScopeMismatch) } else { Ok(reasons) }
    }

    /// (b) (1): "If the DP includes cRLIssuer, then verify that the issuer field in the complete CRL
    /// matches cRLIssuer in the DP and that the complete CRL contains an issuing distribution point
    /// extension with the indirectCRL boolean asserted. Otherwise, verify that the CRL issuer
    /// matches the certificate issuer."
    fn issuer_matches(
        &self,
        list: &VerifiedCrl,
        crl_issuer: Option<GeneralNames<'_>>,
        indirect: bool,
    ) -> bool {
        match crl_issuer {
            Some(names) => {
                indirect && names.directory_names().any(|name| name.matches(&list.issuer()))
            }
            None => list.issuer().matches(&self.issuer),
        }
    }

    /// Step (f): who signed.
    fn standing(&self, list: &VerifiedCrl) -> Standing {
        if is_by_issuer(list, &self.query.brief(), || Some(self.query.issuer.key)) {
            return Standing::Until(Time::MAX);
        }
        let certified = |signer: &&super::crl::Signer| {
            may_sign(signer.certificate.as_certificate().key_usage())
        };
        let mut certified = list.signers.iter().filter(certified).peekable();
        // "The trust anchor for the certification path MUST be the same as the trust anchor used to
        // validate the target certificate." The anchor itself needs no path.
        if list.signed_by_anchor
            && (certified.peek().is_some() || list.signers.is_empty())
            && self.query.ancestors.last().is_some_and(|key| **key == *list.key.spki)
        {
            return Standing::Until(Time::MAX);
        }
        let mut until: Option<Time> = None;
        let mut questions = Vec::new();
        for signer in certified.take(EvidenceRequest::MAX) {
            let id = SignerId { fingerprint: signer.fingerprint, usage: SignerUsage::CrlSign };
            match self.query.signers.verdict(&id) {
                SignerVerdict::Authorized { valid_until } => {
                    until = Some(until.map_or(valid_until, |until| until.max(valid_until)));
                }
                SignerVerdict::Refused => {}
                SignerVerdict::NotAsked => questions.push(SignerQuestion {
                    id,
                    certificate: signer.certificate.clone(),
                    no_check: false,
                    pool: Vec::new(),
                }),
            }
        }
        match until {
            Some(until) => Standing::Until(until),
            None if questions.is_empty() => Standing::Refused,
            None => Standing::Undecided(questions),
        }
    }

    fn conclude(mut self) -> Answer {
        if let Some((listed, list)) = self.revoked {
            return Answer {
                verdict: Verdict::Revoked(listed),
                authority: Some(Authority::Crl(list.summary.clone())),
                evidence: alloc::vec![list.id()],
                this_update: Some(list.summary.this_update),
                ..Answer::new(Verdict::Good)
            };
        }
        let complete = self.covered.contains(ReasonFlags::ALL);
        if complete && !self.undecided_revocation {
            self.answer.evidence.sort_unstable();
            self.answer.evidence.dedup();
            return self.answer;
        }
        if !self.covered.is_empty() {
            self.note(Unknown::PartialReasons { covered: self.covered });
        }
        let mut signers = core::mem::take(&mut self.signers);
        signers.sort_by_key(|question| question.id);
        signers.dedup_by_key(|question| question.id);
        signers.truncate(EvidenceRequest::MAX);
        let why = if signers.is_empty() || matches!(self.why, Unknown::Limit(_)) {
            self.why.clone()
        } else {
            Unknown::SignerUndecided
        };
        Answer { wants: self.wants(), signers, ..Answer::unknown(why) }
    }

    /// The lists that the certificate names, and deltas to lists that are stale.
    fn wants(&self) -> Vec<EvidenceRequest> {
        let mut wants = Vec::new();
        for point in &self.points {
            let Some(DistributionPointName::FullName(names)) = point.name else { continue };
            let uris = bounded_uris(names.uris());
            let issuer = point.crl_issuer.and_then(|names| names.directory_names().next());
            let issuer = DistinguishedName::of(issuer.unwrap_or(self.issuer));
            let want = EvidenceRequest::Crl { uris, issuer };
            if wants.len() < EvidenceRequest::MAX && !wants.contains(&want) {
                wants.push(want);
            }
        }
        let uris = bounded_uris(self.stale_freshest.iter().copied());
        if !uris.is_empty() && wants.len() < EvidenceRequest::MAX {
            let issuer = DistinguishedName::of(self.issuer);
            wants.push(EvidenceRequest::DeltaCrl { uris, issuer });
        }
        wants
    }
}

/// What the relative name of a distribution point is relative to: cRLIssuer, else the issuer of the
/// certificate. RFC 5280 4.2.1.13: "Conforming CAs … MUST NOT use the nameRelativeToCRLIssuer
/// alternative when cRLIssuer contains more than one distinguished name."
fn base_of<'p>(point: &DistributionPoint<'p>, issuer: Name<'p>) -> Option<Name<'p>> {
    let Some(names) = point.crl_issuer else { return Some(issuer) };
    let mut names = names.directory_names();
    match (names.next(), names.next()) {
        (Some(name), None) => Some(name),
        _ => None,
    }
}

/// The delta to use with a complete list.
///
/// RFC 5280 5.2.4: "(a) The complete CRL and delta CRL have the same issuer. (b) The complete CRL and
/// delta CRL have the same scope. … (c) The CRL number of the complete CRL is equal to or greater than
/// the BaseCRLNumber specified in the delta CRL. … (d) The CRL number of the complete CRL is less than
/// the CRL number of the delta CRL." 6.3.3 (c) (3) asks for one key identifier, here for one key.
fn newest_delta<'c>(complete: &VerifiedCrl, lists: &[&'c VerifiedCrl]) -> Option<&'c VerifiedCrl> {
    let number = complete.summary.number?;
    let deltas = lists.iter().copied().filter(|delta| {
        delta.summary.base_number.is_some_and(|base| number >= base)
            && delta.summary.number.is_some_and(|newer| number < newer)
            && delta.key == complete.key
            && delta.scope_der == complete.scope_der
            && delta.issuer().matches(&complete.issuer())
    });
    deltas.max_by_key(|delta| (delta.summary.number, delta.summary.this_update, delta.id()))
}

/// A name by which a list may be found.
#[derive(Debug)]
enum PointName<'a> {
    /// DER of a Name.
    Directory(Cow<'a, [u8]>),
    Other(GeneralName<'a>),
}

impl PointName<'_> {
    fn matches(&self, other: &PointName<'_>) -> bool {
        match (self, other) {
            (Self::Directory(a), PointName::Directory(b)) => {
                Name::trusted(a).matches(&Name::trusted(b))
            }
            (Self::Other(a), PointName::Other(b)) => a == b,
            _ => false,
        }
    }
}

fn full_names<'a>(names: &GeneralNames<'a>) -> Vec<PointName<'a>> {
    let names = names.iter().map_while(Result::ok).take(MAX_POINTS);
    names
        .map(|name| match name {
            GeneralName::Directory(name) => PointName::Directory(Cow::Borrowed(name.as_der())),
            other => PointName::Other(other),
        })
        .collect()
}

/// The names of a distribution point, a relative one joined to `base`.
fn names_of<'a>(point: &DistributionPointName<'a>, base: Option<Name<'_>>) -> Vec<PointName<'a>> {
    match point {
        DistributionPointName::FullName(names) => full_names(names),
        DistributionPointName::NameRelativeToCrlIssuer(rdn) => base
            .and_then(|base| base.joined(rdn))
            .map(|der| PointName::Directory(Cow::Owned(der)))
            .into_iter()
            .collect(),
    }
}

fn share_a_name(left: &[PointName<'_>], right: &[PointName<'_>]) -> bool {
    left.iter().any(|left| right.iter().any(|right| left.matches(right)))
}
