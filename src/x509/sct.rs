//! Signed certificate timestamps: promises of transparency logs, embedded or stapled.
//!
//! RFC 6962 section 3.3: the extension `1.3.6.1.4.1.11129.2.4.2` is an OCTET STRING of a
//! `SignedCertificateTimestampList` in the encoding of TLS; a TLS handshake carries the same list
//! bare. Timestamps are read in full; whether a log's signature holds, and which logs count, is left
//! to the caller.

use super::der::{DerError, DerErrorKind, Reader, Tag};
use super::extension_values::only;

/// `SignedCertificateTimestampList` of [RFC 6962 section 3.3]: at least one entry.
///
/// [RFC 6962 section 3.3]: https://www.rfc-editor.org/rfc/rfc6962#section-3.3
#[derive(Clone, Debug)]
pub struct SctList<'a> {
    entries: Octets<'a>,
}

impl<'a> SctList<'a> {
    /// Reads an extension value.
    pub(crate) fn read(value: &'a [u8], offset: usize) -> Result<Self, DerError> {
        let list = only(value, offset, Tag::OCTET_STRING)?;
        Self::read_tls(list.content, list.content_offset)
    }

    /// Reads a list as a TLS handshake carries it.
    ///
    /// # Errors
    /// Where an entry or the list is truncated, empty, or followed by other bytes.
    pub fn from_tls(list: &'a [u8]) -> Result<Self, DerError> {
        Self::read_tls(list, 0)
    }

    fn read_tls(list: &'a [u8], offset: usize) -> Result<Self, DerError> {
        // Bounds the offsets as in every reader.
        Reader::at(list, offset)?;
        let mut outer = Octets { rest: list, offset };
        let entries = outer.vector()?;
        outer.finish()?;
        // `SerializedSCT sct_list <1..2^16-1>`
        if entries.rest.is_empty() {
            return Err(DerError::new(offset, DerErrorKind::Empty));
        }
        let mut rest = entries.clone();
        while !rest.rest.is_empty() {
            SignedCertificateTimestamp::read(&mut rest)?;
        }
        Ok(Self { entries })
    }

    /// Iterates over the timestamps of version 1.
    ///
    /// RFC 6962 3.3: clients "can still parse old SCTs while skipping over new SCTs whose versions
    /// they don't understand".
    pub fn iter(&self) -> impl Iterator<Item = SignedCertificateTimestamp<'a>> + use<'a> {
        let mut rest = self.entries.clone();
        core::iter::from_fn(move || {
            if rest.rest.is_empty() {
                None
            } else {
                SignedCertificateTimestamp::read(&mut rest).ok()
            }
        })
        .flatten()
    }
}

/// `SignedCertificateTimestamp` of RFC 6962 section 3.2, version 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SignedCertificateTimestamp<'a> {
    /// The whole timestamp as serialised.
    pub serialized: &'a [u8],
    /// The log: SHA-256 of its key.
    pub log_id: &'a [u8; 32],
    /// Milliseconds since 1970-01-01T00:00:00Z.
    pub timestamp_ms: u64,
    /// `CtExtensions`.
    pub extensions: &'a [u8],
    /// Hash and signature algorithm in the numbers of TLS 1.2.
    pub algorithm: [u8; 2],
    /// The signature of the log.
    pub signature: &'a [u8],
}

impl<'a> SignedCertificateTimestamp<'a> {
    /// Reads an entry; nothing where its version is another than 1.
    fn read(entries: &mut Octets<'a>) -> Result<Option<Self>, DerError> {
        const V1: u8 = 0;
        let start = entries.offset;
        let mut entry = entries.vector()?;
        let serialized = entry.rest;
        // `opaque SerializedSCT<1..2^16-1>`
        if serialized.is_empty() {
            return Err(DerError::new(start, DerErrorKind::Empty));
        }
        let [version] = *entry.array()?;
        if version != V1 {
            return Ok(None);
        }
        let log_id = entry.array()?;
        let timestamp_ms = u64::from_be_bytes(*entry.array()?);
        let extensions = entry.vector()?.rest;
        let algorithm = *entry.array()?;
        let signature = entry.vector()?.rest;
        entry.finish()?;
        Ok(Some(Self { serialized, log_id, timestamp_ms, extensions, algorithm, signature }))
    }
}

/// A cursor over the encoding of TLS (RFC 5246 section 4).
#[derive(Clone, Debug)]
struct Octets<'a> {
    rest: &'a [u8],
    /// Of the first octet of `rest` in the outermost input.
    offset: usize,
}

impl<'a> Octets<'a> {
    fn array<const N: usize>(&mut self) -> Result<&'a [u8; N], DerError> {
        let missing = N.saturating_sub(self.rest.len());
        let (array, rest) = self
            .rest
            .split_first_chunk()
            .ok_or(DerError::new(self.offset, DerErrorKind::Truncated { missing }))?;
        self.rest = rest;
        self.offset += N;
        Ok(array)
    }

    /// A vector with a length of two octets.
    fn vector(&mut self) -> Result<Self, DerError> {
        let length = usize::from(u16::from_be_bytes(*self.array()?));
        let missing = length.saturating_sub(self.rest.len());
        let (vector, rest) = self
            .rest
            .split_at_checked(length)
            .ok_or(DerError::new(self.offset, DerErrorKind::Truncated { missing }))?;
        let vector = Self { rest: vector, offset: self.offset };
        self.rest = rest;
        self.offset += length;
        Ok(vector)
    }

    fn finish(&self) -> Result<(), DerError> {
        match self.rest.len() {
            0 => Ok(()),
            extra => Err(DerError::new(self.offset, DerErrorKind::TrailingData { extra })),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::x509::encode::tlv;
    use alloc::vec::Vec;

    fn vector(content: &[u8]) -> Vec<u8> {
        let length = u16::try_from(content.len()).unwrap().to_be_bytes();
        [&length, content].concat()
    }

    fn timestamp(version: u8, log: u8, at: u64) -> Vec<u8> {
        let (log, at) = ([log; 32], at.to_be_bytes());
        [&[version], &log[..], &at, &vector(&[]), &[4, 3], &vector(&[9, 9])].concat()
    }

    #[test]
    fn timestamps_are_read() {
        let entries = [timestamp(0, 1, 1_700_000_000_123), timestamp(7, 2, 5), timestamp(0, 3, 6)];
        let list = vector(&entries.each_ref().map(|entry| vector(entry)).concat());
        let value = tlv(4, &[&list]);
        let read = SctList::read(&value, 0).unwrap();
        let found: Vec<_> = read.iter().map(|sct| (sct.log_id, sct.timestamp_ms)).collect();
        assert_eq!(found, [(&[1; 32], 1_700_000_000_123), (&[3; 32], 6)]);
        let first = read.iter().next().unwrap();
        assert_eq!(first.serialized, entries[0]);
        assert_eq!(
            (first.extensions, first.algorithm, first.signature),
            (&[][..], [4, 3], &[9, 9][..])
        );
        assert_eq!(SctList::from_tls(&list).unwrap().iter().count(), 2);
    }

    #[test]
    fn malformed_lists_are_refused() {
        let good = timestamp(0, 1, 5);
        let cut = &good[..good.len() - 1];
        let long = [&good[..], &[0]].concat();
        for (case, list, expected) in [
            ("nothing", Vec::new(), (0, DerErrorKind::Truncated { missing: 2 })),
            ("no entry", vector(&[]), (0, DerErrorKind::Empty)),
            ("empty entry", vector(&vector(&[])), (2, DerErrorKind::Empty)),
            ("entry cut", vector(&vector(cut)), (51, DerErrorKind::Truncated { missing: 1 })),
            ("entry longer", vector(&vector(&long)), (53, DerErrorKind::TrailingData { extra: 1 })),
            ("version only", vector(&vector(&[0])), (5, DerErrorKind::Truncated { missing: 32 })),
            (
                "list longer than its length",
                [vector(&vector(&good)), Vec::from([0])].concat(),
                (53, DerErrorKind::TrailingData { extra: 1 }),
            ),
            (
                "list cut",
                vector(&vector(&good))[..40].to_vec(),
                (2, DerErrorKind::Truncated { missing: 13 }),
            ),
            (
                "second entry cut",
                vector(&[&vector(&good)[..], &[0]].concat()),
                (53, DerErrorKind::Truncated { missing: 1 }),
            ),
        ] {
            let found = SctList::from_tls(&list).map(|_| ()).unwrap_err();
            assert_eq!((found.offset(), found.kind()), expected, "{case}");
        }
        let bare = vector(&vector(&good));
        assert_eq!(
            SctList::read(&bare, 3).unwrap_err(),
            DerError::new(
                3,
                DerErrorKind::UnexpectedTag { expected: Tag::OCTET_STRING, found: Tag(0) }
            )
        );
    }
}
