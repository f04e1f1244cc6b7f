//! Certificate-backed trust decisions with evidence.
//!
//! `bonafide` answers one question: *may this peer, presenting these certificates, be treated as
//! this identity, now?* It does no IO, reads no clock, works without the standard library, and says
//! of every answer what it rests on.
//!
//! ```
//! use std::sync::Arc;
//!
//! use bonafide::policy::ValidationPolicy;
//! use bonafide::signature::RingBackend;
//! use bonafide::trust::{Domain, Scope, TrustAnchor, TrustBundle, TrustStore};
//! use bonafide::verify::{Expect, Request, Verifier};
//! use bonafide::x509::certificates;
//!
//! // Who is trusted to speak for whom: this root, for names under example.test and no others.
//! let root = certificates(&std::fs::read("tests/data/root.pem")?)?;
//! let bundle = TrustBundle::new([TrustAnchor::from_der(&root[0])?]);
//! let trust = TrustStore::new([Domain::named("ours", [Scope::dns("example.test")?], bundle)])?;
//! let policy = ValidationPolicy::tls_server();
//! let verifier = Verifier::new(trust.into(), policy.into(), Arc::new(RingBackend::NEW));
//!
//! // What a peer presents, whom we expect, and when.
//! let chain = certificates(&std::fs::read("tests/data/chain.pem")?)?;
//! let name = "dns:leaf.example.test".parse()?;
//! let request = Request::new(&chain[0], &chain[1..], Expect::name(&name));
//! let decision = verifier.decide(&request, "2026-07-01T00:00:00Z".parse()?);
//! let peer = decision.peer().ok_or("refused")?;
//! assert_eq!((peer.trust_domain(), peer.path().len()), ("ours", 2));
//! assert_eq!(peer.valid_until(), "2040-01-01T00:00:00Z".parse()?);
//!
//! // Years later the same certificates are refused, and the decision says why.
//! let decision = verifier.decide(&request, "2041-01-01T00:00:00Z".parse()?);
//! assert_eq!(decision.code(), "validity.expired");
//! assert!(decision.explain().to_string().contains("expired at 2040-01-01T00:00:00Z"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Where to begin
//!
//! | to | read |
//! |---|---|
//! | judge certificates | [`Verifier::decide`](verify::Verifier::decide), as above |
//! | fetch evidence meanwhile | [`Verifier::begin`](verify::Verifier::begin), [`Step`](verify::Step) |
//! | say who may speak for whom | [`TrustStore`](trust::TrustStore), [`Scope`](trust::Scope) |
//! | follow the bundles of SPIFFE trust domains | [`FederatedBundles`](trust::FederatedBundles), [`RefreshSchedule`](trust::RefreshSchedule), [`WorkloadState`](trust::WorkloadState) |
//! | change a rule, or bound the work | [`ValidationPolicy`](policy::ValidationPolicy), [`Limits`](policy::Limits) |
//! | refuse what is revoked | [`Revocation`](revocation::Revocation), [`DenyList`](revocation::DenyList); [`RevocationSource`](revocation::RevocationSource) for evidence of one's own |
//! | hold and renew one's own certificates | [`CredentialChecks`](credential::CredentialChecks), [`RotationSchedule`](credential::RotationSchedule); [`KeyStore`](credential::KeyStore) for keys elsewhere |
//! | know that somebody holds the key | [`CertifiedPeer::prove`](decision::CertifiedPeer::prove) |
//! | show a refusal to people | [`Decision::explain`](decision::Decision::explain) |
#![cfg_attr(feature = "serde", doc = "| keep decisions | [`AuditRecord`](audit::AuditRecord) |")]
#![cfg_attr(
    feature = "std",
    doc = "| change trust under running sessions | [`Live`](live::Live), [`Publication`](live::Publication) |"
)]
#![cfg_attr(
    feature = "rustls",
    doc = "| serve or connect with TLS | [`ServerEndpoint`](rustls::ServerEndpoint), [`ClientEndpoint`](rustls::ClientEndpoint) |"
)]
//!
//! # Rooms
//!
//! | module | holds |
//! |---|---|
//! | [`verify`] | the engine: [`Verifier`](verify::Verifier), [`Request`](verify::Request); begin here |
//! | [`batch`] | very many decisions, offline |
//! | [`decision`] | what it answers: peers, rejections, findings, explanations |
//! | [`trust`] | anchors, bundles, and which trust domain may speak for which names |
//! | [`policy`] | what is demanded: named profiles, changed rule by rule, and bounds on work |
//! | [`identity`] | who a peer can be: SPIFFE IDs, DNS names, addresses, mailboxes, URIs |
//! | [`revocation`] | what evidence says of a certificate |
//! | [`credential`] | one's own certificates and keys |
//! | [`signature`] | what verifies signatures, and which algorithms are allowed |
//! | [`constraints`] | the rules and their stable codes |
//! | [`x509`] | bytes to types |
#![cfg_attr(
    feature = "std",
    doc = "| [`live`] | what is in force, and who still stands under it (feature `std`) |"
)]
#![cfg_attr(
    feature = "serde",
    doc = "| [`audit`] | a decision as versioned JSON (feature `serde`) |"
)]
#![cfg_attr(
    feature = "rustls",
    doc = "| [`rustls`] | verifiers, resolvers, fenced resumption for rustls 0.23 (feature `rustls`) |"
)]
#![cfg_attr(
    feature = "rustls-0-24",
    doc = "| [`rustls_0_24`] | the same for a pre-release of rustls 0.24, and handshakes that wait (feature `rustls-0-24`) |"
)]
//!
//! # Promises
//!
//! - Accepted means: a path to an authority in the bundle of exactly the identity's trust domain,
//!   and every rule of the profile held at the time asked for.
//! - The same request, trust, policy and time give the same answer and the same record, whatever
//!   the order of the certificates.
//! - Untrusted bytes never panic and never run longer than [`Limits`](policy::Limits) say.
//! - No code is `unsafe`.
//!
//! # Features
//!
//! Features only add; none changes what another one does.
//!
//! - **`std`** (default): what needs an operating system underneath.
//! - **`ring`** (default): a ready signature backend over `ring`: RSA, P-256, P-384, Ed25519.
//! - **`aws-lc-rs`**: a ready signature backend over `aws-lc-rs`, which also keeps keys parsed and
//!   knows P-521 and ML-DSA. Implies `std`.
//! - **`serde`**: audit records as versioned JSON, and `serde` for identities.
//! - **`spiffe`**: the SPIFFE bundle format (JSON Web Key Sets) and bundle maps.
//! - **`encrypted-keys`**: private keys of one's own that a passphrase protects.
//! - **`crlite`**: revocation filters of the Web PKI. Implies `std`.
//! - **`rayon`**: batch decisions on all cores. Implies `std`.
//! - **`rustls`**: verifiers, resolvers and fenced resumption for rustls 0.23, with any provider.
//!   Implies `std`.
//! - **`rustls-0-24`**: verifiers, resolvers, fenced resumption and suspended handshakes for a
//!   pre-release of rustls 0.24, which moves with it. Implies `std`.
//!
//! Without `std` the crate needs `alloc`. Without a backend feature, bring your own
//! [`SignatureBackend`](signature::SignatureBackend) or give any list of `rustls-pki-types`
//! algorithms to [`PkiTypesBackend`](signature::PkiTypesBackend).

#![no_std]
#![cfg_attr(docsrs, feature(doc_cfg))]

extern crate alloc;
#[cfg(feature = "std")]
extern crate std;

#[macro_use]
mod codes;

#[cfg(feature = "serde")]
#[cfg_attr(docsrs, doc(cfg(feature = "serde")))]
pub mod audit;
pub mod batch;
pub mod constraints;
pub mod credential;
pub mod decision;
pub mod identity;
#[cfg(feature = "std")]
#[cfg_attr(docsrs, doc(cfg(feature = "std")))]
pub mod live;
mod path;
pub mod policy;
pub mod revocation;
#[cfg(feature = "rustls")]
#[cfg_attr(docsrs, doc(cfg(feature = "rustls")))]
pub mod rustls;
#[cfg(feature = "rustls-0-24")]
#[cfg_attr(docsrs, doc(cfg(feature = "rustls-0-24")))]
pub mod rustls_0_24;
pub mod signature;
#[cfg(feature = "std")]
mod table;
#[cfg(any(feature = "rustls", feature = "rustls-0-24"))]
mod tls;
pub mod trust;
pub mod verify;
pub mod x509;

/// The types of certificates, keys and names that this crate shares with TLS stacks: `CertificateDer`,
/// `ServerName` and others.
pub use rustls_pki_types as pki_types;

/// The examples of the front page compile and run.
#[cfg(all(doctest, feature = "ring"))]
#[doc = include_str!("../README.md")]
struct Readme;
