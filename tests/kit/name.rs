//! Distinguished names and general names.

use super::der;

/// Attribute types by their usual short names.
pub mod attribute {
    pub const COMMON_NAME: &str = "2.5.4.3";
    pub const SERIAL_NUMBER: &str = "2.5.4.5";
    pub const COUNTRY: &str = "2.5.4.6";
    pub const LOCALITY: &str = "2.5.4.7";
    pub const STATE: &str = "2.5.4.8";
    pub const ORGANIZATION: &str = "2.5.4.10";
    pub const ORGANIZATIONAL_UNIT: &str = "2.5.4.11";
    pub const DOMAIN_COMPONENT: &str = "0.9.2342.19200300.100.1.25";
    pub const EMAIL_ADDRESS: &str = "1.2.840.113549.1.9.1";
}

/// The string type of an attribute value, as its tag.
#[derive(Clone, Copy, Debug)]
pub enum StringType {
    Utf8 = 0x0c,
    Printable = 0x13,
    Teletex = 0x14,
    Ia5 = 0x16,
    /// UCS-4, big-endian: the text is converted.
    Universal = 0x1c,
    /// UCS-2, big-endian: the text is converted.
    Bmp = 0x1e,
}

/// One `AttributeTypeAndValue`, encoded.
#[derive(Clone, Debug)]
pub struct Attribute(pub Vec<u8>);

impl Attribute {
    pub fn new(oid: &str, kind: StringType, text: &str) -> Self {
        let octets: Vec<u8> = match kind {
            StringType::Bmp => text.encode_utf16().flat_map(u16::to_be_bytes).collect(),
            StringType::Universal => {
                text.chars().flat_map(|c| u32::from(c).to_be_bytes()).collect()
            }
            _ => text.as_bytes().to_vec(),
        };
        Attribute::raw(oid, &der::tlv(kind as u8, &octets))
    }

    /// `value` is one complete element.
    pub fn raw(oid: &str, value: &[u8]) -> Self {
        Attribute(der::sequence([der::oid(oid).as_slice(), value]))
    }

    pub fn utf8(oid: &str, text: &str) -> Self {
        Attribute::new(oid, StringType::Utf8, text)
    }
}

/// An encoded `Name`: right, or whatever bytes a test wants there.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Name(pub Vec<u8>);

impl Name {
    /// The empty sequence.
    pub fn empty() -> Self {
        Name(der::sequence::<Vec<u8>>([]))
    }

    /// One common name, `UTF8String`.
    pub fn cn(text: &str) -> Self {
        Name::of(&[(attribute::COMMON_NAME, text)])
    }

    /// One attribute in each RDN, all `UTF8String`, in this order.
    pub fn of(attributes: &[(&str, &str)]) -> Self {
        Name::rdns(attributes.iter().map(|(oid, text)| vec![Attribute::utf8(oid, text)]))
    }

    /// Any list of RDNs; the attributes of each are sorted as DER asks.
    pub fn rdns(rdns: impl IntoIterator<Item = Vec<Attribute>>) -> Self {
        Name(der::sequence(rdns.into_iter().map(|rdn| relative(&rdn))))
    }

    pub fn raw(bytes: &[u8]) -> Self {
        Name(bytes.to_vec())
    }
}

/// A `RelativeDistinguishedName`.
pub fn relative(rdn: &[Attribute]) -> Vec<u8> {
    der::set_of(rdn.iter().map(|attribute| attribute.0.clone()))
}

/// All forms of `GeneralName` (RFC 5280 4.2.1.6). Text is written as it is, without any check.
#[derive(Clone, Debug)]
pub enum GeneralName {
    /// Type, and the value as one complete element.
    Other(String, Vec<u8>),
    Email(String),
    Dns(String),
    /// Content of `ORAddress`.
    X400(Vec<u8>),
    Directory(Name),
    /// Content of `EDIPartyName`.
    EdiParty(Vec<u8>),
    Uri(String),
    /// 4 or 16 octets; 8 or 32, address and mask, in a name constraint.
    Ip(Vec<u8>),
    RegisteredId(String),
    /// One complete element, whatever it is.
    Raw(Vec<u8>),
}

impl GeneralName {
    pub fn email(text: &str) -> Self {
        GeneralName::Email(text.into())
    }

    pub fn dns(text: &str) -> Self {
        GeneralName::Dns(text.into())
    }

    pub fn uri(text: &str) -> Self {
        GeneralName::Uri(text.into())
    }

    pub fn ip(octets: &[u8]) -> Self {
        GeneralName::Ip(octets.to_vec())
    }

    pub fn to_der(&self) -> Vec<u8> {
        match self {
            GeneralName::Other(oid, value) => {
                der::wrap(0xa0, [der::oid(oid), der::explicit(0, value)])
            }
            GeneralName::Email(text) => der::tlv(0x81, text.as_bytes()),
            GeneralName::Dns(text) => der::tlv(0x82, text.as_bytes()),
            GeneralName::X400(content) => der::tlv(0xa3, content),
            // A CHOICE under a tag is always EXPLICIT.
            GeneralName::Directory(name) => der::explicit(4, &name.0),
            GeneralName::EdiParty(content) => der::tlv(0xa5, content),
            GeneralName::Uri(text) => der::tlv(0x86, text.as_bytes()),
            GeneralName::Ip(octets) => der::tlv(0x87, octets),
            GeneralName::RegisteredId(oid) => der::tlv(0x88, &der::oid_content(oid)),
            GeneralName::Raw(element) => element.clone(),
        }
    }
}

/// `GeneralNames`, under the tag that its place gives it (0x30 where it has none).
pub fn general_names(tag: u8, names: &[GeneralName]) -> Vec<u8> {
    der::wrap(tag, names.iter().map(GeneralName::to_der))
}
