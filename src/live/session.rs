//! `Session`: the place of one live session in the register.

use alloc::boxed::Box;
use alloc::sync::Arc;
use core::fmt;

use super::affected::credential_digest;
use super::live::Shared;
use super::register::{RegisterError, SessionId};
use super::ruling::LivePeer;
use super::standing::{Lapse, Standing};
use crate::credential::Credential;
use crate::x509::Time;

/// Decisions that a publication each may overtake before a session is left to be asked again.
const ROUNDS: usize = 8;

/// A live session in the register, until it is dropped.
#[must_use = "a session leaves the register when it is dropped"]
pub struct Session {
    shared: Arc<Shared>,
    id: SessionId,
    peer: LivePeer,
    own: Option<Box<[u8; 32]>>,
}

impl Session {
    /// Enters a session, and then asks whether its peer still stands.
    pub(super) fn enter(
        shared: &Arc<Shared>,
        peer: &LivePeer,
        own: Option<&Credential>,
        now: Time,
    ) -> Result<Self, RegisterError> {
        let own = own.map(credential_digest).map(Box::new);
        let id = shared.register.enter(peer, own.as_deref())?;
        let session = Self { shared: shared.clone(), id, peer: peer.clone(), own };
        session.check(now).map(|()| session)
    }

    /// INVARIANT: asked after the entry, so that what was published before it is heard of here, and what
    /// is published later finds the entry.
    fn check(&self, now: Time) -> Result<(), RegisterError> {
        match self.peer.ask(now) {
            Standing::Current => Ok(()),
            Standing::AskAgain => Err(RegisterError::AskAgain),
            Standing::Lapsed(lapse) => Err(RegisterError::Lapsed(lapse.clone())),
        }
    }

    /// Returns what [`Affected::session`](super::Affected::session) names it by.
    #[must_use]
    pub const fn id(&self) -> SessionId {
        self.id
    }

    /// Returns the peer.
    #[must_use]
    pub const fn peer(&self) -> &LivePeer {
        &self.peer
    }

    /// Says whether the peer still is who it is; see [`LivePeer::ask`].
    #[inline]
    #[must_use]
    pub fn ask(&self, now: Time) -> Standing<'_> {
        self.peer.ask(now)
    }

    /// Asks the peer again, see [`LivePeer::ask_again`], and keeps the answer. Where publications come
    /// faster than decisions, [`Session::ask`] may say at once that it must be asked again.
    ///
    /// # Errors
    /// Why the peer is refused from now on: close the session.
    pub fn ask_again(&mut self, now: Time) -> Result<(), Lapse> {
        for _ in 0..ROUNDS {
            let peer = self.peer.ask_again(now)?;
            self.shared.register.replace(self.id, &self.peer, &peer, self.own.as_deref());
            self.peer = peer;
            match self.check(now) {
                Err(RegisterError::AskAgain) => {}
                Err(RegisterError::Lapsed(lapse)) => return Err(lapse),
                Ok(()) | Err(RegisterError::Full { .. }) => break,
            }
        }
        Ok(())
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.shared.register.remove(self.id, &self.peer, self.own.as_deref());
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").field("id", &self.id).field("peer", &self.peer).finish()
    }
}
