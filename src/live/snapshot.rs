//! `Snapshot`: everything in force at one moment, and since when each part is.

use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

use super::live::Shared;
use super::part::{Part, SourcePart, StoreParts, numbered};
use super::question::{Presented, Requirement};
use super::ruling::Ruling;
use crate::credential::CredentialSet;
use crate::decision::Decision;
use crate::verify::Verifier;
use crate::x509::Time;

/// What is published beside the credentials: trust, policy, evidence, and the epochs of the parts.
#[derive(Clone)]
pub struct InForce {
    pub(super) verifier: Verifier,
    pub(super) fence: u64,
    pub(super) stores: BTreeMap<Option<Arc<str>>, StoreParts>,
    pub(super) policy: u64,
    pub(super) deny_list: u64,
    pub(super) sources: Vec<SourcePart>,
}

impl InForce {
    /// The state before the first publication: every part has epoch 0.
    pub(super) fn new(verifier: Verifier) -> Self {
        let labelled = verifier.labelled_trust().map(|(label, store)| (Some(label.clone()), store));
        let stores = core::iter::once((None, verifier.trust()))
            .chain(labelled)
            .map(|(label, store)| (label, StoreParts::new(store.shared_names(), 0)))
            .collect();
        let names = numbered(verifier.revocation().sources().iter().map(|source| source.name()));
        let sources = names
            .into_iter()
            .map(|(name, number)| SourcePart { name: name.into(), number, epoch: 0 })
            .collect();
        Self { verifier, fence: 0, stores, policy: 0, deny_list: 0, sources }
    }

    pub(super) fn store(&self, label: Option<&Arc<str>>) -> Option<&StoreParts> {
        // The map's keys own their labels.
        self.stores.get(&label.cloned())
    }
}

impl fmt::Debug for InForce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InForce")
            .field("verifier", &self.verifier)
            .field("fence", &self.fence)
            .finish_non_exhaustive()
    }
}

/// Everything in force at one moment; it does not change, however long it is held. Cheap to clone.
#[derive(Clone)]
pub struct Snapshot {
    pub(super) shared: Arc<Shared>,
    pub(super) set: Arc<CredentialSet<InForce>>,
}

impl Snapshot {
    /// Decides whether what a peer presented meets a requirement, as of `now`; the ruling can be asked
    /// later whether it still holds.
    #[must_use]
    pub fn decide(
        &self,
        requirement: &Arc<Requirement>,
        presented: &Presented<'_>,
        now: Time,
    ) -> Ruling {
        let decision = self.verifier().decide(&requirement.request(presented), now);
        self.ruling(requirement, presented, decision)
    }

    /// The ruling of a decision that this snapshot's verifier made in steps.
    pub(crate) fn ruling(
        &self,
        requirement: &Arc<Requirement>,
        presented: &Presented<'_>,
        decision: Decision,
    ) -> Ruling {
        let (in_force, epoch) = (self.set.attached(), self.epoch());
        Ruling::new(&self.shared, in_force, epoch, requirement, presented, decision)
    }

    /// Returns what decides requests under this snapshot.
    #[must_use]
    pub fn verifier(&self) -> &Verifier {
        &self.set.attached().verifier
    }

    /// Returns one's own credentials; [`CredentialSet::choose`] says which to present.
    #[must_use]
    pub fn credentials(&self) -> &CredentialSet<InForce> {
        &self.set
    }

    /// Returns the number of the publication that made the snapshot; 0 before the first.
    #[must_use]
    pub fn epoch(&self) -> u64 {
        self.set.generation()
    }

    /// Returns the number of the last publication that tightened anything: what was agreed on before
    /// it (tickets and other state to resume by) is void.
    #[must_use]
    pub fn fence(&self) -> u64 {
        self.set.attached().fence
    }

    /// Returns the publication that last changed a part, or brought it; nothing where there is no such
    /// part. Every policy and every deny list, the absent one too, is a part.
    #[must_use]
    pub fn epoch_of(&self, part: &Part) -> Option<u64> {
        let in_force = self.set.attached();
        match part {
            Part::Domain { label, name } => {
                in_force.store(label.as_ref())?.domain(name).map(|domain| domain.epoch())
            }
            Part::Directory { label } => {
                in_force.store(label.as_ref()).map(|store| store.directory)
            }
            Part::Policy => Some(in_force.policy),
            Part::DenyList => Some(in_force.deny_list),
            Part::Source { name, number } => in_force
                .sources
                .iter()
                .find(|source| source.name == *name && source.number == *number)
                .map(|source| source.epoch),
            Part::Credentials => Some(self.set.credentials_since()),
        }
    }

    /// Returns all parts with their epochs: domains first, each store's together.
    pub fn parts(&self) -> impl Iterator<Item = (Part, u64)> {
        let in_force = self.set.attached();
        let stores = in_force.stores.iter().flat_map(|(label, store)| {
            let domains = store.domains().map(|(name, domain)| {
                (Part::Domain { label: label.clone(), name: name.clone() }, domain.epoch())
            });
            let directory = (Part::Directory { label: label.clone() }, store.directory);
            domains.chain(core::iter::once(directory))
        });
        let sources = in_force.sources.iter().map(|source| (source.part(), source.epoch));
        stores
            .chain([(Part::Policy, in_force.policy), (Part::DenyList, in_force.deny_list)])
            .chain(sources)
            .chain(self.epoch_of(&Part::Credentials).map(|epoch| (Part::Credentials, epoch)))
    }
}

impl fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Snapshot").field("set", &self.set).finish_non_exhaustive()
    }
}
