//! Credentials are made only of chains and keys that belong together and will be accepted.

#![expect(clippy::unwrap_used, reason = "test code")]
#![cfg(all(feature = "std", feature = "ring"))]

mod kit;

use std::sync::Arc;

use bonafide::credential::{
    Credential, CredentialChecks, CredentialError, CredentialKey, SignError, SoftwareKey,
};
use bonafide::identity::{DnsName, IdentityMatcher, SpiffeIdRef, TrustDomain};
use bonafide::policy::ValidationPolicy;
use bonafide::signature::{KeyKind, SignatureAlgorithm, default_backend};
use bonafide::trust::{Domain, TrustAnchor, TrustBundle, TrustStore};
use bonafide::verify::Verifier;
use bonafide::x509::Time;
use kit::{CertificateBuilder, Estate, FAR, GeneralName, Key, Kind, NOW, Name, ext};
use rustls_pki_types::CertificateDer;

const ID: &str = "spiffe://example.org/db";

fn key(key: &Key) -> Arc<dyn CredentialKey> {
    Arc::new(SoftwareKey::from_der(&key.pkcs8().unwrap()).unwrap())
}

fn ders(chain: &[Vec<u8>]) -> Vec<CertificateDer<'_>> {
    chain.iter().map(|der| CertificateDer::from(der.as_slice())).collect()
}

fn check(chain: &[Vec<u8>], key: Arc<dyn CredentialKey>) -> Result<Credential, CredentialError> {
    let policy = ValidationPolicy::tls_server();
    CredentialChecks::new(&policy, default_backend(), Time::from_unix(NOW)).check(&ders(chain), key)
}

fn estate() -> Estate {
    let keys = [0, 1, 2].map(|number| Key::new(Kind::Ed25519, number));
    Estate::of(keys, &[GeneralName::uri(ID), GeneralName::dns("*.db.example.org")])
}

fn leaf(
    estate: &Estate,
    edit: impl FnOnce(CertificateBuilder) -> CertificateBuilder,
) -> Vec<Vec<u8>> {
    let names = [GeneralName::uri(ID)];
    let leaf = estate.intermediate.leaf(&Name::cn("leaf"), &estate.leaf_key, &names, edit);
    vec![leaf, estate.intermediate.certificate.clone()]
}

#[test]
fn a_sound_pair_becomes_a_credential() {
    let estate = estate();
    let credential = check(&estate.chain(), key(&estate.leaf_key)).unwrap();
    assert_eq!(credential.identity().spiffe_id().unwrap().as_str(), ID);
    assert_eq!(credential.identity().subject().unwrap().as_der(), Name::cn("Example Leaf").0);
    assert_eq!(credential.chain().len(), 2);
    assert_eq!(credential.key_kind(), Some(KeyKind::Ed25519));
    assert_eq!((credential.generation(), credential.hint()), (0, None));
    let last = credential.valid_until();
    assert_eq!(last, Time::from_unix(FAR));
    assert!(!credential.is_expired(last) && credential.is_expired(last.saturating_add(1)));
    for (name, covered) in [("a.db.example.org", true), ("db.example.org", false)] {
        assert_eq!(credential.covers(&DnsName::parse(name).unwrap()), covered, "{name}");
    }
}

#[test]
fn every_kind_of_key_proves_that_it_belongs_to_its_leaf_and_to_no_other() {
    let root = Estate::new().root;
    let names = [GeneralName::uri(ID)];
    let keys = [Kind::P256, Kind::P384, Kind::Rsa, Kind::Ed25519]
        .map(|kind| [Key::new(kind, 0), Key::new(kind, 1)])
        .concat();
    for (place, own) in keys.iter().enumerate() {
        let chain = [root.leaf(&Name::cn("leaf"), own, &names, |b| b)];
        for (other, candidate) in keys.iter().enumerate() {
            let found = check(&chain, key(candidate)).map(|_| ()).map_err(|error| error.code());
            let expected = if place == other { Ok(()) } else { Err("credential.key-mismatch") };
            assert_eq!(found, expected, "{:?} with {:?}", own.kind(), candidate.kind());
        }
    }
}

#[test]
fn wrong_chains_are_refused_with_place_and_rule() {
    let estate = estate();
    let stranger = Estate::seeded(7);
    let root = || estate.root.certificate.clone();
    let intermediate = || estate.intermediate.certificate.clone();
    let sound = estate.chain();
    let short_ca = estate.root.intermediate(
        &Name::cn("Example Intermediate"),
        &estate.intermediate.key,
        |b| b.validity(NOW - 10, NOW - 1),
    );
    let no_ca = estate.root.intermediate(
        &Name::cn("Example Intermediate"),
        &estate.intermediate.key,
        |b| b.replace(ext::basic_constraints(false, None)),
    );
    let mut cut = sound[0].clone();
    cut.pop();
    for (case, chain, code, cause, depth) in [
        ("no certificate", vec![], "credential.chain-empty", None, None),
        ("the root as well", vec![sound[0].clone(), intermediate(), root()], "", None, None),
        ("cut off", vec![cut], "credential.chain-malformed", None, Some(0)),
        (
            "an issuer too few",
            vec![sound[0].clone(), root()],
            "credential.chain-name",
            None,
            Some(0),
        ),
        (
            "the leaf twice",
            vec![sound[0].clone(), sound[0].clone()],
            "credential.chain-name",
            None,
            Some(0),
        ),
        (
            "an issuer of the same name with another key",
            vec![sound[0].clone(), stranger.intermediate.certificate.clone()],
            "credential.chain-signature",
            Some("signature.invalid"),
            Some(0),
        ),
        (
            "a stranger's root",
            vec![sound[0].clone(), intermediate(), stranger.root.certificate.clone()],
            "credential.chain-signature",
            Some("signature.invalid"),
            Some(1),
        ),
        (
            "expired",
            leaf(&estate, |b| b.validity(NOW - 10, NOW - 1)),
            "credential.expired",
            Some("validity.expired"),
            Some(0),
        ),
        (
            "not yet valid",
            leaf(&estate, |b| b.validity(NOW + 1, FAR)),
            "credential.not-yet-valid",
            Some("validity.not-yet-valid"),
            Some(0),
        ),
        (
            "expired issuer",
            vec![sound[0].clone(), short_ca.certificate],
            "credential.expired",
            Some("validity.expired"),
            Some(1),
        ),
        (
            "an issuer that is no ca",
            vec![sound[0].clone(), no_ca.certificate],
            "credential.profile",
            Some("basic-constraints.not-a-ca"),
            Some(1),
        ),
        (
            "for clients only",
            leaf(&estate, |b| b.with(ext::extended_key_usage(&["1.3.6.1.5.5.7.3.2"]))),
            "credential.profile",
            Some("extended-key-usage.purpose"),
            Some(0),
        ),
    ] {
        let found = check(&chain, key(&estate.leaf_key));
        let Err(error) = found else {
            assert_eq!(code, "", "{case}");
            continue;
        };
        let found = match &error {
            CredentialError::Malformed { depth, .. }
            | CredentialError::LinkName { depth }
            | CredentialError::LinkSignature { depth, .. }
            | CredentialError::Rule { depth, .. } => Some(*depth),
            _ => None,
        };
        assert_eq!((error.code(), error.cause_code(), found), (code, cause, depth), "{case}");
    }
}

#[test]
fn the_validity_is_that_of_the_shortest_certificate() {
    let estate = estate();
    let own = key(&estate.leaf_key);
    let chain = leaf(&estate, |b| b.validity(NOW - 5, NOW + 100));
    let credential = check(&chain, own).unwrap();
    assert_eq!(credential.issued_at(), Time::from_unix(NOW - 5));
    assert_eq!(credential.valid_until(), Time::from_unix(NOW + 100));
}

#[test]
fn a_leaf_without_identity_is_refused() {
    let estate = estate();
    let nobody = CertificateBuilder::new(&Name::empty(), &estate.leaf_key)
        .with(ext::key_usage(&[ext::usage::DIGITAL_SIGNATURE]))
        .issued_by(&estate.intermediate);
    let error = check(&[nobody], key(&estate.leaf_key)).unwrap_err();
    assert_eq!(error.code(), "credential.no-identity");
}

#[test]
fn identity_and_age_are_checked_on_demand() {
    let estate = estate();
    let own = key(&estate.leaf_key);
    let old_chain = leaf(&estate, |b| b.validity(NOW - 100, FAR));
    let new_chain = leaf(&estate, |b| b.validity(NOW - 50, FAR));
    let policy = ValidationPolicy::tls_server();
    let checks = CredentialChecks::new(&policy, default_backend(), Time::from_unix(NOW));
    let old = checks.check(&ders(&old_chain), own.clone()).unwrap();
    let new = checks.not_older_than(&old).check(&ders(&new_chain), own.clone()).unwrap();
    let rollback = checks.not_older_than(&new).check(&ders(&old_chain), own.clone());
    assert_eq!(rollback.unwrap_err().code(), "credential.rollback");
    let same = checks.not_older_than(&new).with_hint("again").check(&ders(&new_chain), own.clone());
    assert_eq!(same.unwrap().hint(), Some("again"));

    for (id, code) in [(ID, Ok(())), ("spiffe://example.org/web", Err("credential.identity"))] {
        let matcher = IdentityMatcher::exact(SpiffeIdRef::parse(id).unwrap());
        let found = checks.with_expected(&matcher).check(&ders(&new_chain), own.clone());
        assert_eq!(found.map(|_| ()).map_err(|error| error.code()), code, "{id}");
    }
}

#[test]
fn the_holders_own_trust_is_asked() {
    let estate = estate();
    let bundle = |der: &[u8]| TrustBundle::new([TrustAnchor::from_der(der).unwrap()]);
    let verifier = |der: &[u8]| {
        let domain = Domain::spiffe(TrustDomain::parse("example.org").unwrap(), bundle(der));
        let store = Arc::new(TrustStore::new([domain]).unwrap());
        Verifier::new(
            store,
            Arc::new(ValidationPolicy::spiffe()),
            Arc::new(bonafide::signature::RingBackend::NEW),
        )
    };
    let policy = ValidationPolicy::tls_server();
    let checks = CredentialChecks::new(&policy, default_backend(), Time::from_unix(NOW));
    let chain = leaf(&estate, |b| {
        b.with(ext::basic_constraints(false, None))
            .replace(ext::key_usage(&[ext::usage::DIGITAL_SIGNATURE]).critical())
    });

    let trusted = verifier(&estate.root.certificate);
    let credential =
        checks.with_trust(&trusted).check(&ders(&chain), key(&estate.leaf_key)).unwrap();
    // The trust domain speaks for the SPIFFE ID alone.
    assert_eq!(credential.identity().to_string(), ID);

    let stranger = verifier(&Estate::seeded(5).root.certificate);
    let error = checks.with_trust(&stranger).check(&ders(&chain), key(&estate.leaf_key));
    let error = error.unwrap_err();
    assert_eq!(error.code(), "credential.not-trusted");
    assert!(error.cause_code().is_some());
}

/// A key whose token does as it is told.
#[derive(Debug)]
struct Token {
    inner: Arc<dyn CredentialKey>,
    algorithms: Vec<SignatureAlgorithm>,
    answer: Option<SignError>,
}

impl CredentialKey for Token {
    fn public_key(&self) -> &[u8] {
        self.inner.public_key()
    }

    fn algorithms(&self) -> &[SignatureAlgorithm] {
        &self.algorithms
    }

    fn sign(&self, algorithm: SignatureAlgorithm, message: &[u8]) -> Result<Vec<u8>, SignError> {
        match &self.answer {
            Some(error) => Err(error.clone()),
            None => self.inner.sign(algorithm, message),
        }
    }
}

#[test]
fn a_key_that_cannot_sign_is_not_taken_into_use() {
    let estate = estate();
    let chain = estate.chain();
    let token = |algorithms: &[SignatureAlgorithm], answer| -> Arc<dyn CredentialKey> {
        let algorithms = algorithms.to_vec();
        Arc::new(Token { inner: key(&estate.leaf_key), algorithms, answer })
    };
    let ed25519 = [SignatureAlgorithm::Ed25519];
    for (case, key, code, cause) in [
        ("present", token(&ed25519, None), None, None),
        (
            "removed",
            token(&ed25519, Some(SignError::Absent)),
            Some("credential.sign"),
            Some("credential.sign.absent"),
        ),
        (
            "locked",
            token(&ed25519, Some(SignError::Denied)),
            Some("credential.sign"),
            Some("credential.sign.denied"),
        ),
        ("no algorithms", token(&[], None), Some("credential.no-algorithm"), None),
        (
            "algorithms of another kind of key",
            token(&[SignatureAlgorithm::EcdsaSha256], None),
            Some("credential.no-algorithm"),
            None,
        ),
    ] {
        let error = check(&chain, key).err();
        let found = error.as_ref().map(CredentialError::code);
        assert_eq!(
            (found, error.as_ref().and_then(CredentialError::cause_code)),
            (code, cause),
            "{case}"
        );
    }
}

#[test]
fn an_algorithm_that_the_backend_lacks_is_not_a_torn_pair() {
    // Offers ECDSA with SHA-512 on P-256, which ring cannot verify.
    let own = Key::new(Kind::P256, 1);
    let names = [GeneralName::uri(ID)];
    let chain = [Estate::new().root.leaf(&Name::cn("leaf"), &own, &names, |b| b)];
    #[derive(Debug)]
    struct Odd(Vec<u8>);
    impl CredentialKey for Odd {
        fn public_key(&self) -> &[u8] {
            &self.0
        }
        fn algorithms(&self) -> &[SignatureAlgorithm] {
            &[SignatureAlgorithm::EcdsaSha512]
        }
        fn sign(&self, _: SignatureAlgorithm, _: &[u8]) -> Result<Vec<u8>, SignError> {
            Ok(vec![0x30, 0])
        }
    }
    let error = check(&chain, Arc::new(Odd(own.spki().to_vec()))).unwrap_err();
    assert_eq!(error.code(), "credential.proof-unsupported");
    assert_eq!(error.cause_code(), Some("signature.algorithm-unsupported"));
}
