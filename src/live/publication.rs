//! `Publication`: what is to change, all of it or nothing; and what that comes to.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

use super::affected::{Advice, Selector, Wanted};
use super::error::PublishError;
use super::part::{Cell, DomainChange, Part, SourcePart, StoreParts, numbered};
use super::published::Tightened;
use super::snapshot::InForce;
use crate::credential::{Credential, Update};
use crate::decision::Fingerprint;
use crate::policy::ValidationPolicy;
use crate::revocation::{DenyList, DenyRule, EvidenceChange, Revocation, RevocationSource};
use crate::trust::{AnchorDifference, Domain, DomainDifference, TrustBundle, TrustStore};
use crate::verify::Verifier;
use crate::x509::Time;

/// What is to change in one instant: trust, policy, evidence, one's own credentials. Changes are
/// applied in the order in which they are named.
///
/// # Examples
/// ```
/// use std::sync::Arc;
///
/// use bonafide::live::{Live, Publication};
/// use bonafide::policy::ValidationPolicy;
/// use bonafide::signature::RingBackend;
/// use bonafide::trust::{Domain, TrustBundle, TrustStore};
/// use bonafide::verify::Verifier;
/// use bonafide::x509::Time;
///
/// let now = Time::from_unix(1_782_864_000);
/// let store = TrustStore::new([Domain::spiffe("example.org".parse()?, TrustBundle::new([]))])?;
/// let policy = ValidationPolicy::spiffe();
/// let live = Live::new(Verifier::new(store.into(), policy.into(), Arc::new(RingBackend::NEW)));
///
/// let partner = Domain::spiffe("partner.test".parse()?, TrustBundle::new([]));
/// let published = live.publish(Publication::new().domain(partner), now)?;
/// assert_eq!((published.epoch(), live.snapshot().verifier().trust().len()), (1, 2));
///
/// // One thing that cannot be done, and nothing is.
/// let publication = Publication::new().without_domain("partner.test").without_domain("nobody.test");
/// assert_eq!(live.publish(publication, now).unwrap_err().code(), "publish.unknown-domain");
/// assert_eq!(live.snapshot().verifier().trust().len(), 2);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Default)]
#[must_use = "nothing changes before it is published"]
pub struct Publication {
    changes: Vec<Change>,
    credentials: Option<Update>,
}

enum Change {
    Trust(Option<Arc<str>>, Arc<TrustStore>),
    WithoutLabel(Arc<str>),
    Bundle(Option<Arc<str>>, Arc<str>, TrustBundle),
    Domain(Option<Arc<str>>, Domain),
    WithoutDomain(Option<Arc<str>>, Arc<str>),
    Policy(Arc<ValidationPolicy>),
    Revocation(Arc<Revocation>),
    DenyList(Arc<DenyList>),
    Deny(Vec<DenyRule>),
    Source(Arc<dyn RevocationSource>),
}

impl Publication {
    /// Changes nothing yet.
    pub const fn new() -> Self {
        Self { changes: Vec::new(), credentials: None }
    }

    fn with(mut self, change: Change) -> Self {
        self.changes.push(change);
        self
    }

    /// Replaces the trust of requests without a label.
    pub fn trust(self, store: Arc<TrustStore>) -> Self {
        self.with(Change::Trust(None, store))
    }

    /// Replaces one bundle.
    pub fn bundle(self, domain: &str, bundle: TrustBundle) -> Self {
        self.with(Change::Bundle(None, domain.into(), bundle))
    }

    /// Adds a trust domain, or replaces the one of its name, scopes and all.
    pub fn domain(self, domain: Domain) -> Self {
        self.with(Change::Domain(None, domain))
    }

    /// Removes a trust domain.
    pub fn without_domain(self, domain: &str) -> Self {
        self.with(Change::WithoutDomain(None, domain.into()))
    }

    /// Adds or replaces the trust of requests with a label.
    pub fn labelled_trust(self, label: &str, store: Arc<TrustStore>) -> Self {
        self.with(Change::Trust(Some(label.into()), store))
    }

    /// Replaces one bundle under a label.
    pub fn labelled_bundle(self, label: &str, domain: &str, bundle: TrustBundle) -> Self {
        self.with(Change::Bundle(Some(label.into()), domain.into(), bundle))
    }

    /// Adds a trust domain under a label, or replaces the one of its name.
    pub fn labelled_domain(self, label: &str, domain: Domain) -> Self {
        self.with(Change::Domain(Some(label.into()), domain))
    }

    /// Removes a trust domain under a label.
    pub fn without_labelled_domain(self, label: &str, domain: &str) -> Self {
        self.with(Change::WithoutDomain(Some(label.into()), domain.into()))
    }

    /// Removes a label: requests with it are rejected.
    pub fn without_label(self, label: &str) -> Self {
        self.with(Change::WithoutLabel(label.into()))
    }

    /// Replaces the policy.
    pub fn policy(self, policy: Arc<ValidationPolicy>) -> Self {
        self.with(Change::Policy(policy))
    }

    /// Replaces all revocation evidence, the deny list included.
    pub fn revocation(self, revocation: Arc<Revocation>) -> Self {
        self.with(Change::Revocation(revocation))
    }

    /// Replaces the source of evidence that has the same name, or adds it.
    pub fn source(self, source: Arc<dyn RevocationSource>) -> Self {
        self.with(Change::Source(source))
    }

    /// Replaces the deny list.
    pub fn deny_list(self, list: Arc<DenyList>) -> Self {
        self.with(Change::DenyList(list))
    }

    /// Adds rules to the deny list.
    pub fn deny(self, rules: impl IntoIterator<Item = DenyRule>) -> Self {
        self.with(Change::Deny(rules.into_iter().collect()))
    }

    /// Changes one's own credentials.
    pub fn credentials(self, update: Update) -> Self {
        Self { credentials: Some(update), ..self }
    }

    /// What follows from `current`, as publication `epoch`.
    pub(super) fn apply(
        self,
        current: &InForce,
        epoch: u64,
        taint_grace_seconds: u32,
        now: Time,
    ) -> Result<Draft, PublishError> {
        let mut verifier = current.verifier.clone();
        for change in self.changes {
            verifier = change.apply(verifier)?;
        }
        let mut draft = Draft::new(current.clone(), self.credentials, taint_grace_seconds, now);
        draft.compare_trust(&verifier, epoch);
        draft.compare_policy(&verifier, epoch);
        draft.compare_revocation(&verifier, epoch);
        draft.in_force.verifier = verifier;
        if !draft.tightened.is_empty() {
            draft.in_force.fence = epoch;
        }
        Ok(draft)
    }
}

impl fmt::Debug for Publication {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Publication")
            .field("changes", &self.changes.len())
            .field("credentials", &self.credentials)
            .finish_non_exhaustive()
    }
}

impl Change {
    fn apply(self, verifier: Verifier) -> Result<Verifier, PublishError> {
        Ok(match self {
            Self::Trust(None, store) => verifier.with_trust(store),
            Self::Trust(Some(label), store) => verifier.with_labelled_trust(&label, store),
            Self::WithoutLabel(label) => {
                store_of(&verifier, Some(&label))?;
                verifier.without_labelled_trust(&label)
            }
            Self::Bundle(label, name, bundle) => {
                let store = store_of(&verifier, label.as_ref())?.with_bundle(&name, bundle)?;
                with_store(verifier, label.as_ref(), store)
            }
            Self::Domain(label, domain) => {
                let store = store_of(&verifier, label.as_ref())?;
                let store = match store.domain(domain.name()) {
                    Some(_) => store.without_domain(domain.name())?.with_domain(domain)?,
                    None => store.with_domain(domain)?,
                };
                with_store(verifier, label.as_ref(), store)
            }
            Self::WithoutDomain(label, name) => {
                let store = store_of(&verifier, label.as_ref())?.without_domain(&name)?;
                with_store(verifier, label.as_ref(), store)
            }
            Self::Policy(policy) => verifier.with_policy(policy),
            Self::Revocation(revocation) => verifier.with_revocation(revocation),
            Self::DenyList(list) => {
                let revocation = Revocation::clone(verifier.revocation()).with_deny_list(list);
                verifier.with_revocation(Arc::new(revocation))
            }
            Self::Deny(rules) => {
                let list = match verifier.revocation().deny_list() {
                    Some(held) => held.with(rules),
                    None => DenyList::new(rules),
                };
                let revocation = Revocation::clone(verifier.revocation());
                let revocation = revocation.with_deny_list(Arc::new(list));
                verifier.with_revocation(Arc::new(revocation))
            }
            Self::Source(source) => {
                let revocation = verifier.revocation().with_replaced_source(source);
                verifier.with_revocation(Arc::new(revocation))
            }
        })
    }
}

fn store_of<'v>(
    verifier: &'v Verifier,
    label: Option<&Arc<str>>,
) -> Result<&'v Arc<TrustStore>, PublishError> {
    let unknown = || PublishError::UnknownLabel { label: label.cloned().unwrap_or_default() };
    verifier.trust_of(label.map(AsRef::as_ref)).ok_or_else(unknown)
}

fn with_store(verifier: Verifier, label: Option<&Arc<str>>, store: TrustStore) -> Verifier {
    match label {
        None => verifier.with_trust(Arc::new(store)),
        Some(label) => verifier.with_labelled_trust(label, Arc::new(store)),
    }
}

/// What a publication comes to, before it is in force.
pub(super) struct Draft {
    pub(super) in_force: InForce,
    pub(super) credentials: Option<Update>,
    pub(super) changed: Vec<Part>,
    pub(super) tightened: Vec<Tightened>,
    /// Cells of trust to raise.
    pub(super) cells: Vec<Arc<Cell>>,
    /// Cells of trust that is gone.
    pub(super) retired: Vec<Arc<Cell>>,
    pub(super) policy_changed: bool,
    pub(super) revocation_changed: bool,
    /// The sessions to look for.
    pub(super) wanted: Vec<Wanted>,
    /// One's own credentials before, where they change.
    pub(super) own: Vec<Arc<Credential>>,
    taint_grace_seconds: u32,
    now: Time,
}

impl Draft {
    const fn new(
        in_force: InForce,
        credentials: Option<Update>,
        taint_grace_seconds: u32,
        now: Time,
    ) -> Self {
        Self {
            in_force,
            credentials,
            changed: Vec::new(),
            tightened: Vec::new(),
            cells: Vec::new(),
            retired: Vec::new(),
            policy_changed: false,
            revocation_changed: false,
            wanted: Vec::new(),
            own: Vec::new(),
            taint_grace_seconds,
            now,
        }
    }

    /// Notes what is taken away, and from whom.
    fn tighten(&mut self, tightened: Tightened, selector: Selector, advice: Advice) {
        self.wanted.push(Wanted { selector, advice, cause: tightened.code() });
        self.tightened.push(tightened);
    }

    fn compare_trust(&mut self, next: &Verifier, epoch: u64) {
        let labels = |verifier: &Verifier| -> Vec<Option<Arc<str>>> {
            let labelled = verifier.labelled_trust().map(|(label, _)| Some(label.clone()));
            core::iter::once(None).chain(labelled).collect()
        };
        let current = self.in_force.verifier.clone();
        for label in labels(&current) {
            let older = current.trust_of(label.as_deref());
            match (older, next.trust_of(label.as_deref())) {
                (Some(older), Some(newer)) if !Arc::ptr_eq(older, newer) => {
                    self.compare_stores(&label, older, newer, epoch);
                }
                (Some(_), None) => {
                    if let Some(store) = self.in_force.stores.remove(&label) {
                        self.changed.push(Part::Directory { label: label.clone() });
                        self.retired.push(store.directory_cell);
                    }
                    let selector = Selector::Fallen { label: Some(label.clone()) };
                    let label = label.unwrap_or_default();
                    self.tighten(Tightened::LabelRemoved { label }, selector, Advice::Close);
                }
                _ => {}
            }
        }
        for label in labels(next) {
            if let (None, Some(store)) =
                (current.trust_of(label.as_deref()), next.trust_of(label.as_deref()))
            {
                self.changed.push(Part::Directory { label: label.clone() });
                let parts = StoreParts::new(store.shared_names(), epoch);
                self.in_force.stores.insert(label, parts);
            }
        }
    }

    fn compare_stores(
        &mut self,
        label: &Option<Arc<str>>,
        older: &TrustStore,
        newer: &TrustStore,
        epoch: u64,
    ) {
        let differences = older.differences(newer);
        let Some(mut parts) = self.in_force.stores.get(label).cloned() else { return };
        let mut changes = Vec::with_capacity(differences.len());
        let mut directory_changed = false;
        for DomainDifference { older, newer } in differences {
            let Some(domain) = newer.or(older) else { continue };
            let name = domain.shared_name().clone();
            self.changed.push(Part::Domain { label: label.clone(), name: name.clone() });
            if let Some(part) = parts.domain(&name) {
                let cells = if newer.is_some() { &mut self.cells } else { &mut self.retired };
                cells.push(part.cell.clone());
            }
            let change = match (older, newer) {
                (Some(older), Some(newer)) => {
                    self.compare_bundles(label, &name, older.bundle(), newer.bundle());
                    if older.scopes() == newer.scopes() {
                        DomainChange::Anchors
                    } else {
                        DomainChange::Scopes
                    }
                }
                (Some(_), None) => {
                    let (label, name) = (label.clone(), name.clone());
                    let selector = Selector::Domain { label: label.clone(), domain: name.clone() };
                    let tightened = Tightened::DomainRemoved { label, name };
                    // Its names may be another domain's from now on.
                    self.tighten(tightened, selector, Advice::AskAgain);
                    DomainChange::Gone
                }
                (None, _) => DomainChange::New,
            };
            directory_changed |= change != DomainChange::Anchors;
            if matches!(change, DomainChange::Scopes | DomainChange::New) {
                self.speaks(label, domain, change);
            }
            changes.push((name, change));
        }
        if directory_changed {
            parts.directory = epoch;
            self.changed.push(Part::Directory { label: label.clone() });
            self.cells.push(parts.directory_cell.clone());
        }
        parts.change_domains(changes, epoch);
        self.in_force.stores.insert(label.clone(), parts);
    }

    /// Names may be this domain's from now on whose bearers were accepted under another one.
    ///
    /// A SPIFFE trust domain that comes, and speaks for its own SPIFFE IDs alone, takes nothing from
    /// anybody but those who bore such an ID beside names of another domain: their sessions are found,
    /// and nothing else is said to be tightened.
    fn speaks(&mut self, label: &Option<Arc<str>>, domain: &Domain, change: DomainChange) {
        let tightened = Tightened::DirectoryChanged {
            label: label.clone(),
            name: domain.shared_name().clone(),
        };
        let own = domain.speaks_for_its_name_alone().filter(|_| change == DomainChange::New);
        match own {
            Some(trust_domain) => self.wanted.push(Wanted {
                selector: Selector::Claim {
                    label: label.clone(),
                    trust_domain: trust_domain.as_str().into(),
                },
                advice: Advice::AskAgain,
                cause: tightened.code(),
            }),
            None => {
                let selector = Selector::Fallen { label: Some(label.clone()) };
                self.tighten(tightened, selector, Advice::AskAgain);
            }
        }
    }

    fn compare_bundles(
        &mut self,
        label: &Option<Arc<str>>,
        name: &Arc<str>,
        older: &TrustBundle,
        newer: &TrustBundle,
    ) {
        for (found, difference) in older.differences(newer) {
            let anchor = Fingerprint::from_bytes(*found.fingerprint());
            let mut selector = Selector::anchor(label, name, found);
            let mut advice = Advice::AskAgain;
            let (label, name) = (label.clone(), name.clone());
            let tightened = match difference {
                AnchorDifference::Added => continue,
                AnchorDifference::Removed => Tightened::AnchorRemoved { label, name, anchor },
                AnchorDifference::Changed => Tightened::AnchorChanged { label, name, anchor },
                AnchorDifference::Tainted { since } => {
                    let grace = i64::from(self.taint_grace_seconds);
                    advice = Advice::CloseBy(since.saturating_add(grace));
                    Tightened::AnchorTainted { label, name, anchor, since }
                }
                AnchorDifference::Distrusted => {
                    // Those below it, and those whose evidence rests on it.
                    selector = Selector::FallenOf { label: label.clone(), domain: name.clone() };
                    Tightened::AuthorityDistrusted { label, name, anchor }
                }
            };
            self.tighten(tightened, selector, advice);
        }
    }

    fn compare_policy(&mut self, next: &Verifier, epoch: u64) {
        if self.in_force.verifier.policy_digest() != next.policy_digest() {
            self.in_force.policy = epoch;
            self.policy_changed = true;
            self.changed.push(Part::Policy);
            self.tighten(Tightened::Policy, Selector::Everybody, Advice::AskAgain);
        }
    }

    fn compare_revocation(&mut self, next: &Verifier, epoch: u64) {
        let current = self.in_force.verifier.clone();
        let (older, newer) = (current.revocation(), next.revocation());
        if Arc::ptr_eq(older, newer) {
            return;
        }
        self.compare_deny_lists(older.deny_list(), newer.deny_list(), epoch);
        self.compare_sources(older, newer, epoch);
    }

    fn compare_deny_lists(
        &mut self,
        older: Option<&Arc<DenyList>>,
        newer: Option<&Arc<DenyList>>,
        epoch: u64,
    ) {
        if older.map(|list| list.digest()) == newer.map(|list| list.digest()) {
            return;
        }
        self.in_force.deny_list = epoch;
        self.revocation_changed = true;
        self.changed.push(Part::DenyList);
        let added = newer.into_iter().flat_map(|newer| newer.added_to(older.map(AsRef::as_ref)));
        for (id, rule) in added {
            // A rule that has ceased to act takes nothing from anybody.
            let Some(from) = rule.acts_from(self.now) else { continue };
            let advice = if from > self.now { Advice::CloseBy(from) } else { Advice::Close };
            let selector = Selector::Denied(rule.denied().clone());
            self.tighten(Tightened::DenyRule { rule: id }, selector, advice);
        }
    }

    fn compare_sources(&mut self, older: &Revocation, newer: &Revocation, epoch: u64) {
        let names = numbered(newer.sources().iter().map(|source| source.name()));
        let held = core::mem::take(&mut self.in_force.sources);
        let find = |name: &str, number| {
            let place = held.iter().position(|s| *s.name == *name && s.number == number)?;
            Some((held.get(place)?, older.sources().get(place)?))
        };
        let mut parts = Vec::with_capacity(names.len());
        for (source, (name, number)) in newer.sources().iter().zip(names) {
            let before = find(&name, number);
            let same = before.filter(|(_, before)| before.digest() == source.digest());
            let epoch = same.map_or(epoch, |(part, _)| part.epoch);
            let part = SourcePart { name: name.into(), number, epoch };
            if same.is_none() {
                let unknown = EvidenceChange::unknown;
                let change = before.map_or_else(unknown, |(_, old)| source.change_since(&**old));
                self.source_changed(part.part(), change);
            }
            parts.push(part);
        }
        for gone in &held {
            if !parts.iter().any(|part| part.name == gone.name && part.number == gone.number) {
                self.source_changed(gone.part(), EvidenceChange::unknown());
            }
        }
        self.in_force.sources = parts;
    }

    fn source_changed(&mut self, source: Part, change: EvidenceChange) {
        self.revocation_changed = true;
        self.changed.push(source.clone());
        if change.is_none() {
            return;
        }
        let tightened = Tightened::Evidence { source };
        let certificates = change.certificates.into_iter().map(Selector::Denied);
        let issuers = change.issuers.into_iter().map(Selector::Issuer);
        let fallen = change.unknown.then_some(Selector::Fallen { label: None });
        // Whether evidence counts is for the engine to say.
        let (advice, cause) = (Advice::AskAgain, tightened.code());
        let selectors = certificates.chain(issuers).chain(fallen);
        self.wanted.extend(selectors.map(|selector| Wanted { selector, advice, cause }));
        self.tightened.push(tightened);
    }
}
