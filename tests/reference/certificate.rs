//! What section 6 reads of a certificate, taken out with `x509-cert`.

use std::collections::BTreeSet;

use der::asn1::ObjectIdentifier;
use der::{Decode, Encode, Tagged};
use x509_cert::certificate::{CertificateInner, Raw, Version};
use x509_cert::ext::pkix;
use x509_cert::ext::pkix::name::GeneralName as Parsed;

/// A distinguished name as RFC 5280 7.1 compares it: RDNs in order, each a set of attributes.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Dn(pub Vec<BTreeSet<(ObjectIdentifier, Value)>>);

/// An attribute value. Text is compared without regard to its string type, to case and to the
/// amount of white space; everything else octet by octet.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Value {
    Text(String),
    Other(Vec<u8>),
}

impl Dn {
    pub fn read(name: &x509_cert::name::Name) -> Self {
        Dn(name
            .iter_rdn()
            .map(|rdn| rdn.iter().map(|a| (a.oid, value(&a.value))).collect())
            .collect())
    }

    pub fn from_der(element: &[u8]) -> Option<Self> {
        x509_cert::name::Name::from_der(element).ok().map(|name| Dn::read(&name))
    }
}

fn value(any: &der::Any) -> Value {
    let octets = any.value();
    let text = match any.tag() {
        der::Tag::Utf8String | der::Tag::PrintableString | der::Tag::Ia5String => {
            String::from_utf8(octets.to_vec()).ok()
        }
        der::Tag::TeletexString => Some(octets.iter().copied().map(char::from).collect()),
        der::Tag::BmpString => {
            let units =
                octets.chunks(2).map(|unit| unit.iter().fold(0, |n, o| n << 8 | u16::from(*o)));
            char::decode_utf16(units).collect::<Result<String, _>>().ok()
        }
        _ => None,
    };
    match text {
        // Case folding and the white space rule of RFC 4518 2.6.1, enough for the names that tests
        // generate; the tables of that RFC are the library's affair.
        Some(text) => {
            let words: Vec<String> =
                text.split_whitespace().map(|word| word.to_uppercase().to_lowercase()).collect();
            Value::Text(words.join(" "))
        }
        None => Value::Other(any.to_der().unwrap_or_default()),
    }
}

/// A name of the subject, or the base of a subtree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Name {
    Dns(String),
    Email(String),
    Uri(String),
    Ip(Vec<u8>),
    Directory(Dn),
    /// otherName, x400Address, ediPartyName and registeredID, by tag number.
    Unsupported(u8),
}

impl Name {
    /// The tag number of the form.
    pub fn form(&self) -> u8 {
        match self {
            Name::Email(_) => 1,
            Name::Dns(_) => 2,
            Name::Directory(_) => 4,
            Name::Uri(_) => 6,
            Name::Ip(_) => 7,
            Name::Unsupported(number) => *number,
        }
    }

    fn read(name: &Parsed) -> Self {
        match name {
            Parsed::OtherName(_) => Name::Unsupported(0),
            Parsed::Rfc822Name(text) => Name::Email(text.to_string()),
            Parsed::DnsName(text) => Name::Dns(text.to_string()),
            Parsed::DirectoryName(name) => Name::Directory(Dn::read(name)),
            Parsed::EdiPartyName(_) => Name::Unsupported(5),
            Parsed::UniformResourceIdentifier(text) => Name::Uri(text.to_string()),
            Parsed::IpAddress(octets) => Name::Ip(octets.as_bytes().to_vec()),
            Parsed::RegisteredId(_) => Name::Unsupported(8),
        }
    }
}

/// The fields of one certificate. Absent extensions are `None`.
#[derive(Clone, Debug)]
pub struct Certificate {
    /// 1, 2 or 3.
    pub version: u8,
    pub issuer: Dn,
    pub subject: Dn,
    pub not_before: i64,
    pub not_after: i64,
    pub spki: Vec<u8>,
    /// The signed octets.
    pub tbs: Vec<u8>,
    pub inner_algorithm: Vec<u8>,
    pub outer_algorithm: Vec<u8>,
    pub signature: Vec<u8>,
    /// Content of the subject alternative name extension.
    pub san: Option<Vec<u8>>,
    pub names: Vec<Name>,
    /// cA and pathLenConstraint.
    pub basic_constraints: Option<(bool, Option<u32>)>,
    /// Whether keyCertSign is set.
    pub key_usage: Option<bool>,
    pub extended_key_usage: Option<Vec<ObjectIdentifier>>,
    /// Policies with their qualifiers, encoded.
    pub policies: Option<Vec<(ObjectIdentifier, Vec<u8>)>>,
    /// issuerDomainPolicy and subjectDomainPolicy.
    pub policy_mappings: Option<Vec<(ObjectIdentifier, ObjectIdentifier)>>,
    /// requireExplicitPolicy and inhibitPolicyMapping.
    pub policy_constraints: Option<(Option<u32>, Option<u32>)>,
    pub inhibit_any_policy: Option<u32>,
    pub permitted: Option<Vec<Name>>,
    pub excluded: Option<Vec<Name>>,
    /// keyIdentifier of the authority key identifier. Not part of section 6; path builders look at
    /// it.
    pub authority_key_id: Option<Vec<u8>>,
    pub subject_key_id: Option<Vec<u8>>,
    /// A critical extension that none of the fields above holds.
    pub unrecognized_critical: bool,
    /// An extension that stands twice, or one of the above that cannot be read.
    pub malformed_extensions: bool,
}

impl Certificate {
    /// `None` if this is no certificate.
    pub fn from_der(bytes: &[u8]) -> Option<Self> {
        let parsed = CertificateInner::<Raw>::from_der(bytes).ok()?;
        let tbs = parsed.tbs_certificate();
        let seconds = |time: &x509_cert::time::Time| time.to_unix_duration().as_secs() as i64;
        let mut certificate = Certificate {
            version: match tbs.version() {
                Version::V1 => 1,
                Version::V2 => 2,
                Version::V3 => 3,
            },
            issuer: Dn::read(tbs.issuer()),
            subject: Dn::read(tbs.subject()),
            not_before: seconds(&tbs.validity().not_before),
            not_after: seconds(&tbs.validity().not_after),
            spki: tbs.subject_public_key_info().to_der().ok()?,
            tbs: first_element(bytes)?.to_vec(),
            inner_algorithm: tbs.signature().to_der().ok()?,
            outer_algorithm: parsed.signature_algorithm().to_der().ok()?,
            signature: parsed.signature().as_bytes()?.to_vec(),
            san: None,
            names: Vec::new(),
            basic_constraints: None,
            key_usage: None,
            extended_key_usage: None,
            policies: None,
            policy_mappings: None,
            policy_constraints: None,
            inhibit_any_policy: None,
            permitted: None,
            excluded: None,
            authority_key_id: None,
            subject_key_id: None,
            unrecognized_critical: false,
            malformed_extensions: false,
        };
        let mut seen = BTreeSet::new();
        for extension in tbs.extensions().into_iter().flatten() {
            let readable = certificate.read_extension(extension).is_some();
            if !readable || !seen.insert(extension.extn_id) {
                certificate.malformed_extensions = true;
            }
        }
        Some(certificate)
    }

    fn read_extension(&mut self, extension: &x509_cert::ext::Extension) -> Option<()> {
        let value = extension.extn_value.as_bytes();
        match extension.extn_id.as_bytes() {
            [0x55, 0x1d, 14] => {
                let id = pkix::SubjectKeyIdentifier::from_der(value).ok()?;
                self.subject_key_id = Some(id.0.as_bytes().to_vec());
            }
            [0x55, 0x1d, 35] => {
                let id = pkix::AuthorityKeyIdentifier::from_der(value).ok()?;
                self.authority_key_id = id.key_identifier.map(|id| id.as_bytes().to_vec());
            }
            [0x55, 0x1d, 15] => {
                let usage = pkix::KeyUsage::from_der(value).ok()?;
                self.key_usage = Some(usage.key_cert_sign());
            }
            [0x55, 0x1d, 17] => {
                let names = pkix::SubjectAltName::from_der(value).ok()?;
                self.names = names.0.iter().map(Name::read).collect();
                self.san = Some(value.to_vec());
            }
            [0x55, 0x1d, 19] => {
                let constraints = pkix::BasicConstraints::from_der(value).ok()?;
                self.basic_constraints =
                    Some((constraints.ca, constraints.path_len_constraint.map(u32::from)));
            }
            [0x55, 0x1d, 30] => {
                let constraints = pkix::NameConstraints::from_der(value).ok()?;
                let bases = |subtrees: Vec<pkix::constraints::name::GeneralSubtree>| {
                    subtrees.iter().map(|subtree| Name::read(&subtree.base)).collect()
                };
                self.permitted = constraints.permitted_subtrees.map(bases);
                self.excluded = constraints.excluded_subtrees.map(bases);
            }
            [0x55, 0x1d, 32] => {
                let policies = pkix::CertificatePolicies::from_der(value).ok()?;
                let mut read = Vec::new();
                for policy in policies.0 {
                    let qualifiers = policy.policy_qualifiers.to_der().ok()?;
                    read.push((policy.policy_identifier, qualifiers));
                }
                self.policies = Some(read);
            }
            [0x55, 0x1d, 33] => {
                let mappings = pkix::PolicyMappings::from_der(value).ok()?.0;
                let pairs =
                    mappings.iter().map(|m| (m.issuer_domain_policy, m.subject_domain_policy));
                self.policy_mappings = Some(pairs.collect());
            }
            [0x55, 0x1d, 36] => {
                let constraints = pkix::PolicyConstraints::from_der(value).ok()?;
                self.policy_constraints =
                    Some((constraints.require_explicit_policy, constraints.inhibit_policy_mapping));
            }
            [0x55, 0x1d, 37] => {
                let purposes = pkix::ExtendedKeyUsage::from_der(value).ok()?;
                self.extended_key_usage = Some(purposes.0);
            }
            [0x55, 0x1d, 54] => {
                self.inhibit_any_policy = Some(pkix::InhibitAnyPolicy::from_der(value).ok()?.0);
            }
            _ => self.unrecognized_critical |= extension.critical,
        }
        Some(())
    }

    /// RFC 5280 6.1: "A certificate is self-issued if the same DN appears in the subject and issuer
    /// fields".
    pub fn self_issued(&self) -> bool {
        self.subject == self.issuer
    }
}

/// The first element inside the outermost one, header and all: the octets that are signed.
fn first_element(bytes: &[u8]) -> Option<&[u8]> {
    let (outer, _) = header(bytes)?;
    let inside = bytes.get(outer..)?;
    let (inner, content) = header(inside)?;
    inside.get(..inner + content)
}

/// Lengths of the header and of the content.
fn header(bytes: &[u8]) -> Option<(usize, usize)> {
    let first = usize::from(*bytes.get(1)?);
    if first < 0x80 {
        return Some((2, first));
    }
    let octets = bytes.get(2..2 + (first & 0x7f))?;
    Some((2 + octets.len(), octets.iter().fold(0, |sum, octet| sum << 8 | usize::from(*octet))))
}
