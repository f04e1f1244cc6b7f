//! The bundles of federated trust domains, each with its history, and the trust store they make.
//!
//! A bundle is *offered*; whether it becomes the current one is decided here (SPIFFE Federation
//! section 4.2): by sequence number, and where one of the two has none, by the time of retrieval. A
//! sequence number lower than one seen before, or the same with other authorities, is refused, so
//! that an authority once removed does not come back by a replay. Bundles of different trust domains
//! are never merged (F-06): each is its own domain of the [`TrustStore`], and an authority of one
//! says nothing of another, even with the same key (B-02, reported).
//!
//! Authorities are active while they are in the current bundle, tainted where the operator said so
//! (no format carries that), and gone when they are left out (B-04). What the host must keep over a
//! restart are the [`HighWaterMarks`] and, if it wants to start offline, the documents.
//!
//! Left to the caller: fetching ([`RefreshSchedule`](super::RefreshSchedule) says when), and
//! publishing the store to whoever decides. [`FederatedBundles::store`] is cheap to clone, and one
//! changed bundle among ten thousand costs what one among ten costs.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

use sha2::{Digest, Sha256};

use super::federation_event::{BundleEvent, BundleSource, Change, Refused};
use super::high_water::{HighWaterMark, HighWaterMarks};
use super::{AnchorState, Domain, SpiffeBundle, TrustAnchor, TrustBundle, TrustStore};
use crate::identity::TrustDomain;
use crate::signature::SignatureBackend;
use crate::x509::Time;

/// One relationship.
#[derive(Clone, Debug, Default)]
struct Federated {
    current: Option<Current>,
    /// Said by the operator, of authorities in the current bundle or not.
    tainted: BTreeMap<[u8; 32], Time>,
}

#[derive(Clone, Debug)]
struct Current {
    bundle: SpiffeBundle,
    source: BundleSource,
    received_at: Time,
}

/// The bundles of federated trust domains.
#[derive(Clone)]
pub struct FederatedBundles {
    domains: BTreeMap<TrustDomain, Federated>,
    marks: HighWaterMarks,
    /// Trust domains by the SHA-256 of their authorities' keys.
    keys: BTreeMap<[u8; 32], BTreeSet<TrustDomain>>,
    // INVARIANT: has a domain for each of `domains` with a current bundle, and those of the base.
    store: TrustStore,
    backend: Option<Arc<dyn SignatureBackend>>,
    generation: u64,
}

impl FederatedBundles {
    /// No relationships, on top of a store of other domains, which stay as they are.
    #[must_use]
    pub fn new(base: TrustStore) -> Self {
        Self {
            domains: BTreeMap::new(),
            marks: HighWaterMarks::default(),
            keys: BTreeMap::new(),
            store: base,
            backend: None,
            generation: 0,
        }
    }

    /// Lets `backend` parse the keys of authorities once, when their bundle becomes current.
    /// Default: keys are parsed at each use.
    #[must_use]
    pub fn with_backend(self, backend: Arc<dyn SignatureBackend>) -> Self {
        Self { backend: Some(backend), ..self }
    }

    /// Takes marks kept from an earlier run; lower ones change nothing.
    pub fn restore(&mut self, marks: impl IntoIterator<Item = HighWaterMark>) {
        marks.into_iter().for_each(|mark| self.marks.raise(mark));
    }

    /// Returns the marks to keep over a restart. They outlive a relationship.
    #[must_use]
    pub const fn high_water_marks(&self) -> &HighWaterMarks {
        &self.marks
    }

    /// Accepts whatever sequence number the trust domain comes with next: for a publisher that
    /// lost its history. A replay of any of its earlier bundles is then accepted as well.
    pub fn dangerously_forget_sequence(&mut self, trust_domain: &TrustDomain) {
        self.marks.forget(trust_domain);
    }

    /// Begins a relationship. Until its first bundle nobody of the trust domain is trusted.
    pub fn federate(&mut self, trust_domain: &TrustDomain) -> Change {
        if self.domains.contains_key(trust_domain) {
            return Change::default();
        }
        self.domains.insert(trust_domain.clone(), Federated::default());
        let trust_domain = trust_domain.clone();
        Change { events: Vec::from([BundleEvent::Federated { trust_domain }]) }
    }

    /// Ends a relationship: bundle and taints are dropped at once (F-18), and offers that are still
    /// on their way are refused. The high-water mark stays.
    pub fn defederate(&mut self, trust_domain: &TrustDomain) -> Change {
        let Some(federated) = self.domains.remove(trust_domain) else { return Change::default() };
        if let Some(current) = federated.current {
            self.forget_keys(trust_domain, &keys_of(&current.bundle));
            if let Ok(store) = self.store.without_domain(trust_domain.as_str()) {
                self.store = store;
            }
        }
        self.generation += 1;
        let trust_domain = trust_domain.clone();
        Change { events: Vec::from([BundleEvent::Dropped { trust_domain }]) }
    }

    /// Offers a bundle that was retrieved for `trust_domain` at `received_at`.
    ///
    /// # Errors
    /// [`Refused`]; the current bundle then stays.
    pub fn offer(
        &mut self,
        trust_domain: &TrustDomain,
        bundle: SpiffeBundle,
        received_at: Time,
    ) -> Result<Change, Refused> {
        self.check_domain(trust_domain, &bundle)?;
        self.check_order(&bundle, received_at)?;
        self.set(bundle, BundleSource::Retrieved, received_at)
    }

    /// Sets a bundle by the operator's word: it counts as the latest until the next retrieval
    /// (F-07), which must not be older than the latest one *retrieved*.
    ///
    /// # Errors
    /// [`Refused`] of the kinds that have nothing to do with order.
    pub fn set_by_operator(
        &mut self,
        trust_domain: &TrustDomain,
        bundle: SpiffeBundle,
        received_at: Time,
    ) -> Result<Change, Refused> {
        self.check_domain(trust_domain, &bundle)?;
        self.set(bundle, BundleSource::Operator, received_at)
    }

    /// Replaces the whole set: trust domains that are not in it are dropped, new ones are
    /// federated. All or nothing (B-21, W-02): where one bundle is refused, nothing changes.
    ///
    /// # Errors
    /// [`Refused`] of the first bundle that is.
    pub fn replace_all(
        &mut self,
        bundles: impl IntoIterator<Item = SpiffeBundle>,
        received_at: Time,
    ) -> Result<Change, Refused> {
        let mut next = self.clone();
        let mut events = Vec::new();
        let mut named = BTreeSet::new();
        for bundle in bundles {
            let trust_domain = bundle.trust_domain().clone();
            next.check_order(&bundle, received_at)?;
            events.extend(next.federate(&trust_domain).events);
            events.extend(next.set(bundle, BundleSource::Retrieved, received_at)?.events);
            if !named.insert(trust_domain.clone()) {
                return Err(Refused::NamedTwice { trust_domain });
            }
        }
        for trust_domain in self.domains.keys().filter(|domain| !named.contains(*domain)) {
            events.extend(next.defederate(trust_domain).events);
        }
        *self = next;
        Ok(Change { events })
    }

    /// Marks an authority of the current bundle as tainted: paths to it are still accepted, with a
    /// finding, and whoever holds a credential under it should renew. Stays until taken back or the
    /// relationship ends, even if the authority goes and comes.
    ///
    /// # Errors
    /// [`Refused::UnknownAuthority`], [`Refused::NotFederated`].
    pub fn taint(
        &mut self,
        trust_domain: &TrustDomain,
        authority: &[u8; 32],
        since: Time,
    ) -> Result<Change, Refused> {
        let trust_domain = trust_domain.clone();
        let authority = *authority;
        let federated = self
            .domains
            .get_mut(&trust_domain)
            .ok_or_else(|| Refused::NotFederated { trust_domain: trust_domain.clone() })?;
        let known = federated.current.as_ref().is_some_and(|current| {
            current.bundle.trust_bundle().anchors().any(|a| a.fingerprint() == &authority)
        });
        if !known {
            return Err(Refused::UnknownAuthority { trust_domain, authority });
        }
        if federated.tainted.contains_key(&authority) {
            return Ok(Change::default());
        }
        federated.tainted.insert(authority, since);
        self.republish(&trust_domain)?;
        let event = BundleEvent::Tainted { trust_domain, authority, since };
        Ok(Change { events: Vec::from([event]) })
    }

    /// Takes a taint back.
    ///
    /// # Errors
    /// [`Refused::UnknownAuthority`] where the authority is not tainted.
    pub fn untaint(
        &mut self,
        trust_domain: &TrustDomain,
        authority: &[u8; 32],
    ) -> Result<Change, Refused> {
        let trust_domain = trust_domain.clone();
        let authority = *authority;
        let federated = self.domains.get_mut(&trust_domain);
        if federated.and_then(|federated| federated.tainted.remove(&authority)).is_none() {
            return Err(Refused::UnknownAuthority { trust_domain, authority });
        }
        self.republish(&trust_domain)?;
        let event = BundleEvent::Untainted { trust_domain, authority };
        Ok(Change { events: Vec::from([event]) })
    }

    /// Returns the trust store as it stands. A clone is a snapshot: later changes leave it alone.
    #[must_use]
    pub const fn store(&self) -> &TrustStore {
        &self.store
    }

    /// Returns a number that grows with each change of the store.
    #[must_use]
    pub const fn generation(&self) -> u64 {
        self.generation
    }

    /// The federated trust domains, in order.
    pub fn trust_domains(&self) -> impl ExactSizeIterator<Item = &TrustDomain> {
        self.domains.keys()
    }

    /// The current bundle of a trust domain.
    #[must_use]
    pub fn bundle(&self, trust_domain: &TrustDomain) -> Option<&SpiffeBundle> {
        self.current(trust_domain).map(|current| &current.bundle)
    }

    /// When the current bundle was retrieved, or found unchanged.
    #[must_use]
    pub fn received_at(&self, trust_domain: &TrustDomain) -> Option<Time> {
        self.current(trust_domain).map(|current| current.received_at)
    }

    /// Who the current bundle came from.
    #[must_use]
    pub fn source(&self, trust_domain: &TrustDomain) -> Option<BundleSource> {
        self.current(trust_domain).map(|current| current.source)
    }

    /// The keys that authorities of several trust domains have (B-02): SHA-256 of the
    /// SubjectPublicKeyInfo, and the trust domains in order.
    pub fn shared_authorities(
        &self,
    ) -> impl Iterator<Item = (&[u8; 32], impl Iterator<Item = &TrustDomain>)> {
        self.keys.iter().filter(|(_, domains)| domains.len() > 1).map(|(key, d)| (key, d.iter()))
    }

    fn current(&self, trust_domain: &TrustDomain) -> Option<&Current> {
        self.domains.get(trust_domain)?.current.as_ref()
    }

    fn current_mut(&mut self, trust_domain: &TrustDomain) -> Option<&mut Current> {
        self.domains.get_mut(trust_domain)?.current.as_mut()
    }

    fn check_domain(
        &self,
        trust_domain: &TrustDomain,
        bundle: &SpiffeBundle,
    ) -> Result<(), Refused> {
        let trust_domain = trust_domain.clone();
        if bundle.trust_domain() != &trust_domain {
            let found = bundle.trust_domain().clone();
            return Err(Refused::WrongTrustDomain { trust_domain, found });
        }
        if !self.domains.contains_key(&trust_domain) {
            return Err(Refused::NotFederated { trust_domain });
        }
        Ok(())
    }

    /// F-05: "order by sequence; without sequence the newest retrieval wins".
    fn check_order(&self, bundle: &SpiffeBundle, received_at: Time) -> Result<(), Refused> {
        let trust_domain = bundle.trust_domain().clone();
        if let (Some(offered), Some((mark, seen))) =
            (bundle.sequence(), self.marks.of(&trust_domain))
        {
            if offered < mark {
                return Err(Refused::Rollback { trust_domain, offered, mark });
            }
            let digest = *bundle.trust_bundle().digest();
            if offered == mark && digest != seen {
                let (sequence, offered) = (offered, digest);
                return Err(Refused::Conflict { trust_domain, sequence, offered, seen });
            }
        }
        if let Some(current) = self.current(&trust_domain)
            && (bundle.sequence().is_none() || current.bundle.sequence().is_none())
            && received_at < current.received_at
        {
            let (offered, current) = (received_at, current.received_at);
            return Err(Refused::OlderRetrieval { trust_domain, offered, current });
        }
        Ok(())
    }

    /// Makes a bundle the current one.
    fn set(
        &mut self,
        bundle: SpiffeBundle,
        source: BundleSource,
        received_at: Time,
    ) -> Result<Change, Refused> {
        let trust_domain = bundle.trust_domain().clone();
        let Some(federated) = self.domains.get(&trust_domain) else {
            return Err(Refused::NotFederated { trust_domain });
        };
        let same = federated.current.as_ref().is_some_and(|current| {
            let (old, new) = (current.bundle.trust_bundle(), bundle.trust_bundle());
            old.digest() == new.digest()
                && old.sequence() == new.sequence()
                && old.refresh_hint_seconds() == new.refresh_hint_seconds()
        });
        let mark = match source {
            BundleSource::Retrieved => mark_of(&bundle),
            BundleSource::Operator => None,
        };
        if same {
            mark.into_iter().for_each(|mark| self.marks.raise(mark));
            if let Some(current) = self.current_mut(&trust_domain) {
                current.source = source;
                current.received_at = received_at.max(current.received_at);
            }
            return Ok(Change::default());
        }

        let bundle = match &self.backend {
            Some(backend) => bundle.prepared_by(backend.as_ref()),
            None => bundle,
        };
        let trusted = with_taints(bundle.trust_bundle(), &federated.tainted);
        self.store = match &federated.current {
            Some(_) => self.store.with_bundle(trust_domain.as_str(), trusted),
            None => self.store.with_domain(Domain::spiffe(trust_domain.clone(), trusted)),
        }
        .map_err(Refused::Store)?;
        mark.into_iter().for_each(|mark| self.marks.raise(mark));

        let mut events = Vec::new();
        let before = federated.current.as_ref().map(|current| &current.bundle);
        let fingerprints = |bundle: Option<&SpiffeBundle>| -> BTreeSet<[u8; 32]> {
            let anchors = bundle.into_iter().flat_map(|bundle| bundle.trust_bundle().anchors());
            anchors.map(|anchor| *anchor.fingerprint()).collect()
        };
        let (old, new) = (fingerprints(before), fingerprints(Some(&bundle)));
        events.push(BundleEvent::Replaced {
            trust_domain: trust_domain.clone(),
            source,
            from: before.and_then(SpiffeBundle::sequence),
            to: bundle.sequence(),
            added: new.difference(&old).copied().collect(),
            removed: old.difference(&new).copied().collect(),
        });
        if bundle.sequence().is_none()
            && let Some((mark, _)) = self.marks.of(&trust_domain)
        {
            let trust_domain = trust_domain.clone();
            events.push(BundleEvent::SequenceMissing { trust_domain, mark });
        }
        let old_keys = before.map(keys_of).unwrap_or_default();
        let new_keys = keys_of(&bundle);
        self.forget_keys(&trust_domain, &(&old_keys - &new_keys));
        for key in &new_keys - &old_keys {
            let domains = self.keys.entry(key).or_default();
            domains.insert(trust_domain.clone());
            if domains.len() > 1 {
                let trust_domains = domains.iter().cloned().collect();
                events.push(BundleEvent::SharedAuthority { key, trust_domains });
            }
        }
        if let Some(federated) = self.domains.get_mut(&trust_domain) {
            federated.current = Some(Current { bundle, source, received_at });
        }
        self.generation += 1;
        Ok(Change { events })
    }

    /// Puts the current bundle into the store again, with the taints of the moment.
    fn republish(&mut self, trust_domain: &TrustDomain) -> Result<(), Refused> {
        if let Some(federated) = self.domains.get(trust_domain)
            && let Some(current) = &federated.current
        {
            let trusted = with_taints(current.bundle.trust_bundle(), &federated.tainted);
            self.store =
                self.store.with_bundle(trust_domain.as_str(), trusted).map_err(Refused::Store)?;
            self.generation += 1;
        }
        Ok(())
    }

    fn forget_keys(&mut self, trust_domain: &TrustDomain, keys: &BTreeSet<[u8; 32]>) {
        for key in keys {
            if let Some(domains) = self.keys.get_mut(key) {
                domains.remove(trust_domain);
                if domains.is_empty() {
                    self.keys.remove(key);
                }
            }
        }
    }
}

fn mark_of(bundle: &SpiffeBundle) -> Option<HighWaterMark> {
    Some(HighWaterMark {
        trust_domain: bundle.trust_domain().clone(),
        sequence: bundle.sequence()?,
        digest: *bundle.trust_bundle().digest(),
    })
}

fn keys_of(bundle: &SpiffeBundle) -> BTreeSet<[u8; 32]> {
    let anchors = bundle.trust_bundle().anchors();
    anchors.map(|anchor| Sha256::digest(anchor.spki_der()).into()).collect()
}

fn with_taints(bundle: &TrustBundle, tainted: &BTreeMap<[u8; 32], Time>) -> TrustBundle {
    let since = |anchor: &TrustAnchor| tainted.get(anchor.fingerprint()).copied();
    if !bundle.anchors().any(|anchor| since(anchor).is_some()) {
        return bundle.clone();
    }
    bundle.with_anchors(bundle.anchors().map(|anchor| match since(anchor) {
        Some(since) => anchor.clone().with_state(AnchorState::Tainted { since }),
        None => anchor.clone(),
    }))
}

impl fmt::Debug for FederatedBundles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FederatedBundles")
            .field("domains", &self.domains)
            .field("generation", &self.generation)
            .finish_non_exhaustive()
    }
}
