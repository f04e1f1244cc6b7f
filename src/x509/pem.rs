//! PEM (RFC 7468): text armour to DER.
//!
//! The reader walks the lines of an input and decodes one block at a time. It is lax where
//! deployed files differ without harm and strict where laxness loses a certificate:
//!
//! - Explanatory text (such as `openssl x509 -text` prints) is allowed between blocks, so are
//!   `LF`, `CRLF` and `CR` line ends, a UTF-8 byte order mark, white space around lines, empty
//!   lines within a block, and base64 lines of any width.
//! - A line that begins like a boundary but is none, an `END` without its `BEGIN`, two labels that
//!   differ, and a block that does not end are errors. Where two files were joined without a
//!   newline (`-----END CERTIFICATE----------BEGIN CERTIFICATE-----`), most readers drop the second
//!   certificate; here it is an error.
//! - Headers of RFC 1421 (`Proc-Type: 4,ENCRYPTED`) mean an encrypted or otherwise wrapped content
//!   that this crate does not unwrap: an error.
//! - Base64 is padded and canonical. It is decoded in constant time, since private keys pass
//!   through here; only the error path looks at single characters. Decoded bytes and the buffer
//!   that they come from are wiped when dropped, except where the caller takes them.
//! - An input without a block is an error and never an empty list: a truncated file must not read
//!   as "nothing trusted" or "nothing revoked".
//!
//! Each byte is looked at a bounded number of times, and a block allocates at most twice the
//! length of its text. Whether the content is a sound certificate is left to the caller.

use alloc::vec;
use alloc::vec::Vec;
use core::fmt;

use base64ct::{Base64, Encoding};
use rustls_pki_types::{CertificateDer, CertificateRevocationListDer};
use zeroize::{Zeroize, Zeroizing};

use super::der::{DerError, Reader, Tag};
use super::pem_error::{PemError, PemErrorKind, PemLabel};

/// Reads all certificates of a PEM input: `CERTIFICATE` and the older `X509 CERTIFICATE`.
///
/// `TRUSTED CERTIFICATE` is refused: OpenSSL appends trust settings to it that this crate does not
/// apply.
///
/// # Errors
/// [`PemError`] where the input is no sound PEM, has no block, or has a block of another label.
///
/// # Examples
/// ```
/// use bonafide::x509::certificates;
///
/// let bundle = "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n";
/// assert_eq!(certificates(bundle.as_bytes())?.len(), 1);
///
/// let key = bundle.replace("CERTIFICATE", "PRIVATE KEY");
/// let error = certificates(key.as_bytes()).unwrap_err();
/// assert_eq!(
///     error.to_string(),
///     "block PRIVATE KEY found where CERTIFICATE belongs at byte 0, line 1"
/// );
/// # Ok::<(), bonafide::x509::PemError>(())
/// ```
pub fn certificates(input: &[u8]) -> Result<Vec<CertificateDer<'static>>, PemError> {
    Ok(blocks_labelled(input, CERTIFICATE_LABELS)?.into_iter().map(CertificateDer::from).collect())
}

/// Reads all certificates of a PEM input, or the one certificate of a DER input.
///
/// # Errors
/// As [`certificates`]; [`PemErrorKind::Der`] where the input begins like DER and is not exactly
/// one SEQUENCE.
pub fn certificates_from_pem_or_der(
    input: &[u8],
) -> Result<Vec<CertificateDer<'static>>, PemError> {
    let blobs = pem_or_der(input, CERTIFICATE_LABELS)?;
    Ok(blobs.into_iter().map(CertificateDer::from).collect())
}

/// Reads all certificate revocation lists of a PEM input (`X509 CRL`), or the one list of a DER
/// input.
///
/// # Errors
/// As [`certificates_from_pem_or_der`].
pub fn crls_from_pem_or_der(
    input: &[u8],
) -> Result<Vec<CertificateRevocationListDer<'static>>, PemError> {
    let blobs = pem_or_der(input, CRL_LABELS)?;
    Ok(blobs.into_iter().map(CertificateRevocationListDer::from).collect())
}

/// One decoded block.
pub struct PemBlock<'a> {
    label: &'a str,
    der: Vec<u8>,
    offset: usize,
    line: usize,
}

impl<'a> PemBlock<'a> {
    /// Returns the label, such as `CERTIFICATE`.
    #[must_use]
    pub const fn label(&self) -> &'a str {
        self.label
    }

    /// Returns the decoded content.
    #[must_use]
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// Takes the decoded content, which is then no longer wiped when dropped.
    #[must_use]
    pub fn into_der(mut self) -> Vec<u8> {
        core::mem::take(&mut self.der)
    }

    /// Returns the byte offset of the `BEGIN` line.
    #[must_use]
    pub const fn offset(&self) -> usize {
        self.offset
    }

    /// Returns the line number of the `BEGIN` line, from 1.
    #[must_use]
    pub const fn line(&self) -> usize {
        self.line
    }
}

impl Drop for PemBlock<'_> {
    fn drop(&mut self) {
        self.der.zeroize();
    }
}

impl fmt::Debug for PemBlock<'_> {
    /// Leaves the content out: it may be a private key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PemBlock")
            .field("label", &self.label)
            .field("length", &self.der.len())
            .field("offset", &self.offset)
            .field("line", &self.line)
            .finish_non_exhaustive()
    }
}

/// Reads the blocks of a PEM input, whatever their labels.
///
/// Ends after the first error. An input without any block yields one error.
#[derive(Clone, Debug)]
pub struct PemBlocks<'a> {
    lines: Lines<'a>,
    found: bool,
    done: bool,
}

impl<'a> PemBlocks<'a> {
    /// Starts at the first byte of `input`.
    #[must_use]
    pub fn new(input: &'a [u8]) -> Self {
        Self { lines: Lines::new(input), found: false, done: false }
    }

    fn advance(&mut self) -> Result<Option<PemBlock<'a>>, PemError> {
        while let Some(line) = self.lines.next() {
            match Boundary::of(&line)? {
                None => {}
                Some(Boundary::End(label)) => {
                    return Err(line.error(PemErrorKind::EndWithoutBegin { label }));
                }
                Some(Boundary::Begin(label)) => {
                    let block = self.block(&line, label)?;
                    self.found = true;
                    return Ok(Some(block));
                }
            }
        }
        if self.found { Ok(None) } else { Err(no_block(self.lines.input)) }
    }

    /// Reads from behind a `BEGIN` line up to and with its `END` line.
    fn block(&mut self, begin: &Line<'a>, label: PemLabel) -> Result<PemBlock<'a>, PemError> {
        let unterminated = || begin.error(PemErrorKind::Unterminated { label });
        let body = self.lines.clone();
        let mut length = 0;
        loop {
            let line = self.lines.next().ok_or_else(unterminated)?;
            match Boundary::of(&line)? {
                None if line.text.contains(&b':') => {
                    return Err(line.error(PemErrorKind::Header));
                }
                None if line.text.starts_with(DASHES) => {
                    return Err(line.error(PemErrorKind::InvalidBase64 { octet: b'-' }));
                }
                None => length += line.text.len(),
                Some(Boundary::Begin(_)) => return Err(unterminated()),
                Some(Boundary::End(end)) if end != label => {
                    return Err(line.error(PemErrorKind::LabelMismatch { begin: label, end }));
                }
                Some(Boundary::End(_)) => break,
            }
        }
        let mut text = Zeroizing::new(Vec::with_capacity(length));
        for line in body.clone().take_while(|line| !line.text.starts_with(DASHES)) {
            text.extend(line.text.iter().copied().filter(|octet| !is_blank(*octet)));
        }
        if text.is_empty() {
            return Err(begin.error(PemErrorKind::EmptyBlock { label }));
        }
        let der = decode(&text).ok_or_else(|| bad_base64(body))?;
        let label = begin.text.get(BEGIN.len()..begin.text.len() - DASHES.len());
        let label = label.and_then(|text| core::str::from_utf8(text).ok()).unwrap_or_default();
        Ok(PemBlock { label, der, offset: begin.offset, line: begin.number })
    }
}

impl<'a> Iterator for PemBlocks<'a> {
    type Item = Result<PemBlock<'a>, PemError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.done {
            return None;
        }
        let item = self.advance().transpose();
        self.done = !matches!(item, Some(Ok(_)));
        item
    }
}

impl core::iter::FusedIterator for PemBlocks<'_> {}

fn blocks_labelled(input: &[u8], labels: &[&'static str]) -> Result<Vec<Vec<u8>>, PemError> {
    let mut blobs = Vec::new();
    for block in PemBlocks::new(input) {
        let block = block?;
        if !labels.contains(&block.label) {
            let expected = labels.first().copied().unwrap_or_default();
            let kind = match PemLabel::new(block.label.as_bytes()) {
                Some(found) => PemErrorKind::WrongLabel { found, expected },
                None => PemErrorKind::MalformedBoundary,
            };
            return Err(PemError::new(kind, block.offset, block.line));
        }
        blobs.push(block.into_der());
    }
    Ok(blobs)
}

/// DER begins with `0x30`, which in ASCII is the digit zero: text that begins so and holds a
/// `BEGIN` line is PEM all the same.
fn pem_or_der(input: &[u8], labels: &[&'static str]) -> Result<Vec<Vec<u8>>, PemError> {
    if input.first() != Some(&Tag::SEQUENCE.octet()) {
        return blocks_labelled(input, labels);
    }
    match one_sequence(input) {
        Ok(()) => Ok(vec![input.to_vec()]),
        Err(_) if Lines::new(input).any(|line| line.text.starts_with(BEGIN)) => {
            blocks_labelled(input, labels)
        }
        Err(error) => Err(PemError::new(PemErrorKind::Der(error.kind()), error.offset(), 1)),
    }
}

fn one_sequence(input: &[u8]) -> Result<(), DerError> {
    let mut reader = Reader::new(input)?;
    reader.element(Tag::SEQUENCE)?;
    reader.finish()
}

#[cold]
fn no_block(input: &[u8]) -> PemError {
    let kind = match *input {
        // A SEQUENCE of more than 127 bytes, as every certificate, list and key is.
        [0x30, 0x80..=0x84, ..] => PemErrorKind::BinaryDer,
        _ if input.iter().all(|octet| is_blank(*octet) || is_line_end(*octet)) => {
            PemErrorKind::EmptyInput
        }
        _ => PemErrorKind::NoBlock,
    };
    PemError::new(kind, 0, 1)
}

/// Decodes in constant time, or gives nothing where the text is not canonical base64.
fn decode(text: &[u8]) -> Option<Vec<u8>> {
    if !text.len().is_multiple_of(4) {
        return None;
    }
    let mut octets = Zeroizing::new(vec![0; text.len() / 4 * 3]);
    let length = Base64::decode(text, &mut octets).ok()?.len();
    let mut der = core::mem::take(&mut *octets);
    der.truncate(length);
    Some(der)
}

/// Finds the place of an error that the constant-time decoder saw.
#[cold]
fn bad_base64(body: Lines<'_>) -> PemError {
    let mut padding = false;
    let mut count = 0_usize;
    let mut last = (0, 1);
    for line in body.take_while(|line| !line.text.starts_with(DASHES)) {
        for (at, &octet) in line.text.iter().enumerate() {
            let sound = match octet {
                _ if is_blank(octet) => continue,
                b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'+' | b'/' => !padding,
                b'=' => {
                    padding = true;
                    count % 4 >= 2
                }
                _ => false,
            };
            let offset = line.offset + at;
            if !sound {
                let kind = PemErrorKind::InvalidBase64 { octet };
                return PemError::new(kind, offset, line.number);
            }
            count += 1;
            last = (offset, line.number);
        }
    }
    let (offset, line) = last;
    PemError::new(PemErrorKind::IncompleteBase64, offset, line)
}

const DASHES: &[u8] = b"-----";
const BEGIN: &[u8] = b"-----BEGIN ";
const END: &[u8] = b"-----END ";
const CERTIFICATE_LABELS: &[&str] = &["CERTIFICATE", "X509 CERTIFICATE"];
const CRL_LABELS: &[&str] = &["X509 CRL"];

enum Boundary {
    Begin(PemLabel),
    End(PemLabel),
}

impl Boundary {
    fn of(line: &Line<'_>) -> Result<Option<Self>, PemError> {
        if !line.text.starts_with(DASHES) {
            return Ok(None);
        }
        let label = |start: &[u8]| {
            let text = line.text.strip_prefix(start)?.strip_suffix(DASHES)?;
            PemLabel::new(text)
        };
        let malformed = || line.error(PemErrorKind::MalformedBoundary);
        if line.text.starts_with(b"-----BEGIN") {
            label(BEGIN).map(Self::Begin).map(Some).ok_or_else(malformed)
        } else if line.text.starts_with(b"-----END") {
            label(END).map(Self::End).map(Some).ok_or_else(malformed)
        } else {
            Ok(None)
        }
    }
}

/// A line without its end and without white space around it.
struct Line<'a> {
    text: &'a [u8],
    offset: usize,
    number: usize,
}

impl Line<'_> {
    fn error(&self, kind: PemErrorKind) -> PemError {
        PemError::new(kind, self.offset, self.number)
    }
}

#[derive(Clone, Debug)]
struct Lines<'a> {
    input: &'a [u8],
    pos: usize,
    number: usize,
}

impl<'a> Lines<'a> {
    fn new(input: &'a [u8]) -> Self {
        let pos = if input.starts_with(&[0xef, 0xbb, 0xbf]) { 3 } else { 0 };
        Self { input, pos, number: 0 }
    }
}

impl<'a> Iterator for Lines<'a> {
    type Item = Line<'a>;

    fn next(&mut self) -> Option<Line<'a>> {
        let rest = self.input.get(self.pos..).filter(|rest| !rest.is_empty())?;
        let length = rest.iter().position(|octet| is_line_end(*octet)).unwrap_or(rest.len());
        let (line, end) = rest.split_at(length);
        let end = match *end {
            [b'\r', b'\n', ..] => 2,
            [] => 0,
            _ => 1,
        };
        let start = line.iter().position(|octet| !is_blank(*octet)).unwrap_or(length);
        let stop = line.iter().rposition(|octet| !is_blank(*octet)).map_or(start, |last| last + 1);
        let text = line.get(start..stop).unwrap_or_default();
        let offset = self.pos + start;
        self.pos += length + end;
        self.number += 1;
        Some(Line { text, offset, number: self.number })
    }
}

const fn is_blank(octet: u8) -> bool {
    matches!(octet, b' ' | b'\t' | 0x0b | 0x0c)
}

const fn is_line_end(octet: u8) -> bool {
    matches!(octet, b'\n' | b'\r')
}

#[cfg(test)]
mod tests {
    use super::super::der::DerErrorKind;
    use super::*;
    use alloc::format;
    use alloc::string::{String, ToString};

    const ONE: &str = "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n";

    fn label(text: &str) -> PemLabel {
        PemLabel::new(text.as_bytes()).unwrap()
    }

    fn read(input: &[u8]) -> Result<Vec<Vec<u8>>, (PemErrorKind, usize, usize)> {
        certificates(input)
            .map(|all| all.iter().map(|one| one.to_vec()).collect())
            .map_err(|error| (error.kind(), error.offset(), error.line()))
    }

    #[test]
    fn harmless_variations_are_read() {
        for (case, input) in [
            ("plain", ONE.to_string()),
            ("crlf", ONE.replace('\n', "\r\n")),
            ("cr", ONE.replace('\n', "\r")),
            ("no newline at the end", ONE.trim_end().to_string()),
            ("byte order mark", format!("\u{feff}{ONE}")),
            ("white space around lines", ONE.replace('\n', " \t\n  ")),
            ("empty lines within", ONE.replace("MAA=", "\nMAA=\n\n")),
            ("base64 over several lines", ONE.replace("MAA=", "MA\nA\n=")),
            ("text around", format!("Certificate:\n  Data: 1\n{ONE}0 s:CN = a\n")),
            ("older label", ONE.replace("CERTIFICATE", "X509 CERTIFICATE")),
            (
                "other dashes in text",
                format!("-----\n---- {ONE}\n{ONE}-----\n").replacen(
                    &format!("---- {ONE}"),
                    "----",
                    1,
                ),
            ),
        ] {
            assert_eq!(read(input.as_bytes()), Ok(vec![vec![0x30, 0x00]]), "{case}");
        }
        let two = format!("{ONE}# second\n{ONE}");
        let blocks: Vec<_> = PemBlocks::new(two.as_bytes())
            .map(|block| block.map(|b| (b.label(), b.offset(), b.line(), b.der().len())))
            .collect();
        assert_eq!(
            blocks,
            [Ok(("CERTIFICATE", 0, 1, 2)), Ok(("CERTIFICATE", ONE.len() + 9, 5, 2))]
        );
    }

    #[test]
    fn every_loss_is_an_error_with_its_place() {
        use PemErrorKind as K;
        let certificate = label("CERTIFICATE");
        for (case, input, kind, offset, line) in [
            ("empty", String::new(), K::EmptyInput, 0, 1),
            ("white space", " \r\n\t".into(), K::EmptyInput, 0, 1),
            ("text", "hello".into(), K::NoBlock, 0, 1),
            ("base64 without armour", "MAA=".into(), K::NoBlock, 0, 1),
            (
                "no end",
                "a\n-----BEGIN CERTIFICATE-----\nMAA=\n".into(),
                K::Unterminated { label: certificate },
                2,
                2,
            ),
            (
                "begin within a block",
                format!("-----BEGIN CERTIFICATE-----\nMAA=\n{ONE}"),
                K::Unterminated { label: certificate },
                0,
                1,
            ),
            (
                "other label at the end",
                ONE.replace("END CERTIFICATE", "END X509 CRL"),
                K::LabelMismatch { begin: certificate, end: label("X509 CRL") },
                33,
                3,
            ),
            (
                "end alone",
                format!("{ONE}-----END CERTIFICATE-----"),
                K::EndWithoutBegin { label: certificate },
                59,
                4,
            ),
            (
                "joined without a newline",
                format!("{}{ONE}", ONE.trim_end()),
                K::MalformedBoundary,
                33,
                3,
            ),
            (
                "four dashes",
                ONE.replacen("CERTIFICATE-----", "CERTIFICATE----", 1),
                K::MalformedBoundary,
                0,
                1,
            ),
            ("no label", ONE.replace(" CERTIFICATE", " "), K::MalformedBoundary, 0, 1),
            ("long label", ONE.replace("CERTIFICATE", &"A".repeat(41)), K::MalformedBoundary, 0, 1),
            ("empty block", ONE.replace("MAA=", " "), K::EmptyBlock { label: certificate }, 0, 1),
            ("headers", ONE.replace("MAA=", "Proc-Type: 4,ENCRYPTED\n\nMAA="), K::Header, 28, 2),
            ("not base64", ONE.replace("MAA=", "MA\n*="), K::InvalidBase64 { octet: b'*' }, 31, 3),
            ("url alphabet", ONE.replace("MAA=", "M-A="), K::InvalidBase64 { octet: b'-' }, 29, 2),
            (
                "dashes within",
                ONE.replace("MAA=", "MAA=\n-----x"),
                K::InvalidBase64 { octet: b'-' },
                33,
                3,
            ),
            (
                "data after padding",
                ONE.replace("MAA=", "MAA=MAA="),
                K::InvalidBase64 { octet: b'M' },
                32,
                2,
            ),
            ("padding first", ONE.replace("MAA=", "=MAA"), K::InvalidBase64 { octet: b'=' }, 28, 2),
            ("no padding", ONE.replace("MAA=", "MAA"), K::IncompleteBase64, 30, 2),
            ("bits left over", ONE.replace("MAA=", "MAB="), K::IncompleteBase64, 31, 2),
            (
                "private key",
                format!("{ONE}\n{}", ONE.replace("CERTIFICATE", "PRIVATE KEY")),
                K::WrongLabel { found: label("PRIVATE KEY"), expected: "CERTIFICATE" },
                60,
                5,
            ),
            (
                "trusted certificate",
                ONE.replace("CERTIFICATE", "TRUSTED CERTIFICATE"),
                K::WrongLabel { found: label("TRUSTED CERTIFICATE"), expected: "CERTIFICATE" },
                0,
                1,
            ),
        ] {
            assert_eq!(read(input.as_bytes()), Err((kind, offset, line)), "{case}");
        }
        let der = [0x30, 0x82, 0x01, 0x00, 0x30];
        assert_eq!(read(&der), Err((K::BinaryDer, 0, 1)));
    }

    #[test]
    fn the_reader_stops_at_the_first_error() {
        let input = format!("-----END CERTIFICATE-----\n{ONE}");
        let mut blocks = PemBlocks::new(input.as_bytes());
        assert_eq!(blocks.next().unwrap().unwrap_err().code(), "pem.end-without-begin");
        assert!(blocks.next().is_none());
    }

    #[test]
    fn der_is_told_from_pem() {
        let der = |input: &[u8]| {
            certificates_from_pem_or_der(input)
                .map(|all| all.len())
                .map_err(|error| (error.kind(), error.offset()))
        };
        let text = format!("0 s:CN = a\n{ONE}{ONE}");
        let too_short = DerErrorKind::Truncated { missing: 1 };
        for (case, input, expected) in [
            ("pem", ONE.as_bytes(), Ok(1)),
            ("text that begins with zero", text.as_bytes(), Ok(2)),
            ("der", &[0x30, 0x00], Ok(1)),
            ("truncated", &[0x30, 0x01], Err((PemErrorKind::Der(too_short), 0))),
            (
                "two values",
                &[0x30, 0x00, 0x30, 0x00],
                Err((PemErrorKind::Der(DerErrorKind::TrailingData { extra: 2 }), 2)),
            ),
            ("not a sequence", &[0x31, 0x00], Err((PemErrorKind::NoBlock, 0))),
        ] {
            assert_eq!(der(input), expected, "{case}");
        }
        let list = ONE.replace("CERTIFICATE", "X509 CRL");
        assert_eq!(crls_from_pem_or_der(list.as_bytes()).unwrap().len(), 1);
        assert_eq!(crls_from_pem_or_der(ONE.as_bytes()).unwrap_err().code(), "pem.wrong-label");
    }

    #[test]
    fn a_block_does_not_print_its_content() {
        let block = PemBlocks::new(ONE.as_bytes()).next().unwrap().unwrap();
        assert_eq!(
            format!("{block:?}"),
            "PemBlock { label: \"CERTIFICATE\", length: 2, offset: 0, line: 1, .. }"
        );
        assert_eq!(block.into_der(), [0x30, 0x00]);
    }

    #[test]
    fn hostile_input_ends_in_an_error() {
        let zeros = vec![0; 1 << 20];
        assert_eq!(certificates(&zeros).unwrap_err().kind(), PemErrorKind::NoBlock);
        let newlines = vec![b'\n'; 1 << 20];
        assert_eq!(certificates(&newlines).unwrap_err().kind(), PemErrorKind::EmptyInput);
        let begins = "-----BEGIN CERTIFICATE-----\n".repeat(1 << 15);
        assert_eq!(certificates(begins.as_bytes()).unwrap_err().code(), "pem.unterminated");

        // Every truncation that cuts a block off is noticed.
        let two = format!("text\n{ONE}{ONE}");
        for end in 0..two.len() {
            let cut = &two[..end];
            let begun = cut.matches("-----BEGIN").count();
            let whole = cut.matches("-----END CERTIFICATE-----").count();
            let found = certificates(cut.as_bytes()).map(|all| all.len());
            if begun == whole && whole > 0 {
                assert_eq!(found, Ok(whole), "cut at {end}");
            } else {
                assert!(found.is_err(), "cut at {end}");
            }
        }

        // Pseudo-random bytes, half of them put between good boundaries.
        let mut state = 0x2545_f491_4f6c_dd1d_u64;
        for round in 0..2_000 {
            let mut noise = Vec::new();
            for _ in 0..round % 97 {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                noise.push(state.to_le_bytes()[3]);
            }
            let mut input = noise.clone();
            if round % 2 == 0 {
                input =
                    [b"-----BEGIN CERTIFICATE-----\n", &noise[..], b"\n-----END CERTIFICATE-----"]
                        .concat();
            }
            let mut blocks = PemBlocks::new(&input);
            assert!(blocks.by_ref().count() <= 1 + input.len() / 50, "round {round}");
            assert!(blocks.next().is_none());
        }
    }
}
