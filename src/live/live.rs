//! `Live`: the one place that trust, policy, evidence and credentials are served from.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use core::sync::atomic::{AtomicU64, Ordering};

use super::error::PublishError;
use super::part::Cell;
use super::publication::{Draft, Publication};
use super::published::{Account, Published};
use super::question::{Presented, Requirement};
use super::ruling::Ruling;
use super::snapshot::{InForce, Snapshot};
use crate::credential::{
    CredentialError, CredentialEvent, CredentialEvents, CredentialHandle, CredentialSet, Draining,
    Update,
};
use crate::signature::SharedMemo;
use crate::verify::Verifier;
use crate::x509::Time;

/// Serves trust, policy, evidence and credentials to any number of threads. Cheap to clone: clones are
/// one and the same.
#[derive(Clone)]
pub struct Live(pub(super) Arc<Shared>);

/// What clones share.
pub(super) struct Shared {
    pub(super) handle: CredentialHandle<InForce>,
    /// The last publication that is in force for everybody: its cells are raised, and readers see it.
    pub(super) epoch: AtomicU64,
    pub(super) policy: Arc<Cell>,
    pub(super) revocation: Arc<Cell>,
}

impl Live {
    /// Signatures that are remembered where the verifier comes without a memo.
    pub const MEMO: usize = 16_384;

    /// Starts with what a verifier has, at epoch 0, without credentials. A verifier without a memo gets
    /// a [`SharedMemo`] for [`Live::MEMO`] signatures.
    #[must_use]
    pub fn new(verifier: Verifier) -> Self {
        let verifier = match verifier.memo() {
            Some(_) => verifier,
            None => verifier.with_memo(Arc::new(SharedMemo::with_capacity(Self::MEMO))),
        };
        Self(Arc::new(Shared {
            handle: CredentialHandle::new(Arc::new(InForce::new(verifier))),
            epoch: AtomicU64::new(0),
            policy: Cell::new(0),
            revocation: Cell::new(0),
        }))
    }

    /// Returns everything in force: one consistent state, however long it is held. Never waits.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        Snapshot { shared: self.0.clone(), set: self.0.handle.snapshot() }
    }

    /// Decides under what is in force; see [`Snapshot::decide`]. Never waits.
    #[must_use]
    pub fn decide(
        &self,
        requirement: &Arc<Requirement>,
        presented: &Presented<'_>,
        now: Time,
    ) -> Ruling {
        self.0.handle.look(|set| {
            let in_force = set.attached();
            let decision = in_force.verifier.decide(&requirement.request(presented), now);
            Ruling::new(&self.0, in_force, set.generation(), requirement, presented, decision)
        })
    }

    /// Puts a publication in force, all of it in one instant, and says what it did. Readers never wait;
    /// other publications do.
    ///
    /// # Errors
    /// [`PublishError`]; what was in force stays in force.
    pub fn publish(&self, publication: Publication, now: Time) -> Result<Published, PublishError> {
        let shared = &self.0;
        shared.handle.publish_then(
            now,
            |current| {
                let epoch = current.generation().saturating_add(1);
                let mut draft = publication.apply(current.attached(), epoch)?;
                let update = draft.credentials.take().unwrap_or_else(Update::nothing);
                let same = current.attached().verifier.is_same(&draft.in_force.verifier);
                let attached = if same { None } else { Some(Arc::new(draft.in_force.clone())) };
                Ok((update.attaching(attached), draft))
            },
            |set, draft, events| shared.settle(set, draft, events),
        )
    }

    /// Tells `subscriber` of everything that happens to one's own credentials from now on, until it is
    /// dropped. Returns the state from which on it is told.
    #[must_use = "the state says from where on events are told"]
    pub fn subscribe_credentials<S: CredentialEvents + 'static>(
        &self,
        subscriber: &Arc<S>,
    ) -> Snapshot {
        Snapshot { shared: self.0.clone(), set: self.0.handle.subscribe(subscriber) }
    }

    /// Tells subscribers of a failure before there were credentials to publish: of the issuer, of a disk.
    pub fn report(&self, error: CredentialError) {
        self.0.handle.report(error);
    }

    /// Returns which of one's own credentials, replaced or withdrawn, are still held, the oldest first.
    pub fn draining(&self) -> Vec<Draining> {
        self.0.handle.draining()
    }
}

impl Shared {
    /// Tells everybody of what is in force since this moment. Writers wait meanwhile.
    fn settle(
        &self,
        set: &Arc<CredentialSet<InForce>>,
        draft: Draft,
        events: &[CredentialEvent],
    ) -> Published {
        let epoch = set.generation();
        // INVARIANT: the cells are raised after the swap and before the epoch: whoever sees the epoch
        // sees the cells, and whoever finds a cell raised finds what raised it.
        draft.cells.iter().for_each(|cell| cell.raise(epoch));
        draft.retired.iter().for_each(|cell| cell.retire());
        if draft.policy_changed {
            self.policy.raise(epoch);
        }
        if draft.revocation_changed {
            self.revocation.raise(epoch);
        }
        self.epoch.fetch_max(epoch, Ordering::Release);
        Published(Arc::new(Account {
            epoch,
            fence: set.attached().fence,
            changed: draft.changed,
            tightened: draft.tightened,
            credentials: events.to_vec(),
        }))
    }
}

impl fmt::Debug for Live {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Live")
            .field("epoch", &self.0.epoch.load(Ordering::Relaxed))
            .finish_non_exhaustive()
    }
}
