//! Revocation of the certificates of one path, the anchor's side first.
//!
//! Sources answer from what they hold. Where evidence was signed by somebody else than the issuer
//! of the certificate, the signer is validated first: its certificate is the target of a search of
//! its own, to the same anchor (RFC 5280 section 6.3.3 (f)), under the same budget, and its own
//! status is judged in turn. A signer that is being validated counts as valid for evidence on its
//! own path: a list that covers its own signer is the common case, and no other list could break
//! the circle. Nesting is bounded by [`MAX_NESTING`].

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use crate::constraints::{
    Breach, Demands, PathCertificate, PathView, Reach, Violation, check_path, check_target,
};
use crate::identity::PeerIdentity;
use crate::path::{Event, Means, Pool, Search};
use crate::policy::{
    Budget, ConformanceRule, LimitExceeded, RevocationPolicy, Role, ValidationPolicy,
};
use crate::revocation::{
    Authority, Brief, Cleared, Clock, CrlSummary, EvidenceBudget, EvidenceId, EvidenceRequest,
    Issuer, Judgement, Outcome, Query, Revocation, SignatureTools, SignerId, SignerQuestion,
    SignerVerdict, SignerVerdicts, Unknown,
};
use crate::signature::PublicKey;
use crate::trust::{TrustAnchor, TrustBundle};
use crate::x509::{Certificate, KeyUsage, Time};

/// How many signers deep a question may lead: a list's signer, whose status rests on a list by
/// another signer, and so on.
const MAX_NESTING: u32 = 4;

/// How often one certificate is asked about again after signers were validated.
const MAX_ROUNDS: u32 = 8;

/// What stays the same for all questions of one decision.
#[derive(Clone, Copy, Debug)]
pub(super) struct Inquiry<'a> {
    pub(super) revocation: &'a Revocation,
    pub(super) policy: &'a RevocationPolicy,
    /// The policy that signers of evidence are validated by.
    pub(super) signer_policy: &'a ValidationPolicy,
    pub(super) means: Means<'a>,
    pub(super) trust_domain: &'a str,
    /// The bundle of the anchor: signers below an authority that it distrusts are refused.
    pub(super) bundle: &'a TrustBundle,
    /// What was presented with the peer's certificate.
    pub(super) presented: &'a [rustls_pki_types::CertificateDer<'a>],
    /// What the host supplied beside it.
    pub(super) supplied: &'a [&'a [u8]],
    pub(super) stapled_ocsp: Option<&'a [u8]>,
    pub(super) scts: Option<&'a [u8]>,
}

/// What was found about a path.
#[derive(Debug, Default)]
pub(super) struct StatusReport {
    /// A certificate is revoked, or its status is unknown and the policy refuses that.
    pub(super) breach: Option<Box<Breach>>,
    /// Unknown statuses that the policy lets pass, with depth.
    pub(super) passed: Vec<(Unknown, usize)>,
    /// What the answers rest on.
    pub(super) evidence: Vec<EvidenceId>,
    /// Until when they stand.
    pub(super) valid_until: Option<Time>,
    /// Evidence that would help.
    pub(super) wants: Vec<EvidenceRequest>,
}

/// Verdicts on signers, under one anchor.
#[derive(Clone, Debug, Default)]
pub(super) struct Signers {
    verdicts: BTreeMap<SignerId, SignerVerdict>,
}

impl SignerVerdicts for Signers {
    fn verdict(&self, signer: &SignerId) -> SignerVerdict {
        self.verdicts.get(signer).copied().unwrap_or(SignerVerdict::NotAsked)
    }
}

/// A path as this room looks at it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Path<'p, 'a> {
    pub(super) steps: &'p [PathCertificate<'p, 'a>],
    pub(super) anchor: &'p TrustAnchor,
    /// The identity of the peer; nothing on the path of a signer.
    pub(super) identity: Option<&'p PeerIdentity>,
}

fn role_of(depth: usize) -> Role {
    if depth == 0 { Role::EndEntity } else { Role::Intermediate }
}

impl<'p> Path<'p, '_> {
    /// Octets of the keys above a certificate, from its issuer's to the anchor's.
    fn ancestors_of(&self, depth: usize) -> Vec<&'p [u8]> {
        let issuers = self.steps.iter().skip(depth + 1);
        let keys = issuers.map(|issuer| issuer.certificate.public_key_der());
        keys.chain([self.anchor.spki_der()]).collect()
    }

    fn anchor_key_usage(&self) -> Option<KeyUsage> {
        self.anchor.certificate().and_then(|certificate| certificate.key_usage())
    }

    fn issuer_of<'k>(&self, depth: usize, key: PublicKey<'k>) -> Issuer<'k>
    where
        'p: 'k,
    {
        match self.steps.get(depth + 1).map(|issuer| issuer.certificate) {
            Some(issuer) => Issuer::new(issuer.subject(), key).with_key_usage(issuer.key_usage()),
            None => Issuer::new(self.anchor.subject(), key)
                .with_key_usage(self.anchor_key_usage())
                .anchor(),
        }
    }
}

/// The keys of a path, read from the anchor downwards as far as somebody asks.
struct Keys<'k, 'p> {
    path: &'k Path<'k, 'p>,
    /// The key that issued the certificate at this depth.
    read: Option<(usize, PublicKey<'k>)>,
}

impl<'k> Keys<'k, '_> {
    /// The key that issued the certificate at a depth, no greater than the last one asked for, with
    /// what it inherits. Of a path that is valid, all can be read.
    fn issuer_of(&mut self, depth: usize) -> Option<PublicKey<'k>> {
        let (mut at, mut key) = match self.read {
            Some(read) => read,
            None => (self.path.steps.len().checked_sub(1)?, self.path.anchor.public_key()?),
        };
        while at > depth {
            let issuer = self.path.steps.get(at)?.certificate;
            key = key.issued(issuer.subject_public_key_info().ok()?);
            at -= 1;
        }
        self.read = Some((at, key));
        Some(key)
    }
}

impl Inquiry<'_> {
    /// Asks about every certificate of a path, the one below the anchor first.
    ///
    /// # Errors
    /// The limit that was reached.
    pub(super) fn status_of(
        &self,
        path: &Path<'_, '_>,
        signers: &mut Signers,
        skip_target: bool,
        nesting: u32,
        budget: &mut Budget,
    ) -> Result<StatusReport, LimitExceeded> {
        let mut report = StatusReport::default();
        let mut keys = Keys { path, read: None };
        for (depth, step) in path.steps.iter().enumerate().rev() {
            if depth == 0 && skip_target {
                break;
            }
            let is_peer = depth == 0 && path.identity.is_some();
            let stapled_ocsp = self.stapled_ocsp.filter(|_| is_peer);
            if stapled_ocsp.is_none() && self.clears(path, depth, &mut keys, &mut report, budget) {
                continue;
            }
            let Some(key) = keys.issuer_of(depth) else { break };
            let ancestors = path.ancestors_of(depth);
            let query = Query {
                ancestors: &ancestors,
                trust_domain: self.trust_domain,
                role: role_of(depth),
                depth,
                clock_skew_seconds: self.means.demands.policy.clock_skew_seconds,
                stapled_ocsp,
                scts: self.scts.filter(|_| is_peer),
                identity: path.identity.filter(|_| depth == 0),
                ..Query::new(
                    *step.certificate,
                    path.issuer_of(depth, key),
                    SignatureTools::new(self.means.backend, &self.means.demands.policy.algorithms)
                        .with_memo(self.means.memo),
                    self.policy,
                    self.means.demands.now,
                )
            };
            let judgement = self.ask(&query, path.anchor, signers, nesting, budget)?;
            // Nobody may pass for want of work: the answer is that the budget ended.
            if let Outcome::Refused(Unknown::Limit(exceeded)) = judgement.outcome {
                return Err(exceeded);
            }
            let unnumbered = matches!(&judgement.answer.authority,
                Some(Authority::Crl(list)) if self.breaks_crl_number_rule(list));
            report.add(judgement, depth);
            if unnumbered && report.breach.is_none() {
                report.refuse(Violation::Conformance(ConformanceRule::CrlNumber), depth);
            }
            if report.breach.is_some() {
                break;
            }
        }
        Ok(report)
    }

    /// Asks the short question of a certificate; whether it is answered.
    fn clears(
        &self,
        path: &Path<'_, '_>,
        depth: usize,
        keys: &mut Keys<'_, '_>,
        report: &mut StatusReport,
        budget: &mut Budget,
    ) -> bool {
        let Some(step) = path.steps.get(depth) else { return false };
        let issuer = path.steps.get(depth + 1).map(|issuer| issuer.certificate);
        let (issuer_name, issuer_spki, issuer_key_usage) = match issuer {
            Some(issuer) => (issuer.subject(), issuer.public_key_der(), issuer.key_usage()),
            None => (path.anchor.subject(), path.anchor.spki_der(), path.anchor_key_usage()),
        };
        let brief = Brief {
            certificate: step.certificate,
            issuer_name,
            issuer_spki,
            issuer_key_usage,
            trust_domain: self.trust_domain,
            role: role_of(depth),
            clock: Clock {
                now: self.means.demands.now,
                skew_seconds: self.means.demands.policy.clock_skew_seconds,
            },
            policy: self.policy,
        };
        let issuer_key = || keys.issuer_of(depth);
        match self.revocation.cleared(&brief, issuer_key) {
            Some(Cleared::Unchecked) => true,
            Some(Cleared::Unlisted { list, fresh_until })
                if !self.breaks_crl_number_rule(list) && budget.evidence_check().is_ok() =>
            {
                report.evidence.reserve_exact(depth + 1);
                report.evidence.push(list.id);
                report.bound(Some(fresh_until));
                true
            }
            _ => false,
        }
    }

    /// RFC 5280 5.2.3: "CRL issuers conforming to this profile MUST include this extension in all
    /// CRLs and MUST mark this extension as non-critical."
    fn breaks_crl_number_rule(&self, list: &CrlSummary) -> bool {
        (list.number.is_none() || list.number_critical)
            && self.means.demands.policy.conformance.demands(ConformanceRule::CrlNumber)
    }

    /// Asks about one certificate, again after each round of signers that had to be validated.
    fn ask(
        &self,
        query: &Query<'_>,
        anchor: &TrustAnchor,
        signers: &mut Signers,
        nesting: u32,
        budget: &mut Budget,
    ) -> Result<Judgement, LimitExceeded> {
        for _ in 0..MAX_ROUNDS {
            let asked = Query { signers: &*signers, ..*query };
            let judgement = self.revocation.judge(&asked, &mut EvidenceBudget::new(budget));
            let undecided: Vec<SignerQuestion> = judgement
                .signers
                .iter()
                .filter(|question| signers.verdict(&question.id) == SignerVerdict::NotAsked)
                .cloned()
                .collect();
            if undecided.is_empty() {
                return Ok(judgement);
            }
            for question in undecided {
                // Valid while it is being validated, for evidence on its own path.
                let circular = SignerVerdict::Authorized { valid_until: Time::MAX };
                signers.verdicts.insert(question.id, circular);
                let before = signers.clone();
                let verdict = if nesting < MAX_NESTING {
                    self.validate_signer(&question, anchor, signers, nesting + 1, budget)?
                } else {
                    SignerVerdict::Refused
                };
                if verdict == SignerVerdict::Refused {
                    // What was found meanwhile may rest on the word of this one.
                    *signers = before;
                }
                signers.verdicts.insert(question.id, verdict);
            }
        }
        let asked = Query { signers: &*signers, ..*query };
        Ok(self.revocation.judge(&asked, &mut EvidenceBudget::new(budget)))
    }

    /// RFC 5280 6.3.3 (f): "Obtain and validate the certification path for the issuer of the
    /// complete CRL. The trust anchor for the certification path MUST be the same as the trust
    /// anchor used to validate the target certificate."
    fn validate_signer(
        &self,
        question: &SignerQuestion,
        anchor: &TrustAnchor,
        signers: &mut Signers,
        nesting: u32,
        budget: &mut Budget,
    ) -> Result<SignerVerdict, LimitExceeded> {
        let target = question.certificate.as_certificate();
        if target.check().is_err() {
            return Ok(SignerVerdict::Refused);
        }
        let demands =
            Demands { policy: self.signer_policy, purpose: None, now: self.means.demands.now };
        if !check_target(&target, &demands).breaches.is_empty() {
            return Ok(SignerVerdict::Refused);
        }
        let candidates: Vec<&[u8]> = self
            .presented
            .iter()
            .map(AsRef::as_ref)
            .chain(self.supplied.iter().copied())
            .chain(question.pool.iter().map(|certificate| certificate.as_der()))
            .collect();
        let bundle = TrustBundle::new([anchor.clone()]);
        let pool = Pool::new(target, candidates.into_iter(), &self.signer_policy.limits)?;
        let means = Means { demands, ..self.means };
        let mut search = Search::new(pool, &bundle, means);
        loop {
            let path = match search.step(budget)? {
                Event::Working => continue,
                Event::Exhausted => return Ok(SignerVerdict::Refused),
                Event::Candidate(path) => path,
            };
            let (nodes, found) = search.path(path);
            let Some(found) = found else { return Ok(SignerVerdict::Refused) };
            let certificates: Vec<Certificate<'_>> =
                nodes.iter().filter_map(|&node| search.certificate(node).copied()).collect();
            let steps: Vec<PathCertificate<'_, '_>> = certificates
                .iter()
                .zip(&nodes)
                .map(|(certificate, &node)| PathCertificate {
                    certificate,
                    self_issued: search.is_self_issued(node),
                })
                .collect();
            let view = PathView {
                certificates: &steps,
                anchor: found,
                bundle: self.bundle,
                flawed: false,
                read: false,
            };
            let judgement = check_path(&view, &demands, budget);
            if judgement.breaches.is_empty() {
                let inner = Path { steps: &steps, anchor: found, identity: None };
                let status = self.status_of(&inner, signers, question.no_check, nesting, budget)?;
                if status.breach.is_none() {
                    let not_after = certificates.iter().map(Certificate::not_after).min();
                    let valid_until =
                        not_after.into_iter().chain(status.valid_until).min().unwrap_or(Time::MAX);
                    return Ok(SignerVerdict::Authorized { valid_until });
                }
            }
            let mut reaches: Vec<Reach> =
                judgement.breaches.iter().map(|breach| breach.reach).collect();
            if reaches.is_empty() {
                reaches.push(Reach::Path);
            }
            // No other path changes the signer's own certificate.
            if reaches.contains(&Reach::Certificate { depth: 0 }) {
                return Ok(SignerVerdict::Refused);
            }
            search.reject(path, &reaches);
        }
    }
}

impl StatusReport {
    fn bound(&mut self, valid_until: Option<Time>) {
        self.valid_until = match (self.valid_until, valid_until) {
            (Some(held), Some(found)) => Some(held.min(found)),
            (held, found) => held.or(found),
        };
    }

    fn add(&mut self, judgement: Judgement, depth: usize) {
        self.bound(judgement.valid_until);
        self.evidence.extend_from_slice(&judgement.answer.evidence);
        for want in judgement.wants {
            if self.wants.len() < EvidenceRequest::MAX && !self.wants.contains(&want) {
                self.wants.push(want);
            }
        }
        let violation = match judgement.outcome {
            Outcome::Good | Outcome::Unchecked | Outcome::Passed { event: false, .. } => return,
            Outcome::Passed { why, event: true } => {
                self.passed.push((why, depth));
                return;
            }
            Outcome::Refused(why) => Violation::RevocationUnknown(why),
            Outcome::Revoked(revoked) => Violation::Revoked(revoked),
        };
        self.refuse(violation, depth);
    }

    fn refuse(&mut self, violation: Violation, depth: usize) {
        // The issuer on this path is part of the question.
        let reach = Reach::Prefix { depth: depth + 1 };
        self.breach = Some(Box::new(Breach { violation, depth: Some(depth), reach }));
    }
}
