//! `ValidationPolicy`: what a relying party demands of a path and of its end entity.
//!
//! A policy starts as one of the named profiles and is changed rule by rule. It is an immutable
//! value, shared by all connections; what belongs to one connection (expected names, purpose,
//! staple, trust label) is in the [`Request`](crate::verify::Request).
//!
//! Its canonical text is its [`Display`](fmt::Display) form: two policies with the same text
//! decide alike (extension handlers and public suffixes by their own `name()`), and [`ValidationPolicy::digest`]
//! is the SHA-256 of that text, so that a record can name the policy it was made under.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::ToString;
use alloc::sync::Arc;
use core::fmt;

use sha2::{Digest, Sha256};

use super::conformance::{Conformance, ConformanceRule};
use super::limits::Limits;
use super::public_suffixes::PublicSuffixes;
use super::revocation::RevocationPolicy;
use crate::signature::AlgorithmPolicy;
use crate::x509::{Certificate, Extension, KeyUsage, Oid, OwnedOid, oid::known};

/// A named starting point for a [`ValidationPolicy`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Profile {
    /// RFC 5280 section 6.1 as written: internal PKI, any purpose, CA certificates may be peers.
    Rfc5280,
    /// The certificate of a TLS server: serverAuth, end entities only.
    TlsServer,
    /// The certificate of a TLS client: clientAuth, end entities only.
    TlsClient,
    /// X.509-SVID, the whole profile.
    Spiffe,
    /// X.509-SVID, what section 5.2 tells validators to check.
    SpiffeMinimal,
    /// Long-lived device identities in the manner of IEEE 802.1AR.
    Device,
    /// RFC 5280 with its demands on conforming CAs enforced.
    Rfc5280Strict,
    /// The Web PKI with the CA/Browser Forum's demands enforced.
    CabfStrict,
}

impl Profile {
    /// All profiles.
    pub const ALL: &'static [Self] = &[
        Self::Rfc5280,
        Self::TlsServer,
        Self::TlsClient,
        Self::Spiffe,
        Self::SpiffeMinimal,
        Self::Device,
        Self::Rfc5280Strict,
        Self::CabfStrict,
    ];

    /// Returns the stable name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Rfc5280 => "rfc5280",
            Self::TlsServer => "tls_server",
            Self::TlsClient => "tls_client",
            Self::Spiffe => "spiffe",
            Self::SpiffeMinimal => "spiffe_minimal",
            Self::Device => "device",
            Self::Rfc5280Strict => "rfc5280_strict",
            Self::CabfStrict => "cabf_strict",
        }
    }

    /// The profile of a name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|profile| profile.name() == name)
    }
}

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What the peer's key must be certified for (RFC 5280 section 4.2.1.12).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Purpose {
    /// Any purpose: extended key usage is not looked at.
    Any,
    /// id-kp-serverAuth.
    ServerAuth,
    /// id-kp-clientAuth.
    ClientAuth,
    /// Another key purpose.
    Other(OwnedOid),
}

impl Purpose {
    /// The key purpose identifier, or nothing for [`Purpose::Any`].
    #[must_use]
    pub fn oid(&self) -> Option<Oid<'_>> {
        match self {
            Self::Any => None,
            Self::ServerAuth => Some(Oid::trusted(known::SERVER_AUTH)),
            Self::ClientAuth => Some(Oid::trusted(known::CLIENT_AUTH)),
            Self::Other(oid) => Some(oid.as_oid()),
        }
    }
}

impl fmt::Display for Purpose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => f.write_str("any"),
            Self::ServerAuth => f.write_str("serverAuth"),
            Self::ClientAuth => f.write_str("clientAuth"),
            Self::Other(oid) => oid.fmt(f),
        }
    }
}

/// Whether a certificate or feature is acceptable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(clippy::exhaustive_enums, reason = "a choice of two")]
pub enum Choice {
    /// Acceptable.
    Allow,
    /// Refused.
    Deny,
}

impl Choice {
    const fn name(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Deny => "deny",
        }
    }
}

/// How much of the X.509-SVID profile is demanded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum SvidProfile {
    /// None: the peer need not be an X.509-SVID.
    Off,
    /// Section 5.2 of the X.509-SVID standard.
    Minimal,
    /// Every rule of the standard, on the leaf and on signing certificates.
    Strict,
}

/// Decides on a critical extension that this crate does not know.
///
/// A handler sees every certificate of an authenticated path that carries the extension, critical
/// or not. It must not block and must not depend on anything but its arguments.
pub trait ExtensionHandler: fmt::Debug + Send + Sync {
    /// A name that changes whenever the handler would decide differently; part of the policy's
    /// canonical text.
    fn name(&self) -> &str;

    /// Judges one occurrence; `depth` is 0 for the leaf.
    ///
    /// # Errors
    /// A stable code that says why the extension makes the path unacceptable.
    fn check(
        &self,
        extension: &Extension<'_>,
        certificate: &Certificate<'_>,
        depth: usize,
    ) -> Result<(), &'static str>;
}

/// What a relying party demands. `Display` writes its canonical text.
#[derive(Clone, Debug)]
pub struct ValidationPolicy {
    pub(crate) profile: Profile,
    pub(crate) purpose: Purpose,
    pub(crate) any_purpose_in_ca: Choice,
    pub(crate) any_purpose_in_end_entity: Choice,
    pub(crate) end_entity_without_purpose: Choice,
    pub(crate) end_entity_key_usage: KeyUsage,
    pub(crate) end_entity_without_key_usage: Choice,
    pub(crate) ca_as_end_entity: Choice,
    pub(crate) end_entity_with_cert_sign: Choice,
    pub(crate) v1_intermediates: Choice,
    pub(crate) loose_name_constraints: Choice,
    pub(crate) algorithms: AlgorithmPolicy,
    pub(crate) max_intermediates: Option<u32>,
    pub(crate) max_lifetime_seconds: Option<i64>,
    pub(crate) clock_skew_seconds: u32,
    pub(crate) initial_policy_set: Option<Arc<[OwnedOid]>>,
    pub(crate) initial_explicit_policy: bool,
    pub(crate) initial_policy_mapping_inhibit: bool,
    pub(crate) initial_any_policy_inhibit: bool,
    pub(crate) svid: SvidProfile,
    pub(crate) conformance: Conformance,
    pub(crate) public_suffixes: Option<Arc<dyn PublicSuffixes>>,
    pub(crate) handlers: BTreeMap<OwnedOid, Arc<dyn ExtensionHandler>>,
    pub(crate) revocation: Option<RevocationPolicy>,
    pub(crate) limits: Limits,
}

impl ValidationPolicy {
    /// RFC 5280 section 6.1 as written, for any purpose.
    #[must_use]
    pub fn rfc5280() -> Self {
        Self {
            profile: Profile::Rfc5280,
            purpose: Purpose::Any,
            any_purpose_in_ca: Choice::Allow,
            any_purpose_in_end_entity: Choice::Allow,
            end_entity_without_purpose: Choice::Allow,
            end_entity_key_usage: KeyUsage::default(),
            end_entity_without_key_usage: Choice::Allow,
            ca_as_end_entity: Choice::Allow,
            end_entity_with_cert_sign: Choice::Allow,
            v1_intermediates: Choice::Deny,
            loose_name_constraints: Choice::Deny,
            algorithms: AlgorithmPolicy::default(),
            max_intermediates: None,
            max_lifetime_seconds: None,
            clock_skew_seconds: 0,
            initial_policy_set: None,
            initial_explicit_policy: false,
            initial_policy_mapping_inhibit: false,
            initial_any_policy_inhibit: false,
            svid: SvidProfile::Off,
            conformance: Conformance::NONE,
            public_suffixes: None,
            handlers: BTreeMap::new(),
            revocation: None,
            limits: Limits::DEFAULT,
        }
    }

    /// The certificate of a TLS server, RFC 5280 plus: serverAuth where extended key usage is
    /// present, digitalSignature where key usage is present (RFC 8446 section 4.4.2.2), no CA
    /// certificate and no keyCertSign in the end entity.
    #[must_use]
    pub fn tls_server() -> Self {
        Self {
            profile: Profile::TlsServer,
            purpose: Purpose::ServerAuth,
            end_entity_key_usage: KeyUsage::DIGITAL_SIGNATURE,
            ca_as_end_entity: Choice::Deny,
            end_entity_with_cert_sign: Choice::Deny,
            ..Self::rfc5280()
        }
    }

    /// The certificate of a TLS client: [`ValidationPolicy::tls_server`] with clientAuth.
    #[must_use]
    pub fn tls_client() -> Self {
        Self { profile: Profile::TlsClient, purpose: Purpose::ClientAuth, ..Self::tls_server() }
    }

    /// X.509-SVIDs, every rule of the standard, on the leaf and on signing certificates.
    #[must_use]
    pub fn spiffe() -> Self {
        Self {
            profile: Profile::Spiffe,
            purpose: Purpose::Any,
            end_entity_without_key_usage: Choice::Deny,
            svid: SvidProfile::Strict,
            ..Self::tls_server()
        }
    }

    /// X.509-SVIDs, what section 5.2 of the standard tells validators to check.
    #[must_use]
    pub fn spiffe_minimal() -> Self {
        Self {
            profile: Profile::SpiffeMinimal,
            end_entity_key_usage: KeyUsage::default(),
            end_entity_without_key_usage: Choice::Allow,
            svid: SvidProfile::Minimal,
            ..Self::spiffe()
        }
    }

    /// Long-lived device identities in the manner of IEEE 802.1AR: any purpose, end entities
    /// only, digitalSignature where key usage is present, no bound on lifetime.
    #[must_use]
    pub fn device() -> Self {
        Self { profile: Profile::Device, purpose: Purpose::Any, ..Self::tls_server() }
    }

    /// RFC 5280 with its demands on conforming CAs enforced: for tests of issuing CAs.
    #[must_use]
    pub fn rfc5280_strict() -> Self {
        Self {
            profile: Profile::Rfc5280Strict,
            conformance: Conformance::RFC5280,
            ..Self::rfc5280()
        }
    }

    /// The Web PKI with the CA/Browser Forum's demands enforced, for serverAuth.
    #[must_use]
    pub fn cabf_strict() -> Self {
        Self {
            profile: Profile::CabfStrict,
            any_purpose_in_ca: Choice::Deny,
            any_purpose_in_end_entity: Choice::Deny,
            end_entity_without_purpose: Choice::Deny,
            conformance: Conformance::CABF,
            ..Self::tls_server()
        }
    }

    /// The policy of a profile.
    #[must_use]
    pub fn of(profile: Profile) -> Self {
        match profile {
            Profile::Rfc5280 => Self::rfc5280(),
            Profile::TlsServer => Self::tls_server(),
            Profile::TlsClient => Self::tls_client(),
            Profile::Spiffe => Self::spiffe(),
            Profile::SpiffeMinimal => Self::spiffe_minimal(),
            Profile::Device => Self::device(),
            Profile::Rfc5280Strict => Self::rfc5280_strict(),
            Profile::CabfStrict => Self::cabf_strict(),
        }
    }

    /// Sets the purpose of requests that name none. Default: that of the profile.
    #[must_use]
    pub fn with_purpose(self, purpose: Purpose) -> Self {
        Self { purpose, ..self }
    }

    /// Sets whether anyExtendedKeyUsage satisfies a purpose. Default: allowed, except in
    /// [`Profile::CabfStrict`].
    #[must_use]
    pub fn with_any_extended_key_usage(self, in_ca: Choice, in_end_entity: Choice) -> Self {
        Self { any_purpose_in_ca: in_ca, any_purpose_in_end_entity: in_end_entity, ..self }
    }

    /// Sets whether an end entity without extended key usage satisfies a purpose. Default: it
    /// does (RFC 5280 section 4.2.1.12), except in [`Profile::CabfStrict`].
    #[must_use]
    pub fn with_absent_extended_key_usage(self, choice: Choice) -> Self {
        Self { end_entity_without_purpose: choice, ..self }
    }

    /// Sets the key usage bits that the end entity needs, and whether the extension may be absent.
    #[must_use]
    pub fn with_end_entity_key_usage(self, bits: KeyUsage, absent: Choice) -> Self {
        Self { end_entity_key_usage: bits, end_entity_without_key_usage: absent, ..self }
    }

    /// Sets whether a CA certificate (cA true) may be a peer. Default: only in
    /// [`Profile::Rfc5280`] and [`Profile::Rfc5280Strict`].
    #[must_use]
    pub fn with_ca_as_end_entity(self, choice: Choice) -> Self {
        Self { ca_as_end_entity: choice, end_entity_with_cert_sign: choice, ..self }
    }

    /// Accepts v1 and v2 certificates as intermediates, which no extension marks as CAs. RFC 5280
    /// section 6.1.4 (k) leaves that to "out-of-band means": whoever calls this vouches that the
    /// pool holds no v1 end entity.
    #[must_use]
    pub fn dangerously_allow_v1_intermediates(self) -> Self {
        Self { v1_intermediates: Choice::Allow, ..self }
    }

    /// Reads name constraints as OpenSSL, Go and BoringSSL do where RFC 5280 section 4.2.1.10 says
    /// nothing or leaves a choice: a dNSName with a leading dot holds the names below it, and one
    /// of a dot alone holds nothing; constraints on a form of name that cannot be compared are
    /// passed over where the extension is not critical. Default: both refuse the names concerned.
    #[must_use]
    pub fn allow_loose_name_constraints(self) -> Self {
        Self { loose_name_constraints: Choice::Allow, ..self }
    }

    /// Sets which algorithms and keys are acceptable. Default: [`AlgorithmPolicy::default`].
    #[must_use]
    pub fn with_algorithms(self, algorithms: AlgorithmPolicy) -> Self {
        Self { algorithms, ..self }
    }

    /// Sets how many intermediates a path may have, self-issued ones not counted. Default: no
    /// bound but [`Limits::path_steps`].
    #[must_use]
    pub fn with_max_intermediates(self, max: u32) -> Self {
        Self { max_intermediates: Some(max), ..self }
    }

    /// Sets the longest lifetime of an end entity, in seconds from notBefore to notAfter, both
    /// included. Default: none.
    #[must_use]
    pub fn with_max_lifetime_seconds(self, seconds: u32) -> Self {
        Self { max_lifetime_seconds: Some(i64::from(seconds)), ..self }
    }

    /// Sets by how many seconds the clocks of issuer and relying party may differ: notBefore and
    /// notAfter are both widened. Default: 0.
    #[must_use]
    pub fn with_clock_skew_seconds(self, seconds: u32) -> Self {
        Self { clock_skew_seconds: seconds, ..self }
    }

    /// Sets user-initial-policy-set, RFC 5280 section 6.1.1 (c). Default: any-policy. Under an empty
    /// set no policy is acceptable.
    #[must_use]
    pub fn with_initial_policy_set(self, policies: impl IntoIterator<Item = OwnedOid>) -> Self {
        let sorted: BTreeSet<OwnedOid> = policies.into_iter().collect();
        Self { initial_policy_set: Some(sorted.into_iter().collect()), ..self }
    }

    /// Sets initial-policy-mapping-inhibit, RFC 5280 section 6.1.1 (d). Default: not set.
    #[must_use]
    pub fn with_policy_mapping_inhibited(self) -> Self {
        Self { initial_policy_mapping_inhibit: true, ..self }
    }

    /// Sets initial-explicit-policy, RFC 5280 section 6.1.1 (e). Default: not set.
    #[must_use]
    pub fn with_explicit_policy_required(self) -> Self {
        Self { initial_explicit_policy: true, ..self }
    }

    /// Sets initial-any-policy-inhibit, RFC 5280 section 6.1.1 (f). Default: not set.
    #[must_use]
    pub fn with_any_policy_inhibited(self) -> Self {
        Self { initial_any_policy_inhibit: true, ..self }
    }

    /// Sets how much of the X.509-SVID profile is demanded. Default: that of the profile.
    ///
    /// What its rules imply (no CA as a peer, no keyCertSign, and in full also digitalSignature) is
    /// then reported under their codes alone.
    #[must_use]
    pub fn with_svid_profile(self, svid: SvidProfile) -> Self {
        Self { svid, ..self }
    }

    /// Demands one more of the rules that RFC 5280 or the CA/Browser Forum set for CAs.
    #[must_use]
    pub fn with_rule(mut self, rule: ConformanceRule) -> Self {
        self.conformance = self.conformance.with(rule);
        self
    }

    /// Drops one of the rules of the strict profiles.
    #[must_use]
    pub fn without_rule(mut self, rule: ConformanceRule) -> Self {
        self.conformance = self.conformance.without(rule);
        self
    }

    /// Sets what [`ConformanceRule::WildcardPublicSuffix`] knows of public suffixes. Default: top
    /// level domains only.
    #[must_use]
    pub fn with_public_suffixes(self, list: Arc<dyn PublicSuffixes>) -> Self {
        Self { public_suffixes: Some(list), ..self }
    }

    /// Lets `handler` judge the extension `oid`, critical or not. An extension that
    /// [`ExtensionKind`](crate::x509::ExtensionKind) names is still processed by this crate.
    #[must_use]
    pub fn with_extension_handler(
        mut self,
        oid: OwnedOid,
        handler: Arc<dyn ExtensionHandler>,
    ) -> Self {
        self.handlers.insert(oid, handler);
        self
    }

    /// Sets what is demanded of revocation evidence. Default: [`RevocationPolicy::hard_fail`] for a
    /// verifier that was given evidence; one that was given none does not ask, and its decisions
    /// say so.
    #[must_use]
    pub fn with_revocation(self, revocation: RevocationPolicy) -> Self {
        Self { revocation: Some(revocation), ..self }
    }

    /// Sets the bounds on work. Default: [`Limits::DEFAULT`].
    #[must_use]
    pub fn with_limits(self, limits: Limits) -> Self {
        Self { limits, ..self }
    }

    /// The policy that signers of revocation evidence are validated by: RFC 5280 with the same
    /// algorithms, clock and limits, and no demands on purpose, key usage or names.
    pub(crate) fn for_signers(&self) -> Self {
        Self {
            algorithms: self.algorithms,
            clock_skew_seconds: self.clock_skew_seconds,
            max_intermediates: self.max_intermediates,
            v1_intermediates: self.v1_intermediates,
            handlers: self.handlers.clone(),
            limits: self.limits,
            ..Self::rfc5280()
        }
    }

    /// Returns the profile that this policy started from.
    #[must_use]
    pub const fn profile(&self) -> Profile {
        self.profile
    }

    /// Returns by how many seconds clocks may differ.
    #[must_use]
    pub const fn clock_skew_seconds(&self) -> u32 {
        self.clock_skew_seconds
    }

    /// Returns the bounds on work.
    #[must_use]
    pub const fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Returns the SHA-256 of the canonical text.
    #[must_use]
    pub fn digest(&self) -> [u8; 32] {
        Sha256::digest(self.to_string().as_bytes()).into()
    }
}

impl fmt::Display for ValidationPolicy {
    /// Writes the canonical text: one `key value` a line, always all keys, in one order.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "bonafide-policy 1")?;
        writeln!(f, "profile {}", self.profile)?;
        writeln!(f, "purpose {}", self.purpose)?;
        writeln!(f, "any-purpose-in-ca {}", self.any_purpose_in_ca.name())?;
        writeln!(f, "any-purpose-in-end-entity {}", self.any_purpose_in_end_entity.name())?;
        writeln!(f, "end-entity-without-purpose {}", self.end_entity_without_purpose.name())?;
        writeln!(f, "end-entity-key-usage {:04x}", self.end_entity_key_usage.bits())?;
        writeln!(f, "end-entity-without-key-usage {}", self.end_entity_without_key_usage.name())?;
        writeln!(f, "ca-as-end-entity {}", self.ca_as_end_entity.name())?;
        writeln!(f, "end-entity-with-cert-sign {}", self.end_entity_with_cert_sign.name())?;
        writeln!(f, "v1-intermediates {}", self.v1_intermediates.name())?;
        writeln!(f, "loose-name-constraints {}", self.loose_name_constraints.name())?;
        writeln!(f, "algorithms {}", self.algorithms)?;
        match self.max_intermediates {
            Some(max) => writeln!(f, "max-intermediates {max}")?,
            None => writeln!(f, "max-intermediates none")?,
        }
        match self.max_lifetime_seconds {
            Some(max) => writeln!(f, "max-lifetime-seconds {max}")?,
            None => writeln!(f, "max-lifetime-seconds none")?,
        }
        writeln!(f, "clock-skew-seconds {}", self.clock_skew_seconds)?;
        write!(f, "initial-policy-set")?;
        match &self.initial_policy_set {
            None => write!(f, " any")?,
            Some(policies) => policies.iter().try_for_each(|oid| write!(f, " {oid}"))?,
        }
        writeln!(f)?;
        writeln!(f, "initial-explicit-policy {}", self.initial_explicit_policy)?;
        writeln!(f, "initial-policy-mapping-inhibit {}", self.initial_policy_mapping_inhibit)?;
        writeln!(f, "initial-any-policy-inhibit {}", self.initial_any_policy_inhibit)?;
        writeln!(
            f,
            "svid {}",
            match self.svid {
                SvidProfile::Off => "off",
                SvidProfile::Minimal => "minimal",
                SvidProfile::Strict => "strict",
            }
        )?;
        write!(f, "rules")?;
        for rule in self.conformance.iter() {
            write!(f, " {}", rule.name())?;
        }
        writeln!(f)?;
        match &self.public_suffixes {
            Some(list) => writeln!(f, "public-suffixes {}", list.name())?,
            None => writeln!(f, "public-suffixes none")?,
        }
        for (oid, handler) in &self.handlers {
            writeln!(f, "handler {oid} {}", handler.name())?;
        }
        match &self.revocation {
            Some(revocation) => writeln!(f, "revocation {revocation}")?,
            None => writeln!(f, "revocation default")?,
        }
        let Limits {
            signatures,
            path_steps,
            name_comparisons,
            policy_nodes,
            pool_certificates,
            pool_bytes,
            evidence_checks,
        } = self.limits;
        writeln!(
            f,
            "limits {signatures} {path_steps} {name_comparisons} {policy_nodes} \
             {pool_certificates} {pool_bytes} {evidence_checks}"
        )
    }
}
