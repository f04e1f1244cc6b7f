//! What a server does with bundles of other trust domains: fetches their documents, orders them, hands
//! them on. The library orders; beside it stands by which sequence numbers alone it must have come out.

use std::collections::BTreeMap;

use bonafide::identity::TrustDomain;
use bonafide::trust::{FederatedBundles, SpiffeBundle, TrustStore};
use bonafide::x509::Time;

use super::facts::DomainId;
use super::server::Document;

/// The bundles of other trust domains, as one server has them.
pub struct Relay {
    library: FederatedBundles,
    /// What is handed on.
    pub documents: BTreeMap<DomainId, (String, Document)>,
    /// The highest sequence number of each trust domain, for ever (F-05).
    marks: BTreeMap<DomainId, u64>,
}

impl Relay {
    pub fn new() -> Self {
        let library = FederatedBundles::new(TrustStore::new([]).unwrap());
        Relay { library, documents: BTreeMap::new(), marks: BTreeMap::new() }
    }

    pub fn is_federated(&self, other: DomainId) -> bool {
        self.documents.contains_key(&other)
    }

    /// The sequence number of what is handed on.
    pub fn sequence(&self, other: DomainId) -> Option<u64> {
        Some(self.documents.get(&other)?.1.bundle.sequence)
    }

    /// Begins a relationship with a bundle of the operator's.
    pub fn federate(&mut self, other: DomainId, name: &str, document: Document, now: i64) {
        let domain = TrustDomain::parse(name).unwrap();
        let _ = self.library.federate(&domain);
        self.documents.insert(other, (name.into(), document.clone()));
        self.offer(other, document, now);
    }

    pub fn defederate(&mut self, other: DomainId) {
        let Some((name, _)) = self.documents.remove(&other) else { return };
        let _ = self.library.defederate(&TrustDomain::parse(&name).unwrap());
    }

    /// A document arrived; true where it is another one than before.
    pub fn offer(&mut self, other: DomainId, document: Document, now: i64) -> bool {
        let (name, before) = self.documents.get(&other).unwrap().clone();
        let domain = TrustDomain::parse(&name).unwrap();
        let json = document.json(Some(document.bundle.sequence));
        let bundle = SpiffeBundle::parse(domain.clone(), json.as_bytes()).unwrap();
        assert_eq!(bundle.skipped_count(), document.strange.len(), "S21");
        let refused = self
            .library
            .offer(&domain, bundle, Time::from_unix(now))
            .err()
            .map(|refused| refused.code());
        let mark = self.marks.get(&other).copied().unwrap_or(0);
        let stale = document.bundle.sequence < mark;
        assert_eq!(refused, stale.then_some("federation.rollback"), "F-05, S12");
        if !stale {
            self.marks.insert(other, document.bundle.sequence);
            self.documents.insert(other, (name.clone(), document));
        }
        let (_, current) = self.documents.get(&other).unwrap();
        // What the library holds to be current has the authorities that it must have, no more.
        let held = self.library.bundle(&domain).unwrap();
        assert_eq!(held.sequence(), Some(current.bundle.sequence), "F-05");
        assert_eq!(held.authorities().len(), current.roots.len(), "{name}");
        current.bundle != before.bundle
    }
}
