//! `Item`: one question of a batch.

use alloc::vec::Vec;

use rustls_pki_types::CertificateDer;

use crate::identity::ExpectedName;

/// One end entity to decide about, and the key under which the caller knows it.
#[derive(Clone, Debug)]
pub struct Item<K> {
    pub(super) key: K,
    pub(super) end_entity: CertificateDer<'static>,
    pub(super) intermediates: Vec<CertificateDer<'static>>,
    pub(super) names: Option<Vec<ExpectedName>>,
}

impl<K> Item<K> {
    /// An end entity's certificate.
    #[must_use]
    pub const fn new(key: K, end_entity: CertificateDer<'static>) -> Self {
        Self { key, end_entity, intermediates: Vec::new(), names: None }
    }

    /// Adds certificates that were presented with it, in any order. Default: none.
    #[must_use]
    pub fn with_intermediates(
        self,
        intermediates: impl IntoIterator<Item = CertificateDer<'static>>,
    ) -> Self {
        Self { intermediates: intermediates.into_iter().collect(), ..self }
    }

    /// Demands these names, all of them, of this item, instead of what the batch expects. No names
    /// at all accept nobody.
    #[must_use]
    pub fn with_names(self, names: impl IntoIterator<Item = ExpectedName>) -> Self {
        Self { names: Some(names.into_iter().collect()), ..self }
    }
}
