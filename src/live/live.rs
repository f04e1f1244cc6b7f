//! `Live`: the one place that trust, policy, evidence and credentials are served from.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use core::sync::atomic::{AtomicU64, Ordering};

use super::affected::{Advice, Selector, Wanted, credential_digest};
use super::error::PublishError;
use super::part::Cell;
use super::publication::{Draft, Publication};
use super::published::{Account, LiveEvents, Published};
use super::question::{Presented, Requirement};
use super::register::{Register, RegisterError, SessionId};
use super::ruling::{LivePeer, Ruling};
use super::session::Session;
use super::snapshot::{InForce, Snapshot};
use crate::credential::{
    Credential, CredentialError, CredentialEvent, CredentialEvents, CredentialHandle,
    CredentialSet, Draining, Outbox, Update,
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
    pub(super) register: Register,
    taint_grace_seconds: u32,
    outbox: Outbox<dyn LiveEvents, Result<Published, PublishError>>,
}

/// What is set once and for all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    memo_capacity: usize,
    max_sessions: usize,
    taint_grace_seconds: u32,
}

impl Settings {
    /// The defaults.
    pub const DEFAULT: Self =
        Self { memo_capacity: 16_384, max_sessions: 1_000_000, taint_grace_seconds: 3_600 };

    /// Sets for how many signatures a [`SharedMemo`] is made where the verifier comes without a memo.
    /// Default: 16,384, which take 700 KB.
    #[must_use]
    pub const fn with_memo_capacity(self, signatures: usize) -> Self {
        Self { memo_capacity: signatures, ..self }
    }

    /// Sets how many sessions the register holds at most. Default: 1,000,000; memory is taken as they
    /// come.
    #[must_use]
    pub const fn with_max_sessions(self, sessions: usize) -> Self {
        Self { max_sessions: sessions, ..self }
    }

    /// Sets how long after its authority was tainted a session should have ended. Default: an hour, in
    /// which peers have renewed their certificates under another authority.
    #[must_use]
    pub const fn with_taint_grace_seconds(self, seconds: u32) -> Self {
        Self { taint_grace_seconds: seconds, ..self }
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self::DEFAULT
    }
}

impl Live {
    /// Starts with what a verifier has, at epoch 0, without credentials, and with the default settings.
    #[must_use]
    pub fn new(verifier: Verifier) -> Self {
        Self::with_settings(verifier, Settings::DEFAULT)
    }

    /// Starts with what a verifier has, at epoch 0, without credentials. A verifier without a memo gets
    /// a [`SharedMemo`].
    #[must_use]
    pub fn with_settings(verifier: Verifier, settings: Settings) -> Self {
        let verifier = match verifier.memo() {
            Some(_) => verifier,
            None => verifier.with_memo(Arc::new(SharedMemo::with_capacity(settings.memo_capacity))),
        };
        Self(Arc::new(Shared {
            handle: CredentialHandle::new(Arc::new(InForce::new(verifier))),
            epoch: AtomicU64::new(0),
            policy: Cell::new(0),
            revocation: Cell::new(0),
            register: Register::new(settings.max_sessions),
            taint_grace_seconds: settings.taint_grace_seconds,
            outbox: Outbox::default(),
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
        let published = shared.handle.publish_then(
            now,
            |current| {
                let epoch = current.generation().saturating_add(1);
                let grace = shared.taint_grace_seconds;
                let mut draft = publication.apply(current.attached(), epoch, grace, now)?;
                let update = draft.credentials.take();
                if update.is_some() {
                    draft.own = current.iter().cloned().collect();
                }
                let update = update.unwrap_or_else(Update::nothing);
                let same = current.attached().verifier.is_same(&draft.in_force.verifier);
                let attached = if same { None } else { Some(Arc::new(draft.in_force.clone())) };
                Ok((update.attaching(attached), draft))
            },
            |set, draft, events| shared.settle(set, draft, events, now),
        );
        if let Err(error) = &published {
            shared.outbox.push([Err(PublishError::clone(error))]);
        }
        shared.outbox.deliver(|subscriber, event| match event {
            Ok(published) => subscriber.on_published(published),
            Err(error) => subscriber.on_refused(error),
        });
        published
    }

    /// Enters a session of a peer in the register, until the session is dropped. Publications say from
    /// then on whether it is affected: what changes in what its peer rests on, and in `own`, the
    /// credential of one's own that was presented to the peer.
    ///
    /// # Errors
    /// [`RegisterError`]: the register is full, or the peer does not stand as of `now`.
    pub fn register(
        &self,
        peer: &LivePeer,
        own: Option<&Credential>,
        now: Time,
    ) -> Result<Session, RegisterError> {
        Session::enter(&self.0, peer, own, now)
    }

    /// Returns the peer of a session, while the session is in the register.
    #[must_use]
    pub fn session(&self, id: SessionId) -> Option<LivePeer> {
        self.0.register.find(id)
    }

    /// Returns how many sessions are in the register.
    #[must_use]
    pub fn sessions(&self) -> usize {
        self.0.register.len()
    }

    /// Returns the last moment at which a session of the peer should be open, unless the peer is asked
    /// again by then: what its answer rests on runs out then, or its authority is tainted.
    #[must_use]
    pub fn close_by(&self, peer: &LivePeer) -> Time {
        let grace = i64::from(self.0.taint_grace_seconds);
        let tainted = peer.tainted_since().map(|since| since.saturating_add(grace));
        tainted.map_or(peer.valid_until(), |by| by.min(peer.valid_until()))
    }

    /// Tells `subscriber` of every publication from now on, until it is dropped. Returns the state from
    /// which on it is told.
    #[must_use = "the state says from where on publications are told"]
    pub fn subscribe<S: LiveEvents + 'static>(&self, subscriber: &Arc<S>) -> Snapshot {
        let subscriber: Arc<dyn LiveEvents> = subscriber.clone();
        self.0.outbox.subscribe(&subscriber);
        self.snapshot()
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
        now: Time,
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
        // After the epoch: see the register on sessions that come meanwhile.
        let in_force = set.attached();
        let mut wanted = draft.wanted;
        wanted.extend(draft.own.iter().filter_map(|own| gone(own, set)));
        let published = Published(Arc::new(Account {
            epoch,
            fence: in_force.fence,
            changed: draft.changed,
            tightened: draft.tightened,
            // That something was published beside the credentials is told by everything else.
            credentials: events
                .iter()
                .filter(|event| !matches!(event, CredentialEvent::AttachedChanged { .. }))
                .cloned()
                .collect(),
            affected: self.register.affected(&wanted, in_force, now),
        }));
        // While other writers wait, so that subscribers hear of publications in their order.
        self.outbox.push([Ok(published.clone())]);
        published
    }
}

/// What is to be done about sessions in which a credential was presented that is not in the set.
fn gone(own: &Arc<Credential>, set: &CredentialSet<InForce>) -> Option<Wanted> {
    if set.iter().any(|held| Arc::ptr_eq(held, own)) {
        return None;
    }
    let replaced = set.iter().any(|held| held.identity().primary() == own.identity().primary());
    let (advice, cause) = match replaced {
        true => (Advice::CloseBy(own.valid_until()), "credential.event.replaced"),
        false => (Advice::Close, "credential.event.withdrawn"),
    };
    Some(Wanted { selector: Selector::Credential(credential_digest(own)), advice, cause })
}

impl fmt::Debug for Live {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Live")
            .field("epoch", &self.0.epoch.load(Ordering::Relaxed))
            .finish_non_exhaustive()
    }
}
