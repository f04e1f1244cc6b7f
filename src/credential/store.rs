//! Where keys are found.

use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::error::Error;
use core::fmt::Debug;

use super::CredentialKey;

/// Names a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum KeySelector<'a> {
    /// The identifier that its store gave it (`CKA_ID` of PKCS#11).
    Id(&'a [u8]),
    /// The label that its store gave it (`CKA_LABEL` of PKCS#11).
    Label(&'a str),
    /// Its public half: the DER of the `SubjectPublicKeyInfo`, as in the certificate it belongs to.
    PublicKey(&'a [u8]),
}

/// Finds keys.
pub trait KeyStore: Debug + Send + Sync {
    /// Finds the one key that `selector` names; nothing where there is none.
    ///
    /// # Errors
    /// [`KeyStoreError`] where the store cannot be asked, or knows several such keys.
    fn find(
        &self,
        selector: KeySelector<'_>,
    ) -> Result<Option<Arc<dyn CredentialKey>>, KeyStoreError>;
}

/// Why a key store did not answer.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyStoreError {
    /// The token, process or service is not there.
    #[error("the key store is not present")]
    Absent,
    /// The store has no capacity at the moment.
    #[error("the key store is busy")]
    Busy,
    /// The store refuses: not logged in, not permitted, locked.
    #[error("the key store denies access")]
    Denied,
    /// Several keys bear the name.
    #[error("{count} keys match where one is wanted")]
    Ambiguous {
        /// How many there are.
        count: usize,
    },
    /// The search failed in another way.
    #[error("the key store failed")]
    Failed(#[source] Option<Arc<dyn Error + Send + Sync>>),
}

impl KeyStoreError {
    /// Wraps the error of whatever holds the keys.
    #[must_use]
    pub fn failed(source: impl Error + Send + Sync + 'static) -> Self {
        Self::Failed(Some(Arc::new(source)))
    }

    /// Returns the stable, machine-readable name.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Absent => "credential.store.absent",
            Self::Busy => "credential.store.busy",
            Self::Denied => "credential.store.denied",
            Self::Ambiguous { .. } => "credential.store.ambiguous",
            Self::Failed(_) => "credential.store.failed",
        }
    }
}

/// Keys by their names, in memory.
#[derive(Clone, Debug, Default)]
pub struct MemoryKeyStore {
    entries: Vec<Entry>,
}

#[derive(Clone, Debug)]
struct Entry {
    id: Box<[u8]>,
    label: Box<str>,
    key: Arc<dyn CredentialKey>,
}

impl MemoryKeyStore {
    /// A store without keys.
    #[must_use]
    pub const fn new() -> Self {
        Self { entries: Vec::new() }
    }

    /// Adds a key. Names need not be unique: a search for one that is not will say so.
    #[must_use]
    pub fn with_key(mut self, id: &[u8], label: &str, key: Arc<dyn CredentialKey>) -> Self {
        self.entries.push(Entry { id: id.into(), label: label.into(), key });
        self
    }
}

impl KeyStore for MemoryKeyStore {
    fn find(
        &self,
        selector: KeySelector<'_>,
    ) -> Result<Option<Arc<dyn CredentialKey>>, KeyStoreError> {
        let mut matching = self.entries.iter().filter(|entry| match selector {
            KeySelector::Id(id) => *entry.id == *id,
            KeySelector::Label(label) => *entry.label == *label,
            KeySelector::PublicKey(spki) => entry.key.public_key() == spki,
        });
        let Some(first) = matching.next() else { return Ok(None) };
        match matching.count() {
            0 => Ok(Some(first.key.clone())),
            others => Err(KeyStoreError::Ambiguous { count: others + 1 }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::SignError;
    use super::*;
    use crate::signature::SignatureAlgorithm;

    #[derive(Debug)]
    struct Named(&'static [u8]);

    impl CredentialKey for Named {
        fn public_key(&self) -> &[u8] {
            self.0
        }

        fn algorithms(&self) -> &[SignatureAlgorithm] {
            &[]
        }

        fn sign(&self, algorithm: SignatureAlgorithm, _: &[u8]) -> Result<Vec<u8>, SignError> {
            Err(SignError::UnsupportedAlgorithm(algorithm))
        }
    }

    #[test]
    fn keys_are_found_by_each_of_their_names() {
        let store = MemoryKeyStore::new()
            .with_key(b"1", "old", Arc::new(Named(b"a")))
            .with_key(b"2", "new", Arc::new(Named(b"b")))
            .with_key(b"3", "new", Arc::new(Named(b"c")));
        for (case, selector, expected) in [
            ("id", KeySelector::Id(b"2"), Ok(Some(&b"b"[..]))),
            ("label", KeySelector::Label("old"), Ok(Some(b"a"))),
            ("public key", KeySelector::PublicKey(b"c"), Ok(Some(b"c"))),
            ("unknown id", KeySelector::Id(b"4"), Ok(None)),
            ("unknown label", KeySelector::Label(""), Ok(None)),
            ("a label of two", KeySelector::Label("new"), Err("credential.store.ambiguous")),
        ] {
            let found = store.find(selector);
            let found = found.as_ref().map(|key| key.as_ref().map(|key| key.public_key()));
            assert_eq!(found.map_err(KeyStoreError::code), expected, "{case}");
        }
    }
}
