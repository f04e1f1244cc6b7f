//! The trust store: which trust domain speaks for which identities.
//!
//! A domain has a name, scopes and a bundle. The identity that a request requires, or the one that
//! a leaf claims, selects exactly one domain, the longest matching scope first; paths then end at
//! an authority of that domain's bundle or nowhere. Bundles of different domains are never merged.
//!
//! A store is an immutable value. Replacing one bundle among ten thousand shares all others: the
//! domains stand in blocks, and only the block and the list of blocks are copied.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use core::net::IpAddr;

use sha2::{Digest, Sha256};

use super::bundle::TrustBundle;
use super::scope::{Directory, Scope};
use crate::identity::TrustDomain;
use crate::x509::Name;

/// A trust domain as it stands in a store.
#[derive(Clone, Debug)]
pub struct Domain {
    name: Arc<str>,
    scopes: Arc<[Scope]>,
    bundle: TrustBundle,
}

impl Domain {
    /// A SPIFFE trust domain: it speaks for its own SPIFFE IDs and for nothing else.
    #[must_use]
    pub fn spiffe(trust_domain: TrustDomain, bundle: TrustBundle) -> Self {
        Self {
            name: trust_domain.as_str().into(),
            scopes: Arc::new([Scope::Spiffe(trust_domain)]),
            bundle,
        }
    }

    /// A trust domain with a name of the operator's choice and the identities it speaks for.
    #[must_use]
    pub fn named(name: &str, scopes: impl IntoIterator<Item = Scope>, bundle: TrustBundle) -> Self {
        Self { name: name.into(), scopes: scopes.into_iter().collect(), bundle }
    }

    /// Returns the name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn shared_name(&self) -> &Arc<str> {
        &self.name
    }

    /// Returns what the domain speaks for.
    #[must_use]
    pub fn scopes(&self) -> &[Scope] {
        &self.scopes
    }

    /// Returns the bundle.
    #[must_use]
    pub const fn bundle(&self) -> &TrustBundle {
        &self.bundle
    }
}

/// A store that cannot be built, or a change that cannot be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TrustStoreError {
    /// Two domains have one name.
    #[error("two trust domains are named {name}")]
    DuplicateName {
        /// The name.
        name: Arc<str>,
    },
    /// Two domains speak for the same names.
    #[error("{first} and {second} both speak for {scope}")]
    DuplicateScope {
        /// The scope.
        scope: Scope,
        /// The one domain.
        first: Arc<str>,
        /// The other domain.
        second: Arc<str>,
    },
    /// No domain has this name.
    #[error("there is no trust domain named {name}")]
    UnknownDomain {
        /// The name.
        name: Arc<str>,
    },
}

/// How many domains share a block.
const BLOCK: usize = 128;

/// Trust domains by the identities that they speak for.
#[derive(Clone, Debug)]
pub struct TrustStore {
    /// Ordered by name; all blocks but the last hold [`BLOCK`] domains.
    blocks: Arc<[Arc<[Arc<Domain>]>]>,
    directory: Arc<Directory>,
}

impl TrustStore {
    /// Takes domains in any order.
    ///
    /// # Errors
    /// [`TrustStoreError::DuplicateName`] and [`TrustStoreError::DuplicateScope`].
    pub fn new(domains: impl IntoIterator<Item = Domain>) -> Result<Self, TrustStoreError> {
        let mut domains: Vec<Arc<Domain>> = domains.into_iter().map(Arc::new).collect();
        domains.sort_by(|a, b| a.name.cmp(&b.name));
        let mut directory = Directory::default();
        for (position, domain) in domains.iter().enumerate() {
            let before = position.checked_sub(1).and_then(|position| domains.get(position));
            if before.is_some_and(|before| before.name == domain.name) {
                return Err(TrustStoreError::DuplicateName { name: domain.name.clone() });
            }
            for scope in domain.scopes.iter() {
                if let Some(first) = directory.insert(scope, position)
                    && let Some(first) = domains.get(first)
                {
                    return Err(TrustStoreError::DuplicateScope {
                        scope: scope.clone(),
                        first: first.name.clone(),
                        second: domain.name.clone(),
                    });
                }
            }
        }
        Ok(Self {
            blocks: domains.chunks(BLOCK).map(Arc::from).collect(),
            directory: Arc::new(directory),
        })
    }

    /// One bundle whose authorities may speak for every name of every form, as a classic root
    /// store has it.
    #[must_use]
    pub fn dangerously_unscoped(bundle: TrustBundle) -> Self {
        let mut directory = Directory::default();
        directory.insert(&Scope::Everything, 0);
        let domain = Domain::named("unscoped", [Scope::Everything], bundle);
        Self { blocks: Arc::new([Arc::new([Arc::new(domain)])]), directory: Arc::new(directory) }
    }

    /// A copy in which the domain `name` has another bundle. Costs a copy of one block of 128
    /// references and of the list of blocks, whatever the number of domains.
    ///
    /// # Errors
    /// [`TrustStoreError::UnknownDomain`].
    pub fn with_bundle(&self, name: &str, bundle: TrustBundle) -> Result<Self, TrustStoreError> {
        let position = self
            .position(name)
            .ok_or_else(|| TrustStoreError::UnknownDomain { name: name.into() })?;
        let mut blocks: Vec<Arc<[Arc<Domain>]>> = self.blocks.to_vec();
        if let Some(block) = blocks.get_mut(position / BLOCK) {
            let mut domains = block.to_vec();
            if let Some(domain) = domains.get_mut(position % BLOCK) {
                *domain = Arc::new(Domain { bundle, ..Domain::clone(domain) });
            }
            *block = domains.into();
        }
        Ok(Self { blocks: blocks.into(), directory: self.directory.clone() })
    }

    /// The domains in the order of their names.
    pub fn domains(&self) -> impl Iterator<Item = &Domain> {
        self.blocks.iter().flat_map(|block| block.iter()).map(Arc::as_ref)
    }

    /// How many domains there are.
    #[must_use]
    pub fn len(&self) -> usize {
        let full = self.blocks.len().saturating_sub(1) * BLOCK;
        full + self.blocks.last().map_or(0, |block| block.len())
    }

    /// Whether there is no domain, so that nothing can be accepted.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.blocks.is_empty()
    }

    /// The domain of a name.
    #[must_use]
    pub fn domain(&self, name: &str) -> Option<&Domain> {
        self.at(self.position(name)?).map(Arc::as_ref)
    }

    fn position(&self, name: &str) -> Option<usize> {
        let block = self.blocks.partition_point(|block| {
            block.last().is_some_and(|domain| domain.name.as_ref() < name)
        });
        let domains = self.blocks.get(block)?;
        let within = domains.binary_search_by(|domain| domain.name.as_ref().cmp(name)).ok()?;
        Some(block * BLOCK + within)
    }

    fn at(&self, position: usize) -> Option<&Arc<Domain>> {
        self.blocks.get(position / BLOCK)?.get(position % BLOCK)
    }

    pub(crate) fn for_spiffe(&self, trust_domain: &str) -> Option<&Arc<Domain>> {
        self.at(self.directory.spiffe(trust_domain)?)
    }

    pub(crate) fn for_uri_host(&self, host: &str) -> Option<&Arc<Domain>> {
        self.at(self.directory.uri_host(host)?)
    }

    pub(crate) fn for_urn_namespace(&self, id: &str) -> Option<&Arc<Domain>> {
        self.at(self.directory.urn_namespace(id)?)
    }

    /// `name` without the `*.` of a wildcard.
    pub(crate) fn for_dns(&self, name: &str) -> Option<&Arc<Domain>> {
        self.at(self.directory.dns(name)?)
    }

    pub(crate) fn for_ip(&self, address: IpAddr) -> Option<&Arc<Domain>> {
        self.at(self.directory.ip(address)?)
    }

    pub(crate) fn for_email_domain(&self, domain: &str) -> Option<&Arc<Domain>> {
        self.at(self.directory.email_domain(domain)?)
    }

    pub(crate) fn for_directory(&self, name: &Name<'_>) -> Option<&Arc<Domain>> {
        self.at(self.directory.directory(name)?)
    }

    /// Returns the SHA-256 of the names, scopes and bundle digests of all domains. Its cost is
    /// linear in the number of domains.
    #[must_use]
    pub fn digest(&self) -> [u8; 32] {
        let mut hash = Sha256::new();
        hash.update(b"bonafide-trust 1\n");
        for domain in self.domains() {
            hash.update(domain.name.as_bytes());
            for scope in domain.scopes.iter() {
                hash.update(b"\n  ");
                hash.update(alloc::format!("{scope}").as_bytes());
            }
            hash.update(b"\n  ");
            hash.update(domain.bundle.digest());
            hash.update(b"\n");
        }
        hash.finalize().into()
    }
}

impl fmt::Display for TrustStore {
    /// Writes the canonical text: each domain with its scopes and anchors, in order.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "bonafide-trust 1")?;
        for domain in self.domains() {
            writeln!(f, "domain {}", domain.name)?;
            for scope in domain.scopes.iter() {
                writeln!(f, "scope {scope}")?;
            }
            domain.bundle.write_canonical(f)?;
        }
        Ok(())
    }
}
