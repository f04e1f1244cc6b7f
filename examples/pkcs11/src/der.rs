//! The little DER that stands between PKCS#11 and X.509.

/// `secp256r1` as PKCS#11 names curves: an OBJECT IDENTIFIER in DER.
pub(crate) const P256: &[u8] = &[0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
/// `secp384r1`.
pub(crate) const P384: &[u8] = &[0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x22];

const EC_PUBLIC_KEY: &[u8] = &[0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];
const RSA_ENCRYPTION: &[u8] =
    &[0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00];

/// `SubjectPublicKeyInfo` of a curve (RFC 5480). `CKA_EC_POINT` is the point in an OCTET STRING.
pub(crate) fn ec_public_key(curve: &[u8], point: &[u8]) -> Option<Vec<u8>> {
    let point = match point {
        [0x04, length, rest @ ..] if usize::from(*length) == rest.len() => rest,
        _ => return None,
    };
    let algorithm = tlv(0x30, &[EC_PUBLIC_KEY, curve].concat());
    Some(tlv(0x30, &[algorithm, tlv(0x03, &[&[0], point].concat())].concat()))
}

/// `SubjectPublicKeyInfo` of RSA (RFC 3279 section 2.3.1).
pub(crate) fn rsa_public_key(modulus: &[u8], exponent: &[u8]) -> Vec<u8> {
    let key = tlv(0x30, &[integer(modulus), integer(exponent)].concat());
    let bits = tlv(0x03, &[&[0][..], &key].concat());
    tlv(0x30, &[tlv(0x30, RSA_ENCRYPTION), bits].concat())
}

/// `Ecdsa-Sig-Value` (RFC 3279 section 2.2.3) from the two numbers side by side.
pub(crate) fn ecdsa_signature(numbers: &[u8]) -> Vec<u8> {
    let (r, s) = numbers.split_at(numbers.len() / 2);
    tlv(0x30, &[integer(r), integer(s)].concat())
}

/// A positive INTEGER from its octets, however many zeros they begin with.
fn integer(octets: &[u8]) -> Vec<u8> {
    let zeros = octets.iter().take_while(|octet| **octet == 0).count();
    let significant = &octets[zeros..];
    match significant.first() {
        Some(first) if *first < 0x80 => tlv(0x02, significant),
        _ => tlv(0x02, &[&[0], significant].concat()),
    }
}

fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len();
    let mut der = vec![tag];
    match u8::try_from(length) {
        Ok(short) if short < 0x80 => der.push(short),
        Ok(long) => der.extend([0x81, long]),
        Err(_) => {
            let long = u16::try_from(length).expect("keys and signatures have under 64 KiB");
            der.push(0x82);
            der.extend(long.to_be_bytes());
        }
    }
    der.extend(content);
    der
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_are_positive_and_short() {
        for (case, octets, expected) in [
            ("small", &[0x01][..], &[0x02, 0x01, 0x01][..]),
            ("leading zeros", &[0, 0, 0x7f], &[0x02, 0x01, 0x7f]),
            ("high bit", &[0x80], &[0x02, 0x02, 0x00, 0x80]),
            ("zero", &[0, 0], &[0x02, 0x01, 0x00]),
        ] {
            assert_eq!(integer(octets), expected, "{case}");
        }
        assert_eq!(tlv(4, &[0; 200])[..3], [4, 0x81, 200]);
        assert_eq!(tlv(4, &[0; 300])[..4], [4, 0x82, 1, 44]);
        assert_eq!(ec_public_key(P256, &[0x04, 0x03, 0x04, 0x01]), None);
    }
}
