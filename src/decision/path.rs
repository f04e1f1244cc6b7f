//! The certificates of an accepted path, kept as they came.

use alloc::sync::Arc;
use core::fmt;

use smallvec::SmallVec;

use crate::x509::Certificate;
#[cfg(feature = "std")]
use crate::x509::OwnedCertificate;

/// Octets before the first certificate. The count of references stands before the bytes; in a cache
/// line of its own, it can change while other threads read the certificates.
const APART: usize = 48;

/// The certification path of a peer: its own certificate first, then each with its issuer behind it;
/// the anchor is not part of it. Cheap to clone.
///
/// The encodings stand one after the other in bytes that all clones share. What reads a certificate
/// parses it again, which takes less time than to keep what was parsed for every peer.
#[derive(Clone)]
pub struct CertificationPath {
    bytes: Arc<[u8]>,
    /// Where each certificate ends.
    // INVARIANT: ascending, up to the length of `bytes`; between two of them stands a certificate.
    ends: SmallVec<[usize; 2]>,
}

impl CertificationPath {
    pub(crate) fn new<'c, 'a: 'c>(
        certificates: impl Iterator<Item = &'c Certificate<'a>> + Clone,
    ) -> Self {
        let mut length = APART;
        let ends = certificates
            .clone()
            .map(|certificate| {
                length += certificate.as_der().len();
                length
            })
            .collect();
        let mut bytes: Arc<[u8]> = core::iter::repeat_n(0, length).collect();
        let mut rest =
            Arc::get_mut(&mut bytes).and_then(|all| all.get_mut(APART..)).unwrap_or_default();
        for certificate in certificates {
            if let Some(own) = rest.split_off_mut(..certificate.as_der().len()) {
                own.copy_from_slice(certificate.as_der());
            }
        }
        Self { bytes, ends }
    }

    /// How many certificates there are; at least one.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "no path is empty")]
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// The encodings in DER, the peer's own certificate first.
    pub fn ders(&self) -> impl DoubleEndedIterator<Item = &[u8]> + ExactSizeIterator {
        (0..self.len()).map(|depth| self.der(depth).unwrap_or_default())
    }

    /// The encoding of the certificate at this depth; 0 is the peer's own.
    #[must_use]
    pub fn der(&self, depth: usize) -> Option<&[u8]> {
        let start = depth.checked_sub(1).and_then(|before| self.ends.get(before)).copied();
        self.bytes.get(start.unwrap_or(APART)..*self.ends.get(depth)?)
    }

    /// Reads the certificates, the peer's own first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = Certificate<'_>> {
        // Each was read before.
        self.ders().filter_map(|der| Certificate::from_der(der).ok())
    }

    /// Reads the certificate at this depth; 0 is the peer's own.
    #[must_use]
    pub fn get(&self, depth: usize) -> Option<Certificate<'_>> {
        Certificate::from_der(self.der(depth)?).ok()
    }

    /// Reads the peer's own certificate.
    #[must_use]
    pub fn end_entity(&self) -> Option<Certificate<'_>> {
        self.get(0)
    }

    /// The same certificates as they were read, over the same bytes.
    #[cfg(feature = "std")]
    pub(crate) fn read_already<'c, 'a: 'c>(
        &'c self,
        certificates: &'c [Certificate<'a>],
    ) -> impl Iterator<Item = OwnedCertificate> + 'c {
        let starts = core::iter::once(APART).chain(self.ends.iter().copied());
        starts.zip(certificates).map(|(start, certificate)| {
            OwnedCertificate::within(self.bytes.clone(), start, certificate)
        })
    }
}

impl PartialEq for CertificationPath {
    fn eq(&self, other: &Self) -> bool {
        self.ends == other.ends && self.bytes == other.bytes
    }
}

impl Eq for CertificationPath {}

impl fmt::Debug for CertificationPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}
