//! One element of a SPIFFE bundle: a JSON Web Key (RFC 7517) that carries a CA certificate.
//!
//! Three outcomes. What is readable and no X.509 authority is *skipped* with a reason, since the
//! standard says so for unknown key types and uses (B-13, B-14) and missing certificates (X-36), and
//! RFC 7517 section 5 for keys without their members. What claims to be an authority and contradicts
//! itself makes the whole document *refused*: leaving it out would be a silent guess at what the
//! publisher meant (X-35, X-39). So does a private key (B-16). The rest is an authority, or a key
//! of JWT-SVIDs, which is counted only (B-15).
//!
//! A `kid` on an X.509 authority, which publishers must not set (X-34), is not looked at.

use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;

use base64ct::{Base64, Base64UrlUnpadded, Encoding};

use super::bundle_error::{BundleErrorKind, SkipReason};
use super::{AnchorError, TrustAnchor};
use crate::signature::KeyAlgorithm;
use crate::x509::der::Reader;
use crate::x509::{CertificateError, OwnedCertificate, SubjectPublicKeyInfo, Tag};

const X509_SVID: &str = "x509-svid";
const JWT_SVID: &str = "jwt-svid";

/// Members of private keys (RFC 7518 sections 6.2.2 and 6.3.2, RFC 8037 section 2).
pub(super) const PRIVATE: [&str; 7] = ["d", "p", "q", "dp", "dq", "qi", "oth"];

/// The members of one JWK that count here. Texts are absent where the member is missing or no
/// string.
#[derive(Default)]
pub(super) struct Jwk<'de> {
    pub(super) kty: Option<Cow<'de, str>>,
    pub(super) usage: Option<Cow<'de, str>>,
    pub(super) kid: Option<Cow<'de, str>>,
    pub(super) crv: Option<Cow<'de, str>>,
    pub(super) x: Option<Cow<'de, str>>,
    pub(super) y: Option<Cow<'de, str>>,
    pub(super) n: Option<Cow<'de, str>>,
    pub(super) e: Option<Cow<'de, str>>,
    pub(super) x5c: Chain<'de>,
    /// The first of [`PRIVATE`] that is there, and whether `d` is.
    pub(super) private: Option<&'static str>,
    pub(super) has_d: bool,
}

/// The member `x5c`.
#[derive(Default)]
pub(super) enum Chain<'de> {
    /// Missing, or an empty array.
    #[default]
    Empty,
    /// Its first value; X-37: only that one counts.
    First(Cow<'de, str>),
    /// No array, or its first value is no string.
    WrongType,
}

/// What an element is.
pub(super) enum Element {
    Authority(Box<OwnedCertificate>),
    JwtAuthority,
    Skipped(SkipReason),
}

/// A public key in the terms of RFC 7518 section 6.
enum Key<'a> {
    Ec { curve: KeyAlgorithm, field: usize, x: &'a str, y: &'a str },
    Rsa { n: &'a str, e: &'a str },
    Ed25519 { x: &'a str },
}

impl Jwk<'_> {
    pub(super) fn judge(&self) -> Result<Element, BundleErrorKind> {
        let key = match self.kty.as_deref() {
            Some("EC") => {
                self.refuse_private(self.has_d.then_some("d"))?;
                self.elliptic()
            }
            Some("OKP") => {
                self.refuse_private(self.has_d.then_some("d"))?;
                self.octet_pair()
            }
            Some("RSA") => {
                self.refuse_private(self.private)?;
                self.rsa()
            }
            Some("oct") => Err(SkipReason::SymmetricKey),
            // B-13: unknown or missing `kty`: "ignore that element only".
            _ => Err(SkipReason::KeyType),
        };
        let key = match key {
            Ok(key) => key,
            Err(reason) => return Ok(Element::Skipped(reason)),
        };
        match self.usage.as_deref() {
            Some(X509_SVID) => self.x509(&key),
            Some(JWT_SVID) if self.kid.as_deref().is_none_or(str::is_empty) => {
                Ok(Element::Skipped(SkipReason::KeyId))
            }
            Some(JWT_SVID) => Ok(Element::JwtAuthority),
            // B-14: the values are case-sensitive, and the element with another one is ignored.
            _ => Ok(Element::Skipped(SkipReason::Use)),
        }
    }

    fn refuse_private(&self, member: Option<&'static str>) -> Result<(), BundleErrorKind> {
        member.map_or(Ok(()), |member| Err(BundleErrorKind::PrivateKey { member }))
    }

    fn elliptic(&self) -> Result<Key<'_>, SkipReason> {
        let (curve, field) = match self.crv.as_deref() {
            Some("P-256") => (KeyAlgorithm::P256, 32),
            Some("P-384") => (KeyAlgorithm::P384, 48),
            Some("P-521") => (KeyAlgorithm::P521, 66),
            _ => return Err(SkipReason::Curve),
        };
        Ok(Key::Ec { curve, field, x: present(&self.x, "x")?, y: present(&self.y, "y")? })
    }

    fn octet_pair(&self) -> Result<Key<'_>, SkipReason> {
        match self.crv.as_deref() {
            Some("Ed25519") => Ok(Key::Ed25519 { x: present(&self.x, "x")? }),
            _ => Err(SkipReason::Curve),
        }
    }

    fn rsa(&self) -> Result<Key<'_>, SkipReason> {
        Ok(Key::Rsa { n: present(&self.n, "n")?, e: present(&self.e, "e")? })
    }

    fn x509(&self, key: &Key<'_>) -> Result<Element, BundleErrorKind> {
        let encoded = match &self.x5c {
            Chain::Empty => return Ok(Element::Skipped(SkipReason::NoCertificate)),
            Chain::First(encoded) => encoded,
            Chain::WrongType => {
                return Err(BundleErrorKind::WrongType {
                    member: "x5c",
                    expected: "array of texts",
                });
            }
        };
        // RFC 7517 4.7: "base64-encoded (Section 4 of [RFC4648] -- not base64url-encoded)".
        let der = Base64::decode_vec(encoded).map_err(|_| BundleErrorKind::Base64)?;
        let unreadable =
            |error: CertificateError| BundleErrorKind::Authority(AnchorError::Certificate(error));
        let certificate = OwnedCertificate::from_der(der).map_err(unreadable)?;
        let view = certificate.as_certificate();
        // RFC 7517 4.7: "The key in the first certificate MUST match the public key represented by
        // other members of the JWK."
        if !key.matches(&view.subject_public_key_info().map_err(unreadable)?) {
            return Err(BundleErrorKind::KeyMismatch);
        }
        if !view.basic_constraints().is_some_and(|constraints| constraints.ca) {
            return Ok(Element::Skipped(SkipReason::NotAnAuthority));
        }
        TrustAnchor::from_certificate(certificate.clone()).map_err(BundleErrorKind::Authority)?;
        Ok(Element::Authority(Box::new(certificate)))
    }
}

fn present<'a>(
    text: &'a Option<Cow<'_, str>>,
    member: &'static str,
) -> Result<&'a str, SkipReason> {
    match text.as_deref() {
        None | Some("") => Err(SkipReason::KeyMember { member }),
        Some(text) => Ok(text),
    }
}

impl Key<'_> {
    fn matches(&self, spki: &SubjectPublicKeyInfo<'_>) -> bool {
        let algorithm = KeyAlgorithm::classify(spki);
        match *self {
            Self::Ec { curve, field, x, y } => {
                // RFC 7518 6.2.1.2: "The length of this octet string MUST be the full size of a
                // coordinate".
                let (Some(x), Some(y)) = (octets(x), octets(y)) else { return false };
                let sound = algorithm == curve && x.len() == field && y.len() == field;
                let odd = y.last().is_some_and(|octet| octet & 1 == 1);
                sound
                    && match spki.key().split_first() {
                        Some((0x04, point)) => point.iter().eq(x.iter().chain(&y)),
                        Some((0x02, point)) => point == x && !odd,
                        Some((0x03, point)) => point == x && odd,
                        _ => false,
                    }
            }
            Self::Rsa { n, e } => {
                let (Some(n), Some(e)) = (octets(n), octets(e)) else { return false };
                rsa_numbers(spki).is_some_and(|(modulus, exponent)| {
                    modulus == without_zeros(&n) && exponent == without_zeros(&e)
                })
            }
            Self::Ed25519 { x } => {
                algorithm == KeyAlgorithm::Ed25519
                    && octets(x).is_some_and(|octets| octets == spki.key())
            }
        }
    }
}

fn octets(text: &str) -> Option<Vec<u8>> {
    Base64UrlUnpadded::decode_vec(text).ok()
}

/// RFC 7518 section 6.3.1.1 notes that some libraries put a zero octet before the modulus.
fn without_zeros(octets: &[u8]) -> &[u8] {
    let zeros = octets.iter().take_while(|&&octet| octet == 0).count();
    octets.get(zeros..).unwrap_or_default()
}

/// Modulus and public exponent, without leading zeros (RFC 3279 section 2.3.1).
fn rsa_numbers<'a>(spki: &SubjectPublicKeyInfo<'a>) -> Option<(&'a [u8], &'a [u8])> {
    if !matches!(KeyAlgorithm::classify(spki), KeyAlgorithm::Rsa { .. }) {
        return None;
    }
    let mut numbers = Reader::new(spki.key()).ok()?.sequence().ok()?;
    let modulus = numbers.element(Tag::INTEGER).ok()?.content;
    let exponent = numbers.element(Tag::INTEGER).ok()?.content;
    Some((without_zeros(modulus), without_zeros(exponent)))
}

/// Writes the JWK of an X.509 authority: the key, `use` and `x5c`, and nothing more (X-32 to X-35,
/// B-16).
pub(super) fn write(out: &mut dyn fmt::Write, certificate: &OwnedCertificate) -> Option<()> {
    let view = certificate.as_certificate();
    let spki = view.subject_public_key_info().ok()?;
    let url = |octets: &[u8]| Base64UrlUnpadded::encode_string(octets);
    let point = |curve: &str, field: usize| -> Option<alloc::string::String> {
        // A compressed point has no `y` to write.
        let (x, y) = spki.key().strip_prefix(&[0x04])?.split_at_checked(field)?;
        let (x, y) = (url(x), url(y));
        Some(alloc::format!(r#""kty":"EC","crv":"{curve}","x":"{x}","y":"{y}""#))
    };
    let key = match KeyAlgorithm::classify(&spki) {
        KeyAlgorithm::P256 => point("P-256", 32)?,
        KeyAlgorithm::P384 => point("P-384", 48)?,
        KeyAlgorithm::P521 => point("P-521", 66)?,
        KeyAlgorithm::Ed25519 => {
            alloc::format!(r#""kty":"OKP","crv":"Ed25519","x":"{}""#, url(spki.key()))
        }
        KeyAlgorithm::Rsa { .. } => {
            let (n, e) = rsa_numbers(&spki)?;
            alloc::format!(r#""kty":"RSA","n":"{}","e":"{}""#, url(n), url(e))
        }
        _ => return None,
    };
    let x5c = Base64::encode_string(certificate.as_der());
    write!(out, r#"{{{key},"use":"{X509_SVID}","x5c":["{x5c}"]}}"#).ok()
}
