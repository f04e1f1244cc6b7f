//! High-water marks: the highest sequence number seen of each trust domain, and of what contents.
//!
//! They are all that must outlive a restart for a replayed bundle to stay refused (F-05). The host
//! keeps them, as text or field by field:
//!
//! ```text
//! bonafide-high-water 1
//! example.org 8 f1d2d2f924e986ac86fdf7b36c94bcdf32beec15f1d2d2f924e986ac86fdf7b3
//! ```

use alloc::collections::BTreeMap;
use core::fmt;
use core::str::FromStr;

use super::federation_event::Hex;
use crate::identity::TrustDomain;

const HEADER: &str = "bonafide-high-water 1";

/// The highest sequence number seen of one trust domain.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(clippy::exhaustive_structs, reason = "a record that hosts write and read")]
pub struct HighWaterMark {
    /// The trust domain.
    pub trust_domain: TrustDomain,
    /// The sequence number.
    pub sequence: u64,
    /// The digest of the authorities under that number
    /// ([`TrustBundle::digest`](super::TrustBundle::digest)).
    pub digest: [u8; 32],
}

/// High-water marks by trust domain, with a text form.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HighWaterMarks {
    marks: BTreeMap<TrustDomain, (u64, [u8; 32])>,
}

impl HighWaterMarks {
    /// The marks in the order of their trust domains.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = HighWaterMark> {
        self.marks.iter().map(|(trust_domain, &(sequence, digest))| HighWaterMark {
            trust_domain: trust_domain.clone(),
            sequence,
            digest,
        })
    }

    /// Raises the mark of a trust domain; a lower or equal one changes nothing.
    pub fn raise(&mut self, mark: HighWaterMark) {
        let known = self.marks.get(&mark.trust_domain);
        if known.is_none_or(|&(sequence, _)| sequence < mark.sequence) {
            self.marks.insert(mark.trust_domain, (mark.sequence, mark.digest));
        }
    }

    pub(super) fn of(&self, trust_domain: &TrustDomain) -> Option<(u64, [u8; 32])> {
        self.marks.get(trust_domain).copied()
    }

    pub(super) fn forget(&mut self, trust_domain: &TrustDomain) {
        self.marks.remove(trust_domain);
    }
}

impl FromIterator<HighWaterMark> for HighWaterMarks {
    fn from_iter<I: IntoIterator<Item = HighWaterMark>>(marks: I) -> Self {
        let mut this = Self::default();
        marks.into_iter().for_each(|mark| this.raise(mark));
        this
    }
}

impl fmt::Display for HighWaterMarks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{HEADER}")?;
        for (domain, (sequence, digest)) in &self.marks {
            writeln!(f, "{domain} {sequence} {}", Hex(digest))?;
        }
        Ok(())
    }
}

/// A text that holds no high-water marks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a high-water mark at line {line}")]
#[non_exhaustive]
pub struct ParseHighWaterError {
    /// The line, from 1; the first one must be `bonafide-high-water 1`.
    pub line: usize,
}

impl FromStr for HighWaterMarks {
    type Err = ParseHighWaterError;

    /// Parses the text form: every line is read or the whole is refused, since a mark lost is a
    /// rollback let in.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut lines = text.lines().zip(1..);
        if lines.next().is_none_or(|(header, _)| header != HEADER) {
            return Err(ParseHighWaterError { line: 1 });
        }
        let mut this = Self::default();
        for (text, line) in lines {
            let mark = mark(text).ok_or(ParseHighWaterError { line })?;
            if this.marks.contains_key(&mark.trust_domain) {
                return Err(ParseHighWaterError { line });
            }
            this.raise(mark);
        }
        Ok(this)
    }
}

fn mark(line: &str) -> Option<HighWaterMark> {
    let mut words = line.split(' ');
    let trust_domain = words.next()?.parse().ok()?;
    let sequence = words.next()?;
    let hex = words.next()?.as_bytes();
    if words.next().is_some()
        || hex.len() != 64
        || !sequence.bytes().all(|octet| octet.is_ascii_digit())
    {
        return None;
    }
    let mut digest = [0; 32];
    for (octet, pair) in digest.iter_mut().zip(hex.chunks_exact(2)) {
        let digit = |octet: u8| match octet {
            b'0'..=b'9' => Some(octet - b'0'),
            b'a'..=b'f' => Some(octet - b'a' + 10),
            _ => None,
        };
        let &[high, low] = pair else { return None };
        *octet = digit(high)? << 4 | digit(low)?;
    }
    Some(HighWaterMark { trust_domain, sequence: sequence.parse().ok()?, digest })
}
