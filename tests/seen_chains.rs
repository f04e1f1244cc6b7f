//! What is remembered of certificates and signatures changes no decision: a warm memo and a table of
//! chains that were presented before answer as a verifier does that remembers nothing.

#![expect(clippy::unwrap_used, reason = "test code")]
#![cfg(all(feature = "std", feature = "ring"))]

mod kit;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bonafide::decision::Decision;
use bonafide::identity::ExpectedName;
use bonafide::policy::{Limits, RevocationPolicy, ValidationPolicy};
use bonafide::revocation::{Denied, DenyList, DenyRule, Revocation};
use bonafide::signature::{
    AlgorithmPolicy, Message, PublicKey, RingBackend, SharedMemo, SignatureBackend, SignatureError,
};
use bonafide::trust::{AnchorState, Domain, Scope, TrustAnchor, TrustBundle, TrustStore};
use bonafide::verify::{Expect, Request, SeenChains, SeenIssuers, Verifier};
use bonafide::x509::{AlgorithmIdentifier, Time};
use kit::{Authority, Estate, FAR, GeneralName, Key, Kind, NOW, Name};
use rustls_pki_types::CertificateDer;

/// Counts what it verifies.
#[derive(Debug, Default)]
struct Counting(AtomicUsize);

impl SignatureBackend for Counting {
    fn verify(
        &self,
        key: PublicKey<'_>,
        algorithm: AlgorithmIdentifier<'_>,
        message: &Message<'_>,
        signature: &[u8],
    ) -> Result<(), SignatureError> {
        self.0.fetch_add(1, Ordering::Relaxed);
        RingBackend::NEW.verify(key, algorithm, message, signature)
    }
}

fn anchor(authority: &Authority) -> TrustAnchor {
    TrustAnchor::from_der(&authority.certificate).unwrap()
}

fn everybody(anchors: impl IntoIterator<Item = TrustAnchor>) -> TrustStore {
    TrustStore::dangerously_unscoped(TrustBundle::new(anchors))
}

fn verifier(trust: TrustStore, policy: ValidationPolicy) -> Verifier {
    Verifier::new(Arc::new(trust), Arc::new(policy), Arc::new(RingBackend::NEW))
}

fn decide(verifier: &Verifier, chain: &[Vec<u8>], name: &str, now: i64) -> Decision {
    let chain: Vec<_> = chain.iter().map(|der| CertificateDer::from(&der[..])).collect();
    let (leaf, others) = chain.split_first().unwrap();
    let name: ExpectedName = name.parse().unwrap();
    verifier.decide(&Request::new(leaf, others, Expect::name(&name)), Time::from_unix(now))
}

/// Everything that a decision says.
fn record(decision: &Decision) -> String {
    format!("{decision:?}\n{}", decision.explain())
}

const NAME: &str = "dns:leaf.example.test";

#[test]
fn a_chain_is_neither_read_nor_verified_again() {
    let estate = Estate::new();
    let backend = Arc::new(Counting::default());
    let table = Arc::new(SeenChains::with_capacity(16));
    let trust = Arc::new(everybody([anchor(&estate.root)]));
    let cold = Verifier::new(trust, Arc::new(ValidationPolicy::tls_server()), backend.clone());
    let expected = record(&decide(&cold, &estate.chain(), NAME, NOW));
    assert_eq!(backend.0.load(Ordering::Relaxed), 2);
    let warm = cold.with_seen_chains(Arc::clone(&table));
    for (round, verified) in [4, 4, 4].into_iter().enumerate() {
        let decision = decide(&warm, &estate.chain(), NAME, NOW);
        assert_eq!(record(&decision), expected, "round {round}");
        assert_eq!(decision.work().signatures, 2, "demanded, whoever answers");
        assert_eq!(backend.0.load(Ordering::Relaxed), verified, "round {round}");
        assert_eq!(table.count(), 1, "round {round}");
    }
    table.clear();
    assert!(decide(&warm, &estate.chain(), NAME, NOW).is_accepted());
    assert_eq!(backend.0.load(Ordering::Relaxed), 6, "forgotten");
}

/// Another leaf below an intermediate that was seen costs one signature; with another anchor of the same
/// name, or one octet changed, what was seen helps nobody.
#[test]
fn an_issuer_is_neither_read_nor_verified_again() {
    let estate = Estate::new();
    let other = Estate::seeded(1);
    let backend = Arc::new(Counting::default());
    let issuers = Arc::new(SeenIssuers::with_capacity(16));
    let verifier = |root: &Authority| {
        let policy = Arc::new(ValidationPolicy::tls_server());
        Verifier::new(Arc::new(everybody([anchor(root)])), policy, backend.clone())
    };
    let [leaf, intermediate] = <[Vec<u8>; 2]>::try_from(estate.chain()).unwrap();
    let mut damaged = intermediate.clone();
    *damaged.last_mut().unwrap() ^= 1;
    for (case, root, chain, code, verified, kept) in [
        ("first", &estate.root, [&leaf, &intermediate], "accepted", 2, 1),
        ("again", &estate.root, [&leaf, &intermediate], "accepted", 1, 1),
        ("and again", &estate.root, [&leaf, &intermediate], "accepted", 1, 1),
        ("damaged", &estate.root, [&leaf, &damaged], "signature.invalid", 1, 1),
        ("another root", &other.root, [&leaf, &intermediate], "trust.no-route", 1, 1),
        ("alone", &estate.root, [&leaf, &leaf], "trust.no-route", 0, 1),
        ("still known", &estate.root, [&leaf, &intermediate], "accepted", 1, 1),
    ] {
        let cold = verifier(root);
        let chain = chain.map(Clone::clone);
        let expected = decide(&cold, &chain, NAME, NOW);
        let before = backend.0.load(Ordering::Relaxed);
        let found = decide(&cold.with_seen_issuers(issuers.clone()), &chain, NAME, NOW);
        assert_eq!(found.code(), code, "{case}");
        assert_eq!(record(&found), record(&expected), "{case}");
        assert_eq!(backend.0.load(Ordering::Relaxed) - before, verified, "{case}");
        assert_eq!(issuers.count(), kept, "{case}");
    }
    issuers.clear();
    assert_eq!((issuers.count(), issuers.capacity()), (0, 16));
}

/// The table and the memo know the chain; everything else about the question changes.
#[test]
fn everything_but_the_bytes_is_judged_afresh() {
    let estate = Estate::new();
    let stranger = Estate::seeded(1);
    let ours = || everybody([anchor(&estate.root)]);
    let server = ValidationPolicy::tls_server;
    let denied = DenyList::new([DenyRule::new(Denied::Identity(NAME.parse().unwrap()))]);
    let revoked = || Arc::new(Revocation::new().with_deny_list(Arc::new(denied.clone())));
    let distrusted = anchor(&estate.root).with_state(AnchorState::Distrusted);
    let enforced = anchor(&estate.root).with_path_len(0);
    let mut few = Limits::DEFAULT;
    few.signatures = 1;
    let other = "dns:other.example.test";
    let none = AlgorithmPolicy::NOTHING;
    let cases = [
        ("the same", verifier(ours(), server()), NAME, NOW, "accepted"),
        ("later", verifier(ours(), server()), NAME, NOW + 1, "accepted"),
        ("expired", verifier(ours(), server()), NAME, FAR + 1, "validity.expired"),
        ("another name", verifier(ours(), server()), other, NOW, "identity.name-mismatch"),
        ("authority removed", verifier(everybody([]), server()), NAME, NOW, "trust.no-route"),
        (
            "another key of that name",
            verifier(everybody([anchor(&stranger.root)]), server()),
            NAME,
            NOW,
            "trust.no-route",
        ),
        (
            "one more key of that name",
            verifier(everybody([anchor(&estate.root), anchor(&stranger.root)]), server()),
            NAME,
            NOW,
            "accepted",
        ),
        ("distrusted", verifier(everybody([distrusted]), server()), NAME, NOW, "trust.distrusted"),
        ("too long", verifier(everybody([enforced]), server()), NAME, NOW, "path-length.exceeded"),
        (
            "another policy",
            verifier(ours(), server().with_max_intermediates(0)),
            NAME,
            NOW,
            "path-length.policy",
        ),
        (
            "no algorithm allowed",
            verifier(ours(), server().with_algorithms(none)),
            NAME,
            NOW,
            "algorithm.key-refused",
        ),
        (
            "one signature allowed",
            verifier(ours(), server().with_limits(few)),
            NAME,
            NOW,
            "limit.signatures",
        ),
        (
            "revoked",
            verifier(ours(), server().with_revocation(RevocationPolicy::if_available()))
                .with_revocation(revoked()),
            NAME,
            NOW,
            "revocation.revoked",
        ),
    ];
    let memo = Arc::new(SharedMemo::with_capacity(64));
    let table = Arc::new(SeenChains::with_capacity(16));
    let warm = |verifier: &Verifier| {
        verifier.clone().with_memo(memo.clone()).with_seen_chains(table.clone())
    };
    assert!(decide(&warm(&cases[0].1), &estate.chain(), NAME, NOW).is_accepted());
    assert_eq!((memo.count(), table.count()), (2, 1));
    let mut codes = Vec::new();
    for _ in 0..2 {
        for (case, verifier, name, now, code) in &cases {
            let cold = decide(verifier, &estate.chain(), name, *now);
            let found = decide(&warm(verifier), &estate.chain(), name, *now);
            assert_eq!(record(&found), record(&cold), "{case}");
            codes.push((*case, cold.code(), *code));
        }
    }
    for (case, found, expected) in codes {
        assert_eq!(found, expected, "{case}");
    }
}

/// One trust domain's acceptances fill memo and table; they help no other domain to accept.
#[test]
fn what_one_domain_accepted_helps_no_other() {
    let [here, there] = [0, 2].map(|number| {
        let root = Authority::root(&Name::cn("Root"), &Key::new(Kind::P256, number));
        let ca = root.intermediate(&Name::cn("CA"), &Key::new(Kind::P256, number + 1), |b| b);
        (root, ca)
    });
    let leaf = |(_, ca): &(Authority, Authority), name: &str| {
        let key = Key::new(Kind::P256, 4);
        let leaf = ca.leaf(&Name::cn("leaf"), &key, &[GeneralName::dns(name)], |b| b);
        vec![leaf, ca.certificate.clone()]
    };
    let domain = |name: &str, (root, _): &(Authority, Authority)| {
        let scope = Scope::dns(&format!("{name}.test")).unwrap();
        Domain::named(name, [scope], TrustBundle::new([anchor(root)]))
    };
    // A certificate of `here` that speaks for a name of `there`.
    let stolen = leaf(&here, "www.there.test");
    let memo = Arc::new(SharedMemo::with_capacity(64));
    let table = Arc::new(SeenChains::with_capacity(16));
    let warm = |trust: TrustStore| {
        verifier(trust, ValidationPolicy::tls_server())
            .with_memo(memo.clone())
            .with_seen_chains(table.clone())
    };
    // Somebody believes `here` everything, and fills memo and table.
    let credulous = warm(everybody([anchor(&here.0)]));
    for _ in 0..2 {
        assert!(decide(&credulous, &stolen, "dns:www.there.test", NOW).is_accepted());
    }
    assert_eq!((memo.count(), table.count()), (2, 1));

    let both = || TrustStore::new([domain("here", &here), domain("there", &there)]).unwrap();
    let only = || TrustStore::new([domain("here", &here)]).unwrap();
    for (case, trust, code) in [
        ("judged by the domain of the name", both(), "trust.no-route"),
        ("nobody speaks for the name", only(), "trust.no-domain"),
    ] {
        let cold = verifier(trust.clone(), ValidationPolicy::tls_server());
        let cold = decide(&cold, &stolen, "dns:www.there.test", NOW);
        let found = decide(&warm(trust), &stolen, "dns:www.there.test", NOW);
        assert_eq!(found.code(), code, "{case}");
        assert_eq!(record(&found), record(&cold), "{case}");
    }
    let own = leaf(&there, "www.there.test");
    assert!(decide(&warm(both()), &own, "dns:www.there.test", NOW).is_accepted());
}

/// Keys whose parameters come from above them, as DSA's may. A signature here is the key's octets and
/// then, if any, the parameters that it needs.
#[derive(Debug)]
struct Inheriting;

impl SignatureBackend for Inheriting {
    fn verify(
        &self,
        key: PublicKey<'_>,
        _: AlgorithmIdentifier<'_>,
        _: &Message<'_>,
        signature: &[u8],
    ) -> Result<(), SignatureError> {
        match signature.strip_prefix(key.spki().key()) {
            Some(needed) if needed.is_empty() || Some(needed) == key.parameters() => Ok(()),
            _ => Err(SignatureError::Invalid),
        }
    }
}

/// The intermediate has the parameters of whichever anchor it stands below, and the leaf's signature
/// holds below one of them only.
#[test]
fn what_holds_under_inherited_parameters_holds_below_their_anchor() {
    use kit::{CertificateBuilder, der};
    let spki = |parameters: &[u8], key: &[u8]| {
        let algorithm = der::sequence([&der::oid("1.2.840.10040.4.1"), parameters]);
        der::sequence([algorithm, der::bit_string(0, key)])
    };
    let (parameters, signed) =
        (der::sequence([der::integer(&[7])]), der::oid("2.16.840.1.101.3.4.3.2"));
    let signed = der::sequence([signed]);
    let toy = Key::toy(1);
    let sign = |builder: CertificateBuilder, issuer: &str, signature: &[u8]| {
        let builder = builder.issuer(&Name::cn(issuer)).signature(signature);
        builder.inner_algorithm(&signed).outer_algorithm(&signed).sign(&toy)
    };
    let ca = CertificateBuilder::authority(&Name::cn("CA"), &toy).spki(&spki(&[], b"ca"));
    let names = [GeneralName::dns("leaf.example.test")];
    let leaf = CertificateBuilder::end_entity(&Name::cn("leaf"), &toy, &names);
    let chain = [
        sign(leaf.spki(&spki(&[], b"leaf")), "CA", &[b"ca", &parameters[..]].concat()),
        sign(ca, "Root", b"root"),
    ];
    let table = Arc::new(SeenChains::with_capacity(16));
    let below = |parameters: &[u8]| {
        let root = Name::cn("Root");
        let anchor = TrustAnchor::from_name_and_key(&root.0, &spki(parameters, b"root")).unwrap();
        let policy =
            ValidationPolicy::tls_server().with_algorithms(AlgorithmPolicy::DEFAULT.allow_dsa());
        Verifier::new(everybody([anchor]).into(), policy.into(), Arc::new(Inheriting))
    };
    for (case, verifier, code) in [
        ("with parameters", below(&parameters), "accepted"),
        ("without", below(&[]), "signature.invalid"),
    ] {
        let warm = verifier.clone().with_seen_chains(table.clone());
        let (cold, found) =
            (decide(&verifier, &chain, NAME, NOW), decide(&warm, &chain, NAME, NOW));
        assert_eq!(cold.code(), code, "{case}");
        assert_eq!(record(&found), record(&cold), "{case}");
    }
}

#[test]
fn other_bytes_are_another_chain() {
    let estate = Estate::new();
    let table = Arc::new(SeenChains::with_capacity(16));
    let cold = verifier(everybody([anchor(&estate.root)]), ValidationPolicy::tls_server());
    let warm = cold.clone().with_seen_chains(table.clone());
    assert!(decide(&warm, &estate.chain(), NAME, NOW).is_accepted());
    let same = |case: &str, chain: &[Vec<u8>]| {
        let (cold, found) = (decide(&cold, chain, NAME, NOW), decide(&warm, chain, NAME, NOW));
        assert_eq!(record(&found), record(&cold), "{case}");
        found.is_accepted()
    };
    for certificate in 0..2 {
        for octet in 0..estate.chain()[certificate].len() {
            let mut chain = estate.chain();
            chain[certificate][octet] ^= 1;
            let accepted = same(&format!("certificate {certificate}, octet {octet}"), &chain);
            assert!(!accepted, "certificate {certificate}, octet {octet}");
        }
    }
    let [leaf, ca] = [estate.leaf.clone(), estate.intermediate.certificate.clone()];
    let root = estate.root.certificate.clone();
    for (case, chain, accepted) in [
        ("leaf alone", vec![leaf.clone()], false),
        ("with the root", vec![leaf.clone(), ca.clone(), root.clone()], true),
        ("root first", vec![leaf.clone(), root.clone(), ca.clone()], true),
        ("twice", vec![leaf.clone(), ca.clone(), ca.clone()], true),
        ("the leaf again", vec![leaf.clone(), leaf.clone(), ca.clone()], true),
        ("with something else", vec![leaf.clone(), ca.clone(), b"no certificate".to_vec()], true),
        ("another leaf", vec![ca, leaf], false),
    ] {
        for round in 0..3 {
            assert_eq!(same(&format!("{case}, round {round}"), &chain), accepted, "{case}");
        }
    }
    // The chain, with the root in two places, and those that were found without a choice.
    assert_eq!(table.count(), 4);
}

#[test]
fn capacity_is_a_bound_and_chains_in_use_survive() {
    for (asked, capacity) in [(0, 4), (4, 4), (5, 8), (100, 128)] {
        assert_eq!(SeenChains::with_capacity(asked).capacity(), capacity, "{asked} asked for");
    }
    let estate = Estate::new();
    let backend = Arc::new(Counting::default());
    let table = Arc::new(SeenChains::with_capacity(4));
    let trust = Arc::new(everybody([anchor(&estate.root)]));
    let warm = Verifier::new(trust, Arc::new(ValidationPolicy::tls_server()), backend.clone())
        .with_seen_chains(Arc::clone(&table));
    let hot = estate.chain();
    let decide = |chain: &[Vec<u8>]| {
        let before = backend.0.load(Ordering::Relaxed);
        assert!(decide(&warm, chain, NAME, NOW).is_accepted());
        backend.0.load(Ordering::Relaxed) - before
    };
    assert_eq!(decide(&hot), 2);
    for number in 0..40 {
        assert_eq!(decide(&hot), 0, "before {number}");
        let others = [NAME.strip_prefix("dns:").unwrap(), &format!("n{number}.example.test")]
            .map(GeneralName::dns);
        let chain = vec![estate.leaf_for(&others), estate.intermediate.certificate.clone()];
        assert_eq!(decide(&chain), 2, "{number}");
        assert!(table.count() <= 4);
    }
}

#[test]
fn threads_share_a_table() {
    let estate = Estate::new();
    let table = Arc::new(SeenChains::with_capacity(4));
    let warm = verifier(everybody([anchor(&estate.root)]), ValidationPolicy::tls_server())
        .with_seen_chains(table.clone());
    let chains: Vec<Vec<Vec<u8>>> = (0..8)
        .map(|number| {
            let names = ["leaf.example.test", &format!("n{number}.example.test")];
            let leaf = estate.leaf_for(&names.map(GeneralName::dns));
            vec![leaf, estate.intermediate.certificate.clone()]
        })
        .collect();
    let expected: Vec<String> =
        chains.iter().map(|chain| record(&decide(&warm, chain, NAME, NOW))).collect();
    std::thread::scope(|scope| {
        for start in 0..4 {
            let (warm, chains, expected) = (&warm, &chains, &expected);
            scope.spawn(move || {
                for round in 0..100 {
                    let which = (start + round * 3) % chains.len();
                    let found = decide(warm, &chains[which], NAME, NOW);
                    assert_eq!(record(&found), expected[which]);
                }
            });
        }
    });
    assert_eq!(table.count(), 4);
}
