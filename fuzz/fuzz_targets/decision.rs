//! Decisions on small estates cut from bytes: the same input gives the same record, whatever the
//! order of pool and anchors; an accepted path is sound by a literal look at each certificate.

#![no_main]

mod common;

use std::sync::Arc;

use bonafide::decision::{CertifiedPeer, Decision};
use bonafide::policy::{Limits, ValidationPolicy};
use bonafide::trust::{AnchorExtensions, AnchorState, TrustAnchor, TrustBundle, TrustStore};
use bonafide::verify::{Expect, Request, Verifier};
use bonafide::x509::{Certificate, KeyUsage, Time};
use common::kit::ext::{self, purpose, usage};
use common::kit::{self, CertificateBuilder, FAR, GeneralName, LONG_AGO, NOW, Name};
use common::{Choices, Hashing, issue, public_key, sign, spki};
use libfuzzer_sys::fuzz_target;
use rustls_pki_types::CertificateDer;

const NAMES: [&str; 5] = ["Root", "A", "B", "C", "a"];
const KEYS: u8 = 6;
const POLICIES: [&str; 4] = ["1.2.3", "1.2.4", "1.2.5", ext::id::ANY_POLICY];

/// What is asked, and of whom.
struct Estate {
    anchors: Vec<TrustAnchor>,
    leaf: Vec<u8>,
    pool: Vec<Vec<u8>>,
    policy: ValidationPolicy,
}

fuzz_target!(|data: &[u8]| {
    let estate = estate(Choices(data));
    let decision = decide(&estate.anchors, &estate);
    let record = record(&decision);
    assert_eq!(record, self::record(&decide(&estate.anchors, &estate)), "asked again");

    let mut shuffled =
        Estate { pool: estate.pool.clone(), policy: estate.policy.clone(), ..estate };
    shuffled.pool.reverse();
    let turn = usize::from(data.len() % 3 == 0 && shuffled.pool.len() > 1);
    shuffled.pool.rotate_left(turn);
    shuffled.anchors.reverse();
    assert_eq!(record, self::record(&decide(&shuffled.anchors, &shuffled)), "in another order");

    let limits = shuffled.policy.limits();
    let work = decision.work();
    assert!(work.signatures <= limits.signatures && work.path_steps <= limits.path_steps);
    assert!(work.policy_nodes <= limits.policy_nodes);
    assert!(record.len() <= 65_536, "{} octets of explanation", record.len());
    match decision.peer() {
        Some(peer) => accepted(&decision, peer, &shuffled),
        None => assert_ne!(decision.code(), "accepted"),
    }
});

fn decide(anchors: &[TrustAnchor], estate: &Estate) -> Decision {
    let trust = TrustStore::dangerously_unscoped(TrustBundle::new(anchors.iter().cloned()));
    let policy = Arc::new(estate.policy.clone());
    let verifier = Verifier::new(Arc::new(trust), policy, Arc::new(Hashing));
    let leaf = CertificateDer::from(&estate.leaf[..]);
    let pool: Vec<_> = estate.pool.iter().map(|der| CertificateDer::from(&der[..])).collect();
    let request = Request::new(&leaf, &pool, Expect::dangerously_any_identity());
    verifier.decide(&request, Time::from_unix(NOW))
}

fn record(decision: &Decision) -> String {
    let findings: Vec<_> = decision.findings().map(|finding| finding.to_string()).collect();
    format!("{}\n{:?}\n{findings:?}", decision.explain(), decision.work())
}

/// Looks at an accepted path without the engine.
fn accepted(decision: &Decision, peer: &CertifiedPeer, estate: &Estate) {
    for finding in decision.findings() {
        let note = ["trust.tainted", "identity.outside-trust-domain"].contains(&finding.code());
        assert!(note, "{} on an accepted path", finding.code());
    }
    let path: Vec<Certificate<'_>> = peer.path().iter().collect();
    assert_eq!(path[0].as_der(), estate.leaf);
    assert!(
        estate.anchors.iter().any(|anchor| anchor.fingerprint() == peer.anchor().fingerprint())
    );
    assert_ne!(peer.anchor().state(), AnchorState::Distrusted);
    assert!(peer.valid_until() >= decision.now());
    let mut intermediates = 0;
    for (depth, certificate) in path.iter().enumerate() {
        let (issuer, spki) = match path.get(depth + 1) {
            Some(above) => (above.subject(), above.subject_public_key_info().expect("read").der()),
            None => (peer.anchor().subject(), peer.anchor().spki_der()),
        };
        let key = &spki[spki.len() - 32..];
        assert!(certificate.issuer().matches(&issuer), "names chain");
        assert_eq!(certificate.signature_value(), sign(key, certificate.tbs_certificate()));
        assert!(
            certificate.not_before() <= decision.now() && decision.now() <= certificate.not_after()
        );
        assert!(certificate.check().is_ok() && certificate.unknown_critical_extension().is_none());
        assert!(certificate.signature_algorithms_agree());
        if depth > 0 {
            let constraints = certificate.basic_constraints().expect("an issuer has them");
            assert!(constraints.ca);
            assert!(constraints.path_len.is_none_or(|allowed| intermediates <= allowed));
            let sign = KeyUsage::KEY_CERT_SIGN;
            assert!(certificate.key_usage().is_none_or(|usage| usage.contains(sign)));
            intermediates += u32::from(!certificate.subject().matches(&certificate.issuer()));
        }
    }
}

fn estate(mut choices: Choices<'_>) -> Estate {
    let mut policy = match choices.below(4) {
        0 => ValidationPolicy::tls_server(),
        1 => ValidationPolicy::rfc5280().with_explicit_policy_required(),
        2 => ValidationPolicy::spiffe(),
        _ => ValidationPolicy::rfc5280(),
    };
    let small = choices.next();
    if small & 1 != 0 {
        let mut limits = Limits::DEFAULT;
        limits.signatures = u32::from(small >> 5);
        limits.path_steps = u32::from(small & 0x1e);
        policy = policy.with_limits(limits);
    }
    let anchors = (0..=choices.below(2)).map(|_| anchor(&mut choices)).collect();
    let count = choices.below(8);
    let leaf = certificate(&mut choices, true);
    let mut pool: Vec<Vec<u8>> = (0..count).map(|_| certificate(&mut choices, false)).collect();
    let mutations = choices.below(4);
    let mut leaf = leaf;
    for _ in 0..mutations.saturating_sub(1) {
        let which = choices.below(8);
        let place = usize::from(u16::from_be_bytes([choices.next(), choices.next()]));
        let bits = choices.next();
        let der = pool.get_mut(which).unwrap_or(&mut leaf);
        let length = der.len();
        der[place % length] ^= bits;
    }
    let rest = choices.rest();
    if !rest.is_empty() {
        pool.push(rest.to_vec());
    }
    Estate { anchors, leaf, pool, policy }
}

fn anchor(choices: &mut Choices<'_>) -> TrustAnchor {
    let flags = choices.next();
    let name = Name::cn(NAMES[usize::from(flags & 1)]);
    let key = choices.below(2);
    let mut anchor = if flags & 2 != 0 {
        TrustAnchor::from_name_and_key(&name.0, &spki(key)).expect("a sound anchor")
    } else {
        let mut builder = CertificateBuilder::authority(&name, &kit::Key::toy(0))
            .spki(&spki(key))
            .replace(ext::subject_key_identifier(&[key as u8]));
        if flags & 4 != 0 {
            builder = constrain(builder, choices.next());
        }
        TrustAnchor::from_der(&issue(builder, key)).expect("a sound anchor")
    };
    if flags & 8 != 0 {
        anchor = anchor.with_extensions_enforced(AnchorExtensions::Enforced);
    }
    if flags & 16 != 0 {
        anchor = anchor.with_path_len(u32::from(flags >> 6));
    }
    if flags & 0xe0 == 0xe0 {
        anchor = anchor.with_state(AnchorState::Distrusted);
    }
    anchor
}

/// Name constraints and policy extensions by the bits of `flags`.
fn constrain(mut builder: CertificateBuilder, flags: u8) -> CertificateBuilder {
    let dns = [GeneralName::dns("a.test"), GeneralName::uri("td.test")];
    builder = match flags & 3 {
        0 => builder,
        1 => builder.with(ext::name_constraints(&dns, &[])),
        2 => builder.with(ext::name_constraints(&[], &dns)),
        _ => builder.with(ext::name_constraints(&[GeneralName::dns("test")], &dns[..1])),
    };
    if flags & 4 != 0 {
        let one = usize::from(flags >> 6);
        builder = builder.with(ext::certificate_policies(&[POLICIES[one]]));
    }
    if flags & 8 != 0 {
        builder = builder.with(ext::policy_mappings(&[("1.2.3", "1.2.4"), ("1.2.4", "1.2.5")]));
    }
    if flags & 16 != 0 {
        builder = builder.with(ext::policy_constraints(Some(u64::from(flags >> 7)), None));
    }
    if flags & 32 != 0 {
        builder = builder.with(ext::inhibit_any_policy(u64::from(flags >> 7)));
    }
    builder
}

fn certificate(choices: &mut Choices<'_>, leaf: bool) -> Vec<u8> {
    let flags = choices.next();
    let subject = Name::cn(NAMES[choices.below(5)]);
    let issuer = Name::cn(NAMES[choices.below(5)]);
    let (own, signer) = (choices.below(KEYS), choices.below(KEYS));
    let mut builder = CertificateBuilder::new(&subject, &kit::Key::toy(0))
        .issuer(&issuer)
        .spki(&spki(own))
        .serial(&[1, flags & 3]);
    let names = [GeneralName::dns("a.test"), GeneralName::uri("spiffe://td.test/a")];
    if leaf {
        builder = builder.with(ext::key_usage(&[usage::DIGITAL_SIGNATURE]));
        builder = builder.with(ext::subject_alt_name(&names[usize::from(flags & 1)..]));
    } else if flags & 0x30 != 0x30 {
        let path_len = (flags & 0x40 != 0).then_some(u64::from(flags & 1));
        builder = builder.with(ext::basic_constraints(true, path_len));
        builder = builder.with(ext::key_usage(&[usage::KEY_CERT_SIGN]));
    }
    if flags & 4 != 0 {
        builder = builder
            .with(ext::subject_key_identifier(&public_key(own)[..1]))
            .with(ext::authority_key_identifier(&public_key(signer)[..1]));
    }
    if flags & 8 != 0 {
        builder = constrain(builder, choices.next());
    }
    if flags & 0x80 != 0 {
        builder = match choices.below(5) {
            0 => builder.validity(LONG_AGO, NOW - 1),
            1 => builder.validity(LONG_AGO + 1, FAR),
            2 => builder.with(ext::extended_key_usage(&[purpose::CLIENT_AUTH])),
            3 => builder.with(ext::Extension::raw("1.2.3.4", true, &[5, 0])),
            _ => builder.version(None),
        };
    }
    issue(builder, signer)
}
