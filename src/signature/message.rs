//! What a signature is made over, hashed at most once.

use core::cell::Cell;
use core::fmt;

use sha2::{Digest, Sha256};

/// The octets that were signed, and their SHA-256 once somebody asked for it.
///
/// Most signatures are made over a SHA-256 digest, and the memo names what was signed by the same
/// digest: who verifies from [`sha256`](Self::sha256) has it computed once for both.
pub struct Message<'a> {
    octets: &'a [u8],
    sha256: Cell<Option<[u8; 32]>>,
}

impl<'a> Message<'a> {
    /// Takes the octets that were signed.
    #[must_use]
    pub const fn new(octets: &'a [u8]) -> Self {
        Self { octets, sha256: Cell::new(None) }
    }

    /// Takes the octets and their SHA-256, from who hashed them on the way.
    pub(crate) const fn hashed(octets: &'a [u8], sha256: [u8; 32]) -> Self {
        Self { octets, sha256: Cell::new(Some(sha256)) }
    }

    /// Returns the octets that were signed.
    #[must_use]
    pub const fn octets(&self) -> &'a [u8] {
        self.octets
    }

    /// Returns the SHA-256 of the octets.
    #[must_use]
    pub fn sha256(&self) -> [u8; 32] {
        let known = self.sha256.get().unwrap_or_else(|| Sha256::digest(self.octets).into());
        self.sha256.set(Some(known));
        known
    }
}

impl fmt::Debug for Message<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Message").field("octets", &self.octets.len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digest_is_that_of_the_octets() {
        let octets = b"to be signed";
        let message = Message::new(octets);
        let expected: [u8; 32] = Sha256::digest(octets).into();
        assert_eq!([message.sha256(), message.sha256()], [expected; 2]);
        assert_eq!(Message::hashed(octets, expected).sha256(), expected);
        assert_eq!(message.octets(), octets);
    }
}
