//! The extensions of RFC 5280 4.2 and 5.2, each with the criticality the RFC asks for.
//!
//! [`Extension::critical`] and [`Extension::not_critical`] change it, [`Extension::raw`] writes
//! anything. Order and number are the builders' affair, which keep both as given.

use super::der;
use super::name::{Attribute, GeneralName, Name, general_names, relative};

/// Extension identifiers.
pub mod id {
    pub const SUBJECT_DIRECTORY_ATTRIBUTES: &str = "2.5.29.9";
    pub const SUBJECT_KEY_IDENTIFIER: &str = "2.5.29.14";
    pub const KEY_USAGE: &str = "2.5.29.15";
    pub const SUBJECT_ALT_NAME: &str = "2.5.29.17";
    pub const ISSUER_ALT_NAME: &str = "2.5.29.18";
    pub const BASIC_CONSTRAINTS: &str = "2.5.29.19";
    pub const CRL_NUMBER: &str = "2.5.29.20";
    pub const REASON_CODE: &str = "2.5.29.21";
    pub const INVALIDITY_DATE: &str = "2.5.29.24";
    pub const DELTA_CRL_INDICATOR: &str = "2.5.29.27";
    pub const ISSUING_DISTRIBUTION_POINT: &str = "2.5.29.28";
    pub const CERTIFICATE_ISSUER: &str = "2.5.29.29";
    pub const NAME_CONSTRAINTS: &str = "2.5.29.30";
    pub const CRL_DISTRIBUTION_POINTS: &str = "2.5.29.31";
    pub const CERTIFICATE_POLICIES: &str = "2.5.29.32";
    pub const ANY_POLICY: &str = "2.5.29.32.0";
    pub const POLICY_MAPPINGS: &str = "2.5.29.33";
    pub const AUTHORITY_KEY_IDENTIFIER: &str = "2.5.29.35";
    pub const POLICY_CONSTRAINTS: &str = "2.5.29.36";
    pub const EXTENDED_KEY_USAGE: &str = "2.5.29.37";
    pub const FRESHEST_CRL: &str = "2.5.29.46";
    pub const INHIBIT_ANY_POLICY: &str = "2.5.29.54";
    pub const NO_REVOCATION_AVAILABLE: &str = "2.5.29.56";
    pub const AUTHORITY_INFO_ACCESS: &str = "1.3.6.1.5.5.7.1.1";
    pub const SUBJECT_INFO_ACCESS: &str = "1.3.6.1.5.5.7.1.11";
    pub const TLS_FEATURE: &str = "1.3.6.1.5.5.7.1.24";
    pub const SCT_LIST: &str = "1.3.6.1.4.1.11129.2.4.2";
    pub const OCSP_NONCE: &str = "1.3.6.1.5.5.7.48.1.2";
    pub const OCSP_NO_CHECK: &str = "1.3.6.1.5.5.7.48.1.5";
}

/// Key purposes (RFC 5280 4.2.1.12).
pub mod purpose {
    pub const ANY: &str = "2.5.29.37.0";
    pub const SERVER_AUTH: &str = "1.3.6.1.5.5.7.3.1";
    pub const CLIENT_AUTH: &str = "1.3.6.1.5.5.7.3.2";
    pub const CODE_SIGNING: &str = "1.3.6.1.5.5.7.3.3";
    pub const EMAIL_PROTECTION: &str = "1.3.6.1.5.5.7.3.4";
    pub const TIME_STAMPING: &str = "1.3.6.1.5.5.7.3.8";
    pub const OCSP_SIGNING: &str = "1.3.6.1.5.5.7.3.9";
}

/// Bits of `KeyUsage` (RFC 5280 4.2.1.3).
pub mod usage {
    pub const DIGITAL_SIGNATURE: u8 = 0;
    pub const NON_REPUDIATION: u8 = 1;
    pub const KEY_ENCIPHERMENT: u8 = 2;
    pub const DATA_ENCIPHERMENT: u8 = 3;
    pub const KEY_AGREEMENT: u8 = 4;
    pub const KEY_CERT_SIGN: u8 = 5;
    pub const CRL_SIGN: u8 = 6;
    pub const ENCIPHER_ONLY: u8 = 7;
    pub const DECIPHER_ONLY: u8 = 8;
}

/// One extension of a certificate, a CRL, a CRL entry or an OCSP message.
#[derive(Clone, Debug)]
pub struct Extension {
    oid: String,
    critical: bool,
    value: Vec<u8>,
    /// FALSE written out, which DER forbids of a DEFAULT.
    explicit_false: bool,
}

impl Extension {
    /// `value` is the content of the `OCTET STRING`.
    pub fn raw(oid: &str, critical: bool, value: &[u8]) -> Self {
        Extension { oid: oid.into(), critical, value: value.to_vec(), explicit_false: false }
    }

    pub fn critical(mut self) -> Self {
        self.critical = true;
        self
    }

    pub fn not_critical(mut self) -> Self {
        self.critical = false;
        self
    }

    /// Not critical, and says so with an encoded FALSE.
    pub fn explicitly_not_critical(mut self) -> Self {
        self.critical = false;
        self.explicit_false = true;
        self
    }

    /// The value with octets after it, inside the `OCTET STRING`.
    pub fn trailing(mut self, octets: &[u8]) -> Self {
        self.value.extend_from_slice(octets);
        self
    }

    pub fn oid(&self) -> &str {
        &self.oid
    }

    pub fn value(&self) -> &[u8] {
        &self.value
    }

    pub fn to_der(&self) -> Vec<u8> {
        let critical = if self.critical || self.explicit_false {
            der::boolean(self.critical)
        } else {
            Vec::new()
        };
        der::sequence([der::oid(&self.oid), critical, der::octet_string(&self.value)])
    }
}

/// `Extensions`: the sequence of them.
pub fn extensions(list: &[Extension]) -> Vec<u8> {
    der::sequence(list.iter().map(Extension::to_der))
}

pub fn basic_constraints(ca: bool, path_len: Option<u64>) -> Extension {
    let flag = if ca { der::boolean(true) } else { Vec::new() };
    let path_len = path_len.map_or(Vec::new(), der::unsigned);
    Extension::raw(id::BASIC_CONSTRAINTS, true, &der::sequence([flag, path_len]))
}

/// Bits from [`usage`].
pub fn key_usage(bits: &[u8]) -> Extension {
    Extension::raw(id::KEY_USAGE, true, &der::named_bits(bits))
}

/// Purposes from [`purpose`].
pub fn extended_key_usage(purposes: &[&str]) -> Extension {
    let list = purposes.iter().map(|purpose| der::oid(purpose));
    Extension::raw(id::EXTENDED_KEY_USAGE, false, &der::sequence(list))
}

pub fn subject_alt_name(names: &[GeneralName]) -> Extension {
    Extension::raw(id::SUBJECT_ALT_NAME, false, &general_names(0x30, names))
}

pub fn issuer_alt_name(names: &[GeneralName]) -> Extension {
    Extension::raw(id::ISSUER_ALT_NAME, false, &general_names(0x30, names))
}

/// An empty list writes no field, as `GeneralSubtrees` may not be empty.
pub fn name_constraints(permitted: &[GeneralName], excluded: &[GeneralName]) -> Extension {
    let field = |number: u8, names: &[GeneralName]| {
        if names.is_empty() {
            return Vec::new();
        }
        der::wrap(0xa0 | number, names.iter().map(|name| der::sequence([name.to_der()])))
    };
    let value = der::sequence([field(0, permitted), field(1, excluded)]);
    Extension::raw(id::NAME_CONSTRAINTS, true, &value)
}

/// A qualifier of a policy (RFC 5280 4.2.1.4).
#[derive(Clone, Debug)]
pub enum Qualifier {
    Cps(String),
    /// `explicitText`, `UTF8String`.
    UserNotice(String),
    /// Identifier, and the qualifier as one complete element.
    Raw(String, Vec<u8>),
}

pub fn certificate_policies(policies: &[&str]) -> Extension {
    let list: Vec<(&str, Vec<Qualifier>)> =
        policies.iter().map(|policy| (*policy, Vec::new())).collect();
    qualified_policies(&list)
}

pub fn qualified_policies(policies: &[(&str, Vec<Qualifier>)]) -> Extension {
    let qualifier = |qualifier: &Qualifier| match qualifier {
        Qualifier::Cps(uri) => der::sequence([der::oid("1.3.6.1.5.5.7.2.1"), der::ia5(uri)]),
        Qualifier::UserNotice(text) => {
            der::sequence([der::oid("1.3.6.1.5.5.7.2.2"), der::sequence([der::utf8(text)])])
        }
        Qualifier::Raw(oid, value) => der::sequence([der::oid(oid), value.clone()]),
    };
    let list = policies.iter().map(|(policy, qualifiers)| {
        let field = if qualifiers.is_empty() {
            Vec::new()
        } else {
            der::sequence(qualifiers.iter().map(qualifier))
        };
        der::sequence([der::oid(policy), field])
    });
    Extension::raw(id::CERTIFICATE_POLICIES, false, &der::sequence(list))
}

/// Pairs of issuerDomainPolicy and subjectDomainPolicy.
pub fn policy_mappings(pairs: &[(&str, &str)]) -> Extension {
    let list =
        pairs.iter().map(|(issuer, subject)| der::sequence([der::oid(issuer), der::oid(subject)]));
    Extension::raw(id::POLICY_MAPPINGS, true, &der::sequence(list))
}

pub fn policy_constraints(
    require_explicit_policy: Option<u64>,
    inhibit_policy_mapping: Option<u64>,
) -> Extension {
    let field = |number: u8, value: Option<u64>| {
        value.map_or(Vec::new(), |value| der::implicit(number, &der::unsigned(value)))
    };
    let value =
        der::sequence([field(0, require_explicit_policy), field(1, inhibit_policy_mapping)]);
    Extension::raw(id::POLICY_CONSTRAINTS, true, &value)
}

pub fn inhibit_any_policy(skip_certs: u64) -> Extension {
    Extension::raw(id::INHIBIT_ANY_POLICY, true, &der::unsigned(skip_certs))
}

pub fn subject_key_identifier(key_id: &[u8]) -> Extension {
    Extension::raw(id::SUBJECT_KEY_IDENTIFIER, false, &der::octet_string(key_id))
}

/// `keyIdentifier` alone, the usual form.
pub fn authority_key_identifier(key_id: &[u8]) -> Extension {
    authority_key_identifier_of(Some(key_id), &[], None)
}

/// All three fields; an empty issuer list writes none.
pub fn authority_key_identifier_of(
    key_id: Option<&[u8]>,
    issuer: &[GeneralName],
    serial: Option<&[u8]>,
) -> Extension {
    let key_id = key_id.map_or(Vec::new(), |key_id| der::tlv(0x80, key_id));
    let issuer = if issuer.is_empty() { Vec::new() } else { general_names(0xa1, issuer) };
    let serial = serial.map_or(Vec::new(), |serial| der::tlv(0x82, serial));
    let value = der::sequence([key_id, issuer, serial]);
    Extension::raw(id::AUTHORITY_KEY_IDENTIFIER, false, &value)
}

/// `DistributionPointName` (RFC 5280 4.2.1.13).
#[derive(Clone, Debug)]
pub enum PointName {
    Full(Vec<GeneralName>),
    Relative(Vec<Attribute>),
}

impl PointName {
    pub fn uri(text: &str) -> Self {
        PointName::Full(vec![GeneralName::uri(text)])
    }

    fn to_der(&self) -> Vec<u8> {
        match self {
            PointName::Full(names) => general_names(0xa0, names),
            PointName::Relative(rdn) => der::implicit(1, &relative(rdn)),
        }
    }
}

/// One `DistributionPoint`.
#[derive(Clone, Debug, Default)]
pub struct DistributionPoint {
    pub name: Option<PointName>,
    /// Bits of `ReasonFlags`.
    pub reasons: Option<Vec<u8>>,
    pub crl_issuer: Vec<GeneralName>,
}

impl DistributionPoint {
    pub fn uri(text: &str) -> Self {
        DistributionPoint { name: Some(PointName::uri(text)), ..DistributionPoint::default() }
    }

    fn to_der(&self) -> Vec<u8> {
        let name = self.name.as_ref().map_or(Vec::new(), |name| der::explicit(0, &name.to_der()));
        let reasons = self
            .reasons
            .as_ref()
            .map_or(Vec::new(), |bits| der::implicit(1, &der::named_bits(bits)));
        let issuer = if self.crl_issuer.is_empty() {
            Vec::new()
        } else {
            general_names(0xa2, &self.crl_issuer)
        };
        der::sequence([name, reasons, issuer])
    }
}

pub fn crl_distribution_points(points: &[DistributionPoint]) -> Extension {
    let value = der::sequence(points.iter().map(DistributionPoint::to_der));
    Extension::raw(id::CRL_DISTRIBUTION_POINTS, false, &value)
}

pub fn freshest_crl(points: &[DistributionPoint]) -> Extension {
    let value = der::sequence(points.iter().map(DistributionPoint::to_der));
    Extension::raw(id::FRESHEST_CRL, false, &value)
}

/// Access methods: `1.3.6.1.5.5.7.48.1` is OCSP, `.2` caIssuers.
pub fn authority_info_access(descriptions: &[(&str, GeneralName)]) -> Extension {
    Extension::raw(id::AUTHORITY_INFO_ACCESS, false, &access_descriptions(descriptions))
}

pub fn subject_info_access(descriptions: &[(&str, GeneralName)]) -> Extension {
    Extension::raw(id::SUBJECT_INFO_ACCESS, false, &access_descriptions(descriptions))
}

fn access_descriptions(descriptions: &[(&str, GeneralName)]) -> Vec<u8> {
    der::sequence(
        descriptions.iter().map(|(method, name)| der::sequence([der::oid(method), name.to_der()])),
    )
}

pub fn no_revocation_available() -> Extension {
    Extension::raw(id::NO_REVOCATION_AVAILABLE, false, &der::null())
}

pub fn ocsp_no_check() -> Extension {
    Extension::raw(id::OCSP_NO_CHECK, false, &der::null())
}

/// RFC 7633; feature 5 is "must staple".
pub fn tls_feature(features: &[u64]) -> Extension {
    let list = features.iter().map(|feature| der::unsigned(*feature));
    Extension::raw(id::TLS_FEATURE, false, &der::sequence(list))
}

/// `list` is the TLS-encoded `SignedCertificateTimestampList` (RFC 6962 3.3).
pub fn sct_list(list: &[u8]) -> Extension {
    Extension::raw(id::SCT_LIST, false, &der::octet_string(list))
}

/// `CRLNumber`: content octets of the integer.
pub fn crl_number(octets: &[u8]) -> Extension {
    Extension::raw(id::CRL_NUMBER, false, &der::integer(octets))
}

pub fn delta_crl_indicator(base: &[u8]) -> Extension {
    Extension::raw(id::DELTA_CRL_INDICATOR, true, &der::integer(base))
}

/// `IssuingDistributionPoint` (RFC 5280 5.2.5).
#[derive(Clone, Debug, Default)]
pub struct IssuingDistributionPoint {
    pub name: Option<PointName>,
    pub only_user: bool,
    pub only_ca: bool,
    /// Bits of `ReasonFlags`.
    pub only_some_reasons: Option<Vec<u8>>,
    pub indirect: bool,
    pub only_attribute: bool,
}

pub fn issuing_distribution_point(point: &IssuingDistributionPoint) -> Extension {
    let flag = |number: u8, set: bool| {
        if set { der::implicit(number, &der::boolean(true)) } else { Vec::new() }
    };
    let name = point.name.as_ref().map_or(Vec::new(), |name| der::explicit(0, &name.to_der()));
    let reasons = point
        .only_some_reasons
        .as_ref()
        .map_or(Vec::new(), |bits| der::implicit(3, &der::named_bits(bits)));
    let value = der::sequence([
        name,
        flag(1, point.only_user),
        flag(2, point.only_ca),
        reasons,
        flag(4, point.indirect),
        flag(5, point.only_attribute),
    ]);
    Extension::raw(id::ISSUING_DISTRIBUTION_POINT, true, &value)
}

/// `CRLReason` of a CRL entry.
pub fn reason_code(reason: u8) -> Extension {
    Extension::raw(id::REASON_CODE, false, &der::enumerated(reason))
}

pub fn invalidity_date(seconds: i64) -> Extension {
    Extension::raw(id::INVALIDITY_DATE, false, &der::generalized_time(seconds))
}

/// The issuer of this and the following entries of an indirect CRL.
pub fn certificate_issuer(name: &Name) -> Extension {
    let names = general_names(0x30, &[GeneralName::Directory(name.clone())]);
    Extension::raw(id::CERTIFICATE_ISSUER, true, &names)
}

/// The nonce of OCSP (RFC 9654).
pub fn ocsp_nonce(nonce: &[u8]) -> Extension {
    Extension::raw(id::OCSP_NONCE, false, &der::octet_string(nonce))
}
