//! The extensions that carry certificate policies.
//!
//! RFC 5280 sections 4.2.1.4 (certificate policies), 4.2.1.5 (policy mappings), 4.2.1.11 (policy
//! constraints) and 4.2.1.14 (inhibit anyPolicy). Each `read` walks the whole extension value
//! once and strictly, so that the iterators afterwards cannot fail; nothing is copied.
//!
//! Left to the caller: what the policies mean for a path (`constraints::policies`), whether the
//! extension was marked critical, and so whether an unknown qualifier is an error.
//!
//! Not looked into: the content of a policy qualifier. It is text for people and takes no part in
//! validation; certificates in use encode it in many ways. Its framing is checked.

use alloc::vec::Vec;

use super::der::{DerError, DerErrorKind, Element, Reader, Tag, saturating_unsigned};
use super::extension_values::{nonempty, only, sequence_of};
use super::oid::{Oid, known};

/// Certificate policies, `2.5.29.32`: the policies under which a certificate was issued or, in a CA
/// certificate, those that paths through it may have ([RFC 5280 section 4.2.1.4]).
///
/// INVARIANT: at least one policy, each policy once.
///
/// [RFC 5280 section 4.2.1.4]: https://www.rfc-editor.org/rfc/rfc5280#section-4.2.1.4
#[derive(Clone, Debug)]
pub struct CertificatePolicies<'a> {
    content: Reader<'a>,
    count: u32,
    any_policy: bool,
    unknown_qualifiers: bool,
}

impl<'a> CertificatePolicies<'a> {
    /// Reads an extension value whose first byte stands at `offset`.
    pub(crate) fn read(value: &'a [u8], offset: usize) -> Result<Self, DerError> {
        let content = sequence_of(value, offset)?;
        let mut policies = Self {
            content: content.clone(),
            count: 0,
            any_policy: false,
            unknown_qualifiers: false,
        };
        let mut rest = content;
        while !rest.is_empty() {
            let (policy, unknown_qualifiers) = policy_information(&mut rest)?;
            policies.count += 1;
            policies.any_policy |= policy.is_any_policy();
            policies.unknown_qualifiers |= unknown_qualifiers;
        }
        policies.check_distinct()?;
        Ok(policies)
    }

    /// Iterates over the policies in the order of the certificate.
    pub fn iter(&self) -> impl Iterator<Item = PolicyInformation<'a>> + use<'a> {
        let mut rest = self.content.clone();
        core::iter::from_fn(move || policy_information(&mut rest).ok().map(|(policy, _)| policy))
    }

    /// How many policies there are.
    #[must_use]
    pub const fn count(&self) -> u32 {
        self.count
    }

    /// Whether `anyPolicy` is among the policies.
    #[must_use]
    pub const fn has_any_policy(&self) -> bool {
        self.any_policy
    }

    /// Whether a policy has a qualifier other than a CPS pointer or a user notice.
    ///
    /// RFC 5280 4.2.1.4: "If this extension is critical, the path validation software MUST be able
    /// to interpret this extension (including the optional qualifier), or MUST reject the
    /// certificate."
    #[must_use]
    pub const fn has_unknown_qualifiers(&self) -> bool {
        self.unknown_qualifiers
    }

    /// RFC 5280 4.2.1.4: "A certificate policy OID MUST NOT appear more than once in a certificate
    /// policies extension."
    fn check_distinct(&self) -> Result<(), DerError> {
        /// Up to here comparing each with each is faster than sorting, and allocates nothing.
        const FEW: u32 = 12;
        let duplicate =
            |policy: &PolicyInformation<'_>| DerError::new(policy.offset, DerErrorKind::Duplicate);
        if self.count <= FEW {
            for (place, policy) in self.iter().enumerate() {
                if self.iter().take(place).any(|earlier| earlier.policy == policy.policy) {
                    return Err(duplicate(&policy));
                }
            }
            return Ok(());
        }
        let mut sorted: Vec<_> = self.iter().collect();
        sorted.sort_unstable_by_key(|information| (information.policy, information.offset));
        let pairs = sorted.iter().zip(sorted.iter().skip(1));
        let repeated = pairs.filter(|(earlier, later)| earlier.policy == later.policy);
        match repeated.map(|(_, later)| later).min_by_key(|later| later.offset) {
            Some(later) => Err(duplicate(later)),
            None => Ok(()),
        }
    }
}

/// One policy of a [`CertificatePolicies`] extension.
#[derive(Clone, Copy, Debug)]
pub struct PolicyInformation<'a> {
    policy: Oid<'a>,
    qualifiers: Option<&'a [u8]>,
    offset: usize,
}

impl<'a> PolicyInformation<'a> {
    /// The policy.
    #[must_use]
    pub const fn policy(&self) -> Oid<'a> {
        self.policy
    }

    /// The policy qualifiers, if any: the DER of `SEQUENCE OF PolicyQualifierInfo` without its
    /// header.
    #[must_use]
    pub const fn qualifiers(&self) -> Option<&'a [u8]> {
        self.qualifiers
    }

    /// Whether this is `anyPolicy`.
    #[must_use]
    pub fn is_any_policy(&self) -> bool {
        self.policy.as_bytes() == known::ANY_POLICY
    }
}

/// `PolicyInformation`, and whether it has an unknown qualifier.
fn policy_information<'a>(
    reader: &mut Reader<'a>,
) -> Result<(PolicyInformation<'a>, bool), DerError> {
    let element = reader.element(Tag::SEQUENCE)?;
    let mut information = element.reader();
    let policy = Oid::trusted(information.oid()?);
    let mut unknown = false;
    let qualifiers = information.optional(Tag::SEQUENCE)?;
    information.finish()?;
    if let Some(qualifiers) = &qualifiers {
        let mut rest = nonempty(qualifiers)?;
        while !rest.is_empty() {
            let mut qualifier = rest.sequence()?;
            let id = qualifier.oid()?;
            qualifier.any()?;
            qualifier.finish()?;
            unknown |= id != known::QUALIFIER_CPS && id != known::QUALIFIER_USER_NOTICE;
        }
    }
    let information = PolicyInformation {
        policy,
        qualifiers: qualifiers.map(|element| element.content),
        offset: element.offset,
    };
    Ok((information, unknown))
}

/// Policy mappings, `2.5.29.33`: which policies of the subject's domain the issuer takes as
/// equivalent to which of its own ([RFC 5280 section 4.2.1.5]).
///
/// A mapping from or to `anyPolicy` is well-formed here; path validation refuses it
/// (RFC 5280 6.1.4 (a)).
///
/// INVARIANT: at least one mapping.
///
/// [RFC 5280 section 4.2.1.5]: https://www.rfc-editor.org/rfc/rfc5280#section-4.2.1.5
#[derive(Clone, Debug)]
pub struct PolicyMappings<'a> {
    content: Reader<'a>,
    count: u32,
    any_policy: bool,
}

impl<'a> PolicyMappings<'a> {
    /// Reads an extension value whose first byte stands at `offset`.
    pub(crate) fn read(value: &'a [u8], offset: usize) -> Result<Self, DerError> {
        let content = sequence_of(value, offset)?;
        let mut mappings = Self { content: content.clone(), count: 0, any_policy: false };
        let mut rest = content;
        while !rest.is_empty() {
            let mapping = policy_mapping(&mut rest)?;
            mappings.count += 1;
            mappings.any_policy |= mapping.issuer_domain_policy.as_bytes() == known::ANY_POLICY
                || mapping.subject_domain_policy.as_bytes() == known::ANY_POLICY;
        }
        Ok(mappings)
    }

    /// Iterates over the mappings in the order of the certificate.
    pub fn iter(&self) -> impl Iterator<Item = PolicyMapping<'a>> + use<'a> {
        let mut rest = self.content.clone();
        core::iter::from_fn(move || policy_mapping(&mut rest).ok())
    }

    /// How many mappings there are.
    #[must_use]
    pub const fn count(&self) -> u32 {
        self.count
    }

    /// Whether `anyPolicy` stands on either side of a mapping.
    #[must_use]
    pub const fn has_any_policy(&self) -> bool {
        self.any_policy
    }
}

/// One pair of a [`PolicyMappings`] extension.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub struct PolicyMapping<'a> {
    /// The policy in the domain of the issuer.
    pub issuer_domain_policy: Oid<'a>,
    /// The policy in the domain of the subject that the issuer takes as equivalent.
    pub subject_domain_policy: Oid<'a>,
}

fn policy_mapping<'a>(reader: &mut Reader<'a>) -> Result<PolicyMapping<'a>, DerError> {
    let mut pair = reader.sequence()?;
    let issuer_domain_policy = Oid::trusted(pair.oid()?);
    let subject_domain_policy = Oid::trusted(pair.oid()?);
    pair.finish()?;
    Ok(PolicyMapping { issuer_domain_policy, subject_domain_policy })
}

/// Policy constraints, `2.5.29.36` ([RFC 5280 section 4.2.1.11]).
///
/// A count of certificates beyond `u32::MAX` is read as `u32::MAX`: no path is that long.
///
/// [RFC 5280 section 4.2.1.11]: https://www.rfc-editor.org/rfc/rfc5280#section-4.2.1.11
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PolicyConstraints {
    /// `requireExplicitPolicy`: how many more certificates may stand in the path before a policy
    /// that is acceptable to the relying party is needed for all of it.
    pub require_explicit_policy: Option<u32>,
    /// `inhibitPolicyMapping`: how many more certificates may stand in the path before policies are
    /// no longer mapped.
    pub inhibit_policy_mapping: Option<u32>,
}

impl PolicyConstraints {
    /// Reads an extension value whose first byte stands at `offset`.
    pub(crate) fn read(value: &[u8], offset: usize) -> Result<Self, DerError> {
        // RFC 5280 4.2.1.11: "Conforming CAs MUST NOT issue certificates where policy constraints
        // is an empty sequence."
        let mut content = sequence_of(value, offset)?;
        let require_explicit_policy =
            content.optional(Tag::context(0))?.map(|count| skip_certs(&count)).transpose()?;
        let inhibit_policy_mapping =
            content.optional(Tag::context(1))?.map(|count| skip_certs(&count)).transpose()?;
        content.finish()?;
        Ok(Self { require_explicit_policy, inhibit_policy_mapping })
    }
}

/// Inhibit anyPolicy, `2.5.29.54` ([RFC 5280 section 4.2.1.14]): how many more certificates that
/// are not self-issued may stand in the path before `anyPolicy` matches nothing but itself.
///
/// A count beyond `u32::MAX` is read as `u32::MAX`.
///
/// [RFC 5280 section 4.2.1.14]: https://www.rfc-editor.org/rfc/rfc5280#section-4.2.1.14
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct InhibitAnyPolicy {
    /// The count.
    pub skip_certs: u32,
}

impl InhibitAnyPolicy {
    /// Reads an extension value whose first byte stands at `offset`.
    pub(crate) fn read(value: &[u8], offset: usize) -> Result<Self, DerError> {
        let count = only(value, offset, Tag::INTEGER)?;
        Ok(Self { skip_certs: skip_certs(&count)? })
    }
}

/// `SkipCerts ::= INTEGER (0..MAX)`.
fn skip_certs(element: &Element<'_>) -> Result<u32, DerError> {
    saturating_unsigned(element.content).map_err(|kind| element.error(kind))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::x509::encode::tlv;
    use alloc::string::ToString;

    const OID_1: &[u8] = &[0x06, 0x02, 0x2a, 0x01];
    const OID_2: &[u8] = &[0x06, 0x02, 0x2a, 0x02];
    const ANY: &[u8] = &[0x06, 0x04, 0x55, 0x1d, 0x20, 0x00];
    const CPS: &[u8] = &[0x06, 0x08, 0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x02, 0x01];
    const TEXT: &[u8] = &[0x16, 0x01, b'x'];

    #[test]
    fn certificate_policies_are_strict() {
        let cps = tlv(0x30, &[CPS, TEXT]);
        let custom = tlv(0x30, &[OID_2, TEXT]);
        let bare = |oid| tlv(0x30, &[oid]);
        let qualified = |qualifier: &[u8]| tlv(0x30, &[OID_1, &tlv(0x30, &[qualifier])]);
        for (case, value, expected) in [
            ("one policy", tlv(0x30, &[&bare(OID_1)]), Ok((1, false, false))),
            ("anyPolicy among two", tlv(0x30, &[&bare(OID_1), &bare(ANY)]), Ok((2, true, false))),
            ("CPS pointer", tlv(0x30, &[&qualified(&cps)]), Ok((1, false, false))),
            ("unknown qualifier", tlv(0x30, &[&qualified(&custom)]), Ok((1, false, true))),
            ("no policy", tlv(0x30, &[]), Err((0, DerErrorKind::Empty))),
            ("no qualifier", tlv(0x30, &[&qualified(&[])]), Err((8, DerErrorKind::Empty))),
            (
                "repeated policy",
                tlv(0x30, &[&bare(OID_1), &bare(OID_2), &bare(OID_1)]),
                Err((14, DerErrorKind::Duplicate)),
            ),
            (
                "bytes after the qualifiers",
                tlv(0x30, &[&tlv(0x30, &[OID_1, TEXT])]),
                Err((8, DerErrorKind::TrailingData { extra: 3 })),
            ),
            (
                "bytes in the qualifier",
                tlv(0x30, &[&qualified(&tlv(0x30, &[OID_2, TEXT, TEXT]))]),
                Err((19, DerErrorKind::TrailingData { extra: 3 })),
            ),
            (
                "qualifier without a value",
                tlv(0x30, &[&qualified(&tlv(0x30, &[OID_2]))]),
                Err((16, DerErrorKind::Truncated { missing: 2 })),
            ),
            (
                "bytes after the extension",
                [tlv(0x30, &[&bare(OID_1)]), alloc::vec![0]].concat(),
                Err((8, DerErrorKind::TrailingData { extra: 1 })),
            ),
        ] {
            let found = CertificatePolicies::read(&value, 100)
                .map(|p| (p.count(), p.has_any_policy(), p.has_unknown_qualifiers()))
                .map_err(|error| (error.offset() - 100, error.kind()));
            assert_eq!(found, expected, "{case}");
        }
    }

    #[test]
    fn qualifiers_are_kept_as_they_stand() {
        let cps = tlv(0x30, &[CPS, TEXT]);
        let value = tlv(0x30, &[&tlv(0x30, &[OID_1, &tlv(0x30, &[&cps])]), &tlv(0x30, &[OID_2])]);
        let policies = CertificatePolicies::read(&value, 0).unwrap();
        let found: Vec<_> =
            policies.iter().map(|p| (p.policy().to_string(), p.qualifiers())).collect();
        assert_eq!(found, [("1.2.1".into(), Some(&cps[..])), ("1.2.2".into(), None)]);
    }

    #[test]
    fn a_repetition_among_many_policies_is_found_where_it_stands() {
        let one = |n: u16| {
            let [high, low] = n.to_be_bytes();
            tlv(0x30, &[&[0x06, 0x03, 0x2a, 0x80 | (high & 0x7f) | 1, low & 0x7f]])
        };
        let mut policies: Vec<Vec<u8>> = (0..100).rev().map(one).collect();
        let distinct = tlv(0x30, &[&policies.concat()]);
        assert_eq!(CertificatePolicies::read(&distinct, 0).unwrap().count(), 100);
        policies.extend([one(7), one(3), one(7)]);
        let error = CertificatePolicies::read(&tlv(0x30, &[&policies.concat()]), 0).unwrap_err();
        assert_eq!((error.offset(), error.kind()), (4 + 100 * 7, DerErrorKind::Duplicate));
    }

    #[test]
    fn policy_mappings_are_strict() {
        for (case, value, expected) in [
            ("one", tlv(0x30, &[&tlv(0x30, &[OID_1, OID_2])]), Ok((1, false))),
            ("to anyPolicy", tlv(0x30, &[&tlv(0x30, &[OID_1, ANY])]), Ok((1, true))),
            ("from anyPolicy", tlv(0x30, &[&tlv(0x30, &[ANY, OID_1])]), Ok((1, true))),
            ("none", tlv(0x30, &[]), Err((0, DerErrorKind::Empty))),
            (
                "half a pair",
                tlv(0x30, &[&tlv(0x30, &[OID_1])]),
                Err((8, DerErrorKind::Truncated { missing: 2 })),
            ),
            (
                "three of a pair",
                tlv(0x30, &[&tlv(0x30, &[OID_1, OID_2, OID_2])]),
                Err((12, DerErrorKind::TrailingData { extra: 4 })),
            ),
        ] {
            let found = PolicyMappings::read(&value, 0)
                .map(|m| (m.count(), m.has_any_policy()))
                .map_err(|error| (error.offset(), error.kind()));
            assert_eq!(found, expected, "{case}");
        }
        let value = tlv(0x30, &[&tlv(0x30, &[OID_1, OID_2]), &tlv(0x30, &[OID_2, OID_1])]);
        let mappings = PolicyMappings::read(&value, 0).unwrap();
        let (one, two) = (Oid::trusted(&OID_1[2..]), Oid::trusted(&OID_2[2..]));
        let pairs: Vec<_> =
            mappings.iter().map(|m| (m.issuer_domain_policy, m.subject_domain_policy)).collect();
        assert_eq!(pairs, [(one, two), (two, one)]);
    }

    #[test]
    fn counts_saturate_and_are_never_negative() {
        let both = |require, inhibit| Ok((require, inhibit));
        for (case, content, expected) in [
            ("explicit policy", &[0x80, 1, 0][..], both(Some(0), None)),
            ("no mapping", &[0x81, 1, 3], both(None, Some(3))),
            ("both", &[0x80, 1, 2, 0x81, 1, 3], both(Some(2), Some(3))),
            ("2^32 - 1", &[0x80, 5, 0, 255, 255, 255, 255], both(Some(u32::MAX), None)),
            ("2^32", &[0x80, 5, 1, 0, 0, 0, 0], both(Some(u32::MAX), None)),
            ("2^48 + 1", &[0x80, 7, 1, 0, 0, 0, 0, 0, 1], both(Some(u32::MAX), None)),
            ("neither", &[], Err((0, DerErrorKind::Empty))),
            ("negative", &[0x80, 1, 0xff], Err((2, DerErrorKind::IntegerOutOfRange))),
            ("not minimal", &[0x80, 2, 0, 1], Err((2, DerErrorKind::NonMinimalInteger))),
            ("no content", &[0x80, 0], Err((2, DerErrorKind::NonMinimalInteger))),
            (
                "wrong order",
                &[0x81, 1, 0, 0x80, 1, 0],
                Err((5, DerErrorKind::TrailingData { extra: 3 })),
            ),
        ] {
            let value = tlv(0x30, &[content]);
            let found = PolicyConstraints::read(&value, 0)
                .map(|c| (c.require_explicit_policy, c.inhibit_policy_mapping))
                .map_err(|error| (error.offset(), error.kind()));
            assert_eq!(found, expected, "{case}");
        }
        let inhibit = |value: &[u8]| InhibitAnyPolicy::read(value, 0).map(|i| i.skip_certs);
        assert_eq!(inhibit(&[2, 1, 5]), Ok(5));
        assert_eq!(inhibit(&[2, 5, 1, 0, 0, 0, 0]), Ok(u32::MAX));
        assert_eq!(inhibit(&[2, 1, 0x80]), Err(DerError::new(0, DerErrorKind::IntegerOutOfRange)));
        assert_eq!(
            inhibit(&[2, 1, 5, 0]),
            Err(DerError::new(3, DerErrorKind::TrailingData { extra: 1 }))
        );
    }
}
