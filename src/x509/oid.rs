//! Object identifiers, compared by their encoding.

use alloc::vec::Vec;
use core::fmt;
use core::str::FromStr;

use super::der::check_oid;

/// An object identifier, borrowed: the content octets of its DER encoding.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Oid<'a>(&'a [u8]);

impl<'a> Oid<'a> {
    /// Takes the content octets of an encoding, or nothing where they are malformed.
    #[must_use]
    pub fn from_content(content: &'a [u8]) -> Option<Self> {
        check_oid(content).is_ok().then_some(Self(content))
    }

    /// Takes content octets that a reader checked before, or that stand in this crate's source.
    #[inline]
    pub(crate) const fn trusted(content: &'a [u8]) -> Self {
        Self(content)
    }

    /// Returns the content octets of the DER encoding.
    #[must_use]
    pub const fn as_bytes(&self) -> &'a [u8] {
        self.0
    }

    /// Returns a well-known name, such as `id-kp-serverAuth`, where there is one.
    #[must_use]
    pub fn name(&self) -> Option<&'static str> {
        let oid = const_oid::ObjectIdentifier::from_bytes(self.0).ok()?;
        const_oid::db::DB.by_oid(&oid)
    }

    /// Copies the identifier.
    #[must_use]
    pub fn to_owned(&self) -> OwnedOid {
        OwnedOid(self.0.into())
    }
}

impl fmt::Display for Oid<'_> {
    /// Writes dotted decimal; an arc over 2¹²⁸ − 1 is written as `…`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut arc: Option<u128> = Some(0);
        let mut first = true;
        for &octet in self.0 {
            arc = arc
                .and_then(|n| n.checked_mul(128))
                .and_then(|n| n.checked_add(u128::from(octet & 0x7f)));
            if octet & 0x80 != 0 {
                continue;
            }
            match (first, arc) {
                (true, Some(n)) => {
                    let root = (n / 40).min(2);
                    write!(f, "{root}.{}", n - 40 * root)?;
                }
                (false, Some(n)) => write!(f, ".{n}")?,
                (true, None) => f.write_str("2.…")?,
                (false, None) => f.write_str(".…")?,
            }
            first = false;
            arc = Some(0);
        }
        Ok(())
    }
}

impl fmt::Debug for Oid<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// An object identifier that owns its bytes.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OwnedOid(Vec<u8>);

impl OwnedOid {
    /// Borrows the identifier.
    #[must_use]
    pub fn as_oid(&self) -> Oid<'_> {
        Oid(&self.0)
    }
}

impl From<Oid<'_>> for OwnedOid {
    fn from(oid: Oid<'_>) -> Self {
        oid.to_owned()
    }
}

impl FromStr for OwnedOid {
    type Err = ParseOidError;

    /// Parses dotted decimal, such as `1.3.6.1.5.5.7.3.1`; arcs up to 2¹²⁸ − 1.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut arcs = text.split('.').map(|arc| {
            let plain =
                arc.bytes().all(|b| b.is_ascii_digit()) && (arc == "0" || !arc.starts_with('0'));
            if plain { arc.parse::<u128>().map_err(|_| ParseOidError) } else { Err(ParseOidError) }
        });
        let root = arcs.next().ok_or(ParseOidError)??;
        let second = arcs.next().ok_or(ParseOidError)??;
        if root > 2 || (root < 2 && second > 39) {
            return Err(ParseOidError);
        }
        let joined = second.checked_add(40 * root).ok_or(ParseOidError)?;
        let mut content = Vec::new();
        push_arc(&mut content, joined);
        for arc in arcs {
            push_arc(&mut content, arc?);
        }
        Ok(Self(content))
    }
}

fn push_arc(content: &mut Vec<u8>, arc: u128) {
    let mut started = false;
    for shift in (0..19).rev() {
        let [low, ..] = (arc >> (7 * shift)).to_le_bytes();
        let septet = low & 0x7f;
        started |= septet != 0 || shift == 0;
        if started {
            content.push(if shift == 0 { septet } else { septet | 0x80 });
        }
    }
}

impl fmt::Display for OwnedOid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_oid().fmt(f)
    }
}

impl fmt::Debug for OwnedOid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.as_oid(), f)
    }
}

/// A text that is no object identifier in dotted decimal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an object identifier in dotted decimal")]
#[non_exhaustive]
pub struct ParseOidError;

/// Encodings of the identifiers that this crate names, as content octets.
pub(crate) mod known {
    pub(crate) const ANY_POLICY: &[u8] = &[0x55, 0x1d, 0x20, 0x00];
    pub(crate) const QUALIFIER_CPS: &[u8] = &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x02, 0x01];
    pub(crate) const QUALIFIER_USER_NOTICE: &[u8] =
        &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x02, 0x02];
    pub(crate) const COMMON_NAME: &[u8] = &[0x55, 0x04, 0x03];
    pub(crate) const EMAIL_ADDRESS: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x01];

    /// `id-ce` arcs: the last octet of `2.5.29.n`.
    pub(crate) const ID_CE: [u8; 2] = [0x55, 0x1d];
    pub(crate) const AUTHORITY_INFO_ACCESS: &[u8] =
        &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x01, 0x01];
    pub(crate) const SUBJECT_INFO_ACCESS: &[u8] = &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x01, 0x0b];
    pub(crate) const SCT_LIST: &[u8] =
        &[0x2b, 0x06, 0x01, 0x04, 0x01, 0xd6, 0x79, 0x02, 0x04, 0x02];

    pub(crate) const CRL_NUMBER: &[u8] = &[0x55, 0x1d, 20];
    pub(crate) const CRL_REASON: &[u8] = &[0x55, 0x1d, 21];
    pub(crate) const INVALIDITY_DATE: &[u8] = &[0x55, 0x1d, 24];
    pub(crate) const DELTA_CRL_INDICATOR: &[u8] = &[0x55, 0x1d, 27];
    pub(crate) const ISSUING_DISTRIBUTION_POINT: &[u8] = &[0x55, 0x1d, 28];
    pub(crate) const CERTIFICATE_ISSUER: &[u8] = &[0x55, 0x1d, 29];
    pub(crate) const AUTHORITY_KEY_IDENTIFIER: &[u8] = &[0x55, 0x1d, 35];
    pub(crate) const FRESHEST_CRL: &[u8] = &[0x55, 0x1d, 46];

    pub(crate) const SHA_1: &[u8] = &[0x2b, 0x0e, 0x03, 0x02, 0x1a];
    pub(crate) const SHA_256: &[u8] = &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01];
    pub(crate) const SHA_384: &[u8] = &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x02];
    pub(crate) const SHA_512: &[u8] = &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x03];
    pub(crate) const OCSP_BASIC: &[u8] = &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x30, 0x01, 0x01];
    pub(crate) const OCSP_NO_CHECK: &[u8] = &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x30, 0x01, 0x05];
    pub(crate) const OCSP_SIGNING: &[u8] = &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x09];
    /// `id-ad-ocsp`.
    pub(crate) const AD_OCSP: &[u8] = &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x30, 0x01];
    /// `id-ad-caIssuers`.
    pub(crate) const AD_CA_ISSUERS: &[u8] = &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x30, 0x02];
    pub(crate) const OCSP_NONCE: &[u8] = &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x30, 0x01, 0x02];

    /// `id-signedData` of CMS.
    pub(crate) const SIGNED_DATA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x02];

    pub(crate) const ANY_EXTENDED_KEY_USAGE: &[u8] = &[0x55, 0x1d, 0x25, 0x00];
    pub(crate) const SERVER_AUTH: &[u8] = &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x01];
    pub(crate) const CLIENT_AUTH: &[u8] = &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x02];
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn text_and_encoding_agree() {
        for text in
            ["2.5.29.32.0", "1.2.840.113549.1.9.1", "0.39", "2.999.1", "1.3.6.1.4.1.11129.2.4.2"]
        {
            assert_eq!(text.parse::<OwnedOid>().unwrap().to_string(), text);
        }
        assert_eq!(
            "2.5.29.32.0".parse::<OwnedOid>().unwrap().as_oid().as_bytes(),
            known::ANY_POLICY
        );
        for text in ["", "1", "3.1", "1.40", "1.2.", "1..2", "1.02", "1.-2", "a.b"] {
            assert_eq!(text.parse::<OwnedOid>(), Err(ParseOidError), "{text}");
        }
    }

    #[test]
    fn names_come_from_the_registry() {
        assert_eq!(Oid::trusted(known::SERVER_AUTH).name(), Some("id-kp-serverAuth"));
        assert_eq!(Oid::trusted(&[0x2a, 0x03]).name(), None);
    }
}
