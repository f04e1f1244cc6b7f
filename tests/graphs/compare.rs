//! Compares what the engine says of a graph with what the reference says.
//!
//! - The engine accepts exactly if the reference accepts some path; its path is one of those, with
//!   the same user-constrained policy set.
//! - Every path that the engine reports as complete is one that the reference rejects, for the same
//!   reasons. Two differences are the engine's choice: an extension that cannot be read is all that
//!   is said of a path, and of the two reasons about policies the first one.
//! - The cause of a rejection is a reason for which the reference rejects some path. Where the
//!   engine sees no way to an anchor, every path of the reference leads through a certificate that
//!   the engine could not read, or over the signature of another issuer than the named one.

use std::collections::{BTreeMap, BTreeSet};

use bonafide::decision::{CertifiedPeer, Decision, Fingerprint, Rejection};

use super::engine::Question;
use super::{Graph, verify_toy};
use crate::reference::{Opinion, Path, Reason, Reference};

/// What was seen in one graph.
#[derive(Debug)]
pub struct Seen {
    /// `accepted`, or the code of the cause.
    pub code: &'static str,
    /// All codes of the engine's findings.
    pub codes: BTreeSet<&'static str>,
    /// All reasons of the reference.
    pub reasons: BTreeSet<Reason>,
    pub paths: usize,
    /// Accepted, but not by the path of a builder that never goes back.
    pub needs_going_back: bool,
}

/// # Errors
/// The first difference, in words.
pub fn compare(graph: &Graph, anchor_certificates: bool) -> Result<Seen, String> {
    let reference =
        Reference::new(&graph.leaf, &graph.pool, &graph.anchors, &graph.inputs, &verify_toy);
    let opinion = reference.opinion();
    let decision = Question::new(graph, anchor_certificates).decide();
    match (decision.peer(), decision.rejection()) {
        (Some(peer), _) => check_path(graph, &opinion, peer),
        (_, Some(rejection)) => check_rejection(graph, &opinion, rejection),
        _ => Err("neither yes nor no".into()),
    }
    .map_err(|difference| format!("{difference}\n{opinion:#?}\n{}", decision.explain()))?;
    Ok(seen(&decision, &reference, &opinion))
}

fn seen(decision: &Decision, reference: &Reference<'_>, opinion: &Opinion) -> Seen {
    let greedy = || reference.greedy_path();
    Seen {
        code: decision.code(),
        codes: decision.findings().map(|finding| finding.code()).collect(),
        reasons: opinion.rejected.values().flatten().copied().collect(),
        paths: opinion.accepted.len() + opinion.rejected.len(),
        needs_going_back: !opinion.accepted.is_empty()
            && greedy().is_none_or(|path| !opinion.accepted.contains_key(&path)),
    }
}

/// The certificates of a path of the reference.
fn certificates<'g>(graph: &'g Graph, path: &'g Path) -> impl Iterator<Item = &'g [u8]> {
    path.certificates.iter().map(|index| match index.checked_sub(1) {
        None => graph.leaf.as_slice(),
        Some(index) => graph.pool[index].as_slice(),
    })
}

fn check_path(graph: &Graph, opinion: &Opinion, peer: &CertifiedPeer) -> Result<(), String> {
    let policies: BTreeSet<String> = peer.policies().iter().map(ToString::to_string).collect();
    let same = opinion.accepted.iter().find(|(path, _)| {
        certificates(graph, path).eq(peer.path().ders())
            && graph.anchors[path.anchor].spki == peer.anchor().spki_der()
    });
    let Some((_, expected)) = same else {
        return Err("the engine accepts a path that the reference does not accept".into());
    };
    let expected: BTreeSet<String> = expected.iter().map(ToString::to_string).collect();
    if policies != expected {
        return Err(format!("policies differ: {policies:?}, the reference has {expected:?}"));
    }
    Ok(())
}

fn check_rejection(graph: &Graph, opinion: &Opinion, rejection: &Rejection) -> Result<(), String> {
    if !opinion.accepted.is_empty() {
        return Err("the reference accepts a path, the engine none".into());
    }
    for attempt in rejection.attempts() {
        let Some(anchor) = attempt.anchor() else { continue };
        let way: Vec<Fingerprint> =
            attempt.certificates().iter().map(|certificate| certificate.fingerprint()).collect();
        let anchors = anchor_fingerprints(graph);
        let same = opinion.rejected.iter().find(|(path, _)| {
            certificates(graph, path).map(Fingerprint::of).eq(way.iter().copied())
                && anchors[&anchor.fingerprint()] == path.anchor
        });
        let Some((_, reasons)) = same else {
            return Err(format!("the engine tried a path that is none: {attempt:?}"));
        };
        let mut found = BTreeSet::new();
        for finding in attempt.findings() {
            found.insert(reason(finding.code())?);
        }
        if !same_reasons(&found, reasons) {
            return Err(format!("a path is rejected for {found:?}, by the reference {reasons:?}"));
        }
    }
    let malformed = |reasons: &BTreeSet<Reason>| reasons.contains(&Reason::Malformed);
    let agreed = match rejection.cause().code() {
        "trust.no-route" => {
            // Where a namesake of the missing issuer was tried, that is reported too.
            let attempts = rejection.attempts().iter();
            let mut findings = attempts.flat_map(|attempt| attempt.findings());
            let tried = findings.any(|finding| finding.code() == "signature.invalid");
            opinion
                .rejected
                .values()
                .all(|found| malformed(found) || tried && found.contains(&Reason::Signature))
        }
        // Of a peer that cannot be read, paths are not looked for.
        "encoding.malformed" if rejection.cause().depth() == Some(0) => {
            opinion.rejected.values().all(malformed)
        }
        code => {
            let reason = reason(code)?;
            opinion.rejected.values().any(|reasons| reasons.contains(&reason))
        }
    };
    if agreed { Ok(()) } else { Err("the cause is no reason of the reference".into()) }
}

fn same_reasons(found: &BTreeSet<Reason>, expected: &BTreeSet<Reason>) -> bool {
    let about_policies =
        |reason: &&Reason| matches!(reason, Reason::Policy | Reason::AnyPolicyMapped);
    if found.contains(&Reason::Malformed) {
        return found.is_subset(expected);
    }
    let others = |set: &BTreeSet<Reason>| -> BTreeSet<Reason> {
        set.iter().filter(|reason| !about_policies(reason)).copied().collect()
    };
    others(found) == others(expected)
        && found.iter().filter(about_policies).all(|reason| expected.contains(reason))
        && found.iter().any(|reason| about_policies(&reason))
            == expected.iter().any(|reason| about_policies(&reason))
}

/// The anchors by what the engine may name them by.
fn anchor_fingerprints(graph: &Graph) -> BTreeMap<Fingerprint, usize> {
    let mut all = BTreeMap::new();
    for (index, anchor) in graph.anchors.iter().enumerate() {
        all.insert(Fingerprint::of(&graph.anchor_certificates[index]), index);
        all.insert(Fingerprint::of(&[&anchor.name[..], &anchor.spki].concat()), index);
    }
    all
}

/// The class of a code of the engine.
fn reason(code: &str) -> Result<Reason, String> {
    Ok(match code {
        "signature.invalid" => Reason::Signature,
        "algorithm.mismatch" => Reason::AlgorithmMismatch,
        "validity.not-yet-valid" => Reason::NotYetValid,
        "validity.expired" => Reason::Expired,
        "policy.explicit-policy-required" => Reason::Policy,
        "policy.mapping-of-any-policy" => Reason::AnyPolicyMapped,
        "basic-constraints.absent" | "basic-constraints.not-a-ca" => Reason::NotCa,
        "version.cannot-issue" => Reason::Version,
        "path-length.exceeded" => Reason::PathLength,
        "key-usage.no-cert-sign" => Reason::KeyCertSign,
        "extended-key-usage.purpose" => Reason::ExtendedKeyUsage,
        "extension.unknown-critical" => Reason::UnrecognizedCritical,
        "encoding.malformed" => Reason::Malformed,
        code if code.starts_with("name-constraints.") => Reason::NameConstraints,
        code => return Err(format!("no reason of the reference is {code}")),
    })
}
