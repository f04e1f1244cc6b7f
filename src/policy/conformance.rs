//! Rules that RFC 5280 and the CA/Browser Forum set for *conforming CAs*.
//!
//! Path validation (RFC 5280 section 6.1) does not check them, and refusing a peer for its CA's
//! carelessness would break estates that work; so they are off except in the strict profiles, and
//! each can be switched on its own. The checks are in `constraints::conformance`.

use core::fmt;

macro_rules! conformance_rules {
    ($($(#[$doc:meta])* $name:ident = $text:literal, $sets:expr;)*) => {
        /// A demand on what CAs issue; see [`Conformance`].
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum ConformanceRule {
            $($(#[$doc])* $name,)*
        }

        impl ConformanceRule {
            /// All rules.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// Returns the stable name; findings carry the code `conformance.` followed by it.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }

            /// Returns the code of the finding.
            #[must_use]
            pub const fn code(self) -> &'static str {
                match self { $(Self::$name => concat!("conformance.", $text),)* }
            }

            const fn sets(self) -> u8 {
                match self { $(Self::$name => $sets,)* }
            }
        }
    };
}

/// Member of [`Conformance::RFC5280`].
const R: u8 = 1;
/// Member of [`Conformance::CABF`].
const C: u8 = 2;

conformance_rules! {
    /// RFC 5280 4.1.2.1, CA/B BR 7.1.1: the certificate is of version 3.
    VersionThree = "version-three", R | C;
    /// RFC 5280 4.1.2.2: serialNumber is a positive integer.
    SerialPositive = "serial-positive", R | C;
    /// RFC 5280 4.1.2.2: serialNumber has at most 20 octets.
    SerialLength = "serial-length", R | C;
    /// RFC 5280 4.1.2.4: issuer is not empty.
    IssuerNotEmpty = "issuer-not-empty", R | C;
    /// RFC 5280 4.1.2.6: the subject of a CA is not empty.
    CaSubjectNotEmpty = "ca-subject-not-empty", R | C;
    /// RFC 5280 4.2.1.1: authorityKeyIdentifier with keyIdentifier in all but self-signed.
    AuthorityKeyIdPresent = "authority-key-id-present", R | C;
    /// RFC 5280 4.2.1.1: authorityKeyIdentifier is not critical.
    AuthorityKeyIdNotCritical = "authority-key-id-not-critical", R | C;
    /// RFC 5280 4.2.1.2: subjectKeyIdentifier in every CA certificate.
    SubjectKeyIdInCa = "subject-key-id-in-ca", R | C;
    /// RFC 5280 4.2.1.2: subjectKeyIdentifier is not critical.
    SubjectKeyIdNotCritical = "subject-key-id-not-critical", R | C;
    /// RFC 5280 4.2.1.3: keyUsage is present in CA certificates.
    KeyUsageInCa = "key-usage-in-ca", R | C;
    /// RFC 5280 4.2.1.3: at least one bit of keyUsage is set.
    KeyUsageNotEmpty = "key-usage-not-empty", R | C;
    /// RFC 5280 4.2.1.3, 4.2.1.9: keyCertSign needs cA.
    CertSignNeedsCa = "cert-sign-needs-ca", R | C;
    /// RFC 5280 4.2.1.3, 4.2.1.9: cA needs keyCertSign, where keyUsage is present.
    CaNeedsCertSign = "ca-needs-cert-sign", R | C;
    /// RFC 5280 4.2.1.6: subjectAltName is critical where the subject is empty.
    SanCriticalIfSubjectEmpty = "san-critical-if-subject-empty", R | C;
    /// RFC 5280 4.2.1.6: a dNSName is in preferred name syntax, at most with `*.` before it: no
    /// underscore, no empty label, no address, no other wildcard.
    DnsNameSyntax = "dns-name-syntax", R | C;
    /// RFC 5280 4.2.1.9: basicConstraints is critical in CA certificates.
    BasicConstraintsCritical = "basic-constraints-critical", R | C;
    /// RFC 5280 4.2.1.9: pathLenConstraint needs cA and keyCertSign.
    PathLenNeedsCa = "path-len-needs-ca", R | C;
    /// RFC 5280 4.2.1.10: nameConstraints is critical.
    NameConstraintsCritical = "name-constraints-critical", R;
    /// RFC 5280 4.2.1.10: nameConstraints stands in CA certificates only.
    NameConstraintsInCa = "name-constraints-in-ca", R | C;
    /// RFC 5280 4.2.1.5: policyMappings is critical.
    PolicyMappingsCritical = "policy-mappings-critical", 0;
    /// RFC 5280 4.2.1.11: policyConstraints is critical.
    PolicyConstraintsCritical = "policy-constraints-critical", R | C;
    /// RFC 5280 4.2.1.14: inhibitAnyPolicy is critical.
    InhibitAnyPolicyCritical = "inhibit-any-policy-critical", R | C;
    /// RFC 5280 4.2.2.1, 4.2.2.2: authorityInfoAccess and subjectInfoAccess are not critical.
    InfoAccessNotCritical = "info-access-not-critical", R | C;
    /// The certificate of an anchor obeys these rules too, is in date, has basicConstraints with
    /// cA and no unknown critical extension.
    AnchorConforms = "anchor-conforms", R | C;
    /// RFC 5280 5.2.3: every CRL has a cRLNumber, not critical.
    CrlNumber = "crl-number", R;
    /// CA/B BR 7.1.4.3: there is at most one common name, and it repeats a subjectAltName, character
    /// for character.
    CommonNameInSan = "common-name-in-san", C;
    /// CA/B BR 7.1.2.7.12: subjectAltName is not critical where there is a subject.
    SanNotCriticalWithSubject = "san-not-critical-with-subject", C;
    /// CA/B BR 7.1.2.7.10: extended key usage of a subscriber is not critical.
    ExtendedKeyUsageNotCritical = "ext-key-usage-not-critical", C;
    /// CA/B BR 7.1.2.7.10: a subscriber's extended key usage has no anyExtendedKeyUsage.
    NoAnyExtendedKeyUsage = "no-any-ext-key-usage", C;
    /// CA/B BR 7.1.2.1.2: a root has no extended key usage.
    AnchorWithoutExtendedKeyUsage = "anchor-without-ext-key-usage", C;
    /// CA/B BR 7.1.2.1.3: authorityKeyIdentifier of a root: key identifier only, its own.
    AnchorAuthorityKeyId = "anchor-authority-key-id", C;
    /// CA/B BR 7.1.2.7.7: authorityInfoAccess holds URIs.
    InfoAccessUris = "info-access-uris", C;
    /// CA/B BR 6.1.5: the key of the anchor, too, is one that the algorithm policy allows.
    AnchorKey = "anchor-key", C;
    /// CA/B BR 6.1.5: the length of an RSA modulus in bits is divisible by 8.
    RsaModulusOctets = "rsa-modulus-octets", C;
    /// CA/B BR 3.2.2.6: no wildcard directly under a public suffix. Top level domains are known;
    /// others need [`PublicSuffixes`](super::PublicSuffixes).
    WildcardPublicSuffix = "wildcard-public-suffix", C;
}

/// A set of [`ConformanceRule`]s.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Conformance(u64);

impl Conformance {
    /// No rule: RFC 5280 section 6.1 as written.
    pub const NONE: Self = Self(0);
    /// What RFC 5280 demands of conforming CAs.
    pub const RFC5280: Self = Self::members(R);
    /// What the CA/Browser Forum demands.
    pub const CABF: Self = Self::members(C);

    const fn members(set: u8) -> Self {
        let mut rules = Self::NONE;
        let mut rest = ConformanceRule::ALL;
        while let [rule, tail @ ..] = rest {
            if rule.sets() & set != 0 {
                rules = rules.with(*rule);
            }
            rest = tail;
        }
        rules
    }

    /// The set with `rule`.
    #[must_use]
    pub const fn with(self, rule: ConformanceRule) -> Self {
        Self(self.0 | bit(rule))
    }

    /// The set without `rule`.
    #[must_use]
    pub const fn without(self, rule: ConformanceRule) -> Self {
        Self(self.0 & !bit(rule))
    }

    /// Whether `rule` is demanded.
    #[must_use]
    pub const fn demands(self, rule: ConformanceRule) -> bool {
        self.0 & bit(rule) != 0
    }

    /// Whether no rule is demanded.
    #[must_use]
    pub const fn is_none(self) -> bool {
        self.0 == 0
    }

    /// The rules of the set, in the order of [`ConformanceRule::ALL`].
    pub fn iter(self) -> impl Iterator<Item = ConformanceRule> {
        ConformanceRule::ALL.iter().copied().filter(move |&rule| self.demands(rule))
    }
}

#[expect(clippy::as_conversions, reason = "a fieldless enum's discriminant, below 64")]
const fn bit(rule: ConformanceRule) -> u64 {
    1 << (rule as u64)
}

impl fmt::Display for ConformanceRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::VersionThree => "the certificate must be of version 3",
            Self::SerialPositive => "the serial number must be positive",
            Self::SerialLength => "the serial number must have at most 20 octets",
            Self::IssuerNotEmpty => "the issuer must not be empty",
            Self::CaSubjectNotEmpty => "the subject of a ca must not be empty",
            Self::AuthorityKeyIdPresent => "the authority key identifier must be present",
            Self::AuthorityKeyIdNotCritical => "the authority key identifier must not be critical",
            Self::SubjectKeyIdInCa => "a ca must have a subject key identifier",
            Self::SubjectKeyIdNotCritical => "the subject key identifier must not be critical",
            Self::KeyUsageInCa => "a ca must have key usage",
            Self::KeyUsageNotEmpty => "key usage must have at least one bit set",
            Self::CertSignNeedsCa => "keyCertSign must be set in ca certificates only",
            Self::CaNeedsCertSign => "key usage of a ca must have keyCertSign",
            Self::SanCriticalIfSubjectEmpty => {
                "the subject alternative name must be critical where the subject is empty"
            }
            Self::DnsNameSyntax => "a dns name must be in preferred name syntax",
            Self::BasicConstraintsCritical => "basic constraints of a ca must be critical",
            Self::PathLenNeedsCa => "a path length constraint needs ca and keyCertSign",
            Self::NameConstraintsCritical => "name constraints must be critical",
            Self::NameConstraintsInCa => "name constraints must stand in ca certificates only",
            Self::PolicyMappingsCritical => "policy mappings must be critical",
            Self::PolicyConstraintsCritical => "policy constraints must be critical",
            Self::InhibitAnyPolicyCritical => "inhibit any-policy must be critical",
            Self::InfoAccessNotCritical => "information access must not be critical",
            Self::AnchorConforms => "the certificate of the anchor must conform too",
            Self::CrlNumber => "a crl must have a number that is not critical",
            Self::CommonNameInSan => {
                "a common name must repeat one of the subject alternative names"
            }
            Self::SanNotCriticalWithSubject => {
                "the subject alternative name must not be critical where there is a subject"
            }
            Self::ExtendedKeyUsageNotCritical => "extended key usage must not be critical",
            Self::NoAnyExtendedKeyUsage => "extended key usage must not have anyExtendedKeyUsage",
            Self::AnchorWithoutExtendedKeyUsage => "a root must have no extended key usage",
            Self::AnchorAuthorityKeyId => {
                "the authority key identifier of a root must be its own key identifier alone"
            }
            Self::InfoAccessUris => "information access must hold uris",
            Self::AnchorKey => "the key of the anchor must be acceptable",
            Self::RsaModulusOctets => "the length of an rsa modulus must be divisible by 8",
            Self::WildcardPublicSuffix => {
                "a wildcard must not stand directly under a public suffix"
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_are_bits_of_their_rules() {
        assert!(ConformanceRule::ALL.len() <= 64);
        let set = Conformance::NONE.with(ConformanceRule::CrlNumber);
        assert!(set.demands(ConformanceRule::CrlNumber));
        assert!(!set.demands(ConformanceRule::SerialLength));
        assert!(set.without(ConformanceRule::CrlNumber).is_none());
        assert!(Conformance::RFC5280.demands(ConformanceRule::NameConstraintsCritical));
        assert!(!Conformance::CABF.demands(ConformanceRule::NameConstraintsCritical));
        assert_eq!(Conformance::CABF.iter().filter(|r| r.name() == "anchor-key").count(), 1);
    }
}
