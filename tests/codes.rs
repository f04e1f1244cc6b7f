//! Every code that a rejection can have as its cause, brought about.
//!
//! [`Violation::codes`] names them all. A code that is neither in one of the tables nor in
//! [`NO_CAUSE`] fails the test, and so does a case whose cause is another.

#![expect(clippy::unwrap_used, reason = "test code")]

mod graphs;
mod kit;
mod reference;

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use bonafide::constraints::Violation;
use bonafide::identity::{ExpectedName, IdentityMatcher};
use bonafide::policy::{
    Choice, ConformanceRule, ExtensionHandler, Limits, Purpose, SvidProfile, ValidationPolicy,
};
use bonafide::revocation::{
    Answer, Denied, DenyList, DenyRule, EvidenceBudget, EvidenceId, Query, Revocation,
    RevocationSource, Unknown, Verdict,
};
use bonafide::signature::{
    AlgorithmPolicy, KeyKind, Message, PublicKey, SignatureAlgorithm, SignatureBackend,
    SignatureError,
};
use bonafide::trust::{AnchorState, Domain, Scope, TrustAnchor, TrustBundle, TrustStore};
use bonafide::verify::{Expect, Request, Verifier};
use bonafide::x509::{
    AlgorithmIdentifier, Certificate, Extension, KeyUsage, OcspErrorStatus, ReasonFlags, Time,
};
use graphs::engine::ToyBackend;
use kit::ext::{self, Qualifier, id, purpose, usage};
use kit::{Authority, CertificateBuilder, FAR, GeneralName, Key, Kind, LONG_AGO, NOW, Name, der};
use rustls_pki_types::CertificateDer;

type Edit = fn(CertificateBuilder) -> CertificateBuilder;
type Change = fn(&mut Case);

const SAME: Edit = |builder| builder;
const AS_IT_IS: Change = |_| {};

/// Root, CA and end entity with toy keys, judged by RFC 5280; a change makes it another case.
struct Case {
    keys: [Key; 3],
    root: Edit,
    ca_name: Name,
    names: Vec<GeneralName>,
    subject: Name,
    policy: ValidationPolicy,
    backend: Arc<dyn SignatureBackend>,
    expect: Option<ExpectedName>,
    matcher: Option<IdentityMatcher>,
    anchor: fn(TrustAnchor) -> TrustAnchor,
    scope: Scope,
    without_ca: bool,
    label: Option<&'static str>,
    revocation: Option<Revocation>,
}

impl Case {
    fn new() -> Self {
        let algorithms = AlgorithmPolicy::DEFAULT.dangerously_allow_unrecognized();
        Case {
            keys: [1, 2, 3].map(Key::toy),
            root: SAME,
            ca_name: Name::cn("CA"),
            names: vec![GeneralName::dns("leaf.example.test")],
            subject: Name::cn("leaf.example.test"),
            policy: ValidationPolicy::rfc5280().with_algorithms(algorithms),
            backend: Arc::new(ToyBackend::new()),
            expect: None,
            matcher: None,
            anchor: |anchor| anchor,
            scope: Scope::Everything,
            without_ca: false,
            label: None,
            revocation: None,
        }
    }

    /// The policy, changed.
    fn policy(&mut self, change: impl FnOnce(ValidationPolicy) -> ValidationPolicy) {
        self.policy = change(self.policy.clone());
    }

    /// Keys that backends know, and what the policy says of them.
    fn real(&mut self, kinds: [Kind; 3], algorithms: AlgorithmPolicy) {
        self.keys = kinds.map(|kind| Key::new(kind, 0));
        self.backend = Arc::new(bonafide::signature::RingBackend::NEW);
        self.policy = self.policy.clone().with_algorithms(algorithms);
    }

    fn code(&self, ca: Edit, leaf: Edit) -> String {
        let [root_key, ca_key, leaf_key] = &self.keys;
        let root_name = Name::cn("Root");
        let root = (self.root)(CertificateBuilder::authority(&root_name, root_key));
        let root =
            Authority { name: root_name, key: root_key.clone(), certificate: root.sign(root_key) };
        let ca = root.intermediate(&self.ca_name, ca_key, ca);
        let leaf = ca.leaf(&self.subject, leaf_key, &self.names, leaf);
        let anchor = (self.anchor)(TrustAnchor::from_der(&root.certificate).unwrap());
        let domain = Domain::named("ours", [self.scope.clone()], TrustBundle::new([anchor]));
        let verifier = Verifier::new(
            Arc::new(TrustStore::new([domain]).unwrap()),
            Arc::new(self.policy.clone()),
            self.backend.clone(),
        );
        let verifier = match &self.revocation {
            Some(revocation) => verifier.with_revocation(Arc::new(revocation.clone())),
            None => verifier,
        };
        let leaf = CertificateDer::from(leaf);
        let pool = [CertificateDer::from(ca.certificate)];
        let pool = if self.without_ca { &[] } else { &pool[..] };
        let expect = match (&self.expect, &self.matcher) {
            (Some(name), _) => Expect::name(name),
            (None, Some(matcher)) => Expect::matching(matcher),
            (None, None) => Expect::dangerously_any_identity(),
        };
        let mut request = Request::new(&leaf, pool, expect);
        if let Some(label) = self.label {
            request = request.with_label(label);
        }
        verifier.decide(&request, Time::from_unix(NOW)).code().into()
    }
}

/// A backend that has one answer.
#[derive(Debug)]
struct Answers(SignatureError);

impl SignatureBackend for Answers {
    fn verify(
        &self,
        _: PublicKey<'_>,
        _: AlgorithmIdentifier<'_>,
        _: &Message<'_>,
        _: &[u8],
    ) -> Result<(), SignatureError> {
        Err(self.0)
    }
}

/// Judges an extension: a code, or nothing where it is acceptable.
#[derive(Debug)]
struct Handler(Option<&'static str>);

impl ExtensionHandler for Handler {
    fn name(&self) -> &str {
        self.0.unwrap_or("accepts")
    }

    fn check(&self, _: &Extension<'_>, _: &Certificate<'_>, _: usize) -> Result<(), &'static str> {
        self.0.map_or(Ok(()), Err)
    }
}

/// A source of evidence that always says the same.
struct Says(fn(&mut EvidenceBudget<'_>) -> Verdict);

impl fmt::Debug for Says {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Says")
    }
}

impl RevocationSource for Says {
    fn name(&self) -> &str {
        "says"
    }

    fn digest(&self) -> EvidenceId {
        EvidenceId::of(b"says")
    }

    fn status(&self, _: &Query<'_>, budget: &mut EvidenceBudget<'_>) -> Answer {
        Answer::new((self.0)(budget))
    }
}

fn says(what: fn(&mut EvidenceBudget<'_>) -> Verdict) -> Revocation {
    Revocation::new().with_source(Arc::new(Says(what)))
}

/// What a source may say instead of "good"; the code is that of the reason.
const UNKNOWN: &[fn(&mut EvidenceBudget<'_>) -> Verdict] = &[
    |_| Verdict::Unknown(Unknown::NoSource),
    |_| Verdict::Unknown(Unknown::NotCovered),
    |_| Verdict::Unknown(Unknown::ScopeMismatch),
    |_| Verdict::Unknown(Unknown::UnsupportedForm),
    |_| {
        let error = Certificate::from_der(&[]).unwrap_err();
        Verdict::Unknown(Unknown::MalformedCertificate(error))
    },
    |_| Verdict::Unknown(Unknown::UnknownCriticalExtension(FOREIGN.parse().unwrap())),
    |_| Verdict::Unknown(Unknown::ResponderError(OcspErrorStatus::TryLater)),
    |_| Verdict::Unknown(Unknown::ResponderUnknown),
    |_| Verdict::Unknown(Unknown::NonceMismatch),
    |_| Verdict::Unknown(Unknown::BadSignature(SignatureError::Invalid.into())),
    |_| Verdict::Unknown(Unknown::SignerNotAuthorized),
    |_| Verdict::Unknown(Unknown::SignerUndecided),
    |_| Verdict::Unknown(Unknown::RolledBack),
    |_| Verdict::Unknown(Unknown::FromFuture { by: 1 }),
    |_| Verdict::Unknown(Unknown::Stale { by: 1 }),
    |_| Verdict::Unknown(Unknown::PartialReasons { covered: ReasonFlags::NONE }),
    |_| Verdict::Unknown(Unknown::ExemptionRefused { lifetime: 2, max: 1 }),
];

const FOREIGN: &str = "1.3.6.1.4.1.32473.9";

/// `AlgorithmIdentifier` that nobody knows.
fn foreign_algorithm() -> Vec<u8> {
    der::sequence([der::oid(FOREIGN)])
}

/// Code, change, CA, end entity.
const CASES: &[(&str, Change, Edit, Edit)] = &[
    ("accepted", AS_IT_IS, SAME, SAME),
    // Signatures and algorithms.
    ("signature.invalid", AS_IT_IS, SAME, |b| b.signature(&[0; 32])),
    (
        "signature.algorithm-unsupported",
        |case| case.backend = Arc::new(Answers(SignatureError::UnsupportedAlgorithm)),
        SAME,
        SAME,
    ),
    (
        "signature.key-unsupported",
        |case| case.backend = Arc::new(Answers(SignatureError::UnsupportedKey)),
        SAME,
        SAME,
    ),
    (
        "signature.key-mismatch",
        |case| case.backend = Arc::new(Answers(SignatureError::KeyMismatch)),
        SAME,
        SAME,
    ),
    (
        "signature.key-malformed",
        |case| case.backend = Arc::new(Answers(SignatureError::MalformedKey)),
        SAME,
        SAME,
    ),
    ("algorithm.mismatch", AS_IT_IS, SAME, |b| b.inner_algorithm(&foreign_algorithm())),
    (
        "algorithm.unknown",
        |case| case.policy(|p| p.with_algorithms(AlgorithmPolicy::DEFAULT)),
        SAME,
        |b| b.spki(Key::new(Kind::P256, 0).spki()),
    ),
    (
        "algorithm.signature-refused",
        |case| {
            let algorithms = AlgorithmPolicy::DEFAULT.refuse_signature(SignatureAlgorithm::Ed25519);
            case.real([Kind::Ed25519, Kind::P256, Kind::P256], algorithms);
        },
        SAME,
        SAME,
    ),
    (
        "algorithm.key-unknown",
        |case| case.real([Kind::P256; 3], AlgorithmPolicy::DEFAULT),
        SAME,
        |b| b.spki(&der::sequence([foreign_algorithm(), der::bit_string(0, &[1])])),
    ),
    (
        "algorithm.key-malformed",
        |case| case.real([Kind::P256; 3], AlgorithmPolicy::DEFAULT),
        SAME,
        |b| {
            let algorithm = der::sequence([der::oid("1.3.101.112")]);
            b.spki(&der::sequence([algorithm, der::bit_string(0, &[1])]))
        },
    ),
    (
        "algorithm.key-refused",
        |case| {
            let algorithms = AlgorithmPolicy::DEFAULT.refuse_key(KeyKind::P384);
            case.real([Kind::P256, Kind::P256, Kind::P384], algorithms);
        },
        SAME,
        SAME,
    ),
    (
        "algorithm.key-too-small",
        |case| {
            let algorithms = AlgorithmPolicy::DEFAULT.refuse_rsa_under(3072);
            case.real([Kind::P256, Kind::P256, Kind::Rsa], algorithms);
        },
        SAME,
        SAME,
    ),
    (
        "algorithm.key-too-large",
        |case| {
            let algorithms = AlgorithmPolicy::DEFAULT.allow_rsa_from(1024).refuse_rsa_over(1024);
            case.real([Kind::P256, Kind::P256, Kind::Rsa], algorithms);
        },
        SAME,
        SAME,
    ),
    (
        "algorithm.key-mismatch",
        |case| case.real([Kind::P256; 3], AlgorithmPolicy::DEFAULT),
        SAME,
        |b| {
            let ed25519 = der::sequence([der::oid("1.3.101.112")]);
            b.inner_algorithm(&ed25519).outer_algorithm(&ed25519)
        },
    ),
    // Certificates by themselves.
    ("encoding.malformed", AS_IT_IS, SAME, |b| b.with(ext::key_usage(&[usage::CRL_SIGN]))),
    ("validity.expired", AS_IT_IS, |b| b.validity(LONG_AGO, NOW - 1), SAME),
    ("validity.not-yet-valid", AS_IT_IS, SAME, |b| b.validity(NOW + 1, FAR)),
    (
        "validity.lifetime-too-long",
        |case| case.policy(|p| p.with_max_lifetime_seconds(60)),
        SAME,
        SAME,
    ),
    ("version.cannot-issue", AS_IT_IS, |b| b.version(None).extensions_raw(&[]), SAME),
    ("basic-constraints.absent", AS_IT_IS, |b| b.without(id::BASIC_CONSTRAINTS), SAME),
    (
        "basic-constraints.not-a-ca",
        AS_IT_IS,
        |b| b.replace(ext::basic_constraints(false, None)),
        SAME,
    ),
    ("key-usage.no-cert-sign", AS_IT_IS, |b| b.replace(ext::key_usage(&[usage::CRL_SIGN])), SAME),
    (
        "extended-key-usage.purpose",
        |case| case.policy(|p| p.with_purpose(Purpose::ServerAuth)),
        |b| b.with(ext::extended_key_usage(&[purpose::CLIENT_AUTH])),
        SAME,
    ),
    (
        "extended-key-usage.absent",
        |case| {
            case.policy(|p| {
                p.with_purpose(Purpose::ServerAuth).with_absent_extended_key_usage(Choice::Deny)
            });
        },
        SAME,
        SAME,
    ),
    (
        "end-entity.is-a-ca",
        |case| case.policy(|p| p.with_ca_as_end_entity(Choice::Deny)),
        SAME,
        |b| b.with(ext::basic_constraints(true, None)),
    ),
    (
        "end-entity.cert-sign",
        |case| case.policy(|p| p.with_ca_as_end_entity(Choice::Deny)),
        SAME,
        |b| b.replace(ext::key_usage(&[usage::KEY_CERT_SIGN])),
    ),
    (
        "key-usage.missing",
        |case| {
            let bits = KeyUsage::DIGITAL_SIGNATURE;
            case.policy(|p| p.with_end_entity_key_usage(bits, Choice::Deny));
        },
        SAME,
        |b| b.without(id::KEY_USAGE),
    ),
    ("extension.unknown-critical", AS_IT_IS, SAME, |b| {
        b.with(ext::Extension::raw(FOREIGN, true, &[5, 0]))
    }),
    (
        "extension.refused",
        |case| {
            case.policy(|p| {
                p.with_extension_handler(
                    FOREIGN.parse().unwrap(),
                    Arc::new(Handler(Some("refused"))),
                )
            });
        },
        SAME,
        |b| b.with(ext::Extension::raw(FOREIGN, false, &[5, 0])),
    ),
    ("policy.unknown-qualifier", AS_IT_IS, SAME, |b| {
        let qualifier = Qualifier::Raw(FOREIGN.into(), der::null());
        b.with(ext::qualified_policies(&[(FOREIGN, vec![qualifier])]).critical())
    }),
    // Paths.
    ("path-length.exceeded", |case| case.anchor = |anchor| anchor.with_path_len(0), SAME, SAME),
    ("path-length.policy", |case| case.policy(|p| p.with_max_intermediates(0)), SAME, SAME),
    (
        "policy.explicit-policy-required",
        |case| case.policy(ValidationPolicy::with_explicit_policy_required),
        SAME,
        SAME,
    ),
    (
        "policy.mapping-of-any-policy",
        AS_IT_IS,
        |b| b.with(ext::policy_mappings(&[(id::ANY_POLICY, FOREIGN)])),
        SAME,
    ),
    (
        "name-constraints.not-permitted",
        AS_IT_IS,
        |b| b.with(ext::name_constraints(&[GeneralName::dns("other.test")], &[])),
        SAME,
    ),
    (
        "name-constraints.excluded",
        AS_IT_IS,
        |b| b.with(ext::name_constraints(&[], &[GeneralName::dns("example.test")])),
        SAME,
    ),
    (
        "name-constraints.unsupported-form",
        |case| case.names.push(GeneralName::RegisteredId(FOREIGN.into())),
        |b| b.with(ext::name_constraints(&[], &[GeneralName::RegisteredId(FOREIGN.into())])),
        SAME,
    ),
    (
        "name-constraints.malformed-name",
        |case| case.names.push(GeneralName::uri("urn:x")),
        |b| b.with(ext::name_constraints(&[], &[GeneralName::uri("other.test")])),
        SAME,
    ),
    (
        "name-constraints.malformed-constraint",
        AS_IT_IS,
        |b| b.with(ext::name_constraints(&[GeneralName::dns(".example.test")], &[])),
        SAME,
    ),
    // Trust and identity.
    (
        "trust.distrusted",
        |case| case.anchor = |anchor| anchor.with_state(AnchorState::Distrusted),
        SAME,
        SAME,
    ),
    (
        "trust.distrusted-after",
        |case| case.anchor = |anchor| anchor.with_distrust_after(Time::from_unix(LONG_AGO - 1)),
        SAME,
        SAME,
    ),
    (
        "revocation.revoked",
        |case| {
            let everybody = Denied::TrustDomain("ours".into());
            let list = DenyList::new([DenyRule::new(everybody)]);
            case.revocation = Some(Revocation::new().with_deny_list(Arc::new(list)));
        },
        SAME,
        SAME,
    ),
    ("trust.no-route", |case| case.without_ca = true, SAME, SAME),
    ("trust.no-domain", |case| case.scope = Scope::dns("other.test").unwrap(), SAME, SAME),
    ("trust.unknown-label", |case| case.label = Some("unheard of"), SAME, SAME),
    (
        "identity.none",
        // The scope speaks for the mailbox; the mailbox is no identity.
        |case| {
            case.names = vec![GeneralName::email("a b@example.test")];
            case.subject = Name::empty();
            case.scope = Scope::email_domain("example.test").unwrap();
        },
        SAME,
        SAME,
    ),
    (
        "identity.name-mismatch",
        |case| case.expect = Some("dns:other.test".parse().unwrap()),
        SAME,
        SAME,
    ),
    (
        "identity.not-accepted",
        |case| case.matcher = Some("dns:other.test".parse().unwrap()),
        SAME,
        SAME,
    ),
    // Limits.
    ("limit.signatures", |case| limit(case, |limits| limits.signatures = 1), SAME, SAME),
    ("limit.path-steps", |case| limit(case, |limits| limits.path_steps = 1), SAME, SAME),
    (
        "limit.name-comparisons",
        |case| limit(case, |limits| limits.name_comparisons = 0),
        |b| b.with(ext::name_constraints(&[GeneralName::dns("example.test")], &[])),
        SAME,
    ),
    (
        "limit.policy-nodes",
        |case| limit(case, |limits| limits.policy_nodes = 0),
        |b| b.with(ext::certificate_policies(&[FOREIGN])),
        |b| b.with(ext::certificate_policies(&[FOREIGN])),
    ),
    (
        "limit.pool-certificates",
        |case| limit(case, |limits| limits.pool_certificates = 0),
        SAME,
        SAME,
    ),
    (
        "limit.evidence-checks",
        |case| {
            case.revocation = Some(says(|budget| match budget.evidence_check() {
                Ok(()) => Verdict::Good,
                Err(exceeded) => Verdict::Unknown(Unknown::Limit(exceeded)),
            }));
            limit(case, |limits| limits.evidence_checks = 0);
        },
        SAME,
        SAME,
    ),
    ("limit.pool-bytes", |case| limit(case, |limits| limits.pool_bytes = 100), SAME, SAME),
];

/// Codes that are the cause of no rejection here, and why.
const NO_CAUSE: &[(&str, &str)] = &[
    ("trust.tainted", "a note on an acceptance"),
    ("identity.outside-trust-domain", "a note on an acceptance"),
    ("revocation.limit", "a note on an acceptance; a refusal names the limit"),
    ("conformance.crl-number", "asked of revocation lists"),
    ("conformance.anchor-conforms", "asks the other rules of the anchor"),
    ("conformance.anchor-key", "asks the algorithm policy about the key of the anchor"),
];

fn limit(case: &mut Case, change: fn(&mut Limits)) {
    let mut limits = Limits::DEFAULT;
    change(&mut limits);
    case.policy(|policy| policy.with_limits(limits));
}

/// The rules for CAs: the code without `conformance.`, then as in [`CASES`]. The rule is demanded.
const CONFORMANCE: &[(&str, Change, Edit, Edit)] = &[
    ("version-three", AS_IT_IS, SAME, |b| b.version(None).extensions_raw(&[])),
    ("serial-positive", AS_IT_IS, SAME, |b| b.serial(&[0])),
    ("serial-length", AS_IT_IS, SAME, |b| b.serial(&[1; 21])),
    ("issuer-not-empty", |case| case.ca_name = Name::empty(), SAME, SAME),
    ("ca-subject-not-empty", |case| case.ca_name = Name::empty(), SAME, SAME),
    ("authority-key-id-present", AS_IT_IS, SAME, |b| b.without(id::AUTHORITY_KEY_IDENTIFIER)),
    ("authority-key-id-not-critical", AS_IT_IS, SAME, |b| {
        b.replace(ext::authority_key_identifier(&[1]).critical())
    }),
    ("subject-key-id-in-ca", AS_IT_IS, |b| b.without(id::SUBJECT_KEY_IDENTIFIER), SAME),
    (
        "subject-key-id-not-critical",
        AS_IT_IS,
        |b| b.replace(ext::subject_key_identifier(&[1]).critical()),
        SAME,
    ),
    ("key-usage-in-ca", AS_IT_IS, |b| b.without(id::KEY_USAGE), SAME),
    ("key-usage-not-empty", AS_IT_IS, SAME, |b| b.replace(ext::key_usage(&[]))),
    ("cert-sign-needs-ca", AS_IT_IS, SAME, |b| b.replace(ext::key_usage(&[usage::KEY_CERT_SIGN]))),
    ("ca-needs-cert-sign", AS_IT_IS, SAME, |b| b.with(ext::basic_constraints(true, None))),
    ("san-critical-if-subject-empty", |case| case.subject = Name::empty(), SAME, SAME),
    ("dns-name-syntax", |case| case.names = vec![GeneralName::dns("a_b.example.test")], SAME, SAME),
    (
        "basic-constraints-critical",
        AS_IT_IS,
        |b| b.replace(ext::basic_constraints(true, None).not_critical()),
        SAME,
    ),
    ("path-len-needs-ca", AS_IT_IS, SAME, |b| b.with(ext::basic_constraints(false, Some(0)))),
    (
        "name-constraints-critical",
        AS_IT_IS,
        |b| b.with(ext::name_constraints(&[GeneralName::dns("test")], &[]).not_critical()),
        SAME,
    ),
    ("name-constraints-in-ca", AS_IT_IS, SAME, |b| {
        b.with(ext::name_constraints(&[GeneralName::dns("test")], &[]))
    }),
    (
        "policy-mappings-critical",
        AS_IT_IS,
        |b| b.with(ext::policy_mappings(&[(FOREIGN, FOREIGN)]).not_critical()),
        SAME,
    ),
    (
        "policy-constraints-critical",
        AS_IT_IS,
        |b| b.with(ext::policy_constraints(None, Some(0)).not_critical()),
        SAME,
    ),
    (
        "inhibit-any-policy-critical",
        AS_IT_IS,
        |b| b.with(ext::inhibit_any_policy(0).not_critical()),
        SAME,
    ),
    (
        "info-access-not-critical",
        // Without a handler it would be an unknown critical extension as well.
        |case| {
            let oid = id::AUTHORITY_INFO_ACCESS.parse().unwrap();
            case.policy(|p| p.with_extension_handler(oid, Arc::new(Handler(None))));
        },
        SAME,
        |b| b.with(information_access(GeneralName::uri("http://example.test/ca")).critical()),
    ),
    ("info-access-uris", AS_IT_IS, SAME, |b| {
        b.with(information_access(GeneralName::dns("example.test")))
    }),
    ("common-name-in-san", |case| case.subject = Name::cn("other"), SAME, SAME),
    ("san-not-critical-with-subject", AS_IT_IS, SAME, |b| {
        let names = [GeneralName::dns("leaf.example.test")];
        b.replace(ext::subject_alt_name(&names).critical())
    }),
    ("ext-key-usage-not-critical", AS_IT_IS, SAME, |b| {
        b.with(ext::extended_key_usage(&[purpose::SERVER_AUTH]).critical())
    }),
    ("no-any-ext-key-usage", AS_IT_IS, SAME, |b| b.with(ext::extended_key_usage(&[purpose::ANY]))),
    (
        "anchor-without-ext-key-usage",
        |case| case.root = |b| b.with(ext::extended_key_usage(&[purpose::ANY])),
        SAME,
        SAME,
    ),
    (
        "anchor-authority-key-id",
        |case| case.root = |b| b.with(ext::authority_key_identifier(&[1])),
        SAME,
        SAME,
    ),
    ("rsa-modulus-octets", AS_IT_IS, SAME, |b| {
        // 2049 bits.
        let key = der::sequence([der::integer(&[1; 257]), der::unsigned(65_537)]);
        let algorithm = der::sequence([der::oid("1.2.840.113549.1.1.1"), der::null()]);
        b.spki(&der::sequence([algorithm, der::bit_string(0, &key)]))
    }),
    ("wildcard-public-suffix", |case| case.names.push(GeneralName::dns("*.test")), SAME, SAME),
];

fn information_access(location: GeneralName) -> ext::Extension {
    ext::authority_info_access(&[("1.3.6.1.5.5.7.48.2", location)])
}

/// The rules for X.509-SVIDs, of which the end entity is one.
const SVID: &[(&str, Change, Edit, Edit)] = &[
    ("spiffe.x-01", |case| case.names = vec![GeneralName::dns("leaf.example.test")], SAME, SAME),
    ("spiffe.x-02", |case| case.names.push(GeneralName::uri("urn:x")), SAME, SAME),
    (
        "spiffe.x-06",
        |case| case.names = vec![GeneralName::uri("spiffe://example.test")],
        SAME,
        SAME,
    ),
    ("spiffe.x-07", |case| case.subject = Name::empty(), SAME, SAME),
    (
        "spiffe.x-09",
        AS_IT_IS,
        |b| b.with(ext::subject_alt_name(&[GeneralName::uri("spiffe://example.test/ca")])),
        SAME,
    ),
    ("spiffe.x-13", AS_IT_IS, SAME, |b| b.with(ext::basic_constraints(true, None))),
    ("spiffe.x-14", AS_IT_IS, |b| b.without(id::BASIC_CONSTRAINTS), SAME),
    ("spiffe.x-15", AS_IT_IS, SAME, |b| b.with(ext::basic_constraints(false, Some(0)))),
    ("spiffe.x-16", AS_IT_IS, SAME, |b| {
        b.replace(ext::key_usage(&[usage::DIGITAL_SIGNATURE]).not_critical())
    }),
    ("spiffe.x-17", AS_IT_IS, |b| b.replace(ext::key_usage(&[usage::CRL_SIGN])), SAME),
    ("spiffe.x-18", AS_IT_IS, SAME, |b| b.replace(ext::key_usage(&[usage::KEY_AGREEMENT]))),
    ("spiffe.x-20", AS_IT_IS, SAME, |b| {
        b.replace(ext::key_usage(&[usage::DIGITAL_SIGNATURE, usage::CRL_SIGN]))
    }),
    ("spiffe.x-23", AS_IT_IS, SAME, |b| b.with(ext::extended_key_usage(&[purpose::SERVER_AUTH]))),
    (
        "spiffe.x-29",
        |case| case.names = vec![GeneralName::uri("https://example.test/x")],
        SAME,
        SAME,
    ),
];

#[test]
fn every_code_is_the_cause_of_a_rejection() {
    let mut reached: BTreeSet<String> = BTreeSet::new();
    let mut wrong = Vec::new();
    let mut judge = |expected: String, mut case: Case, change: Change, ca: Edit, leaf: Edit| {
        change(&mut case);
        let code = case.code(ca, leaf);
        if code != expected {
            wrong.push(format!("{expected}: found {code}"));
        }
        reached.insert(code);
    };
    for &(code, change, ca, leaf) in CASES {
        judge(code.into(), Case::new(), change, ca, leaf);
    }
    for &(name, change, ca, leaf) in CONFORMANCE {
        let rule = ConformanceRule::ALL.iter().find(|rule| rule.name() == name).unwrap();
        let mut case = Case::new();
        case.policy(|policy| policy.with_rule(*rule));
        assert_eq!(case.code(SAME, SAME), "accepted", "{name}: the sound case");
        judge(format!("conformance.{name}"), case, change, ca, leaf);
    }
    for &(code, change, ca, leaf) in SVID {
        let mut case = Case::new();
        case.names = vec![GeneralName::uri("spiffe://example.test/leaf")];
        case.policy(|policy| policy.with_svid_profile(SvidProfile::Strict));
        assert_eq!(case.code(SAME, SAME), "accepted", "{code}: the sound case");
        judge(code.into(), case, change, ca, leaf);
    }
    for &what in UNKNOWN {
        let Verdict::Unknown(why) = what(&mut EvidenceBudget::of_limits(Limits::DEFAULT)) else {
            continue;
        };
        let mut case = Case::new();
        case.revocation = Some(says(what));
        judge(why.code().into(), case, AS_IT_IS, SAME, SAME);
    }
    assert!(wrong.is_empty(), "{wrong:#?}");

    let all: BTreeSet<&str> = Violation::codes().collect();
    assert_eq!(all.len(), Violation::codes().count(), "each code once");
    let missing: Vec<&&str> = all
        .iter()
        .filter(|code| !reached.contains(**code) && !NO_CAUSE.iter().any(|no| no.0 == **code))
        .collect();
    assert!(missing.is_empty(), "no case for {missing:?}");
    for (code, why) in NO_CAUSE {
        assert!(all.contains(code) && !reached.contains(*code), "{code}: {why}");
    }
    let unknown: Vec<&String> =
        reached.iter().filter(|code| *code != "accepted" && !all.contains(&***code)).collect();
    assert!(unknown.is_empty(), "not among Violation::codes(): {unknown:?}");
}
