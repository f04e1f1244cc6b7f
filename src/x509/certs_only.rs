//! What the place of an issuer's certificate serves: one certificate, or several in a CMS message
//! that signs nothing.
//!
//! RFC 5280 section 4.2.2.1: a location of id-ad-caIssuers by HTTP or FTP serves "either a single DER
//! encoded certificate … or a collection of certificates in a BER or DER encoded \"certs-only\" CMS
//! message". *Enforced here: DER alone*; indefinite lengths are malformed. Nothing of the message but
//! its certificates is looked at: nobody signed it, and a certificate proves itself or does not.

use alloc::vec::Vec;

use rustls_pki_types::CertificateDer;

use super::der::{Reader, Tag};
use super::format_error::{FormatError, FormatErrorKind, Within};
use super::oid::known;

const FIELD: &str = "signedData";

/// Reads the certificates that a place of id-ad-caIssuers served, as they came: they are neither
/// parsed nor trusted.
///
/// # Errors
/// [`FormatError`] where the octets are neither one SEQUENCE of a certificate nor a message of CMS
/// signedData in DER.
///
/// # Examples
/// ```
/// use bonafide::x509::certificates_of_issuers;
///
/// assert!(certificates_of_issuers(b"<html>not found</html>").is_err());
/// ```
pub fn certificates_of_issuers(der: &[u8]) -> Result<Vec<CertificateDer<'static>>, FormatError> {
    let mut outer = Reader::new(der).within(FIELD)?;
    let mut fields = outer.sequence().within(FIELD)?;
    outer.finish().within(FIELD)?;
    // A certificate begins with the SEQUENCE of what is signed.
    if fields.peek() == Some(Tag::SEQUENCE) {
        return Ok(alloc::vec![CertificateDer::from(der.to_vec())]);
    }
    let offset = fields.offset();
    if fields.oid().within(FIELD)? != known::SIGNED_DATA {
        return Err(FormatError::new(FIELD, offset, FormatErrorKind::Unassigned));
    }
    let mut content = fields.element(Tag::context_constructed(0)).within(FIELD)?.reader();
    fields.finish().within(FIELD)?;
    let mut signed = content.sequence().within(FIELD)?;
    content.finish().within(FIELD)?;
    signed.integer().within("version")?;
    signed.element(Tag::SET).within("digestAlgorithms")?;
    signed.element(Tag::SEQUENCE).within("encapContentInfo")?;
    let mut found = Vec::new();
    if let Some(certificates) =
        signed.optional(Tag::context_constructed(0)).within("certificates")?
    {
        let mut each = certificates.reader();
        while !each.is_empty() {
            let choice = each.any().within("certificates")?;
            // Other kinds have tags of their own.
            if choice.tag == Tag::SEQUENCE {
                let octets = choice.span().of(der).to_vec();
                found.push(CertificateDer::from(octets));
            }
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
        [&[tag, u8::try_from(content.len()).unwrap()][..], content].concat()
    }

    fn message(certificates: &[u8]) -> Vec<u8> {
        let data = tlv(0x30, &tlv(6, &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 7, 1]));
        let fields = [&[2, 1, 1, 0x31, 0][..], &data, certificates, &[0x31, 0]].concat();
        let content = tlv(0xa0, &tlv(0x30, &fields));
        tlv(0x30, &[tlv(6, known::SIGNED_DATA), content].concat())
    }

    #[test]
    fn certificates_come_alone_or_in_a_message() {
        let certificate = tlv(0x30, &tlv(0x30, &[2, 1, 5]));
        let other = tlv(0x30, &tlv(0x30, &[2, 1, 6]));
        let both = tlv(0xa0, &[&certificate[..], &tlv(0xa1, &[5, 0]), &other].concat());
        let one = |der: &[u8]| CertificateDer::from(der.to_vec());
        for (case, body, expected) in [
            ("alone", certificate.clone(), Some(vec![one(&certificate)])),
            ("in a message", message(&both), Some(vec![one(&certificate), one(&other)])),
            ("none in a message", message(&[]), Some(vec![])),
            ("text", b"-----BEGIN".to_vec(), None),
            ("cut", message(&both)[..40].to_vec(), None),
            ("followed by more", [&message(&both)[..], &[0]].concat(), None),
            ("empty", vec![], None),
        ] {
            assert_eq!(certificates_of_issuers(&body).ok(), expected, "{case}");
        }
        let mut data = message(&both);
        let last = data.iter().position(|octet| *octet == 6).unwrap() + 10;
        data[last] = 1;
        let error = certificates_of_issuers(&data).unwrap_err();
        assert_eq!(error.code(), "format.unassigned", "data, not signedData");
    }
}
