//! Text inside names: repertoires, the preparation of RFC 4518, and printing that cannot mislead.
//!
//! [`canonical`] is the comparison of RFC 5280 section 7.1: the steps transcode, map, normalize and
//! insignificant character handling of RFC 4518 section 2, with case folding. ASCII runs through as
//! a stream without allocation; other text is prepared into one string.
//!
//! Deviations. Prohibited characters (RFC 4518 section 2.4) compare as themselves, so that they
//! match only themselves, where the RFC calls the comparison "undefined". TeletexString,
//! NumericString and VisibleString compare bytewise: RFC 5280 section 7.1 asks for no more, and no
//! two implementations agree on what T.61 means. Case folding follows the Unicode version of the
//! Rust library, not the Unicode 3.2 of RFC 3454 table B.2; the two agree on all characters that
//! Unicode 3.2 knew but for later corrections.

use alloc::string::String;
use alloc::vec;
use core::fmt::{self, Write};

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

use super::der::Tag;

/// Whether a value of `tag` compares as text.
pub(crate) const fn is_text(tag: Tag) -> bool {
    matches!(
        tag,
        Tag::PRINTABLE_STRING
            | Tag::UTF8_STRING
            | Tag::IA5_STRING
            | Tag::BMP_STRING
            | Tag::UNIVERSAL_STRING
    )
}

/// Whether `content` keeps to the repertoire of its string type. Other types hold anything.
pub(crate) fn in_repertoire(tag: Tag, content: &[u8]) -> bool {
    match tag {
        Tag::PRINTABLE_STRING => PRINTABLE_STRING.contains_all(content),
        Tag::UTF8_STRING => content.is_ascii() || core::str::from_utf8(content).is_ok(),
        Tag::IA5_STRING => content.is_ascii(),
        Tag::NUMERIC_STRING => content.iter().all(|&octet| octet == b' ' || octet.is_ascii_digit()),
        Tag::VISIBLE_STRING => content.iter().all(|&octet| (0x20..0x7f).contains(&octet)),
        Tag::BMP_STRING => {
            let (units, rest) = content.as_chunks::<2>();
            // Not UTF-16: a surrogate is no character of the Basic Multilingual Plane.
            rest.is_empty() && units.iter().all(|&unit| !is_surrogate(u16::from_be_bytes(unit)))
        }
        Tag::UNIVERSAL_STRING => {
            let (units, rest) = content.as_chunks::<4>();
            rest.is_empty()
                && units.iter().all(|&unit| char::from_u32(u32::from_be_bytes(unit)).is_some())
        }
        _ => true,
    }
}

const fn is_surrogate(unit: u16) -> bool {
    matches!(unit, 0xd800..=0xdfff)
}

/// A set of ASCII characters, looked up in a table.
#[derive(Debug)]
pub(crate) struct Alphabet([bool; 256]);

impl Alphabet {
    /// The set of these characters; others than ASCII belong to none.
    pub(crate) const fn of(mut characters: &[u8]) -> Self {
        let mut set = [false; 256];
        while let [octet, rest @ ..] = characters {
            if let Some((_, [member, ..])) = set.split_at_mut_checked(widen(*octet)) {
                *member = true;
            }
            characters = rest;
        }
        Self(set)
    }

    /// Whether an octet is one of the characters.
    #[inline]
    pub(crate) fn contains(&self, octet: u8) -> bool {
        self.0.get(usize::from(octet)).is_some_and(|&member| member)
    }

    /// Whether all octets are.
    #[inline]
    pub(crate) fn contains_all(&self, octets: &[u8]) -> bool {
        octets.iter().all(|&octet| self.contains(octet))
    }
}

#[expect(clippy::as_conversions, reason = "`usize::from` is not const")]
const fn widen(octet: u8) -> usize {
    octet as usize
}

/// X.680 41.4.
static PRINTABLE_STRING: Alphabet =
    Alphabet::of(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789 '()+,-./:=?");

/// The characters of a string; what is outside the repertoire becomes U+FFFD.
pub(crate) fn decode(tag: Tag, content: &[u8]) -> String {
    match tag {
        Tag::BMP_STRING => {
            let units = content.as_chunks::<2>().0.iter();
            units.map(|&unit| u32::from(u16::from_be_bytes(unit))).map(character).collect()
        }
        Tag::UNIVERSAL_STRING => {
            let units = content.as_chunks::<4>().0.iter();
            units.map(|&unit| character(u32::from_be_bytes(unit))).collect()
        }
        _ => String::from_utf8_lossy(content).into_owned(),
    }
}

fn character(scalar: u32) -> char {
    char::from_u32(scalar).unwrap_or(char::REPLACEMENT_CHARACTER)
}

/// The canonical characters of a text value that keeps to its repertoire.
pub(crate) fn canonical(tag: Tag, content: &[u8]) -> Canonical<'_> {
    let width = match tag {
        Tag::BMP_STRING => 2,
        Tag::UNIVERSAL_STRING => 4,
        _ => 1,
    };
    let ascii = content.chunks_exact(width).all(|unit| {
        unit.split_last().is_some_and(|(low, high)| *low < 0x80 && high.iter().all(|&o| o == 0))
    });
    if ascii {
        Canonical::Ascii { units: content.chunks_exact(width), begun: false, held: None }
    } else {
        Canonical::Prepared(prepare(&decode(tag, content)).into_iter())
    }
}

/// Whether two text values that keep to their repertoires are the same.
pub(crate) fn same(a: (Tag, &[u8]), b: (Tag, &[u8])) -> bool {
    same_graphic(a, b).unwrap_or_else(|| canonical(a.0, a.1).eq(canonical(b.0, b.1)))
}

/// The same, where it can be told from ASCII octets one by one: up to the first difference nothing
/// but case differs, and the difference is one between graphic characters.
#[inline]
fn same_graphic((a_tag, a): (Tag, &[u8]), (b_tag, b): (Tag, &[u8])) -> Option<bool> {
    let narrow = |tag| matches!(tag, Tag::PRINTABLE_STRING | Tag::UTF8_STRING | Tag::IA5_STRING);
    if !narrow(a_tag) || !narrow(b_tag) {
        return None;
    }
    let differ = |(a, b): (&u8, &u8)| a != b && !a.eq_ignore_ascii_case(b);
    // Nothing is joined to a letter or digit of ASCII at the end of a text, so that what differs there
    // differs, whatever comes before.
    if let (Some(a), Some(b)) = (a.last(), b.last())
        && (a.is_ascii_alphanumeric() && b.is_ascii_alphanumeric())
        && differ((a, b))
    {
        return Some(false);
    }
    let same = match a.iter().zip(b).position(differ) {
        Some(at) => {
            let graphic = |text: &[u8]| text.get(at).is_some_and(u8::is_ascii_graphic);
            (graphic(a) && graphic(b)).then_some(false)
        }
        None => (a.len() == b.len()).then_some(true),
    }?;
    (a.is_ascii() && b.is_ascii()).then_some(same)
}

/// An iterator over canonical characters.
pub(crate) enum Canonical<'a> {
    Ascii { units: core::slice::ChunksExact<'a, u8>, begun: bool, held: Option<char> },
    Prepared(vec::IntoIter<char>),
}

impl Iterator for Canonical<'_> {
    type Item = char;

    #[inline]
    fn next(&mut self) -> Option<char> {
        match self {
            Self::Prepared(characters) => characters.next(),
            Self::Ascii { units, begun, held } => {
                if let Some(character) = held.take() {
                    return Some(character);
                }
                let mut space = false;
                loop {
                    let octet = *units.next()?.last()?;
                    match octet {
                        b' ' | b'\t'..=b'\r' => space = true,
                        0x00..=0x1f | 0x7f => {}
                        _ => {
                            let character = char::from(octet.to_ascii_lowercase());
                            if space && *begun {
                                *held = Some(character);
                                return Some(' ');
                            }
                            *begun = true;
                            return Some(character);
                        }
                    }
                }
            }
        }
    }
}

/// RFC 4518 sections 2.2, 2.3 and 2.6.1 for text that is not all ASCII.
///
/// Folding and mapping run before and after normalization, as in the caseless matching of Unicode
/// (definition D146): compatibility characters may decompose into cased letters and spaces.
fn prepare(text: &str) -> vec::Vec<char> {
    let folded: String = text.chars().nfd().filter_map(map).flat_map(fold).collect();
    let folded: String = folded.nfkc().filter_map(map).flat_map(fold).collect();
    let mut prepared = vec::Vec::with_capacity(folded.len());
    let mut space = false;
    let mut characters = folded.nfkc().peekable();
    while let Some(character) = characters.next() {
        // 2.6.1: "a space is defined to be the SPACE (U+0020) code point followed by no combining
        // marks."
        let marked = characters.peek().is_some_and(|&next| is_combining_mark(next));
        if character == ' ' && !marked {
            space = true;
            continue;
        }
        if space && !prepared.is_empty() {
            prepared.push(' ');
        }
        space = false;
        prepared.push(character);
    }
    prepared
}

/// RFC 4518 section 2.2: what is mapped to SPACE and what to nothing.
fn map(character: char) -> Option<char> {
    match character {
        '\t'..='\r'
        | '\u{85}'
        | '\u{a0}'
        | '\u{1680}'
        | '\u{2000}'..='\u{200a}'
        | '\u{2028}'
        | '\u{2029}'
        | '\u{202f}'
        | '\u{205f}'
        | '\u{3000}' => Some(' '),
        character if is_invisible(character) => None,
        _ => Some(character),
    }
}

/// Control, format and variation characters, which RFC 4518 section 2.2 maps to nothing, and the
/// bidirectional isolates that Unicode added since.
fn is_invisible(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{ad}' | '\u{34f}' | '\u{600}'..='\u{605}' | '\u{61c}' | '\u{6dd}' | '\u{70f}' | '\u{1806}'
            | '\u{180b}'..='\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}'
            | '\u{fff9}'..='\u{fffc}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

/// Full case folding by way of the Rust library's case mappings.
fn fold(character: char) -> impl Iterator<Item = char> {
    // U+0131 is no lower case of LATIN CAPITAL LETTER I in RFC 3454 table B.2.
    let keep = character == '\u{131}';
    let folded = character
        .to_lowercase()
        .flat_map(char::to_uppercase)
        .flat_map(char::to_lowercase)
        .take(if keep { 0 } else { usize::MAX });
    folded.chain(keep.then_some(character))
}

/// Writes text such that neither controls, nor bidirectional marks, nor `special` characters reach
/// the reader as they are: `\` and two hexadecimal digits for each octet of their UTF-8 form.
pub(crate) fn escape(
    out: &mut impl Write,
    text: &str,
    special: impl Fn(usize, char) -> bool,
) -> fmt::Result {
    for (at, character) in text.char_indices() {
        let space_like = character != ' ' && map(character) == Some(' ');
        if is_invisible(character) || space_like || special(at, character) {
            let mut octets = [0; 4];
            for octet in character.encode_utf8(&mut octets).bytes() {
                write!(out, "\\{octet:02X}")?;
            }
        } else {
            out.write_char(character)?;
        }
    }
    Ok(())
}

/// Writes `#` and hexadecimal digits.
pub(crate) fn hexadecimal(out: &mut impl Write, octets: &[u8]) -> fmt::Result {
    out.write_char('#')?;
    write_hex(out, octets)
}

/// Writes two lower-case hexadecimal digits for each octet.
pub(crate) fn write_hex<'o>(
    out: &mut impl Write,
    octets: impl IntoIterator<Item = &'o u8>,
) -> fmt::Result {
    octets.into_iter().try_for_each(|octet| write!(out, "{octet:02x}"))
}

/// Passes on a bounded number of octets, then one `…`, then reports an error to stop the writer.
pub(crate) struct Bounded<'w, 'f> {
    out: &'w mut fmt::Formatter<'f>,
    left: usize,
    cut: bool,
}

impl<'w, 'f> Bounded<'w, 'f> {
    /// What one printed name takes at most, in octets.
    pub(crate) const NAME: usize = 512;

    /// Runs `write` with at most `limit` octets.
    pub(crate) fn write(
        out: &'w mut fmt::Formatter<'f>,
        limit: usize,
        write: impl FnOnce(&mut Self) -> fmt::Result,
    ) -> fmt::Result {
        let mut bounded = Self { out, left: limit, cut: false };
        match write(&mut bounded) {
            Err(_) if bounded.cut => Ok(()),
            result => result,
        }
    }
}

impl Write for Bounded<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        if text.len() > self.left {
            self.cut = true;
            self.out.write_char('…')?;
            return Err(fmt::Error);
        }
        self.left -= text.len();
        self.out.write_str(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    fn canonical_text(tag: Tag, content: &[u8]) -> Option<String> {
        in_repertoire(tag, content).then(|| canonical(tag, content).collect())
    }

    #[test]
    fn preparation() {
        let utf8 = |text: &str| canonical_text(Tag::UTF8_STRING, text.as_bytes()).unwrap();
        for (case, text, expected) in [
            ("ascii case", "AbC", "abc"),
            ("ascii spaces", "  a \t b ", "a b"),
            ("only spaces", "   ", ""),
            ("control to nothing", "a\u{0}b", "ab"),
            ("sharp s", "Straße", "strasse"),
            ("capital sharp s", "STRAẞE", "strasse"),
            ("final sigma", "ΟΔΟΣ ς", "οδοσ σ"),
            ("kelvin sign is k", "\u{212a}", "k"),
            ("dotless i stays", "ı", "ı"),
            ("full width", "ＡＢ", "ab"),
            ("composed and decomposed", "e\u{301}", "é"),
            ("no-break and ideographic space", "東\u{a0}\u{3000}京", "東 京"),
            ("soft hyphen to nothing", "a\u{ad}é", "aé"),
            ("space under a mark is kept", "é \u{301}", "é \u{301}"),
        ] {
            assert_eq!(utf8(text), expected, "{case}");
        }
        assert_eq!(canonical_text(Tag::BMP_STRING, b"\0A\0 ").as_deref(), Some("a"));
        assert_eq!(canonical_text(Tag::UNIVERSAL_STRING, b"\0\x01\xd4\0").as_deref(), Some("a"));
    }

    /// The short cuts against the definition: all pairs of texts of up to three pieces.
    #[test]
    fn short_cuts_agree_with_the_preparation() {
        let pieces = ["", "s", "S", "0", " ", "\u{301}", "ß"];
        let texts: alloc::vec::Vec<String> = pieces
            .iter()
            .flat_map(|a| pieces.iter().map(move |b| [*a, *b]))
            .flat_map(|[a, b]| pieces.iter().map(move |c| [a, b, c].concat()))
            .collect();
        let prepared: alloc::vec::Vec<String> = texts
            .iter()
            .map(|text| canonical(Tag::UTF8_STRING, text.as_bytes()).collect())
            .collect();
        for (a, a_prepared) in texts.iter().zip(&prepared) {
            for (b, b_prepared) in texts.iter().zip(&prepared) {
                let found =
                    same((Tag::UTF8_STRING, a.as_bytes()), (Tag::UTF8_STRING, b.as_bytes()));
                assert_eq!(found, a_prepared == b_prepared, "{a:?} {b:?}");
            }
        }
    }

    #[test]
    fn repertoires() {
        for (case, tag, content, expected) in [
            ("printable", Tag::PRINTABLE_STRING, &b"a b?"[..], true),
            ("printable: at sign", Tag::PRINTABLE_STRING, b"a@b", false),
            ("utf8: overlong", Tag::UTF8_STRING, b"\xc0\x80", false),
            ("ia5", Tag::IA5_STRING, b"\x7f\0", true),
            ("ia5: high", Tag::IA5_STRING, b"\x80", false),
            ("numeric", Tag::NUMERIC_STRING, b"12 3", true),
            ("numeric: letter", Tag::NUMERIC_STRING, b"12a", false),
            ("bmp: odd", Tag::BMP_STRING, b"\0a\0", false),
            ("bmp: surrogates", Tag::BMP_STRING, b"\xd8\x00\xdc\x00", false),
            ("universal: beyond", Tag::UNIVERSAL_STRING, b"\0\x11\0\0", false),
            ("teletex", Tag::TELETEX_STRING, b"\xff", true),
        ] {
            assert_eq!(in_repertoire(tag, content), expected, "{case}");
        }
    }

    #[test]
    fn printing_is_bounded() {
        struct Long;
        impl fmt::Display for Long {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                Bounded::write(f, 5, |out| escape(out, "abc\u{202e}\n", |_, _| false))
            }
        }
        assert_eq!(Long.to_string(), "abc\\…");
    }
}
