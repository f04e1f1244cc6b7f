//! A small estate, made in memory: three trust domains and five peers.
//!
//! `example.test` is ours; workloads have SPIFFE IDs under `prod.example.test`; `partner.test` is
//! somebody else, whose authority may speak for `partner.test` and for nothing else.

#![expect(clippy::unwrap_used, reason = "everything is made here and known to be sound")]

#[path = "../../tests/kit/mod.rs"]
mod kit;

use std::sync::Arc;

use bonafide::decision::Decision;
use bonafide::identity::ExpectedName;
use bonafide::policy::{Purpose, ValidationPolicy};
use bonafide::signature::RingBackend;
use bonafide::trust::{Domain, Scope, TrustAnchor, TrustBundle, TrustStore};
use bonafide::verify::{Expect, Request, Verifier};
use bonafide::x509::Time;
use kit::{Authority, FAR, GeneralName, Key, Kind, LONG_AGO, NOW, Name, ext};
use rustls_pki_types::CertificateDer;

/// A peer that presents certificates, and what is expected of it.
pub(crate) struct Peer {
    pub(crate) story: &'static str,
    /// The code that the decision must have.
    pub(crate) code: &'static str,
    verifier: Verifier,
    purpose: Purpose,
    expected: ExpectedName,
    leaf: CertificateDer<'static>,
    others: Vec<CertificateDer<'static>>,
}

impl Peer {
    pub(crate) fn decide(&self) -> Decision {
        let request = Request::new(&self.leaf, &self.others, Expect::name(&self.expected))
            .with_purpose(self.purpose.clone());
        self.verifier.decide(&request, Time::from_unix(NOW))
    }
}

pub(crate) fn peers() -> Vec<Peer> {
    let key = |number| Key::new(Kind::Ed25519, number);
    let name = |text| Name::of(&[(kit::name::attribute::ORGANIZATION, text)]);
    let server = ext::extended_key_usage(&[ext::purpose::SERVER_AUTH]);
    let client = ext::extended_key_usage(&[ext::purpose::CLIENT_AUTH]);

    let root = Authority::root(&name("Example Root"), &key(1));
    let web = root.intermediate(&name("Example Web CA"), &key(2), |builder| builder);
    let web_before = root.intermediate(&name("Example Web CA"), &key(2), |builder| {
        builder.validity(LONG_AGO, NOW - 1)
    });
    let branch = root.intermediate(&name("Example Branch CA"), &key(3), |builder| {
        builder.with(ext::name_constraints(&[GeneralName::dns("branch.example.test")], &[]))
    });
    let workloads = Authority::root(&name("Example Workload Root"), &key(4));
    let partner = Authority::root(&name("Partner Root"), &key(5));

    let shop = web.leaf(&Name::empty(), &key(6), &[GeneralName::dns("shop.example.test")], |b| {
        b.with(server.clone())
    });
    let svid = [GeneralName::uri("spiffe://prod.example.test/payments")];
    let payments = workloads.leaf(&Name::empty(), &key(7), &svid, |b| {
        b.replace(ext::subject_alt_name(&svid).critical())
            .with(ext::extended_key_usage(&[ext::purpose::SERVER_AUTH, ext::purpose::CLIENT_AUTH]))
    });
    let orders = partner.leaf(
        &Name::empty(),
        &key(8),
        &[GeneralName::dns("orders.partner.test"), GeneralName::dns("shop.example.test")],
        |b| b.with(client.clone()),
    );
    let forged =
        partner.leaf(&Name::empty(), &key(9), &[GeneralName::dns("shop.example.test")], |b| {
            b.with(server.clone())
        });
    let vault =
        branch.leaf(&Name::empty(), &key(10), &[GeneralName::dns("vault.example.test")], |b| {
            b.with(server.clone()).validity(LONG_AGO, FAR)
        });

    let trust = Arc::new(trust(&root, &workloads, &partner));
    let backend = Arc::new(RingBackend::NEW);
    let verifier = Verifier::new(trust.clone(), ValidationPolicy::tls_server().into(), backend);
    let svids = Verifier::new(trust, ValidationPolicy::spiffe().into(), Arc::new(RingBackend::NEW));

    let peer = |story, code, expected: &str, leaf: Vec<u8>, others: &[&Authority]| Peer {
        story,
        code,
        verifier: verifier.clone(),
        purpose: Purpose::ServerAuth,
        expected: expected.parse().unwrap(),
        leaf: CertificateDer::from(leaf),
        others: others.iter().map(|ca| CertificateDer::from(ca.certificate.clone())).collect(),
    };
    vec![
        peer(
            "The web shop still sends an expired certificate of its issuer beside the renewed one.",
            "accepted",
            "dns:shop.example.test",
            shop,
            &[&web_before, &web],
        ),
        Peer {
            verifier: svids,
            purpose: Purpose::ClientAuth,
            ..peer(
                "A workload calls as payments.",
                "accepted",
                "spiffe://prod.example.test/payments",
                payments,
                &[],
            )
        },
        Peer {
            purpose: Purpose::ClientAuth,
            ..peer(
                "The partner calls; its certificate claims a name of ours as well.",
                "accepted",
                "dns:orders.partner.test",
                orders,
                &[],
            )
        },
        peer(
            "A server claims to be the web shop, with a certificate issued by the partner.",
            "trust.no-route",
            "dns:shop.example.test",
            forged,
            &[],
        ),
        peer(
            "A branch office issued a certificate for the vault at headquarters.",
            "name-constraints.not-permitted",
            "dns:vault.example.test",
            vault,
            &[&branch],
        ),
    ]
}

fn trust(root: &Authority, workloads: &Authority, partner: &Authority) -> TrustStore {
    let bundle =
        |ca: &Authority| TrustBundle::new([TrustAnchor::from_der(&ca.certificate).unwrap()]);
    TrustStore::new([
        Domain::named("example", [Scope::dns("example.test").unwrap()], bundle(root)),
        Domain::spiffe("prod.example.test".parse().unwrap(), bundle(workloads)),
        Domain::named("partner", [Scope::dns("partner.test").unwrap()], bundle(partner)),
    ])
    .unwrap()
}
