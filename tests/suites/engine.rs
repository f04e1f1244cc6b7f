//! How a case is put to the library: as a user would, through [`Verifier::decide`].

use std::collections::BTreeSet;
use std::sync::{Arc, LazyLock};

use bonafide::identity::{ExpectedName, NameError};
use bonafide::policy::{Purpose, ValidationPolicy};
use bonafide::signature::{AwsLcBackend, SharedMemo};
use bonafide::trust::{AnchorError, TrustAnchor, TrustBundle, TrustStore};
use bonafide::verify::{Expect, Request, SeenChains, SeenIssuers, Verifier};
use bonafide::x509::Time;
use rustls_pki_types::CertificateDer;

use super::dsa::WithDsa;
use super::evidence::Evidence;
use super::load::Misread;

/// The backend of all suites: P-521 and ML-DSA come with aws-lc-rs, DSA from here.
pub fn backend() -> WithDsa<AwsLcBackend> {
    WithDsa(AwsLcBackend::NEW)
}

/// One question to the engine.
#[derive(Clone, Debug)]
pub struct Question<'a> {
    pub leaf: &'a [u8],
    /// Unordered; may hold duplicates and garbage.
    pub pool: Vec<&'a [u8]>,
    pub trust: TrustStore,
    pub policy: ValidationPolicy,
    pub names: Names,
    pub now: Time,
    /// Nothing where revocation is not asked about.
    pub evidence: Option<Evidence>,
}

/// Which names the peer must bear.
#[derive(Clone, Debug)]
pub enum Names {
    /// None in particular.
    Any,
    /// All of these.
    All(Vec<ExpectedName>),
    /// A name that the library refuses to ask for: no certificate can speak for it.
    Unaskable(NameError),
}

impl Names {
    /// `kind` is the word that the library's text form of names has: `dns`, `ip`, `uri`, `email`.
    pub fn add(self, kind: &str, value: &str) -> Self {
        // As a user would who has a URI and a library with a kind of its own for SPIFFE IDs.
        let text = match kind {
            "uri" if value.starts_with("spiffe:") => value.to_owned(),
            _ => format!("{kind}:{value}"),
        };
        match (self, text.parse()) {
            (Names::Unaskable(error), _) | (_, Err(error)) => Names::Unaskable(error),
            (Names::Any, Ok(name)) => Names::All(vec![name]),
            (Names::All(mut names), Ok(name)) => {
                names.push(name);
                Names::All(names)
            }
        }
    }
}

/// What the engine answered.
#[derive(Clone, Debug)]
pub struct Answer {
    pub accepted: bool,
    /// `accepted` or the code of the first finding.
    pub code: String,
    /// Leaf first, the anchor's certificate last where it has one; empty for a rejection.
    pub path: Vec<Vec<u8>>,
    /// The user-constrained policy set, dotted.
    pub policies: BTreeSet<String>,
    pub signatures: u32,
    pub steps: u32,
}

impl Answer {
    fn rejected(code: &str) -> Self {
        Answer {
            accepted: false,
            code: code.to_owned(),
            path: Vec::new(),
            policies: BTreeSet::new(),
            signatures: 0,
            steps: 0,
        }
    }
}

/// What is remembered from question to question.
static WARM: LazyLock<(Arc<SharedMemo>, Arc<SeenChains>, Arc<SeenIssuers>)> = LazyLock::new(|| {
    let memo = SharedMemo::with_capacity(1 << 16);
    let chains = SeenChains::with_capacity(1 << 12);
    (Arc::new(memo), Arc::new(chains), Arc::new(SeenIssuers::with_capacity(1 << 12)))
});

/// Asks; and again with what is remembered, which must change nothing.
pub fn ask(question: &Question<'_>) -> Answer {
    let leaf = CertificateDer::from(question.leaf);
    let pool: Vec<CertificateDer<'_>> =
        question.pool.iter().map(|&der| CertificateDer::from(der)).collect();
    let names;
    let expect = match &question.names {
        Names::Any => Expect::dangerously_any_identity(),
        Names::All(list) => {
            names = list.clone();
            Expect::all_names(&names)
        }
        Names::Unaskable(error) => return Answer::rejected(error.code()),
    };
    let mut policy = question.policy.clone();
    let mut request = Request::new(&leaf, &pool, expect);
    if let Some(evidence) = &question.evidence {
        policy = policy.with_revocation(evidence.policy.clone());
        if let Some(staple) = &evidence.staple {
            request = request.with_stapled_ocsp(staple);
        }
    }
    let mut verifier =
        Verifier::new(Arc::new(question.trust.clone()), Arc::new(policy), Arc::new(backend()));
    if let Some(evidence) = &question.evidence {
        verifier = verifier.with_revocation(evidence.revocation.clone());
    }
    let decision = verifier.decide(&request, question.now);
    // What others left behind, and what this question leaves, changes nothing.
    let (memo, seen, issuers) = &*WARM;
    let with_issuers = verifier.clone().with_seen_issuers(issuers.clone());
    let with_chains = verifier.with_memo(memo.clone()).with_seen_chains(seen.clone());
    for (what, warm) in [("issuers", with_issuers), ("memo and chains", with_chains)] {
        for state in ["as others left it", "warm"] {
            let again = warm.decide(&request, question.now);
            assert_eq!(format!("{again:?}"), format!("{decision:?}"), "{what}, {state}");
        }
    }
    let mut answer = Answer::rejected(decision.code());
    answer.signatures = decision.work().signatures;
    answer.steps = decision.work().path_steps;
    if let Some(peer) = decision.peer() {
        answer.accepted = true;
        answer.path = peer.path().ders().map(<[u8]>::to_vec).collect();
        if let Some(anchor) = peer.anchor().certificate() {
            answer.path.push(anchor.as_der().to_vec());
        }
        answer.policies = peer.policies().iter().map(ToString::to_string).collect();
    }
    answer
}

/// Asks once for each purpose; the first refusal is the answer.
pub fn ask_for_all(question: &Question<'_>, purposes: &[Purpose]) -> Answer {
    let mut last = None;
    for purpose in purposes {
        let policy = question.policy.clone().with_purpose(purpose.clone());
        let answer = ask(&Question { policy, ..question.clone() });
        if !answer.accepted {
            return answer;
        }
        last = Some(answer);
    }
    last.unwrap_or_else(|| ask(question))
}

/// Anchors that may speak for every name. One that the library cannot read is no anchor: the paths
/// that would end there are missing.
pub fn unscoped(anchors: impl IntoIterator<Item = Result<TrustAnchor, AnchorError>>) -> TrustStore {
    TrustStore::dangerously_unscoped(TrustBundle::new(anchors.into_iter().flatten()))
}

/// The purpose of a name or a dotted identifier.
pub fn purpose(name: &str) -> Result<Purpose, Misread> {
    let dotted = match name {
        "any" | "anyExtendedKeyUsage" | "ANY_EKU" => return Ok(Purpose::Any),
        "serverAuth" | "SERVER_AUTH" => return Ok(Purpose::ServerAuth),
        "clientAuth" | "CLIENT_AUTH" => return Ok(Purpose::ClientAuth),
        "codeSigning" => "1.3.6.1.5.5.7.3.3",
        "emailProtection" => "1.3.6.1.5.5.7.3.4",
        "timeStamping" => "1.3.6.1.5.5.7.3.8",
        "OCSPSigning" => "1.3.6.1.5.5.7.3.9",
        dotted => dotted,
    };
    let oid = dotted.parse().map_err(|_| Misread::new(format!("unknown purpose {name}")))?;
    Ok(Purpose::Other(oid))
}
