//! Pools of certificates that are meant to cost: what a stranger can put into one TLS message.
//!
//! Used by the tests of the hostile-input list and by `benches/hostile.rs`. All keys are Ed25519, so
//! that several hundred certificates fit into 128 KiB, as they would in an attack.

use std::sync::Arc;

use bonafide::decision::Decision;
use bonafide::identity::ExpectedName;
use bonafide::policy::{Limits, ValidationPolicy};
use bonafide::signature::{RingBackend, SignatureBackend};
use bonafide::trust::{TrustAnchor, TrustBundle, TrustStore};
use bonafide::verify::{Expect, Request, Verifier};
use bonafide::x509::Time;
use rustls_pki_types::CertificateDer;

use super::kit::{
    Authority, CertificateBuilder, Extension, GeneralName, Key, Kind, LONG_AGO, NOW, Name, ext,
};

/// The name that peers are asked for.
pub const PEER: &str = "dns:leaf.example.test";

/// What one peer presents, and the anchors of its verifier.
#[derive(Clone, Debug)]
pub struct Case {
    pub anchors: Vec<Vec<u8>>,
    pub leaf: Vec<u8>,
    pub pool: Vec<Vec<u8>>,
}

impl Case {
    pub fn new(anchor: &Authority, leaf: Vec<u8>, pool: Vec<Vec<u8>>) -> Self {
        Case { anchors: vec![anchor.certificate.clone()], leaf, pool }
    }

    /// Octets of all certificates presented.
    pub fn size(&self) -> usize {
        self.leaf.len() + self.pool.iter().map(Vec::len).sum::<usize>()
    }

    pub fn decide(&self) -> Decision {
        self.decide_under(ValidationPolicy::tls_server())
    }

    pub fn decide_within(&self, limits: Limits) -> Decision {
        self.decide_under(ValidationPolicy::tls_server().with_limits(limits))
    }

    pub fn decide_under(&self, policy: ValidationPolicy) -> Decision {
        self.decide_as(PEER, policy, Arc::new(RingBackend::NEW))
    }

    pub fn decide_as(
        &self,
        peer: &str,
        policy: ValidationPolicy,
        backend: Arc<dyn SignatureBackend>,
    ) -> Decision {
        self.asked(peer, &self.verifier(policy, backend))
    }

    pub fn verifier(
        &self,
        policy: ValidationPolicy,
        backend: Arc<dyn SignatureBackend>,
    ) -> Verifier {
        let anchors = self.anchors.iter().map(|der| TrustAnchor::from_der(der).unwrap());
        let trust = TrustStore::dangerously_unscoped(TrustBundle::new(anchors));
        Verifier::new(Arc::new(trust), Arc::new(policy), backend)
    }

    pub fn asked(&self, peer: &str, verifier: &Verifier) -> Decision {
        let leaf = CertificateDer::from(self.leaf.as_slice());
        let pool: Vec<_> = self.pool.iter().map(|der| CertificateDer::from(&der[..])).collect();
        let name: ExpectedName = peer.parse().unwrap();
        let request = Request::new(&leaf, &pool, Expect::name(&name));
        verifier.decide(&request, Time::from_unix(NOW))
    }
}

/// Key number `number`.
pub fn key(number: u64) -> Key {
    Key::new(Kind::Ed25519, number)
}

/// The anchor of most cases.
pub fn root() -> Authority {
    Authority::root(&Name::cn("Root"), &key(0))
}

/// The names of a leaf that should be accepted.
pub fn names() -> [GeneralName; 1] {
    [GeneralName::dns("leaf.example.test")]
}

pub fn leaf_of(issuer: &Authority) -> Vec<u8> {
    issuer.leaf(&Name::cn("Leaf"), &key(1), &names(), |builder| builder)
}

/// Which key identifiers certificates carry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyIds {
    /// Those of their keys.
    Honest,
    None,
    /// All the same, of every key.
    Same,
}

impl KeyIds {
    /// `builder` with the identifiers of its own key and of its issuer's.
    pub fn on(self, builder: CertificateBuilder, own: &Key, issuer: &Key) -> CertificateBuilder {
        let builder = builder
            .without(ext::id::SUBJECT_KEY_IDENTIFIER)
            .without(ext::id::AUTHORITY_KEY_IDENTIFIER);
        let of = |key: &Key| match self {
            KeyIds::Same => vec![7; 20],
            _ => key.key_id(),
        };
        match self {
            KeyIds::None => builder,
            _ => builder
                .with(ext::subject_key_identifier(&of(own)))
                .with(ext::authority_key_identifier(&of(issuer))),
        }
    }
}

/// A CA certificate of `own` for `subject`, said to be issued by `issuer` and signed by `signer`.
pub fn ca(subject: &Name, own: &Key, issuer: &Name, signer: &Key, ids: KeyIds) -> Vec<u8> {
    ids.on(CertificateBuilder::authority(subject, own), own, signer).issuer(issuer).sign(signer)
}

/// `count` CAs of one name, each of which says that the next issued it, and the leaf that the
/// first issued. Where it is `anchored` the last is issued by the anchor and everything is sound
/// but the leaf's signature; otherwise nothing leads to the anchor.
pub fn same_named(count: usize, ids: KeyIds, anchored: bool) -> Case {
    let root = root();
    let name = Name::cn("CA");
    let keys: Vec<Key> = (0..count).map(|number| key(100 + number as u64)).collect();
    let mut pool: Vec<Vec<u8>> = (0..count)
        .map(|place| ca(&name, &keys[place], &name, &keys[(place + 1) % count], ids))
        .collect();
    if anchored {
        let last = &keys[count - 1];
        pool[count - 1] = ca(&name, last, &root.name, &root.key, ids);
    }
    let stranger = key(99);
    let leaf = CertificateBuilder::end_entity(&Name::cn("Leaf"), &key(1), &names());
    let claimed = if ids == KeyIds::Honest { &keys[0] } else { &stranger };
    let leaf = ids.on(leaf, &key(1), claimed).issuer(&name).sign(&stranger);
    Case::new(&root, leaf, pool)
}

/// `levels` levels of `width` CAs, those of a level of one name; each says that the level above
/// issued it and is signed by the CA of its place there, the highest level by the anchor. The leaf
/// names the lowest level, which did not sign it.
pub fn levels(levels: usize, width: usize, ids: KeyIds) -> Case {
    let root = root();
    let name = |level: usize| Name::cn(&format!("Level {level}"));
    let of = |level: usize, place: usize| key((1_000 * (level + 1) + place) as u64);
    let mut pool = Vec::with_capacity(levels * width);
    for level in 0..levels {
        for place in 0..width {
            let own = of(level, place);
            let (issuer, signer) = if level + 1 == levels {
                (root.name.clone(), root.key.clone())
            } else {
                (name(level + 1), of(level + 1, place))
            };
            pool.push(ca(&name(level), &own, &issuer, &signer, ids));
        }
    }
    let leaf = CertificateBuilder::end_entity(&Name::cn("Leaf"), &key(1), &names());
    let leaf = ids.on(leaf, &key(1), &of(0, 0)).issuer(&name(0)).sign(&key(99));
    Case::new(&root, leaf, pool)
}

/// `count` CAs with names of their own, each certified by every other and the first by the
/// anchor; the leaf names the last, which did not sign it.
pub fn cross_signed(count: usize, ids: KeyIds) -> Case {
    let root = root();
    let name = |place: usize| Name::cn(&format!("CA {place}"));
    let keys: Vec<Key> = (0..count).map(|number| key(100 + number as u64)).collect();
    let mut pool = vec![ca(&name(0), &keys[0], &root.name, &root.key, ids)];
    for subject in 0..count {
        for issuer in (0..count).filter(|&issuer| issuer != subject) {
            pool.push(ca(&name(subject), &keys[subject], &name(issuer), &keys[issuer], ids));
        }
    }
    let leaf = CertificateBuilder::end_entity(&Name::cn("Leaf"), &key(1), &names());
    let leaf = ids.on(leaf, &key(1), &keys[count - 1]).issuer(&name(count - 1)).sign(&key(99));
    Case::new(&root, leaf, pool)
}

/// An honest chain of one intermediate among `count` others of its name that say that the anchor
/// issued them, and are all newer.
pub fn hidden(count: usize, ids: KeyIds) -> Case {
    let root = root();
    let issuer = Authority { name: Name::cn("CA"), key: key(2), certificate: Vec::new() };
    let builder = CertificateBuilder::authority(&issuer.name, &issuer.key);
    let own = ids.on(builder, &issuer.key, &root.key).issued_by(&root);
    let mut pool = vec![own];
    for number in 0..count {
        let decoy = key(100 + number as u64);
        let builder = CertificateBuilder::authority(&issuer.name, &decoy)
            .validity(LONG_AGO + 1, super::kit::FAR);
        pool.push(ids.on(builder, &decoy, &root.key).issuer(&root.name).sign(&decoy));
    }
    let leaf = CertificateBuilder::end_entity(&Name::cn("Leaf"), &key(1), &names());
    let leaf = ids.on(leaf, &key(1), &issuer.key).issued_by(&issuer);
    Case::new(&root, leaf, pool)
}

/// One honest chain of a constrained intermediate, and the leaf's names.
pub fn constrained(constraints: Extension, names: &[GeneralName]) -> Case {
    let root = root();
    let issuer = root.intermediate(&Name::cn("CA"), &key(2), |builder| builder.with(constraints));
    let leaf = issuer.leaf(&Name::empty(), &key(1), names, |builder| {
        builder.replace(ext::subject_alt_name(names).critical())
    });
    Case::new(&root, leaf, vec![issuer.certificate])
}

/// `cas` CAs in a row, each with `count` policies and mappings of every one of them to every one
/// of the next, and a leaf with all of them.
pub fn mappings(cas: usize, count: usize) -> Case {
    let policy = |number: usize| format!("1.2.{number}");
    let policies: Vec<String> = (0..count).map(policy).collect();
    let policies: Vec<&str> = policies.iter().map(String::as_str).collect();
    let pairs: Vec<(&str, &str)> =
        policies.iter().flat_map(|&from| policies.iter().map(move |&to| (from, to))).collect();
    let root = root();
    let mut issuer = root.clone();
    let mut pool = Vec::new();
    for number in 0..cas {
        let name = Name::cn(&format!("CA {number}"));
        issuer = issuer.intermediate(&name, &key(100 + number as u64), |builder| {
            builder
                .with(ext::certificate_policies(&policies))
                .with(ext::policy_mappings(&pairs))
                .with(ext::policy_constraints(Some(0), None))
        });
        pool.push(issuer.certificate.clone());
    }
    let leaf = issuer.leaf(&Name::cn("Leaf"), &key(1), &names(), |builder| {
        builder.with(ext::certificate_policies(&policies))
    });
    Case::new(&root, leaf, pool)
}

/// `count` anchors of one name; the leaf is issued by the one in the middle.
pub fn anchors_of_one_name(count: usize, ids: KeyIds) -> Case {
    let name = Name::cn("Root");
    let keys: Vec<Key> = (0..count).map(|number| key(10_000 + number as u64)).collect();
    let anchors = keys.iter().map(|key| ca(&name, key, &name, key, ids)).collect();
    let signer = &keys[count / 2];
    let leaf = CertificateBuilder::end_entity(&Name::cn("Leaf"), &key(1), &names());
    let leaf = ids.on(leaf, &key(1), signer).issuer(&name).sign(signer);
    Case { anchors, leaf, pool: Vec::new() }
}
