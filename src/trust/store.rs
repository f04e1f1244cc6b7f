//! The trust store: which trust domain speaks for which identities.
//!
//! A domain has a name, scopes and a bundle. The identity that a request requires, or the one that
//! a leaf claims, selects exactly one domain, the longest matching scope first; paths then end at
//! an authority of that domain's bundle or nowhere. Bundles of different domains are never merged.
//!
//! A store is an immutable value. Replacing one bundle among ten thousand, or adding or removing one
//! SPIFFE trust domain, shares all others: the domains stand in blocks, and only the block and the
//! list of blocks are copied. A domain that speaks for the SPIFFE IDs of its own name is found by
//! that name; only other scopes are kept in a directory, which is copied whole when they change.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use core::net::IpAddr;

use sha2::{Digest, Sha256};

use super::anchor::TrustAnchor;
use super::bundle::TrustBundle;
use super::scope::{Directory, Scope};
use super::voucher::{Voucher, Vouchers};
use crate::identity::TrustDomain;
use crate::x509::Name;

/// A trust domain as it stands in a store.
#[derive(Clone, Debug)]
pub struct Domain {
    name: Arc<str>,
    scopes: Arc<[Scope]>,
    /// Whether one of the scopes is the SPIFFE trust domain of the same name.
    speaks_for_its_name: bool,
    bundle: TrustBundle,
    vouchers: Vouchers,
}

impl Domain {
    /// A SPIFFE trust domain: it speaks for its own SPIFFE IDs and for nothing else.
    #[must_use]
    pub fn spiffe(trust_domain: TrustDomain, bundle: TrustBundle) -> Self {
        Self::new(trust_domain.as_str(), Arc::new([Scope::Spiffe(trust_domain.clone())]), bundle)
    }

    /// A trust domain with a name of the operator's choice and the identities it speaks for.
    #[must_use]
    pub fn named(name: &str, scopes: impl IntoIterator<Item = Scope>, bundle: TrustBundle) -> Self {
        Self::new(name, scopes.into_iter().collect(), bundle)
    }

    fn new(name: &str, scopes: Arc<[Scope]>, bundle: TrustBundle) -> Self {
        let name: Arc<str> = name.into();
        let speaks_for_its_name = scopes.iter().any(|scope| is_spiffe_scope_of(scope, &name));
        let vouchers = Vouchers::new(&name, &bundle);
        Self { name, scopes, speaks_for_its_name, bundle, vouchers }
    }

    fn with_bundle(&self, bundle: TrustBundle) -> Self {
        let vouchers = Vouchers::new(&self.name, &bundle);
        Self { bundle, vouchers, ..self.clone() }
    }

    /// What peers below the anchor at this place of the bundle rest on.
    pub(crate) fn voucher(&self, place: usize) -> Option<&Arc<Voucher>> {
        self.vouchers.at(place)
    }

    /// What peers below this anchor of the bundle rest on.
    pub(crate) fn voucher_of(&self, anchor: &Arc<TrustAnchor>) -> Option<&Arc<Voucher>> {
        self.vouchers.of(anchor)
    }

    /// The scopes that the directory of a store must know: all but the SPIFFE one of its own name.
    fn listed_scopes(&self) -> impl Iterator<Item = &Scope> {
        self.scopes.iter().filter(|scope| !is_spiffe_scope_of(scope, &self.name))
    }

    /// The SPIFFE trust domain of its name, where it speaks for that and for nothing else.
    #[cfg(feature = "std")]
    pub(crate) fn speaks_for_its_name_alone(&self) -> Option<&TrustDomain> {
        match &*self.scopes {
            [Scope::Spiffe(trust_domain)] if self.speaks_for_its_name => Some(trust_domain),
            _ => None,
        }
    }

    /// Returns the name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    #[cfg(feature = "std")]
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

fn is_spiffe_scope_of(scope: &Scope, name: &str) -> bool {
    matches!(scope, Scope::Spiffe(domain) if domain.as_str() == name)
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

/// How many domains share a block at first; a block of twice as many is split.
const BLOCK: usize = 128;

/// Domains that stand together, in the order of their names.
#[derive(Clone, Debug)]
struct Block(Arc<[Arc<Domain>]>);

/// Trust domains by the identities that they speak for.
#[derive(Clone, Debug)]
pub struct TrustStore {
    // INVARIANT: no block is empty, and the names ascend within blocks and from block to block.
    blocks: Arc<[Block]>,
    len: usize,
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
        let same = domains.iter().zip(domains.iter().skip(1)).find(|(a, b)| a.name == b.name);
        if let Some((domain, _)) = same {
            return Err(TrustStoreError::DuplicateName { name: domain.name.clone() });
        }
        let mut store = Self {
            blocks: domains.chunks(BLOCK).map(|block| Block(block.into())).collect(),
            len: domains.len(),
            directory: Arc::default(),
        };
        let mut directory = Directory::default();
        for domain in &domains {
            store.list(&mut directory, domain)?;
        }
        store.directory = Arc::new(directory);
        Ok(store)
    }

    /// One bundle whose authorities may speak for every name of every form, as a classic root
    /// store has it.
    #[must_use]
    pub fn dangerously_unscoped(bundle: TrustBundle) -> Self {
        let domain = Domain::named("unscoped", [Scope::Everything], bundle);
        let mut directory = Directory::default();
        directory.insert(&Scope::Everything, domain.name.clone());
        Self {
            blocks: Arc::new([Block(Arc::new([Arc::new(domain)]))]),
            len: 1,
            directory: Arc::new(directory),
        }
    }

    /// Adds the scopes of `domain`, which stands in the blocks, to a directory.
    fn list(&self, directory: &mut Directory, domain: &Domain) -> Result<(), TrustStoreError> {
        let name = &domain.name;
        let duplicate = |scope: &Scope, first: Arc<str>| {
            let (scope, second) = (scope.clone(), name.clone());
            TrustStoreError::DuplicateScope { scope, first, second }
        };
        if domain.speaks_for_its_name
            && let Some(first) = directory.exactly_spiffe(name)
        {
            let own = domain.scopes.iter().find(|scope| is_spiffe_scope_of(scope, name));
            return own.map_or(Ok(()), |scope| Err(duplicate(scope, first.clone())));
        }
        for scope in domain.listed_scopes() {
            if let Some(first) = directory.insert(scope, name.clone()) {
                return Err(duplicate(scope, first));
            }
            if let Scope::Spiffe(other) = scope
                && let Some(owner) = self.find(other.as_str())
                && owner.speaks_for_its_name
            {
                return Err(duplicate(scope, owner.name.clone()));
            }
        }
        Ok(())
    }

    /// A copy in which the domain `name` has another bundle. Costs a copy of one block of at most
    /// 256 references and of the list of blocks, whatever the number of domains.
    ///
    /// # Errors
    /// [`TrustStoreError::UnknownDomain`].
    pub fn with_bundle(&self, name: &str, bundle: TrustBundle) -> Result<Self, TrustStoreError> {
        let Ok((block, within)) = self.locate(name) else {
            return Err(TrustStoreError::UnknownDomain { name: name.into() });
        };
        let mut domains = self.block(block);
        if let Some(domain) = domains.get_mut(within) {
            *domain = Arc::new(domain.with_bundle(bundle));
        }
        Ok(Self { blocks: self.blocks_with(block, domains), ..self.clone() })
    }

    /// A copy with one more domain. For a domain made by [`Domain::spiffe`] it costs what
    /// [`TrustStore::with_bundle`] costs; other scopes cost a copy of all scopes of that sort in the
    /// store.
    ///
    /// # Errors
    /// [`TrustStoreError::DuplicateName`] and [`TrustStoreError::DuplicateScope`].
    pub fn with_domain(&self, domain: Domain) -> Result<Self, TrustStoreError> {
        let Err((block, within)) = self.locate(&domain.name) else {
            return Err(TrustStoreError::DuplicateName { name: domain.name });
        };
        let directory = if domain.listed_scopes().next().is_some() {
            let mut directory = Directory::clone(&self.directory);
            self.list(&mut directory, &domain)?;
            Arc::new(directory)
        } else {
            if let Some(first) = self.directory.exactly_spiffe(&domain.name)
                && let Some(scope) = domain.scopes.first()
            {
                let (first, scope) = (first.clone(), scope.clone());
                return Err(TrustStoreError::DuplicateScope { scope, first, second: domain.name });
            }
            self.directory.clone()
        };
        let mut domains = self.block(block);
        domains.insert(within.min(domains.len()), Arc::new(domain));
        Ok(Self { blocks: self.blocks_with(block, domains), len: self.len + 1, directory })
    }

    /// A copy without the domain `name`, at the cost of [`TrustStore::with_domain`].
    ///
    /// # Errors
    /// [`TrustStoreError::UnknownDomain`].
    pub fn without_domain(&self, name: &str) -> Result<Self, TrustStoreError> {
        let Ok((block, within)) = self.locate(name) else {
            return Err(TrustStoreError::UnknownDomain { name: name.into() });
        };
        let mut domains = self.block(block);
        let mut directory = self.directory.clone();
        if within < domains.len() {
            let domain = domains.remove(within);
            if domain.listed_scopes().next().is_some() {
                let mut rest = Directory::clone(&directory);
                domain.listed_scopes().for_each(|scope| rest.remove(scope));
                directory = Arc::new(rest);
            }
        }
        Ok(Self { blocks: self.blocks_with(block, domains), len: self.len - 1, directory })
    }

    /// A copy of a block; no domains where it is one past the last.
    fn block(&self, block: usize) -> Vec<Arc<Domain>> {
        self.blocks.get(block).map(|block| block.0.to_vec()).unwrap_or_default()
    }

    /// The list of blocks with another one at `block`: split where it grew too large, joined with
    /// the next where both are small, left out where it is empty.
    fn blocks_with(&self, block: usize, mut domains: Vec<Arc<Domain>>) -> Arc<[Block]> {
        let mut blocks = Vec::with_capacity(self.blocks.len() + 1);
        blocks.extend(self.blocks.iter().take(block).cloned());
        let mut rest = self.blocks.iter().skip(block + 1).peekable();
        if let Some(next) = rest.next_if(|next| domains.len() + next.0.len() <= BLOCK) {
            domains.extend(next.0.iter().cloned());
        }
        if domains.len() >= 2 * BLOCK {
            blocks.extend(domains.chunks(BLOCK).map(|block| Block(block.into())));
        } else if !domains.is_empty() {
            blocks.push(Block(domains.into()));
        }
        blocks.extend(rest.cloned());
        blocks.into()
    }

    /// The domains in the order of their names.
    pub fn domains(&self) -> impl Iterator<Item = &Domain> {
        self.blocks.iter().flat_map(|block| block.0.iter()).map(Arc::as_ref)
    }

    /// The names of the domains, in order.
    #[cfg(feature = "std")]
    pub(crate) fn shared_names(&self) -> impl Iterator<Item = &Arc<str>> {
        self.blocks.iter().flat_map(|block| block.0.iter()).map(|domain| &domain.name)
    }

    /// The domains, without blocks that both stores share.
    #[cfg(feature = "std")]
    pub(super) fn unshared<'s>(&'s self, other: &'s Self) -> impl Iterator<Item = &'s Arc<Domain>> {
        let shared = |block: &Block| {
            let Some(first) = block.0.first() else { return true };
            // A shared block stands where its first domain is found.
            other.locate(&first.name).is_ok_and(|(place, _)| {
                other.blocks.get(place).is_some_and(|other| Arc::ptr_eq(&block.0, &other.0))
            })
        };
        self.blocks.iter().filter(move |block| !shared(block)).flat_map(|block| block.0.iter())
    }

    /// How many domains there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Whether there is no domain, so that nothing can be accepted.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The domain of a name.
    #[must_use]
    pub fn domain(&self, name: &str) -> Option<&Domain> {
        self.find(name).map(Arc::as_ref)
    }

    /// The block of a name and the place in it, or the ones where it would stand.
    fn locate(&self, name: &str) -> Result<(usize, usize), (usize, usize)> {
        let last = self.blocks.len().saturating_sub(1);
        let before =
            |block: &Block| block.0.last().is_some_and(|domain| domain.name.as_ref() < name);
        // One block needs no search.
        let block = if last == 0 { 0 } else { self.blocks.partition_point(before).min(last) };
        let Some(domains) = self.blocks.get(block) else { return Err((block, 0)) };
        match domains.0.binary_search_by(|domain| domain.name.as_ref().cmp(name)) {
            Ok(within) => Ok((block, within)),
            Err(within) => Err((block, within)),
        }
    }

    fn find(&self, name: &str) -> Option<&Arc<Domain>> {
        let (block, within) = self.locate(name).ok()?;
        self.blocks.get(block)?.0.get(within)
    }

    pub(crate) fn for_spiffe(&self, trust_domain: &str) -> Option<&Arc<Domain>> {
        match self.find(trust_domain) {
            Some(domain) if domain.speaks_for_its_name => Some(domain),
            _ => self.find(self.directory.spiffe(trust_domain)?),
        }
    }

    pub(crate) fn for_uri_host(&self, host: &str) -> Option<&Arc<Domain>> {
        self.find(self.directory.uri_host(host)?)
    }

    pub(crate) fn for_urn_namespace(&self, id: &str) -> Option<&Arc<Domain>> {
        self.find(self.directory.urn_namespace(id)?)
    }

    /// `name` without the `*.` of a wildcard.
    pub(crate) fn for_dns(&self, name: &str) -> Option<&Arc<Domain>> {
        self.find(self.directory.dns(name)?)
    }

    pub(crate) fn for_ip(&self, address: IpAddr) -> Option<&Arc<Domain>> {
        self.find(self.directory.ip(address)?)
    }

    pub(crate) fn for_email_domain(&self, domain: &str) -> Option<&Arc<Domain>> {
        self.find(self.directory.email_domain(domain)?)
    }

    /// Whether any domain speaks for a distinguished name.
    pub(crate) fn speaks_for_directory_names(&self) -> bool {
        self.directory.has_directory()
    }

    pub(crate) fn for_directory(&self, name: &Name<'_>) -> Option<&Arc<Domain>> {
        self.find(self.directory.directory(name)?)
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

#[cfg(test)]
mod tests {
    use alloc::collections::BTreeMap;
    use alloc::format;
    use alloc::string::String;

    use super::*;

    fn domain(name: &str) -> Domain {
        Domain::spiffe(name.parse().unwrap(), TrustBundle::new([]))
    }

    fn of_sequence(domain: Option<&Arc<Domain>>) -> Option<u64> {
        domain.and_then(|domain| domain.bundle().sequence())
    }

    /// A thousand changes in a scrambled order, against a map.
    #[test]
    fn changes_keep_order_and_lookup() {
        let mut model: BTreeMap<String, u64> = BTreeMap::new();
        let mut store = TrustStore::new([]).unwrap();
        let mut state = 1_u64;
        for step in 0..3_000_u64 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let name = format!("d{}.test", (state >> 33) % 700);
            let bundle = TrustBundle::new([]).with_sequence(step);
            // Grow to many blocks first, shrink to none at the end.
            let remove = step >= 2_000 || (state >> 20).is_multiple_of(4);
            match (model.contains_key(&name), remove) {
                (false, false) => {
                    let domain = Domain::spiffe(name.parse().unwrap(), bundle);
                    store = store.with_domain(domain).unwrap();
                    model.insert(name, step);
                }
                (true, false) => {
                    store = store.with_bundle(&name, bundle).unwrap();
                    model.insert(name, step);
                }
                (true, true) => {
                    store = store.without_domain(&name).unwrap();
                    model.remove(&name);
                }
                (false, true) => {
                    let error = store.without_domain(&name).unwrap_err();
                    assert!(matches!(error, TrustStoreError::UnknownDomain { .. }));
                }
            }
            assert_eq!(store.len(), model.len());
        }
        for name in model.keys() {
            assert_eq!(of_sequence(store.for_spiffe(name)), model.get(name).copied());
        }
        assert!(store.domains().map(Domain::name).eq(model.keys()));
        assert!(store.blocks.iter().all(|block| !block.0.is_empty() && block.0.len() < 2 * BLOCK));
        for name in model.keys() {
            store = store.without_domain(name).unwrap();
        }
        assert!(store.is_empty() && store.blocks.is_empty());
    }

    #[test]
    fn a_change_shares_the_other_blocks() {
        let names = (0..1_000).map(|number| format!("d{number:04}.test"));
        let store = TrustStore::new(names.map(|name| domain(&name))).unwrap();
        let changed = store.with_domain(domain("d0500a.test")).unwrap();
        let shared = store
            .blocks
            .iter()
            .filter(|block| changed.blocks.iter().any(|other| Arc::ptr_eq(&block.0, &other.0)));
        assert_eq!(shared.count(), store.blocks.len() - 1);
        assert!(Arc::ptr_eq(&store.directory, &changed.directory));
        assert_eq!(changed.digest(), TrustStore::new(changed.domains().cloned()).unwrap().digest());
        assert!(store.domain("d0500a.test").is_none());
    }

    #[test]
    fn nobody_speaks_for_the_names_of_another() {
        let web =
            || Domain::named("web", [Scope::dns("example.org").unwrap()], TrustBundle::new([]));
        let thief = || {
            let scopes = [Scope::Spiffe("example.org".parse().unwrap())];
            Domain::named("thief", scopes, TrustBundle::new([]))
        };
        let store = TrustStore::new([domain("example.org"), web()]).unwrap();
        for (case, error) in [
            ("at once", TrustStore::new([thief(), domain("example.org")]).unwrap_err()),
            ("named later", store.with_domain(thief()).unwrap_err()),
            (
                "own name later",
                TrustStore::new([thief()]).unwrap().with_domain(domain("example.org")).unwrap_err(),
            ),
            (
                "another scope later",
                store
                    .with_domain(Domain::named("w2", web().scopes().to_vec(), TrustBundle::new([])))
                    .unwrap_err(),
            ),
        ] {
            assert!(matches!(error, TrustStoreError::DuplicateScope { .. }), "{case}: {error}");
        }
        let error = store.with_domain(web()).unwrap_err();
        assert_eq!(error, TrustStoreError::DuplicateName { name: "web".into() });

        let without = store.without_domain("web").unwrap();
        assert!(
            store.for_dns("a.example.org").is_some() && without.for_dns("a.example.org").is_none()
        );
        assert!(without.with_domain(web()).unwrap().for_dns("example.org").is_some());
        // A domain of that name that does not speak for it.
        let other = Domain::named("example.org", [], TrustBundle::new([]));
        let store = TrustStore::new([other, thief()]).unwrap();
        assert_eq!(store.for_spiffe("example.org").unwrap().name(), "thief");
    }
}
