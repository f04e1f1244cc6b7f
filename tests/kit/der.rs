//! A small DER writer: every function returns one complete element.
//!
//! Nothing here judges its input, so that wrong encodings can be written as easily as right ones:
//! [`tlv`] takes any tag and any content.

/// One element: tag octet, definite length in its shortest form, content.
pub fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(content.len() + 6);
    push(&mut out, tag, content);
    out
}

/// Appends one element to `out`.
pub fn push(out: &mut Vec<u8>, tag: u8, content: &[u8]) {
    out.push(tag);
    let length = content.len();
    if length < 0x80 {
        out.push(length as u8);
    } else {
        let octets = length.to_be_bytes();
        let first = octets.iter().position(|octet| *octet != 0).unwrap();
        out.push(0x80 | (octets.len() - first) as u8);
        out.extend_from_slice(&octets[first..]);
    }
    out.extend_from_slice(content);
}

/// The parts joined and wrapped under `tag`.
pub fn wrap<T: AsRef<[u8]>>(tag: u8, parts: impl IntoIterator<Item = T>) -> Vec<u8> {
    let mut content = Vec::new();
    for part in parts {
        content.extend_from_slice(part.as_ref());
    }
    tlv(tag, &content)
}

/// `SEQUENCE` or `SEQUENCE OF`.
pub fn sequence<T: AsRef<[u8]>>(parts: impl IntoIterator<Item = T>) -> Vec<u8> {
    wrap(0x30, parts)
}

/// `SET OF`, its elements sorted as X.690 11.6 asks.
pub fn set_of(parts: impl IntoIterator<Item = Vec<u8>>) -> Vec<u8> {
    let mut parts: Vec<Vec<u8>> = parts.into_iter().collect();
    parts.sort();
    wrap(0x31, parts)
}

/// `[number]` around complete elements.
pub fn explicit(number: u8, content: &[u8]) -> Vec<u8> {
    tlv(0xa0 | number, content)
}

/// `[number] IMPLICIT` over a primitive element: its tag replaced.
pub fn implicit(number: u8, element: &[u8]) -> Vec<u8> {
    let mut out = element.to_vec();
    out[0] = 0x80 | (out[0] & 0x20) | number;
    out
}

pub fn boolean(value: bool) -> Vec<u8> {
    tlv(0x01, &[if value { 0xff } else { 0 }])
}

/// `INTEGER` with these content octets, as they are.
pub fn integer(octets: &[u8]) -> Vec<u8> {
    tlv(0x02, octets)
}

/// `INTEGER`, shortest form of a number that is not negative.
pub fn unsigned(value: u64) -> Vec<u8> {
    integer(&unsigned_content(&value.to_be_bytes()))
}

/// Content octets of the non-negative integer that these big-endian octets mean.
pub fn unsigned_content(octets: &[u8]) -> Vec<u8> {
    let mut content: Vec<u8> = octets.iter().copied().skip_while(|octet| *octet == 0).collect();
    if content.first().is_none_or(|octet| octet & 0x80 != 0) {
        content.insert(0, 0);
    }
    content
}

pub fn enumerated(value: u8) -> Vec<u8> {
    tlv(0x0a, &[value])
}

pub fn null() -> Vec<u8> {
    tlv(0x05, &[])
}

/// `OBJECT IDENTIFIER` from dotted text.
pub fn oid(dotted: &str) -> Vec<u8> {
    tlv(0x06, &oid_content(dotted))
}

pub fn oid_content(dotted: &str) -> Vec<u8> {
    let arcs: Vec<u64> = dotted.split('.').map(|arc| arc.parse().unwrap()).collect();
    let mut out = Vec::new();
    base128(&mut out, arcs[0] * 40 + arcs[1]);
    for arc in &arcs[2..] {
        base128(&mut out, *arc);
    }
    out
}

fn base128(out: &mut Vec<u8>, value: u64) {
    let bits = 64 - value.leading_zeros();
    let groups = bits.div_ceil(7).max(1);
    for group in (0..groups).rev() {
        let low = (value >> (7 * group)) as u8 & 0x7f;
        out.push(if group == 0 { low } else { low | 0x80 });
    }
}

pub fn octet_string(octets: &[u8]) -> Vec<u8> {
    tlv(0x04, octets)
}

/// `BIT STRING` with this many unused bits.
pub fn bit_string(unused: u8, octets: &[u8]) -> Vec<u8> {
    let mut content = Vec::with_capacity(octets.len() + 1);
    content.push(unused);
    content.extend_from_slice(octets);
    tlv(0x03, &content)
}

/// `BIT STRING` of a named bit list, trailing zero bits removed (X.690 11.2.2).
pub fn named_bits(bits: &[u8]) -> Vec<u8> {
    let Some(last) = bits.iter().max() else {
        return bit_string(0, &[]);
    };
    let mut octets = vec![0u8; usize::from(last / 8) + 1];
    for bit in bits {
        octets[usize::from(bit / 8)] |= 0x80 >> (bit % 8);
    }
    bit_string(7 - last % 8, &octets)
}

pub fn utf8(text: &str) -> Vec<u8> {
    tlv(0x0c, text.as_bytes())
}

pub fn printable(text: &str) -> Vec<u8> {
    tlv(0x13, text.as_bytes())
}

pub fn ia5(text: &str) -> Vec<u8> {
    tlv(0x16, text.as_bytes())
}

/// `Time` as RFC 5280 4.1.2.5 asks: `UTCTime` from 1950 through 2049, else `GeneralizedTime`.
pub fn time(seconds: i64) -> Vec<u8> {
    if (-631_152_000..2_524_608_000).contains(&seconds) {
        utc_time(seconds)
    } else {
        generalized_time(seconds)
    }
}

/// `UTCTime` of seconds since 1970, whatever the year.
pub fn utc_time(seconds: i64) -> Vec<u8> {
    tlv(0x17, &date_text(seconds).as_bytes()[2..])
}

/// `GeneralizedTime` of seconds since 1970, whatever the year.
pub fn generalized_time(seconds: i64) -> Vec<u8> {
    tlv(0x18, date_text(seconds).as_bytes())
}

/// `YYYYMMDDHHMMSSZ`, by the civil-from-days rule of the proleptic Gregorian calendar.
fn date_text(seconds: i64) -> String {
    let days = seconds.div_euclid(86_400);
    let second = seconds.rem_euclid(86_400);
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_index = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_index + 2) / 5 + 1;
    let month = if month_index < 10 { month_index + 3 } else { month_index - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    format!(
        "{year:04}{month:02}{day:02}{:02}{:02}{:02}Z",
        second / 3_600,
        second / 60 % 60,
        second % 60
    )
}

/// RFC 7468 text of one element.
pub fn pem(label: &str, der: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut body = String::new();
    for chunk in der.chunks(3) {
        let bits = chunk.iter().fold(0u32, |bits, octet| bits << 8 | u32::from(*octet))
            << (8 * (3 - chunk.len()));
        for place in 0..4 {
            if place <= chunk.len() {
                body.push(char::from(ALPHABET[(bits >> (18 - 6 * place)) as usize & 63]));
            } else {
                body.push('=');
            }
        }
    }
    let mut out = format!("-----BEGIN {label}-----\n");
    for line in body.as_bytes().chunks(64) {
        out.push_str(std::str::from_utf8(line).unwrap());
        out.push('\n');
    }
    out.push_str(&format!("-----END {label}-----\n"));
    out
}
