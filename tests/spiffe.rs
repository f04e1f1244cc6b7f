//! Federated bundles, their refresh and Workload API updates, by the scenarios S1 to S24 of SPIFFE
//! rotation as this project counts them.

#![expect(clippy::indexing_slicing, clippy::unwrap_used, reason = "test code")]

mod kit;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bonafide::identity::TrustDomain;
use bonafide::policy::ValidationPolicy;
use bonafide::signature::{RingBackend, SignatureBackend};
use bonafide::trust::{
    AnchorState, Bootstrap, BundleEndpoint, BundleEvent, BundleSource, Change, EndpointProfile,
    FederatedBundles, Freshness, HighWaterMarks, PollFailure, RefreshPolicy, RefreshSchedule,
    Refused, SpiffeBundle, TrustBundle, TrustStore,
};
use bonafide::verify::{Expect, Request, Verifier};
use bonafide::x509::{OwnedCertificate, Time};
use kit::{Authority, GeneralName, Key, Kind, NOW, Name, Rng};
use rustls_pki_types::CertificateDer;

fn at(seconds: i64) -> Time {
    Time::from_unix(NOW + seconds)
}

fn td(name: &str) -> TrustDomain {
    TrustDomain::parse(name).unwrap()
}

fn root(number: u64) -> Authority {
    Authority::root(&Name::cn(&format!("Root {number}")), &Key::new(Kind::Ed25519, number))
}

fn bundle(name: &str, roots: &[u64]) -> SpiffeBundle {
    let owned = |&number: &u64| OwnedCertificate::from_der(root(number).certificate).unwrap();
    SpiffeBundle::new(td(name), roots.iter().map(owned)).unwrap()
}

fn fingerprint(number: u64) -> [u8; 32] {
    let bundle = bundle("any.test", &[number]);
    *bundle.trust_bundle().anchors().next().unwrap().fingerprint()
}

fn empty_store() -> TrustStore {
    TrustStore::new([]).unwrap()
}

fn federation(names: &[&str]) -> FederatedBundles {
    let mut federation = FederatedBundles::new(empty_store());
    for name in names {
        assert_eq!(codes(&federation.federate(&td(name))), ["federation.federated"]);
    }
    federation
}

fn codes(change: &Change) -> Vec<&'static str> {
    change.events().iter().map(BundleEvent::code).collect()
}

/// The fingerprints that the store trusts for a trust domain.
fn trusted(store: &TrustStore, name: &str) -> Option<Vec<[u8; 32]>> {
    let bundle = store.domain(name)?.bundle();
    Some(bundle.anchors().map(|anchor| *anchor.fingerprint()).collect())
}

#[test]
fn s12_sequences_only_grow() {
    let name = td("example.org");
    let mut federation = federation(&["example.org"]);
    let seven = || bundle("example.org", &[1]).with_sequence(7);
    let eight = || bundle("example.org", &[2]).with_sequence(8);
    let change = federation.offer(&name, seven(), at(0)).unwrap();
    assert_eq!(codes(&change), ["federation.replaced"]);
    let change = federation.offer(&name, eight(), at(10)).unwrap();
    let BundleEvent::Replaced { from, to, added, removed, source, .. } = &change.events()[0] else {
        panic!("{change:?}");
    };
    assert_eq!((*from, *to, *source), (Some(7), Some(8), BundleSource::Retrieved));
    assert_eq!((added.as_ref(), removed.as_ref()), (&[fingerprint(2)][..], &[fingerprint(1)][..]));
    assert_eq!(
        change.events()[0].to_string(),
        "retrieved bundle of example.org is current: from sequence 7 to sequence 8, \
         1 authorities added, 1 removed"
    );

    // The replay: the authority of 7 does not come back.
    let refused = federation.offer(&name, seven(), at(20)).unwrap_err();
    assert_eq!(refused, Refused::Rollback { trust_domain: name.clone(), offered: 7, mark: 8 });
    assert_eq!(trusted(federation.store(), "example.org"), Some(vec![fingerprint(2)]));
    assert_eq!(BundleEvent::from(refused).code(), "federation.rollback");

    // The same number with other contents.
    let other = bundle("example.org", &[1, 2]).with_sequence(8);
    let refused = federation.offer(&name, other, at(30)).unwrap_err();
    assert_eq!(refused.code(), "federation.conflict");
    assert_eq!(trusted(federation.store(), "example.org"), Some(vec![fingerprint(2)]));

    // Without a number the newest retrieval wins, and that is told.
    let change = federation.offer(&name, bundle("example.org", &[3]), at(40)).unwrap();
    assert_eq!(codes(&change), ["federation.replaced", "federation.sequence-missing"]);
    let refused = federation.offer(&name, bundle("example.org", &[4]), at(39)).unwrap_err();
    assert_eq!(refused.code(), "federation.older-retrieval");
    // The number seen before still counts.
    let refused = federation.offer(&name, seven(), at(50)).unwrap_err();
    assert_eq!(refused.code(), "federation.rollback");
    assert!(!federation.offer(&name, eight(), at(60)).unwrap().is_empty());

    // Sequences order bundles, times of retrieval do not.
    let nine = bundle("example.org", &[5]).with_sequence(9);
    assert!(!federation.offer(&name, nine, at(0)).unwrap().is_empty());
}

#[test]
fn s12_a_restart_forgets_no_rollback() {
    let name = td("example.org");
    let mut before = federation(&["example.org", "other.org"]);
    let max = bundle("example.org", &[2]).with_sequence(u64::MAX);
    assert!(before.offer(&name, max, at(0)).is_ok());
    let text = before.high_water_marks().to_string();
    let digest = bundle("example.org", &[2]).trust_bundle().digest().map(|b| format!("{b:02x}"));
    let expected =
        format!("bonafide-high-water 1\nexample.org 18446744073709551615 {}\n", digest.concat());
    assert_eq!(text, expected);

    let mut after = federation(&["example.org"]);
    let marks: HighWaterMarks = text.parse().unwrap();
    assert_eq!(&marks, before.high_water_marks());
    after.restore(marks.iter());
    let refused = after.offer(&name, bundle("example.org", &[1]).with_sequence(7), at(0));
    assert_eq!(refused.unwrap_err().code(), "federation.rollback");
    let refused = after.offer(&name, bundle("example.org", &[1]).with_sequence(u64::MAX), at(0));
    assert_eq!(refused.unwrap_err().code(), "federation.conflict");
    let same = bundle("example.org", &[2]).with_sequence(u64::MAX);
    assert!(after.offer(&name, same, at(0)).is_ok());

    // A publisher that lost its history.
    after.dangerously_forget_sequence(&name);
    let restarted = bundle("example.org", &[1]).with_sequence(1);
    assert!(after.offer(&name, restarted, at(0)).is_ok());

    let line = text.lines().nth(1).unwrap();
    for (case, wrong, at) in [
        ("empty", String::new(), 1),
        ("another version", text.replace("water 1", "water 2"), 1),
        ("twice", format!("{text}{line}\n"), 3),
        ("upper case", text.replace("example", "Example"), 2),
        ("beyond 64 bits", text.replace("18446744073709551615", "18446744073709551616"), 2),
        ("a sign", text.replace("18446744073709551615", "+1"), 2),
        ("digest too short", text.replace(line, &line[..line.len() - 1]), 2),
        ("no hexadecimal", text.replace(line, &format!("{}g", &line[..line.len() - 1])), 2),
        ("more words", text.replace(line, &format!("{line} x")), 2),
        ("empty line", format!("{text}\n"), 3),
    ] {
        assert_eq!(wrong.parse::<HighWaterMarks>().map_err(|e| e.line), Err(at), "{case}");
    }
}

#[test]
fn s10_defederation_drops_a_trust_domain_at_once() {
    let mut federation = federation(&["example.org", "other.org"]);
    for name in ["example.org", "other.org"] {
        assert!(federation.offer(&td(name), bundle(name, &[1]), at(0)).is_ok());
    }
    let snapshot = federation.store().clone();
    assert_eq!(codes(&federation.defederate(&td("other.org"))), ["federation.dropped"]);
    assert!(trusted(federation.store(), "other.org").is_none(), "F-18");
    assert!(trusted(federation.store(), "example.org").is_some());
    assert!(trusted(&snapshot, "other.org").is_some(), "I6: a snapshot does not change");
    // What was on its way comes too late.
    let refused = federation.offer(&td("other.org"), bundle("other.org", &[1]), at(1)).unwrap_err();
    assert_eq!(refused, Refused::NotFederated { trust_domain: td("other.org") });
    assert!(federation.defederate(&td("other.org")).is_empty());

    // A complete update without the trust domain.
    let change = federation.replace_all([bundle("new.org", &[2])], at(2)).unwrap();
    assert_eq!(
        codes(&change),
        ["federation.federated", "federation.replaced", "federation.dropped"]
    );
    assert!(trusted(federation.store(), "example.org").is_none());
    assert!(federation.trust_domains().eq([&td("new.org")]));
}

#[test]
fn s10_the_mark_outlives_the_relationship() {
    let name = td("example.org");
    let mut federation = federation(&["example.org"]);
    assert!(federation.offer(&name, bundle("example.org", &[2]).with_sequence(8), at(0)).is_ok());
    assert!(!federation.defederate(&name).is_empty());
    assert!(!federation.federate(&name).is_empty());
    let old = bundle("example.org", &[1]).with_sequence(7);
    assert_eq!(federation.offer(&name, old, at(1)).unwrap_err().code(), "federation.rollback");
}

#[test]
fn s11_empty_keys_distrust_everybody() {
    let name = td("example.org");
    let mut federation = federation(&["example.org"]);
    assert!(trusted(federation.store(), "example.org").is_none(), "W-10");
    assert!(federation.offer(&name, bundle("example.org", &[1]), at(0)).is_ok());
    assert!(federation.offer(&name, bundle("example.org", &[]), at(1)).is_ok());
    assert_eq!(trusted(federation.store(), "example.org"), Some(vec![]), "B-12");
    assert!(federation.offer(&name, bundle("example.org", &[1]), at(2)).is_ok());
    assert_eq!(trusted(federation.store(), "example.org"), Some(vec![fingerprint(1)]));
}

#[test]
fn s18_the_same_bundle_again_is_no_event() {
    let name = td("example.org");
    let mut federation = federation(&["example.org"]);
    let same = || bundle("example.org", &[1, 2]).with_sequence(3).with_refresh_hint_seconds(60);
    assert!(!federation.offer(&name, same(), at(0)).unwrap().is_empty());
    let generation = federation.generation();
    for second in 1..1_000 {
        assert!(federation.offer(&name, same(), at(second)).unwrap().is_empty());
    }
    assert_eq!(federation.generation(), generation);
    assert_eq!(federation.received_at(&name), Some(at(999)));
    let hint = same().with_refresh_hint_seconds(61);
    assert_eq!(codes(&federation.offer(&name, hint, at(1_000)).unwrap()), ["federation.replaced"]);
    let published = federation.store().domain("example.org").unwrap().bundle();
    assert_eq!(published.refresh_hint_seconds(), Some(61));
    assert_eq!(federation.generation(), generation + 1, "I5");
}

#[test]
fn operators_may_set_bundles() {
    let name = td("example.org");
    let mut federation = federation(&["example.org"]);
    let offer = |federation: &mut FederatedBundles, roots: &[u64], sequence: u64| {
        let bundle = bundle("example.org", roots).with_sequence(sequence);
        federation.offer(&td("example.org"), bundle, at(0)).map(|change| codes(&change))
    };
    offer(&mut federation, &[1], 8).unwrap();
    // F-07: it counts as the latest, whatever its number, ...
    let change = federation.set_by_operator(&name, bundle("example.org", &[9]), at(1)).unwrap();
    assert_eq!(codes(&change), ["federation.replaced", "federation.sequence-missing"]);
    assert_eq!(federation.source(&name), Some(BundleSource::Operator));
    assert_eq!(trusted(federation.store(), "example.org"), Some(vec![fingerprint(9)]));
    // ... until the next retrieval, and changes nothing of what may be retrieved.
    assert_eq!(offer(&mut federation, &[1], 7).unwrap_err().code(), "federation.rollback");
    let high = bundle("example.org", &[9]).with_sequence(100);
    assert!(federation.set_by_operator(&name, high, at(2)).is_ok());
    assert_eq!(offer(&mut federation, &[1], 8).unwrap(), ["federation.replaced"]);
    assert_eq!(federation.source(&name), Some(BundleSource::Retrieved));

    let refused = federation.set_by_operator(&name, bundle("other.org", &[1]), at(3)).unwrap_err();
    let found = td("other.org");
    assert_eq!(refused, Refused::WrongTrustDomain { trust_domain: name, found }, "F-14");
}

#[test]
fn whole_sets_are_replaced_or_not_at_all() {
    let mut federation = federation(&["a.test"]);
    let two = bundle("b.test", &[2]).with_sequence(2);
    let first = [bundle("a.test", &[1]).with_sequence(5), two.clone()];
    assert!(federation.replace_all(first, at(0)).is_ok());
    let before = federation.store().digest();
    let generation = federation.generation();
    for (case, set, code) in [
        (
            "one rolled back",
            vec![bundle("c.test", &[3]), bundle("a.test", &[1]).with_sequence(4)],
            "federation.rollback",
        ),
        (
            "one twice",
            vec![two.clone(), bundle("a.test", &[7]).with_sequence(9), two.clone()],
            "federation.named-twice",
        ),
    ] {
        let refused = federation.replace_all(set, at(1)).unwrap_err();
        assert_eq!(refused.code(), code, "{case}");
        assert_eq!(federation.store().digest(), before, "{case}: B-21");
        assert_eq!(federation.generation(), generation, "{case}");
    }
    let marks: Vec<u64> = federation.high_water_marks().iter().map(|mark| mark.sequence).collect();
    assert_eq!(marks, [5, 2], "a refused set raises no mark");
    let same = [two, bundle("a.test", &[1]).with_sequence(5)];
    assert!(federation.replace_all(same, at(2)).unwrap().is_empty(), "S18");
}

#[test]
fn other_domains_of_the_store_stay() {
    use bonafide::trust::{Domain, Scope};
    let web = Domain::named("web", [Scope::dns("example.org").unwrap()], TrustBundle::new([]));
    let local = Domain::spiffe(td("local.test"), TrustBundle::new([]));
    let mut federation = FederatedBundles::new(TrustStore::new([web, local]).unwrap());
    let refused = federation.replace_all([bundle("local.test", &[1])], at(0)).unwrap_err();
    assert_eq!(refused.code(), "federation.store");
    assert!(federation.replace_all([bundle("example.org", &[1])], at(0)).is_ok());
    assert!(federation.replace_all([], at(1)).is_ok());
    let names: Vec<&str> = federation.store().domains().map(Domain::name).collect();
    assert_eq!(names, ["local.test", "web"]);
}

#[test]
fn shared_authorities_are_reported_and_never_merged() {
    let mut federation = federation(&["a.test", "b.test", "c.test"]);
    assert!(federation.offer(&td("a.test"), bundle("a.test", &[1, 2]), at(0)).is_ok());
    let change = federation.offer(&td("b.test"), bundle("b.test", &[2, 3]), at(0)).unwrap();
    assert_eq!(codes(&change), ["federation.replaced", "federation.shared-authority"]);
    let BundleEvent::SharedAuthority { trust_domains, .. } = &change.events()[1] else {
        panic!("{change:?}");
    };
    assert_eq!(trust_domains, &[td("a.test"), td("b.test")], "B-02");
    let mut of_b = trusted(federation.store(), "b.test").unwrap();
    of_b.sort_unstable();
    let mut expected = vec![fingerprint(2), fingerprint(3)];
    expected.sort_unstable();
    assert_eq!(of_b, expected, "F-06");
    assert_eq!(federation.shared_authorities().count(), 1);

    // The same key in another certificate is shared as well.
    let renamed = Authority::root(&Name::cn("Renamed"), &Key::new(Kind::Ed25519, 2));
    let renamed = SpiffeBundle::from_der(td("c.test"), &renamed.certificate).unwrap();
    let change = federation.offer(&td("c.test"), renamed, at(0)).unwrap();
    assert_eq!(codes(&change)[1..], ["federation.shared-authority"]);
    let (_, domains) = federation.shared_authorities().next().unwrap();
    assert!(domains.eq(&[td("a.test"), td("b.test"), td("c.test")]));

    assert!(federation.offer(&td("b.test"), bundle("b.test", &[3]), at(1)).is_ok());
    assert!(!federation.defederate(&td("c.test")).is_empty());
    assert_eq!(federation.shared_authorities().count(), 0);
}

#[test]
fn s6_taint_then_revoke() {
    let name = td("example.org");
    let mut federation = federation(&["example.org"]);
    let (old, new) = (fingerprint(1), fingerprint(2));
    let state = |federation: &FederatedBundles, authority: [u8; 32]| {
        let bundle = federation.store().domain("example.org").unwrap().bundle().clone();
        bundle.anchors().find(|a| a.fingerprint() == &authority).map(|anchor| anchor.state())
    };
    let refused = federation.taint(&name, &old, at(0)).unwrap_err();
    assert_eq!(refused.code(), "federation.unknown-authority");
    let both = || bundle("example.org", &[1, 2]).with_sequence(2);
    assert!(federation.offer(&name, both(), at(0)).is_ok());
    let change = federation.taint(&name, &old, at(5)).unwrap();
    assert_eq!(codes(&change), ["federation.tainted"]);
    assert_eq!(state(&federation, old), Some(AnchorState::Tainted { since: at(5) }));
    assert_eq!(state(&federation, new), Some(AnchorState::Active));
    let published = federation.store().domain("example.org").unwrap().bundle();
    assert_eq!(published.sequence(), Some(2));
    assert!(federation.taint(&name, &old, at(6)).unwrap().is_empty());

    // The taint is the operator's: no new bundle takes it away, and it makes no conflict.
    assert!(federation.offer(&name, both(), at(10)).unwrap().is_empty());
    let next = bundle("example.org", &[1, 2, 3]).with_sequence(3);
    assert!(federation.offer(&name, next, at(11)).is_ok());
    assert_eq!(state(&federation, old), Some(AnchorState::Tainted { since: at(5) }));
    assert_eq!(codes(&federation.untaint(&name, &old).unwrap()), ["federation.untainted"]);
    assert_eq!(state(&federation, old), Some(AnchorState::Active));
    assert!(federation.untaint(&name, &old).is_err());

    let revoked = bundle("example.org", &[2, 3]).with_sequence(4);
    assert!(federation.offer(&name, revoked, at(20)).is_ok());
    assert_eq!(state(&federation, old), None, "B-04");
}

#[test]
fn s9_bootstrap_again() {
    let name = td("example.org");
    let profile = EndpointProfile::HttpsSpiffe {
        endpoint_id: "spiffe://example.org/spire/server".parse().unwrap(),
    };
    let url = "https://example.org:8443/".parse().unwrap();
    let endpoint = BundleEndpoint::new(name.clone(), url, profile).unwrap();
    let policy =
        RefreshPolicy::DEFAULT.with_jitter_percent(0).with_fail_closed_after_seconds(3_000);
    let mut schedule = RefreshSchedule::new(endpoint, policy, 7, at(0));
    let mut federation = federation(&["example.org"]);
    // The server shows an SVID under this root; fetch n is verified with bundle n - 1.
    let verified = |federation: &FederatedBundles, root: u64| {
        let domain = "example.org";
        trusted(federation.store(), domain).is_some_and(|t| t.contains(&fingerprint(root)))
    };

    assert!(schedule.on_time(at(0)).is_none() && schedule.bootstrap() == Bootstrap::Needed);
    let first = bundle("example.org", &[1]).with_sequence(1);
    assert!(federation.set_by_operator(&name, first, at(0)).is_ok());
    schedule.on_bundle_set(None, at(0), at(0));

    let mut trace = Vec::new();
    // (serving under root, publishing roots, sequence): the outage hides 3 to 5.
    for (second, serving, roots, sequence) in
        [(0, 1, vec![1, 2], 2), (300, 2, vec![2], 3), (600, 9, vec![9], 7), (900, 9, vec![9], 7)]
    {
        let now = at(second);
        let poll = schedule.on_time(now).unwrap();
        if verified(&federation, serving) {
            let bundle = bundle("example.org", &roots).with_sequence(sequence);
            assert!(federation.offer(&name, bundle, now).is_ok());
            schedule.on_success(&poll, None, now);
        } else {
            schedule.on_failure(&poll, PollFailure::ServerNotTrusted, now);
        }
        trace.push((schedule.bootstrap(), trusted(federation.store(), "example.org").unwrap()));
    }
    assert_eq!(trace[0].0, Bootstrap::Done);
    assert_eq!(trace[1], (Bootstrap::Done, vec![fingerprint(2)]));
    assert_eq!(trace[2], (Bootstrap::Again { since: at(600) }, vec![fingerprint(2)]));
    assert_eq!(trace[3], trace[2], "the fetched document is not trusted");
    assert_eq!(schedule.freshness(at(3_301)), Freshness::Expired { age: 3_001 }, "S13");

    let again = bundle("example.org", &[9]).with_sequence(7);
    assert!(federation.set_by_operator(&name, again, at(950)).is_ok());
    schedule.on_bundle_set(None, at(950), at(950));
    assert_eq!(schedule.bootstrap(), Bootstrap::Done);
    assert_eq!(schedule.next_poll_at(), Some(at(950)));
}

/// Authorities that are easily taken for each other: few names, few keys, all combinations.
struct LookAlikes {
    authorities: Vec<Authority>,
    /// By authority: an intermediate of the same name and key for all.
    intermediates: Vec<Authority>,
}

const NAMES: u64 = 3;
const KEYS: u64 = 3;
const DOMAINS: [&str; 5] = ["a.test", "b.a.test", "A-test", "b.test", "a.tes"];

impl LookAlikes {
    fn new() -> Self {
        let authority = |number: u64| {
            let name = Name::cn(&format!("Root {}", number / KEYS));
            Authority::root(&name, &Key::new(Kind::Ed25519, number % KEYS))
        };
        let authorities: Vec<Authority> = (0..NAMES * KEYS).map(authority).collect();
        let key = Key::new(Kind::Ed25519, 100);
        let below = |root: &Authority| root.intermediate(&Name::cn("Signing"), &key, |b| b);
        let intermediates = authorities.iter().map(below).collect();
        Self { authorities, intermediates }
    }

    fn bundle(&self, name: &str, members: &BTreeSet<usize>) -> SpiffeBundle {
        let der = |&member: &usize| self.authorities[member].certificate.clone();
        SpiffeBundle::from_der(td(name), &members.iter().flat_map(der).collect::<Vec<u8>>())
            .unwrap()
    }
}

/// I1 and I2 over random federations: whoever is accepted chains to an authority that is in the
/// bundle of exactly its trust domain at that moment, and whoever does is accepted.
#[test]
fn accepted_peers_chain_to_an_authority_of_exactly_their_trust_domain() {
    let world = LookAlikes::new();
    let domains = DOMAINS.map(|name| name.to_ascii_lowercase());
    let policy = Arc::new(ValidationPolicy::spiffe());
    let backend: Arc<dyn SignatureBackend> = Arc::new(RingBackend::NEW);
    let leaf_key = Key::new(Kind::Ed25519, 200);
    let mut leaves: BTreeMap<(usize, usize, bool), Vec<u8>> = BTreeMap::new();
    let (mut accepted, mut rejected) = (0, 0);
    for seed in 0..6 {
        let mut rng = Rng::new(seed);
        let mut federation = FederatedBundles::new(empty_store()).with_backend(backend.clone());
        // What the standard says should hold, kept apart from the library.
        let mut model: Vec<Option<BTreeSet<usize>>> = vec![None; domains.len()];
        for step in 0..30 {
            let target = rng.below(domains.len());
            let name = &domains[target];
            match rng.below(5) {
                0 => {
                    let _ = federation.defederate(&td(name));
                    model[target] = None;
                }
                1 => {
                    let mut set = Vec::new();
                    for (domain, members) in domains.iter().zip(&mut model) {
                        *members = rng.chance(70).then(|| random_members(&mut rng, &world));
                        set.extend(members.as_ref().map(|m| world.bundle(domain, m)));
                    }
                    assert!(federation.replace_all(set, at(step)).is_ok());
                }
                _ => {
                    let members = random_members(&mut rng, &world);
                    let _ = federation.federate(&td(name));
                    let bundle = world.bundle(name, &members);
                    assert!(federation.offer(&td(name), bundle, at(step)).is_ok());
                    model[target] = Some(members);
                }
            }
            let trust = Arc::new(federation.store().clone());
            let verifier = Verifier::new(trust, policy.clone(), backend.clone());
            for _ in 0..6 {
                let claimed = rng.below(domains.len());
                let issuer = rng.below(world.authorities.len());
                let id = format!("spiffe://{}/workload", domains[claimed]);
                let indirect = rng.chance(40);
                let signer = if indirect {
                    &world.intermediates[issuer]
                } else {
                    &world.authorities[issuer]
                };
                let leaf = leaves.entry((claimed, issuer, indirect)).or_insert_with(|| {
                    let names = [GeneralName::uri(&id)];
                    signer.leaf(&Name::cn("Workload"), &leaf_key, &names, |b| b)
                });
                let mut pool = vec![CertificateDer::from(signer.certificate.clone())];
                // Certificates of strangers may be sent along in any number.
                let strangers = rng.below(4);
                pool.extend((0..strangers).map(|_| {
                    let stranger = rng.below(world.authorities.len());
                    CertificateDer::from(world.authorities[stranger].certificate.clone())
                }));
                rng.shuffle(&mut pool);
                let leaf = CertificateDer::from(leaf.as_slice());
                let request = Request::new(&leaf, &pool, Expect::dangerously_any_identity());
                let decision = verifier.decide(&request, at(0));
                let expected = model[claimed].as_ref().is_some_and(|m| m.contains(&issuer));
                let case =
                    format!("seed {seed} step {step}: {id} under {issuer}: {}", decision.code());
                assert_eq!(decision.is_accepted(), expected, "{case}");
                let Some(peer) = decision.peer() else {
                    rejected += 1;
                    continue;
                };
                accepted += 1;
                assert_eq!(peer.trust_domain(), domains[claimed], "{case}");
                let current = federation.store().domain(&domains[claimed]).unwrap().bundle();
                let anchor = peer.anchor().fingerprint();
                assert!(current.anchors().any(|a| a.fingerprint() == anchor), "{case}: I1");
                let signed_by = &world.authorities[issuer];
                assert_eq!(peer.anchor().spki_der(), signed_by.key.spki(), "{case}");
            }
        }
    }
    assert!(accepted > 200 && rejected > 200, "{accepted} accepted, {rejected} rejected");
}

fn random_members(rng: &mut Rng, world: &LookAlikes) -> BTreeSet<usize> {
    (0..rng.below(10)).map(|_| rng.below(world.authorities.len())).collect()
}
