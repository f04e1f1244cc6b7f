//! The fetching host keeps to its rules, over real sockets.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bonafide::decision::Decision;
use bonafide::policy::{RevocationPolicy, ValidationPolicy};
use bonafide::signature::RingBackend;
use bonafide::trust::{TrustBundle, TrustStore};
use bonafide::verify::{Expect, Verifier};
use bonafide_services::estate::now;
use bonafide_services::fetch::{Host, PEER, Rules, Site};
use rustls_pki_types::CertificateDer;

fn rules(site: &Site) -> Rules {
    Rules {
        hosts: vec![site.authority()],
        max_bytes: 1 << 20,
        patience: Duration::from_secs(5),
        max_fetches: 8,
    }
}

async fn decide(site: &Site, host: &Host, leaf: &CertificateDer<'static>) -> Decision {
    let trust = TrustStore::dangerously_unscoped(TrustBundle::new([site.anchor().unwrap()]));
    let policy = ValidationPolicy::tls_server().with_revocation(RevocationPolicy::hard_fail());
    let verifier = Verifier::new(trust.into(), policy.into(), Arc::new(RingBackend::NEW));
    let name = PEER.parse().unwrap();
    host.decide(&verifier, leaf, Expect::name(&name), now()).await
}

#[tokio::test]
async fn what_is_missing_is_fetched_once() {
    let site = Site::start(now()).await.unwrap();
    let host = Host::new(rules(&site), vec![site.anchor().unwrap()]).unwrap();
    for _ in 0..3 {
        let decision = decide(&site, &host, &site.leaf()).await;
        assert_eq!(decision.code(), "accepted", "{}", decision.explain());
    }
    let asked: Vec<(String, usize)> = site.asked().into_iter().collect();
    let once = |page: &str| (page.to_owned(), 1);
    assert_eq!(asked, [once("/issuer.cer"), once("/ocsp"), once("/root.crl")]);
}

#[tokio::test]
async fn the_rules_bound_what_is_fetched() {
    let site = Site::start(now()).await.unwrap();
    let anchors = || vec![site.anchor().unwrap()];
    let hurried = Rules { patience: Duration::from_millis(300), ..rules(&site) };
    let elsewhere = Rules { hosts: vec!["crl.example.test:80".to_owned()], ..rules(&site) };
    let never = Rules { max_fetches: 0, ..rules(&site) };
    let twice = Rules { max_fetches: 2, ..rules(&site) };
    let secure = format!("https://{}/issuer.cer", site.authority());
    for (case, rules, leaf, expected, page, count) in [
        ("too large", rules(&site), site.leaf_with("/large"), "trust.no-route", "/large", 1),
        ("too slow", hurried, site.leaf_with("/slow"), "trust.no-route", "/slow", 1),
        ("not found", rules(&site), site.leaf_with("/none"), "trust.no-route", "/none", 0),
        ("another host", elsewhere, site.leaf(), "trust.no-route", "/issuer.cer", 0),
        ("another scheme", rules(&site), site.leaf_at(&secure), "trust.no-route", "/issuer.cer", 0),
        ("never", never, site.leaf(), "trust.no-route", "/issuer.cer", 0),
        ("twice, and a third is wanted", twice, site.leaf(), "revocation.no-source", "/ocsp", 0),
    ] {
        let host = Host::new(rules, anchors()).unwrap();
        let before = site.asked().get(page).copied().unwrap_or_default();
        let begun = Instant::now();
        // A place that failed is left alone for a while.
        for _ in 0..2 {
            assert_eq!(decide(&site, &host, &leaf).await.code(), expected, "{case}");
            if case == "twice, and a third is wanted" {
                break;
            }
        }
        assert_eq!(site.asked().get(page).copied().unwrap_or_default(), before + count, "{case}");
        assert!(begun.elapsed() < Duration::from_secs(20), "{case}");
    }
}
