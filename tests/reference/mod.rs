//! A second opinion: RFC 5280 section 6, literally, slowly, over all paths.
//!
//! Written from the text of the RFC with its names for everything. It shares no code with the
//! library: certificates are read with `x509-cert`, names are compared and constrained by the few
//! lines in [`certificate`] and [`names`], the policy tree is the exponential one of 2008. It
//! enumerates every simple path and judges each from anchor to leaf; nothing prunes, nothing is in
//! a preferred order. Use it on small graphs only.
//!
//! What it decides where section 6 leaves the choice:
//! - a trust anchor is a name and a key; what its certificate constrains is not enforced (6.2 allows
//!   both);
//! - an intermediate of version 1 or 2 is refused, 6.1.4 (k) leaving it to out-of-band means;
//! - extended key usage is chained: every certificate that has the extension must allow the purpose
//!   or anyExtendedKeyUsage;
//! - the end entity may be a CA;
//! - a path has no two certificates of the same subject, key and subject alternative names, and at
//!   most [`MAX_PATH`] certificates.
//!
//! Out of its reach: revocation; dates before 1970 and x400Address, which `x509-cert` does not read
//! (a certificate with such a date counts as none, an extension with such a name as unreadable);
//! names outside what [`certificate::Value`] folds. Within it, PKITS was run through it once: all
//! verdicts and policy sets of NIST's edition agree but those of the two DSA tests (4.1.4, 4.1.5),
//! the one date of 1950 (4.2.3) and the five that CRLs decide (4.5.2, 4.5.5, 4.5.7, 4.7.4, 4.7.5);
//! sections 4.4, 4.14 and 4.15 are of CRLs throughout.
#![allow(dead_code, unreachable_pub, reason = "each user takes the part it needs")]
#![allow(
    clippy::as_conversions,
    clippy::exhaustive_enums,
    clippy::exhaustive_structs,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    clippy::unwrap_used,
    missing_debug_implementations,
    missing_docs,
    reason = "test code"
)]

pub mod certificate;
pub mod names;
pub mod policy;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use certificate::{Certificate, Dn};
use der::asn1::ObjectIdentifier;
use names::Subtrees;
use policy::{ANY_POLICY, PolicyTree};

/// Longest path, the end entity included, the anchor not.
pub const MAX_PATH: usize = 8;

const ANY_EXTENDED_KEY_USAGE: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.37.0");

/// A trust anchor (6.1.1 (d)): a name and a key.
#[derive(Clone, Debug)]
pub struct Anchor {
    /// `Name`, DER.
    pub name: Vec<u8>,
    /// `SubjectPublicKeyInfo`, DER.
    pub spki: Vec<u8>,
}

/// The inputs of 6.1.1, with the purpose that 4.2.1.12 speaks of.
#[derive(Clone, Debug, Default)]
pub struct Inputs {
    /// Seconds since 1970.
    pub time: i64,
    /// `None` is {any-policy}.
    pub user_initial_policy_set: Option<BTreeSet<ObjectIdentifier>>,
    pub initial_policy_mapping_inhibit: bool,
    pub initial_explicit_policy: bool,
    pub initial_any_policy_inhibit: bool,
    /// `None` asks for no purpose.
    pub purpose: Option<ObjectIdentifier>,
}

/// One signature to check.
#[derive(Clone, Copy, Debug)]
pub struct Signed<'a> {
    /// `AlgorithmIdentifier` outside the signed octets, DER.
    pub algorithm: &'a [u8],
    /// `SubjectPublicKeyInfo` of the issuer, DER.
    pub spki: &'a [u8],
    pub message: &'a [u8],
    pub signature: &'a [u8],
}

/// From the end entity to the anchor.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Path {
    /// 0 is the end entity, n the n-th certificate of the pool, counted from 1.
    pub certificates: Vec<usize>,
    /// Index of the anchor.
    pub anchor: usize,
}

/// Why a path is not valid, by class.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reason {
    /// 6.1.3 (a) (1).
    Signature,
    /// 4.1.1.2: the two algorithm fields differ.
    AlgorithmMismatch,
    /// 6.1.3 (a) (2).
    NotYetValid,
    /// 6.1.3 (a) (2).
    Expired,
    /// 6.1.3 (b), (c).
    NameConstraints,
    /// 6.1.3 (f), 6.1.5 (g).
    Policy,
    /// 6.1.4 (a).
    AnyPolicyMapped,
    /// 6.1.4 (k), version 3.
    NotCa,
    /// 6.1.4 (k), earlier versions.
    Version,
    /// 6.1.4 (l).
    PathLength,
    /// 6.1.4 (n).
    KeyCertSign,
    /// 4.2.1.12.
    ExtendedKeyUsage,
    /// 6.1.4 (o), 6.1.5 (f).
    UnrecognizedCritical,
    /// 4.2: an extension twice or unreadable.
    Malformed,
}

impl Reason {
    pub const ALL: [Reason; 14] = [
        Reason::Signature,
        Reason::AlgorithmMismatch,
        Reason::NotYetValid,
        Reason::Expired,
        Reason::NameConstraints,
        Reason::Policy,
        Reason::AnyPolicyMapped,
        Reason::NotCa,
        Reason::Version,
        Reason::PathLength,
        Reason::KeyCertSign,
        Reason::ExtendedKeyUsage,
        Reason::UnrecognizedCritical,
        Reason::Malformed,
    ];
}

/// The second opinion on one question.
#[derive(Clone, Debug, Default)]
pub struct Opinion {
    /// Valid paths with their user-constrained-policy-set.
    pub accepted: BTreeMap<Path, BTreeSet<ObjectIdentifier>>,
    /// All other paths from the end entity to an anchor.
    pub rejected: BTreeMap<Path, BTreeSet<Reason>>,
}

/// A question, read.
pub struct Reference<'a> {
    /// The end entity, then the pool; `None` where there is no certificate in the bytes.
    certificates: Vec<Option<Certificate>>,
    anchors: Vec<(Dn, &'a [u8])>,
    inputs: &'a Inputs,
    verify: &'a dyn Fn(Signed<'_>) -> bool,
    /// Signatures already checked: certificate and issuer's key.
    checked: RefCell<BTreeMap<(usize, Issuer), bool>>,
}

/// Whose key signs: a certificate's or an anchor's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Issuer {
    Certificate(usize),
    Anchor(usize),
}

impl<'a> Reference<'a> {
    /// # Panics
    /// If the name of an anchor is none.
    pub fn new(
        leaf: &[u8],
        pool: &[Vec<u8>],
        anchors: &'a [Anchor],
        inputs: &'a Inputs,
        verify: &'a dyn Fn(Signed<'_>) -> bool,
    ) -> Self {
        let mut certificates = vec![Certificate::from_der(leaf)];
        certificates.extend(pool.iter().map(|bytes| Certificate::from_der(bytes)));
        let anchors = anchors
            .iter()
            .map(|anchor| (Dn::from_der(&anchor.name).unwrap(), anchor.spki.as_slice()))
            .collect();
        Reference { certificates, anchors, inputs, verify, checked: RefCell::default() }
    }

    /// Judges all paths.
    pub fn opinion(&self) -> Opinion {
        let mut opinion = Opinion::default();
        self.extend(&mut vec![0], &mut opinion);
        opinion
    }

    /// All simple paths that begin with `path`.
    fn extend(&self, path: &mut Vec<usize>, opinion: &mut Opinion) {
        let Some(tip) = path.last().and_then(|tip| self.certificates[*tip].as_ref()) else {
            return;
        };
        for (anchor, (name, _)) in self.anchors.iter().enumerate() {
            if *name == tip.issuer {
                let complete = Path { certificates: path.clone(), anchor };
                match self.validate(&complete) {
                    Ok(policies) => drop(opinion.accepted.insert(complete, policies)),
                    Err(reasons) => drop(opinion.rejected.insert(complete, reasons)),
                }
            }
        }
        if path.len() == MAX_PATH {
            return;
        }
        for (index, candidate) in self.certificates.iter().enumerate() {
            let Some(candidate) = candidate else { continue };
            if candidate.subject == tip.issuer && !self.repeats(path, candidate) {
                path.push(index);
                self.extend(path, opinion);
                path.pop();
            }
        }
    }

    fn repeats(&self, path: &[usize], candidate: &Certificate) -> bool {
        path.iter().filter_map(|index| self.certificates[*index].as_ref()).any(|other| {
            other.subject == candidate.subject
                && other.spki == candidate.spki
                && other.san == candidate.san
        })
    }

    /// The one path of a builder that never goes back. At each certificate it takes, of those that
    /// have the issuer's name and a key that verifies the signature, the first anchor; if there is
    /// none, the certificate whose key identifier fits best (equal, then unknown, then different),
    /// the first in the pool among equals. `None` if that leads to no anchor.
    ///
    /// A graph *needs going back* if some path is valid, and this one is not.
    pub fn greedy_path(&self) -> Option<Path> {
        let mut certificates = vec![0];
        loop {
            let index = *certificates.last()?;
            let tip = self.certificates[index].as_ref()?;
            let signs = |issuer| self.signature_holds(index, tip, issuer);
            let anchor = (0..self.anchors.len()).find(|anchor| {
                self.anchors[*anchor].0 == tip.issuer && signs(Issuer::Anchor(*anchor))
            });
            if let Some(anchor) = anchor {
                return Some(Path { certificates, anchor });
            }
            let fit = |candidate: &Certificate| match (
                &tip.authority_key_id,
                &candidate.subject_key_id,
            ) {
                (Some(authority), Some(subject)) if authority == subject => 0,
                (Some(_), Some(_)) => 2,
                _ => 1,
            };
            let (_, next) = (1..self.certificates.len())
                .filter_map(|index| Some((self.certificates[index].as_ref()?, index)))
                .filter(|(candidate, _)| candidate.subject == tip.issuer)
                .filter(|(candidate, _)| !self.repeats(&certificates, candidate))
                .filter(|(_, index)| signs(Issuer::Certificate(*index)))
                .map(|(candidate, index)| (fit(candidate), index))
                .min()?;
            certificates.push(next);
        }
    }

    fn signature_holds(&self, index: usize, certificate: &Certificate, issuer: Issuer) -> bool {
        let spki = match issuer {
            Issuer::Anchor(anchor) => self.anchors[anchor].1,
            Issuer::Certificate(issuer) => match &self.certificates[issuer] {
                Some(issuer) => &issuer.spki,
                None => return false,
            },
        };
        *self.checked.borrow_mut().entry((index, issuer)).or_insert_with(|| {
            (self.verify)(Signed {
                algorithm: &certificate.outer_algorithm,
                spki,
                message: &certificate.tbs,
                signature: &certificate.signature,
            })
        })
    }

    /// 6.1 for one path. Goes on after a failure, so that all reasons are known.
    fn validate(&self, path: &Path) -> Result<BTreeSet<ObjectIdentifier>, BTreeSet<Reason>> {
        let mut reasons = BTreeSet::new();
        let n = path.certificates.len();

        // 6.1.2 Initialization
        let zero_if = |set: bool| if set { 0 } else { n + 1 };
        let mut valid_policy_tree = PolicyTree::initial();
        let mut subtrees = Subtrees::default();
        let mut explicit_policy = zero_if(self.inputs.initial_explicit_policy);
        let mut inhibit_any_policy = zero_if(self.inputs.initial_any_policy_inhibit);
        let mut policy_mapping = zero_if(self.inputs.initial_policy_mapping_inhibit);
        let mut working_issuer = Issuer::Anchor(path.anchor);
        let mut max_path_length = n;

        for (i, index) in (1..=n).zip(path.certificates.iter().rev()) {
            let Some(certificate) = &self.certificates[*index] else { continue };
            let is_final = i == n;
            let self_issued = certificate.self_issued();

            // 6.1.3 Basic Certificate Processing
            // (a) (1)
            if !self.signature_holds(*index, certificate, working_issuer) {
                reasons.insert(Reason::Signature);
            }
            // 4.1.1.2: "This field MUST contain the same algorithm identifier as the signature
            // field in the sequence tbsCertificate".
            if certificate.inner_algorithm != certificate.outer_algorithm {
                reasons.insert(Reason::AlgorithmMismatch);
            }
            // (a) (2); 4.1.2.5: "… notBefore through notAfter, inclusive."
            if self.inputs.time < certificate.not_before {
                reasons.insert(Reason::NotYetValid);
            }
            if self.inputs.time > certificate.not_after {
                reasons.insert(Reason::Expired);
            }
            // (a) (3) is revocation, not judged here; (a) (4) holds by construction.
            // (b), (c): "If certificate i is self-issued and it is not the final certificate in
            // the path, skip this step".
            if (!self_issued || is_final) && !subtrees.hold(certificate) {
                reasons.insert(Reason::NameConstraints);
            }
            // (d)
            if let Some(policies) = &certificate.policies
                && !valid_policy_tree.is_null()
            {
                let any_policy_counts = inhibit_any_policy > 0 || (!is_final && self_issued);
                valid_policy_tree.process_policies(i, policies, any_policy_counts);
            }
            // (e)
            if certificate.policies.is_none() {
                valid_policy_tree.set_null();
            }
            // (f)
            if explicit_policy == 0 && valid_policy_tree.is_null() {
                reasons.insert(Reason::Policy);
            }
            // 4.2.1.12
            if let (Some(purpose), Some(allowed)) =
                (self.inputs.purpose, &certificate.extended_key_usage)
                && !allowed.contains(&purpose)
                && !allowed.contains(&ANY_EXTENDED_KEY_USAGE)
            {
                reasons.insert(Reason::ExtendedKeyUsage);
            }
            // 4.2: "A certificate MUST NOT include more than one instance of a particular
            // extension."
            if certificate.malformed_extensions {
                reasons.insert(Reason::Malformed);
            }
            // 6.1.4 (o), 6.1.5 (f)
            if certificate.unrecognized_critical {
                reasons.insert(Reason::UnrecognizedCritical);
            }
            if is_final {
                break;
            }

            // 6.1.4 Preparation for Certificate i+1
            if let Some(mappings) = &certificate.policy_mappings {
                // (a)
                if mappings.iter().any(|m| m.0 == ANY_POLICY || m.1 == ANY_POLICY) {
                    reasons.insert(Reason::AnyPolicyMapped);
                }
                // (b)
                if !valid_policy_tree.is_null() {
                    let policies = certificate.policies.iter().flatten();
                    let any_policy_qualifiers: Vec<u8> = policies
                        .filter(|(oid, _)| *oid == ANY_POLICY)
                        .flat_map(|(_, qualifiers)| qualifiers.clone())
                        .collect();
                    let qualifiers = &any_policy_qualifiers;
                    valid_policy_tree.process_mappings(i, mappings, policy_mapping, qualifiers);
                }
            }
            // (c) to (f)
            working_issuer = Issuer::Certificate(*index);
            // (g)
            if let Some(permitted) = &certificate.permitted {
                subtrees.permitted_subtrees.push(permitted.clone());
            }
            if let Some(excluded) = &certificate.excluded {
                subtrees.excluded_subtrees.extend(excluded.iter().cloned());
            }
            // (h)
            if !self_issued {
                explicit_policy = explicit_policy.saturating_sub(1);
                policy_mapping = policy_mapping.saturating_sub(1);
                inhibit_any_policy = inhibit_any_policy.saturating_sub(1);
            }
            // (i)
            if let Some((require_explicit_policy, inhibit_policy_mapping)) =
                certificate.policy_constraints
            {
                if let Some(skip) = require_explicit_policy {
                    explicit_policy = explicit_policy.min(skip as usize);
                }
                if let Some(skip) = inhibit_policy_mapping {
                    policy_mapping = policy_mapping.min(skip as usize);
                }
            }
            // (j)
            if let Some(skip) = certificate.inhibit_any_policy {
                inhibit_any_policy = inhibit_any_policy.min(skip as usize);
            }
            // (k)
            if certificate.version < 3 {
                reasons.insert(Reason::Version);
            } else if !certificate.basic_constraints.is_some_and(|(ca, _)| ca) {
                reasons.insert(Reason::NotCa);
            }
            // (l)
            if !self_issued {
                if max_path_length == 0 {
                    reasons.insert(Reason::PathLength);
                }
                max_path_length = max_path_length.saturating_sub(1);
            }
            // (m)
            if let Some((_, Some(path_len_constraint))) = certificate.basic_constraints {
                max_path_length = max_path_length.min(path_len_constraint as usize);
            }
            // (n)
            if certificate.key_usage == Some(false) {
                reasons.insert(Reason::KeyCertSign);
            }
        }

        // 6.1.5 Wrap-Up Procedure
        let last = self.certificates[path.certificates[0]].as_ref();
        // (a)
        explicit_policy = explicit_policy.saturating_sub(1);
        // (b)
        if last.and_then(|last| last.policy_constraints).is_some_and(|(skip, _)| skip == Some(0)) {
            explicit_policy = 0;
        }
        // (c) to (e) give out the working key; (f) is done above; (g):
        if !valid_policy_tree.is_null() {
            valid_policy_tree.intersect(n, self.inputs.user_initial_policy_set.as_ref());
        }
        if explicit_policy == 0 && valid_policy_tree.is_null() {
            reasons.insert(Reason::Policy);
        }
        if reasons.is_empty() {
            return Ok(valid_policy_tree.user_constrained_policy_set(n));
        }
        Err(reasons)
    }
}
